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

// TestWordsAboutAFreezeAreWrittenInTime: a pull that is open speaks of a freeze
// a week before it begins, and asks to be looked at then.
func TestWordsAboutAFreezeAreWrittenInTime(t *testing.T) {
	t.Parallel()
	w := threeWaves(t)
	w.policy.Freezes = []Freeze{{Name: "the year's end", From: w.now.Add(10 * 24 * time.Hour), To: w.now.Add(20 * 24 * time.Hour)}}
	w.settle()
	d := w.plan()
	if want := w.now.Add(3 * 24 * time.Hour); !d.Wake.Equal(want) {
		t.Fatalf("wake at %s, want %s", d.Wake, want)
	}
	w.now = d.Wake
	if d = w.plan(); len(d.Actions) != 1 {
		t.Errorf("a week before the freeze: %v", d.Actions)
	}
}

// TestAPullStaysWhileItsReleaseHasToWaitAgain: what remembered when a release
// was first seen is lost, and it counts as new. Its pull requests stay, and are
// not merged; those of something else under the same version are closed.
func TestAPullStaysWhileItsReleaseHasToWaitAgain(t *testing.T) {
	t.Parallel()
	held := func(digest string) Choice {
		r := Release{Version: "1.1.0", Digest: digest}
		return Choice{Latest: &r, Held: []HeldRelease{{Release: r, Why: "released 0m ago, minimum release age 3d", Until: start.Add(72 * time.Hour)}}}
	}
	w := threeWaves(t)
	w.settle()
	o := w.observe()
	for i := range o.Targets {
		o.Targets[i].Choice = held("")
	}
	for _, a := range Plan(o, w.policy, w.now).Actions {
		t.Errorf("while it has to wait: %s", a)
	}
	target := &Target{Pin: Pin{Artifact: Artifact{Kind: Image, Name: "web"}, Version: "1.0.0"}}
	for digest, want := range map[string]bool{contentA: true, contentB: false, "": false} {
		target.Choice = held(digest)
		if got := target.waitsAgain(Edit{Release: "1.1.0", To: "1.1.0@" + contentA}); (got != "") != want {
			t.Errorf("what is published now has digest %q: %q", digest, got)
		}
	}
}
