package e2e

import (
	"testing"
	"time"
)

// Parts of Argo CD stop, stand still, and fail in the middle of a good release:
// what is not known is waited for, and nobody is blamed. That touches what the
// other stories need, so it is not told beside them.
func TestArgoStops(t *testing.T) {
	s := Tell(t, 6, "outage")
	w := s.World
	s.openShop(nil)
	s.Publish(Chart{"web", "1.1.0", "1.1.0"})
	s.Serve()
	pins := func(environment string) {
		s.Helper()
		s.Until(4*time.Minute, environment+" pins 1.1.0", func() (bool, error) { return s.pinned(environment) == "1.1.0", nil })
	}
	stopped := func(name string) {
		s.Helper()
		w.Halt(name)
		s.Says("%s is stopped", name)
		s.LooksAgain(5, func() {})
		s.Must(w.Resume(name))
		s.Says("%s is started again", name)
	}
	pins("dev")
	stopped(ArgoController)
	pins("staging")
	stopped(ArgoRepoServer)
	w.Hang(ArgoRepoServer)
	s.Says("%s stands still", ArgoRepoServer)
	s.LooksAgain(8, func() {})
	w.Wake(ArgoRepoServer)
	s.Says("%s goes on", ArgoRepoServer)
	pins("production-eu")
	mend, err := w.Break("helm")
	s.Must(err)
	s.Says("Argo CD's helm is broken")
	s.LooksAgain(8, func() {})
	s.Must(mend())
	s.Says("Argo CD's helm is whole again")
	pins("production-us")
	stopped(ArgoServer)
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
