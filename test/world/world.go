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
)

//go:embed all:sample
var sample embed.FS

// World is the running servers.
type World struct {
	Charts   string // URL of the chart repository: https://charts.example.com
	Registry string // URL of the registry: registry.example.com and docker.io
	servers  []*http.Server
	closers  []func() error
}

// Start starts the chart repository and the registry and fills them.
func Start() (*World, error) {
	w := &World{}
	var err error
	if w.Charts, err = w.serve(chartRepository(Charts())); err != nil {
		return nil, err
	}
	if w.Registry, err = w.serve(ociRegistry()); err != nil {
		return nil, err
	}
	if err := fill(strings.TrimPrefix(w.Registry, "http://")); err != nil {
		w.Close()
		return nil, fmt.Errorf("fill the registry: %w", err)
	}
	return w, nil
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
	for _, s := range w.servers {
		_ = s.Close() // what was open is of no use any more
	}
	for _, c := range w.closers {
		_ = c()
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
