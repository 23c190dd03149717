package loop

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"promoter/gitops"
)

func probe(h http.Handler) (int, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	return w.Code, w.Body.String()
}

// TestStuck: a look that does not heed its context makes us unhealthy, and
// well again when it ends after all.
func TestStuck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		b := begin(t, Options{Look: func(context.Context) (Report, error) { <-release; return Report{}, nil }})
		var h Health
		remove := h.Add("acme/deploy", b.Loop)
		b.pass(30 * time.Minute)
		if err := b.Health(); err != nil {
			t.Errorf("at the limit: %v", err)
		}
		b.pass(time.Second)
		code, text := probe(h.Healthz())
		if code != 503 || !strings.Contains(text, "acme/deploy: the look that began at 2000-01-01T00:00:00Z (start) has not ended for 30m1s; the limit is 30m0s") {
			t.Errorf("%d %s", code, text)
		}
		if b.Healthy() {
			t.Error("healthy")
		}
		close(release)
		b.pass(time.Second)
		if code, text := probe(h.Healthz()); code != 200 {
			t.Errorf("%d %s", code, text)
		}
		_ = b.quit()
		remove()
		if code, text := probe(h.Healthz()); code != 200 || text != "ok\n" {
			t.Errorf("%d %q", code, text)
		}
	})
}

// TestLateness: a look that was due and does not begin is a wedge too, as when
// a clock never wakes us.
func TestLateness(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := begin(t, Options{Clock: deaf{}})
		b.pass(31 * time.Minute)
		if err := b.Health(); err == nil || !strings.Contains(err.Error(), "(start) has not begun for 31m0s") {
			t.Errorf("got %v", err)
		}
		_ = b.quit()
	})
}

// deaf is a clock that never wakes anybody.
type deaf struct{ system }

func (deaf) After(time.Duration) (<-chan time.Time, func()) { return nil, func() {} }

// TestWaitingIsHealthy: what was asked for is no wedge, however long.
func TestWaitingIsHealthy(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"a long poll": {Poll: 3 * time.Hour},
		"a limit": {Look: func(context.Context) (Report, error) {
			return Report{}, &gitops.RateLimited{Until: time.Now().Add(3 * time.Hour)}
		}},
		"errors": {Look: func(context.Context) (Report, error) { return Report{}, errors.New("no answer") }},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := begin(t, o)
			for range 100 {
				b.pass(7 * time.Minute)
				if err := b.Health(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			_ = b.quit()
		})
	}
	if err := New(Options{}).Health(); err != nil {
		t.Errorf("not begun: %v", err)
	}
}

func TestReady(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var h Health
		if code, text := probe(h.Readyz()); code != 200 {
			t.Errorf("no loops: %d %s", code, text)
		}
		var failing atomic.Bool
		failing.Store(true)
		b := begin(t, Options{Look: func(context.Context) (Report, error) {
			if failing.Load() {
				return Report{}, errors.New("token ghp_secret refused")
			}
			return Report{}, nil
		}})
		h.Add("acme/deploy", b.Loop)
		if code, text := probe(h.Readyz()); code != 503 || text != "acme/deploy: no look has gone well yet\n" {
			t.Errorf("%d %s", code, text)
		}
		if code, text := probe(h.Healthz()); code != 200 || text != "ok\nacme/deploy: next look in 2s (retry); the last took 0s and ended 0s ago; 1 in a row failed\n" {
			t.Errorf("%d %q", code, text)
		}
		failing.Store(false)
		b.pass(2 * time.Second)
		if code, text := probe(h.Readyz()); code != 200 {
			t.Errorf("%d %s", code, text)
		}
		failing.Store(true)
		b.pass(time.Minute)
		if code, text := probe(h.Readyz()); code != 200 {
			t.Errorf("once ready: %d %s", code, text)
		}
		h.Stop()
		if code, text := probe(h.Readyz()); code != 503 || text != "stopping\n" {
			t.Errorf("%d %s", code, text)
		}
		_ = b.quit()
	})
}

// TestAddAgain: the name of a lease that was lost and won again.
func TestAddAgain(t *testing.T) {
	t.Parallel()
	var h Health
	removeOld := h.Add("acme/deploy", New(Options{}))
	h.Add("acme/deploy", New(Options{}))
	removeOld()
	if _, text := probe(h.Healthz()); text != "ok\nacme/deploy: not begun\n" {
		t.Errorf("%q", text)
	}
}
