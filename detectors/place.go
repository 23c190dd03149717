package detectors

import (
	"bytes"
	"strconv"
	"strings"

	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// PlaceOf is the place of a scalar in document doc of f. Where a template
// writes the scalar, Written is its source instead of what masks it.
func PlaceOf(f *File, doc int, n *yamltree.Node, path string) promoter.Place {
	p := promoter.Place{
		File: f.Path, Line: n.Line, Doc: doc, Path: path,
		Start: n.Start, End: n.End, Written: n.Value,
	}
	if f.Templated && n.Start >= 0 && n.Start <= n.End && n.End <= len(f.Data) {
		if raw := f.Data[n.Start:n.End]; bytes.Contains(raw, []byte("{{")) {
			p.Written = strings.Trim(string(raw), `"'`)
		}
	}
	return p
}

// JoinKey is the path of a mapping's value: "a" and "b.c" give `a."b.c"`.
// Below a path that ends in "|" (embedded YAML) no dot is put.
func JoinKey(path, key string) string {
	if !plainKey(key) {
		key = strconv.Quote(key)
	}
	if path == "" || strings.HasSuffix(path, "|") {
		return path + key
	}
	return path + "." + key
}

// joinKeys is JoinKey of one key after the other.
func joinKeys(path string, keys []string) string {
	var room [96]byte // one allocation: the result
	b := append(room[:0], path...)
	for _, k := range keys {
		b = appendKey(b, k)
	}
	return string(b)
}

// appendKey is JoinKey for a path that is being built.
func appendKey(path []byte, key string) []byte {
	if len(path) > 0 && path[len(path)-1] != '|' {
		path = append(path, '.')
	}
	if plainKey(key) {
		return append(path, key...)
	}
	return strconv.AppendQuote(path, key)
}

// plainKey reports whether a key stands in a path without quotes.
func plainKey(key string) bool {
	for i := range len(key) {
		switch key[i] {
		case '.', '[', ']', '"', '|', ' ', '\t', '\n':
			return false
		}
	}
	return key != ""
}

// JoinItem is the path of a sequence's item: "a" and 0 give "a[0]".
func JoinItem(path string, index int) string {
	return path + "[" + strconv.Itoa(index) + "]"
}

// appendItem is JoinItem for a path that is being built.
func appendItem(path []byte, index int) []byte {
	return append(strconv.AppendInt(append(path, '['), int64(index), 10), ']')
}

// Unwritten says why a scalar's value cannot be known from the file: it is
// written by a template, or substituted when it is applied. It is "" for a
// value that stands there as it is.
func Unwritten(f *File, n *yamltree.Node) string {
	raw := n.Value
	if n.Start >= 0 && n.Start <= n.End && n.End <= len(f.Data) {
		raw = string(f.Data[n.Start:n.End])
	}
	switch {
	case strings.Contains(raw, "{{"):
		return "the value is written by a template"
	case strings.Contains(raw, "${"), strings.Contains(raw, "$("):
		return "the value is substituted by a variable"
	}
	return ""
}
