package scan

import (
	"bufio"
	"bytes"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"
)

// ignored are the .gitignore patterns in force in a directory: its own, and
// through up those of the directories above. The last pattern that matches
// decides, and deeper files go first.
type ignored struct {
	up    *ignored
	depth int // segments between the root and the directory the file stands in
	rules []rule
}

// rule is one pattern. Most are a plain name or a name with a wildcard, which
// need the last segment alone: the walk has asked about every segment above.
type rule struct {
	gitignore.Pattern
	name    string // a name without wildcards, compared as it is
	suffix  string // what follows the one star of "*.log"
	negated bool
	dirOnly bool
	deep    bool // has a slash: matched against the whole path
}

// parseIgnore reads a .gitignore file that stands depth segments below the
// root.
func parseIgnore(up *ignored, depth int, data []byte) *ignored {
	in := &ignored{up: up, depth: depth}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		in.add(lines.Text())
	}
	if len(in.rules) == 0 {
		return up
	}
	return in
}

func (in *ignored) add(line string) {
	line = strings.TrimSuffix(line, "\r")
	if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
		return
	}
	r := rule{Pattern: gitignore.ParsePattern(line, nil)}
	name := strings.TrimRight(line, " ")
	name, r.negated = strings.CutPrefix(name, "!")
	name, r.dirOnly = strings.CutSuffix(name, "/")
	r.deep = strings.Contains(name, "/")
	const wild = `*?[\`
	if tail, starred := strings.CutPrefix(name, "*"); r.deep {
		// It needs the whole path.
	} else if !strings.ContainsAny(name, wild) {
		r.name = name
	} else if starred && tail != "" && !strings.ContainsAny(tail, wild) {
		r.suffix = tail
	}
	in.rules = append(in.rules, r)
}

// match reports whether the path, given by its segments from the root, is
// ignored.
func (in *ignored) match(path []string, isDir bool) bool {
	name := path[len(path)-1:]
	for ; in != nil; in = in.up {
		for i := len(in.rules) - 1; i >= 0; i-- {
			switch r := &in.rules[i]; {
			case r.name != "":
				if r.name == name[0] && (isDir || !r.dirOnly) {
					return !r.negated
				}
			case r.suffix != "":
				if strings.HasSuffix(name[0], r.suffix) && (isDir || !r.dirOnly) {
					return !r.negated
				}
			case r.deep:
				if m := r.Match(path[in.depth:], isDir); m != gitignore.NoMatch {
					return m == gitignore.Exclude
				}
			default:
				if m := r.Match(name, isDir); m != gitignore.NoMatch {
					return m == gitignore.Exclude
				}
			}
		}
	}
	return false
}
