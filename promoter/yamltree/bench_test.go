package yamltree

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

const application = `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: billing-redis
  namespace: argocd
  finalizers:
    - resources-finalizer.argocd.argoproj.io
  labels:
    env: staging # seen by the dashboard
spec:
  project: default
  sources:
    - repoURL: https://charts.example.com
      chart: redis
      targetRevision: "18.1.5"
      helm:
        releaseName: billing-redis
        valueFiles:
          - $values/envs/staging/redis.yaml
        values: |
          image:
            registry: registry.example.com
            repository: cache/redis
            tag: 7.2.3-r1
          replica:
            replicaCount: 3
    - repoURL: 'https://git.example.com/platform/config.git'
      targetRevision: main
      ref: values
  destination: {server: https://kubernetes.default.svc, namespace: billing}
  syncPolicy:
    automated:
      prune: true
      selfHeal: true
    syncOptions: [CreateNamespace=true, ServerSideApply=true]
`

const helmRelease = `---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: &app media
spec:
  interval: 30m
  chart:
    spec:
      chart: app-template
      version: 3.5.1
      sourceRef:
        kind: HelmRepository
        name: shared
        namespace: flux-system
  values:
    controllers:
      media:
        containers:
          app:
            image:
              repository: ghcr.io/example/media
              tag: 4.0.10@sha256:2f6ba1f3e5a3ae9e8b7a11f1ae35e72c0d6ab14efb9a4e1c1a6a6ad9b4f7d111
            env:
              TZ: Europe/Berlin
              MODE: "on"
            command: >-
              /bin/serve --port 80
              --log json
    service:
      app:
        controller: *app
        ports:
          http:
            port: &port 80
    ingress:
      app:
        hosts:
          - host: "media.example.com"
            paths:
              - path: /
                service:
                  identifier: app
                  port: *port
`

// crd makes a definition as controller-gen writes it, with n properties.
func crd(n int) []byte {
	var b bytes.Buffer
	b.WriteString("apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: things.example.com\nspec:\n  versions:\n  - name: v1\n    schema:\n      openAPIV3Schema:\n        properties:\n          spec:\n            properties:\n")
	for i := range n {
		pad := strings.Repeat(" ", 14)
		fmt.Fprintf(&b, "%sfield%d:\n%s  description: |-\n%s    Field %d says how the thing is made.\n%s    More info: https://example.com/docs#field%d\n%s  enum:\n%s  - Always\n%s  - Never\n%s  items:\n%s    properties:\n%s      name:\n%s        type: string\n%s    required:\n%s    - name\n%s    type: object\n%s  type: array\n", pad, i, pad, pad, i, pad, i, pad, pad, pad, pad, pad, pad, pad, pad, pad, pad, pad)
	}
	return b.Bytes()
}

func benchInputs() map[string][]byte {
	return map[string][]byte{"application": []byte(application), "helmrelease": []byte(helmRelease), "crd": crd(1500)}
}

// The benchmark is worth nothing if its inputs take the slow path.
func TestBenchmarkInputsAreReadFast(t *testing.T) {
	t.Parallel()
	for name, data := range benchInputs() {
		if docs, quick := compare(t, data, 0, len(data)); docs != 1 || quick != 1 {
			t.Errorf("%s: %d of %d documents read fast", name, quick, docs)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	for name, data := range benchInputs() {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, errs := Parse(data); len(errs) > 0 {
					b.Fatal(errs[0])
				}
			}
		})
	}
}

// BenchmarkYAMLv3 is what Parse is measured against: the same documents into
// yaml.v3's own nodes.
func BenchmarkYAMLv3(b *testing.B) {
	for name, data := range benchInputs() {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				var n yaml.Node
				if err := yaml.Unmarshal(data, &n); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMaskTemplates(b *testing.B) {
	data := bytes.Repeat([]byte("metadata:\n  name: {{ include \"x.name\" . }}\n  labels:\n    {{- include \"x.labels\" . | nindent 4 }}\n"), 200)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, templated := MaskTemplates(data); !templated {
			b.Fatal("no action seen")
		}
	}
}
