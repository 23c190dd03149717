package delivery_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"promoter/gitops/argocd"
	"promoter/promoter"
	"promoter/promoter/converge"
	world "promoter/test/world/argocd"
	"promoter/test/world/delivery"
)

const repoURL = "https://git.example.com/shop/gitops.git"

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// watch is a clock that a test sets.
type watch struct {
	mu  sync.Mutex
	now time.Time
}

func (c *watch) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }
func (c *watch) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// repository is a Git repository that a test commits to.
type repository struct {
	testing.TB
	dir string
	git *git.Repository
}

func newRepository(t testing.TB, files map[string]string) *repository {
	t.Helper()
	dir := t.TempDir()
	r, err := git.PlainInitWithOptions(dir, &git.PlainInitOptions{InitOptions: git.InitOptions{DefaultBranch: plumbing.NewBranchReferenceName("main")}})
	if err != nil {
		t.Fatal(err)
	}
	repo := &repository{t, dir, r}
	repo.commit("The shop, as it is", files)
	return repo
}

// commit writes files; one without content is removed.
func (r *repository) commit(message string, files map[string]string) string {
	r.Helper()
	tree, err := r.git.Worktree()
	if err != nil {
		r.Fatal(err)
	}
	for name, text := range files {
		path := filepath.Join(r.dir, filepath.FromSlash(name))
		if text == "" {
			if _, err := tree.Remove(name); err != nil {
				r.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			r.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			r.Fatal(err)
		}
		if _, err := tree.Add(name); err != nil {
			r.Fatal(err)
		}
	}
	hash, err := tree.Commit(message, &git.CommitOptions{AllowEmptyCommits: true, Author: &object.Signature{Name: "ana", Email: "ana@example.com", When: noon}})
	if err != nil {
		r.Fatal(err)
	}
	return hash.String()
}

// overlay is the kustomization of one environment.
func overlay(tag string) string {
	return "resources: [../../base]\nnamespace: storefront\nimages:\n  - {name: registry.example.com/shop/storefront, newTag: " + tag + "}\n"
}

// kustomizeApp is an Application of an overlay.
func kustomizeApp(env string) string {
	return `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: storefront-` + env + `, namespace: argocd}
spec:
  project: shop
  source: {repoURL: ` + repoURL + `, path: apps/storefront/` + env + `, targetRevision: main}
  destination: {name: ` + env + `, namespace: storefront}
  syncPolicy: {automated: {prune: true, selfHeal: true}}
`
}

// chartApp is an Application of a chart, with values from the repository.
func chartApp(env, version string) string {
	return `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: redis-` + env + `, namespace: argocd}
spec:
  project: shop
  sources:
    - {repoURL: https://charts.example.com, chart: redis, targetRevision: ` + version + `, helm: {valueFiles: [$here/values/` + env + `.yaml]}}
    - {repoURL: ` + repoURL + `, targetRevision: main, ref: here}
  destination: {name: ` + env + `, namespace: redis}
  syncPolicy: {automated: {}}
`
}

func shop() map[string]string {
	files := map[string]string{
		"apps/base/kustomization.yaml": "resources: [deployment.yaml]\n",
		"apps/base/deployment.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: storefront}
spec:
  template:
    spec:
      initContainers: [{name: warm-up, image: "registry.example.com/pause:3.9"}]
      containers: [{name: web, image: registry.example.com/shop/storefront}]
---
apiVersion: v1
kind: Service
metadata: {name: storefront}
`,
	}
	for _, env := range []string{"dev", "staging", "production"} {
		files["argocd/storefront-"+env+".yaml"] = kustomizeApp(env)
		files["apps/storefront/"+env+"/kustomization.yaml"] = overlay("2.4.0")
		files["argocd/redis-"+env+".yaml"] = chartApp(env, "18.1.0")
		files["values/"+env+".yaml"] = "metrics: {image: {repository: registry.example.com/shop/redis-exporter, tag: \"1.19\"}}\n"
	}
	return files
}

// stage is an engine with a client of it and a clock that stands still.
type stage struct {
	*testing.T
	repo   *repository
	clock  *watch
	engine *delivery.Engine
	client *argocd.Client
	url    string
	merged time.Time
	fence  time.Time
	base   map[string]converge.ArgoSnapshot
	seen   map[string][]converge.ArgoSnapshot
}

func begin(t *testing.T, files map[string]string, change func(*delivery.Config)) *stage {
	t.Helper()
	t.Parallel()
	s := &stage{T: t, repo: newRepository(t, files), clock: &watch{now: noon}}
	c := delivery.Config{Repository: s.repo.dir, Now: s.clock.Now}
	if change != nil {
		change(&c)
	}
	var err error
	if s.engine, err = delivery.New(c); err != nil {
		t.Fatal(err)
	}
	s.url, s.client = serve(t, s.engine)
	if err := s.rebase(); err != nil {
		t.Fatal(err)
	}
	return s
}

// rebase takes how things are now for how they were before the merge.
func (s *stage) rebase() error {
	s.base, s.seen = map[string]converge.ArgoSnapshot{}, map[string][]converge.ArgoSnapshot{}
	list, err := s.client.List(s.Context())
	for _, app := range list {
		s.base[app.App.Name] = app
	}
	return err
}

func serve(t *testing.T, e *delivery.Engine) (string, *argocd.Client) {
	t.Helper()
	server := httptest.NewServer(taking(e))
	t.Cleanup(server.Close)
	client, err := argocd.New(argocd.Options{Instances: []argocd.Instance{{Name: "main", Server: server.URL}}, RefreshWait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return server.URL, client
}

// taking answers a request for a comparison once it is taken: whoever waits for
// it to be served would wait for a clock that stands still, and whoever does not
// wait may go on before it has come.
func taking(e *delivery.Engine) http.Handler {
	taken := make(chan struct{}, 1)
	ask := e.Server().Hooks.Refresh
	e.Server().Hooks.Refresh = func(key world.Key, kind string) {
		ask(key, kind)
		select {
		case taken <- struct{}{}:
		default:
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		if r.URL.Query().Get("refresh") != "" {
			go func() {
				select {
				case <-taken:
					cancel()
				case <-ctx.Done():
				}
			}()
		}
		e.ServeHTTP(w, r.WithContext(ctx))
	})
}

func name(app string) converge.ArgoApp {
	return converge.ArgoApp{Instance: "main", Namespace: "argocd", Name: app}
}

// merge commits, and asks for a comparison of one application.
func (s *stage) merge(app, message string, files map[string]string) string {
	s.Helper()
	s.clock.pass(time.Minute)
	s.engine.Step()
	commit := s.repo.commit(message, files)
	s.merged = s.clock.Now()
	s.seen = map[string][]converge.ArgoSnapshot{}
	s.clock.pass(200 * time.Millisecond)
	s.engine.Step()
	var err error
	if s.fence, err = s.client.Refresh(s.Context(), name(app), false); err != nil {
		s.Fatal(err)
	}
	return commit
}

// after lets time pass, in steps of a tenth of it.
func (s *stage) after(d time.Duration) *stage {
	for range 10 {
		s.clock.pass(d / 10)
		s.engine.Step()
	}
	return s
}

// look judges an application as it is now.
func (s *stage) look(app, commit string, expect converge.Expect) promoter.Convergence {
	s.Helper()
	snapshot, err := s.client.Look(s.Context(), name(app), expect.Items)
	if err != nil {
		s.Fatal(err)
	}
	s.seen[app] = append(s.seen[app], snapshot)
	ask := converge.Ask{
		App: name(app), Commit: commit, Repo: repoURL, Branch: "main", MergedAt: s.merged, OnBranch: converge.Yes,
		Fence: s.fence, Asked: 1, Base: s.base[app], Expect: expect,
		History: map[string]converge.Ancestry{commit: {Holds: converge.Yes, Same: converge.Yes}},
	}
	for _, b := range s.base[app].Revisions {
		if b != commit {
			ask.History[b] = converge.Ancestry{Holds: converge.No, Same: converge.No}
		}
	}
	return converge.Argo(ask, s.seen[app], s.clock.Now())
}

func (s *stage) want(got promoter.Convergence, outcome promoter.Outcome, reason string) {
	s.Helper()
	if got.Outcome != outcome || !strings.Contains(got.Reason, reason) {
		s.Errorf("%s: %s; want %s: …%s…\n%s", got.Outcome, got.Reason, outcome, reason, strings.Join(got.Evidence, "\n"))
	}
}
