// Package reach says whom an edit of a file reaches: which applications, and
// with them which environments, tenants and clusters.
//
// It climbs the reference graph that the detectors found. From a file it goes
// to the kustomizations, charts and helmfiles that are composed of it, and to
// the Applications, Flux Kustomizations and releases that deploy those. What
// it passes says where it belongs: an overlay by its path, an Application by
// its destination.
//
// It refuses to guess. Evidence adds up and none outvotes another: a file
// reaches every environment that any way leads to. A way that ends at a unit
// whose environment nobody can tell gives a Unit without an environment, and
// where there is no way at all the answer is the pin's own environment or
// empty. Empty is "not known": never "nothing", never "everything".
package reach

import (
	"cmp"
	"slices"
	"strings"

	"promoter/detectors"
	"promoter/promoter"
)

// Located is where a file, an application or a cluster belongs.
type Located struct{ Environment, Tenant, Cluster string }

// Locate says where a file belongs, or the application written in it, or the
// cluster that an application is sent to; any of them may be empty. ok is
// false when nothing says so. It must answer the same each time.
type Locate func(file, app, cluster string) (at Located, ok bool)

// Unit is one application in one environment that an edit reaches.
type Unit struct {
	// App is the Application, Flux Kustomization or release that is nearest
	// to the edit; empty where only an overlay says where it goes.
	App string
	// Environment is empty when the unit is reached and nobody can tell
	// where it runs.
	Environment, Tenant, Cluster string
	// Via is the last link on the way, as people are shown it:
	// "resources in apps/web/overlays/prod/kustomization.yaml".
	Via string
}

// Graph is a repository's reference graph. It is one goroutine's: it
// remembers what it has been asked.
type Graph struct {
	// Dangling are the links within the repository that lead to nothing: out
	// of it, to a path that is not there, to a directory that kustomize
	// cannot build. They reach nobody.
	Dangling []detectors.Link

	locate Locate
	files  []file
	ids    map[string]int32
	dirs   []dir
	dirIDs map[string]int32
	units  []unit
	byDoc  map[docKey][]int32 // Argo CD's units by where they are written
	named  map[string][]int32 // the same by name, and by their ApplicationSet's
	single map[string]bool    // names of units that deploy what is written in them: releases
	places []Located
	placed map[Located]int32

	above map[aboveKey][]place
	known map[startKey][]Unit
}

// Build makes the graph of what a scan found. paths are all the repository's
// files; without them a link is dangling only where it leaves the repository.
func Build(paths []string, pins []promoter.Pin, facts []detectors.Fact, links []detectors.Link, locate Locate) *Graph {
	g := &Graph{
		locate: locate, ids: map[string]int32{}, dirIDs: map[string]int32{},
		byDoc: map[docKey][]int32{}, named: map[string][]int32{}, single: map[string]bool{},
		placed: map[Located]int32{}, above: map[aboveKey][]place{}, known: map[startKey][]Unit{},
	}
	g.addFiles(paths, pins, facts, links)
	units := g.addUnits(facts)
	for i := range links {
		if links[i].Repo == "" {
			g.addLink(&links[i], units, len(paths) > 0)
		}
	}
	return g
}

// Of returns the units that an edit of the pin's scalar reaches, sorted by
// environment, tenant, cluster and name. Empty: not known.
func (g *Graph) Of(p promoter.Pin) []Unit {
	own := noPlace
	if p.Environment != "" {
		own = g.place(Located{p.Environment, p.Tenant, p.Cluster})
	}
	key := startKey{p.Place.File, p.App, p.Place.Doc, own}
	found, ok := g.known[key]
	if !ok {
		found = g.climb(p, own)
		g.known[key] = found
	}
	return slices.Clone(found)
}

type startKey struct {
	file, app string
	doc       int
	own       int32
}

// climb answers Of for one kind of start.
func (g *Graph) climb(p promoter.Pin, own int32) []Unit {
	c := climber{g: g, units: map[Unit]string{}, seen: map[step]bool{}}
	id, ok := g.ids[p.Place.File]
	if at, found := g.locate(p.Place.File, "", ""); own == noPlace && found {
		own = g.place(at)
	}
	if own != noPlace {
		c.emit(p.App, own, "where it is written")
	}
	units := g.unitsOf(p)
	switch {
	case !ok:
	case len(units) > 0 && g.units[units[0]].file == id:
		for _, u := range units {
			c.written(u, own)
		}
	default:
		for _, u := range units {
			c.enter(u, own, "values in "+p.Place.File)
		}
		c.compose(id, own)
	}
	label := p.App
	if !g.single[label] {
		label = ""
	}
	return c.result(label, p.App)
}

// unitsOf are Argo CD's units that a pin belongs to: those written where it
// stands, or those that read their version there.
func (g *Graph) unitsOf(p promoter.Pin) []int32 {
	if id, ok := g.ids[p.Place.File]; ok {
		if here := g.byDoc[docKey{id, p.Place.Doc}]; len(here) > 0 {
			var named []int32
			for _, u := range here {
				if p.App != "" && (g.units[u].name == p.App || g.units[u].set == p.App) {
					named = append(named, u)
				}
			}
			if len(named) == 0 {
				return here
			}
			return named
		}
	}
	if p.App == "" {
		return nil
	}
	return g.named[p.App]
}

// result joins what was found. label is the name of the unit that the pin
// itself is part of: it is nearest in every way. Where no unit is on a way,
// app is what the pin's file calls itself.
func (c *climber) result(label, app string) []Unit {
	joined := make(map[Unit]string, len(c.units))
	for u, via := range c.units {
		if label != "" {
			u.App = label
		}
		if old, ok := joined[u]; !ok || via < old {
			joined[u] = via
		}
	}
	out := make([]Unit, 0, len(joined))
	for u, via := range joined {
		if u.App == "" && c.covered(u, joined) {
			continue
		}
		if u.App == "" {
			u.App = app
		}
		u.Via = via
		out = append(out, u)
	}
	slices.SortFunc(out, func(a, b Unit) int {
		return cmp.Or(strings.Compare(a.Environment, b.Environment), strings.Compare(a.Tenant, b.Tenant),
			strings.Compare(a.Cluster, b.Cluster), strings.Compare(a.App, b.App), strings.Compare(a.Via, b.Via))
	})
	return slices.CompactFunc(out, func(a, b Unit) bool { a.Via, b.Via = "", ""; return a == b })
}

// covered reports whether an application is known where an overlay says only
// the place.
func (c *climber) covered(bare Unit, all map[Unit]string) bool {
	for u := range all {
		if u.App != "" && u.Environment == bare.Environment &&
			(bare.Tenant == "" || u.Tenant == bare.Tenant) && (bare.Cluster == "" || u.Cluster == bare.Cluster) {
			return true
		}
	}
	return false
}
