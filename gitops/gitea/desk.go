package gitea

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"promoter/gitops"
)

var _ gitops.Desk = (*Forge)(nil)

// issue is an issue, or a pull as one, as the server has it.
type issue struct {
	Number  int        `json:"number"`
	URL     string     `json:"html_url"`
	Title   string     `json:"title"`
	Body    string     `json:"body"`
	State   string     `json:"state"`
	User    *user      `json:"user"`
	Labels  []label    `json:"labels"`
	Created time.Time  `json:"created_at"`
	Closed  *time.Time `json:"closed_at"`
	Pull    *struct{}  `json:"pull_request"`
}

// ours leaves out who closed it: the server does not say.
func (i *issue) ours() gitops.Issue {
	out := gitops.Issue{Number: i.Number, URL: i.URL, Title: i.Title, Body: i.Body, Author: i.User.name(), Open: i.State == "open", At: i.Created}
	if i.Closed != nil && !out.Open {
		out.ClosedAt = *i.Closed
	}
	for _, l := range i.Labels {
		out.Labels = append(out.Labels, l.Name)
	}
	return out
}

func (f *Forge) issue(ctx context.Context, number int) (issue, error) {
	var i issue
	_, err := f.api.call(ctx, http.MethodGet, fmt.Sprintf("%s/issues/%d", f.repo, number), nil, &i)
	return i, err
}

// closedIssues is how many closed issues are told of.
const closedIssues = 300

// Issues implements gitops.Desk.
func (f *Forge) Issues(ctx context.Context, name string) ([]gitops.Issue, error) {
	if name == "" || strings.Contains(name, ",") {
		return nil, fmt.Errorf("list issues with label %q: the server finds none with such a name", name)
	}
	// It takes no notice of a label that does not exist, and would answer with
	// all issues: they are sifted again.
	q := url.Values{"type": {"issues"}, "labels": {name}, "state": {"open"}}
	list, err := all(ctx, f, f.repo+"/issues", q, func(a, b issue) bool { return a.Number == b.Number })
	if err != nil {
		return nil, fmt.Errorf("list issues with label %q: %w", name, err)
	}
	q.Set("state", "closed")
	q.Set("limit", strconv.Itoa(f.page))
	for page, closed := 1, 0; closed < closedIssues; page++ {
		q.Set("page", strconv.Itoa(page))
		var got []issue
		header, err := f.api.call(ctx, http.MethodGet, f.repo+"/issues?"+q.Encode(), nil, &got)
		if err != nil {
			return nil, fmt.Errorf("list issues with label %q: %w", name, err)
		}
		list, closed = append(list, got...), closed+len(got)
		if total, err := strconv.Atoi(header.Get("X-Total-Count")); len(got) == 0 || err == nil && closed >= total {
			break
		}
	}
	var out []gitops.Issue
	seen := map[int]bool{}
	for _, i := range list {
		carries := slices.ContainsFunc(i.Labels, func(l label) bool { return l.Name == name })
		if carries && i.Pull == nil && !seen[i.Number] {
			seen[i.Number] = true
			out = append(out, i.ours())
		}
	}
	slices.SortStableFunc(out, func(a, b gitops.Issue) int { return b.Number - a.Number })
	return out, nil
}

// OpenIssue implements gitops.Desk. When the issue is open and the rest of it
// fails, both are returned.
func (f *Forge) OpenIssue(ctx context.Context, n gitops.NewIssue) (gitops.Issue, error) {
	what := fmt.Sprintf("open issue %q", n.Title)
	in := map[string]any{"title": n.Title, "body": n.Body}
	if len(n.Labels) > 0 {
		ids, err := f.labelIDs(ctx, n.Labels)
		if err != nil {
			return gitops.Issue{}, fmt.Errorf("%s: %w", what, err)
		}
		in["labels"] = ids
	}
	if len(n.Assignees) > 0 {
		in["assignees"] = n.Assignees
	}
	var i issue
	var unassigned error
	_, err := f.api.call(ctx, http.MethodPost, f.repo+"/issues", in, &i)
	if status(err) == http.StatusUnprocessableEntity && len(n.Assignees) > 0 {
		// Who has left must not keep an issue from being opened.
		unassigned = fmt.Errorf("assign it to %s: %w", strings.Join(n.Assignees, ", "), err)
		delete(in, "assignees")
		_, err = f.api.call(ctx, http.MethodPost, f.repo+"/issues", in, &i)
	}
	if err != nil {
		return gitops.Issue{}, fmt.Errorf("%s: %w", what, err)
	}
	out := i.ours()
	errs := []error{unassigned}
	// The server drops labels without a word where we may not write: without
	// them the issue would not be found again.
	if missing := slices.DeleteFunc(slices.Clone(n.Labels), func(l string) bool { return slices.Contains(out.Labels, l) }); len(missing) > 0 {
		f.forget(missing) // somebody may have made them anew
		err := f.Label(ctx, i.Number, missing...)
		errs = append(errs, err)
		if err == nil {
			out.Labels = append(out.Labels, missing...)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return out, fmt.Errorf("issue #%d is open, but not all of it: %w", i.Number, err)
	}
	return out, nil
}

// forget makes labels be looked up again.
func (f *Forge) forget(labels []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range labels {
		delete(f.labels, l)
	}
}

// EditIssue implements gitops.Desk.
func (f *Forge) EditIssue(ctx context.Context, number int, title, body string) error {
	if _, err := f.api.call(ctx, http.MethodPatch, fmt.Sprintf("%s/issues/%d", f.repo, number), map[string]any{"title": title, "body": body}, nil); err != nil {
		return fmt.Errorf("rewrite issue #%d: %w", number, err)
	}
	return nil
}

// CloseIssue implements gitops.Desk. It says why before it closes, and only what
// it has not said: who is stopped between the two is followed by one who closes.
func (f *Forge) CloseIssue(ctx context.Context, number int, comment string) error {
	what := fmt.Sprintf("close issue #%d", number)
	i, err := f.issue(ctx, number)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", what, err)
	case i.Pull != nil:
		return fmt.Errorf("%s: it is a pull request: %w", what, gitops.ErrNotFound)
	case i.State != "open":
		return nil
	}
	if err := f.lastWord(ctx, number, comment); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if _, err := f.api.call(ctx, http.MethodPatch, fmt.Sprintf("%s/issues/%d", f.repo, number), map[string]any{"state": "closed"}, nil); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
