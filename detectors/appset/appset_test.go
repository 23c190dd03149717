package appset

import (
	"flag"
	"testing"

	"promoter/detectors/detectortest"
)

var update = flag.Bool("update", false, "write what is found into the cases")

func TestCases(t *testing.T) {
	t.Parallel()
	detectortest.Cases(t, Detector{}, *update)
}
