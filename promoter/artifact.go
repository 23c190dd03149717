package promoter

import "strings"

// Kind says what sort of thing an artifact is, and with that where its
// releases are listed.
type Kind string

// The kinds of artifact.
const (
	Chart  Kind = "chart"  // a Helm chart, in an HTTP repository or an OCI registry
	Image  Kind = "image"  // a container image
	Git    Kind = "git"    // a Git repository used by tag, branch or commit
	Galaxy Kind = "galaxy" // an Ansible collection or role from a Galaxy server
)

// Artifact names one thing that has versions. Two pins of the same artifact
// have equal Artifact values: it is comparable and used as a key.
type Artifact struct {
	Kind Kind `json:"kind"`
	// Name is the chart's name ("redis"), the image's repository without its
	// registry ("library/nginx"), a Git repository's owner and name
	// ("fluxcd/flux2") or a Galaxy name ("community.general").
	Name string `json:"name"`
	// Source is where releases are listed: a chart repository's URL without a
	// trailing slash ("https://charts.example.com" or "oci://ghcr.io/org"), a
	// registry's host ("docker.io"), a Git repository's clone URL, a Galaxy
	// server's URL. Empty when the repository does not say.
	Source string `json:"source,omitempty"`
}

// OCI reports whether the artifact lives in an OCI registry.
func (a Artifact) OCI() bool {
	return a.Kind == Image || a.Kind == Chart && strings.HasPrefix(a.Source, "oci://")
}

// Ref is the artifact's full name as its users write it: "docker.io/library/nginx",
// "oci://ghcr.io/org/redis", "https://charts.example.com redis".
func (a Artifact) Ref() string {
	switch {
	case a.Source == "":
		return a.Name
	case a.Kind == Git:
		return a.Source
	case a.OCI():
		return a.Source + "/" + a.Name
	default:
		return a.Source + " " + a.Name
	}
}

func (a Artifact) String() string { return string(a.Kind) + " " + a.Ref() }
