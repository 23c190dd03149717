package report

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Report is what was computed.
type Report struct {
	Of    string    `json:"of"`   // which repository and branch
	Kind  string    `json:"kind"` // rollouts or history
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	// Filter is what the report is narrowed down to; empty: everything.
	Filter   string    `json:"filter,omitempty"`
	Measures []Measure `json:"measures"`
	Waves    []Row     `json:"waves"`
	Changes  []Told    `json:"changes,omitempty"`
	PutBack  []Return  `json:"putBack,omitempty"`
	// Gaps are what could not be read, or is read in part.
	Gaps []string `json:"gaps"`
}

// Measure is one number with its n, or why there is none.
type Measure struct {
	Key   string `json:"key"`
	Title string `json:"title"`
	// N is how many of Of the number was computed from.
	N  int    `json:"n"`
	Of string `json:"of"`
	// One of these is set, unless Unknown says why there is no number.
	Share   *Share   `json:"share,omitempty"`
	Time    *Time    `json:"time,omitempty"`
	Rate    *float64 `json:"rate,omitempty"`
	Count   *int     `json:"count,omitempty"`
	Unknown string   `json:"unknown,omitempty"`
	Notes   []string `json:"notes,omitempty"`
}

// Share is a part of n.
type Share struct {
	Part  int     `json:"part"`
	Ratio float64 `json:"ratio"` // of 1
}

// Time is how long something took.
type Time struct {
	Mean Seconds `json:"meanSeconds"`
	P50  Seconds `json:"p50Seconds"`
	P90  Seconds `json:"p90Seconds"`
	Max  Seconds `json:"maxSeconds"`
}

// Seconds is a duration that JSON has in whole seconds.
type Seconds time.Duration

// MarshalJSON implements json.Marshaler.
func (s Seconds) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%d", int64(math.Round(time.Duration(s).Seconds()))), nil
}

// Row is one wave. In a history, what only a verdict tells is left out.
type Row struct {
	Wave      string `json:"wave"`
	Merged    int    `json:"merged"` // merges; in a history: moves
	Passed    *int   `json:"passed,omitempty"`
	Failed    *int   `json:"failed,omitempty"`
	Undecided *int   `json:"undecided,omitempty"` // no verdict yet, or none that could be read
	TakenBack int    `json:"takenBack"`
	Duration  *Time  `json:"duration,omitempty"`
	Complete  int    `json:"complete"` // n of the duration
}

// share is part of n, or why there is none.
func share(m Measure, part, n int, none string) Measure {
	m.N = n
	if n == 0 {
		m.Unknown = none
		return m
	}
	m.Share = &Share{Part: part, Ratio: float64(part) / float64(n)}
	return m
}

func spans(m Measure, took []time.Duration, none string) Measure {
	m.N = len(took)
	if m.Time = timeOf(took); m.Time == nil {
		m.Unknown = none
	}
	return m
}

func count(m Measure, n int) Measure {
	m.N, m.Count = n, &n
	return m
}

// rate is a number of times per unit; none says why there is none.
func rate(m Measure, value float64, n int, none string) Measure {
	m.N = n
	if none != "" {
		m.Unknown = none
		return m
	}
	m.Rate = &value
	return m
}

// timeOf is nil of nothing.
func timeOf(took []time.Duration) *Time {
	if len(took) == 0 {
		return nil
	}
	sorted := slices.Sorted(slices.Values(took))
	var sum float64
	for _, d := range sorted {
		sum += float64(d)
	}
	return &Time{
		Mean: Seconds(sum / float64(len(sorted))), P50: Seconds(rank(sorted, 50)), P90: Seconds(rank(sorted, 90)), Max: Seconds(sorted[len(sorted)-1]),
	}
}

// rank is the nearest rank: the smallest value that at least so many percent
// do not exceed.
func rank(sorted []time.Duration, percent int) time.Duration {
	return sorted[max((percent*len(sorted)+99)/100, 1)-1]
}

const week = 7 * 24 * time.Hour

// perWeek is how often something happened in a week.
func perWeek(m Measure, n int, from, to time.Time) Measure {
	looked := to.Sub(from)
	if looked < week {
		return rate(m, 0, n, "less than a week was looked at")
	}
	return rate(m, float64(n)/(float64(looked)/float64(week)), n, "")
}

// plural is a number with its noun.
func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
