package promoter

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// readConstraint reads a constraint as Helm, Argo CD and Flux do, and Galaxy's
// "==" besides. pre lets pre-releases match where the constraint names none.
func readConstraint(s string, pre bool) (*semver.Constraints, error) {
	c, err := semver.NewConstraint(strings.ReplaceAll(s, "==", "="))
	if err != nil {
		return nil, fmt.Errorf("read constraint %q: %w", s, err)
	}
	c.IncludePrerelease = pre
	return c, nil
}

// term is one comparison of a constraint: operator, blanks, version.
var term = regexp.MustCompile(`(==|!=|>=|=>|<=|=<|~>|=|>|<|~|\^)?(\s*)(v?[0-9xX*]+(?:\.[0-9xX*]+){0,2}(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)`)

// hyphen is the upper end of "1.2 - 2.3".
var hyphen = regexp.MustCompile(`(\s-\s+)(\S+)`)

// RewriteConstraint changes a constraint so that it admits newVersion, in the
// way its author wrote it: the operators, the number of parts, wildcards,
// blanks and a "v" stay.
//
//	1.2.3  =1.2.3  ^1.2  ~1.2.3  1.x    the version in it is replaced
//	>=1.2 <2        the upper bound moves, the lower one stays
//	1.2 - 1.9       the upper end moves
//	!=1.5           stays
//	^1.0 || ^2.0    an alternative like the last one is added
//
// A constraint that admits newVersion already comes back as it is. It is false
// when no such text can be written; the result always admits newVersion.
func RewriteConstraint(old, newVersion string) (string, bool) {
	v, err := readSemver(newVersion)
	if err != nil {
		return "", false
	}
	c, err := readConstraint(old, false)
	if err != nil {
		return "", false
	}
	if c.Check(v) {
		return old, true
	}
	rewritten := rewriteLast(old, v)
	c, err = readConstraint(rewritten, false)
	if err != nil || !c.Check(v) {
		return "", false
	}
	return rewritten, true
}

func rewriteLast(old string, v *semver.Version) string {
	if i := strings.LastIndex(old, "||"); i >= 0 {
		last := old[i+len("||"):]
		return strings.TrimRight(old, " ") + " ||" + rewriteGroup(strings.TrimRight(last, " "), v)
	}
	return rewriteGroup(old, v)
}

// rewriteGroup rewrites comparisons that must all hold.
func rewriteGroup(group string, v *semver.Version) string {
	if hyphen.MatchString(group) {
		return hyphen.ReplaceAllStringFunc(group, func(s string) string {
			m := hyphen.FindStringSubmatch(s)
			return m[1] + sameShape(m[2], v)
		})
	}
	return term.ReplaceAllStringFunc(group, func(s string) string {
		m := term.FindStringSubmatch(s)
		op, blanks, version := m[1], m[2], m[3]
		switch op {
		case "!=", ">", ">=", "=>":
			return s
		case "<":
			return op + blanks + boundAbove(version, v)
		}
		return op + blanks + sameShape(version, v)
	})
}

// sameShape writes v with as many parts, wildcards and the same "v" as old.
func sameShape(old string, v *semver.Version) string {
	prefix, core, pre := splitTerm(old)
	parts := strings.Split(core, ".")
	for i, n := range []uint64{v.Major(), v.Minor(), v.Patch()}[:min(3, len(parts))] {
		if digits(parts[i]) > 0 {
			parts[i] = strconv.FormatUint(n, 10)
		}
	}
	out := prefix + strings.Join(parts, ".")
	switch {
	case pre == "0": // "-0": admit pre-releases
		out += "-0"
	case v.Prerelease() != "" && len(parts) == 3:
		out += "-" + v.Prerelease()
	}
	if len(parts) == 3 && strings.Contains(old, "+") && v.Metadata() != "" {
		out += "+" + v.Metadata()
	}
	return out
}

// boundAbove writes the next version above v at which a bound like old would
// stand: "<2.0.0" is a bound between majors, "<1.5" one between minors.
func boundAbove(old string, v *semver.Version) string {
	prefix, core, pre := splitTerm(old)
	parts := strings.Split(core, ".")
	next := []uint64{v.Major(), v.Minor(), v.Patch()}
	last := min(3, len(parts)) - 1
	for last > 0 && strings.Trim(parts[last], "0") == "" {
		last--
	}
	next[last]++
	for i := range parts[:min(3, len(parts))] {
		if i > last {
			next[i] = 0
		}
		if digits(parts[i]) > 0 {
			parts[i] = strconv.FormatUint(next[i], 10)
		}
	}
	out := prefix + strings.Join(parts, ".")
	if pre == "0" {
		out += "-0"
	}
	return out
}

// splitTerm splits "v1.2.x-0+b" into "v", "1.2.x" and "0".
func splitTerm(s string) (prefix, core, pre string) {
	core, _, _ = strings.Cut(s, "+")
	if strings.HasPrefix(core, "v") {
		prefix, core = "v", core[1:]
	}
	core, pre, _ = strings.Cut(core, "-")
	return prefix, core, pre
}
