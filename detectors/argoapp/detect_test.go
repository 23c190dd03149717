package argoapp

import (
	"testing"

	"promoter/detectors"
	"promoter/detectors/detectortest"
)

var plain = []byte(`apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: redis
  namespace: argocd
spec:
  project: default
  source:
    repoURL: https://charts.example.com
    chart: redis
    targetRevision: 20.1.0
    helm:
      valuesObject:
        image:
          tag: 7.4.1
  destination:
    server: https://kubernetes.default.svc
    namespace: redis
  syncPolicy:
    automated: {prune: true}
`)

func FuzzApplication(f *testing.F) {
	f.Add(plain)
	f.Add([]byte("apiVersion: argoproj.io/v1\nkind: Application\nspec:\n  source:\n    helm:\n      values: |\n        image: a/b:{{ .x }}\n      parameters: [{name: 'a\\.b.image.tag', value: 1}]\n"))
	f.Add([]byte("kind: List\napiVersion: v1\nitems: [{apiVersion: argoproj.io/v1, kind: Application, spec: {sources: [{}, null, [1]]}}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		files := map[string][]byte{"a/templates/a.yaml": data, "a/Chart.yaml": nil, "a/values.yaml": data}
		repo := detectortest.Scan(Detector{}, files, "")
		for _, r := range repo.Reports {
			for _, p := range r.Pins {
				if p.Place.Start < 0 || p.Place.End > len(files[p.Place.File]) || p.Place.Start > p.Place.End {
					t.Errorf("pin outside the file: %+v", p.Place)
				}
			}
		}
	})
}

func BenchmarkDetect(b *testing.B) {
	f, _ := detectors.Open("app.yaml", plain)
	b.SetBytes(int64(len(plain)))
	b.ReportAllocs()
	for b.Loop() {
		var r detectors.Report
		Detector{}.Detect(f, &r)
		if len(r.Pins) != 2 {
			b.Fatalf("%d pins", len(r.Pins))
		}
	}
}

func BenchmarkParseAndDetect(b *testing.B) {
	b.SetBytes(int64(len(plain)))
	b.ReportAllocs()
	for b.Loop() {
		var r detectors.Report
		f, _ := detectors.Open("app.yaml", plain)
		Detector{}.Detect(f, &r)
	}
}
