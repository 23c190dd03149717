package yamltree

import "gopkg.in/yaml.v3"

// collection converts a mapping or sequence and its children.
func (s *slow) collection(n *yaml.Node, out *Node, depth int) *Error {
	out.Flow = n.Style&yaml.FlowStyle != 0
	out.Content = make([]*Node, 0, len(n.Content))
	for i, c := range n.Content {
		after := -1
		if out.Kind == Mapping && i%2 == 1 {
			after = out.Content[i-1].End
		}
		child, err := s.node(c, depth+1, after)
		if err != nil {
			return err
		}
		out.Content = append(out.Content, child)
	}
	if len(n.Content) == 0 && !out.Flow {
		return s.fail(out.Start, lost)
	}
	// "[a: b]" holds a mapping without brackets of its own.
	pair := out.Flow && out.Kind == Mapping && len(n.Content) > 0 &&
		(s.at(out.Start) != '{' || n.Content[0].Line == n.Line && n.Content[0].Column == n.Column)
	if out.Flow && !pair {
		return s.brackets(out)
	}
	out.Start = out.Content[0].Start
	out.End = out.Content[len(out.Content)-1].End
	if out.End < out.Start {
		return s.fail(out.Start, lost)
	}
	return nil
}

// brackets finds the end of a flow collection: nothing but separators and
// comments stands between its last child and its closing bracket.
func (s *slow) brackets(out *Node) *Error {
	opening, closing := byte('{'), byte('}')
	if out.Kind == Sequence {
		opening, closing = '[', ']'
	}
	if s.at(out.Start) != opening {
		return s.fail(out.Start, lost)
	}
	at := out.Start + 1
	if n := len(out.Content); n > 0 {
		at = max(at, out.Content[n-1].End)
	}
	for {
		at = s.skip(at)
		switch s.at(at) {
		case closing:
			out.End = at + 1
			return nil
		case ',', ':', '?':
			at++
		default:
			return s.fail(out.Start, lost)
		}
	}
}

func (s *slow) at(off int) byte {
	if off < s.end {
		return s.data[off]
	}
	return 0
}
