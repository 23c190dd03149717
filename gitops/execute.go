package gitops

import (
	"context"
	"fmt"
	"time"

	"promoter/promoter"
)

// Maker makes edits on the files of a commit and returns those that change.
// The time is that of the commit to write; equal input gives equal output.
type Maker func(read func(path string) (data []byte, ok bool, err error), edits []promoter.Edit, at time.Time) (map[string][]byte, error)

// Renderer turns a sheet into a pull's title and body.
type Renderer func(sheet promoter.Sheet) (title, body string, err error)

// Executor makes actions come true, each guarded by what it was decided on.
type Executor struct {
	Forge     Forge
	Repo      Repository
	Make      Maker
	Render    Renderer
	Now       func() time.Time
	Labels    []string
	Reviewers []string
	Assignees []string
}

// Outcome is what became of an action.
type Outcome struct {
	Done   bool
	Stale  bool   // its guard failed: the world has moved, look again
	Detail string // "#12", a commit: for the log
}

// Execute performs one action. A failed guard is an Outcome, not an error.
func (e *Executor) Execute(ctx context.Context, a promoter.Action) (Outcome, error) {
	detail, err := e.perform(ctx, a)
	switch {
	case err == nil:
		return Outcome{Done: true, Detail: detail}, nil
	case stale(err):
		return Outcome{Stale: true, Detail: err.Error()}, nil
	}
	return Outcome{}, fmt.Errorf("%s: %w", a, err)
}

func (e *Executor) perform(ctx context.Context, a promoter.Action) (string, error) {
	switch a := a.(type) {
	case promoter.Push:
		return e.push(ctx, a)
	case promoter.Open:
		title, body, err := e.Render(a.Sheet)
		if err != nil {
			return "", err
		}
		p, err := e.Forge.Open(ctx, NewPull{
			Text: Text{Title: title, Body: body, Draft: a.Draft}, Branch: a.Branch, Head: a.Head, Base: a.Base,
			Labels: e.Labels, Reviewers: e.Reviewers, Assignees: e.Assignees,
		})
		return fmt.Sprintf("#%d %s", p.Number, p.URL), err
	case promoter.Update:
		title, body, err := e.Render(a.Sheet)
		if err != nil {
			return "", err
		}
		return "", e.Forge.Update(ctx, a.Number, Text{Title: title, Body: body, Draft: a.Draft})
	case promoter.Close:
		return "", e.Forge.Close(ctx, a.Number, "Promoter closes this pull request: "+a.Reason+".")
	case promoter.Delete:
		return "", e.Repo.Delete(ctx, a.Branch, a.Expect)
	}
	return "", fmt.Errorf("no execution is known for %T", a)
}

// push writes the edits onto the base commit that they were decided on.
func (e *Executor) push(ctx context.Context, a promoter.Push) (string, error) {
	at := e.Now().UTC().Truncate(time.Second) // what a commit can hold
	files, err := e.Make(reading(e.Repo, a.Base), a.Edits, at)
	if err != nil {
		return "", err
	}
	commit, err := e.Repo.Commit(a.Base, files, a.Message, at)
	if err != nil {
		return "", err
	}
	return short(commit), e.Repo.Push(ctx, a.Branch, commit, a.Expect)
}
