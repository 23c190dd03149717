// Package manifest reads the images in Kubernetes objects of any kind:
// containers wherever they stand, image volumes, fields of custom resources
// such as imageName, and manifests that a ConfigMap holds as text.
//
// It refuses CustomResourceDefinitions (their images are a schema) and the
// kinds that other detectors read with more knowledge.
package manifest

import (
	"path"
	"strings"

	"promoter/detectors"
	"promoter/promoter/yamltree"
)

// Detector finds images in Kubernetes objects. The zero value is ready.
type Detector struct{}

// Name is "manifest".
func (Detector) Name() string { return "manifest" }

// Detect reads the objects of f, also those in Lists.
func (Detector) Detect(f *detectors.File, r *detectors.Report) {
	for _, d := range f.Docs {
		if d.Root != nil && d.APIVersion != "" && d.Kind != "" {
			object(detectors.At(f, d), r, 0)
		}
	}
}

// maxNesting bounds Lists in Lists and manifests in ConfigMaps in ConfigMaps.
const maxNesting = 4

func object(obj detectors.Cursor, r *detectors.Report, depth int) {
	apiVersion, kind := obj.Str("apiVersion"), obj.Str("kind")
	if owned(apiVersion, kind) || depth > maxNesting {
		return
	}
	if items := obj.Get("items"); items.Node != nil && strings.HasSuffix(kind, "List") {
		for _, item := range items.Items() {
			object(item, r, depth+1)
		}
		return
	}
	var with detectors.Pin
	with.Detector, with.Place.Doc = Detector{}.Name(), obj.Doc
	switch kind {
	case "ConfigMap", "Secret":
		for _, field := range [...]string{"data", "stringData"} {
			texts(obj.Get(field), with, r, depth)
		}
	}
	detectors.Images(obj.File, obj.Node, obj.Path, with, r)
}

// owned says which objects are not for the generic walk: schemas, and kinds
// whose image-like fields mean something that only their detector knows.
func owned(apiVersion, kind string) bool {
	group, _, _ := strings.Cut(apiVersion, "/")
	switch group {
	case "apiextensions.k8s.io", "kustomize.config.k8s.io", "upgrade.cattle.io":
		return true
	case "argoproj.io":
		return kind == "Application" || kind == "ApplicationSet" || kind == "AppProject"
	}
	return strings.HasSuffix(group, ".toolkit.fluxcd.io")
}

// texts reads the files that a ConfigMap or Secret holds as text.
func texts(data detectors.Cursor, with detectors.Pin, r *detectors.Report, depth int) {
	if data.Node == nil || data.Node.Kind != yamltree.Mapping {
		return
	}
	data.Node.Pairs(func(key, value *yamltree.Node) {
		if ext := path.Ext(key.Value); ext != ".yaml" && ext != ".yml" {
			return
		}
		if value.Kind != yamltree.Scalar || value.Style != yamltree.Literal {
			return
		}
		text := data
		text.Node, text.Path = value, detectors.JoinKey(data.Path, key.Value)
		docs, err := text.Embedded()
		if err != nil {
			return // text of another program: nothing says that it must be YAML
		}
		for _, doc := range docs {
			if doc.Str("apiVersion") != "" && doc.Str("kind") != "" {
				object(doc, r, depth+1)
			} else {
				detectors.Images(doc.File, doc.Node, doc.Path, with, r)
			}
		}
	})
}
