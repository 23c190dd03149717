package promoter

import (
	"slices"
	"strings"
)

// goal is where a wave's targets of one artifact go.
type goal struct {
	version string
	digest  string // known content digest of it, or ""
}

func (g goal) String() string {
	if g.digest == "" {
		return g.version
	}
	return g.version + "@" + g.digest
}

// goalSet is where a wave's targets go, by artifact: by a unit's only one, or by
// the few of a group.
type goalSet []struct {
	artifact Artifact
	goal
}

// of is the goal of an artifact; false for none.
func (s goalSet) of(a Artifact) (goal, bool) {
	for i := range s {
		if s[i].artifact == a {
			return s[i].goal, true
		}
	}
	return goal{}, false
}

// at is the same, and no goal for none.
func (s goalSet) at(a Artifact) goal {
	g, _ := s.of(a)
	return g
}

// with is the set with another goal of an artifact; s may share its memory.
func (s goalSet) with(a Artifact, to goal) goalSet {
	for i := range s {
		if s[i].artifact == a {
			s[i].goal = to
			return s
		}
	}
	return append(s, struct {
		artifact Artifact
		goal
	}{a, to})
}

func describe(goals goalSet) string {
	if len(goals) == 1 {
		return goals[0].version
	}
	var parts []string
	for _, g := range goals {
		parts = append(parts, g.version)
	}
	slices.Sort(parts)
	return strings.Join(slices.Compact(parts), ", ")
}

func versions(goals goalSet) map[Artifact]string {
	out := make(map[Artifact]string, len(goals))
	for _, g := range goals {
		if g.version != "" {
			out[g.artifact] = g.String()
		}
	}
	return out
}

// named is a goal of a unit's only artifact, and the change that brings it there.
type named struct {
	to goal
	id string
}

// id names the change that brings a unit to its goals.
func (u *unit) id(to goalSet) string {
	if len(u.artifacts) != 1 || len(to) != 1 {
		return changeID(u.key, u.name, versions(to))
	}
	for _, known := range u.ids {
		if known.to == to[0].goal {
			return known.id
		}
	}
	id := changeID(u.key, u.name, versions(to))
	u.ids = append(u.ids, named{to[0].goal, id})
	return id
}
