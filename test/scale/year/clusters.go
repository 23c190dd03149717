package main

import (
	"context"
	"time"

	"promoter/gitops"
	"promoter/promoter"
)

// How long clusters and gates take.
const (
	dwells = 30 * time.Second // how long a version must be healthy
	grace  = time.Minute      // how long it may be ill before that is a failure
	looks  = 10 * time.Minute // how long a gate looks
	every  = 5 * time.Minute  // how often it does
)

// clusters bring the repository about, and say what they see.
type clusters struct{ *tenant }

var (
	_ gitops.Engine = clusters{}
	_ gitops.Meter  = clusters{}
)

// running is what an application runs now.
func (s *slot) running(now time.Time) motion {
	m := s.runs[0]
	for _, x := range s.runs {
		if x.due.After(now) {
			break
		}
		m = x
	}
	return m
}

// hurt reports whether an application suffers from what it runs, and since
// when.
func (s *slot) hurt(now time.Time, silent bool) (since time.Time, ok bool) {
	m := s.running(now)
	h := s.chart.find(m.version).bad
	if h == nil || h.silent != silent || s.wave < h.wave {
		return time.Time{}, false
	}
	since = m.due.Add(h.after)
	return since, !now.Before(since)
}

func (c clusters) Deliver(_ context.Context, q promoter.Question, h gitops.History, now time.Time) promoter.Delivery {
	var d promoter.Delivery
	turn := 0
	if o := c.repo.objects[q.Commit]; o != nil {
		turn = o.turn
	}
	for _, r := range q.Reached {
		i, ok := c.byApp[r.App]
		if !ok {
			continue
		}
		s := c.slots[i]
		a := promoter.Convergence{App: r.App, Environment: r.Environment, Tenant: r.Tenant, Cluster: r.Cluster, Commit: q.Commit}
		ill, hurt := s.hurt(now, false)
		_, out := c.out(s.cluster, now)
		switch {
		case out:
			a.Outcome, a.Reason = promoter.Blind, "the cluster cannot be reached"
		case q.About == promoter.AboutReadiness && hurt:
			a.Outcome, a.Reason = promoter.Failed, "CrashLoopBackOff"
		case q.About == promoter.AboutReadiness:
			a.Outcome, a.Reason = promoter.Converged, "healthy"
		default:
			s.delivered(q, turn, now, &a, ill, hurt)
		}
		d.Apps = append(d.Apps, a)
	}
	return d
}

// delivered is how far a commit has come.
func (s *slot) delivered(q promoter.Question, turn int, now time.Time, a *promoter.Convergence, ill time.Time, hurt bool) {
	wrote := s.runs[0]
	for _, m := range s.runs {
		if m.turn <= turn {
			wrote = m
		}
	}
	runs := s.running(now)
	switch {
	case runs.turn < wrote.turn:
		a.Outcome, a.Reason = promoter.Pending, "it is being brought to "+q.Commit[:7]
	case runs.version != wrote.version:
		a.Outcome, a.Reason = promoter.Superseded, "it runs "+runs.version+" of a later commit"
	case hurt && now.Sub(ill) < grace:
		a.Outcome, a.Reason, a.Until = promoter.Pending, "ill: CrashLoopBackOff", ill.Add(grace)
	case hurt:
		a.Outcome, a.Reason, a.Since = promoter.Failed, "CrashLoopBackOff", ill
		a.Attributable = q.Healthy
	case now.Sub(runs.due) < dwells:
		a.Outcome, a.Reason, a.Until = promoter.Pending, "healthy, not for long", runs.due.Add(dwells)
	default:
		a.Outcome, a.Reason, a.Since = promoter.Converged, "runs "+q.Commit[:7]+", healthy", runs.due
	}
}

func (c clusters) End(context.Context, promoter.EndOperation) error { return gitops.ErrStale }

func (c clusters) Watch(context.Context, func()) {}

// Judge says what the gates measure.
func (c clusters) Judge(_ context.Context, q promoter.Question, now time.Time) []promoter.GateVerdict {
	out := make([]promoter.GateVerdict, 0, len(q.Probes))
	for _, p := range q.Probes {
		out = append(out, promoter.GateVerdict{Probe: p, Verdict: c.judged(p, q, now)})
	}
	return out
}

func (c clusters) judged(p promoter.Probe, q promoter.Question, now time.Time) promoter.Verdict {
	i, ok := c.byApp[p.At.App]
	if !ok {
		return promoter.Verdict{Level: promoter.Unknown, Reason: "no data"}
	}
	since, bad := c.slots[i].hurt(now, true)
	switch {
	case q.About == promoter.AboutReadiness && bad:
		return promoter.Verdict{Level: promoter.Hold, Reason: "0.2 > 0.01 already"}
	case q.About == promoter.AboutReadiness:
		return promoter.Verdict{Level: promoter.Pass, Reason: "0.001 <= 0.01"}
	case q.Converged.IsZero():
		return promoter.Verdict{Level: promoter.Hold, Reason: "it looks when all has converged"}
	case bad && now.Sub(since) >= every:
		return promoter.Verdict{Level: promoter.Fail, Reason: "0.2 > 0.01"}
	}
	if due := q.Converged.Add(looks); now.Before(due) {
		next := q.Converged.Add(now.Sub(q.Converged).Truncate(every) + every)
		return promoter.Verdict{Level: promoter.Hold, Reason: "it is looking", Until: next}
	}
	return promoter.Verdict{Level: promoter.Pass, Reason: "0.001 <= 0.01"}
}
