package scan_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"promoter/detectors"
	"promoter/detectors/scan"
)

// result compares what inventories say, not how it was come by.
var result = cmpopts.IgnoreFields(scan.Inventory{}, "Read", "Parsed", "CacheErr")

func cachedRepository(t testing.TB) (root, dir string) {
	files := map[string]string{"broken.yaml": "a: [\n", "none.json": "{}"}
	for i := range 20 {
		files[fmt.Sprintf("team-%d/app-%d.yaml", i%3, i)] = fmt.Sprintf("metadata: {name: app-%d}\ntag: %d\n", i, i)
	}
	return write(t, files), t.TempDir()
}

// settle waits for the file system's clock to pass the last change, which is
// when stamps begin to vouch for content.
func settle(t testing.TB, root string) {
	t.Helper()
	last := time.Time{}
	err := filepath.Walk(root, func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for {
		probe := filepath.Join(dir, "clock")
		if err := os.WriteFile(probe, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(probe)
		if err != nil {
			t.Fatal(err)
		}
		if info.ModTime().After(last) {
			return
		}
	}
}

func expect(t *testing.T, what string, inv *scan.Inventory, read, parsed int) {
	t.Helper()
	if inv.CacheErr != nil {
		t.Errorf("%s: %v", what, inv.CacheErr)
	}
	if inv.Read != read || inv.Parsed != parsed {
		t.Errorf("%s: read %d and parsed %d files, want %d and %d", what, inv.Read, inv.Parsed, read, parsed)
	}
}

func TestSecondScanReadsOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	root, dir := cachedRepository(t)
	o := scan.Options{Root: root, CacheDir: dir}
	settle(t, root)
	first := run(t, o)
	expect(t, "first scan", first, 22, 22)
	second := run(t, o)
	expect(t, "second scan", second, 0, 0)
	if diff := cmp.Diff(first, second, result); diff != "" {
		t.Errorf("second scan (-first +second):\n%s", diff)
	}

	put(t, root, "team-0/app-0.yaml", "metadata: {name: app-0}\ntag: new\n")
	put(t, root, "team-1/app-1.yaml", "metadata: {name: app-1}\ntag: 1\n") // touched, not changed
	if err := os.Remove(filepath.Join(root, "team-2/app-2.yaml")); err != nil {
		t.Fatal(err)
	}
	put(t, root, "team-2/added.yaml", "tag: added\n")
	settle(t, root)
	third := run(t, o)
	expect(t, "third scan", third, 3, 2)
	if diff := cmp.Diff(run(t, scan.Options{Root: root}), third, result); diff != "" {
		t.Errorf("after changes (-without +with cache):\n%s", diff)
	}
	expect(t, "fourth scan", run(t, o), 0, 0)

	if err := os.Remove(filepath.Join(root, "none.json")); err != nil {
		t.Fatal(err)
	}
	expect(t, "after a removal alone", run(t, o), 0, 0)
	expect(t, "and again", run(t, o), 0, 0)
}

func TestCacheMayBeDeleted(t *testing.T) {
	t.Parallel()
	root, dir := cachedRepository(t)
	o := scan.Options{Root: root, CacheDir: dir}
	want := run(t, o)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	got := run(t, o)
	expect(t, "without its cache", got, 22, 22)
	if diff := cmp.Diff(want, got, result); diff != "" {
		t.Errorf("after the cache was deleted (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(want, run(t, scan.Options{Root: root}), result); diff != "" {
		t.Errorf("without a cache (-with +without):\n%s", diff)
	}
}

// cacheFile is the one file that a scan leaves in its cache directory.
func cacheFile(t *testing.T, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) != 1 {
		t.Fatalf("cache directory holds %q, %v; want one file", names, err)
	}
	return names[0]
}

func TestDamagedCacheIsIgnored(t *testing.T) {
	t.Parallel()
	root, dir := cachedRepository(t)
	o := scan.Options{Root: root, CacheDir: dir}
	settle(t, root)
	want := run(t, o)
	name := cacheFile(t, dir)
	good, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	flipped := func(at int) []byte {
		b := append([]byte(nil), good...)
		b[at] ^= 0x40
		return b
	}
	for what, data := range map[string][]byte{
		"empty":           nil,
		"foreign":         []byte("another program's file, and longer than the header of the scan's own cache files is"),
		"cut":             good[:len(good)/2],
		"header alone":    good[:50],
		"too long":        append(append([]byte(nil), good...), 0),
		"version changed": flipped(20),
		"sum changed":     flipped(47),
		"start changed":   flipped(52),
		"middle changed":  flipped(len(good) / 2),
		"end changed":     flipped(len(good) - 1),
	} {
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
		got := run(t, o)
		expect(t, what, got, 22, 22)
		if diff := cmp.Diff(want, got, result); diff != "" {
			t.Errorf("%s cache (-want +got):\n%s", what, diff)
		}
		expect(t, what+", once more", run(t, o), 0, 0)
	}
}

// nameless is a detector with settings that says nothing about them.
type nameless struct {
	probe
	setting string
}

func TestSettingsWithoutAFingerprintAreNotCached(t *testing.T) {
	t.Parallel()
	root, dir := cachedRepository(t)
	d := nameless{probe{func(*detectors.File) {}}, "x"}
	inv := run(t, scan.Options{Root: root, CacheDir: dir, Detectors: []detectors.Detector{d}})
	if inv.CacheErr == nil {
		t.Error("reports that depend on unknown settings were cached")
	}
}

func TestCacheIsOneDetectorListsAndOneRepositorys(t *testing.T) {
	t.Parallel()
	root, dir := cachedRepository(t)
	settle(t, root)
	list := func(l ...detectors.Detector) scan.Options {
		return scan.Options{Root: root, CacheDir: dir, Detectors: l}
	}
	a, b := tags{"a", "tag"}, tags{"b", "tag"}
	expect(t, "first", run(t, list(a, b)), 22, 22)
	expect(t, "same", run(t, list(a, b)), 0, 0)
	expect(t, "other order", run(t, list(b, a)), 22, 22)
	expect(t, "fewer", run(t, list(a)), 22, 22)
	expect(t, "fewer, again", run(t, list(a)), 0, 0)
	got := run(t, list(tags{"a", "name"}))
	expect(t, "with another setting", got, 22, 22)
	if len(got.Pins) != 20 || got.Pins[0].Version != "app-0" {
		t.Errorf("another setting gave %v", pinned(got))
	}

	other, _ := cachedRepository(t)
	settle(t, other)
	expect(t, "another repository", run(t, scan.Options{Root: other, CacheDir: dir, Detectors: []detectors.Detector{a}}), 22, 22)
	expect(t, "the first again", run(t, list(tags{"a", "name"})), 0, 0)
}

func TestFilesOfTheSameTickAreReadAgain(t *testing.T) {
	t.Parallel()
	root, dir := cachedRepository(t)
	o := scan.Options{Root: root, CacheDir: dir}
	// A time that the clock has not reached stands for "in the tick of the
	// scan": a change within it would leave the same stamp.
	name := filepath.Join(root, "team-0/app-0.yaml")
	future := time.Now().Add(time.Hour)
	if err := os.Chtimes(name, future, future); err != nil {
		t.Fatal(err)
	}
	settle(t, filepath.Join(root, "team-1"))
	run(t, o)
	expect(t, "second scan", run(t, o), 1, 0)
}

func TestNoCacheIsNoFailure(t *testing.T) {
	t.Parallel()
	root, _ := cachedRepository(t)
	inv := run(t, scan.Options{Root: root, CacheDir: filepath.Join(root, "broken.yaml", "cache")})
	if inv.CacheErr == nil {
		t.Error("a cache directory below a file gave no CacheErr")
	}
	if diff := cmp.Diff(run(t, scan.Options{Root: root}), inv, result); diff != "" {
		t.Errorf("inventory (-want +got):\n%s", diff)
	}
}

func TestLinkersDoNotReachTheCache(t *testing.T) {
	t.Parallel()
	root, dir := cachedRepository(t)
	settle(t, root)
	grows := joiner{tags{"tags", "tag"}, func(repo *detectors.Repository) {
		for _, r := range repo.Reports {
			for i := range r.Pins {
				r.Pins[i].Version += "+linked"
			}
		}
	}}
	o := scan.Options{Root: root, CacheDir: dir, Detectors: []detectors.Detector{grows}}
	first := run(t, o)
	second := run(t, o)
	expect(t, "second scan", second, 0, 0)
	if diff := cmp.Diff(first, second, result); diff != "" {
		t.Errorf("second scan (-first +second):\n%s", diff)
	}
}
