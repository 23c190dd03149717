package config

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"promoter/promoter"
)

// token is a part of a pattern, from the first part of a path that says where
// it belongs.
type token struct {
	text   string // literal, or "{tenant}", or a cluster's family
	env    bool   // the environment stands here, between before and after
	before string
	after  string
}

// shape is what the paths of several files have in common.
type shape struct {
	prefix  [][]string // of each file: the parts before the first token
	anchor  string     // the directory before the first token, where its name says what it holds
	tokens  []token
	one     bool // the anchor is of a kind that a repository has one of: clusters, tenants
	file    bool // the last token is a file's name
	tenant  bool
	cluster string // the template of the cluster's name
	env     string // the environment, where a cluster's name says it
	words   map[string]bool
	files   []string
}

// rules are the environments by path.
func (in *inference) rules() []Environment {
	shapes := in.shapes()
	var captured, literal []*shape
	for _, s := range shapes {
		if s.captures() && in.capture(s) {
			captured = append(captured, s)
		} else {
			literal = append(literal, s)
		}
	}
	// What must be said word by word in one place is said so everywhere.
	spelled := map[string]bool{}
	for _, s := range literal {
		maps.Copy(spelled, s.words)
	}
	captured = slices.DeleteFunc(captured, func(s *shape) bool {
		for w := range s.words {
			if !spelled[w] || s.tenant || s.cluster != "" {
				return false
			}
		}
		literal = append(literal, s)
		return true
	})
	words := in.literals(literal)
	var rules []Environment
	for _, s := range captured {
		rules = append(rules, in.captureRule(s))
	}
	rules = merge(rules)
	// Clusters and tenants are the more special places; then the captures,
	// then the words, and words within longer names last.
	slices.SortStableFunc(words, func(a, b Environment) int { return cmp.Compare(rank(a), rank(b)) })
	split := slices.IndexFunc(words, func(e Environment) bool { return rank(e) > 1 })
	if split < 0 {
		split = len(words)
	}
	all := slices.Concat(words[:split], rules, words[split:])
	all = in.generalise(all)
	for i := range all {
		all[i].Paths = in.shortest(all[i].Paths)
	}
	return in.correct(all)
}

// rank orders rules from the special to the general.
func rank(e Environment) int {
	switch {
	case e.Cluster != "" && e.Tenant != "":
		return 0
	case e.Cluster != "" || e.Tenant != "":
		return 1
	case slices.ContainsFunc(e.Paths, func(p string) bool { return strings.Contains(path.Base(strings.TrimSuffix(p, "/**")), "*") }):
		return 3
	}
	return 2
}

// shapes groups the sites.
func (in *inference) shapes() []*shape {
	byKey := map[string]*shape{}
	var all []*shape
	families := in.families()
	for i := range in.sites {
		s := &in.sites[i]
		if s.envAt < 0 && s.clusterAt < 0 && s.tenantAt < 0 {
			continue
		}
		one, word := in.shape(s, families)
		key := one.key()
		sh := byKey[key]
		if sh == nil {
			sh = one
			sh.words = map[string]bool{}
			byKey[key] = sh
			all = append(all, sh)
		} else {
			sh.prefix = append(sh.prefix, one.prefix...)
		}
		if word != "" {
			sh.words[word] = true
		}
		sh.files = append(sh.files, s.file)
	}
	slices.SortStableFunc(all, func(a, b *shape) int { return strings.Compare(a.key(), b.key()) })
	return all
}

func (s *shape) key() string {
	var b strings.Builder
	b.WriteString(s.anchor + "|" + s.cluster + "|" + s.env)
	for _, t := range s.tokens {
		b.WriteString("/" + t.before + t.text + t.after)
		if t.env {
			b.WriteString("?")
		}
	}
	if s.file {
		b.WriteString("|file")
	}
	return b.String()
}

// shape is that of one site, and the environment's word in it.
func (in *inference) shape(s *site, families map[string]family) (*shape, string) {
	fam := families[s.cluster]
	envAt := s.envAt
	if s.clusterAt >= 0 && fam.env != "" {
		envAt = -1 // the cluster's name says it
	}
	out := &shape{cluster: "", tenant: s.tenantAt >= 0}
	first, last := len(s.segs), -1
	for _, at := range []int{envAt, s.clusterAt, s.tenantAt} {
		if at >= 0 {
			first, last = min(first, at), max(last, at)
		}
	}
	word := ""
	for i := first; i <= last; i++ {
		switch {
		case i == s.tenantAt:
			out.tokens = append(out.tokens, token{text: "{tenant}"})
		case i == s.clusterAt && i == envAt: // clusters/prod
			word = s.segs[i]
			out.tokens = append(out.tokens, token{env: true})
			out.cluster = "{env}"
		case i == s.clusterAt:
			out.tokens = append(out.tokens, token{text: fam.pattern + strings.TrimPrefix(s.segs[i], s.cluster)})
			out.cluster, out.env = fam.pattern, fam.env
		case i == envAt:
			var t token
			t, word = in.envToken(s)
			out.tokens = append(out.tokens, t)
		default:
			out.tokens = append(out.tokens, token{text: s.segs[i]})
		}
	}
	out.file = last == len(s.segs)-1
	prefix := s.segs[:first]
	if first > 0 {
		if holds, one := in.holds(s.segs[first-1]); holds {
			out.anchor, out.one = s.segs[first-1], one
			prefix = prefix[:first-1]
		}
	}
	out.prefix = [][]string{prefix}
	return out, word
}

// holds reports whether a directory's name says what stands below it, and
// whether that is clusters or tenants, which have one place.
func (in *inference) holds(name string) (holds, one bool) {
	env, cluster, tenant := in.Words.Path(name + "/" + stranger + "/")
	one = cluster == stranger || tenant == stranger
	return one || env == stranger, one
}

// envToken is the part that says the environment, with what stands around the
// word in it.
func (in *inference) envToken(s *site) (token, string) {
	seg := s.segs[s.envAt]
	word := s.word()
	ending := strings.TrimPrefix(seg, word)
	if s.pure {
		return token{env: true, after: ending}, word
	}
	before, found, after := in.within(word, s.env)
	if found == "" {
		return token{text: seg}, ""
	}
	if !s.isFile(s.envAt) || before != "" && !strings.HasPrefix(word, "values") {
		// What stands before and after is a name of its own.
		if before != "" {
			before = "*" + before[len(before)-1:]
		}
		if after != "" {
			after = after[:1] + "*"
		}
	}
	return token{env: true, before: before, after: after + ending}, found
}

// captures reports whether a capture can stand for the environment's word:
// with names around it, nothing tells where the word begins.
func (s *shape) captures() bool {
	for _, t := range s.tokens {
		if t.env {
			return len(s.words) > 1 && !strings.Contains(t.before+t.after, "*")
		}
	}
	return false
}

// capture reports whether a pattern with {env} finds environments only.
func (in *inference) capture(s *shape) bool {
	for w := range s.words {
		if n := in.nameOfWord(w); n != w {
			return false
		}
	}
	p, err := CompilePath(s.pattern("{env}"))
	if err != nil {
		return false
	}
	for i := range in.sites {
		f := &in.sites[i]
		if caps, ok := p.Match(f.file); ok && (!s.words[caps["env"]] || f.env != "" && in.name(f.env) != caps["env"]) {
			return false
		}
	}
	return true
}

// nameOfWord is the name of the environment that a word stands for.
func (in *inference) nameOfWord(w string) string {
	for env, raw := range in.raws {
		if raw[w] {
			return in.name(env)
		}
	}
	return in.name(cmp.Or(in.Words.Word(w), w))
}

// pattern is the shape with a word for the environment.
func (s *shape) pattern(env string) string {
	parts := []string{s.start()}
	if s.anchor != "" {
		parts = append(parts, s.anchor)
	}
	for _, t := range s.tokens {
		text := t.text
		if t.env {
			text = t.before + env + t.after
		}
		parts = append(parts, text)
	}
	if !s.file {
		parts = append(parts, "**")
	}
	return path.Join(parts...)
}

// start stands for what the files' paths begin with: exactly where all are
// built alike, and ** where they are not.
func (s *shape) start() string {
	out := slices.Clone(s.prefix[0])
	for _, p := range s.prefix[1:] {
		if len(p) != len(out) {
			return "**"
		}
		for i := range p {
			if p[i] != out[i] {
				out[i] = "*"
			}
		}
	}
	if len(out) == 0 {
		return ""
	}
	alike := !slices.Contains(out, "*")
	if s.one && alike {
		return path.Join(out...)
	}
	if s.anchor != "" || alike || out[0] == "*" {
		return "**" // another such directory may come
	}
	return path.Join(out...)
}

func (in *inference) captureRule(s *shape) Environment {
	e := Environment{Name: "{env}", Paths: []string{s.pattern("{env}")}, Cluster: s.cluster}
	if s.tenant {
		e.Tenant = "{tenant}"
	}
	return e
}

// literals are the rules of shapes without a capture for the environment, one
// for each word.
func (in *inference) literals(shapes []*shape) []Environment {
	var rules []Environment
	for _, s := range shapes {
		e := Environment{Cluster: s.cluster}
		if s.tenant {
			e.Tenant = "{tenant}"
		}
		if len(s.words) == 0 {
			e.Name = in.name(s.env)
			if s.env == "" {
				e.Name = cmp.Or(s.cluster, e.Tenant)
			}
			e.Paths = []string{s.pattern("")}
			rules = append(rules, e)
			continue
		}
		for _, w := range slices.Sorted(maps.Keys(s.words)) {
			one := e
			one.Name = in.nameOfWord(w)
			if s.cluster == "{env}" {
				one.Cluster = w
			}
			one.Paths = []string{s.pattern(w)}
			rules = append(rules, one)
		}
	}
	slices.SortStableFunc(rules, func(a, b Environment) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), promoter.CompareEnvironments(a.Name, b.Name))
	})
	return merge(rules)
}
