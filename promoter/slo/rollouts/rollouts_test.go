package rollouts

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"promoter/promoter"
	"promoter/promoter/slo"
)

// file is a template with one metric, whose lines follow "  metrics:" on line
// 6; the metric's name is on line 7.
func file(lines string) []byte {
	return []byte("apiVersion: argoproj.io/v1alpha1\nkind: AnalysisTemplate\nmetadata:\n  name: web\nspec:\n  metrics:\n  - name: errors\n" + lines)
}

const query = "    provider:\n      prometheus:\n        query: sum(rate(errors[5m]))\n"

func TestFalsePassesAreRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, lines string
		want        string // rule:line
	}{
		{"no condition", query, RuleNoCondition + ":7"},
		{"failure condition only", "    failureCondition: result[0] > 0.05\n" + query, RuleFailureOnly + ":8"},
		{"empty or", "    successCondition: len(result) == 0 || result[0] <= 0.05\n" + query, RuleEmptyPasses + ":8"},
		{"or empty", "    successCondition: result[0] <= 0.05 || len(result) < 1\n" + query, RuleEmptyPasses + ":8"},
		{"or empty, in words and the other way round", "    successCondition: 0 == len(result) or result[0] <= 0.05\n" + query, RuleEmptyPasses + ":8"},
		{"negated", "    successCondition: '!(len(result) > 0) || result[0] <= 0.05'\n" + query, RuleEmptyPasses + ":8"},
		{"deep", "    successCondition: (result[0] <= 0.05 && result[0] >= 0) || (len(result) == 0 && true)\n" + query, RuleEmptyPasses + ":8"},
		{"nil", "    successCondition: result == nil || result[0] <= 0.05\n" + query, RuleEmptyPasses + ":8"},
		{"isNil", "    successCondition: isNil(result) || result[0] <= 0.05\n" + query, RuleEmptyPasses + ":8"},
		{"all of nothing", "    successCondition: all(result, {# <= 0.05})\n" + query, RuleEmptyPasses + ":8"},
		{"there is data, whatever it says", "    successCondition: len(result) > 0 && !isNaN(result[0])\n" + query, RuleEmptyPasses + ":8"},
		{"NaN or", "    successCondition: isNaN(result[0]) || result[0] <= 0.05\n" + query, RuleNaNPasses + ":8"},
		{"infinite or", "    successCondition: isInf(result[0], 1) || result[0] <= 0.05\n" + query, RuleNaNPasses + ":8"},
		{"not equal", "    successCondition: result[0] != 1\n" + query, RuleNaNPasses + ":8"},
		{"not greater", "    successCondition: '!(result[0] > 0.05)'\n" + query, RuleNaNPasses + ":8"},
		{"default that passes", "    successCondition: default(result[0], 0) <= 0.05\n" + query, RuleDefaultPasses + ":8"},
		{"true", "    successCondition: \"true\"\n" + query, RuleConstant + ":8"},
		{"one is one", "    successCondition: 1 == 1\n" + query, RuleConstant + ":8"},
		{"on its own line", "    successCondition: |\n      result[0] <= 0.05 ||\n      isNaN(result[0])\n" + query, RuleNaNPasses + ":10"},
		{"or vector", "    successCondition: result[0] <= 0.05\n    provider:\n      prometheus:\n        query: sum(rate(errors[5m])) or vector(0)\n", RuleFillsGaps + ":11"},
		{"or vector, further down", "    successCondition: result[0] <= 0.05\n    provider:\n      prometheus:\n        query: |\n          sum(rate(errors[5m]))\n            or on()\n          vector(0)\n", RuleFillsGaps + ":14"},
		{"or zero times", "    successCondition: result[0] <= 0.05\n    provider:\n      prometheus:\n        query: sum(errors) or sum(up) * 0\n", RuleFillsGaps + ":11"},
		{"every measurement may fail", "    successCondition: result[0] <= 0.05\n    count: 3\n    interval: 1m\n    failureLimit: 3\n" + query, RuleNeverFails + ":11"},
		{"no limit", "    successCondition: result[0] <= 0.05\n    failureLimit: -1\n" + query, RuleNeverFails + ":9"},
		{"every measurement may be inconclusive", "    successCondition: result[0] <= 0.05\n    failureCondition: result[0] > 0.1\n    count: 3\n    interval: 1m\n    inconclusiveLimit: 3\n" + query, RuleNeverFails + ":12"},
		{"Kayenta", "    provider:\n      kayenta:\n        canaryConfigName: web\n    successCondition: result[0] > 90\n", RuleMustHaveData + ":10"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			templates, findings := Read("a.yaml", file(test.lines), nil)
			if len(templates) != 1 || !templates[0].Refused || len(templates[0].Metrics) != 0 {
				t.Errorf("it is not refused: %+v", templates)
			}
			var got []string
			for _, f := range findings {
				got = append(got, fmt.Sprintf("%s:%d", f.Rule, f.Place.Line))
				if f.Severity != promoter.High || f.Evidence == "" || f.Remedy == "" || f.Place.File != "a.yaml" {
					t.Errorf("finding %+v", f)
				}
			}
			if !slices.Equal(got, []string{test.want}) {
				t.Errorf("got %q, want %q: %+v", got, test.want, findings)
			}
		})
	}
}

func TestWhatIsNotUnderstoodIsRefused(t *testing.T) {
	t.Parallel()
	for name, lines := range map[string]string{
		"alternatives":             "    successCondition: result[0] <= 1 || result[0] >= 5\n" + query,
		"arithmetic":               "    successCondition: result[0] * 2 <= 1\n" + query,
		"a second series":          "    successCondition: result[1] <= 1\n" + query,
		"another name":             "    successCondition: results[0] <= 1\n" + query,
		"cut off":                  "    successCondition: result[0] <=\n" + query,
		"unbalanced":               "    successCondition: (result[0] <= 1\n" + query,
		"a field of a query":       "    successCondition: result.ok <= 1\n" + query,
		"both at once":             "    successCondition: result[0] <= 1\n    failureCondition: result[0] > 0.5\n" + query,
		"failure of two":           "    successCondition: result[0] <= 1\n    failureCondition: result[0] > 2 && result[0] < 3\n" + query,
		"no such argument":         "    successCondition: result[0] <= {{args.max}}\n" + query,
		"a range":                  "    successCondition: result[0] <= 1\n    provider:\n      prometheus:\n        query: x\n        rangeQuery: {start: a, end: b, step: 1m}\n",
		"another provider":         "    successCondition: result <= 1\n    provider:\n      datadog:\n        query: x\n",
		"no provider":              "    successCondition: result[0] <= 1\n",
		"no duration":              "    successCondition: result[0] <= 1\n    interval: often\n" + query,
		"no number":                "    successCondition: result[0] <= 1\n    count: many\n" + query,
		"a fixed time":             "    successCondition: result[0] <= 1\n    provider:\n      prometheus:\n        query: x @ 1700000000\n",
		"an unknown placeholder":   "    successCondition: result[0] <= 1\n    provider:\n      prometheus:\n        query: x{a=\"{{ inputs.b }}\"}\n",
		"a post":                   "    successCondition: result <= 1\n    provider:\n      web:\n        url: https://x.example.com\n        method: POST\n",
		"nested a thousand times":  "    successCondition: " + strings.Repeat("(", 1000) + "result[0] <= 1" + strings.Repeat(")", 1000) + "\n" + query,
		"denied a thousand times":  "    successCondition: \"" + strings.Repeat("!", 1000) + "result[0] <= 1\"\n" + query,
		"too often for any judge":  "    successCondition: result[0] <= 1\n    interval: 1s\n    count: 900\n" + query,
		"bytes that are no syntax": "    successCondition: result[0] <= 1 ; exit\n" + query,
	} {
		templates, findings := Read("a.yaml", file(lines), nil)
		if len(templates) != 1 || !templates[0].Refused || len(templates[0].Metrics) != 0 || len(findings) == 0 {
			t.Errorf("%s: %+v %+v", name, templates, findings)
			continue
		}
		for _, f := range findings {
			if f.Rule != RuleUnreadable || f.Severity != promoter.Medium || f.Place.Line < 7 {
				t.Errorf("%s: %+v", name, f)
			}
		}
	}
}

func one(t *testing.T, lines string, args map[string]string) Metric {
	t.Helper()
	templates, findings := Read("a.yaml", file(lines), args)
	if len(findings) > 0 || len(templates) != 1 || len(templates[0].Metrics) != 1 {
		t.Fatalf("%s\n%+v", lines, findings)
	}
	return templates[0].Metrics[0]
}

func TestConditionsKeepTheirMeaning(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ success, failure, good, marginal string }{
		{"result[0] >= 0.95", "", ">= 0.95", ""},
		{"result >= 0.95", "", ">= 0.95", ""},
		{"asFloat(result[0]) >= .95", "", ">= 0.95", ""},
		{"0.95 <= result[0]", "", ">= 0.95", ""},
		{"result[0] > -1.5e3", "", "> -1500", ""},
		{"len(result) > 0 && result[0] >= 0.95 && result[0] <= 1", "", ">= 0.95 and <= 1", ""},
		{"!isNaN(result[0]) and (result != nil && result[0] == 0)", "", "== 0", ""},
		{"default(result[0], 0) >= 0.95", "", ">= 0.95", ""},
		{"result[0] >= 0.95", "result[0] < 0.9", ">= 0.95", ">= 0.9"},
		{"result[0] >= 0.95", "result[0] < 0.95", ">= 0.95", ">= 0.95"},
		{"result[0] >= 0.95", "result[0] < 0.9 || isNaN(result[0]) || len(result) == 0", ">= 0.95", ">= 0.9"},
		{"result[0] >= 0.95", "len(result) == 0", ">= 0.95", ""},
		{"result[0] < 5 && result[0] > 2", "result[0] > 6 || result[0] < 1", "< 5 and > 2", "<= 6 and >= 1"},
	} {
		lines := fmt.Sprintf("    successCondition: %q\n", test.success)
		if test.failure != "" {
			lines += fmt.Sprintf("    failureCondition: %q\n", test.failure)
		}
		g := one(t, lines+query, nil).Gate
		if g.Good.String() != test.good || g.Marginal.String() != test.marginal {
			t.Errorf("%s, %s: good %s, marginal %s; want %s, %s", test.success, test.failure, g.Good, g.Marginal, test.good, test.marginal)
		}
	}
}

func TestSchedulesKeepTheirMeaning(t *testing.T) {
	t.Parallel()
	const ok = "    successCondition: result[0] <= 1\n    provider: {prometheus: {query: up}}\n"
	for _, test := range []struct {
		lines             string
		minGood, lastGood int
		minDuration       time.Duration
		limit             slo.Limit
	}{
		{"", 1, 1, time.Minute, slo.Limit{Bad: 1, Of: 1}},
		{"    count: 5\n    interval: 2m\n", 5, 3, 10 * time.Minute, slo.Limit{Bad: 1, Of: 5}},
		{"    count: 10\n    interval: 1m\n    failureLimit: 3\n    initialDelay: 5m\n", 7, 3, 14 * time.Minute, slo.Limit{Bad: 4, Of: 10}},
		{"    count: 10\n    interval: 1m\n    failureLimit: 2\n    inconclusiveLimit: 3\n", 5, 3, 10 * time.Minute, slo.Limit{Bad: 3, Of: 10}},
		{"    interval: 1m\n    failureLimit: 1\n    consecutiveSuccessLimit: 4\n", 4, 4, 4 * time.Minute, slo.Limit{Bad: 2, Of: 30}},
		{"    interval: 1m\n    failureLimit: 1\n", 5, 3, 6 * time.Minute, slo.Limit{Bad: 2, Of: 30}},
	} {
		g := one(t, test.lines+ok, nil).Gate.WithDefaults()
		if g.MinGood != test.minGood || g.LastGood != test.lastGood || g.MinDuration != test.minDuration || g.FailLimit != test.limit {
			t.Errorf("%s: minGood %d, lastGood %d, minDuration %s, failLimit %v", test.lines, g.MinGood, g.LastGood, g.MinDuration, g.FailLimit)
		}
	}
	// A fixed range pushes the first measurement back behind the change.
	g := one(t, "    count: 3\n    interval: 1m\n    successCondition: result[0] <= 1\n"+query, nil).Gate
	if g.FirstSlot() != 5*time.Minute || g.MinDuration != 7*time.Minute {
		t.Errorf("first slot %s, least duration %s", g.FirstSlot(), g.MinDuration)
	}
}

func TestArgumentsAndWebAndDryRun(t *testing.T) {
	t.Parallel()
	data := []byte(`apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: other}
---
apiVersion: argoproj.io/v1alpha1
kind: ClusterAnalysisTemplate
metadata:
  name: checks
spec:
  args:
  - name: service
  - name: max
    value: "0.05"
  - name: token
    valueFrom:
      secretKeyRef: {name: s, key: t}
  dryRun:
  - metricName: try-.*
  metrics:
  - name: errors
    interval: 1m
    count: 5
    failureLimit: 1
    successCondition: result[0] <= {{ args.max }}
    provider:
      prometheus:
        address: http://prometheus.monitoring:9090
        query: |
          sum(rate(errors{app="{{args.service}}"}[{{args.window}}]))
  - name: try-page
    successCondition: result.ok >= 1
    provider:
      web:
        url: https://status.example.com/{{args.service}}
        jsonPath: "{$.data}"
        headers:
        - key: Authorization
          value: Bearer {{ args.token }}
`)
	args := map[string]string{"service": "{{app}}", "window": "{{window}}", "token": "secret"}
	templates, findings := Read("t.yaml", data, args)
	if len(findings) > 0 || len(templates) != 1 || len(templates[0].Metrics) != 2 || templates[0].Refused {
		t.Fatalf("%+v %+v", templates, findings)
	}
	errors, page := templates[0].Metrics[0], templates[0].Metrics[1]
	if errors.Gate.Query != `sum(rate(errors{app="{{app}}"}[{{window}}]))` || errors.Gate.Good.String() != "<= 0.05" || errors.Address != "http://prometheus.monitoring:9090" ||
		errors.Gate.Name != "checks/errors" || errors.Gate.Mode == slo.Shadow || errors.Place.Line != 20 || errors.Place.Doc != 1 {
		t.Errorf("errors: %+v", errors)
	}
	if page.Gate.Query != "https://status.example.com/{{app}}" || page.JSONPath != "$.data.ok" || page.Headers["Authorization"] != "Bearer secret" ||
		page.Gate.Mode != slo.Shadow || !page.Gate.Instant || page.Gate.Language != slo.URL {
		t.Errorf("page: %+v", page)
	}
	_, findings = Read("t.yaml", data, nil)
	var lines []string
	for _, f := range findings {
		lines = append(lines, fmt.Sprint(f.Place.Line))
	}
	if strings.Join(lines, " ") != "29 29 34 37" {
		t.Errorf("arguments without a value: %+v", findings)
	}
}

func TestTemplatesThatAreNoGate(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]string{
		"no metrics":        "apiVersion: argoproj.io/v1alpha1\nkind: AnalysisTemplate\nmetadata: {name: a}\nspec: {}\n",
		"of others":         "apiVersion: argoproj.io/v1alpha1\nkind: AnalysisTemplate\nmetadata: {name: a}\nspec:\n  templates: [{templateName: b}]\n  metrics: [{name: x, successCondition: \"result < 1\", provider: {prometheus: {query: up}}}]\n",
		"dry run of nobody": "apiVersion: argoproj.io/v1alpha1\nkind: AnalysisTemplate\nmetadata: {name: a}\nspec:\n  dryRun: [{}]\n  metrics: [{name: x, successCondition: \"result < 1\", provider: {prometheus: {query: up}}}]\n",
	} {
		templates, findings := Read("a.yaml", []byte(data), nil)
		if len(templates) != 1 || !templates[0].Refused || len(findings) == 0 {
			t.Errorf("%s: %+v %+v", name, templates, findings)
		}
	}
	if templates, findings := Read("a.yaml", []byte("kind: AnalysisTemplate\napiVersion: example.com/v1\n"), nil); len(templates)+len(findings) > 0 {
		t.Errorf("another group: %+v %+v", templates, findings)
	}
	if _, findings := Read("a.yaml", []byte("a: [\n"), nil); len(findings) == 0 {
		t.Error("what is not YAML is not mentioned")
	}
}

func TestLintCanary(t *testing.T) {
	t.Parallel()
	findings := LintCanary("canary.json", []byte(`{
  "metrics": [
    {"name": "errors", "analysisConfigurations": {"canary": {"direction": "increase", "mustHaveData": true}}},
    {"name": "latency", "analysisConfigurations": {"canary": {
      "direction": "increase",
      "nanStrategy": "replace"
    }}},
    {"name": "cpu"},
    {"name": "memory", "analysisConfigurations": {"canary": {
      "mustHaveData": false
    }}}
  ]
}`))
	var got []string
	for _, f := range findings {
		got = append(got, fmt.Sprintf("%s:%d", f.Rule, f.Place.Line))
	}
	want := []string{"gate-must-have-data:4", "gate-nan-passes:6", "gate-must-have-data:8", "gate-must-have-data:10"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("len(result) == 0 || !isNaN(result[0]) && default(result.a.b, -1e3) != 'x'", "all(result, {# > 1})", "sum(x[5m]) or vector(0)")
	f.Fuzz(func(t *testing.T, success, failure, query string) {
		data := file(fmt.Sprintf("    successCondition: %q\n    failureCondition: %q\n    provider: {prometheus: {query: %q}}\n", success, failure, query))
		templates, findings := Read("a.yaml", data, nil)
		for _, tmpl := range templates {
			if tmpl.Refused == (len(findings) == 0) {
				t.Errorf("refused is %v with %+v", tmpl.Refused, findings)
			}
			for _, m := range tmpl.Metrics {
				if err := m.Gate.Check(); err != nil {
					t.Errorf("%q, %q, %q: %v", success, failure, query, err)
				}
			}
		}
	})
}
