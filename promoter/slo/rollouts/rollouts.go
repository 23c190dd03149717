// Package rollouts reads Argo Rollouts' AnalysisTemplate files, so that what a
// team has written once can be named as a gate: each metric becomes an
// slo.Gate with the meaning that it has there.
//
// It refuses the ways to write a metric that are known to pass without
// evidence (a failure condition alone, no condition, "len(result) == 0 ||",
// "or vector(0)", NaN as success, limits that cannot be exceeded), each with
// its line and what to write instead. What it cannot read it refuses as well,
// rather than guess: a gate that means something else is worse than none.
package rollouts

import (
	"fmt"
	"regexp"
	"strings"

	"promoter/promoter"
	"promoter/promoter/slo"
	"promoter/promoter/yamltree"
)

// Template is an AnalysisTemplate or ClusterAnalysisTemplate.
type Template struct {
	Name    string
	Place   promoter.Place
	Metrics []Metric // those that can be judged
	// Refused is set when a metric is not among Metrics. Such a template is
	// no gate: the rest of it would pass for the whole.
	Refused bool
}

// Metric is one metric and where to ask for it.
type Metric struct {
	Gate     slo.Gate
	Provider string // "prometheus" or "web"
	Address  string // of the Prometheus server; may be empty
	JSONPath string // of a web metric
	Headers  map[string]string
	Place    promoter.Place
}

// The rules that a metric can break.
const (
	RuleNoCondition   = "gate-no-condition"
	RuleFailureOnly   = "gate-failure-only"
	RuleEmptyPasses   = "gate-empty-passes"
	RuleNaNPasses     = "gate-nan-passes"
	RuleDefaultPasses = "gate-default-passes"
	RuleConstant      = "gate-constant"
	RuleNeverFails    = "gate-never-fails"
	RuleFillsGaps     = "query-fills-gaps"
	RuleMustHaveData  = "gate-must-have-data"
	RuleUnreadable    = "gate-unreadable" // not a false pass, but nothing we can judge
)

// Read reads every template in a file. args give templates' arguments their
// values, which may be placeholders such as {{app}}; where they are silent,
// the template's own values hold. A file without templates gives nothing.
func Read(file string, data []byte, args map[string]string) ([]Template, []promoter.Finding) {
	docs, errs := yamltree.Parse(data)
	r := &reader{file: file}
	for _, e := range errs {
		r.find(RuleUnreadable, promoter.Place{File: file, Line: e.Line}, "the file is not YAML here: "+e.Message, "mend it")
	}
	var out []Template
	for i, d := range docs {
		kind := d.Root.Str("kind")
		if !strings.HasPrefix(d.Root.Str("apiVersion"), "argoproj.io/") || kind != "AnalysisTemplate" && kind != "ClusterAnalysisTemplate" {
			continue
		}
		r.doc = i
		out = append(out, r.template(d.Root, args))
	}
	return out, r.findings
}

type reader struct {
	file     string
	doc      int
	findings []promoter.Finding
}

func (r *reader) find(rule string, at promoter.Place, evidence, remedy string) {
	severity := promoter.High
	if rule == RuleUnreadable {
		severity = promoter.Medium
	}
	r.findings = append(r.findings, promoter.Finding{Rule: rule, Severity: severity, Place: at, Evidence: evidence, Remedy: remedy,
		Source: "https://argo-rollouts.readthedocs.io/en/stable/features/analysis/"})
}

// place is where a node's text at offset stands: further down in a block
// scalar, whose text begins on the line below its indicator.
func (r *reader) place(n *yamltree.Node, path string, offset int) promoter.Place {
	p := promoter.Place{File: r.file, Doc: r.doc, Path: path, Line: n.Line, Start: n.Start, End: n.End, Written: n.Value}
	if n.Kind == yamltree.Scalar && n.Style == yamltree.Literal && offset <= len(n.Value) {
		p.Line += 1 + strings.Count(n.Value[:offset], "\n")
	}
	return p
}

func (r *reader) template(root *yamltree.Node, args map[string]string) Template {
	t := Template{Name: root.Str("metadata", "name"), Place: r.place(root, "", 0)}
	before := len(r.findings)
	spec := root.Get("spec")
	values := map[string]string{}
	for _, a := range spec.Get("args").Items() {
		if v := a.Get("value"); v != nil && v.Kind == yamltree.Scalar && !v.IsNull() {
			values[a.Str("name")] = v.Value
		}
	}
	for name, v := range args {
		values[name] = v
	}
	var dry []*regexp.Regexp
	for i, d := range spec.Get("dryRun").Items() {
		x, err := regexp.Compile("^(?:" + d.Str("metricName") + ")$")
		if err != nil || d.Str("metricName") == "" {
			r.find(RuleUnreadable, r.place(d, fmt.Sprintf("spec.dryRun[%d]", i), 0), "no metric's name or pattern is written here", "write metricName")
			continue
		}
		dry = append(dry, x)
	}
	if n := spec.Get("templates"); n != nil {
		r.find(RuleUnreadable, r.place(n, "spec.templates", 0), "the template is made of other templates", "name those as gates")
	}
	metrics := spec.Get("metrics")
	if len(metrics.Items()) == 0 {
		r.find(RuleNoCondition, t.Place, fmt.Sprintf("template %q has no metrics, so it always succeeds", t.Name), "write metrics, or remove it")
	}
	for i, m := range metrics.Items() {
		in := &metric{reader: r, node: m, path: fmt.Sprintf("spec.metrics[%d]", i), args: values, name: m.Str("name")}
		in.before = len(r.findings)
		if out, ok := in.read(t.Name); ok {
			for _, x := range dry {
				if x.MatchString(in.name) {
					out.Gate.Mode = slo.Shadow
				}
			}
			t.Metrics = append(t.Metrics, out)
		}
	}
	t.Refused = len(r.findings) > before
	return t
}
