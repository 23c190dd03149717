package gitops

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"promoter/promoter"
)

// No forge writes a comment, or opens an issue, on the condition that there is
// none yet. So whoever writes looks before and after: of those who stepped in
// between another's look and write, each sees what was there before its own,
// and takes back all but the oldest. The oldest is never taken back, so that
// exactly one stays, whoever looks first.

// say writes a comment, unless we have said the same.
func (e *Executor) say(ctx context.Context, number int, body string, same func(Comment) bool) error {
	t, err := e.talker()
	if err != nil {
		return err
	}
	said, err := e.said(ctx, t, same)
	if err != nil {
		return err
	}
	if len(said) == 0 {
		if err := t.Comment(ctx, number, body); err != nil {
			return err
		}
		if said, err = e.said(ctx, t, same); err != nil {
			return fmt.Errorf("look whether it is said twice: %w", err)
		}
	}
	if len(said) < 2 {
		return nil
	}
	return e.unsay(ctx, said[1:])
}

// said are our own comments of one meaning, the oldest first.
func (e *Executor) said(ctx context.Context, t Talker, same func(Comment) bool) ([]int64, error) {
	comments, err := t.Comments(ctx, talkSince(e.Now()))
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, c := range comments {
		if slices.Contains(e.Selves, c.Author) && same(c) {
			ids = append(ids, c.ID)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// unsay deletes comments. Where a forge deletes none, they stand.
func (e *Executor) unsay(ctx context.Context, ids []int64) error {
	u, ok := e.Forge.(Uncommenter)
	if !ok {
		return nil
	}
	for _, id := range ids {
		if err := u.Uncomment(ctx, id); err != nil {
			return fmt.Errorf("take back what is said twice: %w", err)
		}
	}
	return nil
}

// alone closes the ticket that we have opened if there is an older one for the
// same, and those that others opened after it. It returns the first one.
func (e *Executor) alone(ctx context.Context, desk Desk, own Issue, a promoter.OpenTicket) (int, error) {
	issues, err := desk.Issues(ctx, promoter.TicketLabel)
	if err != nil {
		return own.Number, fmt.Errorf("look whether #%d is open twice: %w", own.Number, err)
	}
	first, later := own.Number, []int{own.Number}
	for _, i := range issues {
		if i.Number == own.Number || e.Words.TicketKey(i.Body) != a.Key || !i.Open && a.Stop {
			continue
		}
		first = min(first, i.Number) // also one that a person has closed since
		if i.Open && i.Number > own.Number && i.Author == own.Author {
			later = append(later, i.Number)
		}
	}
	for _, number := range later {
		if number == first {
			continue
		}
		if err := e.duplicate(ctx, desk, Duplicate{Ticket: number, Of: first}); err != nil {
			return first, err
		}
	}
	return first, nil
}

// duplicate closes a ticket that another stands for.
func (e *Executor) duplicate(ctx context.Context, desk Desk, d Duplicate) error {
	return desk.CloseIssue(ctx, d.Ticket, e.Words.Closing(promoter.CloseTicket{Number: d.Ticket, Reason: fmt.Sprintf("#%d is about the same", d.Of)}))
}

// Duplicate is what we have said twice, because a run that said it at the same
// moment as another was cut off before it could take it back.
type Duplicate struct {
	Comment int64 // zero: it is a ticket
	Ticket  int
	Of      int // the ticket that stands
}

func (d Duplicate) String() string {
	if d.Comment != 0 {
		return fmt.Sprintf("take back comment %d: it is said twice", d.Comment)
	}
	return fmt.Sprintf("close issue #%d: #%d is about the same", d.Ticket, d.Of)
}

// Mend takes back what is said twice. What is gone already is no error.
func (e *Executor) Mend(ctx context.Context, d Duplicate) error {
	if d.Comment != 0 {
		return e.unsay(ctx, []int64{d.Comment})
	}
	desk, err := e.desk()
	if err != nil {
		return err
	}
	return e.duplicate(ctx, desk, d)
}

// echoes finds what is there twice, each by a key that says what it means; the
// oldest is none. The order of the list does not matter.
func echoes[T any, K comparable](list []T, id func(T) int64, meaning func(T) (K, bool)) (later, oldest []T) {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b T) int { return cmp.Compare(id(a), id(b)) })
	first := map[K]T{}
	for _, x := range list {
		k, ok := meaning(x)
		if !ok {
			continue
		}
		if o, known := first[k]; known {
			later, oldest = append(later, x), append(oldest, o)
			continue
		}
		first[k] = x
	}
	return later, oldest
}

// duplicates are what we have said twice of what was read.
func (l *Listener) duplicates(comments []Comment, issues []Issue, selves []string) (all []Duplicate) {
	later, _ := echoes(comments, func(c Comment) int64 { return c.ID }, func(c Comment) (string, bool) {
		if !slices.Contains(selves, c.Author) {
			return "", false
		}
		if to, ok := l.Words.RepliesTo(c.Body); ok {
			return fmt.Sprint("reply ", to), true
		}
		r, ok := l.Words.RecordOf(c.Body)
		return fmt.Sprint("record ", c.Number, " ", r.Branch), ok
	})
	for _, c := range later {
		all = append(all, Duplicate{Comment: c.ID})
	}
	twice, of := echoes(issues, func(i Issue) int64 { return int64(i.Number) }, func(i Issue) (string, bool) {
		key := l.Words.TicketKey(i.Body)
		return key, key != "" && (i.Open || !slices.Contains(i.Labels, promoter.StopLabel)) && slices.Contains(selves, i.Author)
	})
	for n, i := range twice {
		if i.Open {
			all = append(all, Duplicate{Ticket: i.Number, Of: of[n].Number})
		}
	}
	return all
}

// Thread is what is said under one pull or issue, as a driver has it.
type Thread struct {
	Read  func() ([]Comment, error) // all of it; IDs, authors and bodies are needed
	Write func(body string) (Comment, error)
	// Remove deletes a comment. One that is gone is no error.
	Remove func(id int64) error
}

// LastWord says something with which a pull or an issue is then closed, unless
// it is what was said last. It looks again: where somebody else has said the
// same since, the oldest of these comments stays.
func LastWord(t Thread, text string) error {
	before, err := t.Read()
	if err != nil {
		return err
	}
	var last Comment
	for _, c := range before {
		if c.ID > last.ID {
			last = c
		}
	}
	if last.ID != 0 && alike(last.Body, text) {
		return nil
	}
	own, err := t.Write(text)
	if err != nil {
		return err
	}
	after, err := t.Read()
	if err != nil {
		return fmt.Errorf("look whether it is said twice: %w", err)
	}
	said := []Comment{own}
	for _, c := range after {
		if c.ID > last.ID && c.ID != own.ID && alike(c.Body, text) {
			said = append(said, c)
		}
	}
	return t.oldest(said, own)
}

func alike(a, b string) bool { return strings.TrimSpace(a) == strings.TrimSpace(b) }

// oldest removes all comments but the oldest. What another account than ours
// has said is its own to take back.
func (t Thread) oldest(said []Comment, own Comment) error {
	first := slices.MinFunc(said, func(a, b Comment) int { return cmp.Compare(a.ID, b.ID) })
	for _, c := range said {
		if c.ID == first.ID || c.Author != own.Author {
			continue
		}
		if err := t.Remove(c.ID); err != nil {
			return fmt.Errorf("take back what is said twice: %w", err)
		}
	}
	return nil
}
