package main

import (
	"bytes"
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"promoter/gitops/lease"
)

// TestLeases has two candidates of the real election stand at this API: one
// leads at a time, and who gives back is seen to.
func TestLeases(t *testing.T) {
	t.Parallel()
	l := newLeases()
	const repository = "https://forge.example.com/shop/tenant-00.git"
	stand := func(ctx context.Context, name string, lead func(context.Context) error) error {
		s := httptest.NewServer(l.by(name))
		t.Cleanup(s.Close)
		file := filepath.Join(t.TempDir(), "kubeconfig")
		text := "apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: \"" + s.URL + "\"}}]\nusers: [{name: u, user: {}}]\ncontexts: [{name: c, context: {cluster: c, user: u, namespace: promoter}}]\ncurrent-context: c\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return err
		}
		c, err := lease.Open(lease.Options{Kubeconfig: file, LeaseDuration: 5 * time.Second, RenewDeadline: 4 * time.Second, RetryPeriod: 100 * time.Millisecond})
		if err != nil {
			return err
		}
		return c.Run(ctx, repository, lead)
	}
	began := time.Now()
	for _, name := range []string{"one", "two"} {
		err := stand(t.Context(), name, func(context.Context) error {
			if got := l.holders()[lease.Name(repository)]; got != name {
				t.Errorf("%s leads, and %q holds the lease", name, got)
			}
			return nil // and gives it back
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var holders []string
	for _, x := range l.takings(began) {
		holders = append(holders, x.holder)
	}
	if got := strings.Join(holders, ","); got != "one,,two," {
		t.Errorf("the lease was held by %q", got)
	}
}

// TestTurns: two that work on a repository in turns are seen, one that goes on
// where another ended is none.
func TestTurns(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		who  string
		want int
	}{"one after the other": {"aabbb", 0}, "in turns": {"aabab", 1}} {
		e := &estate{}
		r := &result{estate: e}
		for _, c := range tt.who {
			e.deeds.all = append(e.deeds.all, deed{replica: string(c), repository: "tenant-00", effect: true, at: time.Now()})
		}
		if r.turns("tenant-00"); len(r.breaches) != tt.want {
			t.Errorf("%s: %v", name, r.breaches)
		}
	}
}

// TestWhoAsks: requests are known by their tokens, of the API and of Git.
func TestWhoAsks(t *testing.T) {
	t.Parallel()
	api := httptest.NewRequest("POST", "/api/v3/repos/shop/tenant-07/pulls", bytes.NewReader(nil))
	api.Header.Set("Authorization", "Bearer replica-2"+tokenTail)
	git := httptest.NewRequest("POST", "/shop/tenant-07.git/git-receive-pack", bytes.NewReader(nil))
	git.SetBasicAuth("x", "replica-2"+tokenTail)
	for _, r := range []string{replicaOf(api), replicaOf(git)} {
		if r != "replica-2" {
			t.Errorf("a request of replica-2 is taken for one of %q", r)
		}
	}
	for _, path := range []string{api.URL.Path, git.URL.Path} {
		if m := repositoryOf.FindStringSubmatch(path); m == nil || m[1] != "tenant-07" {
			t.Errorf("%s: %q", path, m)
		}
	}
}
