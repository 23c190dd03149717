package repo

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"promoter/gitops"
)

// maxBlob bounds a file that is read.
const maxBlob = 128 << 20

// File is a file of a tree.
type File struct {
	Path string // slash-separated
	Blob string // its content's hash: equal content has the equal hash
	Mode FileMode
}

// FileMode says what a file is.
type FileMode string

// The modes.
const (
	Regular    FileMode = "file"
	Executable FileMode = "executable"
	Symlink    FileMode = "symlink"
	Submodule  FileMode = "submodule"
)

func modeOf(m filemode.FileMode) FileMode {
	switch m {
	case filemode.Executable:
		return Executable
	case filemode.Symlink:
		return Symlink
	case filemode.Submodule:
		return Submodule
	}
	return Regular
}

// Read returns a file's bytes at a commit; gitops.ErrNotFound where there is
// none.
func (r *Repo) Read(commit, path string) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, err := r.at(commit, path)
	if err != nil {
		return nil, err
	}
	if e.Hash.IsZero() || e.Mode == filemode.Dir || e.Mode == filemode.Submodule {
		return nil, fmt.Errorf("read %q at %s: %w", path, commit, gitops.ErrNotFound)
	}
	return r.blob(e.Hash)
}

// Executable reports whether a file has the executable bit at a commit.
func (r *Repo) Executable(commit, path string) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, err := r.at(commit, path)
	return modeOf(e.Mode) == Executable, err
}

// Blob returns a content by its hash, as Files gives it.
func (r *Repo) Blob(hash string) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.blob(plumbing.NewHash(hash))
}

func (r *Repo) blob(hash plumbing.Hash) ([]byte, error) {
	o, err := r.store.EncodedObject(plumbing.BlobObject, hash)
	if err != nil {
		return nil, fmt.Errorf("read blob %s: %w", hash, err)
	}
	if o.Size() > maxBlob {
		return nil, fmt.Errorf("read blob %s: %d MB is more than the %d MB allowed", hash, o.Size()>>20, maxBlob>>20)
	}
	in, err := o.Reader()
	if err != nil {
		return nil, fmt.Errorf("read blob %s: %w", hash, err)
	}
	defer in.Close()
	data := make([]byte, o.Size())
	if _, err := io.ReadFull(in, data); err != nil {
		return nil, fmt.Errorf("read blob %s: %w", hash, err)
	}
	return data, nil
}

// at returns the tree entry of a path, or a zero one where there is none. The
// empty path is the whole tree.
func (r *Repo) at(commit, path string) (object.TreeEntry, error) {
	c, err := r.commit(commit)
	if err != nil {
		return object.TreeEntry{}, err
	}
	e := object.TreeEntry{Mode: filemode.Dir, Hash: c.TreeHash}
	if path == "" || path == "." {
		return e, nil
	}
	for name := range strings.SplitSeq(path, "/") {
		if e.Mode != filemode.Dir {
			return object.TreeEntry{}, nil
		}
		t, err := object.GetTree(r.store, e.Hash)
		if err != nil {
			return object.TreeEntry{}, fmt.Errorf("read %q at %s: %w", path, commit, err)
		}
		i := slices.IndexFunc(t.Entries, func(x object.TreeEntry) bool { return x.Name == name })
		if i < 0 {
			return object.TreeEntry{}, nil
		}
		e = t.Entries[i]
	}
	return e, nil
}

// Hashes returns the hashes of the contents at each path, a file or a
// directory, and "" where there is nothing: two commits are the same below a
// path when these are equal. The empty path is the whole tree.
func (r *Repo) Hashes(commit string, paths ...string) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]string, len(paths))
	for i, p := range paths {
		e, err := r.at(commit, strings.Trim(p, "/"))
		if err != nil {
			return nil, err
		}
		if !e.Hash.IsZero() {
			out[i] = e.Hash.String()
		}
	}
	return out, nil
}

// Files walks a commit's tree below a directory ("" for all of it), in the
// order that Git keeps, without reading contents. The walk ends with the first
// error. r may be used within the loop.
func (r *Repo) Files(commit, below string) iter.Seq2[File, error] {
	return func(yield func(File, error) bool) {
		r.mu.Lock()
		e, err := r.at(commit, strings.Trim(below, "/"))
		r.mu.Unlock()
		if err != nil {
			yield(File{}, err)
			return
		}
		if e.Mode != filemode.Dir {
			return
		}
		r.walk(strings.Trim(below, "/"), e.Hash, 0, yield)
	}
}

// maxTree bounds the depth of directories.
const maxTree = 256

func (r *Repo) walk(path string, tree plumbing.Hash, depth int, yield func(File, error) bool) bool {
	r.mu.Lock()
	t, err := object.GetTree(r.store, tree)
	r.mu.Unlock()
	if err == nil && depth > maxTree {
		err = errors.New("directories are nested too deeply")
	}
	if err != nil {
		yield(File{}, fmt.Errorf("read tree of %q: %w", path, err))
		return false
	}
	for _, e := range t.Entries {
		name := e.Name
		if path != "" {
			name = path + "/" + e.Name
		}
		if e.Mode == filemode.Dir {
			if !r.walk(name, e.Hash, depth+1, yield) {
				return false
			}
			continue
		}
		if !yield(File{name, e.Hash.String(), modeOf(e.Mode)}, nil) {
			return false
		}
	}
	return true
}

// maxChanges bounds the files that two commits may differ in.
const maxChanges = 10_000

// Changes lists the files that differ between two commits. A file whose mode
// changed is listed twice, as one that goes and one that comes; a submodule
// with neither content.
func (r *Repo) Changes(from, to string) ([]gitops.Change, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a, err := r.commit(from)
	if err != nil {
		return nil, err
	}
	b, err := r.commit(to)
	if err != nil {
		return nil, err
	}
	d := differ{repo: r}
	if err := d.trees("", a.TreeHash, b.TreeHash, 0); err != nil {
		return nil, fmt.Errorf("compare %s with %s: %w", from, to, err)
	}
	return d.changes, nil
}

// differ compares trees, and descends only where hashes differ.
type differ struct {
	repo    *Repo
	changes []gitops.Change
}

func (d *differ) trees(path string, a, b plumbing.Hash, depth int) error {
	if a == b {
		return nil
	}
	if depth > maxTree {
		return errors.New("directories are nested too deeply")
	}
	left, err := d.entries(a)
	if err != nil {
		return err
	}
	right, err := d.entries(b)
	if err != nil {
		return err
	}
	names := make([]string, 0, len(left)+len(right))
	for n := range left {
		names = append(names, n)
	}
	for n := range right {
		if _, both := left[n]; !both {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	for _, n := range names {
		x, y := left[n], right[n]
		if x.Hash == y.Hash && x.Mode == y.Mode {
			continue
		}
		at := n
		if path != "" {
			at = path + "/" + n
		}
		if err := d.entry(at, x, y, depth); err != nil {
			return err
		}
	}
	return nil
}

func (d *differ) entries(tree plumbing.Hash) (map[string]object.TreeEntry, error) {
	m := map[string]object.TreeEntry{}
	if tree.IsZero() {
		return m, nil
	}
	t, err := object.GetTree(d.repo.store, tree)
	if err != nil {
		return nil, err
	}
	for _, e := range t.Entries {
		m[e.Name] = e
	}
	return m, nil
}

// entry compares one name: files, directories, or one in the other's place.
func (d *differ) entry(path string, x, y object.TreeEntry, depth int) error {
	var dirX, dirY plumbing.Hash
	if x.Mode == filemode.Dir {
		dirX, x = x.Hash, object.TreeEntry{}
	}
	if y.Mode == filemode.Dir {
		dirY, y = y.Hash, object.TreeEntry{}
	}
	if !x.Hash.IsZero() || !y.Hash.IsZero() {
		before, err := d.content(x)
		if err != nil {
			return err
		}
		after, err := d.content(y)
		if err != nil {
			return err
		}
		if before != nil && after != nil && x.Mode != y.Mode {
			d.changes = append(d.changes, gitops.Change{Path: path, Before: before}, gitops.Change{Path: path, After: after})
		} else {
			d.changes = append(d.changes, gitops.Change{Path: path, Before: before, After: after})
		}
		if len(d.changes) > maxChanges {
			return fmt.Errorf("they differ in more than %d files", maxChanges)
		}
	}
	return d.trees(path, dirX, dirY, depth+1)
}

func (d *differ) content(e object.TreeEntry) ([]byte, error) {
	if e.Hash.IsZero() || e.Mode == filemode.Submodule {
		return nil, nil
	}
	return d.repo.blob(e.Hash)
}
