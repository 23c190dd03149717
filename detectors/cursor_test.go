package detectors

import "testing"

func TestCursor(t *testing.T) {
	t.Parallel()
	const text = "base: &b {tag: v1}\nlist: [{x: &x 1}, *x]\na.b: *b\nmerged:\n  <<: *b\nempty: ~\ntext: |\n  image: a/b:1\nquoted: \"a\\tb\"\nsingle: '{\"k\": 1}'\n"
	f, errs := Open("x.yaml", []byte(text))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	root := At(f, f.Docs[0])
	for _, tt := range []struct {
		keys []string
		path string
	}{
		{[]string{"base", "tag"}, "base.tag"},
		{[]string{"a.b", "tag"}, "base.tag"},
		{[]string{"merged", "tag"}, "base.tag"},
		{[]string{"text"}, "text"},
		{[]string{"none", "tag"}, ""},
	} {
		if got := root.Get(tt.keys...); got.Path != tt.path {
			t.Errorf("Get(%q) stands at %q, want %q", tt.keys, got.Path, tt.path)
		}
	}
	items := root.Get("list").Items()
	if len(items) != 2 || items[1].Path != "list[0].x" || items[1].Place().Written != "1" {
		t.Errorf("items %+v; want the alias to stand at its anchor", items)
	}
	if root.Get("empty").IsScalar() || root.Get("none").IsScalar() || root.Get("base").IsScalar() || !root.Get("text").IsScalar() {
		t.Error("IsScalar is to be true of what is written, and only of that")
	}
	if got := root.PathAt(root.Get("merged", "tag").Node.Start); got != "base.tag" {
		t.Errorf("PathAt = %q, want base.tag", got)
	}
	docs, err := root.Get("text").Embedded()
	if err != nil || len(docs) != 1 {
		t.Fatalf("Embedded: %v, %v", docs, err)
	}
	image := docs[0].Get("image")
	if p := image.Place(); p.Path != "text|image" || p.Line != 8 || text[p.Start:p.End] != "a/b:1" {
		t.Errorf("embedded place %+v", p)
	}
	if docs, err = root.Get("single").Embedded(); err != nil || len(docs) != 1 || docs[0].Get("k").Path != "single|k" {
		t.Errorf("Embedded of a quoted text: %v, %v", docs, err)
	}
	if _, err = root.Get("quoted").Embedded(); err == nil {
		t.Error("text with escapes has no bytes of its own to edit, and was read")
	}
}

// TestGetIsOneKeyAfterTheOther holds the path that is joined at once to the
// one that is found step by step, whatever the keys are and lead through.
func TestGetIsOneKeyAfterTheOther(t *testing.T) {
	t.Parallel()
	const text = "plain: {a: {b: 1}}\n" +
		"a.b: {\"\": {'x y': 2, 'p|q': {r: 3}, '[0]': 4}}\n" +
		"base: &base {deep: {er: 5}}\nalias: *base\nmerged: {<<: *base, own: {k: 6}}\ntwice: {k: {l: 7}, k: {l: 8}}\n" +
		"text: |\n  a:\n    b.c: 9\n"
	f, errs := Open("x.yaml", []byte(text))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	root := At(f, f.Docs[0])
	embedded, err := root.Get("text").Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for want, get := range map[string]struct {
		from Cursor
		keys []string
	}{
		"plain.a.b":        {root, []string{"plain", "a", "b"}},
		`"a.b".""."x y"`:   {root, []string{"a.b", "", "x y"}},
		"":                 {root, []string{"a.b", "", "none"}},
		`"a.b".""."p|q".r`: {root, []string{"a.b", "", "p|q", "r"}},
		`"a.b".""."[0]"`:   {root, []string{"a.b", "", "[0]"}},
		"base.deep.er":     {root, []string{"merged", "deep", "er"}},
		"base.deep":        {root, []string{"alias", "deep"}},
		"merged.own.k":     {root, []string{"merged", "own", "k"}},
		"twice.k.l":        {root, []string{"twice", "k", "l"}},
		`text|a."b.c"`:     {embedded[0], []string{"a", "b.c"}},
	} {
		step := get.from
		for _, k := range get.keys {
			step = step.step(k)
		}
		got := get.from.Get(get.keys...)
		if got.Path != step.Path || got.Node != step.Node {
			t.Errorf("Get(%q) stands at %q, and step by step at %q", get.keys, got.Path, step.Path)
		}
		if got.Path != want {
			t.Errorf("Get(%q) stands at %q, want %q", get.keys, got.Path, want)
		}
	}
}
