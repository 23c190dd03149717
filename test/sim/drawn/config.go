package drawn

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Waves are ways in which environments are ordered: waves and their
// environments, and where those stand: environment[/tenant[/cluster]].
type Waves struct{ Waves, Places string }

// Shapes are those that stories happen in.
var Shapes = []Waves{
	{"dev: dev; staging: staging; production: production", "dev staging production"},
	{"dev: dev; production: prod-a, prod-b, prod-c", "dev prod-a prod-b prod-c"},
	{"dev: dev; staging: staging; production: production", "dev staging production/acme production/beta production/gamma"},
	{"dev: dev; production: production", "dev production//eu production//us production//ap"},
	{"dev: dev; production: production", "dev production/acme/eu production/acme/us production/beta/eu production/beta/us production/gamma/ap"},
	{"dev: dev; qa: qa; perf: perf; production: production", "dev qa perf production"},
	{"staging: staging-a, staging-b; production: production", "staging-a staging-b production"},
}

// Config is a configuration over waves that policy may be anything of; a calm one
// asks for nothing that depends on when it is looked at.
func Config(rng *rand.Rand, waves string, calm bool) string {
	var b text
	line := b.line
	line("waves:")
	list := strings.Split(waves, "; ")
	for i, w := range list {
		name, envs, _ := strings.Cut(w, ": ")
		wave := fmt.Sprintf("  - {name: %s, environments: [%s]", name, envs)
		if name == "perf" {
			wave += ", after: [dev]"
		}
		if i == 3 {
			wave += ", after: [qa, perf]"
		}
		if Chance(rng, 60) {
			wave += ", split: " + One(rng, "environment", "tenant", "cluster")
			if !calm && Chance(rng, 40) {
				wave += ", maxFailures: " + One(rng, "1", `"40%"`, `"40%"`)
			}
		}
		if Chance(rng, 30) {
			wave += ", soak: " + One(rng, "5m", "20m", "1h")
		}
		if Chance(rng, 25) {
			wave += ", maxConcurrent: " + One(rng, "1", "2")
		}
		if Chance(rng, 40) {
			wave += `, quorum: "60%"`
		}
		line("%s}", wave)
	}
	class := func(automatic int) string {
		if Chance(rng, automatic) {
			return "merge: automatic"
		}
		if Chance(rng, 25) && !calm {
			return "merge: manual"
		}
		return "merge: approval" + One(rng, "", ", approvals: {count: 2}", ", approvals: {count: 1, from: [ana, bo]}")
	}
	revert := func() string {
		if Chance(rng, 80) {
			return ""
		}
		return ", revert: " + One(rng, "automatic", "approval", "never", "manual")
	}
	line("policies:\n  C3: {%s%s}\n  C1: {%s%s%s}", class(85), revert(), class(40), revert(), One(rng, "", ", soak: 15m"))
	line("classes: [{class: C1, match: {artifacts: [%s]}}]", One(rng, "redis", "web", "db"))
	if Chance(rng, 20) {
		line("updates: [{minimumReleaseAge: %s}]", One(rng, "30m", "2h"))
	} else if Chance(rng, 15) {
		line("updates: [{security: true, match: {artifacts: [redis]}}]")
	}
	if Chance(rng, 25) {
		line("groups: [{name: platform, artifacts: [redis, db]%s}]", One(rng, "", ", ordered: true", ", lockstep: true"))
	}
	if Chance(rng, 20) {
		line(`windows: [{from: "08:00", to: "16:00"%s}]`, One(rng, "", ", environments: [prod*]"))
	}
	if Chance(rng, 30) {
		from := rng.IntN(5)
		line(`freezes: [{name: quiet, from: "2026-11-23T%02d:10", to: "%s"%s}]`, 6+from,
			One(rng, fmt.Sprintf("2026-11-23T%02d:40", 7+from+rng.IntN(4)), "2026-11-24T06:00"), One(rng, "", ", environments: [prod*]", ", environments: [dev]"))
	}
	line("pulls: {splitBase: %s, maxOpen: %d, ahead: %s, newer: %s, method: %s}", One(rng, "true", "false"), One(rng, 2, 4, 10, 10), One(rng, "next", "next", "all"),
		One(rng, "finish", "finish", "hold", "latest"), One(rng, "merge", "merge", "squash", "rebase"))
	line("delivery: {argocd: [{name: argo}], reverts: %s, revertScope: %s, endOperations: %s%s}", One(rng, "automatic", "automatic", "automatic", "approval", "never"),
		One(rng, "wave", "wave", "failed", "change"), One(rng, "true", "false"), One(rng, "", ", patience: 30m"))
	if Chance(rng, 50) {
		line("meters: [{name: prom, kind: prometheus, url: \"https://prom.example.com\"}]")
		line("gates: [{name: errors, meter: prom, query: 'errors{app=\"{{app}}\", env=\"{{environment}}\"}', good: \"<= 0.01\", measure: gauge%s}]", One(rng, "", ", environments: [staging*, prod*]", ", environments: [dev]"))
	}
	return b.String()
}
