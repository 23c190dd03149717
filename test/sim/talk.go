package sim

import (
	"context"
	"slices"
	"strings"
	"time"

	"promoter/gitops"
	"promoter/templates"
)

// What people and we say on the forge, as its driver gives it.

func (l *line) Comments(context.Context, time.Time) ([]gitops.Comment, error) {
	if err := l.read("talk"); err != nil {
		return nil, err
	}
	return slices.Clone(l.forge().comments), nil
}

func (l *line) Reviews(_ context.Context, number int) ([]gitops.Review, error) {
	if err := l.read("approvals"); err != nil {
		return nil, err
	}
	if p := l.forge().pull(number); p != nil {
		return slices.Clone(p.reviews), nil
	}
	return nil, gitops.ErrNotFound
}

func (l *line) Labelings(_ context.Context, number int) ([]gitops.Labeling, error) {
	if err := l.read("approvals"); err != nil {
		return nil, err
	}
	if p := l.forge().pull(number); p != nil {
		return slices.Clone(p.labelings), nil
	}
	return nil, gitops.ErrNotFound
}

func (l *line) Permission(_ context.Context, login string) (string, error) {
	if err := l.read("rights"); err != nil {
		return "", err
	}
	return right(login), nil
}

func (l *line) Member(_ context.Context, team, login string) (bool, error) {
	return strings.HasSuffix(team, "/"+login) || login == "ana", nil
}

func (l *line) Comment(_ context.Context, number int, body string) error {
	return l.write("comments", func() error {
		l.world.said(number, body)
		l.world.say(number, bot, body)
		return nil
	})
}

// Uncomment takes a comment of ours back.
func (l *line) Uncomment(_ context.Context, id int64) error {
	return l.write("comments", func() error {
		w := l.world
		w.forge.comments = slices.DeleteFunc(slices.Clone(w.forge.comments), func(c gitops.Comment) bool { return c.ID == id && c.Author == bot })
		return nil
	})
}

func (l *line) Issues(_ context.Context, label string) ([]gitops.Issue, error) {
	if err := l.read("talk"); err != nil {
		return nil, err
	}
	var out []gitops.Issue
	for _, i := range slices.Backward(l.forge().issues) {
		if slices.Contains(i.Labels, label) {
			out = append(out, *i)
		}
	}
	return out, nil
}

func (l *line) OpenIssue(_ context.Context, n gitops.NewIssue) (gitops.Issue, error) {
	var out gitops.Issue
	err := l.write("issues", func() error {
		w := l.world
		w.issued(n)
		w.forge.number++
		out = gitops.Issue{Number: w.forge.number, Title: n.Title, Body: n.Body, Author: bot, Labels: n.Labels, Open: true, At: w.stamp()}
		i := out
		w.forge.issues = append(w.forge.issues, &i)
		if branch, ok := strings.CutPrefix(templates.TicketKeyOf(n.Body), "incident "); ok {
			w.occurs("asked", branch)
		}
		return nil
	})
	return out, err
}

func (l *line) EditIssue(context.Context, int, string, string) error { return nil }

func (l *line) CloseIssue(_ context.Context, number int, comment string) error {
	return l.write("issues", func() error {
		for _, i := range l.world.forge.issues {
			if i.Number == number && i.Open {
				i.Open, i.ClosedBy = false, bot
				l.world.say(number, bot, comment)
			}
		}
		return nil
	})
}

func (l *line) Label(_ context.Context, number int, labels ...string) error {
	return l.write("labels", func() error { return l.world.label(number, bot, labels...) })
}

func (l *line) Unlabel(_ context.Context, number int, label string) error {
	return l.write("labels", func() error { l.world.unlabel(number, label); return nil })
}
