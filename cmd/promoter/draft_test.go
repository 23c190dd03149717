package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"promoter/detectors"
	"promoter/detectors/layout"
	"promoter/detectors/scan"
	"promoter/promoter"
)

// names are what directories and files of odd repositories are called.
var names = []string{
	"apps", "web", "base", "overlays", "environments", "env", "clusters", "tenants", "clients", "dev", "DEV", "development", "test", "qa",
	"staging", "stg", "prod", "prd", "production", "live", "integration", "acme", "globex", "kube01", "kube02", "eu-1", "prod-eu-1", "prod-us-1",
	"stone-prod-p01", "stone-prd-p02", "stone-stg-p01", "production-acme", "production-globex", "web-prod", "prod-web", "pre-prod", "berlin",
	"größe", "a b", "x.y", "{odd}", "*star", "..dots", "yes", "1.10",
}

// odd is an inventory of a repository that nobody would write.
func odd(rnd *rand.Rand) *scan.Inventory {
	inv := &scan.Inventory{}
	words := make([]string, 3+rnd.IntN(6))
	for i := range words {
		words[i] = names[rnd.IntN(len(names))]
	}
	for range 2 + rnd.IntN(25) {
		parts := make([]string, 1+rnd.IntN(5))
		for i := range parts {
			parts[i] = words[rnd.IntN(len(words))]
		}
		file := strings.Join(parts, "/") + []string{".yaml", "/kustomization.yaml", "/values-" + words[0] + ".yaml", ""}[rnd.IntN(4)]
		inv.Paths = append(inv.Paths, file)
		place := promoter.Place{File: file, Line: 1}
		unit := layout.Unit{Name: words[rnd.IntN(len(words))], Cluster: append(words, "in-cluster", "https://10.0.0.1", "")[rnd.IntN(len(words)+3)]}
		switch rnd.IntN(4) {
		case 0:
			at := new(layout.Reader).Place(file, unit)
			inv.Pins = append(inv.Pins, promoter.Pin{
				Artifact: promoter.Artifact{Kind: promoter.Chart, Name: []string{"redis", "cilium", "redis-crds"}[rnd.IntN(3)], Source: "https://charts.example.com"},
				Place:    place, App: unit.Name, Environment: at.Environment, Cluster: at.Cluster, Tenant: at.Tenant,
			})
		case 1:
			inv.Facts = append(inv.Facts, detectors.Fact{
				Kind: "Application", Name: unit.Name, Place: place, Fields: map[string]string{"destination.name": unit.Cluster},
			})
		case 2:
			to := inv.Paths[rnd.IntN(len(inv.Paths))]
			inv.Links = append(inv.Links, detectors.Link{From: place, To: to, Via: "resources"})
		}
	}
	slices.Sort(inv.Paths)
	inv.Paths = slices.Compact(inv.Paths)
	inv.Files = len(inv.Paths)
	return inv
}

// Whatever a repository looks like, what is drafted is a configuration, and
// one that fits it.
func TestDraftsFit(t *testing.T) {
	t.Parallel()
	for seed := range uint64(400) {
		inv := odd(rand.New(rand.NewPCG(seed, 7)))
		text, use, err := draft(".", inv)
		if err != nil {
			t.Fatalf("seed %d: %v\npaths %q", seed, err, inv.Paths)
		}
		if len(use.Mistakes) > 0 {
			t.Fatalf("seed %d: %v\npaths %q\n%s", seed, use.Mistakes, inv.Paths, text)
		}
	}
}

func BenchmarkDraft(b *testing.B) {
	inv := &scan.Inventory{}
	for c := range 300 {
		for k := range 10 {
			env := []string{"development", "staging", "production"}[k%3]
			file := fmt.Sprintf("components/c%d/%s/stone-%s-p%02d/kustomization.yaml", c, env, env[:4], k)
			inv.Paths = append(inv.Paths, file)
			at := layout.FromPath(file)
			inv.Pins = append(inv.Pins, promoter.Pin{
				Artifact: promoter.Artifact{Kind: promoter.Image, Name: "web", Source: "docker.io"},
				Place:    promoter.Place{File: file, Line: 1}, Environment: at.Environment, Cluster: at.Cluster,
			})
		}
	}
	slices.Sort(inv.Paths)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := draft(".", &scan.Inventory{Paths: inv.Paths, Pins: slices.Clone(inv.Pins)}); err != nil {
			b.Fatal(err)
		}
	}
}
