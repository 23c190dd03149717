package e2e

import (
	"strings"
	"testing"
	"time"
)

const multiApplication = `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {{name}}-web-ENV
  namespace: argocd
spec:
  project: default
  sources:
    - repoURL: {{charts}}
      chart: web
      targetRevision: 1.0.0
      helm:
        valueFiles: [$values/values/ENV.yaml]
    - repoURL: {{repo}}
      targetRevision: main
      ref: values
  destination:
    name: ENV
    namespace: {{name}}-ENV
  syncPolicy:
    automated: {prune: true, selfHeal: true}
`

// notesApplication is an Application of the same repository whose path no release changes.
const notesApplication = `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {{name}}-notes
  namespace: argocd
spec:
  project: default
  source:
    repoURL: {{repo}}
    path: notes
    targetRevision: main
  destination:
    name: dev
    namespace: {{name}}-dev
  syncPolicy:
    automated: {prune: true, selfHeal: true}
`

const notesManifest = `apiVersion: v1
kind: ConfigMap
metadata:
  name: notes
data:
  read: me
`

// Applications with a chart and values from the repository, rendered by an
// application of applications, beside one that the release does not touch.
func TestMultiSourceAppOfApps(t *testing.T) {
	t.Parallel()
	s := Tell(t, world, product, "multi")
	s.Publish(Chart{"web", "1.0.0", "1.0.0"})
	files := map[string]string{"promoter.yaml": shopConfiguration, "bootstrap/root.yaml": shopRoot, "platform/notes.yaml": notesApplication, "notes/notes.yaml": notesManifest}
	for _, e := range environments {
		s.Namespaces(s.Name + "-" + e)
		files["platform/web-"+e+".yaml"] = strings.ReplaceAll(multiApplication, "ENV", e)
		files["values/"+e+".yaml"] = "replicas: 1\nextra: " + e + "\n"
	}
	s.Host(files)
	s.Must(s.World.Kube.Apply(s.Context(), s.Fill(shopRoot)))
	for _, e := range environments {
		s.Must(s.World.Argo.Settled(s.Context(), 2*time.Minute, s.app(e), ""))
	}
	s.Must(s.World.Argo.Settled(s.Context(), 2*time.Minute, s.Name+"-notes", ""))
	s.Says("everything runs 1.0.0")
	s.Publish(Chart{"web", "1.1.0", "1.1.0"})
	s.Serve()
	for _, e := range environments {
		s.Until(4*time.Minute, e+" pins 1.1.0", func() (bool, error) {
			text, err := s.Repo.Read(s.Context(), "platform/web-"+e+".yaml")
			return strings.Contains(text, "targetRevision: 1.1.0\n"), err
		})
	}
	s.Until(4*time.Minute, "every merge has a verdict", s.allJudged)
	for _, e := range environments {
		if !s.runs(e, "1.1.0") {
			t.Errorf("%s does not run 1.1.0", e)
		}
	}
	s.record("passed")
}
