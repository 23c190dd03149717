package converge

import (
	"slices"
	"strings"
	"time"
)

// Refresh is a wish for a refresh.
type Refresh struct {
	Due  time.Time // zero: none is needed
	Hard bool      // the manifests' cache is to be dropped too
}

// ArgoRefresh says when to ask for a refresh (again), by the server's clock:
// at once after the merge, and after 5, 10, 20 … 120 seconds when the request
// was lost or the revision came from a cache. After three lost ones one is hard,
// and so is each while an error is remembered that may be over: Argo CD gives up
// rendering after three failures, for an hour, unless its cache is dropped.
func ArgoRefresh(ask Ask, s ArgoSnapshot) Refresh {
	ask.Policy = ask.Policy.withDefaults()
	l := &argoLook{ask: ask, s: s, now: s.ReadAt}
	if l.identity() != nil || l.s.Refresh != "" || l.versions() != nil {
		return Refresh{} // what a parent writes into its spec no comparison brings
	}
	waits := l.first([]step{{"", (*argoLook).comparison}, {"", (*argoLook).spec}, {"", (*argoLook).fenced}})
	if waits == nil && !l.unknown() {
		waits = l.revision() // what we do not know no comparison tells
	}
	if waits == nil {
		switch op := s.Operation; {
		case op != nil && op.over() && l.ordered() != nil:
		case !s.HealthTimed && s.ReconciledAt.Before(l.healthyFrom().Add(ask.Policy.Dwell)):
			// An untimed health is only proven by a comparison after the dwell.
			return Refresh{Due: l.healthyFrom().Add(ask.Policy.Dwell + time.Second)}
		default:
			return Refresh{}
		}
	}
	if ask.Asked == 0 || ask.Fence.IsZero() {
		return Refresh{Due: s.ReadAt}
	}
	wait := min(5*time.Second<<min(ask.Asked-1, 5), 2*time.Minute)
	failed, _ := l.condition("ComparisonError")
	return Refresh{Due: ask.Fence.Add(wait), Hard: ask.Asked == 3 || strings.Contains(failed.Message, rememberedError)}
}

// rememberedError is how Argo CD marks an error that it has not met anew.
const rememberedError = "Manifest generation error (cached)"

// unknown reports whether it was compared at a commit of which nothing is known.
func (l *argoLook) unknown() bool {
	s := l.s
	s.Operation = nil
	return slices.ContainsFunc(ArgoCommits(l.ask, s), func(v string) bool { return l.ask.holds(v) == Unknown })
}

// ArgoStuck reports whether an operation to another revision keeps the commit
// out, so that ending it would help, and why.
func ArgoStuck(ask Ask, s ArgoSnapshot) (reason string, stuck bool) {
	ask.Policy = ask.Policy.withDefaults()
	l := &argoLook{ask: ask, s: s, now: s.ReadAt}
	if l.question() != nil || l.identity() != nil {
		return "", false
	}
	reason, stuck = l.stuck()
	return oneLine(reason), stuck
}

// ArgoBefore says what stands against a merge now, or will stand in a revert's
// way: one line each.
func ArgoBefore(s ArgoSnapshot) []string {
	out := ArgoAgainst(s)
	if s.Retries != 0 && !s.RetryFresh {
		out = append(out, "a failing sync is retried at its old revision and can keep a revert out: set syncPolicy.retry.refresh, or allow operations to be ended")
	}
	if s.Health != "Healthy" {
		out = append(out, "it is "+orNone(s.Health)+" before the merge: a failure after it cannot be attributed")
	}
	return out
}

// ArgoAgainst says why a merge now would not come to run: one line each.
func ArgoAgainst(s ArgoSnapshot) []string {
	var out []string
	if s.CanSync == No {
		out = append(out, "a sync window is closed: auto-sync may not begin when it opens")
	}
	if s.Skipped {
		out = append(out, "somebody has set skip-reconcile")
	}
	if !s.AutoSync {
		out = append(out, "auto-sync is off: a person syncs it, or an ApplicationSet does in steps")
	}
	return out
}

// ArgoDeployed are the commits of which an answer needs to know whether what the
// application reads is the same in them.
func ArgoDeployed(ask Ask, s ArgoSnapshot) []string {
	if s.Deployed == nil {
		return nil
	}
	s.Revisions, s.Operation = s.Deployed.Revisions, nil
	return ArgoCommits(ask, s)
}

// ArgoCommits are the commits that an answer needs to know the history of.
func ArgoCommits(ask Ask, s ArgoSnapshot) []string {
	var out []string
	seen := map[string]bool{ask.Commit: true}
	add := func(commit string) {
		if FullHash(commit) && !seen[commit] {
			seen[commit] = true
			out = append(out, commit)
		}
	}
	if s.Hydrator != nil {
		add(s.Hydrator.Dry)
		return out
	}
	vectors := [][]string{s.Revisions}
	if s.Operation != nil {
		vectors = append(vectors, s.Operation.Asked, s.Operation.Result)
	}
	for i, source := range s.Sources {
		if !source.git() || !SameRepo(source.Repo, ask.Repo) {
			continue
		}
		for _, v := range vectors {
			if i < len(v) {
				add(v[i])
			}
		}
	}
	return out
}

// Changed reports whether a sync of the commit itself, after the merge, has
// changed a resource in the cluster, by what the server says that it did.
func (a Ask) Changed(s ArgoSnapshot, r Ref) bool {
	a.Policy = a.Policy.withDefaults()
	l := &argoLook{ask: a, s: s, now: s.ReadAt}
	if op := s.Operation; op == nil || op.StartedAt.Before(a.MergedAt) || op.DryRun || l.opHolds() != Yes {
		return false
	}
	return slices.ContainsFunc(s.Operation.Resources, func(did ArgoResult) bool {
		if did.Ref != r || did.Failed {
			return false
		}
		return slices.ContainsFunc([]string{" configured", " created", " replaced"}, func(word string) bool { return strings.HasSuffix(did.Message, word) })
	})
}
