package github_test

import (
	"net/http"
	"testing"

	"promoter/gitops"
	"promoter/gitops/forgetest"
	"promoter/gitops/github"
	"promoter/test/realforge"
	"promoter/test/world/forge"
)

// TestOpenAPI holds every request that the driver sends, and every answer that
// the fake gives, to GitHub's own description.
func TestOpenAPI(t *testing.T) {
	path, missing := realforge.FindOpenAPI()
	if missing != "" {
		t.Skip(missing)
	}
	judge, err := realforge.NewJudge(path, "/api/v3")
	if err != nil {
		t.Fatal(err)
	}
	judged := func(o *github.Options) { o.HTTP = &http.Client{Transport: judge.Over(http.DefaultTransport)} }
	t.Run("suite", func(t *testing.T) {
		forgetest.Run(t, func(t *testing.T) forgetest.Setup {
			s, r := start(t, forge.Options{MergeableAfter: 1})
			out := setup(s, r)
			out.Forge, out.Pages = reach(t, s, judged), reach(t, s, func(o *github.Options) { judged(o); o.PageSize = 3 })
			return out
		})
	})
	t.Run("optional", func(t *testing.T) {
		s, r := start(t, forge.Options{})
		r.Rules = []string{"required_signatures", "merge_queue"}
		r.AddRelease(forge.Release{Tag: "v1", Name: "One", Body: "First.", At: s.Now()})
		f := reach(t, s, judged)
		if _, err := f.Settings(t.Context(), "main"); err != nil {
			t.Error(err)
		}
		if _, err := f.Releases(t.Context(), "acme", "fleet"); err != nil {
			t.Error(err)
		}
		base := r.Heads()["main"]
		files := []gitops.CommitFile{{Path: "a", Mode: "100644", Data: []byte("a\n")}, {Path: "b", Mode: "100644", Data: []byte{0xff}}}
		if _, err := f.CommitFiles(t.Context(), gitops.FilesCommit{Branch: "promoter/x", Base: base, Files: files, Message: "m"}); err != nil {
			t.Error(err)
		}
		p, err := f.Open(t.Context(), gitops.NewPull{
			Text: gitops.Text{Title: "t"}, Branch: "promoter/x", Head: r.Heads()["promoter/x"], Base: "main", Labels: []string{"l"}, Reviewers: []string{"acme/platform", "ben"}, Assignees: []string{"cleo"},
		})
		if err != nil || p.Number != 1 {
			t.Errorf("got %+v, %v", p, err)
		}
	})
	for _, c := range judge.Complaints() {
		t.Error(c)
	}
	seen, silent := judge.Judged()
	for _, op := range []string{
		"GET /repos/{owner}/{repo}/pulls 200", "POST /repos/{owner}/{repo}/pulls 201", "POST /repos/{owner}/{repo}/pulls 422", "PATCH /repos/{owner}/{repo}/pulls/{pull_number} 200",
		"PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge 200", "PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge 405", "PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge 409",
		"POST /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers 201", "PATCH /repos/{owner}/{repo}/issues/{issue_number} 200", "POST /repos/{owner}/{repo}/statuses/{sha} 201",
		"GET /repos/{owner}/{repo}/issues/comments 200", "POST /repos/{owner}/{repo}/issues/{issue_number}/comments 201", "GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews 200",
		"DELETE /repos/{owner}/{repo}/issues/comments/{comment_id} 204", "GET /repos/{owner}/{repo}/issues/{issue_number}/events 200", "GET /repos/{owner}/{repo}/issues/{issue_number} 200", "GET /repos/{owner}/{repo}/issues 200",
		"POST /repos/{owner}/{repo}/issues 201", "GET /repos/{owner}/{repo}/collaborators/{username}/permission 200", "GET /repos/{owner}/{repo}/collaborators/{username}/permission 404",
		"GET /orgs/{org}/teams/{team_slug}/memberships/{username} 200", "GET /orgs/{org}/teams/{team_slug}/memberships/{username} 404", "GET /orgs/{org}/teams/{team_slug} 200",
		"GET /orgs/{org}/teams/{team_slug} 404", "GET /repos/{owner}/{repo}/commits/{ref}/statuses 200", "POST /repos/{owner}/{repo}/git/commits 201", "GET /repos/{owner}/{repo}/releases 200", "GET /repos/{owner}/{repo}/rules/branches/{branch} 200",
	} {
		if seen[op] == 0 {
			t.Errorf("%s was never judged", op)
		}
	}
	t.Logf("judged %d kinds of answers: %v; not described: %v", len(seen), seen, silent)
}
