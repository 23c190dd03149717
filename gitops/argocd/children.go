package argocd

import (
	"context"
	"slices"
	"time"

	"promoter/promoter"
	"promoter/promoter/converge"
)

// children answers the same question for every application that one renders.
// Of those that the moves do not touch only what came after the merge counts:
// what ails them since before it is nothing that the commit has to answer for.
func (w *work) children(ctx context.Context, s converge.ArgoSnapshot, above []converge.ArgoApp) map[converge.ArgoApp]promoter.Convergence {
	out := map[converge.ArgoApp]promoter.Convergence{}
	all := slices.Clone(s.Children)
	for _, r := range s.Resources {
		if isKind(r.Ref, "Application") && !r.Hook {
			all = append(all, converge.ArgoApp{Instance: s.App.Instance, Namespace: r.Ref.Namespace, Name: r.Ref.Name})
		}
	}
	found := w.wholeOf(ctx, all, above)
	for _, app := range all {
		child, err := found[app].app, found[app].err
		switch _, done := out[app]; {
		case err != nil:
			out[app] = blindTo(converge.ArgoSnapshot{App: app}, err).Convergence
		case done || child == nil: // of one that is in no list nothing is known
		case slices.Contains(above, app):
			out[app] = promoter.Convergence{App: app.Name, Outcome: promoter.Converged, Reason: "it renders itself, and is asked already"}
		case w.named[app] || w.touches(child):
			out[app] = w.deliver(ctx, child, w.named[app], above).Convergence
		case !worsened(child, w.question.MergedAt):
			out[app] = promoter.Convergence{App: app.Name, Outcome: promoter.Converged, Reason: "it is as it was before the merge"}
		default:
			out[app] = w.bystander(ctx, child)
		}
	}
	return out
}

// read is an application that was read, or why it was not.
type read struct {
	app *converge.ArgoSnapshot
	err error
}

// wholeOf reads applications, several at a time. Those that are asked already
// are only found.
func (w *work) wholeOf(ctx context.Context, apps, above []converge.ArgoApp) map[converge.ArgoApp]read {
	out := make(map[converge.ArgoApp]read, len(apps))
	var listed []*converge.ArgoSnapshot
	for _, app := range apps {
		s := w.survey.byApp[app]
		if _, twice := out[app]; s != nil && !twice && !slices.Contains(above, app) {
			listed = append(listed, s)
		}
		out[app] = read{app: s}
	}
	all := make([]read, len(listed))
	each(w.options.Parallel, len(listed), func(i int) { all[i].app, all[i].err = w.whole(ctx, listed[i]) })
	for i, s := range listed {
		out[s.App] = all[i]
	}
	return out
}

// touches reports whether the moves may be meant for an application that no
// place names. One that only pins what a named one pins too is of another place,
// which the moves leave where it is.
func (w *work) touches(s *converge.ArgoSnapshot) bool {
	for _, m := range w.question.Moves {
		if readsFile(s, w.ours, w.history.Branch(), m.Place.File) != converge.No || pins(s, m) && !w.meant(m) {
			return true
		}
	}
	return false
}

// meant reports whether an application that a place names pins what a move
// moves.
func (w *work) meant(m promoter.Move) bool {
	for app := range w.named {
		if s := w.survey.byApp[app]; s != nil && pins(s, m) {
			return true
		}
	}
	return false
}

// worsened reports whether anything has happened to an application since a
// merge.
func worsened(s *converge.ArgoSnapshot, merged time.Time) bool {
	op := s.Operation
	switch {
	case !slices.Equal(s.Sources, s.Compared) || s.Destination != s.ComparedDst, s.Deleting, s.Requested:
		return true
	case op != nil && (!op.StartedAt.Before(merged) || !op.FinishedAt.Before(merged) || op.FinishedAt.IsZero()):
		return true
	case !s.HealthTimed && s.Health != "Healthy", !s.HealthSince.Before(merged):
		return true
	}
	return slices.ContainsFunc(s.Conditions, func(c converge.ArgoCondition) bool { return !c.At.Before(merged) })
}

// bystander asks only for the state of an application that the moves do not
// touch, by what the list says.
func (w *work) bystander(ctx context.Context, s *converge.ArgoSnapshot) promoter.Convergence {
	ask := converge.Ask{
		App: s.App, Commit: w.question.Commit, MergedAt: w.question.MergedAt, OnBranch: w.holds(ctx, w.question.Commit, w.history.Head()),
		Expect: converge.Expect{Foreign: true}, Policy: w.options.Policy,
	}
	mem := w.ledger.entry(s.App, "bystander "+ask.Commit, w.now)
	trouble := w.refresh(ctx, mem, &ask, *s)
	c := converge.Argo(ask, w.ledger.looks(mem, *s), w.now)
	w.ledger.saw(mem, *s)
	if trouble != "" {
		c.Evidence = append(c.Evidence, trouble)
	}
	return c
}
