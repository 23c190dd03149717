package reach

import (
	"path"
	"slices"
	"strings"

	"promoter/detectors"
)

// Overlay is a kustomization of one environment that builds on a shared file.
type Overlay struct {
	File string // the kustomization file
	Located
}

// Overlays answers which overlays build on a file: it climbs from kustomization
// to kustomization and stops at the first that belongs to an environment. Only
// what kustomize composes counts: an image that an overlay sets there reaches
// nobody beside it.
func Overlays(links []detectors.Link, locate Locate) func(file string) []Overlay {
	above := map[string][]string{} // a file or directory → the kustomizations that name it
	for _, l := range links {
		if l.Repo != "" || !detectors.IsKustomizationFile(l.From.File) {
			continue
		}
		switch l.Via {
		case "resources", "bases", "components":
			to := path.Clean(l.To)
			if !slices.Contains(above[to], l.From.File) {
				above[to] = append(above[to], l.From.File)
			}
		}
	}
	return func(file string) []Overlay {
		var out []Overlay
		seen := map[string]bool{}
		for queue := []string{file}; len(queue) > 0; queue = queue[1:] {
			at := queue[0]
			parents := above[at]
			if detectors.IsKustomizationFile(at) {
				parents = append(slices.Clone(parents), above[path.Dir(at)]...)
			}
			for _, k := range parents {
				if seen[k] {
					continue
				}
				seen[k] = true
				if located, ok := locate(k, "", ""); ok && located.Environment != "" {
					out = append(out, Overlay{k, located})
				} else {
					queue = append(queue, k)
				}
			}
		}
		slices.SortFunc(out, func(a, b Overlay) int { return strings.Compare(a.File, b.File) })
		return out
	}
}
