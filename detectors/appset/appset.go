// Package appset reads Argo CD ApplicationSets: the versions that stand in
// their templates, and those that their generators supply from lists, nested
// generators and other files of the repository.
//
// What the generators give is found by Argo CD's own code, and traced back to
// the scalar that supplies it, so that it can be edited there. It refuses to
// ask anybody: a generator that needs a cluster, a forge or a plugin stands
// for one Application whose unknown parameters are unknown, and a version that
// depends on them is shown as skipped.
package appset

import (
	"strings"

	"promoter/detectors"
	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// Detector finds pins in ApplicationSets. The zero value is ready.
type Detector struct{}

// Name is "appset".
func (Detector) Name() string { return "appset" }

// factKind marks a file that holds an ApplicationSet.
const factKind = "ApplicationSet"

// Detect reads what is literal in the templates of f's ApplicationSets. What
// generators write is left to Link.
func (Detector) Detect(f *detectors.File, r *detectors.Report) {
	for _, set := range setsOf(f) {
		t := readTemplates(set)
		r.Pins = append(r.Pins, t.pins...)
		r.Skips = append(r.Skips, t.skips...)
		r.Facts = append(r.Facts, set.fact(t.fields))
	}
	for _, d := range f.Docs {
		if c := detectors.At(f, d); d.Kind == "Secret" && isClusterSecret(c) {
			r.Facts = append(r.Facts, detectors.Fact{Kind: clusterKind, Name: d.Name, Namespace: d.Namespace, Place: c.Place()})
		}
	}
}

// set is an ApplicationSet of a file.
type set struct {
	detectors.Cursor
	name, namespace string
	place           promoter.Place // of its name
}

func setsOf(f *detectors.File) []set {
	var found []set
	add := func(c detectors.Cursor) {
		if !isApplicationSet(c.Str("apiVersion"), c.Str("kind")) {
			return
		}
		s := set{Cursor: c, name: literal(c.Get("metadata", "name")), namespace: literal(c.Get("metadata", "namespace"))}
		s.place = c.Place()
		if n := c.Get("metadata", "name"); n.Node != nil {
			s.place = n.Place()
		}
		s.place.Written = s.name
		found = append(found, s)
	}
	for _, d := range f.Docs {
		switch {
		case isApplicationSet(d.APIVersion, d.Kind):
			add(detectors.At(f, d))
		case d.Kind == "List" && d.APIVersion == "v1":
			for _, item := range detectors.At(f, d).Get("items").Items() {
				add(item)
			}
		}
	}
	return found
}

func isApplicationSet(apiVersion, kind string) bool {
	return kind == "ApplicationSet" && strings.HasPrefix(apiVersion, "argoproj.io/")
}

func literal(c detectors.Cursor) string {
	if !c.IsScalar() || c.File.Templated && c.Unwritten() != "" {
		return ""
	}
	return c.Node.Value
}

func (s set) fact(fields map[string]string) detectors.Fact {
	return detectors.Fact{Kind: factKind, Namespace: s.namespace, Name: s.name, Fields: fields, Place: s.place}
}

// templates is what stands in an ApplicationSet's templates as it is.
type templates struct {
	pins   []detectors.Pin
	skips  []detectors.Skip
	links  []detectors.Link
	fields map[string]string
	// open are the places of versions that the templates take from parameters.
	open []reference
}

// reference is a version that a template's expression writes, or whose
// artifact another template says.
type reference struct {
	place  promoter.Place
	reason string
}

func readTemplates(s set) templates {
	var report detectors.Report
	t := templates{}
	reader := detectors.ArgoReader{File: s.File, Report: &report}
	reader.With.Place = promoter.Place{Doc: s.Doc}
	reader.With.Detector, reader.With.App = Detector{}.Name(), s.name
	reader.Templated = func(src detectors.ArgoSource) {
		t.open = append(t.open, reference{src.RevisionPlace, src.Reason()})
	}
	spec := s.Get("spec")
	reader.With.Cluster = detectors.ArgoCluster(map[string]string{
		"destination.name":   literal(spec.Get("template", "spec", "destination", "name")),
		"destination.server": literal(spec.Get("template", "spec", "destination", "server")),
	})
	t.fields = reader.Spec(spec.Get("template", "spec"))
	reader.Partial = true
	eachGenerator(spec.Get("generators"), 0, func(g detectors.Cursor, kind string) {
		reader.Spec(g.Get("template", "spec"))
		if kind == "git" {
			addGitPaths(t.fields, g)
		}
	})
	reader.Patch(spec.Get("templatePatch"))
	t.pins, t.links = report.Pins, report.Links
	for _, skip := range report.Skips {
		if p := skip.Place; p.Start < p.End && p.End <= len(s.File.Data) && detectors.IsTemplate(string(s.File.Data[p.Start:p.End])) {
			t.open = append(t.open, reference{p, detectors.SkipTemplated + string(s.File.Data[p.Start:p.End])})
		} else {
			t.skips = append(t.skips, skip)
		}
	}
	return t
}

// maxNesting is deeper than Argo CD lets generators stand in each other.
const maxNesting = 4

// eachGenerator calls f for each generator of a list, also nested ones.
func eachGenerator(list detectors.Cursor, depth int, f func(g detectors.Cursor, kind string)) {
	if depth > maxNesting {
		return
	}
	for _, item := range list.Items() {
		item.Node.Pairs(func(key, _ *yamltree.Node) {
			g := item.Get(key.Value)
			f(g, key.Value)
			if key.Value == "matrix" || key.Value == "merge" {
				eachGenerator(g.Get("generators"), depth+1, f)
			}
		})
	}
}

// addGitPaths adds what a Git generator reads to a Fact's fields, as evidence
// of which repository this is.
func addGitPaths(fields map[string]string, g detectors.Cursor) {
	url := literal(g.Get("repoURL"))
	if url == "" {
		return
	}
	for _, key := range []string{"files", "directories"} {
		for _, item := range g.Get(key).Items() {
			if p := item.Str("path"); p != "" {
				suffix := "." + key + item.Path[strings.LastIndexByte(item.Path, '['):] + g.Path
				fields["repoURL"+suffix], fields["path"+suffix] = url, p
			}
		}
	}
}
