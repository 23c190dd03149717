package flux

import (
	"path"
	"strings"

	"promoter/detectors"
	"promoter/promoter"
)

// source reads an object of source-controller.
func (o object) source() {
	switch o.kind {
	case "HelmRepository":
		url := o.Get("spec", "url")
		o.fact(url, map[string]string{"url": url.Str(), "type": o.Str("spec", "type")})
	case "HelmChart":
		o.fact(o.Get("metadata", "name"), map[string]string{"chart": o.Str("spec", "chart")})
		spec := o.Get("spec")
		source := sourceRef(spec.Get("sourceRef"))
		if source.Name != "" {
			o.chart(spec.Get("chart"), spec.Get("version"), source, "spec.chart")
		} else if spec.Get("version").IsScalar() {
			p := o.pin()
			p.SourceRef = o.self()
			p.Artifact, p.Consumer = promoter.Artifact{Kind: promoter.Chart}, promoter.ByFlux
			o.add(p, spec.Get("version"), spec.Get("chart"))
		}
	case "OCIRepository":
		o.ociRepository()
	case "GitRepository":
		o.gitRepository()
	}
}

// ociRepository reads an artifact of a registry. What is in it shows only in
// who uses it: until linking it is a chart where its media type says so, and
// otherwise an artifact like an image.
func (o object) ociRepository() {
	url, ref := o.Get("spec", "url"), o.Get("spec", "ref")
	o.fact(url, map[string]string{"url": url.Str()})
	p := o.pin()
	p.Consumer = promoter.ByFluxOCI
	media := o.Str("spec", "layerSelector", "mediaType")
	switch {
	case !url.IsScalar():
		p.Artifact, p.SourceRef = promoter.Artifact{Kind: promoter.Chart}, o.self()
		if ref.Node == nil {
			return
		}
	case unwritten(url) != "":
		o.skip(firstScalar(ref.Get("tag"), ref.Get("semver"), ref.Get("digest"), url), unwritten(url))
		return
	case strings.Contains(media, "helm.chart"):
		p.Artifact = detectors.ChartArtifact(url.Node.Value, "")
	default:
		artifact, ok := ociImage(url.Node.Value)
		if !ok {
			o.skip(url, "not an address of an artifact in a registry")
			return
		}
		p.Artifact = artifact
	}
	tag, semver, digest := ref.Get("tag"), ref.Get("semver"), ref.Get("digest")
	switch {
	case digest.IsScalar() && !tag.IsScalar(): // goes before a semver
		if reason := unwritten(digest); reason != "" {
			o.skip(digest, reason)
			return
		}
		p.Digest, p.Form, p.Place = digest.Node.Value, promoter.Digest, digest.Place()
		o.r.Pins = append(o.r.Pins, p)
	case semver.IsScalar() && !digest.IsScalar(): // goes before a tag
		o.constraint(p, semver)
	default:
		o.tag(p, tag, digest, url)
	}
}

// constraint reports a semver constraint over tags.
func (o object) constraint(p detectors.Pin, at detectors.Cursor) {
	if reason := unwritten(at); reason != "" {
		o.skip(at, reason)
		return
	}
	p.Version, p.Place = strings.TrimSpace(at.Node.Value), at.Place()
	if p.Form = promoter.Classify(promoter.Chart, promoter.ByFlux, p.Version); p.Form == promoter.Floating {
		o.skip(at, "not a version, and not a range of versions")
		return
	}
	o.r.Pins = append(o.r.Pins, p)
}

// tag reports a tag with the digest beside it or, by mistake or habit, within
// it ("1.2.3@sha256:…").
func (o object) tag(p detectors.Pin, tag, digest, url detectors.Cursor) {
	if tag.IsScalar() && unwritten(tag, digest) == "" {
		if version, inline, ok := strings.Cut(tag.Node.Value, "@"); ok {
			p.Version, p.Digest, p.Place = version, inline, tag.Place()
			p.Form = promoter.Classify(p.Artifact.Kind, p.Consumer, version)
			o.r.Pins = append(o.r.Pins, p)
			return
		}
		if digest.IsScalar() {
			place := digest.Place()
			p.Digest, p.DigestPlace = strings.TrimSpace(digest.Node.Value), &place
		}
	}
	if !tag.IsScalar() && !url.IsScalar() {
		return
	}
	o.add(p, tag, url)
}

// gitRepository reads a Git repository in the order in which Flux reads its
// ref: commit, name, semver, tag, branch.
func (o object) gitRepository() {
	url, ref := o.Get("spec", "url"), o.Get("spec", "ref")
	o.fact(url, map[string]string{"url": url.Str()})
	p := o.pin()
	p.Artifact, p.Consumer = promoter.Artifact{Kind: promoter.Git}, promoter.ByGit
	at := firstScalar(ref.Get("commit"), ref.Get("name"), ref.Get("semver"), ref.Get("tag"), ref.Get("branch"))
	if url.IsScalar() {
		repo := detectors.CloneURL(url.Node.Value)
		if reason := unwritten(url); reason != "" || repo == "" {
			if reason == "" {
				reason = "not an address of a Git repository"
			}
			o.skip(firstScalar(at, url), reason)
			return
		}
		p.Artifact = detectors.GitArtifact(repo)
	} else {
		p.SourceRef = o.self()
		if !at.IsScalar() {
			return
		}
	}
	switch {
	case at.IsScalar() && at.Node == ref.Get("semver").Node:
		p.Consumer = promoter.ByFlux
		o.constraint(p, at)
	case at.IsScalar() && at.Node == ref.Get("branch").Node && unwritten(at) == "":
		p.Version, p.Form, p.Place = at.Node.Value, promoter.Floating, at.Place()
		o.r.Pins = append(o.r.Pins, p)
	case at.IsScalar() && at.Node == ref.Get("name").Node && unwritten(at) == "":
		p.Version, p.Place = at.Node.Value, at.Place()
		p.Form = promoter.Floating
		if tag, ok := strings.CutPrefix(p.Version, "refs/tags/"); ok {
			p.Version, p.Form = tag, promoter.Classify(promoter.Git, promoter.ByGit, tag)
		} else if branch, ok := strings.CutPrefix(p.Version, "refs/heads/"); ok {
			p.Version = branch
		}
		o.r.Pins = append(o.r.Pins, p)
	default:
		o.add(p, at, url)
	}
}

// ociImage names an artifact of a registry that is no chart.
func ociImage(url string) (promoter.Artifact, bool) {
	rest, ok := strings.CutPrefix(url, "oci://")
	if !ok {
		return promoter.Artifact{}, false
	}
	ref, ok := detectors.ParseImage(strings.TrimRight(rest, "/"))
	if !ok || ref.Tag != "" || ref.Digest != "" {
		return promoter.Artifact{}, false
	}
	return ref.Artifact(), true
}

// firstScalar is the first cursor that something is written at, or the last.
func firstScalar(cursors ...detectors.Cursor) detectors.Cursor {
	for _, c := range cursors {
		if c.IsScalar() {
			return c
		}
	}
	return cursors[len(cursors)-1]
}

// clean makes a path of a Flux object relative to its source's root.
func clean(p string) string {
	if p = strings.TrimPrefix(path.Clean("/"+p), "/"); p == "" {
		return "."
	}
	return p
}
