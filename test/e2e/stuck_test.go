package e2e

import (
	"strings"
	"testing"
)

// mayEnd is the right that ending an operation needs beside "applications, get".
// In Argo CD it is the right to sync: there is none for ending alone.
const mayEnd = `{"data":{"policy.ender.csv":"p, ender, applications, sync, */*, allow\n"}}`

// The API server refuses what a release makes of staging, and Argo CD tries
// without end: while it does, it takes up no other revision, the revert neither.
// With delivery.endOperations Promoter ends that operation, once it has the
// right to.
func TestOperationKeepsRevertOut(t *testing.T) {
	t.Parallel()
	s := Tell(t, 6, "stuck")
	s.Token = s.World.Argo.Ender
	s.openShop(map[string]string{
		"promoter.yaml":     strings.Replace(shopConfiguration, "  dwell: 5s\n", "  dwell: 5s\n  stuckAfter: 15s\n  endOperations: true\n", 1),
		"platform/web.yaml": strings.Replace(shopSet, automated, automated+"        retry: {limit: -1, backoff: {duration: 3s, factor: 1, maxDuration: 3s}}\n", 1),
	})
	s.Publish(Chart{"web", "1.1.0", "1.1.0-refused_staging"})
	s.Serve()
	s.Until(patience, "staging pins 1.1.0", func() (bool, error) { return s.pinned("staging") == "1.1.0", nil })
	s.Until(patience, "staging pins 1.0.0 again", func() (bool, error) { return s.pinned("staging") == "1.0.0", nil })
	operation := func() (phase, revision string, tries int) {
		app, err := s.World.Argo.Application(s.Context(), s.app("staging"))
		s.Must(err)
		o := app.Status.OperationState
		return o.Phase, o.SyncResult.Revision, o.RetryCount
	}
	s.Until(patience, "Promoter tries to end the operation, and may not", func() (bool, error) {
		return strings.Contains(tail(s.promoter.Log, 1<<20), "permission denied"), nil
	})
	phase, revision, tries := operation()
	s.LooksAgain(5, func() {})
	if later, same, more := operation(); phase != "Running" || later != "Running" || revision != "1.1.0" || same != "1.1.0" || more <= tries {
		t.Errorf("the operation is %s to %s after %d tries, and was %s to %s after %d: nothing keeps the revert out", later, same, more, phase, revision, tries)
	}
	if open, err := s.allJudged(); open || err != nil {
		t.Errorf("everything is judged (%v) while an operation keeps the revert out", err)
	}
	said, err := s.Run("explain", "web", "staging")
	s.Must(err)
	s.Says("promoter explain:\n%s", said)
	s.Must(s.World.Kube.Patch(s.Context(), "api/v1/namespaces/argocd/configmaps/argocd-rbac-cm", mayEnd))
	s.Says("Promoter's account may sync, and so may end operations")
	s.Until(patience, "the revert has a verdict", s.allJudged)
	if phase, revision, _ := operation(); phase == "Running" {
		t.Errorf("the operation to %s still runs", revision)
	}
	s.Must(s.World.Argo.Settled(s.Context(), patience, s.app("staging"), "1.0.0"))
	s.refused("1.1.0")
	s.record("ended, taken back")
}
