package product

import (
	"testing"

	"promoter/detectors/detectortest"
)

func TestTestdata(t *testing.T) {
	t.Parallel()
	detectortest.Golden(t, Detector{}, "base")
}
