package argoapp

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write what is found into the cases")

// TestCases reads testdata/*.txtar: the comment says what the case is about
// (and, after "remote:", where the repository was cloned from), the file want
// what must be found, the others are the repository.
func TestCases(t *testing.T) {
	t.Parallel()
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string][]byte{}
			var want string
			wantAt := -1
			for i, f := range archive.Files {
				if f.Name == "want" {
					want, wantAt = string(f.Data), i
					continue
				}
				files[f.Name] = f.Data
			}
			remote := ""
			for line := range strings.SplitSeq(string(archive.Comment), "\n") {
				if rest, ok := strings.CutPrefix(line, "remote: "); ok {
					remote = rest
				}
			}
			repo := scan(files, remote)
			if err := placed(repo, files); err != nil {
				t.Error(err)
			}
			got := strings.Join(lines(repo), "\n") + "\n"
			if *update {
				if wantAt < 0 {
					archive.Files = append(archive.Files, txtar.File{Name: "want"})
					wantAt = len(archive.Files) - 1
				}
				archive.Files[wantAt].Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
		})
	}
}
