package promoter

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	redisChart = Artifact{Kind: Chart, Name: "redis", Source: "https://charts.example.com"}
	start      = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
)

// world is the smallest world in which decisions come true: actions change
// pulls and pins as a forge and a base branch would.
type world struct {
	t       testing.TB
	policy  Policy
	pins    []Pin
	offered map[Artifact][]string
	unknown map[Artifact]string
	reach   map[string][]Reached // by file
	group   map[Artifact]int     // rank in group "g"
	pulls   []Pull
	bodies  map[int]Sheet
	now     time.Time
	commit  int
}

func newWorld(t testing.TB, waves ...string) *world {
	w := &world{t: t, offered: map[Artifact][]string{}, unknown: map[Artifact]string{}, reach: map[string][]Reached{}, group: map[Artifact]int{}, bodies: map[int]Sheet{}, now: start}
	for i, name := range waves {
		wave := Wave{Name: name}
		if i > 0 {
			wave.After = []int{i - 1}
		}
		w.policy.Waves = append(w.policy.Waves, wave)
	}
	return w
}

// pin writes a version of an artifact in an environment's own file.
func (w *world) pin(a Artifact, env, version string) {
	file := env + "/" + a.Name + ".yaml"
	w.pins = append(w.pins, Pin{
		Artifact: a, Version: version, Form: Classify(a.Kind, ByHelm, version), Consumer: ByHelm, Environment: env, App: a.Name,
		Place: Place{File: file, Line: 3, Path: "version", Start: 10, End: 10 + len(version), Written: version},
	})
}

func (w *world) observe() Observation {
	o := Observation{Base: "main", Commit: fmt.Sprintf("c%039d", w.commit), Pulls: slices.Clone(w.pulls)}
	for _, p := range w.pins {
		l := Listing{Artifact: p.Artifact, Unknown: w.unknown[p.Artifact]}
		for _, v := range w.offered[p.Artifact] {
			if l.Unknown == "" {
				l.Releases = append(l.Releases, Release{Version: v, Created: start.Add(-1000 * time.Hour)})
			}
		}
		t := Target{Pin: p, Wave: slices.IndexFunc(w.policy.Waves, func(x Wave) bool { return x.Name == p.Environment }), Class: C3, Reach: w.reach[p.Place.File]}
		t.Choice = Candidates(p, l, Wanted{}, w.now)
		if rank, ok := w.group[p.Artifact]; ok {
			t.Group, t.Rank = "g", rank
		}
		o.Targets = append(o.Targets, t)
	}
	return o
}

func (w *world) plan() Decision { return Plan(w.observe(), w.policy, w.now) }

// settle acts and looks again until nothing is left to do, and returns the
// actions as text.
func (w *world) settle() []string {
	w.t.Helper()
	var done []string
	for range 50 {
		d := w.plan()
		if len(d.Actions) == 0 {
			return done
		}
		for _, a := range d.Actions {
			done = append(done, a.String())
			w.act(a)
		}
	}
	w.t.Fatalf("no rest after 50 looks; the last actions: %q", done[max(0, len(done)-4):])
	return nil
}

func (w *world) act(a Action) {
	switch a := a.(type) {
	case Push:
		pull := Pull{Branch: a.Branch, Head: fmt.Sprintf("h%039d", len(w.pulls)+1000*w.commit), State: PullBranch, Ours: true, Parent: a.Base, Edits: a.Edits}
		for i := range w.pulls {
			if w.pulls[i].Branch == a.Branch && w.pulls[i].State == PullOpen {
				pull.Number, pull.State, pull.Sheet = w.pulls[i].Number, PullOpen, w.pulls[i].Sheet
				w.pulls[i] = pull
				return
			}
		}
		w.pulls = append(w.pulls, pull)
	case Open:
		for i := range w.pulls {
			if p := &w.pulls[i]; p.Branch == a.Branch && p.State == PullBranch && p.Head == a.Head {
				p.Number, p.State, p.Draft, p.Sheet = i+1, PullOpen, a.Draft, a.Sheet.Digest()
				w.bodies[p.Number] = a.Sheet
			}
		}
	case Update:
		p := w.pull(a.Number)
		p.Sheet, p.Draft = a.Sheet.Digest(), a.Draft
		w.bodies[a.Number] = a.Sheet
	case Close:
		w.pull(a.Number).State = PullClosed
		w.pull(a.Number).Labels = append(w.pull(a.Number).Labels, SupersededLabel)
	case Delete:
		w.pulls = slices.DeleteFunc(w.pulls, func(p Pull) bool { return p.Branch == a.Branch && p.State == PullBranch })
	}
}

func (w *world) pull(number int) *Pull {
	for i := range w.pulls {
		if w.pulls[i].Number == number {
			return &w.pulls[i]
		}
	}
	w.t.Fatalf("no pull #%d", number)
	return nil
}

// merge brings a pull's edits into the base.
func (w *world) merge(number int) {
	p := w.pull(number)
	p.State = PullMerged
	w.commit++
	for _, e := range p.Edits {
		for i := range w.pins {
			if pin := &w.pins[i]; pin.Place.File == e.Place.File && pin.Place.Path == e.Place.Path {
				pin.Version, pin.Place.Written = e.To, e.To
			}
		}
	}
}

// open lists the open pulls: "#1 dev redis 2.0.0".
func (w *world) open() []string {
	var out []string
	for _, p := range w.pulls {
		if p.State == PullOpen {
			s := w.bodies[p.Number]
			line := fmt.Sprintf("#%d %s %s", p.Number, s.Wave, s.Members[0].To)
			if p.Draft {
				line += " draft"
			}
			out = append(out, line)
		}
	}
	return out
}

func (w *world) expectOpen(want ...string) {
	w.t.Helper()
	w.settle()
	if diff := cmp.Diff(want, w.open()); diff != "" {
		w.t.Errorf("open pulls, -want +got:\n%s", diff)
	}
}

// why returns the line of an environment.
func (w *world) why(env string) string {
	for _, l := range w.plan().Lines {
		if l.Environment == env {
			return l.String()
		}
	}
	return ""
}

func (w *world) expectWhy(env string, parts ...string) {
	w.t.Helper()
	got := w.why(env)
	for _, part := range parts {
		if !strings.Contains(got, part) {
			w.t.Errorf("line of %s: %q does not say %q", env, got, part)
		}
	}
}

// threeWaves is redis 1.0.0 in dev, staging and production, with 1.1.0 out.
func threeWaves(t testing.TB) *world {
	w := newWorld(t, "dev", "staging", "production")
	for _, env := range []string{"dev", "staging", "production"} {
		w.pin(redisChart, env, "1.0.0")
	}
	w.offered[redisChart] = []string{"1.0.0", "1.1.0"}
	return w
}

func TestAChangeTravelsWaveByWave(t *testing.T) {
	w := threeWaves(t)
	w.expectOpen("#1 dev 1.1.0")
	w.expectWhy("staging", "waiting", "for wave dev, which is at 1.0.0")
	w.merge(1)
	w.expectOpen("#2 staging 1.1.0")
	w.merge(2)
	w.expectOpen("#3 production 1.1.0")
	if a, b := w.bodies[1].Change, w.bodies[3].Change; a != b {
		t.Errorf("the change is called %q in dev and %q in production", a, b)
	}
	w.merge(3)
	w.expectOpen()
	w.expectWhy("production", "current")
}

func TestLaterWavesAreDraftsWhenAllAreOpenedAtOnce(t *testing.T) {
	w := threeWaves(t)
	w.policy.Ahead = true
	w.expectOpen("#1 dev 1.1.0", "#2 staging 1.1.0 draft", "#3 production 1.1.0 draft")
	w.merge(1)
	w.expectOpen("#2 staging 1.1.0", "#3 production 1.1.0 draft")
}

func TestANewerReleaseReplacesAnUnmergedPull(t *testing.T) {
	w := threeWaves(t)
	w.expectOpen("#1 dev 1.1.0")
	w.offered[redisChart] = append(w.offered[redisChart], "1.2.0")
	w.expectOpen("#2 dev 1.2.0")
	if w.pull(1).State != PullClosed {
		t.Error("#1 is still open")
	}
}

// TestNoNewsIsNoWriting loses the cache, with its first-seen times, and lets
// time pass: what is open is not written again.
func TestNoNewsIsNoWriting(t *testing.T) {
	w := threeWaves(t)
	w.offered[redisChart] = append(w.offered[redisChart], "1.2.0")
	observe := func(firstSeen time.Time) Observation {
		o := w.observe()
		for i := range o.Targets {
			l := Listing{Artifact: redisChart}
			for _, v := range w.offered[redisChart] {
				l.Releases = append(l.Releases, Release{Version: v, Created: start.Add(-100 * time.Hour), FirstSeen: firstSeen})
			}
			l.Releases[2].Created = start.Add(-time.Hour)
			o.Targets[i].Choice = Candidates(o.Targets[i].Pin, l, Wanted{MinAge: 72 * time.Hour}, w.now)
		}
		return o
	}
	for range 5 {
		for _, a := range Plan(observe(start), w.policy, w.now).Actions {
			w.act(a)
		}
	}
	if got := w.open(); len(got) != 1 {
		t.Fatalf("open pulls: %q", got)
	}
	w.now = w.now.Add(5 * time.Hour)
	if d := Plan(observe(w.now), w.policy, w.now); len(d.Actions) > 0 {
		t.Errorf("without news: %v", d.Actions)
	}
}

func TestAVersionThatWasSupersededMayComeBack(t *testing.T) {
	w := threeWaves(t)
	w.settle()
	w.offered[redisChart] = append(w.offered[redisChart], "1.2.0")
	w.expectOpen("#2 dev 1.2.0")
	w.offered[redisChart] = []string{"1.0.0", "1.1.0"} // 1.2.0 was withdrawn
	w.expectOpen("#3 dev 1.1.0")
}

func TestANewerReleaseWaitsForTheRolloutUnderWay(t *testing.T) {
	w := threeWaves(t)
	w.settle()
	w.merge(1)
	w.offered[redisChart] = append(w.offered[redisChart], "1.2.0")
	w.expectOpen("#2 staging 1.1.0")
	w.expectWhy("dev", "waiting", "1.1.0 is under way")
	w.policy.Newer = NewerTakes
	w.expectOpen("#2 staging 1.1.0", "#3 dev 1.2.0")
}

func TestWhatAPersonDidWins(t *testing.T) {
	t.Run("closed", func(t *testing.T) {
		w := threeWaves(t)
		w.settle()
		w.pull(1).State, w.pull(1).ClosedBy = PullClosed, "ana"
		w.expectOpen()
		w.expectWhy("dev", "left", "#1 was closed by ana")
		w.pull(1).Labels = []string{RetryLabel}
		w.expectOpen("#2 dev 1.1.0")
		if !strings.HasSuffix(w.pull(2).Branch, "--again-1") {
			t.Errorf("the second attempt has the branch %q", w.pull(2).Branch)
		}
	})
	t.Run("edited", func(t *testing.T) {
		w := threeWaves(t)
		w.settle()
		w.pull(1).Ours, w.pull(1).Foreign = false, true
		w.expectOpen("#1 dev 1.1.0")
		w.expectWhy("dev", "left", "a person's commits")
		w.offered[redisChart] = append(w.offered[redisChart], "1.2.0")
		w.expectOpen("#1 dev 1.1.0", "#2 dev 1.2.0")
	})
	t.Run("re-pinned after the merge", func(t *testing.T) {
		w := threeWaves(t)
		w.settle()
		w.merge(1)
		w.pins[0].Version, w.pins[0].Place.Written = "1.0.0", "1.0.0"
		w.expectOpen()
		w.expectWhy("dev", "left", "a person's change wins")
	})
	t.Run("changed another line of a pull's file", func(t *testing.T) {
		w := threeWaves(t)
		w.settle()
		w.pull(1).Moved = true
		before := w.pull(1).Head
		w.commit++
		w.expectOpen("#1 dev 1.1.0")
		if w.pull(1).Head == before {
			t.Error("the branch was not written again on the new base")
		}
		w.pull(1).Moved, w.pull(1).Ours = true, false
		w.expectOpen("#1 dev 1.1.0")
		w.expectWhy("dev", "left", "a person's commits")
	})
	t.Run("changed the base under a pull", func(t *testing.T) {
		w := threeWaves(t)
		w.offered[redisChart] = append(w.offered[redisChart], "1.0.5")
		w.settle()
		w.pins[0].Version, w.pins[0].Place.Written = "1.0.5", "1.0.5"
		w.commit++
		before := w.pull(1).Head
		w.expectOpen("#1 dev 1.1.0", "#2 staging 1.0.5")
		if w.pull(1).Head == before {
			t.Error("the branch was not written again on the new base")
		}
	})
}

func TestIgnoranceMovesNothing(t *testing.T) {
	w := threeWaves(t)
	w.settle()
	w.unknown[redisChart] = "429 from charts.example.com"
	if d := w.plan(); len(d.Actions) > 0 {
		t.Errorf("with an unknown listing: %v", d.Actions)
	}
	w.expectWhy("dev", "unresolved", "429")
	delete(w.unknown, redisChart)
	gone := w.observe()
	gone.Targets = gone.Targets[1:]
	gone.Unread = [][]string{{"dev/redis.yaml"}}
	d := Plan(gone, w.policy, w.now)
	if len(d.Actions) > 0 {
		t.Errorf("with a file that is not found: %v", d.Actions)
	}
	if !slices.ContainsFunc(d.Lines, func(l Line) bool {
		return l.Environment == "staging" && strings.Contains(l.Why, "dev/redis.yaml of wave dev cannot be read, and may hold it")
	}) {
		t.Errorf("no line says why staging waits: %v", d.Lines)
	}
	if !slices.ContainsFunc(d.Lines, func(l Line) bool {
		return l.Pull == 1 && strings.Contains(l.Why, "dev/redis.yaml, which it edits, cannot be read now: it stays")
	}) {
		t.Errorf("no line says why #1 stays: %v", d.Lines)
	}
	w.merge(1)
	w.settle()
	gone = w.observe()
	gone.Targets = gone.Targets[1:]
	gone.Unread = [][]string{{"dev/redis.yaml"}}
	if d := Plan(gone, w.policy, w.now); len(d.Actions) > 0 {
		t.Errorf("with an open pull in staging and a file of dev that is not found: %v", d.Actions)
	}
	o := w.observe()
	o.PullsUnknown = "the list was cut off"
	o.Pulls = nil
	if d := Plan(o, w.policy, w.now); len(d.Actions) > 0 {
		t.Errorf("with unknown pulls: %v", d.Actions)
	}
}
