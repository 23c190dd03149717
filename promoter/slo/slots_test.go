package slo

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

var scope = Scope{Environment: "production", Tenant: "acme", Cluster: "eu-1", App: "web"}

func TestSlots(t *testing.T) {
	t.Parallel()
	g := testGate()
	slots, err := g.Slots(scope, ready.Add(-300*time.Millisecond), ready.Add(4*time.Minute+59*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range slots {
		got = append(got, fmt.Sprintf("%s from %s %s | %s", s.At.Format("15:04:05"), s.From.Format("15:04:05"), s.Query, s.Events))
	}
	want := []string{
		`12:01:00 from 12:00:00 bad{app="web"}[60s] | all[60s]`,
		`12:02:00 from 12:00:00 bad{app="web"}[120s] | all[120s]`,
		`12:03:00 from 12:01:00 bad{app="web"}[120s] | all[120s]`,
		`12:04:00 from 12:02:00 bad{app="web"}[120s] | all[120s]`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Whatever a query's shape, none of its slots sees the time before ready, and
// slots that were due stay where they are as time goes on.
func TestSlotsNeverSpanTheChange(t *testing.T) {
	t.Parallel()
	for _, query := range []string{
		`rate(x[{{window}}])`,
		`rate(x[5m])`,
		`max_over_time(rate(x[{{window}}])[{{window}}:30s])`,
		`rate(x[{{window}}] offset 2m)`,
		`max_over_time(rate(x[1m])[{{window}}:])`,
		`up`,
	} {
		g := testGate()
		g.Query, g.Window, g.Deadline = query, 4*time.Minute, 40*time.Minute
		var before []Slot
		for n := range 60 {
			slots, err := g.Slots(scope, ready, after(n))
			if err != nil {
				t.Fatalf("%s: %v", query, err)
			}
			for i, s := range slots {
				if s.From.Before(ready) {
					t.Fatalf("%s at %s looks back to %s", query, s.At, s.From)
				}
				if d, err := Reach(s.Query); err != nil || s.At.Add(-d).Before(s.From) {
					t.Fatalf("%s: reaches %s: %v", s.Query, d, err)
				}
				if n <= 40 && i < len(before) && s != before[i] {
					t.Fatalf("%s: slot %d moved from %v to %v", query, i, before[i], s)
				}
			}
			before = slots
		}
		if len(before) == 0 || before[len(before)-1].At != ready.Add(59*time.Minute) {
			t.Errorf("%s: after the deadline the newest slots are asked: %v", query, before)
		}
	}
}

func TestNoSlotBeforeReady(t *testing.T) {
	t.Parallel()
	for _, g := range []Gate{testGate(), {Name: "i", Query: "a=\"b\"", Language: Matchers, Instant: true, Good: Condition{{"==", 0}}}} {
		for _, now := range []time.Time{ready.Add(-time.Hour), ready, ready.Add(59 * time.Second)} {
			if slots, err := g.Slots(scope, ready, now); len(slots) != 0 || err != nil {
				t.Errorf("%s at %s: %v %v", g.Name, now, slots, err)
			}
		}
		if slots, err := g.Slots(scope, time.Time{}, ready); len(slots) != 0 || err != nil {
			t.Errorf("%s, not ready: %v %v", g.Name, slots, err)
		}
		if slots, err := g.Slots(scope, ready, ready.Add(61*time.Second)); len(slots) != 1 || err != nil {
			t.Errorf("%s: %v %v", g.Name, slots, err)
		}
	}
}

func TestLagDelaysSlots(t *testing.T) {
	t.Parallel()
	g := testGate()
	g.Lag = time.Minute
	slots, _ := g.Slots(scope, ready, after(3))
	if len(slots) != 2 {
		t.Errorf("got %d slots", len(slots))
	}
}

func TestConfirmations(t *testing.T) {
	t.Parallel()
	g := testGate()
	samples := trace("GbGb")
	slots, err := g.Confirmations(scope, ready, ready.Add(4*time.Minute+10*time.Second), samples)
	if err != nil || len(slots) != 1 || !slots[0].At.Equal(ready.Add(150*time.Second)) {
		t.Errorf("got %v %v", slots, err)
	}
	if slots, _ = g.Confirmations(scope, ready, after(4), samples); len(slots) != 2 {
		t.Errorf("both are due: %v", slots)
	}
	g.ConfirmAfter = time.Minute // the next slot is the second look
	if slots, _ = g.Confirmations(scope, ready, after(4), samples); len(slots) != 0 {
		t.Errorf("slots confirm by themselves: %v", slots)
	}
	if _, e := Judge(g, goodBaseline(), trace("Gbbb"), nil, ready, after(4)); e.State != Failed {
		t.Errorf("neighbours confirm: %s", e.State)
	}
}

func TestBaselineSlotsEndBeforeTheChangeAndDoNotOverlap(t *testing.T) {
	t.Parallel()
	g := testGate()
	slots, err := g.BaselineSlots(scope, ready)
	if err != nil || len(slots) != 5 {
		t.Fatalf("got %v %v", slots, err)
	}
	for i, s := range slots {
		if s.At.After(ready) || s.Window != 2*time.Minute || i > 0 && s.At.After(slots[i-1].From) {
			t.Errorf("slot %d: %+v", i, s)
		}
	}
	again, _ := g.BaselineSlots(scope, ready.Add(700*time.Millisecond))
	if again[0] != slots[0] {
		t.Errorf("part of a second moves the baseline")
	}
}

func TestReach(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]time.Duration{
		`up`:                              0,
		`rate(a[5m]) / rate(b[1h30m])`:    90 * time.Minute,
		`rate(a{x="[9h]"}[5m]) # [8h]`:    5 * time.Minute,
		`max_over_time(rate(a[5m])[1h:])`: 66 * time.Minute,
		`rate(a[5m] offset 1h)`:           65 * time.Minute,
		`rate(a[ 300s ])`:                 5 * time.Minute,
		`a{x='it\'s [1h] offset 2d'}`:     0,
		"a{x=`\\` , y=\"[1d]\"}[1m]":      time.Minute,
	} {
		if got, err := Reach(query); got != want || err != nil {
			t.Errorf("%s: %s %v, want %s", query, got, err, want)
		}
	}
	for _, query := range []string{`rate(a[5x])`, `rate(a[])`, `a offset -5m`, `a @ 1600000000`, `a @ end()`, `rate(a[$__range])`, `a[0s]`, `rate(a[5m * 2])`, `a[99999999999y]`} {
		if got, err := Reach(query); err == nil {
			t.Errorf("%s: %s, want an error", query, got)
		}
	}
}

func TestRender(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		in    Language
		query string
		scope Scope
		want  string // empty: an error
	}{
		{PromQL, `x{e="{{environment}}",t="{{ tenant }}",c="{{cluster}}",a="{{app}}"}[{{window}}]`, scope, `x{e="production",t="acme",c="eu-1",a="web"}[90s]`},
		{PromQL, `x{c=~"{{cluster}}-.*"}`, Scope{Cluster: "eu.1"}, `x{c=~"eu\\.1-.*"}`},
		{PromQL, "x{c=~`{{cluster}}`}", Scope{Cluster: "eu.1"}, "x{c=~`eu\\.1`}"},
		{PromQL, `x{c!~ "a\"{{cluster}}"}`, Scope{Cluster: "eu.1"}, `x{c!~ "a\"eu\\.1"}`},
		{PromQL, `x{b=~"y",c="{{cluster}}"}`, Scope{Cluster: "eu.1"}, `x{b=~"y",c="eu.1"}`},
		{PromQL, `x{c="{{cluster}}"}`, Scope{Cluster: "eu.1"}, `x{c="eu.1"}`},
		{PromQL, `x{c="{{cluster}}"}`, Scope{}, ""},
		{PromQL, `x{c="{{cluster}}"}`, Scope{Cluster: `a"} or up{b="`}, ""},
		{PromQL, `x{c="{{cluster}}"}`, Scope{Cluster: "a\nb"}, ""},
		{PromQL, `x{c="{{region}}"}`, scope, ""},
		{PromQL, `x @ {{at}}`, scope, ""},
		{URL, `https://{{app}}.example.com/q?t={{tenant}}&at={{at}}`, Scope{App: "web", Tenant: "a&b c+d"}, `https://web.example.com/q?t=a%26b%20c%2Bd&at=1000000000`},
		{Matchers, `namespace="{{app}}"`, scope, `namespace="web"`},
	} {
		got, err := Render(test.query, test.in, test.scope, 90*time.Second, time.Unix(1e9, 0))
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s: got %q %v, want %q", test.query, got, err, test.want)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	if err := testGate().Check(); err != nil {
		t.Fatalf("the test's own gate: %v", err)
	}
	if err := (Gate{Name: "n", Query: "up", Good: Condition{{"==", 1}}}).Check(); err != nil {
		t.Fatalf("the smallest gate: %v", err)
	}
	for why, change := range map[string]func(*Gate){
		"no name":                     func(g *Gate) { g.Name = "" },
		"no query":                    func(g *Gate) { g.Query = " " },
		"would pass everything":       func(g *Gate) { g.Good = nil },
		"unknown operator":            func(g *Gate) { g.Good = Condition{{"=~", 1}} },
		"unknown language":            func(g *Gate) { g.Language = "sql" },
		"unknown mode":                func(g *Gate) { g.Mode = "off" },
		"unknown measure":             func(g *Gate) { g.Measure = "vibes" },
		"onInconclusive cannot be":    func(g *Gate) { g.OnInconclusive = "pass" },
		"no data counts as good only": func(g *Gate) { g.NoDataIsGood = true },
		"no traffic counts as good":   func(g *Gate) { g.NoTrafficIsGood, g.MinEvents = true, 0 },
		"needs a query for events":    func(g *Gate) { g.Events = "" },
		"cannot be asked about":       func(g *Gate) { g.Language, g.Query = URL, "https://x.example.com" },
		"can never be met":            func(g *Gate) { g.FailLimit = Limit{6, 5} },
		"it cannot pass":              func(g *Gate) { g.MinGood = 20 },
		"lengthen the interval":       func(g *Gate) { g.Interval, g.Deadline = time.Second, 24*time.Hour },
		"whole seconds":               func(g *Gate) { g.Interval = 1500 * time.Millisecond },
		"blindBudget":                 func(g *Gate) { g.BlindBudget = 1 },
		"fixed time":                  func(g *Gate) { g.Query = "x @ 1" },
		"looks back":                  func(g *Gate) { g.Query = "rate(x[1d])" },
		"unknown placeholder":         func(g *Gate) { g.Query = "x{a=\"{{what}}\"}" },
		"vector() answers":            func(g *Gate) { g.Query = "sum(rate(x[{{window}}])) or vector(0)" },
		"is longer than":              func(g *Gate) { g.Query = strings.Repeat("x+", 5000) + "x" },
		"product by zero":             func(g *Gate) { g.Events = "sum(x) or sum(up) * 0" },
	} {
		g := testGate()
		change(&g)
		if err := g.Check(); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: got %v", why, err)
		}
	}
}

func TestPlaceholders(t *testing.T) {
	t.Parallel()
	g := testGate()
	g.Sentinel, g.Newest = `up{env="{{ environment }}",app="{{app}}"}`, `max(timestamp(x{cluster="{{cluster}}"}))`
	if got, want := g.Placeholders(), []string{"environment", "cluster", "app"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTraps(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]int{
		`sum(rate(x[5m])) or vector(0)`:             20,
		"sum(x)\n  or on() vector(0)":               17,
		`(sum(x) or sum(up) * 0)`:                   8,
		`sum(x) or (0 * sum(up))`:                   7,
		`sum(x{a="b or vector(0)"})`:                -1,
		`sum(x) # or vector(0)`:                     -1,
		`x or y`:                                    -1,
		`x or y * 0.5`:                              -1,
		`rate(errors_vector[5m])`:                   -1,
		`label_replace(vector(0), "a", "", "", "")`: 14,
	} {
		traps := Traps(query)
		if want < 0 && len(traps) > 0 || want >= 0 && (len(traps) != 1 || traps[0].Offset != want) {
			t.Errorf("%q: %+v, want one at %d", query, traps, want)
		}
	}
}

func TestCondition(t *testing.T) {
	t.Parallel()
	for text, cases := range map[string]map[float64]bool{
		"<= 0.01":            {0.01: true, 0.02: false},
		">= 0.95 and <= 1":   {0.95: true, 1: true, 1.1: false, 0.9: false},
		">=0.95&&<=1":        {0.95: true, 1.1: false},
		"== 0":               {0: true, 1: false},
		"!= 3":               {3: false, 2: true},
		"< 1e-3":             {0.0009: true, 0.001: false},
		"> -5":               {-4: true, -5: false},
		">= 0.5 and != 0.75": {0.75: false, 0.6: true},
	} {
		c, err := ParseCondition(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		for v, want := range cases {
			if c.Holds(v) != want {
				t.Errorf("%v %s: got %v", v, c, !want)
			}
		}
	}
	for _, text := range []string{"", "0.5", "<= ", "<= x", "=< 5", "<= NaN", ">= Inf", "<= 1 and", "<= 1 or >= 3"} {
		if c, err := ParseCondition(text); err == nil {
			t.Errorf("%q: read as %s", text, c)
		}
	}
}

func TestDigestChangesWithTheGate(t *testing.T) {
	t.Parallel()
	a, b := testGate(), testGate()
	b.Good = Condition{{"<=", 0.02}}
	if a.Digest() == "" || a.Digest() == b.Digest() || a.Digest() != a.WithDefaults().Digest() {
		t.Errorf("digests %q %q %q", a.Digest(), b.Digest(), a.WithDefaults().Digest())
	}
}

func FuzzReach(f *testing.F) {
	f.Add(`max_over_time(rate(a{b="c"}[5m])[1h:30s] offset 1d) @ 5 or vector(0) # x`)
	f.Add("a{x=`\\`,y='\\")
	f.Fuzz(func(t *testing.T, query string) {
		if d, err := Reach(query); err == nil && d < 0 {
			t.Errorf("%q reaches %s", query, d)
		}
		Traps(query)
		if m := maskStrings(query); len(m) != len(query) {
			t.Errorf("%q: masked to another length", query)
		}
	})
}
