package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"promoter/gitops"
	"promoter/promoter"
	"promoter/promoter/config"
	"promoter/promoter/yamltree"
)

// monday is when stories begin.
var monday = time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)

// slot is a version that the repository holds: where it is written, and what
// an edit of it reaches.
type slot struct {
	file, path string
	artifact   promoter.Artifact
	app        string
	at         promoter.Reached // the pin's own place
	reaches    []promoter.Reached
	wave       int // the last that it reaches
	class      promoter.Class
	group      string
	rank       int
	security   bool
	age        time.Duration // that a release must have
}

// world is all there is outside of Promoter.
type world struct {
	cfg    *config.Config
	policy promoter.Policy
	start  time.Time
	now    time.Time
	skew   time.Duration
	repo   *repo
	forge  *forge
	slots  []*slot
	apps   []promoter.Reached // what runs
	slotOf map[promoter.Reached]*slot

	offered  map[promoter.Artifact][]promoter.Release
	bad      []badness
	log      []motion // what the base branch was at, and since when
	troubles []trouble

	queue         bool
	parted        bool // two engines
	silent        bool
	deletesMerged bool

	pending  []stumble // what befalls the next looks
	stales   []staleAt
	armed    []armed
	awaits   []awaited
	wounding []wounding
	plans    []planned
	between  bool // a second process is at work between a look and a write
	// interleaved is set once something has come between a look and its write:
	// then what is said twice is to be taken back, not never said.
	interleaved bool
	old         bool                 // what is shown to the one who looks now is old
	based       string               // the base branch's commit that a decision is judged on
	again_      time.Time            // when a process that ended early is started again
	seenFor     map[string][]string  // the places that were looked at, by commit and seal
	verdicts    map[string]time.Time // when each was written, by our clock
	delayed     []delayed
	tainted     map[string]bool // artifacts that people have meddled with
	meddled     bool
	rewrote     bool // somebody has rewritten the base branch's history
	calm        bool
	injected    map[string]int
	acted       map[string]int
	looks       int
	broken      *Violation
	told        []string // what happened, for people; nil: not wanted
	telling     bool
	last        promoter.Decision
	shuffled    uint64
	places      map[string]promoter.Place
	catalogs    map[promoter.Artifact]*promoter.Catalog
	once        map[string]int
}

// badness is a version that does harm somewhere.
type badness struct {
	artifact promoter.Artifact
	version  string
	env      string // empty: everywhere
	after    time.Duration
	silent   bool // only its service's indicator shows it
}

// motion is a commit that the base branch moved to.
type motion struct {
	at   time.Time
	hash string
}

// trouble is something that is wrong for a while.
type trouble struct {
	kind     string
	app      string // "env/tenant/cluster/app", or what cannot be read; empty: any
	from, to time.Time
}

// Violation is a law that was broken.
type Violation struct {
	Law  string
	Text string
	At   time.Duration // since the story's beginning
}

func (v *Violation) Error() string { return fmt.Sprintf("%s: %s (at %s)", v.Law, v.Text, v.At) }

// violate notes the first law that is broken.
func (w *world) violate(law, format string, args ...any) {
	if w.broken == nil {
		w.broken = &Violation{Law: law, Text: fmt.Sprintf(format, args...), At: w.now.Sub(w.start)}
		w.tell("!! %s: %s", law, w.broken.Text)
	}
}

func (w *world) tell(format string, args ...any) {
	if w.telling {
		w.told = append(w.told, fmt.Sprintf("%10s  ", w.now.Sub(w.start))+fmt.Sprintf(format, args...))
	}
}

// stamp is the forge's clock.
func (w *world) stamp() time.Time { return w.now.Add(w.skew) }

// moved notes that the base branch moved.
func (w *world) moved(string) {
	if h := w.repo.refs[trunk]; len(w.log) == 0 || w.log[len(w.log)-1].hash != h {
		w.log = append(w.log, motion{w.now, h})
	}
}

// in reports whether a trouble of the kind is on for what is named.
func (w *world) in(kind, name string) bool {
	for i := range w.troubles {
		t := &w.troubles[i]
		if t.kind == kind && (t.app == "" || t.app == name) && !w.now.Before(t.from) && w.now.Before(t.to) {
			return true
		}
	}
	return false
}

func (w *world) unreadable(what string) error {
	if w.in("unreadable", what) {
		return fmt.Errorf("502 from the forge (%s)", what)
	}
	if w.in("limited", "") && what != "branches" {
		return &gitops.RateLimited{Until: w.now.Add(time.Minute), Why: "secondary limit"}
	}
	return nil
}

func (w *world) refuses(kind string) error {
	switch {
	case w.in("denied", kind):
		return fmt.Errorf("%w: 403", gitops.ErrDenied)
	case w.in("limited", ""):
		return &gitops.RateLimited{Until: w.now.Add(time.Minute), Why: "secondary limit"}
	}
	return nil
}

// named is what a place is called in troubles.
func named(r promoter.Reached) string {
	return strings.Join([]string{r.Environment, r.Tenant, r.Cluster, r.App}, "/")
}

// text is a file of slots.
func (w *world) text(slots []*slot, version string) string {
	var b strings.Builder
	b.WriteString("# what runs here\nkind: Release\nnote: \"as it was\"\nspec:\n")
	for _, s := range slots {
		fmt.Fprintf(&b, "  %s:\n    version: %s # promoter keeps it\n", s.app, s.written(version))
	}
	b.WriteString("  replicas: 2\n")
	return b.String()
}

// written is what a slot reads at a version.
func (s *slot) written(version string) string {
	if s.artifact.Kind == promoter.Image {
		return s.artifact.Source + "/" + s.artifact.Name + ":" + version
	}
	return version
}

// version is the version part of what a slot reads.
func (s *slot) version(written string) string {
	if s.artifact.Kind == promoter.Image {
		return written[strings.LastIndexByte(written, ':')+1:]
	}
	return written
}

// place finds where a slot stands in a text; false when it does not.
func (w *world) place(s *slot, text string) (promoter.Place, bool) {
	key := s.file + "\x00" + s.path + "\x00" + text
	if p, ok := w.places[key]; ok {
		return p, p.Written != ""
	}
	p := promoter.Place{}
	docs, errs := yamltree.Parse([]byte(text))
	if len(errs) == 0 && len(docs) > 0 {
		if n := docs[0].Root.Get(strings.Split(s.path, ".")...); n != nil && n.Kind == yamltree.Scalar {
			p = promoter.Place{File: s.file, Line: n.Line, Path: s.path, Start: n.Start, End: n.End, Written: n.Value}
		}
	}
	w.places[key] = p
	return p, p.Written != ""
}

// reads is the version of a slot in a commit; "" when it is not there.
func (w *world) reads(s *slot, hash string) string {
	c := w.repo.objects[hash]
	if c == nil {
		return ""
	}
	p, ok := w.place(s, c.files[s.file])
	if !ok {
		return ""
	}
	return s.version(p.Written)
}

// targets are what a scan of a commit finds, with what its sources say.
func (w *world) targets(hash string) (out []promoter.Target, unread [][]string) {
	unread = make([][]string, len(w.policy.Waves))
	files := w.repo.objects[hash].files
	pins := make([]promoter.Pin, 0, len(w.slots))
	var found []*slot
	for _, s := range w.slots {
		if w.in("unread", s.file) {
			for _, r := range s.reaches {
				if r.Wave >= 0 && !slices.Contains(unread[r.Wave], s.file) {
					unread[r.Wave] = append(unread[r.Wave], s.file)
				}
			}
			continue
		}
		at, ok := w.place(s, files[s.file])
		if !ok {
			continue
		}
		p := promoter.Pin{
			Artifact: s.artifact, Version: s.version(at.Written), Consumer: promoter.ByArgoCD, Place: at, App: s.app,
			Environment: s.at.Environment, Tenant: s.at.Tenant, Cluster: s.at.Cluster, Detector: "sim",
		}
		if s.artifact.Kind == promoter.Image {
			p.Consumer = promoter.ByContainer
		}
		p.Form = promoter.Classify(s.artifact.Kind, p.Consumer, p.Version)
		pins, found = append(pins, p), append(found, s)
	}
	w.cfg.Place(pins)
	for i, p := range pins {
		s := found[i]
		t := promoter.Target{Pin: p, Wave: s.at.Wave, Reach: s.reaches}
		t.Wanted, _ = w.cfg.Wanted(p)
		t.Class, t.Group, t.Rank = w.cfg.Classify(p)
		t.Choice = w.catalog(s).Choose(p, t.Wanted, w.now)
		out = append(out, t)
	}
	return out, unread
}

// key names a slot in troubles.
func (s *slot) key() string { return s.file + " " + s.path }

// unsure reports whether nothing is known now of what a slot could be at.
func (w *world) unsure(s *slot) bool {
	return w.in("unlisted", s.artifact.Name) || w.in("dim", s.key()) || w.in("unread", s.file)
}

// catalog is what a slot's source lists now.
func (w *world) catalog(s *slot) *promoter.Catalog {
	a, list := s.artifact, w.offered[s.artifact]
	switch {
	case w.in("unlisted", a.Name) || w.in("dim", s.key()):
		return promoter.Read(promoter.Listing{Artifact: a, Unknown: "429 from upstream"})
	case w.in("partial list", a.Name): // a mirror that lags
		return promoter.Read(promoter.Listing{Artifact: a, Releases: list[:max(len(list)-1, 1)]})
	}
	if c := w.catalogs[a]; c != nil {
		return c
	}
	c := promoter.Read(promoter.Listing{Artifact: a, Releases: list})
	w.catalogs[a] = c
	return c
}

func (w *world) release(a promoter.Artifact, version string) {
	if slices.ContainsFunc(w.offered[a], func(r promoter.Release) bool { return r.Version == version }) {
		return
	}
	w.offered[a] = append(slices.Clone(w.offered[a]), promoter.Release{Version: version, Created: w.now, FirstSeen: w.now})
	delete(w.catalogs, a)
}

// artifacts are all there are, in order.
func (w *world) artifacts() []promoter.Artifact {
	var out []promoter.Artifact
	for _, s := range w.slots {
		if !slices.Contains(out, s.artifact) {
			out = append(out, s.artifact)
		}
	}
	return out
}

// found writes the repository's first commit.
func (w *world) found(version string) {
	byFile := map[string][]*slot{}
	for _, s := range w.slots {
		byFile[s.file] = append(byFile[s.file], s)
	}
	files := tree{"README.md": "what we run\n"}
	for _, name := range slices.Sorted(maps.Keys(byFile)) {
		files[name] = w.text(byFile[name], version)
	}
	w.repo.refs[trunk] = w.repo.add(nil, files, "begin", w.start.Add(-1000*time.Hour), false)
	w.log = []motion{{w.start.Add(-1000 * time.Hour), w.repo.refs[trunk]}}
}

// commitByPerson changes the base branch.
func (w *world) commitByPerson(files map[string][]byte, message string) {
	head := w.repo.head()
	w.repo.refs[trunk] = w.repo.add([]string{head.hash}, head.files.with(files), message, w.now, false)
	w.moved("")
}

// waveOf is the wave that a branch's name means.
func (w *world) waveOf(b promoter.Branch) int {
	return slices.IndexFunc(w.policy.Waves, func(x promoter.Wave) bool {
		o, ok := promoter.ParseBranch(promoter.Branch{Change: "x", Wave: x.Name}.String())
		return ok && o.Wave == b.Wave
	})
}
