package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"promoter/promoter/config"
)

// span is a length of time, as the story writes it.
type span = time.Duration

// parser gathers mistakes, so that all of them are told at once.
type parser struct {
	file     string
	mistakes Mistakes
}

func (p *parser) wrong(line int, format string, args ...any) {
	p.mistakes = append(p.mistakes, Mistake{p.file, line, fmt.Sprintf(format, args...)})
}

// words are what is left of a line.
type words struct {
	list []word
}

type word struct {
	text   string
	quoted bool
}

// split cuts a line into words, quoted texts and the comment that is left out.
func split(line string) (*words, error) {
	w := &words{}
	for rest := strings.TrimSpace(line); rest != ""; rest = strings.TrimLeft(rest, " \t") {
		switch {
		case rest == "#" || strings.HasPrefix(rest, "# "):
			return w, nil
		case rest[0] == '"':
			text, err := strconv.QuotedPrefix(rest)
			if err != nil {
				return nil, fmt.Errorf("the quote of %s does not end: write another \" behind it", rest)
			}
			plain, err := strconv.Unquote(text)
			if err != nil {
				return nil, fmt.Errorf("%s cannot be read: write plain text between the quotes", text)
			}
			w.list, rest = append(w.list, word{plain, true}), rest[len(text):]
		default:
			end := strings.IndexAny(rest, " \t\"")
			if end < 0 {
				end = len(rest)
			}
			w.list, rest = append(w.list, word{text: rest[:end]}), rest[end:]
		}
	}
	return w, nil
}

// numbered reports whether a number of a pull request is among the words.
func (w *words) numbered() bool {
	return slices.ContainsFunc(w.list, func(x word) bool { return strings.HasPrefix(x.text, "#") && !x.quoted })
}

func (w *words) empty() bool { return len(w.list) == 0 }

// peek is the next word that is no quoted text; empty when there is none.
func (w *words) peek() string {
	if w.empty() || w.list[0].quoted {
		return ""
	}
	return w.list[0].text
}

// next takes a word, what is the name of what is missing otherwise.
func (w *words) next(what string) (string, error) {
	if w.empty() || w.list[0].quoted {
		return "", fmt.Errorf("%s is missing%s", what, w.before())
	}
	text := w.list[0].text
	w.list = w.list[1:]
	return text, nil
}

func (w *words) before() string {
	if w.empty() {
		return " in the end"
	}
	return fmt.Sprintf(" before %q", w.list[0].text)
}

// eat takes a word if it is the next.
func (w *words) eat(texts ...string) bool {
	if len(w.list) < len(texts) {
		return false
	}
	for i, t := range texts {
		if w.list[i].quoted || w.list[i].text != t {
			return false
		}
	}
	w.list = w.list[len(texts):]
	return true
}

// reason takes a quoted text; one in place of it when there is none.
func (w *words) reason(otherwise string) string {
	if w.empty() || !w.list[0].quoted {
		return otherwise
	}
	text := w.list[0].text
	w.list = w.list[1:]
	return text
}

// quote takes a quoted text.
func (w *words) quote(what string) (string, error) {
	if w.empty() || !w.list[0].quoted {
		return "", fmt.Errorf("%s is missing%s: write it in \"quotes\"", what, w.before())
	}
	return w.reason(""), nil
}

func (w *words) span() (span, error) {
	text, err := w.next("a time such as 10m")
	if err != nil {
		return 0, err
	}
	d, err := config.ParseDuration(strings.TrimPrefix(text, "-"))
	if err != nil {
		return 0, fmt.Errorf("%q is no time: write 90s, 5m, 2h or 3d", text)
	}
	if strings.HasPrefix(text, "-") {
		d = -d
	}
	return span(d), nil
}

// number takes "#3".
func (w *words) number() (int, error) {
	text, err := w.next("a number such as #3")
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimPrefix(text, "#"))
	if err != nil || n < 1 || !strings.HasPrefix(text, "#") {
		return 0, fmt.Errorf("%q is no number of a pull request or an issue: write #3", text)
	}
	return n, nil
}

// names takes "dev, staging".
func (w *words) names(what string) ([]string, error) {
	var out []string
	for {
		text, err := w.next(what)
		if err != nil {
			return nil, err
		}
		name, more := strings.CutSuffix(text, ",")
		for _, n := range strings.Split(name, ",") {
			if n != "" {
				out = append(out, n)
			}
		}
		if !more {
			return out, nil
		}
	}
}

// end complains of words that nobody understood.
func (w *words) end() error {
	if w.empty() {
		return nil
	}
	return fmt.Errorf("%q is not understood here", w.list[0].text)
}

// place names pins and their applications: an environment, perhaps tenants or
// clusters, an application. Each part is a pattern.
type place struct {
	environment string
	between     []string
	app         string
	version     string // only while this is what it reads
}

func (w *words) place() (place, error) {
	text, err := w.next("a place such as staging/redis")
	if err != nil {
		return place{}, err
	}
	parts := strings.Split(text, "/")
	if len(parts) < 2 && text != "*" {
		return place{}, fmt.Errorf("%q is no place: write ENVIRONMENT/APP, such as %s/*", text, text)
	}
	p := place{environment: parts[0], app: parts[len(parts)-1]}
	if len(parts) > 2 {
		p.between = parts[1 : len(parts)-1]
	}
	if w.eat("at") {
		if p.version, err = w.next("a version"); err != nil {
			return place{}, err
		}
	}
	return p, nil
}

// glob reports whether a name fits a pattern in which * stands for any text.
func glob(pattern, name string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == name
	}
	if !strings.HasPrefix(name, head) {
		return false
	}
	name = name[len(head):]
	for i := 0; i <= len(name); i++ {
		if glob(rest, name[i:]) {
			return true
		}
	}
	return false
}

// text is a span as people write it: "1h30m", not "1h30m0s".
func text(d span) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
