package sim

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"promoter/gitops"
	"promoter/gitops/edit"
	"promoter/promoter"
	"promoter/templates"
)

// stumble is what befalls one of the next looks.
type stumble struct {
	kind string // see stumbles
	span time.Duration
	old  *forge // what the forge shows
	refs map[string]string
}

// delayed are actions that are done later than they were decided on.
type delayed struct {
	at      time.Time
	actions []promoter.Action
	view    *view
}

// view is one look and what was decided on it.
type view struct {
	at    time.Time
	obs   promoter.Observation
	shown *forge
	head  string // of the base branch, as it was shown
	d     promoter.Decision
}

// refusedFor is how long a process that lives on remembers that the forge would
// not merge a pull's head.
const refusedFor = 10 * time.Minute

// refusal is what the forge said against merging a head.
type refusal struct {
	head, why string
	at        time.Time
}

// process is one run of Promoter, which knows nothing when it begins.
type process struct {
	world    *world
	line     *line
	clone    *clone
	ledger   *gitops.Ledger
	answers  *gitops.Answerer
	refusals map[int]refusal
	twice    []gitops.Duplicate // what stands twice, as it was last seen
}

func (w *world) process() *process {
	l := &line{world: w}
	c := &clone{line: l, repo: w.repo}
	p := &process{world: w, line: l, clone: c, ledger: &gitops.Ledger{}, refusals: map[int]refusal{}}
	p.answers = &gitops.Answerer{Forge: l, Engines: w.engines(), Meter: engine{world: w}, Now: w.clock, Origins: &gitops.Origins{Repo: c, Make: makes}}
	p.answers.Listener = &gitops.Listener{Forge: l, Words: words(), Now: w.clock}
	return p
}

func (w *world) clock() time.Time { return w.now }

func makes(read func(string) ([]byte, bool, error), edits []promoter.Edit, at time.Time) (map[string][]byte, error) {
	return edit.Files(read, edits, at)
}

func words() gitops.Words {
	return gitops.Words{
		Record: templates.Record, RecordOf: templates.RecordOf, Reply: templates.Reply, RepliesTo: templates.RepliesTo,
		Ticket: templates.Ticket, TicketKey: templates.TicketKeyOf, Closing: templates.Closing, Superseded: templates.Superseded,
	}
}

// mostLooks is how often one run looks before it is said to go round in
// circles.
const mostLooks = 60

// maxRounds is how often one look asks what its decision lacks.
const maxRounds = 8

// stepBetween lets another process do all that it finds to do.
func (w *world) stepBetween() {
	if w.between {
		return
	}
	w.between, w.interleaved = true, true
	w.tell("   meanwhile, another process:")
	pending := w.pending
	w.pending = nil
	w.run(w.process())
	w.pending = append(pending, w.pending...)
	w.tell("   and the first one goes on:")
	w.between = false
}

// handBetween lets a person do something.
func (w *world) handBetween(pick uint64) {
	rng := rand.New(rand.NewPCG(pick, 3))
	kind := oneOf(rng, deeds...)
	if w.interleaved = true; kind == "person between" || kind == "withdraw" || kind == "retag" {
		kind = "person closes"
	}
	w.tell("   meanwhile, a %s", kind)
	w.deed(strings.TrimPrefix(kind, "person "), rng)
}

// tick is one run of a process that knows nothing, or of one that has lived on
// since the last, with all that it keeps, unless it was killed: that is how
// "promoter serve" runs. It reports whether it came to an end.
func (w *world) tick() bool {
	if !w.serves || w.served == nil || w.served.line.dead {
		w.served = w.process()
	}
	return w.run(w.served)
}

// run lets a process look and act until nothing is to be done, unless it is
// killed. It reports whether it came to an end.
func (w *world) run(p *process) bool {
	tried := map[string]bool{}
	for range mostLooks {
		s := w.stumbles()
		v, ok := p.look(s)
		if w.broken != nil || !ok {
			return false
		}
		w.last = v.d
		todo := slices.DeleteFunc(slices.Clone(v.d.Actions), func(a promoter.Action) bool { return tried[a.String()] })
		mended := p.mend(tried)
		acted := len(todo) > 0 || mended
		if late, ok := w.heldUp(todo); ok {
			s = stumble{kind: "late", span: late.span}
		}
		if s.kind == "late" {
			if acted {
				w.delayed = append(w.delayed, delayed{w.now.Add(s.span), todo, v})
			}
			return false
		}
		for _, a := range p.disturbed(s, todo) {
			o := p.do(a)
			tried[a.String()] = !o.Stale
			if p.line.dead {
				w.tell("   killed")
				return false
			}
			if w.broken != nil {
				return false
			}
		}
		if !acted {
			return true
		}
	}
	if !w.anything() {
		w.violate("rest", "no rest after %d looks: %s", mostLooks, w.last.Actions[0])
	}
	return false
}

// anything reports whether something now makes it natural that there is no rest.
func (w *world) anything() bool {
	for i := range w.troubles {
		if t := &w.troubles[i]; (t.kind == "denied" || t.kind == "limited" || t.kind == "unreadable") && w.now.Before(t.to) {
			return true
		}
	}
	return false
}

// stumbles is what befalls the next look.
func (w *world) stumbles() stumble {
	if len(w.pending) == 0 {
		return stumble{}
	}
	s := w.pending[0]
	w.pending = w.pending[1:]
	w.injected["look "+s.kind]++
	return s
}

// disturbed are the actions as they are done: in another order, twice, together
// with those of a second bot, or until the process is killed.
func (p *process) disturbed(s stumble, todo []promoter.Action) []promoter.Action {
	switch s.kind {
	case "reversed":
		todo = slices.Clone(todo)
		slices.Reverse(todo)
	case "twice":
		todo = slices.Concat(todo, todo)
	case "second bot":
		other := p.world.process()
		if u, ok := other.look(stumble{old: s.old, refs: s.refs}); ok {
			todo = between(todo, u.d.Actions)
		}
	}
	return todo
}

// mend takes back what stands twice. It reports whether there was any.
func (p *process) mend(tried map[string]bool) bool {
	some := false
	for _, d := range p.twice {
		if tried[d.String()] {
			continue
		}
		tried[d.String()], some = true, true
		e := p.executor()
		if err := e.Mend(context.Background(), d); err != nil {
			p.world.tell("   failed %s: %v", d, err)
			continue
		}
		p.world.acted["mend"]++
		p.world.tell("   %s", d)
	}
	return some
}

// between does two lists in turn.
func between(a, b []promoter.Action) []promoter.Action {
	var out []promoter.Action
	for i := range max(len(a), len(b)) {
		if i < len(a) {
			out = append(out, a[i])
		}
		if i < len(b) {
			out = append(out, b[i])
		}
	}
	return out
}

// do executes one action.
func (p *process) do(a promoter.Action) gitops.Outcome {
	w := p.world
	e := p.executor()
	o, err := e.Execute(context.Background(), a)
	verb, _, _ := strings.Cut(a.String(), " ")
	switch {
	case err != nil:
		w.acted["failed"]++
		w.tell("   failed %s: %v", a, err)
		if m, ok := a.(promoter.Merge); ok && (errors.Is(err, gitops.ErrDenied) || errors.Is(err, gitops.ErrConflict)) {
			p.refusals[m.Number] = refusal{m.Head, errors.Unwrap(err).Error(), w.now}
		}
	case o.Stale:
		w.acted["stale"]++
		w.tell("   stale %s: %s", a, o.Detail)
	default:
		w.acted[verb]++
		w.tell("   %s", a)
	}
	return o
}

func (p *process) executor() *gitops.Executor {
	w := p.world
	p.clone.refs = w.repo.refs
	return &gitops.Executor{
		Forge: p.line, Repo: p.clone, Make: makes, Words: words(), Selves: []string{bot}, Engines: w.engines(), Now: w.clock,
		Render: func(s promoter.Sheet) (string, string, error) { return s.Title(), templates.Marker(s), nil },
	}
}

// look observes and decides; false when the base branch cannot be read.
func (p *process) look(s stumble) (*view, bool) {
	w := p.world
	w.looks++
	p.line.shown, p.clone.refs, w.old = s.old, w.repo.refs, s.old != nil
	if s.refs != nil {
		p.clone.refs = s.refs
	}
	defer func() { p.line.shown = nil }()
	ctx := context.Background()
	o := gitops.Observer{
		Forge: p.line, Repo: p.clone, Base: trunk, Make: makes, SheetOf: templates.SheetOf, SaidOf: templates.SaidOf,
		Delivers: w.policy.Delivers, Ledger: p.ledger, Now: w.clock,
	}
	head, branches, err := o.Branches(ctx)
	if err != nil {
		return nil, false
	}
	obs := promoter.Observation{Base: trunk, Commit: head, Merging: promoter.Merging{Methods: []string{"merge", "squash", "rebase"}, Queue: w.queue}}
	obs.Targets, obs.Unread = w.targets(head)
	obs.Pulls, obs.PullsUnknown = o.Pulls(ctx, head, branches)
	slices.SortFunc(obs.Pulls, func(a, b promoter.Pull) int {
		if a.Number != b.Number {
			return b.Number - a.Number
		}
		return strings.Compare(a.Branch, b.Branch)
	})
	for i := range obs.Pulls {
		if r, ok := p.refusals[obs.Pulls[i].Number]; ok && r.head == obs.Pulls[i].Head && w.now.Sub(r.at) < refusedFor {
			obs.Pulls[i].Refused = r.why
		}
	}
	talk := p.answers.Listener.Listen(ctx, []string{bot})
	p.twice = talk.Duplicates
	if w.silent {
		talk = gitops.Talk{Silent: true}
	}
	obs.Remarks, obs.Tickets, obs.Records = talk.Remarks, talk.Tickets, talk.Records
	obs.TalkUnknown, obs.Merging.Silent = talk.Unknown, talk.Silent
	p.answers.History = &gitops.Trunk{Repo: p.clone, At: head, Name: trunk, URL: "https://git.example.com/ops"}
	d := promoter.Plan(obs, w.policy, w.now)
	for range maxRounds {
		if len(d.Questions) == 0 {
			break
		}
		for i := range d.Questions { // one at a time: their order is no fault of ours
			p.answers.Answer(ctx, &obs, talk, d.Questions[i:i+1])
		}
		d = promoter.Plan(obs, w.policy, w.now)
	}
	v := &view{at: w.now, obs: obs, shown: w.known(p.line.forge(), obs.Sealings), head: head, d: d}
	if len(d.Questions) > 0 {
		w.violate("questions", "%d rounds of answers, and still a question about %s", maxRounds, d.Questions[0].Key)
	}
	w.judge(v)
	if w.looks%8 == 0 {
		w.shuffle(v)
	}
	return v, true
}

// known is the forge as a process knows it that may be shown an old one, and
// remembers what was sealed since.
func (w *world) known(shown *forge, sealings map[string]promoter.Sealing) *forge {
	if shown == w.forge || !w.serves {
		return shown
	}
	out := shown.clone()
	for commit, s := range sealings {
		said := map[string]promoter.Level{"success": promoter.Pass, "failure": promoter.Fail}
		if slices.ContainsFunc(s.Seals, func(x promoter.Seal) bool {
			return x.Stage == promoter.StageVerdict && x.Verdict == said[verdictOn(w.forge, commit)]
		}) {
			out.statuses[commit] = w.forge.statuses[commit]
		}
	}
	return out
}

// shuffle holds a decision to being a function of the facts.
func (w *world) shuffle(v *view) {
	o := v.obs
	o.Targets, o.Pulls, o.Tickets, o.Remarks = slices.Clone(o.Targets), slices.Clone(o.Pulls), slices.Clone(o.Tickets), slices.Clone(o.Remarks)
	rng := rand.New(rand.NewPCG(w.shuffled, uint64(w.looks)))
	rng.Shuffle(len(o.Targets), func(i, j int) { o.Targets[i], o.Targets[j] = o.Targets[j], o.Targets[i] })
	rng.Shuffle(len(o.Pulls), func(i, j int) { o.Pulls[i], o.Pulls[j] = o.Pulls[j], o.Pulls[i] })
	rng.Shuffle(len(o.Tickets), func(i, j int) { o.Tickets[i], o.Tickets[j] = o.Tickets[j], o.Tickets[i] })
	w.injected["shuffled facts"]++
	again := promoter.Plan(o, w.policy, w.now)
	if len(again.Questions) > 0 {
		return // it came to ask for another fact first
	}
	a, b := spoken(v.d), spoken(again)
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			w.violate("no memory (law 2)", "the same facts in another order give another decision:\n  %s\n  %s", at(a, i), at(b, i))
			return
		}
	}
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return "nothing"
}

// spoken is a decision in words, in no order.
func spoken(d promoter.Decision) []string {
	out := []string{"wake " + d.Wake.String()}
	for _, a := range d.Actions {
		out = append(out, a.String())
	}
	for _, l := range d.Lines {
		out = append(out, l.String())
	}
	slices.Sort(out)
	return out
}
