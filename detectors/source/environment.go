package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/google/go-containerregistry/pkg/authn"
)

// environment finds credentials where the user's other tools keep them.
type environment struct {
	getenv func(string) string
	netrc  []netrcEntry
	helm   []helmRepo
	oci    *configfile.ConfigFile // Helm's registry logins; nil: none
	docker authn.Keychain

	mu       sync.Mutex
	resolved map[string]Credential // by registry host: helpers may be slow, or ask the user
}

// EnvironmentCredentials looks, in this order, at:
//
//   - PROMOTER_<HOST>_USERNAME, _PASSWORD and _TOKEN, where <HOST> is the host
//     in upper case with "_" for each dot and colon and "__" for each dash:
//     PROMOTER_GHCR_IO_TOKEN, PROMOTER_MY__REGISTRY_CORP_5000_PASSWORD;
//   - for registries: Docker's config.json (DOCKER_CONFIG; logins, credential
//     helpers and stores) or Podman's auth.json, then Helm's registry logins
//     (HELM_REGISTRY_CONFIG);
//   - for chart repositories: Helm's repositories.yaml
//     (HELM_REPOSITORY_CONFIG), by URL prefix, with its CA and client
//     certificate; its insecure_skip_tls_verify is not honoured;
//   - GITHUB_TOKEN, for Git on github.com and for ghcr.io;
//   - netrc (NETRC), but not its default entry, which would give the same
//     password to whatever host a manifest names.
//
// The error tells which of the files could not be read; the Credentials work
// all the same, with the others.
func EnvironmentCredentials(getenv func(string) string) (Credentials, error) {
	e := &environment{getenv: getenv, docker: authn.DefaultKeychain, resolved: map[string]Credential{}}
	home := getenv("HOME")
	if home == "" {
		home, _ = os.UserHomeDir() // no home: only what variables name
	}
	var errs []error
	load := func(path string, parse func([]byte) error) {
		if path == "" {
			return
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err == nil {
			err = parse(data)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("read credentials: %w", err))
		}
	}
	load(cmp.Or(getenv("NETRC"), in(home, netrcName())), func(data []byte) (err error) {
		e.netrc = parseNetrc(data)
		return nil
	})
	helm := helmConfig(getenv, home)
	load(cmp.Or(getenv("HELM_REPOSITORY_CONFIG"), in(helm, "repositories.yaml")), func(data []byte) (err error) {
		e.helm, err = parseHelmRepos(data)
		return err
	})
	load(cmp.Or(getenv("HELM_REGISTRY_CONFIG"), in(helm, "registry/config.json")), func(data []byte) (err error) {
		e.oci, err = config.LoadFromReader(strings.NewReader(string(data)))
		if err != nil {
			// Its text may quote the file.
			return errors.New("helm registry config: not a Docker config")
		}
		return nil
	})
	return e, errors.Join(errs...)
}

func in(dir, name string) string {
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, filepath.FromSlash(name))
}

func netrcName() string {
	if runtime.GOOS == "windows" {
		return "_netrc"
	}
	return ".netrc"
}

// helmConfig is Helm's configuration directory, by Helm's own rules.
func helmConfig(getenv func(string) string, home string) string {
	if d := getenv("HELM_CONFIG_HOME"); d != "" {
		return d
	}
	if d := getenv("XDG_CONFIG_HOME"); d != "" {
		return filepath.Join(d, "helm")
	}
	switch runtime.GOOS {
	case "windows":
		return in(getenv("APPDATA"), "helm")
	case "darwin":
		return in(home, "Library/Preferences/helm")
	}
	return in(home, ".config/helm")
}

func (e *environment) Find(ctx context.Context, p Purpose, u *url.URL) (Credential, error) {
	if cred := e.variables(u); !cred.Empty() {
		return cred, nil
	}
	var cred Credential
	var err error
	switch p {
	case Web:
		cred = findHelmRepo(e.helm, u)
	case Registry:
		cred, err = e.registry(ctx, strings.ToLower(u.Host))
	case GitHTTP:
		if u.Hostname() == "github.com" {
			cred = e.github()
		}
	}
	if err == nil && cred.Empty() {
		tls := cred.TLS
		cred = findNetrc(e.netrc, u.Hostname())
		cred.TLS = tls
	}
	return cred, err
}

// variables looks at PROMOTER_<HOST>_…. Dots and dashes must differ, or a
// manifest could have the password of my.corp sent to my-corp.
func (e *environment) variables(u *url.URL) Credential {
	for _, host := range []string{u.Host, u.Hostname()} {
		if host == "" || strings.ContainsAny(host, "_[]") {
			continue
		}
		name := "PROMOTER_" + strings.NewReplacer(".", "_", ":", "_", "-", "__").Replace(strings.ToUpper(host)) + "_"
		c := Credential{
			Username: e.getenv(name + "USERNAME"), Password: e.getenv(name + "PASSWORD"), Token: e.getenv(name + "TOKEN"),
		}
		if !c.Empty() {
			return c
		}
	}
	return Credential{}
}

func (e *environment) github() Credential {
	if t := e.getenv("GITHUB_TOKEN"); t != "" {
		return Credential{Username: "x-access-token", Password: t}
	}
	return Credential{}
}

// registryHost is an authn.Resource that is a host alone.
type registryHost string

func (h registryHost) String() string      { return string(h) }
func (h registryHost) RegistryStr() string { return string(h) }

func (e *environment) registry(ctx context.Context, host string) (Credential, error) {
	e.mu.Lock()
	cred, ok := e.resolved[host]
	e.mu.Unlock()
	if ok {
		return cred, nil
	}
	type answer struct {
		cred Credential
		err  error
	}
	done := make(chan answer, 1)
	go func() { // a credential helper knows no deadline
		cred, err := e.logins(host)
		done <- answer{cred, err}
	}()
	select {
	case a := <-done:
		if a.err == nil {
			e.mu.Lock()
			e.resolved[host] = a.cred
			e.mu.Unlock()
		}
		return a.cred, a.err
	case <-ctx.Done():
		return Credential{}, context.Cause(ctx)
	}
}

func (e *environment) logins(host string) (Credential, error) {
	key := host
	if canonicalHost(host) == "registry-1.docker.io" {
		key = "index.docker.io" // the name that Docker keeps its hub under
	}
	a, err := e.docker.Resolve(registryHost(key))
	if err != nil {
		return Credential{}, fmt.Errorf("ask the keychain for %q: its configuration or helper does not work", host)
	}
	cfg, err := a.Authorization()
	if err != nil {
		return Credential{}, fmt.Errorf("ask the keychain for %q: no usable answer", host)
	}
	cred := Credential{Username: cfg.Username, Password: cfg.Password, Token: cfg.RegistryToken, Refresh: cfg.IdentityToken}
	if cred.Empty() && e.oci != nil {
		if key == "index.docker.io" {
			key = authn.DefaultAuthKey
		}
		ac, err := e.oci.GetAuthConfig(key)
		if err != nil {
			return Credential{}, fmt.Errorf("ask helm's registry logins for %q: no usable answer", host)
		}
		cred = Credential{Username: ac.Username, Password: ac.Password, Token: ac.RegistryToken, Refresh: ac.IdentityToken}
	}
	if cred.Empty() && host == "ghcr.io" {
		cred = e.github()
	}
	return cred, nil
}
