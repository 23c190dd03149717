package gitops

import (
	"context"
	"errors"
	"slices"

	"promoter/promoter"
)

// Undressed reports whether a pull may be one whose Open was cut off: it has
// none of the labels that ours are opened with.
func (e *Executor) Undressed(p *promoter.Pull) bool {
	if p.State != promoter.PullOpen || !p.Ours || len(e.Labels) == 0 {
		return false
	}
	return !slices.ContainsFunc(p.Labels, func(l string) bool { return slices.Contains(e.Labels, l) })
}

// Dress finishes what an Open that was cut off has left out, and reports
// whether there was anything. Nothing is decided anew: it is the rest of an
// action.
func (e *Executor) Dress(ctx context.Context, p *promoter.Pull) (bool, error) {
	d, ok := e.Forge.(Dresser)
	if !ok {
		return false, nil
	}
	did, err := d.Dress(ctx, p.Number, NewPull{Labels: e.Labels, Reviewers: e.Reviewers, Assignees: e.Assignees})
	if errors.Is(err, ErrDenied) {
		return false, nil // Open has said so, and the pull is open without
	}
	return did, err
}
