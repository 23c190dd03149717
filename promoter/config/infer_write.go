package config

import (
	"fmt"
	"strings"
)

// Write writes the draft as a commented promoter.yaml. about are lines about
// the repository, for its head.
func (d Draft) Write(about []string) []byte {
	w := &writer{}
	w.comment(0, append([]string{
		"How Promoter reads and changes this repository.",
		"",
	}, about...)...)
	w.comment(0,
		"",
		"promoter check says what this comes to, and what is wrong with it.",
		"promoter check --schema writes a schema for editors.",
	)
	w.line("version: 1")
	if len(d.Environments) > 0 {
		d.environments(w)
		d.waves(w)
	}
	d.careful(w)
	d.rest(w)
	return []byte(w.b.String())
}

type writer struct{ b strings.Builder }

func (w *writer) line(format string, args ...any) { fmt.Fprintf(&w.b, format+"\n", args...) }

func (w *writer) comment(depth int, lines ...string) {
	for _, l := range lines {
		w.line("%s", strings.TrimRight(strings.Repeat("  ", depth)+"# "+l, " "))
	}
}

func list(items []string) string {
	quotedItems := make([]string, len(items))
	for i, s := range items {
		quotedItems[i] = quote(s)
	}
	return "[" + strings.Join(quotedItems, ", ") + "]"
}

// field writes a key of a list's item, over several lines where it is long.
func (w *writer) field(key string, items []string) {
	if len(items) == 0 {
		return
	}
	if one := list(items); len(one) < 90 {
		w.line("    %s: %s", key, one)
		return
	}
	w.line("    %s:", key)
	for _, s := range items {
		w.line("      - %s", quote(s))
	}
}

func (d Draft) environments(w *writer) {
	w.line("")
	switch {
	case d.Single:
		w.comment(0,
			"No path and no destination here names an environment, so there is one for",
			"everything. Where there are several, say by which paths, such as",
			"  - name: \"{env}\"",
			"    paths: [\"clusters/{env}/**\"]")
	default:
		w.comment(0,
			"Where each environment's files are. {captures} stand for a part of a path;",
			"the first rule that matches wins. What no rule matches, such as a base, goes",
			"with the last wave among those that an edit of it reaches.")
	}
	w.line("environments:")
	for _, e := range d.Environments {
		w.line("  - name: %s", quote(e.Name))
		if e.Tenant != "" {
			w.line("    tenant: %s", quote(e.Tenant))
		} else if strings.Contains(e.Name, "{part}") {
			w.line("    # tenant: \"{part}\" # if these are clients")
		}
		if e.Cluster != "" {
			w.line("    cluster: %s", quote(e.Cluster))
		}
		w.field("paths", e.Paths)
		w.field("apps", e.Apps)
		w.field("clusters", e.Clusters)
	}
	if len(d.Servers) > 0 {
		w.comment(1, "Applications are sent to these servers too, and no name says what they are:",
			orNone(d.Servers), "Add them to the clusters of an environment.")
	}
}

func (d Draft) waves(w *writer) {
	w.line("")
	w.comment(0, "Environments that change together, in the order in which a change reaches",
		"them: the next wave gets what the one before it has proven.")
	if len(d.Guessed) > 0 {
		w.comment(0, "", "CHECK THE ORDER: no word says when it is the turn of", orNone(d.Guessed)+".")
	}
	w.line("waves:")
	for _, v := range d.Waves {
		w.line("  - name: %s", quote(v.Name))
		w.field("environments", v.Environments)
		if v.Split != "" {
			w.line("    split: %s # a pull request for each", v.Split)
		}
		if v.Soak != 0 {
			w.line("    soak: %s # healthy for this long before the next wave", v.Soak)
		}
	}
}

func (d Draft) careful(w *writer) {
	w.line("")
	w.comment(0, "How careful a change must be. C1: what everything else needs. C2: what is",
		"managed together with a client or another team. C3: all the rest.")
	if len(d.Classes) > 0 {
		w.line("classes:")
		for _, c := range d.Classes {
			w.line("  - class: %s", c.Class)
			w.line("    match:")
			w.line("      artifacts:")
			for _, a := range c.Match.Artifacts {
				w.line("        - %s", quote(a))
			}
		}
	} else {
		w.comment(0, "classes:", "  - class: C1", "    match: {artifacts: [cert-manager]}")
	}
	w.line("")
	w.comment(0, "What a merge asks for. manual: a person merges. approval: Promoter merges once so",
		"many people have approved. automatic: Promoter merges when nothing is in the way.",
		"Whatever it says, Promoter merges nothing by itself until there is an engine in",
		"delivery, which says how far a merge has come.")
	w.line("policies:")
	w.line("  C1: {merge: manual}")
	w.line("  C2: {merge: approval, approvals: {count: 2}}")
	w.line("  C3: {merge: approval, approvals: {count: 1}}")
	if len(d.Groups) > 0 {
		w.line("")
		w.comment(0, "What must change together. ordered: one after the other, as listed.")
		w.line("groups:")
		for _, g := range d.Groups {
			w.line("  - {name: %s, artifacts: %s, ordered: %v}", quote(g.Name), list(g.Artifacts), g.Ordered)
		}
	}
}

func (d Draft) rest(w *writer) {
	last := "production"
	if n := len(d.Waves); n > 0 && len(d.Waves[n-1].Environments) > 0 {
		last = d.Waves[n-1].Environments[0]
	}
	w.line("")
	w.comment(0, "Which versions are wanted; the first rule that matches wins.")
	if d.Pins > 0 {
		w.line("updates:")
		w.line("  - minimumReleaseAge: 3d # a release that is withdrawn is withdrawn soon")
	}
	w.comment(0, "  - match: {artifacts: [postgresql]}", "    allow: minor")
	w.line("")
	w.comment(0,
		"When merges may happen, and when not.",
		"windows:",
		fmt.Sprintf("  - {environments: %s, days: [tue, wed, thu], from: \"09:00\", to: \"16:00\", zone: Europe/Berlin}", list([]string{last})),
		"freezes:",
		fmt.Sprintf("  - {name: end of year, environments: %s, from: 2026-12-18, to: 2027-01-04, zone: Europe/Berlin}", list([]string{last})),
	)
	w.line("")
	w.line("pulls:")
	w.line("  maxOpen: 10")
	w.line("  labels: [promoter]")
	w.comment(1, "reviewers: [your-org/platform]")
	w.comment(1, "ahead: all # open every wave's pull request at once, later ones as drafts")
	d.proof(w, last)
}

// proof is an example of how merges are proven: what only a person can tell.
func (d Draft) proof(w *writer, last string) {
	w.line("")
	w.comment(0, "How a merge is proven. With an engine (Argo CD, or Flux) Promoter sees what runs,",
		"merges what may be merged, and takes back what fails. tokenFrom is the NAME of an",
		"environment variable: no secret stands in this file.")
	for line := range strings.Lines(proof(last)) {
		w.comment(0, strings.TrimSuffix(line, "\n"))
	}
}

func proof(environment string) string {
	return `delivery:
  argocd:
    - {name: main, server: "https://argocd.example.com", tokenFrom: ARGOCD_TOKEN}
  reverts: approval # how a pull request that takes a failed change back is merged
meters:
  - {name: prometheus, kind: prometheus, url: "https://prometheus.example.com", tokenFrom: PROMETHEUS_TOKEN}
gates: # what must hold after a merge before the next wave
  - name: errors
    meter: prometheus
    environments: ` + list([]string{environment}) + `
    query: sum(rate(http_requests_total{app="{{app}}",code=~"5.."}[{{window}}])) / sum(rate(http_requests_total{app="{{app}}"}[{{window}}]))
    events: sum(increase(http_requests_total{app="{{app}}"}[{{window}}]))
    sentinel: count(up{job="http"} == 1) # telemetry is alive
    measure: bad # the share of events that are bad
    good: "<= 0.01"
    minEvents: 50
    window: 5m
    minDuration: 10m
    failLimit: 3 of 5
`
}
