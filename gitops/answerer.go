package gitops

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"promoter/promoter"
)

// Answerer answers the questions that a decision leaves open.
type Answerer struct {
	Forge     Forge
	Listener  *Listener
	Engines   []Engine
	Meter     Meter // nil: no gates
	History   History
	Origins   *Origins
	Now       func() time.Time
	LastWords LastWords
}

// atOnce is how many questions are answered at the same time.
const atOnce = 8

// Answer files the answers in the observation. Each question gets one: what
// cannot be learnt is said to be unknown, with why.
func (a *Answerer) Answer(ctx context.Context, obs *promoter.Observation, talk Talk, questions []promoter.Question) {
	if obs.Sealings == nil {
		obs.Sealings, obs.Deliveries, obs.Approvals = map[string]promoter.Sealing{}, map[string]promoter.Delivery{}, map[string]promoter.Approvals{}
		obs.Origins = map[string]promoter.Origin{}
	}
	var g errgroup.Group
	g.SetLimit(atOnce)
	var mu sync.Mutex
	for _, q := range questions {
		g.Go(func() error {
			switch q.About {
			case promoter.AboutSeals:
				s := a.seals(ctx, q.Commit, q.Fresh)
				mu.Lock()
				obs.Sealings[q.Key] = s
				mu.Unlock()
			case promoter.AboutApprovals:
				v := a.Listener.Approvals(ctx, q, talk)
				mu.Lock()
				obs.Approvals[q.Key] = v
				mu.Unlock()
			case promoter.AboutOrigin:
				o := a.Origins.find(ctx, q, a.History.Head(), a.Now())
				mu.Lock()
				obs.Origins[q.Key] = o
				mu.Unlock()
			case promoter.AboutDelivery, promoter.AboutReadiness:
				d := a.delivery(ctx, q)
				mu.Lock()
				obs.Deliveries[q.Key] = d
				mu.Unlock()
			}
			return nil
		})
	}
	_ = g.Wait() // no answer is an error: what is unknown says so itself
}

func (a *Answerer) seals(ctx context.Context, commit string, fresh bool) promoter.Sealing {
	if s, failed, ok := a.LastWords.get(commit); ok && (failed || !fresh) {
		return a.clocked(s)
	}
	statuses, err := a.Forge.Statuses(ctx, commit)
	if err != nil {
		return promoter.Sealing{Unknown: err.Error()}
	}
	var s promoter.Sealing
	last, failed := false, false
	for _, st := range statuses {
		stage, of, ok := promoter.ParseSeal(st.Context)
		if !ok || st.State != "success" && st.State != "failure" {
			continue
		}
		level := promoter.Pass
		if st.State == "failure" {
			level = promoter.Fail
		}
		s.Seals = append(s.Seals, promoter.Seal{Commit: commit, Stage: stage, Of: of, Verdict: level, Reason: st.Description, At: st.At})
		if stage == promoter.StageVerdict && of == "" {
			failed = failed || level == promoter.Fail
			last = last || failed || a.Now().Sub(st.At) > settled
		}
	}
	if last {
		a.LastWords.put(commit, s, failed)
	}
	return a.clocked(s)
}

// clocked adds what the forge's clock says: its stamps are compared with that.
func (a *Answerer) clocked(s promoter.Sealing) promoter.Sealing {
	if c, ok := a.Forge.(Clocked); ok {
		if now, known := c.Clock(); known {
			s.Now = now
		}
	}
	return s
}

// delivery asks every engine, and the meter.
func (a *Answerer) delivery(ctx context.Context, q promoter.Question) promoter.Delivery {
	var d promoter.Delivery
	now := a.Now()
	for _, e := range a.Engines {
		part := e.Deliver(ctx, q, a.History, now)
		if part.Unknown != "" && d.Unknown == "" {
			d.Unknown = part.Unknown
		}
		d.Apps = append(d.Apps, part.Apps...)
		d.Against = append(d.Against, part.Against...)
	}
	if len(q.Probes) == 0 {
		return d
	}
	if a.Meter == nil {
		for _, p := range q.Probes {
			d.Gates = append(d.Gates, promoter.GateVerdict{Probe: p, Verdict: promoter.Verdict{Level: promoter.Unknown, Reason: fmt.Sprintf("no meter is configured for gate %s", p.Gate)}})
		}
		return d
	}
	d.Gates = a.Meter.Judge(ctx, q, now)
	return d
}
