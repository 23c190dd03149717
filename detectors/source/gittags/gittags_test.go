package gittags

import (
	"context"
	"fmt"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"promoter/detectors/source"
	"promoter/promoter"
)

func newClient(t *testing.T, change func(*source.Options)) *source.Client {
	t.Helper()
	o := source.Options{CacheDir: t.TempDir(), AllowPrivate: []string{"127.0.0.1"}, Timeout: 20 * time.Second}
	if change != nil {
		change(&o)
	}
	c, err := source.NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// server serves the bare repositories of a directory with Git's own program.
func server(t *testing.T, root string) string {
	t.Helper()
	backend := filepath.Join(git(t, root, "--exec-path"), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		t.Skip("git has no http-backend here")
	}
	s := httptest.NewServer(&cgi.Handler{Path: backend, Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1"}})
	t.Cleanup(s.Close)
	return s.URL
}

func TestTagsOfARealServer(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	git(t, root, "init", "-q", "-b", "main", "work")
	work := filepath.Join(root, "work")
	git(t, work, "commit", "-q", "--allow-empty", "-m", "one")
	one := git(t, work, "rev-parse", "HEAD")
	git(t, work, "tag", "v1.0.0")
	git(t, work, "commit", "-q", "--allow-empty", "-m", "two")
	two := git(t, work, "rev-parse", "HEAD")
	git(t, work, "tag", "-a", "-m", "annotated", "app/v2.0.0")
	git(t, work, "branch", "stable/1.x", one)
	git(t, work, "update-ref", "refs/pull/1/head", one)
	git(t, root, "clone", "-q", "--bare", "work", "app.git")
	git(t, filepath.Join(root, "app.git"), "update-ref", "refs/pull/1/head", one)
	git(t, root, "init", "-q", "--bare", "empty.git")
	base := server(t, root)

	dir := t.TempDir()
	c := newClient(t, func(o *source.Options) { o.CacheDir = dir })
	g := New(c)
	app := promoter.Artifact{Kind: promoter.Git, Source: base + "/app.git"}
	in := []promoter.Artifact{app, {Kind: promoter.Git, Source: base + "/empty.git"}, {Kind: promoter.Git, Source: base + "/none.git"}, {Kind: promoter.Git}}
	out := g.Lookup(t.Context(), in)
	l := out[0]
	if l.Unknown != "" || len(l.Releases) != 2 || l.Releases[0].Version != "app/v2.0.0" || l.Releases[0].Digest != two ||
		l.Releases[1].Version != "v1.0.0" || l.Releases[1].Digest != one || l.Releases[1].FirstSeen.IsZero() {
		t.Errorf("listing %+v; want app/v2.0.0 at %s and v1.0.0 at %s", l, two, one)
	}
	if l := out[1]; l.Unknown != "" || len(l.Releases) != 0 {
		t.Errorf("empty repository: %+v", l)
	}
	if l := out[2]; l.Gone == "" {
		t.Errorf("absent repository: %+v", l)
	}
	if l := out[3]; l.Unknown == "" || l.Gone != "" {
		t.Errorf("unnamed repository: %+v", l)
	}
	refs, err := g.Refs(t.Context(), app)
	if err != nil {
		t.Fatal(err)
	}
	if refs.Default != "main" || refs.Branches["main"] != two || refs.Branches["stable/1.x"] != one || len(refs.Branches) != 2 {
		t.Errorf("refs %+v", refs)
	}
	off := New(newClient(t, func(o *source.Options) { o.CacheDir = dir; o.Offline = true }))
	if heads, err := off.Heads(t.Context(), app); err != nil || heads["main"] != two {
		t.Errorf("offline heads %v, %v", heads, err)
	}
}

func TestServersThatLie(t *testing.T) {
	t.Parallel()
	pkt := func(s string) string { return fmt.Sprintf("%04x%s", len(s)+4, s) }
	sha := strings.Repeat("a", 40)
	head := pkt("# service=git-upload-pack\n") + "0000" + pkt(sha+" HEAD\x00symref=HEAD:refs/heads/main\n")
	for name, tc := range map[string]struct{ kind, body string }{
		"no end":      {"application/x-git-upload-pack-advertisement", head + pkt(sha+" refs/tags/v1\n")},
		"nothing":     {"application/x-git-upload-pack-advertisement", ""},
		"cut packet":  {"application/x-git-upload-pack-advertisement", head + "00ff" + sha},
		"bad length":  {"application/x-git-upload-pack-advertisement", head + "zzzz"},
		"error":       {"application/x-git-upload-pack-advertisement", pkt("ERR go away\n")},
		"dumb server": {"text/plain", sha + "\trefs/tags/v1\n"},
		"login page":  {"text/html", "<html>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tc.kind)
				fmt.Fprint(w, tc.body)
			}))
			defer s.Close()
			l := New(newClient(t, nil)).Lookup(t.Context(), []promoter.Artifact{{Kind: promoter.Git, Source: s.URL + "/x"}})[0]
			if l.Unknown == "" || l.Gone != "" || len(l.Releases) != 0 {
				t.Errorf("listing %+v", l)
			}
		})
	}
}

type logins map[string]source.Credential

func (l logins) Find(_ context.Context, p source.Purpose, u *url.URL) (source.Credential, error) {
	if p != source.GitHTTP {
		return source.Credential{}, nil
	}
	return l[u.Host], nil
}

func TestCredentialsAreSentForGit(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pass, _ := r.BasicAuth(); pass != "p" {
			w.WriteHeader(401)
			return
		}
		w.WriteHeader(418)
	}))
	defer s.Close()
	a := []promoter.Artifact{{Kind: promoter.Git, Source: s.URL + "/x"}}
	c := newClient(t, func(o *source.Options) {
		o.Credentials = logins{strings.TrimPrefix(s.URL, "http://"): {Username: "u", Password: "p"}}
	})
	if l := New(c).Lookup(t.Context(), a)[0]; !strings.Contains(l.Unknown, "418") {
		t.Errorf("with a login: %q", l.Unknown)
	}
	if l := New(newClient(t, nil)).Lookup(t.Context(), a)[0]; !strings.Contains(l.Unknown, "denies access without") {
		t.Errorf("without a login: %q", l.Unknown)
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://git.example.org/a/b.git":  "https://git.example.org/a/b.git",
		"git::https://git.example.org/a":   "https://git.example.org/a",
		"git@github.com:org/repo.git":      "https://github.com/org/repo.git",
		"ssh://git@gitlab.com:22/org/repo": "https://gitlab.com/org/repo",
		"git://github.com/org/repo":        "https://github.com/org/repo",
		"ssh://git@git.example.org/a":      "",
		"git@git.example.org:a/b":          "",
		"file:///srv/git/a":                "",
		"/srv/git/a":                       "",
		"../other":                         "",
		"":                                 "",
	} {
		u, err := address(in)
		got := ""
		if err == nil {
			got = u.String()
		}
		if got != want {
			t.Errorf("%q: %q, want %q (%v)", in, got, want, err)
		}
	}
}
