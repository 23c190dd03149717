package kustomize

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"promoter/detectors"
	"promoter/promoter"
)

// base is what a release's own detector says of it: the object, and its pins
// by path.
func base(file, kind, name string, pins ...promoter.Pin) *detectors.Report {
	r := &detectors.Report{Facts: []detectors.Fact{{Kind: kind, Namespace: "shop", Name: name, Place: promoter.Place{File: file}}}}
	for _, p := range pins {
		p.Place.File, p.App, p.Detector = file, name, "other"
		r.Pins = append(r.Pins, detectors.Pin{Pin: p})
	}
	return r
}

func chart(name, source, path string) promoter.Pin {
	return promoter.Pin{
		Artifact: promoter.Artifact{Kind: promoter.Chart, Name: name, Source: source}, Version: "1.0.0",
		Form: promoter.Exact, Consumer: promoter.ByFlux, Place: promoter.Place{Path: path, Start: 10, End: 15, Written: "1.0.0"},
	}
}

func TestLink(t *testing.T) {
	t.Parallel()
	const version = "spec.chart.spec.version"
	redis := func() *detectors.Report {
		return base("base/redis.yaml", "HelmRelease", "redis", chart("redis", "https://charts.example.com", version))
	}
	inline := func(target, path string) string {
		return "patches:\n- target: {" + target + "}\n  patch: |\n    - op: replace\n      path: " + path + "\n      value: \"1.2\"\n"
	}
	tests := []struct {
		name  string
		files map[string]string
		bases map[string]*detectors.Report
		want  []string
	}{
		{"a JSON patch of a release", map[string]string{"o/kustomization.yaml": inline("kind: HelmRelease, name: redis", "/spec/chart/spec/version")},
			map[string]*detectors.Report{"base/redis.yaml": redis()},
			[]string{"6 patches[0].patch|[0].value: chart https://charts.example.com redis range 1.2 for redis"}},
		{"a merge patch of a release", map[string]string{"o/kustomization.yaml": `patches:
- patch: |
    apiVersion: helm.toolkit.fluxcd.io/v2
    kind: HelmRelease
    metadata: {name: redis, namespace: shop}
    spec: {chart: {spec: {version: 1.2.3}}}
`}, map[string]*detectors.Report{"base/redis.yaml": redis()},
			[]string{"6 patches[0].patch|spec.chart.spec.version: chart https://charts.example.com redis exact 1.2.3 for redis"}},
		{"a patch file that a list aims", map[string]string{
			"o/kustomization.yaml": "patches:\n- path: bump.yaml\n  target: {kind: HelmRelease, name: redis}\n",
			"o/bump.yaml":          "- op: replace\n  path: /spec/chart/spec/version\n  value: 1.2.3\n",
		}, map[string]*detectors.Report{"base/redis.yaml": redis()},
			[]string{"3 [0].value: chart https://charts.example.com redis exact 1.2.3 for redis"}},
		{"a patch file that nothing aims", map[string]string{"o/bump.yaml": "- op: replace\n  path: /spec/chart/spec/version\n  value: 1.2.3\n"},
			map[string]*detectors.Report{"base/redis.yaml": redis()},
			[]string{"3 [0].value: skip: a patch that no kustomization with a target names"}},
		{"a base that writes no version", map[string]string{"o/kustomization.yaml": inline("kind: HelmRelease, name: redis", "/spec/chart/spec/version")},
			map[string]*detectors.Report{"base/redis.yaml": base("base/redis.yaml", "HelmRelease", "redis", chart("redis", "https://charts.example.com", "spec.chart.spec.chart"))},
			[]string{"6 patches[0].patch|[0].value: chart https://charts.example.com redis range 1.2 for redis"}},
		{"no such release", map[string]string{"o/kustomization.yaml": inline("kind: HelmRelease, name: other", "/spec/chart/spec/version")},
			map[string]*detectors.Report{"base/redis.yaml": redis()},
			[]string{"6 patches[0].patch|[0].value: skip: no HelmRelease other in this repository has the version that this patch sets"}},
		{"the same name in another namespace", map[string]string{"o/kustomization.yaml": inline("kind: HelmRelease, name: redis, namespace: else", "/spec/chart/spec/version")},
			map[string]*detectors.Report{"base/redis.yaml": redis()},
			[]string{"6 patches[0].patch|[0].value: skip: no HelmRelease else/redis in this repository has the version that this patch sets"}},
		{"all releases, which agree", map[string]string{"o/kustomization.yaml": inline("kind: HelmRelease", "/spec/chart/spec/version")},
			map[string]*detectors.Report{
				"base/redis.yaml": redis(),
				"base/cache.yaml": base("base/cache.yaml", "HelmRelease", "cache", chart("redis", "https://charts.example.com", version)),
			}, []string{"6 patches[0].patch|[0].value: chart https://charts.example.com redis range 1.2"}},
		{"all releases, which do not", map[string]string{"o/kustomization.yaml": inline("kind: HelmRelease, name: .*", "/spec/chart/spec/version")},
			map[string]*detectors.Report{
				"base/redis.yaml": redis(),
				"base/web.yaml":   base("base/web.yaml", "HelmRelease", "web", chart("nginx", "https://charts.example.com", version)),
			}, []string{"6 patches[0].patch|[0].value: skip: several HelmRelease .* in this repository, of different artifacts, are patched"}},
		{"an OCI artifact's tag over its digest", map[string]string{"o/kustomization.yaml": inline("kind: OCIRepository, name: app", "/spec/ref/tag")},
			map[string]*detectors.Report{"base/app.yaml": base("base/app.yaml", "OCIRepository", "app", chart("app", "oci://ghcr.io/org", "spec.ref.semver"))},
			[]string{"6 patches[0].patch|[0].value: chart oci://ghcr.io/org/app range 1.2 for app"}},
		{"a bare image tag", map[string]string{"o/kustomization.yaml": inline("kind: HelmRelease, name: redis", "/spec/values/image/tag")},
			map[string]*detectors.Report{"base/redis.yaml": base("base/redis.yaml", "HelmRelease", "redis", promoter.Pin{
				Artifact: promoter.Artifact{Kind: promoter.Image, Name: "library/redis", Source: "docker.io"}, Consumer: promoter.ByContainer,
				Place: promoter.Place{Path: "spec.values.image.tag"},
			})}, []string{"6 patches[0].patch|[0].value: image docker.io/library/redis exact 1.2 for redis"}},
		{"a bare image tag of the chart's own image", map[string]string{"o/kustomization.yaml": inline("kind: HelmRelease, name: redis", "/spec/values/image/tag")},
			map[string]*detectors.Report{"base/redis.yaml": redis()},
			[]string{"6 patches[0].patch|[0].value: image  exact 1.2 for redis"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			repo := &detectors.Repository{Reports: map[string]*detectors.Report{}}
			for p, text := range tt.files {
				repo.Reports[p], _ = detect(t, p, text)
			}
			for p, r := range tt.bases {
				repo.Reports[p] = r
			}
			for p := range repo.Reports {
				repo.Paths = append(repo.Paths, p)
			}
			slices.Sort(repo.Paths)
			for range 2 { // the second time, nothing is left to do
				Detector{}.Link(repo)
				var got []string
				for _, p := range repo.Paths {
					if text, ok := tt.files[p]; ok {
						got = append(got, lines(t, text, repo.Reports[p])...)
					}
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("joined differently (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestLinkKeepsTheBasesOwnReference(t *testing.T) {
	t.Parallel()
	b := base("base.yaml", "HelmRelease", "redis", chart("redis", "", "spec.chart.spec.version"))
	b.Pins[0].SourceRef = &detectors.Ref{Kind: "HelmRepository", Name: "charts"}
	r, _ := detect(t, "kustomization.yaml", "patches:\n- target: {kind: HelmRelease, name: redis}\n  patch: |\n    - {op: add, path: /spec/chart/spec/version, value: 2.0.0}\n")
	repo := &detectors.Repository{Reports: map[string]*detectors.Report{"base.yaml": b, "kustomization.yaml": r}, Paths: []string{"base.yaml", "kustomization.yaml"}}
	Detector{}.Link(repo)
	if len(r.Pins) != 1 || r.Pins[0].SourceRef == nil {
		t.Fatalf("pins %+v; want one that waits for the base's source", r.Pins)
	}
	if got := fmt.Sprint(*r.Pins[0].SourceRef, strings.TrimSpace(r.Pins[0].Artifact.Name)); got != "{HelmRepository  charts}redis" {
		t.Errorf("source %q", got)
	}
}
