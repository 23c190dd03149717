package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// The files of a repository that Flux brings about in three environments: one
// HelmRelease of a HelmRepository, one of an OCIRepository, and a Kustomization
// with an image.

const fluxSource = `apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata:
  name: {{name}}
  namespace: flux-system
spec:
  interval: 5s
  url: {{repo}}
  ref: {branch: main}
`

const fluxKustomization = `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: {{name}}-ENV
  namespace: flux-system
spec:
  interval: 1m
  path: ./environments/ENV
  prune: true
  wait: true
  timeout: 1m
  sourceRef: {kind: GitRepository, name: {{name}}}
`

const fluxWeb = `apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata:
  name: charts
spec:
  interval: 5s
  url: {{charts}}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: web
spec:
  interval: 1m
  timeout: 30s
  chart:
    spec:
      chart: web
      version: 1.0.0
      interval: 5s
      sourceRef: {kind: HelmRepository, name: charts}
`

const fluxAPI = `apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata:
  name: api
spec:
  interval: 5s
  url: oci://{{registry}}/{{name}}/api
  insecure: true
  layerSelector: {mediaType: application/vnd.cncf.helm.chart.content.v1.tar+gzip, operation: copy}
  ref:
    tag: 2.0.0
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: api
spec:
  interval: 1m
  timeout: 1m
  chartRef: {kind: OCIRepository, name: api}
`

const fluxSite = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: site
spec:
  replicas: 2
  progressDeadlineSeconds: 15
  selector:
    matchLabels: {app: site}
  template:
    metadata:
      labels: {app: site, traffic: "yes"}
    spec:
      containers:
        - name: site
          image: {{registry}}/{{name}}/site
`

const fluxOverlay = `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: {{name}}-ENV
resources:
  - web.yaml
  - api.yaml
  - site.yaml
images:
  - name: {{registry}}/{{name}}/site
    newTag: 3.0.0
`

const fluxConfiguration = `version: 1

environments:
  - {name: dev, paths: ["environments/dev/**"]}
  - {name: staging, paths: ["environments/staging/**"]}
  - {name: production, paths: ["environments/production/**"]}

waves:
  - {name: dev, environments: [dev]}
  - {name: staging, environments: [staging]}
  - {name: production, environments: [production]}

policies:
  C3: {merge: automatic}

sources:
  allowPrivate: [127.0.0.1]
  mirrors:
    - {from: "{{registry}}", to: "http://{{registry}}"}

delivery:
  flux:
    - {cluster: loopback, kubeconfig: "{{kubeconfig}}"}
  dwell: 5s
  degradedGrace: 5s
  progressDeadline: 3m
  refreshPatience: 1m
  reverts: automatic

`

// fluxEnvironments are in the order of their waves.
var fluxEnvironments = []string{"dev", "staging", "production"}

// openFlux makes the repository, and waits until Flux has brought it about.
func (s *Story) openFlux() {
	s.Helper()
	w := s.World
	if !w.HasFlux() {
		s.Skip("Flux is not built")
	}
	s.Publish(Chart{"web", "1.0.0", "1.0.0"})
	s.Must(w.PushChart(s.Context(), s.Name, Chart{"api", "2.0.0", "2.0.0"}))
	s.Must(w.PushImage(s.Context(), s.Name+"/site", "3.0.0"))
	_, gates, _ := strings.Cut(shopConfiguration, "meters:")
	files := map[string]string{"promoter.yaml": fluxConfiguration + "meters:" + gates, "clusters/loopback/source.yaml": fluxSource}
	objects := fluxSource
	for _, e := range fluxEnvironments {
		s.Namespaces(s.Name + "-" + e)
		for name, text := range map[string]string{"kustomization.yaml": fluxOverlay, "web.yaml": fluxWeb, "api.yaml": fluxAPI, "site.yaml": fluxSite} {
			files["environments/"+e+"/"+name] = strings.ReplaceAll(text, "ENV", e)
		}
		kustomization := strings.ReplaceAll(fluxKustomization, "ENV", e)
		files["clusters/loopback/"+e+".yaml"] = kustomization
		objects += "---\n" + kustomization
	}
	s.Host(files)
	s.Must(w.Kube.Apply(s.Context(), s.Fill(objects)))
	for _, e := range fluxEnvironments {
		s.Must(poll(s.Context(), patience, time.Second, func() error { return s.fluxReady(e) }))
	}
	s.Says("everything runs what it pins")
}

// fluxReady fails unless an environment's Kustomization and releases are ready.
func (s *Story) fluxReady(environment string) error {
	for _, at := range []string{
		"apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/" + s.Name + "-" + environment,
		"apis/helm.toolkit.fluxcd.io/v2/namespaces/" + s.Name + "-" + environment + "/helmreleases/web",
		"apis/helm.toolkit.fluxcd.io/v2/namespaces/" + s.Name + "-" + environment + "/helmreleases/api",
	} {
		var o struct {
			Status struct {
				Conditions []struct{ Type, Status, Reason, Message string }
			}
		}
		if err := s.World.Kube.Get(s.Context(), at, &o); err != nil {
			return err
		}
		ready := false
		for _, c := range o.Status.Conditions {
			ready = ready || c.Type == "Ready" && c.Status == "True"
		}
		if !ready {
			return fmt.Errorf("%s is not ready: %+v", at, o.Status.Conditions)
		}
	}
	return nil
}

// Three good releases pass three waves by Flux, beside each other.
func TestFluxGoodReleases(t *testing.T) {
	t.Parallel()
	s := Tell(t, 2, "flux")
	s.openFlux()
	s.Publish(Chart{"web", "1.1.0", "1.1.0"})
	s.Must(s.World.PushChart(s.Context(), s.Name, Chart{"api", "2.1.0", "2.1.0"}))
	s.Must(s.World.PushImage(s.Context(), s.Name+"/site", "3.1.0"))
	s.Serve()
	want := map[string]string{"web.yaml": "version: 1.1.0\n", "api.yaml": "tag: 2.1.0\n", "kustomization.yaml": "newTag: 3.1.0\n"}
	for _, e := range fluxEnvironments {
		for file, pin := range want {
			s.Until(patience, e+" has "+strings.TrimSpace(pin), func() (bool, error) {
				text, err := s.Repo.Read(s.Context(), "environments/"+e+"/"+file)
				return strings.Contains(text, pin), err
			})
		}
	}
	s.Until(patience, "every merge has a verdict", s.allJudged)
	for _, e := range fluxEnvironments {
		s.Must(s.fluxReady(e))
		var pods podList
		s.Must(s.World.Kube.Get(s.Context(), "api/v1/namespaces/"+s.Name+"-"+e+"/pods", &pods))
		running := map[string]bool{}
		for _, p := range pods.Items {
			running[p.Spec.Containers[0].Image] = true
		}
		site := s.World.Registry + "/" + s.Name + "/site:3.1.0"
		if !running["registry.invalid/web:1.1.0"] || !running["registry.invalid/web:2.1.0"] || !running[site] || len(running) != 3 {
			t.Errorf("%s runs %v", e, running)
		}
	}
	pulls, err := s.Repo.Pulls(s.Context())
	s.Must(err)
	for _, e := range fluxEnvironments {
		s.skipped("F-e", s.Name+"-"+e, func(p Pull) bool { return strings.HasPrefix(p.Title, e) })
	}
	if len(pulls) != 9 {
		t.Errorf("%d pull requests, want 9: three changes in three waves", len(pulls))
	}
	s.record("passed")
}

// A release by Flux that is good in dev never gets ready in staging: it is taken
// back by a pull request, which Flux brings about, and production never sees it.
func TestFluxBadRelease(t *testing.T) {
	t.Parallel()
	s := Tell(t, 2, "fluxbad")
	s.openFlux()
	s.Publish(Chart{"web", "1.1.0", "1.1.0-crash_staging"})
	s.Serve()
	pins := func(environment, version string) func() (bool, error) {
		return func() (bool, error) {
			text, err := s.Repo.Read(s.Context(), "environments/"+environment+"/web.yaml")
			return strings.Contains(text, "version: "+version+"\n"), err
		}
	}
	s.Until(patience, "staging pins 1.1.0", pins("staging", "1.1.0"))
	s.Until(patience, "staging pins 1.0.0 again", pins("staging", "1.0.0"))
	s.Until(patience, "the revert has a verdict", s.allJudged)
	s.Must(s.fluxReady("staging"))
	var release struct {
		Status struct {
			History []struct{ ChartVersion, Status string }
		}
	}
	s.Must(s.World.Kube.Get(s.Context(), "apis/helm.toolkit.fluxcd.io/v2/namespaces/"+s.Name+"-staging/helmreleases/web", &release))
	for _, h := range release.Status.History {
		s.Says("history of the release in staging: %s %s", h.ChartVersion, h.Status)
	}
	if h := release.Status.History; len(h) == 0 || h[0].ChartVersion != "1.0.0" || h[0].Status != "deployed" {
		t.Errorf("staging has released %v, want 1.0.0 deployed", h)
	}
	s.LooksAgain(8, func() {})
	pulls, err := s.Repo.Pulls(s.Context())
	s.Must(err)
	var titles []string
	for _, p := range pulls {
		if p.Merged {
			titles = append(titles, p.Title)
		}
		if p.State == "open" {
			t.Errorf("#%d %s is open", p.Number, p.Title)
		}
	}
	if want := []string{"dev: web 1.0.0 -> 1.1.0", "staging: web 1.0.0 -> 1.1.0", "revert staging: web 1.1.0 -> 1.0.0"}; !slices.Equal(titles, want) {
		t.Errorf("merged were %q, want %q", titles, want)
	}
	if ok, err := pins("production", "1.0.0")(); !ok {
		t.Errorf("production does not pin 1.0.0 (%v)", err)
	}
	s.record("taken back")
}
