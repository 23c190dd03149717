package e2e

import (
	"strings"
	"testing"
	"time"
)

// A release that stays Healthy and answers with errors in staging is taken back
// for what Prometheus says of it.
func TestBreaksItsSLI(t *testing.T) {
	t.Parallel()
	s := Tell(t, world, product, "errors")
	s.openShop(nil)
	s.Publish(Chart{"web", "1.1.0", "1.1.0-errors_staging"})
	s.Serve()
	s.Until(4*time.Minute, "staging pins 1.1.0", func() (bool, error) { return s.pinned("staging") == "1.1.0", nil })
	s.Until(4*time.Minute, "staging pins 1.0.0 again", func() (bool, error) { return s.pinned("staging") == "1.0.0", nil })
	s.Must(s.World.Argo.Settled(s.Context(), 2*time.Minute, s.app("staging"), "1.0.0"))
	s.Until(4*time.Minute, "the revert has a verdict", s.allJudged)
	s.refused("1.1.0")
	s.record("taken back")
}

// Telemetry goes dark with the merge to staging: nothing is known, so nothing
// goes on and nothing is taken back.
func TestTelemetryGoesDark(t *testing.T) {
	t.Parallel()
	s := Tell(t, world, product, "dark")
	s.openShop(nil)
	s.Publish(Chart{"web", "1.1.0", "1.1.0"})
	s.Serve()
	s.Until(4*time.Minute, "staging pins 1.1.0", func() (bool, error) { return s.pinned("staging") == "1.1.0", nil })
	s.World.Traffic.Dark(s.Name+"-staging", true)
	s.Must(s.World.Argo.Settled(s.Context(), 2*time.Minute, s.app("staging"), "1.1.0"))
	s.holds(75*time.Second, "staging")
	s.record("held")
}

// Staging fails together with places that the release has not reached: it is
// not to blame.
func TestControlFailsToo(t *testing.T) {
	t.Parallel()
	s := Tell(t, world, product, "control")
	s.openShop(map[string]string{"promoter.yaml": strings.Replace(shopConfiguration, "    minEvents: 20\n", "    minEvents: 20\n    control: true\n", 1)})
	s.Publish(Chart{"web", "1.1.0", "1.1.0"})
	s.Serve()
	s.Until(4*time.Minute, "staging pins 1.1.0", func() (bool, error) { return s.pinned("staging") == "1.1.0", nil })
	s.Must(s.World.Argo.Settled(s.Context(), 2*time.Minute, s.app("staging"), "1.1.0"))
	for _, e := range environments[1:] {
		s.World.Traffic.Fail(s.Name+"-"+e, s.app(e), 0.3)
	}
	s.holds(75*time.Second, "staging")
	s.record("held")
}

// holds holds that for so long nobody judges what an environment was moved to,
// takes it back, or goes on.
func (s *Story) holds(long time.Duration, environment string) {
	s.Helper()
	end := time.Now().Add(long)
	s.Until(long+time.Minute, environment+" is held for "+long.String(), func() (bool, error) {
		pulls, err := s.Repo.Pulls(s.Context())
		if err != nil {
			return false, err
		}
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
			if err != nil {
				return false, err
			}
			for _, st := range statuses {
				if final(st) {
					s.Fatalf("#%d %s has the verdict %s: %s", p.Number, p.Title, st.Status, st.Description)
				}
			}
		}
		return time.Now().After(end), nil
	})
	said, err := s.Run("explain", "web", environment)
	s.Must(err)
	s.Says("promoter explain:\n%s", said)
}
