package layout

import (
	"net/url"
	"strings"
)

// Unit is what the repository says about the Application, release or other
// unit that deploys a pin. Every field is as written and may be empty.
type Unit struct {
	Name        string // the unit's own name
	Namespace   string // the namespace it deploys to
	Cluster     string // its destination's name
	Server      string // its destination's URL, where no name is given
	Environment string // a label, annotation or generator parameter that says so
	Tenant      string // the same for the tenant
}

// Place joins what a pin's path and its unit say. What is spelled out goes
// before what is named, and what is named before what a path implies:
//
//   - environment: the unit's own word, its destination, the path, the unit's
//     name and namespace, parts of the path's names;
//   - cluster: the destination, then the path;
//   - tenant: the unit's own word, then the path.
func (r *Reader) Place(file string, u Unit) Placement {
	got, level := r.fromPath(file)
	path := got.Environment

	cluster := u.destination()
	if cluster != "" {
		got.Cluster = cluster
	}
	if w := written(u.Tenant); w != "" {
		got.Tenant = w
	}
	spelled := written(u.Environment)
	if w := Canonical(spelled); w != "" {
		spelled = w
	}
	if level < whole {
		path = ""
	}
	got.Environment = first(
		spelled,
		FromName(cluster).Environment,
		path,
		agreed(FromName(written(u.Name)).Environment, FromName(written(u.Namespace)).Environment),
		got.Environment,
	)
	return got
}

// destination is the cluster's name. "in-cluster" and the API server's own
// service name say "here", which is a name for nothing.
func (u Unit) destination() string {
	if name := written(u.Cluster); name != "" {
		if name == "in-cluster" {
			return ""
		}
		return name
	}
	server := written(u.Server)
	if server == "" {
		return ""
	}
	at, err := url.Parse(server)
	if err != nil || strings.HasPrefix(at.Hostname(), "kubernetes.default") {
		return ""
	}
	return at.Hostname()
}

// written is s, or "" when a template will decide what stands there.
func written(s string) string {
	if strings.Contains(s, "{{") || strings.Contains(s, "${") || strings.Contains(s, "____") {
		return ""
	}
	return s
}

func first(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}

// agreed is the word that both say, or the one that only one says.
func agreed(a, b string) string {
	switch {
	case a == "" || a == b:
		return b
	case b == "":
		return a
	}
	return ""
}
