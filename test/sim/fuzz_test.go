package sim

import (
	"strings"
	"testing"

	"promoter/test/sim/drawn"
)

// FuzzStories lets a fuzzer choose what happens: each of its bytes is a choice
// of the story's.
func FuzzStories(f *testing.F) {
	for _, data := range drawn.Seeds()[:4] {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := drawFrom(drawn.From(data), uint64(len(data)), nil)
		if err != nil {
			t.Fatal(err)
		}
		if out := s.outcome(s.steps); out.Violation != nil {
			t.Errorf("%v\n%s", out.Violation, strings.Join(s.shrink(out).Text, "\n"))
		}
	})
}
