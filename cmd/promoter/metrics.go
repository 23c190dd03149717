package main

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"promoter/gitops/lease"
	"promoter/gitops/loop"
	"promoter/promoter"
)

// metrics are what /metrics tells of all repositories.
type metrics struct {
	registry *prometheus.Registry
	lines    *prometheus.GaugeVec
	actions  *prometheus.CounterVec
	verdicts *prometheus.CounterVec
	looks    *prometheus.HistogramVec
	hints    *prometheus.HistogramVec
	stages   *prometheus.HistogramVec
	failures *prometheus.GaugeVec
	wake     *prometheus.GaugeVec
	leading  *prometheus.GaugeVec
	budget   *prometheus.GaugeVec
}

func newMetrics() *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
		m.registry.MustRegister(g)
		return g
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		m.registry.MustRegister(c)
		return c
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
		m.registry.MustRegister(h)
		return h
	}
	quick, slow := prometheus.ExponentialBuckets(0.01, 2.5, 10), prometheus.ExponentialBuckets(15, 2, 14)
	m.lines = gauge("promoter_lines", "Changes by where they stand in a wave's environment.", "repository", "status")
	m.actions = counter("promoter_actions_total", "Effects, by kind and what became of them: done, stale or failed.", "repository", "kind", "outcome")
	m.verdicts = counter("promoter_verdicts_total", "Final verdicts that were sealed.", "repository", "verdict")
	m.looks = histogram("promoter_look_seconds", "How long a look took, with all that was done in it.", quick, "repository", "cause", "outcome")
	m.hints = histogram("promoter_hint_wait_seconds", "From a hint to the look that answers it.", quick, "repository", "held")
	m.stages = histogram("promoter_stage_seconds", "Time that a merged pull request took for a stage: merge to converged, converged to verdict.", slow, "repository", "stage")
	m.failures = gauge("promoter_look_failures", "Looks that ended in an error, in a row until now.", "repository")
	m.wake = gauge("promoter_wake_timestamp_seconds", "When waiting alone changes the decision; 0 when nothing waits.", "repository")
	m.leading = gauge("promoter_leading", "1 while this replica works on the repository.", "repository")
	m.budget = gauge("promoter_forge_calls_left", "Calls that the forge's limit leaves until it is renewed.", "repository")
	return m
}

// looked counts a look that ended.
func (m *metrics) looked(repository string, l loop.Look, s loop.State) {
	outcome := "ok"
	if l.Err != nil {
		outcome = "error"
	}
	m.looks.WithLabelValues(repository, string(l.Cause), outcome).Observe(l.End.Sub(l.Start).Seconds())
	if l.Hints > 0 {
		m.hints.WithLabelValues(repository, l.Held).Observe(l.Waited.Seconds())
	}
	m.failures.WithLabelValues(repository).Set(float64(s.Failures))
}

// decided counts where everything stands.
func (m *metrics) decided(repository string, d promoter.Decision) {
	n := map[promoter.Status]int{}
	for _, l := range d.Lines {
		n[l.Status]++
	}
	for _, s := range promoter.Statuses() {
		m.lines.WithLabelValues(repository, string(s)).Set(float64(n[s]))
	}
	wake := 0.0
	if !d.Wake.IsZero() {
		wake = float64(d.Wake.Unix())
	}
	m.wake.WithLabelValues(repository).Set(wake)
}

// acted counts an action.
func (m *metrics) acted(repository string, x done) {
	kind := strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", x.action), "promoter."))
	outcome := "done"
	switch {
	case x.err != nil:
		outcome = "failed"
	case x.stale:
		outcome = "stale"
	}
	m.actions.WithLabelValues(repository, kind, outcome).Inc()
	if s, ok := x.action.(promoter.WriteSeal); ok && outcome == "done" && s.Seal.Stage == promoter.StageVerdict {
		m.verdicts.WithLabelValues(repository, s.Seal.Verdict.String()).Inc()
	}
}

// lasted measures the stages of a pull from what is known of it when a seal is
// written.
func (m *metrics) lasted(repository string, s promoter.Seal, merged, converged, now time.Time) {
	switch {
	case s.Stage == promoter.StageConverged && !merged.IsZero():
		m.stages.WithLabelValues(repository, "converge").Observe(now.Sub(merged).Seconds())
	case s.Stage == promoter.StageVerdict && !converged.IsZero():
		m.stages.WithLabelValues(repository, "verdict").Observe(now.Sub(converged).Seconds())
	}
}

func (m *metrics) led(standings []lease.Standing) {
	for _, s := range standings {
		v := 0.0
		if s.Leading {
			v = 1
		}
		m.leading.WithLabelValues(s.Repository).Set(v)
	}
}

// fleet remembers which repositories there are, for those who hint.
type fleet struct {
	mu    sync.Mutex
	loops map[string]*loop.Loop // by owner/name
}

func (f *fleet) put(name string, l *loop.Loop) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.loops == nil {
		f.loops = map[string]*loop.Loop{}
	}
	if l == nil {
		delete(f.loops, name)
		return
	}
	f.loops[name] = l
}

// hint tells every loop that a hint may concern.
func (f *fleet) hint(concerns func(repository string) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, l := range f.loops {
		if concerns(name) {
			l.Hint()
		}
	}
}
