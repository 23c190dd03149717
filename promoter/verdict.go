package promoter

import "time"

// Verdict is what a gate says, and until when it is worth asking again.
type Verdict struct {
	Level  Level
	Reason string    // one line, the same words for the same cause
	Until  time.Time // when waiting alone may change it; zero: unknown
}

// Outcome is where one application stands on its way to a commit.
type Outcome string

// The outcomes. Only Failed may lead to a revert, and only when it is
// attributable.
const (
	Converged  Outcome = "converged"  // runs the commit's content, healthy for the dwell
	Pending    Outcome = "pending"    // on its way: refresh, sync, progress, dwell
	Blocked    Outcome = "blocked"    // waits for a person or a window; clocks stand still
	Blind      Outcome = "blind"      // what is read says nothing reliable
	Superseded Outcome = "superseded" // runs a later commit with other content under its paths
	Rewritten  Outcome = "rewritten"  // the commit is no longer in the branch's history
	Failed     Outcome = "failed"
)

// Convergence is the outcome of one application for one commit.
type Convergence struct {
	App          string
	Environment  string
	Tenant       string
	Cluster      string
	Commit       string
	Outcome      Outcome
	Attributable bool   // of Failed: the change is the cause, by positive evidence
	Reason       string // one line
	Evidence     []string
	Since        time.Time // when the outcome began
	Until        time.Time // when waiting alone may change it; zero: unknown
	// Stuck is set when an operation of the engine on another revision keeps
	// the commit out, so that ending it would help: why.
	Stuck string
}
