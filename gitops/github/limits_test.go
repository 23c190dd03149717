package github_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"promoter/gitops"
	"promoter/gitops/github"
	"promoter/test/world/forge"
)

func limited(t *testing.T, err error) *gitops.RateLimited {
	t.Helper()
	var l *gitops.RateLimited
	if !errors.As(err, &l) {
		t.Fatalf("got %v, want a rate limit", err)
	}
	return l
}

// clock is a clock that only moves when it is told to.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Now().Unix()) // go-github compares with the real one
	return c
}

func (c *clock) now() time.Time          { return time.Unix(c.at.Load(), 0) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d / time.Second)) }

func TestSecondaryLimits(t *testing.T) {
	t.Parallel()
	for _, status := range []int{403, 429} {
		for _, tt := range []struct {
			after string
			wait  time.Duration
		}{{"40", 40 * time.Second}, {"", time.Minute}, {"999999", time.Hour}, {"soon", time.Minute}} {
			t.Run(fmt.Sprint(status, " ", tt.after), func(t *testing.T) {
				t.Parallel()
				c := newClock()
				s, _ := start(t, forge.Options{Now: c.now})
				f := reach(t, s, func(o *github.Options) { o.Now = c.now })
				s.Inject(forge.SecondaryLimit(status, 1, tt.after))
				_, err := f.Pulls(t.Context(), "main", "")
				if l := limited(t, err); !l.Until.Equal(c.now().Add(tt.wait)) || l.Why != "secondary limit" {
					t.Errorf("got %v after %s (%s), want %s", l, l.Until.Sub(c.now()), l.Why, tt.wait)
				}
				calls := len(s.Calls())
				c.advance(tt.wait - time.Second)
				_, err = f.Of("acme", "fleet").Pulls(t.Context(), "main", "")
				limited(t, err)
				if n := len(s.Calls()); n != calls {
					t.Errorf("%d requests were made in spite of the limit", n-calls)
				}
				c.advance(2 * time.Second)
				if _, err := f.Pulls(t.Context(), "main", ""); err != nil {
					t.Errorf("after the wait: %v", err)
				}
			})
		}
	}
}

func TestUnnamedWaitsGrow(t *testing.T) {
	t.Parallel()
	c := newClock()
	s, _ := start(t, forge.Options{Now: c.now})
	f := reach(t, s, func(o *github.Options) { o.Now = c.now })
	s.Inject(forge.SecondaryLimit(http.StatusForbidden, 6, ""))
	for _, minutes := range []time.Duration{1, 2, 4, 8, 16, 16} {
		_, err := f.Pulls(t.Context(), "main", "")
		if wait := limited(t, err).Until.Sub(c.now()); wait != minutes*time.Minute {
			t.Errorf("got a wait of %s, want %s", wait, minutes*time.Minute)
		}
		c.advance(minutes * time.Minute)
	}
	if _, err := f.Pulls(t.Context(), "main", ""); err != nil {
		t.Fatal(err)
	}
	s.Inject(forge.SecondaryLimit(http.StatusForbidden, 1, ""))
	_, err := f.Pulls(t.Context(), "main", "")
	if wait := limited(t, err).Until.Sub(c.now()); wait != time.Minute {
		t.Errorf("after a success: got a wait of %s", wait)
	}
}

func TestShortWaitsAreWaited(t *testing.T) {
	t.Parallel()
	s, r := start(t, forge.Options{})
	f := reach(t, s, nil)
	n := branch(t, r, "promoter/a")
	s.Inject(&forge.Fault{Times: 1, Status: 429, Header: map[string]string{"Retry-After": "1"}, Match: func(r *http.Request) bool { return r.Method == http.MethodPost }})
	if p, err := f.Open(t.Context(), n); err != nil || p.Title != n.Title {
		t.Errorf("got %+v, %v", p, err)
	}
	s.Inject(&forge.Fault{Times: 1, Status: 502, Match: func(r *http.Request) bool { return r.Method == http.MethodGet }})
	if _, err := f.Pulls(t.Context(), "main", ""); err != nil {
		t.Error(err)
	}
	// A write is never repeated when it may have happened.
	s.Forget()
	s.Inject(&forge.Fault{Times: 1, Status: 502, Match: func(r *http.Request) bool { return r.Method == http.MethodPatch }})
	if err := f.Update(t.Context(), 1, n.Head, gitops.Text{Title: "x"}); err == nil {
		t.Error("a write that answered 502 is taken for done")
	}
	if calls := s.Calls(); len(calls) != 2 { // the pull is read before
		t.Errorf("got calls %v", calls)
	}
}

func TestPrimaryLimit(t *testing.T) {
	t.Parallel()
	s, _ := start(t, forge.Options{Hourly: 3})
	f := reach(t, s, nil)
	s.Spend(3)
	_, err := f.Pulls(t.Context(), "main", "")
	l := limited(t, err)
	if wait := time.Until(l.Until); l.Why != "primary limit" || wait < 50*time.Minute || wait > time.Hour {
		t.Errorf("got %v", l)
	}
	s.Forget()
	limited(t, f.Close(t.Context(), 1, "", gitops.Closing{}))
	if calls := s.Calls(); len(calls) != 0 {
		t.Errorf("got calls %v in spite of the limit", calls)
	}
}

// TestPrimaryLimitIsForeseen: the last answer that there is says that it is
// the last.
func TestPrimaryLimitIsForeseen(t *testing.T) {
	t.Parallel()
	s, _ := start(t, forge.Options{Hourly: 1})
	f := reach(t, s, nil)
	if _, err := f.Pulls(t.Context(), "main", ""); err != nil {
		t.Fatal(err)
	}
	s.Forget()
	_, err := f.Settings(t.Context(), "main")
	limited(t, err)
	if calls := s.Calls(); len(calls) != 0 {
		t.Errorf("got calls %v", calls)
	}
}

// TestUnchangedAnswersAreFree: an hour's limit is not touched by looking.
func TestUnchangedAnswersAreFree(t *testing.T) {
	t.Parallel()
	s, _ := start(t, forge.Options{Hourly: 3})
	f := reach(t, s, nil)
	for range 20 {
		if _, err := f.Pulls(t.Context(), "main", ""); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPermissionIsNoLimit(t *testing.T) {
	t.Parallel()
	s, _ := start(t, forge.Options{})
	f := reach(t, s, nil)
	s.Inject(&forge.Fault{Times: 1, Status: 403, Message: "Resource not accessible by integration"})
	var l *gitops.RateLimited
	if _, err := f.Pulls(t.Context(), "main", ""); !errors.Is(err, gitops.ErrDenied) || errors.As(err, &l) {
		t.Errorf("got %v", err)
	}
}

// TestPace: eighty calls in a minute, and no pull that is half made because
// the eighty are over.
func TestPace(t *testing.T) {
	t.Parallel()
	c := newClock()
	s, r := start(t, forge.Options{Now: c.now, ContentPerMinute: 80})
	f := reach(t, s, func(o *github.Options) { o.Now = c.now })
	opened := 0
	for i := 0; ; i++ {
		_, err := f.Open(t.Context(), branch(t, r, fmt.Sprintf("promoter/%d", i)))
		if err == nil {
			opened++
			continue
		}
		l := limited(t, err)
		if l.Until.Sub(c.now()) != time.Minute || !strings.Contains(l.Why, "80 calls in 1m") {
			t.Errorf("got %v", l)
		}
		break
	}
	if opened != 26 { // 26 times three are 78
		t.Errorf("opened %d pulls in a minute, want 26", opened)
	}
	for _, p := range r.Pulls() {
		if len(p.Reviewers) == 0 || len(p.Labels) == 0 {
			t.Errorf("#%d is half made", p.Number)
		}
	}
	c.advance(61 * time.Second)
	if _, err := f.Open(t.Context(), branch(t, r, "promoter/later")); err != nil {
		t.Errorf("a minute later: %v", err)
	}
}

// What can wait leaves room for what cannot.
func TestRoomIsLeft(t *testing.T) {
	t.Parallel()
	c := newClock()
	s, r := start(t, forge.Options{Now: c.now})
	f := reach(t, s, func(o *github.Options) { o.Now = c.now })
	p, err := f.Open(t.Context(), branch(t, r, "promoter/a"))
	if err != nil {
		t.Fatal(err)
	}
	steps := 0
	for ; f.Room(1) == nil && steps < 100; steps++ {
		if err := f.Update(t.Context(), p.Number, p.Head, gitops.Text{Title: fmt.Sprint(steps)}); err != nil {
			t.Fatal(err)
		}
	}
	if steps != 72-3 { // of 80 calls in a minute; three opened it
		t.Errorf("%d steps forward found room", steps)
	}
	limited(t, f.Room(1))
	for i := range 8 {
		if err := f.Update(t.Context(), p.Number, p.Head, gitops.Text{Title: fmt.Sprint("retreat ", i)}); err != nil {
			t.Fatalf("retreat %d: %v", i, err)
		}
	}
	limited(t, f.Update(t.Context(), p.Number, p.Head, gitops.Text{Title: "too much"}))
	c.advance(time.Minute + time.Second)
	if err := f.Room(1); err != nil {
		t.Errorf("after a minute: %v", err)
	}
}

// TestTakingBackIsNotRefused: our own pace counts what is taken back, and never
// refuses it.
func TestTakingBackIsNotRefused(t *testing.T) {
	t.Parallel()
	c := newClock()
	s, r := start(t, forge.Options{Now: c.now})
	f := reach(t, s, func(o *github.Options) { o.Now = c.now })
	number := r.OpenIssue("ana", "One", "")
	for range 78 {
		if err := f.Comment(t.Context(), number, "Said."); err != nil {
			t.Fatal(err)
		}
	}
	said, err := f.Comments(t.Context(), time.Time{})
	if err != nil || len(said) != 78 {
		t.Fatalf("got %d comments, %v", len(said), err)
	}
	for _, x := range said[:2] {
		if err := f.Uncomment(t.Context(), x.ID); err != nil {
			t.Fatal(err)
		}
	}
	limited(t, f.Comment(t.Context(), number, "One too many."))
	if err := f.Uncomment(t.Context(), said[2].ID); err != nil {
		t.Errorf("when nothing more may be said: %v", err)
	}
	if got := len(r.Issues()[0].Comments); got != 75 {
		t.Errorf("%d comments stand, want 75", got)
	}
}
