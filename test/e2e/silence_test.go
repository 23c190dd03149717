package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// shopSilences are of everything, of one tenant, and of a class that the shop
// has none of.
const shopSilences = `
silences:
  - name: rollout
    meter: alertmanager
    match: namespace="{{name}}-{{environment}}"
  - name: regional
    meter: alertmanager
    match: namespace="{{name}}-{{environment}}", region="{{tenant}}"
    environments: [production-*]
    tenants: [eu]
  - name: careful
    meter: alertmanager
    match: namespace="{{name}}-{{environment}}", class="C1"
    classes: [C1]
`

// longest is how long a silence may last without being renewed.
const longest = 10*time.Minute + 5*time.Second

type silence struct {
	ID     string
	Status struct{ State string }
	StartsAt, EndsAt,
	UpdatedAt time.Time
	Matchers []struct{ Name, Value string }
	Comment  string
}

func (x silence) value(name string) string {
	for _, m := range x.Matchers {
		if m.Name == name {
			return m.Value
		}
	}
	return ""
}

// silences are those of Alertmanager that are active and of this story: "dev",
// "production-eu of eu".
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
		name, ours := strings.CutPrefix(x.value("namespace"), s.Name+"-")
		if !ours || x.Status.State != "active" {
			continue
		}
		if region := x.value("region"); region != "" {
			name += " of " + region
		}
		if class := x.value("class"); class != "" {
			name += " of class " + class
		}
		if other, twice := out[name]; twice {
			s.Errorf("alerts of %s are silent twice: %+v and %+v", name, other, x)
		}
		out[name] = x
	}
	return out, nil
}

// openSilentShop makes a shop whose alerts fall silent.
func (s *Story) openSilentShop(more func(configuration string) string) {
	s.Helper()
	configuration := strings.Replace(shopConfiguration, "\ngates:\n", "  - {name: alertmanager, kind: alertmanager, url: \"{{alertmanager}}\"}\n\ngates:\n", 1)
	s.openShop(map[string]string{"promoter.yaml": more(configuration) + shopSilences})
}

func asItIs(configuration string) string { return configuration }

// Alerts are silent exactly where, and while, a change is being proven: by
// environment, tenant and class.
func TestSilences(t *testing.T) {
	t.Parallel()
	s := Tell(t, 9, "silent")
	s.openSilentShop(asItIs)
	s.Publish(Chart{"web", "1.1.0", "1.1.0"})
	s.Serve()
	seen := map[string]bool{}
	watch := func(is func() (bool, error)) func() (bool, error) {
		return func() (bool, error) {
			all, err := s.silences()
			if err != nil {
				return false, err
			}
			for name, x := range all {
				if !seen[name] {
					s.Says("alerts of %s are silent until %s: %s", name, x.EndsAt.Format(time.TimeOnly), x.Comment)
				}
				seen[name] = true
				if left := time.Until(x.EndsAt); left > longest {
					t.Errorf("the silence of %s lasts %s", name, left)
				}
				if e, _, _ := strings.Cut(name, " "); s.pinned(e) != "1.1.0" {
					t.Errorf("alerts of %s are silent, where nothing was merged", name)
				}
			}
			return is()
		}
	}
	s.Until(patience, "staging pins 1.1.0", watch(func() (bool, error) { return s.pinned("staging") == "1.1.0", nil }))
	s.Until(patience, "only alerts of staging are silent", watch(func() (bool, error) {
		all, err := s.silences()
		_, silent := all["staging"]
		return silent && len(all) == 1, err
	}))
	s.Until(patience, "1.1.0 is everywhere and proven", watch(func() (bool, error) {
		if s.pinned("production-us") != "1.1.0" || s.pinned("production-eu") != "1.1.0" {
			return false, nil
		}
		return s.allJudged()
	}))
	s.Until(patience, "no alerts are silent", func() (bool, error) {
		all, err := s.silences()
		return len(all) == 0, err
	})
	for _, name := range append([]string{"production-eu of eu"}, environments...) {
		if !seen[name] {
			t.Errorf("alerts of %s were never silent", name)
		}
		delete(seen, name)
	}
	for name := range seen {
		t.Errorf("alerts of %s were silent", name)
	}
	s.record("exactly where and while it is proven")
}

// A silence is renewed for as long as it takes to prove a change, though it
// takes longer than one lasts; and is gone with the verdict.
func TestSilencesOutlast(t *testing.T) {
	t.Parallel()
	s := tellBeside(t, 9, "outlast")
	s.openSilentShop(func(configuration string) string {
		_, gate, _ := strings.Cut(configuration, "gates:\n")
		gate = strings.NewReplacer("name: errors", "name: soak\n    environments: [staging]", "minDuration: 15s", "minDuration: 11m", "deadline: 2m", "deadline: 20m").Replace(gate)
		return configuration + gate
	})
	s.Publish(Chart{"web", "1.1.0", "1.1.0"})
	s.Serve()
	var first, last silence
	s.Until(patience, "alerts of staging are silent", func() (bool, error) {
		all, err := s.silences()
		if err != nil {
			return false, err
		}
		var silent bool
		first, silent = all["staging"]
		return silent, nil
	})
	last = first
	renewals := 0
	s.Until(11*time.Minute+patience, "staging is proven", func() (bool, error) {
		all, err := s.silences()
		if err != nil {
			return false, err
		}
		is, silent := all["staging"]
		if !silent { // it ends with the verdict, and not before
			if ok, err := s.judged("staging"); ok || err != nil {
				return ok, err
			}
			t.Fatal("alerts of staging speak while it is being proven")
		}
		if left := time.Until(is.EndsAt); left > longest {
			t.Errorf("the silence of staging lasts %s", left)
		}
		if is.EndsAt.After(last.EndsAt) {
			renewals++
			s.Says("the silence of staging is renewed until %s, %s before it would have ended", is.EndsAt.Format(time.TimeOnly), time.Until(last.EndsAt).Round(time.Second))
		}
		last = is
		return false, nil
	})
	if over := time.Since(first.EndsAt); over < 0 || renewals < 2 {
		t.Errorf("the silence was renewed %d times, and the wave ended %s before the first would have", renewals, -over)
	}
	s.record("renewed beyond its length")
}

// judged reports whether the first pull request of an environment has a verdict.
func (s *Story) judged(environment string) (bool, error) {
	pulls, err := s.Repo.Pulls(s.Context())
	if err != nil {
		return false, err
	}
	for _, p := range pulls {
		if !strings.HasPrefix(p.Title, environment+":") {
			continue
		}
		statuses, err := s.Repo.Statuses(s.Context(), p.MergeCommitSHA)
		for _, st := range statuses {
			if final(st) {
				return true, err
			}
		}
		return false, err
	}
	return false, nil
}

// Promoter dies while a change is being proven, and nobody starts it again:
// alerts speak by themselves.
func TestSilencesEndAlone(t *testing.T) {
	t.Parallel()
	s := tellBeside(t, 9, "alone")
	s.openSilentShop(asItIs)
	s.Publish(Chart{"web", "1.1.0", "1.1.0"})
	s.Serve()
	var was silence
	s.Until(patience, "alerts of dev are silent", func() (bool, error) {
		all, err := s.silences()
		is, silent := all["dev"]
		was = is
		return silent, err
	})
	s.Kill()
	died := time.Now()
	s.Says("Promoter has died")
	s.Until(longest+30*time.Second, "alerts of dev speak", func() (bool, error) {
		all, err := s.silences()
		if err != nil {
			return false, err
		}
		is, silent := all["dev"]
		if silent && !is.EndsAt.Equal(was.EndsAt) {
			t.Errorf("somebody has renewed the silence until %s", is.EndsAt)
		}
		return !silent, nil
	})
	after := time.Since(died).Round(time.Second)
	s.Says("alerts speak %s after Promoter has died", after)
	if ended := time.Since(was.EndsAt); ended < 0 {
		t.Errorf("the silence ended %s before its time: who ended it?", -ended)
	}
	s.record("alerts speak after " + after.String())
}
