package sim

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// slot is a version that the repository holds: where it is written, and what
// an edit of it reaches.
type slot struct {
	file, path string
	artifact   promoter.Artifact
	app        string
	at         promoter.Reached // the pin's own place
	reaches    []promoter.Reached
	wave       int // the last that it reaches
	class      promoter.Class
	group      string
	rank       int
	security   bool
	age        time.Duration // that a release must have
	digest     digestForm
	// over is what an overlay says otherwise once it says something. insert is
	// how that is written; its zero value stands for an entry of a
	// kustomization's images.
	over   *slot
	insert promoter.Insert
}

// digestForm is how a digest stands with a version.
type digestForm int

const (
	none   digestForm = iota
	joined            // behind it: "web:1.0.0@sha256:…"
	beside            // as a scalar of its own
)

// key names a slot in troubles.
func (s *slot) key() string { return s.file + " " + s.path }

// digestPath is where the digest of a slot stands that has one of its own.
func (s *slot) digestPath() string { return strings.TrimSuffix(s.path, "version") + "digest" }

// bare is a reading without its digest.
func bare(reading string) string {
	v, _, _ := strings.Cut(reading, "@")
	return v
}

// contents is the digest of the n-th thing that a publisher called a version.
func contents(a promoter.Artifact, version string, n int) string {
	return fmt.Sprintf("sha256:%x", sha256.Sum256(fmt.Appendf(nil, "%s %s %d", a.Name, version, n)))
}

// digestOf is the digest that a version has now.
func (w *world) digestOf(a promoter.Artifact, version string) string {
	for _, r := range w.offered[a] {
		if r.Version == version && r.Digest != "" {
			return r.Digest
		}
	}
	return contents(a, version, 0)
}

// full is what a slot reads at a release.
func (s *slot) full(r promoter.Release) string {
	if s.digest == none {
		return r.Version
	}
	return r.Version + "@" + r.Digest[7:19]
}

// out reports whether a reading is of a release: as it is, or as it was once
// published under its version.
func (w *world) out(s *slot, reading string) bool {
	for _, r := range w.offered[s.artifact] {
		if s.full(r) == reading {
			return true
		}
		if r.Version != bare(reading) || r.Digest == "" {
			continue
		}
		for n := range w.retagged[r.Digest[7:19]] {
			if s.full(promoter.Release{Version: r.Version, Digest: contents(s.artifact, r.Version, n)}) == reading {
				return true
			}
		}
	}
	return false
}

// compare orders two readings of a slot: by version, and what was published
// under one version by when that was.
func (w *world) compare(s *slot, a, b string) (int, bool) {
	n, ok := promoter.Compare(s.artifact.Kind, bare(a), bare(b))
	if ok && n == 0 && a != b {
		_, x, _ := strings.Cut(a, "@")
		_, y, _ := strings.Cut(b, "@")
		n = w.retagged[x] - w.retagged[y]
	}
	return n, ok
}

// text is a file of slots.
func (w *world) text(slots []*slot, version string) string {
	if o := slots[0]; o.over != nil {
		if o.insert == (promoter.Insert{}) {
			return "resources:\n  - ../base\nnamespace: shop # ours\n"
		}
		return "# what is other here\nspec:\n  replicas: 3\n"
	}
	var b strings.Builder
	b.WriteString("# what runs here\nkind: Release\nnote: \"as it was\"\nspec:\n")
	for _, s := range slots {
		fmt.Fprintf(&b, "  %s:\n    version: %s # promoter keeps it\n", s.app, w.written(s, version))
		if s.digest == beside {
			fmt.Fprintf(&b, "    digest: %s # promoter keeps it\n", w.digestOf(s.artifact, version))
		}
	}
	b.WriteString("  replicas: 2\n")
	return b.String()
}

// written is what a slot's scalar reads at a version.
func (w *world) written(s *slot, version string) string {
	if s.artifact.Kind != promoter.Image || s.over != nil {
		return version
	}
	text := s.artifact.Source + "/" + s.artifact.Name + ":" + version
	if s.digest == joined {
		text += "@" + w.digestOf(s.artifact, version)
	}
	return text
}

// pinned is a file's text with another version in a slot.
func (w *world) pinned(s *slot, text, to string) (string, bool) {
	at, ok := w.place(s, text)
	if !ok {
		return "", false
	}
	if s.digest == beside {
		d := w.placeAt(s, s.digestPath(), text)
		text = text[:d.Start] + w.digestOf(s.artifact, to) + text[d.End:]
	}
	return text[:at.Start] + w.written(s, to) + text[at.End:], true
}

// version is the version part of what a slot reads.
func (s *slot) version(written string) string {
	written, _, _ = strings.Cut(written, "@")
	if s.artifact.Kind == promoter.Image {
		return written[strings.LastIndexByte(written, ':')+1:]
	}
	return written
}

// place finds where a slot stands in a text; false when it does not.
func (w *world) place(s *slot, text string) (promoter.Place, bool) {
	p := w.placeAt(s, s.path, text)
	return p, p.Written != ""
}

func (w *world) placeAt(s *slot, path, text string) promoter.Place {
	key := s.file + "\x00" + path + "\x00" + text
	if p, ok := w.places[key]; ok {
		return p
	}
	p := promoter.Place{}
	docs, errs := yamltree.Parse([]byte(text))
	if len(errs) == 0 && len(docs) > 0 {
		n := docs[0].Root.Get(strings.Split(path, ".")...)
		if path == imagePath {
			for _, item := range docs[0].Root.Get("images").Items() {
				n = item.Get("newTag")
			}
		}
		if n != nil && n.Kind == yamltree.Scalar {
			p = promoter.Place{File: s.file, Line: n.Line, Path: path, Start: n.Start, End: n.End, Written: n.Value}
		}
	}
	w.places[key] = p
	return p
}

// imagePath is where the entry stands that a kustomization without images gets.
const imagePath = "images[0].newTag"

// slotAt is the slot that a place is of, and whether its digest is meant.
func (w *world) slotAt(at promoter.Place) (s *slot, digest bool) {
	for _, s := range w.slots {
		if s.file != at.File {
			continue
		}
		if s.path == at.Path || s.path == imagePath && strings.HasPrefix(at.Path, "images[") {
			return s, false
		}
		if s.digest == beside && s.digestPath() == at.Path {
			return s, true
		}
	}
	return nil, false
}

// reads is what a slot has in a commit, its version and the beginning of its
// digest; "" when it is not there. What an overlay does not say is what the
// shared file does.
func (w *world) reads(s *slot, hash string) string {
	c := w.repo.objects[hash]
	if c == nil {
		return ""
	}
	return w.readsIn(s, c.files)
}

func (w *world) readsIn(s *slot, files tree) string {
	p, ok := w.place(s, files[s.file])
	switch {
	case !ok && s.over != nil:
		return w.readsIn(s.over, files)
	case !ok:
		return ""
	}
	digest := ""
	switch s.digest {
	case none:
		return s.version(p.Written)
	case joined:
		_, digest, _ = strings.Cut(p.Written, "@")
	case beside:
		digest = w.placeAt(s, s.digestPath(), files[s.file]).Written
	}
	if len(digest) < 19 {
		return s.version(p.Written)
	}
	return s.version(p.Written) + "@" + digest[7:19]
}

// says reports whether a slot is written in a commit.
func (w *world) says(s *slot, hash string) bool {
	c := w.repo.objects[hash]
	if c == nil {
		return false
	}
	_, ok := w.place(s, c.files[s.file])
	return ok
}

// reachOf are the places that a slot reaches as of a commit: those for which no
// overlay says otherwise.
func (w *world) reachOf(s *slot, hash string) []promoter.Reached {
	var out []promoter.Reached
	for _, r := range s.reaches {
		other := slices.ContainsFunc(w.slots, func(o *slot) bool { return o.over == s && o.at == r && w.says(o, hash) })
		if !other && (s.over == nil || w.says(s, hash)) {
			out = append(out, r)
		}
	}
	return out
}

// overlays are the files that could say otherwise than a slot, and do not.
func (w *world) overlays(s *slot, hash string) []promoter.Overlay {
	var out []promoter.Overlay
	for _, o := range w.slots {
		if o.over == s && !w.says(o, hash) && !w.in("unread", o.file) {
			x := promoter.Overlay{File: o.file, Environment: o.at.Environment, Tenant: o.at.Tenant, Cluster: o.at.Cluster, Wave: o.at.Wave, Insert: o.insert}
			if o.insert != (promoter.Insert{}) {
				x.Path = o.path
			}
			out = append(out, x)
		}
	}
	return out
}

// targets are what a scan of a commit finds, with what its sources say.
func (w *world) targets(hash string) (out []promoter.Target, unread [][]string) {
	unread = make([][]string, len(w.policy.Waves))
	files := w.repo.objects[hash].files
	pins := make([]promoter.Pin, 0, len(w.slots))
	var found []*slot
	for _, s := range w.slots {
		if w.in("unread", s.file) {
			for _, r := range s.reaches {
				if r.Wave >= 0 && !slices.Contains(unread[r.Wave], s.file) {
					unread[r.Wave] = append(unread[r.Wave], s.file)
				}
			}
			continue
		}
		at, ok := w.place(s, files[s.file])
		if !ok {
			continue
		}
		p := promoter.Pin{
			Artifact: s.artifact, Version: s.version(at.Written), Consumer: promoter.ByArgoCD, Place: at, App: s.app,
			Environment: s.at.Environment, Tenant: s.at.Tenant, Cluster: s.at.Cluster, Detector: "sim",
		}
		if s.artifact.Kind == promoter.Image {
			p.Consumer = promoter.ByContainer
		}
		switch s.digest {
		case none:
		case joined:
			_, p.Digest, _ = strings.Cut(at.Written, "@")
		case beside:
			d := w.placeAt(s, s.digestPath(), files[s.file])
			p.Digest, p.DigestPlace = d.Written, &d
		}
		p.Form = promoter.Classify(s.artifact.Kind, p.Consumer, p.Version)
		pins, found = append(pins, p), append(found, s)
	}
	w.cfg.Place(pins)
	for i, p := range pins {
		s := found[i]
		t := promoter.Target{Pin: p, Wave: s.at.Wave, Reach: w.reachOf(s, hash), Overlays: w.overlays(s, hash)}
		t.Wanted, _ = w.cfg.Wanted(p)
		t.Class, t.Group, t.Rank = w.cfg.Classify(p)
		t.Choice = w.catalog(s).Choose(p, t.Wanted, w.now)
		out = append(out, t)
	}
	return out, unread
}

// unsure reports whether nothing is known now of what a slot could be at.
func (w *world) unsure(s *slot) bool {
	return w.in("unlisted", s.artifact.Name) || w.in("dim", s.key()) || w.in("unread", s.file)
}
