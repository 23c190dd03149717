package converge

import (
	"strings"
	"time"
)

// Answer is what is known of a question of yes and no. The zero value is that
// nothing is known.
type Answer int8

// The answers.
const (
	Unknown Answer = iota
	Yes
	No
)

// Ancestry is what the repository's history says of one revision, beside the
// commit that is asked for.
type Ancestry struct {
	Holds Answer // the commit is the revision, or an ancestor of it
	Same  Answer // every path that the application reads is the same in both
}

// Ref names an object of a cluster. The API version is left out: it changes
// while the object stays.
type Ref struct {
	Group     string `json:"group,omitempty"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

func (r Ref) String() string {
	if r.Namespace == "" {
		return r.Kind + " " + r.Name
	}
	return r.Kind + " " + r.Namespace + "/" + r.Name
}

// Item is one value within an object.
type Item struct {
	Ref     Ref    `json:"ref"`
	Pointer string `json:"pointer"` // RFC 6901
	Value   string `json:"value"`   // a string as it is, anything else as JSON
}

// FullHash reports whether a revision is a commit's whole name and no branch,
// tag or shortened hash.
func FullHash(revision string) bool {
	if len(revision) != 40 && len(revision) != 64 {
		return false
	}
	return strings.Trim(revision, "0123456789abcdef") == ""
}

// SameRepo reports whether two addresses name one repository, however they are
// spelled: by https or ssh, with ".git" or without.
func SameRepo(a, b string) bool { return a != "" && repoKey(a) == repoKey(b) }

func repoKey(address string) string {
	key := strings.ToLower(strings.TrimSpace(address))
	scheme, rest, isURL := strings.Cut(key, "://")
	if isURL {
		key = rest
	}
	host, path, _ := strings.Cut(key, "/")
	if _, after, ok := strings.Cut(host, "@"); ok {
		host = after
	}
	if name, port, ok := strings.Cut(host, ":"); ok {
		switch {
		case !isURL: // git@host:path
			host, path = name, port+"/"+path
		case port == "443" && scheme == "https", port == "22" && scheme == "ssh", port == "80" && scheme == "http":
			host = name
		}
	}
	path = strings.TrimSuffix(strings.Trim(path, "/"), ".git")
	return host + "/" + path
}

// latest returns the last of some times.
func latest(times ...time.Time) time.Time {
	var last time.Time
	for _, t := range times {
		if t.After(last) {
			last = t
		}
	}
	return last
}

// short is a revision as it is said to people.
func short(revision string) string {
	if FullHash(revision) {
		return revision[:10]
	}
	return revision
}
