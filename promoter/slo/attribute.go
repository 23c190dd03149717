package slo

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// Attribution says whether a failure is the change's, and how that is known.
type Attribution struct {
	Attributable bool     `json:"attributable"`
	Why          string   `json:"why"`
	Effect       float64  `json:"effect"` // the least that the metric is now, with 99% confidence
	Noise        float64  `json:"noise"`  // the most that it was before, or may be
	Notes        []string `json:"notes,omitempty"`
}

// attribute holds a failure against what was before and elsewhere. ticks end
// with the one at which the gate failed. Every way out that is not proof
// leaves the change unblamed.
func (g Gate) attribute(base, ticks []tick, control []Sample, ready time.Time) Attribution {
	var a Attribution
	if why := goodBefore(base); why != "" {
		a.Why = why
		return a
	}
	failing := ticks[max(0, len(ticks)-g.FailLimit.Of):]
	// What was good before the first bad sample would only dilute the effect.
	if i := slices.IndexFunc(failing, func(t tick) bool { return t.Class == Bad }); i > 0 {
		failing = failing[i:]
	}
	if why := g.elsewhere(&a, control, ready, failing); why != "" {
		a.Why = why
		return a
	}
	if why := g.effect(&a, disjoint(base), disjoint(failing), failing); why != "" {
		a.Why = why
		return a
	}
	if g.Compare {
		if why := g.compareRanks(&a, disjoint(base), disjoint(ticks)); why != "" {
			a.Why = why
			return a
		}
	}
	a.Attributable, a.Why = true, "it was good before the change and the difference is more than noise"
	if len(control) > 0 {
		a.Why += ", and it is good where the change is not"
	}
	return a
}

// goodBefore says why the samples before the change do not prove that the
// service was good, or "".
func goodBefore(base []tick) string {
	good := 0
	for _, t := range base {
		switch t.Class {
		case Bad:
			return fmt.Sprintf("it was bad before the change already, at %s", t.At.UTC().Format(time.RFC3339))
		case Good:
			good++
		}
	}
	if len(base) == 0 || base[len(base)-1].Class != Good || 2*good < len(base) {
		return "nobody saw that it was good before the change"
	}
	return ""
}

// elsewhere says why the cohorts that the change has not reached speak against
// blaming it, or "". A cohort that was bad before the change tells nothing.
func (g Gate) elsewhere(a *Attribution, control []Sample, ready time.Time, failing []tick) string {
	cohorts := map[string][]Sample{}
	for _, s := range control {
		cohorts[s.Cohort] = append(cohorts[s.Cohort], s)
	}
	from, to := failing[0].At.Add(-g.Interval), failing[len(failing)-1].At.Add(g.ConfirmAfter)
	good := 0
	var bad []string
	for _, name := range slices.Sorted(maps.Keys(cohorts)) {
		ticks := before(cohorts[name], time.Time{})
		if slices.ContainsFunc(ticks, func(t tick) bool { return t.Class == Bad && t.At.Before(ready) }) {
			a.Notes = append(a.Notes, fmt.Sprintf("control %q was bad before the change: left out", name))
			continue
		}
		sees := false
		for _, t := range ticks {
			if t.At.Before(ready) || t.At.After(to) {
				continue
			}
			sees = sees || t.Class == Good && !t.At.Before(from)
			if t.Class == Bad && !slices.Contains(bad, name) {
				bad = append(bad, name)
			}
		}
		if sees {
			good++
		}
	}
	if len(bad) > 0 {
		return fmt.Sprintf("it is bad too where the change is not (%s): an incident, not this change", oneLine(strings.Join(bad, ", ")))
	}
	if g.Control && good == 0 {
		return "no control cohort was seen to be good at the same time"
	}
	if len(control) > 0 {
		a.Notes = append(a.Notes, fmt.Sprintf("good at the same time: %d of %d control cohorts", good, len(cohorts)))
	}
	return ""
}

// z99 is the normal quantile of a one-sided confidence of 99%: both bounds
// together leave the 2% that Kayenta's judge leaves.
const z99 = 2.3263478740408408

// effect says why the difference may be noise, or "".
func (g Gate) effect(a *Attribution, base, post, failing []tick) string {
	if g.Measure == Gauge {
		return g.spread(a, base, failing)
	}
	was, ok := g.pool(base)
	is, ok2 := g.pool(post)
	if !ok || !ok2 {
		return "nobody counted the events, so its noise is not known"
	}
	var target float64
	if g.Measure == BadCount {
		a.Effect, _ = poissonBounds(is.bad, z99)
		_, a.Noise = poissonBounds(was.bad, z99)
		a.Effect, a.Noise = a.Effect/is.exposure, a.Noise/was.exposure
		target = g.target() / post[0].At.Sub(post[0].From).Seconds()
	} else {
		a.Effect, _ = wilson(is.bad, is.exposure, z99)
		_, a.Noise = wilson(was.bad, was.exposure, z99)
		target = g.target()
	}
	ratio, low, high := RateRatio(is.bad, is.exposure, was.bad, was.exposure, z99)
	a.Notes = append(a.Notes, fmt.Sprintf("%s bad of %s before, %s of %s since: rate ratio %s (98%% confidence %s to %s)",
		number(was.bad), number(was.exposure), number(is.bad), number(is.exposure), number(ratio), number(low), number(high)))
	if !(a.Effect > a.Noise) {
		return fmt.Sprintf("the difference may be noise: at least %s now, up to %s before", number(a.Effect), number(a.Noise))
	}
	if !(a.Effect > target) {
		return fmt.Sprintf("with so few events the true rate may still meet its target: at least %s now, target %s", number(a.Effect), number(target))
	}
	return ""
}

// target is the gate's threshold as a rate of bad events.
func (g Gate) target() float64 {
	t := math.Inf(1)
	for _, c := range g.Good {
		n := c.Threshold
		if g.Measure == OKRatio {
			n = 1 - n
		}
		// Of a range only the end that limits bad events is a target.
		if upper := c.Op == "<" || c.Op == "<=" || c.Op == "=="; upper == (g.Measure != OKRatio) || c.Op == "==" {
			t = min(t, n)
		}
	}
	return t
}

// pooled are bad events and what they are of: events, or seconds of a count.
type pooled struct{ bad, exposure float64 }

func (g Gate) pool(ticks []tick) (pooled, bool) {
	var p pooled
	for _, t := range ticks {
		v := t.Value
		switch g.Measure {
		case BadCount:
			p.bad += v
			p.exposure += t.At.Sub(t.From).Seconds()
			continue
		case OKRatio:
			v = 1 - v
		}
		if !t.Counted || v < 0 || v > 1 {
			return p, false
		}
		p.bad += v * t.Events
		p.exposure += t.Events
	}
	return p, p.exposure > 0 && p.bad >= 0
}

// minSpread is how many points before the change tell a level's noise.
const minSpread = 3

// spread asks whether every bad sample of a level is beyond what it did
// before: further than its worst, and than three robust deviations.
func (g Gate) spread(a *Attribution, base, failing []tick) string {
	if len(base) < minSpread {
		return fmt.Sprintf("%d points before the change are too few to know its noise", len(base))
	}
	var was []float64
	for _, t := range base {
		was = append(was, g.Good.margin(t.Value))
	}
	slices.Sort(was)
	mid := median(was)
	var off []float64
	for _, m := range was {
		off = append(off, math.Abs(m-mid))
	}
	slices.Sort(off)
	a.Noise = max(was[len(was)-1], mid+3*1.4826*median(off))
	a.Effect = math.Inf(1)
	for _, t := range failing {
		if t.Class == Bad && t.Seen {
			a.Effect = min(a.Effect, g.Good.margin(t.Value))
		}
	}
	if !finite(a.Effect) {
		a.Effect = 0
		return "no bad value was kept"
	}
	a.Notes = append(a.Notes, fmt.Sprintf("beyond its threshold by %s or more; before, by up to %s with noise", number(a.Effect), number(a.Noise)))
	if !(a.Effect > a.Noise) {
		return "the difference may be noise: as far from the threshold as before"
	}
	return ""
}

// median is of sorted values, of which there is at least one.
func median(v []float64) float64 { return (v[(len(v)-1)/2] + v[len(v)/2]) / 2 }

// minRanks is how many points a side the rank test wants, as Kayenta's users
// are told.
const minRanks = 50

// compareRanks says why a rank test over all points does not find the metric
// worse, or "".
func (g Gate) compareRanks(a *Attribution, base, post []tick) string {
	if len(base) < minRanks || len(post) < minRanks {
		a.Notes = append(a.Notes, fmt.Sprintf("no rank test: %d points before and %d since, %d wanted", len(base), len(post), minRanks))
		return ""
	}
	margins := func(ticks []tick) []float64 {
		out := make([]float64, len(ticks))
		for i, t := range ticks {
			out[i] = g.Good.margin(t.Value)
		}
		return out
	}
	c, err := Compare(margins(base), margins(post))
	if err != nil {
		return "the rank test cannot be made: " + err.Error()
	}
	a.Notes = append(a.Notes, fmt.Sprintf("Mann-Whitney: p %s, shift %s (98%% confidence %s to %s)", number(c.P), number(c.Shift), number(c.Low), number(c.High)))
	if !c.Worse {
		return "the rank test finds no difference beyond its tolerance"
	}
	return ""
}
