// Package flux finds what Flux deploys: charts of HelmReleases and HelmCharts,
// OCI artifacts, Git repositories, the images in releases' values and in
// Kustomizations, and Flux itself. As a [detectors.Linker] it joins a release
// with the repository that it names, and a variable with the Kustomization
// that substitutes it.
//
// It refuses to guess where several objects could be meant and say different
// things: such a version is a Skip that says so.
package flux

import (
	"strings"

	"promoter/detectors"
	"promoter/promoter"
)

// Detector finds the pins of Flux's objects.
type Detector struct{}

const name = "flux"

// Name is "flux".
func (Detector) Name() string { return name }

// The kinds of Fact that are not an object's own.
const (
	// substituteFact is a variable of a Kustomization's postBuild: Name is
	// the variable, Place its value. It belongs to the Kustomization of the
	// same document.
	substituteFact = "substitute"
	// sourcePathFact is a path within another object's source: Name is the
	// path, Fields are the source's "kind", "namespace" and "name", "app" and
	// "via". Linking turns it into a Link.
	sourcePathFact = "source-path"
	// policyFact is an image policy marker: Namespace and Name are the
	// policy's, Fields say which "part" of an image the scalar is.
	policyFact = "imagepolicy"
	// matchFact says that an object was found by its name alone, because a
	// namespace is not written: Fields are its "kind" and what it "says".
	matchFact = "matched-by-name"
)

// Detect reads Flux's objects wherever they stand: as documents, in Lists, in
// ResourceSets.
func (Detector) Detect(f *detectors.File, r *detectors.Report) {
	version(f, r)
	for _, d := range f.Docs {
		if d.Document == nil || d.Root == nil {
			continue
		}
		detect(detectors.At(f, d), r)
	}
	markers(f, r)
}

// detect reads one object.
func detect(c detectors.Cursor, r *detectors.Report) {
	o := object{
		Cursor: c, r: r, kind: c.Str("kind"),
		name: c.Str("metadata", "name"), namespace: c.Str("metadata", "namespace"),
	}
	group, _, _ := strings.Cut(c.Str("apiVersion"), "/")
	switch group {
	case "helm.toolkit.fluxcd.io":
		if o.kind == "HelmRelease" {
			o.release()
		}
	case "helm.fluxcd.io", "flux.weave.works":
		if o.kind == "HelmRelease" || o.kind == "FluxHelmRelease" {
			o.firstRelease()
		}
	case "source.toolkit.fluxcd.io":
		o.source()
	case "kustomize.toolkit.fluxcd.io":
		if o.kind == "Kustomization" {
			o.kustomization()
		}
	case "fluxcd.controlplane.io":
		switch o.kind {
		case "FluxInstance":
			o.instance()
		case "ResourceSet":
			o.resourceSet()
		}
	case "image.toolkit.fluxcd.io":
		o.imageAutomation()
	case "v1":
		switch o.kind {
		case "List":
			for _, item := range o.Get("items").Items() {
				detect(item, r)
			}
		case "ConfigMap", "Secret":
			o.configMap()
		}
	}
}

// object is one Kubernetes object under a cursor.
type object struct {
	detectors.Cursor
	r                     *detectors.Report
	kind, name, namespace string
}

// pin is what every pin of the object begins with.
func (o object) pin() detectors.Pin {
	return detectors.Pin{Pin: promoter.Pin{Detector: name, App: o.name, Place: promoter.Place{Doc: o.Doc}}}
}

// self refers to the object.
func (o object) self() *detectors.Ref {
	return &detectors.Ref{Kind: o.kind, Namespace: o.namespace, Name: o.name}
}

func (o object) skip(at detectors.Cursor, reason string) {
	o.r.Skips = append(o.r.Skips, detectors.Skip{Place: at.Place(), Detector: name, Reason: reason})
}

// fact records the object under its kind; its place is that of the given
// scalar, or of its name where that is not written.
func (o object) fact(at detectors.Cursor, fields map[string]string) {
	if !at.IsScalar() {
		if at = o.Get("metadata", "name"); !at.IsScalar() {
			return
		}
	}
	for k, v := range fields {
		if v == "" {
			delete(fields, k)
		}
	}
	o.r.Facts = append(o.r.Facts, detectors.Fact{Kind: o.kind, Namespace: o.namespace, Name: o.name, Fields: fields, Place: at.Place()})
}

// add reports the version at the cursor, or without one a Missing pin at the
// scalar that it belongs to. p holds artifact and consumer.
func (o object) add(p detectors.Pin, version, owner detectors.Cursor) {
	at := version
	if !version.IsScalar() {
		at = owner
	}
	if reason := unwritten(version, owner); reason != "" {
		o.skip(at, reason)
		return
	}
	p.Place = at.Place()
	if version.IsScalar() {
		p.Version = strings.TrimSpace(version.Node.Value)
	}
	p.Form = promoter.Classify(p.Artifact.Kind, p.Consumer, p.Version)
	if p.Form == promoter.Floating && p.Consumer == promoter.ByFlux {
		o.skip(at, "not a version, and not a range of versions")
		return
	}
	o.r.Pins = append(o.r.Pins, p)
}

// unwritten says why one of the scalars is not what it reads.
func unwritten(cursors ...detectors.Cursor) string {
	for _, c := range cursors {
		if c.IsScalar() {
			if reason := c.Unwritten(); reason != "" {
				return reason
			}
		}
	}
	return ""
}

// images finds the images below a cursor.
func (o object) images(c detectors.Cursor, with detectors.Pin) {
	if c.Node == nil {
		return
	}
	before := len(o.r.Pins)
	detectors.Images(o.File, c.Node, c.Path, with, o.r)
	for i := before; i < len(o.r.Pins); i++ {
		p := &o.r.Pins[i]
		if p.Artifact.Name != "" {
			p.SourceRef = nil
		}
		// An alias of what stands outside is pinned there.
		if p.Place.Start < c.Node.Start || p.Place.Start >= c.Node.End {
			if at := c.PathAt(p.Place.Start); at != "" {
				p.Place.Path = at
			}
		}
	}
}
