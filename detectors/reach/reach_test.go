package reach

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"promoter/detectors"
	"promoter/promoter"
)

// repo is a repository in a few words.
type repo struct {
	paths []string
	facts []detectors.Fact
	links []detectors.Link
	pins  []promoter.Pin
}

// parse reads lines of a repository:
//
//	file PATH
//	link PATH [app=NAME] VIA TO
//	unit KIND NAME PATH [key=value …]
func parse(t *testing.T, text string) repo {
	t.Helper()
	var r repo
	for line := range strings.Lines(text) {
		w := strings.Fields(line)
		if len(w) == 0 {
			continue
		}
		switch w[0] {
		case "file":
			r.paths = append(r.paths, w[1])
		case "link":
			l := detectors.Link{From: promoter.Place{File: w[1]}}
			rest := w[2:]
			if app, ok := strings.CutPrefix(rest[0], "app="); ok {
				l.App, rest = app, rest[1:]
			}
			l.Via, l.To = rest[0], rest[1]
			if len(rest) > 2 {
				l.Repo = rest[2]
			}
			r.links = append(r.links, l)
			r.paths = append(r.paths, w[1])
		case "unit":
			f := detectors.Fact{Kind: w[1], Name: w[2], Place: promoter.Place{File: w[3]}, Fields: map[string]string{}}
			for _, field := range w[4:] {
				key, value, _ := strings.Cut(field, "=")
				f.Fields[key] = value
			}
			r.facts = append(r.facts, f)
			r.paths = append(r.paths, w[3])
		default:
			t.Fatalf("line %q", line)
		}
	}
	slices.Sort(r.paths)
	r.paths = slices.Compact(r.paths)
	return r
}

// byName places what a name says in whole: a directory "prod" or "prod-TENANT",
// a cluster "prod-1".
func byName(file, app, cluster string) (Located, bool) {
	for _, env := range []string{"dev", "stage", "prod"} {
		if strings.HasPrefix(cluster, env+"-") {
			return Located{Environment: env, Cluster: cluster}, true
		}
	}
	for name := range strings.SplitSeq(file, "/") {
		name = strings.TrimSuffix(name, ".yaml")
		env, tenant, _ := strings.Cut(name, "-")
		if slices.Contains([]string{"dev", "stage", "prod"}, env) {
			return Located{Environment: env, Tenant: tenant}, true
		}
	}
	return Located{}, false
}

func (r repo) build() *Graph { return Build(r.paths, r.pins, r.facts, r.links, byName) }

func show(units []Unit) []string {
	var out []string
	for _, u := range units {
		out = append(out, strings.Join([]string{u.Environment, u.Tenant, u.Cluster, u.App}, "|"))
	}
	return out
}

func TestOf(t *testing.T) {
	t.Parallel()
	const overlays = `
		link web/base/kustomization.yaml resources web/base/deployment.yaml
		file web/base/deployment.yaml
		link web/overlays/dev/kustomization.yaml resources web/base
		link web/overlays/prod-acme/kustomization.yaml resources web/base
	`
	tests := []struct {
		name, text string
		pin        promoter.Pin // Place.File and what else matters
		want       []string
	}{
		{"nobody, and its place is not known", `file web/deployment.yaml`, at("web/deployment.yaml"), nil},
		{"nobody, and its path says where", `file web/prod/deployment.yaml`, at("web/prod/deployment.yaml"), []string{"prod|||"}},
		{"nobody, and the pin says where", `file web/deployment.yaml`,
			promoter.Pin{Place: promoter.Place{File: "web/deployment.yaml"}, Environment: "qa", Tenant: "acme", App: "web"}, []string{"qa|acme||web"}},
		{"a file that the scan does not know", `file web/deployment.yaml`, at("elsewhere.yaml"), nil},
		{"overlays alone are evidence", overlays, at("web/base/deployment.yaml"), []string{"dev|||", "prod|acme||"}},
		{"an overlay reaches itself only", overlays, at("web/overlays/dev/kustomization.yaml"), []string{"dev|||"}},
		{"an overlay that builds on an overlay", overlays + `
			link web/overlays/stage/kustomization.yaml resources web/overlays/dev`,
			at("web/overlays/dev/kustomization.yaml"), []string{"dev|||", "stage|||"}},
		{"components and patches", `
			file parts/tls/kustomization.yaml
			file parts/tls/patch.yaml
			link parts/tls/kustomization.yaml patches parts/tls/patch.yaml
			link web/dev/kustomization.yaml components parts/tls
			link web/prod/kustomization.yaml components parts/tls`,
			at("parts/tls/patch.yaml"), []string{"dev|||", "prod|||"}},
		{"an application's name joins its overlay's place", overlays + `
			unit Application web-dev argo/web.yaml destination.server=https://10.0.0.1
			link argo/web.yaml app=web-dev source.path web/overlays/dev`,
			at("web/base/deployment.yaml"), []string{"dev|||web-dev", "prod|acme||"}},
		{"a destination adds to what an overlay's path says", overlays + `
			unit Application web argo/web.yaml destination.name=stage-1
			link argo/web.yaml app=web source.path web/overlays/dev`,
			at("web/base/deployment.yaml"), []string{"dev|||", "prod|acme||", "stage||stage-1|web"}},
		{"an application whose place nobody knows is said, and not left out", `
			unit Application web argo/web.yaml
			link argo/web.yaml app=web source.path web
			file web/deployment.yaml`,
			at("web/deployment.yaml"), []string{"|||web"}},
		{"an application without a place is where its own file goes", `
			unit Application web apps/web.yaml
			link apps/web.yaml app=web source.path web
			file web/deployment.yaml
			link hubs/dev/kustomization.yaml resources apps/web.yaml
			link hubs/prod/kustomization.yaml resources apps/web.yaml`,
			at("web/deployment.yaml"), []string{"dev|||web", "prod|||web"}},
		{"the hubs of an application do not widen an overlay", overlays + `
			unit Application web apps/web.yaml destination.server=https://kubernetes.default.svc
			link apps/web.yaml app=web source.path web/overlays/dev
			link hubs/prod/kustomization.yaml resources apps/web.yaml`,
			at("web/overlays/dev/kustomization.yaml"), []string{"dev|||web"}},
		{"applications of an application", `
			unit Application root root.yaml destination.name=prod-1
			link root.yaml app=root source.path apps
			unit Application web apps/web.yaml
			link apps/web.yaml app=web source.path web
			file web/deployment.yaml`,
			at("web/deployment.yaml"), []string{"prod||prod-1|web"}},
		{"a child's own destination stands before its parent's", `
			unit Application root root.yaml destination.name=prod-1
			link root.yaml app=root source.path apps
			unit Application web apps/web.yaml destination.name=dev-1
			link apps/web.yaml app=web source.path web
			file web/deployment.yaml`,
			at("web/deployment.yaml"), []string{"dev||dev-1|web"}},
		{"a values file of two applications", `
			unit Application web-dev argo/a.yaml destination.name=dev-1
			link argo/a.yaml app=web-dev valueFiles web/values.yaml
			unit Application web-prod argo/b.yaml destination.name=prod-1
			link argo/b.yaml app=web-prod valueFiles web/values.yaml
			file web/values.yaml`,
			at("web/values.yaml"), []string{"dev||dev-1|web-dev", "prod||prod-1|web-prod"}},
		{"manifests of a directory, not those below it", `
			unit Application web argo/web.yaml destination.name=dev-1
			link argo/web.yaml app=web source.path web
			file web/a.yaml
			file web/more/b.yaml`,
			at("web/more/b.yaml"), nil},
		{"directory.recurse", `
			unit Application web argo/web.yaml destination.name=dev-1 recurse=true
			link argo/web.yaml app=web source.path web
			file web/more/b.yaml`,
			at("web/more/b.yaml"), []string{"dev||dev-1|web"}},
		{"what a kustomization does not list is not deployed with it", `
			unit Application web argo/web.yaml destination.name=dev-1
			link argo/web.yaml app=web source.path web
			file web/kustomization.yaml
			link web/kustomization.yaml resources web/a.yaml
			file web/a.yaml
			file web/b.yaml`,
			at("web/b.yaml"), nil},
		{"a chart's templates and its dependents", `
			unit Application shop argo/shop.yaml destination.name=prod-1
			link argo/shop.yaml app=shop source.path charts/shop
			link charts/shop/Chart.yaml dependencies charts/web
			link charts/web/Chart.yaml chart charts/web/templates
			link charts/web/Chart.yaml chart charts/web/values.yaml
			file charts/web/values.yaml
			file charts/web/templates/sub/deployment.yaml`,
			at("charts/web/templates/sub/deployment.yaml"), []string{"prod||prod-1|shop"}},
		{"a chart's values of one environment", `
			unit Application shop argo/shop.yaml destination.name=prod-1
			link argo/shop.yaml app=shop source.path charts/shop
			file charts/shop/Chart.yaml
			file charts/shop/values-dev.yaml`,
			at("charts/shop/values-dev.yaml"), nil},
		{"flux: a path without a kustomization is read whole", `
			unit Kustomization apps clusters/prod/apps.yaml
			link clusters/prod/apps.yaml app=apps spec.path apps
			file apps/web/deployment.yaml`,
			at("apps/web/deployment.yaml"), []string{"prod|||apps"}},
		{"flux: through a kustomization below", `
			unit Kustomization apps clusters/prod/apps.yaml
			link clusters/prod/apps.yaml app=apps spec.path apps
			link apps/web/kustomization.yaml resources apps/web/a.yaml
			file apps/web/a.yaml
			file apps/web/b.yaml`,
			at("apps/web/a.yaml"), []string{"prod|||apps"}},
		{"flux: beside a kustomization below", `
			unit Kustomization apps clusters/prod/apps.yaml
			link clusters/prod/apps.yaml app=apps spec.path apps
			link apps/web/kustomization.yaml resources apps/web/a.yaml
			file apps/web/a.yaml
			file apps/web/b.yaml`,
			at("apps/web/b.yaml"), nil},
		{"flux: a release is the application, wherever its Kustomizations are", `
			unit HelmRelease redis infra/base/redis.yaml
			link infra/base/kustomization.yaml resources infra/base/redis.yaml
			unit Kustomization infra clusters/dev/infra.yaml
			link clusters/dev/infra.yaml app=infra spec.path infra/base
			unit Kustomization infra clusters/prod/infra.yaml
			link clusters/prod/infra.yaml app=infra spec.path infra/base`,
			promoter.Pin{Place: promoter.Place{File: "infra/base/redis.yaml"}, App: "redis"}, []string{"dev|||redis", "prod|||redis"}},
		{"flux: a Kustomization is where it is applied, whatever the path it applies says", `
			unit Kustomization apps shared/apps.yaml
			link shared/apps.yaml app=apps spec.path apps/dev
			file apps/dev/web.yaml
			link clusters/prod/kustomization.yaml resources shared/apps.yaml`,
			at("apps/dev/web.yaml"), []string{"dev|||apps", "prod|||apps"}},
		{"helmfile: environments, bases and releases", `
			unit HelmfileRelease web prod/helmfile.yaml
			link prod/helmfile.yaml bases common.yaml
			link prod/helmfile.yaml app=web values values/web.yaml
			file common.yaml
			file values/web.yaml`,
			at("values/web.yaml"), []string{"prod|||web"}},
		{"helmfiles by a pattern", `
			link prod/helmfile.yaml helmfiles releases/*.yaml
			unit HelmfileRelease web releases/web.yaml
			file releases/deep/other.yaml`,
			promoter.Pin{Place: promoter.Place{File: "releases/web.yaml"}, App: "web"}, []string{"prod|||web"}},
		{"another repository's path is not ours", `
			unit Application web argo/web.yaml destination.name=dev-1
			link argo/web.yaml app=web source.path web https://git.example.com/other
			file web/a.yaml`,
			at("web/a.yaml"), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := parse(t, tt.text).build()
			if diff := cmp.Diff(tt.want, show(g.Of(tt.pin))); diff != "" {
				t.Errorf("reach (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.want, show(g.Of(tt.pin))); diff != "" {
				t.Errorf("asked again (-want +got):\n%s", diff)
			}
		})
	}
}

func at(file string) promoter.Pin { return promoter.Pin{Place: promoter.Place{File: file}} }

// A scalar of a generator's element reaches its own Application alone, one of
// the template all of them.
func TestOfApplicationSets(t *testing.T) {
	t.Parallel()
	g := parse(t, `
		unit ApplicationSet addons platform/addons.yaml
		unit Application addons-dev platform/addons.yaml applicationSet=addons destination.name=dev-1
		unit Application addons-prod platform/addons.yaml applicationSet=addons destination.name=prod-1
		unit Application addons-lab platform/addons.yaml applicationSet=addons
		file config/versions.json
	`).build()
	pin := func(file, app string) promoter.Pin {
		return promoter.Pin{App: app, Place: promoter.Place{File: file}}
	}
	tests := []struct {
		name string
		pin  promoter.Pin
		want []string
	}{
		{"an element", pin("platform/addons.yaml", "addons-dev"), []string{"dev||dev-1|addons-dev"}},
		{"an element of an unknown place", pin("platform/addons.yaml", "addons-lab"), []string{"|||addons-lab"}},
		{"the template", pin("platform/addons.yaml", "addons"), []string{"|||addons-lab", "dev||dev-1|addons-dev", "prod||prod-1|addons-prod"}},
		{"a scalar that no Application is known of", pin("platform/addons.yaml", ""), []string{"|||addons-lab", "dev||dev-1|addons-dev", "prod||prod-1|addons-prod"}},
		{"a generator's file, for one", pin("config/versions.json", "addons-prod"), []string{"prod||prod-1|addons-prod"}},
		{"a generator's file, for all", pin("config/versions.json", "addons"), []string{"|||addons-lab", "dev||dev-1|addons-dev", "prod||prod-1|addons-prod"}},
		{"the same name elsewhere", pin("config/versions.json", "redis"), nil},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, show(g.Of(tt.pin))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// An overlay may patch the destination of what it includes.
func TestOfApplicationInOverlays(t *testing.T) {
	t.Parallel()
	g := parse(t, `
		unit Application web apps/base/web.yaml destination.name=dev-1
		link apps/base/kustomization.yaml resources apps/base/web.yaml
		link apps/prod/kustomization.yaml resources apps/base
	`).build()
	got := show(g.Of(promoter.Pin{App: "web", Place: promoter.Place{File: "apps/base/web.yaml"}}))
	if diff := cmp.Diff([]string{"dev||dev-1|web", "prod|||web"}, got); diff != "" {
		t.Errorf("reach (-want +got):\n%s", diff)
	}
}

func TestVia(t *testing.T) {
	t.Parallel()
	g := parse(t, `
		link web/base/kustomization.yaml resources web/base/a.yaml
		file web/base/a.yaml
		link web/prod/kustomization.yaml resources web/base
		unit Application web argo/web.yaml destination.name=dev-1
		link argo/web.yaml app=web source.path web/base
	`).build()
	want := []Unit{
		{App: "web", Environment: "dev", Cluster: "dev-1", Via: "source.path in argo/web.yaml"},
		{Environment: "prod", Via: "resources in web/prod/kustomization.yaml"},
	}
	if diff := cmp.Diff(want, g.Of(at("web/base/a.yaml"))); diff != "" {
		t.Errorf("units (-want +got):\n%s", diff)
	}
}

func TestCyclesEnd(t *testing.T) {
	t.Parallel()
	g := parse(t, `
		link a/kustomization.yaml resources b
		link b/kustomization.yaml resources a
		link b/kustomization.yaml resources b
		link prod/kustomization.yaml resources a
		unit Application root apps/root.yaml
		link apps/root.yaml app=root source.path apps
		unit Kustomization self flux/self.yaml
		link flux/self.yaml app=self spec.path flux
		link flux/self.yaml app=self spec.path .
	`).build()
	for file, want := range map[string][]string{
		"b/kustomization.yaml": {"|||self", "prod|||self"},
		"apps/root.yaml":       {"|||root"},
		"flux/self.yaml":       {"|||self"},
	} {
		if diff := cmp.Diff(want, show(g.Of(at(file)))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
}

func TestDangling(t *testing.T) {
	t.Parallel()
	const text = `
		file web/empty/deployment.yaml
		link web/kustomization.yaml resources ../outside
		link web/kustomization.yaml resources web/gone.yaml
		link web/kustomization.yaml resources web/empty
		link web/kustomization.yaml resources web/../../up
		link web/kustomization.yaml resources /etc
		link web/kustomization.yaml resources web/gone https://git.example.com/other
		link helmfile.yaml helmfiles gone/*.yaml
		link helmfile.yaml helmfiles gone/[.yaml
	`
	g := parse(t, text).build()
	var got []string
	for _, l := range g.Dangling {
		got = append(got, l.To)
	}
	want := []string{"../outside", "web/gone.yaml", "web/empty", "web/../../up", "/etc", "gone/*.yaml", "gone/[.yaml"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("dangling (-want +got):\n%s", diff)
	}
	r := parse(t, text)
	r.paths = nil
	r.pins = []promoter.Pin{at("web/empty/deployment.yaml")}
	got = nil
	for _, l := range r.build().Dangling {
		got = append(got, l.To)
	}
	// A file that holds nothing is not known without the list of paths.
	if diff := cmp.Diff([]string{"../outside", "web/empty", "web/../../up", "/etc"}, got); diff != "" {
		t.Errorf("dangling without paths (-want +got):\n%s", diff)
	}
}

func TestAnswersAreTheCallers(t *testing.T) {
	t.Parallel()
	g := parse(t, `file web/prod/a.yaml`).build()
	g.Of(at("web/prod/a.yaml"))[0].Environment = "changed"
	if got := show(g.Of(at("web/prod/a.yaml"))); !slices.Equal(got, []string{"prod|||"}) {
		t.Errorf("after a caller's change: %q", got)
	}
}
