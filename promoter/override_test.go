package promoter

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A shared chart's version goes ahead in an environment that can say its own,
// by what its file gets; what was there before is part of the edit.
func TestASharedVersionIsSplitByWhatAnOverlayGets(t *testing.T) {
	redis := Artifact{Kind: Chart, Name: "redis", Source: "https://charts.example.com"}
	w := newWorld(t, "dev", "production")
	w.policy.SplitBase = true
	w.pins = append(w.pins, Pin{
		Artifact: redis, Version: "18.1.0", Form: Exact, Consumer: ByFlux,
		Place: Place{File: "base/release.yaml", Line: 9, Path: "spec.chart.spec.version", Written: "18.1.0"},
	})
	w.offered[redis] = []string{"18.1.0", "18.2.0"}
	w.reach["base/release.yaml"] = []Reached{{Environment: "dev", Wave: 0}, {Environment: "production", Wave: 1}}
	in := Insert{Field: "spec.chart.spec.version", Group: "helm.toolkit.fluxcd.io", Kind: "HelmRelease", Name: "redis"}
	const path = "patches[0].patch|[0].value"
	o := w.observe()
	o.Targets[0].Overlays = []Overlay{{File: "dev/kustomization.yaml", Environment: "dev", Wave: 0, Insert: in, Path: path}}
	d := Plan(o, w.policy, w.now)
	if len(d.Actions) != 1 {
		t.Fatalf("actions %v, want one push", d.Actions)
	}
	push := d.Actions[0].(Push)
	want := Edit{Place: Place{File: "dev/kustomization.yaml", Path: path, Written: "18.1.0"}, To: "18.2.0", Release: "18.2.0", Insert: in}
	if diff := cmp.Diff([]Edit{want}, push.Edits); diff != "" {
		t.Errorf("edits, -want +got:\n%s", diff)
	}
	if diff := cmp.Diff(push.Edits, ParseTrailers(push.Message).Edits); diff != "" {
		t.Errorf("the commit says other edits, -want +got:\n%s", diff)
	}
	other := want
	other.Insert.Name = "valkey"
	if EditsDigest([]Edit{want}) == EditsDigest([]Edit{other}) {
		t.Error("a patch of another object has the same digest")
	}

	// A newer release replaces the open pull, which then is closed: what it
	// would add is known to belong to the shared file's version.
	open := Pull{Number: 1, Branch: push.Branch, Head: "h", State: PullOpen, Ours: true, Edits: push.Edits}
	w.offered[redis] = append(w.offered[redis], "18.3.0")
	o = w.observe()
	o.Targets[0].Overlays = []Overlay{{File: "dev/kustomization.yaml", Environment: "dev", Wave: 0, Insert: in, Path: path}}
	o.Pulls = append(o.Pulls, open)
	closed := false
	for _, a := range Plan(o, w.policy, w.now).Actions {
		c, ok := a.(Close)
		closed = closed || ok && c.Number == 1
	}
	if !closed {
		t.Errorf("actions %v, want #1 closed", Plan(o, w.policy, w.now).Actions)
	}
	o.Targets[0].Overlays[0].Insert.Name = "valkey"
	for _, a := range Plan(o, w.policy, w.now).Actions {
		if c, ok := a.(Close); ok {
			t.Errorf("%v, although what it adds is nobody's any more", c)
		}
	}

	// Two of them in one file stand one behind the other.
	both := []Edit{other, want, {Place: Place{File: "dev/kustomization.yaml", Path: "namespace", Start: 0}}, {Place: Place{File: "dev/values.yaml", Path: "image.tag"}, Insert: Insert{Field: "image.tag"}}}
	var places []string
	for _, e := range sortEdits(both) {
		places = append(places, e.Insert.Name+" "+e.Place.Path)
	}
	if diff := cmp.Diff([]string{" namespace", "redis " + path, "valkey patches[1].patch|[0].value", " image.tag"}, places); diff != "" {
		t.Errorf("places, -want +got:\n%s", diff)
	}

	// Ranges and digests are not split, and neither is what reaches a place
	// in no wave.
	for name, change := range map[string]func(*Target){
		"range":   func(t *Target) { t.Pin.Form = Range },
		"digest":  func(t *Target) { t.Pin.Digest = "sha256:00" },
		"no wave": func(t *Target) { t.Reach = append(t.Reach, Reached{Environment: "lab", Wave: -1}) },
		"no path": func(t *Target) { t.Overlays[0].Path = "" },
	} {
		target := o.Targets[0]
		target.Overlays = []Overlay{{File: "dev/kustomization.yaml", Environment: "dev", Insert: in, Path: path}}
		target.Reach = append([]Reached(nil), target.Reach...)
		change(&target)
		if got := overrides([]Target{target}); len(got) != 0 {
			t.Errorf("%s: %d overrides", name, len(got))
		}
	}
}
