package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"promoter/promoter"
)

// change is one change with its chosen pulls.
type change struct {
	id      string
	on      Change
	known   bool // on is
	opened  time.Time
	first   int // its first wave, filter or not
	forward []*Pull
	reverts []*Pull
}

// changes joins the pulls of each change; only those with a chosen merge in
// the time looked at are told of.
func changes(f *Facts) []*change {
	byID := map[string]*change{}
	var all []*change
	for i := range f.Pulls {
		p := &f.Pulls[i]
		c := byID[p.Branch.Change]
		if c == nil {
			c = &change{id: p.Branch.Change, first: -1}
			if c.on, c.known = f.Changes[c.id]; c.known {
				c.first = c.on.First
			}
			byID[c.id] = c
			all = append(all, c)
		}
		if !p.Branch.Revert && !p.Opened.IsZero() && (c.opened.IsZero() || p.Opened.Before(c.opened)) {
			c.opened = p.Opened
		}
		if p.Wave >= 0 && (c.first < 0 || p.Wave < c.first) {
			c.first = p.Wave
		}
		switch {
		case !p.Chosen:
		case p.Branch.Revert:
			c.reverts = append(c.reverts, p)
		default:
			c.forward = append(c.forward, p)
		}
	}
	all = slices.DeleteFunc(all, func(c *change) bool {
		return !slices.ContainsFunc(c.forward, func(p *Pull) bool { return f.merged(p) })
	})
	slices.SortFunc(all, func(a, b *change) int { return cmp.Or(a.opened.Compare(b.opened), strings.Compare(a.id, b.id)) })
	return all
}

// merged reports whether a pull was merged in the time looked at.
func (f *Facts) merged(p *Pull) bool {
	return p.State == promoter.PullMerged && f.within(p.Merged)
}

func (f *Facts) within(at time.Time) bool {
	return !at.IsZero() && !at.Before(f.Since) && !at.After(f.Until)
}

// verdict is a merge's last word; nil while there is none.
func (p *Pull) verdict() *promoter.Seal { return p.newest(promoter.StageVerdict) }

// newest is the newest seal of a stage; of the same moment, the worse one.
func (p *Pull) newest(stage promoter.Stage) *promoter.Seal {
	var out *promoter.Seal
	for i := range p.Seals {
		s := &p.Seals[i]
		if s.Stage == stage && s.Of == "" && (out == nil || s.At.After(out.At) || s.At.Equal(out.At) && s.Verdict > out.Verdict) {
			out = s
		}
	}
	return out
}

func (p *Pull) failed() bool {
	v := p.verdict()
	return v != nil && v.Verdict == promoter.Fail
}

func (p *Pull) passed() bool {
	v := p.verdict()
	return v != nil && v.Verdict == promoter.Pass
}

// standing is where the places of a wave are.
func (c *change) standing(wave int) Standing {
	for _, s := range c.on.Standing {
		if s.Wave == wave {
			return s
		}
	}
	return Standing{Wave: wave}
}

// last is the last wave that holds what the change is of; -1 when it is not
// known.
func (c *change) last() int {
	last := -1
	for _, p := range c.forward {
		last = max(last, p.Wave)
	}
	for _, s := range c.on.Standing {
		if s.Reads+s.Behind > 0 {
			last = max(last, s.Wave)
		}
	}
	return last
}

// in are the merges into a wave, and whether nothing is left there to merge.
func (c *change) in(wave int) (merges []*Pull, whole bool) {
	whole = c.known && c.standing(wave).Behind == 0
	for _, p := range c.forward {
		if p.Wave != wave {
			continue
		}
		switch p.State {
		case promoter.PullMerged:
			merges = append(merges, p)
		case promoter.PullOpen, promoter.PullBranch:
			whole = false
		case promoter.PullClosed:
		}
	}
	return merges, whole && len(merges) > 0
}

// fate is what became of a change, and why.
func (c *change) fate(waves []string) (Fate, string) {
	unread := ""
	for _, p := range c.forward {
		switch {
		case p.failed():
			return Failed, fmt.Sprintf("#%d: %s", p.Number, p.verdict().Reason)
		case p.State == promoter.PullMerged && p.Unread != "":
			unread = fmt.Sprintf("the verdict on #%d was not read", p.Number)
		}
	}
	for _, r := range c.reverts {
		if r.State == promoter.PullMerged {
			return Failed, fmt.Sprintf("taken back by #%d", r.Number)
		}
	}
	switch {
	case unread != "":
		return Unclear, unread
	case !c.known:
		return Unclear, "nothing in Git says any more what it brought"
	}
	return c.whereabouts(waves)
}

// whereabouts is the fate of a change that nothing speaks against.
func (c *change) whereabouts(waves []string) (Fate, string) {
	last := c.last()
	if last < 0 {
		return Unclear, "the wave of its pulls is not known any more"
	}
	merges, whole := c.in(last)
	if whole {
		if i := slices.IndexFunc(merges, func(p *Pull) bool { return !p.passed() }); i >= 0 {
			return Unjudged, fmt.Sprintf("#%d has no verdict", merges[i].Number)
		}
		return Arrived, fmt.Sprintf("in %s", waves[last])
	}
	if i := slices.IndexFunc(c.forward, func(p *Pull) bool { return p.State == promoter.PullOpen }); i >= 0 {
		return UnderWay, fmt.Sprintf("#%d is open", c.forward[i].Number)
	}
	var all Standing
	for _, s := range c.on.Standing {
		all.Reads, all.Behind, all.Other = all.Reads+s.Reads, all.Behind+s.Behind, all.Other+s.Other
	}
	switch {
	case all.Reads == 0 && all.Behind == 0:
		return Overtaken, "nothing reads it any more, and nothing would take it"
	case all.Reads == 0:
		return Removed, "nothing reads it any more"
	case all.Behind == 0:
		return Unjudged, "people brought it to the rest"
	}
	for _, p := range c.forward {
		if p.State == promoter.PullClosed && !slices.Contains(p.Labels, promoter.SupersededLabel) {
			return Refused, fmt.Sprintf("#%d was closed", p.Number)
		}
	}
	return UnderWay, fmt.Sprintf("%s would take it", plural(all.Behind, "place"))
}

// ended reports whether a fate is an end.
func (f Fate) ended() bool { return f == Arrived || f == Failed || f == Refused || f == Removed }
