package promoter

import (
	"cmp"
	"strings"
)

// preRelease is one mark of a version that is not out yet: rc.1, beta2.
type preRelease struct {
	rank int
	word string
	nums []string
}

// preRank orders the words that announce a release; -1 for any other word.
func preRank(word string) int {
	switch word {
	case "dev", "snapshot", "nightly", "canary", "unstable", "experimental", "insiders", "next", "test":
		return 0
	case "alpha", "a":
		return 1
	case "beta", "b":
		return 2
	case "m", "milestone":
		return 3
	case "pre", "preview", "ea":
		return 4
	case "rc", "c", "cr":
		return 5
	}
	return -1
}

// startsPre reports whether s starts with a pre-release mark: "rc1-alpine".
func startsPre(s string) bool {
	if i := strings.IndexAny(s, "-_+"); i >= 0 {
		s = s[:i]
	}
	_, ok := readPre("", s)
	return ok
}

// readPre reads a token as a pre-release mark. A single letter needs its
// number, and to stand where it cannot be a revision: 3.13.0b2, 1.0-M1.
func readPre(sep, token string) (preRelease, bool) {
	word := strings.ToLower(token[:letters(token)])
	rank := preRank(word)
	if rank < 0 {
		return preRelease{}, false
	}
	rest := strings.TrimPrefix(token[len(word):], ".")
	if dotted(rest) != len(rest) {
		return preRelease{}, false
	}
	if len(word) == 1 && (rest == "" || (word == "m") == (sep == "")) {
		return preRelease{}, false
	}
	return preRelease{rank: rank, word: word, nums: numbers(rest)}, true
}

// comparePre orders pre-release marks; having none is the release itself and
// greater than any.
func comparePre(a, b []preRelease) int {
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a):
			return 1
		case i >= len(b):
			return -1
		}
		x, y := a[i], b[i]
		if c := cmp.Or(cmp.Compare(x.rank, y.rank), cmp.Compare(x.word, y.word), compareNumbers(x.nums, y.nums)); c != 0 {
			return c
		}
	}
	return 0
}

// readSuffix takes apart what follows the numbers. What is not known to be
// ordered stays in the shape as it is written: jdk17 is a choice, not a
// version to be raised.
func (t *tag) readSuffix(s string) bool {
	var shape strings.Builder
	for s != "" {
		sep, token, rest := nextToken(s)
		s = rest
		if p, ok := readPre(sep, token); ok {
			if len(p.nums) == 0 { // "-rc-1"
				if _, n, after := nextToken(s); n != "" && dotted(n) == len(n) {
					p.nums, s = numbers(n), after
				}
			}
			t.pre = append(t.pre, p)
			continue
		}
		shape.WriteString(sep)
		word, nums, style := orderedToken(token)
		switch {
		case isHash(token):
			shape.WriteByte('%')
		case isBase(word) && nums != "":
			shape.WriteString(word + style)
			t.base = append(t.base, numbers(nums)...)
		case isBase(token): // "-debian-12"
			shape.WriteString(token)
			if sep, n, after := nextToken(s); n != "" && dotted(n) == len(n) {
				_, _, style := orderedToken(n)
				shape.WriteString(sep + style)
				t.base = append(t.base, numbers(n)...)
				s = after
			}
		case nums != "" && isRevision(word):
			shape.WriteString(word + style)
			t.revs = append(t.revs, numbers(nums)...)
		default:
			shape.WriteString(token)
		}
	}
	t.shape = shape.String()
	return true
}

// nextToken splits the suffix: a separator (or none), a token, what follows.
func nextToken(s string) (sep, token, rest string) {
	i := 0
	for i < len(s) && strings.IndexByte("-_+.", s[i]) >= 0 {
		i++
	}
	end := i + strings.IndexAny(s[i:]+"-", "-_+")
	return s[:i], s[i:end], s[end:]
}

// orderedToken splits a token into a word and dotted numbers that end it, and
// says how the numbers look in a shape: "#" for each part, with their class,
// so that "-12" never becomes "-20240801". A date and time is one number.
func orderedToken(token string) (word, nums, style string) {
	if t, ok := strings.CutSuffix(token, "Z"); ok && hasForm(t, "00000000T0000") {
		if d := t[:8] + t[9:]; digits(d) == len(d) && isDay(d) {
			return "", d, "#time"
		}
	}
	end := len(token)
	for end > 0 && (token[end-1] == '.' || digits(token[end-1:end]) == 1) {
		end--
	}
	word, nums = token[:end], token[end:]
	if strings.HasPrefix(nums, ".") {
		word, nums = word+".", nums[1:]
	}
	if nums == "" || dotted(nums) != len(nums) {
		return token, "", ""
	}
	parts := 1 + strings.Count(nums, ".")
	style = "#"
	if parts > 1 {
		style = "#" + strings.Repeat(".#", parts-1)
	}
	return word, nums, style + string(classOf(nums[:digits(nums)], parts))
}

func numbers(s string) []string {
	if s == "" {
		return nil
	}
	parts := strings.Split(s, ".")
	for i, p := range parts {
		parts[i] = number(p)
	}
	return parts
}

// isBase reports whether a word names the system an image is built on, whose
// version rises beside the software's.
func isBase(word string) bool {
	switch strings.ToLower(word) {
	case "alpine", "debian", "ubuntu", "ubi", "rhel", "el", "centos", "rocky", "almalinux", "fedora", "photon", "ol", "oraclelinux", "al", "amazonlinux", "wolfi", "busybox", "deb":
		return true
	}
	return false
}

// isRevision reports whether numbers after this word count how often the same
// software was packed.
func isRevision(word string) bool {
	switch strings.ToLower(strings.TrimSuffix(word, ".")) {
	case "", "r", "rev", "revision", "b", "build", "bld", "p", "patch", "k3s", "rke2r", "k0s", "ls", "u", "up", "eksbuild", "gke", "vmware", "rancher", "v", "hotfix", "fix", "sp", "h", "post":
		return true
	}
	return false
}
