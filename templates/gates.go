package templates

import (
	"fmt"
	"time"

	"promoter/promoter"
)

var classWords = map[promoter.Class]string{
	promoter.C1: "C1, infrastructure", promoter.C2: "C2, co-managed", promoter.C3: "C3, routine",
}

// gates are the conditions of the merge, in the order in which they are met.
func gates(s promoter.Sheet) []string {
	class := "Class " + classWords[s.Class] + ": "
	ours := (s.Delivers || s.Revert != nil) && (s.Merge == promoter.MergeAutomatic || s.Merge == promoter.MergeApproved)
	var out []string
	switch {
	case s.Revert != nil:
		out = append(out, retreat(s))
	case !s.Delivers:
		out = append(out, class+person(s))
	default:
		out = append(out, class+advance(s))
	}
	if s.Revert == nil && ours {
		out = append(out, "It waits while an earlier wave has not proven it, an application above is not well, a gate cannot see, its wave is full, or somebody holds or stops it.")
	}
	out = append(out, "Checks of the repository, as its branch protection asks.")
	if s.Method != "" {
		verb := "Merge it by "
		if ours {
			verb = "It is merged by "
		}
		out = append(out, verb+Code(s.Method)+": the repository's configuration asks for it.")
	}
	for _, c := range s.Calendar {
		out = append(out, "The calendar says "+Inline(c)+".")
	}
	if !s.Delivers && s.Revert == nil && s.Soak > 0 {
		out = append(out, "After the merge: "+length(s.Soak)+" of good health here before the next wave's pull request is merged.")
	}
	return out
}

// person says how a pull is merged where we merge nothing.
func person(s promoter.Sheet) string {
	if s.Merge == promoter.MergeApproved {
		return approvals(s) + from(s) + ", then a person merges it."
	}
	return "a person reviews and merges it."
}

// advance says how a step forward is merged where we merge.
func advance(s promoter.Sheet) string {
	switch s.Merge {
	case promoter.MergeAutomatic:
		return "Promoter merges it when nothing is in the way."
	case promoter.MergeApproved:
		return latest(s) + ", then Promoter merges it when nothing is in the way."
	case promoter.MergeManual, promoter.MergeNever:
	}
	return "a person merges it, when the status above asks for one. Promoter never does."
}

// retreat says how a revert is merged: it waits for people alone.
func retreat(s promoter.Sheet) string {
	const free = "no window, freeze, wave or stop holds it back."
	switch s.Merge {
	case promoter.MergeAutomatic:
		return "Promoter merges it at once: " + free
	case promoter.MergeApproved:
		return latest(s) + ", then Promoter merges it at once: " + free
	case promoter.MergeManual, promoter.MergeNever:
	}
	return "A person merges it, the sooner the better: " + free
}

// latest are approvals where we count them: those of the latest commit.
func latest(s promoter.Sheet) string { return approvals(s) + " of its latest commit" + from(s) }

func approvals(s promoter.Sheet) string { return plural(max(s.Approvals, 1), "approval") }

func from(s promoter.Sheet) string {
	if len(s.From) == 0 {
		return " from people who may review"
	}
	var names []string
	for _, n := range s.From {
		names = append(names, Code(n))
	}
	return " from " + join(names, " or ")
}

// after are the conditions after the merge, where we look.
func after(s promoter.Sheet) []string {
	switch {
	case s.Revert != nil:
		return []string{
			"Every application above runs what this merge brings back, and is healthy: then it is recorded as restored.",
			"If it does not come to that, an issue asks for a person: a revert is never reverted.",
		}
	case !s.Delivers:
		return nil
	}
	out := []string{"Every application above runs the merged revision, and is healthy."}
	for _, g := range s.Gates {
		out = append(out, "Gate "+Code(g)+".")
	}
	if s.Soak > 0 {
		out = append(out, length(s.Soak)+" pass with all of that holding.")
	}
	if follows(s) {
		return append(out, "Then it counts as proven here, and later waves may take it.")
	}
	return append(out, "Then it counts as proven here. No wave comes after this one.")
}

// follows reports whether a wave comes after the pull's own.
func follows(s promoter.Sheet) bool {
	n := len(s.Ladder)
	return n > 0 && !s.Ladder[n-1].This
}

// failure says what becomes of a change that fails after the merge, where we
// look.
func failure(s promoter.Sheet) []string {
	if !s.Delivers || s.Revert != nil {
		return nil
	}
	out := []string{
		"That is: an application fails because of it, or a gate fails. The evidence is kept as a comment here, and this version is frozen: nothing takes it before a newer one, or until a person asks for a retry (a wave's budget of failures comes first).",
		"A pull request then puts back what stands here now. Where policy wants none, an issue asks for a person.",
	}
	if s.Merge == promoter.MergeManual {
		return append(out, "An application that fails after a merge by hand reverts nothing, because nobody has looked how it was before: an issue asks for a person.")
	}
	return append(out, "Any other failure reverts nothing: an issue asks for a person.")
}

// revert is what a revert says beyond its edits; nil for a step forward.
func revert(s promoter.Sheet, members []Member) *Revert {
	if s.Revert == nil {
		return nil
	}
	var left []string
	for _, m := range members {
		text := m.From
		if len(members) > 1 {
			text = m.Name + " " + text
		}
		left = append(left, text)
	}
	r := s.Revert
	out := &Revert{
		Pull: r.Pull, FailedPull: r.FailedPull, FailedIn: Inline(r.FailedIn), Reason: Inline(r.Reason), Left: join(left, " and "),
	}
	if len(r.Evidence) > 0 {
		out.Evidence = fenced(r.Evidence)
	}
	return out
}

// length is a duration in words people use.
func length(d time.Duration) string {
	switch {
	case d >= 48*time.Hour && d%(24*time.Hour) == 0:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d >= 2*time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%d hours", d/time.Hour)
	case d >= 2*time.Minute && d%time.Minute == 0:
		return fmt.Sprintf("%d minutes", d/time.Minute)
	}
	return d.String()
}
