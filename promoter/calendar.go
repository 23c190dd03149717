package promoter

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// matches reports whether a name fits a pattern in which * stands for any text.
func matches(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == name
	}
	rest, ok := strings.CutPrefix(name, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return strings.HasSuffix(rest, parts[len(parts)-1])
}

// concerns reports whether a rule for these environments and tenants is about
// a place; empty lists are about all.
func concerns(envs, tenants []string, r Reached) bool {
	fits := func(patterns []string, name string) bool {
		return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool { return matches(p, name) })
	}
	return fits(envs, r.Environment) && fits(tenants, r.Tenant)
}

// calendar says in words when merges that reach these places are meant to
// happen: windows, and the freezes that are on or begin within a week.
func (p Policy) calendar(reached []Reached, now time.Time) []string {
	var out []string
	about := func(envs, tenants []string) bool {
		return slices.ContainsFunc(reached, func(r Reached) bool { return concerns(envs, tenants, r) })
	}
	for _, w := range p.Windows {
		if about(w.Environments, w.Tenants) {
			out = append(out, "a maintenance window: "+w.String())
		}
	}
	for _, f := range p.Freezes {
		if !about(f.Environments, f.Tenants) || !now.Before(f.To) || f.From.Sub(now) > 7*24*time.Hour {
			continue
		}
		verb := "is on"
		if now.Before(f.From) {
			verb = "begins " + f.From.UTC().Format("2006-01-02 15:04") + " UTC"
		}
		out = append(out, fmt.Sprintf("the freeze %q, which %s and ends %s UTC", f.Name, verb, f.To.UTC().Format("2006-01-02 15:04")))
	}
	return out
}

// String says when the window is: "mon, tue 22:00-04:00 Europe/Berlin".
func (w Window) String() string {
	days := "every day"
	if len(w.Days) > 0 {
		var names []string
		for _, d := range w.Days {
			names = append(names, strings.ToLower(d.String()[:3]))
		}
		days = strings.Join(names, ", ")
	}
	zone := "UTC"
	if w.Zone != nil {
		zone = w.Zone.String()
	}
	return fmt.Sprintf("%s %s-%s %s", days, clockOf(w.From), clockOf(w.To), zone)
}

func clockOf(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60)
}
