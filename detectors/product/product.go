// Package product reads the versions of software that a custom resource names
// without naming its image: spec.version of an Elasticsearch, the Kubernetes
// of an upgrade Plan or a cluster's control plane, the Flux of a FluxInstance.
// A table says where each product's versions are listed.
//
// It refuses products that are not in the table: a field "version" may mean
// anything.
package product

import (
	"path"
	"strings"

	"promoter/detectors"
	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// channel is the reason for a Plan that follows a channel instead of a version.
const channel = "the plan follows a release channel: its version is not written here"

// Detector finds products in custom resources. The zero value is ready.
type Detector struct{}

// Name is "product".
func (Detector) Name() string { return "product" }

// Detect reads the objects of f, a flux-operator instance in Helm values, and
// talhelper's description of a Talos cluster.
func (Detector) Detect(f *detectors.File, r *detectors.Report) {
	for _, d := range f.Docs {
		if d.Root == nil || d.Root.Kind != yamltree.Mapping {
			continue
		}
		if d.APIVersion == "" || d.Kind == "" {
			c := detectors.At(f, d)
			instance(c, "", r)
			if base := path.Base(f.Path); base == "talconfig.yaml" || base == "talconfig.yml" {
				add(c.Get("talosVersion"), talos, template(c), r)
				add(c.Get("kubernetesVersion"), kubelet, template(c), r)
			}
			continue
		}
		object(detectors.At(f, d), r, 0)
	}
}

func object(obj detectors.Cursor, r *detectors.Report, depth int) {
	group, _, _ := strings.Cut(obj.Str("apiVersion"), "/")
	kind := obj.Str("kind")
	switch {
	case strings.HasSuffix(kind, "List") && depth < 2:
		for _, item := range obj.Get("items").Items() {
			object(item, r, depth+1)
		}
	case group == "upgrade.cattle.io" && kind == "Plan":
		plan(obj, r)
	case group == "helm.cattle.io":
		helmChart(obj, r)
	case group == "helm.toolkit.fluxcd.io" && kind == "HelmRelease":
		instance(obj.Get("spec", "values"), obj.Str("metadata", "name"), r)
	default:
		for i := range table {
			if p := &table[i]; p.group == group && p.kind == kind {
				p.read(obj, r)
			}
		}
	}
}

// template is what all pins of an object have in common.
func template(obj detectors.Cursor) detectors.Pin {
	var with detectors.Pin
	with.Detector, with.App, with.Place.Doc = Detector{}.Name(), obj.Str("metadata", "name"), obj.Doc
	return with
}

func (p *product) read(obj detectors.Cursor, r *detectors.Report) {
	at := []detectors.Cursor{obj}
	for step := range strings.SplitSeq(p.path, ".") {
		key, each := strings.CutSuffix(step, "[]")
		var next []detectors.Cursor
		for _, c := range at {
			if c = c.Get(key); each {
				next = append(next, c.Items()...)
			} else if c.Node != nil {
				next = append(next, c)
			}
		}
		at = next
	}
	for _, c := range at {
		if artifact, ok := p.artifactFor(obj, c); ok {
			add(c, artifact, template(obj), r)
		}
	}
}

func (p *product) artifactFor(obj, version detectors.Cursor) (promoter.Artifact, bool) {
	if p.choose != nil {
		return p.choose(obj, version)
	}
	return p.artifact, true
}

// add reports a version's scalar as a pin of an artifact.
func add(c detectors.Cursor, artifact promoter.Artifact, with detectors.Pin, r *detectors.Report) {
	if !c.IsScalar() {
		return
	}
	if reason := c.Unwritten(); reason != "" {
		skip(c, reason, r)
		return
	}
	with.Artifact, with.Place = artifact, c.Place()
	with.Version = strings.TrimSpace(c.Node.Value)
	with.Consumer = promoter.ByContainer
	if artifact.Kind == promoter.Git {
		with.Consumer = promoter.ByProduct
	}
	if tag, digest, ok := strings.Cut(with.Version, "@"); ok && artifact.Kind == promoter.Image {
		with.Version, with.Digest = tag, digest
	}
	with.Form = promoter.Classify(artifact.Kind, with.Consumer, with.Version)
	r.Pins = append(r.Pins, with)
}

func skip(c detectors.Cursor, reason string, r *detectors.Report) {
	r.Skips = append(r.Skips, detectors.Skip{Place: c.Place(), Detector: Detector{}.Name(), Reason: reason})
}

// plan reads a Plan of Rancher's system-upgrade-controller. It runs the image
// with the version as its tag, so the image says which product it is.
func plan(obj detectors.Cursor, r *detectors.Report) {
	spec := obj.Get("spec")
	written := false
	for _, step := range [...]string{"upgrade", "prepare"} {
		image := spec.Get(step, "image")
		if !image.IsScalar() {
			continue
		}
		ref, ok := detectors.ParseImage(strings.TrimSpace(image.Node.Value))
		if !ok || ref.Tag != "" || ref.Digest != "" {
			section := spec.Get(step)
			detectors.Images(obj.File, section.Node, section.Path, template(obj), r)
			written = written || step == "upgrade"
		}
	}
	version := spec.Get("version")
	if !version.IsScalar() {
		if c := spec.Get("channel"); c.IsScalar() && !written {
			skip(c, channel, r)
		}
		return
	}
	if artifact, ok := planned(spec.Str("upgrade", "image"), version.Node.Value); ok {
		add(version, artifact, template(obj), r)
		return
	}
	skip(version, "no image says which product the plan upgrades", r)
}

func planned(image, version string) (promoter.Artifact, bool) {
	switch {
	case strings.Contains(version, "+k3s"):
		return k3s, true
	case strings.Contains(version, "+rke2"):
		return rke2, true
	}
	ref, ok := detectors.ParseImage(strings.TrimSpace(image))
	if !ok {
		return promoter.Artifact{}, false
	}
	switch name := ref.Repository[strings.LastIndexByte(ref.Repository, '/')+1:]; {
	case name == "k3s-upgrade":
		return k3s, true
	case name == "rke2-upgrade":
		return rke2, true
	case name == "talosctl", strings.HasPrefix(name, "talos"), name == "tnu", name == "installer":
		if strings.HasPrefix(version, "v1.") {
			return talos, true
		}
	}
	return ref.Artifact(), true
}

// instance reads the values of the chart flux-instance, which are a
// FluxInstance without its header.
func instance(values detectors.Cursor, app string, r *detectors.Report) {
	distribution := values.Get("instance", "distribution")
	if distribution.Node == nil || distribution.Node.Kind != yamltree.Mapping {
		return
	}
	with := template(values)
	with.App = app
	add(distribution.Get("version"), flux, with, r)
}
