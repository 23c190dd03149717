package converge

import (
	"slices"
	"strings"
	"time"
)

// releaseFailed asks whether the release of this very spec has failed for good.
// A failure that was there before the merge, or that is of another generation,
// says nothing of the commit.
func (l *fluxLook) releaseFailed() *stop {
	for _, n := range l.releases {
		c, ok := n.r.condition("Ready")
		if n.role == dependency || !ok || c.Status != "False" || !n.failed(c.Reason) {
			continue
		}
		if n.r.Generation != n.r.AttemptedGeneration {
			return l.awaited(l.ask.Policy.ProgressDeadline, "%s has failed at generation %d and is at %d: %s", n.r.Ref, n.r.AttemptedGeneration, n.r.Generation, n.r.says("Ready"))
		}
		if !c.At.After(l.ask.MergedAt) {
			return blocked("%s shows a failure from before the merge, which a success in between does not take away: reset it by hand: %s", n.r.Ref, n.r.says("Ready"))
		}
		if strings.Contains(strings.ToLower(c.Message), "cancel") {
			return l.awaited(l.ask.Policy.ProgressDeadline, "the release of %s was cancelled, which says nothing of it: %s", n.r.Ref, n.r.says("Ready"))
		}
		if !l.wantedAttempt(n) {
			return l.awaited(l.ask.Policy.ProgressDeadline, "%s has failed with %s, which is not what is wanted: %s", n.r.Ref, orNone(n.r.AttemptedRevision), n.r.says("Ready"))
		}
		since := latest(l.releaseFailingSince(n, c), l.ask.MergedAt)
		until := since.Add(n.r.retry())
		if l.s.ReadAt.Before(until) && !n.r.is("Stalled") {
			p := pending(until, "%s has failed and may be tried again: %s", n.r.Ref, n.r.says("Ready"))
			p.since = since
			return p
		}
		return l.failure(n.r.Ref.String()+" has failed: "+n.r.says("Ready"), since, n.r.Ref, []Ref{n.r.Ref})
	}
	return nil
}

// failed reports whether a reason is the end of a release that went wrong. What
// was rolled back or uninstalled well has failed all the same.
func (n releaseNode) failed(reason string) bool {
	return slices.Contains([]string{"InstallFailed", "UpgradeFailed", "TestFailed"}, reason) ||
		strings.HasPrefix(reason, "Rollback") || strings.HasPrefix(reason, "Uninstall") || n.r.is("Stalled")
}

// wantedAttempt reports whether what was tried last is what the commit wants.
func (l *fluxLook) wantedAttempt(n releaseNode) bool {
	want, ok := l.ask.want(n.r.Ref)
	return !ok || want.Version == "" || sameVersion(want.Version, n.r.AttemptedRevision)
}

func (l *fluxLook) releaseFailingSince(n releaseNode, c FluxCondition) (since time.Time) {
	since = c.At
	for i := len(l.before) - 1; i >= 0; i-- {
		b := l.before[i].release(n.r.Ref)
		if b == nil || b.UID != n.r.UID || b.Generation != n.r.Generation || b.is("Ready") {
			break
		}
		if was, ok := b.condition("Ready"); ok && was.Status == "False" && n.failed(was.Reason) && was.At.Before(since) {
			since = was.At
		}
	}
	return since
}

// releaseObserved asks whether the status is about the spec, from the status's
// own generation: the condition's is moved by accident.
func (l *fluxLook) releaseObserved() *stop {
	for _, n := range l.releases {
		r := n.r
		if r.Generation == 0 || r.Observed != r.Generation || r.AttemptedGeneration != r.Generation && r.AttemptedGeneration != 0 {
			if c, ok := r.condition("Ready"); ok && c.Status == "False" && (c.Reason == "ArtifactFailed" || c.Reason == "DependencyNotReady") {
				return l.awaited(l.ask.Policy.ProgressDeadline, "%s: %s", r.Ref, r.says("Ready"))
			}
			return l.awaited(l.ask.Policy.ProgressDeadline, "%s is at generation %d and its status at %d", r.Ref, r.Generation, r.Observed)
		}
	}
	return nil
}

// chartSource is the source of a release's chart where it follows the commit.
func (l *fluxLook) chartSource(n releaseNode) *FluxSource {
	if n.chart == nil || n.chart.Ref.Kind != "HelmChart" {
		return nil
	}
	from := l.s.source(n.chart.From)
	if from == nil || from.Ref.Kind != "GitRepository" || !l.ask.follows(from) {
		return nil
	}
	return from
}

// charted asks for the chart: that it was made of the commit where it lives in
// the repository, and that it is the one that was released.
func (l *fluxLook) charted() *stop {
	for _, n := range l.releases {
		if n.chart == nil {
			return blind("the chart of %s, %s, is not in the cluster's list", n.r.Ref, n.r.Chart)
		}
		if stop := l.sourceReady(n.chart); stop != nil {
			return stop
		}
		if l.chartSource(n) != nil && n.role != dependency {
			switch l.holds(&FluxSource{}, n.chart.FromAt, "") {
			case No:
				return l.awaited(l.ask.Policy.ProgressDeadline, "%s was made of %s, which does not hold %s", n.chart.Ref, orNone(n.chart.FromAt), short(l.ask.Commit))
			case Unknown:
				return blind("whether %s, of which %s was made, holds %s is not known", orNone(n.chart.FromAt), n.chart.Ref, short(l.ask.Commit))
			}
		}
		if len(n.r.History) == 0 {
			continue
		}
		d := n.r.History[0]
		released := sameVersion(n.chart.Revision, d.Version)
		if n.chart.Ref.Kind == "OCIRepository" {
			released = d.Digest != "" && d.Digest == fluxDigest(n.chart.Revision)
		}
		if !released {
			return l.awaited(l.ask.Policy.ProgressDeadline, "%s is at %s and %s has released %s", n.chart.Ref, orNone(n.chart.Revision), n.r.Ref, d.Version)
		}
	}
	return nil
}

// sameVersion compares chart versions. A build suffix, which Flux makes of the
// revision, is only compared when it is wanted.
func sameVersion(want, have string) bool {
	if !strings.Contains(want, "+") {
		have, _, _ = strings.Cut(have, "+")
	}
	return want != "" && want == have
}

func (l *fluxLook) releaseReady() *stop {
	for _, n := range l.releases {
		r := n.r
		for _, kind := range []string{"Stalled", "Reconciling", "Remediated", "Drifted"} {
			if r.is(kind) {
				return l.awaited(l.ask.Policy.ProgressDeadline, "%s: %s", r.Ref, r.says(kind))
			}
		}
		if stop := l.ready(&r.FluxObject); stop != nil {
			return stop
		}
		ready, _ := r.condition("Ready")
		tests, tested := r.condition("TestSuccess")
		switch {
		case !slices.Contains([]string{"InstallSucceeded", "UpgradeSucceeded", "TestSucceeded"}, ready.Reason):
			return blind("%s is ready for a reason that is no release: %s", r.Ref, r.says("Ready"))
		case !r.is("Released"):
			return l.awaited(l.ask.Policy.ProgressDeadline, "%s is ready and not released: %s", r.Ref, r.says("Released"))
		case tested && tests.Status == "False":
			return blind("%s is ready, and its tests are not: %s", r.Ref, r.says("TestSuccess"))
		case r.Failures != 0:
			return l.awaited(l.ask.Policy.ProgressDeadline, "%s is ready and counts %d failures", r.Ref, r.Failures)
		}
	}
	return nil
}

func (l *fluxLook) deployed() *stop {
	for _, n := range l.releases {
		switch h := n.r.History; {
		case len(h) == 0:
			return blind("%s is ready and has no history", n.r.Ref)
		case h[0].Status != "deployed":
			return l.awaited(l.ask.Policy.ProgressDeadline, "%s is ready and its last release is %s", n.r.Ref, orNone(h[0].Status))
		}
	}
	return nil
}

// wanted asks whether what is released is what the commit wants, and not what
// was there before it: a release has no commit to tell.
func (l *fluxLook) wanted() *stop {
	patience := l.ask.Policy.ProgressDeadline
	for _, n := range l.releases {
		if n.role != own || len(n.r.History) == 0 {
			continue
		}
		want, known := l.ask.want(n.r.Ref)
		d, base := n.r.History[0], l.ask.Base.release(n.r.Ref)
		before := base != nil && len(base.History) > 0
		switch {
		case want.Version != "" && !sameVersion(want.Version, d.Version):
			return l.awaited(patience, "%s has released %s and not %s", n.r.Ref, orNone(d.Version), want.Version)
		case want.Digest != "" && want.Digest != d.Digest:
			return l.awaited(patience, "%s has released %s and not %s", n.r.Ref, orNone(d.Digest), want.Digest)
		case want.Config != "" && want.Config != d.Config:
			return l.awaited(patience, "%s has released other values: their digest is %s and not %s", n.r.Ref, orNone(d.Config), want.Config)
		case want.Values && want.Config == "" && !before:
			return blind("whether the values of %s have changed is not known: nor is what they were before the merge", n.r.Ref)
		case want.Values && want.Config == "" && (d.Config == "" || d.Config == base.History[0].Config):
			return l.awaited(patience, "%s has released the values from before the merge", n.r.Ref)
		}
		proven := want.Version != "" && before && base.History[0].Version != d.Version || want.Digest != "" || want.Config != "" || want.Values
		changes := known || slices.Contains(l.ask.Expect.Resources, n.r.Ref)
		if changes && !proven && before && base.Generation == n.r.Generation && l.chartSource(n) == nil {
			return l.awaited(patience, "the spec of %s is the one from before the merge", n.r.Ref)
		}
	}
	return nil
}
