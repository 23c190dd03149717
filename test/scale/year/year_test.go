package main

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"promoter/detectors/all"
	"promoter/detectors/scan"
	"promoter/gitops"
	"promoter/promoter"
)

// TestAFewWeeks lets a small provider live for some weeks: no law is broken,
// and releases come to production.
func TestAFewWeeks(t *testing.T) {
	t.Parallel()
	y, err := live(settings{seed: 7, tenants: 2, clusters: 4, apps: 4, charts: 8, days: 40, workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range y.breaches() {
		t.Error(b)
	}
	var out bytes.Buffer
	y.print(&out)
	arrived := 0
	for _, x := range y.tenants {
		for _, v := range x.judge.all() {
			if !v.legs[production].passed.IsZero() {
				arrived++
			}
		}
	}
	if arrived == 0 || !strings.Contains(out.String(), "Laws broken: 0.") {
		t.Errorf("%d releases have passed in production\n%s", arrived, out.String())
	}
}

// TestTheSameSeed: a year is a function of its settings.
func TestTheSameSeed(t *testing.T) {
	t.Parallel()
	s := settings{seed: 3, tenants: 1, clusters: 3, apps: 3, charts: 6, days: 12, workers: 1}
	var counts []map[string]int
	for range 2 {
		y, err := live(s)
		if err != nil {
			t.Fatal(err)
		}
		counts = append(counts, y.sum().actions)
	}
	if a, b := counted(counts[0]), counted(counts[1]); a != b || a == "" {
		t.Errorf("once %s, and once %s", a, b)
	}
}

// TestAYearIsToldInParts: a tenant lives as it does among others.
func TestAYearIsToldInParts(t *testing.T) {
	t.Parallel()
	told := func(first, tenants int) []*tenant {
		y, err := live(settings{seed: 5, first: first, tenants: tenants, clusters: 3, apps: 4, charts: 8, days: 25, workers: 2})
		if err != nil {
			t.Fatal(err)
		}
		return y.tenants
	}
	whole, part := told(0, 3), told(2, 1)
	alone, among := part[0], whole[2]
	if a, b := counted(alone.tally.actions), counted(among.tally.actions); a != b || a == "" || alone.name != among.name {
		t.Errorf("%s by itself %s, and %s among others %s", alone.name, a, among.name, b)
	}
	if a, b := counted(whole[1].tally.actions), counted(among.tally.actions); a == b {
		t.Errorf("two tenants did the same: %s", a)
	}
}

// small is a tenant in whose world things are done by hand.
func small(t *testing.T) *tenant {
	t.Helper()
	begin := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	charts := shelf(1, 6, begin, begin.Add(30*day))
	for _, c := range charts {
		c.index()
	}
	x, err := newTenant(1, 0, size{3, 2}, charts, begin, begin.Add(30*day))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// bring merges a version to a wave, as a pull of Promoter's.
func (t *tenant) bring(c *chart, version string, wave int) error {
	head := t.repo.head()
	texts := map[int]string{}
	for i, s := range t.slots {
		if s.chart == c && s.wave == wave {
			texts[i] = s.head + version + s.tail
		}
	}
	t.forge.number++
	branch := promoter.Branch{Change: "x-" + version, Wave: waves[wave]}.String()
	p := &pull{opened: t.now}
	p.Number, p.Branch, p.Base, p.State = t.forge.number, branch, trunk, "open"
	p.Head = t.repo.add(head, head.files.with(texts), "x", t.now).hash
	t.forge.pulls = append(t.forge.pulls, p)
	_, err := line{t}.Merge(context.Background(), p.Number, p.Head, gitops.Merge{Title: "x"})
	return err
}

// TestTheJudgeSees plants what must not happen: each is seen.
func TestTheJudgeSees(t *testing.T) {
	t.Parallel()
	for law, plant := range map[string]func(*tenant, *chart, string) error{
		"nothing comes to a wave that has not passed the one before it": func(x *tenant, c *chart, v string) error { return x.bring(c, v, staging) },
		"a release has its age": func(x *tenant, c *chart, v string) error {
			x.now = c.find(v).seen
			return x.bring(c, v, dev)
		},
		"nothing is merged outside of windows (law 7)": func(x *tenant, c *chart, v string) error {
			for !x.shape.closed(x.now) {
				x.now = x.now.Add(time.Hour)
			}
			return x.bring(c, v, production)
		},
		"what is bad is stopped before production": func(x *tenant, c *chart, v string) error {
			c.find(v).bad = &harm{kind: "at once"}
			return x.bring(c, v, production)
		},
		"no pull twice": func(x *tenant, _ *chart, _ string) error {
			p := &pull{}
			p.Branch, p.Head = "promoter/x/dev", x.repo.refs[trunk]
			p.Head = x.repo.add(x.repo.head(), x.repo.head().files, "x", x.now).hash
			x.judge.opened(p)
			x.judge.opened(p)
			return nil
		},
		"what failed goes nowhere (law 8)": func(x *tenant, c *chart, v string) error {
			x.judge.travel(c, v).taken = true
			return x.bring(c, v, dev)
		},
		"liveness": func(x *tenant, c *chart, v string) error {
			x.end = c.find(v).seen.Add(mostLag + 40*day)
			x.judge.ends()
			return nil
		},
	} {
		x := small(t)
		i := slices.IndexFunc(x.charts, func(c *chart) bool { return c.listed(x.begin) < len(c.releases) })
		if i < 0 {
			t.Fatal("no chart has a release in the first month")
		}
		c := x.charts[i]
		r := c.releases[c.listed(x.begin)]
		x.now = r.seen.Add(10 * day)
		if err := plant(x, c, r.version); err != nil {
			t.Errorf("%s: %v", law, err)
		}
		if !slices.ContainsFunc(x.judge.breaches, func(b string) bool { return strings.HasPrefix(b, law+":") }) {
			t.Errorf("%s: not seen; seen: %q", law, x.judge.breaches)
		}
	}
}

// TestPinsAreWhatDetectorsFind holds this world's shortcut, pins without a
// scan, to what the real detectors find in its files.
func TestPinsAreWhatDetectorsFind(t *testing.T) {
	t.Parallel()
	x := small(t)
	for i := range x.slots {
		text := x.repo.head().files.at(i)
		r := scan.File(x.repo.paths[i], []byte(text), all.List())
		want := x.pin(i, text)
		if len(r.Pins) != 1 {
			t.Fatalf("%s: %d pins are found", x.repo.paths[i], len(r.Pins))
		}
		got := r.Pins[0].Pin
		if got.Artifact != want.Artifact || got.Version != want.Version || got.Place != want.Place || got.App != want.App || got.Cluster != want.Cluster || got.Form != want.Form || got.Consumer != want.Consumer {
			t.Errorf("%s: found\n%+v\nand here\n%+v", x.repo.paths[i], got, want)
		}
	}
}

// TestAPersonMergesWhatIllHealthKeepsOut: what is ill already is not merged to
// by Promoter; the person who comes every day does.
func TestAPersonMergesWhatIllHealthKeepsOut(t *testing.T) {
	t.Parallel()
	x := small(t)
	x.bot.settle()
	c := x.charts[0]
	at := x.slots[slices.IndexFunc(x.slots, func(s *slot) bool { return s.chart == c && s.wave == dev })]
	c.find(at.running(x.now).version).bad = &harm{kind: "at once"}
	next := release{version: "99.0.0", seen: x.now.Add(-20 * day)}
	c.releases = append(c.releases[:c.listed(x.begin):c.listed(x.begin)], next)
	c.index()
	x.live(x.begin.Add(6 * day))
	if x.tally.byHand == 0 || at.running(x.now).version != next.version {
		t.Errorf("%d merged by hand, and dev runs %s", x.tally.byHand, at.running(x.now).version)
	}
}
