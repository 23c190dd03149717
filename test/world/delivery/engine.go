package delivery

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"time"

	"promoter/test/world/argocd"
)

// Config says what is followed, and how fast things go. Durations are of the
// world's time.
type Config struct {
	// Repository is a directory, bare or not, or an http URL.
	Repository string
	Branch     string // "main" if empty
	// Ours says whether a source's repoURL means the repository; nil: every
	// one that names no chart does.
	Ours func(repoURL string) bool
	// Beside are Applications that are not written in the repository itself,
	// as YAML documents.
	Beside []byte
	// Select says which Applications live in this Argo CD; nil: all do.
	Select func(argocd.Application) bool
	// Place says where an Application runs; nil: the destination's name is
	// both cluster and environment.
	Place func(argocd.Application) Place
	Rules []Rule

	Now     func() time.Time // time.Now if nil
	History time.Duration    // since when everything runs as it does at first; 24h
	Timing  Timing
}

// Place is where an Application runs.
type Place struct{ Environment, Tenant, Cluster string }

// Timing is how long things take. Zero values are the defaults.
type Timing struct {
	Notice    time.Duration // from a push to the comparison, as with a webhook; 1s. Below zero there is no webhook
	Sync      time.Duration // an operation; 9s
	Progress  time.Duration // from its end until pods are ready, or are not; 21s
	Reconcile time.Duration // between comparisons that nobody asked for; 3min
}

func (t Timing) withDefaults() Timing {
	for _, d := range []struct {
		at    *time.Duration
		usual time.Duration
	}{{&t.Notice, time.Second}, {&t.Sync, 9 * time.Second}, {&t.Progress, 21 * time.Second}, {&t.Reconcile, 3 * time.Minute}} {
		if *d.at == 0 {
			*d.at = d.usual
		}
	}
	return t
}

// Engine is the running Argo CD. It is safe for concurrent use.
type Engine struct {
	config Config
	server *argocd.Server

	mu       sync.Mutex
	origin   *origin
	head     string
	title    string // of the head's message
	headErr  error  // why the repository cannot be read now
	problems []string
	apps     map[argocd.Key]*app
	runs     []Run // that are over
	rules    []Rule
}

// New reads the repository and has all its Applications run, since History
// ago, as the branch says. Nothing moves until Step or Run.
func New(c Config) (*Engine, error) {
	if c.Branch == "" {
		c.Branch = "main"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.History == 0 {
		c.History = 24 * time.Hour
	}
	if c.Ours == nil {
		c.Ours = func(string) bool { return true }
	}
	if c.Select == nil {
		c.Select = func(argocd.Application) bool { return true }
	}
	if c.Place == nil {
		c.Place = func(a argocd.Application) Place {
			return Place{Environment: a.Spec.Destination.Name, Cluster: a.Spec.Destination.Name}
		}
	}
	c.Timing = c.Timing.withDefaults()
	o, err := newOrigin(c.Repository, c.Branch)
	if err != nil {
		return nil, fmt.Errorf("follow %s: %w", c.Repository, err)
	}
	e := &Engine{config: c, server: argocd.New(), origin: o, apps: map[argocd.Key]*app{}, rules: slices.Clone(c.Rules)}
	e.server.Now = c.Now
	now := c.Now()
	if e.look(now); e.headErr != nil {
		return nil, fmt.Errorf("follow %s: %w", c.Repository, e.headErr)
	}
	for _, a := range e.sorted() {
		e.begin(a, now)
	}
	e.server.Hooks = argocd.Hooks{Refresh: e.refresh, Terminate: e.terminate}
	return e, nil
}

// Server is the API's, for its token, its lies and its requests.
func (e *Engine) Server() *argocd.Server { return e.server }

// Head returns the commit that was last seen on the branch.
func (e *Engine) Head() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.head
}

// Problems are manifests that could not be read at the head, and why.
func (e *Engine) Problems() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.problems)
}

// ServeHTTP is Argo CD's API, and at "/" a page for people.
func (e *Engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/" && r.Method == http.MethodGet {
		e.page(w)
		return
	}
	e.server.ServeHTTP(w, r)
}

// Run steps again and again until the context is done. every is by the wall.
func (e *Engine) Run(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		e.Step()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Step looks at the branch and lets everything happen that was due until now,
// in its order.
func (e *Engine) Step() {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.config.Now()
	e.look(now)
	for {
		var first *app
		var due time.Time
		for _, a := range e.sorted() {
			if at := a.next(); !at.IsZero() && !at.After(now) && (first == nil || at.Before(due)) {
				first, due = a, at
			}
		}
		if first == nil {
			return
		}
		e.advance(first, due)
	}
}

// look reads the branch. What it cannot read is remembered for the next
// comparisons, which then fail.
func (e *Engine) look(now time.Time) {
	head, err := e.origin.head()
	if e.headErr = err; err != nil || head == e.head {
		return
	}
	t, err := e.origin.tree(head)
	if e.headErr = err; err != nil {
		return
	}
	d := declare(t, e.config.Beside)
	e.head, e.title, e.problems = head, t.title, d.problems
	there := map[argocd.Key]bool{}
	for _, m := range d.apps {
		key := keyOf(m.app.Metadata)
		switch {
		case !e.config.Select(m.app):
		case there[key]:
			e.problems = append(e.problems, fmt.Sprintf("%s: application %s is written twice", m.from, key.Name))
		default:
			there[key] = true
			e.apply(key, m, now)
		}
	}
	for key, a := range e.apps {
		switch {
		case there[key]:
			if e.config.Timing.Notice >= 0 {
				a.ask(now.Add(e.config.Timing.Notice))
			}
		case len(d.problems) == 0: // else nobody knows whether it is still written
			e.stop(a, now)
			delete(e.apps, key)
			e.server.Delete(key)
		}
	}
}

// apply brings a manifest's spec to the server, as its parent would.
func (e *Engine) apply(key argocd.Key, m manifest, now time.Time) {
	if a := e.apps[key]; a != nil {
		if !reflect.DeepEqual(a.manifest, m) {
			a.manifest, a.place, a.generation = m, e.config.Place(m.app), a.generation+1
			a.ask(now) // a changed spec is seen at once
		}
		e.server.Update(key, func(app *argocd.Application) {
			app.Spec, app.Metadata.Labels, app.Metadata.OwnerReferences = m.app.Spec, m.app.Metadata.Labels, m.app.Metadata.OwnerReferences
		})
		return
	}
	e.apps[key] = &app{key: key, manifest: m, place: e.config.Place(m.app), health: "Missing", compareAt: now}
	e.server.Set(m.app)
}

func (e *Engine) sorted() []*app {
	out := make([]*app, 0, len(e.apps))
	for _, a := range e.apps {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b *app) int { return compareKeys(a.key, b.key) })
	return out
}

// refresh is called by the server when a comparison is asked for. It is made
// in the next second, to be later than the request by every clock.
func (e *Engine) refresh(key argocd.Key, _ string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if a := e.apps[key]; a != nil {
		now := e.config.Now()
		if a.compareAt.IsZero() || a.compareAt.After(now) {
			a.compareAt = nextSecond(now)
		}
		a.asked = nextSecond(now)
	}
}

// terminate is called by the server when an operation is to end.
func (e *Engine) terminate(key argocd.Key) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if a := e.apps[key]; a != nil && a.op != nil {
		a.op.ended, a.endAt = true, e.config.Now()
	}
}

// Sync begins a sync as a person would, where auto-sync is off. It reports
// whether there is something to sync.
func (e *Engine) Sync(key argocd.Key) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	a := e.apps[key]
	if a == nil || a.op != nil || a.target == nil {
		return false
	}
	e.start(a, e.config.Now())
	return true
}

// SetRules replaces the rules. What runs already changes its health by them.
func (e *Engine) SetRules(rules ...Rule) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.rules = slices.Clone(rules)
	for _, a := range e.apps {
		if a.live != nil && a.op == nil && a.settleAt.IsZero() {
			a.settleAt = e.config.Now()
		}
	}
}
