package repo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"promoter/gitops"
)

var noon = time.Date(2025, 6, 7, 12, 0, 0, 0, time.UTC)

func TestCommitAndPush(t *testing.T) {
	bothWays(t, small, func(t *testing.T, dir, url string) {
		ctx := context.Background()
		r := open(t, url)
		base := heads(t, r, "main")["main"]
		files := map[string][]byte{"a.yaml": []byte("a: 3\n"), "bin/run": []byte("#!/bin/bash\n"), "deep/x/y/z.yaml": nil, "deep/new/file": []byte("new\n"), "deep-er": []byte("1")}
		c, err := r.Commit(base, files, "Update a\n\nPromoter-Change: x\n\n", noon)
		if err != nil {
			t.Fatal(err)
		}
		again, err := r.Commit(base, files, "Update a\n\nPromoter-Change: x", noon.Add(time.Millisecond))
		if err != nil || again != c {
			t.Errorf("the same commit twice is %s and %s, %v", c, again, err)
		}
		if err := r.Push(ctx, "promoter/two", c, ""); err != nil {
			t.Fatal(err)
		}
		git(t, dir, "fsck", "--strict")
		if got := git(t, dir, "log", "-1", "--format=%H %P %an <%ae> %cn %at %ct%n%B", "promoter/two"); got !=
			fmt.Sprintf("%s %s Promoter <promoter@example.com> Promoter %d %d\nUpdate a\n\nPromoter-Change: x", c, base, noon.Unix(), noon.Unix()) {
			t.Errorf("log:\n%s", got)
		}
		want := "100644 a.yaml\n100755 bin/run\n100644 deep-er\n100644 deep/new/file\n100644 deep/w.yaml\n120000 link"
		if got := git(t, dir, "ls-tree", "-r", "--format=%(objectmode) %(path)", "promoter/two"); got != want {
			t.Errorf("tree:\n%s\nwant:\n%s", got, want)
		}
		// Again: it is there already, whatever was expected.
		if err := r.Push(ctx, "promoter/two", c, ""); err != nil {
			t.Errorf("push of what is there: %v", err)
		}
		// What was pushed is not fetched.
		if h := heads(t, r, "promoter/two"); h["promoter/two"] != c {
			t.Errorf("heads %v", h)
		}
		if changes, err := r.Changes(base, c); err != nil || len(changes) != 5 {
			t.Errorf("changes %v, %v", changes, err)
		}
		// Move it, by force: the new commit does not build on the old one.
		d, err := r.Commit(base, map[string][]byte{"a.yaml": []byte("a: 4\n")}, "Update a", noon)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Push(ctx, "promoter/two", d, c); err != nil {
			t.Fatal(err)
		}
		if err := r.Delete(ctx, "promoter/two", c); !errors.Is(err, gitops.ErrStale) {
			t.Errorf("delete at another commit: %v", err)
		}
		if err := r.Delete(ctx, "promoter/two", d); err != nil {
			t.Errorf("delete: %v", err)
		}
		if err := r.Delete(ctx, "promoter/two", d); !errors.Is(err, gitops.ErrStale) {
			t.Errorf("delete of what is gone: %v", err)
		}
		if got := git(t, dir, "branch", "--list", "promoter/two"); got != "" {
			t.Errorf("branch %s is still there", got)
		}
	})
}

func TestCommitRefuses(t *testing.T) {
	t.Parallel()
	dir := remoteRepo(t, small())
	r := open(t, dir)
	base := heads(t, r, "main")["main"]
	for path, want := range map[string]string{
		"": "not a path", "/a": "not a path", "a//b": "not a path", "../a": "not a path", "x/.git/config": "not a path", "x/.GIT": "not a path", `a\b`: "not a path",
		"deep": "not a regular file", "a.yaml/b": "not a directory", "link": "not a regular file", "-none": "cannot be removed",
	} {
		data := []byte("x")
		if path == "-none" {
			data = nil
		}
		if _, err := r.Commit(base, map[string][]byte{path: data}, "x", noon); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", path, err, want)
		}
	}
	if _, err := r.Commit(base, map[string][]byte{"a.yaml": []byte("a: 2\n")}, "x", noon); !errors.Is(err, ErrUnchanged) {
		t.Errorf("no change: %v", err)
	}
	if _, err := r.Commit(strings.Repeat("1", 40), map[string][]byte{"a": nil}, "x", noon); !errors.Is(err, gitops.ErrNotFound) {
		t.Errorf("no base: %v", err)
	}
	if _, err := r.Write(base, Draft{Files: map[string][]byte{"a.yaml": nil}, Author: Person{"A <b>", "c"}}); err == nil {
		t.Error("an author with brackets was taken")
	}
}

func TestPushWithLease(t *testing.T) {
	bothWays(t, small, func(t *testing.T, dir, url string) {
		ctx := context.Background()
		r := open(t, url)
		h := heads(t, r, "main", "promoter/")
		c, err := r.Commit(h["main"], map[string][]byte{"a.yaml": []byte("a: 3\n")}, "x", noon)
		if err != nil {
			t.Fatal(err)
		}
		for _, expect := range []string{"", h["main"]} {
			if err := r.Push(ctx, "promoter/one", c, expect); !errors.Is(err, gitops.ErrStale) {
				t.Errorf("push on %q: %v", expect, err)
			}
		}
		if err := r.Push(ctx, "promoter/none", c, h["main"]); !errors.Is(err, gitops.ErrStale) {
			t.Errorf("push to an absent branch: %v", err)
		}
		for _, branch := range []string{"", "a..b", "x.lock", "a b"} {
			if err := r.Push(ctx, branch, c, ""); err == nil || errors.Is(err, gitops.ErrStale) {
				t.Errorf("push to %q: %v", branch, err)
			}
		}
		if got := git(t, dir, "rev-parse", "promoter/one"); got != h["promoter/one"] {
			t.Errorf("the branch moved to %s", got)
		}
		// The base moved on, which the mirror has not seen: still pushed.
		git(t, dir, "update-ref", "refs/heads/main", "other")
		if err := r.Push(ctx, "promoter/one", c, h["promoter/one"]); err != nil {
			t.Errorf("push: %v", err)
		}
		git(t, dir, "fsck", "--strict")
	})
}

// TestPushOfWhatIsThere has two processes make and push the same commit.
func TestPushOfWhatIsThere(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := remoteRepo(t, small())
	mirror := t.TempDir()
	a, b := open(t, dir), open(t, dir, func(o *Options) { o.Dir = mirror })
	var commit string
	for _, r := range []*Repo{a, b} {
		base := heads(t, r, "main")["main"]
		c, err := r.Commit(base, map[string][]byte{"a.yaml": []byte("a: 3\n")}, "x", noon)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Push(ctx, "promoter/new", c, ""); err != nil {
			t.Errorf("push: %v", err)
		}
		commit = c
	}
	if h := heads(t, b, "promoter/"); h["promoter/new"] != commit {
		t.Errorf("heads %v", h)
	}
	b.Close()
	b = open(t, dir, func(o *Options) { o.Dir = mirror })
	if data, err := b.Read(commit, "a.yaml"); err != nil || string(data) != "a: 3\n" {
		t.Errorf("the next process reads %q, %v", data, err)
	}
}

// TestPushRace moves the branch after the remote said where it is, and before
// it takes the update.
func TestPushRace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		branch string
		act    func(t *testing.T, dir string)
	}{
		"moved":   {"promoter/one", func(t *testing.T, dir string) { git(t, dir, "update-ref", "refs/heads/promoter/one", "other") }},
		"deleted": {"promoter/one", func(t *testing.T, dir string) { git(t, dir, "update-ref", "-d", "refs/heads/promoter/one") }},
		"created": {"promoter/new", func(t *testing.T, dir string) { git(t, dir, "update-ref", "refs/heads/promoter/new", "other") }},
		"locked": {"promoter/one", func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, "refs/heads/promoter/one.lock"), nil, 0o600); err != nil {
				t.Error(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := remoteRepo(t, small())
			git(t, dir, "update-ref", "refs/heads/promoter/one", "promoter/one") // loose, as a lock needs it
			url := serve(t, dir, func(_ http.ResponseWriter, req *http.Request) bool {
				if req.Method == http.MethodPost && strings.HasSuffix(req.URL.Path, "git-receive-pack") {
					c.act(t, dir)
				}
				return false
			})
			r := open(t, url)
			h := heads(t, r, "main", "promoter/")
			commit, err := r.Commit(h["main"], map[string][]byte{"a.yaml": []byte("a: 3\n")}, "x", noon)
			if err != nil {
				t.Fatal(err)
			}
			err = r.Push(context.Background(), c.branch, commit, h[c.branch])
			if !errors.Is(err, gitops.ErrStale) || !strings.Contains(err.Error(), "the remote says") {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestPushDenied(t *testing.T) {
	bothWays(t, small, func(t *testing.T, dir, url string) {
		r := open(t, url)
		h := heads(t, r, "main", "promoter/")
		c, err := r.Commit(h["main"], map[string][]byte{"a.yaml": []byte("a: 3\n")}, "x", noon)
		if err != nil {
			t.Fatal(err)
		}
		git(t, dir, "config", "receive.denyNonFastForwards", "true")
		if err := r.Push(context.Background(), "promoter/one", c, h["promoter/one"]); !errors.Is(err, gitops.ErrDenied) {
			t.Errorf("no fast-forward: %v", err)
		}
		hook := filepath.Join(dir, "hooks/pre-receive")
		if err := os.WriteFile(hook, []byte("#!/bin/sh\necho 'GH006: Protected branch, cannot lock ref' >&2\nexit 1\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		err = r.Push(context.Background(), "promoter/two", c, "")
		if !errors.Is(err, gitops.ErrDenied) || !strings.Contains(err.Error(), "GH006") {
			t.Errorf("hook: %v", err)
		}
	})
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]verdict{
		"failed to update ref": stale, "fetch first": stale, "incorrect old value provided": stale, "reference already exists": stale,
		"cannot lock ref 'refs/heads/x': is at 12 but expected 34": stale, "failed to lock": stale,
		"pre-receive hook declined": denied, "protected branch hook declined": denied, "non-fast-forward": denied, "deletion prohibited": denied,
		"push declined due to repository rule violations": denied, "You are not allowed to push code to protected branches": denied,
		"unpack: index-pack abnormal exit": failed, "internal server error": failed, "missing necessary objects": failed,
	} {
		if got := refusal(text, ""); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
	if got := refusal("failed to update ref", "error: permission denied by hook"); got != stale {
		t.Errorf("what a hook says decided: %v", got)
	}
}
