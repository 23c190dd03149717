package promoter

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Wanted says which releases a pin may be updated to.
type Wanted struct {
	Allow      UpdateType    // the farthest update type; empty allows all
	Constraint string        // candidates must satisfy it; empty admits all
	Ignore     []string      // versions and constraints that are never candidates
	MinAge     time.Duration // how long a release must have been out
	PreRelease bool          // pre-releases are candidates, too
	Security   bool          // the security lane: no age is asked for, and it comes before everything else
}

// HeldRelease is a newer release that is not proposed, and why.
type HeldRelease struct {
	Release Release   `json:"release"`
	Why     string    `json:"why"`            // one line, ready to be shown
	Until   time.Time `json:"until,omitzero"` // when that reason ends by itself
}

// Choice is what a listing and a policy mean for one pin.
type Choice struct {
	// Current is the release that the written version stands for now: itself,
	// or the newest one in its range. Nil when the listing has none.
	Current *Release `json:"current,omitempty"`
	// Latest is the newest release comparable with the current one, allowed
	// or not. Pre-releases count only where they are wanted.
	Latest *Release `json:"latest,omitempty"`
	// NewestAllowed is the first of Updates.
	NewestAllowed *Release `json:"newestAllowed,omitempty"`
	// Update says how far NewestAllowed goes from Current.
	Update UpdateType `json:"update,omitempty"`
	// Updates are the releases the pin may go to, newest first. For a range
	// they lie outside it: what is inside is taken without a change. Choices
	// of one Catalog share them: they are only to be read.
	Updates []Release     `json:"updates,omitempty"`
	Held    []HeldRelease `json:"held,omitempty"` // newest first
	// Deprecated is set when the current or the newest release says so.
	Deprecated bool     `json:"deprecated,omitempty"`
	Notes      []string `json:"notes,omitempty"` // what a reader should know besides
	// Unknown says why nothing can be concluded. Updates is empty then, which
	// does not mean that there are none.
	Unknown string `json:"unknown,omitempty"`
}

// Candidates says what a pin may be updated to. It is Read and Choose in one;
// whoever asks for many pins of one artifact reads its listing once.
func Candidates(pin Pin, l Listing, w Wanted, now time.Time) Choice {
	return Read(l).Choose(pin, w, now)
}

// Catalog is a listing whose versions are read and put in order, for many
// pins of one artifact. It is safe for concurrent use.
type Catalog struct {
	listing  Listing
	releases []entry        // each version once, in the listing's order
	byText   map[string]int // index in releases
	// ranked are the releases from newest to oldest, in the one order that
	// they have for every pin; nil where it depends on the pin. shared are
	// the same, for choices to hold.
	ranked []*entry
	shared []Release
}

type entry struct {
	Release
	version version
	ok      bool // version could be read
	created bool // the publisher's times order releases of equal precedence
}

// Read prepares a listing.
func Read(l Listing) *Catalog {
	c := &Catalog{listing: l, byText: make(map[string]int, len(l.Releases))}
	if l.Unknown != "" {
		return c
	}
	c.releases = make([]entry, 0, len(l.Releases))
	for _, r := range l.Releases {
		if _, twice := c.byText[r.Version]; twice {
			continue // indexes repeat versions; consumers take the first
		}
		v, ok := readVersion(l.Artifact.Kind, r.Version)
		c.byText[r.Version] = len(c.releases)
		c.releases = append(c.releases, entry{Release: r, version: v, ok: ok})
	}
	c.trustCreated()
	c.rank()
	return c
}

// rank sorts semantic versions once for all pins, unless two are of equal
// precedence: then a pin's own spelling and build decide between them.
func (c *Catalog) rank() {
	ranked := make([]*entry, 0, len(c.releases))
	for i := range c.releases {
		e := &c.releases[i]
		if !e.ok {
			continue
		}
		if e.version.sem == nil {
			return
		}
		ranked = append(ranked, e)
	}
	slices.SortFunc(ranked, func(a, b *entry) int { return b.version.sem.Compare(a.version.sem) })
	for i := 1; i < len(ranked); i++ {
		if ranked[i].version.sem.Compare(ranked[i-1].version.sem) == 0 {
			return
		}
	}
	c.ranked, c.shared = ranked, make([]Release, len(ranked))
	for i, e := range ranked {
		c.shared[i] = e.Release
	}
}

// list is the releases of entries. Those that are the first of ranked share
// their memory with all other choices.
func (c *Catalog) list(entries []*entry) []Release {
	n := len(entries)
	if n == 0 {
		return nil
	}
	if n <= len(c.ranked) && entries[n-1] == c.ranked[n-1] {
		return c.shared[:n:n]
	}
	out := make([]Release, n)
	for i, e := range entries {
		out[i] = e.Release
	}
	return out
}

// trustCreated marks releases that differ in build metadata alone and all
// carry a time: there the times say which is newer, as Flux decides it. Where
// one lacks it the order would not be transitive, so the builds decide.
func (c *Catalog) trustCreated() {
	groups := map[string][]int{}
	for i, e := range c.releases {
		if e.ok && e.version.sem != nil && e.version.build.shape != "" {
			s := e.version.sem
			key := fmt.Sprintf("%d.%d.%d-%s", s.Major(), s.Minor(), s.Patch(), s.Prerelease())
			groups[key] = append(groups[key], i)
		}
	}
	for _, group := range groups {
		if !slices.ContainsFunc(group, func(i int) bool { return c.releases[i].Created.IsZero() }) {
			for _, i := range group {
				c.releases[i].created = true
			}
		}
	}
}

// find returns the entry that is written exactly so.
func (c *Catalog) find(text string) *entry {
	if i, ok := c.byText[text]; ok {
		return &c.releases[i]
	}
	return nil
}

// Choose says what a pin of the catalog's artifact may be updated to.
func (c *Catalog) Choose(pin Pin, w Wanted, now time.Time) Choice {
	if c.listing.Unknown != "" {
		return Choice{Unknown: c.listing.Unknown}
	}
	if c.listing.Gone != "" {
		return Choice{Unknown: "gone: " + c.listing.Gone}
	}
	rules, err := readWanted(w)
	if err != nil {
		return Choice{Unknown: err.Error()}
	}
	if len(c.releases) == 0 {
		return Choice{Unknown: "its source lists no release"}
	}
	kind := c.listing.Artifact.Kind
	if pin.Form == "" {
		pin.Form = Classify(kind, pin.Consumer, pin.Version)
	}
	s := selection{catalog: c, pin: pin, rules: rules, now: now, kind: kind}
	switch pin.Form {
	case Exact:
		s.exact()
	case Range:
		s.inRange()
	default:
		s.named()
	}
	return s.choice
}

// WrittenFor is the version text to write for the pin to take release r: the
// release's own for an exact pin, the changed constraint for a range. It is
// false when the range cannot be made to admit r, and for forms that do not
// name a version.
func (p Pin) WrittenFor(r Release) (string, bool) {
	switch p.Form {
	case Exact:
		if p.bareTag() != "" && len(r.Version) > 1 && isDigit(r.Version[1]) {
			return strings.TrimPrefix(r.Version, "v"), true
		}
		return p.refPrefix() + r.Version, true
	case Range:
		return RewriteConstraint(p.Version, r.Version)
	case Floating, Digest:
		// Only the digest moves.
		return p.Version, p.Digest != "" && r.Digest != "" && (p.Version == "" || p.Version == r.Version)
	case Commit, Missing:
	}
	return "", false
}

// refPrefix is what a Git tag is written behind when it is written in full.
func (p Pin) refPrefix() string {
	const tags = "refs/tags/"
	if p.Artifact.Kind == Git && strings.HasPrefix(p.Version, tags) {
		return tags
	}
	return ""
}

// bareTag is the tag that a version names whose "v" is left out: a resource
// says 2.7.2 where the project's tag is v2.7.2. Empty for any other.
func (p Pin) bareTag() string {
	if p.Consumer != ByProduct || p.Artifact.Kind != Git || p.Form != Exact || p.Version == "" || !isDigit(p.Version[0]) {
		return "" // a Git reference is taken literally
	}
	return "v" + p.Version
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// dockerBorn is when the first container image could have been made. Builds
// that must be reproducible carry older times: 1970, 1980.
var dockerBorn = time.Date(2013, time.March, 1, 0, 0, 0, 0, time.UTC)

// since is the time from which a release's age counts: the publisher's, unless
// it is absent, in the future or a reproducible build's; else when we first saw
// it. The later of the two would be safer against backdating, but everything
// is first seen on the first scan, and no release would ever be old enough
// where caches are short-lived.
func since(r *Release, now time.Time) (time.Time, bool) {
	if !r.Created.IsZero() && !r.Created.After(now) && r.Created.After(dockerBorn) {
		return r.Created, true
	}
	if !r.FirstSeen.IsZero() && !r.FirstSeen.After(now) {
		return r.FirstSeen, true
	}
	return time.Time{}, false
}

// tooYoung says why a release must wait, or "".
func tooYoung(r *Release, minAge time.Duration, now time.Time) (string, time.Time) {
	if minAge <= 0 {
		return "", time.Time{}
	}
	t, ok := since(r, now)
	if !ok {
		return fmt.Sprintf("its age is not known, minimum release age %s", Span(minAge)), time.Time{}
	}
	if age := now.Sub(t); age < minAge {
		return fmt.Sprintf("released %s ago, minimum release age %s", Span(age), Span(minAge)), t.Add(minAge)
	}
	return "", time.Time{}
}

// Span writes a duration in its two largest units, as people say it: "3d",
// "2h30m", "45s".
func Span(d time.Duration) string {
	if d < 0 {
		return "-" + Span(-d)
	}
	units := []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}}
	var out strings.Builder
	for n, u := range units {
		if d >= u.size {
			fmt.Fprintf(&out, "%d%s", d/u.size, u.name)
			if rest := d % u.size; n+1 < len(units) && rest >= units[n+1].size {
				fmt.Fprintf(&out, "%d%s", rest/units[n+1].size, units[n+1].name)
			}
			return out.String()
		}
	}
	return "0s"
}
