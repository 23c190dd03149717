package appset

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"promoter/detectors"
	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// Link evaluates every ApplicationSet and adds what its generators supply: pins
// at the scalars that supply them, an Application's Fact and the edges of the
// reference graph for each Application that is generated.
func (Detector) Link(repo *detectors.Repository) {
	var files []string
	for file, r := range repo.Reports {
		if slices.ContainsFunc(r.Facts, func(f detectors.Fact) bool { return f.Kind == factKind }) {
			files = append(files, file)
		}
	}
	if len(files) == 0 && repo.Remote == "" {
		return // what Applications tell of this repository, their own detector looks at
	}
	slices.Sort(files)
	own, known := detectors.OwnRepository(repo)
	if len(files) > 0 {
		evaluate(files, newWorld(repo, own, known))
	}
	if known {
		detectors.AdoptOwn(repo, Detector{}.Name(), own)
	}
}

// evaluate evaluates the sets of the files that hold any.
func evaluate(files []string, w *world) {
	for _, file := range files {
		data, err := w.read(file)
		if err != nil {
			report := w.repo.Reports[file]
			report.Errors = append(report.Errors, detectors.Problem{
				Place: promoter.Place{File: file}, Message: "read applicationset: " + err.Error(),
			})
			continue
		}
		f, _ := detectors.Open(file, data) // a broken document was reported when it was scanned
		for _, s := range setsOf(f) {
			l := linker{world: w, set: s, templates: readTemplates(s), handled: map[int]bool{}, missed: map[int]bool{}}
			l.run()
		}
	}
}

// linker evaluates one ApplicationSet.
type linker struct {
	world *world
	set   set
	templates
	eval    *evaluation
	masked  *detectors.File    // the set's file without its template actions
	roots   []detectors.Cursor // templates, patches: where rendered paths are looked up
	handled map[int]bool       // starts of the template scalars that were dealt with
	missed  map[int]bool       // of those, the ones whose version was not found for some Application
	pins    map[pinKey]*traced
}

type pinKey struct {
	file     string
	start    int
	artifact promoter.Artifact
}

// traced is a pin at a scalar, and what all Applications it reaches have in
// common.
type traced struct {
	pin                  detectors.Pin
	apps, clusters, envs map[string]bool
}

func (l *linker) run() {
	if chart, ok := inChart(l.set.File.Path, l.world.repo); ok {
		l.links(l.templates.links, l.set.name)
		for _, ref := range l.open {
			l.skip(ref.place, "an ApplicationSet in the templates of chart "+strconv.Quote(chart)+" is not rendered")
		}
		return
	}
	l.eval = &evaluation{world: l.world, read: map[string]bool{}, unknown: map[string]bool{}}
	apps, err := l.generate(l.eval)
	masked := *l.set.File
	masked.Data, _ = yamltree.MaskTemplates(l.set.File.Data)
	l.masked = &masked
	l.roots = l.templateRoots()
	l.pins = map[pinKey]*traced{}
	rendered := l.readAll(apps)
	l.trace(rendered)
	for _, r := range rendered {
		l.app(r)
	}
	if len(apps) == 0 {
		l.links(l.templates.links, l.set.name)
	}
	l.emit()
	for _, ref := range l.open {
		if start := ref.place.Start; !l.handled[start] || l.missed[start] {
			l.skip(ref.place, l.why(ref, err, len(apps)))
		}
	}
}

// inChart reports whether a file is a template of a chart in the repository,
// so that its braces are Helm's and not the ApplicationSet's.
func inChart(file string, repo *detectors.Repository) (chart string, ok bool) {
	dir, _, ok := strings.Cut("/"+file, "/templates/")
	dir = strings.TrimPrefix(dir, "/")
	return dir, ok && repo.Holds(strings.TrimPrefix(dir+"/Chart.yaml", "/"))
}

// generate evaluates the set as its file reads with the evaluation's overlay.
func (l *linker) generate(e *evaluation) ([]string, error) {
	data, err := e.file(l.set.File.Path)
	if err != nil {
		return nil, err
	}
	masked, _ := yamltree.MaskTemplates(data)
	docs, _ := yamltree.Parse(masked)
	if l.set.Doc >= len(docs) {
		return nil, errors.New("evaluate: the document is not there")
	}
	d := docs[l.set.Doc]
	item := -1
	if rest, ok := strings.CutPrefix(l.set.Path, "items["); ok {
		if item, err = strconv.Atoi(strings.TrimSuffix(rest, "]")); err != nil {
			return nil, err
		}
	}
	apps, err := e.generate(data[d.Start:d.End], item)
	var texts []string
	for i := range apps {
		text, werr := write(&apps[i])
		if werr != nil {
			err = cmp.Or(err, werr)
			continue
		}
		texts = append(texts, text)
	}
	slices.Sort(texts) // a merge gives them in random order
	return texts, err
}

// templateRoots are the cursors that a rendered Application's paths start from.
func (l *linker) templateRoots() []detectors.Cursor {
	spec := l.set.Get("spec")
	var roots []detectors.Cursor
	if c := spec.Get("templatePatch"); c.IsScalar() {
		c.File = l.masked
		if docs, err := c.Embedded(); err == nil {
			for _, d := range docs {
				d.File = l.set.File
				roots = append(roots, d)
			}
		}
	}
	eachGenerator(spec.Get("generators"), 0, func(g detectors.Cursor, _ string) {
		if c := g.Get("template"); c.Node != nil {
			roots = append(roots, c)
		}
	})
	return append(roots, spec.Get("template"))
}

// emit adds the traced pins to the reports of the files they stand in.
func (l *linker) emit() {
	keys := slices.SortedFunc(maps.Keys(l.pins), func(a, b pinKey) int {
		return cmp.Or(strings.Compare(a.file, b.file), cmp.Compare(a.start, b.start),
			strings.Compare(a.artifact.String(), b.artifact.String()))
	})
	for _, k := range keys {
		t := l.pins[k]
		p := t.pin
		p.App = l.set.name
		if app, ok := only(t.apps); ok {
			p.App = app
		}
		p.Cluster, _ = only(t.clusters)
		p.Environment, _ = only(t.envs)
		r := l.report(k.file)
		r.Pins = append(r.Pins, p)
	}
}

func only(set map[string]bool) (string, bool) {
	if len(set) == 1 {
		for s := range set {
			return s, s != ""
		}
	}
	return "", false
}

func (l *linker) report(file string) *detectors.Report {
	r := l.world.repo.Reports[file]
	if r == nil {
		r = &detectors.Report{}
		l.world.repo.Reports[file] = r
	}
	return r
}

func (l *linker) skip(p promoter.Place, reason string) {
	l.handled[p.Start] = true
	r := l.report(l.set.File.Path)
	for _, s := range r.Skips {
		if s.Place == p && s.Detector == (Detector{}).Name() {
			return
		}
	}
	r.Skips = append(r.Skips, detectors.Skip{Place: p, Detector: Detector{}.Name(), Reason: reason})
}

// why says what kept a version of the templates from being found.
func (l *linker) why(ref reference, err error, apps int) string {
	switch {
	case err != nil:
		for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
			err = next
		}
		// Argo CD formats an error that is not there.
		reason := strings.TrimSuffix(err.Error(), " %!w(<nil>)")
		if ours, ok := strings.CutPrefix(reason, "evaluate: "); ok {
			return ours
		}
		return "argo cd would refuse it: " + reason
	case len(l.eval.unknown) > 0 && strings.HasPrefix(ref.reason, detectors.SkipTemplated):
		return needs(slices.Sorted(maps.Keys(l.eval.unknown))[0])
	case apps == 0 && strings.HasPrefix(ref.reason, detectors.SkipTemplated):
		return "the generators give no Application"
	}
	return ref.reason
}

// needs says what a kind of generator would have to ask.
func needs(kind string) string {
	switch strings.ToLower(kind) {
	case "scmprovider", "pullrequest":
		return "needs the forge: " + kind + " generator"
	case "plugin":
		return "needs the plugin: plugin generator"
	}
	return "needs the cluster: " + kind + " generator"
}
