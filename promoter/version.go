package promoter

import (
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// UpdateType says how far an update goes. It reads positions, not promises:
// 0.1 to 0.2 is Minor, whatever the publisher means by it.
type UpdateType string

// The types of update, from farthest to nearest.
const (
	Major        UpdateType = "major"    // the first number differs
	Minor        UpdateType = "minor"    // the second number, the base system, or a date
	Patch        UpdateType = "patch"    // a later number, or a pre-release became a release
	Revision     UpdateType = "revision" // build metadata or a packaging revision: "+k3s2", "-r3"
	DigestUpdate UpdateType = "digest"   // the same version with other content
	Rollback     UpdateType = "rollback" // back to what stood before
)

// reach orders update types; a type that is not known reaches farthest, so
// that nothing allows it by accident.
func (t UpdateType) reach() int {
	switch t {
	case DigestUpdate:
		return 0
	case Revision:
		return 1
	case Patch:
		return 2
	case Minor:
		return 3
	case Major:
		return 4
	case Rollback: // nobody allows it beforehand
	}
	return 5
}

// Within reports whether t goes no farther than the limit. An empty limit
// allows every type.
func (t UpdateType) Within(limit UpdateType) bool {
	return limit == "" || t.reach() <= limit.reach()
}

// Classify says what form a version is written in, by the rules of whoever
// consumes it. It never fails: what it cannot read as a version, a range or a
// hash is a name that moves.
func Classify(kind Kind, consumer Consumer, written string) Form {
	written = strings.TrimSpace(written)
	switch {
	case written == "":
		return Missing
	case strings.HasPrefix(written, "sha256:") || strings.HasPrefix(written, "sha512:"):
		return Digest
	case threeNumbers(written):
		return Exact // to every consumer, and what most pins say
	}
	switch {
	case consumer == ByGalaxy || kind == Galaxy:
		return classifyGalaxy(written)
	case kind == Git:
		return classifyGit(written)
	case kind == Image || consumer == ByFluxOCI || consumer == ByContainer:
		return classifyTag(written)
	}
	if v, err := semver.NewVersion(written); err == nil {
		// "1.2" is one version to Argo CD, which reads a version first, and
		// every 1.2.x to Helm and Flux, which read a constraint.
		if consumer == ByArgoCD || wholeVersion(written, v) {
			return Exact
		}
		return Range
	}
	if _, err := semver.NewConstraint(written); err == nil {
		return Range
	}
	return Floating
}

// threeNumbers reports whether a text is "1.2.3" or "v1.2.3", with numbers
// that fit and have no leading zeros.
func threeNumbers(s string) bool {
	_, ok := readNumbers(s)
	return ok
}

// readNumbers reads what threeNumbers accepts.
func readNumbers(s string) (out [3]uint64, ok bool) {
	s = strings.TrimPrefix(s, "v")
	at, n := 0, 0 // the number, and how many digits it has
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '.' && n > 0 && at < 2:
			at, n = at+1, 0
		case '0' <= c && c <= '9' && n < 18 && (n == 0 || out[at] > 0):
			out[at] = out[at]*10 + uint64(c-'0')
			n++
		default:
			return out, false
		}
	}
	return out, at == 2 && n > 0
}

// wholeVersion reports whether all three numbers of a version are written.
func wholeVersion(written string, v *semver.Version) bool {
	core := written
	if i := strings.IndexAny(core, "-+"); i >= 0 {
		core = core[:i]
	}
	return v != nil && strings.Count(core, ".") == 2
}

func classifyGalaxy(written string) Form {
	if _, err := semver.NewVersion(written); err == nil {
		return Exact // ansible-galaxy knows no partial versions
	}
	if _, err := readConstraint(written, false); err == nil {
		return Range
	}
	return Floating
}

func classifyTag(written string) Form {
	if looksLikeRange(written) {
		return Range
	}
	if _, ok := readTag(written); ok {
		return Exact
	}
	if namesCommit(written) {
		return Commit
	}
	return Floating
}

func classifyGit(written string) Form {
	switch {
	case strings.HasPrefix(written, "refs/heads/"), strings.HasPrefix(written, "refs/pull/"), written == "HEAD":
		return Floating
	case isHex(written) && len(written) >= 7 && len(written) <= 64:
		// Eight digits that are a day are a tag somebody chose; other hex is
		// what Argo CD and Git take for an abbreviated commit.
		if t, ok := readTag(written); ok && t.class == classDay {
			return Exact
		}
		return Commit
	case looksLikeRange(written):
		return Range
	}
	if _, ok := readTag(written); ok {
		return Exact
	}
	return Floating
}

// looksLikeRange reports whether a text can only be meant as a constraint:
// it reads as one and holds an operator or a wildcard. "1.2" alone is a name.
func looksLikeRange(s string) bool {
	if !strings.ContainsAny(s, "<>=^~*|!, ") && !hasWildcardPart(s) {
		return false
	}
	_, err := semver.NewConstraint(s)
	return err == nil
}

// hasWildcardPart reports whether a dotted part is "x" or "X": "1.x".
func hasWildcardPart(s string) bool {
	for p := range strings.SplitSeq(s, ".") {
		if p == "x" || p == "X" {
			return true
		}
	}
	return false
}

// Compare orders two versions of the same kind of artifact: -1, 0 or 1, and
// whether they can be compared at all. Charts and Galaxy content compare as
// Semantic Versions with a tie-break over build metadata; image and Git tags
// only compare with their like: same prefix, same shape of suffix, same sort
// of numbers. Among comparable versions the order is total; 0 means that
// neither is newer, not that the texts are equal.
func Compare(kind Kind, a, b string) (int, bool) {
	if kind == Chart || kind == Galaxy { // almost all of them are three numbers
		if x, ok := readNumbers(a); ok {
			if a == b {
				return 0, true
			}
			if y, ok := readNumbers(b); ok {
				return slices.Compare(x[:], y[:]), true
			}
		}
	}
	va, ok := readVersion(kind, a)
	if !ok {
		return 0, false
	}
	vb, ok := readVersion(kind, b)
	if !ok || !va.like(&vb) {
		return 0, false
	}
	return va.compare(&vb), true
}

// UpdateTypeOf says how far apart two versions are, in either direction. It is
// empty when they are equal or cannot be compared.
func UpdateTypeOf(kind Kind, from, to string) UpdateType {
	a, ok := readVersion(kind, from)
	if !ok {
		return ""
	}
	b, ok := readVersion(kind, to)
	if !ok || !a.like(&b) {
		return ""
	}
	return a.updateTo(&b)
}

// IsPreRelease reports whether a version announces another one: "1.2.0-rc.1".
// Of a tag that cannot be read as a version it is false.
func IsPreRelease(kind Kind, v string) bool {
	p, ok := readVersion(kind, v)
	return ok && p.preRelease()
}

// version is a version read by the scheme of its kind: sem for charts and
// Galaxy content, tag for images and Git.
type version struct {
	text  string
	sem   *semver.Version
	build build
	tag   tag
	git   bool // Git tags may differ in the number of parts
}

func readVersion(kind Kind, s string) (version, bool) {
	v := version{text: s}
	switch kind {
	case Chart, Galaxy:
		sem, err := readSemver(s)
		if err != nil {
			return v, false
		}
		v.sem, v.build = sem, readBuild(sem.Metadata())
		return v, true
	case Image, Git:
		t, ok := readTag(s)
		v.tag, v.git = t, kind == Git
		return v, ok
	}
	return v, false
}

// readSemver reads as semver.NewVersion does; whole versions, which almost all
// are, take the path without regular expressions.
func readSemver(s string) (*semver.Version, error) {
	if v, err := semver.StrictNewVersion(s); err == nil {
		return v, nil
	}
	return semver.NewVersion(s)
}

func (v *version) like(o *version) bool {
	if v.sem != nil || o.sem != nil {
		return v.sem != nil && o.sem != nil
	}
	return v.tag.like(o.tag, v.git)
}

func (v *version) compare(o *version) int {
	if v.sem == nil {
		return v.tag.compare(o.tag)
	}
	if c := v.sem.Compare(o.sem); c != 0 {
		return c
	}
	return v.build.compare(o.build)
}

func (v *version) preRelease() bool {
	if v.sem != nil {
		return v.sem.Prerelease() != ""
	}
	return len(v.tag.pre) > 0
}

func (v *version) updateTo(o *version) UpdateType {
	if v.sem == nil {
		return v.tag.updateTo(o.tag)
	}
	a, b := v.sem, o.sem
	switch {
	case a.Major() != b.Major():
		return Major
	case a.Minor() != b.Minor():
		return Minor
	case a.Patch() != b.Patch(), a.Prerelease() != b.Prerelease():
		return Patch
	case a.Metadata() != b.Metadata():
		return Revision
	}
	return ""
}

// semantic is the version as a constraint sees it: a tag's first three
// numbers. It is nil when they do not fit.
func (v *version) semantic() *semver.Version {
	if v.sem != nil {
		return v.sem
	}
	return v.tag.semantic()
}
