package flux_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"promoter/gitops"
	"promoter/gitops/flux"
	"promoter/promoter"
	world "promoter/test/world/flux"
)

func TestAMergeIsFollowedToItsEnd(t *testing.T) {
	for _, app := range []string{"cart", "redis"} {
		t.Run(app, func(t *testing.T) {
			w := newTower(t, flux.EngineOptions{})
			w.clock.set(after(5))
			c := w.want(about(app, "blue"), promoter.Pending, "does not hold 1111111111")
			if c.App != app || c.Environment != "production" || c.Cluster != "blue" || c.Commit != commitX {
				t.Errorf("%+v", c)
			}
			w.settle()
			w.server.Update("GitRepository", "gitops", func(o world.Object) { // it has served the request
				o["status"].(map[string]any)["lastHandledReconcileAt"] = after(5).Format(time.RFC3339Nano)
			})
			w.want(about(app, ""), promoter.Converged, "runs 1111111111")
			w.change("DaemonSet", "agent", 2, "status", "numberReady")
			w.clock.set(after(204))
			w.want(about(app, ""), promoter.Pending, "DaemonSet shop/agent is InProgress")
		})
	}
}

// One request is made of a source for a commit, whoever follows it, for as long
// as it is answered; those that are lost are made again, ever more slowly.
func TestRequestsAreCounted(t *testing.T) {
	w := newTower(t, flux.EngineOptions{})
	q := about("cart", "blue")
	q.Reached = append(q.Reached, promoter.Reached{Environment: "production", Cluster: "blue", App: "redis"})
	var tokens []string
	w.server.Requested = func(o world.Object, token string) { tokens = append(tokens, token) }
	w.server.Lie(func(l *world.Lies) { l.DropRequest = true })
	var at []int
	for _, second := range []int{50, 51, 54, 55, 56, 64, 65, 66, 84, 85, 124, 125, 126, 204, 205, 299} {
		w.clock.set(after(second))
		had := w.count(0, "PATCH", "/gitops")
		for _, c := range w.ask(q).Apps {
			if c.Outcome != promoter.Pending || !c.Until.After(after(second)) {
				t.Errorf("at %d: %s: %s until %s", second, c.Outcome, c.Reason, c.Until)
			}
		}
		if n := w.count(0, "PATCH", "/gitops"); n > had {
			at = append(at, second)
			if n != had+1 {
				t.Errorf("at %d: asked %d times", second, n-had)
			}
		}
	}
	if got := fmt.Sprint(at); got != "[50 55 65 85 125 205]" {
		t.Errorf("asked at %s", got)
	}
	w.clock.set(after(355))
	for _, c := range w.ask(q).Apps {
		if c.Outcome != promoter.Blind || !strings.Contains(c.Reason, "for 5m0s now") {
			t.Errorf("%s: %s", c.Outcome, c.Reason)
		}
	}
	if n := len(slices.Compact(slices.Clone(tokens))); n != len(tokens) {
		t.Errorf("a token that was served is used again: %q", tokens)
	}
}

func TestWhatIsNotThereIsBlind(t *testing.T) {
	w := newTower(t, flux.EngineOptions{})
	w.settle()
	q := about("card", "blue")
	q.Moves[0].Place.File = "elsewhere/x.yaml"
	w.want(q, promoter.Blind, "no Kustomization or HelmRelease card in cluster blue")
	w.options.Shared = true
	w.restart()
	if d := w.ask(q); len(d.Apps) != 0 {
		t.Errorf("another engine's: %+v", d)
	}
	w.options = flux.EngineOptions{}
	w.restart()
	if d := w.ask(about("cart", "green")); len(d.Apps) != 0 {
		t.Errorf("another cluster's: %+v", d)
	}
	w.options.Bindings = []flux.Binding{{Cluster: "blue", Environments: []string{"prod*"}}}
	w.restart()
	w.want(about("cart", "green"), promoter.Converged, "") // the environment is bound to it, whatever it is called there
	w.options.Bindings[0].Environments[0] = "dev"
	w.restart()
	if d := w.ask(about("cart", "")); len(d.Apps) != 0 {
		t.Errorf("another environment's: %+v", d)
	}
	w.server.Lie(func(l *world.Lies) { l.Deny = "helmreleases" })
	w.options = flux.EngineOptions{}
	w.restart()
	w.want(about("cart", "blue"), promoter.Blind, "list helmreleases")
	if _, err := flux.NewEngine(w.client, flux.EngineOptions{Bindings: []flux.Binding{{Cluster: "bleu"}}}); err == nil {
		t.Error("a binding of nobody is taken")
	}
}

// Where a name says nothing, the Kustomization nearest to the file does.
func TestApplicationsAreFound(t *testing.T) {
	w := newTower(t, flux.EngineOptions{})
	w.settle()
	if c := w.want(about("", "blue"), promoter.Converged, "runs"); c.App != "cart" {
		t.Errorf("%+v", c)
	}
	if c := w.want(about("shop", "blue"), promoter.Converged, "cart: runs"); c.App != "shop" {
		t.Errorf("%+v", c)
	}
	q := about("", "blue")
	q.Moves[0].Place.File = "infra/redis.yaml"
	if d := w.ask(q); len(d.Apps) != 0 {
		t.Errorf("nobody reads it: %+v", d)
	}
}

func TestSupersededIsAskedAtTheHead(t *testing.T) {
	w := newTower(t, flux.EngineOptions{})
	w.history.push(commitY, "README.md")
	w.state(commitY, "2.0.0", 3, 40)
	w.clock.set(after(200))
	w.want(about("cart", "blue"), promoter.Converged, "runs 1111111111")
	w.history.push(commitZ, "apps/cart/other.yaml")
	w.state(commitZ, "2.0.0", 3, 40)
	w.history.push(strings.Repeat("4", 40), "apps/search/x.yaml") // the head moves on all the time
	w.clock.set(after(204))
	w.want(about("cart", "blue"), promoter.Converged, "runs 3333333333 and has held its health (with later changes of what it reads, up to 3333333333)")
	w.condition("Kustomization", "cart", "Ready", "False", "BuildFailed", 50)
	w.clock.set(after(208))
	q := about("cart", "blue")
	q.Healthy = true
	if c := w.want(q, promoter.Failed, "not attributed"); c.Attributable {
		t.Error("attributable")
	}
	w.state(strings.Repeat("5", 40), "2.0.0", 3, 40)
	w.clock.set(after(212))
	w.want(about("cart", "blue"), promoter.Pending, "it is at 5555555555, which was not there yet")
}

func TestAttributionAfterARestart(t *testing.T) {
	for name, tt := range map[string]struct {
		healthy bool
		spoil   func(w *tower)
		blamed  bool
	}{
		"the release that is moved": {true, func(w *tower) {
			w.condition("HelmRelease", "redis", "Ready", "False", "UpgradeFailed", 60)
		}, true},
		"no seal": {false, func(w *tower) {
			w.condition("HelmRelease", "redis", "Ready", "False", "UpgradeFailed", 60)
		}, false},
		"what cannot be built": {true, func(w *tower) {
			w.condition("Kustomization", "cart", "Ready", "False", "BuildFailed", 60)
		}, true},
		"something else": {true, func(w *tower) {
			w.condition("Kustomization", "cart", "Ready", "False", "HealthCheckFailed", 60)
			w.change("Deployment", "cart", []any{world.Object{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "x"}}, "status", "conditions")
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTower(t, flux.EngineOptions{})
			w.settle()
			w.want(about("cart", "blue"), promoter.Converged, "")
			tt.spoil(w)
			w.restart()
			w.clock.set(after(700))
			q := about("cart", "blue")
			q.Healthy = tt.healthy
			if c := w.want(q, promoter.Failed, ""); c.Attributable != tt.blamed {
				t.Errorf("attributable %v: %s\n%q", c.Attributable, c.Reason, c.Evidence)
			}
		})
	}
}

// An image that is moved and a workload that fails with it.
func TestAWorkloadThatFailsWithItsImage(t *testing.T) {
	w := newTower(t, flux.EngineOptions{})
	w.settle()
	w.condition("Kustomization", "cart", "Ready", "False", "HealthCheckFailed", 60)
	w.change("Deployment", "cart", []any{world.Object{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "x"}}, "status", "conditions")
	w.clock.set(after(700))
	q := about("cart", "blue")
	q.Moves = []promoter.Move{{
		Artifact: promoter.Artifact{Kind: promoter.Image, Name: "cart", Source: "registry.example.com"}, From: "1.0.0", To: "2.0.0",
		Place: promoter.Place{File: "apps/cart/kustomization.yaml", Path: "images[0].newTag"},
	}}
	if c := w.want(q, promoter.Failed, "HealthCheckFailed"); c.Attributable {
		t.Error("attributable without a record of health")
	}
	q.Healthy = true
	w.clock.set(after(704))
	if c := w.want(q, promoter.Failed, "HealthCheckFailed"); !c.Attributable {
		t.Errorf("%q", c.Evidence)
	}
	q.Moves[0].To = "3.0.0"
	w.clock.set(after(708))
	if c := w.want(q, promoter.Failed, "HealthCheckFailed"); c.Attributable {
		t.Error("it runs another version")
	}
}

func TestReadiness(t *testing.T) {
	w := newTower(t, flux.EngineOptions{})
	q := about("cart", "blue")
	q.About, q.Commit, q.MergedAt = promoter.AboutReadiness, "", time.Time{}
	w.want(q, promoter.Converged, "applied and healthy")
	w.condition("HelmRelease", "redis", "Ready", "False", "UpgradeFailed", -100)
	w.clock.set(after(0))
	w.want(q, promoter.Failed, "UpgradeFailed")
	w.change("Kustomization", "cart", true, "spec", "suspend")
	w.clock.set(after(4))
	if d := w.ask(q); len(d.Against) != 1 || !strings.Contains(d.Against[0], "cart is suspended") || d.Apps[0].Outcome != promoter.Blocked {
		t.Errorf("%+v", d)
	}
}

// 80 Kustomizations in one look: one list of each kind.
func TestCallsOfOneLook(t *testing.T) {
	w := newTower(t, flux.EngineOptions{})
	w.settle()
	q := about("cart", "blue")
	for i := range 80 {
		o := w.server.Get("Kustomization", "cart")
		o["metadata"] = world.Object{"name": fmt.Sprintf("cart-%03d", i), "namespace": "flux-system", "generation": 1}
		w.server.Set(o)
		q.Reached = append(q.Reached, promoter.Reached{Environment: "production", Cluster: "blue", App: fmt.Sprintf("cart-%03d", i)})
	}
	mark := len(w.server.Requests())
	d := w.ask(q)
	if len(d.Apps) != 81 {
		t.Fatalf("%d answers", len(d.Apps))
	}
	w.ask(about("redis", "blue"))
	for _, kind := range []string{"gitrepositories", "ocirepositories", "kustomizations", "helmcharts", "helmreleases"} {
		if n := w.count(mark, "GET", "/"+kind); n != 1 {
			t.Errorf("%d lists of %s", n, kind)
		}
	}
	for _, c := range d.Apps {
		if c.Outcome != promoter.Converged {
			t.Fatalf("%s: %s: %s", c.App, c.Outcome, c.Reason)
		}
	}
	if n := w.count(mark, "PATCH", ""); n != 0 {
		t.Errorf("%d requests to reconcile what has converged", n)
	}
}

func TestNothingIsEnded(t *testing.T) {
	w := newTower(t, flux.EngineOptions{})
	err := w.engine.End(t.Context(), promoter.EndOperation{App: "cart"})
	if !errors.Is(err, gitops.ErrNotFound) || !errors.Is(err, gitops.ErrStale) {
		t.Errorf("%v", err)
	}
}

func TestHintsInvalidateLists(t *testing.T) {
	w := newTower(t, flux.EngineOptions{})
	w.settle()
	ctx, cancel := context.WithCancel(t.Context())
	hints, done := make(chan struct{}, 100), make(chan struct{})
	w.want(about("cart", "blue"), promoter.Converged, "")
	go func() { defer close(done); w.engine.Watch(ctx, func() { hints <- struct{}{} }) }()
	for len(hints) == 0 { // until the watch is there
		w.condition("Kustomization", "cart", "Healthy", "False", "Failed", 150)
		select {
		case <-hints:
			hints <- struct{}{}
		case <-time.After(5 * time.Millisecond):
		}
	}
	w.clock.set(after(202))
	w.want(about("cart", "blue"), promoter.Pending, "ready and not healthy")
	cancel()
	<-done
}
