package flux

import (
	"maps"
	"path"
	"slices"
	"sort"
	"strings"

	"promoter/detectors"
)

// graph says which Kustomizations apply a file, and which namespaces
// kustomizations put its objects into.
type graph struct {
	repo  *detectors.Repository
	dirs  map[string]string   // a directory: its kustomization file
	edges map[string][]string // a kustomization file: what it lists
	ns    map[string]string   // a kustomization file: the namespace it sets
	files map[string]*applied
	units []unit
}

// applied is what is known about a file's objects.
type applied struct {
	namespaces []string // put over what is written; "" for none
	units      []int    // indexes of graph.units, ascending
}

// unit is a Kustomization whose path lies in this repository.
type unit struct {
	fact detectors.Fact
	dir  string
}

func newGraph(repo *detectors.Repository) *graph {
	g := &graph{
		repo: repo, dirs: map[string]string{}, edges: map[string][]string{},
		ns: map[string]string{}, files: map[string]*applied{},
	}
	for _, file := range repo.Paths {
		if detectors.IsKustomizationFile(file) {
			g.dirs[path.Dir(file)] = file
		}
	}
	for _, file := range g.dirs {
		r := repo.Reports[file]
		if r == nil {
			continue
		}
		for _, l := range r.Links {
			if l.Repo == "" && l.Via != "spec.path" {
				g.edges[file] = append(g.edges[file], l.To)
			}
		}
		for _, f := range r.Facts {
			if f.Kind == detectors.KustomizationFact {
				g.ns[file] = f.Namespace
			}
		}
	}
	return g
}

// apply walks from every unit and then from every kustomization that nothing
// includes: those are built by something else than Flux, or by hand.
func (g *graph) apply(units []unit) {
	g.units = units
	for i, u := range units {
		g.walk(u, i)
	}
	included := map[string]bool{}
	for _, targets := range g.edges {
		for _, to := range targets {
			included[to] = true
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(g.dirs)) {
		if file := g.dirs[dir]; !included[dir] && !included[file] && g.files[file] == nil {
			g.kustomization(file, "", -1, map[step]bool{})
		}
	}
}

// step is a kustomization entered with a namespace from outside.
type step struct{ file, namespace string }

// walk follows a unit: into the kustomization at its path, or where there is
// none into everything below, as kustomize-controller would generate one.
func (g *graph) walk(u unit, i int) {
	outer, seen := u.fact.Fields["targetNamespace"], map[step]bool{}
	if file, ok := g.dirs[u.dir]; ok {
		g.kustomization(file, outer, i, seen)
		return
	}
	for _, file := range g.below(u.dir) {
		if base := g.outermost(path.Dir(file), u.dir); base != "" {
			g.kustomization(base, outer, i, seen)
		} else if ext := path.Ext(file); ext == ".yaml" || ext == ".yml" {
			g.note(file, outer, i)
		}
	}
}

// below lists the files below a directory.
func (g *graph) below(dir string) []string {
	if dir == "." {
		return g.repo.Paths
	}
	from := sort.SearchStrings(g.repo.Paths, dir+"/")
	to := from
	for to < len(g.repo.Paths) && strings.HasPrefix(g.repo.Paths[to], dir+"/") {
		to++
	}
	return g.repo.Paths[from:to]
}

// outermost is the first kustomization on the way from top down to dir.
func (g *graph) outermost(dir, top string) string {
	found := ""
	for dir != top && dir != "." && dir != "/" {
		if file, ok := g.dirs[dir]; ok {
			found = file
		}
		dir = path.Dir(dir)
	}
	return found
}

func (g *graph) kustomization(file, outer string, i int, seen map[step]bool) {
	if seen[step{file, outer}] {
		return
	}
	seen[step{file, outer}] = true
	g.note(file, outer, i)
	if outer == "" { // the outermost kustomization has the last word
		outer = g.ns[file]
	}
	for _, to := range g.edges[file] {
		switch inner, ok := g.dirs[to]; {
		case ok:
			g.kustomization(inner, outer, i, seen)
		case detectors.IsKustomizationFile(to):
			g.kustomization(to, outer, i, seen)
		default:
			g.note(to, outer, i)
		}
	}
}

func (g *graph) note(file, namespace string, i int) {
	a := g.files[file]
	if a == nil {
		a = &applied{}
		g.files[file] = a
	}
	if !slices.Contains(a.namespaces, namespace) {
		a.namespaces = append(a.namespaces, namespace)
	}
	if i >= 0 && (len(a.units) == 0 || a.units[len(a.units)-1] != i) {
		a.units = append(a.units, i)
	}
}

// namespaces are those that an object written in a file may end up in; ""
// among them means that nothing says.
func (g *graph) namespaces(file, written string) []string {
	a := g.files[file]
	if a == nil {
		return []string{written}
	}
	var all []string
	for _, ns := range a.namespaces {
		if ns == "" {
			ns = written
		}
		if !slices.Contains(all, ns) {
			all = append(all, ns)
		}
	}
	return all
}

// together reports whether some Kustomization applies both files.
func (g *graph) together(a, b string) bool {
	x, y := g.files[a], g.files[b]
	if x == nil || y == nil {
		return false
	}
	for _, i := range x.units {
		if _, ok := slices.BinarySearch(y.units, i); ok {
			return true
		}
	}
	return false
}
