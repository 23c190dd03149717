package sim

import (
	"flag"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"promoter/gitops"
	"promoter/promoter"
	"promoter/promoter/config"
)

var (
	seeds = flag.Int("seeds", 1000, "how many stories happen")
	from  = flag.Int("from", 0, "the first seed")
)

func TestMain(m *testing.M) {
	flag.Parse()
	debug.SetGCPercent(1600) // stories are short, and leave nothing behind
	os.Exit(m.Run())
}

// TestStories lets stories happen and finds no law broken.
func TestStories(t *testing.T) {
	if err := Run(nil, *seeds, *from, os.Stdout); err != nil {
		t.Error(err)
	}
}

// TestSeedsTellTheSame holds a story to its seed.
func TestSeedsTellTheSame(t *testing.T) {
	for seed := range uint64(12) {
		s, err := draw(seed, nil)
		if err != nil {
			t.Fatal(err)
		}
		a, _ := s.run(s.steps, true)
		again, err := draw(seed, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := again.run(again.steps, true)
		if len(a.Text) == 0 || len(a.Text) != len(b.Text) {
			t.Fatalf("seed %d: %d and %d lines", seed, len(a.Text), len(b.Text))
		}
		for i := range a.Text {
			if a.Text[i] != b.Text[i] {
				t.Fatalf("seed %d tells two stories:\n%s\n%s", seed, a.Text[i], b.Text[i])
			}
		}
	}
}

const owned = `
environments:
  - {name: dev, paths: ["clusters/dev/**"]}
  - {name: "prod-{region}", paths: ["clusters/prod/{region}/**"], tenant: acme, cluster: "{region}"}
waves:
  - {name: first, environments: [dev], soak: 10m}
  - {name: last, environments: ["prod-*"], split: environment}
policies:
  C3: {merge: automatic}
delivery: {argocd: [{name: argo}], reverts: automatic}
`

// TestOwnConfiguration lets stories happen in a world that a user's own
// configuration knows.
func TestOwnConfiguration(t *testing.T) {
	c, err := config.Parse(config.Name, []byte(owned))
	if err != nil {
		t.Fatal(err)
	}
	got := grounds(c)
	if len(got) != 3 || got[2].at.Environment != "prod-two" || got[2].at.Tenant != "acme" || got[2].file != "clusters/prod/two/x/APP.yaml" {
		t.Errorf("it knows %+v", got)
	}
	var out strings.Builder
	if err := Run(c, 20, 0, &out); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	for _, word := range []string{"20 seeds", "killed", "merge"} {
		if !strings.Contains(out.String(), word) {
			t.Errorf("nothing is said of %q:\n%s", word, out.String())
		}
	}
	if err := Run(&config.Config{Waves: []config.Wave{{Name: "x"}}}, 1, 0, &out); err == nil {
		t.Error("a configuration without places is simulated")
	}
}

// TestAnInjuredWorldIsNoticed holds the laws to finding what is made wrong on
// purpose: a story in which we merge in a freeze, and one that is never told.
func TestAnInjuredWorldIsNoticed(t *testing.T) {
	s, err := draw(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := s.build()
	w.happen(step{kind: "release"})
	for range 200 {
		w.turn()
		w.review()
		w.now = w.soon()
	}
	i := slices.IndexFunc(w.forge.pulls, func(p *pull) bool { return p.State == "merged" })
	if i < 0 || w.broken != nil {
		t.Fatalf("nothing was merged (%v)", w.broken)
	}
	p := w.forge.pulls[i]
	line := &line{world: w}
	ctx := t.Context()
	if err := line.SetStatus(ctx, p.Merge, gitops.Status{Context: promoter.Seal{Stage: promoter.StageVerdict}.Context(), State: "failure"}); err != nil {
		t.Fatal(err)
	}
	if w.broken == nil || !strings.Contains(w.broken.Law, "law 9") {
		t.Errorf("a pass is made a failure, and %v is noticed", w.broken)
	}
}

// TestWhatWroteNothingProvesNothing: a person took a version back before our
// revert of it was merged. Nothing that the revert wrote stands anywhere, so
// nobody is to be asked about it, whatever comes after.
func TestWhatWroteNothingProvesNothing(t *testing.T) {
	s, err := draw(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := s.build()
	w.happen(step{kind: "release"})
	p := (*pull)(nil)
	for range 200 {
		w.turn()
		w.review()
		w.now = w.soon()
		if list := w.pulls("merged"); len(list) > 0 {
			p = list[0]
			break
		}
	}
	if p == nil || !w.whole(p) {
		t.Fatal("nothing was merged that stands")
	}
	head := w.repo.head()
	empty := *p
	empty.Merge = w.repo.add([]string{head.hash}, head.files, "Revert of what a person has taken back", w.now, true)
	empty.before = head.hash
	w.repo.refs[trunk] = empty.Merge
	if w.whole(&empty) {
		t.Error("a merge that wrote nothing is to be proven")
	}
}
