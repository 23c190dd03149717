package scan

import (
	"cmp"
	"slices"
	"sort"
	"strings"

	"promoter/detectors"
	"promoter/promoter"
)

// claims settles who owns which bytes of a file: the first detector of the
// list that found something there. It is reused from file to file.
type claims struct {
	rank  map[string]int // a detector's place in the list
	taken []claim        // sorted by start, without overlaps
}

type claim struct {
	start, end int
	detector   string
}

func newClaims(list []detectors.Detector) claims {
	c := claims{rank: make(map[string]int, len(list))}
	for i, d := range list {
		if _, ok := c.rank[d.Name()]; !ok {
			c.rank[d.Name()] = i + 1
		}
	}
	return c
}

// settle drops what is claimed twice and sorts the rest by place. One detector
// may pin several artifacts by the same bytes: an anchor's aliases.
func (c *claims) settle(r *detectors.Report) {
	c.taken = c.taken[:0]
	sortStable(r.Pins, func(a, b *detectors.Pin) int { return c.compareRanks(a.Detector, b.Detector) })
	r.Pins = deleteIf(r.Pins, func(p *detectors.Pin) bool {
		if !c.claim(&p.Place, p.Detector) {
			return true
		}
		if p.DigestPlace != nil {
			c.claim(p.DigestPlace, p.Detector)
		}
		return false
	})
	sortStable(r.Pins, comparePins)
	var last *detectors.Pin
	r.Pins = deleteIf(r.Pins, func(p *detectors.Pin) bool {
		twice := last != nil && comparePins(last, p) == 0
		if !twice {
			last = p
		}
		return twice
	})
	sortStable(r.Skips, func(a, b *detectors.Skip) int { return c.compareRanks(a.Detector, b.Detector) })
	r.Skips = deleteIf(r.Skips, func(s *detectors.Skip) bool {
		if c.covered(&s.Place) {
			return true
		}
		c.claim(&s.Place, s.Detector)
		return false
	})
	sortStable(r.Skips, func(a, b *detectors.Skip) int { return comparePlaces(&a.Place, &b.Place) })
	sortStable(r.Facts, func(a, b *detectors.Fact) int { return comparePlaces(&a.Place, &b.Place) })
	sortStable(r.Links, func(a, b *detectors.Link) int { return comparePlaces(&a.From, &b.From) })
	sortStable(r.Findings, func(a, b *promoter.Finding) int { return comparePlaces(&a.Place, &b.Place) })
	sortStable(r.Errors, func(a, b *detectors.Problem) int { return comparePlaces(&a.Place, &b.Place) })
}

func (c *claims) compareRanks(a, b string) int {
	if a == b {
		return 0
	}
	return cmp.Compare(c.rank[a], c.rank[b])
}

// sortStable is slices.SortStableFunc for large elements that mostly are in
// order: then none is copied.
func sortStable[T any](all []T, compare func(a, b *T) int) {
	for i := 1; i < len(all); i++ {
		if compare(&all[i-1], &all[i]) > 0 {
			slices.SortStableFunc(all, func(a, b T) int { return compare(&a, &b) })
			return
		}
	}
}

// deleteIf is slices.DeleteFunc for large elements of which few are deleted:
// the others are not copied.
func deleteIf[T any](all []T, drop func(*T) bool) []T {
	kept := 0
	for i := range all {
		if drop(&all[i]) {
			continue
		}
		if kept != i {
			all[kept] = all[i]
		}
		kept++
	}
	clear(all[kept:])
	return all[:kept]
}

// claim takes a range for a detector; it is false where another has any byte
// of it. A place without bytes (nothing is written there) is free for all.
func (c *claims) claim(p *promoter.Place, detector string) bool {
	if p.Start == p.End {
		return true
	}
	i := c.find(p)
	for j := i; j < len(c.taken) && c.taken[j].start < p.End; j++ {
		if c.taken[j].detector != detector {
			return false
		}
	}
	if i < len(c.taken) && c.taken[i].start < p.End {
		return true // the same detector's, at the same bytes
	}
	c.taken = slices.Insert(c.taken, i, claim{p.Start, p.End, detector})
	return true
}

// covered reports whether what stands at p has been claimed. A longer text
// around a claim (a block of values with one pin in it) is not.
func (c *claims) covered(p *promoter.Place) bool {
	if p.Start == p.End {
		return false
	}
	i := c.find(p)
	if i == len(c.taken) || c.taken[i].start >= p.End {
		return false
	}
	return c.taken[i].start <= p.Start && p.End <= c.taken[i].end || !strings.Contains(p.Written, "\n")
}

// find is the index of the first claim that ends behind p's start.
func (c *claims) find(p *promoter.Place) int {
	return sort.Search(len(c.taken), func(i int) bool { return c.taken[i].end > p.Start })
}

// comparePins orders pins by place, and those of one place by what they pin.
func comparePins(a, b *detectors.Pin) int {
	if c := comparePlaces(&a.Place, &b.Place); c != 0 {
		return c
	}
	return cmp.Or(
		cmp.Compare(a.Artifact.Kind, b.Artifact.Kind),
		cmp.Compare(a.Artifact.Source, b.Artifact.Source),
		cmp.Compare(a.Artifact.Name, b.Artifact.Name),
		cmp.Compare(a.App, b.App),
		cmp.Compare(a.Cluster, b.Cluster),
		cmp.Compare(a.Environment, b.Environment),
	)
}

func comparePlaces(a, b *promoter.Place) int {
	if c := strings.Compare(a.File, b.File); c != 0 {
		return c
	}
	if c := cmp.Compare(a.Start, b.Start); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.End, b.End), strings.Compare(a.Path, b.Path))
}
