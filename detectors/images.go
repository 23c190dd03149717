package detectors

import (
	"path"
	"strings"

	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// Images adds to r every container image that a tree of values pins, whatever
// its shape: "image: a/b:1", repository and tag (or version) with or without
// registry and digest, name and tag, "images" maps and lists, flat imageTag
// and fooImage+fooTag, image volumes, and a tag alone where the repository is
// the chart's default (such a pin's Artifact has no Name).
//
// root is a document or a part of one, and at its path. with is a template for
// the pins: its Place.Doc, App, Detector and the like are kept; Consumer is
// ByContainer where it is empty. A value that a template or variable writes is
// a Skip. Aliases are reported where their anchor stands, as an edit must be.
func Images(f *File, root *yamltree.Node, at string, with Pin, r *Report) {
	if root == nil {
		return
	}
	if with.Consumer == "" {
		with.Consumer = promoter.ByContainer
	}
	w := imageWalker{f: f, r: r, with: with, root: root, at: at, steps: make([]step, 0, 8)}
	if g := root.Get("global"); g != nil {
		w.global = g.Str("imageRegistry")
	}
	w.walk(root, "", notImage)
}

// certainty says how much a key promises about a scalar below it.
type certainty uint8

const (
	maybe  certainty = iota // an image only if it is written with a tag, a digest or a path
	likely                  // the key is "image": a plain word is one too
	sure                    // a container's image, whatever it looks like
)

// imageContext says what the place of a node promises about it.
type imageContext uint8

const (
	notImage   imageContext = iota
	oneImage                // the value of a key such as "image"
	manyImages              // the value of a key "images": each child is an image
)

type imageWalker struct {
	f      *File
	r      *Report
	with   Pin
	root   *yamltree.Node
	at     string
	global string // global.imageRegistry
	steps  []step // from root to the node in hand; rendered only for what is found
	// paths holds the path of every node, made when the first alias or merge
	// key asks where its text stands.
	paths   map[*yamltree.Node]string
	any     bool           // something was met: first
	first   claim          // most values hold one image
	seen    map[claim]bool // what was met from the second on
	entries []entry        // scratch space of shape
	merged  bool           // the values in hand may come from a merge key or an alias
}

// step is one key or index on the way down.
type step struct {
	key   string
	index int
	item  bool
}

// maxDepth is deeper than any manifest; it bounds the stack of a hostile file.
const maxDepth = 500

func (w *imageWalker) walk(n *yamltree.Node, key string, ctx imageContext) {
	if len(w.steps) > maxDepth {
		return
	}
	switch n.Kind {
	case yamltree.Mapping:
		w.mapping(n, key, ctx)
	case yamltree.Sequence:
		for i, item := range n.Content {
			w.steps = append(w.steps, step{index: i, item: true})
			switch {
			case item.Kind != yamltree.Scalar:
				w.walk(item, key, ctx)
			case ctx == manyImages:
				w.reference(item, "", maybe)
			case strings.HasPrefix(item.Value, "-"):
				w.argument(item)
			}
			w.steps = w.steps[:len(w.steps)-1]
		}
	}
}

// mapping reads the image that n itself may be, then what is below it. key is
// the key that n, or the sequence it is an item of, stands under.
func (w *imageWalker) mapping(n *yamltree.Node, key string, ctx imageContext) {
	w.shape(n, key, ctx)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Kind != yamltree.Scalar || v.Kind == yamltree.Scalar && ctx != manyImages {
			continue
		}
		w.steps = append(w.steps, step{key: k.Value})
		child := childContext(k.Value, ctx)
		switch {
		case v.Kind == yamltree.Scalar:
			if roleOf(k.Value) == noRole {
				w.reference(v, "", maybe)
			}
		case v.Kind == yamltree.Alias:
			// The anchor's own key may not say that it is an image: read its
			// shape here, but do not go down again (aliases multiply).
			if t := v.Resolve(); child == oneImage && t != nil && t.Kind == yamltree.Mapping {
				w.merged = true
				w.shape(t, k.Value, child)
				w.merged = false
			}
		default:
			w.walk(v, k.Value, child)
		}
		w.steps = w.steps[:len(w.steps)-1]
	}
}

func childContext(key string, parent imageContext) imageContext {
	if parent == manyImages {
		if key == "tags" { // images.tags.<name>: a/b:1
			return manyImages
		}
		return oneImage
	}
	switch {
	case hasFold(key, "images"):
		return manyImages
	case roleOf(key) == roleImage:
		return oneImage
	}
	return notImage
}

// reference reports a scalar (or alias of one) that is a whole image
// reference, and returns its pin if that is what it is.
func (w *imageWalker) reference(n *yamltree.Node, registry string, c certainty) *Pin {
	scalar := n.Resolve()
	if scalar == nil || scalar.Kind != yamltree.Scalar || scalar.IsNull() {
		return nil
	}
	written := strings.TrimSpace(scalar.Value)
	if written == "" || strings.Contains(written, "://") || strings.IndexByte("/.#", written[0]) >= 0 {
		return nil
	}
	if reason := Unwritten(w.f, scalar); reason != "" {
		w.skip(n, reason)
		return nil
	}
	if !looksLikeReference(written) {
		return nil
	}
	ref, ok := ParseImage(written)
	switch {
	case !ok && strings.ContainsAny(written, ":@") && c != maybe:
		w.skip(n, "not an image reference that a registry would accept")
		return nil
	case !ok, ref.Tag == "" && ref.Digest == "" && !strings.Contains(written, "/") &&
		(c == maybe || c == likely && strings.ContainsAny(written, "0123456789._")):
		return nil
	}
	if registry != "" && !ref.Hosted {
		if ref, ok = ParseImage(joinRegistry(registry, written)); !ok {
			w.skip(n, "registry and image do not make an image reference")
			return nil
		}
	}
	p := w.pin(n, ref)
	p.Version, p.Digest, p.Form = ref.Tag, ref.Digest, ref.Form()
	return w.add(p)
}

// argument reports the image in a program's argument: "--sidecar-image=a/b:1".
func (w *imageWalker) argument(n *yamltree.Node) {
	flag, image, ok := strings.Cut(n.Value, "=")
	if !ok || !strings.Contains(image, "/") || strings.Contains(image, "://") ||
		roleOf(strings.TrimLeft(flag, "-")) != roleImage && !strings.Contains(flag, "image") {
		return
	}
	ref, ok := ParseImage(strings.TrimSpace(image))
	if !ok || ref.Tag == "" && ref.Digest == "" || Unwritten(w.f, n) != "" {
		return
	}
	p := w.pin(n, ref)
	p.Version, p.Digest, p.Form = ref.Tag, ref.Digest, ref.Form()
	w.add(p)
}

// add keeps a pin, unless the same one was met at its anchor already.
func (w *imageWalker) add(p Pin) *Pin {
	if w.met(claim{p.Place.Start, p.Artifact}) {
		return nil
	}
	w.r.Pins = append(w.r.Pins, p)
	return &w.r.Pins[len(w.r.Pins)-1]
}

// met reports whether a claim was made before, and notes that it is.
func (w *imageWalker) met(c claim) bool {
	if !w.any {
		w.any, w.first = true, c
		return false
	}
	if c == w.first || w.seen[c] {
		return true
	}
	if w.seen == nil {
		w.seen = map[claim]bool{}
	}
	w.seen[c] = true
	return false
}

// claim is a scalar and the artifact that it was found to pin.
type claim struct {
	start    int
	artifact promoter.Artifact
}

// looksLikeReference keeps out what stands under a key like "image" and is
// none: pictures and disk images, words with spaces, numbers, booleans.
func looksLikeReference(s string) bool {
	if strings.ContainsAny(s, " \t\n,;=") || strings.Trim(s, "0123456789.") == "" {
		return false
	}
	switch s {
	case "true", "false", "yes", "no", "on", "off", "none", "null":
		return false
	}
	switch strings.ToLower(path.Ext(s)) {
	case ".png", ".svg", ".jpg", ".jpeg", ".gif", ".webp", ".ico", ".bmp", ".iso", ".img",
		".qcow2", ".vmdk", ".raw", ".ova", ".vhd", ".xz", ".gz", ".tar":
		return false
	}
	return true
}

// pin starts a pin at node n, which may be an alias.
func (w *imageWalker) pin(n *yamltree.Node, ref ImageRef) Pin {
	p := w.with
	p.Artifact = ref.Artifact()
	p.Place = w.place(n)
	return p
}

func (w *imageWalker) skip(n *yamltree.Node, reason string) {
	if w.met(claim{start: n.Resolve().Start}) {
		return
	}
	w.r.Skips = append(w.r.Skips, Skip{Place: w.place(n), Detector: w.with.Detector, Reason: reason})
}

// place is where n's text stands: for an alias its anchor, for a value that a
// merge key brought in the mapping it is written in.
func (w *imageWalker) place(n *yamltree.Node) promoter.Place {
	t := n.Resolve()
	if n == t && !w.merged {
		return PlaceOf(w.f, w.with.Place.Doc, n, w.path())
	}
	if w.paths == nil {
		w.paths = map[*yamltree.Node]string{}
		w.index(w.root, w.at, 0)
	}
	at, ok := w.paths[t]
	if !ok { // the anchor stands outside of the part that was handed in
		at = w.path()
	}
	return PlaceOf(w.f, w.with.Place.Doc, t, at)
}

func (w *imageWalker) index(n *yamltree.Node, at string, depth int) {
	if depth > maxDepth {
		return
	}
	w.paths[n] = at
	switch n.Kind {
	case yamltree.Mapping:
		n.Pairs(func(k, v *yamltree.Node) { w.index(v, JoinKey(at, k.Value), depth+1) })
	case yamltree.Sequence:
		for i, item := range n.Content {
			w.index(item, JoinItem(at, i), depth+1)
		}
	}
}

func (w *imageWalker) path() string {
	var room [96]byte
	at := append(room[:0], w.at...)
	for _, s := range w.steps {
		if s.item {
			at = appendItem(at, s.index)
		} else {
			at = appendKey(at, s.key)
		}
	}
	return string(at)
}

func joinRegistry(registry, repository string) string {
	registry = strings.TrimSuffix(registry, "/")
	if registry == "" || strings.HasPrefix(repository, registry+"/") {
		return repository
	}
	return registry + "/" + repository
}

// hasFold reports whether s ends in suffix, which is in lower case, whatever
// the case of s.
func hasFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}
