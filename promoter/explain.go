package promoter

import (
	"fmt"
	"slices"
	"strings"
)

// explainTrials writes the lines of merged pulls: what they wait for, on which
// evidence, and until when.
func (p *planner) explainTrials() {
	for _, t := range p.trials {
		if t.unit == nil || t.reverting != "" {
			continue // its revert's line says it
		}
		status := Verifying
		switch {
		case t.standing == broken:
			status = Broken
		case t.standing == proven && p.waitedFor(t):
			status = Passed
		case t.standing == proven:
			status = Current
		}
		why := fmt.Sprintf("#%d: %s", t.pull.Number, t.why)
		if t.excused {
			why += " (within the wave's budget of failures: the others go on)"
		}
		if t.person != "" && p.obs.Merging.Silent {
			why += "; a person is needed: " + t.person
		}
		p.each(t.unit, t.wave, t.targets, func(l *Line) {
			l.Change, l.Status, l.Why, l.Until, l.Pull = t.branch.Change, status, why, t.until, t.pull.Number
			l.Evidence = about(t.evidence, l.Environment)
			l.To, l.From = l.From, ""
			var from []string
			for _, e := range t.edits {
				if !slices.Contains(from, e.Place.Written) && !strings.HasPrefix(e.Place.Written, "sha256:") {
					from = append(from, e.Place.Written)
				}
			}
			l.From = strings.Join(from, ", ")
		})
	}
}

// about keeps the evidence that names an environment, or no place at all.
func about(lines []string, environment string) []string {
	var out []string
	keep := true
	for _, l := range lines {
		if !strings.HasPrefix(l, "  ") {
			_, place, ok := strings.Cut(l, " (")
			keep = !ok || strings.HasPrefix(place, environment)
		}
		if keep {
			out = append(out, l)
		}
	}
	return out
}

// tickets opens an issue where a person is needed, and closes it when the need
// is gone. One that a person closed stays closed.
func (p *planner) tickets() {
	if p.obs.Merging.Silent || p.obs.TalkUnknown != "" || p.obs.PullsUnknown != "" || !p.pol.Delivers {
		return
	}
	known := map[string]bool{}
	open := map[string]Ticket{}
	for _, t := range p.obs.Tickets {
		if t.Key == "" || t.Stop {
			continue
		}
		known[t.Key] = true
		if t.Open {
			open[t.Key] = t
		}
	}
	unsure := false
	for _, t := range p.trials {
		key := "incident " + t.pull.Branch
		if t.person == "" {
			unsure = unsure || t.unread
			continue
		}
		delete(open, key)
		if known[key] {
			continue
		}
		p.act(OpenTicket{Key: key, Title: incidentTitle(p, t), Lines: incidentLines(t)})
	}
	if unsure {
		return // what is not known now may be what the issue is about
	}
	for _, t := range p.obs.Tickets {
		if o, ok := open[t.Key]; ok && o.Number == t.Number && t.Open {
			p.act(CloseTicket{Number: t.Number, Key: t.Key, Reason: "nothing is in need of a person here any more"})
		}
	}
}

func incidentTitle(p *planner, t *trial) string {
	name, where := t.branch.Change, t.branch.Wave
	if t.unit != nil {
		name, where = t.unit.name, p.pol.Waves[t.wave].Name
	}
	if t.branch.Part != "" {
		where += "/" + t.branch.Part
	}
	what := "needs a person"
	if t.branch.Revert {
		what = "needs a person: its revert"
	}
	return cut(oneLine(fmt.Sprintf("%s in %s %s (#%d)", name, where, what, t.pull.Number)), 200)
}

func incidentLines(t *trial) []string {
	lines := []string{
		fmt.Sprintf("#%d: %s", t.pull.Number, t.person),
		"The change goes nowhere while this lasts.",
	}
	if len(t.evidence) > 0 {
		lines = append(lines, "Seen:")
		lines = append(lines, t.evidence...)
	}
	return lines
}
