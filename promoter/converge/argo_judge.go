package converge

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"promoter/promoter"
)

// Argo answers an Ask from what was seen of the Application, oldest first, of
// which only the last look must be there. Looks must be of this wave: those
// from before the merge belong in Ask.Base.
func Argo(ask Ask, seen []ArgoSnapshot, now time.Time) promoter.Convergence {
	return argo(ask, seen, now, steps())
}

// A step is one predicate. It returns nil when it holds.
type step struct {
	name  string
	judge func(*argoLook) *stop
}

// A stop is why an application has not converged.
type stop struct {
	outcome      promoter.Outcome
	reason       string
	since, until time.Time
	attributable bool
	evidence     []string
}

// steps are in order of authority: what makes later facts meaningless is asked
// first, and a failure only after the facts are known to be about the commit.
func steps() []step {
	return []step{
		{"ask", (*argoLook).question},
		{"reading", (*argoLook).reading},
		{"P0 identity", (*argoLook).identity},
		{"P9 comparison", (*argoLook).comparison},
		{"P1 spec", (*argoLook).spec},
		{"P1 versions", (*argoLook).versions},
		{"P2 fence", (*argoLook).fenced},
		{"P3 revision", (*argoLook).revision},
		{"P3 content", (*argoLook).superseded},
		{"P5 running", (*argoLook).running},
		{"P5 failed", (*argoLook).failed},
		{"P4 sync", (*argoLook).synced},
		{"P5 applied", (*argoLook).applied},
		{"P6 order", (*argoLook).ordered},
		{"P7 health", (*argoLook).health},
		{"P8 content", (*argoLook).content},
		{"P9 conditions", (*argoLook).conditions},
		{"P10 children", (*argoLook).children},
		{"P7 dwell", (*argoLook).dwell},
	}
}

// argoLook is one look, and those before it.
type argoLook struct {
	ask    Ask
	s      ArgoSnapshot
	before []ArgoSnapshot
	now    time.Time
	steps  []step
}

func argo(ask Ask, seen []ArgoSnapshot, now time.Time, steps []step) promoter.Convergence {
	ask.Policy = ask.Policy.withDefaults()
	c := promoter.Convergence{
		App: ask.App.Name, Environment: ask.Environment, Tenant: ask.Tenant, Cluster: ask.Cluster, Commit: ask.Commit,
	}
	if len(seen) == 0 {
		c.Outcome, c.Reason = promoter.Blind, "Argo CD's list does not have the application"
		return c
	}
	l := &argoLook{ask: ask, s: seen[len(seen)-1], before: seen[:len(seen)-1], now: now, steps: steps}
	c.Evidence = l.evidence()
	stop := l.first(steps)
	if stop == nil {
		c.Outcome, c.Reason = promoter.Converged, "runs "+short(ask.Commit)+" and has held its health"
		c.Since = l.healthyFrom().Add(ask.Policy.Dwell)
		return c
	}
	c.Outcome, c.Reason, c.Since, c.Until = stop.outcome, oneLine(stop.reason), stop.since, stop.until
	c.Attributable = stop.attributable && stop.outcome == promoter.Failed
	c.Evidence = append(c.Evidence, stop.evidence...)
	return c
}

func (l *argoLook) first(steps []step) *stop {
	for _, s := range steps {
		if stop := s.judge(l); stop != nil {
			return stop
		}
	}
	return nil
}

func pending(until time.Time, format string, args ...any) *stop {
	return &stop{outcome: promoter.Pending, reason: fmt.Sprintf(format, args...), until: until}
}

func blocked(format string, args ...any) *stop {
	return &stop{outcome: promoter.Blocked, reason: fmt.Sprintf(format, args...)}
}

func blind(format string, args ...any) *stop {
	return &stop{outcome: promoter.Blind, reason: fmt.Sprintf(format, args...)}
}

// awaited is pending until a wait has lasted too long, and blind from then on:
// it is Argo CD that does not get on, which says nothing of the change.
func (l *argoLook) awaited(from time.Time, patience time.Duration, format string, args ...any) *stop {
	until := from.Add(patience)
	if l.s.ReadAt.Before(until) {
		return pending(until, format, args...)
	}
	return blind("for %s now: "+format, append([]any{patience}, args...)...)
}

// question refuses to answer what was not asked in full.
func (l *argoLook) question() *stop {
	a := l.ask
	switch {
	case !FullHash(a.Commit):
		return blind("%q is no commit", a.Commit)
	case a.MergedAt.IsZero():
		return blind("nobody says when %s was merged", short(a.Commit))
	case a.OnBranch == No:
		return &stop{outcome: promoter.Rewritten, reason: short(a.Commit) + " is no longer in the history of " + branchName(a.Branch)}
	case a.OnBranch != Yes:
		return blind("whether %s is in the history of %s is not known", short(a.Commit), branchName(a.Branch))
	}
	return nil
}

func branchName(name string) string {
	if name == "" {
		return "the branch"
	}
	return name
}

// reading refuses answers that are old: a cache's, or from before one that we
// have had.
func (l *argoLook) reading() *stop {
	if l.s.ReadAt.IsZero() {
		return blind("the server does not say when it answered")
	}
	if gap := l.now.Sub(l.s.ReadAt); gap > l.ask.Policy.MaxAge || gap < -l.ask.Policy.MaxAge {
		return blind("the answer is from %s and it is %s here: it is old, or a clock is wrong", clock(l.s.ReadAt), clock(l.now))
	}
	for _, b := range l.before {
		if b.UID == l.s.UID && (b.ReconciledAt.After(l.s.ReconciledAt) || olderVersion(l.s.Version, b.Version)) {
			return blind("the answer is older than one from before: version %s, compared at %s, after version %s, compared at %s", l.s.Version, clock(l.s.ReconciledAt), b.Version, clock(b.ReconciledAt))
		}
	}
	return nil
}

// olderVersion compares resource versions where they are numbers, as etcd's are.
func olderVersion(a, b string) bool {
	x, errX := strconv.ParseUint(a, 10, 64)
	y, errY := strconv.ParseUint(b, 10, 64)
	return errX == nil && errY == nil && x < y
}

func (l *argoLook) identity() *stop {
	switch {
	case l.s.App != l.ask.App:
		return blind("the answer is about %s", l.s.App)
	case l.s.UID == "":
		return blind("the application has no uid")
	case l.ask.Base.UID != "" && l.s.UID != l.ask.Base.UID:
		return blind("it is another object than before the merge: it was deleted and made anew")
	case l.s.Deleting:
		return blocked("the application is being deleted")
	case l.s.Skipped:
		return blocked("somebody has set skip-reconcile")
	}
	if c, ok := l.condition("UnknownError"); ok && strings.Contains(c.Message, "size limit") {
		return blind("its status no longer fits into the object and may be old: %s", c.Message)
	}
	return nil
}

// good reports whether everything but the dwell held at a look.
func (l *argoLook) good(i int) bool {
	s := l.before[i]
	then := &argoLook{ask: l.ask, s: s, before: l.before[:i], now: s.ReadAt}
	for _, step := range l.steps {
		if step.name != "P7 dwell" && step.judge(then) != nil {
			return false
		}
	}
	return true
}

func (l *argoLook) condition(kind string) (ArgoCondition, bool) {
	for _, c := range l.s.Conditions {
		if c.Type == kind {
			return c, true
		}
	}
	return ArgoCondition{}, false
}

// clock is a time as it is said to people.
func clock(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

// oneLine keeps a server's text from breaking out of its line, or filling it.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > 300 {
		text = string(runes[:299]) + "…"
	}
	return text
}
