// Package forgetest is what every forge is held to: the contract of
// gitops.Forge as a suite of tests, run against real servers and against the
// fake that stands in for them.
//
// It knows no forge. What people and Git do beside the driver, the server's
// World does; what a server cannot do is named, with the reason, and shown as
// skipped.
package forgetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"promoter/gitops"
)

// Setup is a repository of its own for one test. Its branch main has at least
// one commit.
type Setup struct {
	Forge gitops.Forge
	World World
	// Pages is the same repository, asked for in pages of PageSize pulls.
	Pages    gitops.Forge
	PageSize int
	// Reviewer and Assignee are logins that may be asked. Empty: none can.
	Reviewer, Assignee string
	// Limit makes the server refuse the next calls for a while; nil where it
	// cannot.
	Limit func(t *testing.T)
	// Forbid takes a merge method away; nil where the server cannot.
	Forbid func(t *testing.T, method string)
	// People are those who comment, review and label; nil where none can. Their
	// logins are Reviewer and Assignee.
	People People
	// Team is a team, "org/team", that exists and has neither of them as a
	// member; empty where there are no teams.
	Team string
	// Queue gives main a merge queue; nil where the server has none.
	Queue func(t *testing.T)
	// Lacks says what this server cannot do, by the name of the test.
	Lacks map[string]string
}

// World is what happens to a repository without us. Its methods end the test
// when they fail.
type World interface {
	// Commit puts a commit onto a branch and returns it. A branch that does
	// not exist begins at from, a branch.
	Commit(t testing.TB, branch, from string, files map[string]string) string
	// Delete deletes a branch.
	Delete(t testing.TB, branch string)
	// Log returns a branch's commits, the newest first.
	Log(t testing.TB, branch string) []Commit
	// Read returns a file at a branch.
	Read(t testing.TB, branch, path string) string
	// Close closes a pull as a person.
	Close(t testing.TB, number int)
	// Merge merges a pull as a person.
	Merge(t testing.TB, number int)
	// Comments returns the texts of the comments of a pull or an issue.
	Comments(t testing.TB, number int) []string
	// Asked returns the logins that are asked for a review of a pull, and
	// those that it is assigned to.
	Asked(t testing.TB, number int) (reviewers, assignees []string)
}

// People act under their own names. Their methods end the test when they
// fail.
type People interface {
	// Comment writes a comment under a pull or an issue.
	Comment(t testing.TB, login string, number int, body string)
	// EditComment changes the nth comment, from 0, under a pull or an issue.
	EditComment(t testing.TB, login string, number, nth int, body string)
	// Review reviews a pull: approved, changes_requested or commented.
	Review(t testing.TB, login string, number int, verdict string)
	// Dismiss takes away the newest verdict of a reviewer.
	Dismiss(t testing.TB, reviewer string, number int)
	// Label puts a label that exists on a pull or an issue, Unlabel takes it
	// off.
	Label(t testing.TB, login string, number int, label string)
	Unlabel(t testing.TB, login string, number int, label string)
	// OpenIssue opens an issue with labels that exist.
	OpenIssue(t testing.TB, login, title string, labels ...string) (number int)
	// CloseIssue closes an issue.
	CloseIssue(t testing.TB, login string, number int)
	// Allow gives a person a permission: read, write or admin.
	Allow(t testing.TB, login, permission string)
	// Join makes a person a member of a team.
	Join(t testing.TB, team, login string)
}

// Commit is a commit of a branch.
type Commit struct {
	Hash    string
	Parents []string
	Subject string
}

// Run holds a forge to its contract. newSetup is called once for each test.
func Run(t *testing.T, newSetup func(t *testing.T) Setup) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSetup(t)
			if why := s.Lacks[c.name]; why != "" {
				t.Skip(why)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			t.Cleanup(cancel)
			c.run(&test{T: t, Setup: s, ctx: ctx})
		})
	}
}

var cases = []struct {
	name string
	run  func(*test)
}{
	{"open, find, update, close", lifecycle},
	{"text is kept", textIsKept},
	{"only ours are listed", onlyOurs},
	{"open: duplicate", duplicate},
	{"open: two at once", openTwice},
	{"open: stale head", openStale},
	{"open: labels", labels},
	{"open: reviewers and assignees", people},
	{"draft and ready", drafts},
	{"merge: merge", mergeCommit},
	{"merge: squash", squash},
	{"merge: rebase", rebase},
	{"merge: base has moved", mergeMovedBase},
	{"merge: stale head", mergeStale},
	{"merge: conflict", conflict},
	{"merge: draft", mergeDraft},
	{"merge: method not allowed", mergeForbidden},
	{"merge: merged already", mergeTwice},
	{"merge: two at once", mergeRace},
	{"merge: closed", mergeClosed},
	{"closed by a person", closedByPerson},
	{"merged by a person", mergedByPerson},
	{"branch gone", branchGone},
	{"head moves", headMoves},
	{"close twice", closeTwice},
	{"paging", paging},
	{"statuses", statuses},
	{"not found", notFound},
	{"rate limit", rateLimit},
	{"comments: since and edited", commentsSince},
	{"comments: paging", commentsPaging},
	{"comment", comment},
	{"comment: taken back", uncomment},
	{"comment: last words at once", lastWords},
	{"reviews", reviews},
	{"reviews: of an old head", oldReviews},
	{"labelings", labelings},
	{"permission", permission},
	{"member", member},
	{"issues: open, edit, close", issues},
	{"issues: closed by whom", issuesClosedBy},
	{"issues: paging", issuesPaging},
	{"enqueue", enqueue},
	{"enqueue: stale head", enqueueStale},
	{"enqueue: twice", enqueueTwice},
	{"enqueue: no queue", enqueueNone},
}

// test is one test and its repository.
type test struct {
	*testing.T
	Setup
	ctx context.Context
}

const prefix = "promoter/"

// branch makes a branch that differs from main and returns its head.
func (t *test) branch(name string) string {
	t.Helper()
	return t.World.Commit(t, name, "main", map[string]string{"pins/" + name + ".yaml": "version: 2\n"})
}

// open makes a branch and its pull.
func (t *test) open(name string) gitops.Pull {
	t.Helper()
	p, err := t.Forge.Open(t.ctx, gitops.NewPull{Text: gitops.Text{Title: "Update " + name, Body: "Why.\n"}, Branch: name, Head: t.branch(name), Base: "main"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (t *test) pulls() []gitops.Pull {
	t.Helper()
	list, err := t.Forge.Pulls(t.ctx, "main", prefix)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// pull finds one pull in the list.
func (t *test) pull(number int) gitops.Pull {
	t.Helper()
	for _, p := range t.pulls() {
		if p.Number == number {
			return p
		}
	}
	t.Fatalf("#%d is not listed", number)
	return gitops.Pull{}
}

// until asks again until something is so: forges take notice of pushes in
// their own time.
func (t *test) until(what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(30 * time.Second); !so(); {
		select {
		case <-deadline:
			t.Fatalf("after 30 seconds it is not so: %s", what)
		case <-tick.C:
		}
	}
}

// merge merges a pull. It looks again as a caller would while the forge has
// not made up its mind.
func (t *test) merge(p gitops.Pull, how gitops.Merge) string {
	t.Helper()
	var commit string
	t.until("merged", func() bool {
		var err error
		commit, err = t.Forge.Merge(t.ctx, p.Number, p.Head, how)
		if err != nil && !errors.Is(err, gitops.ErrStale) {
			t.Fatal(err)
		}
		return err == nil
	})
	return commit
}

// refused merges what the forge must refuse, looking again while it has not
// made up its mind, and wants the error.
func (t *test) refused(number int, head string, how gitops.Merge, want error) {
	t.Helper()
	t.until("refused with: "+want.Error(), func() bool {
		commit, err := t.Forge.Merge(t.ctx, number, head, how)
		switch {
		case errors.Is(err, want):
			return true
		case errors.Is(err, gitops.ErrStale):
			return false
		}
		t.Fatalf("merge: got %q, %v, want %v", commit, err, want)
		return false
	})
}
