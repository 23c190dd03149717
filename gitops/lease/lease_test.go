package lease

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestKubeconfig goes over a socket, with a kubeconfig's namespace.
func TestKubeconfig(t *testing.T) {
	t.Parallel()
	api := newAPI()
	server := httptest.NewServer(api)
	defer server.Close()
	path := filepath.Join(t.TempDir(), "config")
	text := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: other, clusters: [{name: c, cluster: {server: %q}}],
users: [{name: u, user: {token: t}}],
contexts: [{name: other, context: {cluster: c, user: u}}, {name: ours, context: {cluster: c, user: u, namespace: tools}}]}`, server.URL)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Open(Options{Kubeconfig: path, Context: "ours", Identity: "a"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	if err := c.Run(ctx, "acme/deploy", func(ctx context.Context) error { stop(); <-ctx.Done(); return nil }); err != nil {
		t.Error(err)
	}
	last := len(api.writes) - 1
	if _, ok := api.leases["tools/"+Name("acme/deploy")]; !ok || last < 1 || api.writes[0].holder != c.Identity() || api.writes[last].holder != "" {
		t.Errorf("%v", api.writes)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	config := (&wire{}).config()
	for _, tt := range []struct {
		o    Options
		want string
	}{
		{Options{config: config, LeaseDuration: 1500 * time.Millisecond, RenewDeadline: time.Second, RetryPeriod: 100 * time.Millisecond}, "whole seconds"},
		{Options{config: config, RenewDeadline: 15 * time.Second}, "must end before"},
		{Options{config: config, RetryPeriod: 5 * time.Second}, "no second try"},
		{Options{Kubeconfig: filepath.Join(t.TempDir(), "none")}, "no such file"},
	} {
		if _, err := Open(tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: got %v, want %q", tt.o, err, tt.want)
		}
	}
}

func TestIdentityIsOurs(t *testing.T) {
	t.Parallel()
	o := Options{Identity: "pod-0", config: (&wire{}).config()}
	a, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	if a.Identity() == b.Identity() || !strings.HasPrefix(a.Identity(), "pod-0_") {
		t.Errorf("%q and %q", a.Identity(), b.Identity())
	}
}

func TestName(t *testing.T) {
	t.Parallel()
	valid := regexp.MustCompile(`^promoter(-[a-z0-9]+)+$`)
	seen := map[string]string{}
	for repository, want := range map[string]string{
		"https://github.com/acme/deploy":                 "promoter-acme-deploy-",
		"https://git.example.com/acme/deploy":            "promoter-acme-deploy-",
		"git@git.example.com:acme/deploy":                "promoter-acme-deploy-",
		"https://github.com/Acme/deploy":                 "promoter-acme-deploy-",
		"https://github.com/acme/Deploy_it.now":          "promoter-acme-deploy-it-now-",
		"https://example.com/" + long + "/" + long:       "promoter-" + long[:38],
		"https://example.com/" + long + "/" + long + "x": "promoter-" + long[:38],
		"https://example.com/日本/語":                       "promoter-",
		"":                                               "promoter-",
	} {
		got := Name(repository)
		if !strings.HasPrefix(got, want) || len(got) > 63 || !valid.MatchString(got) {
			t.Errorf("%q: %q (%d), want %q…", repository, got, len(got), want)
		}
		if other, ok := seen[got]; ok {
			t.Errorf("%q and %q share %q", repository, other, got)
		}
		seen[got] = repository
	}
	for _, same := range []string{"https://github.com/acme/deploy.git", "https://token@github.com/acme/deploy", "https://u:other@github.com/acme/deploy.git/"} {
		if got, want := Name(same), Name("https://github.com/acme/deploy"); got != want {
			t.Errorf("%q: %q, want %q", same, got, want)
		}
	}
}

var long = strings.Repeat("abcdefghi0", 12)
