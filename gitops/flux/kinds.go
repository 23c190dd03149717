package flux

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	sourcev1beta2 "github.com/fluxcd/source-controller/api/v1beta2"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"promoter/promoter/converge"
)

// kind is a kind of objects, whatever its version.
type kind struct{ group, name string }

// served is how a cluster serves a kind.
type served struct {
	resource   schema.GroupVersionResource
	namespaced bool
	status     bool // the kind has a status of its own
	missing    bool // the cluster does not know the kind
}

// fluxKind says which of Flux's kinds we read, and at which versions.
type fluxKind struct {
	group    string
	versions []string // the best first
	must     bool     // there is no Flux without it
}

var fluxKinds = map[string]fluxKind{
	sourcev1.GitRepositoryKind:    {converge.FluxSourceGroup, []string{sourcev1.GroupVersion.Version}, true},
	sourcev1.OCIRepositoryKind:    {converge.FluxSourceGroup, []string{sourcev1.GroupVersion.Version, sourcev1beta2.GroupVersion.Version}, false},
	sourcev1.HelmChartKind:        {converge.FluxSourceGroup, []string{sourcev1.GroupVersion.Version, sourcev1beta2.GroupVersion.Version}, false},
	kustomizev1.KustomizationKind: {converge.FluxApplyGroup, []string{kustomizev1.GroupVersion.Version}, true},
	helmv2.HelmReleaseKind:        {converge.FluxHelmGroup, []string{helmv2.GroupVersion.Version}, false},
}

// fluxKind finds the version that is served. A kind that is served only at
// versions that we cannot read is an error: its objects would go unseen.
func (c *cluster) fluxKind(ctx context.Context, name string) (served, error) {
	want := fluxKinds[name]
	of, err := c.discover(ctx, kind{want.group, name}, want.versions)
	if err == nil && of.missing && want.must {
		err = fmt.Errorf("the cluster has no kind %s: Flux is not installed", name)
	}
	return of, err
}

func (c *cluster) kindOf(ctx context.Context, ref converge.Ref) (served, error) {
	return c.discover(ctx, kind{ref.Group, ref.Kind}, nil)
}

func (c *cluster) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.kinds)
}

// discover asks which resource a kind is, at the best of the versions, or at
// the one that the cluster prefers when none is named. It remembers what is
// there, and not what is missing.
func (c *cluster) discover(ctx context.Context, of kind, versions []string) (served, error) {
	c.mu.Lock()
	known, ok := c.kinds[of]
	c.mu.Unlock()
	if ok {
		return known, nil
	}
	have, preferred, err := c.versions(ctx, of.group)
	if err != nil || len(have) == 0 {
		return served{missing: true}, err
	}
	candidates := versions
	if versions == nil {
		candidates = append([]string{preferred}, have...)
	}
	for _, version := range candidates {
		if !slices.Contains(have, version) {
			continue
		}
		found, err := c.serves(ctx, schema.GroupVersion{Group: of.group, Version: version}, of.name)
		if err != nil {
			return served{}, err
		}
		if !found.missing {
			c.mu.Lock()
			c.kinds[of] = found
			c.mu.Unlock()
			return found, nil
		}
	}
	for _, version := range have {
		if versions == nil || slices.Contains(versions, version) {
			continue
		}
		other, err := c.serves(ctx, schema.GroupVersion{Group: of.group, Version: version}, of.name)
		if err != nil {
			return served{}, err
		}
		if !other.missing {
			return served{}, fmt.Errorf("kind %s is only served at %s, and %s is needed", of.name, version, strings.Join(versions, " or "))
		}
	}
	return served{missing: true}, nil
}

// versions are those that a group is served at.
func (c *cluster) versions(ctx context.Context, group string) (have []string, preferred string, err error) {
	if group == "" {
		return []string{"v1"}, "v1", nil
	}
	raw, err := c.raw.Get().AbsPath("/apis/" + group).Do(ctx).Raw()
	if kerrors.IsNotFound(err) {
		return nil, "", nil
	}
	var of metav1.APIGroup
	if err == nil {
		err = json.Unmarshal(raw, &of)
	}
	if err == nil && (of.Kind != "APIGroup" || of.Name != group) {
		err = fmt.Errorf("the answer is a %q of %q", of.Kind, of.Name)
	}
	if err != nil {
		return nil, "", fmt.Errorf("discover group %q: %w", group, err)
	}
	for _, v := range of.Versions {
		have = append(have, v.Version)
	}
	return have, of.PreferredVersion.Version, nil
}

func (c *cluster) serves(ctx context.Context, gv schema.GroupVersion, name string) (served, error) {
	path := "/apis/" + gv.String()
	if gv.Group == "" {
		path = "/api/" + gv.Version
	}
	raw, err := c.raw.Get().AbsPath(path).Do(ctx).Raw()
	var list metav1.APIResourceList
	if err == nil {
		err = json.Unmarshal(raw, &list)
	}
	if err == nil && list.Kind != "APIResourceList" {
		err = fmt.Errorf("the answer is a %q", list.Kind)
	}
	if err != nil {
		return served{}, fmt.Errorf("discover %s: %w", gv, err)
	}
	found := served{missing: true}
	for _, r := range list.APIResources {
		if r.Kind == name && !strings.Contains(r.Name, "/") {
			found = served{resource: gv.WithResource(r.Name), namespaced: r.Namespaced}
		}
	}
	found.status = slices.ContainsFunc(list.APIResources, func(r metav1.APIResource) bool { return r.Name == found.resource.Resource+"/status" })
	return found, nil
}
