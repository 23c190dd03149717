package promoter

import "strings"

// overrides are the targets that split a shared file: for each image in it, and
// each environment of an earlier wave that has an overlay of its own over the
// file, an entry that the overlay does not have yet. Where the overlay has one,
// that is a pin like any other, and moves by itself from then on.
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
		name, ok := t.overridable()
		if !ok {
			continue
		}
		last := t.step()
		for _, o := range t.Overlays {
			k := key{t.Pin.Artifact, o.File}
			if o.Wave < 0 || o.Wave >= last || written[k] {
				continue
			}
			written[k] = true
			early := *t
			early.override, early.Overlays, early.Wave = name, nil, o.Wave
			early.Pin.Environment, early.Pin.Tenant, early.Pin.Cluster = o.Environment, o.Tenant, o.Cluster
			early.Pin.Place = Place{File: o.File, Path: "images[name=" + name + "].newTag"}
			early.Reach = []Reached{{Environment: o.Environment, Tenant: o.Tenant, Cluster: o.Cluster, App: t.Pin.App, Wave: o.Wave}}
			out = append(out, &early)
		}
	}
	return out
}

// overridable returns the image's name as kustomize matches it: just as it is
// written before the tag. A digest beside the tag would outlive the override.
func (t *Target) overridable() (name string, ok bool) {
	p := t.Pin
	if p.Artifact.Kind != Image || p.Form != Exact || p.Digest != "" || len(t.Overlays) == 0 || t.step() < 0 {
		return "", false
	}
	name, ok = strings.CutSuffix(p.Place.Written, ":"+p.Version)
	return name, ok && name != ""
}
