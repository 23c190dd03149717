package source

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func read(t *testing.T, b *Body) string {
	t.Helper()
	data, err := b.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestFetchAsksAgainWithETag(t *testing.T) {
	t.Parallel()
	var content atomic.Value
	content.Store("one")
	var full atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body := content.Load().(string)
		w.Header().Set("ETag", `"`+body+`"`)
		w.Header().Set("Content-Type", "text/yaml")
		w.Header().Set("Link", `<?page=2>; rel="next"`)
		if r.Header.Get("If-None-Match") == `"`+body+`"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		full.Add(1)
		fmt.Fprint(w, body)
	})
	dir := t.TempDir()
	clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	use := func(o *Options) { o.CacheDir = dir; o.Now = func() time.Time { return clock } }

	first, err := newClient(t, use).Fetch(t.Context(), s.URL, FetchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	clock = clock.Add(time.Hour)
	second, err := newClient(t, use).Fetch(t.Context(), s.URL, FetchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if first.FromCache || !second.FromCache || full.Load() != 1 || read(t, second) != "one" {
		t.Errorf("cached %v then %v, %d full answers", first.FromCache, second.FromCache, full.Load())
	}
	if !second.At.Equal(clock) || second.ContentType != "text/yaml" || len(second.Link) != 1 {
		t.Errorf("second answer %+v", second)
	}
	content.Store("two")
	third, err := newClient(t, use).Fetch(t.Context(), s.URL, FetchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if third.FromCache || read(t, third) != "two" || read(t, first) != "one" || third.Path == first.Path {
		t.Error("a newer answer must be a file of its own")
	}
	clock = clock.Add(time.Minute)
	offline := newClient(t, func(o *Options) { use(o); o.Offline = true })
	fourth, err := offline.Fetch(t.Context(), s.URL, FetchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !fourth.FromCache || !fourth.At.Equal(third.At) || read(t, fourth) != "two" {
		t.Errorf("offline answer %+v", fourth)
	}
	if _, err := offline.Fetch(t.Context(), s.URL+"/never", FetchOptions{}); Unknown(err) != "not in the cache" {
		t.Errorf("got %v", err)
	}
	if _, err := offline.Do(t.Context(), get(t, s.URL)); !errors.Is(err, ErrOffline) {
		t.Errorf("got %v", err)
	}
}

func TestFetchUsesTheDateWhereThereIsNoETag(t *testing.T) {
	t.Parallel()
	const date = "Mon, 05 Jan 2026 10:00:00 GMT"
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-Modified-Since") == date {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Last-Modified", date)
		fmt.Fprint(w, "x")
	})
	c := newClient(t, nil)
	for i := range 2 {
		b, err := c.Fetch(t.Context(), s.URL, FetchOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if b.FromCache != (i == 1) {
			t.Errorf("fetch %d from the cache: %v", i, b.FromCache)
		}
	}
}

func TestMaxAgeDoesNotAsk(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { n.Add(1) })
	clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c := newClient(t, func(o *Options) { o.Now = func() time.Time { return clock } })
	for _, step := range []time.Duration{0, time.Minute, time.Hour} {
		clock = clock.Add(step)
		if _, err := c.Fetch(t.Context(), s.URL, FetchOptions{MaxAge: 10 * time.Minute}); err != nil {
			t.Fatal(err)
		}
	}
	if n.Load() != 2 {
		t.Errorf("asked %d times, want 2", n.Load())
	}
}

// What arrives incomplete must never be kept: half an index looks like a
// repository that lost its newest versions.
func TestIncompleteBodiesAreErrorsAndNeverKept(t *testing.T) {
	t.Parallel()
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	fmt.Fprint(z, strings.Repeat("entries: {}\n", 1000))
	z.Close()
	half := zipped.Bytes()[:zipped.Len()/2]
	flipped := bytes.Clone(zipped.Bytes())
	flipped[len(flipped)-6] ^= 0xff // in the checksum

	hijack := func(raw string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return
			}
			io.WriteString(conn, raw)
			conn.Close()
		}
	}
	for name, h := range map[string]http.HandlerFunc{
		"shorter than announced": hijack("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nentries:"),
		"chunks without an end":  hijack("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nentri\r\n"),
		"half a gzip": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(half)
		},
		"gzip with a wrong checksum": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(flipped)
		},
		"no gzip at all": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			fmt.Fprint(w, "entries: {} # not compressed")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, h)
			dir := t.TempDir()
			c := newClient(t, func(o *Options) { o.CacheDir = dir })
			_, err := c.Fetch(t.Context(), s.URL, FetchOptions{})
			var cut *Truncated
			if !errors.As(err, &cut) {
				t.Fatalf("got %v, want a truncation", err)
			}
			off := newClient(t, func(o *Options) { o.CacheDir = dir; o.Offline = true })
			if _, err := off.Fetch(t.Context(), s.URL, FetchOptions{}); !errors.Is(err, ErrNotCached) {
				t.Errorf("the cache holds it: %v", err)
			}
			filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
				if err == nil && !d.IsDir() {
					t.Errorf("left behind: %s", path)
				}
				return nil
			})
		})
	}
}

func TestHugeBodiesAreCutOff(t *testing.T) {
	t.Parallel()
	var sent atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		const total = 2 << 30
		if r.URL.Path == "/announced" {
			w.Header().Set("Content-Length", strconv.Itoa(total))
		}
		if r.URL.Path == "/bomb" {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			for zero, i := make([]byte, 1<<20), 0; i < 64; i++ {
				z.Write(zero)
			}
			z.Close()
			return
		}
		chunk := make([]byte, 64<<10)
		for n := 0; n < total; n += len(chunk) {
			k, err := w.Write(chunk)
			sent.Add(int64(k))
			if err != nil {
				return
			}
		}
	})
	c := newClient(t, nil)
	for _, path := range []string{"/announced", "/endless", "/bomb"} {
		_, err := c.Fetch(t.Context(), s.URL+path, FetchOptions{MaxBytes: 1 << 20})
		var large *TooLarge
		if !errors.As(err, &large) {
			t.Errorf("%s gives %v, want too large", path, err)
		}
	}
	if sent.Load() > 256<<20 {
		t.Errorf("the server could send %d bytes", sent.Load())
	}
}

func TestSimultaneousFetchesShareOneRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		c := newClient(t, func(o *Options) {
			o.Transport = answers(func(*http.Request) (*http.Response, error) {
				n.Add(1)
				<-time.After(time.Second)
				return answer(200, "x"), nil
			})
		})
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if _, err := c.Fetch(t.Context(), "https://a.example.org/", FetchOptions{}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n.Load() != 1 {
			t.Errorf("%d requests", n.Load())
		}
	})
}

func TestStatusesHaveTheirErrors(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		code, _ := strconv.Atoi(r.URL.Path[1:])
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(code)
	})
	c := newClient(t, nil)
	fetch := func(code int) error {
		_, err := c.Fetch(t.Context(), fmt.Sprintf("%s/%d", s.URL, code), FetchOptions{})
		return err
	}
	var nf *NotFound
	var denied *Denied
	var status *Status
	if err := fetch(404); !errors.As(err, &nf) || Gone(err) == "" {
		t.Error(err)
	}
	if err := fetch(410); !errors.As(err, &nf) {
		t.Error(err)
	}
	if err := fetch(401); !errors.As(err, &denied) || len(denied.Challenges) != 1 || denied.Sent || Gone(err) != "" {
		t.Error(err)
	}
	if err := fetch(418); !errors.As(err, &status) || Gone(err) != "" {
		t.Error(err)
	}
	if err := fetch(204); !errors.As(err, &status) {
		t.Errorf("an answer without content gives %v", err)
	}
}

func TestPruneKeepsWhatWasUsedLast(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, strings.Repeat("x", 10_000)) })
	dir := t.TempDir()
	clock := time.Now()
	use := func(o *Options) {
		o.CacheDir, o.CacheBytes = dir, 25_000
		o.Now = func() time.Time { return clock }
	}
	c := newClient(t, use)
	for i := range 5 {
		if _, err := c.Fetch(t.Context(), fmt.Sprintf("%s/%d", s.URL, i), FetchOptions{}); err != nil {
			t.Fatal(err)
		}
		key := cacheKey(fmt.Sprintf("%s/%d", s.URL, i), "")
		c.cache.touch(key, clock.Add(time.Duration(i)*time.Minute))
	}
	if err := c.cache.prune(25_000, clock); err != nil {
		t.Fatal(err)
	}
	off := newClient(t, func(o *Options) { use(o); o.Offline = true })
	for i := range 5 {
		_, err := off.Fetch(t.Context(), fmt.Sprintf("%s/%d", s.URL, i), FetchOptions{})
		if kept := err == nil; kept != (i >= 3) {
			t.Errorf("entry %d kept: %v", i, kept)
		}
	}
}

func TestDamagedCacheIsNoCache(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"e"`)
		if r.Header.Get("If-None-Match") != "" {
			w.WriteHeader(304)
			return
		}
		fmt.Fprint(w, "content")
	})
	for name, damage := range map[string]func(meta, body string) error{
		"meta cut":  func(meta, _ string) error { return os.WriteFile(meta, []byte(`{"url":`), 0o600) },
		"body gone": func(_, body string) error { return os.Remove(body) },
		"body cut":  func(_, body string) error { return os.Truncate(body, 3) },
		"body named outside": func(meta, _ string) error {
			root := filepath.Dir(filepath.Dir(filepath.Dir(meta))) // of the cache
			if err := os.WriteFile(filepath.Join(filepath.Dir(root), "secret"), []byte("s"), 0o600); err != nil {
				return err
			}
			return os.WriteFile(meta, []byte(`{"etag":"\"e\"","body":"../secret","size":1}`), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, func(o *Options) { o.CacheDir = filepath.Join(t.TempDir(), "a", "b") })
			b, err := c.Fetch(t.Context(), s.URL, FetchOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if err := damage(c.cache.path(cacheKey(s.URL, "")), b.Path); err != nil {
				t.Fatal(err)
			}
			b, err = c.Fetch(t.Context(), s.URL, FetchOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if b.FromCache || read(t, b) != "content" {
				t.Errorf("got %+v", b)
			}
		})
	}
}
