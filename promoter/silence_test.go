package promoter

import (
	"strings"
	"testing"
	"time"
)

func TestAlertsAreSilentExactlyWhileAChangeIsProven(t *testing.T) {
	t.Parallel()
	w := newDelivering(t)
	w.policy.Silences = []SilenceRule{{Name: "noise", Environments: []string{"dev"}, Per: []string{"app"}}}
	w.policy.Waves[0].Soak = 20 * time.Minute
	silenced := func() string {
		o := w.known()
		o.Silences = w.silences
		var out []string
		for _, a := range Plan(o, w.policy, w.now).Actions {
			switch a := a.(type) {
			case KeepSilence:
				w.silences = []Silence{{Key: a.Key, Ends: w.now.Add(a.For)}}
				out = append(out, a.String())
			case EndSilence:
				w.silences = nil
				out = append(out, "end: "+a.Why)
			}
		}
		return strings.Join(out, "; ")
	}
	if got := silenced(); got != "" {
		t.Errorf("before the merge: %q", got)
	}
	w.quiet = true
	w.settle() // merged, and it soaks
	if got := silenced(); got != "silence noise (redis) for 10m0s: while #1 is being proven" {
		t.Errorf("after the merge: %q", got)
	}
	if got := silenced(); got != "" {
		t.Errorf("at once again: %q", got)
	}
	w.now = w.now.Add(6 * time.Minute)
	if got := silenced(); !strings.HasPrefix(got, "silence noise") {
		t.Errorf("before it ends: %q", got)
	}
	w.now = w.now.Add(15 * time.Minute)
	w.settle() // it passes
	if got := silenced(); got != "end: nothing is being proven there any more" {
		t.Errorf("after the verdict: %q", got)
	}
	// What is not known ends no silence: they end by themselves.
	w.silences, w.unread = []Silence{{Key: "k", Ends: w.now.Add(time.Minute)}}, "500"
	if got := silenced(); got != "" {
		t.Errorf("with seals that cannot be read: %q", got)
	}
}
