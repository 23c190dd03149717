package flux

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"

	"promoter/detectors"
	"promoter/promoter"
)

// Link joins what different files say: a chart with the repository that its
// release names, an OCI artifact with the release that makes it a chart, a
// path with its source, a variable with its value, a marked tag with its
// image. What names an object that is not in the repository, or several that
// disagree, becomes a Skip.
func (Detector) Link(repo *detectors.Repository) {
	l := &linker{repo: repo, objects: map[key][]detectors.Fact{}}
	if !l.index() {
		return
	}
	l.graph = newGraph(repo)
	l.graph.apply(l.units())
	l.substitute()
	l.index()
	l.paths()
	l.charts()
	for _, file := range repo.Paths {
		if r := repo.Reports[file]; r != nil {
			l.sources(r)
		}
	}
}

type key struct{ kind, name string }

type linker struct {
	repo    *detectors.Repository
	graph   *graph
	objects map[key][]detectors.Fact // in the order of their places
	within  []detectors.Fact         // paths within sources
}

// index collects the facts and reports whether there is anything to join.
func (l *linker) index() bool {
	clear(l.objects)
	l.within = nil
	found := false
	for _, file := range l.repo.Paths {
		r := l.repo.Reports[file]
		if r == nil {
			continue
		}
		for _, f := range r.Facts {
			switch f.Kind {
			case sourcePathFact:
				l.within = append(l.within, f)
				found = true
			case "HelmRelease", "HelmRepository", "HelmChart", "OCIRepository", "GitRepository", "Kustomization",
				"ConfigMap", "Secret", "ImagePolicy", "ImageRepository", substituteFact:
				l.objects[key{f.Kind, f.Name}] = append(l.objects[key{f.Kind, f.Name}], f)
				found = true
			}
		}
		found = found || slices.ContainsFunc(r.Pins, func(p detectors.Pin) bool { return p.SourceRef != nil })
	}
	return found
}

// local reports whether a path of a source is one of this repository: its URL
// says so or, where no URL is known, the path exists here.
func (l *linker) local(f detectors.Fact) (repo string, local bool) {
	url := f.Fields["url"]
	if url == "" && f.Fields["kind"] == "GitRepository" {
		source := detectors.Ref{Kind: "GitRepository", Namespace: f.Fields["namespace"], Name: f.Fields["name"]}
		if got := l.find(source, f.Place, f.Namespace); got.reason == "" {
			url = got.fact.Fields["url"]
		}
	}
	if clone := detectors.CloneURL(url); clone != "" {
		if detectors.SameRepository(clone, l.repo.Remote) {
			return "", true
		}
		if l.repo.Remote != "" {
			return clone, false
		}
		if l.exists(f.Name) {
			return "", true
		}
		return clone, false
	}
	return "", l.exists(f.Name)
}

// exists reports whether a path is a file or directory of this repository.
func (l *linker) exists(p string) bool {
	if p == "." {
		return true
	}
	i := sort.SearchStrings(l.repo.Paths, p)
	if i < len(l.repo.Paths) && l.repo.Paths[i] == p {
		return true
	}
	i = sort.SearchStrings(l.repo.Paths, p+"/")
	return i < len(l.repo.Paths) && strings.HasPrefix(l.repo.Paths[i], p+"/")
}

// units are the Kustomizations whose path lies here.
func (l *linker) units() []unit {
	// Which namespace a source is in depends on the units, and which path is
	// ours on the source: sources are looked up by what is written alone.
	var units []unit
	for _, f := range l.within {
		if via := f.Fields["via"]; via != "spec.path" && via != "components" && via != "spec.sync.path" {
			continue
		}
		if _, local := l.local(f); !local {
			continue
		}
		u := unit{fact: detectors.Fact{Name: f.Fields["app"], Namespace: f.Namespace, Place: f.Place}, dir: f.Name}
		for _, k := range l.objects[key{"Kustomization", f.Fields["app"]}] {
			if k.Place.File == f.Place.File && k.Place.Doc == f.Place.Doc {
				u.fact = k
			}
		}
		units = append(units, u)
	}
	return units
}

// paths turns the paths of releases and Kustomizations into links.
func (l *linker) paths() {
	for _, f := range l.within {
		repo, local := l.local(f)
		if repo == "" && !local {
			continue // an artifact that something else was made of
		}
		r := l.repo.Reports[f.Place.File]
		link := detectors.Link{From: f.Place, App: f.Fields["app"], To: clean(f.Name), Repo: repo, Via: f.Fields["via"]}
		if !slices.Contains(r.Links, link) {
			r.Links = append(r.Links, link)
		}
	}
}

// charts makes charts of the OCI artifacts that releases refer to, and names
// the release that uses an artifact.
func (l *linker) charts() {
	used := map[spot][]string{} // by object: the releases that refer to it
	for _, file := range l.repo.Paths {
		r := l.repo.Reports[file]
		if r == nil {
			continue
		}
		for _, f := range r.Facts {
			ref := detectors.Ref{Kind: f.Fields["chartRef.kind"], Namespace: f.Fields["chartRef.namespace"], Name: f.Fields["chartRef.name"]}
			if f.Kind != "HelmRelease" || ref.Name == "" {
				continue
			}
			got := l.find(ref, f.Place, f.Namespace)
			if len(got.all) == 0 {
				if skip := (detectors.Skip{Place: f.Place, Detector: name, Reason: got.reason}); !slices.Contains(r.Skips, skip) {
					r.Skips = append(r.Skips, skip)
				}
			}
			for _, o := range got.all {
				if at := (spot{o.Place.File, o.Place.Doc}); !slices.Contains(used[at], f.Name) {
					used[at] = append(used[at], f.Name)
				}
			}
		}
	}
	for at, apps := range used {
		pins := l.repo.Reports[at.file].Pins
		for i := range pins {
			p := &pins[i]
			if p.Place.Doc != at.doc || p.Detector != name || p.Consumer != promoter.ByFluxOCI && p.Consumer != promoter.ByFlux {
				continue
			}
			if p.Artifact.Kind == promoter.Image {
				p.Artifact = detectors.ChartArtifact("oci://"+p.Artifact.Source, p.Artifact.Name)
			}
			if len(apps) == 1 {
				p.App = apps[0]
			}
		}
	}
}

// spot is a document of the repository.
type spot struct {
	file string
	doc  int
}

// sources gives the pins of a report the source that they refer to.
func (l *linker) sources(r *detectors.Report) {
	kept := r.Pins[:0:0]
	for _, p := range r.Pins {
		if p.SourceRef == nil || p.Artifact.Name == "" && p.SourceRef.Kind != "ImagePolicy" {
			kept = append(kept, p) // a patch waits for the object it patches
			continue
		}
		var reason string
		switch p.SourceRef.Kind {
		case "HelmRepository":
			reason = l.chart(&p, r)
		case "ImagePolicy":
			reason = l.policy(&p)
		case "OCIRepository", "HelmChart", "Bucket", "GitRepository":
			reason = "a chart of a " + p.SourceRef.Kind + " has no version of its own"
		}
		if reason == "" {
			kept = append(kept, p)
			continue
		}
		r.Skips = append(r.Skips, detectors.Skip{Place: p.Place, Detector: p.Detector, Reason: reason})
	}
	r.Pins = kept
}

func (l *linker) chart(p *detectors.Pin, r *detectors.Report) string {
	got := l.find(*p.SourceRef, p.Place, l.written(p.Place))
	if got.reason != "" {
		return got.reason
	}
	url := got.fact.Fields["url"]
	if url == "" || strings.Contains(url, "${") || strings.Contains(url, "{{") {
		return fmt.Sprintf("the URL of HelmRepository %s is not written", ref(*p.SourceRef))
	}
	if got.byName {
		r.Facts = append(r.Facts, detectors.Fact{
			Kind: matchFact, Namespace: p.SourceRef.Namespace, Name: p.SourceRef.Name, Place: p.Place,
			Fields: map[string]string{"kind": p.SourceRef.Kind, "says": url},
		})
	}
	p.Artifact, p.SourceRef = detectors.ChartArtifact(url, p.Artifact.Name), nil
	return ""
}

// policy names the image of a scalar that a marker ties to an image policy.
func (l *linker) policy(p *detectors.Pin) string {
	got := l.find(*p.SourceRef, p.Place, "")
	if got.reason != "" {
		return got.reason
	}
	repository := detectors.Ref{Kind: "ImageRepository", Namespace: got.fact.Fields["repository.namespace"], Name: got.fact.Fields["repository"]}
	if repository.Namespace == "" {
		repository.Namespace = got.fact.Namespace
	}
	if got = l.find(repository, got.fact.Place, ""); got.reason != "" {
		return got.reason
	}
	image, ok := detectors.ParseImage(got.fact.Fields["image"])
	if !ok {
		return fmt.Sprintf("the image of ImageRepository %s is not written", ref(repository))
	}
	p.Artifact, p.SourceRef = image.Artifact(), nil
	return ""
}

// written is the namespace that the release at a place writes.
func (l *linker) written(at promoter.Place) string {
	for _, f := range l.repo.Reports[at.File].Facts {
		if (f.Kind == "HelmRelease" || f.Kind == "HelmChart") && f.Place.Doc == at.Doc {
			return f.Namespace
		}
	}
	return ""
}

// match is the answer of find: fact is what all the objects found say alike.
type match struct {
	fact   detectors.Fact
	all    []detectors.Fact
	byName bool
	reason string
}

// find looks for the object that a reference at a place means. Without a
// namespace of its own it means that of the referring object, as written and
// as kustomizations set it.
func (l *linker) find(want detectors.Ref, from promoter.Place, written string) match {
	candidates := l.objects[key{want.Kind, want.Name}]
	wanted := []string{want.Namespace}
	if want.Namespace == "" {
		wanted = l.graph.namespacesOf(from.File, written)
	}
	if len(wanted) == 1 {
		want.Namespace = wanted[0]
	}
	missing := match{reason: fmt.Sprintf("no %s %s in this repository", want.Kind, ref(want))}
	var exact []detectors.Fact
	unsure := slices.Contains(wanted, "")
	for _, f := range candidates {
		have := l.graph.namespacesOf(f.Place.File, f.Namespace)
		unsure = unsure || slices.Contains(have, "")
		if slices.ContainsFunc(have, func(ns string) bool { return ns != "" && slices.Contains(wanted, ns) }) {
			exact = append(exact, f)
		}
	}
	byName := len(exact) == 0
	if byName {
		// A namespace that is not written may be set by what we cannot see.
		if exact = candidates; !unsure || len(candidates) == 0 {
			return missing
		}
	}
	same := l.nearest(exact, from)
	for _, f := range same[1:] {
		if says(f) != says(same[0]) {
			return match{all: same, reason: fmt.Sprintf("several %s %s in this repository say different things", want.Kind, ref(want))}
		}
	}
	return match{fact: same[0], all: same, byName: byName}
}

// nearest keeps the objects that stand in the same file, or are applied by the
// same Kustomization, where objects disagree.
func (l *linker) nearest(facts []detectors.Fact, from promoter.Place) []detectors.Fact {
	alike := true
	for _, f := range facts[1:] {
		alike = alike && says(f) == says(facts[0])
	}
	if alike {
		return facts
	}
	for _, near := range []func(detectors.Fact) bool{
		func(f detectors.Fact) bool { return f.Place.File == from.File },
		func(f detectors.Fact) bool { return l.graph.together(f.Place.File, from.File) },
	} {
		if kept := slices.DeleteFunc(slices.Clone(facts), func(f detectors.Fact) bool { return !near(f) }); len(kept) > 0 {
			return kept
		}
	}
	return facts
}

// says is what matters of an object to those who refer to it.
func says(f detectors.Fact) string {
	return strings.TrimRight(cmp.Or(f.Fields["url"], f.Fields["image"], f.Fields["repository"], f.Fields["chart"]), "/")
}

func ref(r detectors.Ref) string { return strings.TrimPrefix(r.Namespace+"/"+r.Name, "/") }

// namespacesOf is namespaces of a graph that may not be built yet.
func (g *graph) namespacesOf(file, written string) []string {
	if g == nil || len(g.files) == 0 {
		return []string{written}
	}
	return g.namespaces(file, written)
}
