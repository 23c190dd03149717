package legacy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"promoter/promoter"
)

// product is software whose support ends by cycles.
type product struct {
	name string
	page string // below https://endoflife.date/
	// images are the last parts of repositories that hold it: "library/redis"
	// is that in every registry and below every mirror's prefix.
	images []string
	// bitnami are the names of Bitnami's charts and images of it.
	bitnami []string
	// charts are "name@part of the repository's URL". With "=" before it the
	// chart's version is the software's, else the appVersion is.
	charts []string
	git    []string // repositories whose tags are its versions
	// cycles are "16=2028-11-09", newest first: versions that start so are
	// supported until that day; with no day, no end is known. "13/trixie=" is
	// a cycle with a name that tags use.
	cycles string
}

type cycle struct {
	number, alias string
	end           string // "2006-01-02", "" when none is known
}

func (p *product) all() []cycle {
	var out []cycle
	for _, f := range strings.Fields(p.cycles) {
		key, end, _ := strings.Cut(f, "=")
		number, alias, _ := strings.Cut(key, "/")
		out = append(out, cycle{number, alias, end})
	}
	return out
}

// soon is how long before its end a cycle is worth a word, and lately how long
// after it there was time to move.
const soon, lately = 90 * 24 * time.Hour, 180 * 24 * time.Hour

func endOfLife(in Input) []promoter.Finding {
	fs := gather("end-of-life")
	known := map[promoter.Artifact]content{} // a fleet pins one artifact many times
	for _, i := range in.order() {
		p := &in.Pins[i]
		h, ok := known[p.Artifact]
		if !ok {
			h = contentOf(p.Artifact)
			known[p.Artifact] = h
		}
		prod := h.product
		if prod == nil {
			continue
		}
		version := in.versionOf(i, h)
		c, ok := prod.cycleOf(version)
		if !ok || c.end == "" {
			continue
		}
		end, err := time.Parse(time.DateOnly, c.end)
		if err != nil || in.Now.Add(soon).Before(end) {
			continue
		}
		f := promoter.Finding{
			Artifact: p.Artifact, Place: p.Place, Severity: promoter.High,
			Evidence: fmt.Sprintf("%s %s (%s) is past its end of life since %s", prod.name, c.number, version, c.end),
			Remedy:   prod.remedy(c, in.Now), Source: "https://endoflife.date/" + prod.page,
		}
		switch age := in.Now.Sub(end); {
		case age <= 0:
			f.Severity = promoter.Low
			f.Evidence = fmt.Sprintf("%s %s (%s) reaches its end of life on %s", prod.name, c.number, version, c.end)
		case age < lately:
			f.Severity = promoter.Medium
		}
		fs.add(f)
	}
	return fs.list
}

// content is the product in an artifact.
type content struct {
	*product      // nil when none is known
	same     bool // the artifact's versions are the product's own
}

func contentOf(a promoter.Artifact) content {
	if a.Name == "" {
		return content{}
	}
	for k := range products {
		prod := &products[k]
		same, ok := true, false
		switch a.Kind {
		case promoter.Image:
			ok = prod.hasImage(a.Name)
		case promoter.Git:
			ok = slices.Contains(prod.git, a.Name)
		case promoter.Chart:
			same, ok = prod.hasChart(a)
		}
		if ok {
			return content{prod, same}
		}
	}
	return content{}
}

// versionOf is the version of the product in a pin, "" when it is not known.
func (in Input) versionOf(i int, h content) string {
	switch {
	case in.Pins[i].Artifact.Kind == promoter.Image:
		return in.Pins[i].Version
	case h.same:
		return in.resolved(i)
	}
	if r := in.Choices[i].Current; r != nil {
		return r.AppVersion
	}
	return ""
}

func (p *product) hasImage(name string) bool {
	if org, base, ok := strings.Cut(name, "/"); ok && slices.Contains(p.bitnami, base) {
		switch org {
		case "bitnami", "bitnamilegacy", "bitnamisecure":
			return true
		}
	}
	return slices.ContainsFunc(p.images, func(tail string) bool { return hasTail(name, tail) })
}

// hasChart reports whether a chart installs the product, and whether its
// versions are the product's own.
func (p *product) hasChart(a promoter.Artifact) (same, ok bool) {
	for _, c := range p.charts {
		name, source, _ := strings.Cut(strings.TrimPrefix(c, "="), "@")
		if name == a.Name && strings.Contains(a.Source, source) {
			return strings.HasPrefix(c, "="), true
		}
	}
	return false, slices.Contains(p.bitnami, a.Name) && strings.Contains(a.Source, "bitnami")
}

// hasTail reports whether a repository's name ends in whole parts with tail.
func hasTail(name, tail string) bool {
	return name == tail || strings.HasSuffix(name, "/"+tail)
}

// cycleOf finds the cycle of a version: the longest whose numbers it starts
// with, or the one whose name it starts with.
func (p *product) cycleOf(version string) (cycle, bool) {
	nums := leading(version)
	var best cycle
	found := false
	for _, c := range p.all() {
		if c.alias != "" && (version == c.alias || strings.HasPrefix(version, c.alias+"-")) {
			return c, true
		}
		parts := strings.Split(c.number, ".")
		if len(parts) <= len(nums) && slices.Equal(parts, nums[:len(parts)]) && len(c.number) > len(best.number) {
			best, found = c, true
		}
	}
	return best, found
}

// remedy names the cycles to move to.
func (p *product) remedy(old cycle, now time.Time) string {
	// A cycle that is about to end itself is not worth moving to.
	horizon := now.Add(soon).UTC().Format(time.DateOnly)
	var newest, next *cycle
	all := p.all()
	for i := range all {
		c := &all[i]
		if c.end != "" && c.end <= horizon || compareCycles(c.number, old.number) <= 0 {
			continue
		}
		if newest == nil || compareCycles(c.number, newest.number) > 0 {
			newest = c
		}
		if next == nil || compareCycles(c.number, next.number) < 0 {
			next = c
		}
	}
	switch {
	case newest == nil:
		return fmt.Sprintf("move to a version of %s released after %s, when no newer one was supported, or to another product", p.name, asOf)
	case newest == next:
		return fmt.Sprintf("move to %s %s%s", p.name, newest.number, until(newest.end))
	}
	return fmt.Sprintf("move to %s %s%s, or at least to %s%s", p.name, newest.number, until(newest.end), next.number, until(next.end))
}

func until(end string) string {
	if end == "" {
		return ""
	}
	return " (supported until " + end + ")"
}

func compareCycles(a, b string) int {
	c, _ := promoter.Compare(promoter.Chart, a, b)
	return c
}

// leading are the dotted numbers that a version starts with, after a "v" or a
// name and a dash: "v1.26.0-k3s2" gives 1, 26, 0.
func leading(version string) []string {
	i := strings.IndexAny(version, "0123456789")
	if i < 0 || i > 0 && version[:i] != "v" && !strings.HasSuffix(version[:i], "-") && !strings.HasSuffix(version[:i], "-v") {
		return nil
	}
	end := i
	for end < len(version) && (version[end] == '.' || version[end] >= '0' && version[end] <= '9') {
		end++
	}
	return strings.Split(strings.TrimRight(version[i:end], "."), ".")
}
