package converge

import (
	"slices"

	"promoter/promoter"
)

// ours reports whether a Kustomization's source can come to hold the commit.
// An OCI artifact that does not say what it was made of is ours where the
// application itself follows it, or what the commit changes is applied from it:
// then nothing is known, and not nothing asked.
func (l *fluxLook) ours(n applyNode) bool {
	switch n.source.Ref.Kind {
	case "GitRepository":
		return l.ask.follows(n.source)
	case "OCIRepository":
		if _, wanted := l.ask.artifact(n.source.URL); wanted {
			return true
		}
		changed := slices.ContainsFunc(n.k.Inventory, func(r Ref) bool { return slices.Contains(l.ask.Expect.Resources, r) })
		if n.role == own && (n.k.Ref == l.ask.App || changed) && !l.ask.Expect.Foreign {
			return true
		}
		return l.holds(n.source, n.source.Revision, n.source.Origin) != Unknown
	}
	return false
}

// holds says whether a revision of a source is the commit or a descendant. For
// OCI it is the wanted digest, or the commit that the artifact was made of.
func (l *fluxLook) holds(source *FluxSource, revision, origin string) Answer {
	if source.Ref.Kind == "OCIRepository" {
		if want, ok := l.ask.artifact(source.URL); ok && want.Digest != "" {
			return yesIf(fluxDigest(revision) == want.Digest)
		}
	}
	commit, ok := l.commit(source, revision, origin)
	if !ok {
		return Unknown
	}
	return l.ask.beside(commit).Holds
}

func (l *fluxLook) commit(source *FluxSource, revision, origin string) (string, bool) {
	if source.Ref.Kind != "OCIRepository" {
		return FluxCommit(revision)
	}
	if FullHash(origin) {
		return origin, true
	}
	return FluxCommit(origin)
}

// appliedAt is the revision that a Kustomization applied and its origin, which
// is its source's where it is the same artifact.
func (n applyNode) appliedAt() (revision, origin string) {
	if n.k.AppliedOrigin == "" && n.k.Applied == n.source.Revision {
		return n.k.Applied, n.source.Origin
	}
	return n.k.Applied, n.k.AppliedOrigin
}

// attemptedAt is the same of an attempt, which does not name its origin itself.
func (n applyNode) attemptedAt() (revision, origin string) {
	switch n.k.Attempted {
	case n.k.Applied:
		return n.appliedAt()
	case n.source.Revision:
		return n.k.Attempted, n.source.Origin
	}
	return n.k.Attempted, ""
}

// FluxCommits are the commits that an answer needs to know the history of.
func FluxCommits(ask FluxAsk, s FluxSnapshot) []string {
	l := newFluxLook(ask, &s, nil, s.ReadAt, nil)
	var out []string
	known := map[string]bool{"": true, ask.Commit: true}
	add := func(commit string, ok bool) {
		if ok && !known[commit] {
			known[commit] = true
			out = append(out, commit)
		}
	}
	for _, n := range l.kustomizations {
		if n.source.Ref.Kind == "GitRepository" && !ask.follows(n.source) {
			continue
		}
		add(l.commit(n.source, n.source.Revision, n.source.Origin))
		revision, origin := n.appliedAt()
		add(l.commit(n.source, revision, origin))
		revision, origin = n.attemptedAt()
		add(l.commit(n.source, revision, origin))
		for _, h := range n.k.History {
			add(l.commit(n.source, h.Revision, ""))
		}
	}
	for _, n := range l.releases {
		if from := l.chartSource(n); from != nil {
			add(FluxCommit(from.Revision))
			add(FluxCommit(n.chart.FromAt))
		}
	}
	return out
}

// fetched asks whether the sources have the commit.
func (l *fluxLook) fetched() *stop {
	for _, n := range l.kustomizations {
		if !l.ours(n) {
			continue
		}
		s := n.source
		switch l.holds(s, s.Revision, s.Origin) {
		case Yes:
			continue
		case Unknown:
			if s.Ref.Kind == "OCIRepository" && s.Origin == "" {
				return blind("%s is at %s, and neither the artifact nor the change says which belongs to %s", s.Ref, orNone(s.Revision), short(l.ask.Commit))
			}
			return blind("whether %s at %s holds %s is not known", s.Ref, orNone(s.Revision), short(l.ask.Commit))
		}
		if s.is("FetchFailed") {
			return blind("%s cannot be fetched: %s", s.Ref, s.says("FetchFailed"))
		}
		if s.Ref.Kind == "GitRepository" && s.Pinned != "" {
			return blocked("%s is pinned to %s, at %s, which does not hold %s", s.Ref, s.Pinned, s.Revision, short(l.ask.Commit))
		}
		return l.awaited(l.ask.Policy.RequestPatience, "%s is at %s, which does not hold %s", s.Ref, orNone(s.Revision), short(l.ask.Commit))
	}
	return nil
}

// handled asks whether our request was served, or one that replaced it.
func (l *fluxLook) handled() *stop {
	if l.ask.Token == "" {
		return nil
	}
	for _, n := range l.kustomizations {
		s := n.source
		replaced := s.Requested != "" && s.Requested != l.ask.Token && s.Handled == s.Requested
		if l.ours(n) && s.Handled != l.ask.Token && !replaced {
			return l.awaited(l.ask.Policy.RequestPatience, "%s has not served the request to reconcile", s.Ref)
		}
	}
	return nil
}

func (l *fluxLook) sourcesReady() *stop {
	for _, s := range l.sources {
		if stop := l.sourceReady(s); stop != nil {
			return stop
		}
	}
	return nil
}

func (l *fluxLook) sourceReady(s *FluxSource) *stop {
	patience := l.ask.Policy.RequestPatience
	switch {
	case s.is("FetchFailed"):
		return blind("%s cannot be fetched: %s", s.Ref, s.says("FetchFailed"))
	case s.is("Stalled"):
		return blind("%s has stalled: %s", s.Ref, s.says("Stalled"))
	case s.is("Reconciling"):
		return l.awaited(patience, "%s is being fetched: %s", s.Ref, s.says("Reconciling"))
	case s.is("ArtifactOutdated"):
		return l.awaited(patience, "%s is outdated: %s", s.Ref, s.says("ArtifactOutdated"))
	}
	if stop := l.observed(&s.FluxObject); stop != nil {
		return stop
	}
	return l.ready(&s.FluxObject)
}

// observed asks whether a status is about the spec. One that never comes to be
// is Flux's trouble and no failure.
func (l *fluxLook) observed(o *FluxObject) *stop {
	if o.Generation == 0 || o.Observed != o.Generation {
		return l.awaited(l.ask.Policy.RequestPatience, "%s is at generation %d and its status at %d", o.Ref, o.Generation, o.Observed)
	}
	return nil
}

// ready asks the condition. Its own generation is not relied upon, but it must
// not speak against it.
func (l *fluxLook) ready(o *FluxObject) *stop {
	patience := l.ask.Policy.RequestPatience
	ready, ok := o.condition("Ready")
	switch {
	case !ok:
		return l.awaited(patience, "%s does not say whether it is ready", o.Ref)
	case ready.Status != "True":
		return l.awaited(patience, "%s: %s", o.Ref, o.says("Ready"))
	case ready.Observed != 0 && ready.Observed != o.Generation:
		return l.awaited(patience, "%s is at generation %d and says that it is ready at %d", o.Ref, o.Generation, ready.Observed)
	}
	return nil
}

// superseded asks whether the commit that runs or is on its way has other
// content: then every answer is about someone else's change too.
func (l *fluxLook) superseded() *stop {
	for _, n := range l.kustomizations {
		if n.role == dependency || !l.ours(n) {
			continue
		}
		revision, origin := n.attemptedAt()
		commit, ok := l.commit(n.source, revision, origin)
		if !ok || l.holds(n.source, revision, origin) != Yes {
			continue
		}
		switch l.ask.beside(commit).Same {
		case No:
			return &stop{outcome: promoter.Superseded, reason: n.k.Ref.String() + " is at " + short(commit) + ", which changes what it reads"}
		case Unknown:
			return blind("whether %s changes what %s reads is not known", short(commit), n.k.Ref)
		}
	}
	return nil
}
