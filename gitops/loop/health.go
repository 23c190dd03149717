package loop

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Health answers probes for all loops of a process. The zero value is ready to
// use, without loops: a replica that leads nothing is well, and ready to take
// over.
type Health struct {
	mu       sync.Mutex
	loops    map[string]*Loop
	stopping bool
}

// Add lets a loop be asked for, under a name such as its repository's, until
// remove is called.
func (h *Health) Add(name string, l *Loop) (remove func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.loops == nil {
		h.loops = map[string]*Loop{}
	}
	h.loops[name] = l
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.loops[name] == l { // a later one of the same name stays
			delete(h.loops, name)
		}
	}
}

// Stop makes the process unready: it is about to end.
func (h *Health) Stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopping = true
}

// Check returns nil when every loop is healthy, else the reasons.
func (h *Health) Check() error {
	loops, _ := h.all()
	var reasons []error
	for _, name := range slices.Sorted(maps.Keys(loops)) {
		if err := loops[name].Health(); err != nil {
			reasons = append(reasons, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(reasons...)
}

// Ready returns nil when every loop has looked without an error once, so that
// a rollout of a configuration that cannot work stops at its first replica.
func (h *Health) Ready() error {
	loops, stopping := h.all()
	if stopping {
		return errors.New("stopping")
	}
	var reasons []error
	for _, name := range slices.Sorted(maps.Keys(loops)) {
		if loops[name].State().LastGood.IsZero() {
			reasons = append(reasons, fmt.Errorf("%s: no look has gone well yet", name))
		}
	}
	return errors.Join(reasons...)
}

func (h *Health) all() (map[string]*Loop, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.loops), h.stopping
}

// Healthz answers 200 and what the loops are doing, or 503 and the reasons:
// for a liveness probe. It shows no error's text, which may quote what not
// everybody who can ask should read.
func (h *Health) Healthz() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if err := h.Check(); err != nil {
			answer(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		lines := []string{"ok"}
		loops, _ := h.all()
		for _, name := range slices.Sorted(maps.Keys(loops)) {
			lines = append(lines, name+": "+loops[name].State().sentence(loops[name].clock.Now()))
		}
		answer(w, http.StatusOK, strings.Join(lines, "\n"))
	})
}

// Readyz answers 200 or 503 and the reasons: for a readiness probe.
func (h *Health) Readyz() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if err := h.Ready(); err != nil {
			answer(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		answer(w, http.StatusOK, "ok")
	})
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text) // who asked has gone
}

// sentence says in one line what a loop is doing.
func (s State) sentence(now time.Time) string {
	var said []string
	switch {
	case s.Stopped:
		said = append(said, "stopped")
	case s.Running:
		said = append(said, fmt.Sprintf("looking for %s (%s)", round(now.Sub(s.Since)), s.Cause))
	case !s.Next.IsZero():
		said = append(said, fmt.Sprintf("next look in %s (%s)", round(s.Next.Sub(now)), s.NextCause))
	default:
		said = append(said, "not begun")
	}
	if !s.Last.End.IsZero() {
		said = append(said, fmt.Sprintf("the last took %s and ended %s ago", round(s.Last.End.Sub(s.Last.Start)), round(now.Sub(s.Last.End))))
	}
	if s.Failures > 0 {
		said = append(said, fmt.Sprintf("%d in a row failed", s.Failures))
	}
	if s.LimitedUntil.After(now) {
		said = append(said, "rate limited until "+s.LimitedUntil.UTC().Format(time.RFC3339))
	}
	return strings.Join(said, "; ")
}

func round(d time.Duration) time.Duration { return max(d, 0).Round(time.Millisecond) }
