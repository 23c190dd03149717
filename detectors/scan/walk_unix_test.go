//go:build unix

package scan

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPipesDoNotHang lists a directory with a named pipe that nobody writes to.
func TestPipesDoNotHang(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	writeFile(t, filepath.Join(root, "a.yaml"), "a: 1\n")
	pipe := filepath.Join(root, "pipe.yaml")
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Skipf("no named pipes here: %v", err)
	}
	got, err := walk(t.Context(), root, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a.yaml"}, got.paths); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
	// The pipe has taken a file's place since the walk.
	l := loader{reader: newReader(nil, DefaultMaxFileBytes), root: root + string(filepath.Separator)}
	f := outcome{path: "pipe.yaml", format: yamlText}
	l.load(&f)
	if len(f.report.Errors) != 1 {
		t.Errorf("a pipe gave %+v, want a problem", f.report)
	}
}
