package delivery

import (
	"fmt"
	"maps"
	"path"
	"strings"
	"text/template"
)

// generate makes the Applications of an ApplicationSet. It knows the list
// generator and Git's directories and files, and refuses every other rather
// than to leave applications out.
func generate(set map[string]any, t *tree) ([]map[string]any, error) {
	meta, _ := set["metadata"].(map[string]any)
	spec, _ := set["spec"].(map[string]any)
	name, _ := meta["name"].(string)
	generators, _ := spec["generators"].([]any)
	tmpl, ok := spec["template"].(map[string]any)
	if !ok || name == "" {
		return nil, fmt.Errorf("read applicationset %q: it has no name or no template", name)
	}
	if _, patched := spec["templatePatch"]; patched {
		return nil, fmt.Errorf("read applicationset %q: template patches are not known here", name)
	}
	goTemplate, _ := spec["goTemplate"].(bool)
	var out []map[string]any
	for _, g := range generators {
		rows, err := parameters(g, t, goTemplate)
		if err != nil {
			return nil, fmt.Errorf("read applicationset %q: %w", name, err)
		}
		for _, row := range rows {
			filled, err := fill(tmpl, row, goTemplate)
			if err != nil {
				return nil, fmt.Errorf("fill applicationset %q: %w", name, err)
			}
			app, _ := filled.(map[string]any) // as the template is
			own, _ := app["metadata"].(map[string]any)
			if own == nil {
				return nil, fmt.Errorf("fill applicationset %q: its template has no metadata", name)
			}
			own["ownerReferences"] = []any{map[string]any{"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet", "name": name, "uid": "set-" + name}}
			if _, ok := own["namespace"]; !ok && meta["namespace"] != nil {
				own["namespace"] = meta["namespace"]
			}
			out = append(out, app)
		}
	}
	return out, nil
}

// parameters are the rows that one generator makes.
func parameters(generator any, t *tree, goTemplate bool) ([]map[string]any, error) {
	g, _ := generator.(map[string]any)
	if list, ok := g["list"].(map[string]any); ok {
		elements, ok := list["elements"].([]any)
		if !ok {
			return nil, fmt.Errorf("a list generator has no elements")
		}
		var rows []map[string]any
		for _, e := range elements {
			row, ok := e.(map[string]any)
			if !ok {
				return nil, fmt.Errorf("an element of a list generator is no map")
			}
			rows = append(rows, row)
		}
		return rows, nil
	}
	if git, ok := g["git"].(map[string]any); ok {
		if dirs, ok := git["directories"].([]any); ok {
			return places(dirs, directories(t), goTemplate, nil)
		}
		if files, ok := git["files"].([]any); ok {
			return fileRows(files, t, goTemplate)
		}
	}
	return nil, fmt.Errorf("no generator but list and git is known here: %v", sortedKeys(g))
}

func directories(t *tree) []string {
	all := map[string]bool{}
	for name := range t.files {
		for d := path.Dir(name); d != "."; d = path.Dir(d) {
			all[d] = true
		}
	}
	return sortedKeys(all)
}

// places are the rows of those paths that a generator's patterns name.
func places(patterns []any, paths []string, goTemplate bool, values map[string]map[string]any) ([]map[string]any, error) {
	var rows []map[string]any
	for _, p := range paths {
		in := false
		for _, entry := range patterns {
			e, _ := entry.(map[string]any)
			pattern, _ := e["path"].(string)
			if ok, err := path.Match(pattern, p); err != nil || !ok {
				continue
			}
			in = true
			if out, _ := e["exclude"].(bool); out {
				in = false
				break
			}
		}
		if !in {
			continue
		}
		row := map[string]any{}
		maps.Copy(row, values[p])
		at := p
		if values != nil {
			if values[p] == nil {
				return nil, fmt.Errorf("%s holds no values", p)
			}
			at = path.Dir(p)
		}
		if goTemplate {
			row["path"] = map[string]any{"path": at, "basename": path.Base(at), "filename": path.Base(p), "segments": strings.Split(at, "/")}
		} else {
			row["path"], row["path.basename"], row["path.filename"] = at, path.Base(at), path.Base(p)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func fileRows(patterns []any, t *tree, goTemplate bool) ([]map[string]any, error) {
	values := map[string]map[string]any{}
	for name := range t.files {
		if !isYAML(name) && path.Ext(name) != ".json" {
			continue
		}
		if docs, err := documents(t.files[name]); err == nil && len(docs) == 1 {
			values[name] = docs[0]
		}
	}
	return places(patterns, sortedKeys(t.files), goTemplate, values)
}

// fill replaces the parameters in every string of a template.
func fill(v any, row map[string]any, goTemplate bool) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			filled, err := fill(e, row, goTemplate)
			if err != nil {
				return nil, err
			}
			out[k] = filled
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			filled, err := fill(e, row, goTemplate)
			if err != nil {
				return nil, err
			}
			out[i] = filled
		}
		return out, nil
	case string:
		if !strings.Contains(v, "{{") {
			return v, nil
		}
		if goTemplate {
			return filledGo(v, row)
		}
		return filledPlain(v, row, "")
	}
	return v, nil
}

func filledGo(text string, row map[string]any) (string, error) {
	t, err := template.New("").Option("missingkey=error").Parse(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := t.Execute(&b, row); err != nil {
		return "", err
	}
	return b.String(), nil
}

// filledPlain is Argo CD's older way: {{name}} and {{map.key}}, and what is
// not known stays as it is.
func filledPlain(text string, row map[string]any, prefix string) (string, error) {
	for _, k := range sortedKeys(row) {
		if below, ok := row[k].(map[string]any); ok {
			var err error
			if text, err = filledPlain(text, below, prefix+k+"."); err != nil {
				return "", err
			}
			continue
		}
		value := fmt.Sprint(row[k])
		text = strings.ReplaceAll(strings.ReplaceAll(text, "{{"+prefix+k+"}}", value), "{{ "+prefix+k+" }}", value)
	}
	return text, nil
}
