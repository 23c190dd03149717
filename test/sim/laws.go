package sim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"promoter/gitops"
	"promoter/promoter"
)

// judge holds a decision to the laws, by looking at the world that it was shown
// itself.
func (w *world) judge(v *view) {
	w.explained(v)
	w.begged(v)
	w.recorded(v)
	w.based = v.head
	defer func() { w.based = "" }()
	for _, a := range v.d.Actions {
		switch a := a.(type) {
		case promoter.Merge:
			w.judgeMerge(v, a)
		case promoter.WriteSeal:
			w.judgeSeal(v, a.Seal, a.Branch)
			w.note(v, a.Seal)
		case promoter.Push:
			w.judgePush(v, a)
		case promoter.Open:
			w.judgeOpen(v, a)
		case promoter.Close:
			w.judgeClose(v, a)
		case promoter.Label:
			w.judgeLabel(v, a)
		case promoter.OpenTicket:
			w.judgeTicket(v, a)
		}
		if w.broken != nil {
			return
		}
	}
}

// explained: every decision says where each version stands.
func (w *world) explained(v *view) {
	for _, t := range v.obs.Targets {
		name := t.Pin.Artifact.Name
		if !slices.ContainsFunc(v.d.Lines, func(l promoter.Line) bool {
			return (l.Subject == name || t.Group != "" && l.Subject == t.Group) && (l.Environment == t.Pin.Environment || t.Pin.Environment == "")
		}) {
			w.violate("every decision explains itself (law 14)", "nothing is said of %s in %s", name, t.Pin.Environment)
			return
		}
	}
	for _, l := range v.d.Lines {
		if l.Why == "" || l.Status == "" {
			w.violate("every decision explains itself (law 14)", "a line without a reason: %s", l)
		}
	}
	for _, l := range v.d.Lines {
		freeze, window := strings.Contains(l.Why, "the freeze "), strings.Contains(l.Why, "outside the maintenance windows")
		if (freeze || window) && !slices.ContainsFunc(w.slots, func(s *slot) bool {
			return w.policy.Waves[max(s.wave, 0)].Name == l.Wave && slices.ContainsFunc(s.reaches, func(r promoter.Reached) bool {
				return freeze && w.frozen(r) || window && !w.open(r)
			})
		}) {
			w.violate("every decision explains itself (law 14)", "it says what is not so: %s", l)
		}
	}
	if !v.d.Wake.IsZero() && !v.d.Wake.After(v.at) {
		w.violate("no memory (law 2)", "it asks to be woken at %s, which has passed", v.d.Wake)
	}
}

// edited are the slots that a pull's branch changes.
func (w *world) edited(p *pull) []*slot {
	head := w.repo.objects[p.Head]
	if head == nil {
		return nil
	}
	base := w.repo.objects[w.repo.base(p.Head, cmp.Or(w.based, w.repo.refs[trunk]))]
	if p.State == "merged" {
		base = w.repo.objects[p.before]
		head = w.repo.objects[p.Merge]
	}
	if base == nil || head == nil {
		return nil
	}
	return w.differ(base, head)
}

// differ are the slots that read something else in two commits.
func (w *world) differ(a, b *commit) []*slot {
	var out []*slot
	for _, s := range w.slots {
		if a.files[s.file] != b.files[s.file] && w.reads(s, a.hash) != w.reads(s, b.hash) {
			out = append(out, s)
		}
	}
	return out
}

// consent is how a pull may be merged, and whose word it needs.
func (w *world) consent(p *pull, slots []*slot) (mode promoter.MergeMode, count int, from []string) {
	class := promoter.C3
	for _, s := range slots {
		class = min(class, s.class)
	}
	c := w.policy.Classes[class]
	mode = c.Merge
	b, _ := promoter.ParseBranch(p.Branch)
	if b.Revert {
		mode = w.policy.Reverts
		if c.Revert != "" {
			mode = c.Revert
		}
	}
	return mode, max(c.Approvals, 1), c.From
}

// approved reports whether a pull has the word of those that it needs, as it
// is.
func (w *world) approved(f *forge, p *pull, count int, from []string) bool {
	said := map[string]bool{}
	for _, r := range p.reviews {
		if r.State == "changes_requested" {
			return false
		}
		if r.State == "approved" && r.Commit == p.Head {
			said[r.Author] = true
		}
	}
	head := w.repo.objects[p.Head]
	for _, l := range p.labelings {
		if l.Label == promoter.ApprovedLabel && l.At.After(head.at) {
			said[l.By] = true
		}
	}
	for _, c := range f.comments {
		if cmd, ok := promoter.ParseCommand(c.Body); ok && cmd.Verb == promoter.VerbApprove && c.Number == p.Number && c.At.After(head.at) && right(c.Author) == "write" {
			said[c.Author] = true
		}
	}
	n := 0
	for who := range said {
		if who != p.Author && right(who) == "write" && (len(from) == 0 || slices.Contains(from, who)) {
			n++
		}
	}
	return n >= count
}

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
		if to := w.reads(s, p.Head); w.policy.Groups[s.group].Lockstep && s.group != "" {
			for _, o := range w.slots {
				if o.group == s.group && o.wave == wave && w.reads(o, p.Head) != to && !w.in("unread", o.file) && !slices.ContainsFunc(w.offered[o.artifact], func(r promoter.Release) bool { return r.Version == to }) {
					no("a group in lockstep stays together", "to %s, which %s does not have", to, o.artifact.Name)
				}
			}
		}
		for _, r := range s.reaches {
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
		w.judgeHealth(no, s, wave)
	}
	for _, what := range []string{"talk", "seals"} {
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
		if c := w.repo.objects[o.Head]; o.State == "merged" && !ob.Revert && !c.ours && !w.rewrote {
			no("only positive evidence counts (law 6)", "although #%d was merged with something else in it", o.Number)
		}
		if o.State == "merged" && !ob.Revert && verdictOn(v.shown, o.Merge) == "failure" && !w.retried(v.shown, ob) {
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
		if o.artifact != s.artifact || !w.precedes(o.wave, wave) {
			continue
		}
		at := w.reads(o, v.head)
		if n, ok := promoter.Compare(s.artifact.Kind, at, to); (!ok || n < 0) && w.unproven(v, o, to) != "" {
			if excused[o.wave]++; excused[o.wave] > w.budgetOf(v.shown, o, b) {
				no(law, "although %s of wave %s is at %s", o.file, w.policy.Waves[o.wave].Name, at)
			}
			continue
		}
		if why := w.unproven(v, o, to); why != "" {
			if strings.HasPrefix(why, "failed") {
				if excused[o.wave]++; excused[o.wave] <= w.budgetOf(v.shown, o, b) {
					continue
				}
			}
			no(law, "although %s of wave %s has not passed: %s", o.file, w.policy.Waves[o.wave].Name, why)
		}
	}
}

// budgetOf is how many slots of a wave may stand aside for the change's
// failures within the wave's budget: those that its failed pulls changed.
func (w *world) budgetOf(f *forge, o *slot, b promoter.Branch) int {
	if w.budget(o.wave) == 0 {
		return 0
	}
	n := 0
	for _, p := range f.pulls {
		ob, ok := promoter.ParseBranch(p.Branch)
		if ok && p.State == "merged" && !ob.Revert && ob.Change == b.Change && w.waveOf(ob) == o.wave && verdictOn(f, p.Merge) == "failure" {
			n += len(w.edited(p))
		}
	}
	return n
}

// unproven says why a version has not passed where a slot has it, or had it;
// "" when it has, or when it has stood there for long. What passed once may
// have been left since: for a newer version, or by a revert.
func (w *world) unproven(v *view, s *slot, to string) string {
	first := ""
	for _, o := range v.shown.pulls { // of a history that was rewritten since
		if w.rewrote && o.State == "merged" && w.reads(s, o.Merge) == to && w.verdictOn(v.shown, s, o.Merge) == "success" {
			return ""
		}
	}
	for h := v.head; ; {
		c := w.repo.objects[h]
		if len(c.parents) == 0 || v.at.Sub(c.at) > 72*time.Hour {
			if n, ok := promoter.Compare(s.artifact.Kind, w.reads(s, h), to); ok && n >= 0 {
				return ""
			}
			return cmp.Or(first, to+" was never there")
		}
		at := w.reads(s, h)
		if n, ok := promoter.Compare(s.artifact.Kind, at, to); ok && n >= 0 && at != w.reads(s, c.parents[0]) {
			switch w.verdictOn(v.shown, s, h) {
			case "success":
				return ""
			case "failure":
				first = cmp.Or(first, "failed as commit "+short(h))
			}
			first = cmp.Or(first, "no verdict on commit "+short(h))
		}
		h = c.parents[0]
	}
}

// judgeHealth: what a merge reaches, and the waves before it, are seen to be
// well.
func (w *world) judgeHealth(no func(law, format string, args ...any), s *slot, wave int) {
	for _, o := range w.slots {
		own := o == s
		if o.artifact != s.artifact || !own && !w.precedes(o.wave, wave) {
			continue
		}
		for _, r := range o.reaches {
			r.Wave = 0
			why, _, _ := w.ill(r)
			set := w.policy.Waves[o.wave].Quorum > 0 || w.budget(o.wave) > 0
			switch name := named(r); {
			case own && (w.in("blind", name) || w.in("gone", name)), !own && !set && (w.in("blind", name) || w.in("gone", name)):
				no("ignorance moves nothing (law 6)", "although nothing is known of %s", name)
			case w.in("engine", ""):
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

// judgeRevert: only what is sealed as failed is taken back.
func (w *world) judgeRevert(v *view, a promoter.Merge, p *pull, b promoter.Branch) {
	if slices.Contains(p.Labels, promoter.HoldLabel) {
		w.violate(forward, "%s: a person holds it", a)
	}
	if !w.failed(v.shown, b.Change) {
		w.violate("seal what the world forgets (law 9)", "%s: nothing of the change is sealed as failed", a)
	}
}

// failed reports whether a verdict of failure is written on a merge of the
// change.
func (w *world) failed(f *forge, change string) bool {
	return slices.ContainsFunc(f.pulls, func(o *pull) bool {
		ob, ok := promoter.ParseBranch(o.Branch)
		return ok && ob.Change == change && !ob.Revert && o.State == "merged" &&
			(verdictOn(f, o.Merge) == "failure" || slices.Contains(o.Labels, promoter.RevertLabel)) // a person's word is written down, too
	})
}

// askedBack reports whether a person asked for this revert.
func (w *world) askedBack(f *forge, b promoter.Branch) bool {
	return slices.ContainsFunc(f.pulls, func(o *pull) bool {
		ob, ok := promoter.ParseBranch(o.Branch)
		return ok && ob.Change == b.Change && !ob.Revert && ob.Wave == b.Wave && ob.Part == b.Part && slices.Contains(o.Labels, promoter.RevertLabel)
	})
}

func (w *world) retried(f *forge, b promoter.Branch) bool {
	return slices.ContainsFunc(f.pulls, func(o *pull) bool {
		ob, ok := promoter.ParseBranch(o.Branch)
		return ok && ob.Change == b.Change && ob.Attempt == b.Attempt && o.State == "merged" && slices.Contains(o.Labels, promoter.RetryLabel)
	})
}

// verdictOn is what a commit's last word says of all that it brings: success or
// failure.
func verdictOn(f *forge, hash string) string {
	s, _ := sealed(f, hash, promoter.StageVerdict)
	return s.State
}

func sealed(f *forge, hash string, stage promoter.Stage) (gitops.Status, bool) {
	for _, s := range f.statuses[hash] {
		if s.Context == (promoter.Seal{Stage: stage}).Context() {
			return s, true
		}
	}
	return gitops.Status{}, false
}

// verdictOn is what is sealed of a slot on a commit that wrote it: of a commit
// of people's, the seals that were written when it was looked at.
func (w *world) verdictOn(f *forge, s *slot, hash string) string {
	out := ""
	for _, x := range f.statuses[hash] {
		stage, of, ok := promoter.ParseSeal(x.Context)
		if ok && stage == promoter.StageVerdict && (of == "" || slices.Contains(w.seenFor[hash+x.Context], named(s.reaches[0]))) {
			if out = x.State; out == "failure" {
				return out
			}
		}
	}
	return out
}
