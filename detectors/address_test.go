package detectors

import (
	"testing"

	"promoter/promoter"
)

func TestCloneURL(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"https://github.com/org/repo":                  "https://github.com/org/repo",
		"https://GitHub.com/org/repo.git/":             "https://github.com/org/repo",
		"http://github.com/org/repo":                   "https://github.com/org/repo",
		"https://token:x@github.com/org/repo":          "https://github.com/org/repo",
		"git@github.com:org/repo.git":                  "https://github.com/org/repo",
		"ssh://git@ssh.github.com:443/org/repo.git":    "https://github.com/org/repo",
		"github.com/org/repo":                          "https://github.com/org/repo",
		"git::https://gitlab.com/a/b/c.git":            "https://gitlab.com/a/b/c",
		"git://codeberg.org/org/repo":                  "https://codeberg.org/org/repo",
		"git+ssh://deploy@git.corp.example/org/repo":   "ssh://deploy@git.corp.example/org/repo",
		"git@git.corp.example:org/repo":                "ssh://git@git.corp.example/org/repo",
		"ssh://git@git.corp.example:2222/org/repo.git": "ssh://git@git.corp.example:2222/org/repo",
		"http://git.corp.example:3000/org/repo":        "http://git.corp.example:3000/org/repo",
		"":                                             "",
		"apps/base":                                    "",
		"https://github.com":                           "",
		"https://${HOST}/org/repo":                     "",
		"https://github.com/{{ .Org }}/repo":           "",
		"file:///srv/repo":                             "",
		"oci://ghcr.io/org/app":                        "",
	}
	for in, want := range tests {
		if got := CloneURL(in); got != want {
			t.Errorf("CloneURL(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestChartArtifact(t *testing.T) {
	t.Parallel()
	tests := []struct{ repository, chart, source, name string }{
		{"https://charts.example.com/", "redis", "https://charts.example.com", "redis"},
		{"oci://ghcr.io/org", "redis", "oci://ghcr.io/org", "redis"},
		{"oci://ghcr.io", "org/redis", "oci://ghcr.io/org", "redis"},
		{"oci://ghcr.io/org/redis/", "", "oci://ghcr.io/org", "redis"},
		{"oci://localhost:5000/redis", "", "oci://localhost:5000", "redis"},
	}
	for _, tt := range tests {
		want := promoter.Artifact{Kind: promoter.Chart, Name: tt.name, Source: tt.source}
		if got := ChartArtifact(tt.repository, tt.chart); got != want {
			t.Errorf("ChartArtifact(%q, %q) = %+v, want %+v", tt.repository, tt.chart, got, want)
		}
	}
}
