package repo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"promoter/gitops"
)

// git runs the git program, which the tests hold this package against.
func git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	return gitInput(t, dir, "", args...)
}

func gitInput(t testing.TB, dir, input string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(input)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Someone", "GIT_AUTHOR_EMAIL=someone@example.com", "GIT_COMMITTER_NAME=Someone", "GIT_COMMITTER_EMAIL=someone@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// stream is what git fast-import reads.
type stream struct {
	strings.Builder
	mark int
	at   time.Time
}

func newStream() *stream { return &stream{at: time.Unix(1_700_000_000, 0)} }

// commit adds a commit to a branch, an hour after the one before. A file's
// name may begin with its mode. from is a mark or "".
func (s *stream) commit(branch, from, message string, files ...string) string {
	s.mark++
	s.at = s.at.Add(time.Hour)
	fmt.Fprintf(s, "commit refs/heads/%s\nmark :%d\ncommitter Someone <someone@example.com> %d +0000\ndata %d\n%s\n", branch, s.mark, s.at.Unix(), len(message), message)
	if from != "" {
		fmt.Fprintf(s, "from %s\n", from)
	}
	for i := 0; i+1 < len(files); i += 2 {
		mode, name := "100644", files[i]
		if m, n, ok := strings.Cut(name, " "); ok {
			mode, name = m, n
		}
		fmt.Fprintf(s, "M %s inline %s\ndata %d\n%s\n", mode, name, len(files[i+1]), files[i+1])
	}
	return fmt.Sprintf(":%d", s.mark)
}

// remoteRepo makes a bare repository out of a stream.
func remoteRepo(t testing.TB, s *stream) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("the git program is not here")
	}
	dir := filepath.Join(t.TempDir(), "remote.git")
	git(t, "", "init", "-q", "--bare", "-b", "main", dir)
	git(t, dir, "config", "http.receivepack", "true")
	gitInput(t, dir, s.String(), "fast-import", "--quiet", "--force")
	return dir
}

// serve serves the repository over smart HTTP; before is called for each
// request and may answer it.
func serve(t testing.TB, dir string, before func(http.ResponseWriter, *http.Request) bool) string {
	t.Helper()
	path, err := exec.LookPath("git")
	if err != nil {
		t.Skip("the git program is not here")
	}
	backend := &cgi.Handler{Path: path, Args: []string{"http-backend"},
		Env: []string{"GIT_PROJECT_ROOT=" + filepath.Dir(dir), "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=someone", "GIT_CONFIG_GLOBAL=/dev/null"}, Stderr: io.Discard}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if before != nil && before(w, req) {
			return
		}
		backend.ServeHTTP(w, req)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/" + filepath.Base(dir)
}

var bot = Person{"Promoter", "promoter@example.com"}

func open(t testing.TB, url string, change ...func(*Options)) *Repo {
	t.Helper()
	o := Options{URL: url, Dir: t.TempDir(), Author: bot}
	for _, f := range change {
		f(&o)
	}
	r, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func heads(t testing.TB, r *Repo, prefixes ...string) map[string]string {
	t.Helper()
	h, err := r.Heads(context.Background(), prefixes...)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// both runs a test over file:// and over HTTP.
func bothWays(t *testing.T, s func() *stream, run func(t *testing.T, dir, url string)) {
	t.Parallel()
	t.Run("file", func(t *testing.T) {
		t.Parallel()
		dir := remoteRepo(t, s())
		run(t, dir, "file://"+dir)
	})
	t.Run("http", func(t *testing.T) {
		t.Parallel()
		dir := remoteRepo(t, s())
		run(t, dir, serve(t, dir, nil))
	})
}

func small() *stream {
	s := newStream()
	a := s.commit("main", "", "first", "a.yaml", "a: 1\n", "100755 bin/run", "#!/bin/sh\n", "120000 link", "a.yaml", "deep/x/y/z.yaml", "z: 1\n", "deep/w.yaml", "w: 1\n")
	s.commit("main", a, "second", "a.yaml", "a: 2\n")
	s.commit("promoter/one", a, "ours", "deep/w.yaml", "w: 2\n")
	s.commit("other", a, "another's", "b.yaml", "b\n")
	return s
}

func TestReading(t *testing.T) {
	bothWays(t, small, func(t *testing.T, dir, url string) {
		r := open(t, url)
		h := heads(t, r, "main", "promoter/")
		if len(h) != 2 || h["main"] != git(t, dir, "rev-parse", "main") || h["promoter/one"] != git(t, dir, "rev-parse", "promoter/one") {
			t.Fatalf("heads %v", h)
		}
		for path, want := range map[string]string{"a.yaml": "a: 2\n", "deep/x/y/z.yaml": "z: 1\n", "link": "a.yaml"} {
			if data, err := r.Read(h["main"], path); err != nil || string(data) != want {
				t.Errorf("read %s: %q, %v", path, data, err)
			}
		}
		for _, path := range []string{"none", "deep", "a.yaml/x", "deep/none/x"} {
			if _, err := r.Read(h["main"], path); !errors.Is(err, gitops.ErrNotFound) {
				t.Errorf("read %s: %v", path, err)
			}
		}
		if _, err := r.Read(git(t, dir, "rev-parse", "other"), "a.yaml"); !errors.Is(err, gitops.ErrNotFound) {
			t.Errorf("read a commit that was not fetched: %v", err)
		}
		var list []string
		for f, err := range r.Files(h["main"], "") {
			if err != nil {
				t.Fatal(err)
			}
			data, err := r.Blob(f.Blob)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, fmt.Sprintf("%s %s %d", f.Path, f.Mode, len(data)))
		}
		want := "a.yaml file 5\nbin/run executable 10\ndeep/w.yaml file 5\ndeep/x/y/z.yaml file 5\nlink symlink 6"
		if got := strings.Join(list, "\n"); got != want {
			t.Errorf("files:\n%s\nwant:\n%s", got, want)
		}
		hashes, err := r.Hashes(h["main"], "", "deep", "deep/w.yaml", "none")
		wantHashes := []string{git(t, dir, "rev-parse", "main^{tree}"), git(t, dir, "rev-parse", "main:deep"), git(t, dir, "rev-parse", "main:deep/w.yaml"), ""}
		if err != nil || strings.Join(hashes, " ") != strings.Join(wantHashes, " ") {
			t.Errorf("hashes %v, %v; want %v", hashes, err, wantHashes)
		}
		// A second look sees what moved, and what is gone.
		git(t, dir, "update-ref", "refs/heads/main", "other")
		git(t, dir, "update-ref", "-d", "refs/heads/promoter/one")
		if h = heads(t, r, "main", "promoter/"); len(h) != 1 || h["main"] != git(t, dir, "rev-parse", "other") {
			t.Errorf("heads %v", h)
		}
		if data, err := r.Read(h["main"], "b.yaml"); err != nil || string(data) != "b\n" {
			t.Errorf("read b.yaml: %q, %v", data, err)
		}
	})
}

func TestNothingMovedNothingFetched(t *testing.T) {
	t.Parallel()
	dir := remoteRepo(t, small())
	posts := 0
	url := serve(t, dir, func(_ http.ResponseWriter, req *http.Request) bool {
		if req.Method == http.MethodPost {
			posts++
		}
		return false
	})
	mirror := t.TempDir()
	for range 2 { // also by the next process
		r := open(t, url, func(o *Options) { o.Dir = mirror })
		heads(t, r, "main")
		heads(t, r, "main")
		r.Close()
	}
	if posts != 1 {
		t.Errorf("%d fetches, want 1", posts)
	}
}

func TestLock(t *testing.T) {
	t.Parallel()
	dir := remoteRepo(t, small())
	r := open(t, "file://"+dir)
	ctx, cancel := context.WithTimeout(context.Background(), 120*time.Millisecond)
	defer cancel()
	if _, err := Open(ctx, r.opt); err == nil || !strings.Contains(err.Error(), "another process is using it") {
		t.Errorf("a second one opened: %v", err)
	}
	opened := make(chan error, 1)
	go func() {
		second, err := Open(context.Background(), r.opt)
		if err == nil {
			second.Close()
		}
		opened <- err
	}()
	r.Close()
	if err := <-opened; err != nil {
		t.Errorf("after the first was closed: %v", err)
	}
}

func TestAuth(t *testing.T) {
	t.Parallel()
	dir := remoteRepo(t, small())
	url := serve(t, dir, func(w http.ResponseWriter, req *http.Request) bool {
		name, password, _ := req.BasicAuth()
		switch {
		case name == "x-access-token" && password == "secret":
			return false
		case password == "weak":
			w.WriteHeader(http.StatusForbidden)
		default:
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
		return true
	})
	for password, want := range map[string]error{"": gitops.ErrDenied, "wrong": gitops.ErrDenied, "weak": gitops.ErrDenied, "secret": nil} {
		r := open(t, url, func(o *Options) {
			o.Auth = func(context.Context) (Auth, error) { return Auth{Password: password}, nil }
		})
		_, err := r.Heads(context.Background(), "main")
		if !errors.Is(err, want) || err != nil && strings.Contains(err.Error(), password) && password != "" {
			t.Errorf("with %q: %v", password, err)
		}
	}
	r := open(t, strings.Replace(url, "remote.git", "none.git", 1), func(o *Options) {
		o.Auth = func(context.Context) (Auth, error) { return Auth{Password: "secret"}, nil }
	})
	if _, err := r.Heads(context.Background(), "main"); !errors.Is(err, gitops.ErrNotFound) {
		t.Errorf("no such repository: %v", err)
	}
}

func TestStalledRemote(t *testing.T) {
	t.Parallel()
	dir := remoteRepo(t, small())
	release := make(chan struct{})
	url := serve(t, dir, func(w http.ResponseWriter, req *http.Request) bool {
		if req.Method != http.MethodPost {
			return false
		}
		w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
		w.Write([]byte("00"))
		w.(http.Flusher).Flush()
		<-release
		return true
	})
	t.Cleanup(func() { close(release) })
	r := open(t, url, func(o *Options) { o.Stall = 50 * time.Millisecond })
	if _, err := r.Heads(context.Background(), "main"); err == nil {
		t.Error("a remote that hangs gave an answer")
	}
}

func TestDamagedMirror(t *testing.T) {
	t.Parallel()
	for _, moved := range []bool{false, true} {
		dir := remoteRepo(t, small())
		mirror := t.TempDir()
		r := open(t, "file://"+dir, func(o *Options) { o.Dir = mirror })
		heads(t, r, "main")
		r.Close()
		packs, _ := filepath.Glob(filepath.Join(mirror, "mirror.git/objects/pack/*"))
		if len(packs) == 0 {
			t.Fatal("no packs")
		}
		for _, p := range packs {
			if err := os.Remove(p); err != nil {
				t.Fatal(err)
			}
		}
		if moved {
			git(t, dir, "update-ref", "refs/heads/main", "promoter/one")
		}
		r = open(t, "file://"+dir, func(o *Options) { o.Dir = mirror })
		h := heads(t, r, "main")
		if data, err := r.Read(h["main"], "deep/x/y/z.yaml"); err != nil || string(data) != "z: 1\n" {
			t.Errorf("moved %v: read: %q, %v", moved, data, err)
		}
	}
}
