// Package helmfile reads helmfiles: the charts that their releases pin, joined
// with the repositories that the same set of files names, the images in inline
// values, and the files that belong to them. A file is a helmfile by what it
// holds, so that bases and fragments are read whatever they are called.
//
// It refuses to run templates: they are masked, and a version or chart that
// one writes is a Skip. A repository that no file names is one too.
package helmfile

import (
	"path"
	"strings"

	"promoter/detectors"
	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// Reasons of the Skips.
const (
	noAlias   = "no helmfile of this repository names the chart's repository"
	archive   = "a chart's archive behind a URL, whose releases are not listed anywhere"
	gitCharts = "the chart repository is a Git URL, which needs a Helm plug-in"
	badChart  = "the chart is neither a path, a URL nor repository/name"
)

// The kinds of Facts and of a pin's SourceRef.
const (
	RepositoryKind = "HelmfileRepository"
	ReleaseKind    = "HelmfileRelease"
)

// Detector finds releases of helmfiles. The zero value is ready.
type Detector struct{}

// Name is "helmfile".
func (Detector) Name() string { return "helmfile" }

// Detect reads f if it is a helmfile or a part of one.
func (Detector) Detect(f *detectors.File, r *detectors.Report) {
	read := reader{r: r, dir: path.Dir(f.Path), repositories: map[string]string{}}
	var docs []detectors.Cursor
	for _, d := range f.Docs {
		if d.Root == nil || d.APIVersion != "" || d.Kind != "" {
			continue
		}
		if c := detectors.At(f, d); isHelmfile(f.Path, c) {
			docs = append(docs, c)
		}
	}
	for _, d := range docs { // a later document may use what an earlier one names, and templates the reverse
		read.repos(d.Get("repositories"))
	}
	for _, d := range docs {
		read.links(d)
		for _, release := range d.Get("releases").Items() {
			read.release(release)
		}
	}
}

// isHelmfile tells by the shape of its lists whether a document is a part of a
// helmfile, and by the file's name where it has none of them.
func isHelmfile(file string, doc detectors.Cursor) bool {
	if doc.Node == nil || doc.Node.Kind != yamltree.Mapping {
		return false
	}
	if strings.HasPrefix(path.Base(file), "helmfile.") || path.Base(path.Dir(file)) == "helmfile.d" {
		return true
	}
	for _, release := range doc.Get("releases").Items() {
		if release.Get("chart").IsScalar() && release.Get("name").IsScalar() || release.Node.Get("<<") != nil {
			return true
		}
	}
	for _, repo := range doc.Get("repositories").Items() {
		if repo.Get("name").IsScalar() && repo.Get("url").IsScalar() {
			return true
		}
	}
	return false
}

type reader struct {
	r            *detectors.Report
	dir          string
	repositories map[string]string // URL by name, of this file
}

func (read *reader) repos(list detectors.Cursor) {
	for _, item := range list.Items() {
		name, url := item.Get("name"), item.Get("url")
		if !name.IsScalar() || !url.IsScalar() || name.Unwritten() != "" || url.Unwritten() != "" {
			continue
		}
		address := strings.TrimRight(strings.TrimSpace(url.Node.Value), "/")
		if item.Str("oci") == "true" && !strings.Contains(address, "://") {
			address = "oci://" + address
		}
		read.repositories[name.Node.Value] = address
		read.r.Facts = append(read.r.Facts, detectors.Fact{
			Kind: RepositoryKind, Name: name.Node.Value, Place: url.Place(),
			Fields: map[string]string{"url": address},
		})
	}
}

func (read *reader) release(c detectors.Cursor) {
	name, chart, version := c.Get("name"), c.Get("chart"), c.Get("version")
	var with detectors.Pin
	with.Detector, with.Place.Doc = Detector{}.Name(), c.Doc
	if name.IsScalar() && name.Unwritten() == "" {
		with.App = name.Node.Value
	}
	read.values(c.Get("values"), with)
	detectors.ParameterImages(c.Get("set"), with, read.r)
	for _, s := range c.Get("secrets").Items() {
		read.link(s, with.App, "secrets")
	}
	if !chart.IsScalar() {
		if version.IsScalar() {
			read.skip(version, "the release's chart is not written here")
		}
		return
	}
	read.r.Facts = append(read.r.Facts, detectors.Fact{
		Kind: ReleaseKind, Namespace: c.Str("namespace"), Name: with.App, Place: chart.Place(),
		Fields: map[string]string{"chart": chart.Node.Value, "version": c.Str("version"), "installed": c.Str("installed")},
	})
	read.chart(chart, version, with)
}

// chart reports the chart of a release, by the way it is written.
func (read *reader) chart(chart, version detectors.Cursor, with detectors.Pin) {
	at := version
	if !version.IsScalar() {
		at = chart
	}
	text := strings.TrimSpace(chart.Node.Value)
	if isPath(text) {
		read.link(chart, with.App, "chart")
		return
	}
	for _, c := range []detectors.Cursor{chart, version} {
		if c.IsScalar() && c.Unwritten() != "" {
			read.skip(at, c.Unwritten())
			return
		}
	}
	with.Consumer, with.Place = promoter.ByHelm, at.Place()
	if version.IsScalar() {
		with.Version = strings.TrimSpace(version.Node.Value)
	}
	with.Form = promoter.Classify(promoter.Chart, promoter.ByHelm, with.Version)
	switch scheme, rest, ok := strings.Cut(text, "://"); {
	case strings.HasPrefix(text, "git::"):
		read.git(chart, text, with)
	case ok && scheme == "oci":
		dir, name := path.Split(rest)
		if base, tag, tagged := strings.Cut(name, ":"); tagged && with.Version == "" {
			name, with.Version, with.Place = base, tag, chart.Place()
			with.Form = promoter.Classify(promoter.Chart, promoter.ByHelm, tag)
		}
		with.Artifact = detectors.ChartArtifact("oci://"+dir, name)
		read.r.Pins = append(read.r.Pins, with)
	case ok:
		read.skip(at, archive)
	default:
		read.aliased(text, at, with)
	}
}

// aliased reports "repository/name". The repository may stand in another file:
// then a Linker joins them.
func (read *reader) aliased(text string, at detectors.Cursor, with detectors.Pin) {
	alias, name, ok := strings.Cut(text, "/")
	if !ok || alias == "" || name == "" {
		read.skip(at, badChart)
		return
	}
	with.Artifact = promoter.Artifact{Kind: promoter.Chart, Name: name}
	if url, known := read.repositories[alias]; !known {
		with.SourceRef = &detectors.Ref{Kind: RepositoryKind, Name: alias}
	} else if reason := resolve(&with, url); reason != "" {
		read.skip(at, reason)
		return
	}
	read.r.Pins = append(read.r.Pins, with)
}

// resolve gives a pin its repository's address, or says why it cannot.
func resolve(p *detectors.Pin, url string) string {
	switch scheme, _, _ := strings.Cut(url, "://"); {
	case strings.HasPrefix(scheme, "git+"), scheme == "git":
		return gitCharts
	case scheme == "https", scheme == "http", scheme == "oci":
		p.Artifact, p.SourceRef = detectors.ChartArtifact(url, p.Artifact.Name), nil
		return ""
	}
	return badChart
}

// git reads a go-getter address: "git::https://host/org/repo.git@path?ref=v1".
func (read *reader) git(at detectors.Cursor, text string, with detectors.Pin) {
	address, query, _ := strings.Cut(strings.TrimPrefix(text, "git::"), "?")
	if i := strings.LastIndexByte(address, '@'); i > strings.Index(address, "://")+3 && strings.Contains(address[:i], ".") {
		address = address[:i]
	}
	source := detectors.CloneURL(address)
	if source == "" {
		read.skip(at, badChart)
		return
	}
	with.Version = ""
	for part := range strings.SplitSeq(query, "&") {
		if ref, ok := strings.CutPrefix(part, "ref="); ok {
			with.Version = ref
		}
	}
	with.Artifact, with.Place, with.Consumer = detectors.GitArtifact(source), at.Place(), promoter.ByGit
	with.Form = promoter.Classify(promoter.Git, promoter.ByGit, with.Version)
	read.r.Pins = append(read.r.Pins, with)
}

// values reads a release's values: paths of files and inline mappings.
func (read *reader) values(list detectors.Cursor, with detectors.Pin) {
	for _, item := range list.Items() {
		if item.IsScalar() {
			read.link(item, with.App, "values")
		} else {
			detectors.Images(item.File, item.Node, item.Path, with, read.r)
		}
	}
}

// links records the files that a helmfile is made of.
func (read *reader) links(doc detectors.Cursor) {
	for _, base := range doc.Get("bases").Items() {
		read.link(base, "", "bases")
	}
	for _, sub := range doc.Get("helmfiles").Items() {
		if sub.Node != nil && sub.Node.Kind == yamltree.Mapping {
			sub = sub.Get("path")
		}
		if sub.IsScalar() && strings.HasPrefix(sub.Node.Value, "git::") && sub.Unwritten() == "" {
			var with detectors.Pin
			with.Detector = Detector{}.Name()
			read.git(sub, sub.Node.Value, with)
			continue
		}
		read.link(sub, "", "helmfiles")
	}
	environments := doc.Get("environments")
	if environments.Node == nil {
		return
	}
	environments.Node.Pairs(func(key, _ *yamltree.Node) {
		for _, value := range environments.Get(key.Value, "values").Items() {
			if value.IsScalar() {
				read.link(value, "", "environments."+key.Value)
			}
		}
	})
}

// link records an edge to a file or directory that stands at c. A path that a
// template writes, or that leads out of the repository, is none.
func (read *reader) link(c detectors.Cursor, app, via string) {
	if !c.IsScalar() || c.Unwritten() != "" || strings.Contains(c.Node.Value, "://") {
		return
	}
	to := path.Join(read.dir, c.Node.Value)
	if path.IsAbs(c.Node.Value) || to == ".." || strings.HasPrefix(to, "../") {
		return
	}
	read.r.Links = append(read.r.Links, detectors.Link{From: c.Place(), App: app, To: to, Via: via})
}

func (read *reader) skip(at detectors.Cursor, reason string) {
	read.r.Skips = append(read.r.Skips, detectors.Skip{Place: at.Place(), Detector: Detector{}.Name(), Reason: reason})
}

func isPath(s string) bool {
	return s == "." || strings.HasPrefix(s, "./") || strings.HasPrefix(s, "../") || strings.HasPrefix(s, "/")
}
