// Package galaxyserver lists the versions of Ansible collections and roles on
// a Galaxy server.
//
// It refuses a list whose length is not what the server counts. A name that
// is both is taken for a collection, which is what new content is.
package galaxyserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"promoter/detectors/source"
	"promoter/promoter"
)

// Galaxy lists collections and roles. It is safe for concurrent use.
type Galaxy struct{ client *source.Client }

var _ source.Source = (*Galaxy)(nil)

// New returns a Source for Galaxy servers.
func New(c *source.Client) *Galaxy { return &Galaxy{client: c} }

const (
	parallel  = 4
	pageSize  = 100
	maxPages  = 50
	maxAnswer = 16 << 20
)

// Lookup lists the versions of each collection or role.
func (g *Galaxy) Lookup(ctx context.Context, artifacts []promoter.Artifact) []promoter.Listing {
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

var nameForm = regexp.MustCompile(`^([a-zA-Z0-9_-]+)\.([a-zA-Z0-9_-]+)$`)

func (g *Galaxy) list(ctx context.Context, a promoter.Artifact) promoter.Listing {
	l := promoter.Listing{Artifact: a, At: g.client.Now()}
	fail := func(err error) promoter.Listing {
		l.Releases = nil
		if l.Gone = source.Gone(err); l.Gone == "" {
			l.Unknown = source.Unknown(err)
		}
		return l
	}
	m := nameForm.FindStringSubmatch(a.Name)
	if m == nil {
		return fail(fmt.Errorf("%q is not a name of the form namespace.name", a.Name))
	}
	server, err := url.Parse(strings.TrimRight(a.Source, "/"))
	if err != nil || server.Host == "" {
		return fail(errors.New("it is not written which Galaxy server it comes from"))
	}
	l.Releases, l.At, err = g.collection(ctx, server, m[1], m[2])
	var nf *source.NotFound
	if errors.As(err, &nf) {
		l.Releases, l.At, err = g.role(ctx, server, m[1], m[2])
	}
	if err != nil {
		return fail(err)
	}
	for i, r := range l.Releases {
		l.Releases[i].FirstSeen = g.client.Seen(a, r.Version, "")
	}
	return l
}

// endpoint is a path under the server's API; its users write the server with
// and without "/api".
func endpoint(server *url.URL, path string, query url.Values) string {
	u := *server
	if !strings.Contains(u.Path+"/", "/api/") {
		u.Path += "/api"
	}
	u.Path = strings.TrimRight(u.Path, "/") + path
	u.RawQuery = query.Encode()
	return u.String()
}

func (g *Galaxy) collection(ctx context.Context, server *url.URL, namespace, name string) ([]promoter.Release, time.Time, error) {
	path := "/v3/plugin/ansible/content/published/collections/index/" + namespace + "/" + name + "/versions/"
	return g.pages(ctx, server, path, url.Values{}, func(data []byte) ([]promoter.Release, int, error) {
		var page struct {
			Meta struct {
				Count *int `json:"count"`
			} `json:"meta"`
			Data []struct {
				Version string `json:"version"`
				Created string `json:"created_at"`
			} `json:"data"`
		}
		if err := json.Unmarshal(data, &page); err != nil || page.Meta.Count == nil {
			return nil, 0, fmt.Errorf("%q answers with something other than versions", server.Host)
		}
		var rels []promoter.Release
		for _, v := range page.Data {
			rels = append(rels, promoter.Release{Version: v.Version, Created: moment(v.Created)})
		}
		return rels, *page.Meta.Count, nil
	})
}

// role lists a role's versions. Only their owner's and own name together name
// a role; the server's filter is checked, since an unknown filter is ignored
// and everything listed.
func (g *Galaxy) role(ctx context.Context, server *url.URL, owner, name string) ([]promoter.Release, time.Time, error) {
	b, err := g.client.Fetch(ctx, endpoint(server, "/v1/roles/", url.Values{"owner__username": {owner}, "name": {name}}),
		source.FetchOptions{Accept: "application/json", MaxBytes: maxAnswer})
	if err != nil {
		return nil, time.Time{}, err
	}
	data, err := b.ReadAll()
	if err != nil {
		return nil, time.Time{}, err
	}
	var found struct {
		Results *[]struct {
			ID       json.Number `json:"id"`
			Name     string      `json:"name"`
			Username string      `json:"username"`
			Summary  struct {
				Owner struct {
					Username string `json:"username"`
				} `json:"owner"`
				Namespace struct {
					Name string `json:"name"`
				} `json:"namespace"`
			} `json:"summary_fields"`
		} `json:"results"`
	}
	if json.Unmarshal(data, &found) != nil || found.Results == nil {
		return nil, time.Time{}, fmt.Errorf("%q answers with something other than roles", server.Host)
	}
	for _, r := range *found.Results {
		theirs := strings.EqualFold(r.Username, owner) || strings.EqualFold(r.Summary.Owner.Username, owner) ||
			strings.EqualFold(r.Summary.Namespace.Name, owner)
		if !theirs || !strings.EqualFold(r.Name, name) {
			continue
		}
		id, err := r.ID.Int64()
		if err != nil {
			return nil, time.Time{}, fmt.Errorf("%q answers with a role without a number", server.Host)
		}
		return g.roleVersions(ctx, server, id)
	}
	if len(*found.Results) > 0 {
		return nil, time.Time{}, fmt.Errorf("%q answers with other roles than %s.%s", server.Host, owner, name)
	}
	// Neither index knows the name: that is the server's own word.
	return nil, time.Time{}, &source.NotFound{Host: server.Host, Code: 404, Path: owner + "." + name}
}

func (g *Galaxy) roleVersions(ctx context.Context, server *url.URL, id int64) ([]promoter.Release, time.Time, error) {
	rels, at, err := g.pages(ctx, server, fmt.Sprintf("/v1/roles/%d/versions/", id), url.Values{}, func(data []byte) ([]promoter.Release, int, error) {
		var page struct {
			Count   *int `json:"count"`
			Results []struct {
				Name    string `json:"name"`
				Created string `json:"release_date"`
			} `json:"results"`
		}
		if err := json.Unmarshal(data, &page); err != nil || page.Count == nil {
			return nil, 0, fmt.Errorf("%q answers with something other than versions", server.Host)
		}
		var rels []promoter.Release
		for _, v := range page.Results {
			rels = append(rels, promoter.Release{Version: v.Name, Created: moment(v.Created)})
		}
		return rels, *page.Count, nil
	})
	var nf *source.NotFound
	if errors.As(err, &nf) {
		// The role is there; what is missing is this server's list.
		err = fmt.Errorf("%q lists no versions of a role it has", server.Host)
	}
	return rels, at, err
}

// moment reads a time; one in another form is as good as none.
func moment(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return t
}

// pages reads a paged list by offset, until it has what the server counts.
func (g *Galaxy) pages(ctx context.Context, server *url.URL, path string, q url.Values,
	parse func([]byte) ([]promoter.Release, int, error)) (all []promoter.Release, at time.Time, err error) {
	known := map[string]bool{}
	for page := 0; page < maxPages; page++ {
		if strings.HasPrefix(path, "/v1/") {
			q.Set("page_size", fmt.Sprint(pageSize))
			q.Set("page", fmt.Sprint(page+1))
		} else {
			q.Set("limit", fmt.Sprint(pageSize))
			q.Set("offset", fmt.Sprint(len(all)))
		}
		b, err := g.client.Fetch(ctx, endpoint(server, path, q), source.FetchOptions{Accept: "application/json", MaxBytes: maxAnswer})
		if err != nil {
			if page > 0 { // a list that breaks off says nothing about the artifact
				err = errors.New(source.Unknown(err))
			}
			return nil, at, err
		}
		if at.IsZero() || b.At.Before(at) {
			at = b.At
		}
		data, err := b.ReadAll()
		if err != nil {
			return nil, at, err
		}
		rels, count, err := parse(data)
		if err != nil {
			return nil, at, err
		}
		for _, r := range rels {
			if r.Version == "" || known[r.Version] {
				return nil, at, fmt.Errorf("%q repeats its pages of versions", server.Host)
			}
			known[r.Version] = true
		}
		all = append(all, rels...)
		if len(all) == count {
			return all, at, nil
		}
		if len(rels) == 0 || len(all) > count {
			return nil, at, fmt.Errorf("%q counts %d versions and lists %d", server.Host, count, len(all))
		}
	}
	return nil, at, fmt.Errorf("%q has more than %d pages of versions", server.Host, maxPages)
}
