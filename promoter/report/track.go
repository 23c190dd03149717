package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"promoter/promoter"
)

// Commit is one of the branch's first parents.
type Commit struct {
	Hash string
	At   time.Time
	By   Author
}

// Author says what sort of author a commit has.
type Author string

// The sorts.
const (
	Person Author = "people"
	Bot    Author = "bots"
	Ours   Author = "promoter"
)

// File is what a commit made of one file.
type File struct {
	Old, New string // paths; Old is empty for a new file, New for one that is gone
	Pins     []promoter.Pin
	// Broken is set when the file could not be read: what it pinned before
	// holds until it can be.
	Broken bool
}

// At is where a pin belongs.
type At struct {
	Waves []int // those that it reaches, sorted; none: not known
}

// Move is one commit that brought an artifact from one version to another.
type Move struct {
	Commit   Commit
	Artifact string
	From, To string
	Waves    []int
	Places   int
	// Back is set when it put back the version that stood before From.
	Back bool
	// Lower is set when To is an older version than From.
	Lower bool
	// Stood is how long From had stood there; negative when it is not known.
	Stood time.Duration
}

// Release is one version of one artifact that came to the branch by a move.
type Release struct {
	Artifact, Version string
	First             time.Time
	last              int // the last wave of its artifact, when it was looked at
	begun             time.Time
	complete          time.Time // everything in the last wave read it
	back              time.Time
	waves             map[int]*stage
	alone             bool // its artifact stands in fewer than two waves
}

// stage is a release in one wave.
type stage struct{ begun, complete time.Time }

// Tracker follows every pin through a history.
type Tracker struct {
	// Where says where a pin belongs; false for one that is not looked at.
	Where func(promoter.Pin) (At, bool)

	files    map[string][]*track
	places   map[string]map[*track]bool // by artifact
	releases map[[2]string]*Release
	order    []*Release
	moves    []Move
	// Broken are the files of commits that could not be read.
	Broken int
	last   time.Time
}

// track is one pin on its way.
type track struct {
	pin      promoter.Pin
	at       At
	before   string // the version before the present one; empty: not known
	since    time.Time
	wentBack bool // the present one was put back
}

// Start tells what a file holds before the first commit.
func (t *Tracker) Start(file string, pins []promoter.Pin) {
	t.files = grown(t.files)
	for _, p := range pins {
		t.files[file] = append(t.files[file], t.place(&track{pin: p}))
	}
}

// Knows reports whether a file's pins are known.
func (t *Tracker) Knows(file string) bool {
	_, ok := t.files[file]
	return ok
}

func grown[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		m = map[K]V{}
	}
	return m
}

// place enters a track where its artifact stands.
func (t *Tracker) place(k *track) *track {
	at, ok := t.Where(k.pin)
	if !ok || version(k.pin) == "" || k.pin.Artifact.Name == "" {
		return k // it is followed, and counts nowhere
	}
	k.at = at
	t.places = grown(t.places)
	name := nameOf(k.pin)
	t.places[name] = grown(t.places[name])
	t.places[name][k] = true
	return k
}

func (t *Tracker) remove(k *track) { delete(t.places[nameOf(k.pin)], k) }

// nameOf is the artifact as it is told apart: a registry or repository that
// moved is no other artifact.
func nameOf(p promoter.Pin) string { return string(p.Artifact.Kind) + " " + p.Artifact.Name }

// version is what a pin reads, with its digest.
func version(p promoter.Pin) string {
	switch {
	case p.Digest == "":
		return p.Version
	case p.Version == "":
		return p.Digest
	}
	return p.Version + "@" + p.Digest
}

// versionOf is a version without its digest.
func versionOf(text string) string {
	v, _, _ := strings.Cut(text, "@")
	return v
}

// Step goes on by one commit.
func (t *Tracker) Step(c Commit, files []File) {
	// Committers' clocks disagree; a commit is no older than those before it.
	if c.At.Before(t.last) {
		c.At = t.last
	}
	t.last = c.At
	t.files = grown(t.files)
	type key struct {
		name, from, to string
		back           bool
	}
	moves := map[key]*Move{}
	var order []key
	// A file that is renamed takes its tracks along before others come to its
	// place.
	old := map[string][]*track{}
	for _, f := range files {
		if f.Old != "" {
			old[f.Old] = t.files[f.Old]
			delete(t.files, f.Old)
		}
	}
	for _, f := range files {
		if f.New == "" {
			for _, k := range old[f.Old] {
				t.remove(k)
			}
			continue
		}
		if f.Broken {
			t.Broken++
			t.files[f.New] = old[f.Old]
			continue
		}
		tracks, changed := t.follow(old[f.Old], f.Pins, c)
		t.files[f.New] = tracks
		for _, s := range changed {
			k := key{nameOf(s.now.pin), s.from, version(s.now.pin), s.now.wentBack}
			m := moves[k]
			if m == nil {
				m = &Move{Commit: c, Artifact: k.name, From: k.from, To: k.to, Back: k.back, Lower: s.lower, Stood: -1}
				moves[k] = m
				order = append(order, k)
			}
			m.Places++
			m.Stood = max(m.Stood, s.stood)
			for _, w := range s.now.at.Waves {
				if !slices.Contains(m.Waves, w) {
					m.Waves = append(m.Waves, w)
				}
			}
		}
	}
	for _, k := range order {
		slices.Sort(moves[k].Waves)
		t.moves = append(t.moves, *moves[k])
	}
	for _, k := range order {
		t.arrive(moves[k])
	}
}

// moved is a track that a commit brought to another version.
type moved struct {
	now   *track
	from  string
	stood time.Duration
	lower bool
}

// follow finds each pin of a file again, and says which moved. Paths hold
// indexes of lists, so an artifact that moved within its file is itself; only
// then is the place.
func (t *Tracker) follow(tracks []*track, pins []promoter.Pin, c Commit) (now []*track, changed []moved) {
	found := make([]*track, len(pins))
	taken := make([]bool, len(tracks))
	samePlace := func(a, b promoter.Pin) bool { return a.Place.Doc == b.Place.Doc && a.Place.Path == b.Place.Path }
	for _, same := range []func(a, b promoter.Pin) bool{
		func(a, b promoter.Pin) bool { return samePlace(a, b) && nameOf(a) == nameOf(b) },
		func(a, b promoter.Pin) bool { return nameOf(a) == nameOf(b) && version(a) == version(b) },
		func(a, b promoter.Pin) bool { return nameOf(a) == nameOf(b) },
	} {
		for i, k := range tracks {
			if taken[i] {
				continue
			}
			for j, p := range pins {
				if found[j] == nil && same(k.pin, p) {
					found[j], taken[i] = k, true
					break
				}
			}
		}
	}
	for i, k := range tracks {
		if !taken[i] {
			t.remove(k)
		}
	}
	for j, p := range pins {
		k := found[j]
		if k == nil {
			now = append(now, t.place(&track{pin: p, since: c.At}))
			continue
		}
		now = append(now, k)
		was, is := version(k.pin), version(p)
		t.remove(k)
		k.pin = p
		t.place(k)
		if was == is || was == "" || is == "" {
			continue
		}
		stood := time.Duration(-1)
		if !k.since.IsZero() {
			stood = c.At.Sub(k.since)
		}
		order, known := promoter.Compare(p.Artifact.Kind, versionOf(was), versionOf(is))
		// What is put back is never newer: that is the second try at it.
		k.wentBack = k.before == is && !k.wentBack && (!known || order >= 0)
		k.before, k.since = was, c.At
		if _, counts := t.places[nameOf(p)][k]; counts {
			changed = append(changed, moved{k, was, stood, known && order > 0})
		}
	}
	return now, changed
}

// arrive notes what a move makes of the releases of its artifact.
func (t *Tracker) arrive(m *Move) {
	t.releases = grown(t.releases)
	if m.Back {
		if r := t.releases[[2]string{m.Artifact, m.From}]; r != nil && r.back.IsZero() {
			r.back = m.Commit.At
		}
		return
	}
	key := [2]string{m.Artifact, m.To}
	r := t.releases[key]
	if r == nil {
		r = &Release{Artifact: m.Artifact, Version: m.To, First: m.Commit.At, waves: map[int]*stage{}}
		t.releases[key] = r
		t.order = append(t.order, r)
	}
	total, reads := t.census(m.Artifact, m.To)
	r.alone, r.last = len(total) < 2, -1
	for w := range total {
		r.last = max(r.last, w)
	}
	for _, w := range m.Waves {
		s := r.waves[w]
		if s == nil {
			s = &stage{begun: m.Commit.At}
			r.waves[w] = s
		}
		if s.complete.IsZero() && reads[w] == total[w] {
			s.complete = m.Commit.At
		}
	}
	// What has arrived stays so, whatever wave its artifact comes to later.
	if s := r.waves[r.last]; s != nil && r.complete.IsZero() {
		r.begun, r.complete = s.begun, s.complete
	}
}

// census counts the places of an artifact in each wave, and those that read a
// version.
func (t *Tracker) census(name, v string) (total, reads map[int]int) {
	total, reads = map[int]int{}, map[int]int{}
	for k := range t.places[name] {
		for _, w := range k.at.Waves {
			total[w]++
			if version(k.pin) == v {
				reads[w]++
			}
		}
	}
	return total, reads
}

// stands reports whether any place reads a release.
func (t *Tracker) stands(r *Release) bool {
	for k := range t.places[r.Artifact] {
		if version(k.pin) == r.Version {
			return true
		}
	}
	return false
}

// Moves are those since a moment, the oldest first.
func (t *Tracker) Moves(since, until time.Time) []Move {
	var out []Move
	for _, m := range t.moves {
		if !m.Commit.At.Before(since) && !m.Commit.At.After(until) {
			out = append(out, m)
		}
	}
	slices.SortStableFunc(out, func(a, b Move) int {
		return cmp.Or(a.Commit.At.Compare(b.Commit.At), cmp.Compare(a.Artifact, b.Artifact))
	})
	return out
}
