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
