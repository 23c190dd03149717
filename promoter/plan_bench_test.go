package promoter

import (
	"fmt"
	"testing"
)

// BenchmarkPlan proposes over many pins in five waves; a fifth of the
// artifacts have something newer.
func BenchmarkPlan(b *testing.B) {
	for _, pins := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("pins=%d", pins), func(b *testing.B) {
			w := newWorld(b, "dev", "test", "staging", "canary", "production")
			for i := range pins {
				a := Artifact{Kind: Chart, Name: fmt.Sprintf("app%d", i/25), Source: "https://charts.example.com"}
				w.pin(a, w.policy.Waves[i%5].Name, "1.0.0")
				w.pins[i].Place.File = fmt.Sprintf("f%d.yaml", i)
				if i%25 == 0 {
					w.offered[a] = []string{"1.0.0"}
					if i%125 == 0 {
						w.offered[a] = []string{"1.0.0", "1.1.0", "1.2.0"}
					}
				}
			}
			o := w.observe()
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				if d := Plan(o, w.policy, w.now); len(d.Actions) == 0 {
					b.Fatal("nothing is proposed")
				}
			}
		})
	}
}

// BenchmarkRollouts is Plan in the middle of 500 rollouts over five waves: each
// is merged in the first wave, sealed or being verified there, and open in the
// second; every fact that the decision asks for is known.
func BenchmarkRollouts(b *testing.B) {
	for _, apps := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("apps=%d", apps), func(b *testing.B) {
			w := newDelivering(b)
			w.world = newWorld(b, "dev", "test", "staging", "canary", "production")
			w.policy.Delivers, w.policy.Reverts, w.policy.Ahead = true, MergeAutomatic, false
			w.policy.Classes = map[Class]ClassPolicy{C3: {Merge: MergeAutomatic}}
			changes := 500
			per := max(apps/changes, 2)
			for i := range apps {
				a := Artifact{Kind: Chart, Name: fmt.Sprintf("app%d", i/per), Source: "https://charts.example.com"}
				w.pin(a, w.policy.Waves[i%per*5/per].Name, "1.0.0")
				pin := &w.pins[i]
				pin.Place.File, pin.App = fmt.Sprintf("f%d.yaml", i), fmt.Sprintf("app-%d", i)
				w.offered[a] = []string{"1.0.0", "1.1.0"}
			}
			for n := range 2 { // pushed, then opened
				d := w.look()
				if n == 1 && len(d.Actions) < min(changes, apps/per) {
					b.Fatalf("%d actions", len(d.Actions))
				}
				for _, a := range d.Actions {
					w.act(a)
				}
			}
			w.outcome["dev"] = Convergence{Outcome: Pending, Reason: "syncing"}
			for range 4 {
				d := w.look()
				for _, a := range d.Actions {
					w.act(a)
				}
			}
			o := w.known()
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				if d := Plan(o, w.policy, w.now); len(d.Lines) == 0 || len(d.Questions) > 0 {
					b.Fatalf("%d lines, %d questions", len(d.Lines), len(d.Questions))
				}
			}
		})
	}
}
