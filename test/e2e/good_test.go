package e2e

import "testing"

// One good release passes three waves, with Argo CD and Prometheus as judges.
func TestGoodRelease(t *testing.T) {
	t.Parallel()
	s := Tell(t, 1, "good")
	s.openShop(nil)
	s.Publish(Chart{"web", "1.1.0", "1.1.0"})
	s.Serve()
	for i, e := range environments[:2] {
		s.Until(patience, e+" pins 1.1.0", func() (bool, error) { return s.pinned(e) == "1.1.0", nil })
		if next := environments[i+1]; s.pinned(next) != "1.0.0" {
			t.Errorf("%s pins %s before %s has passed", next, s.pinned(next), e)
		}
	}
	for _, e := range environments[2:] {
		s.Until(patience, e+" pins 1.1.0", func() (bool, error) { return s.pinned(e) == "1.1.0", nil })
	}
	s.Until(patience, "every merge has a verdict", s.allJudged)
	for _, e := range environments {
		s.Must(s.World.Argo.Settled(s.Context(), patience, s.app(e), "1.1.0"))
		if !s.runs(e, "1.1.0") {
			t.Errorf("%s does not run 1.1.0", e)
		}
	}
	pulls, err := s.Repo.Pulls(s.Context())
	s.Must(err)
	if len(pulls) != 4 {
		t.Errorf("%d pull requests, want 4: one for dev, one for staging, one for each region", len(pulls))
	}
	for _, p := range pulls {
		if !p.Merged {
			t.Errorf("#%d %s is not merged", p.Number, p.Title)
		}
	}
	s.record("passed")
}

// allJudged reports whether every merged pull request has a verdict that stands.
func (s *Story) allJudged() (bool, error) {
	pulls, err := s.Repo.Pulls(s.Context())
	if err != nil {
		return false, err
	}
	for _, p := range pulls {
		if p.State == "open" {
			return false, nil
		}
		if !p.Merged {
			continue
		}
		statuses, err := s.Repo.Statuses(s.Context(), p.MergeCommitSHA)
		if err != nil {
			return false, err
		}
		judged := false
		for _, st := range statuses {
			judged = judged || final(st)
		}
		if !judged {
			return false, nil
		}
	}
	return true, nil
}
