package detectors

import (
	"maps"
	"path"
	"slices"
	"sort"
	"strings"

	"promoter/promoter"
)

// OwnRepository tells which clone URLs name the scanned repository: the one
// that it was cloned from or, when that is not known, the only URL most of
// whose paths, as Applications and ApplicationSets write them, exist here. Two
// such URLs that are not the same repository make the answer unknown.
func OwnRepository(repo *Repository) (own func(url string) bool, known bool) {
	if repo.Remote != "" {
		return func(url string) bool { return SameRepository(url, repo.Remote) }, true
	}
	type score struct{ here, total int }
	type source struct{ key, dir string }
	scores := map[string]score{}
	counted := map[source]bool{}
	keys := map[string]string{} // by URL: many Applications name one repository
	for _, report := range repo.Reports {
		for i := range report.Facts {
			fact := &report.Facts[i]
			if fact.Kind != "Application" && fact.Kind != "ApplicationSet" {
				continue
			}
			for field, url := range fact.Fields {
				suffix, ok := strings.CutPrefix(field, "repoURL")
				if !ok || IsTemplate(url) {
					continue
				}
				dir := literalDir(fact.Fields["path"+suffix])
				if dir == "" {
					continue
				}
				key, ok := keys[url]
				if !ok {
					key = repositoryKey(url)
					keys[url] = key
				}
				if counted[source{key, dir}] {
					continue
				}
				counted[source{key, dir}] = true
				s := scores[key]
				s.total++
				if repo.Holds(dir) {
					s.here++
				}
				scores[key] = s
			}
		}
	}
	var found []string
	for _, key := range slices.Sorted(maps.Keys(scores)) {
		if s := scores[key]; s.here*2 > s.total {
			found = append(found, key)
		}
	}
	if len(found) != 1 {
		return func(string) bool { return false }, false
	}
	return func(url string) bool { return repositoryKey(url) == found[0] }, true
}

// Holds reports whether a path is a file or a directory of the repository.
func (r *Repository) Holds(p string) bool {
	p = strings.Trim(path.Clean("/"+p), "/")
	if p == "" {
		return true
	}
	i := sort.SearchStrings(r.Paths, p)
	if i < len(r.Paths) && r.Paths[i] == p {
		return true
	}
	i = sort.SearchStrings(r.Paths, p+"/")
	return i < len(r.Paths) && strings.HasPrefix(r.Paths[i], p+"/")
}

// literalDir is the part of a path before the first template expression or
// wildcard, in whole names. The root proves nothing and gives "".
func literalDir(p string) string {
	if i := strings.IndexAny(p, "{*?["); i >= 0 {
		p = p[:strings.LastIndexByte(p[:i], '/')+1]
	}
	return strings.Trim(path.Clean("/"+p), "/")
}

// AdoptOwn makes the named detector's Git sources that follow a branch of this
// repository edges of the reference graph and no pins: their version is the
// commit that is being looked at.
func AdoptOwn(repo *Repository, detector string, own func(url string) bool) {
	asked := map[string]bool{}
	ours := func(url string) bool {
		yes, ok := asked[url]
		if !ok {
			yes = own(url)
			asked[url] = yes
		}
		return yes
	}
	adopts := func(p *Pin) bool {
		return p.Detector == detector && p.Artifact.Kind == promoter.Git &&
			(p.Form == promoter.Floating || p.Form == promoter.Missing) && ours(p.Artifact.Source)
	}
	for _, report := range repo.Reports {
		for i := range report.Links {
			if l := &report.Links[i]; l.Repo != "" && ours(l.Repo) {
				l.Repo = ""
			}
		}
		for i := range report.Pins {
			if adopts(&report.Pins[i]) { // which few reports have: to move pins is dear
				report.Pins = slices.DeleteFunc(report.Pins, func(p Pin) bool { return adopts(&p) })
				break
			}
		}
	}
}
