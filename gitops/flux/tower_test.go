package flux_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"promoter/gitops"
	"promoter/gitops/flux"
	"promoter/promoter"
)

const commitZ = "3333333333333333333333333333333333333333" // after X, changes the app

// branch is a history: commits in order, and what each changes.
type branch struct {
	mu      sync.Mutex
	commits []string
	changes map[string][]string
}

func newBranch() *branch {
	return &branch{commits: []string{commitO, commitX}, changes: map[string][]string{commitX: {"apps/cart/redis.yaml"}}}
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
	i, err := b.index(commit)
	j, err2 := b.index(in)
	return i <= j, errors.Join(err, err2)
}

func (b *branch) Same(_ context.Context, from, to string, paths ...string) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
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

// tower is a stage with an engine on it, and the history.
type tower struct {
	*stage
	history *branch
	options flux.EngineOptions
	engine  *flux.Engine
}

func newTower(t *testing.T, options flux.EngineOptions) *tower {
	t.Helper()
	w := &tower{stage: begin(t), history: newBranch(), options: options}
	w.restart()
	return w
}

// restart makes an engine that remembers nothing.
func (w *tower) restart() {
	w.Helper()
	var err error
	if w.engine, err = flux.NewEngine(w.client, w.options); err != nil {
		w.Fatal(err)
	}
}

func about(app, cluster string) promoter.Question {
	return promoter.Question{
		About: promoter.AboutDelivery, Key: "delivery " + commitX, Commit: commitX, MergedAt: merged,
		Reached: []promoter.Reached{{Environment: "production", Cluster: cluster, App: app, Wave: 2}},
		Moves: []promoter.Move{{
			Artifact: promoter.Artifact{Kind: promoter.Chart, Name: "redis", Source: "https://charts.example.com"}, From: "1.0.0", To: "2.0.0",
			Place: promoter.Place{File: "apps/cart/redis.yaml", Path: "spec.chart.spec.version"},
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

func (w *tower) count(since int, prefix, suffix string) int {
	n := 0
	for _, r := range w.server.Requests()[since:] {
		if strings.HasPrefix(r, prefix) && strings.HasSuffix(r, suffix) {
			n++
		}
	}
	return n
}
