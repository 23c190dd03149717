package appset

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/argoproj/argo-cd/v2/applicationset/utils"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
)

// renderer renders templates as Argo CD's own utils.Render does, but hands it
// only the texts that hold an action. Render itself parses a template, with
// all of sprig, for each of the hundred string fields of an Application, empty
// ones too: a millisecond each.
type renderer struct{ utils.Render }

func (r *renderer) RenderTemplateParams(tmpl *v1alpha1.Application, _ *v1alpha1.ApplicationSetSyncPolicy, params map[string]any, useGoTemplate bool, options []string) (*v1alpha1.Application, error) {
	if len(params) == 0 {
		return tmpl, nil
	}
	text, err := json.Marshal(tmpl)
	if err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	if tree, err = r.replace(tree, params, useGoTemplate, options); err != nil {
		return nil, err
	}
	if text, err = json.Marshal(tree); err != nil {
		return nil, fmt.Errorf("render template: %w", err)
	}
	var app v1alpha1.Application
	if err := json.Unmarshal(text, &app); err != nil {
		return nil, fmt.Errorf("render template: %w", err)
	}
	return &app, nil
}

// replace renders every string of a tree, keys included.
func (r *renderer) replace(v any, params map[string]any, useGoTemplate bool, options []string) (any, error) {
	switch v := v.(type) {
	case string:
		if !strings.Contains(v, "{{") {
			return v, nil
		}
		return r.Replace(v, params, useGoTemplate, options)
	case []any:
		for i := range v {
			item, err := r.replace(v[i], params, useGoTemplate, options)
			if err != nil {
				return nil, err
			}
			v[i] = item
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, value := range v {
			key, err := r.replace(k, params, useGoTemplate, options)
			if err != nil {
				return nil, err
			}
			if out[key.(string)], err = r.replace(value, params, useGoTemplate, options); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return v, nil
}
