package promoter

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Plan decides. It is the only place where anything is decided: the same
// observation, policy and time give the same decision.
func Plan(obs Observation, pol Policy, now time.Time) Decision {
	p := newPlanner(obs, pol, now)
	for i := range obs.Pulls {
		p.seePull(&obs.Pulls[i])
	}
	for _, pulls := range p.changes { // the newest speaks first, whatever order they came in
		slices.SortFunc(pulls, func(a, b *Pull) int { return cmp.Or(b.Number-a.Number, strings.Compare(a.Branch, b.Branch)) })
	}
	p.heedCloses()
	p.heedReverts()
	p.findTrials()
	p.explainUnplaced()
	all := units(obs.Targets, pol)
	p.joinTrials(all)
	p.frozenByPulls()
	for _, u := range all {
		p.unit(u)
	}
	p.keepReverts()
	p.supersede()
	p.propose()
	p.obey()
	p.explainTrials()
	p.tickets()
	p.hush()
	p.sortLines()
	return p.out
}

// explainUnplaced says of each target that is in no wave, or about which
// nothing is known, why nothing is proposed for it.
func (p *planner) explainUnplaced() {
	for i := range p.obs.Targets {
		t := &p.obs.Targets[i]
		if t.step() >= 0 && t.Choice.Unknown == "" {
			continue
		}
		l := Line{
			Subject: shortName(t.Pin.Artifact), From: t.Pin.Version, Environment: t.Pin.Environment, Place: t.Pin.Place.String(),
		}
		switch {
		case t.step() < 0 && t.moves():
			l.Status, l.Why = Unplaced, t.whyUnplaced()
		case t.step() < 0:
			continue
		case !t.moves():
			continue // what the scan reports of it is all there is to say
		case t.Choice.Unknown != "":
			l.Status, l.Why, l.Wave = Unresolved, t.Choice.Unknown, p.pol.Waves[t.step()].Name
		default:
			continue
		}
		p.line(l)
	}
}

func (t *Target) whyUnplaced() string {
	at := t.Pin.Place.String()
	for _, r := range t.Reach {
		if r.Wave < 0 && r.Environment != "" {
			return fmt.Sprintf("an edit at %s reaches environment %s, which is in no wave", at, r.Environment)
		}
	}
	if t.Pin.Environment != "" {
		return fmt.Sprintf("environment %s of %s is in no wave", t.Pin.Environment, at)
	}
	return fmt.Sprintf("nothing says which environment %s belongs to", at)
}

// unit walks one unit through the waves.
func (p *planner) unit(u *unit) {
	for _, t := range u.trials {
		p.judge(t)
		if t.standing == unproven && !t.branch.Revert {
			p.inFlight[t.wave]++
		}
	}
	p.freeze(u)
	p.takeBack(u)
	first := p.leading(u)
	for w := range p.pol.Waves {
		if len(u.steps[w]) > 0 {
			p.step(u, w, first)
		}
		p.ripen(u.steps[w])
	}
}

// ripen asks for another look when a release is old enough, whatever is on its
// way meanwhile.
func (p *planner) ripen(ts []*Target) {
	for _, t := range ts {
		for i := range t.Choice.Held {
			p.wake(t.Choice.Held[i].Until)
		}
	}
}

// leading is where the unit's first waves go: what the conveyor brings to the
// later ones in the end.
func (p *planner) leading(u *unit) goalSet {
	var goals goalSet
	var heads []*Target
	for _, a := range u.artifacts {
		for w := range p.pol.Waves {
			ts := u.of(a, w)
			if len(ts) == 0 || len(u.before(a, w, p.pol)) > 0 {
				continue
			}
			heads = append(heads, ts...)
			if g, ok := newest(ts, u.blind[w]); ok && better(a.Kind, g, goals.at(a)) {
				goals = goals.with(a, g)
			} else if at, ok := passed(ts); ok && goals.at(a).version == "" {
				goals = goals.with(a, at)
			}
		}
	}
	goals = p.asCalled(u, goals, heads)
	if u.group == nil || u.group.Ordered {
		return goals
	}
	if dark := slices.Concat(u.blind...); len(dark) > 0 { // nobody knows where it goes, and so what moves with it
		why := fmt.Sprintf("%s of its group cannot be listed (%s)", shortName(dark[0].Pin.Artifact), dark[0].Choice.Unknown)
		for _, t := range slices.Concat(u.steps...) {
			p.held[seatOf(t)] = why
		}
		return nil
	}
	if u.group.Lockstep && !lockstep(goals, heads) {
		return nil
	}
	return goals
}

func better(k Kind, g, than goal) bool {
	n, ok := Compare(k, g.version, than.version)
	return than.version == "" || ok && n > 0
}

// step decides for one unit in one wave.
func (p *planner) step(u *unit, w int, first goalSet) {
	goals, why := p.goals(u, w, first)
	dark := p.darkBefore(u, w)
	if dark != "" {
		for _, t := range u.steps[w] {
			p.held[seatOf(t)] = dark // nobody knows what its pull waits for: that is no reason to close it
		}
	}
	moving := p.moving(u, w, goals)
	ahead := false
	u.next[w] = p.next(u, w, goals, moving, first)
	if len(moving) == 0 {
		// Nothing to do now; the later waves' line says what they wait for.
		late := p.moving(u, w, first)
		u.behind[w] = len(late) > 0 || u.proving(w)
		if len(late) > 0 {
			if id := u.id(first); p.frozen[id] != "" {
				p.hold(u, w, id, first, late, Left, p.frozen[id]+quarantined)
				p.rest(u, w, late, first)
				return
			}
		}
		if len(late) == 0 || !p.pol.Ahead || why == "" || dark != "" {
			p.waits(u, w, why, first, late)
			p.rest(u, w, late, first)
			return
		}
		goals = u.next[w]
		if moving = p.moving(u, w, goals); len(moving) == 0 {
			for _, t := range late {
				p.held[seatOf(t)] = why // its turn comes: a pull that is open for it stays
			}
			p.waits(u, w, why, first, late)
			p.rest(u, w, late, first)
			return
		}
		ahead = true
	}
	if !ahead && why != "" {
		p.comeAfter(u, w, why, first, moving)
	}
	p.rest(u, w, moving, goals)
	u.behind[w] = true
	id := u.id(goals)
	if why := p.torn(u, w, goals); why != "" {
		p.hold(u, w, id, goals, moving, Waiting, why)
		return
	}
	if why := p.failedBefore(id); why != "" {
		p.hold(u, w, id, goals, moving, Waiting, why)
		return
	}
	if why := p.frozen[id]; why != "" {
		p.hold(u, w, id, goals, moving, Left, why+quarantined)
		return
	}
	if why := p.suspect[id]; why != "" {
		p.hold(u, w, id, goals, moving, Waiting, why)
		return
	}
	if u.after != nil && u.after.behind[w] {
		p.hold(u, w, id, goals, moving, Waiting, fmt.Sprintf("%s changes first: %s comes before it in group %s", u.after.name, u.after.name, u.group.Name))
		return
	}
	if why := cmp.Or(p.unread(w), p.unproven(u, w)); why != "" {
		p.hold(u, w, id, goals, moving, Waiting, why)
		return
	}
	if _, old := p.underWay(u, w, goals); old != "" {
		p.hold(u, w, id, goals, moving, Waiting, old)
		return
	}
	for _, s := range p.shares(w, moving) {
		p.share(u, w, id, goals, s, ahead)
	}
}

const quarantined = ": quarantined until a newer version, or until a person asks for a retry"

// proving reports whether a merged pull of the wave has not passed yet.
func (u *unit) proving(w int) bool {
	return slices.ContainsFunc(u.trials, func(t *trial) bool { return t.wave == w && t.standing == unproven })
}

// goals are where the wave's targets go by the conveyor: the first wave of an
// artifact to the newest version that is wanted, a later one to what the waves
// before it have passed. The reason says what is in the way, if anything is.
func (p *planner) goals(u *unit, w int, first goalSet) (goalSet, string) {
	out := make(goalSet, 0, len(u.artifacts))
	why := ""
	if dark := p.darkBefore(u, w); dark != "" {
		return nil, dark
	}
	for _, a := range u.artifacts {
		before := u.before(a, w, p.pol)
		if len(before) == 0 {
			if g, ok := first.of(a); ok {
				out = out.with(a, g)
			}
			continue
		}
		var low goal
		for _, b := range before {
			g, ok := passed(p.proofs(u.of(a, b)))
			if !ok {
				return nil, fmt.Sprintf("wave %s is at versions that cannot be compared", p.pol.Waves[b].Name)
			}
			low = lower(a.Kind, low, g, first.at(a))
			if f, ok := first.of(a); ok && better(a.Kind, f, g) && why == "" {
				why = fmt.Sprintf("for wave %s, which is at %s", p.pol.Waves[b].Name, g.version)
			}
		}
		// A wave farther back that a person took back holds what comes after it.
		for b := range p.pol.Waves {
			if ts := p.proofs(u.of(a, b)); len(ts) > 0 && !slices.Contains(before, b) && p.pol.precedes(b, w) {
				if g, ok := passed(ts); ok && (better(a.Kind, low, g) || p.olderContent(g, low, first.at(a))) {
					low = g
					if why == "" {
						why = fmt.Sprintf("for wave %s, which is at %s", p.pol.Waves[b].Name, g.version)
					}
				}
			}
		}
		out = out.with(a, low)
	}
	if u.apart(out) {
		return nil, fmt.Sprintf("group %s moves together, and the waves before have its members at different versions", u.group.Name)
	}
	return out, why
}

// darkBefore says which earlier wave, the nearest first, nobody can list.
func (p *planner) darkBefore(u *unit, w int) string {
	for b := len(p.pol.Waves) - 1; b >= 0; b-- {
		if len(u.blind[b]) > 0 && p.pol.precedes(b, w) {
			return fmt.Sprintf("wave %s says nothing of it (%s)", p.pol.Waves[b].Name, u.blind[b][0].Choice.Unknown)
		}
	}
	return ""
}

// apart reports whether goals would part the members of a group in lockstep.
func (u *unit) apart(goals goalSet) bool {
	if u.group == nil || !u.group.Lockstep {
		return false
	}
	at := ""
	for _, g := range goals {
		if at != "" && g.version != "" && g.version != at {
			return true
		}
		at = cmp.Or(at, g.version)
	}
	return false
}

// lower is the goal that less has been proven of. Of two contents of one version
// that is the one which is not the newest; where neither is, nobody knows.
func lower(k Kind, a, b, first goal) goal {
	switch {
	case a.version == "" || better(k, a, b):
		return b
	case a.version != b.version || a.digest == b.digest || a.digest == "" || b.digest == "" || b.digest == first.digest:
		return a
	case a.digest == first.digest:
		return b
	}
	a.digest = ""
	return a
}

// moving are the wave's targets that are not at their goal and may go there.
func (p *planner) moving(u *unit, w int, goals goalSet) []*Target {
	var out []*Target
	var of Artifact
	var g goal
	ok := false
	for i, t := range u.steps[w] {
		if i == 0 || t.Pin.Artifact != of { // almost always all are of one
			of = t.Pin.Artifact
			g, ok = goals.of(of)
		}
		if ok && g.version != "" && !p.reached(t, g) && p.allows(t, g) {
			out = append(out, t)
		}
	}
	return out
}

// share is a wave's share of a pull.
type share struct {
	name    string
	targets []*Target
}

// shares spreads a wave's targets over pulls as the wave says.
func (p *planner) shares(w int, ts []*Target) []share {
	key := func(t *Target) string {
		switch p.pol.Waves[w].Split {
		case SplitEnvironment:
			return t.Pin.Environment
		case SplitTenant:
			return t.Pin.Tenant
		case SplitCluster:
			return cmp.Or(t.Pin.Cluster, t.Pin.Environment)
		case SplitNone:
		}
		return ""
	}
	var out []share
	index := map[string]int{}
	for _, t := range ts {
		k := key(t)
		if k != "" && len(environmentsOf(t.Reach)) > 1 {
			k = "shared" // a shared file is no single environment's
		}
		i, ok := index[k]
		if !ok {
			i = len(out)
			index[k] = i
			out = append(out, share{name: k})
		}
		out[i].targets = append(out[i].targets, t)
	}
	slices.SortFunc(out, func(a, b share) int { return strings.Compare(a.name, b.name) })
	return out
}
