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
