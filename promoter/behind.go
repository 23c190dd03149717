package promoter

import (
	"fmt"
	"slices"
)

// behindUs says which earlier wave has not proven what this pull brings.
func (p *planner) behindUs(x proposal) blocker {
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
					return waits(t)
				}
				if skipped := p.skipped(x, a, t, target); skipped != "" {
					return blocker{why: fmt.Sprintf("wave %s never had it: a person brought it to wave %s, and a person merges the rest", skipped, p.pol.Waves[b].Name), person: true}
				}
			}
		}
	}
	return p.fartherBack(x, waits)
}

// fartherBack waits for the waves before those just before: what was brought to
// one of these out of its turn has never stood there, or has left it before it
// had passed. Then what stands there now must pass in its place.
func (p *planner) fartherBack(x proposal, waits func(*trial) blocker) blocker {
	for w := range p.pol.Waves {
		if !p.pol.precedes(w, x.wave) || p.passedIn(w, x.sheet.Change) {
			continue
		}
		for _, target := range x.unit.steps[w] {
			t := p.trialOf[target]
			if t == nil {
				t = p.handmade(x.unit, w, target.Pin.Artifact, x.sheet.Change)
			}
			if t != nil && t.standing != proven && !x.excuses(t, target) {
				return waits(t)
			}
		}
	}
	return blocker{}
}

// excuses reports whether a failure at an earlier wave's target, within that
// wave's budget, is one of what a pull brings: then that place is left out. Of
// another version's failure what stands there now is unproven like any other.
func (x proposal) excuses(t *trial, target *Target) bool {
	if !t.excused {
		return false
	}
	return t.branch.Change == x.sheet.Change || slices.ContainsFunc(x.sheet.Members, func(m SheetMember) bool {
		return m.Artifact == target.Pin.Artifact && m.Version == t.failedAt(target)
	})
}

// passedIn reports whether a change is sealed as passed in a wave, wherever that
// wave has gone since.
func (p *planner) passedIn(w int, change string) bool {
	return slices.ContainsFunc(p.changes[change], func(pull *Pull) bool {
		b, ok := ParseBranch(pull.Branch)
		if !ok || b.Revert || pull.State != PullMerged || b.Wave != slug(p.pol.Waves[w].Name, maxSlug) {
			return false
		}
		v := newestSeal(p.obs.Sealings[pull.Merge].Seals, StageVerdict, "")
		return p.retried(b) || v != nil && v.Verdict == Pass
	})
}
