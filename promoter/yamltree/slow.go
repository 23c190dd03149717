package yamltree

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// readSlow reads one document with yaml.v3, which knows all of YAML, and then
// finds the bytes of each of its nodes. yaml.v3 says where a node begins as a
// line and a count of characters; where it ends is found from the text and
// from the decoded value, and whatever does not fit refuses the document.
func readSlow(data []byte, c chunk, indent int) (root *Node, err *Error) {
	// yaml.v3 has known panics of its own in its comment handling.
	defer func() {
		if r := recover(); r != nil {
			root, err = nil, &Error{Line: c.line, Message: fmt.Sprintf("read yaml: the parser broke down: %v", r)}
		}
	}()
	s := &slow{data: data, end: c.end, nodes: map[*yaml.Node]*Node{}, cursor: lineCursor{data, c.from, c.line}}
	text := s.dedent(c.from, c.end, indent)
	if c.directive {
		text = anyVersion(text)
	}
	if at := badByte(text); at >= 0 {
		line := c.line + bytes.Count(text[:at], []byte{'\n'})
		return nil, &Error{Line: line, Message: "read yaml: a byte that is neither UTF-8 text nor white space"}
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	if e := dec.Decode(&doc); e == io.EOF {
		return nil, nil
	} else if e != nil {
		return nil, c.errorOf(e, text)
	}
	switch e := dec.Decode(&more); {
	case e == nil:
		return nil, &Error{Line: c.line + more.Line - 1, Message: "read yaml: a second document without \"---\" at a line's begin"}
	case e != io.EOF:
		return nil, c.errorOf(e, text)
	}
	root, e := s.node(doc.Content[0], 0, -1)
	if e != nil {
		return nil, e
	}
	return root, nil
}

var yamlLine = regexp.MustCompile(`^line (\d+): `)

// errorOf turns an error of yaml.v3 into ours. Its parser (unlike its scanner)
// counts lines from zero in what it says.
func (c chunk) errorOf(e error, text []byte) *Error {
	msg := strings.TrimPrefix(e.Error(), "yaml: ")
	line := c.line
	if m := yamlLine.FindStringSubmatch(msg); m != nil {
		msg = msg[len(m[0]):]
		n, err := strconv.Atoi(m[1])
		if err != nil {
			n = 1
		}
		if !parserMessage.MatchString(msg) {
			n--
		}
		line += max(n, 0)
	}
	if m := unknownAnchor.FindStringSubmatch(msg); m != nil {
		at := bytes.Index(text, []byte("*"+m[1]))
		line += bytes.Count(text[:max(at, 0)], []byte{'\n'})
	}
	return &Error{Line: line, Message: "read yaml: " + msg}
}

// unknownAnchor is the one error of yaml.v3 that comes without a line.
var unknownAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)

// anyVersion makes comments of the lines that say which YAML is written:
// yaml.v3 refuses every version but 1.1, and reads 1.2 nevertheless.
func anyVersion(text []byte) []byte {
	text = bytes.Clone(text)
	for at := 0; at < len(text) && text[at] != '-'; {
		if bytes.HasPrefix(text[at:], []byte("%YAML 1.")) {
			text[at] = '#'
		}
		n := bytes.IndexByte(text[at:], '\n')
		if n < 0 {
			break
		}
		at += n + 1
	}
	return text
}

var parserMessage = regexp.MustCompile(`^(did not find expected (<|node content|'-'|key|',')|found (duplicate|incompatible|undefined))`)

// badByte returns the offset of the first byte that YAML does not allow.
func badByte(text []byte) int {
	for i := 0; i < len(text); {
		c := text[i]
		if c >= 0x20 && c < 0x7f || isBlank(c) {
			i++
			continue
		}
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 || r < 0x20 || r >= 0x7f && r < 0xa0 && r != 0x85 || r == 0xfffe || r == 0xffff {
			return i
		}
		i += n
	}
	return -1
}

type slow struct {
	data   []byte
	end    int   // of the document
	lines  []int // by line as yaml.v3 counts them: offset of the first character
	nodes  map[*yaml.Node]*Node
	open   map[*yaml.Node]bool // anchored nodes that are being read
	cursor lineCursor
	last   struct{ line, col, off int }
}

// dedent returns the text without the indentation of its surroundings and
// notes where each of its lines begins in the file.
func (s *slow) dedent(from, end, indent int) []byte {
	text := s.data[from:end]
	if indent > 0 {
		text = make([]byte, 0, end-from)
	}
	for at := from; at < end; {
		i := at
		for i < end && i < at+indent && s.data[i] == ' ' {
			i++
		}
		next := end
		if n := bytes.IndexByte(s.data[i:end], '\n'); n >= 0 {
			next = i + n + 1
		}
		if indent > 0 {
			text = append(text, s.data[i:next]...)
		}
		s.lines = append(s.lines, i)
		for i < next { // yaml.v3 breaks lines at more than "\n"
			n := breakLen(s.data[i:next])
			if n > 0 && i+n < next {
				s.lines = append(s.lines, i+n)
			}
			i += max(n, 1)
		}
		at = next
	}
	s.lines = append(s.lines, end)
	return text
}

// breakLen is the length of the line break that b begins with, or 0.
func breakLen(b []byte) int {
	switch {
	case b[0] == '\r' && len(b) > 1 && b[1] == '\n':
		return 2
	case b[0] == '\n', b[0] == '\r':
		return 1
	case b[0] == 0xc2 && len(b) > 1 && b[1] == 0x85:
		return 2
	case b[0] == 0xe2 && len(b) > 2 && b[1] == 0x80 && b[2]&^1 == 0xa8:
		return 3
	}
	return 0
}

// offset converts a position of yaml.v3. Nodes are met in the order of the
// text, so counting goes on from the last position of the same line.
func (s *slow) offset(line, col int) (int, bool) {
	if line < 1 || line > len(s.lines) {
		return s.end, line == len(s.lines)+1
	}
	if s.last.line != line || s.last.col > col {
		s.last.line, s.last.col, s.last.off = line, 1, s.lines[line-1]
	}
	for s.last.col < col && s.last.off < s.end {
		_, n := utf8.DecodeRune(s.data[s.last.off:s.end])
		s.last.off += n
		s.last.col++
	}
	return s.last.off, s.last.col == col
}

// lineCursor turns offsets into lines; near the last one it is cheap.
type lineCursor struct {
	data      []byte
	off, line int
}

func (c *lineCursor) at(off int) int {
	if off >= c.off {
		c.line += bytes.Count(c.data[c.off:off], []byte{'\n'})
	} else {
		c.line -= bytes.Count(c.data[off:c.off], []byte{'\n'})
	}
	c.off = off
	return c.line
}

func (s *slow) fail(off int, msg string) *Error {
	return &Error{Line: s.cursor.at(min(off, len(s.data))), Message: "read yaml: " + msg}
}
