package detectortest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"promoter/detectors"
	"promoter/promoter"
)

// one claims the pin it is given, whatever the file holds.
type one struct{ pin promoter.Pin }

func (one) Name() string { return "one" }

func (d one) Detect(f *detectors.File, r *detectors.Report) {
	p := d.pin
	p.Place.File = f.Path
	r.Pins = append(r.Pins, detectors.Pin{Pin: p})
}

func (one) Link(*detectors.Repository) {}

// recorder is a test that may fail without failing the one that looks on.
type recorder struct {
	testing.TB
	said []string
}

func (*recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) { r.Errorf(format, args...) }

const text = "name: shop\nversion: 1.2.3\n"

// right stands where its version is written in text.
func right() promoter.Pin {
	at := strings.Index(text, "1.2.3")
	return promoter.Pin{
		Detector: "one", Consumer: promoter.ByHelm, Form: promoter.Exact, Version: "1.2.3",
		Place: promoter.Place{Line: 2, Path: "version", Start: at, End: at + 5, Written: "1.2.3"},
	}
}

func TestDetectBites(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		spoil func(*promoter.Pin)
		want  string // part of the complaint; empty: none
	}{
		"right":       {func(*promoter.Pin) {}, ""},
		"detector":    {func(p *promoter.Pin) { p.Detector = "two" }, "lacks its detector"},
		"no consumer": {func(p *promoter.Pin) { p.Consumer = "" }, "lacks its detector"},
		"no form":     {func(p *promoter.Pin) { p.Form = "" }, "lacks its detector"},
		"line":        {func(p *promoter.Pin) { p.Place.Line = 1 }, "its bytes are on line 2"},
		"range":       {func(p *promoter.Pin) { p.Place.End-- }, "is neither in"},
		"written":     {func(p *promoter.Pin) { p.Place.Written = "1.2.4" }, "is neither in"},
	} {
		p := right()
		tc.spoil(&p)
		rec := &recorder{TB: t}
		Detect(rec, one{p}, "a.yaml", text)
		if tc.want == "" && len(rec.said) != 0 || tc.want != "" && (len(rec.said) != 1 || !strings.Contains(rec.said[0], tc.want)) {
			t.Errorf("%s: said %q, want %q", name, rec.said, tc.want)
		}
	}
}

func TestDetectRefusesBrokenText(t *testing.T) {
	t.Parallel()
	rec := &recorder{TB: t}
	Detect(rec, one{promoter.Pin{Detector: "one", Consumer: promoter.ByHelm, Form: promoter.Exact, Place: promoter.Place{Line: 1}}}, "a.yaml", "a: [\n")
	if len(rec.said) == 0 || !strings.HasPrefix(rec.said[0], "parse a.yaml: ") {
		t.Errorf("said %q of a broken file", rec.said)
	}
}

func TestPlacedBites(t *testing.T) {
	t.Parallel()
	files := map[string][]byte{"a.yaml": []byte(text)}
	for name, tc := range map[string]struct {
		spoil func(*promoter.Pin)
		want  string
	}{
		"right":          {func(*promoter.Pin) {}, ""},
		"outside":        {func(p *promoter.Pin) { p.Place.End = len(text) + 1 }, "range outside the file"},
		"elsewhere":      {func(p *promoter.Pin) { p.Place.Start, p.Place.End = 0, 4 }, `"name" stands there`},
		"not rewritable": {func(p *promoter.Pin) { p.Version = "7.7.7" }, "not rewritable"},
	} {
		p := right()
		tc.spoil(&p)
		err := placed(Scan(one{p}, files, ""), files)
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}

func TestLinesPrintEverySort(t *testing.T) {
	t.Parallel()
	at := promoter.Place{File: "a.yaml", Line: 1, Path: "x"}
	repo := &detectors.Repository{Paths: []string{"a.yaml", "b.yaml"}, Reports: map[string]*detectors.Report{"a.yaml": {
		Pins:   []detectors.Pin{{Pin: right()}, {Pin: right()}},
		Skips:  []detectors.Skip{{Place: at, Reason: "why"}},
		Links:  []detectors.Link{{From: at, App: "shop", To: "dir", Via: "bases"}},
		Facts:  []detectors.Fact{{Kind: "Application", Name: "shop"}, {Kind: "Chart", Name: "shop"}},
		Errors: []detectors.Problem{{Place: at, Message: "broken"}},
	}}}
	var sorts []string
	for _, line := range Lines(repo) {
		sort, _, _ := strings.Cut(line, " ")
		sorts = append(sorts, sort)
	}
	if want := []string{"error", "fact", "link", "pin", "skip"}; !slices.Equal(sorts, want) {
		t.Errorf("lines of %q, want %q", sorts, want)
	}
}
