package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"promoter/detectors/all"
	"promoter/detectors/scan"
	"promoter/promoter/config"
	"promoter/test/world"
)

// tree writes files below a new directory.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		write(t, filepath.Join(root, filepath.FromSlash(name)), text)
	}
	return root
}

func write(t *testing.T, target, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(target, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

const (
	deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: {containers: [{name: web, image: \"nginx:1.27.0\"}]}}}\n"
	overlay    = "resources: [../../base]\nimages: [{name: nginx, newTag: 1.27.0}]\n"
	base       = "resources: [deployment.yaml]\n"
)

func kustomization(resources string) string {
	return "resources: [" + resources + "]\nimages: [{name: nginx, newTag: 1.27.0}]\n"
}

func application(name, chart, cluster string) string {
	return fmt.Sprintf(`apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: %s, namespace: argocd}
spec:
  project: default
  source: {repoURL: https://charts.example.com, chart: %s, targetRevision: 1.2.3}
  destination: {%s, namespace: web}
`, name, chart, cluster)
}

// each writes one file for each of the names, in place of NAME.
func each(files map[string]string, path, text string, names ...string) {
	for _, n := range names {
		files[strings.ReplaceAll(path, "NAME", n)] = strings.ReplaceAll(text, "NAME", n)
	}
}

// What init writes fits the repository that it was written from, and says in
// few words what is there.
func TestInitOnLayouts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		files func(map[string]string)
		want  string // the places and waves, without comments
	}{
		{"overlays", func(f map[string]string) {
			for _, app := range []string{"web", "shop"} {
				f["apps/"+app+"/base/kustomization.yaml"] = base
				f["apps/"+app+"/base/deployment.yaml"] = deployment
				each(f, "apps/"+app+"/overlays/NAME/kustomization.yaml", overlay, "dev", "staging", "prod")
			}
		}, `environments:
  - name: "{env}"
    paths: ["**/overlays/{env}/**"]
waves:
  - name: dev
    environments: [dev]
    soak: 1h
  - name: staging
    environments: [staging]
    soak: 1h
  - name: prod
    environments: [prod]
`},
		{"overlays beside a base that is no environment", func(f map[string]string) {
			f["web/overlays/base/deployment.yaml"] = deployment
			f["web/overlays/base/kustomization.yaml"] = base
			each(f, "web/overlays/NAME/kustomization.yaml", kustomization("../base"), "qa", "live")
		}, `environments:
  - name: qa
    paths: ["**/overlays/qa/**"]
  - name: live
    paths: ["**/overlays/live/**"]
waves:
  - name: qa
    environments: [qa]
    soak: 1h
  - name: live
    environments: [live]
`},
		{"clusters below environments", func(f map[string]string) {
			each(f, "clusters/prod/NAME/web.yaml", deployment, "eu-1", "us-1", "us-2")
			each(f, "clusters/staging/NAME/web.yaml", deployment, "eu-1")
		}, `environments:
  - name: "{env}"
    cluster: "{cluster}"
    paths: ["clusters/{env}/{cluster}/**"]
waves:
  - name: staging
    environments: [staging]
    soak: 1h
  - name: prod
    environments: [prod]
    split: cluster
`},
		{"clusters named for environments", func(f map[string]string) {
			each(f, "clusters/NAME/apps/web.yaml", deployment, "dev", "prod")
			each(f, "clusters/NAME/infra/web.yaml", deployment, "dev", "prod")
		}, `environments:
  - name: "{env}"
    cluster: "{env}"
    paths: ["clusters/{env}/**"]
waves:
  - name: dev
    environments: [dev]
    soak: 1h
  - name: prod
    environments: [prod]
`},
		{"numbered clusters in one directory", func(f map[string]string) {
			each(f, "clusters/NAME/web.yaml", deployment, "prod-eu-1", "prod-us-1", "dev-eu-1")
		}, `environments:
  - name: dev
    cluster: dev-eu-1
    paths: ["clusters/dev-eu-1/**"]
  - name: prod
    cluster: "prod-{id}"
    paths: ["clusters/prod-{id}/**"]
waves:
  - name: dev
    environments: [dev]
    soak: 1h
  - name: prod
    environments: [prod]
    split: cluster
`},
		{"clusters without a word", func(f map[string]string) {
			each(f, "clusters/NAME/web.yaml", deployment, "kube01", "kube02", "kube03")
		}, `environments:
  - name: "{cluster}"
    cluster: "{cluster}"
    paths: ["clusters/{cluster}/**"]
waves:
  - name: kube01
    environments: [kube01]
    soak: 1h
  - name: rest
    environments: [kube02, kube03]
    split: environment
`},
		{"tenants", func(f map[string]string) {
			for _, tenant := range []string{"acme", "globex"} {
				each(f, "tenants/"+tenant+"/NAME/web.yaml", deployment, "dev", "prod")
			}
		}, `environments:
  - name: "{env}"
    tenant: "{tenant}"
    paths: ["tenants/{tenant}/{env}/**"]
waves:
  - name: dev
    environments: [dev]
    soak: 1h
  - name: prod
    environments: [prod]
    split: tenant
`},
		{"tenants with files for environments", func(f map[string]string) {
			for _, tenant := range []string{"acme", "globex"} {
				each(f, "tenants/"+tenant+"/NAME.yaml", deployment, "dev", "prod")
			}
		}, `environments:
  - name: "{env}"
    tenant: "{tenant}"
    paths: ["tenants/{tenant}/{env}.yaml"]
waves:
  - name: dev
    environments: [dev]
    soak: 1h
  - name: prod
    environments: [prod]
    split: tenant
`},
		{"a file for each environment", func(f map[string]string) {
			for _, app := range []string{"web", "shop"} {
				each(f, "apps/"+app+"/NAME.yaml", deployment, "dev", "uat", "prod")
			}
		}, `environments:
  - name: "{env}"
    paths: ["apps/*/{env}.yaml"]
waves:
  - name: dev
    environments: [dev]
    soak: 1h
  - name: uat
    environments: [uat]
    soak: 1h
  - name: prod
    environments: [prod]
`},
		{"values files", func(f map[string]string) {
			f["charts/web/Chart.yaml"] = "apiVersion: v2\nname: web\nversion: 0.1.0\n"
			f["charts/web/values.yaml"] = "image: {repository: nginx, tag: 1.27.0}\n"
			each(f, "charts/web/values-NAME.yaml", "image: {repository: nginx, tag: 1.27.0}\n", "dev", "prod")
		}, `environments:
  - name: "{env}"
    paths: ["**/values-{env}.yaml"]
waves:
  - name: dev
    environments: [dev]
    soak: 1h
  - name: prod
    environments: [prod]
`},
		{"components, environments, clusters", func(f map[string]string) {
			for _, c := range []string{"build", "release"} {
				f["components/"+c+"/base/kustomization.yaml"] = base
				f["components/"+c+"/base/deployment.yaml"] = deployment
				f["components/"+c+"/development/kustomization.yaml"] = kustomization("../base")
				f["components/"+c+"/staging/base/kustomization.yaml"] = kustomization("../../base")
				each(f, "components/"+c+"/staging/NAME/kustomization.yaml", kustomization("../base"), "stone-stg-p01")
				each(f, "components/"+c+"/production/NAME/kustomization.yaml", kustomization("../../base"), "stone-prod-p01", "stone-prod-p02", "rock-prod-p01")
			}
		}, `environments:
  - name: staging
    cluster: stone-stg-p01
    paths: ["components/*/staging/stone-stg-p01/**"]
  - name: production
    cluster: "{fleet}-prod-{id}"
    paths: ["components/*/production/{fleet}-prod-{id}/**"]
  - name: development
    paths: ["components/*/development/**"]
  - name: staging
    paths: ["components/*/staging/**"]
waves:
  - name: development
    environments: [development]
    soak: 1h
  - name: staging
    environments: [staging]
    soak: 1h
  - name: production
    environments: [production]
    split: cluster
`},
		{"destinations", func(f map[string]string) {
			each(f, "apps/web-NAME-app.yaml", application("web-NAME", "web", "name: NAME"), "lab")
			f["apps/web.yaml"] = application("web-a", "web", "name: dev") + "---\n" + application("web-b", "web", "name: prod") +
				"---\n" + application("web-c", "web", "server: \"https://10.0.0.1:6443\"")
		}, `environments:
  - name: dev
    clusters: [dev]
  - name: lab
    clusters: [lab]
  - name: prod
    clusters: [prod]
waves:
  - name: dev
    environments: [dev]
    soak: 1h
  - name: lab
    environments: [lab]
    soak: 1h
  - name: prod
    environments: [prod]
`},
		{"names of applications", func(f map[string]string) {
			f["apps.yaml"] = application("web-dev", "web", "server: \"https://kubernetes.default.svc\"") + "---\n" +
				application("shop-dev", "shop", "server: \"https://kubernetes.default.svc\"") + "---\n" +
				application("web-prod", "web", "server: \"https://kubernetes.default.svc\"")
		}, `environments:
  - name: development
    apps: ["*-dev"]
  - name: production
    apps: [web-prod]
waves:
  - name: development
    environments: [development]
    soak: 1h
  - name: production
    environments: [production]
`},
		{"one word for an environment here, another there", func(f map[string]string) {
			each(f, "web/NAME/deployment.yaml", deployment, "dev", "prod")
			each(f, "shop/NAME/deployment.yaml", deployment, "development", "prd")
		}, `environments:
  - name: development
    paths: ["**/dev/**", "**/development/**"]
  - name: production
    paths: ["**/prd/**", "**/prod/**"]
waves:
  - name: development
    environments: [development]
    soak: 1h
  - name: production
    environments: [production]
`},
		{"a component that is called like an environment", func(f map[string]string) {
			for _, c := range []string{"integration", "build"} {
				f["components/"+c+"/base/kustomization.yaml"] = base
				each(f, "components/"+c+"/NAME/deployment.yaml", deployment, "staging", "production")
			}
		}, `environments:
  - name: staging
    paths: ["components/*/staging/**"]
  - name: production
    paths: ["components/*/production/**"]
waves:
  - name: staging
    environments: [staging]
    soak: 1h
  - name: production
    environments: [production]
`},
		{"what serves those who work here", func(f map[string]string) {
			each(f, "clusters/NAME/web.yaml", deployment, "staging", "production")
			f["test/docker-compose.yaml"] = "services: {db: {image: \"postgres:16.1\"}}\n"
			f["test/pod.yaml"] = deployment
		}, `environments:
  - name: "{env}"
    cluster: "{env}"
    paths: ["clusters/{env}/**"]
waves:
  - name: staging
    environments: [staging]
    soak: 1h
  - name: production
    environments: [production]
`},
		{"nothing that names an environment", func(f map[string]string) {
			f["apps/web/deployment.yaml"] = deployment
			f["apps/shop/deployment.yaml"] = deployment
		}, `environments:
  - name: main
    paths: ["**"]
waves:
  - name: main
    environments: [main]
`},
		{"nothing at all", func(f map[string]string) { f["README.md"] = "empty\n" }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{}
			tt.files(files)
			root := tree(t, files)
			var out, errs bytes.Buffer
			if err := runInit(t.Context(), initFlags{root: root}, &out, &errs); err != nil {
				t.Fatalf("init: %v\n%s", err, errs.String())
			}
			text, err := os.ReadFile(filepath.Join(root, config.Name))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, placesOf(string(text))); diff != "" {
				t.Errorf("drafted (-want +got):\n%s", diff)
			}
			if err := runCheck(t.Context(), surveyFlags{root: root, noCache: true}, true, &out, &errs); err != nil {
				t.Errorf("check: %v\n%s\n%s", err, errs.String(), text)
			}
		})
	}
}

// placesOf are the environments and waves of a configuration, bare.
func placesOf(text string) string {
	var b strings.Builder
	in := false
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "#") {
			in = strings.HasPrefix(line, "environments:") || strings.HasPrefix(line, "waves:")
		}
		bare, _, _ := strings.Cut(line, " #")
		bare = strings.TrimRight(bare, " \n")
		if in && bare != "" && !strings.HasPrefix(strings.TrimSpace(bare), "#") {
			b.WriteString(bare + "\n")
		}
	}
	return b.String()
}

func TestInitOnTheSample(t *testing.T) {
	t.Parallel()
	root := filepath.Join(t.TempDir(), "sample")
	if err := world.WriteSample(root); err != nil {
		t.Fatal(err)
	}
	check := func() error {
		var out, errs bytes.Buffer
		err := runCheck(t.Context(), surveyFlags{root: root, noCache: true}, false, &out, &errs)
		if err == nil {
			if _, perr := config.Parse("effective.yaml", out.Bytes()); perr != nil {
				t.Errorf("what check prints is no configuration: %v\n%s", perr, out.String())
			}
		} else {
			t.Log(errs.String())
		}
		return err
	}
	if err := check(); err != nil {
		t.Errorf("the sample's own configuration: %v", err)
	}
	var out, errs bytes.Buffer
	if err := runInit(t.Context(), initFlags{root: root}, &out, &errs); err == nil || !strings.Contains(err.Error(), "--force") {
		t.Errorf("a file that is there is replaced unasked: %v", err)
	}
	if err := runInit(t.Context(), initFlags{root: root, force: true}, &out, &errs); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, config.Name))
	if err != nil {
		t.Fatal(err)
	}
	want := `environments:
  - name: dev
    paths: ["**/dev/**", "**/dev.yaml"]
    clusters: [dev]
  - name: staging
    paths: ["**/staging/**", "**/staging.yaml"]
    clusters: [staging]
  - name: "production-{part}"
    paths: ["**/production-{part}/**", "**/production-{part}.yaml"]
    clusters: ["production-{part}"]
waves:
  - name: dev
    environments: [dev]
    soak: 1h
  - name: staging
    environments: [staging]
    soak: 1h
  - name: production
    environments: ["production-*"]
    split: environment
`
	if diff := cmp.Diff(want, placesOf(string(text))); diff != "" {
		t.Errorf("drafted (-want +got):\n%s", diff)
	}
	if err := check(); err != nil {
		t.Errorf("what init wrote: %v", err)
	}
	leftovers, err := filepath.Glob(filepath.Join(root, ".promoter-*"))
	if err != nil || len(leftovers) > 0 {
		t.Errorf("left behind: %q, %v", leftovers, err)
	}
}

func TestInitPrintsAndWritesNothing(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{"clusters/dev/web.yaml": deployment, "clusters/prod/web.yaml": deployment})
	var out, errs bytes.Buffer
	if err := runInit(t.Context(), initFlags{root: root, print: true}, &out, &errs); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Parse("printed", out.Bytes()); err != nil {
		t.Errorf("what is printed: %v", err)
	}
	if _, err := os.Stat(filepath.Join(root, config.Name)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was written: %v", err)
	}
}

// The same repository gives the same draft, whatever the order of maps.
func TestInitIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	root := filepath.Join(t.TempDir(), "sample")
	if err := world.WriteSample(root); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(root, config.Name)); err != nil {
		t.Fatal(err)
	}
	var first string
	for range 5 {
		inv, err := scan.Run(t.Context(), scan.Options{Root: root, Detectors: all.List()})
		if err != nil {
			t.Fatal(err)
		}
		text, _, err := draft(root, inv)
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = string(text)
		}
		if diff := cmp.Diff(first, string(text)); diff != "" {
			t.Fatalf("another draft (-first +second):\n%s", diff)
		}
	}
}
