package delivery

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// maxFile bounds a file that can matter: manifests are small.
const maxFile = 1 << 20

// origin is the repository that is followed: a directory, or a URL that is
// fetched into memory.
type origin struct {
	at     string
	branch string
	remote *git.Repository // of a URL
	local  *git.Repository // of a directory, for its references: those are always read anew
	trees  map[string]*tree
}

// tree is everything in one commit.
type tree struct {
	commit string
	title  string // first line of its message
	files  map[string][]byte
	disk   filesys.FileSystem // the same for kustomize, once it is asked for
}

func newOrigin(at, branch string) (*origin, error) {
	o := &origin{at: at, branch: branch, trees: map[string]*tree{}}
	if !strings.Contains(at, "://") {
		r, err := git.PlainOpen(at)
		o.local = r
		return o, err
	}
	r, err := git.Init(memory.NewStorage(), nil)
	if err == nil {
		_, err = r.CreateRemote(&config.RemoteConfig{Name: "origin", URLs: []string{at}, Fetch: []config.RefSpec{"+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"}})
	}
	o.remote = r
	return o, err
}

// open opens a directory anew each time: what others pack meanwhile is not seen
// by a repository that is open.
func (o *origin) open() (*git.Repository, error) {
	if o.remote == nil {
		return git.PlainOpen(o.at)
	}
	if err := o.remote.Fetch(&git.FetchOptions{Force: true, Tags: git.NoTags}); err != nil && !errors.Is(err, git.NoErrAlreadyUpToDate) {
		return nil, fmt.Errorf("fetch %s: %w", o.at, err)
	}
	return o.remote, nil
}

// head returns the branch's commit.
func (o *origin) head() (string, error) {
	r := o.local
	if r == nil {
		var err error
		if r, err = o.open(); err != nil {
			return "", fmt.Errorf("open repository: %w", err)
		}
	}
	ref, err := r.Reference(plumbing.NewBranchReferenceName(o.branch), true)
	if err != nil {
		return "", fmt.Errorf("read branch %q: %w", o.branch, err)
	}
	return ref.Hash().String(), nil
}

// resolve returns the commit that a target revision names now. head is the
// branch's.
func (o *origin) resolve(revision, head string) (string, error) {
	switch revision {
	case "", "HEAD", o.branch, "refs/heads/" + o.branch:
		return head, nil
	}
	r, err := o.open()
	if err != nil {
		return "", fmt.Errorf("open repository: %w", err)
	}
	hash, err := r.ResolveRevision(plumbing.Revision(revision))
	if err != nil {
		return "", fmt.Errorf("unable to resolve %q to a commit SHA", revision)
	}
	return hash.String(), nil
}

// tree reads a commit whole, and keeps the last few.
func (o *origin) tree(commit string) (*tree, error) {
	if t := o.trees[commit]; t != nil {
		return t, nil
	}
	r, err := o.open()
	if err != nil {
		return nil, fmt.Errorf("open repository: %w", err)
	}
	c, err := r.CommitObject(plumbing.NewHash(commit))
	if err != nil {
		return nil, fmt.Errorf("read commit %s: %w", commit, err)
	}
	title, _, _ := strings.Cut(c.Message, "\n")
	t := &tree{commit: commit, title: title, files: map[string][]byte{}}
	files, err := c.Files()
	if err != nil {
		return nil, fmt.Errorf("read commit %s: %w", commit, err)
	}
	err = files.ForEach(func(f *object.File) error {
		if f.Mode == filemode.Symlink || f.Size > maxFile {
			return nil
		}
		in, err := f.Reader()
		if err != nil {
			return err
		}
		t.files[f.Name], err = io.ReadAll(in)
		return errors.Join(err, in.Close())
	})
	if err != nil {
		return nil, fmt.Errorf("read commit %s: %w", commit, err)
	}
	if len(o.trees) > 16 {
		clear(o.trees)
	}
	o.trees[commit] = t
	return t, nil
}

// under lists the files of a directory, with all below it or without.
func (t *tree) under(dir string, deep bool) []string {
	dir = strings.Trim(strings.TrimPrefix(dir, "./"), "/")
	if dir == "." {
		dir = ""
	}
	var out []string
	for name := range t.files {
		rest := name
		if dir != "" {
			below, ok := strings.CutPrefix(name, dir+"/")
			if !ok {
				continue
			}
			rest = below
		}
		if deep || !strings.Contains(rest, "/") {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// fs is the tree as a file system, rooted at "/".
func (t *tree) fs() (filesys.FileSystem, error) {
	if t.disk != nil {
		return t.disk, nil
	}
	disk := filesys.MakeFsInMemory()
	for name, data := range t.files {
		if err := disk.WriteFile("/"+name, data); err != nil {
			return nil, fmt.Errorf("lay out %s: %w", name, err)
		}
	}
	t.disk = disk
	return disk, nil
}
