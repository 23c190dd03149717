package repo

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"promoter/gitops"
)

// Draft is a commit to be.
type Draft struct {
	// Files are the new contents by path; nil removes a file. Modes stay, and
	// a new file is a regular one.
	Files   map[string][]byte
	Message string
	// Author and Committer default to the mirror's options.
	Author, Committer Person
	At                time.Time // of both; kept to the second, in UTC
	// Signer defaults to the mirror's options.
	Signer Signer
}

// ErrUnchanged says that a commit would change nothing.
var ErrUnchanged = errors.New("nothing changes")

// Commit writes a commit on base with the files replaced, by the author that
// the mirror was opened with. Equal input gives the equal commit, as far as
// the signer signs equal text equally (Ed25519 and RSA do).
func (r *Repo) Commit(base string, files map[string][]byte, message string, at time.Time) (string, error) {
	return r.Write(base, Draft{Files: files, Message: message, At: at})
}

// SignAs sets who commits name from now on.
func (r *Repo) SignAs(author Person) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.opt.Author, r.opt.Committer = author, author
}

// Write writes a commit on base. Nothing but the object store is touched: a
// commit that is not pushed is forgotten with the process.
func (r *Repo) Write(base string, d Draft) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	parent, err := r.commit(base)
	if err != nil {
		return "", err
	}
	edits := make([]edit, 0, len(d.Files))
	for path, data := range d.Files {
		if err := checkPath(path); err != nil {
			return "", err
		}
		edits = append(edits, edit{path, data})
	}
	slices.SortFunc(edits, func(a, b edit) int { return strings.Compare(a.path, b.path) })
	tree, err := r.writeTree(parent.TreeHash, edits)
	if err != nil {
		return "", fmt.Errorf("write tree on %s: %w", base, err)
	}
	if tree.IsZero() {
		if tree, err = r.save(&object.Tree{}); err != nil {
			return "", err
		}
	}
	if tree == parent.TreeHash {
		return "", fmt.Errorf("write commit on %s: %w", base, ErrUnchanged)
	}
	return r.writeCommit(parent.Hash, tree, d)
}

func (r *Repo) writeCommit(parent, tree plumbing.Hash, d Draft) (string, error) {
	if d.Author == (Person{}) {
		d.Author = r.opt.Author
	}
	if d.Committer == (Person{}) {
		d.Committer = r.opt.Committer
	}
	if d.Committer == (Person{}) {
		d.Committer = d.Author
	}
	if d.Signer == nil {
		d.Signer = r.opt.Signer
	}
	at := d.At.UTC().Truncate(time.Second)
	for _, p := range []Person{d.Author, d.Committer} {
		if p.Name == "" || p.Email == "" || strings.ContainsAny(p.Name+p.Email, "<>\n\x00") {
			return "", fmt.Errorf("write commit: %q <%q> is no author: a name and an address without brackets are needed", p.Name, p.Email)
		}
	}
	c := &object.Commit{
		Author:       object.Signature{Name: d.Author.Name, Email: d.Author.Email, When: at},
		Committer:    object.Signature{Name: d.Committer.Name, Email: d.Committer.Email, When: at},
		Message:      strings.TrimRight(d.Message, "\n") + "\n",
		TreeHash:     tree,
		ParentHashes: []plumbing.Hash{parent},
	}
	if d.Signer != nil {
		var text plumbing.MemoryObject
		if err := c.EncodeWithoutSignature(&text); err != nil {
			return "", fmt.Errorf("write commit: %w", err)
		}
		in, err := text.Reader()
		if err != nil {
			return "", fmt.Errorf("write commit: %w", err)
		}
		payload, err := io.ReadAll(in)
		if err != nil {
			return "", fmt.Errorf("write commit: %w", err)
		}
		if c.PGPSignature, err = d.Signer.Sign(payload, at); err != nil {
			return "", fmt.Errorf("sign commit: %w", err)
		}
	}
	hash, err := r.save(c)
	if err != nil {
		return "", err
	}
	return hash.String(), nil
}

// encoder is an object that can write itself.
type encoder interface {
	Encode(plumbing.EncodedObject) error
}

func (r *Repo) save(e encoder) (plumbing.Hash, error) {
	o := r.store.NewEncodedObject()
	if err := e.Encode(o); err != nil {
		return plumbing.ZeroHash, fmt.Errorf("write object: %w", err)
	}
	return r.saveObject(o)
}

// saveObject writes an object that is not there yet.
func (r *Repo) saveObject(o plumbing.EncodedObject) (plumbing.Hash, error) {
	if hash := o.Hash(); r.has(hash) {
		return hash, nil
	}
	hash, err := r.store.SetEncodedObject(o)
	if err != nil {
		return hash, fmt.Errorf("write object: %w", err)
	}
	return hash, nil
}

// edit is one file's new content; nil removes it.
type edit struct {
	path string // relative to the tree it is applied to
	data []byte
}

// checkPath refuses what Git refuses in a tree, and what would be written
// outside of a checkout.
func checkPath(path string) error {
	for name := range strings.SplitSeq(path, "/") {
		switch {
		case name == "", name == ".", name == "..", strings.EqualFold(name, ".git"), strings.ContainsAny(name, "\\\x00"):
			return fmt.Errorf("write %q: not a path within a repository", path)
		}
	}
	return nil
}

// writeTree applies sorted edits to a tree (zero: an empty one) and returns
// the new tree, zero when nothing is left in it.
func (r *Repo) writeTree(base plumbing.Hash, edits []edit) (plumbing.Hash, error) {
	var entries []object.TreeEntry
	if !base.IsZero() {
		t, err := object.GetTree(r.store, base)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		entries = slices.Clone(t.Entries)
	}
	for len(edits) > 0 {
		name, _, below := strings.Cut(edits[0].path, "/")
		n := 1
		if below {
			n = 0
			for n < len(edits) && strings.HasPrefix(edits[n].path, name+"/") {
				n++
			}
		}
		i := slices.IndexFunc(entries, func(e object.TreeEntry) bool { return e.Name == name })
		var err error
		if below {
			group := make([]edit, n)
			for k, e := range edits[:n] {
				group[k] = edit{e.path[len(name)+1:], e.data}
			}
			entries, err = r.putTree(entries, i, name, group)
		} else {
			entries, err = r.putFile(entries, i, name, edits[0].data)
		}
		if err != nil {
			return plumbing.ZeroHash, fmt.Errorf("%s: %w", name, err)
		}
		edits = edits[n:]
	}
	if len(entries) == 0 {
		return plumbing.ZeroHash, nil
	}
	sort.Sort(object.TreeEntrySorter(entries))
	return r.save(&object.Tree{Entries: entries})
}

func (r *Repo) putTree(entries []object.TreeEntry, i int, name string, edits []edit) ([]object.TreeEntry, error) {
	var base plumbing.Hash
	if i >= 0 {
		if entries[i].Mode != filemode.Dir {
			return nil, errors.New("it is a file, not a directory")
		}
		base = entries[i].Hash
	}
	hash, err := r.writeTree(base, edits)
	switch {
	case err != nil:
		return nil, err
	case hash.IsZero() && i >= 0:
		return slices.Delete(entries, i, i+1), nil
	case hash.IsZero():
		return entries, nil
	case i >= 0:
		entries[i].Hash = hash
		return entries, nil
	}
	return append(entries, object.TreeEntry{Name: name, Mode: filemode.Dir, Hash: hash}), nil
}

func (r *Repo) putFile(entries []object.TreeEntry, i int, name string, data []byte) ([]object.TreeEntry, error) {
	mode := filemode.Regular
	if i >= 0 {
		if mode = entries[i].Mode; !mode.IsFile() || mode == filemode.Symlink {
			return nil, errors.New("it is not a regular file")
		}
	}
	if data == nil {
		if i < 0 {
			return nil, fmt.Errorf("it cannot be removed: %w", gitops.ErrNotFound)
		}
		return slices.Delete(entries, i, i+1), nil
	}
	o := r.store.NewEncodedObject()
	o.SetType(plumbing.BlobObject)
	o.SetSize(int64(len(data)))
	w, err := o.Writer()
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	hash, err := r.saveObject(o)
	if err != nil {
		return nil, err
	}
	if i >= 0 {
		entries[i].Hash = hash
		return entries, nil
	}
	return append(entries, object.TreeEntry{Name: name, Mode: mode, Hash: hash}), nil
}
