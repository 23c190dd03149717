package delivery

import "time"

// Clock is the world's clock: it starts at some time and runs at some rate.
// It must not pass the wall's: queries about the future are refused.
type Clock struct {
	origin time.Time
	began  time.Time
	rate   float64
}

// NewClock starts a clock at a time. With rate 30 a second of the wall is half
// a minute.
func NewClock(origin time.Time, rate float64) *Clock {
	return &Clock{origin: origin.Round(0), began: time.Now(), rate: rate}
}

// Now reads the clock.
func (c *Clock) Now() time.Time {
	return c.origin.Add(time.Duration(float64(time.Since(c.began)) * c.rate))
}

// Real is how long a span of the world's time takes on the wall.
func (c *Clock) Real(span time.Duration) time.Duration {
	return time.Duration(float64(span) / c.rate)
}

// nextSecond is the first whole second after t. API times are whole seconds,
// and who compares them wants one to be later than the other.
func nextSecond(t time.Time) time.Time { return t.Truncate(time.Second).Add(time.Second) }
