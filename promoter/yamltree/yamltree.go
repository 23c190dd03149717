// Package yamltree reads YAML into a tree that knows its bytes: every node
// carries the exact range of the source text it came from, so that a version
// can be reported by line and edited without touching another byte.
//
// It refuses to write YAML: edits splice bytes (gitops/edit), nothing is ever
// encoded again. It decides nothing about meaning: scalars are strings, and
// whoever reads them knows what they are.
package yamltree

// Kind says what a node is.
type Kind uint8

// The kinds of node.
const (
	Scalar Kind = iota + 1
	Mapping
	Sequence
	Alias // Target is the node it stands for
)

// Style says how a scalar is written.
type Style uint8

// The styles of scalar.
const (
	Plain Style = iota
	SingleQuoted
	DoubleQuoted
	Literal // |
	Folded  // >
)

// Node is one value of a document.
type Node struct {
	Kind  Kind
	Style Style // of a Scalar
	Flow  bool  // a Mapping or Sequence in { } or [ ]
	// Start and End are the byte range of the node's text: of a scalar with
	// its quotes, or from a block scalar's indicator to its last line's end
	// (without the final line break); of a Mapping or Sequence from its
	// first to its last child's byte, brackets included in flow style.
	// Properties (anchor, tag) come before Start.
	Start, End int
	Line       int    // 1-based line of Start
	Value      string // a Scalar's decoded text
	Tag        string // explicit tag as written ("!!str", "!vault"), or ""
	Anchor     string // name of the anchor on this node, or ""
	Target     *Node  // of an Alias
	// Content holds a Sequence's items, or a Mapping's keys and values in
	// turn: key, value, key, value.
	Content []*Node
}

// Document is one document of a stream.
type Document struct {
	Root       *Node // nil for an empty document
	Start, End int   // byte range in the file, without "---" lines
	Line       int   // 1-based line of Start
}

// Error is a document that could not be read.
type Error struct {
	Line    int // 1-based
	Message string
}

func (e *Error) Error() string { return e.Message }

// Resolve returns the node an alias stands for, and any other node itself.
func (n *Node) Resolve() *Node {
	for n != nil && n.Kind == Alias {
		n = n.Target
	}
	return n
}

// Get walks mappings by key and returns the value, aliases resolved, or nil.
// Merge keys ("<<") are followed where the key itself is absent.
func (n *Node) Get(keys ...string) *Node {
	n = n.Resolve()
	for _, k := range keys {
		left := maxMerge
		if n = n.lookup(k, &left); n == nil {
			return nil
		}
	}
	return n
}

// maxMerge bounds how many mappings one look-up visits: merge keys that each
// name several mappings multiply with every level.
const maxMerge = 256

func (n *Node) lookup(key string, left *int) *Node {
	if n == nil || n.Kind != Mapping || *left <= 0 {
		return nil
	}
	*left--
	for i := 0; i+1 < len(n.Content); i += 2 {
		if k := n.Content[i]; k.Kind == Scalar && k.Value == key {
			return n.Content[i+1].Resolve()
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if k := n.Content[i]; k.Kind != Scalar || k.Value != "<<" || k.Style != Plain {
			continue
		}
		from := n.Content[i+1].Resolve()
		if from != nil && from.Kind == Sequence {
			for _, item := range from.Content {
				if v := item.Resolve().lookup(key, left); v != nil {
					return v
				}
			}
			continue
		}
		if v := from.lookup(key, left); v != nil {
			return v
		}
	}
	return nil
}

// Str returns the scalar at the keys as written, or "".
func (n *Node) Str(keys ...string) string {
	if v := n.Get(keys...); v != nil && v.Kind == Scalar {
		return v.Value
	}
	return ""
}

// Items returns a sequence's items, aliases resolved; nil for anything else.
func (n *Node) Items() []*Node {
	n = n.Resolve()
	if n == nil || n.Kind != Sequence {
		return nil
	}
	items := make([]*Node, len(n.Content))
	for i, c := range n.Content {
		items[i] = c.Resolve()
	}
	return items
}

// Pairs calls f for each key and value of a mapping, as written: aliases are
// not resolved and merge keys not followed. It does nothing for other nodes.
func (n *Node) Pairs(f func(key, value *Node)) {
	if n == nil || n.Kind != Mapping {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		f(n.Content[i], n.Content[i+1])
	}
}

// IsNull reports whether the node is absent, or a plain null or empty scalar.
func (n *Node) IsNull() bool {
	n = n.Resolve()
	if n == nil {
		return true
	}
	if n.Kind != Scalar || n.Style != Plain {
		return false
	}
	switch n.Value {
	case "", "~", "null", "Null", "NULL":
		return true
	}
	return false
}
