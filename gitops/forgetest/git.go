package forgetest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Git is the part of a World that any server of Git repositories has: it
// clones, commits and pushes with the git command.
type Git struct {
	URL string // with credentials

	mu  sync.Mutex
	dir string
}

func (g *Git) git(t testing.TB, args ...string) string {
	t.Helper()
	if g.dir == "" {
		g.dir = t.TempDir()
		g.git(t, "clone", "-q", g.URL, ".")
	}
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = g.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_TERMINAL_PROMPT=0", "LC_ALL=C",
		"GIT_AUTHOR_NAME=A Person", "GIT_AUTHOR_EMAIL=person@example.com", "GIT_COMMITTER_NAME=A Person", "GIT_COMMITTER_EMAIL=person@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// Commit implements World.
func (g *Git) Commit(t testing.TB, branch, from string, files map[string]string) string {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.git(t, "fetch", "-q", "--prune", "origin")
	if from == "" {
		from = branch
	}
	g.git(t, "checkout", "-q", "-B", "work", "origin/"+from)
	for path, text := range files {
		full := filepath.Join(g.dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	g.git(t, "add", "-A")
	g.git(t, "commit", "-q", "-m", "Change "+branch)
	g.git(t, "push", "-q", "origin", "work:refs/heads/"+branch)
	return g.git(t, "rev-parse", "work")
}

// Delete implements World.
func (g *Git) Delete(t testing.TB, branch string) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.git(t, "push", "-q", "origin", ":refs/heads/"+branch)
}

// Log implements World.
func (g *Git) Log(t testing.TB, branch string) []Commit {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.git(t, "fetch", "-q", "--prune", "origin")
	var all []Commit
	for line := range strings.Lines(g.git(t, "log", "--topo-order", "--format=%H%x09%P%x09%s", "origin/"+branch)) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 3)
		all = append(all, Commit{Hash: f[0], Parents: strings.Fields(f[1]), Subject: f[2]})
	}
	return all
}

// Read implements World.
func (g *Git) Read(t testing.TB, branch, path string) string {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.git(t, "fetch", "-q", "--prune", "origin")
	return g.git(t, "show", "origin/"+branch+":"+path) + "\n"
}

// Join merges a branch into another with Git, as a person may do, and returns
// the merge commit.
func (g *Git) Join(t testing.TB, into, branch string) string {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.git(t, "fetch", "-q", "--prune", "origin")
	g.git(t, "checkout", "-q", "-B", "work", "origin/"+into)
	g.git(t, "merge", "-q", "--no-ff", "-m", "Merge "+branch, "origin/"+branch)
	g.git(t, "push", "-q", "origin", "work:refs/heads/"+into)
	return g.git(t, "rev-parse", "work")
}
