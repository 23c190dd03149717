package appset

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"promoter/detectors"
	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// application is one that the set generates, as read from its rendered text.
type application struct {
	text   string
	spans  []span
	name   string // unknown parts as "*"
	known  bool   // the name is the Application's own
	labels map[string]string
	fields map[string]string
	report detectors.Report
}

func (l *linker) readAll(texts []string) []*application {
	var all []*application
	for _, text := range texts {
		if a := l.readOne(text); a != nil {
			all = append(all, a)
		}
	}
	return all
}

func (l *linker) readOne(text string) *application {
	docs, _ := yamltree.Parse([]byte(text))
	if len(docs) == 0 || docs[0].Root == nil {
		return nil
	}
	f := &detectors.File{Path: l.set.File.Path, Data: []byte(text)}
	c := detectors.At(f, &detectors.Doc{Document: docs[0]})
	a := &application{text: text, name: c.Str("metadata", "name"), labels: map[string]string{}}
	a.known = !unclear.MatchString(a.name)
	a.name = unclear.ReplaceAllString(a.name, "*")
	c.Get("metadata", "labels").Node.Pairs(func(k, v *yamltree.Node) { a.labels[k.Value] = v.Value })
	reader := detectors.ArgoReader{File: f, Report: &a.report}
	reader.With.Detector, reader.With.App = Detector{}.Name(), a.name
	a.fields = reader.Spec(c.Get("spec"))
	return a
}

// unclear matches what is not known in a rendered text.
var unclear = regexp.MustCompile(`zq7u[a-z]+u7qz|<no value>|\{\{[^}]*\}\}`)

// trace finds, for each Application, which of its text came from which scalar.
func (l *linker) trace(apps []*application) {
	wanted := map[string]bool{}
	for _, a := range apps {
		for _, p := range a.report.Pins {
			for _, text := range []string{p.Version, p.Digest, p.Place.Written} {
				if text != "" {
					wanted[text] = true
				}
			}
			// A whole image may stand behind a registry or a "name=".
			for i, c := range p.Place.Written {
				if rest := p.Place.Written[i+1:]; (c == '/' || c == '=') && strings.Contains(rest, ":") {
					wanted[rest] = true
				}
			}
			if p.DigestPlace != nil {
				wanted[p.DigestPlace.Written] = true
			}
		}
	}
	if len(wanted) == 0 {
		return
	}
	leaves := parameterLeaves(l.set, wanted)
	for _, file := range l.sortedReads() {
		data, err := l.world.read(file)
		if err != nil {
			continue
		}
		leaves = append(leaves, fileLeaves(file, data, slices.Contains(l.world.keys, file), wanted)...)
	}
	if len(leaves) == 0 {
		return
	}
	byText := map[string][]*application{}
	for _, a := range apps {
		byText[a.text] = append(byText[a.text], a)
	}
	if l.attempt(leaves, byText, func(*leaf) bool { return true }) {
		return
	}
	// A token stood where the value itself mattered, such as a merge key or a
	// condition: trace the scalars of each key alone, so that the others work,
	// and those of a key that does not work one by one.
	tries := maxTries
	seen := map[string]bool{}
	for _, x := range leaves {
		if seen[x.key] || tries == 0 {
			continue
		}
		seen[x.key] = true
		tries--
		if l.attempt(leaves, byText, func(y *leaf) bool { return y.key == x.key }) {
			continue
		}
		for _, y := range leaves {
			if y.key == x.key && tries > 0 {
				tries--
				l.attempt(leaves, byText, func(z *leaf) bool { return z == y })
			}
		}
	}
}

// maxTries bounds how often one ApplicationSet is evaluated to trace it.
const maxTries = 64

func (l *linker) sortedReads() []string {
	var files []string
	for f := range l.eval.read {
		if f != l.set.File.Path {
			files = append(files, f)
		}
	}
	slices.Sort(files)
	return files
}

// attempt evaluates with tokens and keeps what they say if the Applications
// are otherwise the same.
func (l *linker) attempt(leaves []*leaf, byText map[string][]*application, use func(*leaf) bool) bool {
	overlay, err := splice(leaves, use, l.world.read)
	if err != nil {
		return false
	}
	e := &evaluation{world: l.world, overlay: overlay, read: map[string]bool{}, unknown: map[string]bool{}}
	texts, _ := l.generate(e)
	total := 0
	for _, same := range byText {
		total += len(same)
	}
	if len(texts) != total {
		return false
	}
	found := map[string][]span{}
	count := map[string]int{}
	for _, text := range texts {
		plain, spans := untoken(text, leaves)
		if count[plain]++; count[plain] > len(byText[plain]) {
			return false
		}
		found[plain] = append(found[plain], spans...)
	}
	for text, spans := range found {
		for _, a := range byText[text] {
			a.spans = append(a.spans, spans...)
		}
	}
	return true
}

// app adds what one Application says: its Fact, edges and pins.
func (l *linker) app(a *application) {
	l.links(a.report.Links, a.name)
	fact := detectors.Fact{
		Kind: "Application", Namespace: l.set.namespace, Name: a.name, Place: l.set.place,
		Fields: map[string]string{"applicationSet": l.set.name},
	}
	for k, v := range a.fields {
		if !unclear.MatchString(v) {
			fact.Fields[k] = v
		}
	}
	r := l.report(l.set.File.Path)
	r.Facts = append(r.Facts, fact)
	for _, p := range a.report.Pins {
		l.pin(a, p)
	}
	for _, s := range a.report.Skips {
		for _, c := range l.templatesAt(s.Place.Path) {
			if l.isOpen(c) {
				l.skip(c.Place(), l.unknownReason(s.Place.Written, s.Reason))
			}
		}
	}
}

// pin places one pin of a rendered Application where it is written.
func (l *linker) pin(a *application, p detectors.Pin) {
	ours := l.templatesAt(p.Place.Path)
	followsUs := p.Artifact.Kind == promoter.Git && l.world.own(p.Artifact.Source) &&
		(p.Form == promoter.Floating || p.Form == promoter.Missing)
	switch {
	case unclear.MatchString(p.Version) || unclear.MatchString(p.Artifact.Name+" "+p.Artifact.Source):
		for _, c := range ours {
			if l.isOpen(c) || unclear.MatchString(p.Artifact.Name+p.Artifact.Source) {
				l.skip(c.Place(), l.unknownReason(p.Version+" "+p.Artifact.Name+" "+p.Artifact.Source, detectors.SkipTemplated+l.raw(c)))
			}
		}
		return
	case followsUs:
		l.handle(ours)
		return
	}
	if places := l.tracePin(a, p); len(places) > 0 {
		for _, q := range places {
			l.add(a, q)
		}
		l.handle(ours)
		return
	}
	if p.Form == promoter.Missing && len(ours) == 0 {
		for _, ref := range l.open {
			if ref.place.Start == ref.place.End && strings.HasSuffix(ref.place.Path, p.Place.Path) {
				p.Place = ref.place
				l.add(a, p)
				l.handled[ref.place.Start] = true
			}
		}
		return
	}
	for _, c := range ours {
		switch {
		case l.isOpen(c):
			l.missed[c.Node.Start] = true // said once at the end
		case c.Node.Value == p.Place.Written:
			// The version is literal; Detect has it unless a template names
			// the artifact.
			if l.hasPin(c.Node.Start) {
				return
			}
			p.Place = c.Place()
			if p.DigestPlace == nil {
				l.add(a, p)
			}
			l.handle(ours)
			return
		}
	}
}

func (l *linker) hasPin(start int) bool {
	return slices.ContainsFunc(l.templates.pins, func(p detectors.Pin) bool { return p.Place.Start == start })
}

// tracePin moves a pin to each scalar that supplies its version.
func (l *linker) tracePin(a *application, p detectors.Pin) []detectors.Pin {
	var digest *promoter.Place
	var out []detectors.Pin
	for _, s := range a.spans {
		if p.DigestPlace != nil && s.start >= p.DigestPlace.Start && s.end <= p.DigestPlace.End && s.leaf.text == p.Digest {
			digest = &s.leaf.place
		} else if s.start >= p.Place.Start && s.end <= p.Place.End && p.Version != "" && s.leaf.text == p.Digest {
			digest = &s.leaf.place
		}
	}
	for _, s := range a.spans {
		if s.start < p.Place.Start || s.end > p.Place.End {
			continue
		}
		q := p
		q.Place, q.DigestPlace = s.leaf.place, nil
		switch s.leaf.text {
		case p.Place.Written:
			if p.Digest != "" && p.DigestPlace != nil {
				q.DigestPlace = digest
			}
			if q.Version == s.leaf.text {
				q.Version = s.leaf.place.Written // a number's own form
			}
		case p.Version:
			q.Version, q.DigestPlace = s.leaf.place.Written, digest
		case p.Digest:
			if p.Version != "" {
				continue
			}
		default:
			if !strings.Contains(s.leaf.text, cmp.Or(p.Version, p.Digest)) {
				continue
			}
		}
		if q.Digest != "" && q.DigestPlace == nil && !strings.Contains(q.Place.Written, q.Digest) {
			continue // a digest that cannot move with the version
		}
		out = append(out, q)
	}
	return out
}

func (l *linker) add(a *application, p detectors.Pin) {
	key := pinKey{p.Place.File, p.Place.Start, p.Artifact}
	t := l.pins[key]
	if t == nil {
		t = &traced{pin: p, apps: map[string]bool{}, clusters: map[string]bool{}, envs: map[string]bool{}}
		l.pins[key] = t
	}
	app := a.name
	if !a.known {
		app = ""
	}
	t.apps[app] = true
	cluster := detectors.ArgoCluster(a.fields)
	if unclear.MatchString(cluster) {
		cluster = ""
	}
	t.clusters[cluster] = true
	env := a.labels["environment"]
	if env == "" {
		env = a.labels["env"]
	}
	if unclear.MatchString(env) {
		env = ""
	}
	t.envs[env] = true
}
