package gitea

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"promoter/gitops"
)

// api is the server's HTTP API.
type api struct {
	base  *url.URL
	token func(context.Context) (string, error)
	http  *http.Client
	now   func() time.Time

	mu    sync.Mutex
	ahead time.Duration // how far the server's clock is ahead of ours
	heard bool
}

// skewless is what two clocks may differ without being told: answers have
// whole seconds, and take some time to come.
const skewless = 3 * time.Second

// hear takes the server's clock from an answer.
func (a *api) hear(h http.Header) {
	at, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.heard, a.ahead = true, at.Sub(a.now()).Round(time.Second)
	if a.ahead.Abs() <= skewless {
		a.ahead = 0
	}
}

// refusal is an answer that is no success and no common error.
type refusal struct {
	status  int
	message string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("the server answered %d: %s", r.status, r.message)
}

// call makes a request and decodes its answer. Reads are repeated once when
// the server has no time.
func (a *api) call(ctx context.Context, method, path string, in, out any) (http.Header, error) {
	header, err := a.once(ctx, method, path, in, out)
	if s := status(err); method == http.MethodGet && (s == http.StatusBadGateway || s == http.StatusServiceUnavailable || s == http.StatusGatewayTimeout) {
		if err := pause(ctx, time.Second); err != nil {
			return nil, err
		}
		header, err = a.once(ctx, method, path, in, out)
	}
	return header, err
}

func (a *api) once(ctx context.Context, method, path string, in, out any) (http.Header, error) {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.base.String()+"/"+path, body)
	if err != nil {
		return nil, err
	}
	token, err := a.token(ctx)
	if err != nil {
		return nil, fmt.Errorf("get a token for %s: %w", a.base.Host, err)
	}
	// net/http takes it off when a redirect leads to another host.
	req.Header.Set("Authorization", "token "+token)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "promoter")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	a.hear(resp.Header)
	data, err := io.ReadAll(io.LimitReader(resp.Body, longest+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > longest:
		return nil, fmt.Errorf("read %s: the answer is longer than %d bytes", path, longest)
	case resp.StatusCode/100 != 2:
		return resp.Header, a.explain(resp, data)
	case out == nil || len(data) == 0:
		return resp.Header, nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return nil, fmt.Errorf("read %s: the answer is not what was expected: %w", path, err)
	}
	return resp.Header, nil
}

// longest is the longest answer that is read.
const longest = 64 << 20

// explain turns an answer into the errors that callers act on.
func (a *api) explain(resp *http.Response, data []byte) error {
	var said struct{ Message string }
	_ = json.Unmarshal(data, &said) // without a message the status says enough
	message := strings.Join(strings.Fields(said.Message), " ")
	if r := []rune(message); len(r) > 300 {
		message = string(r[:300]) + "…"
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests: // the server has no limits; what stands before it may have
		return &gitops.RateLimited{Until: a.patience(resp.Header), Why: "the server's limit"}
	case http.StatusUnauthorized:
		return fmt.Errorf("the token is not accepted: %s", message)
	case http.StatusForbidden:
		return fmt.Errorf("%w: %s", gitops.ErrDenied, message)
	case http.StatusNotFound:
		return fmt.Errorf("%w, or the token may not see it", gitops.ErrNotFound)
	}
	return &refusal{resp.StatusCode, message}
}

// patience returns until when to wait: what Retry-After says, or a minute; an
// hour at most.
func (a *api) patience(h http.Header) time.Time {
	now, wait := a.now(), time.Minute
	if seconds, err := strconv.Atoi(h.Get("Retry-After")); err == nil && seconds > 0 {
		wait = time.Duration(min(seconds, 3600)) * time.Second
	} else if at, err := http.ParseTime(h.Get("Retry-After")); err == nil && at.After(now) {
		wait = min(at.Sub(now), time.Hour)
	}
	return now.Add(wait)
}

// pause waits for a moment; never long enough to hold up a run.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
