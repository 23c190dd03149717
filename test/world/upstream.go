// Package world is a small world on loopback: a GitOps repository like a real
// one, and the chart repository, registry and forge that it needs. The demo
// runs in it, and so do the tests: it is made of real servers over real Git.
//
// It refuses to be reached from elsewhere: everything listens on 127.0.0.1.
package world

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Chart is one version of a chart in the world's repository.
type Chart struct {
	Name, Version, AppVersion string
	Created                   time.Time
	Deprecated                bool
	Changes                   string // artifacthub.io/changes
}

func (c Chart) file() string { return c.Name + "-" + c.Version + ".tgz" }

// archive is the chart as it is fetched: the same bytes every time.
func (c Chart) archive() []byte {
	text := fmt.Sprintf("apiVersion: v2\nname: %s\nversion: %s\nappVersion: %q\n", c.Name, c.Version, c.AppVersion)
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	t := tar.NewWriter(z)
	// A buffer takes everything, and the header has what it needs.
	_ = t.WriteHeader(&tar.Header{Name: c.Name + "/Chart.yaml", Mode: 0o644, Size: int64(len(text))})
	_, _ = t.Write([]byte(text))
	_ = t.Close()
	_ = z.Close()
	return b.Bytes()
}

// day is the world's calendar: releases are dated by it, so that what is
// printed is the same on every machine.
func day(month, d int) time.Time { return time.Date(2026, time.Month(month), d, 9, 0, 0, 0, time.UTC) }

// Charts are what https://charts.example.com offers.
func Charts() []Chart {
	return []Chart{
		{Name: "redis", Version: "17.9.2", AppVersion: "7.0.9", Created: day(2, 3)},
		{Name: "redis", Version: "18.1.0", AppVersion: "7.2.1", Created: day(5, 12)},
		{Name: "redis", Version: "18.2.0", AppVersion: "7.2.2", Created: day(7, 20)},
		{Name: "redis", Version: "18.4.0", AppVersion: "7.2.3", Created: day(10, 2), Changes: "- kind: fixed\n  description: Sentinel no longer restarts when the password rotates\n"},
		{Name: "redis", Version: "19.0.0", AppVersion: "7.4.0", Created: day(11, 10), Changes: "- kind: removed\n  description: BREAKING auth.existingSecret must be set\n"},
		{Name: "ingress-gateway", Version: "4.9.0", AppVersion: "1.9.4", Created: day(1, 8)},
		{Name: "ingress-gateway", Version: "4.11.1", AppVersion: "1.11.1", Created: day(6, 2)},
		{Name: "ingress-gateway", Version: "4.11.3", AppVersion: "1.11.3", Created: day(9, 14)},
		{Name: "ingress-gateway", Version: "4.12.0", AppVersion: "1.12.0", Created: day(11, 3)},
		{Name: "metrics-agent", Version: "0.8.2", AppVersion: "0.8.2", Created: day(1, 15), Deprecated: true},
		{Name: "metrics-agent", Version: "0.9.1", AppVersion: "0.9.1", Created: day(3, 1), Deprecated: true},
	}
}

// tags are what the registry holds, by repository. registry.example.com and
// Docker Hub are one server here, told apart by the first segment.
var tags = map[string][]string{
	"shop/storefront":     {"2.3.0", "2.4.0", "2.4.1", "2.5.0", "2.6.0"},
	"shop/redis-exporter": {"1.18", "1.19", "1.20", "1.22"},
	"shop/report-worker":  {"0.9.3-r1", "0.9.4-r1", "0.9.4-r2", "0.9.4-r3"},
	"pause":               {"3.9"},
	"library/nginx":       {"1.25.3", "1.27.0", "1.27.3", "1.28.0", "mainline", "latest"},
}

// ociCharts are charts in the registry.
var ociCharts = map[string][]string{"charts/reporting": {"1.2.0", "1.4.0", "1.4.1", "1.5.0"}}

// Index is the chart repository's index.yaml.
func Index(charts []Chart) []byte {
	var b bytes.Buffer
	b.WriteString("apiVersion: v1\nentries:\n")
	last := ""
	for _, c := range charts {
		if c.Name != last {
			fmt.Fprintf(&b, "  %s:\n", c.Name)
			last = c.Name
		}
		b.WriteString("  - ")
		if c.Changes != "" {
			fmt.Fprintf(&b, "annotations:\n      artifacthub.io/changes: |\n        %s\n    ", strings.ReplaceAll(strings.TrimSpace(c.Changes), "\n", "\n        "))
		}
		fmt.Fprintf(&b, "apiVersion: v2\n    appVersion: %q\n    created: %q\n", c.AppVersion, c.Created.Format(time.RFC3339))
		if c.Deprecated {
			b.WriteString("    deprecated: true\n")
		}
		fmt.Fprintf(&b, "    digest: %x\n    name: %s\n    urls:\n    - %s\n    version: %s\n", sha256.Sum256(c.archive()), c.Name, c.file(), c.Version)
	}
	b.WriteString("generated: \"2026-11-20T00:00:00Z\"\n")
	return b.Bytes()
}

// shelf is a chart repository: index.yaml with an ETag, and archives. Whoever
// puts NAME-VERSION.tgz there, whatever is in it, publishes that version.
type shelf struct {
	now    func() time.Time
	mu     sync.Mutex
	charts []Chart
}

// add puts a version beside the others of its chart.
func (s *shelf) add(c Chart) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.charts = append(s.charts, c)
	slices.SortStableFunc(s.charts, func(a, b Chart) int { return strings.Compare(a.Name, b.Name) })
}

// ServeHTTP implements http.Handler.
func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPut {
		file, ok := strings.CutSuffix(path.Base(r.URL.Path), ".tgz")
		dash := strings.LastIndexByte(file, '-')
		if !ok || dash < 1 {
			http.Error(w, "put NAME-VERSION.tgz", http.StatusBadRequest)
			return
		}
		s.add(Chart{Name: file[:dash], Version: file[dash+1:], AppVersion: file[dash+1:], Created: s.now()})
		w.WriteHeader(http.StatusCreated)
		return
	}
	s.mu.Lock()
	charts := slices.Clone(s.charts)
	s.mu.Unlock()
	if r.URL.Path != "/index.yaml" {
		for _, c := range charts {
			if r.URL.Path == "/"+c.file() {
				w.Header().Set("Content-Type", "application/gzip")
				_, _ = w.Write(c.archive()) // who is gone needs no chart
				return
			}
		}
		http.NotFound(w, r)
		return
	}
	index := Index(charts)
	w.Header().Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256(index)))
	w.Header().Set("Content-Type", "application/x-yaml")
	http.ServeContent(w, r, "index.yaml", time.Time{}, bytes.NewReader(index))
}

// ociRegistry is an empty registry that logs nothing.
func ociRegistry() http.Handler { return registry.New(registry.Logger(log.New(io.Discard, "", 0))) }

// fill pushes the tags and charts to the registry at host.
func fill(host string) error {
	for repo, list := range tags {
		for _, tag := range list {
			if err := pushImage(host, repo, tag); err != nil {
				return err
			}
		}
	}
	for repo, list := range ociCharts {
		for _, tag := range list {
			img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), "application/vnd.cncf.helm.config.v1+json")
			chart := Chart{Name: path.Base(repo), Version: tag, AppVersion: tag}
			img, err := mutate.AppendLayers(img, static.NewLayer(chart.archive(), "application/vnd.cncf.helm.chart.content.v1.tar+gzip"))
			if err != nil {
				return err
			}
			if err := push(host, repo, tag, img); err != nil {
				return err
			}
		}
	}
	return nil
}

// pushImage pushes an image that differs from every other.
func pushImage(host, repo, tag string) error {
	img, err := mutate.AppendLayers(empty.Image, static.NewLayer([]byte(repo+":"+tag), types.OCILayer))
	if err != nil {
		return err
	}
	return push(host, repo, tag, img)
}

func push(host, repo, tag string, img v1.Image) error {
	ref, err := name.ParseReference(host+"/"+repo+":"+tag, name.Insecure)
	if err == nil {
		err = remote.Write(ref, img)
	}
	if err != nil {
		return fmt.Errorf("push %s:%s: %w", repo, tag, err)
	}
	return nil
}
