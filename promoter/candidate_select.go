package promoter

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
)

// wantedRules is Wanted with its constraints read.
type wantedRules struct {
	Wanted
	constraint *semver.Constraints
	ignored    []*semver.Constraints
}

func readWanted(w Wanted) (wantedRules, error) {
	r := wantedRules{Wanted: w}
	if w.Security {
		r.MinAge = 0
	}
	if w.Allow.reach() > Major.reach() && w.Allow != "" {
		return r, fmt.Errorf("read policy: no update type %q", w.Allow)
	}
	if w.Constraint != "" {
		c, err := readConstraint(w.Constraint, w.PreRelease)
		if err != nil {
			return r, err
		}
		r.constraint = c
	}
	for _, text := range w.Ignore {
		// A pre-release of an ignored version is ignored. A text that is no
		// constraint names a version and is compared as it is written.
		c, err := readConstraint(text, true)
		if err != nil {
			c = nil
		}
		r.ignored = append(r.ignored, c)
	}
	return r, nil
}

// refuses says why a release is not wanted, or "".
func (w *wantedRules) refuses(e *entry, reach UpdateType) string {
	for i, c := range w.ignored {
		v := e.version.semantic()
		if w.Ignore[i] == e.Version || c != nil && v != nil && c.Check(v) {
			return fmt.Sprintf("ignored by %q", w.Ignore[i])
		}
	}
	if w.constraint != nil {
		if v := e.version.semantic(); v == nil || !w.constraint.Check(v) {
			return fmt.Sprintf("outside of constraint %q", w.Constraint)
		}
	}
	if !reach.Within(w.Allow) {
		return fmt.Sprintf("a %s update, at most %s is allowed", reach, w.Allow)
	}
	return ""
}

// selection is one call of Choose.
type selection struct {
	catalog *Catalog
	kind    Kind
	pin     Pin
	rules   wantedRules
	now     time.Time
	choice  Choice
}

func (s *selection) note(format string, args ...any) {
	s.choice.Notes = append(s.choice.Notes, fmt.Sprintf(format, args...))
}

// exact chooses for a pin that names one version.
func (s *selection) exact() {
	cur := s.resolveExact()
	if cur == nil {
		v, ok := readVersion(s.kind, s.pin.Version)
		if !ok {
			s.choice.Unknown = fmt.Sprintf("%q cannot be read as a version of %s", s.pin.Version, s.pin.Artifact.Name)
			return
		}
		if s.kind == Git {
			// It may be a branch, and a branch is not replaced by a tag.
			s.choice.Unknown = fmt.Sprintf("%q is not among the tags of %s", s.pin.Version, s.pin.Artifact.Ref())
			return
		}
		s.note("version %q is not in the listing", s.pin.Version)
		s.decide(&entry{Release: Release{Version: s.pin.Version}, version: v, ok: true}, nil)
		return
	}
	r := cur.Release
	s.choice.Current = &r
	if !cur.ok {
		s.choice.Unknown = fmt.Sprintf("%q cannot be read as a version of %s", s.pin.Version, s.pin.Artifact.Name)
		return
	}
	s.decide(cur, nil)
	s.digest(cur)
}

// resolveExact finds the release an exact version stands for: written just so,
// else what Helm would take for it, which ignores a "v" and build metadata.
func (s *selection) resolveExact() *entry {
	if e := s.catalog.find(strings.TrimPrefix(s.pin.Version, s.pin.refPrefix())); e != nil {
		return e
	}
	if s.kind == Git {
		return s.catalog.find(s.pin.bareTag())
	}
	if s.kind != Chart && s.kind != Galaxy {
		return nil
	}
	v, ok := readVersion(s.kind, s.pin.Version)
	if !ok {
		return nil
	}
	var best *entry
	for i := range s.catalog.releases {
		e := &s.catalog.releases[i]
		if !e.ok || !e.version.sem.Equal(v.sem) || v.sem.Metadata() != "" && v.sem.Metadata() != e.version.sem.Metadata() {
			continue
		}
		if best == nil || s.order(e, best, e) > 0 {
			best = e
		}
	}
	return best
}

// inRange chooses for a pin that admits several versions.
func (s *selection) inRange() {
	in, err := readConstraint(s.pin.Version, false)
	if err != nil {
		s.choice.Unknown = err.Error()
		return
	}
	// Helm takes a release that is named like the constraint before it reads
	// the constraint.
	cur := s.catalog.find(s.pin.Version)
	for i := range s.catalog.releases {
		e := &s.catalog.releases[i]
		if e.admittedBy(in) && (cur == nil || cur.Version != s.pin.Version && s.higher(e, cur)) {
			cur = e
		}
	}
	if cur == nil {
		s.choice.Unknown = fmt.Sprintf("no release satisfies %q", s.pin.Version)
		return
	}
	r := cur.Release
	s.choice.Current = &r
	if !cur.ok {
		s.choice.Unknown = fmt.Sprintf("%q cannot be read as a version of %s", cur.Version, s.pin.Artifact.Name)
		return
	}
	s.note("the newest release within %q is taken without a change: now %s", s.pin.Version, cur.Version)
	s.decide(cur, in)
}

// admittedBy reports whether a range's consumer would take the release: it
// reads tags as semantic versions, and prefixed ones not at all.
func (e *entry) admittedBy(in *semver.Constraints) bool {
	v := e.version.sem
	if v == nil {
		var err error
		if v, err = readSemver(e.Version); err != nil {
			return false
		}
	}
	return e.ok && in.Check(v)
}

// higher orders releases of one range, which need not be written alike.
func (s *selection) higher(e, cur *entry) bool {
	if e.version.like(&cur.version) {
		return s.order(e, cur, cur) > 0
	}
	a, errA := readSemver(e.Version)
	b, errB := readSemver(cur.Version)
	return errA == nil && (errB != nil || a.GreaterThan(b))
}

// named chooses for a pin whose version is no version: only its content moves.
func (s *selection) named() {
	switch s.pin.Form {
	case Commit:
		s.note("commit %s: commits are not ordered", s.pin.Version)
	case Missing:
		s.note("no version is written")
	case Digest:
		s.note("a digest is pinned without a version")
	default:
		s.note("%q moves by itself", s.pin.Version)
	}
	if e := s.catalog.find(s.pin.Version); e != nil && s.pin.Version != "" {
		r := e.Release
		s.choice.Current = &r
		s.choice.Deprecated = r.Deprecated
		s.digest(e)
	}
}

// digest adds the release the pin is at, when its content is not what the pin
// says.
func (s *selection) digest(cur *entry) {
	if s.pin.Digest == "" || cur.Digest == "" || s.pin.Digest == cur.Digest {
		return
	}
	if s.rules.Allow != "" && !DigestUpdate.Within(s.rules.Allow) {
		return
	}
	r := cur.Release
	// The version's first day says nothing about its new content.
	if r.FirstSeen.After(r.Created) {
		r.Created = r.FirstSeen
	}
	if why, until := tooYoung(&r, s.rules.MinAge, s.now); why != "" {
		s.choice.Held = append(s.choice.Held, HeldRelease{Release: cur.Release, Why: "new digest: " + why, Until: until})
		return
	}
	s.choice.Updates = append(s.choice.Updates, cur.Release)
	s.choice.NewestAllowed = &s.choice.Updates[0]
	if len(s.choice.Updates) == 1 {
		s.choice.Update = DigestUpdate
	}
}

// decide sorts what is newer than cur into updates and held releases. Releases
// within the pin's own range (in) are neither.
func (s *selection) decide(cur *entry, in *semver.Constraints) {
	newer := s.above(cur)
	latest := cur
	for _, e := range newer {
		if s.preWanted(e, cur) {
			latest = e
			break
		}
	}
	if latest != cur || s.choice.Current != nil {
		r := latest.Release
		s.choice.Latest = &r
	}
	s.choice.Deprecated = cur.Deprecated || latest.Deprecated
	updates := make([]*entry, 0, len(newer))
	for _, e := range newer {
		if in != nil && e.admittedBy(in) {
			continue
		}
		if why, until := s.holds(e, cur); why != "" {
			s.choice.Held = append(s.choice.Held, HeldRelease{Release: e.Release, Why: why, Until: until})
			continue
		}
		updates = append(updates, e)
	}
	if len(updates) == 0 {
		return
	}
	s.choice.Update = cur.version.updateTo(&updates[0].version)
	s.choice.Updates = s.catalog.list(updates)
	s.choice.NewestAllowed = &s.choice.Updates[0]
}

// above are the entries that are known to be newer than cur, newest first.
// They are only to be read.
func (s *selection) above(cur *entry) []*entry {
	if ranked := s.catalog.ranked; ranked != nil {
		n := sort.Search(len(ranked), func(i int) bool {
			return ranked[i].version.sem.Compare(cur.version.sem) <= 0
		})
		// The next may be cur itself, or a build of it that is not listed.
		if n < len(ranked) && ranked[n].Version != cur.Version && s.newer(ranked[n], cur) {
			n++
		}
		return ranked[:n]
	}
	newer := make([]*entry, 0, len(s.catalog.releases))
	for i := range s.catalog.releases {
		e := &s.catalog.releases[i]
		if e.ok && e.Version != cur.Version && e.version.like(&cur.version) && s.newer(e, cur) {
			newer = append(newer, e)
		}
	}
	slices.SortStableFunc(newer, func(a, b *entry) int { return s.order(b, a, cur) })
	return slices.CompactFunc(newer, func(a, b *entry) bool {
		return a.version.compare(&b.version) == 0 && buildText(a) == buildText(b) // v1.2.3 and 1.2.3
	})
}

// holds says why a newer release is not proposed, or "".
func (s *selection) holds(e, cur *entry) (string, time.Time) {
	if !s.preWanted(e, cur) {
		return "a pre-release", time.Time{}
	}
	if e.Deprecated && !cur.Deprecated {
		return "its publisher marks it as deprecated", time.Time{}
	}
	if why := s.rules.refuses(e, cur.version.updateTo(&e.version)); why != "" {
		return why, time.Time{}
	}
	if s.pin.Form == Range {
		if _, ok := RewriteConstraint(s.pin.Version, e.Version); !ok {
			return fmt.Sprintf("%q cannot be rewritten to admit it", s.pin.Version), time.Time{}
		}
	}
	return tooYoung(&e.Release, s.rules.MinAge, s.now)
}

// preWanted reports whether e is a release, or a pre-release that is wanted:
// by policy, or because the pin waits for the same version in one already.
func (s *selection) preWanted(e, cur *entry) bool {
	if s.rules.PreRelease || !e.version.preRelease() {
		return true
	}
	return cur.version.preRelease() && sameCore(&e.version, &cur.version)
}

func sameCore(a, b *version) bool {
	if a.sem != nil {
		return a.sem.Major() == b.sem.Major() && a.sem.Minor() == b.sem.Minor() && a.sem.Patch() == b.sem.Patch()
	}
	return compareNumbers(a.tag.nums, b.tag.nums) == 0
}

// newer reports whether e is known to be newer than cur.
func (s *selection) newer(e, cur *entry) bool {
	if e.version.sem == nil {
		if e.version.tag.compareCore(cur.version.tag) > 0 {
			// A newer version on an older base is half a step back.
			return compareNumbers(e.version.tag.base, cur.version.tag.base) >= 0
		}
		return e.version.tag.compareCore(cur.version.tag) == 0 && e.version.tag.compare(cur.version.tag) > 0
	}
	if c := e.version.sem.Compare(cur.version.sem); c != 0 {
		return c > 0
	}
	if e.created && cur.created {
		return e.Created.After(cur.Created)
	}
	return e.version.build.newerThan(cur.version.build)
}

// order is a total order over entries comparable with cur. Of equals the one
// written like cur is greater, so that it comes first.
func (s *selection) order(a, b, cur *entry) int {
	var c int
	if a.version.sem != nil && b.version.sem != nil {
		c = a.version.sem.Compare(b.version.sem)
		if c == 0 && a.created && b.created {
			c = a.Created.Compare(b.Created)
		}
		if c == 0 {
			c = a.version.build.compare(b.version.build)
		}
	} else {
		x, y := a.version.tag, b.version.tag
		c = x.compareCore(y)
		if c == 0 { // the same software: rather on the base it stands on now
			c = cmp.Compare(sameBase(x, cur), sameBase(y, cur))
		}
		if c == 0 {
			c = cmp.Or(x.compare(y), a.Created.Compare(b.Created)) // v1-abc1234 and v1-def5678
		}
	}
	return cmp.Or(c, cmp.Compare(sameStyle(a, cur), sameStyle(b, cur)), strings.Compare(a.Version, b.Version))
}

func sameBase(t tag, cur *entry) int {
	if compareNumbers(t.base, cur.version.tag.base) == 0 {
		return 1
	}
	return 0
}

func sameStyle(e, cur *entry) int {
	if strings.HasPrefix(e.Version, "v") == strings.HasPrefix(cur.Version, "v") {
		return 1
	}
	return 0
}

func buildText(e *entry) string {
	if e.version.sem == nil {
		return ""
	}
	return e.version.sem.Metadata()
}
