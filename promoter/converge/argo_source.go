package converge

import (
	"fmt"
	"slices"

	"promoter/promoter"
)

// comparison asks whether the last comparison says anything at all. When the
// target state cannot be loaded, health may well be Healthy, and the revision
// is whatever the spec names.
func (l *argoLook) comparison() *stop {
	if c, ok := l.condition("ComparisonError"); ok {
		return blind("Argo CD cannot compare: %s", c.Message)
	}
	if c, ok := l.condition("InvalidSpecError"); ok {
		if _, before := (&argoLook{s: l.ask.Base}).condition("InvalidSpecError"); c.At.Before(l.ask.MergedAt) || before || l.versions() != nil {
			return blind("its spec is invalid: %s", c.Message)
		}
		return l.failure("its spec is invalid: "+c.Message, c.At, nil)
	}
	switch l.s.SyncStatus {
	case "Synced", "OutOfSync":
		return nil
	case "":
		return l.awaited(l.waiting(), l.ask.Policy.RefreshPatience, "it has not been compared yet")
	}
	return blind("sync status is %s", l.s.SyncStatus)
}

// spec asks whether the status is about the spec as it is now.
func (l *argoLook) spec() *stop {
	if len(l.s.Sources) == 0 {
		return blind("its spec has no source")
	}
	if !slices.Equal(l.s.Sources, l.s.Compared) || l.s.Destination != l.s.ComparedDst {
		return l.awaited(l.waiting(), l.ask.Policy.RefreshPatience, "its status is about an older spec")
	}
	return nil
}

// versions asks whether the spec, which a parent writes, asks for what the
// commit pins.
func (l *argoLook) versions() *stop {
	for _, want := range l.ask.Expect.Versions {
		found := false
		for _, s := range l.s.Sources {
			if s.Chart != want.Chart || !SameRepo(s.Repo, want.Repo) {
				continue
			}
			found = true
			switch {
			case s.Revision == want.To:
			case want.From == "" || s.Revision == want.From:
				return pending(noTime, "its spec asks for %s %s and not for %s yet", sourceName(s), s.Revision, want.To)
			default:
				return &stop{outcome: promoter.Superseded, reason: fmt.Sprintf("its spec asks for %s %s, neither %s nor %s", sourceName(s), s.Revision, want.From, want.To)}
			}
		}
		if !found {
			return pending(noTime, "its spec has no source %s yet", sourceName(ArgoSource{Repo: want.Repo, Chart: want.Chart}))
		}
	}
	return nil
}

func sourceName(s ArgoSource) string {
	if s.Chart != "" {
		return s.Chart
	}
	return s.Repo
}

// fenced asks whether the comparison is later than our request. A request's
// annotation is gone when it was served, and also when it was lost.
func (l *argoLook) fenced() *stop {
	fence := l.ask.fence()
	if l.s.Refresh != "" {
		return l.awaited(l.waiting(), l.ask.Policy.RefreshPatience, "a refresh is asked for and not served")
	}
	if !l.s.ReconciledAt.After(fence) {
		return l.awaited(l.waiting(), l.ask.Policy.RefreshPatience, "it was last compared at %s, before %s", clock(l.s.ReconciledAt), clock(fence))
	}
	return nil
}

// ours sorts the revisions of a vector: those of sources that follow our
// branch, and what hinders.
type ours struct {
	commits   []string // of sources that follow the branch
	elsewhere string   // a source of the repository that follows something else
	versions  int      // sources at their wanted version
}

// vector reads revisions, one for each source.
func (l *argoLook) vector(revisions []string) (ours, *stop) {
	var o ours
	if len(revisions) != len(l.s.Sources) {
		return o, blind("it has %d sources and %d revisions", len(l.s.Sources), len(revisions))
	}
	for i, s := range l.s.Sources {
		v := revisions[i]
		if l.s.Hydrator != nil {
			continue // hydrated asks these
		}
		want, wanted := l.ask.Expect.wanted(s)
		mine := s.git() && SameRepo(s.Repo, l.ask.Repo)
		switch {
		case v == "":
			return o, blind("source %d has no revision", i+1)
		case s.git() && !FullHash(v):
			return o, blind("revision %q of source %d is no commit: it was not resolved", v, i+1)
		case mine && l.ask.follows(s.Revision):
			o.commits = append(o.commits, v)
		case mine && !wanted:
			o.elsewhere = s.Revision
		case wanted && want.at(s, v) == Unknown:
			return o, blind("whether revision %s of source %d is %s is not known", short(v), i+1, want.To)
		case wanted && want.at(s, v) == No:
			return o, pending(noTime, "source %d is at %s and not at %s", i+1, short(v), want.To)
		case wanted:
			o.versions++
		}
	}
	return o, nil
}

// revision asks whether the comparison was with the commit's content.
func (l *argoLook) revision() *stop {
	if l.s.Hydrator != nil {
		return l.hydrated()
	}
	o, stop := l.vector(l.s.Revisions)
	if stop != nil {
		if stop.outcome == promoter.Pending {
			return l.awaited(l.waiting(), l.ask.Policy.RefreshPatience, "%s", stop.reason)
		}
		return stop
	}
	if len(o.commits) == 0 {
		switch {
		case o.elsewhere != "":
			return blocked("it follows %s and not %s", o.elsewhere, branchName(l.ask.Branch))
		case o.versions == 0 && !l.ask.Expect.Foreign:
			return blind("none of its sources is the repository of %s, and no version is expected of it", short(l.ask.Commit))
		}
		return nil
	}
	for _, v := range o.commits[1:] {
		if v != o.commits[0] {
			return blind("its sources of one repository are at different commits, %s and %s", short(o.commits[0]), short(v))
		}
	}
	return l.contains(o.commits[0])
}

func (l *argoLook) contains(v string) *stop {
	switch l.ask.holds(v) {
	case Yes:
		return nil
	case No:
		return l.awaited(l.waiting(), l.ask.Policy.RefreshPatience, "it was compared at %s, which does not hold %s", short(v), short(l.ask.Commit))
	}
	return blind("whether %s holds %s is not known", short(v), short(l.ask.Commit))
}

// hydrated asks for the dry commit, and for the comparison to be with what it
// was hydrated to: the synced branch's own commits say nothing of ours.
func (l *argoLook) hydrated() *stop {
	h := l.s.Hydrator
	switch {
	case !SameRepo(h.Repo, l.ask.Repo):
		if l.ask.Expect.Foreign {
			return nil
		}
		return blind("it is hydrated from %s, which is not the repository of %s", h.Repo, short(l.ask.Commit))
	case !l.ask.follows(h.Revision):
		return blocked("it is hydrated from %s and not from %s", h.Revision, branchName(l.ask.Branch))
	case h.Phase == "Failed":
		return blind("its manifests cannot be hydrated: %s", h.Message)
	case h.Phase != "Hydrated":
		return l.awaited(l.waiting(), l.ask.Policy.RefreshPatience, "its manifests are being hydrated")
	case !FullHash(h.Dry) || !FullHash(h.Hydrated):
		return blind("the hydrator names no commits")
	}
	if stop := l.contains(h.Dry); stop != nil {
		return stop
	}
	if len(l.s.Revisions) != 1 || l.s.Revisions[0] != h.Hydrated {
		return l.awaited(l.waiting(), l.ask.Policy.RefreshPatience, "the hydrated commit %s is not compared yet", short(h.Hydrated))
	}
	return nil
}

// superseded asks whether a later commit changed what the application reads:
// then what is seen is that commit's doing as much as ours.
func (l *argoLook) superseded() *stop {
	var v string
	if l.s.Hydrator != nil {
		v = l.s.Hydrator.Dry
	} else if o, _ := l.vector(l.s.Revisions); len(o.commits) > 0 {
		v = o.commits[0]
	}
	if v == "" || v == l.ask.Commit {
		return nil
	}
	switch l.ask.History[v].Same {
	case Yes:
		return nil
	case No:
		return &stop{outcome: promoter.Superseded, reason: "it runs " + short(v) + ", which changes what it reads"}
	}
	return blind("whether %s reads the same as %s is not known", short(v), short(l.ask.Commit))
}
