// Package gittags lists the tags and branches of Git repositories, as the
// server advertises them: one request, no clone.
//
// It speaks Git's smart HTTP through the source's client, so that the guard
// of addresses, credentials, limits and the cache hold. It refuses ssh and
// git: URLs, which would go around all of these; for the public forges it
// asks the same repository over https instead.
package gittags

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"golang.org/x/sync/errgroup"

	"promoter/detectors/source"
	"promoter/promoter"
)

// Git lists tags and branches. It is safe for concurrent use.
type Git struct{ client *source.Client }

var _ source.Source = (*Git)(nil)

// New returns a Source for Git repositories.
func New(c *source.Client) *Git { return &Git{client: c} }

const (
	parallel = 8
	// maxAdvertised bounds an advertisement; that of a repository with
	// 100,000 pull requests has about 15 MB.
	maxAdvertised = 128 << 20
)

// Lookup lists the tags of each repository. A release's digest is the commit
// that the tag leads to, also when the tag is an object of its own.
func (g *Git) Lookup(ctx context.Context, artifacts []promoter.Artifact) []promoter.Listing {
	out := make([]promoter.Listing, len(artifacts))
	var group errgroup.Group
	group.SetLimit(parallel)
	for i, a := range artifacts {
		group.Go(func() error {
			out[i] = g.list(ctx, a)
			return nil
		})
	}
	_ = group.Wait() // no member fails: each answer holds its own trouble
	return out
}

func (g *Git) list(ctx context.Context, a promoter.Artifact) promoter.Listing {
	l := promoter.Listing{Artifact: a, At: g.client.Now()}
	refs, err := g.Refs(ctx, a)
	if err != nil {
		if l.Gone = source.Gone(err); l.Gone == "" {
			l.Unknown = source.Unknown(err)
		}
		return l
	}
	l.At = refs.At
	for tag, sha := range refs.Tags {
		l.Releases = append(l.Releases, promoter.Release{Version: tag, Digest: sha, FirstSeen: g.client.Seen(a, tag, sha)})
	}
	slices.SortFunc(l.Releases, func(x, y promoter.Release) int { return strings.Compare(x.Version, y.Version) })
	return l
}

// Refs is what a repository advertises: commits by short name.
type Refs struct {
	Default  string            // the branch that HEAD names; empty when the server does not say
	Branches map[string]string // "main" to a commit
	Tags     map[string]string // "v1.2.3" to the commit it leads to
	At       time.Time
}

// Heads returns the commits of a repository's branches, for pins that follow
// one.
func (g *Git) Heads(ctx context.Context, a promoter.Artifact) (map[string]string, error) {
	refs, err := g.Refs(ctx, a)
	if err != nil {
		return nil, err
	}
	return refs.Branches, nil
}

// Refs asks for all branches and tags of a repository.
func (g *Git) Refs(ctx context.Context, a promoter.Artifact) (*Refs, error) {
	base, err := address(a.Source)
	if err != nil {
		return nil, err
	}
	base.Path = strings.TrimRight(base.Path, "/") + "/info/refs"
	base.RawQuery = "service=git-upload-pack"
	b, err := g.client.Fetch(ctx, base.String(), source.FetchOptions{MaxBytes: maxAdvertised, Purpose: source.GitHTTP})
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(b.ContentType, "application/x-git-upload-pack-advertisement") {
		return nil, fmt.Errorf("%q does not answer as a Git server", base.Host)
	}
	f, err := b.Open()
	if err != nil {
		return nil, fmt.Errorf("read cache: %w", err)
	}
	defer f.Close()
	adv := packp.NewAdvRefs()
	err = adv.Decode(f)
	if errors.Is(err, packp.ErrEmptyAdvRefs) {
		err = nil // a repository without a commit
	}
	if err != nil {
		return nil, fmt.Errorf("read references from %q: incomplete or malformed", base.Host)
	}
	r := &Refs{Branches: map[string]string{}, Tags: map[string]string{}, At: b.At}
	for name, sha := range adv.References {
		if peeled, ok := adv.Peeled[name]; ok {
			sha = peeled
		}
		ref := plumbing.ReferenceName(name)
		switch {
		case ref.IsTag():
			r.Tags[ref.Short()] = sha.String()
		case ref.IsBranch():
			r.Branches[ref.Short()] = sha.String()
		}
	}
	for _, s := range adv.Capabilities.Get(capability.SymRef) {
		if branch, ok := strings.CutPrefix(s, "HEAD:refs/heads/"); ok {
			r.Default = branch
		}
	}
	return r, nil
}

// forges are public ones whose repositories can be asked over https whatever
// the written URL says.
var forges = []string{"github.com", "gitlab.com", "bitbucket.org", "codeberg.org"}

// address is the https or http URL of a clone URL.
func address(clone string) (*url.URL, error) {
	clone = strings.TrimPrefix(strings.TrimSpace(clone), "git::")
	if clone == "" {
		return nil, errors.New("it is not written which repository it comes from")
	}
	if !strings.Contains(clone, "://") {
		// "git@host:org/repo": the host ends at the first colon.
		host, path, ok := strings.Cut(clone, ":")
		if !ok || strings.Contains(host, "/") {
			return nil, fmt.Errorf("%q is not a repository's URL", clone)
		}
		clone = "ssh://" + host + "/" + strings.TrimLeft(path, "/")
	}
	u, err := url.Parse(clone)
	if err != nil {
		return nil, errors.New("the repository's URL cannot be read")
	}
	u.RawQuery, u.Fragment = "", ""
	switch u.Scheme {
	case "https", "http":
		return u, nil
	case "ssh", "git+ssh", "git":
		if slices.Contains(forges, u.Hostname()) {
			return &url.URL{Scheme: "https", Host: u.Hostname(), Path: u.Path}, nil
		}
		return nil, fmt.Errorf("%s URL of %q: only https and http are asked", u.Scheme, u.Hostname())
	}
	return nil, fmt.Errorf("scheme %q: only https and http are asked", u.Scheme)
}
