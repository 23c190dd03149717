package forgetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"promoter/gitops"
)

// desk returns the forge as a Desk, or skips.
func (t *test) desk() gitops.Desk {
	t.Helper()
	f, ok := t.Forge.(gitops.Desk)
	if !ok {
		t.Skip("the driver keeps no issues")
	}
	return f
}

func (t *test) issues(f gitops.Desk, label string) []gitops.Issue {
	t.Helper()
	list, err := f.Issues(t.ctx, label)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func issues(t *test) {
	f := t.desk()
	if got := t.issues(f, "promoter/incident"); len(got) != 0 {
		t.Fatalf("with a label that there is not: got %+v", got)
	}
	n := gitops.NewIssue{Title: "redis 2 was <reverted> in staging", Body: "Why:\n\n- `x`\n", Labels: []string{"promoter/incident", "wave: canary"}}
	if t.Assignee != "" {
		n.Assignees = []string{t.Assignee}
	}
	i, err := f.OpenIssue(t.ctx, n)
	if err != nil {
		t.Fatal(err)
	}
	list := t.issues(f, "promoter/incident")
	if len(list) != 1 {
		t.Fatalf("got %d issues, want 1", len(list))
	}
	for _, got := range []gitops.Issue{i, list[0]} {
		if got.Number != i.Number || got.Title != n.Title || strings.TrimSpace(got.Body) != strings.TrimSpace(n.Body) || !got.Open || got.URL == "" || got.Author == "" {
			t.Errorf("opened: got %+v", got)
		}
		if l := slices.Sorted(slices.Values(got.Labels)); !slices.Equal(l, n.Labels) || got.At.IsZero() || !got.ClosedAt.IsZero() || got.ClosedBy != "" {
			t.Errorf("opened: got %+v", got)
		}
	}
	if t.Assignee != "" {
		if _, assignees := t.World.Asked(t, i.Number); !slices.Equal(assignees, n.Assignees) {
			t.Errorf("assigned to %q, want %q", assignees, n.Assignees)
		}
	}
	// The second time, the labels are there.
	again, err := f.OpenIssue(t.ctx, gitops.NewIssue{Title: "Another", Labels: []string{"promoter/incident"}})
	if err != nil || again.Number == i.Number {
		t.Fatalf("a second one: got %+v, %v", again, err)
	}
	if got := t.issues(f, "wave: canary"); len(got) != 1 || got[0].Number != i.Number {
		t.Errorf("with the other label: got %+v", got)
	}
	if err := f.EditIssue(t.ctx, i.Number, "redis 2 was reverted everywhere", "Why:\n\n- `y`\n"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := f.CloseIssue(t.ctx, i.Number, "It is over."); err != nil {
			t.Fatal(err)
		}
	}
	if got := t.World.Comments(t, i.Number); !slices.Equal(got, []string{"It is over."}) {
		t.Errorf("comments: got %q", got)
	}
	list = t.issues(f, "promoter/incident")
	if len(list) != 2 || list[0].Number != again.Number || list[1].Number != i.Number {
		t.Fatalf("got %+v, want #%d and #%d", list, again.Number, i.Number)
	}
	got := list[1]
	if got.Title != "redis 2 was reverted everywhere" || !strings.Contains(got.Body, "`y`") || got.Open || got.ClosedAt.IsZero() || time.Since(got.ClosedAt).Abs() > time.Hour || len(got.Labels) != 2 {
		t.Errorf("edited and closed: got %+v", got)
	}
	if got.ClosedBy != "" && got.ClosedBy != got.Author {
		t.Errorf("closed by %q, want %q", got.ClosedBy, got.Author)
	}
	for what, err := range map[string]error{"edit": f.EditIssue(t.ctx, 4711, "x", ""), "close": f.CloseIssue(t.ctx, 4711, "x")} {
		if !errors.Is(err, gitops.ErrNotFound) {
			t.Errorf("%s what is not there: got %v, want %v", what, err, gitops.ErrNotFound)
		}
	}
	p := t.open("promoter/a")
	if err := f.CloseIssue(t.ctx, p.Number, "x"); !errors.Is(err, gitops.ErrNotFound) || t.pull(p.Number).State != "open" {
		t.Errorf("close a pull as an issue: got %v", err)
	}
}

func issuesClosedBy(t *test) {
	f, people := t.desk(), t.people()
	i, err := f.OpenIssue(t.ctx, gitops.NewIssue{Title: "One", Labels: []string{"promoter/incident"}})
	if err != nil {
		t.Fatal(err)
	}
	people.CloseIssue(t, t.Reviewer, i.Number)
	if got := t.issues(f, "promoter/incident"); len(got) != 1 || got[0].Open || got[0].ClosedBy != t.Reviewer || got[0].Author != i.Author {
		t.Errorf("got %+v, want it closed by %s", got, t.Reviewer)
	}
	if err := f.CloseIssue(t.ctx, i.Number, "Never said."); err != nil {
		t.Errorf("close what a person closed: %v", err)
	}
	if got := t.World.Comments(t, i.Number); len(got) != 0 {
		t.Errorf("comments: got %q", got)
	}
}

func issuesPaging(t *test) {
	f := t.desk()
	pages, ok := t.Pages.(gitops.Desk)
	if !ok {
		t.Skip("its pages have one size")
	}
	t.labelled("promoter/a", "promoter/incident") // a pull is no issue
	n := 2*t.PageSize + 1
	want := map[int]bool{} // is it open?
	for i := range n {
		got, err := f.OpenIssue(t.ctx, gitops.NewIssue{Title: fmt.Sprint("Issue ", i), Labels: []string{"promoter/incident"}})
		if err != nil {
			t.Fatal(err)
		}
		want[got.Number] = i%2 == 0
		if i%2 == 1 {
			if err := f.CloseIssue(t.ctx, got.Number, ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := f.OpenIssue(t.ctx, gitops.NewIssue{Title: "Of another kind", Labels: []string{"promoter/incidental"}}); err != nil {
		t.Fatal(err)
	}
	last := 1 << 30
	for _, i := range t.issues(pages, "promoter/incident") {
		open, is := want[i.Number]
		if !is || i.Number >= last || i.Open != open {
			t.Errorf("after #%d: %+v", last, i)
		}
		delete(want, i.Number)
		last = i.Number
	}
	if len(want) > 0 {
		t.Errorf("of %d issues are missing: %v", n, want)
	}
}

// queuer returns the forge as a Queuer, or skips.
func (t *test) queuer() gitops.Queuer {
	t.Helper()
	f, ok := t.Forge.(gitops.Queuer)
	if !ok {
		t.Skip("the driver knows no merge queue")
	}
	return f
}

// queue gives main a merge queue, or skips.
func (t *test) queue() gitops.Queuer {
	t.Helper()
	f := t.queuer()
	if t.Queue == nil {
		t.Skip("the server has no merge queue")
	}
	t.Queue(t.T)
	return f
}

func enqueue(t *test) {
	f := t.queue()
	var all []gitops.Pull
	for _, name := range []string{"promoter/a", "promoter/b"} {
		p := t.open(name)
		if err := f.Enqueue(t.ctx, p.Number, p.Head); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	for _, p := range all {
		t.until("the queue has merged it", func() bool { return t.pull(p.Number).State == "merged" })
		commit := t.pull(p.Number).Merge
		t.merged(p, commit)
		i := slices.IndexFunc(t.World.Log(t, "main"), func(c Commit) bool { return c.Hash == commit })
		if i < 0 {
			t.Errorf("#%d is merged as %q, which is not on main", p.Number, commit)
		} else if c := t.World.Log(t, "main")[i]; len(c.Parents) > 1 && c.Parents[1] != p.Head {
			t.Errorf("#%d is merged as %+v, want head %s", p.Number, c, p.Head)
		}
		// What is merged needs no place in the queue.
		if err := f.Enqueue(t.ctx, p.Number, p.Head); err != nil {
			t.Errorf("merged already: %v", err)
		}
	}
	if a, b := t.pull(all[0].Number).Merge, t.pull(all[1].Number).Merge; a == b {
		t.Errorf("both are merged as %s", a)
	}
}

func enqueueStale(t *test) {
	f := t.queue()
	p := t.open("promoter/a")
	next := t.World.Commit(t, "promoter/a", "", map[string]string{"by/a/person": "x\n"})
	for range 2 { // at once, and when the forge has taken notice
		if err := f.Enqueue(t.ctx, p.Number, p.Head); !errors.Is(err, gitops.ErrStale) {
			t.Errorf("at a head that has moved: got %v, want %v", err, gitops.ErrStale)
		}
		t.until("the pull is at the pushed commit", func() bool { return t.pull(p.Number).Head == next })
	}
	if err := f.Enqueue(t.ctx, p.Number, ""); err == nil {
		t.Error("it was taken without a head")
	}
	t.World.Close(t, p.Number)
	if err := f.Enqueue(t.ctx, p.Number, next); !errors.Is(err, gitops.ErrStale) {
		t.Errorf("closed: got %v, want %v", err, gitops.ErrStale)
	}
	if err := f.Enqueue(t.ctx, 4711, next); !errors.Is(err, gitops.ErrNotFound) {
		t.Errorf("what is not there: got %v, want %v", err, gitops.ErrNotFound)
	}
}

func enqueueTwice(t *test) {
	f := t.queue()
	p := t.open("promoter/a")
	before := len(t.World.Log(t, "main"))
	for range 3 {
		if err := f.Enqueue(t.ctx, p.Number, p.Head); err != nil {
			t.Fatal(err)
		}
	}
	t.until("the queue has merged it", func() bool { return t.pull(p.Number).State == "merged" })
	if main := t.World.Log(t, "main"); len(main) != before+2 && len(main) != before+1 || main[0].Hash != t.pull(p.Number).Merge {
		t.Errorf("main is %+v, want it merged once", main)
	}
}

func enqueueNone(t *test) {
	f := t.queuer()
	p := t.open("promoter/a")
	if err := f.Enqueue(t.ctx, p.Number, p.Head); err == nil || errors.Is(err, gitops.ErrStale) {
		t.Errorf("got %v, want a refusal", err)
	}
	if got := t.pull(p.Number); got.State != "open" {
		t.Errorf("got %+v", got)
	}
}
