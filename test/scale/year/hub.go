package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"promoter/gitops"
	"promoter/promoter"
)

const login = "promoter-bot"

// hub is a host of pull requests: its state.
type hub struct {
	pulls    []*pull // by number, as far back as a forge lists them
	first    int     // number of the first that is kept
	open     map[string]*pull
	issues   []*gitops.Issue
	comments []gitops.Comment
	statuses map[string][]gitops.Status // by commit
	number   int
	words    int64
	touched  map[int]bool // pages of the list that have changed since it was read
	grown    bool         // and whether all have
}

type pull struct {
	gitops.Pull
	opened time.Time
}

// listed is how many pulls a forge's driver lists at most, and page how many
// one call brings.
const (
	listed = 1000
	page   = 100
)

func newHub() *hub {
	return &hub{open: map[string]*pull{}, statuses: map[string][]gitops.Status{}, touched: map[int]bool{}, first: 1, number: 0}
}

func (h *hub) find(number int) *pull {
	for _, p := range slices.Backward(h.pulls) {
		if p.Number == number {
			return p
		}
	}
	return nil
}

// touch notes that a pull has changed: the page that it is on is another then.
func (h *hub) touch(p *pull) { h.touched[(len(h.pulls)-1-slices.Index(h.pulls, p))/page] = true }

// forget drops what no driver lists any more, and what was said longer ago
// than anybody reads.
func (h *hub) forget(now time.Time) {
	for n := len(h.pulls) - listed - page; n > 0; n-- {
		p := h.pulls[0]
		if p.State == "open" {
			break
		}
		delete(h.statuses, p.Merge)
		delete(h.statuses, p.Head)
		h.pulls[0] = nil
		h.pulls = h.pulls[1:]
	}
	h.comments = slices.DeleteFunc(h.comments, func(c gitops.Comment) bool { return now.Sub(c.At) > kept })
	h.issues = slices.DeleteFunc(h.issues, func(i *gitops.Issue) bool { return !i.Open && now.Sub(i.ClosedAt) > kept })
}

// line is Promoter's connection to the forge.
type line struct{ *tenant }

var (
	_ gitops.Forge     = line{}
	_ gitops.Talker    = line{}
	_ gitops.Desk      = line{}
	_ gitops.Labeler   = line{}
	_ gitops.Unlabeler = line{}
)

func (l line) Pulls(_ context.Context, base, prefix string) ([]gitops.Pull, error) {
	h := l.forge
	pages := min(len(h.pulls)+page-1, listed) / page
	l.counts("list pulls, a page", pages)
	if h.grown {
		l.tally.fresh += pages
	} else {
		l.tally.fresh += len(h.touched)
	}
	h.grown = false
	clear(h.touched)
	out := make([]gitops.Pull, 0, min(len(h.pulls), listed)+8)
	for i, p := range slices.Backward(h.pulls) {
		if p.Base == base && strings.HasPrefix(p.Branch, prefix) && (len(h.pulls)-i <= listed || p.State == "open") {
			c := p.Pull
			c.Labels = slices.Clone(p.Labels)
			out = append(out, c)
		}
	}
	return out, nil
}

func (l line) Open(_ context.Context, n gitops.NewPull) (gitops.Pull, error) {
	l.count("open pull")
	h := l.forge
	if l.repo.refs[n.Branch] != n.Head {
		return gitops.Pull{}, gitops.ErrStale
	}
	if p := h.open[n.Branch]; p != nil {
		l.judge.broken("no pull twice", "#%d is open for %s, and another is opened", p.Number, n.Branch)
		return p.Pull, nil
	}
	h.number++
	p := &pull{opened: l.now, Pull: gitops.Pull{
		Number: h.number, Branch: n.Branch, Head: n.Head, Base: n.Base, State: "open", Draft: n.Draft, Title: n.Title, Body: n.Body,
		Author: login, Labels: slices.Clone(n.Labels), UpdatedAt: l.now,
	}}
	h.pulls, h.open[n.Branch], h.grown = append(h.pulls, p), p, true
	l.judge.opened(p)
	return p.Pull, nil
}

func (l line) Update(_ context.Context, number int, head string, t gitops.Text) error {
	l.count("read pull")
	p := l.forge.find(number)
	switch {
	case p == nil:
		return gitops.ErrNotFound
	case p.State != "open" || p.Head != head:
		return gitops.NotAt(number, head)
	}
	l.count("update pull")
	p.Title, p.Body, p.Draft, p.UpdatedAt = t.Title, t.Body, t.Draft, l.now
	l.forge.touch(p)
	return nil
}

func (l line) Close(_ context.Context, number int, head string, how gitops.Closing) error {
	l.count("read pull")
	p := l.forge.find(number)
	switch {
	case p == nil || p.State != "open":
		return nil
	case p.Head != head:
		return gitops.NotAt(number, head)
	}
	if err := l.Label(context.Background(), number, how.Label); err != nil {
		return err
	}
	l.count("close pull")
	p.State, p.ClosedBy = "closed", login
	delete(l.forge.open, p.Branch)
	l.forge.touch(p)
	l.say(number, how.Comment)
	return nil
}

func (l line) Merge(_ context.Context, number int, head string, how gitops.Merge) (string, error) {
	l.count("merge pull")
	p := l.forge.find(number)
	switch {
	case p == nil:
		return "", gitops.ErrNotFound
	case p.State == "merged":
		return p.Merge, nil
	case p.State != "open" || p.Head != head:
		return "", gitops.ErrStale
	case p.Draft:
		return "", fmt.Errorf("%w: #%d is a draft", gitops.ErrDenied, number)
	}
	l.forge.touch(p)
	return l.merge(p, how)
}

func (l line) SetStatus(_ context.Context, hash string, s gitops.Status) error {
	l.count("set status")
	s.At = l.now.Truncate(time.Second)
	list := slices.Clone(l.forge.statuses[hash])
	for _, old := range list {
		if stage, of, ok := promoter.ParseSeal(s.Context); old.Context == s.Context && ok && stage != promoter.StageReady {
			l.judge.broken("no status twice", "%s %s on %.10s, and again", stage, of, hash)
		}
	}
	list = slices.DeleteFunc(list, func(o gitops.Status) bool { return o.Context == s.Context })
	l.forge.statuses[hash] = append(list, s)
	l.judge.sealed(hash, s)
	return nil
}

func (l line) Statuses(_ context.Context, hash string) ([]gitops.Status, error) {
	l.count("read statuses")
	return slices.Clone(l.forge.statuses[hash]), nil
}

func (l line) Comments(_ context.Context, since time.Time) ([]gitops.Comment, error) {
	l.count("read comments")
	var out []gitops.Comment
	for _, c := range l.forge.comments {
		if !c.At.Before(since) {
			out = append(out, c)
		}
	}
	return out, nil
}

func (l line) Reviews(context.Context, int) ([]gitops.Review, error) { return nil, nil }

func (l line) Labelings(context.Context, int) ([]gitops.Labeling, error) { return nil, nil }

func (l line) Permission(context.Context, string) (string, error) { return "write", nil }

func (l line) Member(context.Context, string, string) (bool, error) { return false, nil }

func (l line) Comment(_ context.Context, number int, body string) error {
	l.count("comment")
	for _, c := range l.forge.comments {
		if c.Number == number && c.Body == body {
			l.judge.broken("no comment twice", "under #%d: %.60s", number, body)
		}
	}
	l.say(number, body)
	return nil
}

func (l line) say(number int, body string) {
	h := l.forge
	h.words++
	h.comments = append(h.comments, gitops.Comment{ID: h.words, Number: number, Author: login, Body: body, At: l.now, Edited: l.now})
}

func (l line) Issues(_ context.Context, label string) ([]gitops.Issue, error) {
	l.count("read issues")
	var out []gitops.Issue
	for _, i := range slices.Backward(l.forge.issues) {
		if slices.Contains(i.Labels, label) {
			out = append(out, *i)
		}
	}
	return out, nil
}

func (l line) OpenIssue(_ context.Context, n gitops.NewIssue) (gitops.Issue, error) {
	l.count("open issue")
	h := l.forge
	h.number++
	i := gitops.Issue{Number: h.number, Title: n.Title, Body: n.Body, Author: login, Labels: n.Labels, Open: true, At: l.now}
	h.issues = append(h.issues, &i)
	l.judge.asked(n.Title)
	return i, nil
}

func (l line) EditIssue(context.Context, int, string, string) error { return nil }

func (l line) CloseIssue(_ context.Context, number int, comment string) error {
	l.count("close issue")
	for _, i := range l.forge.issues {
		if i.Number == number && i.Open {
			i.Open, i.ClosedBy, i.ClosedAt = false, login, l.now
			l.say(number, comment)
		}
	}
	return nil
}

func (l line) Label(_ context.Context, number int, labels ...string) error {
	l.count("label")
	p := l.forge.find(number)
	if p == nil {
		return gitops.ErrNotFound
	}
	for _, name := range labels {
		if !slices.Contains(p.Labels, name) {
			p.Labels = append(p.Labels, name)
		}
	}
	l.forge.touch(p)
	return nil
}

func (l line) Unlabel(context.Context, int, string) error {
	l.count("label")
	return nil
}
