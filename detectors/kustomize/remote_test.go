package kustomize

import (
	"strings"
	"testing"

	"promoter/detectors"
	"promoter/promoter"
)

func TestParseRemote(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in, repo, dir, version, reason string
	}{
		{in: "https://github.com/org/repo", repo: "https://github.com/org/repo"},
		{in: "https://github.com/org/repo/?ref=v1", repo: "https://github.com/org/repo", version: "v1"},
		{in: "https://github.com/org/repo.git/a/b?ref=v1", repo: "https://github.com/org/repo", dir: "a/b", version: "v1"},
		{in: "https://user:secret@github.com/org/repo//a?ref=v1", repo: "https://github.com/org/repo", dir: "a", version: "v1"},
		{in: "http://github.com/org/repo/a?timeout=120&ref=v1", repo: "https://github.com/org/repo", dir: "a", version: "v1"},
		{in: "https://github.com/org/repo/a?version=v0&ref=v1", repo: "https://github.com/org/repo", dir: "a", version: "v1"},
		{in: "https://github.com/org/repo/a?ref=", repo: "https://github.com/org/repo", dir: "a"},
		{in: "https://github.com/org/repo?ref=kustomize/v5.0.0", repo: "https://github.com/org/repo", version: "kustomize/v5.0.0"},
		{in: "https://github.com/org/repo?ref=a%2Fv5", reason: "the ref is percent-encoded"},
		{in: "github.com:org/repo//x?ref=v1", repo: "https://github.com/org/repo", dir: "x", version: "v1"},
		{in: "gh:org/repo?ref=v1", repo: "https://github.com/org/repo", version: "v1"},
		{in: "git@gitlab.com:group/project.git//x?ref=v1", repo: "https://gitlab.com/group/project", dir: "x", version: "v1"},
		{in: "git@git.corp.example:team/repo//x?ref=v1", repo: "ssh://git@git.corp.example/team/repo", dir: "x", version: "v1"},
		{in: "git@ssh.github.com:org/repo?ref=v1", repo: "https://github.com/org/repo", version: "v1"},
		{in: "ssh://git@github.com/org/repo.git?ref=v1", repo: "https://github.com/org/repo", version: "v1"},
		{in: "ssh://git@git.corp.example:2222/org/repo.git?ref=v1", repo: "ssh://git@git.corp.example:2222/org/repo", version: "v1"},
		{in: "git::https://github.com/org/repo.git//x?ref=v1", repo: "https://github.com/org/repo", dir: "x", version: "v1"},
		{in: "git::git@github.com:org/repo.git//x?ref=v1", repo: "https://github.com/org/repo", dir: "x", version: "v1"},
		{in: "https://dev.azure.com/org/project/_git/repo/x/y?ref=v1", repo: "https://dev.azure.com/org/project/_git/repo", dir: "x/y", version: "v1"},
		{in: "https://gitlab.com/group/sub/project.git/x?ref=v1", repo: "https://gitlab.com/group/sub/project", dir: "x", version: "v1"},
		{in: "gitlab.com/group/project//x?ref=v1", repo: "https://gitlab.com/group/project", dir: "x", version: "v1"},
		{in: "file:///srv/repo?ref=v1", reason: "a repository on the machine that builds it"},
		{in: "https://github.com/org/repo//../../x?ref=v1", reason: "the path leaves the repository"},

		{in: "https://github.com/org/repo/releases/download/v1.2/x.yaml", repo: "https://github.com/org/repo", version: "v1.2"},
		{in: "https://github.com/org/repo/releases/download/chart/v1.2/x.yaml", repo: "https://github.com/org/repo", version: "chart/v1.2"},
		{in: "https://github.com/org/repo/releases/latest/download/x.yaml", repo: "https://github.com/org/repo", version: "latest"},
		{in: "https://github.com/org/repo/raw/v1.2/a/x.yaml", repo: "https://github.com/org/repo", dir: "a/x.yaml", version: "v1.2"},
		{in: "https://raw.githubusercontent.com/org/repo/v1.2/x.yaml", repo: "https://github.com/org/repo", dir: "x.yaml", version: "v1.2"},
		{in: "https://raw.githubusercontent.com/org/repo/refs/tags/v1.2/x.yaml", repo: "https://github.com/org/repo", dir: "x.yaml", version: "v1.2"},
		{in: "https://raw.githubusercontent.com/org/repo/refs/heads/main/x.yaml", repo: "https://github.com/org/repo", dir: "x.yaml", version: "main"},
		{in: "https://raw.githubusercontent.com/org/repo/kustomize/v5.0.0/x.yaml", repo: "https://github.com/org/repo", dir: "x.yaml", version: "kustomize/v5.0.0"},
		{in: "https://raw.githubusercontent.com/org/repo/main/v1.0.yaml", repo: "https://github.com/org/repo", dir: "v1.0.yaml", version: "main"},
		{in: "https://gitlab.com/group/sub/project/-/raw/v1.2/a/x.yaml", repo: "https://gitlab.com/group/sub/project", dir: "a/x.yaml", version: "v1.2"},
		{in: "https://gitlab.com/group/project/-/raw/v1.2/x.yaml?ref_type=tags", repo: "https://gitlab.com/group/project", dir: "x.yaml", version: "v1.2"},
		{in: "https://gitlab.example.com/g/p/-/releases/v1.2/downloads/x.yaml", repo: "https://gitlab.example.com/g/p", version: "v1.2"},
		{in: "https://codeberg.org/org/repo/raw/tag/v1.2/x.yaml", repo: "https://codeberg.org/org/repo", dir: "x.yaml", version: "v1.2"},
		{in: "https://codeberg.org/org/repo/raw/branch/main/x.yaml", repo: "https://codeberg.org/org/repo", dir: "x.yaml", version: "main"},
		{in: "https://git.example.com/org/repo/releases/download/v1.2/x.yaml", repo: "https://git.example.com/org/repo", version: "v1.2"},
		{in: "https://storage.example.com/releases/v0.50.0/release.yaml", reason: "a file of a host that lists no versions"},
	}
	for _, tt := range tests {
		if !isRemote(tt.in) {
			t.Errorf("isRemote(%q) = false", tt.in)
		}
		got, reason := parseRemote(tt.in)
		if reason != tt.reason {
			t.Errorf("parseRemote(%q): reason %q, want %q", tt.in, reason, tt.reason)
			continue
		}
		if reason == "" && (got.repo != tt.repo || got.dir != tt.dir || got.version != tt.version) {
			t.Errorf("parseRemote(%q) = %q %q %q, want %q %q %q", tt.in, got.repo, got.dir, got.version, tt.repo, tt.dir, tt.version)
		}
		if reason == "" && tt.in[got.at:got.at+len(got.version)] != got.version {
			t.Errorf("parseRemote(%q): the version does not stand at %d", tt.in, got.at)
		}
	}
	for _, local := range []string{"../base", "base", "./a/b.yaml", "apps/web?x", "my.dir/base", "a@b/c", ""} {
		if isRemote(local) {
			t.Errorf("isRemote(%q) = true", local)
		}
	}
}

func FuzzParseRemote(f *testing.F) {
	for _, seed := range []string{
		"https://github.com/org/repo/a?ref=v1", "git@github.com:org/repo.git//x?timeout=1s&ref=v1", "gh:a/b", "git::x@y:z",
		"https://raw.githubusercontent.com/org/repo/refs/tags/v1/x.yaml", "https://gitlab.com/a/b/-/raw/v1/x.yaml?ref_type=tags",
		"https://github.com/a/b/releases/download/v1/b-v1.yaml", "ssh://git@h:22/_git/", "?ref=?ref=&version=1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		isRemote(s)
		r, reason := parseRemote(s)
		if reason != "" {
			return
		}
		if r.repo == "" || detectors.CloneURL(r.repo) != r.repo {
			t.Fatalf("parseRemote(%q): repository %q is not spelled as it should be", s, r.repo)
		}
		if r.at < 0 || r.at+len(r.version) > len(s) || s[r.at:r.at+len(r.version)] != r.version {
			t.Fatalf("parseRemote(%q): version %q does not stand at %d", s, r.version, r.at)
		}
		p := detectors.Pin{Pin: promoter.Pin{Version: r.version, Place: promoter.Place{Written: s}}}
		if r.version != "" && s == strings.TrimSpace(s) && r.editable(p) {
			got, err := p.Rewrite("9.9.9", "")
			if err != nil || got != s[:r.at]+"9.9.9"+s[r.at+len(r.version):] {
				t.Fatalf("parseRemote(%q) calls it editable, and an edit gives %q, %v", s, got, err)
			}
		}
	})
}

func BenchmarkDetect(b *testing.B) {
	var text strings.Builder
	text.WriteString("resources:\n- ../base\n- https://github.com/org/repo/config?ref=" + commit + "\nimages:\n")
	for range 20 {
		text.WriteString("- name: quay.io/org/app\n  newTag: " + commit + "\n")
	}
	f := parse(b, "kustomization.yaml", text.String())
	b.ReportAllocs()
	for b.Loop() {
		var r detectors.Report
		Detector{}.Detect(f, &r)
		if len(r.Pins) != 21 {
			b.Fatalf("%d pins, want 21", len(r.Pins))
		}
	}
}
