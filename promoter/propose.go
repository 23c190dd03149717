package promoter

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// RetryLabel on a closed pull asks for another attempt at the same version.
const RetryLabel = "promoter/retry"

// SupersededLabel is on the pulls that we closed ourselves because something
// newer replaced them: they are nobody's refusal.
const SupersededLabel = "promoter/superseded"

// proposal is a pull that should exist.
type proposal struct {
	unit    *unit
	wave    int
	branch  string
	sheet   Sheet
	edits   []Edit
	draft   bool
	targets []*Target
	revert  bool
	mode    MergeMode // of a revert
}

// rest writes the lines of the wave's targets that are not among those that
// move or wait: they are where they are wanted, or their own policy keeps them.
func (p *planner) rest(u *unit, w int, handled []*Target, goals goalSet) {
	if len(handled) == len(u.steps[w]) {
		return
	}
	in := make(map[*Target]bool, len(handled))
	for _, t := range handled {
		in[t] = true
	}
	var current, kept []*Target
	var of Artifact
	var g goal
	for i, t := range u.steps[w] {
		if i == 0 || t.Pin.Artifact != of {
			of = t.Pin.Artifact
			g = goals.at(of)
		}
		switch {
		case in[t]:
		case p.trialOf[t] != nil && (g.version == "" || p.reached(t, g)): // its trial has its own line
		case p.held[seatOf(t)] != "":
			kept = append(kept, t)
		case len(t.Choice.Held) == 0 && (g.version == "" || p.reached(t, g)):
			current = append(current, t)
		default:
			kept = append(kept, t)
		}
	}
	p.waits(u, w, "", nil, kept)
	p.each(u, w, current, func(l *Line) {
		l.Status, l.Why = Current, "nothing newer is wanted"
	})
}

// waits records that targets are behind and may not move yet; without a common
// reason each has its own policy's.
func (p *planner) waits(u *unit, w int, why string, first goalSet, late []*Target) {
	if len(late) == 0 {
		return
	}
	alike := map[string][]*Target{}
	for _, t := range late {
		reason := cmp.Or(why, p.held[seatOf(t)], p.waitReason(t, first.at(t.Pin.Artifact)))
		alike[reason] = append(alike[reason], t)
	}
	for _, reason := range slices.Sorted(maps.Keys(alike)) {
		p.each(u, w, alike[reason], func(l *Line) {
			l.Status, l.Why, l.To = Waiting, reason, describe(first)
		})
	}
}

// hold records why a unit's moving targets stay where they are.
func (p *planner) hold(u *unit, w int, id string, goals goalSet, ts []*Target, s Status, why string) {
	if s == Waiting {
		for _, t := range ts {
			p.held[seatOf(t)] = why
		}
	}
	p.each(u, w, ts, func(l *Line) {
		l.Change, l.Status, l.Why, l.To = id, s, why, describe(goals)
	})
}

// each writes a line for each environment of the targets.
func (p *planner) each(u *unit, w int, ts []*Target, set func(*Line)) {
	if len(ts) == 0 {
		return
	}
	from := map[string][]string{}
	var envs []string
	for i, t := range ts {
		e := t.Pin.Environment
		if i > 0 && e == ts[i-1].Pin.Environment && t.Pin.Version == ts[i-1].Pin.Version && t.Pin.Digest == ts[i-1].Pin.Digest {
			continue // as the one before it: almost all are
		}
		if _, ok := from[e]; !ok {
			envs = append(envs, e)
		}
		if v := cmp.Or(t.Pin.Version, t.Pin.Digest); !slices.Contains(from[e], v) {
			from[e] = append(from[e], v)
		}
	}
	slices.Sort(envs)
	for _, e := range envs {
		slices.Sort(from[e])
		l := Line{Subject: u.name, From: strings.Join(from[e], ", "), Wave: p.pol.Waves[w].Name, Environment: e}
		set(&l)
		p.line(l)
	}
}

// share decides for the targets that share a pull.
func (p *planner) share(u *unit, w int, id string, goals goalSet, s share, ahead bool) {
	wave := p.pol.Waves[w]
	var edits []Edit
	var kept []*Target
	for _, t := range s.targets {
		es, why := t.edits(goals.at(t.Pin.Artifact))
		if why != "" {
			p.hold(u, w, id, goals, []*Target{t}, Unresolved, fmt.Sprintf("%s: %s", t.Pin.Place, why))
			continue
		}
		edits = append(edits, es...)
		kept = append(kept, t)
	}
	if len(edits) == 0 {
		return
	}
	edits = sortEdits(edits)
	b := Branch{Change: id, Wave: wave.Name, Part: s.name}
	name, pull := p.attempt(b)
	for late := p.latecomers(pull, kept); len(late) > 0; late = p.latecomers(pull, kept) {
		if len(late) < len(kept) { // the others have a word of their own
			p.share(u, w, id, goals, share{name: s.name, targets: slices.DeleteFunc(kept, func(t *Target) bool { return slices.Contains(late, t) })}, ahead)
		}
		taken, _ := ParseBranch(pull.Branch)
		b.Attempt = taken.Attempt + 1
		kept, edits = late, nil
		for _, t := range late {
			es, _ := t.edits(goals.at(t.Pin.Artifact))
			edits = append(edits, es...)
		}
		edits = sortEdits(edits)
		name, pull = p.attempt(b)
	}
	sheet := p.sheet(u, w, id, goals, kept, edits)
	sheet.Part = s.name
	prop := proposal{
		unit: u, wave: w, branch: name, sheet: sheet, edits: edits, draft: ahead, targets: kept,
	}
	switch {
	case pull != nil && pull.State == PullMerged && p.takenBack(pull) > 0:
		p.hold(u, w, id, goals, kept, Left, fmt.Sprintf("it failed here and was taken back by #%d (within the wave's budget of failures: the others go on)", p.takenBack(pull)))
	case pull != nil && pull.State == PullMerged:
		p.hold(u, w, id, goals, kept, Left, fmt.Sprintf("merged as #%d, and the base has another version again: a person's change wins", pull.Number))
	case pull != nil && pull.State == PullClosed:
		p.hold(u, w, id, goals, kept, Left, fmt.Sprintf("#%d was closed%s: not opened again before a newer version (label it %s to try again)", pull.Number, by(pull.ClosedBy), RetryLabel))
	default:
		p.proposals = append(p.proposals, prop)
		p.wanted[name] = true
	}
}

// sortEdits puts edits in the order of their places, each once.
func sortEdits(edits []Edit) []Edit {
	edits = slices.Clone(edits)
	slices.SortFunc(edits, func(a, b Edit) int {
		return cmp.Or(strings.Compare(a.Place.File, b.Place.File), a.Place.Start-b.Place.Start, a.Insert.compare(b.Insert))
	})
	return inTurn(slices.CompactFunc(edits, func(a, b Edit) bool { return a == b }))
}

func by(who string) string {
	if who == "" {
		return ""
	}
	return " by " + who
}

// attempt is the branch to use: the first that no closed pull stands for, past
// those that we closed ourselves, and those whose closing a person asked to be
// tried again.
func (p *planner) attempt(b Branch) (string, *Pull) {
	for {
		name := b.String()
		pull := p.pulls[name]
		again := pull != nil && pull.State == PullClosed && slices.Contains(pull.Labels, SupersededLabel)
		if !b.Revert {
			again = again || pull != nil && (pull.State == PullClosed || pull.State == PullMerged) && p.askedAgain(pull, b)
		}
		if !again {
			return name, pull
		}
		b.Attempt++
	}
}

// askedAgain reports whether a person asked for another attempt: at one that
// was refused on its pull, at one that failed on any pull of the change.
func (p *planner) askedAgain(pull *Pull, b Branch) bool {
	if pull.State == PullClosed {
		return slices.Contains(pull.Labels, RetryLabel)
	}
	return p.retried(b)
}

// propose turns proposals into actions, within the limits on open pulls. Those
// that exist come first, then the security lane, then changes that have been merged in an earlier wave:
// what has begun is finished before anything new begins. The rest is taken in
// the order of the waves.
func (p *planner) propose() {
	slices.SortStableFunc(p.proposals, func(a, b proposal) int {
		if a.revert && b.revert && a.wave != b.wave {
			return b.wave - a.wave // where it failed, before what came before that
		}
		return cmp.Or(btoi(b.revert)-btoi(a.revert), p.isNew(a)-p.isNew(b), btoi(b.sheet.security())-btoi(a.sheet.security()), btoi(a.draft)-btoi(b.draft),
			btoi(p.merged[b.sheet.Change])-btoi(p.merged[a.sheet.Change]), a.wave-b.wave, strings.Compare(a.branch, b.branch))
	})
	// What waits for people does not stand in the way of what does not.
	// Drafts do not stand in the way of what comes before them.
	open, drafts, inWave := map[bool]int{true: p.kept, false: p.kept}, map[bool]int{}, map[int]int{}
	for w, wave := range p.pol.Waves {
		inWave[w] = p.keptIn[slug(wave.Name, maxSlug)]
	}
	for _, x := range p.proposals {
		pull := p.pulls[x.branch]
		ours := p.pol.Delivers && x.sheet.Merge == MergeAutomatic
		fresh := p.isNew(x) == 1
		limit := p.pol.Waves[x.wave].MaxConcurrent
		switch {
		case p.obs.PullsUnknown != "":
			p.say(x, Unresolved, "the forge's pull requests could not be read ("+p.obs.PullsUnknown+"): nothing is changed", 0)
		case x.revert:
			p.exist(x, pull)
		case fresh && x.unread() != "":
			p.say(x, Waiting, x.unread(), 0)
		case fresh && p.pol.MaxOpen > 0 && open[ours]+btoi(x.draft)*drafts[ours] >= p.pol.MaxOpen:
			p.say(x, Waiting, fmt.Sprintf("%d pull requests are open, the most that may be", open[ours]+btoi(x.draft)*drafts[ours]), 0)
		case fresh && limit > 0 && inWave[x.wave] >= limit:
			p.say(x, Waiting, fmt.Sprintf("%d pull requests are open in wave %s, the most that may be", inWave[x.wave], p.pol.Waves[x.wave].Name), 0)
		default:
			counts := open
			if x.draft {
				counts = drafts
			}
			counts[ours]++
			if pull != nil && p.unseen(pull) != "" {
				counts[!ours]++ // what cannot be read may be what makes people wait for it
			}
			inWave[x.wave]++
			p.exist(x, pull)
		}
	}
}

func (p *planner) isNew(x proposal) int {
	if pull := p.pulls[x.branch]; pull != nil && (pull.State == PullOpen || pull.State == PullBranch) {
		return 0
	}
	return 1
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// exist brings one pull into being, a step a look: the branch, then the pull,
// then its text.
func (p *planner) exist(x proposal, pull *Pull) {
	switch {
	case pull != nil && pull.Empty:
		p.say(x, Left, fmt.Sprintf("#%d holds nothing that the base branch does not", pull.Number), pull.Number)
	case pull == nil || pull.State == PullClosed:
		p.out.Sheets = append(p.out.Sheets, p.laddered(x))
		p.act(Push{Branch: x.branch, Base: p.obs.Commit, Edits: x.edits, Message: message(x.sheet, x.edits)})
		p.say(x, Propose, "its branch is pushed", 0)
	case !x.revert && x.unread() != "" && (pull.State == PullBranch || pull.Foreign || pull.Moved || !sameEdits(pull.Edits, x.edits)):
		p.say(x, Waiting, x.unread(), pull.Number)
	case pull.Ours && p.unseen(pull) != "" && !sameEdits(pull.Edits, x.edits):
		p.say(x, Left, fmt.Sprintf("#%d changes %s, which cannot be read now: it stays as it is", pull.Number, p.unseen(pull)), pull.Number)
	case pull.Ours && !sameEdits(pull.Edits, x.edits) && p.awaited(x, pull) != "":
		p.say(x, Left, fmt.Sprintf("%s: #%d, which waits for people, stays as it is", p.awaited(x, pull), pull.Number), pull.Number)
	case pull.Foreign || pull.Moved || !sameEdits(pull.Edits, x.edits):
		if !pull.Ours {
			p.say(x, Left, fmt.Sprintf("#%d holds a person's commits: a person merges it", pull.Number), pull.Number)
			return
		}
		p.act(Push{Branch: x.branch, Base: p.obs.Commit, Expect: pull.Head, Edits: x.edits, Message: message(x.sheet, x.edits)})
		p.say(x, Propose, "its branch is written again: the base has moved under it", pull.Number)
	case pull.State == PullBranch:
		x.sheet.Notice = p.foreseen(x, pull).notice(nil)
		x.sheet.Notice.Head = pull.Head
		sheet := p.laddered(x)
		p.out.Sheets = append(p.out.Sheets, sheet)
		p.act(Open{Branch: x.branch, Head: pull.Head, Base: p.obs.Base, Draft: x.draft, Sheet: sheet, Say: p.put(sheet, "")})
		p.say(x, Propose, "its pull request is opened", 0)
	default:
		p.carry(x, pull)
	}
}

// awaited says which place that a pull changes cannot be listed now, where people
// have a say about it: what they have approved is not written again for that.
func (p *planner) awaited(x proposal, pull *Pull) string {
	why, people := "", !p.pol.Delivers || x.sheet.Merge != MergeAutomatic
	for _, e := range pull.Edits {
		for _, t := range p.in(e.Place.File) {
			if t.Choice.Unknown != "" && pull.writes(t) {
				why = fmt.Sprintf("%s cannot be listed (%s)", t.Pin.Place, t.Choice.Unknown)
				people = people || p.pol.Classes[t.Class].Merge != MergeAutomatic
			}
		}
	}
	if x.revert || !people {
		return ""
	}
	return why
}

func (p *planner) act(a Action) { p.out.Actions = append(p.out.Actions, a) }

// say writes a proposal's lines.
func (p *planner) say(x proposal, s Status, why string, pull int) {
	p.sayUntil(x, s, why, pull, time.Time{})
}

func (p *planner) sayUntil(x proposal, s Status, why string, pull int, until time.Time) {
	if x.revert {
		s, why = Reverting, "failed ("+x.sheet.Revert.Reason+"); "+why
	}
	p.each(x.unit, x.wave, x.targets, func(l *Line) {
		l.Change, l.Status, l.Why, l.Pull, l.Until = x.sheet.Change, s, why, pull, until
		var to []string
		for _, m := range x.sheet.Members {
			to = append(to, m.To)
		}
		l.To = strings.Join(slices.Compact(to), ", ")
	})
}

// sameEdits compares what edits change; where in the file it stands does not
// matter.
func sameEdits(a, b []Edit) bool {
	return len(a) == len(b) && (slices.Equal(a, b) || EditsDigest(a) == EditsDigest(b))
}

// message is the commit message: the title, the scalars, the trailers.
func message(s Sheet, edits []Edit) string { return s.Title() + "\n\n" + messageBody(s, edits) }

// messageBody is the message without its first line.
func messageBody(s Sheet, edits []Edit) string {
	var b strings.Builder
	if r := s.Revert; r != nil {
		fmt.Fprintf(&b, "Takes back #%d, which failed in %s: %s\n\n", r.Pull, r.FailedIn, oneLine(r.Reason))
	}
	for i, e := range edits {
		if i == 20 {
			fmt.Fprintf(&b, "and %s more\n", count(len(edits)-i, "edit"))
			break
		}
		if e.Image != "" {
			fmt.Fprintf(&b, "%s: image %s gets the tag %s here\n", e.Place, oneLine(e.Image), oneLine(e.To))
			continue
		}
		fmt.Fprintf(&b, "%s: %s -> %s\n", e.Place, oneLine(e.Place.Written), oneLine(e.To))
	}
	t := Trailers{Change: s.Change, Wave: s.Wave, Edits: edits}
	for _, m := range s.Members {
		t.From = append(t.From, m.Artifact.String()+" = "+strings.Join(m.From, ", "))
		t.To = append(t.To, m.Artifact.String()+" = "+m.To)
	}
	return b.String() + "\n" + t.String()
}
