package argocd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"promoter/gitops"
	"promoter/promoter"
	"promoter/promoter/converge"
)

// EngineOptions say which instance serves what, and what counts. Zero values
// are the defaults.
type EngineOptions struct {
	// Bindings say what an instance serves. One that is not named serves
	// everything.
	Bindings []Binding
	Policy   converge.ArgoPolicy
	// Shared is set when another engine serves some of the places: what is not
	// found here is then left out, and not said to be missing.
	Shared    bool
	Fresh     time.Duration // a list is shared for so long while nothing is known to change, and for a third of it otherwise; 3 s
	Recent    time.Duration // before a merge, what was compared longer ago is compared again; 10 min
	Parallel  int           // applications looked at, at the same time; 8
	Refreshes int           // asked for in answer to one question; 64
}

// Binding says which places an instance serves, by names with "*". An empty
// list is all.
type Binding struct {
	Instance     string
	Environments []string
	Tenants      []string
	Clusters     []string
}

// Engine answers questions from Argo CD. It is safe for concurrent use.
//
// It remembers what was asked for, what was seen and what the repository's
// history said, which makes it quicker; a new one comes to the same answers.
type Engine struct {
	client  *Client
	options EngineOptions

	listing sync.Mutex // held while lists are made
	last    *survey
	surveys atomic.Int64
	hinted  atomic.Bool // something has changed since the last lists

	ledger ledger
}

var _ gitops.Engine = (*Engine)(nil)

// NewEngine makes an engine of a client. It calls nobody. A binding of an
// instance that the client does not have is an error.
func NewEngine(c *Client, o EngineOptions) (*Engine, error) {
	o.Fresh = cmp.Or(o.Fresh, 3*time.Second)
	o.Recent = cmp.Or(o.Recent, 10*time.Minute)
	o.Parallel = cmp.Or(o.Parallel, 8)
	o.Refreshes = cmp.Or(o.Refreshes, 64)
	for _, b := range o.Bindings {
		if _, err := c.server(b.Instance); err != nil {
			return nil, fmt.Errorf("bind places: %w", err)
		}
	}
	return &Engine{client: c, options: o, ledger: newLedger()}, nil
}

// Watch calls hint whenever an answer may have changed, until the context is
// done. Of very many applications some always change, if only the time of their
// last comparison: those that nobody has asked about lately are no hint.
func (e *Engine) Watch(ctx context.Context, hint func()) {
	e.client.watch(ctx, func(x change) {
		if !x.known || e.ledger.minds(x.app) {
			e.hinted.Store(true)
			hint()
		}
	})
}

// End ends the operation that was seen to keep a commit out. When it does not
// run any more the error is gitops.ErrStale; when this engine has seen none, it
// is gitops.ErrNotFound too, for it may be another engine's.
func (e *Engine) End(ctx context.Context, a promoter.EndOperation) error {
	snapshots := e.ledger.stuckAt(placeOf(a.App, a.Environment, a.Cluster, a.Commit))
	if len(snapshots) == 0 {
		return fmt.Errorf("end the operation of %s: none was seen to be stuck: %w, %w", a.App, gitops.ErrNotFound, gitops.ErrStale)
	}
	e.hinted.Store(true)
	var errs []error
	for _, s := range snapshots {
		errs = append(errs, e.client.EndOperation(ctx, s))
	}
	return errors.Join(errs...)
}

// Deliver answers a question. See gitops.Engine.
func (e *Engine) Deliver(ctx context.Context, q promoter.Question, h gitops.History, now time.Time) promoter.Delivery {
	w := &work{Engine: e, question: q, history: h, now: now, ours: sameRepo(h.Remote())}
	w.survey, w.old = e.surveyed(ctx, now)
	w.refreshes.Store(int64(e.options.Refreshes))
	e.ledger.forget(now)
	sites := w.sites()
	w.index(sites)
	distinct := w.distinct(sites)
	answers := make([]finding, len(distinct))
	each(e.options.Parallel, len(distinct), func(i int) {
		app, err := w.whole(ctx, distinct[i].app)
		switch {
		case err != nil:
			answers[i] = blindTo(*distinct[i].app, err)
		case q.About == promoter.AboutReadiness:
			answers[i] = w.ready(ctx, app)
		default:
			answers[i] = w.deliver(ctx, app, distinct[i].changed, nil)
		}
	})
	byApp := make(map[converge.ArgoApp]finding, len(answers))
	for i, a := range answers {
		byApp[distinct[i].app.App] = a
	}
	var d promoter.Delivery
	said := map[string]bool{}
	for _, s := range sites {
		d.Apps = append(d.Apps, w.place(s, byApp))
		if s.app == nil {
			continue
		}
		for _, line := range byApp[s.app.App].against {
			if !said[line] {
				said[line] = true
				d.Against = append(d.Against, line)
			}
		}
	}
	e.promised(w.survey, d.Apps)
	return d
}

// work is the answering of one question.
type work struct {
	*Engine
	question  promoter.Question
	history   gitops.History
	now       time.Time
	ours      func(repo string) bool // reports whether an address is the repository's
	survey    *survey
	old       bool                      // something is known to have changed since the survey
	named     map[converge.ArgoApp]bool // that the question's places are about
	refreshes atomic.Int64              // that may still be asked for
}

// finding is what was found of one Application, wherever it belongs.
type finding struct {
	promoter.Convergence
	against []string
	seen    converge.ArgoSnapshot // that the answer is of
}

// blindTo is what is found of an application that cannot be read.
func blindTo(s converge.ArgoSnapshot, err error) finding {
	return finding{Convergence: promoter.Convergence{App: s.App.Name, Outcome: promoter.Blind, Reason: err.Error()}, seen: s}
}

// index notes which applications the places are about.
func (w *work) index(sites []site) {
	w.named = map[converge.ArgoApp]bool{}
	for _, s := range sites {
		if s.app != nil && s.changed {
			w.named[s.app.App] = true
		}
	}
}

// distinct are the sites' applications, each once.
func (w *work) distinct(sites []site) []site {
	var out []site
	at := map[converge.ArgoApp]int{}
	for _, s := range sites {
		if s.app == nil {
			continue
		}
		if i, ok := at[s.app.App]; ok {
			out[i].changed = out[i].changed || s.changed
			continue
		}
		at[s.app.App] = len(out)
		out = append(out, s)
	}
	return out
}

// place says a finding of one place, under the name that was asked for.
func (w *work) place(s site, found map[converge.ArgoApp]finding) promoter.Convergence {
	c := promoter.Convergence{Outcome: promoter.Blind, Reason: s.why}
	if s.app != nil {
		f := found[s.app.App]
		c = f.Convergence
		w.ledger.stick(placeOf(s.at.App, s.at.Environment, s.at.Cluster, w.question.Commit), f.seen, c.Stuck != "")
		if s.at.App != "" && s.at.App != s.app.App.Name {
			c.Reason = s.app.App.Name + ": " + c.Reason
		}
	}
	c.Commit, c.Environment, c.Tenant, c.Cluster = w.question.Commit, s.at.Environment, s.at.Tenant, s.at.Cluster
	switch {
	case s.at.App != "":
		c.App = s.at.App
	case s.app != nil:
		c.App = s.app.App.Name
	default:
		c.App = "its applications"
	}
	if again := w.now.Add(w.options.Fresh / 3); w.old && c.Outcome != promoter.Converged && (c.Until.IsZero() || c.Until.After(again)) {
		c.Until = again
	}
	return c
}

// each does n things, some at a time.
func each(parallel, n int, do func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(parallel, n) {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				do(i)
			}
		})
	}
	wg.Wait()
}
