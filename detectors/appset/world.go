package appset

import (
	"context"
	"encoding/base64"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/argoproj/argo-cd/v2/applicationset/utils"

	"promoter/detectors"
	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// world is what ApplicationSets may look at: this repository, read only.
type world struct {
	repo  *detectors.Repository
	own   func(url string) bool
	known bool                  // whether it is known which repository this is
	files map[string]cachedFile // by path
	dirs  []string              // every directory, made when first asked for
	keys  []string              // files that hold cluster Secrets
	all   []clusterSecret       // as the repository declares them
	// open is set when the repository names clusters that it has no Secret
	// for: then there are more than it declares.
	open bool
}

type cachedFile struct {
	data []byte
	err  error
}

func newWorld(repo *detectors.Repository, own func(url string) bool, known bool) *world {
	w := &world{repo: repo, own: own, known: known, files: map[string]cachedFile{}}
	for _, p := range repo.Paths {
		if r := repo.Reports[p]; r != nil && slices.ContainsFunc(r.Facts, isClusterFact) {
			w.keys = append(w.keys, p)
		}
	}
	e := &evaluation{world: w, read: map[string]bool{}}
	w.all = e.secrets()
	w.open = len(w.all) == 0 || w.namesOthers()
	return w
}

// namesOthers reports whether an Application goes to a cluster without Secret.
func (w *world) namesOthers() bool {
	for _, r := range w.repo.Reports {
		for _, f := range r.Facts {
			if f.Kind != "Application" {
				continue
			}
			if c := detectors.ArgoCluster(f.Fields); c != "" && !w.declares("name", c) && !w.declares("server", c) {
				return true
			}
		}
	}
	return false
}

// declares reports whether a Secret, or Argo CD itself, declares a cluster of
// which a generator's parameter has a value. Of other parameters than names it
// cannot be told, and they count as declared.
func (w *world) declares(key, value string) bool {
	local := clusterSecret{name: "in-cluster", server: "https://kubernetes.default.svc"}
	for _, s := range append(w.all, local) {
		known := map[string]string{"name": s.name, "nameNormalized": utils.SanitizeName(s.name), "server": s.server}
		if have, ok := known[key]; !ok || have == value {
			return true
		}
	}
	return false
}

func (w *world) read(p string) ([]byte, error) {
	f, ok := w.files[p]
	if !ok {
		f.data, f.err = w.repo.Read(p)
		w.files[p] = f
	}
	return f.data, f.err
}

// read returns a file as this evaluation sees it.
func (e *evaluation) file(p string) ([]byte, error) {
	if data, ok := e.overlay[p]; ok {
		return data, nil
	}
	return e.world.read(p)
}

// gitFiles answers Argo CD's Git generator from the checkout.
type gitFiles struct{ eval *evaluation }

// check refuses another repository, and another revision than a branch: what
// lies in the checkout would not be what Argo CD reads.
func (g gitFiles) check(url, revision string) error {
	w := g.eval.world
	switch {
	case strings.Contains(url, "{{") || unknownMarks.MatchString(url):
		return fmt.Errorf("evaluate: the git generator's repoURL is not known")
	case !w.known:
		return fmt.Errorf("evaluate: it is not known whether %s is this repository", url)
	case !w.own(url):
		return fmt.Errorf("evaluate: the git generator reads another repository, %s", url)
	}
	if form, _ := detectors.ArgoGitForm(revision); form != promoter.Floating && form != promoter.Missing {
		return fmt.Errorf("evaluate: the git generator reads the fixed revision %s", revision)
	}
	return nil
}

// GetFiles lists files by a pattern as "git ls-files" does, which is Argo CD's
// default: a name without wildcards is a file or a directory, and "*" matches
// slashes too.
func (g gitFiles) GetFiles(_ context.Context, url, revision, pattern string, _, _ bool) (map[string][]byte, error) {
	if err := g.check(url, revision); err != nil {
		return nil, err
	}
	match, err := pathspec(pattern)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, p := range g.eval.world.repo.Paths {
		if !match(p) {
			continue
		}
		data, err := g.eval.file(p)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", p, err)
		}
		files[p] = data
		g.eval.read[p] = true
		if len(files) > maxParameters {
			return nil, fmt.Errorf("evaluate: the pattern %q matches more than %d files", pattern, maxParameters)
		}
	}
	return files, nil
}

// GetDirectories lists every directory that is not hidden.
func (g gitFiles) GetDirectories(_ context.Context, url, revision string, _, _ bool) ([]string, error) {
	if err := g.check(url, revision); err != nil {
		return nil, err
	}
	return g.eval.world.directories(), nil
}

func (w *world) directories() []string {
	if w.dirs != nil {
		return w.dirs
	}
	seen := map[string]bool{}
	w.dirs = []string{}
	for _, p := range w.repo.Paths {
		for dir := path.Dir(p); dir != "." && !seen[dir]; dir = path.Dir(dir) {
			seen[dir] = true
			if !strings.HasPrefix(dir, ".") && !strings.Contains(dir, "/.") {
				w.dirs = append(w.dirs, dir)
			}
		}
	}
	slices.Sort(w.dirs)
	return w.dirs
}

// pathspec compiles a Git pathspec without magic.
func pathspec(pattern string) (func(string) bool, error) {
	pattern = strings.TrimPrefix(path.Clean("/"+pattern), "/")
	if !strings.ContainsAny(pattern, "*?[") {
		return func(p string) bool { return p == pattern || pattern == "" || strings.HasPrefix(p, pattern+"/") }, nil
	}
	var re strings.Builder
	re.WriteString("^")
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; c {
		case '*':
			for i+1 < len(pattern) && pattern[i+1] == '*' {
				i++
			}
			re.WriteString(".*")
		case '?':
			re.WriteString(".")
		case '[':
			end := strings.IndexByte(pattern[i:], ']')
			if end < 0 {
				return nil, fmt.Errorf("read pattern %q: a bracket is not closed", pattern)
			}
			class := strings.Replace(pattern[i:i+end+1], "[!", "[^", 1)
			re.WriteString(class)
			i += end
		case '\\':
			if i+1 < len(pattern) {
				i++
			}
			re.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		default:
			re.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	re.WriteString("$")
	compiled, err := regexp.Compile("(?s)" + re.String())
	if err != nil {
		return nil, fmt.Errorf("read pattern %q: %w", pattern, err)
	}
	return compiled.MatchString, nil
}

// clusterSecret is a cluster that Argo CD knows, as its Secret declares it.
type clusterSecret struct {
	name, server, project string
	labels, annotations   map[string]string
}

// clusterKind is the Fact of a cluster's Secret.
const clusterKind = "ClusterSecret"

func isClusterFact(f detectors.Fact) bool { return f.Kind == clusterKind }

// isClusterSecret recognizes the Secret that registers a cluster.
func isClusterSecret(c detectors.Cursor) bool {
	return c.Str("apiVersion") == "v1" && c.Str("kind") == "Secret" &&
		c.Str("metadata", "labels", "argocd.argoproj.io/secret-type") == "cluster"
}

// secrets reads the clusters whose Secrets are in the repository.
func (e *evaluation) secrets() []clusterSecret {
	if len(e.world.keys) == 0 {
		return nil
	}
	var all []clusterSecret
	for _, p := range e.world.keys {
		data, err := e.file(p)
		if err != nil {
			continue
		}
		docs, _ := yamltree.Parse(data)
		for _, d := range docs {
			c := detectors.At(&detectors.File{Path: p, Data: data}, &detectors.Doc{Document: d})
			if isClusterSecret(c) {
				all = append(all, readSecret(c))
				e.read[p] = true
			}
		}
	}
	return all
}

func readSecret(c detectors.Cursor) clusterSecret {
	value := func(key string) string {
		if s := c.Str("stringData", key); s != "" {
			return s
		}
		text, err := base64.StdEncoding.DecodeString(c.Str("data", key))
		if err != nil {
			return ""
		}
		return string(text)
	}
	pairs := func(key string) map[string]string {
		m := map[string]string{}
		c.Get("metadata", key).Node.Pairs(func(k, v *yamltree.Node) {
			if v = v.Resolve(); v != nil && v.Kind == yamltree.Scalar {
				m[k.Value] = v.Value
			}
		})
		return m
	}
	return clusterSecret{
		name: value("name"), server: value("server"), project: value("project"),
		labels: pairs("labels"), annotations: pairs("annotations"),
	}
}
