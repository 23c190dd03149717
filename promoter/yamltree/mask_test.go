package yamltree

import (
	"strings"
	"testing"
)

func TestMaskTemplates(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a: {{ .x }}\n":                          "a: ________\n",
		"{{- if .x }}\na: 1\n{{- end }}\n":       "            \na: 1\n          \n",
		"  {{ x }} {{ y }}\r\n":                  "                 \r\n",
		"a: 1 {{/* why }} */}}\n":                "a: 1                 \n",
		"a: {{/* x */ -}}\nb: 2\n":               "a:              \nb: 2\n",
		"a: {{ print \"}}\" }}\n":                "a: " + strings.Repeat("_", 16) + "\n",
		"a: {{ `{{ x }}` }}\n":                   "a: " + strings.Repeat("_", 15) + "\n",
		"{{ include \"x\"\n   (dict 1)\n}}\n":    strings.Repeat(" ", 14) + "\n           \n  \n",
		"a: x{{ f\n  1 }}y\n":                    "a: x____\n  ____y\n",
		"a: it's {{ .x }}\n":                     "a: it's ________\n",
		"--- {{ x }}\na: 1\n":                    "---        \na: 1\n",
		"a: |\n  {{ x }}\n  b\n":                 "a: |\n  #______\n  b\n",
		"a: |\n{{- range .xxxxx }}\n  b\n":       "a: |\n  #________________\n  b\n",
		"- a: >-\n    {{ x }}\n  # c\n":          "- a: >-\n  #________\n  # c\n",
		"a: é{{ .ü }}\n":                         "a: é_________\n",
		"{{- /* a comment */ -}}\n":              strings.Repeat(" ", 23) + "\n",
		"\ufeff{{ x }}\na: 1\n":                  "\ufeff       \na: 1\n",
		"{{ $k }}: {{ $v }}\n":                   "________: ________\n",
		"uses: {{ a {{ b }}\n":                   "uses: {{ a _______\n",
		"a: ${{ github.x }} {{ open\nb: {{ .y}}": "a: $______________ {{ open\nb: _______",
	} {
		got, templated := MaskTemplates([]byte(in))
		if string(got) != want || !templated {
			t.Errorf("%q:\ngot  %q\nwant %q", in, got, want)
		}
	}
	for _, in := range []string{"", "a: 1\n", "a: {{ x\n", "a: {b: {c: 1}}\n"} {
		got, templated := MaskTemplates([]byte(in))
		if string(got) != in || templated {
			t.Errorf("%q holds no action, and became %q", in, got)
		}
	}
}

// A chart's template must become YAML whose places are those of the file.
func TestMaskedTemplateParses(t *testing.T) {
	t.Parallel()
	data := []byte(`{{- /*
A comment
*/}}
{{- if .Values.enabled }}
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {{ include "x.name" . }}
  labels:
    {{- include "x.labels" . | nindent 4 }}
spec:
  source:
    chart: redis
    targetRevision: 1.2.3 {{- /* fixed */}}
    helm:
      values: |
        {{- range $k, $v := .Values.things }}
        {{ $k }}: {{ $v | quote }}
        {{- end }}
        last: 1
---
{{ end }}
kind: ConfigMap
`)
	masked, templated := MaskTemplates(data)
	if !templated || len(masked) != len(data) {
		t.Fatalf("templated %v, %d bytes of %d", templated, len(masked), len(data))
	}
	docs, errs := Parse(masked)
	if len(errs) > 0 {
		t.Fatalf("line %d: %v\n%s", errs[0].Line, errs[0], masked)
	}
	if len(docs) != 2 {
		t.Fatalf("got %d documents, want 2", len(docs))
	}
	v := docs[0].Root.Get("spec", "source", "targetRevision")
	if got := string(data[v.Start:v.End]); got != "1.2.3" || v.Line != 14 {
		t.Errorf("got %q at line %d, want 1.2.3 at line 14", got, v.Line)
	}
	name := docs[0].Root.Get("metadata", "name")
	if got := string(data[name.Start:name.End]); got != `{{ include "x.name" . }}` {
		t.Errorf("the masked name stands for %q", got)
	}
	if docs[1].Root.Str("kind") != "ConfigMap" {
		t.Error("the second document is lost")
	}
}
