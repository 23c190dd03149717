// Package kustomize finds what kustomizations pin: images, Helm charts that
// kustomize inflates, remote bases and files with the Git ref that they are
// fetched at, and versions within patches. Its Links are the edges along which
// a change of one file reaches others.
//
// It refuses to fetch or build anything. A remote base without a ref is a
// pin without a version, not nothing.
package kustomize

import (
	"path"
	"strings"

	"promoter/detectors"
	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// Detector finds the pins of kustomizations. It is a [detectors.Linker]:
// versions in patches learn their artifact from the object that is patched.
type Detector struct{}

const name = "kustomize"

// Name is "kustomize".
func (Detector) Name() string { return name }

// Detect reads kustomizations, generators and transformers of kustomize's own,
// and JSON 6902 patch files.
func (Detector) Detect(f *detectors.File, r *detectors.Report) {
	for _, d := range f.Docs {
		if d.Document == nil || d.Root == nil {
			continue
		}
		k := reader{c: detectors.At(f, d), r: r, dir: path.Dir(f.Path)}
		switch {
		case isKustomization(f.Path, d):
			k.kustomization()
		case d.APIVersion == "builtin" || d.Kind == "HelmChartInflationGenerator":
			k.builtin(k.c)
		case d.Kind == "" && detectors.IsJSONPatch(k.c):
			detectors.Patch(k.c, detectors.Ref{}, k.with(""), r)
		}
	}
}

// isKustomization goes by the file's name, which is all that kustomize asks
// for, and by the header elsewhere. Flux has a Kustomization of its own.
func isKustomization(file string, d *detectors.Doc) bool {
	group, _, _ := strings.Cut(d.APIVersion, "/")
	if d.Kind != "" && d.Kind != "Kustomization" && d.Kind != "Component" {
		return false
	}
	if detectors.IsKustomizationFile(file) {
		return group == "" || group == "kustomize.config.k8s.io" || group == "v1" || group == "v1beta1"
	}
	return group == "kustomize.config.k8s.io" && d.Kind != ""
}

// reader reads one document.
type reader struct {
	c   detectors.Cursor
	r   *detectors.Report
	dir string // of the file
}

func (k reader) with(app string) detectors.Pin {
	return detectors.Pin{Pin: promoter.Pin{Detector: name, App: app, Place: promoter.Place{Doc: k.c.Doc}}}
}

func (k reader) skip(c detectors.Cursor, reason string) {
	k.r.Skips = append(k.r.Skips, detectors.Skip{Place: c.Place(), Detector: name, Reason: reason})
}

func (k reader) kustomization() {
	if ns := k.c.Get("namespace"); ns.IsScalar() {
		k.r.Facts = append(k.r.Facts, detectors.Fact{Kind: detectors.KustomizationFact, Namespace: ns.Node.Value, Name: k.c.File.Path, Place: ns.Place()})
	}
	for _, list := range []string{"resources", "bases", "components", "crds", "configurations", "generators", "transformers", "validators"} {
		for _, item := range k.c.Get(list).Items() {
			k.entry(item, list)
		}
	}
	for _, list := range []string{"images", "imageTags"} {
		detectors.KustomizeImages(k.c.Get(list), k.with(""), k.r)
	}
	k.patches()
	for _, item := range k.c.Get("replacements").Items() {
		k.local(item.Get("path"), "replacements")
	}
	for _, list := range []string{"configMapGenerator", "secretGenerator"} {
		for _, item := range k.c.Get(list).Items() {
			k.local(item.Get("env"), list)
			for _, key := range []string{"files", "envs"} {
				for _, file := range item.Get(key).Items() {
					k.local(file, list)
				}
			}
		}
	}
	k.local(k.c.Get("openapi", "path"), "openapi")
	home := k.c.Str("helmGlobals", "chartHome")
	for _, item := range k.c.Get("helmCharts").Items() {
		k.chart(item, home)
	}
	for _, item := range k.c.Get("helmChartInflationGenerator").Items() {
		k.chart(item, "")
	}
}

// entry is an item of a list whose items are paths, remote addresses or, for
// generators and their like, objects written as text.
func (k reader) entry(item detectors.Cursor, list string) {
	if !item.IsScalar() {
		return
	}
	text := strings.TrimSpace(item.Node.Value)
	switch {
	case strings.Contains(text, "\n"):
		docs, err := item.Embedded()
		if err != nil {
			k.skip(item, "an object that cannot be read: "+err.Error())
			return
		}
		for _, doc := range docs {
			k.builtin(doc)
		}
	case isRemote(text):
		k.remote(item, text, list)
	default:
		k.local(item, list)
	}
}

// patches reads the lists of patches: what is written in them, and as links
// what stands in files.
func (k reader) patches() {
	for _, list := range []string{"patches", "patchesJson6902"} {
		items := k.c.Get(list)
		detectors.KustomizePatches(items, k.with(""), k.r)
		for _, item := range items.Items() {
			file := item.Get("path")
			if k.local(file, list) && item.Get("target").Node != nil {
				k.target(file, item.Get("target"))
			}
		}
	}
	items := k.c.Get("patchesStrategicMerge")
	detectors.KustomizePatches(items, k.with(""), k.r)
	for _, item := range items.Items() {
		if item.IsScalar() && !strings.Contains(item.Node.Value, "\n") {
			k.local(item, "patchesStrategicMerge")
		}
	}
}

func (k reader) target(file, target detectors.Cursor) {
	to, ok := k.resolve(file.Node.Value)
	if !ok {
		return
	}
	k.r.Facts = append(k.r.Facts, detectors.Fact{
		Kind: detectors.PatchTargetFact, Name: to, Place: file.Place(), Fields: map[string]string{
			"kind": target.Str("kind"), "name": target.Str("name"), "namespace": target.Str("namespace"),
		},
	})
}

// local adds a link to a file or directory of the repository and reports
// whether it did.
func (k reader) local(item detectors.Cursor, via string) bool {
	if !item.IsScalar() || item.Unwritten() != "" {
		return false
	}
	text := item.Node.Value
	if strings.HasSuffix(via, "Generator") { // "key=path"
		if _, file, ok := strings.Cut(text, "="); ok {
			text = file
		}
	}
	if isRemote(text) || strings.ContainsAny(text, "\n{}") {
		return false
	}
	to, ok := k.resolve(text)
	if !ok {
		return false
	}
	k.r.Links = append(k.r.Links, detectors.Link{From: item.Place(), To: to, Via: via})
	return true
}

// resolve makes a path relative to the repository's root; false for one that
// leaves it.
func (k reader) resolve(p string) (string, bool) {
	p = strings.TrimSpace(p)
	if p == "" || strings.HasPrefix(p, "/") {
		return "", false
	}
	to := path.Join(k.dir, p)
	return to, to != ".." && !strings.HasPrefix(to, "../")
}

// remote adds the pin and the link of something fetched from a Git host.
func (k reader) remote(item detectors.Cursor, text, list string) {
	if reason := item.Unwritten(); reason != "" {
		k.skip(item, reason)
		return
	}
	found, reason := parseRemote(text)
	if reason != "" {
		k.skip(item, reason)
		return
	}
	p := k.with("")
	p.Artifact, p.Consumer, p.Place = detectors.GitArtifact(found.repo), promoter.ByGit, item.Place()
	p.Version = found.version
	p.Form = promoter.Classify(promoter.Git, promoter.ByGit, p.Version)
	if p.Form == promoter.Range {
		p.Form = promoter.Floating // Git knows names, not constraints
	}
	if !found.editable(p) {
		k.skip(item, "the version stands more than once in the address")
		return
	}
	k.r.Pins = append(k.r.Pins, p)
	to := path.Clean("/" + found.dir)[1:]
	if to == "" {
		to = "."
	}
	k.r.Links = append(k.r.Links, detectors.Link{From: item.Place(), To: to, Repo: found.repo, Via: list})
}

// builtin reads an object of kustomize's own: a generator or transformer.
func (k reader) builtin(c detectors.Cursor) {
	k.c = c
	switch c.Str("kind") {
	case "HelmChartInflationGenerator":
		k.chart(c, c.Str("chartHome"))
	case "ImageTagTransformer":
		if tag := c.Get("imageTag"); tag.Node != nil {
			list := tag
			list.Node = &yamltree.Node{Kind: yamltree.Sequence, Content: []*yamltree.Node{tag.Node}}
			before := len(k.r.Pins)
			detectors.KustomizeImages(list, k.with(""), k.r)
			for i := range k.r.Pins[before:] {
				place := &k.r.Pins[before+i].Place
				place.Path = strings.Replace(place.Path, "imageTag[0]", "imageTag", 1)
			}
		}
	case "PatchTransformer":
		k.local(c.Get("path"), "patches")
		if text := c.Get("patch"); text.IsScalar() {
			target := detectors.Ref{Kind: c.Str("target", "kind"), Namespace: c.Str("target", "namespace"), Name: c.Str("target", "name")}
			docs, err := text.Embedded()
			if err != nil {
				k.skip(text, "a patch that cannot be read: "+err.Error())
			}
			for _, doc := range docs {
				detectors.Patch(doc, target, k.with(""), k.r)
			}
		}
	}
}
