package sim

import (
	"context"
	"fmt"
	"slices"
	"time"

	"promoter/gitops"
	"promoter/promoter"
)

// How long clusters and gates take when nothing is wrong.
const (
	brings = time.Minute      // from a commit to its being run
	dwells = 30 * time.Second // how long it must be healthy
	grace  = time.Minute      // how long it may be ill before that is a failure
	looks  = 10 * time.Minute // how long a gate looks
)

// engine is what brings the repository to clusters, and says what it sees. Of
// two, each knows some of the applications.
type engine struct {
	world *world
	n     int
}

var (
	_ gitops.Engine = engine{}
	_ gitops.Meter  = engine{}
)

// running is the commit that an application runs, and since when it runs that
// version.
func (w *world) running(r promoter.Reached) (hash, version string, since time.Time) {
	s := w.slotOf[r]
	name := named(r)
	for i := len(w.log) - 1; i >= 0; i-- {
		m := w.log[i]
		v := w.reads(s, m.hash)
		due := w.due(name, m.at)
		if hash == "" {
			if due.After(w.now) {
				continue
			}
			hash, version, since = m.hash, v, due
			continue
		}
		if v != version {
			break
		}
		since = due
	}
	return hash, version, since
}

// due is when an application runs what was committed at a moment.
func (w *world) due(name string, at time.Time) time.Time {
	due := at.Add(brings)
	for range 2 {
		for i := range w.troubles {
			t := &w.troubles[i]
			if (t.kind == "stalled" || t.kind == "stuck" || t.kind == "lies") && (t.app == "" || t.app == name) && !due.Before(t.from) && due.Before(t.to) {
				due = t.to
			}
		}
	}
	return due
}

// ill says why an application is not healthy, since when, and whether the
// version that it runs is why.
func (w *world) ill(r promoter.Reached) (why string, since time.Time, blame bool) {
	name := named(r)
	for i := range w.troubles {
		t := &w.troubles[i]
		if (t.kind == "ill" || t.kind == "blamed") && (t.app == "" || t.app == name) && !w.now.Before(t.from) && w.now.Before(t.to) {
			return "a node is out of memory", t.from, t.kind == "blamed"
		}
	}
	_, version, from := w.running(r)
	for _, b := range w.bad {
		if !b.silent && b.artifact == w.slotOf[r].artifact && b.version == bare(version) && b.hits(r) && !w.now.Before(from.Add(b.after)) {
			return "CrashLoopBackOff", from.Add(b.after), true
		}
	}
	return "", time.Time{}, false
}

// well is since when an application has been healthy.
func (w *world) well(r promoter.Reached, since time.Time) time.Time {
	name := named(r)
	for i := range w.troubles {
		t := &w.troubles[i]
		if (t.kind == "ill" || t.kind == "blamed") && (t.app == "" || t.app == name) && !t.to.After(w.now) && t.to.After(since) {
			since = t.to
		}
	}
	return since
}

func (w *world) engines() []gitops.Engine {
	out := []gitops.Engine{engine{w, 0}}
	if w.parted {
		out = append(out, engine{w, 1})
	}
	return out
}

// knows reports whether the engine brings anything to a place.
func (e engine) knows(r promoter.Reached) bool {
	r.Wave = 0
	return e.world.slotOf[r] != nil && (!e.world.parted || (r.App == "redis") == (e.n == 0))
}

func (e engine) name() string { return fmt.Sprintf("engine %d", e.n) }

// mute reports whether an engine does not answer.
func (w *world) mute() bool {
	return w.in("engine", "engine 0") || w.parted && w.in("engine", "engine 1")
}

func (e engine) Deliver(_ context.Context, q promoter.Question, h gitops.History, now time.Time) promoter.Delivery {
	w := e.world
	var d promoter.Delivery
	if w.in("engine", e.name()) {
		return promoter.Delivery{Unknown: "the engine's API does not answer"}
	}
	for _, r := range q.Reached {
		r.Wave = 0
		if !e.knows(r) || w.in("gone", named(r)) {
			continue
		}
		c := promoter.Convergence{App: r.App, Environment: r.Environment, Tenant: r.Tenant, Cluster: r.Cluster, Commit: q.Commit}
		switch {
		case w.in("blind", named(r)):
			c.Outcome, c.Reason = promoter.Blind, "the cluster cannot be reached"
		case q.About == promoter.AboutReadiness:
			e.ready(r, &c, &d)
		default:
			e.delivered(r, q, &c)
		}
		d.Apps = append(d.Apps, c)
	}
	return d
}

// ready is how an application is before a merge.
func (e engine) ready(r promoter.Reached, c *promoter.Convergence, d *promoter.Delivery) {
	w := e.world
	why, _, _ := w.ill(r)
	switch {
	case w.in("blocked", named(r)):
		// The application itself is well: only what would be done to it waits.
		d.Against = append(d.Against, named(r)+": a sync window is closed")
		c.Outcome, c.Reason = promoter.Converged, "healthy"
	case why != "":
		c.Outcome, c.Reason = promoter.Failed, why
	default:
		c.Outcome, c.Reason = promoter.Converged, "healthy"
	}
}

// delivered is how far a commit has come in an application.
func (e engine) delivered(r promoter.Reached, q promoter.Question, c *promoter.Convergence) {
	w := e.world
	s := w.slotOf[r]
	if !w.repo.holds(q.Commit, w.repo.refs[trunk]) {
		c.Outcome, c.Reason = promoter.Rewritten, "the commit is not in the branch's history"
		return
	}
	if w.in("lies", named(r)) {
		c.Outcome, c.Reason = promoter.Converged, "runs "+short(q.Commit)+", it says"
		return
	}
	if p := w.mergedAs(q.Commit); p != nil && !q.Healthy && q.Pull > 0 && !w.old {
		if ready, ok := sealed(w.forge, p.Head, promoter.StageReady); ok && ready.State == "success" && p.MergedAt.Sub(ready.At).Abs() < 20*time.Minute {
			w.violate("what fails after a merge can be blamed on it (law 6)", "#%d was ready just before its merge, and the engine is told that it was not", p.Number)
		}
	}
	at, version, since := w.running(r)
	wanted := w.reads(s, q.Commit)
	why, ill, blame := w.ill(r)
	holds := w.repo.holds(q.Commit, at)
	switch {
	case holds && version != wanted:
		c.Outcome, c.Reason = promoter.Superseded, "it runs "+version+" of a later commit"
	case w.in("blocked", named(r)):
		c.Outcome, c.Reason = promoter.Blocked, "a sync window is closed"
	case !holds:
		c.Outcome, c.Reason = promoter.Pending, "it is being brought to "+short(q.Commit)
		for _, m := range w.log {
			if m.hash == q.Commit || w.repo.holds(q.Commit, m.hash) {
				if until := m.at.Add(brings); until.After(w.now) {
					c.Until = until // how long a cluster stands still, nobody knows
				}
				break
			}
		}
		if w.in("stuck", named(r)) {
			c.Stuck, c.Until = "an operation on another revision retries", time.Time{}
		}
	case why != "" && w.now.Sub(ill) < grace:
		c.Outcome, c.Reason, c.Until = promoter.Pending, "ill: "+why, ill.Add(grace)
	case why != "":
		c.Outcome, c.Reason, c.Since = promoter.Failed, why, ill
		c.Attributable = blame && q.Healthy && !ill.Before(since)
	default:
		from := w.well(r, since)
		if w.now.Sub(from) < dwells {
			c.Outcome, c.Reason, c.Until = promoter.Pending, "healthy, not for long", from.Add(dwells)
			return
		}
		c.Outcome, c.Reason, c.Since = promoter.Converged, "runs "+short(q.Commit)+", healthy", from
	}
}

// mergedAs is the pull of ours that was merged as a commit.
func (w *world) mergedAs(hash string) *pull {
	for _, p := range w.forge.pulls {
		if b, ok := promoter.ParseBranch(p.Branch); p.Merge == hash && ok && !b.Revert {
			return p
		}
	}
	return nil
}

func (e engine) End(_ context.Context, a promoter.EndOperation) error {
	w := e.world
	at := promoter.Reached{Environment: a.Environment, Tenant: w.tenantOf(a), Cluster: a.Cluster, App: a.App}
	if !e.knows(at) {
		return gitops.ErrNotFound
	}
	for i := range w.troubles {
		t := &w.troubles[i]
		if t.kind == "stuck" && w.now.Before(t.to) && t.app == named(at) {
			t.to = w.now
			return nil
		}
	}
	return gitops.ErrStale
}

func (w *world) tenantOf(a promoter.EndOperation) string {
	for _, r := range w.apps {
		if r.Environment == a.Environment && r.Cluster == a.Cluster && r.App == a.App && w.in("stuck", named(r)) {
			return r.Tenant
		}
	}
	return ""
}

func (e engine) Watch(context.Context, func()) {}

// Judge says what the gates measure.
func (e engine) Judge(_ context.Context, q promoter.Question, now time.Time) []promoter.GateVerdict {
	var out []promoter.GateVerdict
	for _, p := range q.Probes {
		out = append(out, promoter.GateVerdict{Probe: p, Verdict: e.judged(p, q)})
	}
	return out
}

func (e engine) judged(p promoter.Probe, q promoter.Question) promoter.Verdict {
	w := e.world
	place := named(p.At)
	switch {
	case w.in("dark", "") || w.in("dark", place):
		return promoter.Verdict{Level: promoter.Unknown, Reason: "no data"}
	case w.in("nan", "") || w.in("nan", place):
		return promoter.Verdict{Level: promoter.Unknown, Reason: "its number is NaN"}
	}
	bad, since := w.erring(p.At)
	if w.in("slander", place) {
		bad, since = true, w.now.Add(-time.Hour)
	}
	if w.in("flatter", place) {
		bad = false
	}
	if q.About == promoter.AboutReadiness {
		if bad {
			return promoter.Verdict{Level: promoter.Hold, Reason: "0.2 > 0.01 already"}
		}
		return promoter.Verdict{Level: promoter.Pass, Reason: "0.001 <= 0.01"}
	}
	if q.Converged.IsZero() {
		return promoter.Verdict{Level: promoter.Hold, Reason: "it looks when all has converged"}
	}
	if bad && w.now.Sub(since) >= 3*time.Minute && !w.now.Before(q.Converged.Add(3*time.Minute)) {
		return promoter.Verdict{Level: promoter.Fail, Reason: "0.2 > 0.01 in 3 of 5"}
	}
	if due := q.Converged.Add(looks); w.now.Before(due) {
		next := w.now.Truncate(3 * time.Minute).Add(3 * time.Minute)
		if next.After(due) {
			next = due
		}
		return promoter.Verdict{Level: promoter.Hold, Reason: "it is looking", Until: next}
	}
	return promoter.Verdict{Level: promoter.Pass, Reason: "0.001 <= 0.01"}
}

// erring reports whether a service answers with errors at a place, and since
// when.
func (w *world) erring(at promoter.Reached) (bool, time.Time) {
	for _, r := range w.apps {
		if at.Environment != "" && at.Environment != r.Environment || at.Tenant != "" && at.Tenant != r.Tenant || at.Cluster != "" && at.Cluster != r.Cluster || at.App != "" && at.App != r.App {
			continue
		}
		_, version, from := w.running(r)
		i := slices.IndexFunc(w.bad, func(b badness) bool {
			return b.silent && b.artifact == w.slotOf[r].artifact && b.version == bare(version) && b.hits(r)
		})
		if i >= 0 && !w.now.Before(from.Add(w.bad[i].after)) {
			return true, from.Add(w.bad[i].after)
		}
	}
	return false, time.Time{}
}

func short(hash string) string { return fmt.Sprintf("%.7s", hash) }
