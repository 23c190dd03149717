package slo

import (
	"fmt"
	"slices"
	"time"

	"promoter/promoter"
)

// waiting judges ticks among which no failure was found. until are those up to
// the last deadline.
func (g Gate) waiting(e *Evidence, ticks, until []tick, ready, now, next time.Time) promoter.Verdict {
	t0 := origin(ready)
	for n := range g.attempts() {
		from, to := t0.Add(g.Deadline*time.Duration(n)), t0.Add(g.Deadline*time.Duration(n+1))
		period := slices.DeleteFunc(slices.Clone(until), func(t tick) bool { return !t.At.After(from) || t.At.After(to) })
		over := now.Add(-g.Lag).After(to)
		passed, why := g.passes(period, from, over)
		e.Blind = why
		if !passed {
			if over {
				continue
			}
			return g.collecting(e, period, why, next)
		}
		// The deadline does not make a pass stick: until the next wave is
		// merged, the newest samples must still be good.
		last := ticks[max(0, len(ticks)-g.recent()):]
		if at := g.hides(last); !g.lastGood(last) || at >= 0 {
			e.State = Collecting
			return promoter.Verdict{Level: promoter.Hold, Reason: "passed, but its newest samples are not good", Until: next}
		}
		e.State = Passed
		return promoter.Verdict{Level: promoter.Pass, Reason: "passed: good is " + g.Good.String()}
	}
	e.State = Inconclusive
	e.NeedsApproval = g.OnInconclusive == RequireApproval
	reason := "inconclusive at the deadline: mostly " + majority(until).String() + ", " + e.Blind
	if e.NeedsApproval {
		reason += "; a person must approve"
	}
	return promoter.Verdict{Level: promoter.Unknown, Reason: reason}
}

// collecting says what a gate before its deadline waits for.
func (g Gate) collecting(e *Evidence, period []tick, why string, next time.Time) promoter.Verdict {
	if n := len(period); n > 0 && period[n-1].Class.hides() {
		e.State = Dark
		t := period[n-1]
		reason := "cannot see: " + t.Class.String()
		if t.Why != "" {
			reason += ": " + t.Why
		}
		return promoter.Verdict{Level: promoter.Unknown, Reason: reason, Until: next}
	}
	e.State = Collecting
	return promoter.Verdict{Level: promoter.Hold, Reason: why, Until: next}
}

// passes reports whether the ticks of one attempt, which began at from, are
// enough for a pass: now, or, once the attempt is over, at any of its slots.
// If not, it says what is missing.
func (g Gate) passes(ticks []tick, from time.Time, over bool) (bool, string) {
	if i := g.hides(ticks); i >= 0 {
		return false, fmt.Sprintf("around %s too many of %d slots are bad or unseen: a failure may be hidden there",
			ticks[i].At.UTC().Format("15:04:05"), min(len(ticks), g.FailLimit.Of))
	}
	why := "collects samples"
	for n := len(ticks); n > 0; n-- {
		var ok bool
		if ok, why = g.enough(ticks[:n], from); ok || !over {
			return ok, why
		}
	}
	return false, why
}

// enough holds the pass rule against all ticks of an attempt up to a slot.
func (g Gate) enough(ticks []tick, from time.Time) (bool, string) {
	good, blind, mapped := 0, 0, false
	for _, t := range ticks {
		switch {
		case t.Class == Good:
			good++
			mapped = mapped || t.Mapped == NoTraffic
		case t.Class.Blind():
			blind++
		}
	}
	last := ticks[len(ticks)-1].At
	switch {
	case last.Sub(from) < g.MinDuration, good < g.MinGood:
		return false, "collects samples"
	case float64(blind) > max(0, g.BlindBudget)*float64(len(ticks)):
		return false, "too many samples are blind"
	case !g.lastGood(ticks):
		return false, "the newest samples are not all good"
	case !mapped && g.MinEvents > 0 && events(ticks) < g.MinEvents:
		return false, "too few events"
	}
	return true, ""
}

func (g Gate) lastGood(ticks []tick) bool {
	if len(ticks) < g.LastGood {
		return false
	}
	return !slices.ContainsFunc(ticks[len(ticks)-g.LastGood:], func(t tick) bool { return t.Class != Good })
}

// instant judges what is seen now, and nothing else.
func (g Gate) instant(e *Evidence, ticks []tick, ready, now time.Time) promoter.Verdict {
	next := now.Add(g.ConfirmAfter)
	good := 0
	for _, t := range ticks {
		if t.Class == Good {
			good++
		}
	}
	switch {
	case len(ticks) == 0:
		e.State = Dark
		return promoter.Verdict{Level: promoter.Unknown, Reason: "cannot see: nobody asked just now", Until: next}
	case g.hides(ticks) >= 0 || good < len(ticks):
		i := slices.IndexFunc(ticks, func(t tick) bool { return t.Class != Good })
		e.State = Collecting
		if ticks[i].Class.hides() {
			e.State = Dark
			return promoter.Verdict{Level: promoter.Unknown, Reason: "cannot see: " + ticks[i].Class.String() + ": " + ticks[i].Why, Until: next}
		}
		return promoter.Verdict{Level: promoter.Hold, Reason: "not all samples taken just now are good", Until: next}
	case now.Sub(ready) < g.MinDuration:
		e.State = Collecting
		return promoter.Verdict{Level: promoter.Hold, Reason: "good so far", Until: ready.Add(g.MinDuration)}
	case good < g.MinGood:
		e.State = Collecting
		return promoter.Verdict{Level: promoter.Hold, Reason: "collects samples", Until: next}
	}
	e.State = Passed
	return promoter.Verdict{Level: promoter.Pass, Reason: "passed: good is " + g.Good.String()}
}

// Preflight says, before a merge, whether the gate can see at all and whether
// the service is good now. A gate that cannot see after a merge could never
// have said anything else, so it stops the change before it.
func Preflight(g Gate, baseline []Sample) (promoter.Verdict, Evidence) {
	g = g.WithDefaults()
	e := Evidence{Gate: g.Name, Digest: g.Digest(), Mode: g.Mode, Good: g.Good.String()}
	v := g.preflight(&e, baseline)
	v.Reason = g.Name + ": " + v.Reason
	e.Level = v.Level
	if v.Level != promoter.Pass && g.Mode != Enforce && e.State != Invalid {
		v = promoter.Verdict{Level: promoter.Pass, Reason: string(g.Mode) + " only: " + v.Reason}
	}
	return v, e
}

func (g Gate) preflight(e *Evidence, baseline []Sample) promoter.Verdict {
	if err := g.Check(); err != nil {
		e.State = Invalid
		return promoter.Verdict{Level: promoter.Unknown, Reason: "the gate cannot be judged: " + oneLine(err.Error())}
	}
	ticks := before(baseline, time.Time{})
	e.count(ticks)
	if len(ticks) == 0 {
		e.State = Dark
		return promoter.Verdict{Level: promoter.Unknown, Reason: "the gate cannot see: nobody asked before the change"}
	}
	newest := ticks[len(ticks)-1]
	e.At = newest.At
	switch {
	case newest.Class.Blind():
		e.State = Dark
		reason := "the gate cannot see: " + newest.Class.String()
		if newest.Why != "" {
			reason += ": " + newest.Why
		}
		return promoter.Verdict{Level: promoter.Unknown, Reason: reason}
	case newest.Class == Bad:
		e.State = Unattributed
		return promoter.Verdict{Level: promoter.Hold, Reason: fmt.Sprintf("bad before the change: %s, want %s", number(newest.Value), g.Good)}
	}
	e.State = Passed
	return promoter.Verdict{Level: promoter.Pass, Reason: "sees, and is good before the change"}
}
