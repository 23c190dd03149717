package yamltree

import (
	"bytes"
	"testing"
)

// seeds are texts that hold one of everything, for mutation.
var seeds = []string{
	application, helmRelease,
	"a: &x 1\nb: *x\nc: &y\n  - d: *x\n  -\n  - - e\n<<: *y\n",
	"a: |2-\n   x\n  y\n\n\nb: >+\n  x\n\n   y\n  z\n\n",
	"- a: 'it''s'\n  b: \"x\\\"y\\n\"\n- {a: [1, 'b'], c: \"d\", \"e\":1}\n-   - x\n    - y\n",
	"--- # c\na:\n- b\n-\n---\n{\"a\": [1,\n2]}\n...\n%YAML 1.1\n---\nb: !!str x\n",
	"? a\n: b\n? c\nd: x\n  y # z\n",
	"\ufeffa: é\r\nb: \u0085 x\r\n",
	"a: {b: c}\n\nd: [\n  x, y ]\ne: -1\nf: - g\n",
	"  a: 1\n  b:\n    c: |\n      d\n    e: f\n",
}

func FuzzFastAgainstSlow(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		compare(t, data, 0, len(data))
		// The same text must also be read alike where it is embedded.
		wrapped := append([]byte("k: |\n"), data...)
		compare(t, wrapped, 5, len(wrapped))
	})
}

// FuzzParse checks what holds for any input: no panic, ranges within those of
// the parent and within the file, lines that fit.
func FuzzParse(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		docs, errs := Parse(data)
		if len(errs) > len(docs) && len(docs) > 0 {
			t.Fatalf("%d errors for %d documents", len(errs), len(docs))
		}
		for _, d := range docs {
			if d.Root != nil {
				checkPlaces(t, data, d.Root)
			}
		}
	})
}

func checkPlaces(t *testing.T, data []byte, n *Node) {
	if n.Start < 0 || n.Start > n.End || n.End > len(data) {
		t.Fatalf("range [%d,%d) of %d bytes: %q", n.Start, n.End, len(data), data)
	}
	if line := 1 + bytes.Count(data[:n.Start], []byte{'\n'}); line != n.Line {
		t.Fatalf("offset %d is at line %d, not %d: %q", n.Start, line, n.Line, data)
	}
	last := n.Start
	for _, c := range n.Content {
		if c.Start < last || c.End > n.End {
			t.Fatalf("child [%d,%d) of [%d,%d) begins before %d: %q", c.Start, c.End, n.Start, n.End, last, data)
		}
		last = c.End
		checkPlaces(t, data, c)
	}
	if n.Kind == Scalar && n.Style == Plain && n.Value != "" {
		raw := data[n.Start:n.End]
		if bytes.IndexByte(raw, '\n') < 0 && bytes.IndexByte(raw, '\r') < 0 && !bytes.ContainsAny(raw, "\u0085\u2028\u2029") && string(raw) != n.Value {
			t.Fatalf("plain scalar %q stands at %q", n.Value, raw)
		}
	}
}

func FuzzMask(f *testing.F) {
	for _, s := range []string{"a: {{ .x }}\n", "{{/* x */ -}}\n", "a: |\n {{ `}}` }}\n  b\n", "--- {{ \"}}\" }}\n{{ {{ }} }}", "a: \"{{ f \\\"x\\\" }}\"\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		masked, templated := MaskTemplates(data)
		if !bytes.Equal(before, data) {
			t.Fatalf("input was changed: %q", before)
		}
		if len(masked) != len(data) || !templated && !bytes.Equal(masked, data) {
			t.Fatalf("%q became %q", data, masked)
		}
		for i, c := range masked {
			if c != data[i] && (data[i] == '\n' || data[i] == '\r' || c != ' ' && c != '_' && c != '#') {
				t.Fatalf("byte %d of %q became %q", i, data, c)
			}
		}
	})
}
