package main

import (
	"time"

	"promoter/promoter"
)

// measure tells how long a pull took for the stage that a seal ends.
func (w *workshop) measure(m *metrics, name string, x done) {
	s, ok := x.action.(promoter.WriteSeal)
	if !ok || x.err != nil || x.stale {
		return
	}
	if w.converged == nil {
		w.converged = map[string]time.Time{}
	}
	var merged time.Time
	for _, p := range w.seen {
		if p.Number == s.Number {
			merged = p.MergedAt
		}
	}
	m.lasted(name, s.Seal, merged, w.converged[s.Seal.Commit], w.now())
	switch s.Seal.Stage {
	case promoter.StageConverged:
		w.converged[s.Seal.Commit] = w.now()
	case promoter.StageVerdict:
		delete(w.converged, s.Seal.Commit)
	case promoter.StageReady:
	}
}
