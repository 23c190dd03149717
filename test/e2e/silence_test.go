package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

const shopSilences = `
silences:
  - name: rollout
    meter: alertmanager
    match: namespace="{{name}}-{{environment}}"
`

type silence struct {
	Status    struct{ State string }
	EndsAt    time.Time
	Matchers  []struct{ Name, Value string }
	CreatedBy string
	Comment   string
}

// silences are those of Alertmanager that are active and of this story.
func (s *Story) silences() (map[string]silence, error) {
	resp, err := http.Get(s.World.Alertmanager + "/api/v2/silences")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var list []silence
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		return nil, err
	}
	out := map[string]silence{}
	for _, x := range list {
		for _, m := range x.Matchers {
			if x.Status.State == "active" && m.Name == "namespace" && strings.HasPrefix(m.Value, s.Name+"-") {
				out[strings.TrimPrefix(m.Value, s.Name+"-")] = x
			}
		}
	}
	return out, nil
}

// Alerts of an environment are silent exactly while a change is being proven
// there, and speak again soon after Promoter has died.
func TestSilences(t *testing.T) {
	t.Parallel()
	s := Tell(t, world, product, "silent")
	configuration := strings.Replace(shopConfiguration, "\ngates:\n", "  - {name: alertmanager, kind: alertmanager, url: \"{{alertmanager}}\"}\n\ngates:\n", 1)
	s.openShop(map[string]string{"promoter.yaml": configuration + shopSilences})
	s.Publish(Chart{"web", "1.1.0", "1.1.0"})
	s.Serve()
	seen := map[string]bool{}
	watch := func(is func() (bool, error)) func() (bool, error) {
		return func() (bool, error) {
			all, err := s.silences()
			if err != nil {
				return false, err
			}
			for e, x := range all {
				if !seen[e] {
					s.Says("alerts of %s are silent until %s: %s", e, x.EndsAt.Format(time.TimeOnly), x.Comment)
				}
				seen[e] = true
				if left := time.Until(x.EndsAt); left > 10*time.Minute {
					t.Errorf("the silence of %s lasts %s", e, left)
				}
				if s.pinned(e) != "1.1.0" {
					t.Errorf("alerts of %s are silent, where nothing was merged", e)
				}
			}
			return is()
		}
	}
	s.Until(4*time.Minute, "staging pins 1.1.0", watch(func() (bool, error) { return s.pinned("staging") == "1.1.0", nil }))
	s.Until(time.Minute, "only alerts of staging are silent", watch(func() (bool, error) {
		all, err := s.silences()
		_, silent := all["staging"]
		return silent && len(all) == 1, err
	}))
	s.Until(6*time.Minute, "1.1.0 is everywhere and proven", watch(func() (bool, error) {
		if s.pinned("production-us") != "1.1.0" || s.pinned("production-eu") != "1.1.0" {
			return false, nil
		}
		return s.allJudged()
	}))
	s.Until(time.Minute, "no alerts are silent", func() (bool, error) {
		all, err := s.silences()
		return len(all) == 0, err
	})
	for _, e := range environments {
		if !seen[e] {
			t.Errorf("alerts of %s were never silent", e)
		}
	}
	s.Publish(Chart{"web", "1.2.0", "1.2.0"})
	s.Until(4*time.Minute, "alerts of dev are silent again", func() (bool, error) {
		all, err := s.silences()
		_, silent := all["dev"]
		return silent, err
	})
	s.Kill()
	before, err := s.silences()
	s.Must(err)
	time.Sleep(10 * time.Second)
	after, err := s.silences()
	s.Must(err)
	for e, x := range after {
		left := time.Until(x.EndsAt)
		if !x.EndsAt.Equal(before[e].EndsAt) || left > 10*time.Minute {
			t.Errorf("Promoter has died, and alerts of %s stay silent until %s", e, x.EndsAt)
		}
		s.Says("alerts of %s speak %s after Promoter has died", e, left.Round(time.Second))
	}
	s.record("passed")
}
