// Package argoapp reads Argo CD Applications: the charts and Git revisions
// that their sources pin, the images in their Helm and Kustomize options, and
// the directories and values files that they deploy.
//
// An Application that stands in a chart's templates (an app of apps) is read
// as far as it is literal; a version that is a plain value of that chart is
// followed to the values file that says it. It refuses to run templates: any
// other expression is shown as skipped.
package argoapp

import (
	"strings"

	"promoter/detectors"
	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// Detector finds pins in Applications. The zero value is ready.
type Detector struct{}

// Name is "argoapp".
func (Detector) Name() string { return "argoapp" }

// Detect reads the Applications of f, also those in a List.
func (Detector) Detect(f *detectors.File, r *detectors.Report) {
	for _, d := range f.Docs {
		switch {
		case isApplication(d.APIVersion, d.Kind):
			application(detectors.At(f, d), r)
		case d.Kind == "List" && d.APIVersion == "v1":
			for _, item := range detectors.At(f, d).Get("items").Items() {
				if isApplication(item.Str("apiVersion"), item.Str("kind")) {
					application(item, r)
				}
			}
		}
	}
}

func isApplication(apiVersion, kind string) bool {
	return kind == "Application" && strings.HasPrefix(apiVersion, "argoproj.io/")
}

func application(app detectors.Cursor, r *detectors.Report) {
	spec := app.Get("spec")
	if spec.Node == nil || spec.Node.Kind != yamltree.Mapping {
		return
	}
	name := app.Get("metadata", "name")
	reader := detectors.ArgoReader{File: app.File, Report: r}
	reader.With.Place = promoter.Place{Doc: app.Doc}
	reader.With.Detector = Detector{}.Name()
	reader.With.App = literal(app.File, name.Node)
	destination := spec.Node.Get("destination")
	reader.With.Cluster = detectors.ArgoCluster(map[string]string{
		"destination.name":   literal(app.File, destination.Get("name")),
		"destination.server": literal(app.File, destination.Get("server")),
	})
	var waiting []detectors.ArgoSource
	reader.Templated = func(s detectors.ArgoSource) { // must not hold the reader, or each is an allocation
		waiting = append(waiting, s)
		r.Skips = append(r.Skips, detectors.Skip{
			Place: s.RevisionPlace, Detector: Detector{}.Name(), Reason: s.Reason(),
		})
	}
	fact := detectors.Fact{
		Kind: "Application", Namespace: literal(app.File, app.Node.Get("metadata", "namespace")),
		Name: reader.With.App, Fields: reader.Spec(spec),
	}
	if name.Node != nil {
		fact.Place = name.Place()
	} else {
		fact.Place = spec.Place()
	}
	r.Facts = append(r.Facts, fact)
	for _, s := range waiting {
		r.Facts = append(r.Facts, templatedFact(s, reader.With))
	}
}

// literal is a scalar's value, empty when a template writes it.
func literal(f *detectors.File, n *yamltree.Node) string {
	if n == nil || n.Kind != yamltree.Scalar || n.IsNull() || f.Templated && detectors.Unwritten(f, n) != "" {
		return ""
	}
	return n.Value
}
