package github

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-github/v60/github"

	"promoter/gitops"
)

var _ gitops.Dresser = (*Forge)(nil)

// dress puts reviewers, labels and assignees on a new pull. The labels come
// last: a pull that has them has all of it.
func (f *Forge) dress(ctx context.Context, p *gitops.Pull, n gitops.NewPull) error {
	var errs []error
	var ask github.ReviewersRequest
	for _, r := range n.Reviewers {
		if _, team, ok := strings.Cut(r, "/"); ok {
			ask.TeamReviewers = append(ask.TeamReviewers, team)
		} else if r != p.Author { // GitHub refuses all when one of them is the author
			ask.Reviewers = append(ask.Reviewers, r)
		}
	}
	if len(ask.Reviewers)+len(ask.TeamReviewers) > 0 {
		_, _, err := f.client.PullRequests.RequestReviewers(ctx, f.owner, f.repo, p.Number, ask)
		errs = append(errs, f.explain("ask for reviews", err))
	}
	switch {
	case len(n.Assignees) > 0:
		// One call for both. It replaces: nobody else had the time to put a
		// label on.
		labels := append(slices.Clone(p.Labels), n.Labels...)
		_, _, err := f.client.Issues.Edit(ctx, f.owner, f.repo, p.Number, &github.IssueRequest{Labels: &labels, Assignees: &n.Assignees})
		errs = append(errs, f.explain("label and assign", err))
		p.Labels = labels
	case len(n.Labels) > 0:
		errs = append(errs, f.label(ctx, p.Number, n.Labels))
		p.Labels = append(p.Labels, n.Labels...)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("#%d is open, but not all of it: %w", p.Number, err)
	}
	return nil
}

// Dress implements gitops.Dresser. Who took a label off again wants it off: a
// pull that ever had one of them was dressed.
func (f *Forge) Dress(ctx context.Context, number int, n gitops.NewPull) (bool, error) {
	what := fmt.Sprintf("finish the opening of #%d", number)
	events, err := pages(100, func(o github.ListOptions) ([]*github.IssueEvent, *github.Response, error) {
		return f.client.Issues.ListIssueEvents(ctx, f.owner, f.repo, number, &o)
	})
	if err != nil {
		return false, f.explain(what, err)
	}
	for _, e := range events {
		if slices.Contains(n.Labels, e.GetLabel().GetName()) && strings.HasSuffix(e.GetEvent(), "labeled") {
			return false, nil
		}
	}
	raw, err := f.get(ctx, number)
	if err != nil || raw.GetState() != "open" {
		return false, err
	}
	p := pull(raw)
	if err := f.dress(ctx, &p, n); err != nil {
		return false, fmt.Errorf("%s: %w", what, err)
	}
	return true, nil
}
