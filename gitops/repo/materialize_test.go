package repo

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"promoter/gitops"
)

// onDisk lists what a directory holds: "path=content".
func onDisk(t *testing.T, dir string) string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		out = append(out, filepath.ToSlash(rel)+"="+strings.TrimSpace(string(data)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, " ")
}

func TestADirectoryHoldsWhatACommitHolds(t *testing.T) {
	s := small()
	s.commit("main", ":2", "third", "deep/x/y/z.yaml", "z: 3\n", "new/n.yaml", "n: 1\n")
	remote := remoteRepo(t, s)
	r := open(t, "file://"+remote)
	h := heads(t, r, "main", "other")
	dir := filepath.Join(t.TempDir(), "tree")
	at := func(commit, want string) {
		t.Helper()
		if err := r.Materialize(t.Context(), commit, dir); err != nil {
			t.Fatal(err)
		}
		if got := onDisk(t, dir); got != want {
			t.Errorf("at %s: %s\nwant %s", commit, got, want)
		}
	}
	third := "a.yaml=a: 2 bin/run=#!/bin/sh deep/w.yaml=w: 1 deep/x/y/z.yaml=z: 3 new/n.yaml=n: 1"
	other := "a.yaml=a: 1 b.yaml=b bin/run=#!/bin/sh deep/w.yaml=w: 1 deep/x/y/z.yaml=z: 1"
	at(h["main"], third)
	before, err := os.Stat(filepath.Join(dir, "deep", "w.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	at(h["other"], other)
	at(h["main"], third)
	after, err := os.Stat(filepath.Join(dir, "deep", "w.yaml"))
	if err != nil || !os.SameFile(before, after) || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("a file that is the same in both was written again (%v)", err)
	}
	// A process that dies half-way leaves no stamp: all is written anew.
	if err := os.Remove(dir + atFile); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "left.yaml"), []byte("over"), 0o600); err != nil {
		t.Fatal(err)
	}
	at(h["main"], third)
}

func TestReachDeepensAsFarAsItMust(t *testing.T) {
	s := newStream()
	last := ""
	for i := range 60 {
		last = s.commit("main", last, "commit", "a.yaml", strings.Repeat("x", i))
	}
	remote := remoteRepo(t, s)
	git(t, remote, "config", "uploadpack.allowReachableSHA1InWant", "true")
	r := open(t, "file://"+remote, func(o *Options) { o.Depth = 5 })
	heads(t, r, "main")
	old := git(t, remote, "rev-parse", "main~40")
	if _, err := r.Read(old, "a.yaml"); !errors.Is(err, gitops.ErrNotFound) {
		t.Fatalf("it is here already: %v", err)
	}
	if err := r.Reach(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	if data, err := r.Read(old, "a.yaml"); err != nil || len(data) != 19 {
		t.Errorf("read %d bytes, %v", len(data), err)
	}
	if err := r.Reach(t.Context(), strings.Repeat("ab", 20)); !errors.Is(err, gitops.ErrNotFound) {
		t.Errorf("a commit that is nowhere: %v", err)
	}
}
