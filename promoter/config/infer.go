package config

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"promoter/promoter"
)

// Sight is what a repository shows to whoever writes its first configuration.
type Sight struct {
	Ground
	// Files are the paths that matter: those that pin, deploy or compose.
	Files []string
	Words Words
}

// Words reads what paths and names say of environments.
type Words struct {
	// Path is the environment, cluster and tenant that a path says; one that
	// ends with a slash is a directory's.
	Path func(file string) (env, cluster, tenant string)
	// Word is the one name of a well-known word ("prd": "production"), or "".
	Word func(word string) string
	// Name is the environment that a longer name says ("web-prod").
	Name func(name string) (env, cluster string)
}

// Draft is an inferred configuration: what promoter init writes.
type Draft struct {
	Environments []Environment
	Waves        []Wave
	Classes      []ClassRule
	Groups       []Group
	// Guessed are the environments whose turn no word tells.
	Guessed []string
	// Servers are destinations without a name.
	Servers []string
	// Pins is how many there are: a rule about pins needs one.
	Pins int
	// Single is set when nothing in the repository names an environment.
	Single bool
}

// Infer drafts a configuration from a repository's paths, its applications'
// destinations and what its pins are of. What it drafts fits that repository:
// every pattern matches, and every environment is in one wave.
func Infer(s Sight) Draft {
	s.Files = slices.DeleteFunc(slices.Sorted(slices.Values(s.Files)), isPattern)
	in := &inference{Sight: s, raws: map[string]map[string]bool{}, parts: map[string]map[string]bool{}}
	in.see()
	in.recognise()
	d := Draft{Pins: len(s.Pins)}
	d.Environments = in.rules()
	d.Environments, d.Servers = in.destinations(d.Environments)
	d.Environments = in.leftovers(d.Environments)
	d.Environments = in.prune(d.Environments)
	if len(s.Pins) > 0 && in.single(d.Environments) {
		d.Single = true
		d.Environments = []Environment{{Name: "main", Paths: []string{"**"}}}
	}
	d.Waves, d.Guessed = in.waves(d.Environments)
	d.Classes = in.classes()
	d.Groups = in.groups()
	return d
}

// single reports whether the environments that were found are none: no rule,
// or one that says something of few pins only, such as a word in the name of a
// test's file.
func (in *inference) single(rules []Environment) bool {
	if len(rules) == 0 {
		return true
	}
	c := &Config{Environments: rules}
	envs, placed := map[string]bool{}, 0
	for _, p := range in.Pins {
		if l, ok := c.Locate(p.Place.File, p.App, p.Cluster); ok {
			placed++
			envs[l.Name] = true
		}
	}
	for _, f := range in.Files {
		if l, ok := c.Locate(f, "", ""); ok {
			envs[l.Name] = true
		}
	}
	return len(envs) == 1 && placed*2 < len(in.Pins)
}

// isPattern reports whether a name cannot be written in a pattern as it is:
// such as a directory for a template's output, "{{ name }}".
func isPattern(name string) bool { return strings.ContainsAny(name, "{}*") }

type inference struct {
	Sight
	sites []site
	// A known environment's words as they are written: names of their own, and
	// parts of longer names.
	raws, parts map[string]map[string]bool
}

// prune takes out patterns that match nothing and rules behind others.
func (in *inference) prune(rules []Environment) []Environment {
	for range len(rules) + 1 {
		c := &Config{Environments: rules}
		u := &user{c: c, g: in.Ground, envs: map[string]*EnvironmentUse{}}
		hits, won := u.survey()
		var kept []Environment
		for i, e := range rules {
			e.Paths, e.Apps, e.Clusters = keep(e.Paths, hits[i].paths), keep(e.Apps, hits[i].apps), keep(e.Clusters, hits[i].clusters)
			if won[i] > 0 && len(e.Paths)+len(e.Apps)+len(e.Clusters) > 0 {
				kept = append(kept, e)
			}
		}
		if len(kept) == len(rules) {
			return kept
		}
		rules = kept
	}
	return rules
}

func keep(texts []string, hit []bool) []string {
	var out []string
	for i, t := range texts {
		if hit[i] {
			out = append(out, t)
		}
	}
	return out
}

// destinations adds the clusters that applications are sent to from places
// that no path tells apart.
func (in *inference) destinations(rules []Environment) ([]Environment, []string) {
	c := &Config{Environments: rules}
	byEnv := map[string]map[string]bool{}
	servers := map[string]bool{}
	for _, a := range in.Apps {
		if a.Cluster == "" || a.Cluster == "in-cluster" || isPattern(a.Cluster) {
			continue
		}
		if _, ok := c.Locate(a.File, "", ""); ok {
			continue
		}
		if strings.Contains(a.Cluster, "://") {
			servers[a.Cluster] = true
			continue
		}
		env := in.envOfName(a.Cluster)
		if byEnv[env] == nil {
			byEnv[env] = map[string]bool{}
		}
		byEnv[env][a.Cluster] = true
	}
	for _, env := range slices.SortedFunc(maps.Keys(byEnv), promoter.CompareEnvironments) {
		clusters := slices.Sorted(maps.Keys(byEnv[env]))
		rules = in.send(rules, env, clusters)
	}
	return rules, slices.Sorted(maps.Keys(servers))
}

// envOfName is the environment that a name says, or the name itself.
func (in *inference) envOfName(name string) string {
	for env, raw := range in.raws {
		if raw[name] {
			return env
		}
	}
	env, _ := in.Words.Name(name)
	return cmp.Or(env, name)
}

// send makes clusters part of an environment.
func (in *inference) send(rules []Environment, env string, clusters []string) []Environment {
	name := in.name(env)
	for i := range rules {
		e := &rules[i]
		caps, ok := nameMatch(e.Name, name)
		switch {
		case !ok || e.Tenant != "" || e.Cluster != "":
			continue
		case len(caps) == 0:
			e.Clusters = append(e.Clusters, clusters...)
			return rules
		case len(clusters) == 1 && clusters[0] == name && e.Name != "{env}":
			if !slices.Contains(e.Clusters, e.Name) {
				e.Clusters = append(e.Clusters, e.Name)
			}
			return rules
		}
	}
	return append(rules, Environment{Name: name, Clusters: clusters})
}

// nameMatch matches a name with a template such as "production-{part}".
func nameMatch(template, name string) (map[string]string, bool) {
	p, err := CompileName(template)
	if err != nil {
		return nil, false
	}
	return p.Match(name)
}

// tool reports whether a file serves those who work on the repository.
func (in *inference) tool(file string) bool {
	i, ok := slices.BinarySearchFunc(in.sites, file, func(s site, f string) int { return strings.Compare(s.file, f) })
	return ok && in.sites[i].tool
}

// leftovers adds rules for pins whose environment the layout knows by other
// things than their path: the name or namespace of what deploys them.
func (in *inference) leftovers(rules []Environment) []Environment {
	c := &Config{Environments: rules}
	apps, files := map[string]map[string]bool{}, map[string]map[string]bool{}
	for _, p := range in.Pins {
		if _, ok := c.Locate(p.Place.File, p.App, p.Cluster); ok || p.Environment == "" || in.tool(p.Place.File) || isPattern(p.Place.File+p.App+p.Environment) {
			continue
		}
		into, what := files, p.Place.File
		if p.App != "" {
			into, what = apps, p.App
		}
		env := in.name(p.Environment)
		if into[env] == nil {
			into[env] = map[string]bool{}
		}
		into[env][what] = true
	}
	envs := slices.Collect(maps.Keys(apps))
	envs = slices.AppendSeq(envs, maps.Keys(files))
	slices.SortFunc(envs, promoter.CompareEnvironments)
	for _, env := range slices.Compact(envs) {
		rules = append(rules, Environment{Name: env, Apps: in.called(env, apps), Paths: slices.Sorted(maps.Keys(files[env]))})
	}
	return rules
}

// called are patterns for the applications of one environment: what their
// names share, where no other application shares it.
func (in *inference) called(env string, apps map[string]map[string]bool) []string {
	left := maps.Clone(apps[env])
	var out []string
	for _, app := range slices.Sorted(maps.Keys(apps[env])) {
		known, _ := in.Words.Name(app)
		before, word, after := in.within(app, cmp.Or(known, env))
		if word == "" {
			continue
		}
		for _, pattern := range []string{"*-" + word, word + "-*"} {
			p, err := CompileName(pattern)
			if err != nil || before == "" && after == "" || slices.Contains(out, pattern) {
				continue
			}
			shared := func(names map[string]bool) int {
				n := 0
				for a := range names {
					if _, ok := p.Match(a); ok {
						n++
					}
				}
				return n
			}
			others := 0
			for other, names := range apps {
				if other != env {
					others += shared(names)
				}
			}
			if shared(left) > 1 && others == 0 {
				out = append(out, pattern)
				maps.DeleteFunc(left, func(a string, _ bool) bool { _, ok := p.Match(a); return ok })
			}
		}
	}
	return slices.Sorted(slices.Values(append(out, slices.Collect(maps.Keys(left))...)))
}
