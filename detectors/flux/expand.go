package flux

import (
	"strings"

	"promoter/detectors"
	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// value is what a variable stands for, and where that is written: nil for a
// default that stands in the variable's own expression.
type value struct {
	text  string
	place *promoter.Place
}

// expander copies a tree with the variables in its scalars replaced. Positions
// stay those of the expressions, and origins remember what stood there.
type expander struct {
	// next finds the first expression in a text; from is negative where
	// there is none.
	next func(text string) (from, to int, v value, ok bool)

	origins map[int]origin // by the scalar's start
	missing bool           // an expression had no value
	done    map[*yamltree.Node]*yamltree.Node
}

type origin struct {
	written string  // the scalar as it stands in the file
	values  []value // that were put in
}

func (e *expander) node(n *yamltree.Node) *yamltree.Node {
	if n == nil {
		return nil
	}
	if c, ok := e.done[n]; ok {
		return c
	}
	if e.done == nil {
		e.done, e.origins = map[*yamltree.Node]*yamltree.Node{}, map[int]origin{}
	}
	c := *n
	e.done[n] = &c
	switch n.Kind {
	case yamltree.Scalar:
		c.Value = e.text(n)
	case yamltree.Alias:
		c.Target = e.node(n.Target)
	default:
		c.Content = make([]*yamltree.Node, len(n.Content))
		for i, child := range n.Content {
			c.Content[i] = e.node(child)
		}
	}
	return &c
}

func (e *expander) text(n *yamltree.Node) string {
	var out strings.Builder
	o, rest := origin{written: n.Value}, n.Value
	for {
		from, to, v, ok := e.next(rest)
		if from < 0 {
			break
		}
		out.WriteString(rest[:from])
		if ok {
			out.WriteString(v.text)
			o.values = append(o.values, v)
		} else {
			out.WriteString(rest[from:to])
			e.missing = true
		}
		rest = rest[to:]
	}
	if len(o.values) == 0 {
		return n.Value
	}
	out.WriteString(rest)
	e.origins[n.Start] = o
	return out.String()
}

// settle moves a pin that was read from the copy to where its version is
// really written: the expression's own text, or the one variable that holds it
// whole. It reports false where no single scalar does.
func (e *expander) settle(p detectors.Pin) (detectors.Pin, bool) {
	if p.DigestPlace != nil {
		if _, ok := e.origins[p.DigestPlace.Start]; ok {
			return p, false
		}
	}
	o, ok := e.origins[p.Place.Start]
	if !ok {
		return p, true
	}
	own := p
	own.Place.Written = o.written
	if holds(own) {
		return own, true
	}
	found := 0
	for _, v := range o.values {
		if v.place == nil {
			continue
		}
		moved := p
		moved.Place = *v.place
		if holds(moved) {
			own = moved
			found++
		}
	}
	return own, found == 1
}

// holds reports whether the scalar at the pin's place could be rewritten to
// another version.
func holds(p detectors.Pin) bool {
	if !strings.Contains(p.Place.Written, p.Version) || p.Digest != "" && p.DigestPlace == nil && !strings.Contains(p.Place.Written, p.Digest) {
		return false
	}
	_, err := p.Rewrite("0.0.0-probe", "sha256:probe")
	return err == nil
}
