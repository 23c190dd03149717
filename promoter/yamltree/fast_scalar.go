package yamltree

import "strings"

// plainFirst are the characters that a plain scalar may begin with whatever
// follows, and "-", which must not be followed by a blank.
var plainFirst = func() (t [256]bool) {
	for c := range t {
		t[c] = c > ' ' && c != 0x7f && strings.IndexByte(",[]{}#&*!|>'\"%@`?:", byte(c)) < 0
	}
	return t
}()

// token reads a scalar on one line. It is a key if a colon follows, which is
// consumed. It returns nil when it gives up.
func (f *fast) token() (n *Node, isKey bool) {
	start := f.pos
	switch c := f.s[start]; {
	case c == '"':
		n = f.doubleQuoted()
	case c == '\'':
		n = f.singleQuoted()
	case plainFirst[c]:
		return f.plain()
	}
	if n == nil || f.pos == f.end || f.s[f.pos] != ':' {
		return n, false
	}
	if f.pos+1 < f.end {
		if c := f.s[f.pos+1]; c != ' ' && c != '\n' && c != '\r' {
			return nil, false
		}
	}
	if f.pos-start > fastKey {
		return nil, false
	}
	f.pos++
	return n, true
}

// plain reads a plain scalar to the end of the line, a comment or a colon.
func (f *fast) plain() (n *Node, isKey bool) {
	s := f.s[:f.end]
	start := f.pos
	if s[start] == '-' && (start+1 == len(s) || isBlank(s[start+1])) {
		return nil, false
	}
	i := start + 1
scan:
	for ; i < len(s); i++ {
		switch s[i] {
		case ':':
			if i+1 == len(s) || isBlank(s[i+1]) {
				isKey = true
				break scan
			}
		case '#':
			if s[i-1] == ' ' {
				break scan
			}
		case '\n', '\r':
			break scan
		case '\t':
			return nil, false
		}
	}
	end := i
	for s[end-1] == ' ' {
		end--
	}
	f.pos = end
	if isKey {
		if end != i || i-start > fastKey || i+1 < len(s) && s[i+1] == '\t' {
			return nil, false
		}
		f.pos = i + 1
	}
	return f.scalar(Plain, start, end, f.line, s[start:end]), isKey
}

func (f *fast) singleQuoted() *Node {
	start := f.pos
	escaped := false
	for i := start + 1; i < f.end; i++ {
		switch f.s[i] {
		case '\n', '\r':
			return nil
		case '\'':
			if i+1 < f.end && f.s[i+1] == '\'' {
				escaped = true
				i++
				continue
			}
			value := f.s[start+1 : i]
			if escaped {
				value = strings.ReplaceAll(value, "''", "'")
			}
			f.pos = i + 1
			return f.scalar(SingleQuoted, start, f.pos, f.line, value)
		}
	}
	return nil
}

func (f *fast) doubleQuoted() *Node {
	start := f.pos
	escaped := false
	for i := start + 1; i < f.end; i++ {
		switch f.s[i] {
		case '\n', '\r':
			return nil
		case '\\':
			escaped = true
			i++
			if i == f.end || f.s[i] == '\n' || f.s[i] == '\r' {
				return nil
			}
		case '"':
			value := f.s[start+1 : i]
			if escaped {
				ok := false
				if value, ok = unescape(value); !ok {
					return nil
				}
			}
			f.pos = i + 1
			return f.scalar(DoubleQuoted, start, f.pos, f.line, value)
		}
	}
	return nil
}

// unescape knows the escapes that people write; others are left to yaml.v3.
func unescape(s string) (string, bool) {
	var b strings.Builder
	b.Grow(len(s))
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 {
			b.WriteString(s)
			return b.String(), true
		}
		b.WriteString(s[:i])
		switch s[i+1] {
		case '"', '\\', '/':
			b.WriteByte(s[i+1])
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		default:
			return "", false
		}
		s = s[i+2:]
	}
}

// blockScalar reads "|" or ">" and the lines below. It follows the steps of
// libyaml, which yaml.v3 comes from, so that all chomping and folding is the
// same. Parent is the column of the collection it belongs to.
func (f *fast) blockScalar(parent int) *Node {
	style := Literal
	if f.s[f.pos] == '>' {
		style = Folded
	}
	n := f.scalar(style, f.pos, f.pos, f.line, "")
	chomp, indent := byte(0), 0
	f.pos++
	for ; f.pos < f.end; f.pos++ {
		switch c := f.s[f.pos]; {
		case (c == '+' || c == '-') && chomp == 0:
			chomp = c
			continue
		case c >= '1' && c <= '9' && indent == 0:
			indent = parent + int(c-'0')
			continue
		}
		break
	}
	n.End = f.base + f.pos
	if !f.headerEnd() {
		return nil
	}
	if indent == 0 {
		if indent = f.detectIndent(parent); indent == 0 {
			return nil
		}
	}
	if !f.blockLines(n, chomp, indent) || !f.nextLine() {
		return nil
	}
	return n
}

// headerEnd moves behind the header's line.
func (f *fast) headerEnd() bool {
	i := f.pos
	for i < f.end && f.s[i] == ' ' {
		i++
	}
	if i < f.end && f.s[i] == '#' && i > f.pos {
		for i < f.end && f.s[i] != '\n' && f.s[i] != '\r' {
			i++
		}
	}
	switch {
	case i == f.end:
		f.pos = i
		return true
	case f.s[i] == '\r':
		i++
	case f.s[i] != '\n':
		return false
	}
	f.pos = i + 1
	f.line++
	return true
}

// detectIndent is the indentation of the first line with text. Blank lines
// above it that are longer are an error to YAML: 0.
func (f *fast) detectIndent(parent int) int {
	longest := 0
	for at := f.pos; at < f.end; {
		i := at
		for i < f.end && f.s[i] == ' ' {
			i++
		}
		if i == f.end {
			longest = max(longest, i-at)
			break
		}
		switch f.s[i] {
		case '\t':
			return 0
		case '\n':
			longest = max(longest, i-at)
			at = i + 1
			continue
		case '\r':
			longest = max(longest, i-at)
			at = i + 2
			continue
		}
		indent := i - at
		if longest > max(indent, parent+1) {
			return 0
		}
		return max(indent, parent+1)
	}
	return max(longest, parent+1)
}

// blockLines reads the lines of a block scalar into n.
func (f *fast) blockLines(n *Node, chomp byte, indent int) bool {
	b, mark := f.room(f.extent(f.pos, indent))
	breaks, blankBefore := 0, false
	pending := false // a line break that is not yet written
	for {
		// White space up to the indentation, and empty lines.
		i := f.pos
		for i < f.end && f.s[i] == ' ' && i-f.pos < indent {
			i++
		}
		if i == f.end {
			f.pos = i
			break
		}
		if f.s[i] == '\t' && i-f.pos < indent {
			return false
		}
		if n := eol(f.s[i:f.end]); n > 0 {
			breaks++
			f.pos = i + n
			f.line++
			continue
		}
		if i-f.pos < indent {
			break
		}
		blank := f.s[i] == ' ' || f.s[i] == '\t'
		stop := strings.IndexByte(f.s[i:f.end], '\n')
		next := f.end
		if stop < 0 {
			stop = f.end
		} else {
			stop += i
			next = stop + 1
		}
		if next > stop && f.s[stop-1] == '\r' {
			stop--
		}
		if pending {
			if n.Style == Folded && !blankBefore && !blank {
				if breaks == 0 {
					b.WriteByte(' ')
				}
			} else {
				b.WriteByte('\n')
			}
		}
		for ; breaks > 0; breaks-- {
			b.WriteByte('\n')
		}
		blankBefore = blank
		text := f.s[i:stop]
		b.WriteString(text)
		if !blank || strings.Trim(text, " \t") != "" {
			n.End = f.base + stop
		}
		pending = next > stop
		if pending {
			f.line++
		}
		f.pos = next
	}
	if chomp != '-' && pending {
		b.WriteByte('\n')
	}
	if chomp == '+' {
		for ; breaks > 0; breaks-- {
			b.WriteByte('\n')
		}
	}
	n.Value = b.String()[mark:]
	return true
}

// extent guesses how long a block scalar is: to the first line that is
// indented less. It only saves memory from being moved.
func (f *fast) extent(at, indent int) int {
	size := 0
	for at < f.end {
		n := strings.IndexByte(f.s[at:f.end], '\n')
		if n < 0 {
			return size + f.end - at
		}
		if n > indent {
			if f.s[at] != ' ' || f.s[at+indent-1] != ' ' {
				break
			}
			size += n - indent
		}
		size++
		at += n + 1
	}
	return size
}

// eol is the length of the line break that s begins with, or 0.
func eol(s string) int {
	switch s[0] {
	case '\n':
		return 1
	case '\r':
		return 2
	}
	return 0
}
