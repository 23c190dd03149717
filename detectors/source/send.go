package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	maxRedirects = 10
	maxTries     = 3
	shortWait    = 2 * time.Second // a host that asks for less is waited for
)

// ErrOffline is the answer to any request in offline mode.
var ErrOffline = errors.New("offline")

// DoFor makes a request. Mirrors are put in place, addresses guarded, the
// host's limits kept. Answers of 5xx and broken connections are tried again a
// few times for GET and HEAD; then the last answer is returned, whatever its
// status. Redirects are followed under the same rules; what identifies the
// user stays behind when the host changes.
//
// Credentials of the purpose are added unless the request carries its own or
// the purpose is Registry, whose callers answer a challenge themselves. The
// body must be closed: until then the request counts as under way.
func (c *Client) DoFor(ctx context.Context, p Purpose, req *http.Request) (*http.Response, error) {
	if c.opt.Offline {
		return nil, ErrOffline
	}
	req = req.Clone(ctx)
	if req.Header == nil {
		req.Header = http.Header{}
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", c.opt.UserAgent)
	}
	var home *url.URL // where the request went first: only there credentials go
	for hop := 0; ; hop++ {
		if to := rewrite(c.rules, req.URL); to != req.URL {
			if !sameOrigin(to, req.URL) {
				// A token of the original host is none of the mirror's business.
				keepHarmless(req.Header)
			}
			req.URL, req.Host = to, ""
		}
		if err := c.guard.checkURL(req.URL); err != nil {
			return nil, err
		}
		asked := req.URL
		if home == nil {
			home = asked
		}
		trust := TLS{}
		if p != Registry {
			cred, err := c.Credential(ctx, p, asked)
			if err != nil {
				return nil, err
			}
			trust.CAFile = cred.TLS.CAFile
			if sameOrigin(asked, home) {
				trust = cred.TLS
				c.authorize(req, cred)
			}
		}
		req.URL = bare(asked)
		resp, err := c.try(ctx, req, trust)
		if err != nil {
			return nil, err
		}
		next, err := redirect(resp)
		if next == nil && err == nil {
			return resp, nil
		}
		drain(resp)
		if err == nil && hop >= maxRedirects {
			err = &Refused{Host: asked.Host, Reason: "too many redirects"}
		}
		if err == nil && asked.Scheme == "https" && next.Scheme == "http" {
			err = &Refused{Host: next.Host, Reason: fmt.Sprintf("redirect from https of %q to plain http", asked.Host)}
		}
		if err == nil && req.Method != http.MethodGet && req.Method != http.MethodHead {
			err = &Refused{Host: next.Host, Reason: fmt.Sprintf("redirect of a %s request by %q", req.Method, asked.Host)}
		}
		if err != nil {
			return nil, err
		}
		again := req.Clone(ctx)
		again.URL, again.Host = next, ""
		if !sameOrigin(next, asked) {
			keepHarmless(again.Header)
		}
		req = again
	}
}

// authorize adds credentials, and never to a request that somebody on the
// way could read: plain http is for this machine alone.
func (c *Client) authorize(req *http.Request, cred Credential) {
	if req.Header.Get("Authorization") != "" || !c.Confidential(req.URL) {
		return
	}
	if u := req.URL.User; u != nil && cred.Empty() {
		cred.Username = u.Username()
		cred.Password, _ = u.Password()
	}
	cred.Apply(req.Header)
}

// Confidential reports whether credentials may be sent to the URL: https, or
// plain http to this machine where the user allowed it.
func (c *Client) Confidential(u *url.URL) bool {
	return u.Scheme == "https" || loopback(u.Hostname()) && c.guard.checkURL(u) == nil
}

// redirect is where an answer sends the request; nil when it does not.
func redirect(resp *http.Response) (*url.URL, error) {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil, nil
	}
	host := resp.Request.URL.Host
	to, err := resp.Request.URL.Parse(resp.Header.Get("Location"))
	if err != nil || resp.Header.Get("Location") == "" {
		return nil, &Refused{Host: host, Reason: "redirect without a readable address"}
	}
	to.User, to.Fragment = nil, ""
	return to, nil
}

func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(hostport(a), hostport(b))
}

// keepHarmless drops every header that may identify the user: a list of what
// may stay, since tokens have many names ("Private-Token", "X-JFrog-Art-Api").
func keepHarmless(h http.Header) {
	for k := range h {
		switch k {
		case "Accept", "User-Agent", "If-None-Match", "If-Modified-Since", "Git-Protocol":
		default:
			delete(h, k)
		}
	}
}

// bare is the URL without user info, which net/http would send on its own.
func bare(u *url.URL) *url.URL {
	v := *u
	v.User = nil
	return &v
}

// try makes one request, several times if need be.
func (c *Client) try(ctx context.Context, req *http.Request, trust TLS) (*http.Response, error) {
	h := c.host(strings.ToLower(req.URL.Host))
	repeatable := (req.Method == http.MethodGet || req.Method == http.MethodHead) && req.Body == nil
	for n := 1; ; n++ {
		start := c.now()
		resp, err := c.once(ctx, h, req, trust)
		last := n >= maxTries || !repeatable
		wait := c.pause<<(2*(n-1)) + rand.N(c.pause)
		switch {
		case err != nil:
			c.log.DebugContext(ctx, "request", "method", req.Method, "host", h.name, "path", req.URL.Path, "error", err)
			if last || !broken(err) {
				return nil, err
			}
		default:
			c.log.DebugContext(ctx, "request", "method", req.Method, "host", h.name, "path", req.URL.Path,
				"status", resp.StatusCode, "took", c.now().Sub(start))
			until, rejected := limit(resp, c.now())
			if rejected {
				drain(resp)
				if wait = until.Sub(c.now()); last || wait > shortWait {
					h.closeUntil(until)
					return nil, &RateLimited{Host: h.name, Until: until}
				}
				break
			}
			h.closeUntil(until)
			if resp.StatusCode < 500 || resp.StatusCode == http.StatusNotImplemented || last {
				return resp, nil
			}
			drain(resp)
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil, context.Cause(ctx)
		}
	}
}

// once makes exactly one request, under the host's limits and the watch of a
// timer that runs out when nothing moves.
func (c *Client) once(ctx context.Context, h *host, req *http.Request, trust TLS) (*http.Response, error) {
	rt, err := c.transport(req, trust)
	if err != nil {
		return nil, err
	}
	if err := h.acquire(ctx, c.opt.Budget, c.now); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	stall := &Stalled{Host: h.name, For: c.opt.Timeout}
	idle := time.AfterFunc(c.opt.Timeout, func() { cancel(stall) })
	whole := time.AfterFunc(10*c.opt.Timeout, func() { cancel(&Stalled{Host: h.name, For: 10 * c.opt.Timeout}) })
	end := sync.OnceFunc(func() {
		idle.Stop()
		whole.Stop()
		cancel(nil)
		h.release()
	})
	resp, err := rt.RoundTrip(req.WithContext(ctx))
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		end()
		return nil, named(h.name, err)
	}
	idle.Reset(c.opt.Timeout)
	resp.Request = req
	resp.Body = &body{ReadCloser: resp.Body, ctx: ctx, idle: idle, timeout: c.opt.Timeout, end: end}
	return resp, nil
}

// body keeps the request's slot and timers until it is read or closed.
type body struct {
	io.ReadCloser
	ctx     context.Context
	idle    *time.Timer
	timeout time.Duration
	end     func()
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == nil {
		b.idle.Reset(b.timeout)
		return n, nil
	}
	if err != io.EOF {
		if cause := context.Cause(b.ctx); cause != nil {
			err = cause
		}
	}
	b.end()
	return n, err
}

func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.end()
	return err
}

// drain reads what little may be left, so that the connection can be used
// again, and closes.
func drain(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
	_ = resp.Body.Close()
}

// broken reports whether a connection broke, as a restarting server or a
// tired load balancer breaks it; asking again is reasonable.
func broken(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		strings.Contains(err.Error(), "GOAWAY") || strings.Contains(err.Error(), "server closed idle connection")
}
