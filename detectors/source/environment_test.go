package source

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
)

// noDocker is a keychain that knows nobody, whatever this machine holds.
type noDocker struct{}

func (noDocker) Resolve(authn.Resource) (authn.Authenticator, error) { return authn.Anonymous, nil }

// environ builds credentials from files and variables alone.
func environ(t *testing.T, files, vars map[string]string) *environment {
	t.Helper()
	home := t.TempDir()
	for name, text := range files {
		path := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all := map[string]string{"HOME": home, "HELM_CONFIG_HOME": filepath.Join(home, "helm")}
	maps.Copy(all, vars)
	c, err := EnvironmentCredentials(func(k string) string { return all[k] })
	if err != nil {
		t.Fatal(err)
	}
	e := c.(*environment)
	e.docker = noDocker{}
	return e
}

func find(t *testing.T, e Credentials, p Purpose, raw string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	c, err := e.Find(t.Context(), p, u)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join([]string{c.Username, c.Password, c.Token, c.Refresh, c.TLS.CAFile}, "|")
}

func TestEnvironmentCredentials(t *testing.T) {
	t.Parallel()
	e := environ(t, map[string]string{
		".netrc": "# mine\nmachine net.example.org login n password \"p w\"\nmachine two.example.org\n  login t\n  password #x\nmacdef init\nmachine evil password no\n\ndefault login d password d\n",
		"helm/repositories.yaml": `
repositories:
- {name: a, url: "https://charts.example.org/team-a", username: ua, password: pa, caFile: /ca.pem}
- {name: b, url: "https://charts.example.org/", username: ub, password: pb}
- {name: c, url: "https://net.example.org/c", caFile: /c.pem}
- {name: o, url: "oci://ghcr.io/x", username: no, password: no}
`,
		"helm/registry/config.json": `{"auths":{"reg.example.org":{"auth":"` + base64.StdEncoding.EncodeToString([]byte("hu:hp")) + `"}}}`,
	}, map[string]string{
		"GITHUB_TOKEN":                        "gh",
		"PROMOTER_ENV_EXAMPLE_ORG_USERNAME":   "eu",
		"PROMOTER_ENV_EXAMPLE_ORG_PASSWORD":   "ep",
		"PROMOTER_MY_CORP_TOKEN":              "dotted",
		"PROMOTER_REG_EXAMPLE_ORG_5000_TOKEN": "port",
	})
	for _, tc := range []struct {
		p    Purpose
		url  string
		want string
	}{
		{Web, "https://env.example.org/x", "eu|ep|||"},
		{Registry, "https://env.example.org:8443/v2/", "eu|ep|||"},
		{Web, "https://my.corp/", "||dotted||"},
		{Web, "https://my-corp/", "||||"},
		{Web, "https://my_corp/", "||||"},
		{Registry, "https://reg.example.org:5000/v2/", "||port||"},
		{Registry, "https://reg.example.org/v2/", "hu|hp|||"},
		{Web, "https://charts.example.org/team-a/index.yaml", "ua|pa|||/ca.pem"},
		{Web, "https://charts.example.org/team-abc/index.yaml", "ub|pb|||"},
		{Web, "https://charts.example.org:8443/team-a/index.yaml", "||||"},
		{Web, "http://charts.example.org/team-a/index.yaml", "||||"},
		{Registry, "https://charts.example.org/team-a/v2/", "||||"},
		{Web, "https://net.example.org/c/index.yaml", "n|p w|||/c.pem"},
		{GitHTTP, "https://two.example.org/r.git", "t|#x|||"},
		{Web, "https://evil/", "||||"},
		{Web, "https://unknown.example.org/", "||||"}, // netrc's default is for nobody
		{GitHTTP, "https://github.com/a/b", "x-access-token|gh|||"},
		{Registry, "https://ghcr.io/v2/", "x-access-token|gh|||"},
		{Web, "https://github.com/a/b/releases/x.tgz", "||||"},
		{GitHTTP, "https://github.com.evil.example.org/a", "||||"},
		{GitHTTP, "https://gitlab.com/a/b", "||||"},
	} {
		if got := find(t, e, tc.p, tc.url); got != tc.want {
			t.Errorf("purpose %d, %s: %q, want %q", tc.p, tc.url, got, tc.want)
		}
	}
}

// Not parallel: Docker's keychain reads the process's own environment.
func TestDockerConfig(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	auth := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	config := fmt.Sprintf(`{"auths":{"https://index.docker.io/v1/":{"auth":%q},"reg.example.org":{"auth":%q}},
		"credHelpers":{"helped.example.org":"promotertest","broken.example.org":"nosuchhelper"}}`, auth("hub:pass"), auth("u:p"))
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	helper := "#!/bin/sh\necho '{\"Username\":\"<token>\",\"Secret\":\"s3cret\"}'\n"
	if err := os.WriteFile(filepath.Join(dir, "docker-credential-promotertest"), []byte(helper), 0o700); err != nil {
		t.Fatal(err)
	}
	c, err := EnvironmentCredentials(func(k string) string { return map[string]string{"HOME": dir}[k] })
	if err != nil {
		t.Fatal(err)
	}
	for raw, want := range map[string]string{
		"https://registry-1.docker.io/v2/": "hub|pass|||",
		"https://reg.example.org/v2/":      "u|p|||",
		"https://helped.example.org/v2/":   "|||s3cret|",
		"https://other.example.org/v2/":    "||||",
	} {
		if got := find(t, c, Registry, raw); got != want {
			t.Errorf("%s: %q, want %q", raw, got, want)
		}
	}
	if got := find(t, c, Web, "https://reg.example.org/charts/index.yaml"); got != "||||" {
		t.Errorf("a registry's login is used for the web: %q", got)
	}
	if _, err := c.Find(t.Context(), Registry, &url.URL{Scheme: "https", Host: "broken.example.org"}); err == nil {
		t.Error("a helper that is not there is passed over")
	}
}

func TestUnreadableCredentialFilesAreReportedWithoutTheirContent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"repositories.yaml": "password: [hunter2", "registry.json": "hunter2"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := map[string]string{
		"HOME": dir, "HELM_REPOSITORY_CONFIG": filepath.Join(dir, "repositories.yaml"),
		"HELM_REGISTRY_CONFIG": filepath.Join(dir, "registry.json"), "GITHUB_TOKEN": "gh",
	}
	c, err := EnvironmentCredentials(func(k string) string { return env[k] })
	if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Count(err.Error(), "read credentials") != 2 {
		t.Errorf("got %v", err)
	}
	if got := find(t, c, GitHTTP, "https://github.com/a/b"); got != "x-access-token|gh|||" {
		t.Errorf("the rest does not work: %q", got)
	}
}

func TestOwnCertificateAuthority(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _, _ := r.BasicAuth()
		fmt.Fprint(w, "hello "+user)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of the refused handshake
	s.StartTLS()
	defer s.Close()
	ca := writePEM(t, s)
	host := strings.TrimPrefix(s.URL, "https://")
	for file, want := range map[string]string{ca: "hello u", "": ""} {
		c := newClient(t, func(o *Options) {
			o.Credentials = oneHost{host, Credential{Username: "u", Password: "p", TLS: TLS{CAFile: file}}}
		})
		b, err := c.Fetch(t.Context(), s.URL, FetchOptions{})
		if want == "" {
			var unknown *tls.CertificateVerificationError
			if !errors.As(err, &unknown) {
				t.Errorf("without the authority: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, b); got != want {
			t.Errorf("got %q", got)
		}
	}
	c := newClient(t, func(o *Options) {
		o.Credentials = oneHost{host, Credential{TLS: TLS{CAFile: filepath.Join(t.TempDir(), "none")}}}
	})
	if _, err := c.Fetch(t.Context(), s.URL, FetchOptions{}); err == nil || !strings.Contains(err.Error(), "read CA file") {
		t.Errorf("got %v", err)
	}
}

// writeCA writes some certificate authority.
func writeCA(t *testing.T) string {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	return writePEM(t, s)
}

func writePEM(t *testing.T, s *httptest.Server) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(path, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func FuzzNetrc(f *testing.F) {
	f.Add("machine a login b password c\nmacdef x\n y\n\ndefault login z")
	f.Add("machine \"a b\\\" password #")
	f.Fuzz(func(t *testing.T, text string) {
		entries := parseNetrc([]byte(text))
		if len(entries) > strings.Count(text, "machine") {
			t.Errorf("%d machines", len(entries))
		}
	})
}
