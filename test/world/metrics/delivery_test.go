package metrics_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"promoter/promoter"
	"promoter/promoter/slo"
	"promoter/test/world/delivery"
	"promoter/test/world/metrics"
)

// The whole way: a commit is delivered by the engine, and its version's errors
// are seen by the judge; the commit before was good.
func TestWithTheDeliveryEngine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	repo, err := git.PlainInitWithOptions(dir, &git.PlainInitOptions{InitOptions: git.InitOptions{DefaultBranch: plumbing.NewBranchReferenceName("main")}})
	if err != nil {
		t.Fatal(err)
	}
	commit := func(version string) {
		t.Helper()
		text := `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: sessions}
spec:
  source: {repoURL: https://charts.example.com, chart: redis, targetRevision: ` + version + `}
  destination: {name: production, namespace: sessions}
  syncPolicy: {automated: {}}
`
		tree, err := repo.Worktree()
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "app.yaml"), []byte(text), 0o644)
		}
		if err == nil {
			_, err = tree.Add("app.yaml")
		}
		if err == nil {
			_, err = tree.Commit(version, &git.CommitOptions{Author: &object.Signature{Name: "ana", When: noon}})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	commit("18.1.0")
	s := &stage{T: t, clock: &watch{now: noon}}
	engine, err := delivery.New(delivery.Config{Repository: dir, Now: s.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	s.serve(metrics.Config{Runs: engine.Runs, Now: s.clock.Now, Rules: []metrics.Rule{{Artifact: "redis", Version: "18.2.0", Errors: 0.2}}})
	commit("18.2.0")
	merged := s.clock.Now()
	for range 8 * 60 {
		s.clock.pass(time.Second)
		engine.Step()
	}
	v, e := s.judge(slo.Scope{App: "sessions", Environment: "production"}, merged, merged.Add(time.Minute))
	s.want(v, e, promoter.Fail, slo.Failed)
}

func BenchmarkQueryOverADay(b *testing.B) {
	clock := &watch{now: noon}
	runs := []delivery.Run{run("staging", "1", noon.Add(-24*time.Hour))}
	s := metrics.New(metrics.Config{Runs: func() []delivery.Run { return runs }, Now: clock.Now})
	for b.Loop() {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/query?query="+url.QueryEscape(`sum(rate(http_requests_total[5m]))`), nil))
		if w.Code != 200 {
			b.Fatal(w.Body)
		}
	}
}
