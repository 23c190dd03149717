package config

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"promoter/promoter"
)

// Effective prints a configuration as it is in force: a promoter.yaml with its
// defaults filled in, and in comments where they come from and what each part
// comes to on the repository.
func (c *Config) Effective(u Use) []byte {
	p := &printer{}
	full := c.filled()
	p.notes = c.notes(u)
	p.section(reflect.ValueOf(full).Elem(), reflect.ValueOf(c).Elem(), "", 0)
	return []byte(p.b.String())
}

// filled is the configuration with the parts written out that are there
// without being written: every class's policy.
func (c *Config) filled() *Config {
	f := &Config{
		Version: c.Version, Ignore: c.Ignore, Environments: c.Environments, Waves: c.Waves, Classes: c.Classes,
		Updates: c.Updates, Groups: c.Groups, Windows: c.Windows, Freezes: c.Freezes, Pulls: c.Pulls,
		Extractors: c.Extractors, Sources: c.Sources, Rules: c.Rules,
		Delivery: c.Delivery, Meters: c.Meters, Gates: c.Gates, Silences: c.Silences, Policies: map[string]ClassPolicy{},
	}
	for _, class := range classNames {
		f.Policies[class] = c.Policies[class]
	}
	return f
}

var classNames = []string{string(promoter.C1), string(promoter.C2), string(promoter.C3)}

// notes are the comments by the path that they stand above.
func (c *Config) notes(u Use) map[string][]string {
	n := map[string][]string{}
	byRule := map[int][]EnvironmentUse{}
	for _, e := range u.Environments {
		byRule[e.Line] = append(byRule[e.Line], e)
	}
	for i, e := range c.Environments {
		n[fmt.Sprintf("environments[%d]", i)] = append([]string{fmt.Sprintf("line %d", e.Line)}, environmentTable(byRule[e.Line])...)
	}
	if rest := byRule[0]; len(rest) > 0 {
		about := "As the layout of the repository says:"
		if len(c.Environments) > 0 {
			about = "Beyond these rules, as the layout of the repository says:"
		}
		n["environments"] = append([]string{about}, environmentTable(rest)...)
	}
	for i, w := range u.Waves {
		line := fmt.Sprintf("%d. %s: %s with %s", i+1, w.Name, plural(len(w.Environments), "environment"), plural(w.Pins, "pin"))
		if len(w.Environments) > 0 {
			line += ": " + orNone(w.Environments)
		}
		if len(w.After) > 0 {
			line += "; after " + strings.Join(w.After, ", ")
		}
		if i < len(c.Waves) {
			n[fmt.Sprintf("waves[%d]", i)] = []string{fmt.Sprintf("line %d", c.Waves[i].Line), line}
			continue
		}
		n["waves"] = append(n["waves"], line)
	}
	if len(c.Waves) == 0 {
		n["waves"] = append([]string{"None is configured: each environment is a wave, in the usual order."}, n["waves"]...)
	}
	for i := range c.Gates {
		n[fmt.Sprintf("gates[%d]", i)] = c.gateNotes(i)
	}
	for _, class := range classNames {
		n["policies."+class] = []string{plural(u.Classes[promoter.Class(class)], "pin")}
	}
	return n
}

// gateNotes are what a gate comes to, its defaults included.
func (c *Config) gateNotes(i int) []string {
	notes := []string{fmt.Sprintf("line %d", c.Gates[i].Line)}
	all := c.judged(i)
	if len(all) == 0 {
		notes = append(notes, "as "+c.Gates[i].Template+" says")
	}
	for _, j := range all {
		line := inWords(j.Gate)
		if len(all) > 1 {
			line = j.Gate.Name + ": " + line
		}
		if per := j.Gate.Placeholders(); len(per) > 0 {
			line += "; for each " + strings.Join(per, ", ")
		}
		notes = append(notes, line)
	}
	return notes
}

// environmentTable is a line for each environment.
func environmentTable(envs []EnvironmentUse) []string {
	const most = 30
	width := 0
	for _, e := range envs {
		width = max(width, len(e.Name))
	}
	var out []string
	for i, e := range envs {
		if i == most {
			return append(out, fmt.Sprintf("  and %d more", len(envs)-most))
		}
		line := fmt.Sprintf("  %-*s  %s, %s", width, e.Name, plural(e.Files, "file"), plural(e.Pins, "pin"))
		if e.Apps > 0 {
			line += ", " + plural(e.Apps, "application")
		}
		if len(e.Clusters) > 0 {
			line += "; on " + orNone(e.Clusters)
		}
		if len(e.Tenants) > 0 {
			line += "; of " + orNone(e.Tenants)
		}
		switch len(e.Waves) {
		case 0:
			line += "; in no wave"
		default:
			line += "; wave " + strings.Join(e.Waves, ", ")
		}
		out = append(out, line)
	}
	return out
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// printer writes sections as YAML.
type printer struct {
	b     strings.Builder
	notes map[string][]string
	item  bool // the next key begins an item of a list
}

// begin writes what stands before a key.
func (p *printer) begin(depth int) {
	indent := strings.Repeat("  ", depth)
	if p.item {
		indent = strings.Repeat("  ", depth-1) + "- "
		p.item = false
	}
	p.b.WriteString(indent)
}

func (p *printer) comment(path string, depth int) {
	for _, line := range p.notes[path] {
		p.b.WriteString(strings.Repeat("  ", depth) + "# " + line + "\n")
	}
}

// section writes the keys of v. written is the same section as it was written:
// what it lacks came as a default.
func (p *printer) section(v, written reflect.Value, path string, depth int) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		key := f.Tag.Get("yaml")
		if key == "" || key == "-" || f.Type == reflect.TypeFor[Approvals]() && !asksApproval(v) {
			continue
		}
		at := join(path, key)
		if depth == 0 {
			p.comment(at, depth)
		}
		p.key(v.Field(i), written.Field(i), f, at, depth)
	}
}

func asksApproval(v reflect.Value) bool {
	policy, ok := v.Interface().(ClassPolicy)
	return ok && policy.Merge == string(promoter.MergeApproved)
}

func (p *printer) key(v, written reflect.Value, f reflect.StructField, path string, depth int) {
	key, def := f.Tag.Get("yaml"), f.Tag.Get("default")
	switch {
	case v.Kind() == reflect.Struct && v.IsZero() && f.Tag.Get("absent") != "":
		p.begin(depth)
		p.b.WriteString("# " + key + ": " + f.Tag.Get("absent") + "\n")
	case v.Kind() == reflect.Struct:
		if v.IsZero() && !hasDefaults(v.Type()) {
			return
		}
		p.begin(depth)
		p.b.WriteString(key + ":\n")
		p.section(v, written, path, depth+1)
	case v.Kind() == reflect.Map && v.Len() > 0 && v.Type().Elem().Kind() == reflect.Struct:
		p.begin(depth)
		p.b.WriteString(key + ":\n")
		for _, k := range sortedKeys(v) {
			at := join(path, k)
			p.comment(at, depth+1)
			p.begin(depth + 1)
			p.b.WriteString(k + ":\n")
			of := reflect.Zero(v.Type().Elem())
			if w := written.MapIndex(reflect.ValueOf(k)); w.IsValid() {
				of = w
			}
			p.section(v.MapIndex(reflect.ValueOf(k)), of, at, depth+2)
		}
	case v.Kind() == reflect.Slice && v.Len() > 0 && v.Type().Elem().Kind() == reflect.Struct:
		p.begin(depth)
		p.b.WriteString(key + ":\n")
		for i := range v.Len() {
			at := fmt.Sprintf("%s[%d]", path, i)
			p.comment(at, depth+1)
			p.item = true
			p.section(v.Index(i), written.Index(i), at, depth+2)
			p.item = false
		}
	case v.IsZero() || v.Kind() == reflect.Slice && v.Len() == 0:
		if absent := f.Tag.Get("absent"); absent != "" && !p.item {
			p.begin(depth)
			p.b.WriteString("# " + key + ": " + absent + "\n")
		} else if def != "" {
			p.begin(depth)
			p.b.WriteString(key + ": " + def + " # default\n")
		}
	default:
		p.begin(depth)
		p.b.WriteString(key + ": " + inline(v) + "\n")
	}
}

// hasDefaults reports whether there is something to say of a section that is
// not written.
func hasDefaults(t reflect.Type) bool {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Tag.Get("default") != "" || f.Tag.Get("absent") != "" || f.Type.Kind() == reflect.Struct && hasDefaults(f.Type) {
			return true
		}
	}
	return false
}

func sortedKeys(m reflect.Value) []string {
	var keys []string
	for _, k := range m.MapKeys() {
		keys = append(keys, k.String())
	}
	slices.Sort(keys)
	return keys
}

// inline is a value on one line.
func inline(v reflect.Value) string {
	if d, ok := v.Interface().(Duration); ok {
		return d.String()
	}
	switch v.Kind() {
	case reflect.Slice:
		items := make([]string, v.Len())
		for i := range items {
			items[i] = inline(v.Index(i))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case reflect.Map:
		var items []string
		for _, k := range sortedKeys(v) {
			items = append(items, quote(k)+": "+inline(v.MapIndex(reflect.ValueOf(k))))
		}
		return "{" + strings.Join(items, ", ") + "}"
	case reflect.String:
		return quote(v.String())
	}
	return fmt.Sprint(v.Interface())
}

// plainText is what stands in YAML without quotes and is a text in every
// version of it.
var plainText = regexp.MustCompile(`^[A-Za-z./][A-Za-z0-9./_@+-]*$`)

// quote writes a text as a YAML scalar, within a flow list too.
func quote(s string) string {
	if plainText.MatchString(s) && !slices.Contains(yamlWords, strings.ToLower(s)) {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == 0xfeff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + `"`
}

// yamlWords are the texts that some version of YAML takes for something else.
var yamlWords = []string{"true", "false", "yes", "no", "on", "off", "y", "n", "null", ".inf", ".nan"}
