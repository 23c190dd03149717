package meter

import (
	"context"
	"slices"
	"sync"
	"time"

	"promoter/promoter/slo"
)

// place is where a gate that knows only now is looked at.
type place struct {
	gate   string
	scope  slo.Scope
	commit string // what was merged; empty: before any merge
}

// looksSince takes as many looks as the gate wants at once, less those that
// are still new, and returns all that are.
func (t *task) looksSince(ctx context.Context, scope slo.Scope, slots []slo.Slot) []slo.Sample {
	if len(slots) == 0 {
		return nil
	}
	g := t.gate.Gate
	k := place{g.Name, scope, t.q.Commit}
	t.mu.Lock()
	kept, _ := t.looks.get(k)
	t.mu.Unlock()
	after := t.now.Add(-max(g.Interval, 2*g.ConfirmAfter))
	kept = slices.DeleteFunc(slices.Clone(kept), func(s slo.Sample) bool { return !s.At.After(after) || s.At.After(t.now) })
	taken := t.take(ctx, slots[0], t.wanted(kept))
	if ctx.Err() != nil { // they say that we were stopped, and nothing of the service
		return kept
	}
	kept = append(kept, taken...)
	t.mu.Lock()
	t.looks.put(k, kept)
	t.mu.Unlock()
	return kept
}

// wanted is how many looks are missing. One is taken whenever the newest is
// old enough to confirm what it saw.
func (t *task) wanted(kept []slo.Sample) int {
	g := t.gate.Gate
	n := g.MinGood - len(kept)
	newest := time.Time{}
	for _, s := range kept {
		if s.At.After(newest) {
			newest = s.At
		}
	}
	if t.now.Sub(newest) >= g.ConfirmAfter {
		return max(n, 1)
	}
	return max(n, 0)
}

// take looks so many times. The looks are of one moment, and told apart by
// nanoseconds.
func (t *task) take(ctx context.Context, slot slo.Slot, n int) []slo.Sample {
	out := make([]slo.Sample, n)
	var wg sync.WaitGroup
	for i := range out {
		one := slot
		one.At = slot.At.Add(-time.Duration(n - 1 - i))
		wg.Go(func() { out[i] = t.look(ctx, one) })
	}
	wg.Wait()
	return out
}

// mostBefore is how many looks before a merge are kept for a place.
const mostBefore = 64

// remember keeps a look before a merge: nobody can be asked for it later.
// Windows that do not overlap are what noise is known by, so of looks that are
// close together the newest stays, and one that was bad.
func (t *task) remember(s slo.Sample) {
	k := place{gate: t.gate.Gate.Name, scope: t.scope}
	t.mu.Lock()
	defer t.mu.Unlock()
	kept, _ := t.before.get(k)
	kept = slices.Clone(kept)
	if n := len(kept); n > 1 && s.At.Sub(kept[n-2].At) < t.gate.Gate.Window && kept[n-1].Class != slo.Bad {
		kept = kept[:n-1]
	}
	kept = append(kept, s)
	t.before.put(k, kept[max(0, len(kept)-mostBefore):])
}

// remembered are the looks before the merge, the newest as many as the gate is
// held against.
func (t *task) remembered() []slo.Sample {
	t.mu.Lock()
	kept, _ := t.before.get(place{gate: t.gate.Gate.Name, scope: t.scope})
	t.mu.Unlock()
	if t.q.MergedAt.IsZero() {
		return nil
	}
	kept = slices.DeleteFunc(slices.Clone(kept), func(s slo.Sample) bool { return s.At.After(t.q.MergedAt) })
	return kept[max(0, len(kept)-t.gate.Gate.BaselinePoints):]
}
