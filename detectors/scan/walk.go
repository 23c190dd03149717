package scan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"promoter/detectors"
	"promoter/promoter"
)

// skippedDirs hold what others wrote: nothing in them is this repository's to
// change.
var skippedDirs = map[string]bool{".git": true, "node_modules": true, "vendor": true}

// tree is a repository's files, as a walk found them.
type tree struct {
	paths    []string // every file's, slash-separated, relative to the root, sorted
	problems []detectors.Problem
}

type walker struct {
	ctx     context.Context
	root    string
	extra   *ignored // the caller's own patterns; they hide tracked files too
	tracked tracked
	tree    tree
}

// walk lists the regular files below root, an absolute path without symbolic
// links. Links are not followed: what they lead to is read where it stands,
// and where that is outside the root it is not this repository's.
func walk(ctx context.Context, root string, patterns []string, committed bool) (tree, error) {
	w := &walker{ctx: ctx, root: root, tracked: tracked{root: root, all: committed}}
	if len(patterns) > 0 {
		w.extra = parseIgnore(nil, 0, []byte(strings.Join(patterns, "\n")))
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return tree{}, fmt.Errorf("read repository: %w", err)
	}
	if err := w.dir(nil, "", entries, nil); err != nil {
		return tree{}, err
	}
	// A directory's entries are sorted, but "a-b" goes before "a/".
	slices.Sort(w.tree.paths)
	return w.tree, nil
}

// dir lists one directory, whose entries were read. segments are its path's,
// prefix is the same joined and with a slash at its end.
func (w *walker) dir(segments []string, prefix string, entries []os.DirEntry, hidden *ignored) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == ".gitignore" && e.Type().IsRegular() {
			data, err := os.ReadFile(w.abs(prefix + ".gitignore"))
			if err != nil {
				w.problem(prefix+".gitignore", fmt.Sprintf("read file: %v", reason(err)))
				break
			}
			hidden = parseIgnore(hidden, len(segments), data)
			break
		}
	}
	segments = append(segments[:len(segments):len(segments)], "")
	for _, e := range entries {
		name := e.Name()
		segments[len(segments)-1] = name
		path := prefix + name
		switch {
		case e.Type()&fs.ModeSymlink != 0:
			w.link(path)
		case e.IsDir():
			if skippedDirs[name] || w.hides(hidden, segments, path, true) {
				continue
			}
			if err := w.subdir(segments, path, hidden); err != nil {
				return err
			}
		case e.Type().IsRegular():
			// A repository without patterns pays nothing for them.
			if (hidden != nil || w.extra != nil) && w.hides(hidden, segments, path, false) {
				continue
			}
			w.tree.paths = append(w.tree.paths, path)
		}
		// Pipes, sockets and devices hold no text, and to open one may hang.
	}
	return nil
}

func (w *walker) subdir(segments []string, path string, hidden *ignored) error {
	entries, err := os.ReadDir(w.abs(path))
	if err != nil {
		w.problem(path, fmt.Sprintf("read directory: %v", reason(err)))
		return nil
	}
	for _, e := range entries {
		if e.Name() == ".git" {
			return nil // a submodule or a clone: another repository's files
		}
	}
	return w.dir(segments, path+"/", entries, hidden)
}

// hides reports whether a path is left out. Git's own ignore files concern
// only what Git does not track.
func (w *walker) hides(hidden *ignored, segments []string, path string, isDir bool) bool {
	if w.extra.match(segments, isDir) {
		return true
	}
	return hidden.match(segments, isDir) && !w.tracked.holds(path, isDir)
}

// link says what is wrong with a symbolic link, if anything is.
func (w *walker) link(path string) {
	target, err := filepath.EvalSymlinks(w.abs(path))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		w.problem(path, "symbolic link leads nowhere")
		return
	case err != nil:
		w.problem(path, "symbolic link cannot be followed: it may lead to itself")
		return
	}
	rel, err := filepath.Rel(w.root, target)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		w.problem(path, "symbolic link leads out of the repository; what it leads to is not read")
		return
	}
	if rel == "." || strings.HasPrefix(path, filepath.ToSlash(rel)+"/") {
		w.problem(path, "symbolic link leads to a directory that it stands in; it is not followed")
	}
}

func (w *walker) abs(path string) string {
	return w.root + string(filepath.Separator) + filepath.FromSlash(path)
}

func (w *walker) problem(path, message string) {
	w.tree.problems = append(w.tree.problems, problem(path, 0, message))
}

func problem(path string, line int, message string) detectors.Problem {
	return detectors.Problem{Place: promoter.Place{File: path, Line: line}, Message: message}
}

// reason is an operating system's error without the absolute path, which
// differs from machine to machine.
func reason(err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}
