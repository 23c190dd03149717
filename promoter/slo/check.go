package slo

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// maxSlots bounds how often a gate is asked until its deadline.
const maxSlots = 1000

// maxQuery bounds a query's text: it is read for every slot.
const maxQuery = 8 << 10

// Check returns every reason why the gate cannot be judged, or could pass
// without evidence; nil when there is none.
func (g Gate) Check() error {
	raw := g
	g = g.WithDefaults()
	var errs []error
	no := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("gate %q: "+format, append([]any{g.Name}, args...)...))
	}
	if g.Name == "" {
		no("it has no name")
	}
	if strings.TrimSpace(g.Query) == "" {
		no("it has no query")
	}
	if len(g.Good) == 0 {
		no("it does not say what is good, so it would pass everything")
	}
	for _, c := range []Condition{g.Good, g.Marginal} {
		if err := c.check(); err != nil {
			no("%w", err)
		}
	}
	g.checkWords(no)
	g.checkTimes(no, raw)
	if g.NoDataIsGood && g.Sentinel == "" {
		no("no data counts as good only beside a sentinel that proves that telemetry is alive")
	}
	if g.NoTrafficIsGood && (g.MinEvents <= 0 || g.Events == "" && !g.Instant) {
		no("no traffic counts as good only where events are counted: set events and minEvents")
	}
	if g.MinEvents > 0 && g.Events == "" && g.Language == PromQL {
		no("minEvents needs a query for events")
	}
	if (g.Measure == BadRatio || g.Measure == OKRatio) && g.Events == "" && g.Language == PromQL {
		no("a share of events needs a query for events: without their number nobody knows its noise")
	}
	if g.Language == URL && !strings.Contains(g.Query, "{{at}}") && !g.Instant {
		no("a URL without {{at}} cannot be asked about the past: the gate is an instant one")
	}
	g.checkQueries(no)
	return errors.Join(errs...)
}

func (g Gate) checkWords(no func(string, ...any)) {
	switch g.Language {
	case PromQL, URL, Matchers:
	default:
		no("unknown language %q", g.Language)
	}
	switch g.Mode {
	case Enforce, Warn, Shadow:
	default:
		no("unknown mode %q", g.Mode)
	}
	switch g.Measure {
	case Gauge, BadRatio, OKRatio, BadCount:
	default:
		no("unknown measure %q", g.Measure)
	}
	switch g.OnInconclusive {
	case HoldInconclusive, Extend, RequireApproval:
	default:
		no("onInconclusive cannot be %q: hold, extend or require-approval", g.OnInconclusive)
	}
}

func (g Gate) checkTimes(no func(string, ...any), raw Gate) {
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"interval", raw.Interval}, {"window", raw.Window}, {"scrape", raw.Scrape}, {"settle", raw.Settle}, {"lag", raw.Lag},
		{"minDuration", raw.MinDuration}, {"deadline", raw.Deadline}, {"confirmAfter", raw.ConfirmAfter}} {
		if d.value < 0 || d.value%time.Second != 0 {
			no("%s %s is not a positive number of whole seconds", d.name, d.value)
		}
	}
	if g.Interval < time.Second {
		return
	}
	if g.FailLimit.Bad < 1 || g.FailLimit.Of < g.FailLimit.Bad {
		no("failLimit %d of %d can never be met", g.FailLimit.Bad, g.FailLimit.Of)
	}
	if g.MinGood < 1 || g.LastGood < 1 || g.LastGood > g.MinGood || g.Series < 1 || g.BaselinePoints < 1 || g.Extensions < 0 {
		no("minGood, lastGood (at most minGood), series, baselinePoints must be at least one, extensions not below zero")
	}
	if !(g.BlindBudget < 1) || !finite(g.MinEvents) || g.MinEvents < 0 {
		no("blindBudget must be below 1 and minEvents a positive number")
	}
	slots := int((g.Deadline-g.settle())/g.Interval) + 1
	if g.settle()+g.Interval*time.Duration(g.MinGood) > g.Deadline || g.MinDuration > g.Deadline {
		no("it cannot pass: %s has no room for %d good samples every %s after settling for %s", g.Deadline, g.MinGood, g.Interval, g.settle())
	}
	if slots*g.attempts() > maxSlots || g.BaselinePoints > maxSlots {
		no("%d slots until the deadline are more than %d: lengthen the interval", slots*g.attempts(), maxSlots)
	}
}

func (g Gate) checkQueries(no func(string, ...any)) {
	for _, q := range []string{g.Query, g.Events, g.Newest, g.Sentinel} {
		if q == "" {
			continue
		}
		if len(q) > maxQuery {
			no("a query of %d bytes is longer than %d", len(q), maxQuery)
			continue
		}
		// Any scope and window does: this asks whether the text can be read.
		text, err := Render(q, g.Language, Scope{"e", "t", "c", "a"}, time.Minute, time.Unix(1e9, 0))
		if err != nil {
			no("%w", err)
			continue
		}
		if g.Language != PromQL {
			continue
		}
		if back, err := Reach(text); err != nil {
			no("%w", err)
		} else if !strings.Contains(q, "{{window}}") && back+g.Interval*time.Duration(g.MinGood) > g.Deadline {
			no("%q looks back %s, which leaves no room before the deadline: use {{window}}", q, back)
		}
		for _, t := range Traps(q) {
			no("%s: %s", t.Evidence, t.Remedy)
		}
	}
}
