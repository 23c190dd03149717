package alertmanager

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"promoter/promoter/slo"
)

var now = time.Date(2030, 5, 6, 12, 0, 0, 0, time.UTC)

// server keeps silences as Alertmanager does: an update in place needs the
// same matchers and, once it is active, the same start; else there is a new id
// and the old one expires.
type server struct {
	sync.Mutex
	now      time.Time
	silences []stored
	writes   []string
	alerts   string
	query    map[string][]string
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.Lock()
	defer s.Unlock()
	switch {
	case r.URL.Path == "/am/api/v2/alerts":
		s.query = r.URL.Query()
		io.WriteString(w, s.alerts)
	case r.URL.Path == "/am/api/v2/silences" && r.Method == http.MethodGet:
		json.NewEncoder(w).Encode(s.listed())
	case r.URL.Path == "/am/api/v2/silences":
		var in stored
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || !in.EndsAt.After(s.now) {
			w.WriteHeader(400)
			return
		}
		i := slices.IndexFunc(s.silences, func(o stored) bool { return o.ID == in.ID })
		if i >= 0 && sameMatchers(s.silences[i].Matchers, in.Matchers) && s.silences[i].StartsAt.Equal(in.StartsAt) {
			s.writes = append(s.writes, "update "+in.ID)
			s.silences[i] = in
		} else {
			if i >= 0 {
				s.silences[i].EndsAt = s.now
			}
			in.ID = fmt.Sprintf("id-%d", len(s.silences)+1)
			s.writes = append(s.writes, "create "+in.ID)
			s.silences = append(s.silences, in)
		}
		fmt.Fprintf(w, `{"silenceID":%q}`, in.ID)
	case strings.HasPrefix(r.URL.Path, "/am/api/v2/silence/") && r.Method == http.MethodDelete:
		id := strings.TrimPrefix(r.URL.Path, "/am/api/v2/silence/")
		for i := range s.silences {
			if s.silences[i].ID == id {
				s.silences[i].EndsAt = s.now
				s.writes = append(s.writes, "expire "+id)
				return
			}
		}
		w.WriteHeader(404)
	default:
		w.WriteHeader(404)
	}
}

func (s *server) listed() []stored {
	out := slices.Clone(s.silences)
	for i := range out {
		state := "active"
		if !out[i].EndsAt.After(s.now) {
			state = "expired"
		}
		out[i].Status = &struct {
			State string `json:"state"`
		}{state}
	}
	return out
}

func start(t *testing.T) (*server, *Client) {
	t.Helper()
	s := &server{now: now, alerts: "[]"}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	c, err := New(Options{URL: h.URL + "/am/", Now: func() time.Time { s.Lock(); defer s.Unlock(); return s.now }})
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

func (s *server) pass(d time.Duration) {
	s.Lock()
	defer s.Unlock()
	s.now = s.now.Add(d)
}

func TestSampleCountsSilencedAlertsToo(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	s.alerts = `[{"labels":{"alertname":"HighErrors"},"startsAt":"2030-05-06T11:58:00Z","status":{"state":"suppressed","silencedBy":["id-1"]}},
		{"labels":{},"fingerprint":"f00","startsAt":"2030-05-06T11:59:00Z","status":{"state":"active"}}]`
	r, err := c.Sample(t.Context(), `{namespace="web", severity=~"critical|page"}`, now, 0)
	if err != nil || len(r.Values) != 1 || r.Values[0].Number != 2 {
		t.Fatalf("got %+v %v", r, err)
	}
	if got := strings.Join(r.Notes, "; "); got != "HighErrors (silenced) since 2030-05-06T11:58:00Z; f00 since 2030-05-06T11:59:00Z" {
		t.Errorf("notes %q", got)
	}
	want := map[string][]string{"active": {"true"}, "silenced": {"true"}, "inhibited": {"true"}, "unprocessed": {"true"}, "filter": {`namespace="web"`, `severity=~"critical|page"`}}
	if fmt.Sprint(s.query) != fmt.Sprint(want) {
		t.Errorf("asked %v, want %v", s.query, want)
	}
}

func TestAnswersAndTheirClasses(t *testing.T) {
	t.Parallel()
	gate := slo.Gate{Name: "alerts", Query: `app="web"`, Language: slo.Matchers, Instant: true, Good: slo.Condition{{Op: "==", Threshold: 0}}, Sentinel: `alertname="Watchdog"`}
	firing := `[{"labels":{"alertname":"A"},"startsAt":"2030-05-06T11:58:00Z"}]`
	for name, test := range map[string]struct {
		alerts, sentinel string
		want             slo.Class
	}{
		"none":                      {"[]", firing, slo.Good},
		"one":                       {firing, firing, slo.Bad},
		"none, and no watchdog":     {"[]", "[]", slo.Blackout},
		"none, and no answer at it": {"[]", "<html>", slo.Blackout},
		"null":                      {"null", firing, slo.Error},
		"HTML":                      {"<html></html>", firing, slo.Error},
		"cut off":                   {"[{", firing, slo.Error},
		"nothing":                   {"", firing, slo.Error},
	} {
		s, c := start(t)
		ask := func(query, alerts string) slo.Answer {
			s.alerts = alerts
			r, err := c.Sample(t.Context(), query, now, 0)
			return slo.Answer{Result: r, Err: err}
		}
		class, why := slo.Classify(slo.Reading{Slot: slo.Slot{At: now, From: now}, Value: ask(gate.Query, test.alerts), Sentinel: ask(gate.Sentinel, test.sentinel)}, gate)
		if class != test.want {
			t.Errorf("%s: got %s (%s), want %s", name, class, why, test.want)
		}
	}
	_, c := start(t)
	if r, err := c.Sample(t.Context(), gate.Query, now.Add(-time.Hour), 0); err == nil {
		t.Errorf("the past: %+v", r)
	}
	if r, err := c.Sample(t.Context(), "", now, 0); err == nil {
		t.Errorf("every alert: %+v", r)
	}
}

func TestServersThatFail(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"503":     func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503); io.WriteString(w, "[]") },
		"sign-in": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) },
		"slow":    func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"too long": func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "[]"+strings.Repeat(" ", 2000))
		},
	} {
		s := httptest.NewServer(h)
		c, err := New(Options{URL: s.URL, Timeout: 50 * time.Millisecond, MaxBytes: 1000})
		if err != nil {
			t.Fatal(err)
		}
		if alerts, err := c.Alerts(t.Context(), nil); err == nil {
			t.Errorf("%s: %v", name, alerts)
		}
		if err := c.Ready(t.Context()); err == nil {
			t.Errorf("%s: it is ready", name)
		}
		if id, err := c.Silence(t.Context(), web(5*time.Minute)); err == nil {
			t.Errorf("%s: silenced as %q", name, id)
		}
		s.Close()
	}
}

func web(d time.Duration) Silence {
	return Silence{Key: "chg-1/production/web", Matchers: []Matcher{Equals("namespace", "web"), {Name: "severity", Value: "info|warning", Regex: true, Equal: true}}, For: d, Comment: "web is being upgraded"}
}

func TestSilenceIsIdempotent(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	do := func(want ...string) {
		t.Helper()
		s.writes = nil
		if _, err := c.Silence(t.Context(), web(10*time.Minute)); err != nil {
			t.Error(err)
		}
		if !slices.Equal(s.writes, want) {
			t.Errorf("writes %q, want %q", s.writes, want)
		}
	}
	do("create id-1")
	do()
	s.pass(2 * time.Minute)
	do()
	s.pass(3 * time.Minute)
	do("update id-1")
	if got := s.silences[0].EndsAt; !got.Equal(s.now.Add(10 * time.Minute)) {
		t.Errorf("renewed until %s", got)
	}
	s.pass(time.Hour) // nobody renewed it: it ended by itself
	do("create id-2")

	// Two at once made two; the next look leaves one.
	twin := s.silences[1]
	twin.ID = "id-3"
	s.silences = append(s.silences, twin)
	do("expire id-3")

	// Somebody lengthened it: the bound is kept.
	s.silences[1].EndsAt = s.now.Add(24 * time.Hour)
	do("update id-2")

	s.writes = nil
	if err := c.Expire(t.Context(), web(0).Key); err != nil || !slices.Equal(s.writes, []string{"expire id-2"}) {
		t.Errorf("expire: %v %q", err, s.writes)
	}
	s.writes = nil
	if err := c.Expire(t.Context(), web(0).Key); err != nil || len(s.writes) != 0 {
		t.Errorf("expire again: %v %q", err, s.writes)
	}
}

func TestOthersSilencesAreLeftAlone(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	ours, err := c.Silence(t.Context(), web(5*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	person, other := s.silences[0], s.silences[0]
	person.ID, person.CreatedBy = "person", "somebody"
	other.ID, other.Comment = "other", "x [another/key]"
	s.silences = append(s.silences, person, other)
	if err := c.Expire(t.Context(), web(0).Key); err != nil {
		t.Fatal(err)
	}
	if want := []string{"create " + ours, "expire " + ours}; !slices.Equal(s.writes, want) {
		t.Errorf("writes %q, want %q", s.writes, want)
	}
}

func TestChangedMatchersReplaceTheSilence(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	if _, err := c.Silence(t.Context(), web(5*time.Minute)); err != nil {
		t.Fatal(err)
	}
	narrow := web(5 * time.Minute)
	narrow.Matchers = []Matcher{Equals("app", "web")}
	id, err := c.Silence(t.Context(), narrow)
	if want := []string{"create id-1", "create id-2", "expire id-1"}; err != nil || id != "id-2" || !slices.Equal(s.writes, want) {
		t.Errorf("got %q %v, writes %q, want %q", id, err, s.writes, want)
	}
}

func TestBroadOrLongSilencesAreRefused(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	for why, change := range map[string]func(*Silence){
		"too much":   func(s *Silence) { s.Matchers = nil },
		"too much 2": func(s *Silence) { s.Matchers = []Matcher{Equals("severity", "critical")} },
		"too much 3": func(s *Silence) { s.Matchers = []Matcher{{Name: "namespace", Value: ".*", Regex: true, Equal: true}} },
		"too much 4": func(s *Silence) { s.Matchers = []Matcher{{Name: "namespace", Value: "web"}} },
		"too much 5": func(s *Silence) { s.Matchers = []Matcher{Equals("namespace", "")} },
		"between":    func(s *Silence) { s.For = 16 * time.Minute },
		"between 2":  func(s *Silence) { s.For = 0 },
		"key":        func(s *Silence) { s.Key = "" },
		"key 2":      func(s *Silence) { s.Key = "a] [b" },
	} {
		x := web(5 * time.Minute)
		change(&x)
		if id, err := c.Silence(t.Context(), x); err == nil || !strings.Contains(err.Error(), strings.Fields(why)[0]) {
			t.Errorf("%s: %q %v", why, id, err)
		}
	}
	if len(s.writes) > 0 {
		t.Errorf("writes %q", s.writes)
	}
}

func TestParseMatchers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`a="b"`:                       `a="b"`,
		`{a="b",c!="d",}`:             `a="b" c!="d"`,
		` a =~ "x|y" , b !~ "z,\"}" `: `a=~"x|y" b!~"z,\"}"`,
	} {
		m, err := ParseMatchers(text)
		var got []string
		for _, x := range m {
			got = append(got, x.String())
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %q %v", text, got, err)
		}
	}
	for _, text := range []string{"", "{}", "a", "a=b", `a="b`, `{a="b"`, `a="b" b="c"`, `a=~"("`, `="b"`, `a=="b"`} {
		if m, err := ParseMatchers(text); err == nil {
			t.Errorf("%q: %v", text, m)
		}
	}
}

func TestMatchersOfOlderServers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"name":"a","value":"b","isRegex":false}`:                 "a=\"b\"",
		`{"name":"a","value":"b","isRegex":false,"isEqual":false}`: "a!=\"b\"",
	} {
		var m Matcher
		if err := json.Unmarshal([]byte(text), &m); err != nil || m.String() != want {
			t.Errorf("%s: %s %v", text, m, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for why, o := range map[string]Options{
		"not an http":     {URL: "alertmanager:9093"},
		"into the URL":    {URL: "https://me:secret@am.example.com"},
		"over plain http": {URL: "http://am.example.com", Token: "secret"},
		"no PEM":          {URL: "https://am.example.com", CA: []byte("x")},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), why) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", why, err)
		}
	}
}

func FuzzParseMatchers(f *testing.F) {
	f.Add(`{a="b",c=~"d|e"}`)
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseMatchers(text)
		if err != nil {
			return
		}
		var parts []string
		for _, x := range m {
			parts = append(parts, x.String())
		}
		again, err := ParseMatchers(strings.Join(parts, ","))
		if err != nil || !slices.Equal(m, again) {
			t.Errorf("%q: %v became %v %v", text, m, again, err)
		}
	})
}

func TestOursAreListedByTheirKeys(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	if _, err := c.Silence(t.Context(), web(5*time.Minute)); err != nil {
		t.Fatal(err)
	}
	person, other := s.silences[0], s.silences[0]
	person.ID, person.CreatedBy = "person", "somebody"
	other.ID, other.Comment = "other", "x [another/key]"
	s.silences = append(s.silences, person, other)
	key := web(0).Key
	held, err := c.Ours(t.Context(), key[:4])
	if err != nil || len(held) != 1 || held[0].Key != key || !held[0].EndsAt.Equal(s.silences[0].EndsAt) {
		t.Errorf("got %+v, %v", held, err)
	}
}
