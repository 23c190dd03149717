package promoter

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// supersede closes the open pulls of ours that nothing asks for any more, and
// then deletes their branches.
func (p *planner) supersede() {
	if p.obs.PullsUnknown != "" {
		return
	}
	for i := range p.obs.Pulls {
		pull := &p.obs.Pulls[i]
		id, ours := ChangeOf(pull.Branch)
		if first := p.pulls[pull.Branch]; ours && pull.State == PullOpen && (first.State == PullMerged || first.State == PullClosed) {
			p.closeRepeated(id, pull, first)
			continue
		}
		if ours && pull.Empty && (pull.State == PullOpen || pull.State == PullMerged) {
			p.closeEmpty(id, pull)
			continue
		}
		if !ours || p.wanted[pull.Branch] || p.pulls[pull.Branch] != pull {
			continue
		}
		if pull.State != PullOpen && pull.State != PullBranch {
			continue
		}
		why := p.uncertain(pull)
		switch {
		case why != "":
			p.kept++
			if b, ok := ParseBranch(pull.Branch); ok {
				p.keptIn[b.Wave]++
			}
			p.line(Line{Change: id, Subject: id, Status: Unresolved, Pull: pull.Number, Why: "it looks unwanted, but " + why + ": it stays"})
		case pull.State == PullBranch && pull.Ours:
			p.act(Delete{Branch: pull.Branch, Base: p.obs.Base, Expect: pull.Head})
		case pull.State == PullOpen && pull.Ours:
			p.act(Close{Number: pull.Number, Branch: pull.Branch, Head: pull.Head, Reason: p.replacedBy(pull)})
		case pull.State == PullOpen:
			p.line(Line{Change: id, Subject: id, Status: Left, Pull: pull.Number, Why: fmt.Sprintf("#%d is no longer needed, but holds a person's commits: a person closes it", pull.Number)})
		}
	}
}

// emptyFor is how long a pull has been as it is before it is believed that its
// forge will not note its merge any more.
const emptyFor = 2 * time.Minute

// closeEmpty closes a pull of which the base branch holds everything: a forge
// that was cut off while it merged has pushed the merge, and not noted it.
//
// It stays while its merge is being proven: once closed, it would be nobody's.
func (p *planner) closeEmpty(id string, pull *Pull) {
	for _, other := range p.changes[id] {
		if other != pull && other.Branch == pull.Branch && other.State == PullMerged && !other.Empty {
			p.closeRepeated(id, pull, other)
			return
		}
	}
	if slices.ContainsFunc(p.trials, func(t *trial) bool { return t.pull == pull && t.standing != proven }) {
		return
	}
	why := "all of it is on the base branch already"
	if at := pull.UpdatedAt.Add(emptyFor); p.now.Before(at) {
		p.wake(at)
		p.line(Line{Change: id, Subject: id, Status: Left, Pull: pull.Number, Why: why + ", and the forge has not noted it yet"})
		return
	}
	p.act(Close{Number: pull.Number, Branch: pull.Branch, Head: pull.Head, Reason: why})
}

// closeRepeated closes a pull whose branch was merged with another, or closed by
// a person with another: two that look at the same moment, of which one opens
// what has come to its end by then.
func (p *planner) closeRepeated(id string, pull, first *Pull) {
	why := fmt.Sprintf("#%d was merged from the same branch", first.Number)
	if first.State == PullClosed {
		why = fmt.Sprintf("#%d of the same branch was closed%s, and this one was opened by a run that had not seen it", first.Number, by(first.ClosedBy))
	}
	if pull.Ours || pull.Empty { // nobody loses anything
		p.act(Close{Number: pull.Number, Branch: pull.Branch, Head: pull.Head, Reason: why})
		return
	}
	p.line(Line{Change: id, Subject: id, Status: Left, Pull: pull.Number, Why: fmt.Sprintf("%s, and #%d holds a person's commits: a person closes it", why, pull.Number)})
}

// uncertain says why a pull may only look unwanted: something that it edits
// cannot be looked up now, or is not found any more, which may be a file that
// cannot be read. Only what is seen to be done or replaced is closed.
func (p *planner) uncertain(pull *Pull) string {
	if file := p.unseen(pull); file != "" {
		return file + ", which it edits, cannot be read now"
	}
	if why := p.later[pull.Branch]; why != "" {
		return why
	}
	for _, e := range pull.Edits {
		found := false
		for _, t := range p.concerned(e) {
			at := t.Pin.Place
			if d := t.Pin.DigestPlace; d != nil && d.File == e.Place.File && d.Path == e.Place.Path {
				at = *d
			}
			here, seat := at.File == e.Place.File && at.Path == e.Place.Path, seatOf(t)
			if !here {
				seat.file = e.Place.File // what an overlay is to say otherwise
			}
			if e.Image != "" { // an override that no file holds yet: what it overrides
				here = here || strings.HasPrefix(at.Written, e.Image+":")
			}
			here = here || t.adds(e)
			if !here {
				continue
			}
			if why := cmp.Or(t.Choice.Unknown, p.held[seat], t.waitsAgain(e)); why != "" {
				return why
			}
			found = true
		}
		if !found {
			return fmt.Sprintf("%s, which it edits, is not found any more", e.Place)
		}
	}
	return ""
}

// seat is a target, or what an overlay is to say of it.
type seat struct {
	target *Target
	file   string
}

func seatOf(t *Target) seat { return seat{cmp.Or(t.shared, t), t.Pin.Place.File} }

// concerned are the targets that an edit may be about: those of its file, and
// for what is added to an overlay also those that it overrides.
func (p *planner) concerned(e Edit) []*Target {
	if e.Image == "" && e.Insert == (Insert{}) {
		return p.in(e.Place.File)
	}
	out := slices.Clone(p.in(e.Place.File))
	for i := range p.obs.Targets {
		if t := &p.obs.Targets[i]; t.Pin.Place.File != e.Place.File && len(t.Overlays) > 0 {
			out = append(out, t)
		}
	}
	return out
}

// replacedBy names what makes a pull unnecessary.
func (p *planner) replacedBy(pull *Pull) string {
	id := pull.change()
	if why := p.frozen[id]; why != "" {
		return "this change goes no further: " + why
	}
	for _, x := range p.proposals {
		for _, e := range x.edits {
			for _, old := range pull.Edits {
				if e.Place.File == old.Place.File && e.Place.Path == old.Place.Path && e.To != old.To {
					return "superseded by " + x.sheet.Title()
				}
			}
		}
	}
	for _, e := range pull.Edits {
		for _, t := range p.in(e.Place.File) {
			if why := t.declines(e); why != "" {
				return why
			}
		}
	}
	return "the base branch no longer needs it"
}

// declines says why a place that is still behind an edit is not to have it.
func (t *Target) declines(e Edit) string {
	n, ok := Compare(t.Pin.Artifact.Kind, t.current(), e.Release)
	if e.Release == "" || t.Pin.Place.Path != e.Place.Path || !ok || n >= 0 {
		return ""
	}
	name := shortName(t.Pin.Artifact) + " " + e.Release
	for _, h := range t.Choice.Held {
		if h.Release.Version == e.Release {
			return name + " is held back now: " + h.Why
		}
	}
	if !slices.ContainsFunc(t.Choice.Updates, func(r Release) bool { return r.Version == e.Release }) {
		return name + " is not offered any more: it was withdrawn, or policy does not allow it now"
	}
	return "nothing asks for " + name + " here any more"
}

// waitsAgain says until when an edit's release has to wait, which had not when
// its pull was opened: what remembered its age was lost, or policy asks for more.
// Its time comes again, unless it is not the same any more.
func (t *Target) waitsAgain(e Edit) string {
	for _, h := range t.Choice.Held {
		same := !strings.Contains(e.To, "sha256:") || h.Release.Digest != "" && strings.Contains(e.To, h.Release.Digest)
		if h.Release.Version == e.Release && !h.Until.IsZero() && same {
			return fmt.Sprintf("%s %s has to wait again: %s", shortName(t.Pin.Artifact), e.Release, h.Why)
		}
	}
	return ""
}

// latecomers are the targets that a merged pull never wrote: they joined the
// wave, or could be read, only after it.
func (p *planner) latecomers(pull *Pull, ts []*Target) []*Target {
	if pull == nil || pull.State != PullMerged || len(pull.Edits) == 0 {
		return nil
	}
	var out []*Target
	for _, t := range ts {
		if !pull.writes(t) {
			out = append(out, t)
		}
	}
	return out
}

// writes reports whether one of a pull's edits is of a target's version or of
// the digest beside it.
func (p *Pull) writes(t *Target) bool {
	d := t.Pin.DigestPlace
	return slices.ContainsFunc(p.Edits, func(e Edit) bool {
		return e.Place.File == t.Pin.Place.File && (e.Place.Path == t.Pin.Place.Path || t.override != "") ||
			d != nil && e.Place.File == d.File && e.Place.Path == d.Path
	})
}

// brought reports whether a pull brought a target just what it is at.
func (p *Pull) brought(t *Target) bool {
	return p.stands(t) && slices.ContainsFunc(p.Edits, func(e Edit) bool {
		return e.Release == t.current() && e.Place.File == t.Pin.Place.File && (e.Place.Path == t.Pin.Place.Path || t.override != "")
	})
}

// stands reports whether a target reads all that a pull wrote of it. A version
// beside which somebody has put another digest runs something else.
func (p *Pull) stands(t *Target) bool {
	at, d := t.Pin.Place, cmp.Or(t.Pin.DigestPlace, &t.Pin.Place)
	return !slices.ContainsFunc(p.Edits, func(e Edit) bool {
		k := scalarOf(e)
		return (k == scalar{at.File, at.Doc, at.Path} || k == scalar{d.File, d.Doc, d.Path}) && written(t, e) != e.To
	})
}

// takenBack is the merged pull that took another one back; 0 for none.
func (p *planner) takenBack(pull *Pull) int {
	b, ok := ParseBranch(pull.Branch)
	if b.Revert = true; !ok {
		return 0
	}
	if r := p.pulls[b.String()]; r != nil && r.State == PullMerged {
		return r.Number
	}
	return 0
}
