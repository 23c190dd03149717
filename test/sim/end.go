package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"promoter/gitops"
	"promoter/promoter"
	"promoter/promoter/config"
	"promoter/templates"
)

type statusOf = gitops.Status

func replaced(file, app string) string { return strings.ReplaceAll(file, "APP", app) }

func (w *world) waveOfPlace(g ground) int {
	at, ok := w.cfg.Locate(replaced(g.file, "x"), "", g.at.Cluster)
	if !ok {
		at = config.Located{Name: g.at.Environment, Tenant: g.at.Tenant, Cluster: g.at.Cluster}
	}
	return w.cfg.WaveOf(at, w.policy.Waves)
}

// bound is how long all of it may take once nothing is wrong any more: a story
// whose windows open once a day goes through four waves.
const bound = 9 * 24 * time.Hour

// tail lets everything come to an end: nothing is wrong any more, people lift
// what they stopped and approve what is asked of them. What must have ended by
// then has.
func (w *world) tail() {
	if w.broken != nil {
		return
	}
	w.tell("-- from here on nothing is wrong")
	for i := range w.troubles {
		w.troubles[i].to = earlier(w.troubles[i].to, w.now)
	}
	w.troubles, w.armed, w.awaits, w.plans = nil, nil, nil, nil
	w.pending, w.stales, w.wounding, w.tardy = nil, nil, nil, nil
	for _, i := range w.forge.issues {
		if slices.Contains(i.Labels, promoter.StopLabel) {
			i.Open = false
		}
	}
	for _, p := range w.forge.pulls {
		w.unlabel(p.Number, promoter.HoldLabel)
		p.reviews = slices.DeleteFunc(p.reviews, func(r gitops.Review) bool { return r.State == "changes_requested" })
		if p.State == "open" {
			p.Draft = p.Draft && w.policy.Ahead
		}
	}
	for _, c := range w.forge.comments { // a stop that is not obeyed yet, or a hold, is lifted as soon as it is
		_ = c
	}
	end, quiet := w.now.Add(bound), 0
	for w.broken == nil && w.now.Before(end) && quiet < 3 {
		before, done := w.looks, sumOf(w.acted)
		w.lift()
		w.turn()
		at := w.repo.refs[trunk]
		w.review()
		w.byHand()
		if w.looks-before == 1 && sumOf(w.acted) == done && at == w.repo.refs[trunk] {
			quiet++
		} else {
			quiet = 0
		}
		if len(w.delayed) > 0 {
			quiet = 0
		}
		next := w.soon()
		if at := w.last.Wake; quiet > 0 && at.After(w.now) && w.again_.Before(w.now) && len(w.delayed) == 0 {
			next, quiet = at, 0 // it waits, and says until when
		}
		w.now = next
	}
	if w.broken != nil {
		return
	}
	if quiet < 3 && !w.now.Before(end) {
		w.violate("quiescence", "it is still busy after %s: %v", bound, spoken(w.last)[0])
		return
	}
	w.ended()
}

func sumOf(m map[string]int) int {
	n := 0
	for _, x := range m {
		n += x
	}
	return n
}

// lift is what people do who want things to go on.
func (w *world) lift() {
	for _, i := range w.forge.issues {
		if slices.Contains(i.Labels, promoter.StopLabel) {
			i.Open = false
		}
	}
	for _, p := range w.forge.pulls {
		w.unlabel(p.Number, promoter.HoldLabel)
	}
}

// byHand is what people do whose word a merge waits for.
func (w *world) byHand() {
	for _, p := range w.pulls("open") {
		slots := w.edited(p)
		b, ok := promoter.ParseBranch(p.Branch)
		if p.Draft || len(slots) == 0 || !ok || p.queued {
			continue
		}
		c := w.repo.objects[p.Head]
		if mode, _, _ := w.consent(p, slots); mode != promoter.MergeManual || !c.ours {
			continue
		}
		// They see to it that it is its turn, as the pull says.
		waits := slices.ContainsFunc(w.last.Lines, func(l promoter.Line) bool {
			return l.Pull == p.Number && !strings.Contains(l.Why, "a person merges it")
		})
		if !waits || b.Revert {
			_, _ = w.merge(p, people[0], gitops.Merge{Method: "merge", Title: p.Title, Message: "by hand"})
		}
	}
}

// ended holds the end of a story to what must have come of it.
func (w *world) ended() {
	for _, p := range w.forge.pulls {
		b, ok := promoter.ParseBranch(p.Branch)
		if !ok || p.State != "merged" || w.edits(p) == nil || !w.repo.holds(p.Merge, w.repo.refs[trunk]) {
			continue
		}
		head := w.repo.refs[trunk]
		stands := slices.ContainsFunc(w.edited(p), func(s *slot) bool { return w.writer(s, head) == p.Merge && w.says(s, head) })
		verdict := verdictOn(w.forge, p.Merge)
		asked := slices.ContainsFunc(w.forge.issues, func(i *gitops.Issue) bool {
			return templates.TicketKeyOf(i.Body) == "incident "+p.Branch
		})
		told := slices.ContainsFunc(w.last.Lines, func(l promoter.Line) bool {
			return l.Pull == p.Number && strings.Contains(l.Why, "person") || strings.Contains(l.Why, fmt.Sprintf("#%d", p.Number)) && strings.Contains(l.Why, "person")
		})
		waits := slices.ContainsFunc(w.last.Lines, func(l promoter.Line) bool {
			return l.Change == b.Change && l.Status == promoter.Reverting && strings.Contains(l.Why, "person")
		})
		if verdict == "failure" && stands && !b.Revert && !w.retried(w.forge, b) && !asked && !told && !waits {
			w.violate("every attributable failure ends in the previous version, or in a person being asked",
				"#%d (%s) failed, still stands, and nobody is asked", p.Number, p.Title)
		}
		if stands && !b.Revert && slices.Contains(p.Labels, promoter.RevertLabel) && verdict != "failure" && !w.rewrote {
			w.violate("a person's word is final (law 1)", "#%d (%s) is to be taken back, and is not sealed so: %q", p.Number, p.Title, verdict)
		}
		if verdict == "" && stands && !asked && !told && w.now.Sub(p.MergedAt) < 71*time.Hour && w.whole(p) && p.mergedBy == bot && !w.rewrote {
			w.violate("every merge is proven, or a person is asked", "#%d (%s) was merged %s ago, and has no verdict", p.Number, p.Title, w.now.Sub(p.MergedAt))
		}
	}
	for _, s := range w.slots {
		w.arrived(s)
	}
	w.settled()
	w.onlyOnce()
}

// settled: where everything can be read, nothing is said not to be known, and
// what a failure takes back with it is taken back.
func (w *world) settled() {
	for _, l := range w.last.Lines {
		for _, words := range []string{"cannot be read", "could not be read", "cannot be found", "not read yet", "not looked at yet", "not looked up yet", "does not answer", "can be looked up"} {
			if strings.Contains(l.Why, words) {
				w.violate("every decision explains itself (law 14)", "all can be read, and it says: %s", l)
			}
		}
	}
	if w.rewrote || w.silent {
		return
	}
	head := w.repo.refs[trunk]
	stands := func(p *pull) bool {
		slots := w.edited(p)
		return len(slots) > 0 && !slices.ContainsFunc(slots, func(s *slot) bool { return w.writer(s, head) != p.Merge })
	}
	for _, f := range w.forge.pulls {
		fb, ok := promoter.ParseBranch(f.Branch)
		if !ok || fb.Revert || f.State != "merged" || verdictOn(w.forge, f.Merge) != "failure" || w.retried(w.forge, fb) || w.budget(w.waveOf(fb)) > 0 || w.policy.RevertScope == promoter.RevertFailed {
			continue
		}
		back := fb
		back.Revert = true
		if r := w.newest(back.String()); !stands(f) && (r == nil || r.State != "merged" || !stands(r) || !w.asClaimed(r)) {
			continue // people have taken it over
		}
		for _, p := range w.forge.pulls {
			b, ok := promoter.ParseBranch(p.Branch)
			if !ok || p == f || b.Revert || p.State != "merged" || b.Change != fb.Change || p.MergedAt.After(f.MergedAt) || w.edits(p) == nil || !stands(p) {
				continue
			}
			wide := w.policy.RevertScope == promoter.RevertChange || w.waveOf(b) >= w.waveOf(fb)
			asked := slices.ContainsFunc(w.forge.issues, func(i *gitops.Issue) bool {
				return templates.TicketKeyOf(i.Body) == "incident "+p.Branch
			})
			told := slices.ContainsFunc(w.last.Lines, func(l promoter.Line) bool {
				return l.Change == b.Change && (l.Status == promoter.Reverting || l.Pull == p.Number) && strings.Contains(l.Why, "person")
			})
			if wide && !asked && !told {
				w.violate("what policy says is taken back with a failure is", "#%d (%s) stands, #%d failed, and the scope is %s", p.Number, p.Title, f.Number, w.policy.RevertScope)
			}
		}
	}
}

// onlyOnce: at rest, nothing of ours stands twice: no comment, no open issue,
// no open pull.
func (w *world) onlyOnce() {
	seen := map[string]bool{}
	once := func(what string) {
		if seen[what] {
			w.violate("nothing twice (law 4)", "%s stands twice", what)
		}
		seen[what] = true
	}
	for _, c := range w.forge.comments {
		if c.Author != bot {
			continue
		}
		if to, ok := templates.RepliesTo(c.Body); ok {
			once(fmt.Sprintf("the answer to comment %d", to))
		}
		if r, ok := templates.RecordOf(c.Body); ok {
			once(fmt.Sprintf("the record of %s on #%d", r.Branch, c.Number))
		}
	}
	for _, i := range w.forge.issues { // also after one that was closed: it was closed for the same
		key := templates.TicketKeyOf(i.Body)
		if incident := strings.HasPrefix(key, "incident"); i.Author == bot && (i.Open && key != "" || incident) {
			if i.Open || !seen["an issue for "+key] {
				once("an issue for " + key)
			}
		}
	}
	for _, p := range w.pulls("open") {
		once("a pull of " + p.Branch)
	}
}

// whole reports whether nothing of what a merge wrote was taken away since. One
// that wrote nothing, because a person had done it before it was merged, has
// nothing to prove.
func (w *world) whole(p *pull) bool {
	return len(w.edited(p)) > 0 && !slices.ContainsFunc(w.edited(p), func(s *slot) bool {
		return w.writer(s, w.repo.refs[trunk]) != p.Merge || w.says(s, p.Merge) && !w.says(s, w.repo.refs[trunk])
	})
}

// arrived: faults have stopped, and what may go forward has.
func (w *world) arrived(s *slot) {
	if s.wave < 0 || w.tainted[s.artifact.Name] || w.meddled || s.group != "" && len(w.tainted) > 0 {
		return
	}
	head := w.repo.refs[trunk]
	at := w.reads(s, head)
	want := at
	for _, r := range w.offered[s.artifact] {
		if n, ok := w.compare(s, s.full(r), want); ok && n > 0 {
			want = s.full(r)
		}
	}
	if at == want {
		return
	}
	// A failure anywhere keeps a change where it is; what people were asked for
	// and did not do, too.
	for _, p := range w.forge.pulls {
		if verdictOn(w.forge, p.Merge) == "failure" && w.sameUnit(p, s) {
			return
		}
	}
	if s.group != "" {
		return // its members wait for each other
	}
	if b := slices.IndexFunc(w.bad, func(b badness) bool { return b.artifact == s.artifact }); b >= 0 {
		return // it may be ill in a way that nobody is to blame for
	}
	var why []string
	for _, l := range w.last.Lines {
		if l.Subject == s.artifact.Name {
			why = append(why, l.String())
		}
	}
	if slices.ContainsFunc(why, func(t string) bool {
		return strings.Contains(t, "a person merges it") || len(w.tainted)+len(w.bad) > 0 && strings.Contains(t, "the most that may be")
	}) {
		return
	}
	w.violate("liveness", "%s is at %s and not at %s, and nothing is in the way:\n  %s", s.file, at, want, strings.Join(why, "\n  "))
}

// sameUnit reports whether a pull changed what moves with a slot.
func (w *world) sameUnit(p *pull, s *slot) bool {
	return slices.ContainsFunc(w.edited(p), func(o *slot) bool { return o.artifact == s.artifact || o.group != "" && o.group == s.group })
}

// end is where a story ended: what the base branch reads, and what was sealed.
func (w *world) end() string {
	var out []string
	for _, s := range w.slots {
		out = append(out, s.file+" "+s.artifact.Name+" "+w.reads(s, w.repo.refs[trunk]))
	}
	return strings.Join(out, "\n")
}
