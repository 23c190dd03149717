package world

import (
	"embed"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"promoter/test/world/delivery"
)

//go:embed all:sample
var sample embed.FS

// World is the running servers.
type World struct {
	Charts   string // URL of the chart repository: https://charts.example.com
	Registry string // URL of the registry: registry.example.com and docker.io
	// ArgoCD and Prometheus are URLs that answer once something is delivered.
	ArgoCD, Prometheus string

	clock              *delivery.Clock // nil: the wall's
	charts             *shelf
	argocd, prometheus late
	servers            []*http.Server
	closers            []func() error
}

// Start starts the chart repository and the registry and fills them. All of
// the world's times come from the clock; nil: the wall's.
func Start(clock *delivery.Clock) (*World, error) {
	w := &World{clock: clock}
	w.charts = &shelf{now: w.Now, charts: Charts()}
	for _, s := range []struct {
		url *string
		h   http.Handler
	}{{&w.Charts, w.charts}, {&w.Registry, ociRegistry()}, {&w.ArgoCD, &w.argocd}, {&w.Prometheus, &w.prometheus}} {
		var err error
		if *s.url, err = w.serve(s.h); err != nil {
			w.Close()
			return nil, err
		}
	}
	if err := fill(strings.TrimPrefix(w.Registry, "http://")); err != nil {
		w.Close()
		return nil, fmt.Errorf("fill the registry: %w", err)
	}
	return w, nil
}

// Now is the world's time.
func (w *World) Now() time.Time {
	if w.clock == nil {
		return time.Now()
	}
	return w.clock.Now()
}

// serve starts a server on a free port of loopback.
func (w *World) serve(h http.Handler) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	w.servers = append(w.servers, s)
	go func() { _ = s.Serve(l) }() // ends with Close; its error is then ErrServerClosed
	return "http://" + l.Addr().String(), nil
}

// Close stops the servers.
func (w *World) Close() {
	for _, c := range w.closers {
		_ = c()
	}
	for _, s := range w.servers {
		_ = s.Close() // what was open is of no use any more
	}
}

// Mirrors are where the sample's addresses really are: from, to.
func (w *World) Mirrors() [][2]string {
	return [][2]string{
		{"https://charts.example.com", w.Charts},
		{"registry.example.com", w.Registry},
		{"docker.io", w.Registry},
		{"k8s.gcr.io", w.Registry},
	}
}

// WriteSample writes the sample GitOps repository into a directory.
func WriteSample(dir string) error {
	root, err := fs.Sub(sample, "sample")
	if err != nil {
		return err
	}
	return fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(dir, filepath.FromSlash(path))
		if d.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		data, err := fs.ReadFile(root, path)
		if err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o644)
	})
}
