package flux

import (
	"path"
	"strconv"
	"strings"

	"promoter/detectors"
	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// kustomization reads a Kustomization of kustomize-controller.
func (o object) kustomization() {
	spec := o.Get("spec")
	at, source := spec.Get("path"), sourceRef(spec.Get("sourceRef"))
	fields := map[string]string{
		"path": at.Str(), "targetNamespace": spec.Str("targetNamespace"),
		"source.kind": source.Kind, "source.namespace": source.Namespace, "source.name": source.Name,
	}
	for i, from := range spec.Get("postBuild", "substituteFrom").Items() {
		fields["substituteFrom."+strconv.Itoa(i)] = from.Str("kind") + "/" + from.Str("name")
	}
	o.fact(o.Get("metadata", "name"), fields)
	o.sourcePath(at, clean(at.Str()), source, "spec.path")
	for _, item := range spec.Get("components").Items() {
		o.sourcePath(item, clean(path.Join(clean(at.Str()), item.Str())), source, "components")
	}
	o.variables(spec.Get("postBuild", "substitute"))
	detectors.KustomizeImages(spec.Get("images"), o.pin(), o.r)
	o.inlinePatches(spec)
}

// variables records the scalars of a mapping as variables.
func (o object) variables(c detectors.Cursor) {
	if c.Node == nil || c.Node.Kind != yamltree.Mapping {
		return
	}
	c.Node.Pairs(func(k, _ *yamltree.Node) {
		v := c.Get(k.Value)
		if !isVariable(k.Value) || !v.IsScalar() || v.Unwritten() != "" || strings.HasPrefix(v.Node.Value, "ENC[") {
			return
		}
		o.r.Facts = append(o.r.Facts, detectors.Fact{Kind: substituteFact, Name: k.Value, Namespace: o.namespace, Place: v.Place()})
	})
}

// isVariable reports whether a name can stand in ${}.
func isVariable(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// configMap records that a ConfigMap or Secret could hold variables, and finds
// the images in Helm values that it holds.
func (o object) configMap() {
	data := o.Get("data")
	if o.kind == "Secret" {
		data = o.Get("stringData") // data is encoded: no version stands in it
	}
	if data.Node == nil {
		return
	}
	holds := false
	data.Node.Pairs(func(k, v *yamltree.Node) { holds = holds || isVariable(k.Value) && v.Kind == yamltree.Scalar })
	if holds {
		o.fact(o.Get("metadata", "name"), nil)
	}
	for _, key := range []string{"values.yaml", "values.yml"} {
		if text := data.Get(key); text.IsScalar() && strings.Contains(text.Node.Value, "\n") {
			docs, err := text.Embedded()
			if err != nil {
				o.skip(text, "values that cannot be read: "+err.Error())
				continue
			}
			for _, doc := range docs {
				with := o.pin()
				with.App = ""
				o.images(doc, with)
			}
		}
	}
}

// imageAutomation records what ties an image policy to its image.
func (o object) imageAutomation() {
	switch o.kind {
	case "ImageRepository":
		image := o.Get("spec", "image")
		o.fact(image, map[string]string{"image": image.Str()})
	case "ImagePolicy":
		ref := o.Get("spec", "imageRepositoryRef")
		o.fact(ref.Get("name"), map[string]string{"repository": ref.Str("name"), "repository.namespace": ref.Str("namespace")})
	}
}

// instance reads a FluxInstance: the version of Flux itself.
func (o object) instance() {
	o.fact(o.Get("metadata", "name"), nil)
	spec := o.Get("spec")
	if v := spec.Get("distribution", "version"); v.IsScalar() {
		p := o.pin()
		p.Artifact, p.Consumer = fluxItself(), promoter.ByFlux
		o.add(p, v, v)
	}
	if at := spec.Get("distribution", "artifact"); at.IsScalar() {
		if rest, ok := strings.CutPrefix(at.Node.Value, "oci://"); ok && at.Unwritten() == "" {
			if ref, ok := detectors.ParseImage(rest); ok {
				p := o.pin()
				p.Artifact, p.Version, p.Digest, p.Form = ref.Artifact(), ref.Tag, ref.Digest, ref.Form()
				p.Consumer, p.Place = promoter.ByFluxOCI, at.Place()
				o.r.Pins = append(o.r.Pins, p)
			}
		}
	}
	if at := spec.Get("sync", "path"); at.IsScalar() {
		// What the operator syncs is the Kustomization of the instance's
		// namespace; its source is written beside it.
		o.r.Facts = append(o.r.Facts, detectors.Fact{
			Kind: sourcePathFact, Name: clean(at.Node.Value), Namespace: o.namespace, Place: at.Place(), Fields: map[string]string{
				"kind": spec.Str("sync", "kind"), "url": spec.Str("sync", "url"), "app": o.name, "via": "spec.sync.path",
			},
		})
	}
	o.inlinePatches(spec.Get("kustomize"))
}

// fluxItself is the artifact of Flux's own releases.
func fluxItself() promoter.Artifact {
	return detectors.GitArtifact("https://github.com/fluxcd/flux2")
}
