package promoter

import (
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// tag is an image's or a Git tag, taken apart. A registry's tags follow no
// standard: what is safe to say is that two tags written alike ("v1.2.3-alpine3.19",
// "v1.3.0-alpine3.20") are versions of the same thing.
type tag struct {
	prefix string   // all before the numbers: "v", "release-", "RELEASE."
	nums   []string // the numbers, without leading zeros
	class  class
	pre    []preRelease
	shape  string   // the suffix with its ordered numbers as "#", hashes as "%", without pre-releases
	base   []string // versions of the system below: alpine3.19, debian-12
	revs   []string // packaging revisions: -r3, -12, +k3s2
}

// class is what the first number is. Numbers of different classes are never
// compared: 1.25 is not older than 20240801.
type class string

const (
	classPlain class = ""
	classYear  class = "year"  // 2024.08.01
	classMonth class = "month" // 202408
	classDay   class = "day"   // 20240801
	classStamp class = "stamp" // 202408011200, with or without seconds
	classDash  class = "dash"  // 2024-08-01
	classTime  class = "time"  // 2024-08-01T03-04-05Z
	classLong  class = "long"  // six digits or more and no date: a build number
)

const maxTag = 256 // longer than any registry (128) and any sane Git tag

// readTag takes a tag apart; false when it holds no version: a word, a commit.
func readTag(s string) (tag, bool) {
	if s == "" || len(s) > maxTag {
		return tag{}, false
	}
	for pos := 0; pos < len(s); {
		end := pos + strings.IndexAny(s[pos:]+"-", "-_/+")
		word := s[pos:end]
		if isHash(word) {
			return tag{}, false // a commit before any number: nothing to order by
		}
		at, ok := versionStart(s, pos, end)
		if !ok {
			pos = end + 1
			continue
		}
		if isCommitWord(strings.TrimRight(s[:pos], "-_/")) {
			return tag{}, false // "sha-1234567"
		}
		return readTagAt(s, at)
	}
	return tag{}, false
}

// versionStart finds where the version's numbers begin in the word s[pos:end].
// "v1.2" and "alpine3.19" are versions after a name, "k8s" and "e2e" are names.
func versionStart(s string, pos, end int) (int, bool) {
	word := s[pos:end]
	d := strings.IndexAny(word, "0123456789")
	if d < 0 {
		return 0, false
	}
	rest := word[d+dotted(word[d:]):]
	letter := rest != "" && isLetter(rest[0])
	switch lead := word[:d]; {
	case lead == "" || lead == "v" || lead == "V":
		// "3scale-1.2" and "2fa-1.0" are named by a number.
		name := letter && end < len(s) && letters(rest) >= 2 && !startsPre(rest) && !strings.Contains(word, ".")
		return pos + d, !name
	case letter && !startsPre(rest):
		return 0, false
	case floats(s[:pos]) && isLetter(lead[len(lead)-1]):
		return 0, false // "stable-alpine3.19": the version is the base's, not the tag's
	}
	return pos + d, true
}

// floats reports whether the name before a number begins with a word that moves.
func floats(head string) bool {
	if i := strings.IndexAny(head, "-_/"); i >= 0 {
		head = head[:i]
	}
	switch head {
	case "latest", "stable", "mainline", "edge", "lts", "current", "rolling", "nightly", "head", "main", "master":
		return true
	}
	return false
}

func readTagAt(s string, at int) (tag, bool) {
	t := tag{prefix: s[:at]}
	if nums, c, n := dashedDate(s[at:]); n > 0 {
		t.nums, t.class = nums, c
		return t, t.readSuffix(s[at+n:])
	}
	n := dotted(s[at:])
	t.nums = make([]string, 0, 1+strings.Count(s[at:at+n], "."))
	for p := range strings.SplitSeq(s[at:at+n], ".") {
		t.nums = append(t.nums, number(p))
	}
	t.class = classOf(s[at:at+digits(s[at:])], len(t.nums))
	return t, t.readSuffix(s[at+n:])
}

// dotted is the length of "1.2.3" at the start of s.
func dotted(s string) int {
	n := digits(s)
	for n > 0 && n < len(s) && s[n] == '.' {
		d := digits(s[n+1:])
		if d == 0 {
			break
		}
		n += 1 + d
	}
	return n
}

// dashedDate reads "2024-08-01" or "2024-08-01T03-04-05Z" at the start of s.
func dashedDate(s string) ([]string, class, int) {
	const day, stamp = "0000-00-00", "0000-00-00T00-00-00Z"
	if !hasForm(s, day) || !isDay(s[:4]+s[5:7]+s[8:10]) {
		return nil, "", 0
	}
	nums := []string{number(s[:4]), number(s[5:7]), number(s[8:10])}
	if hasForm(s, stamp) {
		return append(nums, number(s[11:13]), number(s[14:16]), number(s[17:19])), classTime, len(stamp)
	}
	if len(s) > len(day) && (isLetter(s[len(day)]) || digits(s[len(day):]) > 0) {
		return nil, "", 0
	}
	return nums, classDash, len(day)
}

// hasForm reports whether s starts like the pattern, where "0" is any digit.
func hasForm(s, pattern string) bool {
	if len(s) < len(pattern) {
		return false
	}
	for i := range len(pattern) {
		if pattern[i] == '0' {
			if s[i] < '0' || s[i] > '9' {
				return false
			}
		} else if s[i] != pattern[i] {
			return false
		}
	}
	return true
}

func classOf(first string, parts int) class {
	switch n := len(first); {
	case n == 4 && isYear(first):
		return classYear
	case n == 6 && isYear(first[:4]) && between(first[4:6], 1, 12):
		return classMonth
	case n == 8 && isDay(first):
		return classDay
	case (n == 10 || n == 12 || n == 14) && isDay(first[:8]):
		return classStamp
	case n >= 6 && parts == 1:
		return classLong
	}
	return classPlain
}

func isYear(s string) bool { return between(s, 1900, 2100) }

func isDay(s string) bool {
	return isYear(s[:4]) && between(s[4:6], 1, 12) && between(s[6:8], 1, 31)
}

func between(s string, low, high int) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= low && n <= high
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func letters(s string) int {
	i := 0
	for i < len(s) && isLetter(s[i]) {
		i++
	}
	return i
}

// like reports whether two tags are written alike, so that one can replace the
// other. Image tags must have as many parts: "3.7" moves, "3.7.1" does not,
// and a reader who chose one did not choose the other. Git tags from two parts
// on need not: projects tag v1.10 and then v1.10.1.
func (t tag) like(o tag, git bool) bool {
	if t.prefix != o.prefix || t.class != o.class || t.shape != o.shape {
		return false
	}
	return len(t.nums) == len(o.nums) || git && len(t.nums) > 1 && len(o.nums) > 1
}

func (t tag) compare(o tag) int {
	if c := t.compareCore(o); c != 0 {
		return c
	}
	if c := compareNumbers(t.base, o.base); c != 0 {
		return c
	}
	return compareNumbers(t.revs, o.revs)
}

// compareCore compares what the software is, without what it is packed in.
func (t tag) compareCore(o tag) int {
	if c := compareNumbers(t.nums, o.nums); c != 0 {
		return c
	}
	return comparePre(t.pre, o.pre)
}

func (t tag) updateTo(o tag) UpdateType {
	for i := range max(len(t.nums), len(o.nums)) {
		if compareNumber(numberAt(t.nums, i), numberAt(o.nums, i)) == 0 {
			continue
		}
		switch {
		case t.class != classPlain && t.class != classYear && t.class != classLong:
			return Minor // a date says nothing about compatibility
		case i == 0:
			return Major
		case i == 1:
			return Minor
		}
		return Patch
	}
	switch {
	case comparePre(t.pre, o.pre) != 0:
		return Patch
	case compareNumbers(t.base, o.base) != 0:
		return Minor
	case compareNumbers(t.revs, o.revs) != 0:
		return Revision
	}
	return ""
}

func numberAt(nums []string, i int) string {
	if i < len(nums) {
		return nums[i]
	}
	return "0"
}

func (t tag) semantic() *semver.Version {
	var n [3]uint64
	for i := range min(3, len(t.nums)) {
		v, err := strconv.ParseUint(t.nums[i], 10, 64)
		if err != nil {
			return nil
		}
		n[i] = v
	}
	pre := ""
	for _, p := range t.pre {
		pre = strings.Join(append([]string{p.word}, p.nums...), ".")
	}
	return semver.New(n[0], n[1], n[2], pre, "")
}
