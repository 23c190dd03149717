package config

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"promoter/promoter"
	"promoter/promoter/slo"
)

const (
	engine = "delivery: {flux: [{cluster: c}]}\n"
	prom   = "meters: [{name: m, kind: prometheus, url: 'http://prometheus'}]\n"
	gated  = engine + prom + "gates:\n"
)

// Every mistake about delivery, meters and gates is told with its line and
// what to write instead.
func TestMistakesAboutDelivery(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"delivery without an engine", "delivery:\n  dwell: 1m\n", "promoter.yaml:2: delivery: no engine is named, so nothing is merged, verified or reverted: write argocd or flux"},
		{"reverts of a class without an engine", "policies:\n  C3: {revert: automatic}\n", "promoter.yaml:2: policies.C3.revert: without an engine"},
		{"gates without an engine", prom + "gates:\n  - {name: g, meter: m, query: up, good: '== 1'}\n", "promoter.yaml:3: gates: without an engine nobody knows when a change has arrived"},
		{"two servers of one name", "delivery:\n  argocd:\n    - {name: a}\n    - {name: a}\n", `promoter.yaml:4: delivery.argocd[1]: the name "a" is taken on line 3: write another`},
		{"server without a name", "delivery: {argocd: [{server: 'https://a', tokenFrom: T}]}\n", "delivery.argocd[0]: write its name"},
		{"server without a token", "delivery: {argocd: [{name: a, server: 'https://a'}]}\n", "write tokenFrom: the NAME of the environment variable"},
		{"a secret instead of a variable's name", "delivery: {argocd: [{name: a, server: 'https://a', tokenFrom: 'eyJ.secret'}]}\n", "delivery.argocd[0].tokenFrom: this is not the name of an environment variable"},
		{"token over http", "delivery: {argocd: [{name: a, server: 'http://argocd.example.com', tokenFrom: T}]}\n", `secrets would go over plain http to "argocd.example.com": write https, or plain: true`},
		{"credentials in an address", "delivery: {argocd: [{name: a, server: 'https://u:p@a', tokenFrom: T}]}\n", "credentials stand in the address"},
		{"no address", "delivery: {argocd: [{name: a, server: argocd, tokenFrom: T}]}\n", `this is not an address: write one such as "https://host.example.com"`},
		{"two ways to one server", "delivery: {argocd: [{name: a, server: 'https://a', tokenFrom: T, context: b}]}\n", "keep one way to reach it"},
		{"a token for a kubeconfig", "delivery: {argocd: [{name: a, tokenFrom: T}]}\n", "write server, or take them out"},
		{"version of a server", "delivery: {argocd: [{name: a, version: latest}]}\n", `"latest" is not a version: write one such as v3.1.4`},
		{"flux without a cluster", "delivery: {flux: [{context: a}]}\n", "delivery.flux[0]: write its cluster"},
		{"one cluster twice", "delivery:\n  flux:\n    - {cluster: a}\n    - {cluster: a}\n", `promoter.yaml:4: delivery.flux[1]: cluster "a" stands on line 3 already`},
		{"word of reverts", "delivery: {flux: [{cluster: a}], reverts: always}\n", `delivery.reverts: "always" is not one of automatic, approval, manual, never`},
		{"scope of reverts", "delivery: {flux: [{cluster: a}], revertScope: all}\n", `"all" is not one of wave, failed, change`},
		{"quorum of few", "waves:\n  - {name: a, environments: [a], quorum: 40%}\n", `promoter.yaml:2: wave "a": quorum: "40%" is no share between 50% and 100%: write one such as "90%"`},
		{"quorum of too many", "waves:\n  - {name: a, environments: [a], quorum: 101%}\n", "no share between"},
		{"quorum as a number", "waves:\n  - {name: a, environments: [a], quorum: 90}\n", "no share between"},
		{"failures", "waves:\n  - {name: a, environments: [a], maxFailures: some}\n", `maxFailures: "some" is neither a number of pull requests nor a share: write "2" or "5%"`},

		{"meter without a name", "meters: [{kind: prometheus, url: 'http://a'}]\n", "meters[0]: write its name"},
		{"two meters of one name", prom[:len(prom)-2] + ", {name: m, kind: prometheus, url: 'http://a'}]\n", `the name "m" is taken on line 1`},
		{"meter of no kind", "meters: [{name: m}]\n", `meter "m": write its kind`},
		{"kind of a meter", "meters: [{name: m, kind: graphite}]\n", `meters[0].kind: "graphite" is not one of prometheus, alertmanager, probe, json`},
		{"meter without an address", "meters: [{name: m, kind: prometheus}]\n", `meter "m": write its url`},
		{"secrets for any address", "meters: [{name: m, kind: json, value: $.a, tokenFrom: T}]\n", "secrets are sent to that address and no other"},
		{"two identities", "meters: [{name: m, kind: prometheus, url: 'https://a', tokenFrom: T, userFrom: U, passwordFrom: P}]\n", "tokenFrom and userFrom are two identities"},
		{"user without a password", "meters: [{name: m, kind: prometheus, url: 'https://a', userFrom: U}]\n", "write both userFrom and passwordFrom"},
		{"a secret for a header", "meters: [{name: m, kind: prometheus, url: 'https://a', headersFrom: {X-Key: 's3cr3t!'}}]\n", "headersFrom.X-Key: this is not the name of an environment variable"},
		{"journey without steps", "meters: [{name: m, kind: probe}]\n", "a journey without steps always goes well: write steps"},
		{"steps of another kind", "meters: [{name: m, kind: json, value: $.a, steps: [{path: /}]}]\n", "steps are a probe's"},
		{"json without a path", "meters: [{name: m, kind: json}]\n", "write value: the path to the number"},
		{"paths of another kind", "meters: [{name: m, kind: probe, steps: [{path: /}], value: $.a}]\n", "value, events and newest are paths in JSON"},
		{"readiness of another kind", "meters: [{name: m, kind: probe, steps: [{path: /}], ready: /}]\n", "ready is a prometheus' own"},
		{"step without a path", "meters: [{name: m, kind: probe, steps: [{status: 200}]}]\n", "steps[0]: write its path"},
		{"status", "meters: [{name: m, kind: probe, steps: [{path: /, status: [20]}]}]\n", "20 is not an HTTP status"},
		{"expression of a step", "meters: [{name: m, kind: probe, steps: [{path: /, match: '('}]}]\n", "steps[0]: match: "},
		{"body of a HEAD", "meters: [{name: m, kind: probe, steps: [{path: /, method: HEAD, match: a}]}]\n", "a HEAD answers without a body to match"},

		{"gate without a name", gated + "  - {meter: m, query: up, good: '== 1'}\n", "promoter.yaml:4: gates[0]: write its name"},
		{"two gates of one name", gated + "  - {name: g, meter: m, query: up, good: '== 1'}\n  - {name: g, meter: m, query: up, good: '== 1'}\n", `promoter.yaml:5: gates[1]: the name "g" is taken on line 4`},
		{"gate without a meter", gated + "  - {name: g, query: up, good: '== 1'}\n", `gate "g": write its meter`},
		{"gate with no such meter", gated + "  - {name: g, meter: n, query: up, good: '== 1'}\n", `gate "g": there is no meter "n": write one of m, or add it to meters`},
		{"gate without a query", gated + "  - {name: g, meter: m, good: '== 1'}\n", `promoter.yaml:4: gate "g": it has no query: write query`},
		{"gate that passes everything", gated + "  - {name: g, meter: m, query: up}\n", `gate "g": it does not say what is good, so it would pass everything: write good: "<= 0.01"`},
		{"condition", gated + "  - {name: g, meter: m, query: up, good: small}\n", `gate "g": good: read condition "small": want an operator and a number`},
		{"condition between", gated + "  - {name: g, meter: m, query: up, good: '== 1', marginal: '~ 2'}\n", `gate "g": marginal: read condition`},
		{"limit", gated + "  - {name: g, meter: m, query: up, good: '== 1', failLimit: 5 of 3}\n", `gate "g": failLimit: "5 of 3" is no number of bad samples among so many: write "3 of 5"`},
		{"budget", gated + "  - {name: g, meter: m, query: up, good: '== 1', blindBudget: 20}\n", `gate "g": blindBudget: "20" is no share: write one such as "20%"`},
		{"query that fills gaps", gated + "  - {name: g, meter: m, query: 'up or vector(0)', good: '== 1'}\n", "vector() answers when the metric does not exist or cannot be read: drop it"},
		{"window over the change", gated + "  - {name: g, meter: m, query: 'rate(x[1d])', good: '== 1'}\n", "which leaves no room before the deadline: use {{window}}"},
		{"no such placeholder", gated + "  - {name: g, meter: m, query: 'x{a=\"{{env}}\"}', good: '== 1'}\n", "unknown placeholder {{env}}: write one of {{window}}, {{environment}}"},
		{"a pass by default", gated + "  - {name: g, meter: m, query: up, good: '== 1', onInconclusive: pass}\n", `gates[0].onInconclusive: "pass" is not one of hold, extend, require-approval`},
		{"no data is good, unwatched", gated + "  - {name: g, meter: m, query: up, good: '== 1', noDataIsGood: true}\n", "only beside a sentinel"},
		{"share of nobody knows what", gated + "  - {name: g, meter: m, query: up, good: '<= 1', measure: bad}\n", "needs a query for events: without their number nobody knows its noise: write events"},
		{"no time", gated + "  - {name: g, meter: m, query: up, good: '== 1', interval: 20m}\n", "lengthen deadline, or shorten interval"},
		{"half a second", gated + "  - {name: g, meter: m, query: up, good: '== 1', interval: 500ms}\n", "write one such as 30s or 5m"},
		{"class of a gate", gated + "  - {name: g, meter: m, query: up, good: '== 1', classes: [C9]}\n", `"C9" is not one of C1, C2, C3`},
		{"arguments without a template", gated + "  - {name: g, meter: m, query: up, good: '== 1', args: {a: b}}\n", "args are a template's"},
		{"objective of a level", gated + "  - {name: g, meter: m, query: up, good: '== 1', objective: {target: 99.9%}}\n", "a budget is a share of events: write measure: bad"},
		{"objective without a target", gated + "  - {name: g, meter: m, query: up, good: '== 1', objective: {floor: 1%}}\n", "objective: write its target"},
		{"objective of everything", gated + "  - {name: g, meter: m, query: up, good: '== 1', objective: {target: 100%}}\n", `objective.target: "100%" promises nothing, or everything`},
		{"query and template", gated + "  - {name: g, meter: m, query: up, template: a.yaml}\n", "query is what the template says: take it out, or the template"},
		{"path of a template", gated + "  - {name: g, meter: m, template: ../a.yaml}\n", "paths are relative to the repository's root"},
		{"relative query", engine + "meters: [{name: m, kind: json, value: $.a}]\ngates: [{name: g, meter: m, query: /a, good: '== 1'}]\n", `the query "/a" is no URL`},
		{"placeholder in a host", engine + "meters: [{name: m, kind: json, value: $.a}]\ngates: [{name: g, meter: m, query: 'https://{{tenant}}.example.com/', good: '== 1'}]\n", "write one meter for each host"},
		{"secrets to elsewhere", engine + "meters: [{name: m, kind: json, value: $.a, url: 'https://a.example.com', tokenFrom: T}]\ngates: [{name: g, meter: m, query: 'https://a.example.com.evil.example/', good: '== 1'}]\n", `meter "m" sends secrets to https://a.example.com only`},
	}
	for _, tt := range tests {
		_, err := Parse("promoter.yaml", []byte(tt.text))
		if err == nil {
			t.Errorf("%s: no mistake is seen", tt.name)
			continue
		}
		if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, err, tt.want)
		}
		if strings.Contains(err.Error(), "eyJ.secret") || strings.Contains(err.Error(), "s3cr3t") || strings.Contains(err.Error(), "u:p@") {
			t.Errorf("%s: the secret is told: %v", tt.name, err)
		}
	}
}

func parsed(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Parse("promoter.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestPolicyOfDelivery(t *testing.T) {
	t.Parallel()
	p := parsed(t, everything).Policy([]string{"prod-1"})
	if !p.Delivers || p.Reverts != promoter.MergeAutomatic || p.RevertScope != promoter.RevertFailed || !p.Ends || p.Patience != 2*time.Hour {
		t.Errorf("policy %+v", p)
	}
	if w := p.Waves[1]; w.Quorum != 90 || w.MaxFailures != 0 || w.MaxFailuresPercent != 5 {
		t.Errorf("wave %+v", w)
	}
	if p.Classes[promoter.C1].Revert != promoter.MergeAutomatic || p.Classes[promoter.C2].Revert != "" {
		t.Errorf("classes %+v", p.Classes)
	}
	want := []promoter.Gate{
		{
			Name: "errors", Environments: []string{"prod-*"}, Tenants: []string{"acme"}, Apps: []string{"web-*"}, Classes: []promoter.Class{"C1", "C3"},
			Per: []string{"environment", "app"}, Text: "error ratio: <= 0.01 over 5m windows, at least 15m, fails at 2 bad of 4 or 2 in a row; only warns",
		},
		{Name: "alerts", Per: []string{"app"}, Text: "value: == 0 whenever it is asked, at least 10m, fails at 3 bad of 5"},
		{Name: "cart", Text: "success ratio: >= 0.9 whenever it is asked, at least 10m, fails at 3 bad of 5"},
		{Name: "revenue", Per: []string{"tenant"}, Text: "value: > 100 over 5m windows, at least 10m, fails at 3 bad of 5"},
		{Name: "canary", Text: "template analysis/web.yaml, which is not read"},
	}
	if diff := cmp.Diff(want, p.Gates); diff != "" {
		t.Errorf("gates (-want +got):\n%s", diff)
	}
	p = parsed(t, engine+"pulls: {newer: hold}\nwaves: [{name: a, environments: [a], maxFailures: 2}]\n").Policy(nil)
	if !p.Delivers || p.Reverts != promoter.MergeApproved || p.RevertScope != promoter.RevertWave || p.Patience != time.Hour || p.Ends || p.Newer != promoter.NewerHolds || p.Waves[0].MaxFailures != 2 {
		t.Errorf("defaults %+v", p)
	}
	if Default().Policy(nil).Delivers {
		t.Error("it delivers without an engine")
	}
}

func TestGatesAsTheyAreJudged(t *testing.T) {
	t.Parallel()
	c := parsed(t, everything)
	gates := c.SLOGates()
	got := gates["errors"]
	if diff := cmp.Diff(slo.Limit{Bad: 2, Of: 4}, got.Gate.FailLimit); diff != "" {
		t.Errorf("limit (-want +got):\n%s", diff)
	}
	if got.Meter != "prom" || got.Gate.Mode != slo.Warn || got.Gate.BlindBudget != 0.1 || got.Gate.MinEvents != 100.5 || got.Gate.Extensions != 2 {
		t.Errorf("gate %+v", got)
	}
	if diff := cmp.Diff(&slo.Objective{Target: 0.999, Period: 28 * 24 * time.Hour}, got.Objective); diff != "" {
		t.Errorf("objective (-want +got):\n%s", diff)
	}
	if got.Floor != 0.1 || got.Allowance != 0.05 {
		t.Errorf("floor %v, allowance %v", got.Floor, got.Allowance)
	}
	if g := gates["cart"].Gate; g.Query != "https://shop.example.com" || !g.Instant || g.Language != slo.URL {
		t.Errorf("probe %+v", g)
	}
	if g := gates["revenue"].Gate; g.Query != "https://sales.example.com/{{tenant}}?at={{at}}" || g.Instant {
		t.Errorf("json %+v", g)
	}
	if g := gates["alerts"].Gate; !g.Instant || g.Language != slo.Matchers {
		t.Errorf("alerts %+v", g)
	}
	for name, g := range gates {
		if err := g.Gate.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	at := promoter.Reached{Environment: "prod-1", Tenant: "acme", App: "web-shop"}
	if !c.Concerns("errors", at) {
		t.Error("the gate is not about its own place")
	}
	at.Environment = "dev"
	if c.Concerns("errors", at) || c.Concerns("no such gate", at) {
		t.Error("a gate is about places that it does not name")
	}
}

func analysis(condition string) string {
	return `apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: web}
spec:
  args: [{name: app}]
  metrics:
  - name: errors
    interval: 1m
    count: 5
    successCondition: ` + condition + `
    provider:
      prometheus:
        query: sum(rate(errors{app="{{args.app}}"}[2m]))
  - name: latency
    successCondition: result[0] <= 0.5
    provider:
      prometheus:
        query: histogram_quantile(0.9, rate(latency_bucket{app="{{args.app}}"}[2m]))
`
}

func TestTemplatesAreGates(t *testing.T) {
	t.Parallel()
	text := gated + "  - {name: canary, meter: m, template: a/web.yaml, args: {app: '{{app}}'}, sentinel: up, mode: warn, blindBudget: 0%}\n"
	read := func(content string) func(string) ([]byte, error) {
		return func(path string) ([]byte, error) {
			if path != "a/web.yaml" {
				return nil, errors.New("no such file")
			}
			return []byte(content), nil
		}
	}
	c := parsed(t, text)
	if len(c.SLOGates()) != 0 {
		t.Error("a template that was not read is a gate")
	}
	if err := c.ReadTemplates(read(analysis("result[0] <= 5"))); err != nil {
		t.Fatal(err)
	}
	gates := c.SLOGates()
	g := gates["canary/web/errors"]
	if g.Meter != "m" || g.Gate.Query != `sum(rate(errors{app="{{app}}"}[2m]))` || g.Gate.Mode != slo.Warn || g.Gate.Sentinel != "up" || g.Gate.BlindBudget != -1 || g.Gate.Good.String() != "<= 5" {
		t.Errorf("gate %+v", g)
	}
	var names []string
	for _, g := range c.Policy(nil).Gates {
		names = append(names, g.Name+" per "+strings.Join(g.Per, ","))
	}
	if want := []string{"canary/web/errors per app", "canary/web/latency per app"}; !slices.Equal(names, want) {
		t.Errorf("policy has %q, want %q", names, want)
	}
	if !c.Concerns("canary/web/latency", promoter.Reached{App: "x"}) {
		t.Error("a template's gate is about nothing")
	}

	for _, tt := range []struct{ name, content, want string }{
		{"passes without data", analysis("len(result) == 0 || result[0] <= 5"), `a/web.yaml:10: gate "canary": metric "errors": it holds when the query answers with nothing: compare result[0] with a number`},
		{"asks another kind", strings.ReplaceAll(analysis("result[0] <= 5"), "prometheus:\n        query: sum", "web:\n        url: https://x/sum"), `meter "m" is a prometheus: name a meter of kind json`},
		{"no template", "a: b\n", `promoter.yaml:4: gate "canary": a/web.yaml holds no AnalysisTemplate`},
	} {
		err := parsed(t, text).ReadTemplates(read(tt.content))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s:\n got %v\nwant %s", tt.name, err, tt.want)
		}
		use := parsed(t, text).On(Ground{Read: read(tt.content)})
		if !strings.Contains(use.Mistakes.Error(), tt.want) {
			t.Errorf("%s: check says %v", tt.name, use.Mistakes)
		}
	}
	absent := parsed(t, strings.ReplaceAll(text, "a/web.yaml", "b.yaml"))
	if err := absent.ReadTemplates(read("")); err == nil || !strings.Contains(err.Error(), `promoter.yaml:4: gate "canary": template "b.yaml" cannot be read: no such file`) {
		t.Errorf("absent: %v", err)
	}
	if use := absent.On(Ground{}); !strings.Contains(use.Mistakes.Error(), `template "b.yaml" is no file of the repository`) {
		t.Errorf("absent: check says %v", use.Mistakes)
	}
}

func TestDeliveryOnARepository(t *testing.T) {
	t.Parallel()
	use := parsed(t, "policies: {C3: {merge: automatic}}\n"+prom).On(Ground{})
	for _, want := range []string{
		"promoter.yaml:1: policies.C3.merge: automatic: without an engine that says how far a merge has come nothing is merged by itself",
		`promoter.yaml:2: meter "m": no gate asks it, and no silence is kept there`,
	} {
		if !strings.Contains(use.Warnings.Error(), want) {
			t.Errorf("warnings %v, want %s", use.Warnings, want)
		}
	}
	use = parsed(t, "environments: [{name: a, paths: [a/**]}]\n"+gated+"  - {name: g, meter: m, query: up, good: '== 1', environments: [b]}\n").On(Ground{Paths: []string{"a/x.yaml"}})
	if want := `promoter.yaml:5: gate "g": no environment is called "b": there are a`; !strings.Contains(use.Mistakes.Error(), want) {
		t.Errorf("mistakes %v, want %s", use.Mistakes, want)
	}
	if len(use.Warnings) > 0 {
		t.Errorf("warnings %v", use.Warnings)
	}
	use = parsed(t, "environments: [{name: a, paths: [a/**]}, {name: b, paths: [b/**], cluster: c}]\n"+gated+"  - {name: g, meter: m, query: 'up{cluster=\"{{cluster}}\"}', good: '== 1'}\n").On(Ground{Paths: []string{"a/x.yaml", "b/x.yaml"}})
	want := `promoter.yaml:5: gate "g": its query names {{cluster}}, and environment "a" has none, so nothing there would pass: write cluster at the environment, or the gate's environments`
	if use.Warnings.Error() != want {
		t.Errorf("warnings %v, want %s", use.Warnings, want)
	}
}

// The example that init writes works once its comment signs are gone.
func TestTheExampleWorks(t *testing.T) {
	t.Parallel()
	text := string(Draft{}.Write(nil))
	at := strings.Index(text, "# delivery:\n")
	if at < 0 {
		t.Fatalf("no example:\n%s", text)
	}
	var example strings.Builder
	for line := range strings.Lines(text[at:]) {
		example.WriteString(strings.TrimPrefix(line, "# "))
	}
	c := parsed(t, text[:at]+example.String())
	if p := c.Policy(nil); !p.Delivers || len(p.Gates) != 1 || len(p.Gates[0].Per) != 1 {
		t.Errorf("policy %+v", p)
	}
}

// Whatever is accepted is printed as something that means the same.
func FuzzEffective(f *testing.F) {
	f.Add(everything)
	f.Add(engine + "waves: [{name: a, environments: [a], quorum: 90%, maxFailures: 5%}]\n")
	f.Add(gated + "  - {name: g, meter: m, query: up, good: '== 1', failLimit: 3 of 5, blindBudget: 0%}\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse("promoter.yaml", []byte(text))
		if err != nil {
			return
		}
		printed := c.Effective(c.On(Ground{}))
		again, err := Parse("effective.yaml", printed)
		if err != nil {
			t.Fatalf("%v\n%s", err, printed)
		}
		if diff := cmp.Diff(c.Policy(nil).Gates, again.Policy(nil).Gates); diff != "" {
			t.Errorf("gates (-written +printed):\n%s", diff)
		}
		if diff := cmp.Diff(c.SLOGates(), again.SLOGates()); diff != "" {
			t.Errorf("gates as judged (-written +printed):\n%s", diff)
		}
	})
}
