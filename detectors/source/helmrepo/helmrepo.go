// Package helmrepo lists the charts of Helm repositories that are served over
// HTTP(S). It asks for each repository's index once, and reads of it only the
// entries of the charts that it was asked for: an index of 170 MB costs no
// more memory than a small one.
//
// It refuses to guess: an index that is cut off, compressed, of a shape that
// Helm would refuse, or too large to be parsed where its layout needs it,
// makes the listings unknown. A chart is gone only when an index that was read
// to its end does not have it.
package helmrepo

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"promoter/detectors/source"
	"promoter/promoter"
)

// maxBody bounds an index on disk, decompressed.
const maxBody = 512 << 20

// fetches bounds the repositories asked at a time; the client bounds what each
// host sees.
const fetches = 8

// Source lists charts of HTTP(S) repositories.
type Source struct {
	client *source.Client
	// reading is held while an index is read: one at a time is what bounds
	// memory where an index needs a full parse.
	reading sync.Mutex
}

var _ source.Source = (*Source)(nil)

// New returns a source that asks through c.
func New(c *source.Client) *Source { return &Source{client: c} }

// Lookup lists each artifact's releases in Helm's order, newest first.
func (s *Source) Lookup(ctx context.Context, artifacts []promoter.Artifact) []promoter.Listing {
	listings := make([]promoter.Listing, len(artifacts))
	groups := map[string][]int{}
	for i, a := range artifacts {
		listings[i].Artifact = a
		if why := foreign(a); why != "" {
			listings[i].Unknown = why
			continue
		}
		root := strings.TrimRight(a.Source, "/")
		groups[root] = append(groups[root], i)
	}
	slots := make(chan struct{}, fetches)
	var all sync.WaitGroup
	for root, members := range groups {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			s.repository(ctx, root, listings, members)
		})
	}
	all.Wait()
	return listings
}

// foreign says why an artifact is not one of an HTTP(S) chart repository.
func foreign(a promoter.Artifact) string {
	switch {
	case a.Kind != promoter.Chart:
		return fmt.Sprintf("a chart repository holds no %s", a.Kind)
	case a.Source == "":
		return "the chart's repository is not known"
	case a.Name == "":
		return "the chart's name is not known"
	case !strings.HasPrefix(a.Source, "http://") && !strings.HasPrefix(a.Source, "https://"):
		return "the chart's repository is not an HTTP(S) URL"
	}
	return ""
}

// repository answers for the listings that members are the indexes of.
func (s *Source) repository(ctx context.Context, root string, listings []promoter.Listing, members []int) {
	body, index, err := s.read(ctx, root, listings, members)
	for _, i := range members {
		l := &listings[i]
		if body != nil {
			l.At = body.At
		}
		if err != nil {
			if l.Gone = source.Gone(err); l.Gone == "" {
				l.Unknown = source.Unknown(err)
			}
			continue
		}
		s.answer(l, index, root)
	}
}

func (s *Source) read(ctx context.Context, root string, listings []promoter.Listing, members []int) (*source.Body, *Index, error) {
	at, err := indexURL(root)
	if err != nil {
		return nil, nil, err
	}
	body, err := s.client.Fetch(ctx, at, source.FetchOptions{MaxBytes: maxBody})
	if err != nil {
		return nil, nil, err
	}
	charts := make([]string, len(members))
	for n, i := range members {
		charts[n] = listings[i].Artifact.Name
	}
	f, err := body.Open()
	if err != nil {
		return body, nil, fmt.Errorf("open cached index: %w", err)
	}
	defer f.Close()
	s.reading.Lock()
	defer s.reading.Unlock()
	if err := ctx.Err(); err != nil {
		return body, nil, err
	}
	index, err := ReadIndex(f, body.Size, charts)
	return body, index, err
}

// answer fills in one chart's listing.
func (s *Source) answer(l *promoter.Listing, index *Index, root string) {
	name := l.Artifact.Name
	entries, ok := index.Charts[name]
	switch err := index.Unread[name]; {
	case err != nil:
		l.Unknown = source.Unknown(fmt.Errorf("chart %q in the index of %s: %w", name, shown(root), err))
		return
	case !ok && index.Whole:
		l.Gone = fmt.Sprintf("chart %q is not in the index of %s", name, shown(root))
		return
	case !ok:
		l.Unknown = fmt.Sprintf("chart %q is not in the index of %s, which may be cut off: nothing follows its entries", name, shown(root))
		return
	case len(entries) == 0:
		l.Unknown = fmt.Sprintf("chart %q has no valid version in the index of %s", name, shown(root))
		return
	}
	l.Releases = make([]promoter.Release, len(entries))
	for i, e := range entries {
		l.Releases[i] = promoter.Release{
			Version:    e.Version,
			AppVersion: e.AppVersion,
			Digest:     e.Digest,
			Created:    e.Created,
			FirstSeen:  s.client.Seen(l.Artifact, e.Version, e.Digest),
			Deprecated: e.Deprecated,
			KubeRange:  e.KubeRange,
			Notes:      e.Changes,
			Home:       e.Home,
		}
	}
}

// indexURL is where a repository's index is. As in Helm, a query stays.
func indexURL(root string) (string, error) {
	u, err := url.Parse(root)
	if err != nil {
		return "", fmt.Errorf("read repository's URL: it is not a URL")
	}
	return u.JoinPath("index.yaml").String(), nil
}

// shown is a repository's URL without what may be secret in it.
func shown(root string) string {
	u, err := url.Parse(root)
	if err != nil {
		return "the repository"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
