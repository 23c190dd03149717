package legacy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"promoter/promoter"
)

// chartDeprecated finds charts whose current or newest release is marked.
func chartDeprecated(in Input) []promoter.Finding {
	fs := gather("chart-deprecated")
	for _, i := range in.order() {
		p, c := &in.Pins[i], in.Choices[i]
		if p.Artifact.Kind != promoter.Chart || !c.Deprecated {
			continue
		}
		r := c.Latest
		if r == nil || !r.Deprecated {
			r = c.Current
		}
		if r == nil {
			continue
		}
		fs.add(promoter.Finding{
			Artifact: p.Artifact, Place: p.Place,
			Evidence: fmt.Sprintf("%s: its publisher marks release %s as deprecated", p.Artifact.Ref(), r.Version),
			Remedy:   replacement(p.Artifact, r.Home, in.Now),
		})
	}
	return fs.list
}

// replacement says where to look for what an artifact was.
func replacement(a promoter.Artifact, home string, now time.Time) string {
	if m := moveOf(a, now); m != nil {
		return m.remedy(a)
	}
	if home != "" {
		return fmt.Sprintf("see %s for its successor, or choose a maintained chart of %s", home, a.Name)
	}
	return fmt.Sprintf("choose a maintained chart: https://artifacthub.io/packages/search?kind=0&deprecated=false&ts_query_web=%s", a.Name)
}

// chartStale finds charts whose newest release is old. It needs every
// release's time, and the highest version to be the newest release: a
// repository that was rebuilt or backfilled says nothing about its age.
func chartStale(in Input) []promoter.Finding {
	fs := gather("chart-stale")
	limit := cmp.Or(in.StaleAfter, DefaultStaleAfter)
	known := map[promoter.Artifact]*promoter.Finding{} // a fleet pins one chart many times
	for _, i := range in.order() {
		p := &in.Pins[i]
		if p.Artifact.Kind != promoter.Chart || in.Choices[i].Deprecated {
			continue
		}
		f, seen := known[p.Artifact]
		if !seen {
			f = in.stale(p.Artifact, limit)
			known[p.Artifact] = f
		}
		if f != nil {
			at := *f
			at.Place = p.Place
			fs.add(at)
		}
	}
	return fs.list
}

// stale is the finding that a chart is stale, without a place, or nil.
func (in Input) stale(a promoter.Artifact, limit time.Duration) *promoter.Finding {
	l, ok := in.Listings[a]
	if !answered(l, ok) || moveOf(a, in.Now) != nil {
		return nil
	}
	r, ok := lastRelease(l)
	if !ok || r.Created.After(in.Now) || in.Now.Sub(r.Created) <= limit {
		return nil
	}
	return &promoter.Finding{
		Artifact: a,
		Evidence: fmt.Sprintf("%s: its last release, %s, is of %s, %d months ago", a.Ref(), r.Version, r.Created.UTC().Format(time.DateOnly), months(in.Now.Sub(r.Created))),
		Remedy:   replacement(a, r.Home, in.Now),
	}
}

func months(d time.Duration) int { return int(d.Hours() / 24 / 30.436875) }

// lastRelease is the release that is highest and newest at once; false when
// there is none, or a time is missing.
func lastRelease(l promoter.Listing) (promoter.Release, bool) {
	highest, newest := -1, -1
	for i, r := range l.Releases {
		if r.Created.IsZero() {
			return promoter.Release{}, false
		}
		if newest < 0 || r.Created.After(l.Releases[newest].Created) {
			newest = i
		}
		if highest >= 0 {
			c, ok := promoter.Compare(l.Artifact.Kind, r.Version, l.Releases[highest].Version)
			if !ok || c <= 0 {
				continue
			}
		} else if _, ok := promoter.Compare(l.Artifact.Kind, r.Version, r.Version); !ok {
			continue
		}
		highest = i
	}
	if highest < 0 || !l.Releases[highest].Created.Equal(l.Releases[newest].Created) {
		return promoter.Release{}, false
	}
	return l.Releases[highest], true
}

// chartTwoSources finds charts of one name from several repositories. Where
// the repositories were asked, they must have a version in common: "base" is
// the name of many charts. Where they were not, the name must be a telling one.
func chartTwoSources(in Input) []promoter.Finding {
	fs := gather("chart-two-sources")
	byName := map[string][]int{}
	var names []string
	for _, i := range in.order() {
		a := in.Pins[i].Artifact
		if a.Kind != promoter.Chart || a.Source == "" || a.Name == "" {
			continue
		}
		if byName[a.Name] == nil {
			names = append(names, a.Name)
		}
		byName[a.Name] = append(byName[a.Name], i)
	}
	slices.Sort(names)
	for _, name := range names {
		if f, ok := in.twoSources(name, byName[name]); ok {
			fs.add(f)
		}
	}
	return fs.list
}

func (in Input) twoSources(name string, pins []int) (promoter.Finding, bool) {
	var sources []promoter.Artifact
	for _, i := range pins {
		if a := in.Pins[i].Artifact; !slices.Contains(sources, a) {
			sources = append(sources, a)
		}
	}
	slices.SortFunc(sources, func(a, b promoter.Artifact) int { return strings.Compare(a.Source, b.Source) })
	var same []promoter.Artifact
	common := ""
	for i, a := range sources {
		for j, b := range sources {
			if i == j {
				continue
			}
			if v, ok := in.sameChart(a, b); ok {
				same = append(same, a)
				common = cmp.Or(common, v)
				break
			}
		}
	}
	if len(same) < 2 {
		return promoter.Finding{}, false
	}
	var places []promoter.Place
	var texts []string
	for _, a := range same {
		texts = append(texts, a.Source)
		for _, i := range pins {
			if in.Pins[i].Artifact == a {
				places = append(places, in.Pins[i].Place)
			}
		}
	}
	slices.SortStableFunc(places, func(a, b promoter.Place) int { return comparePlaces(&a, &b) })
	evidence := fmt.Sprintf("chart %s is taken from %s", name, strings.Join(texts, " and from "))
	if common != "" {
		evidence += fmt.Sprintf("; both list %s", common)
	}
	return promoter.Finding{
		Artifact: same[0], Place: places[0], Also: places[1:], Evidence: evidence,
		Remedy: fmt.Sprintf("take it from %s everywhere", in.keep(same).Source),
	}, true
}

// sameChart reports whether two artifacts of one name are one chart, and a
// version that shows it.
func (in Input) sameChart(a, b promoter.Artifact) (string, bool) {
	la, oka := in.Listings[a]
	lb, okb := in.Listings[b]
	if !answered(la, oka) || !answered(lb, okb) {
		return "", !generic(a.Name)
	}
	at := map[string]string{}
	for _, r := range la.Releases {
		at[r.Version] = r.AppVersion
	}
	for _, r := range lb.Releases {
		if app, ok := at[r.Version]; ok && (app == r.AppVersion || app == "" || r.AppVersion == "") {
			return r.Version, true
		}
	}
	return "", false
}

// generic reports whether unrelated charts often have this name.
func generic(name string) bool {
	switch name {
	case "app", "application", "base", "chart", "common", "crds", "gateway", "lib", "library", "operator", "service", "web", "api", "backend", "frontend", "raw", "app-template":
		return true
	}
	return false
}

// keep is the source to stay with: one that is not gone, frozen or moved, and
// of those the one with the newest release.
func (in Input) keep(same []promoter.Artifact) promoter.Artifact {
	best := same[0]
	for _, a := range same[1:] {
		if in.better(a, best) {
			best = a
		}
	}
	return best
}

func (in Input) better(a, b promoter.Artifact) bool {
	if x, y := moveOf(a, in.Now) == nil, moveOf(b, in.Now) == nil; x != y {
		return x
	}
	ra, oka := newest(in.Listings[a])
	rb, okb := newest(in.Listings[b])
	if !oka || !okb {
		return oka && !okb
	}
	c, _ := promoter.Compare(promoter.Chart, ra.Version, rb.Version)
	return c > 0
}
