package converge

import (
	"slices"
	"strings"
	"time"
)

var noTime time.Time

func (o *ArgoOperation) over() bool {
	return o.Phase == "Succeeded" || o.Phase == "Failed" || o.Phase == "Error"
}

// revisions are what the operation is about.
func (o *ArgoOperation) revisions() []string {
	if len(o.Result) > 0 {
		return o.Result
	}
	return o.Asked
}

// opHolds says whether the operation is one to the commit, or to a descendant.
func (l *argoLook) opHolds() Answer {
	op := l.s.Operation
	switch {
	case op == nil:
		return No
	case op.Foreign:
		return No
	case len(op.revisions()) == 0:
		return Unknown
	case l.s.Hydrator != nil:
		return yesIf(slices.Equal(op.revisions(), l.s.Revisions))
	case len(op.revisions()) != len(l.s.Sources):
		return No // of another spec
	}
	answer := Yes
	for i, s := range l.s.Sources {
		v := op.revisions()[i]
		one := Yes
		switch want, wanted := l.ask.Expect.wanted(s); {
		case s.git() && SameRepo(s.Repo, l.ask.Repo) && l.ask.follows(s.Revision):
			if one = l.ask.holds(v); !FullHash(v) {
				one = Unknown
			}
		case wanted:
			one = want.at(s, v)
		case l.ask.Expect.Foreign:
			one = yesIf(v == l.s.Revisions[i])
		}
		if one == No {
			return No
		}
		if one == Unknown {
			answer = Unknown
		}
	}
	return answer
}

// running asks whether an operation is under way.
func (l *argoLook) running() *stop {
	op := l.s.Operation
	if op == nil || op.over() {
		if l.s.Requested {
			return pending(noTime, "an operation is requested and has not begun")
		}
		return nil
	}
	if strings.Contains(op.Message, "blocked by sync window") {
		return blocked("a sync window is closed: %s", op.Message)
	}
	holds := l.opHolds()
	if reason, stuck := l.stuck(); stuck {
		return blocked("%s", reason)
	}
	deadline := op.StartedAt.Add(l.ask.Policy.ProgressDeadline)
	switch {
	case op.Phase != "Running" && op.Phase != "Terminating":
		return blind("its operation is in phase %q", op.Phase)
	case holds == No:
		return pending(op.StartedAt.Add(l.ask.Policy.StuckAfter), "an operation to %s is still running", shortAll(op.revisions()))
	case holds == Yes && l.s.Retries < 0 && op.Retried >= 5:
		return l.failure("its sync has failed and been retried without end: "+op.Message, op.StartedAt, l.failedResults())
	case holds == Yes && !l.s.ReadAt.Before(deadline):
		return l.failure("its sync has not ended within "+l.ask.Policy.ProgressDeadline.String()+": "+op.Message, op.StartedAt, l.failedResults())
	case !op.FinishedAt.IsZero():
		return pending(deadline, "its sync has failed and will be tried again: %s", op.Message)
	}
	return pending(deadline, "an operation is running: %s", op.Message)
}

// stuck says that an operation to another revision keeps the commit out.
func (l *argoLook) stuck() (string, bool) {
	op := l.s.Operation
	if op == nil || op.Phase != "Running" || l.opHolds() != No || strings.Contains(op.Message, "blocked by sync window") {
		return "", false
	}
	ran := l.s.ReadAt.Sub(latest(op.StartedAt, l.ask.MergedAt))
	if op.StartedAt.IsZero() || ran < l.ask.Policy.StuckAfter {
		return "", false
	}
	return "an operation to " + shortAll(op.revisions()) + " has kept " + short(l.ask.Commit) + " out for " +
		ran.Truncate(time.Second).String() + ": ending it would help: " + op.Message, true
}

func shortAll(revisions []string) string {
	if len(revisions) == 0 {
		return "an unknown revision"
	}
	out := make([]string, len(revisions))
	for i, r := range revisions {
		out[i] = short(r)
	}
	return strings.Join(out, ", ")
}

// failed asks whether the sync to the commit has failed for good.
func (l *argoLook) failed() *stop {
	op := l.s.Operation
	if op != nil {
		if !op.FinishedAt.IsZero() && op.FinishedAt.Before(op.StartedAt) || op.FinishedAt.IsZero() {
			return blind("its operation is over and ended at %s, before it began at %s", clock(op.FinishedAt), clock(op.StartedAt))
		}
		if contradict(op.Asked, op.Result) {
			return blind("its operation was asked for %s and says that it did %s", shortAll(op.Asked), shortAll(op.Result))
		}
		if op.Phase != "Succeeded" && !op.DryRun {
			switch l.opHolds() {
			case Yes:
				return l.failure("its sync failed: "+op.Message, op.FinishedAt, l.failedResults())
			case Unknown:
				return blind("its sync failed, and whether it was to %s is not known: %s", short(l.ask.Commit), op.Message)
			}
		}
	}
	if c, ok := l.condition("SyncError"); ok && len(l.s.Revisions) == len(l.s.Sources) && l.aboutUs(c) {
		return l.failure("its sync failed and is not tried again: "+c.Message, c.At, l.failedResults())
	}
	return nil
}

// contradict reports whether a result is another commit than was asked for: a
// retry that kept the result of an older operation.
func contradict(asked, result []string) bool {
	if len(result) == 0 {
		return false
	}
	for i, a := range asked {
		if FullHash(a) && (len(asked) != len(result) || a != result[i]) {
			return true
		}
	}
	return false
}

// aboutUs reports whether a condition was raised at the commit: it names the
// revision of a source that has our content.
func (l *argoLook) aboutUs(c ArgoCondition) bool {
	for i, v := range l.s.Revisions {
		_, wanted := l.ask.Expect.wanted(l.s.Sources[i])
		if (FullHash(v) || wanted) && strings.Contains(c.Message, v) {
			return true
		}
	}
	return false
}

// synced asks whether the cluster is as Git says.
func (l *argoLook) synced() *stop {
	if l.s.SyncStatus == "Synced" {
		return nil
	}
	if l.ask.Policy.DriftTolerant && l.oursSynced() {
		return nil
	}
	op := l.s.Operation
	applied := op != nil && op.over() && l.opHolds() == Yes && !op.Partial && !op.DryRun
	out := l.outOfSync()
	switch {
	case l.s.CanSync == No:
		return blocked("a sync window is closed")
	case slices.ContainsFunc(l.s.Resources, func(r ArgoResource) bool { return r.Confirm }):
		return blocked("a person must confirm the deletion of a resource")
	case !l.s.Prune && len(out) > 0 && !slices.ContainsFunc(out, func(r ArgoResource) bool { return !r.Prune }):
		return blocked("%s is no longer in Git, and auto-sync does not prune", out[0].Ref)
	case applied && l.ask.Base.SyncStatus == "OutOfSync":
		return blocked("it was out of sync before the merge and is so after its sync: tolerate drift, or ignore the difference")
	case !l.s.AutoSync:
		return blocked("it is out of sync, and nothing syncs it: auto-sync is off")
	case applied:
		deadline := op.FinishedAt.Add(l.ask.Policy.ProgressDeadline)
		if l.s.ReadAt.Before(deadline) {
			return pending(deadline, "it is out of sync after its sync%s", named(out))
		}
		return l.failure("it has been out of sync for "+l.ask.Policy.ProgressDeadline.String()+" after its sync"+named(out), op.FinishedAt, refs(out))
	}
	return l.awaited(l.waiting(), l.ask.Policy.ProgressDeadline, "it is out of sync and auto-sync has not begun%s", named(out))
}

func (l *argoLook) outOfSync() []ArgoResource {
	var out []ArgoResource
	for _, r := range l.s.Resources {
		if r.Status == "OutOfSync" && !r.Hook {
			out = append(out, r)
		}
	}
	return out
}

// oursSynced reports whether all that the commit changes is there and in sync,
// and nothing at all is missing.
func (l *argoLook) oursSynced() bool {
	for _, r := range l.s.Resources {
		if r.Health == "Missing" && !r.Hook && !r.Prune {
			return false
		}
	}
	for _, want := range l.ask.Expect.Resources {
		if !slices.ContainsFunc(l.s.Resources, func(r ArgoResource) bool { return r.Ref == want && r.Status == "Synced" }) {
			return false
		}
	}
	return len(l.ask.Expect.Resources) > 0
}

// waiting is since when Argo CD is waited for: clocks stand still while it is
// blocked.
func (l *argoLook) waiting() time.Time { return latest(l.ask.asked(), l.lastBlocked()) }

// lastBlocked is when a look last showed a closed window.
func (l *argoLook) lastBlocked() time.Time {
	var at time.Time
	for _, b := range l.before {
		if b.CanSync == No || b.Skipped {
			at = b.ReadAt
		}
	}
	return at
}

// applied asks whether a whole sync to the commit has succeeded. Where the
// content is seen in the cluster, it does not matter how it came there.
func (l *argoLook) applied() *stop {
	if !l.ask.Expect.Changed {
		return nil
	}
	op := l.s.Operation
	holds := l.opHolds()
	if op != nil && op.Phase == "Succeeded" && !op.DryRun && !op.Partial && holds == Yes {
		return nil
	}
	if l.deployed() || l.proven() {
		return nil
	}
	switch {
	case l.ask.Expect.HooksOnly:
		return blocked("only hooks change, and auto-sync does not run for them: sync it by hand")
	case op != nil && holds == Unknown:
		return blind("whether its last sync was to %s is not known", short(l.ask.Commit))
	case op != nil && holds == Yes && op.DryRun:
		return blocked("its last sync was a dry run")
	case op != nil && holds == Yes && op.Partial:
		return blocked("its last sync was of some resources only: sync it in full")
	}
	return l.awaited(l.waiting(), l.ask.Policy.RefreshPatience, "it was compared at %s, but nothing was applied", short(l.ask.Commit))
}

// deployed reports whether what was applied last, in full, is the commit's
// content by another name: a revert of what could not be applied needs no sync.
func (l *argoLook) deployed() bool {
	d := l.s.Deployed
	if d == nil || l.s.Hydrator != nil || len(d.Revisions) != len(l.s.Sources) || !slices.Equal(d.Sources, l.s.Sources) || len(l.s.Revisions) != len(l.s.Sources) {
		return false
	}
	for i, s := range l.s.Sources {
		v := d.Revisions[i]
		want, wanted := l.ask.Expect.wanted(s)
		same := v == l.s.Revisions[i]
		switch {
		case s.git() && SameRepo(s.Repo, l.ask.Repo) && l.ask.follows(s.Revision):
			same = FullHash(v) && (v == l.ask.Commit || l.ask.History[v].Same == Yes)
		case wanted:
			same = want.at(s, v) == Yes
		}
		if !same {
			return false
		}
	}
	return true
}

// ordered asks whether the status was written after the operation: until then
// its health is from before.
func (l *argoLook) ordered() *stop {
	op := l.s.Operation
	if op == nil || l.s.ReconciledAt.After(op.FinishedAt) {
		return nil
	}
	return l.awaited(op.FinishedAt, l.ask.Policy.RefreshPatience, "it was not compared since its sync ended at %s", clock(op.FinishedAt))
}
