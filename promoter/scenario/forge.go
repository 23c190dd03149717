package scenario

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"promoter/promoter"
)

// pull is a pull request, or a branch that none is opened for.
type pull struct {
	promoter.Pull
	title    string
	shown    []promoter.Edit // as its text says
	notice   promoter.Notice
	comments []comment
	reviews  []review
	records  []promoter.Record
	queued   bool
}

type comment struct {
	id       int64
	by       string
	at       time.Time
	body     string
	ours     bool
	denied   string
	answered bool
}

type review struct {
	by      string
	head    string
	against bool
}

type issue struct {
	promoter.Ticket
	lines []string
}

// stamp is the forge's clock.
func (w *world) stamp() time.Time { return w.now.Add(w.skew) }

func (w *world) pull(number int) *pull {
	for _, p := range w.pulls {
		if p.Number == number && number > 0 {
			return p
		}
	}
	return nil
}

// live is the pull or bare branch of that name that is still worked on.
func (w *world) live(branch string) *pull {
	for _, p := range w.pulls {
		if p.Branch == branch && (p.State == promoter.PullOpen || p.State == promoter.PullBranch) {
			return p
		}
	}
	return nil
}

// staleError is a guard that did not hold.
type staleError struct{ why string }

func (e staleError) Error() string { return e.why }

func stale(format string, args ...any) error { return staleError{fmt.Sprintf(format, args...)} }

// brokenError is a rule that no scenario may break.
type brokenError struct{ why string }

func (e brokenError) Error() string { return e.why }

// kinds are the words of what a forge may refuse.
func kindOf(a promoter.Action) string {
	switch a.(type) {
	case promoter.Push, promoter.Delete:
		return "pushes"
	case promoter.Open, promoter.Update, promoter.Close:
		return "pulls"
	case promoter.Merge:
		return "merges"
	case promoter.WriteSeal:
		return "statuses"
	case promoter.WriteRecord, promoter.Reply:
		return "comments"
	case promoter.Label:
		return "labels"
	case promoter.OpenTicket, promoter.CloseTicket:
		return "issues"
	}
	return ""
}

// act executes one action; it reports whether that changed anything.
func (w *world) act(a promoter.Action) (bool, error) {
	if why := w.denied[kindOf(a)]; why != "" {
		return false, fmt.Errorf("the forge refuses: %s", why)
	}
	switch a := a.(type) {
	case promoter.Push:
		return true, w.push(a)
	case promoter.Open:
		return true, w.open(a)
	case promoter.Update:
		p := w.pull(a.Number)
		if p == nil || p.State != promoter.PullOpen || p.Head != a.Head {
			return false, stale("#%d is not open at %s", a.Number, a.Head)
		}
		w.write(p, a.Sheet, a.Draft, a.Say)
		return true, nil
	case promoter.Close:
		p := w.pull(a.Number)
		if p == nil || p.State != promoter.PullOpen || p.Head != a.Head {
			return false, stale("#%d is not open at %s", a.Number, a.Head)
		}
		p.State, p.ClosedBy = promoter.PullClosed, "promoter"
		p.Labels = append(p.Labels, promoter.SupersededLabel)
		w.comment(p, "Promoter closes this pull request: "+a.Reason+".")
		return true, nil
	case promoter.Delete:
		if p := w.live(a.Branch); p == nil || p.Head != a.Expect {
			return false, stale("%s is not at %s", a.Branch, a.Expect)
		}
		w.pulls = slices.DeleteFunc(w.pulls, func(p *pull) bool { return p.Branch == a.Branch && p.State == promoter.PullBranch })
		return true, nil
	case promoter.Merge:
		return w.mergeFor(a)
	case promoter.WriteSeal:
		return w.seal(a.Seal)
	}
	return w.talk(a)
}

func (w *world) push(a promoter.Push) error {
	p := w.live(a.Branch)
	switch {
	case a.Base != w.head():
		return stale("the base branch is at %s", w.head())
	case p == nil && a.Expect != "":
		return stale("there is no branch %s", a.Branch)
	case p != nil && p.Head != a.Expect:
		return stale("the branch is at %s", p.Head)
	case p == nil && slices.ContainsFunc(w.pulls, func(o *pull) bool { return o.Branch == a.Branch }):
		return stale("the branch %s of a finished pull request is still there", a.Branch)
	}
	if p == nil {
		p = &pull{Pull: promoter.Pull{Branch: a.Branch, State: promoter.PullBranch, Author: "promoter"}}
		w.pulls = append(w.pulls, p)
	}
	w.heads++
	p.Head, p.HeadAt, p.Parent, p.Edits = fmt.Sprintf("head-%d", w.heads), w.now, a.Base, slices.Clone(a.Edits)
	p.Ours, p.Foreign, p.Said, p.notice = true, false, "", promoter.Notice{}
	return nil
}

func (w *world) open(a promoter.Open) error {
	p := w.live(a.Branch)
	if p == nil || p.Head != a.Head || p.State == promoter.PullOpen {
		return stale("%s is not at %s without a pull request", a.Branch, a.Head)
	}
	w.number++
	p.Number, p.State = w.number, promoter.PullOpen
	w.write(p, a.Sheet, a.Draft, a.Say)
	return nil
}

// write brings a pull's text up to date.
func (w *world) write(p *pull, s promoter.Sheet, draft bool, say *promoter.Notice) {
	if say != nil {
		p.notice, p.Said = *say, say.Digest()
	}
	p.title, p.shown, p.Sheet, p.Draft, p.UpdatedAt = s.Title(), slices.Clone(s.Edits), s.Digest(), draft, w.stamp()
}

// mergeFor merges a pull for Promoter, which merges only what it would write
// itself.
func (w *world) mergeFor(a promoter.Merge) (bool, error) {
	p := w.pull(a.Number)
	switch {
	case p == nil || p.State != promoter.PullOpen:
		return false, stale("#%d is not open", a.Number)
	case p.Head != a.Head:
		return false, stale("#%d is at %s", a.Number, p.Head)
	case p.Draft:
		return false, fmt.Errorf("the forge refuses: #%d is a draft", a.Number)
	case p.Foreign:
		return false, brokenError{fmt.Sprintf("#%d is merged with a person's commits (law 11)", a.Number)}
	case promoter.EditsDigest(p.Edits) != promoter.EditsDigest(p.shown):
		return false, brokenError{fmt.Sprintf("#%d is merged with other edits than it showed (law 11)", a.Number)}
	}
	if why := w.early(p); why != "" {
		return false, brokenError{why}
	}
	if a.Say != nil {
		p.notice = *a.Say
	}
	if a.Queue {
		if p.queued {
			return false, nil
		}
		p.queued = true
		return true, nil
	}
	return true, w.merge(p)
}

// early says which environment a merge would reach before its turn.
func (w *world) early(p *pull) string {
	b, _ := promoter.ParseBranch(p.Branch)
	wave := slices.IndexFunc(w.policy.Waves, func(x promoter.Wave) bool {
		o, ok := promoter.ParseBranch(promoter.Branch{Change: b.Change, Wave: x.Name}.String())
		return ok && o.Wave == b.Wave
	})
	for _, e := range p.Edits {
		for _, s := range w.files[e.Place.File] {
			if s.key != e.Place.Path {
				continue
			}
			for _, env := range s.reaches {
				if w.waveOf(env) > wave {
					return fmt.Sprintf("#%d of wave %s reaches %s (law 16)", p.Number, b.Wave, env)
				}
			}
		}
	}
	return ""
}

// merge brings a pull into the base branch.
func (w *world) merge(p *pull) error {
	if err := w.edit(p.Edits); err != nil {
		return fmt.Errorf("#%d cannot be merged: %w", p.Number, err)
	}
	p.State, p.Merge, p.MergedAt = promoter.PullMerged, w.head(), w.stamp()
	p.queued = false
	return nil
}

func (w *world) seal(s promoter.Seal) (bool, error) {
	list := w.seals[s.Commit]
	for _, o := range list {
		if o.Stage == s.Stage && s.Stage != promoter.StageReady && o.Verdict != promoter.Pass && s.Verdict == promoter.Pass {
			return false, brokenError{fmt.Sprintf("the seal %s on %s was %s, and is made a pass", s.Stage, s.Commit, o.Verdict)}
		}
	}
	s.At = w.stamp()
	w.seals[s.Commit] = append(list, s)
	return true, nil
}

// talk executes what is said to people.
func (w *world) talk(a promoter.Action) (bool, error) {
	switch a := a.(type) {
	case promoter.WriteRecord:
		p := w.pull(a.Number)
		if p == nil || len(p.records) > 0 {
			return false, stale("#%d has its record", a.Number)
		}
		p.records = append(p.records, a.Record)
		w.comment(p, a.Title+"\n"+strings.Join(a.Record.Lines, "\n"))
		return true, nil
	case promoter.Label:
		p := w.pull(a.Number)
		if p == nil {
			return false, stale("there is no #%d", a.Number)
		}
		p.Labels = slices.DeleteFunc(p.Labels, func(l string) bool { return slices.Contains(a.Remove, l) || slices.Contains(a.Add, l) })
		p.Labels = append(p.Labels, a.Add...)
		return true, nil
	case promoter.Reply:
		for _, p := range w.pulls {
			for i := range p.comments {
				if p.comments[i].id == a.Comment && !p.comments[i].answered {
					p.comments[i].answered = true
					w.comment(p, a.Text)
					return true, nil
				}
			}
		}
		return false, stale("it is answered")
	case promoter.OpenTicket:
		if slices.ContainsFunc(w.issues, func(i *issue) bool { return i.Key == a.Key && i.Open }) {
			return false, stale("an issue is open for it")
		}
		w.number++
		w.issues = append(w.issues, &issue{promoter.Ticket{Number: w.number, Title: a.Title, Key: a.Key, Stop: a.Stop, Open: true, By: "promoter"}, a.Lines})
		return true, nil
	case promoter.CloseTicket:
		for _, i := range w.issues {
			if i.Number == a.Number && i.Open {
				i.Open = false
				return true, nil
			}
		}
		return false, stale("#%d is not open", a.Number)
	case promoter.EndOperation:
		for _, f := range w.apps {
			if f.stuck && f.fits(a.Environment, "", a.Cluster, a.App) || f.stuck && f.environment == a.Environment && glob(f.app, a.App) {
				w.apps = append(w.apps, appFact{place: place{a.Environment, nil, a.App, ""}, outcome: promoter.Converged, after: converges, since: w.now})
				return true, nil
			}
		}
		return false, stale("no operation of it runs")
	}
	return false, fmt.Errorf("scenarios know no execution of %T", a)
}

func (w *world) comment(p *pull, body string) {
	w.words++
	p.comments = append(p.comments, comment{id: w.words, by: "promoter", at: w.stamp(), body: body, ours: true})
}
