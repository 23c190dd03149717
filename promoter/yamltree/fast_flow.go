package yamltree

// flow reads the flow collection at f.pos, which may span lines.
func (f *fast) flow(depth int) *Node {
	if depth > fastDepth {
		return nil
	}
	n := f.node()
	n.Kind, n.Flow = Sequence, true
	n.Start, n.Line = f.base+f.pos, f.line
	closing := byte(']')
	if f.s[f.pos] == '{' {
		n.Kind, closing = Mapping, '}'
	}
	f.pos++
	mark := len(f.stack)
	c := f.flowSpace()
	for c != closing {
		item := f.flowItem(c, depth)
		if item == nil {
			return nil
		}
		f.stack = append(f.stack, item)
		c = f.flowSpace()
		if n.Kind == Mapping {
			if c != ':' || item.Kind != Scalar || f.line != item.Line || f.base+f.pos-item.Start > fastKey {
				return nil
			}
			f.pos++
			value := f.flowItem(f.flowSpace(), depth)
			if value == nil {
				return nil
			}
			f.stack = append(f.stack, value)
			c = f.flowSpace()
		}
		switch c {
		case closing:
		case ',':
			f.pos++
			if c = f.flowSpace(); c == closing {
				return nil
			}
		default:
			return nil
		}
	}
	f.pos++
	n.Content = f.take(mark)
	n.End = f.base + f.pos
	return n
}

// flowSpace moves to the next character that is not white space and returns
// it, or 0 at the end.
func (f *fast) flowSpace() byte {
	for f.pos < f.end {
		switch c := f.s[f.pos]; c {
		case '\n':
			f.line++
		case ' ', '\r':
		default:
			return c
		}
		f.pos++
	}
	return 0
}

func (f *fast) flowItem(first byte, depth int) *Node {
	switch first {
	case '[', '{':
		return f.flow(depth + 1)
	case '"':
		return f.doubleQuoted()
	case '\'':
		return f.singleQuoted()
	}
	return f.flowPlain()
}

// flowPlain reads a plain scalar of few kinds of character.
func (f *fast) flowPlain() *Node {
	s := f.s[:f.end]
	start := f.pos
	if start == len(s) || !flowFirst(s[start]) && !(s[start] == '-' && start+1 < len(s) && isAlnum(s[start+1])) {
		return nil
	}
	i := start + 1
scan:
	for ; i < len(s); i++ {
		switch c := s[i]; c {
		case ',', ']', '}', '\n', '\r':
			break scan
		case ':':
			if i+1 == len(s) {
				return nil
			}
			if next := s[i+1]; next == ' ' || next == '\n' || next == '\r' {
				break scan
			} else if !isAlnum(next) && next != '/' {
				return nil
			}
		case '#':
			if s[i-1] == ' ' {
				return nil
			}
		case '[', '{', '?', '\t':
			return nil
		}
	}
	end := i
	for s[end-1] == ' ' {
		end--
	}
	f.pos = i
	return f.scalar(Plain, start, end, f.line, s[start:end])
}

func flowFirst(c byte) bool {
	return isAlnum(c) || c == '_' || c == '.' || c == '/' || c == '$' || c == '~' || c == '<' || c == '=' || c == '+' || c == '^' || c == '('
}

func isAlnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
