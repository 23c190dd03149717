package promoter

import (
	"cmp"
	"slices"
	"strings"
)

// reachedBy are the places that edits of these targets reach, each once.
func reachedBy(ts []*Target) []Reached {
	seen := map[Reached]bool{}
	var out []Reached
	for _, t := range ts {
		for _, r := range t.places() {
			if !seen[r] {
				seen[r] = true
				out = append(out, r)
			}
		}
	}
	slices.SortFunc(out, func(a, b Reached) int {
		return cmp.Or(strings.Compare(a.Environment, b.Environment), strings.Compare(a.Tenant, b.Tenant),
			strings.Compare(a.Cluster, b.Cluster), strings.Compare(a.App, b.App))
	})
	return out
}

// deliveryOf is the question how far a merged pull has come.
func (p *planner) deliveryOf(t *trial) Question {
	q := Question{
		About: AboutDelivery, Key: "delivery " + t.pull.Merge, Pull: t.pull.Number, Branch: t.pull.Branch, Head: t.pull.Head, Commit: t.pull.Merge,
		MergedAt: t.pull.MergedAt, Converged: t.converged, Revert: t.branch.Revert, Reached: reachedBy(t.targets),
	}
	for i, e := range t.edits {
		q.Moves = append(q.Moves, moveOf(t.targets[i], e))
	}
	if !t.branch.Revert && t.unit != nil {
		q.Probes = p.probes(q.Reached, t.class)
		q.Control = t.unit.elsewhere(t)
	}
	return q
}

func moveOf(t *Target, e Edit) Move {
	m := Move{Artifact: t.Pin.Artifact, From: e.Place.Written, To: e.To, Place: e.Place}
	if e.Release != "" {
		m.To = e.Release
	}
	if strings.HasPrefix(e.To, "sha256:") {
		m.Digest = e.To
	}
	return m
}

// probes are the gates to be asked for these places.
func (p *planner) probes(reached []Reached, class Class) []Probe {
	var out []Probe
	for _, g := range p.pol.Gates {
		if len(g.Classes) > 0 && !slices.Contains(g.Classes, class) {
			continue
		}
		seen := map[Reached]bool{}
		for _, r := range reached {
			if !concerns(g.Environments, g.Tenants, r) || !fitsOne(g.Apps, r.App) {
				continue
			}
			at := g.placeOf(r)
			if !seen[at] {
				seen[at] = true
				out = append(out, Probe{g.Name, at})
			}
		}
	}
	return out
}

// placeOf is the place as the gate tells it apart from others.
func (g Gate) placeOf(r Reached) Reached {
	var at Reached
	for _, part := range g.Per {
		switch part {
		case "environment":
			at.Environment = r.Environment
		case "tenant":
			at.Tenant = r.Tenant
		case "cluster":
			at.Cluster = r.Cluster
		case "app":
			at.App = r.App
		}
	}
	return at
}

func fitsOne(patterns []string, name string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool { return matches(p, name) })
}

// elsewhere are the places of the unit that a trial's versions have not
// reached: what is bad there too is nobody's fault here.
func (u *unit) elsewhere(t *trial) []Reached {
	var ts []*Target
	for _, step := range u.steps {
		for _, other := range step {
			for _, mine := range t.targets {
				if other.Pin.Artifact == mine.Pin.Artifact && other.current() != mine.current() {
					ts = append(ts, other)
					break
				}
			}
		}
	}
	mine := map[Reached]bool{}
	for _, r := range reachedBy(t.targets) {
		mine[r] = true
	}
	return slices.DeleteFunc(reachedBy(ts), func(r Reached) bool { return mine[r] })
}

// places are those that an edit of the target reaches; its own where the
// reference graph says nothing.
func (t *Target) places() []Reached {
	if len(t.Reach) > 0 {
		return t.Reach
	}
	return []Reached{{Environment: t.Pin.Environment, Tenant: t.Pin.Tenant, Cluster: t.Pin.Cluster, App: t.Pin.App, Wave: t.Wave}}
}
