package config

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"promoter/promoter"
)

// Every mistake is told with its line and what to write instead.
func TestMistakes(t *testing.T) {
	t.Parallel()
	const env = "environments: [{name: a, paths: [a/**]}]\n"
	tests := []struct{ name, text, want string }{
		{"no YAML", "waves: [\n", "promoter.yaml:2: "},
		{"two documents", "version: 1\n---\nversion: 1\n", "promoter.yaml:3: a second YAML document: write everything in one"},
		{"not a mapping", "- a\n", "promoter.yaml:1: top level: write a mapping with the keys version, ignore,"},
		{"a version to come", "version: 2\n", "promoter.yaml:1: version: 2 is not known: write 1"},
		{"unknown key, close to a known one", "\nwave: []\n", `promoter.yaml:2: top level: unknown key "wave": write "waves"`},
		{"unknown key, far from all", "pulls:\n  foo: 1\n", `promoter.yaml:2: pulls: unknown key "foo": the keys here are ahead, assignees, author`},
		{"empty key", "'': a\n", `promoter.yaml:1: top level: unknown key "": the keys here are `},
		{"section for a key", "{a}: b\n", "promoter.yaml:1: top level: unknown key"},
		{"unknown key in a list", "waves:\n  - name: a\n    environments: [a]\n    soaks: 1h\n", `promoter.yaml:4: waves[0]: unknown key "soaks": write "soak"`},
		{"key in another case", "waves:\n  - name: a\n    environments: [a]\n    maxconcurrent: 1\n", `unknown key "maxconcurrent": write "maxConcurrent"`},
		{"key twice", "pulls:\n  maxOpen: 1\n  maxOpen: 2\n", `promoter.yaml:3: pulls: key "maxOpen" is written twice: keep one`},
		{"key twice in a map", "policies:\n  C1: {merge: manual}\n  C1: {merge: manual}\n", `promoter.yaml:3: policies: key "C1" is written twice: keep one`},
		{"section for a list", "waves:\n  name: a\n", `promoter.yaml:2: waves: write a list (each item begins with "- ")`},
		{"list for a section", "pulls:\n  - a\n", "promoter.yaml:2: pulls: write a mapping with the keys base, ahead,"},
		{"list for a map", "policies: [C1]\n", "promoter.yaml:1: policies: write a mapping"},
		{"section for a text", "pulls:\n  title: {a: b}\n", "promoter.yaml:2: pulls.title: write a single value"},
		{"text for a number", "pulls:\n  maxOpen: many\n", `promoter.yaml:2: pulls.maxOpen: "many" is not a whole number`},
		{"negative number", "pulls:\n  maxOpen: -1\n", "promoter.yaml:2: pulls.maxOpen: -1 is less than none: write 0 or more"},
		{"text for a switch", "pulls:\n  splitBase: sure\n", `promoter.yaml:2: pulls.splitBase: "sure" is neither true nor false`},
		{"quoted switch", "pulls:\n  splitBase: \"true\"\n", `pulls.splitBase: "true" is neither true nor false`},
		{"word of an enum", "pulls:\n  ahead: every\n", `promoter.yaml:2: pulls.ahead: "every" is not one of next, all`},
		{"word of an enum in a list", "updates:\n  - match: {kinds: [chart, helm]}\n", `promoter.yaml:2: updates[0].match.kinds[1]: "helm" is not one of chart, image, git, galaxy`},
		{"length of time", "waves:\n  - {name: a, environments: [a], soak: soon}\n", `promoter.yaml:2: waves[0].soak: "soon" is not a length of time: write one such as "30m", "12h" or "3d"`},
		{"length without a unit", "waves:\n  - {name: a, environments: [a], soak: 30}\n", `"30" is not a length of time`},
		{"negative length", "waves:\n  - {name: a, environments: [a], soak: -1h}\n", `"-1h" is not a length of time`},
		{"length that no clock holds", "waves:\n  - {name: a, environments: [a], soak: 1e9w}\n", `"1e9w" is not a length of time`},
		{"length as a list", "rules: {staleAfter: [1d]}\n", `rules.staleAfter: write a length of time such as "30m"`},

		{"environment without a name", "environments:\n  - paths: [a/**]\n", "promoter.yaml:2: environments[0]: write its name"},
		{"environment without a place", "environments:\n  - name: a\n", "promoter.yaml:2: environments[0]: write the paths (or apps, or clusters) that belong to it"},
		{"absolute path", "environments:\n  - {name: a, paths: [/a]}\n", "promoter.yaml:2: environments[0]: pattern \"/a\": paths are relative to the repository's root"},
		{"capture without a name", "environments:\n  - {name: a, paths: ['{}/x']}\n", `pattern "{}/x": a capture is written {name}`},
		{"capture twice", "environments:\n  - {name: a, paths: ['{x}/{x}']}\n", "capture {x} stands in it twice"},
		{"capture that a path does not give", "environments:\n  - {name: 'a-{x}', paths: ['{x}/**', 'b/**']}\n", `promoter.yaml:2: environments[0]: "a-{x}" uses {x}, which pattern "b/**" does not capture`},
		{"capture that a cluster does not give", "environments:\n  - {name: 'a', tenant: '{t}', clusters: ['b-*']}\n", `"{t}" uses {t}, which pattern "b-*" does not capture`},
		{"capture in a label", "environments:\n  - {name: 'a', labels: {x: '{t}'}, apps: ['b-*']}\n", `"{t}" uses {t}, which pattern "b-*" does not capture`},

		{"wave without a name", env + "waves:\n  - {environments: [a]}\n", "promoter.yaml:3: waves[0]: write its name"},
		{"wave without environments", env + "waves:\n  - {name: a}\n", `promoter.yaml:3: wave "a": write the environments (or labels) that belong to it`},
		{"wave that no branch can be named for", env + "waves:\n  - {name: a b, environments: [a]}\n", `wave "a b": a name has letters, digits, dots, dashes and underscores`},
		{"two waves of one name", env + "waves:\n  - {name: a, environments: [a]}\n  - {name: a, environments: [a]}\n", `promoter.yaml:4: wave "a": the name is taken on line 3`},
		{"wave after a later one", env + "waves:\n  - {name: a, environments: [a], after: [b]}\n  - {name: b, environments: [b]}\n", `promoter.yaml:3: wave "a": after "b", which does not stand before it`},
		{"wave after itself", env + "waves:\n  - {name: a, environments: [a], after: [a]}\n", `promoter.yaml:3: wave "a": it would have to wait for itself`},
		{"wave after none", env + "waves:\n  - {name: a, environments: [a], after: [z]}\n", `after "z", which does not stand before it`},
		{"pattern of a wave", env + "waves:\n  - {name: a, environments: ['']}\n", `wave "a": an empty pattern matches nothing`},

		{"class absent", "classes:\n  - match: {artifacts: [x]}\n", "promoter.yaml:2: classes[0]: write its class: C1, C2 or C3"},
		{"no such class", "policies:\n  C4: {merge: manual}\n", `promoter.yaml:2: policies: "C4" is not a class: write C1, C2 or C3`},
		{"pattern of a match", "classes:\n  - class: C1\n    match: {paths: [../x]}\n", `promoter.yaml:2: classes[0].match.paths[0]: pattern "../x": paths are relative`},
		{"constraint", "updates:\n  - constraint: newer\n", `promoter.yaml:2: updates: constraint "newer": `},
		{"ignored version", "updates:\n  - ignore: ['>> 2']\n", `promoter.yaml:2: updates: ignore ">> 2": `},
		{"group of one", "groups:\n  - {name: a, artifacts: [b]}\n", "promoter.yaml:2: groups[0]: write a name and at least two artifacts"},
		{"group that no branch can be named for", "groups:\n  - {name: a/b, artifacts: [b, c]}\n", `promoter.yaml:2: group "a/b": a name has letters`},
		{"time zone", "windows:\n  - {from: '22:00', to: '23:00', zone: Berlin}\n", `promoter.yaml:2: zone: "Berlin" is not a time zone: write an IANA name such as "Europe/Berlin"`},
		{"the machine's time zone", "windows:\n  - {from: '22:00', to: '23:00', zone: Local}\n", `zone: "Local" is not a time zone`},
		{"time of day", "windows:\n  - {from: 10pm, to: '23:00'}\n", `promoter.yaml:2: windows: "10pm" is not a time of day: write "22:00"`},
		{"day", "windows:\n  - {days: [monday], from: '22:00', to: '23:00'}\n", `promoter.yaml:2: windows[0].days[0]: "monday" is not one of mon, tue,`},
		{"moment", "freezes:\n  - {name: x, from: tomorrow, to: 2026-12-20}\n", `promoter.yaml:2: freezes: from: "tomorrow" is not a moment: write "2026-12-20" or "2026-12-20T18:00"`},
		{"end before begin", "freezes:\n  - {name: x, from: 2026-12-20, to: 2026-12-19}\n", `promoter.yaml:2: freezes: "x" ends before it begins`},
		{"freeze without a reason", "freezes:\n  - {from: 2026-12-20, to: 2026-12-21}\n", "promoter.yaml:2: freezes: write a name: it is what people are shown"},
		{"expression", "extractors:\n  - {name: x, files: [a], match: '(', artifact: y}\n", `promoter.yaml:2: extractor "x": match: `},
		{"expression without a version", "extractors:\n  - {name: x, files: [a], match: 'v=(.*)', artifact: y}\n", `extractor "x": match has no group "version"`},
		{"extractor of nothing", "extractors:\n  - {name: x, files: [a], match: '(?P<version>.*)'}\n", `extractor "x": nothing names the artifact`},
		{"half a mirror", "sources:\n  mirrors: [{from: a}]\n", "promoter.yaml:2: sources.mirrors: write both from and to"},
	}
	for _, tt := range tests {
		_, err := Parse("promoter.yaml", []byte(tt.text))
		if err == nil {
			t.Errorf("%s: no mistake is seen", tt.name)
			continue
		}
		if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, err, tt.want)
		}
	}
}

func TestAllMistakesAreTold(t *testing.T) {
	t.Parallel()
	_, err := Parse("x.yaml", []byte("waves:\n  - {name: a}\nfoo: 1\npulls: {ahead: b, maxOpen: c}\n"))
	var all Errors
	if !errors.As(err, &all) {
		t.Fatalf("the error is a %T", err)
	}
	var lines []int
	for _, e := range all {
		lines = append(lines, e.Line)
		if e.File != "x.yaml" {
			t.Errorf("file %q", e.File)
		}
	}
	if diff := cmp.Diff([]int{2, 3, 4, 4}, lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s\n%v", diff, err)
	}
}

func TestEmptyIsTheDefault(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "# nothing yet\n", "version: 1\n", "waves:\n", "environments: []\npulls: {}\n"} {
		if _, err := Parse("promoter.yaml", []byte(text)); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestDurations(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"0": 0, "30m": 30 * time.Minute, "1h30m": 90 * time.Minute, "3d": 72 * time.Hour, "1.5d": 36 * time.Hour, "2w": 336 * time.Hour,
	} {
		got, err := ParseDuration(text)
		if err != nil || time.Duration(got) != want {
			t.Errorf("%s: %v, %v", text, time.Duration(got), err)
		}
		again, err := ParseDuration(got.String())
		if err != nil || again != got {
			t.Errorf("%s is written %q, which reads %v, %v", text, got, again, err)
		}
	}
	for _, text := range []string{"", "d", "NaNd", "Infd", "1e300w", "-1d", "1 day", "30"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q reads as %v", text, got)
		}
	}
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pattern, path string
		want          map[string]string
		ok            bool
	}{
		{"apps/*/prod", "apps/web/prod/x/y.yaml", nil, true},
		{"apps/*/prod", "apps/web/sub/prod/y.yaml", nil, false},
		{"apps/*/prod", "apps/web/production/y.yaml", nil, false},
		{"apps/**", "apps/web/y.yaml", nil, true},
		{"**/prod/**", "prod/y.yaml", nil, true},
		{"**/prod/**", "a/b/prod/y.yaml", nil, true},
		{"**/prod/**", "a/preprod/y.yaml", nil, false},
		{"**/prod.yaml", "prod.yaml", nil, true},
		{"**/values-{env}.yaml", "a/values-prod.yaml", map[string]string{"env": "prod"}, true},
		{"clusters/{env}-{n}/**", "clusters/prod-eu-1/a.yaml", map[string]string{"env": "prod", "n": "eu-1"}, true},
		{"tenants/{t}/{e}/**", "tenants/acme/prod/a/b.yaml", map[string]string{"t": "acme", "e": "prod"}, true},
		{"tenants/{t}/{e}/**", "tenants/acme/b.yaml", nil, false},
		{"größe/*.yaml", "größe/a.yaml", nil, true},
		{"a+b (c)/$x.yaml", "a+b (c)/$x.yaml", nil, true},
	}
	for _, tt := range tests {
		p, err := CompilePath(tt.pattern)
		if err != nil {
			t.Errorf("%s: %v", tt.pattern, err)
			continue
		}
		got, ok := p.Match(tt.path)
		if ok != tt.ok || !cmp.Equal(got, tt.want) {
			t.Errorf("%s on %s: %v, %v", tt.pattern, tt.path, got, ok)
		}
	}
	n, err := CompileName("prod-*")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"prod-a/b": true, "prod-": true, "prod": false, "preprod-a": false} {
		if _, ok := n.Match(name); ok != want {
			t.Errorf("prod-* on %s: %v", name, ok)
		}
	}
}

func TestLocate(t *testing.T) {
	t.Parallel()
	c, err := Parse("promoter.yaml", []byte(`
environments:
  - name: "{env}"
    tenant: "{tenant}"
    cluster: "{tenant}-{env}"
    labels: {stage: "{env}", fixed: yes}
    paths: ["tenants/{tenant}/{env}/**"]
  - name: prod
    paths: ["**/prod/**"]
    apps: ["*-prod"]
    clusters: [prod, "prod-*"]
`))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		file, app, cluster string
		want               Located
		ok                 bool
	}{
		{"tenants/acme/dev/a.yaml", "", "", Located{"dev", "acme", "acme-dev", map[string]string{"stage": "dev", "fixed": "yes"}}, true},
		{"tenants/acme/prod/a.yaml", "", "", Located{"prod", "acme", "acme-prod", map[string]string{"stage": "prod", "fixed": "yes"}}, true},
		{"web/prod/a.yaml", "", "", Located{Name: "prod"}, true},
		{"web/a.yaml", "web-prod", "", Located{Name: "prod"}, true},
		{"web/a.yaml", "web", "prod-eu", Located{Name: "prod"}, true},
		{"web/a.yaml", "web", "", Located{}, false},
		{"", "", "", Located{}, false},
	}
	for _, tt := range tests {
		got, ok := c.Locate(tt.file, tt.app, tt.cluster)
		if ok != tt.ok || !cmp.Equal(got, tt.want) {
			t.Errorf("%s %s %s: %+v, %v", tt.file, tt.app, tt.cluster, got, ok)
		}
	}
}

func TestRulesOfPins(t *testing.T) {
	t.Parallel()
	c, err := Parse("promoter.yaml", []byte(`
classes:
  - {class: C1, match: {artifacts: ["*cert-manager*"]}}
  - {class: C2, match: {tenants: [acme], kinds: [chart]}}
groups:
  - {name: mesh, artifacts: ["istiod", "https://charts.example.com gateway"]}
`))
	if err != nil {
		t.Fatal(err)
	}
	chart := func(name, tenant string) promoter.Pin {
		return promoter.Pin{Tenant: tenant, Artifact: promoter.Artifact{Kind: promoter.Chart, Name: name, Source: "https://charts.example.com"}}
	}
	tests := []struct {
		pin   promoter.Pin
		class promoter.Class
		group string
		rank  int
	}{
		{chart("jetstack-cert-manager", "acme"), promoter.C1, "", 0},
		{chart("redis", "acme"), promoter.C2, "", 0},
		{chart("redis", "globex"), promoter.C3, "", 0},
		{chart("istiod", ""), promoter.C3, "mesh", 0},
		{chart("gateway", ""), promoter.C3, "mesh", 1},
		{promoter.Pin{Tenant: "acme", Artifact: promoter.Artifact{Kind: promoter.Image, Name: "redis", Source: "docker.io"}}, promoter.C3, "", 0},
	}
	for _, tt := range tests {
		class, group, rank := c.Classify(tt.pin)
		if class != tt.class || group != tt.group || rank != tt.rank {
			t.Errorf("%s: %s %q %d, want %s %q %d", tt.pin.Artifact, class, group, rank, tt.class, tt.group, tt.rank)
		}
	}
}

// The first look at a pattern's literals changes no answer.
func FuzzMatch(f *testing.F) {
	f.Add("**/prod/**", "a/prod/b.yaml")
	f.Add("{a}-{b}/*.yaml", "x-y/z.yaml")
	f.Add("aa*a", "aa")
	f.Add("größe/", "größe/x")
	f.Fuzz(func(t *testing.T, text, s string) {
		for _, compile := range []func(string) (Pattern, error){CompilePath, CompileName} {
			p, err := compile(text)
			if err != nil {
				continue
			}
			if _, ok := p.Match(s); ok != p.re.MatchString(s) {
				t.Errorf("%q on %q: %v", text, s, ok)
			}
		}
	})
}

func BenchmarkLocate(b *testing.B) {
	c, err := Parse("promoter.yaml", []byte(`
environments:
  - {name: staging, cluster: "{fleet}-stg-{id}", paths: ["**/{fleet}-stg-{id}/**"]}
  - {name: production, cluster: "{fleet}-prod-{id}", paths: ["**/{fleet}-prod-{id}/**"]}
  - {name: "{env}", paths: ["**/overlays/{env}/**"]}
  - {name: development, paths: ["**/development/**", "**/*-dev/**"]}
  - {name: production, paths: ["**/production/**"], clusters: ["*-prod"]}
`))
	if err != nil {
		b.Fatal(err)
	}
	paths := []string{
		"components/web/base/deployment.yaml", "components/web/production/stone-prod-p01/kustomization.yaml",
		"components/web/production/kustomization.yaml", "apps/web/overlays/dev/kustomization.yaml", "docs/a/b/c/d/e.yaml",
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, p := range paths {
			c.Locate(p, "web", "in-cluster")
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(everything)
	f.Add("environments: [{name: '{a}', paths: ['{a}/**']}]")
	f.Add("waves: {a: b}\npolicies: [*x]\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse("promoter.yaml", []byte(text))
		if (c == nil) == (err == nil) {
			t.Fatalf("configuration %v, error %v", c, err)
		}
		if c == nil {
			return
		}
		// What is accepted can be used.
		c.Policy([]string{"dev", "prod"})
		p := promoter.Pin{Artifact: promoter.Artifact{Kind: promoter.Chart, Name: "x"}, Place: promoter.Place{File: "a/b.yaml"}}
		c.Place([]promoter.Pin{p})
		c.Classify(p)
		c.Wanted(p)
	})
}
