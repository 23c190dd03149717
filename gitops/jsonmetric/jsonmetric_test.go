package jsonmetric

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"promoter/promoter/slo"
)

var at = time.Date(2024, 5, 6, 12, 0, 0, 0, time.UTC)

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func TestAnswersAndTheirClasses(t *testing.T) {
	t.Parallel()
	gate := slo.Gate{Name: "g", Query: "q", Good: slo.Condition{{Op: "<=", Threshold: 0.01}}, MinEvents: 10}
	full := Options{Value: "$.data.rate", Events: "$.data.n", Newest: "$.at"}
	for _, test := range []struct {
		name, body string
		o          Options
		want       slo.Class
	}{
		{"good", `{"data":{"rate":0.001,"n":50},"at":"2024-05-06T11:59:30Z"}`, full, slo.Good},
		{"Unix time", `{"data":{"rate":0.001,"n":50},"at":1714996790}`, full, slo.Good},
		{"bad", `{"data":{"rate":"0.5","n":50},"at":1714996790}`, full, slo.Bad},
		{"stale", `{"data":{"rate":0.001,"n":50},"at":"2024-05-06T11:00:00Z"}`, full, slo.Stale},
		{"little traffic", `{"data":{"rate":0.001,"n":3},"at":1714996790}`, full, slo.NoTraffic},
		{"absent", `{"data":{"n":50},"at":1714996790}`, full, slo.NoData},
		{"null", `{"data":{"rate":null,"n":50},"at":1714996790}`, full, slo.NoData},
		{"another shape", `[1,2]`, Options{Value: "$.data"}, slo.NoData},
		{"NaN", `{"data":{"rate":"NaN","n":50},"at":1714996790}`, full, slo.NaN},
		{"Inf", `{"data":{"rate":"+Inf","n":50},"at":1714996790}`, full, slo.Inf},
		{"too large", `{"data":{"rate":1e999,"n":50},"at":1714996790}`, full, slo.Inf},
		{"many", `{"items":[{"n":0},{"n":0}]}`, Options{Value: "$.items[*].n"}, slo.Multi},
		{"true", `{"data":{"rate":true,"n":50},"at":1714996790}`, full, slo.Error},
		{"text", `{"data":{"rate":"fine","n":50},"at":1714996790}`, full, slo.Error},
		{"no count", `{"data":{"rate":0},"at":1714996790}`, full, slo.Error},
		{"no time", `{"data":{"rate":0,"n":50}}`, full, slo.Error},
		{"time in milliseconds", `{"data":{"rate":0,"n":50},"at":1714996790000}`, full, slo.Error},
		{"HTML", `<html>0</html>`, full, slo.Error},
		{"two documents", `{"data":{"rate":0,"n":50},"at":1714996790} {}`, full, slo.Error},
		{"nothing", ``, full, slo.Error},
		{"too long", `{"data":{"rate":0,"n":50},"at":1714996790}` + strings.Repeat(" ", 1000), Options{Value: "$.data.rate", MaxBytes: 500}, slo.Error},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, err := New(test.o)
			if err != nil {
				t.Fatal(err)
			}
			url := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, test.body) })
			result, err := c.Sample(t.Context(), url, at, 0)
			g := gate
			if test.o.Events == "" {
				g.MinEvents = 0
			}
			class, why := slo.Classify(slo.Reading{Slot: slo.Slot{At: at, From: at}, Value: slo.Answer{Result: result, Err: err}}, g)
			if class != test.want {
				t.Errorf("got %s (%s), want %s", class, why, test.want)
			}
		})
	}
}

func TestServersThatFail(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"503":     func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503); io.WriteString(w, `{"v":0}`) },
		"202":     func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(202); io.WriteString(w, `{"v":0}`) },
		"sign-in": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) },
		"cut off": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "99")
			io.WriteString(w, `{"v":0}`)
		},
		"slow": func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	} {
		c, err := New(Options{Value: "$.v", Timeout: 50 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		if r, err := c.Sample(t.Context(), serve(t, h), at, 0); err == nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestHeadersStayOffPlainHTTP(t *testing.T) {
	t.Parallel()
	o := Options{Value: "$.v", Headers: http.Header{"x-api-key": {"secret"}}, Timeout: 50 * time.Millisecond}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Sample(t.Context(), "http://metrics.example.com/", at, 0); err == nil || !strings.Contains(err.Error(), "plain http") {
		t.Errorf("got %v", err)
	}
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"v":%d}`, len(r.Header.Get("X-Api-Key")))
	})
	if r, err := c.Sample(t.Context(), url, at, 0); err != nil || r.Values[0].Number != 6 {
		t.Errorf("got %+v %v", r, err)
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	document, err := decode([]byte(`{"a":{"b c":[10,{"d":11}],"e":{"x":1,"y":2}},"*":5}`))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"$.a['b c'][0]":     "10",
		`$.a["b c"][1].d`:   "11",
		"{$.a['b c'][1].d}": "11",
		"$.a.e.*":           "1 2",
		"$.a.e[*]":          "1 2",
		"$.a['b c'][7]":     "",
		"$.a.nothing.here":  "",
		"$['*']":            "5",
	} {
		p, err := parsePath(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got []string
		for _, v := range p.find(document) {
			got = append(got, fmt.Sprint(v))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", text, got, want)
		}
	}
	for _, text := range []string{"", "a.b", "$..a", "$.", "$.a[", "$.a[-1]", "$.a[1:2]", "$.a[?(@.x)]", "$.a['b]", "$a", "$.a b"} {
		if p, err := parsePath(text); err == nil {
			t.Errorf("%q: read as %v", text, p)
		}
	}
	if _, err := New(Options{}); err == nil {
		t.Error("no path is accepted")
	}
}

func FuzzPath(f *testing.F) {
	f.Add("$.a['b c'][0].*[*]")
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := parsePath(text); err == nil {
			for range p.find(map[string]any{"a": []any{1, map[string]any{}}}) {
			}
		}
	})
}
