package edit

import (
	"bytes"

	"promoter/promoter/yamltree"
)

// maxEmbedded is how deep YAML may be embedded in scalars of YAML.
const maxEmbedded = 4

// locate finds what stands at a target's place and decides how to write it.
func (e *editing) locate(t *target) error {
	p := t.Place
	if t.text() {
		return e.locateText(t)
	}
	found := e.find(t)
	if t.raw() && (found == nil || found.Style != yamltree.Plain || found.Value != p.Written) {
		return e.locateText(t)
	}
	switch {
	case found != nil && found.Kind == yamltree.Alias:
		return t.refuse("an alias of what stands on line %d: that is the place to edit", found.Target.Line)
	case found == nil:
		return t.moved("no value stands at bytes %d to %d, where %q stood", p.Start, p.End, p.Written)
	case !bytes.Equal(e.masked[p.Start:p.End], e.data[p.Start:p.End]):
		return t.refuse("the value is written by a template")
	case found.Value != p.Written:
		return t.moved("it reads %q, not %q", found.Value, p.Written)
	}
	t.node = found
	return t.write(string(e.data[p.Start:p.End]))
}

// locateText prepares the edit of bytes that are no scalar of their own.
func (e *editing) locateText(t *target) error {
	p := t.Place
	if got := string(e.data[p.Start:p.End]); got != p.Written {
		return t.moved("it reads %q, not %q", got, p.Written)
	}
	if bytes.ContainsAny([]byte(t.To), "\"'`\\#${}<>|&; ") {
		return t.refuse("the new value %q holds a character that may not be text here", t.To)
	}
	t.from, t.to, t.with = p.Start, p.End, t.To
	return nil
}

// find returns the scalar or alias at a target's place, looking into YAML that
// is embedded in scalars too; or nil.
func (e *editing) find(t *target) *yamltree.Node {
	docs := e.docs
	depth := maxEmbedded
	if t.raw() {
		depth = 0 // text in quotes is not YAML because it could be read so
	}
	for range 1 + depth {
		n, flow := findIn(docs, t.Place.Start, t.Place.End)
		if n == nil {
			return nil
		}
		if n.Start == t.Place.Start && n.End == t.Place.End {
			t.flow = flow
			return n
		}
		start, end := body(e.masked, n)
		if t.Place.Start < start || t.Place.End > end {
			return nil
		}
		switch n.Style {
		case yamltree.SingleQuoted:
			t.within = '\''
		case yamltree.DoubleQuoted:
			t.within = '"'
		}
		docs, _ = yamltree.ParseRange(e.masked, start, end)
	}
	return nil
}

// findIn returns the scalar or alias of the documents that the range lies in,
// and whether it stands in a flow collection.
func findIn(docs []*yamltree.Document, start, end int) (n *yamltree.Node, flow bool) {
	for _, d := range docs {
		if n = d.Root; n != nil && n.Start <= start && end <= n.End {
			break
		}
		n = nil
	}
	for n != nil && (n.Kind == yamltree.Mapping || n.Kind == yamltree.Sequence) {
		flow = flow || n.Flow
		var inner *yamltree.Node
		for _, c := range n.Content {
			if c.Start <= start && end <= c.End {
				inner = c
				break
			}
		}
		n = inner
	}
	return n, flow
}

// body is the range of the text within a scalar that may be YAML itself.
func body(data []byte, n *yamltree.Node) (start, end int) {
	start, end = n.Start, n.End
	switch n.Style {
	case yamltree.Literal, yamltree.Folded:
		nl := bytes.IndexByte(data[start:end], '\n')
		if nl < 0 {
			return end, end
		}
		start += nl + 1
	case yamltree.SingleQuoted, yamltree.DoubleQuoted:
		start, end = start+1, end-1
	}
	return start, end
}
