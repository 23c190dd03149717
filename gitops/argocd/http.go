package argocd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// StatusError is an answer that is a refusal.
type StatusError struct {
	Code    int
	Message string // the server's words, shortened
}

func (e *StatusError) Error() string {
	text := fmt.Sprintf("%d %s", e.Code, http.StatusText(e.Code))
	if e.Message != "" {
		text += fmt.Sprintf(": %q", e.Message)
	}
	return text
}

// api is Argo CD's own API over REST.
type api struct {
	in      Instance
	options Options
	base    *url.URL
	client  *http.Client
	version versionCache
	recent  recent
	roots   roots
}

func newAPI(in Instance, o Options) (*api, error) {
	base, err := url.Parse(in.Server)
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" {
		return nil, errors.New("its address is no http or https URL")
	}
	if base.User != nil {
		return nil, errors.New("its address holds a password: name the token apart")
	}
	if base.Scheme == "http" && !in.Plain && !loopback(base.Hostname()) {
		return nil, errors.New("its address is http, and a token would go over the wire in the clear")
	}
	base.Path = strings.TrimSuffix(base.Path, "/")
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if len(in.CA) > 0 {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(in.CA) {
			return nil, errors.New("its certificate authority holds no certificate")
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return &api{in: in, options: o, base: base, client: &http.Client{
		Transport: transport,
		// A redirect is a login page, or a place that the token is not for.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// send makes one request. The caller closes the body.
func (a *api) send(ctx context.Context, method, path string, query url.Values) (*http.Response, error) {
	return a.sendFor(ctx, method, path, query, "application/json")
}

// sendFor makes one request for an answer of a media type.
func (a *api) sendFor(ctx context.Context, method, path string, query url.Values, accept string) (*http.Response, error) {
	address := *a.base
	address.Path += path
	address.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, address.String(), nil)
	if err != nil {
		return nil, err
	}
	token := ""
	if a.in.Token != nil {
		if token, err = a.in.Token(ctx); err != nil {
			return nil, fmt.Errorf("get the token: %w", err)
		}
		if strings.ContainsFunc(token, unicode.IsControl) {
			return nil, errors.New("the token holds a control character")
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if method != http.MethodGet {
		req.Header.Set("Content-Type", "application/json") // without it every change is refused, one without a body too
	}
	req.Header.Set("Accept", accept)
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }() // it was read as far as it matters
	return nil, refusal(resp, token)
}

// refusal reads the server's words, without the token should it repeat it.
func refusal(resp *http.Response, token string) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 4096)) // half an explanation is one too
	var said struct {
		Message string `json:"message"`
		Error   string `json:"error"`
	}
	_ = json.Unmarshal(body, &said) // a page of HTML explains nothing
	message := said.Message
	if message == "" {
		message = said.Error
	}
	if token != "" {
		message = strings.ReplaceAll(message, token, "[token]")
	}
	if runes := []rune(message); len(runes) > 300 {
		message = string(runes[:300])
	}
	return &StatusError{resp.StatusCode, message}
}

// get reads one answer whole and decodes it.
func (a *api) get(ctx context.Context, path string, query url.Values, into any) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, a.options.Timeout)
	defer cancel()
	resp, err := a.send(ctx, http.MethodGet, path, query)
	if err != nil {
		return time.Time{}, err
	}
	defer func() { _ = resp.Body.Close() }() // it was read whole, or its error is the one that counts
	body, err := io.ReadAll(io.LimitReader(resp.Body, a.options.MaxBody+1))
	if err != nil {
		return time.Time{}, fmt.Errorf("read the answer: %w", err)
	}
	if int64(len(body)) > a.options.MaxBody {
		return time.Time{}, fmt.Errorf("the answer is longer than %d bytes", a.options.MaxBody)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return time.Time{}, fmt.Errorf("decode the answer: %w", err)
	}
	return dated(resp.Header)
}

// body is an answer that is read as it comes: no longer than it may be, and no
// longer in silence than a call may take.
type body struct {
	io.Reader
	max, left int64
	patience  time.Duration
	silent    *time.Timer
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.silent.Reset(b.patience)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("the answer is longer than %d bytes", b.max)
	}
	return n, err
}

// longest is how many times as long as a call a list may take that keeps coming.
const longest = 10

// stream has one answer read as it comes, for what may be very long: the server
// writes it entry by entry.
func (a *api) stream(ctx context.Context, path string, query url.Values, read func(io.Reader) error) (time.Time, error) {
	ctx, stop := context.WithTimeout(ctx, longest*a.options.Timeout)
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silent := time.AfterFunc(a.options.Timeout, func() { cancel(fmt.Errorf("the server has said nothing for %s", a.options.Timeout)) })
	defer silent.Stop()
	resp, err := a.send(ctx, http.MethodGet, path, query)
	if err == nil {
		defer func() { _ = resp.Body.Close() }() // it was read whole, or its error is the one that counts
		err = read(&body{resp.Body, a.options.MaxBody, a.options.MaxBody, a.options.Timeout, silent})
	}
	if err != nil {
		if why := context.Cause(ctx); why != nil && ctx.Err() != nil {
			err = why
		}
		return time.Time{}, err
	}
	return dated(resp.Header)
}

// dated is when the server answered, by its own clock.
func dated(h http.Header) (time.Time, error) {
	at, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return time.Time{}, fmt.Errorf("the answer has no date: %q", h.Get("Date"))
	}
	return at, nil
}
