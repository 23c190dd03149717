// Package crash ends a Promoter at one of its effects on a forge, and says
// what it left behind.
//
// A Watch stands before the forge and counts what would change it: merges,
// pushes, pull requests, statuses, comments, labels, issues. At the one that is
// asked for the Promoter dies: before it (the forge never hears of it), after
// it (the forge has done it, and nobody is told) or amid it (half of what is
// pushed arrives). From then on nothing answers, until the next Promoter.
//
// It refuses to know what Promoter does: it sees requests, and compares worlds.
package crash

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
)

// When is where in an effect the Promoter dies.
type When string

// The moments.
const (
	Before When = "before" // the request is lost
	Amid   When = "amid"   // half of its body arrives
	After  When = "after"  // its answer is lost
)

// Watch is a forge.Front. It is safe for concurrent use.
type Watch struct {
	mu    sync.Mutex
	count int
	seen  []string
	at    int    // the effect to die at, from 1; 0: none
	name  string // or the first that is called so
	when  When
	kill  func()
	dead  bool
}

// Arm counts anew, and has the next Promoter die at its k-th effect; 0: never.
// kill is called at that moment, before the request's connection is cut.
func (w *Watch) Arm(k int, when When, kill func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count, w.seen, w.at, w.name, w.when, w.kill, w.dead = 0, nil, k, "", when, kill, false
}

// ArmFor has the next Promoter die at its first effect of a name.
func (w *Watch) ArmFor(name string, when When, kill func()) {
	w.Arm(0, when, kill)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.name = name
}

// Seen are the effects since Arm, one line each; the one that it died at is
// the last.
func (w *Watch) Seen() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.seen...)
}

// Dead reports whether the Promoter has died since Arm.
func (w *Watch) Dead() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dead
}

// Front is what to give to forge.Server.SetFront.
func (w *Watch) Front(rw http.ResponseWriter, r *http.Request, next http.Handler) {
	name, err := effect(r)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	w.mu.Lock()
	if w.dead {
		w.mu.Unlock()
		panic(http.ErrAbortHandler) // nobody answers the dead
	}
	if name != "" {
		w.count++
		w.seen = append(w.seen, name)
	}
	now := name != "" && (w.count == w.at || name == w.name)
	w.dead = now
	w.mu.Unlock()
	if !now {
		next.ServeHTTP(rw, r)
		return
	}
	switch w.when {
	case After:
		next.ServeHTTP(httptest.NewRecorder(), r)
	case Amid:
		body, err := io.ReadAll(r.Body)
		if err == nil {
			r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body[:len(body)/2]), broken{}))
			next.ServeHTTP(httptest.NewRecorder(), r)
		}
	}
	w.kill()
	panic(http.ErrAbortHandler)
}

// broken is the rest of a body whose sender is gone.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the connection is gone") }

var number = regexp.MustCompile(`/[0-9a-f]{40}|/\d+`)

// effect names what a request changes; empty: nothing.
func effect(r *http.Request) (string, error) {
	path, api := strings.CutPrefix(r.URL.Path, "/api/")
	switch {
	case !api && strings.HasSuffix(r.URL.Path, "/git-receive-pack") && r.Method == http.MethodPost:
		return "push", nil
	case !api || r.Method == http.MethodGet || r.Method == http.MethodHead:
		return "", nil
	case strings.HasSuffix(path, "graphql"):
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return "", fmt.Errorf("read request: %w", err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if !bytes.Contains(body, []byte("mutation")) {
			return "", nil
		}
		return "mutation", nil
	}
	_, path, _ = strings.Cut(path, "/repos/")
	if parts := strings.SplitN(path, "/", 3); len(parts) == 3 {
		path = parts[2]
	}
	return r.Method + " " + number.ReplaceAllString(path, "/N"), nil
}
