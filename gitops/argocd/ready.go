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

// ready says how an application is now, and what stands against a merge. What
// it says is also what the application is held against after the merge.
func (w *work) ready(ctx context.Context, listed *converge.ArgoSnapshot) finding {
	s, whole := w.ledger.detailed(*listed)
	c := w.state(ctx, s)
	if !whole && c.Outcome == promoter.Converged && !w.client.listsAll(s.App.Instance) { // what is ill stands against it by itself
		full, err := w.client.Look(ctx, s.App, nil)
		if err != nil {
			c.Outcome, c.Reason = promoter.Blind, err.Error()
			return finding{Convergence: c, seen: s}
		}
		w.ledger.detail(full)
		s = full
		c = w.state(ctx, s)
	}
	w.ledger.setBase(s)
	f := finding{Convergence: c, seen: s}
	against := converge.ArgoAgainst(s)
	for _, line := range against {
		f.against = append(f.against, fmt.Sprintf("%s: %s", s.App.Name, line))
	}
	for _, line := range converge.ArgoBefore(s) {
		if !slices.Contains(against, line) && c.Outcome == promoter.Converged {
			f.Evidence = append(f.Evidence, line)
		}
	}
	return f
}

// state is an application's present state, whatever commit it is at.
func (w *work) state(ctx context.Context, s converge.ArgoSnapshot) promoter.Convergence {
	c := promoter.Convergence{Outcome: promoter.Converged, Reason: "in sync and healthy", Evidence: []string{stateOf(s)}}
	say := func(o promoter.Outcome, format string, args ...any) promoter.Convergence {
		c.Outcome, c.Reason = o, oneLine(fmt.Sprintf(format, args...))
		return c
	}
	if gap := w.now.Sub(s.ReadAt); gap > 5*time.Minute || gap < -5*time.Minute {
		return say(promoter.Blind, "the server answered at %s and it is %s here: it is old, or a clock is wrong", when(s.ReadAt), when(w.now))
	}
	for _, cond := range s.Conditions {
		if !strings.HasSuffix(cond.Type, "Warning") && cond.Type != "SyncError" {
			return say(promoter.Blind, "%s: %s", cond.Type, cond.Message)
		}
	}
	switch {
	case s.UID == "":
		return say(promoter.Blind, "the application has no uid")
	case s.Deleting:
		return say(promoter.Blocked, "it is being deleted")
	case s.Skipped:
		return say(promoter.Blocked, "somebody has set skip-reconcile")
	}
	if age := s.ReadAt.Sub(s.ReconciledAt); age > w.options.Recent {
		return w.stale(ctx, s, say)
	}
	op := s.Operation
	switch {
	case !slices.Equal(s.Sources, s.Compared) || s.Destination != s.ComparedDst:
		return say(promoter.Pending, "its status is about an older spec")
	case op != nil && (op.Phase == "Running" || op.Phase == "Terminating") || s.Requested:
		return say(promoter.Pending, "an operation is running")
	case s.SyncStatus == "OutOfSync" && w.options.Policy.DriftTolerant:
	case s.SyncStatus == "OutOfSync":
		return say(promoter.Blocked, "it is out of sync%s", firstOf(s, func(r converge.ArgoResource) bool { return r.Status == "OutOfSync" }))
	case s.SyncStatus != "Synced":
		return say(promoter.Blind, "sync status is %q", s.SyncStatus)
	}
	switch s.Health {
	case "Healthy":
		return c
	case "Suspended":
		if w.options.Policy.SuspendedIsHealthy {
			return c
		}
		return say(promoter.Blocked, "it is paused: a person or its rollout resumes it")
	case "Progressing":
		return say(promoter.Pending, "it is Progressing since %s", when(s.HealthSince))
	case "Degraded", "Missing":
		c.Since = s.HealthSince
		return say(promoter.Failed, "it is %s since %s%s", s.Health, when(s.HealthSince), firstOf(s, func(r converge.ArgoResource) bool { return r.Health == s.Health }))
	}
	return say(promoter.Blind, "health is %q", s.Health)
}

// stale has an application compared that was not for longer than it should be.
func (w *work) stale(ctx context.Context, s converge.ArgoSnapshot, say func(promoter.Outcome, string, ...any) promoter.Convergence) promoter.Convergence {
	mem := w.ledger.entry(s.App, "since "+when(s.ReconciledAt), w.now)
	mem.asking.Lock()
	defer mem.asking.Unlock()
	fence, _, asked := w.ledger.requests(mem)
	if s.ReadAt.Sub(fence) >= time.Minute && w.refreshes.Add(-1) >= 0 {
		if _, err := w.client.Refresh(ctx, s.App, false); err != nil {
			return say(promoter.Blind, "it was last compared at %s, and could not be asked to: %v", when(s.ReconciledAt), err)
		}
		w.hinted.Store(true)
		w.ledger.requested(mem, s.ReadAt)
	}
	outcome := promoter.Pending
	if asked > 5 {
		outcome = promoter.Blind
	}
	c := say(outcome, "it was last compared at %s", when(s.ReconciledAt))
	c.Until = w.now.Add(5 * time.Second)
	return c
}

// stateOf is what was read, in a line for people.
func stateOf(s converge.ArgoSnapshot) string {
	var at []string
	for _, r := range s.Revisions {
		at = append(at, brief(r))
	}
	return fmt.Sprintf("%s at %s, compared %s: %s, health %s since %s", s.App, strings.Join(at, ", "), when(s.ReconciledAt), s.SyncStatus, s.Health, when(s.HealthSince))
}

func firstOf(s converge.ArgoSnapshot, is func(converge.ArgoResource) bool) string {
	for _, r := range slices.Concat(s.Resources, s.Tree) {
		if !is(r) || r.Hook {
			continue
		}
		if r.Message != "" {
			return fmt.Sprintf(": %s (%s)", r.Ref, r.Message)
		}
		return ": " + r.Ref.String()
	}
	return ""
}

func when(t time.Time) string {
	if t.IsZero() {
		return "an unknown time"
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
