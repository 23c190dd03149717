package source

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Mirror sends requests elsewhere: to a pull-through cache or the copy of an
// air-gapped site. The user's word is final: a mirror may have a private
// address, and nothing falls back to the original.
//
// Prefix is a host ("docker.io", "charts.example.com:8443") or a URL
// ("https://charts.example.com/stable"). To is a host, a host with a path or
// a URL:
//
//   - a URL replaces what Prefix matched: with {"docker.io",
//     "https://nexus.corp/repository/hub"}, /v2/library/nginx/… is asked at
//     https://nexus.corp/repository/hub/v2/library/nginx/…
//   - a host with a path is a registry's project, as image references write
//     it: with {"docker.io", "harbor.corp/hub"}, /v2/library/nginx/… is asked
//     at https://harbor.corp/v2/hub/library/nginx/…
type Mirror struct{ Prefix, To string }

type rule struct {
	scheme, host, path string // scheme is empty for a Prefix that is a host
	to                 *url.URL
	project            string // put behind /v2/ of a registry's request
}

func newRules(mirrors []Mirror) ([]rule, error) {
	var rules []rule
	for _, m := range mirrors {
		if m.Prefix == "" || m.To == "" {
			return nil, fmt.Errorf("read mirror %q to %q: both sides are needed", m.Prefix, m.To)
		}
		var r rule
		from := m.Prefix
		if !strings.Contains(from, "://") {
			from = "//" + from
		}
		u, err := url.Parse(from)
		if err != nil || u.Host == "" {
			return nil, fmt.Errorf("read mirror prefix %q: neither a host nor a URL", m.Prefix)
		}
		r.scheme = strings.Replace(u.Scheme, "oci", "https", 1)
		r.host, r.path = canonicalHost(u.Host), strings.TrimRight(u.Path, "/")

		bare := !strings.Contains(m.To, "://")
		to := m.To
		if bare {
			to = "https://" + to
		}
		if r.to, err = url.Parse(to); err != nil || r.to.Host == "" || r.to.Scheme != "http" && r.to.Scheme != "https" {
			return nil, fmt.Errorf("read mirror address %q: neither a host nor an http(s) URL", m.To)
		}
		if bare {
			r.project = strings.Trim(r.to.Path, "/")
		}
		r.to.Path = strings.TrimRight(r.to.Path, "/")
		rules = append(rules, r)
	}
	slices.SortStableFunc(rules, func(a, b rule) int { // longest first
		if n := len(b.path) - len(a.path); n != 0 {
			return n
		}
		return len(b.scheme) - len(a.scheme)
	})
	return rules, nil
}

// rewrite returns the URL to ask instead of u; u itself when no rule matches.
func rewrite(rules []rule, u *url.URL) *url.URL {
	host := canonicalHost(u.Host)
	for _, r := range rules {
		if r.host != host || r.scheme != "" && r.scheme != u.Scheme {
			continue
		}
		rest, ok := strings.CutPrefix(u.Path, r.path)
		if !ok || rest != "" && rest[0] != '/' {
			continue
		}
		v := *u
		v.User, v.Scheme, v.Host, v.RawPath = r.to.User, r.to.Scheme, r.to.Host, ""
		if name, isV2 := strings.CutPrefix(rest, "/v2/"); isV2 && r.project != "" {
			v.Path = "/v2/" + r.project + "/" + name
		} else {
			v.Path = r.to.Path + rest
		}
		return &v
	}
	return u
}

// canonicalHost is the host in lower case, with one name for Docker Hub.
func canonicalHost(host string) string {
	switch host = strings.ToLower(host); host {
	case "docker.io", "index.docker.io", "registry.hub.docker.com":
		return "registry-1.docker.io"
	}
	return host
}
