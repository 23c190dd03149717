package sim

import (
	"flag"
	"os"
	"testing"
)

var (
	seeds = flag.Int("seeds", 1000, "how many stories happen")
	from  = flag.Int("from", 0, "the first seed")
)

// TestStories lets stories happen and finds no law broken.
func TestStories(t *testing.T) {
	if err := Run(nil, *seeds, *from, os.Stdout); err != nil {
		t.Error(err)
	}
}
