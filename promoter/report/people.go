package report

import (
	"fmt"
	"slices"
	"time"

	"promoter/promoter"
)

// people are the measures of what people did.
func (r *rollouts) people() []Measure {
	return []Measure{r.approved(), r.refused(), r.holds(), r.stops(), r.incidents(), r.byHand()}
}

func (r *rollouts) approved() Measure {
	asked, approved, unread := 0, 0, 0
	for _, p := range slices.Concat(r.merges, r.reverts) {
		switch {
		case len(p.Approvers) > 0:
			asked++
			approved++
		case p.ApprovalsUnread != "":
			unread++
		default:
			asked++
		}
	}
	none := "nothing of ours was merged in this time"
	if unread > 0 {
		none = "no merge's reviews were read"
	}
	m := share(measure(rolloutDefinitions, keyApproved, "merges, reverts too"), approved, asked, none)
	m.note(unread, "not counted: not read")
	return m
}

func (r *rollouts) refused() Measure {
	n := 0
	for i := range r.Pulls {
		p := &r.Pulls[i]
		if p.Chosen && p.State == promoter.PullClosed && r.within(p.Opened) && !slices.Contains(p.Labels, promoter.SupersededLabel) {
			n++
		}
	}
	m := count(measure(rolloutDefinitions, keyRefused, "pulls opened in this time"), n)
	return m
}

func (r *rollouts) holds() Measure {
	held := map[int]bool{}
	now := 0
	for i := range r.Pulls {
		p := &r.Pulls[i]
		if p.Chosen && p.State != promoter.PullClosed && slices.Contains(p.Labels, promoter.HoldLabel) {
			held[p.Number] = true
			now++
		}
	}
	chosen := map[int]bool{}
	for i := range r.Pulls {
		chosen[r.Pulls[i].Number] = r.Pulls[i].Chosen
	}
	for _, c := range r.Commands {
		if c.Verb == promoter.VerbHold && chosen[c.Pull] && r.within(c.At) {
			held[c.Pull] = true
		}
	}
	m := measure(rolloutDefinitions, keyHolds, "pulls")
	if r.TalkUnknown != "" && len(held) == 0 {
		m.Unknown = "comments could not be read: " + r.TalkUnknown
		return m
	}
	m = count(m, len(held))
	m.note(now, "held now")
	return m
}

func (r *rollouts) stops() Measure {
	m := measure(rolloutDefinitions, keyStops, "issues")
	if r.IssuesUnknown != "" {
		m.Unknown = r.IssuesUnknown
		return m
	}
	n, open := 0, 0
	for _, i := range r.Issues {
		if !i.Stop {
			continue
		}
		if i.Open {
			open++
		}
		if r.within(i.Opened) {
			n++
		}
	}
	m = count(m, n)
	m.note(open, "open now")
	return m
}

func (r *rollouts) incidents() Measure {
	m := measure(rolloutDefinitions, keyIncidents, "issues closed")
	if r.IssuesUnknown != "" {
		m.Unknown = r.IssuesUnknown
		return m
	}
	var took []time.Duration
	opened, open := 0, 0
	for _, i := range r.Issues {
		if !i.Incident || i.Stop || !r.within(i.Opened) {
			continue
		}
		opened++
		switch {
		case i.Open:
			open++
		case !i.Closed.IsZero():
			took = append(took, i.Closed.Sub(i.Opened))
		}
	}
	none := "none was closed"
	if opened == 0 {
		none = "none was opened"
	}
	m = spans(m, took, none)
	m.note(opened, "opened")
	m.note(open, "open now")
	return m
}

func (r *rollouts) byHand() Measure {
	m := measure(rolloutDefinitions, keyByHand, "moves")
	if r.HandUnknown != "" {
		m.Unknown = r.HandUnknown
		return m
	}
	h := r.Hand
	m = share(m, h.Moves-h.Ours, h.Moves, "no version has moved on the branch in this time")
	if h.Back > 0 {
		m.Notes = append(m.Notes, fmt.Sprintf("%d of them put back what stood before", h.Back))
	}
	return m
}
