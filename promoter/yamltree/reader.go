package yamltree

// Reader reads many texts, one after the other, with the memory of one. It is
// for who reads thousands of files and looks at each only once. The zero value
// is ready.
type Reader struct{ last parser }

// Parse is as the function Parse, but its nodes and documents are good only
// until the next call. Their strings stay good.
func (r *Reader) Parse(data []byte) ([]*Document, []*Error) {
	if hasUTF16(data) {
		return Parse(data)
	}
	p := &r.last
	p.begin(data, 0, len(data))
	p.docs, p.errs = p.docs[:0], nil
	p.fast.reuse()
	for _, c := range split(data, p.start, len(data), p.indent, p.line) {
		p.read(c)
	}
	return p.docs, p.errs
}

func hasUTF16(data []byte) bool {
	return len(data) >= 2 && (data[0] == 0xff && data[1] == 0xfe || data[0] == 0xfe && data[1] == 0xff)
}

// keptPointers bounds the lists that are kept for the next text: one with a
// million items must not hold its memory for all that follow.
const keptPointers = 1 << 12

// reuse makes what was handed out free again.
func (a *arena) reuse() {
	if a.nodes == nil {
		a.nodes = make([]Node, slabNodes)
	}
	outgrown := a.first != nil
	if outgrown {
		a.nodes, a.used, a.first = a.first, len(a.first), nil
	}
	clear(a.nodes[:a.used])
	a.used, a.taken = 0, 0
	if !outgrown {
		return // the lists below refer to the nodes that are kept, and to no others
	}
	clear(a.ptrs)
	if len(a.ptrs) > keptPointers {
		a.ptrs = nil
	}
	a.stack = a.stack[:cap(a.stack)]
	clear(a.stack)
	if len(a.stack) > keptPointers {
		a.stack = nil
	}
}
