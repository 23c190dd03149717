package promoter

import (
	"cmp"
	"fmt"
	"strings"
)

// carry brings an open pull's text up to date, and merges it when nothing is
// in the way.
func (p *planner) carry(x proposal, pull *Pull) {
	step, b := p.advance(x, pull)
	x.sheet.Notice = b.notice(step)
	x.sheet.Notice.Head = pull.Head
	sheet := p.laddered(x)
	m, merges := step.(Merge)
	if merges && !m.Queue && !pull.Draft && strings.HasPrefix(pull.Sheet, sheet.editsDigest()) {
		// The text of what is merged now is not worth another call, as long as it
		// shows the edits that are: the status says the rest. What waits in a
		// queue is read meanwhile.
		m.Say = p.put(sheet, pull.Said)
		step = m
	} else if (step == nil || merges) && pull.Sheet != sheet.Digest() || pull.Draft && !x.draft {
		p.act(Update{Number: pull.Number, Branch: x.branch, Head: pull.Head, Draft: x.draft, Sheet: sheet, Say: p.put(sheet, pull.Said)})
	}
	if step != nil && !pull.Draft {
		p.act(step)
		p.inFlight[x.wave]++
		for _, f := range x.files() {
			p.merging[f] = true
		}
		p.say(x, Going, fmt.Sprintf("nothing is in the way of #%d", pull.Number), pull.Number)
		return
	}
	status, why := Proposed, fmt.Sprintf("#%d is open", pull.Number)
	if x.draft {
		why += " as a draft: earlier waves come first"
	} else if b.why != "" && p.pol.Delivers {
		why += ": " + b.why
	}
	p.sayUntil(x, status, why, pull.Number, b.until)
}

// notice is the commit status that a blocker, or the step that follows from
// there being none, makes.
func (b blocker) notice(step Action) Notice {
	switch {
	case step != nil:
		return Notice{State: "success", Text: "nothing is in the way: it is merged now"}
	case b.person:
		return Notice{State: "pending", Text: cut(oneLine("waits for a person: "+cmp.Or(b.brief, b.why)), 140)}
	}
	return Notice{State: "pending", Text: cut(oneLine("waits: "+cmp.Or(b.brief, b.why)), 140)}
}

// put is the status to put on a head, unless it is there.
func (p *planner) put(s Sheet, said string) *Notice {
	if !p.pol.Delivers || said == s.Notice.Digest() {
		return nil
	}
	return &s.Notice
}
