package promoter

import (
	"fmt"
	"strings"
	"time"
)

// Action is one guarded effect on the world. Every action carries what it was
// decided on; where that is no longer so, executing it changes nothing.
type Action interface {
	fmt.Stringer
	action()
}

// Push writes a commit with the edits onto a branch of ours. Guard: the branch
// is at Expect, or absent when Expect is empty.
type Push struct {
	Branch  string
	Base    string // the commit it is built on
	Expect  string
	Edits   []Edit
	Message string
}

// Open opens a pull for a branch. Guard: the branch is at Head, and no pull is
// open for it.
type Open struct {
	Branch string
	Head   string
	Base   string // the base branch's name
	Draft  bool
	Sheet  Sheet
}

// Update rewrites a pull's title and body. Guard: the pull is open, at Head.
type Update struct {
	Number int
	Branch string
	Head   string
	Draft  bool
	Sheet  Sheet
}

// Close closes a pull that something newer replaces, and says so in its
// closing comment. Guard: the pull is open, at Head.
type Close struct {
	Number int
	Branch string
	Head   string
	Reason string
}

// Delete removes a branch of ours that nothing needs any more. Guard: the
// branch is at Expect.
type Delete struct {
	Branch string
	Expect string
}

func (Push) action()   {}
func (Open) action()   {}
func (Update) action() {}
func (Close) action()  {}
func (Delete) action() {}

func (a Push) String() string {
	verb := "push"
	if a.Expect != "" {
		verb = "refresh"
	}
	on := ""
	if a.Base != "" {
		on = " on " + abbreviate(a.Base)
	}
	return fmt.Sprintf("%s %s (%s%s)", verb, a.Branch, count(len(a.Edits), "edit"), on)
}

func (a Open) String() string {
	draft := ""
	if a.Draft {
		draft = " as a draft"
	}
	return fmt.Sprintf("open %s%s: %s", a.Branch, draft, a.Sheet.Title())
}

func (a Update) String() string { return fmt.Sprintf("update #%d: %s", a.Number, a.Sheet.Title()) }
func (a Close) String() string  { return fmt.Sprintf("close #%d: %s", a.Number, a.Reason) }
func (a Delete) String() string { return "delete " + a.Branch }

// Decision is what to do now, why, and when to look again.
type Decision struct {
	Actions []Action
	Lines   []Line
	Sheets  []Sheet   // of the pulls that are on their way, in the order of their actions
	Wake    time.Time // the earliest moment at which waiting alone changes the decision; zero: none
}

// Line explains one (change, wave, environment): what, where, why, until when.
type Line struct {
	Change      string    `json:"change"` // the change's id; empty while there is none
	Subject     string    `json:"subject"`
	From        string    `json:"from,omitempty"` // versions now, joined
	To          string    `json:"to,omitempty"`
	Wave        string    `json:"wave,omitempty"`
	Environment string    `json:"environment,omitempty"`
	Status      Status    `json:"status"`
	Why         string    `json:"why"`
	Until       time.Time `json:"until,omitzero"`
	Pull        int       `json:"pull,omitempty"`
	Place       string    `json:"place,omitempty"` // for a target that nothing can be proposed for
}

// Status is one word for where a change stands in an environment.
type Status string

// The statuses of a line.
const (
	Current    Status = "current"    // nothing newer is wanted
	Propose    Status = "propose"    // a pull is being pushed or opened now
	Proposed   Status = "open"       // its pull is open
	Waiting    Status = "waiting"    // for an earlier wave, a cap, a release's age
	Left       Status = "left"       // to a person: edited, rejected
	Unresolved Status = "unresolved" // what there is could not be read or is not known
	Unplaced   Status = "unplaced"   // in no wave
)

func (l Line) String() string {
	var b strings.Builder
	b.WriteString(l.Subject)
	switch {
	case l.To != "" && l.From != "":
		fmt.Fprintf(&b, " %s -> %s", l.From, l.To)
	case l.From != "":
		b.WriteString(" " + l.From)
	}
	where := l.Wave
	if l.Environment != "" && l.Environment != l.Wave {
		where = strings.TrimPrefix(where+"/"+l.Environment, "/")
	}
	if where != "" {
		b.WriteString(" in " + where)
	}
	fmt.Fprintf(&b, ": %s: %s", l.Status, l.Why)
	if !l.Until.IsZero() {
		b.WriteString(" (until " + l.Until.UTC().Format("2006-01-02 15:04") + " UTC)")
	}
	return b.String()
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func abbreviate(commit string) string {
	if len(commit) > 10 {
		return commit[:10]
	}
	return commit
}
