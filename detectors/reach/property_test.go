package reach

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"promoter/detectors"
	"promoter/promoter"
)

// random is a repository of overlays, charts and units, with links that may
// lead anywhere, themselves included.
func random(rnd *rand.Rand) repo {
	var r repo
	dirs := []string{"."}
	for i := range 4 + rnd.IntN(6) {
		parent := dirs[rnd.IntN(len(dirs))]
		name := []string{"dev", "prod", "stage", fmt.Sprintf("d%d", i), fmt.Sprintf("e%d", i)}[rnd.IntN(5)]
		if parent != "." {
			name = parent + "/" + name
		}
		dirs = append(dirs, name)
	}
	for _, d := range dirs[1:] {
		for _, base := range []string{"kustomization.yaml", "Chart.yaml", "a.yaml", "b.json", "notes.txt"} {
			if rnd.IntN(2) == 0 {
				r.paths = append(r.paths, d+"/"+base)
			}
		}
	}
	if len(r.paths) == 0 {
		r.paths = []string{"a.yaml"}
	}
	slices.Sort(r.paths)
	r.paths = slices.Compact(r.paths)
	kinds := []string{"Application", "Kustomization", "HelmRelease", "HelmfileRelease"}
	for i := range rnd.IntN(6) {
		f := detectors.Fact{
			Kind: kinds[rnd.IntN(len(kinds))], Name: fmt.Sprintf("u%d", i), Fields: map[string]string{},
			Place: promoter.Place{File: r.paths[rnd.IntN(len(r.paths))], Doc: rnd.IntN(2)},
		}
		if rnd.IntN(2) == 0 {
			f.Fields["destination.name"] = []string{"dev-1", "prod-1", "lab", "in-cluster"}[rnd.IntN(4)]
		}
		if rnd.IntN(3) == 0 {
			f.Fields["recurse"] = "true"
		}
		r.facts = append(r.facts, f)
	}
	for range rnd.IntN(20) {
		r.links = append(r.links, r.link(rnd, dirs))
	}
	return r
}

func (r repo) link(rnd *rand.Rand, dirs []string) detectors.Link {
	vias := []string{"resources", "components", "source.path", "spec.path", "chart", "valueFiles", "helmfiles"}
	l := detectors.Link{Via: vias[rnd.IntN(len(vias))], From: promoter.Place{File: r.paths[rnd.IntN(len(r.paths))]}}
	if len(r.facts) > 0 && rnd.IntN(2) == 0 {
		f := r.facts[rnd.IntN(len(r.facts))]
		l.App, l.From = f.Name, f.Place
	}
	switch rnd.IntN(5) {
	case 0, 1:
		l.To = r.paths[rnd.IntN(len(r.paths))]
	case 2, 3:
		l.To = dirs[rnd.IntN(len(dirs))]
	default:
		l.To = []string{"", "gone", "../x", "dev/*", "*/a.yaml"}[rnd.IntN(5)]
	}
	return l
}

// Another edge never takes an environment away, and never makes what is
// reached unreached.
func TestAnotherEdgeNeverShrinksAReach(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3000) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		r := random(rnd)
		wider := r
		wider.links = append(slices.Clone(r.links), r.link(rnd, dirsOf(r.paths)))
		before, after := r.build(), wider.build()
		for _, file := range r.paths {
			p := promoter.Pin{Place: promoter.Place{File: file, Doc: rnd.IntN(2)}}
			if len(r.facts) > 0 && rnd.IntN(2) == 0 {
				p.App = r.facts[rnd.IntN(len(r.facts))].Name
			}
			old, now := places(before.Of(p)), places(after.Of(p))
			for at := range old {
				if !now[at] {
					t.Fatalf("seed %d: %s reached %v, and not with the link %+v\n before %+v\n after %+v", seed, file, at, wider.links[len(wider.links)-1], before.Of(p), after.Of(p))
				}
			}
			if len(before.Of(p)) > 0 && len(after.Of(p)) == 0 {
				t.Fatalf("seed %d: %s reached somebody, and with another link nobody", seed, file)
			}
		}
	}
}

// The answer does not depend on the order in which anything is listed, nor on
// what was asked before.
func TestTheOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	for seed := range uint64(500) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		r := random(rnd)
		mixed := repo{slices.Clone(r.paths), slices.Clone(r.facts), slices.Clone(r.links), nil}
		rnd.Shuffle(len(mixed.paths), func(i, j int) { mixed.paths[i], mixed.paths[j] = mixed.paths[j], mixed.paths[i] })
		rnd.Shuffle(len(mixed.facts), func(i, j int) { mixed.facts[i], mixed.facts[j] = mixed.facts[j], mixed.facts[i] })
		rnd.Shuffle(len(mixed.links), func(i, j int) { mixed.links[i], mixed.links[j] = mixed.links[j], mixed.links[i] })
		a, b := r.build(), mixed.build()
		for _, file := range slices.Backward(r.paths) {
			b.Of(at(file))
		}
		for _, file := range r.paths {
			if first, second := a.Of(at(file)), b.Of(at(file)); !slices.Equal(first, second) {
				t.Fatalf("seed %d: %s: %+v, and in another order %+v", seed, file, first, second)
			}
		}
	}
}

func places(units []Unit) map[Located]bool {
	out := map[Located]bool{}
	for _, u := range units {
		if u.Environment != "" {
			out[Located{Environment: u.Environment}] = true
		}
	}
	return out
}

func dirsOf(paths []string) []string {
	out := []string{"."}
	for _, p := range paths {
		for i := range p {
			if p[i] == '/' {
				out = append(out, p[:i])
			}
		}
	}
	return out
}

func BenchmarkReach(b *testing.B) {
	r := large()
	b.ReportAllocs()
	for b.Loop() {
		g := r.build()
		for i := range r.pins {
			if len(g.Of(r.pins[i])) == 0 {
				b.Fatalf("%s reaches nobody", r.pins[i].Place.File)
			}
		}
	}
	b.ReportMetric(float64(len(r.pins)), "pins")
	b.ReportMetric(float64(len(r.links)), "links")
}

// large is 250 components of a base and 19 overlays on as many clusters, each
// with an Application, a common component and a cluster's kustomization.
func large() repo {
	var r repo
	link := func(from, app, via, to string) {
		r.paths = append(r.paths, from)
		r.links = append(r.links, detectors.Link{From: promoter.Place{File: from}, App: app, Via: via, To: to})
	}
	const components, clusters = 250, 19
	r.paths = append(r.paths, "common/kustomization.yaml", "common/patch.yaml")
	link("common/kustomization.yaml", "", "patches", "common/patch.yaml")
	r.pins = append(r.pins, at("common/patch.yaml"))
	for c := range components {
		base := fmt.Sprintf("components/c%d/base", c)
		link(base+"/kustomization.yaml", "", "resources", base+"/deployment.yaml")
		link(base+"/kustomization.yaml", "", "components", "common")
		r.paths = append(r.paths, base+"/deployment.yaml")
		r.pins = append(r.pins, at(base+"/deployment.yaml"))
		for k := range clusters {
			env := []string{"dev", "stage", "prod"}[k%3]
			overlay := fmt.Sprintf("components/c%d/%s/k%d", c, env, k)
			file := overlay + "/kustomization.yaml"
			link(file, "", "resources", base)
			link(file, "", "components", "common")
			link(file, "", "patches", overlay+"/patch.yaml")
			r.paths = append(r.paths, overlay+"/patch.yaml")
			r.pins = append(r.pins, at(file))
			app, name := fmt.Sprintf("apps/c%d.yaml", c), fmt.Sprintf("c%d-k%d", c, k)
			link(app, name, "source.path", overlay)
			r.facts = append(r.facts, detectors.Fact{
				Kind: "Application", Name: name, Place: promoter.Place{File: app},
				Fields: map[string]string{"destination.name": fmt.Sprintf("%s-k%d", env, k)},
			})
		}
	}
	slices.Sort(r.paths)
	r.paths = slices.Compact(r.paths)
	return r
}
