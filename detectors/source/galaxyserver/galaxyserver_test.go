package galaxyserver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"promoter/detectors/source"
	"promoter/promoter"
)

func lookup(t *testing.T, h http.HandlerFunc, name string) promoter.Listing {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := source.NewClient(source.Options{AllowPrivate: []string{"127.0.0.1"}, Timeout: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return New(c).Lookup(t.Context(), []promoter.Artifact{{Kind: promoter.Galaxy, Source: s.URL, Name: name}})[0]
}

// server has one collection of n versions and one role of two, and counts the
// collection's as count.
func server(n, count int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		switch r.URL.Path {
		case "/api/v3/plugin/ansible/content/published/collections/index/community/general/versions/":
			from, _ := strconv.Atoi(q.Get("offset"))
			limit, _ := strconv.Atoi(q.Get("limit"))
			data := []map[string]string{}
			for i := from; i < min(from+limit, n); i++ {
				data = append(data, map[string]string{"version": fmt.Sprintf("1.%d.0", i), "created_at": "2026-01-02T03:04:05.678Z"})
			}
			json.NewEncoder(w).Encode(map[string]any{"meta": map[string]int{"count": count}, "data": data})
		case "/api/v1/roles/":
			switch q.Get("owner__username") + "." + q.Get("name") {
			case "someone.docker":
				fmt.Fprint(w, `{"count":1,"results":[{"id":7,"name":"docker","username":"someone"}]}`)
			case "careless.filter":
				fmt.Fprint(w, `{"count":1,"results":[{"id":7,"name":"docker","username":"someone"}]}`)
			default:
				fmt.Fprint(w, `{"count":0,"results":[]}`)
			}
		case "/api/v1/roles/7/versions/":
			fmt.Fprint(w, `{"count":2,"results":[{"name":"7.4.1","release_date":"2025-01-02T03:04:05Z"},{"name":"7.4.0","release_date":null}]}`)
		default:
			w.WriteHeader(404)
		}
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	l := lookup(t, server(250, 250), "community.general")
	if len(l.Releases) != 250 || l.Unknown != "" || l.Releases[249].Version != "1.249.0" || l.Releases[0].Created.Year() != 2026 || l.Releases[0].FirstSeen.IsZero() {
		t.Errorf("%d releases, unknown %q", len(l.Releases), l.Unknown)
	}
	l = lookup(t, server(1, 1), "someone.docker")
	if len(l.Releases) != 2 || l.Unknown != "" || l.Releases[0].Version != "7.4.1" || l.Releases[0].Created.Year() != 2025 {
		t.Errorf("role: %+v", l)
	}
	l = lookup(t, server(1, 1), "no.such")
	if l.Gone == "" || l.Unknown != "" {
		t.Errorf("absent: %+v", l)
	}
}

func TestDoubtIsUnknown(t *testing.T) {
	t.Parallel()
	whole := server(250, 250)
	for name, tc := range map[string]struct {
		h       http.HandlerFunc
		name    string
		unknown string
	}{
		"fewer than counted": {server(150, 250), "community.general", "counts 250 versions and lists 150"},
		"more than counted":  {server(250, 50), "community.general", "counts 50"},
		"other roles":        {whole, "careless.filter", "other roles"},
		"no name":            {whole, "community", "not a name"},
		"offset is ignored": {func(w http.ResponseWriter, r *http.Request) {
			r.URL.RawQuery = "limit=100"
			whole(w, r)
		}, "community.general", "repeats its pages"},
		"second page gone": {func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("offset") != "0" {
				w.WriteHeader(404)
				return
			}
			whole(w, r)
		}, "community.general", "404"},
		"login page": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, "community.general", "other than versions"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lookup(t, tc.h, tc.name)
			if len(l.Releases) != 0 || l.Gone != "" || !strings.Contains(l.Unknown, tc.unknown) {
				t.Errorf("%d releases, gone %q, unknown %q; want %q", len(l.Releases), l.Gone, l.Unknown, tc.unknown)
			}
		})
	}
}
