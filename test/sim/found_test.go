package sim

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"promoter/promoter/scenario"
)

var found = flag.Bool("found", false, "tell the scenarios of what was found, and is not mended yet")

// TestFound tells what stories have found, in the language of scenarios.
func TestFound(t *testing.T) {
	if !*found {
		t.Skip("run with -found")
	}
	files, err := filepath.Glob("found/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r, err := scenario.Run(file, data, nil)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		t.Logf("%s: passed %v", file, r.Passed())
		for _, f := range r.Failures {
			t.Error(f)
		}
	}
}
