package rollouts

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"promoter/promoter/slo"
	"promoter/promoter/yamltree"
)

// conditions reads what is success and what is failure.
func (m *metric) conditions(out *Metric) {
	success, failure := strings.TrimSpace(m.text("successCondition")), strings.TrimSpace(m.text("failureCondition"))
	sn, fn := m.node.Get("successCondition"), m.node.Get("failureCondition")
	switch {
	case success == "" && failure == "":
		m.refuse(RuleNoCondition, nil, "", 0, "without a condition every measurement is a success", "write a successCondition")
		return
	case success == "":
		m.refuse(RuleFailureOnly, fn, "failureCondition", 0,
			fmt.Sprintf("with only a failureCondition whatever is not %q is a success, NaN too", failure), "write a successCondition; a failureCondition may stand beside it")
		return
	}
	s := m.parse(sn, "successCondition", success)
	if s == nil {
		return
	}
	c := &collector{}
	if t, ok := c.success(s); !ok {
		m.refuse(t.rule, sn, "successCondition", m.offset(sn, t.at), t.why, t.remedy)
		return
	}
	if len(c.all) == 0 {
		m.refuse(RuleEmptyPasses, sn, "successCondition", 0, "it asks whether there is data and not what it says", wantNumber)
		return
	}
	if !m.field(out, sn, "successCondition", c.field) {
		return
	}
	out.Gate.Good = c.all
	if failure == "" {
		return
	}
	f := m.parse(fn, "failureCondition", failure)
	if f == nil {
		return
	}
	bad := &collector{field: c.field, read: true}
	if t, ok := bad.failure(f); !ok {
		m.refuse(t.rule, fn, "failureCondition", m.offset(fn, t.at), t.why, t.remedy)
		return
	}
	// What is not a failure and not a success is inconclusive there, and
	// marginal here.
	marginal := make(slo.Condition, len(bad.all))
	for i, x := range bad.all {
		marginal[i] = slo.Comparison{Op: negated[x.Op], Threshold: x.Threshold}
	}
	if len(marginal) == 0 { // it fails on missing data only, which is blind
		return
	}
	if v, both := overlap(out.Gate.Good, marginal); both {
		m.refuse(RuleUnreadable, fn, "failureCondition", 0, fmt.Sprintf("at %s it is success and failure at once", strconv.FormatFloat(v, 'g', 6, 64)), "let the conditions exclude each other")
		return
	}
	out.Gate.Marginal = marginal
}

func (m *metric) parse(n *yamltree.Node, key, text string) *expr {
	e, err := parseExpr(text)
	if err != nil {
		m.refuse(RuleUnreadable, n, key, 0, err.Error(), "compare result[0] with a number")
		return nil
	}
	return e
}

// offset is where in the written text the parsed one's offset is; they differ
// by what was trimmed and by arguments, after which only the line's start is
// still right.
func (m *metric) offset(n *yamltree.Node, at int) int {
	if argument.MatchString(n.Value) {
		return 0
	}
	return at + len(n.Value) - len(strings.TrimLeft(n.Value, " \t\n"))
}

// field adds what a condition reads of a web result to the metric's path.
func (m *metric) field(out *Metric, n *yamltree.Node, key, field string) bool {
	if field == "" {
		return true
	}
	if out.Provider != "web" {
		m.refuse(RuleUnreadable, n, key, 0, fmt.Sprintf("a query's result has no field %q", field), "compare result[0] with a number")
		return false
	}
	out.JSONPath += field
	return true
}

var negated = map[string]string{"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
var flipped = map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}

// overlap finds a number that is good and a failure (not in rest).
func overlap(good, rest slo.Condition) (float64, bool) {
	points := []float64{0}
	for _, c := range slices.Concat(good, rest) {
		d := 1e-6 * max(1, c.Threshold, -c.Threshold)
		points = append(points, c.Threshold, c.Threshold-d, c.Threshold+d, c.Threshold-1e6*d, c.Threshold+1e6*d)
	}
	slices.Sort(points)
	for i, v := range points {
		for _, v := range []float64{v, (v + points[max(0, i-1)]) / 2} {
			if good.Holds(v) && !rest.Holds(v) {
				return v, true
			}
		}
	}
	return 0, false
}

// trap is why a condition is refused.
type trap struct {
	rule   string
	at     int
	why    string
	remedy string
}

// collector gathers the comparisons of a condition.
type collector struct {
	all   slo.Condition
	field string // ".a.b" of result.a.b; the same in every comparison
	read  bool
}

func refused(rule string, e *expr, why, remedy string) (trap, bool) {
	return trap{rule, e.at, why, remedy}, false
}

const wantNumber = "compare result[0] with a number; missing data is blind by itself"

// success reads a conjunction of comparisons. What asks for data to be there
// is dropped, because a sample without data is never good; what holds without
// data is a trap.
func (c *collector) success(e *expr) (trap, bool) {
	switch {
	case e.op == "&&":
		for _, k := range e.kids {
			if t, ok := c.success(k); !ok {
				return t, false
			}
		}
		return trap{}, true
	case e.op == "||":
		return c.alternatives(e)
	}
	switch kind := c.kind(e); kind {
	case present:
		return trap{}, true
	case absentEmpty:
		return refused(RuleEmptyPasses, e, "it holds when the query answers with nothing", wantNumber)
	case absentNaN:
		return refused(RuleNaNPasses, e, "it holds when the result is no number", wantNumber)
	case constant:
		return refused(RuleConstant, e, "it does not look at the result", wantNumber)
	case quantified:
		return refused(RuleEmptyPasses, e, "all() and none() hold for an empty result", wantNumber)
	case denied:
		return refused(RuleNaNPasses, e, "the negation of a comparison holds for NaN", "write the comparison the other way round")
	case comparison:
		x, fallback, _ := c.comparison(e)
		if x.Op == "!=" {
			return refused(RuleNaNPasses, e, "NaN differs from every number, so != holds for it", "write what is good with < <= > >= or ==")
		}
		if fallback != nil && (slo.Condition{x}).Holds(*fallback) {
			return refused(RuleDefaultPasses, e, "default() turns missing data into a number that passes", wantNumber)
		}
		c.all = append(c.all, x)
		return trap{}, true
	}
	return refused(RuleUnreadable, e, fmt.Sprintf("%q is not understood", e.source), wantNumber)
}

// alternatives looks for the alternative that holds without data; others are
// more than one comparison can say.
func (c *collector) alternatives(e *expr) (trap, bool) {
	for _, k := range e.kids {
		if t, ok := (&collector{}).success(k); !ok && t.rule != RuleUnreadable {
			return t, false
		}
	}
	return refused(RuleUnreadable, e, "alternatives (||) between values are not judged", "write one condition for each metric")
}

// failure reads a disjunction of comparisons. What fails on missing data is
// dropped: it is blind, which passes nothing either.
func (c *collector) failure(e *expr) (trap, bool) {
	if e.op == "||" {
		for _, k := range e.kids {
			if t, ok := c.failure(k); !ok {
				return t, false
			}
		}
		return trap{}, true
	}
	parts := []*expr{e}
	if e.op == "&&" {
		parts = e.kids
	}
	var found []slo.Comparison
	for _, k := range parts {
		switch c.kind(k) {
		case present, absentEmpty, absentNaN:
		case comparison:
			x, _, _ := c.comparison(k)
			found = append(found, x)
		default:
			return refused(RuleUnreadable, k, fmt.Sprintf("%q is not understood", k.source), "compare result[0] with a number")
		}
	}
	if len(found) > 1 {
		return refused(RuleUnreadable, e, "a failure that needs two comparisons at once is not judged", "write one comparison, or join them with ||")
	}
	c.all = append(c.all, found...)
	return trap{}, true
}
