package promoter

import (
	"fmt"
	"slices"
)

// unread returns why a unit waits: a file of an earlier wave could not be read,
// and may hold it, even where another of that wave does.
func (p *planner) unread(w int) string {
	seen := map[int]bool{}
	var visit func(w int) string
	visit = func(w int) string {
		for _, b := range p.pol.Waves[w].After {
			if seen[b] {
				continue
			}
			seen[b] = true
			if b < len(p.obs.Unread) && len(p.obs.Unread[b]) > 0 {
				return fmt.Sprintf("%s of wave %s cannot be read, and may hold it (name it in ignore if it is not ours to read)", p.obs.Unread[b][0], p.pol.Waves[b].Name)
			}
			if why := visit(b); why != "" {
				return why
			}
		}
		return ""
	}
	return visit(w)
}

// torn says of a group in lockstep which of its members could not come along.
func (p *planner) torn(u *unit, w int, goals goalSet) string {
	if u.group == nil || !u.group.Lockstep {
		return ""
	}
	for _, t := range u.steps[w] {
		if g := goals.at(t.Pin.Artifact); g.version != "" && !p.reached(t, g) && !p.allows(t, g) {
			return fmt.Sprintf("%s cannot go to %s, and group %s moves together", shortName(t.Pin.Artifact), g.version, u.group.Name)
		}
	}
	return ""
}

// unproven returns why a track waits that stands in no earlier wave: another
// track of the same artifact does, and is still on its way there.
func (p *planner) unproven(u *unit, w int) string {
	for _, other := range u.tracks {
		if other == u {
			continue
		}
		for _, a := range u.artifacts {
			if len(u.before(a, w, p.pol)) > 0 {
				return ""
			}
			for _, b := range other.before(a, w, p.pol) {
				if other.behind[b] {
					return fmt.Sprintf("for wave %s, where another tag of it is on its way", p.pol.Waves[b].Name)
				}
			}
		}
	}
	return ""
}

// next is where a wave goes after what it has: by the conveyor, or to what comes
// to the waves before it. A newer release comes after what is under way.
func (p *planner) next(u *unit, w int, goals goalSet, moving []*Target, first goalSet) goalSet {
	if len(moving) > 0 && p.frozen[u.id(goals)] == "" {
		if at, why := p.underWay(u, w, goals); why != "" {
			return at
		}
		return goals
	}
	out := make(goalSet, 0, len(u.artifacts))
	for _, a := range u.artifacts {
		low := goal{}
		for _, b := range u.before(a, w, p.pol) {
			g, ok := u.next[b].of(a)
			if !ok {
				return first
			}
			low = lower(a.Kind, low, g, first.at(a))
		}
		if low.version == "" {
			low = first.at(a)
		}
		out = out.with(a, low)
	}
	if u.apart(out) {
		return first
	}
	return out
}

// underWay returns why a newer release waits, and for what: the one before it
// has been merged somewhere and has not arrived everywhere.
func (p *planner) underWay(u *unit, w int, goals goalSet) (goalSet, string) {
	if p.pol.Newer == NewerTakes {
		return nil, ""
	}
	var at goalSet
	for _, a := range u.artifacts {
		if len(u.before(a, w, p.pol)) > 0 {
			return nil, "" // a later wave only finishes what is under way
		}
		if g, ok := passed(u.of(a, w)); ok {
			at = at.with(a, g)
		} else if g, ok := goals.of(a); ok {
			at = at.with(a, g)
		}
	}
	id := u.id(at)
	if !p.merged[id] || p.frozen[id] != "" || p.refused[id] {
		return nil, "" // what has failed or was refused goes nowhere: the way is free
	}
	for _, t := range u.trials {
		if t.standing == unproven && t.branch.Change == id {
			return at, fmt.Sprintf("%s is being verified in wave %s: it is finished first", describe(at), p.pol.Waves[t.wave].Name)
		}
	}
	if p.pol.Newer == NewerHolds {
		return nil, ""
	}
	for later := range p.pol.Waves {
		moving := slices.DeleteFunc(p.moving(u, later, at), func(t *Target) bool { return p.tookAway(id, later, t) })
		if later != w && len(moving) > 0 {
			return at, fmt.Sprintf("%s is under way and has not reached wave %s: it is finished first", describe(at), p.pol.Waves[later].Name)
		}
	}
	return nil, ""
}

// comeAfter keeps what is open for those of a wave's targets that have what the
// others go to now, and go on after them: a place that joins late, or could not
// be listed, is no reason to close it. Where pulls are opened ahead, that is so
// for what is open for the others, too: its turn comes after this one.
func (p *planner) comeAfter(u *unit, w int, why string, first goalSet, moving []*Target) {
	id := u.id(first)
	if p.frozen[id] != "" {
		return
	}
	for _, pull := range p.changes[id] {
		if b, ok := ParseBranch(pull.Branch); ok && p.pol.Ahead && !b.Revert && b.Wave == slug(p.pol.Waves[w].Name, maxSlug) {
			p.later[pull.Branch] = why
		}
	}
	now := make(map[*Target]bool, len(moving))
	for _, t := range moving {
		now[t] = true
	}
	for _, t := range p.moving(u, w, first) {
		if !now[t] {
			p.held[seatOf(t)] = why
		}
	}
}

// asCalled gives goals the digests by which their change is known already, where
// a file that may pin one cannot be read now: a change keeps its name.
func (p *planner) asCalled(u *unit, goals goalSet, heads []*Target) goalSet {
	if !slices.ContainsFunc(p.obs.Unread, func(files []string) bool { return len(files) > 0 }) {
		return goals
	}
	out := slices.Clone(goals)
	for _, t := range heads {
		if w := t.step(); w >= len(p.obs.Unread) || len(p.obs.Unread[w]) == 0 {
			continue
		}
		r, a := t.Choice.NewestAllowed, t.Pin.Artifact
		if g := goals.at(a); r != nil && g.digest == "" && g.version == r.Version {
			out = out.with(a, goal{r.Version, r.Digest})
		}
	}
	if len(p.changes[u.id(out)]) == 0 {
		return goals
	}
	return out
}

// tookAway reports whether a change was merged in a wave already, and a person
// has given the target another version since: nothing of ours waits for it.
func (p *planner) tookAway(id string, w int, t *Target) bool {
	return p.trialOf[t] == nil && slices.ContainsFunc(p.changes[id], func(pull *Pull) bool {
		b, ok := ParseBranch(pull.Branch)
		return ok && !b.Revert && pull.State == PullMerged && b.Wave == slug(p.pol.Waves[w].Name, maxSlug) &&
			slices.ContainsFunc(pull.Edits, func(e Edit) bool { return e.Place.File == t.Pin.Place.File && e.Place.Path == t.Pin.Place.Path })
	})
}
