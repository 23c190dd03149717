package sim

import (
	"cmp"
	"slices"
	"strings"

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
		case promoter.CloseTicket:
			w.judgeCloseTicket(v, a)
		case promoter.EndOperation:
			w.judgeEnd(v, a)
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
		mode = w.reverting(class)
	}
	return mode, max(c.Approvals, 1), c.From
}

// reverting is how what failed of a class is taken back.
func (w *world) reverting(c promoter.Class) promoter.MergeMode {
	return cmp.Or(w.policy.Classes[c].Revert, w.policy.Reverts)
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
		if l.Label == promoter.ApprovedLabel && l.At.Add(-w.skew).After(head.at) {
			said[l.By] = true
		}
	}
	for _, c := range f.comments {
		if cmd, ok := promoter.ParseCommand(c.Body); ok && cmd.Verb == promoter.VerbApprove && c.Number == p.Number && c.At.Add(-w.skew).After(head.at) && right(c.Author) == "write" {
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
	again := false
	for _, o := range f.pulls {
		ob, ok := promoter.ParseBranch(o.Branch)
		if !ok || ob.Change != b.Change || ob.Attempt != b.Attempt {
			continue
		}
		again = again || o.State == "merged" && slices.Contains(o.Labels, promoter.RetryLabel)
		back := ob
		back.Revert = true
		lifted := slices.ContainsFunc(f.pulls, func(r *pull) bool {
			return (r == o || r.Branch == back.String()) && slices.Contains(r.Labels, promoter.RetryLabel)
		})
		if !ob.Revert && slices.Contains(o.Labels, promoter.RevertLabel) && !lifted {
			return false // who asked for it back has not said that it may go on
		}
	}
	return again
}

// overtaken reports whether a later attempt, made by a person's word, passed, or
// is to be made again itself.
func (w *world) overtaken(f *forge, b promoter.Branch) bool {
	return slices.ContainsFunc(f.pulls, func(o *pull) bool {
		ob, ok := promoter.ParseBranch(o.Branch)
		return ok && !ob.Revert && ob.Change == b.Change && ob.Wave == b.Wave && ob.Part == b.Part && ob.Attempt > b.Attempt && o.State == "merged" &&
			(verdictOn(f, o.Merge) == "success" || w.retried(f, ob))
	})
}

// verdictOn is what a commit's last word says of all that it brings: success or
// failure.
func verdictOn(f *forge, hash string) string {
	s, _ := sealed(f, hash, promoter.StageVerdict)
	return s.State
}

// sealed is the newest seal of a stage; of verdicts a failure stands, whatever
// was written after it.
func sealed(f *forge, hash string, stage promoter.Stage) (gitops.Status, bool) {
	var out gitops.Status
	for _, s := range f.statuses[hash] {
		if s.Context != (promoter.Seal{Stage: stage}).Context() || stage == promoter.StageVerdict && out.State == "failure" && s.State != "failure" {
			continue
		}
		out = s
	}
	return out, out.State != ""
}

// verdictOn is what is sealed of a slot on a commit that wrote it: of a commit
// of people's, the seals that were written when it was looked at.
func (w *world) verdictOn(f *forge, s *slot, hash string) string {
	out := ""
	for _, x := range f.statuses[hash] {
		stage, of, ok := promoter.ParseSeal(x.Context)
		if ok && stage == promoter.StageVerdict && (of == "" || slices.ContainsFunc(s.reaches, func(r promoter.Reached) bool { return slices.Contains(w.seenFor[hash+x.Context], named(r)) })) {
			if out = x.State; out == "failure" {
				return out
			}
		}
	}
	return out
}
