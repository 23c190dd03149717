// Package alertmanager counts the alerts that fire, and keeps short silences
// for the time of a change, over Alertmanager's API v2.
//
// It refuses to be blinded by its own silences: silenced and inhibited alerts
// count like any other. It refuses to silence broadly: a silence ends within
// 15 minutes unless it is renewed, so that a process that dies lets alerts
// speak again, and it must name one environment or application exactly.
package alertmanager

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"promoter/promoter/slo"
)

// Options say where Alertmanager is and who we are.
type Options struct {
	URL      string // with a path prefix, if it has one
	Token    string // bearer token
	User     string // with Password, instead of a token
	Password string
	Headers  http.Header // such as X-Scope-OrgID
	CA       []byte      // PEM, instead of the system's authorities
	Plain    bool        // credentials may go over http
	Timeout  time.Duration
	MaxBytes int64 // of one answer; 8 MiB
	// CreatedBy signs our silences; with a silence's key it finds them again.
	CreatedBy string // "promoter"
	// Labels are those of which a silence must name one exactly; those that
	// name an environment or an application, if empty.
	Labels []string
	Now    func() time.Time // time.Now if nil
}

// Client speaks to one Alertmanager. It is safe for concurrent use.
type Client struct {
	o    Options
	base *url.URL
	http *http.Client
}

// New checks the options; it does not speak to the server.
func New(o Options) (*Client, error) {
	base, err := url.Parse(o.URL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, errors.New("open alertmanager: its address is not an http or https URL")
	}
	if base.User != nil {
		return nil, fmt.Errorf("open alertmanager %q: credentials do not belong into the URL", base.Redacted())
	}
	secret := o.Token != "" || o.User != "" || o.Headers.Get("Authorization") != ""
	if secret && base.Scheme == "http" && !o.Plain && !loopback(base.Hostname()) {
		return nil, fmt.Errorf("open alertmanager %q: credentials would go over plain http", o.URL)
	}
	if o.Timeout <= 0 {
		o.Timeout = 15 * time.Second
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 8 << 20
	}
	if o.CreatedBy == "" {
		o.CreatedBy = "promoter"
	}
	if len(o.Labels) == 0 {
		o.Labels = []string{"env", "environment", "app", "application", "service", "namespace", "cluster", "tenant"}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	rt := http.DefaultTransport.(*http.Transport).Clone()
	if len(o.CA) > 0 {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(o.CA) {
			return nil, fmt.Errorf("open alertmanager %q: the certificate authority is no PEM certificate", o.URL)
		}
		rt.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	// A redirect may lead to a sign-in page or away with our credentials.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{o: o, base: base, http: &http.Client{Transport: rt, CheckRedirect: stay}}, nil
}

// Alert is one that fires, whether anybody is told or not.
type Alert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	Fingerprint string            `json:"fingerprint"`
	Status      struct {
		State       string   `json:"state"` // active, suppressed or unprocessed
		SilencedBy  []string `json:"silencedBy"`
		InhibitedBy []string `json:"inhibitedBy"`
	} `json:"status"`
}

// Alerts returns the alerts that fire and match all matchers.
func (c *Client) Alerts(ctx context.Context, matchers []Matcher) ([]Alert, error) {
	q := url.Values{"active": {"true"}, "silenced": {"true"}, "inhibited": {"true"}, "unprocessed": {"true"}}
	for _, m := range matchers {
		q.Add("filter", m.String())
	}
	var alerts []Alert
	if err := c.call(ctx, http.MethodGet, "/api/v2/alerts", q, nil, &alerts); err != nil {
		return nil, fmt.Errorf("list alerts: %w", err)
	}
	if alerts == nil { // null is not a list that is empty
		return nil, errors.New("list alerts: the answer is null")
	}
	return alerts, nil
}

// maxAge is how old an instant may be to still mean now.
const maxAge = time.Minute

// maxNotes is how many alerts are named.
const maxNotes = 10

// Sample counts the alerts that fire now and match the query, such as
// namespace="web", severity=~"critical|page". Only now can be asked. An alert
// that always fires, asked for as a sentinel, proves that alerts arrive.
func (c *Client) Sample(ctx context.Context, query string, at time.Time, _ time.Duration) (slo.Result, error) {
	if d := c.o.Now().Sub(at); d > maxAge || d < -maxAge {
		return slo.Result{}, fmt.Errorf("count alerts: only now can be asked, not %s", at.UTC().Format(time.RFC3339))
	}
	matchers, err := ParseMatchers(query)
	if err != nil {
		return slo.Result{}, fmt.Errorf("count alerts: %w", err)
	}
	alerts, err := c.Alerts(ctx, matchers)
	if err != nil {
		return slo.Result{}, err
	}
	r := slo.Result{Values: []slo.Value{{Series: query, Number: float64(len(alerts))}}, NewestAt: at}
	for _, a := range alerts {
		note := a.Labels["alertname"]
		if note == "" {
			note = a.Fingerprint
		}
		if len(a.Status.SilencedBy) > 0 {
			note += " (silenced)"
		}
		r.Notes = append(r.Notes, fmt.Sprintf("%s since %s", note, a.StartsAt.UTC().Format(time.RFC3339)))
	}
	slices.Sort(r.Notes)
	if n := len(r.Notes); n > maxNotes {
		r.Notes = append(r.Notes[:maxNotes], fmt.Sprintf("and %d more", n-maxNotes))
	}
	return r, nil
}

// Ready says why the server is not ready, or nil.
func (c *Client) Ready(ctx context.Context) error {
	if err := c.call(ctx, http.MethodGet, "/-/ready", nil, nil, nil); err != nil {
		return fmt.Errorf("ask alertmanager whether it is ready: %w", err)
	}
	return nil
}

// status is an answer other than 200.
type status struct {
	code int
	text string
}

func (s *status) Error() string { return s.text }

func (c *Client) call(ctx context.Context, method, path string, q url.Values, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	u := c.base.JoinPath(path)
	u.RawQuery = q.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return err
	}
	for name, values := range c.o.Headers {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	switch {
	case c.o.Token != "":
		req.Header.Set("Authorization", "Bearer "+c.o.Token)
	case c.o.User != "":
		req.SetBasicAuth(c.o.User, c.o.Password)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(io.LimitReader(resp.Body, c.o.MaxBytes+1))
	if resp.StatusCode != http.StatusOK {
		return &status{resp.StatusCode, fmt.Sprintf("%s: %.120q", resp.Status, strings.TrimSpace(string(content)))}
	}
	switch {
	case err != nil:
		return fmt.Errorf("read answer: %w", err)
	case int64(len(content)) > c.o.MaxBytes:
		return fmt.Errorf("read answer: longer than %d bytes", c.o.MaxBytes)
	case out == nil:
		return nil
	}
	if err := json.Unmarshal(content, out); err != nil {
		return fmt.Errorf("read answer %.60q: %w", content, err)
	}
	return nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
