package flux

import (
	"promoter/detectors"
	"promoter/promoter"
)

// release reads a HelmRelease of helm-controller. One without a source is a
// patch of another file's release: its version waits for that one's chart.
func (o object) release() {
	spec := o.Get("spec", "chart", "spec")
	chart, version := spec.Get("chart"), spec.Get("version")
	source := sourceRef(spec.Get("sourceRef"))
	ref := sourceRef(o.Get("spec", "chartRef"))
	o.fact(o.Get("metadata", "name"), map[string]string{
		"chart": chart.Str(), "targetNamespace": o.Str("spec", "targetNamespace"),
		"source.kind": source.Kind, "source.namespace": source.Namespace, "source.name": source.Name,
		"chartRef.kind": ref.Kind, "chartRef.namespace": ref.Namespace, "chartRef.name": ref.Name,
	})
	p := o.pin()
	switch {
	case ref.Name != "":
	case source.Name == "":
		p.SourceRef = o.self()
		p.Artifact, p.Consumer = promoter.Artifact{Kind: promoter.Chart, Name: ""}, promoter.ByFlux
		if version.IsScalar() {
			o.add(p, version, chart)
		}
	default:
		o.chart(chart, version, source, "spec.chart")
	}
	values := o.pin()
	if source.Name == "" && ref.Name == "" {
		values.SourceRef = o.self()
	}
	o.images(o.Get("spec", "values"), values)
	for _, renderer := range o.Get("spec", "postRenderers").Items() {
		detectors.KustomizeImages(renderer.Get("kustomize", "images"), o.pin(), o.r)
		o.inlinePatches(renderer.Get("kustomize"))
	}
}

// chart reads a chart of a release or a HelmChart that names its source.
func (o object) chart(chart, version detectors.Cursor, source detectors.Ref, via string) {
	if !chart.IsScalar() {
		if version.IsScalar() {
			o.skip(version, "a version without a chart's name")
		}
		return
	}
	if source.Kind == "GitRepository" || source.Kind == "Bucket" {
		o.sourcePath(chart, chart.Node.Value, source, via)
		if version.IsScalar() && version.Node.Value != "*" {
			o.skip(version, "not read by Flux: the chart is a directory of a "+source.Kind)
		}
		return
	}
	p := o.pin()
	p.SourceRef = &source
	p.Artifact, p.Consumer = promoter.Artifact{Kind: promoter.Chart, Name: chart.Node.Value}, promoter.ByFlux
	o.add(p, version, chart)
}

// sourcePath records a path within a source for linking.
func (o object) sourcePath(at detectors.Cursor, p string, source detectors.Ref, via string) {
	if !at.IsScalar() || at.Unwritten() != "" {
		return
	}
	o.r.Facts = append(o.r.Facts, detectors.Fact{
		Kind: sourcePathFact, Name: p, Namespace: o.namespace, Place: at.Place(), Fields: map[string]string{
			"kind": source.Kind, "namespace": source.Namespace, "name": source.Name, "app": o.name, "via": via,
		},
	})
}

// sourceRef reads a reference to another object. Flux's default kind is that
// of charts from a repository.
func sourceRef(c detectors.Cursor) detectors.Ref {
	r := detectors.Ref{Kind: c.Str("kind"), Namespace: c.Str("namespace"), Name: c.Str("name")}
	if r.Kind == "" && r.Name != "" {
		r.Kind = "HelmRepository"
	}
	return r
}

// firstRelease reads a HelmRelease of the first Helm operator, which names its
// repository itself.
func (o object) firstRelease() {
	chart := o.Get("spec", "chart")
	repository, git := chart.Get("repository"), chart.Get("git")
	o.fact(o.Get("metadata", "name"), map[string]string{"chart": chart.Str("name"), "repository": repository.Str(), "git": git.Str()})
	p := o.pin()
	switch {
	case repository.IsScalar() && chart.Get("name").IsScalar():
		p.Artifact, p.Consumer = detectors.ChartArtifact(repository.Node.Value, chart.Str("name")), promoter.ByFlux
		if reason := unwritten(repository); reason != "" {
			o.skip(repository, reason)
			break
		}
		o.add(p, chart.Get("version"), chart.Get("name"))
	case git.IsScalar():
		o.gitChart(chart, git)
	case chart.Get("version").IsScalar():
		p.SourceRef = o.self()
		p.Artifact, p.Consumer = promoter.Artifact{Kind: promoter.Chart}, promoter.ByFlux
		o.add(p, chart.Get("version"), chart.Get("name"))
	}
	values := o.pin()
	if !repository.IsScalar() && !git.IsScalar() {
		values.SourceRef = o.self()
	}
	o.images(o.Get("spec", "values"), values)
}

func (o object) gitChart(chart, git detectors.Cursor) {
	if reason := unwritten(git); reason != "" {
		o.skip(git, reason)
		return
	}
	repo := detectors.CloneURL(git.Node.Value)
	if repo == "" {
		o.skip(git, "not an address of a Git repository")
		return
	}
	p := o.pin()
	p.Artifact, p.Consumer = detectors.GitArtifact(repo), promoter.ByGit
	o.add(p, chart.Get("ref"), git)
	if at := chart.Get("path"); at.IsScalar() {
		o.r.Links = append(o.r.Links, detectors.Link{
			From: at.Place(), App: o.name, To: clean(at.Node.Value), Repo: repo, Via: "spec.chart.path",
		})
	}
}

// inlinePatches reads the patches of a Kustomization or a post-renderer, in
// the forms that Flux's versions know.
func (o object) inlinePatches(c detectors.Cursor) {
	detectors.KustomizePatches(c.Get("patches"), o.pin(), o.r)
	for _, item := range c.Get("patchesStrategicMerge").Items() {
		detectors.Patch(item, detectors.Ref{}, o.pin(), o.r)
	}
	for _, item := range c.Get("patchesJson6902").Items() {
		t := item.Get("target")
		target := detectors.Ref{Kind: t.Str("kind"), Namespace: t.Str("namespace"), Name: t.Str("name")}
		detectors.Patch(item.Get("patch"), target, o.pin(), o.r)
	}
}
