package argocd_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"promoter/gitops/argocd"
	"promoter/promoter"
	world "promoter/test/world/argocd"
)

func TestAMergeIsFollowedToItsEnd(t *testing.T) {
	w := newTower(t, argocd.EngineOptions{})
	w.clock.set(after(5))
	c := w.want(about("cart"), promoter.Pending, "last compared at")
	if c.App != "cart" || c.Environment != "production" || c.Tenant != "acme" || c.Commit != commitX {
		t.Errorf("%+v", c)
	}
	w.clock.set(after(8))
	w.want(about("cart"), promoter.Pending, "compared at 0000000000, which does not hold 1111111111")
	w.settle()
	c = w.want(about("cart"), promoter.Converged, "runs 1111111111")
	if len(c.Evidence) == 0 || !strings.Contains(c.Evidence[0], "main/argocd/cart at 1111111111, compared") {
		t.Errorf("%q", c.Evidence)
	}
	w.change(func(a *world.Application) { a.Status.Summary.Images = []string{newPod, oldPod} })
	w.clock.set(after(130))
	w.want(about("cart"), promoter.Pending, "a pod still runs "+oldPod)
	w.change(func(a *world.Application) { a.Status.Summary.Images = []string{"registry.example.com/cart:3.0.0"} })
	w.clock.set(after(140))
	w.want(about("cart"), promoter.Pending, "no pod runs "+newPod)
}

// One request to refresh is made for an application and a commit for as long as
// it is answered; those that are lost are made again, ever more slowly.
func TestRefreshesAreCounted(t *testing.T) {
	w := newTower(t, argocd.EngineOptions{})
	var asked []string
	w.server.Hooks.Refresh = func(k world.Key, kind string) {
		asked = append(asked, fmt.Sprintf("%s at %d", kind, int(w.clock.read().Sub(merged).Seconds())))
		w.compare(k, kind)
		w.change(func(a *world.Application) { a.Status.Sync.Revision, a.Status.Sync.Status = commitX, "OutOfSync" })
	}
	for second := 1; second < 30; second += 4 {
		w.clock.set(after(second))
		w.want(about("cart"), promoter.Pending, "")
	}
	if got := strings.Join(asked, ", "); got != "normal at 1" {
		t.Errorf("asked: %s", got)
	}
	w.restart()
	w.clock.set(after(40))
	w.want(about("cart"), promoter.Pending, "auto-sync has not begun")
	if len(asked) != 1 {
		t.Errorf("a new engine asks for what was answered: %q", asked)
	}

	w.server.Lie(func(l *world.Lies) { l.DropRefresh = true })
	w.server.Set(before())
	w.restart()
	mark := w.mark()
	var at []int
	for second := 50; second < 300; second++ {
		w.clock.set(after(second))
		had := w.count(mark, "GET /api/version")
		c := w.want(about("cart"), promoter.Pending, "last compared")
		if w.count(mark, "GET /api/version") > had {
			at = append(at, second)
		}
		if c.Until.IsZero() || !c.Until.After(after(second)) {
			t.Errorf("at %d: until %s", second, c.Until)
		}
	}
	if got := fmt.Sprint(at); got != "[50 55 65 85 125 205]" {
		t.Errorf("asked at %s", got)
	}
	w.clock.set(after(350))
	w.want(about("cart"), promoter.Blind, "for 5m0s now: it was last compared")
}

func TestWhatIsNotThereIsBlind(t *testing.T) {
	w := newTower(t, argocd.EngineOptions{})
	w.settle()
	q := about("card")
	q.Moves[0].Place.File = "elsewhere/values.yaml"
	c := w.want(q, promoter.Blind, "no Application card on instance main")
	if c.App != "card" || c.Environment != "production" {
		t.Errorf("%+v", c)
	}
	w.options.Shared = true
	w.restart()
	if d := w.ask(q); len(d.Apps) != 0 {
		t.Errorf("another engine's: %+v", d)
	}
	w.options = argocd.EngineOptions{Bindings: []argocd.Binding{{Instance: "main", Environments: []string{"dev*"}}}}
	w.restart()
	if d := w.ask(about("cart")); len(d.Apps) != 0 {
		t.Errorf("another instance's: %+v", d)
	}
	w.options = argocd.EngineOptions{}
	w.restart()
	w.server.Lie(func(l *world.Lies) { l.Deny = 0 })
	w.want(about("cart"), promoter.Blind, `list applications of instance "main"`)

	client, err := argocd.New(argocd.Options{Instances: []argocd.Instance{{Name: "main", Server: w.url}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := argocd.NewEngine(client, argocd.EngineOptions{Bindings: []argocd.Binding{{Instance: "mian"}}}); err == nil {
		t.Error("a binding of nobody is taken")
	}
}

// Names are found as Applications, as ApplicationSets and by what is read.
func TestApplicationsAreFound(t *testing.T) {
	w := newTower(t, argocd.EngineOptions{})
	w.settle()
	other := before()
	other.Metadata.Name, other.Metadata.Labels = "search", map[string]string{"env": "staging"}
	other.Spec.Source = &world.Source{RepoURL: repo, Path: "apps/search", TargetRevision: "main"}
	w.server.Set(other)
	w.change(func(a *world.Application) {
		a.Metadata.OwnerReferences = []world.Owner{{APIVersion: "argoproj.io/v1alpha1", Kind: "ApplicationSet", Name: "shops"}}
	})
	if c := w.want(about("shops"), promoter.Converged, "cart: runs 1111111111"); c.App != "shops" {
		t.Errorf("%+v", c)
	}
	w.want(about("{{.name}}-shop"), promoter.Converged, "cart: ")
	if c := w.want(about(""), promoter.Converged, "runs"); c.App != "cart" {
		t.Errorf("%+v", c)
	}
	q := about("")
	q.Moves[0].Place.File = "apps/none/values.yaml"
	if d := w.ask(q); len(d.Apps) != 0 {
		t.Errorf("nobody reads it: %+v", d)
	}
}

// What is called the same on two servers is told apart by what it reads, and by
// bindings; where nothing tells, both are meant.
func TestTheSameNameTwice(t *testing.T) {
	w := newTower(t, argocd.EngineOptions{})
	w.settle()
	far := world.New()
	far.Now = w.clock.read
	http := httptest.NewServer(far)
	t.Cleanup(http.Close)
	twin := before()
	far.Set(twin)
	w.engine = w.engineOf(w.url, http.URL)
	if d := w.ask(about("cart")); len(d.Apps) != 2 || d.Apps[0].Outcome != promoter.Converged || d.Apps[1].Outcome == promoter.Converged {
		t.Errorf("%+v", d)
	}
	w.options.Bindings = []argocd.Binding{{Instance: "main", Environments: []string{"prod*"}}, {Instance: "far", Environments: []string{"dev"}}}
	w.engine = w.engineOf(w.url, http.URL)
	w.want(about("cart"), promoter.Converged, "")
	w.options.Bindings = nil
	twin.Spec.Source.Path = "other"
	far.Set(twin)
	w.engine = w.engineOf(w.url, http.URL)
	w.want(about("cart"), promoter.Converged, "")
}

// A later commit of somebody else's: asked at the head, and never blamed on us.
func TestSupersededIsAskedAtTheHead(t *testing.T) {
	w := newTower(t, argocd.EngineOptions{})
	w.settle()
	w.history.push(commitY, "README.md")
	w.change(func(a *world.Application) {
		a.Status.Sync.Revision, a.Status.OperationState = commitY, operation("Succeeded", commitY, 10, 15)
	})
	w.want(about("cart"), promoter.Converged, "runs 1111111111")
	w.history.push(commitZ, "apps/cart/templates/x.yaml")
	w.change(func(a *world.Application) {
		a.Status.Sync.Revision, a.Status.OperationState = commitZ, operation("Succeeded", commitZ, 20, 25)
	})
	w.clock.set(after(130))
	w.want(about("cart"), promoter.Converged, "runs 3333333333 and has held its health (with later changes of what it reads, up to 3333333333)")
	later := strings.Repeat("4", 40)
	w.history.push(later, "apps/search/values.yaml") // the head moves on all the time
	w.clock.set(after(140))
	w.want(about("cart"), promoter.Converged, "up to 3333333333")

	w.change(func(a *world.Application) {
		a.Status.Health = world.Health{Status: "Degraded", LastTransitionTime: at(30)}
		a.Status.OperationState.SyncResult.Resources = []world.ResourceResult{{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "cart", Status: "Synced", Message: "deployment.apps/cart configured"}}
	})
	w.nodes("Degraded", newPod)
	w.clock.set(after(150))
	q := about("cart")
	q.Healthy = true
	if c := w.want(q, promoter.Failed, "not attributed"); c.Attributable {
		t.Error("attributable")
	}
	w.history.push(commitO[:39]+"9", "apps/cart/values.yaml")
	w.change(func(a *world.Application) {
		a.Status.Health = world.Health{Status: "Healthy", LastTransitionTime: at(30)}
	})
	w.clock.set(after(160))
	w.want(about("cart"), promoter.Pending, "") // the head has what it does not run yet
}

// A commit that was pushed after the repository was read is none that is
// unknown for good.
func TestACommitThatIsNewerThanWhatWasRead(t *testing.T) {
	w := newTower(t, argocd.EngineOptions{})
	w.settle()
	w.change(func(a *world.Application) { a.Status.Sync.Revision = commitY })
	w.want(about("cart"), promoter.Pending, "it is at 2222222222, which was not there yet")
	w.clock.set(after(430))
	w.change(func(a *world.Application) { a.Status.ReconciledAt = at(420) })
	w.want(about("cart"), promoter.Blind, "2222222222 holds 1111111111 is not known")
	w.history.push(commitY, "README.md")
	w.clock.set(after(440))
	w.want(about("cart"), promoter.Converged, "")
}

func TestAttributionAfterARestart(t *testing.T) {
	for name, tt := range map[string]struct {
		healthy bool
		image   string
		message string
		blamed  bool
	}{
		"sealed as healthy, and its pods run the new image": {true, newPod, "unchanged", true},
		"sealed as healthy, and the sync changed it":        {true, oldPod, "deployment.apps/cart configured", true},
		"no seal":               {false, newPod, "deployment.apps/cart configured", false},
		"something else is ill": {true, oldPod, "deployment.apps/cart unchanged", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTower(t, argocd.EngineOptions{})
			w.settle()
			w.want(about("cart"), promoter.Converged, "")
			w.change(func(a *world.Application) {
				a.Status.Health = world.Health{Status: "Degraded", LastTransitionTime: at(50)}
				a.Status.OperationState.SyncResult.Resources = []world.ResourceResult{{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "cart", Status: "Synced", Message: tt.message}}
			})
			w.nodes("Degraded", tt.image)
			w.restart()
			q := about("cart")
			q.Healthy = tt.healthy
			if c := w.want(q, promoter.Failed, "Degraded for 1m0s"); c.Attributable != tt.blamed {
				t.Errorf("attributable %v: %q", c.Attributable, c.Evidence)
			}
		})
	}
}

// A readiness that was seen before the merge needs no seal.
func TestAttributionByReadiness(t *testing.T) {
	w := newTower(t, argocd.EngineOptions{})
	ready := about("cart")
	ready.About, ready.Commit, ready.MergedAt = promoter.AboutReadiness, "", time.Time{}
	w.want(ready, promoter.Converged, "in sync and healthy")
	w.settle()
	w.change(func(a *world.Application) {
		a.Status.Health = world.Health{Status: "Degraded", LastTransitionTime: at(50)}
	})
	w.nodes("Degraded", newPod)
	if c := w.want(about("cart"), promoter.Failed, ""); !c.Attributable {
		t.Errorf("%q", c.Evidence)
	}
}

func TestReadiness(t *testing.T) {
	for name, tt := range map[string]struct {
		change  func(*world.Application)
		outcome promoter.Outcome
		reason  string
	}{
		"ill":        {func(a *world.Application) { a.Status.Health.Status = "Degraded" }, promoter.Failed, "it is Degraded since 2025-03-04 09:30:00"},
		"on its way": {func(a *world.Application) { a.Status.Health.Status = "Progressing" }, promoter.Pending, "Progressing"},
		"drift":      {func(a *world.Application) { a.Status.Sync.Status = "OutOfSync" }, promoter.Blocked, "out of sync"},
		"no sight": {func(a *world.Application) {
			a.Status.Conditions = []world.Condition{{Type: "ComparisonError", Message: "no\nway"}}
		}, promoter.Blind, "ComparisonError: no way"},
		"running":     {func(a *world.Application) { a.Status.OperationState.Phase = "Running" }, promoter.Pending, "operation"},
		"paused":      {func(a *world.Application) { a.Status.Health.Status = "Suspended" }, promoter.Blocked, "paused"},
		"strange":     {func(a *world.Application) { a.Status.Health.Status = "Fine" }, promoter.Blind, "Fine"},
		"another age": {func(a *world.Application) { a.Status.ReconciledAt = at(-9000) }, promoter.Pending, "last compared"},
		"well":        {func(*world.Application) {}, promoter.Converged, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTower(t, argocd.EngineOptions{})
			w.change(tt.change)
			q := about("cart")
			q.About, q.Commit, q.MergedAt = promoter.AboutReadiness, "", time.Time{}
			mark := w.mark()
			w.want(q, tt.outcome, tt.reason)
			if n := w.count(mark, "GET /api/v1/applications/"); tt.outcome != promoter.Converged && n > 1 {
				t.Errorf("%d requests for what the list says", n)
			}
			if name == "another age" { // it was asked to compare, and has
				w.clock.set(after(0))
				w.want(q, promoter.Converged, "")
			}
		})
	}
}

func TestWhatStandsAgainstAMerge(t *testing.T) {
	w := newTower(t, argocd.EngineOptions{})
	q := about("cart")
	q.About, q.Commit, q.MergedAt = promoter.AboutReadiness, "", time.Time{}
	w.change(func(a *world.Application) { a.Spec.SyncPolicy.Retry = &world.Retry{Limit: 5} })
	d := w.ask(q)
	if len(d.Against) != 0 || len(d.Apps[0].Evidence) != 2 || !strings.Contains(d.Apps[0].Evidence[1], "retry.refresh") {
		t.Errorf("%+v", d)
	}
	w.change(func(a *world.Application) { a.Spec.SyncPolicy.Automated = nil })
	w.server.SetExtra(key, func(e *world.Extra) { e.CanSync = false })
	w.clock.set(after(0))
	if d = w.ask(q); len(d.Against) != 2 || !strings.Contains(d.Against[0], "cart: a sync window is closed") || !strings.Contains(d.Against[1], "auto-sync is off") {
		t.Errorf("%q", d.Against)
	}
}
