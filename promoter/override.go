package promoter

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// overrides are the targets that split a shared file: for each version in it,
// and each environment of an earlier wave that has an overlay of its own over
// the file, an entry that the overlay does not have yet. Where the overlay has
// one, that is a pin like any other, and moves by itself from then on.
func overrides(targets []Target) []*Target {
	type key struct {
		artifact Artifact
		file     string
	}
	written := map[key]bool{}
	for i := range targets {
		written[key{targets[i].Pin.Artifact, targets[i].Pin.Place.File}] = true
	}
	var out []*Target
	for i := range targets {
		t := &targets[i]
		if !t.overridable() {
			continue
		}
		last := t.step()
		for _, o := range t.Overlays {
			name, place, ok := t.overriding(o)
			k := key{t.Pin.Artifact, o.File}
			if !ok || o.Wave < 0 || o.Wave >= last || written[k] {
				continue
			}
			written[k] = true
			early := *t
			early.shared, early.override, early.insert, early.Overlays, early.Wave = t, name, o.Insert, nil, o.Wave
			early.Pin.Environment, early.Pin.Tenant, early.Pin.Cluster = o.Environment, o.Tenant, o.Cluster
			early.Pin.Place = place
			early.Reach = []Reached{{Environment: o.Environment, Tenant: o.Tenant, Cluster: o.Cluster, App: t.Pin.App, Wave: o.Wave}}
			out = append(out, &early)
		}
	}
	return out
}

// overridable reports whether the target's version can be said otherwise in an
// overlay. A digest beside it would outlive the override.
func (t *Target) overridable() bool {
	p := t.Pin
	return p.Form == Exact && p.Digest == "" && p.DigestPlace == nil && len(t.Overlays) > 0 && t.step() >= 0
}

// overriding says where an overlay will say the version. An image's name is
// what kustomize matches: just as it is written before the tag.
func (t *Target) overriding(o Overlay) (name string, at Place, ok bool) {
	if o.Insert != (Insert{}) {
		return o.Insert.Field, Place{File: o.File, Path: o.Path, Written: t.Pin.Place.Written}, o.Insert.Field != "" && o.Path != ""
	}
	name, ok = strings.CutSuffix(t.Pin.Place.Written, ":"+t.Pin.Version)
	return name, Place{File: o.File, Path: "images[name=" + name + "].newTag"}, ok && name != "" && t.Pin.Artifact.Kind == Image
}

// added is the edit that makes an overlay say the goal's version.
func (t *Target) added(g goal) ([]Edit, string) {
	e := Edit{Place: t.Pin.Place, To: g.version, Release: g.version}
	if t.insert == (Insert{}) {
		e.Image = t.override
		return []Edit{e}, ""
	}
	text, ok := t.Pin.WrittenFor(Release{Version: g.version})
	if !ok {
		return nil, "nothing like \"" + t.Pin.Version + "\" can be written for " + g.version
	}
	to, err := t.Pin.Rewrite(text, "")
	if err != nil {
		return nil, err.Error()
	}
	e.To, e.Insert = to, t.insert
	return []Edit{e}, ""
}

// inTurn gives the patches that one file gets together their places: each
// stands behind the one before it.
func inTurn(edits []Edit) []Edit {
	before := map[string]int{}
	for i := range edits {
		e := &edits[i]
		if e.Insert.Kind == "" {
			continue
		}
		list, rest, _ := strings.Cut(e.Place.Path, "[")
		index, rest, ok := strings.Cut(rest, "]")
		if n, err := strconv.Atoi(index); ok && err == nil {
			e.Place.Path = list + "[" + strconv.Itoa(n+before[e.Place.File]) + "]" + rest
		}
		before[e.Place.File]++
	}
	return edits
}

func (in Insert) compare(other Insert) int {
	return cmp.Or(strings.Compare(in.Kind, other.Kind), strings.Compare(in.Name, other.Name), strings.Compare(in.Field, other.Field))
}

// adds reports whether an edit adds to one of the target's overlays what it may
// get.
func (t *Target) adds(e Edit) bool {
	return e.Insert != (Insert{}) && slices.ContainsFunc(t.Overlays, func(o Overlay) bool { return o.File == e.Place.File && o.Insert == e.Insert })
}
