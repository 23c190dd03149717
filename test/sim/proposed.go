package sim

import (
	"slices"

	"promoter/promoter"
)

// judgePush: what was taken back, refused or is not known is not proposed.
func (w *world) judgePush(v *view, a promoter.Push) {
	b, ok := promoter.ParseBranch(a.Branch)
	if !ok || b.String() != a.Branch || len(a.Branch) > 200 {
		w.violate("names are keys (law 3)", "%s is no name that can be read back", a.Branch)
		return
	}
	if w.unreadable("pulls") != nil {
		w.violate("ignorance moves nothing (law 6)", "%s: pulls cannot be read", a)
	}
	for _, o := range v.shown.pulls {
		ob, ok := promoter.ParseBranch(o.Branch)
		if !ok || ob.Change != b.Change {
			continue
		}
		if b.Revert {
			if ob == b && o.State == "closed" && !slices.Contains(o.Labels, promoter.SupersededLabel) {
				w.violate("a person's word is final (law 1)", "%s, although %s closed #%d", a, o.ClosedBy, o.Number)
			}
			continue
		}
		retry := slices.Contains(o.Labels, promoter.RetryLabel) || w.retried(v.shown, ob)
		same := ob.Wave == b.Wave && ob.Part == b.Part
		switch {
		case same && ob.Attempt == b.Attempt && !ob.Revert && o.State == "merged":
			w.violate("a person's commit wins (law 1)", "%s, which was merged as #%d before", a, o.Number)
		case same && o.State == "closed" && !ob.Revert && !retry && !w.interleaved && !slices.Contains(o.Labels, promoter.SupersededLabel):
			w.violate("a refused version is quarantined (law 13)", "%s, although %s closed #%d", a, o.ClosedBy, o.Number)
		case o.State == "merged" && ob.Revert && !retry && w.budget(w.waveOf(ob)) == 0 && !w.attemptedSince(v.shown, o, ob):
			w.violate("a reverted version is quarantined (law 13)", "%s, although #%d took it back", a, o.Number)
		case o.State == "merged" && !ob.Revert && !retry && w.budget(w.waveOf(ob)) == 0 && verdictOn(v.shown, o.Merge) == "failure" && !w.overtaken(v.shown, ob):
			w.violate("a failure freezes the change (law 8)", "%s, although #%d failed", a, o.Number)
		}
	}
	if b.Revert && a.Expect == "" && !w.takenBackFor(v.shown, b) {
		w.violate("only what policy says is taken back", "%s, and the scope of reverts is %q", a, w.policy.RevertScope)
	}
	base := w.repo.objects[a.Base]
	files, err := makes(func(path string) ([]byte, bool, error) {
		text, ok := base.files[path]
		return []byte(text), ok, nil
	}, a.Edits, base.at)
	if err != nil {
		w.violate("smallest diff (law 15)", "%s: it cannot be made: %v", a, err)
		return
	}
	made := base.files.with(files)
	var seen []*slot
	if p := w.newest(a.Branch); p != nil && p.State == "open" && p.Head == a.Expect && !b.Revert {
		slots := w.edited(p)
		mode, _, _ := w.consent(p, slots)
		for _, s := range slots {
			if w.in("dim", s.key()) && mode != promoter.MergeAutomatic && w.says(s, v.head) {
				w.violate("ignorance moves nothing (law 6)", "%s: #%d waits for people, and the versions of %s are not known", a, p.Number, s.file)
			}
		}
	}
	for _, e := range a.Edits {
		s, _ := w.slotAt(e.Place)
		if s == nil {
			w.violate("smallest diff (law 15)", "%s: %s is no version", a, e.Place)
			return
		}
		if !slices.Contains(seen, s) {
			seen = append(seen, s)
			w.judgeEdit(v, a, b, s, w.readsIn(s, made))
		}
	}
}

// takenBackFor reports whether policy takes a part of a change back for one of
// its failures: for its own, or for one beside or before it.
func (w *world) takenBackFor(f *forge, b promoter.Branch) bool {
	at := w.waveOf(b)
	failures, parts := map[int]int{}, map[int]map[string]bool{}
	for _, p := range f.pulls {
		ob, ok := promoter.ParseBranch(p.Branch)
		if ok && !ob.Revert && ob.Change == b.Change {
			if wave := w.waveOf(ob); parts[wave] == nil {
				parts[wave] = map[string]bool{}
			}
			parts[w.waveOf(ob)][ob.Part] = true
		}
		if !ok || ob.Revert || ob.Change != b.Change || p.State != "merged" || verdictOn(f, p.Merge) != "failure" && !slices.Contains(p.Labels, promoter.RevertLabel) {
			continue
		}
		if ob.Wave == b.Wave && ob.Part == b.Part {
			return true
		}
		failures[w.waveOf(ob)]++
	}
	for wave, n := range failures {
		x := w.policy.Waves[wave]
		if n <= max(x.MaxFailures, len(parts[wave])*x.MaxFailuresPercent/100) {
			continue // there may be more parts, and a larger budget, than what was proposed
		}
		if w.policy.RevertScope == promoter.RevertChange || w.policy.RevertScope == promoter.RevertWave && at >= wave {
			return true
		}
	}
	return false
}

// attemptedSince reports whether the change was merged again after a revert:
// a person's word.
func (w *world) attemptedSince(f *forge, revert *pull, rb promoter.Branch) bool {
	return slices.ContainsFunc(f.pulls, func(o *pull) bool {
		ob, ok := promoter.ParseBranch(o.Branch)
		return ok && o.State == "merged" && !ob.Revert && ob.Change == rb.Change && ob.Wave == rb.Wave && ob.Part == rb.Part && o.MergedAt.After(revert.MergedAt)
	})
}

// judgeEdit: forward is up, to what is out, and backward is where it was.
func (w *world) judgeEdit(v *view, a promoter.Push, b promoter.Branch, s *slot, to string) {
	from, asked := w.reads(s, a.Base), s
	if s.over != nil && !w.says(s, a.Base) {
		asked = s.over // what is not written yet is what the shared file is asked about
	}
	n, ok := w.compare(s, to, from)
	switch {
	case b.Revert:
		w.judgeInverse(v, a, b, s, from, to)
	case !ok || n <= 0:
		w.violate("forward is up", "%s: %s from %s to %s", a, s.file, from, to)
	case !w.out(s, to):
		w.violate("only what is out", "%s: %s %s is not", a, s.artifact.Name, to)
	case w.in("unlisted", s.artifact.Name) || w.in("dim", asked.key()):
		w.violate("ignorance moves nothing (law 6)", "%s: the versions of %s are not known", a, s.artifact.Name)
	case w.in("unread", s.file):
		w.violate("ignorance moves nothing (law 6)", "%s: %s cannot be read", a, s.file)
	}
	for _, r := range w.offered[s.artifact] {
		if r.Version == bare(to) && !b.Revert && v.at.Sub(r.Created) < s.age {
			w.violate("a release must be old enough", "%s: %s %s is %s old", a, s.artifact.Name, to, v.at.Sub(r.Created))
		}
	}
	if wave := w.waveOf(b); !b.Revert && s.wave > wave {
		w.violate("blast radius (law 16)", "%s: %s is of a later wave", a, s.file)
	}
}

// judgeInverse: a revert brings back what stood before a merge of the change
// that it takes back, where that still stands. Git may say that a pull is merged
// before its forge does.
func (w *world) judgeInverse(v *view, a promoter.Push, b promoter.Branch, s *slot, from, to string) {
	for _, o := range w.forge.pulls {
		ob, ok := promoter.ParseBranch(o.Branch)
		if !ok || ob.Change != b.Change || ob.Revert || o.State != "merged" || w.repo.objects[o.Merge] == nil {
			continue
		}
		line := w.repo.objects[o.Merge].parents
		was := len(line) > 0 && w.reads(s, line[0]) == to || s.over != nil && to == w.reads(s.over, a.Base) // an overlay gets what is shared
		if was && w.reads(s, o.Merge) == from {
			if w.reverting(s.class) == promoter.MergeNever && s.group == "" {
				w.violate("a revert needs its policy", "%s: nothing of class %s is ever taken back by us", a, s.class)
			}
			if !w.failed(v.shown, b.Change) {
				w.violate("seal what the world forgets (law 9)", "%s: nothing of the change is sealed as failed", a)
			}
			return
		}
	}
	w.violate("a revert is the inverse edit (law 12)", "%s: %s from %s to %s, which no merge of the change did", a, s.file, from, to)
}

// judgeOpen: not more pulls at once than policy says, and one for each part.
func (w *world) judgeOpen(v *view, a promoter.Open) {
	b, _ := promoter.ParseBranch(a.Branch)
	if w.unreadable("pulls") != nil {
		w.violate("ignorance moves nothing (law 6)", "%s: pulls cannot be read", a)
	}
	open, inWave := 0, 0
	for _, o := range v.shown.pulls {
		ob, ok := promoter.ParseBranch(o.Branch)
		if !ok || o.State != "open" {
			continue
		}
		if now := w.forge.pull(o.Number); now != nil && now.State != "open" {
			continue // closed by another process, of which this one does not know yet: no more than may be are open
		}
		twin := slices.ContainsFunc(v.shown.pulls, func(x *pull) bool { return x.Branch == o.Branch && x.State == "merged" }) // it is only left to be closed
		if ob.Change == b.Change && ob.Wave == b.Wave && ob.Part == b.Part && ob.Revert == b.Revert && (!b.Revert || ob.Attempt == b.Attempt) && !twin {
			w.violate("no pull request twice", "%s: #%d is open for it", a, o.Number)
		}
		slots := w.edited(o)
		if ob.Revert || len(slots) == 0 || slices.ContainsFunc(v.d.Actions, func(x promoter.Action) bool { c, ok := x.(promoter.Close); return ok && c.Number == o.Number }) {
			continue
		}
		if ob.Wave == b.Wave {
			inWave++
		}
		// What waits for people does not stand in the way of what does not, and
		// no draft in that of what is none.
		if mode, _, _ := w.consent(o, slots); (mode == promoter.MergeAutomatic) == (a.Sheet.Merge == promoter.MergeAutomatic) && (a.Draft || !o.Draft) {
			open++
		}
	}
	if b.Revert || w.meddled || len(w.tainted) > 0 || w.injected["look stale"] > 0 {
		return // people may have opened again what was closed; what is not shown is not counted
	}
	if c := w.repo.objects[a.Head]; c != nil && len(c.parents) > 0 && c.parents[0] != v.head {
		return // there was room when its branch was pushed, and the base has moved since: what has begun is finished
	}
	if most := w.policy.MaxOpen; most > 0 && open >= most {
		w.violate("the limit of open pull requests", "%s: %d are open", a, open)
	}
	if most := w.policy.Waves[max(w.waveOf(b), 0)].MaxConcurrent; most > 0 && inWave >= most {
		w.violate("the wave's limit", "%s: %d are open in it", a, inWave)
	}
}

// judgeClose: only what is known to be unwanted is closed.
func (w *world) judgeClose(v *view, a promoter.Close) {
	if w.unreadable("pulls") != nil {
		w.violate("ignorance moves nothing (law 6)", "%s: pulls cannot be read", a)
	}
	p := v.shown.pull(a.Number)
	if p == nil || slices.ContainsFunc(v.shown.pulls, func(o *pull) bool {
		return o.Branch == p.Branch && (o.State == "merged" || o.State == "closed" && o.ClosedBy != bot)
	}) {
		return // its branch was merged with another, or refused
	}
	b, _ := promoter.ParseBranch(p.Branch)
	for _, f := range v.shown.pulls { // whether or not its seals can be read now
		fb, ok := promoter.ParseBranch(f.Branch)
		if b.Revert && ok && !fb.Revert && fb.Change == b.Change && fb.Wave == b.Wave && fb.Part == b.Part && verdictOn(v.shown, f.Merge) == "failure" &&
			!w.retried(v.shown, fb) && len(w.edited(p)) > 0 && !slices.ContainsFunc(w.edited(p), func(s *slot) bool { return w.writer(s, v.head) != f.Merge }) {
			w.violate("every failure ends", "%s: what it takes back of #%d stands", a, f.Number)
		}
	}
	for _, s := range w.edited(p) {
		dark := w.in("unread", s.file)
		if s.over != nil && !w.says(s, v.head) {
			s = s.over // what is not written yet is what the shared file is asked about
		}
		if dark || w.unsure(s) {
			w.violate("ignorance moves nothing (law 6)", "%s: what %s wants is not known", a, s.file)
		}
		for _, o := range w.slots {
			stands := o.over == nil || w.says(o, v.head)
			if o.artifact == s.artifact && o != s && stands && w.precedes(o.wave, w.waveOf(b)) && w.in("dim", o.key()) && !w.failed(v.shown, b.Change) {
				w.violate("ignorance moves nothing (law 6)", "%s: what %s waits for in %s is not known", a, s.file, o.file)
			}
		}
	}
}
