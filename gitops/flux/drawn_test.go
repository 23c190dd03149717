package flux

import (
	"testing"

	"promoter/test/sim/drawn"
)

// FuzzDrawn: every source as a cluster answers it can be read.
func FuzzDrawn(f *testing.F) {
	for _, data := range drawn.Seeds() {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		kind, name, raw := drawn.FluxSource(drawn.From(data))
		s, err := source(raw)
		if err != nil || s.Ref.Kind != kind || s.Ref.Name != name || len(s.Conditions) != 1 {
			t.Errorf("%+v (%v) of %s", s, err, raw)
		}
	})
}
