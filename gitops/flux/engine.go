package flux

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"promoter/gitops"
	"promoter/promoter"
	"promoter/promoter/converge"
)

// EngineOptions say which cluster serves what, and what counts. Zero values are
// the defaults.
type EngineOptions struct {
	// Bindings say which environments a cluster serves. A place that names a
	// cluster of the client is that cluster's in any case. A cluster that is not
	// bound serves the places that name it, and those that name none.
	Bindings []Binding
	Policy   converge.FluxPolicy
	// Shared is set when another engine serves some of the places: what is not
	// found here is then left out, and not said to be missing.
	Shared   bool
	Fresh    time.Duration // a look is shared for so long while nothing is known to change, and for a third of it otherwise; 3 s
	Parallel int           // clusters and applications asked at the same time; 8
	Requests int           // to reconcile, in answer to one question; 64
}

// Binding says which environments a cluster serves, by names with "*". An empty
// list is all.
type Binding struct {
	Cluster      string
	Environments []string
}

// Engine answers questions from the clusters that Flux runs in. It is safe for
// concurrent use.
//
// It remembers what was asked for, what was seen and what the repository's
// history said, which makes it quicker; a new one comes to the same answers.
// It ends no operations, for Flux has none that keep a commit out.
type Engine struct {
	client  *Client
	options EngineOptions
	surveys map[string]*survey // by cluster
	ledger  ledger
}

var _ gitops.Engine = (*Engine)(nil)

// NewEngine makes an engine of a client. It calls nobody. A binding of a
// cluster that the client does not have is an error.
func NewEngine(c *Client, o EngineOptions) (*Engine, error) {
	o.Fresh = cmp.Or(o.Fresh, 3*time.Second)
	o.Parallel = cmp.Or(o.Parallel, 8)
	o.Requests = cmp.Or(o.Requests, 64)
	for _, b := range o.Bindings {
		if _, err := c.cluster(b.Cluster); err != nil {
			return nil, fmt.Errorf("bind places: %w", err)
		}
	}
	e := &Engine{client: c, options: o, surveys: map[string]*survey{}, ledger: newLedger()}
	for _, k := range c.clusters {
		e.surveys[k.name] = &survey{}
	}
	return e, nil
}

// Watch calls hint whenever an answer may have changed, until the context is
// done.
func (e *Engine) Watch(ctx context.Context, hint func()) {
	e.client.Watch(ctx, func(cluster string) {
		e.surveys[cluster].hinted.Store(true)
		hint()
	})
}

// End ends nothing: the error is both gitops.ErrNotFound and gitops.ErrStale.
func (e *Engine) End(_ context.Context, a promoter.EndOperation) error {
	return fmt.Errorf("end the operation of %s: Flux has none that keeps a commit out: %w, %w", a.App, gitops.ErrNotFound, gitops.ErrStale)
}

// survey is what a cluster said last.
type survey struct {
	mu     sync.Mutex // held while the lists are made
	looks  atomic.Int64
	hinted atomic.Bool // something has changed since
	taken  time.Time
	last   converge.FluxSnapshot
	err    error
}

// surveyed looks at a cluster, one list of each kind. Questions of one look
// share it: those that come while the lists are made, and soon after.
func (e *Engine) surveyed(ctx context.Context, cluster string, now time.Time) (converge.FluxSnapshot, error) {
	v := e.surveys[cluster]
	asked := v.looks.Load()
	v.mu.Lock()
	defer v.mu.Unlock()
	if age := now.Sub(v.taken); !v.taken.IsZero() {
		switch {
		case v.looks.Load() > asked, age >= 0 && age < e.options.Fresh/3, age >= 0 && age < e.options.Fresh && !v.hinted.Load():
			return v.last, v.err
		}
	}
	v.hinted.Store(false) // what changes from here on may not be in the lists
	v.last, v.err = e.client.List(ctx, cluster)
	v.taken = now
	v.looks.Add(1)
	if ctx.Err() != nil {
		v.taken = time.Time{} // it was cut short: nobody else should have to live with it
	}
	return v.last, v.err
}

// Deliver answers a question. See gitops.Engine.
func (e *Engine) Deliver(ctx context.Context, q promoter.Question, h gitops.History, now time.Time) promoter.Delivery {
	w := &work{Engine: e, question: q, history: h, now: now}
	w.requests.Store(int64(e.options.Requests))
	e.ledger.forget(now)
	sites := w.sites(ctx)
	distinct := slices.Clone(sites)
	slices.SortStableFunc(distinct, func(a, b site) int { return strings.Compare(a.key(), b.key()) })
	distinct = slices.CompactFunc(distinct, func(a, b site) bool { return a.key() == b.key() })
	found := make([]finding, len(distinct))
	each(e.options.Parallel, len(distinct), func(i int) {
		switch s := distinct[i]; {
		case s.why != "":
		case q.About == promoter.AboutReadiness:
			found[i] = w.ready(ctx, s)
		default:
			found[i].Convergence = w.deliver(ctx, s)
		}
	})
	by := make(map[string]finding, len(found))
	for i, f := range found {
		by[distinct[i].key()] = f
	}
	var d promoter.Delivery
	for _, s := range sites {
		f := by[s.key()]
		d.Apps = append(d.Apps, w.place(s, f.Convergence))
		for _, line := range f.against {
			if !slices.Contains(d.Against, line) {
				d.Against = append(d.Against, line)
			}
		}
	}
	return d
}

// work is the answering of one question.
type work struct {
	*Engine
	question promoter.Question
	history  gitops.History
	now      time.Time
	requests atomic.Int64 // that may still be made
}

type finding struct {
	promoter.Convergence
	against []string
}

// place says a finding of one place, under the name that was asked for.
func (w *work) place(s site, c promoter.Convergence) promoter.Convergence {
	if s.why != "" {
		c = promoter.Convergence{Outcome: promoter.Blind, Reason: s.why}
	} else if s.at.App != "" && s.at.App != s.app.Name {
		c.Reason = s.app.Name + ": " + c.Reason
	}
	c.Commit, c.Environment, c.Tenant, c.Cluster = w.question.Commit, s.at.Environment, s.at.Tenant, s.at.Cluster
	c.App = cmp.Or(s.at.App, s.app.Name, "its applications")
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
