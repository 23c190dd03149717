package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Chart is a version of the chart that the stories deploy: one Deployment whose
// image has the chart's appVersion as its tag, which says what becomes of it.
type Chart struct {
	Name, Version, App string
}

// Charts is a chart repository over HTTP for each folder of names.
type Charts struct {
	mu    sync.Mutex
	repos map[string][]published
}

type published struct {
	Chart
	archive []byte
	at      time.Time
}

// Add publishes versions in a repository.
func (c *Charts) Add(repository string, charts ...Chart) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, chart := range charts {
		archive, err := chart.archive()
		if err != nil {
			return err
		}
		c.repos[repository] = append(c.repos[repository], published{chart, archive, time.Now().Add(-30 * 24 * time.Hour)})
	}
	return nil
}

// ServeHTTP serves REPOSITORY/index.yaml and REPOSITORY/NAME-VERSION.tgz.
func (c *Charts) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	list, ok := c.repos[r.PathValue("repository")]
	list = slices.Clone(list)
	c.mu.Unlock()
	file := r.PathValue("file")
	if !ok {
		http.NotFound(out, r)
		return
	}
	if file == "index.yaml" {
		fmt.Fprint(out, index(list))
		return
	}
	for _, p := range list {
		if file == p.Name+"-"+p.Version+".tgz" {
			out.Header().Set("Content-Type", "application/gzip")
			_, _ = out.Write(p.archive) // who hangs up does not want it
			return
		}
	}
	http.NotFound(out, r)
}

func index(list []published) string {
	var b strings.Builder
	b.WriteString("apiVersion: v1\nentries:\n")
	names := map[string]bool{}
	for _, p := range list {
		if names[p.Name] {
			continue
		}
		names[p.Name] = true
		fmt.Fprintf(&b, "  %s:\n", p.Name)
		for _, q := range slices.Backward(list) {
			if q.Name == p.Name {
				sum := sha256.Sum256(q.archive)
				fmt.Fprintf(&b, "  - apiVersion: v2\n    appVersion: %s\n    created: %q\n    digest: %s\n    name: %s\n    urls:\n    - %s-%s.tgz\n    version: %s\n",
					q.App, q.at.UTC().Format(time.RFC3339), hex.EncodeToString(sum[:]), q.Name, q.Name, q.Version, q.Version)
			}
		}
	}
	fmt.Fprintf(&b, "generated: %q\n", time.Now().UTC().Format(time.RFC3339))
	return b.String()
}

// archive is the chart as Helm packs it.
func (c Chart) archive() ([]byte, error) {
	var out bytes.Buffer
	packed := gzip.NewWriter(&out)
	t := tar.NewWriter(packed)
	for _, f := range []struct{ name, text string }{
		{"Chart.yaml", fmt.Sprintf("apiVersion: v2\nname: %s\nversion: %s\nappVersion: %s\n", c.Name, c.Version, c.App)},
		{"values.yaml", "image:\n  repository: registry.invalid/web\nreplicas: 2\nextra: \"\"\n"},
		{"templates/deployment.yaml", chartTemplate},
	} {
		if err := t.WriteHeader(&tar.Header{Name: c.Name + "/" + f.name, Mode: 0o644, Size: int64(len(f.text)), ModTime: time.Unix(1e9, 0)}); err != nil {
			return nil, err
		}
		if _, err := t.Write([]byte(f.text)); err != nil {
			return nil, err
		}
	}
	if err := t.Close(); err != nil {
		return nil, err
	}
	if err := packed.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// chartTemplate is what the API server refuses to take where the appVersion ends
// with "-refused_" and the end of the namespace.
const chartTemplate = `{{- $where := regexFind "-refused_.+$" .Chart.AppVersion | replace "-refused_" "-" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
  labels: {app: {{ .Release.Name }}}
spec:
  replicas: {{ if and $where (hasSuffix $where .Release.Namespace) }}-1{{ else }}{{ .Values.replicas }}{{ end }}
  progressDeadlineSeconds: 15
  selector:
    matchLabels: {app: {{ .Release.Name }}}
  template:
    metadata:
      labels: {app: {{ .Release.Name }}, traffic: "yes"}
      annotations: {extra: {{ .Values.extra | quote }}}
    spec:
      containers:
        - name: web
          image: {{ .Values.image.repository }}:{{ .Chart.AppVersion }}
`

// PushChart publishes a chart in the OCI registry, below a folder.
func (w *World) PushChart(ctx context.Context, folder string, c Chart) error {
	archive, err := c.archive()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(w.Dir, "chart")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, c.Name+"-"+c.Version+".tgz")
	if err := os.WriteFile(file, archive, 0o644); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, w.binary("helm"), "push", "--plain-http", file, "oci://"+w.Registry+"/"+folder)
	cmd.Env = append(os.Environ(), "HOME="+dir)
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("push %s: %w: %s", filepath.Base(file), err, said)
	}
	return nil
}

// PushImage publishes an image's tag in the OCI registry: an empty image, for
// no node here pulls it.
func (w *World) PushImage(ctx context.Context, repository, tag string) error {
	config := []byte(`{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}`)
	sum := sha256.Sum256(config)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	base := "http://" + w.Registry + "/v2/" + repository
	at, err := put(ctx, http.MethodPost, base+"/blobs/uploads/", "", nil)
	if err != nil {
		return err
	}
	glue := "?"
	if strings.Contains(at, "?") {
		glue = "&"
	}
	if _, err := put(ctx, http.MethodPut, at+glue+"digest="+digest, "application/octet-stream", config); err != nil {
		return err
	}
	manifest := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":%d},"layers":[]}`, digest, len(config))
	_, err = put(ctx, http.MethodPut, base+"/manifests/"+tag, "application/vnd.oci.image.manifest.v1+json", []byte(manifest))
	return err
}

// put sends something to the registry, and returns the address that it names.
func put(ctx context.Context, method, url, contentType string, data []byte) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(data))
	if err != nil {
		return "", err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return "", fmt.Errorf("%s %s: %w", method, url, &StatusError{Code: resp.StatusCode})
	}
	at, err := resp.Location()
	if err != nil {
		return "", nil // the last answer needs none
	}
	return at.String(), nil
}

// startRegistry starts the OCI registry.
func (w *World) startRegistry(ctx context.Context) error {
	dir, err := w.folder("registry")
	if err != nil {
		return err
	}
	if w.Registry, err = w.ports.next(); err != nil {
		return err
	}
	config := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "version: 0.1\nlog: {level: warn}\nstorage: {filesystem: {rootdirectory: %q}}\nhttp: {addr: %q}\n", dir, w.Registry), 0o644); err != nil {
		return err
	}
	if err := w.start(Command{Name: "registry", Path: w.binary("docker-registry"), Args: []string{"serve", config}, Env: []string{"OTEL_TRACES_EXPORTER=none"}}); err != nil {
		return err
	}
	return w.ready(ctx, "registry", func() error { return reachable(ctx, "http://"+w.Registry+"/v2/") })
}
