package kustomize

import (
	"fmt"
	"strings"

	"promoter/detectors"
	"promoter/promoter"
)

// Link completes the versions that patches write: a patch names the object and
// the field, the object's own file names the artifact. Objects are found by
// kind and name; several that agree about the artifact are as good as one.
func (Detector) Link(repo *detectors.Repository) {
	var patched []*detectors.Report
	for _, file := range repo.Paths {
		if r := repo.Reports[file]; r != nil && holdsPatch(r) {
			patched = append(patched, r)
		}
	}
	if len(patched) == 0 {
		return
	}
	l := linker{repo: repo, objects: map[key][]object{}, targets: map[string]detectors.Ref{}, fields: map[spot]detectors.Fact{}}
	for _, file := range repo.Paths {
		if r := repo.Reports[file]; r != nil {
			for _, fact := range r.Facts {
				l.fact(fact)
			}
		}
	}
	for _, r := range patched {
		l.report(r)
	}
}

func holdsPatch(r *detectors.Report) bool {
	for i := range r.Pins {
		if isPatch(&r.Pins[i]) {
			return true
		}
	}
	return false
}

// isPatch reports whether a pin waits for the object that it patches.
func isPatch(p *detectors.Pin) bool {
	if p.SourceRef == nil {
		return false
	}
	switch p.SourceRef.Kind {
	case "HelmRelease", "Application", "ApplicationSet", "FluxInstance", "":
		return true
	case "OCIRepository", "GitRepository", "HelmChart":
		// A HelmRelease's chart refers to these as well; it knows its name.
		return p.Artifact.Name == ""
	}
	// A patch of any other kind waits only for an image's repository.
	return p.Artifact.Kind == promoter.Image && p.Artifact.Name == ""
}

type key struct{ kind, name string }

// spot is a scalar of the repository.
type spot struct {
	file  string
	start int
}

// object is a document that declares something by kind and name.
type object struct {
	namespace string
	file      string
	doc       int
}

type linker struct {
	repo    *detectors.Repository
	objects map[key][]object
	targets map[string]detectors.Ref // by patch file
	fields  map[spot]detectors.Fact  // patched fields whose path says nothing
}

func (l *linker) fact(f detectors.Fact) {
	switch f.Kind {
	case detectors.PatchFact:
		l.fields[spot{f.Place.File, f.Place.Start}] = f
	case detectors.PatchTargetFact:
		l.targets[f.Name] = detectors.Ref{Kind: f.Fields["kind"], Namespace: f.Fields["namespace"], Name: f.Fields["name"]}
	default:
		o := object{namespace: f.Namespace, file: f.Place.File, doc: f.Place.Doc}
		l.objects[key{f.Kind, f.Name}] = append(l.objects[key{f.Kind, f.Name}], o)
		l.objects[key{f.Kind, ""}] = append(l.objects[key{f.Kind, ""}], o)
	}
}

func (l *linker) report(r *detectors.Report) {
	kept := r.Pins[:0:0]
	for _, p := range r.Pins {
		if !isPatch(&p) {
			kept = append(kept, p)
			continue
		}
		joined, reason := l.join(p)
		if reason == "" {
			kept = append(kept, joined)
			continue
		}
		if p.Artifact.Kind == promoter.Image {
			// A bare tag stays what it is without a patch too: the tag of
			// an image that the chart names.
			p.SourceRef = nil
			kept = append(kept, p)
			continue
		}
		r.Skips = append(r.Skips, detectors.Skip{Place: p.Place, Detector: p.Detector, Reason: reason})
	}
	r.Pins = kept
}

// join finds the pin that a patch changes and takes its artifact.
func (l *linker) join(p detectors.Pin) (detectors.Pin, string) {
	target, field := *p.SourceRef, p.Place.Path
	if i := strings.LastIndexByte(field, '|'); i >= 0 {
		field = field[i+1:]
	}
	if f, ok := l.fields[spot{p.Place.File, p.Place.Start}]; ok {
		field = f.Fields["path"]
	}
	if target.Kind == "" {
		var ok bool
		if target, ok = l.targets[p.Place.File]; !ok {
			return p, "a patch that no kustomization with a target names"
		}
	}
	base, reason := l.base(target, field, p)
	if reason != "" {
		return p, reason
	}
	p.Artifact, p.Consumer, p.App = base.Artifact, base.Consumer, base.App
	p.SourceRef = nil
	if base.SourceRef != nil {
		ref := *base.SourceRef
		p.SourceRef = &ref
	}
	if p.Artifact.Kind != promoter.Image {
		p.Form = promoter.Classify(p.Artifact.Kind, p.Consumer, p.Version)
	}
	return p, ""
}

func (l *linker) base(target detectors.Ref, field string, patch detectors.Pin) (detectors.Pin, string) {
	name := target.Name
	if isPattern(name) || l.objects[key{target.Kind, name}] == nil && strings.Trim(name, "_-") == "" {
		name = "" // every object of the kind
	}
	var found []detectors.Pin
	for _, o := range l.objects[key{target.Kind, name}] {
		if target.Namespace != "" && o.namespace != "" && target.Namespace != o.namespace {
			continue
		}
		for _, p := range l.repo.Reports[o.file].Pins {
			if p.Place.Doc == o.doc && !isPatch(&p) && sameField(p.Place.Path, field) && p.Place != patch.Place {
				found = append(found, p)
			}
		}
	}
	what := target.Kind + " " + strings.TrimPrefix(target.Namespace+"/"+target.Name, "/")
	if len(found) == 0 {
		return detectors.Pin{}, fmt.Sprintf("no %s in this repository has the version that this patch sets", what)
	}
	for _, p := range found[1:] {
		if p.Artifact != found[0].Artifact {
			return detectors.Pin{}, fmt.Sprintf("several %s in this repository, of different artifacts, are patched", what)
		}
		if p.App != found[0].App {
			found[0].App = ""
		}
	}
	return found[0], ""
}

// sameField reports whether a patch of one field replaces the other: the same
// path, or another way to write the version of the same source.
func sameField(base, patched string) bool {
	if base == patched {
		return true
	}
	const ref = "spec.ref."
	if strings.HasPrefix(base, ref) && strings.HasPrefix(patched, ref) {
		return true
	}
	// The base may leave the version out: its pin then stands at the chart.
	return base == "spec.chart.spec.chart" && patched == "spec.chart.spec.version" ||
		base == "spec.url" && strings.HasPrefix(patched, ref)
}

// isPattern reports whether a target's name is a regular expression.
func isPattern(name string) bool { return strings.ContainsAny(name, `*+?[](){}|^$\`) }
