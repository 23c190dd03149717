package promoter

import (
	"testing"

	"github.com/Masterminds/semver/v3"
)

var fuzzKinds = []Kind{Chart, Image, Git, Galaxy}

// FuzzCompare holds that Compare is a total order wherever it answers.
func FuzzCompare(f *testing.F) {
	f.Add(uint8(0), "1.2.3+a1", "1.2.3+4f2c9ab", "1.2.3")
	f.Add(uint8(0), "1.2.3-a.1", "v1.2.3", "1.2")
	f.Add(uint8(1), "1.25.3-alpine3.19", "1.25.3-alpine3.20", "1.26.0-alpine3.9")
	f.Add(uint8(1), "1.2-rc-1", "1.2-rc2", "1.2")
	f.Add(uint8(1), "v20231011-8b53cabe0", "v20231012-8b53cabe0", "v20231011-8b53cabe1")
	f.Add(uint8(2), "v1.2", "v1.2.0", "v1.2.0-rc1")
	f.Fuzz(func(t *testing.T, k uint8, a, b, c string) {
		kind := fuzzKinds[int(k)%len(fuzzKinds)]
		ab, ok := Compare(kind, a, b)
		if ba, back := Compare(kind, b, a); back != ok || ba != -ab {
			t.Fatalf("Compare(%q, %q) = %d, %t; the other way %d, %t", a, b, ab, ok, ba, back)
		}
		if aa, ok := Compare(kind, a, a); aa != 0 {
			t.Fatalf("Compare(%q, itself) = %d, %t", a, aa, ok)
		}
		if _, isTag := readTag(a); isTag && namesCommit(a) && isHash(a) {
			t.Fatalf("%q is a commit and a version", a)
		}
		bc, ok2 := Compare(kind, b, c)
		ac, ok3 := Compare(kind, a, c)
		if !ok || !ok2 {
			return
		}
		if !ok3 {
			t.Fatalf("%q, %q and %q: comparable in a row, but not the ends", a, b, c)
		}
		if ab <= 0 && bc <= 0 && (ac > 0 || ac == 0 && (ab < 0 || bc < 0)) {
			t.Fatalf("%q <= %q <= %q, but %d", a, b, c, ac)
		}
		if (UpdateTypeOf(kind, a, b) == "") != (ab == 0) && kind != Chart && kind != Galaxy {
			t.Fatalf("Compare(%q, %q) = %d, but update %q", a, b, ab, UpdateTypeOf(kind, a, b))
		}
	})
}

// FuzzThreeNumbers holds that what Classify takes for an exact version at one
// look is one to every reader of versions.
func FuzzThreeNumbers(f *testing.F) {
	f.Add("1.2.3")
	f.Add("v0.10.20240801")
	f.Add("1.02.3")
	f.Add("1.2.3.4")
	f.Add("999999999999999999.0.0")
	f.Fuzz(func(t *testing.T, s string) {
		if !threeNumbers(s) {
			return
		}
		v, err := semver.NewVersion(s)
		if err != nil || !wholeVersion(s, v) {
			t.Fatalf("%q is no whole version to charts: %v", s, err)
		}
		if n, ok := readNumbers(s); !ok || n != [3]uint64{v.Major(), v.Minor(), v.Patch()} || v.Prerelease() != "" || v.Metadata() != "" {
			t.Fatalf("%q is read as %v, and is %s", s, n, v)
		}
		for reader, form := range map[string]Form{
			"galaxy": classifyGalaxy(s), "git": classifyGit(s), "tag": classifyTag(s),
		} {
			if form != Exact {
				t.Fatalf("%q is %s to %s", s, form, reader)
			}
		}
	})
}

// FuzzRewriteConstraint holds that a rewritten constraint admits the version
// it was rewritten for, and that rewriting is stable.
func FuzzRewriteConstraint(f *testing.F) {
	f.Add("^1.2 || >=2 <3", "4.5.6")
	f.Add("1.0 - 2.0", "2.3.4-rc.1")
	f.Add("~v1.2.3-0", "v9.9.9")
	f.Fuzz(func(t *testing.T, old, version string) {
		got, ok := RewriteConstraint(old, version)
		if !ok {
			if got != "" {
				t.Fatalf("refused, but wrote %q", got)
			}
			return
		}
		c, err := readConstraint(got, false)
		if err != nil {
			t.Fatalf("wrote %q: %v", got, err)
		}
		v, err := readSemver(version)
		if err != nil || !c.Check(v) {
			t.Fatalf("%q for %q became %q, which does not admit it", old, version, got)
		}
		if again, ok := RewriteConstraint(got, version); !ok || again != got {
			t.Fatalf("%q became %q the second time", got, again)
		}
	})
}
