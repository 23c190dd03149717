package gitops

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"promoter/promoter"
)

// talkAge is how far back comments are read.
const talkAge = 30 * 24 * time.Hour

// talkSince is a moment that stays the same for a day, so that the same
// question is asked again, and can be answered with "nothing new".
func talkSince(now time.Time) time.Time { return now.UTC().Add(-talkAge).Truncate(24 * time.Hour) }

// deliver performs the actions of a rollout.
func (e *Executor) deliver(ctx context.Context, a promoter.Action) (string, error) {
	switch a := a.(type) {
	case promoter.Merge:
		return e.merge(ctx, a)
	case promoter.WriteSeal:
		return "", e.seal(ctx, a)
	case promoter.WriteRecord:
		return "", e.record(ctx, a)
	case promoter.Label:
		return "", e.label(ctx, a)
	case promoter.Reply:
		return "", e.reply(ctx, a)
	case promoter.OpenTicket:
		return e.openTicket(ctx, a)
	case promoter.CloseTicket:
		desk, err := e.desk()
		if err != nil {
			return "", err
		}
		return "", desk.CloseIssue(ctx, a.Number, e.Words.Closing(a))
	case promoter.EndOperation:
		return "", e.end(ctx, a)
	case promoter.KeepSilence, promoter.EndSilence:
		return "", e.silence(ctx, a)
	}
	return "", fmt.Errorf("no execution is known for %T", a)
}

func (e *Executor) merge(ctx context.Context, a promoter.Merge) (string, error) {
	if _, err := e.notice(ctx, a.Head, a.Say); err != nil {
		return "", err
	}
	if a.Queue {
		q, ok := e.Forge.(Queuer)
		if !ok {
			return "", errors.New("the branch is merged into by a queue, and this forge lets us into none")
		}
		return "in the merge queue", q.Enqueue(ctx, a.Number, a.Head)
	}
	commit, err := e.Forge.Merge(ctx, a.Number, a.Head, Merge{Method: a.Method, Title: a.Title, Message: a.Message})
	return short(commit), err
}

// notice puts what a pull waits for onto its head. Where we may not, the pull
// says it alone: the status is for people's convenience.
func (e *Executor) notice(ctx context.Context, head string, n *promoter.Notice) (remark string, err error) {
	if n == nil {
		return "", nil
	}
	err = e.Forge.SetStatus(ctx, head, Status{Context: promoter.WaitContext, State: n.State, Description: n.Text})
	if errors.Is(err, ErrDenied) {
		return " (its commit status could not be set: " + err.Error() + ")", nil
	}
	return "", err
}

// seal writes a verdict, unless the same is there. A failure is never
// overwritten, and a pass only by a person's word: whoever decided on a failure
// before it was written had not seen that it has passed since.
func (e *Executor) seal(ctx context.Context, a promoter.WriteSeal) error {
	there, err := e.Forge.Statuses(ctx, a.Seal.Commit)
	if err != nil {
		return err
	}
	state := "success"
	if a.Seal.Verdict == promoter.Fail {
		state = "failure"
	}
	said := func(state string) bool {
		return slices.ContainsFunc(there, func(s Status) bool { return s.Context == a.Seal.Context() && s.State == state })
	}
	switch {
	case a.Seal.Stage == promoter.StageVerdict && state != "failure" && said("failure"):
		return fmt.Errorf("%w: %s is sealed as failed already", ErrStale, short(a.Seal.Commit))
	case a.Seal.Stage == promoter.StageVerdict && state == "failure" && !a.Asked && said("success") && !said("failure"):
		return fmt.Errorf("%w: %s is sealed as passed already", ErrStale, short(a.Seal.Commit))
	case a.Seal.Stage != promoter.StageReady && said(state):
		return nil
	}
	return e.Forge.SetStatus(ctx, a.Seal.Commit, Status{Context: a.Seal.Context(), State: state, Description: a.Seal.Reason})
}

func (e *Executor) talker() (Talker, error) {
	t, ok := e.Forge.(Talker)
	if !ok {
		return nil, errors.New("this forge takes no comments from us")
	}
	return t, nil
}

func (e *Executor) desk() (Desk, error) {
	d, ok := e.Forge.(Desk)
	if !ok {
		return nil, errors.New("this forge keeps no issues for us")
	}
	return d, nil
}

// record writes evidence down, unless it is there.
func (e *Executor) record(ctx context.Context, a promoter.WriteRecord) error {
	return e.say(ctx, a.Number, e.Words.Record(a), func(c Comment) bool {
		r, ok := e.Words.RecordOf(c.Body)
		return ok && c.Number == a.Number && r.Branch == a.Record.Branch
	})
}

// reply answers a command, unless it is answered.
func (e *Executor) reply(ctx context.Context, a promoter.Reply) error {
	return e.say(ctx, a.Number, e.Words.Reply(a), func(c Comment) bool {
		to, ok := e.Words.RepliesTo(c.Body)
		return ok && to == a.Comment
	})
}

func (e *Executor) label(ctx context.Context, a promoter.Label) error {
	if len(a.Add) > 0 {
		l, ok := e.Forge.(Labeler)
		if !ok {
			return errors.New("this forge does not let us label")
		}
		if err := l.Label(ctx, a.Number, a.Add...); err != nil {
			return err
		}
	}
	for _, name := range a.Remove {
		u, ok := e.Forge.(Unlabeler)
		if !ok {
			return errors.New("this forge does not let us remove labels")
		}
		if err := u.Unlabel(ctx, a.Number, name); err != nil {
			return err
		}
	}
	return nil
}

// openTicket opens an issue, unless one is open for the same.
func (e *Executor) openTicket(ctx context.Context, a promoter.OpenTicket) (string, error) {
	desk, err := e.desk()
	if err != nil {
		return "", err
	}
	title, body, labels := e.Words.Ticket(a)
	issues, err := desk.Issues(ctx, promoter.TicketLabel)
	if err != nil {
		return "", err
	}
	for _, i := range issues {
		switch {
		case e.Words.TicketKey(i.Body) != a.Key:
		case i.Open:
			return fmt.Sprintf("#%d is open for it", i.Number), nil
		case !a.Stop: // whoever decided on it had not seen that one: it stays closed
			return "", fmt.Errorf("%w: #%d was open for it, and is closed", ErrStale, i.Number)
		}
	}
	if !slices.Contains(labels, promoter.TicketLabel) {
		labels = append(labels, promoter.TicketLabel)
	}
	i, err := desk.OpenIssue(ctx, NewIssue{Title: title, Body: body, Labels: labels, Assignees: e.Assignees})
	if i.Number == 0 {
		return "", err
	}
	stands, twice := e.alone(ctx, desk, i, a)
	if stands != i.Number {
		return fmt.Sprintf("#%d is about the same", stands), twice
	}
	return fmt.Sprintf("#%d %s", i.Number, i.URL), errors.Join(err, twice)
}

func (e *Executor) silence(ctx context.Context, a promoter.Action) error {
	if e.Silencer == nil {
		return errors.New("no alert manager is configured that could be silenced")
	}
	switch a := a.(type) {
	case promoter.KeepSilence:
		return e.Silencer.Keep(ctx, a)
	case promoter.EndSilence:
		return e.Silencer.End(ctx, a)
	}
	return nil
}

func (e *Executor) end(ctx context.Context, a promoter.EndOperation) error {
	for _, engine := range e.Engines {
		err := engine.End(ctx, a)
		if !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return fmt.Errorf("%w: no engine knows %s", ErrNotFound, a.App)
}
