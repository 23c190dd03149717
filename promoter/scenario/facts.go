package scenario

import (
	"fmt"
	"slices"
	"time"

	"promoter/promoter"
)

// appFact is what the story says of applications, from a moment on.
type appFact struct {
	place
	outcome      promoter.Outcome // Converged: it converges, after so long
	attributable bool
	stuck        bool
	gone         bool
	after        span
	reason       string
	since        time.Time
}

// gateFact is what the story says of a gate, from a moment on.
type gateFact struct {
	place
	gate   string
	level  promoter.Level
	after  span
	reason string
}

// converges is how long an application takes that nothing is said of.
const converges = time.Minute

// app is the newest fact about an application; the usual one when there is
// none.
func (w *world) app(r promoter.Reached) appFact {
	for _, f := range slices.Backward(w.apps) {
		if f.fits(r.Environment, r.Tenant, r.Cluster, r.App) && (f.version == "" || f.version == w.reads(r)) {
			return f
		}
	}
	return appFact{outcome: promoter.Converged, after: converges}
}

func (w *world) gate(probe promoter.Probe, reached []promoter.Reached) gateFact {
	for _, f := range slices.Backward(w.gates) {
		if f.gate != probe.Gate {
			continue
		}
		for _, r := range reached { // the places that the probe does not tell apart
			told := (probe.At.Environment == "" || probe.At.Environment == r.Environment) && (probe.At.Tenant == "" || probe.At.Tenant == r.Tenant) &&
				(probe.At.Cluster == "" || probe.At.Cluster == r.Cluster) && (probe.At.App == "" || probe.At.App == r.App)
			if told && f.fits(r.Environment, r.Tenant, r.Cluster, r.App) && (f.version == "" || f.version == w.reads(r)) {
				return f
			}
		}
	}
	return gateFact{gate: probe.Gate, level: promoter.Pass, after: w.takes[probe.Gate]}
}

// answer is what the world says to a question.
func (w *world) answer(q promoter.Question, o *promoter.Observation) {
	switch q.About {
	case promoter.AboutSeals:
		s := promoter.Sealing{Unknown: w.fails["seals"], Now: w.stamp()}
		if s.Unknown == "" {
			s.Seals = slices.Clone(w.seals[q.Commit])
		}
		o.Sealings[q.Key] = s
	case promoter.AboutApprovals:
		o.Approvals[q.Key] = w.approvals(q)
	case promoter.AboutReadiness:
		o.Deliveries[q.Key] = w.readiness(q)
	case promoter.AboutDelivery:
		o.Deliveries[q.Key] = w.delivery(q)
	case promoter.AboutOrigin:
		o.Origins[q.Key] = w.origin(q)
	}
}

// recent is how long ago a commit may be for somebody to ask what it did.
const recent = 72 * time.Hour

// origin is the newest commit that wrote one of the places.
func (w *world) origin(q promoter.Question) promoter.Origin {
	newest := 0
	for _, at := range q.Places {
		for _, s := range w.files[at.File] {
			if s.key == at.Path {
				newest = max(newest, s.since)
			}
		}
	}
	at := w.commits[newest].at
	if newest == 0 || w.now.Sub(at) > recent {
		return promoter.Origin{Old: true}
	}
	return promoter.Origin{Commit: w.commit(newest), At: at}
}

func about(r promoter.Reached) promoter.Convergence {
	return promoter.Convergence{App: r.App, Environment: r.Environment, Tenant: r.Tenant, Cluster: r.Cluster}
}

// readiness is how things stand before a merge.
func (w *world) readiness(q promoter.Question) promoter.Delivery {
	var d promoter.Delivery
	for _, r := range q.Reached {
		f, c := w.app(r), about(r)
		c.Outcome, c.Reason = f.outcome, f.reason
		switch {
		case f.gone:
			continue
		case f.outcome == promoter.Blocked:
			d.Against = append(d.Against, fmt.Sprintf("%s in %s: %s", r.App, r.Environment, f.reason))
		case f.outcome == promoter.Converged:
			c.Reason = "healthy"
		}
		d.Apps = append(d.Apps, c)
	}
	for _, probe := range q.Probes {
		f := w.gate(probe, q.Reached)
		v := promoter.Verdict{Level: f.level, Reason: f.reason}
		if f.level == promoter.Pass || f.after > 0 {
			v = promoter.Verdict{Level: promoter.Pass, Reason: "it sees, and all is well"}
		}
		d.Gates = append(d.Gates, promoter.GateVerdict{Probe: probe, Verdict: v})
	}
	return d
}

// delivery is how far a merged pull has come.
func (w *world) delivery(q promoter.Question) promoter.Delivery {
	var d promoter.Delivery
	merged := w.now
	for n, c := range w.commits {
		if w.commit(n) == q.Commit {
			merged = c.at
		}
	}
	for _, r := range q.Reached {
		f, c := w.app(r), about(r)
		if f.gone {
			continue
		}
		c.Commit, c.Outcome, c.Reason, c.Since = q.Commit, f.outcome, f.reason, f.since
		c.Attributable = f.attributable && q.Healthy && f.outcome == promoter.Failed
		if f.stuck {
			c.Stuck = f.reason
		}
		if f.outcome == promoter.Converged {
			from := merged
			if f.since.After(from) {
				from = f.since
			}
			c.Reason = "runs " + q.Commit + ", healthy"
			if done := from.Add(f.after); w.now.Before(done) {
				c.Outcome, c.Reason, c.Until = promoter.Pending, "it is being brought to "+q.Commit, done
			}
		}
		d.Apps = append(d.Apps, c)
	}
	for _, probe := range q.Probes {
		d.Gates = append(d.Gates, promoter.GateVerdict{Probe: probe, Verdict: w.judged(w.gate(probe, q.Reached), q)})
	}
	return d
}

// judged is what a gate says since a merge. It does not look before all has
// converged.
func (w *world) judged(f gateFact, q promoter.Question) promoter.Verdict {
	if q.Converged.IsZero() {
		return promoter.Verdict{Level: promoter.Hold, Reason: "it looks when all has converged"}
	}
	if due := q.Converged.Add(f.after); w.now.Before(due) {
		return promoter.Verdict{Level: promoter.Hold, Reason: "it is looking", Until: due}
	}
	if f.level == promoter.Pass {
		return promoter.Verdict{Level: promoter.Pass, Reason: "within its bounds"}
	}
	return promoter.Verdict{Level: f.level, Reason: f.reason}
}

func (w *world) approvals(q promoter.Question) promoter.Approvals {
	a := promoter.Approvals{Unknown: w.fails["talk"]}
	p := w.pull(q.Pull)
	if p == nil || a.Unknown != "" {
		return a
	}
	add := func(list *[]string, who string) {
		if !slices.Contains(*list, who) {
			*list = append(*list, who)
		}
	}
	for _, r := range p.reviews {
		switch {
		case r.against:
			add(&a.Against, r.by)
		case r.head == q.Head:
			a.Against = slices.DeleteFunc(a.Against, func(s string) bool { return s == r.by })
			add(&a.By, r.by)
			if len(q.From) == 0 || slices.Contains(q.From, r.by) {
				add(&a.Allowed, r.by)
			}
		}
	}
	return a
}

var outcomes = map[string]promoter.Outcome{
	"pending": promoter.Pending, "blind": promoter.Blind, "blocked": promoter.Blocked, "stuck": promoter.Pending,
	"superseded": promoter.Superseded, "rewritten": promoter.Rewritten, "degraded": promoter.Failed,
}

// appStep reads "staging/redis degraded "…" attributable".
func appStep(ws *words) (func(*teller) error, error) {
	at, err := ws.place()
	if err != nil {
		return nil, err
	}
	word, err := ws.next("how it is")
	if err != nil {
		return nil, err
	}
	f := appFact{place: at, outcome: outcomes[word], stuck: word == "stuck", gone: word == "gone"}
	switch {
	case word == "healthy", word == "converges":
		f.outcome, f.after = promoter.Converged, converges
		if ws.eat("after") {
			if f.after, err = ws.span(); err != nil {
				return nil, err
			}
		}
	case f.gone:
	case f.outcome == "":
		return nil, fmt.Errorf("an application is not %q: write healthy, converges after 5m, degraded, pending, blind, blocked, stuck, superseded, rewritten or gone", word)
	default:
		f.reason = ws.reason(word)
		f.attributable = ws.eat("attributable")
	}
	return func(t *teller) error {
		g := f
		if word == "converges" {
			g.since = t.world.now
		}
		t.world.apps = append(t.world.apps, g)
		return nil
	}, nil
}

var levels = map[string]promoter.Level{"pass": promoter.Pass, "hold": promoter.Hold, "unknown": promoter.Unknown, "fail": promoter.Fail}

// gateStep reads "errors staging/redis fail "…" after 5m".
func gateStep(ws *words) (func(*teller) error, error) {
	name, err := ws.next("the gate's name")
	if err != nil {
		return nil, err
	}
	at, err := ws.place()
	if err != nil {
		return nil, err
	}
	word, err := oneOf(ws, "pass", "hold", "unknown", "fail")
	if err != nil {
		return nil, err
	}
	f := gateFact{place: at, gate: name, level: levels[word], reason: ws.reason(word)}
	if ws.eat("after") {
		if f.after, err = ws.span(); err != nil {
			return nil, err
		}
	}
	return func(t *teller) error {
		if !slices.ContainsFunc(t.world.policy.Gates, func(g promoter.Gate) bool { return g.Name == name }) {
			return fmt.Errorf("there is no gate %q: write gate %s in the world, or configure it", name, name)
		}
		t.world.gates = append(t.world.gates, f)
		return nil
	}, nil
}
