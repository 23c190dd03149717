package httpprobe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
)

// attempt walks the journey once, with cookies of its own, and reports whether
// any server was reached.
func (p *Probe) attempt(ctx context.Context, base *url.URL) (reached bool, err error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return false, err
	}
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotFirstResponseByte: func() { reached = true }})
	for i, s := range p.steps {
		if err := p.walk(ctx, base, s, jar); err != nil {
			return reached, fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return reached, nil
}

func (p *Probe) walk(ctx context.Context, base *url.URL, s step, jar http.CookieJar) error {
	ctx, cancel := context.WithTimeout(ctx, s.Within)
	defer cancel()
	status, body, err := p.fetch(ctx, base, s, jar)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("not done within %s", s.Within)
	}
	if err != nil {
		return err
	}
	if !slices.Contains(s.Status, status) {
		return fmt.Errorf("status %d, want %s", status, strings.Trim(strings.ReplaceAll(fmt.Sprint(s.Status), " ", " or "), "[]"))
	}
	if s.match != nil && !s.match.Match(body) {
		return fmt.Errorf("the body does not match %q", s.Match)
	}
	if s.absent != nil && s.absent.Match(body) {
		return fmt.Errorf("the body matches %q", s.Absent)
	}
	return nil
}

// maxRedirects is how many a step follows.
const maxRedirects = 5

// fetch sends a step's request and follows redirects by itself: each hop that
// leaves the base's host goes through the guarded transport and without the
// step's headers. A redirect that the step expects is its answer.
func (p *Probe) fetch(ctx context.Context, base *url.URL, s step, jar http.CookieJar) (int, []byte, error) {
	target, err := at(base, s.Path)
	if err != nil {
		return 0, nil, err
	}
	method, body := s.Method, s.Body
	for range maxRedirects + 1 {
		req, err := http.NewRequestWithContext(ctx, method, target.String(), strings.NewReader(body))
		if err != nil {
			return 0, nil, err
		}
		transport := p.guarded
		if home := target.Scheme == base.Scheme && target.Host == base.Host; home || p.o.AllowPrivate {
			transport = p.first
			if home {
				for name, values := range s.Headers {
					req.Header[http.CanonicalHeaderKey(name)] = values
				}
				if host := req.Header.Get("Host"); host != "" {
					req.Host = host
				}
			}
		}
		if req.Header.Get("User-Agent") == "" {
			req.Header.Set("User-Agent", "promoter-probe")
		}
		for _, c := range jar.Cookies(target) {
			req.AddCookie(c)
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			return 0, nil, cause(ctx, err)
		}
		jar.SetCookies(target, resp.Cookies())
		next, follow, err := redirect(resp, target, s)
		if err != nil || !follow {
			if err != nil {
				resp.Body.Close()
				return 0, nil, err
			}
			content, err := p.read(resp)
			return resp.StatusCode, content, cause(ctx, err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusTemporaryRedirect && resp.StatusCode != http.StatusPermanentRedirect && method == http.MethodPost {
			method, body = http.MethodGet, ""
		}
		target = next
	}
	return 0, nil, fmt.Errorf("more than %d redirects", maxRedirects)
}

// at is the step's path below the base's.
func at(base *url.URL, path string) (*url.URL, error) {
	relative, err := url.Parse(path)
	if err != nil || path == "" {
		return base, err
	}
	target := base.JoinPath(relative.EscapedPath())
	target.RawQuery = relative.RawQuery
	if !strings.HasPrefix(target.Path, "/") { // cookies match rooted paths only
		target.Path = "/" + target.Path
	}
	return target, nil
}

// cause is the deadline's error where a transport wraps it in its own.
func cause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func redirect(resp *http.Response, from *url.URL, s step) (next *url.URL, follow bool, err error) {
	switch resp.StatusCode {
	case 301, 302, 303, 307, 308:
	default:
		return nil, false, nil
	}
	if slices.Contains(s.Status, resp.StatusCode) {
		return nil, false, nil
	}
	next, err = from.Parse(resp.Header.Get("Location"))
	switch {
	case err != nil || resp.Header.Get("Location") == "":
		return nil, false, fmt.Errorf("status %d to nowhere", resp.StatusCode)
	case next.Scheme != "https" && next.Scheme != "http":
		return nil, false, fmt.Errorf("redirected to a %q address", next.Scheme)
	case next.Scheme == "http" && from.Scheme == "https":
		return nil, false, fmt.Errorf("redirected from https to http, %q", next.Host)
	}
	return next, true, nil
}

func (p *Probe) read(resp *http.Response) ([]byte, error) {
	defer resp.Body.Close()
	content, err := io.ReadAll(io.LimitReader(resp.Body, p.o.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read body: %w", err)
	}
	if int64(len(content)) > p.o.MaxBytes {
		return nil, fmt.Errorf("the body is longer than %d bytes", p.o.MaxBytes)
	}
	return content, nil
}
