package helmrepo

import (
	"testing"

	"promoter/test/sim/drawn"
)

// FuzzDrawn: indexes as repositories serve them are read as Helm reads them.
func FuzzDrawn(f *testing.F) {
	for _, data := range drawn.Seeds() {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { agree(t, []byte(drawn.Index(drawn.From(data)))) })
}
