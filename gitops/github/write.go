package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"promoter/gitops"
)

// Open implements gitops.Forge. It makes at most three calls that create
// content: the pull, its reviewers, its labels and assignees. They are counted
// before the first is made: our own pace never leaves a pull half dressed.
// When the pull is open and the rest of it fails, both are returned.
func (f *Forge) Open(ctx context.Context, n gitops.NewPull) (gitops.Pull, error) {
	what := "open a pull request for " + n.Branch
	if err := f.at(ctx, n.Branch, n.Head); err != nil {
		return gitops.Pull{}, fmt.Errorf("%s: %w", what, err)
	}
	if err := f.limits.room(1 + count(len(n.Labels)+len(n.Assignees) > 0) + count(len(n.Reviewers) > 0)); err != nil {
		return gitops.Pull{}, fmt.Errorf("%s: %w", what, err)
	}
	p, resp, err := f.client.PullRequests.Create(ctx, f.owner, f.repo, &github.NewPullRequest{
		Title: &n.Title, Body: &n.Body, Head: &n.Branch, Base: &n.Base, Draft: &n.Draft,
	})
	if err != nil {
		if resp != nil && resp.StatusCode == http.StatusUnprocessableEntity {
			if p, ok := f.existing(ctx, n); ok {
				return p, nil
			}
			if strings.Contains(said(err), "Draft pull requests are not supported") {
				return gitops.Pull{}, fmt.Errorf("%s: %w: %s", what, gitops.ErrDenied, said(err))
			}
		}
		return gitops.Pull{}, f.explain(what, err)
	}
	if p.GetHead().GetSHA() != n.Head {
		return pull(p), fmt.Errorf("%s: #%d is at %s: %w", what, p.GetNumber(), p.GetHead().GetSHA(), gitops.ErrStale)
	}
	out := pull(p)
	err = f.dress(ctx, &out, n)
	return out, err
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// at checks that a branch is where it is thought to be.
func (f *Forge) at(ctx context.Context, branch, commit string) error {
	ref, _, err := f.client.Git.GetRef(ctx, f.owner, f.repo, "heads/"+branch)
	if err != nil {
		err = f.explain("read branch "+branch, err)
		if errors.Is(err, gitops.ErrNotFound) {
			return fmt.Errorf("branch %s is gone: %w", branch, gitops.ErrStale)
		}
		return err
	}
	if at := ref.GetObject().GetSHA(); at != commit {
		return fmt.Errorf("branch %s is at %s: %w", branch, at, gitops.ErrStale)
	}
	return nil
}

// existing finds the open pull of a branch. GitHub ignores a head without its
// owner and would answer with any pull.
func (f *Forge) existing(ctx context.Context, n gitops.NewPull) (gitops.Pull, bool) {
	list, _, err := f.client.PullRequests.List(ctx, f.owner, f.repo, &github.PullRequestListOptions{State: "open", Base: n.Base, Head: f.owner + ":" + n.Branch})
	if err != nil || len(list) != 1 || list[0].GetHead().GetRef() != n.Branch {
		return gitops.Pull{}, false
	}
	return pull(list[0]), true
}

// Label implements gitops.Labeler.
func (f *Forge) Label(ctx context.Context, number int, labels ...string) error {
	return f.label(ctx, number, labels)
}

// Unlabel implements gitops.Unlabeler.
func (f *Forge) Unlabel(ctx context.Context, number int, label string) error {
	resp, err := f.client.Issues.RemoveLabelForIssue(ctx, f.owner, f.repo, number, label)
	if resp != nil && resp.StatusCode == http.StatusNotFound {
		return nil // it is not there, or the pull is not: both are the next look's business
	}
	return f.explain("remove label", err)
}

// Clock implements gitops.Clocked.
func (f *Forge) Clock() (time.Time, bool) {
	f.limits.mu.Lock()
	defer f.limits.mu.Unlock()
	ahead := f.limits.ahead
	if ahead.Abs() <= skewless {
		ahead = 0
	}
	return f.now().Add(ahead), f.limits.heard
}

// skewless is what two clocks may differ without being told: answers have
// whole seconds, and take some time to come.
const skewless = 3 * time.Second

// CallsLeft implements gitops.Rationed.
func (f *Forge) CallsLeft() (int, time.Time, bool) {
	f.limits.mu.Lock()
	defer f.limits.mu.Unlock()
	return f.limits.left, f.limits.renewed, !f.limits.renewed.IsZero()
}

// label adds labels. go-github sends them as a bare list, which GitHub takes
// but describes no more.
func (f *Forge) label(ctx context.Context, number int, labels []string) error {
	path := fmt.Sprintf("repos/%s/%s/issues/%d/labels", f.owner, f.repo, number)
	req, err := f.client.NewRequest(http.MethodPost, path, map[string][]string{"labels": labels})
	if err != nil {
		return err
	}
	_, err = f.client.Do(ctx, req, nil)
	return f.explain("label", err)
}

// Update implements gitops.Forge.
func (f *Forge) Update(ctx context.Context, number int, head string, t gitops.Text) error {
	p, err := f.get(ctx, number)
	switch {
	case err != nil:
		return err
	case p.GetState() != "open" || p.GetHead().GetSHA() != head:
		return gitops.NotAt(number, head)
	}
	p, _, err = f.client.PullRequests.Edit(ctx, f.owner, f.repo, number, &github.PullRequest{Title: &t.Title, Body: &t.Body})
	if err != nil {
		return f.explain(fmt.Sprintf("rewrite #%d", number), err)
	}
	if p.GetDraft() == t.Draft || p.GetState() != "open" {
		return nil
	}
	mutation := "markPullRequestReadyForReview"
	if t.Draft {
		mutation = "convertPullRequestToDraft"
	}
	if err := f.mutate(ctx, mutation, map[string]any{"pullRequestId": p.GetNodeID()}); err != nil {
		return fmt.Errorf("change the draft state of #%d: %w", number, err)
	}
	return nil
}

// Close implements gitops.Forge. It says why before it closes, and only what it
// has not said: who is stopped between the two is followed by one who closes.
func (f *Forge) Close(ctx context.Context, number int, head string, how gitops.Closing) error {
	p, err := f.get(ctx, number)
	switch {
	case err != nil || p.GetState() != "open":
		return err
	case p.GetHead().GetSHA() != head:
		return gitops.NotAt(number, head)
	}
	if how.Label != "" {
		if err := f.Label(ctx, number, how.Label); err != nil {
			return err
		}
	}
	if err := f.lastWord(ctx, number, how.Comment); err != nil {
		return err
	}
	_, _, err = f.client.PullRequests.Edit(ctx, f.owner, f.repo, number, &github.PullRequest{State: github.String("closed")})
	return f.explain(fmt.Sprintf("close #%d", number), err)
}

// lastWord comments on an issue or a pull, unless its last comment says the
// same.
func (f *Forge) lastWord(ctx context.Context, number int, comment string) error {
	if comment == "" {
		return nil
	}
	return gitops.LastWord(gitops.Thread{
		Read: func() ([]gitops.Comment, error) {
			list, err := pages(f.page, func(o github.ListOptions) ([]*github.IssueComment, *github.Response, error) {
				return f.client.Issues.ListComments(ctx, f.owner, f.repo, number, &github.IssueListCommentsOptions{ListOptions: o})
			})
			if err != nil {
				return nil, f.explain(fmt.Sprintf("list comments on #%d", number), err)
			}
			var all []gitops.Comment
			for _, c := range list {
				all = append(all, remark(c))
			}
			return all, nil
		},
		Write:  func(body string) (gitops.Comment, error) { return f.comment(ctx, number, body) },
		Remove: func(id int64) error { return f.Uncomment(ctx, id) },
	}, comment)
}

// describable is the longest description of a status, in characters.
const describable = 140

// SetStatus implements gitops.Forge. A description that is too long is cut.
func (f *Forge) SetStatus(ctx context.Context, commit string, s gitops.Status) error {
	description := s.Description
	if r := []rune(description); len(r) > describable {
		description = string(r[:describable-1]) + "…"
	}
	in := &github.RepoStatus{State: &s.State, Context: &s.Context, Description: &description}
	if s.URL != "" {
		in.TargetURL = &s.URL
	}
	_, _, err := f.client.Repositories.CreateStatus(ctx, f.owner, f.repo, commit, in)
	return f.explain(fmt.Sprintf("set status %s on %s", s.Context, commit), err)
}

// Statuses implements gitops.Forge.
func (f *Forge) Statuses(ctx context.Context, commit string) ([]gitops.Status, error) {
	var all []gitops.Status
	for o := (&github.ListOptions{PerPage: 100}); ; {
		list, resp, err := f.client.Repositories.ListStatuses(ctx, f.owner, f.repo, commit, o)
		if err != nil {
			return nil, f.explain("read statuses of "+commit, err)
		}
		for _, s := range list {
			all = append(all, gitops.Status{
				Context: s.GetContext(), State: s.GetState(), Description: s.GetDescription(), URL: s.GetTargetURL(), At: s.GetUpdatedAt().Time,
			})
		}
		if resp.NextPage == 0 {
			slices.Reverse(all) // GitHub lists the newest first
			return all, nil
		}
		o.Page = resp.NextPage
	}
}
