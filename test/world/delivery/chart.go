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

	"gopkg.in/yaml.v3"

	"promoter/test/world/argocd"
)

// chart renders a chart at its version: one Deployment and its Service. The
// pods run the chart's own image, which has the chart's version, and those
// that the values name.
func (c *content) chart(name, chart, repo string, s argocd.Source, refs map[string]*tree) error {
	if s.TargetRevision == "" {
		return fmt.Errorf("chart %s has no version", chart)
	}
	values, err := valuesOf(s, nil, "", refs)
	if err != nil {
		return err
	}
	c.artifacts[chart] = s.TargetRevision
	return c.release(name, chart, s.TargetRevision, hostOf(repo)+"/"+path.Base(chart)+":"+s.TargetRevision, values)
}

// ownChart renders a chart that lies in the repository. Its dependencies are
// what it runs.
func (c *content) ownChart(m manifest, s argocd.Source, t *tree, dir string, refs map[string]*tree) error {
	var meta struct {
		Name         string `yaml:"name"`
		Version      string `yaml:"version"`
		AppVersion   string `yaml:"appVersion"`
		Dependencies []struct {
			Name       string `yaml:"name"`
			Version    string `yaml:"version"`
			Repository string `yaml:"repository"`
		} `yaml:"dependencies"`
	}
	if err := yaml.Unmarshal(t.files[path.Join(dir, "Chart.yaml")], &meta); err != nil {
		return fmt.Errorf("read Chart.yaml of %s: %w", dir, err)
	}
	if meta.Name == "" || meta.Version == "" {
		return fmt.Errorf("read Chart.yaml of %s: it has no name or no version", dir)
	}
	values, err := valuesOf(s, t, dir, refs)
	if err != nil {
		return err
	}
	name := releaseOf(m.app, s)
	for _, d := range meta.Dependencies {
		c.artifacts[d.Name] = d.Version
		below, _ := values[d.Name].(map[string]any)
		if err := c.release(name+"-"+d.Name, d.Name, d.Version, hostOf(d.Repository)+"/"+d.Name+":"+d.Version, below); err != nil {
			return err
		}
		delete(values, d.Name)
	}
	if len(meta.Dependencies) > 0 && len(imagesIn(values)) == 0 {
		return nil // an umbrella has no pods of its own
	}
	own := ""
	if len(imagesIn(values)) == 0 {
		own = meta.Name + ":" + meta.Version
	}
	c.artifacts[meta.Name] = meta.Version
	return c.release(name, meta.Name, meta.Version, own, values)
}

// release adds the objects of a chart.
func (c *content) release(name, chart, version, image string, values map[string]any) error {
	images := imagesIn(values)
	if image != "" {
		images = append([]string{image}, images...)
		c.own = append(c.own, image)
	}
	text, err := json.Marshal(values)
	if err != nil {
		return fmt.Errorf("read values of %s: %w", name, err)
	}
	sum := sha256.Sum256(text)
	labels := map[string]any{"app.kubernetes.io/name": path.Base(chart), "app.kubernetes.io/instance": name, "helm.sh/chart": path.Base(chart) + "-" + version}
	var pods []any
	for i, image := range images {
		pods = append(pods, map[string]any{"name": fmt.Sprintf("c%d", i), "image": image})
	}
	return c.take([]map[string]any{
		{"apiVersion": "v1", "kind": "Service", "metadata": map[string]any{"name": name, "labels": labels}},
		{
			"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": name, "labels": labels},
			"spec": map[string]any{"template": map[string]any{
				"metadata": map[string]any{"labels": labels, "annotations": map[string]any{"checksum/values": hex.EncodeToString(sum[:8])}},
				"spec":     map[string]any{"containers": pods},
			}},
		},
	})
}

// valuesOf merges a source's values as Helm does: the chart's own, files in
// their order, then what the Application says itself.
func valuesOf(s argocd.Source, t *tree, dir string, refs map[string]*tree) (map[string]any, error) {
	all := map[string]any{}
	if t != nil {
		if data, ok := t.files[path.Join(dir, "values.yaml")]; ok {
			if err := mergeYAML(all, data); err != nil {
				return nil, fmt.Errorf("read values of %s: %w", dir, err)
			}
		}
	}
	missing, _ := s.Helm["ignoreMissingValueFiles"].(bool)
	list, _ := s.Helm["valueFiles"].([]any)
	for _, entry := range list {
		name, _ := entry.(string)
		from, at := t, path.Join(dir, name)
		if ref, rest, ok := strings.Cut(name, "/"); ok && strings.HasPrefix(name, "$") {
			from, at = refs[ref], path.Clean(rest)
		}
		var data []byte
		found := false
		if from != nil {
			data, found = from.files[strings.TrimPrefix(at, "/")]
		}
		if !found {
			if missing {
				continue
			}
			return nil, fmt.Errorf("open %s: no such file or directory", name)
		}
		if err := mergeYAML(all, data); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
	}
	if text, ok := s.Helm["values"].(string); ok {
		if err := mergeYAML(all, []byte(text)); err != nil {
			return nil, fmt.Errorf("read helm.values: %w", err)
		}
	}
	if object, ok := s.Helm["valuesObject"].(map[string]any); ok {
		merge(all, object)
	}
	parameters, _ := s.Helm["parameters"].([]any)
	for _, p := range parameters {
		one, _ := p.(map[string]any)
		name, _ := one["name"].(string)
		set(all, strings.Split(name, "."), one["value"])
	}
	return all, nil
}

func mergeYAML(into map[string]any, data []byte) error {
	docs, err := documents(data)
	if err != nil {
		return err
	}
	if len(docs) > 1 {
		return errors.New("values are one document")
	}
	for _, d := range docs {
		merge(into, d)
	}
	return nil
}

func merge(into, from map[string]any) {
	for k, v := range from {
		below, isMap := v.(map[string]any)
		if !isMap {
			into[k] = v
			continue
		}
		old, _ := into[k].(map[string]any)
		fresh := map[string]any{}
		merge(fresh, old)
		merge(fresh, below)
		into[k] = fresh
	}
}

func set(into map[string]any, keys []string, value any) {
	for len(keys) > 1 {
		below, ok := into[keys[0]].(map[string]any)
		if !ok {
			below = map[string]any{}
			into[keys[0]] = below
		}
		into, keys = below, keys[1:]
	}
	into[keys[0]] = value
}

// imagesIn finds the images in values: strings named image, and maps with a
// repository and a tag.
func imagesIn(v any) []string {
	var out []string
	switch v := v.(type) {
	case map[string]any:
		repo, _ := v["repository"].(string)
		if repo != "" {
			if registry, ok := v["registry"].(string); ok && registry != "" {
				repo = registry + "/" + repo
			}
			if digest, ok := v["digest"].(string); ok && digest != "" {
				out = append(out, repo+"@"+digest)
			} else if v["tag"] != nil {
				out = append(out, fmt.Sprintf("%s:%v", repo, v["tag"]))
			}
		}
		for _, k := range sortedKeys(v) {
			if image, ok := v[k].(string); ok && k == "image" && image != "" {
				out = append(out, image)
				continue
			}
			out = append(out, imagesIn(v[k])...)
		}
	case []any:
		for _, e := range v {
			out = append(out, imagesIn(e)...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// hostOf is a chart repository's host, which stands for its images' registry.
func hostOf(repo string) string {
	_, rest, ok := strings.Cut(repo, "://")
	if !ok {
		rest = repo
	}
	host, _, _ := strings.Cut(rest, "/")
	return host
}
