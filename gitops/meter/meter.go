// Package meter asks the gates: it brings the instants that a gate looks at to
// whoever measures, and what was measured to the judgement.
//
// It keeps nothing that it could not ask for again. Where a meter keeps
// history, a process that knows nothing asks about the same instants and
// arrives at the same verdict; answers about the past are remembered only to
// ask less. Where a meter knows only now (alerts, journeys, an endpoint
// without {{at}}), the looks are this process's own: a restart begins them
// again, and what was seen before a merge is forgotten with it, so that a
// failure then holds and is blamed on nobody.
//
// It refuses to ask before everything has converged: what is measured until
// then is not the change. It has no errors: what cannot be asked is blind, with
// why, and blindness passes nothing.
package meter

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"promoter/gitops"
	"promoter/promoter"
	"promoter/promoter/slo"
)

// Provider measures: it says what a query was at an instant. One that also has
// Ready(context.Context) error is asked whether it is ready before it is asked
// anything else.
type Provider interface {
	Sample(ctx context.Context, query string, at time.Time, window time.Duration) (slo.Result, error)
}

// Gate is a gate as it is judged, and what it is asked of.
type Gate struct {
	Gate  slo.Gate
	Meter string
	// Objective is set where an error budget is looked at. Floor is the share
	// of it that must be left for a merge; Allowance the share that one wave
	// may use, 0 where that is not looked at.
	Objective        *slo.Objective
	Floor, Allowance float64
}

// Options are the gates and who measures.
type Options struct {
	Gates  map[string]Gate     // by the names that the policy gives them
	Meters map[string]Provider // by name
	// Concerns reports whether a gate is about a place: only such places are
	// its control. Nil: every gate is about every place.
	Concerns    func(gate string, at promoter.Reached) bool
	Concurrency int           // calls to one meter at once; 4
	Timeout     time.Duration // of one call; 20 s
	Remember    int           // answers about the past; 50,000
}

// Meter judges by what its providers measure. It is safe for concurrent use.
type Meter struct {
	gates    map[string]Gate
	meters   map[string]*source
	concerns func(string, promoter.Reached) bool
	flights  singleflight.Group

	mu      sync.Mutex
	answers *memory[asked, answer]
	looks   *memory[place, []slo.Sample] // since a merge
	before  *memory[place, []slo.Sample] // before it
}

var _ gitops.Meter = (*Meter)(nil)

// remembered is for how many places the looks of gates that know only now are
// kept.
const remembered = 4096

// New checks the gates and asks nobody.
func New(o Options) (*Meter, error) {
	if o.Concurrency <= 0 {
		o.Concurrency = 4
	}
	if o.Timeout <= 0 {
		o.Timeout = 20 * time.Second
	}
	if o.Remember <= 0 {
		o.Remember = 50_000
	}
	if o.Concerns == nil {
		o.Concerns = func(string, promoter.Reached) bool { return true }
	}
	m := &Meter{
		gates: map[string]Gate{}, meters: map[string]*source{}, concerns: o.Concerns,
		answers: newMemory[asked, answer](o.Remember), looks: newMemory[place, []slo.Sample](remembered), before: newMemory[place, []slo.Sample](remembered),
	}
	for name, p := range o.Meters {
		m.meters[name] = &source{name: name, provider: p, timeout: o.Timeout, seats: make(chan struct{}, o.Concurrency)}
	}
	for _, name := range slices.Sorted(maps.Keys(o.Gates)) {
		g := o.Gates[name]
		if g.Gate.Name != name {
			return nil, fmt.Errorf("open gate %q: it calls itself %q", name, g.Gate.Name)
		}
		if m.meters[g.Meter] == nil {
			return nil, fmt.Errorf("open gate %q: there is no meter %q", name, g.Meter)
		}
		if err := g.Gate.Check(); err != nil {
			return nil, fmt.Errorf("open gate %q: %w", name, err)
		}
		g.Gate = g.Gate.WithDefaults()
		m.gates[name] = g
	}
	return m, nil
}

// abreast is how many probes of one question are judged at once; the calls are
// bounded for each meter.
const abreast = 16

// Judge implements gitops.Meter.
func (m *Meter) Judge(ctx context.Context, q promoter.Question, now time.Time) []promoter.GateVerdict {
	out := make([]promoter.GateVerdict, len(q.Probes))
	seats := make(chan struct{}, abreast)
	var wg sync.WaitGroup
	for i, p := range q.Probes {
		seats <- struct{}{}
		wg.Go(func() {
			defer func() { <-seats }()
			out[i] = m.judge(ctx, q, p, now)
		})
	}
	wg.Wait()
	return out
}

func (m *Meter) judge(ctx context.Context, q promoter.Question, p promoter.Probe, now time.Time) promoter.GateVerdict {
	g, ok := m.gates[p.Gate]
	if !ok {
		return promoter.GateVerdict{Probe: p, Verdict: promoter.Verdict{Level: promoter.Unknown, Reason: "there is no such gate"}}
	}
	t := &task{Meter: m, gate: g, source: m.meters[g.Meter], q: q, at: p.At, scope: scopeOf(p.At), now: now}
	var v promoter.Verdict
	var evidence []string
	switch {
	case q.About == promoter.AboutReadiness:
		v, evidence = t.readiness(ctx)
	case q.About != promoter.AboutDelivery:
		v = promoter.Verdict{Level: promoter.Unknown, Reason: fmt.Sprintf("a gate has nothing to say about %s", q.About)}
	case q.Converged.IsZero():
		v = promoter.Verdict{Level: promoter.Hold, Reason: "waits until everything has converged"}
	default:
		v, evidence = t.delivery(ctx)
	}
	// Whoever reads this knows the gate's name already.
	v.Reason = strings.Replace(v.Reason, g.Gate.Name+": ", "", 1)
	return promoter.GateVerdict{Probe: p, Verdict: v, Evidence: evidence}
}

// task is one gate in one place, at one look.
type task struct {
	*Meter
	gate   Gate
	source *source
	q      promoter.Question
	at     promoter.Reached
	scope  slo.Scope
	now    time.Time
}

func scopeOf(r promoter.Reached) slo.Scope {
	return slo.Scope{Environment: r.Environment, Tenant: r.Tenant, Cluster: r.Cluster, App: r.App}
}

func unasked(err error) promoter.Verdict {
	return promoter.Verdict{Level: promoter.Unknown, Reason: "it cannot be asked here: " + strings.Join(strings.Fields(err.Error()), " ")}
}

// enforced is a verdict of ours under the gate's mode.
func (t *task) enforced(v promoter.Verdict) promoter.Verdict {
	if v.Level != promoter.Pass && t.gate.Gate.Mode != slo.Enforce {
		return promoter.Verdict{Level: promoter.Pass, Reason: string(t.gate.Gate.Mode) + " only: " + v.Reason}
	}
	return v
}
