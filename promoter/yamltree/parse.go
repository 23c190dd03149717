package yamltree

import (
	"bytes"
	"math"
)

// maxDepth bounds how deep collections may stand in each other. It is what
// yaml.v3 allows, so that neither reader can be made to exhaust the stack.
const maxDepth = 10000

// Parse reads all documents of a stream. A document that cannot be read is
// reported as an Error and stands in the result with a nil Root, so that the
// index of every other document holds; the documents after it are read.
//
// Aliases stay Alias nodes: nothing is expanded. An alias within the node it
// stands for, and nesting deeper than 10,000, are errors. Duplicate keys are
// kept as written.
func Parse(data []byte) ([]*Document, []*Error) {
	return ParseRange(data, 0, len(data))
}

// ParseRange reads the YAML that stands in data[start:end], such as the lines
// below "values: |" with their indentation kept. All offsets and lines are
// those of data. The indentation that all lines share is not part of the text.
func ParseRange(data []byte, start, end int) ([]*Document, []*Error) {
	if start < 0 || end > len(data) || start > end {
		return nil, []*Error{{Line: 1, Message: "read yaml: range lies outside the file"}}
	}
	var p parser
	p.begin(data, start, end)
	if t := data[start:end]; bytes.HasPrefix(t, []byte("\xff\xfe")) || bytes.HasPrefix(t, []byte("\xfe\xff")) {
		return nil, []*Error{{Line: p.line, Message: "read yaml: the file is UTF-16; write it as UTF-8"}}
	}
	for _, c := range split(data, p.start, end, p.indent, p.line) {
		p.read(c)
	}
	return p.docs, p.errs
}

// begin prepares for a text; documents and memory stay what they are.
func (p *parser) begin(data []byte, start, end int) {
	p.data, p.line = data, 1+bytes.Count(data[:start], []byte{'\n'})
	if start == 0 && bytes.HasPrefix(data[:end], []byte(byteOrderMark)) {
		start += len(byteOrderMark)
	}
	p.start, p.indent = frame(data, start, end)
	p.fast.s, p.fast.base = string(data[p.start:end]), p.start
}

const byteOrderMark = "\xef\xbb\xbf"

// frame returns where the text begins and the number of columns that every
// line of it is indented by. A start within a line's indentation is moved to
// the line's begin; a start after other text (flow text within quotes) means
// no indentation at all.
func frame(data []byte, start, end int) (from, indent int) {
	from = start
	for from > 0 && data[from-1] == ' ' {
		from--
	}
	if from > 0 && data[from-1] != '\n' || start == 0 {
		return start, 0
	}
	indent = math.MaxInt
	for at := from; at < end; {
		i := at
		for i < end && data[i] == ' ' {
			i++
		}
		if i < end && data[i] != '\n' && data[i] != '\r' {
			if indent = min(indent, i-at); indent == 0 {
				break
			}
		}
		n := bytes.IndexByte(data[i:end], '\n')
		if n < 0 {
			break
		}
		at = i + n + 1
	}
	if indent == math.MaxInt {
		indent = 0
	}
	return from, indent
}

// parser collects what the documents of one stream gave.
type parser struct {
	data   []byte
	start  int
	indent int // columns that belong to the surrounding text
	line   int // of start
	fast   fast
	docs   []*Document
	errs   []*Error
}

func (p *parser) read(c chunk) {
	doc := &Document{Start: c.start, End: c.end, Line: c.startLine}
	p.docs = append(p.docs, doc)
	if !c.content && !c.directive {
		return
	}
	if root, ok := p.readFast(c); ok {
		doc.Root = root
		return
	}
	root, err := readSlow(p.data, c, p.indent)
	if err != nil {
		p.errs = append(p.errs, err)
		return
	}
	doc.Root = root
}

// readFast reports false when the document is left to readSlow.
func (p *parser) readFast(c chunk) (*Node, bool) {
	if c.directive || c.sameLine {
		return nil, false
	}
	f := &p.fast
	f.size(c.end - c.start)
	return f.read(c)
}

// chunk is the text of one document.
type chunk struct {
	from, line int // first byte to parse ("---" and directives included), and its line
	start, end int // the document itself
	startLine  int
	marked     bool // opened by "---"
	directive  bool // has %YAML or %TAG lines
	content    bool // has more than comments
	sameLine   bool // text stands beside "---"
}

// split cuts a stream into documents. A line that begins with "---" or "..."
// ends a document wherever it stands, also within quotes and brackets, so
// lines are all that has to be looked at.
func split(data []byte, start, end, indent, line int) []chunk {
	var chunks []chunk
	cur := chunk{from: start, line: line, start: start, startLine: line}
	flush := func(end int) {
		if cur.end = end; cur.marked || cur.directive || cur.content {
			chunks = append(chunks, cur)
		}
	}
	for at := start; at < end; line++ {
		next := end
		if n := bytes.IndexByte(data[at:end], '\n'); n >= 0 {
			next = at + n + 1
		}
		text := data[at:next]
		if len(text) >= indent {
			text = text[indent:]
		}
		switch {
		case isMarker(text, '-'):
			if cur.marked || cur.content {
				flush(at)
				cur = chunk{from: at, line: line}
			} else if !cur.directive {
				cur = chunk{from: at, line: line}
			}
			cur.marked = true
			cur.start, cur.startLine = next, line+1
			if rest := text[3:]; !isComment(rest) {
				cur.content, cur.sameLine = true, true
				cur.start, cur.startLine = next-len(rest), line
			}
		case isMarker(text, '.'):
			flush(at)
			cur = chunk{from: next, line: line + 1, start: next, startLine: line + 1}
		case cur.content || isComment(text):
		case text[0] == '%' && !cur.marked:
			cur.directive = true
		default:
			cur.content = true
		}
		at = next
	}
	flush(end)
	return chunks
}

// isMarker reports whether a line is "---" or "...", alone or before a blank.
func isMarker(line []byte, c byte) bool {
	return len(line) >= 3 && line[0] == c && line[1] == c && line[2] == c &&
		(len(line) == 3 || isBlank(line[3]))
}

// isComment reports whether a line holds nothing or a comment.
func isComment(line []byte) bool {
	for _, c := range line {
		if !isBlank(c) {
			return c == '#'
		}
	}
	return true
}

// isBlank reports white space and line breaks.
func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
