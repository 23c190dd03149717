package detectors

import (
	"strings"
	"testing"

	"promoter/promoter"
)

const (
	hash64 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	sha    = "sha256:" + hash64
)

func TestParseImage(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ in, host, repository, tag, digest string }{
		{"nginx", "docker.io", "library/nginx", "", ""},
		{"nginx:1.27", "docker.io", "library/nginx", "1.27", ""},
		{"grafana/grafana:11.0.0", "docker.io", "grafana/grafana", "11.0.0", ""},
		{"docker.io/nginx:1", "docker.io", "library/nginx", "1", ""},
		{"index.docker.io/nginx", "docker.io", "library/nginx", "", ""},
		{"registry-1.docker.io/org/x:1", "docker.io", "org/x", "1", ""},
		{"registry:5000/x:1", "registry:5000", "x", "1", ""},
		{"registry:5000/x", "registry:5000", "x", "", ""},
		{"localhost/x:1", "localhost", "x", "1", ""},
		{"ghcr.io/a/b/c:v1.2.3", "ghcr.io", "a/b/c", "v1.2.3", ""},
		{"GHCR.io/a/b:1", "ghcr.io", "a/b", "1", ""},
		{"x@" + sha, "docker.io", "library/x", "", sha},
		{"quay.io/x/y:1.2@" + sha, "quay.io", "x/y", "1.2", sha},
		{"[::1]:5000/x:1", "[::1]:5000", "x", "1", ""},
		{"quay.io/a__b/c--d/e.f:1_2-3.4", "quay.io", "a__b/c--d/e.f", "1_2-3.4", ""},
	} {
		ref, ok := ParseImage(tc.in)
		want := ImageRef{Written: tc.in, Registry: tc.host, Repository: tc.repository, Tag: tc.tag, Digest: tc.digest, Hosted: ref.Hosted}
		if !ok || ref != want {
			t.Errorf("ParseImage(%q) = %+v, %t; want %+v", tc.in, ref, ok, want)
		}
		if a := ref.Artifact(); a != (promoter.Artifact{Kind: promoter.Image, Name: tc.repository, Source: tc.host}) {
			t.Errorf("ParseImage(%q).Artifact() = %v", tc.in, a)
		}
	}
}

func TestParseImageRefuses(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"", ":", "/", "@", "x:", "x@", "x@sha256:12", "x@sha256:" + strings.ToUpper(hash64), "x@md5:" + hash64,
		"https://example.com/x", "oci://ghcr.io/x", "Nginx:1.2", "a//b", "a/", "/a", "a b", "a:b:c", "x:1.2@1.2",
		"reg:port/x", "-a/b", "a_.b", "x:.1", "x:" + strings.Repeat("1", 129), "ghcr.io/", "exa_mple.com/x",
		"{{ image }}", "${IMAGE}", strings.Repeat("a/", 200) + "a",
	} {
		if ref, ok := ParseImage(in); ok {
			t.Errorf("ParseImage(%q) = %+v; want it refused", in, ref)
		}
	}
}

func TestClassifyTag(t *testing.T) {
	t.Parallel()
	for want, tags := range map[promoter.Form]string{
		promoter.Missing:  "",
		promoter.Digest:   sha,
		promoter.Exact:    "1 1.2 v1.2.3 1.20-alpine 2024.01.31 20240131 RELEASE.2024-01-31T00-00-00Z nightly-2024-01-31 v3 4.0.890",
		promoter.Floating: "latest main stable edge nightly alpine slim latest-amd64 lts-bookworm12 1.x",
		promoter.Commit:   "0a1b2c3 faac67e168c8dc572fe9ddcff05b4b4fa796cc17 sha-0a1b2c3 git-faac67e168c8 main-0a1b2c3",
	} {
		for tag := range strings.SplitSeq(tags, " ") {
			if got := ClassifyTag(tag); got != want {
				t.Errorf("ClassifyTag(%q) = %s; want %s", tag, got, want)
			}
		}
	}
}

func FuzzParseImage(f *testing.F) {
	for _, s := range []string{"nginx", "registry:5000/x:1", "a/b@" + sha, "a:1@" + sha, "[::1]/x", "A/b", ":@/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ref, ok := ParseImage(s)
		if !ok {
			if ref != (ImageRef{}) {
				t.Fatalf("ParseImage(%q) refused and returned %+v", s, ref)
			}
			return
		}
		// The canonical text of a reference is the same reference.
		text := ref.Registry + "/" + ref.Repository
		if ref.Tag != "" {
			text += ":" + ref.Tag
		}
		if ref.Digest != "" {
			text += "@" + ref.Digest
		}
		again, ok := ParseImage(text)
		again.Written, again.Hosted = ref.Written, ref.Hosted
		if !ok || again != ref {
			t.Fatalf("ParseImage(%q) = %+v, but %q is %+v, %t", s, ref, text, again, ok)
		}
	})
}

func BenchmarkParseImage(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		ParseImage("registry.example.com:5000/group/project/image:v1.2.3@" + sha)
	}
}
