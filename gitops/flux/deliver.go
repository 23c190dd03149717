package flux

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"promoter/promoter"
	"promoter/promoter/converge"
)

// deliver says how far an application has come.
func (w *work) deliver(ctx context.Context, s site) promoter.Convergence {
	q := w.question
	app := appKey{s.cluster, s.app}
	ask := converge.FluxAsk{
		App: s.app, Cluster: s.cluster, Commit: q.Commit, Repo: w.history.Remote(), Branch: w.history.Branch(), MergedAt: q.MergedAt,
		OnBranch: w.holds(ctx, q.Commit, w.history.Head()), ReadyBefore: q.Healthy, Policy: w.options.Policy,
		Base: w.ledger.base(w.ledger.memory(memoryKey{app, q.Commit}, w.now), app, q.MergedAt),
	}
	c := w.settle(ctx, ask, s)
	if c.Outcome != promoter.Superseded {
		return c
	}
	// The pin still stands, and somebody else's commit came on top of it: what
	// runs is their work as much as ours.
	if ask.Commit = w.later(ctx, ask, s); ask.Commit == "" {
		return c
	}
	ask.Base, ask.ReadyBefore = converge.FluxSnapshot{}, false
	together := w.settle(ctx, ask, s)
	together.Attributable = false
	with := fmt.Sprintf("with later changes of what it reads, up to %s", brief(ask.Commit))
	if together.Outcome == promoter.Failed {
		with = "not attributed, for there are " + strings.TrimPrefix(with, "with ")
	}
	together.Reason += " (" + with + ")"
	return together
}

// later is the commit whose content is the head's as far as the application
// reads it: the one that it is at, or the head.
func (w *work) later(ctx context.Context, ask converge.FluxAsk, s site) string {
	head := w.history.Head()
	if ask.OnBranch != converge.Yes || head == ask.Commit {
		return ""
	}
	paths := w.paths(s.app, s.look)
	for _, at := range converge.FluxCommits(ask, s.look) {
		if w.holds(ctx, ask.Commit, at) == converge.Yes && w.holds(ctx, at, head) == converge.Yes && w.same(ctx, at, head, paths) == converge.Yes {
			return at
		}
	}
	return head
}

// settle asks for one commit: by what the lists say, and by the health of
// single objects where that is all that is missing.
func (w *work) settle(ctx context.Context, ask converge.FluxAsk, s site) promoter.Convergence {
	mem := w.ledger.memory(memoryKey{appKey{s.cluster, s.app}, ask.Commit}, w.now)
	look := s.look
	w.expect(&ask, s)
	w.ancestry(ctx, mem, &ask, look, w.paths(s.app, look))
	again, trouble := w.request(ctx, &ask, look)
	c := converge.Flux(ask, w.ledger.looks(mem, look), w.now)
	if c.Outcome == promoter.Blind && strings.Contains(c.Reason, "was not read") {
		read, err := w.client.Read(ctx, look, converge.FluxWorkloads(ask, look), nil)
		if err != nil {
			c.Reason, c.Until = err.Error(), time.Time{}
			return c
		}
		look = read
		c = converge.Flux(ask, w.ledger.looks(mem, look), w.now)
	}
	if c.Outcome == promoter.Failed && !c.Attributable {
		c = w.blame(ctx, mem, ask, look, c)
	}
	w.ledger.saw(mem, converge.FluxPart(ask, look))
	if trouble != nil {
		c.Evidence = append(c.Evidence, trouble.Error())
	}
	// Waiting alone does not change what a request is due for.
	if c.Outcome != promoter.Converged && !again.IsZero() && (c.Until.IsZero() || again.Before(c.Until)) {
		c.Until = again
	}
	return w.behind(mem, ask, look, c)
}

// request asks for reconciles that are due, once at a time, and returns when
// the next are.
func (w *work) request(ctx context.Context, ask *converge.FluxAsk, look converge.FluxSnapshot) (again time.Time, trouble error) {
	v := w.ledger.wave(waveKey{ask.Cluster, ask.Commit}, w.now)
	v.asking.Lock()
	defer v.asking.Unlock()
	objects, _ := converge.FluxRequest(*ask, look)
	var errs []error
	for _, o := range objects {
		r := v.asks[o]
		if due := r.due(); due.After(w.serverTime(look)) {
			if again.IsZero() || due.Before(again) {
				again = due
			}
			continue
		}
		if w.requests.Add(-1) < 0 {
			continue // the next look's
		}
		token := w.now.UTC().Format(time.RFC3339Nano)
		fence, err := w.client.Request(ctx, ask.Cluster, o, token)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		w.surveys[ask.Cluster].hinted.Store(true)
		if o.Group == converge.FluxSourceGroup {
			v.token = token
		}
		if v.first.IsZero() {
			v.first = fence
		}
		r = request{fence, r.times + 1}
		v.asks[o], v.last = r, fence
		if due := r.due(); again.IsZero() || due.Before(again) {
			again = due
		}
	}
	ask.Token, ask.First, ask.Fence, ask.Asked = v.token, v.first, v.last, len(v.asks)
	return again, errors.Join(errs...)
}

// serverTime is what the server's clock shows now, as far as can be told from
// lists that were made a little while ago.
func (w *work) serverTime(look converge.FluxSnapshot) time.Time {
	v := w.surveys[look.Cluster]
	v.mu.Lock()
	defer v.mu.Unlock()
	return look.ReadAt.Add(max(0, w.now.Sub(v.taken)))
}

// ancestry says of the commits that the snapshot names how they stand to ours.
func (w *work) ancestry(ctx context.Context, mem *memory, ask *converge.FluxAsk, look converge.FluxSnapshot, paths []string) {
	ask.History = map[string]converge.Ancestry{}
	for _, commit := range converge.FluxCommits(*ask, look) {
		var a converge.Ancestry
		if a.Holds = w.holds(ctx, ask.Commit, commit); a.Holds == converge.Yes {
			a.Same = w.same(ctx, ask.Commit, commit, paths)
		}
		if a.Holds == converge.Unknown {
			w.ledger.lacked(mem, commit, w.now)
		}
		ask.History[commit] = a
	}
}

// behind takes blindness for waiting where it is ours: Flux is at a commit that
// was made after the repository was read.
func (w *work) behind(mem *memory, ask converge.FluxAsk, look converge.FluxSnapshot, c promoter.Convergence) promoter.Convergence {
	if c.Outcome != promoter.Blind {
		return c
	}
	for _, commit := range converge.FluxCommits(ask, look) {
		if ask.History[commit].Holds != converge.Unknown || !strings.Contains(c.Reason, brief(commit)) {
			continue
		}
		if until := w.ledger.lacked(mem, commit, w.now).Add(5 * time.Minute); w.now.Before(until) {
			c.Outcome, c.Until = promoter.Pending, until
			c.Reason = fmt.Sprintf("it is at %s, which was not there yet when the repository was read", brief(commit))
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
	a := converge.No
	if yes {
		a = converge.Yes
	}
	w.ledger.learn(f, a)
	return a
}

func brief(commit string) string {
	if converge.FullHash(commit) {
		return commit[:10]
	}
	return commit
}

// ready says how an application is now, and what stands against a merge. What
// it says is also what the application is held against after the merge.
func (w *work) ready(ctx context.Context, s site) finding {
	ask := converge.FluxAsk{App: s.app, Cluster: s.cluster, Repo: w.history.Remote(), Branch: w.history.Branch(), Policy: w.options.Policy}
	look := s.look
	c := converge.FluxNow(ask, look, w.now)
	if c.Outcome == promoter.Blind && strings.Contains(c.Reason, "was not read") {
		read, err := w.client.Read(ctx, look, converge.FluxWorkloads(ask, look), nil)
		if err != nil {
			c.Reason = err.Error()
			return finding{Convergence: c}
		}
		look = read
		c = converge.FluxNow(ask, look, w.now)
	}
	w.ledger.setBase(appKey{s.cluster, s.app}, converge.FluxPart(ask, look))
	f := finding{Convergence: c, against: converge.FluxAgainst(ask, look)}
	if c.Outcome == promoter.Converged {
		for _, line := range converge.FluxBefore(ask, look) {
			if !slices.Contains(f.against, line) {
				f.Evidence = append(f.Evidence, line)
			}
		}
	}
	return f
}
