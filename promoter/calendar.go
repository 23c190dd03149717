package promoter

import (
	"cmp"
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

// calendarAhead is how long before it begins a freeze is spoken of.
const calendarAhead = 7 * 24 * time.Hour

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
		if !about(f.Environments, f.Tenants) || !now.Before(f.To) || f.From.Sub(now) > calendarAhead {
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

// closed returns why nothing may be merged that reaches these places now, and
// until when. The security lane waits for no window, but for freezes.
func (p Policy) closed(reached []Reached, security bool, now time.Time) (string, time.Time) {
	for _, r := range reached {
		for _, f := range p.Freezes {
			if concerns(f.Environments, f.Tenants, r) && !now.Before(f.From) && now.Before(f.To) {
				return fmt.Sprintf("the freeze %q is on", f.Name), f.To
			}
		}
	}
	if security {
		return "", time.Time{}
	}
	for _, r := range reached {
		open, some := false, false
		var next time.Time
		for _, w := range p.Windows {
			if !concerns(w.Environments, w.Tenants, r) {
				continue
			}
			some = true
			if w.open(now) {
				open = true
				break
			}
			if at := w.next(now); next.IsZero() || !at.IsZero() && at.Before(next) {
				next = at
			}
		}
		if some && !open {
			return "outside the maintenance windows of " + cmp.Or(r.Environment, r.Tenant, "what it reaches"), next
		}
	}
	return "", time.Time{}
}

// begins is when the window begins on the day that a moment falls on in its
// zone, and ends is when that one is over. Clocks that are set forward or back
// move both as people's clocks move.
func (w Window) begins(now time.Time, days int) (from, to time.Time, ok bool) {
	zone := w.Zone
	if zone == nil {
		zone = time.UTC
	}
	day := now.In(zone)
	y, m, d := day.Date()
	at := func(offset int, since time.Duration) time.Time {
		return time.Date(y, m, d+days+offset, int(since.Hours()), int(since.Minutes())%60, 0, 0, zone)
	}
	from, to = at(0, w.From), at(0, w.To)
	if w.To <= w.From {
		to = at(1, w.To)
	}
	return from, to, len(w.Days) == 0 || slices.Contains(w.Days, at(0, 12*time.Hour).Weekday())
}

// open reports whether the window is open: today's, or yesterday's that has
// not ended.
func (w Window) open(now time.Time) bool {
	for _, days := range []int{0, -1} {
		if from, to, ok := w.begins(now, days); ok && !now.Before(from) && now.Before(to) {
			return true
		}
	}
	return false
}

// next is when the window opens next.
func (w Window) next(now time.Time) time.Time {
	for days := range 8 {
		if from, _, ok := w.begins(now, days); ok && from.After(now) {
			return from
		}
	}
	return time.Time{}
}
