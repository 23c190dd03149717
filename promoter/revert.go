package promoter

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// freeze finds the changes that have failed somewhere, and what is excused
// within a wave's budget. A frozen change goes nowhere.
func (p *planner) freeze(u *unit) {
	type key struct {
		change string
		wave   int
	}
	failures := map[key][]*trial{}
	twice := map[key]int{} // failures that stand in part, and have been taken back in part
	for _, t := range u.trials {
		if t.standing == broken && !t.branch.Revert {
			k := key{t.branch.Change, t.wave}
			failures[k] = append(failures[k], t)
		}
	}
	for _, t := range u.trials {
		if t.branch.Revert {
			if f := p.reverted(t.pull, t.branch); f != nil {
				k := key{t.branch.Change, t.wave}
				if slices.ContainsFunc(failures[k], func(o *trial) bool { return o.pull == f }) {
					twice[k]++
				}
				failures[k] = append(failures[k], t)
			}
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(failures), func(a, b key) int {
		return cmp.Or(strings.Compare(a.change, b.change), b.wave-a.wave)
	}) {
		ts := failures[k]
		slices.SortFunc(ts, func(a, b *trial) int { return a.pull.Number - b.pull.Number })
		why := fmt.Sprintf("it failed in %s: %s", p.pol.Waves[k.wave].Name, ts[0].why)
		if ts[0].branch.Revert {
			why = fmt.Sprintf("it was taken back in %s by #%d", p.pol.Waves[k.wave].Name, ts[0].pull.Number)
		}
		n := len(ts) - twice[k]
		least, most := p.budget(u, k.wave)
		switch {
		case n <= least:
			p.excuses = true
			for _, t := range ts {
				t.excused = true
			}
		case n <= most:
			for _, t := range ts {
				t.doubt = true
			}
			p.unsure[k.change] = true
			p.suspect[k.change] = why + ", and nobody knows now how many may fail there: not all of the wave can be read or listed"
		case p.frozen[k.change] == "": // the latest wave says it: what an earlier one took back, it did for that
			p.frozen[k.change] = why
		}
	}
	for _, t := range u.trials {
		if t.condemned {
			p.suspect[t.branch.Change] = fmt.Sprintf("it fails in %s: %s", p.pol.Waves[t.wave].Name, strings.TrimPrefix(t.why, "failed: "))
		}
	}
}

// frozenByPulls finds the changes that a revert of ours has taken back,
// whatever stands now.
func (p *planner) frozenByPulls() {
	reverts := map[string]int{} // the newest speaks
	for i := range p.obs.Pulls {
		pull := &p.obs.Pulls[i]
		b, ok := ParseBranch(pull.Branch)
		if !ok || !b.Revert || pull.State != PullMerged || p.standsAsTrial(pull) {
			continue // of one that stands, the wave's budget has a say
		}
		if p.reverted(pull, b) != nil && pull.Number > reverts[b.Change] {
			reverts[b.Change] = pull.Number
			p.frozen[b.Change] = fmt.Sprintf("it was taken back in %s by #%d", b.Wave, pull.Number)
		}
	}
}

func (p *planner) standsAsTrial(pull *Pull) bool {
	return slices.ContainsFunc(p.trials, func(t *trial) bool { return t.pull == pull })
}

// reverted is the pull that a revert takes back, unless a person has asked for
// another attempt, or one has been made. Of several it is the newest that wrote
// what the revert has written.
func (p *planner) reverted(revert *Pull, b Branch) *Pull {
	var newest, own *Pull
	later := func(f, than *Pull) bool {
		return than == nil || cmp.Or(f.MergedAt.Compare(than.MergedAt), f.Number-than.Number) > 0
	}
	for _, f := range p.changes[b.Change] {
		fb, ok := ParseBranch(f.Branch)
		if !ok || f.State != PullMerged || fb.Revert || fb.Wave != b.Wave || fb.Part != b.Part {
			continue
		}
		if later(f, newest) {
			newest = f
		}
		if later(f, own) && f.sharesPlace(revert) {
			own = f
		}
	}
	switch {
	case newest == nil:
		return revert // its pull is forgotten; the revert speaks for itself
	case p.retried(b):
		return nil
	case revert.State == PullMerged && newest.MergedAt.After(revert.MergedAt):
		return nil // attempted again since
	}
	return cmp.Or(own, newest)
}

// sharesPlace reports whether two pulls write the same scalar.
func (p *Pull) sharesPlace(other *Pull) bool {
	at := make(map[scalar]bool, len(other.Edits))
	for _, e := range other.Edits {
		at[scalarOf(e)] = true
	}
	return slices.ContainsFunc(p.Edits, func(e Edit) bool { return at[scalarOf(e)] })
}

// retried reports whether a person asked to try an attempt again that failed:
// on any of its merged pulls, or on any that took one of them back.
func (p *planner) retried(b Branch) bool { return p.retries[attempted{b.Change, b.Attempt}] }

// heedReverts lets a person's wish to take a pull back stand against a wish to
// try again that was said elsewhere, perhaps long before. It is lifted where it
// was said: on that pull, or on the revert.
func (p *planner) heedReverts() {
	for key := range p.retries {
		for _, pull := range p.changes[key.change] {
			b, ok := ParseBranch(pull.Branch)
			if !ok || b.Revert || b.Attempt != key.attempt || !slices.Contains(pull.Labels, RevertLabel) || slices.Contains(pull.Labels, RetryLabel) {
				continue
			}
			b.Revert = true
			if r := p.pulls[b.String()]; r == nil || !slices.Contains(r.Labels, RetryLabel) {
				delete(p.retries, key)
			}
		}
	}
}

// budget is how many of the wave's pulls may fail before a change is frozen: so
// many at least, and at most, as a share of what cannot be listed or read now is
// not known.
func (p *planner) budget(u *unit, w int) (least, most int) {
	wave := p.pol.Waves[w]
	of := func(ts []*Target) int {
		return max(wave.MaxFailures, len(p.shares(w, ts))*wave.MaxFailuresPercent/100)
	}
	least = of(u.steps[w])
	if wave.MaxFailuresPercent > 0 && w < len(p.obs.Unread) && len(p.obs.Unread[w]) > 0 {
		return least, math.MaxInt
	}
	return least, of(slices.Concat(u.steps[w], u.blind[w]))
}

// takeBack proposes the reverts that a unit's failures ask for.
func (p *planner) takeBack(u *unit) {
	failures := p.failures(u)
	for _, failed := range failures { // its own failure says best why something is taken back
		if slices.Contains(u.trials, failed) && !failed.branch.Revert && !p.decidedBack(failed) {
			p.revert(u, failed, failed)
		}
	}
	for _, failed := range failures {
		for _, t := range u.trials {
			if t.branch.Revert || t.branch.Change != failed.branch.Change || p.decidedBack(t) {
				continue
			}
			if !failed.since.IsZero() && t.pull.MergedAt.After(failed.since) {
				continue // merged after the failure was taken back: a person's word
			}
			wide := p.pol.RevertScope == RevertWave && t.wave >= failed.wave
			all := p.pol.RevertScope == RevertChange
			if (wide || all) && !failed.excused && !failed.doubt {
				p.revert(u, t, failed)
			}
		}
	}
}

// failures are the failed pulls of a unit: those that stand, and those that
// have been taken back. What else policy takes back for them does not depend on
// which of the reverts is merged first.
func (p *planner) failures(u *unit) []*trial {
	var out []*trial
	for _, t := range u.trials {
		switch {
		case t.branch.Revert:
			first := p.reverted(t.pull, t.branch)
			if first == nil || first == t.pull || t.excused {
				continue
			}
			b, _ := ParseBranch(first.Branch)
			gone := &trial{pull: first, branch: b, unit: u, wave: t.wave, since: t.pull.MergedAt, evidence: p.recorded(first.Branch), doubt: t.doubt}
			seals, known := p.sealsOn(first.Merge, gone)
			if !known {
				p.unsure[t.branch.Change] = true
			} else if v := newestSeal(seals, StageVerdict, ""); v != nil && v.Verdict == Fail {
				gone.why = v.Reason
				out = append(out, gone)
			}
		case t.standing == broken:
			out = append(out, t)
		}
	}
	return out
}

// keepReverts lets reverts that nothing asks for stay as they are while it is
// not known what they are for: what failed cannot be read, or what is sealed on
// it.
func (p *planner) keepReverts() {
	for _, t := range p.trials {
		if t.unread {
			p.unsure[t.branch.Change] = true
		}
	}
	for i := range p.obs.Pulls {
		pull := &p.obs.Pulls[i]
		b, ok := ParseBranch(pull.Branch)
		if !ok || !b.Revert || !p.unsure[b.Change] || p.wanted[pull.Branch] || p.pulls[pull.Branch] != pull {
			continue
		}
		p.wanted[pull.Branch] = true
		if pull.State == PullOpen {
			p.line(Line{Change: b.Change, Subject: b.Change, Status: Unresolved, Pull: pull.Number, Why: fmt.Sprintf("#%d stays: nobody knows now whether it is needed", pull.Number)})
		}
	}
}

// decidedBack reports whether it is decided already what becomes of a failed
// trial.
func (p *planner) decidedBack(t *trial) bool {
	b := t.branch
	b.Revert = true
	return t.returned || p.wanted[b.String()]
}

// revert proposes the inverse of a trial's edits, where its pins are still
// ours.
func (p *planner) revert(u *unit, t, failed *trial) {
	t.returned = true
	mode := p.revertMode(t)
	if mode == MergeNever {
		t.person = "it failed, and policy says that it is never taken back by us: " + failed.why
		return
	}
	b := t.branch
	b.Revert = true
	name, pull := p.attempt(b)
	if file := p.unseen(t.pull); file != "" && (pull == nil || pull.State != PullMerged) {
		p.wanted[name] = true // as it is: one that took back less than all would be done with
		t.person = fmt.Sprintf("it failed, and %s, which it wrote, cannot be read now: all of it is taken back together", file)
		return
	}
	var edits []Edit
	for i, e := range t.edits {
		inverse, why := p.inverse(t.targets[i], e)
		if why != "" {
			t.person = "it failed, and cannot be taken back by us: " + why
			return
		}
		edits = append(edits, inverse)
	}
	members := returning(u, t, edits)
	edits = sortEdits(edits)
	sheet := p.revertSheet(t, failed, edits, mode)
	sheet.Members = members
	p.wanted[name] = true
	if pull != nil && pull.State == PullClosed {
		t.person = fmt.Sprintf("it failed, and its revert #%d was closed%s", pull.Number, by(pull.ClosedBy))
		return
	}
	if pull != nil && pull.State == PullMerged {
		t.person = fmt.Sprintf("it failed, and stands again although #%d took it back", pull.Number)
		return
	}
	t.reverting = name
	p.proposals = append(p.proposals, proposal{
		unit: u, wave: t.wave, branch: name, sheet: sheet, edits: edits, targets: t.targets, revert: true, mode: mode,
	})
}

func (p *planner) revertMode(t *trial) MergeMode {
	mode := cmp.Or(p.pol.Classes[t.class].Revert, p.pol.Reverts, MergeApproved)
	if mode == MergeApproved && slices.Contains(t.pull.Labels, RevertLabel) {
		return MergeAutomatic // who asked for it has approved it
	}
	return mode
}

// inverse is the edit that brings back what stood before.
func (p *planner) inverse(t *Target, e Edit) (Edit, string) {
	at := t.Pin.Place
	if d := t.Pin.DigestPlace; d != nil && d.File == e.Place.File && d.Path == e.Place.Path && d.Doc == e.Place.Doc {
		at = *d
	}
	to := e.Place.Written
	if e.Image != "" { // it was not there before: it gets what the shared file has
		if to = p.sharedTag(t, e); to == "" {
			return Edit{}, "what the shared file of " + e.Place.File + " has is not known any more"
		}
	}
	if to == "" {
		return Edit{}, "what " + e.Place.String() + " read before is not known"
	}
	inverse := Edit{Place: at, To: to}
	if e.Release != "" {
		inverse.Release = to
	}
	return inverse, ""
}

// sharedTag is the tag in the file that an overlay overrides.
func (p *planner) sharedTag(over *Target, e Edit) string {
	for i := range p.obs.Targets {
		t := &p.obs.Targets[i]
		if t.Pin.Artifact != over.Pin.Artifact {
			continue
		}
		for _, o := range t.Overlays {
			if o.File == e.Place.File {
				return t.Pin.Version
			}
		}
	}
	return ""
}

// revertSheet is what the text of a revert says: what it returns to, where,
// and on which evidence.
func (p *planner) revertSheet(t, failed *trial, edits []Edit, mode MergeMode) Sheet {
	s := Sheet{
		Change: t.branch.Change, Wave: p.pol.Waves[t.wave].Name, Part: t.branch.Part, Class: t.class, Merge: mode, Reaches: reachedBy(t.targets),
		Edits: edits, Method: p.pol.Method,
		Revert: &SheetRevert{Pull: t.pull.Number, Merge: t.pull.Merge, FailedPull: failed.pull.Number, FailedIn: p.pol.Waves[failed.wave].Name, Reason: failed.why, Evidence: failed.evidence},
	}
	if cp, ok := p.pol.Classes[t.class]; ok && mode == MergeApproved {
		s.Approvals, s.From = max(cp.Approvals, 1), cp.From
	}
	return s
}

// returning are the artifacts that a revert moves; edits are in the order of
// the trial's.
func returning(u *unit, t *trial, edits []Edit) []SheetMember {
	var out []SheetMember
	back := slices.Clone(t.edits)
	for i := range back {
		back[i].Place.Written = edits[i].To // in an overlay nothing was written before
	}
	left := leftBy(t.targets, back)
	for _, a := range u.artifacts {
		m := SheetMember{Artifact: a, Update: Rollback}
		var to []string
		for _, target := range places(t.targets) {
			if target.Pin.Artifact != a {
				continue
			}
			is, back := target.content(), left[target]
			if from := is.beside(back); !slices.Contains(m.From, from) {
				m.From = append(m.From, from)
			}
			if text := back.beside(is); !slices.Contains(to, text) {
				to = append(to, text)
			}
		}
		if len(to) == 0 {
			continue
		}
		slices.Sort(m.From)
		slices.Sort(to)
		m.To = strings.Join(to, ", ")
		m.Version = m.To
		out = append(out, m)
	}
	return out
}
