package argocd_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"promoter/gitops"
	"promoter/gitops/argocd"
	"promoter/promoter"
	"promoter/promoter/converge"
	world "promoter/test/world/argocd"
)

// 300 applications in one look: one list, and single looks only at those that
// may have come to an end.
func TestCallsOfOneLook(t *testing.T) {
	w := newTower(t, argocd.EngineOptions{Refreshes: 10})
	var q promoter.Question
	w.server.Delete(key)
	for i := range 300 {
		app := before()
		app.Metadata.Name = fmt.Sprintf("cart-%03d", i)
		w.server.Set(app)
		one := about(app.Metadata.Name)
		one.Reached = append(q.Reached, one.Reached...)
		q = one
	}
	w.clock.set(after(5))
	mark := w.mark()
	if d := w.ask(q); len(d.Apps) != 300 {
		t.Fatalf("%d answers", len(d.Apps))
	}
	if lists, singles := exact(w, mark, "GET /api/v1/applications"), w.count(mark, "GET /api/v1/applications/"); lists != 1 || singles != 10 {
		t.Errorf("pending: %d lists, %d requests for single applications", lists, singles)
	}
	// Other questions of the same look share the list.
	w.ask(about("cart-000"))
	if n := exact(w, mark, "GET /api/v1/applications"); n != 1 {
		t.Errorf("%d lists for two questions", n)
	}
	for i := range 300 {
		w.server.Update(world.Key{Namespace: "argocd", Name: fmt.Sprintf("cart-%03d", i)}, settled)
	}
	w.clock.set(after(120))
	mark = w.mark()
	for _, c := range w.ask(q).Apps {
		if c.Outcome != promoter.Converged {
			t.Fatalf("%+v", c)
		}
	}
	if lists, singles := exact(w, mark, "GET /api/v1/applications"), w.count(mark, "GET /api/v1/applications/"); lists != 1 || singles != 4*300 {
		t.Errorf("converged: %d lists, %d requests for single applications", lists, singles)
	}
	// It is sealed, and only watched: each has been compared again.
	for i := range 300 {
		w.server.Update(world.Key{Namespace: "argocd", Name: fmt.Sprintf("cart-%03d", i)}, func(a *world.Application) { a.Status.ReconciledAt = at(140) })
	}
	q.Converged = after(130)
	w.clock.set(after(150))
	mark = w.mark()
	w.ask(q)
	if lists, singles := exact(w, mark, "GET /api/v1/applications"), w.count(mark, "GET /api/v1/applications/"); lists != 1 || singles != 0 {
		t.Errorf("as before: %d lists, %d requests for single applications", lists, singles)
	}
}

func exact(w *tower, since int, request string) int {
	n := 0
	for _, r := range w.server.Requests()[since:] {
		if r == request {
			n++
		}
	}
	return n
}

// An application that drifts all the time: what the commit changes must be in
// sync, and only that.
func TestDriftIsTolerated(t *testing.T) {
	w := newTower(t, argocd.EngineOptions{Policy: converge.ArgoPolicy{DriftTolerant: true}})
	w.settle()
	drift := world.Resource{Version: "v1", Kind: "ConfigMap", Namespace: "shop", Name: "drifts", Status: "OutOfSync"}
	w.change(func(a *world.Application) {
		a.Status.Sync.Status = "OutOfSync"
		a.Status.Resources = append(a.Status.Resources, drift)
		a.Status.OperationState.SyncResult.Resources = []world.ResourceResult{
			{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "cart", Message: "deployment.apps/cart configured"},
			{Kind: "ConfigMap", Namespace: "shop", Name: "drifts", Message: "configmap/drifts configured"},
		}
	})
	w.nodes("Healthy", newPod)
	w.want(about("cart"), promoter.Converged, "")
	w.nodes("Healthy", oldPod) // nothing that was changed names what was moved
	w.clock.set(after(130))
	w.want(about("cart"), promoter.Pending, "out of sync after its sync: ConfigMap shop/drifts")
	w.nodes("Healthy", newPod)
	w.change(func(a *world.Application) { a.Status.Resources[0].Status = "OutOfSync" })
	w.clock.set(after(140))
	w.want(about("cart"), promoter.Pending, "out of sync")
	w.options.Policy.DriftTolerant = false
	w.restart()
	w.change(func(a *world.Application) { a.Status.Resources[0].Status = "Synced" })
	w.clock.set(after(150))
	w.want(about("cart"), promoter.Pending, "out of sync")
}

// Through a kubeconfig a look at one application is a list: none is made.
func TestResourcesAreListedOnce(t *testing.T) {
	w := newTower(t, argocd.EngineOptions{})
	w.settle()
	client, err := argocd.New(argocd.Options{Instances: []argocd.Instance{{Name: "main", Kube: &argocd.Kube{Path: kubeconfig(t, w.server), Version: "v3.1.4"}}}})
	if err != nil {
		t.Fatal(err)
	}
	if w.engine, err = argocd.NewEngine(client, w.options); err != nil {
		t.Fatal(err)
	}
	mark := w.mark()
	w.want(about("cart"), promoter.Converged, "")
	q := about("cart")
	q.About = promoter.AboutReadiness
	w.want(q, promoter.Converged, "")
	if n := exact(w, mark, "GET /apis/argoproj.io/v1alpha1/applications"); n != 1 {
		t.Errorf("%d lists", n)
	}
}

// What has changed is seen at once when a watch says so.
func TestHintsInvalidateLists(t *testing.T) {
	w := newTower(t, argocd.EngineOptions{})
	w.settle()
	ctx, cancel := context.WithCancel(t.Context())
	hints, done := make(chan struct{}, 100), make(chan struct{})
	go func() { defer close(done); w.engine.Watch(ctx, func() { hints <- struct{}{} }) }()
	<-hints
	w.want(about("cart"), promoter.Converged, "")
	w.change(func(a *world.Application) { a.Status.Health.Status = "Progressing" })
	<-hints
	c := w.want(about("cart"), promoter.Converged, "") // within the same second
	mark := w.mark()
	w.clock.set(after(121))
	w.want(about("cart"), promoter.Pending, "Progressing")
	if n := exact(w, mark, "GET /api/v1/applications"); n != 1 {
		t.Errorf("%d lists, after %+v", n, c)
	}
	cancel()
	<-done
}

// An operation that keeps a revert out is ended, and no other.
func TestEndIsGuarded(t *testing.T) {
	w := newTower(t, argocd.EngineOptions{})
	w.clock.set(after(200))
	w.change(func(a *world.Application) {
		a.Status.Sync.Revision, a.Status.Sync.Status, a.Status.ReconciledAt = commitX, "OutOfSync", at(190)
		a.Operation = &world.Operation{Sync: &world.Sync{Revision: commitO}}
		a.Status.OperationState = operation("Running", commitO, -60, 0)
		a.Status.OperationState.SyncResult = nil
	})
	end := promoter.EndOperation{App: "cart", Environment: "production", Commit: commitX}
	if err := w.engine.End(t.Context(), end); !errors.Is(err, gitops.ErrStale) || !errors.Is(err, gitops.ErrNotFound) {
		t.Errorf("nothing was seen: %v", err)
	}
	c := w.want(about("cart"), promoter.Blocked, "ending it would help")
	if c.Stuck == "" {
		t.Fatal("not stuck")
	}
	w.change(func(a *world.Application) { a.Status.OperationState.StartedAt = *at(195) })
	if err := w.engine.End(t.Context(), end); !errors.Is(err, gitops.ErrStale) || errors.Is(err, gitops.ErrNotFound) {
		t.Errorf("another operation: %v", err)
	}
	w.change(func(a *world.Application) { a.Status.OperationState.StartedAt = *at(-60) })
	if err := w.engine.End(t.Context(), end); err != nil {
		t.Error(err)
	}
	if a, _ := w.server.Get(key); a.Status.OperationState.Phase != "Terminating" {
		t.Errorf("phase %s", a.Status.OperationState.Phase)
	}
}

// A chart that is pinned in an Application's manifest, which its parent
// renders: the parent's own health says nothing.
func TestAPinInAChildsManifest(t *testing.T) {
	w := newTower(t, argocd.EngineOptions{})
	w.clock.set(after(120))
	chart := func(version string) *world.Source {
		return &world.Source{RepoURL: "https://charts.example.com", Chart: "redis", TargetRevision: version}
	}
	child := before()
	child.Metadata.Name = "redis"
	child.Spec.Source, child.Status.Sync.ComparedTo.Source = chart("1.0.0"), chart("1.0.0")
	child.Status.Sync.Revision, child.Status.OperationState = "1.0.0", operation("Succeeded", "1.0.0", -9100, -9050)
	child.Status.Summary.Images = nil
	bystander := child
	bystander.Metadata.Name = "monitoring"
	bystander.Spec.Source, bystander.Status.Sync.ComparedTo.Source = &world.Source{RepoURL: "https://charts.example.com", Chart: "prometheus", TargetRevision: "9.0.0"}, &world.Source{RepoURL: "https://charts.example.com", Chart: "prometheus", TargetRevision: "9.0.0"}
	bystander.Status.Sync.Revision, bystander.Status.Health = "9.0.0", world.Health{Status: "Degraded", LastTransitionTime: at(-9000)}
	w.server.Set(child)
	w.server.Set(bystander)
	w.change(func(a *world.Application) { // the parent
		settled(a)
		a.Metadata.Name = "cart"
		a.Status.Resources = []world.Resource{
			{Group: "argoproj.io", Version: "v1alpha1", Kind: "Application", Namespace: "argocd", Name: "redis", Status: "Synced"},
			{Group: "argoproj.io", Version: "v1alpha1", Kind: "Application", Namespace: "argocd", Name: "monitoring", Status: "Synced"},
		}
	})
	w.server.SetExtra(key, func(e *world.Extra) { e.Nodes = nil })
	q := about("redis")
	q.Moves = []promoter.Move{{
		Artifact: promoter.Artifact{Kind: promoter.Chart, Name: "redis", Source: "https://charts.example.com"}, From: "1.0.0", To: "1.1.0",
		Place: promoter.Place{File: "apps/cart/redis.yaml", Path: "spec.source.targetRevision"},
	}}
	var asked []string
	w.server.Hooks.Refresh = func(k world.Key, kind string) { asked = append(asked, k.Name); w.compare(k, kind) }
	both := q
	both.Reached = append(slices.Clone(q.Reached), promoter.Reached{Environment: "production", App: "cart"})
	w.change(func(a *world.Application) { a.Status.ReconciledAt = at(-60) })
	w.want(q, promoter.Pending, "its spec asks for redis 1.0.0 and not for 1.1.0 yet")
	if !slices.Equal(asked, []string{"cart"}) {
		t.Errorf("asked to compare: %q, but it is the parent that writes the spec", asked)
	}
	w.clock.set(after(124))
	if d := w.ask(both); d.Apps[1].Outcome != promoter.Pending || !strings.Contains(d.Apps[1].Reason, "redis: its spec asks") {
		t.Errorf("parent: %+v", d.Apps[1])
	}
	w.server.Update(world.Key{Namespace: "argocd", Name: "redis"}, func(a *world.Application) {
		a.Spec.Source, a.Status.Sync.ComparedTo.Source = chart("1.1.0"), chart("1.1.0")
		a.Status.Sync.Revision, a.Status.OperationState = "1.1.0", operation("Succeeded", "1.1.0", 20, 25)
		a.Status.ReconciledAt, a.Status.Health.LastTransitionTime = at(50), at(40)
	})
	w.clock.set(after(160))
	for _, c := range w.ask(both).Apps {
		if c.Outcome != promoter.Converged {
			t.Errorf("%s: %s: %s", c.App, c.Outcome, c.Reason)
		}
	}
	w.server.Update(world.Key{Namespace: "argocd", Name: "redis"}, func(a *world.Application) {
		a.Status.Health = world.Health{Status: "Degraded", LastTransitionTime: at(60)}
	})
	w.server.SetExtra(world.Key{Namespace: "argocd", Name: "redis"}, func(e *world.Extra) {
		e.Nodes = []world.Node{{Group: "apps", Kind: "StatefulSet", Namespace: "shop", Name: "redis", UID: "r", Health: &world.Health{Status: "Degraded", Message: "crash"}}}
	})
	w.clock.set(after(170))
	q.Healthy = true
	if c := w.want(q, promoter.Failed, "StatefulSet shop/redis (crash)"); !c.Attributable {
		t.Errorf("all of it is the chart that is moved: %q", c.Evidence)
	}
}

// Applications of several environments stand in one parent and pin the same. A
// change of one of them does not wait for the others, which a later wave moves;
// where none is named, each of them may be meant.
func TestAnothersPinOfTheSame(t *testing.T) {
	w := newTower(t, argocd.EngineOptions{})
	application := func(name, version string) world.Application {
		source := world.Source{RepoURL: "https://charts.example.com", Chart: "redis", TargetRevision: version}
		a := before()
		a.Metadata.Name, a.Spec.Source, a.Status.Sync.ComparedTo.Source = name, &source, &source
		a.Status.Sync.Revision, a.Status.OperationState = version, operation("Succeeded", version, -9100, -9050)
		return a
	}
	dev, production := application("redis-dev", "1.1.0"), application("redis-production", "1.0.0")
	dev.Status.OperationState, dev.Status.ReconciledAt = operation("Succeeded", "1.1.0", 20, 25), at(50)
	dev.Status.Health.LastTransitionTime = at(40)
	w.server.Set(dev)
	w.server.Set(production)
	w.settle()
	w.change(func(a *world.Application) {
		a.Spec.Source = &world.Source{RepoURL: repo, Path: "apps/cart", TargetRevision: "main"}
		a.Status.Sync.ComparedTo.Source, a.Status.SourceType = a.Spec.Source, "Directory"
		a.Status.Resources = nil
		for _, name := range []string{"redis-dev", "redis-production"} {
			a.Status.Resources = append(a.Status.Resources, world.Resource{Group: "argoproj.io", Version: "v1alpha1", Kind: "Application", Namespace: "argocd", Name: name, Status: "Synced"})
		}
	})
	w.server.SetExtra(key, func(e *world.Extra) { e.Nodes = nil })
	q := about("redis-dev")
	q.Moves = []promoter.Move{{
		Artifact: promoter.Artifact{Kind: promoter.Chart, Name: "redis", Source: "https://charts.example.com"}, From: "1.0.0", To: "1.1.0",
		Place: promoter.Place{File: "apps/cart/redis.yaml", Path: "spec.source.targetRevision"},
	}}
	w.clock.set(after(160))
	d := w.ask(q)
	if len(d.Apps) != 2 {
		t.Fatalf("%d answers, want redis-dev and the parent that renders it: %+v", len(d.Apps), d.Apps)
	}
	for _, c := range d.Apps {
		if c.Outcome != promoter.Converged {
			t.Errorf("%s: %s: %s", c.App, c.Outcome, c.Reason)
		}
	}
	q.Reached[0].App = "cart" // the parent: what it renders is not known
	w.want(q, promoter.Pending, "redis-production: its spec asks for redis 1.0.0")
}

// What an ApplicationSet makes is told by its tree, and asked as well.
func TestASetsApplicationsAreAsked(t *testing.T) {
	w := newTower(t, argocd.EngineOptions{})
	w.settle()
	w.change(func(a *world.Application) {
		a.Status.Resources = append(a.Status.Resources, world.Resource{Group: "argoproj.io", Version: "v1alpha1", Kind: "ApplicationSet", Namespace: "argocd", Name: "shops", Status: "Synced"})
	})
	w.want(about("cart"), promoter.Blind, "which ones is not known") // the tree is not built yet
	made := before()
	made.Metadata.Name = "made"
	w.server.Set(made)
	w.server.SetExtra(key, func(e *world.Extra) {
		set := world.Node{Group: "argoproj.io", Kind: "ApplicationSet", Namespace: "argocd", Name: "shops", UID: "s"}
		e.Nodes = []world.Node{set, {Group: "argoproj.io", Kind: "Application", Namespace: "argocd", Name: "made", UID: "m", ParentRefs: []world.Node{set}}}
	})
	w.clock.set(after(130))
	w.change(func(a *world.Application) { a.Metadata.Labels = map[string]string{"built": "yes"} })
	q := about("cart")
	d := w.ask(q)
	if c := d.Apps[0]; c.Outcome != promoter.Pending || !strings.HasPrefix(c.Reason, "made: ") {
		t.Errorf("%s: %s", c.Outcome, c.Reason)
	}
	w.server.Update(world.Key{Namespace: "argocd", Name: "made"}, func(a *world.Application) { settled(a); a.Status.ReconciledAt = at(140) })
	w.clock.set(after(170))
	for _, c := range w.ask(q).Apps {
		if c.Outcome != promoter.Converged {
			t.Errorf("%s: %s: %s", c.App, c.Outcome, c.Reason)
		}
	}
}

// An image in the Application's own values, for a chart of somebody else's: no
// revision changes with it, and the pods tell whether it has arrived.
func TestAnImageInInlineValues(t *testing.T) {
	w := newTower(t, argocd.EngineOptions{})
	source := world.Source{RepoURL: "https://charts.example.com", Chart: "redis", TargetRevision: "1.0.0"}
	w.change(func(a *world.Application) {
		settled(a)
		a.Spec.Source, a.Status.Sync.ComparedTo.Source = &source, &source
		a.Status.Sync.Revision, a.Status.OperationState = "1.0.0", operation("Succeeded", "1.0.0", 20, 25)
		a.Status.Summary.Images = []string{"registry.example.com/exporter:1.20"}
	})
	q := about("cart")
	q.Moves = []promoter.Move{{
		Artifact: promoter.Artifact{Kind: promoter.Image, Name: "exporter", Source: "registry.example.com"}, From: "1.20", To: "1.22",
		Place: promoter.Place{File: "apps/cart/app.yaml", Path: "spec.source.helm.valuesObject.metrics.image.tag"},
	}}
	w.clock.set(after(130))
	w.want(q, promoter.Pending, "no pod runs registry.example.com/exporter:1.22")
	w.change(func(a *world.Application) { a.Status.Summary.Images = []string{"registry.example.com/exporter:1.22"} })
	w.clock.set(after(170))
	w.want(q, promoter.Converged, "")
}
