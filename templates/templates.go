// Package templates writes what people read: the titles and bodies of pull
// requests, the comments that keep evidence and answer commands, and issues.
// What it wrote can be found again by its markers.
//
// Three templates may be replaced by files of the same name in the user's
// repository; all of them get a View:
//
//   - title.tmpl: the title of every pull request;
//   - pull.md.tmpl: the body of one that moves forward;
//   - revert.md.tmpl: the body of one that takes another back.
//
// Comments and issues are read back by later runs, and are not for replacing.
//
// It refuses to decide what to say: a template gets a flat view made from a
// promoter.Sheet. Texts from outside reach it quoted and harmless, so that no
// template can get that wrong.
package templates

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"text/template"
	"time"

	"promoter/promoter"
)

//go:embed *.tmpl
var builtin embed.FS

// Limits of what forges take: GitHub refuses longer bodies and titles.
const (
	maxBody  = 65536
	maxTitle = 255
	maxNotes = 24000 // release notes of one pull request, together
	maxNote  = 6000  // of one release
)

// Set is the templates in force.
type Set struct{ t *template.Template }

// Load parses the built-in templates and, over them, the *.tmpl files of own,
// which may be nil. A file that is no template of ours is an error: it would
// silently do nothing.
func Load(own fs.FS) (*Set, error) {
	t := template.New("promoter").Option("missingkey=error").Funcs(template.FuncMap{
		"code": Code, "inline": Inline, "join": strings.Join,
	})
	t, err := t.ParseFS(builtin, "*.tmpl")
	if err != nil {
		return nil, fmt.Errorf("parse built-in templates: %w", err)
	}
	if own == nil {
		return &Set{t}, nil
	}
	names, err := fs.Glob(own, "*.tmpl")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if t.Lookup(name) == nil {
			return nil, fmt.Errorf("template %s: no template has that name: there are %s", name, strings.Join(builtinNames(), ", "))
		}
		data, err := fs.ReadFile(own, name)
		if err != nil {
			return nil, fmt.Errorf("read template: %w", err)
		}
		if _, err := t.New(name).Parse(string(data)); err != nil {
			return nil, fmt.Errorf("parse template: %w", err)
		}
	}
	return &Set{t}, nil
}

// Title replaces the template of titles: the configuration's own.
func (s *Set) Title(text string) error {
	if _, err := s.t.New("title.tmpl").Parse(text); err != nil {
		return fmt.Errorf("parse the title's template: %w", err)
	}
	return nil
}

func builtinNames() []string {
	names, err := fs.Glob(builtin, "*.tmpl")
	if err != nil {
		return nil // unreachable: the pattern is a constant
	}
	return names
}

// Pull renders a pull request. now dates what is said of ages.
func (s *Set) Pull(sheet promoter.Sheet, now time.Time) (title, body string, err error) {
	v := view(sheet, now)
	if title, err = s.render("title.tmpl", v); err != nil {
		return "", "", err
	}
	name := "pull.md.tmpl"
	if sheet.Revert != nil {
		name = "revert.md.tmpl"
	}
	if body, err = s.render(name, v); err != nil {
		return "", "", err
	}
	title = strings.Join(strings.Fields(normalize(title)), " ")
	return truncate(title, maxTitle, "…"), fit(body, v.Marker), nil
}

func (s *Set) render(name string, v any) (string, error) {
	var b strings.Builder
	if err := s.t.ExecuteTemplate(&b, name, v); err != nil {
		return "", fmt.Errorf("render %s: %w", name, err)
	}
	return b.String(), nil
}

// fit keeps a body within the forge's limit and its marker at the end.
func fit(body, marker string) string {
	body = strings.TrimRight(body, "\n") + "\n"
	tail := "\n" + marker + "\n"
	const cut = "\n\n*This text was cut: it is longer than the forge takes.*\n"
	if len(body)+len(tail) > maxBody {
		body = truncate(body, maxBody-len(tail)-len(cut), "")
		if i := strings.LastIndexByte(body, '\n'); i > 0 {
			body = body[:i]
		}
		body += openFence(body)
		if strings.Count(body, "<details>") > strings.Count(body, "</details>") {
			body += "\n\n</details>"
			body = body[:min(len(body), maxBody-len(tail)-len(cut))]
		}
		body += cut
	}
	return body + tail
}

// openFence is the end of a code block that a cut text leaves open, or "".
func openFence(body string) string {
	fence := ""
	for line := range strings.SplitSeq(body, "\n") {
		if isFence(line) && (fence == "" || line == fence) {
			if fence == "" {
				fence = line
			} else {
				fence = ""
			}
		}
	}
	if fence != "" {
		fence = "\n" + fence
	}
	return fence
}

// truncate shortens to at most n bytes without cutting a character in two.
func truncate(s string, n int, mark string) string {
	if len(s) <= n {
		return s
	}
	end := n - len(mark)
	for end > 0 && s[end]&0xC0 == 0x80 {
		end--
	}
	return s[:end] + mark
}

// sorted returns the distinct non-empty values in order.
func sorted(values []string) []string {
	out := slices.DeleteFunc(slices.Clone(values), func(s string) bool { return s == "" })
	slices.Sort(out)
	return slices.Compact(out)
}
