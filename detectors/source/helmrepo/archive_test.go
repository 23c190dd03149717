package helmrepo

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"promoter/detectors/source"
)

func TestArchive(t *testing.T) {
	t.Parallel()
	const list = `apiVersion: v1
entries:
  redis:
  - {apiVersion: v2, name: redis, version: 1.0.0, urls: [charts/redis-1.0.0.tgz]}
  - apiVersion: v2
    name: redis
    version: "2.0.0"
    urls:
    - SERVER/elsewhere/redis-2.0.0.tgz
    - https://mirror.example.com/redis-2.0.0.tgz
  - apiVersion: v2
    name: redis
    version: 3.0.0
`
	for shape, index := range map[string]string{
		"block": list,
		"json": `{"apiVersion":"v1","entries":{"redis":[{"apiVersion":"v2","name":"redis","version":"1.0.0","urls":["charts/redis-1.0.0.tgz"]},` +
			`{"apiVersion":"v2","name":"redis","version":"2.0.0","urls":["SERVER/elsewhere/redis-2.0.0.tgz"]},{"apiVersion":"v2","name":"redis","version":"3.0.0"}]}}`,
		"flow": "apiVersion: v1\nentries: {redis: [{apiVersion: v2, name: redis, version: 1.0.0, urls: [charts/redis-1.0.0.tgz]}, " +
			"{apiVersion: v2, name: redis, version: 2.0.0, urls: ['SERVER/elsewhere/redis-2.0.0.tgz']}, {apiVersion: v2, name: redis, version: 3.0.0}]}\n",
	} {
		t.Run(shape, func(t *testing.T) {
			t.Parallel()
			var indexes atomic.Int32
			var server *httptest.Server
			server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/stable/index.yaml":
					indexes.Add(1)
					w.Write([]byte(strings.ReplaceAll(index, "SERVER", server.URL)))
				case "/stable/charts/redis-1.0.0.tgz":
					w.Write([]byte("one"))
				case "/elsewhere/redis-2.0.0.tgz":
					w.Write([]byte("two"))
				default:
					http.NotFound(w, r)
				}
			}))
			defer server.Close()
			s := New(client(t, source.Options{}))
			a := chartsOf(server.URL+"/stable", "redis")[0]
			s.Lookup(t.Context(), chartsOf(server.URL+"/stable", "redis"))
			for version, want := range map[string]string{"1.0.0": "one", "2.0.0": "two"} {
				b, err := s.Archive(t.Context(), a, version, 100)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := b.ReadAll(); err != nil || string(got) != want {
					t.Errorf("%s: got %q, %v", version, got, err)
				}
			}
			for _, version := range []string{"3.0.0", "4.0.0", ""} {
				if b, err := s.Archive(t.Context(), a, version, 100); err == nil {
					t.Errorf("%q: got %v", version, b)
				}
			}
			var large *source.TooLarge
			if _, err := New(client(t, source.Options{})).Archive(t.Context(), a, "1.0.0", 2); !errors.As(err, &large) {
				t.Errorf("an archive that is too large: %v", err)
			}
			if n := indexes.Load(); n != 2 {
				t.Errorf("the index was fetched %d times by two clients", n)
			}
		})
	}
}
