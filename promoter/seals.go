package promoter

import (
	"slices"
	"strings"
)

// sealsOn are the seals of a commit; false while they are not known.
func (p *planner) sealsOn(commit string, t *trial) ([]Seal, bool) {
	if commit == "" {
		t.why, t.unread = "the forge does not say which commit it was merged as", true
		return nil, false
	}
	s, ok := p.obs.Sealings[commit]
	t.unread = !ok || s.Unknown != ""
	switch {
	case !ok:
		p.question(Question{About: AboutSeals, Key: commit, Commit: commit, Pull: t.pull.Number, Branch: t.pull.Branch, Fresh: p.wishedBack(t)})
		t.why = "its seals are not read yet"
	case s.Unknown != "":
		t.why = "its seals cannot be read: " + s.Unknown
	default:
		return s.Seals, true
	}
	return nil, false
}

// wishedBack reports whether somebody has asked for a trial's pull to be taken
// back, or it has been: here or by another process, whatever its seal was.
func (p *planner) wishedBack(t *trial) bool {
	b := t.branch
	b.Revert = true
	return slices.Contains(t.pull.Labels, RevertLabel) || p.pulls[b.String()] != nil
}

// newestSeal is what a stage's seals come to. Of verdicts a failure stands,
// whatever was written after it: two that look at the same moment may come to
// different ends, and it is the bad one that counts.
func newestSeal(seals []Seal, stage Stage, of string) *Seal {
	var out *Seal
	for i := range seals {
		s := &seals[i]
		if s.Stage != stage || s.Of != of {
			continue
		}
		final := stage == StageVerdict && out != nil && (s.Verdict == Fail) != (out.Verdict == Fail)
		switch {
		case final && s.Verdict != Fail:
		case final, out == nil, s.At.After(out.At), s.At.Equal(out.At) && s.Verdict > out.Verdict:
			out = s // of the same second, the worse one
		}
	}
	return out
}

// seal asks for a verdict to be written; it counts once it can be read.
func (p *planner) seal(t *trial, stage Stage, l Level, reason string) {
	t.sealing = true
	asked := stage == StageVerdict && l == Fail && slices.Contains(t.pull.Labels, RevertLabel)
	p.act(WriteSeal{Number: t.pull.Number, Branch: t.pull.Branch, Asked: asked, Seal: Seal{Commit: t.pull.Merge, Stage: stage, Of: t.of, Verdict: l, Reason: brief(oneLine(reason), 140)}})
}

// brief is the beginning of a reason, as far as forges take one: whole clauses
// where that is possible.
func brief(s string, most int) string {
	if len([]rune(s)) <= most {
		return s
	}
	head := string([]rune(s)[:most])
	if i := strings.LastIndex(head, "; "); i > most/3 {
		return head[:i]
	}
	return cut(s, most)
}
