package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"promoter/promoter"
)

// Ground is what a repository holds, as far as a configuration speaks of it.
type Ground struct {
	Paths []string       // every file
	Pins  []promoter.Pin // placed
	Apps  []App
	// Reach are the places that an edit of a pin reaches; without a name
	// where a place is reached that nobody knows. May be nil.
	Reach func(promoter.Pin) []Located
	// Read returns a file's bytes, for the templates that gates name. May be
	// nil: then they are not looked into.
	Read func(path string) ([]byte, error)
}

// App is an application, where it is written and the cluster that it is sent
// to, as far as the repository says.
type App struct{ File, Name, Cluster string }

// Use is what a configuration comes to on a repository.
type Use struct {
	Environments []EnvironmentUse // in the order in which changes usually pass
	Waves        []WaveUse        // as configured, or as inferred
	Classes      map[promoter.Class]int
	Pins         int
	// Reached are the pins of no environment of their own that reach known
	// ones; Unplaced those for which nothing can be proposed.
	Reached  int
	Unplaced []promoter.Pin
	// Mistakes are what would be left to luck: rules that fit nothing,
	// environments in no wave or in two. Warnings are what may be meant.
	Mistakes, Warnings Errors
}

// EnvironmentUse is one environment of the repository.
type EnvironmentUse struct {
	Name              string
	Tenants, Clusters []string
	Files, Pins, Apps int
	Line              int // of the first rule that gives it; 0: the layout says so
	Waves             []string
}

// WaveUse is a wave with the environments that it holds.
type WaveUse struct {
	Name         string
	After        []string
	Environments []string
	Pins         int
}

// On holds a configuration to a repository.
func (c *Config) On(g Ground) Use {
	u := &user{c: c, g: g, envs: map[string]*EnvironmentUse{}}
	u.Classes = map[promoter.Class]int{}
	u.Pins = len(g.Pins)
	u.environments()
	u.waves()
	u.pinRules()
	u.times()
	u.delivery()
	u.reach()
	for _, e := range u.envs {
		u.Environments = append(u.Environments, *e)
	}
	slices.SortFunc(u.Environments, func(a, b EnvironmentUse) int { return promoter.CompareEnvironments(a.Name, b.Name) })
	slices.SortStableFunc(u.Mistakes, func(a, b Error) int { return cmp.Compare(a.Line, b.Line) })
	slices.SortStableFunc(u.Warnings, func(a, b Error) int { return cmp.Compare(a.Line, b.Line) })
	return u.Use
}

type user struct {
	Use
	c      *Config
	g      Ground
	envs   map[string]*EnvironmentUse
	places map[string][]Located // the different ones of each environment
}

func (u *user) mistake(line int, format string, args ...any) {
	u.Mistakes = append(u.Mistakes, Error{u.c.fileName(), max(line, 1), fmt.Sprintf(format, args...)})
}

func (u *user) warn(line int, format string, args ...any) {
	u.Warnings = append(u.Warnings, Error{u.c.fileName(), max(line, 1), fmt.Sprintf(format, args...)})
}

// found is an environment that something belongs to; rule is -1 where the
// layout says so.
func (u *user) found(l Located, rule int) *EnvironmentUse {
	e := u.envs[l.Name]
	if e == nil {
		e = &EnvironmentUse{Name: l.Name}
		u.envs[l.Name] = e
	}
	if rule >= 0 && (e.Line == 0 || u.c.Environments[rule].Line < e.Line) {
		e.Line = u.c.Environments[rule].Line
	}
	for _, set := range []struct {
		all *[]string
		one string
	}{{&e.Tenants, l.Tenant}, {&e.Clusters, l.Cluster}} {
		if at, ok := slices.BinarySearch(*set.all, set.one); !ok && set.one != "" {
			*set.all = slices.Insert(*set.all, at, set.one)
		}
	}
	same := func(o Located) bool { return maps.Equal(o.Labels, l.Labels) }
	if u.places == nil {
		u.places = map[string][]Located{}
	}
	if !slices.ContainsFunc(u.places[l.Name], same) {
		u.places[l.Name] = append(u.places[l.Name], l)
	}
	return e
}

// environments finds every environment of the repository, and the rules that
// give none.
func (u *user) environments() {
	hits, won := u.survey()
	for i, e := range u.c.Environments {
		u.idle(e, hits[i], won[i])
	}
}

// survey locates all that the repository holds. It returns which patterns of
// each rule match anything, and how much each rule was the first to match.
func (u *user) survey() ([]tried, []int) {
	rules := u.c.rules().places
	won, hits := make([]int, len(rules)), make([]tried, len(rules))
	for i, r := range rules {
		hits[i] = tried{make([]bool, len(r.paths)), make([]bool, len(r.apps)), make([]bool, len(r.clusters))}
	}
	see := func(file, app, cluster string) (Located, int) {
		for i, r := range rules {
			hit(r.paths, hits[i].paths, file)
			hit(r.apps, hits[i].apps, app)
			hit(r.clusters, hits[i].clusters, cluster)
		}
		l, rule, ok := u.c.locate(file, app, cluster)
		if ok {
			won[rule]++
		}
		return l, rule
	}
	for _, file := range u.g.Paths {
		if l, rule := see(file, "", ""); rule >= 0 {
			u.found(l, rule).Files++
		}
	}
	for _, a := range u.g.Apps {
		if l, rule := see(a.File, a.Name, a.Cluster); rule >= 0 {
			u.found(l, rule).Apps++
		}
	}
	for _, p := range u.g.Pins {
		switch l, rule := see(p.Place.File, p.App, p.Cluster); {
		case rule >= 0:
			u.found(l, rule).Pins++
		case p.Environment != "":
			u.found(Located{Name: p.Environment, Tenant: p.Tenant, Cluster: p.Cluster}, -1).Pins++
		}
	}
	return hits, won
}

// tried are a rule's patterns that have matched.
type tried struct{ paths, apps, clusters []bool }

func hit(patterns []Pattern, seen []bool, s string) {
	if s == "" {
		return
	}
	for i, p := range patterns {
		if !seen[i] {
			_, seen[i] = p.Match(s)
		}
	}
}

// idle complains of a rule's patterns that match nothing.
func (u *user) idle(e Environment, seen tried, won int) {
	before := len(u.Mistakes)
	for _, list := range []struct {
		texts []string
		seen  []bool
		what  string
	}{
		{e.Paths, seen.paths, "path %q matches no file of the repository: correct it or take it out"},
		{e.Apps, seen.apps, "no application is called %q: correct it or take it out"},
		{e.Clusters, seen.clusters, "no application is sent to a cluster %q: correct it or take it out"},
	} {
		for i, text := range list.texts {
			if !list.seen[i] {
				u.mistake(e.Line, "environment %q: "+list.what, e.Name, text)
			}
		}
	}
	if won == 0 && len(u.Mistakes) == before {
		u.mistake(e.Line, "environment %q: all that it matches belongs to rules that stand before it: move it up or take it out", e.Name)
	}
}

// waves finds the waves' environments, and those that are in none or several.
func (u *user) waves() {
	names := slices.SortedFunc(maps.Keys(u.envs), promoter.CompareEnvironments)
	policy := u.c.Policy(names)
	for _, w := range policy.Waves {
		use := WaveUse{Name: w.Name}
		for _, a := range w.After {
			use.After = append(use.After, policy.Waves[a].Name)
		}
		u.Waves = append(u.Waves, use)
	}
	if len(u.c.Waves) == 0 {
		for i := range u.Waves {
			if e := u.envs[u.Waves[i].Name]; e != nil {
				u.enter(i, e)
			} else if u.Waves[i].Name == Elsewhere {
				u.Waves[i].Pins = u.nowhere()
			}
		}
		return
	}
	for _, name := range names {
		e := u.envs[name]
		for i, w := range u.c.Waves {
			if slices.ContainsFunc(u.places[name], w.holds) {
				u.enter(i, e)
			}
		}
		switch {
		case len(e.Waves) > 1:
			u.mistake(u.c.waveLine(e.Waves[1]), "environment %q is in the waves %s: it can change in one only", name, quoted(e.Waves))
		case len(e.Waves) == 0:
			where := "it is given here"
			line := e.Line
			if line == 0 {
				where, line = "the layout says so of "+u.example(name), u.c.Waves[0].Line
			}
			u.mistake(line, "environment %q is in no wave (%s): add it to the environments of one", name, where)
		}
		for _, l := range u.places[name] {
			if n := u.count(l); n != len(e.Waves) {
				u.mistake(e.Line, "environment %q is in another wave with some of its labels than with others: give those their own names", name)
				break
			}
		}
	}
	for i, w := range u.c.Waves {
		u.idleWave(w, u.Waves[i], names)
	}
}

func (u *user) enter(wave int, e *EnvironmentUse) {
	e.Waves = append(e.Waves, u.Waves[wave].Name)
	u.Waves[wave].Environments = append(u.Waves[wave].Environments, e.Name)
	u.Waves[wave].Pins += e.Pins
}

// nowhere is how many pins belong to no environment.
func (u *user) nowhere() int {
	n := len(u.g.Pins)
	for _, e := range u.envs {
		n -= e.Pins
	}
	return n
}

// count is how many waves hold a place.
func (u *user) count(l Located) int {
	n := 0
	for _, w := range u.c.Waves {
		if w.holds(l) {
			n++
		}
	}
	return n
}

// example is a pin of an environment.
func (u *user) example(env string) string {
	for _, p := range u.g.Pins {
		if p.Environment == env {
			return p.Place.String()
		}
	}
	return "its files"
}

func (u *user) idleWave(w Wave, use WaveUse, names []string) {
	for _, text := range w.Environments {
		p, err := CompileName(text)
		if err != nil {
			continue // told when the file was read
		}
		if !slices.ContainsFunc(names, func(n string) bool { _, ok := p.Match(n); return ok }) {
			u.mistake(w.Line, "wave %q: no environment is called %q: there are %s", w.Name, text, orNone(names))
		}
	}
	if len(use.Environments) == 0 && len(w.Environments) == 0 {
		u.mistake(w.Line, "wave %q: no environment carries its labels", w.Name)
	}
}

// orNone lists names for a person.
func orNone(names []string) string {
	const most = 12
	switch {
	case len(names) == 0:
		return "none"
	case len(names) > most:
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

func quoted(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(out, " and ")
}

func (c *Config) waveLine(name string) int {
	for _, w := range c.Waves {
		if w.Name == name {
			return w.Line
		}
	}
	return 1
}

// fileName is what the file is called in messages.
func (c *Config) fileName() string { return cmp.Or(c.file, Name) }
