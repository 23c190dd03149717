package promoter

import (
	"fmt"
	"slices"
)

// behindUs says which earlier wave has not proven what this pull brings: each of
// them, for what was brought to one out of its turn may never have stood in the
// one before, or have left it before it had passed. Then what stands there now
// must pass in its place.
func (p *planner) behindUs(x proposal) blocker {
	var first blocker                            // all is asked for at once, and the first says what is waited for
	for w := len(p.pol.Waves) - 1; w >= 0; w-- { // the nearest says best what is waited for
		if !p.pol.precedes(w, x.wave) {
			continue
		}
		for _, target := range x.unit.steps[w] {
			a := target.Pin.Artifact
			t := p.trialOf[target]
			if t != nil && t.standing == proven && !t.byHand && !t.branch.Revert || p.passedAt(target, w, x.sheet.Change) {
				continue
			}
			if t == nil {
				t = p.handmade(x.unit, w, a, x.sheet.Change)
			}
			if first.why != "" {
				continue
			}
			wave := p.pol.Waves[w].Name
			if t != nil && t.standing != proven && !x.excuses(t, target) {
				wave = p.pol.Waves[t.wave].Name
				first = blocker{why: fmt.Sprintf("for wave %s: %s: %s", wave, t.name(), t.why), brief: "for wave " + wave + ", which has not passed yet", until: t.until}
			} else if why := p.cameBack(x, w, target, t); why != "" {
				first = blocker{why: why, person: true}
			} else if skipped := p.skipped(x, a, t, target); skipped != "" && slices.Contains(x.unit.before(a, x.wave, p.pol), w) {
				first = blocker{why: fmt.Sprintf("wave %s never had it: a person brought it to wave %s, and a person merges the rest", skipped, wave), person: true}
			}
		}
	}
	return first
}

// cameBack says that an earlier wave has what a pull brings, or something newer,
// from a revert, and that it had left it before it had passed: a revert is
// proven to have restored something, not that this is any good.
func (p *planner) cameBack(x proposal, w int, target *Target, t *trial) string {
	if t == nil || !t.branch.Revert || !p.standsFor(x, target) || p.passedAt(target, w, x.sheet.Change) {
		return ""
	}
	why, number := "", 0
	for i := range p.obs.Pulls { // of other changes too: what is brought with a digest here may be brought without one there
		pull := &p.obs.Pulls[i]
		b, ok := ParseBranch(pull.Branch)
		if !ok || b.Revert || pull.State != PullMerged || b.Wave != slug(p.pol.Waves[w].Name, maxSlug) || !pull.writes(target) || b.Change != x.sheet.Change && !pull.brought(target) {
			continue
		}
		probe := &trial{pull: pull, branch: b}
		seals, known := p.sealsOn(pull.Merge, probe)
		if v := newestSeal(seals, StageVerdict, ""); v != nil && v.Verdict == Pass {
			return ""
		}
		if number != 0 && pull.Number < number {
			continue // the newest says it
		}
		number, why = pull.Number, fmt.Sprintf("wave %s left it before #%d had passed, and came back to it with %s: a person merges the rest", p.pol.Waves[w].Name, pull.Number, t.name())
		if !known {
			why = fmt.Sprintf("wave %s had it before with #%d: %s", p.pol.Waves[w].Name, pull.Number, probe.why)
		}
	}
	if number == 0 {
		why = fmt.Sprintf("wave %s came back to it with %s, and had it from no pull request of Promoter's: a person merges the rest", p.pol.Waves[w].Name, t.name())
	}
	return why
}

// stranded calls a person for a place that is ill with what has failed in
// another wave, and was not taken back here: what would repair it waits until
// the place is well, which it may never be by itself.
func (p *planner) stranded(x proposal, ill Convergence) {
	for _, target := range x.targets {
		t := p.trialOf[target]
		if t == nil || t.branch.Revert || t.standing != proven || p.frozen[t.branch.Change] == "" {
			continue
		}
		if slices.ContainsFunc(reachedBy([]*Target{target}), func(r Reached) bool {
			return r.App == ill.App && r.Environment == ill.Environment && r.Tenant == ill.Tenant && r.Cluster == ill.Cluster
		}) {
			t.person = fmt.Sprintf("%s, it stands here, and %s is %s now (%s): %s would replace it, and waits for that", p.frozen[t.branch.Change], ill.App, ill.Outcome, ill.Reason, x.sheet.Title())
		}
	}
}

// standsFor reports whether a target of an earlier wave has what a pull brings,
// or something newer.
func (p *planner) standsFor(x proposal, target *Target) bool {
	return slices.ContainsFunc(x.sheet.Members, func(m SheetMember) bool {
		return m.Artifact == target.Pin.Artifact && (m.Version == target.current() || p.reached(target, goal{m.Version, m.Digest}))
	})
}

// excuses reports whether a failure at an earlier wave's target, within that
// wave's budget, is one of what a pull brings: then that place is left out. Of
// another version's failure what stands there now is unproven like any other.
func (x proposal) excuses(t *trial, target *Target) bool {
	if !t.excused || t.sealing {
		return false // what is not written down yet excuses nothing
	}
	return t.branch.Change == x.sheet.Change || slices.ContainsFunc(x.sheet.Members, func(m SheetMember) bool {
		return m.Artifact == target.Pin.Artifact && t.failedAt(target).like(goal{m.Version, m.Digest})
	})
}

// passedAt reports whether a change is sealed as passed where a target stands,
// wherever that has gone since.
func (p *planner) passedAt(target *Target, w int, change string) bool {
	return slices.ContainsFunc(p.changes[change], func(pull *Pull) bool {
		b, ok := ParseBranch(pull.Branch)
		if !ok || b.Revert || pull.State != PullMerged || b.Wave != slug(p.pol.Waves[w].Name, maxSlug) {
			return false
		}
		v := newestSeal(p.obs.Sealings[pull.Merge].Seals, StageVerdict, "")
		return v != nil && v.Verdict == Pass && pull.writes(target)
	})
}
