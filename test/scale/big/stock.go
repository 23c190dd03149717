package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"promoter/test/world"
)

const (
	charts   = 400 // in two chart repositories
	images   = 300
	versions = 30 // of each
)

func chartName(i int) string { return fmt.Sprintf("chart-%03d", i%charts) }
func imageName(i int) string { return fmt.Sprintf("registry.example.com/team/image-%03d", i%images) }
func version(v int) string   { return fmt.Sprintf("1.%d.0", v) }

// shelfOf is the chart repository that has a chart.
func shelfOf(chart int) string {
	return []string{"https://charts.example.com/stable", "https://charts.example.com/platform"}[chart%charts%2]
}

// stock is what exists upstream: two chart repositories and a registry.
type stock struct {
	url   string
	meter meter
	stop  func()

	mu    sync.Mutex
	index [2][]byte
}

// open serves the stock.
func openStock() (*stock, error) {
	s := &stock{}
	s.publish(0)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stable/index.yaml", func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, 0) })
	mux.HandleFunc("GET /platform/index.yaml", func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, 1) })
	mux.HandleFunc("GET /v2/", func(w http.ResponseWriter, r *http.Request) {
		name, ok := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/v2/"), "/tags/list")
		if !ok {
			w.WriteHeader(http.StatusOK)
			return
		}
		var tags []string
		for v := range versions {
			tags = append(tags, version(v))
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"name": name, "tags": tags}) // a client that is gone needs no answer
	})
	web := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.meter.serve(w, r, mux) })}
	go func() { _ = web.Serve(l) }() // ends with stop
	s.url, s.stop = "http://"+l.Addr().String(), func() { _ = web.Close() }
	return s, nil
}

// publish has the first charts, so many of them, release one version more.
func (s *stock) publish(newer int) {
	var lists [2][]world.Chart
	for c := range charts {
		n := versions
		if c < newer {
			n++
		}
		for v := range n {
			lists[c%2] = append(lists[c%2], world.Chart{
				Name: chartName(c), Version: version(v), AppVersion: fmt.Sprintf("2.%d", v), Created: time.Date(2024, 1, 1+v, c%24, 0, 0, 0, time.UTC),
			})
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, list := range lists {
		s.index[i] = world.Index(list)
	}
}

func (s *stock) serve(w http.ResponseWriter, r *http.Request, which int) {
	s.mu.Lock()
	text := s.index[which]
	s.mu.Unlock()
	tag := fmt.Sprintf(`"%x"`, sha256.Sum256(text))
	w.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write(text) // a client that is gone needs no answer
}
