package argocd_test

import (
	"errors"
	"strings"
	"testing"

	"promoter/gitops/argocd"
	"promoter/promoter"
	"promoter/promoter/converge"
	world "promoter/test/world/argocd"
)

// The commit is in the spec that a parent writes, and not in any revision.
func TestChartIsPinnedInTheSpec(t *testing.T) {
	s := begin(t)
	s.settle()
	chart := func(wanted, compared, revision string) {
		s.change(func(a *world.Application) {
			was := world.Source{RepoURL: "https://charts.example.com", Chart: "cart", TargetRevision: compared}
			is := was
			is.TargetRevision = wanted
			a.Spec.Source, a.Status.Sync.ComparedTo.Source, a.Status.Sync.Revision = &is, &was, revision
			a.Status.OperationState = operation("Succeeded", revision, 10, 15)
		})
	}
	chart("2.0.0", "2.0.0", "2.0.0")
	s.want(promoter.Blind, "none of its sources is the repository")
	s.ask.Expect.Versions = []converge.Version{{Repo: "https://charts.example.com/", Chart: "cart", From: "1.0.0", To: "2.0.0"}}
	s.want(promoter.Converged, "")
	chart("1.0.0", "1.0.0", "1.0.0")
	s.want(promoter.Pending, "its spec asks for cart 1.0.0 and not for 2.0.0 yet")
	chart("2.0.0", "1.0.0", "1.0.0")
	s.want(promoter.Pending, "its status is about an older spec")
	chart("2.0.0", "2.0.0", "1.0.0")
	s.want(promoter.Pending, "source 1 is at 1.0.0 and not at 2.0.0")
	chart("2.1.0", "2.1.0", "2.1.0")
	s.want(promoter.Superseded, "asks for cart 2.1.0, neither 1.0.0 nor 2.0.0")
}

// An OCI source's revision is a digest, which says nothing of the tag.
func TestOCISourceIsADigest(t *testing.T) {
	s := begin(t)
	s.settle()
	digest := "sha256:" + strings.Repeat("a", 64)
	s.change(func(a *world.Application) {
		oci := world.Source{RepoURL: "oci://registry.example.com/cart", Path: ".", TargetRevision: "2.0.0"}
		a.Spec.Source, a.Status.Sync.ComparedTo.Source, a.Status.Sync.Revision = &oci, &oci, digest
		a.Status.OperationState = operation("Succeeded", digest, 10, 15)
	})
	s.ask.Expect.Versions = []converge.Version{{Repo: "oci://registry.example.com/cart", To: "2.0.0"}}
	s.want(promoter.Blind, "is 2.0.0 is not known")
	s.ask.Expect.Versions[0].Digest = digest
	s.want(promoter.Converged, "")
	s.ask.Expect.Versions[0].Digest = "sha256:" + strings.Repeat("b", 64)
	s.want(promoter.Pending, "and not at 2.0.0")
}

// A hydrated application is synced from a branch that is not ours.
func TestHydratedFromTheDryCommit(t *testing.T) {
	s := begin(t)
	s.settle()
	wet := strings.Repeat("e", 40)
	hydrate := func(dry, hydrated, phase string) {
		s.change(func(a *world.Application) {
			h := &world.SourceHydrator{DrySource: world.Source{RepoURL: repo, Path: "apps/cart", TargetRevision: "main"}}
			h.SyncSource.TargetBranch, h.SyncSource.Path = "env/prod", "cart"
			a.Spec.Source, a.Spec.SourceHydrator = nil, h
			a.Status.Sync.ComparedTo.Source = &world.Source{RepoURL: repo, Path: "cart", TargetRevision: "env/prod"}
			a.Status.Sync.Revision, a.Status.OperationState = wet, operation("Succeeded", wet, 10, 15)
			a.Status.SourceHydrator = &world.Hydration{
				CurrentOperation:        &world.HydrateOperation{Phase: phase, DrySHA: dry},
				LastSuccessfulOperation: &world.HydrateOperation{DrySHA: dry, HydratedSHA: hydrated},
			}
		})
	}
	hydrate(commitX, wet, "Hydrated")
	s.want(promoter.Converged, "")
	hydrate(commitO, wet, "Hydrated")
	s.want(promoter.Pending, "compared at 0000000000")
	hydrate(commitZ, wet, "Hydrated")
	s.want(promoter.Superseded, "it runs 3333333333")
	hydrate(commitX, wet, "Hydrating")
	s.want(promoter.Pending, "being hydrated")
	hydrate(commitX, wet, "Failed")
	s.want(promoter.Blind, "cannot be hydrated")
	hydrate(commitX, strings.Repeat("d", 40), "Hydrated")
	s.want(promoter.Pending, "is not compared yet")
}

// What follows a tag never has the branch's commit.
func TestFollowsSomethingElse(t *testing.T) {
	s := begin(t)
	s.settle()
	s.change(func(a *world.Application) {
		a.Spec.Source.TargetRevision = "v1.2"
		a.Status.Sync.ComparedTo.Source.TargetRevision = "v1.2"
	})
	s.want(promoter.Blocked, "it follows v1.2 and not main")
}

// A spec may write what the status leaves out, and nobody knows every field.
func TestSpecIsComparedAsItIsWritten(t *testing.T) {
	s := begin(t)
	s.settle()
	set := func(spec, compared map[string]any) {
		s.change(func(a *world.Application) {
			a.Spec.Source.Helm, a.Status.Sync.ComparedTo.Source.Helm = spec, compared
		})
	}
	set(map[string]any{"skipCrds": false, "values": "", "parameters": []any{}}, nil)
	s.want(promoter.Converged, "")
	set(map[string]any{"brandNew": "a"}, map[string]any{"brandNew": "b"})
	s.want(promoter.Pending, "older spec")
	set(nil, nil)
	s.change(func(a *world.Application) { a.Spec.IgnoreDifferences = []map[string]any{{"kind": "Secret"}} })
	s.want(promoter.Pending, "older spec")
	s.change(func(a *world.Application) {
		a.Spec.IgnoreDifferences = nil
		a.Spec.Destination.Namespace = "elsewhere"
	})
	s.want(promoter.Pending, "older spec")
}

func TestConditions(t *testing.T) {
	s := begin(t)
	s.settle()
	for kind, want := range map[string]promoter.Outcome{
		"SharedResourceWarning": promoter.Converged, "OrphanedResourceWarning": promoter.Converged,
		"DeletionError": promoter.Blind, "BrandNewError": promoter.Blind, "SyncError": promoter.Pending,
	} {
		s.change(func(a *world.Application) {
			a.Status.Conditions = []world.Condition{{Type: kind, Message: "of " + commitO}}
		})
		s.want(want, "")
	}
	s.change(func(a *world.Application) {
		a.Status.Conditions = []world.Condition{{Type: "InvalidSpecError", Message: "no such project", LastTransitionTime: at(30)}}
		a.Status.Sync.Status, a.Status.Health.Status = "Unknown", "Unknown"
	})
	if got := s.want(promoter.Failed, "its spec is invalid: no such project"); got.Attributable {
		t.Error("attributable")
	}
	s.ask.Base.Conditions = []converge.ArgoCondition{{Type: "InvalidSpecError"}}
	s.want(promoter.Blind, "its spec is invalid")
}

func TestGoneMadeAnewDeletedSkipped(t *testing.T) {
	s := begin(t)
	s.settle()
	if got := converge.Argo(s.ask, nil, after(120)); got.Outcome != promoter.Blind || !strings.Contains(got.Reason, "does not have") {
		t.Errorf("%s: %s", got.Outcome, got.Reason)
	}
	s.change(func(a *world.Application) {
		a.Metadata.Annotations = map[string]string{"argocd.argoproj.io/skip-reconcile": "true"}
	})
	s.want(promoter.Blocked, "skip-reconcile")
	s.change(func(a *world.Application) { a.Metadata.Annotations, a.Metadata.DeletionTimestamp = nil, at(100) })
	s.want(promoter.Blocked, "being deleted")
	app, _ := s.server.Get(key)
	s.server.Delete(key)
	app.Metadata.UID, app.Metadata.DeletionTimestamp = "", nil
	s.server.Set(app)
	s.live("2")
	s.want(promoter.Blind, "another object than before the merge")
}

func TestManifestsAreOfTheRevision(t *testing.T) {
	s := begin(t)
	s.server.SetExtra(key, func(e *world.Extra) {
		e.Manifests = func(revision string) []string { return []string{`{"kind":"Deployment","rev":"` + revision + `"}`} }
	})
	got, err := s.client.Manifests(t.Context(), cart, commitX)
	if err != nil || len(got) != 1 || !strings.Contains(got[0], commitX) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := s.client.Manifests(t.Context(), converge.ArgoApp{Instance: "main", Name: "none"}, commitX); err == nil {
		t.Error("manifests of no application")
	}
	if _, err := s.client.Look(t.Context(), converge.ArgoApp{Instance: "other", Name: "cart"}, nil); err == nil {
		t.Error("a look at no instance")
	}
	_, err = s.client.Look(t.Context(), converge.ArgoApp{Instance: "main", Name: "none"}, nil)
	var refused *argocd.StatusError
	if !errors.As(err, &refused) || refused.Code != 403 {
		t.Errorf("%v", err)
	}
}
