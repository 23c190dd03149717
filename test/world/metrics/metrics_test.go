package metrics_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"promoter/gitops/prometheus"
	"promoter/promoter"
	"promoter/promoter/slo"
	"promoter/test/world/delivery"
	"promoter/test/world/metrics"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

type watch struct {
	mu  sync.Mutex
	now time.Time
}

func (c *watch) Now() time.Time       { c.mu.Lock(); defer c.mu.Unlock(); return c.now }
func (c *watch) pass(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

// stage is a server with a client of it, and things that run.
type stage struct {
	*testing.T
	clock  *watch
	mu     sync.Mutex
	runs   []delivery.Run
	server *metrics.Server
	client *prometheus.Client
	url    string
}

func run(env, version string, from time.Time) delivery.Run {
	return delivery.Run{App: "storefront", Namespace: "shop", Place: delivery.Place{Environment: env}, Artifact: "registry.example.com/shop/storefront", Version: version, From: from}
}

// begin has a version run in two environments since a day.
func begin(t *testing.T, rules ...metrics.Rule) *stage {
	t.Helper()
	t.Parallel()
	s := &stage{T: t, clock: &watch{now: noon}}
	s.runs = []delivery.Run{run("staging", "1", noon.Add(-24*time.Hour)), run("production", "1", noon.Add(-24*time.Hour))}
	s.serve(metrics.Config{Runs: s.known, Now: s.clock.Now, Seed: 7, Rules: rules})
	return s
}

func (s *stage) serve(c metrics.Config) {
	s.Helper()
	s.server = metrics.New(c)
	h := httptest.NewServer(s.server)
	s.Cleanup(h.Close)
	s.url = h.URL
	var err error
	if s.client, err = prometheus.New(prometheus.Options{URL: h.URL}); err != nil {
		s.Fatal(err)
	}
}

func (s *stage) known() []delivery.Run {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.runs)
}

// upgrade replaces what runs in an environment now.
func (s *stage) upgrade(env, version string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	for i := range s.runs {
		if r := &s.runs[i]; r.Environment == env && r.To.IsZero() {
			r.To = now
		}
	}
	s.runs = append(s.runs, run(env, version, now))
}

func (s *stage) ask(query string, at time.Time) []slo.Value {
	s.Helper()
	r, err := s.client.Sample(s.Context(), query, at, 0)
	if err != nil {
		s.Fatal(err)
	}
	if len(r.Warnings) > 0 {
		s.Errorf("%s: warnings %q", query, r.Warnings)
	}
	return r.Values
}

func (s *stage) number(query string, at time.Time) float64 {
	s.Helper()
	values := s.ask(query, at)
	if len(values) != 1 {
		s.Fatalf("%s: %v, want one value", query, values)
	}
	return values[0].Number
}

// gate is the usual one: the share of requests that fail.
func gate() slo.Gate {
	of := `http_requests_total{app="{{app}}",environment="{{environment}}"`
	return slo.Gate{
		Name: "errors", Measure: slo.BadRatio, Good: slo.Condition{{Op: "<=", Threshold: 0.01}}, MinEvents: 50,
		Query:  `sum(rate(` + of + `,code="500"}[{{window}}])) / sum(rate(` + of + `}[{{window}}]))`,
		Events: `sum(increase(` + of + `}[{{window}}]))`, Newest: `max(timestamp(` + of + `}))`, Sentinel: `up{job="prometheus"}`,
		Scrape: 15 * time.Second,
	}
}

func (s *stage) read(g slo.Gate, slots []slo.Slot) []slo.Sample {
	s.Helper()
	ask := func(query string, at time.Time) slo.Answer {
		r, err := s.client.Sample(s.Context(), query, at, 0)
		return slo.Answer{Result: r, Err: err}
	}
	var out []slo.Sample
	for _, slot := range slots {
		out = append(out, slo.Read(slo.Reading{
			Slot: slot, Value: ask(slot.Query, slot.At), Events: ask(slot.Events, slot.At),
			Newest: ask(slot.Newest, slot.At), Sentinel: ask(slot.Sentinel, slot.At), Ready: s.client.Ready(s.Context()),
		}, g))
	}
	return out
}

// judge asks as the product does: before the merge, since it was ready, and
// again where it was bad.
func (s *stage) judge(scope slo.Scope, merged, ready time.Time) (promoter.Verdict, slo.Evidence) {
	s.Helper()
	g, now := gate(), s.clock.Now()
	before, err := g.BaselineSlots(scope, merged)
	if err != nil {
		s.Fatal(err)
	}
	slots, err := g.Slots(scope, ready, now)
	if err != nil {
		s.Fatal(err)
	}
	samples := s.read(g, slots)
	again, err := g.Confirmations(scope, ready, now, samples)
	if err != nil {
		s.Fatal(err)
	}
	return slo.Judge(g, s.read(g, before), append(samples, s.read(g, again)...), nil, ready, now)
}

func (s *stage) want(v promoter.Verdict, e slo.Evidence, level promoter.Level, state slo.State) {
	s.Helper()
	if v.Level != level || e.State != state {
		s.Errorf("%s, %s: %s; want %s, %s\n%s", v.Level, e.State, v.Reason, level, state, strings.Join(e.Lines(), "\n"))
	}
}

var bad = metrics.Rule{Artifact: "storefront", Version: "2", Environment: "production", Errors: 0.08, Latency: 1.5}

func TestABadVersionFails(t *testing.T) {
	s := begin(t, bad)
	s.upgrade("staging", "2")
	s.clock.pass(15 * time.Minute)
	v, e := s.judge(slo.Scope{App: "storefront", Environment: "staging"}, noon, noon)
	s.want(v, e, promoter.Pass, slo.Passed)
	merged := s.clock.Now()
	s.upgrade("production", "2")
	s.clock.pass(6 * time.Minute)
	scope := slo.Scope{App: "storefront", Environment: "production"}
	v, e = s.judge(scope, merged, merged)
	s.want(v, e, promoter.Fail, slo.Failed)
	reverted := s.clock.Now()
	s.upgrade("production", "1")
	s.clock.pass(15 * time.Minute)
	v, e = s.judge(scope, reverted, reverted)
	s.want(v, e, promoter.Pass, slo.Passed)
}

// Prometheus' own series too are gone in a blackout; a poisoned one is there
// and says nothing.
func TestBlindness(t *testing.T) {
	for _, test := range []struct {
		name  string
		off   func(*metrics.Server, bool)
		class slo.Class
	}{
		{"all is dark", func(s *metrics.Server, on bool) { s.Blackout(metrics.Where{}, on) }, slo.Blackout},
		{"the service is dark", func(s *metrics.Server, on bool) { s.Blackout(metrics.Where{App: "storefront"}, on) }, slo.NoData},
		{"poison", func(s *metrics.Server, on bool) { s.Poison(metrics.Where{Metric: metrics.Requests}, on) }, slo.NaN},
		{"not ready", func(s *metrics.Server, on bool) { s.SetReady(!on) }, slo.Blackout},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := begin(t)
			scope := slo.Scope{App: "storefront", Environment: "staging"}
			s.upgrade("staging", "2")
			test.off(s.server, true)
			s.clock.pass(10 * time.Minute)
			g := gate()
			slots, err := g.Slots(scope, noon, s.clock.Now())
			if err != nil {
				t.Fatal(err)
			}
			if got := s.read(g, slots[len(slots)-1:]); got[0].Class != test.class {
				t.Errorf("class %s (%s), want %s", got[0].Class, got[0].Why, test.class)
			}
			v, e := s.judge(scope, noon, noon)
			s.want(v, e, promoter.Unknown, slo.Dark)
			test.off(s.server, false)
			s.clock.pass(10 * time.Minute)
			if got := s.number(`sum(rate(http_requests_total{environment="staging"}[2m]))`, s.clock.Now()); !(got > 10) {
				t.Errorf("%g requests a second when it is over", got)
			}
		})
	}
}

func TestSeries(t *testing.T) {
	s := begin(t, bad)
	s.upgrade("production", "2")
	s.clock.pass(10 * time.Minute)
	now := s.clock.Now()
	if got := s.number(`http_request_duration_seconds{environment="production",quantile="0.99"}`, now); got < 1 || got > 2 {
		t.Errorf("latency %g, want about 1.5", got)
	}
	if got := s.number(`http_request_duration_seconds{environment="production"} offset 20m`, now); got < 0.08 || got > 0.16 {
		t.Errorf("latency %g before, want about 0.12", got)
	}
	if got := s.ask(`up == 1`, now); len(got) != 3 {
		t.Errorf("%d targets are up, want 3: %v", len(got), got)
	}
	got := s.ask(`app_build_info{environment="production"}`, now)
	if len(got) != 1 || !strings.Contains(got[0].Series, `version="2"`) {
		t.Errorf("runs %v, want version 2", got)
	}
	if got := s.ask(`app_build_info{environment="production",version="1"}`, noon.Add(-time.Minute)); len(got) != 1 {
		t.Errorf("version 1 is not there before noon: %v", got)
	}
	if got := s.ask(`http_requests_total`, noon.Add(-25*time.Hour)); len(got) != 0 {
		t.Errorf("%v before anything ran", got)
	}
	if got := s.number(`count(http_requests_total{code="500"} offset 23h)`, now); got != 2 {
		t.Errorf("%g series a day ago, want 2", got)
	}
	if got := s.number(`max(resets(http_requests_total[1d]))`, now); got != 0 {
		t.Errorf("a counter has fallen %g times", got)
	}
}

// What is asked again is answered the same, whatever has happened since.
func TestThePastDoesNotChange(t *testing.T) {
	s := begin(t, bad)
	s.upgrade("production", "2")
	s.clock.pass(10 * time.Minute)
	at := s.clock.Now()
	before := fmt.Sprint(s.ask(`http_requests_total`, at))
	s.server.SetRules(metrics.Rule{Errors: 0.5})
	s.server.Blackout(metrics.Where{}, true)
	s.upgrade("production", "3")
	s.clock.pass(10 * time.Minute)
	s.server.Blackout(metrics.Where{}, false)
	s.clock.pass(10 * time.Minute)
	if after := fmt.Sprint(s.ask(`http_requests_total`, at)); after != before {
		t.Errorf("at %s it was\n%s\nand now is\n%s", at, before, after)
	}
	if got := s.number(`sum(rate(http_requests_total{code="500"}[5m])) / sum(rate(http_requests_total[5m]))`, s.clock.Now()); got < 0.45 || got > 0.55 {
		t.Errorf("error share %g by the new rules, want about 0.5", got)
	}
	again := begin2(s)
	if other := fmt.Sprint(again.ask(`http_requests_total`, at)); other != before {
		t.Errorf("another server of the same seed says\n%s\nand not\n%s", other, before)
	}
}

// begin2 is the same world at the time before anybody changed it.
func begin2(s *stage) *stage {
	s.Helper()
	other := &stage{T: s.T, clock: s.clock, runs: s.known()}
	other.serve(metrics.Config{Runs: other.known, Now: s.clock.Now, Seed: 7, Rules: []metrics.Rule{bad}})
	return other
}

func TestTheAPI(t *testing.T) {
	s := begin(t)
	get := func(path string, query url.Values) (int, string) {
		resp, err := http.Get(s.url + path + "?" + query.Encode())
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	window := url.Values{"query": {`sum by (code) (rate(http_requests_total[5m]))`}, "start": {noon.Add(-time.Hour).Format(time.RFC3339)}, "end": {fmt.Sprint(noon.Unix())}, "step": {"60"}}
	code, body := get("/api/v1/query_range", window)
	var said struct {
		Status string
		Data   struct {
			ResultType string
			Result     []struct {
				Metric map[string]string
				Values [][2]any
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &said); err != nil || code != 200 || said.Data.ResultType != "matrix" || len(said.Data.Result) != 2 || len(said.Data.Result[0].Values) != 61 {
		t.Errorf("%d, %v: %.300s", code, err, body)
	}
	window.Set("step", "0")
	if code, body := get("/api/v1/query_range", window); code != 400 || !strings.Contains(body, "bad_data") {
		t.Errorf("%d: %s", code, body)
	}
	if code, body := get("/api/v1/query", url.Values{"query": {"sum("}}); code != 400 || !strings.Contains(body, "parse error") {
		t.Errorf("%d: %s", code, body)
	}
	if code, body := get("/api/v1/query", url.Values{"query": {"up"}, "time": {"soon"}}); code != 400 || !strings.Contains(body, `\"time\"`) {
		t.Errorf("%d: %s", code, body)
	}
	if code, body := get("/api/v1/query", url.Values{"query": {`up * on (app) group_left up`}}); code != 422 || !strings.Contains(body, "execution") {
		t.Errorf("%d: %s", code, body)
	}
	if code, _ := get("/api/v1/targets", nil); code != 404 {
		t.Errorf("%d for what is not known here", code)
	}
	r, err := s.client.Sample(t.Context(), `rate(up[5m])`, noon, 0)
	if err != nil || len(r.Warnings) == 0 || !strings.Contains(r.Warnings[0], "might not be a counter") {
		t.Errorf("hints %q, %v", r.Warnings, err)
	}
}
