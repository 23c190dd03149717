package github

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"promoter/gitops"
)

// GitHub's documentation: "no more than 80 content-generating requests per
// minute and no more than 500 per hour". A secondary limit without Retry-After
// asks for at least a minute, and longer each time.
const (
	perMinute   = 80
	perHour     = 500
	unknownWait = time.Minute
	longestWait = time.Hour       // no answer makes us wait longer
	shortWait   = 3 * time.Second // what is waited for here, once, instead of by the caller
)

// limits is the transport that knows GitHub's patience. It sees 403 and 429
// before go-github does, which in this version takes a 429 for no limit and
// waits for the primary reset, up to an hour, after a secondary limit that
// names no time.
type limits struct {
	base http.RoundTripper
	now  func() time.Time

	mu      sync.Mutex
	until   time.Time // before it nothing is asked
	why     string
	misses  int           // secondary limits in a row that named no time
	content []time.Time   // when content was created, the oldest first
	ahead   time.Duration // how far the server's clock is ahead of ours
	heard   bool
	left    int // calls, until renewed
	renewed time.Time
}

// hear takes from an answer what it says of the server's clock and of what it
// leaves us.
func (l *limits) hear(h http.Header) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at, err := http.ParseTime(h.Get("Date")); err == nil {
		l.ahead, l.heard = at.Sub(l.now()).Round(time.Second), true
	}
	left, err := strconv.Atoi(h.Get("X-RateLimit-Remaining"))
	reset, err2 := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64)
	if err == nil && err2 == nil && h.Get("X-RateLimit-Resource") != "search" {
		l.left, l.renewed = left, time.Unix(reset, 0)
	}
}

// RoundTrip implements http.RoundTripper. Its error is a *gitops.RateLimited
// when the forge asks for patience.
func (l *limits) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := l.enter(req); err != nil {
		return nil, err
	}
	resp, err := l.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	l.hear(resp.Header)
	again, wait, err := l.judge(resp, req.Method)
	if again {
		_ = resp.Body.Close()
		if resp, err = l.repeat(req, wait); err != nil {
			return nil, err
		}
		_, _, err = l.judge(resp, "")
	}
	if err != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	return resp, nil
}

// enter refuses a request while a limit holds.
func (l *limits) enter(req *http.Request) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now().Before(l.until) {
		return &gitops.RateLimited{Until: l.until, Why: l.why}
	}
	if createsContent(req.Method, req.URL.Path) {
		return l.count()
	}
	if req.Method == http.MethodDelete && deletedComment.MatchString(req.URL.Path) {
		// Whether GitHub counts it is not said. It takes away what was counted,
		// and is never refused for our own pace: what is said twice would stay.
		l.content = append(l.content, l.now())
	}
	return nil
}

// spend counts a call that creates content, or refuses it.
func (l *limits) spend() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count()
}

func (l *limits) count() error {
	if err := l.paced(1, perMinute, perHour); err != nil {
		return err
	}
	l.content = append(l.content, l.now())
	return nil
}

// room reports, as an error, that n calls that create content are too many
// now.
func (l *limits) room(n int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.paced(n, perMinute, perHour)
}

// Room implements gitops.Paced. A tenth of what is published is left free.
func (f *Forge) Room(n int) error {
	f.limits.mu.Lock()
	defer f.limits.mu.Unlock()
	return f.limits.paced(n, perMinute*9/10, perHour*9/10)
}

func (l *limits) paced(n, ofMinute, ofHour int) error {
	now := l.now()
	for len(l.content) > 0 && !l.content[0].After(now.Add(-time.Hour)) {
		l.content = l.content[1:]
	}
	wait := func(most int, window time.Duration) error {
		// The call that must have left the window before n more fit.
		i := len(l.content) + n - most - 1
		if i < 0 || i >= len(l.content) || !l.content[i].After(now.Add(-window)) {
			return nil
		}
		return &gitops.RateLimited{Until: l.content[i].Add(window), Why: "our pace of creating content: " + strconv.Itoa(most) + " calls in " + window.String()}
	}
	if err := wait(ofHour, time.Hour); err != nil {
		return err
	}
	return wait(ofMinute, time.Minute)
}

// judge reads an answer for a limit. Again says that a short wait and one
// repetition may do; method is empty when that was tried.
func (l *limits) judge(resp *http.Response, method string) (again bool, wait time.Duration, err error) {
	switch resp.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		// A read is repeated; a write may have happened.
		return method == http.MethodGet, time.Second, nil
	case http.StatusForbidden, http.StatusTooManyRequests:
	default:
		l.mu.Lock()
		defer l.mu.Unlock()
		l.misses = 0
		return false, 0, nil
	}
	why, is := kindOf(resp)
	if !is {
		return false, 0, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	until, named := patience(resp.Header, now, why)
	if !named {
		until = now.Add(unknownWait << min(l.misses, 4))
		l.misses++
	}
	until = capped(now, until)
	if wait := until.Sub(now); wait <= shortWait && method != "" {
		return true, wait, nil
	}
	l.until, l.why = until, why
	return false, 0, &gitops.RateLimited{Until: until, Why: why}
}

// kindOf tells a limit from a permission that is missing.
func kindOf(resp *http.Response) (string, bool) {
	h := resp.Header
	if h.Get("Retry-After") == "" && h.Get("X-RateLimit-Remaining") == "0" {
		return "primary limit", true
	}
	if h.Get("Retry-After") != "" || resp.StatusCode == http.StatusTooManyRequests {
		return "secondary limit", true
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	resp.Body = struct {
		io.Reader
		io.Closer
	}{bytes.NewReader(body), resp.Body}
	text := strings.ToLower(string(body))
	return "secondary limit", err == nil && (strings.Contains(text, "secondary rate limit") || strings.Contains(text, "secondary-rate-limit") || strings.Contains(text, "abuse"))
}

// patience returns until when GitHub asks us to wait, where it says so.
func patience(h http.Header, now time.Time, why string) (time.Time, bool) {
	if v := h.Get("Retry-After"); v != "" {
		if seconds, err := strconv.Atoi(v); err == nil && seconds >= 0 {
			return now.Add(time.Duration(min(seconds, 1<<20)) * time.Second), true
		}
		if at, err := http.ParseTime(v); err == nil {
			return at, true
		}
	}
	if why == "primary limit" {
		if seconds, err := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64); err == nil {
			return time.Unix(seconds, 0), true
		}
	}
	return time.Time{}, false
}

// capped bounds a wait: a clock that is wrong, ours or theirs, must not stop
// us for days, nor make us ask at once again.
func capped(now, until time.Time) time.Time {
	switch {
	case until.Before(now.Add(time.Second)):
		return now.Add(time.Second)
	case until.After(now.Add(longestWait)):
		return now.Add(longestWait)
	}
	return until
}

// repeat sends a request again after a while.
func (l *limits) repeat(req *http.Request, wait time.Duration) (*http.Response, error) {
	if err := pause(req.Context(), wait); err != nil {
		return nil, err
	}
	again := req.Clone(req.Context())
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return nil, err
		}
		again.Body = body
	}
	return l.base.RoundTrip(again)
}

// contentPath are the calls that count as creating content: those that make or
// change pulls, issues, comments, reviews and labels, and merges, of which
// GitHub's documentation says so too.
var contentPath = regexp.MustCompile(`/repos/[^/]+/[^/]+/(pulls(/\d+(/merge|/requested_reviewers|/reviews.*)?)?|issues(/\d+(/.*)?)?|issues/comments/\d+|labels.*)$`)

var deletedComment = regexp.MustCompile(`/repos/[^/]+/[^/]+/issues/comments/\d+$`)

func createsContent(method, path string) bool {
	return method != http.MethodGet && method != http.MethodDelete && contentPath.MatchString(path)
}
