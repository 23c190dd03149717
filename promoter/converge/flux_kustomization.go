package converge

import (
	"slices"
	"time"

	"promoter/promoter"
)

// applyFailed asks whether applying the commit has failed for good: not only
// once, for Flux tries again, and not by something else's failure.
func (l *fluxLook) applyFailed() *stop {
	for _, n := range l.kustomizations {
		revision, origin := n.attemptedAt()
		if n.role == dependency || !l.ours(n) || l.holds(n.source, revision, origin) != Yes {
			continue
		}
		if c, ok := n.k.condition("Stalled"); ok && c.Status == "True" {
			return l.failure(n.k.Ref.String()+" has stalled: "+n.k.says("Stalled"), c.At, n.k.Ref, l.failing(n))
		}
		c, ok := n.k.condition("Ready")
		if !ok || c.Status != "False" || !slices.Contains([]string{"HealthCheckFailed", "BuildFailed", "PruneFailed"}, c.Reason) {
			continue
		}
		since := l.failingSince(n, c)
		until := since.Add(n.k.retry())
		if l.s.ReadAt.Before(until) {
			p := pending(until, "%s has failed and will be tried again: %s", n.k.Ref, n.k.says("Ready"))
			p.since = since
			return p
		}
		return l.failure(n.k.Ref.String()+" has failed for "+n.k.retry().String()+": "+n.k.says("Ready"), since, n.k.Ref, l.failing(n))
	}
	return nil
}

// failingSince is when a Kustomization began to fail in this way with the
// commit. Every try moves the condition's own time, so that history and earlier
// looks are asked too.
func (l *fluxLook) failingSince(n applyNode, c FluxCondition) time.Time {
	since := c.At
	if since.IsZero() {
		since = l.s.ReadAt
	}
	earlier := func(t time.Time) {
		if !t.IsZero() && t.Before(since) {
			since = t
		}
	}
	for _, h := range n.k.History {
		if h.Status == c.Reason && l.holds(n.source, h.Revision, "") == Yes {
			earlier(h.First)
		}
	}
	for i := len(l.before) - 1; i >= 0; i-- {
		b := l.before[i].kustomization(n.k.Ref)
		if b == nil || b.UID != n.k.UID || b.Attempted != n.k.Attempted || b.is("Ready") {
			break
		}
		if was, ok := b.condition("Ready"); ok && was.Status == "False" && was.Reason == c.Reason {
			earlier(was.At)
		}
	}
	return latest(since, l.ask.MergedAt)
}

// failing are the objects that fit a Kustomization's failure. What cannot be
// built is whatever the commit changes.
func (l *fluxLook) failing(n applyNode) []Ref {
	out := []Ref{n.k.Ref}
	if c, ok := n.k.condition("Ready"); ok && c.Reason == "BuildFailed" {
		return append(out, l.ask.Expect.Resources...)
	}
	for _, child := range n.k.Inventory {
		if r := l.s.release(child); r != nil && !r.is("Ready") {
			out = append(out, child)
		}
		if h, ok := l.stateOf(child); ok && h.State == "Failed" {
			out = append(out, child)
		}
	}
	return out
}

// overdue is pending until the deadline for progress, and a failure from then
// on, which is only attributed where something fails that the commit touches.
func (l *fluxLook) overdue(o Ref, failing []Ref, reason string) *stop {
	from := latest(l.ask.MergedAt, l.lastSuspended())
	for _, n := range l.kustomizations {
		if l.ours(n) {
			from = latest(from, n.source.At) // what was not there could not be applied
		}
	}
	until := from.Add(l.ask.Policy.ProgressDeadline)
	if l.s.ReadAt.Before(until) {
		p := pending(until, "%s", reason)
		p.since = from
		return p
	}
	return l.failure("for "+l.ask.Policy.ProgressDeadline.String()+" now: "+reason, from, o, failing)
}

// waiting names reasons to be not ready that say nothing of the commit: a newer
// revision that came in between, a dependency, a source that cannot be read.
func (l *fluxLook) waiting() *stop {
	for _, n := range l.kustomizations {
		c, ok := n.k.condition("Ready")
		if !ok || c.Status == "True" {
			continue
		}
		switch c.Reason {
		case "HealthCheckCanceled", "DependencyNotReady":
			return l.awaited(l.ask.Policy.ProgressDeadline, "%s: %s", n.k.Ref, n.k.says("Ready"))
		case "ArtifactFailed":
			return blind("%s cannot read its source: %s", n.k.Ref, n.k.says("Ready"))
		}
	}
	return nil
}

// applied asks whether the commit, or a descendant, was applied whole. After a
// failure the last applied revision stays, so that this is never too early.
func (l *fluxLook) applied() *stop {
	for _, n := range l.kustomizations {
		k := n.k
		if !l.ours(n) {
			if k.Applied != n.source.Revision || k.Applied == "" {
				return l.awaited(l.ask.Policy.ProgressDeadline, "%s has applied %s and not yet %s", k.Ref, orNone(k.Applied), orNone(n.source.Revision))
			}
			continue
		}
		revision, origin := n.appliedAt()
		switch l.holds(n.source, revision, origin) {
		case Yes:
			continue
		case Unknown:
			if k.Applied != "" {
				return blind("whether %s, which %s has applied, holds %s is not known", k.Applied, k.Ref, short(l.ask.Commit))
			}
		}
		revision, origin = n.attemptedAt()
		if n.role == dependency || l.holds(n.source, revision, origin) != Yes {
			return l.awaited(l.ask.Policy.ProgressDeadline, "%s has applied %s, which does not hold %s", k.Ref, orNone(k.Applied), short(l.ask.Commit))
		}
		return l.overdue(k.Ref, l.failing(n), k.Ref.String()+" is applying "+k.Attempted+": "+k.says("Ready"))
	}
	return nil
}

// attempted asks whether nothing newer is under way.
func (l *fluxLook) attempted() *stop {
	for _, n := range l.kustomizations {
		if n.k.Attempted != n.k.Applied {
			return l.awaited(l.ask.Policy.ProgressDeadline, "%s has applied %s and is at %s: %s", n.k.Ref, n.k.Applied, orNone(n.k.Attempted), n.k.says("Ready"))
		}
	}
	return nil
}

func (l *fluxLook) applyObserved() *stop {
	for _, n := range l.kustomizations {
		if stop := l.observed(&n.k.FluxObject); stop != nil {
			return stop
		}
	}
	return nil
}

func (l *fluxLook) applyReady() *stop {
	for _, n := range l.kustomizations {
		for _, kind := range []string{"Stalled", "Reconciling"} {
			if n.k.is(kind) {
				return l.awaited(l.ask.Policy.ProgressDeadline, "%s: %s", n.k.Ref, n.k.says(kind))
			}
		}
		if stop := l.ready(&n.k.FluxObject); stop != nil {
			return stop
		}
	}
	return nil
}

// applyHistory asks the history where there is one.
func (l *fluxLook) applyHistory() *stop {
	for _, n := range l.kustomizations {
		if h := n.k.History; len(h) > 0 && h[0].Status != "ReconciliationSucceeded" {
			return l.awaited(l.ask.Policy.RequestPatience, "%s is ready, but its last reconcile ended with %s", n.k.Ref, orNone(h[0].Status))
		}
	}
	return nil
}

// checked asks for the health that a Kustomization has checked. Where it checks
// none, ready means applied, and health asks the objects.
func (l *fluxLook) checked() *stop {
	for _, n := range l.kustomizations {
		if n.k.Checks && !n.k.is("Healthy") {
			return l.awaited(l.ask.Policy.ProgressDeadline, "%s is ready and not healthy: %s", n.k.Ref, n.k.says("Healthy"))
		}
	}
	return nil
}

// failure is attributed to the change when the object was ready before it, the
// commit is what was applied, and what fails is what the commit touches.
func (l *fluxLook) failure(reason string, since time.Time, of Ref, failing []Ref) *stop {
	s := &stop{outcome: promoter.Failed, reason: reason, since: latest(since, l.ask.MergedAt)}
	touched := touchedBy(l.ask.Expect, failing)
	base := l.ask.Base.object(of)
	switch {
	case base == nil && !l.ask.ReadyBefore:
		s.evidence = []string{"not attributed: its state before the merge is not known"}
	case base != nil && !base.is("Ready"):
		s.evidence = []string{"not attributed: before the merge " + base.says("Ready")}
	case !l.ask.Expect.Changed:
		s.evidence = []string{"not attributed: the commit does not change it"}
	case touched == "":
		s.evidence = []string{"not attributed: nothing that fails is known to be what the commit changes"}
	default:
		s.attributable = true
		s.evidence = []string{"ready before the merge; the commit changes " + touched}
	}
	return s
}

func touchedBy(e FluxExpect, failing []Ref) string {
	for _, r := range failing {
		wanted := slices.ContainsFunc(e.Releases, func(w FluxWant) bool { return w.Ref == r })
		if wanted || slices.Contains(e.Resources, r) {
			return r.String()
		}
	}
	return ""
}
