package meter

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"promoter/promoter"
	"promoter/promoter/slo"
)

var (
	merged    = time.Date(2030, 5, 6, 11, 57, 0, 0, time.UTC)
	converged = time.Date(2030, 5, 6, 12, 0, 0, 0, time.UTC)
)

// after is a moment at which the n-th slot, and the confirmation of it, is due.
func after(n int) time.Time { return converged.Add(time.Duration(n)*time.Minute + 40*time.Second) }

func errorGate() Gate {
	return Gate{Meter: "prom", Gate: slo.Gate{
		Name: "errors", Query: `bad{env="{{environment}}"}[{{window}}]`, Events: `all{env="{{environment}}"}[{{window}}]`, Sentinel: `up`,
		Good: slo.Condition{{Op: "<=", Threshold: 0.01}}, Measure: slo.BadRatio, MinEvents: 100,
		Interval: time.Minute, Window: 2 * time.Minute, MinDuration: 5 * time.Minute, Deadline: 15 * time.Minute, Scrape: 15 * time.Second,
	}}
}

// world is a provider that is a function of time. What is nil is healthy.
type world struct {
	now    time.Time
	ratio  func(env string, at time.Time) float64
	up     func(at time.Time) float64
	answer func(query string, at time.Time) (slo.Result, error, bool)
	ready  func() error

	mu     sync.Mutex
	calls  map[string]int // by query and instant
	future []string
	asked  int
	most   int // at once
	inside int
}

var envOf = regexp.MustCompile(`env="([^"]*)"`)

func (w *world) Sample(ctx context.Context, query string, at time.Time, _ time.Duration) (slo.Result, error) {
	w.mu.Lock()
	if w.calls == nil {
		w.calls = map[string]int{}
	}
	w.calls[query+" "+at.Format(time.RFC3339Nano)]++
	w.asked++
	w.inside++
	w.most = max(w.most, w.inside)
	if at.After(w.now) {
		w.future = append(w.future, fmt.Sprintf("%s at %s, now %s", query, at, w.now))
	}
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		w.inside--
		w.mu.Unlock()
	}()
	if err := ctx.Err(); err != nil {
		return slo.Result{}, err
	}
	if w.answer != nil {
		if r, err, ok := w.answer(query, at); ok {
			return r, err
		}
	}
	one := func(v float64) (slo.Result, error) { return slo.Result{Values: []slo.Value{{Number: v}}}, nil }
	env := ""
	if m := envOf.FindStringSubmatch(query); m != nil {
		env = m[1]
	}
	switch {
	case strings.HasPrefix(query, "up"):
		if w.up != nil {
			return one(w.up(at))
		}
		return one(3)
	case strings.HasPrefix(query, "all"):
		return one(1000)
	case w.ratio != nil:
		return one(w.ratio(env, at))
	}
	return one(0)
}

func (w *world) Ready(context.Context) error {
	if w.ready != nil {
		return w.ready()
	}
	return nil
}

func (w *world) reset() { w.calls, w.asked, w.most = nil, 0, 0 }

func open(t testing.TB, w *world, gates ...Gate) *Meter {
	t.Helper()
	o := Options{Gates: map[string]Gate{}, Meters: map[string]Provider{"prom": w}}
	for _, g := range gates {
		o.Gates[g.Gate.Name] = g
	}
	m, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func question() promoter.Question {
	return promoter.Question{
		About: promoter.AboutDelivery, Commit: "c0ffee", MergedAt: merged, Converged: converged,
		Reached: []promoter.Reached{{Environment: "prod-1", App: "web"}},
		Probes:  []promoter.Probe{{Gate: "errors", At: promoter.Reached{Environment: "prod-1"}}},
		Control: []promoter.Reached{{Environment: "prod-2", App: "web"}, {Environment: "prod-2", App: "api"}, {Environment: "prod-1", App: "api"}},
	}
}

// at looks at a moment, which the provider's clock agrees with.
func (w *world) at(t testing.TB, m *Meter, q promoter.Question, now time.Time) promoter.GateVerdict {
	t.Helper()
	w.mu.Lock()
	w.now = now
	w.mu.Unlock()
	got := m.Judge(t.Context(), q, now)
	if len(got) != len(q.Probes) {
		t.Fatalf("%d verdicts for %d probes", len(got), len(q.Probes))
	}
	return got[0]
}

func ill(since time.Time, envs ...string) func(string, time.Time) float64 {
	return func(env string, at time.Time) float64 {
		if !at.Before(since) && strings.Contains(strings.Join(envs, " "), env) {
			return 0.2
		}
		return 0.001
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	bad := converged.Add(3 * time.Minute)
	tests := []struct {
		name   string
		w      *world
		change func(*Gate)
		slots  int
		level  promoter.Level
		reason string
	}{
		{"good", &world{}, nil, 6, promoter.Pass, "passed: good is <= 0.01"},
		{"too early", &world{}, nil, 3, promoter.Hold, "collects samples"},
		{"settling", &world{}, nil, 0, promoter.Hold, "settling"},
		{"bad here only", &world{ratio: ill(bad, "prod-1")}, nil, 6, promoter.Fail, "failed: 3 of the last 5 samples are bad, confirmed by asking again (0.2, want <= 0.01); it was good before the change and the difference is more than noise, and it is good where the change is not"},
		{"bad elsewhere too", &world{ratio: ill(bad, "prod-1", "prod-2")}, nil, 6, promoter.Hold, "not to be blamed on the change: 3 of the last 5 samples are bad, confirmed by asking again (0.2, want <= 0.01); it is bad too where the change is not (prod-2)"},
		{"bad elsewhere only", &world{ratio: ill(bad, "prod-2")}, nil, 6, promoter.Pass, "passed"},
		{"bad before the merge already", &world{ratio: ill(time.Time{}, "prod-1")}, nil, 6, promoter.Hold, "it was bad before the change already"},
		{"elsewhere bad all along tells nothing", &world{ratio: func(env string, at time.Time) float64 {
			if env == "prod-2" || !at.Before(bad) {
				return 0.2
			}
			return 0
		}}, nil, 6, promoter.Fail, "it was good before the change"},
		{"only a warning", &world{ratio: ill(bad, "prod-1")}, func(g *Gate) { g.Gate.Mode = slo.Warn }, 6, promoter.Pass, "warn only: failed: 3 of"},
		{"telemetry is dead", &world{up: func(time.Time) float64 { return 0 }}, nil, 6, promoter.Unknown, "cannot see: BLACKOUT: the sentinel is 0"},
		{"provider is not ready", &world{ready: func() error { return errors.New("starting") }}, nil, 6, promoter.Unknown, "cannot see: BLACKOUT: the provider is not ready: starting"},
		{"not a number", &world{ratio: func(string, time.Time) float64 { return math.NaN() }}, nil, 6, promoter.Unknown, "cannot see: NAN"},
		{"an error", &world{answer: func(string, time.Time) (slo.Result, error, bool) {
			return slo.Result{}, errors.New("boom"), true
		}}, nil, 6, promoter.Unknown, "cannot see: BLACKOUT: the sentinel: boom"},
		{"nothing", &world{answer: func(q string, _ time.Time) (slo.Result, error, bool) {
			return slo.Result{}, nil, strings.HasPrefix(q, "bad")
		}}, nil, 6, promoter.Unknown, "cannot see: NO_DATA"},
		{"never seen until the deadline", &world{up: func(time.Time) float64 { return 0 }}, nil, 16, promoter.Unknown, "inconclusive at the deadline: mostly BLACKOUT"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := errorGate()
			if tt.change != nil {
				tt.change(&g)
			}
			now := after(tt.slots)
			if tt.slots == 0 {
				now = converged.Add(10 * time.Second)
			}
			got := tt.w.at(t, open(t, tt.w, g), question(), now)
			if got.Level != tt.level || !strings.Contains(got.Reason, tt.reason) {
				t.Errorf("got %s %q, want %s %q\n%s", got.Level, got.Reason, tt.level, tt.reason, strings.Join(got.Evidence, "\n"))
			}
			if strings.HasPrefix(got.Reason, "errors: ") {
				t.Errorf("the gate's name is told twice: %q", got.Reason)
			}
			if len(tt.w.future) > 0 {
				t.Errorf("the future is asked about: %q", tt.w.future)
			}
			if tt.w.most > 4 {
				t.Errorf("%d calls at once", tt.w.most)
			}
		})
	}
}

// A process that was there all along and one that begins at the end say the
// same.
func TestARestartGivesTheSameVerdict(t *testing.T) {
	t.Parallel()
	for name, ratio := range map[string]func(string, time.Time) float64{
		"good":        nil,
		"bad at last": ill(converged.Add(4*time.Minute), "prod-1"),
		"bad for once": func(_ string, at time.Time) float64 {
			return map[bool]float64{true: 0.5}[at.Equal(converged.Add(2*time.Minute))]
		},
	} {
		old := &world{ratio: ratio}
		m := open(t, old, errorGate())
		for n := range 16 * 2 {
			now := converged.Add(time.Duration(n) * 30 * time.Second)
			seen := old.at(t, m, question(), now)
			fresh := &world{ratio: ratio}
			if diff := cmp.Diff(seen, fresh.at(t, open(t, fresh, errorGate()), question(), now)); diff != "" {
				t.Errorf("%s at %s (-before the restart +after it):\n%s", name, now, diff)
			}
		}
	}
}

// However often it looks, what is past is asked for once.
func TestCallsAreBounded(t *testing.T) {
	t.Parallel()
	w := &world{ratio: ill(converged.Add(8*time.Minute), "prod-1")}
	m := open(t, w, errorGate())
	w.at(t, m, question(), after(4))
	if w.asked != 4*3 {
		t.Errorf("the first look asks %d times, want 3 for each of 4 slots", w.asked)
	}
	w.reset()
	w.at(t, m, question(), after(4).Add(5*time.Second))
	if w.asked != 0 {
		t.Errorf("a look without a new slot asks %d times", w.asked)
	}
	w.at(t, m, question(), after(5))
	if w.asked != 3 {
		t.Errorf("a look with a new slot asks %d times, want 3", w.asked)
	}
	for n := range 200 {
		w.at(t, m, question(), after(5).Add(time.Duration(n)*5*time.Second))
	}
	for q, n := range w.calls {
		if n > 1 {
			t.Errorf("%q was asked %d times", q, n)
		}
	}
}

// Blindness may heal: an instant of which nothing was learnt is asked about
// again, ever less often.
func TestBlindSlotsAreAskedAgain(t *testing.T) {
	t.Parallel()
	down := true
	w := &world{}
	w.answer = func(string, time.Time) (slo.Result, error, bool) { return slo.Result{}, errors.New("refused"), down }
	m := open(t, w, errorGate())
	for n := range 5 * 60 {
		w.at(t, m, question(), after(6).Add(time.Duration(n)*time.Second))
	}
	most := 0
	for _, n := range w.calls {
		most = max(most, n)
	}
	if most < 2 || most > 10 {
		t.Errorf("in five minutes an instant was asked about %d times, want a few", most)
	}
	down = false
	if got := w.at(t, m, question(), after(14)); got.Level != promoter.Pass {
		t.Errorf("healed: %s %q", got.Level, got.Reason)
	}
}

func TestNobodyIsAskedBeforeConvergence(t *testing.T) {
	t.Parallel()
	w := &world{}
	q := question()
	q.Converged = time.Time{}
	got := w.at(t, open(t, w, errorGate()), q, after(5))
	if got.Level != promoter.Hold || got.Reason != "waits until everything has converged" || w.asked != 0 {
		t.Errorf("%s %q after %d calls", got.Level, got.Reason, w.asked)
	}
}

func TestWhatCannotBeAskedIsUnknown(t *testing.T) {
	t.Parallel()
	w := &world{}
	q := question()
	q.Probes = []promoter.Probe{{Gate: "other"}, {Gate: "errors"}}
	m := open(t, w, errorGate())
	got := m.Judge(t.Context(), q, after(5))
	if got[0].Level != promoter.Unknown || got[0].Reason != "there is no such gate" {
		t.Errorf("no such gate: %+v", got[0])
	}
	if got[1].Level != promoter.Unknown || !strings.Contains(got[1].Reason, "it cannot be asked here: ") || !strings.Contains(got[1].Reason, "{{environment}} has no value here") {
		t.Errorf("no environment: %+v", got[1])
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.now = after(5)
	if v := m.Judge(ctx, question(), after(5))[0]; v.Level != promoter.Unknown {
		t.Errorf("stopped: %+v", v)
	}
	if v := w.at(t, m, question(), after(6)); v.Level != promoter.Pass {
		t.Errorf("that we were stopped is remembered: %+v", v)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	g := errorGate()
	g.Gate.Good = nil
	for want, o := range map[string]Options{
		`open gate "errors": there is no meter "prom"`: {Gates: map[string]Gate{"errors": errorGate()}},
		`open gate "other": it calls itself "errors"`:  {Gates: map[string]Gate{"other": errorGate()}, Meters: map[string]Provider{"prom": &world{}}},
		"it does not say what is good":                 {Gates: map[string]Gate{"errors": g}, Meters: map[string]Provider{"prom": &world{}}},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestEvidence(t *testing.T) {
	t.Parallel()
	w := &world{ratio: ill(converged.Add(3*time.Minute), "prod-1")}
	got := w.at(t, open(t, w, errorGate()), question(), after(6))
	text := strings.Join(got.Evidence, "\n")
	for _, want := range []string{
		`asked: bad{env="prod-1"}[120s]`, `events: all{env="prod-1"}[120s]`, "sentinel: up",
		"2030-05-06T12:03:00Z BAD 0.2 over 2m0s, 1000 events", "blame: it was good before", "good at the same time: 1 of 1 control cohorts",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	g := errorGate()
	g.Gate.Interval, g.Gate.Scrape, g.Gate.Query = 5*time.Second, 2*time.Second, `bad{env="{{environment}}"}[{{window}}] `+strings.Repeat("+ x ", 500)
	w = &world{ratio: ill(converged, "prod-1")}
	got = w.at(t, open(t, w, g), question(), after(14))
	if n := len(got.Evidence); n > mostLines+1 {
		t.Errorf("%d lines", n)
	}
	for _, l := range got.Evidence {
		if n := len([]rune(l)); n > mostRunes {
			t.Errorf("a line of %d characters", n)
		}
	}
}

func BenchmarkJudge(b *testing.B) {
	w := &world{}
	m := open(b, w, errorGate())
	q := question()
	q.Probes = nil
	for n := range 300 {
		q.Probes = append(q.Probes, promoter.Probe{Gate: "errors", At: promoter.Reached{Environment: fmt.Sprintf("prod-%d", n)}})
	}
	w.at(b, m, q, after(14))
	for b.Loop() {
		m.Judge(b.Context(), q, after(14))
	}
}
