package edit

import (
	"testing"

	"promoter/test/sim/drawn"
)

// FuzzDrawn edits files as people write them.
func FuzzDrawn(f *testing.F) {
	for _, data := range drawn.Seeds() {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		rng := drawn.From(data)
		file := []byte(drawn.Manifest(rng))
		places := scalars(file)
		if len(places) == 0 {
			return
		}
		var sets []Set
		for range 1 + rng.IntN(3) {
			sets = append(sets, Set{Place: places[rng.IntN(len(places))], To: drawn.One(rng, drawn.Version(rng), drawn.Digest(rng), drawn.Word(rng))})
		}
		got, err := Apply(file, sets)
		if err != nil {
			if got != nil {
				t.Fatalf("%v, and still %q", err, got)
			}
			return
		}
		checkApplied(t, file, got, sets)
	})
}
