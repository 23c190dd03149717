package promoter

import (
	"cmp"
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
		case t.standing == proven && !t.byHand && p.waitedFor(t):
			status = Passed
		case t.standing == proven:
			status = Current
		}
		if t.byHand { // it was taken for current before it was looked at
			p.out.Lines = slices.DeleteFunc(p.out.Lines, func(l Line) bool {
				return l.Status == Current && l.Subject == t.unit.name && l.Wave == p.pol.Waves[t.wave].Name && t.stands(l.Environment)
			})
		}
		why := t.name() + ": " + t.why
		if t.excused && !t.branch.Revert {
			why += " (within the wave's budget of failures: the others go on)"
		}
		if t.person != "" {
			why += "; " + cmp.Or(t.asks, "a person is needed: "+t.person)
		}
		p.each(t.unit, t.wave, t.targets, func(l *Line) {
			l.Change, l.Status, l.Why, l.Until, l.Pull = t.branch.Change, status, why, t.until, t.pull.Number
			l.Evidence = about(t.evidence, l.Environment)
			if !t.byHand {
				l.From, l.To = t.way(l.Environment)
			}
		})
	}
}

// stands reports whether the trial has a target in an environment.
func (t *trial) stands(environment string) bool {
	return slices.ContainsFunc(t.targets, func(x *Target) bool { return x.Pin.Environment == environment })
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
		key := "incident " + cmp.Or(t.pull.Branch, t.pull.Merge)
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
	for _, x := range p.proposals {
		pull := p.numbered[p.obscure[x.sheet.Change]]
		if pull == nil {
			continue
		}
		key := "incident " + pull.Branch
		delete(open, key)
		if !known[key] {
			known[key] = true
			p.act(OpenTicket{Key: key, Title: cut(oneLine(fmt.Sprintf("%s needs a person (#%d)", x.unit.name, pull.Number)), 200), Lines: []string{
				fmt.Sprintf("#%d was merged with something else in it than was proposed, or without its message: what it did cannot be proven.", pull.Number),
				"The change goes no further by itself: a person merges the rest.",
			}})
		}
	}
	if unsure {
		return // what is not known now may be what the issue is about
	}
	p.keepUnseen(open)
	for _, l := range p.out.Lines { // what cannot be proven is in need of a person while the change has somewhere to go
		if p.obscure[l.Change] == 0 || l.Status == Current || l.Status == Passed {
			continue
		}
		for _, pull := range p.changes[l.Change] {
			if pull.Obscure {
				delete(open, "incident "+pull.Branch)
			}
		}
	}
	for _, t := range p.obs.Tickets {
		if o, ok := open[t.Key]; ok && o.Number == t.Number && t.Open {
			p.act(CloseTicket{Number: t.Number, Key: t.Key, Reason: "nothing is in need of a person here any more"})
		}
	}
}

// keepUnseen leaves those tickets open that are about what cannot be read now:
// a pull's by its file; of a person's commit, and of what a
// person merged with something else in it, nobody knows which file it was.
func (p *planner) keepUnseen(open map[string]Ticket) {
	if !slices.ContainsFunc(p.obs.Unread, func(files []string) bool { return len(files) > 0 }) {
		return
	}
	pulls := map[string]*Pull{}
	for i := range p.obs.Pulls {
		if pull := &p.obs.Pulls[i]; pull.State == PullMerged {
			pulls["incident "+pull.Branch] = pull
		}
	}
	for key := range open {
		if pull := pulls[key]; pull == nil || pull.Obscure || p.unseen(pull) != "" {
			delete(open, key)
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
	return cut(oneLine(fmt.Sprintf("%s in %s %s (%s)", name, where, what, t.name())), 200)
}

func incidentLines(t *trial) []string {
	lines := []string{
		t.name() + ": " + t.person,
		"The change goes nowhere while this lasts.",
	}
	if len(t.evidence) > 0 {
		lines = append(lines, "Seen:")
		lines = append(lines, t.evidence...)
	}
	return lines
}
