package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Promoter is killed again and again in the middle of a good release and of one
// that is taken back. The world comes to the same end.
func TestKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	s := tellBeside(t, 7, "killed") // it takes longer than any other
	s.openShop(nil)
	s.Publish(Chart{"web", "1.1.0", "1.1.0"})
	kills := s.killUntil(15*time.Minute, func() (bool, error) {
		if s.pinned("production-us") != "1.1.0" || s.pinned("production-eu") != "1.1.0" {
			return false, nil
		}
		return s.allJudged()
	})
	s.Says("1.1.0 is everywhere after %d kills", kills)
	s.Publish(Chart{"web", "1.2.0", "1.2.0-crash_staging"})
	failed := false
	kills += s.killUntil(15*time.Minute, func() (bool, error) {
		failed = failed || s.pinned("staging") == "1.2.0"
		if !failed || s.pinned("staging") != "1.1.0" {
			return false, nil
		}
		return s.allJudged()
	})
	s.Says("1.2.0 is taken back after %d kills", kills)
	if kills < 50 {
		t.Errorf("Promoter was killed %d times, want 50 or more", kills)
	}
	for _, e := range environments[1:] {
		s.Must(s.World.Argo.Settled(s.Context(), patience, s.app(e), "1.1.0"))
	}
	// Whoever is killed while a merge is being made may leave a server that does
	// not know of it.
	merges, err := s.Repo.Merges(s.Context())
	s.Must(err)
	titles := map[string]int{}
	for _, m := range merges {
		title, _, _ := strings.Cut(m, " (#")
		titles[title]++
	}
	for title, n := range titles {
		if n > 1 {
			t.Errorf("%q was merged %d times", title, n)
		}
	}
	if len(titles) != 7 {
		t.Errorf("%d different pull requests were merged, want 4 of 1.1.0, 2 of 1.2.0, and a revert: %v", len(titles), titles)
	}
	s.record(fmt.Sprintf("same end after %d kills", kills))
}

// killUntil lets Promoter live for moments until something is so, and says how
// often it was killed. The moments end anywhere from its start to its second
// look or so; they may be longer when fifteen lives in a row brought nothing, as on a
// machine that is slow.
func (s *Story) killUntil(most time.Duration, is func() (bool, error)) int {
	s.Helper()
	longest := 3500 * time.Millisecond
	idle, kills := 0, 0
	for end := time.Now().Add(most); ; {
		s.Serve()
		select {
		case <-s.promoter.Done():
			s.Fatal(s.promoter.Alive())
		case <-time.After(rand.N(longest)):
		}
		s.Kill()
		kills++
		known := len(s.seen)
		s.news()
		if idle++; len(s.seen) > known {
			idle = 0
		}
		if idle == 15 {
			idle, longest = 0, longest*3/2
			s.Says("nothing new in fifteen lives: they last up to %s now", longest)
		}
		switch ok, err := is(); {
		case err != nil:
			s.Fatal(err)
		case ok:
			return kills
		case time.Now().After(end):
			s.Fatalf("not within %s and %d kills", most, kills)
		}
	}
}

// One promoter run at a time, each on a machine that knows nothing, as a
// scheduled workflow does it.
func TestRunWithoutMemory(t *testing.T) {
	t.Parallel()
	s := Tell(t, 10, "runs")
	s.openShop(nil)
	s.Publish(Chart{"web", "1.1.0", "1.1.0"})
	runs := 0
	s.Until(patience, "1.1.0 is everywhere and proven", func() (bool, error) {
		for _, cache := range []string{"cache", "home"} {
			if err := os.RemoveAll(filepath.Join(s.Dir, cache)); err != nil {
				return false, err
			}
		}
		out, err := s.Run("run")
		runs++
		if err != nil && !strings.Contains(out, "the next run") {
			s.Says("run: %v: %s", err, out)
		}
		for _, e := range environments {
			if s.pinned(e) != "1.1.0" {
				return false, nil
			}
		}
		return s.allJudged()
	})
	s.record(fmt.Sprintf("passed in %d runs", runs))
}
