package forge

import (
	"html"
	"html/template"
	"regexp"
	"strconv"
	"strings"
)

// markdown shows the Markdown that pull requests are written in: headings,
// lists, tables, quotes, code, and of HTML only <details> and comments. All
// else is text.
func markdown(text string) template.HTML {
	m := &marks{}
	for line := range strings.Lines(hidden.ReplaceAllString(text, "")) {
		m.line(strings.TrimRight(line, "\r\n"))
	}
	m.end()
	return template.HTML(m.out.String()) // every word went through html.EscapeString
}

var (
	hidden  = regexp.MustCompile(`(?s)<!--.*?-->`)
	heading = regexp.MustCompile(`^(#{1,6})\s+(.*)$`)
	bullet  = regexp.MustCompile(`^\s*(?:[-*]|\d+\.)\s+(.*)$`)
	task    = regexp.MustCompile(`^\[([ xX])\]\s+(.*)$`)
	rule    = regexp.MustCompile(`^\|?[\s:|-]+\|?$`)
	details = regexp.MustCompile(`^(?:</?details>|</?details open>)$`)
	summary = regexp.MustCompile(`^(<details>|<details open>)?<summary>(.*)</summary>$`)
)

type marks struct {
	out    strings.Builder
	within string // the element that is open: p, ul, table, pre, blockquote
}

func (m *marks) enter(element string) {
	if m.within != element {
		m.end()
		m.within = element
		m.out.WriteString("<" + element + ">")
	}
}

func (m *marks) end() {
	if m.within != "" {
		m.out.WriteString("</" + m.within + ">\n")
		m.within = ""
	}
}

func (m *marks) line(line string) {
	trimmed := strings.TrimSpace(line)
	if strings.HasPrefix(trimmed, "```") || strings.HasPrefix(trimmed, "~~~") {
		if m.within == "pre" {
			m.end()
		} else {
			m.enter("pre")
		}
		return
	}
	if m.within == "pre" {
		m.out.WriteString(html.EscapeString(line) + "\n")
		return
	}
	switch {
	case trimmed == "":
		m.end()
	case details.MatchString(trimmed):
		m.end()
		m.out.WriteString(trimmed)
	case summary.MatchString(trimmed):
		m.end()
		f := summary.FindStringSubmatch(trimmed)
		m.out.WriteString(f[1] + "<summary>" + inline(f[2]) + "</summary>")
	case heading.MatchString(line):
		m.end()
		f := heading.FindStringSubmatch(line)
		tag := "h" + string(rune('0'+len(f[1])))
		m.out.WriteString("<" + tag + ">" + inline(f[2]) + "</" + tag + ">")
	case bullet.MatchString(line):
		m.enter("ul")
		item := bullet.FindStringSubmatch(line)[1]
		if f := task.FindStringSubmatch(item); f != nil {
			box := "☐ "
			if f[1] != " " {
				box = "☑ "
			}
			item = box + f[2]
		}
		m.out.WriteString("<li>" + inline(item))
	case strings.HasPrefix(trimmed, "|"):
		m.row(trimmed)
	case strings.HasPrefix(trimmed, ">"):
		m.enter("blockquote")
		m.out.WriteString(inline(strings.TrimSpace(trimmed[1:])) + "<br>")
	default:
		if m.within != "ul" && m.within != "blockquote" {
			m.enter("p")
		}
		m.out.WriteString(inline(trimmed) + "\n")
	}
}

func (m *marks) row(line string) {
	cell := "td"
	if m.within != "table" {
		cell = "th"
	}
	m.enter("table")
	if rule.MatchString(line) {
		return
	}
	m.out.WriteString("<tr>")
	escaped := strings.ReplaceAll(strings.Trim(line, "|"), `\|`, "\x00")
	for c := range strings.SplitSeq(escaped, "|") {
		m.out.WriteString("<" + cell + ">" + inline(strings.TrimSpace(strings.ReplaceAll(c, "\x00", "|"))))
	}
	m.out.WriteString("</tr>")
}

var (
	code   = regexp.MustCompile("`+[^`]+`+")
	link   = regexp.MustCompile(`\[([^\]]*)\]\((https?://[^\s)\x00]+|#[^\s)\x00]*|/[^\s)\x00]*)\)`)
	strong = regexp.MustCompile(`\*\*([^*]+)\*\*`)
	kept   = regexp.MustCompile(`\x00\d+\x00`)
	weak   = regexp.MustCompile(`(^|\W)[*_]([^*_]+)[*_](\W|$)`)
	safe   = strings.NewReplacer("&lt;br&gt;", "<br>", "&lt;sub&gt;", "<sub>", "&lt;/sub&gt;", "</sub>", "&lt;kbd&gt;", "<kbd>", "&lt;/kbd&gt;", "</kbd>", `\_`, "_", `\*`, "*", `\@`, "@", `\#`, "#", "\\`", "`", `\[`, "[", `\]`, "]", `\&lt;`, "&lt;")
)

// inline shows what stands within a line. Code and links are set aside first:
// nothing in them has a meaning.
func inline(s string) string {
	var set []string
	aside := func(c string) string {
		set = append(set, c)
		return "\x00" + strconv.Itoa(len(set)-1) + "\x00"
	}
	s = strings.ReplaceAll(s, "\x00", "")
	s = code.ReplaceAllStringFunc(s, func(c string) string {
		return aside("<code>" + html.EscapeString(strings.TrimSpace(strings.Trim(c, "`"))) + "</code>")
	})
	s = html.EscapeString(html.UnescapeString(s)) // an entity is the character that it stands for
	s = link.ReplaceAllStringFunc(s, func(l string) string {
		f := link.FindStringSubmatch(l)
		return aside(`<a href="`+f[2]+`">`) + f[1] + aside("</a>")
	})
	s = strong.ReplaceAllString(s, "<b>$1</b>")
	s = weak.ReplaceAllString(s, "$1<i>$2</i>$3")
	s = safe.Replace(s)
	return kept.ReplaceAllStringFunc(s, func(k string) string {
		i, err := strconv.Atoi(strings.Trim(k, "\x00"))
		if err != nil || i >= len(set) {
			return ""
		}
		return set[i]
	})
}
