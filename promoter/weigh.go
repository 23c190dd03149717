package promoter

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// weigh turns what was seen of a merged pull into where it stands.
func (p *planner) weigh(t *trial, q Question, d Delivery) {
	t.evidence = evidenceOf(d)
	if d.Unknown != "" {
		t.why, t.unread = d.Unknown, true
		return
	}
	if why := unanswered(q.Reached, d.Apps); why != "" {
		t.why = why
		return
	}
	c := p.gather(t, d.Apps)
	if c.failed != nil && c.failed.Attributable && !t.branch.Revert {
		p.condemn(t, c.failed.App+" in "+c.failed.Environment+": "+c.failed.Reason)
		return
	}
	if g := failedGate(d.Gates); g != nil && !t.branch.Revert {
		p.condemn(t, "gate "+g.Gate+placed(g.At)+": "+g.Reason)
		return
	}
	if t.branch.Revert && p.pol.Ends {
		p.unblock(t, d.Apps)
	}
	if c.worst != nil {
		t.why, t.until = describeWorst(c, len(d.Apps), t.branch.Revert), c.worst.Until
		p.wake(t.until)
		if c.worst.Outcome == Failed || c.worst.Outcome == Rewritten {
			t.person = c.worst.App + ": " + c.worst.Reason
			t.asks = "a person is needed"
			if t.branch.Revert && c.worst.Outcome == Failed {
				t.person = "the revert does not heal it: " + t.person
				t.asks += ": the revert does not heal it"
			}
		}
		return
	}
	if file := p.unseen(t.pull); file != "" {
		t.why = file + ", which it wrote, cannot be read now: nobody knows what it reaches"
		return
	}
	if t.converged.IsZero() {
		t.why = "all of it runs the commit"
		p.seal(t, StageConverged, Pass, convergedText(len(d.Apps), c))
		return
	}
	if t.branch.Revert {
		p.seal(t, StageVerdict, Pass, "restored: "+convergedText(len(d.Apps), c))
		return
	}
	if why, until := p.gatesWait(t, q, d); why != "" {
		t.why, t.until = why, until
		p.wake(until)
		return
	}
	text := convergedText(len(d.Apps), c)
	if n := len(d.Gates); n > 0 {
		text += ", " + count(n, "gate") + " passed"
	}
	p.seal(t, StageVerdict, Pass, text)
	t.why = "everything has passed, and is recorded now"
}

// condemn records a failure that the change is to blame for: the evidence
// first, then the seal, and only what is sealed is acted on.
func (p *planner) condemn(t *trial, reason string) {
	t.why, t.condemned = "failed: "+reason, true
	if !t.byHand && p.recorded(t.pull.Branch) == nil && !p.obs.Merging.Silent {
		if p.obs.TalkUnknown == "" {
			p.act(WriteRecord{Number: t.pull.Number, Title: reason, Record: Record{Branch: t.pull.Branch, Lines: t.evidence}})
			return
		}
	}
	p.seal(t, StageVerdict, Fail, reason)
}

// unblock ends the operations that keep a revert out.
func (p *planner) unblock(t *trial, apps []Convergence) {
	for _, a := range apps {
		if a.Stuck != "" {
			p.act(EndOperation{App: a.App, Environment: a.Environment, Cluster: a.Cluster, Number: t.pull.Number, Commit: t.pull.Merge, Why: a.Stuck})
		}
	}
}

// census is where the applications of a trial are.
type census struct {
	worst  *Convergence // the one that speaks for all that have not converged
	failed *Convergence
	done   int
	aside  []string // places that cannot be reached, set aside
}

// gather looks at all applications of a trial. Places that cannot be reached
// are set aside when a quorum of the others has converged and patience is at
// its end: they are never counted as good.
func (p *planner) gather(t *trial, apps []Convergence) census {
	var c census
	type place struct{ environment, tenant, cluster string }
	blind, all := map[place]bool{}, map[place]bool{}
	for i := range apps {
		at := place{apps[i].Environment, apps[i].Tenant, apps[i].Cluster}
		all[at] = true
		if apps[i].Outcome == Blind {
			blind[at] = true
		}
	}
	setAside := p.mayset(t, len(blind), len(all))
	for i := range apps {
		a := &apps[i]
		switch {
		case a.Outcome == Converged:
			c.done++
			continue
		case setAside && blind[place{a.Environment, a.Tenant, a.Cluster}] && a.Outcome == Blind:
			c.aside = append(c.aside, cmp.Or(a.Cluster, a.Environment))
			continue
		}
		if a.Outcome == Failed && (c.failed == nil || a.Attributable && !c.failed.Attributable) {
			c.failed = a
		}
		if c.worst == nil || gravity[a.Outcome] > gravity[c.worst.Outcome] {
			c.worst = a
		}
	}
	slices.Sort(c.aside)
	c.aside = slices.Compact(c.aside)
	return c
}

func (p *planner) mayset(t *trial, blind, all int) bool {
	if t.wave < 0 || blind == 0 {
		return false
	}
	quorum := p.pol.Waves[t.wave].Quorum
	return quorum > 0 && (all-blind)*100 >= quorum*all && p.now.Sub(t.pull.MergedAt) >= p.patience()
}

func (p *planner) patience() time.Duration {
	if p.pol.Patience > 0 {
		return p.pol.Patience
	}
	return defaultPatience
}

var gravity = map[Outcome]int{Pending: 1, Superseded: 2, Blocked: 3, Blind: 4, Failed: 5, Rewritten: 6}

func describeWorst(c census, all int, revert bool) string {
	text := c.worst.App
	if all > 1 {
		text = fmt.Sprintf("%d of %s run it; %s", c.done, count(all, "application"), c.worst.App)
	}
	if c.worst.Environment != "" {
		text += " in " + c.worst.Environment
	}
	text += fmt.Sprintf(" is %s: %s", c.worst.Outcome, c.worst.Reason)
	if c.worst.Outcome == Failed && !revert {
		text += " (not the change's fault by what is seen: nothing is reverted)"
	}
	return text
}

func convergedText(apps int, c census) string {
	if len(c.aside) == 0 {
		return count(apps, "application") + " converged"
	}
	return fmt.Sprintf("%d of %s converged, set aside as not reachable: %s", c.done, count(apps, "application"), strings.Join(c.aside, ", "))
}

// unanswered says which of the places asked about the answer leaves out:
// nothing about nobody is no good news.
func unanswered(reached []Reached, apps []Convergence) string {
	told := make(map[Reached]bool, len(apps))
	for _, a := range apps {
		told[Reached{Environment: a.Environment, Tenant: a.Tenant, Cluster: a.Cluster, App: a.App}] = true
		told[Reached{Environment: a.Environment, Tenant: a.Tenant}] = true
	}
	for _, r := range reached {
		r.Wave = 0
		if r.App == "" {
			r.Cluster = ""
		}
		if !told[r] {
			if r.App == "" {
				return "no application is known in " + r.Environment + " that reads what it changes"
			}
			return "nothing was said of " + r.App + " in " + r.Environment
		}
	}
	if len(apps) == 0 {
		return "no application is known that reads what it changes"
	}
	return ""
}

func failedGate(gates []GateVerdict) *GateVerdict {
	for i := range gates {
		if gates[i].Level == Fail {
			return &gates[i]
		}
	}
	return nil
}

// gatesWait says what still stands between a converged pull and its verdict:
// the soak, and every gate that has not passed.
func (p *planner) gatesWait(t *trial, q Question, d Delivery) (string, time.Time) {
	told := map[Probe]Verdict{}
	for _, g := range d.Gates {
		told[g.Probe] = g.Verdict
	}
	waits, passed := "", 0
	var until time.Time
	for _, probe := range q.Probes {
		v, ok := told[probe]
		switch {
		case !ok:
			v = Verdict{Level: Unknown, Reason: "nothing was said of it"}
			fallthrough
		case v.Level != Pass:
			if waits == "" {
				waits = "gate " + probe.Gate + placed(probe.At) + ": " + v.Reason
			}
			if !v.Until.IsZero() && (until.IsZero() || v.Until.Before(until)) {
				until = v.Until
			}
		default:
			passed++
		}
	}
	if waits != "" {
		if len(q.Probes) > 1 {
			waits = fmt.Sprintf("%d of %s passed; %s", passed, count(len(q.Probes), "gate"), waits)
		}
		return waits, until
	}
	if end := t.converged.Add(p.soakOf(t)); p.now.Before(end) {
		return "it soaks until " + stamp(end), end
	}
	return "", time.Time{}
}

func (p *planner) soakOf(t *trial) time.Duration {
	soak := time.Duration(0)
	if t.wave >= 0 {
		soak = p.pol.Waves[t.wave].Soak
	}
	return max(soak, p.pol.Classes[t.class].Soak)
}

func placed(r Reached) string {
	var parts []string
	for _, s := range []string{r.Environment, r.Tenant, r.Cluster, r.App} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// evidenceOf is what was seen, a line each.
func evidenceOf(d Delivery) []string {
	var out []string
	for _, a := range d.Apps {
		out = append(out, fmt.Sprintf("%s%s: %s: %s", a.App, placed(Reached{Environment: a.Environment, Tenant: a.Tenant, Cluster: a.Cluster}), a.Outcome, a.Reason))
		for _, e := range a.Evidence {
			out = append(out, "  "+e)
		}
	}
	for _, g := range d.Gates {
		word := g.Level.String() + ": "
		if g.Level == Fail && strings.HasPrefix(g.Reason, "failed") {
			word = "" // it says so itself
		}
		out = append(out, fmt.Sprintf("gate %s%s: %s%s", g.Gate, placed(g.At), word, g.Reason))
		for _, e := range g.Evidence {
			out = append(out, "  "+e)
		}
	}
	return out
}

// beg asks for a person where a trial does not come to an end by itself.
func (p *planner) beg(t *trial) {
	if t.standing != unproven || t.person != "" || t.condemned || t.sealing || t.pull.MergedAt.IsZero() {
		return
	}
	since := t.pull.MergedAt
	if !t.converged.IsZero() {
		since = t.converged.Add(p.soakOf(t))
	}
	due := since.Add(p.patience())
	switch {
	case p.now.Before(due):
		p.wake(due)
	case t.until.After(p.now):
		// a gate that says when it will have looked enough is not stuck
	default:
		t.person = "unproven since " + stamp(t.pull.MergedAt) + ": " + t.why
		t.asks = "a person is needed: it is unproven since " + stamp(t.pull.MergedAt)
	}
}
