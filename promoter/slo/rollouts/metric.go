package rollouts

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"promoter/promoter/slo"
	"promoter/promoter/yamltree"
)

// metric reads one metric of a template.
type metric struct {
	*reader
	node   *yamltree.Node
	path   string
	name   string
	args   map[string]string
	before int // findings before this metric's
}

func (m *metric) refuse(rule string, n *yamltree.Node, key string, offset int, evidence, remedy string) {
	path := m.path
	if key != "" {
		path += "." + key
	}
	if n == nil {
		n = m.node
	}
	m.find(rule, m.place(n, path, offset), fmt.Sprintf("metric %q: %s", m.name, evidence), remedy)
}

func (m *metric) read(template string) (Metric, bool) {
	out := Metric{Place: m.place(m.node, m.path, 0)}
	out.Gate.Name = template + "/" + m.name
	m.provider(&out)
	m.conditions(&out)
	m.schedule(&out.Gate)
	if len(m.findings) > m.before {
		return out, false
	}
	if err := out.Gate.Check(); err != nil {
		m.refuse(RuleUnreadable, nil, "", 0, strings.ReplaceAll(err.Error(), "\n", "; "), "write it so that it can be judged after a merge")
		return out, false
	}
	return out, true
}

var argument = regexp.MustCompile(`\{\{\s*args\.([^{}\s]+)\s*\}\}`)

// text is a scalar with its arguments filled in.
func (m *metric) text(keys ...string) string {
	n := m.node.Get(keys...)
	if n == nil || n.Kind != yamltree.Scalar {
		return ""
	}
	return argument.ReplaceAllStringFunc(n.Value, func(s string) string {
		name := argument.FindStringSubmatch(s)[1]
		v, ok := m.args[name]
		if !ok {
			m.refuse(RuleUnreadable, n, strings.Join(keys, "."), 0, fmt.Sprintf("argument %q has no value here", name), "give the gate a value for it")
		}
		return v
	})
}

func (m *metric) provider(out *Metric) {
	provider := m.node.Get("provider")
	switch {
	case provider.Get("prometheus") != nil:
		out.Provider, out.Gate.Language = "prometheus", slo.PromQL
		out.Address = m.text("provider", "prometheus", "address")
		out.Gate.Query = strings.TrimSpace(m.text("provider", "prometheus", "query"))
		if n := provider.Get("prometheus", "rangeQuery"); n != nil {
			m.refuse(RuleUnreadable, n, "provider.prometheus.rangeQuery", 0, "a range of results is no single number", "use an instant query with a range inside")
		}
		if n := provider.Get("prometheus", "query"); n != nil {
			m.query(n, out.Gate.Query)
		}
	case provider.Get("web") != nil:
		m.web(out)
	case provider.Get("kayenta") != nil:
		m.refuse(RuleMustHaveData, provider.Get("kayenta"), "provider.kayenta", 0,
			"a canary configuration outside this file decides what a metric without data means, and without mustHaveData it passes", "write the metric itself as a gate")
	default:
		m.refuse(RuleUnreadable, provider, "provider", 0, "its provider is neither prometheus nor web", "write the metric as a gate of its own")
	}
}

// query refuses the spellings that answer when the metric does not.
func (m *metric) query(n *yamltree.Node, filled string) {
	traps := slo.Traps(n.Value)
	if len(traps) == 0 { // an argument may have brought one
		if traps = slo.Traps(filled); len(traps) > 0 {
			traps[0].Offset = 0
		}
	}
	for _, t := range traps {
		m.refuse(RuleFillsGaps, n, "provider.prometheus.query", t.Offset, t.Evidence, t.Remedy)
	}
}

func (m *metric) web(out *Metric) {
	out.Provider, out.Gate.Language, out.Gate.Instant = "web", slo.URL, true
	out.Gate.Query = m.text("provider", "web", "url")
	out.JSONPath = strings.TrimSuffix(strings.TrimPrefix(m.text("provider", "web", "jsonPath"), "{"), "}")
	if out.JSONPath == "" {
		out.JSONPath = "$"
	}
	web := m.node.Get("provider", "web")
	if method := web.Get("method"); method != nil && method.Value != "GET" {
		m.refuse(RuleUnreadable, method, "provider.web.method", 0, "only GET is asked: a measurement must not change what it measures", "offer it by GET")
	}
	for i, h := range web.Get("headers").Items() {
		if out.Headers == nil {
			out.Headers = map[string]string{}
		}
		value := h.Str("value")
		if argument.MatchString(value) {
			value = argument.ReplaceAllStringFunc(value, func(s string) string {
				v, ok := m.args[argument.FindStringSubmatch(s)[1]]
				if !ok {
					m.refuse(RuleUnreadable, h, fmt.Sprintf("provider.web.headers[%d]", i), 0, "an argument has no value here", "give the gate a value for it")
				}
				return v
			})
		}
		out.Headers[h.Str("key")] = value
	}
}

// count reads a whole number; absent is zero.
func (m *metric) count(key string) int {
	text := m.text(key)
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n > 1000 || n < -1000 {
		m.refuse(RuleUnreadable, m.node.Get(key), key, 0, fmt.Sprintf("%s %q is no number that can be counted to", key, text), "write a whole number")
		return 0
	}
	return n
}

func (m *metric) duration(key string) time.Duration {
	text := m.text(key)
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d%time.Second != 0 {
		m.refuse(RuleUnreadable, m.node.Get(key), key, 0, fmt.Sprintf("%s %q is no duration in whole seconds", key, text), "write it as 30s or 5m")
		return 0
	}
	return d
}

// schedule gives the gate the metric's times and limits: so many measurements,
// of which so many may fail.
func (m *metric) schedule(g *slo.Gate) {
	g.Interval, g.Settle = m.duration("interval"), m.duration("initialDelay")
	count := m.count("count")
	if count == 0 && g.Interval == 0 {
		count = 1 // one measurement and no more
	}
	failures, inconclusive := m.count("failureLimit"), m.count("inconclusiveLimit")
	inARow := m.count("consecutiveSuccessLimit")
	if failures < 0 {
		m.refuse(RuleNeverFails, m.node.Get("failureLimit"), "failureLimit", 0, "a failureLimit below zero lets everything fail", "write how many measurements may fail")
		failures = 0
	}
	if count > 0 && failures >= count {
		m.refuse(RuleNeverFails, m.node.Get("failureLimit"), "failureLimit", 0,
			fmt.Sprintf("%d of %d measurements may fail, so it never fails", failures, count), "write a failureLimit below count")
	}
	if count > 0 && inconclusive >= count {
		m.refuse(RuleNeverFails, m.node.Get("inconclusiveLimit"), "inconclusiveLimit", 0,
			fmt.Sprintf("%d of %d measurements may be inconclusive, so it succeeds without one success", inconclusive, count), "write an inconclusiveLimit below count")
	}
	if len(m.findings) > m.before {
		return
	}
	first := g.FirstSlot()
	interval := g.WithDefaults().Interval
	switch {
	case inARow > 0:
		g.MinGood, g.LastGood = inARow, inARow
		g.MinDuration = first + time.Duration(inARow-1)*interval
	case count > 0:
		g.MinGood = max(1, count-failures-max(0, inconclusive))
		g.MinDuration = first + time.Duration(count-1)*interval
	default: // it goes on until it is ended
		g.MinDuration = first + 5*interval
	}
	deadline := max(30*time.Minute, 3*g.MinDuration)
	g.Deadline = deadline
	g.FailLimit = slo.Limit{Bad: failures + 1, Of: max(count, failures+1)}
	if count == 0 {
		// Failures are counted over the whole run.
		g.FailLimit.Of = max(g.FailLimit.Of, int(deadline/interval))
	}
	if g.Instant { // asked several times at once, it must be able to fail
		g.MinGood = max(3, failures+1)
		g.LastGood = 3
	}
}
