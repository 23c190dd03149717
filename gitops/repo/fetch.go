package repo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

// Heads brings the remote's branches that begin with one of the prefixes here
// and returns their commits by branch name. It asks what the remote has first:
// when nothing moved, nothing is fetched.
func (r *Repo) Heads(ctx context.Context, prefixes ...string) (map[string]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	heads, err := r.update(ctx, prefixes)
	if errors.Is(err, plumbing.ErrObjectNotFound) || errors.Is(err, errIncomplete) {
		// The mirror is damaged, or the remote's history was cut: it is a
		// cache, so once more without it.
		r.log.DebugContext(ctx, "renew mirror", "why", err)
		if err := r.renew(); err != nil {
			return nil, err
		}
		heads, err = r.update(ctx, prefixes)
	}
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", withoutSecrets(r.opt.URL), err)
	}
	return heads, nil
}

var errIncomplete = errors.New("the remote sent less than it promised")

func (r *Repo) update(ctx context.Context, prefixes []string) (map[string]string, error) {
	s, done, err := r.uploadSession(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	adv, err := advertised(ctx, s)
	if err != nil {
		return nil, err
	}
	had, err := r.tracked()
	if err != nil {
		return nil, err
	}
	heads := map[string]string{}
	want := map[string]plumbing.Hash{}
	for name, hash := range adv.References {
		branch, ok := strings.CutPrefix(name, "refs/heads/")
		if !ok || !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(branch, p) }) {
			continue
		}
		heads[branch] = hash.String()
		if had[branch] != hash {
			want[branch] = hash
		} else if err := r.whole(hash); err != nil {
			return nil, err
		}
	}
	if err := r.fetch(ctx, s, adv.Capabilities, want, had, r.opt.Depth); err != nil {
		return nil, err
	}
	// A branch that is gone must not be taken for something the remote has.
	for branch := range had {
		if heads[branch] == "" && adv.References["refs/heads/"+branch].IsZero() {
			if err := r.store.RemoveReference(tracking(branch)); err != nil {
				return nil, fmt.Errorf("write mirror: %w", err)
			}
		}
	}
	return heads, nil
}

func (r *Repo) uploadSession(ctx context.Context) (transport.UploadPackSession, func(), error) {
	m, err := r.connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	s, err := m.transport.NewUploadPackSession(m.endpoint, m.auth)
	if err != nil {
		m.close()
		return nil, nil, named(err)
	}
	return s, func() {
		_ = s.Close() // a session that was answered has nothing more to say
		m.close()
	}, nil
}

// advertised returns the remote's references; an empty repository has none.
func advertised(ctx context.Context, s interface {
	AdvertisedReferencesContext(context.Context) (*packp.AdvRefs, error)
}) (*packp.AdvRefs, error) {
	adv, err := s.AdvertisedReferencesContext(ctx)
	switch {
	case errors.Is(err, transport.ErrEmptyRemoteRepository):
		return packp.NewAdvRefs(), nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, named(err)
	}
	return adv, nil
}

// fetch brings the wanted branches here, with depth commits of each.
func (r *Repo) fetch(ctx context.Context, s transport.UploadPackSession, caps *capability.List, want, had map[string]plumbing.Hash, depth int) error {
	req := packp.NewUploadPackRequestFromCapabilities(caps)
	for _, hash := range want {
		// What we pushed is here, with all it refers to. What is in memory
		// alone does not count: a reference must outlive the process.
		if r.store.Storage.HasEncodedObject(hash) != nil {
			req.Wants = append(req.Wants, hash)
		}
	}
	if len(req.Wants) > 0 {
		for _, hash := range had {
			if err := r.whole(hash); err != nil {
				return err
			}
			req.Haves = append(req.Haves, hash)
		}
		if err := r.receive(ctx, s, caps, req, depth); err != nil {
			return err
		}
	}
	for branch, hash := range want {
		if err := r.whole(hash); err != nil {
			return err
		}
		if err := r.store.SetReference(plumbing.NewHashReference(tracking(branch), hash)); err != nil {
			return fmt.Errorf("write mirror: %w", err)
		}
	}
	return nil
}

// receive makes one exchange with the remote and stores what it sends: first
// the objects, then where history ends. A crash in between leaves objects that
// no reference leads to.
func (r *Repo) receive(ctx context.Context, s transport.UploadPackSession, caps *capability.List, req *packp.UploadPackRequest, depth int) error {
	shallow, err := r.store.Shallow()
	if err != nil {
		return fmt.Errorf("read mirror: %w", err)
	}
	if caps.Supports(capability.Shallow) {
		req.Depth = packp.DepthCommits(depth)
		req.Shallows = slices.Clone(shallow)
		if err := req.Capabilities.Set(capability.Shallow); err != nil {
			return err
		}
	}
	if caps.Supports(capability.NoProgress) {
		if err := req.Capabilities.Set(capability.NoProgress); err != nil {
			return err
		}
	}
	r.log.DebugContext(ctx, "fetch", "wants", len(req.Wants), "haves", len(req.Haves), "depth", depth)
	resp, err := s.UploadPack(ctx, req)
	if errors.Is(err, transport.ErrEmptyUploadPackRequest) {
		return nil
	}
	if err != nil {
		return r.interrupted(ctx, err)
	}
	defer resp.Close()
	var pack io.Reader = resp
	switch {
	case req.Capabilities.Supports(capability.Sideband64k):
		pack = sideband.NewDemuxer(sideband.Sideband64k, resp)
	case req.Capabilities.Supports(capability.Sideband):
		pack = sideband.NewDemuxer(sideband.Sideband, resp)
	}
	if err := packfile.UpdateObjectStorage(r.store, pack); err != nil && !errors.Is(err, packfile.ErrEmptyPackfile) {
		return r.interrupted(ctx, err)
	}
	return r.setShallow(shallow, resp.ShallowUpdate)
}

func (r *Repo) interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return named(err)
}

// setShallow records the commits whose parents are not here. The remote speaks
// of the depth that was asked for; what the mirror has beyond it stays.
func (r *Repo) setShallow(old []plumbing.Hash, u packp.ShallowUpdate) error {
	ends := map[plumbing.Hash]bool{}
	for _, h := range append(slices.Clone(old), u.Shallows...) {
		ends[h] = true
	}
	for _, h := range u.Unshallows {
		delete(ends, h)
	}
	var list []plumbing.Hash
	for h := range ends {
		c, err := object.GetCommit(r.store, h)
		if err != nil {
			return fmt.Errorf("read mirror: %w", err)
		}
		if !slices.ContainsFunc(c.ParentHashes, func(p plumbing.Hash) bool { return !r.has(p) }) {
			continue
		}
		list = append(list, h)
	}
	plumbing.HashesSort(list)
	if err := r.store.SetShallow(list); err != nil {
		return fmt.Errorf("write mirror: %w", err)
	}
	return nil
}

func (r *Repo) has(h plumbing.Hash) bool { return r.store.HasEncodedObject(h) == nil }

// whole checks that a head came with its tree.
func (r *Repo) whole(hash plumbing.Hash) error {
	c, err := object.GetCommit(r.store, hash)
	if err != nil {
		return errors.Join(errIncomplete, err)
	}
	if !r.has(c.TreeHash) {
		return errIncomplete
	}
	return nil
}

// deepen fetches more of the history of all tracked branches. It returns false
// when there is no more, or none that may be asked for.
func (r *Repo) deepen(ctx context.Context, depth int) (bool, error) {
	ends, err := r.store.Shallow()
	if err != nil {
		return false, fmt.Errorf("read mirror: %w", err)
	}
	if len(ends) == 0 {
		return false, nil
	}
	had, err := r.tracked()
	if err != nil {
		return false, err
	}
	s, done, err := r.uploadSession(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	adv, err := advertised(ctx, s)
	if err != nil {
		return false, err
	}
	req := packp.NewUploadPackRequestFromCapabilities(adv.Capabilities)
	offered := map[plumbing.Hash]bool{}
	for _, hash := range adv.References {
		offered[hash] = true
	}
	for branch, hash := range had {
		req.Haves = append(req.Haves, hash)
		if offered[hash] {
			req.Wants = append(req.Wants, hash)
			continue
		}
		// It moved since. Its new commit leads to the old one's history, and
		// the caller still asks about the old one.
		if now := adv.References["refs/heads/"+branch]; !now.IsZero() {
			req.Wants = append(req.Wants, now)
		}
	}
	if len(req.Wants) == 0 {
		return false, nil
	}
	if err := r.receive(ctx, s, adv.Capabilities, req, depth); err != nil {
		return false, err
	}
	after, err := r.store.Shallow()
	if err != nil {
		return false, fmt.Errorf("read mirror: %w", err)
	}
	return !slices.Equal(ends, after), nil
}
