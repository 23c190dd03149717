package flux

import (
	"bytes"
	"encoding/json"
	"path"
	"regexp"
	"strings"

	"promoter/detectors"
	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// fluxVersion is the line at the head of the manifests that flux exports.
var fluxVersion = regexp.MustCompile(`(?m)^# Flux [Vv]ersion: (v\d+\.\d+\.\d+[0-9A-Za-z.+-]*)[ \t\r]*$`)

// version reports the version of Flux that an exported manifest states. It
// stands in a comment: the manifest below it is what really runs.
func version(f *detectors.File, r *detectors.Report) {
	if path.Base(f.Path) != "gotk-components.yaml" {
		return
	}
	head := f.Data[:min(len(f.Data), 1<<10)]
	m := fluxVersion.FindSubmatchIndex(head)
	if m == nil {
		return
	}
	written := string(head[m[2]:m[3]])
	r.Pins = append(r.Pins, detectors.Pin{Pin: promoter.Pin{
		Artifact: fluxItself(), Version: written, Form: promoter.Exact, Consumer: promoter.ByGit, Detector: name, App: "flux",
		Place: promoter.Place{
			File: f.Path, Line: 1 + bytes.Count(head[:m[2]], []byte{'\n'}), Path: "# Flux Version",
			Start: m[2], End: m[3], Written: written,
		},
	}})
}

var markerKey = []byte(`"$imagepolicy"`)

// markers reads image policy markers: comments that say what the scalar on
// their line is, whatever its shape.
func markers(f *detectors.File, r *detectors.Report) {
	if !bytes.Contains(f.Data, markerKey) {
		return
	}
	known := map[int]bool{}
	note := func(pins []detectors.Pin, skips []detectors.Skip) {
		for _, p := range pins {
			known[p.Place.Start] = true
			if p.DigestPlace != nil {
				known[p.DigestPlace.Start] = true
			}
		}
		for _, s := range skips {
			known[s.Place.Start] = true
		}
	}
	note(r.Pins, r.Skips)
	lines := map[int]marker{}
	line := 1
	for text := range bytes.Lines(f.Data) {
		if m, ok := parseMarker(text); ok {
			lines[line] = m
		}
		line++
	}
	for _, d := range f.Docs {
		if d.Document == nil || d.Root == nil {
			continue
		}
		root := detectors.At(f, d)
		// What has a shape that is known is pinned by whoever reads such files.
		var recognized detectors.Report
		detectors.Images(f, root.Node, "", detectors.Pin{Pin: promoter.Pin{Place: promoter.Place{Doc: d.Index}}}, &recognized)
		if detectors.IsKustomizationFile(f.Path) {
			detectors.KustomizeImages(root.Get("images"), detectors.Pin{}, &recognized)
		}
		note(recognized.Pins, recognized.Skips)
		scalars(root, func(c detectors.Cursor) {
			m, ok := lines[c.Node.Line]
			if !ok || c.Node.End > len(f.Data) || bytes.ContainsRune(f.Data[c.Node.Start:c.Node.End], '\n') {
				return
			}
			object{Cursor: root, r: r, name: d.Name, namespace: d.Namespace, kind: d.Kind}.marked(c, m, known[c.Node.Start])
		})
	}
}

// marker is what an image policy marker says.
type marker struct {
	namespace, name, part string // part: "", "tag", "name" or "digest"
}

func parseMarker(line []byte) (marker, bool) {
	i := bytes.Index(line, markerKey)
	if i < 0 || !bytes.Contains(line[:i], []byte{'#'}) {
		return marker{}, false
	}
	from := bytes.LastIndexByte(line[:i], '{')
	if from < 0 {
		return marker{}, false
	}
	var fields map[string]any
	if json.NewDecoder(bytes.NewReader(line[from:])).Decode(&fields) != nil {
		return marker{}, false
	}
	text, _ := fields["$imagepolicy"].(string)
	parts := strings.Split(text, ":")
	if len(parts) < 2 || len(parts) > 3 || parts[1] == "" {
		return marker{}, false
	}
	m := marker{namespace: parts[0], name: parts[1]}
	if len(parts) == 3 {
		m.part = parts[2]
	}
	return m, true
}

// scalars calls f for the last scalar value on each line: the one that a
// comment at the line's end speaks of.
func scalars(c detectors.Cursor, f func(c detectors.Cursor)) {
	last := map[int]detectors.Cursor{}
	var order []int
	var walk func(c detectors.Cursor, depth int)
	walk = func(c detectors.Cursor, depth int) {
		if depth > 500 || c.Node == nil {
			return
		}
		visit := func(child detectors.Cursor) {
			if child.Node == nil {
				return
			}
			if child.Node.Kind != yamltree.Scalar {
				walk(child, depth+1)
				return
			}
			if prev, ok := last[child.Node.Line]; !ok {
				order = append(order, child.Node.Line)
			} else if prev.Node.Start > child.Node.Start {
				return
			}
			last[child.Node.Line] = child
		}
		switch c.Node.Kind {
		case yamltree.Mapping:
			c.Node.Pairs(func(k, v *yamltree.Node) {
				if v.Kind != yamltree.Alias {
					child := c
					child.Node, child.Path = v, detectors.JoinKey(c.Path, k.Value)
					visit(child)
				}
			})
		case yamltree.Sequence:
			for i, v := range c.Node.Content {
				if v.Kind != yamltree.Alias {
					child := c
					child.Node, child.Path = v, detectors.JoinItem(c.Path, i)
					visit(child)
				}
			}
		}
	}
	walk(c, 0)
	for _, line := range order {
		f(last[line])
	}
}

// marked reports a scalar that a marker speaks of.
func (o object) marked(c detectors.Cursor, m marker, known bool) {
	o.r.Facts = append(o.r.Facts, detectors.Fact{
		Kind: policyFact, Namespace: m.namespace, Name: m.name, Fields: map[string]string{"part": m.part}, Place: c.Place(),
	})
	if known || !c.IsScalar() || m.part == "name" {
		return
	}
	if reason := c.Unwritten(); reason != "" {
		o.skip(c, reason)
		return
	}
	p := o.pin()
	p.Consumer, p.Place = promoter.ByContainer, c.Place()
	text := strings.TrimSpace(c.Node.Value)
	switch m.part {
	case "":
		ref, ok := detectors.ParseImage(text)
		if !ok {
			o.skip(c, "marked as an image, and not an image reference that a registry would accept")
			return
		}
		p.Artifact, p.Version, p.Digest, p.Form = ref.Artifact(), ref.Tag, ref.Digest, ref.Form()
	case "tag", "digest":
		p.Artifact = promoter.Artifact{Kind: promoter.Image}
		p.SourceRef = &detectors.Ref{Kind: "ImagePolicy", Namespace: m.namespace, Name: m.name}
		if p.Version = text; m.part == "digest" {
			p.Version, p.Digest, p.Form = "", text, promoter.Digest
			break
		}
		p.Form = detectors.ClassifyTag(text)
	default:
		return
	}
	o.r.Pins = append(o.r.Pins, p)
}
