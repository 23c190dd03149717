package scan

import (
	"bufio"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/index"
)

// tracked knows which paths Git tracks: what is committed counts, also where
// a .gitignore file would hide it. The index is read when the first ignored
// path asks.
type tracked struct {
	root  string
	all   bool // everything is tracked
	read  bool
	paths []string // sorted, as Git's index is
}

// holds reports whether Git tracks the path, or something below it when it is
// a directory. Without a readable index nothing is known to be tracked.
func (t *tracked) holds(path string, isDir bool) bool {
	if t.all {
		return true
	}
	if !t.read {
		t.read = true
		t.paths = readIndex(t.root)
	}
	if isDir {
		path += "/"
	}
	i := sort.SearchStrings(t.paths, path)
	if i == len(t.paths) {
		return false
	}
	return t.paths[i] == path || isDir && strings.HasPrefix(t.paths[i], path)
}

// readIndex lists the paths in the Git index of the work tree at root.
func readIndex(root string) []string {
	dir := filepath.Join(root, ".git")
	// In a linked work tree .git is a file that names the directory.
	if text, err := os.ReadFile(dir); err == nil {
		at, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "gitdir: ")
		if !ok {
			return nil
		}
		if !filepath.IsAbs(at) {
			at = filepath.Join(root, at)
		}
		dir = at
	}
	f, err := os.Open(filepath.Join(dir, "index"))
	if err != nil {
		return nil
	}
	defer f.Close()
	var idx index.Index
	if err := index.NewDecoder(bufio.NewReader(f)).Decode(&idx); err != nil {
		return nil
	}
	paths := make([]string, len(idx.Entries))
	for i, e := range idx.Entries {
		paths[i] = e.Name
	}
	sort.Strings(paths)
	return paths
}
