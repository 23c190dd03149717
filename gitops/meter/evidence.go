package meter

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"promoter/promoter/slo"
)

const (
	mostLines = 30  // of evidence for one gate in one place
	mostRunes = 400 // of one line
	lastSeen  = 3   // samples that are told whatever they say
)

// evidence is what a verdict rests on, for people: the queries as they were
// asked last, what they come to, and when.
func evidence(e slo.Evidence, slots []slo.Slot) []string {
	var lines []string
	if len(slots) > 0 {
		last := slots[len(slots)-1]
		for _, q := range []struct{ what, text string }{{"asked", last.Query}, {"events", last.Events}, {"newest", last.Newest}, {"sentinel", last.Sentinel}} {
			if q.text != "" {
				lines = append(lines, q.what+": "+q.text)
			}
		}
	}
	lines = append(lines, e.Lines()...)
	for _, s := range e.Samples[max(0, len(e.Samples)-lastSeen):] {
		if s.Class != slo.Bad { // told among the lines
			lines = append(lines, said(s))
		}
	}
	if n := len(lines); n > mostLines {
		lines = append(lines[:mostLines], fmt.Sprintf("and %d more lines", n-mostLines))
	}
	for i, l := range lines {
		l = strings.Join(strings.Fields(l), " ")
		if r := []rune(l); len(r) > mostRunes {
			l = string(r[:mostRunes-1]) + "…"
		}
		lines[i] = l
	}
	return lines
}

func said(s slo.Sample) string {
	line := s.At.UTC().Format(time.RFC3339) + " " + s.Class.String()
	if s.Seen {
		line += " " + strconv.FormatFloat(s.Value, 'g', 6, 64)
	}
	if s.Window > 0 {
		line += " over " + s.Window.String()
	}
	if s.Counted {
		line += ", " + strconv.FormatFloat(s.Events, 'g', 6, 64) + " events"
	}
	if s.Why != "" {
		line += ": " + s.Why
	}
	return line
}
