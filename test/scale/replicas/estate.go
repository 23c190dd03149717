package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"promoter/gitops/lease"
	"promoter/test/world"
	"promoter/test/world/delivery"
	"promoter/test/world/forge"
)

// estate is what the replicas share: repositories on a forge, an engine for
// each, a chart repository and the leases.
type estate struct {
	dir    string
	world  *world.World
	forge  *forge.Server
	repos  []*forge.Repo
	leases *leases
	deeds  deeds
	stop   context.CancelFunc
	close  []func() error
}

// environments are the waves', in order.
var environments = []string{"dev", "staging", "production"}

// What travels: every repository's dev, staging and production run the first,
// and go to the second when it is out.
const (
	chart  = "redis"
	before = "18.4.0"
	after  = "18.5.0"
)

func newEstate(ctx context.Context, dir string, repositories int) (*estate, error) {
	ctx, stop := context.WithCancel(ctx)
	e := &estate{dir: dir, leases: newLeases(), stop: stop}
	var err error
	if e.world, err = world.Start(nil); err != nil {
		return nil, err
	}
	if e.forge, err = forge.Start(forge.Options{Hourly: 1 << 30}); err != nil {
		return nil, err
	}
	e.forge.SetFront(e.deeds.front)
	for i := range repositories {
		if err := e.settle(ctx, fmt.Sprintf("tenant-%02d", i)); err != nil {
			return nil, err
		}
	}
	e.forge.AddToken("judge"+tokenTail, "ana", true)
	return e, nil
}

// kubeconfig is the file by which a replica reaches the leases, by a door of
// its own.
func (e *estate) kubeconfig(dir, replica string) (string, error) {
	url, err := e.serve(e.leases.by(replica))
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "kubeconfig")
	return file, os.WriteFile(file, fmt.Appendf(nil, `apiVersion: v1
kind: Config
clusters: [{name: here, cluster: {server: %q}}]
users: [{name: us, user: {}}]
contexts: [{name: here, context: {cluster: here, user: us, namespace: promoter}}]
current-context: here
`, url), 0o600)
}

// settle makes a repository, and an engine that follows it.
func (e *estate) settle(ctx context.Context, name string) error {
	r, err := e.forge.Create("shop", name)
	if err != nil {
		return err
	}
	late := &handler{}
	url, err := e.serve(late)
	if err != nil {
		return err
	}
	files := map[string][]byte{"promoter.yaml": []byte(e.configuration(url))}
	for _, env := range environments {
		files["apps/cache/"+env+".yaml"] = fmt.Appendf(nil, `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: cache-%[1]s, namespace: argocd}
spec:
  project: shop
  source: {repoURL: "https://charts.example.com", chart: %[2]s, targetRevision: %[3]s}
  destination: {name: %[1]s, namespace: cache}
  syncPolicy:
    automated: {prune: true, selfHeal: true}
`, env, chart, before)
	}
	if _, err := r.Commit("ana", r.Base, "", "What runs", files); err != nil {
		return err
	}
	engine, err := delivery.New(delivery.Config{
		Repository: r.Dir(), Branch: r.Base, History: time.Hour, Timing: delivery.Timing{Notice: time.Second, Sync: time.Second, Progress: 2 * time.Second},
		Ours: func(url string) bool { return url == r.CloneURL("") },
	})
	if err != nil {
		return err
	}
	engine.Server().Token = world.ArgoToken
	late.set(engine)
	go engine.Run(ctx, 500*time.Millisecond)
	e.repos = append(e.repos, r)
	return nil
}

func (e *estate) configuration(engine string) string {
	var b strings.Builder
	b.WriteString("version: 1\nenvironments:\n")
	for _, env := range environments {
		fmt.Fprintf(&b, "  - {name: %[1]s, paths: [\"**/%[1]s.yaml\"], clusters: [%[1]s]}\n", env)
	}
	b.WriteString("waves:\n")
	for _, env := range environments {
		fmt.Fprintf(&b, "  - {name: %[1]s, environments: [%[1]s], soak: 5s}\n", env)
	}
	b.WriteString("policies: {C3: {merge: automatic}}\nupdates: [{allow: minor}]\npulls: {labels: [promoter]}\nrules: {disable: [end-of-life], staleAfter: 36500d}\n")
	fmt.Fprintf(&b, "sources:\n  allowPrivate: [127.0.0.1]\n  mirrors: [{from: \"https://charts.example.com\", to: %q}]\n", e.world.Charts)
	fmt.Fprintf(&b, "delivery:\n  argocd: [{name: main, server: %q, tokenFrom: %s, plain: true}]\n  dwell: 1s\n  degradedGrace: 5s\n  reverts: automatic\n", engine, world.ArgoTokenName)
	return b.String()
}

// serve starts a server on a free port of loopback.
func (e *estate) serve(h http.Handler) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	e.close = append(e.close, s.Close)
	go func() { _ = s.Serve(l) }() // ends with Close; its error is then ErrServerClosed
	return "http://" + l.Addr().String(), nil
}

func (e *estate) end() {
	e.stop()
	for _, c := range e.close {
		_ = c()
	}
	_ = e.forge.Close()
	e.world.Close()
}

// handler is a server whose address is known before it is there.
type handler struct {
	mu sync.Mutex
	h  http.Handler
}

func (h *handler) set(to http.Handler) { h.mu.Lock(); h.h = to; h.mu.Unlock() }

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	to := h.h
	h.mu.Unlock()
	if to == nil {
		http.Error(w, "not started", http.StatusServiceUnavailable)
		return
	}
	to.ServeHTTP(w, r)
}

// leaseOf is the lease of a repository.
func leaseOf(r *forge.Repo) string { return lease.Name(r.CloneURL("")) }

// deed is a request to the forge.
type deed struct {
	replica, repository string
	effect              bool
	what                string
	at                  time.Time
}

// deeds are all requests, with who made them: each replica has a token of its
// own.
type deeds struct {
	mu  sync.Mutex
	all []deed
}

var repositoryOf = regexp.MustCompile(`/shop/([a-z0-9-]+?)(\.git)?(/|$)`)

func (d *deeds) front(w http.ResponseWriter, r *http.Request, next http.Handler) {
	x := deed{what: r.Method + " " + r.URL.Path, at: time.Now()}
	if m := repositoryOf.FindStringSubmatch(r.URL.Path); m != nil {
		x.repository = m[1]
	}
	x.replica = replicaOf(r)
	x.effect = r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "/git-upload-pack") && !strings.HasSuffix(r.URL.Path, "/graphql")
	d.mu.Lock()
	d.all = append(d.all, x)
	d.mu.Unlock()
	next.ServeHTTP(w, r)
}

// replicaOf is who has the token of a request.
func replicaOf(r *http.Request) string {
	if _, password, ok := r.BasicAuth(); ok {
		return strings.TrimSuffix(password, tokenTail)
	}
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSuffix(token, tokenTail)
}

const tokenTail = "-token"

// since are the requests from a moment on.
func (d *deeds) since(at time.Time) (out []deed) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, x := range d.all {
		if !x.at.Before(at) {
			out = append(out, x)
		}
	}
	return out
}
