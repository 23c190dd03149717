package repo

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/file"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"

	"promoter/gitops"
)

// Auth is what the remote knows us by. Its secrets show in no printed form.
type Auth struct {
	// Username and Password are sent as HTTP basic authentication, which is
	// what forges take tokens in; the name is "x-access-token" when empty.
	Username, Password string
	// Bearer is sent as a bearer token instead.
	Bearer string
	// Key is a private SSH key in PEM, with its passphrase; the user is the
	// URL's, or "git". Without one the SSH agent is asked.
	Key        []byte
	Passphrase string
	// KnownHosts are the files that hosts' keys must be in; default: OpenSSH's.
	KnownHosts []string
}

func (a Auth) String() string { return "credentials (hidden)" }

// GoString hides the secrets from %#v.
func (a Auth) GoString() string { return a.String() }

// TLS is how an https remote is verified.
type TLS struct {
	CAFile            string // certificates trusted beside the system's
	CertFile, KeyFile string // our own
}

// remote is a way to reach the repository, for one exchange.
type remote struct {
	transport transport.Transport
	endpoint  *transport.Endpoint
	auth      transport.AuthMethod
	close     func()
}

// connect chooses the transport and asks for credentials.
func (r *Repo) connect(ctx context.Context) (*remote, error) {
	ep, err := transport.NewEndpoint(r.opt.URL)
	if err != nil {
		return nil, errors.New("read the repository's URL: it is not one")
	}
	var auth Auth
	if r.opt.Auth != nil {
		if auth, err = r.opt.Auth(ctx); err != nil {
			return nil, fmt.Errorf("get credentials: %w", err)
		}
	}
	m := &remote{endpoint: ep, close: func() {}}
	switch ep.Protocol {
	case "file":
		m.transport = file.DefaultClient
	case "http", "https":
		client, err := r.httpClient()
		if err != nil {
			return nil, err
		}
		m.transport, m.close = githttp.NewClient(client), client.CloseIdleConnections
		switch {
		case auth.Bearer != "":
			m.auth = &githttp.TokenAuth{Token: auth.Bearer}
		case auth.Password != "" || auth.Username != "":
			name := auth.Username
			if name == "" {
				name = "x-access-token"
			}
			m.auth = &githttp.BasicAuth{Username: name, Password: auth.Password}
		}
	case "ssh":
		m.transport = gitssh.DefaultClient
		if m.auth, err = sshAuth(ep.User, auth); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("read the repository's URL: scheme %q is not supported", ep.Protocol)
	}
	return m, nil
}

func sshAuth(user string, a Auth) (transport.AuthMethod, error) {
	if user == "" {
		user = "git"
	}
	check, err := gitssh.NewKnownHostsCallback(a.KnownHosts...)
	if err != nil {
		return nil, fmt.Errorf("read known hosts: %w", err)
	}
	if len(a.Key) == 0 {
		agent, err := gitssh.NewSSHAgentAuth(user)
		if err != nil {
			return nil, fmt.Errorf("ask SSH agent: %w", err)
		}
		agent.HostKeyCallback = check
		return agent, nil
	}
	keys, err := gitssh.NewPublicKeys(user, a.Key, a.Passphrase)
	if err != nil {
		return nil, fmt.Errorf("read SSH key: %w", err)
	}
	keys.HostKeyCallback = check
	return keys, nil
}

func (r *Repo) httpClient() (*http.Client, error) {
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:   15 * time.Second,
		ResponseHeaderTimeout: r.opt.Stall,
		ForceAttemptHTTP2:     true,
	}
	if r.opt.TLS != (TLS{}) {
		cfg, err := r.opt.TLS.config()
		if err != nil {
			return nil, err
		}
		t.TLSClientConfig = cfg
	}
	return &http.Client{Transport: &patient{t, r.opt.Stall}}, nil
}

func (t TLS) config() (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
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
	if t.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("read client certificate: %w", err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

// patient ends an answer that makes no progress: git's http.lowSpeedTime.
type patient struct {
	*http.Transport
	stall time.Duration
}

func (p *patient) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	resp, err := p.Transport.RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel(nil)
		return nil, err
	}
	b := &watched{ReadCloser: resp.Body, stall: p.stall, cancel: cancel}
	b.timer = time.AfterFunc(p.stall, func() {
		b.stalled.Store(true)
		cancel(errStalled)
	})
	resp.Body = b
	return resp, nil
}

var errStalled = errors.New("the remote makes no progress")

type watched struct {
	io.ReadCloser
	stall   time.Duration
	timer   *time.Timer
	stalled atomic.Bool
	cancel  context.CancelCauseFunc
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if n > 0 {
		w.timer.Reset(w.stall)
	}
	if err != nil && err != io.EOF && w.stalled.Load() {
		err = errStalled
	}
	return n, err
}

func (w *watched) Close() error {
	w.timer.Stop()
	defer w.cancel(nil)
	return w.ReadCloser.Close()
}

// named turns a transport's error into one that callers can act on, without
// the secrets that a URL may hold.
func named(err error) error {
	switch {
	case errors.Is(err, transport.ErrAuthenticationRequired):
		return fmt.Errorf("%w: the remote wants credentials, or others", gitops.ErrDenied)
	case errors.Is(err, transport.ErrAuthorizationFailed):
		return fmt.Errorf("%w: the remote refuses these credentials", gitops.ErrDenied)
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return fmt.Errorf("%w: no such repository, or not for us", gitops.ErrNotFound)
	}
	var status *githttp.Err
	if errors.As(err, &status) {
		reason := strings.Join(strings.Fields(status.Reason), " ")
		return fmt.Errorf("the remote answers %d: %s", status.StatusCode(), clip(reason, 200))
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		return ue.Err
	}
	return err
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// withoutSecrets is a URL without user info and query.
func withoutSecrets(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme == "" {
		return raw // a path, or user@host:path
	}
	u.User, u.RawQuery = nil, ""
	return u.String()
}
