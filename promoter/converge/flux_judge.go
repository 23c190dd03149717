package converge

import (
	"time"

	"promoter/promoter"
)

// Flux answers a FluxAsk from looks at its cluster, oldest first, of which only
// the last must be there. Looks must be of this wave: the one from before the
// merge belongs in FluxAsk.Base.
func Flux(ask FluxAsk, seen []FluxSnapshot, now time.Time) promoter.Convergence {
	return flux(ask, seen, now, fluxSteps())
}

// A fluxStep is one predicate. It returns nil when it holds.
type fluxStep struct {
	name  string
	judge func(*fluxLook) *stop
}

// fluxSteps are in order of authority, and parents before children: a release
// is only asked once its Kustomization has applied the commit.
func fluxSteps() []fluxStep {
	return []fluxStep{
		{"ask", (*fluxLook).question},
		{"cluster", (*fluxLook).cluster},
		{"reading", (*fluxLook).reading},
		{"chain", (*fluxLook).linked},
		{"F0 identity", (*fluxLook).identity},
		{"F0 suspended", (*fluxLook).suspended},
		{"F1 revision", (*fluxLook).fetched},
		{"F1 handled", (*fluxLook).handled},
		{"F1 ready", (*fluxLook).sourcesReady},
		{"F2 content", (*fluxLook).superseded},
		{"F2 failed", (*fluxLook).applyFailed},
		{"F2 waiting", (*fluxLook).waiting},
		{"F2 applied", (*fluxLook).applied},
		{"F2 attempted", (*fluxLook).attempted},
		{"F2 generation", (*fluxLook).applyObserved},
		{"F2 ready", (*fluxLook).applyReady},
		{"F2 history", (*fluxLook).applyHistory},
		{"F2 healthy", (*fluxLook).checked},
		{"F3 failed", (*fluxLook).releaseFailed},
		{"F3 generation", (*fluxLook).releaseObserved},
		{"F3 chart", (*fluxLook).charted},
		{"F3 ready", (*fluxLook).releaseReady},
		{"F3 deployed", (*fluxLook).deployed},
		{"F3 wanted", (*fluxLook).wanted},
		{"F4 health", (*fluxLook).health},
		{"F4 content", (*fluxLook).content},
		{"F4 dwell", (*fluxLook).dwell},
	}
}

// fluxLook is one look, and those before it.
type fluxLook struct {
	ask    FluxAsk
	s      *FluxSnapshot
	before []FluxSnapshot
	now    time.Time
	steps  []fluxStep
	fluxChain
}

func newFluxLook(ask FluxAsk, s *FluxSnapshot, before []FluxSnapshot, now time.Time, steps []fluxStep) *fluxLook {
	return &fluxLook{ask, s, before, now, steps, chainOf(ask, s)}
}

func flux(ask FluxAsk, seen []FluxSnapshot, now time.Time, steps []fluxStep) promoter.Convergence {
	ask.Policy = ask.Policy.withDefaults()
	c := promoter.Convergence{
		App: ask.App.Name, Environment: ask.Environment, Tenant: ask.Tenant, Cluster: ask.Cluster, Commit: ask.Commit,
	}
	if len(seen) == 0 {
		c.Outcome, c.Reason = promoter.Blind, "nothing was read from the cluster"
		return c
	}
	l := newFluxLook(ask, &seen[len(seen)-1], seen[:len(seen)-1], now, steps)
	c.Evidence = l.evidence()
	stop := l.first(steps)
	if stop == nil {
		c.Outcome, c.Reason = promoter.Converged, "runs "+short(ask.Commit)+" and has held its health"
		c.Since = l.readyFrom().Add(ask.Policy.Dwell)
		return c
	}
	c.Outcome, c.Reason, c.Since, c.Until = stop.outcome, oneLine(stop.reason), stop.since, stop.until
	c.Attributable = stop.attributable && stop.outcome == promoter.Failed
	c.Evidence = append(c.Evidence, stop.evidence...)
	return c
}

func (l *fluxLook) first(steps []fluxStep) *stop {
	for _, s := range steps {
		if stop := s.judge(l); stop != nil {
			return stop
		}
	}
	return nil
}

// awaited is pending until a wait has lasted too long, and blind from then on:
// it is Flux that does not get on, which says nothing of the change. The wait is
// counted from the merge, or from the first request where nobody was there to
// make it then: asking again does not begin it anew.
func (l *fluxLook) awaited(patience time.Duration, format string, args ...any) *stop {
	until := latest(l.ask.MergedAt, l.ask.First, l.lastSuspended()).Add(patience)
	if l.s.ReadAt.Before(until) {
		return pending(until, format, args...)
	}
	return blind("for %s now: "+format, append([]any{patience}, args...)...)
}

// lastSuspended is when a look last showed the chain suspended: clocks stand
// still until then.
func (l *fluxLook) lastSuspended() time.Time {
	var at time.Time
	for i := range l.before {
		b := newFluxLook(l.ask, &l.before[i], nil, l.before[i].ReadAt, l.steps)
		if b.suspended() != nil {
			at = b.s.ReadAt
		}
	}
	return at
}

// question refuses to answer what was not asked in full.
func (l *fluxLook) question() *stop {
	a := l.ask
	switch {
	case !FullHash(a.Commit):
		return blind("%q is no commit", a.Commit)
	case a.MergedAt.IsZero():
		return blind("nobody says when %s was merged", short(a.Commit))
	case a.OnBranch == No:
		return &stop{outcome: promoter.Rewritten, reason: short(a.Commit) + " is no longer in the history of " + branchName(a.Branch)}
	case a.OnBranch != Yes:
		return blind("whether %s is in the history of %s is not known", short(a.Commit), branchName(a.Branch))
	}
	return nil
}

// cluster refuses another cluster's answer: names are the same in all of them.
func (l *fluxLook) cluster() *stop {
	if l.s.Cluster != l.ask.Cluster {
		return blind("the answer is about cluster %q and not %q", l.s.Cluster, l.ask.Cluster)
	}
	return nil
}

// reading refuses answers that are old: a cache's, or from before one that we
// have had.
func (l *fluxLook) reading() *stop {
	if l.s.ReadAt.IsZero() {
		return blind("the server does not say when it answered")
	}
	if gap := l.now.Sub(l.s.ReadAt); gap > l.ask.Policy.MaxAge || gap < -l.ask.Policy.MaxAge {
		return blind("the answer is from %s and it is %s here: it is old, or a clock is wrong", clock(l.s.ReadAt), clock(l.now))
	}
	for i := range l.before {
		for _, o := range l.objects {
			if b := l.before[i].object(o.Ref); b != nil && b.UID == o.UID && olderVersion(o.Version, b.Version) {
				return blind("the answer is older than one from before: %s is at version %s, after version %s", o.Ref, o.Version, b.Version)
			}
		}
	}
	return nil
}

func (l *fluxLook) identity() *stop {
	for _, o := range l.objects {
		base := l.ask.Base.object(o.Ref)
		switch {
		case o.UID == "":
			return blind("%s has no uid", o.Ref)
		case base != nil && o.UID != base.UID:
			return blind("%s is another object than before the merge: it was deleted and made anew", o.Ref)
		case o.Deleting:
			return blocked("%s is being deleted", o.Ref)
		}
	}
	return nil
}

// suspended asks the whole chain: a suspended object acknowledges requests and
// says that it is ready as if it were not.
func (l *fluxLook) suspended() *stop {
	for _, o := range l.objects {
		if o.Suspended {
			return blocked("%s is suspended: a person resumes it", o.Ref)
		}
	}
	return nil
}

func (l *fluxLook) evidence() []string {
	var out []string
	for _, n := range l.kustomizations {
		line := n.k.Ref.String() + " applied " + orNone(n.k.Applied) + " and attempted " + orNone(n.k.Attempted) + "; " + n.k.says("Ready")
		out = append(out, oneLine(line))
	}
	for _, n := range l.releases {
		line := n.r.Ref.String() + " " + n.r.says("Ready")
		if len(n.r.History) > 0 {
			d := n.r.History[0]
			line = n.r.Ref.String() + " is " + d.Chart + " " + d.Version + " " + d.Status + "; " + n.r.says("Ready")
		}
		out = append(out, oneLine(line))
	}
	return out
}
