package promoter

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// unit is what moves as one: an artifact, or the artifacts of a group.
type unit struct {
	key   string // stable identity: part of the change's id
	name  string // as people call it
	group *Group
	after *unit // of an ordered group: the member that changes before this one
	// steps holds, for each wave, the targets that change in it. Targets that
	// are in no wave, or about which nothing is known, are in none.
	steps [][]*Target
	// blind lists, for each wave, targets whose version says nothing: nobody
	// may conclude that the wave has passed.
	blind     [][]*Target
	artifacts []Artifact
	// behind marks waves in which this unit still has something to do; units
	// that come after it in an ordered group wait there.
	behind []bool
	// next is, for each wave that has been decided on, where it goes.
	next []goalSet
	// tracks are the units of the same artifact whose versions cannot be
	// compared with this one's; lead is the least version text of this one.
	tracks []*unit
	lead   string
	trials []*trial // merged pulls that stand in it
	// What is asked for again and again: the ids of its changes, and of its only
	// artifact, what comes before each wave.
	ids     []named
	nearest [][]int
}

// units groups the targets, in a stable order, whatever order they came in.
func units(targets []Target, pol Policy) []*unit {
	index := map[string][]*unit{} // the tracks of each key
	var list []*unit
	all := make([]*Target, len(targets))
	for i := range targets {
		all[i] = &targets[i]
	}
	if pol.SplitBase {
		all = append(all, overrides(targets)...)
	}
	alone := map[Artifact]*unit{} // of what is in no group: its first track
	for _, t := range all {
		blind := t.Choice.Unknown != ""
		w := t.step()
		if w < 0 || w >= len(pol.Waves) || !t.moves() {
			continue
		}
		if u := alone[t.Pin.Artifact]; u != nil && t.Group == "" && (blind || t.current() == u.lead) { // almost all are
			u.take(t, w, blind)
			continue
		}
		key, name := t.Pin.Artifact.String(), shortName(t.Pin.Artifact)
		var g *Group
		if found, ok := pol.Groups[t.Group]; ok && t.Group != "" {
			g = &found
			if g.Ordered {
				key = "group " + g.Name + "\x00" + key
			} else {
				key, name = "group "+g.Name, g.Name
			}
		}
		u := trackOf(index[key], t, blind || g != nil && !g.Ordered)
		if u == nil {
			n := len(pol.Waves)
			u = &unit{key: key, name: name, group: g, lead: t.current(), steps: make([][]*Target, n), blind: make([][]*Target, n), behind: make([]bool, n), next: make([]goalSet, n)}
			if len(index[key]) == 0 && t.Group == "" {
				alone[t.Pin.Artifact] = u
			}
			u.tracks = index[key]
			index[key] = append(index[key], u)
			list = append(list, u)
		}
		if !slices.Contains(u.artifacts, t.Pin.Artifact) {
			u.artifacts = append(u.artifacts, t.Pin.Artifact)
		}
		u.take(t, w, blind)
	}
	for _, tracks := range index {
		settleTracks(tracks)
	}
	slices.SortFunc(list, func(a, b *unit) int {
		return cmp.Or(strings.Compare(a.key, b.key), a.firstWave()-b.firstWave(), strings.Compare(a.lead, b.lead))
	})
	chain(list)
	for _, u := range list {
		slices.SortFunc(u.artifacts, func(a, b Artifact) int { return strings.Compare(a.String(), b.String()) })
		for _, ts := range slices.Concat(u.steps, u.blind) {
			slices.SortFunc(ts, byPlace)
		}
	}
	return list
}

func (u *unit) take(t *Target, wave int, blind bool) {
	if blind {
		u.blind[wave] = append(u.blind[wave], t)
		return
	}
	u.steps[wave] = append(u.steps[wave], t)
}

func byPlace(a, b *Target) int {
	return cmp.Or(strings.Compare(a.Pin.Place.File, b.Pin.Place.File), a.Pin.Place.Start-b.Pin.Place.Start)
}

// trackOf finds the track that a target belongs to: versions that can be
// compared with each other move together, others (1.25 and 1.25-alpine, two
// floating names) each by themselves. What says nothing of its version, and
// the members of a group that moves as one, are in the first.
func trackOf(tracks []*unit, t *Target, any bool) *unit {
	at := t.current()
	for _, u := range tracks {
		if any || at == u.lead {
			return u
		}
		if _, ok := Compare(t.Pin.Artifact.Kind, at, u.lead); ok {
			return u
		}
	}
	return nil
}

// settleTracks makes what is true of all tracks of an artifact independent of
// the order of the facts: who they are, and that a wave which says nothing of
// one of them says nothing of any.
func settleTracks(tracks []*unit) {
	if len(tracks) < 2 {
		return
	}
	n := len(tracks[0].blind)
	blind := make([][]*Target, n)
	for _, u := range tracks {
		for w := range n {
			blind[w] = append(blind[w], u.blind[w]...)
			for _, t := range u.steps[w] {
				if at := t.current(); at < u.lead {
					u.lead = at
				}
			}
		}
	}
	for _, u := range tracks {
		u.tracks, u.blind = tracks, blind
	}
}

// firstWave is the first wave in which the unit stands.
func (u *unit) firstWave() int {
	for w := range u.steps {
		if len(u.steps[w])+len(u.blind[w]) > 0 {
			return w
		}
	}
	return len(u.steps)
}

// chain links the members of ordered groups, each to the one before it by the
// rank that its targets carry.
func chain(list []*unit) {
	members := map[string][]*unit{}
	for _, u := range list {
		if u.group != nil && u.group.Ordered {
			members[u.group.Name] = append(members[u.group.Name], u)
		}
	}
	for _, ms := range members {
		slices.SortStableFunc(ms, func(a, b *unit) int { return a.rank() - b.rank() })
		for i := 1; i < len(ms); i++ {
			ms[i].after = ms[i-1]
		}
	}
}

func (u *unit) rank() int {
	for _, ts := range append(slices.Clone(u.steps), u.blind...) {
		if len(ts) > 0 {
			return ts[0].Rank
		}
	}
	return 0
}

// of returns the wave's targets of one artifact.
func (u *unit) of(a Artifact, wave int) []*Target {
	if len(u.artifacts) == 1 {
		return u.steps[wave]
	}
	var ts []*Target
	for _, t := range u.steps[wave] {
		if t.Pin.Artifact == a {
			ts = append(ts, t)
		}
	}
	return ts
}

// before returns the nearest waves that must have passed and in which the
// artifact stands: a wave without it is seen through.
func (u *unit) before(a Artifact, wave int, pol Policy) []int {
	if len(u.artifacts) != 1 {
		return u.lookBack(a, wave, pol)
	}
	if u.nearest == nil {
		u.nearest = make([][]int, len(pol.Waves))
		for w := range pol.Waves {
			u.nearest[w] = u.lookBack(a, w, pol)
		}
	}
	return u.nearest[wave]
}

func (u *unit) lookBack(a Artifact, wave int, pol Policy) []int {
	var out []int
	seen := map[int]bool{}
	var visit func(w int)
	visit = func(w int) {
		for _, p := range pol.Waves[w].After {
			if seen[p] {
				continue
			}
			seen[p] = true
			if len(u.of(a, p)) > 0 || len(u.blind[p]) > 0 {
				out = append(out, p)
			} else {
				visit(p)
			}
		}
	}
	visit(wave)
	slices.Sort(out)
	return out
}

// moves reports whether the pin can be moved: it names a version, or a name
// that floats with a digest beside it, which then moves. A bare digest, a bare
// name and a missing version cannot.
func (t *Target) moves() bool {
	p := t.Pin
	return p.Form == Exact || p.Form == Range || p.Form == Commit || p.Form == Floating && p.Digest != ""
}

// current is the version that a target is at: what its range resolves to, or
// what is written.
func (t *Target) current() string {
	if t.Choice.Current != nil && t.override == "" {
		return t.Choice.Current.Version // what "^1.2" selects, what "2.7.2" is called upstream
	}
	return t.Pin.Version
}

// newest is the goal of an artifact's first wave: the newest release that any
// of its targets may go to. It is false when there is none. What is written in
// places that cannot be listed counts for how it is called.
func newest(ts, blind []*Target) (goal, bool) {
	var best *Release
	pinned := slices.ContainsFunc(blind, func(t *Target) bool { return t.Pin.Digest != "" && t.Pin.Artifact == ts[0].Pin.Artifact })
	for _, t := range ts {
		pinned = pinned || t.Pin.Digest != ""
		r := t.Choice.NewestAllowed
		if r == nil {
			continue
		}
		if best == nil {
			best = r
			continue
		}
		if n, ok := Compare(t.Pin.Artifact.Kind, r.Version, best.Version); ok && n > 0 {
			best = r
		}
	}
	if best == nil {
		return goal{}, false
	}
	if !pinned {
		return goal{version: best.Version}, true // a digest counts only where one is written
	}
	return goal{best.Version, best.Digest}, true
}

// lockstep lowers the goals of a group to the newest version that every member
// offers. It is false when they have none in common.
func lockstep(goals goalSet, ts []*Target) bool {
	offered := map[Artifact]map[string]Release{}
	for _, t := range ts {
		m := offered[t.Pin.Artifact]
		if m == nil {
			m = map[string]Release{}
			offered[t.Pin.Artifact] = m
		}
		for _, r := range t.Choice.Updates {
			m[r.Version] = r
		}
		if t.Choice.Current != nil {
			m[t.Choice.Current.Version] = *t.Choice.Current
		}
	}
	best := ""
	var kind Kind
	for a, first := range offered {
		kind = a.Kind
		for v := range first {
			common := true
			for _, m := range offered {
				if _, ok := m[v]; !ok {
					common = false
				}
			}
			if n, ok := Compare(kind, v, best); common && (best == "" || ok && n > 0) {
				best = v
			}
		}
		break
	}
	if best == "" {
		return false
	}
	for i, g := range goals {
		if r, ok := offered[g.artifact][best]; ok {
			goals[i].goal = goal{version: r.Version}
			if g.digest != "" {
				goals[i].digest = r.Digest
			}
		}
	}
	return true
}

// passed is the version that an earlier wave has proven: the lowest one that
// its targets are at, with the digest they agree on. It is false when they
// cannot be compared.
func passed(ts []*Target) (goal, bool) {
	low := goal{}
	for i, t := range ts {
		g := goal{t.current(), t.Pin.Digest}
		if i == 0 {
			low = g
			continue
		}
		n, ok := Compare(t.Pin.Artifact.Kind, g.version, low.version)
		switch {
		case !ok && g.version != low.version:
			return goal{}, false
		case n < 0:
			low = g
		case g.version == low.version && g.digest != low.digest:
			low.digest = ""
		}
	}
	return low, len(ts) > 0 && low.version != ""
}

// edits are the scalars to write for the target to be at the goal, or why it
// cannot be.
func (t *Target) edits(g goal) ([]Edit, string) {
	p := t.Pin
	if t.override != "" {
		return t.added(g)
	}
	digest := g.digest
	text, ok := p.WrittenFor(Release{Version: g.version, Digest: digest})
	if !ok {
		return nil, fmt.Sprintf("nothing like %q can be written for %s", p.Version, g)
	}
	if p.Digest != "" && digest == "" {
		return nil, "its digest at " + g.version + " is not known, and a digest is pinned"
	}
	to, err := p.Rewrite(text, digest)
	if err != nil {
		return nil, err.Error()
	}
	var out []Edit
	if to != p.Place.Written {
		out = append(out, Edit{Place: p.Place, To: to, Release: g.version})
	}
	if p.DigestPlace != nil && p.DigestPlace.Written != digest && p.Digest != "" {
		out = append(out, Edit{Place: *p.DigestPlace, To: digest})
	}
	return out, ""
}
