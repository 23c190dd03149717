package repo

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"promoter/gitops"
)

// errShallow says that an answer needs history that is not here.
var errShallow = errors.New("the history that was fetched does not reach far enough")

// errUnrelated says that two commits have no common ancestor.
var errUnrelated = fmt.Errorf("they share no history: %w", gitops.ErrNotFound)

// maxWalk bounds the commits that one question looks at.
const maxWalk = 200_000

// Base returns the best common ancestor of two commits, and deepens the
// mirror until it is certain. gitops.ErrNotFound says that there is none.
func (r *Repo) Base(ctx context.Context, a, b string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var base plumbing.Hash
	err := r.deepening(ctx, func() error {
		p, err := r.paint(a, b)
		if err == nil {
			base, err = p.base()
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("find common ancestor of %s and %s: %w", a, b, err)
	}
	return base.String(), nil
}

// IsAncestor reports whether b's history holds a, or is a.
func (r *Repo) IsAncestor(ctx context.Context, a, b string) (bool, error) {
	base, err := r.Base(ctx, a, b)
	if errors.Is(err, errUnrelated) {
		return false, nil
	}
	return err == nil && base == a, err
}

// Commits lists the commits that are reachable from head and not from base,
// the newest first, at most limit of them. It asks nobody for more history:
// Base does.
func (r *Repo) Commits(head, base string, limit int) ([]gitops.Commit, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, err := r.paint(head, base)
	if err != nil {
		return nil, fmt.Errorf("list commits of %s: %w", head, err)
	}
	if err := p.run(func() bool { return p.settled(left) }); err != nil {
		return nil, fmt.Errorf("list commits of %s: %w", head, err)
	}
	var out []gitops.Commit
	for _, c := range p.order {
		if p.colors[c.Hash] == left && len(out) < limit {
			out = append(out, summary(c))
		}
	}
	return out, nil
}

// FirstParents lists a commit and its first parents, at most limit of them,
// and deepens the mirror as far as that needs.
func (r *Repo) FirstParents(ctx context.Context, head string, limit int) ([]gitops.Commit, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []gitops.Commit
	next := head
	err := r.deepening(ctx, func() error {
		for len(out) < limit && next != "" {
			c, err := r.commit(next)
			if errors.Is(err, gitops.ErrNotFound) && len(out) > 0 {
				return errShallow
			}
			if err != nil {
				return err
			}
			out = append(out, summary(c))
			next = ""
			if len(c.ParentHashes) > 0 {
				next = c.ParentHashes[0].String()
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list first parents of %s: %w", head, err)
	}
	return out, nil
}

// Reach brings a commit and its first parent here, if they are in the history
// of the branches that are mirrored: it deepens the mirror as far as that
// needs. gitops.ErrNotFound: they are not in that history.
func (r *Repo) Reach(ctx context.Context, commit string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.deepening(ctx, func() error {
		c, err := r.commit(commit)
		if err == nil && len(c.ParentHashes) > 0 {
			_, err = r.commit(c.ParentHashes[0].String())
		}
		if !errors.Is(err, gitops.ErrNotFound) {
			return err
		}
		if ends, err := r.store.Shallow(); err != nil || len(ends) == 0 {
			return fmt.Errorf("find %s in the history: %w", commit, cmp.Or(err, gitops.ErrNotFound))
		}
		return errShallow
	})
	if errors.Is(err, errShallow) {
		return fmt.Errorf("find %s in the history: %w", commit, gitops.ErrNotFound)
	}
	return err
}

func summary(c *object.Commit) gitops.Commit {
	s := gitops.Commit{Hash: c.Hash.String(), Message: c.Message, At: c.Committer.When}
	for _, p := range c.ParentHashes {
		s.Parents = append(s.Parents, p.String())
	}
	return s
}

// deepening asks again with more history for as long as that is what lacks.
func (r *Repo) deepening(ctx context.Context, ask func() error) error {
	for depth := r.opt.Depth; ; {
		err := ask()
		if !errors.Is(err, errShallow) {
			return err
		}
		if depth >= r.opt.MaxDepth {
			return fmt.Errorf("%w: %d commits", errShallow, depth)
		}
		depth = min(8*depth, r.opt.MaxDepth)
		more, err := r.deepen(ctx, depth)
		if err != nil {
			return fmt.Errorf("deepen: %w", err)
		}
		if !more && depth >= r.opt.MaxDepth {
			return errShallow
		}
	}
}

// color says from which of two commits another one is reached.
type color uint8

const (
	left  color = 1
	right color = 2
	both        = left | right
	below color = 4 // of a common ancestor: of no more interest
)

// painter walks the history of two commits, newest first, and paints what it
// reaches. A walk ends as soon as the question is settled, so that it costs
// what lies between the two commits, not their whole history.
type painter struct {
	repo    *Repo
	queue   commitQueue
	queued  map[plumbing.Hash]bool
	colors  map[plumbing.Hash]color
	order   []*object.Commit // as walked
	waiting [both + 1]int    // queued commits of each color but below
	oldest  [both + 1]int64  // time of the oldest one walked that has one color
	// lost is the time of the newest commit of one color whose parents are
	// not here.
	lost   [both + 1]int64
	common []plumbing.Hash
}

// paint begins a walk.
func (r *Repo) paint(a, b string) (*painter, error) {
	p := &painter{repo: r, queued: map[plumbing.Hash]bool{}, colors: map[plumbing.Hash]color{}}
	for c := range p.oldest {
		p.oldest[c], p.lost[c] = math.MaxInt64, math.MinInt64
	}
	for hash, c := range map[string]color{a: left, b: right} {
		commit, err := r.commit(hash)
		if err != nil {
			return nil, err
		}
		p.push(commit, c)
	}
	if a == b {
		commit, err := r.commit(a)
		if err != nil {
			return nil, err
		}
		p.push(commit, both)
	}
	return p, nil
}

func weight(c color) color {
	if c&below != 0 {
		return 0
	}
	return c
}

// push adds a color to a commit, and queues it if that is new.
func (p *painter) push(c *object.Commit, add color) {
	old := p.colors[c.Hash]
	if old&add == add {
		return
	}
	p.colors[c.Hash] = old | add
	if p.queued[c.Hash] {
		p.waiting[weight(old)]--
	} else {
		p.queued[c.Hash] = true
		heap.Push(&p.queue, c)
	}
	p.waiting[weight(old|add)]++
}

// run walks until done, or until there is nothing left to walk: then the
// question must be done as well, or history was missing.
func (p *painter) run(done func() bool) error {
	for steps := 0; !done(); steps++ {
		if len(p.queue) == 0 {
			return errShallow
		}
		if steps == maxWalk {
			return fmt.Errorf("more than %d commits lie between", maxWalk)
		}
		if err := p.step(); err != nil {
			return err
		}
	}
	return nil
}

func (p *painter) step() error {
	c := heap.Pop(&p.queue).(*object.Commit)
	p.queued[c.Hash] = false
	col := p.colors[c.Hash]
	p.waiting[weight(col)]--
	p.order = append(p.order, c)
	at := c.Committer.When.Unix()
	switch col {
	case left, right:
		p.oldest[col] = min(p.oldest[col], at)
	case both:
		p.common = append(p.common, c.Hash)
		col |= below
	}
	for _, h := range c.ParentHashes {
		if p.colors[h]&col == col {
			continue
		}
		parent, err := object.GetCommit(p.repo.store, h)
		if errors.Is(err, plumbing.ErrObjectNotFound) {
			p.lost[weight(col)] = max(p.lost[weight(col)], at)
			continue
		}
		if err != nil {
			return fmt.Errorf("read commit %s: %w", h, err)
		}
		p.push(parent, col)
	}
	return nil
}

// settled reports whether all commits that only side reaches were walked, and
// none of them can turn out to be reached by the other one: parents are older
// than their children.
func (p *painter) settled(side color) bool {
	if p.waiting[side] > 0 || p.waiting[both] > 0 || p.lost[side] != math.MinInt64 {
		return false
	}
	other := both &^ side
	if p.waiting[other] > 0 && p.queue[0].Committer.When.Unix() >= p.oldest[side] {
		return false
	}
	return p.lost[other] < p.oldest[side]
}

// base walks to the best common ancestor.
func (p *painter) base() (plumbing.Hash, error) {
	done := func() bool {
		return len(p.common) > 0 && (p.settled(left) || p.settled(right)) || p.exhausted()
	}
	if err := p.run(done); err != nil {
		return plumbing.ZeroHash, err
	}
	i := slices.IndexFunc(p.common, func(h plumbing.Hash) bool { return p.colors[h]&below == 0 })
	if i < 0 {
		return plumbing.ZeroHash, errUnrelated
	}
	return p.common[i], nil
}

// exhausted reports whether the whole history was walked, and was here.
func (p *painter) exhausted() bool {
	return len(p.queue) == 0 && p.lost[left] == math.MinInt64 && p.lost[right] == math.MinInt64
}

// commitQueue gives the newest commit first.
type commitQueue []*object.Commit

func (q commitQueue) Len() int           { return len(q) }
func (q commitQueue) Less(i, j int) bool { return q[i].Committer.When.After(q[j].Committer.When) }
func (q commitQueue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *commitQueue) Push(x any)        { *q = append(*q, x.(*object.Commit)) }
func (q *commitQueue) Pop() any {
	old := *q
	c := old[len(old)-1]
	*q = old[:len(old)-1]
	return c
}
