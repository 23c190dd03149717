package detectors

import (
	"path"
	"slices"
	"strings"

	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// KustomizeImages adds the pins of a list in the form of kustomize's "images":
// name, newName, newTag, digest. It stands in kustomization.yaml, in Flux
// Kustomizations and in a HelmRelease's post-renderers. An entry that only
// renames an image pins nothing here: its version stands where it is used.
func KustomizeImages(list Cursor, with Pin, r *Report) {
	with.Consumer = promoter.ByContainer
	for _, item := range list.Items() {
		tag, digest := item.Get("newTag"), item.Get("digest")
		if tag.IsScalar() || digest.IsScalar() {
			kustomizeImage(item, tag, digest, with, r)
		}
	}
}

func kustomizeImage(item, tag, digest Cursor, with Pin, r *Report) {
	at := tag
	if !tag.IsScalar() {
		at = digest
	}
	skip := func(reason string) {
		r.Skips = append(r.Skips, Skip{Place: at.Place(), Detector: with.Detector, Reason: reason})
	}
	p := with
	p.Place = at.Place()
	name := item.Get("newName")
	if !name.IsScalar() {
		name = item.Get("name")
	}
	for _, c := range []Cursor{name, tag, digest} {
		if c.IsScalar() && c.Unwritten() != "" {
			skip(c.Unwritten())
			return
		}
	}
	if !name.IsScalar() {
		skip("an image without a name")
		return
	}
	ref, ok := ParseImage(strings.TrimSpace(name.Node.Value))
	if !ok {
		skip("the image's name is not one that a registry would accept")
		return
	}
	p.Artifact = ref.Artifact()
	if tag.IsScalar() {
		version, inline, _ := strings.Cut(strings.TrimSpace(tag.Node.Value), "@")
		p.Version, p.Digest = version, inline
	}
	if digest.IsScalar() {
		// With both, kustomize deploys the digest: the tag beside it says
		// which version that was, and they move together.
		p.Digest = strings.TrimSpace(digest.Node.Value)
		if tag.IsScalar() {
			place := digest.Place()
			p.DigestPlace = &place
		}
	}
	if p.Digest != "" && !validDigest(p.Digest) {
		skip("not a digest: algorithm or length is wrong")
		return
	}
	if p.Version != "" && !validTag(p.Version) {
		skip("not a tag that a registry would accept")
		return
	}
	p.Form = (ImageRef{Tag: p.Version, Digest: p.Digest}).Form()
	r.Pins = append(r.Pins, p)
}

// KustomizationFact is the kind of the Fact that says which namespace a
// kustomization sets (Namespace); its Name is the kustomization's path.
const KustomizationFact = "kustomization.yaml"

// PatchTargetFact is the kind of the Fact that says what a patch file is
// applied to: Name is the file's path, Fields are the target's "kind", "name"
// and "namespace".
const PatchTargetFact = "patch-target"

// IsKustomizationFile reports whether kustomize would take a file for a
// kustomization: it goes by the name alone.
func IsKustomizationFile(file string) bool {
	switch path.Base(file) {
	case "kustomization.yaml", "kustomization.yml", "Kustomization":
		return true
	}
	return false
}

// PatchFact is the kind of the Fact that a patched version leaves where the
// path of the patch's text does not say which field is patched: Name and
// Namespace are the object's, Fields its "kind" and the field's "path", and
// Place is that of the pin.
const PatchFact = "patch"

// KustomizePatches adds what a list of kustomize patches pins: strategic merge
// patches and JSON 6902 patches that are written in the list itself ("patch",
// or the item). A patched version whose artifact only the patched object names
// has that object as its SourceRef.
func KustomizePatches(list Cursor, with Pin, r *Report) {
	for _, item := range list.Items() {
		text, target := item, Ref{}
		if item.Node != nil && item.Node.Kind == yamltree.Mapping {
			if text = item.Get("patch"); text.Node == nil {
				continue // a file: it is read on its own
			}
			t := item.Get("target")
			target = Ref{Kind: t.Str("kind"), Namespace: t.Str("namespace"), Name: t.Str("name")}
		}
		if !text.IsScalar() || !mayPin(text.Node.Value) {
			continue
		}
		if !strings.ContainsAny(text.Node.Value, "\n{[") {
			continue // a file's name
		}
		docs, err := text.Embedded()
		if err != nil {
			r.Skips = append(r.Skips, Skip{Place: text.Place(), Detector: with.Detector, Reason: "a patch that cannot be read: " + err.Error()})
			continue
		}
		for _, doc := range docs {
			Patch(doc, target, with, r)
		}
	}
}

// mayPin is a quick look whether a patch's text could pin anything at all.
func mayPin(text string) bool {
	for _, part := range [...]string{"mage", "epository", "ersion", "evision", "tag", "Tag", "ref"} {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// Patch adds what one kustomize patch pins. target is what the patch is
// applied to, as far as its list says so.
func Patch(doc Cursor, target Ref, with Pin, r *Report) {
	if doc.Node == nil {
		return
	}
	if doc.Node.Kind == yamltree.Sequence {
		before := len(r.Pins)
		for _, op := range doc.Items() {
			jsonPatch(op, target, with, r)
		}
		for i := before; i < len(r.Pins); i++ {
			patchedSource(doc, &r.Pins[i], r.Facts)
		}
		return
	}
	if target.Kind == "" {
		target.Kind = doc.Str("kind")
	}
	if target.Name == "" {
		target.Name, target.Namespace = doc.Str("metadata", "name"), doc.Str("metadata", "namespace")
	}
	with.SourceRef, with.App = &target, target.Name
	for _, field := range patchedFields {
		if field.kind != target.Kind {
			continue
		}
		if v := doc.Get(strings.Split(field.path, ".")...); v.IsScalar() {
			patchedVersion(v, field, with, r)
		}
	}
	patchedImages(doc.Node, doc.Path, doc, with, r)
}

// IsJSONPatch reports whether a document is a JSON 6902 patch: a list of
// operations on slash-separated paths.
func IsJSONPatch(doc Cursor) bool {
	items := doc.Items()
	for _, op := range items {
		if op.Str("op") == "" || !strings.HasPrefix(op.Str("path"), "/") {
			return false
		}
	}
	return len(items) > 0
}

func jsonPatch(op Cursor, target Ref, with Pin, r *Report) {
	if kind := op.Str("op"); kind != "add" && kind != "replace" {
		return
	}
	value := op.Get("value")
	keys := pointer(op.Str("path"))
	if value.Node == nil || len(keys) == 0 {
		return
	}
	with.SourceRef, with.App = &target, target.Name
	with.Place.Doc = op.Doc
	field, dotted := strings.Join(keys, "."), ""
	for _, k := range keys {
		if isIndex(k) {
			dotted += "[" + k + "]"
		} else {
			dotted = JoinKey(dotted, k)
		}
	}
	pins, skips := len(r.Pins), len(r.Skips)
	known := slices.IndexFunc(patchedFields[:], func(f patchedField) bool {
		return f.path == field && (target.Kind == "" || target.Kind == f.kind)
	})
	switch last := keys[len(keys)-1]; {
	case known >= 0 && value.IsScalar():
		patchedVersion(value, patchedFields[known], with, r)
	case isIndex(last) && len(keys) > 2 && keys[len(keys)-2] == "parameters" && keys[len(keys)-3] == "helm":
		// One Helm parameter of an Application, read as a list of it.
		list := value
		list.Node = &yamltree.Node{Kind: yamltree.Sequence, Content: []*yamltree.Node{value.Node}}
		with.SourceRef = nil
		reader := ArgoReader{File: op.File, Report: r, With: with}
		reader.parameters(list)
		// A repository alone leaves the tag to what is patched.
		r.Pins = append(r.Pins[:pins], slices.DeleteFunc(r.Pins[pins:], func(p Pin) bool { return p.Form == promoter.Missing })...)
		for i := range r.Pins[pins:] {
			rebase(&r.Pins[pins+i].Place, JoinItem(value.Path, 0), value.Path)
		}
	case isIndex(last):
		patchedImages(value.Node, value.Path, op, with, r)
	default:
		// What a value means depends on its keys: it is read as if it stood
		// under the last two of the pointer.
		n, made := value.Node, value.Path
		lead := keys[max(len(keys)-2, 0):]
		if isIndex(lead[0]) {
			lead = lead[1:]
		}
		under := n
		for _, k := range slices.Backward(lead) {
			key := &yamltree.Node{Kind: yamltree.Scalar, Value: k, Start: n.Start, End: n.Start, Line: n.Line}
			under = &yamltree.Node{Kind: yamltree.Mapping, Start: n.Start, End: n.End, Line: n.Line, Content: []*yamltree.Node{key, under}}
		}
		patchedImages(under, value.Path, op, with, r)
		for _, k := range lead {
			made = JoinKey(made, k)
		}
		for i := range r.Pins[pins:] {
			rebase(&r.Pins[pins+i].Place, made, value.Path)
			if d := r.Pins[pins+i].DigestPlace; d != nil {
				rebase(d, made, value.Path)
			}
		}
		for i := range r.Skips[skips:] {
			rebase(&r.Skips[skips+i].Place, made, value.Path)
		}
	}
	for _, p := range r.Pins[pins:] {
		if p.SourceRef != nil {
			r.Facts = append(r.Facts, Fact{
				Kind: PatchFact, Namespace: target.Namespace, Name: target.Name,
				Fields: map[string]string{"kind": target.Kind, "path": dotted}, Place: p.Place,
			})
		}
	}
}

// patchedSource names the artifact of a patched targetRevision whose source is
// set by the same patch.
func patchedSource(doc Cursor, p *Pin, facts []Fact) {
	i := slices.IndexFunc(facts, func(f Fact) bool { return f.Kind == PatchFact && f.Place == p.Place })
	if i < 0 || p.SourceRef == nil {
		return
	}
	source, ok := strings.CutSuffix(facts[i].Fields["path"], ".targetRevision")
	if !ok {
		return
	}
	source = "/" + strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(source)
	var url, chart string
	for _, op := range doc.Items() {
		switch value := op.Get("value"); op.Str("path") {
		case source + "/repoURL":
			url = value.Str()
		case source + "/chart":
			chart = value.Str()
		}
	}
	switch {
	case url == "" || strings.ContainsAny(url, "{}"):
		return
	case chart == "" && !strings.HasPrefix(url, "oci://"):
		p.Artifact = GitArtifact(CloneURL(url))
	default:
		p.Artifact = ChartArtifact(url, chart)
	}
	if p.Artifact.Source != "" {
		p.SourceRef = nil
		p.Form = promoter.Classify(p.Artifact.Kind, p.Consumer, p.Version)
	}
}

func rebase(p *promoter.Place, from, to string) {
	if rest, ok := strings.CutPrefix(p.Path, from); ok {
		p.Path = to + rest
	}
}

// isIndex reports whether a pointer's key is a place in a list.
func isIndex(key string) bool { return key == "-" || allDigits(key) }

// pointer splits a JSON pointer.
func pointer(s string) []string {
	if !strings.HasPrefix(s, "/") {
		return nil
	}
	keys := strings.Split(s[1:], "/")
	for i, k := range keys {
		keys[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(k)
	}
	return keys
}

// patchedField is a field that holds a version in a kind of object.
type patchedField struct {
	kind, path string
	artifact   promoter.Kind
	consumer   promoter.Consumer
}

var patchedFields = [...]patchedField{
	{"HelmRelease", "spec.chart.spec.version", promoter.Chart, promoter.ByFlux},
	{"HelmRelease", "spec.chart.version", promoter.Chart, promoter.ByFlux},
	{"HelmChart", "spec.version", promoter.Chart, promoter.ByFlux},
	{"OCIRepository", "spec.ref.tag", promoter.Chart, promoter.ByFluxOCI},
	{"OCIRepository", "spec.ref.semver", promoter.Chart, promoter.ByFluxOCI},
	{"GitRepository", "spec.ref.tag", promoter.Git, promoter.ByGit},
	{"GitRepository", "spec.ref.semver", promoter.Git, promoter.ByFlux},
	{"GitRepository", "spec.ref.commit", promoter.Git, promoter.ByGit},
	{"GitRepository", "spec.ref.branch", promoter.Git, promoter.ByGit},
	{"Application", "spec.source.targetRevision", promoter.Chart, promoter.ByArgoCD},
	{"Application", "spec.sources.0.targetRevision", promoter.Chart, promoter.ByArgoCD},
	{"Application", "spec.sources.1.targetRevision", promoter.Chart, promoter.ByArgoCD},
	{"Application", "spec.sources.2.targetRevision", promoter.Chart, promoter.ByArgoCD},
	{"ApplicationSet", "spec.template.spec.source.targetRevision", promoter.Chart, promoter.ByArgoCD},
	{"ApplicationSet", "spec.template.spec.sources.0.targetRevision", promoter.Chart, promoter.ByArgoCD},
	{"ApplicationSet", "spec.template.spec.sources.1.targetRevision", promoter.Chart, promoter.ByArgoCD},
	{"FluxInstance", "spec.distribution.version", promoter.Git, promoter.ByFlux},
}

func patchedVersion(v Cursor, field patchedField, with Pin, r *Report) {
	if reason := v.Unwritten(); reason != "" {
		r.Skips = append(r.Skips, Skip{Place: v.Place(), Detector: with.Detector, Reason: reason})
		return
	}
	p := with
	p.Artifact, p.Consumer, p.Place = promoter.Artifact{Kind: field.artifact}, field.consumer, v.Place()
	p.Version = v.Node.Value
	p.Form = promoter.Classify(field.artifact, field.consumer, p.Version)
	r.Pins = append(r.Pins, p)
}

// patchedImages finds images below n. What names its repository needs no other
// object; a bare tag keeps its SourceRef.
func patchedImages(n *yamltree.Node, at string, c Cursor, with Pin, r *Report) {
	before := len(r.Pins)
	with.Consumer = ""
	with.Place.Doc = c.Doc
	Images(c.File, n, at, with, r)
	for i := before; i < len(r.Pins); i++ {
		if r.Pins[i].Artifact.Name != "" {
			r.Pins[i].SourceRef = nil
		}
	}
}
