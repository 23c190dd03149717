// Package gitops is the edge between the core and the world: it observes
// (repository, forge, clusters, metrics) into a promoter.Observation, and
// executes a promoter.Action, guarded.
//
// It refuses to decide: what it reads is handed on whole, what it cannot read
// is said to be unknown, and an effect whose guard fails is not retried but
// looked at again. Each forge, engine and metrics provider has a directory of
// its own; no SDK's type leaves it.
package gitops

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Forge is what we ask of a host of pull requests. Every implementation passes
// forgetest.Run.
type Forge interface {
	// Pulls returns the pulls whose head branch is in this repository and
	// begins with prefix and whose base is the given branch: all open ones,
	// and those closed or merged, the newest first, as far back as the forge
	// keeps them or a limit of 1,000. A list that is not whole is an error.
	Pulls(ctx context.Context, base, prefix string) ([]Pull, error)
	// Open opens a pull and returns it. A pull that is open for the branch
	// already is returned as it is. The branch must be at p.Head: ErrStale.
	Open(ctx context.Context, p NewPull) (Pull, error)
	// Update rewrites the title, the body and the draft state of a pull that
	// is open, at head; otherwise ErrStale.
	Update(ctx context.Context, number int, head string, text Text) error
	// Close closes a pull that is at head (else ErrStale) without merging.
	// Closing one that is not open does nothing.
	Close(ctx context.Context, number int, head string, how Closing) error
	// Merge merges the pull if its head is at head (else ErrStale) and
	// returns the commit on the base branch that holds it. A pull that is
	// merged already returns its commit. ErrConflict and ErrDenied say that
	// the forge refuses.
	Merge(ctx context.Context, number int, head string, how Merge) (string, error)
	// SetStatus puts a status on a commit, replacing the one of its context.
	SetStatus(ctx context.Context, commit string, s Status) error
	// Statuses returns all statuses that were ever set on a commit, the oldest
	// first: what has replaced another does not hide it.
	Statuses(ctx context.Context, commit string) ([]Status, error)
}

// Pull is a pull request as a forge has it.
type Pull struct {
	Number    int
	URL       string
	Branch    string // head branch
	Head      string // its commit
	Base      string // base branch
	State     string // open, merged or closed
	Draft     bool
	Title     string
	Body      string
	Author    string // login
	Labels    []string
	Merge     string // the commit on the base branch, when merged
	MergedAt  time.Time
	ClosedBy  string // login; empty where the forge does not say
	UpdatedAt time.Time
	CreatedAt time.Time // when it was opened; zero where the forge does not say
}

// Closing is what is done to a pull before it is closed, in this order: whoever
// is cut off must not leave what looks like a person's refusal.
type Closing struct {
	Label   string // empty: none
	Comment string // said once; empty: none
}

// Text is what a pull says.
type Text struct {
	Title string
	Body  string
	Draft bool
}

// NewPull is a pull to open.
type NewPull struct {
	Text
	Branch    string
	Head      string
	Base      string
	Labels    []string // created where they do not exist
	Reviewers []string // logins, or org/team
	Assignees []string // logins
}

// Merge says how to merge.
type Merge struct {
	Method  string // merge, squash or rebase
	Title   string // of the commit, where the method makes one
	Message string
}

// Status is a commit status.
type Status struct {
	Context     string // "promoter/health"
	State       string // success, failure, pending or error
	Description string // at most 140 characters on GitHub
	URL         string
	At          time.Time
}

// Outcomes that callers act on. Everything else is an error to be shown.
var (
	// ErrStale says that what an effect was decided on is no longer so: look
	// again.
	ErrStale = errors.New("the world has moved: look again")
	// ErrConflict says that the forge cannot merge the branch into the base.
	ErrConflict = errors.New("it conflicts with its base")
	// ErrDenied says that the forge does not let us: a permission, a
	// protected branch, a merge method that is not allowed.
	ErrDenied = errors.New("the forge does not allow it")
	// ErrNotFound says that the forge knows no such repository, pull or
	// commit, or does not show it to us.
	ErrNotFound = errors.New("not found")
)

// NotAt says of a pull that it is not open at the commit that an effect was
// decided on: ErrStale.
func NotAt(number int, head string) error {
	return fmt.Errorf("%w: #%d is not open at %s", ErrStale, number, short(head))
}

// RateLimited says that the forge asks for patience.
type RateLimited struct {
	Until time.Time
	Why   string // "primary limit", "secondary limit"
}

func (e *RateLimited) Error() string {
	return fmt.Sprintf("rate limited (%s) until %s", e.Why, e.Until.UTC().Format(time.RFC3339))
}
