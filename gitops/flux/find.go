package flux

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"promoter/promoter"
	"promoter/promoter/converge"
)

// site is one Kustomization or HelmRelease at one of the question's places, or
// why there is none.
type site struct {
	at      promoter.Reached
	cluster string
	app     converge.Ref
	look    converge.FluxSnapshot
	why     string // of no app
}

func (s site) key() string {
	if s.why != "" {
		return ""
	}
	return s.cluster + "\n" + s.app.Group + "\n" + s.app.String()
}

// sites finds what the question's places name. Only clusters that serve one of
// them are looked at.
func (w *work) sites(ctx context.Context) []site {
	var clusters []string
	for _, k := range w.client.clusters {
		if slices.ContainsFunc(w.question.Reached, func(r promoter.Reached) bool { return w.serves(k.name, r) }) {
			clusters = append(clusters, k.name)
		}
	}
	looks, errs := make([]converge.FluxSnapshot, len(clusters)), make([]error, len(clusters))
	each(w.options.Parallel, len(clusters), func(i int) { looks[i], errs[i] = w.surveyed(ctx, clusters[i], w.now) })
	var out []site
	for _, r := range w.question.Reached {
		r.Wave = 0
		var served []string
		had, failed := len(out), false
		for i, name := range clusters {
			switch {
			case !w.serves(name, r):
			case errs[i] != nil:
				failed = true
				out = append(out, site{at: r, why: errs[i].Error()})
			default:
				served = append(served, name)
				for _, app := range w.at(r, looks[i]) {
					out = append(out, site{at: r, cluster: name, app: app, look: looks[i]})
				}
			}
		}
		if len(served) > 0 && len(out) == had && !failed && r.App != "" && !w.options.Shared {
			out = append(out, site{at: r, why: fmt.Sprintf("no Kustomization or HelmRelease %s in cluster %s", r.App, strings.Join(served, ", "))})
		}
	}
	return out
}

func (e *Engine) serves(cluster string, r promoter.Reached) bool {
	if e.surveys[r.Cluster] != nil {
		return cluster == r.Cluster
	}
	bound := false
	for _, b := range e.options.Bindings {
		if b.Cluster != cluster {
			continue
		}
		bound = true
		if fits(b.Environments, r.Environment) {
			return true
		}
	}
	return !bound && r.Cluster == ""
}

// fits reports whether a name is one of the patterns'. What is not known fits.
func fits(patterns []string, name string) bool {
	return len(patterns) == 0 || name == "" || slices.ContainsFunc(patterns, func(p string) bool { return glob(p, name) })
}

// glob matches a name with "*" for anything.
func glob(pattern, name string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == name
	}
	if !strings.HasPrefix(name, head) {
		return false
	}
	for i := len(head); i <= len(name); i++ {
		if glob(rest, name[i:]) {
			return true
		}
	}
	return false
}

// at are a cluster's objects of a place: those that are called so, and where
// none is, the Kustomizations nearest to what the moves change. A release that
// a Kustomization of its own name applies is part of that one.
func (w *work) at(r promoter.Reached, s converge.FluxSnapshot) []converge.Ref {
	var out []converge.Ref
	if r.App != "" {
		for _, k := range s.Kustomizations {
			if k.Ref.Name == r.App {
				out = append(out, k.Ref)
			}
		}
		for _, h := range s.Releases {
			inside := slices.ContainsFunc(s.Kustomizations, func(k converge.FluxKustomization) bool {
				return slices.Contains(out, k.Ref) && slices.Contains(k.Inventory, h.Ref)
			})
			if h.Ref.Name == r.App && !inside {
				out = append(out, h.Ref)
			}
		}
		if len(out) > 0 {
			return w.meant(out, r, s)
		}
	}
	for _, m := range w.question.Moves {
		nearest := -1
		var found []converge.Ref
		for _, k := range s.Kustomizations {
			dir := cleaned(k.Path)
			if !below(m.Place.File, dir) || !w.follows(k, s) {
				continue
			}
			if len(dir) > nearest {
				nearest, found = len(dir), nil
			}
			if len(dir) == nearest {
				found = append(found, k.Ref)
			}
		}
		for _, ref := range found {
			if !slices.Contains(out, ref) {
				out = append(out, ref)
			}
		}
	}
	return out
}

// meant are those of several objects of one name that are at the place, by the
// words of their namespaces and directories, and of which the moves change what
// they are applied from. Where neither tells them apart all are meant: none is
// left out by guessing. Those that are applied from other repositories are other
// people's, however they are called.
func (w *work) meant(named []converge.Ref, r promoter.Reached, s converge.FluxSnapshot) []converge.Ref {
	out := preferred(named, func(ref converge.Ref) bool { return !w.foreign(ref, s) })
	out = preferred(out, func(ref converge.Ref) bool {
		texts := []string{ref.Namespace}
		for _, k := range appliers(ref, s) {
			texts = append(texts, k.Ref.Name, k.Path)
		}
		for _, word := range []string{r.Environment, r.Tenant} {
			if word != "" && !slices.ContainsFunc(texts, func(t string) bool { return hasWord(t, word) }) {
				return false
			}
		}
		return r.Environment+r.Tenant != ""
	})
	return preferred(out, func(ref converge.Ref) bool {
		return slices.ContainsFunc(appliers(ref, s), func(k converge.FluxKustomization) bool {
			return w.follows(k, s) && slices.ContainsFunc(w.question.Moves, func(m promoter.Move) bool { return below(m.Place.File, cleaned(k.Path)) })
		})
	})
}

// foreign reports whether an object is known to be applied from other Git
// repositories, or branches, alone.
func (w *work) foreign(ref converge.Ref, s converge.FluxSnapshot) bool {
	all := appliers(ref, s)
	return len(all) > 0 && !slices.ContainsFunc(all, func(k converge.FluxKustomization) bool {
		known := slices.ContainsFunc(s.Sources, func(o converge.FluxSource) bool { return o.Ref == k.Source })
		return !known || k.Source.Kind != "GitRepository" || w.follows(k, s)
	})
}

// appliers are the Kustomizations that an object is, or that apply it.
func appliers(ref converge.Ref, s converge.FluxSnapshot) []converge.FluxKustomization {
	var out []converge.FluxKustomization
	for _, k := range s.Kustomizations {
		if k.Ref == ref || slices.Contains(k.Inventory, ref) {
			out = append(out, k)
		}
	}
	return out
}

// preferred are those of which it is so, or all where it is so of none.
func preferred(refs []converge.Ref, is func(converge.Ref) bool) []converge.Ref {
	var out []converge.Ref
	for _, ref := range refs {
		if is(ref) {
			out = append(out, ref)
		}
	}
	if len(refs) < 2 || len(out) == 0 {
		return refs
	}
	return out
}

// hasWord reports whether a word stands in a text between other signs than
// letters and digits.
func hasWord(text, word string) bool {
	letter := func(b byte) bool {
		return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9'
	}
	for from := 0; ; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return false
		}
		i += from
		end := i + len(word)
		if (i == 0 || !letter(text[i-1])) && (end == len(text) || !letter(text[end])) {
			return true
		}
		from = i + 1
	}
}

// follows reports whether a Kustomization's source is the repository's branch.
func (w *work) follows(k converge.FluxKustomization, s converge.FluxSnapshot) bool {
	return slices.ContainsFunc(s.Sources, func(o converge.FluxSource) bool {
		return o.Ref == k.Source && o.Ref.Kind == "GitRepository" && converge.SameRepo(o.URL, w.history.Remote()) && (o.Branch == "" || o.Branch == w.history.Branch())
	})
}

// paths are what an application reads of our repository: the directories of the
// Kustomizations that it is and renders, or that render it, and the files that
// are known to reach it.
func (w *work) paths(app converge.Ref, s converge.FluxSnapshot) []string {
	var out []string
	for _, k := range s.Kustomizations {
		if k.Ref == app || app.Kind == "HelmRelease" && slices.Contains(k.Inventory, app) {
			out = append(out, cleaned(k.Path))
		}
	}
	if app.Kind == "HelmRelease" && len(w.question.Moves) > 0 {
		out = nil // a directory of many releases says little of one
	}
	for _, m := range w.question.Moves {
		out = append(out, m.Place.File)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// cleaned is a path relative to the repository's root, which is ".".
func cleaned(name string) string { return path.Clean(strings.TrimPrefix(path.Clean("/"+name), "/")) }

func below(file, dir string) bool { return dir == "." || strings.HasPrefix(file, dir+"/") }
