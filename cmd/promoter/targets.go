package main

import (
	"slices"

	"promoter/detectors/layout"
	"promoter/detectors/reach"
	"promoter/detectors/report"
	"promoter/promoter"
	"promoter/promoter/config"
)

// policyOf is the configured policy over the environments that the repository
// has.
func policyOf(s *surveyed) promoter.Policy {
	var rows []report.Row
	for _, p := range s.inventory.Pins {
		rows = append(rows, report.Row{Pin: p})
	}
	return s.config.Policy(report.Environments(rows))
}

// targets joins each pin with what the configuration says of it, what its
// source offers, and what an edit of it reaches.
func targets(s *surveyed, pol promoter.Policy, reached func(promoter.Pin) []promoter.Reached) []promoter.Target {
	var split *splitter
	if pol.SplitBase {
		split = newSplitter(s, pol)
	}
	out := make([]promoter.Target, 0, len(s.inventory.Pins))
	for i, p := range s.inventory.Pins {
		t := promoter.Target{Pin: p, Wave: s.waveOf(p, pol), Reach: reached(p)}
		t.Wanted, _ = s.config.Wanted(p)
		t.Class, t.Group, t.Rank = s.config.Classify(p)
		if split != nil {
			t.Overlays = split.of(p, lastOf(t))
		}
		c, ok := s.choices[i]
		switch {
		case ok:
			t.Choice = c
		case p.Artifact.Name == "":
			t.Choice.Unknown = "the image's repository is the chart's default, not written here"
		default:
			t.Choice.Unknown = "nothing here says where it comes from"
		}
		out = append(out, t)
	}
	return out
}

// lastOf is the last wave that an edit of the target reaches; -1 where it
// reaches what is in none.
func lastOf(t promoter.Target) int {
	last := t.Wave
	for _, r := range t.Reach {
		if r.Wave < 0 {
			return -1
		}
		last = max(last, r.Wave)
	}
	return last
}

func (s *surveyed) waveOf(p promoter.Pin, pol promoter.Policy) int {
	l, ok := s.config.Locate(p.Place.File, p.App, p.Cluster)
	if !ok {
		l = config.Located{Name: p.Environment, Tenant: p.Tenant, Cluster: p.Cluster}
	}
	return s.config.WaveOf(l, pol.Waves)
}

// reachOf answers what an edit of a pin reaches, by the reference graph, with
// the waves of what is reached.
func reachOf(s *surveyed, pol promoter.Policy) func(promoter.Pin) []promoter.Reached {
	waves := map[reach.Located]int{}
	locate := func(file, app, cluster string) (reach.Located, bool) {
		l, ok := s.locate(file, app, cluster)
		at := reach.Located{Environment: l.Name, Tenant: l.Tenant, Cluster: l.Cluster}
		if _, known := waves[at]; ok && !known {
			waves[at] = s.config.WaveOf(l, pol.Waves)
		}
		return at, ok
	}
	inv := s.inventory
	graph := reach.Build(inv.Paths, inv.Pins, inv.Facts, inv.Links, locate)
	return func(p promoter.Pin) []promoter.Reached {
		units := graph.Of(p)
		out := make([]promoter.Reached, 0, len(units))
		for _, u := range units {
			at := reach.Located{Environment: u.Environment, Tenant: u.Tenant, Cluster: u.Cluster}
			w, ok := waves[at]
			if !ok {
				w = s.config.WaveOf(config.Located{Name: u.Environment, Tenant: u.Tenant, Cluster: u.Cluster}, pol.Waves)
			}
			out = append(out, promoter.Reached{Environment: u.Environment, Tenant: u.Tenant, Cluster: u.Cluster, App: u.App, Wave: w})
		}
		return out
	}
}

// locate says where a file, an application or a cluster belongs: by the
// configured rules, else by what the layout's words say of environments that
// the configuration knows.
func (s *surveyed) locate(file, app, cluster string) (config.Located, bool) {
	if l, ok := s.config.Locate(file, app, cluster); ok {
		if l.Cluster == "" {
			l.Cluster = cluster
		}
		return l, true
	}
	var at layout.Placement
	if cluster != "" {
		at = layout.FromName(cluster)
	}
	if at.Environment == "" && file != "" {
		at = layout.FromPath(file)
	}
	return config.Located{Name: at.Environment, Tenant: at.Tenant, Cluster: at.Cluster}, at.Environment != "" && s.config.Knows(at.Environment)
}

// unread lists the files that could not be read whole by the wave of their
// environment.
func (s *surveyed) unread(pol promoter.Policy) [][]string {
	out := make([][]string, len(pol.Waves))
	for _, p := range s.inventory.Problems {
		l, ok := s.locate(p.Place.File, "", "")
		if w := s.config.WaveOf(l, pol.Waves); ok && w >= 0 && !slices.Contains(out[w], p.Place.File) {
			out[w] = append(out[w], p.Place.File)
		}
	}
	return out
}
