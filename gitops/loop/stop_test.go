package loop

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// abrupt is how a lost lease ends a context.
type abrupt struct{}

func (abrupt) Error() string { return "the lease is lost" }
func (abrupt) StopNow() bool { return true }

func TestStop(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		takes time.Duration // a look, from the start, unless its context ends
		cause error
		ended time.Duration // since it was stopped, a second after the start
		want  string        // of Run's error
	}{
		{"idle", 0, nil, 0, ""},
		{"idle, at once", 0, abrupt{}, 0, ""},
		{"finishes", 15 * time.Second, nil, 14 * time.Second, ""},
		{"does not finish", time.Hour, nil, 20 * time.Second, "cut off after 20s: context canceled"},
		{"a signal is no hurry", 15 * time.Second, errors.New("terminated signal received"), 14 * time.Second, ""},
		{"at once", 15 * time.Second, fmt.Errorf("acme/deploy: %w", abrupt{}), 0, "cut off: acme/deploy: the lease is lost"},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			began, stopping := false, false
			b := begin(t, Options{Look: func(ctx context.Context) (Report, error) {
				began = Stopping(ctx)
				select {
				case <-time.After(tt.takes):
				case <-ctx.Done():
				}
				stopping = Stopping(ctx)
				return Report{}, ctx.Err()
			}})
			b.pass(time.Second)
			at := time.Now()
			b.stop(tt.cause)
			err := <-b.ended
			if got := time.Since(at); got != tt.ended {
				t.Errorf("%s: ended after %s, want %s", tt.name, got, tt.ended)
			}
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
			}
			if began || stopping != (tt.takes > 0) {
				t.Errorf("%s: the look saw stopping as %v, then %v", tt.name, began, stopping)
			}
			if len(b.looks) != 1 || !b.State().Stopped {
				t.Errorf("%s: %d looks, %+v", tt.name, len(b.looks), b.State())
			}
		})
	}
	if Stopping(t.Context()) {
		t.Error("a context of no loop is being stopped")
	}
}
