package slo

import (
	"fmt"
	"math"
	"time"

	"promoter/promoter"
)

// Objective is how good a service promises to be, and over what time.
type Objective struct {
	Target float64       // share of good events, such as 0.999
	Period time.Duration // 0: 30 days
}

func (o Objective) period() time.Duration {
	if o.Period == 0 {
		return 30 * 24 * time.Hour
	}
	return o.Period
}

// budget is the share of events that may be bad.
func (o Objective) budget() float64 { return 1 - o.Target }

func (o Objective) valid() bool { return o.Target > 0 && o.Target < 1 && o.period() > 0 }

// Burn is a pair of windows over which a budget burns too fast when the error
// ratio of both is above Factor times the budget.
type Burn struct {
	Long, Short time.Duration
	Factor      float64
}

// Burns are the pairs of Google's SRE workbook for a period of 30 days, scaled
// to the objective's: the factor at which the long window spends 2%, 5%, 10%
// and 10% of the budget. The first two are urgent.
func (o Objective) Burns() []Burn {
	const month = 30 * 24 * time.Hour
	pairs := []struct {
		long, short time.Duration
		percent     float64
	}{{time.Hour, 5 * time.Minute, 2}, {6 * time.Hour, 30 * time.Minute, 5}, {24 * time.Hour, 2 * time.Hour, 10}, {3 * 24 * time.Hour, 6 * time.Hour, 10}}
	burns := make([]Burn, len(pairs))
	for i, p := range pairs {
		// The windows stay whole seconds, as queries want them.
		long := time.Duration(float64(p.long) * float64(o.period()) / float64(month)).Truncate(time.Second)
		short := time.Duration(float64(p.short) * float64(o.period()) / float64(month)).Truncate(time.Second)
		burns[i] = Burn{long, short, p.percent / 100 * float64(o.period()) / float64(max(long, 1))}
	}
	return burns
}

// urgent is how many of the pairs forbid a merge.
const urgent = 2

// BurnWindows are the windows whose error ratios BudgetAllows needs: the
// urgent pairs' and the whole period.
func (o Objective) BurnWindows() []time.Duration {
	var all []time.Duration
	for _, b := range o.Burns()[:urgent] {
		all = append(all, b.Long, b.Short)
	}
	return append(all, o.period())
}

// BudgetAllows is the guard before a merge: so much of the period's budget is
// left, and it is not burning urgently now. ratios are error ratios by window,
// only those that were seen; a missing one is unknown. exempt names why the
// guard does not apply (a fix, a revert), or is empty.
func BudgetAllows(o Objective, ratios map[time.Duration]float64, floor float64, exempt string) promoter.Verdict {
	if exempt != "" {
		return promoter.Verdict{Level: promoter.Pass, Reason: "error budget: exempt: " + exempt}
	}
	if !o.valid() || !(floor >= 0 && floor <= 1) {
		return promoter.Verdict{Level: promoter.Unknown, Reason: fmt.Sprintf("error budget: the objective %s with floor %s is no objective", number(o.Target), number(floor))}
	}
	unseen := ""
	ratio := func(w time.Duration) float64 {
		r, ok := ratios[w]
		if !ok || !finite(r) || r < 0 || r > 1 {
			unseen = w.String()
			return 0
		}
		return r
	}
	for _, b := range o.Burns()[:urgent] {
		limit := b.Factor * o.budget()
		if ratio(b.Long) > limit && ratio(b.Short) > limit {
			return promoter.Verdict{Level: promoter.Hold, Reason: fmt.Sprintf("error budget: burns %s times too fast over %s and %s", number(b.Factor), b.Long, b.Short)}
		}
	}
	left := 1 - ratio(o.period())/o.budget()
	if unseen != "" {
		return promoter.Verdict{Level: promoter.Unknown, Reason: "error budget: cannot see the error ratio over " + unseen}
	}
	if left < floor {
		return promoter.Verdict{Level: promoter.Hold, Reason: fmt.Sprintf("error budget: %s%% is left, %s%% is wanted", number(percent(left)), number(percent(floor)))}
	}
	return promoter.Verdict{Level: promoter.Pass, Reason: "error budget: enough is left"}
}

// percent is a share as it is told: rounded down, but not for the sake of what
// floating point lacks.
func percent(share float64) float64 { return math.Floor(share*1000+1e-6) / 10 }

// Spent is the guard after a merge: which share of the period's budget the bad
// events since a wave became ready have used. It suits short waves and little
// traffic, where a burn rate's long window cannot fill. events are those of
// the whole period, allowance the share that one wave may use. Spending too
// much holds; whom to blame is for a gate on the same metric to say.
func Spent(o Objective, bad, events, allowance float64) (share float64, v promoter.Verdict) {
	if !o.valid() || !(allowance > 0 && allowance <= 1) {
		return 0, promoter.Verdict{Level: promoter.Unknown, Reason: "budget spent: the objective or the allowance is none"}
	}
	if !finite(bad) || !finite(events) || bad < 0 || events <= 0 || bad > events {
		return 0, promoter.Verdict{Level: promoter.Unknown, Reason: "budget spent: cannot see how many events there were, or how many were bad"}
	}
	share = bad / (events * o.budget())
	if share > allowance {
		return share, promoter.Verdict{Level: promoter.Hold, Reason: fmt.Sprintf("budget spent: the wave used %s%%, %s%% is allowed", number(percent(share)), number(percent(allowance)))}
	}
	return share, promoter.Verdict{Level: promoter.Pass, Reason: "budget spent: within the wave's allowance"}
}
