// Package values reads the images in Helm values and in every other YAML file
// that is no Kubernetes object and no other detector's: values-prod.yaml,
// images.yml, a docker-compose file. A file's name says little about what
// reads it, so its shape decides.
//
// It refuses files whose images nothing in a cluster runs (workflows of a
// forge, tests) and those that belong to another detector.
package values

import (
	"path"
	"strings"

	"promoter/detectors"
	"promoter/promoter/yamltree"
)

// Detector finds images in values files. The zero value is ready.
type Detector struct{}

// Name is "values".
func (Detector) Name() string { return "values" }

// Detect reads the documents of f that have no apiVersion and kind.
func (Detector) Detect(f *detectors.File, r *detectors.Report) {
	if !reads(f.Path) {
		return
	}
	for _, d := range f.Docs {
		if d.Root == nil || d.APIVersion != "" && d.Kind != "" {
			continue
		}
		if foreign(detectors.At(f, d)) {
			continue
		}
		var with detectors.Pin
		with.Detector, with.Place.Doc = Detector{}.Name(), d.Index
		detectors.Images(f, d.Root, "", with, r)
	}
}

// reads tells values from files that have a detector of their own and from a
// forge's workflows.
func reads(file string) bool {
	dir, base := path.Split("/" + file)
	switch base {
	case "Chart.yaml", "Chart.yml", "requirements.yaml", "requirements.yml", "galaxy.yml",
		"kustomization.yaml", "kustomization.yml", "Kustomization", "kustomization",
		"promoter.yaml",
		".gitlab-ci.yml", ".drone.yml", ".travis.yml", "codefresh.yml", "bitbucket-pipelines.yml",
		"azure-pipelines.yml", ".woodpecker.yml", ".woodpecker.yaml":
		return false
	}
	if strings.HasPrefix(base, "helmfile.") || strings.Contains(dir, "/helmfile.d/") {
		return false
	}
	for _, forge := range [...]string{"/.github/", "/.gitea/", "/.forgejo/", "/.gitlab/", "/.circleci/", "/.woodpecker/"} {
		if strings.Contains(dir, forge) {
			return false
		}
	}
	return true
}

// foreign recognizes files by their shape that hold images and run none: JSON
// patches, pipelines of updatecli, and suites of helm-unittest, whose values
// are a test's.
func foreign(doc detectors.Cursor) bool {
	root := doc.Node
	switch {
	case root.Kind == yamltree.Sequence:
		return detectors.IsJSONPatch(doc)
	case root.Get("targets") != nil:
		return root.Get("sources") != nil || root.Get("conditions") != nil
	}
	return root.Get("suite") != nil && root.Get("tests") != nil
}
