package config

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
)

// check finds the mistakes that one line alone does not show.
func (c *Config) check(d *decoder) {
	at := func(line int, format string, args ...any) {
		d.errs = append(d.errs, Error{d.file, max(line, 1), fmt.Sprintf(format, args...)})
	}
	if c.Version != 1 {
		at(1, "version: %d is not known: write 1", c.Version)
	}
	checkTags(reflect.ValueOf(c).Elem(), "", 1, at)
	c.checkEnvironments(at)
	c.checkWaves(at)
	for i, r := range c.Classes {
		if r.Class == "" {
			at(r.Line, "classes[%d]: write its class: C1, C2 or C3", i)
		}
	}
	for _, u := range c.Updates {
		checkConstraint(u.Line, "constraint", u.Constraint, at)
		for _, ig := range u.Ignore {
			checkConstraint(u.Line, "ignore", ig, at)
		}
	}
	for i, g := range c.Groups {
		if g.Name == "" || len(g.Artifacts) < 2 {
			at(g.Line, "groups[%d]: write a name and at least two artifacts", i)
		} else if !plainName.MatchString(g.Name) {
			at(g.Line, "group %q: a name has letters, digits, dots, dashes and underscores: it becomes part of branch names", g.Name)
		}
	}
	c.checkTimes(at)
	for _, x := range c.Extractors {
		checkExtractor(x, at)
	}
	for _, m := range c.Sources.Mirrors {
		if m.From == "" || m.To == "" {
			at(m.Line, "sources.mirrors: write both from and to")
		}
	}
	c.checkDelivery(at)
	c.checkMeters(at)
	c.checkGates(at)
	c.checkSilences(at)
	for class, p := range c.Policies {
		if class != "C1" && class != "C2" && class != "C3" {
			at(p.Line, "policies: %q is not a class: write C1, C2 or C3", class)
		}
	}
}

type complain func(line int, format string, args ...any)

// checkTags walks all sections and holds values to their `enum` and `glob`
// tags; no number may be negative.
func checkTags(v reflect.Value, path string, line int, at complain) {
	switch v.Kind() {
	case reflect.Struct:
		if f := v.FieldByName("Line"); f.IsValid() && f.Int() > 0 {
			line = int(f.Int())
		}
		for i := range v.NumField() {
			f := v.Type().Field(i)
			key := f.Tag.Get("yaml")
			if key == "" || key == "-" {
				continue
			}
			if enum := f.Tag.Get("enum"); enum != "" {
				checkEnum(v.Field(i), strings.Split(enum, ","), join(path, key), line, at)
			}
			if glob := f.Tag.Get("glob"); glob != "" {
				checkGlobs(v.Field(i), glob, join(path, key), line, at)
			}
			checkTags(v.Field(i), join(path, key), line, at)
		}
	case reflect.Slice:
		for i := range v.Len() {
			checkTags(v.Index(i), fmt.Sprintf("%s[%d]", path, i), line, at)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			checkTags(v.MapIndex(k), join(path, k.String()), line, at)
		}
	case reflect.Int:
		if v.Int() < 0 {
			at(line, "%s: %d is less than none: write 0 or more", path, v.Int())
		}
	}
}

func checkEnum(v reflect.Value, allowed []string, path string, line int, at complain) {
	switch v.Kind() {
	case reflect.String:
		if s := v.String(); s != "" && !slices.Contains(allowed, s) {
			at(line, "%s: %q is not one of %s", path, s, strings.Join(allowed, ", "))
		}
	case reflect.Slice:
		for i := range v.Len() {
			checkEnum(v.Index(i), allowed, fmt.Sprintf("%s[%d]", path, i), line, at)
		}
	}
}

func checkGlobs(v reflect.Value, kind, path string, line int, at complain) {
	compile := CompileName
	if kind == "path" {
		compile = CompilePath
	}
	for i := range v.Len() {
		if _, err := compile(v.Index(i).String()); err != nil {
			at(line, "%s[%d]: %v", path, i, err)
		}
	}
}

func (c *Config) checkEnvironments(at complain) {
	for i, e := range c.Environments {
		where := fmt.Sprintf("environments[%d]", i)
		if e.Name == "" {
			at(e.Line, "%s: write its name", where)
		}
		if len(e.Paths)+len(e.Apps)+len(e.Clusters) == 0 {
			at(e.Line, "%s: write the paths (or apps, or clusters) that belong to it", where)
		}
		for _, p := range e.Paths {
			c.checkPattern(e, p, where, CompilePath, at)
		}
		for _, p := range append(slices.Clone(e.Apps), e.Clusters...) {
			c.checkPattern(e, p, where, CompileName, at)
		}
	}
}

func (c *Config) checkPattern(e Environment, text, where string, compile func(string) (Pattern, error), at complain) {
	p, err := compile(text)
	if err != nil {
		at(e.Line, "%s: %v", where, err)
		return
	}
	templates := []string{e.Name, e.Tenant, e.Cluster}
	for _, l := range e.Labels {
		templates = append(templates, l)
	}
	for _, t := range templates {
		if name := unknownCapture(t, p.Captures()); name != "" {
			at(e.Line, "%s: %q uses {%s}, which pattern %q does not capture", where, t, name, text)
		}
	}
}

func (c *Config) checkWaves(at complain) {
	names := map[string]int{}
	for i, w := range c.Waves {
		if w.Name == "" {
			at(w.Line, "waves[%d]: write its name", i)
			continue
		}
		if !plainName.MatchString(w.Name) {
			at(w.Line, "wave %q: a name has letters, digits, dots, dashes and underscores: it becomes part of branch names", w.Name)
		}
		if first, ok := names[w.Name]; ok {
			at(w.Line, "wave %q: the name is taken on line %d", w.Name, first)
		}
		if len(w.Environments) == 0 && len(w.Labels) == 0 {
			at(w.Line, "wave %q: write the environments (or labels) that belong to it", w.Name)
		}
		for _, e := range w.Environments {
			if _, err := CompileName(e); err != nil {
				at(w.Line, "wave %q: %v", w.Name, err)
			}
		}
		if _, err := parseQuorum(w.Quorum); err != nil {
			at(w.Line, "wave %q: quorum: %v", w.Name, err)
		}
		if _, _, err := parseFailures(w.MaxFailures); err != nil {
			at(w.Line, "wave %q: maxFailures: %v", w.Name, err)
		}
		for _, a := range w.After {
			if _, ok := names[a]; a == w.Name {
				at(w.Line, "wave %q: it would have to wait for itself", w.Name)
			} else if !ok {
				at(w.Line, "wave %q: after %q, which does not stand before it: waves are written in the order in which they run", w.Name, a)
			}
		}
		names[w.Name] = w.Line
	}
}

// parseQuorum reads "90%"; none is 0.
func parseQuorum(s string) (int, error) {
	n, err := strconv.Atoi(strings.TrimSuffix(s, "%"))
	switch {
	case s == "":
		return 0, nil
	case err != nil || !strings.HasSuffix(s, "%") || n < 50 || n > 100:
		return 0, fmt.Errorf("%q is no share between 50%% and 100%%: write one such as \"90%%\"", s)
	}
	return n, nil
}

// parseFailures reads "2" or "5%"; none is 0.
func parseFailures(s string) (count, percent int, err error) {
	text, isPercent := strings.CutSuffix(s, "%")
	n, err := strconv.Atoi(text)
	switch {
	case s == "":
		return 0, 0, nil
	case err != nil || n < 0 || isPercent && n > 100:
		return 0, 0, fmt.Errorf("%q is neither a number of pull requests nor a share: write \"2\" or \"5%%\"", s)
	case isPercent:
		return 0, n, nil
	}
	return n, 0, nil
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

func checkConstraint(line int, key, text string, at complain) {
	if text == "" {
		return
	}
	if _, err := semver.NewConstraint(text); err != nil {
		at(line, "updates: %s %q: %v: write a version or a constraint such as \">=1.2 <2\"", key, text, err)
	}
}

func (c *Config) checkTimes(at complain) {
	zone := func(line int, z string) *time.Location {
		loc, err := time.LoadLocation(z)
		if err != nil || z == "Local" { // which means another place on each machine
			at(line, "zone: %q is not a time zone: write an IANA name such as \"Europe/Berlin\"", z)
			return time.UTC
		}
		return loc
	}
	for _, w := range c.Windows {
		zone(w.Line, w.Zone)
		for _, t := range []string{w.From, w.To} {
			if _, err := time.Parse("15:04", t); err != nil {
				at(w.Line, "windows: %q is not a time of day: write \"22:00\"", t)
			}
		}
	}
	for _, f := range c.Freezes {
		loc := zone(f.Line, f.Zone)
		from, err1 := parseMoment(f.From, loc)
		to, err2 := parseMoment(f.To, loc)
		switch {
		case err1 != nil:
			at(f.Line, "freezes: from: %v", err1)
		case err2 != nil:
			at(f.Line, "freezes: to: %v", err2)
		case !from.Before(to):
			at(f.Line, "freezes: %q ends before it begins", f.Name)
		}
		if f.Name == "" {
			at(f.Line, "freezes: write a name: it is what people are shown")
		}
	}
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// parseMoment reads "2026-12-20" or "2026-12-20T18:00" in a zone.
func parseMoment(s string, loc *time.Location) (time.Time, error) {
	for _, layout := range []string{"2006-01-02", "2006-01-02T15:04", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, s, loc); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a moment: write \"2026-12-20\" or \"2026-12-20T18:00\"", s)
}

func checkExtractor(x Extractor, at complain) {
	if x.Name == "" || len(x.Files) == 0 {
		at(x.Line, "extractors: write a name and the files it reads")
	}
	re, err := regexp.Compile(x.Match)
	switch {
	case x.Match == "" || err != nil:
		at(x.Line, "extractor %q: match: %v: write a regular expression (RE2)", x.Name, err)
	case !slices.Contains(re.SubexpNames(), "version"):
		at(x.Line, "extractor %q: match has no group \"version\": write (?P<version>…) around it", x.Name)
	case x.Of == "" && !slices.Contains(re.SubexpNames(), "name"):
		at(x.Line, "extractor %q: nothing names the artifact: write artifact, or a group (?P<name>…)", x.Name)
	}
}
