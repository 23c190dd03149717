package config

import (
	"testing"

	"promoter/promoter"
	"promoter/test/sim/drawn"
)

// FuzzDrawn: every configuration that the simulator can draw is accepted, gives
// a policy with its waves, and reads the same a second time.
func FuzzDrawn(f *testing.F) {
	for _, data := range drawn.Seeds() {
		f.Add(data, byte(len(data)))
	}
	f.Fuzz(func(t *testing.T, data []byte, shape byte) {
		waves := drawn.Shapes[int(shape)%len(drawn.Shapes)]
		text := drawn.Config(drawn.From(data), waves.Waves, shape&1 == 0)
		c, err := Parse(Name, []byte(text))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		pol := c.Policy(nil)
		if len(pol.Waves) != len(c.Waves) || len(pol.Waves) < 2 || !pol.Delivers {
			t.Errorf("%d waves of %d, delivers %v\n%s", len(pol.Waves), len(c.Waves), pol.Delivers, text)
		}
		for i, w := range pol.Waves {
			for _, before := range w.After {
				if before < 0 || before >= len(pol.Waves) || before == i {
					t.Errorf("wave %s comes after %d\n%s", w.Name, before, text)
				}
			}
		}
		if class, _, _ := c.Classify(promoter.Pin{Artifact: promoter.Artifact{Kind: promoter.Chart, Name: "nothing that is named"}}); class != promoter.C3 {
			t.Errorf("class %s", class)
		}
	})
}
