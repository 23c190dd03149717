package flux

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"promoter/detectors"
)

const (
	commit = "faac67e168c8dc572fe9ddcff05b4b4fa796cc17"
	digest = "sha256:0123456789012345678901234567890123456789012345678901234567890123"
)

func parse(t testing.TB, path, text string) *detectors.File {
	t.Helper()
	f, errs := detectors.Open(path, []byte(text))
	for _, e := range errs {
		t.Fatalf("%s:%d: %s", path, e.Line, e.Message)
	}
	return f
}

// lines is a line for each pin and skip. It checks what holds of every place:
// its bytes are the scalar's, and its line is theirs.
func lines(t testing.TB, text string, r *detectors.Report) []string {
	t.Helper()
	var got []string
	for _, p := range r.Pins {
		raw := text[p.Place.Start:p.Place.End]
		if strings.Trim(raw, `'"`) != p.Place.Written {
			t.Errorf("%s: the bytes are %q and the value %q", p.Place.Path, raw, p.Place.Written)
		}
		if line := 1 + strings.Count(text[:p.Place.Start], "\n"); line != p.Place.Line {
			t.Errorf("%s: line %d, want %d", p.Place.Path, p.Place.Line, line)
		}
		var more string
		if p.Digest != "" {
			more += " @" + p.Digest[:14]
		}
		if p.DigestPlace != nil {
			more += fmt.Sprintf(" at %d", p.DigestPlace.Line)
		}
		if p.App != "" {
			more += " for " + p.App
		}
		if p.SourceRef != nil {
			more += fmt.Sprintf(" from %s %s", p.SourceRef.Kind, ref(*p.SourceRef))
		}
		got = append(got, fmt.Sprintf("%d %s: %s %s %s%s", p.Place.Line, p.Place.Path, p.Artifact, p.Form, p.Version, more))
	}
	for _, s := range r.Skips {
		got = append(got, fmt.Sprintf("%d %s: skip: %s", s.Place.Line, s.Place.Path, s.Reason))
	}
	return got
}

const release = `apiVersion: helm.toolkit.fluxcd.io/%s
kind: HelmRelease
metadata:
  name: web
  namespace: shop
spec:
  chart:
    spec:
      chart: nginx
      version: %s
      sourceRef:
        kind: HelmRepository
        name: charts
        namespace: flux-system
`

const webPin = "10 spec.chart.spec.version: chart nginx %s for web from HelmRepository flux-system/charts"

func TestDetect(t *testing.T) {
	t.Parallel()
	head := func(api, kind string) string {
		return "apiVersion: " + api + "\nkind: " + kind + "\nmetadata:\n  name: x\nspec:\n"
	}
	oci := head("source.toolkit.fluxcd.io/v1", "OCIRepository")
	git := head("source.toolkit.fluxcd.io/v1", "GitRepository")
	tests := []struct {
		name, path, text string
		want             []string
	}{
		{"v2", "", fmt.Sprintf(release, "v2", "1.2.3"), []string{fmt.Sprintf(webPin, "exact 1.2.3")}},
		{"v2beta1, quoted", "", fmt.Sprintf(release, "v2beta1", `"1.2.3"`), []string{fmt.Sprintf(webPin, "exact 1.2.3")}},
		{"v2beta2, a range", "", fmt.Sprintf(release, "v2beta2", "'>=1.2.0 <2'"), []string{fmt.Sprintf(webPin, "range >=1.2.0 <2")}},
		{"two parts are a range", "", fmt.Sprintf(release, "v2", "1.2"), []string{fmt.Sprintf(webPin, "range 1.2")}},
		{"numeric", "", fmt.Sprintf(release, "v2", "15"), []string{fmt.Sprintf(webPin, "range 15")}},
		{"everything", "", fmt.Sprintf(release, "v2", `"*"`), []string{fmt.Sprintf(webPin, "range *")}},
		{"nothing", "", fmt.Sprintf(strings.Replace(release, "      version: %s\n", "", 1), "v2"),
			[]string{"9 spec.chart.spec.chart: chart nginx missing  for web from HelmRepository flux-system/charts"}},
		{"a word", "", fmt.Sprintf(release, "v2", "latest"), []string{"10 spec.chart.spec.version: skip: not a version, and not a range of versions"}},
		{"a variable", "", fmt.Sprintf(release, "v2", "${VERSION}"), []string{"10 spec.chart.spec.version: skip: the value is substituted by a variable"}},
		{"an alias", "", fmt.Sprintf(release, "v2", "&v 1.2.3") + "  values:\n    image:\n      repository: a/b\n      tag: *v\n", []string{
			fmt.Sprintf(webPin, "exact 1.2.3"),
			"10 spec.chart.spec.version: image docker.io/a/b exact 1.2.3 for web",
		}},
		{"images in values", "", fmt.Sprintf(release, "v2", "1.2.3") + `  values:
    image:
      repository: ghcr.io/org/web
      tag: 1.17.0@` + digest + `
    sidecars:
      - name: log
        image: ghcr.io/org/log:2
    metrics:
      exporter: {image: {registry: quay.io, repository: org/exporter, tag: '0.9'}}
  postRenderers:
    - kustomize:
        images:
          - name: ghcr.io/org/init
            newTag: v3
        patches:
          - target: {kind: Deployment}
            patch: |
              - op: add
                path: /spec/template/spec/initContainers/0/image
                value: ghcr.io/org/patch:v4
`, []string{
			fmt.Sprintf(webPin, "exact 1.2.3"),
			"18 spec.values.image.tag: image ghcr.io/org/web exact 1.17.0 @sha256:0123456 for web",
			"21 spec.values.sidecars[0].image: image ghcr.io/org/log exact 2 for web",
			"23 spec.values.metrics.exporter.image.tag: image quay.io/org/exporter exact 0.9 for web",
			"28 spec.postRenderers[0].kustomize.images[0].newTag: image ghcr.io/org/init exact v3 for web",
			"34 spec.postRenderers[0].kustomize.patches[0].patch|[0].value: image ghcr.io/org/patch exact v4",
		}},
		{"a patch of a release", "", `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: web}
spec:
  chart: {spec: {version: 1.3.0}}
  values: {image: {tag: v9}}
`, []string{
			"5 spec.chart.spec.version: chart  exact 1.3.0 for web from HelmRelease web",
			"6 spec.values.image.tag: image  exact v9 for web from HelmRelease web",
		}},
		{"a chart of a Git repository", "", `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: web}
spec:
  chart: {spec: {chart: ./charts/web, version: 1.0.0, sourceRef: {kind: GitRepository, name: mono}}}
`, []string{"5 spec.chart.spec.version: skip: not read by Flux: the chart is a directory of a GitRepository"}},
		{"the first operator", "", `apiVersion: helm.fluxcd.io/v1
kind: HelmRelease
metadata: {name: web}
spec:
  chart:
    repository: https://charts.example.com/
    name: nginx
    version: 1.2.3
  values: {image: ghcr.io/org/web:1}
`, []string{
			"8 spec.chart.version: chart https://charts.example.com nginx exact 1.2.3 for web",
			"9 spec.values.image: image ghcr.io/org/web exact 1 for web",
		}},
		{"the first operator with Git", "", `apiVersion: helm.fluxcd.io/v1
kind: HelmRelease
metadata: {name: web}
spec:
  chart: {git: "git@github.com:org/charts", ref: v1.2.3, path: web}
`, []string{"5 spec.chart.ref: git https://github.com/org/charts exact v1.2.3 for web"}},
		{"HelmChart", "", head("source.toolkit.fluxcd.io/v1", "HelmChart") + "  chart: nginx\n  version: 1.2.3\n  sourceRef: {kind: HelmRepository, name: charts}\n",
			[]string{"7 spec.version: chart nginx exact 1.2.3 for x from HelmRepository charts"}},
		{"a tag", "", oci + "  url: oci://ghcr.io/org/app\n  ref: {tag: 1.2.3}\n", []string{"7 spec.ref.tag: image ghcr.io/org/app exact 1.2.3 for x"}},
		{"a numeric tag", "", oci + "  url: oci://ghcr.io/org/app\n  ref: {tag: 1.10}\n", []string{"7 spec.ref.tag: image ghcr.io/org/app exact 1.10 for x"}},
		{"a chart's media type", "", oci + "  url: oci://ghcr.io/org/charts/app\n  layerSelector:\n    mediaType: application/vnd.cncf.helm.chart.content.v1.tar+gzip\n  ref: {tag: 1.2.3_build}\n",
			[]string{"9 spec.ref.tag: chart oci://ghcr.io/org/charts/app exact 1.2.3_build for x"}},
		{"a tag with a digest in it", "", oci + "  url: oci://ghcr.io/org/app\n  ref: {tag: 'v1@" + digest + "'}\n", []string{"7 spec.ref.tag: image ghcr.io/org/app exact v1 @sha256:0123456 for x"}},
		{"a tag and a digest", "", oci + "  url: oci://ghcr.io/org/app\n  ref:\n    tag: v1\n    digest: " + digest + "\n", []string{"8 spec.ref.tag: image ghcr.io/org/app exact v1 @sha256:0123456 at 9 for x"}},
		{"a digest", "", oci + "  url: oci://ghcr.io/org/app\n  ref: {digest: " + digest + "}\n", []string{"7 spec.ref.digest: image ghcr.io/org/app digest  @sha256:0123456 for x"}},
		{"semver goes before a tag", "", oci + "  url: oci://ghcr.io/org/app\n  ref: {tag: v1, semver: '>= 1.0.0-0'}\n", []string{"7 spec.ref.semver: image ghcr.io/org/app range >= 1.0.0-0 for x"}},
		{"latest", "", oci + "  url: oci://ghcr.io/org/app\n  ref: {tag: latest}\n", []string{"7 spec.ref.tag: image ghcr.io/org/app floating latest for x"}},
		{"no ref", "", oci + "  url: oci://ghcr.io/org/app\n", []string{"6 spec.url: image ghcr.io/org/app missing  for x"}},
		{"not a registry", "", oci + "  url: https://ghcr.io/org/app\n  ref: {tag: v1}\n", []string{"6 spec.url: skip: not an address of an artifact in a registry"}},
		{"Git tag", "", git + "  url: https://github.com/org/repo.git\n  ref: {tag: v1.2.3, branch: main}\n", []string{"7 spec.ref.tag: git https://github.com/org/repo exact v1.2.3 for x"}},
		{"Git commit", "", git + "  url: ssh://git@github.com/org/repo\n  ref: {branch: main, commit: " + commit + "}\n", []string{"7 spec.ref.commit: git https://github.com/org/repo commit " + commit + " for x"}},
		{"Git semver", "", git + "  url: https://github.com/org/repo\n  ref: {semver: 1.x}\n", []string{"7 spec.ref.semver: git https://github.com/org/repo range 1.x for x"}},
		{"Git branch", "", git + "  url: https://github.com/org/repo\n  ref: {branch: v1.2.3}\n", []string{"7 spec.ref.branch: git https://github.com/org/repo floating v1.2.3 for x"}},
		{"Git ref by name", "", git + "  url: https://github.com/org/repo\n  ref: {name: refs/tags/v1.2.3}\n", []string{"7 spec.ref.name: git https://github.com/org/repo exact v1.2.3 for x"}},
		{"Git head by name", "", git + "  url: https://github.com/org/repo\n  ref: {name: refs/heads/main}\n", []string{"7 spec.ref.name: git https://github.com/org/repo floating main for x"}},
		{"Git pull request", "", git + "  url: https://github.com/org/repo\n  ref: {name: refs/pull/4/head}\n", []string{"7 spec.ref.name: git https://github.com/org/repo floating refs/pull/4/head for x"}},
		{"no Git ref", "", git + "  url: https://github.com/org/repo\n", []string{"6 spec.url: git https://github.com/org/repo missing  for x"}},
		{"Kustomization", "", head("kustomize.toolkit.fluxcd.io/v1", "Kustomization") + `  path: ./apps/web
  images:
    - {name: ghcr.io/org/web, newTag: v2}
  patches:
    - patch: |
        - op: replace
          path: /spec/template/spec/containers/0/image
          value: ghcr.io/org/api:v3
      target: {kind: Deployment, name: api}
  patchesStrategicMerge:
    - {apiVersion: apps/v1, kind: Deployment, metadata: {name: db}, spec: {template: {spec: {containers: [{image: "ghcr.io/org/db:v4"}]}}}}
  patchesJson6902:
    - target: {kind: Deployment, name: q}
      patch: [{op: add, path: /spec/image, value: "ghcr.io/org/q:v5"}]
`, []string{
			"8 spec.images[0].newTag: image ghcr.io/org/web exact v2 for x",
			"13 spec.patches[0].patch|[0].value: image ghcr.io/org/api exact v3 for api",
			"16 spec.patchesStrategicMerge[0].spec.template.spec.containers[0].image: image ghcr.io/org/db exact v4 for db",
			"19 spec.patchesJson6902[0].patch[0].value: image ghcr.io/org/q exact v5 for q",
		}},
		{"FluxInstance", "", head("fluxcd.controlplane.io/v1", "FluxInstance") + `  distribution:
    version: "2.7.x"
    registry: ghcr.io/fluxcd
    artifact: oci://ghcr.io/controlplaneio-fluxcd/flux-operator-manifests:v0.32.0
`, []string{
			"7 spec.distribution.version: git https://github.com/fluxcd/flux2 range 2.7.x for x",
			"9 spec.distribution.artifact: image ghcr.io/controlplaneio-fluxcd/flux-operator-manifests exact v0.32.0 for x",
		}},
		{"a List", "", `apiVersion: v1
kind: List
items:
- apiVersion: source.toolkit.fluxcd.io/v1
  kind: OCIRepository
  metadata: {name: y}
  spec: {url: "oci://ghcr.io/org/app", ref: {tag: v1}}
`, []string{"7 items[0].spec.ref.tag: image ghcr.io/org/app exact v1 for y"}},
		{"values in a ConfigMap", "", `apiVersion: v1
kind: ConfigMap
metadata: {name: values}
data:
  values.yaml: |
    image:
      repository: ghcr.io/org/web
      tag: "1.0"
`, []string{`8 data."values.yaml"|image.tag: image ghcr.io/org/web exact 1.0`}},
		{"a ResourceSet", "", head("fluxcd.controlplane.io/v1", "ResourceSet") + `  inputs:
    - {tenant: a, version: "1.2.3", tag: v1}
    - {tenant: b, version: "1.3.0", tag: v2}
  resources:
    - apiVersion: source.toolkit.fluxcd.io/v1
      kind: OCIRepository
      metadata: {name: "<< inputs.tenant >>-app"}
      spec: {url: "oci://ghcr.io/org/app", ref: {tag: << inputs.version | quote >>}}
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: "<< inputs.tenant >>"}
      spec: {template: {spec: {containers: [{image: "ghcr.io/org/web:<< inputs.tag >>"}, {image: "ghcr.io/org/own:v7"}, {image: "ghcr.io/org/part:v<< inputs.version >>"}]}}}
    - apiVersion: source.toolkit.fluxcd.io/v1
      kind: OCIRepository
      metadata: {name: other}
      spec: {url: "oci://ghcr.io/org/other", ref: {tag: << inputs.unknown >>}}
`, []string{
			"7 spec.inputs[0].version: image ghcr.io/org/app exact 1.2.3 for a-app",
			"8 spec.inputs[1].version: image ghcr.io/org/app exact 1.3.0 for b-app",
			"7 spec.inputs[0].tag: image ghcr.io/org/web exact v1 for a",
			"17 spec.resources[1].spec.template.spec.containers[1].image: image ghcr.io/org/own exact v7 for a",
			"8 spec.inputs[1].tag: image ghcr.io/org/web exact v2 for b",
			"17 spec.resources[1].spec.template.spec.containers[1].image: image ghcr.io/org/own exact v7 for b",
			"17 spec.resources[1].spec.template.spec.containers[2].image: skip: an input of the ResourceSet is only a part of the version",
			"17 spec.resources[1].spec.template.spec.containers[2].image: skip: an input of the ResourceSet is only a part of the version",
			"21 spec.resources[2].spec.ref.tag: skip: set by an input of the ResourceSet that is not written in it",
			"21 spec.resources[2].spec.ref.tag: skip: set by an input of the ResourceSet that is not written in it",
		}},
		{"a ResourceSet's template", "", head("fluxcd.controlplane.io/v1", "ResourceSet") + `  inputs:
    - {version: "1.2.3"}
  resourcesTemplate: |
    apiVersion: source.toolkit.fluxcd.io/v1
    kind: OCIRepository
    metadata: {name: app}
    spec: {url: "oci://ghcr.io/org/app", ref: {tag: << inputs.version >>}}
`, []string{"7 spec.inputs[0].version: image ghcr.io/org/app exact 1.2.3 for app"}},
		{"the version in exported manifests", "clusters/a/flux-system/gotk-components.yaml", "---\n# This manifest was generated by flux. DO NOT EDIT.\n# Flux Version: v2.2.3\n# Components: source-controller\napiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n",
			[]string{"3 # Flux Version: git https://github.com/fluxcd/flux2 exact v2.2.3 for flux"}},
		{"markers", "", `apiVersion: example.com/v1
kind: App
metadata: {name: web}
spec:
  artifact: ghcr.io/org/web:1.0.0 # {"$imagepolicy": "flux-system:web"}
  release: 1.0.0 # {"$imagepolicy": "flux-system:web:tag"}
  hash: ` + digest + ` # {"$imagepolicy": "flux-system:web:digest"}
  where: ghcr.io/org/web # {"$imagepolicy": "flux-system:web:name"}
  image: ghcr.io/org/known:2.0.0 # {"$imagepolicy": "flux-system:known"}
  other: 1.0.0 # no marker
`, []string{
			"5 spec.artifact: image ghcr.io/org/web exact 1.0.0 for web",
			"6 spec.release: image  exact 1.0.0 for web from ImagePolicy flux-system/web",
			"7 spec.hash: image  digest  @sha256:0123456 for web from ImagePolicy flux-system/web",
		}},
		{"other kinds of the same names", "", "apiVersion: example.com/v1\nkind: HelmRelease\nspec: {chart: {spec: {chart: a, version: 1.0.0, sourceRef: {name: b}}}}\n", nil},
	}
	for _, tt := range tests {
		for _, eol := range []string{"\n", "\r\n"} {
			t.Run(tt.name+fmt.Sprintf(" %q", eol), func(t *testing.T) {
				t.Parallel()
				text := strings.ReplaceAll(tt.text, "\n", eol)
				path := tt.path
				if path == "" {
					path = "apps/x.yaml"
				}
				r := &detectors.Report{}
				Detector{}.Detect(parse(t, path, text), r)
				if diff := cmp.Diff(tt.want, lines(t, text, r)); diff != "" {
					t.Errorf("pins differ (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestTemplatedVersionIsSkipped(t *testing.T) {
	t.Parallel()
	text := fmt.Sprintf(release, "v2", "{{ .Values.web }}")
	f := parse(t, "templates/web.yaml", text)
	r := &detectors.Report{}
	Detector{}.Detect(f, r)
	if len(r.Pins) != 0 || len(r.Skips) != 1 || r.Skips[0].Reason != "the value is written by a template" {
		t.Errorf("pins %v, skips %v; want one skip for a template", r.Pins, r.Skips)
	}
}

func TestExample(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/release.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r := &detectors.Report{}
	Detector{}.Detect(parse(t, "testdata/release.yaml", string(data)), r)
	want, err := os.ReadFile("testdata/want.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(strings.TrimSpace(string(want)), "\n"), lines(t, string(data), r)); diff != "" {
		t.Errorf("pins differ (-want +got):\n%s", diff)
	}
}

func BenchmarkHelmRelease(b *testing.B) {
	data, err := os.ReadFile("testdata/release.yaml")
	if err != nil {
		b.Fatal(err)
	}
	f := parse(b, "testdata/release.yaml", string(data))
	b.ReportAllocs()
	for b.Loop() {
		var r detectors.Report
		Detector{}.Detect(f, &r)
		if len(r.Pins) == 0 {
			b.Fatal("no pins")
		}
	}
}
