package report

import (
	"fmt"
	"strings"

	"promoter/promoter"
)

var severityColor = map[promoter.Severity]string{
	promoter.Critical: red, promoter.High: red, promoter.Medium: yellow, promoter.Low: dim,
}

// merged is findings that say the same of several places.
type merged struct {
	promoter.Finding
	places []promoter.Place
}

// merge joins findings with the same rule, evidence and remedy, keeping order.
func merge(fs []promoter.Finding) []merged {
	index := map[string]int{}
	var out []merged
	for _, f := range fs {
		key := f.Rule + "\x00" + f.Evidence + "\x00" + f.Remedy
		i, ok := index[key]
		if !ok {
			i = len(out)
			index[key] = i
			out = append(out, merged{Finding: f})
		}
		out[i].places = append(append(out[i].places, f.Place), f.Also...)
	}
	return out
}

func (p *printer) findings(fs []promoter.Finding, o Options) {
	if len(fs) == 0 {
		return
	}
	p.f("%s\n", o.paint(bold, "LEGACY AND DRIFT"))
	for _, m := range merge(fs) {
		p.f("%s  %s  %s\n", o.paint(severityColor[m.Severity], fmt.Sprintf("%-8s", m.Severity)), o.paint(bold, m.Rule), m.Evidence)
		p.f("          at %s\n", placeList(m.places, o.places()))
		p.f("          do %s\n", m.Remedy)
		if m.Source != "" && o.All {
			p.f("          see %s\n", m.Source)
		}
	}
	p.f("\n")
}

func placeList(places []promoter.Place, most int) string {
	var names []string
	for i, pl := range places {
		if i == most {
			names = append(names, fmt.Sprintf("and %d more", len(places)-most))
			break
		}
		names = append(names, pl.String())
	}
	return strings.Join(names, ", ")
}

func (p *printer) skips(s Scan, o Options) {
	if len(s.Coverage.Reasons) == 0 {
		return
	}
	p.f("%s\n", o.paint(bold, "NOT RESOLVED"))
	for _, r := range s.Coverage.Reasons {
		p.f("%6d  %s\n        at %s\n", r.Count, r.Reason, placeList(r.Places, o.places()))
	}
	p.f("\n")
}

func (p *printer) problems(s Scan, o Options) {
	if len(s.Problems) == 0 {
		return
	}
	p.f("%s\n", o.paint(bold, "COULD NOT BE READ"))
	for i, x := range s.Problems {
		if i == 20 && !o.All {
			p.f("  and %d more (--all prints them)\n", len(s.Problems)-i)
			break
		}
		p.f("  %s: %s\n", o.paint(red, x.Place.String()), x.Message)
	}
	p.f("\n")
}

func (p *printer) summary(s Scan, old, current int, o Options) {
	if s.Coverage.Found == 0 {
		p.f("%d files read under %s: no version reference found.\n", s.Files, s.Root)
		return
	}
	if s.NotAsked {
		p.f("%s: %s; what is newer was not asked.\n", s.Root, plural(len(Groups(s.Rows)), "artifact"))
		p.f("Version references: %d found in %d files, %d read (%.1f %%), %d not.\n",
			s.Coverage.Found, s.Files, s.Coverage.Resolved, percent(s.Coverage.Resolved, s.Coverage.Found), s.Coverage.Skipped)
		return
	}
	p.f("%s: %d of %s with a newer version, %d up to date", s.Root, old, plural(old+current+unknownGroups(s.Rows), "artifact"), current)
	if !o.All && current > 0 {
		p.f(" (not listed; --all lists them)")
	}
	p.f(".\n%s: %d found in %d files, %d resolved (%.1f %%), %d not resolved.\n", "Version references",
		s.Coverage.Found, s.Files, s.Coverage.Resolved, percent(s.Coverage.Resolved, s.Coverage.Found), s.Coverage.Skipped)
	if s.Hidden > 0 {
		p.f("Filters hide %s.\n", plural(s.Hidden, "line"))
	}
}

func unknownGroups(rows []Row) int {
	n := 0
	for _, g := range Groups(rows) {
		if g.Newest == "" && (g.Unknown != "" || g.Skewed) {
			n++
		}
	}
	return n
}

func percent(part, whole int) float64 {
	if whole == 0 {
		return 100
	}
	return 100 * float64(part) / float64(whole)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
