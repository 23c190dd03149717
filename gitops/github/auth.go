package github

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// authorized is the transport that adds the token: to requests of the forge's
// host and no other, wherever a redirect leads.
type authorized struct {
	base  http.RoundTripper
	host  string
	token func(context.Context) (string, error)
	now   func() time.Time

	mu    sync.Mutex
	last  string // the token we used last
	since time.Time
}

// RoundTrip implements http.RoundTripper.
func (a *authorized) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host != a.host {
		return a.base.RoundTrip(req)
	}
	for attempt := range 3 {
		token, err := a.token(req.Context())
		if err != nil {
			return nil, fmt.Errorf("get a token for GitHub: %w", err)
		}
		again := req.Clone(req.Context())
		again.Header.Set("Authorization", "Bearer "+token)
		if attempt > 0 && req.GetBody != nil {
			if again.Body, err = req.GetBody(); err != nil {
				return nil, err
			}
		}
		resp, err := a.base.RoundTrip(again)
		if err != nil || resp.StatusCode != http.StatusUnauthorized || !a.fresh(token) || attempt == 2 {
			return resp, err
		}
		// Not all of GitHub's servers know a new token at once.
		_ = resp.Body.Close()
		if err := pause(req.Context(), time.Duration(attempt+1)*300*time.Millisecond); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("send a request to GitHub: no attempt was made")
}

// fresh reports whether a token is one that we have used for less than a few
// seconds, after another one: a first token that is refused is wrong.
func (a *authorized) fresh(token string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if token != a.last {
		a.last, a.since = token, a.now()
	}
	return a.now().Sub(a.since) < 10*time.Second && len(token) > 4 && token[:4] == "ghs_"
}

// App are the credentials of a GitHub App.
type App struct {
	ID int64
	// Installation is looked up by the repository when it is zero.
	Installation int64
	// Key is the private key, in PEM.
	Key []byte
}

// installation gives out the tokens of an App's installation.
type installation struct {
	app         App
	key         *rsa.PrivateKey
	base        *url.URL
	owner, repo string
	http        *http.Client
	now         func() time.Time

	mu      sync.Mutex // one who needs a token asks, the others wait for it
	current string
	expires time.Time
}

func newInstallation(app App, base *url.URL, owner, repo string, client *http.Client, now func() time.Time) (*installation, error) {
	block, _ := pem.Decode(app.Key)
	if block == nil {
		return nil, errors.New("read the GitHub App's private key: it is not PEM")
	}
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		other, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("read the GitHub App's private key: %w", err)
		}
		var ok bool
		if key, ok = other.(*rsa.PrivateKey); !ok {
			return nil, fmt.Errorf("read the GitHub App's private key: it is a %T, not RSA", other)
		}
	}
	return &installation{app: app, key: key, base: base, owner: owner, repo: repo, http: client, now: now}, nil
}

// token returns a token that is good for five minutes more at least.
func (i *installation) token(ctx context.Context) (string, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.current != "" && i.now().Add(5*time.Minute).Before(i.expires) {
		return i.current, nil
	}
	if i.app.Installation == 0 {
		var found struct {
			ID int64 `json:"id"`
		}
		if err := i.call(ctx, http.MethodGet, "repos/"+url.PathEscape(i.owner)+"/"+url.PathEscape(i.repo)+"/installation", &found); err != nil {
			return "", err
		}
		i.app.Installation = found.ID
	}
	var got struct {
		Token   string    `json:"token"`
		Expires time.Time `json:"expires_at"`
	}
	if err := i.call(ctx, http.MethodPost, "app/installations/"+strconv.FormatInt(i.app.Installation, 10)+"/access_tokens", &got); err != nil {
		return "", err
	}
	if got.Token == "" {
		return "", errors.New("ask for an installation token: the answer holds none")
	}
	i.current, i.expires = got.Token, got.Expires
	return got.Token, nil
}

// call makes a request as the App itself.
func (i *installation) call(ctx context.Context, method, path string, into any) error {
	jwt, err := i.jwt()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, i.base.JoinPath(path).String(), nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+jwt)
	req.Header.Set("Accept", "application/vnd.github+json")
	req.Header.Set("User-Agent", "promoter")
	resp, err := i.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		var no struct {
			Message string `json:"message"`
		}
		_ = json.Unmarshal(body, &no) // the status says enough
		return fmt.Errorf("act as GitHub App %d: GitHub answered %d: %s", i.app.ID, resp.StatusCode, no.Message)
	}
	return json.Unmarshal(body, into)
}

// jwt signs what identifies the App. It dates from a minute ago, as GitHub
// advises, in case its clock is behind ours.
func (i *installation) jwt() (string, error) {
	now := i.now()
	part := func(v any) string {
		data, err := json.Marshal(v)
		if err != nil {
			panic(err) // numbers and strings always encode
		}
		return base64.RawURLEncoding.EncodeToString(data)
	}
	text := part(map[string]string{"alg": "RS256", "typ": "JWT"}) + "." + part(map[string]any{
		"iat": now.Add(-time.Minute).Unix(), "exp": now.Add(8 * time.Minute).Unix(), "iss": strconv.FormatInt(i.app.ID, 10),
	})
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, i.key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign as GitHub App %d: %w", i.app.ID, err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}
