package replay

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"promoter/detectors"
	"promoter/detectors/all"
	"promoter/detectors/scan"
	"promoter/gitops/edit"
)

// TestEdited sets each detected pin to the value that the recorded commit gave
// it, and compares the file with the recorded one, byte for byte. A recorded
// commit that also took blanks from the end of an edited line did more than
// set the value; it is counted and named apart, never as edited.
func TestEdited(t *testing.T) {
	list := all.List()
	for _, file := range caseFiles(t) {
		cases, edited, more := 0, 0, 0
		var wrong []string
		read(t, file, func(c *change) {
			sets, ok := setsFor(scan.File(c.Path, []byte(c.Before), list), c)
			if !ok {
				return // TestDetected reports it
			}
			cases++
			got, err := edit.Apply([]byte(c.Before), sets)
			switch {
			case err != nil:
				wrong = append(wrong, fmt.Sprintf("%s %s: %v", c.ID, c.Path, err))
			case string(got) == c.After:
				edited++
			case bytes.Equal(unpadded(got), unpadded([]byte(c.After))):
				more++
				fmt.Printf("  %s: %s: the recorded commit also took blanks from a line's end\n", c.ID, c.Path)
			default:
				wrong = append(wrong, fmt.Sprintf("%s %s: the file differs from the recorded one", c.ID, c.Path))
			}
		})
		fmt.Printf("%s: edited %d of %d (%d more but for blanks that the recorded commit took too)\n", caseName(file), edited, cases, more)
		for _, w := range wrong {
			t.Errorf("%s: %s", caseName(file), w)
		}
	}
}

// setsFor turns the replaced scalars into edits; false when one is no pin.
func setsFor(r *detectors.Report, c *change) ([]edit.Set, bool) {
	var sets []edit.Set
	for _, s := range c.Pins {
		found := false
		for _, p := range r.Pins {
			place := p.Place
			if p.DigestPlace != nil && p.DigestPlace.Line == s.Line && p.DigestPlace.Written == s.From {
				place = *p.DigestPlace
			}
			if place.Line != s.Line || place.Written != s.From {
				continue
			}
			sets = append(sets, edit.Set{Place: place, To: s.To})
			found = true
			break
		}
		if !found {
			return nil, false
		}
	}
	return sets, true
}

func unpadded(data []byte) []byte {
	lines := strings.Split(string(data), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " \t")
	}
	return []byte(strings.Join(lines, "\n"))
}
