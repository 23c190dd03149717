// Package prometheus asks a server that speaks Prometheus' HTTP API what a
// query was at an instant: Prometheus itself, Thanos, Mimir, VictoriaMetrics.
//
// It refuses to make an answer look better than it is: a warning or a hint of
// the server's travels with the values, an empty vector stays empty, a matrix,
// a string or a histogram is an error, and so is everything that is not the
// API's own JSON. It follows no redirect to another host and sends no
// credentials over plain HTTP unless told to.
package prometheus

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"promoter/promoter/slo"
)

// Options say where the server is and how to speak to it.
type Options struct {
	URL      string      // with a path prefix, if it has one
	Token    string      // bearer token
	User     string      // with Password, instead of a token
	Password string      //
	Headers  http.Header // such as X-Scope-OrgID
	CA       []byte      // PEM, instead of the system's authorities
	// Plain lets credentials go over http, as inside a cluster.
	Plain bool
	// Ready is the path that says whether the server is ready: "/-/ready" if
	// empty; "-" where there is none, as with managed services.
	Ready    string
	Timeout  time.Duration // of one query; 30s
	MaxBytes int64         // of one answer; 4 MiB
}

// Client asks one server. It is safe for concurrent use.
type Client struct {
	api     v1.API
	ready   string // URL, or ""
	http    *http.Client
	timeout time.Duration
}

// New checks the options; it does not speak to the server.
func New(o Options) (*Client, error) {
	base, err := url.Parse(o.URL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("open prometheus %q: not an http or https URL", redacted(o.URL))
	}
	if base.User != nil {
		return nil, fmt.Errorf("open prometheus %q: credentials do not belong into the URL", base.Redacted())
	}
	if o.Token != "" && o.User != "" {
		return nil, fmt.Errorf("open prometheus %q: a token and a user are two identities", o.URL)
	}
	secret := o.Token != "" || o.User != "" || o.Headers.Get("Authorization") != ""
	if secret && base.Scheme == "http" && !o.Plain && !loopback(base.Hostname()) {
		return nil, fmt.Errorf("open prometheus %q: credentials would go over plain http", o.URL)
	}
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 4 << 20
	}
	rt := http.DefaultTransport.(*http.Transport).Clone()
	if len(o.CA) > 0 {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(o.CA) {
			return nil, fmt.Errorf("open prometheus %q: the certificate authority is no PEM certificate", o.URL)
		}
		rt.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	client := &http.Client{
		Transport:     &transport{next: rt, host: base.Host, o: o},
		CheckRedirect: sameHost,
	}
	c, err := api.NewClient(api.Config{Address: strings.TrimSuffix(o.URL, "/"), Client: client})
	if err != nil {
		return nil, fmt.Errorf("open prometheus %q: %w", o.URL, err)
	}
	out := &Client{api: v1.NewAPI(c), http: client, timeout: o.Timeout}
	if o.Ready != "-" {
		path := o.Ready
		if path == "" {
			path = "/-/ready"
		}
		out.ready = base.JoinPath(path).String()
	}
	return out, nil
}

// Sample asks what query was at an instant. The window stands in the query
// already. An instant in the future is an error: its data does not exist yet.
func (c *Client) Sample(ctx context.Context, query string, at time.Time, _ time.Duration) (slo.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if at.After(time.Now().Add(maxSkew)) {
		return slo.Result{}, fmt.Errorf("query prometheus: %s is in the future", at.UTC().Format(time.RFC3339))
	}
	hints := &envelope{}
	value, warnings, err := c.api.Query(context.WithValue(ctx, envelopeKey{}, hints), query, at, v1.WithTimeout(c.timeout))
	if err != nil {
		return slo.Result{}, fmt.Errorf("query prometheus: %w", explain(err))
	}
	if hints.Status != "success" {
		return slo.Result{}, fmt.Errorf("query prometheus: the answer's status is %q", hints.Status)
	}
	r := slo.Result{Warnings: slices.Concat([]string(warnings), hints.Infos)}
	return r, values(&r, value, at)
}

// maxSkew is how far our clock may be behind that of who chose the instant.
const maxSkew = time.Minute

func values(r *slo.Result, v model.Value, at time.Time) error {
	switch v := v.(type) {
	case *model.Scalar:
		r.Values = []slo.Value{{Number: float64(v.Value)}}
		return nil
	case model.Vector:
		for _, s := range v {
			if s == nil || s.Histogram != nil {
				return errors.New("query prometheus: the answer is a histogram, not a number")
			}
			// A server that answers for another time than it was asked for
			// answers another question.
			if d := s.Timestamp.Time().Sub(at); d > time.Second || d < -time.Second {
				return fmt.Errorf("query prometheus: asked for %s, answered for %s", at.UTC().Format(time.RFC3339), s.Timestamp.Time().UTC().Format(time.RFC3339))
			}
			r.Values = append(r.Values, slo.Value{Series: s.Metric.String(), Number: float64(s.Value)})
		}
		return nil
	}
	return fmt.Errorf("query prometheus: the answer is a %s, not an instant vector", v.Type())
}

// Ready says why the server is not ready to answer, or nil. It is nil too
// where the options say that there is no such path.
func (c *Client) Ready(ctx context.Context) error {
	if c.ready == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.ready, nil)
	if err != nil {
		return fmt.Errorf("ask prometheus whether it is ready: %w", err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("ask prometheus whether it is ready: %w", err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("ask prometheus whether it is ready: %s", resp.Status)
	}
	return nil
}

// explain adds the beginning of what a server said beside its status: the
// API's error type keeps it apart.
func explain(err error) error {
	var e *v1.Error
	if errors.As(err, &e) && e.Detail != "" {
		return fmt.Errorf("%w: %.120q", err, e.Detail)
	}
	return err
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// redacted is a URL that could not be read, without what may be a secret.
func redacted(raw string) string {
	if i := strings.LastIndex(raw, "@"); i >= 0 {
		return "…" + raw[i:]
	}
	return raw
}

func sameHost(req *http.Request, via []*http.Request) error {
	if len(via) > 3 {
		return errors.New("too many redirects")
	}
	if first := via[0].URL; req.URL.Scheme != first.Scheme || !strings.EqualFold(hostport(req.URL), hostport(first)) {
		return fmt.Errorf("redirected to another host, %q", req.URL.Host)
	}
	return nil
}

func hostport(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}
