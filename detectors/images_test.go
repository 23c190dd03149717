package detectors

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// readImages returns what Images finds in a text, one line each, and checks
// what must hold for every pin.
func readImages(t testing.TB, text, at string) []string {
	t.Helper()
	f := &File{Path: "values.yaml", Data: []byte(text)}
	masked, templated := yamltree.MaskTemplates(f.Data)
	f.Templated = templated
	docs, errs := yamltree.Parse(masked)
	for _, e := range errs {
		t.Fatalf("parse %q: %v", text, e)
	}
	var r Report
	for i, d := range docs {
		var with Pin
		with.Place.Doc = i
		with.Detector = "values"
		Images(f, d.Root, at, with, &r)
	}
	var lines []string
	for _, p := range r.Pins {
		checkPin(t, f, p)
		line := fmt.Sprintf("%s: %s %s", p.Place.Path, p.Form, p.Artifact.Ref())
		if p.Version != "" {
			line += " " + p.Version
		}
		if p.Digest != "" {
			line += " " + strings.ReplaceAll(p.Digest, hash64, "…")
		}
		if p.DigestPlace != nil {
			line += " at " + p.DigestPlace.Path
		}
		lines = append(lines, line)
	}
	for _, s := range r.Skips {
		lines = append(lines, "skip "+s.Place.Path+": "+s.Reason)
	}
	return lines
}

func checkPin(t testing.TB, f *File, p Pin) {
	t.Helper()
	if p.Consumer != promoter.ByContainer || p.Detector == "" || p.Artifact.Kind != promoter.Image {
		t.Errorf("pin lacks its consumer, detector or kind: %+v", p)
	}
	pl := p.Place
	if pl.Start < 0 || pl.End > len(f.Data) || pl.Start > pl.End {
		t.Fatalf("%s: range %d-%d lies outside of the file", pl.Path, pl.Start, pl.End)
	}
	if line := 1 + bytes.Count(f.Data[:pl.Start], []byte("\n")); line != pl.Line {
		t.Errorf("%s: line %d; its bytes are on line %d", pl.Path, pl.Line, line)
	}
	if !strings.Contains(pl.Written, p.Version) {
		t.Errorf("%s: version %q is not in %q", pl.Path, p.Version, pl.Written)
	}
}

func TestImages(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, at, in, want string }{
		{"string", "", "image: ghcr.io/a/b:v1", "image: exact ghcr.io/a/b v1"},
		{"prefix", "spec.values", "image: ghcr.io/a/b:v1", "spec.values.image: exact ghcr.io/a/b v1"},
		{"embedded", "spec.values|", "image: a/b:1", "spec.values|image: exact docker.io/a/b 1"},
		{"dotted key", "", "a.b:\n  image: a/b:1", `"a.b".image: exact docker.io/a/b 1`},
		{"named key", "", "sidecarImage: a/b:1\nbusybox_image: busybox:1.36\nimageName: pg:16",
			"sidecarImage: exact docker.io/a/b 1\nbusybox_image: exact docker.io/library/busybox 1.36\nimageName: exact docker.io/library/pg 16"},
		{"quoted", "", `image: "a/b:1"`, "image: exact docker.io/a/b 1"},
		{"flow", "", "image: {repository: a/b, tag: '1.20'}", "image.tag: exact docker.io/a/b 1.20"},
		{"json", "", `{"image": {"repository": "a/b", "tag": "1.20"}}`, "image.tag: exact docker.io/a/b 1.20"},
		{"digest in string", "", "image: a/b@" + sha, "image: digest docker.io/a/b sha256:…"},
		{"tag and digest in string", "", "image: a/b:1@" + sha, "image: exact docker.io/a/b 1 sha256:…"},
		{"repository and tag", "", "image:\n  repository: quay.io/a/b\n  tag: v1", "image.tag: exact quay.io/a/b v1"},
		{"unquoted number", "", "image:\n  repository: a/b\n  tag: 1.20", "image.tag: exact docker.io/a/b 1.20"},
		{"registry", "", "image:\n  registry: quay.io\n  repository: a/b\n  tag: v1", "image.tag: exact quay.io/a/b v1"},
		{"registry with a path", "", "image:\n  registry: quay.io/org/\n  repository: b\n  tag: v1", "image.tag: exact quay.io/org/b v1"},
		{"registry twice", "", "image:\n  registry: quay.io\n  repository: quay.io/a/b\n  tag: v1", "image.tag: exact quay.io/a/b v1"},
		{"organization and name", "", "image:\n  registry: quay.io\n  repository: strimzi\n  name: operator\n  tag: 0.40.0", "image.tag: exact quay.io/strimzi/operator 0.40.0"},
		{"version for tag", "", "image:\n  repository: a/b\n  version: v1", "image.version: exact docker.io/a/b v1"},
		{"image and version", "", "op:\n  image: tigera/operator\n  version: v1.30.0\n  registry: quay.io", "op.version: exact quay.io/tigera/operator v1.30.0"},
		{"tag with digest", "", "image:\n  repository: a/b\n  tag: 1.2@" + sha, "image.tag: exact docker.io/a/b 1.2 sha256:…"},
		{"digest as tag", "", "image:\n  repository: a/b\n  tag: " + sha, "image.tag: digest docker.io/a/b sha256:…"},
		{"digest beside", "", "image:\n  repository: a/b\n  tag: 1.2\n  digest: " + sha, "image.tag: exact docker.io/a/b 1.2 sha256:… at image.digest"},
		{"bare hash beside", "", "image:\n  repository: a/b\n  tag: 1.2\n  sha: " + hash64, "image.tag: exact docker.io/a/b 1.2 sha256:… at image.sha"},
		{"digest alone", "", "image:\n  repository: a/b\n  digest: " + sha, "image.digest: digest docker.io/a/b sha256:…"},
		{"digest and empty tag", "", "image:\n  repository: a/b\n  tag: ''\n  digest: " + sha, "image.digest: digest docker.io/a/b sha256:…"},
		{"empty digest", "", "image:\n  repository: a/b\n  tag: 1\n  digest: ''", "image.tag: exact docker.io/a/b 1"},
		{"no tag", "", "image:\n  repository: a/b\n  pullPolicy: Always", "image.repository: missing docker.io/a/b"},
		{"empty tag", "", "image:\n  repository: a/b\n  tag: ''", "image.tag: missing docker.io/a/b"},
		{"null tag", "", "image:\n  repository: a/b\n  tag: ~", "image.tag: missing docker.io/a/b"},
		{"repository with tag", "", "image:\n  repository: a/b:1.2", "image.repository: exact docker.io/a/b 1.2"},
		{"name and tag", "", "image:\n  name: a/b\n  tag: 1", "image.tag: exact docker.io/a/b 1"},
		{"name and tag elsewhere", "", "x:\n  name: a/b\n  tag: 1", "x.tag: exact docker.io/a/b 1"},
		{"name whole", "", "image:\n  name: a/b:1", "image.name: exact docker.io/a/b 1"},
		{"image and tag", "", "init:\n  image: a/b\n  tag: 1.2", "init.tag: exact docker.io/a/b 1.2"},
		{"images map", "", "images:\n  one:\n    repository: a/b\n    tag: 1\n  two: c/d:2",
			"images.one.tag: exact docker.io/a/b 1\nimages.two: exact docker.io/c/d 2"},
		{"images list", "", "images:\n- a/b:1\n- name: c/d\n  tag: 2", "images[0]: exact docker.io/a/b 1\nimages[1].tag: exact docker.io/c/d 2"},
		{"images.tags", "", "images:\n  tags:\n    api: docker.io/o/api:2024.1", "images.tags.api: exact docker.io/o/api 2024.1"},
		{"flat", "", "imageRepository: a/b\nimageTag: v1", "imageTag: exact docker.io/a/b v1"},
		{"flat snake", "", "image_repository: a/b\nimage_tag: v1", "image_tag: exact docker.io/a/b v1"},
		{"flat image", "", "image: a/b\nimageTag: v1", "imageTag: exact docker.io/a/b v1"},
		{"flat registry", "", "imageRegistry: quay.io\nimage: a/b\nimageTag: v1", "imageTag: exact quay.io/a/b v1"},
		{"flat digest", "", "image: a/b\nimageTag: v1\nimageDigest: " + sha, "imageTag: exact docker.io/a/b v1 sha256:… at imageDigest"},
		{"siblings", "", "proxyImage: a/p\nproxyTag: 1\nagentImage: a/q\nagentImageTag: 2",
			"proxyTag: exact docker.io/a/p 1\nagentImageTag: exact docker.io/a/q 2"},
		{"siblings with repository", "", "proxyImageRepository: a/p\nproxyImageTag: 1", "proxyImageTag: exact docker.io/a/p 1"},
		{"global registry", "", "global:\n  imageRegistry: mirror.example\nimage:\n  registry: quay.io\n  repository: a/b\n  tag: 1",
			"image.tag: exact mirror.example/a/b 1"},
		{"global registry leaves hosts", "", "global:\n  imageRegistry: mirror.example\nimage: ghcr.io/a/b:1", "image: exact ghcr.io/a/b 1"},
		{"chart's default image", "", "image:\n  tag: v4.0.890", "image.tag: exact  v4.0.890"},
		{"chart's default image, registry known", "", "image:\n  registry: ghcr.io\n  tag: v4", "image.tag: exact ghcr.io/ v4"},
		{"chart's default image, flat", "", "imageTag: v4", "imageTag: exact  v4"},
		{"chart's default image, no tag", "", "image:\n  tag: ''\n  pullPolicy: Always", ""},
		{"containers", "spec", "containers:\n- image: nginx\n- image: ubuntu-22.04\n- name: x\n  image: a/b:latest",
			"spec.containers[0].image: missing docker.io/library/nginx\nspec.containers[1].image: missing docker.io/library/ubuntu-22.04\nspec.containers[2].image: floating docker.io/a/b latest"},
		{"image volume", "spec", "volumes:\n- image:\n    reference: quay.io/a/b:1\n    pullPolicy: Always", "spec.volumes[0].image.reference: exact quay.io/a/b 1"},
		{"commit", "", "image: a/b:0a1b2c3d4e", "image: commit docker.io/a/b 0a1b2c3d4e"},
		{"alias of string", "", "x: &i a/b:1\nimage: *i", "x: exact docker.io/a/b 1"},
		{"alias of map", "", "x: &i {repository: a/b, tag: 1}\nimage: *i", "x.tag: exact docker.io/a/b 1"},
		{"alias of a map that is an image only there", "", "x: &i {tag: v1}\nimage: *i", "x.tag: exact  v1"},
		{"merge key", "", "x: &i {tag: v1}\nimage:\n  <<: *i\n  repository: a/b", "x.tag: exact docker.io/a/b v1"},
		{"merged repository", "", "x: &i {repository: a/b}\nimage:\n  <<: *i\n  tag: v1", "image.tag: exact docker.io/a/b v1"},
		{"template", "", "image: '{{ .Values.image }}'\nother: {image: {{ .x }}}", "skip image: the value is written by a template\nskip other.image: the value is written by a template"},
		{"template in tag", "", "image:\n  repository: a/b\n  tag: v{{ .x }}", "skip image.tag: the value is written by a template"},
		{"template in repository", "", "image:\n  repository: '{{ .x }}'\n  tag: v1", "skip image.tag: image repository: the value is written by a template"},
		{"variable", "", "image: a/b:${TAG}", "skip image: the value is substituted by a variable"},
		{"bad reference", "", "image: Foo/Bar:1", "skip image: not an image reference that a registry would accept"},
		{"git repository", "", "repository: https://github.com/a/b\ntag: v1", ""},
		{"chart", "", "- name: redis\n  version: 1.2.3\n  repository: https://charts.example.com\n- name: a\n  version: 1.2.3\n  repository: '@b'", ""},
		{"tags that are not images'", "", "tag: v1\nname: x\nlogTag: y\nversion: 1.2", ""},
		{"pictures and words", "", "image: logo.png\nosImage: Talos (v1.9)\nimages: {logo: /a/b.svg}\nheroImage: https://x.example/a.jpg\nmachineImage: 12345", ""},
		{"environment variable", "", "env:\n- name: RELATED_IMAGE_AGENT\n  value: quay.io/a/b:1\n- name: IMAGE\n  value: a/b:2\n- name: OTHER\n  value: a/b:2",
			"env[0].value: exact quay.io/a/b 1\nenv[1].value: exact docker.io/a/b 2"},
		{"argument", "", "args:\n- --sidecar-image=quay.io/a/b:1\n- --image=$(IMAGE)\n- --x=a/b:1", "args[0]: exact quay.io/a/b 1"},
		{"built here", "", "services:\n  a:\n    build: .\n    image: shop:1", ""},
		{"schema", "", "image:\n  type: object\n  properties:\n    repository: {type: string}\n    tag: {type: string}", ""},
		{"secret names", "", "imagePullSecrets:\n- name: regcred\nimagePullPolicy: Always", ""},
		{"second document", "", "a: 1\n---\nimage: a/b:1", "image: exact docker.io/a/b 1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got := strings.Join(readImages(t, tc.in, tc.at), "\n")
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("Images (-want +got):\n%s", diff)
			}
		})
	}
}

func TestImagesKeepsTemplate(t *testing.T) {
	t.Parallel()
	f := &File{Path: "a.yaml", Data: []byte("image: a/b:1\n")}
	docs, _ := yamltree.Parse(f.Data)
	var with Pin
	with.App, with.Detector, with.Environment, with.Place.Doc = "shop", "argo", "prod", 3
	var r Report
	Images(f, docs[0].Root, "spec", with, &r)
	if len(r.Pins) != 1 {
		t.Fatalf("%d pins", len(r.Pins))
	}
	want := Pin{Pin: promoter.Pin{
		Artifact: promoter.Artifact{Kind: promoter.Image, Name: "a/b", Source: "docker.io"},
		Version:  "1", Form: promoter.Exact, Consumer: promoter.ByContainer,
		App: "shop", Detector: "argo", Environment: "prod",
		Place: promoter.Place{File: "a.yaml", Line: 1, Doc: 3, Path: "spec.image", Start: 7, End: 12, Written: "a/b:1"},
	}}
	if diff := cmp.Diff(want, r.Pins[0]); diff != "" {
		t.Errorf("pin (-want +got):\n%s", diff)
	}
}

// An alias is never followed downwards, so that aliases of aliases cost what
// their text costs.
func TestImagesAliasBomb(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("a0: &a0 {image: x/y:1}\n")
	for i := 1; i < 60; i++ {
		fmt.Fprintf(&b, "a%d: &a%d {image: *a%d, p: *a%d, q: *a%d}\n", i, i, i-1, i-1, i-1)
	}
	if got := readImages(t, b.String(), ""); len(got) != 1 {
		t.Errorf("%d results; want the one image", len(got))
	}
}

func FuzzImages(f *testing.F) {
	f.Add("image: a/b:1\nx: {repository: r, tag: 1, digest: sha256:00}\n")
	f.Add("a: &a {tag: 1}\nimage: {<<: *a, repository: b}\nimages: [*a, b/c:1]\n")
	f.Add("image: {{ .x }}\nfooImage: b\nfooTag: ${x}\n")
	f.Fuzz(func(t *testing.T, text string) {
		file := &File{Path: "f.yaml", Data: []byte(text)}
		masked, _ := yamltree.MaskTemplates(file.Data)
		docs, _ := yamltree.Parse(masked)
		var r Report
		for _, d := range docs {
			Images(file, d.Root, "", Pin{Pin: promoter.Pin{Detector: "fuzz"}}, &r)
		}
		for _, p := range r.Pins {
			checkPin(t, file, p)
			if p.DigestPlace == nil && p.Version != "" {
				if s, err := p.Rewrite(p.Version, p.Digest); err != nil || s != p.Place.Written {
					t.Errorf("writing the same version again: %q, %v; want %q", s, err, p.Place.Written)
				}
			}
		}
	})
}

func BenchmarkImages(b *testing.B) {
	var text strings.Builder
	for i := range 50 {
		fmt.Fprintf(&text, "svc%d:\n  replicas: 2\n  image:\n    registry: quay.io\n    repository: org/svc%d\n    tag: v1.%d.0\n  env:\n  - name: A\n    value: b\n  resources: {limits: {cpu: 1, memory: 1Gi}}\n", i, i, i)
	}
	f := &File{Path: "values.yaml", Data: []byte(text.String())}
	docs, _ := yamltree.Parse(f.Data)
	b.SetBytes(int64(len(f.Data)))
	b.ReportAllocs()
	for b.Loop() {
		var r Report
		Images(f, docs[0].Root, "", Pin{}, &r)
		if len(r.Pins) != 50 {
			b.Fatalf("%d pins", len(r.Pins))
		}
	}
}
