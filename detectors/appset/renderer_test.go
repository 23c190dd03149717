package appset

import (
	"encoding/json"
	"testing"

	"github.com/argoproj/argo-cd/v2/applicationset/utils"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// TestRenderer compares with what Argo CD renders.
func TestRenderer(t *testing.T) {
	t.Parallel()
	for name, goTemplate := range map[string]bool{"fast": false, "go": true} {
		action := map[bool]string{false: "{{name}}", true: "{{ .name }}"}[goTemplate]
		var tmpl v1alpha1.Application
		if err := yaml.Unmarshal([]byte(`
metadata:
  name: 'a-`+action+`'
  labels: {'`+action+`': '`+action+`-x', plain: '}}'}
spec:
  project: default
  sources:
    - repoURL: https://charts.example.com
      chart: '`+action+`'
      targetRevision: '`+action+`'
      helm:
        valuesObject: {image: {tag: '`+action+`', '`+action+`': 1.50}, list: ['`+action+`', 2, true, null], big: 12345678901}
        values: |
          a: `+action+`
        parameters: [{name: x, value: '`+action+`', forceString: true}]
  syncPolicy:
    automated: {prune: true}
    retry: {limit: 5}
`), &tmpl); err != nil {
			t.Fatal(err)
		}
		params := map[string]any{"name": `v<1>&"`}
		want, err := (&utils.Render{}).RenderTemplateParams(&tmpl, nil, params, goTemplate, nil)
		if err != nil {
			t.Fatal(err)
		}
		want.Finalizers = nil // added to every Application; nothing here reads them
		got, err := (&renderer{}).RenderTemplateParams(&tmpl, nil, params, goTemplate, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(asTree(t, want), asTree(t, got)); diff != "" {
			t.Errorf("%s (-argo cd +ours):\n%s", name, diff)
		}
	}
}

func asTree(t *testing.T, app *v1alpha1.Application) (tree any) {
	t.Helper()
	text, err := json.Marshal(app)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	return tree
}
