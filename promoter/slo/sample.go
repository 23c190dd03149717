package slo

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Class is what a sample is worth. Every sample has exactly one.
type Class uint8

// The classes. Only Good counts toward a pass, only Bad toward a failure; all
// others are blind.
const (
	Missed    Class = iota // a slot nobody answered: the zero value
	Good                   // the condition holds
	Bad                    // it does not
	Marginal               // between good and bad
	NoTraffic              // fewer events than the gate wants
	NoData                 // the query answers with nothing
	NaN                    // not a number
	Inf                    // infinite
	Stale                  // the newest sample behind it is too old, or of unknown age
	Partial                // the provider warns that its answer is not whole
	Multi                  // more series than expected
	Error                  // transport, status, parse, timeout
	Blackout               // telemetry itself is down
)

var classNames = [...]string{"MISSED", "GOOD", "BAD", "MARGINAL", "NO_TRAFFIC", "NO_DATA", "NAN", "INF", "STALE", "PARTIAL", "MULTI", "ERROR", "BLACKOUT"}

func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return "INVALID"
}

// MarshalText writes the class by its name.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Blind reports whether the class says nothing about the service.
func (c Class) Blind() bool { return c != Good && c != Bad }

// hides reports whether a failure may have happened behind the class: a
// marginal value was seen, everything else that is blind was not.
func (c Class) hides() bool { return c.Blind() && c != Marginal }

// Result is what a provider answered to one query about one instant.
type Result struct {
	Values   []Value
	Warnings []string  // the answer may not be whole
	Notes    []string  // what a person may want to see, such as alerts' names
	NewestAt time.Time // of the newest sample behind it; zero: not said
	Events   float64   // how many events it is about, if Counted
	Counted  bool
}

// Value is one series' number.
type Value struct {
	Series string // its labels, or ""
	Number float64
}

// Answer is a Result, or why there is none.
type Answer struct {
	Result
	Err error
}

// Reading is everything asked for one slot. What a slot has no query for is
// not looked at.
type Reading struct {
	Slot     Slot
	Value    Answer
	Events   Answer
	Newest   Answer
	Sentinel Answer
	Ready    error // why the provider says that it is not ready
}

// Sample is a reading, judged by its gate.
type Sample struct {
	At       time.Time     `json:"at"`
	From     time.Time     `json:"from"` // where its window begins; zero: unknown, and the sample is not used
	Window   time.Duration `json:"window"`
	Cohort   string        `json:"cohort,omitempty"` // of a control: whose it is
	Class    Class         `json:"class"`
	Mapped   Class         `json:"mapped,omitempty"` // the blind class that the gate's policy calls good
	Value    float64       `json:"value"`            // the worst series' number; 0 unless it is finite
	Seen     bool          `json:"seen"`             // Value was seen
	Events   float64       `json:"events"`
	Counted  bool          `json:"counted"` // Events was seen
	Series   []string      `json:"series,omitempty"`
	Warnings []string      `json:"warnings,omitempty"`
	Notes    []string      `json:"notes,omitempty"`
	NewestAt time.Time     `json:"newestAt,omitzero"`
	Why      string        `json:"why,omitempty"` // of a blind class
}

// Classify returns the reading's class under the gate, and why if it is blind.
func Classify(r Reading, g Gate) (Class, string) {
	s := Read(r, g)
	return s.Class, s.Why
}

// Read judges a reading. Telemetry's own health comes first: whatever the
// numbers are during an outage, they mean nothing.
func Read(r Reading, g Gate) Sample {
	g = g.WithDefaults()
	s := Sample{At: r.Slot.At, From: r.Slot.From, Window: r.Slot.Window, Notes: r.Value.Notes}
	for _, a := range []Answer{r.Value, r.Events} {
		s.Warnings = append(s.Warnings, a.Warnings...)
	}
	for _, v := range r.Value.Values {
		s.Series = append(s.Series, v.Series)
	}
	slices.Sort(s.Series)
	if s.Class, s.Why = g.telemetry(r); s.Class == Missed {
		s.Class, s.Why = g.worth(r, &s)
	}
	return s
}

// telemetry is Blackout when the provider or the sentinel is not well.
func (g Gate) telemetry(r Reading) (Class, string) {
	if r.Ready != nil {
		return Blackout, "the provider is not ready: " + oneLine(r.Ready.Error())
	}
	if g.Sentinel == "" {
		return Missed, ""
	}
	if class, why := g.whole(r.Sentinel, "the sentinel", 1); class != Missed {
		return Blackout, why
	}
	if n := r.Sentinel.Values[0].Number; !(n > 0) {
		return Blackout, "the sentinel is " + number(n)
	}
	return Missed, ""
}

// whole is the class of an answer that cannot be read as so many finite
// numbers, or Missed.
func (g Gate) whole(a Answer, what string, series int) (Class, string) {
	if a.Err != nil {
		return Error, what + ": " + oneLine(a.Err.Error())
	}
	for _, w := range a.Warnings {
		if !slices.ContainsFunc(g.Tolerated, func(p string) bool { return p != "" && strings.HasPrefix(w, p) }) {
			return Partial, what + ": " + oneLine(w)
		}
	}
	if n := len(a.Values); n == 0 {
		return NoData, what + " answers with nothing"
	} else if n > series {
		return Multi, fmt.Sprintf("%s answers with %d series instead of %d", what, n, series)
	} else if n < series {
		return Partial, fmt.Sprintf("%s answers with %d series instead of %d", what, n, series)
	}
	for _, v := range a.Values {
		if math.IsNaN(v.Number) {
			return NaN, what + " is not a number"
		}
	}
	for _, v := range a.Values {
		if math.IsInf(v.Number, 0) {
			return Inf, what + " is infinite"
		}
	}
	return Missed, ""
}

// freshness is Stale when the newest sample is too old or its age unknown.
func (g Gate) freshness(r Reading, s *Sample) (Class, string) {
	s.NewestAt = r.Value.NewestAt
	if g.Newest != "" {
		if class, why := g.whole(r.Newest, "the newest sample's time", 1); class == Error || class == Partial || class == Multi {
			return class, why
		} else if class != Missed {
			return Stale, why
		}
		n := r.Newest.Values[0].Number
		if math.Abs(n) > 1e11 { // no Unix time in seconds before the year 5138
			return Stale, "the newest sample's time " + number(n) + " is no Unix time in seconds"
		}
		s.NewestAt = time.UnixMilli(int64(n * 1000)).UTC()
	}
	if s.NewestAt.IsZero() {
		return Missed, ""
	}
	limit := 3 * g.Scrape
	if age := r.Slot.At.Sub(s.NewestAt); age > limit {
		return Stale, fmt.Sprintf("the newest sample is %s old", age.Round(time.Second))
	} else if age < -limit {
		return Stale, fmt.Sprintf("the newest sample is %s in the future", (-age).Round(time.Second))
	}
	return Missed, ""
}

// worth weighs the numbers themselves.
func (g Gate) worth(r Reading, s *Sample) (Class, string) {
	class, why := g.whole(r.Value, "the query", g.Series)
	// No data may be declared good, and 0/0 is the usual face of no traffic:
	// both are believed only beside telemetry that is fresh and counts.
	if class != Missed && class != NaN && (class != NoData || !g.NoDataIsGood) {
		return class, why
	}
	if c, w := g.freshness(r, s); c != Missed {
		return c, w
	}
	if c, w := g.countEvents(r, s); c != Missed {
		return c, w
	}
	if g.MinEvents > 0 && s.Events < g.MinEvents {
		if g.NoTrafficIsGood {
			s.Mapped = NoTraffic
			return Good, ""
		}
		return NoTraffic, fmt.Sprintf("%s events are fewer than %s", number(s.Events), number(g.MinEvents))
	}
	if class == NoData {
		s.Mapped = NoData
		return Good, ""
	}
	if class != Missed {
		return class, why
	}
	return g.compare(r.Value.Values, s)
}

// compare holds the numbers against the conditions; every series must be good.
func (g Gate) compare(values []Value, s *Sample) (Class, string) {
	s.Seen, s.Value = true, values[0].Number
	holds, tolerable := true, len(g.Marginal) > 0
	for _, v := range values {
		if g.Good.margin(v.Number) > g.Good.margin(s.Value) {
			s.Value = v.Number
		}
		ok := g.Good.Holds(v.Number)
		holds = holds && ok
		tolerable = tolerable && (ok || g.Marginal.Holds(v.Number))
	}
	switch {
	case len(g.Good) == 0:
		return Error, "the gate does not say what is good"
	case holds:
		return Good, ""
	case tolerable:
		return Marginal, number(s.Value) + " is between good and bad"
	}
	return Bad, ""
}

// countEvents reads how many events there were, if the gate wants to know.
func (g Gate) countEvents(r Reading, s *Sample) (Class, string) {
	switch {
	case g.Events != "":
		if class, why := g.whole(r.Events, "the count of events", 1); class != Missed {
			return class, why
		}
		s.Events, s.Counted = r.Events.Values[0].Number, true
	case r.Value.Counted && finite(r.Value.Events):
		s.Events, s.Counted = r.Value.Events, true
	case g.MinEvents > 0:
		return NoData, "nobody counted the events"
	}
	if s.Events < 0 {
		return Error, "the count of events is below zero"
	}
	return Missed, ""
}

func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return s
}
