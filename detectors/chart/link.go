package chart

import (
	"path"
	"slices"

	"promoter/detectors"
)

// Link makes the files of each chart part of it, and turns a dependency that
// names no repository into an edge to charts/<name> where that is there.
func (d Detector) Link(repo *detectors.Repository) {
	for _, file := range repo.Paths {
		r := repo.Reports[file]
		if r == nil {
			continue
		}
		switch path.Base(file) {
		case "Chart.yaml", "Chart.yml":
			d.files(repo, file, r)
			d.vendored(repo, file, r)
		case "requirements.yaml", "requirements.yml":
			d.vendored(repo, file, r)
		}
	}
}

func (d Detector) files(repo *detectors.Repository, file string, r *detectors.Report) {
	dir := path.Dir(file)
	for _, fact := range slices.Clone(r.Facts) {
		if fact.Kind != "Chart" || fact.Place.File != file {
			continue
		}
		for _, name := range []string{"values.yaml", "templates", "crds", "requirements.yaml"} {
			to := path.Join(dir, name)
			link := detectors.Link{From: fact.Place, App: fact.Name, To: to, Via: "chart"}
			if repo.Holds(to) && !slices.Contains(r.Links, link) {
				r.Links = append(r.Links, link)
			}
		}
	}
}

func (d Detector) vendored(repo *detectors.Repository, file string, r *detectors.Report) {
	r.Skips = slices.DeleteFunc(r.Skips, func(s detectors.Skip) bool {
		if s.Detector != d.Name() || s.Reason != noRepository {
			return false
		}
		to := path.Join(path.Dir(file), "charts", s.Place.Written)
		if !repo.Holds(path.Join(to, "Chart.yaml")) {
			return false
		}
		r.Links = append(r.Links, detectors.Link{From: s.Place, To: to, Via: "dependencies"})
		return true
	})
}
