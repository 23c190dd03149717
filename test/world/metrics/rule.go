package metrics

import (
	"slices"
	"sync"
	"time"

	"promoter/test/world/delivery"
)

// Rule says how a version behaves where it runs. What it leaves empty matches
// everything; the first rule that matches an artifact counts, and of an
// application's artifacts the worst.
type Rule struct {
	Artifact    string // a chart, or an image: whole, or the last parts of its name
	Version     string
	Environment string
	Errors      float64 // share of requests that fail, 0 to 1
	Latency     float64 // of the slowest hundredth, in seconds; 0: the usual
}

// Where names series. What it leaves empty matches everything.
type Where struct{ Metric, App, Environment string }

func (w Where) covers(metric string, l place) bool {
	return (w.Metric == "" || w.Metric == metric) && (w.App == "" || w.App == l.app) && (w.Environment == "" || w.Environment == l.environment)
}

// epoch is a set of rules, and since when it holds.
type epoch struct {
	from  time.Time
	rules []Rule
}

// outage is a time without samples, or with samples that are no numbers.
type outage struct {
	where    Where
	poison   bool
	from, to time.Time // to is zero while it lasts
}

// past is what people have done to the world.
type past struct {
	mu      sync.Mutex
	epochs  []epoch
	outages []outage
}

// SetRules replaces the rules from now on.
func (s *Server) SetRules(rules ...Rule) {
	s.past.mu.Lock()
	defer s.past.mu.Unlock()
	s.past.epochs = append(s.past.epochs, epoch{s.config.Now(), slices.Clone(rules)})
}

// Blackout makes series vanish, as when their targets cannot be reached, and
// come back. Prometheus' own series are covered only by an empty App.
func (s *Server) Blackout(where Where, on bool) { s.switchOutage(where, false, on) }

// Poison makes series say NaN, and numbers again.
func (s *Server) Poison(where Where, on bool) { s.switchOutage(where, true, on) }

func (s *Server) switchOutage(where Where, poison, on bool) {
	now := s.config.Now()
	s.past.mu.Lock()
	defer s.past.mu.Unlock()
	for i := range s.past.outages {
		if o := &s.past.outages[i]; o.where == where && o.poison == poison && o.to.IsZero() {
			if on {
				return
			}
			o.to = now
		}
	}
	if on {
		s.past.outages = append(s.past.outages, outage{where: where, poison: poison, from: now})
	}
}

// view is the past as it is for one query.
type view struct {
	epochs  []epoch
	outages []outage
}

func (p *past) view() view {
	p.mu.Lock()
	defer p.mu.Unlock()
	return view{slices.Clone(p.epochs), slices.Clone(p.outages)}
}

// rulesAt are the rules of a moment.
func (v view) rulesAt(at time.Time) []Rule {
	for _, e := range slices.Backward(v.epochs) {
		if !at.Before(e.from) {
			return e.rules
		}
	}
	return nil
}

// out says what outages do to a series at a moment.
func (v view) out(metric string, l place, at time.Time) (dark, poison bool) {
	for _, o := range v.outages {
		if at.Before(o.from) || !o.to.IsZero() && !at.Before(o.to) || !o.where.covers(metric, l) {
			continue
		}
		dark, poison = dark || !o.poison, poison || o.poison
	}
	return dark, poison
}

// behaviour is the worst that the rules say of what runs.
func behaviour(rules []Rule, running []delivery.Run, usual Rule) Rule {
	worst := usual
	for _, r := range running {
		i := slices.IndexFunc(rules, func(x Rule) bool {
			return (x.Artifact == "" || delivery.Named(r.Artifact, x.Artifact)) && (x.Version == "" || x.Version == r.Version) && (x.Environment == "" || x.Environment == r.Environment)
		})
		if i >= 0 {
			worst.Errors, worst.Latency = max(worst.Errors, rules[i].Errors), max(worst.Latency, rules[i].Latency)
		}
	}
	return worst
}
