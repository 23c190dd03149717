package templates

import (
	"testing"

	"promoter/promoter"
	"promoter/test/sim/drawn"
)

// FuzzDrawnMarkers: our marker is found below whatever people and tools wrote
// above it, and what only looks like one is not taken for ours.
func FuzzDrawnMarkers(f *testing.F) {
	for _, data := range drawn.Seeds() {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		rng := drawn.From(data)
		sheet := promoter.Sheet{Change: drawn.Word(rng), Wave: drawn.Word(rng)}
		if drawn.Chance(rng, 70) {
			sheet.Notice = promoter.Notice{Head: drawn.Commit(rng), State: "pending", Text: drawn.Word(rng)}
		}
		body := drawn.Marked(rng, Marker(sheet))
		if got := SheetOf(body); got != sheet.Digest() {
			t.Errorf("sheet %q, want %q, of\n%s", got, sheet.Digest(), body)
		}
		if got := SaidOf(body); got != sheet.Notice.Digest() {
			t.Errorf("said %q, want %q, of\n%s", got, sheet.Notice.Digest(), body)
		}
	})
}
