package config

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"
)

// merge joins rules that differ in their paths only.
func merge(rules []Environment) []Environment {
	var out []Environment
	for _, e := range rules {
		i := slices.IndexFunc(out, func(o Environment) bool {
			return o.Name == e.Name && o.Cluster == e.Cluster && o.Tenant == e.Tenant && (rank(o) == 3) == (rank(e) == 3)
		})
		if i < 0 {
			out = append(out, e)
			continue
		}
		for _, p := range e.Paths {
			if !slices.Contains(out[i].Paths, p) {
				out[i].Paths = append(out[i].Paths, p)
			}
		}
	}
	return out
}

// generalise makes one rule of several whose names differ in their last part:
// "production-acme" and "production-globex".
func (in *inference) generalise(rules []Environment) []Environment {
	groups := map[string][]int{}
	for i, e := range rules {
		if e.Cluster != "" || e.Tenant != "" || strings.Contains(e.Name, "{") || in.Words.Word(e.Name) != "" {
			continue
		}
		head, tail, _ := strings.Cut(e.Name, "-")
		last := e.Name[strings.LastIndexByte(e.Name, '-')+1:]
		switch {
		case tail == "":
		case in.Words.Word(head) != "":
			groups[head+"-{part}"] = append(groups[head+"-{part}"], i)
		case in.Words.Word(last) != "":
			groups["{part}-"+last] = append(groups["{part}-"+last], i)
		}
	}
	drop := map[int]bool{}
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		of := groups[name]
		if len(of) < 2 {
			continue
		}
		one := Environment{Name: name}
		for _, i := range of {
			for _, p := range rules[i].Paths {
				if p = strings.Replace(p, rules[i].Name, one.Name, 1); !slices.Contains(one.Paths, p) {
					one.Paths = append(one.Paths, p)
				}
			}
		}
		if !in.sameAs(one, rules, of) {
			continue
		}
		rules[of[0]] = one
		for _, i := range of[1:] {
			drop[i] = true
		}
	}
	var out []Environment
	for i, e := range rules {
		if !drop[i] {
			out = append(out, e)
		}
	}
	return out
}

// sameAs reports whether one rule says the same as those that it is made of.
func (in *inference) sameAs(one Environment, rules []Environment, of []int) bool {
	joined, apart := &Config{Environments: []Environment{one}}, &Config{}
	for _, i := range of {
		apart.Environments = append(apart.Environments, rules[i])
	}
	for i := range in.sites {
		a, aok := joined.Locate(in.sites[i].file, "", "")
		b, bok := apart.Locate(in.sites[i].file, "", "")
		if aok != bok || a.Name != b.Name {
			return false
		}
	}
	return true
}

// correct puts exact rules before the others for directories that the rules
// would take for another environment than their paths say.
func (in *inference) correct(rules []Environment) []Environment {
	c := &Config{Environments: rules}
	var exact []Environment
	for i := range in.sites {
		s := &in.sites[i]
		if s.envAt < 0 {
			continue
		}
		want := in.name(s.env)
		got, ok := c.Locate(s.file, "", "")
		if ok && got.Name == want {
			continue
		}
		p := s.file
		if !s.isFile(s.envAt) {
			p = path.Join(append(slices.Clone(s.segs[:s.envAt+1]), "**")...)
		}
		exact = append(exact, Environment{Name: want, Paths: []string{p}, Cluster: s.cluster})
	}
	return append(merge(exact), rules...)
}

// shortest takes out patterns that match nothing beyond what another of the
// same rule matches.
func (in *inference) shortest(patterns []string) []string {
	matches := func(text string) map[string]bool {
		out := map[string]bool{}
		if p, err := CompilePath(text); err == nil {
			for i := range in.sites {
				if _, ok := p.Match(in.sites[i].file); ok {
					out[in.sites[i].file] = true
				}
			}
		}
		return out
	}
	kept := slices.Clone(patterns)
	slices.SortStableFunc(kept, func(a, b string) int { return len(b) - len(a) })
	for _, p := range slices.Clone(kept) {
		own := matches(p)
		rest := map[string]bool{}
		for _, o := range kept {
			if o != p {
				maps.Copy(rest, matches(o))
			}
		}
		spare := true
		for f := range own {
			spare = spare && rest[f]
		}
		if spare && len(kept) > 1 {
			kept = slices.DeleteFunc(kept, func(o string) bool { return o == p })
		}
	}
	slices.SortFunc(kept, func(a, b string) int { return cmp.Or(len(a)-len(b), strings.Compare(a, b)) })
	return kept
}
