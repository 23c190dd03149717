package argocd_test

import (
	"testing"
	"time"

	"promoter/gitops/argocd"
	"promoter/promoter"
)

// Who looks again at the moment that an answer named is not answered from the
// list that was made before it.
func TestAListIsNotSharedBeyondWhatItPromised(t *testing.T) {
	w := newTower(t, argocd.EngineOptions{})
	w.server.Update(key, settled)
	w.clock.set(after(25))
	c := w.ask(about(key.Name)).Apps[0]
	for range 20 { // one thing after the other is waited for; the dwell comes last
		if c.Outcome != promoter.Pending || c.Until.IsZero() {
			t.Fatalf("got %+v", c)
		}
		due := c.Until
		w.clock.set(due.Add(-time.Second))
		if c = w.ask(about(key.Name)).Apps[0]; c.Outcome != promoter.Pending {
			t.Fatalf("a second too early: %+v", c)
		}
		if !c.Until.Equal(due) {
			continue
		}
		w.clock.set(due)
		if c = w.ask(about(key.Name)).Apps[0]; c.Outcome == promoter.Converged {
			return
		}
		if !c.Until.After(due) {
			t.Fatalf("it is due at %s, and at that moment still: %+v", due, c)
		}
	}
	t.Fatalf("it never comes to an end: %+v", c)
}
