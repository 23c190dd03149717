package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"promoter/gitops"
	"promoter/promoter"
	"promoter/templates"
)

type (
	gitopsComment = gitops.Comment
	gitopsIssue   = gitops.Issue
)

// What follows is told of effects when they happen, whoever decided on them and
// when.

// skewed is how far the forge's clock is from ours: how wrong a comparison of
// two stamps may be when it was set in between.
func (w *world) skewed() time.Duration { return w.skew.Abs() + time.Minute }

// again counts what may happen once.
func (w *world) again(what string) {
	if w.once[what]++; w.once[what] > 1 && !w.interleaved {
		w.violate("nothing twice (law 4)", "%s a second time", what)
	}
}

// pushed is told of a branch that we set or delete.
func (w *world) pushed(branch, from, to string) {
	b, ok := promoter.ParseBranch(branch)
	if !ok {
		w.violate("names are keys (law 3)", "%q is set, and is no branch of ours", branch)
		return
	}
	main := w.repo.refs[trunk]
	for h := from; h != ""; {
		c := w.repo.objects[h]
		if c == nil || w.repo.holds(h, main) {
			break
		}
		if slices.ContainsFunc(w.log, func(m motion) bool { return w.repo.holds(h, m.hash) }) {
			break // the base had it, and whoever rewrote that has dropped it
		}
		if !c.ours && !w.repo.holds(h, to) {
			w.violate("a person's commit is never overwritten (law 1)", "%s is set from %s to %s", branch, short(from), short(to))
		}
		h = ""
		if len(c.parents) > 0 {
			h = c.parents[0]
		}
	}
	if to == "" {
		return
	}
	if from != "" {
		w.tell("      (%s from %s)", branch, short(from))
	}
	c := w.repo.objects[to]
	base := w.repo.objects[c.parents[0]]
	edits := promoter.ParseTrailers(c.message).Edits
	lines := 0
	for name, text := range c.files {
		was := base.files[name]
		if was == text {
			continue
		}
		a, z := strings.Split(was, "\n"), strings.Split(text, "\n")
		if slices.ContainsFunc(edits, func(e promoter.Edit) bool {
			return e.Place.File == name && (e.Image != "" || e.Insert != promoter.Insert{})
		}) {
			lines++
			if !within(a, z) || len(z)-len(a) > 4 {
				w.violate("smallest diff (law 15)", "%s: %s becomes\n%s", branch, name, text)
			}
			continue
		}
		if len(a) != len(z) {
			w.violate("smallest diff (law 15)", "%s: %s has another number of lines", branch, name)
			return
		}
		for i := range a {
			if a[i] != z[i] {
				lines++
				if _, comment, _ := strings.Cut(a[i], " # "); !strings.HasSuffix(z[i], comment) {
					w.violate("smallest diff (law 15)", "%s: %q becomes %q", branch, a[i], z[i])
				}
			}
		}
	}
	if lines == 0 || lines > len(edits) {
		w.violate("smallest diff (law 15)", "%s changes %d lines with %d edits", branch, lines, len(edits))
	}
	id, _ := promoter.ChangeOf(branch)
	if t := promoter.ParseTrailers(c.message); t.Change != id || id != b.Change {
		w.violate("names are keys (law 3)", "%s holds a commit of change %q", branch, t.Change)
	}
}

// opened is told of a pull that we opened.
func (w *world) opened(p *pull) {
	if slices.ContainsFunc(w.forge.pulls, func(o *pull) bool { return o != p && o.Branch == p.Branch && o.State == "open" }) {
		w.violate("no pull request twice", "%s has two", p.Branch)
	}
	w.judgeAgain(p)
}

// judgeAgain: what was said about a pull is lost when it is closed, and opened
// anew. That takes more than not having seen something: a release that came and
// went, a failure, a person.
func (w *world) judgeAgain(p *pull) {
	b, _ := promoter.ParseBranch(p.Branch)
	if b.Attempt == 0 || w.meddled || !b.Revert && slices.ContainsFunc(w.forge.pulls, w.fell) || w.injected["partial list"]+w.injected["retag"]+w.injected["look stale"] > 0 {
		return
	}
	if slices.ContainsFunc(w.edited(p), func(s *slot) bool { return w.handled(s) || w.scattered(s) }) {
		return // it goes on in parts, and its change is another one each time
	}
	last := b
	last.Attempt--
	if slices.ContainsFunc(w.forge.pulls, func(o *pull) bool { return o.State == "merged" && (o.Branch == p.Branch || o.Branch == last.String()) }) {
		return // it, or the one before it, is a second pull of a branch that was merged
	}
	for _, o := range w.forge.pulls {
		if ob, _ := promoter.ParseBranch(o.Branch); ob == last && o.State == "closed" && o.ClosedBy == bot && !o.overtaken {
			w.violate("ignorance moves nothing (law 6)", "%s is opened after #%d, which we closed for nothing", p.Branch, o.Number)
		}
	}
}

// overtakes reports whether something newer may take the place of a pull: as
// policy says, or as nothing of the pull's change was merged anywhere yet.
func (w *world) overtakes(p *pull) bool {
	begun := slices.ContainsFunc(w.forge.pulls, func(o *pull) bool {
		a, _ := promoter.ChangeOf(o.Branch)
		b, _ := promoter.ChangeOf(p.Branch)
		return a == b && o.State == "merged"
	})
	return (w.policy.Newer != promoter.NewerFinishes || !begun) && slices.ContainsFunc(w.edited(p), func(s *slot) bool { return w.behind(s, w.reads(s, p.Head)) })
}

// behind reports whether something newer than a version is out.
func (w *world) behind(s *slot, version string) bool {
	return slices.ContainsFunc(w.offered[s.artifact], func(r promoter.Release) bool {
		n, ok := w.compare(s, r.Version, version)
		return ok && n > 0
	})
}

// handled reports whether people, or their publishers, had a hand in what moves
// with a slot.
func (w *world) handled(s *slot) bool {
	return slices.ContainsFunc(w.slots, func(o *slot) bool {
		return (o == s || s.group != "" && o.group == s.group) && w.tainted[o.artifact.Name]
	})
}

// fell reports whether a pull was merged and failed.
func (w *world) fell(p *pull) bool {
	return p.State == "merged" && verdictOn(w.forge, p.Merge) == "failure"
}

// scattered reports whether the members of a slot's group stand in different
// waves.
func (w *world) scattered(s *slot) bool {
	waves := map[promoter.Artifact]map[int]bool{}
	for _, o := range w.slots {
		if s.group != "" && o.group == s.group {
			if waves[o.artifact] == nil {
				waves[o.artifact] = map[int]bool{}
			}
			waves[o.artifact][o.wave] = true
		}
	}
	for _, at := range waves {
		if !maps.Equal(at, waves[s.artifact]) {
			return true
		}
	}
	return false
}

// closedByUs is told of a pull that we close.
func (w *world) closedByUs(p *pull) {
	p.overtaken = w.overtakes(p)
	if w.interleaved {
		return // no forge closes a pull on the condition that it is as it was
	}
	if !slices.Contains(p.Labels, promoter.SupersededLabel) {
		w.violate("no memory (law 2)", "#%d is closed before it says that we did it", p.Number)
	}
	if c := w.repo.objects[p.Head]; c != nil && !c.ours {
		w.violate("a person's commit is never overwritten (law 1)", "#%d is closed with a person's commit on it", p.Number)
	}
}

// mergedByUs is told of a pull that we merge, before that is done.
func (w *world) mergedByUs(p *pull) {
	const law = "only what it would write itself (law 11)"
	head, main := w.repo.objects[p.Head], w.repo.head()
	if head == nil || !head.ours || len(head.parents) != 1 || !w.repo.holds(head.parents[0], main.hash) && !w.rewroteAt.Equal(w.now) {
		w.violate(law, "#%d is merged with somebody else's commits on it", p.Number)
		return
	}
	edits := promoter.ParseTrailers(head.message).Edits
	files, err := makes(func(path string) ([]byte, bool, error) {
		text, ok := w.repo.objects[head.parents[0]].files[path]
		return []byte(text), ok, nil
	}, edits, head.at)
	if err != nil || !maps.Equal(w.repo.objects[head.parents[0]].files.with(files), head.files) {
		w.violate(law, "#%d does not hold what its edits make", p.Number)
	}
	if _, ok := join(w.repo.objects[head.parents[0]].files, main.files, head.files); !ok {
		return // the forge refuses it
	}
	for _, e := range edits {
		s, digest := w.slotAt(e.Place)
		if s == nil {
			w.violate(law, "#%d edits %s", p.Number, e.Place)
			return
		}
		now := w.placeAt(s, s.path, main.files[s.file]).Written
		switch {
		case digest:
			now = w.placeAt(s, s.digestPath(), main.files[s.file]).Written
		case now == "" && e.Image != "":
		case now == "" && s.over != nil:
			now = w.placeAt(s.over, s.over.path, main.files[s.over.file]).Written
		}
		if b, _ := promoter.ParseBranch(p.Branch); now != e.Place.Written && now != e.To {
			law := law
			if b.Revert {
				law = "a revert is made where the pin is still ours (law 12)"
			}
			w.violate(law, "#%d is merged where %s reads %q, not %q", p.Number, s.file, now, e.Place.Written)
		}
	}
	w.again(fmt.Sprintf("merge of #%d at %s", p.Number, short(p.Head)))
}

// sealed is told of a status that we write.
func (w *world) sealed(hash string, s gitops.Status) {
	was := ""
	for _, o := range w.forge.statuses[hash] {
		if o.Context == s.Context {
			was = o.State + ": " + o.Description
		}
	}
	stage, of, ok := promoter.ParseSeal(s.Context)
	if !ok {
		stage = promoter.Stage(s.Context)
	}
	switch stage {
	case promoter.StageVerdict:
		w.tell("      (%s is %s: %s)", short(hash), s.State, s.Description)
		if strings.HasPrefix(was, "failure") && s.State != "failure" && !w.interleaved {
			w.violate("seal what the world forgets (law 9)", "%s was sealed as failed, and is made a pass", short(hash))
		}
		if strings.HasPrefix(was, "success") && s.State != "success" && !slices.ContainsFunc(w.forge.pulls, func(p *pull) bool {
			return p.Merge == hash && slices.Contains(p.Labels, promoter.RevertLabel)
		}) && !w.interleaved {
			w.violate("seal what the world forgets (law 9)", "%s was sealed as passed, and is made a failure: %s", short(hash), s.Description)
		}
		w.again(fmt.Sprintf("verdict %s on %s%s", s.State, hash, of))
		w.verdicts[hash] = w.now
	case promoter.StageConverged:
		w.again("convergence of " + hash + of)
	case promoter.WaitContext:
		if was == s.State+": "+s.Description && !w.anything() {
			if key := fmt.Sprintf("status %s on %s", s.Description, hash); w.once[key]+1 > 6 {
				w.violate("no status twice", "%s again and again", key)
			} else {
				w.once[key]++
			}
		}
	}
}

// said is told of a comment of ours.
func (w *world) said(number int, body string) {
	if to, ok := templates.RepliesTo(body); ok {
		w.again(fmt.Sprintf("answer to comment %d", to))
	}
	if r, ok := templates.RecordOf(body); ok {
		w.again(fmt.Sprintf("record of %s on #%d", r.Branch, number))
	}
}

// issued is told of an issue that we open.
func (w *world) issued(n gitops.NewIssue) {
	key := templates.TicketKeyOf(n.Body)
	for _, i := range w.forge.issues {
		if i.Open && key != "" && !w.interleaved && templates.TicketKeyOf(i.Body) == key {
			w.violate("nothing twice (law 4)", "#%d is open for %s already", i.Number, key)
		}
		if !i.Open && key == templates.TicketKeyOf(i.Body) && strings.HasPrefix(key, "incident") && !w.interleaved {
			w.violate("nothing twice (law 4)", "#%d was about %s, and was closed", i.Number, key)
		}
	}
	w.tell("      (issue: %s)", n.Title)
}

// within reports whether lines stand in others, in their order.
func within(lines, others []string) bool {
	i := 0
	for _, l := range others {
		if i < len(lines) && lines[i] == l {
			i++
		}
	}
	return i == len(lines)
}
