package reach

import (
	"path"
	"slices"
	"sort"
	"strings"

	"promoter/detectors"
	"promoter/promoter"
)

const (
	noPlace = int32(-1)
	noUnit  = int32(-1)
)

// file is a file of the repository with the links that lead to it.
type file struct {
	path  string
	dir   int32
	from  []edge
	where int32 // its place by its path: an index of places, noPlace, or unasked
}

const unasked = int32(-2)

// dir is a directory.
type dir struct {
	parent        int32 // -1 for the root
	kustomization int32 // its file, -1 for none
	chart         int32 // its Chart.yaml, -1 for none
	from          []tree
}

// edge is a link, seen from what it leads to.
type edge struct {
	file int32 // where it is written
	unit int32 // the unit that it belongs to, or noUnit for a composition
	via  string
}

// tree is a link to a directory that is no kustomization and no chart.
type tree struct {
	edge
	reads reading
}

// reading is which files of a directory belong to what links to it.
type reading uint8

const (
	readsAll       reading = iota // a chart's templates: everything below
	readsManifests                // Argo CD: the manifests in it
	readsBelow                    // Argo CD with directory.recurse: those below too
	readsFlux                     // Flux: everything below, through the kustomizations that are there
)

// unit is something that deploys.
type unit struct {
	name    string
	set     string // the ApplicationSet that generates it
	file    int32
	own     []int32 // where it says it runs
	open    bool    // somewhere it does not say
	flux    bool    // runs where its object is: what deploys it says where, too
	recurse bool
}

type docKey struct {
	file int32
	doc  int
}

type unitKey struct {
	file int32
	name string
}

// kinds of the facts that are units; true for those that run where their
// object is applied.
var kinds = map[string]bool{
	"Application": false, "ApplicationSet": false,
	"Kustomization": true, "HelmRelease": true, "FluxInstance": true, "ResourceSet": true, "HelmfileRelease": true,
}

func (g *Graph) addFiles(paths []string, pins []promoter.Pin, facts []detectors.Fact, links []detectors.Link) {
	all := make(map[string]bool, len(paths)+len(pins))
	for _, p := range paths {
		all[p] = true
	}
	for i := range pins {
		all[pins[i].Place.File] = true
	}
	for i := range facts {
		all[facts[i].Place.File] = true
	}
	for i := range links {
		all[links[i].From.File] = true
	}
	g.files = make([]file, 0, len(all))
	for p := range all {
		g.files = append(g.files, file{path: p, where: unasked})
	}
	slices.SortFunc(g.files, func(a, b file) int { return strings.Compare(a.path, b.path) })
	for i := range g.files {
		f := &g.files[i]
		g.ids[f.path] = int32(i)
		f.dir = g.dir(path.Dir(f.path))
		switch base := path.Base(f.path); {
		case detectors.IsKustomizationFile(f.path):
			g.dirs[f.dir].kustomization = int32(i)
		case base == "Chart.yaml":
			g.dirs[f.dir].chart = int32(i)
		}
	}
}

// dir is the index of a directory; it and those above it are made.
func (g *Graph) dir(p string) int32 {
	if id, ok := g.dirIDs[p]; ok {
		return id
	}
	parent := int32(-1)
	if p != "." && p != "/" {
		parent = g.dir(path.Dir(p))
	}
	id := int32(len(g.dirs))
	g.dirs = append(g.dirs, dir{parent: parent, kustomization: -1, chart: -1})
	g.dirIDs[p] = id
	return id
}

func (g *Graph) place(at Located) int32 {
	id, ok := g.placed[at]
	if !ok {
		id = int32(len(g.places))
		g.places = append(g.places, at)
		g.placed[at] = id
	}
	return id
}

// whereIs is the place of a file by its path.
func (g *Graph) whereIs(id int32) int32 {
	f := &g.files[id]
	if f.where == unasked {
		f.where = noPlace
		if at, ok := g.locate(f.path, "", ""); ok && at.Environment != "" {
			f.where = g.place(at)
		}
	}
	return f.where
}

func (g *Graph) addUnits(facts []detectors.Fact) map[unitKey]int32 {
	ids := map[unitKey]int32{}
	for i := range facts {
		f := &facts[i]
		local, ok := kinds[f.Kind]
		if !ok {
			continue
		}
		file := g.ids[f.Place.File]
		key := unitKey{file, f.Name}
		id, seen := ids[key]
		if !seen {
			id = int32(len(g.units))
			ids[key] = id
			g.units = append(g.units, unit{name: f.Name, set: f.Fields["applicationSet"], file: file, flux: local})
		}
		g.units[id].say(g, f)
		switch {
		case local && f.Kind != "Kustomization":
			g.single[f.Name] = true
		case f.Kind == "Application":
			doc := docKey{file, f.Place.Doc}
			if here := g.byDoc[doc]; !slices.Contains(here, id) {
				g.byDoc[doc] = append(here, id)
				g.named[f.Name] = append(g.named[f.Name], id)
				if set := f.Fields["applicationSet"]; set != "" && set != f.Name {
					g.named[set] = append(g.named[set], id)
				}
			}
		}
	}
	return ids
}

// say adds what one fact says of the unit.
func (u *unit) say(g *Graph, f *detectors.Fact) {
	for key, value := range f.Fields {
		if strings.HasPrefix(key, "recurse") && value != "false" {
			u.recurse = true
		}
	}
	at, ok := g.locate(f.Place.File, f.Name, destination(f))
	if !ok || at.Environment == "" {
		u.open = true
		return
	}
	if id := g.place(at); !slices.Contains(u.own, id) {
		u.own = append(u.own, id)
	}
}

// destination is the cluster that an Application is sent to.
func destination(f *detectors.Fact) string {
	if f.Kind != "Application" {
		return ""
	}
	return detectors.ArgoCluster(f.Fields)
}

// addLink adds the edges of one link.
func (g *Graph) addLink(l *detectors.Link, units map[unitKey]int32, complete bool) {
	from := g.ids[l.From.File]
	e := edge{file: from, unit: noUnit, via: l.Via}
	if l.App != "" {
		if id, ok := units[unitKey{from, l.App}]; ok {
			e.unit = id
		}
	}
	to := path.Clean(l.To)
	if l.To == "" || to == ".." || strings.HasPrefix(to, "../") || strings.HasPrefix(to, "/") {
		g.Dangling = append(g.Dangling, *l)
		return
	}
	if !g.lead(e, to, l.Via) && (complete || g.isDir(to)) {
		g.Dangling = append(g.Dangling, *l)
	}
}

func (g *Graph) isDir(p string) bool { _, ok := g.dirIDs[p]; return ok }

// lead makes an edge lead to a path, and reports whether anything is there.
func (g *Graph) lead(e edge, to, via string) bool {
	if id, ok := g.ids[to]; ok {
		g.files[id].from = append(g.files[id].from, e)
		return true
	}
	id, ok := g.dirIDs[to]
	if !ok {
		return strings.ContainsAny(to, "*?[") && g.leadAll(e, to)
	}
	d := &g.dirs[id]
	reads := readsAll
	switch via {
	case "source.path":
		reads = readsManifests
		if e.unit != noUnit && g.units[e.unit].recurse {
			reads = readsBelow
		}
	case "spec.path", "spec.sync.path":
		reads = readsFlux
	case "chart", "dependencies", "helmCharts", "helmfiles", "spec.chart":
	default: // a list of kustomize
		if d.kustomization < 0 {
			return false
		}
	}
	switch {
	case d.kustomization >= 0 && via != "helmfiles":
		f := &g.files[d.kustomization]
		f.from = append(f.from, e)
	case d.chart >= 0 && reads != readsFlux:
		f := &g.files[d.chart]
		f.from = append(f.from, e)
	default:
		d.from = append(d.from, tree{e, reads})
	}
	return true
}

// leadAll leads an edge to every file that a pattern names.
func (g *Graph) leadAll(e edge, pattern string) bool {
	start := pattern[:strings.IndexAny(pattern, "*?[")]
	found := false
	for i := sort.Search(len(g.files), func(i int) bool { return g.files[i].path >= start }); i < len(g.files); i++ {
		if !strings.HasPrefix(g.files[i].path, start) {
			break
		}
		if ok, err := path.Match(pattern, g.files[i].path); ok && err == nil {
			g.files[i].from = append(g.files[i].from, e)
			found = true
		}
	}
	return found
}
