package argocd_test

import (
	"strings"
	"testing"

	"promoter/promoter"
	"promoter/promoter/converge"
	world "promoter/test/world/argocd"
)

// The traps that made other tools say "deployed" when nothing was, or "failed"
// when all was well. In each the server says what a real one would.

func TestA00WithoutATrap(t *testing.T) {
	s := begin(t)
	s.settle()
	s.want(promoter.Converged, "runs 1111111111")
}

// The state before the merge is in sync and healthy too.
func TestA01StateFromBeforeTheMerge(t *testing.T) {
	s := begin(t)
	s.clock.set(after(5))
	s.want(promoter.Pending, "it was last compared at 2025-03-04 11:59:00")
	s.clock.set(after(120))
	s.change(func(a *world.Application) { a.Status.ReconciledAt = at(60) })
	s.want(promoter.Pending, "which does not hold 1111111111")
}

// The next commit lands on the shared branch before we look.
func TestA02TheNextCommitLands(t *testing.T) {
	s := begin(t)
	s.settle()
	s.change(func(a *world.Application) { a.Status.Sync.Revision = commitY })
	s.want(promoter.Converged, "")
	s.change(func(a *world.Application) { a.Status.OperationState = operation("Succeeded", commitY, 10, 15) })
	s.want(promoter.Converged, "")
	s.change(func(a *world.Application) { a.Status.Sync.Revision = strings.Repeat("9", 40) })
	s.want(promoter.Blind, "is not known")
}

// A reconcile that was under way takes the annotation away and compares nothing.
func TestA03RefreshIsSwallowed(t *testing.T) {
	s := begin(t)
	s.settle()
	s.server.Lie(func(l *world.Lies) { l.DropRefresh = true })
	fence, err := s.client.Refresh(t.Context(), cart, false)
	if err != nil || !fence.Equal(after(120)) {
		t.Fatalf("fence %s, %v", fence, err)
	}
	s.ask.Fence, s.ask.Asked = fence, 3
	s.clock.set(after(150))
	s.want(promoter.Pending, "it was last compared")
	if wish := converge.ArgoRefresh(s.ask, s.seen[0]); !wish.Due.Equal(after(140)) || !wish.Hard {
		t.Errorf("wish %+v", wish)
	}
	s.clock.set(after(420))
	s.want(promoter.Blind, "for 5m0s now: it was last compared")
	s.server.Lie(func(l *world.Lies) { l.DropRefresh = false })
	if _, err := s.client.Refresh(t.Context(), cart, false); err != nil {
		t.Fatal(err)
	}
	s.want(promoter.Blind, "a refresh is asked for and not served")
}

// A periodic refresh resolves the branch from a cache, and goes back.
func TestA04RevisionFromACache(t *testing.T) {
	s := begin(t)
	s.settle()
	s.look()
	s.clock.set(after(180))
	s.change(func(a *world.Application) { a.Status.Sync.Revision, a.Status.ReconciledAt = commitO, at(170) })
	s.still(promoter.Pending, "compared at 0000000000")
	if wish := converge.ArgoRefresh(s.ask, s.seen[1]); wish.Due.IsZero() {
		t.Error("nobody asks again")
	}
}

// Between the end of a sync and the next comparison, health is from before it.
func TestA05HealthFromBeforeTheSync(t *testing.T) {
	s := begin(t)
	s.settle()
	s.change(func(a *world.Application) { a.Status.ReconciledAt = at(15) })
	s.want(promoter.Pending, "not compared since its sync ended")
	if wish := converge.ArgoRefresh(s.ask, s.seen[0]); wish.Due.IsZero() {
		t.Error("nobody asks again")
	}
}

// Healthy for a moment, until another controller has seen the new spec.
func TestA06HealthyForAMoment(t *testing.T) {
	s := begin(t)
	s.settle()
	health := func(now int, status string, since int) {
		s.clock.set(after(now))
		s.change(func(a *world.Application) {
			a.Status.ReconciledAt = at(now - 1)
			a.Status.Health = world.Health{Status: status, LastTransitionTime: at(since)}
		})
	}
	health(20, "Healthy", -9000)
	s.want(promoter.Pending, "must be for 30s")
	health(25, "Progressing", 24)
	s.still(promoter.Pending, "it is Progressing")
	health(79, "Healthy", 50)
	s.still(promoter.Pending, "must be for 30s")
	health(80, "Healthy", 50)
	s.still(promoter.Converged, "")
}

// lastTransitionTime does not move from Healthy to Healthy, and before 3.1 not
// reliably at all.
func TestA07TransitionTimeDoesNotMove(t *testing.T) {
	s := begin(t)
	s.settle()
	s.change(func(a *world.Application) { a.Status.Health.LastTransitionTime = at(-9000) })
	s.clock.set(after(44))
	s.want(promoter.Pending, "since 2025-03-04 12:00:15")
	s.clock.set(after(45))
	s.want(promoter.Converged, "")

	old := begin2(s, "v2.14.21")
	old.clock.set(after(100))
	old.want(promoter.Pending, "must be for 30s")
	old.clock.set(after(129))
	old.still(promoter.Pending, "must be for 30s")
	old.clock.set(after(130))
	old.still(promoter.Converged, "")
}

// A sync that succeeded has applied, and nothing more.
func TestA08SucceededIsNotRolledOut(t *testing.T) {
	s := begin(t)
	s.settle()
	s.change(func(a *world.Application) {
		a.Status.Health = world.Health{Status: "Progressing", LastTransitionTime: at(16)}
	})
	got := s.want(promoter.Pending, "it is Progressing")
	if !got.Until.Equal(after(616)) {
		t.Errorf("until %s", got.Until)
	}
	s.clock.set(after(616))
	s.change(func(a *world.Application) { a.Status.ReconciledAt = at(600) })
	s.want(promoter.Failed, "it has been Progressing for 10m0s")
}

// When manifests cannot be made, sync is Unknown and health may be Healthy.
func TestA09ManifestErrorIsHealthy(t *testing.T) {
	s := begin(t)
	s.settle()
	s.change(func(a *world.Application) {
		a.Status.Sync.Status = "Unknown"
		a.Status.Conditions = []world.Condition{{Type: "ComparisonError", Message: "failed to generate manifest", LastTransitionTime: at(40)}}
	})
	got := s.want(promoter.Blind, "cannot compare: failed to generate manifest")
	if got.Attributable {
		t.Error("attributable")
	}
	s.change(func(a *world.Application) { a.Status.Conditions = nil })
	s.want(promoter.Blind, "sync status is Unknown")
}

// The revision is then whatever the spec names, and that is no commit.
func TestA10RevisionIsABranch(t *testing.T) {
	s := begin(t)
	s.settle()
	s.change(func(a *world.Application) { a.Status.Sync.Revision = "main" })
	s.ask.History["main"] = converge.Ancestry{Holds: converge.Yes, Same: converge.Yes}
	s.want(promoter.Blind, `revision "main" of source 1 is no commit`)
}

// Nothing at all is healthy, and so is what could not be synced.
func TestA11NothingIsHealthy(t *testing.T) {
	s := begin(t)
	s.settle()
	s.change(func(a *world.Application) { a.Status.Resources = nil })
	s.want(promoter.Blind, "it has no resources")
	s.change(func(a *world.Application) {
		settled(a)
		a.Status.Sync.Status, a.Status.OperationState = "OutOfSync", operation("Succeeded", commitO, -9100, -9050)
		a.Status.Conditions = []world.Condition{{Type: "SyncError", Message: "Failed last sync attempt to [" + commitX + "]", LastTransitionTime: at(30)}}
	})
	if got := s.want(promoter.Failed, "not tried again"); got.Attributable {
		t.Error("attributable without a resource that failed")
	}
}

// With manifest-generate-paths the revision moves on and the manifests do not.
func TestA12RevisionMovesWithoutManifests(t *testing.T) {
	s := begin(t)
	s.settle()
	s.change(func(a *world.Application) { a.Status.OperationState = operation("Succeeded", commitO, -9100, -9050) })
	s.live("1")
	s.want(promoter.Pending, "but nothing was applied")
	s.clock.set(after(400))
	s.want(promoter.Blind, "for 5m0s now: it was compared at 1111111111, but nothing was applied")
	// However it came there: once it is seen in the cluster, it has been applied.
	s.live("2")
	s.change(func(a *world.Application) { a.Status.ReconciledAt = at(390) })
	s.want(promoter.Converged, "")
}

// Synced to the commit, with manifests of another.
func TestA13OlderManifestsAreApplied(t *testing.T) {
	s := begin(t)
	s.settle()
	s.live("1")
	s.want(promoter.Pending, `version of Deployment shop/cart is "1" and not "2"`)
	s.clock.set(after(700))
	s.want(promoter.Blind, `is "1" and not "2"`)
	s.clock.set(after(120))
	s.live("2")
	s.change(func(a *world.Application) { a.Status.OperationState.SyncResult.Revision = commitO })
	s.want(promoter.Blind, "was asked for 1111111111 and says that it did 0000000000")
}

// The controller's cache of the cluster is behind: in sync with a ghost.
func TestA14ClusterCacheIsBehind(t *testing.T) {
	s := begin(t)
	s.settle()
	s.change(func(a *world.Application) { a.Status.Summary.Images = []string{oldPod} })
	s.want(promoter.Pending, "no pod runs "+newPod)
	s.change(func(a *world.Application) { a.Status.Summary.Images = []string{newPod, oldPod} })
	s.want(promoter.Pending, "a pod still runs "+oldPod)
}
