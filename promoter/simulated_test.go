package promoter

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestWhatCannotBeListedIsLookedAtBeforeAMerge: an earlier wave's place is asked
// for its health although nobody knows which versions there are of what it runs.
func TestWhatCannotBeListedIsLookedAtBeforeAMerge(t *testing.T) {
	place := func(env string, wave int) *Target {
		return &Target{Pin: Pin{Environment: env}, Wave: wave, Reach: []Reached{{Environment: env, App: "redis", Wave: wave}}}
	}
	dev, staging, production := place("dev", 0), place("staging", 1), place("production", 2)
	dev.Choice.Unknown = "429 from upstream"
	pol := Policy{Waves: []Wave{{Name: "dev"}, {Name: "staging", After: []int{0}}, {Name: "production", After: []int{1}}}}
	p := newPlanner(Observation{}, pol, start)
	u := &unit{steps: [][]*Target{nil, {staging}, {production}}, blind: [][]*Target{{dev}, nil, nil}}
	q := p.readiness(proposal{unit: u, wave: 2, sheet: Sheet{Reaches: production.Reach}}, &Pull{})
	for _, env := range []string{"dev", "staging", "production"} {
		if !slices.ContainsFunc(q.Reached, func(r Reached) bool { return r.Environment == env }) {
			t.Errorf("%s is not looked at: %+v", env, q.Reached)
		}
	}
}

// TestATakenBackChangeIsFrozenByItsLabel: a person asked to take a version back,
// and another took it back by hand at once. That it is sealed as failed may not
// be known yet; the label says it.
func TestATakenBackChangeIsFrozenByItsLabel(t *testing.T) {
	b := Branch{Change: "redis-2", Wave: "dev"}
	for _, c := range []struct {
		labels []string
		frozen bool
	}{{nil, false}, {[]string{RevertLabel}, true}, {[]string{RevertLabel, RetryLabel}, false}} {
		obs := Observation{
			Pulls:    []Pull{{Number: 1, Branch: b.String(), State: PullMerged, Merge: "m", MergedAt: start.Add(-time.Hour), Labels: c.labels}},
			Sealings: map[string]Sealing{"m": {Seals: []Seal{{Commit: "m", Stage: StageVerdict, Verdict: Pass, At: start}}}},
		}
		p := newPlanner(obs, Policy{Waves: []Wave{{Name: "dev"}}}, start)
		for i := range obs.Pulls {
			p.seePull(&obs.Pulls[i])
		}
		if why := p.failedBefore("redis-2"); why != "" || p.frozen["redis-2"] != "" != c.frozen {
			t.Errorf("labels %v: %q, frozen: %q", c.labels, why, p.frozen["redis-2"])
		}
	}
}

// TestADigestBesideIsWritten: a pull that only moved the digest beside a version
// wrote that target; it did not join later.
func TestADigestBesideIsWritten(t *testing.T) {
	digest := Place{File: "a.yaml", Path: "image.digest"}
	target := &Target{Pin: Pin{Place: Place{File: "a.yaml", Path: "image.tag"}, DigestPlace: &digest}}
	for path, want := range map[string]bool{"image.tag": true, "image.digest": true, "other": false} {
		pull := &Pull{State: PullMerged, Edits: []Edit{{Place: Place{File: "a.yaml", Path: path}}}}
		p := newPlanner(Observation{}, Policy{}, start)
		if late := p.latecomers(pull, []*Target{target}); len(late) == 0 != want {
			t.Errorf("%s: it writes the target: %v, want %v", path, len(late) == 0, want)
		}
	}
}

// TestAFailureCountsOnce: half of a failed pull is taken back, and half of it
// stands. That is one failure of a wave that may have one.
func TestAFailureCountsOnce(t *testing.T) {
	failed := &Pull{Number: 1, Branch: Branch{Change: "redis-2", Wave: "dev"}.String(), State: PullMerged, MergedAt: start}
	revert := &Pull{Number: 2, Branch: Branch{Change: "redis-2", Wave: "dev", Revert: true}.String(), State: PullMerged, MergedAt: start.Add(time.Minute)}
	p := newPlanner(Observation{}, Policy{Waves: []Wave{{Name: "dev", MaxFailures: 1}}}, start.Add(time.Hour))
	u := &unit{steps: make([][]*Target, 1), blind: make([][]*Target, 1)}
	for _, pull := range []*Pull{failed, revert} {
		p.seePull(pull)
		b, _ := ParseBranch(pull.Branch)
		u.trials = append(u.trials, &trial{pull: pull, branch: b, unit: u, standing: map[bool]standing{false: broken, true: proven}[b.Revert]})
	}
	p.freeze(u)
	if why := p.frozen["redis-2"]; why != "" || !u.trials[0].excused || !u.trials[1].excused {
		t.Errorf("one failure is more than one: %q", why)
	}
}

// TestOfOneBranchTheMergedPullSpeaks: two looked at the same moment, and one
// opened what the other had merged by then.
func TestOfOneBranchTheMergedPullSpeaks(t *testing.T) {
	branch := Branch{Change: "redis-2", Wave: "dev"}.String()
	for _, ours := range []bool{true, false} {
		obs := Observation{Pulls: []Pull{
			{Number: 1, Branch: branch, State: PullMerged, Merge: "m", MergedAt: start},
			{Number: 2, Branch: branch, State: PullOpen, Head: "h", Ours: ours},
		}}
		d := Plan(obs, Policy{Waves: []Wave{{Name: "dev"}}, Delivers: true}, start.Add(time.Hour))
		closed := slices.ContainsFunc(d.Actions, func(a Action) bool { c, ok := a.(Close); return ok && c.Number == 2 })
		said := slices.ContainsFunc(d.Lines, func(l Line) bool { return l.Pull == 2 && l.Status == Left })
		if closed != ours || said == ours {
			t.Errorf("ours: %v, closed: %v, said to be a person's: %v", ours, closed, said)
		}
	}
}

// TestTheTwinOfAMergedRevertIsNobodysDoubt: what failed is out of sight, its
// revert was merged, and a second process opened its branch again. That one is
// closed, and nothing else is said of it, whichever is listed first.
func TestTheTwinOfAMergedRevertIsNobodysDoubt(t *testing.T) {
	failed := Pull{Number: 1, Branch: Branch{Change: "redis-2", Wave: "dev"}.String(), State: PullMerged, Merge: "m", MergedAt: start, Edits: []Edit{{Place: Place{File: "dev.yaml"}, To: "2"}}}
	branch := Branch{Change: "redis-2", Wave: "dev", Revert: true}.String()
	revert := Pull{Number: 2, Branch: branch, State: PullMerged, Merge: "r", MergedAt: start.Add(time.Minute)}
	twin := Pull{Number: 3, Branch: branch, State: PullOpen, Head: "h", Ours: true}
	for _, pulls := range [][]Pull{{failed, revert, twin}, {twin, revert, failed}} {
		d := Plan(Observation{Pulls: pulls, Unread: [][]string{{"dev.yaml"}}}, Policy{Waves: []Wave{{Name: "dev"}}, Delivers: true}, start.Add(time.Hour))
		closed := slices.ContainsFunc(d.Actions, func(a Action) bool { c, ok := a.(Close); return ok && c.Number == 3 })
		kept := slices.ContainsFunc(d.Lines, func(l Line) bool { return l.Status == Unresolved })
		if !closed || kept {
			t.Errorf("#%d listed first: closed %v, said to stay %v: %v", pulls[0].Number, closed, kept, d.Lines)
		}
	}
}

// TestWhatAPersonClosedIsNotOpenedByOneWhoHadNotSeenIt: a person closed our pull,
// and a process that looked before opened its branch again. That is closed, and
// the person's refusal stands; what a person opens again is meant.
func TestWhatAPersonClosedIsNotOpenedByOneWhoHadNotSeenIt(t *testing.T) {
	branch := Branch{Change: "redis-2", Wave: "dev"}.String()
	for _, c := range []struct {
		name   string
		first  Pull
		by     string // who opened the second
		closed bool
	}{
		{"a run that had not seen it", Pull{ClosedBy: "ana"}, "bot", true},
		{"the person", Pull{ClosedBy: "ana"}, "ana", false},
		{"after we had closed it ourselves", Pull{Labels: []string{SupersededLabel}}, "bot", false},
		{"after somebody asked for a retry", Pull{ClosedBy: "ana", Labels: []string{RetryLabel}}, "bot", false},
	} {
		c.first.Number, c.first.Branch, c.first.State, c.first.Author = 1, branch, PullClosed, "bot"
		second := Pull{Number: 2, Branch: branch, State: PullOpen, Head: "h", Ours: true, Author: c.by}
		p := newPlanner(Observation{}, Policy{Waves: []Wave{{Name: "dev"}}, Delivers: true}, start)
		p.obs.Pulls = []Pull{c.first, second}
		for _, order := range [][]int{{0, 1}, {1, 0}} {
			p.pulls, p.changes = map[string]*Pull{}, map[string][]*Pull{}
			for _, i := range order {
				p.seePull(&p.obs.Pulls[i])
			}
			p.heedCloses()
			if refused := p.pulls[branch].Number == 1; refused != c.closed {
				t.Errorf("%s opened it: the refusal speaks: %v", c.name, refused)
			}
		}
		p.wanted[branch] = true
		p.supersede()
		closed := slices.ContainsFunc(p.out.Actions, func(a Action) bool { x, ok := a.(Close); return ok && x.Number == 2 })
		if closed != c.closed {
			t.Errorf("%s opened it: it is closed: %v", c.name, closed)
		}
		if !c.closed {
			continue
		}
		p = newPlanner(Observation{}, Policy{}, start)
		second.State, second.Labels = PullClosed, []string{SupersededLabel}
		for _, pull := range []*Pull{&second, &c.first} {
			p.seePull(pull)
		}
		if name, pull := p.attempt(Branch{Change: "redis-2", Wave: "dev"}); name != branch || pull.Number != 1 {
			t.Errorf("once it is closed again, %s is tried", name)
		}
	}
}

// TestAnEmptyPullOfAMergedBranchIsClosedAtOnce: nothing is left in it, and what
// it held is another's to prove.
func TestAnEmptyPullOfAMergedBranchIsClosedAtOnce(t *testing.T) {
	branch := Branch{Change: "redis-2", Wave: "dev"}.String()
	obs := Observation{Pulls: []Pull{
		{Number: 1, Branch: branch, State: PullMerged, Merge: "m", MergedAt: start},
		{Number: 2, Branch: branch, State: PullMerged, Empty: true, Head: "h", UpdatedAt: start.Add(time.Hour)},
	}}
	d := Plan(obs, Policy{Waves: []Wave{{Name: "dev"}}, Delivers: true}, start.Add(time.Hour))
	if !slices.ContainsFunc(d.Actions, func(a Action) bool { c, ok := a.(Close); return ok && c.Number == 2 }) {
		t.Errorf("%v", d.Actions)
	}
}

// TestAWaveFarBackThatSaysNothingHolds: of what stands in the first wave nobody
// can list the versions just now. The second has passed; the third waits.
func TestAWaveFarBackThatSaysNothingHolds(t *testing.T) {
	pol := Policy{Waves: []Wave{{Name: "dev"}, {Name: "staging", After: []int{0}}, {Name: "production", After: []int{1}}}}
	at := func(env string) *Target {
		return &Target{Pin: Pin{Artifact: Artifact{Kind: Chart, Name: "redis"}, Version: "17.1.0", Form: Exact, Environment: env}}
	}
	dark := at("dev")
	dark.Choice.Unknown = "429 from upstream"
	u := &unit{artifacts: []Artifact{dark.Pin.Artifact}, steps: [][]*Target{nil, {at("staging")}, {at("production")}}, blind: [][]*Target{{dark}, nil, nil}}
	p := newPlanner(Observation{}, pol, start)
	if goals, why := p.goals(u, 2, goalSet{}.with(dark.Pin.Artifact, goal{version: "17.1.0"})); goals != nil || why != "wave dev says nothing of it (429 from upstream)" {
		t.Errorf("%v, %q", goals, why)
	}
}

// TestAPullStaysWhileAnEarlierWaveSaysNothing: the production pull waits for
// dev, whose versions cannot be listed for a while. What its reviewers said is
// not to be lost by that.
func TestAPullStaysWhileAnEarlierWaveSaysNothing(t *testing.T) {
	at := func(env, version string, wave int) Target {
		x := Target{Pin: Pin{
			Artifact: Artifact{Kind: Chart, Name: "redis"}, Version: version, Form: Exact, Environment: env,
			Place: Place{File: env + "/redis.yaml", Path: "spec.version", Written: version},
		}, Reach: []Reached{{Environment: env, Wave: wave}}}
		x.Choice.Current = &Release{Version: version}
		return x
	}
	for _, unknown := range []string{"429 from upstream", ""} {
		dev, production := at("dev", "17.0.0", 0), at("production", "17.0.0", 1)
		if dev.Choice.Unknown = unknown; unknown != "" {
			dev.Choice.Current = nil
		}
		production.Choice.Updates = []Release{{Version: "17.1.0"}}
		production.Choice.NewestAllowed = &production.Choice.Updates[0]
		obs := Observation{Targets: []Target{dev, production}, Pulls: []Pull{{
			Number: 2, Branch: Branch{Change: "redis-17.1.0-fd301659", Wave: "production"}.String(), State: PullOpen, Head: "h", Ours: true,
			Edits: []Edit{{Place: production.Pin.Place, To: "17.1.0", Release: "17.1.0"}},
		}}}
		d := Plan(obs, Policy{Waves: []Wave{{Name: "dev"}, {Name: "production", After: []int{0}}}, Delivers: true}, start)
		why := ""
		for _, a := range d.Actions {
			if c, ok := a.(Close); ok {
				why = c.Reason
			}
		}
		if want := map[bool]string{true: "", false: "nothing asks for redis 17.1.0 here any more"}[unknown != ""]; why != want {
			t.Errorf("dev is unknown: %q: the pull is closed: %q", unknown, why)
		}
	}
}

// TestAnOverlaysPullStaysToo: what an overlay is to say otherwise stands in no
// file yet; its pull is kept like any other.
func TestAnOverlaysPullStaysToo(t *testing.T) {
	set := Insert{Field: "version"}
	overlay := Overlay{File: "staging/kustomization.yaml", Environment: "staging", Wave: 1, Path: "patches", Insert: set}
	chart := Artifact{Kind: Chart, Name: "redis"}
	base := Target{Pin: Pin{Artifact: chart, Version: "17.0.0", Form: Exact, Place: Place{File: "base/redis.yaml", Path: "spec.version", Written: "17.0.0"}},
		Reach: []Reached{{Environment: "staging", Wave: 1}, {Environment: "production", Wave: 2}}, Wave: 2, Overlays: []Overlay{overlay}}
	base.Choice.Updates = []Release{{Version: "17.1.0"}}
	base.Choice.NewestAllowed, base.Choice.Current = &base.Choice.Updates[0], &Release{Version: "17.0.0"}
	obs := Observation{Targets: []Target{base}, Unread: [][]string{{"dev/redis.yaml"}}, Pulls: []Pull{{
		Number: 2, Branch: Branch{Change: "redis-17.1.0-fd301659", Wave: "staging"}.String(), State: PullOpen, Head: "h", Ours: true,
		Edits: []Edit{{Place: Place{File: overlay.File, Path: overlay.Path, Written: "17.0.0"}, Insert: set, To: "17.1.0", Release: "17.1.0"}},
	}}}
	d := Plan(obs, Policy{Waves: []Wave{{Name: "dev"}, {Name: "staging", After: []int{0}}, {Name: "production", After: []int{1}}}, SplitBase: true, Delivers: true}, start)
	for _, a := range d.Actions {
		if c, ok := a.(Close); ok {
			t.Errorf("it is closed: %s", c.Reason)
		}
	}
	if !slices.ContainsFunc(d.Lines, func(l Line) bool {
		return l.Pull == 2 && strings.Contains(l.Why, "dev/redis.yaml of wave dev cannot be read")
	}) {
		t.Errorf("nothing says why it stays: %+v", d.Lines)
	}
}

// TestAPullForAnOverlayThatCannotBeReadStays: what the overlay would say
// otherwise is found, in the shared file, and the overlay is not.
func TestAPullForAnOverlayThatCannotBeReadStays(t *testing.T) {
	image := Artifact{Kind: Image, Name: "library/web", Source: "docker.io"}
	other := Overlay{File: "lab/kustomization.yaml", Environment: "lab", Wave: 0, Path: "images[name=web].newTag"}
	base := Target{Pin: Pin{Artifact: image, Version: "1.0.0", Form: Exact, Place: Place{File: "base/web.yaml", Path: "image", Written: "web:1.0.0"}},
		Reach: []Reached{{Environment: "lab", Wave: 0}, {Environment: "staging", Wave: 1}, {Environment: "production", Wave: 2}}, Wave: 2, Overlays: []Overlay{other}}
	base.Choice.Updates = []Release{{Version: "1.1.0"}}
	base.Choice.NewestAllowed, base.Choice.Current = &base.Choice.Updates[0], &Release{Version: "1.0.0"}
	obs := Observation{Targets: []Target{base}, Unread: [][]string{nil, {"staging/kustomization.yaml"}}, Pulls: []Pull{{
		Number: 2, Branch: Branch{Change: "web-1.1.0-fd301659", Wave: "staging"}.String(), State: PullOpen, Head: "h", Ours: true,
		Edits: []Edit{{Place: Place{File: "staging/kustomization.yaml", Path: "images[name=web].newTag"}, Image: "web", To: "1.1.0", Release: "1.1.0"}},
	}}}
	d := Plan(obs, Policy{Waves: []Wave{{Name: "lab"}, {Name: "staging", After: []int{0}}, {Name: "production", After: []int{1}}}, SplitBase: true, Delivers: true}, start)
	for _, a := range d.Actions {
		if c, ok := a.(Close); ok {
			t.Errorf("it is closed: %s", c.Reason)
		}
	}
	if !slices.ContainsFunc(d.Lines, func(l Line) bool { return l.Pull == 2 && strings.Contains(l.Why, "cannot be read now: it stays") }) {
		t.Errorf("nothing says why it stays: %+v", d.Lines)
	}
}
