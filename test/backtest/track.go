package main

import (
	"slices"

	"promoter/promoter"
)

// track is one pin on its way through the history.
type track struct {
	first promoter.Pin
	born  *commit // nil: it was there at the start
	now   promoter.Pin
	gone  *commit // the commit that took it away
	file  bool    // … with its file
	steps []step
}

// step is a commit that changed what a pin says.
type step struct {
	commit   *commit
	from, to promoter.Pin
}

// lowersFrom reports whether the step led below what the pin was at first.
func (s step) lowersFrom(first promoter.Pin) bool {
	n, ok := promoter.Compare(first.Artifact.Kind, s.to.Version, first.Version)
	return s.to.Artifact == first.Artifact && ok && n < 0
}

// last is the last step by the bot, or by people: while the artifact was still
// what it was at first, if there is one, and else after that.
func (t *track) last(bot bool) (step, bool) {
	var after step
	for _, s := range slices.Backward(t.steps) {
		if s.commit.bot != bot {
			continue
		}
		if s.to.Artifact == t.first.Artifact {
			return s, true
		}
		if after.commit == nil {
			after = s
		}
	}
	return after, after.commit != nil
}

// tracker follows every pin.
type tracker struct {
	tracks []*track
	live   []*track
}

func (t *tracker) begin(pins []promoter.Pin) {
	for _, p := range pins {
		t.add(p, nil)
	}
}

func (t *tracker) add(p promoter.Pin, born *commit) {
	n := &track{first: p, now: p, born: born}
	t.tracks = append(t.tracks, n)
	t.live = append(t.live, n)
}

// follow finds each pin again after a commit. Paths hold indexes of lists, so
// an artifact that moved within its file is itself; only then is the place.
func (t *tracker) follow(pins []promoter.Pin, renamed map[string]string, exists func(file string) bool, c *commit) {
	m := matching{byFile: map[string][]int{}, pins: pins, taken: make([]bool, len(pins)), found: make(map[*track]int, len(t.live))}
	for i, p := range pins {
		m.byFile[p.Place.File] = append(m.byFile[p.Place.File], i)
	}
	file := func(n *track) string {
		if to, ok := renamed[n.now.Place.File]; ok {
			return to
		}
		return n.now.Place.File
	}
	samePlace := func(a, b promoter.Pin) bool { return a.Place.Doc == b.Place.Doc && a.Place.Path == b.Place.Path }
	for _, same := range []func(a, b promoter.Pin) bool{
		func(a, b promoter.Pin) bool { return samePlace(a, b) && a.Artifact == b.Artifact },
		func(a, b promoter.Pin) bool {
			return a.Artifact == b.Artifact && a.Version == b.Version && a.Digest == b.Digest
		},
		func(a, b promoter.Pin) bool { return a.Artifact == b.Artifact },
		func(a, b promoter.Pin) bool { return samePlace(a, b) && a.Artifact.Kind == b.Artifact.Kind },
	} {
		for _, n := range t.live {
			m.match(n, file(n), same)
		}
	}
	still := t.live[:0]
	for _, n := range t.live {
		i, ok := m.found[n]
		if !ok {
			n.gone, n.file = c, !exists(file(n))
			continue
		}
		p := pins[i]
		if p.Version != n.now.Version || p.Digest != n.now.Digest {
			n.steps = append(n.steps, step{c, n.now, p})
		}
		n.now = p
		still = append(still, n)
	}
	t.live = still
	for i, p := range pins {
		if !m.taken[i] {
			t.add(p, c)
		}
	}
}

type matching struct {
	pins   []promoter.Pin
	byFile map[string][]int
	taken  []bool
	found  map[*track]int
}

func (m *matching) match(n *track, file string, same func(a, b promoter.Pin) bool) {
	if _, done := m.found[n]; done {
		return
	}
	for _, i := range m.byFile[file] {
		if !m.taken[i] && same(n.now, m.pins[i]) {
			m.taken[i], m.found[n] = true, i
			return
		}
	}
}
