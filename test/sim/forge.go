package sim

import (
	"maps"
	"slices"
	"time"

	"promoter/gitops"
	"promoter/promoter"
)

// bot is our login, and people those who do things.
const bot = "promoter-bot"

var people = []string{"ana", "bo", "cem"}

// guest may only read.
const guest = "guest"

// forge is a host of pull requests: its state.
type forge struct {
	pulls    []*pull
	issues   []*gitops.Issue
	comments []gitops.Comment
	statuses map[string][]gitops.Status // by commit
	number   int
	words    int64
}

type pull struct {
	gitops.Pull
	labelings []gitops.Labeling
	reviews   []gitops.Review
	opened    time.Time
	mergedBy  string
	before    string // what the base branch was at when it was merged
	queued    bool
	overtaken bool // by something newer, when we closed it
}

func (f *forge) clone() *forge {
	out := &forge{number: f.number, words: f.words, comments: slices.Clone(f.comments), statuses: maps.Clone(f.statuses)}
	for _, p := range f.pulls {
		c := *p
		c.Labels, c.labelings, c.reviews = slices.Clone(p.Labels), slices.Clone(p.labelings), slices.Clone(p.reviews)
		out.pulls = append(out.pulls, &c)
	}
	for _, i := range f.issues {
		c := *i
		out.issues = append(out.issues, &c)
	}
	return out
}

func (f *forge) pull(number int) *pull {
	for _, p := range f.pulls {
		if p.Number == number {
			return p
		}
	}
	return nil
}

func (f *forge) open(branch string) *pull {
	for _, p := range f.pulls {
		if p.Branch == branch && p.State == "open" {
			return p
		}
	}
	return nil
}

func right(login string) string {
	if slices.Contains(people, login) {
		return "write"
	}
	return "read"
}

func (w *world) label(number int, by string, labels ...string) error {
	p := w.forge.pull(number)
	if p == nil {
		return gitops.ErrNotFound
	}
	for _, name := range labels {
		if !slices.Contains(p.Labels, name) {
			p.Labels = append(p.Labels, name)
			p.labelings = append(p.labelings, gitops.Labeling{Label: name, By: by, At: w.stamp()})
		}
	}
	return nil
}

func (w *world) unlabel(number int, name string) {
	if p := w.forge.pull(number); p != nil {
		p.Labels = slices.DeleteFunc(p.Labels, func(l string) bool { return l == name })
		p.labelings = slices.DeleteFunc(p.labelings, func(l gitops.Labeling) bool { return l.Label == name })
	}
}

func (w *world) say(number int, by, body string) {
	w.forge.words++
	w.forge.comments = append(w.forge.comments, gitops.Comment{ID: w.forge.words, Number: number, Author: by, Body: body, At: w.stamp(), Edited: w.stamp()})
}

// merge brings a pull into the base branch.
func (w *world) merge(p *pull, by string, how gitops.Merge) (string, error) {
	r := w.repo
	head, main := r.objects[p.Head], r.head()
	base := r.base(p.Head, main.hash)
	if base == "" {
		return "", gitops.ErrConflict
	}
	files, ok := join(r.objects[base].files, main.files, head.files)
	if !ok {
		w.injected["merge that conflicts"]++
		return "", gitops.ErrConflict
	}
	p.before = main.hash
	parents, message := []string{main.hash, head.hash}, how.Title+"\n\n"+how.Message
	switch how.Method {
	case "squash":
		parents = parents[:1]
	case "rebase":
		parents, message = parents[:1], head.message
	}
	hash := r.add(parents, files, message, w.now, by == bot)
	r.refs[trunk] = hash
	p.State, p.Merge, p.MergedAt, p.mergedBy, p.queued = "merged", hash, w.stamp(), by, false
	if w.deletesMerged {
		delete(r.refs, p.Branch)
	}
	w.moved(promoter.BranchPrefix)
	w.strike(p)
	return hash, nil
}
