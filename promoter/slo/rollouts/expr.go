package rollouts

import (
	"fmt"
	"regexp"
	"strings"
)

// expr is a part of a condition in the expression language of Rollouts, so far
// as conditions use it: comparisons, and, or, not, calls, indexes and fields.
type expr struct {
	op     string // "&&" "||" "!" "-" "<" … "ident" "number" "string" "call" "index" "field" "closure"
	text   string // an ident's name, a number, a call's function, an index as "[0]", a field's name
	kids   []*expr
	at     int // byte offset
	source string
}

var tokens = regexp.MustCompile(`^(?:[A-Za-z_#][A-Za-z0-9_]*|\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|&&|\|\||==|!=|<=|>=|[<>!()\[\]{},.-])`)

type token struct {
	text string
	at   int
}

// maxDepth bounds nesting: conditions are written by anybody.
const maxDepth = 50

type parser struct {
	source string
	tokens []token
	pos    int
	depth  int
}

func parseExpr(source string) (*expr, error) {
	p := &parser{source: source}
	for at := 0; at < len(source); {
		if strings.ContainsRune(" \t\r\n", rune(source[at])) {
			at++
			continue
		}
		t := tokens.FindString(source[at:])
		if t == "" {
			return nil, fmt.Errorf("condition %q is not understood at %.10q", source, source[at:])
		}
		p.tokens = append(p.tokens, token{t, at})
		at += len(t)
	}
	e, err := p.or()
	if err == nil && p.pos < len(p.tokens) {
		err = p.fail()
	}
	return e, err
}

func (p *parser) fail() error {
	if p.pos >= len(p.tokens) {
		return fmt.Errorf("condition %q ends too early", p.source)
	}
	return fmt.Errorf("condition %q is not understood at %q", p.source, p.tokens[p.pos].text)
}

// take consumes the next token if it is one of these.
func (p *parser) take(texts ...string) (token, bool) {
	if p.pos < len(p.tokens) {
		for _, t := range texts {
			if p.tokens[p.pos].text == t {
				p.pos++
				return p.tokens[p.pos-1], true
			}
		}
	}
	return token{}, false
}

func (p *parser) node(op, text string, start int, kids ...*expr) *expr {
	last := p.tokens[p.pos-1]
	at := p.tokens[start].at
	return &expr{op: op, text: text, kids: kids, at: at, source: p.source[at : last.at+len(last.text)]}
}

func (p *parser) or() (*expr, error) { return p.chain("||", "or", p.and) }

func (p *parser) and() (*expr, error) { return p.chain("&&", "and", p.relation) }

func (p *parser) chain(op, word string, next func() (*expr, error)) (*expr, error) {
	if p.depth++; p.depth > 2*maxDepth {
		return nil, fmt.Errorf("condition %.40q… is nested too deep", p.source)
	}
	defer func() { p.depth-- }()
	start := p.pos
	first, err := next()
	if err != nil {
		return nil, err
	}
	kids := []*expr{first}
	for {
		if _, ok := p.take(op, word); !ok {
			break
		}
		k, err := next()
		if err != nil {
			return nil, err
		}
		kids = append(kids, k)
	}
	if len(kids) == 1 {
		return first, nil
	}
	return p.node(op, "", start, kids...), nil
}

func (p *parser) relation() (*expr, error) {
	start := p.pos
	left, err := p.unary()
	if err != nil {
		return nil, err
	}
	op, ok := p.take("==", "!=", "<=", ">=", "<", ">")
	if !ok {
		return left, nil
	}
	right, err := p.unary()
	if err != nil {
		return nil, err
	}
	return p.node(op.text, "", start, left, right), nil
}

func (p *parser) unary() (*expr, error) {
	start := p.pos
	t, ok := p.take("!", "not", "-")
	if !ok {
		return p.postfix()
	}
	if p.depth++; p.depth > 2*maxDepth {
		return nil, fmt.Errorf("condition %.40q… is nested too deep", p.source)
	}
	defer func() { p.depth-- }()
	k, err := p.unary()
	if err != nil {
		return nil, err
	}
	op := "!"
	if t.text == "-" {
		op = "-"
	}
	return p.node(op, "", start, k), nil
}

func (p *parser) postfix() (*expr, error) {
	start := p.pos
	e, err := p.primary()
	for err == nil {
		if _, ok := p.take("["); ok {
			var index *expr
			if index, err = p.or(); err != nil {
				break
			}
			if _, ok := p.take("]"); !ok {
				return nil, p.fail()
			}
			e = p.node("index", "["+index.source+"]", start, e)
			continue
		}
		if _, ok := p.take("."); ok {
			if p.pos >= len(p.tokens) || !word(p.tokens[p.pos].text) {
				return nil, p.fail()
			}
			p.pos++
			e = p.node("field", p.tokens[p.pos-1].text, start, e)
			continue
		}
		if _, ok := p.take("("); ok && e.op == "ident" {
			kids, failed := p.list(")")
			if failed != nil {
				return nil, failed
			}
			e = p.node("call", e.text, start, kids...)
			continue
		} else if ok {
			p.pos--
			return nil, p.fail()
		}
		break
	}
	return e, err
}

func (p *parser) list(end string) ([]*expr, error) {
	var kids []*expr
	for {
		if _, ok := p.take(end); ok {
			return kids, nil
		}
		if len(kids) > 0 {
			if _, ok := p.take(","); !ok {
				return nil, p.fail()
			}
		}
		k, err := p.or()
		if err != nil {
			return nil, err
		}
		kids = append(kids, k)
	}
}

func (p *parser) primary() (*expr, error) {
	if p.pos >= len(p.tokens) {
		return nil, p.fail()
	}
	start, t := p.pos, p.tokens[p.pos]
	switch c := t.text[0]; {
	case t.text == "(" || t.text == "{":
		p.pos++
		e, err := p.or()
		if err != nil {
			return nil, err
		}
		if t.text == "{" { // the closure of all(result, {# < 1})
			if _, ok := p.take("}"); !ok {
				return nil, p.fail()
			}
			return p.node("closure", "", start, e), nil
		}
		if _, ok := p.take(")"); !ok {
			return nil, p.fail()
		}
		return e, nil
	case word(t.text):
		p.pos++
		return p.node("ident", t.text, start), nil
	case c >= '0' && c <= '9' || c == '.' && len(t.text) > 1:
		p.pos++
		return p.node("number", t.text, start), nil
	case c == '"' || c == '\'':
		p.pos++
		return p.node("string", t.text, start), nil
	}
	return nil, p.fail()
}

func word(t string) bool {
	c := t[0]
	return c == '_' || c == '#' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
