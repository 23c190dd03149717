// Package loop is the heartbeat of a server: it looks at start, then at the
// earliest of the poll interval, the time that the last look asked to be woken
// at, and a hint that something happened.
//
// It refuses to run two looks at once, to look in a flood as often as it is
// hinted at, to hammer what fails or has asked for patience, and to call
// itself healthy when no look ends any more. It remembers nothing that would
// be missed: what is to be done is found by looking.
package loop

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"
)

// Report is what a look that went well says to its loop.
type Report struct {
	// Wake is the earliest moment at which waiting alone may change what there
	// is to do; zero: none. One that is not after the look's start is ignored:
	// the look has seen it already.
	Wake time.Time
}

// Cause is why a look began.
type Cause string

// Causes, in the words of metrics.
const (
	Start Cause = "start"
	Poll  Cause = "poll"
	Wake  Cause = "wake"
	Hint  Cause = "hint"
	Retry Cause = "retry" // after an error
)

// Causes returns all there are, so that metrics begin at zero.
func Causes() []Cause { return []Cause{Start, Poll, Wake, Hint, Retry} }

// Options are what a Loop needs; only Look has no default.
type Options struct {
	// Look observes, decides and acts, once. It may return early, and should
	// return soon, when its context ends; Stopping tells it to begin nothing
	// new. A *gitops.RateLimited among its error's causes is obeyed; other
	// errors are tried again, ever more slowly.
	Look func(ctx context.Context) (Report, error)

	Poll     time.Duration // from one look's end to the next; 30 s
	Debounce time.Duration // after a hint, for others to join it; 100 ms
	Patience time.Duration // the most that a hint waits for others; 1 s
	Floor    time.Duration // between looks that follow an error or a wake time; 1 s
	Retry    time.Duration // after the first error in a row, then twice that, and so on; 2 s
	MaxRetry time.Duration // the most of that; 5 min
	Deadline time.Duration // of a look, then its context ends; 10 min
	Bound    time.Duration // without a look's end that was due, then Health complains; 3 times Deadline
	Grace    time.Duration // for the running look when the loop is stopped; 20 s

	// Done is told of each look that ended. It must not block.
	Done func(Look)
	// Clock is the system's when nil.
	Clock Clock
	// Jitter returns numbers from 0 up to 1; random ones when nil.
	Jitter func() float64
}

// Look is one that ended.
type Look struct {
	Cause Cause
	Start time.Time
	End   time.Time
	Err   error

	Hints int // how many it answers, whatever its cause
	// Waited is how long the first of them was waiting when the look began.
	Waited time.Duration
	// Held is what else than Debounce and Patience made it wait: "look" (one
	// was running), "error" or "limit"; else empty.
	Held string
}

// ErrDeadline is the cause with which a look's context ends that took longer
// than Options.Deadline.
var ErrDeadline = errors.New("the look took longer than it may")

// Loop looks again and again. All its methods may be called concurrently.
type Loop struct {
	o     Options
	clock Clock
	poke  chan struct{}

	mu    sync.Mutex
	s     State
	wake  time.Time // of the last look
	retry time.Time // when failing

	pending     int // hints that no look has answered
	first, last time.Time
	firstHeld   bool // a look was running when the first came
}

// New returns a loop that waits for Run.
func New(o Options) *Loop {
	o.Poll = cmp.Or(o.Poll, 30*time.Second)
	o.Debounce = cmp.Or(o.Debounce, 100*time.Millisecond)
	o.Patience = cmp.Or(o.Patience, time.Second)
	o.Floor = cmp.Or(o.Floor, time.Second)
	o.Retry = cmp.Or(o.Retry, 2*time.Second)
	o.MaxRetry = cmp.Or(o.MaxRetry, 5*time.Minute)
	o.Deadline = cmp.Or(o.Deadline, 10*time.Minute)
	o.Bound = cmp.Or(o.Bound, 3*o.Deadline)
	o.Grace = cmp.Or(o.Grace, 20*time.Second)
	if o.Clock == nil {
		o.Clock = system{}
	}
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	if o.Done == nil {
		o.Done = func(Look) {}
	}
	return &Loop{o: o, clock: o.Clock, poke: make(chan struct{}, 1), s: State{Looks: map[Cause]uint64{}}}
}

// Hint says that something happened. It never blocks, and costs little enough
// to be called for each of a flood.
func (l *Loop) Hint() {
	now := l.clock.Now()
	l.mu.Lock()
	l.s.Hints++
	if l.pending == 0 {
		l.first, l.firstHeld = now, l.s.Running
	}
	l.pending++
	l.last = now
	l.mu.Unlock()
	select {
	case l.poke <- struct{}{}:
	default: // the loop has not seen the last one yet, and will see both
	}
}

// Run looks until the context ends, and returns when the last look has
// returned, never before: whoever holds a lease for it can then let go.
//
// A look that is running then has Grace to finish what it does, after which
// its context ends too. It ends at once when the cause of the context's end
// has a method StopNow() bool that says so: a lost lease, for one. The error
// says that a look was cut off; an orderly end has none.
func (l *Loop) Run(ctx context.Context) error {
	l.mu.Lock()
	if l.s.Began {
		l.mu.Unlock()
		return errors.New("run loop: it has run already")
	}
	l.s.Began = true
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		l.s.Stopped = true
		l.mu.Unlock()
	}()
	for {
		due := l.plan()
		timer, stop := l.clock.After(due.Sub(l.clock.Now()))
		select {
		case <-ctx.Done():
			stop()
			return nil
		case <-l.poke:
			stop()
		case <-timer:
			if ctx.Err() != nil { // both were ready
				return nil
			}
			if err := l.look(ctx); err != nil {
				return err
			}
		}
	}
}

// plan says when the next look is due, and notes why.
func (l *Loop) plan() time.Time {
	now := l.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	at, cause := l.due(now)
	l.s.Next, l.s.NextCause = at, cause
	return at
}

// due is the one place that says when to look. The caller holds the lock.
func (l *Loop) due(now time.Time) (time.Time, Cause) {
	end := l.s.Last.End
	if end.IsZero() {
		// Kept, so that a hint at the start does not put off the first look.
		if l.s.Next.IsZero() {
			return now, Start
		}
		return l.s.Next, Start
	}
	failing := l.s.Failures > 0
	at, cause := end.Add(l.o.Poll), Poll
	if failing {
		at, cause = l.retry, Retry
	} else if l.wake.After(l.s.Last.Start) {
		if wake := later(l.wake, l.s.Last.Start.Add(l.o.Floor)); wake.Before(at) {
			at, cause = wake, Wake
		}
	}
	if l.pending > 0 {
		hint := l.hintDue()
		if failing {
			hint = later(hint, end.Add(l.o.Floor))
		}
		if hint.Before(at) {
			at, cause = hint, Hint
		}
	}
	return later(at, l.s.LimitedUntil), cause
}

// hintDue is when the pending hints would be answered if nothing else held
// them: when no other has joined them for a while, or the first is impatient.
func (l *Loop) hintDue() time.Time {
	quiet, impatient := l.last.Add(l.o.Debounce), l.first.Add(l.o.Patience)
	if impatient.Before(quiet) {
		return impatient
	}
	return quiet
}

// outcome is what Look returned.
type outcome struct {
	report Report
	err    error
}

// look runs one look and sees to its deadline and to being stopped.
func (l *Loop) look(ctx context.Context) error {
	current := l.begin()
	stopping := make(chan struct{})
	lookCtx, cancel := context.WithCancelCause(context.WithValue(context.WithoutCancel(ctx), stoppingKey{}, stopping))
	defer cancel(nil)
	done := make(chan outcome, 1)
	go func() { done <- protect(lookCtx, l.o.Look) }()

	deadline, stopDeadline := l.clock.After(l.o.Deadline)
	defer stopDeadline()
	asked, grace, stopGrace := ctx.Done(), (<-chan time.Time)(nil), func() {}
	defer func() { stopGrace() }()
	var cut error
	for {
		select {
		case o := <-done:
			l.end(current, o)
			return cut
		case <-deadline:
			cancel(ErrDeadline)
		case <-asked:
			asked = nil
			close(stopping)
			if cause := context.Cause(ctx); stopNow(cause) {
				cut = fmt.Errorf("stop loop: the running look was cut off: %w", cause)
				cancel(cause)
				continue
			}
			grace, stopGrace = l.clock.After(l.o.Grace)
		case <-grace:
			cut = fmt.Errorf("stop loop: the running look was cut off after %s: %w", l.o.Grace, context.Cause(ctx))
			cancel(context.Cause(ctx))
		}
	}
}

// protect calls look and makes an error of a panic: one repository that upsets
// us must not end the service of the others, and the next look starts from
// nothing anyway.
func protect(ctx context.Context, look func(context.Context) (Report, error)) (o outcome) {
	o.err = errors.New("look: it ended without returning")
	defer func() {
		if p := recover(); p != nil {
			o = outcome{err: fmt.Errorf("look: panic: %v\n%s", p, debug.Stack())}
		}
	}()
	o.report, o.err = look(ctx)
	return o
}

// stopNow reports whether work must end at once, not in an orderly way.
func stopNow(cause error) bool {
	var s interface{ StopNow() bool }
	return errors.As(cause, &s) && s.StopNow()
}

type stoppingKey struct{}

// Stopping reports whether the loop of a look's context is being stopped: what
// is under way may be finished, nothing new should begin.
func Stopping(ctx context.Context) bool {
	stopping, _ := ctx.Value(stoppingKey{}).(chan struct{})
	select {
	case <-stopping:
		return true
	default:
		return false
	}
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
