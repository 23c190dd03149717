package forgetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"promoter/gitops"
)

func mergeCommit(t *test) {
	before := t.World.Log(t, "main")
	p := t.open("promoter/a")
	commit := t.merge(p, gitops.Merge{Method: "merge", Title: "Take redis 2", Message: "Promoter-Change: redis"})
	main := t.World.Log(t, "main")
	if main[0].Hash != commit || !slices.Equal(main[0].Parents, []string{before[0].Hash, p.Head}) || main[0].Subject != "Take redis 2" {
		t.Errorf("main is at %+v, want %s with parents %s and %s", main[0], commit, before[0].Hash, p.Head)
	}
	t.merged(p, commit)
}

// merged checks that a pull is shown as merged, and its file on main.
func (t *test) merged(p gitops.Pull, commit string) {
	t.Helper()
	if got := t.pull(p.Number); got.State != "merged" || got.Merge != commit || got.MergedAt.IsZero() || time.Since(got.MergedAt) > 24*time.Hour {
		t.Errorf("got %+v, want it merged as %s", got, commit)
	}
	if got := t.World.Read(t, "main", "pins/"+p.Branch+".yaml"); got != "version: 2\n" {
		t.Errorf("main has %q", got)
	}
}

func squash(t *test) {
	before := t.World.Log(t, "main")
	t.branch("promoter/a")
	head := t.World.Commit(t, "promoter/a", "", map[string]string{"more": "x\n"})
	p, err := t.Forge.Open(t.ctx, gitops.NewPull{Text: gitops.Text{Title: "Two commits"}, Branch: "promoter/a", Head: head, Base: "main"})
	if err != nil {
		t.Fatal(err)
	}
	commit := t.merge(p, gitops.Merge{Method: "squash", Title: "Take redis 2", Message: "Promoter-Change: redis"})
	main := t.World.Log(t, "main")
	if len(main) != len(before)+1 || main[0].Hash != commit || !slices.Equal(main[0].Parents, []string{before[0].Hash}) || main[0].Subject != "Take redis 2" {
		t.Errorf("main is %+v, want one commit %s more on %s", main, commit, before[0].Hash)
	}
	t.merged(p, commit)
	if got := t.World.Read(t, "main", "more"); got != "x\n" {
		t.Errorf("main has %q", got)
	}
}

func rebase(t *test) {
	t.branch("promoter/a")
	head := t.World.Commit(t, "promoter/a", "", map[string]string{"more": "x\n"})
	p, err := t.Forge.Open(t.ctx, gitops.NewPull{Text: gitops.Text{Title: "Two commits"}, Branch: "promoter/a", Head: head, Base: "main"})
	if err != nil {
		t.Fatal(err)
	}
	moved := t.World.Commit(t, "main", "", map[string]string{"meanwhile": "x\n"})
	before := t.World.Log(t, "main")
	commit := t.merge(p, gitops.Merge{Method: "rebase"})
	main := t.World.Log(t, "main")
	if len(main) != len(before)+2 || main[0].Hash != commit || len(main[0].Parents) != 1 || main[0].Parents[0] != main[1].Hash || !slices.Equal(main[1].Parents, []string{moved}) {
		t.Errorf("main is %+v, want two commits, the last %s, on %s", main, commit, moved)
	}
	t.merged(p, commit)
}

func mergeMovedBase(t *test) {
	a, b := t.open("promoter/a"), t.open("promoter/b")
	first := t.merge(a, gitops.Merge{Method: "merge"})
	second := t.merge(b, gitops.Merge{Method: "merge"})
	if main := t.World.Log(t, "main"); main[0].Hash != second || main[0].Parents[0] != first {
		t.Errorf("main is at %+v, want %s on %s", main[0], second, first)
	}
	t.merged(a, first)
	t.merged(b, second)
}

func mergeStale(t *test) {
	before := t.World.Log(t, "main")[0].Hash
	p := t.open("promoter/a")
	next := t.World.Commit(t, "promoter/a", "", map[string]string{"by/a/person": "x\n"})
	// At once, and when the forge has taken notice.
	for range 2 {
		if commit, err := t.Forge.Merge(t.ctx, p.Number, p.Head, gitops.Merge{Method: "merge"}); !errors.Is(err, gitops.ErrStale) {
			t.Fatalf("merge at a head that has moved: got %q, %v, want %v", commit, err, gitops.ErrStale)
		}
		t.until("the pull is at the pushed commit", func() bool { return t.pull(p.Number).Head == next })
	}
	if got := t.World.Log(t, "main")[0].Hash; got != before {
		t.Errorf("main is at %s, want %s", got, before)
	}
	if commit, err := t.Forge.Merge(t.ctx, p.Number, "", gitops.Merge{Method: "merge"}); err == nil {
		t.Errorf("merge without a head: got %q", commit)
	}
}

func conflict(t *test) {
	head := t.World.Commit(t, "promoter/a", "main", map[string]string{"pin.yaml": "version: 2\n"})
	p, err := t.Forge.Open(t.ctx, gitops.NewPull{Text: gitops.Text{Title: "Conflicts"}, Branch: "promoter/a", Head: head, Base: "main"})
	if err != nil {
		t.Fatal(err)
	}
	main := t.World.Commit(t, "main", "", map[string]string{"pin.yaml": "version: 3\n"})
	for _, method := range []string{"merge", "squash", "rebase"} {
		t.refused(p.Number, head, gitops.Merge{Method: method}, gitops.ErrConflict)
	}
	if got := t.World.Log(t, "main")[0].Hash; got != main {
		t.Errorf("main is at %s, want %s", got, main)
	}
	if got := t.pull(p.Number); got.State != "open" {
		t.Errorf("got %+v", got)
	}
}

func mergeDraft(t *test) {
	head := t.branch("promoter/a")
	p, err := t.Forge.Open(t.ctx, gitops.NewPull{Text: gitops.Text{Title: "Later", Draft: true}, Branch: "promoter/a", Head: head, Base: "main"})
	if err != nil {
		t.Fatal(err)
	}
	t.refused(p.Number, head, gitops.Merge{Method: "merge"}, gitops.ErrDenied)
}

func mergeForbidden(t *test) {
	if t.Forbid == nil {
		t.Skip("every method is allowed here")
	}
	t.Forbid(t.T, "squash")
	p := t.open("promoter/a")
	t.refused(p.Number, p.Head, gitops.Merge{Method: "squash"}, gitops.ErrDenied)
	t.merge(p, gitops.Merge{Method: "merge"})
}

func mergeTwice(t *test) {
	for _, method := range []string{"merge", "squash", "rebase"} {
		p := t.open("promoter/" + method)
		commit := t.merge(p, gitops.Merge{Method: method})
		if again, err := t.Forge.Merge(t.ctx, p.Number, p.Head, gitops.Merge{Method: method}); err != nil || again != commit {
			t.Errorf("%s again: got %q, %v, want %s", method, again, err, commit)
		}
	}
}

func mergeRace(t *test) {
	p := t.open("promoter/a")
	before := len(t.World.Log(t, "main"))
	var got [3]string
	var all sync.WaitGroup
	for i := range got {
		all.Go(func() { got[i] = t.merge(p, gitops.Merge{Method: "squash"}) })
	}
	all.Wait()
	if got[0] != got[1] || got[1] != got[2] {
		t.Errorf("got %q, want one commit", got)
	}
	if main := t.World.Log(t, "main"); len(main) != before+1 {
		t.Errorf("main has %d commits more, want 1", len(main)-before)
	}
}

func mergeClosed(t *test) {
	p := t.open("promoter/a")
	t.World.Close(t, p.Number)
	if commit, err := t.Forge.Merge(t.ctx, p.Number, p.Head, gitops.Merge{Method: "merge"}); !errors.Is(err, gitops.ErrStale) {
		t.Errorf("got %q, %v, want %v", commit, err, gitops.ErrStale)
	}
}

func statuses(t *test) {
	head := t.World.Log(t, "main")[0].Hash
	set := func(context, state, description string) {
		t.Helper()
		if err := t.Forge.SetStatus(t.ctx, head, gitops.Status{Context: context, State: state, Description: description, URL: "https://example.com/" + state}); err != nil {
			t.Fatal(err)
		}
	}
	long := strings.Repeat("ü", 200)
	set("promoter/health", "pending", "waiting")
	set("promoter/verdict", "failure", long)
	set("promoter/health", "success", "healthy for 10m")
	for i := range 40 { // more than a page
		set(fmt.Sprintf("build/%02d", i), "error", "x")
	}
	list, err := t.Forge.Statuses(t.ctx, head)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]gitops.Status{}
	for _, s := range list {
		got[s.Context] = s // the oldest come first
	}
	if len(got) != 42 || len(list) != 43 {
		t.Errorf("got %d statuses of %d contexts, want 43 of 42: what was replaced is listed too", len(list), len(got))
	}
	if s := got["promoter/health"]; s.State != "success" || s.Description != "healthy for 10m" || s.URL != "https://example.com/success" || s.At.IsZero() {
		t.Errorf("got %+v, want the newest", s)
	}
	if s := got["promoter/verdict"]; s.State != "failure" || !strings.HasPrefix(s.Description, strings.Repeat("ü", 100)) {
		t.Errorf("got %+v", s)
	}
	none := t.branch("promoter/new")
	if list, err := t.Forge.Statuses(t.ctx, none); err != nil || len(list) != 0 {
		t.Errorf("of a commit without: got %v, %v", list, err)
	}
}

func notFound(t *test) {
	const nowhere = "1234567890123456789012345678901234567890"
	for what, err := range map[string]error{
		"update":     t.Forge.Update(t.ctx, 4711, nowhere, gitops.Text{Title: "x"}),
		"close":      t.Forge.Close(t.ctx, 4711, nowhere, gitops.Closing{Comment: "x"}),
		"set status": t.Forge.SetStatus(t.ctx, nowhere, gitops.Status{Context: "c", State: "success"}),
		"merge":      second(t.Forge.Merge(t.ctx, 4711, nowhere, gitops.Merge{Method: "merge"})),
	} {
		if !errors.Is(err, gitops.ErrNotFound) {
			t.Errorf("%s: got %v, want %v", what, err, gitops.ErrNotFound)
		}
	}
	// A forge may say that it knows nothing of a commit by an empty list.
	if list, err := t.Forge.Statuses(t.ctx, nowhere); len(list) != 0 || err != nil && !errors.Is(err, gitops.ErrNotFound) {
		t.Errorf("statuses: got %v, %v", list, err)
	}
}

func second(_ string, err error) error { return err }

func rateLimit(t *test) {
	if t.Limit == nil {
		t.Skip("it has no limits")
	}
	p := t.open("promoter/a")
	t.Limit(t.T)
	now := time.Now()
	refusals := map[string]error{
		"list":  secondPulls(t.Forge.Pulls(t.ctx, "main", prefix)),
		"close": t.Forge.Close(t.ctx, p.Number, p.Head, gitops.Closing{Comment: "x"}),
		"merge": second(t.Forge.Merge(t.ctx, p.Number, p.Head, gitops.Merge{Method: "merge"})),
	}
	if f, ok := t.Forge.(gitops.Talker); ok {
		_, refusals["comments"] = f.Comments(t.ctx, now)
		_, refusals["permission"] = f.Permission(t.ctx, "ben")
		_, refusals["member"] = f.Member(t.ctx, "acme/platform", "ben")
	}
	if f, ok := t.Forge.(gitops.Desk); ok {
		_, refusals["issues"] = f.Issues(t.ctx, "promoter/incident")
		_, refusals["open an issue"] = f.OpenIssue(t.ctx, gitops.NewIssue{Title: "x"})
	}
	if f, ok := t.Forge.(gitops.Queuer); ok {
		refusals["enqueue"] = f.Enqueue(t.ctx, p.Number, p.Head)
	}
	for what, err := range refusals {
		var limited *gitops.RateLimited
		if !errors.As(err, &limited) {
			t.Errorf("%s: got %v, want a rate limit", what, err)
		} else if wait := limited.Until.Sub(now); wait <= 0 || wait > time.Hour+time.Minute {
			t.Errorf("%s: limited for %s", what, wait)
		}
	}
	if took := time.Since(now); took > 20*time.Second {
		t.Errorf("it took %s to say so", took)
	}
}

func secondPulls(_ []gitops.Pull, err error) error { return err }
