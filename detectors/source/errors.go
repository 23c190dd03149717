package source

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Refused says that a request was not made because the user's rules forbid
// it: a private or link-local address, a scheme other than http and https, a
// redirect that leads there.
type Refused struct {
	Host   string // as written in the URL, with its port
	Reason string
}

func (e *Refused) Error() string { return fmt.Sprintf("refused %q: %s", e.Host, e.Reason) }

// RateLimited says that a host wants no more requests before Until.
type RateLimited struct {
	Host  string
	Until time.Time
}

func (e *RateLimited) Error() string {
	return fmt.Sprintf("rate limited by %q until %s", e.Host, e.Until.UTC().Format(time.RFC3339))
}

// OverBudget says that this run has asked a host as often as the user allows.
type OverBudget struct{ Host string }

func (e *OverBudget) Error() string {
	return fmt.Sprintf("request budget for %q is spent", e.Host)
}

// NotFound is positive: the host that was asked answered 404 or 410 itself,
// not a mirror in its place and not another host it redirected to.
type NotFound struct {
	Host string
	Code int
	Path string
	Body []byte // the first 4 KiB of what it said, for its own error codes
}

func (e *NotFound) Error() string {
	return fmt.Sprintf("%q says %d for %q", e.Host, e.Code, e.Path)
}

// NoSuchHost is positive: the name system says that a public name does not
// exist. Names that only exist inside some network never give this error.
type NoSuchHost struct{ Host string }

func (e *NoSuchHost) Error() string { return fmt.Sprintf("no such host %q", e.Host) }

// TooLarge says that a body exceeds the bytes that the caller allows.
type TooLarge struct {
	Host string
	Max  int64
}

func (e *TooLarge) Error() string {
	return fmt.Sprintf("body from %q exceeds %d bytes", e.Host, e.Max)
}

// Denied is a 401 or 403: access needs credentials, or better ones.
type Denied struct {
	Host       string
	Code       int
	Challenges []string // the WWW-Authenticate headers
	URL        *url.URL // the address that denied, after mirrors and redirects
	Sent       bool     // credentials went with the request
}

func (e *Denied) Error() string {
	if e.Sent {
		return fmt.Sprintf("%q denies access with the credentials it was given (%d)", e.Host, e.Code)
	}
	return fmt.Sprintf("%q denies access without credentials (%d)", e.Host, e.Code)
}

// Status is any other answer that is not a success.
type Status struct {
	Host string
	Code int
}

func (e *Status) Error() string {
	return fmt.Sprintf("%q answers %d %s", e.Host, e.Code, strings.ToLower(http.StatusText(e.Code)))
}

// Truncated says that a body broke off, or that its compression is broken.
type Truncated struct {
	Host  string
	Cause error
}

func (e *Truncated) Error() string { return fmt.Sprintf("truncated body from %q: %v", e.Host, e.Cause) }
func (e *Truncated) Unwrap() error { return e.Cause }

// Stalled says that a host made no progress for the client's timeout.
type Stalled struct {
	Host string
	For  time.Duration
}

func (e *Stalled) Error() string { return fmt.Sprintf("no answer from %q for %s", e.Host, e.For) }

// ErrNotCached is the answer in offline mode when nothing was kept.
var ErrNotCached = errors.New("not in the cache")

// Unknown is the reason for promoter.Listing.Unknown: one line without
// secrets (no user info, no query, no header values).
func Unknown(err error) string {
	if err == nil {
		return ""
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "timed out"
	}
	if errors.Is(err, context.Canceled) {
		return "cancelled"
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		// Its text repeats the whole URL, with whatever tokens its query holds.
		return Unknown(ue.Err)
	}
	var line strings.Builder
	for _, r := range err.Error() {
		if r < ' ' || r == 0x7f {
			r = ' '
		}
		line.WriteRune(r)
		if line.Len() > 300 {
			line.WriteString("…")
			break
		}
	}
	return line.String()
}

// Gone is the reason for promoter.Listing.Gone: what err says about the
// artifact's place if that is positive evidence, else empty.
func Gone(err error) string {
	var nf *NotFound
	var nh *NoSuchHost
	switch {
	case errors.As(err, &nf):
		return nf.Error()
	case errors.As(err, &nh):
		return nh.Error()
	}
	return ""
}

// named turns what the transport says about a connection into the errors of
// this package.
func named(host string, err error) error {
	var refused *Refused
	if errors.As(err, &refused) {
		return refused
	}
	var stalled *Stalled
	if errors.As(err, &stalled) {
		return stalled
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		name := (&url.URL{Host: host}).Hostname()
		if dns.IsNotFound && !dns.IsTemporary && !dns.IsTimeout && public(name) {
			return &NoSuchHost{Host: name}
		}
		return fmt.Errorf("look up %q: %s", name, dns.Err)
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	return fmt.Errorf("ask %q: %w", host, err)
}

// public reports whether a name would be known everywhere if it existed:
// "registry.svc" or "charts.corp" may just be invisible from here.
func public(name string) bool {
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return false
	}
	switch name[i+1:] {
	case "local", "localhost", "localdomain", "internal", "intranet", "private", "lan", "home",
		"corp", "svc", "cluster", "test", "example", "invalid", "arpa", "onion":
		return false
	}
	return true
}
