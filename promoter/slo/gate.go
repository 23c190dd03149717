package slo

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

// Language says how a gate's queries are written: what a placeholder's value
// must be escaped for, and whether the query can be read for the time it
// looks back.
type Language string

// The languages. The zero value is PromQL.
const (
	PromQL   Language = "promql"
	URL      Language = "url"      // values are escaped for a URL; {{at}} is the instant
	Matchers Language = "matchers" // label matchers, as Alertmanager's filters
)

// Mode says what a gate's verdict does.
type Mode string

// The modes. The zero value is Enforce.
const (
	Enforce Mode = "enforce"
	Warn    Mode = "warn"   // passes, and says what it would have said
	Shadow  Mode = "shadow" // passes, and only its evidence says so
)

// OnInconclusive says what follows when the deadline passes without a verdict.
// To pass is not among the choices.
type OnInconclusive string

// The choices. The zero value is HoldInconclusive.
const (
	HoldInconclusive OnInconclusive = "hold"
	Extend           OnInconclusive = "extend" // judge anew, Extensions times
	RequireApproval  OnInconclusive = "require-approval"
)

// Measure says what a gate's number is, and so how its noise is estimated.
type Measure string

// The measures. The zero value is Gauge.
const (
	Gauge    Measure = "gauge"    // a level: latency, saturation, alerts
	BadRatio Measure = "bad"      // the share of events that are bad, 0 to 1
	OKRatio  Measure = "ok"       // the share of events that are not bad, 0 to 1
	BadCount Measure = "badcount" // bad events in the window
)

// Limit is a number of bad samples among so many consecutive slots.
type Limit struct {
	Bad int `json:"bad"`
	Of  int `json:"of"`
}

// Gate is a condition on a metric that a wave must meet. Zero durations and
// numbers mean the defaults, which WithDefaults writes out.
type Gate struct {
	Name     string   `json:"name"`
	Language Language `json:"language"`

	// Queries may hold {{window}} {{environment}} {{tenant}} {{cluster}}
	// {{app}}. Only Query is required.
	Query    string `json:"query"`
	Events   string `json:"events,omitempty"`   // how many events the number is about
	Newest   string `json:"newest,omitempty"`   // Unix time of the newest sample behind it
	Sentinel string `json:"sentinel,omitempty"` // above zero while telemetry is alive

	Good     Condition `json:"good"`
	Marginal Condition `json:"marginal,omitempty"` // neither good nor bad
	Measure  Measure   `json:"measure"`
	Series   int       `json:"series"` // how many the query answers with; 1

	Interval    time.Duration `json:"interval"`    // between slots; 1m
	Window      time.Duration `json:"window"`      // the longest {{window}}; 5m
	Scrape      time.Duration `json:"scrape"`      // of the metric's collection; 30s
	Settle      time.Duration `json:"settle"`      // before the first slot; at least twice Scrape
	Lag         time.Duration `json:"lag"`         // until a slot's data has arrived; 0
	MinDuration time.Duration `json:"minDuration"` // from ready to a pass; 10m
	Deadline    time.Duration `json:"deadline"`    // from ready; 30m

	MinGood        int           `json:"minGood"`        // good samples for a pass; 5
	LastGood       int           `json:"lastGood"`       // the last ones must be good; 3
	MinEvents      float64       `json:"minEvents"`      // fewer in a sample is no traffic; 0
	FailLimit      Limit         `json:"failLimit"`      // 3 of 5
	ConfirmAfter   time.Duration `json:"confirmAfter"`   // a bad slot is asked again after; 30s
	BlindBudget    float64       `json:"blindBudget"`    // share of slots; 0.2; negative: none
	BaselinePoints int           `json:"baselinePoints"` // windows before the change; 5

	OnInconclusive  OnInconclusive `json:"onInconclusive"`
	Extensions      int            `json:"extensions,omitempty"`
	Mode            Mode           `json:"mode"`
	Critical        bool           `json:"critical,omitempty"`        // two bad slots in a row are enough
	Control         bool           `json:"control,omitempty"`         // blame needs a control cohort that is good
	Compare         bool           `json:"compare,omitempty"`         // blame needs a rank test, from 50 points a side
	NoTrafficIsGood bool           `json:"noTrafficIsGood,omitempty"` // written into the evidence
	NoDataIsGood    bool           `json:"noDataIsGood,omitempty"`    // needs a Sentinel
	// Instant is set where the provider cannot be asked about the past: then
	// only what is seen now is judged.
	Instant bool `json:"instant,omitempty"`
	// Tolerated are the beginnings of warnings that are known to be harmless,
	// such as a hint that a recording rule's name does not end in _total.
	Tolerated []string `json:"tolerated,omitempty"`
}

// WithDefaults returns the gate with every zero that has a default written
// out. Judge and Slots do so themselves.
func (g Gate) WithDefaults() Gate {
	set(&g.Language, PromQL)
	set(&g.Measure, Gauge)
	set(&g.Series, 1)
	set(&g.Interval, time.Minute)
	set(&g.Window, 5*time.Minute)
	set(&g.Scrape, 30*time.Second)
	set(&g.MinDuration, 10*time.Minute)
	set(&g.Deadline, max(30*time.Minute, 3*g.MinDuration))
	set(&g.MinGood, 5)
	set(&g.LastGood, min(3, g.MinGood))
	set(&g.FailLimit, Limit{3, 5})
	set(&g.ConfirmAfter, 30*time.Second)
	set(&g.BlindBudget, 0.2)
	set(&g.BaselinePoints, 5)
	set(&g.OnInconclusive, HoldInconclusive)
	set(&g.Mode, Enforce)
	if g.OnInconclusive == Extend {
		set(&g.Extensions, 1)
	}
	return g
}

func set[T comparable](to *T, value T) {
	if *to == *new(T) {
		*to = value
	}
}

// settle is how long after ready the first slot may be: two scrapes at least,
// because a rate needs two samples of the new revision.
func (g Gate) settle() time.Duration { return max(g.Settle, 2*g.Scrape) }

// attempts is how many deadlines the gate has.
func (g Gate) attempts() int {
	if g.OnInconclusive == Extend {
		return 1 + g.Extensions
	}
	return 1
}

// Digest names the gate by its content: a verdict is worth nothing for
// another query or another threshold.
func (g Gate) Digest() string {
	// A Gate holds only strings, numbers and lists of them, and Check refuses
	// numbers that JSON cannot hold; an unencodable gate has no digest.
	b, err := json.Marshal(g.WithDefaults())
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
