package source

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// host is what a run knows about one host: how often it was asked, how many
// requests are under way, and until when it wants to be left alone.
type host struct {
	name  string
	slots chan struct{}

	mu    sync.Mutex
	spent int
	until time.Time
}

// acquire waits for a slot and takes one request from the budget. The caller
// must release the slot.
func (h *host) acquire(ctx context.Context, budget int, now func() time.Time) error {
	if err := h.open(now()); err != nil {
		return err
	}
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case now().Before(h.until): // learnt by another request meanwhile
		<-h.slots
		return &RateLimited{Host: h.name, Until: h.until}
	case h.spent >= budget:
		<-h.slots
		return &OverBudget{Host: h.name}
	}
	h.spent++
	return nil
}

func (h *host) release() { <-h.slots }

func (h *host) open(now time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now.Before(h.until) {
		return &RateLimited{Host: h.name, Until: h.until}
	}
	return nil
}

func (h *host) closeUntil(t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t.After(h.until) {
		h.until = t
	}
}

// The longest that a host's word is taken for, and what is assumed when a
// host says "no more" without saying until when.
const (
	longestWait  = 24 * time.Hour
	unsaidWait   = time.Minute
	windowedWait = 15 * time.Minute
)

// limit reads what an answer says about the host's limit: until is when it
// may be asked again (zero: at once), rejected whether this very request was
// turned away for that reason.
//
// Understood are Retry-After (RFC 9110), RateLimit and RateLimit-Remaining
// with RateLimit-Reset (IETF drafts; GitLab writes a Unix time there), Docker
// Hub's "0;w=21600" and the X-RateLimit headers of GitHub and others.
func limit(resp *http.Response, now time.Time) (until time.Time, rejected bool) {
	h := resp.Header
	code := resp.StatusCode
	after, hasAfter := retryAfter(h.Get("Retry-After"), now)
	remaining, reset := quota(h, now)

	switch {
	case code == http.StatusTooManyRequests:
		rejected = true
	case code == http.StatusForbidden:
		rejected = hasAfter || remaining == 0
	case code == http.StatusServiceUnavailable:
		rejected = hasAfter
	}
	switch {
	case hasAfter && rejected:
		until = after
	case remaining == 0 || rejected && code != http.StatusServiceUnavailable:
		until = reset
		if !until.After(now) && rejected {
			until = now.Add(unsaidWait)
		}
	}
	if latest := now.Add(longestWait); until.After(latest) {
		until = latest
	}
	return until, rejected
}

func retryAfter(v string, now time.Time) (time.Time, bool) {
	if v == "" {
		return time.Time{}, false
	}
	if n, err := strconv.ParseFloat(v, 64); err == nil && n >= 0 {
		return now.Add(seconds(n)), true
	}
	if t, err := http.ParseTime(v); err == nil {
		return t, true
	}
	return time.Time{}, false
}

// quota is how many requests remain (-1: not said) and when they are restored.
func quota(h http.Header, now time.Time) (remaining int, reset time.Time) {
	remaining = -1
	// `RateLimit: "default";r=0;t=30` and `RateLimit: limit=10, remaining=0, reset=30`
	for _, v := range h.Values("RateLimit") {
		r, t := -1, now
		for _, f := range strings.FieldsFunc(v, func(c rune) bool { return c == ';' || c == ',' || c == ' ' }) {
			k, x, _ := strings.Cut(f, "=")
			switch strings.ToLower(k) {
			case "r", "remaining":
				if n, err := strconv.Atoi(x); err == nil {
					r = n
				}
			case "t", "reset":
				t = moment(x, now)
			}
		}
		if r >= 0 && (remaining < 0 || r < remaining) {
			remaining, reset = r, t
		}
	}
	for _, prefix := range []string{"RateLimit-", "X-RateLimit-", "X-Rate-Limit-"} {
		v, params, _ := strings.Cut(h.Get(prefix+"Remaining"), ";")
		n, err := strconv.Atoi(strings.TrimSpace(v))
		if err != nil || n < 0 || remaining >= 0 && n >= remaining {
			continue
		}
		remaining = n
		reset = moment(h.Get(prefix+"Reset"), now)
		if w, ok := strings.CutPrefix(strings.TrimSpace(params), "w="); ok && reset.Equal(now) {
			// The window's length is not its end. Ask again well before the
			// latest possible end; the host will say no if it must.
			if n, err := strconv.ParseFloat(w, 64); err == nil && n > 0 {
				reset = now.Add(min(seconds(n), windowedWait))
			}
		}
	}
	if remaining == 0 && !reset.After(now) {
		reset = now.Add(unsaidWait)
	}
	return remaining, reset
}

// moment reads a reset: seconds from now, or a Unix time in seconds or
// milliseconds, told apart by size. Unreadable is now.
func moment(v string, now time.Time) time.Time {
	n, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
	switch {
	case err != nil || n < 0:
		return now
	case n > 1e11:
		return time.UnixMilli(int64(min(n, 1e15)))
	case n > 1e9:
		return time.Unix(int64(n), 0)
	}
	return now.Add(seconds(n))
}

func seconds(n float64) time.Duration {
	return time.Duration(min(n, longestWait.Seconds()) * float64(time.Second))
}
