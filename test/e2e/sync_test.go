package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

const automated = "      syncPolicy:\n        automated: {prune: true, selfHeal: true}\n"

// Nobody syncs but people: Promoter does not merge what nothing would sync. What
// a person merges is waited for, and proven once somebody has synced it.
func TestManualSync(t *testing.T) {
	t.Parallel()
	s := Tell(t, 6, "manual")
	s.Publish(Chart{"web", "1.0.0", "1.0.0"})
	for _, e := range environments {
		s.Namespaces(s.Name + "-" + e)
	}
	s.Host(map[string]string{"promoter.yaml": shopConfiguration, "platform/web.yaml": strings.Replace(shopSet, automated, "", 1), "bootstrap/root.yaml": shopRoot})
	s.Must(s.World.Kube.Apply(s.Context(), s.Fill(shopRoot)))
	for _, e := range environments {
		s.sync(e)
		s.Must(s.World.Argo.Settled(s.Context(), patience, s.app(e), "1.0.0"))
	}
	s.Publish(Chart{"web", "1.1.0", "1.1.0"})
	s.Serve()
	s.Until(patience, "dev's pull request is open", func() (bool, error) {
		pulls, err := s.Repo.Pulls(s.Context())
		return len(pulls) > 0, err
	})
	s.holds("dev", "auto-sync is off")
	if got := s.pinned("dev"); got != "1.0.0" {
		t.Errorf("dev pins %s: Promoter has merged what nothing would sync", got)
	}
	s.Must(s.Repo.Merge(s.Context(), 1))
	s.holds("dev", "nothing syncs it: auto-sync is off")
	s.sync("dev")
	s.Says("somebody syncs dev")
	s.Until(patience, "dev's merge has a verdict", func() (bool, error) {
		pulls, err := s.Repo.Pulls(s.Context())
		if err != nil {
			return false, err
		}
		statuses, err := s.Repo.Statuses(s.Context(), pulls[0].MergeCommitSHA)
		for _, st := range statuses {
			if final(st) {
				return st.Status == "success", err
			}
		}
		return false, err
	})
	s.record("waited for a person, passed dev")
}

// sync syncs an environment's application as a person does.
func (s *Story) sync(environment string) {
	s.Helper()
	s.Must(poll(s.Context(), patience, time.Second, func() error {
		return s.World.Argo.Call(s.Context(), http.MethodPost, "applications/"+s.app(environment)+"/sync", map[string]any{}, nil)
	}))
}

const windowProject = `apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata:
  name: {{name}}
  namespace: argocd
spec:
  sourceRepos: ['*']
  destinations: [{server: '*', namespace: '*'}]
  clusterResourceWhitelist: [{group: '*', kind: '*'}]
`

// A sync window of the project is closed when the change is merged: it is waited
// for, and proven once the window has opened.
func TestSyncWindowIsClosed(t *testing.T) {
	t.Parallel()
	s := Tell(t, 6, "window")
	s.Must(s.World.Kube.Apply(s.Context(), s.Fill(windowProject)))
	s.openShop(map[string]string{"platform/web.yaml": strings.Replace(shopSet, "project: default", "project: {{name}}", 1)})
	project := "apis/argoproj.io/v1alpha1/namespaces/argocd/appprojects/" + s.Name
	s.Must(s.World.Kube.Patch(s.Context(), project, fmt.Sprintf(`{"spec":{"syncWindows":[{"kind":"deny","schedule":"* * * * *","duration":"1h","applications":[%q]}]}}`, s.app("dev"))))
	s.Publish(Chart{"web", "1.1.0", "1.1.0"})
	s.Serve()
	// Whether it is merged at all is the product's to decide: what a window
	// keeps out may wait on either side of the merge.
	s.LooksAgain(12, func() {
		if s.pinned("staging") != "1.0.0" {
			t.Fatal("staging pins 1.1.0, and dev's window is closed")
		}
	})
	said, err := s.Run("explain", "web", "dev")
	s.Must(err)
	s.Says("promoter explain:\n%s", said)
	s.Must(s.World.Kube.Patch(s.Context(), project, `{"spec":{"syncWindows":null}}`))
	s.Says("the window is open")
	s.Until(patience, "staging pins 1.1.0", func() (bool, error) { return s.pinned("staging") == "1.1.0", nil })
	s.record("waited for the window, passed dev")
}
