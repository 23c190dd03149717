package converge

import (
	"fmt"
	"slices"
	"time"

	"promoter/promoter"
)

// FluxNow says how an application is now, whatever commit it is at. Of the ask
// only the application, the repository and the policy matter, and what of the
// commit's is asked is left out.
func FluxNow(ask FluxAsk, s FluxSnapshot, now time.Time) promoter.Convergence {
	ask.Policy = ask.Policy.withDefaults()
	ask.MergedAt, ask.First, ask.Token = s.ReadAt, time.Time{}, "" // nothing has been waited for yet
	c := promoter.Convergence{App: ask.App.Name, Outcome: promoter.Converged, Reason: "applied and healthy"}
	l := newFluxLook(ask, &s, nil, now, nil)
	c.Evidence = l.evidence()
	stop := l.first([]fluxStep{
		{"", (*fluxLook).cluster}, {"", (*fluxLook).reading}, {"", (*fluxLook).linked}, {"", (*fluxLook).identity}, {"", (*fluxLook).suspended},
		{"", (*fluxLook).failedNow}, {"", (*fluxLook).sourcesReady}, {"", (*fluxLook).waiting}, {"", (*fluxLook).attempted},
		{"", (*fluxLook).applyObserved}, {"", (*fluxLook).applyReady}, {"", (*fluxLook).applyHistory}, {"", (*fluxLook).checked},
		{"", (*fluxLook).releaseObserved}, {"", (*fluxLook).releaseReady}, {"", (*fluxLook).deployed}, {"", (*fluxLook).health},
	})
	if stop != nil {
		c.Outcome, c.Reason, c.Until = stop.outcome, oneLine(stop.reason), stop.until
	}
	return c
}

// failedNow tells what has failed from what is on its way.
func (l *fluxLook) failedNow() *stop {
	for _, n := range l.kustomizations {
		if c, ok := n.k.condition("Ready"); ok && c.Status == "False" && slices.Contains([]string{"HealthCheckFailed", "BuildFailed", "PruneFailed"}, c.Reason) {
			return &stop{outcome: promoter.Failed, reason: n.k.Ref.String() + " has failed: " + n.k.says("Ready")}
		}
	}
	for _, n := range l.releases {
		if c, ok := n.r.condition("Ready"); ok && c.Status == "False" && n.failed(c.Reason) {
			return &stop{outcome: promoter.Failed, reason: n.r.Ref.String() + " has failed: " + n.r.says("Ready")}
		}
	}
	return nil
}

// FluxAgainst says why a merge now would not come to run: one line each.
func FluxAgainst(ask FluxAsk, s FluxSnapshot) []string {
	var out []string
	for _, o := range newFluxLook(ask, &s, nil, s.ReadAt, nil).objects {
		if o.Suspended {
			out = append(out, fmt.Sprintf("%s is suspended", o.Ref))
		}
	}
	return out
}

// FluxPart is what of a snapshot an answer depends on. It is what to keep of a
// look: a cluster may have thousands of objects.
func FluxPart(ask FluxAsk, s FluxSnapshot) FluxSnapshot {
	l := newFluxLook(ask, &s, nil, s.ReadAt, nil)
	needed := map[Ref]bool{ask.App: true}
	for _, o := range l.objects {
		needed[o.Ref] = true
	}
	part := s
	part.Sources = kept(s.Sources, func(o *FluxSource) bool { return needed[o.Ref] })
	part.Kustomizations = kept(s.Kustomizations, func(o *FluxKustomization) bool { return needed[o.Ref] })
	part.Releases = kept(s.Releases, func(o *FluxRelease) bool { return needed[o.Ref] })
	return part
}

func kept[T any](of []T, is func(*T) bool) []T {
	var out []T
	for i := range of {
		if is(&of[i]) {
			out = append(out, of[i])
		}
	}
	return out
}

// FluxOwn are the Kustomizations and releases that the application is and
// renders, without those above it and those that it depends on.
func FluxOwn(ask FluxAsk, s FluxSnapshot) (kustomizations []FluxKustomization, releases []FluxRelease) {
	l := newFluxLook(ask, &s, nil, s.ReadAt, nil)
	for _, n := range l.kustomizations {
		if n.role == own {
			kustomizations = append(kustomizations, *n.k)
		}
	}
	for _, n := range l.releases {
		if n.role == own {
			releases = append(releases, *n.r)
		}
	}
	return kustomizations, releases
}

// FluxContents are the objects that an application has applied and that have
// content of their own: none of Flux's, and none that only exists.
func FluxContents(ask FluxAsk, s FluxSnapshot) []Ref {
	var out []Ref
	add := func(list []Ref) {
		for _, r := range list {
			if !r.flux() && !passive(r) && !slices.Contains(out, r) {
				out = append(out, r)
			}
		}
	}
	kustomizations, releases := FluxOwn(ask, s)
	for _, k := range kustomizations {
		if !k.Remote {
			add(k.Inventory)
		}
	}
	for _, r := range releases {
		if !r.Remote {
			add(r.Inventory)
		}
	}
	return out
}
