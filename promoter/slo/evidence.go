package slo

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"promoter/promoter"
)

// Evidence is what a verdict rests on: enough to judge again, and to show.
type Evidence struct {
	Gate          string         `json:"gate"`
	Digest        string         `json:"digest"` // of the gate: the verdict is for no other
	Mode          Mode           `json:"mode"`
	Good          string         `json:"good"` // the condition
	State         State          `json:"state"`
	Level         promoter.Level `json:"level"` // what it would be if the gate were enforced
	Ready         time.Time      `json:"ready,omitzero"`
	At            time.Time      `json:"at"`
	FailedAt      time.Time      `json:"failedAt,omitzero"`
	Slots         int            `json:"slots"`
	Classes       map[Class]int  `json:"classes"`
	Mapped        map[Class]int  `json:"mapped,omitempty"` // counted as good by the gate's policy
	Events        float64        `json:"events,omitempty"` // in windows that do not overlap
	Blind         string         `json:"blind,omitempty"`  // what is missing for a pass
	NeedsApproval bool           `json:"needsApproval,omitempty"`
	Attribution   *Attribution   `json:"attribution,omitempty"`
	Samples       []Sample       `json:"samples,omitempty"` // one for each slot, oldest first
}

func (e *Evidence) count(ticks []tick) {
	e.Slots, e.Classes, e.Events = len(ticks), map[Class]int{}, events(ticks)
	for _, t := range ticks {
		e.Classes[t.Class]++
		if t.Mapped != Missed {
			if e.Mapped == nil {
				e.Mapped = map[Class]int{}
			}
			e.Mapped[t.Mapped]++
		}
		e.Samples = append(e.Samples, t.Sample)
	}
}

// Lines are the evidence for people, without the single samples.
func (e Evidence) Lines() []string {
	lines := []string{fmt.Sprintf("%s %s: good is %s", e.Gate, e.State, e.Good)}
	if e.Slots > 0 {
		lines = append(lines, fmt.Sprintf("%d slots: %s", e.Slots, classes(e.Classes)))
	}
	if len(e.Mapped) > 0 {
		lines = append(lines, "counted as good because the gate says so: "+classes(e.Mapped))
	}
	if e.Events > 0 {
		lines = append(lines, number(e.Events)+" events")
	}
	for _, s := range e.Samples {
		if s.Class == Bad {
			line := fmt.Sprintf("%s BAD %s over %s", s.At.UTC().Format(time.RFC3339), number(s.Value), s.Window)
			if s.Counted {
				line += fmt.Sprintf(", %s events", number(s.Events))
			}
			if len(s.Notes) > 0 {
				line += ": " + oneLine(strings.Join(s.Notes, ", "))
			}
			lines = append(lines, line)
		}
	}
	if e.Attribution != nil {
		lines = append(lines, "blame: "+e.Attribution.Why)
		lines = append(lines, e.Attribution.Notes...)
	}
	return lines
}

func classes(m map[Class]int) string {
	var parts []string
	for c := Missed; int(c) < len(classNames); c++ {
		if m[c] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", m[c], c))
		}
	}
	return strings.Join(parts, ", ")
}

// majority is the commonest class that is not good; the worse one of equals.
func majority(ticks []tick) Class {
	n := map[Class]int{}
	for _, t := range ticks {
		if t.Class != Good {
			n[t.Class]++
		}
	}
	best := Good
	for c := Missed; int(c) < len(classNames); c++ {
		if n[c] > 0 && n[c] >= n[best] {
			best = c
		}
	}
	return best
}

// before returns the samples whose instant is before t (any, if t is zero),
// merged and oldest first.
func before(samples []Sample, t time.Time) []tick {
	var ticks []tick
	for _, s := range merge(samples) {
		if t.IsZero() || s.At.Before(t) {
			ticks = append(ticks, tick{Sample: s})
		}
	}
	slices.SortFunc(ticks, func(a, b tick) int { return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Cohort, b.Cohort)) })
	return ticks
}

// disjoint picks ticks that were seen and whose windows do not overlap, newest
// first: overlapping windows would count the same events twice.
func disjoint(ticks []tick) []tick {
	var picked []tick
	for _, t := range slices.Backward(ticks) {
		seen := t.Seen && (t.Class == Good || t.Class == Bad || t.Class == Marginal)
		if seen && (len(picked) == 0 || !t.At.After(picked[len(picked)-1].From)) {
			picked = append(picked, t)
		}
	}
	return picked
}

func events(ticks []tick) float64 {
	sum := 0.0
	for _, t := range disjoint(ticks) {
		if t.Counted {
			sum += t.Events
		}
	}
	return sum
}
