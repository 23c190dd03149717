package gitea

import (
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

	"promoter/gitops"
)

var (
	_ gitops.Talker      = (*Forge)(nil)
	_ gitops.Uncommenter = (*Forge)(nil)
)

// all reads a list that may change while it is read: what leaves it lets the
// others move up, past us. One of several pages is read until it reads the
// same twice.
func all[T any](ctx context.Context, f *Forge, path string, q url.Values, same func(a, b T) bool) ([]T, error) {
	var before []T
	for attempt := range 4 {
		now, pages, err := once[T](ctx, f, path, q)
		if err != nil || pages == 1 || attempt > 0 && slices.EqualFunc(before, now, same) {
			return now, err
		}
		before = now
	}
	return nil, errors.New("the list changes while it is read")
}

// once reads a list page by page. The server may give fewer than it was asked
// for, and says how many there are.
func once[T any](ctx context.Context, f *Forge, path string, q url.Values) (all []T, pages int, err error) {
	q.Set("limit", strconv.Itoa(f.page))
	for page := 1; ; page++ {
		q.Set("page", strconv.Itoa(page))
		var got []T
		header, err := f.api.call(ctx, http.MethodGet, path+"?"+q.Encode(), nil, &got)
		if err != nil {
			return nil, page, err
		}
		all = append(all, got...)
		total, err := strconv.Atoi(header.Get("X-Total-Count"))
		switch {
		case err != nil:
			return nil, page, fmt.Errorf("the answer does not say how many there are: %q", header.Get("X-Total-Count"))
		case len(all) >= total:
			return all, page, nil
		case len(got) == 0:
			return nil, page, fmt.Errorf("got %d of %d", len(all), total)
		}
	}
}

// comment is a comment as the server has it.
type comment struct {
	ID      int64     `json:"id"`
	URL     string    `json:"html_url"`
	Issue   string    `json:"issue_url"`
	Pull    string    `json:"pull_request_url"`
	User    *user     `json:"user"`
	Body    string    `json:"body"`
	Created time.Time `json:"created_at"`
	Updated time.Time `json:"updated_at"`
}

// ours leaves out where it stands.
func (c *comment) ours() gitops.Comment {
	return gitops.Comment{ID: c.ID, Author: c.User.name(), Body: c.Body, URL: c.URL, At: c.Created, Edited: c.Updated}
}

// Comments implements gitops.Talker.
func (f *Forge) Comments(ctx context.Context, since time.Time) ([]gitops.Comment, error) {
	q := url.Values{}
	if !since.IsZero() {
		q.Set("since", since.UTC().Format(time.RFC3339))
	}
	list, err := all(ctx, f, f.repo+"/issues/comments", q, func(a, b comment) bool { return a.ID == b.ID && a.Updated.Equal(b.Updated) })
	if err != nil {
		return nil, fmt.Errorf("list comments: %w", err)
	}
	var out []gitops.Comment
	seen := map[int64]bool{}
	for _, c := range list { // the oldest first
		if seen[c.ID] {
			continue // another was changed while we read, and moved it on
		}
		seen[c.ID] = true
		number, err := strconv.Atoi(path.Base(c.Issue + c.Pull)) // one of them is empty
		if err != nil {
			return nil, fmt.Errorf("list comments: of comment %d it is not said where it stands: %q", c.ID, c.Issue+c.Pull)
		}
		said := c.ours()
		said.Number = number
		out = append(out, said)
	}
	return out, nil
}

// ghost is whom the server names where the account is gone. Nobody can be
// called so.
const ghost = "Ghost"

// name returns a login, or nothing for who is gone.
func (u *user) name() string {
	if u == nil || u.Login == ghost {
		return ""
	}
	return u.Login
}

// Reviews implements gitops.Talker. Without a page the server lists them all.
func (f *Forge) Reviews(ctx context.Context, number int) ([]gitops.Review, error) {
	var list []struct {
		State     string    `json:"state"`
		Dismissed bool      `json:"dismissed"`
		Commit    string    `json:"commit_id"`
		User      *user     `json:"user"`
		Submitted time.Time `json:"submitted_at"`
	}
	if _, err := f.api.call(ctx, http.MethodGet, fmt.Sprintf("%s/pulls/%d/reviews", f.repo, number), nil, &list); err != nil {
		return nil, fmt.Errorf("list reviews of #%d: %w", number, err)
	}
	var out []gitops.Review
	for _, v := range list { // the oldest first
		state := map[string]string{"APPROVED": "approved", "REQUEST_CHANGES": "changes_requested"}[v.State]
		author := v.User.name()
		if state == "" || author == "" {
			continue // a mere comment, a request, not yet sent, or of somebody who is gone
		}
		if v.Dismissed {
			state = "dismissed"
		}
		out = slices.DeleteFunc(out, func(r gitops.Review) bool { return r.Author == author })
		out = append(out, gitops.Review{Author: author, State: state, Commit: v.Commit, At: v.Submitted})
	}
	return out, nil
}

// Labelings implements gitops.Talker. Labels are read before who put them
// there: what changes in between is missing, never taken for another's.
func (f *Forge) Labelings(ctx context.Context, number int) ([]gitops.Labeling, error) {
	what := fmt.Sprintf("read who labelled #%d", number)
	i, err := f.issue(ctx, number)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if len(i.Labels) == 0 {
		return nil, nil
	}
	var events []struct {
		Type    string    `json:"type"`
		User    *user     `json:"user"`
		Body    string    `json:"body"` // "1" when the label was put on
		Created time.Time `json:"created_at"`
		Label   *label    `json:"label"`
	}
	// Without a page the server gives all of it. Its pages hold less than
	// their size, and no number of what is left.
	if _, err := f.api.call(ctx, http.MethodGet, fmt.Sprintf("%s/issues/%d/timeline", f.repo, number), nil, &events); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	type put struct {
		on bool
		gitops.Labeling
	}
	last := map[int64]put{}
	for _, e := range events { // the oldest first
		if e.Type == "label" && e.Label != nil {
			last[e.Label.ID] = put{e.Body == "1", gitops.Labeling{By: e.User.name(), At: e.Created}}
		}
	}
	var out []gitops.Labeling
	for _, l := range i.Labels {
		at, known := last[l.ID]
		if known && !at.on {
			continue // taken off since
		}
		at.Label = l.Name
		out = append(out, at.Labeling)
	}
	return out, nil
}

// nameForm is how logins, organizations and teams are written. What is not
// names nobody, and is not made a part of an address.
var nameForm = regexp.MustCompile(`^[\pL\pN_-][\pL\pN._-]*$`)

// Permission implements gitops.Talker. The server tells it to those who may
// administer the repository.
func (f *Forge) Permission(ctx context.Context, login string) (string, error) {
	if !nameForm.MatchString(login) {
		return "none", nil
	}
	var got struct{ Permission string }
	_, err := f.api.call(ctx, http.MethodGet, f.repo+"/collaborators/"+url.PathEscape(login)+"/permission", nil, &got)
	switch {
	case errors.Is(err, gitops.ErrNotFound):
		return "none", nil
	case err != nil:
		return "", fmt.Errorf("read the permission of %s: %w", login, err)
	}
	switch got.Permission {
	case "none", "read", "write", "admin":
		return got.Permission, nil
	case "owner":
		return "admin", nil
	}
	return "", fmt.Errorf("read the permission of %s: it is %q, of which nothing is known", login, got.Permission)
}

// Member implements gitops.Talker. A team that is not there, or is not shown to
// us, is an error: nobody must take it for one without members.
func (f *Forge) Member(ctx context.Context, team, login string) (bool, error) {
	org, name, ok := strings.Cut(team, "/")
	if !ok || !nameForm.MatchString(org) || !nameForm.MatchString(name) {
		return false, fmt.Errorf("read the members of team %q: want organization/team", team)
	}
	if !nameForm.MatchString(login) {
		return false, nil
	}
	id, err := f.team(ctx, org, name)
	if err != nil {
		return false, fmt.Errorf("read team %s: %w", team, err)
	}
	_, err = f.api.call(ctx, http.MethodGet, fmt.Sprintf("teams/%d/members/%s", id, url.PathEscape(login)), nil, nil)
	switch {
	case errors.Is(err, gitops.ErrNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("read whether %s is in team %s: %w", login, team, err)
	}
	return true, nil
}

// team returns a team's number.
func (f *Forge) team(ctx context.Context, org, name string) (int64, error) {
	for page := 1; page <= 20; page++ {
		var got struct {
			Data []struct {
				ID   int64  `json:"id"`
				Name string `json:"name"`
			} `json:"data"`
		}
		q := url.Values{"q": {name}, "include_desc": {"false"}, "limit": {"50"}, "page": {strconv.Itoa(page)}}
		if _, err := f.api.call(ctx, http.MethodGet, "orgs/"+url.PathEscape(org)+"/teams/search?"+q.Encode(), nil, &got); err != nil {
			return 0, err
		}
		for _, t := range got.Data {
			if strings.EqualFold(t.Name, name) {
				return t.ID, nil
			}
		}
		if len(got.Data) == 0 {
			break
		}
	}
	return 0, gitops.ErrNotFound
}

// Comment implements gitops.Talker.
func (f *Forge) Comment(ctx context.Context, number int, body string) error {
	_, err := f.comment(ctx, number, body)
	return err
}

func (f *Forge) comment(ctx context.Context, number int, body string) (gitops.Comment, error) {
	var c comment
	_, err := f.api.call(ctx, http.MethodPost, fmt.Sprintf("%s/issues/%d/comments", f.repo, number), map[string]any{"body": body}, &c)
	var no *refusal
	if errors.As(err, &no) && strings.Contains(no.message, "does not exist") { // with status 500
		return gitops.Comment{}, fmt.Errorf("comment on #%d: %w: %s", number, gitops.ErrNotFound, no.message)
	}
	if err != nil {
		return gitops.Comment{}, fmt.Errorf("comment on #%d: %w", number, err)
	}
	return c.ours(), nil
}

// Uncomment implements gitops.Uncommenter. It asks for the scope that
// commenting asks for: who wrote a comment may delete it.
func (f *Forge) Uncomment(ctx context.Context, id int64) error {
	_, err := f.api.call(ctx, http.MethodDelete, fmt.Sprintf("%s/issues/comments/%d", f.repo, id), nil, nil)
	if err != nil && !errors.Is(err, gitops.ErrNotFound) {
		return fmt.Errorf("delete comment %d: %w", id, err)
	}
	return nil
}
