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
	// Say is the status that is put on the head first; nil: none.
	Say *Notice
}

// Update rewrites a pull's title and body. Guard: the pull is open, at Head.
type Update struct {
	Number int
	Branch string
	Head   string
	Draft  bool
	Sheet  Sheet
	// Say is the status that is put on the head first; nil: it is there.
	Say *Notice
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
// branch is at Expect, and no pull is open for it.
type Delete struct {
	Branch string
	Base   string // the base branch's name
	Expect string
}

// Merge merges a pull. Guard: its head is at Head.
type Merge struct {
	Number  int
	Branch  string
	Head    string
	Method  string // merge, squash or rebase
	Queue   bool   // by the merge queue, which has a method of its own
	Title   string // of the commit, where the method makes one
	Message string
	// Say is the status that is put on the head first; nil: it is there.
	Say *Notice
}

// WriteSeal puts a seal on a commit. Doing it twice changes nothing. Guard: a
// verdict is written where there is none of the other kind.
type WriteSeal struct {
	Number int // of the pull, for people
	Branch string
	Seal   Seal
	// Asked is set for a failure that is a person's word: it may stand against
	// a pass.
	Asked bool
}

// WriteRecord writes evidence down as a comment on a pull. Guard: no such
// comment is there.
type WriteRecord struct {
	Number int
	Title  string
	Record Record
}

// Label adds or removes labels of ours.
type Label struct {
	Number int
	Add    []string
	Remove []string
	Why    string
}

// Reply answers a command with a comment. Guard: none of ours answers it yet.
type Reply struct {
	Number  int
	Comment int64
	Text    string
}

// OpenTicket opens an issue. Guard: none is open with the key.
type OpenTicket struct {
	Key   string
	Title string
	Stop  bool
	Lines []string
}

// CloseTicket closes an issue of ours, with why.
type CloseTicket struct {
	Number int
	Key    string
	Reason string
}

// EndOperation ends an application's operation that keeps a revert out. Guard:
// it still runs, and is of the revision that was seen.
type EndOperation struct {
	App         string // as the engine calls it
	Environment string
	Cluster     string
	Number      int    // of the revert's pull
	Commit      string // that it keeps out
	Why         string
}

// Notice is the commit status on a pull's head: what the pull waits for.
type Notice struct {
	State string `json:"state"` // pending, success or failure
	Text  string `json:"text"`
	Head  string `json:"head,omitempty"` // the commit that it is on: another one needs it anew
}

func (Push) action()         {}
func (Open) action()         {}
func (Update) action()       {}
func (Close) action()        {}
func (Delete) action()       {}
func (Merge) action()        {}
func (WriteSeal) action()    {}
func (WriteRecord) action()  {}
func (Label) action()        {}
func (Reply) action()        {}
func (OpenTicket) action()   {}
func (CloseTicket) action()  {}
func (EndOperation) action() {}

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

func (a Merge) String() string {
	how := "merge"
	if a.Queue {
		how = "queue"
	} else if a.Method != "" && a.Method != "merge" {
		how = a.Method
	}
	return fmt.Sprintf("%s #%d: %s", how, a.Number, a.Title)
}

func (a WriteSeal) String() string {
	word := string(a.Seal.Stage)
	if a.Seal.Stage == StageVerdict {
		word = a.Seal.Verdict.String()
	}
	return fmt.Sprintf("seal %s as %s: %s", called(a.Number, a.Seal.Commit), word, a.Seal.Reason)
}

func (a WriteRecord) String() string {
	return fmt.Sprintf("record on #%d: %s (%s)", a.Number, a.Title, count(len(a.Record.Lines), "line"))
}

func (a Label) String() string {
	var parts []string
	for _, l := range a.Add {
		parts = append(parts, "add "+l)
	}
	for _, l := range a.Remove {
		parts = append(parts, "remove "+l)
	}
	return fmt.Sprintf("label #%d: %s: %s", a.Number, strings.Join(parts, ", "), a.Why)
}

func (a Reply) String() string       { return fmt.Sprintf("reply on #%d: %s", a.Number, a.Text) }
func (a OpenTicket) String() string  { return "open issue: " + a.Title }
func (a CloseTicket) String() string { return fmt.Sprintf("close issue #%d: %s", a.Number, a.Reason) }

func (a EndOperation) String() string {
	return fmt.Sprintf("end the operation of %s, which keeps #%d out: %s", a.App, a.Number, a.Why)
}

// Decision is what to do now, why, and when to look again.
type Decision struct {
	Actions []Action
	Lines   []Line
	Sheets  []Sheet // of the pulls that are on their way, in the order of their actions
	// Questions are the facts that this decision lacks. It is to be made again
	// with their answers before its actions are done.
	Questions []Question
	Wake      time.Time // the earliest moment at which waiting alone changes the decision; zero: none
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
	// Evidence is what the line rests on, a line each.
	Evidence []string `json:"evidence,omitempty"`
}

// Status is one word for where a change stands in an environment.
type Status string

// The statuses of a line.
const (
	Current    Status = "current"    // nothing newer is wanted
	Propose    Status = "propose"    // a pull is being pushed or opened now
	Proposed   Status = "open"       // its pull is open
	Waiting    Status = "waiting"    // for an earlier wave, a cap, a release's age
	Going      Status = "merging"    // nothing is in the way any more
	Verifying  Status = "verifying"  // merged; its applications and gates are watched
	Passed     Status = "passed"     // sealed as good
	Broken     Status = "failed"     // sealed as bad: frozen everywhere
	Reverting  Status = "reverting"  // on its way back
	Left       Status = "left"       // to a person: edited, rejected
	Unresolved Status = "unresolved" // what there is could not be read or is not known
	Unplaced   Status = "unplaced"   // in no wave
)

// Statuses are all there are, in the order in which a change meets them.
func Statuses() []Status {
	return []Status{Current, Waiting, Propose, Proposed, Going, Verifying, Passed, Broken, Reverting, Left, Unresolved, Unplaced}
}

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
