package e2e

import (
	"fmt"
	"strings"
	"testing"
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

// folderRoot renders the folder without the notes that are in it, too.
const folderRoot = `
    directory: {exclude: 'notes*.yaml'}
`

// notesApplication is an Application of the same folder as what a release
// changes, which it does not read.
const notesApplication = `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {{name}}-notes
  namespace: argocd
spec:
  project: default
  source:
    repoURL: {{repo}}
    path: platform
    targetRevision: main
    directory: {include: 'notes*.yaml'}
  destination:
    name: dev
    namespace: {{name}}-dev
  syncPolicy:
    automated: {prune: true, selfHeal: true}
`

// apartApplication is an Application of the same repository and another path.
// Argo CD is told that nothing else concerns it.
const apartApplication = `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {{name}}-apart
  namespace: argocd
  annotations:
    argocd.argoproj.io/manifest-generate-paths: .
spec:
  project: default
  source:
    repoURL: {{repo}}
    path: apart
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
// application of applications, beside two that no release moves: one reads the
// folder that changes, and is proven though it does not move; one is elsewhere
// in the repository, and is not waited for.
func TestMultiSourceAppOfApps(t *testing.T) {
	t.Parallel()
	s := Tell(t, 8, "multi")
	s.Publish(Chart{"web", "1.0.0", "1.0.0"})
	root := strings.Replace(shopRoot, "    targetRevision: main\n", "    targetRevision: main"+folderRoot, 1)
	files := map[string]string{
		"promoter.yaml": shopConfiguration, "bootstrap/root.yaml": root, "platform/others.yaml": notesApplication + "---\n" + apartApplication,
		"platform/notes.yaml": notesManifest, "apart/notes.yaml": strings.Replace(notesManifest, "name: notes", "name: apart", 1),
	}
	for _, e := range environments {
		s.Namespaces(s.Name + "-" + e)
		files["platform/web-"+e+".yaml"] = strings.ReplaceAll(multiApplication, "ENV", e)
		files["values/"+e+".yaml"] = "replicas: 1\nextra: " + e + "\n"
	}
	s.Host(files)
	s.Must(s.World.Kube.Apply(s.Context(), s.Fill(root)))
	for _, e := range environments {
		s.Must(s.World.Argo.Settled(s.Context(), patience, s.app(e), ""))
	}
	before := map[string]Application{}
	for _, name := range []string{"notes", "apart"} {
		s.Must(s.World.Argo.Settled(s.Context(), patience, s.Name+"-"+name, ""))
		var err error
		before[name], err = s.World.Argo.Application(s.Context(), s.Name+"-"+name)
		s.Must(err)
	}
	s.Says("everything runs 1.0.0")
	s.Publish(Chart{"web", "1.1.0", "1.1.0"})
	s.Serve()
	for _, e := range environments {
		s.Until(patience, e+" pins 1.1.0", func() (bool, error) {
			text, err := s.Repo.Read(s.Context(), "platform/web-"+e+".yaml")
			return strings.Contains(text, "targetRevision: 1.1.0\n"), err
		})
	}
	s.Until(patience, "every merge has a verdict", s.allJudged)
	for _, e := range environments {
		if !s.runs(e, "1.1.0") {
			t.Errorf("%s does not run 1.1.0", e)
		}
	}
	for name, was := range before {
		s.unmoved(name, was)
	}
	s.counted(3) // each time: the root, the one that changes, and the notes of the same folder
	s.record("passed")
}

// unmoved holds that an application follows the branch, and that nothing was
// applied for it since it was seen.
func (s *Story) unmoved(name string, was Application) {
	s.Helper()
	head, err := s.Repo.Head(s.Context())
	s.Must(err)
	s.Must(s.World.Argo.Settled(s.Context(), patience, s.Name+"-"+name, head))
	is, err := s.World.Argo.Application(s.Context(), s.Name+"-"+name)
	s.Must(err)
	if is.Status.OperationState.StartedAt != was.Status.OperationState.StartedAt || len(is.Status.History) != 1 {
		s.Errorf("%s was synced at %s and again at %s, %d times in all: it is no application that does not move", name, was.Status.OperationState.StartedAt, is.Status.OperationState.StartedAt, len(is.Status.History))
	}
	s.Says("%s is at %s, and was synced to %s alone", name, head[:10], is.Status.OperationState.SyncResult.Revision)
}

// counted holds of how many applications each merge is said to have converged.
func (s *Story) counted(want int) {
	s.Helper()
	pulls, err := s.Repo.Pulls(s.Context())
	s.Must(err)
	for _, p := range pulls {
		statuses, err := s.Repo.Statuses(s.Context(), p.MergeCommitSHA)
		s.Must(err)
		said := ""
		for _, st := range statuses {
			if st.Context == "promoter/converged" {
				said = st.Description
			}
		}
		if said != fmt.Sprintf("%d applications converged", want) {
			s.Errorf("#%d says %q, want %d applications", p.Number, said, want)
		}
	}
}
