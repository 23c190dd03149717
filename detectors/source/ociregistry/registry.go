// Package ociregistry lists the tags of images and of Helm charts in OCI
// registries, over the distribution API.
//
// It refuses a list that it cannot know to be whole: a page that fails, pages
// that repeat, more pages than can be right. It never leaves the registry's
// own address for a next page, and it calls nothing a chart whose
// configuration is not a chart's.
package ociregistry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/sync/errgroup"

	"promoter/detectors/source"
	"promoter/promoter"
)

// Registry lists images and charts. It is safe for concurrent use.
type Registry struct {
	client   *source.Client
	sessions *sessions
}

var _ source.Source = (*Registry)(nil)

// New returns a Source for OCI registries.
func New(c *source.Client) *Registry {
	return &Registry{client: c, sessions: &sessions{client: c, held: map[string]session{}}}
}

// parallel bounds the artifacts looked up at once, over all hosts; the client
// bounds each host.
const parallel = 16

// Lookup lists the tags of each image or chart. Releases carry a version and
// a first-seen time; for charts, the newest is checked to be one and carries
// what its manifest and configuration say.
func (r *Registry) Lookup(ctx context.Context, artifacts []promoter.Artifact) []promoter.Listing {
	out := make([]promoter.Listing, len(artifacts))
	var g errgroup.Group
	g.SetLimit(parallel)
	for i, a := range artifacts {
		g.Go(func() error {
			out[i] = r.list(ctx, a)
			return nil
		})
	}
	_ = g.Wait() // no member fails: each answer holds its own trouble
	return out
}

func (r *Registry) list(ctx context.Context, a promoter.Artifact) promoter.Listing {
	l := promoter.Listing{Artifact: a, At: r.client.Now()}
	repo, err := repositoryFor(a)
	if err == nil {
		var tags []string
		if tags, l.At, err = r.tags(ctx, repo); err == nil {
			for _, t := range tags {
				if !isRelease(t) {
					continue
				}
				v := versionOf(a.Kind, t)
				l.Releases = append(l.Releases, promoter.Release{Version: v, FirstSeen: r.client.Seen(a, v, "")})
			}
			if a.Kind == promoter.Chart {
				l.Releases, err = r.checkNewest(ctx, a, l.Releases)
			}
		}
	}
	if err != nil {
		l.Releases = nil
		if l.Gone = goneReason(err); l.Gone == "" {
			l.Unknown = source.Unknown(err)
		}
	}
	return l
}

// goneReason is positive evidence only: a registry that speaks the API says
// that it knows no such name. A bare 404 may come from anything on the way.
func goneReason(err error) string {
	var nf *source.NotFound
	if errors.As(err, &nf) {
		if code := errorCode(nf.Body); code == "NAME_UNKNOWN" || code == "NOT_FOUND" {
			return fmt.Sprintf("%q knows no such repository (%s)", nf.Host, code)
		}
		return ""
	}
	return source.Gone(err)
}

// repository is where an artifact's tags are.
type repository struct {
	scheme, host, name string
}

func (r repository) url(rest string) *url.URL {
	return &url.URL{Scheme: r.scheme, Host: r.host, Path: "/v2/" + r.name + rest}
}

func (r repository) key() string { return r.host + " " + r.name }

// nameForm is a repository's name as the distribution specification has it.
var nameForm = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)

func repositoryFor(a promoter.Artifact) (repository, error) {
	full := strings.TrimPrefix(a.Source, "oci://")
	if full == "" {
		return repository{}, errors.New("it is not written which registry it comes from")
	}
	host, path, _ := strings.Cut(full, "/")
	name := strings.Trim(strings.Trim(path, "/")+"/"+strings.Trim(a.Name, "/"), "/")
	r := repository{scheme: "https", host: strings.ToLower(host)}
	switch r.host {
	case "docker.io", "index.docker.io", "registry-1.docker.io":
		r.host = "registry-1.docker.io"
		if !strings.Contains(name, "/") {
			name = "library/" + name
		}
	}
	if len(name) > 255 || !nameForm.MatchString(name) {
		return repository{}, fmt.Errorf("%q is not a repository's name", name)
	}
	r.name = name
	// As every registry client does: this machine's registries speak http. Any
	// other that does is for a mirror rule to name.
	if h := (&url.URL{Host: r.host}).Hostname(); h == "localhost" || strings.HasPrefix(h, "127.") || h == "::1" {
		r.scheme = "http"
	}
	return r, nil
}

var tagForm = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)

// isRelease leaves out what tools keep beside the images under tags of its
// own: signatures, attestations, referrers.
func isRelease(tag string) bool {
	if !tagForm.MatchString(tag) || strings.HasPrefix(tag, "sha256-") {
		return false
	}
	for _, s := range []string{".sig", ".att", ".sbom", ".metadata"} {
		if strings.HasSuffix(tag, s) {
			return false
		}
	}
	return true
}

// versionOf is the version that a tag stands for. A tag cannot hold "+", so
// Helm and all that read its charts write "_" and turn it back.
func versionOf(k promoter.Kind, tag string) string {
	if k == promoter.Chart {
		return strings.ReplaceAll(tag, "_", "+")
	}
	return tag
}

func tagOf(k promoter.Kind, version string) string {
	if k == promoter.Chart {
		return strings.ReplaceAll(version, "+", "_")
	}
	return version
}

// fetch gets a resource of a repository, answering the registry's challenge
// once.
func (r *Registry) fetch(ctx context.Context, repo repository, u *url.URL, o source.FetchOptions) (*source.Body, error) {
	o.Purpose = source.Registry
	for again := false; ; again = true {
		o.Header = http.Header{}
		if h := r.sessions.header(repo.key()); h != "" {
			o.Header.Set("Authorization", h)
		}
		b, err := r.client.Fetch(ctx, u.String(), o)
		var denied *source.Denied
		if err == nil || again || !errors.As(err, &denied) {
			return b, err
		}
		if err := r.sessions.answer(ctx, repo.key(), denied); err != nil {
			return nil, err
		}
	}
}
