package promoter

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// sheet gathers what a pull's text says, but for the ladder.
func (p *planner) sheet(u *unit, w int, id string, goals goalSet, ts []*Target, edits []Edit) Sheet {
	s := Sheet{Change: id, Wave: p.pol.Waves[w].Name, Edits: edits, Soak: p.pol.Waves[w].Soak, Class: C3, Method: p.pol.Method}
	seen := map[Reached]bool{}
	for _, t := range ts {
		if t.Class != "" && t.Class < s.Class {
			s.Class = t.Class
		}
		reach := t.Reach
		if len(reach) == 0 {
			reach = []Reached{{Environment: t.Pin.Environment, Tenant: t.Pin.Tenant, Cluster: t.Pin.Cluster, App: t.Pin.App, Wave: t.Wave}}
		}
		s.Shared = s.Shared || len(environmentsOf(reach)) > 1
		for _, r := range reach {
			if !seen[r] {
				seen[r] = true
				s.Reaches = append(s.Reaches, r)
			}
		}
	}
	slices.SortFunc(s.Reaches, func(a, b Reached) int {
		return cmp.Or(strings.Compare(a.Environment, b.Environment), strings.Compare(a.Tenant, b.Tenant),
			strings.Compare(a.Cluster, b.Cluster), strings.Compare(a.App, b.App))
	})
	if cp, ok := p.pol.Classes[s.Class]; ok {
		s.Merge, s.Approvals, s.From, s.Soak = cp.Merge, cp.Approvals, cp.From, max(s.Soak, cp.Soak)
	}
	s.Calendar = p.pol.calendar(s.Reaches, p.now)
	for _, f := range p.pol.Freezes { // the calendar says other words then
		p.wake(f.From.Add(-calendarAhead))
		p.wake(f.From)
		p.wake(f.To)
	}
	if s.Delivers = p.pol.Delivers; s.Delivers {
		s.Gates = p.gateTexts(s.Reaches, s.Class)
	}
	for _, a := range u.artifacts {
		if m, ok := p.member(a, goals.at(a), ts); ok {
			s.Members = append(s.Members, m)
		}
	}
	return s
}

// gateTexts are the gates that a merge will meet, for people.
func (p *planner) gateTexts(reached []Reached, class Class) []string {
	asked := map[string]bool{}
	for _, probe := range p.probes(reached, class) {
		asked[probe.Gate] = true
	}
	var out []string
	for _, g := range p.pol.Gates {
		if asked[g.Name] {
			out = append(out, strings.TrimSuffix(g.Name+": "+g.Text, ": "))
		}
	}
	return out
}

// shortDigest is as much of a digest as people compare.
func shortDigest(d string) string {
	if i := strings.IndexByte(d, ':'); i >= 0 && len(d) > i+9 {
		return d[i+1 : i+9]
	}
	return d
}

// environmentsOf lists the environments, each once, in order.
func environmentsOf(reach []Reached) []string {
	var out []string
	for _, r := range reach {
		if !slices.Contains(out, r.Environment) {
			out = append(out, r.Environment)
		}
	}
	slices.Sort(out)
	return out
}

// member is one artifact's part of the sheet; false when it does not move.
func (p *planner) member(a Artifact, g goal, ts []*Target) (SheetMember, bool) {
	m := SheetMember{Artifact: a, To: g.version, Version: g.version, Digest: g.digest}
	for _, t := range ts {
		if t.Pin.Artifact != a {
			continue
		}
		step, from := UpdateTypeOf(a.Kind, t.current(), g.version), cmp.Or(t.Pin.Version, t.Pin.Digest)
		if t.current() == g.version && t.Pin.Digest != "" {
			step, from = DigestUpdate, from+"@"+shortDigest(t.Pin.Digest)
			m.To = g.version + "@" + shortDigest(g.digest)
		}
		if !slices.Contains(m.From, from) {
			m.From = append(m.From, from)
		}
		m.Security = m.Security || t.Wanted.Security
		if m.Update == "" || step.reach() > m.Update.reach() {
			m.Update = step
		}
		for _, r := range t.Choice.Updates {
			if r.Version == g.version {
				m.Created, m.FirstSeen, m.Deprecated = r.Created, r.FirstSeen, r.Deprecated
			}
		}
		for _, h := range t.Choice.Held {
			if text := h.Release.Version + ": " + h.Why; !slices.Contains(m.Skipped, text) && len(m.Skipped) < 3 {
				m.Skipped = append(m.Skipped, text)
			}
		}
	}
	slices.Sort(m.From)
	return m, len(m.From) > 0
}

// NotesBetween selects the notes of releases above the oldest version that is
// left, up to the one that is gone to; newest first.
func NotesBetween(k Kind, notes []Note, from []string, to string) []Note {
	var out []Note
	for _, n := range notes {
		above := false
		for _, f := range from {
			c, ok := Compare(k, n.Version, f)
			above = above || ok && c > 0
		}
		if c, ok := Compare(k, n.Version, to); ok && c <= 0 && above {
			out = append(out, n)
		}
	}
	slices.SortStableFunc(out, func(a, b Note) int {
		c, _ := Compare(k, b.Version, a.Version)
		return c
	})
	return out
}

// laddered is the proposal's sheet with where the change stands in each wave.
func (p *planner) laddered(x proposal) Sheet {
	s := x.sheet
	for w, wave := range p.pol.Waves {
		if len(x.unit.steps[w]) == 0 {
			continue
		}
		step := SheetStep{Wave: wave.Name, This: w == x.wave}
		for _, t := range x.unit.steps[w] {
			envs := []string{t.Pin.Environment}
			if t.Pin.Environment == "" {
				envs = environmentsOf(t.Reach)
			}
			for _, e := range envs {
				if e != "" && !slices.Contains(step.Environments, e) {
					step.Environments = append(step.Environments, e)
				}
			}
		}
		slices.Sort(step.Environments)
		behind := p.behindIn(x, w)
		if !step.This {
			for _, pull := range p.siblings(s.Change, wave.Name) {
				step.Pulls = append(step.Pulls, pull.Number)
			}
		}
		switch {
		case w == x.wave:
			step.State = "this pull request"
		case behind == 0 && p.tried(x, w) != "":
			step.State = p.tried(x, w)
		case behind == 0:
			step.State = "done"
		case len(step.Pulls) > 0:
			step.State = "open"
		case w < x.wave:
			step.State = fmt.Sprintf("%s behind", count(behind, "place"))
		default:
			step.State = "follows"
		}
		s.Ladder = append(s.Ladder, step)
	}
	return s
}

// tried is how the merged pulls of a wave stand, unless all of them have
// passed.
func (p *planner) tried(x proposal, w int) string {
	worst := ""
	for _, t := range x.unit.trials {
		switch {
		case t.wave != w:
		case t.standing == broken:
			return "failed"
		case t.standing == unproven:
			worst = "being verified"
		}
	}
	return worst
}

// behindIn counts the targets of a wave that are not at the proposal's goals.
func (p *planner) behindIn(x proposal, w int) int {
	n := 0
	for _, t := range x.unit.steps[w] {
		for _, m := range x.sheet.Members {
			if m.Artifact == t.Pin.Artifact && !p.reached(t, goal{m.Version, m.Digest}) {
				n++
			}
		}
	}
	return n
}

// siblings are the open or merged pulls of a change in a wave.
func (p *planner) siblings(change, wave string) []*Pull {
	var out []*Pull
	prefix := Branch{Change: change, Wave: wave}.String()
	for _, pull := range p.changes[change] {
		ours := pull.Branch == prefix || strings.HasPrefix(pull.Branch, prefix+"--")
		if ours && pull.Number > 0 && pull.State != PullClosed && p.pulls[pull.Branch] == pull {
			out = append(out, pull)
		}
	}
	slices.SortFunc(out, func(a, b *Pull) int { return a.Number - b.Number })
	return out
}
