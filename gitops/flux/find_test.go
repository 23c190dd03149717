package flux

import (
	"fmt"
	"slices"
	"testing"

	"promoter/gitops"
	"promoter/promoter"
	"promoter/promoter/converge"
)

// Releases are often called the same in the namespaces of several environments
// of one cluster: only those of the place are meant.
func TestReleasesOfOneNameAreToldApart(t *testing.T) {
	t.Parallel()
	source := converge.FluxSource{FluxObject: converge.FluxObject{Ref: converge.Ref{Kind: "GitRepository", Namespace: "flux-system", Name: "shop"}}, URL: "https://git.example.com/acme/gitops", Branch: "main"}
	survey := func(namespaces, paths map[string]string) converge.FluxSnapshot {
		s := converge.FluxSnapshot{Sources: []converge.FluxSource{source}}
		for _, e := range []string{"dev", "staging", "production"} {
			release := converge.FluxRelease{FluxObject: converge.FluxObject{Ref: converge.Ref{Kind: "HelmRelease", Namespace: namespaces[e], Name: "web"}}}
			s.Releases = append(s.Releases, release)
			s.Kustomizations = append(s.Kustomizations, converge.FluxKustomization{
				FluxObject: converge.FluxObject{Ref: converge.Ref{Kind: "Kustomization", Namespace: "flux-system", Name: "k" + e[:1]}},
				Source:     source.Ref, Path: paths[e], Inventory: []converge.Ref{release.Ref},
			})
		}
		return s
	}
	named := map[string]string{"dev": "shop-dev", "staging": "shop-staging", "production": "shop-production"}
	plain := map[string]string{"dev": "a", "staging": "b", "production": "c"}
	below := map[string]string{"dev": "./environments/dev", "staging": "./environments/staging", "production": "./environments/production"}
	odd := map[string]string{"dev": "./one", "staging": "./two", "production": "./three"}
	for name, tt := range map[string]struct {
		survey      converge.FluxSnapshot
		environment string
		file        string
		want        string
	}{
		"by namespaces":             {survey(named, odd), "staging", "base/web.yaml", "[shop-staging]"},
		"by directories":            {survey(plain, below), "staging", "base/web.yaml", "[b]"},
		"by what is moved":          {survey(plain, odd), "staging", "two/web.yaml", "[b]"},
		"an earlier wave's place":   {survey(named, below), "dev", "environments/staging/web.yaml", "[shop-dev]"},
		"not at all: all are meant": {survey(plain, odd), "staging", "base/web.yaml", "[a b c]"},
	} {
		w := &work{Engine: &Engine{}, history: ours{}, question: promoter.Question{Moves: []promoter.Move{{Place: promoter.Place{File: tt.file}}}}}
		var got []string
		for _, ref := range w.at(promoter.Reached{Environment: tt.environment, App: "web"}, tt.survey) {
			got = append(got, ref.Namespace)
		}
		if fmt.Sprint(got) != tt.want {
			t.Errorf("%s: %v, want %s", name, got, tt.want)
		}
	}
}

// Another team's release of the same name, in the same cluster and by the same
// words, is applied from another repository: it says nothing of ours.
func TestAnotherRepositorysReleaseIsNotMeant(t *testing.T) {
	t.Parallel()
	object := func(kind, name string) converge.FluxObject {
		return converge.FluxObject{Ref: converge.Ref{Kind: kind, Namespace: name + "-dev", Name: "web"}}
	}
	var s converge.FluxSnapshot
	for name, url := range map[string]string{"shop": "https://git.example.com/acme/gitops", "blog": "https://git.example.com/acme/blog", "lost": ""} {
		source := converge.FluxSource{FluxObject: object("GitRepository", name), URL: url, Branch: "main"}
		if url != "" {
			s.Sources = append(s.Sources, source)
		}
		release := converge.FluxRelease{FluxObject: object("HelmRelease", name)}
		s.Releases = append(s.Releases, release)
		kustomization := converge.FluxKustomization{FluxObject: object("Kustomization", name), Source: source.Ref, Path: "./environments/dev", Inventory: []converge.Ref{release.Ref}}
		kustomization.Ref.Name = name
		s.Kustomizations = append(s.Kustomizations, kustomization)
	}
	w := &work{Engine: &Engine{}, history: ours{}, question: promoter.Question{Moves: []promoter.Move{{Place: promoter.Place{File: "environments/staging/web.yaml"}}}}}
	got := map[string]bool{}
	for _, ref := range w.at(promoter.Reached{Environment: "dev", App: "web"}, s) {
		got[ref.Namespace] = true
	}
	// What is applied from a source that is not known may be ours.
	if len(got) != 2 || !got["shop-dev"] || !got["lost-dev"] {
		t.Errorf("%v are meant", got)
	}
	if s.Releases = slices.DeleteFunc(s.Releases, func(r converge.FluxRelease) bool { return r.Ref.Namespace != "blog-dev" }); len(w.at(promoter.Reached{Environment: "dev", App: "web"}, s)) != 1 {
		t.Error("where there is no other, it is asked, and says that it is another's")
	}
}

// ours only tells whose history it is.
type ours struct{ gitops.History }

func (ours) Remote() string { return "git@git.example.com:acme/gitops" }
func (ours) Branch() string { return "main" }
