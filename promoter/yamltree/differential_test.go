package yamltree

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// compare reads every document of data with both readers. Where the fast one
// does not give up, the trees must be equal. It returns how many documents
// there are, and how many of them were read fast.
func compare(t testing.TB, data []byte, start, end int) (docs, quick int) {
	t.Helper()
	var p parser
	p.begin(data, start, end)
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
	if a.Kind != b.Kind || a.Style != b.Style || a.Flow != b.Flow || a.Start != b.Start || a.End != b.End ||
		a.Line != b.Line || a.Value != b.Value || a.Tag != b.Tag || a.Anchor != b.Anchor {
		x, y := *a, *b
		x.Content, y.Content, x.Target, y.Target = nil, nil, nil, nil
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

// fragments are what lines are made of; most ways to put them together are
// not YAML, and many of the rest are rare.
var fragments = []string{
	"a:", "b: ", "c: x", "- ", "-", "- x", "'q': ", "\"r\": ", "x y", "# c", " # c", "|", ">-", "|+2", ">1", "[", "]", "{", "}", ", ", "[a, b]",
	"{a: 1}", "&x ", "*x", "<<: *x", "!t ", "? ", ": ", "'", "\"", "''", "\\n", "\\\"", "é", "1.20", "-1", "::", "a:b", " ", "  ", "    ", "\t", "---", "...", "", "", "{{ x }}", "#", ",", "<", "~",
}

// TestRandomLines holds both readers to one tree on texts with much more
// structure than a fuzzer finds by itself.
func TestRandomLines(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	quick := 0
	for range randomTexts {
		var b strings.Builder
		breaks := "\n"
		if rnd.IntN(8) == 0 {
			breaks = "\r\n"
		}
		for range 1 + rnd.IntN(8) {
			b.WriteString(strings.Repeat(" ", rnd.IntN(4)))
			for range 1 + rnd.IntN(3) {
				b.WriteString(fragments[rnd.IntN(len(fragments))])
			}
			b.WriteString(breaks)
		}
		data := []byte(b.String())
		_, q := compare(t, data, 0, len(data))
		quick += q
		wrapped := append([]byte("k: |\n"), data...)
		compare(t, wrapped, 5, len(wrapped))
		docs, _ := Parse(data)
		for _, d := range docs {
			if d.Root != nil {
				checkPlaces(t, data, d.Root)
			}
		}
	}
	if quick < randomTexts/50 {
		t.Errorf("only %d texts of %d were read fast", quick, randomTexts)
	}
}

const randomTexts = 20_000
