package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"promoter/gitops"
	"promoter/gitops/loop"
	"promoter/promoter"
)

// maxLooks bounds one run. A wave takes about ten actions, a look each; more
// looks than this mean that somebody undoes what we do.
const maxLooks = 60

// done is one action and what became of it.
type done struct {
	action promoter.Action
	detail string
	stale  bool
	err    error
}

// settle looks and acts until a decision holds no action that was not already
// tried in vain. tell hears of each action.
func (w *workshop) settle(ctx context.Context, tell func(done)) ([]done, promoter.Decision, error) {
	var all []done
	tried := attempts{}
	for look := range maxLooks {
		d, err := w.plan(ctx, w.now())
		if err != nil {
			return all, d, err
		}
		ex := w.executor(ctx)
		acted := false
		if look == 0 {
			for _, x := range w.dress(ctx, ex) {
				all = append(all, x)
				tell(x)
			}
			w.mend(ctx, ex, tell)
		}
		for _, a := range d.Actions {
			if tried.over(a) {
				continue
			}
			if loop.Stopping(ctx) {
				return all, d, nil
			}
			acted = true
			o, err := ex.Execute(ctx, a)
			x := done{a, o.Detail, o.Stale, err}
			all = append(all, x)
			tell(x)
			tried.note(a, o.Stale)
			w.refusals.note(a, err, w.now())
			if r, ok := a.(promoter.WriteRecord); ok && err == nil {
				// It is ours whoever the forge says that we are: a token that
				// has changed hands has opened no pull yet to be known by.
				w.written = append(w.written, r.Record)
			}
			if ctx.Err() != nil {
				return all, d, ctx.Err()
			}
		}
		if !acted {
			d.Actions = nil
			return all, d, nil
		}
	}
	d, err := w.plan(ctx, w.now())
	return all, d, err
}

// attempts are the actions of one run. One that failed, or was done and is asked
// for again at once (a pull that waits in a merge queue), is left to the next
// run; so is one whose guard fails again and again, because a forge shows one
// thing and holds another.
type attempts map[string]int

const mostStale = 3

func (t attempts) over(a promoter.Action) bool { return t[a.String()] >= mostStale }

func (t attempts) note(a promoter.Action, stale bool) {
	if stale {
		t[a.String()]++
		return
	}
	t[a.String()] = mostStale
}

// dress finishes the opening of pulls that was cut off. It asks once about each
// that looks like one.
func (w *workshop) dress(ctx context.Context, ex *gitops.Executor) (all []done) {
	for i := range w.seen {
		p := &w.seen[i]
		if w.dressed[p.Number] || !ex.Undressed(p) || loop.Stopping(ctx) {
			continue
		}
		if w.dressed == nil {
			w.dressed = map[int]bool{}
		}
		did, err := ex.Dress(ctx, p)
		w.dressed[p.Number] = err == nil
		if did || err != nil {
			a := promoter.Label{Number: p.Number, Add: ex.Labels, Why: "it was opened, and not all of it was there"}
			all = append(all, done{action: a, err: err})
		}
	}
	return all
}

// mend takes back what we have said twice, because two of us said it at the same
// moment. What cannot be taken back is noise, and stops nothing.
func (w *workshop) mend(ctx context.Context, ex *gitops.Executor, tell func(done)) {
	for _, d := range w.twice {
		if loop.Stopping(ctx) {
			return
		}
		if err := ex.Mend(ctx, d); err != nil {
			tell(done{action: promoter.CloseTicket{Number: d.Ticket, Reason: d.String()}, err: fmt.Errorf("%s: %w", d, err)})
		}
	}
	w.twice = nil
}

// refusals remember for a while what the forge would not merge, so that the
// pull says so and the forge is not asked at every look. They may be lost: it
// is asked once more then.
type refusals map[refused]refusal

type refused struct {
	number int
	head   string
}

type refusal struct {
	why string
	at  time.Time
}

const refusedFor = 10 * time.Minute

func (r refusals) note(a promoter.Action, err error, now time.Time) {
	m, ok := a.(promoter.Merge)
	switch {
	case !ok:
	case errors.Is(err, gitops.ErrDenied) || errors.Is(err, gitops.ErrConflict):
		r[refused{m.Number, m.Head}] = refusal{errors.Unwrap(err).Error(), now}
	default:
		delete(r, refused{m.Number, m.Head})
	}
}

// tell puts into the pulls what is remembered of them.
func (r refusals) tell(pulls []promoter.Pull, now time.Time) {
	for i := range pulls {
		k := refused{pulls[i].Number, pulls[i].Head}
		if x, ok := r[k]; ok && now.Sub(x.at) < refusedFor {
			pulls[i].Refused = x.why
		} else if ok {
			delete(r, k)
		}
	}
}

func (d done) String() string {
	switch {
	case d.err != nil:
		return "failed  " + d.err.Error()
	case d.stale:
		return "stale   " + d.action.String() + ": " + d.detail
	}
	return strings.TrimRight("done    "+d.action.String()+"  "+d.detail, " ")
}
