package argocd

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"promoter/promoter"
	"promoter/promoter/converge"
)

// deepest is how far applications that render applications are followed.
const deepest = 4

// deliver says how far an application has come. above are those that render it.
func (w *work) deliver(ctx context.Context, s *converge.ArgoSnapshot, changed bool, above []converge.ArgoApp) finding {
	q := w.question
	ask := converge.Ask{
		App: s.App, Commit: q.Commit, Repo: w.history.Remote(), Branch: w.history.Branch(), Paths: w.paths(s, changed), MergedAt: q.MergedAt,
		OnBranch: w.holds(ctx, q.Commit, w.history.Head()), Base: w.ledger.base(s.App, q.Commit, q.MergedAt), HealthyBefore: q.Healthy, Policy: w.options.Policy,
	}
	f := w.settle(ctx, ask, s, changed, above)
	if f.Outcome != promoter.Superseded {
		return f
	}
	// The pin still stands, and somebody else's commit came on top of it: what
	// runs is their work as much as ours.
	ask.Commit = w.later(ctx, ask, f.seen)
	if ask.Commit == "" {
		return f
	}
	ask.Base, ask.HealthyBefore = converge.ArgoSnapshot{}, false
	together := w.settle(ctx, ask, s, changed, above)
	together.Attributable = false
	if f.Stuck != "" {
		together.Stuck, together.seen = f.Stuck, f.seen
	}
	with := fmt.Sprintf("with later changes of what it reads, up to %s", brief(ask.Commit))
	if together.Outcome == promoter.Failed {
		with = "not attributed, for there are " + strings.TrimPrefix(with, "with ")
	}
	together.Reason += " (" + with + ")"
	return together
}

// later is the commit whose content is the head's as far as the application
// reads it: the one that it is at, or the head.
func (w *work) later(ctx context.Context, ask converge.Ask, s converge.ArgoSnapshot) string {
	head := w.history.Head()
	if ask.OnBranch != converge.Yes || head == ask.Commit {
		return ""
	}
	for _, at := range converge.ArgoCommits(ask, s) {
		if w.holds(ctx, ask.Commit, at) == converge.Yes && w.holds(ctx, at, head) == converge.Yes && w.same(ctx, at, head, ask.Paths) == converge.Yes {
			return at
		}
	}
	return head
}

// settle asks for one commit: by what the list says, and by a look where that
// is no word that can be believed, or no last one.
func (w *work) settle(ctx context.Context, ask converge.Ask, listed *converge.ArgoSnapshot, changed bool, above []converge.ArgoApp) finding {
	mem := w.ledger.entry(listed.App, ask.Commit, w.now)
	s, whole := w.ledger.detailed(*listed)
	ask.Expect = w.expect(&s, changed)
	ask.History = w.ancestry(ctx, mem, ask, s)
	trouble := w.refresh(ctx, mem, &ask, s)
	if awaitsSpec(ask, s) {
		w.nudge(ctx, s, above)
	}
	c := w.judge(ctx, mem, &ask, s, above)
	if !whole && w.wantsLook(c, s) {
		full, err := w.client.Look(ctx, s.App, nil)
		if err != nil {
			c.Outcome, c.Attributable, c.Reason, c.Until = promoter.Blind, false, err.Error(), time.Time{}
			return finding{Convergence: c, seen: s}
		}
		w.ledger.detail(full)
		s = full
		ask.Expect = w.expect(&s, changed)
		ask.History = w.ancestry(ctx, mem, ask, s)
		c = w.judge(ctx, mem, &ask, s, above)
	}
	if w.options.Policy.DriftTolerant && s.SyncStatus == "OutOfSync" {
		if ask.Expect.Resources = w.arrived(ctx, ask, s); len(ask.Expect.Resources) > 0 {
			c = w.judge(ctx, mem, &ask, s, above)
		}
	}
	if c.Outcome == promoter.Failed && !c.Attributable {
		c = w.blame(ctx, mem, ask, s, c)
	}
	w.ledger.saw(mem, s)
	if why, stuck := converge.ArgoStuck(ask, s); stuck {
		c.Stuck = why
	}
	if trouble != "" {
		c.Evidence = append(c.Evidence, trouble)
	}
	// Waiting alone does not change what a request is due for.
	if wish := converge.ArgoRefresh(ask, s); c.Outcome != promoter.Converged && !wish.Due.IsZero() && (c.Until.IsZero() || wish.Due.Before(c.Until)) {
		c.Until = wish.Due
	}
	return finding{Convergence: w.behind(mem, ask, s, c), seen: s}
}

// wantsLook reports whether the application is to be read by itself: an API's
// list has no trees and no windows, and may be older than what is there. What
// is sealed as converged is only watched, and what a list is blind for by
// itself a look does not see either.
func (w *work) wantsLook(c promoter.Convergence, s converge.ArgoSnapshot) bool {
	if w.client.listsAll(s.App.Instance) {
		return false
	}
	switch c.Outcome {
	case promoter.Failed:
		return true
	case promoter.Converged:
		return w.question.Converged.IsZero() || !s.ChildrenKnown
	case promoter.Blind:
		return len(s.Conditions) == 0 && s.SyncStatus != "Unknown"
	}
	idle := s.Operation == nil || s.Operation.Phase != "Running" && s.Operation.Phase != "Terminating"
	return s.SyncStatus == "OutOfSync" && idle && !s.Requested && s.CanSync == converge.Unknown
}

// judge hands everything to the predicates, and asks after the applications
// that this one renders where nothing else stands between it and its end.
func (w *work) judge(ctx context.Context, mem *entry, ask *converge.Ask, s converge.ArgoSnapshot, above []converge.ArgoApp) promoter.Convergence {
	looks := w.ledger.looks(mem, s)
	c := converge.Argo(*ask, looks, w.now)
	asksChildren := c.Outcome == promoter.Blind && strings.HasPrefix(c.Reason, "it renders ")
	if !s.ChildrenKnown || !asksChildren || len(above) >= deepest {
		return c
	}
	ask.Children = w.children(ctx, s, append(slices.Clone(above), s.App))
	return converge.Argo(*ask, looks, w.now)
}

// refresh asks for a comparison when one is due, once at a time. It says what
// went wrong.
func (w *work) refresh(ctx context.Context, mem *entry, ask *converge.Ask, s converge.ArgoSnapshot) string {
	mem.asking.Lock()
	defer mem.asking.Unlock()
	ask.Fence, ask.First, ask.Asked = w.ledger.requests(mem)
	if wish := converge.ArgoRefresh(*ask, s); wish.Due.IsZero() || wish.Due.After(w.serverTime(s)) {
		return ""
	} else if w.refreshes.Add(-1) < 0 {
		return "" // the next look's
	} else {
		fence, err := w.client.Refresh(ctx, s.App, wish.Hard)
		if err != nil {
			return "it could not be asked to compare: " + err.Error()
		}
		w.hinted.Store(true)
		w.ledger.requested(mem, fence)
	}
	ask.Fence, ask.First, ask.Asked = w.ledger.requests(mem)
	return ""
}

// serverTime is what the server's clock shows now, as far as can be told from a
// list that was made a little while ago.
func (w *work) serverTime(s converge.ArgoSnapshot) time.Time {
	return s.ReadAt.Add(max(0, w.now.Sub(w.survey.taken)))
}

// awaitsSpec reports whether an application's own spec does not ask yet for what
// the moves pin.
func awaitsSpec(ask converge.Ask, s converge.ArgoSnapshot) bool {
	for _, v := range ask.Expect.Versions {
		for _, source := range s.Sources {
			if source.Chart == v.Chart && converge.SameRepo(source.Repo, v.Repo) && source.Revision == v.From && v.From != v.To {
				return true
			}
		}
	}
	return false
}

// nudge has the applications that render this one compared: they write its
// spec. Sets of applications do that by their own clock, and cannot be asked.
func (w *work) nudge(ctx context.Context, s converge.ArgoSnapshot, above []converge.ArgoApp) {
	for _, listed := range w.survey.parents[s.App] {
		if slices.Contains(above, listed.App) {
			continue // it is being asked
		}
		parent, err := w.whole(ctx, listed)
		if err != nil {
			continue // its child waits, and says so
		}
		ask := converge.Ask{
			App: parent.App, Commit: w.question.Commit, Repo: w.history.Remote(), Branch: w.history.Branch(), MergedAt: w.question.MergedAt,
			OnBranch: converge.Yes, Policy: w.options.Policy, Paths: w.paths(parent, false),
		}
		mem := w.ledger.entry(parent.App, ask.Commit, w.now)
		ask.History = w.ancestry(ctx, mem, ask, *parent)
		w.refresh(ctx, mem, &ask, *parent) // its child waits, and says so, whether this went well or not
	}
}

// ancestry says of the commits that the snapshot names how they stand to ours.
func (w *work) ancestry(ctx context.Context, mem *entry, ask converge.Ask, s converge.ArgoSnapshot) map[string]converge.Ancestry {
	out := map[string]converge.Ancestry{ask.Commit: {Holds: converge.Yes, Same: converge.Yes}}
	for _, revision := range converge.ArgoCommits(ask, s) {
		var a converge.Ancestry
		if a.Holds = w.holds(ctx, ask.Commit, revision); a.Holds == converge.Yes {
			a.Same = w.same(ctx, ask.Commit, revision, ask.Paths)
		}
		if a.Holds == converge.Unknown {
			w.ledger.lacked(mem, revision, w.now)
		}
		out[revision] = a
	}
	for _, revision := range converge.ArgoDeployed(ask, s) {
		if _, known := out[revision]; !known {
			out[revision] = converge.Ancestry{Same: w.same(ctx, ask.Commit, revision, ask.Paths)}
		}
	}
	return out
}

// behind takes blindness for waiting where it is ours: Argo CD is at a commit
// that was made after the repository was read.
func (w *work) behind(mem *entry, ask converge.Ask, s converge.ArgoSnapshot, c promoter.Convergence) promoter.Convergence {
	if c.Outcome != promoter.Blind {
		return c
	}
	for _, revision := range converge.ArgoCommits(ask, s) {
		if ask.History[revision].Holds != converge.Unknown || !strings.Contains(c.Reason, brief(revision)) {
			continue
		}
		if until := w.ledger.lacked(mem, revision, w.now).Add(5 * time.Minute); w.now.Before(until) {
			c.Outcome, c.Until = promoter.Pending, until
			c.Reason = fmt.Sprintf("it is at %s, which was not there yet when the repository was read", brief(revision))
			return c
		}
	}
	return c
}

func (w *work) holds(ctx context.Context, commit, in string) converge.Answer {
	return w.recall(fact{what: "holds", a: commit, b: in}, func() (bool, error) { return w.history.Holds(ctx, commit, in) })
}

func (w *work) same(ctx context.Context, a, b string, paths []string) converge.Answer {
	return w.recall(fact{"same", a, b, strings.Join(paths, "\n")}, func() (bool, error) { return w.history.Same(ctx, a, b, paths...) })
}

// recall asks the repository's history, once for each fact. What could not be
// read is unknown, and asked again.
func (w *work) recall(f fact, ask func() (bool, error)) converge.Answer {
	if a, ok := w.ledger.fact(f); ok {
		return a
	}
	yes, err := ask()
	if err != nil {
		return converge.Unknown
	}
	w.ledger.learn(f, answer(yes))
	return answer(yes)
}

func brief(commit string) string {
	if converge.FullHash(commit) {
		return commit[:10]
	}
	return commit
}
