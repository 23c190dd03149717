package repo

import (
	"bytes"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"

	"promoter/gitops"
)

// Push sets a remote branch to a commit if it is at expect now (absent when
// expect is empty); otherwise gitops.ErrStale. The expectation goes to the
// remote with the command, which compares and sets under its own lock. A
// branch that is at the commit already is done.
func (r *Repo) Push(ctx context.Context, branch, commit, expect string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, err := r.commit(commit)
	if err != nil {
		return err
	}
	if err := r.send(ctx, branch, c.Hash, expect); err != nil {
		return fmt.Errorf("push %s to branch %q: %w", commit, branch, err)
	}
	return nil
}

// Delete removes a remote branch if it is at expect; otherwise
// gitops.ErrStale.
func (r *Repo) Delete(ctx context.Context, branch, expect string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if expect == "" {
		return fmt.Errorf("delete branch %q: the commit that it is at is needed", branch)
	}
	if err := r.send(ctx, branch, plumbing.ZeroHash, expect); err != nil {
		return fmt.Errorf("delete branch %q: %w", branch, err)
	}
	return nil
}

// send makes one guarded update of a remote branch.
func (r *Repo) send(ctx context.Context, branch string, to plumbing.Hash, expect string) error {
	name := plumbing.NewBranchReferenceName(branch)
	if err := name.Validate(); err != nil || branch == "" {
		return fmt.Errorf("%q is no name for a branch", branch)
	}
	if expect != "" && !plumbing.IsHash(expect) {
		return fmt.Errorf("%q is not a commit's full hash", expect)
	}
	old := plumbing.NewHash(expect)
	m, err := r.connect(ctx)
	if err != nil {
		return err
	}
	defer m.close()
	s, err := m.transport.NewReceivePackSession(m.endpoint, m.auth)
	if err != nil {
		return named(err)
	}
	defer s.Close()
	adv, err := advertised(ctx, s)
	if err != nil {
		return err
	}
	if now := adv.References[name.String()]; now != old {
		if now == to && !to.IsZero() {
			return nil
		}
		return fmt.Errorf("%w: it is at %s, not at %s", gitops.ErrStale, orAbsent(now), orAbsent(old))
	}
	if to == old {
		return nil
	}
	if to.IsZero() && !adv.Capabilities.Supports(capability.DeleteRefs) {
		return fmt.Errorf("%w: the remote deletes no branches", gitops.ErrDenied)
	}
	u, err := r.prepare(adv, name, old, to)
	if err != nil {
		return err
	}
	r.log.DebugContext(ctx, "push", "branch", branch, "from", orAbsent(old), "to", orAbsent(to))
	report, err := s.ReceivePack(ctx, u.request)
	if err := judge(report, err, u.words.String()); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	if err := r.store.settle(u.pack, u.objects); err != nil {
		return err
	}
	return r.track(branch, to)
}

// track remembers where a branch is on the remote now.
func (r *Repo) track(branch string, at plumbing.Hash) error {
	var err error
	if at.IsZero() {
		err = r.store.RemoveReference(tracking(branch))
	} else {
		err = r.store.SetReference(plumbing.NewHashReference(tracking(branch), at))
	}
	if err != nil {
		return fmt.Errorf("write mirror: %w", err)
	}
	return nil
}

func orAbsent(h plumbing.Hash) string {
	if h.IsZero() {
		return "no commit"
	}
	return h.String()
}

// update is one command to the remote, with the objects that it lacks.
type update struct {
	request *packp.ReferenceUpdateRequest
	objects []plumbing.Hash
	pack    []byte
	// words collects what the remote says meanwhile: refusals give their
	// reasons there.
	words said
}

func (r *Repo) prepare(adv *packp.AdvRefs, name plumbing.ReferenceName, old, to plumbing.Hash) (*update, error) {
	req := packp.NewReferenceUpdateRequestFromCapabilities(adv.Capabilities)
	req.Commands = []*packp.Command{{Name: name, Old: old, New: to}}
	u := &update{request: req}
	req.Progress = &u.words
	for _, c := range []capability.Capability{capability.Sideband64k, capability.Sideband} {
		if adv.Capabilities.Supports(c) {
			if err := req.Capabilities.Set(c); err != nil {
				return nil, err
			}
			break
		}
	}
	if to.IsZero() {
		return u, req.Capabilities.Set(capability.DeleteRefs)
	}
	known, err := r.known(adv)
	if err != nil {
		return nil, err
	}
	if u.objects, err = r.lacking(to, known); err != nil {
		return nil, err
	}
	var pack bytes.Buffer
	if _, err := packfile.NewEncoder(&pack, r.store, false).Encode(u.objects, 0); err != nil {
		return nil, fmt.Errorf("pack objects: %w", err)
	}
	u.pack = pack.Bytes()
	req.Packfile = io.NopCloser(bytes.NewReader(u.pack))
	return u, nil
}

// known are commits that the remote has: what it advertises, and what was
// fetched from it or pushed to it.
func (r *Repo) known(adv *packp.AdvRefs) (map[plumbing.Hash]bool, error) {
	known := map[plumbing.Hash]bool{}
	for _, h := range adv.References {
		known[h] = true
	}
	had, err := r.tracked()
	if err != nil {
		return nil, err
	}
	for _, h := range had {
		known[h] = true
	}
	return known, nil
}

// maxNew bounds the commits that one push brings.
const maxNew = 100

// lacking lists the objects of a commit that the remote cannot have: its
// commits down to known ones, and of their trees what differs from their
// first parent's. It does not walk history or unchanged trees.
func (r *Repo) lacking(head plumbing.Hash, known map[plumbing.Hash]bool) ([]plumbing.Hash, error) {
	l := lister{repo: r, listed: map[plumbing.Hash]bool{}}
	remote := r.reach(known)
	todo := []plumbing.Hash{head}
	for n := 0; len(todo) > 0; n++ {
		h := todo[0]
		todo = todo[1:]
		if known[h] || l.listed[h] {
			continue
		}
		c, err := object.GetCommit(r.store, h)
		if errors.Is(err, plumbing.ErrObjectNotFound) || n == maxNew {
			return nil, fmt.Errorf("%w: the remote has no branch that the commit builds on", gitops.ErrStale)
		}
		if err != nil {
			return nil, fmt.Errorf("read commit %s: %w", h, err)
		}
		if remote.holds(c) {
			continue
		}
		l.add(h)
		var before plumbing.Hash
		if len(c.ParentHashes) > 0 {
			p, err := object.GetCommit(r.store, c.ParentHashes[0])
			if err != nil {
				return nil, fmt.Errorf("read commit %s: %w", c.ParentHashes[0], err)
			}
			before = p.TreeHash
		}
		if err := l.tree(before, c.TreeHash, 0); err != nil {
			return nil, fmt.Errorf("list objects of %s: %w", h, err)
		}
		todo = append(todo, c.ParentHashes...)
	}
	return l.list, nil
}

// reach knows what the history of known commits holds, as far back as it was
// asked about: a base that the remote has moved on from is in there.
type reach struct {
	repo  *Repo
	queue commitQueue
	seen  map[plumbing.Hash]bool
	steps int
}

// maxReach bounds the commits that a push looks at for that.
const maxReach = 5_000

func (r *Repo) reach(known map[plumbing.Hash]bool) *reach {
	x := &reach{repo: r, seen: map[plumbing.Hash]bool{}}
	for h := range known {
		x.add(h)
	}
	return x
}

func (x *reach) add(h plumbing.Hash) {
	if x.seen[h] {
		return
	}
	x.seen[h] = true
	if c, err := object.GetCommit(x.repo.store, h); err == nil { // else it was not fetched, and shows nothing
		heap.Push(&x.queue, c)
	}
}

// holds walks back to the commit's time, and reports whether it came by it.
func (x *reach) holds(c *object.Commit) bool {
	for !x.seen[c.Hash] && len(x.queue) > 0 && x.steps < maxReach && !x.queue[0].Committer.When.Before(c.Committer.When) {
		x.steps++
		for _, p := range heap.Pop(&x.queue).(*object.Commit).ParentHashes {
			x.add(p)
		}
	}
	return x.seen[c.Hash]
}

// lister gathers the objects below a tree that another one does not have.
type lister struct {
	repo   *Repo
	listed map[plumbing.Hash]bool
	list   []plumbing.Hash
}

func (l *lister) add(h plumbing.Hash) bool {
	if l.listed[h] {
		return false
	}
	l.listed[h] = true
	l.list = append(l.list, h)
	return true
}

func (l *lister) tree(before, after plumbing.Hash, depth int) error {
	if before == after || !l.add(after) {
		return nil
	}
	if depth > maxTree {
		return errors.New("directories are nested too deeply")
	}
	old := map[string]object.TreeEntry{}
	if !before.IsZero() {
		t, err := object.GetTree(l.repo.store, before)
		if err != nil {
			return err
		}
		for _, e := range t.Entries {
			old[e.Name] = e
		}
	}
	t, err := object.GetTree(l.repo.store, after)
	if err != nil {
		return err
	}
	for _, e := range t.Entries {
		was := old[e.Name]
		switch {
		case was.Hash == e.Hash, e.Mode == filemode.Submodule:
		case e.Mode == filemode.Dir:
			if was.Mode != filemode.Dir {
				was.Hash = plumbing.ZeroHash
			}
			if err := l.tree(was.Hash, e.Hash, depth+1); err != nil {
				return err
			}
		default:
			l.add(e.Hash)
		}
	}
	return nil
}

// said collects what the remote says, up to a bound.
type said struct{ bytes.Buffer }

func (s *said) Write(p []byte) (int, error) {
	if room := 8<<10 - s.Len(); room > 0 {
		s.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
