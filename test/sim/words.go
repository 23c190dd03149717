package sim

import (
	"slices"
	"time"

	"promoter/promoter"
	"promoter/templates"
)

// judgeSeal: a verdict is what was seen, and nothing else.
func (w *world) judgeSeal(v *view, s promoter.Seal, branch string) {
	const law = "only positive evidence counts (law 6)"
	if s.Stage == promoter.StageReady {
		return // what it says is asked for again when it is merged
	}
	b, ok := promoter.ParseBranch(branch)
	d := w.deliveryFor(v, s)
	known := len(d.Apps) > 0
	asked := false
	var class promoter.Class = promoter.C3
	wave := -1
	if ok {
		wave = w.waveOf(b)
	}
	for _, p := range v.shown.pulls {
		if p.State == "merged" && p.Merge == s.Commit {
			asked = slices.Contains(p.Labels, promoter.RevertLabel)
			for _, x := range w.edited(p) {
				class = min(class, x.class)
			}
		}
	}
	if s.Verdict == promoter.Fail {
		bad := slices.ContainsFunc(d.Apps, func(a promoter.Convergence) bool { return a.Outcome == promoter.Failed && a.Attributable }) ||
			slices.ContainsFunc(d.Gates, func(g promoter.GateVerdict) bool { return g.Level == promoter.Fail })
		if !bad && !asked {
			w.violate("only attributable evidence reverts (law 6)", "%s is sealed as failed (%s) without any", short(s.Commit), s.Reason)
		}
		if !asked && !w.silent && branch != "" && !slices.ContainsFunc(v.obs.Records, func(r promoter.Record) bool { return r.Branch == branch }) && v.obs.TalkUnknown == "" {
			w.violate("seal what the world forgets (law 9)", "%s is sealed as failed before its evidence is written down", short(s.Commit))
		}
		return
	}
	if !known || d.Unknown != "" || len(d.Apps) == 0 {
		w.violate(law, "%s is sealed as %s: %s, and nothing was seen", short(s.Commit), s.Stage, s.Reason)
		return
	}
	done, all := 0, 0
	for _, a := range d.Apps {
		all++
		if a.Outcome == promoter.Converged {
			done++
		} else if a.Outcome != promoter.Blind {
			w.violate("the right revision or nothing (law 10)", "%s is sealed as %s, and %s in %s is %s", short(s.Commit), s.Stage, a.App, a.Environment, a.Outcome)
		}
	}
	if done < all {
		merged := w.repo.objects[s.Commit]
		if wave < 0 || w.policy.Waves[wave].Quorum == 0 || done*100 < w.policy.Waves[wave].Quorum*all || v.at.Sub(merged.at) < w.policy.Patience-w.skewed() {
			w.violate(law, "%s is sealed as %s, and %d of %d places were seen", short(s.Commit), s.Stage, done, all)
		}
	}
	if s.Stage != promoter.StageVerdict {
		return
	}
	i := slices.IndexFunc(v.shown.statuses[s.Commit], func(x statusOf) bool {
		return x.Context == promoter.Seal{Stage: promoter.StageConverged, Of: s.Of}.Context()
	})
	if i < 0 {
		w.violate("seal what the world forgets (law 9)", "%s passes before its convergence is sealed", short(s.Commit))
		return
	}
	c := v.shown.statuses[s.Commit][i]
	if b.Revert {
		return
	}
	for _, g := range d.Gates {
		if g.Level != promoter.Pass {
			w.violate(law, "%s passes, and gate %s says %s", short(s.Commit), g.Gate, g.Level)
		}
	}
	for _, r := range w.placesOf(v, s.Commit) {
		if s.Of != "" && !slices.ContainsFunc(d.Apps, func(a promoter.Convergence) bool { return a.App == r.App }) {
			continue // it is of something else that the commit brought
		}
		for _, g := range w.gatesOf(class, r) {
			at := w.perOf(g, r)
			if !slices.ContainsFunc(d.Gates, func(x promoter.GateVerdict) bool { return x.Gate == g.Name && x.At == at }) {
				w.violate(law, "%s passes, and gate %s was not asked of %s", short(s.Commit), g.Name, named(at))
			}
		}
		if !slices.ContainsFunc(d.Apps, func(a promoter.Convergence) bool {
			return a.App == r.App && a.Environment == r.Environment && a.Tenant == r.Tenant && a.Cluster == r.Cluster
		}) {
			w.violate(law, "%s passes, and nothing was said of %s", short(s.Commit), named(r))
		}
	}
	if wave >= 0 && w.stamp().Sub(c.At)+w.skewed() < w.soak(wave, class) {
		w.violate("it soaks before it passes", "%s passes after %s", short(s.Commit), w.stamp().Sub(c.At))
	}
}

// placesOf are the places that a merge reached with what still stands and can
// be read.
func (w *world) placesOf(v *view, hash string) []promoter.Reached {
	c := w.repo.objects[hash]
	if c == nil || len(c.parents) == 0 {
		return nil
	}
	var out []promoter.Reached
	for _, s := range w.differ(w.repo.objects[c.parents[0]], c) {
		if w.reads(s, v.head) != w.reads(s, hash) || w.writer(s, v.head) != hash || w.in("unread", s.file) {
			continue
		}
		for _, r := range s.reaches {
			r.Wave = 0
			out = append(out, r)
		}
	}
	return out
}

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
		case same && o.State == "closed" && !ob.Revert && !retry && !slices.Contains(o.Labels, promoter.SupersededLabel):
			w.violate("a refused version is quarantined (law 13)", "%s, although %s closed #%d", a, o.ClosedBy, o.Number)
		case o.State == "merged" && ob.Revert && !retry && w.budget(w.waveOf(ob)) == 0 && !w.attemptedSince(v.shown, o, ob):
			w.violate("a reverted version is quarantined (law 13)", "%s, although #%d took it back", a, o.Number)
		case o.State == "merged" && !ob.Revert && !retry && w.budget(w.waveOf(ob)) == 0 && verdictOn(v.shown, o.Merge) == "failure":
			w.violate("a failure freezes the change (law 8)", "%s, although #%d failed", a, o.Number)
		}
	}
	for _, e := range a.Edits {
		w.judgeEdit(v, a, b, e)
	}
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
func (w *world) judgeEdit(v *view, a promoter.Push, b promoter.Branch, e promoter.Edit) {
	i := slices.IndexFunc(w.slots, func(s *slot) bool { return s.file == e.Place.File && s.path == e.Place.Path })
	if i < 0 {
		w.violate("smallest diff (law 15)", "%s: %s is no version", a, e.Place)
		return
	}
	s := w.slots[i]
	from, to := w.reads(s, a.Base), s.version(e.To)
	n, ok := promoter.Compare(s.artifact.Kind, to, from)
	switch {
	case b.Revert:
		w.judgeInverse(v, a, b, s, from, to)
	case !ok || n <= 0:
		w.violate("forward is up", "%s: %s from %s to %s", a, s.file, from, to)
	case !slices.ContainsFunc(w.offered[s.artifact], func(r promoter.Release) bool { return r.Version == to }):
		w.violate("only what is out", "%s: %s %s is not", a, s.artifact.Name, to)
	case w.in("unlisted", s.artifact.Name):
		w.violate("ignorance moves nothing (law 6)", "%s: the versions of %s are not known", a, s.artifact.Name)
	case w.in("unread", s.file):
		w.violate("ignorance moves nothing (law 6)", "%s: %s cannot be read", a, s.file)
	}
	for _, r := range w.offered[s.artifact] {
		if r.Version == to && !b.Revert && v.at.Sub(r.Created) < s.age {
			w.violate("a release must be old enough", "%s: %s %s is %s old", a, s.artifact.Name, to, v.at.Sub(r.Created))
		}
	}
	if wave := w.waveOf(b); !b.Revert && s.wave > wave {
		w.violate("blast radius (law 16)", "%s: %s is of a later wave", a, s.file)
	}
}

// judgeInverse: a revert brings back what stood before a merge of the change
// that it takes back, where that still stands.
func (w *world) judgeInverse(v *view, a promoter.Push, b promoter.Branch, s *slot, from, to string) {
	for _, o := range v.shown.pulls {
		ob, ok := promoter.ParseBranch(o.Branch)
		if !ok || ob.Change != b.Change || ob.Revert || o.State != "merged" || w.repo.objects[o.Merge] == nil {
			continue
		}
		line := w.repo.objects[o.Merge].parents
		if len(line) > 0 && w.reads(s, o.Merge) == from && w.reads(s, line[0]) == to {
			class := w.policy.Classes[s.class].Revert
			if class == "" {
				class = w.policy.Reverts
			}
			if class == promoter.MergeNever && s.group == "" {
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
		if ob.Change == b.Change && ob.Wave == b.Wave && ob.Part == b.Part && ob.Revert == b.Revert {
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
	if b.Revert || w.meddled || len(w.tainted) > 0 {
		return // people may have opened again what was closed
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
	if p == nil {
		return
	}
	for _, s := range w.edited(p) {
		if w.in("unlisted", s.artifact.Name) || w.in("unread", s.file) {
			w.violate("ignorance moves nothing (law 6)", "%s: what %s wants is not known", a, s.file)
		}
	}
}

// judgeLabel: labels are put there because a person who may asked for it.
func (w *world) judgeLabel(v *view, a promoter.Label) {
	for _, name := range slices.Concat(a.Add, a.Remove) {
		if !slices.ContainsFunc(v.shown.comments, func(c gitopsComment) bool {
			cmd, ok := promoter.ParseCommand(c.Body)
			return ok && cmd.Wrong == "" && c.Number == a.Number && right(c.Author) == "write" && labelOf[cmd.Verb] == name
		}) {
			w.violate("text is no authority (law 3)", "%s: nobody who may has asked for it", a)
		}
	}
}

var labelOf = map[promoter.Verb]string{
	promoter.VerbHold: promoter.HoldLabel, promoter.VerbResume: promoter.HoldLabel, promoter.VerbRetry: promoter.RetryLabel, promoter.VerbRevert: promoter.RevertLabel,
}

// judgeTicket: a stop is a person's word.
func (w *world) judgeTicket(v *view, a promoter.OpenTicket) {
	if a.Stop && !slices.ContainsFunc(v.shown.comments, func(c gitopsComment) bool {
		cmd, ok := promoter.ParseCommand(c.Body)
		return ok && cmd.Wrong == "" && cmd.Verb == promoter.VerbStop && right(c.Author) == "write"
	}) {
		w.violate("text is no authority (law 3)", "%s: nobody who may has asked for it", a)
	}
}

// note remembers which places a seal is about: a commit of people's may bring
// several changes.
func (w *world) note(v *view, s promoter.Seal) {
	if s.Of == "" {
		return
	}
	var seen []string
	for _, a := range w.deliveryFor(v, s).Apps {
		seen = append(seen, named(promoter.Reached{Environment: a.Environment, Tenant: a.Tenant, Cluster: a.Cluster, App: a.App}))
	}
	w.seenFor[s.Commit+s.Context()] = seen
}

// deliveryFor is what was seen of what a seal is about.
func (w *world) deliveryFor(v *view, s promoter.Seal) promoter.Delivery {
	if d, ok := v.obs.Deliveries["delivery "+s.Commit+" "+s.Of]; ok && s.Of != "" {
		return d
	}
	return v.obs.Deliveries["delivery "+s.Commit]
}

// begged: what does not come to an end by itself ends in a person being asked.
func (w *world) begged(v *view) {
	if w.silent || v.obs.TalkUnknown != "" || v.obs.PullsUnknown != "" || v.shown != w.forge || w.rewrote {
		return
	}
	for _, p := range v.shown.pulls {
		if p.State != "merged" || p.mergedBy != bot || v.at.Sub(w.repo.objects[p.Merge].at) < 4*time.Hour || v.at.Sub(w.repo.objects[p.Merge].at) > 70*time.Hour {
			continue
		}
		if verdictOn(v.shown, p.Merge) != "" || !w.whole(p) || slices.ContainsFunc(w.edited(p), func(s *slot) bool { return w.in("unread", s.file) }) {
			continue
		}
		key := "incident " + p.Branch
		asked := slices.ContainsFunc(v.shown.issues, func(i *gitopsIssue) bool { return templates.TicketKeyOf(i.Body) == key }) ||
			slices.ContainsFunc(v.d.Actions, func(a promoter.Action) bool {
				t, ok := a.(promoter.OpenTicket)
				s, sealing := a.(promoter.WriteSeal)
				return ok && t.Key == key || sealing && s.Seal.Commit == p.Merge || isRecord(a, p.Number)
			})
		if !asked && w.refuses("statuses") == nil && w.refuses("issues") == nil && w.refuses("comments") == nil {
			w.violate("every merge is proven, or a person is asked", "#%d (%s) was merged %s ago, has no verdict, and nobody is asked", p.Number, p.Title, v.at.Sub(w.repo.objects[p.Merge].at))
		}
	}
}

func isRecord(a promoter.Action, number int) bool {
	r, ok := a.(promoter.WriteRecord)
	return ok && r.Number == number
}

// recorded: a failure that is seen is written down at once, whatever is frozen,
// held or stopped.
func (w *world) recorded(v *view) {
	for _, p := range v.shown.pulls {
		b, ok := promoter.ParseBranch(p.Branch)
		d, asked := v.obs.Deliveries["delivery "+p.Merge]
		if !ok || b.Revert || p.State != "merged" || !asked || d.Unknown != "" || verdictOn(v.shown, p.Merge) != "" || w.rewrote {
			continue
		}
		failed := slices.ContainsFunc(d.Apps, func(a promoter.Convergence) bool { return a.Outcome == promoter.Failed && a.Attributable }) ||
			slices.ContainsFunc(d.Gates, func(g promoter.GateVerdict) bool { return g.Level == promoter.Fail })
		if all := len(d.Apps); !failed || all < w.reachedBy(v, p) {
			continue // not all of it was seen
		}
		if !slices.ContainsFunc(v.d.Actions, func(a promoter.Action) bool {
			s, ok := a.(promoter.WriteSeal)
			return ok && s.Seal.Commit == p.Merge && s.Seal.Verdict == promoter.Fail || isRecord(a, p.Number)
		}) {
			w.violate("recording never waits (law 7)", "#%d (%s) is seen to fail, and nothing is written down", p.Number, p.Title)
		}
	}
}

// reachedBy is how many places are asked about for a merged pull.
func (w *world) reachedBy(v *view, p *pull) int {
	n := 0
	for _, s := range w.edited(p) {
		if w.reads(s, v.head) == w.reads(s, p.Merge) && !w.in("unread", s.file) {
			n += len(s.reaches)
		}
	}
	return n
}
