// Package replay holds the detectors to version bumps that were really made:
// cases cut from public repositories' histories, read from a folder beside the
// checkout.
package replay

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// a change is one file that a commit changed by replacing versions.
type change struct {
	ID     string   `json:"id"`
	Path   string   `json:"path"`
	Before string   `json:"before"`
	After  string   `json:"after"`
	Pins   []scalar `json:"pins"`
}

// scalar is a value that was replaced: From and To are without quotes, Line
// is the same before and after, Key is empty for an item of a list.
type scalar struct {
	Line int    `json:"line"`
	Key  string `json:"key"`
	From string `json:"from"`
	To   string `json:"to"`
}

// folder is where the case files are.
func folder() string {
	if dir := os.Getenv("REPLAY_CASES"); dir != "" {
		return dir
	}
	return filepath.Join("..", "..", "..", "shared", "replay")
}

// caseFiles are the files of cases; the test is skipped where there are none.
func caseFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder(), "*.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		message := fmt.Sprintf("replay: no *.jsonl.gz in %s: name a folder of cases with REPLAY_CASES", folder())
		fmt.Println(message)
		t.Skip(message)
	}
	slices.Sort(files)
	return files
}

func caseName(file string) string { return strings.TrimSuffix(filepath.Base(file), ".jsonl.gz") }

// read calls f for each case of a file.
func read(t *testing.T, file string, f func(c *change)) {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	unzipped, err := gzip.NewReader(in)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	lines := json.NewDecoder(bufio.NewReaderSize(unzipped, 1<<20))
	n := 0
	for lines.More() {
		var c change
		if err := lines.Decode(&c); err != nil {
			t.Fatalf("%s: case %d: %v", file, n+1, err)
		}
		f(&c)
		n++
	}
	if n == 0 {
		t.Fatalf("%s: holds no case", file)
	}
}
