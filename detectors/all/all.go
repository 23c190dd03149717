// Package all is the list of detectors: the one place that knows them all. A
// new detector is a directory and a line here.
//
// It refuses to register anything behind anybody's back: who wants a list asks
// for it.
package all

import (
	"promoter/detectors"
	"promoter/detectors/appset"
	"promoter/detectors/argoapp"
	"promoter/detectors/chart"
	"promoter/detectors/flux"
	"promoter/detectors/galaxy"
	"promoter/detectors/helmfile"
	"promoter/detectors/kubeapi"
	"promoter/detectors/kustomize"
	"promoter/detectors/manifest"
	"promoter/detectors/product"
	"promoter/detectors/values"
)

// List is every detector, from specific to generic: where two claim the same
// bytes, the one that stands first has them. The detectors in first, such as
// the user's own rules, go before all others.
func List(first ...detectors.Detector) []detectors.Detector {
	return append(first[:len(first):len(first)],
		argoapp.Detector{},
		appset.Detector{},
		flux.Detector{},
		kustomize.Detector{},
		chart.Detector{},
		helmfile.Detector{},
		galaxy.Detector{},
		product.Detector{},
		manifest.Detector{},
		values.Detector{},
		kubeapi.Detector{},
	)
}
