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
	p, _ := fromPath(file)
	return p
}

func fromPath(file string) (Placement, strength) {
	var (
		got    Placement
		env    evidence
		holder kind // what the directory just passed holds
	)
	rest, base := path.Dir(file), path.Base(file)
	for rest != "" && rest != "." {
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		shared := sharedNames[strings.ToLower(strings.TrimLeft(name, "_"))]
		switch {
		case shared:
		case holder == holdsTenants:
			got.Tenant = name
		case holder == holdsClusters:
			got.Cluster = name
			env.add(whole, environmentOf(name, spelled))
		case holder == holdsEnvironments:
			if isNumbered(name) {
				got.Cluster = name
			}
			env.add(spelled, spelledEnvironment(name))
		case holder == holdsOverlays:
			// An overlay is named for whatever its author split by: an
			// environment, a cluster, a feature. Unknown words stay as
			// written, as under environments/.
			if isNumbered(name) {
				got.Cluster = name
			}
			env.add(spelled, spelledEnvironment(name))
		default:
			level, word := classify(name)
			env.add(level, word)
			if level != none && isNumbered(name) {
				got.Cluster = name
			}
		}
		holder = kind(0)
		if !shared {
			holder = holders[strings.ToLower(name)]
		}
	}
	level, word := classifyFile(base)
	env.add(level, word)
	got.Environment = env.environment()
	if env.clash {
		env.level = none
	}
	return got, env.level
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
		if w := environmentOf(name, part); w != "" {
			return w
		}
	}
	return name
}

// environmentOf is the environment named by name, where the evidence is at
// most the given strength.
func environmentOf(name string, most strength) string {
	level, word := classify(name)
	if level > most {
		return ""
	}
	return word
}

// classify reads one name, without knowing what it is a name of.
func classify(name string) (strength, string) {
	if w := Canonical(name); w != "" {
		return whole, w
	}
	if !strings.ContainsAny(name, "-_.0123456789") {
		return none, ""
	}
	var env evidence
	parts := split(name)
	for i := 0; i < len(parts); i++ {
		// "pre-prod" and "non-prod" are one word written as two.
		if i+1 < len(parts) {
			if w := Canonical(parts[i] + "-" + parts[i+1]); w != "" && followsName(parts[i+2:]) {
				env.add(part, w)
				i++
				continue
			}
		}
		w := Canonical(strings.TrimRight(parts[i], "0123456789"))
		if w != "" && followsName(parts[i+1:]) {
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
	for _, ext := range []string{".gotmpl", ".tmpl", ".tpl", ".yaml", ".yml", ".json"} {
		stem = strings.TrimSuffix(stem, ext)
	}
	if stem == base {
		return none, ""
	}
	if w := Canonical(stem); w != "" {
		return whole, w
	}
	for _, sep := range []string{"-", "_", "."} {
		if head, tail, ok := strings.Cut(stem, sep); ok && fileWords[strings.ToLower(head)] {
			if w := Canonical(tail); w != "" {
				return whole, w
			}
		}
		if i := strings.LastIndex(stem, sep); i > 0 && fileWords[strings.ToLower(stem[i+1:])] {
			if w := Canonical(stem[:i]); w != "" {
				return whole, w
			}
		}
	}
	return classify(stem)
}

// followsName reports whether the parts after an environment's word leave it
// the name's subject: "prod-eu-west-1" is production, "dev-portal" is a portal.
func followsName(parts []string) bool {
	for _, p := range parts {
		if !placeWords[p] && !strings.ContainsAny(p, "0123456789") && Canonical(p) == "" {
			return false
		}
	}
	return true
}

// isNumbered reports whether a name holds an environment's word and then a
// part with a number or a region: one of several clusters of an environment.
func isNumbered(name string) bool {
	parts := split(name)
	seen := false
	for _, p := range parts {
		if seen && (regionWords[p] || strings.ContainsAny(p, "0123456789")) {
			return true
		}
		seen = seen || Canonical(p) != ""
	}
	return false
}

func split(name string) []string {
	return strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '-' || r == '_' || r == '.' })
}
