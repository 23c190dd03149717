package gitops_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"promoter/gitops"
	"promoter/gitops/edit"
	"promoter/gitops/repo"
	"promoter/promoter"
)

// history is a repository whose commits are an hour apart.
type history struct {
	t   *testing.T
	dir string
	at  time.Time
}

func (h *history) git(args ...string) string {
	h.t.Helper()
	c := exec.Command("git", append([]string{"-C", h.dir, "-c", "user.name=x", "-c", "user.email=x@example.com"}, args...)...)
	stamp := h.at.Format(time.RFC3339)
	c.Env = append(os.Environ(), "GIT_AUTHOR_DATE="+stamp, "GIT_COMMITTER_DATE="+stamp, "GIT_CONFIG_GLOBAL=/dev/null")
	out, err := c.CombinedOutput()
	if err != nil {
		h.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (h *history) commit(file, text string) string {
	h.t.Helper()
	h.at = h.at.Add(time.Hour)
	if err := os.WriteFile(filepath.Join(h.dir, file), []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	h.git("add", file)
	h.git("commit", "-q", "-m", "change "+file)
	return h.git("rev-parse", "HEAD")
}

func TestWhereAVersionComesFrom(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("the git program is not here")
	}
	h := &history{t: t, dir: t.TempDir(), at: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
	h.git("init", "-q", "-b", "main")
	h.commit("dev.yaml", "version: 1.0.0\nreplicas: 1\n")
	wrote := h.commit("dev.yaml", "version: 1.1.0\nreplicas: 1\n")
	h.commit("dev.yaml", "version: 1.1.0\nreplicas: 3\n") // the same scalar still
	h.commit("other.yaml", "x: 1\n")
	r, err := repo.Open(t.Context(), repo.Options{URL: h.dir, Dir: t.TempDir(), Author: repo.Person{Name: "x", Email: "x@example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	heads, err := r.Heads(t.Context(), "main")
	if err != nil {
		t.Fatal(err)
	}
	o := &gitops.Origins{Repo: r, Make: func(read func(string) ([]byte, bool, error), edits []promoter.Edit, at time.Time) (map[string][]byte, error) {
		return edit.Files(read, edits, at)
	}}
	a := &gitops.Answerer{Origins: o, History: &gitops.Trunk{Repo: r, At: heads["main"]}, Now: func() time.Time { return h.at.Add(time.Hour) }}
	ask := func() promoter.Origin {
		var obs promoter.Observation
		q := promoter.Question{About: promoter.AboutOrigin, Key: "k", Places: []promoter.Place{{File: "dev.yaml", Path: "version", Start: 9, End: 14, Written: "1.1.0", Line: 1}}}
		a.Answer(context.Background(), &obs, gitops.Talk{}, []promoter.Question{q})
		return obs.Origins["k"]
	}
	if got := ask(); got.Commit != wrote || got.Old || got.Unknown != "" {
		t.Errorf("origin %+v, want commit %s", got, wrote)
	}
	a.Origins, a.Now = &gitops.Origins{Repo: r, Make: o.Make}, func() time.Time { return h.at.Add(200 * time.Hour) }
	if got := ask(); !got.Old {
		t.Errorf("after days: %+v", got)
	}
}
