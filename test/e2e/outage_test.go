package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Parts of Argo CD stop, stand still, and fail in the middle of a good release:
// what is not known is waited for, and nobody is blamed. That touches what the
// other stories need, so it is not told beside them.
func TestArgoStops(t *testing.T) {
	s := Tell(t, 6, "outage")
	w := s.World
	s.openShop(nil)
	s.Publish(Chart{"web", "1.1.0", "1.1.0"})
	s.Serve()
	pins := func(environment string) {
		s.Helper()
		s.Until(patience, environment+" pins 1.1.0", func() (bool, error) { return s.pinned(environment) == "1.1.0", nil })
	}
	stopped := func(name string) {
		s.Helper()
		w.Halt(name)
		s.Says("%s is stopped", name)
		s.LooksAgain(5, func() {})
		s.Must(w.Resume(name))
		s.Says("%s is started again", name)
	}
	blind := func(environment, trouble, words string) {
		s.Helper()
		s.Says("%s", trouble)
		s.Until(patience, "Argo CD says that it cannot compare "+environment+": "+words, func() (bool, error) {
			app, err := w.Argo.Application(s.Context(), s.app(environment))
			if err != nil {
				return false, err
			}
			for _, c := range app.Status.Conditions {
				if c.Type == "ComparisonError" && strings.Contains(c.Message, words) {
					s.Says("it says %s, %s, %q: %s", app.Status.Sync.Status, app.Status.Health.Status, app.Status.Sync.Revision, c.Message)
					return true, nil
				}
			}
			return false, nil
		})
		s.LooksAgain(5, func() {})
	}
	pins("dev")
	stopped(ArgoController)
	pins("staging")
	w.Halt(ArgoRepoServer)
	blind("staging", ArgoRepoServer+" is stopped", "connection refused")
	s.Must(w.Resume(ArgoRepoServer))
	s.Says("%s is started again", ArgoRepoServer)
	s.Must(w.Argo.Settled(s.Context(), patience, s.app("staging"), "1.1.0"))
	mend, err := w.Break("helm") // what was rendered before goes on being well
	s.Must(err)
	pins("production-eu")
	blind("production-eu", "the helm that Argo CD calls is broken", "it is broken for a while")
	// After three failures Argo CD remembers the error for an hour, unless it is
	// asked to compare without its cache: once helm is whole again, too.
	hard := "(hard refresh requested), level (3)"
	s.Until(patience, "Argo CD was asked to drop its cache, to no avail", func() (bool, error) {
		log, err := os.ReadFile(filepath.Join(w.logs, ArgoController+".log"))
		for line := range strings.Lines(string(log)) {
			if strings.Contains(line, hard) && strings.Contains(line, " application="+s.app("production-eu")+" ") {
				return true, err
			}
		}
		return false, err
	})
	s.LooksAgain(5, func() {})
	s.Must(mend())
	s.Says("it is whole again")
	pins("production-us")
	w.Hang(ArgoRepoServer)
	blind("production-us", ArgoRepoServer+" stands still", "server preface")
	w.Wake(ArgoRepoServer)
	s.Says("%s goes on", ArgoRepoServer)
	stopped(ArgoServer)
	s.Until(patience, "every merge has a verdict", s.allJudged)
	for _, e := range environments {
		s.Must(w.Argo.Settled(s.Context(), patience, s.app(e), "1.1.0"))
	}
	pulls, err := s.Repo.Pulls(s.Context())
	s.Must(err)
	if len(pulls) != 4 {
		t.Errorf("%d pull requests, want 4: nothing was taken back", len(pulls))
	}
	s.record("passed")
}
