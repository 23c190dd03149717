package config

import (
	"path"
	"slices"
	"strings"
)

// site is a file with the parts of its path that say where it belongs.
type site struct {
	file      string
	segs      []string // the last is the file's name
	env       string   // the one name of a known word, or the word
	envAt     int      // the part that says it; -1 for none
	pure      bool     // the part is the word and nothing else
	cluster   string
	clusterAt int
	tenant    string
	tenantAt  int
	tool      bool // it serves those who work on the repository
}

// isFile reports whether a part is the file's name.
func (s *site) isFile(i int) bool { return i == len(s.segs)-1 }

// see reads every file's path, part by part.
func (in *inference) see() {
	for _, file := range in.Files {
		s := site{file: file, segs: strings.Split(file, "/"), envAt: -1, clusterAt: -1, tenantAt: -1}
		env, cluster, tenant := in.Words.Path(file)
		at := ""
		for i, seg := range s.segs {
			e, c, t := env, cluster, tenant
			if !s.isFile(i) {
				at += seg + "/"
				e, c, t = in.Words.Path(at)
			}
			if e != env {
				s.envAt = -1
			} else if env != "" && s.envAt < 0 {
				s.envAt = i
			}
			s.clusterAt = since(s.clusterAt, i, cluster, c, seg)
			s.tenantAt = since(s.tenantAt, i, tenant, t, seg)
		}
		if s.envAt >= 0 {
			s.env = env
			s.pure = in.isPure(s.word(), env)
		}
		if s.clusterAt >= 0 {
			s.cluster = cluster
		}
		if s.tenantAt >= 0 {
			s.tenant = tenant
		}
		in.sites = append(in.sites, s)
	}
	in.tooling()
	in.doubt()
	in.clusterFiles()
	for i := range in.sites {
		s := &in.sites[i]
		switch {
		case s.pure:
			note(in.raws, s.env, s.word())
		case s.envAt >= 0:
			in.noteWithin(s.word(), s.env)
		}
	}
	for _, a := range in.Apps {
		if env, _ := in.Words.Name(a.Cluster); env != "" {
			in.noteWithin(a.Cluster, env)
		}
	}
	in.clustersBelow()
}

// doubt drops words that are more likely names of something else, such as a
// component called "integration": nothing is pinned there, no directory says
// that environments stand below it, and no other environment stands beside it.
func (in *inference) doubt() {
	beside := map[string]map[string]bool{}
	parent := func(s *site) string { return strings.Join(s.segs[:s.envAt], "/") }
	for i := range in.sites {
		if s := &in.sites[i]; s.envAt >= 0 {
			if beside[parent(s)] == nil {
				beside[parent(s)] = map[string]bool{}
			}
			beside[parent(s)][s.env] = true
		}
	}
	sure := map[string]bool{}
	for _, p := range in.Pins {
		sure[p.Environment] = sure[p.Environment] || !in.tool(p.Place.File)
	}
	for i := range in.sites {
		s := &in.sites[i]
		if s.envAt < 0 || sure[s.env] {
			continue
		}
		holds := false
		if s.envAt > 0 {
			holds, _ = in.holds(s.segs[s.envAt-1])
		}
		sure[s.env] = holds || s.clusterAt >= 0 || len(beside[parent(s)]) > 1
	}
	for i := range in.sites {
		if s := &in.sites[i]; s.envAt >= 0 && !sure[s.env] {
			s.env, s.envAt, s.pure = "", -1, false
		}
	}
}

// since is the part from which on a path says a name: the one before, or this
// one where it is the name. -1 stands for none.
func since(before, i int, want, says, seg string) int {
	switch {
	case says != want || want == "":
		return -1
	case before < 0 && seg == want:
		return i
	}
	return before
}

// word is the part that says the environment, without a file's ending.
func (s *site) word() string {
	if s.isFile(s.envAt) {
		return stem(s.segs[s.envAt])
	}
	return s.segs[s.envAt]
}

func stem(base string) string {
	for {
		switch ext := path.Ext(base); ext {
		case ".yaml", ".yml", ".json", ".gotmpl", ".tmpl":
			base = strings.TrimSuffix(base, ext)
		default:
			return base
		}
	}
}

func (in *inference) isPure(word, env string) bool { return word == env || in.Words.Word(word) == env }

func note(words map[string]map[string]bool, env, word string) {
	if words[env] == nil {
		words[env] = map[string]bool{}
	}
	words[env][word] = true
}

// noteWithin notes a word that stands in a longer name.
func (in *inference) noteWithin(name, env string) {
	if _, word, _ := in.within(name, env); word != "" {
		note(in.parts, env, word)
	}
}

// name is what an environment is called: as the repository writes it, where
// it writes it in one way.
func (in *inference) name(env string) string {
	words := in.raws[env]
	if len(words) == 0 {
		words = in.parts[env]
	}
	if len(words) == 1 {
		for w := range words {
			return w
		}
	}
	return env
}

// tooling drops directories such as test/ or dev/ at the top of a repository
// whose environments are elsewhere: nothing is deployed from them, they serve
// those who work on the repository.
func (in *inference) tooling() {
	helps := func(s *site) bool {
		if s.envAt != 0 || !s.pure || len(s.segs) < 2 {
			return false
		}
		w := in.Words.Word(s.segs[0])
		return w != "" && (w == in.Words.Word("test") || w == in.Words.Word("dev"))
	}
	elsewhere := false
	for i := range in.sites {
		s := &in.sites[i]
		if s.envAt == 0 && len(s.segs) > 1 && !helps(s) {
			return // the top is where environments are
		}
		elsewhere = elsewhere || s.envAt > 0
	}
	if !elsewhere {
		return
	}
	for i := range in.sites {
		s := &in.sites[i]
		top := s.segs[0] + "/"
		if helps(s) && !slices.ContainsFunc(in.Apps, func(a App) bool { return strings.HasPrefix(a.File, top) }) {
			s.env, s.envAt, s.pure, s.tool = "", -1, false, true
		}
	}
}

// clusterFiles finds clusters in clusters/<cluster>.yaml, where several such
// files pin or deploy something and no kustomization joins them.
func (in *inference) clusterFiles() {
	byDir := map[string][]int{}
	for i := range in.sites {
		s := &in.sites[i]
		n := len(s.segs)
		if n < 2 || s.envAt >= 0 || s.clusterAt >= 0 || s.tenantAt >= 0 || stem(s.segs[n-1]) == s.segs[n-1] {
			continue
		}
		_, cluster, _ := in.Words.Path(s.segs[n-2] + "/" + stranger + "/")
		if cluster == stranger {
			dir := path.Dir(s.file)
			byDir[dir] = append(byDir[dir], i)
		}
	}
	for dir, of := range byDir {
		if _, joined := slices.BinarySearch(in.Files, dir+"/kustomization.yaml"); joined || len(of) < 2 {
			continue
		}
		for _, i := range of {
			s := &in.sites[i]
			s.clusterAt = len(s.segs) - 1
			s.cluster = stem(s.segs[s.clusterAt])
		}
	}
}

// stranger is a name that no word is known of.
const stranger = "zq7"

// clustersBelow finds clusters in clusters/<environment>/<cluster>, where the
// first name alone would be taken for a cluster's: the names below tell with
// a number that they are several of one kind.
func (in *inference) clustersBelow() {
	type below struct{ numbered, all map[string]bool }
	dirs := map[string]*below{}
	each := func(visit func(s *site, dir, name string)) {
		for i := range in.sites {
			s := &in.sites[i]
			if s.clusterAt >= 0 && s.clusterAt == s.envAt && s.pure && s.clusterAt+2 < len(s.segs) {
				visit(s, strings.Join(s.segs[:s.clusterAt], "/"), s.segs[s.clusterAt+1])
			}
		}
	}
	each(func(s *site, dir, name string) {
		if dirs[dir] == nil {
			dirs[dir] = &below{map[string]bool{}, map[string]bool{}}
		}
		key := s.segs[s.clusterAt] + "/" + name
		dirs[dir].all[key] = true
		if strings.ContainsAny(name, "0123456789") {
			dirs[dir].numbered[key] = true
		}
	})
	each(func(s *site, dir, name string) {
		if b := dirs[dir]; len(b.numbered) == len(b.all) {
			s.clusterAt++
			s.cluster = name
		}
	})
}

// recognise finds the words that say an environment in one place in the paths
// of pins that say none by themselves.
func (in *inference) recognise() {
	words := map[string]string{}
	for env, raw := range in.raws {
		for w := range raw {
			words[w] = env
		}
	}
	pinned := map[string]bool{}
	for _, p := range in.Pins {
		pinned[p.Place.File] = true
	}
	for i := range in.sites {
		s := &in.sites[i]
		if s.envAt >= 0 || s.tool || !pinned[s.file] {
			continue
		}
		found := map[string]int{}
		for i, seg := range s.segs {
			w := seg
			if s.isFile(i) {
				w = stem(seg)
			}
			if env := words[w]; env != "" {
				found[env] = i
			}
		}
		if len(found) == 1 {
			for env, at := range found {
				s.env, s.envAt, s.pure = env, at, true
			}
		}
	}
}
