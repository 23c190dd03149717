package edit

import (
	"path"
	"strings"

	"promoter/promoter/yamltree"
)

// write decides which bytes of a scalar change, and into what. Raw is the
// scalar's source text.
func (t *target) write(raw string) error {
	p := t.Place
	if t.To == p.Written {
		t.from, t.to = p.Start, p.Start
		return nil
	}
	switch t.node.Style {
	case yamltree.Plain:
		if raw != p.Written {
			return t.word(raw, 0)
		}
		t.from, t.to = p.Start, p.End
		t.with = t.To
		if !t.plain() {
			t.with = t.quote()
		}
	case yamltree.SingleQuoted, yamltree.DoubleQuoted:
		if raw[1:len(raw)-1] != p.Written {
			return t.word(raw, 1)
		}
		t.from, t.to = p.Start+1, p.End-1
		t.with = escape(t.To, t.node.Style)
	default:
		header := strings.IndexByte(raw, '\n')
		if header < 0 {
			return t.refuse("the block scalar is empty")
		}
		return t.word(raw, header+1)
	}
	return nil
}

// escape writes a value for the inside of quotes.
func escape(s string, style yamltree.Style) string {
	if style == yamltree.SingleQuoted {
		return strings.ReplaceAll(s, "'", "''")
	}
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s)
}

// quote puts the new value of a plain scalar in quotes, in double ones unless
// these would have to be escaped or stand in double quotes themselves.
func (t *target) quote() string {
	if path.Ext(t.Place.File) == ".json" {
		return `"` + escape(t.To, yamltree.DoubleQuoted) + `"`
	}
	if strings.ContainsAny(t.To, `"\`) || t.within == '"' {
		return "'" + escape(t.To, yamltree.SingleQuoted) + "'"
	}
	return `"` + t.To + `"`
}

// word changes one word of a scalar whose text is not its value: one with
// escapes, or over several lines. Everything else of it keeps its bytes.
// Header is how much of the text comes before the value.
func (t *target) word(raw string, header int) error {
	old := t.Place.Written
	start := 0
	for start < len(old) && start < len(t.To) && old[start] == t.To[start] {
		start++
	}
	tail := 0
	for tail < len(old)-start && tail < len(t.To)-start && old[len(old)-1-tail] == t.To[len(t.To)-1-tail] {
		tail++
	}
	start = strings.LastIndexAny(old[:start], " \t\n") + 1
	if i := strings.IndexAny(old[len(old)-tail:], " \t\n"); i >= 0 {
		tail -= i
	} else {
		tail = 0
	}
	from, to := old[start:len(old)-tail], t.To[start:len(t.To)-tail]
	unsafe := " \t\n"
	switch t.node.Style {
	case yamltree.SingleQuoted:
		unsafe += "'"
	case yamltree.DoubleQuoted:
		unsafe += `"\`
	}
	if from == "" || strings.ContainsAny(from+to, unsafe) {
		return t.refuse("more than one word would change in a text that is not written as it reads")
	}
	// The same word may stand there before.
	at := header
	for n := strings.Count(old[:start], from); ; n-- {
		i := strings.Index(raw[at:], from)
		if i < 0 {
			return t.refuse("%q is not written as one word", from)
		}
		at += i
		if n == 0 {
			break
		}
		at += len(from)
	}
	t.from, t.to, t.with = t.Place.Start+at, t.Place.Start+at+len(from), to
	return nil
}

// plain reports whether the new value of a plain scalar can stand without
// quotes: it reads as itself, and as a string where the old value did.
func (t *target) plain() bool {
	if !plainSyntax(t.To, t.flow) {
		return false
	}
	if t.node.Tag != "" {
		return true // the tag says what it is
	}
	was, is := typeOf(t.Place.Written), typeOf(t.To)
	switch {
	case is == text:
		return true
	case was != is || is == number:
		return false
	}
	// 1.9 reads as 1.9, but 1.10 as 1.1: quotes keep it what it is. Who reads
	// 1.20 as it stands can read 1.30 too.
	return reads(t.To) || !reads(t.Place.Written)
}
