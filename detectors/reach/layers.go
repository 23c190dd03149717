package reach

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"

	"promoter/detectors"
	"promoter/promoter"
)

// Layer is a values file that one environment alone reads, after a file that it
// shares with others: what it says wins.
type Layer struct {
	File string
	Located
	// Over are the files that are read after it anywhere: what they say wins
	// over it.
	Over []string
	// Lists are the places that name it. What stands inline beside them may
	// win over every file.
	Lists []promoter.Place
}

// valueList is one list of values files, in the order in which they are read.
type valueList struct{ entries []valueEntry }

type valueEntry struct {
	index int
	file  string
	at    promoter.Place // zero for a chart's own values, which nothing names
}

// Layers answers which values files of single environments are read after a
// file: those that an Application or a helmfile's release names behind it, or
// at all where the file is the chart's own values.yaml. A file that anybody
// reads without the shared one is left out: it is about something else too.
func (g *Graph) Layers(links []detectors.Link) func(file string) []Layer {
	lists := g.valueLists(links)
	naming := map[string][]*valueList{}
	for _, l := range lists {
		for _, e := range l.entries {
			if ls := naming[e.file]; len(ls) == 0 || ls[len(ls)-1] != l {
				naming[e.file] = append(ls, l)
			}
		}
	}
	return func(file string) []Layer {
		var out []Layer
		seen := map[string]bool{}
		for _, l := range naming[file] {
			for _, e := range l.entries[l.of(file)+1:] {
				at, alone := g.alone(e.file)
				if !alone {
					continue
				}
				if layer, ok := layerOf(e.file, file, naming[e.file]); ok && !seen[e.file] {
					layer.Located = at
					out = append(out, layer)
				}
				seen[e.file] = true
				break // one behind it would reach less of the environment
			}
		}
		slices.SortFunc(out, func(a, b Layer) int { return strings.Compare(a.File, b.File) })
		return out
	}
}

// valueLists collects the lists; each begins with the values of the chart that
// its source or release deploys, where that is in the repository.
func (g *Graph) valueLists(links []detectors.Link) []*valueList {
	type key struct {
		file, app, path string
		doc             int
	}
	found := map[key]*valueList{}
	charts := map[key]string{} // by the path of the source or release
	var keys []key
	for i := range links {
		l := &links[i]
		if l.Repo != "" {
			continue
		}
		k := key{l.From.File, l.App, "", l.From.Doc}
		switch l.Via {
		case "source.path", "chart":
			k.path = l.From.Path[:max(strings.LastIndexByte(l.From.Path, '.'), 0)]
			charts[k] = path.Join(l.To, "values.yaml")
		case "valueFiles", "values":
			list, index, ok := itemOf(l.From.Path)
			if !ok {
				continue
			}
			k.path = list
			if found[k] == nil {
				found[k] = &valueList{}
				keys = append(keys, k)
			}
			found[k].entries = append(found[k].entries, valueEntry{index, path.Clean(l.To), l.From})
		}
	}
	out := make([]*valueList, 0, len(keys))
	for _, k := range keys {
		l := found[k]
		slices.SortStableFunc(l.entries, func(a, b valueEntry) int { return cmp.Compare(a.index, b.index) })
		k.path = strings.TrimSuffix(strings.TrimSuffix(k.path, ".helm.valueFiles"), ".values")
		if own, ok := charts[k]; ok {
			if _, here := g.ids[own]; here {
				l.entries = slices.Insert(l.entries, 0, valueEntry{index: -1, file: own})
			}
		}
		out = append(out, l)
	}
	return out
}

// itemOf splits the path of a list's item.
func itemOf(p string) (list string, index int, ok bool) {
	open := strings.LastIndexByte(p, '[')
	if open < 0 || !strings.HasSuffix(p, "]") {
		return "", 0, false
	}
	index, err := strconv.Atoi(p[open+1 : len(p)-1])
	return p[:open], index, err == nil
}

// of is where a list names a file last; -1 where it does not.
func (l *valueList) of(file string) int {
	for i, e := range slices.Backward(l.entries) {
		if e.file == file {
			return i
		}
	}
	return -1
}

// layerOf reports whether every list that names a file reads the shared one
// before it, and what is read behind it.
func layerOf(file, shared string, lists []*valueList) (Layer, bool) {
	out := Layer{File: file}
	for _, l := range lists {
		at, base := l.of(file), l.of(shared)
		if base < 0 || at <= base || l.entries[at].at.File == "" {
			return Layer{}, false
		}
		for _, e := range l.entries[at+1:] {
			if !slices.Contains(out.Over, e.file) {
				out.Over = append(out.Over, e.file)
			}
		}
		out.Lists = append(out.Lists, l.entries[at].at)
	}
	return out, true
}

// alone is the one environment that a file reaches; false where there are
// several, or where it is not certain.
func (g *Graph) alone(file string) (Located, bool) {
	if _, ok := g.ids[file]; !ok {
		return Located{}, false
	}
	units := g.Of(promoter.Pin{Place: promoter.Place{File: file}})
	if len(units) == 0 || units[0].Environment == "" {
		return Located{}, false
	}
	at := Located{units[0].Environment, units[0].Tenant, units[0].Cluster}
	for _, u := range units[1:] {
		if u.Environment != at.Environment {
			return Located{}, false
		}
		if u.Tenant != at.Tenant {
			at.Tenant = ""
		}
		if u.Cluster != at.Cluster {
			at.Cluster = ""
		}
	}
	return at, true
}
