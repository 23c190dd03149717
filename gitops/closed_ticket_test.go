package gitops

import (
	"context"
	"testing"

	"promoter/promoter"
)

// desk is a forge of which only the issues are asked.
type desk struct {
	Forge
	issues []Issue
	opened int
}

func (d *desk) Issues(context.Context, string) ([]Issue, error) { return d.issues, nil }
func (d *desk) OpenIssue(context.Context, NewIssue) (Issue, error) {
	d.opened++
	return Issue{Number: 9}, nil
}
func (d *desk) EditIssue(context.Context, int, string, string) error { return nil }
func (d *desk) CloseIssue(context.Context, int, string) error        { return nil }

// TestClosedTicketStaysClosed: whoever decided to open an issue before another
// process opened and closed it does not open it again; a stop may be said again.
func TestClosedTicketStaysClosed(t *testing.T) {
	t.Parallel()
	words := Words{
		Ticket:    func(a promoter.OpenTicket) (string, string, []string) { return a.Title, a.Key, nil },
		TicketKey: func(body string) string { return body },
	}
	for _, c := range []struct {
		action promoter.OpenTicket
		there  Issue
		opened int
	}{
		{promoter.OpenTicket{Key: "incident a"}, Issue{Number: 4, Body: "incident a"}, 0},
		{promoter.OpenTicket{Key: "incident a"}, Issue{Number: 4, Body: "incident a", Open: true}, 0},
		{promoter.OpenTicket{Key: "incident a"}, Issue{Number: 4, Body: "incident b"}, 1},
		{promoter.OpenTicket{Key: "stop ", Stop: true}, Issue{Number: 4, Body: "stop "}, 1},
		{promoter.OpenTicket{Key: "stop ", Stop: true}, Issue{Number: 4, Body: "stop ", Open: true}, 0},
	} {
		d := &desk{issues: []Issue{c.there}}
		e := Executor{Forge: d, Words: words}
		out, err := e.Execute(t.Context(), c.action)
		if err != nil || d.opened != c.opened {
			t.Errorf("%s with %+v: opened %d (%v), want %d", c.action, c.there, d.opened, err, c.opened)
		}
		if !c.there.Open && c.opened == 0 && !out.Stale {
			t.Errorf("%s with %+v: %+v is not told to look again", c.action, c.there, out)
		}
	}
}
