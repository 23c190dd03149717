package sim

import (
	"fmt"
	"slices"
	"time"

	"promoter/promoter"
)

// Tale is what became of a story.
type Tale struct {
	Seed      uint64
	Violation *Violation
	Text      []string // of a story that broke a law: what happened, in the end its shrunk form
	Injected  map[string]int
	Acted     map[string]int
	Looks     int
	Span      time.Duration // virtual
	Kept      int           // steps that the violation needs
	Steps     int
	end       string
}

// build makes the world of a story.
func (s *story) build() *world {
	w := &world{
		cfg: s.cfg, start: monday, now: monday, repo: newRepo(), forge: &forge{statuses: map[string][]statusOf{}},
		slotOf: map[promoter.Reached]*slot{}, offered: map[promoter.Artifact][]promoter.Release{}, tainted: map[string]bool{},
		injected: map[string]int{}, acted: map[string]int{}, places: map[string]promoter.Place{}, catalogs: map[promoter.Artifact]*promoter.Catalog{},
		once: map[string]int{}, retagged: map[string]int{}, verdicts: map[string]time.Time{}, seenFor: map[string][]string{}, shuffled: s.seed, serves: s.seed%2 == 1,
	}
	var envs []string
	for _, g := range s.envs {
		envs = append(envs, g.at.Environment)
	}
	w.policy = s.cfg.Policy(slices.Compact(slices.Sorted(slices.Values(envs))))
	bits := s.shape
	draw := func(n uint64) uint64 { x := bits % n; bits /= n; return x }
	w.deletesMerged, w.queue, w.silent, w.parted = draw(2) == 0, draw(12) == 0, draw(15) == 0, draw(3) == 0
	apps := []promoter.Artifact{
		{Kind: promoter.Chart, Name: "redis", Source: "https://charts.example.com"},
		{Kind: promoter.Image, Name: "web", Source: "registry.example.com"},
		{Kind: promoter.Chart, Name: "db", Source: "https://charts.example.com"},
	}
	many := 1 + int(draw(3))
	together := draw(6) == 0 // all applications of an environment in one file
	digests := digestForm(max(0, int(draw(4))-1))
	sharing, overlaid := int(draw(2)), draw(3) > 0
	for n, a := range apps[:many] {
		w.offered[a] = []promoter.Release{w.published(a, "1.0.0", monday.Add(-2000*time.Hour))}
		if n > 0 && draw(5) == 0 {
			w.offered[a] = append(w.offered[a], w.published(a, "1.1.0", monday.Add(-1000*time.Hour)))
		}
		shared := s.shared && n == min(sharing, many-1) && len(s.envs) > 2
		for i, g := range s.envs {
			if i > 0 && i < len(s.envs)-1 && draw(8) == 0 {
				continue // it does not stand everywhere
			}
			w.slot(a, g, shared && i >= len(s.envs)-2, together)
		}
		if overlaid {
			w.overlay(a, draw(2) == 0)
		}
	}
	for _, s := range w.slots {
		if s.artifact.Kind == promoter.Image && s.over == nil && !slices.ContainsFunc(w.slots, func(o *slot) bool { return o.over == s }) {
			s.digest = digests
		}
	}
	w.settleSlots()
	w.found("1.0.0")
	return w
}

// slot adds what an application has in an environment; one that is shared is in
// a file that several of them read.
func (w *world) slot(a promoter.Artifact, g ground, shared, together bool) {
	name := a.Name
	at := g.at
	at.App = name
	at.Wave = w.waveOfPlace(g)
	w.apps = append(w.apps, promoter.Reached{Environment: at.Environment, Tenant: at.Tenant, Cluster: at.Cluster, App: name})
	file := name
	if together {
		file = "all"
	}
	path := replaced(g.file, file)
	if shared {
		path = "base/" + name + ".yaml"
		for _, o := range w.slots {
			if o.file == path && o.artifact == a {
				o.reaches = append(o.reaches, at)
				return
			}
		}
	}
	w.slots = append(w.slots, &slot{file: path, path: "spec." + name + ".version", artifact: a, app: name, at: at, reaches: []promoter.Reached{at}})
}

// overlay gives the places that a shared file reaches before its last wave, and
// of that wave where they have such things at all, a file in which they can say
// otherwise.
func (w *world) overlay(a promoter.Artifact, own bool) {
	for _, s := range w.slots {
		if s.artifact != a || len(s.reaches) < 2 {
			continue
		}
		last := 0
		for _, r := range s.reaches {
			last = max(last, r.Wave)
		}
		for _, r := range s.reaches {
			if r.Wave < 0 || r.Wave >= last && !own {
				continue
			}
			o := &slot{file: "over/" + named(r) + "/values.yaml", path: s.path, artifact: a, app: s.app, at: r, reaches: []promoter.Reached{r}, over: s, insert: promoter.Insert{Field: s.path}}
			if a.Kind == promoter.Image {
				o.file, o.path, o.insert = "over/"+named(r)+"/kustomization.yaml", imagePath, promoter.Insert{}
			}
			w.slots = append(w.slots, o)
		}
	}
}

// settleSlots fills what follows from all places.
func (w *world) settleSlots() {
	for _, s := range w.slots {
		s.wave = s.at.Wave
		for _, r := range s.reaches {
			s.wave = max(s.wave, r.Wave)
			r.Wave = 0
			w.slotOf[r] = s
		}
		pins := []promoter.Pin{{Artifact: s.artifact, Version: "1.0.0", Place: promoter.Place{File: s.file}, App: s.app, Environment: s.at.Environment, Tenant: s.at.Tenant, Cluster: s.at.Cluster}}
		w.cfg.Place(pins)
		s.class, s.group, s.rank = w.cfg.Classify(pins[0])
		wanted, _ := w.cfg.Wanted(pins[0])
		s.security = wanted.Security
		if !s.security {
			s.age = wanted.MinAge
		}
	}
}

// run lives a story through. Steps that are dropped do not happen.
func (s *story) run(steps []step, telling bool) (*Tale, *world) {
	w := s.build()
	w.telling, w.calm = telling, s.calm
	for _, x := range steps {
		if x.kind == "harm" {
			w.harm(x)
		}
	}
	next, poll := 0, time.Duration(0)
	for w.broken == nil && (next < len(steps) || w.now.Before(w.start.Add(s.span))) {
		for next < len(steps) && steps[next].at <= w.now.Sub(w.start) {
			if steps[next].kind != "harm" {
				w.happen(steps[next])
			}
			next++
		}
		w.turn()
		poll = 30 * time.Minute
		to := w.now.Add(poll)
		if next < len(steps) {
			to = earlier(to, w.start.Add(steps[next].at))
		}
		w.now = earlier(to, w.soon())
	}
	w.tail()
	t := &Tale{Seed: s.seed, Violation: w.broken, Text: w.told, Injected: w.injected, Acted: w.acted, Looks: w.looks, Span: w.now.Sub(w.start), Steps: len(steps)}
	t.end = w.end()
	return t, w
}

// turn lets what is due happen, and then a process look.
func (w *world) turn() {
	for len(w.delayed) > 0 && !w.delayed[0].at.After(w.now) && w.broken == nil {
		d := w.delayed[0]
		w.delayed = w.delayed[1:]
		w.tell("   late:")
		p := w.process()
		for _, a := range d.actions {
			p.do(a)
		}
	}
	for len(w.plans) > 0 && !w.plans[0].at.After(w.now) && w.broken == nil {
		d := w.plans[0]
		w.plans = w.plans[1:]
		w.carryOut(d)
	}
	for len(w.stales) > 0 && !w.stales[0].at.After(w.now) {
		w.pending = append(w.pending, w.stales[0].s)
		w.stales = w.stales[1:]
	}
	if w.broken == nil && !w.tick() && w.broken == nil {
		w.again_ = w.now.Add(time.Minute) // the process is started again
	}
}

// soon is when something is due that is no step.
func (w *world) soon() time.Time {
	out := w.now.Add(time.Hour)
	for _, at := range []time.Time{w.last.Wake, w.again_} {
		if at.After(w.now) {
			out = earlier(out, at)
		}
	}
	for _, d := range w.delayed {
		out = earlier(out, d.at)
	}
	for _, x := range w.stales {
		out = earlier(out, x.at)
	}
	for _, x := range w.plans {
		out = earlier(out, x.at)
	}
	if !out.After(w.now) {
		out = w.now.Add(time.Second)
	}
	return out
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// harm makes a version bad.
func (w *world) harm(x step) {
	list := w.artifacts()
	a := list[x.pick%uint64(len(list))]
	b := badness{artifact: a, version: fmt.Sprintf("1.%d.0", 1+x.pick/8%2)}
	b.after = []time.Duration{0, 0, 2 * time.Minute, 40 * time.Minute}[x.pick/16%4]
	if x.pick/64%2 == 0 {
		b.env = w.apps[x.pick/128%uint64(len(w.apps))].Environment
	}
	if x.pick/1024%2 == 0 && !w.calm { // one that is not known for a while is a pull of its own
		var places []string
		for _, r := range w.apps {
			if r.App == a.Name {
				places = append(places, named(r))
			}
		}
		b.env, b.only = "", places[x.pick/8192%uint64(len(places))]
	}
	if w.calm {
		b.after = 0 // what harm is done before it is proven must not depend on when it is looked at
	}
	b.silent = len(w.policy.Gates) > 0 && x.pick/4096%2 == 0
	w.bad = append(w.bad, b)
	w.injected[fmt.Sprintf("harm (silent %v)", b.silent)]++
	w.tell("** %s %s does harm in %q after %s (silent: %v)", a.Name, b.version, b.env+b.only, b.after, b.silent)
}

func sum(into, from map[string]int) {
	for k, n := range from {
		into[k] += n
	}
}
