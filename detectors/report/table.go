package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"promoter/promoter"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Options say how to print for people.
type Options struct {
	Width  int  // columns of the terminal; 0: 120
	Color  bool // ANSI colours
	All    bool // every row, place and skip; otherwise what is current is only counted
	Places int  // places named per finding and reason; 0: 3

	notAsked bool
}

func (o Options) width() int {
	if o.Width <= 0 {
		return 120
	}
	return o.Width
}

func (o Options) places() int {
	switch {
	case o.All:
		return 1 << 20
	case o.Places > 0:
		return o.Places
	}
	return 3
}

const (
	red, yellow, green, bold, dim = "31", "33", "32", "1", "2"
)

func (o Options) paint(code, s string) string {
	if !o.Color || s == "" || code == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

var updateColor = map[promoter.UpdateType]string{
	promoter.Major: red, promoter.Minor: yellow, promoter.Patch: yellow, promoter.Revision: dim, promoter.DigestUpdate: dim,
}

// Table prints the scan for a terminal: artifacts with their environments side
// by side, then findings, then what could not be read, then the coverage.
func Table(w io.Writer, s Scan, o Options) error {
	p := &printer{w: w}
	groups := Groups(s.Rows)
	envs := Environments(s.Rows)
	old, current := 0, 0
	o.notAsked = s.NotAsked
	for _, sec := range sectionOrder {
		var lines []Group
		for _, g := range groups {
			if sectionOf(g.Artifact.Kind) != sec {
				continue
			}
			if g.Newest != "" {
				old++
			} else if g.Unknown == "" && !g.Skewed && !s.NotAsked {
				current++
				if !o.All {
					continue
				}
			}
			lines = append(lines, g)
		}
		p.artifacts(sec, lines, envs, o)
	}
	p.findings(s.Findings, o)
	p.skips(s, o)
	p.problems(s, o)
	p.summary(s, old, current, o)
	return p.err
}

// The sections of the table, in order.
var sectionOrder = []string{"CHARTS", "IMAGES", "GIT", "OTHER"}

var sections = map[promoter.Kind]string{
	promoter.Chart: "CHARTS", promoter.Image: "IMAGES", promoter.Git: "GIT",
}

func sectionOf(k promoter.Kind) string {
	if s, ok := sections[k]; ok {
		return s
	}
	return "OTHER"
}

type printer struct {
	w   io.Writer
	err error
}

func (p *printer) f(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

// artifacts prints one section. Environments get a column each while the
// terminal is wide enough, and stand in one column, named, where it is not.
func (p *printer) artifacts(title string, groups []Group, envs []string, o Options) {
	if len(groups) == 0 {
		return
	}
	envs = used(groups, envs)
	rows := tableRows(groups, envs, o.notAsked)
	if width(rows) > o.width() && len(envs) > 1 {
		envs = []string{}
		rows = namedRows(groups, o.notAsked)
	}
	head := append([]string{title}, headings(envs, groups)...)
	head = append(head, "NEWEST", "UPDATE")
	if o.notAsked {
		head[len(head)-2] = "" // nothing stands in it
	}
	rows = append([][]string{head}, rows...)
	cols := columns(rows)
	for i, r := range rows {
		var b strings.Builder
		for c, text := range r {
			pad := ""
			if c < len(r)-1 {
				pad = strings.Repeat(" ", cols[c]-utf8.RuneCountInString(text)+2)
			}
			code := ""
			switch {
			case i == 0:
				code = bold
			case c == len(r)-2 || c == len(r)-1:
				code = updateColor[groups[i-1].Update]
			case c == 0 && groups[i-1].Skewed:
				code = bold
			}
			b.WriteString(o.paint(code, text) + pad)
		}
		p.f("%s\n", strings.TrimRight(b.String(), " "))
	}
	p.f("\n")
}

// used drops the environments that none of the groups stands in.
func used(groups []Group, envs []string) []string {
	var out []string
	for _, e := range envs {
		for _, g := range groups {
			if cell(g.Rows, e) != "" {
				out = append(out, e)
				break
			}
		}
	}
	return out
}

func anyUnplaced(groups []Group) bool {
	for _, g := range groups {
		if cell(g.Rows, "") != "" {
			return true
		}
	}
	return false
}

func headings(envs []string, groups []Group) []string {
	if len(envs) == 0 {
		return []string{"VERSION"}
	}
	var h []string
	for _, e := range envs {
		h = append(h, strings.ToUpper(e))
	}
	if anyUnplaced(groups) {
		h = append(h, "ELSEWHERE")
	}
	return h
}

func tableRows(groups []Group, envs []string, notAsked bool) [][]string {
	if len(envs) == 0 {
		return namedRows(groups, notAsked)
	}
	elsewhere := anyUnplaced(groups)
	var rows [][]string
	for _, g := range groups {
		r := []string{name(g.Artifact)}
		for _, e := range envs {
			r = append(r, orDash(cell(g.Rows, e)))
		}
		if elsewhere {
			r = append(r, orDash(cell(g.Rows, "")))
		}
		rows = append(rows, append(r, newest(g, notAsked), update(g)))
	}
	return rows
}

func namedRows(groups []Group, notAsked bool) [][]string {
	var rows [][]string
	for _, g := range groups {
		var parts []string
		for _, e := range append(Environments(g.Rows), "") {
			if c := cell(g.Rows, e); c != "" && e != "" {
				parts = append(parts, e+"="+c)
			} else if c != "" {
				parts = append(parts, c)
			}
		}
		rows = append(rows, []string{name(g.Artifact), strings.Join(parts, "  "), newest(g, notAsked), update(g)})
	}
	return rows
}

// name is the artifact with as much of its source as tells it apart.
func name(a promoter.Artifact) string {
	src := strings.TrimPrefix(strings.TrimPrefix(a.Source, "https://"), "http://")
	switch {
	case a.Kind == promoter.Image && a.Source == "docker.io":
		return strings.TrimPrefix(a.Name, "library/")
	case a.Kind == promoter.Image && a.Source != "":
		return a.Source + "/" + a.Name
	case a.Kind == promoter.Git && src != "":
		return src
	case src == "":
		return a.Name
	}
	return a.Name + "  " + clip(src, 44)
}

func clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

func newest(g Group, notAsked bool) string {
	if notAsked {
		return ""
	}
	if g.Newest != "" {
		if len(g.Newest) == 40 {
			return g.Newest[:10]
		}
		return g.Newest
	}
	if g.Unknown != "" {
		return "?"
	}
	return "-"
}

func update(g Group) string {
	switch {
	case g.Update != "" && g.Skewed:
		return string(g.Update) + ", skew"
	case g.Update != "":
		return string(g.Update)
	case g.Unknown != "":
		return "unknown"
	case g.Skewed:
		return "skew"
	}
	return ""
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func columns(rows [][]string) []int {
	cols := make([]int, len(rows[0]))
	for _, r := range rows {
		for c, text := range r {
			cols[c] = max(cols[c], utf8.RuneCountInString(text))
		}
	}
	return cols
}

func width(rows [][]string) int {
	if len(rows) == 0 {
		return 0
	}
	sum := 0
	for _, c := range columns(rows) {
		sum += c + 2
	}
	return sum
}
