package argocd_test

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"promoter/gitops/argocd"
	"promoter/promoter"
	"promoter/test/world/delivery"
)

// shop is an Argo CD that really follows a repository.
type shop struct {
	*testing.T
	dir     string
	git     *git.Repository
	clock   *clock
	world   *delivery.Engine
	client  *argocd.Client
	engine  *argocd.Engine
	history *branch
}

func (s *shop) commit(files map[string]string) string {
	s.Helper()
	tree, err := s.git.Worktree()
	if err != nil {
		s.Fatal(err)
	}
	var names []string
	for name, text := range files {
		path := filepath.Join(s.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			s.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			s.Fatal(err)
		}
		if _, err := tree.Add(name); err != nil {
			s.Fatal(err)
		}
		names = append(names, name)
	}
	hash, err := tree.Commit("a change", &git.CommitOptions{Author: &object.Signature{Name: "ana", Email: "ana@example.com", When: merged}})
	if err != nil {
		s.Fatal(err)
	}
	s.history.push(hash.String(), names...)
	return hash.String()
}

const (
	cartApp = `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: cart, namespace: argocd}
spec:
  project: shop
  source: {repoURL: "https://git.example.com/acme/gitops.git", path: apps/cart, targetRevision: main}
  destination: {name: production, namespace: shop}
  syncPolicy: {automated: {prune: true}}
`
	redisApp = `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: redis, namespace: argocd}
spec:
  project: shop
  source: {repoURL: "https://charts.example.com", chart: redis, targetRevision: $VERSION}
  destination: {name: production, namespace: redis}
  syncPolicy: {automated: {}}
`
	cartDeployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: cart}
spec: {template: {spec: {containers: [{name: cart, image: registry.example.com/cart}]}}}
`
)

func kustomization(tag string) map[string]string {
	return map[string]string{"apps/cart/kustomization.yaml": "resources: [deployment.yaml]\nnamespace: shop\nimages: [{name: registry.example.com/cart, newTag: " + tag + "}]\n"}
}

func chart(version string) map[string]string {
	return map[string]string{"argocd/redis.yaml": strings.ReplaceAll(redisApp, "$VERSION", version)}
}

func newShop(t *testing.T, rules ...delivery.Rule) *shop {
	t.Helper()
	t.Parallel()
	dir := t.TempDir()
	r, err := git.PlainInitWithOptions(dir, &git.PlainInitOptions{InitOptions: git.InitOptions{DefaultBranch: plumbing.NewBranchReferenceName("main")}})
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{T: t, dir: dir, git: r, clock: &clock{now: merged.Add(-time.Minute)}, history: &branch{changes: map[string][]string{}}}
	files := map[string]string{"argocd/cart.yaml": cartApp, "apps/cart/deployment.yaml": cartDeployment}
	for _, more := range []map[string]string{kustomization("1.0.0"), chart("18.0.0")} {
		for name, text := range more {
			files[name] = text
		}
	}
	s.commit(files)
	s.world, err = delivery.New(delivery.Config{Repository: dir, Now: s.clock.read, Rules: rules, Timing: delivery.Timing{Notice: -1}})
	if err != nil {
		t.Fatal(err)
	}
	http := httptest.NewServer(s.world)
	t.Cleanup(http.Close)
	s.client, err = argocd.New(argocd.Options{Instances: []argocd.Instance{{Name: "main", Server: http.URL}}, RefreshWait: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	s.restart()
	s.clock.set(merged)
	s.world.Step()
	return s
}

func (s *shop) restart() {
	s.Helper()
	var err error
	if s.engine, err = argocd.NewEngine(s.client, argocd.EngineOptions{}); err != nil {
		s.Fatal(err)
	}
}

// follow asks every five seconds until the answer is final, and returns it and
// all that was said on the way.
func (s *shop) follow(q promoter.Question) (last promoter.Convergence, way string) {
	s.Helper()
	for range 60 {
		s.clock.set(s.clock.read().Add(5 * time.Second))
		s.world.Step()
		d := s.engine.Deliver(s.Context(), q, s.history, s.clock.read())
		if len(d.Apps) != 1 {
			s.Fatalf("%+v", d)
		}
		last = d.Apps[0]
		if !strings.HasSuffix(way, string(last.Outcome)) {
			way = strings.TrimPrefix(way+" "+string(last.Outcome), " ")
		}
		if last.Outcome == promoter.Converged || last.Outcome == promoter.Failed {
			break
		}
	}
	return last, way
}

func move(q promoter.Question, commit string, mergedAt time.Time, kind promoter.Kind, name, source, from, to, file string) promoter.Question {
	q.Commit, q.MergedAt = commit, mergedAt
	q.Moves = []promoter.Move{{Artifact: promoter.Artifact{Kind: kind, Name: name, Source: source}, From: from, To: to, Place: promoter.Place{File: file}}}
	return q
}

// There and back again: a version that is well, one that is not, and its
// revert, each by an engine that has seen nothing before.
func TestARealRepositoryIsFollowed(t *testing.T) {
	s := newShop(t, delivery.Rule{Artifact: "cart", Version: "3.0.0", Outcome: delivery.Degraded, Message: "crash loop"})
	q := about("cart")
	step := func(from, to string) promoter.Question {
		s.restart()
		return move(q, s.commit(kustomization(to)), s.clock.read(), promoter.Image, "cart", "registry.example.com", from, to, "apps/cart/kustomization.yaml")
	}
	if c, way := s.follow(step("1.0.0", "2.0.0")); way != "pending converged" {
		t.Fatalf("%s: %s\n%q", way, c.Reason, c.Evidence)
	}
	bad := step("2.0.0", "3.0.0")
	if c, way := s.follow(bad); way != "pending failed" || c.Attributable {
		t.Fatalf("%s: %s\n%q", way, c.Reason, c.Evidence)
	}
	s.restart()
	bad.Healthy = true
	if c, _ := s.follow(bad); c.Outcome != promoter.Failed || !c.Attributable || !strings.Contains(c.Reason, "Deployment shop/cart (crash loop)") {
		t.Fatalf("%s: %s\n%q", c.Outcome, c.Reason, c.Evidence)
	}
	if c, way := s.follow(step("3.0.0", "2.0.0")); way != "pending converged" {
		t.Fatalf("back: %s: %s\n%q", way, c.Reason, c.Evidence)
	}
}

func TestARealChartIsFollowed(t *testing.T) {
	s := newShop(t, delivery.Rule{Artifact: "redis", Version: "19.0.0", Outcome: delivery.SyncFails, Message: "field is immutable"})
	q := about("redis")
	q.Healthy = true
	step := func(from, to string) promoter.Question {
		s.restart()
		return move(q, s.commit(chart(to)), s.clock.read(), promoter.Chart, "redis", "https://charts.example.com", from, to, "argocd/redis.yaml")
	}
	if c, way := s.follow(step("18.0.0", "18.1.0")); way != "pending converged" {
		t.Fatalf("%s: %s\n%q", way, c.Reason, c.Evidence)
	}
	if c, way := s.follow(step("18.1.0", "19.0.0")); way != "pending failed" || !c.Attributable {
		t.Fatalf("%s: %s\n%q", way, c.Reason, c.Evidence)
	}
	if c, way := s.follow(step("19.0.0", "18.1.0")); way != "pending converged" {
		t.Fatalf("back: %s: %s\n%q", way, c.Reason, c.Evidence)
	}
}
