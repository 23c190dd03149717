package slo

import (
	"fmt"
	"time"
)

// Slot is one instant to ask a provider about, with the queries to ask.
type Slot struct {
	At       time.Time
	From     time.Time     // nothing before it is looked at
	Window   time.Duration // what {{window}} stood for
	Query    string
	Events   string // empty: not asked
	Newest   string // empty: not asked
	Sentinel string // empty: not asked
}

// Slots returns the instants whose samples Judge wants, oldest first: every
// one from the wave's readiness until now or the deadline, and after that the
// last few. They depend on nothing else, so any process asks the same. An
// instant gate has one, now; ask for it MinGood times.
func (g Gate) Slots(s Scope, ready, now time.Time) ([]Slot, error) {
	g = g.WithDefaults()
	if err := g.Check(); err != nil {
		return nil, err
	}
	if ready.IsZero() {
		return nil, nil
	}
	if g.Instant {
		if now.Before(ready.Add(g.settle())) {
			return nil, nil
		}
		slot, err := g.slot(s, now, now.Sub(ready))
		return []Slot{slot}, err
	}
	var slots []Slot
	for _, at := range g.ticks(ready, now) {
		slot, err := g.slot(s, at, at.Sub(origin(ready)))
		if err != nil {
			return nil, err
		}
		slots = append(slots, slot)
	}
	return slots, nil
}

// Confirmations returns the instants at which bad slots are to be asked again,
// so far as their time has come and they are no slots themselves.
func (g Gate) Confirmations(s Scope, ready, now time.Time, samples []Sample) ([]Slot, error) {
	g = g.WithDefaults()
	if err := g.Check(); err != nil || ready.IsZero() || g.Instant {
		return nil, err
	}
	byTime := merge(samples)
	var slots []Slot
	for _, at := range g.ticks(ready, now) {
		again := at.Add(g.ConfirmAfter)
		if byTime[at.UnixNano()].Class != Bad || now.Before(again.Add(g.Lag)) || g.ConfirmAfter%g.Interval == 0 {
			continue
		}
		slot, err := g.slot(s, again, again.Sub(origin(ready)))
		if err != nil {
			return nil, err
		}
		slots = append(slots, slot)
	}
	return slots, nil
}

// BaselineSlots returns the instants before a change: windows that end at
// before or earlier and do not overlap. Before a merge that is now; afterwards
// it is when the change was merged.
func (g Gate) BaselineSlots(s Scope, before time.Time) ([]Slot, error) {
	g = g.WithDefaults()
	if err := g.Check(); err != nil {
		return nil, err
	}
	if g.Instant {
		slot, err := g.slot(s, before, g.Window)
		return []Slot{slot}, err
	}
	var slots []Slot
	before = before.Truncate(time.Second)
	for k := range g.BaselinePoints {
		// What a query looks back at before a change has no limit but the
		// query's own.
		room := g.reach(g.Window)
		at := before.Add(-g.Lag - time.Duration(k)*max(g.Interval, room))
		slot, err := g.slot(s, at, max(room, g.Window))
		if err != nil {
			return nil, err
		}
		slots = append(slots, slot)
	}
	return slots, nil
}

// origin is ready on a whole second, never before it.
func origin(ready time.Time) time.Time {
	if t := ready.Truncate(time.Second); t.Before(ready) {
		return t.Add(time.Second)
	}
	return ready.Truncate(time.Second)
}

// ticks are the times of the slots that are due at now, oldest first: all
// until the last deadline, then the last few only.
func (g Gate) ticks(ready, now time.Time) []time.Time {
	var all []time.Time
	t0, until := origin(ready), now.Add(-g.Lag)
	end := t0.Add(g.Deadline * time.Duration(g.attempts()))
	k := g.firstTick()
	for ; ; k++ {
		at := t0.Add(time.Duration(k) * g.Interval)
		if at.After(until) || at.After(end) {
			break
		}
		all = append(all, at)
	}
	if until.After(end) {
		last := int(until.Sub(t0) / g.Interval)
		for k = max(k, last-g.recent()+1); k <= last; k++ {
			all = append(all, t0.Add(time.Duration(k)*g.Interval))
		}
	}
	return all
}

// recent is how many slots after the deadline say how the service is now.
func (g Gate) recent() int { return max(g.FailLimit.Of, g.LastGood) }

// firstTick is the number of the first slot: after settling, and when the
// query can look back two scrapes without spanning the change.
func (g Gate) firstTick() int {
	k := max(1, int((g.settle()+g.Interval-1)/g.Interval))
	for ; k <= maxSlots; k++ {
		room := time.Duration(k) * g.Interval
		if g.window(room) >= min(2*g.Scrape, g.Window) {
			break
		}
	}
	return k
}

// window is the longest {{window}} in whole seconds, at most the configured
// one, with which the gate's query looks back no further than room; zero when
// there is none.
func (g Gate) window(room time.Duration) time.Duration {
	lo, hi := 0, int(min(g.Window, room)/time.Second)
	if whole := time.Duration(hi) * time.Second; g.reach(whole) <= room { // as nearly always
		return whole
	}
	for lo < hi { // the reach grows with the window
		mid := (lo + hi + 1) / 2
		if g.reach(time.Duration(mid)*time.Second) <= room {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	return time.Duration(lo) * time.Second
}

// reach is how far the measurement and the count of its events look back. The
// sentinel and the freshness are about the instant itself.
func (g Gate) reach(window time.Duration) time.Duration {
	if g.Language != PromQL {
		return window
	}
	var far time.Duration
	for _, q := range []string{g.Query, g.Events} {
		if q == "" {
			continue
		}
		text, err := Render(q, PromQL, Scope{"e", "t", "c", "a"}, window, time.Time{})
		if err != nil {
			return 1 << 62 // nothing has room for what cannot be read
		}
		d, err := Reach(text)
		if err != nil {
			return 1 << 62
		}
		far = max(far, d)
	}
	return far
}

// slot renders the queries for one instant with this much room behind it.
func (g Gate) slot(s Scope, at time.Time, room time.Duration) (Slot, error) {
	w := g.window(room)
	if w <= 0 {
		return Slot{}, fmt.Errorf("place slot of gate %q at %s: its query looks back further than %s", g.Name, at.UTC().Format(time.RFC3339), room)
	}
	slot := Slot{At: at, Window: w, From: at.Add(-g.reach(w))}
	for _, q := range []struct {
		text string
		to   *string
	}{{g.Query, &slot.Query}, {g.Events, &slot.Events}, {g.Newest, &slot.Newest}, {g.Sentinel, &slot.Sentinel}} {
		if q.text == "" {
			continue
		}
		text, err := Render(q.text, g.Language, s, w, at)
		if err != nil {
			return Slot{}, err
		}
		*q.to = text
	}
	return slot, nil
}

// FirstSlot is how long after ready the first slot is: after settling, and
// when the query no longer looks back over the change. A gate that Check
// refuses has none worth the name.
func (g Gate) FirstSlot() time.Duration {
	g = g.WithDefaults()
	if g.Interval <= 0 {
		return 0
	}
	return time.Duration(g.firstTick()) * g.Interval
}
