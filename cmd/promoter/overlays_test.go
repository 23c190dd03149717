package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"promoter/detectors/all"
	"promoter/detectors/scan"
	"promoter/promoter"
)

// looked is a repository on disk, looked at as survey does, where every
// artifact offers these versions.
func looked(t *testing.T, root string, now time.Time, offered ...string) *surveyed {
	t.Helper()
	cfg, err := loadConfig(root, "")
	if err != nil {
		t.Fatal(err)
	}
	inv, err := scan.Run(t.Context(), scan.Options{Root: root, Detectors: all.List()})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Place(inv.Pins)
	s := &surveyed{root: root, config: cfg, inventory: inv, listings: map[promoter.Artifact]promoter.Listing{}, choices: map[int]promoter.Choice{}}
	for _, a := range s.artifacts() {
		l := promoter.Listing{Artifact: a}
		for _, v := range offered {
			l.Releases = append(l.Releases, promoter.Release{Version: v, Created: now.AddDate(-1, 0, 0)})
		}
		s.listings[a] = l
	}
	s.choose(now)
	return s
}

// pushed does what a decision pushes, as if it were merged at once, and names
// the files that changed with the environments that the pull requests say.
func pushed(t *testing.T, root string, now time.Time, offered ...string) []string {
	t.Helper()
	s := looked(t, root, now, offered...)
	pol := policyOf(s)
	d := promoter.Plan(promoter.Observation{Base: "main", Commit: strings.Repeat("c", 40), Targets: targets(s, pol, reachOf(s, pol))}, pol, now)
	var out []string
	for _, a := range d.Actions {
		push, ok := a.(promoter.Push)
		if !ok {
			continue
		}
		files, err := makeEdits(func(file string) ([]byte, bool, error) {
			data, err := os.ReadFile(filepath.Join(root, file))
			return data, err == nil, nil
		}, push.Edits, now)
		if err != nil {
			t.Fatalf("%v: %v", a, err)
		}
		for file, data := range files {
			if err := os.WriteFile(filepath.Join(root, file), data, 0o644); err != nil {
				t.Fatal(err)
			}
			_, wave, _ := strings.Cut(strings.TrimPrefix(push.Branch, promoter.BranchPrefix), "/")
			out = append(out, wave+": "+file)
		}
		for i, e := range push.Edits { // where it will stand is where it stands then
			if e.Insert == (promoter.Insert{}) {
				continue
			}
			if slices.ContainsFunc(push.Edits[:i], func(o promoter.Edit) bool { return o.Place.File == e.Place.File && o.Place.Path == e.Place.Path }) {
				t.Errorf("two edits of %s stand at %s", e.Place.File, e.Place.Path)
			}
			if !slices.ContainsFunc(looked(t, root, now).inventory.Pins, func(p promoter.Pin) bool {
				return p.Place.File == e.Place.File && p.Place.Path == e.Place.Path && p.Place.Written == e.To
			}) {
				t.Errorf("nothing is found at %s %s", e.Place.File, e.Place.Path)
			}
		}
	}
	slices.Sort(out)
	return out
}

const splitting = `
-- promoter.yaml --
environments:
  - {name: dev, paths: ["**/dev/**", "**/*-dev.yaml"]}
  - {name: production, paths: ["**/production/**", "**/*-production.yaml"]}
  - {name: dev, clusters: [eu-dev]}
  - {name: production, clusters: [eu-production]}
waves:
  - name: dev
    environments: [dev]
  - name: production
    environments: [production]
pulls:
  splitBase: true
`

// fluxBase is a release in a base, and an overlay over it for each environment.
const fluxBase = `
-- base/release.yaml --
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: redis
  namespace: shop
spec:
  interval: 5m
  chart:
    spec:
      chart: redis
      version: 1.0.0
      sourceRef:
        kind: HelmRepository
        name: shop
  values:
    metrics:
      image:
        repository: ghcr.io/shop/exporter
        tag: 1.0.0
-- base/repository.yaml --
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata:
  name: shop
  namespace: shop
spec:
  url: https://charts.example.com
-- base/kustomization.yaml --
resources:
- release.yaml
- repository.yaml
-- overlays/dev/kustomization.yaml --
resources:
- ../../base
-- overlays/production/kustomization.yaml --
resources:
- ../../base
`

// argoBase is an Application in a base.
const argoBase = `
-- base/app.yaml --
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: redis
spec:
  sources:
  - repoURL: https://charts.example.com
    chart: redis
    targetRevision: 1.0.0
-- base/kustomization.yaml --
resources:
- app.yaml
-- overlays/dev/kustomization.yaml --
resources:
- ../../base
patches:
- target:
    kind: Application
  patch: |-
    - op: replace
      path: /spec/destination/namespace
      value: shop-dev
-- overlays/production/kustomization.yaml --
resources:
- ../../base
`

// valuesOf is a chart whose image is in the values that all environments
// share, and an Application for each environment with values of its own.
const valuesOf = `
-- chart/Chart.yaml --
apiVersion: v2
name: web
version: 0.1.0
-- chart/values.yaml --
replicas: 1
image:
  registry: ghcr.io
  repository: shop/web
  tag: "1.0.0"
-- values/web-dev.yaml --
replicas: 1
ingress:
  host: dev.example.com
-- values/web-production.yaml --
replicas: 3
-- apps/web-dev.yaml --
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: web-dev
spec:
  source:
    repoURL: https://git.example.com/shop/gitops
    path: chart
    helm:
      valueFiles:
      - ../values/web-dev.yaml
-- apps/web-production.yaml --
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: web-production
spec:
  source:
    repoURL: https://git.example.com/shop/gitops
    path: chart
    helm:
      valueFiles:
      - ../values/web-production.yaml
`

func TestSharedVersionsAreSplit(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		repository string
		want       [][]string // files by push, in turns
		file       string
		text       string // of file, after the first turn
	}{
		"a release's chart and image, by patches": {
			repository: fluxBase,
			want: [][]string{
				{"dev: overlays/dev/kustomization.yaml", "dev: overlays/dev/kustomization.yaml"},
				{"production: base/release.yaml", "production: base/release.yaml"},
				nil,
			},
			file: "overlays/dev/kustomization.yaml",
			text: `resources:
- ../../base
patches:
  - target:
      group: helm.toolkit.fluxcd.io
      kind: HelmRelease
      name: redis
    patch: |-
      - op: replace
        path: /spec/chart/spec/version
        value: "1.1.0"
`,
		},
		"an Application's chart, by a patch behind others": {
			repository: argoBase,
			want:       [][]string{{"dev: overlays/dev/kustomization.yaml"}, {"production: base/app.yaml"}, nil},
			file:       "overlays/dev/kustomization.yaml",
			text: `resources:
- ../../base
patches:
- target:
    kind: Application
  patch: |-
    - op: replace
      path: /spec/destination/namespace
      value: shop-dev
- target:
    group: argoproj.io
    kind: Application
    name: redis
  patch: |-
    - op: replace
      path: /spec/sources/0/targetRevision
      value: "1.1.0"
`,
		},
		"a chart's image, by the environment's values": {
			repository: valuesOf,
			want:       [][]string{{"dev: values/web-dev.yaml"}, {"production: chart/values.yaml"}, nil},
			file:       "values/web-dev.yaml",
			text: `replicas: 1
ingress:
  host: dev.example.com
image:
  registry: ghcr.io
  repository: shop/web
  tag: "1.1.0"
`,
		},
		"two releases of a group, by two patches in one pull request": {
			repository: fluxBase + `-- promoter.yaml --
environments:
  - {name: dev, paths: ["**/dev/**"]}
  - {name: production, paths: ["**/production/**"]}
waves:
  - {name: dev, environments: [dev]}
  - {name: production, environments: [production]}
groups:
  - {name: shop, artifacts: [redis, shop/exporter]}
pulls: {splitBase: true}
`,
			want: [][]string{{"dev: overlays/dev/kustomization.yaml"}, {"production: base/release.yaml"}, nil},
		},
		"a chart's image, by the values that an ApplicationSet names for each environment": {
			repository: valuesOf[:strings.Index(valuesOf, "-- apps/")] + `-- apps/web.yaml --
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata:
  name: web
spec:
  generators:
  - list:
      elements:
      - env: dev
      - env: production
  template:
    metadata:
      name: web-{{env}}
    spec:
      source:
        repoURL: https://git.example.com/shop/gitops
        path: chart
        helm:
          valueFiles:
          - ../values/web-{{env}}.yaml
      destination:
        name: eu-{{env}}
`,
			want: [][]string{{"dev: values/web-dev.yaml"}, {"production: chart/values.yaml"}, nil},
		},
		"a chart's image, by the values of helmfiles": {
			repository: valuesOf[:strings.Index(valuesOf, "-- apps/")] + `-- dev/helmfile.yaml --
releases:
- name: web
  chart: ../chart
  values:
  - ../values/web-dev.yaml
-- production/helmfile.yaml --
releases:
- name: web
  chart: ../chart
  values:
  - ../values/web-production.yaml
`,
			want: [][]string{{"dev: values/web-dev.yaml"}, {"production: chart/values.yaml"}, nil},
		},
		"two images of a chart, into values that say nothing yet": {
			repository: strings.Replace(strings.Replace(valuesOf, "replicas: 1\ningress:\n  host: dev.example.com\n", "", 1),
				"  tag: \"1.0.0\"\n", "  tag: \"1.0.0\"\nproxy:\n  image: ghcr.io/shop/proxy:1.0.0\n", 1),
			want: [][]string{{"dev: values/web-dev.yaml", "dev: values/web-dev.yaml"}, {"production: chart/values.yaml", "production: chart/values.yaml"}, nil},
			file: "values/web-dev.yaml",
			text: `proxy:
  image: "ghcr.io/shop/proxy:1.1.0"
image:
  registry: ghcr.io
  repository: shop/web
  tag: "1.1.0"
`,
		},
		"not where a release says it itself": {
			repository: valuesOf[:strings.Index(valuesOf, "-- apps/")] + `-- dev/helmfile.yaml --
releases:
- name: web
  chart: ../chart
  values:
  - ../values/web-dev.yaml
  - image:
      tag: "0.9.0"
-- production/helmfile.yaml --
releases:
- name: web
  chart: ../chart
  values:
  - ../values/web-production.yaml
`,
			want: [][]string{{"production: chart/values.yaml"}, nil},
		},
		"not where an Application says it itself": {
			repository: strings.Replace(valuesOf, "      - ../values/web-dev.yaml\n", "      - ../values/web-dev.yaml\n      parameters:\n      - {name: image.tag, value: 0.9.0}\n", 1),
			want:       [][]string{{"production: chart/values.yaml"}, nil},
		},
		"not where a file behind it says it": {
			repository: strings.Replace(valuesOf, "      - ../values/web-dev.yaml\n", "      - ../values/web-dev.yaml\n      - ../values/extra.yaml\n", 1) +
				"-- values/extra.yaml --\nimage: {tag: 0.9.0}\n",
			want: [][]string{{"production: chart/values.yaml"}, nil},
		},
		"not where a patch file says it": {
			repository: strings.Replace(argoBase, "patches:\n", "patches:\n- path: version.yaml\n", 1) +
				"-- overlays/dev/version.yaml --\napiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: redis\nspec:\n  sources:\n  - repoURL: https://charts.example.com\n    chart: redis\n    targetRevision: 1.0.0\n",
			want: [][]string{{"dev: overlays/dev/version.yaml"}, {"production: base/app.yaml"}, nil},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			for _, f := range txtar.Parse([]byte(splitting + c.repository)).Files {
				if err := os.MkdirAll(filepath.Dir(filepath.Join(root, f.Name)), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(root, f.Name), f.Data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			for turn, want := range c.want {
				if diff := cmp.Diff(want, pushed(t, root, now, "1.0.0", "1.1.0")); diff != "" {
					t.Fatalf("turn %d, -want +got:\n%s", turn+1, diff)
				}
				if turn > 0 || c.file == "" {
					continue
				}
				got, err := os.ReadFile(filepath.Join(root, c.file))
				if err != nil || !strings.HasPrefix(string(got), c.text) {
					t.Errorf("%v: -want +got:\n%s", err, cmp.Diff(c.text, string(got)))
				}
			}
			// The next release moves what was added, and then what is shared.
			var next []string
			for range 2 {
				next = append(next, pushed(t, root, now, "1.0.0", "1.1.0", "1.2.0")...)
			}
			var again []string
			for _, turn := range c.want {
				again = append(again, turn...)
			}
			if diff := cmp.Diff(again, next); diff != "" {
				t.Errorf("the next release, -want +got:\n%s", diff)
			}
		})
	}
}
