package argocd_test

import (
	"context"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"promoter/gitops/argocd"
	"promoter/promoter"
	"promoter/promoter/converge"
	world "promoter/test/world/argocd"
)

const (
	commitX = "1111111111111111111111111111111111111111"
	commitY = "2222222222222222222222222222222222222222" // after X, reads the same
	commitZ = "3333333333333333333333333333333333333333" // after X, changes the app
	commitO = "0000000000000000000000000000000000000000" // before X
	repo    = "https://git.example.com/acme/gitops.git"
	oldPod  = "registry.example.com/cart:1.0.0"
	newPod  = "registry.example.com/cart:2.0.0"
)

var (
	merged   = time.Date(2025, 3, 4, 12, 0, 0, 0, time.UTC)
	key      = world.Key{Namespace: "argocd", Name: "cart"}
	cart     = converge.ArgoApp{Instance: "main", Namespace: "argocd", Name: "cart"}
	workload = converge.Ref{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "cart"}
)

func after(seconds int) time.Time { return merged.Add(time.Duration(seconds) * time.Second) }
func at(seconds int) *world.Time  { return world.At(after(seconds)) }

// clock is the server's.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }
func (c *clock) set(t time.Time) { c.mu.Lock(); defer c.mu.Unlock(); c.now = t }

// stage is a server with one application, a client of it, and the question.
type stage struct {
	*testing.T
	server *world.Server
	client *argocd.Client
	url    string
	clock  *clock
	ask    converge.Ask
	seen   []converge.ArgoSnapshot
}

// begin has the application as it was before the merge, which is its base.
func begin(t *testing.T) *stage {
	t.Helper()
	t.Parallel()
	s := &stage{T: t, server: world.New(), clock: &clock{now: after(-5)}}
	s.server.Token = "secret-token"
	s.server.Now = s.clock.read
	http := httptest.NewServer(s.server)
	t.Cleanup(http.Close)
	s.url = http.URL
	var err error
	s.client, err = argocd.New(argocd.Options{
		Instances:   []argocd.Instance{{Name: "main", Server: http.URL, Token: token("secret-token")}},
		RefreshWait: 20 * time.Millisecond, Timeout: 10 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.server.Set(before())
	s.live("1")
	s.ask = converge.Ask{
		App: cart, Environment: "production", Commit: commitX, Repo: "git@git.example.com:acme/gitops", Branch: "main",
		Paths: []string{"apps/cart"}, MergedAt: merged, OnBranch: converge.Yes,
		History: map[string]converge.Ancestry{
			commitX: {Holds: converge.Yes, Same: converge.Yes}, commitY: {Holds: converge.Yes, Same: converge.Yes},
			commitZ: {Holds: converge.Yes, Same: converge.No}, commitO: {Holds: converge.No, Same: converge.No},
		},
		Expect: converge.Expect{
			Changed: true, Resources: []converge.Ref{workload}, Images: []converge.Image{{New: newPod, Old: oldPod}},
			Items: []converge.Item{{Ref: workload, Pointer: "/spec/template/metadata/labels/version", Value: "2"}},
		},
	}
	s.ask.Base = s.look()
	s.seen = nil
	return s
}

func token(text string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return text, nil }
}

func before() world.Application {
	source := world.Source{RepoURL: repo, Path: "apps/cart", TargetRevision: "main", Helm: map[string]any{"valueFiles": []string{"values.yaml"}}}
	to := world.Destination{Server: "https://kubernetes.default.svc", Namespace: "shop"}
	return world.Application{
		Metadata: world.Metadata{Name: "cart", Namespace: "argocd"},
		Spec:     world.Spec{Project: "default", Source: &source, Destination: to, SyncPolicy: &world.SyncPolicy{Automated: &world.Automated{Prune: true}}},
		Status: world.Status{
			Sync:           world.SyncStatus{Status: "Synced", Revision: commitO, ComparedTo: world.ComparedTo{Source: &source, Destination: to}},
			Health:         world.Health{Status: "Healthy", LastTransitionTime: at(-9000)},
			OperationState: operation("Succeeded", commitO, -9100, -9050),
			ReconciledAt:   at(-60),
			Resources:      []world.Resource{{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "shop", Name: "cart", Status: "Synced"}},
			Summary:        world.Summary{Images: []string{oldPod}},
		},
	}
}

func operation(phase, revision string, from, to int) *world.OperationState {
	op := &world.OperationState{
		Operation: world.Operation{Sync: &world.Sync{Revision: revision}}, Phase: phase, StartedAt: *at(from),
		SyncResult: &world.SyncResult{Revision: revision},
	}
	if to != 0 {
		op.FinishedAt = at(to)
	}
	return op
}

// settle lets everything happen as it should, until two minutes after the merge.
func (s *stage) settle() {
	s.Helper()
	s.ask.Fence, s.ask.Asked = after(2), 1
	s.change(settled)
	s.live("2")
	s.clock.set(after(120))
}

func settled(app *world.Application) {
	st := &app.Status
	st.Sync.Revision, st.OperationState = commitX, operation("Succeeded", commitX, 10, 15)
	st.ReconciledAt, st.Health.LastTransitionTime, st.Summary.Images = at(40), at(30), []string{newPod}
}

func (s *stage) change(f func(*world.Application)) {
	s.Helper()
	if !s.server.Update(key, f) {
		s.Fatal("no such application")
	}
}

// live sets the version label that the cluster runs.
func (s *stage) live(version string) {
	s.server.SetExtra(key, func(e *world.Extra) {
		e.Managed = []world.Managed{{
			Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "cart",
			LiveState: `{"spec":{"template":{"metadata":{"labels":{"version":"` + version + `"}}}}}`,
		}}
	})
}

func (s *stage) look() converge.ArgoSnapshot {
	s.Helper()
	snapshot, err := s.client.Look(s.Context(), cart, s.ask.Expect.Items)
	if err != nil {
		s.Fatal(err)
	}
	s.seen = append(s.seen, snapshot)
	return snapshot
}

// want looks, as a process that has seen nothing before, and judges.
func (s *stage) want(outcome promoter.Outcome, reason string) promoter.Convergence {
	s.Helper()
	s.seen = nil
	return s.still(outcome, reason)
}

// still looks again, and judges with what was seen before.
func (s *stage) still(outcome promoter.Outcome, reason string) promoter.Convergence {
	s.Helper()
	s.look()
	got := converge.Argo(s.ask, s.seen, s.clock.read())
	if got.Outcome != outcome || !strings.Contains(got.Reason, reason) {
		s.Errorf("%s: %s; want %s: …%s…\n%s", got.Outcome, got.Reason, outcome, reason, strings.Join(got.Evidence, "\n"))
	}
	return got
}

// asked reports whether the server had a request.
func (s *stage) asked(request string) bool { return slices.Contains(s.server.Requests(), request) }
