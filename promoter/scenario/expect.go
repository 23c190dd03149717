package scenario

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"promoter/promoter"
)

const nothing = "nothing"

var expectations = []string{"actions", "lines", "evidence", "pulls", "edits", "statuses", "comments", "issues", "pins", "file", "wake"}

// expectation reads what is expected, and compares when its turn comes.
func expectation(ws *words, line int, want []string) (func(*teller) error, error) {
	what, err := oneOf(ws, append([]string{"line"}, expectations...)...)
	if err != nil {
		return nil, err
	}
	number := 0
	if what == "edits" || what == "comments" || what == "statuses" && !ws.empty() {
		if number, err = ws.number(); err != nil {
			return nil, err
		}
	}
	var of []string
	for !ws.empty() && err == nil {
		var word string
		if word, err = ws.next("a word"); err == nil {
			of = append(of, word)
		}
	}
	if err == nil && what == "file" && len(of) != 1 {
		err = errors.New("write expect file PATH")
	}
	return func(t *teller) error {
		got, err := t.told(what, number, of)
		if err != nil {
			return err
		}
		if len(got) == 0 {
			got = []string{nothing}
		}
		if t.got == nil {
			t.got = map[int][]string{}
		}
		t.got[line] = got
		if t.killed && what != "pins" && what != "file" {
			return nil
		}
		if !slices.Equal(got, want) {
			t.result.Failures = append(t.result.Failures, Failure{t.file, line, fmt.Sprintf("expect %s, at %s (-want +got):\n%s", what, text(t.world.now.Sub(t.world.start)), diff(want, got))})
		}
		return nil
	}, err
}

// told is what there is of what is expected.
func (t *teller) told(what string, number int, of []string) ([]string, error) {
	w := t.world
	switch what {
	case "actions":
		return t.actions(of), nil
	case "line", "lines", "evidence", "wake":
		if t.last == nil {
			return nil, errors.New("nobody has looked yet: write run before it")
		}
		return t.said(what, of), nil
	case "pulls":
		var out []string
		for _, p := range w.pulls {
			out = append(out, describe(p))
		}
		return out, nil
	case "edits", "comments":
		p := w.pull(number)
		if p == nil {
			return nil, fmt.Errorf("there is no pull request #%d", number)
		}
		return onPull(p, what), nil
	case "statuses":
		return w.statuses(number), nil
	case "issues":
		var out []string
		for _, i := range w.issues {
			state := "open"
			if !i.Open {
				state = "closed"
			}
			out = append(out, fmt.Sprintf("#%d %s: %s", i.Number, state, i.Title))
			for _, l := range i.lines {
				out = append(out, "| "+l)
			}
		}
		return out, nil
	case "pins":
		var out []string
		for _, p := range w.pins() {
			where := strings.Join(slices.DeleteFunc([]string{p.Environment, p.Tenant, p.Cluster}, func(s string) bool { return s == "" }), "/")
			if where == "" {
				where = p.Place.File
			}
			if len(of) == 0 || slices.Contains(of, p.Environment) || slices.Contains(of, p.Artifact.Name) {
				out = append(out, fmt.Sprintf("%s %s %s", where, p.App, p.Version))
			}
		}
		return out, nil
	}
	if _, ok := w.files[of[0]]; !ok {
		return nil, fmt.Errorf("there is no file %q", of[0])
	}
	return strings.Split(strings.TrimSuffix(w.text(of[0]), "\n"), "\n"), nil
}

// actions are those since they were last asked for.
func (t *teller) actions(of []string) []string {
	var out []string
	for _, e := range t.log {
		if len(of) == 0 || slices.Contains(of, e.verb) {
			out = append(out, text(e.at)+": "+e.text)
		}
	}
	t.log = nil
	return out
}

// said is what the last decision says of environments, waves or subjects.
func (t *teller) said(what string, of []string) []string {
	if what == "wake" {
		if t.last.Wake.IsZero() {
			return nil
		}
		return []string{"at " + text(t.last.Wake.Sub(t.world.start))}
	}
	var out []string
	for _, l := range t.last.Lines {
		fits := !slices.ContainsFunc(of, func(word string) bool { return word != l.Environment && word != l.Wave && word != l.Subject })
		if !fits {
			continue
		}
		if what == "evidence" {
			out = append(out, l.Evidence...)
		} else {
			out = append(out, l.String())
		}
	}
	return out
}

func describe(p *pull) string {
	name := "branch " + p.Branch
	if p.Number > 0 {
		name = fmt.Sprintf("#%d %s", p.Number, p.State)
		if p.State == promoter.PullClosed {
			name += " by " + p.ClosedBy
		}
		name += ": " + p.title
	}
	if p.Draft {
		name += " (draft)"
	}
	if len(p.Labels) > 0 {
		name += " [" + strings.Join(p.Labels, ", ") + "]"
	}
	return name
}

func onPull(p *pull, what string) []string {
	var out []string
	if what == "edits" {
		for _, e := range p.Edits {
			out = append(out, fmt.Sprintf("%s: %s -> %s", e.Place, e.Place.Written, e.To))
		}
		return out
	}
	for _, c := range p.comments {
		if c.ours {
			out = append(out, strings.Split(c.body, "\n")...)
		}
	}
	return out
}

// statuses are what is written on the commits of pulls.
func (w *world) statuses(number int) []string {
	var out []string
	for _, p := range w.pulls {
		if p.Number == 0 || number > 0 && p.Number != number {
			continue
		}
		if p.notice != (promoter.Notice{}) {
			out = append(out, fmt.Sprintf("#%d promoter: %s: %s", p.Number, p.notice.State, p.notice.Text))
		}
		for _, commit := range []string{p.Head, p.Merge} {
			for _, s := range w.seals[commit] {
				out = append(out, fmt.Sprintf("#%d %s: %s: %s", p.Number, s.Context(), s.Verdict, s.Reason))
			}
		}
	}
	return out
}

// diff shows both lists as one: lines that are missing, lines that are new,
// and those that are in both.
func diff(want, got []string) string {
	// The longest common part of each pair of ends.
	long := make([][]int, len(want)+1)
	for i := range long {
		long[i] = make([]int, len(got)+1)
	}
	for i := len(want) - 1; i >= 0; i-- {
		for j := len(got) - 1; j >= 0; j-- {
			if want[i] == got[j] {
				long[i][j] = long[i+1][j+1] + 1
			} else {
				long[i][j] = max(long[i+1][j], long[i][j+1])
			}
		}
	}
	var b strings.Builder
	i, j := 0, 0
	for i < len(want) || j < len(got) {
		switch {
		case i < len(want) && j < len(got) && want[i] == got[j]:
			b.WriteString("    " + want[i] + "\n")
			i, j = i+1, j+1
		case j == len(got) || i < len(want) && long[i+1][j] >= long[i][j+1]:
			b.WriteString("  - " + want[i] + "\n")
			i++
		default:
			b.WriteString("  + " + got[j] + "\n")
			j++
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}
