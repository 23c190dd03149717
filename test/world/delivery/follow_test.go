package delivery_test

import (
	"context"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"promoter/promoter"
	"promoter/promoter/converge"
	"promoter/test/world/argocd"
	"promoter/test/world/delivery"
)

// sample is the world's own repository.
func sample(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	root := os.DirFS(filepath.Join("..", "sample"))
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(root, path)
		files[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// The sample has plain Applications, and two sets of them, one of which nothing
// syncs.
func TestTheSample(t *testing.T) {
	files := sample(t)
	s := begin(t, files, func(c *delivery.Config) {
		c.Beside = []byte(strings.Replace(kustomizeApp("dev"), "storefront-dev", "elsewhere-dev", 1))
		c.Place = func(a argocd.Application) delivery.Place {
			env, tenant, _ := strings.Cut(a.Spec.Destination.Name, "-")
			return delivery.Place{Environment: env, Tenant: tenant, Cluster: a.Spec.Destination.Name}
		}
	})
	if got := s.engine.Problems(); len(got) > 0 {
		t.Fatal(got)
	}
	var names []string
	for _, k := range s.engine.Server().Keys() {
		names = append(names, k.Name)
	}
	want := []string{
		"addons-dev", "addons-production-acme", "addons-production-globex", "addons-staging", "elsewhere-dev",
		"sessions-dev", "sessions-production-acme", "sessions-production-globex", "sessions-staging",
		"storefront-dev", "storefront-production-acme", "storefront-production-globex", "storefront-staging",
	}
	if !slices.Equal(names, want) {
		t.Fatalf("applications %q, want %q", names, want)
	}
	addons := s.base["addons-staging"]
	if addons.Health != "Healthy" || addons.AutoSync || !slices.Equal(addons.Revisions, []string{"4.11.1", "0.9.1"}) || len(addons.Owners) != 1 {
		t.Errorf("%+v", addons)
	}
	for _, r := range s.engine.Runs() {
		if r.App == "sessions-production-acme" && r.Artifact == "redis" {
			if r.Version != "17.9.2" || r.Environment != "production" || r.Tenant != "acme" || !r.From.Equal(noon.Add(-24*time.Hour)) {
				t.Errorf("run %+v", r)
			}
		}
	}
	set := files["platform/addons.yaml"]
	commit := s.merge("addons-staging", "gateway 4.12.0", map[string]string{"platform/addons.yaml": strings.Replace(set, "staging, gateway: 4.11.1", "staging, gateway: 4.12.0", 1)})
	expect := converge.Expect{Changed: true, Versions: []converge.Version{{Repo: "https://charts.example.com", Chart: "ingress-gateway", From: "4.11.1", To: "4.12.0"}}}
	s.after(20*time.Second).want(s.look("addons-staging", commit, expect), promoter.Blocked, "auto-sync is off")
	if !s.engine.Sync(argocd.Key{Namespace: "argocd", Name: "addons-staging"}) {
		t.Fatal("nobody can sync it by hand")
	}
	s.after(70*time.Second).want(s.look("addons-staging", commit, expect), promoter.Converged, "")
}

// What cannot be rendered is no content: the comparison fails, as Argo CD's.
func TestWhatCannotBeRendered(t *testing.T) {
	for reason, file := range map[string]string{
		`"../../../elsewhere" is not in the repository`:     "resources: [../../../elsewhere]\n",
		"it needs charts or addresses from elsewhere":       "resources: [https://example.com/x.yaml]\n",
		"is no kustomization":                               "resources: [\n",
		`"github.com/shop/base?ref=v1" is not in the repo`:  "resources: [\"github.com/shop/base?ref=v1\"]\n",
		"it needs charts or addresses from elsewhere\"\"\"": "helmCharts: [{name: redis}]\n",
		`kind "Deployment" named "" is no resource`:         "",
	} {
		reason = strings.TrimRight(reason, `"`)
		t.Run(reason, func(t *testing.T) {
			s := begin(t, shop(), nil)
			files := map[string]string{"apps/storefront/dev/kustomization.yaml": file}
			if file == "" {
				files["apps/storefront/dev/deployment.yaml"] = "apiVersion: apps/v1\nkind: Deployment\n"
			}
			commit := s.merge("storefront-dev", "broken", files)
			s.after(5*time.Second).want(s.look("storefront-dev", commit, bumped("2.4.0", "2.5.0")), promoter.Blind, reason)
			back := s.merge("storefront-dev", "mended", map[string]string{"apps/storefront/dev/kustomization.yaml": overlay("2.4.0")})
			s.after(35*time.Second).want(s.look("storefront-dev", back, converge.Expect{}), promoter.Converged, "")
		})
	}
}

// A repository that is gone makes no comparison, and a manifest that cannot be
// read deletes nobody.
func TestWhatCannotBeRead(t *testing.T) {
	s := begin(t, shop(), nil)
	commit := s.merge("storefront-dev", "broken", map[string]string{"argocd/storefront-dev.yaml": "apiVersion: argoproj.io/v1alpha1\nkind: [\n"})
	s.after(35*time.Second).want(s.look("storefront-dev", commit, converge.Expect{}), promoter.Converged, "")
	if got := s.engine.Problems(); len(got) != 1 || !strings.HasPrefix(got[0], "argocd/storefront-dev.yaml: ") {
		t.Errorf("problems %q", got)
	}
	s.merge("redis-dev", "removed", map[string]string{"argocd/storefront-dev.yaml": ""})
	if n := len(s.engine.Server().Keys()); n != 5 {
		t.Errorf("%d applications after one was removed, want 5", n)
	}
	if err := os.Rename(filepath.Join(s.repo.dir, ".git", "refs"), filepath.Join(s.repo.dir, ".git", "gone")); err != nil {
		t.Fatal(err)
	}
	s.after(4*time.Minute).want(s.look("storefront-staging", commit, converge.Expect{}), promoter.Blind, "Failed to load target state")
}

// An Application that is new is synced, and is Missing until then.
func TestANewApplication(t *testing.T) {
	s := begin(t, shop(), nil)
	commit := s.merge("redis-dev", "a set of one", map[string]string{
		"sets/one.yaml": `apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: one, namespace: argocd}
spec:
  generators: [{git: {directories: [{path: apps/storefront/*}, {path: apps/storefront/dev, exclude: true}]}}]
  template:
    metadata: {name: "one-{{path.basename}}"}
    spec:
      source: {repoURL: ` + repoURL + `, path: "{{path}}", targetRevision: HEAD, kustomize: {images: ["registry.example.com/shop/storefront:9.9.9"]}}
      destination: {name: "{{path.basename}}", namespace: one}
      syncPolicy: {automated: {}}
`,
	})
	s.after(3 * time.Second)
	if got := s.look("one-staging", commit, converge.Expect{}); s.seen["one-staging"][0].Health != "Missing" || got.Outcome != promoter.Pending {
		t.Errorf("%s: %s", got.Outcome, got.Reason)
	}
	s.after(70*time.Second).want(s.look("one-staging", commit, converge.Expect{Changed: true}), promoter.Converged, "")
	if got := s.seen["one-staging"][1].Images; !slices.Contains(got, "registry.example.com/shop/storefront:9.9.9") {
		t.Errorf("images %q", got)
	}
	if n := len(s.engine.Server().Keys()); n != 8 {
		t.Errorf("%d applications, want 8", n)
	}
}

// By the wall's clock, a hundred times as fast, from a URL, and with the
// product's own eyes: the watch tells when to look.
func TestItRunsByItself(t *testing.T) {
	t.Parallel()
	repo := newRepository(t, shop())
	clock := delivery.NewClock(time.Now().Add(-24*time.Hour), 100)
	e, err := delivery.New(delivery.Config{Repository: "file://" + repo.dir, Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	url, client := serve(t, e)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s := &stage{T: t, client: client, engine: e, merged: clock.Now(), base: map[string]converge.ArgoSnapshot{}, seen: map[string][]converge.ArgoSnapshot{}}
	commit := repo.commit("storefront 2.5.0", bump("production", "2.5.0"))
	go e.Run(ctx, 10*time.Millisecond)
	changed := make(chan struct{}, 1)
	go client.Watch(ctx, func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	expect := bumped("2.4.0", "2.5.0")
	for e.Head() != commit {
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatal("the commit is not seen")
		}
	}
	if s.fence, err = client.Refresh(ctx, name("storefront-production"), true); err != nil {
		t.Fatal(err)
	}
	var got promoter.Convergence
	for got.Outcome != promoter.Converged {
		select {
		case <-changed:
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("%s: %s", got.Outcome, got.Reason)
		}
		snapshot, err := client.Look(ctx, name("storefront-production"), expect.Items)
		if err != nil {
			continue // it changes faster than it can be read
		}
		s.seen["x"] = append(s.seen["x"], snapshot)
		got = converge.Argo(converge.Ask{
			App: name("storefront-production"), Commit: commit, Repo: repoURL, Branch: "main", MergedAt: s.merged, OnBranch: converge.Yes,
			Fence: s.fence, Asked: 1, Expect: expect,
		}, s.seen["x"], clock.Now())
	}
	resp, err := http.Get(url + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(page), "storefront 2.5.0") || !strings.Contains(string(page), commit[:10]) || !strings.Contains(string(page), "redis 18.1.0") {
		t.Errorf("%v: %s", err, page)
	}
}

// The page is HTML, and a commit's words are not.
func TestThePageEscapes(t *testing.T) {
	s := begin(t, shop(), nil)
	s.merge("storefront-dev", "<script>alert(1)</script>", nil)
	resp, err := http.Get(s.url + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil || strings.Contains(string(page), "<script>") || !strings.Contains(string(page), "&lt;script&gt;") {
		t.Errorf("%v: %s", err, page)
	}
}

func TestSetsThatAreNotKnown(t *testing.T) {
	for text, want := range map[string]string{
		"generators: [{clusters: {}}]\n  template: {metadata: {name: x}}":                                                                                     "no generator but list and git",
		"goTemplate: true\n  goTemplateOptions: [missingkey=error]\n  generators: [{list: {elements: [{a: 1}]}}]\n  template: {metadata: {name: \"{{.b}}\"}}": "map has no entry for key",
		"generators: [{git: {files: [{path: values/*.yaml}]}}]\n  template: {metadata: {name: x}}\n  templatePatch: x":                                        "template patches",
		"generators: [{list: {elements: [{a: 1}]}}]\n  template: {spec: {}}":                                                                                  "no metadata",
		"generators: [{git: {files: [{path: apps/base/deployment.yaml}]}}]\n  template: {metadata: {name: x}}":                                                "holds no values",
	} {
		t.Run(want, func(t *testing.T) {
			files := shop()
			files["set.yaml"] = "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: set}\nspec:\n  " + text + "\n"
			s := begin(t, files, nil)
			if got := s.engine.Problems(); len(got) != 1 || !strings.Contains(got[0], want) {
				t.Errorf("problems %q, want …%s…", got, want)
			}
			if n := len(s.engine.Server().Keys()); n != 6 {
				t.Errorf("%d applications, want 6", n)
			}
		})
	}
}
