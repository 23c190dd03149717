package converge

import (
	"fmt"
	"slices"
	"strings"

	"promoter/promoter"
)

// proven reports whether the content is seen in the cluster, positively.
func (l *argoLook) proven() bool {
	e := l.ask.Expect
	return len(e.Items)+len(e.Images) > 0 && l.content() == nil
}

// content asks the cluster itself for what the commit changes: a comparison
// with stale manifests, or with a stale cache of the cluster, is in sync too.
func (l *argoLook) content() *stop {
	missing := l.lacking()
	if missing == "" {
		return nil
	}
	from := l.waiting()
	if op := l.s.Operation; op != nil {
		from = latest(from, op.FinishedAt)
	}
	return l.awaited(from, l.ask.Policy.ProgressDeadline, "it is in sync, but %s", missing)
}

func (l *argoLook) lacking() string {
	for _, want := range l.ask.Expect.Items {
		i := slices.IndexFunc(l.s.Live, func(live Item) bool { return live.Ref == want.Ref && live.Pointer == want.Pointer })
		switch {
		case i < 0:
			return fmt.Sprintf("%s of %s was not read from the cluster", want.Pointer, want.Ref)
		case l.s.Live[i].Value != want.Value:
			return fmt.Sprintf("%s of %s is %q and not %q", want.Pointer, want.Ref, l.s.Live[i].Value, want.Value)
		}
	}
	for _, want := range l.ask.Expect.Images {
		runs := func(image string) bool {
			return image != "" && slices.ContainsFunc(l.s.Images, func(have string) bool { return imageKey(have) == imageKey(image) })
		}
		switch {
		case !runs(want.New):
			return fmt.Sprintf("no pod runs %s", want.New)
		case imageKey(want.New) != imageKey(want.Old) && runs(want.Old):
			return fmt.Sprintf("a pod still runs %s", want.Old)
		}
	}
	return ""
}

// imageKey spells an image without Docker Hub's unspoken parts.
func imageKey(image string) string {
	image = strings.TrimPrefix(image, "index.")
	return strings.TrimPrefix(strings.TrimPrefix(image, "docker.io/"), "library/")
}

// conditions asks for what else speaks against it. Warnings are evidence only.
func (l *argoLook) conditions() *stop {
	for _, c := range l.s.Conditions {
		switch {
		case c.Type == "SyncError":
			return l.awaited(latest(l.waiting(), c.At), l.ask.Policy.RefreshPatience, "an earlier sync's error still stands: %s", c.Message)
		case !strings.HasSuffix(c.Type, "Warning"):
			return blind("%s: %s", c.Type, c.Message)
		}
	}
	return nil
}

// children asks the same of every application that this one renders: its own
// health does not include theirs.
func (l *argoLook) children() *stop {
	renders := l.s.AppOfApps || len(l.s.Children) > 0
	all := slices.Clone(l.s.Children)
	for _, r := range l.s.Resources {
		if r.Ref.Group != "argoproj.io" || r.Hook {
			continue
		}
		switch r.Ref.Kind {
		case "Application":
			renders = true
			all = append(all, ArgoApp{Instance: l.s.App.Instance, Namespace: r.Ref.Namespace, Name: r.Ref.Name})
		case "ApplicationSet":
			renders = true
		}
	}
	if !renders {
		return nil
	}
	if !l.s.ChildrenKnown {
		return blind("it renders applications, and which ones is not known")
	}
	var worst *stop
	for _, app := range all {
		c, known := l.ask.Children[app]
		if !known {
			return blind("it renders %s, of which nothing is known", app)
		}
		if c.Outcome == promoter.Converged {
			continue
		}
		if severity(c.Outcome) == 0 {
			return blind("%s: its outcome is %q", app.Name, c.Outcome)
		}
		if worst == nil || severity(c.Outcome) > severity(worst.outcome) {
			worst = &stop{outcome: c.Outcome, reason: app.Name + ": " + c.Reason, since: c.Since, until: c.Until, attributable: c.Attributable, evidence: c.Evidence}
		}
	}
	return worst
}

// severity orders the outcomes that are not convergence: what a person must
// know first is the highest. It is zero for what is no outcome.
func severity(o promoter.Outcome) int {
	return 1 + slices.Index([]promoter.Outcome{
		promoter.Pending, promoter.Superseded, promoter.Blocked, promoter.Blind, promoter.Rewritten, promoter.Failed,
	}, o)
}

// evidence is what was read, in lines for people.
func (l *argoLook) evidence() []string {
	s := l.s
	out := []string{
		fmt.Sprintf("%s at %s, compared %s: %s, health %s since %s", s.App, shortAll(s.Revisions), clock(s.ReconciledAt), orNone(s.SyncStatus), orNone(s.Health), clock(s.HealthSince)),
	}
	if op := s.Operation; op != nil {
		when := "from " + clock(op.StartedAt) + " to " + clock(op.FinishedAt)
		if op.FinishedAt.IsZero() {
			when = "since " + clock(op.StartedAt)
		}
		out = append(out, oneLine(fmt.Sprintf("operation to %s %s, %s: %s", shortAll(op.revisions()), op.Phase, when, op.Message)))
	}
	if s.Hydrator != nil {
		out = append(out, fmt.Sprintf("hydrated from %s to %s", short(s.Hydrator.Dry), short(s.Hydrator.Hydrated)))
	}
	for _, c := range s.Conditions {
		out = append(out, oneLine(fmt.Sprintf("%s at %s: %s", c.Type, clock(c.At), c.Message)))
	}
	return out
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
