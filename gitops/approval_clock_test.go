package gitops

import (
	"context"
	"testing"
	"time"

	"promoter/promoter"
)

// clockwork is a forge whose clock is off, and on which a label was put.
type clockwork struct {
	Forge
	Talker
	off   time.Duration
	now   time.Time
	label time.Time // by our clock
}

func (c clockwork) Clock() (time.Time, bool)                       { return c.now.Add(c.off), true }
func (c clockwork) Reviews(context.Context, int) ([]Review, error) { return nil, nil }
func (c clockwork) Labelings(context.Context, int) ([]Labeling, error) {
	return []Labeling{{Label: promoter.ApprovedLabel, By: "ana", At: c.label.Add(c.off)}}, nil
}
func (c clockwork) Permission(context.Context, string) (string, error) { return "write", nil }

// TestApprovalIsOfWhatWasThere: a label that was put before a head was written
// approves another one, also where the forge's clock is ahead of ours.
func TestApprovalIsOfWhatWasThere(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	head := now.Add(-time.Hour)
	for _, c := range []struct {
		off   time.Duration
		label time.Duration // after the head
		want  int
	}{
		{0, -time.Minute, 0}, {0, time.Minute, 1},
		{5 * time.Minute, -time.Minute, 0}, {5 * time.Minute, time.Minute, 1},
		{-5 * time.Minute, -time.Minute, 0}, {-5 * time.Minute, 6 * time.Minute, 1},
	} {
		l := &Listener{Forge: clockwork{off: c.off, now: now, label: head.Add(c.label)}, Now: func() time.Time { return now }}
		got := l.Approvals(t.Context(), promoter.Question{HeadAt: head}, Talk{})
		if got.Unknown != "" || len(got.Allowed) != c.want {
			t.Errorf("clock off by %s, labelled %s after the head: %+v, want %d", c.off, c.label, got, c.want)
		}
	}
}
