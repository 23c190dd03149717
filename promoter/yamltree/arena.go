package yamltree

import "strings"

// arena hands out nodes and their lists of children from few large pieces of
// memory: most of the time of a fast parser would otherwise go into asking
// for small ones.
type arena struct {
	nodes []Node
	used  int    // of nodes; moving the slice instead would cost a write barrier per node
	first []Node // the piece before nodes was outgrown, to be used again
	ptrs  []*Node
	taken int     // of ptrs
	stack []*Node // children of the collections that are being read
	slab  int     // nodes in the next piece
	text  *strings.Builder
}

const (
	// bytesPerNode is about what a node of a manifest takes up in its file.
	bytesPerNode = 11
	// slabNodes of 112 bytes fill the largest piece that Go's allocator keeps
	// in its quick lists.
	slabNodes = 256
)

// size prepares for a text of so many bytes.
func (a *arena) size(text int) {
	a.slab = min(text/bytesPerNode+4, slabNodes)
	if a.stack == nil {
		a.stack = make([]*Node, 0, 96)
	}
	a.stack = a.stack[:0]
}

// node hands out an empty node.
func (f *fast) node() *Node {
	if f.used == len(f.nodes) {
		if f.first == nil {
			f.first = f.nodes
		}
		f.nodes, f.used = make([]Node, f.slab), 0
		f.slab = min(max((f.end-f.pos)/bytesPerNode, 8), slabNodes)
	}
	f.used++
	return &f.nodes[f.used-1]
}

// room returns a builder that has room for a text of about n bytes, and where
// the text will begin in it. Many texts share one piece of memory.
func (a *arena) room(n int) (b *strings.Builder, mark int) {
	if a.text == nil || a.text.Cap()-a.text.Len() < n {
		a.text = &strings.Builder{}
		a.text.Grow(max(n, 8*a.slab))
	}
	return a.text, a.text.Len()
}

// take returns what was pushed on the stack since mark, as a list of its own.
func (a *arena) take(mark int) []*Node {
	children := a.stack[mark:]
	n := len(children)
	if n > len(a.ptrs)-a.taken {
		a.ptrs, a.taken = make([]*Node, max(n, a.slab)), 0
	}
	list := a.ptrs[a.taken : a.taken+n : a.taken+n]
	a.taken += n
	copy(list, children)
	a.stack = a.stack[:mark]
	return list
}

// scalar makes a scalar from offsets in f.s.
func (f *fast) scalar(style Style, start, end, line int, value string) *Node {
	n := f.node()
	n.Kind, n.Style = Scalar, style
	n.Start, n.End, n.Line = f.base+start, f.base+end, line
	n.Value = value
	return n
}

// close gives a block collection its children and its range.
func (f *fast) close(n *Node, mark int) {
	n.Content = f.take(mark)
	first, last := n.Content[0], n.Content[len(n.Content)-1]
	n.Start, n.End, n.Line = first.Start, last.End, first.Line
}

// The kinds of byte that matter before reading.
const (
	textReturn = 1 << iota
	textWide
	textBad
)

var textKind = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c == '\r':
			t[c] = textReturn
		case c == '\n' || c == '\t':
		case c >= 0x80:
			t[c] = textWide
		case c < ' ' || c == 0x7f:
			t[c] = textBad
		}
	}
	return t
}()

// plainText reports whether s is text whose only line breaks are "\n" and
// "\r\n".
func plainText(s string) bool {
	var kinds uint8
	for i := 0; i < len(s); i++ {
		kinds |= textKind[s[i]]
	}
	if kinds&textBad != 0 {
		return false
	}
	if kinds&textReturn != 0 {
		for i := 0; i < len(s); i++ {
			if s[i] == '\r' && (i+1 == len(s) || s[i+1] != '\n') {
				return false
			}
		}
	}
	if kinds&textWide != 0 {
		for _, r := range s {
			switch {
			case r < 0x80 || r >= 0xa0 && r < 0x2028 || r > 0x2029 && r < 0xfeff || r > 0xffff:
			case r > 0xfeff && r < 0xfffd: // U+FFFD may be a broken byte
			default:
				return false
			}
		}
	}
	return true
}
