package meter

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"promoter/promoter"
	"promoter/promoter/slo"
)

// readiness says whether the gate can see, is good now, and whether there is
// budget left to lose.
func (t *task) readiness(ctx context.Context) (promoter.Verdict, []string) {
	g := t.gate.Gate
	// Data is no fresher than its collection: looks in between ask the same.
	at := t.now.Truncate(g.Scrape)
	if g.Instant {
		at = t.now
	}
	slots, err := g.BaselineSlots(t.scope, at)
	if err != nil {
		return unasked(err), nil
	}
	slots = slots[:1] // the newest; those before are asked for when something fails
	var samples []slo.Sample
	if g.Instant {
		s := t.look(ctx, slots[0])
		samples = []slo.Sample{s}
		t.remember(s)
	} else {
		samples = t.samples(ctx, slots)
	}
	v, e := slo.Preflight(g, samples)
	lines := evidence(e, slots)
	if v.Level != promoter.Pass || t.gate.Objective == nil {
		return v, lines
	}
	budget := t.budget(ctx)
	lines = append(lines, budget.Reason)
	if budget.Level != promoter.Pass {
		return t.enforced(budget), lines
	}
	return v, lines
}

// budget says whether enough of the error budget is left.
func (t *task) budget(ctx context.Context) promoter.Verdict {
	ratios := map[time.Duration]float64{}
	for _, w := range t.gate.Objective.BurnWindows() {
		// A long window changes slowly, and is dear to ask for.
		step := min(max(time.Minute, (w/100).Truncate(time.Minute)), time.Hour)
		if r, ok := t.errorRatio(ctx, w, t.now.Truncate(step)); ok {
			ratios[w] = r
		}
	}
	return slo.BudgetAllows(*t.gate.Objective, ratios, t.gate.Floor, t.q.Exempt)
}

// spent says whether the wave has used more of the budget than one may, until
// the newest slot.
func (t *task) spent(ctx context.Context, slots []slo.Slot) (promoter.Verdict, string) {
	var bad, period float64
	if len(slots) > 0 && !t.gate.Gate.Instant {
		at := slots[len(slots)-1].At
		window := at.Sub(t.q.Converged).Truncate(time.Second)
		events, ok := t.number(ctx, t.gate.Gate.Events, window, at)
		ratio, seen := 0.0, true
		if ok && events > 0 {
			ratio, seen = t.errorRatio(ctx, window, at)
		}
		if ok && seen {
			bad = ratio * events
			windows := t.gate.Objective.BurnWindows() // the last is the whole period
			if n, ok := t.number(ctx, t.gate.Gate.Events, windows[len(windows)-1], at.Truncate(time.Hour)); ok {
				period = max(n, events)
			}
		}
	}
	share, v := slo.Spent(*t.gate.Objective, bad, period, t.gate.Allowance)
	line := v.Reason
	if v.Level != promoter.Unknown {
		line = fmt.Sprintf("%s: %s bad events are %s%% of the budget", v.Reason, strconv.FormatFloat(bad, 'g', 4, 64), strconv.FormatFloat(share*100, 'g', 3, 64))
	}
	return v, line
}

// errorRatio is the share of bad events in a window that ends at an instant;
// false when nobody saw it.
func (t *task) errorRatio(ctx context.Context, window time.Duration, at time.Time) (float64, bool) {
	g := t.gate.Gate
	v, ok := t.number(ctx, g.Query, window, at)
	if !ok {
		if events, counted := t.number(ctx, g.Events, window, at); g.NoTrafficIsGood && counted && events == 0 {
			return 0, true
		}
		return 0, false
	}
	if g.Measure == slo.OKRatio {
		v = 1 - v
	}
	return v, true
}

// number asks one of the gate's queries over another window, and reads its one
// number as the gate would.
func (t *task) number(ctx context.Context, query string, window time.Duration, at time.Time) (float64, bool) {
	g := t.gate.Gate
	text, err := slo.Render(query, g.Language, t.scope, window, at)
	if err != nil {
		return 0, false
	}
	g.Events, g.Newest, g.Sentinel, g.MinEvents, g.Series = "", "", "", 0, 1
	r := slo.Reading{Slot: slo.Slot{At: at, From: at.Add(-window), Window: window, Query: text}}
	var known bool
	if r.Value, known = t.known(text, at); !known {
		if r.Ready = t.source.isReady(ctx, t.now); r.Ready == nil {
			r.Value = t.ask(ctx, text, at, window)
		}
	}
	s := slo.Read(r, g)
	return s.Value, s.Seen
}
