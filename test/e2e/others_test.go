package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// Another team commits to the same branch all the while, and once to the file
// that the release is in.
func TestOthersCommit(t *testing.T) {
	t.Parallel()
	s := Tell(t, 5, "others")
	s.openShop(nil)
	s.Publish(Chart{"web", "1.1.0", "1.1.0"})
	s.Serve()
	ctx, stop := context.WithCancel(s.Context())
	var team sync.WaitGroup
	commits := 0
	team.Go(func() {
		// With every look of Promoter's, beside the next one: so it is on a slow
		// machine, too.
		seen := 0
		for tick := time.NewTicker(250 * time.Millisecond); ; {
			select {
			case <-ctx.Done():
				tick.Stop()
				return
			case <-tick.C:
			}
			if looks, err := s.looks(); err != nil || looks <= seen {
				continue
			} else {
				seen = looks
			}
			if _, err := s.Repo.Commit(ctx, "Another team's", map[string]string{"teams/search/values.yaml": fmt.Sprintf("replicas: %d\n", commits)}); err != nil {
				if ctx.Err() == nil {
					t.Error(err)
				}
				return
			}
			commits++
		}
	})
	defer team.Wait()
	defer stop()
	s.Until(patience, "staging pins 1.1.0", func() (bool, error) { return s.pinned("staging") == "1.1.0", nil })
	text, err := s.Repo.Read(s.Context(), "platform/web.yaml")
	s.Must(err)
	_, err = s.Repo.Commit(s.Context(), "Say whose it is", map[string]string{"platform/web.yaml": "# The shop team's.\n" + text})
	s.Must(err)
	s.Says("somebody edits the same file while staging is being verified")
	for _, e := range environments[2:] {
		s.Until(patience, e+" pins 1.1.0", func() (bool, error) { return s.pinned(e) == "1.1.0", nil })
	}
	s.Until(patience, "every merge has a verdict", s.allJudged)
	stop()
	team.Wait()
	text, err = s.Repo.Read(s.Context(), "platform/web.yaml")
	s.Must(err)
	if !strings.HasPrefix(text, "# The shop team's.\n") {
		t.Errorf("what others wrote is gone:\n%s", text)
	}
	s.skipped("A2", s.Name+"-root", func(Pull) bool { return true })
	s.Says("%d commits of another team", commits)
	if commits < 10 {
		t.Errorf("another team committed %d times, want 10 or more", commits)
	}
	s.record(fmt.Sprintf("passed beside %d commits", commits+1))
}
