package detectors

import (
	"bytes"
	"path"
	"strconv"
	"strings"

	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// ArgoReader reads specs of Argo CD Applications, wherever they stand: in an
// Application, in an ApplicationSet's template, in what a template renders.
type ArgoReader struct {
	File   *File
	Report *Report
	// With is a template for the pins: Detector, App, Cluster, Environment and
	// Place.Doc are kept.
	With Pin
	// Templated is told of each source whose version or artifact a template
	// writes, or that does not say what its version is of. When it is nil such
	// a source is a Skip.
	Templated func(s ArgoSource)
	// Partial is set for specs that others are merged with: what is absent
	// here is not missing.
	Partial bool
}

// ArgoSource is one source of an Application, with its texts as written:
// template expressions stand in them as they are.
type ArgoSource struct {
	Path     string // of the source: "spec.sources[1]"
	RepoURL  string
	Chart    string
	Dir      string // the source's path
	Revision string
	// RevisionPlace is where targetRevision stands or, without a range, where
	// it would.
	RevisionPlace promoter.Place

	at Cursor
}

// SkipTemplated begins the reason of every Skip of a version that a template
// writes; the expression follows.
const SkipTemplated = "templated: "

// Spec reads an Application's spec and returns what an Application's Fact says
// of it: project, destination, and each Git source as "repoURL" and "path"
// (from the second on "repoURL.1", …), with "recurse" where its directory is
// read with everything below.
func (a *ArgoReader) Spec(spec Cursor) map[string]string {
	fields := map[string]string{}
	put := func(key, value string) {
		if value != "" {
			fields[key] = value
		}
	}
	put("project", a.text(spec.Node.Get("project")))
	destination := spec.Node.Get("destination")
	put("destination.name", a.text(destination.Get("name")))
	put("destination.server", a.text(destination.Get("server")))
	put("destination.namespace", a.text(destination.Get("namespace")))
	var room [2]ArgoSource
	sources := a.sources(spec, room[:0])
	var refs map[string]ArgoSource
	for _, s := range sources {
		if ref := s.at.Str("ref"); ref != "" {
			if refs == nil {
				refs = map[string]ArgoSource{}
			}
			refs["$"+ref] = s
		}
	}
	git := 0
	for _, s := range sources {
		a.source(s, refs)
		if s.Chart != "" {
			put("chart", s.Chart)
			continue
		}
		suffix := ""
		if git > 0 {
			suffix = "." + strconv.Itoa(git)
		}
		put("repoURL"+suffix, s.RepoURL)
		put("path"+suffix, s.Dir)
		put("recurse"+suffix, a.text(s.at.Node.Get("directory", "recurse")))
		git++
	}
	return fields
}

// sources appends the sources that Argo CD reads to all: it ignores source
// where sources has items, and both beside a sourceHydrator.
func (a *ArgoReader) sources(spec Cursor, all []ArgoSource) []ArgoSource {
	if dry := spec.Get("sourceHydrator", "drySource"); dry.Node != nil {
		return append(all, a.read(dry))
	}
	if items := spec.Get("sources").Items(); len(items) > 0 {
		for _, item := range items {
			all = append(all, a.read(item))
		}
		return all
	}
	if source := spec.Get("source"); source.Node != nil {
		return append(all, a.read(source))
	}
	return all
}

func (a *ArgoReader) read(c Cursor) ArgoSource {
	s := ArgoSource{
		Path: c.Path, at: c,
		RepoURL: a.text(c.Node.Get("repoURL")), Chart: a.text(c.Node.Get("chart")),
		Dir: a.text(c.Node.Get("path")),
	}
	r := c.Get("targetRevision")
	s.Revision = a.text(r.Node)
	if r.Node != nil && r.Node.Kind == yamltree.Scalar {
		s.RevisionPlace = r.Place()
		if a.templated(r.Node) {
			s.RevisionPlace.Written = s.Revision
		}
		return s
	}
	// Nothing is written: the line is that of what the version belongs to, and
	// the empty range says that there is nothing to replace.
	near := c
	for _, key := range []string{"chart", "repoURL"} {
		if v := c.Get(key); v.Node != nil {
			near = v
			break
		}
	}
	s.RevisionPlace = near.Place()
	s.RevisionPlace.Path, s.RevisionPlace.Written = JoinKey(c.Path, "targetRevision"), ""
	s.RevisionPlace.Start = s.RevisionPlace.End
	return s
}

func (a *ArgoReader) source(s ArgoSource, refs map[string]ArgoSource) {
	if n := s.at.Node; n == nil || n.Kind != yamltree.Mapping {
		if a.File.Templated && n != nil {
			a.skip(s.RevisionPlace, SkipTemplated+"the whole source")
		}
		return
	}
	p, ok := s.Pin(a.With)
	switch {
	case a.Partial && s.Revision == "":
	case s.RepoURL == "" && s.Chart == "" && s.Revision == "":
		if a.File.Templated {
			a.skip(s.RevisionPlace, SkipTemplated+"the whole source")
		}
	case ok && s.Reason() == "":
		a.Report.Pins = append(a.Report.Pins, p)
	case a.Templated != nil:
		a.Templated(s)
	default:
		a.skip(s.RevisionPlace, s.Reason())
	}
	a.links(s, refs)
	a.helm(s)
	a.kustomize(s)
}

// Reason says why a source cannot be read as it stands: a template writes it,
// or it does not say what its version is of. It is "" for others.
func (s ArgoSource) Reason() string {
	for _, text := range []string{s.Revision, s.Chart, s.RepoURL} {
		if IsTemplate(text) {
			return SkipTemplated + text
		}
	}
	if s.RepoURL == "" {
		return "a source without repoURL"
	}
	return ""
}

// Pin is the pin that a source is, for texts that are all known. It reports
// false for a source that names nothing.
func (s ArgoSource) Pin(with Pin) (Pin, bool) {
	p := with
	p.Place, p.Consumer, p.Version = s.RevisionPlace, promoter.ByArgoCD, s.Revision
	if s.RepoURL == "" {
		return p, false
	}
	if artifact, ok := argoChart(s.RepoURL, s.Chart); ok {
		p.Artifact, p.Form = artifact, promoter.Classify(promoter.Chart, promoter.ByArgoCD, s.Revision)
		if p.Form == promoter.Digest {
			p.Version, p.Digest = "", s.Revision
		}
		return p, true
	}
	p.Artifact = GitArtifact(s.RepoURL)
	p.Form, p.Version = ArgoGitForm(s.Revision)
	return p, true
}

// argoChart names the chart of a source: in a registry when the URL says
// oci:// or has no scheme at all, which is how Argo CD tells them apart.
func argoChart(repoURL, chart string) (promoter.Artifact, bool) {
	oci := strings.HasPrefix(repoURL, "oci://")
	switch {
	case chart == "" && !oci:
		return promoter.Artifact{}, false
	case !oci && !strings.Contains(repoURL, "://"):
		repoURL = "oci://" + repoURL
	}
	return ChartArtifact(repoURL, chart), true
}

// links records what a source makes part of the Application: its directory,
// and values files of this or a referenced source.
func (a *ArgoReader) links(s ArgoSource, refs map[string]ArgoSource) {
	add := func(c Cursor, url, to, via string) {
		if to = strings.TrimLeft(path.Clean("/"+to), "/"); to == "" {
			to = "."
		}
		a.Report.Links = append(a.Report.Links, Link{From: c.Place(), App: a.With.App, To: to, Repo: url, Via: via})
	}
	// An OCI artifact's path lies within it, like a chart's.
	packed := s.Chart != "" || strings.HasPrefix(s.RepoURL, "oci://")
	if !packed && s.Dir != "" && s.RepoURL != "" && !IsTemplate(s.Dir) && !IsTemplate(s.RepoURL) {
		add(s.at.Get("path"), s.RepoURL, s.Dir, "source.path")
	}
	for _, c := range s.at.Get("helm", "valueFiles").Items() {
		file := a.text(c.Node)
		if file == "" || IsTemplate(file) || strings.Contains(file, "://") {
			continue
		}
		from, rest := s, file
		if ref, tail, ok := strings.Cut(file, "/"); ok && strings.HasPrefix(ref, "$") {
			// $ref points to the root of the other source's repository.
			if from, ok = refs[ref]; !ok {
				continue
			}
			rest = "/" + tail
		} else if packed {
			continue // a file within the archive
		}
		if from.RepoURL == "" || IsTemplate(from.RepoURL+from.Dir) || strings.Contains(rest, "$") {
			continue
		}
		if !strings.HasPrefix(rest, "/") {
			rest = from.Dir + "/" + rest
		}
		add(c, from.RepoURL, rest, "valueFiles")
	}
}

// text is a scalar's value, or its template expression as written.
func (a *ArgoReader) text(n *yamltree.Node) string {
	if n == nil || n.Kind != yamltree.Scalar || n.IsNull() {
		return ""
	}
	if a.templated(n) {
		return strings.Trim(string(a.File.Data[n.Start:n.End]), `"'`)
	}
	return strings.TrimSpace(n.Value)
}

func (a *ArgoReader) templated(n *yamltree.Node) bool {
	return a.File.Templated && bytes.Contains(a.File.Data[n.Start:n.End], []byte("{{"))
}

// IsTemplate reports whether a text holds a template's expression.
func IsTemplate(s string) bool { return strings.Contains(s, "{{") }

func (a *ArgoReader) skip(p promoter.Place, reason string) {
	a.Report.Skips = append(a.Report.Skips, Skip{Place: p, Detector: a.With.Detector, Reason: reason})
}

// ArgoCluster is the name of the cluster that a destination's fields say: its
// name, "in-cluster" for the cluster that Argo CD itself runs in, or the
// server's URL. Empty when a template says it.
func ArgoCluster(fields map[string]string) string {
	name := fields["destination.name"]
	if name == "" {
		name = fields["destination.server"]
	}
	switch {
	case IsTemplate(name):
		return ""
	case name == "https://kubernetes.default.svc":
		return "in-cluster"
	}
	return name
}

// Patch reads a templatePatch: a scalar that holds part of an Application as
// YAML, often with template actions between its lines.
func (a *ArgoReader) Patch(c Cursor) {
	if !c.IsScalar() {
		return
	}
	start, end, ok := a.body(c.Node)
	if !ok {
		a.skip(c.Place(), "YAML in a quoted or folded scalar: its bytes cannot be located")
		return
	}
	data, _ := yamltree.MaskTemplates(a.File.Data)
	docs, errs := yamltree.ParseRange(data, start, end)
	for _, e := range errs {
		place := c.Place()
		place.Line = e.Line
		a.skip(place, "YAML in a scalar that cannot be read")
	}
	for _, d := range docs {
		if d.Root == nil {
			continue
		}
		at := c.Path + "|"
		inner := Cursor{File: c.File, Doc: c.Doc, Node: d.Root.Resolve(), Path: at, root: d.Root, rootPath: at}
		if spec := inner.Get("spec"); spec.Node != nil {
			a.Spec(spec)
		}
	}
}
