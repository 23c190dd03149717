package chart

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"promoter/detectors"
	"promoter/detectors/detectortest"
	"promoter/promoter"
)

func TestHelm2(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ in, want string }{
		"v1":        {"apiVersion: v1\nname: old\nversion: 1.0.0\n", "finding helm-v2-chart at apiVersion\n"},
		"none":      {"name: old\nversion: 1.0.0\n", "finding helm-v2-chart at name\n"},
		"v2":        {"apiVersion: v2\nname: new\nversion: 1.0.0\n", ""},
		"templated": {"apiVersion: {{ .v }}\nname: new\n", ""},
	} {
		if diff := cmp.Diff(tc.want, detectortest.Detect(t, Detector{}, "old/Chart.yaml", tc.in)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestFacts(t *testing.T) {
	t.Parallel()
	f, _ := detectors.Open("shop/Chart.yaml", []byte("apiVersion: v2\nname: shop\nversion: 0.1.0\nappVersion: \"4.2\"\n"))
	var r detectors.Report
	Detector{}.Detect(f, &r)
	want := []detectors.Fact{{
		Kind: "Chart", Name: "shop",
		Fields: map[string]string{"apiVersion": "v2", "name": "shop", "version": "0.1.0", "appVersion": "4.2"},
		Place:  promoter.Place{File: "shop/Chart.yaml", Line: 2, Path: "name", Start: 21, End: 25, Written: "shop"},
	}}
	if diff := cmp.Diff(want, r.Facts); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
}

func TestLock(t *testing.T) {
	t.Parallel()
	if d := (Detector{}); !d.Wants("a/Chart.lock") || !d.Wants("requirements.lock") || d.Wants("a/Chart.yaml") {
		t.Errorf("lock files, which have no YAML name, must be wanted, and nothing else")
	}
	const lock = "dependencies:\n- name: redis\n  repository: https://charts.example.com\n  version: 20.1.3\ndigest: sha256:00\ngenerated: \"2024-01-01T00:00:00Z\"\n"
	var r detectors.Report
	Detector{}.Detect(&detectors.File{Path: "shop/Chart.lock", Data: []byte(lock)}, &r)
	if len(r.Pins) != 0 || len(r.Facts) != 1 {
		t.Fatalf("pins %v, facts %v; want one fact", r.Pins, r.Facts)
	}
	want := map[string]string{"version": "20.1.3", "repository": "https://charts.example.com", "dir": "shop", "digest": "sha256:00"}
	if f := r.Facts[0]; f.Kind != "LockedChart" || f.Name != "redis" || f.Place.Line != 4 || !cmp.Equal(f.Fields, want) {
		t.Errorf("fact %+v", f)
	}
	r = detectors.Report{}
	Detector{}.Detect(&detectors.File{Path: "Chart.lock", Data: []byte("a: [\n")}, &r)
	if len(r.Errors) != 1 {
		t.Errorf("a broken lock file gave %d errors; want 1", len(r.Errors))
	}
}

func TestLink(t *testing.T) {
	t.Parallel()
	texts := map[string]string{
		"shop/Chart.yaml": "apiVersion: v2\nname: shop\ndependencies:\n- name: in\n  version: 1.0.0\n- name: out\n  version: 1.0.0\n",
	}
	repo := &detectors.Repository{
		Reports: map[string]*detectors.Report{},
		Paths:   []string{"shop/Chart.yaml", "shop/charts/in/Chart.yaml", "shop/templates/a.yaml", "shop/values.yaml"},
	}
	for file, text := range texts {
		f, _ := detectors.Open(file, []byte(text))
		r := &detectors.Report{}
		Detector{}.Detect(f, r)
		repo.Reports[file] = r
	}
	const want = `skip dependencies[1].name: the dependency names no repository: Helm takes it from the charts directory
link name -> shop/values.yaml via chart
link name -> shop/templates via chart
link dependencies[0].name -> shop/charts/in via dependencies
`
	for range 2 { // linking again changes nothing
		Detector{}.Link(repo)
		if diff := cmp.Diff(want, detectortest.Describe(repo.Reports["shop/Chart.yaml"])); diff != "" {
			t.Errorf("Link (-want +got):\n%s", diff)
		}
	}
}
