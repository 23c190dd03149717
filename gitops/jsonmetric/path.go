package jsonmetric

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// step is one part of a path: a key, an index or every item.
type step struct {
	key   string
	index int
	kind  byte // 'k', 'i' or '*'
}

type path []step

// parsePath reads the plain part of JSONPath: $.a.b[0]['c d'][*]. Filters,
// slices and descents are refused, not guessed.
func parsePath(text string) (path, error) {
	bad := func(why string) (path, error) { return nil, fmt.Errorf("read JSON path %q: %s", text, why) }
	rest := strings.TrimSuffix(strings.TrimPrefix(text, "{"), "}") // as kubectl and Rollouts write it
	rest, ok := strings.CutPrefix(rest, "$")
	if !ok {
		return bad("it does not begin with $")
	}
	p := path{}
	for rest != "" {
		switch {
		case strings.HasPrefix(rest, ".."):
			return bad("a descent (..) may find anything")
		case rest[0] == '.':
			end := strings.IndexAny(rest[1:], ".[")
			if end < 0 {
				end = len(rest) - 1
			}
			key := rest[1 : 1+end]
			if key == "" || strings.ContainsAny(key, " ]'\"()?@") {
				return bad("a key is missing or needs ['quotes']")
			}
			if rest = rest[1+end:]; key == "*" {
				p = append(p, step{kind: '*'})
			} else {
				p = append(p, step{key: key, kind: 'k'})
			}
		case strings.HasPrefix(rest, "['") || strings.HasPrefix(rest, `["`):
			quote := rest[1:2]
			end := strings.Index(rest[2:], quote+"]")
			if end < 0 {
				return bad("a quoted key does not end")
			}
			p = append(p, step{key: rest[2 : 2+end], kind: 'k'})
			rest = rest[2+end+2:]
		case rest[0] == '[':
			inside, after, found := strings.Cut(rest[1:], "]")
			n, err := strconv.Atoi(inside)
			switch {
			case !found:
				return bad("a bracket does not end")
			case inside == "*":
				p = append(p, step{kind: '*'})
			case err == nil && n >= 0:
				p = append(p, step{index: n, kind: 'i'})
			default:
				return bad("an index is a number from 0 or *")
			}
			rest = after
		default:
			return bad("a dot or a bracket is missing")
		}
	}
	return p, nil
}

// find yields what the path leads to, with where it was. What is absent, and
// null, is not yielded.
func (p path) find(document any) iter.Seq2[string, any] {
	return func(yield func(string, any) bool) { p.walk("$", document, yield) }
}

func (p path) walk(at string, v any, yield func(string, any) bool) bool {
	if len(p) == 0 {
		return v == nil || yield(at, v)
	}
	s, rest := p[0], p[1:]
	switch v := v.(type) {
	case map[string]any:
		if s.kind == 'k' {
			child, ok := v[s.key]
			return !ok || rest.walk(at+"."+s.key, child, yield)
		}
		if s.kind == '*' {
			keys := make([]string, 0, len(v))
			for k := range v {
				keys = append(keys, k)
			}
			slices.Sort(keys)
			for _, k := range keys {
				if !rest.walk(at+"."+k, v[k], yield) {
					return false
				}
			}
		}
	case []any:
		for i, item := range v {
			if s.kind == '*' || s.kind == 'i' && i == s.index {
				if !rest.walk(fmt.Sprintf("%s[%d]", at, i), item, yield) {
					return false
				}
			}
		}
	}
	return true
}

// only is the one value that the path leads to.
func (p path) only(document any) (any, error) {
	var found []any
	for _, v := range p.find(document) {
		found = append(found, v)
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("%d values instead of one", len(found))
	}
	return found[0], nil
}

// numeric reads a number, also one that is written as a string, as many
// servers do to carry NaN. One too large for us is infinite.
func numeric(v any) (float64, error) {
	var text string
	switch v := v.(type) {
	case json.Number:
		text = v.String()
	case string:
		text = v
	default:
		return 0, fmt.Errorf("a %T is no number", v)
	}
	n, err := strconv.ParseFloat(text, 64)
	if errors.Is(err, strconv.ErrRange) {
		return n, nil
	}
	if err != nil {
		return 0, fmt.Errorf("%.40q is no number", text)
	}
	return n, nil
}

func moment(v any) (time.Time, error) {
	if s, ok := v.(string); ok {
		if t, err := time.Parse(time.RFC3339, s); err == nil {
			return t, nil
		}
	}
	n, err := numeric(v)
	if err != nil || math.IsNaN(n) || n <= 0 || n > 1e11 {
		return time.Time{}, fmt.Errorf("%.40q is neither Unix seconds nor RFC 3339", fmt.Sprint(v))
	}
	return time.UnixMilli(int64(n * 1000)).UTC(), nil
}

// decode reads exactly one JSON value, numbers as they are written.
func decode(body []byte) (any, error) {
	if !json.Valid(body) {
		return nil, fmt.Errorf("the answer is not JSON: %.60q", body)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}
