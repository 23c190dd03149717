package yamltree

import "strings"

// fast reads one document in the YAML that repositories are mostly written
// in: block mappings and sequences, scalars on one line, block scalars, simple
// flow collections, anchors and aliases of values. At anything else, and at
// anything it is not sure of, it gives up (its methods return nil or false)
// and yaml.v3 reads the document. What it accepts, readSlow accepts too, with
// the same tree: it is a way to save time and nothing else.
type fast struct {
	s        string // the text; base is its offset in the file
	base     int
	pos, end int // in s
	col      int // of pos, when it stands at a line's first character; -1 at the end
	line     int

	arena
	anchors []anchor
}

// anchor is a name and its node, which is nil while the node is being read.
type anchor struct {
	name string
	node *Node
}

const (
	// fastDepth is deeper than any file means to be.
	fastDepth = 500
	// fastKey is what a key may be long, in bytes; yaml.v3 allows 1,024
	// characters.
	fastKey = 1000
)

// read returns the root of a document, or false when it gave up. The root is
// nil if nothing but comments stands there.
func (f *fast) read(c chunk) (root *Node, ok bool) {
	f.pos, f.end, f.line, f.anchors = c.start-f.base, c.end-f.base, c.startLine, f.anchors[:0]
	if !plainText(f.s[c.from-f.base:f.end]) || !f.nextLine() {
		return nil, false
	}
	if f.col < 0 {
		return nil, true
	}
	if c := f.s[f.pos]; c == '{' || c == '[' {
		root = f.flow(0)
		ok = root != nil && f.endLine()
	} else {
		root = f.block(0)
		ok = root != nil
	}
	return root, ok && f.col < 0
}

// nextLine moves from a line's begin to the first character that is not a
// blank or part of a comment.
func (f *fast) nextLine() bool {
	s := f.s[:f.end]
	for at := f.pos; ; f.line++ {
		i := at
		for i < len(s) && s[i] == ' ' {
			i++
		}
		if i == len(s) {
			f.pos, f.col = f.end, -1
			return true
		}
		switch s[i] {
		case '\n':
			at = i + 1
		case '\r':
			at = i + 2
		case '\t':
			return false
		case '#':
			n := strings.IndexByte(s[i:], '\n')
			if n < 0 {
				f.pos, f.col = f.end, -1
				return true
			}
			at = i + n + 1
		default:
			f.pos, f.col = i, i-at
			return true
		}
	}
}

// endLine checks that nothing but a comment follows on the line, and goes on
// to the next.
func (f *fast) endLine() bool {
	i := f.pos
	for i < f.end && f.s[i] == ' ' {
		i++
	}
	switch {
	case i == f.end:
		f.pos, f.col = i, -1
		return true
	case f.s[i] == '\n':
		f.pos = i + 1
	case f.s[i] == '\r':
		f.pos = i + 2
	case f.s[i] == '#' && i > f.pos:
		n := strings.IndexByte(f.s[i:f.end], '\n')
		if n < 0 {
			f.pos, f.col = f.end, -1
			return true
		}
		f.pos = i + n + 1
	default:
		return false
	}
	f.line++
	return f.nextLine()
}

// block reads the collection that begins at a line's first character (or, for
// a compact one, behind "- ").
func (f *fast) block(depth int) *Node {
	if f.isDash(f.pos) {
		return f.sequence(depth)
	}
	key, isKey := f.token()
	if !isKey {
		return nil
	}
	return f.mapping(key, f.col, depth)
}

// isDash reports whether a sequence's item begins at i.
func (f *fast) isDash(i int) bool {
	return i < f.end && f.s[i] == '-' && (i+1 == f.end || f.s[i+1] == ' ' || f.s[i+1] == '\n' || f.s[i+1] == '\r')
}

// mapping reads a mapping whose first key was read and stands at column col.
func (f *fast) mapping(key *Node, col, depth int) *Node {
	if depth > fastDepth {
		return nil
	}
	n := f.node()
	n.Kind = Mapping
	mark := len(f.stack)
	for {
		value := f.value(col, depth, true)
		if value == nil {
			return nil
		}
		f.stack = append(f.stack, key, value)
		if f.col != col {
			break
		}
		isKey := false
		if key, isKey = f.token(); !isKey {
			return nil
		}
	}
	if f.col > col {
		return nil
	}
	f.close(n, mark)
	return n
}

// sequence reads a sequence whose first dash stands at f.pos, column f.col.
func (f *fast) sequence(depth int) *Node {
	if depth > fastDepth {
		return nil
	}
	n := f.node()
	n.Kind = Sequence
	mark := len(f.stack)
	col := f.col
	for {
		item := f.item(col, depth)
		if item == nil {
			return nil
		}
		f.stack = append(f.stack, item)
		if f.col != col || !f.isDash(f.pos) {
			break
		}
	}
	if f.col > col {
		return nil
	}
	f.close(n, mark)
	return n
}

// item reads what stands behind the dash at f.pos.
func (f *fast) item(col, depth int) *Node {
	dash := f.pos
	i := dash + 1
	for i < f.end && f.s[i] == ' ' {
		i++
	}
	if f.isDash(i) {
		f.pos, f.col = i, col+i-dash
		return f.sequence(depth + 1)
	}
	if i == f.end || !plainFirst[f.s[i]] && f.s[i] != '"' && f.s[i] != '\'' {
		f.pos = dash + 1
		return f.value(col, depth, false)
	}
	f.pos = i
	n, isKey := f.token()
	switch {
	case n == nil:
		return nil
	case isKey:
		return f.mapping(n, col+i-dash, depth+1)
	case !f.endLine():
		return nil
	}
	return n
}

// value reads what stands behind a key's colon or an item's dash and goes on
// to the line behind it. Col is the column of the collection it belongs to.
func (f *fast) value(col, depth int, inMapping bool) *Node {
	i := f.pos
	for i < f.end && f.s[i] == ' ' {
		i++
	}
	if i < f.end && f.s[i] == '&' {
		return f.anchored(i, col, depth, inMapping)
	}
	return f.bare(i, col, depth, inMapping)
}

// bare reads a value without an anchor; i is its first character.
func (f *fast) bare(i, col, depth int, inMapping bool) *Node {
	var n *Node
	if i == f.end || f.s[i] == '\n' || f.s[i] == '\r' || f.s[i] == '#' {
		return f.below(col, depth, inMapping)
	}
	f.pos = i
	switch f.s[i] {
	case '|', '>':
		return f.blockScalar(col)
	case '[', '{':
		n = f.flow(depth + 1)
	case '*':
		n = f.alias()
	default:
		isKey := false
		if n, isKey = f.token(); isKey {
			return nil
		}
	}
	if n == nil || !f.endLine() {
		return nil
	}
	return n
}

// below reads a value that begins on a line of its own, or is empty.
func (f *fast) below(col, depth int, inMapping bool) *Node {
	at, line := f.pos, f.line
	if !f.endLine() {
		return nil
	}
	if f.col > col || inMapping && f.col == col && f.isDash(f.pos) {
		return f.block(depth + 1)
	}
	return f.scalar(Plain, at, at, line, "")
}

// anchored reads "&name value".
func (f *fast) anchored(i, col, depth int, inMapping bool) *Node {
	end := f.nameEnd(i + 1)
	if end == i+1 || end < f.end && f.s[end] != ' ' && f.s[end] != '\n' && f.s[end] != '\r' {
		return nil
	}
	at := len(f.anchors)
	f.anchors = append(f.anchors, anchor{name: f.s[i+1 : end]})
	f.pos = end
	for i = end; i < f.end && f.s[i] == ' '; {
		i++
	}
	if i < f.end && f.s[i] == '*' {
		return nil
	}
	n := f.bare(i, col, depth, inMapping)
	if n != nil {
		n.Anchor = f.anchors[at].name
		f.anchors[at].node = n
	}
	return n
}

func (f *fast) alias() *Node {
	end := f.nameEnd(f.pos + 1)
	name := f.s[f.pos+1 : end]
	for i := len(f.anchors) - 1; i >= 0; i-- {
		if f.anchors[i].name != name {
			continue
		}
		if f.anchors[i].node == nil {
			return nil // it stands within its own anchor
		}
		n := f.scalar(Plain, f.pos, end, f.line, "")
		n.Kind, n.Target = Alias, f.anchors[i].node
		f.pos = end
		return n
	}
	return nil
}

// nameEnd is the end of the anchor's name at i.
func (f *fast) nameEnd(i int) int {
	for i < f.end {
		c := f.s[i]
		if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '_' || c == '-' {
			i++
			continue
		}
		break
	}
	return i
}
