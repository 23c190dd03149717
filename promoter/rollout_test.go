package promoter

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// delivering is a world with an engine: it answers what a decision asks, and
// every minute is a process that knows nothing.
type delivering struct {
	*world
	sealed   map[string][]Seal
	outcome  map[string]Convergence // by environment
	gate     map[string]Verdict     // by environment
	ill      map[string]string      // before a merge, by environment
	against  map[string][]string    // before a merge, by environment
	records  []Record
	tickets  []Ticket
	remarks  []Remark
	done     []string
	unread   string // why seals cannot be read
	silences []Silence
	quiet    bool // silences are somebody else's to keep
}

func newDelivering(t testing.TB) *delivering {
	w := &delivering{world: threeWaves(t), sealed: map[string][]Seal{}, outcome: map[string]Convergence{}, gate: map[string]Verdict{}, ill: map[string]string{}, against: map[string][]string{}}
	w.policy.Delivers = true
	w.policy.Reverts = MergeAutomatic
	w.policy.Classes = map[Class]ClassPolicy{C3: {Merge: MergeAutomatic}}
	return w
}

func (w *delivering) look() Decision {
	return Plan(w.known(), w.policy, w.now)
}

// known is an observation with everything that its decision asks for.
func (w *delivering) known() Observation {
	o := w.world.observe()
	o.Records, o.Tickets, o.Remarks = w.records, w.tickets, w.remarks
	o.Sealings, o.Deliveries = map[string]Sealing{}, map[string]Delivery{}
	for range 6 {
		d := Plan(o, w.policy, w.now)
		if len(d.Questions) == 0 {
			return o
		}
		for _, q := range d.Questions {
			switch q.About {
			case AboutSeals:
				o.Sealings[q.Key] = Sealing{Seals: w.sealed[q.Commit], Unknown: w.unread}
			case AboutDelivery, AboutReadiness:
				o.Deliveries[q.Key] = w.answer(q)
			case AboutApprovals, AboutOrigin:
				w.t.Fatalf("nothing is known of %+v", q)
			}
		}
	}
	w.t.Fatal("questions without end")
	return o
}

func (w *delivering) answer(q Question) Delivery {
	var d Delivery
	for _, r := range q.Reached {
		c, ok := w.outcome[r.Environment]
		if ill := w.ill[r.Environment]; q.About == AboutReadiness && ill != "" {
			c = Convergence{Outcome: Failed, Reason: ill}
		} else if !ok || q.About == AboutReadiness {
			c = Convergence{Outcome: Converged, Reason: "it runs"}
		}
		c.App, c.Environment, c.Tenant, c.Cluster = r.App, r.Environment, r.Tenant, r.Cluster
		c.Attributable = c.Attributable && q.Healthy
		d.Apps = append(d.Apps, c)
		if q.About == AboutReadiness {
			d.Against = append(d.Against, w.against[r.Environment]...)
		}
	}
	for _, p := range q.Probes {
		v, ok := w.gate[p.At.Environment]
		if !ok || q.About == AboutReadiness {
			v = Verdict{Level: Pass, Reason: "good"}
		}
		d.Gates = append(d.Gates, GateVerdict{Probe: p, Verdict: v, Evidence: []string{"0.12 at noon"}})
	}
	return d
}

// settle looks and acts until nothing is to be done.
func (w *delivering) settle() []string {
	w.t.Helper()
	w.done = nil
	for range 60 {
		d := w.look()
		if len(d.Actions) == 0 {
			return w.done
		}
		acted := false
		for _, a := range d.Actions {
			if _, is := a.(KeepSilence); is && w.quiet {
				continue
			}
			acted = true
			w.done = append(w.done, a.String())
			w.act(a)
		}
		if !acted {
			return w.done
		}
	}
	w.t.Fatalf("no rest; the last actions: %q", w.done[len(w.done)-5:])
	return nil
}

func (w *delivering) act(a Action) {
	switch a := a.(type) {
	case Merge:
		p := w.pull(a.Number)
		if p.State != PullOpen || p.Head != a.Head {
			w.t.Fatalf("%s: it is %s at %s", a, p.State, p.Head)
		}
		w.merge(a.Number)
		p.Merge, p.MergedAt = fmt.Sprintf("m%039d", a.Number), w.now
	case WriteSeal:
		s := a.Seal
		s.At = w.now
		w.sealed[s.Commit] = append(w.sealed[s.Commit], s)
	case WriteRecord:
		w.records = append(w.records, a.Record)
	case Label:
		p := w.pull(a.Number)
		p.Labels = append(p.Labels, a.Add...)
		p.Labels = slices.DeleteFunc(p.Labels, func(l string) bool { return slices.Contains(a.Remove, l) })
	case OpenTicket:
		w.tickets = append(w.tickets, Ticket{Number: 100 + len(w.tickets), Title: a.Title, Key: a.Key, Stop: a.Stop, Open: true})
	case CloseTicket:
		for i := range w.tickets {
			if w.tickets[i].Number == a.Number {
				w.tickets[i].Open = false
			}
		}
	case Reply:
		for i := range w.remarks {
			if w.remarks[i].Comment == a.Comment {
				w.remarks[i].Answered = true
			}
		}
	default:
		w.world.act(a)
		if o, ok := a.(Open); ok && o.Say != nil {
			w.said(o.Branch, *o.Say)
		}
		if u, ok := a.(Update); ok && u.Say != nil {
			w.said(u.Branch, *u.Say)
		}
	}
}

func (w *delivering) said(branch string, n Notice) {
	for i := range w.pulls {
		if w.pulls[i].Branch == branch {
			w.pulls[i].Said = n.Digest()
		}
	}
}

func (w *delivering) line(env string) string {
	for _, l := range w.look().Lines {
		if l.Environment == env {
			return l.String()
		}
	}
	return ""
}

func (w *delivering) expect(env string, parts ...string) {
	w.t.Helper()
	got := w.line(env)
	for _, part := range parts {
		if !strings.Contains(got, part) {
			w.t.Errorf("line of %s: %q does not say %q", env, got, part)
		}
	}
}

func (w *delivering) version(env string) string {
	for _, p := range w.pins {
		if p.Environment == env {
			return p.Version
		}
	}
	return ""
}

func (w *delivering) versions() string {
	return w.version("dev") + " " + w.version("staging") + " " + w.version("production")
}

func TestAGoodReleaseTravelsThroughTheWaves(t *testing.T) {
	t.Parallel()
	w := newDelivering(t)
	w.outcome["dev"] = Convergence{Outcome: Pending, Reason: "syncing"}
	w.settle()
	if got := w.versions(); got != "1.1.0 1.0.0 1.0.0" {
		t.Fatalf("versions %s", got)
	}
	w.expect("dev", "verifying", "redis in dev is pending: syncing")
	w.expect("staging", "open", "for wave dev: #1")
	delete(w.outcome, "dev")
	w.policy.Waves[0].Soak = 10 * time.Minute
	w.settle()
	w.expect("dev", "soaks until")
	if w.look().Wake != w.now.Add(10*time.Minute) {
		t.Errorf("wake at %s", w.look().Wake)
	}
	w.now = w.now.Add(10 * time.Minute)
	w.settle()
	if got := w.versions(); got != "1.1.0 1.1.0 1.1.0" {
		t.Fatalf("versions %s after %q", got, w.done)
	}
	if again := w.settle(); len(again) != 0 {
		t.Errorf("at rest, and yet: %q", again)
	}
}

func TestABadReleaseIsFrozenAndTakenBack(t *testing.T) {
	t.Parallel()
	w := newDelivering(t)
	w.outcome["staging"] = Convergence{Outcome: Failed, Attributable: true, Reason: "Degraded: 3 of 3 pods crash"}
	w.settle()
	if got := w.versions(); got != "1.1.0 1.0.0 1.0.0" {
		t.Fatalf("versions %s after %q", got, w.done)
	}
	text := strings.Join(w.done, "\n")
	for _, want := range []string{"record on #2", "seal #2 as fail", "revert staging: redis 1.1.0 -> 1.0.0"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q was not done:\n%s", want, text)
		}
	}
	delete(w.outcome, "staging")
	w.settle()
	w.expect("staging", "taken back in staging by #", "quarantined")
	w.expect("production", "taken back in staging by #", "quarantined")
	w.offered[redisChart] = append(w.offered[redisChart], "1.2.0")
	w.settle()
	if got := w.versions(); got != "1.2.0 1.2.0 1.2.0" {
		t.Errorf("a newer version is free to go: %s", got)
	}
}

// Two that look at the same moment may seal the same merge differently.
func TestAFailureIsNotHiddenByWhatIsWrittenAfterIt(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	seal := func(v Level, after time.Duration) Seal {
		return Seal{Stage: StageVerdict, Verdict: v, At: at.Add(after)}
	}
	for name, seals := range map[string][]Seal{
		"passed afterwards": {seal(Fail, 0), seal(Pass, time.Second)},
		"passed before":     {seal(Pass, 0), seal(Fail, time.Second)},
		"at once":           {seal(Fail, 0), seal(Pass, 0)},
	} {
		if got := newestSeal(seals, StageVerdict, ""); got == nil || got.Verdict != Fail {
			t.Errorf("%s: got %v, want a failure", name, got)
		}
	}
	if got := newestSeal([]Seal{seal(Pass, time.Second), seal(Pass, 0)}, StageVerdict, ""); !got.At.Equal(at.Add(time.Second)) {
		t.Errorf("of two that passed, got that of %s", got.At)
	}
	if newestSeal([]Seal{seal(Pass, 0)}, StageConverged, "") != nil {
		t.Error("a verdict counts as another stage")
	}
}

// A forge that was cut off while it merged has the merge in Git, and the pull
// still open.
func TestAPullThatWasMergedUnnoticedIsClosed(t *testing.T) {
	w := newDelivering(t)
	branch := Branch{Change: "redis-1.1.0-0badcafe", Wave: slug(w.policy.Waves[0].Name, maxSlug)}.String()
	w.pulls = append(w.pulls, Pull{Number: 77, Branch: branch, Head: "head-77", State: PullOpen, Foreign: true, Empty: true, UpdatedAt: w.now})
	closes := func(d Decision) bool {
		return slices.ContainsFunc(d.Actions, func(a Action) bool { c, ok := a.(Close); return ok && c.Number == 77 })
	}
	d := w.look()
	if closes(d) || d.Wake.IsZero() || d.Wake.After(w.now.Add(emptyFor)) {
		t.Errorf("at first it may be a list that lags: closed %v, wakes at %s", closes(d), d.Wake)
	}
	w.now = w.now.Add(emptyFor)
	if !closes(w.look()) {
		t.Error("it is never closed")
	}
}

// While its merge is being proven it stays: it is as much a merge as any.
func TestAnUnnotedMergeIsProvenLikeAnyOther(t *testing.T) {
	w := newDelivering(t)
	env := "dev"
	w.outcome[env] = Convergence{Outcome: Pending, Reason: "it is being rolled out"}
	closing := func() (n int) {
		for i := range w.pulls {
			if w.pulls[i].State == PullMerged {
				w.pulls[i].Empty, w.pulls[i].UpdatedAt = true, w.now.Add(-time.Hour)
			}
		}
		for _, a := range w.look().Actions {
			if _, ok := a.(Close); ok {
				n++
			}
		}
		return n
	}
	w.settle()
	if n := closing(); n != 0 || w.pulls[0].State != PullMerged {
		t.Errorf("%d of %d pulls are closed before they are proven", n, len(w.pulls))
	}
	w.outcome[env] = Convergence{Outcome: Converged, Reason: "it runs"}
	for i := range w.pulls {
		w.pulls[i].Empty = false
	}
	w.settle()
	if n := closing(); n != len(w.pulls) {
		t.Errorf("%d of %d pulls are closed once they are proven", n, len(w.pulls))
	}
}
