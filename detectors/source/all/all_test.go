package all

import (
	"context"
	"testing"

	"promoter/detectors/source"
	"promoter/promoter"
)

// echo answers with its own name as the only version.
type echo struct {
	name  string
	calls int
	lose  bool
}

func (e *echo) Lookup(_ context.Context, as []promoter.Artifact) []promoter.Listing {
	e.calls++
	var out []promoter.Listing
	for _, a := range as {
		out = append(out, promoter.Listing{Artifact: a, Releases: []promoter.Release{{Version: e.name}}})
	}
	if e.lose {
		return out[:len(out)-1]
	}
	return out
}

var _ source.Source = (*echo)(nil)

func TestArtifactsGoToTheirSourceAndComeBackInOrder(t *testing.T) {
	t.Parallel()
	helm, oci, git, galaxy := &echo{name: "helm"}, &echo{name: "oci"}, &echo{name: "git"}, &echo{name: "galaxy"}
	r := &router{helm, oci, git, galaxy}
	type row struct {
		a    promoter.Artifact
		want string
	}
	rows := []row{
		{promoter.Artifact{Kind: promoter.Image, Source: "docker.io", Name: "library/nginx"}, "oci"},
		{promoter.Artifact{Kind: promoter.Chart, Source: "https://charts.example.org", Name: "a"}, "helm"},
		{promoter.Artifact{Kind: promoter.Git, Source: "https://git.example.org/a/b", Name: "a/b"}, "git"},
		{promoter.Artifact{Kind: promoter.Chart, Source: "oci://ghcr.io/a", Name: "b"}, "oci"},
		{promoter.Artifact{Kind: promoter.Galaxy, Source: "https://galaxy.ansible.com", Name: "a.b"}, "galaxy"},
		{promoter.Artifact{Kind: promoter.Chart, Source: "https://charts.example.org", Name: "a"}, "helm"},
		{promoter.Artifact{Kind: promoter.Chart, Name: "a"}, ""},
		{promoter.Artifact{Kind: promoter.Chart, Source: "s3://bucket", Name: "a"}, ""},
		{promoter.Artifact{Kind: "song", Source: "x", Name: "a"}, ""},
	}
	var in []promoter.Artifact
	for _, r := range rows {
		in = append(in, r.a)
	}
	for i, l := range r.Lookup(t.Context(), in) {
		if l.Artifact != rows[i].a {
			t.Errorf("%d: listing of %v", i, l.Artifact)
		}
		if want := rows[i].want; want == "" && (l.Unknown == "" || len(l.Releases) != 0) ||
			want != "" && (len(l.Releases) != 1 || l.Releases[0].Version != want) {
			t.Errorf("%d: %+v, want %q", i, l, want)
		}
	}
	for _, e := range []*echo{helm, oci, git, galaxy} {
		if e.calls != 1 {
			t.Errorf("%s was asked %d times", e.name, e.calls)
		}
	}
}

func TestMissingAnswersAreUnknown(t *testing.T) {
	t.Parallel()
	r := &router{helm: &echo{name: "helm", lose: true}}
	a := promoter.Artifact{Kind: promoter.Chart, Source: "https://charts.example.org", Name: "a"}
	b := promoter.Artifact{Kind: promoter.Chart, Source: "https://charts.example.org", Name: "b"}
	out := r.Lookup(t.Context(), []promoter.Artifact{a, b})
	if len(out[0].Releases) != 1 || out[1].Unknown == "" {
		t.Errorf("%+v", out)
	}
}
