package detectors

import (
	"bytes"
	"fmt"
	"strings"

	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// Cursor is a node of a file together with where it stands: what a detector
// needs to read a value and to say its place. The zero Node means that nothing
// is there; every method may be called on it.
type Cursor struct {
	File *File
	Doc  int            // index of the document in the file
	Node *yamltree.Node // aliases resolved; nil when nothing is there
	Path string         // of Node itself: for an alias or merged key, the anchor's own path

	root     *yamltree.Node // of the document, or of the embedded one
	rootPath string
}

// At is the cursor on a document's root.
func At(f *File, d *Doc) Cursor {
	c := Cursor{File: f, Doc: d.Index}
	if d.Document != nil {
		c.Node = d.Root.Resolve()
		c.root = d.Root
	}
	return c
}

// Get walks mappings by key, through aliases and merge keys. The path is that
// of the text found, so that an edit there changes what was read.
func (c Cursor) Get(keys ...string) Cursor {
	n := c.Node
	for _, k := range keys {
		if n = written(n, k); n == nil {
			return c.follow(keys)
		}
	}
	// Nothing but keys on the way: the path is joined once.
	c.Node, c.Path = n, joinKeys(c.Path, keys)
	return c
}

// written is the value that stands in a mapping under the key itself; nil when
// there is none, or an alias.
func written(n *yamltree.Node, key string) *yamltree.Node {
	if n == nil || n.Kind != yamltree.Mapping {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if k := n.Content[i]; k.Kind == yamltree.Scalar && k.Value == key {
			if v := n.Content[i+1]; v.Kind != yamltree.Alias {
				return v
			}
			return nil
		}
	}
	return nil
}

// follow is Get where an alias or a merge key may be on the way.
func (c Cursor) follow(keys []string) Cursor {
	if c.Node.Get(keys...) == nil {
		c.Node, c.Path = nil, ""
		return c
	}
	for _, k := range keys {
		c = c.step(k)
	}
	return c
}

func (c Cursor) step(key string) Cursor {
	from := c.Node
	c.Node = from.Get(key)
	if c.Node == nil {
		c.Path = ""
		return c
	}
	direct := false
	from.Pairs(func(k, v *yamltree.Node) { direct = direct || v == c.Node && k.Value == key })
	if direct {
		c.Path = JoinKey(c.Path, key)
	} else {
		c.Path = c.pathOf(c.Node, JoinKey(c.Path, key))
	}
	return c
}

// Items are the cursors on a sequence's items.
func (c Cursor) Items() []Cursor {
	if c.Node == nil || c.Node.Kind != yamltree.Sequence {
		return nil
	}
	items := make([]Cursor, len(c.Node.Content))
	for i, n := range c.Node.Content {
		item := c
		item.Path = JoinItem(c.Path, i)
		if item.Node = n.Resolve(); item.Node != n {
			item.Path = c.pathOf(item.Node, item.Path)
		}
		items[i] = item
	}
	return items
}

// Str is the text of the scalar at the keys, or "".
func (c Cursor) Str(keys ...string) string { return c.Node.Str(keys...) }

// IsScalar reports whether something is written here: a scalar, not null.
func (c Cursor) IsScalar() bool {
	return c.Node != nil && c.Node.Kind == yamltree.Scalar && !c.Node.IsNull()
}

// Place is where the scalar under the cursor stands.
func (c Cursor) Place() promoter.Place { return PlaceOf(c.File, c.Doc, c.Node, c.Path) }

// Unwritten is [Unwritten] of the scalar under the cursor.
func (c Cursor) Unwritten() string { return Unwritten(c.File, c.Node) }

// Embedded reads the YAML that the scalar under the cursor holds, one cursor
// per document. Text whose bytes are not the YAML itself (escapes, doubled
// quotes) is an error, because an edit in it could not be placed.
func (c Cursor) Embedded() ([]Cursor, error) {
	if !c.IsScalar() {
		return nil, fmt.Errorf("read embedded yaml: %s is no text", c.Path)
	}
	start, end := c.Node.Start, c.Node.End
	text := c.File.Data[start:end]
	switch c.Node.Style {
	case yamltree.Literal, yamltree.Folded:
		nl := bytes.IndexByte(text, '\n')
		if nl < 0 {
			return nil, nil
		}
		start += nl + 1
	case yamltree.SingleQuoted, yamltree.DoubleQuoted:
		start, end = start+1, end-1
		if inner := c.File.Data[start:end]; bytes.ContainsAny(inner, `\`) && c.Node.Style == yamltree.DoubleQuoted ||
			bytes.Contains(inner, []byte("''")) && c.Node.Style == yamltree.SingleQuoted {
			return nil, fmt.Errorf("read embedded yaml: %s is written with escapes", c.Path)
		}
	}
	docs, errs := yamltree.ParseRange(c.File.Data, start, end)
	if len(errs) > 0 {
		return nil, fmt.Errorf("read embedded yaml: line %d: %s", errs[0].Line, errs[0].Message)
	}
	var found []Cursor
	for _, d := range docs {
		if d.Root == nil {
			continue
		}
		at := strings.TrimSuffix(c.Path, "|") + "|"
		found = append(found, Cursor{File: c.File, Doc: c.Doc, Node: d.Root.Resolve(), Path: at, root: d.Root, rootPath: at})
	}
	return found, nil
}

// pathOf finds the path of a node that was reached through an alias.
func (c Cursor) pathOf(target *yamltree.Node, otherwise string) string {
	if p, ok := findPath(c.root, target, c.rootPath, 0); ok {
		return p
	}
	return otherwise
}

// PathAt is the path of the scalar that begins at an offset of the file, "" if
// none of the cursor's document does. It finds anchors that stand outside of
// the part of a document that was read.
func (c Cursor) PathAt(start int) string {
	at, path := c.root, c.rootPath
	for at != nil {
		var in *yamltree.Node
		var key string
		switch at.Kind {
		case yamltree.Scalar:
			if at.Start == start {
				return path
			}
		case yamltree.Mapping:
			for i := 0; i+1 < len(at.Content); i += 2 {
				if v := at.Content[i+1]; v.Start <= start && start < max(v.End, v.Start+1) {
					in, key = v, JoinKey(path, at.Content[i].Value)
				}
			}
		case yamltree.Sequence:
			for i, v := range at.Content {
				if v.Start <= start && start < max(v.End, v.Start+1) {
					in, key = v, JoinItem(path, i)
				}
			}
		}
		at, path = in, key
	}
	return ""
}

func findPath(n, target *yamltree.Node, at string, depth int) (string, bool) {
	if n == target {
		return at, true
	}
	if n == nil || depth > maxDepth {
		return "", false
	}
	switch n.Kind {
	case yamltree.Mapping:
		for i := 0; i+1 < len(n.Content); i += 2 {
			v := n.Content[i+1]
			if v.Start > target.Start || v.End < target.Start { // stands wholly after or before
				continue
			}
			if p, ok := findPath(v, target, JoinKey(at, n.Content[i].Value), depth+1); ok {
				return p, true
			}
		}
	case yamltree.Sequence:
		for i, v := range n.Content {
			if p, ok := findPath(v, target, JoinItem(at, i), depth+1); ok {
				return p, true
			}
		}
	}
	return "", false
}
