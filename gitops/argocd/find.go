package argocd

import (
	"fmt"
	"slices"
	"strings"

	"promoter/promoter"
	"promoter/promoter/converge"
)

// site is one Application at one of the question's places, or why there is
// none.
type site struct {
	at      promoter.Reached
	app     *converge.ArgoSnapshot
	why     string // of no app
	changed bool   // the places say that the moves change it
}

// sites finds the Applications that the question is about: those that its
// places name, and those that surely read what the moves change.
func (w *work) sites() []site {
	var out []site
	has := map[converge.ArgoApp]bool{}
	for _, r := range w.question.Reached {
		r.Wave = 0
		lists, failed := w.serving(r)
		if len(lists) == 0 && failed == "" {
			continue // nobody here serves it
		}
		apps := w.at(r, lists)
		for _, app := range apps {
			has[app.App] = true
			out = append(out, site{at: r, app: app, changed: true})
		}
		switch {
		case failed != "" && (len(apps) == 0 || r.App == ""):
			out = append(out, site{at: r, why: failed})
		case len(apps) == 0 && r.App != "" && !w.options.Shared:
			out = append(out, site{at: r, why: fmt.Sprintf("no Application %s on %s", r.App, instances(lists))})
		}
	}
	for _, l := range w.survey.lists {
		if !slices.ContainsFunc(w.question.Reached, func(r promoter.Reached) bool { return w.serves(l.Instance, r) }) {
			continue
		}
		for i := range l.Apps {
			if app := &l.Apps[i]; !has[app.App] && w.moved(app) == converge.Yes {
				out = append(out, site{at: promoter.Reached{App: app.App.Name}, app: app})
			}
		}
	}
	return out
}

func instances(lists []Listing) string {
	if len(lists) == 1 {
		return "instance " + lists[0].Instance
	}
	var names []string
	for _, l := range lists {
		names = append(names, l.Instance)
	}
	return "instances " + strings.Join(names, ", ")
}

// serving are the lists of the instances that serve a place, and why those of
// others that do are not there.
func (w *work) serving(r promoter.Reached) (lists []Listing, failed string) {
	for _, l := range w.survey.lists {
		switch {
		case !w.serves(l.Instance, r):
		case l.Err != nil && failed == "":
			failed = l.Err.Error()
		case l.Err == nil:
			lists = append(lists, l)
		}
	}
	return lists, failed
}

func (e *Engine) serves(instance string, r promoter.Reached) bool {
	bound := false
	for _, b := range e.options.Bindings {
		if b.Instance != instance {
			continue
		}
		bound = true
		if fits(b.Environments, r.Environment) && fits(b.Tenants, r.Tenant) && fits(b.Clusters, r.Cluster) {
			return true
		}
	}
	return !bound
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

// at are the Applications of a place. A name is an Application's, or that of
// the ApplicationSet that makes it; where it is neither, as with the name of a
// template, they are those that may read what the moves change. Where several
// fit, all of them are meant: none is left out by guessing.
func (w *work) at(r promoter.Reached, lists []Listing) []*converge.ArgoSnapshot {
	here := func(apps []*converge.ArgoSnapshot) []*converge.ArgoSnapshot {
		return kept(apps, func(a *converge.ArgoSnapshot) bool {
			return slices.ContainsFunc(lists, func(l Listing) bool { return l.Instance == a.App.Instance })
		})
	}
	reading := func(a *converge.ArgoSnapshot) bool { return w.moved(a) != converge.No }
	near := func(a *converge.ArgoSnapshot) bool { return isNear(a, r) }
	if r.App != "" {
		if named := here(w.survey.byName[r.App]); len(named) > 0 {
			if len(named) > 1 {
				named = preferred(preferred(named, reading), near)
			}
			return named
		}
		if set := here(w.survey.bySet[r.App]); len(set) > 0 {
			return preferred(preferred(set, reading), near)
		}
	}
	var all []*converge.ArgoSnapshot
	for _, l := range lists {
		for i := range l.Apps {
			if reading(&l.Apps[i]) {
				all = append(all, &l.Apps[i])
			}
		}
	}
	if w.question.About == promoter.AboutReadiness && w.environments() > 1 {
		// The places of earlier waves are asked about too, and what the moves
		// change is not what is there: another's health must not stand for it.
		return kept(all, near)
	}
	return preferred(all, near)
}

func (w *work) environments() int {
	seen := map[string]bool{}
	for _, r := range w.question.Reached {
		seen[r.Environment] = true
	}
	return len(seen)
}

func kept(apps []*converge.ArgoSnapshot, is func(*converge.ArgoSnapshot) bool) []*converge.ArgoSnapshot {
	var out []*converge.ArgoSnapshot
	for _, a := range apps {
		if is(a) {
			out = append(out, a)
		}
	}
	return out
}

// preferred are those of which it is so, or all where it is so of none.
func preferred(apps []*converge.ArgoSnapshot, is func(*converge.ArgoSnapshot) bool) []*converge.ArgoSnapshot {
	if out := kept(apps, is); len(out) > 0 {
		return out
	}
	return apps
}

// isNear reports whether an application says that it is at a place: by its
// destination's name, or by words of its name, labels and sources.
func isNear(a *converge.ArgoSnapshot, r promoter.Reached) bool {
	if r.Cluster != "" && a.Cluster != "" {
		if a.Cluster == r.Cluster {
			return true
		}
	}
	texts := []string{a.App.Name, a.Cluster, a.Target}
	for _, v := range a.Labels {
		texts = append(texts, v)
	}
	for _, s := range a.Sources {
		texts = append(texts, s.Path, s.Values, s.Revision)
	}
	for _, word := range []string{r.Environment, r.Tenant} {
		if word != "" && !slices.ContainsFunc(texts, func(t string) bool { return hasWord(t, word) }) {
			return false
		}
	}
	return r.Environment+r.Tenant != ""
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
