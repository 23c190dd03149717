package main

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"promoter/promoter/config"
)

// repository is one of two environments, with a configuration that is good but
// for what is added to it.
func repository(t *testing.T, more string) string {
	t.Helper()
	return tree(t, map[string]string{
		"clusters/dev/web.yaml":  deployment,
		"clusters/prod/web.yaml": deployment,
		"docs/notes.txt":         "TOOL=1.2.3\n",
		"promoter.yaml": `environments:
  - {name: "{env}", paths: ["clusters/{env}/**"]}
waves:
  - {name: dev, environments: [dev]}
  - {name: prod, environments: [prod]}
` + more,
	})
}

func TestCheckRefusesWhatIsLeftToLuck(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, more, want string }{
		{"nothing", "", ""},
		{"an ignored path", "ignore: [docs/]\n", ""},
		{"an ignored path that hides nothing", "ignore:\n  - docs/\n  - dosc/\n", `promoter.yaml:8: ignore: "dosc/" hides no file: correct it or take it out`},
		{"a path taken back", "ignore: [docs/*, \"!docs/kept.txt\"]\n", ""},
		{"an extractor", "extractors:\n  - {name: tool, files: [docs/*.txt], match: 'TOOL=(?P<version>\\S+)', artifact: org/tool, source: ghcr.io}\n", ""},
		{"an extractor that finds nothing", "extractors:\n  - {name: tool, files: [docs/*.md], match: 'TOOL=(?P<version>\\S+)', artifact: org/tool}\n",
			`promoter.yaml:7: extractor "tool" finds nothing: its files or its expression match no line`},
		{"a rule that there is not", "rules: {disable: [stale]}\n", `promoter.yaml:6: rules.disable: no rule is called "stale": promoter scan --rule help lists them`},
		{"no templates where they should be", "pulls: {templates: clusters}\n", `promoter.yaml:6: pulls.templates: clusters holds no *.tmpl file: correct it or take it out`},
		{"templates outside", "pulls:\n  templates: ../x\n", `promoter.yaml:7: pulls.templates`},
		{"an author without an address", "pulls:\n  author: Somebody\n", `promoter.yaml:7: pulls.author`},
		{"a wave of nothing", "classes: [{class: C1, match: {artifacts: [cilium]}}]\n", `promoter.yaml:6: classes[0]: no pin of the repository matches: correct it or take it out`},
		{"a mistake of the file alone", "pulls: {ahead: every}\n", `promoter.yaml:6: pulls.ahead: "every" is not one of next, all`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			root := repository(t, tt.more)
			var out, errs bytes.Buffer
			err := runCheck(t.Context(), surveyFlags{root: root, noCache: true}, true, &out, &errs)
			if tt.want == "" {
				if err != nil {
					t.Errorf("%v\n%s", err, errs.String())
				}
				return
			}
			var e *exit
			if err == nil || errors.As(err, &e) && e.code != exitUsage {
				t.Errorf("error %v", err)
			}
			if told := errs.String() + "\n" + err.Error(); !strings.Contains(told, tt.want) {
				t.Errorf("told:\n%s\nwant %s", told, tt.want)
			}
		})
	}
}

func TestCheckRendersTemplates(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ file, text, want string }{
		"good":         {"title.tmpl", "{{ .Wave }}: {{ .Change }}", ""},
		"no such name": {"titel.tmpl", "x", "pulls.templates: template titel.tmpl: no template has that name"},
		"no such part": {"title.tmpl", "{{ .Wage }}", "pulls.templates: render title.tmpl"},
		"no template":  {"title.tmpl", "{{ .Wave", "pulls.templates: parse template"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := tree(t, map[string]string{
				"clusters/dev/web.yaml": deployment, ".promoter/" + tt.file: tt.text,
				"promoter.yaml": "pulls: {templates: .promoter}\n",
			})
			var errs bytes.Buffer
			err := runCheck(t.Context(), surveyFlags{root: root, noCache: true}, true, io.Discard, &errs)
			if (err == nil) != (tt.want == "") || !strings.Contains(errs.String(), tt.want) {
				t.Errorf("error %v, told:\n%s", err, errs.String())
			}
		})
	}
}

func TestCheckWarns(t *testing.T) {
	t.Parallel()
	root := repository(t, "")
	for name, text := range map[string]string{
		"tools/job.yaml": deployment, "web/kustomization.yaml": "resources: [gone.yaml]\n",
	} {
		write(t, filepath.Join(root, name), text)
	}
	var errs bytes.Buffer
	if err := runCheck(t.Context(), surveyFlags{root: root, noCache: true}, true, io.Discard, &errs); err != nil {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	for _, want := range []string{
		`warning: 1 link in the repository leads to nothing, and reaches nobody: the first is web/kustomization.yaml:1, resources "web/gone.yaml"`,
		"warning: nothing is proposed for 1 pin of 3: where it is deployed, nobody can tell:\n    1 below tools/, first tools/job.yaml:4\n",
		"promoter.yaml is good: 2 environments in 2 waves, 3 pins\n",
	} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("told:\n%s\nwant %s", errs.String(), want)
		}
	}
}

func TestCheckPrintsTheSchema(t *testing.T) {
	t.Parallel()
	c := checkCommand()
	var out bytes.Buffer
	c.SetArgs([]string{"--schema", filepath.Join(t.TempDir(), "not", "there")})
	c.SetOut(&out)
	if err := c.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), config.Schema()) {
		t.Errorf("printed %d bytes", out.Len())
	}
}
