package yamltree

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestReaderReadsAsParse reads texts of very different sizes and kinds with
// one Reader, and keeps strings of each: none may see another's memory.
func TestReaderReadsAsParse(t *testing.T) {
	t.Parallel()
	texts := []string{
		"a: 1\n",
		"a: &x {b: \"c\\n\", d: 'it''s'}\ne: *x\n---\n- 1\n",
		"", "# nothing\n",
		"a: [\n---\nb: 2\n",
		"\xff\xfea\x00",
		"block: |\n  one\n  two\nfolded: >-\n  three\n  four\n",
		"{\"json\": [1, 2, {\"x\": null}]}",
		"? complex\n: value\n", // left to yaml.v3
	}
	var large strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&large, "key%d:\n  - \"item\\t%d\"\n  - {x: y}\n", i, i)
	}
	texts = append(texts, large.String(), "list: ["+strings.Repeat("1, ", 10000)+"2]\n", "after: the large ones\n")

	var r Reader
	kept := map[string]string{}
	for round := range 3 {
		for i := range texts {
			text := texts[(i*(round+1))%len(texts)]
			wantDocs, wantErrs := Parse([]byte(text))
			data := []byte(text)
			docs, errs := r.Parse(data)
			if diff := cmp.Diff(wantDocs, docs, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("documents of %.40q (-Parse +Reader):\n%.2000s", text, diff)
			}
			if diff := cmp.Diff(wantErrs, errs, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("errors of %.40q (-Parse +Reader):\n%s", text, diff)
			}
			for _, d := range docs {
				keep(d.Root, kept)
			}
			clear(data) // strings must not refer to the caller's bytes
		}
	}
	for value, copied := range kept {
		if value != copied {
			t.Errorf("a value was %q and is %q", copied, value)
		}
	}
}

func keep(n *Node, kept map[string]string) {
	if n == nil {
		return
	}
	if n.Kind == Scalar {
		kept[n.Value] = strings.Clone(n.Value)
	}
	for _, c := range n.Content {
		keep(c, kept)
	}
}

func BenchmarkReader(b *testing.B) {
	data := []byte(strings.Repeat("metadata:\n  name: web\n  labels: {a: b}\n", 30))
	var r Reader
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		r.Parse(data)
	}
}
