package converge

import (
	"slices"
	"strings"
	"testing"
	"time"

	"promoter/promoter"
)

func judged(t *testing.T, ask FluxAsk, seen []FluxSnapshot, want promoter.Outcome, reason string) promoter.Convergence {
	t.Helper()
	got := Flux(ask, seen, seen[len(seen)-1].ReadAt)
	if got.Outcome != want || !strings.Contains(got.Reason, reason) {
		t.Errorf("%s: %s; want %s: …%s…", got.Outcome, got.Reason, want, reason)
	}
	return got
}

// F-e: only the newest commit of a branch is ever reconciled.
func TestFluxSkippedCommit(t *testing.T) {
	t.Parallel()
	ask, _ := fluxSettled()
	s := fluxHandled(fluxLooked("main@sha1:"+commitY, after(40)))
	judged(t, ask, []FluxSnapshot{s}, promoter.Converged, "")
	delete(ask.History, commitY)
	judged(t, ask, []FluxSnapshot{s}, promoter.Blind, "is not known")
	if got := FluxCommits(ask, s); !slices.Equal(got, []string{commitY}) {
		t.Errorf("commits to ask for: %v", got)
	}
}

// F-k: an OCI artifact has no commit but the one that it says it was made of.
func TestFluxArtifactOfACommit(t *testing.T) {
	t.Parallel()
	ask, s := fluxSettled()
	at := "latest@sha256:" + strings.Repeat("b", 64)
	source := FluxSource{FluxObject: fluxObject(ociRef, "Succeeded", after(30)), URL: "oci://registry.example.com/gitops", Pinned: "tag latest", Revision: at}
	source.Ref.Name, source.Handled = "gitops", "t1"
	s.Sources = append(s.Sources, source)
	for _, i := range []int{0, 2} {
		k := &s.Kustomizations[i]
		k.Source, k.Applied, k.Attempted = source.Ref, at, at
	}
	oci := &s.Sources[3]
	judged(t, ask, []FluxSnapshot{s}, promoter.Blind, "neither the artifact nor the change says")
	oci.Origin, s.Kustomizations[0].AppliedOrigin, s.Kustomizations[2].AppliedOrigin = atX, atX, atX
	judged(t, ask, []FluxSnapshot{s}, promoter.Converged, "")
	s.Kustomizations[2].AppliedOrigin = atO
	judged(t, ask, []FluxSnapshot{s}, promoter.Pending, "")
	oci.Origin, s.Kustomizations[0].AppliedOrigin, s.Kustomizations[2].AppliedOrigin = "", "", ""
	ask.Expect.Artifacts = []FluxArtifact{{URL: source.URL, Digest: "sha256:" + strings.Repeat("b", 64)}}
	judged(t, ask, []FluxSnapshot{s}, promoter.Converged, "")
	ask.Expect.Artifacts[0].Digest = "sha256:" + strings.Repeat("c", 64)
	judged(t, ask, []FluxSnapshot{s}, promoter.Pending, "does not hold")
}

// F5: what a Kustomization renders is asked for too, and dependencies before it,
// whatever they follow.
func TestFluxRendersKustomizations(t *testing.T) {
	t.Parallel()
	ask, _ := fluxSettled()
	ask.App = rootRef
	fresh := func() FluxSnapshot { _, s := fluxSettled(); return s }
	judged(t, ask, []FluxSnapshot{fresh()}, promoter.Converged, "")

	s := fresh()
	s.Kustomizations[2].Applied, s.Kustomizations[2].Attempted = atO, atO
	judged(t, ask, []FluxSnapshot{s}, promoter.Pending, "Kustomization flux-system/cart has applied")
	s = fresh()
	s.Kustomizations[2].Suspended = true
	judged(t, ask, []FluxSnapshot{s}, promoter.Blocked, "cart is suspended")
	s = fresh()
	condition(&s.Releases[0].FluxObject, "Ready", "False", "UpgradeFailed", after(60))
	judged(t, ask, []FluxSnapshot{s}, promoter.Failed, "HelmRelease shop/redis")
	s = fresh()
	s.Kustomizations[1].Applied = "v0@sha256:" + strings.Repeat("e", 64)
	judged(t, ask, []FluxSnapshot{s}, promoter.Pending, "Kustomization flux-system/infra has applied v0")
	s = fresh() // what the commit changes comes from an artifact that names no commit
	s.Kustomizations[1].Inventory = []Ref{workload}
	judged(t, ask, []FluxSnapshot{s}, promoter.Blind, "neither the artifact nor the change says")

	// Of two children one depends on the other: it is asked as a child all the same.
	s = fresh()
	s.Kustomizations[2].DependsOn, s.Kustomizations[1].Inventory = []Ref{infraRef}, []Ref{redisRef}
	ask.Expect.Resources = []Ref{redisRef}
	s.Kustomizations[1].Source, s.Kustomizations[1].Applied, s.Kustomizations[1].Attempted = gitRef, atX, atX
	s.Kustomizations[2].Inventory = nil
	judged(t, ask, []FluxSnapshot{s}, promoter.Converged, "")
	s.Releases[0].Suspended = true
	judged(t, ask, []FluxSnapshot{s}, promoter.Blocked, "redis is suspended")
	s.Kustomizations[1].DependsOn = []Ref{cartRef} // a circle ends
	judged(t, ask, []FluxSnapshot{s}, promoter.Blocked, "redis is suspended")
}

// F-h: a status that never catches up is blindness and no failure, however long.
func TestFluxStatusNeverCatchesUp(t *testing.T) {
	t.Parallel()
	ask, s := fluxSettled()
	s.Kustomizations[2].Generation = 4
	judged(t, ask, []FluxSnapshot{s}, promoter.Pending, "generation 4")
	s.ReadAt = after(9000)
	judged(t, ask, []FluxSnapshot{s}, promoter.Blind, "for 5m0s now")
}

// F-d: a cancelled health check never becomes a failure.
func TestFluxCancelledIsNoFailure(t *testing.T) {
	t.Parallel()
	ask, s := fluxSettled()
	s.ReadAt = after(9000)
	k := &s.Kustomizations[2]
	k.Applied = atO
	condition(&k.FluxObject, "Ready", "False", "HealthCheckCanceled", after(60))
	judged(t, ask, []FluxSnapshot{s}, promoter.Blind, "HealthCheckCanceled")
	ask, s = fluxSettled()
	s.ReadAt = after(9000)
	r := &s.Releases[0]
	condition(&r.FluxObject, "Ready", "False", "UpgradeFailed", after(60))
	judged(t, ask, []FluxSnapshot{s}, promoter.Failed, "UpgradeFailed")
	r.Conditions[len(r.Conditions)-1].Message = "health check was canceled: new revision"
	judged(t, ask, []FluxSnapshot{s}, promoter.Blind, "was cancelled")
}

// A failure counts when it has outlived a retry, and retries move the
// condition's time: the history, or looks, remember when it began.
func TestFluxFailureOutlivesARetry(t *testing.T) {
	t.Parallel()
	ask, s := fluxSettled()
	k := &s.Kustomizations[2]
	k.Applied, k.Observed = atO, 2
	condition(&s.Releases[0].FluxObject, "Ready", "False", "UpgradeFailed", after(100))
	condition(&k.FluxObject, "Ready", "False", "HealthCheckFailed", after(190))
	judged(t, ask, []FluxSnapshot{s}, promoter.Pending, "will be tried again")

	earlier := fluxHandled(fluxLooked(atX, after(40)))
	earlier.ReadAt = after(130)
	was := &earlier.Kustomizations[2]
	was.Applied, was.Observed = atO, 2
	condition(&was.FluxObject, "Ready", "False", "HealthCheckFailed", after(120))
	got := judged(t, ask, []FluxSnapshot{earlier, s}, promoter.Failed, "has failed for 1m0s")
	if !got.Attributable || !got.Since.Equal(after(120)) {
		t.Errorf("attributable %v since %s", got.Attributable, got.Since)
	}

	k.History = []FluxHistory{{Status: "HealthCheckFailed", Revision: atX, First: after(90), Last: after(190)}}
	got = judged(t, ask, []FluxSnapshot{s}, promoter.Failed, "has failed for 1m0s")
	if !got.Attributable || !got.Since.Equal(after(90)) {
		t.Errorf("attributable %v since %s", got.Attributable, got.Since)
	}
	// Before the commit the same failure is no failure of the commit.
	k.Attempted, k.History[0].Revision = atO, atO
	judged(t, ask, []FluxSnapshot{s}, promoter.Pending, "does not hold")
}

func TestFluxAttribution(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change func(*FluxAsk)
		why    string
	}{
		"base not known": {func(a *FluxAsk) { a.Base = FluxSnapshot{} }, "is not known"},
		"ill before": {func(a *FluxAsk) {
			condition(&a.Base.Releases[0].FluxObject, "Ready", "False", "UpgradeFailed", after(-70))
		}, "before the merge"},
		"does not change it": {func(a *FluxAsk) { a.Expect.Changed = false }, "does not change it"},
		"something else":     {func(a *FluxAsk) { a.Expect.Resources, a.Expect.Releases = []Ref{workload}, nil }, ""},
	}
	for name, tt := range cases {
		ask, s := fluxSettled()
		condition(&s.Releases[0].FluxObject, "Ready", "False", "UpgradeFailed", after(60))
		if got := Flux(ask, []FluxSnapshot{s}, s.ReadAt); got.Outcome != promoter.Failed || !got.Attributable {
			t.Fatalf("%s: %s, attributable %v", got.Outcome, got.Reason, got.Attributable)
		}
		tt.change(&ask)
		got := Flux(ask, []FluxSnapshot{s}, s.ReadAt)
		if got.Attributable || !strings.Contains(strings.Join(got.Evidence, "\n"), tt.why) {
			t.Errorf("%s: %s, attributable %v\n%s", name, got.Outcome, got.Attributable, strings.Join(got.Evidence, "\n"))
		}
	}
}

// A release that the commit does not touch has its own troubles.
func TestFluxOthersReleaseIsNotAsked(t *testing.T) {
	t.Parallel()
	ask, s := fluxSettled()
	condition(&s.Releases[0].FluxObject, "Ready", "False", "UpgradeFailed", after(60))
	ask.Expect.Resources, ask.Expect.Releases = []Ref{workload}, nil
	judged(t, ask, []FluxSnapshot{s}, promoter.Converged, "")
	ask.Expect.Resources = nil
	judged(t, ask, []FluxSnapshot{s}, promoter.Failed, "UpgradeFailed")
}

// Health that was read from objects is not timed: looks, or patience, time it.
func TestFluxDwellByLooks(t *testing.T) {
	t.Parallel()
	ask, s := fluxSettled()
	at := func(seconds int, state string) FluxSnapshot {
		l := fluxHandled(fluxLooked(atX, after(40)))
		l.ReadAt, l.Health[0].State = after(seconds), state
		return l
	}
	judged(t, ask, []FluxSnapshot{at(120, "Current")}, promoter.Pending, "must be for 30s")
	judged(t, ask, []FluxSnapshot{at(90, "Current"), at(120, "Current")}, promoter.Converged, "")
	judged(t, ask, []FluxSnapshot{at(80, "Current"), at(90, "InProgress"), at(119, "Current")}, promoter.Pending, "must be for 30s")
	judged(t, ask, []FluxSnapshot{s}, promoter.Converged, "")
	judged(t, ask, []FluxSnapshot{at(100, "Failed"), at(190, "Failed")}, promoter.Failed, "for 1m0s now")
	got := judged(t, ask, []FluxSnapshot{at(9000, "Failed")}, promoter.Failed, "")
	if got.Attributable {
		t.Error("one look attributes a failure that may come and go")
	}
}

// Answers of a cache that is behind are seen through.
func TestFluxOlderAnswer(t *testing.T) {
	t.Parallel()
	ask, s := fluxSettled()
	earlier := fluxHandled(fluxLooked(atX, after(40)))
	earlier.ReadAt = after(150)
	earlier.Kustomizations[2].Version = "800"
	judged(t, ask, []FluxSnapshot{earlier, s}, promoter.Blind, "older than one from before")
}

func TestFluxRequest(t *testing.T) {
	t.Parallel()
	ask, s := fluxSettled()
	if objects, _ := FluxRequest(ask, s); objects != nil {
		t.Errorf("all is done, and %v are to be asked", objects)
	}
	s.Sources[0].Revision = atO
	for asked, want := range []time.Time{s.ReadAt, after(7), after(12), after(22), after(42), after(82), after(122), after(122)} {
		ask.Asked = asked
		objects, due := FluxRequest(ask, s)
		if !slices.Equal(objects, []Ref{gitRef}) || !due.Equal(want) {
			t.Errorf("after %d: %v at %s, want %s", asked, objects, due, want)
		}
	}
	s.Kustomizations[2].Suspended = true
	if objects, _ := FluxRequest(ask, s); objects != nil {
		t.Errorf("it is suspended, and %v are to be asked", objects)
	}
	ask, s = fluxSettled()
	s.Releases[0].History[0].Config = "sha256:values-1"
	if objects, _ := FluxRequest(ask, s); !slices.Equal(objects, []Ref{redisRef}) {
		t.Errorf("values from elsewhere: %v", objects)
	}
}

func TestFluxCommit(t *testing.T) {
	t.Parallel()
	for revision, want := range map[string]string{
		"main@sha1:" + commitX: commitX, "sha1:" + commitX: commitX, "feature/a@b@sha1:" + commitX: commitX,
		"main": "", "main@sha1:111": "", "main/" + commitX: "", commitX: "", "": "", "@": "", "main@md5:" + commitX: "", "main@sha256:" + commitX: "",
	} {
		if got, ok := FluxCommit(revision); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q, %v", revision, got, ok)
		}
	}
}

// BenchmarkFlux is one answer in a cluster of 500 Kustomizations.
func BenchmarkFlux(b *testing.B) {
	ask, s := fluxSettled()
	for range 500 {
		k := s.Kustomizations[2]
		k.Ref.Name, k.Inventory = k.Ref.Name+"x", slices.Repeat([]Ref{{Kind: "Service", Name: "other"}}, 50)
		s.Kustomizations = append(s.Kustomizations, k)
	}
	seen := []FluxSnapshot{s}
	b.ReportAllocs()
	for b.Loop() {
		if Flux(ask, seen, s.ReadAt).Outcome != promoter.Converged {
			b.Fatal("it has not converged")
		}
	}
}

func TestFluxNow(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*FluxSnapshot)
		want   promoter.Outcome
		reason string
	}{
		"well":       {func(*FluxSnapshot) {}, promoter.Converged, "applied and healthy"},
		"suspended":  {func(s *FluxSnapshot) { s.Sources[0].Suspended = true }, promoter.Blocked, "suspended"},
		"on its way": {func(s *FluxSnapshot) { s.Kustomizations[2].Attempted = atX }, promoter.Pending, "and is at"},
		"failed": {func(s *FluxSnapshot) {
			condition(&s.Releases[0].FluxObject, "Ready", "False", "UpgradeFailed", after(-9000))
		}, promoter.Failed, "UpgradeFailed"},
		"not applied": {func(s *FluxSnapshot) {
			condition(&s.Kustomizations[2].FluxObject, "Ready", "False", "BuildFailed", after(-9))
		}, promoter.Failed, "BuildFailed"},
		"not read": {func(s *FluxSnapshot) { s.Health = nil }, promoter.Blind, "was not read"},
		"ill":      {func(s *FluxSnapshot) { s.Health[1].State = "Failed" }, promoter.Pending, "is Failed"},
		"gone":     {func(s *FluxSnapshot) { s.Kustomizations = s.Kustomizations[:2] }, promoter.Blind, "not in the cluster's list"},
		"another":  {func(s *FluxSnapshot) { s.Cluster = "green" }, promoter.Blind, "green"},
	} {
		s := fluxLooked(atO, after(-9000))
		tt.change(&s)
		got := FluxNow(FluxAsk{App: cartRef, Cluster: "blue", Repo: repoURL, Branch: "main"}, s, s.ReadAt)
		if got.Outcome != tt.want || !strings.Contains(got.Reason, tt.reason) {
			t.Errorf("%s: %s: %s", name, got.Outcome, got.Reason)
		}
	}
}

// What is kept of a look gives the same answer as all of it.
func TestAPartOfASnapshotSuffices(t *testing.T) {
	t.Parallel()
	for _, app := range []Ref{cartRef, redisRef, infraRef} {
		ask, s := fluxSettled()
		ask.App = app
		for _, name := range []string{"a", "b"} {
			other := Ref{Group: FluxApplyGroup, Kind: "Kustomization", Namespace: "other", Name: name}
			s.Kustomizations = append(s.Kustomizations, FluxKustomization{FluxObject: fluxObject(other, "ReconciliationSucceeded", after(40)), Source: gitRef})
		}
		part := FluxPart(ask, s)
		if len(part.Kustomizations) > 3 {
			t.Errorf("%s: %d Kustomizations are kept", app, len(part.Kustomizations))
		}
		all, some := Flux(ask, []FluxSnapshot{s}, after(201)), Flux(ask, []FluxSnapshot{part}, after(201))
		if all.Outcome != some.Outcome || all.Reason != some.Reason {
			t.Errorf("%s: %s: %s, and of a part %s: %s", app, all.Outcome, all.Reason, some.Outcome, some.Reason)
		}
	}
	ask, s := fluxSettled()
	if got := FluxContents(ask, s); !slices.Equal(got, []Ref{workload, agentRef}) {
		t.Errorf("contents: %v", got)
	}
}
