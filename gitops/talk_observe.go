package gitops

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"promoter/promoter"
)

// Listener reads what people say on the forge.
type Listener struct {
	Forge Forge
	Words Words
	Now   func() time.Time
}

// Talk is what was said, as far back as it is read.
type Talk struct {
	Remarks []promoter.Remark
	Tickets []promoter.Ticket
	Records []promoter.Record
	Silent  bool   // the forge takes no comments or keeps no issues for us
	Unknown string // why it could not be read
	// Duplicates are what we have said twice: for Executor.Mend.
	Duplicates []Duplicate
	// approvals are the comments that approve, of people who may command.
	approvals []Comment
}

// Listen reads comments and issues. selves are our own logins: only what we
// wrote ourselves counts as our answer, or as our record.
func (l *Listener) Listen(ctx context.Context, selves []string) Talk {
	talker, ok := l.Forge.(Talker)
	desk, also := l.Forge.(Desk)
	if !ok || !also {
		return Talk{Silent: true}
	}
	comments, err := talker.Comments(ctx, talkSince(l.Now()))
	if err != nil {
		return Talk{Unknown: fmt.Sprintf("read comments: %v", err)}
	}
	issues, err := desk.Issues(ctx, promoter.TicketLabel)
	if err != nil {
		return Talk{Unknown: fmt.Sprintf("read issues: %v", err)}
	}
	stops, err := desk.Issues(ctx, promoter.StopLabel)
	if err != nil {
		return Talk{Unknown: fmt.Sprintf("read issues: %v", err)}
	}
	var t Talk
	if err := l.remarks(ctx, talker, comments, selves, &t); err != nil {
		return Talk{Unknown: err.Error()}
	}
	seen := map[int]bool{}
	var each []Issue
	for _, i := range slices.Concat(stops, issues) {
		if seen[i.Number] {
			continue
		}
		seen[i.Number] = true
		each = append(each, i)
		ticket := promoter.Ticket{Number: i.Number, Title: i.Title, Open: i.Open, By: i.Author, Stop: slices.Contains(i.Labels, promoter.StopLabel)}
		ticket.Key = l.Words.TicketKey(i.Body)
		t.Tickets = append(t.Tickets, ticket)
	}
	t.Duplicates = l.duplicates(comments, each, selves)
	return t
}

// remarks sorts comments into commands, our answers and our records.
func (l *Listener) remarks(ctx context.Context, talker Talker, comments []Comment, selves []string, t *Talk) error {
	answered := map[int64]bool{}
	for _, c := range comments {
		if !slices.Contains(selves, c.Author) {
			continue
		}
		if to, ok := l.Words.RepliesTo(c.Body); ok {
			answered[to] = true
		}
		if r, ok := l.Words.RecordOf(c.Body); ok {
			t.Records = append(t.Records, r)
		}
	}
	rights := map[string]string{}
	for _, c := range comments {
		command, ok := promoter.ParseCommand(c.Body)
		if !ok || slices.Contains(selves, c.Author) {
			continue
		}
		right, known := rights[c.Author]
		if !known {
			var err error
			if right, err = talker.Permission(ctx, c.Author); err != nil {
				return fmt.Errorf("ask what %s may do: %w", c.Author, err)
			}
			rights[c.Author] = right
		}
		r := promoter.Remark{Comment: c.ID, Pull: c.Number, By: c.Author, At: c.At, Command: command, Answered: answered[c.ID]}
		if right != "write" && right != "admin" {
			r.Denied = c.Author + " may not write to this repository"
		} else if command.Verb == promoter.VerbApprove && command.Wrong == "" && c.Edited.Equal(c.At) {
			t.approvals = append(t.approvals, c)
		}
		t.Remarks = append(t.Remarks, r)
	}
	return nil
}

// Approvals answers who has approved a pull as it is: by a review of its head,
// by a comment or a label that is younger than its head. Nobody approves what
// they opened themselves.
func (l *Listener) Approvals(ctx context.Context, q promoter.Question, t Talk) promoter.Approvals {
	talker, ok := l.Forge.(Talker)
	if !ok {
		return promoter.Approvals{Unknown: "this forge tells of no approvals"}
	}
	var a promoter.Approvals
	reviews, err := talker.Reviews(ctx, q.Pull)
	if err != nil {
		return promoter.Approvals{Unknown: fmt.Sprintf("read reviews: %v", err)}
	}
	for _, r := range reviews {
		switch {
		case r.State == "approved" && r.Commit == q.Head:
			a.By = append(a.By, r.Author)
		case r.State == "changes_requested":
			a.Against = append(a.Against, r.Author)
		}
	}
	since := l.seen(q.HeadAt)
	for _, c := range t.approvals {
		if c.Number == q.Pull && c.At.After(since) {
			a.By = append(a.By, c.Author)
		}
	}
	labels, err := talker.Labelings(ctx, q.Pull)
	if err != nil {
		return promoter.Approvals{Unknown: fmt.Sprintf("read labels: %v", err)}
	}
	for _, lab := range labels {
		if lab.Label == promoter.ApprovedLabel && lab.At.After(since) {
			a.By = append(a.By, lab.By)
		}
	}
	slices.Sort(a.By)
	a.By = slices.DeleteFunc(slices.Compact(a.By), func(who string) bool { return who == "" || who == q.Author })
	for _, who := range a.By {
		may, err := allowed(ctx, talker, q.From, who)
		if err != nil {
			return promoter.Approvals{Unknown: err.Error()}
		}
		if may {
			a.Allowed = append(a.Allowed, who)
		}
	}
	return a
}

// seen is when a commit of ours could first be seen, by the forge's clock: what
// it stamped before that by a clock that is ahead of ours was said of another.
func (l *Listener) seen(at time.Time) time.Time {
	if c, ok := l.Forge.(Clocked); ok && l.Now != nil {
		if now, known := c.Clock(); known {
			return at.Add(max(now.Sub(l.Now()), 0))
		}
	}
	return at
}

// allowed reports whether somebody's approval counts: they are named, or in a
// team that is; where nobody is named, whoever may write.
func allowed(ctx context.Context, talker Talker, from []string, who string) (bool, error) {
	if len(from) == 0 {
		right, err := talker.Permission(ctx, who)
		if err != nil {
			return false, fmt.Errorf("ask what %s may do: %w", who, err)
		}
		return right == "write" || right == "admin", nil
	}
	for _, f := range from {
		if !strings.Contains(f, "/") {
			if strings.EqualFold(f, who) {
				return true, nil
			}
			continue
		}
		in, err := talker.Member(ctx, f, who)
		if err != nil {
			return false, fmt.Errorf("ask whether %s is in %s: %w", who, f, err)
		}
		if in {
			return true, nil
		}
	}
	return false, nil
}
