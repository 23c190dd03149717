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

// Locate returns the environment that a file belongs to by the configured
// rules, or the application written in it, or the cluster that is sent to; ok
// is false when no rule matches.
func (c *Config) Locate(file, app, cluster string) (Located, bool) {
	for _, e := range c.Environments {
		caps, ok := firstMatch(e.Paths, CompilePath, file)
		if !ok && app != "" {
			caps, ok = firstMatch(e.Apps, CompileName, app)
		}
		if !ok && cluster != "" {
			caps, ok = firstMatch(e.Clusters, CompileName, cluster)
		}
		if !ok {
			continue
		}
		l := Located{Name: expand(e.Name, caps), Tenant: expand(e.Tenant, caps), Cluster: expand(e.Cluster, caps)}
		for k, v := range e.Labels {
			if l.Labels == nil {
				l.Labels = map[string]string{}
			}
			l.Labels[k] = expand(v, caps)
		}
		return l, true
	}
	return Located{}, false
}

func firstMatch(texts []string, compile func(string) (Pattern, error), s string) (map[string]string, bool) {
	for _, t := range texts {
		if p, err := compile(t); err == nil {
			if caps, ok := p.Match(s); ok {
				return caps, true
			}
		}
	}
	return nil, false
}

// Place sets the pins' environments, clusters and tenants by the configured
// rules. What no rule matches keeps what the repository's layout said.
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
		if l != nil {
			p.Environment, p.Tenant = l.Name, l.Tenant
			if l.Cluster != "" {
				p.Cluster = l.Cluster
			}
		}
	}
}

// Wanted returns which versions are wanted for a pin: the first update rule
// that fits, or everything but pre-releases. The number tells rules apart.
func (c *Config) Wanted(p promoter.Pin) (promoter.Wanted, int) {
	if c.wanted == nil {
		c.wanted = make([]matcher, len(c.Updates))
		for i, u := range c.Updates {
			c.wanted[i] = u.Match.compile()
		}
	}
	for i, u := range c.Updates {
		if c.wanted[i].fits(p) {
			return promoter.Wanted{
				Allow: promoter.UpdateType(u.Allow), Constraint: u.Constraint, Ignore: u.Ignore,
				MinAge: time.Duration(u.MinimumReleaseAge), PreRelease: u.Prereleases,
			}, i
		}
	}
	return promoter.Wanted{}, -1
}
