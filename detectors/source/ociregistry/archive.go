package ociregistry

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"promoter/detectors/source"
	"promoter/promoter"
)

const (
	chartLayer    = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	oldChartLayer = "application/tar+gzip" // of Helm's first trials with registries
)

// Archive fetches the archive of one version of a chart, of at most max bytes:
// two requests, for the manifest and for its one layer that is the chart.
func (r *Registry) Archive(ctx context.Context, a promoter.Artifact, version string, max int64) (*source.Body, error) {
	repo, err := repositoryFor(a)
	if err != nil {
		return nil, err
	}
	tag := tagOf(a.Kind, version)
	if !tagForm.MatchString(tag) {
		return nil, fmt.Errorf("fetch chart: %q is not a tag", tag)
	}
	b, err := r.fetch(ctx, repo, repo.url("/manifests/"+tag), source.FetchOptions{Accept: ociManifest, MaxBytes: maxManifest, MaxAge: time.Hour})
	if err != nil {
		return nil, fmt.Errorf("fetch chart: %w", err)
	}
	data, err := b.ReadAll()
	if err != nil {
		return nil, err
	}
	var m struct {
		Config descriptor   `json:"config"`
		Layers []descriptor `json:"layers"`
	}
	if json.Unmarshal(data, &m) != nil {
		return nil, fmt.Errorf("fetch chart: the manifest of %q from %q is not JSON", tag, repo.host)
	}
	if m.Config.MediaType != helmConfig {
		return nil, &notChart{tag, repo.name, m.Config.MediaType}
	}
	for _, l := range m.Layers {
		switch {
		case l.MediaType != chartLayer && l.MediaType != oldChartLayer:
			continue
		case !digestForm.MatchString(l.Digest):
			return nil, fmt.Errorf("fetch chart: %q is not a digest", l.Digest)
		case l.Size > max:
			return nil, fmt.Errorf("fetch chart: %w", &source.TooLarge{Host: repo.host, Max: max})
		}
		const forever = 10 * 365 * 24 * time.Hour // its address is its content
		b, err := r.fetch(ctx, repo, repo.url("/blobs/"+l.Digest), source.FetchOptions{MaxBytes: max, MaxAge: forever})
		if err != nil {
			return nil, fmt.Errorf("fetch chart: %w", err)
		}
		return b, nil
	}
	return nil, fmt.Errorf("fetch chart: %q of %q holds no chart's archive", tag, repo.name)
}
