package flux

import (
	"strings"

	"promoter/detectors"
	"promoter/promoter/yamltree"
)

// resourceSet reads a ResourceSet: the objects that it makes, once for each of
// its inputs. What a provider outside of the object puts in is not known.
func (o object) resourceSet() {
	o.fact(o.Get("metadata", "name"), nil)
	inputs := o.Get("spec", "inputs").Items()
	for _, item := range o.Get("spec", "resources").Items() {
		o.made(item, inputs)
	}
	text := o.Get("spec", "resourcesTemplate")
	if !text.IsScalar() || !mayPin(text.Node.Value) {
		return
	}
	docs, err := text.Embedded()
	if err != nil {
		o.skip(text, "a template of resources that is no YAML before it is rendered")
		return
	}
	for _, doc := range docs {
		o.made(doc, inputs)
	}
}

func mayPin(text string) bool {
	for _, part := range [...]string{"image:", "HelmRelease", "OCIRepository", "GitRepository", "tag:"} {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// made reads one object of the set.
func (o object) made(item detectors.Cursor, inputs []detectors.Cursor) {
	if len(inputs) == 0 {
		inputs = []detectors.Cursor{{}}
	}
	root := item.Node
	seen := map[int]map[string]bool{} // by place and artifact
	for _, input := range inputs {
		e := expander{next: func(text string) (int, int, value, bool) { return inputExpression(text, input) }}
		item.Node = e.node(root)
		var r detectors.Report
		detect(item, &r)
		if isWorkload(item) {
			with := o.pin()
			with.App = item.Str("metadata", "name")
			detectors.Images(o.File, item.Node, item.Path, with, &r)
		}
		for _, p := range r.Pins {
			o.expanded(&e, p, seen)
		}
		o.r.Skips = append(o.r.Skips, r.Skips...)
		o.r.Facts = append(o.r.Facts, r.Facts...)
		o.r.Links = append(o.r.Links, r.Links...)
	}
}

func (o object) expanded(e *expander, p detectors.Pin, seen map[int]map[string]bool) {
	skip := func(reason string) {
		o.r.Skips = append(o.r.Skips, detectors.Skip{Place: p.Place, Detector: name, Reason: reason})
	}
	if strings.Contains(p.Version+p.Artifact.Name+p.Artifact.Source, "<<") {
		skip("set by an input of the ResourceSet that is not written in it")
		return
	}
	p, ok := e.settle(p)
	if !ok {
		skip("an input of the ResourceSet is only a part of the version")
		return
	}
	key := p.Artifact.String() + " " + p.App
	if seen[p.Place.Start] == nil {
		seen[p.Place.Start] = map[string]bool{}
	}
	if !seen[p.Place.Start][key] {
		seen[p.Place.Start][key] = true
		o.r.Pins = append(o.r.Pins, p)
	}
}

// isWorkload reports whether an object is of no kind that this package reads
// itself: all that it could pin is images.
func isWorkload(c detectors.Cursor) bool {
	group, _, _ := strings.Cut(c.Str("apiVersion"), "/")
	return c.Str("kind") != "" && !strings.HasSuffix(group, ".fluxcd.io") && group != "fluxcd.controlplane.io"
}

// inputExpression finds "<< inputs.a.b >>", with or without quoting behind a
// pipe, and its value in the input.
func inputExpression(text string, input detectors.Cursor) (from, to int, v value, ok bool) {
	from = strings.Index(text, "<<")
	if from < 0 {
		return -1, 0, v, false
	}
	length := strings.Index(text[from:], ">>")
	if length < 0 {
		return -1, 0, v, false
	}
	to = from + length + 2
	expression, filter, piped := strings.Cut(strings.Trim(text[from+2:to-2], "- "), "|")
	if filter = strings.TrimSpace(filter); piped && filter != "quote" {
		return from, to, v, false
	}
	keys, is := strings.CutPrefix(strings.TrimSpace(expression), "inputs.")
	if !is || input.Node == nil {
		return from, to, v, false
	}
	at := input.Get(strings.Split(keys, ".")...)
	if at.Node == nil || at.Node.Kind != yamltree.Scalar {
		return from, to, v, false
	}
	place := at.Place()
	return from, to, value{at.Node.Value, &place}, true
}
