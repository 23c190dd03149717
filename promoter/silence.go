package promoter

import (
	"fmt"
	"slices"
	"time"
)

// SilenceRule silences alerts about the places that a merge reaches, for as
// long as it is being proven. What is silenced is the alert manager's business.
type SilenceRule struct {
	Name         string
	Environments []string // patterns; empty: all
	Tenants      []string
	Classes      []Class
	Per          []string // which parts of a place the rule tells apart
}

// Silence is one of ours that holds now.
type Silence struct {
	Key  string
	Ends time.Time
}

// A silence is short and renewed: alerts speak again soon after a process that
// died.
const (
	silenceFor   = 10 * time.Minute
	silenceRenew = 5 * time.Minute
)

// KeepSilence makes a silence hold for a while from now. Doing it twice changes
// nothing.
type KeepSilence struct {
	Key  string
	Rule string
	At   Reached
	For  time.Duration
	Why  string
}

// EndSilence ends one of our silences.
type EndSilence struct {
	Key string
	Why string
}

func (KeepSilence) action() {}
func (EndSilence) action()  {}

func (a KeepSilence) String() string {
	return fmt.Sprintf("silence %s%s for %s: %s", a.Rule, placed(a.At), a.For, a.Why)
}

func (a EndSilence) String() string { return fmt.Sprintf("end silence %s: %s", a.Key, a.Why) }

// hush keeps the silences of the pulls that are being proven, and ends all
// others of ours.
func (p *planner) hush() {
	if len(p.pol.Silences) == 0 && len(p.obs.Silences) == 0 {
		return
	}
	if p.obs.SilencesUnknown != "" {
		p.line(Line{Subject: "silences", Status: Unresolved, Why: p.obs.SilencesUnknown + ": none is made or ended, and those that hold end by themselves"})
		return
	}
	ends := map[string]time.Time{}
	for _, s := range p.obs.Silences {
		ends[s.Key] = s.Ends
	}
	wanted := map[string]bool{}
	unsure := false
	for _, t := range p.trials {
		if t.unread {
			unsure = true
		}
		if t.standing != unproven || t.unread || t.pull.Merge == "" {
			continue
		}
		for _, k := range p.silencesOf(t) {
			if wanted[k.Key] {
				continue
			}
			wanted[k.Key] = true
			if ends[k.Key].Sub(p.now) < silenceRenew {
				p.act(k)
				continue
			}
			p.wake(ends[k.Key].Add(-silenceRenew))
		}
	}
	if unsure {
		return // what it is not known of may be what they are for
	}
	for _, s := range p.obs.Silences {
		if !wanted[s.Key] {
			p.act(EndSilence{Key: s.Key, Why: "nothing is being proven there any more"})
		}
	}
}

func (p *planner) silencesOf(t *trial) []KeepSilence {
	var out []KeepSilence
	for _, rule := range p.pol.Silences {
		if len(rule.Classes) > 0 && !slices.Contains(rule.Classes, t.class) {
			continue
		}
		for _, r := range reachedBy(t.targets) {
			if !concerns(rule.Environments, rule.Tenants, r) {
				continue
			}
			at := Gate{Per: rule.Per}.placeOf(r)
			key := rule.Name + " " + digest8(fmt.Sprint(t.pull.Merge, at))
			out = append(out, KeepSilence{Key: key, Rule: rule.Name, At: at, For: silenceFor, Why: "while " + t.name() + " is being proven"})
		}
	}
	return out
}
