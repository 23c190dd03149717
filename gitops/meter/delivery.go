package meter

import (
	"context"
	"slices"
	"strings"

	"promoter/promoter"
	"promoter/promoter/slo"
)

// delivery judges since everything has converged.
func (t *task) delivery(ctx context.Context) (promoter.Verdict, []string) {
	g := t.gate.Gate
	samples, slots, err := t.since(ctx, t.scope)
	if err != nil {
		return unasked(err), nil
	}
	v, e := slo.Judge(g, nil, samples, nil, t.q.Converged, t.now)
	if !e.FailedAt.IsZero() { // only then it matters what was before, and is elsewhere
		baseline := t.baseline(ctx)
		control := t.control(ctx, e)
		v, e = slo.Judge(g, baseline, samples, control, t.q.Converged, t.now)
	}
	lines := evidence(e, slots)
	if v.Level == promoter.Pass && e.State == slo.Passed && t.gate.Objective != nil && t.gate.Allowance > 0 {
		spent, line := t.spent(ctx, slots)
		lines = append(lines, line)
		if spent.Level != promoter.Pass {
			v = t.enforced(spent)
		}
	}
	return v, lines
}

// since reads everything since convergence in one scope.
func (t *task) since(ctx context.Context, scope slo.Scope) ([]slo.Sample, []slo.Slot, error) {
	g := t.gate.Gate
	slots, err := g.Slots(scope, t.q.Converged, t.now)
	if err != nil {
		return nil, nil, err
	}
	if g.Instant {
		return t.looksSince(ctx, scope, slots), slots, nil
	}
	samples := t.samples(ctx, slots)
	again, err := g.Confirmations(scope, t.q.Converged, t.now, samples)
	if err != nil {
		return nil, nil, err
	}
	return append(samples, t.samples(ctx, again)...), slots, nil
}

// baseline reads what was before the merge. What cannot be asked for is not
// there, and then nothing is blamed.
func (t *task) baseline(ctx context.Context) []slo.Sample {
	if t.gate.Gate.Instant {
		return t.remembered()
	}
	if t.q.MergedAt.IsZero() {
		return nil
	}
	slots, err := t.gate.Gate.BaselineSlots(t.scope, t.q.MergedAt)
	if err != nil {
		return nil
	}
	return t.samples(ctx, slots)
}

// mostControls is how many places that the change has not reached are asked.
const mostControls = 8

// control reads the same gate where the change is not, at the same instants
// until it failed, and before the merge.
func (t *task) control(ctx context.Context, e slo.Evidence) []slo.Sample {
	var out []slo.Sample
	g := t.gate.Gate
	for _, at := range t.controls() {
		scope := scopeOf(at)
		var samples []slo.Sample
		if g.Instant {
			slots, err := g.Slots(scope, t.q.Converged, t.now)
			if err != nil {
				continue
			}
			samples = t.looksSince(ctx, scope, slots)
		} else {
			slots, err := g.Slots(scope, t.q.Converged, t.now)
			if err != nil {
				continue
			}
			slots = slices.DeleteFunc(slots, func(s slo.Slot) bool { return s.At.After(e.FailedAt.Add(g.ConfirmAfter)) })
			if !t.q.MergedAt.IsZero() {
				earlier, err := g.BaselineSlots(scope, t.q.MergedAt)
				if err == nil {
					slots = append(slots, earlier...)
				}
			}
			samples = t.samples(ctx, slots)
		}
		for _, s := range samples {
			s.Cohort = cohort(at)
			out = append(out, s)
		}
	}
	return out
}

// controls are the places that the gate tells apart from all that the change
// has reached.
func (t *task) controls() []promoter.Reached {
	per := t.gate.Gate.Placeholders()
	taken := map[promoter.Reached]bool{project(t.at, per): true}
	for _, r := range t.q.Reached {
		taken[project(r, per)] = true
	}
	var out []promoter.Reached
	for _, r := range t.q.Control {
		at := project(r, per)
		if taken[at] || !t.concerns(t.gate.Gate.Name, r) {
			continue
		}
		taken[at] = true
		if out = append(out, at); len(out) == mostControls {
			break
		}
	}
	return out
}

// project is a place as a gate tells it apart from others.
func project(r promoter.Reached, per []string) promoter.Reached {
	var at promoter.Reached
	for _, part := range per {
		switch part {
		case "environment":
			at.Environment = r.Environment
		case "tenant":
			at.Tenant = r.Tenant
		case "cluster":
			at.Cluster = r.Cluster
		case "app":
			at.App = r.App
		}
	}
	return at
}

func cohort(at promoter.Reached) string {
	var parts []string
	for _, s := range []string{at.Environment, at.Tenant, at.Cluster, at.App} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, "/")
}
