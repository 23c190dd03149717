package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"promoter/promoter"
	"promoter/promoter/slo"
)

// Gate is a condition on a service's own indicator that must hold after a
// merge before the next wave.
type Gate struct {
	At           `yaml:"-"`
	Name         string   `yaml:"name" doc:"The gate's name: shown to people." required:"true"`
	Meter        string   `yaml:"meter" doc:"Name of the meter that is asked." required:"true"`
	Environments []string `yaml:"environments" doc:"Names of the environments that it is about, with *." glob:"name" absent:"all"`
	Tenants      []string `yaml:"tenants" doc:"Names, with *." glob:"name" absent:"all"`
	Apps         []string `yaml:"apps" doc:"Names of applications, with *." glob:"name" absent:"all"`
	Classes      []string `yaml:"classes" doc:"Only changes of these classes." enum:"C1,C2,C3" absent:"all"`

	Query    string `yaml:"query" doc:"What is asked: PromQL, an alertmanager's label matchers, or a URL (or the path below its meter's) of a probe or JSON. {{window}} {{environment}} {{tenant}} {{cluster}} {{app}} are filled in, in a URL {{at}} too: the instant, in Unix seconds."`
	Events   string `yaml:"events" doc:"Query for how many events the number is about."`
	Newest   string `yaml:"newest" doc:"Query for the Unix time of the newest sample behind the number."`
	Sentinel string `yaml:"sentinel" doc:"Query that is above zero while telemetry is alive, such as count(up{job=\"web\"} == 1)."`
	Good     string `yaml:"good" doc:"What is good: \"<= 0.01\", or \">= 0.95 and <= 1\"."`
	Marginal string `yaml:"marginal" doc:"What is neither good nor bad, as far as it is not good."`
	Measure  string `yaml:"measure" doc:"What the number is, and so how its noise is known: gauge (a level), bad (the share of events that are bad), ok (the share that are not), badcount (bad events in the window)." enum:"gauge,bad,ok,badcount"`
	Series   int    `yaml:"series" doc:"How many series the query answers with; 1 when absent. Every one must be good."`

	Interval    Duration `yaml:"interval" doc:"Between samples; 1m when absent."`
	Window      Duration `yaml:"window" doc:"The longest {{window}}; 5m when absent. It is shorter at first: no window looks back before the change."`
	Scrape      Duration `yaml:"scrape" doc:"How often the metric is collected; 30s when absent."`
	Settle      Duration `yaml:"settle" doc:"Until the first sample; at least twice scrape."`
	Lag         Duration `yaml:"lag" doc:"Until a sample's data has arrived; none when absent."`
	MinDuration Duration `yaml:"minDuration" doc:"At least this long from convergence to a pass; 10m when absent."`
	Deadline    Duration `yaml:"deadline" doc:"From convergence until it gives up; 30m or three times minDuration when absent."`

	MinGood        int      `yaml:"minGood" doc:"Good samples for a pass; 5 when absent."`
	LastGood       int      `yaml:"lastGood" doc:"So many of the newest must be good; 3 when absent."`
	MinEvents      float64  `yaml:"minEvents" doc:"A sample about fewer events is no evidence."`
	FailLimit      string   `yaml:"failLimit" doc:"How many bad samples among how many fail it; \"3 of 5\" when absent."`
	ConfirmAfter   Duration `yaml:"confirmAfter" doc:"When a bad sample is asked for again; 30s when absent."`
	BlindBudget    string   `yaml:"blindBudget" doc:"Share of samples that may say nothing; \"20%\" when absent."`
	BaselinePoints int      `yaml:"baselinePoints" doc:"Windows before the change that it is held against; 5 when absent."`

	OnInconclusive  string    `yaml:"onInconclusive" doc:"What follows when the deadline passes without a verdict: hold, extend, or require-approval. To pass is not among the choices." enum:"hold,extend,require-approval"`
	Extensions      int       `yaml:"extensions" doc:"Of extend: how often it is judged anew; 1 when absent."`
	Mode            string    `yaml:"mode" doc:"enforce; warn: it passes, and says what it would have said; shadow: only its evidence says so." enum:"enforce,warn,shadow"`
	Critical        bool      `yaml:"critical" doc:"Two bad samples in a row are enough."`
	Control         bool      `yaml:"control" doc:"A change is blamed only where places that it has not reached were seen to be good."`
	Compare         bool      `yaml:"compare" doc:"A change is blamed only if a rank test finds it worse, from 50 points a side."`
	NoTrafficIsGood bool      `yaml:"noTrafficIsGood" doc:"Too few events are good: it is written into the evidence."`
	NoDataIsGood    bool      `yaml:"noDataIsGood" doc:"No data is good; needs a sentinel."`
	Tolerated       []string  `yaml:"tolerated" doc:"Beginnings of a meter's warnings that are known to be harmless."`
	Objective       Objective `yaml:"objective" doc:"The service's objective: its error budget is looked at before a merge and after it. Needs a measure bad or ok, events, and {{window}} in both queries." absent:"none"`

	Template string            `yaml:"template" doc:"Instead of query and good: path of a file in the repository with Argo Rollouts' AnalysisTemplate, each of whose metrics is a gate."`
	Args     map[string]string `yaml:"args" doc:"Values for the template's arguments; may hold {{environment}} and the like."`
}

// Objective is what a service promises, and how much of its error budget may
// be used.
type Objective struct {
	At        `yaml:"-"`
	Target    string   `yaml:"target" doc:"Share of good events that is promised: \"99.9%\"." required:"true"`
	Period    Duration `yaml:"period" doc:"Over which it is promised." default:"30d"`
	Floor     string   `yaml:"floor" doc:"How much of the budget must be left for a merge: \"10%\"; 0% when absent."`
	Allowance string   `yaml:"allowance" doc:"How much of the budget one wave may use: \"5%\"; not looked at when absent."`
}

// Judged is a gate as it is judged, and what it is asked of.
type Judged struct {
	Gate  slo.Gate
	Meter string
	// Objective is set where an error budget is looked at. Floor is the share
	// of it that must be left for a merge; Allowance the share that one wave
	// may use, 0 where that is not looked at.
	Objective        *slo.Objective
	Floor, Allowance float64
}

// SLOGates returns the gates by the names that Policy gives them. Those of a
// template are among them once ReadTemplates has read it.
func (c *Config) SLOGates() map[string]Judged {
	out := map[string]Judged{}
	for i := range c.Gates {
		for _, j := range c.judged(i) {
			out[j.Gate.Name] = j
		}
	}
	return out
}

// Concerns reports whether a gate is about a place: only such places tell it
// what is usual elsewhere.
func (c *Config) Concerns(gate string, at promoter.Reached) bool {
	for i, g := range c.Gates {
		if slices.ContainsFunc(c.judged(i), func(j Judged) bool { return j.Gate.Name == gate }) {
			return fitsAny(compileAll(g.Environments, CompileName), at.Environment) &&
				fitsAny(compileAll(g.Tenants, CompileName), at.Tenant) && fitsAny(compileAll(g.Apps, CompileName), at.App)
		}
	}
	return false
}

// judged are the gates that one of the configuration comes to: its own, or its
// template's.
func (c *Config) judged(i int) []Judged {
	g := c.Gates[i]
	m, _ := c.meter(g.Meter)
	if g.Template != "" {
		return c.fromTemplate(i, m)
	}
	gate, _ := g.slo(m)
	o, floor, allowance, _ := g.Objective.slo()
	return []Judged{{gate, g.Meter, o, floor, allowance}}
}

// slo is the gate as it is judged; why are the values that cannot be read.
func (g Gate) slo(m Meter) (out slo.Gate, why []string) {
	no := func(key string, err error) {
		if err != nil {
			why = append(why, key+": "+err.Error())
		}
	}
	out = slo.Gate{Name: g.Name, Language: m.language(), Events: g.address(m, g.Events), Newest: g.address(m, g.Newest), Sentinel: g.address(m, g.Sentinel)}
	out.Query = g.address(m, g.Query)
	if g.Query == "" && m.Kind == MeterProbe {
		out.Query = m.URL
	}
	var err error
	if g.Good != "" {
		out.Good, err = slo.ParseCondition(g.Good)
		no("good", err)
	}
	if g.Marginal != "" {
		out.Marginal, err = slo.ParseCondition(g.Marginal)
		no("marginal", err)
	}
	no("failLimit", g.overlay(&out, m))
	if g.BlindBudget != "" {
		if out.BlindBudget, err = parseShare(g.BlindBudget); err == nil && out.BlindBudget == 0 {
			out.BlindBudget = -1 // zero is the default there
		}
		no("blindBudget", err)
	}
	return out, why
}

// overlay sets what is written of everything but queries and conditions.
func (g Gate) overlay(out *slo.Gate, m Meter) error {
	for _, d := range []struct {
		from Duration
		to   *time.Duration
	}{{g.Interval, &out.Interval}, {g.Window, &out.Window}, {g.Scrape, &out.Scrape}, {g.Settle, &out.Settle}, {g.Lag, &out.Lag},
		{g.MinDuration, &out.MinDuration}, {g.Deadline, &out.Deadline}, {g.ConfirmAfter, &out.ConfirmAfter}} {
		if d.from != 0 {
			*d.to = time.Duration(d.from)
		}
	}
	for _, n := range []struct {
		from int
		to   *int
	}{{g.Series, &out.Series}, {g.MinGood, &out.MinGood}, {g.LastGood, &out.LastGood}, {g.BaselinePoints, &out.BaselinePoints}, {g.Extensions, &out.Extensions}} {
		if n.from != 0 {
			*n.to = n.from
		}
	}
	for _, b := range []struct {
		from bool
		to   *bool
	}{{g.Critical, &out.Critical}, {g.Control, &out.Control}, {g.Compare, &out.Compare}, {g.NoTrafficIsGood, &out.NoTrafficIsGood}, {g.NoDataIsGood, &out.NoDataIsGood}} {
		*b.to = *b.to || b.from
	}
	if g.MinEvents != 0 {
		out.MinEvents = g.MinEvents
	}
	if g.Measure != "" {
		out.Measure = slo.Measure(g.Measure)
	}
	if g.OnInconclusive != "" {
		out.OnInconclusive = slo.OnInconclusive(g.OnInconclusive)
	}
	if g.Mode != "" {
		out.Mode = slo.Mode(g.Mode)
	}
	if len(g.Tolerated) > 0 {
		out.Tolerated = g.Tolerated
	}
	// Alerts and journeys have no past; an endpoint has one if it takes {{at}}.
	out.Instant = m.Kind == MeterAlertmanager || m.Kind == MeterProbe || m.Kind == MeterJSON && !takesInstant.MatchString(out.Query)
	if g.FailLimit == "" {
		return nil
	}
	limit, err := parseLimit(g.FailLimit)
	out.FailLimit = limit
	return err
}

var takesInstant = regexp.MustCompile(`\{\{\s*at\s*\}\}`)

// address is a query to the meter: below its URL, where that is one and the
// query a path.
func (g Gate) address(m Meter, query string) string {
	if m.language() == slo.URL && m.URL != "" && strings.HasPrefix(query, "/") {
		return strings.TrimSuffix(m.URL, "/") + query
	}
	return query
}

func (o Objective) slo() (out *slo.Objective, floor, allowance float64, why []string) {
	if o == (Objective{}) {
		return nil, 0, 0, nil
	}
	share := func(key, text string) float64 {
		if text == "" {
			return 0
		}
		v, err := parseShare(text)
		if err != nil {
			why = append(why, "objective."+key+": "+err.Error())
		}
		return v
	}
	out = &slo.Objective{Target: share("target", o.Target), Period: time.Duration(o.Period)}
	floor, allowance = share("floor", o.Floor), share("allowance", o.Allowance)
	if len(why) == 0 && (out.Target <= 0 || out.Target >= 1) {
		why = append(why, fmt.Sprintf("objective.target: %q promises nothing, or everything: write one such as \"99.9%%\"", o.Target))
	}
	return out, floor, allowance, why
}

// parseShare reads "20%" or 0.2.
func parseShare(s string) (float64, error) {
	text, percent := strings.CutSuffix(strings.TrimSpace(s), "%")
	if text = strings.TrimSpace(text); percent {
		text += "e-2" // exactly, as a division is not
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= 0 && v <= 1) {
		return 0, fmt.Errorf("%q is no share: write one such as \"20%%\"", s)
	}
	return v, nil
}

// parseLimit reads "3 of 5".
func parseLimit(s string) (slo.Limit, error) {
	bad, of, ok := strings.Cut(s, " of ")
	b, err1 := strconv.Atoi(strings.TrimSpace(bad))
	n, err2 := strconv.Atoi(strings.TrimSpace(of))
	if !ok || err1 != nil || err2 != nil || b < 1 || n < b {
		return slo.Limit{}, fmt.Errorf("%q is no number of bad samples among so many: write \"3 of 5\"", s)
	}
	return slo.Limit{Bad: b, Of: n}, nil
}

// gates are what policy knows of the gates.
func (c *Config) gates() []promoter.Gate {
	var out []promoter.Gate
	for i, g := range c.Gates {
		about := promoter.Gate{Name: g.Name, Environments: g.Environments, Tenants: g.Tenants, Apps: g.Apps}
		for _, class := range g.Classes {
			about.Classes = append(about.Classes, promoter.Class(class))
		}
		all := c.judged(i)
		if len(all) == 0 { // a template that nobody has read: the gate stands, and nobody can answer for it
			about.Text = "template " + g.Template + ", which is not read"
			out = append(out, about)
		}
		for _, j := range all {
			about.Name, about.Per, about.Text = j.Gate.Name, j.Gate.Placeholders(), inWords(j.Gate)
			out = append(out, about)
		}
	}
	return out
}

// inWords is what a gate wants, on one line.
func inWords(g slo.Gate) string {
	g = g.WithDefaults()
	what := map[slo.Measure]string{slo.Gauge: "value", slo.BadRatio: "error ratio", slo.OKRatio: "success ratio", slo.BadCount: "bad events"}[g.Measure]
	over := fmt.Sprintf("over %s windows", Duration(g.Window))
	if g.Instant {
		over = "whenever it is asked"
	}
	text := fmt.Sprintf("%s: %s %s, at least %s, fails at %d bad of %d", what, g.Good, over, Duration(g.MinDuration), g.FailLimit.Bad, g.FailLimit.Of)
	if g.Critical {
		text += " or 2 in a row"
	}
	switch g.Mode {
	case slo.Warn:
		text += "; only warns"
	case slo.Shadow:
		text += "; only recorded"
	}
	return text
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
