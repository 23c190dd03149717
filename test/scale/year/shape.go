package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// shape is how a tenant wants things: its calendar, how old a release must be,
// how long it soaks.
type shape struct {
	zone    string
	place   *time.Location
	window  window // production's
	age     time.Duration
	soak    [3]time.Duration
	freezes []span // production's
	scope   string
}

// window is a recurring time, in the tenant's zone.
type window struct {
	name     string
	days     []time.Weekday
	from, to int // hours; to before from is the next day
}

var windows = []window{
	{"Monday to Friday, 22:00-04:00", []time.Weekday{1, 2, 3, 4, 5}, 22, 4},
	{"Tuesday and Thursday, 20:00-23:00", []time.Weekday{2, 4}, 20, 23},
	{"Saturday, 06:00-12:00", []time.Weekday{6}, 6, 12},
	{"Tuesday to Thursday, 10:00-16:00", []time.Weekday{2, 3, 4}, 10, 16},
	{"Sunday to Thursday, 01:00-05:00", []time.Weekday{0, 1, 2, 3, 4}, 1, 5},
}

var zones = []string{
	"Europe/Berlin", "America/New_York", "Asia/Tokyo", "Europe/London", "America/Los_Angeles", "Asia/Kolkata", "Australia/Sydney", "America/Sao_Paulo",
	"Africa/Johannesburg", "Asia/Singapore", "Europe/Helsinki", "America/Chicago", "Pacific/Auckland",
}

func drawShape(rng *rand.Rand, number int) shape {
	s := shape{zone: zones[number%len(zones)], window: windows[number%len(windows)]}
	s.place, _ = time.LoadLocation(s.zone) // the configuration is refused if there is none
	s.age = []time.Duration{day, 3 * day, 7 * day}[rng.IntN(3)]
	s.soak = [3]time.Duration{2 * time.Hour, []time.Duration{12 * time.Hour, 24 * time.Hour, 48 * time.Hour}[rng.IntN(3)], 0}
	s.scope = []string{"wave", "change"}[rng.IntN(2)]
	for _, f := range [][2]string{{"2026-12-18", "2027-01-04"}, {"2027-12-17", "2028-01-03"}, {"2027-03-29", "2027-04-02"}, {"2027-06-28", "2027-07-02"}} {
		if f[0][5:7] != "12" && number%5 != 0 {
			continue // every fifth tenant closes its quarters
		}
		from, _ := time.ParseInLocation(time.DateOnly, f[0], s.place)
		to, _ := time.ParseInLocation(time.DateOnly, f[1], s.place)
		s.freezes = append(s.freezes, span{from, to})
	}
	return s
}

// yaml is the tenant's promoter.yaml.
func (s shape) yaml(tenant string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("version: 1\nenvironments:")
	for _, w := range waves {
		line("  - {name: %s, tenant: %s, cluster: \"{cluster}\", paths: [\"%s/{cluster}/*.yaml\"]}", w, tenant, w)
	}
	line("waves:")
	for i, w := range waves {
		line("  - {name: %s, environments: [%s], soak: %dh}", w, w, int(s.soak[i].Hours()))
	}
	line("classes: [{class: C1, match: {artifacts: [\"platform-*\"]}}]")
	line("policies: {C1: {merge: automatic, soak: %dh}, C3: {merge: automatic}}", int(platformSoak.Hours()))
	line("updates: [{minimumReleaseAge: %dh}]", int(s.age.Hours()))
	var days []string
	for _, d := range s.window.days {
		days = append(days, strings.ToLower(d.String()[:3]))
	}
	line("windows: [{environments: [production], days: [%s], from: \"%02d:00\", to: \"%02d:00\", zone: %s}]", strings.Join(days, ", "), s.window.from, s.window.to, s.zone)
	line("freezes:")
	for i, f := range s.freezes {
		line("  - {name: quiet-%d, environments: [production], from: \"%s\", to: \"%s\", zone: %s}", i, f.from.Format(time.DateOnly), f.to.Format(time.DateOnly), s.zone)
	}
	line("pulls: {maxOpen: 100, newer: finish, method: squash, labels: [promoter]}")
	line("delivery: {argocd: [{name: main}], reverts: automatic, revertScope: %s}", s.scope)
	line("meters: [{name: prometheus, kind: prometheus, url: \"https://prometheus.example.com\"}]")
	line("gates: [{name: errors, meter: prometheus, query: 'errors{app=\"{{app}}\"}', good: \"<= 0.01\", measure: gauge}]")
	return b.String()
}

// platformSoak is how long the platform's charts soak at least.
const platformSoak = 12 * time.Hour

// soaks is how long a chart soaks in a wave.
func (s shape) soaks(c *chart, wave int) time.Duration {
	if c.platform {
		return max(s.soak[wave], platformSoak)
	}
	return s.soak[wave]
}

// closed reports whether nothing may be merged to production at a moment, by
// the tenant's own calendar.
func (s shape) closed(at time.Time) bool {
	for _, f := range s.freezes {
		if f.holds(at) {
			return true
		}
	}
	local := at.In(s.place)
	for back := range 2 {
		y, m, d := local.Date()
		from, to := time.Date(y, m, d-back, s.window.from, 0, 0, 0, s.place), time.Date(y, m, d-back, s.window.to, 0, 0, 0, s.place)
		if s.window.to <= s.window.from {
			to = time.Date(y, m, d-back+1, s.window.to, 0, 0, 0, s.place)
		}
		if slices.Contains(s.window.days, time.Date(y, m, d-back, 12, 0, 0, 0, s.place).Weekday()) && !at.Before(from) && at.Before(to) {
			return false
		}
	}
	return true
}
