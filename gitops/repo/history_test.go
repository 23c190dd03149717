package repo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"promoter/gitops"
)

func plumbingHash(s string) plumbing.Hash { return plumbing.NewHash(s) }

// long is a main branch of n commits with a branch of ours that left it back
// commits before its end.
func long(n, back int) *stream {
	s := newStream()
	last, from := "", ""
	for i := range n {
		last = s.commit("main", last, fmt.Sprint("commit ", i), fmt.Sprintf("dir%d/file", i%7), fmt.Sprint(i), "version", fmt.Sprint(i))
		if i == n-1-back {
			from = last
		}
	}
	s.commit("promoter/one", from, "ours", "version", "ours")
	return s
}

func TestDeepening(t *testing.T) {
	bothWays(t, func() *stream { return long(400, 250) }, func(t *testing.T, dir, url string) {
		ctx := context.Background()
		r := open(t, url, func(o *Options) { o.Depth = 2 })
		h := heads(t, r, "main", "promoter/")
		main, ours := h["main"], h["promoter/one"]
		if n := countCommits(t, r); n > 8 {
			t.Errorf("%d commits were fetched at first", n)
		}
		base, err := r.Base(ctx, ours, main)
		if want := git(t, dir, "merge-base", ours, main); err != nil || base != want {
			t.Fatalf("base %s, %v; want %s", base, err, want)
		}
		if n := countCommits(t, r); n < 250 {
			t.Errorf("base was found among %d commits", n)
		}
		list, err := r.Commits(ours, base, 2)
		if err != nil || len(list) != 1 || list[0].Hash != ours || list[0].Message != "ours" || len(list[0].Parents) != 1 || list[0].Parents[0] != base {
			t.Errorf("commits %+v, %v", list, err)
		}
		for a, want := range map[string]bool{base: true, ours: false, main: true} {
			if got, err := r.IsAncestor(ctx, a, main); got != want || err != nil {
				t.Errorf("is %s an ancestor: %v, %v; want %v", a, got, err, want)
			}
		}
		changes, err := r.Changes(base, ours)
		if err != nil || len(changes) != 1 || changes[0].Path != "version" || string(changes[0].Before) != "149" || string(changes[0].After) != "ours" {
			t.Errorf("changes %+v, %v", changes, err)
		}
		// More commits arrive at both ends of what is here.
		next := git(t, dir, "commit-tree", "-m", "more", "-p", main, main+"^{tree}")
		git(t, dir, "update-ref", "refs/heads/main", next)
		h = heads(t, r, "main", "promoter/")
		parents, err := r.FirstParents(ctx, h["main"], 1000)
		if err != nil || len(parents) != 401 || parents[400].Message != "commit 0" {
			t.Errorf("%d first parents, %v", len(parents), err)
		}
		if got := git(t, r.objects(), "rev-list", "--count", "--objects", h["main"], ours); got == "" {
			t.Error("the git program does not read the mirror")
		}
		git(t, r.objects(), "fsck", "--connectivity-only")
	})
}

func countCommits(t *testing.T, r *Repo) int {
	t.Helper()
	n := 0
	iter, err := r.store.IterEncodedObjects(plumbing.CommitObject)
	if err != nil {
		t.Fatal(err)
	}
	if err := iter.ForEach(func(plumbing.EncodedObject) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDeepeningHasALimit(t *testing.T) {
	t.Parallel()
	dir := remoteRepo(t, long(100, 80))
	r := open(t, "file://"+dir, func(o *Options) { o.Depth, o.MaxDepth = 1, 10 })
	h := heads(t, r, "main", "promoter/")
	base, err := r.Base(context.Background(), h["promoter/one"], h["main"])
	if !errors.Is(err, errShallow) || errors.Is(err, gitops.ErrNotFound) || base != "" {
		t.Errorf("base %q, %v", base, err)
	}
	if _, err := r.Commits(h["main"], h["promoter/one"], 10); !errors.Is(err, errShallow) {
		t.Errorf("commits: %v", err)
	}
}

func TestUnrelated(t *testing.T) {
	t.Parallel()
	s := newStream()
	s.commit("main", "", "a", "a", "a")
	s.commit("promoter/x", "", "b", "b", "b")
	r := open(t, "file://"+remoteRepo(t, s))
	h := heads(t, r, "")
	if base, err := r.Base(context.Background(), h["main"], h["promoter/x"]); !errors.Is(err, gitops.ErrNotFound) || base != "" {
		t.Errorf("base %q, %v", base, err)
	}
	if ok, err := r.IsAncestor(context.Background(), h["main"], h["promoter/x"]); ok || err != nil {
		t.Errorf("ancestor %v, %v", ok, err)
	}
	if _, err := r.IsAncestor(context.Background(), h["main"], strings.Repeat("1", 40)); err == nil {
		t.Error("a commit that nobody has is no ancestor, without an error")
	}
}

// TestHistoryAgreesWithGit compares answers on random histories with merges.
func TestHistoryAgreesWithGit(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		s := newStream()
		marks := []string{s.commit("main", "", "root", "f", "0")}
		const n = 40
		for i := 1; i < n; i++ {
			from := marks[max(0, len(marks)-1-rnd.IntN(6))]
			m := s.commit(fmt.Sprint("b", i), from, fmt.Sprint(i), fmt.Sprint("f", i%5), fmt.Sprint(i))
			if rnd.IntN(3) == 0 {
				// fast-import takes further parents right after from.
				text := s.String()
				at := strings.LastIndex(text, "from "+from+"\n") + len("from "+from+"\n")
				other := marks[rnd.IntN(len(marks))]
				if other != from {
					text = text[:at] + "merge " + other + "\n" + text[at:]
					s.Builder.Reset()
					s.WriteString(text)
				}
			}
			marks = append(marks, m)
		}
		dir := remoteRepo(t, s)
		r := open(t, "file://"+dir, func(o *Options) { o.Depth = 1 + rnd.IntN(4) })
		h := heads(t, r, "")
		for range 60 {
			a, b := h[fmt.Sprint("b", 1+rnd.IntN(n-1))], h[fmt.Sprint("b", 1+rnd.IntN(n-1))]
			bases := git(t, dir, "merge-base", "--all", a, b)
			got, err := r.Base(context.Background(), a, b)
			if err != nil || !strings.Contains(bases, got) {
				t.Fatalf("seed %d: base of %s and %s is %s, %v; git says\n%s", seed, a, b, got, err, bases)
			}
			ancestor, err := r.IsAncestor(context.Background(), a, b)
			if err != nil || ancestor != (bases == a) {
				t.Fatalf("seed %d: is %s an ancestor of %s: %v, %v", seed, a, b, ancestor, err)
			}
			list, err := r.Commits(a, b, 1000)
			if errors.Is(err, errShallow) {
				continue
			}
			var hashes []string
			for _, c := range list {
				hashes = append(hashes, c.Hash)
			}
			if want := git(t, dir, "rev-list", a, "^"+b); err != nil || strings.Join(hashes, "\n") != want {
				t.Fatalf("seed %d: commits of %s but not %s:\n%s\n%v; git says\n%s", seed, a, b, strings.Join(hashes, "\n"), err, want)
			}
		}
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	s := newStream()
	a := s.commit("main", "", "a", "same/x", "1", "mode", "1", "gone", "1", "dir/x", "1", "file", "1")
	s.commit("promoter/x", a, "b", "100755 mode", "1", "new", "1", "dir/x", "2")
	text := strings.Replace(s.String(), "M 100644 inline new", "D gone\nD file\nM 160000 "+strings.Repeat("1", 40)+" sub\nM 100644 inline file/now/a/dir\ndata 1\n1\nM 100644 inline new", 1)
	s.Builder.Reset()
	s.WriteString(text)
	r := open(t, "file://"+remoteRepo(t, s))
	h := heads(t, r, "")
	changes, err := r.Changes(h["main"], h["promoter/x"])
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range changes {
		got = append(got, fmt.Sprintf("%s %q %q", c.Path, c.Before, c.After))
	}
	want := []string{`dir/x "1" "2"`, `file "1" ""`, `file/now/a/dir "" "1"`, `gone "1" ""`, `mode "1" ""`, `mode "" "1"`, `new "" "1"`, `sub "" ""`}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("changes:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestOldBranchDoesNotBringItsHistory fetches a branch that left main long
// ago, into a mirror that has main already.
func TestOldBranchDoesNotBringItsHistory(t *testing.T) {
	t.Parallel()
	dir := remoteRepo(t, long(300, 200))
	ours := git(t, dir, "rev-parse", "promoter/one")
	git(t, dir, "update-ref", "-d", "refs/heads/promoter/one")
	url := serve(t, dir, func(http.ResponseWriter, *http.Request) bool { return false })
	r := open(t, url, func(o *Options) { o.Depth = 5 })
	heads(t, r, "main")
	git(t, dir, "update-ref", "refs/heads/promoter/one", ours)
	h := heads(t, r, "main", "promoter/")
	if n := countCommits(t, r); n > 12 {
		t.Errorf("%d commits are here", n)
	}
	if _, err := object.GetCommit(r.store, plumbingHash(h["promoter/one"])); err != nil {
		t.Error(err)
	}
}
