package meter

import (
	"errors"
	"strings"
	"testing"
	"time"

	"promoter/promoter"
	"promoter/promoter/slo"
)

func TestReadiness(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		w      *world
		level  promoter.Level
		reason string
	}{
		{"sees", &world{}, promoter.Pass, "sees, and is good before the change"},
		{"bad already", &world{ratio: ill(time.Time{}, "prod-1")}, promoter.Hold, "bad before the change: 0.2, want <= 0.01"},
		{"telemetry is dead", &world{up: func(time.Time) float64 { return 0 }}, promoter.Unknown, "the gate cannot see: BLACKOUT"},
		{"not ready", &world{ready: func() error { return errors.New("starting") }}, promoter.Unknown, "not ready: starting"},
	} {
		m := open(t, tt.w, errorGate())
		got := tt.w.at(t, m, ready(question()), merged)
		if got.Level != tt.level || !strings.Contains(got.Reason, tt.reason) {
			t.Errorf("%s: %s %q, want %s %q", tt.name, got.Level, got.Reason, tt.level, tt.reason)
		}
		if tt.w.asked > 3 {
			t.Errorf("%s: %d calls", tt.name, tt.w.asked)
		}
		if len(tt.w.future) > 0 {
			t.Errorf("%s: the future is asked about: %q", tt.name, tt.w.future)
		}
	}
}

func budgeted() Gate {
	g := errorGate()
	g.Objective, g.Floor, g.Allowance = &slo.Objective{Target: 0.99}, 0.2, 0.1
	return g
}

// windowed answers an error ratio by the window that is asked for.
func windowed(ratios map[string]float64, events map[string]float64) *world {
	w := &world{}
	w.answer = func(q string, _ time.Time) (slo.Result, error, bool) {
		for window, v := range ratios {
			if strings.HasPrefix(q, "bad") && strings.Contains(q, "["+window+"]") {
				return slo.Result{Values: []slo.Value{{Number: v}}}, nil, true
			}
		}
		for window, v := range events {
			if strings.HasPrefix(q, "all") && strings.Contains(q, "["+window+"]") {
				return slo.Result{Values: []slo.Value{{Number: v}}}, nil, true
			}
		}
		return slo.Result{}, nil, false
	}
	return w
}

func TestBudgetBeforeAMerge(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		ratios map[string]float64
		mode   slo.Mode
		level  promoter.Level
		reason string
	}{
		{"enough is left", nil, "", promoter.Pass, "sees, and is good"},
		{"burns now", map[string]float64{"3600s": 0.2, "300s": 0.2}, "", promoter.Hold, "error budget: burns 14.4 times too fast over 1h0m0s and 5m0s"},
		{"burnt, and no more", map[string]float64{"3600s": 0.2}, "", promoter.Pass, "sees, and is good"},
		{"nearly used up", map[string]float64{"2592000s": 0.009}, "", promoter.Hold, "error budget: 10% is left, 20% is wanted"},
		{"only a warning", map[string]float64{"2592000s": 0.009}, slo.Warn, promoter.Pass, "warn only: error budget: 10% is left"},
	} {
		w := windowed(tt.ratios, nil)
		g := budgeted()
		g.Gate.Mode = tt.mode
		m := open(t, w, g)
		got := w.at(t, m, ready(question()), merged)
		if got.Level != tt.level || !strings.Contains(got.Reason, tt.reason) {
			t.Errorf("%s: %s %q, want %s %q", tt.name, got.Level, got.Reason, tt.level, tt.reason)
		}
		w.reset()
		w.at(t, m, ready(question()), merged.Add(5*time.Second))
		if w.asked > 0 {
			t.Errorf("%s: a second look asks %d times", tt.name, w.asked)
		}
	}
	w := windowed(nil, nil)
	inner := w.answer
	w.answer = func(q string, at time.Time) (slo.Result, error, bool) {
		if strings.Contains(q, "[2592000s]") {
			return slo.Result{}, errors.New("too many samples"), true
		}
		return inner(q, at)
	}
	if got := w.at(t, open(t, w, budgeted()), ready(question()), merged); got.Level != promoter.Unknown || !strings.Contains(got.Reason, "cannot see the error ratio over 720h0m0s") {
		t.Errorf("unseen: %s %q", got.Level, got.Reason)
	}
}

func TestBudgetSpentByAWave(t *testing.T) {
	t.Parallel()
	// 0.9% of 1,000 events in the six minutes since: 9 bad ones, where 1% of
	// the period's events may be.
	for _, tt := range []struct {
		name   string
		period float64
		level  promoter.Level
		reason string
	}{
		{"within the allowance", 1e6, promoter.Pass, "passed"},
		{"more than it", 5000, promoter.Hold, "budget spent: the wave used 18%, 10% is allowed"},
	} {
		w := windowed(map[string]float64{"360s": 0.009}, map[string]float64{"2592000s": tt.period})
		got := w.at(t, open(t, w, budgeted()), question(), after(6))
		if got.Level != tt.level || !strings.Contains(got.Reason, tt.reason) {
			t.Errorf("%s: %s %q, want %s %q", tt.name, got.Level, got.Reason, tt.level, tt.reason)
		}
		if !strings.Contains(strings.Join(got.Evidence, "\n"), "9 bad events are") {
			t.Errorf("%s: evidence %q", tt.name, got.Evidence)
		}
	}
	w := windowed(nil, nil)
	inner := w.answer
	w.answer = func(q string, at time.Time) (slo.Result, error, bool) {
		if strings.Contains(q, "[2592000s]") {
			return slo.Result{}, errors.New("too many samples"), true
		}
		return inner(q, at)
	}
	if got := w.at(t, open(t, w, budgeted()), question(), after(6)); got.Level != promoter.Unknown || !strings.Contains(got.Reason, "cannot see how many events") {
		t.Errorf("unseen: %s %q", got.Level, got.Reason)
	}
}
