package config

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"
)

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("promoter.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("promoter.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asJSON is a YAML text as an editor's validator sees it.
func asJSON(t *testing.T, text string) any {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(text), &n); err != nil {
		t.Fatal(err)
	}
	if len(n.Content) == 0 {
		return map[string]any{}
	}
	v, err := plain(n.Content[0])
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func plain(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.AliasNode:
		return plain(n.Alias)
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			v, err := plain(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			out[n.Content[i].Value] = v
		}
		return out, nil
	case yaml.SequenceNode:
		out := []any{}
		for _, item := range n.Content {
			v, err := plain(item)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	case yaml.ScalarNode:
		if n.Tag == "!!timestamp" {
			return n.Value, nil // JSON has no dates
		}
		var v any
		return v, n.Decode(&v)
	}
	return nil, errors.New("no such kind of node")
}

// What is good is good to both, what is bad in its shape to neither.
func TestSchemaAgreesWithTheDecoder(t *testing.T) {
	t.Parallel()
	s := compiled(t)
	good := map[string]string{
		"empty":      "",
		"version":    "version: 1\n",
		"everything": everything,
		"one for a list": "environments: [{name: prod, paths: '**/prod/**'}]\n" +
			"waves: [{name: prod, environments: prod}]\n",
		"numbers as names": "environments: [{name: 1, paths: [1/**], labels: {tier: 2, on: true}}]\nwaves: [{name: a, environments: [1]}]\n",
		"dates":            "freezes: [{name: x, from: 2026-12-20, to: 2026-12-27}]\n",
		"no wait":          "waves: [{name: a, environments: [x], soak: 0}]\n",
		"anchors":          "pulls: {labels: &l [a, b], reviewers: *l}\n",
	}
	for name, text := range good {
		if _, err := Parse("promoter.yaml", []byte(text)); err != nil {
			t.Errorf("%s: decoder: %v", name, err)
		}
		if err := s.Validate(asJSON(t, text)); err != nil {
			t.Errorf("%s: schema: %v", name, err)
		}
	}
	bad := map[string]string{
		"unknown key":               "wave: []\n",
		"unknown key in a list":     "waves: [{name: a, environments: [x], soaks: 1h}]\n",
		"unknown key in a map":      "policies: {C1: {merges: manual}}\n",
		"not a class":               "policies: {C4: {merge: manual}}\n",
		"class of a rule":           "classes: [{class: c1, match: {artifacts: [x]}}]\n",
		"class absent":              "classes: [{match: {artifacts: [x]}}]\n",
		"version of the file":       "version: 2\n",
		"name absent":               "waves: [{environments: [x]}]\n",
		"name with a slash":         "waves: [{name: a/b, environments: [x]}]\n",
		"word of an enum":           "pulls: {ahead: every}\n",
		"word of an enum in a list": "updates: [{match: {kinds: [helm]}}]\n",
		"day":                       "windows: [{days: [monday], from: '22:00', to: '23:00'}]\n",
		"time of day":               "windows: [{from: '25:00', to: '23:00'}]\n",
		"length of time":            "waves: [{name: a, environments: [x], soak: soon}]\n",
		"length without a unit":     "waves: [{name: a, environments: [x], soak: 30}]\n",
		"negative":                  "pulls: {maxOpen: -1}\n",
		"fraction":                  "pulls: {maxOpen: 1.5}\n",
		"text for a number":         "pulls: {maxOpen: many}\n",
		"text for a switch":         "pulls: {splitBase: sure}\n",
		"list for a section":        "pulls: [labels]\n",
		"section for a list":        "waves: {name: a}\n",
		"list for a text":           "pulls: {title: [a]}\n",
		"section in a list":         "pulls: {labels: [{a: b}]}\n",
	}
	for name, text := range bad {
		if _, err := Parse("promoter.yaml", []byte(text)); err == nil {
			t.Errorf("%s: the decoder takes it", name)
		}
		if err := s.Validate(asJSON(t, text)); err == nil {
			t.Errorf("%s: the schema takes it", name)
		}
	}
}

// Every key of every section is described and has a value that the example
// below sets, so that a new key without either is noticed.
func TestEveryKeyIsDescribedAndTried(t *testing.T) {
	t.Parallel()
	c, err := Parse("promoter.yaml", []byte(everything))
	if err != nil {
		t.Fatal(err)
	}
	tried := map[string]bool{}
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				f := v.Type().Field(i)
				key := f.Tag.Get("yaml")
				if key == "" || key == "-" {
					continue
				}
				if f.Tag.Get("doc") == "" {
					t.Errorf("%s has no description", join(v.Type().Name(), key))
				}
				at := join(v.Type().Name(), key)
				tried[at] = tried[at] || !v.Field(i).IsZero()
				walk(v.Field(i))
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i))
			}
		case reflect.Map:
			for _, k := range v.MapKeys() {
				walk(v.MapIndex(k))
			}
		}
	}
	walk(reflect.ValueOf(c).Elem())
	for key, ok := range tried {
		if !ok {
			t.Errorf("%s is not in the example", key)
		}
	}
}

const everything = `
version: 1
ignore: [docs/]
environments:
  - name: "{env}-{n}"
    paths: ["clusters/{env}-{n}/**"]
    apps: ["*-{env}-{n}"]
    clusters: ["{env}-{n}"]
    tenant: acme
    cluster: "{env}-{n}"
    labels: {tier: "{env}"}
waves:
  - {name: first, labels: {tier: dev}}
  - name: second
    environments: ["prod-*"]
    labels: {tier: prod}
    after: [first]
    split: cluster
    maxConcurrent: 2
    soak: 1h30m
    quorum: 90%
    maxFailures: 5%
classes:
  - class: C1
    match: {artifacts: [cert-manager], kinds: [chart], paths: ["infra/**"], environments: ["prod-*"], tenants: [acme]}
policies:
  C1: {merge: approval, approvals: {count: 2, from: [acme/platform]}, soak: 1d, revert: automatic}
updates:
  - match: {kinds: [image]}
    allow: minor
    constraint: "<2"
    ignore: ["1.5.0"]
    minimumReleaseAge: 3d
    prereleases: true
    security: true
groups:
  - {name: mesh, artifacts: [istiod, gateway], ordered: true, lockstep: true}
windows:
  - {environments: ["prod-*"], tenants: [acme], days: [mon, tue], from: "22:00", to: "04:00", zone: Europe/Berlin}
freezes:
  - {name: holidays, environments: ["prod-*"], tenants: [acme], from: "2026-12-20", to: "2027-01-02T08:00", zone: Europe/Berlin}
pulls:
  base: main
  ahead: next
  newer: finish
  maxOpen: 5
  labels: [promoter]
  reviewers: [alice]
  assignees: [bob]
  method: squash
  title: "{{ .Title }}"
  splitBase: true
  templates: .promoter
  author: Bot <bot@example.com>
extractors:
  - {name: tools, files: ["Makefile"], match: "TOOL=(?P<version>.+)", kind: image, artifact: org/tool, source: ghcr.io}
sources:
  allowPrivate: [10.0.0.0/8]
  mirrors: [{from: docker.io, to: mirror.example.com}]
  concurrency: 2
  budget: 100
  timeout: 10s
rules: {disable: [stale-chart], staleAfter: 365d}
delivery:
  argocd:
    - name: main
      server: https://argocd.example.com
      tokenFrom: ARGOCD_TOKEN
      caFile: /etc/argocd/ca.pem
      plain: true
      selector: team=web
      projects: [web]
      environments: ["prod-*"]
      clusters: ["prod-*"]
    - {name: inside, kubeconfig: /etc/kube/dev, context: dev, namespace: argocd, version: v3.1.4}
  flux:
    - {cluster: edge, kubeconfig: /etc/kube/edge, context: edge, environments: ["prod-*"]}
  dwell: 1m
  degradedGrace: 2m
  progressDeadline: 20m
  refreshPatience: 10m
  stuckAfter: 5m
  suspendedIsHealthy: true
  driftTolerant: true
  endOperations: true
  patience: 2h
  reverts: automatic
  revertScope: failed
meters:
  - name: prom
    kind: prometheus
    url: https://prometheus.example.com
    tokenFrom: PROM_TOKEN
    headersFrom: {X-Scope-OrgID: PROM_TENANT}
    caFile: /etc/prom/ca.pem
    plain: true
    ready: "-"
  - {name: alerts, kind: alertmanager, url: "https://alerts.example.com", userFrom: ALERTS_USER, passwordFrom: ALERTS_PASSWORD}
  - name: journey
    kind: probe
    url: https://shop.example.com
    steps:
      - {method: GET, path: /cart, status: [200, 304], match: cart, absent: error, within: 5s}
  - {name: sales, kind: json, url: "https://sales.example.com", value: $.value, events: $.events, newest: $.at}
silences:
  - {name: noise, meter: alerts, match: 'namespace="{{app}}", severity="warning"', environments: [production-*], tenants: [acme], classes: [C3]}
gates:
  - name: errors
    meter: prom
    environments: ["prod-*"]
    tenants: [acme]
    apps: ["web-*"]
    classes: [C1, C3]
    query: sum(rate(http_errors{env="{{environment}}",app="{{app}}"}[{{window}}])) / sum(rate(http_requests{env="{{environment}}",app="{{app}}"}[{{window}}]))
    events: sum(increase(http_requests{env="{{environment}}",app="{{app}}"}[{{window}}]))
    newest: max(timestamp(http_requests{env="{{environment}}"}))
    sentinel: count(up{job="web"} == 1)
    good: "<= 0.01"
    marginal: "<= 0.02"
    measure: bad
    series: 1
    interval: 1m
    window: 5m
    scrape: 15s
    settle: 1m
    lag: 10s
    minDuration: 15m
    deadline: 1h
    minGood: 6
    lastGood: 2
    minEvents: 100.5
    failLimit: 2 of 4
    confirmAfter: 20s
    blindBudget: 10%
    baselinePoints: 4
    onInconclusive: extend
    extensions: 2
    mode: warn
    critical: true
    control: true
    compare: true
    noTrafficIsGood: true
    noDataIsGood: true
    tolerated: ["PromQL info:"]
    objective: {target: 99.9%, period: 28d, floor: 10%, allowance: 5%}
  - {name: alerts, meter: alerts, query: 'severity="critical",app="{{app}}"', good: == 0}
  - {name: cart, meter: journey, good: ">= 0.9", measure: ok}
  - {name: revenue, meter: sales, query: "/{{tenant}}?at={{at}}", good: "> 100"}
  - {name: canary, meter: prom, template: analysis/web.yaml, args: {app: "{{app}}"}}
`
