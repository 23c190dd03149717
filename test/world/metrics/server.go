package metrics

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"

	"promoter/test/world/delivery"
)

// Config says what is measured. Zero values are the defaults.
type Config struct {
	// Runs tells what runs and ran where, as delivery.Engine does.
	Runs func() []delivery.Run
	// App is the label app of a run; nil: the Application's name.
	App   func(delivery.Run) string
	Now   func() time.Time // time.Now
	Seed  uint64
	Rules []Rule // since ever

	Scrape  time.Duration // between samples; 15s
	Rate    float64       // requests a second, of each service; 40
	Errors  float64       // share of them that fails without a rule; 0.001
	Latency float64       // without a rule, in seconds; 0.12
}

// Server is an http.Handler. It is safe for concurrent use.
type Server struct {
	config  Config
	past    past
	engine  *promql.Engine
	mux     *http.ServeMux
	unready atomic.Bool
}

// New makes a server.
func New(c Config) *Server {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.App == nil {
		c.App = func(r delivery.Run) string { return r.App }
	}
	if c.Scrape == 0 {
		c.Scrape = 15 * time.Second
	}
	if c.Rate == 0 {
		c.Rate = 40
	}
	if c.Errors == 0 {
		c.Errors = 0.001
	}
	if c.Latency == 0 {
		c.Latency = 0.12
	}
	s := &Server{config: c, mux: http.NewServeMux()}
	s.past.epochs = []epoch{{rules: c.Rules}}
	s.engine = promql.NewEngine(promql.EngineOpts{
		MaxSamples: 5_000_000, Timeout: 30 * time.Second, LookbackDelta: 5 * time.Minute,
		EnableAtModifier: true, EnableNegativeOffset: true,
		NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() },
	})
	s.mux.HandleFunc("GET /-/ready", func(w http.ResponseWriter, _ *http.Request) {
		if s.unready.Load() {
			http.Error(w, "Service Unavailable", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "Prometheus Server is Ready.")
	})
	s.mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "Prometheus Server is Healthy.") })
	for _, method := range []string{"GET ", "POST "} {
		s.mux.HandleFunc(method+"/api/v1/query", s.instant)
		s.mux.HandleFunc(method+"/api/v1/query_range", s.spread)
	}
	return s
}

// SetReady says whether the server calls itself ready.
func (s *Server) SetReady(yes bool) { s.unready.Store(!yes) }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

func (s *Server) storage() storage.Queryable {
	return storage.QueryableFunc(func(mint, maxt int64) (storage.Querier, error) { return &querier{s, mint, maxt}, nil })
}

// instant answers /api/v1/query.
func (s *Server) instant(w http.ResponseWriter, r *http.Request) {
	at, err := timeOf(r.FormValue("time"), s.config.Now())
	if err != nil {
		refuse(w, http.StatusBadRequest, "bad_data", fmt.Errorf(`invalid parameter "time": %w`, err))
		return
	}
	q, err := s.engine.NewInstantQuery(r.Context(), s.storage(), nil, r.FormValue("query"), at)
	s.answer(w, r, q, err)
}

// spread answers /api/v1/query_range.
func (s *Server) spread(w http.ResponseWriter, r *http.Request) {
	now := s.config.Now()
	start, err1 := timeOf(r.FormValue("start"), now)
	end, err2 := timeOf(r.FormValue("end"), now)
	step, err3 := stepOf(r.FormValue("step"))
	err := errors.Join(err1, err2, err3)
	switch {
	case err != nil:
	case end.Before(start):
		err = errors.New("end timestamp must not be before start time")
	case end.Sub(start)/step > 11000:
		err = errors.New("exceeded maximum resolution of 11,000 points per timeseries")
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, "bad_data", err)
		return
	}
	q, err := s.engine.NewRangeQuery(r.Context(), s.storage(), nil, r.FormValue("query"), start, end, step)
	s.answer(w, r, q, err)
}

// answer runs a query and writes its result as Prometheus does.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, q promql.Query, err error) {
	if err != nil {
		refuse(w, http.StatusBadRequest, "bad_data", fmt.Errorf(`invalid parameter "query": %w`, err))
		return
	}
	defer q.Close()
	result := q.Exec(r.Context())
	if err := result.Err; err != nil {
		code, kind := http.StatusUnprocessableEntity, "execution"
		switch {
		case errors.As(err, new(promql.ErrQueryTimeout)):
			code, kind = http.StatusServiceUnavailable, "timeout"
		case errors.As(err, new(promql.ErrQueryCanceled)):
			code, kind = 499, "canceled"
		}
		refuse(w, code, kind, err)
		return
	}
	warnings, infos := result.Warnings.AsStrings(r.FormValue("query"), 10, 10)
	body, err := json.Marshal(struct {
		Status   string   `json:"status"`
		Data     data     `json:"data"`
		Warnings []string `json:"warnings,omitempty"`
		Infos    []string `json:"infos,omitempty"`
	}{"success", data{result.Value.Type(), result.Value}, warnings, infos})
	if err != nil {
		refuse(w, http.StatusInternalServerError, "internal", err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body) // who is gone needs no answer
}

type data struct {
	Type   parser.ValueType `json:"resultType"`
	Result parser.Value     `json:"result"`
}

func refuse(w http.ResponseWriter, code int, kind string, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	// Who is gone needs no explanation.
	_ = json.NewEncoder(w).Encode(map[string]string{"status": "error", "errorType": kind, "error": err.Error()})
}

// timeOf reads a time as Prometheus does: seconds, or RFC 3339.
func timeOf(text string, usual time.Time) (time.Time, error) {
	if text == "" {
		return usual, nil
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(seconds) < 1e11 {
		whole, part := math.Modf(seconds)
		return time.Unix(int64(whole), int64(math.Round(part*1000))*int64(time.Millisecond)).UTC(), nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return at, fmt.Errorf("cannot parse %q to a valid timestamp", text)
	}
	return at, nil
}

func stepOf(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if seconds, bad := strconv.ParseFloat(text, 64); bad == nil {
		d, err = time.Duration(seconds*float64(time.Second)), nil
	}
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("cannot parse %q to a valid duration", text)
	}
	return d, nil
}
