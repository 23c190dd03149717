package e2e

import "strings"

// The files of a repository whose ApplicationSet deploys the chart web to four
// clusters, in three waves.

const shopSet = `apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata:
  name: {{name}}-web
  namespace: argocd
spec:
  goTemplate: true
  goTemplateOptions: ["missingkey=error"]
  generators:
    - list:
        elements:
          - {env: dev, web: 1.0.0}
          - {env: staging, web: 1.0.0}
          - {env: production-eu, web: 1.0.0}
          - {env: production-us, web: 1.0.0}
  template:
    metadata:
      name: '{{name}}-web-{{ .env }}'
    spec:
      project: default
      source:
        repoURL: {{charts}}
        chart: web
        targetRevision: '{{ .web }}'
      destination:
        name: '{{ .env }}'
        namespace: '{{name}}-{{ .env }}'
      syncPolicy:
        automated: {prune: true, selfHeal: true}
`

const shopRoot = `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {{name}}-root
  namespace: argocd
spec:
  project: default
  source:
    repoURL: {{repo}}
    path: platform
    targetRevision: main
  destination:
    server: https://kubernetes.default.svc
    namespace: argocd
  syncPolicy:
    automated: {prune: true, selfHeal: true}
`

const shopConfiguration = `version: 1

environments:
  - name: dev
    clusters: [dev]
  - name: staging
    clusters: [staging]
  - name: production-{region}
    tenant: "{region}"
    clusters: ["production-{region}"]

waves:
  - name: dev
    environments: [dev]
  - name: staging
    environments: [staging]
  - name: production
    environments: [production-*]
    split: tenant

policies:
  C3: {merge: automatic}

sources:
  allowPrivate: [127.0.0.1]

delivery:
  argocd:
    - {name: main, server: "{{argocd}}", tokenFrom: ARGOCD_TOKEN, plain: true}
  dwell: 5s
  degradedGrace: 5s
  progressDeadline: 3m
  refreshPatience: 1m
  reverts: automatic

meters:
  - {name: prometheus, kind: prometheus, url: "{{prometheus}}"}

gates:
  - name: errors
    meter: prometheus
    query: sum(rate(http_requests_total{namespace="{{name}}-{{environment}}",code="500"}[{{window}}])) / sum(rate(http_requests_total{namespace="{{name}}-{{environment}}"}[{{window}}]))
    events: sum(increase(http_requests_total{namespace="{{name}}-{{environment}}"}[{{window}}]))
    sentinel: count(up{job="prometheus"} == 1)
    measure: bad
    good: "<= 0.01"
    scrape: 1s
    settle: 3s
    interval: 3s
    window: 10s
    confirmAfter: 2s
    minDuration: 15s
    deadline: 2m
    minEvents: 20
`

// environments are the shop's, in the order of its waves.
var environments = []string{"dev", "staging", "production-eu", "production-us"}

// openShop makes the shop and waits until Argo CD has brought it about at 1.0.0.
func (s *Story) openShop(more map[string]string) {
	s.Helper()
	s.Publish(Chart{"web", "1.0.0", "1.0.0"})
	var namespaces []string
	for _, e := range environments {
		namespaces = append(namespaces, s.Name+"-"+e)
	}
	s.Namespaces(namespaces...)
	files := map[string]string{"promoter.yaml": shopConfiguration, "platform/web.yaml": shopSet, "bootstrap/root.yaml": shopRoot}
	for name, text := range more {
		files[name] = text
	}
	s.Host(files)
	s.Must(s.World.Kube.Apply(s.Context(), s.Fill(shopRoot)))
	for _, e := range environments {
		s.Must(s.World.Argo.Settled(s.Context(), patience, s.app(e), "1.0.0"))
	}
	s.Says("everything runs 1.0.0")
}

func (s *Story) app(environment string) string { return s.Name + "-web-" + environment }

// pinned is the version that the shop's ApplicationSet pins for an environment.
func (s *Story) pinned(environment string) string {
	s.Helper()
	text, err := s.Repo.Read(s.Context(), "platform/web.yaml")
	s.Must(err)
	for line := range strings.Lines(text) {
		if _, rest, ok := strings.Cut(line, "{env: "+environment+", web: "); ok {
			version, _, _ := strings.Cut(rest, "}")
			return version
		}
	}
	s.Fatalf("platform/web.yaml does not pin web for %s:\n%s", environment, text)
	return ""
}

// runs reports whether the pods of an environment are all of one image, and ready.
func (s *Story) runs(environment, tag string) bool {
	s.Helper()
	var pods podList
	s.Must(s.World.Kube.Get(s.Context(), "api/v1/namespaces/"+s.Name+"-"+environment+"/pods", &pods))
	for _, p := range pods.Items {
		if !strings.HasSuffix(p.Spec.Containers[0].Image, ":"+tag) {
			return false
		}
	}
	return len(pods.Items) > 0
}
