package kustomize

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"promoter/detectors"
)

func parse(t testing.TB, path, text string) *detectors.File {
	t.Helper()
	f, errs := detectors.Open(path, []byte(text))
	for _, e := range errs {
		t.Fatalf("%s:%d: %s", path, e.Line, e.Message)
	}
	return f
}

// detect returns a line for each pin and skip, and checks what holds of every
// place: its bytes are the scalar's, and its line is theirs.
func detect(t testing.TB, path, text string) (*detectors.Report, []string) {
	t.Helper()
	r := &detectors.Report{}
	Detector{}.Detect(parse(t, path, text), r)
	return r, lines(t, text, r)
}

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
		digest := ""
		if p.Digest != "" {
			digest = " @" + p.Digest[:14]
		}
		if p.DigestPlace != nil {
			digest += fmt.Sprintf(" at %d", p.DigestPlace.Line)
		}
		app := ""
		if p.App != "" {
			app = " for " + p.App
		}
		got = append(got, fmt.Sprintf("%d %s: %s %s %s%s%s", p.Place.Line, p.Place.Path, p.Artifact, p.Form, p.Version, digest, app))
	}
	for _, s := range r.Skips {
		got = append(got, fmt.Sprintf("%d %s: skip: %s", s.Place.Line, s.Place.Path, s.Reason))
	}
	return got
}

const (
	commit = "faac67e168c8dc572fe9ddcff05b4b4fa796cc17"
	digest = "sha256:0123456789012345678901234567890123456789012345678901234567890123"
)

func TestPins(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, path, text string
		want             []string
	}{
		{"image tags in every style", "kustomization.yaml", `
images:
- name: nginx
  newTag: 1.25.3
- name: app
  newName: ghcr.io/org/app
  newTag: "1.10"
- name: quay.io/org/numeric
  newTag: 1.10
- {name: quay.io/org/flow, newTag: 'v2'}
- name: quay.io/org/sha
  newTag: ` + commit + `
- name: quay.io/org/renamed
  newName: quay.io/other/renamed
`, []string{
			"4 images[0].newTag: image docker.io/library/nginx exact 1.25.3",
			"7 images[1].newTag: image ghcr.io/org/app exact 1.10",
			"9 images[2].newTag: image quay.io/org/numeric exact 1.10",
			"10 images[3].newTag: image quay.io/org/flow exact v2",
			"12 images[4].newTag: image quay.io/org/sha commit " + commit,
		}},
		{"digests beside, instead of and within a tag", "kustomization.yml", `
images:
- name: registry:5000/a
  newTag: v1
  digest: ` + digest + `
- name: registry:5000/b
  digest: ` + digest + `
- name: registry:5000/c
  newTag: v1@` + digest + `
- name: registry:5000/d
  digest: sha256:short
`, []string{
			"4 images[0].newTag: image registry:5000/a exact v1 @sha256:0123456 at 5",
			"7 images[1].digest: image registry:5000/b digest  @sha256:0123456",
			"9 images[2].newTag: image registry:5000/c exact v1 @sha256:0123456",
			"11 images[3].digest: skip: not a digest: algorithm or length is wrong",
		}},
		{"a variable in the name is replaced by the new name", "kustomization.yaml", `
images:
- name: \${COMMON_IMAGE}
  newName: quay.io/org/service
  newTag: v1
- name: ${OTHER}
  newTag: v1
- name: quay.io/org/x
  newTag: ${TAG}
`, []string{
			"5 images[0].newTag: image quay.io/org/service exact v1",
			"7 images[1].newTag: skip: the value is substituted by a variable",
			"9 images[2].newTag: skip: the value is substituted by a variable",
		}},
		{"an alias is pinned where its anchor stands", "kustomization.yaml", `
images:
- name: quay.io/org/a
  newTag: &tag v1.2.3
- name: quay.io/org/b
  newTag: *tag
`, []string{
			"4 images[0].newTag: image quay.io/org/a exact v1.2.3",
			"4 images[0].newTag: image quay.io/org/b exact v1.2.3",
		}},
		{"no header and another file name", "apps/images.yaml", "images:\n- name: a\n  newTag: v1\n", nil},
		{"a component with a header in another file", "apps/part.yaml", `apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
images:
- name: a/b
  newTag: v1
`, []string{"5 images[0].newTag: image docker.io/a/b exact v1"}},
		{"a bare file name", "apps/Kustomization", "images:\n- name: a/b\n  newTag: v1\n", []string{"3 images[0].newTag: image docker.io/a/b exact v1"}},
		{"Flux's Kustomization under kustomize's file name", "kustomization.yaml", `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
spec:
  images:
  - name: a/b
    newTag: v1
images:
- name: a/b
  newTag: v1
`, nil},
		{"charts", "kustomization.yaml", `
helmGlobals:
  chartHome: local
helmCharts:
- name: redis
  repo: https://charts.example.com/
  version: 1.2.3
  releaseName: cache
  valuesInline:
    image:
      repository: ghcr.io/org/redis
      tag: "7.0"
- {name: org/app, repo: "oci://ghcr.io/x", version: '0.1.5+2f6b3f9'}
- name: redis
  repo: https://charts.example.com
- name: redis
  repo: https://charts.example.com
  version: ^1.2
- name: own
  version: 1.0.0
- name: own
  repo: ../base
helmChartInflationGenerator:
- chartName: minecraft
  chartRepoUrl: https://itzg.github.io/minecraft-server-charts
  chartVersion: v1.2.0
  releaseName: world
`, []string{
			"12 helmCharts[0].valuesInline.image.tag: image ghcr.io/org/redis exact 7.0 for cache",
			"7 helmCharts[0].version: chart https://charts.example.com redis exact 1.2.3 for cache",
			"13 helmCharts[1].version: chart oci://ghcr.io/x/org/app exact 0.1.5+2f6b3f9 for org/app",
			"14 helmCharts[2].name: chart https://charts.example.com redis missing  for redis",
			"18 helmCharts[3].version: chart https://charts.example.com redis range ^1.2 for redis",
			"26 helmChartInflationGenerator[0].chartVersion: chart https://itzg.github.io/minecraft-server-charts minecraft exact v1.2.0 for world",
			"20 helmCharts[4].version: skip: the chart is a directory of this repository: no repository is written",
		}},
		{"an inflation generator", "generators/squid.yaml", `apiVersion: builtin
kind: HelmChartInflationGenerator
metadata:
  name: squid
name: squid-helm
repo: oci://quay.io/org/tests
version: 0.1.889+ca96506
releaseName: squid
valuesInline:
  image: quay.io/org/squid:v5
`, []string{
			"10 valuesInline.image: image quay.io/org/squid exact v5 for squid",
			"7 version: chart oci://quay.io/org/tests/squid-helm exact 0.1.889+ca96506 for squid",
		}},
		{"a generator with the old names", "gen.yaml", `apiVersion: builtin
kind: HelmChartInflationGenerator
chartName: redis
chartRepo: https://charts.example.com
chartVersion: 1.2.3
`, []string{"5 chartVersion: chart https://charts.example.com redis exact 1.2.3 for redis"}},
		{"a generator written in the list", "kustomization.yaml", `
generators:
- |-
  apiVersion: builtin
  kind: HelmChartInflationGenerator
  name: redis
  repo: https://charts.example.com
  version: "1.2.3"
`, []string{"8 generators[0]|version: chart https://charts.example.com redis exact 1.2.3 for redis"}},
		{"remote bases", "kustomization.yaml", `
resources:
- https://github.com/org/repo/config/default?ref=` + commit + `
- github.com/org/repo//deploy?ref=v1.2.3
- "git@github.com:org/repo.git//deploy?timeout=90s&ref=v1.2.4"
- https://github.com/org/repo/deploy
bases:
- git::https://git.example.com/team/repo.git//base?version=v2
components:
- ssh://git@git.example.com/team/repo.git//c?ref=main&submodules=false
`, []string{
			"3 resources[0]: git https://github.com/org/repo commit " + commit,
			"4 resources[1]: git https://github.com/org/repo exact v1.2.3",
			"5 resources[2]: git https://github.com/org/repo exact v1.2.4",
			"6 resources[3]: git https://github.com/org/repo missing ",
			"8 bases[0]: git https://git.example.com/team/repo exact v2",
			"10 components[0]: git ssh://git@git.example.com/team/repo floating main",
		}},
		{"served files", "kustomization.yaml", `
resources:
- https://github.com/org/repo/releases/download/v1.2.3/install.yaml
- https://raw.githubusercontent.com/org/repo/v1.2.3/deploy/crds.yaml
- https://github.com/org/repo/releases/latest/download/install.yaml
- https://github.com/org/repo/releases/download/v1.2.3/install-v1.2.3.yaml
- https://docs.example.com/v3.8/manifests/calico.yaml
`, []string{
			"3 resources[0]: git https://github.com/org/repo exact v1.2.3",
			"4 resources[1]: git https://github.com/org/repo exact v1.2.3",
			"5 resources[2]: git https://github.com/org/repo floating latest",
			"6 resources[3]: skip: the version stands more than once in the address",
			"7 resources[4]: skip: a file of a host that lists no versions",
		}},
		{"inline patches", "kustomization.yaml", `
patches:
- target: {kind: Deployment, name: web}
  patch: |-
    - op: replace
      path: /spec/template/spec/containers/0/image
      value: ghcr.io/org/web:1.2.3
    - op: remove
      path: /spec/template/spec/containers/1/image
- patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata:
      name: api
    spec:
      template:
        spec:
          containers:
          - name: api
            image: "ghcr.io/org/api:2.0"
- target: {kind: HelmRelease, name: redis}
  patch: '[{"op": "replace", "path": "/spec/chart/spec/version", "value": "1.2.3"}]'
patchesStrategicMerge:
- |-
  apiVersion: apps/v1
  kind: DaemonSet
  metadata: {name: agent}
  spec: {template: {spec: {containers: [{name: a, image: "ghcr.io/org/agent:3"}]}}}
- patch.yaml
`, []string{
			"7 patches[0].patch|[0].value: image ghcr.io/org/web exact 1.2.3 for web",
			"20 patches[1].patch|spec.template.spec.containers[0].image: image ghcr.io/org/api exact 2.0 for api",
			"22 patches[2].patch|[0].value: chart  exact 1.2.3 for redis",
			"28 patchesStrategicMerge[0]|spec.template.spec.containers[0].image: image ghcr.io/org/agent exact 3 for agent",
		}},
		{"a patch of an Application that sets the source as well", "patch.yaml", `
- op: replace
  path: /spec/source/repoURL
  value: https://github.com/org/repo.git
- op: replace
  path: /spec/source/targetRevision
  value: v1.2.3
- op: add
  path: /spec/template/spec/source/helm/parameters/-
  value: {name: image.repository, value: x}
- op: add
  path: /spec/source/helm/parameters/-
  value:
    name: agentImage
    value: ghcr.io/org/agent:1.0
`, []string{
			"7 [1].value: git https://github.com/org/repo exact v1.2.3",
			"15 [3].value.value: image ghcr.io/org/agent exact 1.0",
		}},
		{"transformers", "transform.yaml", `apiVersion: builtin
kind: ImageTagTransformer
metadata: {name: x}
imageTag:
  name: quay.io/org/a
  newTag: v1
---
apiVersion: builtin
kind: PatchTransformer
metadata: {name: y}
target: {kind: Deployment}
patch: |-
  - op: replace
    path: /spec/template/spec/containers/0/image
    value: quay.io/org/b:v2
`, []string{
			"6 imageTag.newTag: image quay.io/org/a exact v1",
			"15 patch|[0].value: image quay.io/org/b exact v2",
		}},
	}
	for _, tt := range tests {
		for _, eol := range []string{"\n", "\r\n"} {
			t.Run(tt.name+fmt.Sprintf(" %q", eol), func(t *testing.T) {
				t.Parallel()
				_, got := detect(t, tt.path, strings.ReplaceAll(tt.text, "\n", eol))
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("pins differ (-want +got):\n%s", diff)
				}
			})
		}
	}
}
