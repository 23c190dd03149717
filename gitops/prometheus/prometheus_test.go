package prometheus

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"promoter/promoter/slo"
)

var at = time.Date(2024, 5, 6, 12, 0, 0, 0, time.UTC)

const vector = `{"status":"success"%s,"data":{"resultType":"vector","result":[%s]}}`

func sample(value string) string {
	return fmt.Sprintf(`{"metric":{"app":"web"},"value":[%d,%q]}`, at.Unix(), value)
}

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func open(t *testing.T, h http.HandlerFunc, change func(*Options)) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	o := Options{URL: s.URL}
	if change != nil {
		change(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Every way in which a server can lie or fail, and the class it must get.
func TestAnswersAndTheirClasses(t *testing.T) {
	t.Parallel()
	gate := slo.Gate{Name: "g", Query: "q", Good: slo.Condition{{Op: "<=", Threshold: 0.01}}}
	for _, test := range []struct {
		name   string
		h      http.HandlerFunc
		change func(*Options)
		want   slo.Class
	}{
		{"good", answer(200, fmt.Sprintf(vector, "", sample("0.001"))), nil, slo.Good},
		{"bad", answer(200, fmt.Sprintf(vector, "", sample("0.5"))), nil, slo.Bad},
		{"scalar", answer(200, fmt.Sprintf(`{"status":"success","data":{"resultType":"scalar","result":[%d,"0"]}}`, at.Unix())), nil, slo.Good},
		{"empty", answer(200, fmt.Sprintf(vector, "", "")), nil, slo.NoData},
		{"NaN", answer(200, fmt.Sprintf(vector, "", sample("NaN"))), nil, slo.NaN},
		{"+Inf", answer(200, fmt.Sprintf(vector, "", sample("+Inf"))), nil, slo.Inf},
		{"-Inf", answer(200, fmt.Sprintf(vector, "", sample("-Inf"))), nil, slo.Inf},
		{"two series", answer(200, fmt.Sprintf(vector, "", sample("0")+","+sample("0"))), nil, slo.Multi},
		{"warnings", answer(200, fmt.Sprintf(vector, `,"warnings":["store-1 is unavailable"]`, sample("0"))), nil, slo.Partial},
		{"infos", answer(200, fmt.Sprintf(vector, `,"infos":["PromQL info: metric might not be a counter"]`, sample("0"))), nil, slo.Partial},
		{"an empty answer with warnings", answer(200, fmt.Sprintf(vector, `,"warnings":["w"]`, "")), nil, slo.Partial},
		{"503", answer(503, "Service Unavailable"), nil, slo.Error},
		{"503 with good data", answer(503, fmt.Sprintf(vector, "", sample("0"))), nil, slo.Error},
		{"401", answer(401, "no"), nil, slo.Error},
		{"422", answer(422, `{"status":"error","errorType":"execution","error":"too many samples"}`), nil, slo.Error},
		{"an error with status 200", answer(200, `{"status":"error","errorType":"timeout","error":"query timed out"}`), nil, slo.Error},
		{"no status", answer(200, fmt.Sprintf(`{"data":{"resultType":"vector","result":[%s]}}`, sample("0"))), nil, slo.Error},
		{"HTML", answer(200, "<html><body>Sign in</body></html>"), nil, slo.Error},
		{"empty body", answer(200, ""), nil, slo.Error},
		{"204", answer(204, ""), nil, slo.Error},
		{"null", answer(200, "null"), nil, slo.Error},
		{"a matrix", answer(200, `{"status":"success","data":{"resultType":"matrix","result":[]}}`), nil, slo.Error},
		{"a string", answer(200, fmt.Sprintf(`{"status":"success","data":{"resultType":"string","result":[%d,"0"]}}`, at.Unix())), nil, slo.Error},
		{"a histogram", answer(200, fmt.Sprintf(vector, "", fmt.Sprintf(`{"metric":{},"histogram":[%d,{"count":"1","sum":"0","buckets":[]}]}`, at.Unix()))), nil, slo.Error},
		{"no number", answer(200, fmt.Sprintf(vector, "", sample("many"))), nil, slo.Error},
		{"cut off", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "500")
			io.WriteString(w, fmt.Sprintf(vector, "", sample("0")))
		}, nil, slo.Error},
		{"cut off inside JSON", answer(200, fmt.Sprintf(vector, "", sample("0"))[:60]), nil, slo.Error},
		{"another time than asked", answer(200, fmt.Sprintf(vector, "", fmt.Sprintf(`{"metric":{},"value":[%d,"0"]}`, at.Unix()+3600))), nil, slo.Error},
		{"too long", answer(200, fmt.Sprintf(vector, "", sample("0"))+strings.Repeat(" ", 1000)), func(o *Options) { o.MaxBytes = 999 }, slo.Error},
		{"slow", func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body) // only then does the server notice that the client is gone
			<-r.Context().Done()
		}, func(o *Options) { o.Timeout = 20 * time.Millisecond }, slo.Error},
		{"redirected elsewhere", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://login.example.com/", http.StatusFound)
		}, nil, slo.Error},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := open(t, test.h, test.change)
			result, err := c.Sample(t.Context(), "q", at, 0)
			class, why := slo.Classify(slo.Reading{Slot: slo.Slot{At: at, From: at}, Value: slo.Answer{Result: result, Err: err}}, gate)
			if class != test.want {
				t.Errorf("got %s (%s; %v), want %s", class, why, err, test.want)
			}
		})
	}
}

func TestConnectionRefusedIsAnError(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(answer(200, ""))
	c, err := New(Options{URL: s.URL})
	s.Close()
	if err != nil {
		t.Fatal(err)
	}
	if r, err := c.Sample(t.Context(), "q", at, 0); err == nil {
		t.Errorf("got %+v", r)
	}
	if c.Ready(t.Context()) == nil {
		t.Error("a server that is gone is ready")
	}
}

func TestRequest(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*Options)
		want   string
	}{
		"token":    {func(o *Options) { o.Token = "secret" }, `POST /api/v1/query up{a="b"} 1714996800 org="" auth="Bearer secret"`},
		"password": {func(o *Options) { o.User, o.Password = "me", "pass" }, `POST /api/v1/query up{a="b"} 1714996800 org="" auth="Basic bWU6cGFzcw=="`},
		"header":   {func(o *Options) { o.Headers = http.Header{"x-scope-orgid": {"acme"}} }, `POST /api/v1/query up{a="b"} 1714996800 org="acme" auth=""`},
		"prefix":   {func(o *Options) { o.URL += "/prefix/" }, `POST /prefix/api/v1/query up{a="b"} 1714996800 org="" auth=""`},
	} {
		var got string
		c := open(t, func(w http.ResponseWriter, r *http.Request) {
			r.ParseForm()
			got = fmt.Sprintf("%s %s %s %s org=%q auth=%q", r.Method, r.URL.Path, r.Form.Get("query"), r.Form.Get("time"),
				r.Header.Get("X-Scope-OrgID"), r.Header.Get("Authorization"))
			fmt.Fprintf(w, vector, "", sample("1"))
		}, test.change)
		r, err := c.Sample(t.Context(), `up{a="b"}`, at, 0)
		if got != test.want || err != nil || len(r.Values) != 1 || r.Values[0].Series != `{app="web"}` {
			t.Errorf("%s: %s, %+v %v; want %s", name, got, r, err, test.want)
		}
	}
}

func TestReady(t *testing.T) {
	t.Parallel()
	h := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/-/ready" {
			w.WriteHeader(503)
		}
	}
	if err := open(t, h, nil).Ready(t.Context()); err != nil {
		t.Errorf("ready: %v", err)
	}
	if err := open(t, h, func(o *Options) { o.Ready = "/ready" }).Ready(t.Context()); err == nil {
		t.Error("503 is ready")
	}
	if err := open(t, h, func(o *Options) { o.Ready = "-" }).Ready(t.Context()); err != nil {
		t.Errorf("no such path: %v", err)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(answer(200, fmt.Sprintf(vector, "", sample("1"))))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // a refused handshake is expected
	s.StartTLS()
	t.Cleanup(s.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	trusted, err := New(Options{URL: s.URL, CA: ca, Token: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := trusted.Sample(t.Context(), "q", at, 0); err != nil || len(r.Values) != 1 || r.Values[0].Number != 1 {
		t.Errorf("trusted: %+v %v", r, err)
	}
	if untrusted, _ := New(Options{URL: s.URL}); untrusted != nil {
		if r, err := untrusted.Sample(t.Context(), "q", at, 0); err == nil {
			t.Errorf("an unknown authority: %+v", r)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for why, o := range map[string]Options{
		"not an http":      {URL: "prometheus:9090"},
		"into the URL":     {URL: "https://me:secret@prometheus.example.com"},
		"over plain http":  {URL: "http://prometheus.example.com", Token: "secret"},
		"two identities":   {URL: "https://prometheus.example.com", Token: "t", User: "u"},
		"no PEM":           {URL: "https://prometheus.example.com", CA: []byte("x")},
		"open prometheus ": {URL: ""},
	} {
		_, err := New(o)
		if err == nil || !strings.Contains(err.Error(), why) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", why, err)
		}
	}
	if _, err := New(Options{URL: "http://prometheus.monitoring.svc", Token: "t", Plain: true}); err != nil {
		t.Errorf("allowed: %v", err)
	}
}

func TestTheFutureIsNotAsked(t *testing.T) {
	t.Parallel()
	c := open(t, answer(200, fmt.Sprintf(vector, "", sample("0"))), nil)
	if r, err := c.Sample(t.Context(), "q", time.Now().Add(time.Hour), 0); err == nil {
		t.Errorf("got %+v", r)
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := open(t, answer(200, fmt.Sprintf(vector, "", sample("0"))), nil)
	if r, err := c.Sample(ctx, "q", at, 0); err == nil {
		t.Errorf("got %+v", r)
	}
}

// A whole judgement over a server that keeps history: a process that starts
// late arrives at the verdict of one that was there all along.
func TestAFreshProcessJudgesTheSame(t *testing.T) {
	t.Parallel()
	ready := at
	c := open(t, func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		var unix int64
		fmt.Sscan(r.Form.Get("time"), &unix)
		v := "0.2"
		if unix < ready.Add(3*time.Minute).Unix() {
			v = "0.1"
		}
		if r.Form.Get("query") == "latency[60s]" && unix >= ready.Add(3*time.Minute).Unix() {
			v = "9"
		}
		fmt.Fprintf(w, vector, "", fmt.Sprintf(`{"metric":{},"value":[%d,%q]}`, unix, v))
	}, nil)
	g := slo.Gate{Name: "latency", Query: "latency[{{window}}]", Good: slo.Condition{{Op: "<", Threshold: 0.5}}, Window: time.Minute}
	ask := func(slots []slo.Slot, err error) []slo.Sample {
		if err != nil {
			t.Fatal(err)
		}
		var out []slo.Sample
		for _, s := range slots {
			result, err := c.Sample(t.Context(), s.Query, s.At, s.Window)
			out = append(out, slo.Read(slo.Reading{Slot: s, Value: slo.Answer{Result: result, Err: err}, Ready: c.Ready(t.Context())}, g))
		}
		return out
	}
	now := ready.Add(6 * time.Minute)
	baseline := ask(g.BaselineSlots(slo.Scope{}, ready.Add(-time.Minute)))
	var kept []slo.Sample
	for tick := ready; !tick.After(now); tick = tick.Add(20 * time.Second) {
		kept = ask(g.Slots(slo.Scope{}, ready, tick))
		kept = append(kept, ask(g.Confirmations(slo.Scope{}, ready, tick, kept))...)
	}
	was, _ := slo.Judge(g, baseline, kept, nil, ready, now)
	fresh := ask(g.Slots(slo.Scope{}, ready, now))
	fresh = append(fresh, ask(g.Confirmations(slo.Scope{}, ready, now, fresh))...)
	is, e := slo.Judge(g, baseline, fresh, nil, ready, now)
	if was != is || e.State != slo.Failed {
		t.Errorf("there all along: %v\nfresh: %v\n%s", was, is, strings.Join(e.Lines(), "\n"))
	}
}
