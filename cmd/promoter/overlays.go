package main

import (
	"os"
	"regexp"
	"slices"
	"strings"

	"promoter/detectors"
	"promoter/detectors/kustomize"
	"promoter/detectors/reach"
	"promoter/detectors/values"
	"promoter/gitops/edit"
	"promoter/promoter"
	"promoter/promoter/config"
	"promoter/promoter/yamltree"
)

// splitter finds the files of single environments that can say another version
// than a file that they share: a kustomization over it, a values file that is
// read after it. Whatever would be written is tried first: only what is found
// again as a pin of the same artifact can move on later.
type splitter struct {
	overlays func(file string) []reach.Overlay
	layers   func(file string) []reach.Layer
	wave     func(file string, at reach.Located) int
	read     func(file string) ([]byte, bool)
	pins     map[string][]promoter.Pin // by file
	objects  map[object][]document
	at       map[document]object
	patches  map[string][]string // the files that a kustomization names as patches
}

// object is what a Kubernetes object is called.
type object struct{ kind, name string }

// document is one of a file.
type document struct {
	file string
	doc  int
}

// patchable are the kinds of object whose versions a patch can set so that
// they are found again.
var patchable = map[string]bool{"Application": true, "ApplicationSet": true, "HelmRelease": true, "HelmChart": true, "OCIRepository": true, "GitRepository": true}

func newSplitter(s *surveyed, pol promoter.Policy) *splitter {
	inv := s.inventory
	locate := func(file, app, cluster string) (reach.Located, bool) {
		l, ok := s.locate(file, app, cluster)
		return reach.Located{Environment: l.Name, Tenant: l.Tenant, Cluster: l.Cluster}, ok
	}
	x := &splitter{
		overlays: reach.Overlays(inv.Links, locate),
		layers:   reach.Build(inv.Paths, inv.Pins, inv.Facts, inv.Links, locate).Layers(inv.Links),
		wave: func(file string, at reach.Located) int {
			l, ok := s.locate(file, "", "")
			if !ok || l.Name != at.Environment {
				l = config.Located{Name: at.Environment, Tenant: at.Tenant, Cluster: at.Cluster}
			}
			return s.config.WaveOf(l, pol.Waves)
		},
		read: reader(s.root),
		pins: map[string][]promoter.Pin{}, objects: map[object][]document{}, at: map[document]object{}, patches: map[string][]string{},
	}
	for _, p := range inv.Pins {
		x.pins[p.Place.File] = append(x.pins[p.Place.File], p)
	}
	for _, f := range inv.Facts {
		o, at := object{f.Kind, f.Name}, document{f.Place.File, f.Place.Doc}
		if _, known := x.at[at]; patchable[f.Kind] && !known {
			x.objects[o] = append(x.objects[o], at)
			x.at[at] = o
		}
	}
	for _, l := range inv.Links {
		if strings.HasPrefix(l.Via, "patches") && l.Repo == "" {
			x.patches[l.From.File] = append(x.patches[l.From.File], l.To)
		}
	}
	return x
}

// reader reads files within a directory, and each once.
func reader(dir string) func(file string) ([]byte, bool) {
	type answer struct {
		data []byte
		ok   bool
	}
	known := map[string]answer{}
	read := func(file string) answer {
		root, err := os.OpenRoot(dir)
		if err != nil {
			return answer{}
		}
		defer root.Close()
		data, err := root.ReadFile(file)
		return answer{data, err == nil}
	}
	return func(file string) ([]byte, bool) {
		a, asked := known[file]
		if !asked {
			a = read(file)
			known[file] = a
		}
		return a.data, a.ok
	}
}

// of are the files that can get the pin's version for an environment of an
// earlier wave than last, which the pin's own file would reach.
func (x *splitter) of(p promoter.Pin, last int) []promoter.Overlay {
	if p.Environment != "" || p.Form != promoter.Exact || p.Digest != "" || p.Artifact.Name == "" {
		return nil
	}
	var out []promoter.Overlay
	for _, o := range x.overlays(p.Place.File) {
		to := promoter.Overlay{File: o.File, Environment: o.Environment, Tenant: o.Tenant, Cluster: o.Cluster, Wave: x.wave(o.File, o.Located)}
		ok := to.Wave >= 0 && to.Wave < last && !x.patched(o.File, p.Artifact)
		if ok && !isContainer.MatchString(p.Place.Path) { // kustomize's images are those of containers
			to.Insert, to.Path, ok = x.patch(p, o.File)
		}
		if ok {
			out = append(out, to)
		}
	}
	for _, l := range x.layers(p.Place.File) {
		to := promoter.Overlay{File: l.File, Environment: l.Environment, Tenant: l.Tenant, Cluster: l.Cluster, Wave: x.wave(l.File, l.Located)}
		ok := to.Wave >= 0 && to.Wave < last
		if ok {
			to.Insert, to.Path, ok = x.value(p, l)
		}
		if ok {
			out = append(out, to)
		}
	}
	return out
}

// isContainer is the path of an image that kustomize's images reach.
var isContainer = regexp.MustCompile(`(^|\.)(containers|initContainers)\[[0-9]+\]\.image$`)

// patched reports whether a patch file of the kustomization says the version
// of the artifact already: it moves by itself.
func (x *splitter) patched(kustomization string, a promoter.Artifact) bool {
	for _, file := range x.patches[kustomization] {
		if slices.ContainsFunc(x.pins[file], func(p promoter.Pin) bool { return p.Artifact == a }) {
			return true
		}
	}
	return false
}

// patch is the patch by which a kustomization can say the pin's version, and
// where that will stand.
func (x *splitter) patch(p promoter.Pin, kustomization string) (in promoter.Insert, path string, ok bool) {
	at := document{p.Place.File, p.Place.Doc}
	o, known := x.at[at]
	if !known || !x.only(p, o, at, kustomization) {
		return in, "", false
	}
	base, ok := x.read(at.file)
	if !ok {
		return in, "", false
	}
	docs, _ := yamltree.Parse(base)
	if at.doc >= len(docs) || docs[at.doc].Root.Str("kind") != o.kind || docs[at.doc].Root.Str("metadata", "name") != o.name {
		return in, "", false // an item of a list, or generated
	}
	group, _, _ := strings.Cut(docs[at.doc].Root.Str("apiVersion"), "/")
	in = promoter.Insert{Field: p.Place.Path, Group: group, Kind: o.kind, Name: o.name}
	found, ok := x.try(kustomize.Detector{}, kustomization, in, p)
	if !ok || found.SourceRef != nil && (found.SourceRef.Kind != o.kind || found.SourceRef.Name != o.name) {
		return in, "", false
	}
	return in, found.Place.Path, found.SourceRef != nil || found.Artifact == p.Artifact
}

// only reports whether a patch of this kind and name hits the pin's object
// alone, and is joined with it: wherever else there is an object called so, its
// version is of the same artifact, and the kustomization does not build it.
func (x *splitter) only(p promoter.Pin, o object, at document, kustomization string) bool {
	for _, other := range x.objects[o] {
		if other == at {
			continue
		}
		if slices.ContainsFunc(x.overlays(other.file), func(o reach.Overlay) bool { return o.File == kustomization }) {
			return false
		}
		for _, q := range x.pins[other.file] {
			if q.Place.Doc == other.doc && q.Place.Path == p.Place.Path && q.Artifact != p.Artifact {
				return false
			}
		}
	}
	return true
}

// value is the key by which a values file can say the pin's version.
func (x *splitter) value(p promoter.Pin, l reach.Layer) (in promoter.Insert, path string, ok bool) {
	keys := strings.Split(p.Place.Path, ".")
	if p.Artifact.Kind != promoter.Image || strings.ContainsAny(p.Place.Path, `["|`) {
		return in, "", false
	}
	for _, file := range l.Over {
		if data, ok := x.read(file); !ok || says(data, keys) {
			return in, "", false
		}
	}
	for _, at := range l.Lists {
		if data, ok := x.read(at.File); !ok || saidBeside(data, at, keys) {
			return in, "", false
		}
	}
	for _, beside := range x.beside(p, keys) {
		in = promoter.Insert{Field: p.Place.Path, Beside: beside}
		if found, ok := x.try(values.Detector{}, l.File, in, p); ok && found.Artifact == p.Artifact && found.SourceRef == nil {
			return in, found.Place.Path, found.Place.Path == p.Place.Path
		}
	}
	return in, "", false
}

// beside are the scalars that might have to go with a value so that it says
// what it is of: none, or those of the shared file beside it that name an
// image.
func (x *splitter) beside(p promoter.Pin, keys []string) []string {
	out := []string{""}
	data, ok := x.read(p.Place.File)
	if !ok {
		return out
	}
	docs, _ := yamltree.Parse(data)
	if p.Place.Doc >= len(docs) {
		return out
	}
	var lines []string
	docs[p.Place.Doc].Root.Get(keys[:len(keys)-1]...).Pairs(func(k, v *yamltree.Node) {
		if v.Kind == yamltree.Scalar && v.Value != "" && k.Value != keys[len(keys)-1] && namesImage.MatchString(k.Value) {
			lines = append(lines, k.Value+"="+v.Value)
		}
	})
	if len(lines) > 0 {
		out = append(out, strings.Join(lines, "\n"))
	}
	return out
}

var namesImage = regexp.MustCompile(`(?i)(registry|repository|repo|image|imagename|^name)$`)

// try adds what would be added and looks for it again: there must be one pin
// more, at the same version, and the others must be the same.
func (x *splitter) try(d detectors.Detector, file string, in promoter.Insert, p promoter.Pin) (detectors.Pin, bool) {
	before, ok := x.read(file)
	if !ok {
		return detectors.Pin{}, false
	}
	after, err := edit.Add(file, before, in, p.Place.Written)
	if err != nil {
		return detectors.Pin{}, false
	}
	was, is := pinsIn(d, file, before), pinsIn(d, file, after)
	var found []detectors.Pin
	for _, q := range is {
		if !slices.ContainsFunc(was, func(w detectors.Pin) bool { return w.Place.Path == q.Place.Path && w.Artifact == q.Artifact }) {
			found = append(found, q)
		}
	}
	if len(found) != 1 || len(is) != len(was)+1 || found[0].Version != p.Version || found[0].Place.Written != p.Place.Written {
		return detectors.Pin{}, false
	}
	return found[0], true
}

func pinsIn(d detectors.Detector, file string, data []byte) []detectors.Pin {
	f, _ := detectors.Open(file, data)
	var r detectors.Report
	d.Detect(f, &r)
	return r.Pins
}

// says reports whether a values file has the key, or cannot be read.
func says(data []byte, keys []string) bool {
	masked, _ := yamltree.MaskTemplates(data)
	docs, errs := yamltree.Parse(masked)
	return len(errs) > 0 || slices.ContainsFunc(docs, func(d *yamltree.Document) bool { return d.Root.Get(keys...) != nil })
}

// saidBeside reports whether what names a values file says the key itself: an
// Application's parameters and inline values, a release's "set" and inline
// values. It does where that cannot be found out.
func saidBeside(data []byte, at promoter.Place, keys []string) bool {
	masked, _ := yamltree.MaskTemplates(data)
	docs, _ := yamltree.Parse(masked)
	if at.Doc >= len(docs) || docs[at.Doc].Root == nil {
		return true
	}
	owner, list := ownerOf(docs[at.Doc].Root, at.Start)
	if owner == nil {
		return true
	}
	name := strings.Join(keys, ".")
	for _, key := range []string{"parameters", "fileParameters", "set", "setString"} {
		for _, item := range owner.Get(key).Items() {
			if item.Str("name") == name {
				return true
			}
		}
	}
	for _, item := range list.Items() {
		if item.Kind == yamltree.Mapping && item.Get(keys...) != nil {
			return true
		}
	}
	if inline := owner.Get("valuesObject"); inline != nil && inline.Get(keys...) != nil {
		return true
	}
	inline := owner.Get("values")
	return inline != nil && inline.Kind == yamltree.Scalar && says([]byte(inline.Value), keys)
}

// ownerOf is the mapping whose list holds the scalar at an offset, and the
// list.
func ownerOf(n *yamltree.Node, start int) (owner, list *yamltree.Node) {
	for n != nil {
		var next *yamltree.Node
		for _, c := range n.Content {
			if c.Start <= start && start < c.End {
				next = c
			}
		}
		if next != nil && next.Kind == yamltree.Sequence && slices.ContainsFunc(next.Content, func(c *yamltree.Node) bool { return c.Kind == yamltree.Scalar && c.Start == start }) {
			return n, next
		}
		n = next
	}
	return nil, nil
}
