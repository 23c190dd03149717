package promoter

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// planner is one decision in the making.
type planner struct {
	obs      Observation
	pol      Policy
	now      time.Time
	pulls    map[string]*Pull // by branch
	numbered map[int]*Pull
	changes  map[string][]*Pull // by change
	// retries are the attempts of changes that failed and that a person asked
	// to try again.
	retries map[attempted]bool
	files   map[string][]*Target // by file; made when it is first asked for
	// merged are the changes of which some wave's pull was merged.
	merged map[string]bool
	// frozen says why a change goes nowhere: it failed somewhere. holds says
	// which pull's label holds one.
	frozen map[string]string
	// suspect says of changes that fail now, and are about to be sealed so.
	suspect map[string]string
	// refused are changes whose pull a person closed somewhere.
	refused map[string]bool
	holds   map[string]int // by change: the number of the pull
	// unsure are changes of which nobody knows now whether they have failed.
	unsure map[string]bool
	// wanted are the branches that this decision wants to exist.
	wanted map[string]bool
	// held are the targets that may not move for now: an open pull that edits
	// one of them is not closed for that.
	held map[seat]string
	// later says of branches why their pull, which is open ahead, has to let an
	// older version go first.
	later     map[string]string
	trials    []*trial
	trialOf   map[*Target]*trial
	excuses   bool // whether any trial is excused
	byHand    map[string]*trial
	inFlight  map[int]int     // merged and unproven pulls, by wave
	kept      int             // open pulls that nothing asks for, and that stay
	keptIn    map[string]int  // the same by wave
	merging   map[string]bool // files that this decision's merges change
	asked     map[string]bool
	brought   map[string]time.Time // by content digest: when first
	obscure   map[string]int       // by change: a pull that a person merged with something else
	proposals []proposal
	out       Decision
}

// attempted is one attempt at a change, in all of its waves.
type attempted struct {
	change  string
	attempt int
}

// in are the targets of a file.
func (p *planner) in(file string) []*Target {
	if p.files == nil {
		p.files = map[string][]*Target{}
		for i := range p.obs.Targets {
			t := &p.obs.Targets[i]
			p.files[t.Pin.Place.File] = append(p.files[t.Pin.Place.File], t)
		}
	}
	return p.files[file]
}

func newPlanner(obs Observation, pol Policy, now time.Time) *planner {
	return &planner{
		obs: obs, pol: pol, now: now, pulls: map[string]*Pull{}, numbered: map[int]*Pull{}, changes: map[string][]*Pull{}, retries: map[attempted]bool{}, merged: map[string]bool{}, frozen: map[string]string{}, suspect: map[string]string{}, refused: map[string]bool{},
		holds: map[string]int{}, unsure: map[string]bool{}, wanted: map[string]bool{}, held: map[seat]string{}, later: map[string]string{}, inFlight: map[int]int{}, merging: map[string]bool{}, asked: map[string]bool{}, keptIn: map[string]int{}, byHand: map[string]*trial{}, obscure: map[string]int{}, brought: map[string]time.Time{},
	}
}

// seePull remembers the pull that speaks for a branch: a merged one before
// an open one before one that a person closed before one that we did, and among
// equals the newest.
func (p *planner) seePull(pull *Pull) {
	if pull.Number > 0 {
		p.numbered[pull.Number] = pull
	}
	id, ok := ChangeOf(pull.Branch)
	if ok {
		p.changes[id] = append(p.changes[id], pull)
	}
	if b, ours := ParseBranch(pull.Branch); ours && pull.State == PullMerged && slices.Contains(pull.Labels, RetryLabel) {
		p.retries[attempted{id, b.Attempt}] = true
	}
	if ok && pull.State == PullMerged {
		p.merged[id] = true
	}
	if ok && pull.State == PullClosed && !slices.Contains(pull.Labels, SupersededLabel) && !slices.Contains(pull.Labels, RetryLabel) {
		p.refused[id] = true
	}
	if n := p.holds[id]; ok && slices.Contains(pull.Labels, HoldLabel) && pull.State != PullClosed && (n == 0 || pull.Number < n) {
		p.holds[id] = pull.Number
	}
	rank := func(x *Pull) int {
		by := 2 * slices.Index([]PullState{PullBranch, PullClosed, PullOpen, PullMerged}, x.State)
		return by - btoi(x.State == PullClosed && slices.Contains(x.Labels, SupersededLabel))
	}
	old := p.pulls[pull.Branch]
	if old == nil || cmp.Or(rank(pull)-rank(old), pull.Number-old.Number) > 0 {
		p.pulls[pull.Branch] = pull
	}
}

// heedCloses lets a pull that a person closed speak for its branch where one of
// us opened it again, which had not seen that. Who opened it otherwise meant it.
func (p *planner) heedCloses() {
	for branch, pull := range p.pulls {
		if pull.State != PullOpen {
			continue
		}
		for _, old := range p.changes[pull.change()] {
			if old.Branch == branch && old.Number < pull.Number && old.State == PullClosed && old.Author == pull.Author && pull.Author != "" &&
				!slices.Contains(old.Labels, SupersededLabel) && !slices.Contains(old.Labels, RetryLabel) {
				p.pulls[branch] = old
				break // the newest is the first
			}
		}
	}
}

func (p *planner) line(l Line) { p.out.Lines = append(p.out.Lines, l) }

// wake asks for another look at a moment, if it is the earliest.
func (p *planner) wake(at time.Time) {
	if at.After(p.now) && (p.out.Wake.IsZero() || at.Before(p.out.Wake)) {
		p.out.Wake = at
	}
}

func (p *planner) sortLines() {
	index := map[string]int{}
	for w := range p.pol.Waves {
		index[p.pol.Waves[w].Name] = w
	}
	type spot struct{ line, wave int } // a line is long to move
	order := make([]spot, len(p.out.Lines))
	for i := range order {
		order[i] = spot{i, index[p.out.Lines[i].Wave]}
	}
	slices.SortFunc(order, func(x, y spot) int {
		a, b := &p.out.Lines[x.line], &p.out.Lines[y.line]
		if c := strings.Compare(a.Subject, b.Subject); c != 0 {
			return c
		}
		return cmp.Or(x.wave-y.wave, strings.Compare(a.Environment, b.Environment), strings.Compare(a.Change, b.Change), strings.Compare(a.Place, b.Place), x.line-y.line)
	})
	sorted := slices.Grow([]Line(nil), len(order))
	for _, s := range order {
		sorted = append(sorted, p.out.Lines[s.line])
	}
	p.out.Lines = sorted
}
