package sim

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

// tree is the files of a commit. It is never changed: a commit with other files
// has a tree of its own.
type tree map[string]string

// commit is one commit, with who wrote it, which no reader is told.
type commit struct {
	hash    string
	parents []string
	files   tree
	message string
	at      time.Time
	turn    int // later than its parents'
	ours    bool
}

// repo is a Git repository on a server: objects, and what the branches are at.
type repo struct {
	objects map[string]*commit
	refs    map[string]string
}

const trunk = "main"

func newRepo() *repo { return &repo{objects: map[string]*commit{}, refs: map[string]string{}} }

// add writes a commit. Equal commits are one.
func (r *repo) add(parents []string, files tree, message string, at time.Time, ours bool) string {
	h := fnv.New128a()
	turn := 0
	for _, p := range parents {
		h.Write([]byte(p))
		turn = max(turn, r.objects[p].turn+1)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "\x00%s\x00%s", name, files[name])
	}
	fmt.Fprintf(h, "\x00%s\x00%d\x00%v", message, at.Unix(), ours)
	hash := fmt.Sprintf("%x", h.Sum(nil))
	if r.objects[hash] == nil {
		r.objects[hash] = &commit{hash: hash, parents: parents, files: files, message: message, at: at, turn: turn, ours: ours}
	}
	return hash
}

func (r *repo) head() *commit { return r.objects[r.refs[trunk]] }

// holds reports whether a is b or an ancestor of b.
func (r *repo) holds(a, b string) bool {
	if a == b {
		return true
	}
	x, y := r.objects[a], r.objects[b]
	if x == nil || y == nil || x.turn >= y.turn {
		return false
	}
	return slices.ContainsFunc(y.parents, func(p string) bool { return r.holds(a, p) })
}

// base is the best common ancestor; "" for none.
func (r *repo) base(a, b string) string {
	best := ""
	var visit func(h string)
	visit = func(h string) {
		c := r.objects[h]
		if best != "" && c.turn <= r.objects[best].turn {
			return
		}
		if r.holds(h, b) {
			best = h
			return
		}
		for _, p := range c.parents {
			visit(p)
		}
	}
	visit(a)
	return best
}

// with is a tree with some files replaced.
func (t tree) with(files map[string][]byte) tree {
	out := maps.Clone(t)
	for name, data := range files {
		out[name] = string(data)
	}
	return out
}

// join merges what theirs changed since base into ours, line by line; false
// where both changed one line.
func join(base, ours, theirs tree) (tree, bool) {
	out := maps.Clone(ours)
	for name, text := range theirs {
		was, now := base[name], ours[name]
		switch {
		case text == was || text == now:
		case now == was:
			out[name] = text
		default:
			a, b, c := strings.Split(was, "\n"), strings.Split(now, "\n"), strings.Split(text, "\n")
			if len(a) != len(b) || len(a) != len(c) {
				return nil, false
			}
			for i := range a {
				switch {
				case c[i] == a[i] || c[i] == b[i]:
				case b[i] == a[i]:
					b[i] = c[i]
				default:
					return nil, false
				}
			}
			out[name] = strings.Join(b, "\n")
		}
	}
	return out, true
}

// clone is a clone of the repository as one process has it: what the branches
// are at when it looks may be old.
type clone struct {
	line *line
	repo *repo
	refs map[string]string
}

var _ gitops.Repository = (*clone)(nil)

func (c *clone) Heads(_ context.Context, prefixes ...string) (map[string]string, error) {
	if err := c.line.read("branches"); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for name, hash := range c.refs {
		if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			out[name] = hash
		}
	}
	return out, nil
}

func (c *clone) object(hash string) (*commit, error) {
	if o := c.repo.objects[hash]; o != nil {
		return o, nil
	}
	return nil, fmt.Errorf("commit %q: %w", hash, gitops.ErrNotFound)
}

func (c *clone) Read(hash, path string) ([]byte, error) {
	o, err := c.object(hash)
	if err != nil {
		return nil, err
	}
	text, ok := o.files[path]
	if !ok {
		return nil, fmt.Errorf("%s in %s: %w", path, hash, gitops.ErrNotFound)
	}
	return []byte(text), nil
}

func (c *clone) told(o *commit) gitops.Commit {
	return gitops.Commit{Hash: o.hash, Parents: o.parents, Message: o.message, At: o.at}
}

func (c *clone) Commits(head, base string, limit int) ([]gitops.Commit, error) {
	var out []gitops.Commit
	seen := map[string]bool{}
	var visit func(h string)
	visit = func(h string) {
		o := c.repo.objects[h]
		if o == nil || seen[h] || len(out) >= limit || c.repo.holds(h, base) {
			return
		}
		seen[h] = true
		out = append(out, c.told(o))
		for _, p := range o.parents {
			visit(p)
		}
	}
	visit(head)
	return out, nil
}

func (c *clone) FirstParents(_ context.Context, head string, limit int) ([]gitops.Commit, error) {
	var out []gitops.Commit
	for h := head; len(out) < limit; {
		o, err := c.object(h)
		if err != nil {
			return nil, err
		}
		out = append(out, c.told(o))
		if len(o.parents) == 0 {
			break
		}
		h = o.parents[0]
	}
	return out, nil
}

func (c *clone) Reach(_ context.Context, hash string) error {
	for _, at := range c.refs {
		if c.repo.holds(hash, at) {
			return nil
		}
	}
	return fmt.Errorf("commit %q: %w", hash, gitops.ErrNotFound)
}

func (c *clone) Executable(string, string) (bool, error) { return false, nil }

func (c *clone) Base(_ context.Context, a, b string) (string, error) {
	for _, h := range []string{a, b} {
		if _, err := c.object(h); err != nil {
			return "", err
		}
	}
	if base := c.repo.base(a, b); base != "" {
		return base, nil
	}
	return "", gitops.ErrNotFound
}

func (c *clone) Changes(from, to string) ([]gitops.Change, error) {
	a, err := c.object(from)
	if err != nil {
		return nil, err
	}
	b, err := c.object(to)
	if err != nil {
		return nil, err
	}
	var out []gitops.Change
	for name, text := range b.files {
		was, ok := a.files[name]
		if ok && was == text {
			continue
		}
		change := gitops.Change{Path: name, After: []byte(text)}
		if ok {
			change.Before = []byte(was)
		}
		out = append(out, change)
	}
	for name, text := range a.files {
		if _, ok := b.files[name]; !ok {
			out = append(out, gitops.Change{Path: name, Before: []byte(text)})
		}
	}
	slices.SortFunc(out, func(a, b gitops.Change) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

func (c *clone) Commit(base string, files map[string][]byte, message string, at time.Time) (string, error) {
	o, err := c.object(base)
	if err != nil {
		return "", err
	}
	return c.repo.add([]string{base}, o.files.with(files), message, at, true), nil
}

func (c *clone) Push(_ context.Context, branch, hash, expect string) error {
	return c.line.write("push", func() error {
		if c.repo.refs[branch] != expect {
			return gitops.ErrStale
		}
		if c.line.world.forge.open(branch) != nil {
			c.line.world.occurs("rewriting", branch)
		}
		c.line.world.pushed(branch, expect, hash)
		c.repo.refs[branch] = hash
		if p := c.line.world.forge.open(branch); p != nil {
			p.Head, p.queued = hash, false
		} else {
			c.line.world.occurs("pushed", branch)
		}
		return nil
	})
}

func (c *clone) Delete(_ context.Context, branch, expect string) error {
	return c.line.write("delete", func() error {
		if c.repo.refs[branch] != expect {
			return gitops.ErrStale
		}
		c.line.world.pushed(branch, expect, "")
		delete(c.repo.refs, branch)
		if p := c.line.world.forge.open(branch); p != nil {
			p.State, p.ClosedBy = "closed", bot
		}
		return nil
	})
}

// IsAncestor and Hashes are what an engine asks of the history.
func (c *clone) IsAncestor(_ context.Context, a, b string) (bool, error) {
	return c.repo.holds(a, b), nil
}

// Hashes are those of paths in a commit: here, what they read.
func (c *clone) Hashes(hash string, paths ...string) ([]string, error) {
	o, err := c.object(hash)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, p := range paths {
		out = append(out, o.files[p])
	}
	return out, nil
}
