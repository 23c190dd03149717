// Package all sends each artifact to the source that can list it.
//
// It refuses nothing itself: an artifact of no known kind or place gets a
// listing that says so.
package all

import (
	"context"
	"strings"
	"sync"

	"promoter/detectors/source"
	"promoter/detectors/source/galaxyserver"
	"promoter/detectors/source/gittags"
	"promoter/detectors/source/helmrepo"
	"promoter/detectors/source/ociregistry"
	"promoter/promoter"
)

// New returns a Source for artifacts of every kind. Each source bounds what it
// does at once, and the client what is asked of one host.
func New(c *source.Client) source.Source {
	return &router{
		helm: helmrepo.New(c), oci: ociregistry.New(c), git: gittags.New(c), galaxy: galaxyserver.New(c),
	}
}

type router struct{ helm, oci, git, galaxy source.Source }

// route is the source for an artifact; else why there is none.
func (r *router) route(a promoter.Artifact) (source.Source, string) {
	switch {
	case a.Source == "":
		return nil, "it is not written where its releases are listed"
	case a.OCI():
		return r.oci, ""
	case a.Kind == promoter.Chart && (strings.HasPrefix(a.Source, "https://") || strings.HasPrefix(a.Source, "http://")):
		return r.helm, ""
	case a.Kind == promoter.Chart:
		return nil, "its chart repository is neither http(s) nor oci"
	case a.Kind == promoter.Git:
		return r.git, ""
	case a.Kind == promoter.Galaxy:
		return r.galaxy, ""
	}
	return nil, "nothing lists releases of kind " + string(a.Kind)
}

// Lookup asks each source once, for all of its artifacts, each artifact once.
func (r *router) Lookup(ctx context.Context, artifacts []promoter.Artifact) []promoter.Listing {
	found := make(map[promoter.Artifact]promoter.Listing, len(artifacts))
	work := map[source.Source][]promoter.Artifact{}
	for _, a := range artifacts {
		if _, twice := found[a]; twice {
			continue
		}
		s, why := r.route(a)
		found[a] = promoter.Listing{Artifact: a, Unknown: why}
		if s != nil {
			work[s] = append(work[s], a)
		}
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for s, mine := range work {
		wg.Go(func() {
			listings := s.Lookup(ctx, mine)
			mu.Lock()
			defer mu.Unlock()
			for i, a := range mine {
				if i >= len(listings) || listings[i].Artifact != a {
					found[a] = promoter.Listing{Artifact: a, Unknown: "its source gave no answer"}
					continue
				}
				found[a] = listings[i]
			}
		})
	}
	wg.Wait()
	out := make([]promoter.Listing, len(artifacts))
	for i, a := range artifacts {
		out[i] = found[a]
	}
	return out
}
