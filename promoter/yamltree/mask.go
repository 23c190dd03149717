package yamltree

import "bytes"

// MaskTemplates makes a Go template (a Helm template, a file for helmfile)
// readable as YAML: every {{ action }} is overwritten without moving a byte or
// a line break. Lines that hold nothing but actions become blank (a comment
// where blanks would change the indentation of a block scalar), comments
// become blanks, and actions beside other text become underscores. Whether a
// value was masked is seen by looking at the same bytes of data.
//
// Without actions it returns data itself and false. A "{{" that is not closed,
// or is followed by another before its "}}", is left alone.
func MaskTemplates(data []byte) (masked []byte, templated bool) {
	var actions []action
	for at := 0; ; {
		n := bytes.Index(data[at:], []byte("{{"))
		if n < 0 {
			break
		}
		a, ok := actionAt(data, at+n)
		if ok {
			actions = append(actions, a)
		}
		at = a.end
	}
	if len(actions) == 0 {
		return data, false
	}
	m := &mask{data: data, out: bytes.Clone(data), actions: actions}
	m.run()
	return m.out, true
}

// action is the range of one template action, braces included.
type action struct {
	start, end int
	comment    bool
}

// actionAt reads the action that opens at start. When there is none, end says
// where to look on.
func actionAt(data []byte, start int) (action, bool) {
	i := start + 2
	if bytes.HasPrefix(data[i:], []byte("- ")) {
		i += 2
	}
	if bytes.HasPrefix(data[i:], []byte("/*")) {
		if n := bytes.Index(data[i:], []byte("*/")); n >= 0 {
			for _, tail := range []string{"*/}}", "*/ -}}"} {
				if bytes.HasPrefix(data[i+n:], []byte(tail)) {
					return action{start, i + n + len(tail), true}, true
				}
			}
		}
		return action{end: start + 2}, false
	}
	for i < len(data) {
		switch c := data[i]; {
		case c == '\\':
			i += 2 // within a YAML string: {{ printf \"%s\" . }}
		case c == '"' || c == '\'' || c == '`':
			i = literalEnd(data, i)
		case c == '{' && i+1 < len(data) && data[i+1] == '{':
			return action{end: i}, false
		case c == '}' && i+1 < len(data) && data[i+1] == '}':
			return action{start, i + 2, false}, true
		default:
			i++
		}
	}
	return action{end: start + 2}, false
}

// literalEnd is the end of the string that opens at i. A quote without its
// partner is text like any other: the action may stand in a quoted scalar.
func literalEnd(data []byte, i int) int {
	quote := data[i]
	for j := i + 1; j < len(data); j++ {
		switch c := data[j]; {
		case c == quote:
			return j + 1
		case quote == '`':
		case c == '\\':
			j++
		case c == '\n':
			return i + 1
		}
	}
	return i + 1
}

type mask struct {
	data, out []byte
	actions   []action
	next      int // the first action that ends behind the current line's begin
}

func (m *mask) run() {
	header := -1 // column of the key whose block scalar the last line that is not blank opens
	at := 0
	if bytes.HasPrefix(m.data, []byte(byteOrderMark)) {
		at = len(byteOrderMark)
	}
	for at < len(m.data) {
		end := lineBreak(m.data, at)
		switch m.line(at, end) {
		case noAction:
		case onlyActions:
			m.blank(at, end, header)
		case mixed:
			m.underscore(at, end)
		}
		if len(bytes.TrimSpace(m.out[at:end])) > 0 {
			header = opensBlock(m.out[at:end])
		}
		at = end + 1
	}
}

// lineBreak is the offset of the line break that ends at's line ("\r"
// included in the break), or the end of the text.
func lineBreak(data []byte, at int) int {
	if n := bytes.IndexByte(data[at:], '\n'); n >= 0 {
		return at + n
	}
	return len(data)
}

type lineKind int

const (
	noAction lineKind = iota
	onlyActions
	mixed
)

// line says what stands on a line.
func (m *mask) line(at, end int) lineKind {
	for m.next < len(m.actions) && m.actions[m.next].end <= at {
		m.next++
	}
	var rest []byte
	pos := at
	found := false
	for _, a := range m.actions[m.next:] {
		if a.start >= end {
			break
		}
		found = true
		if a.start > pos {
			rest = append(rest, m.data[pos:a.start]...)
		}
		pos = min(a.end, end)
	}
	if !found {
		return noAction
	}
	rest = bytes.TrimSpace(append(rest, m.data[pos:end]...))
	if len(rest) == 0 {
		return onlyActions
	}
	return mixed
}

// each calls f for the part of every action that stands on the line.
func (m *mask) each(at, end int, f func(from, to int, a action)) {
	for _, a := range m.actions[m.next:] {
		if a.start >= end {
			return
		}
		f(max(a.start, at), min(a.end, end), a)
	}
}

// blank overwrites a line of actions by blanks. Below "key: |" the first lines
// set the indentation, and a longer blank line is an error there: what reaches
// beyond the indentation becomes a comment-like text instead. Header is the
// key's column, or -1 elsewhere.
func (m *mask) blank(at, end, header int) {
	m.each(at, end, func(from, to int, _ action) { m.fill(from, to, ' ') })
	if header < 0 {
		return
	}
	indent, ok := m.indentBelow(end + 1)
	if !ok {
		return
	}
	// The action's own column is the indentation if it can be one: the file
	// may be plain YAML with a template in a value.
	own := len(m.data[at:end]) - len(bytes.TrimLeft(m.data[at:end], " "))
	if own > header {
		indent = min(indent, own)
	}
	if at+indent >= end {
		return
	}
	from := at + indent
	m.fill(from, end, '_')
	if m.out[from] == '_' {
		m.out[from] = '#'
	}
}

// indentBelow is the indentation of the next line that holds other text than
// actions.
func (m *mask) indentBelow(at int) (int, bool) {
	saved := m.next
	defer func() { m.next = saved }()
	for at < len(m.data) {
		end := lineBreak(m.data, at)
		kind := m.line(at, end)
		if text := bytes.TrimSpace(m.data[at:end]); kind != onlyActions && len(text) > 0 {
			return bytes.Index(m.data[at:end], text), true
		}
		at = end + 1
	}
	return 0, false
}

// underscore overwrites the actions of a line that holds other text too. A
// line that is "---" beside them keeps its meaning.
func (m *mask) underscore(at, end int) {
	marker := isMarker(m.data[at:end], '-')
	lead := true // still in the part of an action that opened on an earlier line
	m.each(at, end, func(from, to int, a action) {
		fill := byte('_')
		if a.comment || marker {
			fill = ' '
		}
		if lead && a.start < at {
			for from < to && isBlank(m.out[from]) {
				from++
			}
		}
		lead = false
		m.fill(from, to, fill)
	})
}

// fill overwrites a range but keeps line breaks.
func (m *mask) fill(from, to int, c byte) {
	for i := from; i < to; i++ {
		if m.out[i] != '\n' && m.out[i] != '\r' {
			m.out[i] = c
		}
	}
}

// opensBlock returns the column of the key on a line that ends with a block
// scalar's header, or -1 for other lines.
func opensBlock(line []byte) int {
	text := line
	if i := bytes.Index(text, []byte(" #")); i >= 0 {
		text = text[:i]
	}
	text = bytes.TrimSpace(text)
	i := len(text)
	for i > 0 && bytes.IndexByte([]byte("+-123456789"), text[i-1]) >= 0 {
		i--
	}
	if i == 0 || text[i-1] != '|' && text[i-1] != '>' || i > 1 && !isBlank(text[i-2]) {
		return -1
	}
	key := 0
	for key+1 < len(line) && (line[key] == ' ' || line[key] == '-' && line[key+1] == ' ') {
		key++
	}
	return key
}
