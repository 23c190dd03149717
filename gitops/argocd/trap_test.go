package argocd_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"promoter/gitops"
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

// A failing sync is retried for ever, and what would mend it has to wait.
func TestA15RetriesKeepTheCommitOut(t *testing.T) {
	s := begin(t)
	s.settle()
	s.change(func(a *world.Application) {
		a.Operation = &world.Operation{Sync: &world.Sync{Revision: commitO}}
		a.Status.Sync.Status, a.Status.OperationState = "OutOfSync", operation("Running", commitO, -300, -10)
		a.Status.OperationState.RetryCount, a.Status.OperationState.Message = 7, "one or more objects failed to apply"
	})
	s.clock.set(after(119))
	s.want(promoter.Pending, "an operation to 0000000000 is still running")
	s.clock.set(after(120))
	s.want(promoter.Blocked, "ending it would help")
	if _, stuck := converge.ArgoStuck(s.ask, s.seen[0]); !stuck {
		t.Error("not stuck")
	}
	if err := s.client.EndOperation(t.Context(), s.seen[0]); err != nil {
		t.Fatal(err)
	}
	s.want(promoter.Pending, "still running")
	if app, _ := s.server.Get(key); app.Status.OperationState.Phase != "Terminating" {
		t.Errorf("phase %s", app.Status.OperationState.Phase)
	}
	s.change(func(a *world.Application) {
		settled(a)
		a.Operation, a.Status.Sync.Status = nil, "OutOfSync"
		a.Status.OperationState.Phase = "Failed"
		a.Status.OperationState.SyncResult.Resources = []world.ResourceResult{{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "cart", Status: "SyncFailed"}}
	})
	if got := s.want(promoter.Failed, "its sync failed"); !got.Attributable {
		t.Errorf("not attributable: %q", got.Evidence)
	}
}

// A merge into a closed window; and the window opens and nothing begins.
func TestA16WindowIsClosed(t *testing.T) {
	s := begin(t)
	s.settle()
	s.change(func(a *world.Application) {
		a.Status.Sync.Status, a.Status.OperationState = "OutOfSync", operation("Succeeded", commitO, -9100, -9050)
	})
	s.server.SetExtra(key, func(e *world.Extra) { e.CanSync = false })
	s.clock.set(after(4000))
	s.want(promoter.Blocked, "a sync window is closed")
	s.server.SetExtra(key, func(e *world.Extra) { e.CanSync = true })
	s.clock.set(after(4010))
	s.still(promoter.Pending, "auto-sync has not begun")
	s.want(promoter.Blind, "auto-sync has not begun")
	s.change(func(a *world.Application) {
		a.Status.OperationState = operation("Running", commitX, 100, 0)
		a.Status.OperationState.Message = "Sync operation blocked by sync window"
	})
	s.want(promoter.Blocked, "a sync window is closed")
}

// Nobody syncs what is synced by hand, or by an ApplicationSet in steps.
func TestA17ManualSync(t *testing.T) {
	s := begin(t)
	s.settle()
	off := false
	for _, automated := range []*world.Automated{nil, {Enabled: &off}} {
		s.change(func(a *world.Application) {
			a.Spec.SyncPolicy.Automated, a.Status.Sync.Status = automated, "OutOfSync"
			a.Status.OperationState = operation("Succeeded", commitO, -9100, -9050)
		})
		s.want(promoter.Blocked, "auto-sync is off")
	}
}

// The parent is green, and its children are not.
func TestA18ChildrenAreNotTheirParent(t *testing.T) {
	s := begin(t)
	s.settle()
	child := converge.ArgoApp{Instance: "main", Namespace: "argocd", Name: "cart-db"}
	s.change(func(a *world.Application) {
		a.Status.Resources = append(a.Status.Resources, world.Resource{Group: "argoproj.io", Kind: "Application", Namespace: "argocd", Name: "cart-db", Status: "Synced"})
	})
	s.want(promoter.Blind, "it renders main/argocd/cart-db, of which nothing is known")
	s.ask.Children = map[converge.ArgoApp]promoter.Convergence{child: {Outcome: promoter.Pending, Reason: "it is Progressing"}}
	s.want(promoter.Pending, "cart-db: it is Progressing")
	s.ask.Children[child] = promoter.Convergence{Outcome: promoter.Converged}
	s.want(promoter.Converged, "")

	// An ApplicationSet's applications are in the tree only.
	s.change(func(a *world.Application) {
		a.Status.Resources = append(a.Status.Resources, world.Resource{Group: "argoproj.io", Kind: "ApplicationSet", Namespace: "argocd", Name: "carts", Status: "Synced"})
	})
	s.want(promoter.Blind, "which ones is not known")
	set := world.Node{Group: "argoproj.io", Kind: "ApplicationSet", Namespace: "argocd", Name: "carts", UID: "s"}
	s.server.SetExtra(key, func(e *world.Extra) {
		e.Nodes = []world.Node{set, {Group: "argoproj.io", Kind: "Application", Namespace: "argocd", Name: "cart-eu", UID: "c", ParentRefs: []world.Node{set}}}
	})
	s.want(promoter.Blind, "it renders main/argocd/cart-eu")
}

// A hook that changes is no difference, and nothing runs it.
func TestA19OnlyAHookChanges(t *testing.T) {
	s := begin(t)
	s.settle()
	s.change(func(a *world.Application) { a.Status.OperationState = operation("Succeeded", commitO, -9100, -9050) })
	s.ask.Expect = converge.Expect{Changed: true, HooksOnly: true}
	s.want(promoter.Blocked, "only hooks change")
	s.change(func(a *world.Application) { a.Status.OperationState = operation("Succeeded", commitX, 20, 25) })
	s.want(promoter.Converged, "")
}

// Several sources: vectors that are short, unresolved, or of two minds.
func TestA20SourcesDisagree(t *testing.T) {
	s := begin(t)
	s.settle()
	vector := func(revisions ...string) {
		s.change(func(a *world.Application) {
			sources := []world.Source{
				{RepoURL: "https://charts.example.com", Chart: "cart", TargetRevision: "2.0.0"},
				{RepoURL: repo, TargetRevision: "main", Ref: "values"},
				{RepoURL: "git@git.example.com:acme/gitops.git", Path: "apps/cart", TargetRevision: "main"},
			}
			a.Spec.Source, a.Spec.Sources = nil, sources
			a.Status.Sync.ComparedTo.Source, a.Status.Sync.ComparedTo.Sources = &world.Source{}, sources
			a.Status.Sync.Revision, a.Status.Sync.Revisions = "", revisions
			op := a.Status.OperationState
			op.Operation.Sync.Revision, op.Operation.Sync.Revisions = "", []string{"2.0.0", commitX, commitX}
			op.SyncResult.Revision, op.SyncResult.Revisions = "", []string{"2.0.0", commitX, commitX}
		})
	}
	s.ask.Expect.Versions = []converge.Version{{Repo: "https://charts.example.com", Chart: "cart", From: "1.0.0", To: "2.0.0"}}
	vector("2.0.0", commitX, commitX)
	s.want(promoter.Converged, "")
	vector("2.0.0", commitX, commitY)
	s.want(promoter.Blind, "at different commits, 1111111111 and 2222222222")
	vector("2.0.0", commitX)
	s.want(promoter.Blind, "it has 3 sources and 2 revisions")
	vector("2.0.0", commitX, "main")
	s.want(promoter.Blind, `"main" of source 3 is no commit`)
	vector("1.0.0", commitX, commitX)
	s.want(promoter.Pending, "source 1 is at 1.0.0 and not at 2.0.0")
	vector("2.0.0", commitX, commitX)
	s.change(func(a *world.Application) { a.Status.OperationState.SyncResult.Revisions[0] = "1.0.0" })
	s.ask.Expect.Images, s.ask.Expect.Items = nil, nil
	s.want(promoter.Pending, "nothing was applied")
}

// A rollout that waits is where it should be, if policy says so.
func TestA21SuspendedMayBeFine(t *testing.T) {
	s := begin(t)
	s.settle()
	s.change(func(a *world.Application) { a.Status.Health.Status = "Suspended" })
	s.want(promoter.Blocked, "it is paused")
	s.ask.Policy.SuspendedIsHealthy = true
	s.want(promoter.Converged, "")
}

// Since 3.0 the object does not say which resource is ill; the tree does.
func TestA22WhoIsIllIsInTheTree(t *testing.T) {
	s := begin(t)
	s.settle()
	s.change(func(a *world.Application) { a.Status.Health.Status = "Degraded" })
	if got := s.want(promoter.Failed, "it has been Degraded for 1m0s"); got.Attributable {
		t.Error("attributable without knowing who is ill")
	}
	deployment := world.Node{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "cart", UID: "d"}
	s.server.SetExtra(key, func(e *world.Extra) {
		e.Nodes = []world.Node{deployment, {
			Kind: "Pod", Namespace: "shop", Name: "cart-1", UID: "p", ParentRefs: []world.Node{deployment}, Health: &world.Health{Status: "Degraded", Message: "back-off"},
		}}
	})
	if got := s.want(promoter.Failed, "Pod shop/cart-1 (back-off)"); !got.Attributable {
		t.Errorf("not attributable: %q", got.Evidence)
	}
}

// Since 3.4 an application with a missing resource is healthy.
func TestA23MissingIsHealthy(t *testing.T) {
	s := begin(t)
	s.settle()
	s.change(func(a *world.Application) {
		a.Status.Sync.Status = "OutOfSync"
		a.Status.Resources = append(a.Status.Resources, world.Resource{Kind: "Service", Namespace: "shop", Name: "cart", Status: "OutOfSync", Health: &world.Health{Status: "Missing"}})
	})
	s.want(promoter.Pending, "it is out of sync after its sync: Service shop/cart")
	s.ask.Policy.DriftTolerant = true
	s.want(promoter.Pending, "it is out of sync after its sync: Service shop/cart")
}

// Many applications are never in sync.
func TestA24PerpetualDrift(t *testing.T) {
	s := begin(t)
	s.settle()
	drift := world.Resource{Kind: "ConfigMap", Namespace: "shop", Name: "flags", Status: "OutOfSync"}
	s.change(func(a *world.Application) {
		a.Status.Sync.Status, a.Status.Resources = "OutOfSync", append(a.Status.Resources, drift)
	})
	s.ask.Base.SyncStatus = "OutOfSync"
	s.want(promoter.Blocked, "out of sync before the merge")
	s.ask.Policy.DriftTolerant = true
	s.want(promoter.Converged, "")
	s.change(func(a *world.Application) { a.Status.Resources[0].Status = "OutOfSync" })
	s.want(promoter.Blocked, "out of sync before the merge")
	s.ask.Expect.Resources = nil
	s.want(promoter.Blocked, "out of sync before the merge")
}

// One broken application does not hold up the others' way back, nor its own.
func TestA25OneBrokenApplication(t *testing.T) {
	s := begin(t)
	s.settle()
	other := before()
	other.Metadata.Name = "broken"
	settled(&other)
	other.Operation = &world.Operation{Sync: &world.Sync{Revision: commitO}}
	other.Status.Health.Status, other.Status.OperationState = "Degraded", operation("Running", commitO, -60, 0)
	s.server.Set(other)
	list, err := s.client.List(t.Context())
	if err != nil || len(list) != 2 {
		t.Fatalf("%d applications, %v", len(list), err)
	}
	s.want(promoter.Converged, "")
	ask, broken := s.ask, list[0]
	ask.App, ask.Base = broken.App, converge.ArgoSnapshot{}
	if got := converge.Argo(ask, list[:1], after(120)); got.Outcome != promoter.Blocked || !strings.Contains(got.Reason, "ending it would help") {
		t.Errorf("%s: %s", got.Outcome, got.Reason)
	}
	// Another operation has begun since we looked: it is not ours to end.
	s.server.Update(world.Key{Namespace: "argocd", Name: "broken"}, func(a *world.Application) { a.Status.OperationState.StartedAt = *at(119) })
	if err := s.client.EndOperation(t.Context(), broken); !errors.Is(err, gitops.ErrStale) {
		t.Errorf("%v", err)
	}
	if s.asked("DELETE /api/v1/applications/broken/operation") {
		t.Error("an operation that nobody looked at was ended")
	}
}

// The status did not fit into the object, and is old.
func TestA26StatusDoesNotFit(t *testing.T) {
	s := begin(t)
	s.settle()
	s.change(func(a *world.Application) {
		a.Status.Conditions = []world.Condition{{Type: "UnknownError", Message: "Application status exceeds the Kubernetes resource size limit, its status may be stale"}}
	})
	s.want(promoter.Blind, "no longer fits")
}

// The sync took somebody else's change along.
func TestA27AnotherChangeCameAlong(t *testing.T) {
	s := begin(t)
	s.settle()
	s.change(func(a *world.Application) {
		a.Status.Sync.Revision, a.Status.OperationState = commitZ, operation("Succeeded", commitZ, 10, 15)
		a.Status.Health.Status = "Degraded"
	})
	s.want(promoter.Superseded, "it runs 3333333333, which changes what it reads")
}

// Auto-sync undoes a rollback, and somebody who wants one switches it off.
func TestA28RollbackAndSelfHeal(t *testing.T) {
	s := begin(t)
	s.settle()
	for round := range 5 { // two that undo each other's work, every 20 seconds
		now := 120 + 20*round
		s.clock.set(after(now))
		s.change(func(a *world.Application) {
			a.Status.OperationState, a.Status.ReconciledAt = operation("Succeeded", commitX, now-8, now-5), at(now-1)
		})
		s.still(promoter.Pending, "must be for 30s")
	}
	s.change(func(a *world.Application) {
		was := *a.Spec.Source
		was.Helm = map[string]any{"valueFiles": []string{"old.yaml"}}
		a.Spec.SyncPolicy.Automated, a.Status.Sync.Status = nil, "OutOfSync"
		a.Status.OperationState.Operation.Sync.Source = &was
	})
	s.want(promoter.Blocked, "auto-sync is off")
	s.change(func(a *world.Application) { a.Status.Sync.Status = "Synced" })
	s.ask.Expect.Images, s.ask.Expect.Items = nil, nil
	s.want(promoter.Pending, "nothing was applied")
	for _, r := range s.server.Requests() {
		if strings.HasPrefix(r, "POST") {
			t.Errorf("%s: we neither sync nor roll back", r)
		}
	}
}

// begin2 is the same stage with a server of another version.
func begin2(s *stage, version string) *stage {
	s.server.Version = version
	return rejoin(s, 10*time.Second)
}
