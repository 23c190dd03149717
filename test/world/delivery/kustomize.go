package delivery

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// kustomized builds a kustomization with kustomize itself, from the tree and
// from nowhere else.
func kustomized(t *tree, dir string, images []string) ([]map[string]any, error) {
	if err := local(t, dir, map[string]bool{}); err != nil {
		return nil, err
	}
	disk, err := t.fs()
	if err != nil {
		return nil, err
	}
	at := "/" + dir
	if len(images) > 0 {
		if at, err = overlay(disk, dir, images); err != nil {
			return nil, err
		}
		defer func() { _ = disk.RemoveAll(at) }() // the next one makes its own
	}
	options := krusty.MakeDefaultOptions()
	built, err := krusty.MakeKustomizer(options).Run(disk, at)
	if err != nil {
		return nil, fmt.Errorf("`kustomize build %s` failed: %w", dir, err)
	}
	text, err := built.AsYaml()
	if err != nil {
		return nil, fmt.Errorf("`kustomize build %s` failed: %w", dir, err)
	}
	return documents(text)
}

// overlay puts a kustomization with the spec's images on top of a directory,
// as `kustomize edit set image` would.
func overlay(disk filesys.FileSystem, dir string, images []string) (string, error) {
	type image struct {
		Name    string `yaml:"name"`
		NewName string `yaml:"newName,omitempty"`
		NewTag  string `yaml:"newTag,omitempty"`
		Digest  string `yaml:"digest,omitempty"`
	}
	var list []image
	for _, text := range images {
		name, to, renamed := strings.Cut(text, "=")
		if !renamed {
			to = name
		}
		repo, version := splitImage(to)
		if !renamed {
			name = repo
		}
		one := image{Name: name, NewName: repo, NewTag: version}
		if strings.Contains(to, "@") {
			one.NewTag, one.Digest = "", version
		}
		list = append(list, one)
	}
	at := "/.overlay"
	text, err := yaml.Marshal(map[string]any{"resources": []string{"../" + dir}, "images": list})
	if err == nil {
		err = disk.WriteFile(at+"/kustomization.yaml", text)
	}
	return at, err
}

// local refuses a kustomization that names what is not in the tree: kustomize
// would fetch it.
func local(t *tree, dir string, seen map[string]bool) error {
	if seen[dir] {
		return nil
	}
	seen[dir] = true
	for _, name := range t.under(dir, false) {
		switch path.Base(name) {
		case "kustomization.yaml", "kustomization.yml", "Kustomization":
		default:
			continue
		}
		docs, err := documents(t.files[name])
		if err != nil || len(docs) != 1 {
			return fmt.Errorf("`kustomize build %s` failed: %s is no kustomization", dir, path.Base(name))
		}
		if docs[0]["helmCharts"] != nil || remote(docs[0]) {
			return fmt.Errorf("`kustomize build %s` failed: it needs charts or addresses from elsewhere", dir)
		}
		for _, key := range []string{"resources", "bases", "components", "generators", "transformers", "validators"} {
			list, _ := docs[0][key].([]any)
			for _, e := range list {
				entry, _ := e.(string)
				if strings.Contains(entry, "\n") {
					continue // written inline
				}
				at := strings.TrimPrefix(path.Join("/", dir, entry), "/")
				_, file := t.files[at]
				if !file && len(t.under(at, true)) == 0 {
					return fmt.Errorf("`kustomize build %s` failed: %q is not in the repository", dir, entry)
				}
				if file {
					continue
				}
				if err := local(t, at, seen); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// remote reports whether an address stands where kustomize would fetch it.
func remote(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if k != "commonAnnotations" && remote(e) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, remote)
	case string:
		return strings.HasPrefix(v, "http://") || strings.HasPrefix(v, "https://")
	}
	return false
}
