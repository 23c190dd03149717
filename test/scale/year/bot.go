package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"promoter/gitops"
	"promoter/gitops/edit"
	"promoter/promoter"
	"promoter/templates"
)

// bot is the Promoter of one tenant, and what it remembers from look to look,
// which may be lost at any time.
type bot struct {
	*tenant
	ledger  *gitops.Ledger
	answers *gitops.Answerer
	targets []promoter.Target
	at      *commit // that the targets are of
	choices map[*chart]*choices
	wake    time.Time // asked for by the last decision
	last    promoter.Decision
}

// choices are what a chart's releases mean for each version that is pinned.
type choices struct {
	listed int
	until  time.Time // when waiting changes them; zero: never
	of     map[string]promoter.Choice
}

func newBot(t *tenant) *bot {
	b := &bot{tenant: t, ledger: &gitops.Ledger{}, choices: map[*chart]*choices{}}
	clock := func() time.Time { return t.now }
	b.answers = &gitops.Answerer{
		Forge: line{t}, Engines: []gitops.Engine{clusters{t}}, Meter: clusters{t}, Now: clock, Origins: &gitops.Origins{Repo: clone{t}, Make: makes},
		Listener: &gitops.Listener{Forge: line{t}, Words: words(), Now: clock},
	}
	return b
}

// makes is gitops/edit in the words of gitops.
func makes(read func(string) ([]byte, bool, error), edits []promoter.Edit, at time.Time) (map[string][]byte, error) {
	return edit.Files(read, edits, at)
}

func words() gitops.Words {
	return gitops.Words{
		Record: templates.Record, RecordOf: templates.RecordOf, Reply: templates.Reply, RepliesTo: templates.RepliesTo,
		Ticket: templates.Ticket, TicketKey: templates.TicketKeyOf, Closing: templates.Closing, Superseded: templates.Superseded,
	}
}

// How long things take, by the tenant's clock: a look asks the forge some
// dozen times, an action once or a few times, one after the other.
const (
	lookTakes   = 2 * time.Second
	actionTakes = time.Second
)

// Bounds, as serve has them.
const (
	mostLooks  = 60
	mostRounds = 8
)

// settle looks and acts until nothing is to be done, as a look of serve does.
// It reports what was done.
func (b *bot) settle() (acted []string) {
	tried := map[string]bool{}
	for range mostLooks {
		d := b.look()
		fresh := false
		for _, a := range d.Actions {
			if tried[a.String()] {
				continue
			}
			fresh = true
			acted = append(acted, a.String())
			tried[a.String()] = !b.do(a)
		}
		if !fresh {
			b.wake, b.last = d.Wake, d
			return acted
		}
	}
	b.judge.broken("rest", "no rest after %d looks", mostLooks)
	return acted
}

// do executes an action, and reports whether its guard failed.
func (b *bot) do(a promoter.Action) (stale bool) {
	b.now = b.now.Add(actionTakes)
	e := gitops.Executor{
		Forge: line{b.tenant}, Repo: clone{b.tenant}, Make: makes, Words: words(), Selves: []string{login}, Engines: []gitops.Engine{clusters{b.tenant}},
		Now: func() time.Time { return b.now }, Labels: []string{"promoter"},
		Render: func(s promoter.Sheet) (string, string, error) { return s.Title(), templates.Marker(s), nil },
	}
	o, err := e.Execute(context.Background(), a)
	b.tally.action(a, o, err)
	if err != nil {
		b.judge.broken("every effect is possible here", "%s: %v", a, err)
	}
	return o.Stale
}

// look observes and decides.
func (b *bot) look() promoter.Decision {
	b.now = b.now.Add(lookTakes)
	b.tally.looks++
	ctx := context.Background()
	o := gitops.Observer{
		Forge: line{b.tenant}, Repo: clone{b.tenant}, Base: trunk, Make: makes, SheetOf: templates.SheetOf, SaidOf: templates.SaidOf,
		Delivers: true, Ledger: b.ledger, Now: func() time.Time { return b.now },
	}
	head, branches, err := o.Branches(ctx)
	if err != nil {
		b.judge.broken("every fact is there", "%v", err)
		return promoter.Decision{}
	}
	b.survey(b.repo.objects[head])
	obs := promoter.Observation{
		Base: trunk, Commit: head, Targets: b.targets, Unread: make([][]string, len(waves)),
		Merging: promoter.Merging{Methods: []string{"squash"}},
	}
	obs.Pulls, obs.PullsUnknown = o.Pulls(ctx, head, branches)
	talk := b.answers.Listener.Listen(ctx, []string{login})
	obs.Remarks, obs.Tickets, obs.Records, obs.TalkUnknown = talk.Remarks, talk.Tickets, talk.Records, talk.Unknown
	if why := obs.PullsUnknown + talk.Unknown; why != "" {
		b.judge.broken("every fact is there", "%s", why)
	}
	b.answers.History = &gitops.Trunk{Repo: clone{b.tenant}, At: head, Name: trunk, URL: "https://git.example.com/" + b.name}
	d := b.plan(obs)
	for range mostRounds {
		if len(d.Questions) == 0 {
			break
		}
		for i := range d.Questions { // one at a time: this world is of one thread
			b.answers.Answer(ctx, &obs, talk, d.Questions[i:i+1])
		}
		d = b.plan(obs)
	}
	return d
}

// plan decides, by a stopwatch.
func (b *bot) plan(obs promoter.Observation) promoter.Decision {
	begun := time.Now()
	d := promoter.Plan(obs, b.policy, b.now)
	b.tally.planned(time.Since(begun))
	return d
}

// survey brings the targets to a commit, and to what can be seen upstream now.
func (b *bot) survey(head *commit) {
	var changed []int
	if b.at == nil {
		b.targets = make([]promoter.Target, len(b.slots))
		for i := range b.slots {
			changed = append(changed, i)
		}
	} else if b.at != head {
		changed = b.at.files.differ(head.files)
	}
	for _, i := range changed {
		if i < len(b.slots) {
			b.target(i, head.files.at(i))
		}
	}
	b.at = head
	renewed := map[*chart]bool{}
	for _, c := range b.charts {
		known := b.choices[c]
		if n := c.listed(b.now); known == nil || known.listed != n || !known.until.IsZero() && !b.now.Before(known.until) {
			b.choices[c] = &choices{listed: n, of: map[string]promoter.Choice{}}
			renewed[c] = true
		}
	}
	for i, s := range b.slots {
		if renewed[s.chart] || slices.Contains(changed, i) {
			b.choose(s.chart, &b.targets[i])
		}
	}
}

// target reads what a file pins, as the configuration places it.
func (b *bot) target(i int, text string) {
	pins := []promoter.Pin{b.pin(i, text)}
	b.cfg.Place(pins)
	t := promoter.Target{Pin: pins[0], Wave: b.slots[i].wave}
	t.Wanted, _ = b.cfg.Wanted(t.Pin)
	t.Class, t.Group, t.Rank = b.cfg.Classify(t.Pin)
	t.Reach = []promoter.Reached{{Environment: t.Pin.Environment, Tenant: t.Pin.Tenant, Cluster: t.Pin.Cluster, App: t.Pin.App, Wave: t.Wave}}
	b.targets[i] = t
}

func (b *bot) choose(c *chart, t *promoter.Target) {
	known := b.choices[c]
	choice, ok := known.of[t.Pin.Version]
	if !ok {
		choice = c.read(known.listed).Choose(t.Pin, t.Wanted, b.now)
		known.of[t.Pin.Version] = choice
		for _, h := range choice.Held {
			if h.Until.After(b.now) && (known.until.IsZero() || h.Until.Before(known.until)) {
				known.until = h.Until
			}
		}
	}
	t.Choice = choice
}

// live looks until a moment, whenever something is heard, something new can be
// seen upstream, or a decision asks for it.
func (t *tenant) live(until time.Time) {
	for {
		at, cause := t.next()
		if !at.Before(until) {
			return
		}
		if t.now.Before(at) {
			t.now = at
		}
		begun := t.now
		heard := len(t.hints.at) > 0 && t.hints.at[0].Sub(begun) <= together // it has happened, and others are waited for
		t.hints.take(t.now)
		for len(t.lookups) > 0 && !t.lookups[0].After(t.now) {
			t.lookups = t.lookups[1:]
		}
		t.tally.causes[cause]++
		acted := t.bot.settle()
		if cause == byChance && len(acted) > 0 && !heard {
			t.judge.broken("wake", "nobody asked to be woken at %s, and there was something to do: %s", begun, strings.Join(acted, "; "))
		}
		if cause == byChance {
			t.tally.chance = begun.Add(day/2 + time.Duration(t.rng.Int64N(int64(day))))
		}
		if cause == byPerson {
			t.person()
		}
	}
}

// next says when to look next, and why.
func (t *tenant) next() (time.Time, cause) {
	if t.tally.looks == 0 {
		t.tally.chance = t.begin.Add(day)
		return t.begin, byStart
	}
	at, why := t.tally.chance, byChance
	earlier := func(x time.Time, c cause) {
		if !x.IsZero() && x.Before(at) {
			at, why = x, c
		}
	}
	earlier(t.judge.shift, byPerson)
	if !t.bot.wake.IsZero() {
		earlier(t.bot.wake.Add(time.Second-1).Truncate(time.Second), byWake)
	}
	if len(t.hints.at) > 0 {
		earlier(t.hints.at[0], byHint)
	}
	if len(t.lookups) > 0 {
		earlier(t.lookups[0], byRelease)
	}
	return at, why
}

// person looks after what waits for a person, on working days: a pull that may
// not be merged because what it reaches is ill already is merged by hand, if
// it waits for more than a day.
func (t *tenant) person() {
	t.judge.shift = t.judge.shift.Add(day)
	if w := t.now.In(t.shape.place).Weekday(); w == time.Saturday || w == time.Sunday {
		return
	}
	for _, p := range slices.Clone(t.forge.pulls) {
		if p.State != "open" || t.now.Sub(p.opened) < day {
			continue
		}
		head := t.repo.objects[p.Head]
		ill := slices.ContainsFunc(t.repo.objects[head.parent].files.differ(head.files), func(i int) bool {
			_, loud := t.slots[i].hurt(t.now, false)
			_, silent := t.slots[i].hurt(t.now, true)
			return loud || silent
		})
		if !ill {
			continue
		}
		t.judge.byHand = true
		if _, err := t.merge(p, gitops.Merge{Title: fmt.Sprintf("%s (#%d)", p.Title, p.Number), Message: head.message}); err == nil {
			t.tally.byHand++
			t.forge.touch(p)
		}
		t.judge.byHand = false
	}
	t.hints.add(t.now)
}
