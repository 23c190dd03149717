package sim

import (
	"os"
	"path/filepath"
	"testing"

	"promoter/promoter/scenario"
)

// TestFound tells what stories have found, in the language of scenarios.
func TestFound(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("found/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 15 {
		t.Errorf("%d scenarios: some have gone", len(files))
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
		for _, f := range r.Failures {
			t.Error(f)
		}
	}
}
