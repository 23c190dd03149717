package ociregistry

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"

	"promoter/detectors/source"
	"promoter/promoter"
)

const (
	helmConfig  = "application/vnd.cncf.helm.config.v1+json"
	fluxConfig  = "application/vnd.cncf.flux.config.v1+json" // manifests, as "flux push artifact" packs them
	ociManifest = "application/vnd.oci.image.manifest.v1+json"
	manifests   = ociManifest + ", application/vnd.oci.image.index.v1+json, " +
		"application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json"

	maxManifest = 4 << 20 // the limit that registries keep themselves
)

// ErrNotChart says that a tag holds something other than a Helm chart.
var ErrNotChart = errors.New("not a Helm chart")

var digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
}

type manifest struct {
	Config      descriptor        `json:"config"`
	Annotations map[string]string `json:"annotations"`
}

// notChart says what a tag holds instead of a Helm chart.
type notChart struct{ tag, name, config string }

func (e *notChart) Error() string {
	return fmt.Sprintf("tag %q of %q is not a Helm chart: its configuration is %q", e.tag, e.name, e.config)
}

func (e *notChart) Unwrap() error { return ErrNotChart }

// CheckChart reads one version of a chart in a registry: its digest, when it
// was made, and what its Chart.yaml says. The error wraps ErrNotChart when the
// tag exists and is something else.
func (r *Registry) CheckChart(ctx context.Context, a promoter.Artifact, version string) (promoter.Release, error) {
	rel := promoter.Release{Version: version}
	repo, err := repositoryFor(a)
	if err != nil {
		return rel, err
	}
	tag := tagOf(a.Kind, version)
	if !tagForm.MatchString(tag) {
		return rel, fmt.Errorf("read chart: %q is not a tag", tag)
	}
	b, err := r.fetch(ctx, repo, repo.url("/manifests/"+tag), source.FetchOptions{Accept: ociManifest, MaxBytes: maxManifest})
	if err != nil {
		return rel, fmt.Errorf("read chart: %w", err)
	}
	data, err := b.ReadAll()
	if err != nil {
		return rel, err
	}
	var m manifest
	if json.Unmarshal(data, &m) != nil {
		return rel, fmt.Errorf("read chart: the manifest of %q from %q is not JSON", tag, repo.host)
	}
	sum := sha256.Sum256(data)
	rel.Digest = "sha256:" + hex.EncodeToString(sum[:])
	if t, err := time.Parse(time.RFC3339, m.Annotations["org.opencontainers.image.created"]); err == nil {
		rel.Created = t
	}
	rel.FirstSeen = r.client.Seen(a, version, rel.Digest)
	if m.Config.MediaType != helmConfig {
		return rel, &notChart{tag, repo.name, m.Config.MediaType}
	}
	meta, err := r.chartMeta(ctx, repo, m.Config)
	if err != nil {
		return rel, err
	}
	rel.AppVersion, rel.Deprecated, rel.KubeRange, rel.Home = meta.AppVersion, meta.Deprecated, meta.KubeVersion, meta.Home
	rel.Notes = cmp.Or(meta.Annotations["artifacthub.io/changes"], m.Annotations["artifacthub.io/changes"])
	return rel, nil
}

type chartMeta struct {
	AppVersion  string            `json:"appVersion"`
	Deprecated  bool              `json:"deprecated"`
	KubeVersion string            `json:"kubeVersion"`
	Home        string            `json:"home"`
	Annotations map[string]string `json:"annotations"`
}

// chartMeta reads a chart's configuration blob, which is its Chart.yaml as
// JSON. Its address is its content, so a copy never goes stale; the content
// is held against it.
func (r *Registry) chartMeta(ctx context.Context, repo repository, d descriptor) (chartMeta, error) {
	var meta chartMeta
	if !digestForm.MatchString(d.Digest) {
		return meta, fmt.Errorf("read chart: %q is not a digest", d.Digest)
	}
	const forever = 10 * 365 * 24 * time.Hour
	b, err := r.fetch(ctx, repo, repo.url("/blobs/"+d.Digest), source.FetchOptions{MaxBytes: maxManifest, MaxAge: forever})
	if err != nil {
		return meta, fmt.Errorf("read chart: %w", err)
	}
	data, err := b.ReadAll()
	if err != nil {
		return meta, err
	}
	if sum := sha256.Sum256(data); "sha256:"+hex.EncodeToString(sum[:]) != d.Digest {
		return meta, fmt.Errorf("read chart: a blob from %q is not what its digest says", repo.host)
	}
	if json.Unmarshal(data, &meta) != nil {
		return meta, fmt.Errorf("read chart: the configuration from %q is not JSON", repo.host)
	}
	return meta, nil
}

// maxChecks bounds the manifests read for one listing: registries count them.
const maxChecks = 5

// checkNewest makes sure that the newest version is a chart, drops newer ones
// that are not, and fills in what it says of itself. A check that cannot be
// made leaves the listing unknown: better no proposal than one of an image
// under a chart's name.
func (r *Registry) checkNewest(ctx context.Context, a promoter.Artifact, rels []promoter.Release) ([]promoter.Release, error) {
	type candidate struct {
		i int
		v *semver.Version
	}
	var all []candidate
	stable := false
	for i, rel := range rels {
		if v, err := semver.StrictNewVersion(rel.Version); err == nil {
			all = append(all, candidate{i, v})
			stable = stable || v.Prerelease() == ""
		}
	}
	slices.SortFunc(all, func(a, b candidate) int { return b.v.Compare(a.v) })
	drop := map[int]bool{}
	checks := 0
	for _, c := range all {
		if stable && c.v.Prerelease() != "" {
			continue
		}
		if checks++; checks > maxChecks {
			return nil, fmt.Errorf("the newest %d tags: %w", maxChecks, ErrNotChart)
		}
		rel, err := r.CheckChart(ctx, a, rels[c.i].Version)
		var other *notChart
		if errors.As(err, &other) && other.config == fluxConfig {
			err = nil // what a Flux OCIRepository names under the kind of charts
		}
		if errors.Is(err, ErrNotChart) {
			drop[c.i] = true
			continue
		}
		if err != nil {
			return nil, err
		}
		rels[c.i] = rel
		break
	}
	var kept []promoter.Release
	for i, rel := range rels {
		if !drop[i] {
			kept = append(kept, rel)
		}
	}
	return kept, nil
}

// Digest asks for the digest that a tag points to now, with a HEAD request,
// which registries do not count as a pull. It is not answered offline.
func (r *Registry) Digest(ctx context.Context, a promoter.Artifact, tag string) (string, error) {
	repo, err := repositoryFor(a)
	if err != nil {
		return "", err
	}
	if tag = tagOf(a.Kind, tag); !tagForm.MatchString(tag) {
		return "", fmt.Errorf("read digest: %q is not a tag", tag)
	}
	u := repo.url("/manifests/" + tag)
	for again := false; ; again = true {
		req := &http.Request{Method: http.MethodHead, URL: u, Header: http.Header{"Accept": {manifests}}}
		if h := r.sessions.header(repo.key()); h != "" {
			req.Header.Set("Authorization", h)
		}
		resp, err := r.client.DoFor(ctx, source.Registry, req)
		if err != nil {
			return "", fmt.Errorf("read digest: %w", err)
		}
		err = source.StatusError(u, resp)
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			d := resp.Header.Get("Docker-Content-Digest")
			if d == "" {
				return r.contentDigest(ctx, repo, tag)
			}
			if !digestForm.MatchString(d) {
				return "", fmt.Errorf("read digest: %q from %q is not a digest", d, repo.host)
			}
			r.client.Seen(a, versionOf(a.Kind, tag), d)
			return d, nil
		}
		var denied *source.Denied
		if again || !errors.As(err, &denied) {
			return "", fmt.Errorf("read digest: %w", err)
		}
		if err := r.sessions.answer(ctx, repo.key(), denied); err != nil {
			return "", fmt.Errorf("read digest: %w", err)
		}
	}
}

// contentDigest computes what an old registry does not say.
func (r *Registry) contentDigest(ctx context.Context, repo repository, tag string) (string, error) {
	b, err := r.fetch(ctx, repo, repo.url("/manifests/"+tag), source.FetchOptions{Accept: manifests, MaxBytes: maxManifest})
	if err != nil {
		return "", fmt.Errorf("read digest: %w", err)
	}
	f, err := b.Open()
	if err != nil {
		return "", fmt.Errorf("read digest: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("read digest: %w", err)
	}
	if strings.HasPrefix(b.ContentType, "application/vnd.docker.distribution.manifest.v1") {
		return "", fmt.Errorf("read digest: %q holds a manifest of the old schema 1", repo.host)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}
