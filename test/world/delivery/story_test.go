package delivery_test

import (
	"testing"
	"time"

	"promoter/promoter"
	"promoter/promoter/converge"
	"promoter/test/world/argocd"
	"promoter/test/world/delivery"
)

var (
	storefront = converge.Ref{Group: "apps", Kind: "Deployment", Namespace: "storefront", Name: "storefront"}
	redis      = converge.Ref{Group: "apps", Kind: "Deployment", Namespace: "redis", Name: "redis-dev"}
)

// bumped is what a new tag in an overlay does.
func bumped(from, to string) converge.Expect {
	const image = "registry.example.com/shop/storefront:"
	return converge.Expect{
		Changed: true, Resources: []converge.Ref{storefront}, Images: []converge.Image{{New: image + to, Old: image + from}},
		Items: []converge.Item{{Ref: storefront, Pointer: "/spec/template/spec/containers/0/image", Value: image + to}},
	}
}

func bump(env, tag string) map[string]string {
	return map[string]string{"apps/storefront/" + env + "/kustomization.yaml": overlay(tag)}
}

// A commit is delivered where it changes something, and converges at exactly
// that commit; elsewhere the commit is seen and nothing is applied.
func TestACommitConverges(t *testing.T) {
	s := begin(t, shop(), nil)
	for app, b := range s.base {
		if b.Health != "Healthy" || b.SyncStatus != "Synced" || !b.AutoSync {
			t.Errorf("%s is %s and %s before anything happens", app, b.SyncStatus, b.Health)
		}
	}
	if len(s.base) != 6 {
		t.Fatalf("%d applications, want 6", len(s.base))
	}
	commit := s.merge("storefront-dev", "storefront 2.5.0 on dev", bump("dev", "2.5.0"))
	expect := bumped("2.4.0", "2.5.0")
	s.want(s.look("storefront-dev", commit, expect), promoter.Pending, "a refresh is asked for and not served")
	s.after(2*time.Second).want(s.look("storefront-dev", commit, expect), promoter.Pending, "an operation is running")
	s.after(10*time.Second).want(s.look("storefront-dev", commit, expect), promoter.Pending, "it is Progressing")
	s.after(22*time.Second).want(s.look("storefront-dev", commit, expect), promoter.Pending, "must be for 30s")
	s.after(30*time.Second).want(s.look("storefront-dev", commit, expect), promoter.Converged, "runs "+commit[:10])
	s.want(s.look("storefront-production", commit, converge.Expect{}), promoter.Converged, "")
	history := s.engine.History(argocd.Key{Namespace: "argocd", Name: "storefront-dev"})
	if len(history) != 2 || history[1].Revisions[0] != commit || !history[1].DeployedAt.After(history[1].StartedAt) {
		t.Errorf("history %+v", history)
	}
	if other := s.engine.History(argocd.Key{Namespace: "argocd", Name: "storefront-staging"}); len(other) != 1 {
		t.Errorf("staging was deployed %d times, by a commit that does not touch it", len(other))
	}
}

// A comparison from before the request is none, however healthy things are.
func TestTheFenceIsPassed(t *testing.T) {
	s := begin(t, shop(), nil)
	commit := s.merge("storefront-dev", "nothing", nil)
	s.engine.Step()
	s.want(s.look("storefront-dev", commit, converge.Expect{}), promoter.Pending, "a refresh is asked for and not served")
	s.after(time.Second)
	if got := s.look("storefront-dev", commit, converge.Expect{}); !s.seen["storefront-dev"][1].ReconciledAt.After(s.fence) {
		t.Errorf("compared at %s, asked at %s: %s", s.seen["storefront-dev"][1].ReconciledAt, s.fence, got.Reason)
	}
	if n := len(s.engine.History(argocd.Key{Namespace: "argocd", Name: "storefront-dev"})); n != 1 {
		t.Errorf("%d operations for a commit without content", n)
	}
}

// Two sources: the chart's version and the values' commit are both told.
func TestAChartWithValuesConverges(t *testing.T) {
	s := begin(t, shop(), nil)
	commit := s.merge("redis-dev", "redis 18.2.0 on dev", map[string]string{"argocd/redis-dev.yaml": chartApp("dev", "18.2.0")})
	expect := converge.Expect{
		Changed: true, Resources: []converge.Ref{redis},
		Versions: []converge.Version{{Repo: "https://charts.example.com", Chart: "redis", From: "18.1.0", To: "18.2.0"}},
		Images:   []converge.Image{{New: "charts.example.com/redis:18.2.0", Old: "charts.example.com/redis:18.1.0"}},
	}
	s.after(2*time.Second).want(s.look("redis-dev", commit, expect), promoter.Pending, "an operation is running")
	s.after(time.Minute+5*time.Second).want(s.look("redis-dev", commit, expect), promoter.Converged, "")
	seen := s.seen["redis-dev"][1]
	if got := seen.Operation.Result; len(got) != 2 || got[0] != "18.2.0" || got[1] != commit {
		t.Errorf("the operation's revisions are %q", got)
	}
	if len(seen.Images) != 2 || seen.Images[1] != "registry.example.com/shop/redis-exporter:1.19" {
		t.Errorf("images %q", seen.Images)
	}
	values := s.merge("redis-dev", "exporter 1.20", map[string]string{"values/dev.yaml": "metrics: {image: {repository: registry.example.com/shop/redis-exporter, tag: \"1.20\"}}\n"})
	s.base["redis-dev"] = seen
	s.after(70 * time.Second)
	expect = converge.Expect{Changed: true, Resources: []converge.Ref{redis}, Images: []converge.Image{{New: "registry.example.com/shop/redis-exporter:1.20", Old: "registry.example.com/shop/redis-exporter:1.19"}}}
	s.want(s.look("redis-dev", values, expect), promoter.Converged, "")
}

// A version that is bad where the change is fails, and is to blame; the older
// version heals it, and a place without the rule never knew.
func TestABadVersionFailsAndIsReverted(t *testing.T) {
	s := begin(t, shop(), func(c *delivery.Config) {
		c.Rules = []delivery.Rule{{Artifact: "shop/storefront", Version: "2.5.0", Environment: "staging", Outcome: delivery.Degraded, Message: "back-off restarting failed container web"}}
	})
	files := bump("staging", "2.5.0")
	files["apps/storefront/dev/kustomization.yaml"] = overlay("2.5.0")
	commit := s.merge("storefront-staging", "storefront 2.5.0", files)
	s.after(30 * time.Second)
	expect := bumped("2.4.0", "2.5.0")
	s.after(10*time.Second).want(s.look("storefront-staging", commit, expect), promoter.Pending, "it is Degraded: Deployment storefront/storefront (back-off restarting failed container web)")
	got := s.after(time.Minute).look("storefront-staging", commit, expect)
	s.want(got, promoter.Failed, "it has been Degraded for 1m0s")
	if !got.Attributable {
		t.Errorf("not attributable: %q", got.Evidence)
	}
	s.want(s.look("storefront-dev", commit, expect), promoter.Converged, "")
	s.base["storefront-staging"] = s.seen["storefront-staging"][0]
	back := s.merge("storefront-staging", "revert", bump("staging", "2.4.0"))
	s.after(80*time.Second).want(s.look("storefront-staging", back, bumped("2.5.0", "2.4.0")), promoter.Converged, "")
	runs := map[string]int{}
	for _, r := range s.engine.Runs() {
		if r.App == "storefront-staging" && delivery.Named(r.Artifact, "storefront") {
			runs[r.Version]++
			if r.Version == "2.5.0" && (r.To.IsZero() || !r.To.After(r.From) || r.Environment != "staging") {
				t.Errorf("run %+v", r)
			}
		}
	}
	if runs["2.4.0"] != 2 || runs["2.5.0"] != 1 {
		t.Errorf("runs %v", runs)
	}
}

func TestNeverReady(t *testing.T) {
	s := begin(t, shop(), func(c *delivery.Config) {
		c.Rules = []delivery.Rule{{Artifact: "storefront", Version: "2.5.0", Outcome: delivery.NeverReady}}
	})
	commit := s.merge("storefront-dev", "storefront 2.5.0", bump("dev", "2.5.0"))
	s.after(9*time.Minute).want(s.look("storefront-dev", commit, bumped("2.4.0", "2.5.0")), promoter.Pending, "it is Progressing")
	got := s.after(2*time.Minute).look("storefront-dev", commit, bumped("2.4.0", "2.5.0"))
	s.want(got, promoter.Failed, "it has been Progressing for 10m0s")
	if !got.Attributable {
		t.Errorf("not attributable: %q", got.Evidence)
	}
	s.engine.SetRules() // somebody has mended what it waited for
	s.after(40*time.Second).want(s.look("storefront-dev", commit, bumped("2.4.0", "2.5.0")), promoter.Converged, "")
}

func TestSyncFails(t *testing.T) {
	s := begin(t, shop(), func(c *delivery.Config) {
		c.Rules = []delivery.Rule{{Artifact: "storefront", Version: "2.5.0", Outcome: delivery.SyncFails, Resource: "Service/storefront", Message: "field is immutable"}}
	})
	commit := s.merge("storefront-dev", "storefront 2.5.0", bump("dev", "2.5.0"))
	expect := bumped("2.4.0", "2.5.0")
	expect.Resources = append(expect.Resources, converge.Ref{Kind: "Service", Namespace: "storefront", Name: "storefront"})
	got := s.after(20*time.Second).look("storefront-dev", commit, expect)
	s.want(got, promoter.Failed, "field is immutable")
	if !got.Attributable {
		t.Errorf("not attributable: %q", got.Evidence)
	}
	if got := s.seen["storefront-dev"][0]; got.Health != "Healthy" || got.SyncStatus != "OutOfSync" || len(got.Conditions) != 1 {
		t.Errorf("%s, %s, %+v", got.Health, got.SyncStatus, got.Conditions)
	}
	s.after(5 * time.Minute) // auto-sync does not try the same again
	if n := s.look("storefront-dev", commit, expect); n.Outcome != promoter.Failed || !s.seen["storefront-dev"][1].Operation.FinishedAt.Equal(s.seen["storefront-dev"][0].Operation.FinishedAt) {
		t.Errorf("it was tried again: %s", n.Reason)
	}
}

// A version that turns bad after it was ready.
func TestDegradedAfterAWhile(t *testing.T) {
	s := begin(t, shop(), func(c *delivery.Config) {
		c.Rules = []delivery.Rule{{Artifact: "redis", Version: "18.2.0", Outcome: delivery.Degraded, After: 2 * time.Minute}}
	})
	commit := s.merge("redis-dev", "redis 18.2.0", map[string]string{"argocd/redis-dev.yaml": chartApp("dev", "18.2.0")})
	expect := converge.Expect{Changed: true, Resources: []converge.Ref{redis}, Versions: []converge.Version{{Repo: "https://charts.example.com", Chart: "redis", From: "18.1.0", To: "18.2.0"}}}
	s.after(70*time.Second).want(s.look("redis-dev", commit, expect), promoter.Converged, "")
	s.after(4 * time.Minute)
	s.want(s.look("redis-dev", commit, expect), promoter.Failed, "it has been Degraded")
}

// An operation that is ended gives way.
func TestAnOperationIsEnded(t *testing.T) {
	s := begin(t, shop(), func(c *delivery.Config) { c.Timing.Sync = time.Hour })
	s.merge("storefront-dev", "storefront 2.5.0", bump("dev", "2.5.0"))
	s.after(2 * time.Second)
	running, err := s.client.Look(t.Context(), name("storefront-dev"), nil)
	if err != nil || !running.Requested || running.Operation.Phase != "Running" {
		t.Fatalf("%+v, %v", running.Operation, err)
	}
	if err := s.client.EndOperation(t.Context(), running); err != nil {
		t.Fatal(err)
	}
	s.after(2 * time.Second)
	ended, err := s.client.Look(t.Context(), name("storefront-dev"), nil)
	if err != nil || ended.Requested || ended.Operation.Phase != "Failed" || ended.Operation.Message != "Operation terminated" {
		t.Errorf("%+v, %v", ended.Operation, err)
	}
}
