package promoter

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Origin answers AboutOrigin: the newest commit by which one of the places got
// what it reads now.
type Origin struct {
	Unknown string
	Commit  string
	At      time.Time
	// Old is set when no commit of the last days did: then time has proven it.
	Old bool
}

// handmade is the trial of what a person, or another machine, brought to a
// wave without a pull of ours: the wave after it waits for its proof all the
// same. It is never taken back by us.
func (p *planner) handmade(u *unit, w int, a Artifact, change string) *trial {
	key := fmt.Sprintf("origin %s %d %s", u.key, w, a)
	if t, ok := p.byHand[key]; ok {
		return t
	}
	var ts []*Target
	var lines []string
	for _, t := range u.of(a, w) {
		if p.trialOf[t] == nil && t.override == "" {
			ts = append(ts, t)
			lines = append(lines, fmt.Sprintf("%s %s %s", t.Pin.Place.File, t.Pin.Place.Path, t.Pin.Place.Written))
			if d := t.Pin.DigestPlace; d != nil {
				lines = append(lines, fmt.Sprintf("%s %s %s", d.File, d.Path, d.Written))
			}
		}
	}
	if len(ts) == 0 {
		p.byHand[key] = nil
		return nil
	}
	t := &trial{pull: &Pull{State: PullMerged}, branch: Branch{Change: change, Wave: p.pol.Waves[w].Name}, unit: u, wave: w, targets: ts, class: C3, byHand: true}
	t.of = slug(u.name, 24) + "-" + digest8(key)
	p.byHand[key] = t
	q := Question{About: AboutOrigin, Key: key + " " + digest8(strings.Join(lines, "\n"))}
	for _, x := range ts {
		t.edits = append(t.edits, Edit{Place: x.Pin.Place, To: x.Pin.Place.Written})
		q.Places = append(q.Places, x.Pin.Place)
		if d := x.Pin.DigestPlace; d != nil {
			q.Places = append(q.Places, *d) // what is published anew under a version moves there alone
		}
		if x.Class != "" && x.Class < t.class {
			t.class = x.Class
		}
	}
	o, ok := p.obs.Origins[q.Key]
	switch {
	case !ok:
		p.question(q)
		t.why, t.unread = "where its version comes from is not looked up yet", true
	case o.Unknown != "":
		t.why, t.unread = "where its version comes from cannot be found: "+o.Unknown, true
	case o.Old:
		t.standing, t.why = proven, "it has stood there for days"
	default:
		t.pull.Merge, t.pull.Head, t.pull.MergedAt = o.Commit, o.Commit, o.At
		p.judge(t)
		if t.standing == broken || t.condemned {
			t.person = "it failed, and a person's commit is not taken back by us: " + t.why
		}
	}
	if t.standing != proven || t.pull.Merge != "" {
		p.trials = append(p.trials, t)
		for _, x := range ts {
			p.trialOf[x] = t
		}
	}
	return t
}

// skipped names a wave that comes before the one to which somebody brought a
// version by hand, and that never had it.
func (p *planner) skipped(x proposal, a Artifact, t *trial, target *Target) string {
	if t == nil || !t.byHand || t.pull.Merge == "" {
		return "" // ours, or there for so long that time has proven it
	}
	for w := range p.pol.Waves {
		ts := x.unit.of(a, w)
		if len(ts) == 0 || !p.pol.precedes(w, t.wave) {
			continue
		}
		had := slices.ContainsFunc(ts, func(other *Target) bool { return other.current() == target.current() }) ||
			slices.ContainsFunc(p.changes[x.sheet.Change], func(pull *Pull) bool {
				b, ok := ParseBranch(pull.Branch)
				return ok && !b.Revert && pull.State == PullMerged && b.Wave == slug(p.pol.Waves[w].Name, maxSlug)
			})
		if !had {
			return p.pol.Waves[w].Name
		}
	}
	return ""
}

// name is how people know a trial: by its pull, or by its commit.
func (t *trial) name() string { return called(t.pull.Number, t.pull.Merge) }

func called(number int, commit string) string {
	switch {
	case number > 0:
		return fmt.Sprintf("#%d", number)
	case commit != "":
		return "commit " + abbreviate(commit)
	}
	return "what stands there"
}

// failedBefore says of a change that is about to go on whether one of its
// merged pulls was sealed as failed, though it stands no more: a person who
// took it back by hand has not made it good.
func (p *planner) failedBefore(change string) string {
	for _, pull := range p.changes[change] {
		b, ok := ParseBranch(pull.Branch)
		if !ok || b.Revert || pull.State != PullMerged || pull.Merge == "" || p.retried(b) || p.takenBack(pull) > 0 || p.standsAsTrial(pull) {
			continue
		}
		if !pull.MergedAt.IsZero() && p.now.Sub(pull.MergedAt) > 30*24*time.Hour {
			continue
		}
		if slices.Contains(pull.Labels, RevertLabel) { // also where its seal is not known yet
			p.frozen[change] = cmp.Or(p.frozen[change], fmt.Sprintf("it failed in %s: a person asked to take it back", b.Wave))
			continue
		}
		s, ok := p.obs.Sealings[pull.Merge]
		switch {
		case !ok:
			p.question(Question{About: AboutSeals, Key: pull.Merge, Commit: pull.Merge, Pull: pull.Number, Branch: pull.Branch, Fresh: true})
			return fmt.Sprintf("the seals of #%d of the same change are not read yet", pull.Number)
		case s.Unknown != "":
			return fmt.Sprintf("the seals of #%d of the same change cannot be read: %s", pull.Number, s.Unknown)
		}
		if v := newestSeal(s.Seals, StageVerdict, ""); v != nil && v.Verdict == Fail {
			p.frozen[change] = cmp.Or(p.frozen[change], fmt.Sprintf("it failed in %s: %s", b.Wave, v.Reason))
		}
	}
	return ""
}

// proofs are the targets of a wave that say what it has proven: those at which
// just that version failed within the wave's budget do not.
func (p *planner) proofs(ts []*Target) []*Target {
	excused := func(t *Target) bool { return p.trialOf[t] != nil && p.trialOf[t].excused }
	if !p.excuses || !slices.ContainsFunc(ts, excused) {
		return ts
	}
	good := slices.DeleteFunc(slices.Clone(ts), excused)
	if len(good) == 0 {
		return ts
	}
	at, ok := passed(good)
	if !ok {
		return ts
	}
	return slices.DeleteFunc(slices.Clone(ts), func(t *Target) bool { return excused(t) && p.trialOf[t].failedAt(t).like(at) })
}
