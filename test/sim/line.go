package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"promoter/gitops"
	"promoter/promoter"
)

// line is one process' connection to the forge and the repository. What it is
// shown when it looks may be old; guards are checked where things are done.
type line struct {
	world *world
	shown *forge // what it is shown while it looks; nil: what there is
	dead  bool
}

// wound is what befalls one write.
type wound int

const (
	sound       wound = iota
	diesBefore        // the process is killed before it
	diesAfter         // and after it
	lostBefore        // it fails
	lostAfter         // it is done, and the answer is lost
	done2             // it is done twice
	botBetween        // another process does all that it finds to do, between our look at what is there and our write
	handBetween       // and a person does something
)

// wounds are those that a step of a story may bring.
var wounds = map[string]wound{
	"killed before": diesBefore, "killed after": diesAfter, "fails": lostBefore, "answer lost": lostAfter, "write twice": done2,
	"bot between": botBetween, "person between": handBetween,
}

// wounding is what befalls a write to come.
type wounding struct {
	wound wound
	n     int // after so many others
	pick  uint64
}

// befalls is what befalls the write that is done now.
func (w *world) befalls() (wound, uint64) {
	if w.between || len(w.wounding) == 0 {
		return sound, 0
	}
	x := &w.wounding[0]
	if x.n--; x.n >= 0 {
		return sound, 0
	}
	out := *x
	w.wounding = w.wounding[1:]
	return out.wound, out.pick
}

var errDead = errors.New("the process is dead")

func (l *line) forge() *forge {
	if l.shown != nil {
		return l.shown
	}
	return l.world.forge
}

// read is what stands against reading something.
func (l *line) read(what string) error { return l.world.unreadable(what) }

// write does something on the server, unless something befalls it.
func (l *line) write(kind string, do func() error) error {
	if l.dead {
		return errDead
	}
	if err := l.world.refuses(kind); err != nil {
		return err
	}
	w, pick := l.world.befalls()
	if w != sound {
		l.world.injected[fmt.Sprintf("write %s", []string{"", "killed before", "killed after", "fails", "answer lost", "done twice", "a bot between look and write", "a hand between look and write"}[w])]++
	}
	switch w {
	case botBetween:
		l.world.stepBetween()
	case handBetween:
		l.world.handBetween(pick)
	case diesBefore:
		l.dead = true
		return errDead
	case diesAfter:
		_ = do()
		l.dead = true
		return errDead
	case lostBefore:
		return errors.New("502 Bad Gateway")
	case lostAfter:
		_ = do()
		return errors.New("the connection was reset")
	case done2:
		err := do()
		if kind == "push" || kind == "merges" || kind == "labels" {
			_ = do() // a new comment sent twice is two: that is the network's fault
		}
		return err
	}
	return do()
}

var (
	_ gitops.Forge       = (*line)(nil)
	_ gitops.Talker      = (*line)(nil)
	_ gitops.Uncommenter = (*line)(nil)
	_ gitops.Desk        = (*line)(nil)
	_ gitops.Labeler     = (*line)(nil)
	_ gitops.Unlabeler   = (*line)(nil)
	_ gitops.Queuer      = (*line)(nil)
	_ gitops.Clocked     = (*line)(nil)
)

func (l *line) Pulls(_ context.Context, base, prefix string) ([]gitops.Pull, error) {
	if err := l.read("pulls"); err != nil {
		return nil, err
	}
	var out []gitops.Pull
	for _, p := range slices.Backward(l.forge().pulls) {
		if p.Base == base && strings.HasPrefix(p.Branch, prefix) {
			c := p.Pull
			c.Labels = slices.Clone(p.Labels)
			out = append(out, c)
		}
	}
	return out, nil
}

func (l *line) Open(_ context.Context, n gitops.NewPull) (gitops.Pull, error) {
	var out gitops.Pull
	err := l.write("pulls", func() error {
		w := l.world
		if w.repo.refs[n.Branch] != n.Head {
			return gitops.ErrStale
		}
		if p := w.forge.open(n.Branch); p != nil {
			out = p.Pull
			return nil
		}
		w.forge.number++
		p := &pull{Pull: gitops.Pull{
			Number: w.forge.number, Branch: n.Branch, Head: n.Head, Base: n.Base, State: "open", Draft: n.Draft, Title: n.Title, Body: n.Body,
			Author: bot, Labels: slices.Clone(n.Labels), UpdatedAt: w.stamp(),
		}, opened: w.now}
		w.forge.pulls = append(w.forge.pulls, p)
		out = p.Pull
		w.opened(p)
		if b, _ := promoter.ParseBranch(n.Branch); b.Revert {
			w.occurs("backing", n.Branch)
		} else {
			w.occurs("opened", n.Branch)
		}
		return nil
	})
	return out, err
}

// at reads a pull as a forge does just before it is written to: nil when it is
// not open any more.
func (l *line) at(number int, head string) (*pull, error) {
	if err := l.read("pulls"); err != nil {
		return nil, err
	}
	p := l.world.forge.pull(number)
	switch {
	case p == nil:
		return nil, gitops.ErrNotFound
	case p.State != "open":
		return nil, nil
	case p.Head != head:
		return nil, gitops.NotAt(number, head)
	}
	return p, nil
}

func (l *line) Update(_ context.Context, number int, head string, t gitops.Text) error {
	switch p, err := l.at(number, head); {
	case err != nil:
		return err
	case p == nil:
		return gitops.NotAt(number, head)
	}
	return l.write("pulls", func() error {
		p := l.world.forge.pull(number)
		if p == nil {
			return gitops.ErrNotFound
		}
		p.Title, p.Body, p.Draft, p.UpdatedAt = t.Title, t.Body, t.Draft, l.world.stamp()
		return nil
	})
}

func (l *line) Close(ctx context.Context, number int, head string, how gitops.Closing) error {
	if p, err := l.at(number, head); err != nil || p == nil {
		return err
	}
	if how.Label != "" {
		if err := l.Label(ctx, number, how.Label); err != nil {
			return err
		}
	}
	return l.write("pulls", func() error {
		w := l.world
		p := w.forge.pull(number)
		if p == nil || p.State != "open" {
			return nil
		}
		w.closedByUs(p)
		w.occurs("superseding", p.Branch)
		if p.State != "open" {
			return nil
		}
		p.State, p.ClosedBy = "closed", bot
		w.say(number, bot, how.Comment)
		return nil
	})
}

func (l *line) Merge(_ context.Context, number int, head string, how gitops.Merge) (string, error) {
	var hash string
	err := l.write("merges", func() error {
		w := l.world
		p := w.forge.pull(number)
		switch {
		case p == nil:
			return gitops.ErrNotFound
		case p.State == "merged":
			hash = p.Merge
			return nil
		case p.State != "open" || p.Head != head:
			return gitops.ErrStale
		case p.Draft:
			return fmt.Errorf("%w: #%d is a draft", gitops.ErrDenied, number)
		}
		w.occurs("merging", p.Branch)
		var err error
		w.mergedByUs(p)
		if hash, err = w.merge(p, bot, how); err == nil {
			w.mergedOne(p)
		}
		return err
	})
	return hash, err
}

func (l *line) Enqueue(_ context.Context, number int, head string) error {
	return l.write("merges", func() error {
		w := l.world
		p := w.forge.pull(number)
		if p == nil || p.State != "open" || p.Head != head {
			return gitops.ErrStale
		}
		if !p.queued {
			w.mergedByUs(p)
		}
		p.queued = true
		return nil
	})
}

func (l *line) SetStatus(_ context.Context, hash string, s gitops.Status) error {
	return l.write("statuses", func() error {
		w := l.world
		if w.repo.objects[hash] == nil {
			return gitops.ErrNotFound
		}
		w.sealing(hash, s)
		s.At = w.stamp().Truncate(time.Second)
		w.sealed(hash, s)
		w.forge.statuses[hash] = append(slices.Clone(w.forge.statuses[hash]), s)
		w.sealedOne(hash, s)
		return nil
	})
}

func (l *line) Statuses(_ context.Context, hash string) ([]gitops.Status, error) {
	if err := l.read("seals"); err != nil {
		return nil, err
	}
	which := "seals of heads"
	if l.world.repo.holds(hash, l.world.repo.refs[trunk]) {
		which = "seals of merges"
	}
	if err := l.read(which); err != nil {
		return nil, err
	}
	return slices.Clone(l.forge().statuses[hash]), nil
}

// Clock is the forge's clock.
func (l *line) Clock() (time.Time, bool) { return l.world.stamp(), true }
