package config

import (
	"fmt"
	"regexp"
	"strings"

	"promoter/promoter/slo"
)

func (c *Config) checkGates(at complain) {
	names := map[string]int{}
	for i, g := range c.Gates {
		where := fmt.Sprintf("gates[%d]", i)
		unique(names, g.Name, g.Line, where, at)
		if g.Name == "" {
			continue
		}
		where = fmt.Sprintf("gate %q", g.Name)
		m, ok := c.meter(g.Meter)
		switch {
		case g.Meter == "":
			at(g.Line, "%s: write its meter: the name of one that stands in meters", where)
			continue
		case !ok:
			at(g.Line, "%s: there is no meter %q: %s", where, g.Meter, c.meterNames())
			continue
		case m.Kind == "":
			continue // told at the meter
		}
		if g.Template != "" {
			g.checkTemplate(where, at)
			continue
		}
		g.checkOwn(m, where, at)
	}
}

func (c *Config) meterNames() string {
	if len(c.Meters) == 0 {
		return "write it into meters"
	}
	var names []string
	for _, m := range c.Meters {
		names = append(names, m.Name)
	}
	return "write one of " + strings.Join(names, ", ") + ", or add it to meters"
}

// checkOwn holds a gate that is written here to what can be judged.
func (g Gate) checkOwn(m Meter, where string, at complain) {
	if len(g.Args) > 0 {
		at(g.Line, "%s: args are a template's: take them out", where)
	}
	gate, why := g.slo(m)
	o, _, _, more := g.Objective.slo()
	for _, w := range append(why, more...) {
		at(g.Line, "%s: %s", where, w)
	}
	if m.language() == slo.URL {
		for _, q := range []string{gate.Query, gate.Events, gate.Newest, gate.Sentinel} {
			checkQueryURL(m, q, g.Line, where, at)
		}
	}
	if g.Objective != (Objective{}) {
		g.checkObjective(m, o, where, at)
	}
	if len(why) > 0 {
		return // the rest would only follow from it
	}
	tellGate(gate, g.Line, at)
}

// tellGate tells why a gate cannot be judged, a line each.
func tellGate(gate slo.Gate, line int, at complain) {
	err := gate.Check()
	if err == nil {
		return
	}
	all := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		all = joined.Unwrap()
	}
	for _, e := range all {
		hint := ""
		for _, h := range hints {
			if strings.Contains(e.Error(), h.part) {
				hint = ": " + h.say
				break
			}
		}
		at(line, "%s%s", e, hint)
	}
}

// hints say what to write where the reason alone does not.
var hints = []struct{ part, say string }{
	{"has no query", `write query`},
	{"does not say what is good", `write good: "<= 0.01"`},
	{"can never be met", `write failLimit: 3 of 5`},
	{"whole seconds", `write one such as 30s or 5m`},
	{"it cannot pass", `lengthen deadline, or shorten interval, minDuration or settle`},
	{"unknown placeholder", `write one of {{window}}, {{environment}}, {{tenant}}, {{cluster}}, {{app}}`},
	{"must be at least one", `write whole numbers from 1`},
	{"looks at a fixed time", `take the @ out`},
	{"needs a query for events", `write events`},
	{"unknown operator", `write < <= > >= == or !=`},
	{"has a meaning only in a URL", `take it out: PromQL is asked about the instant anyway`},
}

// checkQueryURL holds a URL to one that can be asked, and to the meter's own
// address where secrets go along.
func checkQueryURL(m Meter, query string, line int, where string, at complain) {
	switch {
	case query == "":
	case !strings.HasPrefix(query, "http://") && !strings.HasPrefix(query, "https://"):
		at(line, "%s: the query %q is no URL: write https://…, or a path that begins with / and the meter's url", where, query)
	case hostHolds.MatchString(query):
		at(line, "%s: the host in %q holds a placeholder: write one meter for each host, or put the placeholder into the path", where, query)
	case m.secret() && !below(m.URL, query):
		at(line, "%s: meter %q sends secrets to %s only, and %q is elsewhere: write a path below it, or another meter", where, m.Name, m.URL, query)
	}
}

var hostHolds = regexp.MustCompile(`^https?://[^/?#]*\{\{`)

// below reports whether an address is under a base, and on its host.
func below(base, address string) bool {
	base = strings.TrimSuffix(base, "/")
	rest, ok := strings.CutPrefix(address, base)
	return ok && base != "" && (rest == "" || strings.ContainsRune("/?", rune(rest[0])))
}

func (g Gate) checkObjective(m Meter, o *slo.Objective, where string, at complain) {
	switch {
	case g.Objective.Target == "":
		at(g.Line, "%s: objective: write its target, such as \"99.9%%\"", where)
	case m.Kind != MeterPrometheus:
		at(g.Line, "%s: objective: only a prometheus knows the whole period: take it out", where)
	case g.Measure != string(slo.BadRatio) && g.Measure != string(slo.OKRatio):
		at(g.Line, "%s: objective: a budget is a share of events: write measure: bad (or ok) and a query for that share", where)
	case !holdsWindow.MatchString(g.Query) || !holdsWindow.MatchString(g.Events):
		at(g.Line, "%s: objective: the budget is asked over other windows: write {{window}} in query and events", where)
	case o != nil && o.Period < 0:
		at(g.Line, "%s: objective: write a period such as 30d", where)
	}
}

var holdsWindow = regexp.MustCompile(`\{\{\s*window\s*\}\}`)

// checkTemplate complains of what the template says itself.
func (g Gate) checkTemplate(where string, at complain) {
	if _, err := CompilePath(g.Template); err != nil {
		at(g.Line, "%s: template: %v", where, err)
	}
	for _, own := range []struct {
		key     string
		written bool
	}{
		{"query", g.Query != ""}, {"good", g.Good != ""}, {"marginal", g.Marginal != ""}, {"series", g.Series != 0},
		{"interval", g.Interval != 0}, {"settle", g.Settle != 0}, {"minDuration", g.MinDuration != 0},
		{"minGood", g.MinGood != 0}, {"lastGood", g.LastGood != 0}, {"failLimit", g.FailLimit != ""},
		{"objective", g.Objective != (Objective{})},
	} {
		if own.written {
			at(g.Line, "%s: %s is what the template says: take it out, or the template", where, own.key)
		}
	}
	if g.BlindBudget != "" {
		if _, err := parseShare(g.BlindBudget); err != nil {
			at(g.Line, "%s: blindBudget: %v", where, err)
		}
	}
}

func compiles(expression string) error {
	_, err := regexp.Compile(expression)
	return err
}
