package config

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"promoter/promoter/yamltree"
)

// Duration is a length of time as a person writes it: "30m", "12h", "3d", "2w".
type Duration time.Duration

func (d Duration) String() string {
	t := time.Duration(d)
	if t >= 24*time.Hour && t%(24*time.Hour) == 0 {
		return strconv.FormatInt(int64(t/(24*time.Hour)), 10) + "d"
	}
	s := t.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// ParseDuration reads Go's durations and, beyond them, days and weeks.
func ParseDuration(s string) (Duration, error) {
	for unit, length := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		n, err := strconv.ParseFloat(strings.TrimSuffix(s, unit), 64)
		if err == nil && strings.HasSuffix(s, unit) && n >= 0 && n*float64(length) < math.MaxInt64 {
			return Duration(n * float64(length)), nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a length of time: write one such as \"30m\", \"12h\" or \"3d\"", s)
	}
	return Duration(d), nil
}

// Error is one mistake in a configuration: where, what, and what to write
// instead.
type Error struct {
	File    string
	Line    int
	Message string
}

func (e Error) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Message) }

// Errors is every mistake found, in the order of lines.
type Errors []Error

func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// decoder fills Go values from YAML nodes by the `yaml` tags of their fields.
// It is strict: unknown and repeated keys, and values of the wrong kind, are
// mistakes with a line, and it goes on to find the rest of them.
type decoder struct {
	file string
	errs Errors
}

func (d *decoder) fail(n *yamltree.Node, format string, args ...any) {
	line := 1
	if n != nil {
		line = n.Line
	}
	d.errs = append(d.errs, Error{d.file, line, fmt.Sprintf(format, args...)})
}

// lined lets a type keep the line it was written at, for later checks.
type lined interface{ setLine(int) }

// At is embedded by sections whose meaning is checked after decoding.
type At struct {
	Line int `yaml:"-" json:"-"`
}

func (a *At) setLine(n int) { a.Line = n }

var durationType = reflect.TypeFor[Duration]()

func (d *decoder) decode(n *yamltree.Node, v reflect.Value, path string) {
	n = n.Resolve()
	if n.IsNull() {
		return
	}
	if v.Type() == durationType {
		d.duration(n, v, path)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.decode(n, v.Elem(), path)
	case reflect.Struct:
		d.structure(n, v, path)
	case reflect.Map:
		d.mapping(n, v, path)
	case reflect.Slice:
		d.list(n, v, path)
	default:
		d.scalar(n, v, path)
	}
}

func (d *decoder) duration(n *yamltree.Node, v reflect.Value, path string) {
	if n.Kind != yamltree.Scalar {
		d.fail(n, "%s: write a length of time such as \"30m\"", path)
		return
	}
	t, err := ParseDuration(n.Value)
	if err != nil {
		d.fail(n, "%s: %v", path, err)
		return
	}
	v.SetInt(int64(t))
}

func (d *decoder) structure(n *yamltree.Node, v reflect.Value, path string) {
	if n.Kind != yamltree.Mapping {
		d.fail(n, "%s: write a mapping with the keys %s", orTop(path), strings.Join(keysOf(v.Type()), ", "))
		return
	}
	if l, ok := v.Addr().Interface().(lined); ok {
		l.setLine(n.Line)
	}
	seen := map[string]bool{}
	n.Pairs(func(key, value *yamltree.Node) {
		f, ok := fieldFor(v, key.Value)
		switch {
		case !ok:
			d.fail(key, "%s: unknown key %q%s", orTop(path), key.Value, suggest(key.Value, keysOf(v.Type())))
		case seen[key.Value]:
			d.fail(key, "%s: key %q is written twice: keep one", orTop(path), key.Value)
		default:
			seen[key.Value] = true
			d.decode(value, f, join(path, key.Value))
		}
	})
}

func (d *decoder) mapping(n *yamltree.Node, v reflect.Value, path string) {
	if n.Kind != yamltree.Mapping {
		d.fail(n, "%s: write a mapping", path)
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	n.Pairs(func(key, value *yamltree.Node) {
		if v.MapIndex(reflect.ValueOf(key.Value).Convert(v.Type().Key())).IsValid() {
			d.fail(key, "%s: key %q is written twice: keep one", path, key.Value)
			return
		}
		item := reflect.New(v.Type().Elem()).Elem()
		d.decode(value, item, join(path, key.Value))
		v.SetMapIndex(reflect.ValueOf(key.Value).Convert(v.Type().Key()), item)
	})
}

// list reads a sequence; one value where a list is meant is a list of one.
func (d *decoder) list(n *yamltree.Node, v reflect.Value, path string) {
	items := []*yamltree.Node{n}
	if n.Kind == yamltree.Sequence {
		items = n.Items()
	} else if v.Type().Elem().Kind() == reflect.Struct {
		d.fail(n, "%s: write a list (each item begins with \"- \")", path)
		return
	}
	out := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, item := range items {
		d.decode(item, out.Index(i), fmt.Sprintf("%s[%d]", path, i))
	}
	v.Set(out)
}

func (d *decoder) scalar(n *yamltree.Node, v reflect.Value, path string) {
	if n.Kind != yamltree.Scalar {
		d.fail(n, "%s: write a single value", path)
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(n.Value)
	case reflect.Bool:
		b, err := strconv.ParseBool(n.Value)
		if err != nil || n.Style != yamltree.Plain {
			d.fail(n, "%s: %q is neither true nor false", path, n.Value)
			return
		}
		v.SetBool(b)
	case reflect.Int:
		i, err := strconv.Atoi(n.Value)
		if err != nil {
			d.fail(n, "%s: %q is not a whole number", path, n.Value)
			return
		}
		v.SetInt(int64(i))
	case reflect.Float64:
		x, err := strconv.ParseFloat(n.Value, 64)
		if err != nil || x != x {
			d.fail(n, "%s: %q is not a number", path, n.Value)
			return
		}
		v.SetFloat(x)
	default:
		panic("config: no decoding for " + v.Type().String()) // unreachable unless a section gets a field of a new kind
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func orTop(path string) string {
	if path == "" {
		return "top level"
	}
	return path
}

// keysOf lists the keys a section may hold, in the order of its fields.
func keysOf(t reflect.Type) []string {
	var keys []string
	for i := range t.NumField() {
		if k := t.Field(i).Tag.Get("yaml"); k != "" && k != "-" {
			keys = append(keys, k)
		}
	}
	return keys
}

func fieldFor(v reflect.Value, key string) (reflect.Value, bool) {
	for i := range v.NumField() {
		if k := v.Type().Field(i).Tag.Get("yaml"); k == key && k != "-" && k != "" {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}

// suggest names the key that was probably meant, or all that there are.
func suggest(got string, keys []string) string {
	best, distance := "", 3
	for _, k := range keys {
		if n := editDistance(strings.ToLower(got), strings.ToLower(k)); n < distance {
			best, distance = k, n
		}
	}
	if best != "" {
		return fmt.Sprintf(": write %q", best)
	}
	keys = slices.Clone(keys)
	slices.Sort(keys)
	return ": the keys here are " + strings.Join(keys, ", ")
}

func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
