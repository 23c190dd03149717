package delivery

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"promoter/test/world/argocd"
)

// manifest is one Application as it is written.
type manifest struct {
	app       argocd.Application
	kustomize [][]string // spec.source(s).kustomize.images, by source
	from      string     // file, for people
}

// declared are the Applications of one commit.
type declared struct {
	apps     []manifest
	problems []string // files and sets that say nothing, and why
}

// documents decodes every document of a YAML file.
func documents(data []byte) ([]map[string]any, error) {
	var out []map[string]any
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc any
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		if m, ok := doc.(map[string]any); ok {
			out = append(out, m)
		}
	}
}

func isYAML(name string) bool {
	return path.Ext(name) == ".yaml" || path.Ext(name) == ".yml"
}

// declare finds the Applications of a tree and of what is written beside it.
// Files that only mention Argo CD in passing cost nothing; one that does and
// cannot be read is a problem, because its applications are then unknown.
func declare(t *tree, beside []byte) declared {
	var d declared
	read := func(name string, data []byte) {
		if !bytes.Contains(data, []byte("argoproj.io/")) {
			return
		}
		docs, err := documents(data)
		if err != nil {
			d.problems = append(d.problems, fmt.Sprintf("%s: %v", name, err))
			return
		}
		for _, doc := range docs {
			if api, _ := doc["apiVersion"].(string); !strings.HasPrefix(api, "argoproj.io/") {
				continue
			}
			var all []map[string]any
			switch doc["kind"] {
			case "Application":
				all = []map[string]any{doc}
			case "ApplicationSet":
				if all, err = generate(doc, t); err != nil {
					d.problems = append(d.problems, fmt.Sprintf("%s: %v", name, err))
				}
			}
			for _, one := range all {
				m, err := application(one)
				if err != nil {
					d.problems = append(d.problems, fmt.Sprintf("%s: %v", name, err))
					continue
				}
				m.from = name
				d.apps = append(d.apps, m)
			}
		}
	}
	for _, name := range t.under("", true) {
		if isYAML(name) {
			read(name, t.files[name])
		}
	}
	read("(beside the repository)", beside)
	return d
}

// application decodes an Application.
func application(doc map[string]any) (manifest, error) {
	var m manifest
	var more struct {
		Spec struct {
			Source  overridden   `json:"source"`
			Sources []overridden `json:"sources"`
		} `json:"spec"`
	}
	text, err := json.Marshal(doc)
	if err != nil {
		return m, fmt.Errorf("read application: %w", err)
	}
	if err := errors.Join(json.Unmarshal(text, &m.app), json.Unmarshal(text, &more)); err != nil {
		return m, fmt.Errorf("read application: %w", err)
	}
	m.app.Status, m.app.Operation = argocd.Status{}, nil // not a manifest's to say
	if m.app.Metadata.Name == "" {
		return m, errors.New("read application: it has no name")
	}
	if m.app.Metadata.Namespace == "" {
		m.app.Metadata.Namespace = "argocd"
	}
	if m.app.Spec.Project == "" {
		m.app.Spec.Project = "default"
	}
	if len(m.app.Spec.Sources) > 0 {
		m.app.Spec.Source = nil // as Argo CD prefers them
	} else {
		more.Spec.Sources = []overridden{more.Spec.Source}
	}
	for _, s := range more.Spec.Sources {
		m.kustomize = append(m.kustomize, s.Kustomize.Images)
	}
	return m, nil
}

// overridden is what a source says to kustomize.
type overridden struct {
	Kustomize struct {
		Images []string `json:"images"`
	} `json:"kustomize"`
}

func sourcesOf(s argocd.Spec) []argocd.Source {
	if len(s.Sources) > 0 {
		return s.Sources
	}
	if s.Source != nil {
		return []argocd.Source{*s.Source}
	}
	return nil
}

// automated reports whether a comparison that differs begins a sync.
func automated(s argocd.Spec) bool {
	if s.SyncPolicy == nil || s.SyncPolicy.Automated == nil {
		return false
	}
	on := s.SyncPolicy.Automated.Enabled
	return on == nil || *on
}

func keyOf(m argocd.Metadata) argocd.Key { return argocd.Key{Namespace: m.Namespace, Name: m.Name} }

// sortedKeys are the keys of a map, for an order that is always the same.
func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
