package reach

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"promoter/detectors"
	"promoter/promoter"
)

func TestOverlays(t *testing.T) {
	link := func(from, to, via string) detectors.Link {
		return detectors.Link{From: promoter.Place{File: from}, To: to, Via: via}
	}
	links := []detectors.Link{
		link("web/base/kustomization.yaml", "web/base/deployment.yaml", "resources"),
		link("web/eu/kustomization.yaml", "web/base", "resources"),
		link("web/overlays/dev/kustomization.yaml", "web/base", "resources"),
		link("web/overlays/prod/kustomization.yaml", "web/eu", "bases"),
		link("all/dev/kustomization.yaml", "web/overlays/dev", "resources"), // above an overlay nothing more is found
		link("apps/app.yaml", "web/base", "source.path"),
		link("web/base/kustomization.yaml", "web/eu", "resources"), // a cycle
	}
	locate := func(file, _, _ string) (Located, bool) {
		for _, env := range []string{"dev", "prod"} {
			if strings.Contains(file, "/"+env+"/") {
				return Located{Environment: env}, true
			}
		}
		return Located{}, false
	}
	var got []string
	for _, o := range Overlays(links, locate)("web/base/deployment.yaml") {
		got = append(got, o.Environment+" "+o.File)
	}
	want := []string{"dev web/overlays/dev/kustomization.yaml", "prod web/overlays/prod/kustomization.yaml"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
