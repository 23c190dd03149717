package gitea

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"promoter/gitops"
)

// Open implements gitops.Forge. The pull, its labels and its assignees are one
// call. When the pull is open and the rest of it fails, both are returned.
func (f *Forge) Open(ctx context.Context, n gitops.NewPull) (gitops.Pull, error) {
	lock, _ := f.opening.LoadOrStore(n.Branch, &sync.Mutex{})
	lock.(*sync.Mutex).Lock()
	defer lock.(*sync.Mutex).Unlock()
	what := "open a pull request for " + n.Branch
	if err := f.at(ctx, n.Branch, n.Head); err != nil {
		return gitops.Pull{}, fmt.Errorf("%s: %w", what, err)
	}
	in := map[string]any{"title": titled(n.Text), "body": n.Body, "head": n.Branch, "base": n.Base}
	if len(n.Labels) > 0 {
		ids, err := f.labelIDs(ctx, n.Labels)
		if err != nil {
			return gitops.Pull{}, fmt.Errorf("%s: %w", what, err)
		}
		in["labels"] = ids
	}
	if len(n.Assignees) > 0 {
		in["assignees"] = n.Assignees
	}
	var p pull
	_, err := f.api.call(ctx, http.MethodPost, f.repo+"/pulls", in, &p)
	if status(err) == http.StatusConflict {
		if existing, found, err := f.open(ctx, n.Base, n.Branch); err != nil || found {
			return existing.ours(), err
		}
	}
	if err != nil {
		return gitops.Pull{}, fmt.Errorf("%s: %w", what, err)
	}
	if p.Head.SHA != n.Head {
		return p.ours(), fmt.Errorf("%s: #%d is at %s: %w", what, p.Number, p.Head.SHA, gitops.ErrStale)
	}
	opened, err := f.only(ctx, p)
	if err != nil || opened.Number != p.Number {
		return opened, err
	}
	if err := f.ask(ctx, p, n.Reviewers); err != nil {
		return opened, fmt.Errorf("#%d is open, but nobody was asked to review it: %w", p.Number, err)
	}
	return opened, nil
}

// ask asks for reviews. It is a call of its own: only now we know who the
// author is, and the server refuses a pull that he is to review himself.
func (f *Forge) ask(ctx context.Context, p pull, names []string) error {
	var reviewers, teams []string
	for _, r := range names {
		if _, team, ok := strings.Cut(r, "/"); ok {
			teams = append(teams, team)
		} else if r != p.User.Login {
			reviewers = append(reviewers, r)
		}
	}
	if len(reviewers)+len(teams) == 0 {
		return nil
	}
	in := map[string]any{"reviewers": reviewers, "team_reviewers": teams}
	_, err := f.api.call(ctx, http.MethodPost, fmt.Sprintf("%s/pulls/%d/requested_reviewers", f.repo, p.Number), in, nil)
	return err
}

// at checks that a branch is where it is thought to be.
func (f *Forge) at(ctx context.Context, branch, commit string) error {
	var b struct {
		Commit struct {
			ID string `json:"id"`
		} `json:"commit"`
	}
	_, err := f.api.call(ctx, http.MethodGet, f.repo+"/branches/"+escaped(branch), nil, &b)
	switch {
	case errors.Is(err, gitops.ErrNotFound):
		return f.missing(ctx, branch, commit)
	case err != nil:
		return err
	case b.Commit.ID != commit:
		return fmt.Errorf("branch %s is at %s: %w", branch, b.Commit.ID, gitops.ErrStale)
	}
	return nil
}

// missing says what is wrong with a branch that the server does not know. Whoever
// dies while it pushes may leave one that Git has and the server never noted: it
// opens no pull for that one, and a push of the same is no news to it. It is
// removed where it is at the commit that is thought to be there, to be pushed
// again.
func (f *Forge) missing(ctx context.Context, branch, commit string) error {
	for attempt := range 5 {
		var refs []struct {
			Ref    string `json:"ref"`
			Object struct {
				SHA string `json:"sha"`
			} `json:"object"`
		}
		_, err := f.api.call(ctx, http.MethodGet, f.repo+"/git/refs/heads/"+escaped(branch), nil, &refs)
		if err != nil && !errors.Is(err, gitops.ErrNotFound) {
			return err
		}
		there := false
		for _, r := range refs { // those of longer names are here, too
			there = there || r.Ref == "refs/heads/"+branch && r.Object.SHA == commit
		}
		if !there {
			return fmt.Errorf("branch %s is gone: %w", branch, gitops.ErrStale)
		}
		if attempt == 4 {
			break
		}
		// A push that is under way is noted in a moment.
		if err := pause(ctx, settle); err != nil {
			return err
		}
		_, err = f.api.call(ctx, http.MethodGet, f.repo+"/branches/"+escaped(branch), nil, nil)
		if err == nil {
			return fmt.Errorf("branch %s has just come: %w", branch, gitops.ErrStale)
		}
		if !errors.Is(err, gitops.ErrNotFound) {
			return err
		}
	}
	if _, err := f.api.call(ctx, http.MethodDelete, f.repo+"/branches/"+escaped(branch), nil, nil); err != nil {
		return fmt.Errorf("remove branch %s, which the server has not noted: %w", branch, err)
	}
	return fmt.Errorf("branch %s was pushed and not noted, and is removed to be pushed again: %w", branch, gitops.ErrStale)
}

// escaped escapes a branch's name but for its slashes.
func escaped(branch string) string { return strings.ReplaceAll(url.PathEscape(branch), "%2F", "/") }

// status returns the HTTP status of a refusal, or zero.
func status(err error) int {
	var r *refusal
	if errors.As(err, &r) {
		return r.status
	}
	return 0
}

// open finds the oldest open pull of a branch.
func (f *Forge) open(ctx context.Context, base, branch string) (oldest pull, found bool, err error) {
	list, _, err := f.list(ctx, "open", base, 1<<30)
	if err != nil {
		return pull{}, false, err
	}
	for _, p := range list {
		if p.Head.Label == branch && p.Head.Repo == p.Base.Repo && p.Base.Label == base && (!found || p.Number < oldest.Number) {
			oldest, found = p, true
		}
	}
	return oldest, found, nil
}

// only returns the new pull, or, when somebody opened one at the same moment,
// closes it again and returns the other: the server does not prevent that.
func (f *Forge) only(ctx context.Context, p pull) (gitops.Pull, error) {
	var first pull
	_, err := f.api.call(ctx, http.MethodGet, f.repo+"/pulls/"+escaped(p.Base.Label)+"/"+escaped(p.Head.Label), nil, &first)
	if err != nil || first.Number == p.Number {
		return p.ours(), nil // the pull is open; the next look sees what there is
	}
	oldest, found, err := f.open(ctx, p.Base.Label, p.Head.Label)
	if err != nil || !found || oldest.Number == p.Number {
		return p.ours(), nil
	}
	if err := f.Close(ctx, p.Number, p.Head.SHA, gitops.Closing{Comment: fmt.Sprintf("Opened at the same time as #%d.", oldest.Number)}); err != nil {
		return p.ours(), err
	}
	return oldest.ours(), nil
}

// Label implements gitops.Labeler.
func (f *Forge) Label(ctx context.Context, number int, labels ...string) error {
	ids, err := f.labelIDs(ctx, labels)
	if err != nil {
		return err
	}
	if _, err = f.api.call(ctx, http.MethodPost, fmt.Sprintf("%s/issues/%d/labels", f.repo, number), map[string]any{"labels": ids}, nil); err != nil {
		return fmt.Errorf("label #%d: %w", number, err)
	}
	return nil
}

// Unlabel implements gitops.Unlabeler.
func (f *Forge) Unlabel(ctx context.Context, number int, label string) error {
	ids, err := f.labelIDs(ctx, []string{label})
	if err != nil {
		return err
	}
	for _, id := range ids {
		_, err := f.api.call(ctx, http.MethodDelete, fmt.Sprintf("%s/issues/%d/labels/%d", f.repo, number, id), nil, nil)
		if err != nil && !errors.Is(err, gitops.ErrNotFound) {
			return fmt.Errorf("remove label of #%d: %w", number, err)
		}
	}
	return nil
}

// Clock implements gitops.Clocked.
func (f *Forge) Clock() (time.Time, bool) {
	f.api.mu.Lock()
	defer f.api.mu.Unlock()
	return f.api.now().Add(f.api.ahead), f.api.heard
}

// labelIDs returns the labels' numbers. It makes those that do not exist.
func (f *Forge) labelIDs(ctx context.Context, names []string) ([]int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.readLabels(ctx, names); err != nil {
		return nil, err
	}
	var ids []int64
	for _, name := range names {
		if _, known := f.labels[name]; !known {
			var made label
			if _, err := f.api.call(ctx, http.MethodPost, f.repo+"/labels", map[string]any{"name": name, "color": "#ededed"}, &made); err != nil {
				return nil, fmt.Errorf("create label %q: %w", name, err)
			}
			f.labels[name] = made.ID
		}
		ids = append(ids, f.labels[name])
	}
	return ids, nil
}

// readLabels brings the repository's labels here unless all the names are
// known.
func (f *Forge) readLabels(ctx context.Context, names []string) error {
	missing := false
	for _, n := range names {
		_, known := f.labels[n]
		missing = missing || !known
	}
	if !missing {
		return nil
	}
	f.labels = map[string]int64{}
	for page := 1; page <= 40; page++ {
		var got []label
		if _, err := f.api.call(ctx, http.MethodGet, fmt.Sprintf("%s/labels?limit=50&page=%d", f.repo, page), nil, &got); err != nil {
			return fmt.Errorf("list labels: %w", err)
		}
		for _, l := range got {
			f.labels[l.Name] = l.ID
		}
		if len(got) == 0 {
			break
		}
	}
	return nil
}

// Update implements gitops.Forge. The draft state is a part of the title.
func (f *Forge) Update(ctx context.Context, number int, head string, t gitops.Text) error {
	p, _, err := f.get(ctx, number)
	switch {
	case err != nil:
		return err
	case p.State != "open" || p.Head.SHA != head:
		return gitops.NotAt(number, head)
	}
	_, err = f.api.call(ctx, http.MethodPatch, fmt.Sprintf("%s/pulls/%d", f.repo, number), map[string]any{"title": titled(t), "body": t.Body}, nil)
	if err != nil {
		return fmt.Errorf("rewrite #%d: %w", number, err)
	}
	return nil
}

// Close implements gitops.Forge. It says why before it closes, and only what it
// has not said: who is stopped between the two is followed by one who closes.
func (f *Forge) Close(ctx context.Context, number int, head string, how gitops.Closing) error {
	p, _, err := f.get(ctx, number)
	switch {
	case err != nil || p.State != "open":
		return err
	case p.Head.SHA != head:
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
	if _, err := f.api.call(ctx, http.MethodPatch, fmt.Sprintf("%s/pulls/%d", f.repo, number), map[string]any{"state": "closed"}, nil); err != nil {
		return fmt.Errorf("close #%d: %w", number, err)
	}
	return nil
}

// lastWord comments on an issue or a pull, unless its last comment says the
// same. The server lists all of them at once.
func (f *Forge) lastWord(ctx context.Context, number int, text string) error {
	if text == "" {
		return nil
	}
	return gitops.LastWord(gitops.Thread{
		Read: func() ([]gitops.Comment, error) {
			var list []comment
			if _, err := f.api.call(ctx, http.MethodGet, fmt.Sprintf("%s/issues/%d/comments", f.repo, number), nil, &list); err != nil {
				return nil, fmt.Errorf("list comments on #%d: %w", number, err)
			}
			var all []gitops.Comment
			for _, c := range list {
				all = append(all, c.ours())
			}
			return all, nil
		},
		Write:  func(body string) (gitops.Comment, error) { return f.comment(ctx, number, body) },
		Remove: func(id int64) error { return f.Uncomment(ctx, id) },
	}, text)
}

// SetStatus implements gitops.Forge.
func (f *Forge) SetStatus(ctx context.Context, commit string, s gitops.Status) error {
	in := map[string]any{"state": s.State, "context": s.Context, "description": s.Description, "target_url": s.URL}
	_, err := f.api.call(ctx, http.MethodPost, f.repo+"/statuses/"+url.PathEscape(commit), in, nil)
	var no *refusal
	if errors.As(err, &no) && strings.Contains(no.message, "does not exist") { // with status 500
		return fmt.Errorf("set status %s on %s: %w: %s", s.Context, commit, gitops.ErrNotFound, no.message)
	}
	if err != nil {
		return fmt.Errorf("set status %s on %s: %w", s.Context, commit, err)
	}
	return nil
}
