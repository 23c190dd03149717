package main

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"promoter/promoter"
)

// snapshot is what the repository's own use tells of the world upstream: each
// version exists from a day before anybody here pinned it.
type snapshot map[promoter.Artifact]map[string]*sighting

// sighting is a version that was pinned.
type sighting struct {
	first   time.Time
	digests []string // in the order in which they were seen: a tag that moved has several
	start   bool     // it was pinned when the window began
	commit  *commit  // the one that brought it; nil at the start
}

// lead is how long before its first use a version is taken to have come out.
const lead = 24 * time.Hour

func (s *snapshot) see(pins []promoter.Pin, c *commit) {
	for _, p := range pins {
		if p.Artifact.Name == "" || p.Artifact.Source == "" || p.Version == "" || !listed(p) {
			continue
		}
		if *s == nil {
			*s = snapshot{}
		}
		versions := (*s)[p.Artifact]
		if versions == nil {
			versions = map[string]*sighting{}
			(*s)[p.Artifact] = versions
		}
		v := versions[p.Version]
		if v == nil {
			v = &sighting{start: c == nil, commit: c}
			if c != nil {
				v.first = c.at
			}
			versions[p.Version] = v
		}
		if p.Digest != "" && !slices.Contains(v.digests, p.Digest) {
			v.digests = append(v.digests, p.Digest)
		}
	}
}

// listed reports whether a source would list what is pinned: a registry lists
// any tag, a chart repository versions, a Git server tags and no commits.
func listed(p promoter.Pin) bool {
	switch p.Form {
	case promoter.Exact:
		return true
	case promoter.Floating, promoter.Commit:
		return p.Artifact.OCI()
	}
	return false
}

// listing is what the artifact's source would have said at a moment. began is
// the moment at which the window begins.
func (s snapshot) listing(a promoter.Artifact, began, now time.Time) promoter.Listing {
	l := promoter.Listing{Artifact: a, At: now}
	for text, v := range s[a] {
		r := promoter.Release{Version: text, Created: v.first.Add(-lead)}
		if v.start {
			r.Created = began.Add(-lead)
		}
		if n := len(v.digests); n > 0 {
			r.Digest = v.digests[n-1]
		}
		l.Releases = append(l.Releases, r)
	}
	slices.SortFunc(l.Releases, func(a, b promoter.Release) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.Version, b.Version))
	})
	return l
}

func (s snapshot) count() (artifacts, versions int) {
	for _, v := range s {
		versions += len(v)
	}
	return len(s), versions
}
