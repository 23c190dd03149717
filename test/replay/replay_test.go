package replay

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"promoter/detectors"
	"promoter/detectors/all"
	"promoter/detectors/scan"
)

// wanted is the share of replaced scalars that must be pins.
const wanted = 0.99

// construct is where misses are alike.
type construct struct{ base, key string }

// miss is a construct's first miss, and how many there are.
type miss struct {
	construct
	count   int
	example string
}

// TestDetected counts how many of the scalars that were replaced are pins to
// us, at that line and with that value.
func TestDetected(t *testing.T) {
	list := all.List()
	for _, file := range caseFiles(t) {
		var cases, pins, detected int
		misses := map[construct]*miss{}
		read(t, file, func(c *change) {
			cases++
			report := scan.File(c.Path, []byte(c.Before), list)
			for _, s := range c.Pins {
				pins++
				if found(report, s) {
					detected++
					continue
				}
				note(misses, c, s, report)
			}
		})
		share := float64(detected) / float64(max(pins, 1))
		fmt.Printf("%s: cases %d, pins %d, detected %d (%.1f%%)\n", caseName(file), cases, pins, detected, 100*share)
		for _, m := range sorted(misses) {
			fmt.Printf("  missed %d of %s %q: %s\n", m.count, m.base, m.key, m.example)
		}
		if share < wanted {
			t.Errorf("%s: detected %d of %d, want at least %.0f%%", caseName(file), detected, pins, 100*wanted)
		}
	}
}

func found(r *detectors.Report, s scalar) bool {
	return slices.ContainsFunc(r.Pins, func(p detectors.Pin) bool {
		if p.Place.Line == s.Line && p.Place.Written == s.From {
			return true
		}
		return p.DigestPlace != nil && p.DigestPlace.Line == s.Line && p.DigestPlace.Written == s.From
	})
}

func note(misses map[construct]*miss, c *change, s scalar, r *detectors.Report) {
	key := construct{path.Base(c.Path), s.Key}
	if m := misses[key]; m != nil {
		m.count++
		return
	}
	line := ""
	if lines := strings.Split(c.Before, "\n"); s.Line >= 1 && s.Line <= len(lines) {
		line = strings.TrimSpace(lines[s.Line-1])
	}
	for _, skip := range r.Skips {
		if skip.Place.Line == s.Line {
			line += " (skipped: " + skip.Reason + ")"
		}
	}
	for _, pin := range r.Pins {
		if pin.Place.Line == s.Line {
			line += fmt.Sprintf(" (pinned as %q by %s)", pin.Place.Written, pin.Detector)
		}
	}
	for _, e := range r.Errors {
		line += fmt.Sprintf(" (problem: %s: %s)", e.Place, e.Message)
	}
	misses[key] = &miss{construct: key, count: 1, example: fmt.Sprintf("%s:%d %s [%s]", c.Path, s.Line, line, c.ID)}
}

func sorted(misses map[construct]*miss) []*miss {
	var out []*miss
	for _, m := range misses {
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b *miss) int {
		return cmp.Or(-cmp.Compare(a.count, b.count), cmp.Compare(a.base, b.base), cmp.Compare(a.key, b.key))
	})
	return out
}
