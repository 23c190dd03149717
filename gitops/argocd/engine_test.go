package argocd_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"promoter/gitops"
	"promoter/gitops/argocd"
	"promoter/promoter"
	world "promoter/test/world/argocd"
)

// branch is a history: commits in order, and what each changes.
type branch struct {
	mu      sync.Mutex
	commits []string
	changes map[string][]string
	asked   int
}

func newBranch() *branch {
	return &branch{commits: []string{commitO, commitX}, changes: map[string][]string{commitX: {"apps/cart/values.yaml"}}}
}

func (b *branch) Head() string   { b.mu.Lock(); defer b.mu.Unlock(); return b.commits[len(b.commits)-1] }
func (b *branch) Remote() string { return "git@git.example.com:acme/gitops" }
func (b *branch) Branch() string { return "main" }

func (b *branch) push(commit string, changes ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.commits, b.changes[commit] = append(b.commits, commit), changes
}

func (b *branch) index(commit string) (int, error) {
	if i := slices.Index(b.commits, commit); i >= 0 {
		return i, nil
	}
	return 0, fmt.Errorf("read %s: %w", commit, gitops.ErrNotFound)
}

func (b *branch) Holds(_ context.Context, commit, in string) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked++
	i, err := b.index(commit)
	j, err2 := b.index(in)
	return i <= j, errors.Join(err, err2)
}

func (b *branch) Same(_ context.Context, from, to string, paths ...string) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked++
	i, err := b.index(from)
	j, err2 := b.index(to)
	if err = errors.Join(err, err2); err != nil {
		return false, err
	}
	for _, commit := range b.commits[min(i, j)+1 : max(i, j)+1] {
		for _, file := range b.changes[commit] {
			if slices.ContainsFunc(paths, func(p string) bool { return p == "." || p == file || strings.HasPrefix(file, p+"/") }) {
				return false, nil
			}
		}
	}
	return true, nil
}

func (b *branch) Changed(_ context.Context, commit string) ([]string, error) {
	return b.changes[commit], nil
}

// tower is a server, an engine on it, and the history.
type tower struct {
	*testing.T
	server  *world.Server
	url     string
	clock   *clock
	history *branch
	options argocd.EngineOptions
	engine  *argocd.Engine
}

func newTower(t *testing.T, options argocd.EngineOptions) *tower {
	t.Helper()
	t.Parallel()
	w := &tower{T: t, server: world.New(), clock: &clock{now: after(-5)}, history: newBranch(), options: options}
	w.server.Now = w.clock.read
	w.server.Hooks.Refresh = w.compare
	http := httptest.NewServer(w.server)
	t.Cleanup(http.Close)
	w.url = http.URL
	w.restart()
	w.server.Set(before())
	w.nodes("Healthy", "")
	return w
}

// restart makes an engine that remembers nothing.
func (w *tower) restart() {
	w.Helper()
	w.engine = w.engineOf(w.url)
}

func (w *tower) engineOf(urls ...string) *argocd.Engine {
	w.Helper()
	o := argocd.Options{RefreshWait: 20 * time.Millisecond, Timeout: 10 * time.Second}
	for i, url := range urls {
		o.Instances = append(o.Instances, argocd.Instance{Name: []string{"main", "far"}[i], Server: url, Token: token("secret-token")})
	}
	client, err := argocd.New(o)
	if err != nil {
		w.Fatal(err)
	}
	e, err := argocd.NewEngine(client, w.options)
	if err != nil {
		w.Fatal(err)
	}
	return e
}

// compare serves a refresh: a comparison a second later, at what there was.
func (w *tower) compare(k world.Key, _ string) {
	w.server.Update(k, func(a *world.Application) {
		delete(a.Metadata.Annotations, world.RefreshAnnotation)
		a.Status.ReconciledAt = world.At(w.clock.read().Add(time.Second))
	})
}

// nodes sets the health of the workload, as the tree has it.
func (w *tower) nodes(health, image string) {
	w.server.SetExtra(key, func(e *world.Extra) {
		e.Nodes = []world.Node{{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "cart", UID: "n", Health: &world.Health{Status: health}}}
		e.Managed = []world.Managed{{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "cart", LiveState: `{"kind":"Deployment","spec":{"template":{"spec":{"containers":[{"image":"` + image + `"}]}}}}`}}
	})
}

// settle has everything go well by two minutes after the merge.
func (w *tower) settle() {
	w.Helper()
	w.change(settled)
	w.clock.set(after(120))
}

func (w *tower) change(f func(*world.Application)) {
	w.Helper()
	if !w.server.Update(key, f) {
		w.Fatal("no such application")
	}
}

func about(app string) promoter.Question {
	return promoter.Question{
		About: promoter.AboutDelivery, Key: "delivery " + commitX, Commit: commitX, MergedAt: merged,
		Reached: []promoter.Reached{{Environment: "production", Tenant: "acme", App: app, Wave: 2}},
		Moves: []promoter.Move{{
			Artifact: promoter.Artifact{Kind: promoter.Image, Name: "cart", Source: "registry.example.com"}, From: "1.0.0", To: "2.0.0",
			Place: promoter.Place{File: "apps/cart/values.yaml", Path: "image.tag"},
		}},
	}
}

func (w *tower) ask(q promoter.Question) promoter.Delivery {
	w.Helper()
	return w.engine.Deliver(w.Context(), q, w.history, w.clock.read())
}

// want asks a question about one application.
func (w *tower) want(q promoter.Question, outcome promoter.Outcome, reason string) promoter.Convergence {
	w.Helper()
	d := w.ask(q)
	if len(d.Apps) != 1 {
		w.Fatalf("%d answers: %+v", len(d.Apps), d)
	}
	c := d.Apps[0]
	if c.Outcome != outcome || !strings.Contains(c.Reason, reason) {
		w.Errorf("%s: %s; want %s: …%s…\n%s", c.Outcome, c.Reason, outcome, reason, strings.Join(c.Evidence, "\n"))
	}
	return c
}

// count counts requests that begin so since a mark.
func (w *tower) count(since int, prefix string) int {
	n := 0
	for _, r := range w.server.Requests()[since:] {
		if strings.HasPrefix(r, prefix) {
			n++
		}
	}
	return n
}

func (w *tower) mark() int { return len(w.server.Requests()) }

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
