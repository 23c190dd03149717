package detectors

import (
	"bytes"
	"strings"

	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// helm finds the images that a source's Helm options pin: in values (YAML in
// a scalar), valuesObject and parameters.
func (a *ArgoReader) helm(s ArgoSource) {
	if s.at.Node.Get("helm") == nil {
		return
	}
	if c := s.at.Get("helm", "valuesObject"); c.Node != nil {
		Images(a.File, c.Node, c.Path, a.With, a.Report)
	}
	if c := s.at.Get("helm", "values"); c.IsScalar() {
		a.embedded(c)
	}
	a.parameters(s.at.Get("helm", "parameters"))
}

// embedded finds the images in YAML that stands in a scalar. What cannot be
// read is a Skip.
func (a *ArgoReader) embedded(c Cursor) {
	n := c.Node
	if !strings.Contains(n.Value, "mage") && !strings.Contains(n.Value, "tag") && !strings.Contains(n.Value, "Tag") {
		return
	}
	start, end, ok := a.body(n)
	if !ok {
		a.skip(c.Place(), "YAML in a quoted or folded scalar: its bytes cannot be located")
		return
	}
	data := a.File.Data
	if a.File.Templated && bytes.Contains(data[start:end], []byte("{{")) {
		data, _ = yamltree.MaskTemplates(data)
	}
	docs, errs := yamltree.ParseRange(data, start, end)
	for _, e := range errs {
		place := c.Place()
		place.Line = e.Line
		a.skip(place, "YAML in a scalar that cannot be read")
	}
	for _, d := range docs {
		if d.Root != nil && d.Root.Kind != yamltree.Scalar {
			Images(a.File, d.Root, c.Path+"|", a.With, a.Report)
		}
	}
}

// body is the range of a scalar's text whose bytes are its value's, apart from
// indentation: a literal block, or what is written on one line without escapes.
func (a *ArgoReader) body(n *yamltree.Node) (start, end int, ok bool) {
	if n.Style == yamltree.Literal {
		raw := a.File.Data[n.Start:n.End]
		first := bytes.IndexByte(raw, '\n')
		if first < 0 {
			return 0, 0, false
		}
		return n.Start + first + 1, n.End, true
	}
	start, end = n.Start, n.End
	if n.Style == yamltree.SingleQuoted || n.Style == yamltree.DoubleQuoted {
		start, end = start+1, end-1
	}
	return start, end, start <= end && n.Style != yamltree.Folded &&
		(string(a.File.Data[start:end]) == n.Value || a.templated(n) && !bytes.ContainsAny(a.File.Data[start:end], "\\\n"))
}

// parameters reads helm.parameters as the values that they set, so that
// "image.repository" and "image.tag" make one image.
func (a *ArgoReader) parameters(list Cursor) {
	if list.Node == nil {
		return
	}
	root := &yamltree.Node{Kind: yamltree.Mapping}
	paths := map[int]string{} // by the value's start
	for _, p := range list.Items() {
		name, value := p.Str("name"), p.Get("value")
		if name == "" || !value.IsScalar() {
			continue
		}
		paths[value.Node.Start] = value.Path
		setParameter(root, splitParameter(name), value.Node)
	}
	if len(paths) == 0 {
		return
	}
	scratch := Report{}
	Images(a.File, root, list.Path, a.With, &scratch)
	for i := range scratch.Pins {
		p := &scratch.Pins[i]
		p.Place.Path = paths[p.Place.Start]
		if p.DigestPlace != nil {
			p.DigestPlace.Path = paths[p.DigestPlace.Start]
		}
	}
	for i := range scratch.Skips {
		scratch.Skips[i].Place.Path = paths[scratch.Skips[i].Place.Start]
	}
	a.Report.Pins = append(a.Report.Pins, scratch.Pins...)
	a.Report.Skips = append(a.Report.Skips, scratch.Skips...)
}

// splitParameter splits a parameter's name at the dots that no backslash
// escapes, as Helm's --set does.
func splitParameter(name string) []string {
	var keys []string
	var key strings.Builder
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '\\' && i+1 < len(name):
			i++
			key.WriteByte(name[i])
		case c == '.':
			keys = append(keys, key.String())
			key.Reset()
		default:
			key.WriteByte(c)
		}
	}
	return append(keys, key.String())
}

func setParameter(root *yamltree.Node, keys []string, value *yamltree.Node) {
	for i, key := range keys {
		child := (*yamltree.Node)(nil)
		for j := 0; j+1 < len(root.Content); j += 2 {
			if root.Content[j].Value == key {
				child = root.Content[j+1]
			}
		}
		switch {
		case i == len(keys)-1:
			if child == nil {
				root.Content = append(root.Content, &yamltree.Node{Kind: yamltree.Scalar, Value: key}, value)
			}
			return
		case child == nil:
			child = &yamltree.Node{Kind: yamltree.Mapping, Start: value.Start, End: value.Start, Line: value.Line}
			root.Content = append(root.Content, &yamltree.Node{Kind: yamltree.Scalar, Value: key}, child)
		case child.Kind != yamltree.Mapping:
			return
		}
		root = child
	}
}

// kustomize reads kustomize.images, which are written as "kustomize edit set
// image" takes them: "image:tag", "image@digest", "name=image:tag", and
// "name=*:tag" where only the tag changes.
func (a *ArgoReader) kustomize(s ArgoSource) {
	for _, c := range s.at.Get("kustomize", "images").Items() {
		if !c.IsScalar() {
			continue
		}
		place := c.Place()
		if a.templated(c.Node) {
			place.Written = a.text(c.Node)
			a.skip(place, SkipTemplated+place.Written)
			continue
		}
		name, image, renamed := strings.Cut(c.Node.Value, "=")
		if !renamed {
			image = name
		}
		if rest, ok := strings.CutPrefix(image, "*"); ok {
			image = name + rest
		}
		ref, ok := ParseImage(strings.TrimSpace(image))
		if !ok {
			a.skip(place, "not an image that kustomize can set")
			continue
		}
		if ref.Tag == "" && ref.Digest == "" {
			continue // a new name alone: the version stays where it is written
		}
		p := a.With
		p.Artifact, p.Version, p.Digest, p.Form = ref.Artifact(), ref.Tag, ref.Digest, ref.Form()
		p.Consumer, p.Place = promoter.ByContainer, place
		a.Report.Pins = append(a.Report.Pins, p)
	}
}
