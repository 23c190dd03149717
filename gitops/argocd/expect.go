package argocd

import (
	"slices"
	"strings"

	"promoter/promoter"
	"promoter/promoter/converge"
)

// expect says what the question's moves should do to an application.
func (w *work) expect(s *converge.ArgoSnapshot, changed bool) converge.Expect {
	e := converge.Expect{Changed: changed}
	batch := slices.ContainsFunc(s.Resources, func(r converge.ArgoResource) bool { return r.Ref.Group == "batch" })
	for _, m := range w.question.Moves {
		switch m.Artifact.Kind {
		case promoter.Chart, promoter.Git:
			w.expectVersion(&e, s, m)
		case promoter.Image:
			// What runs by a schedule has pods of older versions, or none yet.
			if image, ok := imageOf(s.Images, m); ok && !batch && !slices.Contains(e.Images, image) {
				e.Images = append(e.Images, image)
			}
		}
	}
	// An image that stands in the Application itself, in values for a chart of
	// somebody else's: no revision tells it, but what the pods run does.
	ours := slices.ContainsFunc(s.Sources, func(x converge.ArgoSource) bool { return w.ours(x.Repo) })
	e.Foreign = len(e.Versions) == 0 && len(e.Images) > 0 && !ours
	return e
}

func (w *work) expectVersion(e *converge.Expect, s *converge.ArgoSnapshot, m promoter.Move) {
	for i, source := range s.Sources {
		if !isSource(m.Artifact, source) {
			continue
		}
		v := converge.Version{Repo: source.Repo, Chart: source.Chart, From: m.From, To: target(m, source.Revision)}
		// The name of a tag or a range says nothing of what it is resolved to.
		// A comparison from after the merge, of the spec as it is, does.
		fresh := slices.Equal(s.Sources, s.Compared) && s.ReconciledAt.After(w.question.MergedAt)
		if fresh && source.Revision == v.To && len(s.Revisions) == len(s.Sources) && s.Revisions[i] != v.To {
			v.Digest = s.Revisions[i]
		}
		have := slices.IndexFunc(e.Versions, func(o converge.Version) bool { return o.Chart == v.Chart && converge.SameRepo(o.Repo, v.Repo) })
		switch {
		case have < 0:
			e.Versions = append(e.Versions, v)
		case source.Revision == v.To || source.Revision == v.From && e.Versions[have].To != source.Revision:
			e.Versions[have] = v // of several moves, the one that this application takes part in
		}
	}
}

// isSource reports whether an artifact is what a source is of.
func isSource(a promoter.Artifact, s converge.ArgoSource) bool {
	switch a.Kind {
	case promoter.Chart:
		return s.Chart != "" && (s.Chart == a.Name && converge.SameRepo(s.Repo, a.Source) || converge.SameRepo(s.Repo+"/"+s.Chart, a.Source+"/"+a.Name))
	case promoter.Git:
		return s.Chart == "" && converge.SameRepo(s.Repo, a.Source)
	}
	return false
}

// target is how a move's end is written in a spec that is at written: a move
// names the release where the spec may have a range, or a tag in full.
func target(m promoter.Move, written string) string {
	to := m.To
	if rewritten, ok := promoter.RewriteConstraint(m.From, m.To); ok {
		to = rewritten
	}
	for _, form := range []string{m.To, "refs/tags/" + m.To, strings.TrimPrefix(m.To, "v")} {
		if form == written {
			return form
		}
	}
	if strings.HasPrefix(m.From, "refs/tags/") && !strings.HasPrefix(to, "refs/tags/") {
		return "refs/tags/" + to
	}
	return to
}

// imageOf is what pods should run. An image that none runs now, under any
// version, is not asked for: who has no pods has none later.
func imageOf(running []string, m promoter.Move) (converge.Image, bool) {
	_, to, toDigest := splitImage(m.To, true)
	_, from, fromDigest := splitImage(m.From, true)

	want, _, _ := splitImage(m.Artifact.Ref(), false)
	var out converge.Image
	for _, image := range running {
		repo, tag, digest := splitImage(image, false)
		if repoName(repo) != repoName(want) {
			continue
		}
		if out.New == "" {
			switch {
			case to != "":
				out.New = repo + ":" + to
			case toDigest != "":
				out.New = repo + "@" + toDigest
			}
		}
		if is(tag, to) && is(digest, toDigest) && to+toDigest != "" {
			out.New = image
		}
		if is(tag, from) && is(digest, fromDigest) && from+fromDigest != "" {
			out.Old = image
		}
	}
	if out.Old == out.New {
		out.Old = ""
	}
	return out, out.New != ""
}

func is(have, want string) bool { return want == "" || have == want }

// splitImage takes an image apart. A version alone, as values files and
// kustomizations have it, is told from a name by what it lacks.
func splitImage(text string, version bool) (repo, tag, digest string) {
	text, digest, _ = strings.Cut(text, "@")
	if strings.HasPrefix(text, "sha256:") {
		return "", "", text
	}
	slash := strings.LastIndexByte(text, '/')
	colon := strings.LastIndexByte(text, ':')
	switch {
	case colon > slash:
		return text[:colon], text[colon+1:], digest
	case slash < 0 && version:
		return "", text, digest
	}
	return text, "", digest
}

// repoName spells a repository without Docker Hub's unspoken parts.
func repoName(repo string) string {
	repo = strings.TrimPrefix(repo, "index.")
	return strings.TrimPrefix(strings.TrimPrefix(repo, "docker.io/"), "library/")
}
