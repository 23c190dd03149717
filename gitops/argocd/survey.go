package argocd

import (
	"context"
	"time"

	"promoter/promoter"
	"promoter/promoter/converge"
)

// survey is what all instances list at one time.
type survey struct {
	taken  time.Time
	due    time.Time // when waiting alone may change an answer that was given from it; zero: not known
	lists  []Listing
	byApp  map[converge.ArgoApp]*converge.ArgoSnapshot
	byName map[string][]*converge.ArgoSnapshot
	bySet  map[string][]*converge.ArgoSnapshot // by the ApplicationSet that made them
	// parents are the applications that render one.
	parents map[converge.ArgoApp][]*converge.ArgoSnapshot
}

// surveyed lists every instance, one call each. Questions of one look share the
// lists: those that come while they are made, and soon after. Where something is
// known to have changed since, which with many applications is always so, old
// is true.
func (e *Engine) surveyed(ctx context.Context, now time.Time) (s *survey, old bool) {
	asked := e.surveys.Load()
	e.listing.Lock()
	defer e.listing.Unlock()
	if s := e.last; s != nil {
		age, hinted := now.Sub(s.taken), e.hinted.Load()
		switch {
		case e.surveys.Load() > asked: // made while we waited
			return s, hinted
		case !s.due.IsZero() && !now.Before(s.due): // what was waited for is not in it
		case age >= 0 && age < e.options.Fresh/3, age >= 0 && age < e.options.Fresh && !hinted:
			return s, hinted
		}
	}
	e.hinted.Store(false) // what changes from here on may not be in the lists
	s = &survey{
		taken: now, lists: e.client.Lists(ctx), byApp: map[converge.ArgoApp]*converge.ArgoSnapshot{},
		byName: map[string][]*converge.ArgoSnapshot{}, bySet: map[string][]*converge.ArgoSnapshot{}, parents: map[converge.ArgoApp][]*converge.ArgoSnapshot{},
	}
	for _, l := range s.lists {
		for i := range l.Apps {
			app := &l.Apps[i]
			s.byApp[app.App] = app
			s.byName[app.App.Name] = append(s.byName[app.App.Name], app)
			for _, child := range app.Children {
				s.parents[child] = append(s.parents[child], app)
			}
			for _, o := range app.Owners {
				if isKind(o, "ApplicationSet") {
					s.bySet[o.Name] = append(s.bySet[o.Name], app)
				}
			}
		}
	}
	e.last = s
	e.surveys.Add(1)
	if ctx.Err() != nil {
		e.last = nil // it was cut short: nobody else should have to live with it
	}
	return s, false
}

// promised notes when answers that were given from a survey may change. From
// then on it is not enough: who looks again at that moment wants to see it.
func (e *Engine) promised(s *survey, answers []promoter.Convergence) {
	e.listing.Lock()
	defer e.listing.Unlock()
	for _, c := range answers {
		if c.Until.After(s.taken) && (s.due.IsZero() || c.Until.Before(s.due)) {
			s.due = c.Until
		}
	}
}
