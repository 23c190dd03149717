package github

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"promoter/gitops"
)

var (
	_ gitops.Talker      = (*Forge)(nil)
	_ gitops.Uncommenter = (*Forge)(nil)
)

// Comments implements gitops.Talker. What is asked for begins at a full hour,
// so that the question stays the same, and can be answered by "not modified",
// while callers let since creep on.
func (f *Forge) Comments(ctx context.Context, since time.Time) ([]gitops.Comment, error) {
	o := github.IssueListCommentsOptions{Sort: github.String("created"), Direction: github.String("asc")}
	if !since.IsZero() {
		since = since.UTC().Truncate(time.Second) // as GitHub has its times
		from := since.Truncate(time.Hour)
		o.Since = &from
	}
	list, err := steady(f.page, func() ([]*github.IssueComment, error) {
		return pages(f.page, func(at github.ListOptions) ([]*github.IssueComment, *github.Response, error) {
			o := o
			o.ListOptions = at
			return f.client.Issues.ListComments(ctx, f.owner, f.repo, 0, &o)
		})
	}, func(a, b *github.IssueComment) bool {
		return a.GetID() == b.GetID() && a.GetUpdatedAt() == b.GetUpdatedAt()
	})
	if err != nil {
		return nil, f.explain("list comments", err)
	}
	var all []gitops.Comment
	for _, c := range list {
		number, err := strconv.Atoi(path.Base(c.GetIssueURL()))
		if err != nil {
			return nil, fmt.Errorf("list comments in %s/%s: of comment %d it is not said where it stands: %q", f.owner, f.repo, c.GetID(), c.GetIssueURL())
		}
		if edited := c.GetUpdatedAt().Time; !edited.Before(since) {
			said := remark(c)
			said.Number = number
			all = append(all, said)
		}
	}
	return all, nil
}

// Reviews implements gitops.Talker.
func (f *Forge) Reviews(ctx context.Context, number int) ([]gitops.Review, error) {
	list, err := pages(100, func(o github.ListOptions) ([]*github.PullRequestReview, *github.Response, error) {
		return f.client.PullRequests.ListReviews(ctx, f.owner, f.repo, number, &o)
	})
	if err != nil {
		return nil, f.explain(fmt.Sprintf("list reviews of #%d", number), err)
	}
	var all []gitops.Review
	for _, v := range list { // the oldest first
		state := strings.ToLower(v.GetState())
		author := v.GetUser().GetLogin()
		if author == "" || !slices.Contains([]string{"approved", "changes_requested", "dismissed"}, state) {
			continue // of somebody who is gone, a mere comment, or not yet sent
		}
		all = slices.DeleteFunc(all, func(r gitops.Review) bool { return r.Author == author })
		all = append(all, gitops.Review{Author: author, State: state, Commit: v.GetCommitID(), At: v.GetSubmittedAt().Time})
	}
	return all, nil
}

// Labelings implements gitops.Talker. Labels are read before who put them
// there: what changes in between is missing, never taken for another's.
func (f *Forge) Labelings(ctx context.Context, number int) ([]gitops.Labeling, error) {
	what := fmt.Sprintf("read who labelled #%d", number)
	i, _, err := f.client.Issues.Get(ctx, f.owner, f.repo, number)
	if err != nil {
		return nil, f.explain(what, err)
	}
	if len(i.Labels) == 0 {
		return nil, nil
	}
	events, err := pages(100, func(o github.ListOptions) ([]*github.IssueEvent, *github.Response, error) {
		return f.client.Issues.ListIssueEvents(ctx, f.owner, f.repo, number, &o)
	})
	if err != nil {
		return nil, f.explain(what, err)
	}
	last := map[string]*github.IssueEvent{}
	for _, e := range events { // the oldest first
		if kind := e.GetEvent(); kind == "labeled" || kind == "unlabeled" {
			last[strings.ToLower(e.GetLabel().GetName())] = e
		}
	}
	var all []gitops.Labeling
	for _, l := range i.Labels {
		e := last[strings.ToLower(l.GetName())]
		if e != nil && e.GetEvent() == "unlabeled" {
			continue // taken off since
		}
		// Without an event, as after a label was renamed, nobody is named.
		all = append(all, gitops.Labeling{Label: l.GetName(), By: e.GetActor().GetLogin(), At: e.GetCreatedAt().Time})
	}
	return all, nil
}

// nameForm is how logins, organizations and teams' slugs are written. What is
// not names nobody, and is not made a part of an address.
var nameForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*(\[bot\])?$`)

// Permission implements gitops.Talker.
func (f *Forge) Permission(ctx context.Context, login string) (string, error) {
	if !nameForm.MatchString(login) {
		return "none", nil
	}
	level, _, err := f.client.Repositories.GetPermissionLevel(ctx, f.owner, f.repo, url.PathEscape(login))
	err = f.explain("read the permission of "+login, err)
	if errors.Is(err, gitops.ErrNotFound) {
		return "none", nil // "… is not a user"
	}
	if err != nil {
		return "", err
	}
	// The roles between have one of these here: maintain is write, triage is
	// read, and an organization's own roles are what they are based on.
	switch level.GetPermission() {
	case "none", "read", "write", "admin":
		return level.GetPermission(), nil
	case "maintain", "push":
		return "write", nil
	case "triage", "pull":
		return "read", nil
	}
	return "", fmt.Errorf("read the permission of %s in %s/%s: it is %q, of which nothing is known", login, f.owner, f.repo, level.GetPermission())
}

// Member implements gitops.Talker. A team that is not there, or is not shown to
// us, is an error: nobody must take it for one without members.
func (f *Forge) Member(ctx context.Context, team, login string) (bool, error) {
	org, slug, ok := strings.Cut(team, "/")
	if !ok || !nameForm.MatchString(org) || !nameForm.MatchString(slug) {
		return false, fmt.Errorf("read the members of team %q: want organization/team", team)
	}
	if !nameForm.MatchString(login) {
		return false, nil
	}
	m, _, err := f.client.Teams.GetTeamMembershipBySlug(ctx, org, slug, url.PathEscape(login))
	err = f.explain("read whether "+login+" is in team "+team, err)
	switch {
	case err == nil:
		return m.GetState() == "active", nil // and not "pending"
	case !errors.Is(err, gitops.ErrNotFound):
		return false, err
	}
	if _, _, err := f.client.Teams.GetTeamBySlug(ctx, org, slug); err != nil {
		return false, f.explain("read team "+team, err)
	}
	return false, nil
}

// Comment implements gitops.Talker.
func (f *Forge) Comment(ctx context.Context, number int, body string) error {
	_, err := f.comment(ctx, number, body)
	return err
}

func (f *Forge) comment(ctx context.Context, number int, body string) (gitops.Comment, error) {
	c, _, err := f.client.Issues.CreateComment(ctx, f.owner, f.repo, number, &github.IssueComment{Body: &body})
	if err != nil {
		return gitops.Comment{}, f.explain(fmt.Sprintf("comment on #%d", number), err)
	}
	return remark(c), nil
}

// remark is a comment without where it stands.
func remark(c *github.IssueComment) gitops.Comment {
	return gitops.Comment{
		ID: c.GetID(), Author: c.GetUser().GetLogin(), Body: c.GetBody(), URL: c.GetHTMLURL(), At: c.GetCreatedAt().Time, Edited: c.GetUpdatedAt().Time,
	}
}

// Uncomment implements gitops.Uncommenter. It asks for the permission that
// commenting asks for: to write to issues, or to pull requests.
func (f *Forge) Uncomment(ctx context.Context, id int64) error {
	resp, err := f.client.Issues.DeleteComment(ctx, f.owner, f.repo, id)
	if resp != nil && resp.StatusCode == http.StatusNotFound {
		return nil
	}
	return f.explain(fmt.Sprintf("delete comment %d", id), err)
}

// pages reads a list page by page to its end.
func pages[T any](size int, read func(github.ListOptions) ([]T, *github.Response, error)) (all []T, err error) {
	for o := (github.ListOptions{PerPage: size}); ; {
		page, resp, err := read(o)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if resp.NextPage == 0 {
			return all, nil
		}
		o.Page = resp.NextPage
	}
}

// steady reads a list that may change while it is read: what leaves it lets
// the others move up, past us. One of several pages is read until it reads the
// same twice.
func steady[T any](size int, read func() ([]T, error), same func(a, b T) bool) ([]T, error) {
	var before []T
	for attempt := range 4 {
		now, err := read()
		if err != nil {
			return nil, err
		}
		if len(now) <= cmp.Or(size, 1) || attempt > 0 && slices.EqualFunc(before, now, same) {
			return now, nil
		}
		before = now
	}
	return nil, errors.New("the list changes while it is read")
}
