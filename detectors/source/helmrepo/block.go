package helmrepo

import "bytes"

// style says how a value is written.
type style byte

const (
	absent style = iota // nothing on the line: null, or a block below
	plain
	single // 'quoted'
	double // "quoted"
	block  // | or >
	flow   // { } or [ ], closed on the line
)

// kind says what a line is to the block structure.
type kind byte

const (
	blank  kind = iota // empty, or a comment
	inside             // text of a scalar that began on an earlier line
	node               // a key, an item, or both
	marker             // --- or ...
)

// line is one line as the block structure sees it. Its slices live until the
// next one is read.
type line struct {
	text   []byte
	kind   kind
	indent int    // column of the first character
	dash   int    // column of the first "- ", or -1
	dashes int    // how many of them
	col    int    // column of what follows the dashes
	key    []byte // as written, without quotes; nil when there is none
	// oddKey is set when the key was quoted and holds escapes.
	oddKey    bool
	quotedKey bool
	style     style
	value     []byte // without quotes and comment; a block scalar's header
	escaped   bool   // a quoted value holds escapes
	closed    bool   // a quoted value ends on this line
}

// structure reads lines of block-style YAML one by one and keeps track of
// scalars that span several, so that text that looks like a key is not taken
// for one. It gives up on everything that columns alone do not settle.
type structure struct {
	line
	number int
	open   style // of a scalar that may go on in the next line
	parent int   // column that its further lines are right of
}

func (s *structure) odd(why string) error { return &layoutError{s.number, why} }

// read takes the next line in.
func (s *structure) read(text []byte) error {
	s.number++
	s.line = line{text: text, dash: -1}
	n := indentOf(text)
	s.indent = n
	if s.open != absent {
		goesOn, err := s.goOn(text, n)
		if goesOn || err != nil {
			s.kind = inside
			return err
		}
		s.open = absent
	}
	if n == len(text) || text[n] == '#' {
		s.kind = blank
		return nil
	}
	if n == 0 && isMarker(text) {
		s.kind = marker
		return nil
	}
	s.kind = node
	pos, err := s.readDashes(text, n)
	if err != nil || pos == len(text) {
		return err
	}
	return s.readContent(text[pos:])
}

// goOn reports whether the line belongs to the open scalar.
func (s *structure) goOn(text []byte, n int) (bool, error) {
	switch s.open {
	case single, double:
		if isMarker(text) {
			return false, s.odd("a document marker within quotes")
		}
		quote := byte('"')
		if s.open == single {
			quote = '\''
		}
		end, _ := closing(text, 0, quote)
		if end < 0 {
			return true, nil
		}
		s.open = absent
		if !onlyComment(text[end+1:]) {
			return false, s.odd("text after a closing quote")
		}
		return true, nil
	case block:
		return n == len(text) || n > s.parent, nil
	}
	// A plain scalar: a comment ends it.
	return n == len(text) || n > s.parent && text[n] != '#' && text[n] != '\t', nil
}

// readDashes steps over "- " and returns where the content begins.
func (s *structure) readDashes(text []byte, pos int) (int, error) {
	for text[pos] == '-' {
		if pos+1 < len(text) && text[pos+1] == '\t' {
			return 0, s.odd("a tab after a dash")
		}
		if pos+1 < len(text) && text[pos+1] != ' ' {
			break
		}
		if s.dashes == 0 {
			s.dash = pos
		}
		s.dashes++
		s.parent = pos
		pos++
		pos += indentOf(text[pos:])
		if pos == len(text) || text[pos] == '#' {
			s.col = pos
			return len(text), nil
		}
	}
	s.col = pos
	return pos, nil
}

// readContent reads "key: value", "key:" or, after a dash, a value.
func (s *structure) readContent(b []byte) error {
	switch b[0] {
	case '"', '\'':
		end, escaped := closing(b, 1, b[0])
		if end >= 0 && end+1 < len(b) && b[end+1] == ':' && (end+2 == len(b) || b[end+2] == ' ') {
			s.key, s.oddKey, s.quotedKey = b[1:end], escaped, true
			return s.readValue(b[end+2:])
		}
		if end >= 0 && !onlyComment(b[end+1:]) {
			return s.odd("text after a closing quote")
		}
	case '|', '>', '[', '{':
		// Values, if there is a dash.
	case '&', '*', '!', '%', '@', '`', ',', ']', '}', '\t':
		return s.odd("an anchor, alias, tag, directive, tab or stray indicator")
	case '?', ':':
		if len(b) == 1 || b[1] == ' ' || b[1] == '\t' {
			return s.odd("an explicit key")
		}
		fallthrough
	default:
		end, err := s.keyEnd(b)
		if err != nil {
			return err
		}
		if end >= 0 {
			s.key = b[:end]
			return s.readValue(b[end+1:])
		}
	}
	if s.dashes == 0 {
		return s.odd("a value that follows neither a key nor a dash")
	}
	return s.scalar(b)
}

// keyEnd returns the offset of the colon that ends a plain key, or -1.
func (s *structure) keyEnd(b []byte) (int, error) {
	i := 0
	for ; ; i++ {
		j := bytes.IndexByte(b[i:], ':')
		if j < 0 {
			return -1, nil
		}
		i += j
		if i+1 == len(b) || b[i+1] == ' ' {
			break
		}
		if b[i+1] == '\t' {
			return 0, s.odd("a tab after a colon")
		}
	}
	if k := bytes.IndexByte(b[:i], '#'); k > 0 && (b[k-1] == ' ' || b[k-1] == '\t') {
		return -1, nil
	}
	if i == 0 || b[i-1] == ' ' || b[i-1] == '\t' {
		return 0, s.odd("space before a colon")
	}
	return i, nil
}

// readValue reads what follows a key's colon.
func (s *structure) readValue(b []byte) error {
	s.parent = s.col
	n := indentOf(b)
	b = b[n:]
	if len(b) == 0 || b[0] == '#' {
		return nil
	}
	return s.scalar(b)
}

// scalar reads a value and notes whether it may go on in the next line.
func (s *structure) scalar(b []byte) error {
	switch b[0] {
	case '"', '\'':
		s.style = double
		if b[0] == '\'' {
			s.style = single
		}
		end, escaped := closing(b, 1, b[0])
		s.escaped = escaped
		if end < 0 {
			s.value, s.open = b[1:], s.style
			return nil
		}
		s.value, s.closed = b[1:end], true
		if !onlyComment(b[end+1:]) {
			return s.odd("text after a closing quote")
		}
		return nil
	case '|', '>':
		n := 1
		for n < len(b) && (b[n] == '+' || b[n] == '-' || b[n] >= '0' && b[n] <= '9') {
			n++
		}
		if !onlyComment(b[n:]) {
			return s.odd("text after a block scalar's header")
		}
		s.style, s.value, s.open = block, b[:n], block
		return nil
	case '[', '{':
		if !flowCloses(b) {
			return s.odd("a flow collection that does not end plainly on its line")
		}
		s.style, s.value = flow, bytes.TrimRight(b, " ")
		return nil
	case '&', '*', '!', '%', '@', '`', ',', ']', '}', '\t':
		return s.odd("an anchor, alias, tag, directive, tab or stray indicator")
	case '-', '?', ':':
		if len(b) == 1 || b[1] == ' ' || b[1] == '\t' {
			return s.odd("an indicator where a value is expected")
		}
	}
	s.style, s.open = plain, plain
	if k := bytes.IndexByte(b, '#'); k >= 0 {
		for ; k < len(b); k++ {
			if b[k] == '#' && (b[k-1] == ' ' || b[k-1] == '\t') {
				b, s.open = b[:k], absent
				break
			}
		}
	}
	s.value = bytes.TrimRight(b, " ")
	return nil
}

// flowCloses reports whether b is one flow collection and nothing else, as far
// as can be told without parsing it: brackets pair up and quotes stand where
// they can only open a scalar.
func flowCloses(b []byte) bool {
	b = bytes.TrimRight(b, " ")
	if len(b) == 2 && b[1] == b[0]+2 { // [] and {} differ by two in ASCII
		return true
	}
	var stack []byte
	for i := 0; i < len(b); i++ {
		switch c := b[i]; c {
		case '[', '{':
			if len(stack) == 64 {
				return false
			}
			stack = append(stack, c+2)
		case ']', '}':
			if len(stack) == 0 || stack[len(stack)-1] != c {
				return false
			}
			if stack = stack[:len(stack)-1]; len(stack) == 0 {
				return i == len(b)-1
			}
		case '"', '\'':
			if i == 0 || bytes.IndexByte([]byte("[{, :"), b[i-1]) < 0 {
				return false
			}
			end, _ := closing(b, i+1, c)
			if end < 0 {
				return false
			}
			i = end
		case '#', '&', '*', '!', '|', '>', '%', '@', '`', '\t':
			return false
		}
	}
	return false
}

// isMarker reports a document marker: "---" or "..." at the line's start.
func isMarker(b []byte) bool {
	if len(b) < 3 || b[0] != '-' && b[0] != '.' || b[1] != b[0] || b[2] != b[0] {
		return false
	}
	return len(b) == 3 || b[3] == ' ' || b[3] == '\t'
}
