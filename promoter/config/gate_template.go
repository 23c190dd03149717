package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"promoter/promoter/slo"
	"promoter/promoter/slo/rollouts"
)

// ReadTemplates reads the files with Argo Rollouts' AnalysisTemplates that
// gates name; read is given their paths in the repository. Its Errors name the
// line of the template that passes without evidence, and what to write there.
func (c *Config) ReadTemplates(read func(path string) ([]byte, error)) error {
	templates, errs := c.readTemplates(read)
	if len(errs) > 0 {
		return errs
	}
	c.templates = templates
	return nil
}

func (c *Config) readTemplates(read func(string) ([]byte, error)) (map[int][]rollouts.Metric, Errors) {
	out := map[int][]rollouts.Metric{}
	var errs Errors
	for i, g := range c.Gates {
		if g.Template == "" {
			continue
		}
		at := func(line int, format string, args ...any) {
			errs = append(errs, Error{c.fileName(), max(line, 1), fmt.Sprintf("gate %q: "+format, append([]any{g.Name}, args...)...)})
		}
		data, err := read(g.Template)
		if err != nil {
			at(g.Line, "template %q cannot be read: %v: write the path of a file in the repository", g.Template, err)
			continue
		}
		templates, findings := rollouts.Read(g.Template, data, g.Args)
		for _, f := range findings {
			errs = append(errs, Error{f.Place.File, max(f.Place.Line, 1), fmt.Sprintf("gate %q: %s: %s (%s)", g.Name, f.Evidence, f.Remedy, f.Rule)})
		}
		if len(templates) == 0 && len(findings) == 0 {
			at(g.Line, "%s holds no AnalysisTemplate: write the path of one", g.Template)
		}
		m, _ := c.meter(g.Meter)
		for _, t := range templates {
			for _, metric := range t.Metrics {
				g.suits(m, metric, at)
				gate := g.fromMetric(m, metric, len(templates) == 1 && len(t.Metrics) == 1)
				tellGate(gate, g.Line, func(line int, format string, args ...any) {
					errs = append(errs, Error{c.fileName(), line, fmt.Sprintf(format, args...)})
				})
				out[i] = append(out[i], metric)
			}
		}
	}
	return out, errs
}

// suits complains where the meter cannot ask what the template asks.
func (g Gate) suits(m Meter, metric rollouts.Metric, at complain) {
	kind := map[string]string{"prometheus": MeterPrometheus, "web": MeterJSON}[metric.Provider]
	if m.Kind != kind {
		at(g.Line, "%s asks a %s, and meter %q is a %s: name a meter of kind %s", metric.Place, metric.Provider, m.Name, m.Kind, kind)
		return
	}
	if kind != MeterJSON {
		return
	}
	if metric.JSONPath != m.Value {
		at(g.Line, "%s reads %s, and meter %q reads %s: name a meter with value: %s", metric.Place, metric.JSONPath, m.Name, m.Value, metric.JSONPath)
	}
	for _, header := range sorted(metric.Headers) {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(m.HeadersFrom)), func(h string) bool { return strings.EqualFold(h, header) }) {
			at(g.Line, "%s sends a header %s: write the NAME of an environment variable with its value at headersFrom of meter %q", metric.Place, header, m.Name)
		}
	}
	checkQueryURL(m, metric.Gate.Query, g.Line, metric.Place.String(), at)
}

// fromTemplate are the gates of a template that has been read.
func (c *Config) fromTemplate(i int, m Meter) []Judged {
	var out []Judged
	g := c.Gates[i]
	for _, metric := range c.templates[i] {
		out = append(out, Judged{Gate: g.fromMetric(m, metric, len(c.templates[i]) == 1), Meter: g.Meter})
	}
	return out
}

// fromMetric is a template's metric as a gate, with what is written here about
// how it is to be judged.
func (g Gate) fromMetric(m Meter, metric rollouts.Metric, only bool) slo.Gate {
	gate := metric.Gate
	if g.Events != "" {
		gate.Events = g.address(m, g.Events)
	}
	gate.Newest, gate.Sentinel = g.address(m, g.Newest), g.address(m, g.Sentinel)
	if g.BlindBudget != "" {
		if v, err := parseShare(g.BlindBudget); err == nil && v > 0 {
			gate.BlindBudget = v
		} else {
			gate.BlindBudget = -1 // none; check has refused what is no share
		}
	}
	// A template's gates have no failLimit of ours: there is nothing to refuse.
	_ = g.overlay(&gate, m)
	if !only {
		gate.Name = g.Name + "/" + metric.Gate.Name
	} else {
		gate.Name = g.Name
	}
	return gate
}
