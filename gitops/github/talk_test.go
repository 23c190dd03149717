package github_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"promoter/gitops"
	"promoter/gitops/github"
	"promoter/test/world/forge"
)

// TestIdleTalkIsUnchanged: to look whether anybody said anything costs one call
// that is answered by "not modified", also when since creeps on.
func TestIdleTalkIsUnchanged(t *testing.T) {
	t.Parallel()
	c := newClock()
	c.at.Store(c.at.Load() / 3600 * 3600) // a full hour
	s, r := start(t, forge.Options{Now: c.now})
	f := reach(t, s, func(o *github.Options) { o.Now = c.now })
	p, err := f.Open(t.Context(), branch(t, r, "promoter/a"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := r.Comment(p.Number, "ben", fmt.Sprint("comment ", i)); err != nil {
			t.Fatal(err)
		}
		c.advance(time.Minute)
	}
	r.OpenIssue("ben", "One", "", "promoter/incident")
	look := func(since time.Duration) (comments []gitops.Comment, issues []gitops.Issue) {
		t.Helper()
		comments, err := f.Comments(t.Context(), c.now().Add(-since))
		if err != nil {
			t.Fatal(err)
		}
		if issues, err = f.Issues(t.Context(), "promoter/incident"); err != nil {
			t.Fatal(err)
		}
		return comments, issues
	}
	if comments, issues := look(3 * time.Minute); len(comments) != 3 || len(issues) != 1 {
		t.Fatalf("got %+v, %+v", comments, issues)
	}
	for range 20 {
		c.advance(time.Minute)
		s.Forget()
		if comments, issues := look(time.Minute); len(comments) != 0 || len(issues) != 1 {
			t.Errorf("got %+v, %+v", comments, issues)
		}
		if n := s.Counts(); n.Calls != 2 || n.Unchanged != 2 {
			t.Errorf("got %+v, want 2 calls, both answered by 304", n)
		}
	}
	if err := r.EditComment(p.Number, 0, "ben", "changed"); err != nil {
		t.Fatal(err)
	}
	r.OpenIssue("ben", "Two", "", "promoter/incident")
	if comments, issues := look(0); len(comments) != 1 || comments[0].Body != "changed" || len(issues) != 2 {
		t.Errorf("what is new: got %+v, %+v", comments, issues)
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	s, r := start(t, forge.Options{})
	f := reach(t, s, nil)
	for role, want := range map[string]string{"none": "none", "read": "read", "triage": "read", "write": "write", "maintain": "write", "admin": "admin"} {
		if err := r.Allow("ben", role); err != nil {
			t.Fatal(err)
		}
		if got, err := f.Permission(t.Context(), "ben"); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", role, got, err, want)
		}
	}
	s.Inject(&forge.Fault{Times: 1, Status: 403, Message: "Must have push access to view collaborator permission."})
	if got, err := f.Permission(t.Context(), "ben"); !errors.Is(err, gitops.ErrDenied) || got != "" {
		t.Errorf("a permission that is not told: got %q, %v", got, err)
	}
}

func TestInvitedIsNoMember(t *testing.T) {
	t.Parallel()
	s, _ := start(t, forge.Options{})
	f := reach(t, s, nil)
	for _, step := range []struct {
		do   func(team string, logins ...string)
		want bool
	}{{s.Invite, false}, {s.Join, true}, {s.Leave, false}} {
		step.do("acme/platform", "ben")
		if got, err := f.Member(t.Context(), "acme/platform", "ben"); err != nil || got != step.want {
			t.Errorf("got %v, %v, want %v", got, err, step.want)
		}
	}
	s.Inject(&forge.Fault{Times: 1, Status: 500, Message: "Oops"})
	if got, err := f.Member(t.Context(), "acme/platform", "ben"); err == nil {
		t.Errorf("when the forge fails: got %v", got)
	}
}

// TestWhoLeftKeepsNoIssueClosed: nobody can be assigned who is not there.
func TestWhoLeftKeepsNoIssueClosed(t *testing.T) {
	t.Parallel()
	s, r := start(t, forge.Options{})
	f := reach(t, s, nil)
	s.Inject(&forge.Fault{Times: 1, Status: 422, Message: "Validation Failed", Match: func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/issues") }})
	i, err := f.OpenIssue(t.Context(), gitops.NewIssue{Title: "One", Labels: []string{"promoter/incident"}, Assignees: []string{"gone"}})
	if err == nil || !strings.Contains(err.Error(), "gone") || i.Number != 1 {
		t.Errorf("got %+v, %v, want the issue and who is not assigned", i, err)
	}
	if all := r.Issues(); len(all) != 1 || len(all[0].Assignees) != 0 || !slices.Equal(all[0].Labels, []string{"promoter/incident"}) {
		t.Errorf("got %+v", all)
	}
}

// TestQueueMergesItsOwnWay: whichever way it is, a pull is merged as the commit
// on the base branch.
func TestQueueMergesItsOwnWay(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"merge", "squash", "rebase"} {
		s, r := start(t, forge.Options{})
		r.Rules, r.QueueMethod, r.QueueAfter = []string{"merge_queue"}, method, -1
		f := reach(t, s, nil)
		var all []gitops.Pull
		for _, name := range []string{"promoter/a", "promoter/b"} {
			p, err := f.Open(t.Context(), branch(t, r, name))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Merge(t.Context(), p.Number, p.Head, gitops.Merge{Method: "merge"}); !errors.Is(err, gitops.ErrDenied) || !strings.Contains(err.Error(), "merge queue") {
				t.Errorf("merged past the queue: got %v", err)
			}
			if err := f.Enqueue(t.Context(), p.Number, p.Head); err != nil {
				t.Fatal(err)
			}
			all = append(all, p)
		}
		if got := r.Queued(); !slices.Equal(got, []int{1, 2}) {
			t.Errorf("got queue %v", got)
		}
		for range 2 {
			number, commit, err := r.Advance()
			if err != nil || commit != r.Heads()["main"] {
				t.Fatalf("got #%d, %q, %v", number, commit, err)
			}
			list, err := f.Pulls(t.Context(), "main", "promoter/")
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(list, func(p gitops.Pull) bool { return p.Number == number })
			if got := list[i]; got.State != "merged" || got.Merge != commit || got.MergedAt.IsZero() {
				t.Errorf("%s: got %+v, want it merged as %s", method, got, commit)
			}
		}
		// A pull that was merged is told by its state; its commit is asked for.
		if commit, err := f.Merge(t.Context(), all[1].Number, all[1].Head, gitops.Merge{}); err != nil || commit != r.Heads()["main"] {
			t.Errorf("%s: got %q, %v, want the commit of the queue's merge", method, commit, err)
		}
	}
}

func TestQueueRefuses(t *testing.T) {
	t.Parallel()
	s, r := start(t, forge.Options{})
	f := reach(t, s, nil)
	r.QueueAfter = -1
	conflicts := func(text string) string {
		head, err := r.Commit("ben", "promoter/c", "main", "Change", map[string][]byte{"pin.yaml": []byte(text)})
		if err != nil {
			t.Fatal(err)
		}
		return head
	}
	a, err := f.Open(t.Context(), branch(t, r, "promoter/a"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Enqueue(t.Context(), a.Number, a.Head); !errors.Is(err, gitops.ErrDenied) {
		t.Errorf("without a queue: got %v, want %v", err, gitops.ErrDenied)
	}
	r.Rules = []string{"merge_queue"}
	n := branch(t, r, "promoter/b")
	n.Draft = true
	b, err := f.Open(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Enqueue(t.Context(), b.Number, b.Head); !errors.Is(err, gitops.ErrDenied) {
		t.Errorf("a draft: got %v, want %v", err, gitops.ErrDenied)
	}
	c, err := f.Open(t.Context(), gitops.NewPull{Text: gitops.Text{Title: "t"}, Branch: "promoter/c", Head: conflicts("version: 2\n"), Base: "main"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Commit("ben", "main", "", "Change", map[string][]byte{"pin.yaml": []byte("version: 3\n")}); err != nil {
		t.Fatal(err)
	}
	if err := f.Enqueue(t.Context(), c.Number, c.Head); !errors.Is(err, gitops.ErrConflict) {
		t.Errorf("a conflict: got %v, want %v", err, gitops.ErrConflict)
	}
	if got := r.Queued(); len(got) != 0 {
		t.Errorf("got queue %v", got)
	}
	// Another answers while we ask: the pull's state decides, not the words.
	s.Inject(&forge.Fault{Times: 1, Status: 200, Match: func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/graphql") }})
	if err := f.Enqueue(t.Context(), a.Number, a.Head); err != nil {
		t.Errorf("an answer without a word of an error: %v", err)
	}
}

// TestMergesAreContent: GitHub counts them, and so do we.
func TestMergesAreContent(t *testing.T) {
	t.Parallel()
	c := newClock()
	s, r := start(t, forge.Options{Now: c.now, ContentPerMinute: forge.PublishedContentPerMinute, ContentPerHour: forge.PublishedContentPerHour, PointsPerMinute: forge.PublishedPointsPerMinute})
	f := reach(t, s, func(o *github.Options) { o.Now = c.now })
	p, err := f.Open(t.Context(), branch(t, r, "promoter/a"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.SetStatus(t.Context(), p.Head, gitops.Status{Context: "promoter/health", State: "pending"}); err != nil {
		t.Fatal(err)
	}
	if err := f.Update(t.Context(), p.Number, p.Head, gitops.Text{Title: "Later", Draft: true}); err != nil {
		t.Fatal(err)
	}
	if err := f.Update(t.Context(), p.Number, p.Head, gitops.Text{Title: "Now"}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Merge(t.Context(), p.Number, p.Head, gitops.Merge{Method: "merge"}); err != nil {
		t.Fatal(err)
	}
	// Opening is 3, each rewriting 2, merging 1.
	if n := s.Counts(); n.Content != 8 || n.Merges != 1 || n.Statuses != 1 || n.Refused != 0 || n.BusiestMinute != 8 || n.BusiestHour != 8 {
		t.Errorf("got %+v", n)
	}
	// We stop before the forge has to say so, minute by minute and at the hour.
	said := 8
	for {
		err := f.Comment(t.Context(), p.Number, "x")
		if err == nil {
			said++
			continue
		}
		l := limited(t, err)
		if l.Until.Sub(c.now()) > time.Minute {
			break
		}
		c.advance(l.Until.Sub(c.now()))
	}
	if n := s.Counts(); said != 500 || n.Content != 500 || n.BusiestMinute != 80 || n.BusiestHour != 500 || n.Refused != 0 {
		t.Errorf("said %d things, got %+v", said, n)
	}
}

// before calls a function before each request.
type before func(*http.Request)

func (f before) RoundTrip(r *http.Request) (*http.Response, error) {
	f(r)
	return http.DefaultTransport.RoundTrip(r)
}

// TestLabelsThatChangeMeanwhile: nothing is taken for another's, whatever
// happens between the two calls that it takes.
func TestLabelsThatChangeMeanwhile(t *testing.T) {
	t.Parallel()
	s, r := start(t, forge.Options{})
	n := r.OpenIssue("ana", "One", "", "hold", "stop", "promoter")
	f := reach(t, s, func(o *github.Options) {
		o.HTTP = &http.Client{Transport: before(func(req *http.Request) {
			if strings.HasSuffix(req.URL.Path, "/events") {
				done(t, r.Unlabel(n, "ben", "hold", "stop"))
				done(t, r.Label(n, "cleo", "stop", "approve"))
			}
		})}
	})
	got, err := f.Labelings(t.Context(), n)
	by := map[string]string{}
	for _, l := range got {
		by[l.Label] = l.By
	}
	if want := map[string]string{"stop": "cleo", "promoter": "ana"}; err != nil || !maps.Equal(by, want) {
		t.Errorf("got %v, %v, want %v", by, err, want)
	}
}

// TestLabelsThatAreDropped: GitHub does so without a word. An issue without its
// label would be opened again and again.
func TestLabelsThatAreDropped(t *testing.T) {
	t.Parallel()
	s, r := start(t, forge.Options{})
	drop := func(o *github.Options) {
		o.HTTP = &http.Client{Transport: before(func(req *http.Request) {
			if req.Method == http.MethodPost && strings.HasSuffix(req.URL.Path, "/issues") {
				body := `{"title":"One"}`
				req.Body, req.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
			}
		})}
	}
	n := gitops.NewIssue{Title: "One", Labels: []string{"promoter/incident"}}
	i, err := reach(t, s, drop).OpenIssue(t.Context(), n)
	if err != nil || !slices.Equal(i.Labels, n.Labels) || !slices.Equal(r.Issues()[0].Labels, n.Labels) {
		t.Errorf("got %+v, %v, want it labelled after all", i, err)
	}
	s.Inject(&forge.Fault{Times: 1, Status: 403, Message: "Resource not accessible by integration", Match: func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/labels") }})
	if i, err := reach(t, s, drop).OpenIssue(t.Context(), n); !errors.Is(err, gitops.ErrDenied) || i.Number != 2 || len(i.Labels) != 0 {
		t.Errorf("got %+v, %v, want the issue and %v", i, err, gitops.ErrDenied)
	}
}
