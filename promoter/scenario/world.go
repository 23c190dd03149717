package scenario

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"promoter/promoter"
	"promoter/promoter/config"
)

// monday is when stories begin that do not say when.
var monday = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

// world is all there is outside of Promoter. Its own clock is true; the
// forge's may be skewed.
type world struct {
	cfg        *config.Config
	policy     promoter.Policy
	start, now time.Time
	skew       span

	files    map[string][]*scalar // the base branch
	commits  []snapshot           // its history
	unread   map[string]bool
	offered  map[promoter.Artifact][]promoter.Release
	unlisted map[promoter.Artifact]string

	pulls  []*pull
	issues []*issue
	number int // the newest of pulls and issues
	heads  int
	words  int64 // the newest comment
	seals  map[string][]promoter.Seal

	apps  []appFact
	gates []gateFact
	takes map[string]span // until a gate passes, by its name

	silent bool
	fails  map[string]string // pulls, talk, seals: why they cannot be read
	denied map[string]string // what the forge refuses, and why
	queue  bool
}

// snapshot is one commit of the base branch.
type snapshot struct {
	at    time.Time
	texts map[string]string // of the files
}

// scalar is a version written in a file.
type scalar struct {
	pin     promoter.Pin // as it is, but for its version and place
	key     string
	written string
	reaches []string
	since   int // the commit that wrote it
}

func newWorld(c *config.Config) *world {
	return &world{
		cfg: c, start: monday, now: monday, files: map[string][]*scalar{}, unread: map[string]bool{},
		offered: map[promoter.Artifact][]promoter.Release{}, unlisted: map[promoter.Artifact]string{}, seals: map[string][]promoter.Seal{},
		takes: map[string]span{}, fails: map[string]string{}, denied: map[string]string{},
	}
}

// settle makes the policy of the environments that there are.
func (w *world) settle() {
	var envs []string
	for _, p := range w.pins() {
		if p.Environment != "" && !slices.Contains(envs, p.Environment) {
			envs = append(envs, p.Environment)
		}
	}
	for _, list := range w.files {
		for _, s := range list {
			for _, e := range s.reaches {
				if !slices.Contains(envs, e) {
					envs = append(envs, e)
				}
			}
		}
	}
	w.policy = w.cfg.Policy(envs)
	w.configuredGates()
	w.record()
}

// record makes a commit of the base branch.
func (w *world) record() {
	texts := make(map[string]string, len(w.files))
	for name := range w.files {
		texts[name] = w.text(name)
	}
	w.commits = append(w.commits, snapshot{w.now, texts})
}

func (w *world) head() string { return w.commit(len(w.commits) - 1) }

func (w *world) commit(n int) string { return fmt.Sprintf("base-%d", n) }

// text is a file's: a line for what it is, and one for each scalar.
func (w *world) text(file string) string {
	var b strings.Builder
	b.WriteString("# " + file + "\n")
	for _, s := range w.files[file] {
		b.WriteString(s.key + ": " + s.written + "\n")
	}
	return b.String()
}

// pins are all of the base branch's, placed by the configuration.
func (w *world) pins() []promoter.Pin {
	var out []promoter.Pin
	for _, s := range w.scalars() {
		out = append(out, s.pin)
	}
	w.cfg.Place(out)
	return out
}

// scalars are all, in the order of files, each with its place brought up to
// date.
func (w *world) scalars() []*scalar {
	var out []*scalar
	for _, file := range slices.Sorted(maps.Keys(w.files)) {
		at := len("# " + file + "\n")
		for i, s := range w.files[file] {
			begin := at + len(s.key) + 2
			at = begin + len(s.written) + 1
			s.pin.Place = promoter.Place{File: file, Line: i + 2, Path: s.key, Start: begin, End: begin + len(s.written), Written: s.written}
			s.pin.Version = s.written
			if s.pin.Artifact.Kind == promoter.Image {
				s.pin.Version = s.written[strings.LastIndexByte(s.written, ':')+1:]
			}
			s.pin.Form = promoter.Classify(s.pin.Artifact.Kind, s.pin.Consumer, s.pin.Version)
			out = append(out, s)
		}
	}
	return out
}

// at are the scalars of a place.
func (w *world) at(p place) []*scalar {
	var out []*scalar
	list := w.scalars()
	pins := w.pins()
	for i, s := range list {
		if p.fits(pins[i].Environment, pins[i].Tenant, pins[i].Cluster, s.pin.App) || p.fits(pins[i].Environment, pins[i].Tenant, pins[i].Cluster, s.pin.Artifact.Name) {
			out = append(out, s)
		}
	}
	return out
}

func (p place) fits(environment, tenant, cluster, app string) bool {
	if !glob(p.environment, environment) || !glob(p.app, app) {
		return false
	}
	for _, b := range p.between {
		if !glob(b, tenant) && !glob(b, cluster) {
			return false
		}
	}
	return true
}

// reads is what a place of a question has now: the version of its scalar.
func (w *world) reads(r promoter.Reached) string {
	pins := w.pins()
	for i, s := range w.scalars() {
		p := pins[i]
		if p.App == r.App && (p.Environment == r.Environment && p.Tenant == r.Tenant && p.Cluster == r.Cluster || slices.Contains(s.reaches, r.Environment)) {
			return p.Version
		}
	}
	return ""
}

// artifact finds one by its name.
func (w *world) artifact(name string) (promoter.Artifact, error) {
	var known []string
	var found []promoter.Artifact
	for _, s := range w.scalars() {
		a := s.pin.Artifact
		if a.Name == name && !slices.Contains(found, a) {
			found = append(found, a)
		}
		if !slices.Contains(known, a.Name) {
			known = append(known, a.Name)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	if len(found) > 1 {
		return found[0], fmt.Errorf("%q is the name of %s and of %s: give one of them another", name, found[0], found[1])
	}
	return promoter.Artifact{}, fmt.Errorf("nothing in the world is called %q: write one of %s", name, cmp.Or(strings.Join(known, ", "), "its charts, of which there is none"))
}

// release lets a version come out.
func (w *world) release(a promoter.Artifact, version string, at time.Time) error {
	if slices.ContainsFunc(w.offered[a], func(r promoter.Release) bool { return r.Version == version }) {
		return fmt.Errorf("%s %s is out already", a.Name, version)
	}
	w.offered[a] = append(w.offered[a], promoter.Release{Version: version, Created: at, FirstSeen: at})
	return nil
}

// edit applies edits to the base branch and makes a commit of them.
func (w *world) edit(edits []promoter.Edit) error {
	var at []*scalar
	for _, e := range edits {
		i := slices.IndexFunc(w.files[e.Place.File], func(s *scalar) bool { return s.key == e.Place.Path })
		switch {
		case e.Image != "":
			return fmt.Errorf("an entry for image %s in %s: scenarios know no overlays", e.Image, e.Place.File)
		case i < 0:
			return fmt.Errorf("%s does not stand in the base branch", e.Place)
		case w.files[e.Place.File][i].written != e.Place.Written:
			return fmt.Errorf("%s reads %q in the base branch, not %q: a conflict", e.Place, w.files[e.Place.File][i].written, e.Place.Written)
		}
		at = append(at, w.files[e.Place.File][i])
	}
	for i, e := range edits {
		at[i].written, at[i].since = e.To, len(w.commits)
	}
	w.record()
	return nil
}

// world reads the section of that name.
func (p *parser) world(sec section, c *config.Config) *world {
	w := newWorld(c)
	var later []func()
	for i, l := range sec.text {
		line := sec.line + 1 + i
		ws, err := split(l)
		if err != nil {
			p.wrong(line, "%v", err)
			continue
		}
		if ws.empty() {
			continue
		}
		then, err := w.line(ws)
		if err == nil && then == nil {
			err = ws.end()
		}
		switch {
		case err != nil:
			p.wrong(line, "%v", err)
		case then != nil:
			later = append(later, func() {
				if err := cmp.Or(then(), ws.end()); err != nil {
					p.wrong(line, "%v", err)
				}
			})
		}
	}
	w.settle()
	for _, f := range later {
		f()
	}
	return w
}

// line reads one line of the world; what needs all others comes back as a
// function.
func (w *world) line(ws *words) (func() error, error) {
	verb := ws.peek()
	ws.eat(verb)
	switch verb {
	case "start":
		return nil, w.startAt(ws)
	case "chart", "image", "git":
		return nil, w.pin(promoter.Kind(verb), ws)
	case "upstream":
		return func() error {
			a, err := w.named(ws)
			for err == nil && !ws.empty() {
				var v string
				if v, err = ws.next("a version"); err == nil {
					err = w.release(a, v, w.start.Add(-1000*time.Hour))
				}
			}
			return err
		}, nil
	case "gate":
		do, err := worldGate(ws)
		return func() error { return do(w) }, err
	case "merge":
		if !ws.eat("queue") {
			return nil, errors.New("write merge queue, where the repository has one")
		}
		w.queue = true
		return nil, nil
	}
	return nil, fmt.Errorf("the world has no %q: write start, chart, image, git, upstream, gate or merge queue", verb)
}

func (w *world) named(ws *words) (promoter.Artifact, error) {
	name, err := ws.next("a name")
	if err != nil {
		return promoter.Artifact{}, err
	}
	return w.artifact(name)
}

func (w *world) startAt(ws *words) error {
	day, _ := ws.next("a day")
	clock, _ := ws.next("a time")
	t, err := time.Parse("2006-01-02 15:04", strings.TrimSpace(day+" "+clock))
	if err != nil {
		return fmt.Errorf("%q is no moment: write 2026-11-23 08:00", strings.TrimSpace(day+" "+clock))
	}
	w.start, w.now = t, t
	return nil
}

var consumers = map[promoter.Kind]promoter.Consumer{promoter.Chart: promoter.ByArgoCD, promoter.Image: promoter.ByContainer, promoter.Git: promoter.ByGit}

// pin reads "redis 17.0.0 in dev, staging tenant acme …".
func (w *world) pin(kind promoter.Kind, ws *words) error {
	name, err := ws.next("a name")
	if err != nil {
		return err
	}
	version, err := ws.next("a version")
	if err != nil {
		return err
	}
	a := promoter.Artifact{Kind: kind, Name: name, Source: map[promoter.Kind]string{
		promoter.Chart: "https://charts.example.com", promoter.Image: "registry.example.com", promoter.Git: "https://git.example.com/" + name,
	}[kind]}
	p := promoter.Pin{App: name, Consumer: consumers[kind], Detector: "scenario"}
	envs, file := []string{""}, ""
	var reaches []string
	for !ws.empty() && err == nil {
		key, _ := ws.next("a word")
		switch key {
		case "in":
			envs, err = ws.names("an environment")
		case "tenant":
			p.Tenant, err = ws.next("a tenant")
		case "cluster":
			p.Cluster, err = ws.next("a cluster")
		case "app":
			p.App, err = ws.next("an application")
		case "file":
			file, err = ws.next("a file")
		case "from":
			a.Source, err = ws.next("a source")
		case "reaches":
			reaches, err = ws.names("an environment")
		default:
			err = fmt.Errorf("%q says nothing of a pin: write in, tenant, cluster, app, file, from or reaches", key)
		}
	}
	if err != nil {
		return err
	}
	if envs[0] == "" && file == "" {
		return fmt.Errorf("%s stands nowhere: write in ENVIRONMENT, or file PATH", name)
	}
	for _, e := range envs {
		p.Artifact, p.Environment = a, e
		at := file
		if at == "" {
			at = strings.Join(slices.DeleteFunc([]string{e, p.Tenant, p.Cluster, p.App + ".yaml"}, func(s string) bool { return s == "" }), "/")
		}
		s := &scalar{pin: p, key: name, written: version, reaches: reaches}
		if kind == promoter.Image {
			s.written = a.Source + "/" + name + ":" + version
		}
		if slices.ContainsFunc(w.files[at], func(o *scalar) bool { return o.key == s.key }) {
			return fmt.Errorf("%s is pinned in %s already: write another file", name, at)
		}
		w.files[at] = append(w.files[at], s)
	}
	_ = w.release(a, version, w.start.Add(-1000*time.Hour)) // it may be out already
	return nil
}
