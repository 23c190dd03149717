package gitops

import (
	"context"
	"time"
)

// Talker is a forge on which people and we talk to each other.
type Talker interface {
	// Comments returns the comments of all of the repository's pulls and
	// issues that were written or changed since, the oldest first. A list that
	// is not whole is an error. It is one call where nothing is new.
	Comments(ctx context.Context, since time.Time) ([]Comment, error)
	// Reviews returns the newest review of each person that says approved,
	// changes_requested or dismissed; a mere comment is none.
	Reviews(ctx context.Context, number int) ([]Review, error)
	// Labelings returns who put which labels on a pull or issue that it has
	// now, and when.
	Labelings(ctx context.Context, number int) ([]Labeling, error)
	// Permission returns what a person may do in the repository: none, read,
	// write or admin. What is between two of them counts as the lower one.
	Permission(ctx context.Context, login string) (string, error)
	// Member reports whether a person is in a team, "org/team".
	Member(ctx context.Context, team, login string) (bool, error)
	// Comment writes a comment on a pull or an issue.
	Comment(ctx context.Context, number int, body string) error
}

// Unlabeler is a forge whose labels can be taken away again.
type Unlabeler interface {
	// Unlabel removes a label. One that is not there is no error.
	Unlabel(ctx context.Context, number int, label string) error
}

// Uncommenter is a forge on which what we said can be taken back. It needs no
// right that commenting does not need: everybody may delete their own words.
type Uncommenter interface {
	// Uncomment deletes a comment of ours. One that is gone is no error.
	Uncomment(ctx context.Context, id int64) error
}

// Comment is what somebody wrote under a pull or an issue.
type Comment struct {
	ID     int64
	Number int // of the pull or issue
	Author string
	Body   string
	URL    string
	At     time.Time
	Edited time.Time // when it was last changed; At if never
}

// Review is a person's word on a pull.
type Review struct {
	Author string
	State  string // approved, changes_requested or dismissed
	Commit string // the head that was reviewed
	At     time.Time
}

// Labeling is a label and who put it there.
type Labeling struct {
	Label string
	By    string
	At    time.Time
}

// Desk is a forge on which issues can be kept.
type Desk interface {
	// Issues returns the issues that carry a label, pulls excluded, the newest
	// first: all open ones, and at most 300 closed ones.
	Issues(ctx context.Context, label string) ([]Issue, error)
	// OpenIssue opens an issue; its labels are created where they do not
	// exist.
	OpenIssue(ctx context.Context, i NewIssue) (Issue, error)
	// EditIssue rewrites the text of an issue.
	EditIssue(ctx context.Context, number int, title, body string) error
	// CloseIssue closes an issue, with a comment. Closing a closed one does
	// nothing.
	CloseIssue(ctx context.Context, number int, comment string) error
}

// Issue is an issue as a forge has it.
type Issue struct {
	Number   int
	URL      string
	Title    string
	Body     string
	Author   string
	Labels   []string
	Open     bool
	At       time.Time
	ClosedAt time.Time
	ClosedBy string // login; empty where the forge does not say
}

// NewIssue is an issue to open.
type NewIssue struct {
	Title     string
	Body      string
	Labels    []string
	Assignees []string
}

// Queuer is a forge that merges through a queue.
type Queuer interface {
	// Enqueue puts a pull into its base branch's merge queue if its head is at
	// head (else ErrStale). One that is in it already stays where it is.
	Enqueue(ctx context.Context, number int, head string) error
}
