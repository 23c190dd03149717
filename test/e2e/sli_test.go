package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// A release that stays Healthy and answers with errors in staging is taken back
// for what Prometheus says of it.
func TestBreaksItsSLI(t *testing.T) {
	t.Parallel()
	s := Tell(t, 4, "errors")
	s.openShop(nil)
	s.Publish(Chart{"web", "1.1.0", "1.1.0-errors_staging"})
	s.Serve()
	s.Until(patience, "staging pins 1.1.0", func() (bool, error) { return s.pinned("staging") == "1.1.0", nil })
	s.Until(patience, "staging pins 1.0.0 again", func() (bool, error) { return s.pinned("staging") == "1.0.0", nil })
	s.Must(s.World.Argo.Settled(s.Context(), patience, s.app("staging"), "1.0.0"))
	s.Until(patience, "the revert has a verdict", s.allJudged)
	s.refused("1.1.0")
	s.record("taken back")
}

// Telemetry goes dark with the merge to staging: nothing is known, so nothing
// goes on and nothing is taken back.
func TestTelemetryGoesDark(t *testing.T) {
	t.Parallel()
	s := Tell(t, 4, "dark")
	s.openShop(map[string]string{"promoter.yaml": strings.Replace(shopConfiguration, "deadline: 2m", "deadline: 1m", 1)})
	s.Publish(Chart{"web", "1.1.0", "1.1.0"})
	s.Serve()
	s.Until(patience, "staging pins 1.1.0", func() (bool, error) { return s.pinned("staging") == "1.1.0", nil })
	s.World.Traffic.Dark(s.Name+"-staging", true)
	s.Must(s.World.Argo.Settled(s.Context(), patience, s.app("staging"), "1.1.0"))
	s.holds("staging", "inconclusive at the deadline")
	s.record("held")
}

// Staging fails together with places that the release has not reached: it is
// not to blame.
func TestControlFailsToo(t *testing.T) {
	t.Parallel()
	s := Tell(t, 4, "control")
	s.openShop(map[string]string{"promoter.yaml": strings.Replace(shopConfiguration, "    minEvents: 20\n", "    minEvents: 20\n    control: true\n", 1)})
	s.Publish(Chart{"web", "1.1.0", "1.1.0"})
	s.Serve()
	s.Until(patience, "staging pins 1.1.0", func() (bool, error) { return s.pinned("staging") == "1.1.0", nil })
	s.Must(s.World.Argo.Settled(s.Context(), patience, s.app("staging"), "1.1.0"))
	for _, e := range environments[1:] {
		s.World.Traffic.Fail(s.Name+"-"+e, s.app(e), 0.3)
	}
	s.holds("staging", "not to be blamed on the change")
	s.record("held")
}

// holds holds that nobody judges what an environment was moved to, takes it
// back, or goes on: until Promoter says for what reason it waits, and for ten
// looks more.
func (s *Story) holds(environment, reason string) {
	s.Helper()
	check := func() {
		pulls, err := s.Repo.Pulls(s.Context())
		s.Must(err)
		for _, p := range pulls {
			if strings.Contains(p.Title, "revert") {
				s.Fatalf("#%d %s is there", p.Number, p.Title)
			}
			if !p.Merged || strings.HasPrefix(p.Title, "dev") && environment != "dev" {
				continue
			}
			if !strings.HasPrefix(p.Title, environment) {
				s.Fatalf("#%d %s is merged", p.Number, p.Title)
			}
			statuses, err := s.Repo.Statuses(s.Context(), p.MergeCommitSHA)
			s.Must(err)
			for _, st := range statuses {
				if final(st) {
					s.Fatalf("#%d %s has the verdict %s: %s", p.Number, p.Title, st.Status, st.Description)
				}
			}
		}
	}
	var said string
	var next time.Time
	s.Until(patience, environment+" waits: "+reason, func() (bool, error) {
		check()
		if time.Now().Before(next) {
			return false, nil
		}
		next = time.Now().Add(5 * time.Second) // to explain is work, too
		var err error
		said, err = s.Run("explain", "web", environment)
		if err == nil && !strings.Contains(said, reason) {
			err = fmt.Errorf("promoter explains: %s", said)
		}
		return err == nil, err
	})
	s.LooksAgain(10, check)
	s.Says("promoter explain:\n%s", said)
}
