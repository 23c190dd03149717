package promoter

import (
	"testing"
	"time"
)

// TestARipeReleaseIsLookedAtWhateverIsOnItsWay: the moment at which a release
// is old enough is asked for also where the one before it was merged and is
// being proven, and where it moves just now.
func TestARipeReleaseIsLookedAtWhateverIsOnItsWay(t *testing.T) {
	t.Parallel()
	w := newDelivering(t)
	w.settle()
	if got := w.versions(); got != "1.1.0 1.1.0 1.1.0" {
		t.Fatalf("versions %s", got)
	}
	ripe := w.now.Add(3 * time.Hour)
	o := w.known()
	for i := range o.Targets {
		o.Targets[i].Choice.Held = []HeldRelease{{Release: Release{Version: "1.2.0"}, Why: "out for less than 3d", Until: ripe}}
	}
	if d := Plan(o, w.policy, w.now); !d.Wake.Equal(ripe) {
		t.Errorf("after a rollout: wake at %s, want %s", d.Wake, ripe)
	}
	fresh := threeWaves(t)
	o = fresh.observe()
	for i := range o.Targets {
		o.Targets[i].Choice.Held = []HeldRelease{{Release: Release{Version: "1.2.0"}, Why: "out for less than 3d", Until: ripe}}
	}
	if d := Plan(o, fresh.policy, fresh.now); !d.Wake.Equal(ripe) {
		t.Errorf("while 1.1.0 begins: wake at %s, want %s", d.Wake, ripe)
	}
}
