package crash

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"slices"
	"strings"

	"promoter/test/world/forge"
)

// State is what stands on a forge in the end, in words that are the same for
// two worlds in which the same was done: without addresses, commits and times.
func State(s *forge.Server, r *forge.Repo, token string) (string, error) {
	x := &stater{server: s, repo: r, token: token, says: map[string]string{}}
	for _, part := range []func() error{x.tree, x.history, x.branches, x.pulls, x.issues} {
		if err := part(); err != nil {
			return "", err
		}
	}
	return x.text.String(), nil
}

type stater struct {
	server *forge.Server
	repo   *forge.Repo
	token  string
	says   map[string]string // statuses that were read, by commit
	text   strings.Builder
}

func (x *stater) line(format string, args ...any) { fmt.Fprintf(&x.text, format+"\n", args...) }

func (x *stater) git(args ...string) (string, error) {
	c := exec.Command("git", append([]string{"-C", x.repo.Dir()}, args...)...)
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

// tree is every file of the base branch.
func (x *stater) tree() error {
	names, err := x.git("ls-tree", "-r", "--name-only", x.repo.Base)
	if err != nil {
		return err
	}
	for _, name := range strings.Split(names, "\n") {
		data, err := x.repo.Read(x.repo.Base, name)
		if err != nil {
			return err
		}
		x.line("file %s\n%s", name, loopback.ReplaceAllString(string(data), "WORLD"))
	}
	return nil
}

// history is what was put onto the base branch: something that was merged
// twice stands there twice.
func (x *stater) history() error {
	log, err := x.git("log", "--first-parent", "--reverse", "--format=%H", x.repo.Base)
	if err != nil {
		return err
	}
	var out []string
	for _, commit := range strings.Split(log, "\n") {
		message, err := x.git("log", "-1", "--format=%B", commit)
		if err != nil {
			return err
		}
		says, err := x.statuses(commit)
		if err != nil {
			return err
		}
		out = append(out, fmt.Sprintf("commit %s%s", plain(message), says))
	}
	slices.Sort(out) // what is of different changes may have changed places
	for _, text := range out {
		x.line("%s", text)
	}
	return nil
}

func (x *stater) branches() error {
	heads := x.repo.Heads()
	var names []string
	for name := range heads {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		x.line("branch %s", name)
	}
	return nil
}

// pulls are in the order of their branches: their numbers may differ.
func (x *stater) pulls() error {
	pulls := x.repo.Pulls()
	slices.SortStableFunc(pulls, func(a, b forge.Pull) int { return strings.Compare(a.Branch, b.Branch) })
	for _, p := range pulls {
		slices.Sort(p.Labels)
		says, err := x.statuses(p.Head)
		if err != nil {
			return err
		}
		x.line("pull %s %s by %s labels %q draft %v: %s%s", p.Branch, p.State, p.Author, p.Labels, p.Draft, plain(p.Title), says)
		slices.Sort(p.Comments)
		for _, c := range p.Comments {
			x.line("  comment %s", first(c))
		}
	}
	return nil
}

func (x *stater) issues() error {
	var out []string
	for _, i := range x.repo.Issues() {
		slices.Sort(i.Labels)
		text := fmt.Sprintf("issue %s labels %q: %s", i.State, i.Labels, plain(i.Title))
		for _, c := range i.Comments {
			text += "\n  comment " + first(c.Text)
		}
		out = append(out, text)
	}
	slices.Sort(out)
	for _, text := range out {
		x.line("%s", text)
	}
	return nil
}

// statuses are the newest of each context on a commit.
func (x *stater) statuses(commit string) (string, error) {
	w := httptest.NewRecorder()
	q := httptest.NewRequest(http.MethodGet, fmt.Sprintf("/api/v3/repos/%s/%s/commits/%s/status?per_page=100", x.repo.Owner, x.repo.Name, commit), nil)
	q.Header.Set("Authorization", "Bearer "+x.token)
	x.server.ServeHTTP(w, q) // past its front
	if w.Code != http.StatusOK {
		return "", fmt.Errorf("read statuses of %s: %d %s", commit, w.Code, w.Body)
	}
	var all struct {
		Statuses []struct{ Context, State, Description string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &all); err != nil {
		return "", fmt.Errorf("read statuses of %s: %w", commit, err)
	}
	var out []string
	for _, s := range all.Statuses { // of each context the newest
		out = append(out, fmt.Sprintf("\n  status %s %s: %s", s.Context, s.State, plain(s.Description)))
	}
	slices.Sort(out)
	return strings.Join(out, ""), nil
}

var (
	loopback = regexp.MustCompile(`127\.0\.0\.1:\d+`)
	numbers  = regexp.MustCompile(`#\d+`)
	commits  = regexp.MustCompile(`\b[0-9a-f]{7,40}\b`)
	measured = regexp.MustCompile(`\(\d+(\.\d+)?, want [^\n]*`) // and what a long number pushes out of a short text
	times    = regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?( UTC|Z)?`)
)

// plain takes from a text what differs between two worlds.
func plain(text string) string {
	text = loopback.ReplaceAllString(text, "WORLD")
	text = numbers.ReplaceAllString(text, "#N")
	text = measured.ReplaceAllString(text, "MEASURED")
	text = times.ReplaceAllString(text, "THEN")
	return commits.ReplaceAllString(text, "COMMIT")
}

func first(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return plain(line)
}
