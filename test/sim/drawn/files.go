package drawn

import (
	"math/rand/v2"
	"strings"
)

// Manifest is a file of a repository with versions in it, in the ways in which
// people write YAML.
func Manifest(rng *rand.Rand) string {
	var t text
	newline := One(rng, "\n", "\n", "\n", "\r\n")
	for n := range 1 + rng.IntN(3) {
		if n > 0 || Chance(rng, 30) {
			t.line("---%s", One(rng, "", " # next"))
		}
		t.line("# %s", One(rng, "ours", "größe", "renovate: x=1", "yaml-language-server: $schema=x"))
		t.line("kind: %s", One(rng, "Application", "HelmRelease", "\"Kustomization\"", "'Release'"))
		if Chance(rng, 40) {
			t.line("metadata: {name: %s, labels: {app.kubernetes.io/version: %q}}", One(rng, "web", "redis"), Version(rng))
		}
		t.line("spec:")
		for range 1 + rng.IntN(4) {
			value := scalar(rng)
			switch rng.IntN(5) {
			case 0:
				t.line("  sources:\n    - repoURL: https://charts.example.com\n      targetRevision: %s", value)
			case 1:
				t.line("  %s: {tag: %s}", One(rng, "one", "two"), value)
			case 2:
				t.line("  values: |\n    image:\n      tag: %s # in a text", value)
			case 3:
				t.line("  - %s", value)
				return strings.ReplaceAll(t.String(), "\n", newline) // no mapping any more: it is no YAML
			default:
				t.line("  %s: %s%s", One(rng, "version", "tag", "image", "\"quoted key\""), value, One(rng, "", " # promoter keeps it", "  "))
			}
		}
	}
	out := strings.ReplaceAll(t.String(), "\n", newline)
	return One(rng, "", "", "\ufeff") + One(rng, out, out, strings.TrimRight(out, "\r\n"))
}

func scalar(rng *rand.Rand) string {
	v := Version(rng)
	if Chance(rng, 25) {
		v = "registry.example.com/web:" + v + One(rng, "", "@"+Digest(rng))
	}
	return One(rng, v, `"`+v+`"`, "'"+v+"'", "&v "+v, "!!str "+v, "1.20", ">-\n    "+v)
}

// Index is a chart repository's index.
func Index(rng *rand.Rand) string {
	var t text
	t.line("apiVersion: v1\nentries:")
	for _, name := range []string{"redis", "web", "größe"}[:1+rng.IntN(3)] {
		t.line("  %s:", name)
		for range 1 + rng.IntN(5) {
			t.line("  - name: %s\n    version: %s", name, One(rng, Version(rng), `"`+Version(rng)+`"`))
			for _, field := range []string{
				"appVersion: " + Version(rng), "created: " + One(rng, `"2026-01-02T03:04:05.678Z"`, "2026-01-02T03:04:05Z", "\"\""), "deprecated: " + One(rng, "true", "false"),
				"digest: " + Digest(rng), "kubeVersion: \">=1.2" + One(rng, "0-0", "") + "\"", "urls:\n    - https://x/" + name + ".tgz",
				"description: |\n      entries:\n        x: y", "annotations:\n      a: 'b''c'", "dependencies:\n    - {name: common, version: 1.x}",
			} {
				if Chance(rng, 40) {
					t.line("    %s", field)
				}
			}
		}
	}
	return t.String() + One(rng, "", "generated: \"2026-01-02T03:04:05Z\"\n")
}
