package scan_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"promoter/detectors/scan"
)

func TestPathsAreThoseOfAScan(t *testing.T) {
	t.Parallel()
	root := write(t, map[string]string{
		"b/x.yaml": "tag: 1\n", "a.txt": "text\n", "out/y.yaml": "tag: 2\n", ".gitignore": "out/\n", "vendor/z.yaml": "tag: 3\n",
	})
	for _, ignore := range [][]string{nil, {"*.txt"}, {"b/"}} {
		got, err := scan.Paths(t.Context(), root, ignore)
		if err != nil {
			t.Fatal(err)
		}
		want := run(t, scan.Options{Root: root, Ignore: ignore}).Paths
		if diff := cmp.Diff(want, got); diff != "" || len(got) == 0 {
			t.Errorf("ignoring %q (-scan +paths):\n%s", ignore, diff)
		}
	}
	if _, err := scan.Paths(t.Context(), filepath.Join(root, "gone"), nil); err == nil {
		t.Error("a root that is not there gave no error")
	}
}
