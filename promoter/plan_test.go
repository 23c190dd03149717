package promoter

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

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
	if !slices.ContainsFunc(d.Lines, func(l Line) bool { return l.Pull == 1 && strings.Contains(l.Why, "not found any more: it stays") }) {
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

func TestASharedFileChangesWithTheLastWaveItReaches(t *testing.T) {
	w := newWorld(t, "dev", "staging", "production")
	w.pin(redisChart, "base", "1.0.0")
	w.offered[redisChart] = []string{"1.0.0", "1.1.0"}
	w.reach["base/redis.yaml"] = []Reached{{Environment: "dev", Wave: 0}, {Environment: "production", Wave: 2}}
	w.pins[0].Environment = ""
	w.expectOpen("#1 production 1.1.0")
	if s := w.bodies[1]; !s.Shared || len(s.Reaches) != 2 {
		t.Errorf("the sheet does not say what the file reaches: %+v", s.Reaches)
	}
	w.reach["base/redis.yaml"] = append(w.reach["base/redis.yaml"], Reached{Environment: "lab", Wave: -1})
	w2 := w.plan()
	if len(w2.Lines) == 0 || w2.Lines[0].Status != Unplaced || !strings.Contains(w2.Lines[0].Why, "reaches environment lab") {
		t.Errorf("lines %v do not say that it reaches an environment in no wave", w2.Lines)
	}
}

func TestGroups(t *testing.T) {
	crds := Artifact{Kind: Chart, Name: "istio-base", Source: "https://charts.example.com"}
	istiod := Artifact{Kind: Chart, Name: "istiod", Source: "https://charts.example.com"}
	setup := func(t *testing.T, g Group) *world {
		w := newWorld(t, "dev", "production")
		for _, env := range []string{"dev", "production"} {
			w.pin(crds, env, "1.0.0")
			w.pin(istiod, env, "1.0.0")
		}
		w.offered[crds], w.offered[istiod] = []string{"1.0.0", "1.1.0", "1.2.0"}, []string{"1.0.0", "1.1.0"}
		w.group[crds], w.group[istiod] = 0, 1
		w.policy.Groups = map[string]Group{"g": g}
		return w
	}
	t.Run("together", func(t *testing.T) {
		w := setup(t, Group{Name: "g"})
		w.expectOpen("#1 dev 1.2.0")
		if n := len(w.bodies[1].Members); n != 2 {
			t.Errorf("%d members move, want 2", n)
		}
		w.merge(1)
		w.expectOpen("#2 production 1.2.0")
	})
	t.Run("lockstep", func(t *testing.T) {
		w := setup(t, Group{Name: "g", Lockstep: true})
		w.expectOpen("#1 dev 1.1.0")
	})
	t.Run("ordered", func(t *testing.T) {
		w := setup(t, Group{Name: "g", Ordered: true})
		w.expectOpen("#1 dev 1.2.0")
		w.merge(1)
		w.settle()
		var names []string
		for _, p := range w.pulls {
			if p.State == PullOpen {
				names = append(names, w.bodies[p.Number].Wave+" "+w.bodies[p.Number].Members[0].Artifact.Name)
			}
		}
		if diff := cmp.Diff([]string{"production istio-base", "dev istiod"}, names); diff != "" {
			t.Errorf("after the CRDs reached dev, -want +got:\n%s", diff)
		}
	})
}

func TestCapsKeepWhatHasBegun(t *testing.T) {
	w := newWorld(t, "dev", "production")
	for i := range 6 {
		a := Artifact{Kind: Chart, Name: fmt.Sprintf("app%d", i), Source: "https://charts.example.com"}
		w.pin(a, "dev", "1.0.0")
		w.pin(a, "production", "1.0.0")
		w.offered[a] = []string{"1.0.0", "1.1.0"}
	}
	w.policy.MaxOpen = 2
	w.settle()
	if got := len(w.open()); got != 2 {
		t.Fatalf("%d pulls are open, want 2", got)
	}
	w.merge(1)
	w.settle()
	var waves []string
	for _, line := range w.open() {
		waves = append(waves, strings.Fields(line)[1])
	}
	slices.Sort(waves)
	if diff := cmp.Diff([]string{"dev", "production"}, waves); diff != "" {
		t.Errorf("after #1 merged, its next wave comes before anything new, -want +got:\n%s", diff)
	}
}

func TestTheSecurityLaneComesFirst(t *testing.T) {
	w := newWorld(t, "dev")
	for i := range 3 {
		a := Artifact{Kind: Chart, Name: fmt.Sprintf("app%d", i), Source: "https://charts.example.com"}
		w.pin(a, "dev", "1.0.0")
		w.offered[a] = []string{"1.0.0", "1.1.0"}
	}
	w.policy.MaxOpen = 1
	o := w.observe()
	o.Targets[2].Wanted.Security = true
	d := Plan(o, w.policy, w.now)
	if len(d.Actions) != 1 || d.Sheets[0].Members[0].Artifact.Name != "app2" {
		t.Errorf("actions %v, want app2 first", d.Actions)
	}
}

// TestTheOrderOfFactsDoesNotMatter shuffles what is observed: the same facts
// give the same decision.
func TestTheOrderOfFactsDoesNotMatter(t *testing.T) {
	w := threeWaves(t)
	w.pin(Artifact{Kind: Chart, Name: "web", Source: "https://charts.example.com"}, "dev", "1.0.0")
	w.settle()
	w.merge(1)
	want := fmt.Sprint(w.plan())
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		o := w.observe()
		rng.Shuffle(len(o.Targets), func(i, j int) { o.Targets[i], o.Targets[j] = o.Targets[j], o.Targets[i] })
		rng.Shuffle(len(o.Pulls), func(i, j int) { o.Pulls[i], o.Pulls[j] = o.Pulls[j], o.Pulls[i] })
		if got := fmt.Sprint(Plan(o, w.policy, w.now)); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	}
}

func TestBranchNamesAreBoundedAndRefSafe(t *testing.T) {
	long := strings.Repeat("äÖ/x", 100)
	for _, b := range []Branch{
		{Change: changeID("k", "redis", map[Artifact]string{redisChart: "18.4.0"}), Wave: "dev"},
		{Change: changeID("k", long, map[Artifact]string{redisChart: long}), Wave: long, Part: long, Revert: true, Attempt: 12},
		{Change: changeID("k", "..", map[Artifact]string{redisChart: "x.lock"}), Wave: "prod.lock"},
	} {
		name := b.String()
		if len(name) > maxBranch || strings.Contains(name, "..") || strings.HasSuffix(name, ".lock") || strings.ContainsAny(name, " ~^:?*[\\ä") {
			t.Errorf("branch %q (%d bytes) is no good ref", name, len(name))
		}
		if id, ok := ChangeOf(name); !ok || id != b.Change {
			t.Errorf("branch %q: change %q, want %q", name, id, b.Change)
		}
	}
}

func FuzzTrailers(f *testing.F) {
	f.Add("redis-1", "dev", "chart x = 1", "chart x = 2", "title\n\nbody")
	f.Fuzz(func(t *testing.T, change, wave, from, to, body string) {
		in := Trailers{Change: oneLine(change), Wave: oneLine(wave), Edits: []Edit{{Place: Place{File: body, Written: from}, To: to}}}
		if f := oneLine(from); f != "" {
			in.From = []string{f}
		}
		if s := oneLine(to); s != "" {
			in.To = []string{s}
		}
		if !utf8.ValidString(body + from + to) {
			return // JSON has no way to write it, and no detector reports it
		}
		out := ParseTrailers(body + "\n\n" + in.String())
		if diff := cmp.Diff(in, out); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

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
	if goals, why := p.goals(u, 2, map[Artifact]goal{dark.Pin.Artifact: {version: "17.1.0"}}); goals != nil || why != "wave dev says nothing of it (429 from upstream)" {
		t.Errorf("%v, %q", goals, why)
	}
}
