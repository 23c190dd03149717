package argocd

import (
	"context"
	"fmt"
	"sync"
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
	// wholes are the applications of instances that were listed in outlines.
	wholes map[string]*wholes
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
		taken: now, lists: e.client.indexes(ctx), wholes: map[string]*wholes{}, byApp: map[converge.ArgoApp]*converge.ArgoSnapshot{},
		byName: map[string][]*converge.ArgoSnapshot{}, bySet: map[string][]*converge.ArgoSnapshot{}, parents: map[converge.ArgoApp][]*converge.ArgoSnapshot{},
	}
	for _, l := range s.lists {
		if l.outlines {
			s.wholes[l.Instance] = &wholes{most: max(64, len(l.Apps)/8), reads: map[converge.ArgoApp]*reading{}}
		}
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

// wholes are applications that are read by themselves because their list has
// only outlines: each once for a survey, as long as they are few among all.
type wholes struct {
	most  int
	mu    sync.Mutex
	reads map[converge.ArgoApp]*reading
	all   map[converge.ArgoApp]*converge.ArgoSnapshot // after too many were asked for
}

type reading struct {
	mu   sync.Mutex
	done *converge.ArgoSnapshot
}

// whole returns an application of the survey with all that a list has of it,
// as it is now.
func (w *work) whole(ctx context.Context, s *converge.ArgoSnapshot) (*converge.ArgoSnapshot, error) {
	w.ledger.mind(s.App, w.now)
	of := w.survey.wholes[s.App.Instance]
	if of == nil {
		return s, nil
	}
	server, err := w.client.server(s.App.Instance)
	if err != nil {
		return nil, err
	}
	r, all, err := of.reading(ctx, server, s.App)
	if err != nil {
		return nil, fmt.Errorf("list applications of instance %q: %w", s.App.Instance, err)
	}
	if all != nil {
		if found := all[s.App]; found != nil {
			return found, nil
		}
		return nil, fmt.Errorf("read application %s: it is not in the list any more", s.App)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.done != nil {
		return r.done, nil
	}
	one := make([]converge.ArgoSnapshot, 1)
	if one[0], err = server.one(ctx, s.App); err != nil { // who asks next tries again
		return nil, fmt.Errorf("read application %s: %w", s.App, err)
	}
	adopt(one, false)
	r.done = &one[0]
	return r.done, nil
}

// reading is where an application is read, or the list of all where one by one
// would be more.
func (o *wholes) reading(ctx context.Context, from server, app converge.ArgoApp) (*reading, map[converge.ArgoApp]*converge.ArgoSnapshot, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if r := o.reads[app]; r != nil || o.all != nil {
		return r, o.all, nil
	}
	if len(o.reads) < o.most {
		o.reads[app] = &reading{}
		return o.reads[app], nil, nil
	}
	list, err := from.list(ctx)
	if err != nil {
		return nil, nil, err
	}
	o.all = make(map[converge.ArgoApp]*converge.ArgoSnapshot, len(list))
	for i := range list {
		o.all[list[i].App] = &list[i]
	}
	return nil, o.all, nil
}
