package appset

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/argoproj/argo-cd/v2/applicationset/generators"
	"github.com/argoproj/argo-cd/v2/applicationset/utils"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// unknownMark stands for a parameter that only the named kind of generator
// could give. It is made of letters and digits so that it passes through
// template functions, and unlikely enough to be nothing else.
func unknownMark(kind string) string { return "zq7u" + strings.ToLower(kind) + "u7qz" }

var unknownMarks = regexp.MustCompile(`zq7u([a-z]+)u7qz`)

// clusters stands in for the clusters generator. The clusters are those whose
// Secrets are in the repository. Where there must be others, it gives those
// that a merge's other generators name, and one of which nothing is known.
type clusters struct {
	eval  *evaluation
	hints []map[string]any
}

func (clusters) GetRequeueAfter(*v1alpha1.ApplicationSetGenerator) time.Duration { return 0 }

func (clusters) GetTemplate(g *v1alpha1.ApplicationSetGenerator) *v1alpha1.ApplicationSetTemplate {
	return &g.Clusters.Template
}

func (c clusters) GenerateParams(g *v1alpha1.ApplicationSetGenerator, set *v1alpha1.ApplicationSet, _ client.Client) ([]map[string]any, error) {
	var all []map[string]any
	if secrets := c.eval.secrets(); len(secrets) > 0 {
		found, err := c.known(g.Clusters.Selector, set, secrets)
		if err != nil {
			return nil, err
		}
		all = found
	}
	if c.eval.world.open || len(c.hints) > 0 || len(all) == 0 {
		c.eval.unknown["clusters"] = true
		for _, hint := range append(c.hints, nil) {
			all = append(all, c.guess(set, hint))
		}
	}
	for _, params := range all {
		if err := addValues(g.Clusters.Values, params, set); err != nil {
			return nil, err
		}
	}
	if g.Clusters.FlatList {
		return []map[string]any{{"clusters": all}}, nil
	}
	return all, nil
}

// known lists clusters as Argo CD does: its own one only without a selector,
// because that has no Secret whose labels could match.
func (c clusters) known(selector metav1.LabelSelector, set *v1alpha1.ApplicationSet, secrets []clusterSecret) ([]map[string]any, error) {
	match, err := metav1.LabelSelectorAsSelector(&selector)
	if err != nil {
		return nil, fmt.Errorf("read clusters selector: %w", err)
	}
	var all []map[string]any
	local := len(selector.MatchExpressions)+len(selector.MatchLabels) == 0
	for _, s := range secrets {
		if s.server == v1alpha1.KubernetesInternalAPIServerAddr {
			local = false
		}
		if !match.Matches(labels.Set(s.labels)) {
			continue
		}
		params := map[string]any{
			"name": s.name, "nameNormalized": utils.SanitizeName(s.name), "server": s.server, "project": s.project,
		}
		if set.Spec.GoTemplate {
			meta := map[string]any{}
			if len(s.annotations) > 0 {
				meta["annotations"] = s.annotations
			}
			if len(s.labels) > 0 {
				meta["labels"] = s.labels
			}
			params["metadata"] = meta
		} else {
			for k, v := range s.annotations {
				params["metadata.annotations."+k] = v
			}
			for k, v := range s.labels {
				params["metadata.labels."+k] = v
			}
		}
		all = append(all, params)
	}
	if local {
		all = append(all, map[string]any{
			"name": "in-cluster", "nameNormalized": "in-cluster",
			"server": v1alpha1.KubernetesInternalAPIServerAddr, "project": "",
		})
	}
	return all, nil
}

// guess makes the parameters of a cluster of which only the hint is known.
func (c clusters) guess(set *v1alpha1.ApplicationSet, hint map[string]any) map[string]any {
	mark := unknownMark("clusters")
	params := map[string]any{"name": mark, "nameNormalized": mark, "server": mark, "project": ""}
	meta := map[string]any{"labels": map[string]any{}, "annotations": map[string]any{}}
	for _, k := range c.eval.labels {
		meta[k.kind].(map[string]any)[k.key] = mark
		if !set.Spec.GoTemplate {
			params["metadata."+k.kind+"."+k.key] = mark
		}
	}
	if set.Spec.GoTemplate {
		params["metadata"] = meta
	}
	maps.Copy(params, hint)
	if name, ok := hint["name"]; ok && hint["nameNormalized"] == nil {
		params["nameNormalized"] = utils.SanitizeName(fmt.Sprint(name))
	}
	if name, ok := hint["nameNormalized"]; ok && hint["name"] == nil {
		params["name"] = name // normalizing changes few names, and none twice
	}
	return params
}

// metadataKey is a label or annotation of clusters that a template asks for.
type metadataKey struct{ kind, key string }

var (
	fieldKey = regexp.MustCompile(`\.?metadata\.(labels|annotations)\.([\w./-]*\w)`)
	indexKey = regexp.MustCompile("index\\s+\\.metadata\\.(labels|annotations)\\s+[\"`]([^\"`]+)[\"`]")
)

func metadataKeys(text []byte) []metadataKey {
	found := map[metadataKey]bool{}
	for _, re := range []*regexp.Regexp{fieldKey, indexKey} {
		for _, m := range re.FindAllSubmatch(text, -1) {
			found[metadataKey{string(m[1]), string(m[2])}] = true
		}
	}
	return slices.SortedFunc(maps.Keys(found), func(a, b metadataKey) int {
		return strings.Compare(a.kind+a.key, b.kind+b.key)
	})
}

// outside stands in for a generator that asks a forge, a plugin or a resource
// of the cluster: it gives one set of unknown parameters.
type outside struct {
	eval *evaluation
	kind string // as Argo CD's field is called
}

func (outside) GetRequeueAfter(*v1alpha1.ApplicationSetGenerator) time.Duration { return 0 }

func (o outside) GetTemplate(g *v1alpha1.ApplicationSetGenerator) *v1alpha1.ApplicationSetTemplate {
	switch o.kind {
	case "SCMProvider":
		return &g.SCMProvider.Template
	case "PullRequest":
		return &g.PullRequest.Template
	case "Plugin":
		return &g.Plugin.Template
	}
	return &g.ClusterDecisionResource.Template
}

func (o outside) GenerateParams(g *v1alpha1.ApplicationSetGenerator, set *v1alpha1.ApplicationSet, _ client.Client) ([]map[string]any, error) {
	kind := strings.ToLower(o.kind[:1]) + o.kind[1:]
	if o.kind == "SCMProvider" {
		kind = "scmProvider"
	}
	o.eval.unknown[kind] = true
	var keys []string
	var values map[string]string
	switch o.kind {
	case "SCMProvider":
		keys, values = []string{"organization", "repository", "repository_id", "url", "branch", "branchNormalized", "sha", "short_sha", "short_sha_7", "labels"}, g.SCMProvider.Values
	case "PullRequest":
		keys, values = []string{"number", "title", "title_slug", "branch", "branch_slug", "target_branch", "target_branch_slug", "head_sha", "head_short_sha", "head_short_sha_7", "author", "labels"}, nil
	case "ClusterDecisionResource":
		keys, values = []string{"name", "nameNormalized", "server", "clusterName"}, g.ClusterDecisionResource.Values
	case "Plugin":
		values = g.Plugin.Values
	}
	params := map[string]any{}
	for _, k := range keys {
		params[k] = unknownMark(kind)
	}
	if err := addValues(values, params, set); err != nil {
		return nil, err
	}
	return []map[string]any{params}, nil
}

// addValues adds a generator's values, which may use its other parameters.
func addValues(values map[string]string, params map[string]any, set *v1alpha1.ApplicationSet) error {
	rendered := map[string]string{}
	for _, k := range slices.Sorted(maps.Keys(values)) {
		text, err := (&utils.Render{}).Replace(values[k], params, set.Spec.GoTemplate, set.Spec.GoTemplateOptions)
		if err != nil {
			return fmt.Errorf("render values.%s: %w", k, err)
		}
		rendered[k] = text
	}
	for k, v := range rendered {
		if !set.Spec.GoTemplate {
			params["values."+k] = v
		}
	}
	if set.Spec.GoTemplate && len(rendered) > 0 {
		params["values"] = rendered
	}
	return nil
}

// merge is Argo CD's, except that unknown clusters beside other generators are
// taken to be at least those that the others name by the merge keys.
type merge struct {
	eval  *evaluation
	inner map[string]generators.Generator
}

func (merge) GetRequeueAfter(*v1alpha1.ApplicationSetGenerator) time.Duration { return 0 }

func (merge) GetTemplate(g *v1alpha1.ApplicationSetGenerator) *v1alpha1.ApplicationSetTemplate {
	return &g.Merge.Template
}

func (m merge) GenerateParams(g *v1alpha1.ApplicationSetGenerator, set *v1alpha1.ApplicationSet, k client.Client) ([]map[string]any, error) {
	inner := m.inner
	if g.Merge != nil {
		inner = maps.Clone(inner)
		inner["Clusters"] = counted{clusters{eval: m.eval, hints: m.hints(g.Merge, set, k)}, m.eval}
	}
	return generators.NewMergeGenerator(inner).GenerateParams(g, set, k)
}

func (m merge) hints(g *v1alpha1.MergeGenerator, set *v1alpha1.ApplicationSet, k client.Client) []map[string]any {
	var hints []map[string]any
	seen := map[string]bool{}
	for _, child := range g.Generators {
		if child.List == nil && child.Git == nil {
			continue
		}
		results, err := generators.Transform(v1alpha1.ApplicationSetGenerator{List: child.List, Git: child.Git},
			m.inner, v1alpha1.ApplicationSetTemplate{}, set, nil, k)
		if err != nil {
			continue // the merge itself will say so
		}
		for _, r := range results {
			for _, params := range r.Params {
				hint, declared := map[string]any{}, true
				for _, key := range g.MergeKeys {
					if v, ok := params[key].(string); ok && !strings.HasPrefix(key, "values") {
						hint[key] = v
						declared = declared && m.eval.world.declares(key, v)
					}
				}
				id := fmt.Sprint(hint)
				if len(hint) == len(g.MergeKeys) && !declared && !seen[id] {
					seen[id] = true
					hints = append(hints, hint)
				}
			}
		}
	}
	return hints
}
