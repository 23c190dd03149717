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
