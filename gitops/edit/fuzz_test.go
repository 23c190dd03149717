package edit

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"promoter/promoter"
	"promoter/promoter/yamltree"

	"gopkg.in/yaml.v3"
)

// flatten lists all scalars and aliases of a stream as yaml.v3 reads them:
// the judge knows nothing of our own reader. Ok is false for what it cannot
// read.
func flatten(data []byte) (values []*yaml.Node, ok bool) {
	defer func() {
		if recover() != nil { // yaml.v3 has panics of its own
			ok = false
		}
	}()
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		values = append(values, n)
		for _, c := range n.Content {
			walk(c)
		}
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var n yaml.Node
		switch err := dec.Decode(&n); err {
		case nil:
			walk(&n)
		case io.EOF:
			return values, true
		default:
			return nil, false
		}
	}
}

// scalars lists the places of a file, also of YAML in its block scalars.
func scalars(data []byte) []promoter.Place {
	masked, _ := yamltree.MaskTemplates(data)
	docs, _ := yamltree.Parse(masked)
	var places []promoter.Place
	var walk func(n *yamltree.Node, path string)
	walk = func(n *yamltree.Node, path string) {
		if n == nil {
			return
		}
		if n.Kind == yamltree.Scalar && n.Value != "" {
			places = append(places, promoter.Place{File: "f.yaml", Line: n.Line, Path: path, Start: n.Start, End: n.End, Written: n.Value})
			if n.Style == yamltree.Literal && len(path) < 3 {
				start, end := body(masked, n)
				inner, _ := yamltree.ParseRange(masked, start, end)
				for _, d := range inner {
					walk(d.Root, path+"|")
				}
			}
		}
		for _, c := range n.Content {
			walk(c, path)
		}
	}
	for _, d := range docs {
		walk(d.Root, "p")
	}
	return places
}

func FuzzApply(f *testing.F) {
	for _, s := range []string{
		"image: nginx:1.25 # {\"$imagepolicy\": \"a:b\"}\ntag: '1.2'\n",
		"a: &x \"1\"\nb: [*x, 1.9, {c: v2}]\r\nd: >-\n  x\n  y\n---\ne: 1.20\n",
		"values: |\n  image:\n    tag: 1.2.3\n  {{ x }}\n  q: \"a\\\"b\"\n",
		"? a\n: |+\n  b\n\nc: !!str 1\nd: x\n  y z\n", "{\"a\": [1, \"2\"]}", "\ufeff- é\n- 'it''s'",
	} {
		f.Add([]byte(s), uint64(0x123456789), "1.3.0")
		f.Add([]byte(s), uint64(7), "1.10")
		f.Add([]byte(s), uint64(99), "a: b #c'\"")
	}
	f.Fuzz(func(t *testing.T, data []byte, seed uint64, to string) {
		places := scalars(data)
		if len(places) == 0 {
			return
		}
		rnd := rand.New(rand.NewPCG(seed, 1))
		var sets []Set
		for i := range 1 + rnd.IntN(3) {
			sets = append(sets, Set{Place: places[rnd.IntN(len(places))], To: to + strings.Repeat("1", i)})
		}
		got, err := Apply(data, sets)
		if err != nil {
			if got != nil {
				t.Fatalf("%v, and still %q", err, got)
			}
			return
		}
		checkApplied(t, data, got, sets)
	})
}

// checkApplied holds the result of an edit to what it promises.
func checkApplied(t *testing.T, data, got []byte, sets []Set) {
	t.Helper()
	targets, err := targetsOf(data, sets)
	if err != nil {
		t.Fatal(err)
	}
	// Every byte outside of the scalars is there, in order.
	rest := got
	at := 0
	for i, s := range targets {
		gap := data[at:s.Place.Start]
		if i == 0 && !bytes.HasPrefix(rest, gap) {
			t.Fatalf("bytes before the first edit changed:\n%q\n%q", data, got)
		}
		n := bytes.Index(rest, gap)
		if n < 0 {
			t.Fatalf("%q is lost:\n%q\n%q", gap, data, got)
		}
		rest = rest[n+len(gap):]
		at = s.Place.End
	}
	if !bytes.HasSuffix(rest, data[at:]) {
		t.Fatalf("bytes behind the last edit changed:\n%q\n%q", data, got)
	}
	before, ok := flatten(mask(data))
	after, ok2 := flatten(mask(got))
	if !ok {
		return // only some of its documents can be read
	}
	if !ok2 || len(before) != len(after) {
		t.Fatalf("the structure changed:\n%q\n%q", data, got)
	}
	changed := 0
	for i, a := range before {
		b := after[i]
		if a.Kind != b.Kind || a.Anchor != b.Anchor || len(a.Content) != len(b.Content) || a.Line != b.Line {
			t.Fatalf("node %d changed:\n%q\n%q", i, data, got)
		}
		if a.Value == b.Value && a.Tag == b.Tag {
			continue
		}
		if changed++; changed > len(targets) {
			t.Fatalf("more than %d values changed:\n%q\n%q", len(targets), data, got)
		}
		if a.ShortTag() == "!!str" && b.ShortTag() != "!!str" {
			t.Fatalf("the text %q became %s %q", a.Value, b.ShortTag(), b.Value)
		}
		if a.Style&yaml.LiteralStyle == 0 {
			want := false
			for _, s := range targets {
				// The value itself, or the text that it is embedded in.
				want = want || strings.Contains(a.Value, s.Place.Written) && strings.Contains(b.Value, s.To) &&
					(s.Place.Written != a.Value || s.To == b.Value)
			}
			if !want {
				t.Fatalf("%q became %q, which nobody asked for:\n%q\n%q", a.Value, b.Value, data, got)
			}
		}
	}
}

func mask(data []byte) []byte {
	m, _ := yamltree.MaskTemplates(data)
	return m
}

// TestApplyToAnything makes files of every shape together with what they must
// become, and holds Apply to it.
func TestApplyToAnything(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		before, after, sets, back := randomFile(rnd)
		got, err := Apply([]byte(before), sets)
		if err != nil {
			t.Fatalf("%v\n%s", err, before)
		}
		if string(got) != after {
			t.Fatalf("got\n%s\nwant\n%s", got, after)
		}
		checkApplied(t, []byte(before), got, sets)
		// What restores the old versions restores the old bytes.
		if got, err = Apply(got, back); err != nil || string(got) != before {
			t.Fatalf("back again (%v), got\n%s\nwant\n%s", err, got, before)
		}
	}
}

// randomFile writes lines whose «scalars» are versions, and picks some of them
// to be changed; back are the edits that undo it.
func randomFile(rnd *rand.Rand) (before, after string, sets, back []Set) {
	shapes := []string{
		"k%d: «%s»\n", "k%d: «'%s'» # «x»\n", "k%d: «\"%s\"»\n", "k%d: &a%[1]d «%[2]s»\nl%[1]d: *a%[1]d\n",
		"k%d: {a: [x, «%s»], b: \"c\"}\n", "k%d:\n  - name: x\n    image: «r.example.com/a:%s» # {\"$imagepolicy\": \"a:b:tag\"}\n",
		"k%d: |\n  a:\n    b: «%s» # c\n  c: «'%[2]s'»\n", "k%d: >-\n  some text\n  %s\n", "k%d: '{\"a\": «\"%s\"»}'\n",
		"# k%d %s\n", "---\nk%d: «%s»\n", "k%d:\n  <<: {x: «%s»}\n", "{{- if .x%d }}\ny: «%s»\n{{- end }}\n", "k%d: |-\n  e: |\n    f: «%s»\n\n",
		"k%d: a\n  b %s\n", "k%d: «\"é %s ü\"»\n", "? k%d\n: !!str «%s»\n",
	}
	var text strings.Builder
	if rnd.IntN(4) == 0 {
		text.WriteString("\ufeff")
	}
	for i := range 1 + rnd.IntN(8) {
		fmt.Fprintf(&text, shapes[rnd.IntN(len(shapes))], i, fmt.Sprintf("1.%d.3", 100+i))
	}
	source := text.String()
	if rnd.IntN(3) == 0 {
		source = strings.ReplaceAll(source, "\n", "\r\n")
	}
	if rnd.IntN(3) == 0 {
		source = strings.TrimRight(source, "\r\n")
	}
	var was, is strings.Builder
	for {
		head, rest, more := strings.Cut(source, "«")
		was.WriteString(head)
		is.WriteString(head)
		if !more {
			break
		}
		raw, tail, _ := strings.Cut(rest, "»")
		source = tail
		if raw == "x" || rnd.IntN(3) == 0 {
			was.WriteString(raw)
			is.WriteString(raw)
			continue
		}
		now := strings.Replace(raw, "1.1", "12.345-rc.", 1)
		sets = append(sets, Set{
			Place: promoter.Place{File: "f.yaml", Path: "p|", Start: was.Len(), End: was.Len() + len(raw), Written: strings.Trim(raw, `"'`)},
			To:    strings.Trim(now, `"'`),
		})
		back = append(back, Set{
			Place: promoter.Place{File: "f.yaml", Path: "p|", Start: is.Len(), End: is.Len() + len(now), Written: strings.Trim(now, `"'`)},
			To:    strings.Trim(raw, `"'`),
		})
		was.WriteString(raw)
		is.WriteString(now)
	}
	for i := range sets {
		sets[i].Place.Line = 1 + strings.Count(was.String()[:sets[i].Place.Start], "\n")
	}
	rnd.Shuffle(len(sets), func(i, j int) { sets[i], sets[j] = sets[j], sets[i] })
	return was.String(), is.String(), sets, back
}
