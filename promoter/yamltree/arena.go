package yamltree

// arena hands out nodes and their lists of children from few large pieces of
// memory: most of the time of a fast parser would otherwise go into asking
// for small ones.
type arena struct {
	nodes []Node  // not handed out yet
	ptrs  []*Node // not handed out yet
	stack []*Node // children of the collections that are being read
	slab  int     // nodes in the next piece
}

// bytesPerNode is about what a node of a manifest takes up in its file.
const bytesPerNode = 16

func (a *arena) size(text int) {
	a.slab = min(max(text/bytesPerNode, 8), 512)
}

func (a *arena) node() *Node {
	if len(a.nodes) == 0 {
		a.nodes = make([]Node, a.slab)
	}
	n := &a.nodes[0]
	a.nodes = a.nodes[1:]
	return n
}

// take returns what was pushed on the stack since mark, as a list of its own.
func (a *arena) take(mark int) []*Node {
	children := a.stack[mark:]
	n := len(children)
	if n > len(a.ptrs) {
		a.ptrs = make([]*Node, max(n, a.slab))
	}
	list := a.ptrs[:n:n]
	a.ptrs = a.ptrs[n:]
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
