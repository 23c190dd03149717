package meter

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"promoter/promoter/slo"
)

// source is one provider with its bounds.
type source struct {
	name     string
	provider Provider
	timeout  time.Duration
	seats    chan struct{}

	mu      sync.Mutex // held while readiness is asked for, so that it is asked for once
	readyAt time.Time
	ready   error
}

// fresh is how long it counts that a provider was ready.
const fresh = 5 * time.Second

// isReady says why the provider is not ready, or nil; nil too where it has no
// such thing.
func (s *source) isReady(ctx context.Context, now time.Time) error {
	p, ok := s.provider.(interface{ Ready(context.Context) error })
	if !ok {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if age := now.Sub(s.readyAt); !s.readyAt.IsZero() && age >= 0 && age < fresh {
		return s.ready
	}
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	err := p.Ready(limited)
	if ctx.Err() == nil { // that we were stopped is no news of it
		s.readyAt, s.ready = now, err
	}
	return err
}

// call asks the provider once, when there is a seat.
func (s *source) call(ctx context.Context, query string, at time.Time, window time.Duration) (a slo.Answer) {
	select {
	case s.seats <- struct{}{}:
		defer func() { <-s.seats }()
	case <-ctx.Done():
		return slo.Answer{Err: ctx.Err()}
	}
	if err := ctx.Err(); err != nil {
		return slo.Answer{Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	a.Result, a.Err = s.provider.Sample(ctx, query, at, window)
	return a
}

// asked is one query about one instant.
type asked struct {
	meter, query string
	at           int64 // Unix nanoseconds
}

// answer is what was said, and when.
type answer struct {
	slo.Answer
	at      time.Time
	settled bool // it says something about the past, which does not change
}

// leastPause is the shortest time after which an instant about which nothing
// was learnt is asked about again.
const leastPause = 10 * time.Second

// stands reports whether there is no use in asking again now. About an instant
// of which nothing was learnt (an error, no data, a warning) somebody may
// still learn: it is asked about again, ever less often the longer it is ago.
func (a answer) stands(instant, now time.Time) bool {
	return a.settled || now.Before(a.at.Add(max(leastPause, a.at.Sub(instant)/2)))
}

func settled(a slo.Answer) bool {
	if a.Err != nil || len(a.Warnings) > 0 || len(a.Values) == 0 {
		return false
	}
	for _, v := range a.Values {
		if math.IsNaN(v.Number) || math.IsInf(v.Number, 0) {
			return false
		}
	}
	return true
}

// known is an answer about the past that needs no asking.
func (t *task) known(query string, at time.Time) (slo.Answer, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a, ok := t.answers.get(asked{t.source.name, query, at.UnixNano()})
	return a.Answer, ok && a.stands(at, t.now)
}

// ask asks about an instant that is past, if that is not known.
func (t *task) ask(ctx context.Context, query string, at time.Time, window time.Duration) slo.Answer {
	if a, ok := t.known(query, at); ok {
		return a
	}
	k := asked{t.source.name, query, at.UnixNano()}
	got, _, _ := t.flights.Do(fmt.Sprintf("%q %q %d", k.meter, k.query, k.at), func() (any, error) {
		a := t.source.call(ctx, query, at, window)
		if a.Err != nil && (ctx.Err() != nil || errors.Is(a.Err, context.Canceled)) {
			return a, nil // we were stopped, and nothing was learnt
		}
		t.mu.Lock()
		t.answers.put(k, answer{a, t.now, settled(a)})
		t.mu.Unlock()
		return a, nil
	})
	return got.(slo.Answer)
}

// parts are a slot's queries with where their answers belong.
func parts(slot slo.Slot, r *slo.Reading) []part {
	all := []part{{slot.Query, &r.Value}, {slot.Events, &r.Events}, {slot.Newest, &r.Newest}, {slot.Sentinel, &r.Sentinel}}
	out := all[:0]
	for _, p := range all {
		if p.query != "" {
			out = append(out, p)
		}
	}
	return out
}

type part struct {
	query string
	to    *slo.Answer
}

// samples reads slots that are past. Slots of which everything is known cost
// nothing; others are blind while the provider is not ready.
func (t *task) samples(ctx context.Context, slots []slo.Slot) []slo.Sample {
	out := make([]slo.Sample, len(slots))
	var wg sync.WaitGroup
	for i, slot := range slots {
		r := slo.Reading{Slot: slot}
		if t.recall(&r) {
			out[i] = slo.Read(r, t.gate.Gate)
			continue
		}
		wg.Go(func() {
			r := slo.Reading{Slot: slot, Ready: t.source.isReady(ctx, t.now)}
			if r.Ready == nil {
				for _, p := range parts(slot, &r) {
					*p.to = t.ask(ctx, p.query, slot.At, slot.Window)
				}
			}
			out[i] = slo.Read(r, t.gate.Gate)
		})
	}
	wg.Wait()
	return out
}

// recall fills a reading with what is known; false when something is missing.
func (t *task) recall(r *slo.Reading) bool {
	for _, p := range parts(r.Slot, r) {
		a, ok := t.known(p.query, r.Slot.At)
		if !ok {
			return false
		}
		*p.to = a
	}
	return true
}

// look reads one slot that is now: nothing of it is remembered.
func (t *task) look(ctx context.Context, slot slo.Slot) slo.Sample {
	r := slo.Reading{Slot: slot, Ready: t.source.isReady(ctx, t.now)}
	if r.Ready == nil {
		for _, p := range parts(slot, &r) {
			*p.to = t.source.call(ctx, p.query, slot.At, slot.Window)
		}
	}
	return slo.Read(r, t.gate.Gate)
}
