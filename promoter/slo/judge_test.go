package slo

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"promoter/promoter"
)

var ready = time.Date(2030, 5, 6, 12, 0, 0, 0, time.UTC)

func testGate() Gate {
	return Gate{
		Name: "errors", Query: `bad{app="{{app}}"}[{{window}}]`, Events: `all[{{window}}]`, Good: Condition{{"<=", 0.01}}, Measure: BadRatio,
		Interval: time.Minute, Window: 2 * time.Minute, MinDuration: 5 * time.Minute, Deadline: 15 * time.Minute, MinEvents: 100,
	}
}

var letters = map[rune]Class{'.': Missed, 'G': Good, 'B': Bad, 'b': Bad, 'M': Marginal, 'T': NoTraffic, 'D': NoData, 'N': NaN,
	'I': Inf, 'S': Stale, 'P': Partial, 'X': Multi, 'E': Error, 'K': Blackout}

// trace makes a sample for each letter, one slot each. B is confirmed by a
// sample after 30 seconds, b is not, a dot is a slot that nobody answered.
func trace(text string) []Sample {
	var out []Sample
	for i, c := range text {
		at := ready.Add(time.Duration(i+1) * time.Minute)
		s := Sample{At: at, From: at.Add(-time.Minute), Window: time.Minute, Class: letters[c], Events: 1000, Counted: true, Seen: true}
		switch c {
		case '.':
			continue
		case 'B', 'b':
			s.Value = 0.2
		}
		out = append(out, s)
		if c == 'B' {
			s.At, s.From = at.Add(30*time.Second), at.Add(-30*time.Second)
			out = append(out, s)
		}
	}
	return out
}

// shift moves samples in time, as a baseline or a late control.
func shift(samples []Sample, by time.Duration) []Sample {
	for i := range samples {
		samples[i].At, samples[i].From = samples[i].At.Add(by), samples[i].From.Add(by)
	}
	return samples
}

func goodBaseline() []Sample { return shift(trace("GGGGG"), -20*time.Minute) }

// after is a moment at which the n-th slot is due and the next is not.
func after(n int) time.Time { return ready.Add(time.Duration(n)*time.Minute + 40*time.Second) }

func TestJudge(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, trace string
		change      func(*Gate)
		baseline    []Sample
		control     []Sample
		level       promoter.Level
		state       State
		reason      string // part of it
	}{
		{"good all along", "GGGGG", nil, nil, nil, promoter.Pass, Passed, "passed: good is <= 0.01"},
		{"too early", "GGGG", nil, nil, nil, promoter.Hold, Collecting, "collects samples"},
		{"nothing yet", "", nil, nil, nil, promoter.Hold, Settling, "settling"},
		{"three of five bad", "GGBGBB", nil, goodBaseline(), nil, promoter.Fail, Failed, "3 of the last 5 samples are bad, confirmed by asking again (0.2, want <= 0.01)"},
		{"three of six bad", "BGGBGB", nil, goodBaseline(), nil, promoter.Hold, Collecting, "collects samples"},
		{"bad, but not when asked again", "GGbbb", nil, goodBaseline(), nil, promoter.Hold, Collecting, "a failure may be hidden"},
		{"fails before the least duration", "BBB", nil, goodBaseline(), nil, promoter.Fail, Failed, "3 of the last 3"},
		{"a failure is not forgotten", "BBBGGGGGGGGG", nil, goodBaseline(), nil, promoter.Fail, Failed, "3 of the last 3"},
		{"critical: two in a row", "GGbb", func(g *Gate) { g.Critical = true }, goodBaseline(), nil, promoter.Fail, Failed, "2 samples in a row"},
		{"critical: not in a row", "GbGb", func(g *Gate) { g.Critical = true }, goodBaseline(), nil, promoter.Hold, Collecting, ""},
		{"one bad sample is forgiven", "GBGGGGG", nil, goodBaseline(), nil, promoter.Pass, Passed, ""},
		{"the newest samples must be good", "GGGGGB", nil, goodBaseline(), nil, promoter.Hold, Collecting, "the newest samples are not all good"},
		{"one blind slot in six", "GGDGGG", nil, nil, nil, promoter.Pass, Passed, ""},
		{"blind and bad together hide a failure", "GGDBEGGGGGGG", nil, nil, nil, promoter.Hold, Collecting, "a failure may be hidden"},
		{"half are marginal", "GMGMGMGGG", nil, nil, nil, promoter.Hold, Collecting, "too many samples are blind"},
		{"the newest sample is blind", "GGGGK", nil, nil, nil, promoter.Unknown, Dark, "cannot see: BLACKOUT"},
		{"no sample at all until the deadline", "................", nil, nil, nil, promoter.Unknown, Inconclusive, "mostly MISSED"},
		{"no data until the deadline", "DDDDDDDDDDDDDDDD", nil, nil, nil, promoter.Unknown, Inconclusive, "mostly NO_DATA"},
		{"inconclusive, a person decides", "MMMMMMMMMMMMMMMM", func(g *Gate) { g.OnInconclusive = RequireApproval }, nil, nil, promoter.Unknown, Inconclusive, "a person must approve"},
		{"extended: judged anew", "EEEEEEEEEEEEEEE" + "GGGGG", func(g *Gate) { g.OnInconclusive = Extend }, nil, nil, promoter.Pass, Passed, ""},
		{"not extended: the deadline is the end", "EEEEEEEEEEEEEEE" + "GGGGGGGGGG", nil, nil, nil, promoter.Unknown, Inconclusive, "mostly ERROR"},
		{"passed at the deadline, good since", "GGGGGGGGGGGGGGG" + "GGGGGGGGGG", nil, nil, nil, promoter.Pass, Passed, ""},
		{"passed, then blind: reopened", "GGGGGGGGGGGGGGG" + "GGGGGGDDDD", nil, nil, nil, promoter.Hold, Collecting, "its newest samples are not good"},
		{"passed, then bad: held, not blamed", "GGGGGGGGGGGGGGG" + "GGGGGGBBBB", nil, goodBaseline(), nil, promoter.Hold, Unattributed, "bad since the deadline"},

		{"bad before the change", "GGBBB", nil, shift(trace("GGGGB"), -20*time.Minute), nil, promoter.Hold, Unattributed, "it was bad before the change already"},
		{"nobody saw what was before", "GGBBB", nil, nil, nil, promoter.Hold, Unattributed, "nobody saw that it was good before"},
		{"blind before the change", "GGBBB", nil, shift(trace("GDDDG"), -20*time.Minute), nil, promoter.Hold, Unattributed, "nobody saw that it was good before"},
		{"a baseline from after ready is none", "GGBBB", nil, shift(trace("GGGGG"), time.Minute), nil, promoter.Hold, Unattributed, "nobody saw that it was good before"},
		{"the control is bad too", "GGBBB", nil, goodBaseline(), trace("GGBGG"), promoter.Hold, Unattributed, "an incident, not this change"},
		{"the control is good", "GGBBB", func(g *Gate) { g.Control = true }, goodBaseline(), trace("GGGGG"), promoter.Fail, Failed, "good where the change is not"},
		{"the control is blind", "GGBBB", func(g *Gate) { g.Control = true }, goodBaseline(), trace("EEEEE"), promoter.Hold, Unattributed, "no control cohort was seen"},
		{"no control, and it is wanted", "GGBBB", func(g *Gate) { g.Control = true }, goodBaseline(), nil, promoter.Hold, Unattributed, "no control cohort was seen"},
		{"a control that was bad before is none", "GGBBB", nil, goodBaseline(), append(shift(trace("B"), -5*time.Minute), trace("BBBBB")...), promoter.Fail, Failed, ""},
		{"warn only", "GGBBB", func(g *Gate) { g.Mode = Warn }, goodBaseline(), nil, promoter.Pass, Failed, "warn only: errors: failed"},
		{"shadow only", "GGKKK", func(g *Gate) { g.Mode = Shadow }, nil, nil, promoter.Pass, Dark, "shadow only: errors: cannot see"},
		{"no condition", "GGGGG", func(g *Gate) { g.Good = nil }, nil, nil, promoter.Unknown, Invalid, "it would pass everything"},
		{"an invalid gate is not waved through as a shadow", "GGGGG", func(g *Gate) { g.Good, g.Mode = nil, Shadow }, nil, nil, promoter.Unknown, Invalid, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g := testGate()
			if test.change != nil {
				test.change(&g)
			}
			v, e := Judge(g, test.baseline, trace(test.trace), test.control, ready, after(len(test.trace)))
			if v.Level != test.level || e.State != test.state || !strings.Contains(v.Reason, test.reason) {
				t.Errorf("got %s, %s, %q; want %s, %s, %q\n%s", v.Level, e.State, v.Reason, test.level, test.state, test.reason, strings.Join(e.Lines(), "\n"))
			}
			if _, err := json.Marshal(e); err != nil {
				t.Errorf("evidence: %v", err)
			}
		})
	}
}

func TestEveryClassAloneOnlyGoodPasses(t *testing.T) {
	t.Parallel()
	for c, class := range letters {
		_, atEnd := Judge(testGate(), goodBaseline(), trace(strings.Repeat(string(c), 16)), nil, ready, after(16))
		want := Inconclusive
		switch c {
		case 'G':
			want = Passed
		case 'B':
			want = Failed
		}
		if c == 'b' {
			continue // its own case above: bad and never confirmed
		}
		if atEnd.State != want {
			t.Errorf("%s only: %s, want %s", class, atEnd.State, want)
		}
	}
}

func TestASecondLookHealsBlindnessAndHidesNoFailure(t *testing.T) {
	t.Parallel()
	if v, _ := Judge(testGate(), nil, append(trace("EEEEE"), trace("GGGGG")...), nil, ready, after(5)); v.Level != promoter.Pass {
		t.Errorf("errors, then good: %v", v)
	}
	if v, _ := Judge(testGate(), goodBaseline(), append(trace("GGBBB"), trace("GGGGG")...), nil, ready, after(5)); v.Level != promoter.Fail {
		t.Errorf("bad, then good: %v", v)
	}
}

func TestBadInAControlAfterTheFailureSaysNothing(t *testing.T) {
	t.Parallel()
	if v, _ := Judge(testGate(), goodBaseline(), trace("GGBBBBBB"), trace("GGGGGGBB"), ready, after(8)); v.Level != promoter.Fail {
		t.Errorf("got %v", v)
	}
}

func TestJudgeWaitsForReady(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{{}, ready.Add(time.Hour)} {
		v, e := Judge(testGate(), nil, trace("GGGGG"), nil, at, after(5))
		if v.Level != promoter.Hold || e.State != Awaiting {
			t.Errorf("ready at %s: %v %s", at, v, e.State)
		}
	}
}

func TestUntilIsTheNextSlot(t *testing.T) {
	t.Parallel()
	g := testGate()
	g.Lag = 10 * time.Second
	v, _ := Judge(g, nil, trace("GG"), nil, ready, after(2))
	if want := ready.Add(3*time.Minute + 10*time.Second); !v.Until.Equal(want) {
		t.Errorf("until %s, want %s", v.Until, want)
	}
	if v, _ = Judge(g, nil, nil, nil, ready, ready.Add(time.Second)); !v.Until.Equal(ready.Add(70 * time.Second)) {
		t.Errorf("settling until %s", v.Until)
	}
}

// A sample whose window reaches back before the change shows the old version.
func TestWindowsThatSpanTheChangeAreNotUsed(t *testing.T) {
	t.Parallel()
	for _, from := range []time.Time{{}, ready.Add(-time.Second)} {
		samples := trace("GGGGG")
		for i := range samples {
			samples[i].From = from
		}
		v, e := Judge(testGate(), nil, samples, nil, ready, after(5))
		if v.Level == promoter.Pass || e.Classes[Good] != 0 {
			t.Errorf("from %s: %s with %v", from, v.Level, e.Classes)
		}
	}
}

func TestSamplesFromTheFutureAndBesideTheSlotsAreNotUsed(t *testing.T) {
	t.Parallel()
	for name, by := range map[string]time.Duration{"future": time.Hour, "beside": 7 * time.Second} {
		v, e := Judge(testGate(), nil, shift(trace("GGGGG"), by), nil, ready, after(6))
		if v.Level == promoter.Pass || e.Classes[Good] != 0 {
			t.Errorf("%s: %s with %v", name, v.Level, e.Classes)
		}
	}
}

func TestEffectMustBeMoreThanNoise(t *testing.T) {
	t.Parallel()
	failing := func(value, events float64) []Sample {
		s := trace("GGBBB")
		for i := range s {
			if s[i].Class == Bad {
				s[i].Value = value
			}
			s[i].Events = events
		}
		return s
	}
	noisy := goodBaseline()
	for i := range noisy {
		noisy[i].Value, noisy[i].Events = 0.009, 100
	}
	g := testGate()
	for _, test := range []struct {
		name     string
		baseline []Sample
		samples  []Sample
		level    promoter.Level
		why      string
	}{
		{"clear", goodBaseline(), failing(0.05, 5000), promoter.Fail, ""},
		{"few events", goodBaseline(), failing(0.02, 100), promoter.Hold, "may still meet its target"},
		{"nearly as bad before", noisy, failing(0.02, 1000), promoter.Hold, "may be noise"},
		{"no share", goodBaseline(), failing(7, 1000), promoter.Hold, "its noise is not known"},
	} {
		v, e := Judge(g, test.baseline, test.samples, nil, ready, after(5))
		if v.Level != test.level || !strings.Contains(v.Reason, test.why) {
			t.Errorf("%s: %s %q (%+v)", test.name, v.Level, v.Reason, e.Attribution)
		}
	}
}

func TestLevelsAndCountsAreBlamedBeyondTheirNoise(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		measure  Measure
		good     Condition
		was, bad float64
		level    promoter.Level
	}{
		{"latency far off", Gauge, Condition{{"<", 0.5}}, 0.1, 2, promoter.Fail},
		{"availability far off", Gauge, Condition{{">=", 0.99}}, 0.999, 0.5, promoter.Fail},
		{"alerts", Gauge, Condition{{"==", 0}}, 0, 3, promoter.Fail},
		{"share of good events", OKRatio, Condition{{">=", 0.99}}, 1, 0.8, promoter.Fail},
		{"count far off", BadCount, Condition{{"<=", 5}}, 1, 90, promoter.Fail},
		{"count within noise", BadCount, Condition{{"<=", 5}}, 5, 6, promoter.Hold},
	} {
		g := testGate()
		g.Measure, g.Good = test.measure, test.good
		baseline, samples := goodBaseline(), trace("GGBBB")
		for i := range baseline {
			baseline[i].Value = test.was
		}
		for i := range samples {
			samples[i].Value = test.was
			if samples[i].Class == Bad {
				samples[i].Value = test.bad
			}
		}
		if v, _ := Judge(g, baseline, samples, nil, ready, after(5)); v.Level != test.level {
			t.Errorf("%s: %s %q", test.name, v.Level, v.Reason)
		}
	}
	g := testGate()
	g.Measure, g.Good = Gauge, Condition{{"<", 0.5}}
	wild := goodBaseline()
	for i, v := range []float64{0.1, 0.45, 0.05, 0.4, 0.2} {
		wild[i].Value = v
	}
	samples := trace("GGBBB")
	for i := range samples {
		if samples[i].Class == Bad {
			samples[i].Value = 0.6
		}
	}
	if v, _ := Judge(g, wild, samples, nil, ready, after(5)); v.Level != promoter.Hold || !strings.Contains(v.Reason, "may be noise") {
		t.Errorf("a level that swings anyway: %s %q", v.Level, v.Reason)
	}
	if v, _ := Judge(g, wild[:2], samples, nil, ready, after(5)); v.Level != promoter.Hold || !strings.Contains(v.Reason, "too few") {
		t.Errorf("two points before: %s %q", v.Level, v.Reason)
	}
}

func TestInstantGateJudgesOnlyNow(t *testing.T) {
	t.Parallel()
	g := testGate()
	g.Instant, g.Query, g.Events, g.Language, g.Measure, g.MinEvents, g.MinGood = true, `severity="critical"`, "", Matchers, Gauge, 0, 3
	now := ready.Add(10 * time.Minute)
	burst := func(text string, apart time.Duration) []Sample {
		s := trace(strings.ReplaceAll(text, "B", "b"))
		for i := range s {
			s[i].At = now.Add(-time.Duration(len(s)-1-i) * apart)
			s[i].From, s[i].Value = s[i].At, 3
		}
		return s
	}
	for _, test := range []struct {
		name    string
		samples []Sample
		state   State
	}{
		{"good now", burst("GGG", time.Second), Passed},
		{"too few", burst("GG", time.Second), Collecting},
		{"nothing", nil, Dark},
		{"blind", burst("GGE", time.Second), Dark},
		{"bad, not asked again", burst("BBB", time.Second), Collecting},
		{"good a while ago says nothing", shift(burst("GGG", time.Second), -5*time.Minute), Dark},
		{"bad for half a minute", burst("BBB", 15*time.Second), Unattributed},
	} {
		if v, e := Judge(g, nil, test.samples, nil, ready, now); e.State != test.state {
			t.Errorf("%s: %s %q, want %s", test.name, e.State, v.Reason, test.state)
		}
	}
	if v, e := Judge(g, goodBaseline(), burst("BBB", 15*time.Second), nil, ready, now); v.Level != promoter.Fail {
		t.Errorf("with a baseline: %s %q", e.State, v.Reason)
	}
	if v, _ := Judge(g, nil, shift(burst("GGG", time.Second), -7*time.Minute), nil, ready, now.Add(-7*time.Minute)); v.Level != promoter.Hold {
		t.Errorf("before the least duration: %v", v)
	}
}

func TestPreflight(t *testing.T) {
	t.Parallel()
	g := testGate()
	for c, class := range letters {
		v, _ := Preflight(g, shift(trace("GGGG"+string(c)), -20*time.Minute))
		want := promoter.Unknown
		switch class {
		case Good:
			want = promoter.Pass
		case Bad:
			want = promoter.Hold
		case Missed:
			want = promoter.Pass // the newest sample that there is was good
		}
		if v.Level != want {
			t.Errorf("%s: %s %q, want %s", class, v.Level, v.Reason, want)
		}
	}
	if v, _ := Preflight(g, nil); v.Level != promoter.Unknown {
		t.Errorf("nothing asked: %v", v)
	}
	g.Good = nil
	if v, _ := Preflight(g, goodBaseline()); v.Level != promoter.Unknown {
		t.Errorf("invalid: %v", v)
	}
}

func ExampleEvidence_Lines() {
	_, e := Judge(testGate(), goodBaseline(), trace("GGBBB"), nil, ready, after(5))
	fmt.Println(strings.Join(e.Lines(), "\n"))
	// Output:
	// errors failed: good is <= 0.01
	// 5 slots: 2 GOOD, 3 BAD
	// 5000 events
	// 2030-05-06T12:03:00Z BAD 0.2 over 1m0s, 1000 events
	// 2030-05-06T12:04:00Z BAD 0.2 over 1m0s, 1000 events
	// 2030-05-06T12:05:00Z BAD 0.2 over 1m0s, 1000 events
	// blame: it was good before the change and the difference is more than noise
	// 0 bad of 5000 before, 600 of 3000 since: rate ratio +Inf (98% confidence 184.778 to +Inf)
}
