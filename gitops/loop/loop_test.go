package loop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"promoter/gitops"
)

// bench runs a loop over virtual time and keeps what it did.
type bench struct {
	*Loop
	t     *testing.T
	epoch time.Time
	looks []Look
	stop  context.CancelCauseFunc
	ended chan error
}

// begin starts a loop whose looks take no time unless the test says so.
func begin(t *testing.T, o Options) *bench {
	t.Helper()
	b := &bench{t: t, epoch: time.Now(), ended: make(chan error, 1)}
	if o.Look == nil {
		o.Look = func(context.Context) (Report, error) { return Report{}, nil }
	}
	if o.Jitter == nil {
		o.Jitter = func() float64 { return 1 }
	}
	o.Done = func(l Look) { b.looks = append(b.looks, l) }
	b.Loop = New(o)
	ctx, cancel := context.WithCancelCause(t.Context())
	b.stop = cancel
	go func() { b.ended <- b.Run(ctx) }()
	synctest.Wait()
	return b
}

// pass lets virtual time go by.
func (b *bench) pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// quit stops the loop and waits for its end.
func (b *bench) quit() error {
	b.stop(nil)
	return <-b.ended
}

// told is when looks began, since the start, and why: "30s poll".
func (b *bench) told() []string {
	var told []string
	for _, l := range b.looks {
		told = append(told, fmt.Sprintf("%s %s", l.Start.Sub(b.epoch), l.Cause))
	}
	return told
}

func (b *bench) want(want ...string) {
	b.t.Helper()
	if diff := cmp.Diff(want, b.told()); diff != "" {
		b.t.Error(diff)
	}
}

func TestStartAndPoll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := begin(t, Options{Look: func(context.Context) (Report, error) { <-time.After(5 * time.Second); return Report{}, nil }})
		b.pass(2 * time.Minute)
		if err := b.quit(); err != nil {
			t.Error(err)
		}
		b.want("0s start", "35s poll", "1m10s poll", "1m45s poll")
	})
}

func TestWake(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		wake func(now time.Time) time.Time
		want []string
	}{
		{"before the poll", func(now time.Time) time.Time { return now.Add(12 * time.Second) }, []string{"0s start", "12s wake", "24s wake"}},
		{"after the poll", func(now time.Time) time.Time { return now.Add(time.Hour) }, []string{"0s start", "30s poll"}},
		{"none", func(time.Time) time.Time { return time.Time{} }, []string{"0s start", "30s poll"}},
		{"past", func(now time.Time) time.Time { return now.Add(-time.Hour) }, []string{"0s start", "30s poll"}},
		{"the moment of the look", func(now time.Time) time.Time { return now }, []string{"0s start", "30s poll"}},
		{"not faster than the floor", func(now time.Time) time.Time { return now.Add(time.Nanosecond) }, nil},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			b := begin(t, Options{Look: func(context.Context) (Report, error) { return Report{Wake: tt.wake(time.Now())}, nil }})
			b.pass(35 * time.Second)
			_ = b.quit()
			if tt.want == nil {
				if got := len(b.looks); got != 36 {
					t.Errorf("%s: %d looks in 35 s", tt.name, got)
				}
				return
			}
			if diff := cmp.Diff(tt.want, b.told()); diff != "" {
				t.Errorf("%s: %s", tt.name, diff)
			}
		})
	}
}

// TestWakeDuringTheLook: what was to come while it looked may have been missed.
func TestWakeDuringTheLook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first := true
		b := begin(t, Options{Look: func(context.Context) (Report, error) {
			if !first {
				return Report{}, nil
			}
			first = false
			wake := time.Now().Add(2 * time.Second)
			<-time.After(5 * time.Second)
			return Report{Wake: wake}, nil
		}})
		b.pass(20 * time.Second)
		_ = b.quit()
		b.want("0s start", "5s wake")
	})
}

func TestHintsAreCoalesced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := begin(t, Options{})
		b.pass(10 * time.Second)
		b.Hint()
		b.pass(80 * time.Millisecond)
		b.Hint()
		b.pass(time.Second)
		_ = b.quit()
		b.want("0s start", "10.18s hint")
		got := b.looks[1]
		if got.Hints != 2 || got.Waited != 180*time.Millisecond || got.Held != "" {
			t.Errorf("%+v", got)
		}
		if s := b.State(); s.Hints != 2 || s.Looks[Hint] != 1 || s.Looks[Start] != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// TestFlood: a hint every 10 ms keeps no look from beginning within a second,
// and makes no more than one a second.
func TestFlood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := begin(t, Options{})
		b.pass(5 * time.Second)
		for range 1000 {
			b.Hint()
			b.pass(10 * time.Millisecond)
		}
		b.pass(time.Second)
		_ = b.quit()
		hints := 0
		for _, l := range b.looks[1:] {
			hints += l.Hints
			if l.Waited > time.Second || l.Cause != Hint {
				t.Errorf("%+v", l)
			}
		}
		if hints != 1000 {
			t.Errorf("%d hints were answered", hints)
		}
		if got := len(b.looks) - 1; got < 9 || got > 11 {
			t.Errorf("%d looks for a flood of ten seconds", got)
		}
	})
}

func TestNeverTwoAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var running, most atomic.Int32
		b := begin(t, Options{Poll: time.Second, Look: func(context.Context) (Report, error) {
			most.Store(max(most.Load(), running.Add(1)))
			<-time.After(7 * time.Second)
			running.Add(-1)
			return Report{Wake: time.Now()}, nil
		}})
		for range 600 {
			b.Hint()
			b.pass(100 * time.Millisecond)
		}
		_ = b.quit()
		if most.Load() != 1 {
			t.Errorf("%d looks at once", most.Load())
		}
		// 7 s each and nothing between them: what waited begins at once.
		if got := len(b.looks); got < 8 || got > 9 {
			t.Errorf("%d looks in a minute", got)
		}
		if l := b.looks[1]; l.Held != "look" || l.Waited != 7*time.Second || l.Hints != 70 && l.Hints != 71 {
			t.Errorf("%+v", l)
		}
	})
}

func TestErrorsBackOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var failing atomic.Bool
		failing.Store(true)
		b := begin(t, Options{Look: func(context.Context) (Report, error) {
			if failing.Load() {
				return Report{Wake: time.Now().Add(time.Millisecond)}, errors.New("no answer")
			}
			return Report{}, nil
		}})
		b.pass(20 * time.Minute)
		b.want("0s start", "2s retry", "6s retry", "14s retry", "30s retry", "1m2s retry", "2m6s retry", "4m14s retry", "8m30s retry",
			"13m30s retry", "18m30s retry")
		if s := b.State(); s.Failures != 11 || !s.LastGood.IsZero() {
			t.Errorf("%+v", s)
		}
		failing.Store(false)
		b.pass(5 * time.Minute)
		_ = b.quit()
		if diff := cmp.Diff([]string{"23m30s retry", "24m0s poll", "24m30s poll", "25m0s poll"}, b.told()[11:]); diff != "" {
			t.Error(diff)
		}
		if s := b.State(); s.Failures != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestBackoffIsSpreadAndCapped(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		jitter   float64
		failures int
		want     time.Duration
	}{
		{0, 1, time.Second},
		{0.5, 1, 1500 * time.Millisecond},
		{1, 1, 2 * time.Second},
		{0, 100, 150 * time.Second},
		{1, 100, 5 * time.Minute},
		{1, 1 << 40, 5 * time.Minute},
		{1, 32, 5 * time.Minute},
	} {
		l := New(Options{Jitter: func() float64 { return tt.jitter }})
		if got := l.backoff(tt.failures); got != tt.want {
			t.Errorf("after %d failures, jitter %v: %s, want %s", tt.failures, tt.jitter, got, tt.want)
		}
	}
}

// TestHintsWakeWhatFails, but not faster than the floor.
func TestHintsWakeWhatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := begin(t, Options{Retry: time.Minute, Look: func(context.Context) (Report, error) { return Report{}, errors.New("no answer") }})
		for range 50 {
			b.Hint()
			b.pass(100 * time.Millisecond)
		}
		b.want("0s start", "1s hint", "2s hint", "3s hint", "4s hint", "5s hint")
		b.Hint()
		b.pass(5 * time.Second)
		_ = b.quit()
		if got := b.looks[6]; got.Held != "error" || got.Waited != time.Second {
			t.Errorf("%+v", got)
		}
	})
}

// TestPatience: what asks for patience gets it, whatever happens meanwhile.
func TestPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		until := time.Now().Add(7*time.Minute + 300*time.Millisecond)
		looks := 0
		b := begin(t, Options{Look: func(context.Context) (Report, error) {
			if looks++; looks == 1 {
				return Report{}, fmt.Errorf("list pulls: %w", &gitops.RateLimited{Until: until, Why: "primary limit"})
			}
			return Report{}, nil
		}})
		b.pass(time.Minute)
		b.Hint()
		if s := b.State(); !s.LimitedUntil.Equal(until) || s.Failures != 1 {
			t.Errorf("%+v", s)
		}
		b.pass(7 * time.Minute)
		_ = b.quit()
		if diff := cmp.Diff([]string{"0s start", "7m0.3s hint", "7m30.3s poll"}, b.told()); diff != "" {
			t.Error(diff)
		}
		if got := b.looks[1]; got.Held != "limit" || got.Waited != 6*time.Minute+300*time.Millisecond {
			t.Errorf("%+v", got)
		}
	})
	synctest.Test(t, func(t *testing.T) { // no hint: a little later; a limit that has passed is an error like others
		untils := []time.Time{time.Now().Add(time.Minute), time.Now()}
		b := begin(t, Options{Look: func(context.Context) (Report, error) {
			if len(untils) == 0 {
				return Report{}, nil
			}
			until := untils[0]
			untils = untils[1:]
			return Report{}, &gitops.RateLimited{Until: until}
		}})
		b.pass(70 * time.Second)
		_ = b.quit()
		b.want("0s start", "1m1s retry", "1m5s retry")
	})
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := begin(t, Options{Look: func(ctx context.Context) (Report, error) {
			<-ctx.Done()
			return Report{}, context.Cause(ctx)
		}})
		b.pass(10*time.Minute + time.Second)
		_ = b.quit()
		if len(b.looks) != 1 || !errors.Is(b.looks[0].Err, ErrDeadline) || b.looks[0].End.Sub(b.epoch) != 10*time.Minute {
			t.Errorf("%+v", b.looks)
		}
	})
}

// TestPanic: it is an error of one look, and says where.
func TestPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		b := begin(t, Options{Look: func(context.Context) (Report, error) {
			if looks++; looks == 1 {
				panic("out of range")
			}
			return Report{}, nil
		}})
		b.pass(3 * time.Second)
		_ = b.quit()
		b.want("0s start", "2s retry")
		if err := b.looks[0].Err; err == nil || !strings.Contains(err.Error(), "panic: out of range") || !strings.Contains(err.Error(), "loop_test.go") {
			t.Errorf("got %v", err)
		}
	})
}

func TestRunTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := begin(t, Options{})
		if err := b.Run(t.Context()); err == nil {
			t.Error("it ran twice")
		}
		_ = b.quit()
	})
}

// fast is a clock whose time runs fifty times as fast.
type fast struct{ epoch time.Time }

func (f fast) Now() time.Time { return f.epoch.Add(50 * time.Since(f.epoch)) }
func (f fast) After(d time.Duration) (<-chan time.Time, func()) {
	return system{}.After(d / 50)
}

func TestClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		clock := fast{time.Now()}
		b := begin(t, Options{Clock: clock, Look: func(context.Context) (Report, error) {
			return Report{Wake: clock.Now().Add(10 * time.Second)}, nil
		}})
		b.pass(time.Second)
		_ = b.quit()
		if got, want := b.told(), []string{"0s start", "10s wake", "20s wake"}; !slices.Equal(got[:3], want) || len(got) < 6 {
			t.Errorf("got %q", got)
		}
	})
}

func BenchmarkHint(b *testing.B) {
	l := New(Options{})
	for b.Loop() {
		l.Hint()
	}
}
