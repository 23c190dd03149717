package gitops

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"promoter/promoter"
)

// Maker makes edits on the files of a commit and returns those that change.
// The time is that of the commit to write; equal input gives equal output.
type Maker func(read func(path string) (data []byte, ok bool, err error), edits []promoter.Edit, at time.Time) (map[string][]byte, error)

// Renderer turns a sheet into a pull's title and body.
type Renderer func(sheet promoter.Sheet) (title, body string, err error)

// Words turns what is said on the forge into text, and finds it again.
type Words struct {
	Record    func(promoter.WriteRecord) string
	RecordOf  func(body string) (promoter.Record, bool)
	Reply     func(promoter.Reply) string
	RepliesTo func(body string) (comment int64, ok bool)
	Ticket    func(promoter.OpenTicket) (title, body string, labels []string)
	TicketKey func(body string) string
	Closing   func(promoter.CloseTicket) string
	// Superseded is the last word under a pull that we close.
	Superseded func(promoter.Close) string
}

// Executor makes actions come true, each guarded by what it was decided on.
type Executor struct {
	Forge  Forge
	Repo   Repository
	Make   Maker
	Render Renderer
	Words  Words
	// Engines are asked in turn to end an operation.
	Engines []Engine
	// Silencer is nil where nothing is silenced.
	Silencer Silencer
	Now      func() time.Time
	// Committer makes the commits where only those that the forge signs
	// count; nil: they are made here and pushed.
	Committer Committer
	// Selves are our own logins: only what we wrote ourselves is taken for our
	// record, or for our answer.
	Selves    []string
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
	if err := e.room(a); err != nil {
		return Outcome{}, fmt.Errorf("%s: %w", a, err)
	}
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
		remark, err := e.notice(ctx, a.Head, a.Say)
		if err != nil {
			return "", err
		}
		p, err := e.Forge.Open(ctx, NewPull{
			Text: Text{Title: title, Body: body, Draft: a.Draft}, Branch: a.Branch, Head: a.Head, Base: a.Base,
			Labels: e.Labels, Reviewers: e.Reviewers, Assignees: e.Assignees,
		})
		return fmt.Sprintf("#%d %s%s", p.Number, p.URL, remark), err
	case promoter.Update:
		title, body, err := e.Render(a.Sheet)
		if err != nil {
			return "", err
		}
		// The status first: the body's marker says that it is there.
		remark, err := e.notice(ctx, a.Head, a.Say)
		if err != nil {
			return "", err
		}
		return remark, e.Forge.Update(ctx, a.Number, a.Head, Text{Title: title, Body: body, Draft: a.Draft})
	case promoter.Close:
		return "", e.Forge.Close(ctx, a.Number, a.Head, Closing{Label: promoter.SupersededLabel, Comment: e.Words.Superseded(a)})
	case promoter.Delete:
		// A forge closes the pull of a branch that goes: whoever saw none may
		// have seen an old list.
		open, err := e.Forge.Pulls(ctx, a.Base, a.Branch)
		if err != nil {
			return "", err
		}
		for _, p := range open {
			if p.Branch == a.Branch && p.State == string(promoter.PullOpen) {
				return "", fmt.Errorf("%w: #%d is open for %s", ErrStale, p.Number, a.Branch)
			}
		}
		return "", e.Repo.Delete(ctx, a.Branch, a.Expect)
	}
	return e.deliver(ctx, a)
}

// push writes the edits onto the base commit that they were decided on.
func (e *Executor) push(ctx context.Context, a promoter.Push) (string, error) {
	files, err := remake(ctx, e.Repo, e.Make, a.Base, a.Edits)
	if err != nil {
		return "", err
	}
	if e.Committer != nil {
		return e.commitThere(ctx, a, files)
	}
	commit, err := e.Repo.Commit(a.Base, files, a.Message, e.Now().UTC().Truncate(time.Second))
	if err != nil {
		return "", err
	}
	return short(commit), e.Repo.Push(ctx, a.Branch, commit, a.Expect)
}

// remake makes edits on a commit. What is written with a time (a lock file)
// gets the commit's own: whoever looks later makes the same bytes.
func remake(ctx context.Context, r Repository, make Maker, base string, edits []promoter.Edit) (map[string][]byte, error) {
	head, err := r.FirstParents(ctx, base, 1)
	if err != nil {
		return nil, err
	}
	if len(head) == 0 {
		return nil, fmt.Errorf("read commit %s: %w", short(base), ErrNotFound)
	}
	return make(reading(r, base), edits, head[0].At.UTC())
}

// commitThere lets the forge make the commit.
func (e *Executor) commitThere(ctx context.Context, a promoter.Push, files map[string][]byte) (string, error) {
	c := FilesCommit{Branch: a.Branch, Base: a.Base, Expect: a.Expect, Message: a.Message}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		executable, err := e.Repo.Executable(a.Base, path)
		if err != nil {
			return "", err
		}
		mode := "100644"
		if executable {
			mode = "100755"
		}
		c.Files = append(c.Files, CommitFile{Path: path, Mode: mode, Data: files[path]})
	}
	commit, err := e.Committer.CommitFiles(ctx, c)
	return short(commit), err
}
