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
