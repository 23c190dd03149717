package gitea_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync/atomic"
	"testing"

	"promoter/gitops/forgetest"
	"promoter/gitops/gitea"
	"promoter/test/realforge"
)

// server starts a real Gitea, or skips.
func server(t testing.TB) *realforge.Gitea {
	t.Helper()
	if os.Getenv("PROMOTER_REAL_FORGES") == "" {
		t.Skip("a real Gitea takes a minute or two: make test-forges runs it")
	}
	binary, static, missing := realforge.FindGitea()
	if missing != "" {
		t.Skip(missing)
	}
	g, err := realforge.StartGitea(t.Context(), t.TempDir(), binary, static)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return g
}

func reach(t testing.TB, g *realforge.Gitea, repo string, change func(*gitea.Options)) *gitea.Forge {
	t.Helper()
	o := gitea.Options{Owner: g.Owner, Repo: repo, URL: g.URL, Token: func(context.Context) (string, error) { return g.Token, nil }}
	if change != nil {
		change(&o)
	}
	f, err := gitea.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// world is a repository on a real Gitea.
type world struct {
	*forgetest.Git
	server *realforge.Gitea
	repo   string
}

func (w world) call(t testing.TB, method, path string, in, out any) {
	t.Helper()
	if err := w.server.Call(t.Context(), method, "repos/"+w.server.Owner+"/"+w.repo+"/"+path, in, out); err != nil {
		t.Fatal(err)
	}
}

func (w world) Close(t testing.TB, number int) {
	t.Helper()
	w.call(t, http.MethodPatch, fmt.Sprintf("pulls/%d", number), map[string]any{"state": "closed"}, nil)
}

func (w world) Merge(t testing.TB, number int) {
	t.Helper()
	// By Git: then it is up to the server to notice, as with any other push.
	var p struct {
		Head struct{ Ref string }
	}
	w.call(t, http.MethodGet, fmt.Sprintf("pulls/%d", number), nil, &p)
	commit := w.Git.Join(t, "main", p.Head.Ref)
	w.call(t, http.MethodPost, fmt.Sprintf("pulls/%d/merge", number), map[string]any{"Do": "manually-merged", "MergeCommitID": commit}, nil)
}

func (w world) Comments(t testing.TB, number int) []string {
	t.Helper()
	var list []struct{ Body string }
	w.call(t, http.MethodGet, fmt.Sprintf("issues/%d/comments", number), nil, &list)
	var all []string
	for _, c := range list {
		all = append(all, c.Body)
	}
	return all
}

func (w world) Asked(t testing.TB, number int) (reviewers, assignees []string) {
	t.Helper()
	var p struct {
		Reviewers []struct{ Login string } `json:"requested_reviewers"`
		Assignees []struct{ Login string }
	}
	w.call(t, http.MethodGet, fmt.Sprintf("pulls/%d", number), nil, &p)
	for _, x := range p.Reviewers {
		reviewers = append(reviewers, x.Login)
	}
	for _, x := range p.Assignees {
		assignees = append(assignees, x.Login)
	}
	return reviewers, assignees
}

// gate is a proxy in front of the server, which has no limits of its own.
type gate struct{ shut atomic.Bool }

func (g *gate) RoundTrip(req *http.Request) (*http.Response, error) {
	if !g.shut.Load() {
		return http.DefaultTransport.RoundTrip(req)
	}
	return &http.Response{
		StatusCode: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"30"}}, Body: http.NoBody, Request: req,
	}, nil
}

func TestConformanceOfGitea(t *testing.T) {
	g := server(t)
	for _, login := range []string{"ben", "cleo"} {
		if err := g.AddUser(t.Context(), login); err != nil {
			t.Fatal(err)
		}
	}
	var repos atomic.Int64
	forgetest.Run(t, func(t *testing.T) forgetest.Setup {
		name := fmt.Sprintf("fleet-%d", repos.Add(1))
		if err := g.AddRepo(t.Context(), name, "ben", "cleo"); err != nil {
			t.Fatal(err)
		}
		gate := &gate{}
		w := world{&forgetest.Git{URL: g.CloneURL(name)}, g, name}
		w.call(t, http.MethodPatch, "", map[string]any{"has_pull_requests": true, "allow_manual_merge": true}, nil)
		return forgetest.Setup{
			Forge: reach(t, g, name, func(o *gitea.Options) { o.HTTP = &http.Client{Transport: gate} }),
			World: w, Pages: reach(t, g, name, func(o *gitea.Options) { o.PageSize = 3 }), PageSize: 3, Reviewer: "ben", Assignee: "cleo",
			Limit: func(*testing.T) { gate.shut.Store(true) },
			Forbid: func(t *testing.T, method string) {
				field := map[string]string{"merge": "allow_merge_commits", "squash": "allow_squash_merge", "rebase": "allow_rebase"}[method]
				if !slices.Contains([]string{"merge", "squash", "rebase"}, method) {
					t.Fatal(method)
				}
				w.call(t, http.MethodPatch, "", map[string]any{"has_pull_requests": true, field: false}, nil)
			},
		}
	})
}
