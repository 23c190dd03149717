package helmfile

import (
	"path"
	"slices"
	"strings"

	"promoter/detectors"
)

// Link joins the releases whose repository another file names. Nearest wins:
// the release's bases, then its directory, then any helmfile if all that name
// the repository agree on its address.
func (d Detector) Link(repo *detectors.Repository) {
	byName := map[string][]detectors.Fact{}
	for _, file := range repo.Paths {
		if r := repo.Reports[file]; r != nil {
			for _, fact := range r.Facts {
				if fact.Kind == RepositoryKind {
					byName[fact.Name] = append(byName[fact.Name], fact)
				}
			}
		}
	}
	for _, file := range repo.Paths {
		if r := repo.Reports[file]; r != nil {
			d.join(repo, file, r, byName)
		}
	}
}

func (d Detector) join(repo *detectors.Repository, file string, r *detectors.Report, byName map[string][]detectors.Fact) {
	var bases []string
	for _, link := range r.Links {
		if link.Via == "bases" {
			bases = append(bases, link.To)
		}
	}
	r.Pins = slices.DeleteFunc(r.Pins, func(p detectors.Pin) bool { return p.Detector == d.Name() && d.drops(repo, file, r, bases, byName, p) })
	for i := range r.Pins {
		p := &r.Pins[i]
		if p.Detector == d.Name() && p.SourceRef != nil && p.SourceRef.Kind == RepositoryKind {
			resolve(p, address(file, bases, byName[p.SourceRef.Name]))
		}
	}
}

// drops turns a pin that cannot be joined into the edge or the Skip that it
// is, and reports whether it did.
func (d Detector) drops(repo *detectors.Repository, file string, r *detectors.Report, bases []string, byName map[string][]detectors.Fact, p detectors.Pin) bool {
	if p.SourceRef == nil || p.SourceRef.Kind != RepositoryKind {
		return false
	}
	url := address(file, bases, byName[p.SourceRef.Name])
	// Helmfile takes "charts/shop" for a directory where there is one.
	if to := path.Join(path.Dir(file), p.SourceRef.Name, p.Artifact.Name); url == "" && repo.Holds(to) {
		r.Links = append(r.Links, detectors.Link{From: p.Place, App: p.App, To: to, Via: "chart"})
		return true
	}
	reason := noAlias
	if url != "" {
		reason = resolve(&p, url)
	}
	if reason == "" {
		return false
	}
	r.Skips = append(r.Skips, detectors.Skip{Place: p.Place, Detector: d.Name(), Reason: reason})
	return true
}

// address is the URL of the repository that is meant in a file, or "".
func address(file string, bases []string, named []detectors.Fact) string {
	near := [...]func(detectors.Fact) bool{
		func(f detectors.Fact) bool { return slices.Contains(bases, f.Place.File) },
		func(f detectors.Fact) bool { return path.Dir(f.Place.File) == path.Dir(file) },
		func(f detectors.Fact) bool {
			return strings.HasPrefix(file, strings.TrimPrefix(path.Dir(f.Place.File)+"/", "./"))
		},
		func(detectors.Fact) bool { return true },
	}
	for _, is := range near {
		url := ""
		for _, f := range named {
			if !is(f) {
				continue
			}
			if url != "" && url != f.Fields["url"] {
				return "" // two answers are none
			}
			url = f.Fields["url"]
		}
		if url != "" {
			return url
		}
	}
	return ""
}
