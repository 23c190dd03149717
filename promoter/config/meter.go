package config

import (
	"fmt"
	"slices"

	"promoter/promoter/slo"
)

// The kinds of meters.
const (
	MeterPrometheus   = "prometheus"
	MeterAlertmanager = "alertmanager"
	MeterProbe        = "probe"
	MeterJSON         = "json"
)

// Meter is something that is asked for a service's own indicators.
type Meter struct {
	At           `yaml:"-"`
	Name         string            `yaml:"name" doc:"The meter's name, which gates refer to." required:"true"`
	Kind         string            `yaml:"kind" doc:"prometheus: whatever speaks its API; alertmanager: alerts that fire; probe: a user's journey over HTTP; json: a number in any endpoint's JSON. Alerts, journeys and URLs without {{at}} know only now: what was seen of them is forgotten when Promoter restarts, and then it looks anew." enum:"prometheus,alertmanager,probe,json" required:"true"`
	URL          string            `yaml:"url" doc:"Its address. Of probe and json: what the gates' queries, which are paths then, stand below."`
	TokenFrom    string            `yaml:"tokenFrom" doc:"NAME of the environment variable that holds a bearer token." pattern:"^[A-Za-z_][A-Za-z0-9_]*$"`
	UserFrom     string            `yaml:"userFrom" doc:"NAME of the environment variable that holds a user, instead of a token." pattern:"^[A-Za-z_][A-Za-z0-9_]*$"`
	PasswordFrom string            `yaml:"passwordFrom" doc:"NAME of the environment variable that holds the user's password." pattern:"^[A-Za-z_][A-Za-z0-9_]*$"`
	HeadersFrom  map[string]string `yaml:"headersFrom" doc:"Headers, such as X-Scope-OrgID, each with the NAME of the environment variable that holds its value."`
	CAFile       string            `yaml:"caFile" doc:"PEM file of its certificate authority, on the machine that runs Promoter." absent:"the system's authorities"`
	Plain        bool              `yaml:"plain" doc:"Let secrets go over http." default:"false"`
	Ready        string            `yaml:"ready" doc:"Of prometheus: the path that says whether it is ready, /-/ready when absent; - where there is none, as with managed services."`
	Steps        []Step            `yaml:"steps" doc:"Of probe: the requests of the journey."`
	Value        string            `yaml:"value" doc:"Of json: path to the number: $.data[0].value"`
	Events       string            `yaml:"events" doc:"Of json: path to how many events the number is about."`
	Newest       string            `yaml:"newest" doc:"Of json: path to when it was measured, Unix seconds or RFC 3339."`
}

// Step is one request of a journey, and what it must answer.
type Step struct {
	At     `yaml:"-"`
	Method string   `yaml:"method" doc:"GET, HEAD or POST." enum:"GET,HEAD,POST" default:"GET"`
	Path   string   `yaml:"path" doc:"Below the address that is asked." required:"true"`
	Status []int    `yaml:"status" doc:"Any of these; 200 when absent."`
	Match  string   `yaml:"match" doc:"A regular expression (RE2) that the body matches."`
	Absent string   `yaml:"absent" doc:"One that it does not match."`
	Within Duration `yaml:"within" doc:"Until the whole body is there." default:"10s"`
}

// secret reports whether anything is sent along that others must not see.
func (m Meter) secret() bool {
	return m.TokenFrom != "" || m.UserFrom != "" || m.PasswordFrom != "" || len(m.HeadersFrom) > 0
}

// language is how queries to the meter are written.
func (m Meter) language() slo.Language {
	switch m.Kind {
	case MeterProbe, MeterJSON:
		return slo.URL
	case MeterAlertmanager:
		return slo.Matchers
	}
	return slo.PromQL
}

func (c *Config) meter(name string) (Meter, bool) {
	i := slices.IndexFunc(c.Meters, func(m Meter) bool { return m.Name == name })
	if i < 0 {
		return Meter{}, false
	}
	return c.Meters[i], true
}

func (c *Config) checkMeters(at complain) {
	names := map[string]int{}
	for i, m := range c.Meters {
		where := fmt.Sprintf("meters[%d]", i)
		unique(names, m.Name, m.Line, where, at)
		if m.Name != "" {
			where = fmt.Sprintf("meter %q", m.Name)
		}
		if m.Kind == "" {
			at(m.Line, "%s: write its kind: prometheus, alertmanager, probe or json", where)
			continue
		}
		m.checkAccess(where, at)
		m.checkKind(where, at)
	}
}

// checkAccess holds the meter's address and secrets to what can be used.
func (m Meter) checkAccess(where string, at complain) {
	for _, v := range []struct{ key, name string }{{"tokenFrom", m.TokenFrom}, {"userFrom", m.UserFrom}, {"passwordFrom", m.PasswordFrom}} {
		checkVariable(v.name, m.Line, where+": "+v.key, at)
	}
	for _, header := range sorted(m.HeadersFrom) {
		if m.HeadersFrom[header] == "" {
			at(m.Line, "%s: headersFrom.%s: write the NAME of the environment variable that holds it", where, header)
		}
		checkVariable(m.HeadersFrom[header], m.Line, where+": headersFrom."+header, at)
	}
	if m.TokenFrom != "" && m.UserFrom != "" {
		at(m.Line, "%s: tokenFrom and userFrom are two identities: keep one", where)
	}
	if (m.UserFrom == "") != (m.PasswordFrom == "") {
		at(m.Line, "%s: write both userFrom and passwordFrom", where)
	}
	if m.URL != "" {
		checkAddress(m.URL, m.Line, where+": url", m.secret() && !m.Plain, at)
		return
	}
	switch {
	case m.Kind == MeterPrometheus || m.Kind == MeterAlertmanager:
		at(m.Line, "%s: write its url", where)
	case m.secret():
		at(m.Line, "%s: write its url: secrets are sent to that address and no other", where)
	}
}

// checkKind complains of what another kind of meter has, and of what this one
// lacks.
func (m Meter) checkKind(where string, at complain) {
	if m.Ready != "" && m.Kind != MeterPrometheus {
		at(m.Line, "%s: ready is a prometheus' own: take it out", where)
	}
	if len(m.Steps) > 0 && m.Kind != MeterProbe {
		at(m.Line, "%s: steps are a probe's: take them out", where)
	}
	if m.Value+m.Events+m.Newest != "" && m.Kind != MeterJSON {
		at(m.Line, "%s: value, events and newest are paths in JSON: write them at the gate as queries", where)
	}
	switch {
	case m.Kind == MeterJSON && m.Value == "":
		at(m.Line, "%s: write value: the path to the number, such as $.errorRatio", where)
	case m.Kind == MeterProbe && len(m.Steps) == 0:
		at(m.Line, "%s: a journey without steps always goes well: write steps", where)
	}
	for i, s := range m.Steps {
		s.check(fmt.Sprintf("%s: steps[%d]", where, i), at)
	}
}

func (s Step) check(where string, at complain) {
	if s.Path == "" {
		at(s.Line, "%s: write its path", where)
	}
	for _, code := range s.Status {
		if code < 100 || code > 599 {
			at(s.Line, "%s: %d is not an HTTP status: write one such as 200", where, code)
		}
	}
	for _, x := range []struct{ key, text string }{{"match", s.Match}, {"absent", s.Absent}} {
		if err := compiles(x.text); err != nil {
			at(s.Line, "%s: %s: %v: write a regular expression (RE2)", where, x.key, err)
		}
	}
	if s.Method == "HEAD" && s.Match+s.Absent != "" {
		at(s.Line, "%s: a HEAD answers without a body to match: write GET", where)
	}
}
