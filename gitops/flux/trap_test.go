package flux_test

import (
	"strings"
	"testing"

	"promoter/gitops/flux"
	"promoter/promoter"
	"promoter/promoter/converge"
	world "promoter/test/world/flux"
)

// The traps that made other tools say "deployed" when nothing was, or "failed"
// when all was well. In each the server says what a real one would.

func TestF0WithoutATrap(t *testing.T) {
	s := begin(t)
	s.clock.set(after(5))
	s.want(promoter.Pending, "does not hold 1111111111")
	s.settle()
	got := s.want(promoter.Converged, "runs 1111111111")
	if !got.Since.Equal(after(70)) {
		t.Errorf("since %s", got.Since)
	}
	s.ask.App = redis
	s.want(promoter.Converged, "")
}

// A suspended object takes the request, says that it was handled, and that it
// is ready for its generation.
func TestFaSuspendedAcknowledges(t *testing.T) {
	for kind, name := range map[string]string{"Kustomization": "cart", "GitRepository": "gitops", "HelmRelease": "redis", "HelmChart": "shop-redis"} {
		t.Run(kind, func(t *testing.T) {
			s := begin(t)
			s.settle()
			s.server.Requested = func(o world.Object, token string) {
				o["status"].(map[string]any)["lastHandledReconcileAt"] = token
				s.server.Set(o)
			}
			if _, err := s.client.Request(t.Context(), "blue", git, "token-1"); err != nil {
				t.Fatal(err)
			}
			s.ask.Token = "token-1"
			s.want(promoter.Converged, "")
			s.change(kind, name, true, "spec", "suspend")
			s.want(promoter.Blocked, name+" is suspended")
		})
	}
}

// Without wait and health checks, ready only says that it was applied.
func TestFbReadyWithoutHealth(t *testing.T) {
	s := begin(t)
	s.settle()
	s.ask.Expect.Resources = []converge.Ref{redis}
	s.change("Kustomization", "cart", false, "spec", "wait")
	s.condition("Kustomization", "cart", "Healthy", "", "", 0)
	s.want(promoter.Converged, "")
	s.change("Deployment", "cart", 1, "status", "readyReplicas")
	s.want(promoter.Pending, "readyReplicas is 1 of 2")
	s.change("Kustomization", "cart", true, "spec", "wait")
	s.want(promoter.Pending, "it has no condition Healthy")
}

// The release was ready before the Kustomization applied the commit, and still
// says so.
func TestFcReleaseReadyFromBefore(t *testing.T) {
	s := begin(t)
	s.settle()
	s.change("HelmRelease", "redis", 4, "metadata", "generation")
	s.want(promoter.Pending, "generation 4 and its status at 3")
	s.change("HelmRelease", "redis", 4, "status", "lastAttemptedGeneration") // it has begun
	s.want(promoter.Pending, "generation 4 and its status at 3")

	s.state(commitX, "1.0.0", 2, 40) // all but the release has moved
	s.change("Deployment", "cart", []any{world.Object{"image": newTag}}, "spec", "template", "spec", "containers")
	s.want(promoter.Pending, "has released 1.0.0 and not 2.0.0")
	s.ask.Expect.Releases[0].Version = ""
	s.want(promoter.Pending, "the values from before the merge")
	s.ask.Expect.Releases = nil
	s.want(promoter.Pending, "is the one from before the merge")
}

// A newer revision cancels the health check of the one before it, and the
// failure is written down for the new one.
func TestFdCancelledHealthCheck(t *testing.T) {
	s := begin(t)
	s.settle()
	s.change("Kustomization", "cart", "main@sha1:"+commitO, "status", "lastAppliedRevision")
	s.condition("Kustomization", "cart", "Ready", "False", "HealthCheckCanceled", 60)
	s.want(promoter.Pending, "HealthCheckCanceled")
	s.clock.set(after(9000))
	s.want(promoter.Blind, "HealthCheckCanceled")

	s.settle()
	s.condition("HelmRelease", "redis", "Ready", "False", "UpgradeFailed", 60)
	s.want(promoter.Failed, "UpgradeFailed")
	s.change("HelmRelease", "redis", "1.5.0", "status", "lastAttemptedRevision")
	s.want(promoter.Pending, "which is not what is wanted")
}

// Only the newest commit is ever reconciled.
func TestFeSkippedCommit(t *testing.T) {
	s := begin(t)
	s.settle()
	s.state(commitY, "2.0.0", 3, 40)
	s.want(promoter.Converged, "")
	s.state(strings.Repeat("9", 40), "2.0.0", 3, 40)
	s.want(promoter.Blind, "is not known")
	if got := converge.FluxCommits(s.ask, s.seen[0]); len(got) != 1 || got[0] != strings.Repeat("9", 40) {
		t.Errorf("commits to ask for: %v", got)
	}
}

// An object without status passes for healthy as long as its controller has not
// seen it.
func TestFfNoStatusYet(t *testing.T) {
	s := begin(t)
	s.settle()
	s.server.Serve(append(world.Kinds(),
		world.Kind{Group: "db.example.com", Version: "v1", Name: "Database", Plural: "databases", Status: true},
		world.Kind{Group: "db.example.com", Version: "v1", Name: "Profile", Plural: "profiles"})...)
	database := converge.Ref{Group: "db.example.com", Kind: "Database", Namespace: "shop", Name: "orders"}
	profile := converge.Ref{Group: "db.example.com", Kind: "Profile", Namespace: "shop", Name: "small"}
	for _, kind := range []string{"Database", "Profile"} {
		name := map[string]string{"Database": "orders", "Profile": "small"}[kind]
		s.server.Set(world.Object{"apiVersion": "db.example.com/v1", "kind": kind, "metadata": map[string]any{"name": name, "namespace": "shop", "generation": 2}})
	}
	s.ask.Expect.Resources = append(s.ask.Expect.Resources, database, profile)
	s.want(promoter.Pending, "Database shop/orders is InProgress: it has no status yet")
	s.change("Database", "orders", []any{world.Object{"type": "Synced", "status": "True"}}, "status", "conditions")
	s.want(promoter.Blind, "does not say whether it is ready")
	s.change("Database", "orders", []any{world.Object{"type": "Ready", "status": "True", "observedGeneration": 1}}, "status", "conditions")
	s.want(promoter.Pending, "older spec")
	s.change("Database", "orders", []any{world.Object{"type": "Ready", "status": "True", "observedGeneration": 2}}, "status", "conditions")
	s.want(promoter.Converged, "")
	s.condition("Kustomization", "cart", "Ready", "", "", 0)
	s.want(promoter.Pending, "does not say whether it is ready")
}

// After a failed upgrade was reverted, the release does not become ready again.
func TestFgRevertedReleaseStaysFailed(t *testing.T) {
	s := begin(t)
	s.settle()
	s.condition("HelmRelease", "redis", "Ready", "False", "UpgradeFailed", -60)
	got := s.want(promoter.Blocked, "from before the merge")
	if got.Attributable {
		t.Error("the revert is blamed for what it reverts")
	}
}

// A status that never catches up is no failure of the change, and no success.
func TestFhStatusLagsBehind(t *testing.T) {
	s := begin(t)
	s.settle()
	s.change("Kustomization", "cart", 2, "metadata", "generation")
	s.condition("Kustomization", "cart", "Ready", "True", "ReconciliationSucceeded", 40)
	s.want(promoter.Pending, "generation 2 and its status at 1")
	s.clock.set(after(9000))
	s.want(promoter.Blind, "for 5m0s now")
}

// Helm does not wait for all pods of a DaemonSet.
func TestFiDaemonSetIsNotWaitedFor(t *testing.T) {
	s := begin(t)
	s.settle()
	s.change("DaemonSet", "agent", 1, "status", "updatedNumberScheduled")
	s.want(promoter.Pending, "DaemonSet shop/agent is InProgress: updatedNumberScheduled is 1 of 3")
	s.server.Delete("DaemonSet", "agent")
	s.want(promoter.Pending, "is NotFound")
}

// All clusters have objects of the same names.
func TestFjAnotherClustersAnswer(t *testing.T) {
	s := begin(t)
	s.settle()
	other := world.New(world.Kinds()...)
	other.Now = s.clock.read
	both, err := flux.New(flux.Options{Clusters: []flux.Cluster{{Name: "blue", Path: s.config}, {Name: "green", Path: kubeconfig(t, other)}}})
	if err != nil {
		t.Fatal(err)
	}
	listings := both.Lists(t.Context())
	if len(listings) != 2 || listings[0].Err != nil || listings[1].Err != nil {
		t.Fatalf("%v", listings)
	}
	if n, m := len(listings[0].Snapshot.Kustomizations), len(listings[1].Snapshot.Kustomizations); n != 1 || m != 0 {
		t.Errorf("%d Kustomizations in blue and %d in green", n, m)
	}
	seen := s.look()
	s.ask.Cluster = "green"
	if got := converge.Flux(s.ask, []converge.FluxSnapshot{seen}, after(200)); got.Outcome != promoter.Blind || !strings.Contains(got.Reason, `about cluster "blue"`) {
		t.Errorf("%s: %s", got.Outcome, got.Reason)
	}
}

// An OCI artifact is no commit: only what it was made of, or its digest, tells.
func TestFkArtifactWithoutCommit(t *testing.T) {
	s := begin(t)
	s.settle()
	digest := "sha256:" + strings.Repeat("b", 64)
	s.server.Set(world.Object{
		"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "OCIRepository",
		"metadata": world.Object{"name": "gitops", "namespace": "flux-system", "generation": 1},
		"spec":     world.Object{"url": "oci://registry.example.com/gitops", "interval": "1m", "ref": world.Object{"tag": "latest"}},
		"status": world.Object{
			"observedGeneration": 1, "artifact": world.Object{"revision": "latest@" + digest, "lastUpdateTime": "2025-03-04T12:00:30Z"},
			"conditions": []any{world.Object{"type": "Ready", "status": "True", "reason": "Succeeded", "lastTransitionTime": "2025-03-04T12:00:30Z"}},
		},
	})
	s.change("Kustomization", "cart", "OCIRepository", "spec", "sourceRef", "kind")
	for _, field := range []string{"lastAppliedRevision", "lastAttemptedRevision"} {
		s.change("Kustomization", "cart", "latest@"+digest, "status", field)
	}
	s.want(promoter.Blind, "neither the artifact nor the change says")
	s.ask.Expect.Artifacts = []converge.FluxArtifact{{URL: "oci://registry.example.com/gitops", Digest: digest}}
	s.want(promoter.Converged, "")
	s.ask.Expect.Artifacts = nil
	s.change("OCIRepository", "gitops", "main@sha1:"+commitX, "status", "artifact", "metadata", "org.opencontainers.image.revision")
	s.want(promoter.Converged, "")
	s.change("Kustomization", "cart", "main@sha1:"+commitO, "status", "lastAppliedOriginRevision")
	s.want(promoter.Pending, "has applied latest@")
	s.change("Kustomization", "cart", "", "status", "lastAppliedOriginRevision")
	s.change("Kustomization", "cart", "latest@sha256:"+strings.Repeat("c", 64), "status", "lastAppliedRevision")
	s.want(promoter.Blind, "is not known")
}
