// Package layout reads an environment, a cluster and a tenant off the places
// where a repository writes them: its paths, the destinations of its
// Applications and the names of its units.
//
// It refuses to guess. A word counts only where it stands as a name of its own
// or as a part set off by a separator; two words that disagree count as none;
// whatever is shared (base, common) belongs to no environment. Empty is an
// answer.
package layout

import (
	"path"
	"strings"
)

// Placement says where something is deployed, as far as it is written. Empty
// fields are not known.
type Placement struct {
	Environment string
	Cluster     string
	Tenant      string
}

// strength orders evidence for an environment: stronger evidence is not
// questioned by weaker.
type strength int

const (
	none    strength = iota
	part             // a word inside a longer name: "payments-prod"
	whole            // a name that is the word: "prod/", "values-prod.yaml"
	spelled          // a name under a directory that says what it holds: "environments/prod"
)

// evidence collects environments of one strength; a disagreement empties it.
type evidence struct {
	level strength
	name  string
	clash bool
}

func (e *evidence) add(level strength, name string) {
	switch {
	case name == "" || level < e.level:
	case level > e.level:
		*e = evidence{level: level, name: name}
	case e.name != name:
		e.clash = true
	}
}

func (e *evidence) environment() string {
	if e.clash {
		return ""
	}
	return e.name
}

// FromPath reads a slash-separated path of a file. The file's own name counts
// where it is built around an environment's name ("values-prod.yaml").
func FromPath(file string) Placement {
	p, _ := new(Reader).fromPath(file)
	return p
}

// Reader reads many places and remembers the directories it has met. It is one
// goroutine's; the zero value is ready.
type Reader struct {
	dirs map[string]directory
}

// directory is what the names of a directory and those above it say.
type directory struct {
	Placement
	env evidence
}

func (r *Reader) fromPath(file string) (Placement, strength) {
	dir, base := path.Split(file)
	d, ok := r.dirs[dir]
	if !ok {
		d = readDirectory(dir)
		if r.dirs == nil {
			r.dirs = map[string]directory{}
		}
		r.dirs[dir] = d
	}
	got, env := d.Placement, d.env
	level, word := classifyFile(base)
	env.add(level, word)
	got.Environment = env.environment()
	if env.clash {
		env.level = none
	}
	return got, env.level
}

// readDirectory reads a path that is empty or ends with a slash.
func readDirectory(dir string) directory {
	var (
		got    directory
		holder kind // what the directory just passed holds
	)
	for dir != "" {
		var name string
		name, dir, _ = strings.Cut(dir, "/")
		lower := strings.ToLower(name)
		shared := sharedNames[strings.TrimLeft(lower, "_")]
		switch {
		case shared:
		case holder == holdsTenants:
			got.Tenant = name
		case holder == holdsClusters:
			got.Cluster = name
			_, word := classify(name)
			got.env.add(whole, word)
		case holder == holdsEnvironments, holder == holdsOverlays:
			// An overlay is named for whatever its author split by: an
			// environment, a cluster, a feature. Unknown words stay as
			// written, as under environments/.
			if isNumbered(name) {
				got.Cluster = name
			}
			got.env.add(spelled, spelledEnvironment(name))
		default:
			level, word := classify(name)
			got.env.add(level, word)
			if level != none && isNumbered(name) {
				got.Cluster = name
			}
		}
		holder = 0
		if !shared {
			holder = holders[lower]
		}
	}
	return got
}

// FromName reads the name of a unit, a cluster or a namespace: "guestbook-prod",
// "stone-prod-p01".
func FromName(name string) Placement {
	level, word := classify(name)
	got := Placement{Environment: word}
	if level != none && isNumbered(name) {
		got.Cluster = name
	}
	return got
}

// spelledEnvironment is the environment that a directory under environments/
// names: the canonical word where it is one, the environment of a numbered
// cluster, and else the name as written.
func spelledEnvironment(name string) string {
	if w := Canonical(name); w != "" {
		return w
	}
	if isNumbered(name) {
		if _, w := classify(name); w != "" {
			return w
		}
	}
	return name
}

// classify reads one name, without knowing what it is a name of.
func classify(name string) (strength, string) {
	if w := Canonical(name); w != "" {
		return whole, w
	}
	if nextSeparator(name) == len(name) && !hasDigit(name) {
		return none, ""
	}
	var env evidence
	for rest := strings.ToLower(name); rest != ""; {
		var word string
		word, rest = nextPart(rest)
		// "pre-prod" and "non-prod" are one word written as two.
		if word == "pre" || word == "non" {
			next, behind := nextPart(rest)
			if w := Canonical(word + next); w != "" && followsName(behind) {
				env.add(part, w)
				rest = behind
				continue
			}
		}
		if w := Canonical(withoutNumber(word)); w != "" && followsName(rest) {
			env.add(part, w)
		}
	}
	if env.environment() == "" {
		return none, ""
	}
	return part, env.name
}

// classifyFile reads a file's name: "values-prod.yaml" and "prod.yaml" are as
// good as a directory of that name, "kustomization.yaml" says nothing.
func classifyFile(base string) (strength, string) {
	stem := base
	for {
		ext := path.Ext(stem)
		if !textExtensions[ext] {
			break
		}
		stem = stem[:len(stem)-len(ext)]
	}
	if stem == base {
		return none, ""
	}
	if w := Canonical(stem); w != "" {
		return whole, w
	}
	if i := nextSeparator(stem); i < len(stem) && fileWords[strings.ToLower(stem[:i])] {
		if w := Canonical(stem[i+1:]); w != "" {
			return whole, w
		}
	}
	if i := strings.LastIndexAny(stem, separators); i > 0 && fileWords[strings.ToLower(stem[i+1:])] {
		if w := Canonical(stem[:i]); w != "" {
			return whole, w
		}
	}
	return classify(stem)
}

// followsName reports whether the parts after an environment's word leave it
// the name's subject: "prod-eu-west-1" is production, "dev-portal" is a portal.
func followsName(rest string) bool {
	for rest != "" {
		var word string
		word, rest = nextPart(rest)
		if !placeWords[word] && !hasDigit(word) && Canonical(word) == "" {
			return false
		}
	}
	return true
}

// isNumbered reports whether a name holds an environment's word and then a
// part with a number or a region: one of several clusters of an environment.
func isNumbered(name string) bool {
	seen := false
	for rest := strings.ToLower(name); rest != ""; {
		var word string
		word, rest = nextPart(rest)
		if seen && (regionWords[word] || hasDigit(word)) {
			return true
		}
		seen = seen || Canonical(word) != ""
	}
	return false
}

// nextPart cuts a name at its first separator.
func nextPart(name string) (word, rest string) {
	i := nextSeparator(name)
	return name[:i], name[min(i+1, len(name)):]
}

const separators = "-_."

// nextSeparator is the index of a name's first separator, or its length.
func nextSeparator(name string) int {
	for i := range len(name) {
		if c := name[i]; c == '-' || c == '_' || c == '.' {
			return i
		}
	}
	return len(name)
}

// withoutNumber is a word without the digits at its end.
func withoutNumber(word string) string {
	for n := len(word); n > 0 && '0' <= word[n-1] && word[n-1] <= '9'; n-- {
		word = word[:n-1]
	}
	return word
}

func hasDigit(word string) bool {
	for i := range len(word) {
		if '0' <= word[i] && word[i] <= '9' {
			return true
		}
	}
	return false
}
