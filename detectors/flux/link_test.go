package flux

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"promoter/detectors"
)

// repository detects and links files. What kustomize's own detector says of a
// kustomization is written here: a link for each resource and its namespace.
func repository(t *testing.T, remote string, files map[string]string) *detectors.Repository {
	t.Helper()
	repo := &detectors.Repository{Reports: map[string]*detectors.Report{}, Remote: remote}
	repo.Read = func(p string) ([]byte, error) {
		text, ok := files[p]
		if !ok {
			return nil, fmt.Errorf("read %q: no such file", p)
		}
		return []byte(text), nil
	}
	for p, text := range files {
		repo.Paths = append(repo.Paths, p)
		f := parse(t, p, text)
		r := &detectors.Report{}
		Detector{}.Detect(f, r)
		if detectors.IsKustomizationFile(p) {
			root := detectors.At(f, f.Docs[0])
			for _, item := range root.Get("resources").Items() {
				r.Links = append(r.Links, detectors.Link{From: item.Place(), To: path.Join(path.Dir(p), item.Str()), Via: "resources"})
			}
			if ns := root.Get("namespace"); ns.IsScalar() {
				r.Facts = append(r.Facts, detectors.Fact{Kind: detectors.KustomizationFact, Namespace: ns.Str(), Name: p, Place: ns.Place()})
			}
			detectors.KustomizeImages(root.Get("images"), detectors.Pin{}, r)
		}
		repo.Reports[p] = r
	}
	slices.Sort(repo.Paths)
	Detector{}.Link(repo)
	return repo
}

// all is a line for each pin, skip, match by name, and link of the detector.
func all(t *testing.T, repo *detectors.Repository, files map[string]string) []string {
	t.Helper()
	var got []string
	for _, p := range repo.Paths {
		r := repo.Reports[p]
		for _, line := range lines(t, files[p], r) {
			got = append(got, p+":"+line)
		}
		for _, f := range r.Facts {
			if f.Kind == matchFact {
				got = append(got, p+": by name "+f.Fields["says"])
			}
		}
		for _, l := range r.Links {
			if l.Via != "resources" {
				got = append(got, strings.TrimSpace(fmt.Sprintf("%s: link %s %s %s for %s", p, l.Via, l.To, l.Repo, l.App)))
			}
		}
	}
	return got
}

func chartRelease(ns, source string) string {
	if ns != "" {
		ns = ", namespace: " + ns
	}
	return "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web" + ns + "}\nspec: {chart: {spec: {chart: nginx, version: 1.2.3, sourceRef: {kind: HelmRepository, " + source + "}}}}\n"
}

func helmRepository(ns, url string) string {
	if ns != "" {
		ns = ", namespace: " + ns
	}
	return "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {name: charts" + ns + "}\nspec: {url: \"" + url + "\"}\n"
}

func fluxKustomization(name, spec string) string {
	return "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: " + name + ", namespace: flux-system}\nspec:\n  sourceRef: {kind: GitRepository, name: flux-system}\n" + spec
}

func TestLink(t *testing.T) {
	t.Parallel()
	const (
		pin = ":4 spec.chart.spec.version: chart https://charts.example.com nginx exact 1.2.3 for web"
		at  = ":4 spec.chart.spec.version: "
	)
	tests := []struct {
		name, remote string
		files        map[string]string
		want         []string
	}{
		{"a namespace that is written", "", map[string]string{
			"a.yaml": chartRelease("shop", "name: charts, namespace: flux-system"),
			"b.yaml": helmRepository("flux-system", "https://charts.example.com/"),
			"c.yaml": helmRepository("other", "https://other.example.com"),
		}, []string{"a.yaml" + pin}},
		{"the release's own namespace", "", map[string]string{
			"a.yaml": chartRelease("shop", "name: charts"),
			"b.yaml": helmRepository("shop", "https://charts.example.com"),
			"c.yaml": helmRepository("flux-system", "https://other.example.com"),
		}, []string{"a.yaml" + pin}},
		{"a namespace from a kustomization", "", map[string]string{
			"a/kustomization.yaml": "namespace: shop\nresources: [app]\n", "a/app/kustomization.yaml": "resources: [web.yaml]\n",
			"a/app/web.yaml": chartRelease("", "name: charts"),
			"b.yaml":         helmRepository("shop", "https://charts.example.com"),
			"c.yaml":         helmRepository("flux-system", "https://other.example.com"),
		}, []string{"a/app/web.yaml" + pin}},
		{"a kustomization's namespace replaces a written one", "", map[string]string{
			"a/kustomization.yaml": "namespace: shop\nresources: [web.yaml]\n",
			"a/web.yaml":           chartRelease("draft", "name: charts"),
			"b.yaml":               helmRepository("shop", "https://charts.example.com"),
			"c.yaml":               helmRepository("draft", "https://other.example.com"),
		}, []string{"a/web.yaml" + pin}},
		{"a namespace from a Flux Kustomization", "", map[string]string{
			"ks.yaml":      fluxKustomization("apps", "  path: ./apps\n  targetNamespace: shop\n"),
			"apps/web.yml": chartRelease("", "name: charts"),
			"b.yaml":       helmRepository("shop", "https://charts.example.com"),
			"c.yaml":       helmRepository("flux-system", "https://other.example.com"),
		}, []string{"apps/web.yml" + pin, "ks.yaml: link spec.path apps  for apps"}},
		{"by name alone, and it says so", "", map[string]string{
			"a.yaml": chartRelease("", "name: charts"),
			"b.yaml": helmRepository("flux-system", "https://charts.example.com"),
		}, []string{"a.yaml" + pin, "a.yaml: by name https://charts.example.com"}},
		{"written namespaces that differ", "", map[string]string{
			"a.yaml": chartRelease("shop", "name: charts"),
			"b.yaml": helmRepository("flux-system", "https://charts.example.com"),
		}, []string{"a.yaml" + at + "skip: no HelmRepository shop/charts in this repository"}},
		{"no repository at all", "", map[string]string{"a.yaml": chartRelease("shop", "name: charts, namespace: flux-system")},
			[]string{"a.yaml" + at + "skip: no HelmRepository flux-system/charts in this repository"}},
		{"several clusters that agree", "", map[string]string{
			"a.yaml":           chartRelease("shop", "name: charts, namespace: flux-system"),
			"prod/repos.yaml":  helmRepository("flux-system", "https://charts.example.com"),
			"stage/repos.yaml": helmRepository("flux-system", "https://charts.example.com/"),
		}, []string{"a.yaml" + pin}},
		{"several that disagree", "", map[string]string{
			"a.yaml":           chartRelease("shop", "name: charts, namespace: flux-system"),
			"prod/repos.yaml":  helmRepository("flux-system", "https://charts.example.com"),
			"stage/repos.yaml": helmRepository("flux-system", "https://mirror.example.com"),
		}, []string{"a.yaml" + at + "skip: several HelmRepository flux-system/charts in this repository say different things"}},
		{"the one that the same Kustomization applies", "", map[string]string{
			"ks.yaml":          fluxKustomization("prod", "  path: ./prod\n"),
			"prod/a.yaml":      chartRelease("shop", "name: charts, namespace: flux-system"),
			"prod/repos.yaml":  helmRepository("flux-system", "https://charts.example.com"),
			"stage/repos.yaml": helmRepository("flux-system", "https://mirror.example.com"),
		}, []string{"ks.yaml: link spec.path prod  for prod", "prod/a.yaml" + pin}},
		{"a chart in a registry", "", map[string]string{
			"a.yaml": strings.Replace(chartRelease("shop", "name: charts"), "nginx", "web/nginx", 1),
			"b.yaml": helmRepository("shop", "oci://ghcr.io/org"),
		}, []string{"a.yaml:4 spec.chart.spec.version: chart oci://ghcr.io/org/web/nginx exact 1.2.3 for web"}},
		{"an OCI artifact that a release makes a chart", "", map[string]string{
			"a.yaml": "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web}\nspec: {chartRef: {kind: OCIRepository, name: app}}\n",
			"b.yaml": "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {name: app}\nspec: {url: \"oci://ghcr.io/org/app\", ref: {tag: 1.0.0}}\n",
		}, []string{"b.yaml:4 spec.ref.tag: chart oci://ghcr.io/org/app exact 1.0.0 for web"}},
		{"a chartRef to nothing", "", map[string]string{
			"a.yaml": "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: shop}\nspec: {chartRef: {kind: OCIRepository, name: app}}\n",
		}, []string{"a.yaml:3 metadata.name: skip: no OCIRepository shop/app in this repository"}},
		{"a path of this repository and of another", "https://github.com/org/fleet.git", map[string]string{
			"ks.yaml":    fluxKustomization("apps", "  path: ./apps\n  components: [../parts]\n"),
			"apps/x.yml": "a: 1\n",
			"git.yaml":   "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: flux-system, namespace: flux-system}\nspec: {url: \"ssh://git@github.com/org/fleet\", ref: {branch: main}}\n---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: mono, namespace: shop}\nspec: {url: \"https://github.com/org/mono\", ref: {tag: v1}}\n",
			"hr.yaml":    "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: shop}\nspec: {chart: {spec: {chart: ./charts/web, sourceRef: {kind: GitRepository, name: mono}}}}\n",
		}, []string{
			"git.yaml:4 spec.ref.branch: git https://github.com/org/fleet floating main for flux-system",
			"git.yaml:9 spec.ref.tag: git https://github.com/org/mono exact v1 for mono",
			"hr.yaml: link spec.chart charts/web https://github.com/org/mono for web",
			"ks.yaml: link spec.path apps  for apps", "ks.yaml: link components parts  for apps",
		}},
		{"a marked tag", "", map[string]string{
			"a.yaml": "apiVersion: example.com/v1\nkind: App\nspec:\n  release: 1.0.0 # {\"$imagepolicy\": \"flux-system:web:tag\"}\n  other: 2.0.0 # {\"$imagepolicy\": \"flux-system:gone:tag\"}\n",
			"b.yaml": "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata: {name: web, namespace: flux-system}\nspec: {imageRepositoryRef: {name: web-image}}\n---\napiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata: {name: web-image, namespace: flux-system}\nspec: {image: ghcr.io/org/web}\n",
		}, []string{
			"a.yaml:4 spec.release: image ghcr.io/org/web exact 1.0.0",
			"a.yaml:5 spec.other: skip: no ImagePolicy flux-system/gone in this repository",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			repo := repository(t, tt.remote, tt.files)
			got := all(t, repo, tt.files)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("joined differently (-want +got):\n%s", diff)
			}
			Detector{}.Link(repo)
			if diff := cmp.Diff(got, all(t, repo, tt.files)); diff != "" {
				t.Errorf("linking twice adds (-once +twice):\n%s", diff)
			}
		})
	}
}

func TestSubstitute(t *testing.T) {
	t.Parallel()
	const workload = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: {containers: [{image: \"ghcr.io/org/web:%s\"}]}}}\n"
	// Another detector reads workloads; what it leaves behind is this Skip.
	skipped := func(repo *detectors.Repository, files map[string]string) {
		for _, p := range repo.Paths {
			for _, d := range parse(t, p, files[p]).Docs {
				if d.Kind == "Deployment" {
					detectors.Images(parse(t, p, files[p]), d.Root, "", detectors.Pin{}, repo.Reports[p])
				}
			}
		}
		Detector{}.Link(repo)
	}
	vars := func(name, dir, more string) string {
		return fluxKustomization(name, "  path: ./"+dir+"\n"+more)
	}
	tests := []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"written in the Kustomization", map[string]string{
			"ks.yaml":       vars("apps", "apps", "  postBuild:\n    substitute:\n      TAG: \"1.2.3\"\n      CHART: 4.5.6\n"),
			"apps/web.yaml": fmt.Sprintf(workload, "${TAG}"),
			"apps/hr.yaml":  strings.Replace(chartRelease("shop", "name: charts"), "1.2.3", `"${CHART}"`, 1),
			"apps/r.yaml":   helmRepository("shop", "https://charts.example.com"),
		}, []string{
			"ks.yaml:10 spec.postBuild.substitute.CHART: chart https://charts.example.com nginx exact 4.5.6 for web",
			"ks.yaml:9 spec.postBuild.substitute.TAG: image ghcr.io/org/web exact 1.2.3 for web",
			"ks.yaml: link spec.path apps  for apps",
		}},
		{"from a ConfigMap, under what is written", map[string]string{
			"ks.yaml":       vars("apps", "apps", "  postBuild:\n    substitute: {A: \"1.0\"}\n    substituteFrom:\n      - {kind: ConfigMap, name: settings}\n"),
			"cm.yaml":       "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: flux-system}\ndata:\n  A: \"2.0\"\n  B: \"3.0\"\n",
			"apps/web.yaml": fmt.Sprintf(workload, "${A}"),
			"apps/b.yaml":   strings.Replace(fmt.Sprintf(workload, "${B}"), "org/web", "org/b", 1),
		}, []string{
			"cm.yaml:6 data.B: image ghcr.io/org/b exact 3.0 for web",
			"ks.yaml:8 spec.postBuild.substitute.A: image ghcr.io/org/web exact 1.0 for web",
			"ks.yaml: link spec.path apps  for apps",
		}},
		{"two ConfigMaps of one name", map[string]string{
			"ks.yaml":       vars("apps", "apps", "  postBuild:\n    substituteFrom:\n      - {kind: ConfigMap, name: settings}\n"),
			"a/cm.yaml":     "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: flux-system}\ndata: {A: \"2.0\"}\n",
			"b/cm.yaml":     "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: flux-system}\ndata: {A: \"3.0\"}\n",
			"apps/web.yaml": fmt.Sprintf(workload, "${A}"),
		}, []string{
			"apps/web.yaml:4 spec.template.spec.containers[0].image: skip: the variable A has no single value in this repository",
			"ks.yaml: link spec.path apps  for apps",
		}},
		{"each Kustomization has its own", map[string]string{
			"a.yaml":        vars("a", "apps", "  postBuild: {substitute: {TAG: \"1.0\"}}\n"),
			"b.yaml":        vars("b", "apps", "  postBuild: {substitute: {TAG: \"2.0\"}}\n"),
			"apps/web.yaml": fmt.Sprintf(workload, "${TAG}"),
		}, []string{
			"a.yaml:7 spec.postBuild.substitute.TAG: image ghcr.io/org/web exact 1.0 for web", "a.yaml: link spec.path apps  for a",
			"b.yaml:7 spec.postBuild.substitute.TAG: image ghcr.io/org/web exact 2.0 for web", "b.yaml: link spec.path apps  for b",
		}},
		{"a default", map[string]string{
			"ks.yaml":       vars("apps", "apps", "  postBuild: {substitute: {OTHER: x}}\n"),
			"apps/web.yaml": fmt.Sprintf(workload, "${TAG:=1.2.3}"),
		}, []string{
			"apps/web.yaml:4 spec.template.spec.containers[0].image: image ghcr.io/org/web exact 1.2.3 for web",
			"ks.yaml: link spec.path apps  for apps",
		}},
		{"a part of the version", map[string]string{
			"ks.yaml":       vars("apps", "apps", "  postBuild: {substitute: {TAG: 1.2.3}}\n"),
			"apps/web.yaml": fmt.Sprintf(workload, "v${TAG}"),
		}, []string{
			"apps/web.yaml:4 spec.template.spec.containers[0].image: skip: a variable is only a part of the version",
			"ks.yaml: link spec.path apps  for apps",
		}},
		{"only the registry", map[string]string{
			"ks.yaml":       vars("apps", "apps", "  postBuild: {substitute: {HOST: quay.io}}\n"),
			"apps/web.yaml": strings.Replace(fmt.Sprintf(workload, "1.2.3"), "ghcr.io", "${HOST}", 1),
		}, []string{
			"apps/web.yaml:4 spec.template.spec.containers[0].image: image quay.io/org/web exact 1.2.3 for web",
			"ks.yaml: link spec.path apps  for apps",
		}},
		{"a repository's URL", map[string]string{
			"ks.yaml":      vars("apps", "apps", "  postBuild: {substitute: {HOST: charts.example.com}}\n"),
			"apps/hr.yaml": chartRelease("shop", "name: charts"),
			"apps/r.yaml":  helmRepository("shop", "https://${HOST}"),
		}, []string{
			"apps/hr.yaml:4 spec.chart.spec.version: chart https://charts.example.com nginx exact 1.2.3 for web",
			"ks.yaml: link spec.path apps  for apps",
		}},
		{"not of this Kustomization", map[string]string{
			"ks.yaml":        vars("apps", "apps", "  postBuild: {substitute: {TAG: 1.2.3}}\n"),
			"apps/x.yaml":    "a: 1\n",
			"other/web.yaml": fmt.Sprintf(workload, "${TAG}"),
		}, []string{
			"ks.yaml: link spec.path apps  for apps",
			"other/web.yaml:4 spec.template.spec.containers[0].image: skip: the value is substituted by a variable",
		}},
		{"encrypted", map[string]string{
			"ks.yaml":       vars("apps", "apps", "  postBuild: {substituteFrom: [{kind: Secret, name: s}]}\n"),
			"s.yaml":        "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: flux-system}\nstringData: {TAG: \"ENC[AES256_GCM,data:x]\"}\n",
			"apps/web.yaml": fmt.Sprintf(workload, "${TAG}"),
		}, []string{
			"apps/web.yaml:4 spec.template.spec.containers[0].image: skip: the variable TAG has no single value in this repository",
			"ks.yaml: link spec.path apps  for apps",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			repo := repository(t, "", tt.files)
			skipped(repo, tt.files)
			if diff := cmp.Diff(tt.want, all(t, repo, tt.files)); diff != "" {
				t.Errorf("substituted differently (-want +got):\n%s", diff)
			}
		})
	}
}
