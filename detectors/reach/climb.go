package reach

import (
	"path"
	"slices"
)

// step is a file on the way up, with the place that the way has shown last:
// noPlace while it has shown none.
type step struct {
	file  int32
	place int32
}

// climber goes up from one start and collects units.
type climber struct {
	g     *Graph
	units map[Unit]string
	seen  map[step]bool
	queue []step
}

func (c *climber) emit(app string, place int32, via string) {
	u := Unit{App: app}
	if place != noPlace {
		at := c.g.places[place]
		u.Environment, u.Tenant, u.Cluster = at.Environment, at.Tenant, at.Cluster
	}
	if old, ok := c.units[u]; !ok || via < old {
		c.units[u] = via
	}
}

// compose goes up from a file through everything that is composed of it, to
// the units that deploy it.
func (c *climber) compose(start, place int32) {
	c.push(step{start, place})
	for len(c.queue) > 0 {
		s := c.queue[len(c.queue)-1]
		c.queue = c.queue[:len(c.queue)-1]
		c.g.into(s.file, func(e edge) {
			via := e.via + " in " + c.g.files[e.file].path
			if e.unit != noUnit {
				c.enter(e.unit, s.place, via)
				return
			}
			next := step{e.file, s.place}
			if at := c.g.whereIs(e.file); at != noPlace {
				next.place = at
				c.emit("", at, via)
			}
			c.push(next)
		})
	}
}

func (c *climber) push(s step) {
	if !c.seen[s] {
		c.seen[s] = true
		c.queue = append(c.queue, s)
	}
}

// enter arrives at a unit that deploys what was climbed from.
//
// What runs where its own object is applied (Flux) is also where that object
// goes. An Argo CD Application has a destination; where neither it nor the way
// up to it says which, the place of its object is the next best evidence.
func (c *climber) enter(id, place int32, via string) {
	u := &c.g.units[id]
	for _, own := range u.own {
		c.emit(u.name, own, via)
	}
	if u.open && place != noPlace {
		c.emit(u.name, place, via)
	}
	sure := place != noPlace || len(u.own) > 0 && !u.open
	if sure && !u.flux {
		return
	}
	above := c.g.aboveOf(u.file, sure)
	for _, at := range above {
		c.emit(u.name, at.id, at.via)
	}
	if !sure && len(above) == 0 {
		c.emit(u.name, noPlace, via)
	}
}

// written starts at a unit of Argo CD whose own text is edited: it goes to
// its destination, and an overlay that includes the text may change that.
func (c *climber) written(id, own int32) {
	u := &c.g.units[id]
	name := c.g.files[u.file].path
	for _, at := range u.own {
		c.emit(u.name, at, "written in "+name)
	}
	sure := len(u.own) > 0 && !u.open
	if !sure && own != noPlace {
		c.emit(u.name, own, "written in "+name)
		sure = true
	}
	above := c.g.composedIn(u.file)
	if !sure {
		above = c.g.aboveOf(u.file, false)
	}
	for _, at := range above {
		c.emit(u.name, at.id, at.via)
	}
	if !sure && len(above) == 0 {
		c.emit(u.name, noPlace, "written in "+name)
	}
}

// place is where something goes, and the link that says so.
type place struct {
	id  int32
	via string
}

type aboveKey struct {
	file int32
	sure bool // the way up to it has shown a place
	only bool // compositions only
}

// aboveOf are the places that a file's object goes to: those of what is
// composed of it and of what deploys that.
func (g *Graph) aboveOf(start int32, sure bool) []place {
	return g.search(aboveKey{file: start, sure: sure})
}

// composedIn are the places of the overlays that a file is part of.
func (g *Graph) composedIn(start int32) []place { return g.search(aboveKey{file: start, only: true}) }

func (g *Graph) search(key aboveKey) []place {
	if found, ok := g.above[key]; ok {
		return found
	}
	type at struct {
		file int32
		sure bool
	}
	found := map[int32]string{}
	add := func(id int32, via string) {
		if old, ok := found[id]; !ok || via < old {
			found[id] = via
		}
	}
	queue, seen := []at{{key.file, key.sure}}, map[at]bool{}
	push := func(n at) {
		if !seen[n] {
			seen[n] = true
			queue = append(queue, n)
		}
	}
	if where := g.whereIs(key.file); where != noPlace && !key.only {
		add(where, "written in "+g.files[key.file].path)
		queue[0].sure = true
	}
	seen[queue[0]] = true
	for len(queue) > 0 {
		n := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		g.into(n.file, func(e edge) {
			via := e.via + " in " + g.files[e.file].path
			if e.unit == noUnit {
				next := at{e.file, n.sure}
				if where := g.whereIs(e.file); where != noPlace {
					add(where, via)
					next.sure = true
				}
				push(next)
				return
			}
			if key.only {
				return
			}
			u := &g.units[e.unit]
			for _, own := range u.own {
				add(own, via)
			}
			sure := n.sure || len(u.own) > 0 && !u.open
			if u.flux || !sure {
				push(at{u.file, sure})
			}
		})
	}
	out := make([]place, 0, len(found))
	for id, via := range found {
		out = append(out, place{id, via})
	}
	slices.SortFunc(out, func(a, b place) int { return int(a.id - b.id) })
	g.above[key] = out
	return out
}

// into calls visit for every edge that leads to a file: those to the file
// itself, and those to a directory above it that it belongs to.
func (g *Graph) into(id int32, visit func(edge)) {
	f := &g.files[id]
	for _, e := range f.from {
		visit(e)
	}
	var (
		manifest  = isManifest(f.path)
		direct    = true      // no directory in between
		plain     = true      // no kustomization and no chart in between
		outermost = int32(-1) // the kustomization in between that Flux would find first
	)
	for d := f.dir; d >= 0; d = g.dirs[d].parent {
		at := &g.dirs[d]
		for _, t := range at.from {
			belongs := false
			switch t.reads {
			case readsAll:
				belongs = true
			case readsManifests:
				belongs = direct && manifest
			case readsBelow:
				belongs = plain && manifest
			case readsFlux:
				belongs = outermost == id || outermost < 0 && manifest
			}
			if belongs {
				visit(t.edge)
			}
		}
		direct = false
		if at.kustomization >= 0 {
			outermost = at.kustomization
		}
		if at.kustomization >= 0 || at.chart >= 0 {
			plain = false
		}
	}
}

// isManifest reports whether a file can hold objects that are applied as they
// are.
func isManifest(file string) bool {
	switch path.Ext(file) {
	case ".yaml", ".yml", ".json", "":
		return true
	}
	return false
}
