// Package detectortest runs a detector over written cases and prints what it
// found as lines to compare. It is for the tests of detectors and for nothing
// else; what is shipped has no use for it.
//
// It refuses to look away: a golden file that does not parse, a case without
// its expectation, a directory without cases, and a pin whose place does not
// hold what the pin says all fail the test. It knows no detector, no network
// and no file outside testdata, and it decides nothing: what is expected
// stands in each detector's own testdata.
package detectortest

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"promoter/detectors"
)

// Detect returns what a detector says of a text, one line each as Describe
// prints them, and checks that each pin's place is where its text stands.
func Detect(t testing.TB, d detectors.Detector, file, text string) string {
	t.Helper()
	f, errs := detectors.Open(file, []byte(text))
	for _, e := range errs {
		t.Fatalf("parse %s: line %d: %v", file, e.Line, e)
	}
	var r detectors.Report
	d.Detect(f, &r)
	for _, p := range r.Pins {
		if p.Detector != d.Name() || p.Consumer == "" || p.Form == "" {
			t.Errorf("pin lacks its detector, consumer or form: %+v", p)
		}
		if line := 1 + bytes.Count(f.Data[:p.Place.Start], []byte("\n")); line != p.Place.Line {
			t.Errorf("%s: line %d; its bytes are on line %d", p.Place.Path, p.Place.Line, line)
		}
		if raw := string(f.Data[p.Place.Start:p.Place.End]); !strings.Contains(raw, p.Version) || !strings.Contains(p.Place.Written, p.Version) {
			t.Errorf("%s: version %q is neither in %q nor in %q", p.Place.Path, p.Version, raw, p.Place.Written)
		}
	}
	return Describe(&r)
}

// Describe prints one file's pins, skips, links and findings, one line each,
// in the order they were found.
func Describe(r *detectors.Report) string {
	var b strings.Builder
	for _, p := range r.Pins {
		fmt.Fprintf(&b, "%s: %s %s %s %s", p.Place.Path, p.Form, p.Consumer, p.Artifact, p.Version)
		if p.Digest != "" {
			fmt.Fprintf(&b, " %s", p.Digest)
		}
		if p.SourceRef != nil {
			fmt.Fprintf(&b, " from %s %s", p.SourceRef.Kind, p.SourceRef.Name)
		}
		if p.App != "" {
			fmt.Fprintf(&b, " of %s", p.App)
		}
		b.WriteString("\n")
	}
	for _, s := range r.Skips {
		fmt.Fprintf(&b, "skip %s: %s\n", s.Place.Path, s.Reason)
	}
	for _, l := range r.Links {
		fmt.Fprintf(&b, "link %s -> %s via %s\n", l.From.Path, l.To, l.Via)
	}
	for _, x := range r.Findings {
		fmt.Fprintf(&b, "finding %s at %s\n", x.Rule, x.Place.Path)
	}
	return b.String()
}

// Golden holds what Detect says of each file in testdata to the file of the
// same name with ".want" behind it. The detector sees the files as if they
// stood in dir, since some read a file by where it stands.
func Golden(t *testing.T, d detectors.Detector, dir string) {
	t.Helper()
	inputs, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	for _, in := range inputs {
		if path.Ext(in.Name()) == ".want" || in.IsDir() {
			continue
		}
		cases++
		t.Run(in.Name(), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile("testdata/" + in.Name())
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile("testdata/" + in.Name() + ".want")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), Detect(t, d, dir+"/"+in.Name(), string(text))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", in.Name(), diff)
			}
		})
	}
	if cases == 0 {
		t.Fatal("no cases in testdata")
	}
}
