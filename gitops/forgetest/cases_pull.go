package forgetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"promoter/gitops"
)

func lifecycle(t *test) {
	if got := t.pulls(); len(got) != 0 {
		t.Fatalf("a new repository has pulls: %v", got)
	}
	head := t.branch("promoter/redis/staging")
	p, err := t.Forge.Open(t.ctx, gitops.NewPull{
		Text: gitops.Text{Title: "Update redis in staging", Body: "From 1 to 2.\n"}, Branch: "promoter/redis/staging", Head: head, Base: "main",
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []gitops.Pull{p, t.pull(p.Number)} {
		if got.State != "open" || got.Branch != "promoter/redis/staging" || got.Head != head || got.Base != "main" || got.Draft || got.Merge != "" || !got.MergedAt.IsZero() {
			t.Errorf("opened: got %+v", got)
		}
		if got.Title != "Update redis in staging" || strings.TrimSpace(got.Body) != "From 1 to 2." || got.Author == "" || got.URL == "" || got.UpdatedAt.IsZero() || got.CreatedAt.IsZero() || got.CreatedAt.After(got.UpdatedAt) {
			t.Errorf("opened: got %+v", got)
		}
	}
	if err := t.Forge.Update(t.ctx, p.Number, p.Head, gitops.Text{Title: "Update redis in staging to 3", Body: "From 1 to 3.\n"}); err != nil {
		t.Fatal(err)
	}
	if got := t.pull(p.Number); got.Title != "Update redis in staging to 3" || strings.TrimSpace(got.Body) != "From 1 to 3." || got.State != "open" || got.Head != head {
		t.Errorf("updated: got %+v", got)
	}
	if err := t.Forge.Close(t.ctx, p.Number, p.Head, gitops.Closing{Label: "promoter/superseded", Comment: "Superseded."}); err != nil {
		t.Fatal(err)
	}
	if got := t.pull(p.Number); got.State != "closed" || got.Merge != "" || !slices.Equal(got.Labels, []string{"promoter/superseded"}) {
		t.Errorf("closed: got %+v", got)
	}
	if got := t.World.Comments(t, p.Number); !slices.Equal(got, []string{"Superseded."}) {
		t.Errorf("comments: got %q", got)
	}
	// Whoever was stopped before it closed is followed by one who says nothing
	// that is said.
	said := t.open("promoter/said")
	if err := t.Forge.(gitops.Talker).Comment(t.ctx, said.Number, "Superseded too."); err != nil {
		t.Fatal(err)
	}
	if err := t.Forge.Close(t.ctx, said.Number, said.Head, gitops.Closing{Comment: "Superseded too."}); err != nil || t.pull(said.Number).State != "closed" {
		t.Errorf("close after the last word: %v, %+v", err, t.pull(said.Number))
	}
	if got := t.World.Comments(t, said.Number); !slices.Equal(got, []string{"Superseded too."}) {
		t.Errorf("comments: got %q", got)
	}
	// A branch whose pull was closed may have another.
	again, err := t.Forge.Open(t.ctx, gitops.NewPull{Text: gitops.Text{Title: "Again"}, Branch: "promoter/redis/staging", Head: head, Base: "main"})
	if err != nil || again.Number == p.Number {
		t.Errorf("opened again: got #%d, %v, want another than #%d", again.Number, err, p.Number)
	}
	if got := t.pulls(); len(got) != 3 || got[0].Number != again.Number {
		t.Errorf("got %d pulls, the first #%d; want 3, the newest first", len(got), got[0].Number)
	}
}

func textIsKept(t *test) {
	text := gitops.Text{
		Title: `Update "redis" to 18.4.0 <b> & co — 日本語`,
		Body: "| a | b |\n|---|---|\n| `x` | <details> |\n\n<!-- promoter:marker {\"a\":\"b\"} -->\n\n" + "```yaml\nimage: \"a:b\"\n\ttab\n```\n" +
			"\\@nobody &amp; \u200bzero width, 🚀\n" + strings.Repeat("A line of a long body.\n", 2500),
	}
	head := t.branch("promoter/text")
	p, err := t.Forge.Open(t.ctx, gitops.NewPull{Text: text, Branch: "promoter/text", Head: head, Base: "main"})
	if err != nil {
		t.Fatal(err)
	}
	if got := t.pull(p.Number); got.Title != text.Title || strings.TrimRight(got.Body, "\n") != strings.TrimRight(text.Body, "\n") {
		t.Errorf("title or body were changed: %q, body of %d bytes, want %d", got.Title, len(got.Body), len(text.Body))
	}
}

func onlyOurs(t *test) {
	ours := t.open("promoter/a/b")
	t.World.Commit(t, "release", "main", map[string]string{"release": "1\n"})
	for _, p := range []struct{ branch, base string }{{"feature/x", "main"}, {"promoterx", "main"}, {"promoter/other-base", "release"}} {
		if _, err := t.Forge.Open(t.ctx, gitops.NewPull{Text: gitops.Text{Title: "x"}, Branch: p.branch, Head: t.branch(p.branch), Base: p.base}); err != nil {
			t.Fatal(err)
		}
	}
	if got := t.pulls(); len(got) != 1 || got[0].Number != ours.Number {
		t.Errorf("got %+v, want #%d alone", got, ours.Number)
	}
	other, err := t.Forge.Pulls(t.ctx, "release", prefix)
	if err != nil || len(other) != 1 || other[0].Branch != "promoter/other-base" {
		t.Errorf("of the other base: got %+v, %v", other, err)
	}
}

func duplicate(t *test) {
	p := t.open("promoter/a")
	t.open("promoter/b")
	again, err := t.Forge.Open(t.ctx, gitops.NewPull{Text: gitops.Text{Title: "Another title"}, Branch: "promoter/a", Head: p.Head, Base: "main"})
	if err != nil || again.Number != p.Number || again.Title != p.Title {
		t.Errorf("got #%d %q, %v, want #%d as it is", again.Number, again.Title, err, p.Number)
	}
	if got := t.pulls(); len(got) != 2 {
		t.Errorf("got %d pulls, want 2", len(got))
	}
}

func openTwice(t *test) {
	n := gitops.NewPull{Text: gitops.Text{Title: "Both"}, Branch: "promoter/both", Head: t.branch("promoter/both"), Base: "main", Labels: []string{"promoter"}}
	var got [2]gitops.Pull
	var errs [2]error
	var all sync.WaitGroup
	for i := range got {
		all.Go(func() { got[i], errs[i] = t.Forge.Open(t.ctx, n) })
	}
	all.Wait()
	if errs[0] != nil || errs[1] != nil || got[0].Number != got[1].Number {
		t.Errorf("got #%d, %v and #%d, %v: want one pull", got[0].Number, errs[0], got[1].Number, errs[1])
	}
	if list := t.pulls(); len(list) != 1 {
		t.Errorf("got %d pulls, want 1", len(list))
	}
}

func openStale(t *test) {
	old := t.branch("promoter/moved")
	t.World.Commit(t, "promoter/moved", "", map[string]string{"more": "x\n"})
	for _, n := range []gitops.NewPull{
		{Text: gitops.Text{Title: "Moved"}, Branch: "promoter/moved", Head: old, Base: "main"},
		{Text: gitops.Text{Title: "Gone"}, Branch: "promoter/gone", Head: old, Base: "main"},
	} {
		if p, err := t.Forge.Open(t.ctx, n); !errors.Is(err, gitops.ErrStale) {
			t.Errorf("open %s at another commit: got %+v, %v, want %v", n.Branch, p, err, gitops.ErrStale)
		}
	}
	if got := t.pulls(); len(got) != 0 {
		t.Errorf("got %d pulls, want none", len(got))
	}
}

func labels(t *test) {
	for _, name := range []string{"promoter/a", "promoter/b"} { // the second time they exist
		p, err := t.Forge.Open(t.ctx, gitops.NewPull{
			Text: gitops.Text{Title: "Labels"}, Branch: name, Head: t.branch(name), Base: "main", Labels: []string{"promoter", "wave: canary"},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range []gitops.Pull{p, t.pull(p.Number)} {
			if l := slices.Sorted(slices.Values(got.Labels)); !slices.Equal(l, []string{"promoter", "wave: canary"}) {
				t.Errorf("%s: got labels %q", name, l)
			}
		}
		labeler, ok := t.Forge.(gitops.Labeler)
		if !ok {
			continue
		}
		for range 2 { // the second time it is there
			if err := labeler.Label(t.ctx, p.Number, "promoter/superseded"); err != nil {
				t.Fatal(err)
			}
		}
		if l := slices.Sorted(slices.Values(t.pull(p.Number).Labels)); !slices.Equal(l, []string{"promoter", "promoter/superseded", "wave: canary"}) {
			t.Errorf("%s: after one more label: %q", name, l)
		}
	}
}

func people(t *test) {
	if t.Reviewer == "" || t.Assignee == "" {
		t.Skip("nobody is there to be asked")
	}
	p, err := t.Forge.Open(t.ctx, gitops.NewPull{
		Text: gitops.Text{Title: "People"}, Branch: "promoter/a", Head: t.branch("promoter/a"), Base: "main",
		Labels: []string{"promoter"}, Reviewers: []string{t.Reviewer}, Assignees: []string{t.Assignee},
	})
	if err != nil {
		t.Fatal(err)
	}
	reviewers, assignees := t.World.Asked(t, p.Number)
	if !slices.Equal(reviewers, []string{t.Reviewer}) || !slices.Equal(assignees, []string{t.Assignee}) {
		t.Errorf("got reviewers %q, assignees %q", reviewers, assignees)
	}
	if got := t.pull(p.Number).Labels; !slices.Equal(got, []string{"promoter"}) {
		t.Errorf("got labels %q", got)
	}
	// Nobody reviews what is his own: it must not keep the pull from opening.
	if _, err := t.Forge.Open(t.ctx, gitops.NewPull{
		Text: gitops.Text{Title: "Own"}, Branch: "promoter/b", Head: t.branch("promoter/b"), Base: "main", Reviewers: []string{p.Author},
	}); err != nil {
		t.Errorf("with its author as reviewer: %v", err)
	}
}

func drafts(t *test) {
	p, err := t.Forge.Open(t.ctx, gitops.NewPull{
		Text: gitops.Text{Title: "Later", Draft: true}, Branch: "promoter/later", Head: t.branch("promoter/later"), Base: "main",
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, draft := range []bool{true, false, true, true, false} {
		if err := t.Forge.Update(t.ctx, p.Number, p.Head, gitops.Text{Title: "Later", Body: "b", Draft: draft}); err != nil {
			t.Fatal(err)
		}
		if got := t.pull(p.Number); got.Draft != draft || got.Title != "Later" {
			t.Errorf("got draft %v, title %q; want %v", got.Draft, got.Title, draft)
		}
	}
}

func closedByPerson(t *test) {
	p := t.open("promoter/a")
	t.World.Close(t, p.Number)
	if got := t.pull(p.Number); got.State != "closed" || got.Merge != "" || got.Head != p.Head {
		t.Errorf("got %+v", got)
	}
	if err := t.Forge.Close(t.ctx, p.Number, p.Head, gitops.Closing{Label: "promoter/superseded", Comment: "Never said."}); err != nil {
		t.Errorf("close what a person closed: %v", err)
	}
	if err := t.Forge.Update(t.ctx, p.Number, p.Head, gitops.Text{Title: "Never said"}); !errors.Is(err, gitops.ErrStale) {
		t.Errorf("update what a person closed: got %v, want %v", err, gitops.ErrStale)
	}
	if got := t.pull(p.Number); got.Title != p.Title || len(got.Labels) != 0 {
		t.Errorf("a person's refusal became %+v", got)
	}
	if got := t.World.Comments(t, p.Number); len(got) != 0 {
		t.Errorf("comments: got %q", got)
	}
}

func mergedByPerson(t *test) {
	p := t.open("promoter/a")
	t.World.Merge(t, p.Number)
	got := t.pull(p.Number)
	if main := t.World.Log(t, "main"); got.State != "merged" || got.Merge != main[0].Hash || got.MergedAt.IsZero() {
		t.Errorf("got %+v, want it merged as %s", got, main[0].Hash)
	}
}

func branchGone(t *test) {
	open, merged := t.open("promoter/open"), t.open("promoter/merged")
	commit := t.merge(merged, gitops.Merge{Method: "merge"})
	t.World.Delete(t, "promoter/merged")
	t.World.Delete(t, "promoter/open")
	if got := t.pull(merged.Number); got.State != "merged" || got.Merge != commit || got.Branch != "promoter/merged" {
		t.Errorf("merged, its branch deleted: got %+v", got)
	}
	t.until("an open pull without its branch is closed, or refuses to merge", func() bool {
		if t.pull(open.Number).State == "closed" {
			return true
		}
		_, err := t.Forge.Merge(t.ctx, open.Number, open.Head, gitops.Merge{Method: "merge"})
		return err != nil && !errors.Is(err, gitops.ErrStale)
	})
	if p, err := t.Forge.Open(t.ctx, gitops.NewPull{Text: gitops.Text{Title: "x"}, Branch: "promoter/open", Head: open.Head, Base: "main"}); !errors.Is(err, gitops.ErrStale) {
		t.Errorf("open for the deleted branch: got %+v, %v", p, err)
	}
}

func headMoves(t *test) {
	p := t.open("promoter/a")
	next := t.World.Commit(t, "promoter/a", "", map[string]string{"by/a/person": "x\n"})
	t.until("the pull is at the pushed commit", func() bool { return t.pull(p.Number).Head == next })
	was := t.pull(p.Number)
	if was.State != "open" {
		t.Errorf("got %+v", was)
	}
	// What was decided on the commit before is no longer to be done.
	for what, err := range map[string]error{
		"update": t.Forge.Update(t.ctx, p.Number, p.Head, gitops.Text{Title: "Of what was there before"}),
		"close":  t.Forge.Close(t.ctx, p.Number, p.Head, gitops.Closing{Label: "promoter/superseded", Comment: "Nobody needs it."}),
	} {
		if !errors.Is(err, gitops.ErrStale) {
			t.Errorf("%s: got %v, want %v", what, err, gitops.ErrStale)
		}
	}
	if got := t.pull(p.Number); got.State != "open" || got.Title != was.Title || len(got.Labels) != len(was.Labels) {
		t.Errorf("a pull with a person's commit became %+v", got)
	}
	if got := t.World.Comments(t, p.Number); len(got) != 0 {
		t.Errorf("comments: got %q", got)
	}
}

func closeTwice(t *test) {
	p := t.open("promoter/a")
	for range 2 {
		if err := t.Forge.Close(t.ctx, p.Number, p.Head, gitops.Closing{Comment: "Once."}); err != nil {
			t.Fatal(err)
		}
	}
	if got := t.World.Comments(t, p.Number); !slices.Equal(got, []string{"Once."}) {
		t.Errorf("comments: got %q", got)
	}
}

func paging(t *test) {
	if t.Pages == nil {
		t.Skip("its pages have one size")
	}
	n := 2*t.PageSize + 1
	want := map[int]bool{}
	for i := range n {
		p := t.open(fmt.Sprintf("promoter/%d", i))
		want[p.Number] = true
		if i%2 == 1 {
			if err := t.Forge.Close(t.ctx, p.Number, p.Head, gitops.Closing{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	got, err := t.Pages.Pulls(t.ctx, "main", prefix)
	if err != nil {
		t.Fatal(err)
	}
	last := 1 << 30
	for _, p := range got {
		if !want[p.Number] || p.Number >= last {
			t.Errorf("#%d after #%d", p.Number, last)
		}
		delete(want, p.Number)
		last = p.Number
	}
	if len(want) > 0 {
		t.Errorf("got %d of %d pulls: %v are missing", len(got), n, want)
	}
}
