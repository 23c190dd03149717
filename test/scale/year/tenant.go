package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"promoter/gitops"
	"promoter/promoter"
	"promoter/promoter/config"
)

// The waves.
const (
	dev = iota
	staging
	production
)

var waves = []string{"dev", "staging", "production"}

// slot is one Application: a file, and where its version stands.
type slot struct {
	head, tail string // of the file, around the version
	line       int
	chart      *chart
	app        string
	cluster    int
	wave       int
	runs       []motion // what was committed for it, the newest last
}

// motion is a version that was committed for an application.
type motion struct {
	turn    int // of the commit
	version string
	due     time.Time // when the application runs it
}

// tenant is a client: its world, and the Promoter that looks after it.
type tenant struct {
	name   string
	rng    *rand.Rand
	charts []*chart
	shape  shape
	cfg    *config.Config
	policy promoter.Policy

	begin, end time.Time
	now        time.Time
	repo       *repo
	slots      []*slot
	byApp      map[string]int
	outages    [][]span // by cluster, in order
	forge      *hub
	hints      hints
	lookups    []time.Time // when something new is seen
	bot        *bot
	tally      tally
	judge      judge
}

// span is from one moment to another.
type span struct{ from, to time.Time }

func (s span) holds(at time.Time) bool { return !at.Before(s.from) && at.Before(s.to) }

// size is how big a tenant is.
type size struct{ clusters, apps int }

// newTenant settles a tenant: its clusters, what runs there, its calendar.
func newTenant(seed uint64, number int, s size, charts []*chart, begin, end time.Time) (*tenant, error) {
	t := &tenant{
		name: fmt.Sprintf("t%02d", number), rng: rand.New(rand.NewPCG(seed, uint64(number)+0x7e4a47)), begin: begin, end: end, now: begin,
		byApp: map[string]int{}, forge: newHub(),
	}
	t.shape = drawShape(t.rng, number)
	t.pick(charts, s.apps)
	var err error
	if t.cfg, err = config.Parse(config.Name, []byte(t.shape.yaml(t.name))); err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	t.policy = t.cfg.Policy(waves)
	t.deploy(s)
	t.breakDown(s.clusters)
	t.tally.hours = make([]hour, int(end.Sub(begin)/time.Hour)+48)
	t.judge.tenant = t
	t.judge.travels = map[*chart]map[string]*travel{}
	y, m, d := begin.In(t.shape.place).Date()
	t.judge.shift = time.Date(y, m, d+1, 9, 0, 0, 0, t.shape.place)
	t.bot = newBot(t)
	return t, nil
}

// pick chooses the charts: every tenant runs the platform's, and some of the
// rest.
func (t *tenant) pick(charts []*chart, n int) {
	var rest []*chart
	for _, c := range charts {
		if c.platform && len(t.charts) < n {
			t.charts = append(t.charts, c)
		} else if !c.platform {
			rest = append(rest, c)
		}
	}
	t.rng.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
	t.charts = append(t.charts, rest[:min(len(rest), n-len(t.charts))]...)
	for _, c := range t.charts {
		for _, r := range c.releases {
			if r.seen.After(t.begin) && r.seen.Before(t.end) {
				t.lookups = append(t.lookups, r.seen)
			}
		}
	}
	slices.SortFunc(t.lookups, time.Time.Compare)
	t.lookups = slices.CompactFunc(t.lookups, time.Time.Equal)
}

// waveOf spreads clusters: a tenth is for development, a fifth for staging.
func waveOf(cluster, clusters int) int {
	switch d := max(1, clusters/10); {
	case cluster < d:
		return dev
	case cluster < d+max(1, clusters/5):
		return staging
	}
	return production
}

// deploy writes the repository: one file for each Application, at what was
// newest when the year began.
func (t *tenant) deploy(s size) {
	var paths, texts []string
	for c := range s.clusters {
		w := waveOf(c, s.clusters)
		cluster := fmt.Sprintf("%s-%s-%02d", t.name, waves[w], c)
		for _, ch := range t.charts {
			app := ch.Name + "-" + cluster
			head := fmt.Sprintf("apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: %s, namespace: argocd}\nspec:\n  project: %s\n  source:\n    repoURL: %s\n    chart: %s\n    targetRevision: ", app, t.name, ch.Source, ch.Name)
			tail := fmt.Sprintf("\n  destination: {name: %s, namespace: %s}\n  syncPolicy:\n    automated: {prune: true, selfHeal: true}\n", cluster, ch.Name)
			version := ch.releases[max(0, ch.listed(t.begin)-1)].version
			t.byApp[app] = len(t.slots)
			t.slots = append(t.slots, &slot{
				head: head, tail: tail, line: strings.Count(head, "\n") + 1, chart: ch, app: app, cluster: c, wave: w,
				runs: []motion{{0, version, t.begin.Add(-background)}},
			})
			paths, texts = append(paths, fmt.Sprintf("%s/%s/%s.yaml", waves[w], cluster, ch.Name)), append(texts, head+version+tail)
		}
	}
	t.repo = newRepo(paths, texts, t.begin.Add(-background))
}

// breakDown draws when clusters cannot be reached: once a month, for some
// minutes or hours.
func (t *tenant) breakDown(clusters int) {
	t.outages = make([][]span, clusters)
	for c := range clusters {
		for at := t.begin; ; {
			at = at.Add(time.Duration(t.rng.ExpFloat64() * float64(30*day)))
			if at.After(t.end) {
				break
			}
			to := at.Add(5*time.Minute + time.Duration(t.rng.ExpFloat64()*float64(30*time.Minute)))
			t.outages[c] = append(t.outages[c], span{at, to})
			t.hints.add(to)
			at = to
		}
	}
}

// out reports whether a cluster cannot be reached now, and until when.
func (t *tenant) out(cluster int, now time.Time) (time.Time, bool) {
	for _, o := range t.outages[cluster] {
		if o.from.After(now) {
			break
		}
		if o.holds(now) {
			return o.to, true
		}
	}
	return time.Time{}, false
}

// version is what a text of the slot reads.
func (s *slot) version(text string) string {
	return strings.TrimSuffix(strings.TrimPrefix(text, s.head), s.tail)
}

// pin is what a scan finds in the slot's file.
func (t *tenant) pin(i int, text string) promoter.Pin {
	s := t.slots[i]
	v := s.version(text)
	return promoter.Pin{
		Artifact: s.chart.Artifact, Version: v, Form: promoter.Classify(promoter.Chart, promoter.ByArgoCD, v), Consumer: promoter.ByArgoCD,
		Place: promoter.Place{File: t.repo.paths[i], Line: s.line, Path: "spec.source.targetRevision", Start: len(s.head), End: len(s.head) + len(v), Written: v},
		App:   s.app, Cluster: fmt.Sprintf("%s-%s-%02d", t.name, waves[s.wave], s.cluster), Detector: "argoapp",
	}
}

// merge brings a pull into the deployed branch.
func (t *tenant) merge(p *pull, how gitops.Merge) (string, error) {
	head, main := t.repo.objects[p.Head], t.repo.head()
	base := t.repo.objects[head.parent]
	texts := map[int]string{}
	for _, i := range base.files.differ(head.files) {
		if base.files.at(i) != main.files.at(i) {
			return "", gitops.ErrConflict
		}
		texts[i] = head.files.at(i)
	}
	c := t.repo.advance(main.files.with(texts), how.Title+"\n\n"+how.Message, t.now)
	p.State, p.Merge, p.MergedAt = "merged", c.hash, t.now
	delete(t.forge.open, p.Branch)
	delete(t.repo.refs, p.Branch) // as the forge is set to do
	for i, text := range texts {
		t.roll(i, c.turn, t.slots[i].version(text))
	}
	t.judge.merged(p, texts)
	return c.hash, nil
}

// roll lets an application take what was committed for it: its engine notices
// within three minutes, and the new version is up a minute or so later, once
// its cluster can be reached.
func (t *tenant) roll(i, turn int, version string) {
	s := t.slots[i]
	due := t.now.Add(time.Duration(t.rng.Int64N(int64(3*time.Minute))) + 20*time.Second + time.Duration(t.rng.ExpFloat64()*float64(time.Minute)))
	if to, out := t.out(s.cluster, due); out {
		due = to.Add(time.Minute)
	}
	s.runs = append(s.runs, motion{turn, version, due})
	if n := len(s.runs); n > 6 {
		s.runs = slices.Clone(s.runs[n-6:])
	}
	t.hints.add(due)
	t.hints.add(due.Add(dwells))
	if h := s.chart.find(version).bad; h != nil && s.wave >= h.wave {
		t.hints.add(due.Add(h.after))
		t.hints.add(due.Add(h.after + grace))
	}
}

// hints are moments at which something is heard. Those that come within some
// seconds of each other are one: a look takes as long.
type hints struct{ at []time.Time }

const together = 30 * time.Second

func (h *hints) add(at time.Time) {
	at = at.Truncate(together).Add(together)
	if i, there := slices.BinarySearchFunc(h.at, at, time.Time.Compare); !there {
		h.at = slices.Insert(h.at, i, at)
	}
}

// take drops those that have come.
func (h *hints) take(now time.Time) {
	n := 0
	for n < len(h.at) && !h.at[n].After(now) {
		n++
	}
	h.at = h.at[n:]
}
