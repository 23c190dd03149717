package appset

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
)

// write renders an Application as YAML in one fixed form: keys sorted, text of
// several lines as literal blocks (so that YAML within can be placed), all
// other text in double quotes.
func write(app *v1alpha1.Application) (string, error) {
	text, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"name": app.Name, "labels": app.Labels},
		"spec":     app.Spec,
	})
	if err != nil {
		return "", fmt.Errorf("render application %q: %w", app.Name, err)
	}
	var tree map[string]any
	if err := json.Unmarshal(text, &tree); err != nil {
		return "", fmt.Errorf("render application %q: %w", app.Name, err)
	}
	var b strings.Builder
	writeMap(&b, tree, 0)
	return b.String(), nil
}

func writeMap(b *strings.Builder, m map[string]any, indent int) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		b.WriteString(strings.Repeat(" ", indent))
		b.WriteString(quote(k))
		b.WriteString(":")
		writeValue(b, m[k], indent)
	}
}

func writeValue(b *strings.Builder, v any, indent int) {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 {
			b.WriteString(" {}\n")
			return
		}
		b.WriteString("\n")
		writeMap(b, v, indent+2)
	case []any:
		if len(v) == 0 {
			b.WriteString(" []\n")
			return
		}
		b.WriteString("\n")
		for _, item := range v {
			b.WriteString(strings.Repeat(" ", indent+2) + "-")
			writeValue(b, item, indent+2)
		}
	case string:
		writeText(b, v, indent+2)
	default:
		b.WriteString(" " + quote(v) + "\n")
	}
}

func writeText(b *strings.Builder, s string, indent int) {
	body := strings.TrimRight(s, "\n")
	plain := strings.IndexFunc(s, func(r rune) bool {
		return r < ' ' && r != '\n' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == 0xfeff || r == 0xfffd
	}) < 0
	if !strings.Contains(body, "\n") && len(s)-len(body) == 0 || !plain || body == "" {
		b.WriteString(" " + quote(s) + "\n")
		return
	}
	chomp := "-"
	switch len(s) - len(body) {
	case 0:
	case 1:
		chomp = ""
	default:
		chomp, body = "+", strings.TrimSuffix(s, "\n")
	}
	b.WriteString(" |2" + chomp + "\n")
	for line := range strings.SplitSeq(body, "\n") {
		if line != "" {
			b.WriteString(strings.Repeat(" ", indent))
		}
		b.WriteString(line + "\n")
	}
}

// quote is JSON, which is YAML as well.
func quote(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "null"
	}
	return strings.TrimSuffix(b.String(), "\n")
}
