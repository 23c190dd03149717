package e2e

import (
	"strings"
	"testing"
)

// A release that is good in dev becomes Degraded in staging. It is frozen, taken
// back by a pull request, and quarantined; production never sees it.
func TestDegradedInStaging(t *testing.T) {
	t.Parallel()
	s := Tell(t, 3, "degraded")
	s.openShop(nil)
	s.Publish(Chart{"web", "1.1.0", "1.1.0-crash_staging"})
	s.Serve()
	s.Until(patience, "staging pins 1.1.0", func() (bool, error) { return s.pinned("staging") == "1.1.0", nil })
	s.Until(patience, "staging pins 1.0.0 again", func() (bool, error) { return s.pinned("staging") == "1.0.0", nil })
	s.Must(s.World.Argo.Settled(s.Context(), patience, s.app("staging"), "1.0.0"))
	s.Says("staging has converged back")
	s.Until(patience, "the revert has a verdict", s.allJudged)
	s.refused("1.1.0")
	s.record("taken back")
}

// refused holds that a version is not in production, that a pull request took it
// back from staging with the reason, and that it is not tried again.
func (s *Story) refused(version string) {
	s.Helper()
	for _, e := range environments[2:] {
		if got := s.pinned(e); got != "1.0.0" {
			s.Errorf("%s pins %s", e, got)
		}
		if !s.runs(e, "1.0.0") {
			s.Errorf("%s does not run 1.0.0", e)
		}
	}
	pulls, err := s.Repo.Pulls(s.Context())
	s.Must(err)
	var moved, back, production int
	for _, p := range pulls {
		switch {
		case p.Merged && strings.Contains(p.Title, "staging") && strings.Contains(p.Title, version+" -> 1.0.0"):
			back++
		case p.Merged && strings.Contains(p.Title, "staging"):
			moved++
		case p.Merged && strings.Contains(p.Title, "production"):
			production++
		}
	}
	if moved != 1 || back != 1 || production != 0 {
		for _, p := range pulls {
			s.Logf("#%d %s merged=%t %s", p.Number, p.Title, p.Merged, p.State)
		}
		s.Errorf("staging was moved %d times and taken back %d times, production moved %d times; want 1, 1, 0", moved, back, production)
	}
	before := len(pulls)
	s.LooksAgain(8, func() {}) // it asks for new versions meanwhile, too
	pulls, err = s.Repo.Pulls(s.Context())
	s.Must(err)
	if len(pulls) != before || s.pinned("staging") != "1.0.0" {
		s.Errorf("%s is tried again: %d pull requests became %d", version, before, len(pulls))
	}
}
