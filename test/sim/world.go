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
)

// monday is when stories begin.
var monday = time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)

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
	tardy    []tardy
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
	rewroteAt   time.Time
	calm        bool
	injected    map[string]int
	acted       map[string]int
	looks       int
	broken      *Violation
	told        []string // what happened, for people; nil: not wanted
	telling     bool
	last        promoter.Decision
	serves      bool     // one process lives on from look to look
	served      *process // the last that did
	shuffled    uint64
	places      map[string]promoter.Place
	catalogs    map[promoter.Artifact]*promoter.Catalog
	once        map[string]int
	retagged    map[string]int // how often a version had been published otherwise before a digest
}

// badness is a version that does harm somewhere.
type badness struct {
	artifact promoter.Artifact
	version  string
	env      string // empty: everywhere
	only     string // one of its places; empty: all
	after    time.Duration
	silent   bool // only its service's indicator shows it
}

// hits reports whether it does harm at a place.
func (b badness) hits(r promoter.Reached) bool {
	r.Wave = 0
	return (b.env == "" || b.env == r.Environment) && (b.only == "" || b.only == named(r))
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
