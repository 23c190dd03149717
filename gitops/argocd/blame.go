package argocd

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"promoter/promoter"
	"promoter/promoter/converge"
)

// mostBlamed bounds the failing resources that are looked at.
const mostBlamed = 20

// blame looks for positive evidence that what fails is what the moves change.
// Without any, and without a record that the application was well before, the
// failure stays nobody's.
func (w *work) blame(ctx context.Context, mem *entry, ask converge.Ask, s converge.ArgoSnapshot, c promoter.Convergence) promoter.Convergence {
	if ask.Base.UID == "" && !ask.HealthyBefore || !ask.Expect.Changed {
		return c
	}
	touched := w.touched(ctx, ask, s, failing(s))
	if len(touched) == 0 {
		return c
	}
	ask.Expect.Resources = touched
	again := converge.Argo(ask, w.ledger.looks(mem, s), w.now)
	if again.Outcome != promoter.Failed || !again.Attributable {
		return c
	}
	return again
}

// failing are the managed resources that are ill, could not be applied, or are
// not as Git says.
func failing(s converge.ArgoSnapshot) []converge.Ref {
	var out []converge.Ref
	add := func(r converge.Ref) {
		if r != (converge.Ref{}) && !slices.Contains(out, r) && len(out) < mostBlamed {
			out = append(out, r)
		}
	}
	if s.Operation != nil {
		for _, r := range s.Operation.Resources {
			if r.Failed {
				add(r.Ref)
			}
		}
	}
	for _, r := range slices.Concat(s.Resources, s.Tree) {
		if (r.Health == "Degraded" || r.Health == "Missing" || r.Health == "Progressing" || r.Status == "OutOfSync") && !r.Hook {
			add(r.Root)
		}
	}
	return out
}

// touched are those of some resources that the moves change: all of them where
// the application is nothing but a chart that is moved; those that the sync of
// the commit has changed; those whose content names what was moved.
func (w *work) touched(ctx context.Context, ask converge.Ask, s converge.ArgoSnapshot, bad []converge.Ref) []converge.Ref {
	if len(bad) == 0 || w.wholly(ask, s) {
		return bad
	}
	var out, open []converge.Ref
	for _, r := range bad {
		if ask.Changed(s, r) {
			out = append(out, r)
		} else {
			open = append(open, r)
		}
	}
	if len(open) == 0 || len(w.question.Moves) == 0 {
		return out
	}
	for _, o := range w.contents(ctx, s, open) {
		if w.speaks(o.text) {
			out = append(out, o.ref)
		}
	}
	return out
}

// arrived are the resources that a sync of the commit has changed and that name
// what was moved: those that must be in sync where drift is tolerated.
func (w *work) arrived(ctx context.Context, ask converge.Ask, s converge.ArgoSnapshot) []converge.Ref {
	var changed, out []converge.Ref
	if s.Operation != nil {
		for _, r := range s.Operation.Resources {
			if ask.Changed(s, r.Ref) && len(changed) < mostBlamed {
				changed = append(changed, r.Ref)
			}
		}
	}
	if len(changed) == 0 {
		return nil
	}
	for _, o := range w.contents(ctx, s, changed) {
		if w.speaks(o.text) && !slices.Contains(out, o.ref) {
			out = append(out, o.ref)
		}
	}
	return out
}

// wholly reports whether all that an application renders is of a chart that is
// moved.
func (w *work) wholly(ask converge.Ask, s converge.ArgoSnapshot) bool {
	renders := 0
	for _, source := range s.Sources {
		if source.Path == "" && source.Ref != "" && source.Chart == "" {
			continue
		}
		renders++
		if !slices.ContainsFunc(ask.Expect.Versions, func(v converge.Version) bool {
			return v.Chart != "" && v.Chart == source.Chart && converge.SameRepo(v.Repo, source.Repo) && v.From != v.To
		}) {
			return false
		}
	}
	return renders > 0
}

type content struct {
	ref  converge.Ref
	text string // JSON
}

// contents are resources as they live, and as they should at the revision that
// was compared. What cannot be read is no evidence.
func (w *work) contents(ctx context.Context, s converge.ArgoSnapshot, refs []converge.Ref) []content {
	var out []content
	items := make([]converge.Item, len(refs))
	for i, r := range refs {
		items[i] = converge.Item{Ref: r}
	}
	if w.client.listsAll(s.App.Instance) {
		return nil // resources do not hold the content of others
	}
	if full, err := w.client.Look(ctx, s.App, items); err == nil && full.UID == s.UID {
		for _, it := range full.Live {
			out = append(out, content{it.Ref, it.Value})
		}
	}
	if s.MultiSource || len(s.Revisions) != 1 {
		return out // the server is asked for one source's revision only
	}
	manifests, err := w.client.Manifests(ctx, s.App, s.Revisions[0])
	if err != nil {
		return out
	}
	for _, m := range manifests {
		var o struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
			Metadata   struct {
				Name      string `json:"name"`
				Namespace string `json:"namespace"`
			} `json:"metadata"`
		}
		var any any
		if json.Unmarshal([]byte(m), &o) != nil || json.Unmarshal([]byte(m), &any) != nil {
			continue
		}
		text, err := json.Marshal(any)
		if err != nil {
			continue
		}
		for _, r := range refs {
			here := r.Namespace == o.Metadata.Namespace || o.Metadata.Namespace == ""
			if r.Kind == o.Kind && r.Name == o.Metadata.Name && here && r.Group == groupOf(o.APIVersion) {
				out = append(out, content{r, string(text)})
			}
		}
	}
	return out
}

// speaks reports whether a resource names what was moved: a container's image
// at its new version, or the chart that it is made of.
func (w *work) speaks(text string) bool {
	for _, m := range w.question.Moves {
		switch m.Artifact.Kind {
		case promoter.Chart:
			if strings.Contains(text, `"helm.sh/chart":"`+m.Artifact.Name+"-"+strings.TrimPrefix(m.To, "v")) {
				return true
			}
		case promoter.Image:
			if image, ok := imageOf(imagesIn(text), m); ok && strings.Contains(text, `"image":"`+image.New+`"`) {
				return true
			}
		}
	}
	return false
}

// imagesIn are the values of all fields "image" of a JSON text.
func imagesIn(text string) []string {
	var out []string
	for _, part := range strings.Split(text, `"image":"`)[1:] {
		if name, _, ok := strings.Cut(part, `"`); ok {
			out = append(out, name)
		}
	}
	return out
}
