package slo

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Scope is whose metric a gate looks at: the values of its placeholders.
type Scope struct {
	Environment string
	Tenant      string
	Cluster     string
	App         string
}

// Placeholders are the parts of a place that the gate's queries name, and so
// tell apart: environment, tenant, cluster, app, in this order.
func (g Gate) Placeholders() []string {
	var names []string
	for _, name := range []string{"environment", "tenant", "cluster", "app"} {
		for _, q := range []string{g.Query, g.Events, g.Newest, g.Sentinel} {
			if !slices.Contains(names, name) && slices.ContainsFunc(placeholder.FindAllStringSubmatch(q, -1), func(m []string) bool { return m[1] == name }) {
				names = append(names, name)
			}
		}
	}
	return names
}

var placeholder = regexp.MustCompile(`\{\{\s*([^{}]*?)\s*\}\}`)

// inRegex returns the quote of the string in which text ends, if that string
// is a regular expression's.
func inRegex(text string) (quote byte, ok bool) {
	i := strings.LastIndexAny(text, "\"'`")
	for i > 0 && text[i-1] == '\\' { // a quote inside the string
		i = strings.LastIndexAny(text[:i], "\"'`")
	}
	if i < 0 {
		return 0, false
	}
	before := strings.TrimRight(text[:i], " \t\n")
	return text[i], strings.HasSuffix(before, "=~") || strings.HasSuffix(before, "!~")
}

// Render fills a query's placeholders. An unknown one is an error, and so is
// one without a value: an empty label value would match what is not ours.
// Values that could end a quoted string are refused; in a regular expression's
// matcher their special characters are escaped.
func Render(query string, in Language, s Scope, window time.Duration, at time.Time) (string, error) {
	var b strings.Builder
	last := 0
	for _, m := range placeholder.FindAllStringSubmatchIndex(query, -1) {
		b.WriteString(query[last:m[0]])
		last = m[1]
		name := query[m[2]:m[3]]
		value, err := s.value(name, in, window, at)
		if err != nil {
			return "", fmt.Errorf("render query %q: %w", query, err)
		}
		if in == URL {
			value = strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
		} else if quote, ok := inRegex(query[:m[0]]); ok {
			value = regexp.QuoteMeta(value)
			if quote != '`' {
				value = strings.ReplaceAll(value, `\`, `\\`)
			}
		}
		b.WriteString(value)
	}
	b.WriteString(query[last:])
	return b.String(), nil
}

func (s Scope) value(name string, in Language, window time.Duration, at time.Time) (string, error) {
	var v string
	switch name {
	case "window":
		if window < time.Second {
			return "", fmt.Errorf("{{window}} is shorter than a second")
		}
		return strconv.Itoa(int(window/time.Second)) + "s", nil
	case "at":
		if in != URL {
			return "", fmt.Errorf("{{at}} has a meaning only in a URL")
		}
		return strconv.FormatInt(at.Unix(), 10), nil
	case "environment":
		v = s.Environment
	case "tenant":
		v = s.Tenant
	case "cluster":
		v = s.Cluster
	case "app":
		v = s.App
	default:
		return "", fmt.Errorf("unknown placeholder {{%s}}", name)
	}
	if v == "" {
		return "", fmt.Errorf("{{%s}} has no value here", name)
	}
	if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f || strings.ContainsRune("\"'`\\{}", r) }) {
		return "", fmt.Errorf("the value %q of {{%s}} cannot stand in a query", v, name)
	}
	return v, nil
}
