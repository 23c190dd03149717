package promoter

import (
	"cmp"
	"slices"
	"strings"
)

// build is build metadata ("+k3s2", "+up103.1.0", "+5.gabc1234") as far as it
// has an order. Semantic Versioning gives it none; publishers who release the
// same version again do, and a bot that ignores it never sees the second one.
type build struct {
	// shape is the metadata with numbers as "#" and hashes as "%": builds
	// whose shapes differ say nothing about which is newer.
	shape string
	nums  []string
}

func readBuild(meta string) build {
	var b build
	if meta == "" {
		return b
	}
	var shape strings.Builder
	for i := 0; i < len(meta); {
		switch c := meta[i]; {
		case c == '.' || c == '-':
			shape.WriteByte(c)
			i++
		default:
			end := i + strings.IndexAny(meta[i:]+".", ".-")
			b.identifier(&shape, meta[i:end])
			i = end
		}
	}
	b.shape = shape.String()
	return b
}

func (b *build) identifier(shape *strings.Builder, id string) {
	if isHash(id) {
		shape.WriteByte('%')
		return
	}
	for i := 0; i < len(id); {
		n := digits(id[i:])
		if n == 0 {
			shape.WriteByte(id[i])
			i++
			continue
		}
		shape.WriteByte('#')
		b.nums = append(b.nums, number(id[i:i+n]))
		i += n
	}
}

// compare is a total order over builds: none first, then by shape, then by
// the numbers. Two hashes are equal.
func (b build) compare(o build) int {
	if c := cmp.Compare(b.shape, o.shape); c != 0 {
		return c
	}
	return compareNumbers(b.nums, o.nums)
}

// newerThan reports whether b is known to be newer: the numbers of equal
// shapes rose, or there was no build before.
func (b build) newerThan(o build) bool {
	if o.shape == "" {
		return b.shape != "" && len(b.nums) > 0
	}
	return b.shape == o.shape && compareNumbers(b.nums, o.nums) > 0
}

// number is a run of digits without leading zeros, so that numbers of any
// length compare by length first and text second.
func number(s string) string {
	if t := strings.TrimLeft(s, "0"); t != "" {
		return t
	}
	return "0"
}

func compareNumber(a, b string) int {
	if c := cmp.Compare(len(a), len(b)); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}

// compareNumbers compares part by part; an absent part is zero.
func compareNumbers(a, b []string) int {
	for i := range max(len(a), len(b)) {
		x, y := "0", "0"
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if c := compareNumber(x, y); c != 0 {
			return c
		}
	}
	return 0
}

// digits is the length of the run of ASCII digits that s starts with.
func digits(s string) int {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return i
}

// isHash reports whether s is a commit's or a content's hash, whole or
// abbreviated, with or without Git describe's "g". Digits alone are a number,
// letters alone a word, unless the length is a full hash's.
func isHash(s string) bool {
	if len(s) > 7 && s[0] == 'g' {
		s = s[1:]
	}
	if len(s) < 7 || len(s) > 64 || !isHex(s) {
		return false
	}
	if len(s) == 40 || len(s) == 64 {
		return true
	}
	return strings.ContainsAny(s, "0123456789") && strings.ContainsAny(s, "abcdef")
}

func isHex(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'f')
	})
}

// namesCommit reports whether a tag is a commit's hash, or a name and one:
// "abc1234", "sha-abc1234", "main-abc1234".
func namesCommit(s string) bool {
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == '-' || r == '_' || r == '.' })
	return slices.ContainsFunc(parts, isHash) || len(parts) == 2 && isCommitWord(parts[0]) && isHex(parts[1])
}

func isCommitWord(s string) bool {
	switch s {
	case "sha", "git", "commit", "rev":
		return true
	}
	return false
}
