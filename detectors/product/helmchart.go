package product

import (
	"path"
	"strings"

	"promoter/detectors"
	"promoter/promoter"
)

// Reasons of the Skips of HelmCharts.
const (
	badEmbedded = "the values in valuesContent cannot be read"
	noRepo      = "the chart's repository is not written here"
	tarball     = "a chart's archive behind a URL, whose releases are not listed anywhere"
)

// helmChart reads the HelmChart and HelmChartConfig of k3s and RKE2: a chart,
// and values in a text.
func helmChart(obj detectors.Cursor, r *detectors.Report) {
	spec := obj.Get("spec")
	with := template(obj)
	if text := spec.Get("valuesContent"); text.IsScalar() {
		docs, err := text.Embedded()
		if err != nil {
			skip(text, badEmbedded, r)
		}
		for _, doc := range docs {
			detectors.Images(doc.File, doc.Node, doc.Path, with, r)
		}
	}
	detectors.Images(spec.File, spec.Get("values").Node, spec.Get("values").Path, with, r)
	chart, version := spec.Get("chart"), spec.Get("version")
	if obj.Str("kind") != "HelmChart" || !chart.IsScalar() {
		return
	}
	at := version
	if !version.IsScalar() {
		at = chart
	}
	repo := spec.Get("repo")
	for _, c := range []detectors.Cursor{chart, version, repo} {
		if c.IsScalar() && c.Unwritten() != "" {
			skip(at, c.Unwritten(), r)
			return
		}
	}
	name := strings.TrimSpace(chart.Node.Value)
	switch scheme, rest, ok := strings.Cut(name, "://"); {
	case ok && scheme == "oci":
		dir, base := path.Split(rest)
		with.Artifact = detectors.ChartArtifact("oci://"+dir, base)
	case ok, strings.HasSuffix(name, ".tgz"):
		skip(at, tarball, r)
		return
	case !repo.IsScalar():
		skip(at, noRepo, r)
		return
	default:
		with.Artifact = detectors.ChartArtifact(repo.Node.Value, name)
	}
	with.Place, with.Consumer = at.Place(), promoter.ByHelm
	if version.IsScalar() {
		with.Version = strings.TrimSpace(version.Node.Value)
	}
	with.Form = promoter.Classify(promoter.Chart, promoter.ByHelm, with.Version)
	r.Pins = append(r.Pins, with)
}
