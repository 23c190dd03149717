package promoter

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// readyFor is how long it counts that what a merge reaches was seen to be
// well.
const readyFor = 15 * time.Minute

// blocker is what stands between an open pull and its merge.
type blocker struct {
	why    string
	brief  string // the same in words that do not change with every look; why when empty
	until  time.Time
	person bool // a person's turn: nothing that we wait for
}

// advance merges an open pull that is as it should be, or says what it waits
// for. It is called once for each pull, after the words about it are known.
func (p *planner) advance(x proposal, pull *Pull) (Action, blocker) {
	if !p.pol.Delivers {
		return nil, blocker{why: "a person merges it", person: true}
	}
	if b := p.hindered(x, pull); b.why != "" {
		p.wake(b.until)
		return nil, b
	}
	if x.revert {
		return p.mergeAction(x, pull), blocker{}
	}
	seals, ok := p.obs.Sealings[pull.Head]
	switch {
	case !ok:
		p.question(Question{About: AboutSeals, Key: pull.Head, Commit: pull.Head, Pull: pull.Number, Branch: pull.Branch})
		return nil, blocker{why: "the seals on its head are not read yet"}
	case seals.Unknown != "":
		return nil, blocker{why: "the seals on its head cannot be read: " + seals.Unknown}
	}
	ready := newestSeal(seals.Seals, StageReady, "")
	if ready == nil || ready.Verdict != Pass || p.now.Sub(seals.ours(ready.At, p.now)) >= readyFor {
		return WriteSeal{Number: pull.Number, Branch: pull.Branch, Seal: Seal{Commit: pull.Head, Stage: StageReady, Verdict: Pass, Reason: p.readyText(x)}}, blocker{}
	}
	return p.mergeAction(x, pull), blocker{}
}

func (p *planner) mergeAction(x proposal, pull *Pull) Action {
	m := Merge{Number: pull.Number, Branch: pull.Branch, Head: pull.Head, Queue: p.obs.Merging.Queue, Method: p.method(), Title: fmt.Sprintf("%s (#%d)", x.sheet.Title(), pull.Number)}
	m.Message = messageBody(x.sheet, x.edits)
	return m
}

// method is the way to merge: the one that is asked for, else the first that
// the repository permits.
func (p *planner) method() string {
	if p.pol.Method != "" {
		return p.pol.Method
	}
	for _, m := range []string{"merge", "squash", "rebase"} {
		if slices.Contains(p.obs.Merging.Methods, m) {
			return m
		}
	}
	return "merge"
}

// hindered returns what stands in the way of a merge. A retreat waits for
// nothing but the people that policy names.
func (p *planner) hindered(x proposal, pull *Pull) blocker {
	if m := p.pol.Method; m != "" && p.obs.Merging.Methods != nil && !slices.Contains(p.obs.Merging.Methods, m) {
		return blocker{why: fmt.Sprintf("the repository does not permit the merge method %s, which pulls.method asks for", m)}
	}
	if x.revert && slices.Contains(pull.Labels, HoldLabel) {
		return blocker{why: fmt.Sprintf("held by the label %s on #%d", HoldLabel, pull.Number)}
	}
	if n := p.holds[x.sheet.Change]; n > 0 && !x.revert {
		return blocker{why: fmt.Sprintf("held by the label %s on #%d", HoldLabel, n)}
	}
	if pull.Refused != "" {
		return blocker{why: "the forge refuses to merge it: " + pull.Refused, person: true}
	}
	for _, f := range x.files() {
		if p.merging[f] {
			return blocker{why: "another pull request that changes " + f + " is merged first"}
		}
	}
	if x.revert {
		return p.consent(x, pull, x.mode)
	}
	return p.advancing(x, pull)
}

// advancing returns what a step forward waits for: everything.
func (p *planner) advancing(x proposal, pull *Pull) blocker {
	if x.draft {
		return blocker{why: "earlier waves come first"}
	}
	if b := p.queued(x); b.why != "" {
		return b
	}
	if b := p.consent(x, pull, x.sheet.Merge); b.why != "" {
		return b
	}
	return p.unready(x, pull)
}

// foreseen is what a pull that is opened now will wait for, so that its first
// words need not be written twice.
func (p *planner) foreseen(x proposal, pull *Pull) blocker {
	if x.draft {
		return blocker{why: "earlier waves come first"}
	}
	mode := x.sheet.Merge
	if x.revert {
		mode = x.mode
	} else if b := p.queued(x); b.why != "" && p.pol.Delivers {
		return b
	}
	switch {
	case !p.pol.Delivers:
		return blocker{why: "a person merges it", person: true}
	case mode == MergeApproved:
		return p.counted(x, Approvals{})
	case mode != MergeAutomatic:
		return p.consent(x, pull, mode)
	}
	return blocker{why: "nothing is in the way so far; it is merged once all that it reaches is seen to be well"}
}

// queued is what a step forward waits for that is no person and no cluster.
func (p *planner) queued(x proposal) blocker {
	if p.obs.TalkUnknown != "" {
		return blocker{why: "comments and issues could not be read (" + p.obs.TalkUnknown + "), and somebody may have said stop"}
	}
	if why := p.stopped(x.sheet.Reaches); why != "" {
		return blocker{why: why}
	}
	if n := p.obscure[x.sheet.Change]; n > 0 {
		return blocker{why: fmt.Sprintf("#%d of the same change was merged with something else in it, or without its message: what it did cannot be proven, and a person merges the rest", n), person: true}
	}
	if why := x.unread(); why != "" {
		return blocker{why: why}
	}
	if b := p.behindUs(x); b.why != "" {
		return b
	}
	if why, until := p.pol.closed(x.sheet.Reaches, x.sheet.security(), p.now); why != "" {
		return blocker{why: why, until: until}
	}
	if most := p.pol.Waves[x.wave].MaxConcurrent; most > 0 && p.inFlight[x.wave] >= most {
		return blocker{why: fmt.Sprintf("%s of wave %s merged and not proven yet, the most that may be", count(p.inFlight[x.wave], "pull request"), p.pol.Waves[x.wave].Name)}
	}
	return blocker{}
}

// consent says whose word a merge waits for.
func (p *planner) consent(x proposal, pull *Pull, mode MergeMode) blocker {
	switch mode {
	case MergeAutomatic:
		return blocker{}
	case MergeApproved:
	default:
		return blocker{why: "a person merges it: class " + string(x.sheet.Class) + " is merged by hand", person: true}
	}
	key := fmt.Sprintf("approvals #%d %s", pull.Number, pull.Head)
	a, ok := p.obs.Approvals[key]
	if !ok {
		p.question(Question{About: AboutApprovals, Key: key, Pull: pull.Number, Branch: pull.Branch, Head: pull.Head, Author: pull.Author, From: x.sheet.From, HeadAt: pull.HeadAt})
		return blocker{why: "its approvals are not read yet"}
	}
	return p.counted(x, a)
}

// counted says whether approvals are enough.
func (p *planner) counted(x proposal, a Approvals) blocker {
	need := max(x.sheet.Approvals, 1)
	switch {
	case a.Unknown != "":
		return blocker{why: "its approvals cannot be read: " + a.Unknown}
	case len(a.Against) > 0:
		return blocker{why: a.Against[0] + " asks for changes", person: true}
	case len(a.Allowed) >= need:
		return blocker{}
	}
	who := ""
	if len(x.sheet.From) > 0 {
		who = " from " + joinWords(x.sheet.From)
	}
	return blocker{why: fmt.Sprintf("%d of %s%s", len(a.Allowed), count(need, "approval"), who), person: true}
}

// unready says what a look at the places that a merge reaches found against
// it: a gate that cannot see now never could, and what is ill now could not be
// blamed on anything later.
func (p *planner) unready(x proposal, pull *Pull) blocker {
	q := p.readiness(x, pull)
	d, ok := p.ask(q)
	switch {
	case !ok:
		return blocker{why: "what it reaches is not looked at yet"}
	case d.Unknown != "":
		return blocker{why: d.Unknown}
	case len(d.Against) > 0:
		return blocker{why: d.Against[0]}
	}
	if why := unanswered(q.Reached, d.Apps); why != "" {
		return blocker{why: why}
	}
	if b := p.unwell(x, q, d.Apps); b.why != "" {
		return b
	}
	told := map[Probe]Verdict{}
	for _, g := range d.Gates {
		told[g.Probe] = g.Verdict
	}
	for _, probe := range q.Probes {
		v, ok := told[probe]
		if !ok {
			v = Verdict{Level: Unknown, Reason: "nothing was said of it"}
		}
		if v.Level != Pass {
			at := "gate " + probe.Gate + placed(probe.At)
			return blocker{why: at + " before the merge: " + v.Reason, brief: at + " must see, and be good, before the merge", until: v.Until}
		}
	}
	return blocker{}
}

// unwell says which application is not well before the merge. Of an earlier
// wave with a quorum, places that cannot be reached are set aside.
func (p *planner) unwell(x proposal, q Question, apps []Convergence) blocker {
	own := map[Reached]bool{}
	for _, r := range x.sheet.Reaches {
		own[Reached{Environment: r.Environment, Tenant: r.Tenant, Cluster: r.Cluster}] = true
	}
	type tally struct{ all, blind int }
	earlier := map[int]*tally{}
	wave := map[Reached]int{}
	for _, r := range q.Reached {
		at := Reached{Environment: r.Environment, Tenant: r.Tenant, Cluster: r.Cluster}
		if _, known := wave[at]; !known && !own[at] && r.Wave >= 0 {
			wave[at] = r.Wave
			if earlier[r.Wave] == nil {
				earlier[r.Wave] = &tally{}
			}
			earlier[r.Wave].all++
			if slices.ContainsFunc(apps, func(a Convergence) bool {
				return a.Outcome == Blind && a.Environment == at.Environment && a.Tenant == at.Tenant && a.Cluster == at.Cluster
			}) {
				earlier[r.Wave].blind++
			}
		}
	}
	for _, a := range apps {
		at := Reached{Environment: a.Environment, Tenant: a.Tenant, Cluster: a.Cluster}
		if a.Outcome == Converged {
			continue
		}
		if w, ok := wave[at]; ok && a.Outcome == Blind {
			quorum := p.pol.Waves[w].Quorum
			if n := earlier[w]; quorum > 0 && (n.all-n.blind)*100 >= quorum*n.all {
				continue
			}
		}
		if a.Outcome == Failed && own[at] {
			p.stranded(x, a)
		}
		name := a.App + placed(at)
		return blocker{why: fmt.Sprintf("%s is %s before the merge: %s", name, a.Outcome, a.Reason), brief: name + " must be well before the merge", until: a.Until}
	}
	return blocker{}
}

func (p *planner) readyText(x proposal) string {
	text := does(len(x.sheet.Reaches), "place", "is", "are") + " well"
	if n := len(p.probes(x.sheet.Reaches, x.sheet.Class)); n > 0 {
		text += " and " + does(n, "gate", "sees", "see")
	}
	return text + " just before the merge"
}

// readiness is the question what stands against a merge now. It is also about
// the earlier waves: their health may hold what follows them.
func (p *planner) readiness(x proposal, pull *Pull) Question {
	q := Question{
		About: AboutReadiness, Key: "readiness " + pull.Branch + " " + pull.Head, Pull: pull.Number, Branch: pull.Branch, Head: pull.Head,
		Reached: slices.Clone(x.sheet.Reaches), Probes: p.probes(x.sheet.Reaches, x.sheet.Class),
	}
	if x.sheet.security() {
		q.Exempt = "it is in the security lane"
	}
	for _, e := range x.edits {
		for _, t := range x.targets {
			if t.Pin.Place.File == e.Place.File && (t.Pin.Place.Path == e.Place.Path || t.override != "") {
				q.Moves = append(q.Moves, moveOf(t, e))
				break
			}
		}
	}
	var earlier []*Target
	for w := range p.pol.Waves {
		if !p.pol.precedes(w, x.wave) {
			continue
		}
		// What nobody can list is as ill as it is, all the same.
		for _, t := range slices.Concat(x.unit.steps[w], x.unit.blind[w]) {
			if tr := p.trialOf[t]; tr == nil || !tr.excused {
				earlier = append(earlier, t)
			}
		}
	}
	for _, r := range reachedBy(earlier) {
		if !slices.Contains(q.Reached, r) {
			q.Reached = append(q.Reached, r)
		}
	}
	return q
}

// unread says which merged pull of the same change is not known to be good or
// bad: nobody knows whether the change is frozen.
func (x proposal) unread() string {
	for _, t := range x.unit.trials {
		if t.unread && t.branch.Change == x.sheet.Change {
			return fmt.Sprintf("%s of the same change: %s", t.name(), t.why)
		}
	}
	return ""
}

func (x proposal) files() []string {
	var out []string
	for _, e := range x.edits {
		if !slices.Contains(out, e.Place.File) {
			out = append(out, e.Place.File)
		}
	}
	return out
}

// does is "1 gate sees", "2 gates see".
func does(n int, noun, one, many string) string {
	if n == 1 {
		return "1 " + noun + " " + one
	}
	return count(n, noun) + " " + many
}

func joinWords(words []string) string { return strings.Join(words, " or ") }
