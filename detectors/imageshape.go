package detectors

import (
	"strings"

	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// entry is a key of a mapping that has a role, and its scalar value.
type entry struct {
	base, suffix string
	role         role
	key          string
	value        *yamltree.Node // a scalar, or an alias of one
	merged       bool           // brought in by a merge key
	used         bool           // part of a pin already
}

func (e *entry) text() string { return strings.TrimSpace(e.value.Resolve().Value) }

func (e *entry) empty() bool { return e.value.IsNull() || e.text() == "" }

// imageShape is one mapping, read as the description of images.
type imageShape struct {
	*imageWalker
	node *yamltree.Node
	key  string // the key it stands under
	ctx  imageContext
}

// shape reports the images that the scalars of mapping n describe together.
func (w *imageWalker) shape(n *yamltree.Node, key string, ctx imageContext) {
	w.entries = w.entries[:0]
	merge := false
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind != yamltree.Scalar {
			continue
		}
		if k.Value == "<<" && k.Style == yamltree.Plain {
			merge = true
			continue
		}
		w.gather(k.Value, n.Content[i+1], false)
	}
	if len(w.entries) == 0 {
		return
	}
	if merge {
		for _, k := range [...]string{"image", "repository", "registry", "tag", "digest"} {
			if w.own(k) == nil {
				if v := n.Get(k); v != nil {
					w.gather(k, v, true)
				}
			}
		}
	}
	s := imageShape{imageWalker: w, node: n, key: key, ctx: ctx}
	for i := range w.entries {
		if e := &w.entries[i]; e.role == roleTag || e.role == roleVersion {
			s.tag(e)
		}
	}
	for i := range w.entries {
		switch e := &w.entries[i]; {
		case e.used:
		case e.role == roleRepository:
			s.repository(e)
		case e.role == roleImage:
			s.image(e)
		case ctx == oneImage && (e.role == roleName || e.role == roleReference):
			s.whole(e)
		case e.role == roleName && e.base == "" && len(n.Content) == 4:
			s.variable(e)
		}
	}
}

func (w *imageWalker) gather(key string, value *yamltree.Node, merged bool) {
	base, suffix, r := splitKey(key)
	if r == noRole {
		return
	}
	if t := value.Resolve(); t == nil || t.Kind != yamltree.Scalar {
		return
	}
	if w.entries == nil {
		w.entries = make([]entry, 0, 4) // most often registry, repository and tag
	}
	w.entries = append(w.entries, entry{base: base, suffix: suffix, role: r, key: key, value: value, merged: merged})
}

func (w *imageWalker) own(suffix string) *entry { return w.find("", suffix) }

// find returns the entry of a base and the first of the suffixes that is there
// and says something.
func (w *imageWalker) find(base string, suffixes ...string) *entry {
	for _, suffix := range suffixes {
		for i := range w.entries {
			if e := &w.entries[i]; e.base == base && e.suffix == suffix && !e.empty() {
				return e
			}
		}
	}
	return nil
}

// at calls f with the walk standing at e's value.
func (s *imageShape) at(e *entry, f func(n *yamltree.Node)) {
	merged := s.merged
	s.merged = merged || e.merged
	s.steps = append(s.steps, step{key: e.key})
	f(e.value)
	s.steps = s.steps[:len(s.steps)-1]
	s.merged = merged
}

func (s *imageShape) refuse(e *entry, reason string) {
	e.used = true
	s.at(e, func(n *yamltree.Node) { s.skip(n, reason) })
}

// registryFor is the registry that images of this mapping come from when their
// repository names none. global.imageRegistry overrides, as charts that know
// it do.
func (s *imageShape) registryFor(base string) (registry string, e *entry) {
	if e = s.find(base, "imageregistry", "registry"); e == nil && base != "" {
		e = s.find("", "imageregistry", "registry")
	}
	if e != nil {
		registry = e.text()
		for _, scheme := range [...]string{"https://", "http://", "oci://", "docker://"} {
			registry = strings.TrimPrefix(registry, scheme)
		}
	}
	if s.global != "" {
		registry = s.global
	}
	return strings.TrimSuffix(registry, "/"), e
}

// tag reports a tag that has a scalar of its own.
func (s *imageShape) tag(e *entry) {
	if e.role == roleVersion && s.find(e.base, "imagetag", "tag") != nil {
		return
	}
	repo := s.find(e.base, "imagerepository", "repository", "imagerepo", "repo", "image", "imagename")
	if repo == nil {
		if n := s.find("", "name"); n != nil && e.base == "" && e.role == roleTag &&
			(s.ctx != notImage || strings.Contains(n.text(), "/")) {
			repo = n
		}
	}
	imagey := s.ctx == oneImage || strings.HasPrefix(e.suffix, "image")
	if repo == nil {
		if imagey && !e.empty() && (e.role == roleTag || looksLikeVersion(e.text())) {
			s.alone(e)
		}
		return
	}
	registry, regEntry := s.registryFor(e.base)
	if e.role == roleVersion && (e.empty() || !looksLikeVersion(e.text()) || !imagey && regEntry == nil &&
		!(repo.role == roleImage && strings.Contains(repo.text(), "/"))) {
		return
	}
	name := repo.text()
	if strings.Contains(name, "://") {
		return // a Git or chart repository, and its tag
	}
	for _, part := range [...]*entry{repo, regEntry, e} {
		if part == nil {
			continue
		}
		if reason := Unwritten(s.f, part.value.Resolve()); reason != "" {
			if part != e {
				reason = "image " + part.suffix + ": " + reason
			}
			repo.used = true
			s.refuse(e, reason)
			return
		}
	}
	if org := s.find("", "name"); org != nil && regEntry != nil && repo.suffix == "repository" && !strings.Contains(name, "/") {
		name += "/" + org.text() // registry, repository (an organization) and name
	}
	written, ok := ParseImage(name)
	if !ok {
		if e.role == roleTag && imagey {
			repo.used = true
			s.refuse(e, "the repository beside the tag is not an image's name")
		}
		return
	}
	if (written.Tag != "" || written.Digest != "") && repo.role == roleImage {
		return // "image: a/b:1" says it all; this tag is another's
	}
	if !written.Hosted && registry != "" {
		if written, ok = ParseImage(joinRegistry(registry, name)); !ok {
			repo.used = true
			s.refuse(e, "registry and repository do not make an image's name")
			return
		}
	}
	repo.used = true
	s.version(e, repo, written)
}

// version reports the pin of image ref whose tag is at e.
func (s *imageShape) version(e, repo *entry, ref ImageRef) {
	e.used = true
	tag, digest, _ := strings.Cut(e.text(), "@")
	if e.value.IsNull() {
		tag = ""
	}
	if validDigest(tag) && digest == "" {
		tag, digest = "", tag
	}
	if tag == "" && digest == "" { // the chart's appVersion, or a digest alone
		s.untagged(repo, e, ref)
		return
	}
	if tag != "" && !validTag(tag) || digest != "" && !validDigest(digest) {
		s.refuse(e, "not a tag that a registry would accept")
		return
	}
	var p Pin
	s.at(e, func(n *yamltree.Node) { p = s.pin(n, ref) })
	p.Version, p.Digest, p.Form = tag, digest, ClassifyTag(tag)
	if tag == "" {
		p.Form = promoter.Digest
	}
	s.digest(&p, e.base)
	s.add(p)
}

// digestFor returns the digest that has a scalar of its own beside the image.
// Some charts want the bare hash: the digest is whole in what is returned.
func (s *imageShape) digestFor(base string) (*entry, string) {
	e := s.find(base, "imagedigest", "digest", "imagesha", "sha", "sha256")
	if e == nil {
		return nil, ""
	}
	switch d := e.text(); {
	case validDigest(d):
		return e, d
	case len(d) == 64 && isHex(d):
		return e, "sha256:" + d
	}
	return nil, ""
}

func (s *imageShape) digest(p *Pin, base string) {
	e, digest := s.digestFor(base)
	if e == nil || p.Digest != "" || p.Version == "" {
		return
	}
	s.at(e, func(n *yamltree.Node) {
		place := s.place(n)
		p.Digest, p.DigestPlace = digest, &place
	})
}

// untagged reports an image whose repository is written and whose tag is not.
// at is the scalar that an edit would fill in: the empty tag, if there is one.
func (s *imageShape) untagged(repo, at *entry, ref ImageRef) {
	repo.used = true
	if e, digest := s.digestFor(repo.base); e != nil {
		s.at(e, func(n *yamltree.Node) {
			p := s.pin(n, ref)
			p.Digest, p.Form = digest, promoter.Digest
			s.add(p)
		})
		return
	}
	s.at(at, func(n *yamltree.Node) {
		p := s.pin(n, ref)
		p.Form = promoter.Missing
		s.add(p)
	})
}

// alone reports a tag without a repository: it overrides a chart's default
// image, whose name is not written here.
func (s *imageShape) alone(e *entry) {
	if reason := Unwritten(s.f, e.value.Resolve()); reason != "" {
		s.refuse(e, reason)
		return
	}
	registry, _ := s.registryFor(e.base)
	host, _, _ := strings.Cut(registry, "/")
	if host != "" {
		host = canonicalHost(host)
	}
	ref := ImageRef{Registry: host}
	s.version(e, e, ref)
}

// repository reports a repository that no tag stands beside.
func (s *imageShape) repository(e *entry) {
	registry, regEntry := s.registryFor(e.base)
	if e.empty() || strings.Contains(e.text(), "://") ||
		s.ctx == notImage && regEntry == nil && !strings.HasPrefix(e.suffix, "image") {
		return
	}
	if reason := Unwritten(s.f, e.value.Resolve()); reason != "" {
		s.refuse(e, reason)
		return
	}
	ref, ok := ParseImage(e.text())
	if ok && !ref.Hosted && registry != "" {
		ref, ok = ParseImage(joinRegistry(registry, e.text()))
	}
	switch {
	case !ok:
		s.refuse(e, "not an image's name that a registry would accept")
	case ref.Tag != "" || ref.Digest != "":
		s.at(e, func(n *yamltree.Node) {
			p := s.pin(n, ref)
			p.Version, p.Digest, p.Form = ref.Tag, ref.Digest, ref.Form()
			s.add(p)
		})
	default:
		s.untagged(e, e, ref)
	}
}

// image reports a whole reference under a key like "image".
func (s *imageShape) image(e *entry) {
	if b := s.node.Get("build"); b != nil && (b.Kind == yamltree.Mapping || strings.HasPrefix(b.Value, ".")) {
		return // docker compose: the name of what is built here
	}
	c := maybe
	switch {
	case e.suffix == "image" && e.base == "" && hasFold(s.key, "containers"):
		c = sure
	case e.suffix == "image" && (e.base == "" || e.base == "container"):
		c = likely
	}
	registry := ""
	if r := s.find(e.base, "imageregistry", "registry"); r != nil && Unwritten(s.f, r.value.Resolve()) == "" {
		registry = strings.TrimSuffix(r.text(), "/")
	}
	var p *Pin
	s.at(e, func(n *yamltree.Node) { p = s.reference(n, registry, c) })
	if p != nil {
		s.digest(p, e.base)
	}
}

// whole reports "name" or "reference" below "image" where it holds a whole
// reference: a name alone may be anything.
func (s *imageShape) whole(e *entry) {
	if strings.ContainsAny(e.text(), ":@") {
		s.at(e, func(n *yamltree.Node) { s.reference(n, "", maybe) })
	}
}

// variable reports the image that an environment variable or a parameter
// carries: "name: RELATED_IMAGE_AGENT" and its "value".
func (s *imageShape) variable(e *entry) {
	name := e.text()
	if r := roleOf(name); r != roleImage && name != "bundle" && !strings.HasPrefix(name, "RELATED_IMAGE_") {
		return
	}
	for i := 0; i+1 < len(s.node.Content); i += 2 {
		k, v := s.node.Content[i], s.node.Content[i+1]
		if t := v.Resolve(); k.Value != "value" || t == nil || t.Kind != yamltree.Scalar || !strings.Contains(t.Value, "/") {
			continue
		}
		s.steps = append(s.steps, step{key: k.Value})
		s.reference(v, "", maybe)
		s.steps = s.steps[:len(s.steps)-1]
	}
}

// looksLikeVersion keeps "version: v2" (an API's) from being read as a tag
// only where nothing else says that it is one; it asks for a digit.
func looksLikeVersion(v string) bool {
	tag, _, _ := strings.Cut(v, "@")
	return validTag(tag) && strings.ContainsAny(tag, "0123456789")
}
