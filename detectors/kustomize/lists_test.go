package kustomize

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLinks(t *testing.T) {
	t.Parallel()
	r, _ := detect(t, "apps/web/prod/kustomization.yaml", `
namespace: web
resources: [../base, ../../shared/config.yaml, ./own.yaml, "https://github.com/org/repo/deploy?ref=v1", ../../../../outside]
components: [../parts/tls]
bases: [../old]
crds: [crd.json]
generators: [gen.yaml]
transformers: [labels.yaml]
validators: [check.yaml]
configurations: [names.yaml]
patches:
- path: replicas.yaml
- path: image.yaml
  target: {kind: HelmRelease, name: web}
patchesStrategicMerge: [merge.yaml]
patchesJson6902:
- {path: six.yaml, target: {kind: Deployment, name: web, version: v1}}
replacements:
- path: replace.yaml
configMapGenerator:
- {name: a, files: [values.yaml, other=cfg/other.yaml], envs: [a.env]}
secretGenerator:
- {name: b, env: b.env}
openapi: {path: schema.json}
helmGlobals: {chartHome: ../charts}
helmCharts:
- {name: own, valuesFile: v.yaml, additionalValuesFiles: [w.yaml]}
`)
	var got []string
	for _, l := range r.Links {
		got = append(got, strings.TrimSpace(l.Via+" "+l.Repo)+" "+l.To)
	}
	want := []string{
		"resources apps/web/base", "resources apps/shared/config.yaml", "resources apps/web/prod/own.yaml",
		"resources https://github.com/org/repo deploy",
		"bases apps/web/old", "components apps/web/parts/tls", "crds apps/web/prod/crd.json",
		"configurations apps/web/prod/names.yaml", "generators apps/web/prod/gen.yaml",
		"transformers apps/web/prod/labels.yaml", "validators apps/web/prod/check.yaml",
		"patches apps/web/prod/replicas.yaml", "patches apps/web/prod/image.yaml", "patchesJson6902 apps/web/prod/six.yaml",
		"patchesStrategicMerge apps/web/prod/merge.yaml", "replacements apps/web/prod/replace.yaml",
		"configMapGenerator apps/web/prod/values.yaml", "configMapGenerator apps/web/prod/cfg/other.yaml",
		"configMapGenerator apps/web/prod/a.env", "secretGenerator apps/web/prod/b.env", "openapi apps/web/prod/schema.json",
		"valuesFile apps/web/prod/v.yaml", "valuesFile apps/web/prod/w.yaml", "helmCharts apps/web/charts/own",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("links differ (-want +got):\n%s", diff)
	}
	var facts []string
	for _, f := range r.Facts {
		facts = append(facts, strings.TrimSpace(f.Kind+" "+f.Namespace+" "+f.Name+" "+f.Fields["kind"]+" "+f.Fields["name"]))
	}
	if diff := cmp.Diff([]string{
		"kustomization.yaml web apps/web/prod/kustomization.yaml",
		"patch-target  apps/web/prod/image.yaml HelmRelease web",
		"patch-target  apps/web/prod/six.yaml Deployment web",
	}, facts); diff != "" {
		t.Errorf("facts differ (-want +got):\n%s", diff)
	}
}

func TestExample(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/kustomization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, got := detect(t, "testdata/kustomization.yaml", string(data))
	want, err := os.ReadFile("testdata/want.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(strings.TrimSpace(string(want)), "\n"), got); diff != "" {
		t.Errorf("pins differ (-want +got):\n%s", diff)
	}
}
