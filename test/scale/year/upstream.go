package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"promoter/promoter"
)

// How publishers release. The shares are assumptions, made from what the
// indexes of much used charts show: few release every week, most every two to
// four weeks, some a few times a year; two thirds of all releases are patches,
// and every fourth minor release is followed by a patch within days.
var cadences = []struct {
	share int           // of a hundred
	every time.Duration // on average
}{{15, 7 * day}, {35, 14 * day}, {35, 28 * day}, {15, 90 * day}}

const (
	day        = 24 * time.Hour
	minors     = 28  // of a hundred releases
	majors     = 2   // of a hundred releases
	followed   = 25  // of a hundred minor releases
	badShare   = 150 // of ten thousand releases
	seenEvery  = 15 * time.Minute
	background = 120 * day // of releases before the year begins
)

// harm is what a bad release does.
type harm struct {
	kind   string        // "at once", "later", "errors only" or "production only"
	after  time.Duration // of running it
	silent bool          // only its service's indicator shows it
	wave   int           // the first in which it shows
}

// release is one version of a chart.
type release struct {
	version string
	seen    time.Time // when it is first seen by who asks every quarter of an hour
	bad     *harm
}

// chart is an artifact, and what its publisher does.
type chart struct {
	promoter.Artifact
	platform bool
	every    time.Duration
	releases []release
	byName   map[string]*release

	mu      sync.Mutex
	catalog *promoter.Catalog
	counted int
}

// shelf makes charts and all of their releases until an end.
func shelf(seed uint64, charts int, begin, end time.Time) []*chart {
	var out []*chart
	for i := range charts {
		rng := rand.New(rand.NewPCG(seed, uint64(i)+0xc4a27))
		c := &chart{platform: i < charts/6, byName: map[string]*release{}}
		name := fmt.Sprintf("service-%03d", i)
		if c.platform {
			name = fmt.Sprintf("platform-%03d", i)
		}
		c.Artifact = promoter.Artifact{Kind: promoter.Chart, Name: name, Source: "https://charts.example.com"}
		c.every = cadence(rng)
		c.publish(rng, begin, end)
		out = append(out, c)
	}
	return out
}

func cadence(rng *rand.Rand) time.Duration {
	n := rng.IntN(100)
	for _, c := range cadences {
		if n -= c.share; n < 0 {
			return c.every
		}
	}
	return cadences[0].every
}

// publish draws the releases.
func (c *chart) publish(rng *rand.Rand, begin, end time.Time) {
	v := [3]int{1 + rng.IntN(4), rng.IntN(20), rng.IntN(5)}
	at := begin.Add(-background)
	c.add(v, at, nil)
	soon := time.Time{} // a patch that follows
	for {
		// Gaps are exponential, so that some are short and some long.
		next := at.Add(time.Duration(rng.ExpFloat64() * float64(c.every)))
		patch := !soon.IsZero() && soon.Before(next)
		if patch {
			next = soon
		}
		soon = time.Time{}
		at = working(next, rng)
		if !at.Before(end) {
			return
		}
		n := rng.IntN(100)
		switch {
		case !patch && n < majors:
			v = [3]int{v[0] + 1, 0, 0}
		case !patch && n < majors+minors:
			v = [3]int{v[0], v[1] + 1, 0}
			if rng.IntN(100) < followed {
				soon = at.Add(time.Duration(rng.Int64N(int64(4 * day))))
			}
		default:
			v[2]++
		}
		var bad *harm
		if at.After(begin) && rng.IntN(10_000) < badShare {
			bad = harmful(rng)
			soon = at.Add(day + time.Duration(rng.Int64N(int64(9*day)))) // its publisher hears of it
		}
		c.add(v, at, bad)
	}
}

// working moves a moment into the working hours in which people release.
func working(at time.Time, rng *rand.Rand) time.Time {
	for at.Weekday() == time.Saturday || at.Weekday() == time.Sunday {
		at = at.Add(day)
	}
	y, m, d := at.Date()
	return time.Date(y, m, d, 7, 0, 0, 0, time.UTC).Add(time.Duration(rng.Int64N(int64(12 * time.Hour))))
}

// harmful draws what is wrong with a bad release. One of ten shows only under
// production's load: nothing before production could have found it.
func harmful(rng *rand.Rand) *harm {
	span := func(most time.Duration) time.Duration { return time.Duration(rng.Int64N(int64(most))) }
	switch n := rng.IntN(100); {
	case n < 45:
		return &harm{kind: "at once", after: span(3 * time.Minute)}
	case n < 70:
		return &harm{kind: "later", after: 10*time.Minute + span(10*time.Hour-10*time.Minute)}
	case n < 90:
		return &harm{kind: "errors only", after: span(7 * time.Minute), silent: true}
	}
	return &harm{kind: "production only", after: span(30 * time.Minute), wave: production}
}

func (c *chart) add(v [3]int, at time.Time, bad *harm) {
	seen := at.Truncate(seenEvery).Add(seenEvery)
	version := fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2])
	if n := len(c.releases); n > 0 && !c.releases[n-1].seen.Before(seen) {
		seen = c.releases[n-1].seen.Add(seenEvery)
	}
	c.releases = append(c.releases, release{version: version, seen: seen, bad: bad})
	c.byName = nil
}

// find is a release by its version.
func (c *chart) find(version string) *release {
	return c.byName[version]
}

// index makes releases findable, once all are there.
func (c *chart) index() {
	c.byName = map[string]*release{}
	for i := range c.releases {
		c.byName[c.releases[i].version] = &c.releases[i]
	}
}

// listed is how many releases can be seen.
func (c *chart) listed(now time.Time) int {
	n, _ := slices.BinarySearchFunc(c.releases, now, func(r release, now time.Time) int {
		if r.seen.After(now) {
			return 1
		}
		return -1
	})
	return n
}

// read is the chart's listing with so many releases.
func (c *chart) read(n int) *promoter.Catalog {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.catalog != nil && c.counted == n {
		return c.catalog
	}
	l := promoter.Listing{Artifact: c.Artifact}
	for _, r := range slices.Backward(c.releases[:n]) {
		l.Releases = append(l.Releases, promoter.Release{Version: r.version, Created: r.seen, FirstSeen: r.seen})
	}
	c.catalog, c.counted = promoter.Read(l), n
	return c.catalog
}
