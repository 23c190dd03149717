package scenario

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"promoter/promoter"
)

// The most that a story may ask for: whoever needs more goes round in circles.
const (
	mostLooks = 60  // without rest; many more when the process is killed all the time
	mostWakes = 500 // in one wait
)

// teller tells a story.
type teller struct {
	world     *world
	file      string
	killed    bool // after each action
	result    Result
	log       []entry
	last      *promoter.Decision
	meanwhile []func(*teller) error
	got       map[int][]string // by the line of the expectation
	once      map[string]bool  // effects that may happen once
	// check, if there is one, has a say before each action.
	check func(promoter.Action) error
}

// entry is an action that was tried.
type entry struct {
	at   span
	verb string
	text string
}

// look observes, answers what is asked, decides and acts; at most so many
// actions (none: -1) before the process dies. It reports whether anything
// changed.
func (t *teller) look(most int) (changed, again bool, err error) {
	t.result.Looks++
	w := t.world
	o := w.observe()
	d := promoter.Plan(o, w.policy, w.now)
	for round := 0; len(d.Questions) > 0; round++ {
		if round > 10 {
			return false, false, brokenError{fmt.Sprintf("10 rounds of answers, and still a question about %s", d.Questions[0].Key)}
		}
		known := answers(o)
		for _, q := range d.Questions {
			w.answer(q, &o)
		}
		if answers(o) == known {
			return false, false, brokenError{fmt.Sprintf("%s is asked again although it was answered", d.Questions[0].Key)}
		}
		d = promoter.Plan(o, w.policy, w.now)
	}
	t.last = &d
	if err := cmp.Or(t.explained(o, d), sameDecision(o, w, d)); err != nil {
		return false, false, err
	}
	todo := t.meanwhile
	t.meanwhile = nil
	for _, f := range todo {
		if err := f(t); err != nil {
			return false, false, err
		}
	}
	for _, a := range d.Actions {
		if most == 0 {
			return changed, true, nil
		}
		did, stale, err := t.act(a)
		if err != nil {
			return changed, false, err
		}
		changed, again = changed || did, again || stale
		if did {
			most--
		}
	}
	return changed, again, nil
}

func answers(o promoter.Observation) int {
	return len(o.Sealings) + len(o.Deliveries) + len(o.Approvals) + len(o.Origins)
}

// act executes an action and notes what became of it.
func (t *teller) act(a promoter.Action) (did, stale bool, err error) {
	if t.check != nil {
		if err := t.check(a); err != nil {
			return false, false, err
		}
	}
	did, err = t.world.act(a)
	verb, _, _ := strings.Cut(a.String(), " ")
	var old staleError
	var broken brokenError
	switch {
	case err == nil && !did:
		return false, false, nil
	case errors.As(err, &broken):
		return false, false, err
	case errors.As(err, &old):
		t.note("stale", fmt.Sprintf("stale: %s: %s", a, err))
		return false, true, nil
	case err != nil:
		t.note("refused", fmt.Sprintf("refused: %s: %s", a, err))
		return false, false, nil
	}
	t.note(verb, a.String())
	t.result.Actions++
	return true, false, t.twice(a)
}

func (t *teller) note(verb, text string) {
	t.log = append(t.log, entry{t.world.now.Sub(t.world.start), verb, text})
}

// twice complains of effects that nobody may have two times.
func (t *teller) twice(a promoter.Action) error {
	key := ""
	switch a := a.(type) {
	case promoter.Open:
		key = "opened: " + a.Branch
	case promoter.Merge:
		key = fmt.Sprintf("merged: #%d", a.Number)
	case promoter.WriteRecord:
		key = fmt.Sprintf("recorded: #%d", a.Number)
	case promoter.Reply:
		key = fmt.Sprintf("answered: comment %d", a.Comment)
	case promoter.OpenTicket:
		if !a.Stop { // people may stop us again
			key = "opened: issue " + a.Key
		}
	case promoter.WriteSeal:
		if a.Seal.Stage != promoter.StageReady { // which grows old
			key = fmt.Sprintf("sealed: %s %s on %s", strings.TrimPrefix(a.Seal.Context(), "promoter/"), a.Seal.Verdict, a.Seal.Commit)
		}
	}
	if key == "" {
		return nil
	}
	if t.once[key] {
		return brokenError{"a second time " + key}
	}
	if t.once == nil {
		t.once = map[string]bool{}
	}
	t.once[key] = true
	return nil
}

// explained holds a decision to law 14: a line for each artifact in each
// environment, also when nothing is to be done.
func (t *teller) explained(o promoter.Observation, d promoter.Decision) error {
	for _, target := range o.Targets {
		name := target.Pin.Artifact.Name
		said := slices.ContainsFunc(d.Lines, func(l promoter.Line) bool {
			return (l.Subject == name || target.Group != "" && l.Subject == target.Group) && (l.Environment == target.Pin.Environment || target.Pin.Environment == "")
		})
		if !said {
			return brokenError{fmt.Sprintf("nothing is said of %s in %s (law 14)", name, target.Pin.Environment)}
		}
	}
	return nil
}

// sameDecision holds a decision to being a function of the facts: made again,
// from the same facts in another order, it is the same.
func sameDecision(o promoter.Observation, w *world, d promoter.Decision) error {
	o.Targets, o.Pulls = slices.Clone(o.Targets), slices.Clone(o.Pulls)
	slices.Reverse(o.Targets)
	slices.Reverse(o.Pulls)
	again := promoter.Plan(o, w.policy, w.now)
	if len(again.Questions) > 0 {
		return nil // it came to ask for another fact first
	}
	words := func(d promoter.Decision) []string {
		out := []string{"wake " + d.Wake.String()}
		for _, a := range d.Actions {
			out = append(out, a.String())
		}
		for _, l := range d.Lines {
			out = append(out, l.String())
		}
		slices.Sort(out) // what is done and said counts, not in which order
		return out
	}
	if a, b := words(d), words(again); !slices.Equal(a, b) {
		return brokenError{"the same facts in another order give another decision:\n" + diff(a, b)}
	}
	return nil
}

// settle looks and acts until nothing is left to do.
func (t *teller) settle() error {
	most, each := mostLooks, -1
	if t.killed {
		most, each = 20*mostLooks, 1
	}
	for range most {
		changed, again, err := t.look(each)
		if err != nil {
			return err
		}
		if !changed && !again {
			return nil
		}
	}
	var tail []string
	for _, e := range t.log[max(0, len(t.log)-4):] {
		tail = append(tail, e.text)
	}
	return brokenError{fmt.Sprintf("no rest after %d looks; the last actions:\n  %s", most, strings.Join(tail, "\n  "))}
}

// waitUntil lets the time pass, and looks whenever a decision asked for it.
func (t *teller) waitUntil(end time.Time) error {
	w := t.world
	if end.Before(w.now) {
		return fmt.Errorf("it is %s already", text(w.now.Sub(w.start)))
	}
	for range mostWakes {
		if err := t.settle(); err != nil {
			return err
		}
		if !w.now.Before(end) {
			return nil
		}
		next := end
		if at := t.last.Wake; at.After(w.now) && at.Before(end) {
			next = at
		}
		w.now = next
	}
	return brokenError{fmt.Sprintf("woken %d times before %s", mostWakes, text(end.Sub(w.start)))}
}

// story reads the section of that name.
func (p *parser) story(sec section, w *world) []step {
	var out []step
	for i := 0; i < len(sec.text); i++ {
		line, l := sec.line+1+i, sec.text[i]
		if strings.TrimSpace(l) == "" {
			continue
		}
		if indented(l) {
			p.wrong(line, "an indented line belongs to an expect, and there is none before it: begin the line without blanks")
			continue
		}
		ws, err := split(l)
		if err != nil {
			p.wrong(line, "%v", err)
			continue
		}
		if ws.empty() {
			continue
		}
		st := step{line: line, numbered: ws.numbered()}
		if ws.eat("at") {
			d, err := ws.span()
			if err != nil {
				p.wrong(line, "%v", err)
				continue
			}
			st.at = &d
		}
		if ws.eat("expect") {
			var want []string
			for i+1 < len(sec.text) && indented(sec.text[i+1]) {
				i++
				want = append(want, strings.TrimRight(strings.TrimSpace(sec.text[i]), " "))
			}
			st.do, err = expectation(ws, line, want)
		} else if !ws.empty() {
			st.do, err = stepOf(ws, w)
		}
		if err == nil {
			err = ws.end()
		}
		if err != nil {
			p.wrong(line, "%v", err)
		}
		out = append(out, st)
	}
	return out
}

// stepOf reads one step.
func stepOf(ws *words, w *world) (func(*teller) error, error) {
	verb, err := ws.next("a step")
	if err != nil {
		return nil, err
	}
	switch verb {
	case "run":
		return (*teller).settle, nil
	case "wait", "sleep":
		d, err := ws.span()
		if verb == "sleep" {
			return func(t *teller) error { t.world.now = t.world.now.Add(d); return nil }, err
		}
		return func(t *teller) error { return t.waitUntil(t.world.now.Add(d)) }, err
	case "crash":
		return crashStep(ws)
	case "meanwhile":
		then, err := stepOf(ws, w)
		return func(t *teller) error { t.meanwhile = append(t.meanwhile, then); return nil }, err
	case "release", "withdraw":
		return releaseStep(verb, ws, w)
	case "upstream":
		return upstreamStep(ws, w)
	case "file":
		return fileStep(ws)
	case "freeze":
		return freezeStep(ws)
	case "app":
		return appStep(ws)
	case "gate":
		return gateStep(ws)
	case "person":
		return personStep(ws)
	case "clock":
		return clockStep(ws)
	case "forge":
		return forgeStep(ws)
	}
	return nil, fmt.Errorf("there is no step %q: write at, run, wait, sleep, crash, meanwhile, release, withdraw, upstream, file, freeze, app, gate, person, clock, forge or expect", verb)
}
