package promoter

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestASharedImageIsSplitByOverlaysWhereTheUserAllowsIt(t *testing.T) {
	nginx := Artifact{Kind: Image, Name: "library/nginx", Source: "docker.io"}
	w := newWorld(t, "dev", "production")
	w.policy.SplitBase = true
	w.pins = append(w.pins, Pin{
		Artifact: nginx, Version: "1.27.0", Form: Exact, Consumer: ByContainer,
		Place: Place{File: "base/deployment.yaml", Line: 9, Path: "spec.image", Written: "nginx:1.27.0"},
	})
	w.offered[nginx] = []string{"1.27.0", "1.28.0"}
	w.reach["base/deployment.yaml"] = []Reached{{Environment: "dev", Wave: 0}, {Environment: "production", Wave: 1}}
	o := w.observe()
	o.Targets[0].Overlays = []Overlay{
		{File: "overlays/dev/kustomization.yaml", Environment: "dev", Wave: 0},
		{File: "overlays/production/kustomization.yaml", Environment: "production", Wave: 1},
	}
	d := Plan(o, w.policy, w.now)
	if len(d.Actions) != 1 {
		t.Fatalf("actions %v, want one push", d.Actions)
	}
	push := d.Actions[0].(Push)
	want := Edit{Place: Place{File: "overlays/dev/kustomization.yaml", Path: "images[name=nginx].newTag"}, To: "1.28.0", Release: "1.28.0", Image: "nginx"}
	if diff := cmp.Diff([]Edit{want}, push.Edits); diff != "" {
		t.Errorf("edits, -want +got:\n%s", diff)
	}
	if !strings.HasSuffix(push.Branch, "/dev") {
		t.Errorf("branch %q is not that of wave dev", push.Branch)
	}

	// Once the overlay has its entry, that is a pin of its own; the shared
	// file follows with the last wave.
	o.Targets = append(o.Targets, Target{
		Pin: Pin{
			Artifact: nginx, Version: "1.28.0", Form: Exact, Consumer: ByContainer, Environment: "dev",
			Place: Place{File: "overlays/dev/kustomization.yaml", Line: 6, Path: "images[0].newTag", Written: "1.28.0"},
		},
		Wave: 0, Choice: Candidates(Pin{Artifact: nginx, Version: "1.28.0", Form: Exact}, Listing{Artifact: nginx, Releases: []Release{{Version: "1.28.0"}}}, Wanted{}, start),
	})
	d = Plan(o, w.policy, w.now)
	if len(d.Actions) != 1 || d.Actions[0].(Push).Edits[0].Place.File != "base/deployment.yaml" {
		t.Errorf("actions %v, want the shared file to follow", d.Actions)
	}

	w.policy.SplitBase = false
	o.Targets = o.Targets[:1]
	if d := Plan(o, w.policy, w.now); len(d.Actions) != 1 || d.Actions[0].(Push).Edits[0].Place.File != "base/deployment.yaml" {
		t.Errorf("actions %v: without permission the shared file changes as one step", d.Actions)
	}
}

func TestAFloatingTagsDigestMovesWaveByWave(t *testing.T) {
	app := Artifact{Kind: Image, Name: "org/app", Source: "ghcr.io"}
	w := newWorld(t, "dev", "production")
	old, now := "sha256:"+strings.Repeat("a", 64), "sha256:"+strings.Repeat("b", 64)
	for _, env := range []string{"dev", "production"} {
		w.pins = append(w.pins, Pin{
			Artifact: app, Version: "master", Digest: old, Form: Floating, Consumer: ByContainer, Environment: env,
			Place: Place{File: env + "/app.yaml", Line: 3, Path: "tag", Written: "master@" + old},
		})
	}
	o := w.observe()
	for i := range o.Targets {
		o.Targets[i].Choice = Candidates(o.Targets[i].Pin, Listing{Artifact: app, Releases: []Release{{Version: "master", Digest: now, Created: start.Add(-time.Hour)}}}, Wanted{}, start)
	}
	d := Plan(o, w.policy, w.now)
	if len(d.Actions) != 1 || d.Actions[0].(Push).Edits[0].To != "master@"+now {
		t.Fatalf("actions %v, want the digest of dev moved", d.Actions)
	}
	if got, want := d.Sheets[0].Title(), "dev: org/app master@aaaaaaaa -> master@bbbbbbbb"; got != want {
		t.Errorf("title %q, want %q", got, want)
	}
	o.Targets[0].Pin.Digest, o.Targets[0].Choice = now, Choice{Current: &Release{Version: "master", Digest: now}}
	d = Plan(o, w.policy, w.now)
	if len(d.Actions) != 1 || d.Actions[0].(Push).Edits[0].Place.File != "production/app.yaml" {
		t.Errorf("actions %v, want production to follow", d.Actions)
	}
}

// TestADigestPassesAllWavesBefore: of two waves that come before a third, one
// has what was published anew under the version, and one has not.
func TestADigestPassesAllWavesBefore(t *testing.T) {
	app := Artifact{Kind: Image, Name: "org/app", Source: "ghcr.io"}
	for _, first := range []string{"qa", "perf"} {
		w := newWorld(t, "qa", "perf", "production")
		w.policy.Waves[1].After, w.policy.Waves[2].After = nil, []int{0, 1}
		old, now := "sha256:"+strings.Repeat("a", 64), "sha256:"+strings.Repeat("b", 64)
		for _, env := range []string{"qa", "perf", "production"} {
			digest := old
			if env == first {
				digest = now
			}
			w.pins = append(w.pins, Pin{
				Artifact: app, Version: "1.0.0", Digest: digest, Form: Exact, Consumer: ByContainer, Environment: env,
				Place: Place{File: env + "/app.yaml", Line: 3, Path: "tag", Written: "1.0.0@" + digest},
			})
		}
		o := w.observe()
		for i := range o.Targets {
			o.Targets[i].Choice = Candidates(o.Targets[i].Pin, Listing{Artifact: app, Releases: []Release{{Version: "1.0.0", Digest: now, Created: start.Add(-time.Hour)}}}, Wanted{}, start)
		}
		for _, a := range Plan(o, w.policy, w.now).Actions {
			if push, ok := a.(Push); ok && push.Edits[0].Place.File == "production/app.yaml" {
				t.Errorf("%s has it and the other wave has not: %s", first, a)
			}
		}
	}
}

func TestAVersionWhoseTagHasAVMovesWithoutIt(t *testing.T) {
	flux := Artifact{Kind: Git, Name: "fluxcd/flux2", Source: "https://github.com/fluxcd/flux2"}
	w := newWorld(t, "dev", "production")
	for _, env := range []string{"dev", "production"} {
		w.pin(flux, env, "2.7.2")
		w.pins[len(w.pins)-1].Consumer, w.pins[len(w.pins)-1].Form = ByProduct, Exact
	}
	w.offered[flux] = []string{"v2.7.2", "v2.8.0"}
	w.settle()
	if got := w.pull(1).Edits[0].To; got != "2.8.0" {
		t.Errorf("dev gets %q, want 2.8.0", got)
	}
	w.merge(1)
	w.expectOpen("#2 production v2.8.0")
	w.merge(2)
	w.expectOpen()
}

func TestTagsOfSeveralShapesMoveEachByItself(t *testing.T) {
	nginx := Artifact{Kind: Image, Name: "library/nginx", Source: "docker.io"}
	w := newWorld(t, "dev", "production")
	for i, pin := range []struct{ env, version string }{{"dev", "1.25.3"}, {"dev", "1.25.3-alpine"}, {"dev", "1.25"}, {"production", "1.25.3-debian"}} {
		w.pin(nginx, pin.env, pin.version)
		w.pins[i].Consumer, w.pins[i].Form = ByContainer, Exact
		w.pins[i].Place.File = fmt.Sprintf("%s/%d.yaml", pin.env, i)
	}
	w.offered[nginx] = []string{"1.25.3", "1.25.3-alpine", "1.25", "1.25.3-debian", "1.26.0", "1.26.0-alpine", "1.26", "1.26.0-debian"}
	w.settle()
	var to []string
	for _, p := range w.pulls {
		to = append(to, w.bodies[p.Number].Wave+" "+w.bodies[p.Number].Members[0].To)
	}
	slices.Sort(to)
	if diff := cmp.Diff([]string{"dev 1.26", "dev 1.26.0", "dev 1.26.0-alpine"}, to); diff != "" {
		t.Errorf("pulls, -want +got:\n%s", diff)
	}
	w.expectWhy("production", "waiting", "for wave dev, where another tag of it is on its way")
	for n := 1; n <= 3; n++ {
		w.merge(n)
	}
	w.expectOpen("#4 production 1.26.0-debian")
}

// TestAChangeKeepsItsNameWhileItsDigestIsOutOfSight: only one place writes a
// digest. While that cannot be listed, or its file cannot be read, the pull
// request of the other place stays what it is.
func TestAChangeKeepsItsNameWhileItsDigestIsOutOfSight(t *testing.T) {
	app := Artifact{Kind: Image, Name: "org/app", Source: "ghcr.io"}
	old, now := "sha256:"+strings.Repeat("a", 64), "sha256:"+strings.Repeat("b", 64)
	releases := []Release{{Version: "1.0.0", Digest: old, Created: start.Add(-time.Hour)}, {Version: "1.1.0", Digest: now, Created: start.Add(-time.Hour)}}
	for _, c := range []struct {
		name   string
		darken func(o *Observation)
	}{
		{"cannot be listed", func(o *Observation) { o.Targets[0].Choice = Choice{Unknown: "429"} }},
		{"cannot be read", func(o *Observation) { o.Targets, o.Unread = o.Targets[1:], [][]string{{"staging/a.yaml"}} }},
	} {
		w := newWorld(t, "staging")
		w.policy.Waves[0].Split = SplitCluster
		for cluster, written := range map[string]string{"a": "1.0.0@" + old, "b": "1.0.0"} {
			_, digest, _ := strings.Cut(written, "@")
			w.pins = append(w.pins, Pin{
				Artifact: app, Version: "1.0.0", Digest: digest, Form: Exact, Consumer: ByContainer, Environment: "staging", Cluster: cluster,
				Place: Place{File: "staging/" + cluster + ".yaml", Line: 3, Path: "tag", Written: written},
			})
		}
		slices.SortFunc(w.pins, func(a, b Pin) int { return strings.Compare(a.Cluster, b.Cluster) })
		observe := func() Observation {
			o := w.observe()
			for i := range o.Targets {
				o.Targets[i].Choice = Candidates(o.Targets[i].Pin, Listing{Artifact: app, Releases: releases}, Wanted{}, start)
			}
			return o
		}
		for range 3 {
			for _, a := range Plan(observe(), w.policy, w.now).Actions {
				w.act(a)
			}
		}
		if len(w.pulls) != 2 || w.pulls[1].State != PullOpen {
			t.Fatalf("%s: pulls %v, want one for each cluster", c.name, w.pulls)
		}
		o := observe()
		c.darken(&o)
		for _, a := range Plan(o, w.policy, w.now).Actions {
			t.Errorf("a place that %s: %s", c.name, a)
		}
	}
}

// TestWhatPeopleHaveApprovedIsNotWrittenAgain: a place of an open pull request
// cannot be listed for a while. Nobody's approval is lost for it; what waits for
// no person goes on without the place.
func TestWhatPeopleHaveApprovedIsNotWrittenAgain(t *testing.T) {
	chart := Artifact{Kind: Chart, Name: "redis", Source: "https://charts.example.com"}
	for mode, want := range map[MergeMode]int{MergeApproved: 0, MergeAutomatic: 1} {
		w := newWorld(t, "production")
		w.policy.Delivers, w.policy.Classes = true, map[Class]ClassPolicy{C3: {Merge: mode}}
		for _, file := range []string{"a", "b"} {
			w.pin(chart, "production", "17.0.0")
			w.pins[len(w.pins)-1].Place.File = "production/" + file + ".yaml"
		}
		w.offered[chart] = []string{"17.0.0", "17.1.0"}
		for range 3 {
			for _, a := range w.plan().Actions {
				w.act(a)
			}
		}
		o := w.observe()
		o.Targets[0].Choice = Choice{Unknown: "429"}
		pushed := 0
		for _, a := range Plan(o, w.policy, w.now).Actions {
			if _, ok := a.(Push); ok {
				pushed++
			}
		}
		if pushed != want {
			t.Errorf("merge: %s: it is written again %d times, want %d", mode, pushed, want)
		}
	}
}
