package loop

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"promoter/gitops"
)

// State is what a loop has done and is about to do.
type State struct {
	Began   bool // Run was called
	Stopped bool // Run has returned

	Running bool // a look is
	Cause   Cause
	Since   time.Time

	Last     Look      // zero before the first has ended
	LastGood time.Time // the end of the last look without an error
	Failures int       // in a row, until now

	Next         time.Time // when the next look is due, if no hint comes
	NextCause    Cause
	LimitedUntil time.Time // no look before; zero or past: no limit

	Hints uint64           // seen
	Looks map[Cause]uint64 // begun
}

// State returns a copy.
func (l *Loop) State() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.s
	s.Looks = maps.Clone(s.Looks)
	return s
}

// Health returns nil while looks end, and otherwise what has not happened for
// longer than Options.Bound. Errors of looks are no ill health: restarting us
// would not help, and a forge that is down would end every replica. Nor is
// waiting that was asked for.
func (l *Loop) Health() error {
	now := l.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	switch s := l.s; {
	case !s.Began || s.Stopped:
		return nil
	case s.Running && now.Sub(s.Since) > l.o.Bound:
		return fmt.Errorf("the look that began at %s (%s) has not ended for %s; the limit is %s",
			s.Since.UTC().Format(time.RFC3339), s.Cause, now.Sub(s.Since).Round(time.Second), l.o.Bound)
	case !s.Running && !s.Next.IsZero() && now.Sub(s.Next) > l.o.Bound:
		return fmt.Errorf("the look that was due at %s (%s) has not begun for %s; the limit is %s",
			s.Next.UTC().Format(time.RFC3339), s.NextCause, now.Sub(s.Next).Round(time.Second), l.o.Bound)
	}
	return nil
}

// Healthy reports whether Health has nothing to say.
func (l *Loop) Healthy() bool { return l.Health() == nil }

// begin notes that a look begins, which takes the pending hints with it.
func (l *Loop) begin() Look {
	now := l.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	look := Look{Cause: l.s.NextCause, Start: now, Hints: l.pending}
	if l.pending > 0 {
		look.Waited = max(now.Sub(l.first), 0)
		look.Held = l.held()
	}
	l.pending = 0
	l.s.Running, l.s.Cause, l.s.Since = true, look.Cause, now
	l.s.Looks[look.Cause]++
	return look
}

// held is what kept the pending hints from being answered when they would have
// been. The caller holds the lock.
func (l *Loop) held() string {
	free := l.hintDue()
	switch {
	case l.s.LimitedUntil.After(free):
		return "limit"
	case l.s.Failures > 0 && l.s.Last.End.Add(l.o.Floor).After(free):
		return "error"
	case l.firstHeld && l.s.Last.End.After(l.first):
		return "look"
	}
	return ""
}

// end notes what became of a look, and tells.
func (l *Loop) end(look Look, o outcome) {
	look.End, look.Err = l.clock.Now(), o.err
	l.mu.Lock()
	l.s.Running, l.s.Last = false, look
	l.wake, l.retry, l.s.LimitedUntil = time.Time{}, time.Time{}, time.Time{}
	var limited *gitops.RateLimited
	switch {
	case o.err == nil:
		l.s.LastGood, l.s.Failures, l.wake = look.End, 0, o.report.Wake
	case errors.As(o.err, &limited) && limited.Until.After(look.End):
		l.s.Failures++
		// A little after, or all replicas come in the same instant.
		l.s.LimitedUntil = limited.Until
		l.retry = limited.Until.Add(time.Duration(l.o.Jitter() * float64(l.o.Floor)))
	default:
		l.s.Failures++
		l.retry = look.End.Add(l.backoff(l.s.Failures))
	}
	l.mu.Unlock()
	l.o.Done(look)
}

// backoff is the wait after so many failures in a row: doubled each time, and
// then somewhere in its upper half.
func (l *Loop) backoff(failures int) time.Duration {
	wait := l.o.MaxRetry
	if doublings := failures - 1; doublings < 32 { // more would overflow, and is long over the cap
		wait = min(wait, l.o.Retry<<doublings)
	}
	return wait/2 + time.Duration(l.o.Jitter()*float64(wait/2))
}
