package appset

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"

	"promoter/detectors"
	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// Tracing finds the scalar that a rendered version comes from: each scalar
// that could be it is replaced by a token of its own, the ApplicationSet is
// evaluated again, and the tokens that appear in the Applications say where
// their text came from. The result counts only if putting the values back
// gives the Applications as they really are.

// leaf is a scalar that supplies parameters.
type leaf struct {
	place promoter.Place
	key   string // the last key of its path: scalars of one key are traced together
	text  string // as a template prints it
}

func token(i int) string { return "zq7t" + strconv.Itoa(i) + "t7qz" }

var tokens = regexp.MustCompile(`zq7t(\d+)t7qz`)

// span is a part of a rendered text that a leaf supplied.
type span struct {
	start, end int
	leaf       *leaf
}

// untoken puts the leaves' texts back and says where they stand.
func untoken(s string, leaves []*leaf) (string, []span) {
	var b strings.Builder
	var spans []span
	at := 0
	for _, m := range tokens.FindAllStringSubmatchIndex(s, -1) {
		i, err := strconv.Atoi(s[m[2]:m[3]])
		if err != nil || i >= len(leaves) {
			continue
		}
		b.WriteString(s[at:m[0]])
		start := b.Len()
		b.WriteString(leaves[i].text)
		spans = append(spans, span{start, b.Len(), leaves[i]})
		at = m[1]
	}
	b.WriteString(s[at:])
	return b.String(), spans
}

// leavesOf lists the scalars under a node that could supply a wanted text.
func leavesOf(c detectors.Cursor, wanted map[string]bool) []*leaf {
	var found []*leaf
	var walk func(n *yamltree.Node, at, key string, depth int)
	walk = func(n *yamltree.Node, at, key string, depth int) {
		if depth > 100 {
			return
		}
		switch n.Kind {
		case yamltree.Scalar:
			if n.Style == yamltree.Literal || n.Style == yamltree.Folded || n.IsNull() {
				return
			}
			text := printed(n)
			// Only what reads the same in every style can be put back.
			if wanted[text] && !strings.ContainsAny(text, "\"\\\n\t") {
				found = append(found, &leaf{place: detectors.PlaceOf(c.File, c.Doc, n, at), key: key, text: text})
			}
		case yamltree.Mapping:
			n.Pairs(func(k, v *yamltree.Node) { walk(v, detectors.JoinKey(at, k.Value), k.Value, depth+1) })
		case yamltree.Sequence:
			for i, item := range n.Content {
				walk(item, detectors.JoinItem(at, i), key, depth+1)
			}
		}
	}
	if c.Node != nil {
		walk(c.Node, c.Path, "", 0)
	}
	return found
}

// printed is a scalar as a template prints it: a plain number goes through
// JSON and loses its form there (1.10 is printed 1.1).
func printed(n *yamltree.Node) string {
	if n.Style != yamltree.Plain || n.Tag != "" || strings.Trim(n.Value, "0123456789.+-eExXoOabcdfABCDF_") != "" {
		return n.Value
	}
	var v any
	if err := yaml.Unmarshal([]byte(n.Value), &v); err != nil {
		return n.Value
	}
	return fmt.Sprint(v)
}

// parameterLeaves lists what stands in the set's own generators.
func parameterLeaves(s set, wanted map[string]bool) []*leaf {
	var found []*leaf
	eachGenerator(s.Get("spec", "generators"), 0, func(g detectors.Cursor, kind string) {
		if kind == "list" {
			found = append(found, leavesOf(g.Get("elements"), wanted)...)
			if c := g.Get("elementsYaml"); c.IsScalar() {
				if docs, err := c.Embedded(); err == nil {
					for _, d := range docs {
						found = append(found, leavesOf(d, wanted)...)
					}
				}
			}
		}
		found = append(found, leavesOf(g.Get("values"), wanted)...)
	})
	return found
}

// fileLeaves lists what stands in a file that supplies parameters. Of a file
// with several documents Argo CD reads the first; of a Secret, its labels and
// annotations.
func fileLeaves(file string, data []byte, secrets bool, wanted map[string]bool) []*leaf {
	docs, _ := yamltree.Parse(data)
	var found []*leaf
	for i, d := range docs {
		c := detectors.At(&detectors.File{Path: file, Data: data}, &detectors.Doc{Document: d, Index: i})
		switch {
		case secrets && isClusterSecret(c):
			found = append(found, leavesOf(c.Get("metadata", "labels"), wanted)...)
			found = append(found, leavesOf(c.Get("metadata", "annotations"), wanted)...)
		case !secrets && i == 0:
			found = append(found, leavesOf(c, wanted)...)
		}
	}
	return found
}

// splice puts the token of each leaf in its place and returns the files that
// changed.
func splice(leaves []*leaf, use func(*leaf) bool, read func(string) ([]byte, error)) (map[string][]byte, error) {
	byFile := map[string][]int{}
	for i, l := range leaves {
		if use(l) {
			byFile[l.place.File] = append(byFile[l.place.File], i)
		}
	}
	out := map[string][]byte{}
	for _, file := range slices.Sorted(maps.Keys(byFile)) {
		data, err := read(file)
		if err != nil {
			return nil, err
		}
		list := byFile[file]
		slices.SortFunc(list, func(a, b int) int { return leaves[a].place.Start - leaves[b].place.Start })
		var b []byte
		at := 0
		for _, i := range list {
			p := leaves[i].place
			if p.Start < at {
				continue // the same scalar, reached twice
			}
			b = append(b, data[at:p.Start]...)
			b = append(b, `"`+token(i)+`"`...)
			at = p.End
		}
		out[file] = append(b, data[at:]...)
	}
	return out, nil
}
