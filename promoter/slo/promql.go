package slo

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Trap is a way of writing a query or condition that passes without evidence.
type Trap struct {
	Rule     string
	Offset   int // byte offset in the text
	Evidence string
	Remedy   string
}

var (
	rangeText  = regexp.MustCompile(`\[([^\]\[]*)\]`)
	offsetText = regexp.MustCompile(`\boffset\b\s*(\S*)`)
	atText     = regexp.MustCompile(`@\s*[\w\d(]`)
	vectorText = regexp.MustCompile(`\bvector\s*\(`)
	zeroText   = regexp.MustCompile(`\bor\b[^,]*?(\*\s*0+(\.0*)?([^.\d]|$)|\b0+(\.0*)?\s*\*)`)
	durations  = regexp.MustCompile(`^((\d+)y)?((\d+)w)?((\d+)d)?((\d+)h)?((\d+)m)?((\d+)s)?((\d+)ms)?$`)
)

// Traps finds the PromQL spellings that turn missing data into a number: then
// a telemetry outage, or a metric whose name is wrong, reads as zero errors.
func Traps(query string) []Trap {
	text := maskStrings(query)
	var traps []Trap
	if at := vectorText.FindStringIndex(text); at != nil {
		traps = append(traps, Trap{"query-fills-gaps", at[0], "vector() answers when the metric does not exist or cannot be read",
			"drop it; where absence is good, say so for this gate and name a sentinel"})
	} else if at := zeroText.FindStringIndex(text); at != nil {
		traps = append(traps, Trap{"query-fills-gaps", at[0], "\"or\" with a product by zero answers when the metric does not exist",
			"drop it; where absence is good, say so for this gate and name a sentinel"})
	}
	return traps
}

// Reach is how far back from its instant a PromQL query looks: the longest
// range and the offsets, with subqueries added to what they contain. A query
// whose reach cannot be read, or that looks at a fixed time or ahead, is an
// error, because nothing could then keep it from spanning the change.
func Reach(query string) (time.Duration, error) {
	text := maskStrings(query)
	var plain, nested, offset time.Duration
	for _, m := range rangeText.FindAllStringSubmatch(text, -1) {
		spec, step, sub := strings.Cut(strings.TrimSpace(m[1]), ":")
		d, err := duration(strings.TrimSpace(spec))
		if err != nil {
			return 0, fmt.Errorf("read the range of query %q: %w", query, err)
		}
		if !sub {
			plain = max(plain, d)
			continue
		}
		nested += d
		if step = strings.TrimSpace(step); step != "" {
			// A subquery's first step may lie up to one step before its range.
			s, err := duration(step)
			if err != nil {
				return 0, fmt.Errorf("read the range of query %q: %w", query, err)
			}
			nested += s
		} else {
			nested += time.Minute // the server's default step
		}
	}
	for _, m := range offsetText.FindAllStringSubmatch(text, -1) {
		d, err := duration(strings.TrimRight(m[1], "),"))
		if err != nil {
			return 0, fmt.Errorf("read the offset of query %q: %w", query, err)
		}
		offset = max(offset, d)
	}
	if atText.MatchString(text) {
		return 0, fmt.Errorf("read query %q: the @ modifier looks at a fixed time, whatever the slot", query)
	}
	return plain + nested + offset, nil
}

// duration reads Prometheus' spelling, "1h30m".
func duration(s string) (time.Duration, error) {
	m := durations.FindStringSubmatch(s)
	if m == nil || s == "" {
		return 0, fmt.Errorf("%q is no duration", s)
	}
	units := []time.Duration{365 * 24 * time.Hour, 7 * 24 * time.Hour, 24 * time.Hour, time.Hour, time.Minute, time.Second, time.Millisecond}
	var sum time.Duration
	for i, unit := range units {
		if t := m[2+2*i]; t != "" {
			n, err := strconv.Atoi(t)
			if err != nil || n > int(100*365*24*time.Hour/unit) {
				return 0, fmt.Errorf("%q is too long", s)
			}
			sum += time.Duration(n) * unit
		}
	}
	if sum <= 0 {
		return 0, fmt.Errorf("%q is no time at all", s)
	}
	return sum, nil
}

// maskStrings blanks what is inside quotes and comments and keeps every
// offset, so that a label's value is never read as syntax.
func maskStrings(q string) string {
	b := []byte(q)
	for i := 0; i < len(b); i++ {
		switch c := b[i]; c {
		case '"', '\'', '`':
			for i++; i < len(b) && b[i] != c; i++ {
				if b[i] == '\\' && c != '`' && i+1 < len(b) {
					b[i] = ' '
					i++
				}
				b[i] = ' '
			}
		case '#':
			for ; i < len(b) && b[i] != '\n'; i++ {
				b[i] = ' '
			}
		}
	}
	return string(b)
}
