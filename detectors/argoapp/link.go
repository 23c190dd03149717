package argoapp

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"

	"promoter/detectors"
	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// waitingKind is the Fact of a source whose version or artifact a chart's
// template writes.
const waitingKind = "ApplicationSource"

func templatedFact(s detectors.ArgoSource, with detectors.Pin) detectors.Fact {
	fields := map[string]string{}
	for key, value := range map[string]string{
		"repoURL": s.RepoURL, "chart": s.Chart, "targetRevision": s.Revision, "cluster": with.Cluster,
	} {
		if value != "" {
			fields[key] = value
		}
	}
	return detectors.Fact{Kind: waitingKind, Name: with.App, Fields: fields, Place: s.RevisionPlace}
}

// Link follows versions that a chart's templates take from its values, and
// makes sources that follow this repository edges instead of pins.
func (Detector) Link(repo *detectors.Repository) {
	l := linker{repo: repo, files: map[string]*yamltree.Node{}, values: map[string][]string{}, placed: map[promoter.Place]place{}}
	var files []string
	for file, r := range repo.Reports {
		if slices.ContainsFunc(r.Facts, isWaiting) {
			files = append(files, file)
		}
	}
	slices.Sort(files)
	for _, file := range files {
		for _, fact := range repo.Reports[file].Facts {
			if isWaiting(fact) {
				l.follow(file, fact)
			}
		}
	}
	if own, known := detectors.OwnRepository(repo); known {
		detectors.AdoptOwn(repo, Detector{}.Name(), own)
	}
}

func isWaiting(f detectors.Fact) bool { return f.Kind == waitingKind }

type linker struct {
	repo   *detectors.Repository
	files  map[string]*yamltree.Node // values files by path; nil when unreadable
	values map[string][]string       // values files by the chart's directory
	placed map[promoter.Place]place
}

// place is where a pin of a values scalar was put.
type place struct {
	report *detectors.Report
	index  int
}

// plainValue is an expression that gives a value of the chart unchanged.
var plainValue = regexp.MustCompile(`^\{\{-?\s*\$?\.Values((?:\.\w+)+)\s*(?:\|\s*(?:quote|squote|toString)\s*)?-?\}\}$`)

// follow replaces the Skip of one source by pins in the chart's values files.
func (l *linker) follow(file string, fact detectors.Fact) {
	dir, _, ok := strings.Cut(file, "/templates/")
	if !ok {
		dir, ok = "", strings.HasPrefix(file, "templates/")
	}
	if !ok || !l.repo.Holds(path.Join(dir, "Chart.yaml")) {
		return
	}
	base := path.Join(dir, "values.yaml")
	found := false
	for _, values := range l.valuesFiles(dir) {
		found = l.pin(fact, values, base) || found
	}
	if !found {
		return
	}
	report := l.repo.Reports[file]
	report.Skips = slices.DeleteFunc(report.Skips, func(s detectors.Skip) bool {
		return s.Detector == Detector{}.Name() && s.Place == fact.Place
	})
}

// pin adds the pin that a source has with one values file over the chart's
// own. It reports false where that file does not say the version.
func (l *linker) pin(fact detectors.Fact, values, base string) bool {
	s := detectors.ArgoSource{RevisionPlace: fact.Place}
	for key, text := range map[string]*string{"repoURL": &s.RepoURL, "chart": &s.Chart, "targetRevision": &s.Revision} {
		*text = fact.Fields[key]
		if !detectors.IsTemplate(*text) {
			continue
		}
		n, where := l.value(*text, values, base)
		if n == nil || n.Kind != yamltree.Scalar || n.IsNull() || detectors.IsTemplate(n.Value) {
			return false
		}
		*text = n.Value
		if key == "targetRevision" {
			if where != values {
				return false // said by the chart's own values, and reported there
			}
			s.RevisionPlace = detectors.PlaceOf(&detectors.File{Path: where}, 0, n, strings.TrimPrefix(plainValue.FindStringSubmatch(fact.Fields[key])[1], "."))
		}
	}
	if s.RevisionPlace == fact.Place && values != base {
		return false // the version is literal: one values file is enough to name its artifact
	}
	with := detectors.Pin{}
	with.Detector, with.App, with.Cluster = Detector{}.Name(), fact.Name, fact.Fields["cluster"]
	p, ok := s.Pin(with)
	if !ok {
		return false
	}
	if old, ok := l.placed[p.Place]; ok {
		// One value for several Applications: it belongs to none alone.
		before := &old.report.Pins[old.index]
		if before.App != p.App {
			before.App = ""
		}
		return before.Artifact == p.Artifact
	}
	report := l.repo.Reports[p.Place.File]
	if report == nil {
		report = &detectors.Report{}
		l.repo.Reports[p.Place.File] = report
	}
	l.placed[p.Place] = place{report, len(report.Pins)}
	report.Pins = append(report.Pins, p)
	return true
}

// value looks an expression up in a values file, and then in the chart's own.
func (l *linker) value(expr, values, base string) (n *yamltree.Node, file string) {
	m := plainValue.FindStringSubmatch(expr)
	if m == nil {
		return nil, ""
	}
	keys := strings.Split(strings.TrimPrefix(m[1], "."), ".")
	for _, file := range []string{values, base} {
		if n := l.read(file).Get(keys...); n != nil {
			return n, file
		}
	}
	return nil, ""
}

func (l *linker) read(file string) *yamltree.Node {
	root, ok := l.files[file]
	if !ok {
		if data, err := l.repo.Read(file); err == nil {
			if docs, _ := yamltree.Parse(data); len(docs) > 0 {
				root = docs[0].Root
			}
		}
		l.files[file] = root
	}
	return root
}

// valuesFiles lists the files that may set the chart's values: those that are
// called so beside its Chart.yaml, and those that an Application which deploys
// the chart's directory names.
func (l *linker) valuesFiles(dir string) []string {
	if files, ok := l.values[dir]; ok {
		return files
	}
	found := map[string]bool{}
	prefix := path.Join(dir, "values")
	for i := sort.SearchStrings(l.repo.Paths, prefix); i < len(l.repo.Paths); i++ {
		p := l.repo.Paths[i]
		rest, ok := strings.CutPrefix(p, prefix)
		if !ok {
			break
		}
		if ext := path.Ext(p); !strings.Contains(rest, "/") && (ext == ".yaml" || ext == ".yml") {
			found[p] = true
		}
	}
	for _, report := range l.repo.Reports {
		apps := map[string]bool{}
		for _, link := range report.Links {
			if link.Via == "source.path" && path.Clean(link.To) == path.Clean(dir) {
				apps[link.App] = true
			}
		}
		for _, link := range report.Links {
			if link.Via == "valueFiles" && apps[link.App] && l.repo.Holds(link.To) {
				found[link.To] = true
			}
		}
	}
	l.values[dir] = slices.Sorted(maps.Keys(found))
	return l.values[dir]
}
