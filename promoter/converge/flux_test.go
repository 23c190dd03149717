package converge

import (
	"slices"
	"strings"
	"testing"
	"time"

	"promoter/promoter"
)

var (
	gitRef     = Ref{Group: FluxSourceGroup, Kind: "GitRepository", Namespace: "flux-system", Name: "flux-system"}
	ociRef     = Ref{Group: FluxSourceGroup, Kind: "OCIRepository", Namespace: "flux-system", Name: "infra"}
	chartRef   = Ref{Group: FluxSourceGroup, Kind: "HelmChart", Namespace: "shop", Name: "shop-redis"}
	rootRef    = Ref{Group: FluxApplyGroup, Kind: "Kustomization", Namespace: "flux-system", Name: "flux-system"}
	infraRef   = Ref{Group: FluxApplyGroup, Kind: "Kustomization", Namespace: "flux-system", Name: "infra"}
	cartRef    = Ref{Group: FluxApplyGroup, Kind: "Kustomization", Namespace: "flux-system", Name: "cart"}
	redisRef   = Ref{Group: FluxHelmGroup, Kind: "HelmRelease", Namespace: "shop", Name: "redis"}
	agentRef   = Ref{Group: "apps", Kind: "DaemonSet", Namespace: "shop", Name: "agent"}
	atX        = "main@sha1:" + commitX
	atO        = "main@sha1:" + commitO
	infraAt    = "v1@sha256:" + strings.Repeat("a", 64)
	fluxValues = "sha256:values-2"
)

func fluxObject(ref Ref, reason string, at time.Time, more ...FluxCondition) FluxObject {
	return FluxObject{
		Ref: ref, UID: "uid-" + ref.Name + ref.Kind, Version: "700", Generation: 3, Observed: 3, Interval: time.Minute,
		Conditions: append([]FluxCondition{{Type: "Ready", Status: "True", Reason: reason, Observed: 3, At: at}}, more...),
	}
}

// fluxLooked is a cluster where everything is at a revision, since a time.
func fluxLooked(revision string, at time.Time) FluxSnapshot {
	healthy := FluxCondition{Type: "Healthy", Status: "True", Reason: "Succeeded", At: at}
	kustomization := func(ref, source Ref, revision string, inventory ...Ref) FluxKustomization {
		return FluxKustomization{
			FluxObject: fluxObject(ref, "ReconciliationSucceeded", at, healthy), Source: source, Checks: true, Applied: revision, Attempted: revision,
			History:   []FluxHistory{{Status: "ReconciliationSucceeded", Revision: revision, First: at, Last: at}},
			Inventory: inventory, InventoryKnown: true,
		}
	}
	s := FluxSnapshot{
		Cluster: "blue",
		Sources: []FluxSource{
			{FluxObject: fluxObject(gitRef, "Succeeded", at), URL: "ssh://git@git.example.com/acme/gitops", Branch: "main", Revision: revision, At: at},
			{FluxObject: fluxObject(ociRef, "Succeeded", at), URL: "oci://registry.example.com/infra", Pinned: "v1", Revision: infraAt},
			{FluxObject: fluxObject(chartRef, "ChartPullSucceeded", at), Revision: "2.0.0"},
		},
		Kustomizations: []FluxKustomization{
			kustomization(rootRef, gitRef, revision, rootRef, infraRef, cartRef),
			kustomization(infraRef, ociRef, infraAt),
			kustomization(cartRef, gitRef, revision, workload, redisRef),
		},
		Releases: []FluxRelease{{
			FluxObject: fluxObject(redisRef, "UpgradeSucceeded", at, FluxCondition{Type: "Released", Status: "True", Reason: "UpgradeSucceeded", At: at}),
			Chart:      chartRef, Waits: true, AttemptedGeneration: 3, AttemptedRevision: "2.0.0", Inventory: []Ref{agentRef},
			History: []FluxDeployment{{Chart: "redis", Version: "2.0.0", Config: fluxValues, Status: "deployed"}},
		}},
		Health: []FluxHealth{{Ref: workload, State: "Current"}, {Ref: agentRef, State: "Current"}},
		Live:   []Item{{Ref: workload, Pointer: "/spec/replicas", Value: "3"}},
		ReadAt: after(200),
	}
	s.Kustomizations[2].DependsOn = []Ref{infraRef}
	return s
}

// fluxSettled is an application that has converged, 200 seconds after the merge.
func fluxSettled() (FluxAsk, FluxSnapshot) {
	base := fluxLooked(atO, after(-9000))
	base.ReadAt = after(-5)
	r := &base.Releases[0]
	r.Generation, r.Observed, r.AttemptedGeneration = 2, 2, 2
	r.AttemptedRevision, r.History[0].Version, r.History[0].Config = "1.0.0", "1.0.0", "sha256:values-1"
	return FluxAsk{
		App: cartRef, Cluster: "blue", Commit: commitX, Repo: repoURL, Branch: "main", MergedAt: merged, OnBranch: Yes,
		Token: "t1", Fence: after(2), Asked: 1, Base: base,
		History: map[string]Ancestry{
			commitY: {Holds: Yes, Same: Yes}, commitZ: {Holds: Yes, Same: No}, commitO: {Holds: No, Same: No},
		},
		Expect: FluxExpect{
			Changed: true, Resources: []Ref{workload, redisRef}, Releases: []FluxWant{{Ref: redisRef, Version: "2.0.0", Values: true}},
			Items: []Item{{Ref: workload, Pointer: "/spec/replicas", Value: "3"}},
		},
	}, fluxHandled(fluxLooked(atX, after(40)))
}

func fluxHandled(s FluxSnapshot) FluxSnapshot {
	s.Sources[0].Requested, s.Sources[0].Handled = "t1", "t1"
	return s
}

type fluxShift struct {
	name   string
	change func(*FluxAsk, *FluxSnapshot)
	want   promoter.Outcome
	reason string
}

func condition(o *FluxObject, kind, status, reason string, at time.Time) {
	o.Conditions = slices.DeleteFunc(o.Conditions, func(c FluxCondition) bool { return c.Type == kind })
	o.Conditions = append(o.Conditions, FluxCondition{Type: kind, Status: status, Reason: reason, At: at})
}

func look(change func(git *FluxSource, cart *FluxKustomization, redis *FluxRelease)) func(*FluxAsk, *FluxSnapshot) {
	return func(_ *FluxAsk, s *FluxSnapshot) { change(&s.Sources[0], &s.Kustomizations[2], &s.Releases[0]) }
}

// fluxShifts has, under the name of the step that catches each, what is not
// convergence. The traps have their names.
func fluxShifts() map[string][]fluxShift {
	type (
		src = *FluxSource
		kus = *FluxKustomization
		rel = *FluxRelease
	)
	return map[string][]fluxShift{
		"ask": {
			{"rewritten", func(a *FluxAsk, _ *FluxSnapshot) { a.OnBranch = No }, promoter.Rewritten, "no longer in the history of main"},
			{"history not read", func(a *FluxAsk, _ *FluxSnapshot) { a.OnBranch = Unknown }, promoter.Blind, "is not known"},
		},
		"cluster": {
			{"F-j another cluster's", func(_ *FluxAsk, s *FluxSnapshot) { s.Cluster = "green" }, promoter.Blind, `about cluster "green"`},
		},
		"reading": {
			{"old", func(_ *FluxAsk, s *FluxSnapshot) { s.ReadAt = after(9000) }, promoter.Blind, "clock"},
		},
		"chain": {
			{"inventory not known", look(func(_ src, k kus, _ rel) { k.InventoryKnown = false }), promoter.Blind, "what Kustomization flux-system/cart has applied is not known"},
			{"follows another repository", func(a *FluxAsk, _ *FluxSnapshot) { a.Repo = "https://git.example.com/acme/other" }, promoter.Blind, "nothing that it follows is main of"},
			{"dependency is not there", look(func(_ src, k kus, _ rel) { k.DependsOn = []Ref{infraRef, {Kind: "Kustomization", Name: "gone"}} }), promoter.Blind, "not in the cluster's list"},
			{"renders into another cluster", look(func(_ src, k kus, _ rel) { k.Remote = true }), promoter.Blind, "to another cluster"},
		},
		"F0 identity": {
			{"made anew", look(func(_ src, k kus, _ rel) { k.UID = "other" }), promoter.Blind, "another object"},
			{"deleting", look(func(_ src, k kus, _ rel) { k.Deleting = true }), promoter.Blocked, "deleted"},
			{"no uid", func(a *FluxAsk, s *FluxSnapshot) {
				s.Kustomizations[2].UID, a.Base.Kustomizations[2].UID = "", ""
			}, promoter.Blind, "no uid"},
		},
		"F0 suspended": {
			{"F-a suspended Kustomization acknowledges", look(func(_ src, k kus, _ rel) { k.Suspended = true }), promoter.Blocked, "Kustomization flux-system/cart is suspended"},
			{"F-a suspended source acknowledges", look(func(g src, _ kus, _ rel) { g.Suspended = true }), promoter.Blocked, "suspended"},
			{"F-a suspended release acknowledges", look(func(_ src, _ kus, r rel) { r.Suspended = true }), promoter.Blocked, "HelmRelease shop/redis is suspended"},
			{"F-a suspended chart", func(_ *FluxAsk, s *FluxSnapshot) { s.Sources[2].Suspended = true }, promoter.Blocked, "HelmChart"},
			{"F-a suspended parent", func(_ *FluxAsk, s *FluxSnapshot) { s.Kustomizations[0].Suspended = true }, promoter.Blocked, "suspended"},
		},
		"F1 revision": {
			{"source is behind", look(func(g src, _ kus, _ rel) { g.Revision = atO }), promoter.Pending, "does not hold 1111111111"},
			{"a branch is no revision", look(func(g src, _ kus, _ rel) { g.Revision = "main" }), promoter.Blind, "is not known"},
			{"short hash", look(func(g src, _ kus, _ rel) { g.Revision = "main@sha1:1111111" }), promoter.Blind, "is not known"},
			{"pinned", look(func(g src, _ kus, _ rel) { g.Revision, g.Pinned = atO, "tag v1" }), promoter.Blocked, "pinned to tag v1"},
		},
		"F1 handled": {
			{"request is not served", look(func(g src, _ kus, _ rel) { g.Handled = "t0" }), promoter.Pending, "has not served"},
		},
		"F1 ready": {
			{"fetch fails", look(func(g src, _ kus, _ rel) {
				condition(&g.FluxObject, "FetchFailed", "True", "GitOperationFailed", after(50))
			}), promoter.Blind, "cannot be fetched"},
			{"reconciling", look(func(g src, _ kus, _ rel) { condition(&g.FluxObject, "Reconciling", "True", "Progressing", after(50)) }), promoter.Pending, "being fetched"},
			{"stalled", look(func(g src, _ kus, _ rel) { condition(&g.FluxObject, "Stalled", "True", "URLInvalid", after(50)) }), promoter.Blind, "stalled"},
			{"another generation", look(func(g src, _ kus, _ rel) { g.Generation = 4 }), promoter.Pending, "generation 4"},
		},
		"F2 content": {
			{"superseded", look(func(_ src, k kus, _ rel) { k.Applied, k.Attempted = "main@sha1:"+commitZ, "main@sha1:"+commitZ }), promoter.Superseded, "changes what it reads"},
		},
		"F2 failed": {
			{"health check", look(func(_ src, k kus, _ rel) {
				k.Applied, k.Observed = atO, 2
				condition(&k.FluxObject, "Ready", "False", "HealthCheckFailed", after(60))
			}), promoter.Failed, "has failed for 1m0s"},
			{"build", look(func(_ src, k kus, _ rel) {
				k.Applied = atO
				condition(&k.FluxObject, "Ready", "False", "BuildFailed", after(60))
			}), promoter.Failed, "BuildFailed"},
			{"stalled", look(func(_ src, k kus, _ rel) { condition(&k.FluxObject, "Stalled", "True", "InvalidPath", after(60)) }), promoter.Failed, "has stalled"},
		},
		"F2 waiting": {
			{"F-d cancelled health check", look(func(_ src, k kus, _ rel) {
				k.Applied = atO
				condition(&k.FluxObject, "Ready", "False", "HealthCheckCanceled", after(60))
			}), promoter.Pending, "HealthCheckCanceled"},
			{"dependency not ready", look(func(_ src, k kus, _ rel) {
				k.Applied = atO
				condition(&k.FluxObject, "Ready", "False", "DependencyNotReady", after(60))
			}), promoter.Pending, "DependencyNotReady"},
			{"artifact not to be had", look(func(_ src, k kus, _ rel) {
				k.Applied = atO
				condition(&k.FluxObject, "Ready", "False", "ArtifactFailed", after(60))
			}), promoter.Blind, "cannot read its source"},
		},
		"F2 applied": {
			{"attempted and not applied", look(func(_ src, k kus, _ rel) { k.Applied = atO }), promoter.Pending, "is applying main@sha1:111"},
			{"parent is behind", func(_ *FluxAsk, s *FluxSnapshot) {
				s.Kustomizations[0].Applied, s.Kustomizations[0].Attempted = atO, atO
			}, promoter.Pending, "Kustomization flux-system/flux-system has applied"},
		},
		"F2 attempted": {
			{"a newer one is under way", look(func(_ src, k kus, _ rel) { k.Attempted = "main@sha1:" + commitY }), promoter.Pending, "and is at"},
		},
		"F2 generation": {
			{"F-h status lags behind the spec", look(func(_ src, k kus, _ rel) { k.Generation, k.Conditions[0].Observed = 4, 4 }), promoter.Pending, "generation 4 and its status at 3"},
		},
		"F2 ready": {
			{"F-f ready at another generation", look(func(_ src, k kus, _ rel) { k.Conditions[0].Observed = 2 }), promoter.Pending, "ready at 2"},
			{"F-f no condition yet", look(func(_ src, k kus, _ rel) { k.Conditions = k.Conditions[1:] }), promoter.Pending, "does not say whether it is ready"},
			{"reconciling", look(func(_ src, k kus, _ rel) {
				condition(&k.FluxObject, "Reconciling", "True", "ProgressingWithRetry", after(60))
			}), promoter.Pending, "ProgressingWithRetry"},
			{"not ready dependency", func(_ *FluxAsk, s *FluxSnapshot) {
				condition(&s.Kustomizations[1].FluxObject, "Ready", "False", "HealthCheckFailed", after(60))
			}, promoter.Pending, "infra"},
		},
		"F2 history": {
			{"last reconcile failed", look(func(_ src, k kus, _ rel) { k.History[0].Status = "HealthCheckFailed" }), promoter.Pending, "ended with HealthCheckFailed"},
		},
		"F2 healthy": {
			{"F-b ready and not healthy", look(func(_ src, k kus, _ rel) { condition(&k.FluxObject, "Healthy", "False", "Failed", after(60)) }), promoter.Pending, "not healthy"},
			{"F-b no health at all", look(func(_ src, k kus, _ rel) { k.Conditions = k.Conditions[:1] }), promoter.Pending, "not healthy"},
		},
		"F3 failed": {
			{"upgrade", look(func(_ src, _ kus, r rel) {
				r.Observed = 2
				condition(&r.FluxObject, "Ready", "False", "UpgradeFailed", after(60))
			}), promoter.Failed, "has failed"},
			{"rolled back", look(func(_ src, _ kus, r rel) { condition(&r.FluxObject, "Ready", "False", "RollbackSucceeded", after(60)) }), promoter.Failed, "RollbackSucceeded"},
			{"F-g failure from before a revert stays", look(func(_ src, _ kus, r rel) { condition(&r.FluxObject, "Ready", "False", "UpgradeFailed", after(-60)) }), promoter.Blocked, "from before the merge"},
			{"F-d the new version takes the old one's failure", look(func(_ src, _ kus, r rel) {
				r.AttemptedRevision = "1.5.0"
				condition(&r.FluxObject, "Ready", "False", "UpgradeFailed", after(60))
			}), promoter.Pending, "1.5.0, which is not what is wanted"},
		},
		"F3 generation": {
			{"F-c ready from before", look(func(_ src, _ kus, r rel) { r.Generation, r.Conditions[0].Observed = 4, 4 }), promoter.Pending, "generation 4 and its status at 3"},
			{"not attempted", look(func(_ src, _ kus, r rel) { r.AttemptedGeneration = 2 }), promoter.Pending, "generation 3"},
		},
		"F3 chart": {
			{"chart is newer", func(_ *FluxAsk, s *FluxSnapshot) { s.Sources[2].Revision = "2.0.1" }, promoter.Pending, "has released 2.0.0"},
		},
		"F3 ready": {
			{"remediated", look(func(_ src, _ kus, r rel) {
				condition(&r.FluxObject, "Remediated", "True", "RollbackSucceeded", after(60))
			}), promoter.Pending, "Remediated"},
			{"not released", look(func(_ src, _ kus, r rel) { r.Conditions = r.Conditions[:1] }), promoter.Pending, "not released"},
			{"strange reason", look(func(_ src, _ kus, r rel) { condition(&r.FluxObject, "Ready", "True", "Strange", after(60)) }), promoter.Blind, "no release"},
			{"failures", look(func(_ src, _ kus, r rel) { r.Failures = 1 }), promoter.Pending, "1 failures"},
			{"tests", look(func(_ src, _ kus, r rel) { condition(&r.FluxObject, "TestSuccess", "False", "TestFailed", after(60)) }), promoter.Blind, "tests"},
		},
		"F3 deployed": {
			{"superseded release", look(func(_ src, _ kus, r rel) { r.History[0].Status = "pending-upgrade" }), promoter.Pending, "pending-upgrade"},
		},
		"F3 wanted": {
			{"F-c the chart from before", func(_ *FluxAsk, s *FluxSnapshot) {
				s.Releases[0].History[0].Version, s.Sources[2].Revision = "1.0.0", "1.0.0"
			}, promoter.Pending, "not 2.0.0"},
			{"F-c the values from before", look(func(_ src, _ kus, r rel) { r.History[0].Config = "sha256:values-1" }), promoter.Pending, "values from before"},
			{"F-c the spec from before", func(a *FluxAsk, s *FluxSnapshot) {
				a.Expect.Releases = nil
				r := &s.Releases[0]
				r.Generation, r.Observed, r.AttemptedGeneration, r.Conditions[0].Observed = 2, 2, 2, 2
			}, promoter.Pending, "is the one from before the merge"},
			{"digest", func(a *FluxAsk, _ *FluxSnapshot) { a.Expect.Releases[0].Digest = "sha256:b" }, promoter.Pending, "not sha256:b"},
		},
		"F4 health": {
			{"F-i DaemonSet is not waited for", func(_ *FluxAsk, s *FluxSnapshot) { s.Health[1].State = "InProgress" }, promoter.Pending, "DaemonSet shop/agent is InProgress"},
			{"F-i DaemonSet not read", func(_ *FluxAsk, s *FluxSnapshot) { s.Health = s.Health[:1] }, promoter.Blind, "was not read"},
			{"F-b applied only", func(a *FluxAsk, s *FluxSnapshot) {
				a.Expect.Resources = []Ref{redisRef}
				s.Kustomizations[2].Checks, s.Health = false, s.Health[1:]
			}, promoter.Blind, "it is applied, and whether Deployment shop/cart is healthy was not read"},
			{"F-f no status", func(_ *FluxAsk, s *FluxSnapshot) { s.Health[0].State = "Unknown" }, promoter.Blind, "Unknown"},
			{"in another cluster", func(a *FluxAsk, s *FluxSnapshot) {
				a.Expect.Resources, a.Expect.Releases = []Ref{workload}, nil
				k := &s.Kustomizations[2]
				k.Remote, k.Checks, k.Inventory = true, false, []Ref{workload}
			}, promoter.Blind, "whether what is there is healthy"},
			{"release does not wait", look(func(_ src, _ kus, r rel) { r.Waits, r.Inventory = false, nil }), promoter.Blind, "does not wait"},
		},
		"F4 content": {
			{"another value", func(_ *FluxAsk, s *FluxSnapshot) { s.Live[0].Value = "2" }, promoter.Pending, `is "2" and not "3"`},
			{"not read", func(_ *FluxAsk, s *FluxSnapshot) { s.Live = nil }, promoter.Pending, "was not read"},
		},
		"F4 dwell": {
			{"just ready", look(func(_ src, k kus, _ rel) { k.Conditions[0].At = after(190) }), promoter.Pending, "must be for 30s"},
			{"one look, untimed", look(func(_ src, k kus, _ rel) { k.Conditions[0].At = after(150) }), promoter.Pending, "must be for 30s"},
		},
	}
}

func TestFluxSettledHasConverged(t *testing.T) {
	t.Parallel()
	ask, s := fluxSettled()
	got := Flux(ask, []FluxSnapshot{s}, after(201))
	if got.Outcome != promoter.Converged || !got.Since.Equal(after(70)) {
		t.Fatalf("%s since %s: %s", got.Outcome, got.Since, got.Reason)
	}
	ask.App = redisRef
	if got := Flux(ask, []FluxSnapshot{s}, after(201)); got.Outcome != promoter.Converged {
		t.Fatalf("release: %s: %s", got.Outcome, got.Reason)
	}
}

// Each shift is caught by the step that it is listed under: without it another
// answer is given, and where nothing else looks at the fact, convergence.
func TestEveryFluxStepIsNeeded(t *testing.T) {
	t.Parallel()
	table := fluxShifts()
	for i, step := range fluxSteps() {
		if len(table[step.name]) == 0 {
			t.Errorf("no shift needs step %q", step.name)
		}
		others := slices.Delete(fluxSteps(), i, i+1)
		converged := false
		for _, tt := range table[step.name] {
			ask, s := fluxSettled()
			tt.change(&ask, &s)
			got := Flux(ask, []FluxSnapshot{s}, after(201))
			if got.Outcome != tt.want || !strings.Contains(got.Reason, tt.reason) {
				t.Errorf("%s/%s: %s: %s; want %s: …%s…", step.name, tt.name, got.Outcome, got.Reason, tt.want, tt.reason)
			}
			without := flux(ask, []FluxSnapshot{s}, after(201), others)
			converged = converged || without.Outcome == promoter.Converged
			if without.Outcome == got.Outcome && without.Reason == got.Reason {
				t.Errorf("%s/%s: without the step it is the same: %s", step.name, tt.name, got.Reason)
			}
		}
		if !converged && !strings.HasSuffix(step.name, "failed") && step.name != "F2 waiting" {
			t.Errorf("without step %q nothing is said to have converged that has not", step.name)
		}
	}
}
