package yamltree

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// outline writes a tree with each node's kind, range and value.
func outline(data []byte, n *Node) string {
	var b strings.Builder
	var walk func(n *Node)
	walk = func(n *Node) {
		if n.Anchor != "" {
			b.WriteString("&" + n.Anchor + " ")
		}
		if n.Tag != "" {
			b.WriteString(n.Tag + " ")
		}
		switch n.Kind {
		case Scalar:
			fmt.Fprintf(&b, "%q@%d<%s>", n.Value, n.Line, data[n.Start:n.End])
		case Alias:
			fmt.Fprintf(&b, "%s=%q", data[n.Start:n.End], n.Target.Value)
		default:
			open, shut := "[", "]"
			if n.Kind == Mapping {
				open, shut = "{", "}"
			}
			if n.Flow {
				open = "flow" + open
			}
			b.WriteString(open)
			for i, c := range n.Content {
				if i > 0 {
					b.WriteString(" ")
				}
				walk(c)
			}
			b.WriteString(shut)
		}
	}
	if n == nil {
		return "nothing"
	}
	walk(n)
	return b.String()
}

func TestParse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		in   string
		want []string // one outline per document
	}{
		"nothing":             {"", nil},
		"comments alone":      {"# a\n\n  # b\n", nil},
		"mapping":             {"a: 1\nb: x y # c\n", []string{`{"a"@1<a> "1"@1<1> "b"@2<b> "x y"@2<x y>}`}},
		"no final newline":    {"a: 1", []string{`{"a"@1<a> "1"@1<1>}`}},
		"crlf":                {"a: 1\r\nb: |\r\n  x\r\n  y\r\n", []string{"{\"a\"@1<a> \"1\"@1<1> \"b\"@2<b> \"x\\ny\\n\"@2<|\r\n  x\r\n  y>}"}},
		"byte order mark":     {"\ufeffa: é\nb: ü # ä\n", []string{`{"a"@1<a> "é"@1<é> "b"@2<b> "ü"@2<ü>}`}},
		"empty values":        {"a:\nb: # c\nc:\n", []string{`{"a"@1<a> ""@1<> "b"@2<b> ""@2<> "c"@3<c> ""@3<>}`}},
		"compact sequence":    {"- a: 1\n  b: 2\n-\n- - x\n  - y\n", []string{`[{"a"@1<a> "1"@1<1> "b"@2<b> "2"@2<2>} ""@3<> ["x"@4<x> "y"@5<y>]]`}},
		"sequence below key":  {"k:\n- a\n- b\nl:\n  - c\n", []string{`{"k"@1<k> ["a"@2<a> "b"@3<b>] "l"@4<l> ["c"@5<c>]}`}},
		"quotes":              {`a: 'it''s' # x` + "\nb: \"say \\\"hi\\\"\"\n", []string{`{"a"@1<a> "it's"@1<'it''s'> "b"@2<b> "say \"hi\""@2<"say \"hi\"">}`}},
		"quoted over lines":   {"a: \"x\n  y\"\nb: 'p\n\n  q'\n", []string{"{\"a\"@1<a> \"x y\"@1<\"x\n  y\"> \"b\"@3<b> \"p\\nq\"@3<'p\n\n  q'>}"}},
		"plain over lines":    {"a: x é\n  y # c\nb: 1\n", []string{"{\"a\"@1<a> \"x é y\"@1<x é\n  y> \"b\"@3<b> \"1\"@3<1>}"}},
		"literal":             {"a: |-  # c\n   x\n    y\n\nb: 1\n", []string{"{\"a\"@1<a> \"x\\n y\"@1<|-  # c\n   x\n    y> \"b\"@5<b> \"1\"@5<1>}"}},
		"keep":                {"a: |+\n  x\n\nb: 1\n", []string{"{\"a\"@1<a> \"x\\n\\n\"@1<|+\n  x> \"b\"@4<b> \"1\"@4<1>}"}},
		"folded":              {"a: >\n  x\n  y\n\n  z\n   w\n  v\n", []string{"{\"a\"@1<a> \"x y\\nz\\n w\\nv\\n\"@1<>\n  x\n  y\n\n  z\n   w\n  v>}"}},
		"indicator":           {"a:\n  - |2\n     x\n    y\n", []string{"{\"a\"@1<a> [\" x\\ny\\n\"@2<|2\n     x\n    y>]}"}},
		"empty block scalar":  {"a: |-\nb: 1\n", []string{`{"a"@1<a> ""@1<|-> "b"@2<b> "1"@2<1>}`}},
		"flow":                {"a: {b: [1, \"2\"], c: {}} # d\n", []string{`{"a"@1<a> flow{"b"@1<b> flow["1"@1<1> "2"@1<"2">] "c"@1<c> flow{}}}`}},
		"json":                {"{\n\t\"a\": [1,\n 2],\n  \"b\":\"c\"\n}\n", []string{`flow{"a"@2<"a"> flow["1"@2<1> "2"@3<2>] "b"@4<"b"> "c"@4<"c">}`}},
		"flow pair":           {"[a: b, {c}, ]\n", []string{`flow[flow{"a"@1<a> "b"@1<b>} flow{"c"@1<c> ""@1<>}]`}},
		"anchors":             {"a: &x 1\nb: *x\nc: &y\n  d: *x\ne:\n  <<: *y\n", []string{`{"a"@1<a> &x "1"@1<1> "b"@2<b> *x="1" "c"@3<c> &y {"d"@4<d> *x="1"} "e"@5<e> {"<<"@6<<<> *y=""}}`}},
		"tags":                {"a: !!str 1\nb: !vault |\n  x\nc: &p !!map {d: 1}\ne: !\n", []string{"{\"a\"@1<a> !!str \"1\"@1<1> \"b\"@2<b> !vault \"x\\n\"@2<|\n  x> \"c\"@4<c> &p !!map flow{\"d\"@4<d> \"1\"@4<1>} \"e\"@5<e> ! \"\"@5<>}"}},
		"complex keys":        {"? a\n: b\n? [c]\n: - d\n? e\n", []string{`{"a"@1<a> "b"@2<b> flow["c"@3<c>] ["d"@4<d>] "e"@5<e> ""@5<>}`}},
		"documents":           {"a: 1\n---\nb: 2\n...\n# c\n---\n", []string{`{"a"@1<a> "1"@1<1>}`, `{"b"@3<b> "2"@3<2>}`, "nothing"}},
		"text beside marker":  {"--- |\n x\n--- {a: 1}\n--- # c\nb: 2\n", []string{"\"x\\n\"@1<|\n x>", `flow{"a"@3<a> "1"@3<1>}`, `{"b"@5<b> "2"@5<2>}`}},
		"directives":          {"%YAML 1.2\n---\na: 1\n...\n%TAG !e! tag:example.com,2000:\n---\nb: !e!x 2\n", []string{`{"a"@3<a> "1"@3<1>}`, `{"b"@7<b> !e!x "2"@7<2>}`}},
		"marker in a comment": {"a: 1 # ---\n#---\nb: '---'\n", []string{`{"a"@1<a> "1"@1<1> "b"@3<b> "---"@3<'---'>}`}},
		"duplicate keys":      {"a: 1\na: 2\n", []string{`{"a"@1<a> "1"@1<1> "a"@2<a> "2"@2<2>}`}},
		"line separators":     {"a: \"x\u2028y\"\nb: 1\n", []string{"{\"a\"@1<a> \"x\u2028y\"@1<\"x\u2028y\"> \"b\"@2<b> \"1\"@2<1>}"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := []byte(test.in)
			docs, errs := Parse(data)
			for _, err := range errs {
				t.Errorf("line %d: %v", err.Line, err)
			}
			if len(docs) != len(test.want) {
				t.Fatalf("got %d documents, want %d", len(docs), len(test.want))
			}
			for i, d := range docs {
				if got := outline(data, d.Root); strings.ReplaceAll(got, "\u2028", `\u2028`) != strings.ReplaceAll(test.want[i], "\u2028", `\u2028`) {
					t.Errorf("document %d:\ngot  %s\nwant %s", i, got, test.want[i])
				}
			}
			compare(t, data, 0, len(data))
		})
	}
}

func TestBrokenDocumentCostsOnlyItself(t *testing.T) {
	t.Parallel()
	docs, errs := Parse([]byte("a: 1\n---\nb: [1\n---\nc: 3\n---\nd: \"x\n---\ne: 5\n"))
	if len(docs) != 5 {
		t.Fatalf("got %d documents, want 5", len(docs))
	}
	for i, key := range []string{"a", "", "c", "", "e"} {
		if key == "" {
			if docs[i].Root != nil {
				t.Errorf("document %d is broken and has a root", i)
			}
			continue
		}
		if docs[i].Root.Get(key) == nil {
			t.Errorf("document %d does not hold %s", i, key)
		}
	}
	if len(errs) != 2 || errs[0].Line < 3 || errs[0].Line > 4 || errs[1].Line < 7 || errs[1].Line > 8 {
		t.Errorf("got errors %+v, want one at line 3 and one at line 7", errs)
	}
}

func TestErrorLines(t *testing.T) {
	t.Parallel()
	for in, line := range map[string]int{
		"a: 1\nb: c: d\n":               2,
		"a: 1\nb: *missing\n":           2,
		"a: 1\nb: \xff\n":               2,
		"a: &x [*x]\n":                  1,
		"a:\n  b: 1\n c: 2\n":           3,
		"a: 1\n\tb: 2\n":                2,
		"x: 1\n---\na: &x\n  b: [*x]\n": 4,
		"\xff\xfea\x00":                 1,
	} {
		_, errs := Parse([]byte(in))
		if len(errs) != 1 || errs[0].Line != line {
			t.Errorf("%q: got %+v, want an error at line %d", in, errs, line)
		}
	}
}

func TestHostileInput(t *testing.T) {
	t.Parallel()
	bomb := "a: &a0 [x]\n"
	for i := range 100 {
		bomb += fmt.Sprintf("a%d: &a%d [*a%d, *a%d, *a%d]\n", i+1, i+1, i, i, i)
	}
	docs, errs := Parse([]byte(bomb))
	if len(errs) > 0 || len(docs) != 1 || len(docs[0].Root.Content) != 202 {
		t.Errorf("aliases must stay aliases: %d documents, %v", len(docs), errs)
	}
	deep := strings.Repeat("[", 100_000)
	for name, in := range map[string]string{
		"flow":         deep,
		"closed flow":  strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000),
		"mappings":     strings.Repeat("{a: ", 100_000),
		"dashes":       strings.Repeat("- ", 100_000),
		"indentation":  indented(11_000),
		"explicit":     strings.Repeat("? ", 100_000),
		"second is it": "a: 1\n---\n" + deep,
	} {
		_, errs := Parse([]byte(in))
		if len(errs) != 1 {
			t.Errorf("%s: got %d errors, want 1", name, len(errs))
		}
	}
}

func indented(levels int) string {
	var b bytes.Buffer
	for i := range levels {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func TestParseRange(t *testing.T) {
	t.Parallel()
	data := []byte("head: 1\nvalues: |\n  # c\n  image:\n    tag: \"1\"\n  text: |\n    x\n    y\n  ---\n  more: &é [a,\n    é]\nnext: 2\n")
	start := bytes.Index(data, []byte("  # c"))
	end := bytes.Index(data, []byte("next"))
	for _, from := range []int{start, start + 2} {
		docs, errs := ParseRange(data, from, end)
		if len(errs) > 0 && !strings.Contains(errs[0].Message, "alphabetic") {
			t.Fatalf("%v", errs[0])
		}
		want := "{\"image\"@4<image> {\"tag\"@5<tag> \"1\"@5<\"1\">} \"text\"@6<text> \"x\\ny\\n\"@6<|\n    x\n    y>}"
		if got := outline(data, docs[0].Root); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if len(docs) != 2 || docs[1].Root != nil || len(errs) != 1 || errs[0].Line != 10 {
			t.Errorf("the second document has a bad anchor at line 10: %+v", errs)
		}
		compare(t, data, from, end)
	}
	quoted := []byte("a: '{\"image\": [\"x\",\n   \"y:1\"]}'\n")
	docs, errs := ParseRange(quoted, 4, len(quoted)-2)
	if len(errs) > 0 {
		t.Fatal(errs[0])
	}
	if got, want := outline(quoted, docs[0].Root), `flow{"image"@1<"image"> flow["x"@1<"x"> "y:1"@2<"y:1">]}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if _, errs := ParseRange(data, 5, len(data)+1); len(errs) != 1 {
		t.Error("a range outside of the file must be an error")
	}
}
