package scenario

import (
	"fmt"
	"slices"

	"promoter/promoter"
)

var deeds = []string{"merges", "closes", "reopens", "pushes", "rewrites", "approves", "objects", "labels", "unlabels", "comments", "sets", "opens"}

// personStep reads what a person does: "ana merges #3".
func personStep(ws *words) (func(*teller) error, error) {
	who := "ana"
	if !slices.Contains(deeds, ws.peek()) {
		name, err := ws.next("what the person does")
		if err != nil {
			return nil, err
		}
		who = name
	}
	verb, err := oneOf(ws, deeds...)
	if err != nil {
		return nil, err
	}
	switch verb {
	case "sets":
		return setStep(ws)
	case "comments":
		return commentStep(ws, who)
	case "opens":
		return openStep(ws, who)
	case "closes":
		if ws.eat("issue") {
			return closeIssue(ws)
		}
	case "pushes", "objects":
		if !ws.eat("to") {
			return nil, fmt.Errorf("write person %s to #3", verb)
		}
	}
	number, err := ws.number()
	if err != nil {
		return nil, err
	}
	label := ""
	if verb == "labels" || verb == "unlabels" {
		if label, err = ws.next("a label"); err != nil {
			return nil, err
		}
	}
	return func(t *teller) error {
		p := t.world.pull(number)
		if p == nil {
			return fmt.Errorf("there is no pull request #%d", number)
		}
		return t.world.deed(p, who, verb, label)
	}, nil
}

// deed is what a person does to a pull.
func (w *world) deed(p *pull, who, verb, label string) error {
	open := func() error {
		if p.State != promoter.PullOpen {
			return fmt.Errorf("#%d is %s, not open", p.Number, p.State)
		}
		return nil
	}
	switch verb {
	case "merges":
		if err := open(); err != nil {
			return err
		}
		return w.merge(p)
	case "closes":
		if err := open(); err != nil {
			return err
		}
		p.State, p.ClosedBy = promoter.PullClosed, who
	case "reopens":
		if p.State != promoter.PullClosed {
			return fmt.Errorf("#%d is %s, not closed", p.Number, p.State)
		}
		p.State, p.ClosedBy = promoter.PullOpen, ""
	case "pushes":
		w.heads++
		p.Head, p.HeadAt, p.Foreign, p.Ours = fmt.Sprintf("head-%d", w.heads), w.now, true, false
		p.Said, p.notice = "", promoter.Notice{}
	case "rewrites":
		p.title, p.Sheet, p.Said = "words of "+who, "", ""
	case "approves", "objects":
		p.reviews = append(p.reviews, review{who, p.Head, verb == "objects"})
	case "labels":
		if !slices.Contains(p.Labels, label) {
			p.Labels = append(p.Labels, label)
		}
	case "unlabels":
		if !slices.Contains(p.Labels, label) {
			return fmt.Errorf("#%d has no label %s", p.Number, label)
		}
		p.Labels = slices.DeleteFunc(p.Labels, func(l string) bool { return l == label })
	}
	return nil
}

// setStep reads "staging/redis to 17.0.0".
func setStep(ws *words) (func(*teller) error, error) {
	at, err := ws.place()
	if err != nil {
		return nil, err
	}
	if !ws.eat("to") {
		return nil, fmt.Errorf("write person sets staging/redis to 17.0.0")
	}
	version, err := ws.next("a version")
	return func(t *teller) error {
		w := t.world
		var edits []promoter.Edit
		for _, s := range w.at(at) {
			to, err := s.pin.Rewrite(version, "")
			if err != nil {
				return err
			}
			edits = append(edits, promoter.Edit{Place: s.pin.Place, To: to})
		}
		if len(edits) == 0 {
			return fmt.Errorf("no pin stands there: write ENVIRONMENT/NAME of one in the world")
		}
		return w.edit(edits)
	}, err
}

// commentStep reads ""/promoter stop" on #3 denied "…"".
func commentStep(ws *words, who string) (func(*teller) error, error) {
	body, err := ws.quote("the comment")
	if err != nil {
		return nil, err
	}
	if !ws.eat("on") {
		return nil, fmt.Errorf("write person comments %q on #3", body)
	}
	number, err := ws.number()
	if err != nil {
		return nil, err
	}
	denied := ""
	if ws.eat("denied") {
		denied = ws.reason("they may not")
	}
	return func(t *teller) error {
		w := t.world
		p := w.pull(number)
		if p == nil {
			return fmt.Errorf("there is no pull request #%d", number)
		}
		w.words++
		p.comments = append(p.comments, comment{id: w.words, by: who, at: w.stamp(), body: body, denied: denied})
		if c, ok := promoter.ParseCommand(body); ok && c.Verb == promoter.VerbApprove && denied == "" {
			p.reviews = append(p.reviews, review{by: who, head: p.Head})
		}
		return nil
	}, nil
}

// openStep reads "issue "Promoter is stopped"", which stops us.
func openStep(ws *words, who string) (func(*teller) error, error) {
	if !ws.eat("issue") {
		return nil, fmt.Errorf("write person opens issue \"Promoter is stopped\"")
	}
	title, err := ws.quote("the issue's title")
	return func(t *teller) error {
		w := t.world
		w.number++
		w.issues = append(w.issues, &issue{Ticket: promoter.Ticket{Number: w.number, Title: title, Stop: true, Open: true, By: who}})
		return nil
	}, err
}

func closeIssue(ws *words) (func(*teller) error, error) {
	number, err := ws.number()
	return func(t *teller) error {
		for _, i := range t.world.issues {
			if i.Number == number && i.Open {
				i.Open = false
				return nil
			}
		}
		return fmt.Errorf("there is no open issue #%d", number)
	}, err
}
