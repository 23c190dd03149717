package appset

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"promoter/detectors/detectortest"
)

func TestCostly(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`{{ repeat 3 "x" }}`:              true,
		`{{repeat 3 "x"}}`:                true,
		`{{- until 5 }}`:                  true,
		`{{ range until 1000000000 }}`:    true,
		`{{ "a" | indent 100000 }}`:       true,
		`{{ nindent (mul 9 9) "a" }}`:     true,
		`{{ now }}`:                       true,
		`{{ printf "%s" (randAlpha 5) }}`: true,
		`{{ .values.seq }}`:               false,
		`{{ .now }}`:                      false,
		`{{ toYaml .x | nindent 8 }}`:     false,
		`repeat {{ .x }} now `:            false,
	} {
		if got := costly.MatchString(text); got != want {
			t.Errorf("%s: costly %v, want %v", text, got, want)
		}
	}
}

func TestPathspec(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"a/config.json", "a/config.json", true},
		{"./a", "a/b/c.json", true},
		{"a", "ab/c.json", false},
		{"a/*/config.json", "a/b/config.json", true},
		{"a/*/config.json", "a/b/c/config.json", true},
		{"a/**/config.json", "a/config.json", false},
		{"a/**/config.json", "a/b/c/config.json", true},
		{"*.json", "a/b.json", true},
		{"a/?.json", "a/b.json", true},
		{"a/[bc].json", "a/d.json", false},
		{"a/[!bc].json", "a/d.json", true},
		{"a.json", "axjson", false},
		{"*.json", "a\njson", false},
	} {
		match, err := pathspec(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		if got := match(c.path); got != c.want {
			t.Errorf("pathspec %q matches %q: %v, want %v", c.pattern, c.path, got, c.want)
		}
	}
	if _, err := pathspec("a/[b"); err == nil {
		t.Error("an open bracket was taken")
	}
}

// TestBounded evaluates a matrix that would give 250,000 Applications.
func TestBounded(t *testing.T) {
	t.Parallel()
	elements := strings.Repeat("            - {v: 1.0.0}\n", 500)
	set := `apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: large}
spec:
  generators:
    - matrix:
        generators:
        - list:
            elements:
` + elements + `        - list:
            elements:
` + elements + `  template:
    metadata: {name: x}
    spec:
      source: {repoURL: https://charts.example.com, chart: c, targetRevision: '{{v}}'}
`
	repo := detectortest.Scan(Detector{}, map[string][]byte{"set.yaml": []byte(set)}, "")
	got := strings.Join(detectortest.Lines(repo), "\n")
	if !strings.Contains(got, "the generators give more than 5000 parameter sets") {
		t.Errorf("the size was not said:\n%.500s", got)
	}
}

func FuzzSets(f *testing.F) {
	f.Add([]byte("apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nspec:\n  generators: [{list: {elements: [{v: 1.0.0}]}}]\n  template: {spec: {source: {repoURL: https://c.example.com, chart: a, targetRevision: '{{v}}'}}}\n"))
	f.Add([]byte("apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nspec:\n  goTemplate: true\n  generators: [{merge: {mergeKeys: [a], generators: [{clusters: {}}, {list: {elementsYaml: \"- a: b\"}}]}}]\n  templatePatch: |\n    spec: {source: {targetRevision: '{{.a}}'}}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		files := map[string][]byte{"a.yaml": data}
		repo := detectortest.Scan(Detector{}, files, "")
		for _, p := range repo.Reports["a.yaml"].Pins {
			if p.Place.Start < 0 || p.Place.End > len(data) || p.Place.Start > p.Place.End {
				t.Errorf("pin outside the file: %+v", p.Place)
			}
		}
	})
}

// BenchmarkLink evaluates and traces a list of 50 clusters.
func BenchmarkLink(b *testing.B) {
	var elements bytes.Buffer
	for i := range 50 {
		fmt.Fprintf(&elements, "          - {cluster: c%d, version: 1.%d.0}\n", i, i)
	}
	files := map[string][]byte{"set.yaml": []byte(`apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: web}
spec:
  goTemplate: true
  generators:
    - list:
        elements:
` + elements.String() + `  template:
    metadata: {name: 'web-{{.cluster}}'}
    spec:
      source: {repoURL: https://charts.example.com, chart: web, targetRevision: '{{.version}}'}
      destination: {name: '{{.cluster}}'}
`)}
	for b.Loop() {
		if repo := detectortest.Scan(Detector{}, files, ""); len(repo.Reports["set.yaml"].Pins) != 50 {
			b.Fatalf("%d pins", len(repo.Reports["set.yaml"].Pins))
		}
	}
}
