package lease

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestOrderlyEnd: the lease is held until the work has returned, and then
// released, so that another need not wait for it to run out.
func TestOrderlyEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		a, b := f.join("a", nil), f.join("b", nil)
		a.takes = 17 * time.Second // longer than a lease lasts
		a.stand("acme/deploy")
		pass(time.Second)
		b.stand("acme/deploy")
		pass(time.Minute)
		if got := b.Standings(); len(got) != 1 || got[0].Leading || got[0].Holder != a.Identity() || got[0].Err != nil {
			t.Errorf("%+v", got)
		}
		if got := a.Standings(); len(got) != 1 || !got[0].Leading || got[0].Holder != a.Identity() || got[0].Lease != Name("acme/deploy") {
			t.Errorf("%+v", got)
		}
		a.stop()
		pass(16 * time.Second)
		if got := f.leads(); got["a"] != 1 || got["b"] != 0 {
			t.Errorf("while the work ends: %v", got)
		}
		pass(time.Second)
		a.ended.Wait()
		if got := a.Standings(); len(got) != 0 {
			t.Errorf("%+v", got)
		}
		pass(5 * time.Second)
		if got := f.leads(); got["b"] != 1 {
			t.Errorf("five seconds after: %v", got)
		}
		b.stop()
		b.ended.Wait()
		if got := f.api.holders(); got[Name("acme/deploy")] != "" {
			t.Errorf("held at the end: %v", got)
		}
	})
}

// TestCutOff: a replica that does not reach the API ends its work before
// another may begin.
func TestCutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		a, b, c := f.join("a", nil), f.join("b", nil), f.join("c", nil)
		a.takes = 4 * time.Second
		a.stand("acme/deploy")
		pass(time.Second)
		b.stand("acme/deploy")
		c.stand("acme/deploy")
		pass(time.Minute)
		a.wire.set(func(w *wire) { w.cut = true })
		pass(14 * time.Second)
		if got := f.leads(); len(got) != 0 {
			t.Errorf("14 s after the cut: %v", got)
		}
		pass(8 * time.Second)
		got := f.leads()
		if got["a"] != 0 || got["b"]+got["c"] != 1 {
			t.Errorf("22 s after the cut: %v", got)
		}
		if got := a.Standings(); got[0].Leading {
			t.Errorf("%+v", got)
		}
		pass(15 * time.Second)
		if got := a.Standings(); got[0].Err == nil {
			t.Errorf("nothing is wrong with a lease that is out of reach: %+v", got)
		}
		a.wire.set(func(w *wire) { w.cut = false })
		pass(10 * time.Second)
		if got := a.Standings(); got[0].Err != nil || got[0].Holder == "" {
			t.Errorf("back again: %+v", got)
		}
		for _, r := range []*replica{a, b, c} {
			r.stop()
			r.ended.Wait()
		}
		if !strings.Contains(f.events[1], "a ends acme/deploy: the lease for acme/deploy is lost: not renewed for 10s") {
			t.Errorf("%q", f.events)
		}
	})
}

// TestNotReleasedWhileItWorks: back in touch when client-go gives up, a
// replica whose work is slow to end does not let another in before it has.
func TestNotReleasedWhileItWorks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		a := f.join("a", nil)
		a.takes = 4 * time.Second // from the tenth second after the last renewal; client-go gives up in the twelfth
		a.stand("acme/deploy")
		pass(time.Minute)
		a.wire.set(func(w *wire) { w.cut = true })
		pass(9500 * time.Millisecond) // the call that hangs now stays so
		a.wire.set(func(w *wire) { w.cut = false })
		pass(time.Minute)
		a.stop()
		a.ended.Wait()
		released := time.Time{}
		for _, w := range f.api.writes {
			if w.holder == "" {
				released = w.at
				break
			}
		}
		if len(f.ends) < 2 || released.Before(f.ends[0]) || released.After(f.ends[0].Add(time.Second)) {
			t.Errorf("released at %s, work ended at %s: %q", released, f.ends, f.events)
		}
	})
}

// TestLostAnswer: a release after a renewal whose answer was lost.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		a := f.join("a", nil)
		a.stand("acme/deploy")
		pass(time.Minute)
		a.wire.set(func(w *wire) { w.loseNext = true })
		pass(3 * time.Second) // it hangs now, until it is cut off
		a.stop()
		a.ended.Wait()
		if got := f.api.holders(); got[Name("acme/deploy")] != "" {
			t.Errorf("held at the end: %v", got)
		}
	})
}

// TestStolen: one look at who the holder is ends the work, not ten seconds of
// hope.
func TestStolen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		a := f.join("a", nil)
		a.stand("acme/deploy")
		pass(time.Minute)
		f.api.steal("somebody")
		pass(3 * time.Second)
		if got := f.leads(); len(got) != 0 {
			t.Errorf("%v", got)
		}
		pass(time.Minute) // somebody does not renew
		if got := f.leads(); got["a"] != 1 {
			t.Errorf("a minute later: %v", got)
		}
		a.stop()
		a.ended.Wait()
		if !strings.HasSuffix(f.events[1], `"somebody" holds it`) {
			t.Errorf("%q", f.events)
		}
	})
}

// TestSpread: repositories are spread over replicas, also when one is gone.
func TestSpread(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const repositories = 24
		f := newFleet(t)
		var all []*replica
		for _, name := range []string{"a", "b", "c"} {
			r := f.join(name, nil)
			all = append(all, r)
			for i := range repositories {
				r.stand(fmt.Sprintf("acme/deploy-%d", i))
			}
		}
		pass(2 * time.Minute)
		near := func(when string, want int, names ...string) {
			t.Helper()
			got, sum := f.leads(), 0
			for _, name := range names {
				sum += got[name]
				if got[name] < want-3 || got[name] > want+3 {
					t.Errorf("%s: %v, want about %d each", when, got, want)
				}
			}
			if sum != repositories {
				t.Errorf("%s: %v, %d in all", when, got, sum)
			}
			t.Logf("%s: %v", when, got)
		}
		near("three replicas", 8, "a", "b", "c")
		all[0].wire.set(func(w *wire) { w.cut = true })
		pass(2 * time.Minute)
		near("one is cut off", 12, "b", "c")
		for _, r := range all {
			r.stop()
		}
		for _, r := range all {
			r.ended.Wait()
		}
	})
}

// TestAlone: one replica has everything within MaxSpread.
func TestAlone(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		spread time.Duration
		after  time.Duration
	}{{0, 32 * time.Second}, {-1, 0}} {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t)
			a := f.join("a", func(o *Options) { o.Spread = tt.spread })
			for i := range 50 {
				a.stand(fmt.Sprintf("acme/deploy-%d", i))
			}
			pass(tt.after)
			if got := f.leads(); got["a"] != 50 {
				t.Errorf("spread %s: %v", tt.spread, got)
			}
			a.stop()
			a.ended.Wait()
		})
	}
}

func TestLeadReturns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		a := f.join("a", nil)
		broken := errors.New("no such repository")
		calls := 0
		err := a.Run(t.Context(), "acme/deploy", func(context.Context) error { calls++; return broken })
		if !errors.Is(err, broken) || calls != 1 {
			t.Errorf("got %v after %d calls", err, calls)
		}
		if got := f.api.holders(); got[Name("acme/deploy")] != "" {
			t.Errorf("held at the end: %v", got)
		}
	})
}

func TestStandTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		a := f.join("a", nil)
		a.stand("acme/deploy")
		pass(time.Second)
		if err := a.Run(t.Context(), "acme/deploy", nil); err == nil {
			t.Error("it stood twice")
		}
		a.stop()
		a.ended.Wait()
	})
}

// TestNotAllowed: it waits, says why, and ends when asked to.
func TestNotAllowed(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t)
			f.api.forbid = method
			a := f.join("a", nil)
			a.stand("acme/deploy")
			pass(15 * time.Second)
			if got := a.Standings(); got[0].Leading || got[0].Err == nil || !strings.Contains(got[0].Err.Error(), "forbidden") {
				t.Errorf("%s: %+v", method, got)
			}
			a.stop()
			a.ended.Wait()
		})
	}
}

// TestLost: those who do not know this package can tell that there is no time.
func TestLost(t *testing.T) {
	t.Parallel()
	var s interface{ StopNow() bool }
	if err := fmt.Errorf("x: %w", &Lost{}); !errors.As(err, &s) || !s.StopNow() {
		t.Error("a lost lease leaves time")
	}
}

// TestManyAreTakenOverSoon: where there are many repositories, those of a
// replica that died are led again soon after their leases have run out.
func TestManyAreTakenOverSoon(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const repositories = 50
		f := newFleet(t)
		var all []*replica
		for _, name := range []string{"a", "b", "c"} {
			r := f.join(name, nil)
			all = append(all, r)
			for i := range repositories {
				r.stand(fmt.Sprintf("acme/deploy-%d", i))
			}
		}
		pass(2 * time.Minute)
		all[0].wire.set(func(w *wire) { w.cut = true })
		pass(36 * time.Second) // 15 s of the lease, 2 s of a try, and half of MaxSpread
		if got := f.leads(); got["b"]+got["c"] != repositories {
			t.Errorf("36 s after one was cut off: %v", got)
		}
		for _, r := range all {
			r.stop()
		}
		for _, r := range all {
			r.ended.Wait()
		}
	})
}
