// Package jsonmetric reads a number out of any HTTP endpoint's JSON: the way to
// judge by what no metrics server knows.
//
// It refuses to read a number where none is: a path that is absent is no data,
// a value that is no number is an error, and so are HTML, a redirect, a status
// other than 200 and a body that is cut off or too long. It follows no
// redirect at all, because a sign-in page is no measurement.
package jsonmetric

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"promoter/promoter/slo"
)

// Options say what to read and how to ask. The URL comes with each query.
type Options struct {
	Value    string // path to the number: $.data[0].value, $['error rate'], $.items[*].n
	Events   string // path to how many events it is about; empty: not counted
	Newest   string // path to when it was measured, Unix seconds or RFC 3339; empty: not said
	Headers  http.Header
	CA       []byte // PEM, instead of the system's authorities
	Plain    bool   // headers may go over http
	Timeout  time.Duration
	MaxBytes int64 // of one answer; 1 MiB
}

// Client asks endpoints. It is safe for concurrent use.
type Client struct {
	o                     Options
	value, events, newest path
	http                  *http.Client
}

// New checks the options.
func New(o Options) (*Client, error) {
	c := &Client{o: o}
	for _, p := range []struct {
		text string
		to   *path
	}{{o.Value, &c.value}, {o.Events, &c.events}, {o.Newest, &c.newest}} {
		if p.text == "" {
			continue
		}
		parsed, err := parsePath(p.text)
		if err != nil {
			return nil, err
		}
		*p.to = parsed
	}
	if len(c.value) == 0 && o.Value != "$" {
		return nil, errors.New("open JSON endpoint: no path to the value")
	}
	if c.o.Timeout <= 0 {
		c.o.Timeout = 15 * time.Second
	}
	if c.o.MaxBytes <= 0 {
		c.o.MaxBytes = 1 << 20
	}
	rt := http.DefaultTransport.(*http.Transport).Clone()
	if len(o.CA) > 0 {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(o.CA) {
			return nil, errors.New("open JSON endpoint: the certificate authority is no PEM certificate")
		}
		rt.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	c.http = &http.Client{Transport: rt, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return c, nil
}

// Sample asks a URL, which holds the instant if the endpoint knows the past.
func (c *Client) Sample(ctx context.Context, address string, _ time.Time, _ time.Duration) (slo.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	document, err := c.fetch(ctx, address)
	if err != nil {
		return slo.Result{}, fmt.Errorf("ask JSON endpoint: %w", err)
	}
	var r slo.Result
	for at, v := range c.value.find(document) {
		n, err := numeric(v)
		if err != nil {
			return slo.Result{}, fmt.Errorf("ask JSON endpoint: read %s: %w", at, err)
		}
		r.Values = append(r.Values, slo.Value{Series: at, Number: n})
	}
	if c.o.Events != "" {
		v, err := c.events.only(document)
		if err == nil {
			r.Events, err = numeric(v)
		}
		if err != nil {
			return slo.Result{}, fmt.Errorf("ask JSON endpoint: read the events at %s: %w", c.o.Events, err)
		}
		r.Counted = true
	}
	if c.o.Newest != "" {
		v, err := c.newest.only(document)
		if err == nil {
			r.NewestAt, err = moment(v)
		}
		if err != nil {
			return slo.Result{}, fmt.Errorf("ask JSON endpoint: read the time at %s: %w", c.o.Newest, err)
		}
	}
	return r, nil
}

func (c *Client) fetch(ctx context.Context, address string) (any, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is not an http or https URL", address)
	}
	if len(c.o.Headers) > 0 && u.Scheme == "http" && !c.o.Plain && !loopback(u.Hostname()) {
		return nil, fmt.Errorf("headers, which may be secret, would go over plain http to %q", u.Host)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	for name, values := range c.o.Headers {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s from %s", resp.Status, u.Redacted())
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.o.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if int64(len(body)) > c.o.MaxBytes {
		return nil, fmt.Errorf("read answer: longer than %d bytes", c.o.MaxBytes)
	}
	return decode(body)
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
