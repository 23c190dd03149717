package gitops_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"promoter/gitops"
	"promoter/gitops/github"
	"promoter/promoter"
	"promoter/templates"
	"promoter/test/world/forge"
)

// hall is a forge and those who talk on it, one request at a time.
type hall struct {
	*testing.T
	server *forge.Server
	repo   *forge.Repo
}

func newHall(t *testing.T) *hall {
	t.Helper()
	s, err := forge.Start(forge.Options{Hourly: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	s.AddToken("secret", "promoter-bot", true)
	r, err := s.Create("acme", "fleet")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Commit("ana", "main", "", "Begin", map[string][]byte{"pin.yaml": []byte("version: 1\n")}); err != nil {
		t.Fatal(err)
	}
	return &hall{t, s, r}
}

func speech() gitops.Words {
	return gitops.Words{
		Record: templates.Record, RecordOf: templates.RecordOf, Reply: templates.Reply, RepliesTo: templates.RepliesTo,
		Ticket: templates.Ticket, TicketKey: templates.TicketKeyOf, Closing: templates.Closing, Superseded: templates.Superseded,
	}
}

// bot is a Promoter that knows nothing of others. Each of its requests waits
// until it is let through.
type bot struct {
	gitops.Executor
	asks  chan *request
	ended chan error
	over  bool
	err   error
}

type request struct {
	pass   chan bool
	served chan struct{}
}

var errKilled = errors.New("killed")

func (b *bot) RoundTrip(r *http.Request) (*http.Response, error) {
	ask := &request{make(chan bool), make(chan struct{})}
	b.asks <- ask
	if !<-ask.pass {
		return nil, errKilled
	}
	defer close(ask.served)
	return http.DefaultTransport.RoundTrip(r)
}

// bot begins an action.
func (h *hall) bot(a promoter.Action) *bot {
	h.Helper()
	b := &bot{asks: make(chan *request), ended: make(chan error, 1)}
	b.Executor = h.executor(b)
	go func() {
		_, err := b.Execute(h.Context(), a)
		b.ended <- err
	}()
	return b
}

func (h *hall) executor(through http.RoundTripper) gitops.Executor {
	h.Helper()
	f, err := github.New(github.Options{
		Owner: "acme", Repo: "fleet", BaseURL: h.server.API(), HTTP: &http.Client{Transport: through}, Token: func(context.Context) (string, error) { return "secret", nil },
	})
	if err != nil {
		h.Fatal(err)
	}
	return gitops.Executor{Forge: f, Now: time.Now, Selves: []string{"promoter-bot"}, Words: speech()}
}

// turn lets the next request through, or loses it, and waits for its answer.
func (b *bot) turn(pass bool) {
	if b.over {
		return
	}
	select {
	case ask := <-b.asks:
		ask.pass <- pass
		if pass {
			<-ask.served
		}
	case b.err = <-b.ended:
		b.over = true
	}
}

func (b *bot) rest(pass bool) {
	for !b.over {
		b.turn(pass)
	}
}

// orders are all the orders in which a makes m requests and b makes n.
func orders(m, n int) (all []string) {
	if m == 0 || n == 0 {
		return []string{strings.Repeat("a", m) + strings.Repeat("b", n)}
	}
	for _, rest := range orders(m-1, n) {
		all = append(all, "a"+rest)
	}
	for _, rest := range orders(m, n-1) {
		all = append(all, "b"+rest)
	}
	return all
}

// saying is something to say under an issue of its own, and how often it stands.
type saying struct {
	name string
	// steps are the requests until it is said once and looked at again, after
	// as many that do not matter.
	before, steps int
	// make makes the nth one, in the words of two who saw the same.
	make func(h *hall, n int) (words func(who string) promoter.Action, stands func() []string)
}

// under are the comments on an issue, in what they mean.
func (h *hall) under(number int) (texts []string) {
	for _, i := range h.repo.Issues() {
		if i.Number == number {
			for _, c := range i.Comments {
				texts = append(texts, c.Text)
			}
		}
	}
	return texts
}

var sayings = []saying{
	{"record", 0, 4, func(h *hall, n int) (func(string) promoter.Action, func() []string) {
		number := h.repo.OpenIssue("promoter-bot", "A pull", "")
		return func(who string) promoter.Action {
			return promoter.WriteRecord{Number: number, Title: "bad", Record: promoter.Record{Branch: fmt.Sprint("promoter/x/", n), Lines: []string{who}}}
		}, func() []string { return h.under(number) }
	}},
	{"reply", 0, 4, func(h *hall, n int) (func(string) promoter.Action, func() []string) {
		number := h.repo.OpenIssue("promoter-bot", "A pull", "")
		return func(who string) promoter.Action {
			return promoter.Reply{Number: number, Comment: int64(1000 + n), Text: who}
		}, func() []string { return h.under(number) }
	}},
	{"closing", 1, 4, func(h *hall, n int) (func(string) promoter.Action, func() []string) {
		number := h.repo.OpenIssue("promoter-bot", "A ticket", "", promoter.TicketLabel)
		return func(string) promoter.Action {
			return promoter.CloseTicket{Number: number, Reason: fmt.Sprint("reason ", n)}
		}, func() []string { return h.under(number) }
	}},
	{"ticket", 0, 4, func(h *hall, n int) (func(string) promoter.Action, func() []string) {
		key := fmt.Sprint("incident ", n)
		return func(who string) promoter.Action {
				return promoter.OpenTicket{Key: key, Title: "Redis needs " + who, Lines: []string{"It is so."}}
			}, func() (open []string) {
				for _, i := range h.repo.Issues() {
					if i.State == "open" && templates.TicketKeyOf(i.Body) == key {
						open = append(open, i.Title)
					} else if templates.TicketKeyOf(i.Body) == key && len(i.Comments) != 1 {
						h.Errorf("the duplicate #%d says %d times why it is closed", i.Number, len(i.Comments))
					}
				}
				return open
			}
	}},
}

// TestTwoSayItOnce: of two who say the same at the same moment one is heard, in
// whatever order their requests come.
func TestTwoSayItOnce(t *testing.T) {
	t.Parallel()
	for _, s := range sayings {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			h, twice := newHall(t), 0
			for n, order := range orders(s.steps, s.steps) {
				if n > 0 && n%40 == 0 {
					h = newHall(t) // issues of more than one page are looked at in more requests
				}
				words, stands := s.make(h, n)
				one, two := h.bot(words("one")), h.bot(words("two"))
				for range s.before {
					one.turn(true)
					two.turn(true)
				}
				var first string
				for _, who := range order {
					map[rune]*bot{'a': one, 'b': two}[who].turn(true)
					said := stands()
					if len(said) == 1 && first == "" {
						first = said[0]
					}
					if len(said) > 1 {
						twice++
					}
				}
				one.rest(true)
				two.rest(true)
				if one.err != nil || two.err != nil {
					t.Errorf("%s: %v, %v", order, one.err, two.err)
				}
				if got := stands(); len(got) != 1 || got[0] != first {
					t.Errorf("%s: it stands %d times: %q, want what was said first: %q", order, len(got), got, first)
				}
			}
			if twice == 0 {
				t.Error("they never said it at the same moment: nothing was proven")
			}
		})
	}
}

// TestOneOfTwoIsKilled: one dies before it can look again, in whatever order
// their requests come. Whoever comes next says it no third time, and a later
// look finds what stands twice.
func TestOneOfTwoIsKilled(t *testing.T) {
	t.Parallel()
	for _, s := range sayings {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			h, twice := newHall(t), 0
			for n, order := range orders(s.steps, 2) {
				words, stands := s.make(h, n)
				one, two := h.bot(words("one")), h.bot(words("two"))
				for range s.before {
					one.turn(true)
					two.turn(true)
				}
				for _, who := range order {
					map[rune]*bot{'a': one, 'b': two}[who].turn(true)
				}
				two.rest(false)
				one.rest(true)
				if one.err != nil || two.err != nil && !errors.Is(two.err, errKilled) {
					t.Errorf("%s: %v, %v", order, one.err, two.err)
				}
				left := len(stands())
				if left < 1 || left > 2 {
					t.Fatalf("%s: it stands %d times", order, left)
				}
				twice += left - 1
				next := h.executor(http.DefaultTransport)
				if _, err := next.Execute(t.Context(), words("three")); err != nil {
					t.Errorf("%s: %v", order, err)
				}
				if got := stands(); len(got) > left {
					t.Errorf("%s: it stands %d times: %q", order, len(got), got)
				}
				if s.name == "closing" {
					continue // it has no mark by which it could be found
				}
				h.mend(&next)
				if got := stands(); len(got) != 1 {
					t.Errorf("%s: it stands %d times: %q", order, len(got), got)
				}
			}
			if twice == 0 {
				t.Error("nothing was ever left to mend: nothing was proven")
			}
		})
	}
}

// mend does what a look does that finds something said twice.
func (h *hall) mend(e *gitops.Executor) {
	h.Helper()
	l := gitops.Listener{Forge: e.Forge, Words: speech(), Now: time.Now}
	for _, d := range l.Listen(h.Context(), e.Selves).Duplicates {
		if err := e.Mend(h.Context(), d); err != nil {
			h.Errorf("%s: %v", d, err)
		}
	}
	if again := l.Listen(h.Context(), e.Selves); len(again.Duplicates) > 0 || again.Unknown != "" {
		h.Errorf("mended, and still: %v %s", again.Duplicates, again.Unknown)
	}
}

// TestNobodysWordsAreTakenBack: what people write, be it our own words, is no
// duplicate, and neither is what we say of another pull, or have said before.
func TestNobodysWordsAreTakenBack(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	one, two := h.repo.OpenIssue("promoter-bot", "One", ""), h.repo.OpenIssue("promoter-bot", "Two", "")
	record := promoter.WriteRecord{Number: one, Title: "bad", Record: promoter.Record{Branch: "promoter/x/dev", Lines: []string{"0.12 > 0.01"}}}
	ticket := promoter.OpenTicket{Key: "incident x", Title: "x", Lines: []string{"y"}}
	title, body, labels := templates.Ticket(ticket)
	for range 2 {
		for _, c := range []struct{ by, text string }{{"mallory", templates.Record(record)}, {"mallory", templates.Reply(promoter.Reply{Comment: 7, Text: "No."})}, {"promoter-bot", "Hm."}} {
			if err := h.repo.Comment(one, c.by, c.text); err != nil {
				t.Fatal(err)
			}
		}
		h.repo.OpenIssue("mallory", title, body, labels...)
	}
	e := h.executor(http.DefaultTransport)
	other := record
	other.Number = two
	for _, a := range []promoter.Action{record, other, promoter.Reply{Number: one, Comment: 7, Text: "Held."}} {
		if _, err := e.Execute(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	before := h.repo.Issues()
	h.mend(&e)
	if n, m := len(h.under(one)), len(h.under(two)); n != 8 || m != 1 {
		t.Errorf("%d and %d comments stand, want 8 and 1", n, m)
	}
	for i, now := range h.repo.Issues() {
		if now.State != before[i].State || !slices.Equal(now.Comments, before[i].Comments) {
			t.Errorf("got %+v, want %+v", now, before[i])
		}
	}
}

// TestWhatAPersonClosedStaysClosed: of two that call a person at the same
// moment, the second finds that somebody has closed the first one's issue.
func TestWhatAPersonClosedStaysClosed(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	title, body, labels := templates.Ticket(promoter.OpenTicket{Key: "incident x", Title: "x", Lines: []string{"y"}})
	first := h.repo.OpenIssue("promoter-bot", title, body, labels...)
	if err := h.repo.Close(first, "ana"); err != nil {
		t.Fatal(err)
	}
	h.repo.OpenIssue("promoter-bot", title, body, labels...)
	e := h.executor(http.DefaultTransport)
	h.mend(&e)
	for _, i := range h.repo.Issues() {
		if i.State != "closed" {
			t.Errorf("#%d is open again", i.Number)
		}
	}
}

// TestLastWord: what was said before something else is said again, and another
// account's comment is left alone.
func TestLastWord(t *testing.T) {
	t.Parallel()
	said := func(texts ...string) (all []gitops.Comment) {
		for i, text := range texts {
			by, text, _ := strings.Cut(text, ": ")
			all = append(all, gitops.Comment{ID: int64(i + 1), Author: by, Body: text})
		}
		return all
	}
	for _, c := range []struct {
		name                  string
		before, amidst, after []gitops.Comment // there already; added between look and write, and between write and look
		want                  []int64
	}{
		{"nothing", nil, nil, nil, []int64{1}},
		{"something else", said("ana: Hm."), nil, nil, []int64{1, 2}},
		{"the same", said("ana: Hm.", "bot: Over.\n"), nil, nil, []int64{1, 2}},
		{"the same, and then something else", said("bot: Over.", "ana: No."), nil, nil, []int64{1, 2, 3}},
		{"at the same moment", said("bot: Over.", "ana: No."), said("bot: Over."), nil, []int64{1, 2, 3}},
		{"at the same moment, with a word between", nil, said("bot: Over.", "ana: No."), nil, []int64{1, 2}},
		{"at the same moment by another account", nil, said("other: Over."), nil, []int64{1}},
		{"a moment later", nil, nil, said("ana: No.", "bot: Over."), []int64{1, 2}},
		{"a moment later by another account", nil, nil, said("other: Over."), []int64{1, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			thread := c.before
			add := func(x gitops.Comment) gitops.Comment {
				x.ID = int64(len(thread) + 1)
				thread = append(slices.Clone(thread), x)
				return x
			}
			err := gitops.LastWord(gitops.Thread{
				Read: func() ([]gitops.Comment, error) { return thread, nil },
				Write: func(body string) (gitops.Comment, error) {
					for _, x := range c.amidst {
						add(x)
					}
					own := add(gitops.Comment{Author: "bot", Body: body})
					for _, x := range c.after {
						add(x)
					}
					return own, nil
				},
				Remove: func(id int64) error {
					thread = slices.DeleteFunc(slices.Clone(thread), func(x gitops.Comment) bool { return x.ID == id })
					return nil
				},
			}, "Over.")
			if err != nil {
				t.Fatal(err)
			}
			var got []int64
			for _, x := range thread {
				got = append(got, x.ID)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
