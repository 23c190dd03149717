package main

import (
	"log/slog"
	"testing"
	"time"

	"promoter/gitops"
)

// A step forward that the forge's limits leave no room for ends no look: what
// else there is to see and to do is seen and done, and the step is tried again
// when there is room.
func TestAStepWithoutRoomStopsNoLook(t *testing.T) {
	t.Parallel()
	o := beginOrdeal(t, true)
	w, err := o.workshop(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	issue := o.hosted.OpenIssue("ana", "Noise", "")
	for w.forge.(gitops.Paced).Room(1) == nil {
		if err := w.forge.(gitops.Talker).Comment(t.Context(), issue, "Noise."); err != nil {
			t.Fatal(err)
		}
	}
	s := &server{metrics: newMetrics()}
	report, err := s.look(t.Context(), w, "shop/gitops", slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatalf("the look fails: %v", err)
	}
	if wait := report.Wake.Sub(o.clock.Now()); wait <= 0 || wait > time.Minute {
		t.Errorf("it is woken after %s, want within the minute after which there is room", wait)
	}
	if n := len(o.hosted.Pulls()); n != 0 {
		t.Errorf("%d pulls were opened without room", n)
	}
	o.clock.Pass(report.Wake.Sub(o.clock.Now()))
	if _, err := s.look(t.Context(), w, "shop/gitops", slog.New(slog.NewTextHandler(t.Output(), nil))); err != nil {
		t.Fatal(err)
	}
	if n := len(o.hosted.Pulls()); n == 0 {
		t.Error("nothing was opened when there was room")
	}
}
