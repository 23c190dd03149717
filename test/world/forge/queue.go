package forge

import (
	"cmp"
	"errors"
	"slices"
)

// queued is a pull in the merge queue.
type queued struct {
	p     *pull
	head  string
	calls int // how many there were since it came to stand first
}

// queueBot is who merges what was queued.
const queueBot = "github-merge-queue[bot]"

func (r *Repo) hasQueue() bool { return slices.Contains(r.Rules, "merge_queue") }

func (r *Repo) queuedAt(p *pull) int {
	return slices.IndexFunc(r.queue, func(q *queued) bool { return q.p == p })
}

// enqueue puts a pull into the queue. Its error is why not, in words of the
// kind that GitHub has; callers are to look at the pull instead.
func (r *Repo) enqueue(p *pull, head, by string) (why string) {
	switch {
	case !r.hasQueue():
		return "The base branch has no merge queue"
	case !p.open:
		return "Pull request is not open"
	case head != "" && head != p.head:
		return "Head sha didn't match expected head oid"
	case p.draft:
		return "Pull request is in draft state"
	case r.queuedAt(p) >= 0:
		return "Pull request is already in the queue"
	case len(r.missing(p.head)) > 0:
		return "Required status checks are expected"
	}
	if known, err := r.probe(p); err != nil || known && p.test == "" {
		return "Pull request has merge conflicts"
	}
	r.queue = append(r.queue, &queued{p: p, head: p.head})
	r.touch(p.issue)
	r.tell(p.issue, "enqueued", by, nil)
	return ""
}

// queueTurns lets the time of a call pass in the queue.
func (r *Repo) queueTurns() error {
	if len(r.queue) == 0 || r.QueueAfter < 0 {
		return nil
	}
	if r.queue[0].calls++; r.queue[0].calls <= r.QueueAfter {
		return nil
	}
	_, _, err := r.advance()
	return err
}

// advance merges the first of the queue, or puts it out where that cannot be.
func (r *Repo) advance() (number int, commit string, err error) {
	if len(r.queue) == 0 {
		return 0, "", nil
	}
	q := r.queue[0]
	r.queue = r.queue[1:]
	why := "MERGE"
	if q.p.head != q.head {
		why = "BRANCH_PROTECTIONS" // somebody pushed
	} else {
		commit, err = r.land(q.p, cmp.Or(r.QueueMethod, "merge"), q.head, "", "", queueBot)
		var no *refusal
		if errors.As(err, &no) {
			why, err = "MERGE_CONFLICT", nil
		}
	}
	if err == nil {
		r.tell(q.p.issue, "dequeued", queueBot, object{"reason": why})
	}
	return int(q.p.number), commit, err
}

// Queued returns the numbers of the pulls in the merge queue, in its order.
func (r *Repo) Queued() []int {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	var all []int
	for _, q := range r.queue {
		all = append(all, int(q.p.number))
	}
	return all
}

// Advance merges the first pull of the merge queue and returns its number and
// commit: no commit when it could not be merged and is out of the queue, no
// number when the queue is empty.
func (r *Repo) Advance() (number int, commit string, err error) {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	if err := r.sync(); err != nil {
		return 0, "", err
	}
	return r.advance()
}
