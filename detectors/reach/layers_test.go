package reach

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"promoter/detectors"
	"promoter/promoter"
)

// app is an Application's links: its chart's directory, and the values files
// that it reads.
func app(name, chart string, values ...string) []detectors.Link {
	file := "apps/" + name + ".yaml"
	links := []detectors.Link{{From: promoter.Place{File: file, Path: "spec.source.path"}, App: name, To: chart, Via: "source.path"}}
	for i, v := range values {
		at := promoter.Place{File: file, Line: i + 1, Path: fmt.Sprintf("spec.source.helm.valueFiles[%d]", i)}
		links = append(links, detectors.Link{From: at, App: name, To: v, Via: "valueFiles"})
	}
	return links
}

func TestLayers(t *testing.T) {
	t.Parallel()
	paths := []string{
		"web/Chart.yaml", "web/values.yaml", "values/common.yaml", "values/dev.yaml", "values/dev-eu.yaml", "values/prod.yaml",
		"values/nonprod.yaml", "values/plain.yaml", "jobs/Chart.yaml", "jobs/values.yaml",
	}
	for name, c := range map[string]struct {
		links []detectors.Link
		file  string
		want  []string
	}{
		"each environment's own file, behind the shared one": {
			links: append(app("web-dev", "web", "values/common.yaml", "values/dev.yaml", "values/dev-eu.yaml"), app("web-prod", "web", "values/common.yaml", "values/prod.yaml")...),
			file:  "values/common.yaml",
			want:  []string{"dev values/dev.yaml under values/dev-eu.yaml in apps/web-dev.yaml:2", "prod values/prod.yaml under  in apps/web-prod.yaml:2"},
		},
		"behind the chart's own values": {
			links: append(app("web-dev", "web", "values/dev.yaml"), app("web-prod", "web", "values/prod.yaml")...),
			file:  "web/values.yaml",
			want:  []string{"dev values/dev.yaml under  in apps/web-dev.yaml:1", "prod values/prod.yaml under  in apps/web-prod.yaml:1"},
		},
		"not before the shared one": {
			links: append(app("web-dev", "web", "values/dev.yaml", "values/common.yaml"), app("web-prod", "web", "values/common.yaml", "values/prod.yaml")...),
			file:  "values/common.yaml", want: []string{"prod values/prod.yaml under  in apps/web-prod.yaml:2"},
		},
		"not what several environments read": {
			links: append(app("web-dev", "web", "values/common.yaml", "values/nonprod.yaml"), app("web-prod", "web", "values/common.yaml", "values/nonprod.yaml")...),
			file:  "values/common.yaml",
		},
		"not what is read without the shared one too": {
			links: append(app("web-dev", "web", "values/dev.yaml"), app("jobs-dev", "jobs", "values/dev.yaml")...),
			file:  "web/values.yaml",
		},
		"not a file that is not there": {links: app("web-dev", "web", "values/gone.yaml"), file: "web/values.yaml"},
		"a release of a helmfile": {
			links: []detectors.Link{
				{From: promoter.Place{File: "dev/helmfile.yaml", Path: "releases[0].chart"}, App: "web", To: "web", Via: "chart"},
				{From: promoter.Place{File: "dev/helmfile.yaml", Line: 7, Path: "releases[0].values[0]"}, App: "web", To: "values/dev.yaml", Via: "values"},
			},
			file: "web/values.yaml", want: []string{"dev values/dev.yaml under  in dev/helmfile.yaml:7"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			locate := func(file, app, _ string) (Located, bool) {
				for _, env := range []string{"dev", "prod"} {
					if strings.HasSuffix(app, "-"+env) || strings.HasPrefix(file, env+"/") || strings.HasPrefix(file, "values/"+env) {
						return Located{Environment: env}, true
					}
				}
				return Located{}, false
			}
			var facts []detectors.Fact
			for _, l := range c.links {
				if l.Via == "source.path" {
					facts = append(facts, detectors.Fact{Kind: "Application", Name: l.App, Place: promoter.Place{File: l.From.File}})
				}
			}
			g := Build(paths, nil, facts, c.links, locate)
			var got []string
			for _, l := range g.Layers(c.links)(c.file) {
				var lists []string
				for _, p := range l.Lists {
					lists = append(lists, p.String())
				}
				got = append(got, fmt.Sprintf("%s %s under %s in %s", l.Environment, l.File, strings.Join(l.Over, ","), strings.Join(lists, ",")))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
