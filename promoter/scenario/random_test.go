package scenario

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"promoter/promoter"
)

// happenings are what may come between two looks, in any order. N is a number
// of a pull request.
var happenings = []string{
	"release redis 17.V.0", "withdraw redis 17.V.0", "wait 5m", "wait 1h", "sleep 20m", "crash after 1", "crash after 2", "run",
	`app dev/redis degraded "ill"`, `app */redis at 17.V.0 degraded "crash" attributable`, "app dev/redis healthy", "app */redis healthy",
	`app staging/redis blind "gone"`, `app production/redis pending "slow"`, "app staging/redis gone", `app dev/redis stuck "retries"`,
	`gate errors */redis at 17.V.0 fail "bad"`, `gate errors dev/redis unknown "no data"`, "gate errors */redis pass",
	"person merges #N", "person closes #N", "person reopens #N", "person pushes to #N", "person rewrites #N", "person approves #N",
	"person labels #1 promoter/hold", "person unlabels #1 promoter/hold", "person labels #N promoter/retry",
	`person comments "/promoter stop" on #N`, `person comments "/promoter hold" on #1`,
	"person sets dev/redis to 17.V.0", "person sets staging/redis to 17.0.0", "person closes issue #N",
	`freeze "quiet" for 1h`, `forge fails "502"`, `forge talk fails "502"`, `forge seals fails "502"`, `forge denies merges "403"`,
	`forge denies statuses "403"`, "forge answers", "forge answers", "clock skews 5m", `upstream redis unknown "429"`, "upstream redis answers",
	"meanwhile person pushes to #N", "file staging/redis.yaml unreadable", "file staging/redis.yaml readable",
}

// TestRandomStories lets anything happen in any order: whatever comes, the
// rules that no scenario may break hold. A step that is not possible where it
// stands is left out.
func TestRandomStories(t *testing.T) {
	t.Parallel()
	yaml := strings.Replace(policy, "- {name: production", "- {name: staging, environments: [staging]}\n  - {name: production", 1)
	yaml = strings.Replace(yaml, "[{name: argo}]", "[{name: argo}], reverts: automatic, endOperations: true", 1)
	head := yaml + "-- world --\nchart redis 17.0.0 in dev, staging, production\ngate errors takes 10m\n-- story --\n"
	merges := 0
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 7))
		steps := []string{"release redis 17.1.0"}
		for range 5 + rng.IntN(25) {
			if rng.IntN(3) == 0 {
				steps = append(steps, []string{"run", "wait 1m", "wait 15m"}[rng.IntN(3)])
			}
			step := happenings[rng.IntN(len(happenings))]
			step = strings.ReplaceAll(step, "V", fmt.Sprint(1+rng.IntN(3)))
			steps = append(steps, strings.ReplaceAll(step, "N", fmt.Sprint(1+rng.IntN(6))))
		}
		s, err := read("x.txtar", []byte(head+strings.Join(steps, "\n")+"\nforge answers\nupstream redis answers\nwait 3h\n"), nil)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		r := &teller{world: s.world, killed: seed%2 == 1}
		r.check = func(a promoter.Action) error {
			m, ok := a.(promoter.Merge)
			if !ok {
				return nil
			}
			merges++
			if p := s.world.pull(m.Number); p != nil && p.Head == m.Head {
				return s.world.forward(p)
			}
			return nil
		}
		for _, st := range s.steps {
			var broken brokenError
			if err := st.do(r); errors.As(err, &broken) {
				t.Errorf("seed %d, killed %v: %v after\n%s", seed, r.killed, err, strings.Join(steps, "\n"))
				break
			}
		}
	}
	if merges < 200 {
		t.Errorf("%d merges were tried: the stories tell nothing", merges)
	}
}

// forward says what stands against a merge that brings a change forward, by
// looking at the world itself.
func (w *world) forward(p *pull) error {
	b, ok := promoter.ParseBranch(p.Branch)
	if !ok || b.Revert {
		return nil
	}
	no := func(format string, args ...any) error {
		return brokenError{fmt.Sprintf("#%d (%s) is merged, but ", p.Number, p.title) + fmt.Sprintf(format, args...)}
	}
	for what, why := range w.fails {
		return no("%s cannot be read: %s", what, why)
	}
	for _, f := range w.policy.Freezes {
		if !w.now.Before(f.From) && w.now.Before(f.To) {
			return no("%q is on", f.Name)
		}
	}
	for _, i := range w.issues {
		if i.Stop && i.Open {
			return no("#%d stops everything", i.Number)
		}
	}
	retried := false
	for _, o := range w.pulls {
		ob, _ := promoter.ParseBranch(o.Branch)
		if ob.Change == b.Change {
			retried = retried || slices.Contains(o.Labels, promoter.RetryLabel)
		}
	}
	for _, o := range w.pulls {
		ob, _ := promoter.ParseBranch(o.Branch)
		if ob.Change != b.Change || o.State == promoter.PullClosed {
			continue
		}
		if slices.Contains(o.Labels, promoter.HoldLabel) {
			return no("#%d is held", o.Number)
		}
		for _, s := range w.seals[o.Merge] {
			if o.Merge != "" && s.Stage == promoter.StageVerdict && s.Verdict == promoter.Fail && !ob.Revert && !retried {
				return no("#%d failed: %s", o.Number, s.Reason)
			}
		}
	}
	wave := slices.IndexFunc(w.policy.Waves, func(x promoter.Wave) bool { return x.Name == b.Wave })
	for _, pin := range w.pins() {
		if n, ok := promoter.Compare(promoter.Chart, pin.Version, p.Edits[0].To); w.waveOf(pin.Environment) < wave && (!ok || n < 0) {
			return no("%s is at %s", pin.Environment, pin.Version)
		}
		at := promoter.Reached{Environment: pin.Environment, App: pin.App}
		if f := w.app(at); w.waveOf(pin.Environment) >= wave-1 && w.waveOf(pin.Environment) <= wave && (f.outcome != promoter.Converged || f.gone) {
			return no("%s in %s is %s", pin.App, pin.Environment, f.outcome)
		}
	}
	return nil
}
