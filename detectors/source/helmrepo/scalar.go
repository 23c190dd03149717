package helmrepo

import (
	"bytes"
	"unicode/utf8"
)

// surelyString reports whether YAML 1.1, as Helm's parser resolves it, takes a
// plain scalar for a string and nothing else. False means "ask the parser".
func surelyString(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	switch c := b[0]; c {
	case 'y', 'Y', 'n', 'N', 't', 'T', 'f', 'F', 'o', 'O':
		// The longest word with a meaning is "false".
		return len(b) > 5 || !wordWithMeaning(b)
	case '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return surelyNoNumber(b)
	case '+', '-', '.', '~', '<', '=':
		return false
	}
	return true
}

// wordWithMeaning reports whether b is a boolean or null, in any capitals.
func wordWithMeaning(b []byte) bool {
	for _, w := range []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"} {
		if bytes.EqualFold(b, []byte(w)) {
			return true
		}
	}
	return false
}

// surelyNoNumber reports whether text that begins with a digit can be neither
// an integer in any base nor a float: two dots, or a letter that numbers lack.
func surelyNoNumber(b []byte) bool {
	if len(b) > 1 && b[0] == '0' {
		switch b[1] {
		case 'x', 'X', 'o', 'O':
			return false
		case 'b', 'B': // binary, or one digest in 256
			return bytes.ContainsAny(b[2:], "23456789acdf")
		}
	}
	dots := 0
	for _, c := range b {
		switch {
		case c == '.':
			if dots++; dots == 2 {
				return true
			}
		case c >= '0' && c <= '9', c == 'e', c == 'E', c == '_', c == '+', c == '-':
		default:
			return true
		}
	}
	return false
}

// looksLikeKey reports a plain scalar that holds what ends a key: an error.
func looksLikeKey(b []byte) bool {
	return b[len(b)-1] == ':' || bytes.Contains(b, []byte(": "))
}

// printable reports whether b is ASCII text that neither YAML nor Helm's
// clean-up of strings changes.
func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// aliasLike reports whether a line's value is a dependency's alias that Helm
// accepts.
func aliasLike(l *line) bool {
	switch {
	case l.style == plain && surelyString(l.value):
	case (l.style == single || l.style == double) && l.closed && !l.escaped:
	default:
		return false
	}
	for _, c := range l.value {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// literal decodes, in place, the lines of a literal block scalar, each with
// its line feed. It refuses what is not written in the usual way.
func literal(lines, header []byte) ([]byte, bool) {
	if len(header) == 0 || header[0] != '|' || len(header) > 2 {
		return nil, false
	}
	chomp := byte(0)
	if len(header) == 2 {
		if chomp = header[1]; chomp != '-' && chomp != '+' {
			return nil, false
		}
	}
	column := indentOf(lines)
	if column == 0 || column == len(lines) || lines[column] == '\n' || lines[column] == '\t' {
		return nil, false
	}
	out := lines[:0]
	for rest := lines; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n')
		text := rest[:i]
		rest = rest[i+1:]
		n := indentOf(text)
		switch {
		case n < column && n < len(text):
			return nil, false // a comment below the scalar, or an error
		case len(text) <= column:
			text = nil
		default:
			text = text[column:]
		}
		if !plainText(text) {
			return nil, false
		}
		out = append(append(out, text...), '\n')
	}
	if chomp == '+' {
		return out, true
	}
	out = bytes.TrimRight(out, "\n")
	if chomp == 0 {
		out = append(out, '\n')
	}
	return out, true
}

// plainText reports whether b is UTF-8 without control characters.
func plainText(b []byte) bool {
	ascii := true
	for _, c := range b {
		if c < ' ' || c == 0x7f {
			return false
		}
		ascii = ascii && c < 0x80
	}
	return ascii || utf8.Valid(b)
}
