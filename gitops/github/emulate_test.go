package github_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"promoter/gitops/forgetest"
	"promoter/gitops/github"
	"promoter/test/realforge"
)

// apiWorld is a World by GitHub's API alone: for a server without Git.
type apiWorld struct{ base, token, owner, repo string }

func (w apiWorld) call(t testing.TB, method, path string, in, out any) int {
	t.Helper()
	return w.send(t, method, "/repos/"+w.owner+"/"+w.repo+path, in, out)
}

func (w apiWorld) send(t testing.TB, method, path string, in, out any) int {
	t.Helper()
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, w.base+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode/100 == 2 && out != nil {
		if err := json.Unmarshal(data, out); err != nil {
			t.Fatalf("%s %s: %v: %s", method, path, err, data)
		}
	}
	return resp.StatusCode
}

func (w apiWorld) must(t testing.TB, method, path string, in, out any) {
	t.Helper()
	if status := w.call(t, method, path, in, out); status/100 != 2 {
		t.Fatalf("%s %s: %d", method, path, status)
	}
}

type sha struct{ SHA string }

func (w apiWorld) head(t testing.TB, branch string) string {
	t.Helper()
	var ref struct{ Object sha }
	if w.call(t, http.MethodGet, "/git/ref/heads/"+branch, nil, &ref) != http.StatusOK {
		return ""
	}
	return ref.Object.SHA
}

func (w apiWorld) Commit(t testing.TB, branch, from string, files map[string]string) string {
	t.Helper()
	at := w.head(t, branch)
	parent := at
	if at == "" {
		parent = w.head(t, from)
	}
	var base struct{ Tree sha }
	w.must(t, http.MethodGet, "/git/commits/"+parent, nil, &base)
	var entries []map[string]string
	for path, text := range files {
		entries = append(entries, map[string]string{"path": path, "mode": "100644", "type": "blob", "content": text})
	}
	var tree, commit sha
	w.must(t, http.MethodPost, "/git/trees", map[string]any{"base_tree": base.Tree.SHA, "tree": entries}, &tree)
	w.must(t, http.MethodPost, "/git/commits", map[string]any{"message": "Change " + branch, "tree": tree.SHA, "parents": []string{parent}}, &commit)
	if at == "" {
		w.must(t, http.MethodPost, "/git/refs", map[string]any{"ref": "refs/heads/" + branch, "sha": commit.SHA}, nil)
	} else {
		w.must(t, http.MethodPatch, "/git/refs/heads/"+branch, map[string]any{"sha": commit.SHA}, nil)
	}
	return commit.SHA
}

func (w apiWorld) Delete(t testing.TB, branch string) {
	t.Helper()
	w.must(t, http.MethodDelete, "/git/refs/heads/"+branch, nil, nil)
}

func (w apiWorld) Log(t testing.TB, branch string) []forgetest.Commit {
	t.Helper()
	var all []forgetest.Commit
	seen := map[string]bool{}
	for next := []string{w.head(t, branch)}; len(next) > 0; next = next[1:] {
		if seen[next[0]] {
			continue
		}
		seen[next[0]] = true
		var c struct {
			SHA, Message string
			Parents      []sha
		}
		w.must(t, http.MethodGet, "/git/commits/"+next[0], nil, &c)
		subject, _, _ := strings.Cut(c.Message, "\n")
		x := forgetest.Commit{Hash: c.SHA, Subject: subject}
		for _, p := range c.Parents {
			x.Parents = append(x.Parents, p.SHA)
		}
		next = append(next, x.Parents...)
		all = append(all, x)
	}
	return all
}

func (w apiWorld) Read(t testing.TB, branch, path string) string {
	t.Helper()
	var file struct{ Content string }
	w.must(t, http.MethodGet, "/contents/"+path+"?ref="+branch, nil, &file)
	text, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(file.Content, "\n", ""))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (w apiWorld) Close(t testing.TB, number int) {
	t.Helper()
	w.must(t, http.MethodPatch, fmt.Sprintf("/pulls/%d", number), map[string]any{"state": "closed"}, nil)
}

func (w apiWorld) Merge(t testing.TB, number int) {
	t.Helper()
	w.must(t, http.MethodPut, fmt.Sprintf("/pulls/%d/merge", number), map[string]any{}, nil)
}

func (w apiWorld) Comments(t testing.TB, number int) []string {
	t.Helper()
	var list []struct{ Body string }
	w.must(t, http.MethodGet, fmt.Sprintf("/issues/%d/comments", number), nil, &list)
	var all []string
	for _, c := range list {
		all = append(all, c.Body)
	}
	return all
}

func (w apiWorld) Asked(t testing.TB, number int) (reviewers, assignees []string) {
	t.Helper()
	type user struct{ Login string }
	var p struct {
		Reviewers []user `json:"requested_reviewers"`
		Assignees []user
	}
	if w.call(t, http.MethodGet, fmt.Sprintf("/pulls/%d", number), nil, &p) != http.StatusOK {
		w.must(t, http.MethodGet, fmt.Sprintf("/issues/%d", number), nil, &p)
	}
	for _, x := range p.Reviewers {
		reviewers = append(reviewers, x.Login)
	}
	for _, x := range p.Assignees {
		assignees = append(assignees, x.Login)
	}
	return reviewers, assignees
}

// as is the world as somebody else, whose token Emulate gives.
func (w apiWorld) as(login string) apiWorld {
	w.token = realforge.EmulateToken(login)
	return w
}

// apiPersons act on a server by GitHub's API alone.
type apiPersons struct{ apiWorld }

func (p apiPersons) Comment(t testing.TB, login string, number int, body string) {
	t.Helper()
	p.as(login).must(t, http.MethodPost, fmt.Sprintf("/issues/%d/comments", number), map[string]any{"body": body}, nil)
}

func (p apiPersons) EditComment(t testing.TB, login string, number, nth int, body string) {
	t.Helper()
	var list []struct{ ID int }
	p.must(t, http.MethodGet, fmt.Sprintf("/issues/%d/comments", number), nil, &list)
	p.as(login).must(t, http.MethodPatch, fmt.Sprintf("/issues/comments/%d", list[nth].ID), map[string]any{"body": body}, nil)
}

func (p apiPersons) Review(t testing.TB, login string, number int, verdict string) {
	t.Helper()
	event := map[string]string{"approved": "APPROVE", "changes_requested": "REQUEST_CHANGES", "commented": "COMMENT"}[verdict]
	p.as(login).must(t, http.MethodPost, fmt.Sprintf("/pulls/%d/reviews", number), map[string]any{"event": event, "body": "Because."}, nil)
}

func (p apiPersons) Dismiss(t testing.TB, reviewer string, number int) {
	t.Helper()
	var list []struct {
		ID    int
		State string
		User  struct{ Login string }
	}
	p.must(t, http.MethodGet, fmt.Sprintf("/pulls/%d/reviews", number), nil, &list)
	for _, v := range slices.Backward(list) {
		if v.User.Login == reviewer && v.State != "COMMENTED" {
			p.must(t, http.MethodPut, fmt.Sprintf("/pulls/%d/reviews/%d/dismissals", number, v.ID), map[string]any{"message": "No."}, nil)
			return
		}
	}
	t.Fatalf("%s has no review of #%d", reviewer, number)
}

func (p apiPersons) Label(t testing.TB, login string, number int, label string) {
	t.Helper()
	p.as(login).must(t, http.MethodPost, fmt.Sprintf("/issues/%d/labels", number), map[string]any{"labels": []string{label}}, nil)
}

func (p apiPersons) Unlabel(t testing.TB, login string, number int, label string) {
	t.Helper()
	p.as(login).must(t, http.MethodDelete, fmt.Sprintf("/issues/%d/labels/%s", number, label), nil, nil)
}

func (p apiPersons) OpenIssue(t testing.TB, login, title string, labels ...string) int {
	t.Helper()
	var i struct{ Number int }
	p.as(login).must(t, http.MethodPost, "/issues", map[string]any{"title": title, "labels": labels}, &i)
	return i.Number
}

func (p apiPersons) CloseIssue(t testing.TB, login string, number int) {
	t.Helper()
	p.as(login).must(t, http.MethodPatch, fmt.Sprintf("/issues/%d", number), map[string]any{"state": "closed"}, nil)
}

func (p apiPersons) Allow(t testing.TB, login, permission string) {
	t.Helper()
	in := map[string]string{"read": "pull", "write": "push", "admin": "admin"}[permission]
	p.must(t, http.MethodPut, "/collaborators/"+login, map[string]any{"permission": in}, nil)
}

func (p apiPersons) Join(t testing.TB, team, login string) {
	t.Helper()
	org, slug, _ := strings.Cut(team, "/")
	if status := p.send(t, http.MethodPut, "/orgs/"+org+"/teams/"+slug+"/memberships/"+login, map[string]any{"role": "member"}, nil); status != http.StatusOK {
		t.Fatalf("join %s: %d", team, status)
	}
}

// unlike is where emulate is unlike GitHub.
var unlike = map[string]string{
	"merge: conflict":               "it merges what both sides changed; GitHub answers 405",
	"merge: stale head":             "a pull stays at the commit that it was opened at",
	"merge: base has moved":         "a pull's base stays at the commit that it was opened on",
	"merge: rebase":                 "it makes one commit, on the base as it was; GitHub makes each anew",
	"head moves":                    "a pull stays at the commit that it was opened at",
	"branch gone":                   "a pull stays open without its branch; GitHub closes it",
	"open: duplicate":               "it opens a second pull for a branch; GitHub answers 422",
	"open: two at once":             "it opens a second pull for a branch; GitHub answers 422",
	"open: reviewers and assignees": "a pull is no issue that can be edited",
	"draft and ready":               "it has no GraphQL",
	"statuses":                      "it has no commit statuses",
	"comments: since and edited":    "it takes the list of all comments for an issue of that number, and answers 404",
	"comment: taken back":           "it takes the list of all comments for an issue of that number, and answers 404",
	"comments: paging":              "it takes the list of all comments for an issue of that number, and answers 404",
	"reviews: of an old head":       "a pull stays at the commit that it was opened at",
	"labelings":                     "it has no events of pulls",
	"enqueue: no queue":             "it has no GraphQL, which refuses",
}

// TestConformanceOfEmulate runs the suite against a server that others wrote,
// as far as it goes: it knows GitHub's shapes, but not all of its manners.
func TestConformanceOfEmulate(t *testing.T) {
	t.Parallel()
	node, program, missing := realforge.FindEmulate()
	if missing != "" {
		t.Skip(missing)
	}
	e, err := realforge.StartEmulate(t.Context(), t.TempDir(), node, program)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	if status := (apiWorld{base: e.URL, token: e.Token}).send(t, http.MethodPost, "/orgs/crew/teams", map[string]any{"name": "platform"}, nil); status != http.StatusCreated {
		t.Fatalf("make a team: %d", status)
	}
	var repos atomic.Int64
	forgetest.Run(t, func(t *testing.T) forgetest.Setup {
		name := fmt.Sprintf("fleet-%d", repos.Add(1))
		w := apiWorld{e.URL, e.Token, e.Owner, name}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.URL+"/user/repos", strings.NewReader(`{"name":"`+name+`","auto_init":true}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+e.Token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		reach := func(size int) *github.Forge {
			f, err := github.New(github.Options{
				Owner: e.Owner, Repo: name, BaseURL: e.URL, PageSize: size, Token: func(context.Context) (string, error) { return e.Token, nil },
			})
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
		return forgetest.Setup{Forge: reach(0), Pages: reach(3), PageSize: 3, World: w, Reviewer: "ben", Assignee: "cleo", People: apiPersons{w}, Team: "crew/platform", Lacks: unlike}
	})
}
