package github_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"promoter/gitops/github"
	"promoter/test/world/forge"
)

func TestApp(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs1 := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	for name, text := range map[string][]byte{"pkcs1": pkcs1, "pkcs8": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClock()
			s, r := start(t, forge.Options{Now: c.now, TokenRefusals: 2})
			installation := s.AddApp(7, "promoter", &key.PublicKey)
			if name == "pkcs1" {
				installation = 0 // to be looked up
			}
			f := reach(t, s, func(o *github.Options) {
				o.Token, o.Now, o.App = nil, c.now, &github.App{ID: 7, Installation: installation, Key: text}
			})
			p, err := f.Open(t.Context(), branch(t, r, "promoter/a"))
			if err != nil || p.Author != "promoter[bot]" {
				t.Fatalf("got %+v, %v", p, err)
			}
			tokens := func() (n int) {
				for _, call := range s.Calls() {
					if strings.HasSuffix(call.Path, "/access_tokens") {
						n++
					}
				}
				return n
			}
			if n := tokens(); n != 1 {
				t.Errorf("asked for %d tokens, want 1", n)
			}
			c.advance(56 * time.Minute) // it ends in four minutes: too soon
			if _, err := f.Pulls(t.Context(), "main", ""); err != nil || tokens() != 2 {
				t.Errorf("an hour later: %v, %d tokens", err, tokens())
			}
		})
	}
	s, _ := start(t, forge.Options{})
	for name, app := range map[string]github.App{"no PEM": {ID: 7, Key: []byte("x")}, "no key": {ID: 7, Key: []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")}} {
		if _, err := github.New(github.Options{Owner: "acme", Repo: "fleet", BaseURL: s.API(), App: &app}); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
	unknown := reach(t, s, func(o *github.Options) { o.Token, o.App = nil, &github.App{ID: 8, Key: pkcs1} })
	if _, err := unknown.Pulls(t.Context(), "main", ""); err == nil || !strings.Contains(err.Error(), "Integration not found") {
		t.Errorf("an App that is not known: got %v", err)
	}
}
