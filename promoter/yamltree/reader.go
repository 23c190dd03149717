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
	p := newParser(data, 0, len(data))
	p.fast.arena = r.last.fast.arena
	p.fast.arena.reuse()
	p.fast.anchors = r.last.fast.anchors
	p.docs = r.last.docs[:0]
	r.last = *p
	for _, c := range split(data, r.last.start, len(data), r.last.indent, r.last.line) {
		r.last.read(c)
	}
	return r.last.docs, r.last.errs
}

func hasUTF16(data []byte) bool {
	return len(data) >= 2 && (data[0] == 0xff && data[1] == 0xfe || data[0] == 0xfe && data[1] == 0xff)
}

// keptPointers bounds the lists that are kept for the next text: one with a
// million items must not hold its memory for all that follow.
const keptPointers = 1 << 12

// reuse makes what was handed out free again.
func (a *arena) reuse() {
	clear(a.nodes[:a.used])
	a.used = 0
	clear(a.ptrs[:a.taken])
	a.taken = 0
	if len(a.ptrs) > keptPointers {
		a.ptrs = nil
	}
	a.stack = a.stack[:cap(a.stack)]
	clear(a.stack)
	if len(a.stack) > keptPointers {
		a.stack = nil
	}
}
