package promoter

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTheCalendarSaysWhatConcernsAPull(t *testing.T) {
	p := Policy{
		Windows: []Window{
			{Environments: []string{"prod-*"}, Days: []time.Weekday{time.Monday, time.Tuesday}, From: 22 * time.Hour, To: 4*time.Hour + 30*time.Minute},
			{Environments: []string{"dev"}},
			{Tenants: []string{"globex"}},
		},
		Freezes: []Freeze{
			{Name: "year end", From: start.Add(-time.Hour), To: start.Add(48 * time.Hour)},
			{Name: "audit", From: start.Add(24 * time.Hour), To: start.Add(48 * time.Hour), Tenants: []string{"ac*"}},
			{Name: "far off", From: start.Add(30 * 24 * time.Hour), To: start.Add(40 * 24 * time.Hour)},
			{Name: "over", From: start.Add(-48 * time.Hour), To: start},
		},
	}
	got := p.calendar([]Reached{{Environment: "prod-eu", Tenant: "acme"}}, start)
	want := []string{
		"a maintenance window: mon, tue 22:00-04:30 UTC",
		`the freeze "year end", which is on and ends 2026-11-24 06:00 UTC`,
		`the freeze "audit", which begins 2026-11-23 06:00 UTC and ends 2026-11-24 06:00 UTC`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"prod", "prod", true}, {"prod", "prod-eu", false}, {"prod-*", "prod-eu", true}, {"*", "", true},
		{"*-eu", "prod-eu", true}, {"a*b*c", "axxbyyc", true}, {"a*b*c", "axxcyyb", false}, {"aa*aa", "aaa", false},
	} {
		if got := matches(c.pattern, c.name); got != c.want {
			t.Errorf("matches(%q, %q) = %v", c.pattern, c.name, got)
		}
	}
}
