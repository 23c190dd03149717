package github_test

import (
	"testing"
	"time"

	"promoter/gitops/github"
	"promoter/test/world/forge"
)

// An answer that is remembered is dated when it was asked for again: else the
// forge's clock would seem to stand still, and every stamp to be new.
func TestARememberedAnswerIsDatedNow(t *testing.T) {
	t.Parallel()
	c := newClock()
	s, _ := start(t, forge.Options{Now: c.now})
	f := reach(t, s, func(o *github.Options) { o.Now = c.now })
	for range 3 {
		if _, err := f.Pulls(t.Context(), "main", ""); err != nil {
			t.Fatal(err)
		}
		if now, known := f.Clock(); !known || !now.Equal(c.now()) {
			t.Errorf("the forge's clock seems to show %s (%v) at %s", now, known, c.now())
		}
		c.advance(time.Hour)
	}
}
