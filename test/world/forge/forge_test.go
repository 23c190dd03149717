package forge_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"promoter/test/world/forge"
)

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
	s.AddToken("secret", "bot", true)
	s.AddToken("reader", "ben", false)
	r, err := s.Create("acme", "fleet")
	if err != nil {
		t.Fatal(err)
	}
	commit(t, r, "main", "", map[string][]byte{"a": []byte("1\n2\n3\n4\n5\n6\n7\n8\n9\n"), "b": []byte("1\n")})
	return s, r
}

func commit(t testing.TB, r *forge.Repo, branch, from string, files map[string][]byte) string {
	t.Helper()
	c, err := r.Commit("ana", branch, from, "Change "+branch, files)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func open(t testing.TB, r *forge.Repo, branch string) int {
	t.Helper()
	n, err := r.Open("bot", branch, "main", "Update "+branch, "Why.")
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// ask makes a call of the API and returns its answer.
func ask(t testing.TB, s *forge.Server, method, path, token, body string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.API()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "token "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(data)
}

func git(t testing.TB, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func TestOnlyLoopback(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{":0", "0.0.0.0:0", "192.0.2.1:80", "example.com:80", "x"} {
		if s, err := forge.Start(forge.Options{Addr: addr}); err == nil {
			_ = s.Close()
			t.Errorf("it listens on %q", addr)
		}
	}
}

// TestGit pushes more than Git puts into one request without chunks, and what
// the client may compress.
func TestGit(t *testing.T) {
	t.Parallel()
	_, r := start(t, forge.Options{})
	dir := t.TempDir()
	must := func(args ...string) string {
		t.Helper()
		out, err := git(t, dir, args...)
		if err != nil {
			t.Fatalf("git %v: %s", args, out)
		}
		return out
	}
	must("clone", "-q", r.CloneURL("secret"), ".")
	must("config", "http.postBuffer", "65536")
	must("checkout", "-q", "-b", "big")
	noise := make([]byte, 1<<20)
	for i, x := 0, uint32(1); i < len(noise); i++ {
		x = x*1664525 + 1013904223
		noise[i] = byte(x >> 24)
	}
	if err := os.WriteFile(filepath.Join(dir, "noise"), noise, 0o600); err != nil {
		t.Fatal(err)
	}
	must("add", "noise")
	must("commit", "-q", "-m", "Noise")
	must("push", "-q", "origin", "big")
	if got, want := r.Heads()["big"], must("rev-parse", "HEAD"); got != want {
		t.Errorf("the branch is at %s, want %s", got, want)
	}
	for range 400 { // a fetch whose request is long enough to be compressed
		must("commit", "-q", "--allow-empty", "-m", "More")
	}
	commit(t, r, "main", "", map[string][]byte{"c": []byte("x\n")})
	must("fetch", "-q", "origin")
	for name, url := range map[string]string{"nobody": r.CloneURL(""), "a reader": r.CloneURL("reader"), "a stranger": r.CloneURL("wrong")} {
		if out, err := git(t, dir, "push", "-q", url, "big:other"); err == nil {
			t.Errorf("%s may push: %s", name, out)
		}
	}
	if _, err := git(t, dir, "ls-remote", r.CloneURL("")); err != nil {
		t.Errorf("nobody may read: %v", err)
	}
}

// TestGitAnswersBeforeTheRequestEnds holds back a request's last chunk, as a
// slow network may: the answer comes all the same, and is Git's alone.
func TestGitAnswersBeforeTheRequestEnds(t *testing.T) {
	t.Parallel()
	_, r := start(t, forge.Options{})
	body, rest := io.Pipe()
	defer time.AfterFunc(10*time.Second, func() { _ = rest.CloseWithError(errors.New("nothing has answered")) }).Stop()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.CloneURL("")+"/git-upload-pack", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Git-Protocol", "version=2")
	go func() { _, _ = io.WriteString(rest, "0014command=ls-refs\n0000") }()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_ = rest.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(data); !strings.Contains(got, "refs/heads/main") || !strings.HasSuffix(got, "\n0000") {
		t.Errorf("Git's answer is %q", got)
	}
}

func TestPushesAreNoticed(t *testing.T) {
	t.Parallel()
	_, r := start(t, forge.Options{})
	first := commit(t, r, "x", "main", map[string][]byte{"x": []byte("1\n")})
	n := open(t, r, "x")
	second := commit(t, r, "x", "", map[string][]byte{"x": []byte("2\n")})
	if p := r.Pulls()[n-1]; p.Head != second || first == second {
		t.Errorf("got head %s, want %s", p.Head, second)
	}
	// Somebody merges with Git, on the repository itself.
	dir := t.TempDir()
	for _, args := range [][]string{
		{"clone", "-q", r.Dir(), "."}, {"merge", "-q", "--no-ff", "-m", "Merge", "origin/x"}, {"commit", "-q", "--allow-empty", "-m", "After"}, {"push", "-q", "origin", "HEAD:main"},
	} {
		if out, err := git(t, dir, args...); err != nil {
			t.Fatalf("git %v: %s", args, out)
		}
	}
	merge, err := git(t, dir, "rev-parse", "HEAD^")
	if err != nil {
		t.Fatal(err)
	}
	if p := r.Pulls()[n-1]; p.State != "merged" || p.Merge != merge {
		t.Errorf("got %+v, want it merged as %s", p, merge)
	}
	commit(t, r, "y", "main", map[string][]byte{"y": []byte("1\n")})
	n = open(t, r, "y")
	if err := r.Delete("y"); err != nil {
		t.Fatal(err)
	}
	if p := r.Pulls()[n-1]; p.State != "closed" {
		t.Errorf("without its branch: got %+v", p)
	}
	if err := r.Reopen(n, "ana"); err == nil {
		t.Error("a pull without its branch was opened again")
	}
}

// TestMerges merges what only a merge of lines can, and tells conflicts.
func TestMerges(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name         string
		ours, theirs map[string][]byte
		want         map[string]string // nil: a conflict
	}{
		{"two files", map[string][]byte{"b": []byte("2\n")}, map[string][]byte{"c": []byte("1\n")}, map[string]string{"b": "2\n", "c": "1\n"}},
		{"two lines of a file", map[string][]byte{"a": []byte("one\n2\n3\n4\n5\n6\n7\n8\n9\n")}, map[string][]byte{"a": []byte("1\n2\n3\n4\n5\n6\n7\n8\nnine\n")}, map[string]string{"a": "one\n2\n3\n4\n5\n6\n7\n8\nnine\n"}},
		{"no final newline", map[string][]byte{"a": []byte("one\n2\n3\n4\n5\n6\n7\n8\n9\n")}, map[string][]byte{"a": []byte("1\n2\n3\n4\n5\n6\n7\n8\n9")}, map[string]string{"a": "one\n2\n3\n4\n5\n6\n7\n8\n9"}},
		{"the same change", map[string][]byte{"b": []byte("2\n")}, map[string][]byte{"b": []byte("2\n"), "c": []byte("1\n")}, map[string]string{"b": "2\n", "c": "1\n"}},
		{"deleted by one", map[string][]byte{"b": nil}, map[string][]byte{"c": []byte("1\n")}, map[string]string{"c": "1\n"}},
		{"the same line", map[string][]byte{"b": []byte("2\n")}, map[string][]byte{"b": []byte("3\n")}, nil},
		{"deleted and changed", map[string][]byte{"b": nil}, map[string][]byte{"b": []byte("3\n")}, nil},
		{"added by both", map[string][]byte{"n": []byte("2\n")}, map[string][]byte{"n": []byte("3\n")}, nil},
	}
	for _, tt := range tests {
		for _, method := range []string{"merge", "squash", "rebase"} {
			t.Run(tt.name+", "+method, func(t *testing.T) {
				t.Parallel()
				_, r := start(t, forge.Options{})
				commit(t, r, "x", "main", tt.theirs)
				n := open(t, r, "x")
				before := commit(t, r, "main", "", tt.ours)
				merge, err := r.Merge(n, "ana", method)
				if tt.want == nil {
					if err == nil || r.Heads()["main"] != before {
						t.Errorf("got %s, %v", merge, err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				for path, want := range tt.want {
					if got, err := r.Read("main", path); err != nil || string(got) != want {
						t.Errorf("%s: got %q, %v, want %q", path, got, err, want)
					}
				}
				if _, err := r.Read("main", "b"); tt.ours["b"] == nil && tt.want["b"] == "" && tt.name == "deleted by one" && err == nil {
					t.Error("what was deleted is back")
				}
			})
		}
	}
}

// TestManners are those of GitHub that clients trip over.
func TestManners(t *testing.T) {
	t.Parallel()
	s, r := start(t, forge.Options{MergeableAfter: 1})
	for _, b := range []string{"x", "y"} {
		commit(t, r, b, "main", map[string][]byte{b: []byte("1\n")})
		open(t, r, b)
	}
	for _, want := range []string{`"mergeable":null`, `"mergeable":true`} {
		if _, _, body := ask(t, s, "GET", "repos/acme/fleet/pulls/1", "secret", ""); !strings.Contains(body, want) || !strings.Contains(body, `"merged":false`) {
			t.Errorf("want %s in %s", want, body)
		}
	}
	var p struct {
		Trial string `json:"merge_commit_sha"`
	}
	_, _, body := ask(t, s, "GET", "repos/acme/fleet/pulls/1", "secret", "")
	if err := json.Unmarshal([]byte(body), &p); err != nil || len(p.Trial) != 40 || slices.Contains([]string{r.Heads()["main"], r.Heads()["x"]}, p.Trial) {
		t.Errorf("the trial's commit is %q, %v", p.Trial, err)
	}
	count := func(path string) int {
		t.Helper()
		_, _, body := ask(t, s, "GET", path, "", "")
		var list []any
		if err := json.Unmarshal([]byte(body), &list); err != nil {
			t.Fatal(err, body)
		}
		return len(list)
	}
	if n := count("repos/acme/fleet/pulls?head=acme:x"); n != 1 {
		t.Errorf("with a qualified head: got %d pulls", n)
	}
	if n := count("repos/acme/fleet/pulls?head=x"); n != 2 {
		t.Errorf("a head without its owner is ignored, like GitHub does: got %d pulls", n)
	}
	_, h, _ := ask(t, s, "GET", "repos/acme/fleet/pulls?per_page=1", "", "")
	if link := h.Get("Link"); !strings.Contains(link, `page=2`) || !strings.Contains(link, `rel="next"`) {
		t.Errorf("got Link %q", link)
	}
	for _, tt := range []struct {
		method, path, token, body string
		want                      int
	}{
		{"POST", "repos/acme/fleet/pulls", "secret", `{"title":"t","head":"x","base":"main"}`, 422},
		{"POST", "repos/acme/fleet/pulls", "secret", `{"title":"t","head":"main","base":"main"}`, 422},
		{"POST", "repos/acme/fleet/pulls", "reader", `{"title":"t","head":"x","base":"main"}`, 403},
		{"POST", "repos/acme/fleet/pulls", "", `{}`, 401},
		{"GET", "repos/acme/fleet", "wrong", "", 401},
		{"GET", "repos/acme/nowhere", "secret", "", 404},
		{"PUT", "repos/acme/fleet/pulls/1/merge", "secret", `{"sha":"` + r.Heads()["y"] + `"}`, 409},
		{"PUT", "repos/acme/fleet/pulls/1/merge", "secret", `{"merge_method":"fast-forward"}`, 405},
		{"PATCH", "repos/acme/fleet/pulls/1", "secret", `{"body":"` + strings.Repeat("x", 65537) + `"}`, 422},
		{"PATCH", "repos/acme/fleet/pulls/1", "secret", `{"title":"` + strings.Repeat("x", 257) + `"}`, 422},
	} {
		if status, _, body := ask(t, s, tt.method, tt.path, tt.token, tt.body); status != tt.want {
			t.Errorf("%s %s %.60s: got %d %s, want %d", tt.method, tt.path, tt.body, status, body, tt.want)
		}
	}
}

func TestCloseEndsIt(t *testing.T) {
	t.Parallel()
	s, err := forge.Start(forge.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Create("acme", "fleet")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(r.Dir()); !os.IsNotExist(err) {
		t.Errorf("its directory is left: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := http.DefaultClient.Do(req); err == nil {
		_ = resp.Body.Close()
		t.Error("it answers")
	}
}
