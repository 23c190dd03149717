package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Pattern is a path or name pattern. * stands for any part of one segment, **
// for any number of segments, {name} captures one segment or part of one. A
// pattern for a folder matches everything below it.
type Pattern struct {
	Text     string
	re       *regexp.Regexp
	literals []string // what stands in every match, in this order: a cheap first look
}

var capture = regexp.MustCompile(`\{([a-zA-Z][a-zA-Z0-9_]*)\}`)

// CompilePath compiles a pattern over slash-separated paths.
func CompilePath(text string) (Pattern, error) {
	if strings.HasPrefix(text, "/") || slices.Contains(strings.Split(text, "/"), "..") {
		return Pattern{}, fmt.Errorf("pattern %q: paths are relative to the repository's root", text)
	}
	return compile(text, `[^/]`, `(?:/.*)?`)
}

// CompileName compiles a pattern over names, in which * also spans slashes.
func CompileName(text string) (Pattern, error) { return compile(text, `.`, ``) }

func compile(text, char, tail string) (Pattern, error) {
	if text == "" {
		return Pattern{}, fmt.Errorf("an empty pattern matches nothing")
	}
	var b strings.Builder
	var literals []string
	broken := true // the next character begins a new literal
	b.WriteString("^")
	seen := map[string]bool{}
	for rest := strings.TrimSuffix(text, "/"); rest != ""; {
		if rest[0] == '*' || rest[0] == '{' {
			broken = true
		}
		switch {
		case strings.HasPrefix(rest, "**/"):
			b.WriteString(`(?:.*/)?`)
			rest = rest[3:]
		case strings.HasPrefix(rest, "**"):
			b.WriteString(`.*`)
			rest = rest[2:]
		case rest[0] == '*':
			b.WriteString(char + `*`)
			rest = rest[1:]
		case rest[0] == '{':
			m := capture.FindStringSubmatch(rest)
			if m == nil || !strings.HasPrefix(rest, m[0]) {
				return Pattern{}, fmt.Errorf("pattern %q: a capture is written {name}", text)
			}
			if seen[m[1]] {
				return Pattern{}, fmt.Errorf("pattern %q: capture {%s} stands in it twice", text, m[1])
			}
			seen[m[1]] = true
			b.WriteString(`(?P<` + m[1] + `>` + char + `+?)`)
			rest = rest[len(m[0]):]
		default:
			_, size := utf8.DecodeRuneInString(rest)
			b.WriteString(regexp.QuoteMeta(rest[:size]))
			if broken {
				literals, broken = append(literals, ""), false
			}
			literals[len(literals)-1] += rest[:size]
			rest = rest[size:]
		}
	}
	b.WriteString(tail + "$")
	re, err := regexp.Compile(b.String())
	if err != nil {
		return Pattern{}, fmt.Errorf("pattern %q: %w", text, err)
	}
	return Pattern{text, re, literals}, nil
}

// Match returns the captures, and whether s matches.
func (p Pattern) Match(s string) (map[string]string, bool) {
	rest := s
	for _, text := range p.literals {
		i := strings.Index(rest, text)
		if i < 0 {
			return nil, false
		}
		rest = rest[i+len(text):]
	}
	m := p.re.FindStringSubmatch(s)
	if m == nil {
		return nil, false
	}
	var caps map[string]string
	for i, name := range p.re.SubexpNames() {
		if name != "" {
			if caps == nil {
				caps = map[string]string{}
			}
			caps[name] = m[i]
		}
	}
	return caps, true
}

// Captures lists the names that the pattern captures.
func (p Pattern) Captures() []string {
	var names []string
	for _, n := range p.re.SubexpNames() {
		if n != "" {
			names = append(names, n)
		}
	}
	return names
}

// expand puts captures into a template such as "prod-{cluster}".
func expand(template string, caps map[string]string) string {
	return capture.ReplaceAllStringFunc(template, func(s string) string { return caps[s[1:len(s)-1]] })
}

// unknownCapture returns a capture that the template uses and nothing gives.
func unknownCapture(template string, given []string) string {
	for _, m := range capture.FindAllStringSubmatch(template, -1) {
		found := false
		for _, g := range given {
			found = found || g == m[1]
		}
		if !found {
			return m[1]
		}
	}
	return ""
}
