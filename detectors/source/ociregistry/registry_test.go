package ociregistry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"promoter/detectors/source"
	"promoter/promoter"
)

func newClient(t *testing.T, change func(*source.Options)) *source.Client {
	t.Helper()
	o := source.Options{CacheDir: t.TempDir(), AllowPrivate: []string{"127.0.0.1"}, Timeout: 20 * time.Second}
	if change != nil {
		change(&o)
	}
	c, err := source.NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func serve(t *testing.T, h http.Handler) (host string) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func image(host, name string) promoter.Artifact {
	return promoter.Artifact{Kind: promoter.Image, Source: host, Name: name}
}

func lookup(t *testing.T, c *source.Client, a promoter.Artifact) promoter.Listing {
	t.Helper()
	all := New(c).Lookup(t.Context(), []promoter.Artifact{a})
	if len(all) != 1 || all[0].Artifact != a {
		t.Fatalf("got %+v", all)
	}
	return all[0]
}

func versions(l promoter.Listing) []string {
	var vs []string
	for _, r := range l.Releases {
		vs = append(vs, r.Version)
	}
	slices.Sort(vs)
	return vs
}

// logins gives credentials by host.
type logins map[string]source.Credential

func (l logins) Find(_ context.Context, _ source.Purpose, u *url.URL) (source.Credential, error) {
	return l[u.Host], nil
}

func push(t *testing.T, ref string, img v1.Image) {
	t.Helper()
	r, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(r, img); err != nil {
		t.Fatal(err)
	}
}

// chart is an image whose configuration is a chart's.
func chart(t *testing.T, config string, annotations map[string]string) v1.Image {
	t.Helper()
	img := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	if annotations != nil {
		img = mutate.Annotations(img, annotations).(v1.Image)
	}
	return &withConfig{Image: img, raw: []byte(config)}
}

// withConfig replaces an image's configuration by a chart's.
type withConfig struct {
	v1.Image
	raw []byte
}

func (w *withConfig) RawConfigFile() ([]byte, error) { return w.raw, nil }
func (w *withConfig) ConfigName() (v1.Hash, error) {
	h, _, err := v1.SHA256(strings.NewReader(string(w.raw)))
	return h, err
}
func (w *withConfig) Manifest() (*v1.Manifest, error) {
	m, err := w.Image.Manifest()
	if err != nil {
		return nil, err
	}
	m = m.DeepCopy()
	h, err := w.ConfigName()
	m.Config = v1.Descriptor{MediaType: helmConfig, Digest: h, Size: int64(len(w.raw))}
	return m, err
}
func (w *withConfig) RawManifest() ([]byte, error) {
	m, err := w.Manifest()
	if err != nil {
		return nil, err
	}
	return json.Marshal(m)
}
func (w *withConfig) Digest() (v1.Hash, error) {
	raw, err := w.RawManifest()
	if err != nil {
		return v1.Hash{}, err
	}
	h, _, err := v1.SHA256(strings.NewReader(string(raw)))
	return h, err
}
func (w *withConfig) Size() (int64, error) {
	raw, err := w.RawManifest()
	return int64(len(raw)), err
}

func TestImagesOfARealRegistry(t *testing.T) {
	t.Parallel()
	host := serve(t, registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	img, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range []string{"1.0", "1.1-alpine", "1_2", "latest", "sha256-" + digest.Hex, "sha256-" + digest.Hex + ".sig", "v1.att", "v1.sbom", "x.metadata"} {
		push(t, host+"/team/app:"+tag, img)
	}
	dir := t.TempDir()
	day := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	now := day
	use := func(o *source.Options) { o.CacheDir = dir; o.Now = func() time.Time { return now } }
	c := newClient(t, use)
	l := lookup(t, c, image(host, "team/app"))
	if diff := cmp.Diff([]string{"1.0", "1.1-alpine", "1_2", "latest"}, versions(l)); diff != "" || l.Unknown != "" {
		t.Errorf("unknown %q, %s", l.Unknown, diff)
	}
	got, err := New(c).Digest(t.Context(), image(host, "team/app"), "1.0")
	if err != nil || got != digest.String() {
		t.Errorf("digest %q, %v; want %s", got, err, digest)
	}
	if _, err := New(c).Digest(t.Context(), image(host, "team/app"), "9.9"); err == nil {
		t.Error("a tag that is not there has a digest")
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	now = now.Add(24 * time.Hour)
	push(t, host+"/team/app:1.2", img)
	for _, r := range lookup(t, newClient(t, use), image(host, "team/app")).Releases {
		want := day
		if r.Version == "1.2" {
			want = now
		}
		if !r.FirstSeen.Equal(want) {
			t.Errorf("%s first seen %s, want %s", r.Version, r.FirstSeen, want)
		}
	}
	off := newClient(t, func(o *source.Options) { use(o); o.Offline = true })
	if l := lookup(t, off, image(host, "team/app")); len(l.Releases) != 5 || !l.At.Equal(now) {
		t.Errorf("offline %d releases at %s, unknown %q", len(l.Releases), l.At, l.Unknown)
	}
	if l := lookup(t, off, image(host, "team/other")); l.Unknown != "not in the cache" {
		t.Errorf("offline unknown %q", l.Unknown)
	}
	if l := lookup(t, c, image(host, "team/none")); l.Gone == "" || l.Unknown != "" {
		t.Errorf("gone %q, unknown %q", l.Gone, l.Unknown)
	}
}

func TestCharts(t *testing.T) {
	t.Parallel()
	host := serve(t, registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	img, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	config := `{"name":"redis","version":"2.0.0+up1","appVersion":"7.2","deprecated":true,"kubeVersion":">=1.25-0","home":"https://redis.example.org","annotations":{"artifacthub.io/changes":"- faster"}}`
	push(t, host+"/org/redis:1.0.0", chart(t, `{"name":"redis","version":"1.0.0"}`, nil))
	push(t, host+"/org/redis:2.0.0_up1", chart(t, config, map[string]string{"org.opencontainers.image.created": "2026-01-02T03:04:05Z"}))
	push(t, host+"/org/redis:3.0.0-rc.1", img)
	push(t, host+"/org/redis:9.9.9", img) // an image under the chart's name
	a := promoter.Artifact{Kind: promoter.Chart, Source: "oci://" + host + "/org", Name: "redis"}
	c := newClient(t, nil)
	l := lookup(t, c, a)
	if diff := cmp.Diff([]string{"1.0.0", "2.0.0+up1", "3.0.0-rc.1"}, versions(l)); diff != "" || l.Unknown != "" {
		t.Fatalf("unknown %q, %s", l.Unknown, diff)
	}
	for _, r := range l.Releases {
		if r.Version != "2.0.0+up1" {
			continue
		}
		if r.AppVersion != "7.2" || !r.Deprecated || r.KubeRange != ">=1.25-0" || r.Notes != "- faster" || r.Home == "" ||
			!r.Created.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) || !digestForm.MatchString(r.Digest) {
			t.Errorf("release %+v", r)
		}
	}
	if _, err := New(c).CheckChart(t.Context(), a, "9.9.9"); !errors.Is(err, ErrNotChart) {
		t.Errorf("got %v", err)
	}
	for i := range maxChecks + 1 {
		push(t, fmt.Sprintf("%s/org/images:%d.0.0", host, i), img)
	}
	l = lookup(t, c, promoter.Artifact{Kind: promoter.Chart, Source: "oci://" + host + "/org", Name: "images"})
	if len(l.Releases) != 0 || !strings.Contains(l.Unknown, "not a Helm chart") {
		t.Errorf("%d releases, unknown %q", len(l.Releases), l.Unknown)
	}
}

// pages serves a tag list of n tags in pages of size, its Links made by link.
func pages(n, size int, link func(r *http.Request, last string) string) http.HandlerFunc {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("t%05d", i))
	}
	return func(w http.ResponseWriter, r *http.Request) {
		from, _ := slices.BinarySearch(all, r.URL.Query().Get("last")+"\x00")
		if r.URL.Query().Get("last") == "" {
			from = 0
		}
		page := all[from:min(from+size, n)]
		if from+size < n {
			w.Header().Set("Link", link(r, page[len(page)-1]))
		}
		json.NewEncoder(w).Encode(map[string]any{"name": "x", "tags": page})
	}
}

func TestPaging(t *testing.T) {
	t.Parallel()
	elsewhere := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("left the registry") }))
	for name, tc := range map[string]struct {
		link    func(r *http.Request, last string) string
		unknown string
	}{
		"relative": {func(_ *http.Request, last string) string {
			return `</v2/team/app/tags/list?n=1000&last=` + last + `>; rel="next"`
		}, ""},
		"bare query, several links": {func(_ *http.Request, last string) string {
			return `</x>; rel="prev", <?last=` + last + `>; title="a"; rel=next`
		}, ""},
		"lost prefix": {func(_ *http.Request, last string) string { return `</v2/app/tags/list?last=` + last + `>;rel="next"` }, ""},
		"its own internal name": {func(_ *http.Request, last string) string {
			return `<http://` + elsewhere + `/v2/team/app/tags/list?last=` + last + `>; rel="next"`
		}, ""},
		"the metadata service": {func(_ *http.Request, last string) string {
			return `<http://169.254.169.254/latest?last=` + last + `>; rel="next"`
		}, ""},
		"the same page again": {func(r *http.Request, _ string) string { return `<?` + r.URL.RawQuery + `>; rel="next"` }, "repeats its pages"},
		"the same page under new names": {func(r *http.Request, _ string) string {
			return `<?n=1000&x=` + r.URL.Query().Get("x") + `1>; rel="next"`
		}, "repeats its pages"},
		"no URL": {func(*http.Request, string) string { return `<%zz>; rel="next"` }, "repeats its pages"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := serve(t, pages(25, 10, tc.link))
			l := lookup(t, newClient(t, nil), image(host, "team/app"))
			if tc.unknown == "" && (len(l.Releases) != 25 || l.Unknown != "") {
				t.Errorf("%d releases, unknown %q", len(l.Releases), l.Unknown)
			}
			if tc.unknown != "" && (len(l.Releases) != 0 || !strings.Contains(l.Unknown, tc.unknown)) {
				t.Errorf("%d releases, unknown %q", len(l.Releases), l.Unknown)
			}
		})
	}
}

func TestEndlessPagesAreGivenUp(t *testing.T) {
	t.Parallel()
	host := serve(t, pages(1000, 1, func(_ *http.Request, last string) string { return `<?last=` + last + `>; rel="next"` }))
	l := lookup(t, newClient(t, nil), image(host, "team/app"))
	if len(l.Releases) != 0 || !strings.Contains(l.Unknown, "more than 50 pages") {
		t.Errorf("%d releases, unknown %q", len(l.Releases), l.Unknown)
	}
}

func TestEmptyPagesInACircleAreGivenUp(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	host := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Header().Set("Link", `<?n=1000&last=a>; rel="next"`)
		fmt.Fprint(w, `{"name":"a","tags":[]}`)
	}))
	l := lookup(t, newClient(t, nil), image(host, "a"))
	if !strings.Contains(l.Unknown, "repeats its pages") || asked.Load() != 2 {
		t.Errorf("unknown %q after %d requests", l.Unknown, asked.Load())
	}
}

// A list that breaks off in the middle must not look like a shorter one.
func TestPartialListsAreUnknown(t *testing.T) {
	t.Parallel()
	link := func(_ *http.Request, last string) string { return `<?last=` + last + `>; rel="next"` }
	for name, tc := range map[string]struct {
		second  func(w http.ResponseWriter)
		unknown string
	}{
		"429":        {func(w http.ResponseWriter) { w.Header().Set("Retry-After", "600"); w.WriteHeader(429) }, "rate limited"},
		"500":        {func(w http.ResponseWriter) { w.WriteHeader(500) }, "500"},
		"403":        {func(w http.ResponseWriter) { w.WriteHeader(403) }, "denies access"},
		"404":        {func(w http.ResponseWriter) { w.WriteHeader(404) }, "404"},
		"login page": {func(w http.ResponseWriter) { fmt.Fprint(w, "<html>sign in") }, "not a list of tags"},
		"cut JSON":   {func(w http.ResponseWriter) { fmt.Fprint(w, `{"name":"x","tags":["a",`) }, "not a list of tags"},
		"other JSON": {func(w http.ResponseWriter) { fmt.Fprint(w, `{"ok":true}`) }, "not a list of tags"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := pages(25, 10, link)
			host := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("last") != "" {
					tc.second(w)
					return
				}
				whole(w, r)
			}))
			l := lookup(t, newClient(t, nil), image(host, "team/app"))
			if len(l.Releases) != 0 || l.Gone != "" || !strings.Contains(l.Unknown, tc.unknown) {
				t.Errorf("%d releases, gone %q, unknown %q", len(l.Releases), l.Gone, l.Unknown)
			}
		})
	}
}

// guarded is a registry that wants a token from its realm.
type guarded struct {
	mu     sync.Mutex
	basic  []string // what the realm was sent
	realm  string
	scope  string // in the challenge
	prefix string // other challenges in the same header
	refuse bool   // the realm knows no password
}

func (g *guarded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.URL.Path == "/token" {
		user, pass, ok := r.BasicAuth()
		if ok {
			g.basic = append(g.basic, user+":"+pass)
		}
		if r.Method == http.MethodPost {
			g.basic = append(g.basic, r.FormValue("grant_type")+" "+r.FormValue("refresh_token"))
		}
		if ok && g.refuse {
			w.WriteHeader(401)
			return
		}
		fmt.Fprintf(w, `{"access_token":"for %s %s"}`, r.FormValue("service"), r.FormValue("scope"))
		return
	}
	if r.Header.Get("Authorization") != "Bearer for reg repository:team/app:pull" {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`%sBearer realm="%s",service="reg"%s`, g.prefix, g.realm, g.scope))
		w.WriteHeader(401)
		return
	}
	fmt.Fprint(w, `{"name":"team/app","tags":["1"]}`)
}

func TestTokenFlow(t *testing.T) {
	t.Parallel()
	login := source.Credential{Username: "u", Password: "p"}
	for name, tc := range map[string]struct {
		g       *guarded
		cred    *source.Credential
		sent    []string
		unknown string
	}{
		"anonymous":          {&guarded{scope: `,scope="repository:team/app:pull"`}, nil, nil, ""},
		"login":              {&guarded{scope: `,scope="repository:team/app:pull"`}, &login, []string{"u:p"}, ""},
		"no scope":           {&guarded{}, &login, []string{"u:p"}, ""},
		"several challenges": {&guarded{prefix: `Basic realm="a, b", `}, &login, []string{"u:p"}, ""},
		"old login":          {&guarded{refuse: true}, &login, []string{"u:p"}, ""},
		"refresh token":      {&guarded{}, &source.Credential{Refresh: "r"}, []string{"refresh_token r"}, ""},
		"realm is no URL":    {&guarded{realm: "over there"}, &login, nil, "no URL"},
		"realm is a file":    {&guarded{realm: "file:///etc/passwd"}, &login, nil, "no URL"},
		"realm is private":   {&guarded{realm: "http://169.254.169.254/token"}, &login, nil, "link-local"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := serve(t, tc.g)
			if tc.g.realm == "" {
				tc.g.realm = "http://" + host + "/token"
			}
			c := newClient(t, func(o *source.Options) {
				if tc.cred != nil {
					o.Credentials = logins{host: *tc.cred}
				}
			})
			l := lookup(t, c, image(host, "team/app"))
			if tc.unknown == "" && len(l.Releases) != 1 || !strings.Contains(l.Unknown, tc.unknown) {
				t.Errorf("%d releases, unknown %q", len(l.Releases), l.Unknown)
			}
			if diff := cmp.Diff(tc.sent, tc.g.basic); diff != "" {
				t.Errorf("the realm was sent: %s", diff)
			}
		})
	}
}

func TestPasswordsDoNotFollowTheRealmToAnotherSite(t *testing.T) {
	t.Parallel()
	foreign := &guarded{}
	realm := serve(t, foreign)
	realm = strings.Replace(realm, "127.0.0.1", "localhost", 1)
	g := &guarded{realm: "http://" + realm + "/token"}
	host := serve(t, g)
	c := newClient(t, func(o *source.Options) {
		o.AllowPrivate = []string{"127.0.0.1", "localhost"}
		o.Credentials = logins{host: {Username: "u", Password: "p"}}
	})
	l := lookup(t, c, image(host, "team/app"))
	if l.Unknown != "" || len(l.Releases) != 1 {
		t.Errorf("%d releases, unknown %q", len(l.Releases), l.Unknown)
	}
	if len(foreign.basic) != 0 {
		t.Errorf("another site was sent %q", foreign.basic)
	}
}

type answers func(*http.Request) (*http.Response, error)

func (f answers) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestTokenServiceOnPlainHTTPIsRefused(t *testing.T) {
	t.Parallel()
	c := newClient(t, func(o *source.Options) {
		o.Credentials = logins{"reg.example.org": {Username: "u", Password: "p"}}
		o.Transport = answers(func(r *http.Request) (*http.Response, error) {
			if r.URL.Scheme != "https" {
				t.Errorf("asked %s", r.URL)
			}
			return &http.Response{StatusCode: 401, Body: http.NoBody,
				Header: http.Header{"Www-Authenticate": {`Bearer realm="http://auth.example.org/token"`}}}, nil
		})
	})
	if l := lookup(t, c, image("reg.example.org", "a")); !strings.Contains(l.Unknown, "plain http") {
		t.Errorf("unknown %q", l.Unknown)
	}
}

func BenchmarkLookup10000Tags(b *testing.B) {
	s := httptest.NewServer(pages(10_000, 1000, func(_ *http.Request, last string) string { return `<?last=` + last + `>; rel="next"` }))
	defer s.Close()
	c, err := source.NewClient(source.Options{CacheDir: b.TempDir(), AllowPrivate: []string{"127.0.0.1"}, Budget: 1 << 30})
	if err != nil {
		b.Fatal(err)
	}
	r := New(c)
	for b.Loop() {
		l := r.Lookup(b.Context(), []promoter.Artifact{image(strings.TrimPrefix(s.URL, "http://"), "a")})
		if len(l[0].Releases) != 10_000 {
			b.Fatal(l[0].Unknown)
		}
	}
	if err := c.Close(); err != nil {
		b.Fatal(err)
	}
}

func TestBasicChallenge(t *testing.T) {
	t.Parallel()
	var bare int
	host := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, pass, ok := r.BasicAuth(); user != "u" || pass != "p" {
			if !ok {
				bare++
			}
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			w.WriteHeader(401)
			return
		}
		fmt.Fprint(w, `{"name":"a","tags":["1"]}`)
	}))
	for pass, want := range map[string]int{"p": 1, "wrong": 0} {
		c := newClient(t, func(o *source.Options) { o.Credentials = logins{host: {Username: "u", Password: pass}} })
		l := lookup(t, c, image(host, "a"))
		if len(l.Releases) != want || (want == 0) != strings.Contains(l.Unknown, "denies access with the credentials") {
			t.Errorf("%s: %d releases, unknown %q", pass, len(l.Releases), l.Unknown)
		}
	}
	l := lookup(t, newClient(t, nil), image(host, "a"))
	if !strings.Contains(l.Unknown, "denies access without credentials") {
		t.Errorf("unknown %q", l.Unknown)
	}
	if bare != 3 {
		t.Errorf("%d requests without credentials: they are sent only when asked for", bare)
	}
}

func TestOneArtifactsTroubleIsItsOwn(t *testing.T) {
	t.Parallel()
	host := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.Contains(r.URL.Path, "bad"):
			w.WriteHeader(403)
		case strings.Contains(r.URL.Path, "bare404"):
			w.WriteHeader(404)
		default:
			fmt.Fprint(w, `{"name":"a","tags":["1"]}`)
		}
	}))
	in := []promoter.Artifact{image(host, "a"), image(host, "bad"), image(host, "B/../c"), image("", "x"), image(host, "bare404"), image(host, "z")}
	out := New(newClient(t, nil)).Lookup(t.Context(), in)
	for i, l := range out {
		if good := i == 0 || i == 5; l.Artifact != in[i] || good != (len(l.Releases) == 1) || good != (l.Unknown == "") || l.Gone != "" {
			t.Errorf("%d: %+v", i, l)
		}
	}
}

func TestRepositoryFor(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		a    promoter.Artifact
		want string
	}{
		{image("docker.io", "nginx"), "https://registry-1.docker.io/v2/library/nginx/tags/list"},
		{image("index.docker.io", "bitnami/redis"), "https://registry-1.docker.io/v2/bitnami/redis/tags/list"},
		{image("GHCR.io", "a/b"), "https://ghcr.io/v2/a/b/tags/list"},
		{image("localhost:5000", "a"), "http://localhost:5000/v2/a/tags/list"},
		{promoter.Artifact{Kind: promoter.Chart, Source: "oci://registry-1.docker.io/bitnamicharts/", Name: "redis"}, "https://registry-1.docker.io/v2/bitnamicharts/redis/tags/list"},
		{promoter.Artifact{Kind: promoter.Chart, Source: "oci://quay.io", Name: "org/c"}, "https://quay.io/v2/org/c/tags/list"},
		{image("ghcr.io", "Upper/Case"), ""},
		{image("ghcr.io", "a/../b"), ""},
		{image("ghcr.io", ""), ""},
		{image("", "a"), ""},
	} {
		r, err := repositoryFor(tc.a)
		got := ""
		if err == nil {
			got = r.url("/tags/list").String()
		}
		if got != tc.want {
			t.Errorf("%s: %q, want %q (%v)", tc.a, got, tc.want, err)
		}
	}
}

func TestParseChallenges(t *testing.T) {
	t.Parallel()
	bearer := func(kv ...string) challenge {
		c := challenge{"bearer", map[string]string{}}
		for i := 0; i < len(kv); i += 2 {
			c.params[kv[i]] = kv[i+1]
		}
		return c
	}
	for in, want := range map[string][]challenge{
		`Bearer realm="https://a/t",service="s",scope="repository:a/b:pull,push"`: {bearer("realm", "https://a/t", "service", "s", "scope", "repository:a/b:pull,push")},
		`Basic realm="a", Bearer realm="b", Negotiate`:                            {{"basic", map[string]string{"realm": "a"}}, bearer("realm", "b"), {"negotiate", map[string]string{}}},
		`bearer REALM=plain , Service = "x \" y"`:                                 {bearer("realm", "plain", "service", `x " y`)},
		`Bearer realm="unclosed`:                                                  {bearer("realm", "unclosed")},
		`Bearer realm="a",realm="b"`:                                              {bearer("realm", "a")},
		``:                                                                        nil,
		`"`:                                                                       nil,
	} {
		if diff := cmp.Diff(want, parseChallenges([]string{in}), cmp.AllowUnexported(challenge{})); diff != "" {
			t.Errorf("%s: %s", in, diff)
		}
	}
}

func FuzzParseChallenges(f *testing.F) {
	f.Add(`Basic realm="a", Bearer realm="b",service=c`)
	f.Add(`Negotiate YWJj==, Bearer realm="\`)
	f.Fuzz(func(t *testing.T, in string) {
		for _, c := range parseChallenges([]string{in}) {
			if c.scheme == "" {
				t.Error("a challenge without a scheme")
			}
		}
	})
}

func FuzzNextPage(f *testing.F) {
	f.Add(`</v2/a?last=b>; rel="next", <x>; rel=prev`)
	f.Fuzz(func(t *testing.T, in string) {
		if q, more := nextPage([]string{in}); q != "" && !more {
			t.Errorf("query %q of no page", q)
		}
	})
}

func TestSameSite(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"registry-1.docker.io", "auth.docker.io", true},
		{"registry.gitlab.com", "gitlab.com", true},
		{"registry.example.co.uk", "auth.example.co.uk", true},
		{"registry.example.co.uk", "evil.co.uk", false},
		{"a.github.io", "b.github.io", false},
		{"ghcr.io", "lscr.io", false},
		{"127.0.0.1", "127.0.0.1", true},
		{"1.0.0.1", "2.0.0.1", false},
		{"localhost", "evil", false},
	} {
		if got := sameSite(tc.a, tc.b); got != tc.want {
			t.Errorf("sameSite(%s, %s) = %v", tc.a, tc.b, got)
		}
	}
}
