// Package changelog reads the changelogs that projects keep in a file: which
// text belongs to which version. It knows the forms that people and tools
// write (keep a changelog, conventional-changelog, release-please, plain
// headings, reStructuredText), and finds the file in a chart's archive.
//
// It refuses to guess: a heading that is not a version's by its form gives no
// note, what is not released yet is left out, and what a heading says in a code
// block or comment is no heading. The texts are as their authors wrote them:
// they must be sanitized before anybody is shown them.
package changelog

import (
	"regexp"
	"strings"

	"promoter/promoter"
)

// maxNotes bounds the notes of one file: nobody reads more, and the newest
// come first in all but a few.
const maxNotes = 5000

// Parse returns the notes of a changelog in the order of the file, each
// version once, without those that hold no text. name is what the artifact is
// called, for headings such as "redis-18.4.0"; it may be empty. Versions are as
// the file writes them, with their "v".
func Parse(text []byte, name string) []promoter.Note {
	r := reader{lines: linesOf(text), name: strings.ToLower(name), links: map[string]string{}, seen: map[string]bool{}}
	for r.at < len(r.lines) && len(r.notes) < maxNotes {
		r.line()
	}
	r.end()
	for i := range r.notes {
		n := &r.notes[i]
		if n.URL == "" {
			n.URL = r.links[n.Version]
		}
	}
	return r.notes
}

// reader goes through a changelog line by line.
type reader struct {
	lines []string
	at    int
	name  string
	links map[string]string // of reference definitions, by version
	seen  map[string]bool
	notes []promoter.Note

	fence   string // that opened the code block we are in, or ""
	comment bool   // in an HTML comment

	open  bool // within a version's section
	note  promoter.Note
	level int // of its heading
	body  []string
}

func linesOf(text []byte) []string {
	s := strings.TrimPrefix(strings.ToValidUTF8(string(text), "\uFFFD"), "\uFEFF")
	return strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "").Replace(s), "\n")
}

// line reads the line at hand, and with it the underline of a heading.
func (r *reader) line() {
	line := r.lines[r.at]
	r.at++
	switch {
	case r.fence != "":
		if mark := strings.TrimSpace(line); len(mark) >= len(r.fence) && strings.Trim(mark, r.fence[:1]) == "" {
			r.fence = ""
		}
	case r.comment:
		r.comment = !strings.Contains(line, "-->")
	case fenceOf(line) != "":
		r.fence = fenceOf(line)
	case strings.HasPrefix(strings.TrimSpace(line), "<!--"):
		r.comment = !strings.Contains(line, "-->")
	default:
		if level, text, size := r.heading(line); level > 0 {
			r.at += size - 1
			r.section(level, text, r.lines[r.at-size:r.at])
			return
		}
		if r.definition(line) {
			return
		}
	}
	r.keep(line)
}

func (r *reader) keep(lines ...string) {
	if r.open {
		r.body = append(r.body, lines...)
	}
}

// section begins a version's section at its heading, or ends the one before.
func (r *reader) section(level int, text string, lines []string) {
	version, title, url, ok := r.version(text)
	switch {
	case unreleased(text):
		r.end()
	case ok:
		r.end()
		r.open, r.level = true, level
		r.note = promoter.Note{Version: version, Title: title, URL: url}
	case r.open && level < r.level:
		r.end() // a part of the file of its own
	default:
		// Some tools write "### 1.2.1" and "### Bug Fixes" below it.
		r.keep(lines...)
	}
}

// end closes the open section, if any.
func (r *reader) end() {
	if r.open {
		for len(r.body) > 0 && isRule(r.body[len(r.body)-1]) { // between sections, or a title's overline
			r.body = r.body[:len(r.body)-1]
		}
		r.note.Body = strings.TrimSpace(strings.Join(r.body, "\n"))
		if r.note.Body != "" && !r.seen[r.note.Version] {
			r.seen[r.note.Version] = true
			r.notes = append(r.notes, r.note)
		}
	}
	r.open, r.body = false, nil
}

// isRule reports whether a line is blank or a line of punctuation.
func isRule(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || underline(line) > 0 || len(line) > 2 && strings.Trim(line, "*_ ") == ""
}

// fenceOf is the mark that opens a block of code. A bare line of tildes is a
// heading's line instead.
func fenceOf(line string) string {
	rest := strings.TrimLeft(line, " ")
	if len(line)-len(rest) > 3 {
		return ""
	}
	for _, c := range []string{"`", "~"} {
		if n := len(rest) - len(strings.TrimLeft(rest, c)); n >= 3 && (c == "`" || rest[n:] != "" || underline(rest) == 0) {
			return rest[:n]
		}
	}
	return ""
}

// heading reads a heading that begins at a line: its level, its text, and how
// many lines it takes. The level is 0 where none begins.
func (r *reader) heading(line string) (level int, text string, size int) {
	text = strings.TrimLeft(line, " ")
	if len(line)-len(text) > 3 || text == "" || len(text) > 500 {
		return 0, "", 0
	}
	if rest := strings.TrimLeft(text, "#"); len(rest) < len(text) {
		level = len(text) - len(rest)
		if level > 6 || rest != "" && rest[0] != ' ' && rest[0] != '\t' {
			return 0, "", 0
		}
		rest = strings.TrimSpace(rest)
		return level, strings.TrimSpace(strings.TrimRight(rest, "#")), 1
	}
	if r.at < len(r.lines) && underline(text) == 0 {
		if level = underline(strings.TrimSpace(r.lines[r.at])); level > 0 {
			return level, strings.TrimSpace(text), 2
		}
	}
	return 0, "", 0
}

// underline is the level of a heading that a line stands under, or 0.
func underline(line string) int {
	if len(line) < 2 || strings.Trim(line, line[:1]) != "" {
		return 0
	}
	switch line[0] {
	case '=':
		return 1
	case '-':
		return 2
	case '~', '^', '+':
		if len(line) > 2 {
			return 3
		}
	}
	return 0
}

// definition takes the line that says where a version's link leads:
// "[1.2.3]: https://…". Such lines stand at the file's end and are no part of
// the last section.
func (r *reader) definition(line string) bool {
	m := reference.FindStringSubmatch(line)
	if m == nil {
		return false
	}
	label := strings.ToLower(m[1])
	if v := versionForm.FindString(label); v == label {
		r.links[m[1]] = web(m[2])
		return true
	}
	return label == "unreleased" || label == "next"
}

var (
	reference   = regexp.MustCompile(`^ {0,3}\[([^\]]+)\]:\s*<?(\S+?)>?\s*$`)
	versionForm = regexp.MustCompile(`^v?[0-9]+(?:\.[0-9]+){1,3}(?:[-+_][0-9A-Za-z.+_-]*[0-9A-Za-z])?`)
	leading     = regexp.MustCompile(`(?i)^(?:version|release|rel\.?|tag)[\s:]+`)
	dated       = regexp.MustCompile(`^(?:[0-9]{4}[-./][0-9]{1,2}[-./][0-9]{1,2}|(?:[0-9]{1,2}(?:st|nd|rd|th)?[ .])?(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?[ ,].*[0-9]{4})`)
	tag         = regexp.MustCompile(`</?[A-Za-z][^<>]*>`)
	link        = regexp.MustCompile(`\[([^\[\]]*)\]\(\s*<?((?:[^()\s<>]|\([^()\s<>]*\))*)>?[^()]*\)`)
)

// version reads a heading: a version, with what stands behind it.
func (r *reader) version(heading string) (version, title, url string, ok bool) {
	text := tag.ReplaceAllString(strings.ReplaceAll(heading, `\`, ""), "")
	text = strings.TrimSpace(text)
	if m := link.FindStringSubmatchIndex(text); m != nil && versionLike(text[:m[0]]+text[m[2]:m[3]], r.name) {
		url = web(text[m[4]:m[5]])
	}
	text = strings.TrimSpace(strings.NewReplacer("*", "", "`", "", "__", "").Replace(link.ReplaceAllString(text, "$1")))
	text = r.strip(text)
	bracket := strings.HasPrefix(text, "[")
	text = strings.TrimPrefix(text, "[")
	text = r.strip(text)
	version = versionForm.FindString(text)
	if version == "" {
		return "", "", "", false
	}
	rest := text[len(version):]
	if bracket {
		if rest, ok = strings.CutPrefix(rest, "]"); !ok {
			return "", "", "", false
		}
	}
	title, ok = titleOf(rest)
	return version, title, url, ok
}

// versionLike reports whether a heading's beginning is a version's.
func versionLike(text, name string) bool {
	r := reader{name: name}
	return versionForm.MatchString(strings.TrimPrefix(r.strip(strings.Trim(text, "*`[ ")), "["))
}

// strip removes what may stand before a version: "Version", or the artifact's
// own name.
func (r *reader) strip(text string) string {
	text = leading.ReplaceAllString(text, "")
	if n := len(r.name); n > 0 && len(text) > n && strings.EqualFold(text[:n], r.name) && strings.IndexByte("-@/ :", text[n]) >= 0 {
		return leading.ReplaceAllString(strings.TrimLeft(text[n+1:], " "), "")
	}
	return text
}

// titleOf reads what stands behind a version in its heading: a date, which is
// dropped, or a title. It is false for a heading that only begins with a
// version: "1.2.0 to 1.3.0", "1.2 and older".
func titleOf(rest string) (title string, ok bool) {
	if rest == "" {
		return "", true
	}
	trimmed := strings.TrimSpace(rest)
	switch first, _, _ := strings.Cut(trimmed, " "); {
	case strings.HasPrefix(trimmed, "->"), strings.HasPrefix(trimmed, "=>"):
		return "", false
	case trimmed == "":
		return "", true
	case trimmed[0] == ',' || trimmed[0] == ':':
	case rest[0] != ' ' && rest[0] != '\t':
		return "", false // more of what only looked like a version
	case strings.ContainsAny(trimmed[:1], "([/-|") || strings.HasPrefix(trimmed, "–") || strings.HasPrefix(trimmed, "—"):
	case dated.MatchString(trimmed), strings.EqualFold(first, "released"), strings.EqualFold(first, "release"):
	default:
		return "", false
	}
	title = strings.Trim(trimmed, "()[]/|-–—,: \t")
	if date := dated.FindString(title); date != "" {
		title = strings.Trim(title[len(date):], "()[]/|-–—,: \t")
	}
	if versionForm.MatchString(title) { // "1.0.0 - 1.2.0"
		return "", false
	}
	switch strings.ToLower(title) {
	case "release", "released", "latest", "current", "stable":
		title = ""
	}
	return title, true
}

// unreleased reports whether a heading is of what is not released yet.
func unreleased(heading string) bool {
	h := strings.ToLower(heading)
	if strings.Contains(h, "unreleased") || strings.Contains(h, "not yet released") || strings.Contains(h, "not released") {
		return true
	}
	switch strings.Trim(h, "[]() *") {
	case "next", "upcoming", "head", "tbd", "next release", "upcoming release", "in progress", "work in progress":
		return true
	}
	return false
}

// web keeps an address that leads to a page.
func web(address string) string {
	if strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://") {
		return address
	}
	return ""
}
