package main

import (
	"context"
	"strings"

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
	// An action that failed, or was done and is asked for again at once (a pull
	// that waits in a merge queue), is left to the next run.
	tried := map[string]bool{}
	for range maxLooks {
		d, err := w.plan(ctx, w.now())
		if err != nil {
			return all, d, err
		}
		ex := w.executor(ctx)
		acted := false
		for _, a := range d.Actions {
			if tried[a.String()] {
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
			tried[a.String()] = !o.Stale
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

func (d done) String() string {
	switch {
	case d.err != nil:
		return "failed  " + d.err.Error()
	case d.stale:
		return "stale   " + d.action.String() + ": " + d.detail
	}
	return strings.TrimRight("done    "+d.action.String()+"  "+d.detail, " ")
}
