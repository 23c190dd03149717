package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"promoter/promoter"
	"promoter/test/crash"
	"promoter/test/world"
	"promoter/test/world/delivery"
	worldmetrics "promoter/test/world/metrics"
)

// ordeal is a world in which one release travels and one is taken back, by a
// clock that the test sets, and whose Promoter dies.
type ordeal struct {
	testing.TB
	dir       string
	clock     *delivery.Clock
	world     *world.World
	hosted    *world.Hosted
	delivered *world.Delivered
	watch     crash.Watch
	fresh     bool // who begins after a death has no caches
	lives     int
	last      promoter.Decision
	said      []string
}

// At the slow pace the bad release is found out by its indicator, at the quick
// one by its health.
var (
	slowly = crash.Pace{Dwell: 30 * time.Second, Grace: time.Minute, Soak: 2 * time.Minute, Gate: true}
	fails  = world.Behaviour{
		Metrics: []worldmetrics.Rule{{Artifact: crash.Artifact, Version: crash.Version, Environment: crash.Fails, Errors: 0.12}},
	}
	quickly  = crash.Pace{Dwell: time.Second, Grace: time.Second}
	degrades = world.Behaviour{
		Delivery: []delivery.Rule{{Artifact: crash.Artifact, Version: crash.Version, Environment: crash.Fails, Outcome: delivery.Degraded}},
		Timing:   delivery.Timing{Notice: 10 * time.Millisecond, Sync: 200 * time.Millisecond, Progress: 200 * time.Millisecond},
	}
)

func beginOrdeal(t testing.TB, fresh bool) *ordeal {
	return beginOrdealAt(t, fresh, delivery.NewClock(time.Now().Add(-24*time.Hour).Truncate(time.Minute), 0), slowly, fails)
}

// beginOrdealAt begins by a clock; nil: the wall's.
func beginOrdealAt(t testing.TB, fresh bool, clock *delivery.Clock, pace crash.Pace, b world.Behaviour) *ordeal {
	t.Helper()
	o := &ordeal{TB: t, dir: t.TempDir(), fresh: fresh, clock: clock}
	var err error
	if o.world, err = world.Start(o.clock); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.world.Close)
	sample := filepath.Join(o.dir, "sample")
	if err := crash.WriteSample(sample, o.world, pace); err != nil {
		t.Fatal(err)
	}
	if o.hosted, err = o.world.Host(sample, filepath.Join(o.dir, "gitops")); err != nil {
		t.Fatal(err)
	}
	if o.delivered, err = o.world.Deliver(o.hosted, b); err != nil {
		t.Fatal(err)
	}
	o.hosted.Server.SetFront(o.watch.Front)
	return o
}

// caches is the directory of what a life remembers.
func (o *ordeal) caches() string { return filepath.Join(o.dir, fmt.Sprint("life-", o.lives)) }

// live has a Promoter begin that dies at its k-th effect, or never when k is
// 0. It reports whether it died.
func (o *ordeal) live(k int, when crash.When) bool {
	o.Helper()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	before := o.caches()
	o.lives++
	if !o.fresh && o.lives > 1 {
		o.inherit(before)
	}
	left := filepath.Join(o.dir, fmt.Sprint("left-by-", o.lives))
	o.watch.Arm(k, when, func() {
		// What lies on the disk now is what the next one finds: what this one
		// still does on its way out, a process that is killed does not.
		if err := os.CopyFS(left, os.DirFS(o.caches())); err != nil {
			o.Error(err)
		}
		stop()
	})
	err := o.work(ctx)
	if o.watch.Dead() {
		if err := os.RemoveAll(o.caches()); err != nil {
			o.Fatal(err)
		}
		if err := os.Rename(left, o.caches()); err != nil {
			o.Fatal(err)
		}
		return true
	}
	if err != nil {
		o.Fatal(err)
	}
	return false
}

func (o *ordeal) inherit(from string) {
	o.Helper()
	if err := os.Rename(from, o.caches()); err != nil {
		o.Fatal(err)
	}
}

// workshop is what a process works in.
func (o *ordeal) workshop(ctx context.Context) (*workshop, error) {
	secrets := map[string]string{world.ArgoTokenName: world.ArgoToken}
	m := machine{now: o.clock.Now, getenv: func(name string) string { return secrets[name] }}
	return openWorkshopOn(ctx, m, &access{
		kind: "github", api: o.hosted.API(), owner: "shop", name: "gitops", remote: o.hosted.CloneURL(""),
		token: world.Token, mirrors: filepath.Join(o.caches(), "mirrors"),
	}, surveyFlags{root: o.hosted.Clone, cache: filepath.Join(o.caches(), "cache"), now: o.clock.Now}, o.Output())
}

// work is what a process does, until everything has come to its end.
func (o *ordeal) work(ctx context.Context) error {
	w, err := o.workshop(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	end := o.clock.Now().Add(3 * time.Hour)
	for quiet := 0; quiet < 4; {
		o.delivered.Engine.Step()
		all, d, err := w.settle(ctx, func(x done) {
			o.said = append(o.said, fmt.Sprintf("%s life %d: %s", o.clock.Now().Format("15:04:05"), o.lives, x))
		})
		if err != nil || ctx.Err() != nil {
			return err
		}
		o.last = d
		now := o.clock.Now()
		if now.After(end) {
			return fmt.Errorf("it comes to no end:\n%s\n%s", o.lines(), strings.Join(o.said, "\n"))
		}
		// At its end nothing is done any more, however long one waits.
		if quiet++; len(all) > 0 || !o.over() {
			quiet = 0
		}
		step := min(max(d.Wake.Sub(now), 5*time.Second), 2*time.Minute)
		if d.Wake.IsZero() {
			step = 2 * time.Minute
		}
		o.clock.Pass(step)
	}
	return nil
}

func (o *ordeal) lines() string {
	var b strings.Builder
	for _, l := range o.last.Lines {
		fmt.Fprintln(&b, l)
	}
	return b.String()
}

// over reports whether the good release has passed everywhere and the bad one
// is taken back.
func (o *ordeal) over() bool {
	passed, back := false, false
	for _, l := range o.last.Lines {
		passed = passed || l.Subject == "redis" && l.Environment == "production" && l.Status == promoter.Passed && l.To == "18.4.0"
	}
	for _, p := range o.hosted.Pulls() {
		back = back || strings.Contains(p.Branch, "revert") && p.State == "merged"
	}
	return passed && back
}

func (o *ordeal) state() string {
	o.Helper()
	s, err := crash.State(o.hosted.Server, o.hosted.Repo, world.Token)
	if err != nil {
		o.Fatal(err)
	}
	return s
}

// death is where a Promoter dies, and whether its caches go with it.
type death struct {
	at    int
	when  crash.When
	fresh bool
}

func (d death) String() string {
	caches := "kept"
	if d.fresh {
		caches = "lost"
	}
	return fmt.Sprintf("%s effect %d, caches %s", d.when, d.at, caches)
}

// crashAll is whether every death is tried: PROMOTER_CRASH=all. It takes some
// six minutes of CPU time.
func crashAll() bool { return os.Getenv("PROMOTER_CRASH") == "all" }

// deaths are those that are tried: without crashAll only one or two at the last
// effect of each sort.
func deaths(effects []string) (out []death) {
	last := map[string]int{}
	for i, name := range effects {
		last[name] = i
	}
	for i, name := range effects {
		whens := []crash.When{crash.After}
		if name == "push" {
			whens = append(whens, crash.Amid)
		}
		if crashAll() || strings.HasSuffix(name, "/merge") {
			whens = append(whens, crash.Before)
		}
		for j, when := range whens {
			for _, fresh := range []bool{false, true} {
				if crashAll() || last[name] == i && fresh == ((i+j)%2 == 0) {
					out = append(out, death{i + 1, when, fresh})
				}
			}
		}
	}
	return out
}

// TestKilled has Promoters die before, amid or after one of their effects. The
// next one, that knows nothing or has the caches, comes to the same end as one
// that nobody disturbed: nothing is lacking, and nothing is there twice.
func TestKilled(t *testing.T) {
	t.Parallel()
	calm := beginOrdeal(t, false)
	calm.live(0, "")
	want, effects := calm.state(), calm.watch.Seen()
	t.Logf("%d effects: %s", len(effects), strings.Join(effects, ", "))
	if len(effects) < 40 {
		t.Fatalf("a calm rollout has only %d effects:\n%s", len(effects), want)
	}
	for _, d := range deaths(effects) {
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			o := beginOrdeal(t, d.fresh)
			if !o.live(d.at, d.when) {
				t.Fatalf("nobody died; there were only %d effects", len(o.watch.Seen()))
			}
			if o.live(0, "") {
				t.Fatal("the next one died too")
			}
			o.ends(want)
		})
	}
	// Each lives for three effects, as many as opening a pull request takes: it
	// does not hear of the last, or dies before the next.
	for _, d := range []death{{3, crash.After, false}, {4, crash.Before, true}, {3, crash.After, true}, {4, crash.Before, false}}[:again()] {
		t.Run("again and again "+d.String(), func(t *testing.T) {
			t.Parallel()
			o := beginOrdeal(t, d.fresh)
			for o.live(d.at, d.when) {
				if o.lives > 100 {
					t.Fatalf("%d lives, and no end:\n%s", o.lives, strings.Join(o.said, "\n"))
				}
			}
			t.Logf("%d lives", o.lives)
			o.ends(want)
		})
	}
}

func again() int {
	if crashAll() {
		return 4
	}
	return 1
}

// ends fails unless everything is as it would be without a death.
func (o *ordeal) ends(want string) {
	o.Helper()
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(o.state(), "\n")); diff != "" {
		o.Errorf("(-calm +killed)\n%s\n%s\n%s", diff, strings.Join(o.said, "\n"), o.lines())
	}
}
