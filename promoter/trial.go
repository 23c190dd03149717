package promoter

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// remembered is how long after its merge a pull is judged although nothing
// waits for it. What was merged longer ago and is asked for by nobody is the
// business of those who watch the service.
const remembered = 72 * time.Hour

// defaultPatience is how long a merged pull may stay unproven before a person
// is asked.
const defaultPatience = time.Hour

// standing is where a trial stands.
type standing int

const (
	unproven standing = iota
	proven
	broken
)

// trial is a merged pull whose edits still stand on the base branch: it is to
// be proven, or has been.
type trial struct {
	pull    *Pull
	branch  Branch // as its name says
	unit    *unit
	wave    int
	targets []*Target // those that still read what it wrote
	edits   []Edit    // in the order of targets
	class   Class

	standing  standing
	why       string
	until     time.Time
	evidence  []string
	converged time.Time // when, as sealed
	since     time.Time // of one that has been taken back: when
	// person says why a person is needed, when one is.
	person string
	asks   string // the same for a line that says the rest already
	// excused is set for a failure within the wave's budget, doubt while nobody
	// knows whether it is.
	excused bool
	doubt   bool
	byHand  bool   // a person's commit, not a pull of ours
	of      string // what of the commit is meant, for its seals
	// condemned is set while it fails and is not sealed as failed; sealing
	// while a seal is being written.
	condemned, sealing bool
	// unread is set while the seals or the delivery are not known.
	unread bool
	// reverting is the branch of the revert that is proposed for it.
	reverting string
	returned  bool // its revert is decided on, or why there is none
}

// findTrials finds the merged pulls that stand. Where several wrote the same
// scalar, the newest merge speaks for it.
func (p *planner) findTrials() {
	p.trialOf = map[*Target]*trial{}
	if !p.pol.Delivers {
		return
	}
	var merged []*Pull
	for i := range p.obs.Pulls {
		if pull := &p.obs.Pulls[i]; pull.Obscure {
			if n := p.obscure[pull.change()]; n == 0 || pull.Number < n {
				p.obscure[pull.change()] = pull.Number
			}
		}
	}
	for i := range p.obs.Pulls {
		if pull := &p.obs.Pulls[i]; pull.State == PullMerged && len(pull.Edits) > 0 {
			merged = append(merged, pull)
		}
	}
	if len(merged) == 0 {
		return
	}
	slices.SortStableFunc(merged, func(a, b *Pull) int { return cmp.Or(b.MergedAt.Compare(a.MergedAt), b.Number-a.Number) })
	at := p.targetsAt(merged)
	for _, pull := range merged {
		branch, ok := ParseBranch(pull.Branch)
		if !ok {
			continue
		}
		t := &trial{pull: pull, branch: branch, wave: -1, class: C3}
		for _, e := range pull.Edits {
			for _, target := range at[scalarOf(e)] {
				if written(target, e) != e.To {
					continue
				}
				if target.Pin.DigestPlace != nil && !pull.stands(target) {
					continue // its other half is not ours any more
				}
				if p.trialOf[target] == nil || p.trialOf[target] == t {
					p.trialOf[target] = t
					t.targets, t.edits = append(t.targets, target), append(t.edits, e)
				}
			}
		}
		if len(t.targets) > 0 {
			p.trials = append(p.trials, t)
		} else if p.unseen(pull) != "" {
			p.unsure[branch.Change] = true
			if !branch.Revert {
				p.countUnseen(pull, branch)
			}
		}
	}
}

// unseen is a file that a merged pull wrote and that cannot be read now: nobody
// knows whether it stands. It is empty where all can be.
func (p *planner) unseen(pull *Pull) string {
	for _, e := range pull.Edits {
		if slices.ContainsFunc(p.obs.Unread, func(files []string) bool { return slices.Contains(files, e.Place.File) }) {
			return e.Place.File
		}
	}
	return ""
}

// countUnseen counts such a pull as on its way, unless it is sealed as proven.
func (p *planner) countUnseen(pull *Pull, b Branch) {
	probe := &trial{pull: pull, branch: b}
	seals, known := p.sealsOn(pull.Merge, probe)
	if v := newestSeal(seals, StageVerdict, ""); known && v != nil {
		return
	}
	for w, wave := range p.pol.Waves {
		if slug(wave.Name, maxSlug) == b.Wave {
			p.inFlight[w]++
		}
	}
}

// scalar names a scalar of the repository.
type scalar struct {
	file string
	doc  int
	path string
}

func scalarOf(e Edit) scalar {
	if e.Image != "" {
		return scalar{file: e.Place.File, path: "image " + e.Image}
	}
	return scalar{e.Place.File, e.Place.Doc, e.Place.Path}
}

// targetsAt finds the targets that stand where these pulls wrote.
func (p *planner) targetsAt(pulls []*Pull) map[scalar][]*Target {
	out := map[scalar][]*Target{}
	files := map[string]bool{}
	for _, pull := range pulls {
		for _, e := range pull.Edits {
			out[scalarOf(e)] = nil
			files[e.Place.File] = true
		}
	}
	note := func(k scalar, t *Target) {
		if ts, ok := out[k]; ok {
			out[k] = append(ts, t)
		}
	}
	for i := range p.obs.Targets {
		t := &p.obs.Targets[i]
		at := t.Pin.Place
		if !files[at.File] {
			continue
		}
		note(scalar{at.File, at.Doc, at.Path}, t)
		if d := t.Pin.DigestPlace; d != nil {
			note(scalar{d.File, d.Doc, d.Path}, t)
		}
		if t.Pin.Artifact.Kind == Image { // an entry that was inserted under the image's name as the base writes it
			for k := range out {
				if name, ok := strings.CutPrefix(k.path, "image "); ok && k.file == at.File && t.Pin.Artifact.namedLike(name) {
					note(k, t)
				}
			}
		}
	}
	return out
}

// namedLike reports whether an image's name as somebody writes it is this
// artifact's: registries and "library/" may be left out.
func (a Artifact) namedLike(name string) bool {
	return a.Ref() == name || a.Name == name || strings.HasSuffix(a.Ref(), "/"+name) || strings.HasSuffix(name, "/"+a.Name)
}

// written is what now stands where an edit wrote.
func written(t *Target, e Edit) string {
	if e.Image != "" {
		return t.Pin.Version
	}
	if d := t.Pin.DigestPlace; d != nil && d.File == e.Place.File && d.Path == e.Place.Path && d.Doc == e.Place.Doc {
		return d.Written
	}
	return t.Pin.Place.Written
}

// join gives trials to the units that their targets are in.
func (p *planner) joinTrials(units []*unit) {
	if len(p.trials) == 0 {
		return
	}
	for _, u := range units {
		for w := range u.steps {
			for _, target := range slices.Concat(u.steps[w], u.blind[w]) {
				t := p.trialOf[target]
				if t == nil {
					continue
				}
				if target.Class != "" && target.Class < t.class {
					t.class = target.Class
				}
				if t.unit == nil {
					t.unit, t.wave = u, w
					u.trials = append(u.trials, t)
				}
				t.wave = max(t.wave, w)
			}
		}
	}
}

// judge decides where a trial stands, and what is to be recorded of it.
func (p *planner) judge(t *trial) {
	seals, known := p.sealsOn(t.pull.Merge, t)
	verdict := newestSeal(seals, StageVerdict, t.of)
	asked := slices.Contains(t.pull.Labels, RevertLabel) && !t.branch.Revert
	switch {
	case verdict != nil && verdict.Verdict == Fail && p.retried(t.branch) && !t.branch.Revert:
		t.standing, t.why = proven, "it failed ("+verdict.Reason+"), and a person decided to go on with it (label "+RetryLabel+")"
		return
	case verdict != nil && verdict.Verdict == Fail:
		t.standing, t.why = broken, verdict.Reason
		t.evidence = p.recorded(t.pull.Branch)
		return
	case asked && known:
		t.standing, t.why = broken, "a person asked to take it back"
		p.seal(t, StageVerdict, Fail, t.why)
		return
	case verdict != nil && verdict.Verdict == Pass:
		t.standing, t.why = proven, "passed on "+stamp(verdict.At)+": "+verdict.Reason
		return
	case !p.waitedFor(t):
		t.standing, t.why = proven, "merged on "+stamp(t.pull.MergedAt)+", and nothing waits for it"
		return
	case !known:
		return // its why says so
	}
	ready, ok := p.sealsOn(t.pull.Head, t)
	if !ok {
		return
	}
	if c := newestSeal(seals, StageConverged, t.of); c != nil {
		t.converged = p.obs.Sealings[t.pull.Merge].ours(c.At, p.now)
	}
	q := p.deliveryOf(t)
	if r := newestSeal(ready, StageReady, ""); r != nil {
		q.Healthy = r.Verdict == Pass && t.pull.MergedAt.Sub(r.At) < readyFor+time.Hour
	}
	d, ok := p.ask(q)
	if !ok {
		t.why, t.unread = "its delivery is not looked at yet", true
		return
	}
	p.weigh(t, q, d)
	p.beg(t)
}

// waitedFor reports whether a trial's outcome still matters: it is recent, or
// another wave is not where it is.
func (p *planner) waitedFor(t *trial) bool {
	if t.pull.MergedAt.IsZero() || p.now.Sub(t.pull.MergedAt) < remembered {
		return true
	}
	if t.unit == nil {
		return false
	}
	for w := range t.unit.steps {
		for _, other := range t.unit.steps[w] {
			for _, mine := range t.targets {
				if mine.Pin.Artifact == other.Pin.Artifact && other.current() != mine.current() {
					return true
				}
			}
		}
	}
	return false
}

// ask is the answer to a question; false when nobody has given it yet.
func (p *planner) ask(q Question) (Delivery, bool) {
	d, ok := p.obs.Deliveries[q.Key]
	if !ok {
		p.question(q)
	}
	return d, ok
}

func (p *planner) question(q Question) {
	if !p.asked[q.Key+string(q.About)] {
		p.asked[q.Key+string(q.About)] = true
		p.out.Questions = append(p.out.Questions, q)
	}
}

// recorded is the evidence that was written down for a branch.
func (p *planner) recorded(branch string) []string {
	for _, r := range p.obs.Records {
		if r.Branch == branch {
			return r.Lines
		}
	}
	return nil
}

func stamp(at time.Time) string {
	if at.IsZero() {
		return "an unknown day"
	}
	return at.UTC().Format("2006-01-02 15:04") + " UTC"
}

func cut(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

func itoa(n int) string { return fmt.Sprint(n) }
