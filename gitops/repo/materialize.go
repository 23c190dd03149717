package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"promoter/gitops"
)

// atFile names, beside a materialized tree, the commit that it holds.
const atFile = ".at"

// Materialize makes a directory hold the files of a commit, and nothing else:
// what differs from the commit that it held is written, so that a reader who
// remembers files by their stamps has little to read again. A directory that
// was left half-written is written anew. Symbolic links and submodules are left
// out; nothing is written outside the directory, whatever a tree says.
func (r *Repo) Materialize(ctx context.Context, commit, dir string) error {
	stamp := dir + atFile
	held, err := os.ReadFile(stamp)
	if err == nil && string(held) == commit {
		return nil
	}
	// Until it is whole again, it holds nothing that anybody may count on.
	if err := os.Remove(stamp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write tree of %s: %w", commit, err)
	}
	if len(held) == 0 || r.change(ctx, string(held), commit, dir) != nil {
		if err := r.writeAll(ctx, commit, dir); err != nil {
			return fmt.Errorf("write tree of %s: %w", commit, err)
		}
	}
	return os.WriteFile(stamp, []byte(commit), 0o600)
}

// writeAll writes every file of a commit into an empty directory.
func (r *Repo) writeAll(ctx context.Context, commit, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for f, err := range r.Files(commit, "") {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.writeFile(root, f); err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
	}
	return nil
}

func (r *Repo) writeFile(root *os.Root, f File) error {
	if f.Mode != Regular && f.Mode != Executable {
		return nil
	}
	data, err := r.Blob(f.Blob)
	if err != nil {
		return err
	}
	return put(root, f.Path, data)
}

func put(root *os.Root, path string, data []byte) error {
	if !filepath.IsLocal(filepath.FromSlash(path)) || strings.HasPrefix(path, ".git/") {
		return errors.New("a path that leads out of the repository")
	}
	if at := strings.LastIndexByte(path, '/'); at > 0 {
		if err := root.MkdirAll(path[:at], 0o700); err != nil {
			return err
		}
	}
	// A file is replaced, not changed: its stamp is another one then.
	if err := root.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return root.WriteFile(path, data, 0o600)
}

// change turns the tree of one commit into that of another.
func (r *Repo) change(ctx context.Context, from, to, dir string) error {
	changes, err := r.Changes(from, to)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, c := range changes {
		if err := ctx.Err(); err != nil {
			return err
		}
		if c.After == nil {
			if err := drop(root, c.Path); err != nil {
				return err
			}
		}
	}
	for _, c := range changes {
		if c.After == nil {
			continue
		}
		if err := r.again(root, to, c); err != nil {
			return err
		}
	}
	return nil
}

// again writes one changed file, if it is a file and no link.
func (r *Repo) again(root *os.Root, commit string, c gitops.Change) error {
	r.mu.Lock()
	e, err := r.at(commit, c.Path)
	r.mu.Unlock()
	if err != nil {
		return err
	}
	if mode := modeOf(e.Mode); mode != Regular && mode != Executable {
		return nil
	}
	return put(root, c.Path, c.After)
}

// drop removes a file, and the directories that are empty without it.
func drop(root *os.Root, path string) error {
	if err := root.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for {
		at := strings.LastIndexByte(path, '/')
		if at < 0 {
			return nil
		}
		path = path[:at]
		if root.Remove(path) != nil { // not empty
			return nil
		}
	}
}
