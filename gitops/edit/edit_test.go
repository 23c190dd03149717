package edit

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// at is the place of the nth scalar or alias of data whose text or value is
// written, as a detector would report it.
func at(t testing.TB, data, written string, nth int) promoter.Place {
	t.Helper()
	masked, _ := yamltree.MaskTemplates([]byte(data))
	docs, _ := yamltree.Parse(masked)
	var found []promoter.Place
	var look func(docs []*yamltree.Document, path string)
	var walk func(n *yamltree.Node, path string)
	walk = func(n *yamltree.Node, path string) {
		if n == nil {
			return
		}
		if n.Kind == yamltree.Scalar || n.Kind == yamltree.Alias {
			if n.Value == written || data[n.Start:n.End] == written {
				found = append(found, promoter.Place{File: "f.yaml", Line: n.Line, Path: path, Start: n.Start, End: n.End, Written: n.Value})
			}
			if start, end := body(masked, n); strings.Contains(data[start:end], written) && data[start:end] != written {
				inner, _ := yamltree.ParseRange(masked, start, end)
				if len(inner) > 0 && inner[0].Root != nil && inner[0].Root.Kind != yamltree.Scalar {
					look(inner, path+"|")
				}
			}
		}
		for _, c := range n.Content {
			walk(c, path)
		}
	}
	look = func(docs []*yamltree.Document, path string) {
		for _, d := range docs {
			walk(d.Root, path)
		}
	}
	look(docs, "p")
	if nth >= len(found) {
		t.Fatalf("%q stands %d times in %q", written, len(found), data)
	}
	return found[nth]
}

func TestApply(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		in       string
		from, to string // the first scalar that is from
		want     string // what stands in place of the « » in in
	}{
		"plain":                  {"tag: «1.2.3»\n", "1.2.3", "1.3.0", "1.3.0"},
		"no final newline":       {"a: 1\ntag: «1.2.3»", "1.2.3", "1.3.0", "1.3.0"},
		"comment":                {"tag: «1.2.3» # {\"$imagepolicy\": \"flux-system:app:tag\"}\n", "1.2.3", "1.3.0", "1.3.0"},
		"single quotes":          {"tag: «'1.2.3'» # x\n", "1.2.3", "1.3.0", "'1.3.0'"},
		"double quotes":          {"tag: «\"1.2.3\"»\n", "1.2.3", "1.3.0", `"1.3.0"`},
		"quotes are not doubled": {"tag: «'1.2'»\n", "1.2", "1.20", "'1.20'"},
		"crlf":                   {"a: 1\r\ntag: «1.2.3»\r\nb: 2\r\n", "1.2.3", "1.3.0", "1.3.0"},
		"byte order mark":        {"\ufefftag: «1.2.3»\n", "1.2.3", "1.3.0", "1.3.0"},
		"wide characters":        {"é: {ü: «1.2.3»} # ö\n", "1.2.3", "1.3.0", "1.3.0"},
		"anchor":                 {"tag: &v «1.2.3»\nb: *v\n", "1.2.3", "1.3.0", "1.3.0"},
		"merged":                 {"x: &x {tag: «1.2.3», a: 1}\nb:\n  <<: *x\n", "1.2.3", "1.3.0", "1.3.0"},
		"flow":                   {"a: [x, {tag: «1.2.3»}]\n", "1.2.3", "1.3.0", "1.3.0"},
		"flow with a comma":      {"a: [«x»]\n", "x", "x,y", `"x,y"`},
		"json":                   {"{\"tag\": «1.9»}\n", "1.9", "1.10", `"1.10"`},
		"later document":         {"tag: 1.2.3\n---\ntag: «1.2.4»\n", "1.2.4", "1.3.0", "1.3.0"},
		"digest and tag":         {"image: «nginx:1.2@sha256:aa»\n", "nginx:1.2@sha256:aa", "nginx:1.3@sha256:bb", "nginx:1.3@sha256:bb"},
		"tagged":                 {"tag: !!str «1.9»\n", "1.9", "1.10", "1.10"},
		"key":                    {"«1.2.3»: x\n", "1.2.3", "1.3.0", "1.3.0"},

		"string to number":      {"tag: «1.2.3»\n", "1.2.3", "1.20", `"1.20"`},
		"string to exponent":    {"rev: «1e3f»\n", "1e3f", "1e37", `"1e37"`},
		"string to digits":      {"rev: «a1234567»\n", "a1234567", "01234567", `"01234567"`},
		"string to bool":        {"rev: «main»\n", "main", "on", `"on"`},
		"old bools":             {"rev: «on»\n", "on", "off", "off"},
		"old bool to new":       {"rev: «on»\n", "on", "true", `"true"`},
		"octal":                 {"rev: «0123»\n", "0123", "0124", `"0124"`},
		"string to null":        {"rev: «main»\n", "main", "~", `"~"`},
		"number to number":      {"tag: «1.8»\n", "1.8", "1.9", "1.9"},
		"number loses its zero": {"tag: «1.9»\n", "1.9", "1.10", `"1.10"`},
		"number without a zero": {"tag: «1.20»\n", "1.20", "1.30", "1.30"},
		"integer to number":     {"tag: «3»\n", "3", "3.1", "3.1"},
		"number to string":      {"tag: «11»\n", "11", "12-alpine", "12-alpine"},
		"date to date":          {"tag: «2024-01-02»\n", "2024-01-02", "2024-02-01", "2024-02-01"},
		"range that is syntax":  {"version: «^1.2.0»\n", "^1.2.0", ">=1.3.0 <2", `">=1.3.0 <2"`},
		"star":                  {"version: «1.x»\n", "1.x", "*", `"*"`},
		"comment in the value":  {"version: «1.x»\n", "1.x", "a #b", `"a #b"`},
		"colon in the value":    {"version: «1.x»\n", "1.x", "a: b", `"a: b"`},
		"quote in the value":    {"version: «1.x»\n", "1.x", `"a": b`, `'"a": b'`},
		"apostrophe":            {"version: «'1.x'»\n", "1.x", "it's", "'it''s'"},
		"backslash":             {"version: «\"1.x\"»\n", "1.x", `a\b"c`, `"a\\b\"c"`},

		"embedded":          {"values: |\n  image:\n    tag: «1.2.3» # c\n  x: 1\n", "1.2.3", "1.3.0", "1.3.0"},
		"embedded, quoting": {"values: |\n  tag: «1.2.3»\n", "1.2.3", "1.20", `"1.20"`},
		"embedded, crlf":    {"values: |-\r\n  tag: «'1.2.3'»\r\n\r\nb: 1\r\n", "1.2.3", "1.3.0", "'1.3.0'"},
		"embedded twice":    {"a: |\n  b: |\n    tag: «1.2.3»\n  c: 1\n", "1.2.3", "1.3.0", "1.3.0"},
		"embedded in quotes": {`values: '{"image": {"tag": «"1.2.3"»}}'` + "\n",
			"1.2.3", "1.3.0", `"1.3.0"`},
		"embedded in double quotes": {`values: "{tag: «1.2.3»}"` + "\n", "1.2.3", "1.20", `'1.20'`},
		"word of a script":          {"run: |\n  # v1\n  docker pull «nginx:1.2»\n  echo nginx:1.2\n", "# v1\ndocker pull nginx:1.2\necho nginx:1.2\n", "# v1\ndocker pull nginx:1.3\necho nginx:1.2\n", "nginx:1.3"},
		"word of a folded text":     {"run: >-\n  docker pull\n  «nginx:1.2»\n", "docker pull nginx:1.2", "docker pull nginx:1.3", "nginx:1.3"},
		"word over lines":           {"run: \"a \\\n  «nginx:1.2»\"\n", "a nginx:1.2", "a nginx:1.3", "nginx:1.3"},
		"word after itself":         {"run: x x\n  x «x» y\n", "x x x x y", "x x x z y", "z"},
		"escape kept":               {`run: "\x61 «b:1»"` + "\n", "a b:1", "a b:2", "b:2"},

		"template":           {"{{- if .x }}\nname: {{ .name }}\ntag: «1.2.3» {{/* c */}}\n{{- end }}\n", "1.2.3", "1.3.0", "1.3.0"},
		"template of values": {"values: |\n  {{- range .x }}\n  {{ . }}: 1\n  {{- end }}\n  tag: «1.2.3»\n", "1.2.3", "1.3.0", "1.3.0"},
		"broken elsewhere":   {"a: [\n---\ntag: «1.2.3»\n", "1.2.3", "1.3.0", "1.3.0"},
		"same value":         {"tag: «1.2.3»\n", "1.2.3", "1.2.3", "1.2.3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			head, rest, _ := strings.Cut(test.in, "«")
			middle, tail, _ := strings.Cut(rest, "»")
			in := head + middle + tail
			data := []byte(in)
			got, err := Apply(data, []Set{{Place: at(t, in, test.from, 0), To: test.to}})
			if err != nil {
				t.Fatal(err)
			}
			if want := head + test.want + tail; string(got) != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if string(data) != in {
				t.Error("the input was changed")
			}
		})
	}
}

func TestApplySeveral(t *testing.T) {
	t.Parallel()
	in := "# v\nimage:\n  repository: nginx # 1.25\n  tag: \"1.25\"\n  digest: 'sha256:aa'\nvalues: |\n  tag: 1.25\n  also: 1.25.1\n---\nold: 1.25.1\n"
	sets := []Set{
		{Place: at(t, in, "1.25.1", 1), To: "1.26.0"},
		{Place: at(t, in, "1.25", 1), To: "1.26"},
		{Place: at(t, in, "sha256:aa", 0), To: "sha256:bbb"},
		{Place: at(t, in, "1.25", 0), To: "1.26.0"},
		{Place: at(t, in, "1.25", 0), To: "1.26.0"}, // two pins of one place agree
		{Place: at(t, in, "1.25.1", 0), To: "1.26"},
	}
	got, err := Apply([]byte(in), sets)
	if err != nil {
		t.Fatal(err)
	}
	want := "# v\nimage:\n  repository: nginx # 1.25\n  tag: \"1.26.0\"\n  digest: 'sha256:bbb'\nvalues: |\n  tag: 1.26\n  also: \"1.26\"\n---\nold: 1.26.0\n"
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	// One that cannot be made stops all.
	if got, err := Apply([]byte(in), append(sets, Set{Place: at(t, in, "nginx", 0), To: "a\nb"})); err == nil || got != nil {
		t.Errorf("a bad edit among good ones gave %q, %v", got, err)
	}
	if got, err := Apply([]byte(in), nil); err != nil || string(got) != in {
		t.Errorf("no edits gave %q, %v", got, err)
	}
}

func TestApplyRefuses(t *testing.T) {
	t.Parallel()
	place := func(in, from string, change func(p *promoter.Place)) promoter.Place {
		p := at(t, in, from, 0)
		if change != nil {
			change(&p)
		}
		return p
	}
	simple := "a: x\ntag: 1.2.3\n"
	for name, test := range map[string]struct {
		in    string
		sets  []Set
		moved bool
		says  string
	}{
		"other value":        {simple, []Set{{place(simple, "1.2.3", func(p *promoter.Place) { p.Written = "1.2.2" }), "1.3.0"}}, true, `reads "1.2.3"`},
		"other line":         {simple, []Set{{place(simple, "1.2.3", func(p *promoter.Place) { p.Line = 3 }), "1.3.0"}}, true, "f.yaml:3"},
		"shorter file":       {simple, []Set{{place(simple, "1.2.3", func(p *promoter.Place) { p.End = 99 }), "1.3.0"}}, true, "bytes"},
		"not a scalar there": {simple, []Set{{place(simple, "1.2.3", func(p *promoter.Place) { p.Start -= 2 }), "1.3.0"}}, true, "no value"},
		"part of a scalar":   {simple, []Set{{place(simple, "1.2.3", func(p *promoter.Place) { p.End -= 2; p.Written = "1.2" }), "1.3"}}, true, "no value"},
		"alias":              {"a: &x 1.2.3\ntag: *x\n", []Set{{place("a: &x 1.2.3\ntag: *x\n", "*x", func(p *promoter.Place) { p.Written = "1.2.3" }), "1.3.0"}}, false, "line 1"},
		"template's value":   {"tag: v{{ .x }}\n", []Set{{promoter.Place{File: "f.yaml", Path: "tag", Start: 5, End: 14, Written: "v________"}, "1"}}, false, "template"},
		"nothing written":    {"tag:\n", []Set{{promoter.Place{File: "f.yaml", Path: "tag", Start: 4, End: 4}, "1"}}, false, "nothing is written"},
		"empty value":        {simple, []Set{{place(simple, "1.2.3", nil), ""}}, false, "empty"},
		"line break":         {simple, []Set{{place(simple, "1.2.3", nil), "1\nb: 2"}}, false, "not text"},
		"template action":    {simple, []Set{{place(simple, "1.2.3", nil), "{{ .x }}"}}, false, "template"},
		"they disagree":      {simple, []Set{{place(simple, "1.2.3", nil), "1.3.0"}, {place(simple, "1.2.3", nil), "1.4.0"}}, false, "overlap"},
		"two files":          {simple, []Set{{place(simple, "x", nil), "y"}, {place(simple, "1.2.3", func(p *promoter.Place) { p.File = "g.yaml" }), "1.4.0"}}, false, "several files"},
		"broken document":    {"a: [\ntag: 1.2.3\n", []Set{{promoter.Place{File: "f.yaml", Path: "tag", Line: 2, Start: 10, End: 15, Written: "1.2.3"}, "1.3.0"}}, true, ""},
		"two words":          {"a: b\n  c d\n", []Set{{place("a: b\n  c d\n", "b c d", nil), "b x y"}}, false, "one word"},
		"embedded quotes":    {"a: '{b: \"c\"}'\n", []Set{{place("a: '{b: \"c\"}'\n", "c", nil), "it's"}}, false, "cannot be read"},
		"whole and part":     {"v: |\n  tag: 1.2.3\n", []Set{{place("v: |\n  tag: 1.2.3\n", "1.2.3", nil), "1.3.0"}, {place("v: |\n  tag: 1.2.3\n", "tag: 1.2.3\n", nil), "tag: 1.4.0\n"}}, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Apply([]byte(test.in), test.sets)
			if err == nil || got != nil {
				t.Fatalf("got %q, %v", got, err)
			}
			if errors.Is(err, ErrMoved) != test.moved || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), ".yaml:") {
				t.Errorf("got %q; moved %v, want %v and %q", err, errors.Is(err, ErrMoved), test.moved, test.says)
			}
		})
	}
}

// Places that no YAML path leads to: comments, and files of other languages.
func TestApplyText(t *testing.T) {
	t.Parallel()
	raw := func(file, in, path string) promoter.Place {
		i := strings.Index(in, "1.2.3")
		return promoter.Place{File: file, Line: 1 + strings.Count(in[:i], "\n"), Path: path, Start: i, End: i + 5, Written: "1.2.3"}
	}
	for _, test := range []struct{ file, in, path, to, want string }{
		{"main.tf", "module \"x\" {\n  version = \"1.2.3\"\n}\n", "", "1.3.0", "module \"x\" {\n  version = \"1.3.0\"\n}\n"},
		{"Dockerfile", "FROM nginx:1.2.3 AS x\n", "", "1.3", "FROM nginx:1.3 AS x\n"},
		{"VERSION", "1.2.3\n", "", "1.10", "1.10\n"},
		{"a.yaml", "# Flux Version: 1.2.3\na: 1\n", "# Flux Version", "1.3.0", "# Flux Version: 1.3.0\na: 1\n"},
		{"a.yaml", "url: https://x/1.2.3/1.2.3.yaml\n", "", "1.3.0", "url: https://x/1.3.0/1.2.3.yaml\n"},
		{"a.yaml", "tag: 1.2.3\n", "", "1.10", "tag: \"1.10\"\n"},
		{"a.yaml", "tag: \"1.2.3\"\n", "", "1.10", "tag: \"1.10\"\n"},
		{"a.yaml", "{{ if x }}\na: [\n tag: v1.2.3\n", "", "1.3.0", "{{ if x }}\na: [\n tag: v1.3.0\n"},
	} {
		got, err := Apply([]byte(test.in), []Set{{raw(test.file, test.in, test.path), test.to}})
		if err != nil {
			t.Errorf("%s: %v", test.file, err)
		} else if string(got) != test.want {
			t.Errorf("%s: got\n%s\nwant\n%s", test.file, got, test.want)
		}
	}
	for _, test := range []struct{ file, in, to string }{
		{"main.tf", "version = \"1.2.3\"\n", "1\"\nx = \"2"},
		{"main.tf", "version = \"1.2.3\"\n", "${x}"},
		{"a.yaml", "tag: v1.2.3\n", "1: 2"},
		{"a.yaml", "tag: 1.2.3-1\n", "5"}, // 5-1 stays text, and 5.1 below would not
	} {
		if got, err := Apply([]byte(test.in), []Set{{raw(test.file, test.in, ""), test.to}}); err == nil && test.to != "5" {
			t.Errorf("%s: %q was written: %s", test.file, test.to, got)
		}
	}
	in := "tag: 0.1.2.3\n"
	if got, err := Apply([]byte(in), []Set{{raw("a.yaml", in, ""), "5"}}); err == nil {
		t.Errorf("a text became a number: %s", got)
	}
	if _, err := Apply([]byte("x 1.2.4\n"), []Set{{promoter.Place{File: "x", Start: 2, End: 7, Written: "1.2.3"}, "1"}}); !errors.Is(err, ErrMoved) {
		t.Errorf("other text: %v", err)
	}
}

func TestUsers(t *testing.T) {
	t.Parallel()
	in := "x: &x\n  image: {tag: &t 1.2.3}\na: *t\nb:\n  <<: *x\nc: &c 1\nd: *c\nv: |\n  p: &p 4.5.6\n  q: *p\n"
	if got := Users([]byte(in), at(t, in, "1.2.3", 0)); len(got) != 2 || got[0] != 3 || got[1] != 5 {
		t.Errorf("got lines %v, want 3 and 5", got)
	}
	if got := Users([]byte(in), at(t, in, "4.5.6", 0)); len(got) != 1 || got[0] != 10 {
		t.Errorf("got lines %v, want 10", got)
	}
}

func TestTypes(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]kind{
		"1": decimal, "-1": decimal, "1.20": decimal, "0.5": decimal, "0": decimal,
		"+1": number, "0x1f": number, "0o7": number, "0b1": number, "1_000": number, ".5": number, "5.": number, "007": number,
		"1e3": number, "1E+3": number, "1.5e-3": number, ".inf": number, "-.Inf": number, ".nan": number, "12:30": number, "0777": number,
		"on": oldBool, "Off": oldBool, "y": oldBool, "TRUE": boolean, "no": oldBool, "null": null, "~": null, "<<": special, "=": special,
		"2024-01-02": date, "2024-01-02T03:04:05Z": date,
		"1.2.3": text, "v1": text, "1e3f": text, "-": text, "latest": text, "1.2-3": text, "12:99": text, "e3": text, "2024.01.02": text, "sha256:12": text,
	} {
		if got := typeOf(s); got != want {
			t.Errorf("%q is kind %d, want %d", s, got, want)
		}
	}
}

func BenchmarkApply(b *testing.B) {
	var text bytes.Buffer
	for range 400 {
		text.WriteString("- name: app\n  image:\n    repository: registry.example.com/app\n    tag: \"1.2.3\" # pinned\n  values: |\n    image: x\n    tag: 4.5.6\n")
	}
	in := text.String()
	var sets []Set
	for i := range 10 {
		sets = append(sets, Set{Place: at(b, in, "1.2.3", i*40), To: "1.3.0"})
	}
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Apply([]byte(in), sets); err != nil {
			b.Fatal(err)
		}
	}
}
