package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-github/v60/github"

	"promoter/gitops"
)

var _ gitops.Desk = (*Forge)(nil)

// closedIssues is how many closed issues are told of.
const closedIssues = 300

// Issues implements gitops.Desk.
func (f *Forge) Issues(ctx context.Context, label string) ([]gitops.Issue, error) {
	if label == "" || strings.Contains(label, ",") {
		return nil, fmt.Errorf("list issues with label %q: GitHub finds none with such a name", label)
	}
	what := fmt.Sprintf("list issues with label %q", label)
	list, whole, err := f.issues(ctx, label, "all")
	if err == nil && !whole {
		// There are more than we read: those that are open must all be among
		// them, however old.
		var open []*github.Issue
		open, _, err = f.issues(ctx, label, "open")
		list = append(list, open...)
	}
	if err != nil {
		return nil, f.explain(what, err)
	}
	// Of what was opened at the same moment GitHub promises no order.
	slices.SortStableFunc(list, func(a, b *github.Issue) int { return b.GetNumber() - a.GetNumber() })
	var all []gitops.Issue
	seen, closed := map[int]bool{}, 0
	for _, i := range list {
		out := issue(i)
		switch {
		case i.IsPullRequest() || seen[out.Number] || !carries(out.Labels, label):
			continue
		case !out.Open && closed == closedIssues:
			continue
		case !out.Open:
			closed++
		}
		seen[out.Number] = true
		all = append(all, out)
	}
	return all, nil
}

// issues reads issues, and pulls among them, the newest first. It is whole
// when all were read.
func (f *Forge) issues(ctx context.Context, label, state string) (list []*github.Issue, whole bool, err error) {
	list, err = steady(f.page, func() ([]*github.Issue, error) {
		most := 0
		if state != "open" {
			most = 2 * closedIssues
		}
		var all []*github.Issue
		o := &github.IssueListByRepoOptions{
			Labels: []string{label}, State: state, Sort: "created", Direction: "desc", ListOptions: github.ListOptions{PerPage: f.page},
		}
		for whole = false; ; {
			page, resp, err := f.client.Issues.ListByRepo(ctx, f.owner, f.repo, o)
			if err != nil {
				return nil, err
			}
			all = append(all, page...)
			if resp.NextPage == 0 {
				whole = true
				return all, nil
			}
			if most > 0 && len(all) >= most {
				return all, nil
			}
			o.Page = resp.NextPage
		}
	}, func(a, b *github.Issue) bool { return a.GetNumber() == b.GetNumber() })
	return list, whole, err
}

func issue(i *github.Issue) gitops.Issue {
	out := gitops.Issue{
		Number: i.GetNumber(), URL: i.GetHTMLURL(), Title: i.GetTitle(), Body: i.GetBody(), Author: i.GetUser().GetLogin(),
		Open: i.GetState() == "open", At: i.GetCreatedAt().Time, ClosedAt: i.GetClosedAt().Time,
	}
	if !out.Open {
		out.ClosedBy = i.GetClosedBy().GetLogin()
	}
	for _, l := range i.Labels {
		out.Labels = append(out.Labels, l.GetName())
	}
	return out
}

// carries reports whether a label is among others. GitHub takes no notice of
// their case.
func carries(labels []string, label string) bool {
	return slices.ContainsFunc(labels, func(l string) bool { return strings.EqualFold(l, label) })
}

// OpenIssue implements gitops.Desk. When the issue is open and the rest of it
// fails, both are returned.
func (f *Forge) OpenIssue(ctx context.Context, n gitops.NewIssue) (gitops.Issue, error) {
	what := fmt.Sprintf("open issue %q", n.Title)
	in := &github.IssueRequest{Title: &n.Title, Body: &n.Body}
	if len(n.Labels) > 0 {
		in.Labels = &n.Labels
	}
	if len(n.Assignees) > 0 {
		in.Assignees = &n.Assignees
	}
	var errs []error
	i, resp, err := f.client.Issues.Create(ctx, f.owner, f.repo, in)
	if err != nil && in.Assignees != nil && resp != nil && resp.StatusCode == http.StatusUnprocessableEntity {
		// Who has left must not keep an issue from being opened.
		errs = append(errs, f.explain("assign it to "+strings.Join(n.Assignees, ", "), err))
		in.Assignees = nil
		i, _, err = f.client.Issues.Create(ctx, f.owner, f.repo, in)
	}
	if err != nil {
		return gitops.Issue{}, f.explain(what, err)
	}
	out := issue(i)
	// GitHub drops labels without a word where we may not write: without them
	// the issue would not be found again.
	if missing := slices.DeleteFunc(slices.Clone(n.Labels), func(l string) bool { return carries(out.Labels, l) }); len(missing) > 0 {
		err := f.label(ctx, out.Number, missing)
		errs = append(errs, err)
		if err == nil {
			out.Labels = append(out.Labels, missing...)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return out, fmt.Errorf("issue #%d is open, but not all of it: %w", out.Number, err)
	}
	return out, nil
}

// EditIssue implements gitops.Desk.
func (f *Forge) EditIssue(ctx context.Context, number int, title, body string) error {
	_, _, err := f.client.Issues.Edit(ctx, f.owner, f.repo, number, &github.IssueRequest{Title: &title, Body: &body})
	return f.explain(fmt.Sprintf("rewrite issue #%d", number), err)
}

// CloseIssue implements gitops.Desk. It says why before it closes, and only what
// it has not said: who is stopped between the two is followed by one who closes.
func (f *Forge) CloseIssue(ctx context.Context, number int, comment string) error {
	what := fmt.Sprintf("close issue #%d", number)
	i, _, err := f.client.Issues.Get(ctx, f.owner, f.repo, number)
	switch {
	case err != nil:
		return f.explain(what, err)
	case i.IsPullRequest():
		return fmt.Errorf("%s in %s/%s: it is a pull request: %w", what, f.owner, f.repo, gitops.ErrNotFound)
	case i.GetState() != "open":
		return nil
	}
	if err := f.lastWord(ctx, number, comment); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	_, _, err = f.client.Issues.Edit(ctx, f.owner, f.repo, number, &github.IssueRequest{State: github.String("closed")})
	return f.explain(what, err)
}
