package argocd

import (
	"fmt"
	"testing"
	"time"

	"promoter/gitops"
	"promoter/promoter"
	"promoter/promoter/converge"
)

const ourRepo = "git@git.example.com:acme/gitops"

func TestReadsFile(t *testing.T) {
	t.Parallel()
	const repo = "https://git.example.com/acme/gitops.git"
	source := func(kind, path string, more ...converge.ArgoSource) converge.ArgoSnapshot {
		s := converge.ArgoSnapshot{Sources: append([]converge.ArgoSource{{Repo: repo, Path: path, Revision: "main"}}, more...)}
		if kind != "" {
			s.Kinds = []string{kind}
		}
		return s
	}
	with := func(s converge.ArgoSnapshot, change func(*converge.ArgoSource)) converge.ArgoSnapshot {
		change(&s.Sources[0])
		return s
	}
	for name, tt := range map[string]struct {
		app  converge.ArgoSnapshot
		file string
		want converge.Answer
	}{
		"directory":                {source("Directory", "apps"), "apps/cart.yaml", converge.Yes},
		"below a directory":        {source("Directory", "apps"), "apps/cart/values.yaml", converge.No},
		"below it, recursing":      {with(source("Directory", "apps"), func(s *converge.ArgoSource) { s.Recurse = true }), "apps/cart/values.yaml", converge.Yes},
		"beside":                   {source("Directory", "apps"), "apps2/cart.yaml", converge.No},
		"the root":                 {source("Directory", "."), "cart.yaml", converge.Yes},
		"chart":                    {source("Helm", "apps/cart"), "apps/cart/Chart.yaml", converge.Yes},
		"chart, another file":      {source("Helm", "apps/cart"), "apps/cart/prod.yaml", converge.Unknown},
		"kustomization":            {source("Kustomize", "apps/cart"), "apps/cart/kustomization.yaml", converge.Yes},
		"below a kustomization":    {source("Kustomize", "apps/cart"), "apps/cart/base/x.yaml", converge.Unknown},
		"kind not known":           {source("", "apps/cart"), "apps/cart/x.yaml", converge.Unknown},
		"value file":               {with(source("Helm", "charts/cart"), func(s *converge.ArgoSource) { s.Values = "values.yaml\n../../env/prod.yaml" }), "env/prod.yaml", converge.Yes},
		"value file from the root": {with(source("Helm", "charts/cart"), func(s *converge.ArgoSource) { s.Values = "/env/prod.yaml" }), "env/prod.yaml", converge.Yes},
		"value file elsewhere":     {with(source("Helm", "charts/cart"), func(s *converge.ArgoSource) { s.Values = "https://example.com/prod.yaml" }), "prod.yaml", converge.No},
		"another branch":           {with(source("Directory", "apps"), func(s *converge.ArgoSource) { s.Revision = "v1" }), "apps/cart.yaml", converge.No},
		"another repository":       {with(source("Directory", "apps"), func(s *converge.ArgoSource) { s.Repo = "https://git.example.com/acme/other" }), "apps/cart.yaml", converge.No},
		"by reference": {converge.ArgoSnapshot{Sources: []converge.ArgoSource{
			{Repo: "https://charts.example.com", Chart: "redis", Revision: "1.0.0", Values: "$values/env/redis.yaml"},
			{Repo: repo, Ref: "values", Revision: "main"},
		}}, "env/redis.yaml", converge.Yes},
		"only referred to": {converge.ArgoSnapshot{Sources: []converge.ArgoSource{
			{Repo: "https://charts.example.com", Chart: "redis", Revision: "1.0.0", Values: "$values/env/redis.yaml"},
			{Repo: repo, Ref: "values", Revision: "main"},
		}}, "env/cart.yaml", converge.No},
	} {
		if got := readsFile(&tt.app, sameRepo(ourRepo), "main", tt.file); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

func TestTarget(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ from, to, written, want string }{
		{"1.2.2", "1.2.3", "1.2.2", "1.2.3"},
		{"1.2.2", "1.2.3", "1.2.3", "1.2.3"},
		{"^1.2", "2.0.1", "^1.2", "^2.0"},
		{"v1.2", "v1.3", "v1.2", "v1.3"},
		{"refs/tags/v1.2.0", "v1.3.0", "refs/tags/v1.2.0", "refs/tags/v1.3.0"},
		{"refs/tags/v1.2.0", "v1.3.0", "refs/tags/v1.3.0", "refs/tags/v1.3.0"},
		{"1.2.2", "v1.2.3", "1.2.3", "1.2.3"},
	} {
		if got := target(promoter.Move{From: tt.from, To: tt.to}, tt.written); got != tt.want {
			t.Errorf("from %q to %q, written %q: %q, want %q", tt.from, tt.to, tt.written, got, tt.want)
		}
	}
}

func TestImageOf(t *testing.T) {
	t.Parallel()
	const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	nginx := promoter.Artifact{Kind: promoter.Image, Name: "library/nginx", Source: "docker.io"}
	cart := promoter.Artifact{Kind: promoter.Image, Name: "shop/cart", Source: "registry.example.com:5000"}
	for name, tt := range map[string]struct {
		running  []string
		artifact promoter.Artifact
		from, to string
		want     converge.Image
		ok       bool
	}{
		"old runs":               {[]string{"nginx:1.25"}, nginx, "1.25", "1.26", converge.Image{New: "nginx:1.26", Old: "nginx:1.25"}, true},
		"new runs":               {[]string{"nginx:1.26"}, nginx, "1.25", "1.26", converge.Image{New: "nginx:1.26"}, true},
		"both run":               {[]string{"nginx:1.25", "nginx:1.26"}, nginx, "1.25", "1.26", converge.Image{New: "nginx:1.26", Old: "nginx:1.25"}, true},
		"neither":                {[]string{"redis:7"}, nginx, "1.25", "1.26", converge.Image{}, false},
		"whole references":       {[]string{"registry.example.com:5000/shop/cart:1"}, cart, "registry.example.com:5000/shop/cart:1", "2", converge.Image{New: "registry.example.com:5000/shop/cart:2", Old: "registry.example.com:5000/shop/cart:1"}, true},
		"with a digest beside":   {[]string{"nginx:1.26@" + digest}, nginx, "1.25", "1.26", converge.Image{New: "nginx:1.26@" + digest}, true},
		"a digest alone":         {[]string{"nginx:1.26@sha256:aa"}, nginx, "sha256:aa", digest, converge.Image{New: "nginx@" + digest, Old: "nginx:1.26@sha256:aa"}, true},
		"a digest that runs":     {[]string{"nginx:1.26@" + digest}, nginx, "sha256:aa", digest, converge.Image{New: "nginx:1.26@" + digest}, true},
		"another's of that name": {[]string{"registry.example.com/nginx:1.25"}, nginx, "1.25", "1.26", converge.Image{}, false},
	} {
		got, ok := imageOf(tt.running, promoter.Move{Artifact: tt.artifact, From: tt.from, To: tt.to})
		if got != tt.want || ok != tt.ok {
			t.Errorf("%s: %+v, %v", name, got, ok)
		}
	}
}

func TestPlacesAreTold(t *testing.T) {
	t.Parallel()
	if glob("prod*", "dev") || !glob("prod*", "production-acme") || !glob("*-acme", "production-acme") || glob("a*b", "ac") || !glob("a*b*", "axb") {
		t.Error("patterns")
	}
	if hasWord("product", "prod") || !hasWord("shop-prod", "prod") || !hasWord("apps/prod/x", "prod") || hasWord("", "prod") {
		t.Error("words")
	}
	app := converge.ArgoSnapshot{App: converge.ArgoApp{Name: "cart-acme"}, Labels: map[string]string{"env": "production"}}
	if !isNear(&app, promoter.Reached{Environment: "production", Tenant: "acme"}) || isNear(&app, promoter.Reached{Environment: "production", Tenant: "globex"}) || isNear(&app, promoter.Reached{}) {
		t.Error("places")
	}
}

// What a server says of its sources' kinds and value files is read.
func TestSnapshotTellsWhatIsRead(t *testing.T) {
	t.Parallel()
	s, err := snapshot("main", []byte(`{"metadata":{"name":"a"},"spec":{"sources":[
		{"repoURL":"x","path":"p","directory":{"recurse":true}},{"repoURL":"y","chart":"c","helm":{"valueFiles":["$v/a.yaml","b.yaml"]}}]},
		"status":{"sourceTypes":["Directory","Helm"]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if !s.Sources[0].Recurse || s.Sources[1].Values != "$v/a.yaml\nb.yaml" || fmt.Sprint(s.Kinds) != "[Directory Helm]" {
		t.Errorf("%+v %q", s.Sources, s.Kinds)
	}
}

// BenchmarkSites finds one application among 10,000 by its name, and asks all
// others whether they read the file too.
func BenchmarkSites(b *testing.B) {
	sv := &survey{byName: map[string][]*converge.ArgoSnapshot{}, lists: []Listing{{Instance: "main"}}}
	for i := range 10_000 {
		sv.lists[0].Apps = append(sv.lists[0].Apps, converge.ArgoSnapshot{
			App: converge.ArgoApp{Instance: "main", Name: fmt.Sprint("app-", i)}, Kinds: []string{"Helm"},
			Sources: []converge.ArgoSource{{Repo: "https://git.example.com/acme/gitops.git", Path: fmt.Sprint("apps/", i), Revision: "main", Values: "values.yaml\nprod.yaml"}},
		})
	}
	for i := range sv.lists[0].Apps {
		app := &sv.lists[0].Apps[i]
		sv.byName[app.App.Name] = append(sv.byName[app.App.Name], app)
	}
	w := &work{Engine: &Engine{}, survey: sv, history: noHistory{}, now: time.Now(), ours: sameRepo(ourRepo)}
	w.question.Reached = []promoter.Reached{{App: "app-7"}}
	w.question.Moves = []promoter.Move{{Artifact: promoter.Artifact{Kind: promoter.Image, Name: "x"}, From: "1", To: "2", Place: promoter.Place{File: "apps/7/values.yaml"}}}
	for b.Loop() {
		if n := len(w.sites()); n != 1 {
			b.Fatal(n)
		}
	}
}

// noHistory only tells whose it is.
type noHistory struct{ gitops.History }

func (noHistory) Remote() string { return ourRepo }
func (noHistory) Branch() string { return "main" }
