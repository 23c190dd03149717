package rollouts

import (
	"strconv"
	"strings"

	"promoter/promoter/slo"
)

// kind is what a part of a condition asks.
type kind int

const (
	unknown     kind = iota
	comparison       // of the result with a number
	present          // whether there is data: len(result) > 0, !isNaN(result[0])
	absentEmpty      // whether there is none: len(result) == 0, result == nil
	absentNaN        // whether it is no number: isNaN(result[0]), isInf(result[0])
	constant         // true, 1 == 1
	quantified       // all(result, …), none(result, …)
	denied           // the negation of a comparison
)

func (c *collector) kind(e *expr) kind {
	switch {
	case e.op == "!":
		switch c.kind(e.kids[0]) {
		case present:
			return absentEmpty
		case absentEmpty, absentNaN:
			return present
		case comparison:
			return denied
		}
		return unknown
	case e.op == "ident" && (e.text == "true" || e.text == "false"):
		return constant
	case e.op == "call":
		switch e.text {
		case "isNaN", "isInf":
			if len(e.kids) >= 1 && c.value(e.kids[0]) {
				return absentNaN
			}
		case "isNil":
			if len(e.kids) == 1 && c.value(e.kids[0]) {
				return absentEmpty
			}
		case "all", "none":
			return quantified
		}
		return unknown
	}
	if _, ok := negated[e.op]; !ok {
		return unknown
	}
	left, right := e.kids[0], e.kids[1]
	if _, ok := literal(left); ok {
		if _, ok := literal(right); ok {
			return constant
		}
	}
	if nilOf(left) && c.value(right) || nilOf(right) && c.value(left) {
		if e.op == "==" {
			return absentEmpty
		}
		return present
	}
	if k, ok := c.length(e); ok {
		return k
	}
	if _, _, ok := c.comparison(e); ok {
		return comparison
	}
	return unknown
}

// length reads len(result) compared with a number: whether an empty result
// meets it, or only one that is not.
func (c *collector) length(e *expr) (kind, bool) {
	op, left, right := e.op, e.kids[0], e.kids[1]
	if right.op == "call" {
		op, left, right = flipped[op], right, left
	}
	n, ok := literal(right)
	if !ok || left.op != "call" || left.text != "len" || len(left.kids) != 1 || left.kids[0].op != "ident" {
		return unknown, false
	}
	if (slo.Condition{{Op: op, Threshold: n}}).Holds(0) {
		return absentEmpty, true
	}
	return present, true
}

// comparison reads the result compared with a number; fallback is the number
// that default() puts in place of missing data.
func (c *collector) comparison(e *expr) (x slo.Comparison, fallback *float64, ok bool) {
	if _, known := negated[e.op]; !known {
		return x, nil, false
	}
	op, left, right := e.op, e.kids[0], e.kids[1]
	if _, isNumber := literal(left); isNumber {
		op, left, right = flipped[op], right, left
	}
	n, isNumber := literal(right)
	if !isNumber {
		return x, nil, false
	}
	if left.op == "call" && left.text == "default" && len(left.kids) == 2 {
		d, isNumber := literal(left.kids[1])
		if !isNumber {
			return x, nil, false
		}
		fallback, left = &d, left.kids[0]
	}
	return slo.Comparison{Op: op, Threshold: n}, fallback, c.value(left)
}

// value reports whether e is the measured number: result, result[0],
// asFloat(result), or a web result's field, which must be the same each time.
func (c *collector) value(e *expr) bool {
	if e.op == "call" && e.text == "asFloat" && len(e.kids) == 1 {
		return c.value(e.kids[0])
	}
	if e.op == "index" && e.text == "[0]" && e.kids[0].op == "ident" {
		e = e.kids[0]
	}
	field := ""
	for e.op == "field" {
		field, e = "."+e.text+field, e.kids[0]
	}
	if e.op != "ident" || e.text != "result" || c.read && field != c.field {
		return false
	}
	c.field, c.read = field, true
	return true
}

func nilOf(e *expr) bool { return e.op == "ident" && e.text == "nil" }

func literal(e *expr) (float64, bool) {
	if e.op == "-" {
		n, ok := literal(e.kids[0])
		return -n, ok
	}
	if e.op != "number" {
		return 0, false
	}
	n, err := strconv.ParseFloat(strings.ReplaceAll(e.text, "_", ""), 64)
	return n, err == nil
}
