package yamltree

import (
	"bytes"

	"gopkg.in/yaml.v3"
)

const lost = "the parser and the text do not agree about where a value stands"

// node converts n. After is where a value without text stands when yaml.v3
// says nothing better; -1 for none.
func (s *slow) node(n *yaml.Node, depth, after int) (*Node, *Error) {
	at, ok := s.offset(n.Line, n.Column)
	if !ok {
		return nil, s.fail(s.end, lost)
	}
	if depth > maxDepth {
		return nil, s.fail(at, "nested too deep")
	}
	out := &Node{Anchor: n.Anchor, Start: at}
	if n.Kind == yaml.AliasNode {
		return out, s.alias(n, out)
	}
	if n.Anchor != "" {
		if s.open == nil {
			s.open = map[*yaml.Node]bool{}
		}
		s.open[n] = true
		defer delete(s.open, n)
	}
	s.nodes[n] = out
	propsEnd := s.properties(n, out)
	var err *Error
	switch n.Kind {
	case yaml.ScalarNode:
		err = s.scalar(n, out, propsEnd, after)
	case yaml.MappingNode:
		out.Kind = Mapping
		err = s.collection(n, out, depth)
	case yaml.SequenceNode:
		out.Kind = Sequence
		err = s.collection(n, out, depth)
	default:
		err = s.fail(at, lost)
	}
	if err != nil {
		return nil, err
	}
	out.Line = s.cursor.at(out.Start)
	return out, nil
}

func (s *slow) alias(n *yaml.Node, out *Node) *Error {
	if !bytes.HasPrefix(s.data[out.Start:s.end], []byte("*"+n.Value)) {
		return s.fail(out.Start, lost)
	}
	if s.open[n.Alias] {
		return s.fail(out.Start, "alias *"+n.Value+" stands within its own anchor")
	}
	out.Kind, out.Value = Alias, ""
	out.End = out.Start + 1 + len(n.Value)
	out.Line = s.cursor.at(out.Start)
	if out.Target = s.nodes[n.Alias]; out.Target == nil {
		return s.fail(out.Start, lost)
	}
	return nil
}

// properties moves out.Start behind the anchor and tag and returns where the
// last of them ends, or -1 if there are none.
func (s *slow) properties(n *yaml.Node, out *Node) int {
	end := -1
	anchor, tag := n.Anchor != "", n.Style&yaml.TaggedStyle != 0
	// The tag "!" alone leaves no trace in yaml.v3's node.
	bare := n.Kind == yaml.ScalarNode || n.Style&yaml.FlowStyle != 0
	at := out.Start
	for at < s.end {
		switch c := s.data[at]; {
		case c == '&' && anchor:
			anchor = false
			end = at + 1 + len(n.Anchor)
		case c == '!' && (tag || bare || anchor):
			tag, bare = false, false
			end = s.tagEnd(at)
			out.Tag = string(s.data[at:end])
		default:
			out.Start = at
			return end
		}
		at = s.skip(end)
	}
	out.Start = at
	return end
}

func (s *slow) tagEnd(at int) int {
	if bytes.HasPrefix(s.data[at:s.end], []byte("!<")) {
		if n := bytes.IndexByte(s.data[at:s.end], '>'); n > 0 {
			return at + n + 1
		}
	}
	for at < s.end && !isBlank(s.data[at]) && bytes.IndexByte([]byte(",[]{}"), s.data[at]) < 0 {
		at++
	}
	return at
}

// skip moves over white space, line breaks and comments.
func (s *slow) skip(at int) int {
	for at < s.end {
		switch n := breakLen(s.data[at:s.end]); {
		case n > 0:
			at += n
		case s.data[at] == ' ' || s.data[at] == '\t':
			at++
		case s.data[at] == '#' && (at == 0 || isBlank(s.data[at-1]) || bytes.IndexByte([]byte(",[]{}"), s.data[at-1]) >= 0):
			for at < s.end && s.data[at] != '\n' {
				at++
			}
		default:
			return at
		}
	}
	return at
}

func (s *slow) scalar(n *yaml.Node, out *Node, propsEnd, after int) *Error {
	out.Kind, out.Value = Scalar, n.Value
	at := out.Start
	var first byte
	if at < s.end {
		first = s.data[at]
	}
	ok := false
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		out.Style = DoubleQuoted
		out.End, ok = s.quoted(at, '"', '\\')
	case n.Style&yaml.SingleQuotedStyle != 0:
		out.Style = SingleQuoted
		out.End, ok = s.quoted(at, '\'', '\'')
	case n.Style&yaml.LiteralStyle != 0:
		out.Style = Literal
		out.End, ok = s.block(at, n.Value)
		ok = ok && first == '|'
	case n.Style&yaml.FoldedStyle != 0:
		out.Style = Folded
		out.End, ok = s.block(at, n.Value)
		ok = ok && first == '>'
	case n.Value == "":
		ok = true
		if propsEnd >= 0 {
			out.Start = propsEnd
		} else if after >= 0 && (at == 0 || s.data[at-1] != ':') {
			out.Start = after
		}
		out.End = out.Start
	default:
		out.End, ok = s.match(at, n.Value)
	}
	if !ok {
		return s.fail(at, lost)
	}
	return nil
}

// quoted returns the end of a quoted scalar.
func (s *slow) quoted(at int, quote, escape byte) (int, bool) {
	if at >= s.end || s.data[at] != quote {
		return at, false
	}
	for i := at + 1; i < s.end; i++ {
		switch c := s.data[i]; {
		case c == escape && i+1 < s.end && (c != quote || s.data[i+1] == quote):
			i++
		case c == quote:
			return i + 1, true
		}
	}
	return at, false
}

// block returns the end of the last line of a block scalar that is not blank,
// or of its header.
func (s *slow) block(at int, value string) (int, bool) {
	header := s.lineEnd(at)
	if len(bytes.TrimSpace([]byte(value))) == 0 {
		head := s.data[at:header]
		if i := bytes.Index(head, []byte(" #")); i >= 0 {
			head = head[:i]
		}
		return at + len(bytes.TrimRight(head, " \t")), true
	}
	end, ok := s.match(header, value)
	return s.lineEnd(end), ok
}

// lineEnd is the end of at's line, without its break.
func (s *slow) lineEnd(at int) int {
	for at < s.end && breakLen(s.data[at:s.end]) == 0 {
		at++
	}
	return at
}

// match walks over the text of a value in which only white space may have
// been folded, and returns where it ends.
func (s *slow) match(at int, value string) (int, bool) {
	v := []byte(value)
	end := at
	for i := 0; ; i++ {
		for i < len(v) {
			if n := spaceLen(v[i:]); n > 0 {
				i += n
			} else {
				break
			}
		}
		if i >= len(v) {
			return end, true
		}
		for at < s.end {
			if n := spaceLen(s.data[at:s.end]); n > 0 {
				at += n
			} else {
				break
			}
		}
		if at >= s.end || s.data[at] != v[i] {
			return end, false
		}
		at++
		end = at
	}
}

func spaceLen(b []byte) int {
	if b[0] == ' ' || b[0] == '\t' {
		return 1
	}
	return breakLen(b)
}
