package delivery

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"promoter/test/world/argocd"
)

// app is one Application's life. What is due has a time; zero is nothing.
type app struct {
	key      argocd.Key
	manifest manifest
	place    Place

	generation int // of the manifest

	target    *content // of the last comparison
	targetOf  int      // the generation it was rendered from
	live      *content // what is applied; nil: nothing yet
	previous  *content // whose pods still run while those of live come up
	op        *operation
	attempted string // content and revisions of a sync that failed
	why       string // it failed
	failedAt  time.Time
	history   []Deployment
	running   []Run

	health   string
	since    time.Time
	ill      Rule // while Degraded
	asked    time.Time
	compared time.Time

	compareAt time.Time // a comparison
	endAt     time.Time // the operation's end
	settleAt  time.Time // pods are ready, or are not
	turnAt    time.Time // a version goes bad
}

// operation is a sync under way.
type operation struct {
	content *content
	began   time.Time
	ended   bool // by somebody
}

// next is when something happens to it.
func (a *app) next() time.Time {
	var first time.Time
	for _, at := range []time.Time{a.compareAt, a.endAt, a.settleAt, a.turnAt} {
		if !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}

// ask wants a comparison at a time, or before.
func (a *app) ask(at time.Time) {
	if a.compareAt.IsZero() || a.compareAt.After(at) {
		a.compareAt = at
	}
}

// advance lets happen what is due at a time.
func (e *Engine) advance(a *app, at time.Time) {
	switch {
	case a.endAt.Equal(at):
		a.endAt = time.Time{}
		e.finish(a, at)
	case a.settleAt.Equal(at):
		a.settleAt = time.Time{}
		e.settle(a, at)
	case a.turnAt.Equal(at):
		a.turnAt = time.Time{}
		e.feel(a, "Degraded", at)
	default:
		a.compareAt = time.Time{}
		e.compare(a, at)
	}
}

// begin has an Application run what the branch says, since long ago.
func (e *Engine) begin(a *app, now time.Time) {
	since := now.Add(-e.config.History)
	c, err := e.render(a)
	if err != nil {
		return // its first comparison will say so
	}
	rules := e.rules
	e.rules = slices.DeleteFunc(slices.Clone(rules), func(r Rule) bool { return r.Outcome == SyncFails }) // it has been synced
	defer func() { e.rules = rules }()
	a.target, a.op = c, &operation{content: c, began: since.Add(-e.config.Timing.Sync)}
	e.finish(a, since)
	a.settleAt, a.turnAt = time.Time{}, time.Time{}
	e.settle(a, since.Add(e.config.Timing.Progress))
	a.compareAt = time.Time{}
	e.compare(a, now.Add(-2*time.Second))
}

func (e *Engine) render(a *app) (*content, error) {
	if e.headErr != nil {
		return nil, fmt.Errorf("failed to load target state: %w", e.headErr)
	}
	f := finder{e.origin, e.head, e.config.Ours}
	revisions, err := f.resolve(a.manifest.app.Spec)
	if err != nil {
		return nil, err
	}
	if a.target != nil && a.targetOf == a.generation && slices.Equal(a.target.revisions, revisions) {
		return a.target, nil
	}
	c, err := render(a.manifest, f.origin, revisions)
	if err == nil {
		a.targetOf = a.generation
	}
	return c, err
}

// compare is a reconciliation: what Git says against what runs.
func (e *Engine) compare(a *app, at time.Time) {
	c, err := e.render(a)
	a.compared = at
	a.compareAt = at.Add(e.config.Timing.Reconcile)
	if a.asked.After(at) {
		a.compareAt = a.asked // it was asked for after this one was due
	}
	if err != nil {
		e.server.Update(a.key, func(app *argocd.Application) { incomparable(app, a, err, at) })
		return
	}
	a.target = c
	e.server.Update(a.key, func(app *argocd.Application) { compared(app, a, at) })
	e.extra(a)
	if !c.same(a.live) && automated(a.manifest.app.Spec) && a.op == nil && a.attempted != attempt(c) {
		e.start(a, at)
	}
}

// attempt names a try: auto-sync does not try the same again.
func attempt(c *content) string { return c.digest + " " + strings.Join(c.revisions, " ") }

// start begins an operation to the target.
func (e *Engine) start(a *app, at time.Time) {
	a.op = &operation{content: a.target, began: at}
	a.endAt = at.Add(e.config.Timing.Sync)
	e.server.Update(a.key, func(app *argocd.Application) { started(app, a) })
}

// finish ends the operation. A comparison follows, in the next second: until
// then health is from before.
func (e *Engine) finish(a *app, at time.Time) {
	op := a.op
	a.op = nil
	a.compareAt = nextSecond(at)
	rule := verdict(e.rules, op.content, a.place.Environment)
	if op.ended || rule.Outcome == SyncFails {
		a.why = "one or more objects failed to apply: " + rule.Message
		if op.ended {
			a.why, rule = "Operation terminated", Rule{}
		}
		a.attempted, a.failedAt = attempt(op.content), at
		e.server.Update(a.key, func(app *argocd.Application) { failed(app, a, op, rule, at) })
		return
	}
	rolls := op.content.pods() != a.live.pods()
	a.previous, a.live, a.attempted = a.live, op.content, ""
	a.history = append(a.history, Deployment{len(a.history), slices.Clone(op.content.revisions), op.began, at})
	e.ran(a, a.live, at)
	e.server.Update(a.key, func(app *argocd.Application) { succeeded(app, a, op, at) })
	if !rolls && a.health != "Missing" {
		a.previous = nil
		e.extra(a)
		return
	}
	a.turnAt, a.settleAt = time.Time{}, at.Add(e.config.Timing.Progress)
	e.feel(a, "Progressing", at)
}

// settle says whether the pods have become ready.
func (e *Engine) settle(a *app, at time.Time) {
	a.turnAt = time.Time{}
	a.ill = verdict(e.rules, a.live, a.place.Environment)
	switch a.ill.Outcome {
	case NeverReady:
		e.feel(a, "Progressing", at)
		return
	case Degraded:
		if a.ill.After == 0 {
			e.feel(a, "Degraded", at)
			return
		}
		a.turnAt = at.Add(a.ill.After)
	}
	a.previous = nil
	e.feel(a, "Healthy", at)
}

// feel sets the health.
func (e *Engine) feel(a *app, health string, at time.Time) {
	if a.health != health {
		a.health, a.since = health, at
	}
	e.extra(a)
	e.server.Update(a.key, func(app *argocd.Application) { felt(app, a) })
}

// stop ends what an Application ran.
func (e *Engine) stop(a *app, at time.Time) { e.ran(a, nil, at) }
