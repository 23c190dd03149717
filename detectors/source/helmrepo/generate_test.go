package helmrepo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

// Texts that look like what they are not.
var oddTexts = []string{
	"plain text", "it's here", `a "quoted" word`, "ends with colon:", "key: value", "- item", "# not a comment",
	"hash # inside", "tab\there", "ünïcödé “quotes” 日本", "  leading", "trailing  ", "", "null", "~", "yes", "1.10",
	"0x1f", "1e3", "2024-01-02", "[flow]", "{a: b}", "&anchor", "*alias", "!tag", "|", ">", "%percent", "@at", "`tick`",
	"first\nsecond", "entries:\n  other:\n  - version: 9.9.9\n    name: other", "a\n\nb\n", "\nleading newline", "x\n  indented\n y",
	"---\nname: doc", "trailing newline\n", "two\n\n", "back\\slash", "per\u00a0nbsp", "it's\nlines 'quoted'\n\"both\"",
	strings.Repeat("long words in a row ", 12), "'", `"`, "''", "-", "?", ":", "? x", "<<", "=", "a:b", "http://x.y/z#frag",
	"- kind: added\n  description: \"It's: new\"\n- kind: fixed\n  description: |\n    more\n",
}

// indexWriter writes an index by hand, in a style drawn at random.
type indexWriter struct {
	r      *rand.Rand
	b      bytes.Buffer
	step   int  // indentation of charts
	list   int  // how much further dashes are indented
	quote  byte // 0, ' or ": how strings are quoted where they need not be
	crlf   bool
	odd    int // one value in so many is odd
	chatty bool
}

func (w *indexWriter) one(in int) bool { return w.r.IntN(in) == 0 }

func (w *indexWriter) pad(n int) string { return strings.Repeat(" ", n) }

// scalar writes a string value after a key whose column is col.
func (w *indexWriter) scalar(col int, s string) string {
	if strings.Contains(s, "\n") && w.one(2) && !strings.ContainsAny(s, "\t") {
		if text, ok := w.literal(col, s); ok {
			return text
		}
	}
	simple := s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("./_-0123456789", r) || r > 0x2fff)
	}) < 0 && surelyString([]byte(s))
	switch {
	case simple && (w.quote == 0 || w.one(4)):
		return s
	case !strings.ContainsAny(s, "\n\t\r") && w.quote != '"' && w.one(2):
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	case w.one(6) && strings.Contains(s, " ") && !strings.Contains(s, "  ") && !strings.ContainsAny(s, "\n\t\\\"") && s == strings.TrimSpace(s):
		// Folded over lines at the blanks, at any indentation that holds.
		return `"` + strings.ReplaceAll(s, " ", "\n"+w.pad(col+1+w.r.IntN(4))) + `"`
	}
	q, _ := json.Marshal(s)
	return string(q)
}

func (w *indexWriter) literal(col int, s string) (string, bool) {
	lines := strings.Split(s, "\n")
	for _, l := range lines {
		if strings.TrimLeft(l, " ") == "" && l != "" {
			return "", false
		}
	}
	if strings.HasPrefix(s, " ") || strings.HasPrefix(s, "\n") {
		return "", false
	}
	header, body := "|-", s
	switch {
	case strings.HasSuffix(s, "\n\n"):
		header, body = "|+", strings.TrimSuffix(s, "\n")
	case strings.HasSuffix(s, "\n"):
		header, body = "|", strings.TrimSuffix(s, "\n")
	}
	if w.chatty && w.one(3) {
		header += " # why"
	}
	in := w.pad(col + 1 + w.r.IntN(4))
	var b strings.Builder
	b.WriteString(header)
	for _, l := range strings.Split(body, "\n") {
		b.WriteString("\n")
		if l != "" {
			b.WriteString(in + l)
		}
	}
	return b.String(), true
}

func (w *indexWriter) line(format string, args ...any) {
	fmt.Fprintf(&w.b, format, args...)
	if w.chatty && w.one(12) {
		w.b.WriteString("\n" + w.pad(w.r.IntN(9)) + "\n")
		return
	}
	w.b.WriteString("\n")
}

func (w *indexWriter) text() string {
	if w.one(w.odd) {
		return oddTexts[w.r.IntN(len(oddTexts))]
	}
	return []string{"app", "A web server", "fast-thing", "v1.2"}[w.r.IntN(4)]
}

func (w *indexWriter) version() string {
	if w.one(w.odd) {
		return []string{"", "latest", "1.2.3.4", "1", "v2", "1.2", "01.2.3", "1.2.3-rc.1+b", "2024.01.02", "bad version"}[w.r.IntN(10)]
	}
	v := fmt.Sprintf("%d.%d.%d", w.r.IntN(4), w.r.IntN(20), w.r.IntN(10))
	switch w.r.IntN(12) {
	case 0:
		v = "v" + v
	case 1:
		v += fmt.Sprintf("-rc.%d", w.r.IntN(3))
	case 2:
		v += fmt.Sprintf("+build.%d", w.r.IntN(5))
	}
	return v
}

// pairs are the keys of one entry with a function that writes each.
func (w *indexWriter) pairs(name string, dash int) [][2]string {
	k := dash + 2
	seq := k // column of a list below a key
	if w.one(2) {
		seq = k + 2
	}
	str := func(key, s string) [2]string { return [2]string{key, w.scalar(k, s)} }
	p := [][2]string{str("apiVersion", "v2"), str("name", name), str("version", w.version())}
	maybe := func(f func()) {
		if w.one(2) {
			f()
		}
	}
	add := func(x [2]string) { p = append(p, x) }
	maybe(func() { add(str("appVersion", w.text())) })
	maybe(func() { add(str("description", w.text())) })
	maybe(func() { add(str("home", "https://example.com/"+w.text())) })
	maybe(func() { add(str("icon", "https://example.com/i.png")) })
	maybe(func() {
		add([2]string{"created", fmt.Sprintf("%q", time.Unix(1.6e9+w.r.Int64N(1e8), w.r.Int64N(1e9)).UTC().Format(time.RFC3339Nano))})
	})
	maybe(func() { add(str("digest", fmt.Sprintf("%016x%016x", w.r.Uint64(), w.r.Uint64()))) })
	maybe(func() { add([2]string{"deprecated", []string{"true", "false"}[w.r.IntN(2)]}) })
	maybe(func() { add(str("kubeVersion", []string{">=1.20.0-0", "^1.20", ">= 1.19 < 2"}[w.r.IntN(3)])) })
	maybe(func() { add(str("type", []string{"application", "library", "application", "odd"}[w.r.IntN(4)])) })
	maybe(func() {
		add([2]string{"keywords", "\n" + w.pad(seq) + "- " + w.scalar(seq, w.text()) + "\n" + w.pad(seq) + "- database"})
	})
	maybe(func() {
		add([2]string{"maintainers", "\n" + w.pad(seq) + "- email: a@example.com\n" + w.pad(seq) + "  name: " + w.scalar(seq+2, "Ann "+w.text())})
	})
	maybe(func() {
		add([2]string{"dependencies", "\n" + w.pad(seq) + "- name: common\n" + w.pad(seq) + "  repository: https://charts.example.com\n" +
			w.pad(seq) + "  version: " + w.scalar(seq+2, "1.x.x") + "\n" + w.pad(seq) + "  alias: " + w.scalar(seq+2, w.text())})
	})
	maybe(func() {
		s := ""
		for i, key := range []string{"category", "artifacthub.io/changes", "artifacthub.io/license"} {
			if w.one(3) && i != 1 {
				continue
			}
			v := w.text()
			if i == 1 && w.one(2) {
				v = "- kind: added\n  description: Something new\n- kind: fixed\n  description: \"A: thing\"\n"
			}
			if w.one(6) {
				key = `"` + key + `"`
				if i == 1 && w.one(2) {
					key = `"artifacthub.io\/changes"`
				}
			}
			s += "\n" + w.pad(k+2) + key + ": " + w.scalar(k+2, v)
		}
		if s != "" {
			add([2]string{"annotations", s})
		}
	})
	maybe(func() {
		add([2]string{"urls", "\n" + w.pad(seq) + "- " + []string{"https://example.com/x-1.tgz", "charts/x-1.tgz"}[w.r.IntN(2)]})
	})
	if w.one(w.odd) {
		x := [][2]string{{"maintainers", "\n" + w.pad(seq) + "- null"}, {"dependencies", "\n" + w.pad(seq) + "- name: x\n" + w.pad(seq) + "-"},
			{"sources", "[]"}, {"keywords", `["a, b", 'it''s', c]`}, {"maintainers", "[{name: x}]"}, {"removed", "true"}, {"created", "null"},
			{"digest", "123456"}, {"home", "~"}, {"appVersion", "1.10"}, {"version", "2"}, {"Home", "capital"}, {"unknown", "x"},
			{"icon", "&a x"}, {"tags", "!!str 1"}, {"icon", ">\n" + w.pad(k+2) + "folded\n" + w.pad(k+2) + "text"},
			{"description", "plain that\n" + w.pad(k+1) + "goes on\n\n" + w.pad(k+3) + "- and on"}, {"condition", "a # comment"},
			{"digest", "abc # comment"}, {"appVersion", "goes\n" + w.pad(k+2) + "on"}, {"engine", "gotpl"}, {"name", "again"}}[w.r.IntN(22)]
		for i := range p {
			if p[i][0] == x[0] && x[1] != "again" {
				p[i] = x
				x[0] = ""
			}
		}
		if x[0] != "" {
			add(x)
		}
	}
	if w.one(w.odd) {
		p = p[w.r.IntN(3):]
	}
	if w.one(2) {
		w.r.Shuffle(len(p), func(i, j int) { p[i], p[j] = p[j], p[i] })
	}
	return p
}

func (w *indexWriter) entry(name string, dash int) {
	if w.one(3 * w.odd) {
		w.line("%s-%s", w.pad(dash), []string{"", " {}", " # nothing", " text"}[w.r.IntN(4)])
		return
	}
	for i, p := range w.pairs(name, dash) {
		lead := w.pad(dash + 2)
		if i == 0 {
			lead = w.pad(dash) + "- "
		}
		if w.chatty && w.one(10) {
			w.line("%s# name: %s", w.pad(dash+w.r.IntN(4)), name)
		}
		sep := " "
		if strings.HasPrefix(p[1], "\n") {
			sep = ""
		}
		w.line("%s%s:%s%s", lead, p[0], sep, p[1])
	}
}

// writeIndex writes an index of charts c0, c1, … at random; odd is how rare
// odd things are: one in so many.
func writeIndex(seed uint64, odd int) []byte {
	r := rand.New(rand.NewPCG(seed, 7))
	w := &indexWriter{r: r, step: 1 + r.IntN(4), list: r.IntN(3), odd: odd, crlf: r.IntN(6) == 0, chatty: r.IntN(3) == 0}
	w.quote = []byte{0, 0, '\'', '"'}[r.IntN(4)]
	if w.one(4) {
		w.line("---")
	}
	head := func() {
		for _, l := range []string{"apiVersion: v1", `generated: "2024-01-02T03:04:05.678Z"`, "serverInfo:\n  contextPath: /x", "annotations:\n  a: 'b\n\n    c'"} {
			if w.one(2) || l == "apiVersion: v1" && !w.one(w.odd) {
				w.line("%s", l)
			}
		}
	}
	last := w.one(2)
	if last {
		head()
	}
	w.line("entries:")
	for i := range 1 + r.IntN(5) {
		name := fmt.Sprintf("c%d", i)
		if w.one(w.odd) {
			name = []string{"123", "yes", "1.0", `"c7"`, "'it''s'", "c 8", "2024-01-02", "~", "0x10", "c0", "Ünï", `"a\tb"`, "a:b"}[r.IntN(13)]
		}
		n := r.IntN(5)
		if n == 0 {
			none := []string{"[]", "", "null", "~"}[r.IntN(4)]
			if w.one(w.odd) {
				none = []string{"{}", "x", "'null'"}[r.IntN(3)]
			}
			w.line("%s%s: %s", w.pad(w.step), name, none)
			continue
		}
		w.line("%s%s:", w.pad(w.step), name)
		for range n {
			w.entry(fmt.Sprintf("c%d", i), w.step+w.list)
		}
	}
	if !last {
		head()
	}
	out := w.b.Bytes()
	if w.crlf {
		out = bytes.ReplaceAll(out, []byte("\n"), []byte("\r\n"))
	}
	switch {
	case w.one(2 * odd):
		out = out[:r.IntN(len(out))]
	case w.one(12):
		if j, err := yaml.YAMLToJSON(out); err == nil {
			out = j
			if w.one(2) {
				var b bytes.Buffer
				_ = json.Indent(&b, j, "", "  ")
				out = b.Bytes()
			}
		}
	}
	return out
}
