package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"time"

	"promoter/gitops"
)

const (
	trunk = "main"
	kept  = 45 * day // how long commits are kept: nobody asks for older ones
	chunk = 16
)

// files are a commit's, by their numbers. Commits share what they have alike.
type files struct{ chunks []*[chunk]string }

func (f files) at(i int) string { return f.chunks[i/chunk][i%chunk] }

// with is the same with some files replaced.
func (f files) with(texts map[int]string) files {
	out := files{slices.Clone(f.chunks)}
	fresh := map[int]bool{}
	for i, text := range texts {
		if !fresh[i/chunk] {
			c := *out.chunks[i/chunk]
			out.chunks[i/chunk], fresh[i/chunk] = &c, true
		}
		out.chunks[i/chunk][i%chunk] = text
	}
	return out
}

// differ lists the files that are not the same in two commits.
func (f files) differ(g files) []int {
	var out []int
	for c := range f.chunks {
		if f.chunks[c] == g.chunks[c] {
			continue
		}
		for i := range chunk {
			if f.chunks[c][i] != g.chunks[c][i] {
				out = append(out, c*chunk+i)
			}
		}
	}
	return out
}

// commit has one parent at most: pulls are squashed.
type commit struct {
	hash, parent string
	files        files
	message      string
	at           time.Time
	turn         int  // on the deployed branch, or that of its parent there
	trunk        bool // it is on the deployed branch
}

// repo is a Git repository on a server.
type repo struct {
	paths   []string
	index   map[string]int
	objects map[string]*commit
	order   []*commit // the oldest first
	refs    map[string]string
}

func newRepo(paths, texts []string, at time.Time) *repo {
	r := &repo{paths: paths, index: map[string]int{}, objects: map[string]*commit{}, refs: map[string]string{}}
	all := map[int]string{}
	var f files
	for i, p := range paths {
		if i%chunk == 0 {
			f.chunks = append(f.chunks, new([chunk]string))
		}
		r.index[p], all[i] = i, texts[i]
	}
	c := r.add(nil, f.with(all), "begin", at)
	c.trunk, r.refs[trunk] = true, c.hash
	return r
}

// add writes a commit. Equal commits are one.
func (r *repo) add(parent *commit, f files, message string, at time.Time) *commit {
	c := &commit{files: f, message: message, at: at}
	h := fnv.New128a()
	if parent != nil {
		c.parent, c.turn = parent.hash, parent.turn
		for _, i := range parent.files.differ(f) {
			fmt.Fprintf(h, "%d\x00%s\x00", i, f.at(i))
		}
	}
	fmt.Fprintf(h, "%s\x00%s\x00%d", c.parent, message, at.Unix())
	c.hash = fmt.Sprintf("%x", h.Sum(nil))
	if old := r.objects[c.hash]; old != nil {
		return old
	}
	r.objects[c.hash] = c
	r.order = append(r.order, c)
	return c
}

func (r *repo) head() *commit { return r.objects[r.refs[trunk]] }

// advance puts a commit on the deployed branch.
func (r *repo) advance(f files, message string, at time.Time) *commit {
	head := r.head()
	c := r.add(head, f, message, at)
	c.trunk, c.turn, r.refs[trunk] = true, head.turn+1, c.hash
	return c
}

// holds reports whether a is b or an ancestor of b.
func (r *repo) holds(a, b string) bool {
	x, y := r.objects[a], r.objects[b]
	return a == b || x != nil && y != nil && x.trunk && x.turn <= y.turn
}

// forget drops commits that nobody asks for any more.
func (r *repo) forget(now time.Time) {
	used := map[string]bool{}
	for _, h := range r.refs {
		used[h], used[r.objects[h].parent] = true, true
	}
	n := 0
	for ; n < len(r.order)-200 && now.Sub(r.order[n].at) > kept; n++ {
		if used[r.order[n].hash] {
			break
		}
		delete(r.objects, r.order[n].hash)
	}
	r.order = slices.Clone(r.order[n:])
}

// clone is the repository as Promoter has it.
type clone struct{ *tenant }

func (c clone) object(hash string) (*commit, error) {
	if o := c.repo.objects[hash]; o != nil {
		return o, nil
	}
	return nil, fmt.Errorf("commit %q: %w", hash, gitops.ErrNotFound)
}

func (c clone) Heads(_ context.Context, prefixes ...string) (map[string]string, error) {
	c.count("git fetch")
	out := map[string]string{}
	for name, hash := range c.repo.refs {
		if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			out[name] = hash
		}
	}
	return out, nil
}

func (c clone) Read(hash, path string) ([]byte, error) {
	o, err := c.object(hash)
	if err != nil {
		return nil, err
	}
	i, ok := c.repo.index[path]
	if !ok {
		return nil, fmt.Errorf("%s in %s: %w", path, hash, gitops.ErrNotFound)
	}
	return []byte(o.files.at(i)), nil
}

func told(o *commit) gitops.Commit {
	out := gitops.Commit{Hash: o.hash, Message: o.message, At: o.at}
	if o.parent != "" {
		out.Parents = []string{o.parent}
	}
	return out
}

func (c clone) Commits(head, base string, limit int) ([]gitops.Commit, error) {
	var out []gitops.Commit
	for h := head; len(out) < limit && !c.repo.holds(h, base); {
		o, err := c.object(h)
		if err != nil {
			return nil, err
		}
		out, h = append(out, told(o)), o.parent
	}
	return out, nil
}

func (c clone) FirstParents(_ context.Context, head string, limit int) ([]gitops.Commit, error) {
	var out []gitops.Commit
	for h := head; len(out) < limit && h != ""; {
		o, err := c.object(h)
		if err != nil {
			return nil, err
		}
		out, h = append(out, told(o)), o.parent
	}
	return out, nil
}

func (c clone) Reach(_ context.Context, hash string) error {
	_, err := c.object(hash)
	return err
}

func (c clone) Executable(string, string) (bool, error) { return false, nil }

func (c clone) Base(_ context.Context, a, b string) (string, error) {
	x, err := c.object(a)
	if err != nil {
		return "", err
	}
	y, err := c.object(b)
	if err != nil {
		return "", err
	}
	for !x.trunk || !y.trunk || x.turn != y.turn {
		deeper := &x
		if x.trunk && (!y.trunk || y.turn > x.turn) {
			deeper = &y
		}
		if *deeper, err = c.object((*deeper).parent); err != nil {
			return "", err
		}
	}
	return x.hash, nil
}

func (c clone) Changes(from, to string) ([]gitops.Change, error) {
	a, err := c.object(from)
	if err != nil {
		return nil, err
	}
	b, err := c.object(to)
	if err != nil {
		return nil, err
	}
	var out []gitops.Change
	for _, i := range a.files.differ(b.files) {
		out = append(out, gitops.Change{Path: c.repo.paths[i], Before: []byte(a.files.at(i)), After: []byte(b.files.at(i))})
	}
	slices.SortFunc(out, func(a, b gitops.Change) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

func (c clone) Commit(base string, texts map[string][]byte, message string, at time.Time) (string, error) {
	o, err := c.object(base)
	if err != nil {
		return "", err
	}
	byIndex := map[int]string{}
	for _, path := range slices.Sorted(maps.Keys(texts)) {
		i, ok := c.repo.index[path]
		if !ok {
			return "", fmt.Errorf("write %s: this world has no new files", path)
		}
		byIndex[i] = string(texts[path])
	}
	return c.repo.add(o, o.files.with(byIndex), message, at).hash, nil
}

func (c clone) Push(_ context.Context, branch, hash, expect string) error {
	c.count("git push")
	if c.repo.refs[branch] != expect {
		return gitops.ErrStale
	}
	c.repo.refs[branch] = hash
	if p := c.forge.open[branch]; p != nil {
		p.Head = hash
	}
	return nil
}

func (c clone) Delete(_ context.Context, branch, expect string) error {
	c.count("git push")
	if c.repo.refs[branch] != expect {
		return gitops.ErrStale
	}
	delete(c.repo.refs, branch)
	return nil
}

// IsAncestor and Hashes are what an engine asks of the history.
func (c clone) IsAncestor(_ context.Context, a, b string) (bool, error) {
	return c.repo.holds(a, b), nil
}

// Hashes are those of paths in a commit: here, what they read.
func (c clone) Hashes(hash string, paths ...string) ([]string, error) {
	o, err := c.object(hash)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, p := range paths {
		out = append(out, o.files.at(c.repo.index[p]))
	}
	return out, nil
}
