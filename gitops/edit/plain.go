package edit

import (
	"regexp"
	"strconv"
	"strings"
)

// kind is what a plain scalar means to readers of YAML 1.1 or 1.2.
type kind uint8

const (
	text    kind = iota
	decimal      // a number to all readers
	number       // a number to some: octal, hexadecimal, exponents, base 60
	boolean      // to all readers
	oldBool      // "yes", "on" and the like
	null
	date
	special // "<<" and "="
)

// The forms of YAML 1.1 and 1.2 together: whoever reads the file may know
// either. Patterns are rather too wide: they cost quotes that need not be.
var (
	decimals = regexp.MustCompile(`^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$`)
	numbers  = regexp.MustCompile(`(?i)^[-+]?(?:[0-9][0-9_]*|0x[0-9a-f_]+|0o[0-7_]+|0b[01_]+|[0-9_]*\.[0-9_]*(?:e[-+]?[0-9_]+)?|[0-9][0-9_]*e[-+]?[0-9_]+|[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?|\.inf)$|^\.nan$`)
	dates    = regexp.MustCompile(`^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9].*)?$`)
)

func typeOf(s string) kind {
	switch strings.ToLower(s) {
	case "true", "false":
		return boolean
	case "y", "n", "yes", "no", "on", "off":
		return oldBool
	case "", "~", "null":
		return null
	case "<<", "=":
		return special
	}
	switch {
	case decimals.MatchString(s):
		return decimal
	case numbers.MatchString(s):
		return number
	case dates.MatchString(s):
		return date
	}
	return text
}

// reads reports whether a number, read and printed again, is the same text.
func reads(s string) bool {
	if typeOf(s) != decimal {
		return true
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return strconv.FormatInt(n, 10) == s
	}
	n, err := strconv.ParseFloat(s, 64)
	return err == nil && strconv.FormatFloat(n, 'f', -1, 64) == s
}

// plainSyntax reports whether a value can be written without quotes, by the
// grammar alone.
func plainSyntax(s string, flow bool) bool {
	if s == "" || s != strings.TrimSpace(s) || strings.IndexByte(",[]{}#&*!|>'\"%@`", s[0]) >= 0 {
		return false
	}
	if strings.IndexByte("-?:", s[0]) >= 0 && (len(s) == 1 || s[1] == ' ' || flow) {
		return false
	}
	if strings.HasPrefix(s, "---") || strings.HasPrefix(s, "...") {
		return false
	}
	if strings.Contains(s, ": ") || strings.Contains(s, " #") || strings.HasSuffix(s, ":") {
		return false
	}
	return !flow || !strings.ContainsAny(s, ",[]{}?")
}
