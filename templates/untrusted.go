package templates

import (
	"html"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Untrusted makes text from outside safe to stand in a pull request: release
// notes, chart annotations, anything a publisher wrote. The result
//
//   - mentions nobody and refers to no issue: GitHub and Gitea notify people
//     and back-link issues for @name, #1, org/repo#1, GH-1 and plain links;
//   - holds no HTML, so no comment marker, no image that reports who reads it,
//     no <details> that swallows what follows;
//   - is a block quote, whose end closes every fence, list and table in it;
//   - is at most limit bytes long, cut at the end of a line, with a note.
func Untrusted(text string, limit int) string {
	lines := strings.Split(normalize(html.UnescapeString(text)), "\n")
	var b strings.Builder
	cut := false
	blank := false
	for _, line := range lines {
		line = strings.TrimRight(quiet(line), " ")
		if line == "" && (blank || b.Len() == 0) {
			continue
		}
		blank = line == ""
		if b.Len()+len(line)+3 > limit {
			cut = true
			break
		}
		b.WriteString(strings.TrimRight("> "+line, " ") + "\n")
	}
	out := strings.TrimRight(b.String(), ">\n ")
	if out != "" {
		out += "\n"
	}
	if cut {
		out += "> …\n"
	}
	return out
}

// normalize leaves printable text: no control characters, no bidirectional
// overrides (which make a reviewer read something else than what is there),
// no invalid UTF-8.
func normalize(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case r == '\r' || r == '\u2028' || r == '\u2029' || r == '\u0085':
			return '\n'
		case unicode.Is(unicode.Cf, r) || unicode.IsControl(r):
			return -1
		}
		return r
	}, s)
}

var (
	image     = regexp.MustCompile(`!\[`)
	entity    = regexp.MustCompile(`&(#?[0-9A-Za-z]+;)`)
	reference = regexp.MustCompile(`(#|\b[Gg][Hh]\\?-)(\d)`)
	forgeLink = regexp.MustCompile(`(?i)\b(https?://(www\.)?|www\.)github\.com/`)
	heading   = regexp.MustCompile(`^ {0,3}#{1,6} +(.*?)[ #]*$`)
	underline = regexp.MustCompile(`^ {0,3}(=+|-+) *$`)
	linkDef   = regexp.MustCompile(`^ {0,3}\[([^\]]*)\]:`)
)

// zwsp is a zero-width space: it breaks what a forge would link, and shows
// nothing.
const zwsp = "\u200b"

// quiet takes from one line what would reach beyond it.
func quiet(line string) string {
	if m := heading.FindStringSubmatch(line); m != nil {
		line = "**" + strings.ReplaceAll(m[1], "*", "") + "**"
		if m[1] == "" {
			line = ""
		}
	}
	if underline.MatchString(line) {
		line = ""
	}
	line = linkDef.ReplaceAllString(line, "$1:")
	line = image.ReplaceAllString(line, "[")
	line = entity.ReplaceAllString(line, "&amp;$1") // it would become the character that is replaced below
	line = strings.NewReplacer("<", "&lt;", ">", "&gt;", "@", "@"+zwsp).Replace(line)
	line = forgeLink.ReplaceAllString(line, "https://redirect.github.com/")
	line = reference.ReplaceAllString(line, "$1"+zwsp+"$2")
	return line
}

// Inline makes a short text from outside safe inside a line or a table cell.
func Inline(s string) string {
	s = strings.Join(strings.Fields(normalize(s)), " ")
	if len(s) > 300 {
		end := 300
		for !utf8.RuneStart(s[end]) {
			end--
		}
		s = s[:end] + "…"
	}
	return inline.Replace(quiet(s))
}

var inline = strings.NewReplacer("\\", "\\\\", "|", "\\|", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]")

// Code makes a text stand in a code span, whatever backticks it holds.
func Code(s string) string {
	s = strings.Join(strings.Fields(normalize(s)), " ")
	s = strings.ReplaceAll(unmarked(s), "|", "\\|")
	longest := backticks(s)
	fence := strings.Repeat("`", longest+1)
	if longest > 0 {
		s = " " + s + " "
	}
	if s == "" {
		return ""
	}
	return fence + s + fence
}

// breaking reports whether notes speak of breaking changes.
func breaking(text string) bool { return breakingWords.MatchString(text) }

var breakingWords = regexp.MustCompile(`(?i)\bbreaking\b|\bbackwards?[- ]incompatible\b|\bmust (now )?(migrate|upgrade|update)\b|\bremoved support\b|\baction required\b`)
