package converge

import "slices"

// A fluxRole is what an object of a chain is to the application.
type fluxRole int8

const (
	dependency fluxRole = iota // must be ready before it
	parent                     // renders the application
	own                        // the application, or what it renders
)

type applyNode struct {
	k      *FluxKustomization
	source *FluxSource
	role   fluxRole
}

type releaseNode struct {
	r     *FluxRelease
	chart *FluxSource // nil: not there yet
	role  fluxRole
}

// fluxChain is everything whose state says something of the application:
// parents and dependencies before what needs them.
type fluxChain struct {
	sources        []*FluxSource // of the Kustomizations
	kustomizations []applyNode
	releases       []releaseNode
	objects        []*FluxObject
	broken         *stop // why the chain is not whole
}

type chainBuilder struct {
	ask   FluxAsk
	s     *FluxSnapshot
	roles map[Ref]fluxRole // of all that is no dependency
	seen  map[Ref]bool
	chain *fluxChain
}

func chainOf(ask FluxAsk, s *FluxSnapshot) fluxChain {
	var chain fluxChain
	b := &chainBuilder{ask, s, map[Ref]fluxRole{}, map[Ref]bool{}, &chain}
	b.descend(ask.App)
	b.ascend(ask.App)
	switch {
	case ask.App.Group == FluxApplyGroup && ask.App.Kind == "Kustomization":
		b.apply(ask.App)
	case ask.App.Group == FluxHelmGroup && ask.App.Kind == "HelmRelease":
		b.release(ask.App)
		if len(b.parents(ask.App)) == 0 {
			b.fail("no Kustomization is known that applies %s", ask.App)
		}
	default:
		b.fail("%s is nothing that Flux applies", ask.App)
	}
	return chain
}

func (b *chainBuilder) fail(format string, args ...any) {
	if b.chain.broken == nil {
		b.chain.broken = blind(format, args...)
	}
}

// parents are the Kustomizations whose inventory has an object. The first one
// of a cluster has itself.
func (b *chainBuilder) parents(of Ref) []Ref {
	var out []Ref
	for i := range b.s.Kustomizations {
		k := &b.s.Kustomizations[i]
		if k.Ref != of && !k.Remote && slices.Contains(k.Inventory, of) {
			out = append(out, k.Ref)
		}
	}
	return out
}

// descend marks what the application is and renders.
func (b *chainBuilder) descend(ref Ref) {
	b.roles[ref] = own
	k := b.s.kustomization(ref)
	if k == nil {
		return
	}
	for _, child := range k.Inventory {
		below := child.Group == FluxApplyGroup && child.Kind == "Kustomization" || child.Group == FluxHelmGroup && child.Kind == "HelmRelease" && b.touches(child)
		if !below || b.roles[child] == own {
			continue
		}
		if k.Remote {
			b.fail("%s applies %s to another cluster", ref, child)
		}
		b.descend(child)
	}
}

func (b *chainBuilder) ascend(ref Ref) {
	for _, p := range b.parents(ref) {
		if b.roles[p] == dependency {
			b.roles[p] = parent
			b.ascend(p)
		}
	}
}

func (b *chainBuilder) apply(ref Ref) {
	if b.seen[ref] {
		return
	}
	b.seen[ref] = true
	role := b.roles[ref]
	k := b.s.kustomization(ref)
	if k == nil {
		b.fail("%s is not in the cluster's list", ref)
		return
	}
	if role != dependency {
		for _, p := range b.parents(ref) {
			b.apply(p)
		}
	}
	for _, d := range k.DependsOn {
		b.apply(d)
	}
	source := b.s.source(k.Source)
	if source == nil {
		b.fail("%s follows %s, which is not in the cluster's list, or is of a kind that names no commit", ref, k.Source)
		source = &FluxSource{}
	} else if !b.seen[source.Ref] {
		b.seen[source.Ref] = true
		b.chain.sources = append(b.chain.sources, source)
		b.chain.objects = append(b.chain.objects, &source.FluxObject)
	}
	b.chain.kustomizations = append(b.chain.kustomizations, applyNode{k, source, role})
	b.chain.objects = append(b.chain.objects, &k.FluxObject)
	if role != own {
		return
	}
	if !k.InventoryKnown {
		b.fail("what %s has applied is not known", ref)
	}
	for _, child := range k.Inventory {
		switch {
		case b.roles[child] != own:
		case child.Kind == "Kustomization":
			b.apply(child)
		default:
			b.release(child)
		}
	}
}

// touches reports whether a release may be changed by the commit. One that is
// known not to be has its own troubles.
func (b *chainBuilder) touches(release Ref) bool {
	if _, wanted := b.ask.want(release); wanted || len(b.ask.Expect.Resources) == 0 || slices.Contains(b.ask.Expect.Resources, release) {
		return true
	}
	r := b.s.release(release)
	if r == nil {
		return true
	}
	if chart := b.s.source(r.Chart); chart != nil {
		if from := b.s.source(chart.From); from != nil && b.ask.follows(from) {
			return true
		}
	}
	// The values that it reads may be what changes.
	return slices.ContainsFunc(r.ValuesFrom, func(v Ref) bool { return slices.Contains(b.ask.Expect.Resources, v) })
}

func (b *chainBuilder) release(ref Ref) {
	if b.seen[ref] {
		return
	}
	b.seen[ref] = true
	role := b.roles[ref]
	r := b.s.release(ref)
	if r == nil {
		b.fail("%s is not in the cluster's list", ref)
		return
	}
	if role != dependency {
		for _, p := range b.parents(ref) {
			b.apply(p)
		}
	}
	for _, d := range r.DependsOn {
		b.release(d)
	}
	chart := b.s.source(r.Chart)
	if chart != nil {
		b.chain.objects = append(b.chain.objects, &chart.FluxObject)
		if from := b.s.source(chart.From); from != nil && !b.seen[from.Ref] {
			b.seen[from.Ref] = true
			b.chain.objects = append(b.chain.objects, &from.FluxObject)
		}
	}
	b.chain.releases = append(b.chain.releases, releaseNode{r, chart, role})
	b.chain.objects = append(b.chain.objects, &r.FluxObject)
}

// linked asks whether the chain is whole, and whether the commit can come
// through it.
func (l *fluxLook) linked() *stop {
	if l.broken != nil || l.ask.Expect.Foreign {
		return l.broken
	}
	for _, n := range l.kustomizations {
		if n.role != dependency && l.ours(n) {
			return nil
		}
	}
	return blind("nothing that it follows is %s of %s", branchName(l.ask.Branch), l.ask.Repo)
}

func (s *FluxSnapshot) source(ref Ref) *FluxSource {
	return find(s.Sources, func(o *FluxSource) bool { return o.Ref == ref })
}

// object finds an object of Flux, of any kind.
func (s *FluxSnapshot) object(ref Ref) *FluxObject {
	if o := s.source(ref); o != nil {
		return &o.FluxObject
	}
	if k := s.kustomization(ref); k != nil {
		return &k.FluxObject
	}
	if r := s.release(ref); r != nil {
		return &r.FluxObject
	}
	return nil
}

func (s *FluxSnapshot) kustomization(ref Ref) *FluxKustomization {
	return find(s.Kustomizations, func(k *FluxKustomization) bool { return k.Ref == ref })
}

func (s *FluxSnapshot) release(ref Ref) *FluxRelease {
	return find(s.Releases, func(r *FluxRelease) bool { return r.Ref == ref })
}

// find returns an element in place.
func find[T any](of []T, is func(*T) bool) *T {
	for i := range of {
		if is(&of[i]) {
			return &of[i]
		}
	}
	return nil
}
