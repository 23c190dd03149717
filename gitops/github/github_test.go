package github_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"promoter/gitops"
	"promoter/gitops/github"
	"promoter/test/world/forge"
)

// branch makes a branch of one commit and returns what a pull for it needs.
func branch(t testing.TB, r *forge.Repo, name string) gitops.NewPull {
	t.Helper()
	head, err := r.Commit("promoter-bot", name, "main", "Update", map[string][]byte{"pins/" + name + ".yaml": []byte("version: 2\n")})
	if err != nil {
		t.Fatal(err)
	}
	return gitops.NewPull{
		Text: gitops.Text{Title: "Update " + name, Body: "Why.\n"}, Branch: name, Head: head, Base: "main",
		Labels: []string{"promoter"}, Reviewers: []string{"ben", "acme/platform"}, Assignees: []string{"cleo"},
	}
}

func TestOpenMakesThreeContentCalls(t *testing.T) {
	t.Parallel()
	s, r := start(t, forge.Options{})
	f := reach(t, s, nil)
	n := branch(t, r, "promoter/a")
	s.Forget()
	if _, err := f.Open(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	content := 0
	for _, c := range s.Calls() {
		if c.Content {
			content++
		}
	}
	if content != 3 {
		t.Errorf("got %d calls that create content, want 3: %v", content, s.Calls())
	}
	p := r.Pulls()[0]
	if !slices.Equal(p.Reviewers, []string{"ben"}) || !slices.Equal(p.Teams, []string{"platform"}) || !slices.Equal(p.Assignees, []string{"cleo"}) || !slices.Equal(p.Labels, []string{"promoter"}) {
		t.Errorf("got %+v", p)
	}
}

func TestIdleLookIsOneUnchangedList(t *testing.T) {
	t.Parallel()
	s, r := start(t, forge.Options{})
	f := reach(t, s, nil)
	for i := range 5 {
		if _, err := f.Open(t.Context(), branch(t, r, fmt.Sprintf("promoter/%d", i))); err != nil {
			t.Fatal(err)
		}
	}
	first, err := f.Pulls(t.Context(), "main", "promoter/")
	if err != nil {
		t.Fatal(err)
	}
	s.Forget()
	second, err := f.Pulls(t.Context(), "main", "promoter/")
	if err != nil {
		t.Fatal(err)
	}
	if calls := s.Calls(); len(calls) != 1 || calls[0].Status != http.StatusNotModified {
		t.Errorf("got calls %v, want one list that is not modified", calls)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Error(diff)
	}
	if err := r.Label(3, "ana", "hold"); err != nil {
		t.Fatal(err)
	}
	third, err := f.Pulls(t.Context(), "main", "promoter/")
	if err != nil || !slices.Contains(third[2].Labels, "hold") {
		t.Errorf("got %+v, %v, want the label that a person put on it", third[2], err)
	}
}

func TestOldOpenPullsAreListed(t *testing.T) {
	t.Parallel()
	s, r := start(t, forge.Options{})
	f := reach(t, s, func(o *github.Options) { o.PageSize = 2 })
	f.SetLimit(4)
	for i := range 9 { // 1 and 2 stay open, the rest is closed
		p, err := f.Open(t.Context(), branch(t, r, fmt.Sprintf("promoter/%d", i)))
		if err != nil {
			t.Fatal(err)
		}
		if i > 2 {
			if err := r.Close(p.Number, "ana"); err != nil {
				t.Fatal(err)
			}
		}
	}
	list, err := f.Pulls(t.Context(), "main", "promoter/")
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, p := range list {
		got = append(got, p.Number)
	}
	if want := []int{9, 8, 7, 6, 3, 2, 1}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestTrialMergeIsNoMerge(t *testing.T) {
	t.Parallel()
	s, r := start(t, forge.Options{})
	f := reach(t, s, nil)
	p, err := f.Open(t.Context(), branch(t, r, "promoter/a"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := f.Pulls(t.Context(), "main", "promoter/")
	if err != nil {
		t.Fatal(err)
	}
	if p.Merge != "" || list[0].Merge != "" {
		t.Errorf("got merges %q and %q of an open pull", p.Merge, list[0].Merge)
	}
}

func TestRefusalsAreTold(t *testing.T) {
	t.Parallel()
	s, r := start(t, forge.Options{})
	f := reach(t, s, nil)
	r.NoDrafts = true
	n := branch(t, r, "promoter/a")
	n.Draft = true
	if _, err := f.Open(t.Context(), n); !errors.Is(err, gitops.ErrDenied) || !strings.Contains(err.Error(), "Draft pull requests are not supported") {
		t.Errorf("a draft: got %v", err)
	}
	n.Draft = false
	p, err := f.Open(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	r.Required = []string{"build"}
	if _, err := f.Merge(t.Context(), p.Number, p.Head, gitops.Merge{Method: "merge"}); !errors.Is(err, gitops.ErrDenied) || !strings.Contains(err.Error(), `"build" is expected`) {
		t.Errorf("without the required status: got %v", err)
	}
	s.AddToken("reader", "ben", false)
	reader := reach(t, s, func(o *github.Options) { o.Token = func(context.Context) (string, error) { return "reader", nil } })
	if err := reader.Close(t.Context(), p.Number, p.Head, gitops.Closing{}); !errors.Is(err, gitops.ErrDenied) {
		t.Errorf("with a token that only reads: got %v", err)
	}
	wrong := reach(t, s, func(o *github.Options) { o.Token = func(context.Context) (string, error) { return "wrong", nil } })
	if _, err := wrong.Pulls(t.Context(), "main", ""); err == nil || !strings.Contains(err.Error(), "token is not accepted") {
		t.Errorf("with a wrong token: got %v", err)
	}
	r.Status(p.Head, "ci", "build", "success")
	if _, err := f.Merge(t.Context(), p.Number, p.Head, gitops.Merge{Method: "merge"}); err != nil {
		t.Errorf("with the required status: %v", err)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	s, r := start(t, forge.Options{})
	r.MergeMethods, r.DeleteMerged = []string{"merge", "rebase"}, true
	r.Rules = []string{"required_linear_history", "required_signatures", "merge_queue", "a_rule_of_the_future"}
	want := gitops.Settings{DefaultBranch: "main", MergeMethods: []string{"rebase"}, SignedCommits: true, MergeQueue: true, DeletesMerged: true}
	for _, base := range []string{"main", ""} {
		got, err := reach(t, s, nil).Settings(t.Context(), base)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("of %q: %v %s", base, err, diff)
		}
	}
}

func TestReleases(t *testing.T) {
	t.Parallel()
	s, r := start(t, forge.Options{})
	at := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	r.AddRelease(forge.Release{Tag: "v1.0.0", Name: "One", Body: "Notes @ana", At: at})
	r.AddRelease(forge.Release{Tag: "v2.0.0-rc1", At: at.AddDate(0, 0, 1), Prerelease: true})
	got, err := reach(t, s, nil).Releases(t.Context(), "acme", "fleet")
	want := []gitops.Release{
		{Tag: "v2.0.0-rc1", URL: s.URL + "/acme/fleet/releases/tag/v2.0.0-rc1", At: at.AddDate(0, 0, 1), Prerelease: true},
		{Tag: "v1.0.0", Name: "One", Notes: "Notes @ana", URL: s.URL + "/acme/fleet/releases/tag/v1.0.0", At: at},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if _, err := reach(t, s, nil).Releases(t.Context(), "acme", "nowhere"); !errors.Is(err, gitops.ErrNotFound) {
		t.Errorf("of a repository that is not there: got %v", err)
	}
}

func TestCommitFiles(t *testing.T) {
	t.Parallel()
	s, r := start(t, forge.Options{})
	f := reach(t, s, nil)
	base := r.Heads()["main"]
	c := gitops.FilesCommit{
		Branch: "promoter/a", Base: base, Message: "Update redis\n\nPromoter-Change: redis",
		Files: []gitops.CommitFile{{Path: "pin.yaml", Mode: "100644", Data: []byte("version: 2\r\n")}, {Path: "bin", Mode: "100755", Data: []byte{0xff, 0}}},
	}
	first, err := f.CommitFiles(t.Context(), c)
	if err != nil || r.Heads()["promoter/a"] != first {
		t.Fatalf("got %s, %v; the branch is at %s", first, err, r.Heads()["promoter/a"])
	}
	for _, file := range c.Files {
		if got, err := r.Read(first, file.Path); err != nil || string(got) != string(file.Data) {
			t.Errorf("%s: got %q, %v", file.Path, got, err)
		}
	}
	if _, err := r.Read(first, "README.md"); err != nil {
		t.Errorf("what was not edited is gone: %v", err)
	}
	if _, err := f.CommitFiles(t.Context(), c); !errors.Is(err, gitops.ErrStale) {
		t.Errorf("onto a branch that should not be there: got %v", err)
	}
	c.Expect, c.Files = first, c.Files[:1]
	c.Message = "Update again"
	second, err := f.CommitFiles(t.Context(), c)
	if err != nil || r.Heads()["promoter/a"] != second {
		t.Errorf("got %s, %v; the branch is at %s", second, err, r.Heads()["promoter/a"])
	}
	c.Message = "A third time"
	if _, err := f.CommitFiles(t.Context(), c); !errors.Is(err, gitops.ErrStale) || r.Heads()["promoter/a"] != second {
		t.Errorf("onto a branch that has moved: got %v; the branch is at %s", err, r.Heads()["promoter/a"])
	}
	if err := r.Delete("promoter/a"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.CommitFiles(t.Context(), c); !errors.Is(err, gitops.ErrStale) {
		t.Errorf("onto a branch that is gone: got %v", err)
	}
}

func TestTokenStaysWithItsHost(t *testing.T) {
	t.Parallel()
	var leaked string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leaked = r.Header.Get("Authorization")
		_, _ = w.Write([]byte("[]"))
	}))
	t.Cleanup(other.Close)
	asked := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Header.Get("Authorization")
		http.Redirect(w, r, other.URL+"/elsewhere", http.StatusFound)
	}))
	t.Cleanup(server.Close)
	f, err := github.New(github.Options{Owner: "a", Repo: "b", BaseURL: server.URL, Token: func(context.Context) (string, error) { return "secret", nil }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Pulls(t.Context(), "main", ""); err != nil {
		t.Fatal(err)
	}
	if asked != "Bearer secret" || leaked != "" {
		t.Errorf("the host got %q, the other %q", asked, leaked)
	}
}

func TestBaseURL(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"github.example.com", "ftp://github.example.com", "://"} {
		if _, err := github.New(github.Options{Owner: "a", Repo: "b", BaseURL: bad, Token: func(context.Context) (string, error) { return "", nil }}); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	if _, err := github.New(github.Options{Owner: "a", Repo: "b"}); err == nil {
		t.Error("no credentials were taken")
	}
}
