package loop

import "time"

// Clock tells the time and waits. A world whose time runs fast has its own.
type Clock interface {
	Now() time.Time
	// After sends once when d has passed, at once when d is not positive. Stop
	// lets go of it.
	After(d time.Duration) (c <-chan time.Time, stop func())
}

// system is the machine's clock.
type system struct{}

func (system) Now() time.Time { return time.Now() }

func (system) After(d time.Duration) (<-chan time.Time, func()) {
	t := time.NewTimer(d)
	return t.C, func() { t.Stop() }
}
