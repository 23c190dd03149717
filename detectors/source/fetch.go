package source

import (
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// FetchOptions say how a URL is fetched.
type FetchOptions struct {
	Accept   string
	MaxBytes int64       // of the body, decompressed; default 256 MiB
	Header   http.Header // added to the request; not part of the cache's key
	// MaxAge takes a cached answer that is younger without asking whether it
	// still holds; zero always asks.
	MaxAge time.Duration
	// Purpose says which credentials go with the request; default Web.
	Purpose Purpose
}

// Body is a fetched answer, whole, in a file of the cache. The file is not
// changed afterwards: a newer answer is another file. It stays at least for
// an hour after the cache has a newer one.
type Body struct {
	Path        string
	Size        int64
	FromCache   bool      // the server confirmed it, or was not asked
	At          time.Time // when the server last gave or confirmed it
	ContentType string
	Link        []string // the Link headers, for paging
	URL         *url.URL // what was asked after mirrors, without user info
}

// Open opens the body for reading.
func (b *Body) Open() (*os.File, error) { return os.Open(b.Path) }

// flight is a fetch under way that others for the same URL wait for.
type flight struct {
	done chan struct{}
	body *Body
	err  error
}

// Fetch gets a URL's body through the cache on disk: what is there is asked
// for again with its ETag or date, so that an unchanged answer costs a few
// bytes. In offline mode the cache alone answers, else ErrNotCached. Only an
// answer of 200 that arrived whole is kept: a body shorter than announced or
// of broken compression is a *Truncated error.
//
// Other errors: *Refused, *RateLimited, *OverBudget, *NotFound, *NoSuchHost,
// *Denied, *Status, *TooLarge, *Stalled. Unknown turns any of them into text.
func (c *Client) Fetch(ctx context.Context, rawURL string, o FetchOptions) (*Body, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("read URL: not a URL")
	}
	u.Fragment = ""
	if o.MaxBytes <= 0 {
		o.MaxBytes = 256 << 20
	}
	key := cacheKey(bare(rewrite(c.rules, u)).String(), o.Accept)
	for {
		c.mu.Lock()
		f := c.flights[key]
		if f == nil {
			f = &flight{done: make(chan struct{})}
			c.flights[key] = f
			c.mu.Unlock()
			f.body, f.err = c.fetch(ctx, u, key, o)
			c.mu.Lock()
			delete(c.flights, key)
			c.mu.Unlock()
			close(f.done)
			return f.body, f.err
		}
		c.mu.Unlock()
		select {
		case <-f.done:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if f.err == nil {
			b := *f.body
			return &b, nil
		}
		if !errors.Is(f.err, context.Canceled) && !errors.Is(f.err, context.DeadlineExceeded) {
			return nil, f.err
		}
		// The one that asked gave up; that is no answer to this caller.
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
	}
}

func (c *Client) fetch(ctx context.Context, u *url.URL, key string, o FetchOptions) (*Body, error) {
	have, cached := c.cache.load(key)
	if cached && (c.opt.Offline || o.MaxAge > 0 && c.now().Sub(have.At) < o.MaxAge) {
		if have.Size > o.MaxBytes {
			return nil, &TooLarge{Host: u.Host, Max: o.MaxBytes}
		}
		c.cache.touch(key, c.now())
		return c.cache.body(have, true), nil
	}
	if c.opt.Offline {
		return nil, ErrNotCached
	}
	for n := 1; ; n++ {
		b, err := c.transfer(ctx, u, key, have, o)
		var cut *Truncated
		if errors.As(err, &cut) && n < 2 && ctx.Err() == nil {
			c.log.DebugContext(ctx, "fetch again", "host", u.Host, "error", err)
			continue
		}
		return b, err
	}
}

func (c *Client) transfer(ctx context.Context, u *url.URL, key string, have entry, o FetchOptions) (*Body, error) {
	req := &http.Request{Method: http.MethodGet, URL: u, Header: o.Header.Clone()}
	if req.Header == nil {
		req.Header = http.Header{}
	}
	if o.Accept != "" {
		req.Header.Set("Accept", o.Accept)
	}
	if have.ETag != "" {
		req.Header.Set("If-None-Match", have.ETag)
	}
	if have.LastModified != "" {
		req.Header.Set("If-Modified-Since", have.LastModified)
	}
	resp, err := c.DoFor(ctx, o.Purpose, req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotModified && have.Body != "" {
		have.At = c.now()
		if err := c.cache.store(key, have); err != nil {
			return nil, err
		}
		return c.cache.body(have, true), nil
	}
	if resp.StatusCode != http.StatusOK {
		return nil, StatusError(u, resp)
	}
	if resp.ContentLength > o.MaxBytes {
		return nil, &TooLarge{Host: u.Host, Max: o.MaxBytes}
	}
	e := entry{
		URL: bare(resp.Request.URL).Redacted(), ETag: resp.Header.Get("ETag"), LastModified: resp.Header.Get("Last-Modified"),
		ContentType: resp.Header.Get("Content-Type"), Link: resp.Header.Values("Link"), At: c.now(),
	}
	e.Body, e.Size, err = c.cache.receive(key, func(w io.Writer) (int64, error) { return copyBody(w, u.Host, resp, o.MaxBytes) })
	if err != nil {
		return nil, err
	}
	if err := c.cache.store(key, e); err != nil {
		return nil, err
	}
	return c.cache.body(e, false), nil
}

// copyBody copies a body that must be whole and within max bytes.
func copyBody(w io.Writer, host string, resp *http.Response, max int64) (int64, error) {
	n, err := io.Copy(w, io.LimitReader(resp.Body, max+1))
	var stalled *Stalled
	var corrupt flate.CorruptInputError
	switch {
	case n > max:
		return n, &TooLarge{Host: host, Max: max}
	case err == nil && !resp.Uncompressed && resp.ContentLength >= 0 && n != resp.ContentLength:
		return n, &Truncated{Host: host, Cause: fmt.Errorf("%d of %d bytes", n, resp.ContentLength)}
	case err == nil:
		return n, nil
	case errors.As(err, &stalled), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return n, err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader),
		errors.As(err, &corrupt), broken(err):
		return n, &Truncated{Host: host, Cause: fmt.Errorf("broke off after %d bytes: %w", n, err)}
	}
	var pe *os.PathError
	if errors.As(err, &pe) {
		return n, fmt.Errorf("write cache: %w", err)
	}
	return n, &Truncated{Host: host, Cause: err}
}

// StatusError turns an answer that is no success into the error of its kind.
// The body must still be open, and stays so. asked is the URL before mirrors and redirects.
func StatusError(asked *url.URL, resp *http.Response) error {
	at := resp.Request.URL
	host, code := at.Host, resp.StatusCode
	switch code {
	case http.StatusNotFound, http.StatusGone:
		if sameOrigin(at, asked) || canonicalHost(at.Host) == canonicalHost(asked.Host) {
			said, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10)) // cut short, it says less
			return &NotFound{Host: host, Code: code, Path: clip(at.Path, 120), Body: said}
		}
	case http.StatusUnauthorized, http.StatusForbidden:
		return &Denied{Host: host, Code: code, Challenges: resp.Header.Values("WWW-Authenticate"),
			URL: at, Sent: resp.Request.Header.Get("Authorization") != ""}
	}
	return &Status{Host: host, Code: code}
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// ReadAll reads the whole body into memory; for answers known to be small.
func (b *Body) ReadAll() ([]byte, error) {
	data, err := os.ReadFile(b.Path)
	if err != nil {
		return nil, fmt.Errorf("read cache: %w", err)
	}
	return data, nil
}
