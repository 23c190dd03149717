package edit

import (
	"bytes"
	"sort"
	"strings"

	"promoter/promoter/yamltree"
)

// verify reads the edited file and compares: every value that was not to be
// changed must be the same, at its place, and every other must be as wanted.
func (e *editing) verify(out []byte) error {
	masked, _ := yamltree.MaskTemplates(out)
	if !bytes.Equal(masked, splice(e.masked, e.targets)) {
		return e.targets[0].refuse("the file's templates would change")
	}
	if !e.parsed {
		return nil // text in another language
	}
	docs, errs := yamltree.Parse(masked)
	if len(errs) > len(e.errs) {
		return e.targets[0].refuse("the edited file cannot be read: line %d: %s", errs[0].Line, errs[0].Message)
	}
	v := &verifier{editing: e, out: masked, same: map[*yamltree.Node]*yamltree.Node{}, seen: map[int]bool{}, shift: []int{0}}
	for i, t := range e.targets {
		v.shift = append(v.shift, v.shift[i]+len(t.with)-(t.to-t.from))
	}
	if why := v.documents(e.docs, docs, 0); why != "" {
		return e.targets[0].refuse("the edit would change more than it should: %s", why)
	}
	for _, t := range e.targets {
		if t.node != nil && !v.seen[t.Place.Start] {
			return t.refuse("the edited value is not found again")
		}
	}
	return nil
}

// verifier compares two trees in step. Its methods return what differs, or "".
type verifier struct {
	*editing
	out  []byte
	same map[*yamltree.Node]*yamltree.Node // nodes before and after
	seen map[int]bool                      // targets that were met, by their start
	// shift is by how much text behind the first i targets moves.
	shift []int
}

func (v *verifier) documents(a, b []*yamltree.Document, depth int) string {
	if len(a) != len(b) {
		return "the number of documents"
	}
	for i := range a {
		if why := v.node(a[i].Root, b[i].Root, depth); why != "" {
			return why
		}
	}
	return ""
}

func (v *verifier) node(a, b *yamltree.Node, depth int) string {
	if a == nil || b == nil {
		if a != b {
			return "whether a document can be read"
		}
		return ""
	}
	v.same[a] = b
	switch {
	case a.Kind != b.Kind || a.Flow != b.Flow || len(a.Content) != len(b.Content):
		return "the structure at " + v.show(a)
	case a.Tag != b.Tag || a.Anchor != b.Anchor:
		return "the tag or anchor of " + v.show(a)
	case b.Start != v.moved(a.Start) || b.End != v.moved(a.End):
		return "the place of " + v.show(a)
	case a.Kind == yamltree.Alias && v.same[a.Target] != b.Target:
		return "the alias " + v.show(a)
	case a.Kind == yamltree.Scalar:
		return v.scalar(a, b, depth)
	}
	for i := range a.Content {
		if why := v.node(a.Content[i], b.Content[i], depth); why != "" {
			return why
		}
	}
	return ""
}

func (v *verifier) scalar(a, b *yamltree.Node, depth int) string {
	inner := v.within(a)
	if len(inner) == 0 {
		if a.Value != b.Value || a.Style != b.Style {
			return "the value " + v.show(a)
		}
		return ""
	}
	if t := inner[0]; t.node != nil && t.Place.Start == a.Start && t.Place.End == a.End {
		v.seen[a.Start] = true
		switch {
		case b.Value != t.To:
			return "the new value, which reads \"" + b.Value + "\""
		case a.Style != b.Style && a.Style != yamltree.Plain:
			return "the quoting of " + v.show(a)
		}
		return ""
	}
	if a.Style != b.Style {
		return "the quoting of " + v.show(a)
	}
	if inner[0].node != nil {
		return v.embedded(a, b, depth)
	}
	// Text within a scalar: a part of the value, and no other kind of value.
	if a.Style == yamltree.Plain && typeOf(a.Value) != typeOf(b.Value) {
		return "the type of " + v.show(a)
	}
	if !replaced(a.Value, b.Value, inner) {
		return "the value " + v.show(a)
	}
	return ""
}

// embedded compares the YAML that two scalars hold.
func (v *verifier) embedded(a, b *yamltree.Node, depth int) string {
	if depth == maxEmbedded {
		return "the depth of embedded YAML"
	}
	from, end := body(v.masked, a)
	before, was := yamltree.ParseRange(v.masked, from, end)
	from, end = body(v.out, b)
	after, is := yamltree.ParseRange(v.out, from, end)
	if len(is) > len(was) {
		return "whether the YAML embedded at " + v.show(a) + " can be read"
	}
	return v.documents(before, after, depth+1)
}

// within returns the targets that lie in a scalar.
func (v *verifier) within(n *yamltree.Node) []*target {
	first := sort.Search(len(v.targets), func(i int) bool { return v.targets[i].Place.Start >= n.Start })
	last := first
	for last < len(v.targets) && v.targets[last].Place.End <= n.End {
		last++
	}
	return v.targets[first:last]
}

// moved is where an offset of the old file stands in the new one.
func (v *verifier) moved(at int) int {
	before := sort.Search(len(v.targets), func(i int) bool { return v.targets[i].to > at })
	return at + v.shift[before]
}

func (v *verifier) show(n *yamltree.Node) string {
	raw := string(v.data[n.Start:n.End])
	if first, _, more := strings.Cut(raw, "\n"); more {
		raw = first + "…"
	}
	if len(raw) > 60 {
		raw = strings.ToValidUTF8(raw[:60], "") + "…"
	}
	return "\"" + raw + "\""
}

// replaced reports whether b is a with each target's text replaced, one after
// the other.
func replaced(a, b string, targets []*target) bool {
	if len(targets) == 0 {
		return a == b
	}
	t := targets[0]
	for at := 0; ; {
		i := strings.Index(a[at:], t.Place.Written)
		if i < 0 {
			return false
		}
		i += at
		if strings.HasPrefix(b, a[:i]+t.To) && replaced(a[i+len(t.Place.Written):], b[i+len(t.To):], targets[1:]) {
			return true
		}
		at = i + 1
	}
}
