package kustomize

import (
	"path"
	"strings"

	"promoter/detectors"
	"promoter/promoter"
)

// chart reads an entry of helmCharts, of the legacy
// helmChartInflationGenerator list, or a HelmChartInflationGenerator: the same
// fields under changing names. A chart without a repository is a directory of
// this one.
func (k reader) chart(c detectors.Cursor, home string) {
	first := func(keys ...string) detectors.Cursor {
		for _, key := range keys {
			if v := c.Get(key); v.IsScalar() {
				return v
			}
		}
		return detectors.Cursor{File: c.File}
	}
	chart, repo := first("name", "chartName"), first("repo", "chartRepo", "chartRepoUrl")
	version, release := first("version", "chartVersion"), first("releaseName")
	if !chart.IsScalar() {
		return
	}
	app := chart.Node.Value
	if release.IsScalar() {
		app = release.Node.Value
	}
	for _, key := range []string{"valuesFile", "values"} {
		k.local(c.Get(key), "valuesFile")
	}
	for _, file := range c.Get("additionalValuesFiles").Items() {
		k.local(file, "valuesFile")
	}
	for _, key := range []string{"valuesInline", "valuesLocal"} {
		if v := c.Get(key); v.Node != nil {
			detectors.Images(c.File, v.Node, v.Path, k.with(app), k.r)
		}
	}
	k.chartPin(chart, repo, version, home, app)
}

func (k reader) chartPin(chart, repo, version detectors.Cursor, home, app string) {
	at := version
	if !version.IsScalar() {
		at = chart
	}
	for _, c := range []detectors.Cursor{chart, repo, version} {
		if !c.IsScalar() {
			continue
		}
		if reason := c.Unwritten(); reason != "" {
			k.skip(at, reason)
			return
		}
	}
	if !repo.IsScalar() || !strings.Contains(repo.Node.Value, "://") {
		// helmGlobals.chartHome is where kustomize looks first; a path in
		// place of a repository's URL is found nowhere else either.
		if home == "" && repo.IsScalar() {
			home = repo.Node.Value
		}
		if home == "" {
			home = "charts"
		}
		if to, ok := k.resolve(path.Join(home, chart.Node.Value)); ok {
			k.r.Links = append(k.r.Links, detectors.Link{From: chart.Place(), App: app, To: to, Via: "helmCharts"})
		}
		if version.IsScalar() {
			k.skip(version, "the chart is a directory of this repository: no repository is written")
		}
		return
	}
	p := k.with(app)
	p.Artifact = detectors.ChartArtifact(repo.Node.Value, chart.Node.Value)
	p.Consumer, p.Place = promoter.ByHelm, at.Place()
	if version.IsScalar() {
		p.Version = strings.TrimSpace(version.Node.Value)
	}
	p.Form = promoter.Classify(promoter.Chart, promoter.ByHelm, p.Version)
	k.r.Pins = append(k.r.Pins, p)
}
