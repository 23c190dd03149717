package yamltree

import (
	"fmt"
	"testing"
)

// compare reads every document of data with both readers. Where the fast one
// does not give up, the trees must be equal. It returns how many documents
// there are, and how many of them were read fast.
func compare(t testing.TB, data []byte, start, end int) (docs, quick int) {
	t.Helper()
	p := newParser(data, start, end)
	if p == nil {
		return 0, 0
	}
	for _, c := range split(data, p.start, end, p.indent, p.line) {
		if !c.content {
			continue
		}
		docs++
		got, ok := p.readFast(c)
		if !ok {
			continue
		}
		quick++
		want, err := readSlow(data, c, p.indent)
		if err != nil {
			t.Fatalf("fast reader accepts what the slow one refuses: line %d: %v\n%s", err.Line, err, data)
		}
		if d := difference(got, want, "$", map[*Node]*Node{}); d != "" {
			t.Fatalf("trees differ: %s\n%q", d, data)
		}
	}
	return docs, quick
}

// difference describes the first difference of two trees, or returns "".
func difference(a, b *Node, path string, seen map[*Node]*Node) string {
	if a == nil || b == nil {
		if a != b {
			return fmt.Sprintf("%s: fast %v, slow %v", path, a, b)
		}
		return ""
	}
	seen[a] = b
	if a.Kind == Alias && seen[a.Target] != b.Target {
		return path + ": aliases of different nodes"
	}
	x, y := *a, *b
	x.Content, y.Content, x.Target, y.Target = nil, nil, nil, nil
	if fmt.Sprintf("%+v", x) != fmt.Sprintf("%+v", y) {
		return fmt.Sprintf("%s:\nfast %+v\nslow %+v", path, x, y)
	}
	if len(a.Content) != len(b.Content) {
		return fmt.Sprintf("%s: fast has %d children, slow %d", path, len(a.Content), len(b.Content))
	}
	for i := range a.Content {
		if d := difference(a.Content[i], b.Content[i], fmt.Sprintf("%s[%d]", path, i), seen); d != "" {
			return d
		}
	}
	return ""
}
