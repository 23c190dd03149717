package promoter

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

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
