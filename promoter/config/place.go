package config

import (
	"slices"
	"time"

	"promoter/promoter"
)

// matcher is a Match with its patterns compiled. An empty list fits anything.
type matcher struct {
	artifacts, paths, envs, tenants []Pattern
	kinds                           []string
}

// compileAll compiles patterns that check has accepted; one that does not
// compile fits nothing, so that a mistake can never widen a rule.
func compileAll(texts []string, compile func(string) (Pattern, error)) []Pattern {
	var out []Pattern
	for _, t := range texts {
		p, err := compile(t)
		if err != nil {
			p = nothing
		}
		out = append(out, p)
	}
	return out
}

var nothing, _ = compile("nothing", `[^\s\S]`, `[^\s\S]`)

func (m Match) compile() matcher {
	return matcher{
		artifacts: compileAll(m.Artifacts, CompileName), paths: compileAll(m.Paths, CompilePath),
		envs: compileAll(m.Environments, CompileName), tenants: compileAll(m.Tenants, CompileName), kinds: m.Kinds,
	}
}

func fitsAny(patterns []Pattern, values ...string) bool {
	if len(patterns) == 0 {
		return true
	}
	for _, p := range patterns {
		for _, v := range values {
			if _, ok := p.Match(v); ok {
				return true
			}
		}
	}
	return false
}

func (m matcher) fits(p promoter.Pin) bool {
	return (len(m.kinds) == 0 || slices.Contains(m.kinds, string(p.Artifact.Kind))) &&
		fitsAny(m.artifacts, p.Artifact.Name, p.Artifact.Ref()) &&
		fitsAny(m.paths, p.Place.File) && fitsAny(m.envs, p.Environment) && fitsAny(m.tenants, p.Tenant)
}

// Located is an environment as the rules give it for one path or application.
type Located struct {
	Name, Tenant, Cluster string
	Labels                map[string]string
}

// rules are the patterns of all sections, compiled.
type rules struct {
	places  []placeRule
	names   []Pattern // of the environments that they give
	classes []matcher
	updates []matcher
	groups  [][]Pattern
}

// placeRule is an Environment's patterns.
type placeRule struct{ paths, apps, clusters []Pattern }

func (c *Config) rules() *rules {
	c.once.Do(func() {
		for _, e := range c.Environments {
			c.done.names = append(c.done.names, compileAll([]string{e.Name}, CompileName)...)
			c.done.places = append(c.done.places, placeRule{
				compileAll(e.Paths, CompilePath), compileAll(e.Apps, CompileName), compileAll(e.Clusters, CompileName),
			})
		}
		for _, r := range c.Classes {
			c.done.classes = append(c.done.classes, r.Match.compile())
		}
		for _, u := range c.Updates {
			c.done.updates = append(c.done.updates, u.Match.compile())
		}
		for _, g := range c.Groups {
			c.done.groups = append(c.done.groups, compileAll(g.Artifacts, CompileName))
		}
	})
	return &c.done
}

// Locate returns the environment that a file belongs to by the configured
// rules, or the application written in it, or the cluster that is sent to; ok
// is false when no rule matches.
func (c *Config) Locate(file, app, cluster string) (Located, bool) {
	l, _, ok := c.locate(file, app, cluster)
	return l, ok
}

// locate also says which rule matched.
func (c *Config) locate(file, app, cluster string) (l Located, rule int, ok bool) {
	for i, p := range c.rules().places {
		caps, ok := p.match(file, app, cluster)
		if !ok {
			continue
		}
		e := &c.Environments[i]
		l := Located{Name: expand(e.Name, caps), Tenant: expand(e.Tenant, caps), Cluster: expand(e.Cluster, caps)}
		for k, v := range e.Labels {
			if l.Labels == nil {
				l.Labels = map[string]string{}
			}
			l.Labels[k] = expand(v, caps)
		}
		return l, i, true
	}
	return Located{}, -1, false
}

func (p placeRule) match(file, app, cluster string) (map[string]string, bool) {
	if caps, ok := firstMatch(p.paths, file); ok {
		return caps, true
	}
	if caps, ok := firstMatch(p.apps, app); ok {
		return caps, true
	}
	return firstMatch(p.clusters, cluster)
}

// firstMatch matches nothing with an empty text: it stands for "not known".
func firstMatch(patterns []Pattern, s string) (map[string]string, bool) {
	if s == "" {
		return nil, false
	}
	for _, p := range patterns {
		if caps, ok := p.Match(s); ok {
			return caps, true
		}
	}
	return nil, false
}

// Knows reports whether the configuration speaks of an environment: a wave
// names it or, where no waves are configured, a rule can give it. Without rules
// for environments it knows every one.
func (c *Config) Knows(env string) bool {
	switch {
	case len(c.Environments) == 0:
		return true
	case len(c.Waves) > 0:
		return slices.ContainsFunc(c.Waves, func(w Wave) bool { return w.holds(Located{Name: env}) })
	}
	return fitsAny(c.rules().names, env)
}

// Place sets the pins' environments, clusters and tenants by the configured
// rules. What no rule matches keeps what the repository's layout said, if that
// is an environment that the configuration knows: beside rules, a word in a
// path is no evidence of another one.
func (c *Config) Place(pins []promoter.Pin) {
	if len(c.Environments) == 0 {
		return
	}
	type key struct{ file, app, cluster string }
	known := map[key]*Located{}
	for i := range pins {
		p := &pins[i]
		k := key{p.Place.File, p.App, p.Cluster}
		l, seen := known[k]
		if !seen {
			if found, ok := c.Locate(p.Place.File, p.App, p.Cluster); ok {
				l = &found
			}
			known[k] = l
		}
		if l == nil {
			if !c.Knows(p.Environment) {
				p.Environment = ""
			}
			continue
		}
		p.Environment, p.Tenant = l.Name, l.Tenant
		if l.Cluster != "" {
			p.Cluster = l.Cluster
		}
	}
}

// Wanted returns which versions are wanted for a pin: the first update rule
// that fits, or everything but pre-releases. The number tells rules apart.
func (c *Config) Wanted(p promoter.Pin) (promoter.Wanted, int) {
	rules := c.rules().updates
	for i, u := range c.Updates {
		if rules[i].fits(p) {
			return promoter.Wanted{
				Allow: promoter.UpdateType(u.Allow), Constraint: u.Constraint, Ignore: u.Ignore,
				MinAge: time.Duration(u.MinimumReleaseAge), PreRelease: u.Prereleases, Security: u.Security,
			}, i
		}
	}
	return promoter.Wanted{}, -1
}
