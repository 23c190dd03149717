package promoter

import (
	"strings"
	"time"
)

// reached reports whether a target is at the goal, or beyond it.
func (p *planner) reached(t *Target, g goal) bool {
	n, ok := Compare(t.Pin.Artifact.Kind, t.current(), g.version)
	switch {
	case !ok && t.current() != g.version:
		return false
	case ok && n != 0:
		return n > 0
	}
	return !t.contentOnly(g) || t.published() || p.older(g.digest, t.Pin.Digest)
}

// published reports whether a target has what is published under its version
// now: nothing under that version is ahead of it.
func (t *Target) published() bool {
	return t.Choice.Current != nil && t.Choice.Current.Digest == t.Pin.Digest
}

// allows reports whether the target's own policy admits the goal, and the goal
// is known to be ahead of it: versions can be compared, contents of one version
// cannot.
func (p *planner) allows(t *Target, g goal) bool {
	content := t.contentOnly(g)
	for _, r := range t.Choice.Updates {
		if r.Version == g.version {
			return !content || r.Digest == g.digest || p.older(t.Pin.Digest, g.digest)
		}
	}
	return false
}

// contentOnly reports whether nothing but the content under the version that a
// target has parts it from the goal.
func (t *Target) contentOnly(g goal) bool {
	return t.current() == g.version && t.Pin.Digest != "" && g.digest != "" && t.Pin.Digest != g.digest
}

// waitReason is why a target stays behind although no earlier wave is in the
// way: its own policy.
func (p *planner) waitReason(t *Target, g goal) string {
	switch {
	case len(t.Choice.Held) > 0:
		return t.Choice.Held[0].Release.Version + ": " + t.Choice.Held[0].Why
	case t.contentOnly(g):
		return "nobody knows which of " + shortDigest(t.Pin.Digest) + " and " + shortDigest(g.digest) + " was published under " + g.version + " first: it waits for what is published there now"
	}
	return "policy allows no newer version here"
}

// older reports whether one content is known to have been published before
// another: a pull of ours brought the other one first after it, or in its
// place. What a person pins back in one wave is no way forward for the rest.
func (p *planner) older(a, b string) bool {
	at, bt := p.broughtFirst(a), p.broughtFirst(b)
	return !at.IsZero() && at.Before(bt)
}

// olderContent reports whether all that parts two goals is what they hold under
// one version, and the first is not known to be ahead: it is not what is
// published now, and was not brought after the other.
func (p *planner) olderContent(g, than, first goal) bool {
	return g.version == than.version && g.digest != "" && than.digest != "" && g.digest != than.digest &&
		g.digest != first.digest && !p.older(than.digest, g.digest)
}

// broughtFirst is when a pull of ours first brought a content somewhere; of one
// that they have only replaced, before all that they have brought; zero when
// none has ever had to do with it.
func (p *planner) broughtFirst(digest string) time.Time {
	if at, ok := p.brought[digest]; ok {
		return at
	}
	var first time.Time
	replacedOnly := time.Unix(0, 0)
	sum := digest[strings.IndexByte(digest, ':')+1:]
	for i := range p.obs.Pulls {
		pull := &p.obs.Pulls[i]
		if b, ok := ParseBranch(pull.Branch); !ok || b.Revert || pull.State != PullMerged {
			continue
		}
		for _, e := range pull.Edits {
			switch {
			case strings.Contains(e.To, sum) && (!first.After(replacedOnly) || pull.MergedAt.Before(first)):
				first = pull.MergedAt
			case strings.Contains(e.Place.Written, sum) && first.IsZero():
				first = replacedOnly
			}
		}
	}
	p.brought[digest] = first
	return first
}
