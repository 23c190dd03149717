package sim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"promoter/promoter"
)

const forward = "advance waits for everything (law 7)"

// judgeMerge holds a merge to the world as it was shown.
func (w *world) judgeMerge(v *view, a promoter.Merge) {
	p := v.shown.pull(a.Number)
	if p == nil || p.State != "open" {
		w.violate("act, then look (law 5)", "%s: it is not shown as open", a)
		return
	}
	b, ok := promoter.ParseBranch(p.Branch)
	slots := w.edited(p)
	if !ok || len(slots) == 0 {
		w.violate("only what it would write itself (law 11)", "%s: it changes no version", a)
		return
	}
	if p.Draft {
		w.violate(forward, "%s: it is a draft", a)
	}
	if head := w.repo.objects[p.Head]; len(head.parents) == 1 {
		for name, text := range head.files {
			if was := w.repo.objects[head.parents[0]].files[name]; was != text && w.repo.objects[v.head].files[name] != was {
				w.violate("only what it would write itself (law 11)", "%s: %s has changed on the base branch since", a, name)
			}
		}
	}
	if err := w.unreadable("pulls"); err != nil {
		w.violate("ignorance moves nothing (law 6)", "%s: pulls cannot be read", a)
	}
	mode, count, from := w.consent(p, slots)
	asked := b.Revert && w.askedBack(v.shown, b)
	switch {
	case mode == promoter.MergeAutomatic || mode == promoter.MergeApproved && asked:
	case mode != promoter.MergeApproved:
		w.violate("its approvals", "%s: its class is merged by hand (%s)", a, mode)
	case !w.approved(v.shown, p, count, from):
		w.violate("its approvals", "%s: it has not the word of %d of %v", a, count, from)
	}
	if b.Revert {
		w.judgeRevert(v, a, p, b)
		return
	}
	w.judgeForward(v, a, p, b, slots)
}

// judgeForward: everything must be seen to be good for a step forward.
func (w *world) judgeForward(v *view, a promoter.Merge, p *pull, b promoter.Branch, slots []*slot) {
	no := func(law, format string, args ...any) {
		w.violate(law, "%s %s", a, fmt.Sprintf(format, args...))
	}
	wave := w.waveOf(b)
	lane := slices.ContainsFunc(slots, func(s *slot) bool { return s.security })
	for _, s := range slots {
		if to := bare(w.reads(s, p.Head)); w.policy.Groups[s.group].Lockstep && s.group != "" {
			for _, o := range w.slots {
				if o.group == s.group && o.wave == wave && bare(w.reads(o, p.Head)) != to && !w.in("unread", o.file) && !slices.ContainsFunc(w.offered[o.artifact], func(r promoter.Release) bool { return r.Version == bare(to) }) {
					no("a group in lockstep stays together", "to %s, which %s does not have", to, o.artifact.Name)
				}
			}
		}
		for _, r := range w.reachOf(s, p.Head) {
			if w.frozen(r) {
				no("nothing merges in a freeze", "while %s is frozen", r.Environment)
			}
			if !lane && !w.open(r) {
				no("nothing merges outside of its windows", "while the windows of %s are closed", r.Environment)
			}
			if r.Wave > wave {
				no("blast radius (law 16)", "reaches %s of a later wave", r.Environment)
			}
			if w.stopped(v.shown, r) {
				no(forward, "although a person stopped %s", r.Environment)
			}
		}
		if w.reads(s, p.Head) == w.reads(s, v.head) {
			no("only what it would write itself (law 11)", "although %s reads that already", s.file)
		}
		w.judgeWaves(v, no, s, w.reads(s, p.Head), wave, b)
		w.judgeHealth(v, no, s, wave, p.Head)
	}
	for _, what := range []string{"talk", "seals", "seals of heads"} {
		if w.unreadable(what) != nil && !w.silent {
			no("ignorance moves nothing (law 6)", "although %s cannot be read", what)
		}
	}
	w.judgeChange(v, no, b)
	if !w.ready(v.shown, p.Head) {
		no("seal what the world forgets (law 9)", "without a fresh seal that what it reaches is well")
	}
	if most := w.policy.Waves[wave].MaxConcurrent; most > 0 {
		if n := w.inFlight(v, wave, p); n >= most {
			no("the wave's limit", "although %d of its wave are not proven yet", n)
		}
	}
}

// judgeChange: a change that is held or has failed goes nowhere.
func (w *world) judgeChange(v *view, no func(law, format string, args ...any), b promoter.Branch) {
	failures := map[int]int{}
	for _, o := range v.shown.pulls {
		ob, ok := promoter.ParseBranch(o.Branch)
		if !ok || ob.Change != b.Change {
			continue
		}
		if slices.Contains(o.Labels, promoter.HoldLabel) && o.State != "closed" {
			no(forward, "although #%d holds it", o.Number)
		}
		if c := w.repo.objects[o.Head]; o.State == "merged" && !ob.Revert && !c.ours && !w.rewrote && !w.asClaimed(o) {
			no("only positive evidence counts (law 6)", "although #%d was merged with something else in it", o.Number)
		}
		if o.State == "merged" && !ob.Revert && verdictOn(v.shown, o.Merge) == "failure" && !w.overtaken(v.shown, ob) && !w.retried(v.shown, ob) {
			failures[w.waveOf(ob)]++
		}
	}
	for _, at := range sortedKeys(failures) {
		if n := failures[at]; n > w.budget(at) {
			no("a failure freezes the change (law 8)", "although it failed %d times in wave %s", n, w.policy.Waves[at].Name)
		}
	}
}

// budget is how many of a wave's pulls may fail.
func (w *world) budget(wave int) int {
	x := w.policy.Waves[wave]
	most := x.MaxFailures
	if x.MaxFailuresPercent > 0 {
		most = max(most, w.parts(wave)*x.MaxFailuresPercent/100)
	}
	return most
}

// parts is the most pulls that a wave may be split into.
func (w *world) parts(wave int) int {
	seen := map[string]bool{}
	for _, s := range w.slots {
		if s.wave == wave {
			seen[named(s.at)] = true
		}
	}
	return len(seen)
}

// judgeWaves: what a merge brings must have passed every wave before.
func (w *world) judgeWaves(v *view, no func(law, format string, args ...any), s *slot, to string, wave int, b promoter.Branch) {
	const law = "nothing reaches a wave before it has passed the one before"
	excused := map[int]int{}
	if slices.ContainsFunc(v.shown.pulls, func(p *pull) bool {
		ob, ok := promoter.ParseBranch(p.Branch)
		return ok && ob.Change == b.Change && w.retried(v.shown, ob)
	}) {
		return // a person decided to go on with it
	}
	for _, o := range w.slots {
		if o.artifact != s.artifact || !w.precedes(o.wave, wave) || o.over != nil && !w.says(o, v.head) && !w.apart(o) {
			continue
		}
		at := w.reads(o, v.head)
		if n, ok := w.compare(s, at, to); (!ok || n < 0) && w.unproven(v, o, to) != "" {
			if excused[o.wave]++; excused[o.wave] > w.budgetOf(v.shown, o, b, to) {
				no(law, "although %s of wave %s is at %s", o.file, w.policy.Waves[o.wave].Name, at)
			}
			continue
		}
		if why := w.unproven(v, o, to); why != "" {
			if strings.HasPrefix(why, "failed") {
				if excused[o.wave]++; excused[o.wave] <= w.budgetOf(v.shown, o, b, to) {
					continue
				}
			}
			no(law, "although %s of wave %s has not passed: %s", o.file, w.policy.Waves[o.wave].Name, why)
		}
	}
}

// apart reports whether an overlay that says nothing is to be written before
// what it lies over is.
func (w *world) apart(o *slot) bool {
	return w.policy.SplitBase && o.over.digest == none && !w.in("unread", o.file) && !w.in("unread", o.over.file)
}

// budgetOf is how many slots of a wave may stand aside for the change's
// failures within the wave's budget: those that its failed pulls changed.
func (w *world) budgetOf(f *forge, o *slot, b promoter.Branch, to string) int {
	if w.budget(o.wave) == 0 {
		return 0
	}
	n := 0
	for _, p := range f.pulls {
		ob, ok := promoter.ParseBranch(p.Branch)
		brought := func(x *slot) bool { return x.artifact == o.artifact && bare(w.reads(x, p.Merge)) == bare(to) }
		if ok && p.State == "merged" && !ob.Revert && w.waveOf(ob) == o.wave && (verdictOn(f, p.Merge) == "failure" || slices.Contains(p.Labels, promoter.RevertLabel)) && (ob.Change == b.Change || slices.ContainsFunc(w.edited(p), brought)) {
			n += len(w.edited(p))
		}
	}
	return n
}

// unproven says why a version has not passed where a slot has it, or had it;
// "" when it has, or when it has stood there for long. What passed once may
// have been left since: for a newer version, or by a revert.
func (w *world) unproven(v *view, s *slot, to string) string {
	first, failed := "", ""
	for _, o := range v.shown.pulls { // of a history that was rewritten since
		if !w.rewrote || o.State != "merged" || bare(w.reads(s, o.Merge)) != bare(to) {
			continue
		}
		switch w.verdictOn(v.shown, s, o.Merge) {
		case "success":
			return ""
		case "failure":
			failed = "failed as commit " + short(o.Merge)
		}
	}
	for h := v.head; ; {
		c := w.repo.objects[h]
		if len(c.parents) == 0 || v.at.Sub(c.at) > 72*time.Hour {
			if n, ok := w.compare(s, w.reads(s, h), to); ok && n >= 0 {
				return ""
			}
			return cmp.Or(failed, first, to+" was never there")
		}
		at := w.reads(s, h)
		if n, ok := w.compare(s, at, to); ok && n >= 0 && at != w.reads(s, c.parents[0]) {
			verdict := w.verdictOn(v.shown, s, h)
			if w.isRevert(h) && !w.broughtByHand(s, c.parents[0], to) {
				verdict = "" // it is proven to have restored something, not that this is any good
			}
			switch verdict {
			case "success":
				return ""
			case "failure":
				if p := w.mergedAs(h); p != nil {
					if b, _ := promoter.ParseBranch(p.Branch); w.retried(v.shown, b) {
						return "" // a person decided to go on with it
					}
				}
				failed = cmp.Or(failed, "failed as commit "+short(h))
			}
			first = cmp.Or(first, "no verdict on commit "+short(h))
		} else if ok && n >= 0 && w.provenByHand(v.shown, s, h) {
			return "" // a later commit of a person's, with the same in it
		}
		h = c.parents[0]
	}
}

// broughtByHand reports whether the last that brought a version to a slot, up
// to a commit, was no merge of ours. Of that only the history could tell whether
// it was any good.
func (w *world) broughtByHand(s *slot, head, to string) bool {
	for h := head; ; {
		c := w.repo.objects[h]
		if len(c.parents) == 0 {
			return true
		}
		if at := w.reads(s, h); bare(at) == bare(to) && at != w.reads(s, c.parents[0]) && !w.isRevert(h) {
			return w.mergedAs(h) == nil
		}
		h = c.parents[0]
	}
}

// isRevert reports whether a commit is the merge of a revert of ours.
func (w *world) isRevert(hash string) bool {
	return slices.ContainsFunc(w.forge.pulls, func(p *pull) bool {
		b, ok := promoter.ParseBranch(p.Branch)
		return ok && b.Revert && p.Merge == hash
	})
}

// provenByHand reports whether a person's commit was seen to be good at a slot.
func (w *world) provenByHand(f *forge, s *slot, hash string) bool {
	return slices.ContainsFunc(f.statuses[hash], func(x statusOf) bool {
		stage, of, ok := promoter.ParseSeal(x.Context)
		return ok && stage == promoter.StageVerdict && of != "" && x.State == "success" &&
			slices.ContainsFunc(s.reaches, func(r promoter.Reached) bool { return slices.Contains(w.seenFor[hash+x.Context], named(r)) })
	})
}

// judgeHealth: what a merge reaches, and the waves before it, are seen to be
// well.
func (w *world) judgeHealth(v *view, no func(law, format string, args ...any), s *slot, wave int, head string) {
	for _, o := range w.slots {
		own := o == s
		if o.artifact != s.artifact || !own && !w.precedes(o.wave, wave) {
			continue
		}
		at := v.head
		if own {
			at = head
		}
		for _, r := range w.reachOf(o, at) {
			if own && o.over == nil && !slices.Contains(w.reachOf(o, v.head), r) {
				continue // an overlay that the base has meanwhile: both stand once it is merged
			}
			r.Wave = 0
			why, _, _ := w.ill(r)
			set := w.policy.Waves[o.wave].Quorum > 0 || w.budget(o.wave) > 0
			switch name := named(r); {
			case own && (w.in("blind", name) || w.in("gone", name)), !own && !set && (w.in("blind", name) || w.in("gone", name)):
				no("ignorance moves nothing (law 6)", "although nothing is known of %s", name)
			case w.mute():
				no("ignorance moves nothing (law 6)", "although the engine does not answer")
			case why != "" && (own || w.budget(o.wave) == 0):
				no(forward, "although %s is ill", name)
			case w.in("blocked", name) && (own || w.budget(o.wave) == 0):
				no(forward, "although %s is blocked", name)
			}
			if !own {
				continue
			}
			for _, g := range w.gatesOf(s.class, r) {
				if place := named(w.perOf(g, r)); w.in("dark", "") || w.in("dark", place) || w.in("nan", "") || w.in("nan", place) {
					no("ignorance moves nothing (law 6)", "although gate %s cannot see %s", g.Name, place)
				}
			}
		}
	}
}
