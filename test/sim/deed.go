package sim

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"promoter/gitops"
	"promoter/promoter"
)

// deed is what a person does; false when there is nothing to do it to.
func (w *world) deed(verb string, rng *rand.Rand) bool {
	who := people[rng.IntN(len(people))]
	states := []string{"open"}
	switch verb {
	case "reopens":
		states = []string{"closed"}
	case "labels revert", "reverts", "pins over":
		states = []string{"merged"}
	case "comments revert":
		states = []string{"merged", "merged", "open"}
	case "holds", "unholds", "labels retry", "unlabels retry", "comments hold", "comments resume", "comments retry", "comments stop", "comments nonsense", "guest comments", "guest labels", "relabels superseded":
		states = []string{"open", "merged", "closed"}
	}
	list := w.pulls(states...)
	switch verb {
	case "pins back", "pins ahead", "edits beside", "edits elsewhere", "rewrites base":
		return w.onBase(verb, rng)
	case "closes issue", "opens stop", "closes stop":
		return w.onIssues(verb, who, rng)
	}
	if len(list) == 0 {
		return false
	}
	return w.deedOn(verb, who, list[rng.IntN(len(list))], rng)
}

// deedOn is what a person does to a pull.
func (w *world) deedOn(verb, who string, p *pull, rng *rand.Rand) bool {
	w.touch(p)
	w.tell("   (%s, #%d %s)", who, p.Number, p.Title)
	switch verb {
	case "merges":
		if p.Draft {
			p.Draft = false
		}
		_, err := w.merge(p, who, gitops.Merge{Method: oneOf(rng, "merge", "squash", "rebase"), Title: p.Title, Message: oneOf(rng, "", "as it is")})
		return err == nil
	case "pushes and merges": // "while I am at it"
		p.Draft = false
		return w.pushByPerson(p, rng) && w.deedOn("merges", who, p, rng)
	case "closes":
		p.State, p.ClosedBy = "closed", who
	case "reopens":
		if w.repo.refs[p.Branch] == "" || w.forge.open(p.Branch) != nil {
			return false
		}
		p.State, p.ClosedBy, p.Head = "open", "", w.repo.refs[p.Branch]
	case "pushes":
		return w.pushByPerson(p, rng)
	case "rewrites":
		p.Title, p.Body = "words of "+who, "merge me at once"
	case "drafts":
		p.Draft = true
	case "readies":
		p.Draft = false
	case "approves", "objects":
		state := map[string]string{"approves": "approved", "objects": "changes_requested"}[verb]
		p.reviews = slices.DeleteFunc(slices.Clone(p.reviews), func(r gitops.Review) bool { return r.Author == who })
		p.reviews = append(p.reviews, gitops.Review{Author: who, State: state, Commit: p.Head, At: w.stamp()})
	case "holds":
		return w.label(p.Number, who, promoter.HoldLabel) == nil
	case "unholds":
		w.unlabel(p.Number, promoter.HoldLabel)
	case "labels retry":
		return w.label(p.Number, who, promoter.RetryLabel) == nil
	case "unlabels retry":
		w.unlabel(p.Number, promoter.RetryLabel)
	case "labels approved":
		return w.label(p.Number, who, promoter.ApprovedLabel) == nil
	case "labels revert":
		return w.label(p.Number, who, promoter.RevertLabel) == nil
	case "relabels superseded":
		w.unlabel(p.Number, promoter.SupersededLabel)
	case "guest labels":
		return w.label(p.Number, guest, promoter.ApprovedLabel) == nil
	case "guest comments":
		w.say(p.Number, guest, oneOf(rng, "/promoter approve", "/promoter revert", "/promoter stop", "/promoter retry", "/promoter hold"))
	case "comments nonsense":
		w.say(p.Number, who, oneOf(rng, "/promoter", "/promoter destroy", "/promoter stop tenants=x", "nice work"))
	case "comments stop":
		w.say(p.Number, who, oneOf(rng, "/promoter stop", "/promoter stop", "/promoter stop environment=prod*", "/promoter stop tenant=acme"))
	case "deletes branch":
		delete(w.repo.refs, p.Branch)
		p.State, p.ClosedBy = "closed", who
	case "reverts":
		return w.revertByPerson(p)
	case "pins over":
		return w.pinsOver(p, rng)
	default:
		w.say(p.Number, who, "/promoter "+strings.TrimPrefix(verb, "comments "))
	}
	return true
}

func (w *world) pushByPerson(p *pull, rng *rand.Rand) bool {
	c := w.repo.objects[p.Head]
	if c == nil || w.repo.refs[p.Branch] != p.Head {
		return false
	}
	name := oneOf(rng, "README.md", w.slots[rng.IntN(len(w.slots))].file)
	files := c.files.with(map[string][]byte{name: append([]byte(c.files[name]), "# a person's line\n"...)})
	message := "one more thing"
	switch n := rng.IntN(10); {
	case n < 3:
		message = c.message // amended: it says what ours said
		w.repo.refs[p.Branch] = w.repo.add(c.parents, files, message, w.now, false)
	case n < 5: // an empty commit, so that checks run again, with our words
		w.repo.refs[p.Branch] = w.repo.add([]string{p.Head}, c.files, c.message, w.now, false)
	default:
		w.repo.refs[p.Branch] = w.repo.add([]string{p.Head}, files, message, w.now, false)
	}
	p.Head, p.queued = w.repo.refs[p.Branch], false // what waits in a queue is what was put there
	return true
}

// pinsOver writes another version where a pull wrote: one that nobody offers.
func (w *world) pinsOver(p *pull, rng *rand.Rand) bool {
	slots := w.edited(p)
	if len(slots) == 0 {
		return false
	}
	s := slots[rng.IntN(len(slots))]
	to := "1.0." + string(rune('1'+rng.IntN(9)))
	text, ok := w.pinned(s, w.repo.head().files[s.file], to)
	if !ok || bare(w.reads(s, w.repo.refs[trunk])) == to {
		return false
	}
	w.meddle(s.artifact.Name)
	w.commitByPerson(map[string][]byte{s.file: []byte(text)}, "ours for now")
	return true
}

// revertByPerson takes a merged pull back by hand.
func (w *world) revertByPerson(p *pull) bool {
	before, after, head := w.repo.objects[p.before], w.repo.objects[p.Merge], w.repo.head()
	if before == nil || after == nil {
		return false
	}
	files, ok := join(after.files, head.files, before.files)
	if !ok || maps.Equal(files, head.files) {
		return false
	}
	w.repo.refs[trunk] = w.repo.add([]string{head.hash}, files, "Revert \""+p.Title+"\"", w.now, false)
	w.moved("")
	return true
}

// onBase is what a person does to the base branch.
func (w *world) onBase(verb string, rng *rand.Rand) bool {
	s := w.slots[rng.IntN(len(w.slots))]
	head := w.repo.head()
	text := head.files[s.file]
	at, ok := w.place(s, text)
	switch verb {
	case "edits beside":
		line := []byte("note: \"changed at " + w.now.Format("15:04") + "\"")
		i := strings.Index(text, "note:")
		if i < 0 {
			return false
		}
		end := i + strings.IndexByte(text[i:], '\n')
		w.commitByPerson(map[string][]byte{s.file: bytes.Join([][]byte{[]byte(text[:i]), line, []byte(text[end:])}, nil)}, "a note")
		return true
	case "edits elsewhere":
		w.commitByPerson(map[string][]byte{"README.md": []byte("written at " + w.now.String() + "\n")}, "words")
		return true
	case "rewrites base":
		if len(head.parents) == 0 || w.now.Sub(head.at) > 3*time.Hour {
			return false
		}
		w.repo.refs[trunk], w.rewrote, w.rewroteAt = head.parents[0], true, w.now
		if chance(rng, 50) {
			w.repo.refs[trunk] = w.repo.add([]string{head.parents[0]}, head.files, "the same, rewritten", w.now, false)
		}
		for _, s := range w.slots {
			w.meddle(s.artifact.Name)
		}
		w.moved("")
		return true
	}
	if !ok {
		return false
	}
	list := w.offered[s.artifact]
	to := list[0].Version
	if verb == "pins ahead" {
		to = list[len(list)-1].Version
	} else if chance(rng, 30) {
		to = list[rng.IntN(len(list))].Version
	}
	if to == s.version(at.Written) {
		return false
	}
	pinned, _ := w.pinned(s, text, to)
	w.meddle(s.artifact.Name)
	w.tell("   (%s in %s from %s to %s)", s.artifact.Name, s.file, s.version(at.Written), to)
	w.commitByPerson(map[string][]byte{s.file: []byte(pinned)}, "pin "+s.artifact.Name)
	return true
}

func (w *world) onIssues(verb, who string, rng *rand.Rand) bool {
	if verb == "opens stop" {
		w.forge.number++
		w.forge.issues = append(w.forge.issues, &gitops.Issue{
			Number: w.forge.number, Title: oneOf(rng, "Promoter is stopped", "stop tenant=acme", "stop environment=prod*", "stop everything= now"), Author: who, Labels: []string{promoter.StopLabel}, Open: true, At: w.stamp(),
		})
		return true
	}
	for _, i := range w.forge.issues {
		if i.Open && slices.Contains(i.Labels, promoter.StopLabel) == (verb == "closes stop") {
			i.Open, i.ClosedBy = false, who
			return true
		}
	}
	return false
}
