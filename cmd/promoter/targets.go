package main

import (
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
	out := make([]promoter.Target, 0, len(s.inventory.Pins))
	for i, p := range s.inventory.Pins {
		t := promoter.Target{Pin: p, Wave: s.waveOf(p, pol), Reach: reached(p)}
		t.Wanted, _ = s.config.Wanted(p)
		t.Class, t.Group, t.Rank = s.config.Classify(p)
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

func (s *surveyed) waveOf(p promoter.Pin, pol promoter.Policy) int {
	l, ok := s.config.Locate(p.Place.File, p.App, p.Cluster)
	if !ok {
		l = config.Located{Name: p.Environment, Tenant: p.Tenant, Cluster: p.Cluster}
	}
	return s.config.WaveOf(l, pol.Waves)
}
