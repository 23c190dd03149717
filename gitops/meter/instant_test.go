package meter

import (
	"strings"
	"testing"
	"time"

	"promoter/promoter"
	"promoter/promoter/slo"
)

func alertGate() Gate {
	return Gate{Meter: "prom", Gate: slo.Gate{
		Name: "errors", Query: `bad,env="{{environment}}"`, Language: slo.Matchers, Instant: true,
		Good: slo.Condition{{Op: "<=", Threshold: 0.01}}, MinGood: 3, MinDuration: 5 * time.Minute, Window: time.Minute,
	}}
}

func ready(q promoter.Question) promoter.Question {
	q.About, q.Converged, q.MergedAt, q.Commit, q.Control = promoter.AboutReadiness, time.Time{}, time.Time{}, "", nil
	return q
}

// A gate that knows only now is looked at again and again by one process.
func TestLooks(t *testing.T) {
	t.Parallel()
	w := &world{ratio: ill(converged.Add(8*time.Minute), "prod-1")}
	m := open(t, w, alertGate())
	for n := range 5 { // before the merge
		if got := w.at(t, m, ready(question()), merged.Add(time.Duration(n-6)*time.Minute)); got.Level != promoter.Pass {
			t.Fatalf("before the merge: %s %q", got.Level, got.Reason)
		}
	}
	w.reset()
	now := converged.Add(6 * time.Minute)
	if got := w.at(t, m, question(), now); got.Level != promoter.Pass || w.asked != 3 {
		t.Errorf("good: %s %q after %d calls", got.Level, got.Reason, w.asked)
	}
	if got := w.at(t, m, question(), now.Add(10*time.Second)); got.Level != promoter.Pass || w.asked != 3 {
		t.Errorf("shortly after: %s %q after %d calls", got.Level, got.Reason, w.asked)
	}
	now = converged.Add(9 * time.Minute)
	got := w.at(t, m, question(), now)
	if got.Level != promoter.Hold {
		t.Errorf("bad: %s %q", got.Level, got.Reason)
	}
	if !got.Until.Equal(now.Add(30 * time.Second)) {
		t.Errorf("until %s", got.Until)
	}
	got = w.at(t, m, question(), now.Add(30*time.Second))
	if got.Level != promoter.Fail || !strings.Contains(got.Reason, "it was good before the change") {
		t.Errorf("bad for half a minute: %s %q\n%s", got.Level, got.Reason, strings.Join(got.Evidence, "\n"))
	}

	// A restart begins the looks again, and blames nobody for what it did not
	// see.
	again := open(t, w, alertGate())
	w.at(t, again, question(), now.Add(time.Minute))
	got = w.at(t, again, question(), now.Add(90*time.Second))
	if got.Level != promoter.Hold || !strings.Contains(got.Reason, "nobody saw that it was good before the change") {
		t.Errorf("after a restart: %s %q", got.Level, got.Reason)
	}
}

func TestLooksAtAnIncident(t *testing.T) {
	t.Parallel()
	w := &world{ratio: ill(converged.Add(6*time.Minute), "prod-1", "prod-2")}
	m := open(t, w, alertGate())
	for n := range 5 {
		w.at(t, m, ready(question()), merged.Add(time.Duration(n-6)*time.Minute))
	}
	w.at(t, m, question(), converged.Add(7*time.Minute))
	got := w.at(t, m, question(), converged.Add(7*time.Minute+30*time.Second))
	if got.Level != promoter.Hold || !strings.Contains(got.Reason, "it is bad too where the change is not (prod-2)") {
		t.Errorf("%s %q", got.Level, got.Reason)
	}
}

func TestLooksBeforeAMergeAreThinned(t *testing.T) {
	t.Parallel()
	w := &world{}
	m := open(t, w, alertGate())
	for n := range 600 {
		w.at(t, m, ready(question()), merged.Add(time.Duration(n-600)*time.Second))
	}
	kept, _ := m.before.get(place{gate: "errors", scope: slo.Scope{Environment: "prod-1"}})
	if n := len(kept); n < 8 || n > 12 {
		t.Errorf("of ten minutes %d looks are kept, with windows of one minute", n)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	m := newMemory[int, int](3)
	for n := range 10 {
		m.put(n, n)
		m.put(n, n+100)
	}
	for n := range 10 {
		if v, ok := m.get(n); ok != (n >= 7) || ok && v != n+100 {
			t.Errorf("%d: %d %v", n, v, ok)
		}
	}
	if len(m.kept) != 3 || len(m.order) != 3 {
		t.Errorf("%d kept, %d in order", len(m.kept), len(m.order))
	}
}
