package kubeapi

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"promoter/detectors"
	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// file reads a manifest as a scan does.
func file(t testing.TB, text string) *detectors.File {
	t.Helper()
	masked := text
	for {
		i := strings.Index(masked, "{{")
		if i < 0 {
			break
		}
		j := strings.Index(masked[i:], "}}")
		if j < 0 {
			t.Fatal("an action without an end")
		}
		masked = masked[:i] + strings.Repeat("_", j+2) + masked[i+j+2:]
	}
	docs, errs := yamltree.Parse([]byte(masked))
	if len(errs) > 0 {
		t.Fatal(errs[0])
	}
	f := &detectors.File{Path: "apps/web.yaml", Data: []byte(text), Templated: masked != text}
	for i, d := range docs {
		f.Docs = append(f.Docs, &detectors.Doc{Document: d, Index: i, APIVersion: d.Root.Str("apiVersion"), Kind: d.Root.Str("kind")})
	}
	return f
}

func detect(t testing.TB, text string) []promoter.Finding {
	t.Helper()
	var r detectors.Report
	f := file(t, text)
	Detector{}.Detect(f, &r)
	for _, x := range r.Findings {
		if got := text[x.Place.Start:x.Place.End]; strings.Trim(got, `"'`) != x.Place.Written {
			t.Errorf("the place says %q, the file %q", x.Place.Written, got)
		}
		if x.Source == "" || x.Evidence == "" || x.Remedy == "" || x.Place.File != f.Path {
			t.Errorf("incomplete finding: %+v", x)
		}
	}
	return r.Findings
}

func TestDetect(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		want       []string // rule severity line evidence
	}{
		{"served", "apiVersion: apps/v1\nkind: Deployment\n", nil},
		{"served beta", "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n", nil},
		{"another kind of a removed version", "apiVersion: networking.k8s.io/v1beta1\nkind: Gateway\n", nil},
		{"no kind", "apiVersion: extensions/v1beta1\n", nil},
		{
			"removed", "# web\napiVersion: extensions/v1beta1\nkind: Ingress\n",
			[]string{"kube-api-removed critical 2 extensions/v1beta1 Ingress is not served since Kubernetes 1.22"},
		},
		{
			"quoted, second document", "kind: Service\napiVersion: v1\n---\nkind: CronJob\napiVersion: \"batch/v1beta1\"\n",
			[]string{"kube-api-removed critical 5 batch/v1beta1 CronJob is not served since Kubernetes 1.25"},
		},
		{
			"announced", "apiVersion: resource.k8s.io/v1beta1\nkind: ResourceClaim\n",
			[]string{"kube-api-deprecated high 1 resource.k8s.io/v1beta1 ResourceClaim is deprecated since 1.35 and goes with Kubernetes 1.38"},
		},
		{
			"without an end", "apiVersion: v1\nkind: Endpoints\n",
			[]string{"kube-api-deprecated low 1 v1 Endpoints is deprecated since 1.33 by Kubernetes"},
		},
		{
			"an operator's", "apiVersion: helm.toolkit.fluxcd.io/v2beta1\nkind: HelmRelease\n",
			[]string{"kube-api-removed high 1 helm.toolkit.fluxcd.io/v2beta1 HelmRelease is not served since Flux 2.7"},
		},
		{
			"items of a List", "apiVersion: v1\nkind: List\nitems:\n  - apiVersion: apps/v1\n    kind: Deployment\n  - apiVersion: policy/v1beta1\n    kind: PodDisruptionBudget\n  - kind: List\n    apiVersion: v1\n    items:\n      - {apiVersion: apps/v1beta1, kind: StatefulSet}\n",
			[]string{
				"kube-api-removed critical 6 policy/v1beta1 PodDisruptionBudget is not served since Kubernetes 1.25",
				"kube-api-removed critical 11 apps/v1beta1 StatefulSet is not served since Kubernetes 1.16",
			},
		},
		{
			"a typed list", "apiVersion: rbac.authorization.k8s.io/v1beta1\nkind: RoleList\nitems: []\n",
			[]string{"kube-api-removed critical 1 rbac.authorization.k8s.io/v1beta1 RoleList is not served since Kubernetes 1.22"},
		},
		{
			"a chart's template", "{{- if .Values.pdb }}\napiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata:\n  name: {{ .Release.Name }}\n{{- end }}\n",
			[]string{"kube-api-removed critical 2 policy/v1beta1 PodDisruptionBudget is not served since Kubernetes 1.25"},
		},
		{"written by a template", "apiVersion: {{ include \"ingress.apiVersion\" . }}\nkind: Ingress\n", nil},
		{"cert-manager's API in a schema", "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec:\n  versions:\n    - {name: v1beta1, schema: {apiVersion: cert-manager.io/v1beta1, kind: Issuer}}\n", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text := tt.text
			if tt.name == "a chart's template" {
				// A scan masks actions on lines of their own as comments.
				text = strings.NewReplacer("{{- if .Values.pdb }}", "#", "{{- end }}", "#").Replace(text)
			}
			var got []string
			for _, x := range detect(t, text) {
				got = append(got, strings.Join([]string{x.Rule, string(x.Severity), strconv.Itoa(x.Place.Line), x.Evidence}, " "))
			}
			if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestTemplateThatChoosesIsNoFinding(t *testing.T) {
	t.Parallel()
	// Both branches of an if leave their key, whichever way it is read.
	key := func(v string) *yamltree.Node { return &yamltree.Node{Kind: yamltree.Scalar, Value: v} }
	root := &yamltree.Node{Kind: yamltree.Mapping, Content: []*yamltree.Node{
		key("apiVersion"), key("networking.k8s.io/v1beta1"), key("apiVersion"), key("networking.k8s.io/v1"), key("kind"), key("Ingress"),
	}}
	f := &detectors.File{Path: "t.yaml", Templated: true, Docs: []*detectors.Doc{{
		Document: &yamltree.Document{Root: root}, APIVersion: "networking.k8s.io/v1beta1", Kind: "Ingress",
	}}}
	var r detectors.Report
	Detector{}.Detect(f, &r)
	if len(r.Findings) != 0 {
		t.Errorf("got %+v", r.Findings)
	}
}

// minor is 36 of "1.36".
func minor(t *testing.T, version string) int {
	t.Helper()
	_, m, ok := strings.Cut(version, ".")
	n, err := strconv.Atoi(m)
	if !ok || err != nil || !strings.HasPrefix(version, "1.") {
		t.Errorf("version %q", version)
	}
	return n
}

// TestTable holds each row to what a reader of its finding needs.
func TestTable(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, a := range apis {
		name := a.version + " " + strings.Join(a.kinds, ",")
		if !strings.HasPrefix(a.link, "https://") {
			t.Errorf("%s: link %q", name, a.link)
		}
		if a.replacement == "" && a.note == "" {
			t.Errorf("%s: says nothing of what to do", name)
		}
		if a.removed == "" && a.deprecated == "" {
			t.Errorf("%s: neither deprecated nor removed", name)
		}
		if got := find(a.version, append(a.kinds, "Anything")[0]); got == nil || got.removed != a.removed {
			t.Errorf("%s is not found", name)
		}
		for _, k := range append(a.kinds, "") {
			if k != "" && seen[a.version+" "+k] {
				t.Errorf("%s %s stands twice", a.version, k)
			}
			seen[a.version+" "+k] = true
		}
		if r := strings.Fields(a.replacement); len(r) > 0 && len(a.kinds) > 0 && len(r) == 1 {
			if next := find(a.replacement, a.kinds[0]); next != nil && !next.planned {
				t.Errorf("%s: its replacement %s is no better", name, a.replacement)
			}
		}
		if a.owner != "" {
			continue
		}
		switch {
		case a.removed == "":
		case a.planned != (minor(t, a.removed) > minor(t, latest)):
			t.Errorf("%s: planned is %t, removed in %s, newest known %s", name, a.planned, a.removed, latest)
		case minor(t, a.deprecated) >= minor(t, a.removed):
			t.Errorf("%s: deprecated in %s, removed in %s", name, a.deprecated, a.removed)
		}
	}
}

func FuzzDetect(f *testing.F) {
	f.Add([]byte("apiVersion: v1\nkind: List\nitems:\n- apiVersion: apps/v1beta1\n  kind: Deployment\n"))
	f.Add([]byte("apiVersion: &a batch/v1beta1\nkind: CronJob\nx: *a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		docs, _ := yamltree.Parse(data)
		file := &detectors.File{Path: "x.yaml", Data: data}
		for i, d := range docs {
			file.Docs = append(file.Docs, &detectors.Doc{Document: d, Index: i, APIVersion: d.Root.Str("apiVersion"), Kind: d.Root.Str("kind")})
		}
		var r detectors.Report
		Detector{}.Detect(file, &r)
		for _, x := range r.Findings {
			if x.Place.Start < 0 || x.Place.End > len(data) || x.Place.Start >= x.Place.End || x.Place.Line < 1 {
				t.Fatalf("place %+v", x.Place)
			}
		}
	})
}

func BenchmarkDetect(b *testing.B) {
	f := file(b, "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: x}\n")
	var r detectors.Report
	for b.Loop() {
		Detector{}.Detect(f, &r)
	}
}

// TestExample reads the example as a reader of this package would: every old
// API version of it, with its line, and nothing else.
func TestExample(t *testing.T) {
	data, err := os.ReadFile("testdata/old.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range detect(t, string(data)) {
		got = append(got, f.Place.String()+" "+f.Rule+" "+f.Place.Written)
	}
	want := []string{
		"apps/web.yaml:2 kube-api-removed policy/v1beta1",
		"apps/web.yaml:9 kube-api-removed batch/v1beta1",
		"apps/web.yaml:16 kube-api-removed networking.k8s.io/v1beta1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
