package report

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"promoter/promoter"
)

// rollouts are the facts as they are counted.
type rollouts struct {
	*Facts
	changes []*change
	merges  []*Pull // chosen, forward, in the time looked at
	reverts []*Pull // chosen, merged, in the time looked at
	of      map[*Pull]*change
	from    time.Time // since when there was anything of ours
}

// Rollouts computes the measures of a repository that Promoter works on.
func Rollouts(f Facts) Report {
	r := rollouts{Facts: &f, changes: changes(&f), of: map[*Pull]*change{}, from: f.begun()}
	for i := range f.Pulls {
		switch p := &f.Pulls[i]; {
		case !p.Chosen || !f.merged(p):
		case p.Branch.Revert:
			r.reverts = append(r.reverts, p)
		default:
			r.merges = append(r.merges, p)
		}
	}
	for _, c := range r.changes {
		for _, p := range slices.Concat(c.forward, c.reverts) {
			r.of[p] = c
		}
	}
	out := Report{Of: f.Of, Kind: KindRollouts, Since: f.Since, Until: f.Until, Filter: f.Filter, Gaps: append([]string{}, f.Gaps...)}
	success, told := r.success()
	out.Changes = told
	durations := r.durations()
	var all []time.Duration
	for w := range f.Waves {
		all = append(all, durations[w]...)
	}
	out.Measures = []Measure{
		success, r.canary(), r.detect(), r.rollback(), r.restore(),
		spans(measure(rolloutDefinitions, keyWave, "waves passed whole"), all, "no change has passed a whole wave"),
		r.perHundred(), perWeek(measure(rolloutDefinitions, keyPerWeek, "merged reverts"), len(r.reverts), r.from, f.Until),
		r.coverage(), r.lead(keyLead), r.lead(keyProven),
	}
	out.Measures = append(out.Measures, r.people()...)
	for w, name := range f.Waves {
		if row, any := r.row(w, name, durations[w]); any {
			out.Waves = append(out.Waves, row)
		}
	}
	return out
}

// begun is the beginning of the time looked at, or the opening of our first
// pull if that was later: what came before is no time without a rollback.
func (f *Facts) begun() time.Time {
	var first time.Time
	for i := range f.Pulls {
		if at := f.Pulls[i].Opened; !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	if first.After(f.Since) {
		return first
	}
	return f.Since
}

func (r *rollouts) success() (Measure, []Told) {
	m := measure(rolloutDefinitions, keySuccess, "changes that ended")
	count := map[Fate]int{}
	var told []Told
	ended := 0
	for _, c := range r.changes {
		fate, why := c.fate(r.Waves)
		count[fate]++
		if fate.ended() {
			ended++
		}
		told = append(told, Told{Change: c.id, Subject: c.on.Subject, Fate: fate, Why: why})
	}
	none := "no change has ended in this time"
	if len(r.changes) == 0 {
		none = "nothing of ours was merged in this time"
	}
	m = share(m, count[Arrived], ended, none)
	for _, fate := range []Fate{Failed, Refused, Removed} {
		if count[fate] > 0 {
			m.Notes = append(m.Notes, fmt.Sprintf("%d %s", count[fate], fate))
		}
	}
	var beside []string
	for _, fate := range []Fate{UnderWay, Unjudged, Overtaken, Unclear} {
		if count[fate] > 0 {
			beside = append(beside, fmt.Sprintf("%d %s", count[fate], fate))
		}
	}
	if len(beside) > 0 {
		m.Notes = append(m.Notes, "not counted: "+strings.Join(beside, ", "))
	}
	return m, told
}

func (r *rollouts) canary() Measure {
	passed, decided, alone, open, unread := 0, 0, 0, 0, 0
	for _, p := range r.merges {
		c := r.of[p]
		if c == nil || p.Wave < 0 || p.Wave != c.first {
			continue
		}
		switch v := p.verdict(); {
		case p.Unread != "":
			unread++
		case v == nil:
			open++
		default:
			decided++
			if v.Verdict == promoter.Pass {
				passed++
			}
			if c.last() == c.first {
				alone++
			}
		}
	}
	m := share(measure(rolloutDefinitions, keyCanary, "verdicts in a first wave"), passed, decided, "no merge into a first wave has a verdict")
	m.note(alone, "of changes that have no other wave")
	m.note(open, "not counted: without a verdict")
	m.note(unread, "not counted: not read")
	return m
}

func (m *Measure) note(n int, what string) {
	if n > 0 {
		m.Notes = append(m.Notes, fmt.Sprintf("%d %s", n, what))
	}
}

func (r *rollouts) detect() Measure {
	var took []time.Duration
	asked := 0
	for _, p := range r.merges {
		if !p.failed() {
			continue
		}
		took = append(took, p.verdict().At.Sub(p.Merged))
		if byPerson(p.verdict()) {
			asked++
		}
	}
	m := spans(measure(rolloutDefinitions, keyDetect, "failed merges"), took, "no merge has failed")
	m.note(asked, "found by people: they asked to take it back")
	return m
}

// byPerson reports whether a verdict is a person's word.
func byPerson(v *promoter.Seal) bool { return strings.HasPrefix(v.Reason, "a person asked") }

// revertOf is the first revert that was merged after a merge failed.
func (r *rollouts) revertOf(p *Pull) *Pull {
	c := r.of[p]
	var first *Pull
	if c == nil {
		return nil
	}
	for _, x := range c.reverts {
		same := x.Branch.Wave == p.Branch.Wave && x.Branch.Part == p.Branch.Part
		if same && x.State == promoter.PullMerged && !x.Merged.Before(p.verdict().At) && (first == nil || x.Merged.Before(first.Merged)) {
			first = x
		}
	}
	return first
}

func (r *rollouts) rollback() Measure {
	var took []time.Duration
	standing := 0
	for _, p := range r.merges {
		if !p.failed() {
			continue
		}
		if x := r.revertOf(p); x != nil {
			took = append(took, x.Merged.Sub(p.verdict().At))
		} else {
			standing++
		}
	}
	m := spans(measure(rolloutDefinitions, keyRollback, "failed merges that a revert took back"), took, "no failed merge was taken back by a revert")
	m.note(standing, "failed without a merged revert of ours")
	return m
}

func (r *rollouts) restore() Measure {
	var took []time.Duration
	waiting := 0
	for _, p := range r.merges {
		if !p.failed() {
			continue
		}
		x := r.revertOf(p)
		switch {
		case x == nil:
		case x.passed():
			took = append(took, x.verdict().At.Sub(p.verdict().At))
		default:
			waiting++
		}
	}
	m := spans(measure(rolloutDefinitions, keyRestore, "failed merges whose revert is sealed as restored"), took, "no failed merge is sealed as restored")
	m.note(waiting, "taken back, and not sealed as restored, or not read")
	return m
}

// durations are how long changes took in each wave.
func (r *rollouts) durations() map[int][]time.Duration {
	out := map[int][]time.Duration{}
	for _, c := range r.changes {
		for w := range r.Waves {
			merges, whole := c.in(w)
			if !whole || slices.ContainsFunc(merges, func(p *Pull) bool { return !p.passed() }) {
				continue
			}
			var first, last time.Time
			for _, p := range merges {
				if first.IsZero() || p.Merged.Before(first) {
					first = p.Merged
				}
				if at := p.verdict().At; at.After(last) {
					last = at
				}
			}
			if r.within(first) {
				out[w] = append(out[w], last.Sub(first))
			}
		}
	}
	return out
}

func (r *rollouts) perHundred() Measure {
	none := ""
	if len(r.merges) == 0 {
		none = "nothing of ours was merged in this time"
	}
	m := rate(measure(rolloutDefinitions, keyPer100, "merges"), 0, len(r.merges), none)
	if none == "" {
		*m.Rate = 100 * float64(len(r.reverts)) / float64(len(r.merges))
		m.Notes = append(m.Notes, plural(len(r.reverts), "merged revert"))
	}
	return m
}

// judged says who judged a merge.
type judged int

const (
	byGate judged = iota
	byHealth
	byWord // a person's
	byNothing
)

var (
	gatesPassed  = regexp.MustCompile(`, [0-9]+ gates? passed`)
	gateVerdict  = regexp.MustCompile(`^gate [^:]*: (?:pass|fail|failed)\b`)
	hasConverged = regexp.MustCompile(`\bconverged\b`)
)

// judge says who judged a merge, in the words of its verdict and of the
// evidence for it.
func (p *Pull) judge() judged {
	v := p.verdict()
	switch {
	case v == nil:
		return byNothing
	case gatesPassed.MatchString(v.Reason), v.Verdict == promoter.Fail && strings.HasPrefix(v.Reason, "gate "):
		return byGate
	case slices.ContainsFunc(p.Evidence, gateVerdict.MatchString):
		return byGate
	case byPerson(v) && p.newest(promoter.StageConverged) == nil:
		return byWord
	case v.Verdict == promoter.Pass && !hasConverged.MatchString(v.Reason):
		return byWord
	}
	return byHealth
}

func (r *rollouts) coverage() Measure {
	count := map[judged]int{}
	read, unread := 0, 0
	for _, p := range r.merges {
		if p.Unread != "" {
			unread++
			continue
		}
		read++
		count[p.judge()]++
	}
	none := "nothing of ours was merged in this time"
	if unread > 0 {
		none = "no merge's statuses were read"
	}
	m := share(measure(rolloutDefinitions, keyCoverage, "merges"), count[byGate], read, none)
	m.note(count[byHealth], "judged by their applications' health alone")
	m.note(count[byWord], "decided by a person's word alone")
	m.note(count[byNothing], "by nothing (yet): no verdict")
	m.note(unread, "not counted: not read")
	return m
}

func (r *rollouts) lead(key string) Measure {
	var took []time.Duration
	unsaid := 0
	for _, c := range r.changes {
		fate, _ := c.fate(r.Waves)
		if fate != Arrived && (key != keyLead || fate != Unjudged) {
			continue
		}
		merges, whole := c.in(c.last())
		if !whole {
			continue // people brought the rest: nobody proposed it
		}
		if c.opened.IsZero() {
			unsaid++
			continue
		}
		var end time.Time
		for _, p := range merges {
			at := p.Merged
			if key == keyProven {
				at = p.verdict().At
			}
			if at.After(end) {
				end = at
			}
		}
		took = append(took, end.Sub(c.opened))
	}
	m := spans(measure(rolloutDefinitions, key, "changes"), took, "no change has come through its last wave")
	m.note(unsaid, "not counted: the forge does not say when they were proposed")
	return m
}

// row is what happened in one wave; false when nothing did.
func (r *rollouts) row(wave int, name string, took []time.Duration) (Row, bool) {
	var passed, failed, undecided int
	row := Row{Wave: name, Passed: &passed, Failed: &failed, Undecided: &undecided, Duration: timeOf(took), Complete: len(took)}
	for _, p := range r.merges {
		if p.Wave != wave {
			continue
		}
		row.Merged++
		switch {
		case p.passed():
			passed++
		case p.failed():
			failed++
		default:
			undecided++
		}
	}
	for _, p := range r.reverts {
		if p.Wave == wave {
			row.TakenBack++
		}
	}
	return row, row.Merged+row.TakenBack > 0
}
