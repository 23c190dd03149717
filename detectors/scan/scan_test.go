package scan_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"promoter/detectors"
	"promoter/detectors/scan"
	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// tags pins every scalar under a key, in any document of any shape.
type tags struct{ name, key string }

func (d tags) Name() string        { return d.name }
func (d tags) Fingerprint() string { return d.key }

func (d tags) Detect(f *detectors.File, r *detectors.Report) {
	for _, doc := range f.Docs {
		d.walk(f, doc, doc.Root, r)
	}
}

func (d tags) walk(f *detectors.File, doc *detectors.Doc, n *yamltree.Node, r *detectors.Report) {
	if n.Kind == yamltree.Sequence {
		for _, item := range n.Content {
			d.walk(f, doc, item, r)
		}
	}
	n.Pairs(func(key, value *yamltree.Node) {
		if key.Value != d.key || value.Kind != yamltree.Scalar {
			d.walk(f, doc, value, r)
			return
		}
		place := detectors.PlaceOf(f, doc.Index, value, d.key)
		if why := detectors.Unwritten(f, value); why != "" {
			r.Skips = append(r.Skips, detectors.Skip{Place: place, Detector: d.name, Reason: why})
			return
		}
		r.Pins = append(r.Pins, detectors.Pin{Pin: promoter.Pin{
			Artifact: promoter.Artifact{Kind: promoter.Image, Name: d.name},
			Version:  value.Value, Place: place, App: doc.Name, Detector: d.name,
		}})
	})
}

// write makes a repository of the given files.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for path, text := range files {
		put(t, root, path, text)
	}
	return root
}

func put(t testing.TB, root, path, text string) {
	t.Helper()
	name := filepath.Join(root, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func run(t testing.TB, o scan.Options) *scan.Inventory {
	t.Helper()
	if o.Detectors == nil {
		o.Detectors = []detectors.Detector{tags{"tags", "tag"}}
	}
	inv, err := scan.Run(t.Context(), o)
	if err != nil {
		t.Fatalf("Run: %v", err)
	}
	return inv
}

// pinned are an inventory's pins in short: "file:line version".
func pinned(inv *scan.Inventory) []string {
	var out []string
	for _, p := range inv.Pins {
		out = append(out, fmt.Sprintf("%s %s", p.Place, p.Version))
	}
	return out
}

func problems(inv *scan.Inventory) []string {
	var out []string
	for _, p := range inv.Problems {
		out = append(out, fmt.Sprintf("%s %s", p.Place, p.Message))
	}
	return out
}

func TestRunReadsWhatHoldsManifests(t *testing.T) {
	t.Parallel()
	root := write(t, map[string]string{
		"b/values.yml":                   "tag: 2\n",
		"a/values.yaml":                  "x: 1\ntag: 1\n",
		"chart/templates/app.yaml.tmpl":  "tag: 3\n",
		"helmfile.yaml.gotmpl":           "tag: 4\n",
		"chart/templates/_app.tpl":       "apiVersion: v1\ntag: 5\n",
		"chart/templates/_names.tpl":     "{{ define \"x\" }}tag: no{{ end }}",
		"web/Kustomization":              "tag: 6\n",
		"manifest.json":                  `{"apiVersion": "v1", "kind": "X", "tag": "7"}`,
		"package.json":                   `{"tag": "no"}`,
		"README.md":                      "tag: no\n",
		"node_modules/x/values.yaml":     "tag: no\n",
		"vendor/x/values.yaml":           "tag: no\n",
		".git/values.yaml":               "tag: no\n",
		"submodule/.git":                 "gitdir: ../.git/modules/submodule\n",
		"submodule/values.yaml":          "tag: no\n",
		".github/workflows/release.yaml": "tag: 8\n",
	})
	inv := run(t, scan.Options{Root: root})
	want := []string{
		".github/workflows/release.yaml:1 8", "a/values.yaml:2 1", "b/values.yml:1 2",
		"chart/templates/_app.tpl:2 5", "chart/templates/app.yaml.tmpl:1 3", "helmfile.yaml.gotmpl:1 4",
		"manifest.json:1 7", "web/Kustomization:1 6",
	}
	if diff := cmp.Diff(want, pinned(inv)); diff != "" {
		t.Errorf("pins (-want +got):\n%s", diff)
	}
	if len(inv.Problems) != 0 {
		t.Errorf("problems: %v", problems(inv))
	}
	if inv.References != len(want) || inv.Files != 10 {
		t.Errorf("references %d, files %d; want %d, 10", inv.References, inv.Files, len(want))
	}
}

func TestRunGoesOnAfterBadInput(t *testing.T) {
	t.Parallel()
	root := write(t, map[string]string{
		"broken.yaml":     "tag: 1\n---\na: [1\n---\ntag: 2\n",
		"binary.yaml":     "tag: 1\nx: \x00\x01\n",
		"latin1.yaml":     "tag: 1\n\nname: caf\xe9\n",
		"utf16.yaml":      "\xff\xfet\x00a\x00g\x00",
		"empty.yaml":      "",
		"comment.yaml":    "# nothing\n",
		"large.yaml":      "tag: 1\n" + strings.Repeat("# filler\n", 1000),
		"large.json":      `{"data": "` + strings.Repeat("x", 10000) + `"}`,
		"large-kind.json": `{"apiVersion": "v1", "kind": "X", "data": "` + strings.Repeat("x", 10000) + `"}`,
		"good.yaml":       "tag: 3\n",
	})
	inv := run(t, scan.Options{Root: root, MaxFileBytes: 5000})
	if diff := cmp.Diff([]string{"broken.yaml:1 1", "broken.yaml:5 2", "good.yaml:1 3"}, pinned(inv)); diff != "" {
		t.Errorf("pins (-want +got):\n%s", diff)
	}
	want := []struct{ at, says string }{
		{"binary.yaml:2 ", "binary"},
		{"broken.yaml:", ""},
		{"large-kind.json ", "over the limit of 5000"},
		{"large.yaml ", "over the limit of 5000"},
		{"latin1.yaml:3 ", "byte 0xe9 is not UTF-8"},
		{"utf16.yaml:1 ", "UTF-16"},
	}
	got := problems(inv)
	if len(got) != len(want) {
		t.Fatalf("problems: %q", got)
	}
	for i, w := range want {
		if !strings.HasPrefix(got[i], w.at) || !strings.Contains(got[i], w.says) {
			t.Errorf("problem %d is %q, want %s…%s", i, got[i], w.at, w.says)
		}
	}
	if line := inv.Problems[1].Place.Line; line < 3 || line > 4 {
		t.Errorf("the broken document is reported at line %d, want 3 or 4", line)
	}
}

func TestRunDoesNotFollowLinks(t *testing.T) {
	t.Parallel()
	outside := write(t, map[string]string{"secret.yaml": "tag: outside\n"})
	root := write(t, map[string]string{"a/values.yaml": "tag: 1\n"})
	for name, target := range map[string]string{
		"again.yaml":  "a/values.yaml",
		"a/self":      "..",
		"b":           "a",
		"loop.yaml":   "loop.yaml",
		"nowhere":     "gone.yaml",
		"out.yaml":    filepath.Join(outside, "secret.yaml"),
		"out":         outside,
		"a/root.link": ".",
	} {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	inv := run(t, scan.Options{Root: root})
	if diff := cmp.Diff([]string{"a/values.yaml:1 1"}, pinned(inv)); diff != "" {
		t.Errorf("pins (-want +got):\n%s", diff)
	}
	want := []string{
		"a/root.link symbolic link leads to a directory that it stands in; it is not followed",
		"a/self symbolic link leads to a directory that it stands in; it is not followed",
		"loop.yaml symbolic link cannot be followed: it may lead to itself",
		"nowhere symbolic link leads nowhere",
		"out symbolic link leads out of the repository; what it leads to is not read",
		"out.yaml symbolic link leads out of the repository; what it leads to is not read",
	}
	if diff := cmp.Diff(want, problems(inv)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	linked := filepath.Join(t.TempDir(), "checkout")
	if err := os.Symlink(root, linked); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(pinned(inv), pinned(run(t, scan.Options{Root: linked}))); diff != "" {
		t.Errorf("a root that is itself a link (-direct +linked):\n%s", diff)
	}
}

func TestRunHonoursIgnoreFiles(t *testing.T) {
	t.Parallel()
	root := write(t, map[string]string{
		".gitignore":               "# build\n/out\n*.local.yaml\nsecret.yaml\ncache/\n!keep.local.yaml\ndeep/**/gen.yaml\r\n",
		"out/a.yaml":               "tag: no\n",
		"sub/out/a.yaml":           "tag: 1\n",
		"x.local.yaml":             "tag: no\n",
		"keep.local.yaml":          "tag: 2\n",
		"sub/secret.yaml":          "tag: no\n",
		"sub/cache/a.yaml":         "tag: no\n",
		"sub/cache.yaml":           "tag: 3\n",
		"deep/a/b/gen.yaml":        "tag: no\n",
		"team/.gitignore":          "/dist\n!secret.yaml\nprivate/*.yaml\n",
		"team/dist/a.yaml":         "tag: no\n",
		"team/secret.yaml":         "tag: 4\n",
		"team/private/a.yaml":      "tag: no\n",
		"team/sub/private/a.yaml":  "tag: 5\n",
		"legacy/values.yaml":       "tag: no\n",
		"legacy/inner/values.yaml": "tag: no\n",
	})
	inv := run(t, scan.Options{Root: root, Ignore: []string{"legacy/"}})
	want := []string{
		"keep.local.yaml:1 2", "sub/cache.yaml:1 3", "sub/out/a.yaml:1 1",
		"team/secret.yaml:1 4", "team/sub/private/a.yaml:1 5",
	}
	if diff := cmp.Diff(want, pinned(inv)); diff != "" {
		t.Errorf("pins (-want +got):\n%s", diff)
	}
}

func TestSameBytesAreClaimedOnce(t *testing.T) {
	t.Parallel()
	list := []detectors.Detector{tags{"first", "tag"}, tags{"second", "tag"}, tags{"third", "version"}}
	root := write(t, map[string]string{"a.yaml": "version: 1\ntag: 2\n"})
	var got []string
	for _, p := range run(t, scan.Options{Root: root, Detectors: list}).Pins {
		got = append(got, p.Detector+" "+p.Version)
	}
	if diff := cmp.Diff([]string{"third 1", "first 2"}, got); diff != "" {
		t.Errorf("pins (-want +got):\n%s", diff)
	}
}

// raw reports what it was given.
type raw struct {
	name   string
	report detectors.Report
}

func (d raw) Name() string                                  { return d.name }
func (d raw) Detect(f *detectors.File, r *detectors.Report) { *r = joined(*r, d.report) }
func joined(a, b detectors.Report) detectors.Report {
	a.Pins = append(a.Pins, b.Pins...)
	a.Skips = append(a.Skips, b.Skips...)
	return a
}

func rawPin(detector, artifact string, start, end int) detectors.Pin {
	return detectors.Pin{Pin: promoter.Pin{
		Artifact: promoter.Artifact{Name: artifact}, Detector: detector,
		Place: promoter.Place{File: "a.yaml", Start: start, End: end},
	}}
}

func rawSkip(detector string, start, end int, written string) detectors.Skip {
	return detectors.Skip{Detector: detector, Reason: "x", Place: promoter.Place{File: "a.yaml", Start: start, End: end, Written: written}}
}

func TestClaims(t *testing.T) {
	t.Parallel()
	digest := rawPin("one", "with-digest", 100, 110)
	digest.DigestPlace = &promoter.Place{File: "a.yaml", Start: 120, End: 130}
	list := []detectors.Detector{
		raw{"one", detectors.Report{
			Pins: []detectors.Pin{
				rawPin("one", "b", 10, 20), rawPin("one", "a", 10, 20), rawPin("one", "a", 10, 20), // an anchor of two artifacts
				digest,
				rawPin("one", "unwritten", 50, 50),
			},
			Skips: []detectors.Skip{rawSkip("one", 10, 20, "v"), rawSkip("one", 30, 40, "v"), rawSkip("one", 0, 90, "a\nblock\n")},
		}},
		raw{"two", detectors.Report{
			Pins:  []detectors.Pin{rawPin("two", "inside", 12, 14), rawPin("two", "around", 5, 25), rawPin("two", "beside", 20, 22), rawPin("two", "digest", 120, 130), rawPin("two", "skipped by one", 30, 40)},
			Skips: []detectors.Skip{rawSkip("two", 12, 15, "v"), rawSkip("two", 200, 210, "v")},
		}},
		raw{"three", detectors.Report{Skips: []detectors.Skip{rawSkip("three", 200, 210, "v")}}},
	}
	r := scan.File("a.yaml", []byte("a: 1\n"), list)
	var got []string
	for _, p := range r.Pins {
		got = append(got, fmt.Sprintf("pin %s %s", p.Detector, p.Artifact.Name))
	}
	for _, s := range r.Skips {
		got = append(got, fmt.Sprintf("skip %s %d", s.Detector, s.Place.Start))
	}
	want := []string{
		"pin one a", "pin one b", "pin two beside", "pin two skipped by one", "pin one unwritten", "pin one with-digest",
		"skip one 0", "skip two 200",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
}

func TestTemplatesAreReadAsFarAsTheyCanBe(t *testing.T) {
	t.Parallel()
	text := "kind: X\ntag: 1\n---\ntag: {{ .Values.tag }}\n---\n{{- range .Values.all }}\n{{ . }}: [\nimage: web:1 \n- tag: \"2\"\n{{- end }}\n"
	r := scan.File("templates/app.yaml", []byte(text), []detectors.Detector{tags{"tags", "tag"}})
	if len(r.Pins) != 1 || r.Pins[0].Version != "1" {
		t.Errorf("pins: %+v", r.Pins)
	}
	var got []string
	for _, s := range r.Skips {
		got = append(got, fmt.Sprintf("%d %q %s", s.Place.Line, text[s.Place.Start:s.Place.End], s.Reason))
	}
	want := []string{
		`4 "{{ .Values.tag }}" the value is written by a template`,
		`8 "web:1" the template can be read only when it is rendered`,
		`9 "\"2\"" the template can be read only when it is rendered`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("skips (-want +got):\n%s", diff)
	}
	if len(r.Errors) != 0 {
		t.Errorf("a template's own text is no problem of the repository's: %v", r.Errors)
	}
}

func TestDocumentsHaveTheirHeader(t *testing.T) {
	t.Parallel()
	var got []detectors.Doc
	probe := probe{func(f *detectors.File) {
		for _, d := range f.Docs {
			got = append(got, *d)
		}
	}}
	text := "---\n# only a comment\n---\nmetadata: {namespace: &n ns, name: web}\nkind: Deployment\napiVersion: apps/v1\n---\n- 1\n---\nmetadata: {name: [x]}\nkind: *n\n"
	scan.File("a.yaml", []byte(text), []detectors.Detector{probe})
	want := []detectors.Doc{{Index: 1, APIVersion: "apps/v1", Kind: "Deployment", Name: "web", Namespace: "ns"}, {Index: 2}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(detectors.Doc{}, "Document")); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

type probe struct{ look func(f *detectors.File) }

func (probe) Name() string                                    { return "probe" }
func (p probe) Detect(f *detectors.File, r *detectors.Report) { p.look(f) }

func TestADetectorThatBreaksDownDoesNotEndTheScan(t *testing.T) {
	t.Parallel()
	root := write(t, map[string]string{"a.yaml": "tag: 1\n", "b.yaml": "tag: 2\n"})
	breaks := probe{func(f *detectors.File) {
		if f.Path == "a.yaml" {
			panic("no such field")
		}
	}}
	inv := run(t, scan.Options{Root: root, Detectors: []detectors.Detector{breaks, tags{"tags", "tag"}}})
	if diff := cmp.Diff([]string{"a.yaml:1 1", "b.yaml:1 2"}, pinned(inv)); diff != "" {
		t.Errorf("pins (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a.yaml detector probe broke down: no such field"}, problems(inv)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

// joiner pins in Link what another file says.
type joiner struct {
	tags
	link func(*detectors.Repository)
}

func (j joiner) Link(repo *detectors.Repository) { j.link(repo) }

func TestLinkersSeeTheWholeRepository(t *testing.T) {
	t.Parallel()
	root := write(t, map[string]string{
		"b.yaml": "tag: 2\n", "a.yaml": "tag: 1\n", "README.md": "read me\n", "dir/c.txt": "text\n",
		"big.txt": strings.Repeat("x", 2000),
	})
	if err := os.Symlink("/etc/hostname", filepath.Join(root, "out.txt")); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	linked := joiner{tags{"tags", "tag"}, func(repo *detectors.Repository) {
		if diff := cmp.Diff([]string{"README.md", "a.yaml", "b.yaml", "big.txt", "dir/c.txt"}, repo.Paths); diff != "" {
			t.Errorf("paths (-want +got):\n%s", diff)
		}
		if repo.Remote != "https://git.example.com/x" {
			t.Errorf("remote %q", repo.Remote)
		}
		if text, err := repo.Read("dir/c.txt"); err != nil || string(text) != "text\n" {
			t.Errorf("Read: %q, %v", text, err)
		}
		for _, path := range []string{"../x", "/etc/hostname", "out.txt", "gone.yaml", "dir", "big.txt"} {
			if text, err := repo.Read(path); err == nil {
				t.Errorf("Read(%q) gave %q, want an error", path, text)
			}
		}
		pins := repo.Reports["b.yaml"].Pins
		pins[0].Version = "changed"
		repo.Reports["b.yaml"].Pins = append(pins, pins[0])
		astray := repo.Reports["a.yaml"].Pins[0]
		astray.Place.File, astray.Version = "c.yaml", "astray"
		repo.Reports["a.yaml"].Pins = append(repo.Reports["a.yaml"].Pins, astray)
	}}
	inv := run(t, scan.Options{Root: root, Detectors: []detectors.Detector{linked}, Remote: "https://git.example.com/x", MaxFileBytes: 1000})
	if diff := cmp.Diff([]string{"a.yaml:1 1", "b.yaml:1 changed", "c.yaml:1 astray"}, pinned(inv)); diff != "" {
		t.Errorf("pins (-want +got):\n%s", diff)
	}
	breaks := joiner{tags{"tags", "tag"}, func(*detectors.Repository) { panic("no such file") }}
	inv = run(t, scan.Options{Root: root, Detectors: []detectors.Detector{breaks}})
	if len(inv.Pins) != 2 || !slices.Contains(problems(inv), " detector tags broke down while joining files: no such file") {
		t.Errorf("pins %v, problems %q", pinned(inv), problems(inv))
	}
}

// wanter reads files that are no YAML.
type wanter struct{ probe }

func (wanter) Wants(path string) bool { return path == "Dockerfile" || path == "data.json" }

func TestADetectorMayWantOtherFiles(t *testing.T) {
	t.Parallel()
	root := write(t, map[string]string{"Dockerfile": "FROM web:1\n", "data.json": "{}", "other.txt": "x", "other.json": "{}"})
	seen := make(chan string, 10)
	w := wanter{probe{func(f *detectors.File) { seen <- fmt.Sprintf("%s %q", f.Path, f.Data) }}}
	run(t, scan.Options{Root: root, Detectors: []detectors.Detector{w}})
	close(seen)
	var got []string
	for s := range seen {
		got = append(got, s)
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{`Dockerfile "FROM web:1\n"`, `data.json "{}"`}, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestPinsArePlaced(t *testing.T) {
	t.Parallel()
	root := write(t, map[string]string{
		"prod/web.yaml": "metadata: {name: web}\ntag: 1\n",
		"apps/web.yaml": "metadata: {name: web-dev}\ntag: 1\n",
	})
	facts := factual{tags{"tags", "tag"}}
	var got []string
	for _, p := range run(t, scan.Options{Root: root, Detectors: []detectors.Detector{facts}}).Pins {
		got = append(got, p.Place.File+" "+p.Environment+" "+p.Cluster)
	}
	if diff := cmp.Diff([]string{"apps/web.yaml staging stg-eu-1", "prod/web.yaml production "}, got); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
}

// factual says where the unit web-dev is deployed, against its name.
type factual struct{ tags }

func (d factual) Detect(f *detectors.File, r *detectors.Report) {
	d.tags.Detect(f, r)
	for _, doc := range f.Docs {
		if doc.Name == "web-dev" {
			r.Facts = append(r.Facts, detectors.Fact{Kind: "Application", Name: doc.Name, Fields: map[string]string{"destination.name": "stg-eu-1"}})
		}
	}
}

func TestRunIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	for i := range 300 {
		files[fmt.Sprintf("team-%d/app-%d.yaml", i%7, i)] = fmt.Sprintf("tag: %d\n---\ntag: {{ x }}\n---\n[", i)
	}
	root := write(t, files)
	var calls []int
	want := run(t, scan.Options{Root: root, Progress: func(done, total int) {
		if total != 300 {
			t.Errorf("progress of %d files, want 300", total)
		}
		calls = append(calls, done)
	}})
	if len(calls) == 0 || !slices.Contains(calls, 300) {
		t.Errorf("progress was told %v, want the end too", calls)
	}
	if len(want.Pins) != 300 || len(want.Skips) != 300 {
		t.Fatalf("%d pins, %d skips", len(want.Pins), len(want.Skips))
	}
	for range 3 {
		if diff := cmp.Diff(want, run(t, scan.Options{Root: root})); diff != "" {
			t.Fatalf("another run differs (-first +second):\n%s", diff)
		}
	}
}

func TestRunFails(t *testing.T) {
	t.Parallel()
	if _, err := scan.Run(t.Context(), scan.Options{Root: filepath.Join(t.TempDir(), "gone")}); err == nil {
		t.Error("a root that is not there gave no error")
	}
	root := write(t, map[string]string{"a.yaml": "tag: 1\n"})
	if _, err := scan.Run(t.Context(), scan.Options{Root: filepath.Join(root, "a.yaml")}); err == nil {
		t.Error("a root that is a file gave no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := scan.Run(ctx, scan.Options{Root: root}); err == nil {
		t.Error("a context that has ended gave no error")
	}
}
