package flux

import (
	"context"
	"slices"
	"strings"

	"promoter/promoter"
	"promoter/promoter/converge"
)

// mostBlamed bounds the objects that are looked at when something has failed.
const mostBlamed = 50

// expect says what the question's moves should do to an application.
func (w *work) expect(ask *converge.FluxAsk, s site) {
	e := converge.FluxExpect{Changed: true}
	_, releases := converge.FluxOwn(*ask, s.look)
	all := len(w.question.Moves) > 0 // all moves are found in releases
	for _, m := range w.question.Moves {
		found := false
		for _, r := range releases {
			want, ok := wantOf(m, r, s.look)
			if !ok {
				continue
			}
			found = true
			e.Releases = append(e.Releases, want)
			if !slices.Contains(e.Resources, r.Ref) {
				e.Resources = append(e.Resources, r.Ref)
			}
		}
		all = all && found
		for _, o := range s.look.Sources {
			if digest, ok := digestOf(m, o); ok {
				e.Artifacts = append(e.Artifacts, converge.FluxArtifact{URL: o.URL, Digest: digest})
			}
		}
	}
	if !all {
		e.Resources = nil // something else changes, and it is not known what
	}
	ask.Expect = e
}

// wantOf is what a move makes of a release whose spec asks for it. Before it
// does, there is nothing to be wanted: the Kustomization has not applied it.
func wantOf(m promoter.Move, r converge.FluxRelease, s converge.FluxSnapshot) (converge.FluxWant, bool) {
	if m.Artifact.Kind != promoter.Chart {
		return converge.FluxWant{}, false
	}
	if r.Chart.Kind == "OCIRepository" {
		at := slices.IndexFunc(s.Sources, func(o converge.FluxSource) bool { return o.Ref == r.Chart })
		if at < 0 {
			return converge.FluxWant{}, false
		}
		digest, ok := digestOf(m, s.Sources[at])
		return converge.FluxWant{Ref: r.Ref, Digest: digest}, ok
	}
	written, ok := promoter.RewriteConstraint(m.From, m.To)
	if !ok || m.To == r.ChartVersion {
		written = m.To
	}
	if r.ChartName != m.Artifact.Name || r.ChartVersion != written {
		return converge.FluxWant{}, false
	}
	want := converge.FluxWant{Ref: r.Ref}
	if written == m.To { // what a range comes to is the chart's to say
		want.Version = m.To
	}
	return want, true
}

// digestOf is the digest that a move's tag stands for, as an OCIRepository that
// follows the tag has found it.
func digestOf(m promoter.Move, o converge.FluxSource) (string, bool) {
	if o.Ref.Kind != "OCIRepository" || !m.Artifact.OCI() || !converge.SameRepo(o.URL, m.Artifact.Ref()) {
		return "", false
	}
	tag, digest, ok := strings.Cut(o.Revision, "@")
	switch {
	case !ok:
		return "", false
	case m.Digest != "":
		return m.Digest, true
	}
	return digest, tag == m.To
}

// blame looks for positive evidence that what fails is what the moves change.
// Without any, and without a record that the application was well before, the
// failure stays nobody's.
func (w *work) blame(ctx context.Context, mem *memory, ask converge.FluxAsk, look converge.FluxSnapshot, c promoter.Convergence) promoter.Convergence {
	if ask.Base.ReadAt.IsZero() && !ask.ReadyBefore {
		return c
	}
	touched := slices.Clone(ask.Expect.Resources)
	kustomizations, _ := converge.FluxOwn(ask, look)
	for _, k := range kustomizations {
		// What cannot be built is what was changed below its directory.
		built := !slices.ContainsFunc(k.Conditions, func(c converge.FluxCondition) bool {
			return c.Type == "Ready" && c.Status == "False" && c.Reason == "BuildFailed"
		})
		if !built && slices.ContainsFunc(w.question.Moves, func(m promoter.Move) bool { return below(m.Place.File, cleaned(k.Path)) }) {
			touched = append(touched, k.Ref)
		}
	}
	if ask.App.Kind == "HelmRelease" && slices.ContainsFunc(w.question.Reached, func(r promoter.Reached) bool { return r.App == ask.App.Name }) {
		touched = append(touched, ask.App) // the places say that the moves change it
	}
	contents := converge.FluxContents(ask, look)
	contents = contents[:min(len(contents), mostBlamed)]
	items := make([]converge.Item, len(contents))
	for i, r := range contents {
		items[i] = converge.Item{Ref: r}
	}
	if read, err := w.client.Read(ctx, look, contents, items); err == nil { // what cannot be read is no evidence
		look = read
		for _, it := range read.Live {
			if w.speaks(it.Value) {
				touched = append(touched, it.Ref)
			}
		}
	}
	if len(touched) == 0 {
		return c
	}
	ask.Expect.Resources = touched
	again := converge.Flux(ask, w.ledger.looks(mem, look), w.now)
	if again.Outcome != promoter.Failed || !again.Attributable {
		return c
	}
	return again
}

// speaks reports whether an object, as JSON, names what was moved: a container's
// image at its new version, or the chart that it is made of.
func (w *work) speaks(text string) bool {
	for _, m := range w.question.Moves {
		switch m.Artifact.Kind {
		case promoter.Chart:
			if strings.Contains(text, `"helm.sh/chart":"`+m.Artifact.Name+"-"+strings.TrimPrefix(m.To, "v")) {
				return true
			}
		case promoter.Image:
			for _, part := range strings.Split(text, `"image":"`)[1:] {
				image, _, _ := strings.Cut(part, `"`)
				if isImage(image, m) {
					return true
				}
			}
		}
	}
	return false
}

// isImage reports whether an image is a move's, at its end.
func isImage(image string, m promoter.Move) bool {
	name, digest, _ := strings.Cut(image, "@")
	tag := ""
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name, tag = name[:i], name[i+1:]
	}
	if repoName(name) != repoName(m.Artifact.Ref()) {
		return false
	}
	to, toDigest, _ := strings.Cut(m.To, "@")
	if strings.HasPrefix(to, "sha256:") {
		return digest == to
	}
	if i := strings.LastIndexByte(to, ':'); i >= 0 {
		to = to[i+1:]
	}
	return tag == to && (toDigest == "" || digest == toDigest)
}

// repoName spells a repository without Docker Hub's unspoken parts.
func repoName(repo string) string {
	repo = strings.TrimPrefix(repo, "index.")
	return strings.TrimPrefix(strings.TrimPrefix(repo, "docker.io/"), "library/")
}
