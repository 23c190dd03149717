package legacy

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"promoter/promoter"

	"github.com/google/go-cmp/cmp"
)

var now = time.Date(2026, time.November, 1, 12, 0, 0, 0, time.UTC)

func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

// inventory builds an Input as a scan would: choices are what the core says.
type inventory struct{ Input }

func (v *inventory) chart(source, name, version string, with ...func(*promoter.Pin)) {
	v.pin(promoter.Artifact{Kind: promoter.Chart, Source: source, Name: name}, promoter.ByArgoCD, version, "argoapp", with)
}

func (v *inventory) image(source, name, version string, with ...func(*promoter.Pin)) {
	v.pin(promoter.Artifact{Kind: promoter.Image, Source: source, Name: name}, promoter.ByContainer, version, "manifest", with)
}

func (v *inventory) pin(a promoter.Artifact, by promoter.Consumer, version, detector string, with []func(*promoter.Pin)) {
	n := len(v.Pins) + 1
	p := promoter.Pin{
		Artifact: a, Version: version, Consumer: by, Form: promoter.Classify(a.Kind, by, version), Detector: detector,
		Place: promoter.Place{File: fmt.Sprintf("f%02d.yaml", n), Line: n, Start: n, End: n + len(version), Written: version},
	}
	for _, f := range with {
		f(&p)
	}
	v.Pins = append(v.Pins, p)
}

func (v *inventory) list(source, name string, releases ...promoter.Release) {
	if v.Listings == nil {
		v.Listings = map[promoter.Artifact]promoter.Listing{}
	}
	a := promoter.Artifact{Kind: promoter.Chart, Source: source, Name: name}
	v.Listings[a] = promoter.Listing{Artifact: a, Releases: releases}
}

func (v *inventory) done() Input {
	v.Now = now
	v.Choices = map[int]promoter.Choice{}
	for i, p := range v.Pins {
		if l, ok := v.Listings[p.Artifact]; ok {
			v.Choices[i] = promoter.Candidates(p, l, promoter.Wanted{}, now)
		}
	}
	return v.Input
}

func env(e string) func(*promoter.Pin)    { return func(p *promoter.Pin) { p.Environment = e } }
func app(a string) func(*promoter.Pin)    { return func(p *promoter.Pin) { p.App = a } }
func by(d string) func(*promoter.Pin)     { return func(p *promoter.Pin) { p.Detector = d } }
func digest(d string) func(*promoter.Pin) { return func(p *promoter.Pin) { p.Digest = d } }
func at(file, path string) func(*promoter.Pin) {
	return func(p *promoter.Pin) { p.Place.File, p.Place.Path = file, path }
}
func consumer(c promoter.Consumer) func(*promoter.Pin) {
	return func(p *promoter.Pin) {
		p.Consumer, p.Form = c, promoter.Classify(p.Artifact.Kind, c, p.Version)
	}
}

const charts = "https://charts.example.com"

func TestRules(t *testing.T) {
	t.Parallel()
	for _, tt := range cases {
		t.Run(tt.rule+"/"+tt.name, func(t *testing.T) {
			t.Parallel()
			var v inventory
			tt.fill(&v)
			in := v.done()
			var got []string
			for _, f := range rule(tt.rule).Check(in) {
				if f.Rule != tt.rule || !strings.HasPrefix(f.Source, "https://") {
					t.Errorf("rule %q, source %q", f.Rule, f.Source)
				}
				text := fmt.Sprintf("%s %s", f.Severity, f.Place)
				if len(f.Also) > 0 {
					text += fmt.Sprintf(" +%d", len(f.Also))
				}
				got = append(got, fmt.Sprintf("%s: %s | %s", text, f.Evidence, f.Remedy))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestEveryRule holds that the list is whole: ids once, words for each, and
// both a positive and a negative case for each rule that is checked here.
func TestEveryRule(t *testing.T) {
	t.Parallel()
	found, silent := map[string]bool{}, map[string]bool{}
	for _, c := range cases {
		if c.want != nil {
			found[c.rule] = true
		} else {
			silent[c.rule] = true
		}
	}
	seen := map[string]bool{}
	for _, r := range Rules() {
		switch {
		case r.ID == "" || seen[r.ID]:
			t.Errorf("rule %q stands twice", r.ID)
		case r.Doc == "" || strings.HasSuffix(r.Doc, ".") || !strings.HasPrefix(r.Link, "https://") || r.Severity == "":
			t.Errorf("rule %s: doc %q, link %q, severity %q", r.ID, r.Doc, r.Link, r.Severity)
		case (r.Check == nil) == (r.By == ""):
			t.Errorf("rule %s: found by %q, with a check: %t", r.ID, r.By, r.Check != nil)
		case r.Check != nil && (!found[r.ID] || !silent[r.ID]):
			t.Errorf("rule %s: positive case %t, negative case %t", r.ID, found[r.ID], silent[r.ID])
		}
		seen[r.ID] = true
	}
}

// TestOrder holds that findings do not depend on the inventory's order, nor on
// who asks twice.
func TestOrder(t *testing.T) {
	t.Parallel()
	var v inventory
	for _, c := range cases {
		c.fill(&v)
	}
	run := func(v inventory) string {
		in := v.done()
		var all []promoter.Finding
		for _, r := range Rules() {
			if r.Check != nil {
				all = append(all, r.Check(in)...)
			}
		}
		text, err := json.MarshalIndent(all, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	want := run(v)
	rng := rand.New(rand.NewPCG(1, 2))
	for range 5 {
		v.Pins = slices.Clone(v.Pins)
		rng.Shuffle(len(v.Pins), func(i, j int) { v.Pins[i], v.Pins[j] = v.Pins[j], v.Pins[i] })
		if diff := cmp.Diff(want, run(v)); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestProduction(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"prod": true, "production": true, "eu-prod-1": true, "prd": true, "live": true, "PROD": true, "prod2": true,
		"": false, "dev": false, "preprod": false, "pre-prod": false, "nonprod": false, "non-prod": false, "products": false, "liveness": false,
	} {
		if got := production(&promoter.Pin{Environment: name}); got != want {
			t.Errorf("environment %q: %t", name, got)
		}
	}
	if !production(&promoter.Pin{Cluster: "stone-prod-p01"}) {
		t.Error("a cluster's name is not read")
	}
	if production(&promoter.Pin{Environment: "staging", Cluster: "prod"}) {
		t.Error("a cluster's name outweighs the environment's")
	}
}

func BenchmarkRules(b *testing.B) {
	var v inventory
	for i := range 5000 {
		v.chart(charts, fmt.Sprintf("web%d", i%100), fmt.Sprintf("1.%d.0", i%7), env([]string{"dev", "staging", "prod"}[i%3]))
	}
	in := v.done()
	for b.Loop() {
		for _, r := range Rules() {
			if r.Check != nil {
				r.Check(in)
			}
		}
	}
}
