package flux

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"promoter/detectors"
	"promoter/promoter"
)

// substitute resolves ${VAR} in the files that Kustomizations with a postBuild
// apply: a version that a variable holds is pinned where the variable is set.
func (l *linker) substitute() {
	vars := map[int]variables{}
	for _, file := range l.repo.Paths {
		r, a := l.repo.Reports[file], l.graph.files[file]
		if r == nil || a == nil || len(a.units) == 0 || !waits(r) {
			continue
		}
		s := substitution{linker: l, file: file, report: r}
		for _, i := range a.units {
			if _, ok := vars[i]; !ok {
				vars[i] = l.variables(l.graph.units[i].fact)
			}
			if len(vars[i]) > 0 || l.graph.units[i].fact.Fields["substituteFrom.0"] != "" {
				s.run(vars[i])
			}
		}
		s.finish()
	}
}

// waits reports whether anything in a report is held up by a variable.
func waits(r *detectors.Report) bool {
	return slices.ContainsFunc(r.Skips, waiting) || slices.ContainsFunc(r.Facts, open)
}

// waiting reports whether a Skip is due to a variable, its own or that of the
// artifact beside it.
func waiting(s detectors.Skip) bool {
	return strings.Contains(s.Place.Written, "${") || strings.Contains(s.Reason, "variable")
}

func open(f detectors.Fact) bool {
	for _, v := range f.Fields {
		if strings.Contains(v, "${") {
			return true
		}
	}
	return false
}

// variables are what a Kustomization substitutes. A name that could have
// several values is missing.
type variables map[string]value

// variables reads a Kustomization's: those from ConfigMaps and Secrets in
// their order, and over them those written in it.
func (l *linker) variables(unit detectors.Fact) variables {
	vars := variables{}
	for i := 0; ; i++ {
		kind, name, ok := strings.Cut(unit.Fields["substituteFrom."+strconv.Itoa(i)], "/")
		if !ok {
			break
		}
		for k, v := range l.configMap(kind, name, unit) {
			vars[k] = v
		}
	}
	if r := l.repo.Reports[unit.Place.File]; r != nil {
		for _, f := range r.Facts {
			if f.Kind == substituteFact && f.Place.Doc == unit.Place.Doc {
				place := f.Place
				vars[f.Name] = value{f.Place.Written, &place}
			}
		}
	}
	return vars
}

// configMap reads the variables of a ConfigMap or Secret of the repository;
// none where several could be meant.
func (l *linker) configMap(kind, name string, unit detectors.Fact) variables {
	got := l.find(detectors.Ref{Kind: kind, Name: name}, unit.Place, unit.Namespace)
	if len(got.all) == 0 {
		return nil
	}
	found := got.all
	if len(found) > 1 {
		found = slices.DeleteFunc(slices.Clone(found), func(f detectors.Fact) bool {
			return !l.graph.together(f.Place.File, unit.Place.File)
		})
	}
	if len(found) != 1 {
		return nil
	}
	f := l.open(found[0].Place.File)
	if f == nil {
		return nil
	}
	vars := variables{}
	for _, d := range f.Docs {
		if d.Index != found[0].Place.Doc || d.Root == nil {
			continue
		}
		root := detectors.At(f, d)
		var r detectors.Report
		o := object{Cursor: root, r: &r, kind: kind}
		o.variables(root.Get("stringData"))
		if kind == "ConfigMap" {
			o.variables(root.Get("data"))
		}
		for _, fact := range r.Facts {
			place := fact.Place
			vars[fact.Name] = value{place.Written, &place}
		}
	}
	return vars
}

// open reads a file again; nil for one that cannot be, or that a template
// writes.
func (l *linker) open(path string) *detectors.File {
	data, err := l.repo.Read(path)
	if err != nil {
		return nil
	}
	f, _ := detectors.Open(path, data)
	if f.Templated {
		return nil
	}
	return f
}

// substitution reads one file anew for each set of variables.
type substitution struct {
	*linker
	file    string
	report  *detectors.Report
	parsed  *detectors.File
	pins    []detectors.Pin
	facts   []detectors.Fact
	settled map[int]string // by a Skip's place: "" resolved, or why not
}

func (s *substitution) run(vars variables) {
	if s.parsed == nil {
		if s.parsed = s.open(s.file); s.parsed == nil {
			return
		}
		s.settled = map[int]string{}
	}
	masked := *s.parsed
	masked.Data = bytes.ReplaceAll(s.parsed.Data, []byte("${"), []byte("__"))
	for _, d := range s.parsed.Docs {
		if d.Root == nil {
			continue
		}
		e := expander{next: func(text string) (int, int, value, bool) { return variable(text, vars) }}
		copied := *d.Document
		copied.Root = e.node(d.Root)
		doc := *d
		doc.Document = &copied
		root := detectors.At(&masked, &doc)
		var r detectors.Report
		detect(root, &r)
		with := detectors.Pin{Pin: promoter.Pin{Detector: name, App: root.Str("metadata", "name"), Place: promoter.Place{Doc: d.Index}}}
		switch {
		case detectors.IsKustomizationFile(s.file):
			with.App = ""
			detectors.KustomizeImages(root.Get("images"), with, &r)
		case isWorkload(root):
			detectors.Images(&masked, root.Node, "", with, &r)
		}
		s.take(&e, &r)
	}
}

// take keeps what was held up by a variable and is not any more.
func (s *substitution) take(e *expander, r *detectors.Report) {
	for _, p := range r.Pins {
		at := p.Place.Start
		if !slices.ContainsFunc(s.report.Skips, func(k detectors.Skip) bool { return k.Place.Start == at && waiting(k) }) {
			continue
		}
		moved, ok := e.settle(p)
		if !ok {
			if _, known := s.settled[at]; !known {
				s.settled[at] = "a variable is only a part of the version"
			}
			continue
		}
		s.settled[at] = ""
		if moved.Place.File != s.file && moved.SourceRef != nil && moved.SourceRef.Namespace == "" {
			// Away from its release, the reference must say its namespace.
			if all := s.graph.namespaces(s.file, s.written(p.Place)); len(all) == 1 {
				ref := *moved.SourceRef
				ref.Namespace = all[0]
				moved.SourceRef = &ref
			}
		}
		s.pins = append(s.pins, moved)
	}
	for _, f := range r.Facts {
		if _, ok := e.origins[f.Place.Start]; ok && !open(f) {
			f.Place.Written = e.origins[f.Place.Start].written
			s.facts = append(s.facts, f)
		}
	}
}

// finish writes what was found to the reports: a pin to that of the file in
// which its variable stands.
func (s *substitution) finish() {
	for _, p := range s.pins {
		r := s.repo.Reports[p.Place.File]
		if !slices.ContainsFunc(r.Pins, func(q detectors.Pin) bool {
			return q.Place == p.Place && q.Artifact == p.Artifact && q.App == p.App
		}) {
			r.Pins = append(r.Pins, p)
		}
	}
	for i := range s.report.Skips {
		k := &s.report.Skips[i]
		why, ok := s.settled[k.Place.Start]
		if m := expression.FindStringSubmatch(k.Place.Written); !ok && m != nil {
			why = fmt.Sprintf("the variable %s has no single value in this repository", m[1])
		}
		if why != "" {
			k.Reason = why
		}
	}
	s.report.Skips = slices.DeleteFunc(s.report.Skips, func(k detectors.Skip) bool {
		why, ok := s.settled[k.Place.Start]
		return ok && why == ""
	})
	for _, f := range s.facts {
		s.report.Facts = slices.DeleteFunc(s.report.Facts, func(old detectors.Fact) bool {
			return old.Kind == f.Kind && old.Place.Start == f.Place.Start && open(old)
		})
	}
	for _, f := range s.facts {
		if !slices.ContainsFunc(s.report.Facts, func(old detectors.Fact) bool {
			return old.Kind == f.Kind && old.Place == f.Place && says(old) == says(f)
		}) {
			s.report.Facts = append(s.report.Facts, f)
		}
	}
}

// expression is a variable as Flux's substitution reads it, with a default.
var expression = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)(?::?[=-]([^{}]*))?\}`)

// variable finds the first expression of a text. "$${" is an escaped "${".
func variable(text string, vars variables) (from, to int, v value, ok bool) {
	for base := 0; ; {
		m := expression.FindStringSubmatchIndex(text[base:])
		if m == nil {
			return -1, 0, v, false
		}
		from, to = base+m[0], base+m[1]
		if from > 0 && text[from-1] == '$' {
			base = to
			continue
		}
		name := text[base+m[2] : base+m[3]]
		if v, ok = vars[name]; !ok && m[4] >= 0 {
			v, ok = value{text: text[base+m[4] : base+m[5]]}, true
		}
		return from, to, v, ok
	}
}
