package delivery

import (
	"sync"
	"time"
)

// Clock is the world's clock: it starts at some time and runs at some rate.
// It must not pass the wall's: queries about the future are refused. It is
// safe for concurrent use.
type Clock struct {
	mu     sync.Mutex
	origin time.Time
	began  time.Time
	rate   float64
}

// NewClock starts a clock at a time. With rate 30 a second of the wall is half
// a minute; with rate 0 it stands still until Pass.
func NewClock(origin time.Time, rate float64) *Clock {
	return &Clock{origin: origin.Round(0), began: time.Now(), rate: rate}
}

// Now reads the clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Clock) now() time.Time {
	return c.origin.Add(time.Duration(float64(time.Since(c.began)) * c.rate))
}

// Real is how long a span of the world's time takes on the wall.
func (c *Clock) Real(span time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.real(span)
}

func (c *Clock) real(span time.Duration) time.Duration {
	return time.Duration(float64(span) / c.rate)
}

// Runs reports whether time goes by without Pass.
func (c *Clock) Runs() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rate > 0
}

// Pass lets a span of time go by at once.
func (c *Clock) Pass(span time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.origin = c.origin.Add(span)
}

// Join makes it the wall's clock from now on. What was due in between is
// overdue at once.
func (c *Clock) Join() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.began = time.Now()
	c.origin, c.rate = c.began.Round(0), 1
}

// After sends once when a span of the world's time has passed. Stop lets go of
// it. Who waits already does not hear of Pass and Join; on a clock that stands
// still nobody is woken.
func (c *Clock) After(span time.Duration) (<-chan time.Time, func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rate == 0 {
		return nil, func() {}
	}
	t := time.NewTimer(c.real(span))
	return t.C, func() { t.Stop() }
}

// nextSecond is the first whole second after t. API times are whole seconds,
// and who compares them wants one to be later than the other.
func nextSecond(t time.Time) time.Time { return t.Truncate(time.Second).Add(time.Second) }
