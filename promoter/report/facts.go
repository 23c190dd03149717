package report

import (
	"time"

	"promoter/promoter"
)

// Facts are what the forge and the base branch say of our pulls.
type Facts struct {
	Of           string
	Filter       string
	Since, Until time.Time
	Waves        []string // names, in their order
	Pulls        []Pull   // all of ours that the forge lists
	// Changes are what the base branch says of changes, by their ids. One that
	// is not in it is of artifacts that nothing names any more.
	Changes map[string]Change
	Issues  []Issue
	// IssuesUnknown and TalkUnknown say why issues and comments were not read.
	IssuesUnknown string
	Commands      []Command
	TalkUnknown   string
	// Hand are the branch's moves; HandUnknown says why they are not known.
	Hand        Hand
	HandUnknown string
	Gaps        []string
}

// Pull is one of ours.
type Pull struct {
	Number int
	Branch promoter.Branch
	Wave   int // index; -1: no wave is called so any more
	State  promoter.PullState
	Opened time.Time // zero: the forge does not say
	Merged time.Time
	Labels []string
	// Chosen is set when the filter leaves it.
	Chosen bool
	// Seals are those of its merge commit; Unread says why they are not known.
	Seals  []promoter.Seal
	Unread string
	// Approvers are people; ApprovalsUnread says why they are not known.
	Approvers       []string
	ApprovalsUnread string
	Evidence        []string // that was written down for it
}

// Change is what the base branch says of one.
type Change struct {
	Subject string // what moves, and to what, for people
	// First is the earliest wave that its artifacts stand in, filter or not.
	First    int
	Standing []Standing // of the waves that the filter leaves
}

// Standing is where a wave's places are with a change.
type Standing struct {
	Wave   int
	Reads  int // places that read its version
	Behind int // places that read something else and could still take it
	Other  int // places that read something else and are done with it
}

// Issue is one of ours.
type Issue struct {
	Number   int
	Stop     bool
	Incident bool
	Opened   time.Time
	Open     bool
	Closed   time.Time
}

// Command is what a person asked in a comment.
type Command struct {
	Pull int
	Verb promoter.Verb
	By   string
	At   time.Time
}

// Hand counts the branch's moves by where they came from.
type Hand struct {
	Moves int // all of them
	Ours  int // by merges of ours
	Back  int // of the others, those that put back what stood before
}

// Told is one change and what became of it.
type Told struct {
	Change  string `json:"change"`
	Subject string `json:"subject,omitempty"`
	Fate    Fate   `json:"fate"`
	Why     string `json:"why,omitempty"`
}

// Return is a move that put back the version that stood before.
type Return struct {
	Commit   string    `json:"commit"`
	At       time.Time `json:"at"`
	Artifact string    `json:"artifact"`
	From     string    `json:"from"`
	To       string    `json:"to"`
	Waves    []string  `json:"waves,omitempty"`
}

// Fate is what became of a change.
type Fate string

// The fates. The first four are ends.
const (
	Arrived   Fate = "arrived"
	Failed    Fate = "failed"
	Refused   Fate = "refused by people"
	Removed   Fate = "taken away by people"
	Overtaken Fate = "overtaken by a newer version"
	Unjudged  Fate = "everywhere, without a verdict everywhere"
	UnderWay  Fate = "on its way"
	Unclear   Fate = "not known"
)
