package slo

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"promoter/promoter"
)

// State is where a judgement stands.
type State string

// The states.
const (
	Invalid      State = "invalid"      // the gate itself cannot be judged
	Awaiting     State = "awaiting"     // the wave is not ready
	Settling     State = "settling"     // too early for a first sample
	Collecting   State = "collecting"   // not enough samples yet
	Dark         State = "blackout"     // the newest sample is blind
	Passed       State = "passed"       //
	Failed       State = "failed"       // and the change is to blame
	Unattributed State = "unattributed" // failed, and nobody can say that it is the change
	Inconclusive State = "inconclusive" // the deadline passed without a verdict
)

// tick is a slot with what was seen there.
type tick struct {
	Sample
	confirmed bool // of Bad: the query asked again was bad too
}

// Judge says what the samples taken until now mean for a wave that became
// ready at ready. baseline are samples from before the change, control those
// of cohorts that the change has not reached. The order of samples does not
// matter, nor does their number: what is missing is blind. Until is when the
// next sample is due.
//
// Level is Fail only for a failure that the change is to blame for, Unknown
// where nothing reliable is seen, and Hold for everything that waits.
func Judge(g Gate, baseline, samples, control []Sample, ready, now time.Time) (promoter.Verdict, Evidence) {
	g = g.WithDefaults()
	e := Evidence{Gate: g.Name, Digest: g.Digest(), Mode: g.Mode, Good: g.Good.String(), Ready: ready, At: now}
	v := g.judge(&e, baseline, samples, control, ready, now)
	v.Reason = g.Name + ": " + v.Reason
	e.Level = v.Level
	if v.Level != promoter.Pass && g.Mode != Enforce && e.State != Invalid {
		v = promoter.Verdict{Level: promoter.Pass, Reason: string(g.Mode) + " only: " + v.Reason, Until: v.Until}
	}
	return v, e
}

func (g Gate) judge(e *Evidence, baseline, samples, control []Sample, ready, now time.Time) promoter.Verdict {
	if err := g.Check(); err != nil {
		e.State = Invalid
		return promoter.Verdict{Level: promoter.Unknown, Reason: "the gate cannot be judged: " + oneLine(err.Error())}
	}
	if ready.IsZero() || now.Before(ready) {
		e.State = Awaiting
		return promoter.Verdict{Level: promoter.Hold, Reason: "waits until every application of the wave is ready"}
	}
	next := g.next(ready, now)
	ticks := g.look(samples, ready, now)
	if len(ticks) == 0 && (!g.Instant || now.Before(ready.Add(g.settle()))) {
		e.State = Settling
		return promoter.Verdict{Level: promoter.Hold, Reason: "settling", Until: next}
	}
	e.count(ticks)
	end := origin(ready).Add(g.Deadline * time.Duration(g.attempts()))
	until := ticks
	if !g.Instant {
		n, _ := slices.BinarySearchFunc(ticks, end, func(t tick, at time.Time) int { return cmp.Or(t.At.Compare(at), -1) })
		until = ticks[:n]
	}
	if i, why := g.failsAt(until); i >= 0 {
		return g.failed(e, baseline, until, control, ready, i, why)
	}
	if i, why := g.failsAt(ticks[len(until):]); i >= 0 {
		e.State = Unattributed
		e.Attribution = &Attribution{Why: "it came after the deadline, when other things may have changed"}
		return promoter.Verdict{Level: promoter.Hold, Reason: "bad since the deadline: " + why}
	}
	if g.Instant {
		return g.instant(e, ticks, ready, now)
	}
	return g.waiting(e, ticks, until, ready, now, next)
}

// look puts the samples into their slots.
func (g Gate) look(samples []Sample, ready, now time.Time) []tick {
	var ticks []tick
	if g.Instant {
		for _, s := range merge(samples) {
			recent := s.At.After(now.Add(-max(g.Interval, 2*g.ConfirmAfter))) && !s.At.After(now)
			if recent && !s.At.Before(ready.Add(g.settle())) && !s.From.Before(ready) {
				ticks = append(ticks, tick{Sample: s})
			}
		}
		slices.SortFunc(ticks, func(a, b tick) int { return a.At.Compare(b.At) })
		for i := range ticks {
			ticks[i].confirmed = slices.ContainsFunc(ticks[i:], func(t tick) bool {
				return t.Class == Bad && t.At.Sub(ticks[i].At) >= g.ConfirmAfter
			})
		}
		return ticks
	}
	usable := slices.DeleteFunc(slices.Clone(samples), func(s Sample) bool {
		return s.From.IsZero() || s.From.Before(ready) || s.At.After(now)
	})
	byTime := merge(usable)
	for _, at := range g.ticks(ready, now) {
		t := tick{Sample: byTime[at.UnixNano()]}
		t.At = at
		t.confirmed = byTime[at.Add(g.ConfirmAfter).UnixNano()].Class == Bad
		ticks = append(ticks, t)
	}
	return ticks
}

// merge keeps one sample for each instant. A second look may heal a blind one,
// but between looks that did see, the worse one counts.
func merge(samples []Sample) map[int64]Sample {
	rank := func(s Sample) int {
		return slices.Index([]Class{Good, Marginal, Bad}, s.Class) // -1: blind
	}
	m := make(map[int64]Sample, len(samples))
	for _, s := range samples {
		k := s.At.UnixNano()
		old, ok := m[k]
		// Between equals the numbers decide, so that order does not matter.
		if !ok || cmp.Or(rank(s)-rank(old), cmp.Compare(s.Class, old.Class), cmp.Compare(s.Value, old.Value), cmp.Compare(s.Events, old.Events)) > 0 {
			m[k] = s
		}
	}
	return m
}

// failsAt finds the first slot at which the gate has failed, or -1.
func (g Gate) failsAt(ticks []tick) (int, string) {
	for i := range ticks {
		if g.Critical && i > 0 && ticks[i].Class == Bad && ticks[i-1].Class == Bad {
			return i, "2 samples in a row are bad"
		}
		last := ticks[max(0, i-g.FailLimit.Of+1) : i+1]
		bad, confirmed := 0, false
		for _, t := range last {
			if t.Class == Bad {
				bad, confirmed = bad+1, confirmed || t.confirmed
			}
		}
		if bad >= g.FailLimit.Bad && confirmed {
			return i, fmt.Sprintf("%d of the last %d samples are bad, confirmed by asking again", bad, len(last))
		}
	}
	return -1, ""
}

// hides finds the first slot up to which so many are bad or unseen that the
// gate may have failed there unnoticed, or -1. Nothing passes over such a
// stretch: to forget a failure must not be a way to pass.
func (g Gate) hides(ticks []tick) int {
	doubt := func(t tick) bool { return t.Class == Bad || t.Class.hides() }
	for i := range ticks {
		if g.Critical && i > 0 && doubt(ticks[i]) && doubt(ticks[i-1]) {
			return i
		}
		n := 0
		for _, t := range ticks[max(0, i-g.FailLimit.Of+1) : i+1] {
			if doubt(t) {
				n++
			}
		}
		if n >= g.FailLimit.Bad {
			return i
		}
	}
	return -1
}

// failed asks whether the change is to blame.
func (g Gate) failed(e *Evidence, baseline []Sample, ticks []tick, control []Sample, ready time.Time, i int, why string) promoter.Verdict {
	a := g.attribute(before(baseline, ready), ticks[:i+1], control, ready)
	e.Attribution = &a
	e.FailedAt = ticks[i].At
	worst := ""
	if n, ok := g.worst(ticks[:i+1]); ok {
		worst = fmt.Sprintf(" (%s, want %s)", number(n), g.Good)
	}
	if a.Attributable {
		e.State = Failed
		return promoter.Verdict{Level: promoter.Fail, Reason: "failed: " + why + worst + "; " + a.Why}
	}
	e.State = Unattributed
	return promoter.Verdict{Level: promoter.Hold, Reason: "failed, but not to be blamed on the change: " + why + worst + "; " + a.Why}
}

func (g Gate) worst(ticks []tick) (worst float64, ok bool) {
	for _, t := range ticks {
		if t.Class == Bad && t.Seen && (!ok || g.Good.margin(t.Value) > g.Good.margin(worst)) {
			worst, ok = t.Value, true
		}
	}
	return worst, ok
}

// next is when the next slot is due.
func (g Gate) next(ready, now time.Time) time.Time {
	t0 := origin(ready)
	k := max(g.firstTick(), int(now.Add(-g.Lag).Sub(t0)/g.Interval)+1)
	return t0.Add(time.Duration(k) * g.Interval).Add(g.Lag)
}
