package metrics

import (
	"cmp"
	"hash/fnv"
	"math"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"

	"promoter/test/world/delivery"
)

// The metrics.
const (
	Requests = "http_requests_total"           // counter, by code: 200 and 500
	Latency  = "http_request_duration_seconds" // gauge, by quantile: 0.99
	Up       = "up"                            // gauge
	Build    = "app_build_info"                // 1, by artifact and version
)

// place are the labels of what runs.
type place struct{ app, namespace, environment, tenant, cluster string }

// service is everything that ran under the same labels.
type service struct {
	place
	runs []delivery.Run // by their beginning
	from time.Time
	to   time.Time // zero: something runs
	seed uint64
}

// services groups runs by their labels.
func (s *Server) services() []*service {
	byPlace := map[place]*service{}
	var out []*service
	for _, r := range s.config.Runs() {
		at := place{s.config.App(r), r.Namespace, r.Environment, r.Tenant, r.Cluster}
		one := byPlace[at]
		if one == nil {
			h := fnv.New64a()
			for _, part := range []string{at.app, at.namespace, at.environment, at.tenant, at.cluster} {
				_, _ = h.Write([]byte(part + "\x00")) // a hash takes everything
			}
			one = &service{place: at, from: r.From, to: r.To, seed: s.config.Seed ^ h.Sum64()}
			byPlace[at] = one
			out = append(out, one)
		}
		one.runs = append(one.runs, r)
		if r.From.Before(one.from) {
			one.from = r.From
		}
		if r.To.IsZero() || !one.to.IsZero() && r.To.After(one.to) {
			one.to = r.To
		}
	}
	for _, one := range out {
		slices.SortStableFunc(one.runs, func(a, b delivery.Run) int { return a.From.Compare(b.From) })
	}
	slices.SortFunc(out, func(a, b *service) int {
		return cmp.Or(cmp.Compare(a.app, b.app), cmp.Compare(a.environment, b.environment), cmp.Compare(a.seed, b.seed))
	})
	return out
}

// series is one time series, not yet computed.
type series struct {
	labels labels.Labels
	metric string
	of     *service
	// value is of the scrape at a time; ok is false where there is none. It
	// is called for every scrape from the service's first, in order.
	value func(at time.Time, k uint64) (v float64, ok bool)
}

// all lists every series that there is.
func (s *Server) all(v view) []series {
	var out []series
	add := func(of *service, metric string, value func(time.Time, uint64) (float64, bool), more ...string) {
		pairs := []string{
			labels.MetricName, metric, "app", of.app, "namespace", of.namespace, "environment", of.environment,
			"tenant", of.tenant, "cluster", of.cluster,
		}
		b := labels.NewScratchBuilder(len(pairs))
		pairs = append(pairs, more...)
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i+1] != "" {
				b.Add(pairs[i], pairs[i+1])
			}
		}
		b.Sort()
		out = append(out, series{b.Labels(), metric, of, value})
	}
	one := func(time.Time, uint64) (float64, bool) { return 1, true }
	for _, of := range s.services() {
		add(of, Requests, s.requests(v, of, false), "job", "shop", "code", "200")
		add(of, Requests, s.requests(v, of, true), "job", "shop", "code", "500")
		add(of, Latency, s.latency(v, of), "job", "shop", "quantile", "0.99")
		add(of, Up, one, "job", "shop")
		seen := map[string]bool{}
		for _, r := range of.runs {
			if key := r.Artifact + "\x00" + r.Version; !seen[key] {
				seen[key] = true
				add(of, Build, of.runsVersion(r.Artifact, r.Version), "job", "shop", "artifact", r.Artifact, "version", r.Version)
			}
		}
	}
	self := &service{from: s.config.Now().Add(-24 * time.Hour)}
	add(self, Up, one, "job", "prometheus")
	return out
}

// requests counts those that failed, or those that did not.
func (s *Server) requests(v view, of *service, failed bool) func(time.Time, uint64) (float64, bool) {
	total := 0.0
	behaves := of.behaves(v, Rule{Errors: s.config.Errors})
	return func(at time.Time, k uint64) (float64, bool) {
		day := 2 * math.Pi * float64(at.Unix()%86400) / 86400
		n := s.config.Rate * s.config.Scrape.Seconds() * (1 + 0.3*math.Sin(day) + 0.05*normal(of.seed, 3*k))
		n = math.Round(max(n, 0))
		p := min(behaves(at).Errors, 1)
		bad := math.Round(n*p + math.Sqrt(n*p*(1-p))*normal(of.seed, 3*k+1))
		bad = min(max(bad, 0), n)
		if failed {
			total += bad
		} else {
			total += n - bad
		}
		return total, true
	}
}

func (s *Server) latency(v view, of *service) func(time.Time, uint64) (float64, bool) {
	behaves := of.behaves(v, Rule{Latency: s.config.Latency})
	return func(at time.Time, k uint64) (float64, bool) {
		return behaves(at).Latency * max(0.1, 1+0.06*normal(of.seed, 3*k+2)), true
	}
}

// behaves is the behaviour of what runs at a time. It is asked in order, and
// looks anew only when something has changed: a day has thousands of scrapes.
func (of *service) behaves(v view, usual Rule) func(time.Time) Rule {
	var changes []time.Time
	for _, e := range v.epochs {
		changes = append(changes, e.from)
	}
	for _, r := range of.runs {
		changes = append(changes, r.From, r.To)
	}
	slices.SortFunc(changes, time.Time.Compare)
	var now Rule
	known := false
	return func(at time.Time) Rule {
		if known && (len(changes) == 0 || at.Before(changes[0])) {
			return now
		}
		for len(changes) > 0 && !at.Before(changes[0]) {
			changes = changes[1:]
		}
		now, known = behaviour(v.rulesAt(at), of.at(at), usual), true
		return now
	}
}

// at are the runs of a moment.
func (of *service) at(t time.Time) []delivery.Run {
	var out []delivery.Run
	for _, r := range of.runs {
		if r.From.After(t) {
			break
		}
		if r.To.IsZero() || t.Before(r.To) {
			out = append(out, r)
		}
	}
	return out
}

func (of *service) runsVersion(artifact, version string) func(time.Time, uint64) (float64, bool) {
	return func(at time.Time, _ uint64) (float64, bool) {
		return 1, slices.ContainsFunc(of.at(at), func(r delivery.Run) bool { return r.Artifact == artifact && r.Version == version })
	}
}

// point is a sample.
type point struct {
	t int64 // Unix milliseconds
	f float64
}

// points computes a series' samples between two times, both included. A series
// that ends, for a while or for good, ends with Prometheus' mark.
func (s *Server) points(x series, v view, from, to time.Time) []point {
	if now := s.config.Now(); to.After(now) {
		to = now
	}
	scrape := s.config.Scrape
	phase := time.Duration(x.of.seed % uint64(scrape)).Truncate(time.Millisecond)
	first := x.of.from.Truncate(scrape).Add(phase)
	if first.Before(x.of.from) {
		first = first.Add(scrape)
	}
	var out []point
	there := false
	for at := first; !at.After(to); at = at.Add(scrape) {
		f, ok := x.value(at, uint64(at.UnixNano()/int64(scrape)))
		over := !x.of.to.IsZero() && !at.Before(x.of.to)
		dark, poison := v.out(x.metric, x.of.place, at)
		if poison {
			f = math.NaN()
		}
		ok = ok && !dark && !over
		if !ok {
			f = math.Float64frombits(value.StaleNaN)
		}
		if (ok || there) && !at.Before(from) {
			out = append(out, point{at.UnixMilli(), f})
		}
		there = ok
		if over {
			break
		}
	}
	return out
}

// normal is noise: about normal, within three of its deviations, and the same
// for the same seed and number.
func normal(seed, k uint64) float64 {
	sum := 0.0
	for i := range uint64(4) {
		x := seed + (4*k+i+1)*0x9e3779b97f4a7c15
		x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
		x = (x ^ x>>27) * 0x94d049bb133111eb
		sum += float64((x^x>>31)>>11) / (1 << 53)
	}
	return (sum - 2) * math.Sqrt(3)
}
