package edit

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// Add puts a value where nothing is written yet that could be replaced: into a
// values file under a key path, or into a kustomization as a patch of one
// field. It adds lines and changes no other byte; the result is read again, and
// must have exactly what was to be added. It refuses files and places where it
// cannot be certain: templates, flow style, anchors and merge keys on the way,
// a value that is there already.
func Add(file string, data []byte, in promoter.Insert, value string) ([]byte, error) {
	refuse := func(err error) ([]byte, error) {
		return nil, fmt.Errorf("add %s to %s: %w", in.Field, file, err)
	}
	steps, err := stepsOf(in.Field)
	if err != nil {
		return refuse(err)
	}
	if !addable.MatchString(value) {
		return refuse(fmt.Errorf("the value %q is no version or reference", value))
	}
	if _, templated := yamltree.MaskTemplates(data); templated {
		return refuse(fmt.Errorf("the file is a template"))
	}
	a := adding{data: data, newline: "\n"}
	if bytes.Contains(data, []byte("\r\n")) {
		a.newline = "\r\n"
	}
	var errs []*yamltree.Error
	if a.docs, errs = yamltree.Parse(data); len(errs) > 0 {
		return refuse(fmt.Errorf("it cannot be read: line %d: %s", errs[0].Line, errs[0].Message))
	}
	if len(a.docs) > 1 {
		return refuse(fmt.Errorf("it holds several documents"))
	}
	if len(a.docs) == 1 {
		a.root = a.docs[0].Root
	}
	if a.root.Get("sops", "mac") != nil {
		return refuse(fmt.Errorf("it is sealed by sops: a line more would break the seal"))
	}
	var out []byte
	if in.Kind == "" {
		out, err = a.value(steps, in.Beside, value)
	} else {
		out, err = a.patch(in, steps, value)
	}
	if err != nil {
		return refuse(err)
	}
	return out, nil
}

// addable are versions, image references and the names of images.
var addable = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+:/@~^-]*$`)

// adding is one file that gets lines.
type adding struct {
	data    []byte
	newline string
	docs    []*yamltree.Document
	root    *yamltree.Node // nil for a file without content
}

// step is one key or index of a path.
type step struct {
	key   string
	index int
	item  bool
}

// stepsOf splits a path as a Place writes it.
func stepsOf(path string) ([]step, error) {
	var out []step
	for rest := path; rest != ""; {
		switch {
		case rest[0] == '[':
			end := strings.IndexByte(rest, ']')
			if end < 0 || len(out) == 0 {
				return nil, fmt.Errorf("%q is no path", path)
			}
			n, err := strconv.Atoi(rest[1:end])
			if err != nil || n < 0 {
				return nil, fmt.Errorf("%q is no path", path)
			}
			out, rest = append(out, step{index: n, item: true}), rest[end+1:]
		case rest[0] == '"':
			quoted, err := strconv.QuotedPrefix(rest)
			if err != nil {
				return nil, fmt.Errorf("%q is no path", path)
			}
			key, err := strconv.Unquote(quoted)
			if err != nil || key == "" {
				return nil, fmt.Errorf("%q is no path", path)
			}
			out, rest = append(out, step{key: key}), rest[len(quoted):]
		default:
			end := strings.IndexAny(rest, ".[\"|")
			if end < 0 {
				end = len(rest)
			}
			if end == 0 {
				return nil, fmt.Errorf("%q is no path of keys", path)
			}
			out, rest = append(out, step{key: rest[:end]}), rest[end:]
		}
		switch {
		case rest == "" || rest[0] == '[':
		case rest[0] == '.' && len(rest) > 1 && rest[1] != '.' && rest[1] != '[':
			rest = rest[1:]
		default: // "|" too: what is embedded in a text is not added to
			return nil, fmt.Errorf("%q is no path of keys", path)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no path is given")
	}
	return out, nil
}

// pair is a line to add: a key with its value in quotes or plain.
type pair struct{ key, value string }

// besideOf reads the scalars that go with a field.
func besideOf(text string) ([]pair, error) {
	var out []pair
	for line := range strings.SplitSeq(text, "\n") {
		if line == "" {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || key == "" || !addable.MatchString(value) {
			return nil, fmt.Errorf("%q is no key and value", line)
		}
		out = append(out, pair{key, value})
	}
	return out, nil
}

// value adds a key path to a values file.
func (a *adding) value(steps []step, beside string, value string) ([]byte, error) {
	keys := make([]string, len(steps))
	for i, s := range steps {
		if s.item || !plainSyntax(s.key, false) || strings.ContainsAny(s.key, "\r\n\t") || typeOf(s.key) != text {
			return nil, fmt.Errorf("a list, or a key that would need quotes, is on the way")
		}
		keys[i] = s.key
	}
	with, err := besideOf(beside)
	if err != nil {
		return nil, err
	}
	last := len(keys) - 1
	at, depth := a.root, 0
	for ; at != nil; depth++ {
		if err := open(at); err != nil {
			return nil, fmt.Errorf("%s: %w", strings.Join(append([]string{"the file"}, keys[:depth]...), "."), err)
		}
		next, err := only(at, keys[depth])
		if err != nil {
			return nil, err
		}
		if next == nil {
			break
		}
		if depth == last {
			return nil, fmt.Errorf("it is written already")
		}
		at = next
	}
	pairs := make([]pair, 0, len(with)+1)
	for _, p := range with {
		var have *yamltree.Node
		if at != nil && depth == last {
			if have, err = only(at, p.key); err != nil {
				return nil, err
			}
		}
		switch {
		case have == nil:
			pairs = append(pairs, p)
		case have.Kind != yamltree.Scalar || have.Value != p.value:
			return nil, fmt.Errorf("%s beside it says something else", p.key)
		}
	}
	pairs = append(pairs, pair{keys[last], value})
	column, inner := 0, a.indentation()
	where := len(a.data)
	if at != nil {
		if column, err = a.column(at.Content[0].Start); err != nil {
			return nil, err
		}
		where = a.lineEnd(at.End)
	}
	var b strings.Builder
	for i := depth; i < last; i++ {
		b.WriteString(strings.Repeat(" ", column+inner*(i-depth)) + keys[i] + ":" + a.newline)
	}
	for i, p := range pairs {
		text := plainOrQuoted(p.value)
		if i == len(pairs)-1 {
			text = strconv.Quote(p.value)
		}
		b.WriteString(strings.Repeat(" ", column+inner*(last-depth)) + p.key + ": " + text + a.newline)
	}
	out := a.splice(where, b.String())
	return out, a.check(out, func(after *yamltree.Node) error {
		return a.hasValue(after, keys, depth, pairs)
	})
}

// hasValue compares the file before and after: along the keys that were there,
// mappings are the same but for what is added to the last of them.
func (a *adding) hasValue(after *yamltree.Node, keys []string, depth int, pairs []pair) error {
	before := a.root
	for _, k := range keys[:depth] {
		if len(before.Content) != len(after.Content) {
			return fmt.Errorf("it would have other keys")
		}
		var nextBefore, nextAfter *yamltree.Node
		for i := 0; i+1 < len(before.Content); i += 2 {
			if !same(before.Content[i], after.Content[i]) {
				return fmt.Errorf("it would have other keys")
			}
			if before.Content[i].Value == k {
				nextBefore, nextAfter = before.Content[i+1], after.Content[i+1]
			} else if !same(before.Content[i+1], after.Content[i+1]) {
				return fmt.Errorf("%q would change", before.Content[i].Value)
			}
		}
		if before, after = nextBefore, nextAfter; before == nil || after == nil || after.Kind != yamltree.Mapping {
			return fmt.Errorf("%q would not be found again", k)
		}
	}
	rest := after.Content
	if before != nil {
		if len(rest) < len(before.Content) {
			return fmt.Errorf("it would lose keys")
		}
		for i, n := range before.Content {
			if !same(n, rest[i]) {
				return fmt.Errorf("%q would change", n.Value)
			}
		}
		rest = rest[len(before.Content):]
	}
	for _, k := range keys[depth : len(keys)-1] {
		if len(rest) != 2 || rest[0].Value != k || rest[1].Kind != yamltree.Mapping {
			return fmt.Errorf("it would not have %q alone", k)
		}
		rest = rest[1].Content
	}
	if len(rest) != 2*len(pairs) {
		return fmt.Errorf("it would have more than was to be added")
	}
	for i, p := range pairs {
		if k, v := rest[2*i], rest[2*i+1]; k.Value != p.key || v.Kind != yamltree.Scalar || v.Value != p.value {
			return fmt.Errorf("%s would read %q", p.key, v.Value)
		}
	}
	return nil
}

// open says why nothing can be added to a node.
func open(n *yamltree.Node) error {
	switch {
	case n.Kind != yamltree.Mapping:
		return fmt.Errorf("it is no mapping")
	case n.Flow || len(n.Content) == 0:
		return fmt.Errorf("it is written in braces")
	case n.Anchor != "" || n.Tag != "":
		return fmt.Errorf("it has an anchor or a tag")
	}
	for i := 0; i < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind != yamltree.Scalar || k.Value == "<<" || k.Anchor != "" || k.Tag != "" {
			return fmt.Errorf("it has keys that are merged, or no words")
		}
	}
	return nil
}

// only is the one value of a key; nil when the key is absent.
func only(n *yamltree.Node, key string) (*yamltree.Node, error) {
	var found *yamltree.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != key {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("key %q stands there twice", key)
		}
		found = n.Content[i+1]
	}
	return found, nil
}

// column is how far a key that stands first in its line is indented.
func (a *adding) column(start int) (int, error) {
	line := a.data[bytes.LastIndexByte(a.data[:start], '\n')+1 : start]
	if line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf")); len(bytes.Trim(line, " ")) > 0 {
		return 0, fmt.Errorf("its keys do not begin their lines")
	}
	return len(line), nil
}

// indentation is by how much the file indents a mapping in a mapping.
func (a *adding) indentation() int {
	if a.root != nil && a.root.Kind == yamltree.Mapping && !a.root.Flow {
		for i := 1; i < len(a.root.Content); i += 2 {
			v := a.root.Content[i]
			if v.Kind != yamltree.Mapping || v.Flow || len(v.Content) == 0 {
				continue
			}
			outer, err := a.column(a.root.Content[0].Start)
			inner, err2 := a.column(v.Content[0].Start)
			if err == nil && err2 == nil && inner > outer && inner-outer <= 8 {
				return inner - outer
			}
		}
	}
	return 2
}

// lineEnd is where the line after the one of an offset begins.
func (a *adding) lineEnd(at int) int {
	if i := bytes.IndexByte(a.data[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(a.data)
}

// splice puts lines into the file. One that did not end in a line break does
// not get one.
func (a *adding) splice(where int, lines string) []byte {
	if where == len(a.data) && where > 0 && a.data[where-1] != '\n' {
		lines = a.newline + strings.TrimSuffix(lines, a.newline)
	}
	return slices.Concat(a.data[:where], []byte(lines), a.data[where:])
}

// check reads the result again.
func (a *adding) check(out []byte, holds func(after *yamltree.Node) error) error {
	docs, errs := yamltree.Parse(out)
	if len(errs) > 0 || len(docs) != 1 || docs[0].Root == nil || docs[0].Root.Kind != yamltree.Mapping {
		return fmt.Errorf("the result could not be read as one mapping")
	}
	if _, templated := yamltree.MaskTemplates(out); templated {
		return fmt.Errorf("the result would be a template")
	}
	if err := holds(docs[0].Root); err != nil {
		return fmt.Errorf("the result would not be what it should: %w", err)
	}
	return nil
}

// same reports whether two nodes say the same, wherever they stand.
func same(a, b *yamltree.Node) bool {
	if a.Kind != b.Kind || a.Style != b.Style || a.Flow != b.Flow || a.Value != b.Value || a.Tag != b.Tag || a.Anchor != b.Anchor || len(a.Content) != len(b.Content) {
		return false
	}
	if a.Kind == yamltree.Alias && (a.Target.Anchor != b.Target.Anchor || a.Target.Line > a.Line) {
		return false
	}
	for i := range a.Content {
		if !same(a.Content[i], b.Content[i]) {
			return false
		}
	}
	return true
}
