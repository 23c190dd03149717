package argocd

import (
	"testing"
	"time"

	"promoter/promoter/converge"
	"promoter/test/sim/drawn"
)

// FuzzDrawn: every Application as Argo CD answers it can be read, and none of
// them proves a commit that it does not name.
func FuzzDrawn(f *testing.F) {
	for _, data := range drawn.Seeds() {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		name, raw := drawn.Application(drawn.From(data))
		s, err := snapshot("x", raw)
		if err != nil || s.App.Name != name {
			t.Fatalf("%q (%v) of %s", s.App.Name, err, raw)
		}
		ask := converge.Ask{App: s.App, Commit: "1111111111111111111111111111111111111111", MergedAt: time.Unix(1, 0), OnBranch: converge.Yes}
		if got := converge.Argo(ask, []converge.ArgoSnapshot{s}, time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)); got.Outcome == "converged" {
			t.Errorf("converged: %s", raw)
		}
	})
}
