package promoter

import (
	"slices"
	"strings"
)

// Command is what a person asks of us in a comment: "/promoter hold".
type Command struct {
	Verb     Verb
	Argument string // what stands behind the verb
	// Wrong says why the line is no command, for the person who wrote it.
	Wrong string
}

// Verb is the word of a command.
type Verb string

// The verbs.
const (
	VerbHold    Verb = "hold"    // this change goes nowhere
	VerbResume  Verb = "resume"  // it goes on
	VerbApprove Verb = "approve" // a review's word, as a comment
	VerbRetry   Verb = "retry"   // another attempt at a version that was refused or failed
	VerbRevert  Verb = "revert"  // take a merged pull back
	VerbStop    Verb = "stop"    // nothing goes forward, in a scope or anywhere
)

var verbs = []Verb{VerbHold, VerbResume, VerbApprove, VerbRetry, VerbRevert, VerbStop}

// The labels by which people steer. A command only puts one there, so that
// what holds can be seen; whoever likes labels better needs no command.
const (
	HoldLabel     = "promoter/hold"
	ApprovedLabel = "promoter/approved"
	RevertLabel   = "promoter/revert"
	// TicketLabel is on every issue of ours, and StopLabel on those that stop
	// us while they are open.
	TicketLabel = "promoter/ticket"
	StopLabel   = "promoter/stop"
)

// ParseCommand reads the first line of a comment that begins with /promoter;
// false when there is none.
func ParseCommand(body string) (Command, bool) {
	for line := range strings.SplitSeq(strings.ReplaceAll(body, "\r", "\n"), "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] != "/promoter" {
			continue
		}
		if len(words) == 1 {
			return Command{Wrong: "the verb is missing: " + usage()}, true
		}
		verb := Verb(strings.ToLower(words[1]))
		if !slices.Contains(verbs, verb) {
			return Command{Wrong: "there is no such verb: " + usage()}, true
		}
		c := Command{Verb: verb, Argument: strings.Join(words[2:], " ")}
		if verb == VerbStop {
			if _, wrong := parseScope(c.Argument); wrong != "" {
				return Command{Wrong: wrong}, true
			}
		}
		return c, true
	}
	return Command{}, false
}

func usage() string {
	words := make([]string, len(verbs))
	for i, v := range verbs {
		words[i] = string(v)
	}
	return "write /promoter and one of " + strings.Join(words, ", ")
}

// scope is what a stop is about; empty patterns are about everything.
type scope struct{ environment, tenant string }

// parseScope reads "tenant=acme environment=prod-*". Words that are no pair
// are a reason that people gave.
func parseScope(text string) (s scope, wrong string) {
	for _, word := range strings.Fields(text) {
		key, value, pair := strings.Cut(word, "=")
		switch {
		case !pair:
		case value == "":
			return s, key + "= says no name: write " + key + "=NAME, or leave it out"
		case key == "environment":
			s.environment = value
		case key == "tenant":
			s.tenant = value
		default:
			return s, key + "= is not known here: write tenant=NAME or environment=NAME, or nothing to stop everything"
		}
	}
	return s, ""
}

func (s scope) String() string {
	var parts []string
	if s.environment != "" {
		parts = append(parts, "environment="+s.environment)
	}
	if s.tenant != "" {
		parts = append(parts, "tenant="+s.tenant)
	}
	return strings.Join(parts, " ")
}

func (s scope) holds(r Reached) bool {
	return (s.environment == "" || matches(s.environment, r.Environment)) && (s.tenant == "" || matches(s.tenant, r.Tenant))
}

// stopTitle is the title of the issue that a stop is; its scope is read from
// it again, so that a person may write or change it.
func stopTitle(s scope, by string) string {
	return strings.TrimSpace("Promoter is stopped by " + by + " " + s.String())
}

// stopper is who a stop's title names, or who opened the issue.
func stopper(t Ticket) string {
	if _, rest, ok := strings.Cut(t.Title, "stopped by "); ok {
		if words := strings.Fields(rest); len(words) > 0 && !strings.Contains(words[0], "=") {
			return words[0]
		}
	}
	return t.By
}

// stopped returns why nothing that reaches these places goes forward.
func (p *planner) stopped(reached []Reached) string {
	var first *Ticket
	for i := range p.obs.Tickets {
		t := &p.obs.Tickets[i]
		if !t.Open || !t.Stop || first != nil && t.Number > first.Number {
			continue
		}
		s, wrong := parseScope(t.Title)
		if wrong != "" {
			s = scope{} // what cannot be understood stops everything
		}
		if slices.ContainsFunc(reached, s.holds) {
			first = t
		}
	}
	if first == nil {
		return ""
	}
	return "stopped" + by(stopper(*first)) + " in #" + itoa(first.Number) + ": close that issue to go on"
}

// obey turns commands into what can be seen: labels and issues, and then into
// an answer. Approvals are read from the comments themselves.
func (p *planner) obey() {
	if p.obs.PullsUnknown != "" || p.obs.TalkUnknown != "" {
		return
	}
	for _, r := range p.obs.Remarks {
		if r.Answered {
			continue
		}
		switch {
		case r.Denied != "":
			p.reply(r, "Not done: "+r.Denied+".")
		case r.Command.Wrong != "":
			p.reply(r, "Not understood: "+r.Command.Wrong+".")
		case r.Command.Verb == VerbStop:
			p.obeyStop(r)
		default:
			p.obeyPull(r)
		}
	}
}

func (p *planner) obeyStop(r Remark) {
	s, _ := parseScope(r.Command.Argument)
	key := "stop " + s.String()
	for _, t := range p.obs.Tickets {
		if t.Stop && t.Open && t.Key == key {
			p.reply(r, "Stopped: close #"+itoa(t.Number)+" to go on.")
			return
		}
	}
	what := "Nothing is merged forward anywhere"
	if s != (scope{}) {
		what = "Nothing that reaches " + s.String() + " is merged forward"
	}
	p.act(OpenTicket{Key: key, Title: stopTitle(s, r.By), Stop: true, Lines: []string{
		"Stopped by " + r.By + " on #" + itoa(r.Pull) + ".",
		what + " while this issue is open. Verdicts are still recorded, and reverts are still made.",
		"Close this issue to go on.",
	}})
}

// obeyPull carries out a command that is about the pull it stands under.
func (p *planner) obeyPull(r Remark) {
	pull := p.numbered[r.Pull]
	if pull == nil {
		p.reply(r, "Not done: "+string(r.Command.Verb)+" is for a pull request of Promoter's, and this is none.")
		return
	}
	var label, done string
	remove := false
	switch r.Command.Verb {
	case VerbHold:
		label, done = HoldLabel, "Held: this change goes nowhere until /promoter resume, or until the label "+HoldLabel+" is removed."
	case VerbResume:
		label, done, remove = HoldLabel, "Goes on.", true
	case VerbRetry:
		switch failed, known := p.failedSomewhere(pull.change()); {
		case !known:
			return // it is answered when that can be said
		case !failed:
			p.reply(r, "Not done: nothing of this change has failed or was refused, so there is nothing to try again.")
			return
		}
		label, done = RetryLabel, "Tried again."
	case VerbRevert:
		if pull.State != PullMerged {
			p.reply(r, "Not done: it is not merged, so there is nothing to take back.")
			return
		}
		label, done = RevertLabel, "Taken back."
	case VerbApprove:
		p.reply(r, "Approved, as it is now: a later change of this pull request needs another approval.")
		return
	case VerbStop: // is about everything, and was obeyed elsewhere
	}
	has := slices.Contains(pull.Labels, label)
	switch {
	case remove && has:
		p.act(Label{Number: pull.Number, Remove: []string{label}, Why: "asked by " + r.By})
	case !remove && !has:
		p.act(Label{Number: pull.Number, Add: []string{label}, Why: "asked by " + r.By})
	default:
		p.reply(r, done)
	}
}

// failedSomewhere reports whether there is something of a change that could be
// tried again; known is false while that cannot be said. A wish to try again
// that is older than the failure would excuse it before anybody has seen it.
func (p *planner) failedSomewhere(change string) (failed, known bool) {
	known = true
	for _, t := range p.trials {
		if t.branch.Change == change {
			failed = failed || t.standing == broken || t.condemned || t.branch.Revert || p.retried(t.branch)
			known = known && !t.unread
		}
	}
	for _, pull := range p.changes[change] {
		b, ok := ParseBranch(pull.Branch)
		failed = failed || ok && b.Revert && pull.State == PullMerged
	}
	failed = failed || p.frozen[change] != "" || p.refused[change]
	return failed, failed || known
}

func (p *planner) reply(r Remark, text string) {
	p.act(Reply{Number: r.Pull, Comment: r.Comment, Text: text})
}
