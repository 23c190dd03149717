package source

import (
	"context"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/url"
)

// Purpose says what a request is for, and with that which credentials fit.
type Purpose int

// The purposes.
const (
	Web      Purpose = iota // chart repositories, Galaxy, any plain HTTP
	Registry                // an OCI registry: credentials answer its challenge only
	GitHTTP                 // Git's smart HTTP
)

// Credential is what a host knows the user by. Its secrets show in no
// printed, logged or marshalled form.
type Credential struct {
	Username, Password string // HTTP basic
	Token              string // sent as Bearer
	Refresh            string // OAuth2 refresh token of a registry ("identity token")
	TLS                TLS
}

// Empty reports whether there is nothing to send.
func (c Credential) Empty() bool {
	return c.Username == "" && c.Password == "" && c.Token == "" && c.Refresh == ""
}

// Apply sets the Authorization header. It is for the credential's own host.
func (c Credential) Apply(h http.Header) {
	switch {
	case c.Token != "":
		h.Set("Authorization", "Bearer "+c.Token)
	case c.Username != "" || c.Password != "":
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(c.Username+":"+c.Password)))
	}
}

func (c Credential) String() string {
	if c.Empty() {
		return "no credentials"
	}
	return "credentials (hidden)"
}

// GoString hides the secrets from %#v.
func (c Credential) GoString() string { return c.String() }

// LogValue hides the secrets from slog.
func (c Credential) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText hides the secrets from encoders.
func (c Credential) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Credentials find what to send to a URL's host. An empty Credential means
// that the user has none there.
type Credentials interface {
	Find(ctx context.Context, p Purpose, u *url.URL) (Credential, error)
}

// Credential finds the user's credential for a URL, as it is after mirrors.
func (c *Client) Credential(ctx context.Context, p Purpose, u *url.URL) (Credential, error) {
	if c.opt.Credentials == nil {
		return Credential{}, nil
	}
	return c.opt.Credentials.Find(ctx, p, u)
}
