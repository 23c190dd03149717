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
		Pull      *struct{}                `json:"pull_request"`
		Reviewers []struct{ Login string } `json:"requested_reviewers"`
		Assignees []struct{ Login string }
	}
	w.call(t, http.MethodGet, fmt.Sprintf("issues/%d", number), nil, &p)
	if p.Pull != nil {
		w.call(t, http.MethodGet, fmt.Sprintf("pulls/%d", number), nil, &p)
	}
	for _, x := range p.Reviewers {
		reviewers = append(reviewers, x.Login)
	}
	for _, x := range p.Assignees {
		assignees = append(assignees, x.Login)
	}
	return reviewers, assignees
}

// persons act on a real Gitea: whoever administers it may act as anybody.
type persons struct{ world }

func (p persons) as(t testing.TB, login, method, path string, in, out any) {
	t.Helper()
	p.call(t, method, path+"?sudo="+login, in, out)
}

func (p persons) Comment(t testing.TB, login string, number int, body string) {
	t.Helper()
	p.as(t, login, http.MethodPost, fmt.Sprintf("issues/%d/comments", number), map[string]any{"body": body}, nil)
}

func (p persons) EditComment(t testing.TB, login string, number, nth int, body string) {
	t.Helper()
	var list []struct{ ID int }
	p.call(t, http.MethodGet, fmt.Sprintf("issues/%d/comments", number), nil, &list)
	p.as(t, login, http.MethodPatch, fmt.Sprintf("issues/comments/%d", list[nth].ID), map[string]any{"body": body}, nil)
}

func (p persons) Review(t testing.TB, login string, number int, verdict string) {
	t.Helper()
	event := map[string]string{"approved": "APPROVED", "changes_requested": "REQUEST_CHANGES", "commented": "COMMENT"}[verdict]
	p.as(t, login, http.MethodPost, fmt.Sprintf("pulls/%d/reviews", number), map[string]any{"event": event, "body": "Because."}, nil)
}

func (p persons) Dismiss(t testing.TB, reviewer string, number int) {
	t.Helper()
	var list []struct {
		ID    int
		State string
		User  struct{ Login string }
	}
	p.call(t, http.MethodGet, fmt.Sprintf("pulls/%d/reviews", number), nil, &list)
	for _, v := range slices.Backward(list) {
		if v.User.Login == reviewer && v.State != "COMMENT" {
			p.call(t, http.MethodPost, fmt.Sprintf("pulls/%d/reviews/%d/dismissals", number, v.ID), map[string]any{"message": "No."}, nil)
			return
		}
	}
	t.Fatalf("%s has no review of #%d", reviewer, number)
}

func (p persons) Label(t testing.TB, login string, number int, label string) {
	t.Helper()
	p.as(t, login, http.MethodPost, fmt.Sprintf("issues/%d/labels", number), map[string]any{"labels": []string{label}}, nil)
}

func (p persons) Unlabel(t testing.TB, login string, number int, label string) {
	t.Helper()
	var list []struct {
		ID   int
		Name string
	}
	p.call(t, http.MethodGet, "labels", nil, &list)
	for _, l := range list {
		if l.Name == label {
			p.as(t, login, http.MethodDelete, fmt.Sprintf("issues/%d/labels/%d", number, l.ID), nil, nil)
			return
		}
	}
	t.Fatalf("there is no label %q", label)
}

func (p persons) OpenIssue(t testing.TB, login, title string, labels ...string) int {
	t.Helper()
	var i struct{ Number int }
	p.as(t, login, http.MethodPost, "issues", map[string]any{"title": title}, &i)
	for _, l := range labels {
		p.Label(t, login, i.Number, l)
	}
	return i.Number
}

func (p persons) CloseIssue(t testing.TB, login string, number int) {
	t.Helper()
	p.as(t, login, http.MethodPatch, fmt.Sprintf("issues/%d", number), map[string]any{"state": "closed"}, nil)
}

func (p persons) Allow(t testing.TB, login, permission string) {
	t.Helper()
	p.call(t, http.MethodPut, "collaborators/"+login, map[string]any{"permission": permission}, nil)
}

func (p persons) Join(t testing.TB, team, login string) {
	t.Helper()
	if err := p.server.Join(t.Context(), team, login); err != nil {
		t.Fatal(err)
	}
}

// unlike is what Gitea cannot do.
var unlike = map[string]string{"issues: closed by whom": "it does not say who closed an issue"}

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
	if err := g.AddOrg(t.Context(), "crew"); err != nil {
		t.Fatal(err)
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
		if err := g.AddTeam(t.Context(), "crew", name); err != nil {
			t.Fatal(err)
		}
		return forgetest.Setup{
			People: persons{w}, Team: "crew/" + name, Lacks: unlike,
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
