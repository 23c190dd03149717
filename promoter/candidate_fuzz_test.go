package promoter

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzCandidates holds what every choice promises: updates are strictly newer
// than the current version and sorted, the order of the listing does not
// matter, and no release is both proposed and held.
func FuzzCandidates(f *testing.F) {
	f.Add(uint8(0), "1.2.3", "1.2.3 1.2.4 v1.2.4 2.0.0-rc.1 1.2.3+up1 1.2.3+up2")
	f.Add(uint8(1), "1.2.3-alpine3.18", "1.2.3-alpine3.18 1.2.4-alpine3.19 1.2.4-alpine3.18 latest")
	f.Add(uint8(2), "v1.2", "v1.2 v1.2.0 v1.3 1.4")
	f.Add(uint8(0), "1.2.3+up1", "1.2.3+up2 1.2.2 1.3.0-rc.1 2.0.0")
	f.Add(uint8(3), "^1.2", "1.2.3 v1.3.0 2.0.0 2.1.0-beta latest")
	f.Fuzz(func(t *testing.T, k uint8, version, listed string) {
		kind := fuzzKinds[int(k)%len(fuzzKinds)]
		consumer := map[Kind]Consumer{Chart: ByHelm, Image: ByContainer, Git: ByGit, Galaxy: ByGalaxy}[kind]
		versions := strings.Fields(listed)
		pin := pinOf(kind, consumer, version)
		got := Candidates(pin, listingOf(kind, versions...), Wanted{}, noon)
		from := version
		if got.Current != nil {
			from = got.Current.Version
		}
		seen := map[string]bool{}
		for i, r := range got.Updates {
			if c, ok := Compare(kind, r.Version, from); !ok || c <= 0 {
				t.Fatalf("%q is proposed for %q: %d, %t", r.Version, from, c, ok)
			}
			if i > 0 {
				// Equal software on another base may stand either way.
				if c, ok := Compare(kind, got.Updates[i-1].Version, r.Version); ok && c < 0 && kind != Image && kind != Git {
					t.Fatalf("%q stands before %q", got.Updates[i-1].Version, r.Version)
				}
			}
			if text, ok := pin.WrittenFor(r); !ok {
				t.Fatalf("%q cannot be written for %q: %q", r.Version, version, text)
			}
			seen[r.Version] = true
		}
		for _, h := range got.Held {
			if seen[h.Release.Version] || h.Why == "" {
				t.Fatalf("%q is held (%q) and proposed", h.Release.Version, h.Why)
			}
		}
		slices.Reverse(versions)
		again := Candidates(pin, listingOf(kind, versions...), Wanted{}, noon)
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(again)
		if diff := cmp.Diff(string(a), string(b)); diff != "" {
			t.Fatalf("the listing's order changed the choice:\n%s", diff)
		}
		sortedForEach := Read(listingOf(kind, versions...))
		sortedForEach.ranked = nil
		b, _ = json.Marshal(sortedForEach.Choose(pin, Wanted{}, noon))
		if diff := cmp.Diff(string(a), string(b)); diff != "" {
			t.Fatalf("releases that were sorted once give another choice than those sorted for the pin:\n%s", diff)
		}
	})
}

func BenchmarkChoose(b *testing.B) {
	for _, bb := range []struct {
		name string
		kind Kind
		n    int
		text func(i int) string
	}{
		{"chart30", Chart, 30, func(i int) string { return fmt.Sprintf("1.%d.%d", i/10, i%10) }},
		{"image10000", Image, 10000, func(i int) string { return fmt.Sprintf("1.%d.%d-alpine3.19", i/100, i%100) }},
	} {
		var versions []string
		for i := range bb.n {
			versions = append(versions, bb.text(i))
		}
		l := listingOf(bb.kind, versions...)
		pin := pinOf(bb.kind, ByArgoCD, versions[len(versions)-5])
		b.Run(bb.name+"/read", func(b *testing.B) {
			for b.Loop() {
				Read(l)
			}
		})
		c := Read(l)
		b.Run(bb.name+"/choose", func(b *testing.B) {
			for b.Loop() {
				c.Choose(pin, Wanted{}, noon)
			}
		})
	}
}
