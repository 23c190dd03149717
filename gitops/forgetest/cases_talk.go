package forgetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"promoter/gitops"
)

// talker returns the forge as a Talker, or skips.
func (t *test) talker() gitops.Talker {
	t.Helper()
	f, ok := t.Forge.(gitops.Talker)
	if !ok {
		t.Skip("the driver does not talk")
	}
	return f
}

// people returns those who act, or skips.
func (t *test) people() People {
	t.Helper()
	if t.People == nil {
		t.Skip("nobody else is there to act")
	}
	return t.People
}

// labelled makes labels that people can use: they come to be with a pull.
func (t *test) labelled(branch string, labels ...string) gitops.Pull {
	t.Helper()
	p, err := t.Forge.Open(t.ctx, gitops.NewPull{Text: gitops.Text{Title: "Labels"}, Branch: branch, Head: t.branch(branch), Base: "main", Labels: labels})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (t *test) comments(f gitops.Talker, since time.Time) []gitops.Comment {
	t.Helper()
	list, err := f.Comments(t.ctx, since)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func commentsSince(t *test) {
	f, people := t.talker(), t.people()
	if got := t.comments(f, time.Time{}); len(got) != 0 {
		t.Fatalf("a new repository has comments: %+v", got)
	}
	p := t.open("promoter/a")
	i := people.OpenIssue(t, t.Assignee, "Redis is slow")
	people.Comment(t, t.Reviewer, p.Number, "/promoter hold\r\nbecause `x` > 日本")
	people.Comment(t, t.Assignee, i, "Since the update.")
	if err := f.Comment(t.ctx, p.Number, "Held."); err != nil {
		t.Fatal(err)
	}
	got := t.comments(f, time.Time{})
	if len(got) != 3 {
		t.Fatalf("got %d comments, want 3: %+v", len(got), got)
	}
	for n, want := range []gitops.Comment{
		{Number: p.Number, Author: t.Reviewer, Body: "/promoter hold\nbecause `x` > 日本"}, {Number: i, Author: t.Assignee, Body: "Since the update."}, {Number: p.Number, Author: p.Author, Body: "Held."},
	} {
		c := got[n]
		if c.Number != want.Number || c.Author != want.Author || strings.ReplaceAll(c.Body, "\r", "") != want.Body {
			t.Errorf("comment %d: got %+v, want %+v", n, c, want)
		}
		if c.ID == 0 || c.URL == "" || c.At.IsZero() || !c.Edited.Equal(c.At) || time.Since(c.At).Abs() > time.Hour {
			t.Errorf("comment %d: got %+v", n, c)
		}
	}
	if got := t.comments(f, time.Now().Add(time.Hour)); len(got) != 0 {
		t.Errorf("since a time to come: got %+v", got)
	}
	// What is edited is told of again, and what is not, is not. Forges count
	// in seconds.
	last := got[2].Edited
	var edited gitops.Comment
	text := "Since the last update"
	t.until("the edited comment is newer than the others", func() bool {
		text += "!"
		people.EditComment(t, t.Assignee, i, 0, text)
		for _, c := range t.comments(f, last) {
			if c.ID == got[1].ID {
				edited = c
			}
		}
		return edited.Edited.After(last)
	})
	since := t.comments(f, edited.Edited)
	if len(since) != 1 || since[0].ID != got[1].ID || since[0].Body != text || !since[0].At.Equal(got[1].At) {
		t.Errorf("since the edit: got %+v, want comment %d alone", since, got[1].ID)
	}
	if got := t.comments(f, time.Time{}); len(got) != 3 || got[1].Body != text {
		t.Errorf("all: got %+v, want the oldest first", got)
	}
}

func commentsPaging(t *test) {
	f := t.talker()
	pages, ok := t.Pages.(gitops.Talker)
	if !ok {
		t.Skip("its pages have one size")
	}
	a, b := t.open("promoter/a"), t.open("promoter/b")
	n := 2*t.PageSize + 1
	for i := range n {
		number := a.Number
		if i%2 == 1 {
			number = b.Number
		}
		if err := f.Comment(t.ctx, number, fmt.Sprintf("comment %d", i)); err != nil {
			t.Fatal(err)
		}
	}
	got := t.comments(pages, a.UpdatedAt.Add(-time.Minute))
	if len(got) != n {
		t.Fatalf("got %d comments, want %d", len(got), n)
	}
	for i, c := range got {
		if c.Body != fmt.Sprintf("comment %d", i) {
			t.Errorf("comment %d is %q", i, c.Body)
		}
	}
}

func comment(t *test) {
	f := t.talker()
	p := t.open("promoter/a")
	if err := f.Comment(t.ctx, p.Number, "It **works**.\n"); err != nil {
		t.Fatal(err)
	}
	if got := t.World.Comments(t, p.Number); len(got) != 1 || strings.TrimSpace(got[0]) != "It **works**." {
		t.Errorf("got %q", got)
	}
	if err := f.Comment(t.ctx, 4711, "Lost."); !errors.Is(err, gitops.ErrNotFound) {
		t.Errorf("under nothing: got %v, want %v", err, gitops.ErrNotFound)
	}
}

// uncomment: what is taken back is gone, and nothing else is; two may take back
// the same.
func uncomment(t *test) {
	f := t.talker()
	u, ok := t.Forge.(gitops.Uncommenter)
	if !ok {
		t.Skip("the driver takes nothing back")
	}
	a, b := t.open("promoter/a"), t.open("promoter/b")
	for _, number := range []int{a.Number, b.Number, a.Number} {
		if err := f.Comment(t.ctx, number, "Said."); err != nil {
			t.Fatal(err)
		}
	}
	said := t.comments(f, time.Time{})
	if len(said) != 3 || said[0].ID >= said[1].ID || said[1].ID >= said[2].ID {
		t.Fatalf("got %+v, want three whose numbers rise", said)
	}
	for range 2 {
		if err := u.Uncomment(t.ctx, said[2].ID); err != nil {
			t.Fatal(err)
		}
		if got := t.comments(f, time.Time{}); len(got) != 2 || got[0].ID != said[0].ID || got[1].ID != said[1].ID {
			t.Errorf("got %+v, want the first two", got)
		}
	}
	if err := u.Uncomment(t.ctx, 1<<40); err != nil {
		t.Errorf("what was never said: %v", err)
	}
	if p := t.pull(a.Number); p.State != "open" {
		t.Errorf("got %+v", p)
	}
}

// lastWords: of many who close the same at once with the same words, one is
// heard.
func lastWords(t *test) {
	desk := t.desk()
	p := t.open("promoter/a")
	i, err := desk.OpenIssue(t.ctx, gitops.NewIssue{Title: "One", Labels: []string{"promoter/incident"}})
	if err != nil {
		t.Fatal(err)
	}
	for what, closes := range map[string]func(string) error{
		"pull":  func(why string) error { return t.Forge.Close(t.ctx, p.Number, p.Head, gitops.Closing{Comment: why}) },
		"issue": func(why string) error { return desk.CloseIssue(t.ctx, i.Number, why) },
	} {
		var g errgroup.Group
		for range 6 {
			g.Go(func() error { return closes("The " + what + " is over.") })
		}
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
	}
	for number, want := range map[int]string{p.Number: "The pull is over.", i.Number: "The issue is over."} {
		if got := t.World.Comments(t, number); len(got) != 1 || strings.TrimSpace(got[0]) != want {
			t.Errorf("#%d: got %q, want %q once", number, got, want)
		}
	}
}

// reviewed checks the reviews of a pull, in any order.
func (t *test) reviewed(f gitops.Talker, number int, want ...gitops.Review) {
	t.Helper()
	got, err := f.Reviews(t.ctx, number)
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if got[i].At.IsZero() || time.Since(got[i].At).Abs() > time.Hour {
			t.Errorf("got %+v", got[i])
		}
		got[i].At = time.Time{}
	}
	byAuthor := func(a, b gitops.Review) int { return strings.Compare(a.Author, b.Author) }
	slices.SortFunc(got, byAuthor)
	slices.SortFunc(want, byAuthor)
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func reviews(t *test) {
	f, people := t.talker(), t.people()
	p := t.open("promoter/a")
	t.reviewed(f, p.Number)
	people.Review(t, t.Reviewer, p.Number, "commented")
	t.reviewed(f, p.Number)
	people.Review(t, t.Reviewer, p.Number, "approved")
	ben := gitops.Review{Author: t.Reviewer, State: "approved", Commit: p.Head}
	t.reviewed(f, p.Number, ben)
	people.Review(t, t.Assignee, p.Number, "changes_requested")
	cleo := gitops.Review{Author: t.Assignee, State: "changes_requested", Commit: p.Head}
	t.reviewed(f, p.Number, ben, cleo)
	people.Review(t, t.Reviewer, p.Number, "commented") // takes nothing back
	t.reviewed(f, p.Number, ben, cleo)
	people.Dismiss(t, t.Assignee, p.Number)
	cleo.State = "dismissed"
	t.reviewed(f, p.Number, ben, cleo)
	people.Review(t, t.Assignee, p.Number, "approved")
	people.Review(t, t.Reviewer, p.Number, "changes_requested")
	cleo.State, ben.State = "approved", "changes_requested"
	t.reviewed(f, p.Number, ben, cleo)
	if got, err := f.Reviews(t.ctx, 4711); !errors.Is(err, gitops.ErrNotFound) {
		t.Errorf("of nothing: got %+v, %v, want %v", got, err, gitops.ErrNotFound)
	}
}

// oldReviews: a review speaks of what was reviewed, not of what came later.
func oldReviews(t *test) {
	f, people := t.talker(), t.people()
	p := t.open("promoter/a")
	people.Review(t, t.Reviewer, p.Number, "approved")
	people.Review(t, t.Assignee, p.Number, "approved")
	next := t.World.Commit(t, "promoter/a", "", map[string]string{"more": "x\n"})
	t.until("the pull is at the pushed commit", func() bool { return t.pull(p.Number).Head == next })
	ben, cleo := gitops.Review{Author: t.Reviewer, State: "approved", Commit: p.Head}, gitops.Review{Author: t.Assignee, State: "approved", Commit: p.Head}
	t.reviewed(f, p.Number, ben, cleo)
	people.Review(t, t.Reviewer, p.Number, "approved")
	ben.Commit = next
	t.reviewed(f, p.Number, ben, cleo)
}

func labelings(t *test) {
	f, people := t.talker(), t.people()
	p := t.labelled("promoter/a", "promoter", "hold")
	other := t.open("promoter/b")
	want := func(number int, by map[string]string) {
		t.Helper()
		list, err := f.Labelings(t.ctx, number)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, l := range list {
			got[l.Label] = l.By
			if l.At.IsZero() || time.Since(l.At).Abs() > time.Hour {
				t.Errorf("got %+v", l)
			}
		}
		if len(list) != len(by) || fmt.Sprint(got) != fmt.Sprint(by) {
			t.Errorf("#%d: got %+v, want %v", number, list, by)
		}
	}
	want(p.Number, map[string]string{"promoter": p.Author, "hold": p.Author})
	want(other.Number, map[string]string{})
	people.Unlabel(t, t.Reviewer, p.Number, "hold")
	want(p.Number, map[string]string{"promoter": p.Author})
	people.Label(t, t.Reviewer, p.Number, "hold")
	want(p.Number, map[string]string{"promoter": p.Author, "hold": t.Reviewer})
	people.Unlabel(t, p.Author, p.Number, "hold")
	people.Label(t, t.Assignee, p.Number, "hold")
	want(p.Number, map[string]string{"promoter": p.Author, "hold": t.Assignee})
	i := people.OpenIssue(t, t.Assignee, "Slow", "promoter")
	people.Label(t, t.Reviewer, i, "hold")
	want(i, map[string]string{"promoter": t.Assignee, "hold": t.Reviewer})
	if got, err := f.Labelings(t.ctx, 4711); !errors.Is(err, gitops.ErrNotFound) {
		t.Errorf("of nothing: got %+v, %v, want %v", got, err, gitops.ErrNotFound)
	}
}

func permission(t *test) {
	f, people := t.talker(), t.people()
	want := func(login, permission string) {
		t.Helper()
		if got, err := f.Permission(t.ctx, login); err != nil || got != permission {
			t.Errorf("%s: got %q, %v, want %q", login, got, err, permission)
		}
	}
	people.Allow(t, t.Reviewer, "write")
	people.Allow(t, t.Assignee, "read")
	want(t.Reviewer, "write")
	want(t.Assignee, "read")
	people.Allow(t, t.Assignee, "admin")
	want(t.Assignee, "admin")
	for _, login := range []string{"nobody-of-that-name", "", "..", "a/b", "a b?c#d"} {
		want(login, "none")
	}
}

func member(t *test) {
	f, people := t.talker(), t.people()
	if t.Team == "" {
		t.Skip("it has no teams")
	}
	want := func(login string, is bool) {
		t.Helper()
		if got, err := f.Member(t.ctx, t.Team, login); err != nil || got != is {
			t.Errorf("%s: got %v, %v, want %v", login, got, err, is)
		}
	}
	want(t.Reviewer, false)
	people.Join(t, t.Team, t.Reviewer)
	want(t.Reviewer, true)
	want(t.Assignee, false)
	for _, login := range []string{"nobody-of-that-name", "", "..", "a/b"} {
		want(login, false)
	}
	org, _, _ := strings.Cut(t.Team, "/")
	for _, team := range []string{org + "/no-such-team", "no-such-org/team", org, "", org + "/", "../x"} {
		if got, err := f.Member(t.ctx, team, t.Reviewer); err == nil {
			t.Errorf("of team %q: got %v, want an error", team, got)
		}
	}
}
