package promoter

import (
	"fmt"
	"slices"
)

// behindUs says which earlier wave has not proven what this pull brings.
func (p *planner) behindUs(x proposal) blocker {
	var first blocker // all is asked for at once, and the first says what is waited for
	note := func(b blocker) {
		if first.why == "" {
			first = b
		}
	}
	waits := func(t *trial) blocker {
		wave := p.pol.Waves[t.wave].Name
		return blocker{why: fmt.Sprintf("for wave %s: %s: %s", wave, t.name(), t.why), brief: "for wave " + wave + ", which has not passed yet", until: t.until}
	}
	for _, a := range x.unit.artifacts {
		for _, b := range x.unit.before(a, x.wave, p.pol) {
			for _, target := range x.unit.of(a, b) {
				t := p.trialOf[target]
				if t == nil {
					t = p.handmade(x.unit, b, a, x.sheet.Change)
				}
				if t != nil && t.standing != proven && !x.excuses(t, target) {
					note(waits(t))
				}
				if why := p.cameBack(x, b, target, t); why != "" {
					note(blocker{why: why, person: true})
				}
				if skipped := p.skipped(x, a, t, target); skipped != "" {
					note(blocker{why: fmt.Sprintf("wave %s never had it: a person brought it to wave %s, and a person merges the rest", skipped, p.pol.Waves[b].Name), person: true})
				}
			}
		}
	}
	p.fartherBack(x, func(t *trial) { note(waits(t)) }, func(why string) { note(blocker{why: why, person: true}) })
	return first
}

// fartherBack waits for the waves before those just before: what was brought to
// one of these out of its turn has never stood there, or has left it before it
// had passed. Then what stands there now must pass in its place.
func (p *planner) fartherBack(x proposal, waits func(*trial), stuck func(why string)) {
	for w := range p.pol.Waves {
		if !p.pol.precedes(w, x.wave) {
			continue
		}
		for _, target := range x.unit.steps[w] {
			if p.passedAt(target, w, x.sheet.Change) {
				continue
			}
			t := p.trialOf[target]
			if t == nil {
				t = p.handmade(x.unit, w, target.Pin.Artifact, x.sheet.Change)
			}
			if t != nil && t.standing != proven && !x.excuses(t, target) {
				waits(t)
			}
			if why := p.cameBack(x, w, target, t); why != "" {
				stuck(why)
			}
		}
	}
}

// cameBack says that an earlier wave has what a pull brings from a revert, and
// that it had left it before it had passed: a revert is proven to have restored
// something, not that this is any good.
func (p *planner) cameBack(x proposal, w int, target *Target, t *trial) string {
	if t == nil || !t.branch.Revert || !x.brings(target) || p.passedAt(target, w, x.sheet.Change) {
		return ""
	}
	for _, pull := range p.changes[x.sheet.Change] {
		b, ok := ParseBranch(pull.Branch)
		if ok && !b.Revert && pull.State == PullMerged && b.Wave == slug(p.pol.Waves[w].Name, maxSlug) && pull.writes(target) {
			return fmt.Sprintf("wave %s left it before #%d had passed, and came back to it with %s: a person merges the rest", p.pol.Waves[w].Name, pull.Number, t.name())
		}
	}
	return ""
}

// brings reports whether a pull brings what a target of an earlier wave has.
func (x proposal) brings(target *Target) bool {
	return slices.ContainsFunc(x.sheet.Members, func(m SheetMember) bool { return m.Artifact == target.Pin.Artifact && m.Version == target.current() })
}

// excuses reports whether a failure at an earlier wave's target, within that
// wave's budget, is one of what a pull brings: then that place is left out. Of
// another version's failure what stands there now is unproven like any other.
func (x proposal) excuses(t *trial, target *Target) bool {
	if !t.excused || t.sealing {
		return false // what is not written down yet excuses nothing
	}
	return t.branch.Change == x.sheet.Change || slices.ContainsFunc(x.sheet.Members, func(m SheetMember) bool {
		return m.Artifact == target.Pin.Artifact && m.Version == t.failedAt(target)
	})
}

// passedAt reports whether a change is sealed as passed where a target stands,
// wherever that has gone since.
func (p *planner) passedAt(target *Target, w int, change string) bool {
	return slices.ContainsFunc(p.changes[change], func(pull *Pull) bool {
		b, ok := ParseBranch(pull.Branch)
		if !ok || b.Revert || pull.State != PullMerged || b.Wave != slug(p.pol.Waves[w].Name, maxSlug) || !pull.writes(target) {
			return false
		}
		v := newestSeal(p.obs.Sealings[pull.Merge].Seals, StageVerdict, "")
		return p.retried(b) || v != nil && v.Verdict == Pass
	})
}
