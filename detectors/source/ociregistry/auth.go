package ociregistry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/publicsuffix"

	"promoter/detectors/source"
)

// sessions remembers what each repository of each registry wants to see in
// the Authorization header.
type sessions struct {
	client *source.Client

	mu   sync.Mutex
	held map[string]session // by host and repository
}

type session struct {
	header  string
	expires time.Time // zero: never
}

func (s *sessions) header(key string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, ok := s.held[key]
	if !ok || !h.expires.IsZero() && !s.client.Now().Before(h.expires) {
		return ""
	}
	return h.header
}

func (s *sessions) keep(key string, h session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[key] = h
}

// answer responds to a denial: it finds the challenge it can meet, with the
// user's credentials for that host or anonymously, and keeps the outcome. An
// error that wraps the denial says that nothing can be done.
func (s *sessions) answer(ctx context.Context, key string, d *source.Denied) error {
	challenges := parseChallenges(d.Challenges)
	if d.Code != http.StatusUnauthorized || len(challenges) == 0 {
		return d
	}
	cred, err := s.client.Credential(ctx, source.Registry, d.URL)
	if err != nil {
		return err
	}
	if !s.client.Confidential(d.URL) {
		cred = source.Credential{}
	}
	for _, c := range challenges {
		if c.scheme != "bearer" {
			continue
		}
		h, err := s.bearer(ctx, c, cred, d)
		if err != nil {
			return err
		}
		s.keep(key, h)
		return nil
	}
	for _, c := range challenges {
		if c.scheme == "basic" && !cred.Empty() && !d.Sent {
			h := http.Header{}
			cred.Apply(h)
			if v := h.Get("Authorization"); v != "" {
				s.keep(key, session{header: v})
				return nil
			}
		}
	}
	return d
}

// bearer gets a token from the realm that the challenge names.
func (s *sessions) bearer(ctx context.Context, c challenge, cred source.Credential, d *source.Denied) (session, error) {
	if cred.Token != "" {
		return session{header: "Bearer " + cred.Token}, nil
	}
	realm, err := url.Parse(c.params["realm"])
	if err != nil || realm.Host == "" || realm.Scheme != "https" && realm.Scheme != "http" {
		return session{}, fmt.Errorf("%q names a token service that is no URL: %w", d.Host, d)
	}
	realm.User, realm.Fragment = nil, ""
	if realm.Scheme == "http" && d.URL.Scheme == "https" {
		return session{}, &source.Refused{Host: realm.Host, Reason: "token service of an https registry on plain http"}
	}
	scope := c.params["scope"]
	if scope == "" {
		scope = "repository:" + repositoryOf(d.URL.Path) + ":pull"
	}
	// The registry chooses the realm, so the user's password goes there only
	// if both belong to the same site: registry-1.docker.io and auth.docker.io
	// do. For another site it must be the user's own login there.
	if !sameSite(d.URL.Hostname(), realm.Hostname()) {
		if cred, err = s.client.Credential(ctx, source.Registry, realm); err != nil {
			return session{}, err
		}
	}
	if !s.client.Confidential(realm) {
		cred = source.Credential{}
	}
	h, err := s.token(ctx, realm, c.params["service"], scope, cred)
	var denied *source.Denied
	if errors.As(err, &denied) && !cred.Empty() {
		// An old login must not hide what everybody may see.
		return s.token(ctx, realm, c.params["service"], scope, source.Credential{})
	}
	return h, err
}

const maxToken = 1 << 20

func (s *sessions) token(ctx context.Context, realm *url.URL, service, scope string, cred source.Credential) (session, error) {
	form := url.Values{}
	if service != "" {
		form.Set("service", service)
	}
	form.Set("scope", scope)
	u := *realm
	req := &http.Request{Method: http.MethodGet, URL: &u, Header: http.Header{"Accept": {"application/json"}}}
	if cred.Refresh != "" {
		form.Set("grant_type", "refresh_token")
		form.Set("client_id", "promoter")
		form.Set("refresh_token", cred.Refresh)
		body := form.Encode()
		req.Method = http.MethodPost
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Body, req.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	} else {
		q := u.Query()
		for k, v := range form {
			q[k] = v
		}
		u.RawQuery = q.Encode()
		cred.Apply(req.Header)
	}
	resp, err := s.client.DoFor(ctx, source.Registry, req)
	if err != nil {
		return session{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return session{}, fmt.Errorf("get token: %w", source.StatusError(realm, resp))
	}
	var t struct {
		Token       string `json:"token"`
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
	}
	// The decoder's error would quote what may be a token.
	if json.NewDecoder(io.LimitReader(resp.Body, maxToken)).Decode(&t) != nil {
		return session{}, fmt.Errorf("get token from %q: the answer is not JSON", realm.Host)
	}
	value := t.Token
	if value == "" {
		value = t.AccessToken
	}
	if value == "" || strings.ContainsAny(value, "\r\n") {
		return session{}, fmt.Errorf("get token from %q: there is none in the answer", realm.Host)
	}
	life := time.Duration(min(max(t.ExpiresIn, 60), 86400)) * time.Second // 60 s is the protocol's default
	return session{header: "Bearer " + value, expires: s.client.Now().Add(life - 10*time.Second)}, nil
}

// repositoryOf is the name in "/v2/<name>/tags/list" and the like.
func repositoryOf(path string) string {
	name := strings.TrimPrefix(path, "/v2/")
	for _, mark := range []string{"/tags/list", "/manifests/", "/blobs/"} {
		if i := strings.LastIndex(name, mark); i >= 0 {
			return name[:i]
		}
	}
	return name
}

// sameSite reports whether two hosts belong to one registered domain.
func sameSite(a, b string) bool {
	a, b = strings.ToLower(a), strings.ToLower(b)
	if a == b {
		return true
	}
	for _, h := range []string{a, b} {
		if _, err := netip.ParseAddr(h); err == nil {
			return false
		}
	}
	sa, err1 := publicsuffix.EffectiveTLDPlusOne(a)
	sb, err2 := publicsuffix.EffectiveTLDPlusOne(b)
	return err1 == nil && err2 == nil && sa == sb
}
