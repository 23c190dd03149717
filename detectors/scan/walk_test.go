package scan

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/index"
	"github.com/google/go-cmp/cmp"

	"promoter/detectors"
)

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// writeIndex makes Git track the paths.
func writeIndex(t *testing.T, gitDir string, paths ...string) {
	t.Helper()
	idx := &index.Index{Version: 2}
	for _, p := range paths {
		idx.Entries = append(idx.Entries, &index.Entry{Name: p, Mode: filemode.Regular, Hash: plumbing.ComputeHash(plumbing.BlobObject, []byte(p))})
	}
	if err := os.MkdirAll(gitDir, 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(gitDir, "index"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := index.NewEncoder(f).Encode(idx); err != nil {
		t.Fatal(err)
	}
}

func TestTrackedFilesAreNotHidden(t *testing.T) {
	t.Parallel()
	paths := []string{"apps/web/a.yaml", "apps/web/b.yaml", "generated/x/a.yaml", "generated/y/a.yaml", "other/a.yaml"}
	ignore := "/generated/\nb.yaml\n"
	for _, linked := range []bool{false, true} {
		root := t.TempDir()
		for _, p := range paths {
			writeFile(t, filepath.Join(root, p), "a: 1\n")
		}
		writeFile(t, filepath.Join(root, ".gitignore"), ignore)
		gitDir := filepath.Join(root, ".git")
		if linked {
			gitDir = filepath.Join(t.TempDir(), "worktrees", "x")
			writeFile(t, filepath.Join(root, ".git"), "gitdir: "+gitDir+"\n")
		}
		writeIndex(t, gitDir, "apps/web/a.yaml", "generated/x/a.yaml")
		got, err := walk(t.Context(), root, []string{"other"}, false)
		if err != nil {
			t.Fatal(err)
		}
		got.paths = without(got.paths, ".git") // of a linked work tree, a file
		if diff := cmp.Diff([]string{".gitignore", "apps/web/a.yaml", "generated/x/a.yaml"}, got.paths); diff != "" {
			t.Errorf("linked work tree %v: paths (-want +got):\n%s", linked, diff)
		}
	}
}

func without(paths []string, path string) []string {
	var out []string
	for _, p := range paths {
		if p != path {
			out = append(out, p)
		}
	}
	return out
}

func TestPathsAreSorted(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	want := []string{"a-b/x.yaml", "a.yaml", "a/x.yaml", "ab/x.yaml"}
	for _, p := range want {
		writeFile(t, filepath.Join(root, p), "")
	}
	got, err := walk(t.Context(), root, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.paths); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
}

func TestDamagedIndexTracksNothing(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	writeFile(t, filepath.Join(root, ".git", "index"), "DIRC damaged")
	if tr := (tracked{root: root}); tr.holds("a.yaml", false) {
		t.Error("a damaged index tracks a file")
	}
}

func TestWhatCannotBeReadIsAProblem(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	l := loader{reader: newReader(nil, DefaultMaxFileBytes), root: root + string(filepath.Separator)}
	if err := os.Mkdir(filepath.Join(root, "dir.yaml"), 0o755); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{"gone.yaml": "read file: ", "dir.yaml": "no longer a regular file"} {
		f := outcome{path: path, format: yamlText}
		l.load(&f)
		if len(f.report.Errors) != 1 || f.report.Errors[0].Place.File != path || !strings.Contains(f.report.Errors[0].Message, says) {
			t.Errorf("%s: report %+v, want a problem that says %q", path, f.report, says)
		}
		if len(f.report.Errors) == 1 && strings.Contains(f.report.Errors[0].Message, root) {
			t.Errorf("%s: the message names a path of this machine: %s", path, f.report.Errors[0].Message)
		}
		if f.cacheable {
			t.Errorf("%s: what could not be read would be cached", path)
		}
	}
}

// TestBuffersAreUsedAgain reads a large file and then a small one with one
// buffer: nothing of the first may show in the second.
func TestBuffersAreUsedAgain(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	large := "a: " + strings.Repeat("x", 200<<10) + "\n"
	for name, text := range map[string]string{"1.yaml": "b: 1\n", "2.yaml": large, "3.yaml": "c: 2", "4.yaml": ""} {
		writeFile(t, filepath.Join(root, name), text)
	}
	seen := map[string]string{}
	l := loader{reader: newReader([]detectors.Detector{looker{seen}}, DefaultMaxFileBytes), root: root + string(filepath.Separator)}
	for _, name := range []string{"1.yaml", "2.yaml", "3.yaml", "4.yaml"} {
		l.load(&outcome{path: name, format: yamlText})
	}
	if diff := cmp.Diff(map[string]string{"1.yaml": "b: 1\n", "2.yaml": large, "3.yaml": "c: 2"}, seen); diff != "" {
		t.Errorf("contents (-want +got):\n%.500s", diff)
	}
}

type looker struct{ seen map[string]string }

func (looker) Name() string { return "looker" }
func (l looker) Detect(f *detectors.File, _ *detectors.Report) {
	l.seen[f.Path] = string(f.Data)
}

func BenchmarkWalkIgnoring(b *testing.B) {
	root := b.TempDir()
	for i := range 2000 {
		name := filepath.Join(root, "apps", string(rune('a'+i%26)), "x", strings.Repeat("y", i%90+1)+".yaml")
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	ignore := strings.Repeat("*.log\n*.tfstate*\n.terraform/\n/out\nsecret.yaml\n**/charts/*.tgz\n", 4)
	if err := os.WriteFile(filepath.Join(root, ".gitignore"), []byte(ignore), 0o644); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := walk(context.Background(), root, nil, false); err != nil {
			b.Fatal(err)
		}
	}
}
