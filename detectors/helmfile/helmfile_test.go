package helmfile

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

// detect returns what the detector says of a text, one line each, and checks
// that each pin's place is where its text stands.
func detect(t testing.TB, file, text string) string {
	t.Helper()
	f, errs := detectors.Open(file, []byte(text))
	for _, e := range errs {
		t.Fatalf("parse %s: line %d: %v", file, e.Line, e)
	}
	var r detectors.Report
	Detector{}.Detect(f, &r)
	for _, p := range r.Pins {
		if p.Detector != Detector.Name(Detector{}) || p.Consumer == "" || p.Form == "" {
			t.Errorf("pin lacks its detector, consumer or form: %+v", p)
		}
		if line := 1 + bytes.Count(f.Data[:p.Place.Start], []byte("\n")); line != p.Place.Line {
			t.Errorf("%s: line %d; its bytes are on line %d", p.Place.Path, p.Place.Line, line)
		}
		if raw := string(f.Data[p.Place.Start:p.Place.End]); !strings.Contains(raw, p.Version) || !strings.Contains(p.Place.Written, p.Version) {
			t.Errorf("%s: version %q is neither in %q nor in %q", p.Place.Path, p.Version, raw, p.Place.Written)
		}
	}
	return describe(&r)
}

func describe(r *detectors.Report) string {
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

func TestTestdata(t *testing.T) {
	t.Parallel()
	inputs, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range inputs {
		if path.Ext(in.Name()) == ".want" || in.IsDir() {
			continue
		}
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
			if diff := cmp.Diff(string(want), detect(t, "apps/"+in.Name(), string(text))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", in.Name(), diff)
			}
		})
	}
}

func BenchmarkDetect(b *testing.B) {
	text, err := os.ReadFile("testdata/helmfile.yaml")
	if err != nil {
		b.Fatal(err)
	}
	f, _ := detectors.Open("base/helmfile.yaml", text)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		var r detectors.Report
		Detector{}.Detect(f, &r)
		if len(r.Pins) == 0 {
			b.Fatal("no pins")
		}
	}
}
