package slo

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

var instant = time.Date(2030, 5, 6, 12, 30, 0, 0, time.UTC)

func one(v float64) Answer { return Answer{Result: Result{Values: []Value{{`{app="web"}`, v}}}} }

// healthy is a reading that is GOOD under testGate with every query asked.
func healthy() Reading {
	return Reading{Slot: Slot{At: instant, From: instant.Add(-time.Minute), Window: time.Minute},
		Value: one(0.001), Events: one(5000), Newest: one(float64(instant.Unix() - 20)), Sentinel: one(3)}
}

func watched() Gate {
	g := testGate()
	g.Newest, g.Sentinel = "max(timestamp(up))", "count(up == 1)"
	return g
}

func TestClassify(t *testing.T) {
	t.Parallel()
	broken := Answer{Err: errors.New("503 Service Unavailable")}
	warned := one(0.001)
	warned.Warnings = []string{"store x is unavailable"}
	two := one(0.001)
	two.Values = append(two.Values, Value{"b", 0.001})
	future := one(float64(instant.Unix() + 3600))
	for _, test := range []struct {
		name string
		set  func(*Reading)
		gate func(*Gate)
		want Class
	}{
		{"good", nil, nil, Good},
		{"bad", func(r *Reading) { r.Value = one(0.5) }, nil, Bad},
		{"on the threshold", func(r *Reading) { r.Value = one(0.01) }, nil, Good},
		{"marginal", func(r *Reading) { r.Value = one(0.015) }, func(g *Gate) { g.Marginal = Condition{{"<=", 0.02}} }, Marginal},
		{"beyond marginal", func(r *Reading) { r.Value = one(0.025) }, func(g *Gate) { g.Marginal = Condition{{"<=", 0.02}} }, Bad},
		{"a gate without a condition", nil, func(g *Gate) { g.Good = nil }, Error},

		{"empty", func(r *Reading) { r.Value = Answer{} }, nil, NoData},
		{"NaN", func(r *Reading) { r.Value = one(math.NaN()) }, nil, NaN},
		{"+Inf", func(r *Reading) { r.Value = one(math.Inf(1)) }, func(g *Gate) { g.Good = Condition{{">=", 0.95}} }, Inf},
		{"-Inf", func(r *Reading) { r.Value = one(math.Inf(-1)) }, nil, Inf},
		{"error", func(r *Reading) { r.Value = broken }, nil, Error},
		{"warning", func(r *Reading) { r.Value = warned }, nil, Partial},
		{"tolerated warning", func(r *Reading) { r.Value = warned }, func(g *Gate) { g.Tolerated = []string{"store x"} }, Good},
		{"an empty toleration tolerates nothing", func(r *Reading) { r.Value = warned }, func(g *Gate) { g.Tolerated = []string{""} }, Partial},
		{"two series", func(r *Reading) { r.Value = two }, nil, Multi},
		{"two series, as expected", func(r *Reading) { r.Value = two }, func(g *Gate) { g.Series = 2 }, Good},
		{"one series of two", nil, func(g *Gate) { g.Series = 2 }, Partial},

		{"little traffic", func(r *Reading) { r.Events = one(99) }, nil, NoTraffic},
		{"little traffic makes bad blind", func(r *Reading) { r.Value, r.Events = one(1), one(3) }, nil, NoTraffic},
		{"0/0 is no traffic", func(r *Reading) { r.Value, r.Events = one(math.NaN()), one(0) }, nil, NoTraffic},
		{"no traffic, declared good", func(r *Reading) { r.Value, r.Events = one(math.NaN()), one(0) }, func(g *Gate) { g.NoTrafficIsGood = true }, Good},
		{"infinite without traffic stays infinite", func(r *Reading) { r.Value, r.Events = one(math.Inf(1)), one(0) }, func(g *Gate) { g.NoTrafficIsGood = true }, Inf},
		{"NaN with traffic stays NaN", func(r *Reading) { r.Value = one(math.NaN()) }, func(g *Gate) { g.NoTrafficIsGood = true }, NaN},
		{"events cannot be counted", func(r *Reading) { r.Events = broken }, nil, Error},
		{"no events series", func(r *Reading) { r.Events = Answer{} }, func(g *Gate) { g.NoTrafficIsGood, g.NoDataIsGood = true, true }, NoData},
		{"events are NaN", func(r *Reading) { r.Events = one(math.NaN()) }, func(g *Gate) { g.NoTrafficIsGood = true }, NaN},
		{"events below zero", func(r *Reading) { r.Events = one(-1) }, nil, Error},
		{"nobody counts", nil, func(g *Gate) { g.Events = "" }, NoData},
		{"the provider counts", func(r *Reading) { r.Value.Counted, r.Value.Events = true, 500 }, func(g *Gate) { g.Events = "" }, Good},
		{"the provider counts few", func(r *Reading) { r.Value.Counted, r.Value.Events = true, 5 }, func(g *Gate) { g.Events = "" }, NoTraffic},

		{"no data, declared good", func(r *Reading) { r.Value = Answer{} }, func(g *Gate) { g.NoDataIsGood = true }, Good},
		{"no data declared good, but stale", func(r *Reading) { r.Value, r.Newest = Answer{}, one(float64(instant.Unix()-900)) }, func(g *Gate) { g.NoDataIsGood = true }, Stale},
		{"an error is not no data", func(r *Reading) { r.Value = broken }, func(g *Gate) { g.NoDataIsGood = true }, Error},
		{"no data declared good, in a blackout", func(r *Reading) { r.Value, r.Sentinel = Answer{}, Answer{} }, func(g *Gate) { g.NoDataIsGood = true }, Blackout},

		{"stale", func(r *Reading) { r.Newest = one(float64(instant.Unix() - 91)) }, nil, Stale},
		{"just fresh", func(r *Reading) { r.Newest = one(float64(instant.Unix() - 90)) }, nil, Good},
		{"age unknown", func(r *Reading) { r.Newest = Answer{} }, nil, Stale},
		{"age NaN", func(r *Reading) { r.Newest = one(math.NaN()) }, nil, Stale},
		{"age cannot be asked", func(r *Reading) { r.Newest = broken }, nil, Error},
		{"from the future", func(r *Reading) { r.Newest = future }, nil, Stale},
		{"milliseconds instead of seconds", func(r *Reading) { r.Newest = one(float64(instant.UnixMilli())) }, nil, Stale},
		{"the provider says stale", func(r *Reading) { r.Value.NewestAt = instant.Add(-time.Hour) }, func(g *Gate) { g.Newest = "" }, Stale},

		{"not ready", func(r *Reading) { r.Ready = errors.New("503") }, nil, Blackout},
		{"sentinel empty", func(r *Reading) { r.Sentinel = Answer{} }, nil, Blackout},
		{"sentinel zero", func(r *Reading) { r.Sentinel = one(0) }, nil, Blackout},
		{"sentinel NaN", func(r *Reading) { r.Sentinel = one(math.NaN()) }, nil, Blackout},
		{"sentinel error", func(r *Reading) { r.Sentinel = broken }, nil, Blackout},
		{"sentinel partial", func(r *Reading) { r.Sentinel = warned }, nil, Blackout},
		{"a bad value in a blackout is blind", func(r *Reading) { r.Value, r.Sentinel = one(1), one(0) }, nil, Blackout},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, g := healthy(), watched()
			if test.set != nil {
				test.set(&r)
			}
			if test.gate != nil {
				test.gate(&g)
			}
			class, why := Classify(r, g)
			if class != test.want {
				t.Errorf("got %s (%s), want %s", class, why, test.want)
			}
			if class.Blind() != (why != "") {
				t.Errorf("%s because of %q: every blind class says why, no other does", class, why)
			}
		})
	}
}

// Every class that a sample can have comes out of some reading above, and
// every one has a name of its own.
func TestClassesAreNamedApart(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for c := Missed; c <= Blackout; c++ {
		name := c.String()
		if name == "INVALID" || seen[name] {
			t.Errorf("class %d: name %q", c, name)
		}
		seen[name] = true
		if blind := c != Good && c != Bad; c.Blind() != blind {
			t.Errorf("%s: blind is %v", c, c.Blind())
		}
	}
	if got := (Blackout + 1).String(); got != "INVALID" || !(Blackout + 1).Blind() {
		t.Errorf("beyond the last class: %q", got)
	}
}

func TestMappingIsKeptInTheSample(t *testing.T) {
	t.Parallel()
	r, g := healthy(), watched()
	g.NoDataIsGood = true
	r.Value = Answer{}
	if s := Read(r, g); s.Class != Good || s.Mapped != NoData || s.Seen {
		t.Errorf("got %+v", s)
	}
	_, e := Judge(g, nil, []Sample{{At: ready.Add(time.Minute), From: ready, Class: Good, Mapped: NoData}}, nil, ready, after(1))
	if lines := strings.Join(e.Lines(), "\n"); !strings.Contains(lines, "counted as good because the gate says so: 1 NO_DATA") {
		t.Errorf("evidence:\n%s", lines)
	}
}

func TestTheWorstSeriesSpeaks(t *testing.T) {
	t.Parallel()
	r, g := healthy(), watched()
	g.Series = 2
	r.Value.Values = append(r.Value.Values, Value{"b", 0.4})
	if s := Read(r, g); s.Class != Bad || s.Value != 0.4 {
		t.Errorf("got %s %v", s.Class, s.Value)
	}
}
