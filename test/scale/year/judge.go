package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"promoter/gitops"
	"promoter/promoter"
)

// judge holds what happens to the laws, by what the world is.
type judge struct {
	tenant   *tenant
	breaches []string
	travels  map[*chart]map[string]*travel
	byCommit map[string]*leg // by merge commit
	branches map[string]bool // of pulls that were opened
	asks     map[string]int  // by what a person was asked for
	shift    time.Time       // when a person looks next
	byHand   bool            // a person merges now
	harms    []*suffering
}

// travel is a version's way through a tenant.
type travel struct {
	chart   *chart
	release *release
	pushed  time.Time // its first pull
	legs    [3]leg
	taken   bool // taken back somewhere
}

// leg is one wave of it.
type leg struct {
	travel *travel
	wave   int
	opened time.Time
	merged time.Time
	runs   time.Time // everywhere in the wave
	passed time.Time // sealed
	failed time.Time
	back   time.Time // taken back
	byHand bool
}

// suffering is a bad release that shows in a wave.
type suffering struct {
	leg   *leg
	shows time.Time
	ends  time.Time // what runs there is another version, everywhere
}

const mostBreaches = 20

func (j *judge) broken(law, format string, args ...any) {
	if len(j.breaches) < mostBreaches {
		j.breaches = append(j.breaches, fmt.Sprintf("%s: %s at %s: %s", law, j.tenant.name, j.tenant.now.Format(time.DateTime), fmt.Sprintf(format, args...)))
	}
}

func (j *judge) travel(c *chart, version string) *travel {
	if j.travels[c] == nil {
		j.travels[c] = map[string]*travel{}
	}
	v := j.travels[c][version]
	if v == nil {
		v = &travel{chart: c, release: c.find(version)}
		for w := range v.legs {
			v.legs[w].travel, v.legs[w].wave = v, w
		}
		j.travels[c][version] = v
	}
	return v
}

// legs are what a pull changes: which version comes to which wave.
func (j *judge) legs(p *pull) (out []*leg) {
	t := j.tenant
	head := t.repo.objects[p.Head]
	for _, i := range t.repo.objects[head.parent].files.differ(head.files) {
		s := t.slots[i]
		l := &j.travel(s.chart, s.version(head.files.at(i))).legs[s.wave]
		if !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}

func (j *judge) opened(p *pull) {
	if j.branches == nil {
		j.branches = map[string]bool{}
	}
	if j.branches[p.Branch] {
		j.broken("no pull twice", "#%d is opened for %s, which was opened before", p.Number, p.Branch)
	}
	j.branches[p.Branch] = true
	b, _ := promoter.ParseBranch(p.Branch)
	for _, l := range j.legs(p) {
		if b.Revert {
			continue
		}
		l.opened = j.tenant.now
		if l.travel.pushed.IsZero() {
			l.travel.pushed = j.tenant.now
		}
		if l.travel.taken {
			j.broken("what was taken back is not proposed again (law 13)", "#%d brings %s %s to %s", p.Number, l.travel.chart.Name, l.travel.release.version, waves[l.wave])
		}
	}
}

// merged judges a merge. It is called when the applications know what they will
// run.
func (j *judge) merged(p *pull, texts map[int]string) {
	t := j.tenant
	b, _ := promoter.ParseBranch(p.Branch)
	j.relieve(texts)
	if b.Revert {
		for _, v := range j.travels {
			for _, travel := range v {
				j.back(travel, b, texts)
			}
		}
		return
	}
	for _, l := range j.legs(p) {
		l.merged, l.byHand = t.now, j.byHand
		if j.byCommit == nil {
			j.byCommit = map[string]*leg{}
		}
		j.byCommit[p.Merge] = l
		for i := range texts {
			if due := t.slots[i].runs[len(t.slots[i].runs)-1].due; due.After(l.runs) {
				l.runs = due
			}
		}
		if !j.byHand {
			j.forward(p, l)
		}
		if h := l.travel.release.bad; h != nil && l.wave >= h.wave {
			j.harms = append(j.harms, &suffering{leg: l, shows: l.runs.Add(h.after)})
		}
	}
}

// forward judges a step forward that Promoter made.
func (j *judge) forward(p *pull, l *leg) {
	t, v := j.tenant, l.travel
	named := fmt.Sprintf("#%d brings %s %s to %s", p.Number, v.chart.Name, v.release.version, waves[l.wave])
	if l.wave == production && t.shape.closed(t.now) {
		j.broken("nothing is merged outside of windows (law 7)", "%s", named)
	}
	if t.now.Before(v.release.seen.Add(t.shape.age)) {
		j.broken("a release has its age", "%s %s after it was seen", named, t.now.Sub(v.release.seen))
	}
	if v.taken {
		j.broken("what failed goes nowhere (law 8)", "%s", named)
	}
	for w := range l.wave {
		before := &v.legs[w]
		soak := t.shape.soaks(v.chart, w)
		switch {
		case before.passed.IsZero() || !before.failed.IsZero() || !before.back.IsZero():
			j.broken("nothing comes to a wave that has not passed the one before it", "%s, and %s has not passed", named, waves[w])
		case t.now.Sub(before.runs) < soak:
			j.broken("it soaks", "%s, and it has run for %s in %s", named, t.now.Sub(before.runs), waves[w])
		}
	}
	if h := v.release.bad; h != nil && l.wave == production && h.wave < production {
		j.broken("what is bad is stopped before production", "%s, which is bad (%s, %s after it runs)", named, h.kind, h.after)
	}
}

// back notes what a revert takes back.
func (j *judge) back(v *travel, b promoter.Branch, texts map[int]string) {
	for w := range v.legs {
		l := &v.legs[w]
		if l.merged.IsZero() || !l.back.IsZero() || b.Wave != waves[w] {
			continue
		}
		for i := range texts {
			s := j.tenant.slots[i]
			if n := len(s.runs); s.chart == v.chart && s.wave == w && n > 1 && s.runs[n-2].version == v.release.version {
				l.back, v.taken = j.tenant.now, true
				break
			}
		}
	}
}

// relieve notes which sufferings end with what is merged now.
func (j *judge) relieve(texts map[int]string) {
	for _, h := range j.harms {
		if !h.ends.IsZero() {
			continue
		}
		for i := range texts {
			s := j.tenant.slots[i]
			n := len(s.runs)
			if s.chart != h.leg.travel.chart || s.wave != h.leg.wave || s.runs[n-1].version == h.leg.travel.release.version {
				continue
			}
			if s.runs[n-1].due.After(h.ends) {
				h.ends = s.runs[n-1].due
			}
		}
	}
	j.harms = slices.DeleteFunc(j.harms, func(h *suffering) bool {
		return !h.ends.IsZero() && !h.shows.Before(h.ends) // it was gone before it showed
	})
}

// sealed notes a verdict.
func (j *judge) sealed(hash string, s gitops.Status) {
	l := j.byCommit[hash]
	if stage, _, ok := promoter.ParseSeal(s.Context); l == nil || !ok || stage != promoter.StageVerdict {
		return
	}
	if s.State == "success" {
		l.passed = j.tenant.now
		return
	}
	l.failed = j.tenant.now
	if l.travel.release.bad == nil {
		j.broken("only what is bad is blamed (law 6)", "%s %s in %s: %s", l.travel.chart.Name, l.travel.release.version, waves[l.wave], s.Description)
	}
}

// asked notes that a person is asked for something.
func (j *judge) asked(title string) {
	if j.asks == nil {
		j.asks = map[string]int{}
	}
	what, _, _ := strings.Cut(title, " (#")
	words := strings.Fields(what)
	j.asks[strings.Join(words[max(0, len(words)-3):], " ")]++
}

// ends judges how the year has ended: who is behind, by how long, and why that
// is not the calendar's doing.
func (j *judge) ends() (behind []time.Duration) {
	t := j.tenant
	for _, c := range t.charts {
		for w := range waves {
			var lag time.Duration
			for _, s := range t.slots {
				if s.chart != c || s.wave != w {
					continue
				}
				lag = max(lag, t.lag(c, s.runs[len(s.runs)-1].version))
			}
			if lag > 0 && w == production {
				behind = append(behind, lag)
			}
			if lag > mostLag {
				j.broken("liveness", "%s is %s behind in %s", c.Name, promoter.Span(lag), waves[w])
			}
		}
	}
	for _, h := range j.harms {
		if h.ends.IsZero() && t.end.Sub(h.shows) > 14*day {
			j.broken("what is bad does not stay", "%s %s in %s since %s", h.leg.travel.chart.Name, h.leg.travel.release.version, waves[h.leg.wave], h.shows.Format(time.DateTime))
		}
	}
	return behind
}

// mostLag is how long the newest good release may be out and old enough, and
// its chart be behind everywhere. The longest chain is a rollout before it
// that waits for a weekly window, and then its own.
const mostLag = 35 * day

// lag is for how long a newer good release than this one could be had.
func (t *tenant) lag(c *chart, version string) time.Duration {
	own := slices.IndexFunc(c.releases, func(r release) bool { return r.version == version })
	for _, r := range c.releases[own+1:] {
		if at := r.seen.Add(t.shape.age); r.bad == nil && at.Before(t.end) {
			return t.end.Sub(at)
		}
	}
	return 0
}

// all are the travels in a stable order.
func (j *judge) all() (out []*travel) {
	for _, c := range j.tenant.charts {
		for _, v := range slices.Sorted(maps.Keys(j.travels[c])) {
			out = append(out, j.travels[c][v])
		}
	}
	return out
}
