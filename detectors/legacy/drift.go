package legacy

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"promoter/promoter"
)

// imageOverride finds tags in a release's values that are older than what the
// chart, or its next upgrade, would deploy by itself.
func imageOverride(in Input) []promoter.Finding {
	fs := gather("image-override")
	order := in.order()
	overrides := slices.DeleteFunc(slices.Clone(order), func(i int) bool {
		p := &in.Pins[i]
		return p.Artifact.Kind != promoter.Image || p.Form != promoter.Exact
	})
	if len(overrides) == 0 {
		return nil
	}
	charts := map[unit][]int{}
	for _, i := range order {
		if p := &in.Pins[i]; p.Artifact.Kind == promoter.Chart && p.App != "" {
			charts[unitOf(p)] = append(charts[unitOf(p)], i)
		}
	}
	for _, i := range overrides {
		p := &in.Pins[i]
		of := charts[unitOf(p)]
		for _, c := range of {
			if !mainImage(p, in.Pins[c].Artifact.Name, len(of)) {
				continue
			}
			if f, ok := in.held(p, &in.Pins[c], in.Choices[c]); ok {
				fs.add(f)
			}
		}
	}
	return fs.list
}

// unit is one release or Application in one document.
type unit struct {
	file string
	doc  int
	app  string
}

func unitOf(p *promoter.Pin) unit { return unit{p.Place.File, p.Place.Doc, p.App} }

// held compares an override with the appVersion that the chart would use.
func (in Input) held(image, chart *promoter.Pin, c promoter.Choice) (promoter.Finding, bool) {
	r := c.NewestAllowed
	if r == nil || r.AppVersion == "" {
		r = c.Current
	}
	if r == nil || r.AppVersion == "" {
		return promoter.Finding{}, false
	}
	a, b := strings.Join(leading(image.Version), "."), strings.Join(leading(r.AppVersion), ".")
	if order, ok := promoter.Compare(promoter.Chart, a, b); !ok || order >= 0 || a == "" {
		return promoter.Finding{}, false
	}
	return promoter.Finding{
		Artifact: image.Artifact, Place: image.Place, Also: []promoter.Place{chart.Place},
		Evidence: fmt.Sprintf("tag %s in the values of %s holds back chart %s %s, which brings %s", image.Version, image.App, chart.Artifact.Name, r.Version, r.AppVersion),
		Remedy:   fmt.Sprintf("remove the tag so that it follows the chart, or raise it to %s together with the chart", r.AppVersion),
	}, true
}

// mainImage reports whether an image in a release's values is the one that the
// chart's appVersion speaks of: named like the chart, or a tag alone at the
// top of the values of the only chart.
func mainImage(p *promoter.Pin, chart string, charts int) bool {
	if p.Artifact.Name == "" {
		at := p.Place.Path
		for _, top := range [...]string{"values.image.tag", "valuesObject.image.tag", "values|image.tag"} {
			if at == top || strings.HasSuffix(at, "."+top) {
				return charts == 1
			}
		}
		return false
	}
	bare := func(s string) string { return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(s)) }
	return bare(path.Base(p.Artifact.Name)) == bare(chart)
}

// helmfileBeside finds helmfiles in a repository that an engine reconciles.
func helmfileBeside(in Input) []promoter.Finding {
	fs := gather("helmfile-beside-gitops")
	engine := in.engine()
	if engine == "" {
		return nil
	}
	apps := map[string][]string{}
	places := map[string][]promoter.Place{}
	var files []string
	for _, i := range in.order() {
		p := &in.Pins[i]
		if p.Detector != "helmfile" || p.Artifact.Kind != promoter.Chart {
			continue
		}
		file := p.Place.File
		if places[file] == nil {
			files = append(files, file)
		}
		places[file] = append(places[file], p.Place)
		if name := p.App; name != "" && !slices.Contains(apps[file], name) {
			apps[file] = append(apps[file], name)
		}
	}
	into := "an Application"
	if engine == "Flux" {
		into = "a HelmRelease"
	}
	for _, file := range files {
		fs.add(promoter.Finding{
			Place: places[file][0], Also: places[file][1:],
			Evidence: fmt.Sprintf("%s installs %s by helmfile, and %s reconciles the rest of the repository", file, list(apps[file], len(places[file]), "release"), engine),
			Remedy:   fmt.Sprintf("write each release as %s of %s, and remove it from %s", into, engine, file),
		})
	}
	return fs.list
}

// engine is the GitOps engine of the repository, as its pins and facts show.
func (in Input) engine() string {
	argo, flux := false, false
	for i := range in.Pins {
		p := &in.Pins[i]
		argo = argo || p.Detector == "argoapp" || p.Detector == "appset"
		flux = flux || p.Detector == "flux"
	}
	for _, f := range in.Facts {
		argo = argo || f.Kind == "Application" || f.Kind == "ApplicationSet"
		flux = flux || f.Kind == "HelmRelease"
	}
	switch {
	case argo:
		return "Argo CD"
	case flux:
		return "Flux"
	}
	return ""
}

// list is up to three names, or a count.
func list(names []string, n int, one string) string {
	switch {
	case len(names) == 0 && n == 1:
		return "one " + one
	case len(names) == 0 || len(names) > 3:
		return fmt.Sprintf("%d %ss", max(n, len(names)), one)
	}
	return strings.Join(names, ", ")
}

// dockerHub counts what is pulled from Docker Hub: one finding, because one
// change to the cluster or a mirror answers all of it.
func dockerHub(in Input) []promoter.Finding {
	var places []promoter.Place
	seen := map[promoter.Artifact]bool{}
	replaced := in.replacedImages()
	for _, i := range in.order() {
		p := &in.Pins[i]
		if replaced(p) && p.Form != promoter.Exact {
			continue
		}
		switch strings.TrimPrefix(strings.SplitN(strings.TrimPrefix(p.Artifact.Source, "oci://"), "/", 2)[0], "www.") {
		case "docker.io", "index.docker.io", "registry-1.docker.io":
			if !p.Artifact.OCI() || p.Artifact.Name == "" {
				continue
			}
			places = append(places, p.Place)
			seen[p.Artifact] = true
		}
	}
	if len(places) == 0 {
		return nil
	}
	fs := gather("docker-hub-anonymous")
	fs.add(promoter.Finding{
		Place: places[0], Also: places[1:],
		Evidence: fmt.Sprintf("%s at %s: Docker Hub refuses pulls without an account after a few in an hour", plural(len(seen), "artifact"), plural(len(places), "place")),
		Remedy:   "pull through a mirror (mirror.gcr.io, a registry's proxy cache) or with credentials on every node; nothing here shows which of them you do already",
	})
	return fs.list
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
