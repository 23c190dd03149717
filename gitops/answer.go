package gitops

import (
	"context"
	"time"

	"promoter/promoter"
)

// Engine is a delivery engine: what brings the repository to clusters.
type Engine interface {
	// Deliver answers a question of promoter.AboutDelivery or AboutReadiness:
	// one Convergence for each application that the question's places name, or
	// that the engine knows to read what the moves change, and before a merge
	// what stands against it. Places that are another engine's are left out.
	// What cannot be learnt is Blind, with why; Deliver has no error.
	Deliver(ctx context.Context, q promoter.Question, h History, now time.Time) promoter.Delivery
	// End ends the operation that keeps a commit out, if it is the one that
	// was seen; otherwise ErrStale.
	End(ctx context.Context, a promoter.EndOperation) error
	// Watch calls hint whenever an answer may have changed, until the context
	// is done.
	Watch(ctx context.Context, hint func())
}

// History is what the repository's history says of commits.
type History interface {
	// Head is the base branch's commit that the observation is of.
	Head() string
	// Holds reports whether a commit is another one, or an ancestor of it.
	// ErrNotFound: one of the two is not in the repository.
	Holds(ctx context.Context, commit, in string) (bool, error)
	// Same reports whether everything under the paths is the same in two
	// commits.
	Same(ctx context.Context, a, b string, paths ...string) (bool, error)
	// Changed lists the paths that a commit changes against its first parent.
	Changed(ctx context.Context, commit string) ([]string, error)
	// Remote is the repository's address, and Branch the deployed branch.
	Remote() string
	Branch() string
}

// Meter asks the gates.
type Meter interface {
	// Judge answers the question's probes, one GateVerdict each. Before a
	// merge it says whether the gates can see, and are good now. What cannot
	// be learnt is Unknown, with why; Judge has no error.
	Judge(ctx context.Context, q promoter.Question, now time.Time) []promoter.GateVerdict
}
