package world

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"promoter/test/world/delivery"
	"promoter/test/world/metrics"
)

// ArgoToken is what Promoter is known by to the world's Argo CD, and ArgoTokenName
// the environment variable that the repository's configuration reads it from.
const (
	ArgoToken     = "world-argocd-token"
	ArgoTokenName = "ARGOCD_TOKEN"
)

// Behaviour is what becomes of versions where they run, and how fast.
type Behaviour struct {
	Delivery []delivery.Rule
	Metrics  []metrics.Rule
	Timing   delivery.Timing
}

// Delivered is an Argo CD that follows a hosted repository, and a Prometheus
// over what runs.
type Delivered struct {
	Engine  *delivery.Engine
	Metrics *metrics.Server
}

// history is since when everything runs as it does at first: long enough for
// what a gate looks back at, and short because each query computes all of it.
const history = 2 * time.Hour

// Configure adds to the promoter.yaml of a sample where this world's servers
// are, and with delivers the engine, the meter and a gate.
func (w *World) Configure(dir string, delivers bool) error {
	var b bytes.Buffer
	b.WriteString("\n# The world's servers stand in for the addresses that the files name.\nsources:\n  allowPrivate: [127.0.0.1]\n  mirrors:\n")
	for _, m := range w.Mirrors() {
		fmt.Fprintf(&b, "    - {from: %q, to: %q}\n", m[0], m[1])
	}
	if delivers {
		fmt.Fprintf(&b, deliverySection, w.ArgoCD, ArgoTokenName, w.Prometheus)
	}
	file := filepath.Join(dir, "promoter.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if delivers { // what waits for a person leaves room for what does not
		text = bytes.Replace(text, []byte("\npulls:\n"), []byte("\npulls:\n  maxOpen: 20\n"), 1)
	}
	return os.WriteFile(file, append(text, b.Bytes()...), 0o644)
}

const deliverySection = `
delivery:
  argocd:
    - {name: main, server: %q, tokenFrom: %s, plain: true}
  reverts: automatic

meters:
  - {name: prometheus, kind: prometheus, url: %q}

gates:
  - name: errors
    meter: prometheus
    apps: [storefront-*, sessions-*]
    query: sum(rate(http_requests_total{app="{{app}}",code="500"}[{{window}}])) / sum(rate(http_requests_total{app="{{app}}"}[{{window}}]))
    events: sum(increase(http_requests_total{app="{{app}}"}[{{window}}]))
    sentinel: count(up{job="prometheus"} == 1)
    measure: bad
    good: "<= 0.01"
    scrape: 15s
    window: 2m
    interval: 30s
    confirmAfter: 15s
    minDuration: 3m
    deadline: 15m
    onInconclusive: extend
`

// Deliver starts what brings a hosted repository about, and what measures it.
// On a clock that runs, it runs until the world is closed; on one that stands
// still, the test steps the engine.
func (w *World) Deliver(h *Hosted, b Behaviour) (*Delivered, error) {
	engine, err := delivery.New(delivery.Config{
		Repository: h.Dir(), Branch: h.Base, Now: w.Now, History: history, Rules: b.Delivery, Timing: b.Timing,
		Ours: func(repoURL string) bool { return repoURL == h.CloneURL("") },
	})
	if err != nil {
		return nil, err
	}
	engine.Server().Token = ArgoToken
	d := &Delivered{Engine: engine, Metrics: metrics.New(metrics.Config{Runs: engine.Runs, Now: w.Now, Rules: b.Metrics})}
	w.argocd.is(engine)
	w.prometheus.is(d.Metrics)
	if w.clock == nil || w.clock.Runs() {
		ctx, stop := context.WithCancel(context.Background())
		w.closers = append(w.closers, func() error { stop(); return nil })
		go engine.Run(ctx, 20*time.Millisecond)
	}
	return d, nil
}

// ours names the hosted repository in the sample's files.
const ours = "https://git.example.com/shop/gitops.git"

// named are the sample's files with the address that the repository has here.
func named(data []byte, address string) []byte {
	return bytes.ReplaceAll(data, []byte(ours), []byte(address))
}

// late is a server whose address is known before it is there.
type late struct{ handler atomic.Pointer[http.Handler] }

func (l *late) is(h http.Handler) { l.handler.Store(&h) }

func (l *late) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := l.handler.Load(); h != nil {
		(*h).ServeHTTP(w, r)
		return
	}
	http.Error(w, "not started", http.StatusServiceUnavailable)
}

// Publish adds a version to the chart repository.
func (w *World) Publish(c Chart) { w.charts.add(c) }

// PublishImage adds a tag to a repository of the registry.
func (w *World) PublishImage(repo, tag string) error {
	return pushImage(strings.TrimPrefix(w.Registry, "http://"), repo, tag)
}
