package helmrepo

import (
	"compress/gzip"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"promoter/detectors/source"
	"promoter/promoter"

	"github.com/google/go-cmp/cmp"
)

const sample = `apiVersion: v1
entries:
  redis:
  - annotations:
      artifacthub.io/changes: |
        - kind: added
          description: "Something: new"
    apiVersion: v2
    appVersion: 7.4.1
    created: "2024-05-06T07:08:09Z"
    digest: 1f2e3d
    home: https://redis.example.com
    kubeVersion: '>=1.25.0-0'
    name: redis
    urls:
    - charts/redis-2.0.0.tgz
    version: 2.0.0
  - apiVersion: v2
    deprecated: true
    name: redis
    version: 10.1.0
  broken:
  - apiVersion: v2
    appVersion: 1.10
    name: broken
    version: 1.0.0
  empty: []
generated: "2024-05-06T07:08:09Z"
`

func client(t *testing.T, o source.Options) *source.Client {
	t.Helper()
	o.AllowPrivate = []string{"*"}
	c, err := source.NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func chartsOf(url string, names ...string) []promoter.Artifact {
	var list []promoter.Artifact
	for _, n := range names {
		list = append(list, promoter.Artifact{Kind: promoter.Chart, Name: n, Source: url})
	}
	return list
}

func TestLookup(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if r.URL.Path != "/stable/index.yaml" {
			t.Errorf("asked for %s", r.URL)
		}
		w.Write([]byte(sample))
	}))
	defer server.Close()
	now := time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)
	c := client(t, source.Options{Now: func() time.Time { return now }})
	artifacts := chartsOf(server.URL+"/stable", "redis", "broken", "empty", "absent")
	artifacts = append(artifacts, chartsOf(server.URL+"/stable/", "redis")...)
	artifacts = append(artifacts, chartsOf("oci://ghcr.io/x", "redis")...)
	artifacts = append(artifacts, promoter.Artifact{Kind: promoter.Image, Name: "redis", Source: server.URL}, promoter.Artifact{Kind: promoter.Chart, Name: "x"})
	got := New(c).Lookup(context.Background(), artifacts)

	redis := []promoter.Release{
		{Version: "10.1.0", FirstSeen: now, Deprecated: true},
		{Version: "2.0.0", AppVersion: "7.4.1", Digest: "1f2e3d", Created: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC), FirstSeen: now,
			KubeRange: ">=1.25.0-0", Home: "https://redis.example.com", Notes: "- kind: added\n  description: \"Something: new\"\n"},
	}
	for _, i := range []int{0, 4} {
		if d := cmp.Diff(promoter.Listing{Artifact: artifacts[i], Releases: redis, At: now}, got[i]); d != "" {
			t.Errorf("redis (-want +got):\n%s", d)
		}
	}
	for i, want := range map[int]string{
		1: `chart "broken" in the index of ` + server.URL + `/stable: parse entry:`, 2: `chart "empty" has no valid version`,
		5: "not an HTTP(S) URL", 6: "holds no image", 7: "repository is not known",
	} {
		if !strings.Contains(got[i].Unknown, want) || got[i].Gone != "" || got[i].Releases != nil {
			t.Errorf("%v: %+v, want unknown: %s", artifacts[i], got[i], want)
		}
	}
	if want := `chart "absent" is not in the index of ` + server.URL + "/stable"; got[3].Gone != want || got[3].Unknown != "" {
		t.Errorf("absent: %+v, want gone: %s", got[3], want)
	}
	if requests.Load() != 1 {
		t.Errorf("%d requests for one repository", requests.Load())
	}
}

func TestLookupWithoutAnIndex(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	text := func(path, body string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(body)) })
	}
	text("/cut/index.yaml", sample[:strings.Index(sample, "2.0.0.tgz")])
	text("/cutline/index.yaml", sample[:strings.Index(sample, "  broken")])
	text("/cutentry/index.yaml", sample[:strings.Index(sample, "    version: 2.0.0")])
	text("/html/index.yaml", "<!DOCTYPE html><title>Log in</title>")
	text("/other/index.yaml", "apiVersion: v1\nkind: ConfigMap\n")
	text("/none/index.yaml", "apiVersion: v1\n")
	text("/null/index.yaml", "apiVersion: v1\nentries:\ngenerated: \"2024-05-06T07:08:09Z\"\n")
	text("/empty/index.yaml", "")
	text("/blank/index.yaml", "\n\n")
	text("/json/index.yaml", `{"apiVersion":"v1","entries":{"redis":[{"name":"redis","version":"1.0.0"},`)
	mux.HandleFunc("/short/index.yaml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100000")
		w.Write([]byte(sample))
	})
	mux.HandleFunc("/gzip/index.yaml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		var b strings.Builder
		z := gzip.NewWriter(&b)
		z.Write([]byte(sample))
		z.Close()
		w.Write([]byte(b.String()[:b.Len()-12]))
	})
	mux.HandleFunc("/busy/index.yaml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "86400")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	s := New(client(t, source.Options{}))
	for path, want := range map[string]string{
		"cut": "truncated", "cutentry": "truncated", "html": "HTML", "other": "no entries", "none": "no entries", "null": "no entries",
		"empty": "empty", "blank": "no entries", "json": "truncated", "short": "truncated", "gzip": "truncated",
	} {
		got := s.Lookup(context.Background(), chartsOf(server.URL+"/"+path, "redis", "absent"))
		for _, l := range got {
			if !strings.Contains(l.Unknown, want) || l.Gone != "" || l.Releases != nil {
				t.Errorf("%s: %+v, want unknown: %s", path, l, want)
			}
		}
	}
	// Cut between two lines: what is there can be read, what is not may follow.
	got := s.Lookup(context.Background(), chartsOf(server.URL+"/cutline", "redis", "absent"))
	if len(got[0].Releases) != 2 || !strings.Contains(got[1].Unknown, "may be cut off") || got[1].Gone != "" {
		t.Errorf("cut between lines: %+v", got)
	}
	got = s.Lookup(context.Background(), chartsOf(server.URL+"/busy", "redis"))
	if !strings.Contains(got[0].Unknown, "rate limited") || got[0].Gone != "" {
		t.Errorf("429: %+v", got)
	}
}

func TestLookupOfARepositoryThatIsGone(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	s := New(client(t, source.Options{}))
	if got := s.Lookup(context.Background(), chartsOf(server.URL+"/nowhere", "redis")); !strings.Contains(got[0].Gone, "404") || got[0].Unknown != "" {
		t.Errorf("404: %+v", got)
	}
}
