package source

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Options say what a Client may do. The zero value is a careful anonymous
// client whose cache lasts as long as itself.
type Options struct {
	// CacheDir holds answers and first-seen times from run to run. It may be
	// deleted at any time. Empty: a temporary directory, removed by Close.
	CacheDir string
	// CacheBytes bounds the answers kept on disk after Close; default 1 GiB.
	CacheBytes int64
	// Offline makes no request at all: only the cache answers.
	Offline bool
	// AllowPrivate lists what is allowed although it is not public: hosts,
	// host:port, addresses, CIDRs, or "*" for everything.
	AllowPrivate []string
	// Mirrors are asked instead of what they mirror; the longest prefix wins.
	Mirrors []Mirror
	// Concurrency bounds the requests under way per host; default 4.
	Concurrency int
	// Budget bounds the requests per host and run; default 300.
	Budget int
	// Timeout is how long a host may make no progress; default 30 s. A whole
	// request may take ten times as long.
	Timeout time.Duration
	// UserAgent is sent with each request; default "promoter".
	UserAgent string
	// Credentials are asked for each host; nil: anonymous.
	Credentials Credentials
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Proxy chooses a request's proxy; nil: http.ProxyFromEnvironment.
	Proxy func(*http.Request) (*url.URL, error)
	// Transport replaces connections altogether, and with them the guard's
	// check of resolved addresses; for tests. Nil: the guarded default.
	Transport http.RoundTripper
	// Log gets one debug line per request; nil: silent.
	Log *slog.Logger
}

// Client makes all requests of the sources. It is safe for concurrent use.
// Close must be called at the end of a run, or first-seen times are lost.
type Client struct {
	opt   Options
	guard *guard
	rules []rule
	log   *slog.Logger
	now   func() time.Time
	pause time.Duration // before the first retry

	cache *cache
	seen  *seen
	temp  string // removed by Close

	mu      sync.Mutex
	hosts   map[string]*host
	direct  map[string]*http.Transport // by TLS material; guarded
	proxied *http.Transport            // connects to the user's proxy only
	flights map[string]*flight
}

// NewClient checks the options and opens the cache.
func NewClient(o Options) (*Client, error) {
	if o.Concurrency < 0 || o.Budget < 0 || o.Timeout < 0 || o.CacheBytes < 0 {
		return nil, fmt.Errorf("open client: a limit is negative")
	}
	o.Concurrency = cmp.Or(o.Concurrency, 4)
	o.Budget = cmp.Or(o.Budget, 300)
	o.Timeout = cmp.Or(o.Timeout, 30*time.Second)
	o.UserAgent = cmp.Or(o.UserAgent, "promoter")
	o.CacheBytes = cmp.Or(o.CacheBytes, 1<<30)
	c := &Client{
		opt: o, log: o.Log, now: o.Now, pause: 100 * time.Millisecond,
		hosts: map[string]*host{}, direct: map[string]*http.Transport{}, flights: map[string]*flight{},
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.opt.Proxy == nil {
		c.opt.Proxy = http.ProxyFromEnvironment
	}
	var err error
	if c.guard, err = newGuard(o.AllowPrivate); err != nil {
		return nil, err
	}
	if c.rules, err = newRules(o.Mirrors); err != nil {
		return nil, err
	}
	for _, r := range c.rules {
		c.guard.allowHost(hostport(r.to)) // the user named it
	}
	dir := o.CacheDir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "promoter-cache-"); err != nil {
			return nil, fmt.Errorf("make cache: %w", err)
		}
		c.temp = dir
	}
	c.cache = &cache{dir: filepath.Join(dir, "http")}
	c.seen = newSeen(filepath.Join(dir, "seen"))
	return c, nil
}

// Offline reports whether only the cache answers.
func (c *Client) Offline() bool { return c.opt.Offline }

// Now is the client's clock.
func (c *Client) Now() time.Time { return c.now() }

// ResetBudget starts a new run: every host may be asked Budget times again.
// What hosts said about their own limits stays.
func (c *Client) ResetBudget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range c.hosts {
		h.mu.Lock()
		h.spent = 0
		h.mu.Unlock()
	}
}

// Flush writes what must survive the process: the first-seen times.
func (c *Client) Flush() error { return c.seen.flush(c.now()) }

// Close flushes, bounds the cache's size and lets connections go.
func (c *Client) Close() error {
	c.mu.Lock()
	for _, t := range c.direct {
		t.CloseIdleConnections()
	}
	if c.proxied != nil {
		c.proxied.CloseIdleConnections()
	}
	c.mu.Unlock()
	if c.temp != "" {
		return os.RemoveAll(c.temp)
	}
	if err := c.Flush(); err != nil {
		return err
	}
	return errors.Join(c.cache.prune(c.opt.CacheBytes, c.now()), c.seen.prune(c.now()))
}

func (c *Client) host(name string) *host {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.hosts[name]
	if h == nil {
		h = &host{name: name, slots: make(chan struct{}, c.opt.Concurrency)}
		c.hosts[name] = h
	}
	return h
}

// transport chooses the connection for a request. A proxied request connects
// to the proxy alone, which the user named, so the guard of addresses is for
// the direct ones; with one transport for both, a manifest that names the
// proxy's private address would be let through.
func (c *Client) transport(req *http.Request, t TLS) (http.RoundTripper, error) {
	if c.opt.Transport != nil {
		return c.opt.Transport, nil
	}
	proxy, err := c.opt.Proxy(req)
	if err != nil {
		return nil, fmt.Errorf("choose proxy: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if proxy != nil && t == (TLS{}) {
		if c.proxied == nil {
			c.proxied = c.newTransport()
			c.proxied.Proxy = c.opt.Proxy
		}
		return c.proxied, nil
	}
	key := fmt.Sprintf("%q %q %q", t.CAFile, t.CertFile, t.KeyFile)
	if proxy != nil {
		key = "proxy " + key
	}
	if tr := c.direct[key]; tr != nil {
		return tr, nil
	}
	tr := c.newTransport()
	if proxy != nil {
		tr.Proxy = c.opt.Proxy
	} else {
		tr.DialContext = c.guard.dial
	}
	if t != (TLS{}) {
		if tr.TLSClientConfig, err = t.config(); err != nil {
			return nil, err
		}
	}
	c.direct[key] = tr
	return tr, nil
}

func (c *Client) newTransport() *http.Transport {
	return &http.Transport{
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           100,
		MaxIdleConnsPerHost:    c.opt.Concurrency,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 1 << 20,
	}
}

// TLS names the files of a host's own certificates.
type TLS struct{ CAFile, CertFile, KeyFile string }

func (t TLS) config() (*tls.Config, error) {
	var cfg tls.Config
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read CA file: %w", err)
		}
		if cfg.RootCAs, err = x509.SystemCertPool(); err != nil {
			cfg.RootCAs = x509.NewCertPool()
		}
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read CA file %q: no certificate in it", t.CAFile)
		}
	}
	if t.CertFile != "" || t.KeyFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("read client certificate: %w", err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return &cfg, nil
}

// Do makes a request for a web resource: see DoFor.
func (c *Client) Do(ctx context.Context, req *http.Request) (*http.Response, error) {
	return c.DoFor(ctx, Web, req)
}
