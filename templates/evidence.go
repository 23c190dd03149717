package templates

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of quoted evidence: what a person reads at night, and what leaves
// room for the rest of a comment. In characters.
const (
	maxEvidence      = 8000
	maxEvidenceLines = 100
	maxEvidenceLine  = 1000
)

// evidence makes lines that were seen in clusters and metrics fit to be quoted
// and read back: each is one line of printable text, and together they are
// within the bounds. Cleaning clean lines changes nothing.
func evidence(lines []string) []string {
	const mark = 40 // room for the line that says how much is left out
	left := maxEvidence
	var out []string
	for i, line := range lines {
		line = calm(line)
		n, last := utf8.RuneCountInString(line)+1, i == len(lines)-1
		if last && n > left || !last && (n > left-mark || len(out) == maxEvidenceLines-1) {
			return append(out, fmt.Sprintf("… and %d more lines", len(lines)-i))
		}
		left -= n
		out = append(out, line)
	}
	if len(out) == 0 {
		return []string{"nothing more was seen"} // no lines would read as none written down
	}
	return out
}

// calm makes one line of evidence harmless within a fence: nothing invisible,
// no marker, and no command.
func calm(line string) string {
	line = strings.ReplaceAll(normalize(line), "\n", " ")
	line = unmarked(strings.TrimRight(line, " "))
	line = uncommanded(line)
	if r := []rune(line); len(r) > maxEvidenceLine {
		line = strings.TrimRight(string(r[:maxEvidenceLine-1]), " ") + "…"
	}
	return line
}

// uncommanded keeps a line from being a command of ours, which a line that is
// quoted in a comment would be.
func uncommanded(line string) string {
	if words := strings.Fields(line); len(words) > 0 && words[0] == "/promoter" {
		return "| " + line
	}
	return line
}

// unmarked breaks what would begin an HTML comment.
func unmarked(s string) string { return strings.ReplaceAll(s, "<!--", "<! --") }

// fenced quotes evidence as a code block, in which forges notify nobody and
// link nothing. No line of it can end the block.
func fenced(lines []string) string {
	lines = evidence(lines)
	longest := 2
	for _, l := range lines {
		longest = max(longest, backticks(l))
	}
	fence := strings.Repeat("`", longest+1)
	return fence + "\n" + strings.Join(lines, "\n") + "\n" + fence
}

// unfenced reads the lines of the first code block that fenced wrote.
func unfenced(body string) ([]string, bool) {
	lines := strings.Split(strings.ReplaceAll(body, "\r\n", "\n"), "\n")
	from := slices.IndexFunc(lines, isFence)
	if from < 0 {
		return nil, false
	}
	n := slices.Index(lines[from+1:], lines[from])
	if n < 0 {
		return nil, false
	}
	return lines[from+1 : from+1+n], true
}

func isFence(line string) bool { return len(line) >= 3 && strings.Trim(line, "`") == "" }

// backticks is the length of the longest run of backticks.
func backticks(s string) int {
	run, longest := 0, 0
	for i := range len(s) {
		if s[i] == '`' {
			run++
			longest = max(longest, run)
		} else {
			run = 0
		}
	}
	return longest
}
