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

// happen does one step.
func (w *world) happen(s step) {
	rng := rand.New(rand.NewPCG(s.pick, 1))
	did := true
	switch {
	case strings.HasPrefix(s.kind, "person ") || strings.HasPrefix(s.kind, "guest "):
		did = w.deed(strings.TrimPrefix(s.kind, "person "), rng)
	case s.kind == "release":
		a := oneOf(rng, w.artifacts()...)
		w.release(a, w.next(a, rng))
	case s.kind == "withdraw":
		did = w.withdraw(rng)
	case s.kind == "people review":
		w.review()
		return
	case s.ours:
		w.stumble(s, rng)
	default:
		w.trouble(s, rng)
	}
	if did {
		w.injected[s.kind]++
		w.tell("** %s", s)
	}
}

// next is a version that is not out yet.
func (w *world) next(a promoter.Artifact, rng *rand.Rand) string {
	n := len(w.offered[a])
	if chance(rng, 15) {
		return "1.0." + string(rune('0'+min(n, 9)))
	}
	return "1." + string(rune('0'+min(n, 9))) + ".0"
}

func (w *world) withdraw(rng *rand.Rand) bool {
	a := oneOf(rng, w.artifacts()...)
	list := w.offered[a]
	if len(list) < 2 {
		return false
	}
	w.offered[a] = slices.Clone(list[:len(list)-1])
	delete(w.catalogs, a)
	w.meddle(a.Name)
	return true
}

func (w *world) meddle(name string) { w.tainted[name] = true }

// trouble lets something go wrong in the world for a while.
func (w *world) trouble(s step, rng *rand.Rand) {
	app := named(oneOf(rng, w.apps...))
	t := trouble{kind: s.kind, app: app, from: w.now, to: w.now.Add(s.span)}
	switch s.kind {
	case "engine", "dark", "nan":
		if s.kind == "engine" || chance(rng, 50) {
			t.app = ""
		}
	case "slander", "flatter", "blamed":
		w.meddled = true
	case "ages": // days in which nothing happens
		return
	case "flaps":
		for i := range 4 {
			from := w.now.Add(time.Duration(i) * 3 * time.Minute)
			w.troubles = append(w.troubles, trouble{kind: "ill", app: app, from: from, to: from.Add(40 * time.Second)})
		}
		return
	}
	if s.pick%2 == 0 { // it waits for a merge: then it is least expected
		w.armed = append(w.armed, armed{s.kind, time.Duration(s.pick/2%180) * time.Second, s.span})
		return
	}
	w.troubles = append(w.troubles, t)
}

// armed is a trouble that comes soon after the next merge.
type armed struct {
	kind  string
	after time.Duration
	span  time.Duration
}

// strike lets what waits for a merge come, to one of the places that it reached.
func (w *world) strike(p *pull) {
	slots := w.edited(p)
	if len(w.armed) == 0 || len(slots) == 0 {
		return
	}
	x := w.armed[0]
	w.armed = w.armed[1:]
	s := slots[int(x.after/time.Second)%len(slots)]
	r := s.reaches[0]
	r.Wave = 0
	t := trouble{kind: x.kind, app: named(r), from: w.now.Add(x.after), to: w.now.Add(x.after + x.span)}
	if x.kind == "engine" {
		t.app = ""
	}
	w.troubles = append(w.troubles, t)
	w.injected[x.kind+" after a merge"]++
	w.tell("** %s at %s in %s for %s", x.kind, named(r), x.after, x.span)
}

// stumble lets something befall Promoter.
func (w *world) stumble(s step, rng *rand.Rand) {
	for_ := min(s.span, 25*time.Minute)
	switch s.kind {
	case "unreadable":
		w.troubles = append(w.troubles, trouble{kind: s.kind, app: oneOf(rng, "pulls", "talk", "seals", "approvals", "rights", "branches"), from: w.now, to: w.now.Add(for_)})
	case "unread":
		w.troubles = append(w.troubles, trouble{kind: s.kind, app: oneOf(rng, w.slots...).file, from: w.now, to: w.now.Add(for_)})
	case "unlisted", "partial list":
		w.troubles = append(w.troubles, trouble{kind: "unlisted", app: oneOf(rng, w.artifacts()...).Name, from: w.now, to: w.now.Add(for_)})
	case "limited":
		w.troubles = append(w.troubles, trouble{kind: s.kind, from: w.now, to: w.now.Add(for_)})
	case "denied":
		w.troubles = append(w.troubles, trouble{kind: s.kind, app: oneOf(rng, "merges", "push", "pulls", "statuses", "comments", "labels", "issues"), from: w.now, to: w.now.Add(for_)})
	case "skew":
		w.skew = time.Duration(rng.IntN(11)-5) * time.Minute
	case "stale":
		old := stumble{kind: s.kind, old: w.forge.clone(), span: time.Duration(1+rng.IntN(8)) * time.Minute}
		if chance(rng, 50) {
			old.refs = maps.Clone(w.repo.refs)
		}
		w.stales = append(w.stales, staleAt{w.now.Add(old.span), old})
	case "second bot":
		x := stumble{kind: s.kind}
		if chance(rng, 50) {
			x.old = w.forge.clone()
			w.stales = append(w.stales, staleAt{w.now.Add(time.Duration(1+rng.IntN(5)) * time.Minute), x})
			return
		}
		w.pending = append(w.pending, x)
	default:
		w.pending = append(w.pending, stumble{kind: s.kind, n: rng.IntN(4), span: time.Duration(1+rng.IntN(8)) * time.Minute})
	}
}

// staleAt is an old view that is shown later.
type staleAt struct {
	at time.Time
	s  stumble
}

// pulls are those in a state, in order.
func (w *world) pulls(states ...string) []*pull {
	return slices.DeleteFunc(slices.Clone(w.forge.pulls), func(p *pull) bool { return !slices.Contains(states, p.State) })
}

// touch marks the artifacts of a pull as meddled with.
func (w *world) touch(p *pull) {
	for _, s := range w.slots {
		if c := w.repo.objects[p.Head]; c != nil && strings.Contains(c.message, s.artifact.Name) {
			w.meddle(s.artifact.Name)
		}
	}
}

// deed is what a person does; false when there is nothing to do it to.
func (w *world) deed(verb string, rng *rand.Rand) bool {
	who := people[rng.IntN(len(people))]
	states := []string{"open"}
	switch verb {
	case "reopens":
		states = []string{"closed"}
	case "labels revert", "comments revert", "reverts":
		states = []string{"merged"}
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
	p := list[rng.IntN(len(list))]
	w.touch(p)
	w.tell("   (%s, #%d %s)", who, p.Number, p.Title)
	switch verb {
	case "merges":
		if p.Draft {
			p.Draft = false
		}
		_, err := w.merge(p, who, gitops.Merge{Method: oneOf(rng, "merge", "squash", "rebase"), Title: p.Title, Message: oneOf(rng, "", "as it is")})
		return err == nil
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
	if chance(rng, 30) {
		message = c.message // amended: it says what ours said
		w.repo.refs[p.Branch] = w.repo.add(c.parents, files, message, w.now, false)
	} else {
		w.repo.refs[p.Branch] = w.repo.add([]string{p.Head}, files, message, w.now, false)
	}
	p.Head = w.repo.refs[p.Branch]
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
		w.repo.refs[trunk], w.rewrote = head.parents[0], true
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
	w.meddle(s.artifact.Name)
	w.tell("   (%s in %s from %s to %s)", s.artifact.Name, s.file, s.version(at.Written), to)
	w.commitByPerson(map[string][]byte{s.file: []byte(text[:at.Start] + s.written(to) + text[at.End:])}, "pin "+s.artifact.Name)
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

// review is what people do who look after their pull requests: they approve
// what is asked of them, and merge what is theirs to merge.
func (w *world) review() {
	for _, p := range w.pulls("open") {
		slots := w.edited(p)
		if p.Draft || len(slots) == 0 {
			continue
		}
		mode, _, _ := w.consent(p, slots)
		if mode != promoter.MergeApproved {
			continue
		}
		for _, who := range people {
			if !slices.ContainsFunc(p.reviews, func(r gitops.Review) bool { return r.Author == who && (r.Commit == p.Head || r.State != "approved") }) {
				p.reviews = append(slices.DeleteFunc(slices.Clone(p.reviews), func(r gitops.Review) bool { return r.Author == who }),
					gitops.Review{Author: who, State: "approved", Commit: p.Head, At: w.stamp()})
			}
		}
	}
	for _, p := range w.pulls("open") {
		if p.queued && w.looks%4 != 0 {
			_, _ = w.merge(p, bot, gitops.Merge{Method: "merge", Title: p.Title, Message: "Merged by the queue"})
		}
	}
}
