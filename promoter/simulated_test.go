package promoter

import (
	"slices"
	"testing"
	"time"
)

// TestWhatCannotBeListedIsLookedAtBeforeAMerge: an earlier wave's place is asked
// for its health although nobody knows which versions there are of what it runs.
func TestWhatCannotBeListedIsLookedAtBeforeAMerge(t *testing.T) {
	place := func(env string, wave int) *Target {
		return &Target{Pin: Pin{Environment: env}, Wave: wave, Reach: []Reached{{Environment: env, App: "redis", Wave: wave}}}
	}
	dev, staging, production := place("dev", 0), place("staging", 1), place("production", 2)
	dev.Choice.Unknown = "429 from upstream"
	pol := Policy{Waves: []Wave{{Name: "dev"}, {Name: "staging", After: []int{0}}, {Name: "production", After: []int{1}}}}
	p := newPlanner(Observation{}, pol, start)
	u := &unit{steps: [][]*Target{nil, {staging}, {production}}, blind: [][]*Target{{dev}, nil, nil}}
	q := p.readiness(proposal{unit: u, wave: 2, sheet: Sheet{Reaches: production.Reach}}, &Pull{})
	for _, env := range []string{"dev", "staging", "production"} {
		if !slices.ContainsFunc(q.Reached, func(r Reached) bool { return r.Environment == env }) {
			t.Errorf("%s is not looked at: %+v", env, q.Reached)
		}
	}
}

// TestATakenBackChangeIsFrozenByItsLabel: a person asked to take a version back,
// and another took it back by hand at once. That it is sealed as failed may not
// be known yet; the label says it.
func TestATakenBackChangeIsFrozenByItsLabel(t *testing.T) {
	b := Branch{Change: "redis-2", Wave: "dev"}
	for _, c := range []struct {
		labels []string
		frozen bool
	}{{nil, false}, {[]string{RevertLabel}, true}, {[]string{RevertLabel, RetryLabel}, false}} {
		obs := Observation{
			Pulls:    []Pull{{Number: 1, Branch: b.String(), State: PullMerged, Merge: "m", MergedAt: start.Add(-time.Hour), Labels: c.labels}},
			Sealings: map[string]Sealing{"m": {Seals: []Seal{{Commit: "m", Stage: StageVerdict, Verdict: Pass, At: start}}}},
		}
		p := newPlanner(obs, Policy{Waves: []Wave{{Name: "dev"}}}, start)
		for i := range obs.Pulls {
			p.seePull(&obs.Pulls[i])
		}
		if why := p.failedBefore("redis-2"); why != "" || p.frozen["redis-2"] != "" != c.frozen {
			t.Errorf("labels %v: %q, frozen: %q", c.labels, why, p.frozen["redis-2"])
		}
	}
}
