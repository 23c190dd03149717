package promoter

import (
	"fmt"
	"strings"
)

// Form says how a pin's version is written, and with that what a newer
// release means for it.
type Form string

// The forms of a pin.
const (
	Exact    Form = "exact"    // one version: "1.2.3"
	Range    Form = "range"    // a constraint: "^1.2", ">=1 <2", "1.x"
	Floating Form = "floating" // a name that moves: "latest", "main", "HEAD"
	Commit   Form = "commit"   // a commit's hash
	Digest   Form = "digest"   // a content digest and no version beside it
	Missing  Form = "missing"  // no version is written; the consumer's default applies
)

// Consumer says whose rules give the written version its meaning: "1.2" is one
// version to Argo CD and a range to Helm.
type Consumer string

// The consumers of a pin.
const (
	ByArgoCD    Consumer = "argocd"    // Application source: an exact version first, then a constraint; Git: tag, branch or commit
	ByHelm      Consumer = "helm"      // Chart.yaml dependency, helmfile, kustomize helmCharts: a Helm constraint
	ByFlux      Consumer = "flux"      // HelmRelease, HelmChart: a Masterminds constraint
	ByFluxOCI   Consumer = "flux-oci"  // OCIRepository ref: tag, semver or digest, taken literally
	ByContainer Consumer = "container" // an image tag, taken literally
	ByGit       Consumer = "git"       // a tag, branch or commit, taken literally
	ByProduct   Consumer = "product"   // a resource's spec.version: the project's tag may have a "v" that is left out here
	ByGalaxy    Consumer = "galaxy"    // ansible-galaxy's requirement
	ByUser      Consumer = "user"      // the user's own extractor said so
)

// Place is where something is written: a scalar of a file.
type Place struct {
	File string `json:"file"`           // slash-separated, relative to the repository's root
	Line int    `json:"line"`           // 1-based line of the scalar's first byte
	Doc  int    `json:"doc,omitempty"`  // 0-based index of the YAML document in the file
	Path string `json:"path,omitempty"` // "spec.sources[0].targetRevision"; "|" enters YAML embedded in a block scalar
	// Start and End are the byte range of the scalar's source text in the
	// file, quotes included.
	Start int `json:"start"`
	End   int `json:"end"`
	// Written is the scalar's decoded value: without quotes, whole.
	Written string `json:"written"`
}

// String is "file:line"; the file alone where the whole of it is meant.
func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Pin is an artifact's version written at a place.
type Pin struct {
	Artifact Artifact `json:"artifact"`
	// Version is the version part as written: "1.2.3", "v2", "^1.2", "latest";
	// empty for a Missing pin and one with a digest alone.
	Version  string   `json:"version"`
	Digest   string   `json:"digest,omitempty"` // "sha256:…" pinned with or instead of the version
	Form     Form     `json:"form"`
	Consumer Consumer `json:"consumer"`

	Place Place `json:"place"`
	// DigestPlace is set when the digest is a scalar of its own.
	DigestPlace *Place `json:"digestPlace,omitempty"`

	App         string `json:"app,omitempty"`         // Application, HelmRelease or other unit that deploys it
	Environment string `json:"environment,omitempty"` // as far as the repository says
	Cluster     string `json:"cluster,omitempty"`     // as far as the repository says
	Tenant      string `json:"tenant,omitempty"`      // as far as the repository says

	Detector string `json:"detector"` // the detector that found it
}

// Rewrite returns what the scalar at p.Place must read for the pin to be at
// the given version and digest: the text around the version stays. The digest
// is written only where one is written in the same scalar now.
func (p Pin) Rewrite(version, digest string) (string, error) {
	w := p.Place.Written
	if p.Digest != "" && p.DigestPlace == nil {
		if digest == "" {
			return "", fmt.Errorf("rewrite %q: a digest is pinned and no new one is known", w)
		}
		if strings.Count(w, p.Digest) != 1 {
			return "", fmt.Errorf("rewrite %q: digest %q does not stand in it exactly once", w, p.Digest)
		}
		w = strings.Replace(w, p.Digest, digest, 1)
	}
	if p.Version == "" || p.Version == version {
		return w, nil
	}
	i, err := p.versionAt()
	if err != nil {
		return "", err
	}
	return w[:i] + version + w[i+len(p.Version):], nil
}

// versionAt is the offset of the version in the written scalar. Everything
// that may follow a version ("@sha256:…", "/file.yaml", "&timeout=…") and
// precede it ("name:", "?ref=") is known, so the right one of several equal
// texts is the last that ends before a digest, query or path separator.
func (p Pin) versionAt() (int, error) {
	w := p.Place.Written
	if w == p.Version {
		return 0, nil
	}
	head := w
	if i := strings.IndexByte(head, '@'); i >= 0 && p.Digest != "" {
		head = head[:i]
	}
	for end := len(head); end >= len(p.Version); {
		i := strings.LastIndex(head[:end], p.Version)
		if i < 0 {
			break
		}
		if i > 0 && strings.IndexByte(":=/@-_ \"'", head[i-1]) >= 0 || i == 0 {
			return i, nil
		}
		end = i + len(p.Version) - 1
	}
	return 0, fmt.Errorf("rewrite %q: version %q does not stand in it", w, p.Version)
}
