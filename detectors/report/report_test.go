package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"promoter/detectors"
	"promoter/promoter"
)

// hostile is what a manifest or a registry may try to say.
const hostile = "a|b `c` <img src=x> [x](javascript:1) @team\n::error file=x::owned\r\n| new row |"

func sample() Scan {
	redis := promoter.Artifact{Kind: promoter.Chart, Name: "redis", Source: "https://charts.example.com"}
	row := func(env, version string) Row {
		return Row{
			Pin:    promoter.Pin{Artifact: redis, Version: version, Form: promoter.Exact, Environment: env, Place: promoter.Place{File: env + ".yaml", Line: 3}},
			Newest: "2.0.0", Update: promoter.Major, Resolved: version,
		}
	}
	unknown := row("", "1.0.0")
	unknown.Artifact.Name, unknown.Newest, unknown.Update, unknown.Unknown = "other", "", "", "429 from charts.example.com"
	s := Scan{
		Root: ".", Files: 3, Rows: []Row{row("production", "1.0.0"), row("dev", "1.1.0"), unknown},
		Findings: []promoter.Finding{{Rule: "r,1:2", Severity: promoter.High, Place: promoter.Place{File: "a,b:c%.yaml"}, Evidence: hostile, Remedy: hostile}},
		Problems: []detectors.Problem{{Place: promoter.Place{File: "broken.yaml", Line: 7}, Message: hostile}},
		Skips:    []detectors.Skip{{Place: promoter.Place{File: "t.yaml", Line: 1}, Reason: "the value is written by a template"}},
	}
	s.Coverage = Cover(s.Rows, s.Skips)
	return s
}

func TestCoverageCountsEveryReference(t *testing.T) {
	c := sample().Coverage
	if c.Found != 4 || c.Resolved != 2 || c.Skipped != 2 || len(c.Reasons) != 2 {
		t.Errorf("coverage %+v, want 4 found, 2 resolved, 2 skipped for 2 reasons", c)
	}
}

func TestForeignTextStaysText(t *testing.T) {
	var b bytes.Buffer
	if err := Annotations(&b, sample()); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 4 { // a finding, a problem, two newer versions
		t.Errorf("%d workflow commands, want 4:\n%s", len(lines), b.String())
	}
	if !strings.HasPrefix(lines[0], "::error file=a%2Cb%3Ac%25.yaml,line=1,title=r%2C1%3A2::") {
		t.Errorf("a property left its place: %s", lines[0])
	}
	b.Reset()
	if err := Markdown(&b, sample(), Options{}); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<img", "\n::error", "\n| new row", "@team", "[x]("} {
		if strings.Contains(b.String(), bad) {
			t.Errorf("the Markdown holds %q:\n%s", bad, b.String())
		}
	}
}

func TestJSONHoldsTheWholeScan(t *testing.T) {
	var b bytes.Buffer
	if err := JSON(&b, sample()); err != nil {
		t.Fatal(err)
	}
	var got Scan
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatalf("%v in\n%s", err, b.String())
	}
	if diff := cmp.Diff(sample(), got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	b.Reset()
	if err := SARIF(&b, sample(), "v1"); err != nil {
		t.Fatal(err)
	}
	var log sarifLog
	if err := json.Unmarshal(b.Bytes(), &log); err != nil || len(log.Runs[0].Results) != 4 {
		t.Errorf("SARIF: %v, %d results, want 4", err, len(log.Runs[0].Results))
	}
}

func TestTheTableNamesEnvironmentsInTheirOrder(t *testing.T) {
	var b strings.Builder
	if err := Table(&b, sample(), Options{Width: 200}); err != nil {
		t.Fatal(err)
	}
	head := strings.Fields(strings.SplitN(b.String(), "\n", 2)[0])
	if diff := cmp.Diff([]string{"CHARTS", "DEV", "PRODUCTION", "ELSEWHERE", "NEWEST", "UPDATE"}, head); diff != "" {
		t.Errorf("head, -want +got:\n%s", diff)
	}
	s := sample()
	Filter{Envs: []string{"dev"}}.Apply(&s)
	if len(s.Rows) != 1 || s.Hidden != 2 || s.Coverage.Found != 4 {
		t.Errorf("filtered to %d rows, %d hidden, %d found; want 1, 2, 4", len(s.Rows), s.Hidden, s.Coverage.Found)
	}
}
