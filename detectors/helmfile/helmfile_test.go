package helmfile

import (
	"os"
	"testing"

	"promoter/detectors"
	"promoter/detectors/detectortest"
)

func TestTestdata(t *testing.T) {
	t.Parallel()
	detectortest.Golden(t, Detector{}, "apps")
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
