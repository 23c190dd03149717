package sim

import (
	"slices"
	"strings"
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
	if why := v.obs.Sealings[s.Commit].Unknown; why != "" {
		w.violate("ignorance moves nothing (law 6)", "%s is sealed as %s, and what is sealed on it cannot be read: %s", short(s.Commit), s.Stage, why)
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
				if w.writer(x, v.head) == s.Commit {
					class = min(class, x.class)
				}
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
		if s.Of != "" && !slices.ContainsFunc(d.Apps, func(a promoter.Convergence) bool { return a.App == r.App && a.Environment == r.Environment }) {
			continue // it is of something else that the commit brought, or of another wave
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
	if wave >= 0 && w.stamp().Sub(c.At)+time.Minute < w.soak(wave, class) {
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
		if w.reads(s, v.head) != w.reads(s, hash) || w.writer(s, v.head) != hash || w.in("unread", s.file) || !w.says(s, hash) {
			continue
		}
		for _, r := range w.reachOf(s, v.head) {
			r.Wave = 0
			out = append(out, r)
		}
	}
	return out
}

// judgeLabel: labels are put there because a person who may asked for it.
func (w *world) judgeLabel(v *view, a promoter.Label) {
	if p := v.shown.pull(a.Number); p != nil && p.State != "merged" && slices.Contains(a.Add, promoter.RevertLabel) {
		w.violate("a revert takes back what was merged (law 12)", "%s: it is %s", a, p.State)
	}
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

// judgeEnd: what an engine is doing is ended where policy says so, to let a revert
// in that was merged and stands, and nowhere else.
func (w *world) judgeEnd(v *view, a promoter.EndOperation) {
	const law = "an operation is ended only for a revert"
	p := v.shown.pull(a.Number)
	if p == nil {
		w.violate(law, "%s: #%d is not known", a, a.Number)
		return
	}
	b, ok := promoter.ParseBranch(p.Branch)
	here := slices.ContainsFunc(w.placesOf(v, a.Commit), func(r promoter.Reached) bool {
		return r.App == a.App && r.Environment == a.Environment && r.Cluster == a.Cluster
	})
	switch {
	case !w.policy.Ends:
		w.violate(law, "%s, and policy says nothing of it", a)
	case !ok || !b.Revert || w.forge.pull(a.Number).State != "merged" || w.forge.pull(a.Number).Merge != a.Commit:
		w.violate(law, "%s, and #%d is no merged revert", a, a.Number)
	case !here:
		w.violate(law, "%s: nothing that #%d took back stands there", a, a.Number)
	}
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

// judgeCloseTicket: a person is let go when the need is seen to be gone.
func (w *world) judgeCloseTicket(v *view, a promoter.CloseTicket) {
	branch, ok := strings.CutPrefix(a.Key, "incident ")
	if !ok {
		return
	}
	for _, p := range v.shown.pulls {
		if p.Branch != branch || p.State != "merged" || w.repo.objects[p.Merge] == nil || slices.Contains(p.Labels, promoter.RevertLabel) {
			continue
		}
		if b, _ := promoter.ParseBranch(branch); !w.asClaimed(p) && !slices.ContainsFunc(v.d.Lines, func(l promoter.Line) bool {
			return l.Change == b.Change && l.Status != promoter.Current && l.Status != promoter.Passed
		}) {
			continue // nobody knows what it was, and it has nowhere to go any more
		}
		for _, s := range w.edited(p) {
			stands := w.writer(s, v.head) == p.Merge
			switch d := v.obs.Deliveries["delivery "+p.Merge]; {
			case w.in("unread", s.file):
				w.violate("ignorance moves nothing (law 6)", "%s: %s cannot be read", a, s.file)
			case stands && verdictOn(v.shown, p.Merge) == "" && (w.unreadable("seals of merges") != nil || w.mute() || d.Unknown != ""):
				w.violate("ignorance moves nothing (law 6)", "%s: nothing is known of #%d", a, p.Number)
			}
		}
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
			n += len(w.reachOf(s, v.head))
		}
	}
	return n
}
