package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"promoter/promoter"
)

// What is printed is a configuration that means the same.
func TestEffectiveMeansTheSame(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing": "", "everything": everything,
		"odd texts": "pulls: {labels: [\"yes\", '1.10', 'a: b', 'x # y', \"tab\\there\", 'q\"uote', 'back\\slash', \"two\\nlines\", '', '- a', 'größe', '*x', '{a}', '{{ x }}']}\n",
	} {
		c, err := Parse("promoter.yaml", []byte(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		printed := c.Effective(c.On(Ground{}))
		again, err := Parse("effective.yaml", printed)
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, printed)
			continue
		}
		envs := []string{"dev", "prod"}
		same := cmp.Options{cmpopts.EquateEmpty(), cmp.Transformer("zone", func(l *time.Location) string { return l.String() })}
		if diff := cmp.Diff(c.Policy(envs), again.Policy(envs), same); diff != "" {
			t.Errorf("%s: policy (-written +printed):\n%s", name, diff)
		}
		if diff := cmp.Diff(c.Pulls.Labels, again.Pulls.Labels); diff != "" {
			t.Errorf("%s: labels (-written +printed):\n%s", name, diff)
		}
		for _, of := range []struct{ a, b any }{
			{c.Environments, again.Environments}, {c.Classes, again.Classes},
			{c.SLOGates(), again.SLOGates()}, {c.Delivery.ArgoCD, again.Delivery.ArgoCD}, {c.Delivery.Flux, again.Delivery.Flux}, {c.Meters, again.Meters},
			{c.Updates, again.Updates}, {c.Groups, again.Groups}, {c.Extractors, again.Extractors}, {c.Ignore, again.Ignore},
		} {
			if diff := cmp.Diff(of.a, of.b, cmpopts.IgnoreTypes(At{}), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s: (-written +printed):\n%s", name, diff)
			}
		}
	}
}

// Defaults are those that are in force.
func TestDefaultsAreWhatIsPrinted(t *testing.T) {
	t.Parallel()
	c := Default()
	again, err := Parse("effective.yaml", c.Effective(c.On(Ground{})))
	if err != nil {
		t.Fatal(err)
	}
	want := promoter.Policy{MaxOpen: 10}
	if got := again.Policy(nil); got.MaxOpen != want.MaxOpen || got.Ahead || got.Newer != promoter.NewerFinishes || got.Classes[promoter.C3].Merge != promoter.MergeManual {
		t.Errorf("policy %+v", got)
	}
	if again.Sources.Concurrency != 4 || again.Sources.Budget != 300 || time.Duration(again.Sources.Timeout) != 30*time.Second {
		t.Errorf("sources %+v", again.Sources)
	}
	if time.Duration(again.Rules.StaleAfter) != 730*24*time.Hour {
		t.Errorf("rules %+v", again.Rules)
	}
}

func pinAt(file, env string) promoter.Pin {
	return promoter.Pin{
		Artifact: promoter.Artifact{Kind: promoter.Chart, Name: "redis", Source: "https://charts.example.com"},
		Place:    promoter.Place{File: file, Line: 3}, Environment: env,
	}
}

func TestEffectiveSaysWhatItComesTo(t *testing.T) {
	t.Parallel()
	c, err := Parse("promoter.yaml", []byte(`environments:
  - name: "{env}"
    paths: ["clusters/{env}/**"]
waves:
  - {name: first, environments: [dev]}
  - {name: rest, environments: ["prod*"], split: environment}
policies:
  C3: {merge: approval}
`))
	if err != nil {
		t.Fatal(err)
	}
	g := Ground{
		Paths: []string{"README.md", "clusters/dev/a.yaml", "clusters/dev/b.yaml", "clusters/prod-1/a.yaml"},
		Pins:  []promoter.Pin{pinAt("clusters/dev/a.yaml", "dev"), pinAt("clusters/prod-1/a.yaml", "prod-1")},
	}
	got := string(c.Effective(c.On(g)))
	want := `version: 1
environments:
  # line 2
  #   dev     2 files, 1 pin; wave first
  #   prod-1  1 file, 1 pin; wave rest
  - name: "{env}"
    paths: ["clusters/{env}/**"]
waves:
  # line 5
  # 1. first: 1 environment with 1 pin: dev
  - name: first
    environments: [dev]
    split: none # default
    maxConcurrent: 0 # default
    soak: 0 # default
    # quorum: all
    # maxFailures: none
  # line 6
  # 2. rest: 1 environment with 1 pin: prod-1; after first
  - name: rest
    environments: ["prod*"]
    split: environment
    maxConcurrent: 0 # default
    soak: 0 # default
    # quorum: all
    # maxFailures: none
policies:
  # 0 pins
  C1:
    merge: manual # default
    soak: 0 # default
    # revert: as delivery.reverts says
  # 0 pins
  C2:
    merge: manual # default
    soak: 0 # default
    # revert: as delivery.reverts says
  # 2 pins
  C3:
    merge: approval
    approvals:
      count: 1 # default
      # from: anyone who may review
    soak: 0 # default
    # revert: as delivery.reverts says
pulls:
  # base: the repository's default branch
  ahead: next # default
  newer: finish # default
  maxOpen: 10 # default
  # method: the first that the repository permits
  # title: the built-in one
  splitBase: false # default
  # templates: the built-in ones
  # author: Promoter
sources:
  concurrency: 4 # default
  budget: 300 # default
  timeout: 30s # default
rules:
  staleAfter: 730d # default
# delivery: none: pull requests are opened, and people merge them
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("printed (-want +got):\n%s", diff)
	}
}

func TestEffectiveWithoutRules(t *testing.T) {
	t.Parallel()
	c := Default()
	got := string(c.Effective(c.On(Ground{Pins: []promoter.Pin{pinAt("x/prod/a.yaml", "production"), pinAt("x/dev/a.yaml", "development"), pinAt("y.yaml", "")}})))
	want := `# As the layout of the repository says:
#   development  0 files, 1 pin; wave development
#   production   0 files, 1 pin; wave production
# None is configured: each environment is a wave, in the usual order.
# 1. development: 1 environment with 1 pin: development
# 2. production: 1 environment with 1 pin: production; after development
# 3. elsewhere: 0 environments with 1 pin; after production
`
	if !strings.Contains(got, want) {
		t.Errorf("printed:\n%s", got)
	}
}

// What is left to luck elsewhere is told.
func TestMistakesOnARepository(t *testing.T) {
	t.Parallel()
	const head = `environments:
  - {name: dev, paths: ["dev/**"]}
  - {name: prod, paths: ["prod/**"], tenant: acme}
`
	const waves = `waves:
  - {name: dev, environments: [dev]}
  - {name: prod, environments: [prod]}
`
	ground := Ground{
		Paths: []string{"dev/a.yaml", "prod/a.yaml", "base/a.yaml"},
		Apps:  []App{{File: "base/a.yaml", Name: "web", Cluster: "lab"}},
		Pins:  []promoter.Pin{pinAt("dev/a.yaml", "dev"), pinAt("prod/a.yaml", "prod"), pinAt("base/a.yaml", "")},
	}
	ground.Pins[1].Tenant = "acme"
	tests := []struct {
		name, text string
		want       string // of the mistakes; "" for none
		warning    string
	}{
		{"none", head + waves, "", ""},
		{"path that matches nothing", strings.Replace(head, `"prod/**"`, `"prod/**", "prd/**"`, 1) + waves,
			`promoter.yaml:3: environment "prod": path "prd/**" matches no file of the repository: correct it or take it out`, ""},
		{"application of no name", head + "  - {name: lab, apps: [web-*]}\n" + waves,
			`promoter.yaml:4: environment "lab": no application is called "web-*": correct it or take it out`, ""},
		{"cluster of no name", head + "  - {name: lab, clusters: [lab-*]}\n" + waves,
			`promoter.yaml:4: environment "lab": no application is sent to a cluster "lab-*": correct it or take it out`, ""},
		{"environment by a cluster in no wave", head + "  - {name: lab, clusters: [lab]}\n" + waves,
			`promoter.yaml:4: environment "lab" is in no wave (it is given here): add it to the environments of one`, ""},
		{"rule behind another", head + "  - {name: late, paths: [\"dev/*.yaml\"]}\n" + waves,
			`promoter.yaml:4: environment "late": all that it matches belongs to rules that stand before it: move it up or take it out`, ""},
		{"environment in two waves", head + "waves:\n  - {name: all, environments: [\"*\"]}\n  - {name: prod, environments: [prod]}\n",
			`promoter.yaml:6: environment "prod" is in the waves "all" and "prod": it can change in one only`, ""},
		{"environment in no wave", head + "waves:\n  - {name: dev, environments: [dev]}\n",
			`promoter.yaml:3: environment "prod" is in no wave (it is given here): add it to the environments of one`, ""},
		{"environment of the layout in no wave", "waves:\n  - {name: dev, environments: [dev]}\n",
			`promoter.yaml:2: environment "prod" is in no wave (the layout says so of prod/a.yaml:3): add it to the environments of one`, ""},
		{"wave of no environment", head + waves + "  - {name: last, environments: [dr]}\n",
			`promoter.yaml:7: wave "last": no environment is called "dr": there are dev, prod`, ""},
		{"labels that nothing carries", head + waves + "  - {name: last, labels: {tier: gold}}\n",
			`promoter.yaml:7: wave "last": no environment carries its labels`, ""},
		{"one environment with two labels", `environments:
  - {name: all, paths: ["dev/**"], labels: {at: dev}}
  - {name: all, paths: ["prod/**"], labels: {at: prod}}
waves:
  - {name: dev, labels: {at: dev}}
`, `promoter.yaml:2: environment "all" is in another wave with some of its labels than with others: give those their own names`, ""},
		{"class of nothing", head + waves + "classes:\n  - {class: C1, match: {artifacts: [cilium]}}\n",
			"promoter.yaml:8: classes[0]: no pin of the repository matches: correct it or take it out", ""},
		{"class behind another", head + waves + "classes:\n  - {class: C1, match: {kinds: [chart]}}\n  - {class: C2, match: {artifacts: [redis]}}\n",
			"promoter.yaml:9: classes[1]: every pin that it matches is taken by a rule that stands before it: move it up or take it out", ""},
		{"a name of several", head + waves + "classes:\n  - {class: C1, match: {artifacts: [redis, cilium]}}\n", "",
			`promoter.yaml:8: classes[0].match.artifacts: no pin is of "cilium"`},
		{"update of nothing", head + waves + "updates:\n  - {match: {paths: [gone/**]}, allow: minor}\n",
			"promoter.yaml:8: updates[0]: no pin of the repository matches: correct it or take it out", ""},
		{"update behind one for all", head + waves + "updates:\n  - {allow: minor}\n  - {match: {artifacts: [redis]}, allow: patch}\n",
			"promoter.yaml:9: updates[1]: every pin that it matches is taken by a rule that stands before it: move it up or take it out", ""},
		{"group with a stranger", head + waves + "groups:\n  - {name: g, artifacts: [redis, valkey]}\n",
			`promoter.yaml:8: group "g": no pin is of "valkey": correct it or take it out`, ""},
		{"window for no environment", head + waves + "windows:\n  - {environments: [production], from: \"22:00\", to: \"04:00\"}\n",
			`promoter.yaml:8: windows: no environment is called "production": there are dev, prod`, ""},
		{"freeze for no tenant", head + waves + "freezes:\n  - {name: audit, tenants: [acm], from: 2026-12-20, to: 2026-12-27}\n",
			`promoter.yaml:8: freeze "audit": no tenant is called "acm": there are acme`, ""},
		{"rule for no tenant", head + waves + "classes:\n  - {class: C2, match: {tenants: [globex]}}\n",
			`promoter.yaml:8: classes: match: no tenant is called "globex": there are acme`, ""},
	}
	for _, tt := range tests {
		c, err := Parse("promoter.yaml", []byte(tt.text))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		g := ground
		g.Pins = append([]promoter.Pin(nil), ground.Pins...)
		c.Place(g.Pins)
		u := c.On(g)
		told := func(what string, got Errors, want string) {
			if want == "" && len(got) > 0 || want != "" && !strings.Contains(got.Error(), want) {
				t.Errorf("%s: %s:\n got %s\nwant %s", tt.name, what, got.Error(), want)
			}
		}
		told("mistakes", u.Mistakes, tt.want)
		told("warnings", u.Warnings, tt.warning)
	}
}

func TestReachOnARepository(t *testing.T) {
	t.Parallel()
	c, err := Parse("promoter.yaml", []byte("waves:\n  - {name: dev, environments: [dev]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	reach := map[string][]Located{
		"base/a.yaml":  {{Name: "dev"}},
		"base/b.yaml":  {{Name: "dev"}, {}},
		"base/c.yaml":  {{Name: "dev"}, {Name: "dr"}},
		"other/d.yaml": nil,
		"dev/e.yaml":   {{Name: "dev"}},
	}
	g := Ground{
		Pins:  []promoter.Pin{pinAt("base/a.yaml", ""), pinAt("base/b.yaml", ""), pinAt("base/c.yaml", ""), pinAt("other/d.yaml", ""), pinAt("dev/e.yaml", "dev")},
		Reach: func(p promoter.Pin) []Located { return reach[p.Place.File] },
	}
	u := c.On(g)
	var unplaced []string
	for _, p := range u.Unplaced {
		unplaced = append(unplaced, p.Place.File)
	}
	if diff := cmp.Diff([]string{"base/b.yaml", "other/d.yaml"}, unplaced); diff != "" {
		t.Errorf("unplaced (-want +got):\n%s", diff)
	}
	if u.Reached != 2 {
		t.Errorf("%d pins are placed by what they reach, want 2", u.Reached)
	}
	want := `promoter.yaml:2: environment "dr" is in no wave (an edit at base/c.yaml:3 reaches it): add it to the environments of one`
	if u.Mistakes.Error() != want {
		t.Errorf("mistakes:\n got %s\nwant %s", u.Mistakes, want)
	}
}
