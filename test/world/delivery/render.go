package delivery

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"promoter/test/world/argocd"
)

// content is what an application's sources say at one moment.
type content struct {
	revisions []string // one for each source
	objects   []rendered
	artifacts map[string]string // version by chart, or by image without its tag
	images    []string
	digest    string   // of objects and artifacts
	own       []string // images that stand for a chart
}

// rendered is one object.
type rendered struct {
	group, version, kind, namespace, name string
	text                                  string // JSON
	images                                []string
}

func (r rendered) id() string { return r.group + "/" + r.kind + "/" + r.namespace + "/" + r.name }

// finder knows what sources name.
type finder struct {
	origin *origin
	head   string
	ours   func(repoURL string) bool
}

// resolve returns the revision of every source: a chart's version, and the
// commit of what lies in the repository.
func (f finder) resolve(spec argocd.Spec) ([]string, error) {
	sources := sourcesOf(spec)
	if len(sources) == 0 {
		return nil, errors.New("application spec has no source")
	}
	out := make([]string, len(sources))
	for i, s := range sources {
		if s.Chart != "" {
			out[i] = s.TargetRevision
			continue
		}
		if !f.ours(s.RepoURL) {
			return nil, fmt.Errorf("failed to list refs of %s: repository not found", s.RepoURL)
		}
		var err error
		if out[i], err = f.origin.resolve(s.TargetRevision, f.head); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// render makes the content of an application at the revisions of its sources.
func render(m manifest, from *origin, revisions []string) (*content, error) {
	c := &content{artifacts: map[string]string{}, revisions: revisions}
	sources := sourcesOf(m.app.Spec)
	refs := map[string]*tree{}
	trees := make([]*tree, len(sources))
	charts := 0
	for i, s := range sources {
		if s.Chart != "" {
			charts++
			continue
		}
		var err error
		if trees[i], err = from.tree(revisions[i]); err != nil {
			return nil, err
		}
		if s.Ref != "" {
			refs["$"+s.Ref] = trees[i]
		}
	}
	for i, s := range sources {
		var err error
		switch {
		case s.Chart != "":
			name := releaseOf(m.app, s)
			if charts > 1 {
				name += "-" + s.Chart
			}
			err = c.chart(name, s.Chart, s.RepoURL, s, refs)
		case s.Path != "":
			err = c.directory(m, i, s, trees[i], refs)
		case s.Ref == "":
			err = errors.New("a source of a repository has neither path nor ref")
		}
		if err != nil {
			return nil, err
		}
	}
	c.finish(m.app.Spec.Destination.Namespace)
	return c, nil
}

func releaseOf(app argocd.Application, s argocd.Source) string {
	if name, ok := s.Helm["releaseName"].(string); ok && name != "" {
		return name
	}
	return app.Metadata.Name
}

// directory renders a path of a repository: a kustomization, a chart, or
// plain manifests.
func (c *content) directory(m manifest, i int, s argocd.Source, t *tree, refs map[string]*tree) error {
	dir := strings.Trim(path.Clean("/"+s.Path), "/")
	files := t.under(dir, false)
	if len(t.under(dir, true)) == 0 {
		return fmt.Errorf("%s: app path does not exist", s.Path)
	}
	for _, name := range files {
		switch path.Base(name) {
		case "kustomization.yaml", "kustomization.yml", "Kustomization":
			docs, err := kustomized(t, dir, m.kustomize[i])
			if err != nil {
				return err
			}
			return c.take(docs)
		case "Chart.yaml":
			return c.ownChart(m, s, t, dir, refs)
		}
	}
	for _, name := range files {
		if !isYAML(name) {
			continue
		}
		docs, err := documents(t.files[name])
		if err == nil {
			err = c.take(docs)
		}
		if err != nil {
			return fmt.Errorf("failed to unmarshal %q: %w", path.Base(name), err)
		}
	}
	return nil
}

// take adds objects that are written out.
func (c *content) take(docs []map[string]any) error {
	for _, doc := range docs {
		api, _ := doc["apiVersion"].(string)
		kind, _ := doc["kind"].(string)
		meta, _ := doc["metadata"].(map[string]any)
		name, _ := meta["name"].(string)
		if api == "" || kind == "" || name == "" {
			return fmt.Errorf("object of kind %q named %q is no resource", kind, name)
		}
		namespace, _ := meta["namespace"].(string)
		group, version, grouped := strings.Cut(api, "/")
		if !grouped {
			group, version = "", api
		}
		text, err := json.Marshal(doc)
		if err != nil {
			return fmt.Errorf("encode %s %s: %w", kind, name, err)
		}
		c.objects = append(c.objects, rendered{
			group: group, version: version, kind: kind, namespace: namespace, name: name, text: string(text), images: containers(doc),
		})
	}
	return nil
}

// clusterWide are the usual kinds without a namespace.
var clusterWide = []string{"Namespace", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "PersistentVolume", "StorageClass", "PriorityClass", "IngressClass", "ClusterIssuer"}

// finish gives objects their namespace, and sums up.
func (c *content) finish(namespace string) {
	sum := sha256.New()
	for i := range c.objects {
		o := &c.objects[i]
		if o.namespace == "" && !slices.Contains(clusterWide, o.kind) {
			o.namespace = namespace
		}
		for _, image := range o.images {
			if repo, version := splitImage(image); !slices.Contains(c.own, image) {
				c.artifacts[repo] = version
			}
			if !slices.Contains(c.images, image) {
				c.images = append(c.images, image)
			}
		}
	}
	slices.SortFunc(c.objects, func(a, b rendered) int { return strings.Compare(a.id(), b.id()) })
	slices.Sort(c.images)
	for _, o := range c.objects {
		fmt.Fprintf(sum, "%s %s\n", o.id(), o.text)
	}
	for _, name := range sortedKeys(c.artifacts) {
		fmt.Fprintf(sum, "%s=%s\n", name, c.artifacts[name])
	}
	c.digest = hex.EncodeToString(sum.Sum(nil)[:12])
}

// splitImage parts an image from its tag or digest.
func splitImage(image string) (repo, version string) {
	if repo, digest, ok := strings.Cut(image, "@"); ok {
		name, _ := splitImage(repo)
		return name, digest
	}
	if i := strings.LastIndex(image, ":"); i > strings.LastIndex(image, "/") {
		return image[:i], image[i+1:]
	}
	return image, "latest"
}

// containers are the images of an object's pods, wherever its kind keeps them.
func containers(v any) []string {
	var out []string
	switch v := v.(type) {
	case map[string]any:
		for _, k := range sortedKeys(v) {
			list, ok := v[k].([]any)
			if !ok || k != "containers" && k != "initContainers" {
				out = append(out, containers(v[k])...)
				continue
			}
			for _, e := range list {
				one, _ := e.(map[string]any)
				if image, ok := one["image"].(string); ok && image != "" {
					out = append(out, image)
				}
			}
		}
	case []any:
		for _, e := range v {
			out = append(out, containers(e)...)
		}
	}
	return out
}

// runs reports whether an object has pods.
func (r rendered) runs() bool { return len(r.images) > 0 }

// same reports whether two contents are one.
func (c *content) same(other *content) bool {
	return c != nil && other != nil && c.digest == other.digest
}

// pods is what of a content its pods are made of.
func (c *content) pods() string {
	if c == nil {
		return ""
	}
	var b strings.Builder
	for _, o := range c.objects {
		if o.runs() {
			b.WriteString(o.id() + o.text + "\n")
		}
	}
	return b.String()
}
