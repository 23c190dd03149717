package github_test

import (
	"context"
	"net/http"
	"slices"
	"testing"

	"promoter/gitops/forgetest"
	"promoter/gitops/github"
	"promoter/test/world/forge"
)

const token = "ghp_test"

// start starts a fake with a repository whose main has a commit.
func start(t testing.TB, o forge.Options) (*forge.Server, *forge.Repo) {
	t.Helper()
	s, err := forge.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	s.AddToken(token, "promoter-bot", true)
	r, err := s.Create("acme", "fleet")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Commit("ana", "main", "", "Begin", map[string][]byte{"README.md": []byte("# Fleet\n"), "pin.yaml": []byte("version: 1\n")}); err != nil {
		t.Fatal(err)
	}
	return s, r
}

func reach(t testing.TB, s *forge.Server, change func(*github.Options)) *github.Forge {
	t.Helper()
	o := github.Options{Owner: "acme", Repo: "fleet", BaseURL: s.API(), Token: func(context.Context) (string, error) { return token, nil }}
	if change != nil {
		change(&o)
	}
	f, err := github.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// world is a fake's.
type world struct {
	*forgetest.Git
	repo *forge.Repo
}

func newWorld(r *forge.Repo) world {
	return world{&forgetest.Git{URL: r.CloneURL(token)}, r}
}

func (w world) Close(t testing.TB, number int) {
	if err := w.repo.Close(number, "ana"); err != nil {
		t.Fatal(err)
	}
}

func (w world) Merge(t testing.TB, number int) {
	if _, err := w.repo.Merge(number, "ana", "merge"); err != nil {
		t.Fatal(err)
	}
}

func (w world) Comments(_ testing.TB, number int) []string { return w.repo.Pulls()[number-1].Comments }

func (w world) Asked(_ testing.TB, number int) (reviewers, assignees []string) {
	p := w.repo.Pulls()[number-1]
	return p.Reviewers, p.Assignees
}

func TestConformanceOfTheFake(t *testing.T) {
	t.Parallel()
	forgetest.Run(t, func(t *testing.T) forgetest.Setup {
		s, r := start(t, forge.Options{MergeableAfter: 2})
		small := reach(t, s, func(o *github.Options) { o.PageSize = 3 })
		return forgetest.Setup{
			Forge: reach(t, s, nil), World: newWorld(r), Pages: small, PageSize: 3, Reviewer: "ben", Assignee: "cleo",
			Limit: func(*testing.T) { s.Inject(forge.SecondaryLimit(http.StatusForbidden, -1, "30")) },
			Forbid: func(_ *testing.T, method string) {
				r.MergeMethods = slices.DeleteFunc(r.MergeMethods, func(m string) bool { return m == method })
			},
		}
	})
}
