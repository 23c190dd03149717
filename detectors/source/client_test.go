package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// newClient is a client that may ask this machine, with a cache of its own
// and no patience between tries.
func newClient(t *testing.T, change func(*Options)) *Client {
	t.Helper()
	o := Options{CacheDir: t.TempDir(), AllowPrivate: []string{"127.0.0.1"}, Timeout: 20 * time.Second}
	if change != nil {
		change(&o)
	}
	c, err := NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	c.pause = time.Nanosecond
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func get(t *testing.T, u string) *http.Request {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, u, nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// oneHost gives the same credential to one host and none to others.
type oneHost struct {
	host string
	cred Credential
}

func (o oneHost) Find(_ context.Context, _ Purpose, u *url.URL) (Credential, error) {
	if u.Host == o.host {
		return o.cred, nil
	}
	return Credential{}, nil
}

type twoHosts [2]oneHost

func (o twoHosts) Find(ctx context.Context, p Purpose, u *url.URL) (Credential, error) {
	if c, err := o[0].Find(ctx, p, u); err != nil || !c.Empty() {
		return c, err
	}
	return o[1].Find(ctx, p, u)
}

// answers is a transport that answers from a function; for virtual time.
type answers func(*http.Request) (*http.Response, error)

func (f answers) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(code int, body string, header ...string) *http.Response {
	resp := &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
	for i := 0; i+1 < len(header); i += 2 {
		resp.Header.Add(header[i], header[i+1])
	}
	return resp
}

func TestGuardRefusesAddressesThatAreNotPublic(t *testing.T) {
	t.Parallel()
	for ip, want := range map[string]string{
		"127.0.0.1": "loopback", "::1": "loopback", "::ffff:127.0.0.1": "loopback", "127.8.8.8": "loopback",
		"10.1.2.3": "private", "172.16.0.1": "private", "192.168.1.1": "private", "fd00::1": "private",
		"::ffff:10.0.0.1": "private", "64:ff9b::a00:1": "private", "2002:a00:1::1": "private",
		"169.254.169.254": "link-local", "fe80::1%eth0": "link-local", "64:ff9b::a9fe:a9fe": "link-local",
		"100.64.0.1": "carrier-grade", "0.0.0.0": "unspecified", "::": "unspecified", "0.1.2.3": "this network",
		"224.0.0.1": "multicast", "ff02::1": "multicast", "255.255.255.255": "reserved", "198.18.0.1": "reserved",
		"192.0.0.1": "reserved", "::10.0.0.1": "reserved", "fec0::1": "reserved", "64:ff9b:1::1": "reserved", "2001::1": "reserved",
		"8.8.8.8": "", "100.128.0.1": "", "172.32.0.1": "", "2606:4700::1111": "", "64:ff9b::808:808": "", "2001:db9::1": "",
	} {
		got := private(netip.MustParseAddr(ip))
		if want == "" && got != "" || want != "" && !strings.Contains(got, want) {
			t.Errorf("private(%s) = %q, want %q", ip, got, want)
		}
	}
}

func TestGuardRefusesByNameBeforeConnecting(t *testing.T) {
	t.Parallel()
	c := newClient(t, func(o *Options) {
		o.AllowPrivate = nil
		o.Transport = answers(func(r *http.Request) (*http.Response, error) {
			t.Errorf("asked %s", r.URL)
			return answer(200, ""), nil
		})
	})
	for _, u := range []string{
		"http://127.0.0.1/", "http://[::1]:80/", "http://169.254.169.254/latest/meta-data", "http://localhost/", "http://x.localhost./",
		"http://2130706433/", "http://0x7f.1/", "http://127.1/", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/",
	} {
		_, err := c.Do(t.Context(), get(t, u))
		var r *Refused
		if !errors.As(err, &r) {
			t.Errorf("Do(%s) = %v, want a refusal", u, err)
		}
	}
}

func TestGuardChecksWhatANameResolvesTo(t *testing.T) {
	t.Parallel()
	s := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the server was asked") })
	g, err := newGuard(nil)
	if err != nil {
		t.Fatal(err)
	}
	// The dialer is given a name, so only the resolved address can give it away.
	_, port, _ := strings.Cut(strings.TrimPrefix(s.URL, "http://"), ":")
	_, err = g.dial(t.Context(), "tcp", "localhost:"+port)
	var r *Refused
	if !errors.As(err, &r) || r.Reason != "loopback address" {
		t.Fatalf("dial = %v, want a refusal", err)
	}
	for _, allow := range []string{"localhost", "localhost:" + port, "127.0.0.0/8", "*"} {
		g, err := newGuard([]string{allow, "::1/128"})
		if err != nil {
			t.Fatal(err)
		}
		conn, err := g.dial(t.Context(), "tcp", "localhost:"+port)
		if err != nil {
			t.Errorf("allowed %q: %v", allow, err)
			continue
		}
		conn.Close()
	}
	if _, err := newGuard([]string{"10.0.0.0/99"}); err == nil {
		t.Error("an unreadable CIDR was accepted")
	}
}

func TestDirectConnectionsAreGuarded(t *testing.T) {
	t.Parallel()
	s := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the server was asked") })
	_, port, _ := strings.Cut(strings.TrimPrefix(s.URL, "http://"), ":")
	c := newClient(t, func(o *Options) {
		o.AllowPrivate = nil
		o.Proxy = func(*http.Request) (*url.URL, error) { return nil, nil }
	})
	for _, trust := range []TLS{{}, {CAFile: writeCA(t)}} {
		rt, err := c.transport(get(t, "http://charts.example.org/"), trust)
		if err != nil {
			t.Fatal(err)
		}
		tr, ok := rt.(*http.Transport)
		if !ok || tr.DialContext == nil {
			t.Fatalf("the transport %T dials unguarded", rt)
		}
		_, err = tr.DialContext(t.Context(), "tcp", "localhost:"+port)
		var r *Refused
		if !errors.As(err, &r) {
			t.Errorf("dial gives %v, want a refusal", err)
		}
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	var other *httptest.Server
	var leaked atomic.Value
	other = serve(t, func(w http.ResponseWriter, r *http.Request) {
		for k := range r.Header {
			switch k {
			case "Accept", "User-Agent", "Accept-Encoding", "Referer":
			default:
				leaked.Store(k)
			}
		}
		fmt.Fprint(w, "other")
	})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if user, pass, _ := r.BasicAuth(); user != "u" || pass != "p" {
			w.WriteHeader(401)
			return
		}
		switch r.URL.Path {
		case "/same":
			http.Redirect(w, r, "/end", http.StatusFound)
		case "/other":
			http.Redirect(w, r, other.URL+"/x", http.StatusTemporaryRedirect)
		case "/metadata":
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/iam", http.StatusFound)
		case "/file":
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/nowhere":
			w.WriteHeader(http.StatusFound)
		default:
			fmt.Fprint(w, "end")
		}
	})
	host := strings.TrimPrefix(s.URL, "http://")
	// The user has a login at the other host too; but whoever redirects there
	// must not be able to make use of it.
	c := newClient(t, func(o *Options) {
		o.Credentials = twoHosts{
			oneHost{host, Credential{Username: "u", Password: "p"}},
			oneHost{strings.TrimPrefix(other.URL, "http://"), Credential{Token: "t"}},
		}
	})
	for path, want := range map[string]string{"/same": "end", "/other": "other"} {
		req := get(t, s.URL+path)
		req.Header.Set("X-JFrog-Art-Api", "secret")
		req.Header.Set("Cookie", "secret")
		resp, err := c.Do(t.Context(), req)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		got, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(got) != want {
			t.Errorf("%s gives %q (%d), want %q", path, got, resp.StatusCode, want)
		}
	}
	if h := leaked.Load(); h != nil {
		t.Errorf("header %v went to another host", h)
	}
	for _, path := range []string{"/metadata", "/file", "/loop", "/nowhere"} {
		_, err := c.Do(t.Context(), get(t, s.URL+path))
		var r *Refused
		if !errors.As(err, &r) {
			t.Errorf("%s gives %v, want a refusal", path, err)
		}
	}
}

func TestRedirectFromHTTPSToPlainHTTPIsRefused(t *testing.T) {
	t.Parallel()
	c := newClient(t, func(o *Options) {
		o.Transport = answers(func(r *http.Request) (*http.Response, error) {
			if r.URL.Scheme == "http" {
				t.Error("asked over plain http")
			}
			return answer(302, "", "Location", "http://charts.example.org/index.yaml"), nil
		})
	})
	_, err := c.Do(t.Context(), get(t, "https://charts.example.org/index.yaml"))
	var r *Refused
	if !errors.As(err, &r) {
		t.Fatalf("got %v, want a refusal", err)
	}
}

func TestCredentialsStayOffPlainHTTP(t *testing.T) {
	t.Parallel()
	var sent sync.Map
	c := newClient(t, func(o *Options) {
		o.Credentials = oneHost{"charts.example.org", Credential{Token: "t"}}
		o.Transport = answers(func(r *http.Request) (*http.Response, error) {
			sent.Store(r.URL.Scheme, r.Header.Get("Authorization"))
			return answer(200, ""), nil
		})
	})
	for _, scheme := range []string{"http", "https"} {
		resp, err := c.Do(t.Context(), get(t, scheme+"://charts.example.org/"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	plain, _ := sent.Load("http")
	secure, _ := sent.Load("https")
	if plain != "" || secure != "Bearer t" {
		t.Errorf("sent %q over http and %q over https", plain, secure)
	}
}

func TestProxiedRequestsMayNotNameThisMachine(t *testing.T) {
	t.Parallel()
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "via proxy to %s", r.URL) })
	pu, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, func(o *Options) {
		o.AllowPrivate = nil // the proxy itself was named by the user
		o.Proxy = http.ProxyURL(pu)
	})
	b, err := c.Fetch(t.Context(), "http://charts.example.org/index.yaml", FetchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if data, _ := b.ReadAll(); string(data) != "via proxy to http://charts.example.org/index.yaml" {
		t.Errorf("got %q", data)
	}
	for _, u := range []string{proxy.URL, "http://10.0.0.1/", "http://localhost/", "http://2852039166/"} {
		var r *Refused
		if _, err := c.Fetch(t.Context(), u, FetchOptions{}); !errors.As(err, &r) {
			t.Errorf("%s gives %v, want a refusal", u, err)
		}
	}
}

func TestRetriesAreBounded(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch k := n.Add(1); {
		case r.URL.Path == "/heals" && k == 3:
			fmt.Fprint(w, "well")
		case k == 1: // a broken connection
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				conn.Close()
			}
		default:
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	c := newClient(t, nil)
	b, err := c.Fetch(t.Context(), s.URL+"/heals", FetchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if b.Size != 4 || n.Load() != 3 {
		t.Errorf("%d bytes after %d requests", b.Size, n.Load())
	}
	n.Store(1)
	_, err = c.Fetch(t.Context(), s.URL+"/ill", FetchOptions{})
	var st *Status
	if !errors.As(err, &st) || st.Code != 502 || n.Load() != 4 {
		t.Errorf("got %v after %d requests, want 502 after 3", err, n.Load()-1)
	}
	n.Store(1)
	req := get(t, s.URL+"/post")
	req.Method = http.MethodPost
	resp, err := c.Do(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if n.Load() != 2 {
		t.Errorf("a POST was made %d times", n.Load()-1)
	}
}

func TestBudget(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {})
	c := newClient(t, func(o *Options) { o.Budget = 3 })
	for i := range 5 {
		_, err := c.Fetch(t.Context(), fmt.Sprintf("%s/%d", s.URL, i), FetchOptions{})
		var over *OverBudget
		if got := errors.As(err, &over); got != (i >= 3) {
			t.Errorf("request %d: %v", i, err)
		}
	}
	c.ResetBudget()
	if _, err := c.Fetch(t.Context(), s.URL+"/again", FetchOptions{}); err != nil {
		t.Error(err)
	}
}

func TestConcurrencyPerHostIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		c := newClient(t, func(o *Options) {
			o.Concurrency = 2
			o.Transport = answers(func(r *http.Request) (*http.Response, error) {
				if n := now.Add(1); n > most.Load() {
					most.Store(n)
				}
				defer now.Add(-1)
				<-time.After(time.Second)
				return answer(200, ""), nil
			})
		})
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				if _, err := c.Fetch(t.Context(), fmt.Sprintf("https://a.example.org/%d", i), FetchOptions{}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if most.Load() != 2 {
			t.Errorf("%d requests at once, want 2", most.Load())
		}
	})
}

func TestSilentHostIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, func(o *Options) {
			o.Timeout = 30 * time.Second
			o.Transport = answers(func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			})
		})
		start := time.Now()
		_, err := c.Fetch(t.Context(), "https://hangs.example.org/", FetchOptions{})
		var st *Stalled
		if !errors.As(err, &st) || time.Since(start) != 30*time.Second {
			t.Errorf("got %v after %s, want a stall after 30s", err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = c.Fetch(ctx, "https://hangs.example.org/", FetchOptions{})
		if Unknown(err) != "timed out" {
			t.Errorf("got %v, want the caller's deadline", err)
		}
	})
}

func TestHangingServer(t *testing.T) {
	t.Parallel()
	free := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, "some")
		w.(http.Flusher).Flush()
		<-free
	})
	defer close(free)
	c := newClient(t, func(o *Options) { o.Timeout = 50 * time.Millisecond })
	_, err := c.Fetch(t.Context(), s.URL, FetchOptions{})
	var st *Stalled
	if !errors.As(err, &st) {
		t.Fatalf("got %v, want a stall", err)
	}
}

func TestRateLimitStopsAsking(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		c := newClient(t, func(o *Options) {
			o.Transport = answers(func(r *http.Request) (*http.Response, error) {
				switch asked.Add(1); r.URL.Path {
				case "/last":
					return answer(200, "ok", "RateLimit-Limit", "100", "RateLimit-Remaining", "0", "RateLimit-Reset", "120"), nil
				case "/429":
					return answer(429, "", "Retry-After", "3600"), nil
				}
				return answer(200, "ok"), nil
			})
		})
		fetch := func(path string) error {
			_, err := c.Fetch(t.Context(), "https://r.example.org"+path, FetchOptions{})
			return err
		}
		start := time.Now()
		if err := fetch("/last"); err != nil {
			t.Fatal(err)
		}
		var rl *RateLimited
		if err := fetch("/a"); !errors.As(err, &rl) || !rl.Until.Equal(start.Add(2*time.Minute)) || asked.Load() != 1 {
			t.Fatalf("got %v after %d requests", err, asked.Load())
		}
		time.Sleep(2 * time.Minute) // virtual
		if err := fetch("/a"); err != nil {
			t.Fatal(err)
		}
		if err := fetch("/429"); !errors.As(err, &rl) || !rl.Until.Equal(start.Add(62*time.Minute)) {
			t.Fatalf("got %v", err)
		}
		if err := fetch("/b"); !errors.As(err, &rl) || asked.Load() != 3 {
			t.Fatalf("got %v after %d requests", err, asked.Load())
		}
		if _, err := c.Fetch(t.Context(), "https://other.example.org/", FetchOptions{}); err != nil {
			t.Errorf("another host suffers: %v", err)
		}
		if !strings.Contains(Unknown(rl), `"r.example.org" until `) {
			t.Errorf("reason %q", Unknown(rl))
		}
	})
}

func TestWaitingRequestsHearOfTheLimitToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		c := newClient(t, func(o *Options) {
			o.Concurrency = 1
			o.Transport = answers(func(*http.Request) (*http.Response, error) {
				asked.Add(1)
				<-time.After(time.Second)
				return answer(429, "", "Retry-After", "600"), nil
			})
		})
		var wg sync.WaitGroup
		for i := range 5 {
			wg.Go(func() {
				_, err := c.Fetch(t.Context(), fmt.Sprintf("https://r.example.org/%d", i), FetchOptions{})
				var rl *RateLimited
				if !errors.As(err, &rl) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if asked.Load() != 1 {
			t.Errorf("%d requests", asked.Load())
		}
	})
}

func TestShortWaitIsWaited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		c := newClient(t, func(o *Options) {
			o.Transport = answers(func(r *http.Request) (*http.Response, error) {
				if asked.Add(1) == 1 {
					return answer(429, "", "Retry-After", "1"), nil
				}
				return answer(200, "ok"), nil
			})
		})
		start := time.Now()
		if _, err := c.Fetch(t.Context(), "https://r.example.org/", FetchOptions{}); err != nil {
			t.Fatal(err)
		}
		if time.Since(start) < time.Second || asked.Load() != 2 {
			t.Errorf("%d requests in %s", asked.Load(), time.Since(start))
		}
	})
}

func TestLimitHeaders(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	in := func(d time.Duration) time.Time { return now.Add(d) }
	for name, tc := range map[string]struct {
		code     int
		header   []string
		until    time.Time
		rejected bool
	}{
		"plenty":            {200, []string{"RateLimit-Remaining", "76;w=21600"}, time.Time{}, false},
		"docker hub spent":  {200, []string{"Ratelimit-Limit", "100;w=21600", "Ratelimit-Remaining", "0;w=21600"}, in(15 * time.Minute), false},
		"ietf draft 3":      {200, []string{"RateLimit", "limit=100, remaining=0, reset=50"}, in(50 * time.Second), false},
		"ietf draft 8":      {200, []string{"RateLimit", `"default";r=0;t=30`}, in(30 * time.Second), false},
		"ietf two policies": {200, []string{"RateLimit", `"hour";r=9;t=3000, "day";r=90;t=9`}, in(9 * time.Second), false},
		"github primary":    {403, []string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", fmt.Sprint(in(time.Hour).Unix())}, in(time.Hour), true},
		"github secondary":  {403, []string{"Retry-After", "60"}, in(time.Minute), true},
		"gitlab unix reset": {429, []string{"RateLimit-Remaining", "0", "RateLimit-Reset", fmt.Sprint(in(time.Minute).Unix())}, in(time.Minute), true},
		"milliseconds":      {429, []string{"X-Rate-Limit-Remaining", "0", "X-Rate-Limit-Reset", fmt.Sprint(in(time.Minute).UnixMilli())}, in(time.Minute), true},
		"date":              {503, []string{"Retry-After", in(time.Hour).Format(http.TimeFormat)}, in(time.Hour), true},
		"bare 429":          {429, nil, in(time.Minute), true},
		"bare 403":          {403, nil, time.Time{}, false},
		"bare 503":          {503, nil, time.Time{}, false},
		"absurd":            {429, []string{"Retry-After", "1e300"}, in(24 * time.Hour), true},
		"negative":          {429, []string{"Retry-After", "-5"}, in(time.Minute), true},
		"zero, no reset":    {200, []string{"X-RateLimit-Remaining", "0"}, in(time.Minute), false},
		"reset in the past": {429, []string{"RateLimit-Remaining", "0", "RateLimit-Reset", "1600000000"}, in(time.Minute), true},
	} {
		until, rejected := limit(answer(tc.code, "", tc.header...), now)
		if name == "ietf two policies" {
			tc.until = time.Time{} // neither is spent
		}
		if !until.Equal(tc.until) || rejected != tc.rejected {
			t.Errorf("%s: until %s, rejected %v; want %s, %v", name, until, rejected, tc.until, tc.rejected)
		}
	}
}

func FuzzLimit(f *testing.F) {
	f.Add("10", `"a";r=0;t=1`, "0;w=5", "7")
	f.Fuzz(func(t *testing.T, after, rl, remaining, reset string) {
		now := time.Unix(1_800_000_000, 0)
		until, rejected := limit(answer(429, "", "Retry-After", after, "RateLimit", rl,
			"RateLimit-Remaining", remaining, "RateLimit-Reset", reset), now)
		if !rejected || until.After(now.Add(longestWait)) {
			t.Errorf("until %s, rejected %v", until, rejected)
		}
	})
}

func TestMirrors(t *testing.T) {
	t.Parallel()
	rules, err := newRules([]Mirror{
		{"docker.io", "harbor.corp/hub"},
		{"quay.io", "https://nexus.corp/repository/quay/"},
		{"charts.example.org", "mirror.corp:8443"},
		{"https://charts.example.org/stable", "http://mirror.corp/stable-charts"},
		{"oci://ghcr.io/v2", "https://harbor.corp/v2/ghcr"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for from, want := range map[string]string{
		"https://registry-1.docker.io/v2/library/nginx/tags/list?n=1": "https://harbor.corp/v2/hub/library/nginx/tags/list?n=1",
		"https://index.docker.io/v2/a/b/manifests/1":                  "https://harbor.corp/v2/hub/a/b/manifests/1",
		"https://quay.io/v2/a/tags/list":                              "https://nexus.corp/repository/quay/v2/a/tags/list",
		"https://ghcr.io/v2/a/tags/list":                              "https://harbor.corp/v2/ghcr/a/tags/list",
		"https://charts.example.org/stable/index.yaml":                "http://mirror.corp/stable-charts/index.yaml",
		"https://charts.example.org/stable2/index.yaml":               "https://mirror.corp:8443/stable2/index.yaml",
		"https://charts.example.org:8443/index.yaml":                  "https://charts.example.org:8443/index.yaml",
		"https://example.org/index.yaml":                              "https://example.org/index.yaml",
	} {
		u, err := url.Parse(from)
		if err != nil {
			t.Fatal(err)
		}
		if got := rewrite(rules, u).String(); got != want {
			t.Errorf("%s goes to %s, want %s", from, got, want)
		}
	}
	for _, bad := range []Mirror{{"", "a"}, {"a", ""}, {"a", "ftp://b"}, {"%%", "b"}} {
		if _, err := newRules([]Mirror{bad}); err == nil {
			t.Errorf("%v was accepted", bad)
		}
	}
}

func TestMirrorIsAskedAndMayBePrivate(t *testing.T) {
	t.Parallel()
	var auth atomic.Value
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		auth.Store(r.Header.Get("Authorization"))
		if r.URL.Path != "/copy/index.yaml" {
			w.WriteHeader(404)
			return
		}
		fmt.Fprint(w, "mirrored")
	})
	c := newClient(t, func(o *Options) {
		o.AllowPrivate = nil
		o.Mirrors = []Mirror{{"charts.example.org", s.URL + "/copy"}}
		o.Credentials = oneHost{"charts.example.org", Credential{Token: "secret"}}
	})
	b, err := c.Fetch(t.Context(), "https://charts.example.org/index.yaml", FetchOptions{Header: http.Header{"Authorization": {"Bearer other"}}})
	if err != nil {
		t.Fatal(err)
	}
	if data, _ := b.ReadAll(); string(data) != "mirrored" {
		t.Errorf("got %q", data)
	}
	if auth.Load() != "" {
		t.Errorf("the mirror was sent %q", auth.Load())
	}
	// A mirror that has no copy says nothing about the original.
	_, err = c.Fetch(t.Context(), "https://charts.example.org/none.yaml", FetchOptions{})
	if err == nil || Gone(err) != "" {
		t.Errorf("got %v, which must not be positive evidence", err)
	}
}

func TestOnlyPublicNamesCanBeGone(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"charts.gone.io": true, "charts.gone.io:8443": true, "registry": false, "chartmuseum.tools.svc": false,
		"charts.corp": false, "harbor.local.": false, "git.internal:443": false,
	} {
		err := named(host, &url.Error{Err: &net.OpError{Err: &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}}})
		if got := Gone(err) != ""; got != want {
			t.Errorf("%s gone: %v, want %v (%v)", host, got, want, err)
		}
	}
	for _, dns := range []net.DNSError{{Err: "server misbehaving", IsTemporary: true}, {Err: "timeout", IsTimeout: true, IsNotFound: true}} {
		if err := named("charts.gone.io", &dns); Gone(err) != "" {
			t.Errorf("%v is no evidence", err)
		}
	}
}

func TestReasonsHoldNoSecrets(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	c := newClient(t, func(o *Options) {
		o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		o.Credentials = oneHost{"charts.example.org", Credential{Username: "u", Password: "hunter2"}}
		o.Transport = answers(func(r *http.Request) (*http.Response, error) {
			return nil, &url.Error{Op: "Get", URL: r.URL.String(), Err: errors.New("broken\npipe")}
		})
	})
	_, err := c.Fetch(t.Context(), "https://me:hunter2@charts.example.org/i?token=hunter2", FetchOptions{})
	cred := Credential{Username: "u", Password: "hunter2", Token: "hunter2", Refresh: "hunter2"}
	marshalled, merr := json.Marshal(map[string]any{"c": cred})
	if merr != nil {
		t.Fatal(merr)
	}
	all := strings.Join([]string{Unknown(err), err.Error(), log.String(), string(marshalled),
		fmt.Sprintf("%v %+v %#v %s", cred, cred, cred, &cred)}, "\n")
	if strings.Contains(all, "hunter2") {
		t.Errorf("a secret shows in:\n%s", all)
	}
	if got := Unknown(err); strings.Contains(got, "\n") || !strings.Contains(got, "charts.example.org") {
		t.Errorf("reason %q", got)
	}
	if _, err := c.Fetch(t.Context(), "https://u:hunter2@%zz", FetchOptions{}); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}
