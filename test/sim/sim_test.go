package sim

import (
	"flag"
	"os"
	"runtime/debug"
	"testing"
)

var (
	seeds = flag.Int("seeds", 1000, "how many stories happen")
	from  = flag.Int("from", 0, "the first seed")
)

func TestMain(m *testing.M) {
	flag.Parse()
	debug.SetGCPercent(400) // stories are short, and leave nothing behind
	os.Exit(m.Run())
}

// TestStories lets stories happen and finds no law broken.
func TestStories(t *testing.T) {
	if err := Run(nil, *seeds, *from, os.Stdout); err != nil {
		t.Error(err)
	}
}

// TestSeedsTellTheSame holds a story to its seed.
func TestSeedsTellTheSame(t *testing.T) {
	for seed := range uint64(12) {
		s, err := draw(seed, nil)
		if err != nil {
			t.Fatal(err)
		}
		a, _ := s.run(s.steps, true)
		again, err := draw(seed, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := again.run(again.steps, true)
		if len(a.Text) == 0 || len(a.Text) != len(b.Text) {
			t.Fatalf("seed %d: %d and %d lines", seed, len(a.Text), len(b.Text))
		}
		for i := range a.Text {
			if a.Text[i] != b.Text[i] {
				t.Fatalf("seed %d tells two stories:\n%s\n%s", seed, a.Text[i], b.Text[i])
			}
		}
	}
}
