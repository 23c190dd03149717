package config

import (
	"cmp"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"promoter/promoter"
)

// Elsewhere is the wave of what belongs to no environment, where waves are
// inferred. It is the last: nobody knows what such an edit reaches.
const Elsewhere = "elsewhere"

// AuthorOf is who our commits name.
func (p Pulls) AuthorOf() (*mail.Address, error) {
	if p.Author == "" {
		return &mail.Address{Name: "Promoter", Address: "promoter@users.noreply.invalid"}, nil
	}
	a, err := mail.ParseAddress(p.Author)
	if err != nil {
		return nil, fmt.Errorf("%s:%d: pulls.author: %w: write \"Name <mail@example.com>\"", Name, p.Line, err)
	}
	return a, nil
}

// Policy returns what the configuration says about decisions. envs are the
// environments that the repository has: without configured waves each of them
// is a wave, in the usual order.
func (c *Config) Policy(envs []string) promoter.Policy {
	p := promoter.Policy{
		Ahead: c.Pulls.Ahead == "all", MaxOpen: c.Pulls.MaxOpen, Method: c.Pulls.Method, SplitBase: c.Pulls.SplitBase,
		Classes: map[promoter.Class]promoter.ClassPolicy{}, Groups: map[string]promoter.Group{},
	}
	if c.Pulls.Newer != "finish" {
		p.Newer = promoter.Newer(c.Pulls.Newer)
	}
	if p.MaxOpen == 0 {
		p.MaxOpen = 10
	}
	for _, class := range []promoter.Class{promoter.C1, promoter.C2, promoter.C3} {
		p.Classes[class] = classPolicy(c.Policies[string(class)])
	}
	for _, g := range c.Groups {
		p.Groups[g.Name] = promoter.Group{Name: g.Name, Lockstep: g.Lockstep, Ordered: g.Ordered}
	}
	p.Waves = c.waves(envs)
	for _, f := range c.Freezes {
		loc := location(f.Zone)
		from, err1 := parseMoment(f.From, loc)
		to, err2 := parseMoment(f.To, loc)
		if err1 == nil && err2 == nil { // check has refused any other
			p.Freezes = append(p.Freezes, promoter.Freeze{Name: f.Name, From: from, To: to, Environments: f.Environments, Tenants: f.Tenants})
		}
	}
	for _, w := range c.Windows {
		p.Windows = append(p.Windows, window(w))
	}
	c.Delivery.policy(&p)
	p.Gates = c.gates()
	p.Silences = c.silences()
	return p
}

// policy fills what is decided once there are engines.
func (d Delivery) policy(p *promoter.Policy) {
	p.Delivers = d.Delivers()
	p.Ends = d.EndOperations
	p.Patience = cmp.Or(time.Duration(d.Patience), time.Hour)
	p.Reverts = cmp.Or(promoter.MergeMode(d.Reverts), promoter.MergeApproved)
	if d.RevertScope != "wave" {
		p.RevertScope = promoter.RevertScope(d.RevertScope)
	}
}

// classPolicy fills what is not written: a person merges, and reverts are
// merged as delivery says.
func classPolicy(c ClassPolicy) promoter.ClassPolicy {
	out := promoter.ClassPolicy{
		Merge: promoter.MergeMode(c.Merge), Approvals: c.Approvals.Count, From: c.Approvals.From, Soak: time.Duration(c.Soak),
		Revert: promoter.MergeMode(c.Revert),
	}
	if out.Merge == "" {
		out.Merge = promoter.MergeManual
	}
	if out.Merge == promoter.MergeApproved && out.Approvals == 0 {
		out.Approvals = 1
	}
	return out
}

func window(w Window) promoter.Window {
	out := promoter.Window{Environments: w.Environments, Tenants: w.Tenants, Zone: location(w.Zone), From: clock(w.From), To: clock(w.To)}
	for _, d := range w.Days {
		out.Days = append(out.Days, time.Weekday(slices.Index(weekdays, d)))
	}
	return out
}

func clock(s string) time.Duration {
	t, err := time.Parse("15:04", s)
	if err != nil {
		return 0 // check has refused it
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
}

func location(zone string) *time.Location {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return time.UTC // check has refused it
	}
	return loc
}

func (c *Config) waves(envs []string) []promoter.Wave {
	var out []promoter.Wave
	if len(c.Waves) == 0 {
		envs = slices.Clone(envs)
		slices.SortFunc(envs, promoter.CompareEnvironments)
		for _, e := range append(envs, Elsewhere) {
			out = append(out, promoter.Wave{Name: e, Split: promoter.SplitNone})
		}
	}
	index := map[string]int{}
	for i, w := range c.Waves {
		index[w.Name] = i
		wave := promoter.Wave{Name: w.Name, Split: promoter.Split(w.Split), MaxConcurrent: w.MaxConcurrent, Soak: time.Duration(w.Soak)}
		// check has refused what cannot be read.
		wave.Quorum, _ = parseQuorum(w.Quorum)
		wave.MaxFailures, wave.MaxFailuresPercent, _ = parseFailures(w.MaxFailures)
		if wave.Split == "" {
			wave.Split = promoter.SplitNone
		}
		for _, a := range w.After {
			wave.After = append(wave.After, index[a])
		}
		out = append(out, wave)
	}
	for i := 1; i < len(out); i++ {
		if len(out[i].After) == 0 {
			out[i].After = []int{i - 1}
		}
	}
	return out
}

// WaveOf returns the index of the wave that an environment is in; -1 for none.
func (c *Config) WaveOf(e Located, waves []promoter.Wave) int {
	if len(c.Waves) == 0 {
		name := e.Name
		if name == "" {
			name = Elsewhere
		}
		return slices.IndexFunc(waves, func(w promoter.Wave) bool { return w.Name == name })
	}
	return slices.IndexFunc(c.Waves, func(w Wave) bool { return w.holds(e) })
}

// holds reports whether an environment belongs to the wave: by name, or by
// carrying all of its labels.
func (w Wave) holds(e Located) bool {
	if e.Name == "" {
		return false
	}
	if _, ok := firstMatch(compileAll(w.Environments, CompileName), e.Name); ok {
		return true
	}
	if len(w.Labels) == 0 {
		return false
	}
	for k, v := range w.Labels {
		if e.Labels[k] != v {
			return false
		}
	}
	return true
}

// Classify returns the class of a pin, and the group its artifact is in with
// its rank in the group's order.
func (c *Config) Classify(p promoter.Pin) (class promoter.Class, group string, rank int) {
	class = promoter.C3
	rules := c.rules()
	for i, r := range c.Classes {
		if rules.classes[i].fits(p) {
			class = promoter.Class(r.Class)
			break
		}
	}
	for i, g := range c.Groups {
		for rank, pattern := range rules.groups[i] {
			if fitsAny([]Pattern{pattern}, p.Artifact.Name, p.Artifact.Ref(), strings.TrimPrefix(p.Artifact.Ref(), "https://")) {
				return class, g.Name, rank
			}
		}
	}
	return class, "", 0
}
