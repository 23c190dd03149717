package alertmanager

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Matcher is a condition on one label.
type Matcher struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Regex bool   `json:"isRegex"`
	Equal bool   `json:"isEqual"`
}

// Equals matches a label's exact value.
func Equals(name, value string) Matcher { return Matcher{Name: name, Value: value, Equal: true} }

// UnmarshalJSON reads a matcher; servers before 0.22 do not say isEqual, and
// mean true.
func (m *Matcher) UnmarshalJSON(b []byte) error {
	type plain Matcher
	x := plain{Equal: true}
	err := json.Unmarshal(b, &x)
	*m = Matcher(x)
	return err
}

// String writes the matcher as Alertmanager's filters want it.
func (m Matcher) String() string {
	op := "!"
	if m.Equal {
		op = "="
	}
	if m.Regex {
		op += "~"
	} else if !m.Equal {
		op = "!="
	}
	return m.Name + op + strconv.Quote(m.Value)
}

var matcherText = regexp.MustCompile(`^\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*")\s*(,|$)`)

// ParseMatchers reads name="value" conditions separated by commas, with or
// without braces around them. At least one is required: none would match every
// alert there is.
func ParseMatchers(text string) ([]Matcher, error) {
	rest := strings.TrimSpace(text)
	if inside, ok := strings.CutPrefix(rest, "{"); ok {
		if rest, ok = strings.CutSuffix(inside, "}"); !ok {
			return nil, fmt.Errorf("read matchers %q: a brace does not end", text)
		}
	}
	var out []Matcher
	for strings.TrimSpace(rest) != "" {
		m := matcherText.FindStringSubmatch(rest)
		if m == nil {
			return nil, fmt.Errorf("read matchers %q: want name=\"value\" at %.20q", text, rest)
		}
		value, err := strconv.Unquote(m[3])
		if err != nil {
			return nil, fmt.Errorf("read matchers %q: %s is no quoted string", text, m[3])
		}
		x := Matcher{Name: m[1], Value: value, Regex: strings.HasSuffix(m[2], "~"), Equal: m[2][0] == '='}
		if x.Regex {
			if _, err := regexp.Compile(value); err != nil {
				return nil, fmt.Errorf("read matchers %q: %w", text, err)
			}
		}
		out, rest = append(out, x), rest[len(m[0]):]
	}
	if len(out) == 0 {
		return nil, errors.New("read matchers: there is none, which would match every alert")
	}
	return out, nil
}

// sameMatchers compares them as sets.
func sameMatchers(a, b []Matcher) bool {
	order := func(m []Matcher) []Matcher {
		m = slices.Clone(m)
		slices.SortFunc(m, func(x, y Matcher) int { return cmp.Compare(x.String(), y.String()) })
		return slices.Compact(m)
	}
	return slices.Equal(order(a), order(b))
}
