package github_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
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

// pull finds a pull; an issue has less of the same.
func (w world) pull(t testing.TB, number int) (found forge.Pull) {
	t.Helper()
	for _, p := range w.repo.Pulls() {
		if p.Number == number {
			return p
		}
	}
	for _, i := range w.repo.Issues() {
		if i.Number == number {
			found.Assignees = i.Assignees
			for _, c := range i.Comments {
				found.Comments = append(found.Comments, c.Text)
			}
			return found
		}
	}
	t.Fatalf("there is no #%d", number)
	return found
}

func (w world) Comments(t testing.TB, number int) []string { return w.pull(t, number).Comments }

func (w world) Asked(t testing.TB, number int) (reviewers, assignees []string) {
	p := w.pull(t, number)
	return p.Reviewers, p.Assignees
}

// persons act on the fake.
type persons struct {
	server *forge.Server
	repo   *forge.Repo
}

func done(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (p persons) Comment(t testing.TB, login string, number int, body string) {
	done(t, p.repo.Comment(number, login, body))
}

func (p persons) EditComment(t testing.TB, login string, number, nth int, body string) {
	done(t, p.repo.EditComment(number, nth, login, body))
}

func (p persons) Review(t testing.TB, login string, number int, verdict string) {
	done(t, p.repo.Review(number, login, strings.ToUpper(verdict)))
}

func (p persons) Dismiss(t testing.TB, reviewer string, number int) {
	done(t, p.repo.Dismiss(number, "ana", reviewer))
}

func (p persons) Label(t testing.TB, login string, number int, label string) {
	done(t, p.repo.Label(number, login, label))
}

func (p persons) Unlabel(t testing.TB, login string, number int, label string) {
	done(t, p.repo.Unlabel(number, login, label))
}

func (p persons) OpenIssue(_ testing.TB, login, title string, labels ...string) int {
	return p.repo.OpenIssue(login, title, "", labels...)
}

func (p persons) CloseIssue(t testing.TB, login string, number int) {
	done(t, p.repo.Close(number, login))
}

func (p persons) Allow(t testing.TB, login, permission string) {
	done(t, p.repo.Allow(login, permission))
}
func (p persons) Join(_ testing.TB, team, login string) { p.server.Join(team, login) }

// setup is what the fake can do.
func setup(s *forge.Server, r *forge.Repo) forgetest.Setup {
	s.Join("acme/platform")
	return forgetest.Setup{
		World: newWorld(r), PageSize: 3, Reviewer: "ben", Assignee: "cleo", People: persons{s, r}, Team: "acme/platform",
		Queue: func(*testing.T) { r.Rules, r.QueueAfter = []string{"merge_queue"}, 4 },
		Forbid: func(_ *testing.T, method string) {
			r.MergeMethods = slices.DeleteFunc(r.MergeMethods, func(m string) bool { return m == method })
		},
	}
}

func TestConformanceOfTheFake(t *testing.T) {
	t.Parallel()
	forgetest.Run(t, func(t *testing.T) forgetest.Setup {
		s, r := start(t, forge.Options{MergeableAfter: 2})
		out := setup(s, r)
		out.Forge, out.Pages = reach(t, s, nil), reach(t, s, func(o *github.Options) { o.PageSize = 3 })
		out.Limit = func(*testing.T) { s.Inject(forge.SecondaryLimit(http.StatusForbidden, -1, "30")) }
		return out
	})
}
