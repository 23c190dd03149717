package httpprobe

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func probe(t *testing.T, o Options) *Probe {
	t.Helper()
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func page(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func TestSteps(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		h    http.HandlerFunc
		step Step
		note string // of the failure; empty: it goes well
	}{
		{"well", page(200, "hello"), Step{Match: "^hel+o$", Absent: "error"}, ""},
		{"status", page(500, "hello"), Step{}, "status 500, want 200"},
		{"one of two statuses", page(204, ""), Step{Status: []int{200, 204}}, ""},
		{"body does not match", page(200, "an error page"), Step{Match: "hello"}, `does not match "hello"`},
		{"body matches what it must not", page(200, "an error page"), Step{Absent: "error"}, `matches "error"`},
		{"slow", func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, Step{Within: 50 * time.Millisecond}, "not done within 50ms"},
		{"cut off", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "hello")
		}, Step{}, "read body"},
		{"too long", page(200, strings.Repeat("x", 2000)), Step{}, "longer than 1000 bytes"},
		{"post with headers", func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			fmt.Fprint(w, r.Method, r.URL, string(body), r.Header.Get("X-Test"))
		}, Step{Method: "POST", Path: "/a?b=c", Body: "in", Headers: http.Header{"x-test": {"yes"}}, Match: "^POST/a\\?b=cinyes$"}, ""},
		{"head", page(200, ""), Step{Method: "HEAD"}, ""},
		{"redirect at home", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/new" {
				http.Redirect(w, r, "/new", http.StatusMovedPermanently)
			}
			fmt.Fprint(w, r.Header.Get("X-Test"))
		}, Step{Headers: http.Header{"x-test": {"yes"}}, Match: "yes"}, ""},
		{"redirect as the answer", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "http://10.0.0.1/", 302) }, Step{Status: []int{302}}, ""},
		{"redirects for ever", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", 302) }, Step{}, "more than 5 redirects"},
		{"redirect to nowhere", page(302, ""), Step{}, "to nowhere"},
		{"redirect to a file", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "file:///etc/hosts")
			w.WriteHeader(302)
		}, Step{}, `a "file" address`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := probe(t, Options{Steps: []Step{test.step}, Attempts: 2, MaxBytes: 1000})
			r, err := p.Sample(t.Context(), serve(t, test.h), time.Now(), 0)
			if err != nil || len(r.Values) != 1 || !r.Counted || r.Events != 2 {
				t.Fatalf("got %+v %v", r, err)
			}
			want, notes := 1.0, strings.Join(r.Notes, "; ")
			if test.note != "" {
				want = 0
			}
			if r.Values[0].Number != want || !strings.Contains(notes, test.note) || test.note == "" && notes != "" {
				t.Errorf("got %v (%s), want %v (%s)", r.Values[0].Number, notes, want, test.note)
			}
		})
	}
}

func TestJourneyKeepsCookiesWithinAnAttempt(t *testing.T) {
	t.Parallel()
	var visits atomic.Int32
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie("session")
		switch {
		case r.URL.Path == "/login" && err == nil:
			w.WriteHeader(400) // a cookie from an earlier attempt
		case r.URL.Path == "/login":
			http.SetCookie(w, &http.Cookie{Name: "session", Value: fmt.Sprint(visits.Add(1)), Path: "/"})
			http.Redirect(w, r, "/home", http.StatusSeeOther)
		case err != nil || r.Method != http.MethodGet:
			w.WriteHeader(401)
		default:
			fmt.Fprint(w, "welcome ", c.Value)
		}
	})
	p := probe(t, Options{Steps: []Step{{Method: "POST", Path: "/login", Body: "me", Match: "welcome"}, {Path: "/home", Match: "welcome"}}})
	r, err := p.Sample(t.Context(), url, time.Now(), 0)
	if err != nil || r.Values[0].Number != 1 || visits.Load() != 3 {
		t.Errorf("got %+v %v after %d visits", r, err, visits.Load())
	}
}

func TestHalfOfTheAttempts(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	url := serve(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(200 + 300*int(n.Add(1)%2)) })
	p := probe(t, Options{Steps: []Step{{}}, Attempts: 4})
	if r, err := p.Sample(t.Context(), url, time.Now(), 0); err != nil || r.Values[0].Number != 0.5 || r.Events != 4 || len(r.Notes) != 1 {
		t.Errorf("got %+v %v", r, err)
	}
}

func TestUnreachableIsBlindUnlessItCounts(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(page(200, ""))
	s.Close()
	if r, err := probe(t, Options{Steps: []Step{{}}}).Sample(t.Context(), s.URL, time.Now(), 0); err == nil {
		t.Errorf("got %+v", r)
	}
	r, err := probe(t, Options{Steps: []Step{{}}, CountUnreachable: true}).Sample(t.Context(), s.URL, time.Now(), 0)
	if err != nil || r.Values[0].Number != 0 {
		t.Errorf("counted: %+v %v", r, err)
	}
	// A server that was reached once proves that the network is ours to use.
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/b" {
			panic(http.ErrAbortHandler) // closes the connection
		}
	})
	r, err = probe(t, Options{Steps: []Step{{}, {Path: "/b"}}}).Sample(t.Context(), url, time.Now(), 0)
	if err != nil || r.Values[0].Number != 0 {
		t.Errorf("reached: %+v %v", r, err)
	}
}

// The base may be private, because the configuration names it; where a page
// redirects to is not the configuration's choice.
func TestRedirectsIntoPrivateNetworks(t *testing.T) {
	t.Parallel()
	var knocked atomic.Bool
	var leaked atomic.Bool
	inside := serve(t, func(w http.ResponseWriter, r *http.Request) {
		knocked.Store(true)
		leaked.Store(r.Header.Get("X-Key") != "")
	})
	outside := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, inside, 302) })
	o := Options{Steps: []Step{{Headers: http.Header{"X-Key": {"secret"}}}}, Attempts: 1}
	r, err := probe(t, o).Sample(t.Context(), outside, time.Now(), 0)
	if err != nil || r.Values[0].Number != 0 || knocked.Load() || !strings.Contains(r.Notes[0], "private address 127.0.0.1") {
		t.Errorf("got %+v %v, knocked: %v", r, err, knocked.Load())
	}
	o.AllowPrivate = true
	if r, err = probe(t, o).Sample(t.Context(), outside, time.Now(), 0); err != nil || r.Values[0].Number != 1 || !knocked.Load() {
		t.Errorf("allowed: %+v %v", r, err)
	}
	if leaked.Load() {
		t.Error("the step's headers went to another host")
	}
}

func TestPublicAddresses(t *testing.T) {
	t.Parallel()
	for ip, want := range map[string]bool{"8.8.8.8": true, "2606:4700::1": true, "10.1.2.3": false, "127.0.0.1": false, "169.254.169.254": false,
		"192.168.0.1": false, "172.16.0.1": false, "100.64.0.1": false, "0.0.0.0": false, "255.255.255.255": false, "224.0.0.1": false,
		"::1": false, "::ffff:10.0.0.1": false, "fd00::1": false, "fe80::1%eth0": false, "64:ff9b::a00:1": false, "2002:a00:1::": false} {
		if got := public(netip.MustParseAddr(ip)); got != want {
			t.Errorf("%s: public is %v", ip, got)
		}
	}
}

func TestOnlyNowIsProbed(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	p := probe(t, Options{Steps: []Step{{}}, Now: func() time.Time { return now }})
	url := serve(t, page(200, ""))
	for _, by := range []time.Duration{-2 * time.Minute, 2 * time.Minute} {
		if r, err := p.Sample(t.Context(), url, now.Add(by), 0); err == nil {
			t.Errorf("%s: %+v", by, r)
		}
	}
	if _, err := p.Sample(t.Context(), url, now.Add(-30*time.Second), 0); err != nil {
		t.Errorf("just now: %v", err)
	}
}

func TestOurOwnEndIsNoFailure(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	url := serve(t, func(w http.ResponseWriter, r *http.Request) { cancel(); <-r.Context().Done() })
	if r, err := probe(t, Options{Steps: []Step{{}}, CountUnreachable: true}).Sample(ctx, url, time.Now(), 0); err == nil {
		t.Errorf("got %+v", r)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for why, o := range map[string]Options{
		"always goes well":   {},
		"none of GET":        {Steps: []Step{{Method: "DELETE"}}},
		"has no body":        {Steps: []Step{{Body: "x"}}},
		"without a body":     {Steps: []Step{{Method: "HEAD", Match: "x"}}},
		"not relative":       {Steps: []Step{{Path: "https://elsewhere.example.com"}}},
		"read pattern":       {Steps: []Step{{Match: "("}}},
		"no PEM certificate": {Steps: []Step{{}}, CA: []byte("x")},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
	}
	p := probe(t, Options{Steps: []Step{{}}})
	for _, base := range []string{"", "web.example.com", "ftp://web.example.com", "https://me:secret@web.example.com"} {
		if _, err := p.Sample(t.Context(), base, time.Now(), 0); err == nil {
			t.Errorf("%q is probed", base)
		}
	}
}
