package e2e

import (
	"testing"
	"time"
)

// Parts of Argo CD stop in the middle of a good release: what is not known is
// waited for, and nobody is blamed. It stops what the other stories need, so it
// is not told beside them.
func TestArgoStops(t *testing.T) {
	s := Tell(t, world, product, "outage")
	w := s.World
	s.openShop(nil)
	s.Publish(Chart{"web", "1.1.0", "1.1.0"})
	s.Serve()
	halted := func(name string, until string) {
		w.Halt(name)
		s.Says("%s is stopped", name)
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
			s.news()
			time.Sleep(time.Second)
		}
		s.Must(w.Resume(name))
		s.Says("%s is started again", name)
		s.Until(4*time.Minute, until+" pins 1.1.0", func() (bool, error) { return s.pinned(until) == "1.1.0", nil })
	}
	s.Until(4*time.Minute, "dev pins 1.1.0", func() (bool, error) { return s.pinned("dev") == "1.1.0", nil })
	halted(ArgoController, "staging")
	halted(ArgoRepoServer, "production-eu")
	halted(ArgoServer, "production-us")
	s.Until(4*time.Minute, "every merge has a verdict", s.allJudged)
	for _, e := range environments {
		s.Must(w.Argo.Settled(s.Context(), time.Minute, s.app(e), "1.1.0"))
	}
	pulls, err := s.Repo.Pulls(s.Context())
	s.Must(err)
	if len(pulls) != 4 {
		t.Errorf("%d pull requests, want 4: nothing was taken back", len(pulls))
	}
	s.record("passed")
}
