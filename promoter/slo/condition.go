package slo

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Comparison is one relation that a number must have to a threshold.
type Comparison struct {
	Op        string  `json:"op"` // < <= > >= == !=
	Threshold float64 `json:"threshold"`
}

// Condition is comparisons that must all hold. An empty one never holds, and
// none holds for a number that is not finite: "+Inf >= 0.95" is no success.
type Condition []Comparison

// ParseCondition reads comparisons joined by "and" or "&&": "<= 0.01",
// ">= 0.95 and <= 1".
func ParseCondition(text string) (Condition, error) {
	var c Condition
	for part := range strings.SplitSeq(strings.ReplaceAll(text, "&&", " and "), " and ") {
		part = strings.TrimSpace(part)
		end := strings.IndexFunc(part, func(r rune) bool { return !strings.ContainsRune("<>=!", r) })
		if end <= 0 {
			return nil, fmt.Errorf("read condition %q: want an operator and a number, as in \"<= 0.01\"", text)
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(part[end:]), 64)
		if err != nil {
			return nil, fmt.Errorf("read condition %q: %q is no number", text, strings.TrimSpace(part[end:]))
		}
		c = append(c, Comparison{part[:end], n})
	}
	return c, c.check()
}

func (c Condition) check() error {
	for _, x := range c {
		switch x.Op {
		case "<", "<=", ">", ">=", "==", "!=":
		default:
			return fmt.Errorf("check condition %q: unknown operator %q", c, x.Op)
		}
		if !finite(x.Threshold) {
			return fmt.Errorf("check condition %q: the threshold is not a finite number", c)
		}
	}
	return nil
}

// Holds reports whether v meets every comparison.
func (c Condition) Holds(v float64) bool {
	if len(c) == 0 || !finite(v) {
		return false
	}
	for _, x := range c {
		ok := false
		switch x.Op {
		case "<":
			ok = v < x.Threshold
		case "<=":
			ok = v <= x.Threshold
		case ">":
			ok = v > x.Threshold
		case ">=":
			ok = v >= x.Threshold
		case "==":
			ok = v == x.Threshold
		case "!=":
			ok = v != x.Threshold
		}
		if !ok {
			return false
		}
	}
	return true
}

// margin is how far v is beyond the condition: above zero is worse than the
// threshold, below it is better. It gives every condition one direction.
func (c Condition) margin(v float64) float64 {
	worst := math.Inf(-1)
	for _, x := range c {
		d := v - x.Threshold
		switch x.Op {
		case ">", ">=":
			d = -d
		case "==":
			d = math.Abs(d)
		case "!=":
			d = -math.Abs(d)
		}
		worst = max(worst, d)
	}
	return worst
}

func (c Condition) String() string {
	parts := make([]string, len(c))
	for i, x := range c {
		parts[i] = x.Op + " " + number(x.Threshold)
	}
	return strings.Join(parts, " and ")
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// number writes a value as people read it.
func number(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
