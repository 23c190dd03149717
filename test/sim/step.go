package sim

import (
	"fmt"
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
	case s.kind == "person between":
		w.stumble(s, rng)
	case strings.HasPrefix(s.kind, "when "):
		w.await(s, rng)
		return
	case strings.HasPrefix(s.kind, "person ") || strings.HasPrefix(s.kind, "guest "):
		did = w.deed(strings.TrimPrefix(s.kind, "person "), rng)
	case s.kind == "release":
		a := oneOf(rng, w.artifacts()...)
		w.release(a, w.next(a, rng))
	case s.kind == "retag":
		did = w.retag(oneOf(rng, w.artifacts()...))
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
		if chance(rng, 50) {
			t.app = ""
		}
		if s.kind == "engine" {
			t.app = oneOf(rng, "engine 0", "engine 1", "")
		}
	case "slander", "flatter", "blamed":
		w.meddled = true
	case "partial list":
		w.troubles = append(w.troubles, trouble{kind: s.kind, app: oneOf(rng, w.artifacts()...).Name, from: w.now, to: w.now.Add(s.span)})
		return
	case "ages": // days in which nothing happens
		return
	case "flaps":
		for i := range 4 {
			from := w.now.Add(time.Duration(i) * 3 * time.Minute)
			w.troubles = append(w.troubles, trouble{kind: "ill", app: app, from: from, to: from.Add(40 * time.Second)})
		}
		return
	}
	if s.pick%2 == 0 || s.kind == "half" { // it waits for a merge: then it is least expected
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
	if x.kind == "half" {
		w.half(slots, x)
		return
	}
	w.armed = w.armed[1:]
	s := slots[int(x.after/time.Second)%len(slots)]
	r := s.reaches[0]
	r.Wave = 0
	t := trouble{kind: x.kind, app: named(r), from: w.now.Add(x.after), to: w.now.Add(x.after + x.span)}
	if x.kind == "engine" {
		t.app = fmt.Sprintf("engine %d", int(x.after/time.Second)%2)
	}
	w.troubles = append(w.troubles, t)
	w.injected[x.kind+" after a merge"]++
	w.tell("** %s at %s in %s for %s", x.kind, named(r), x.after, x.span)
}

// half lets one of the places that a merge reached be out of reach for longer
// than anybody's patience, and another one not come to an end, too.
func (w *world) half(slots []*slot, x armed) {
	var places []string
	for _, s := range slots {
		for _, r := range s.reaches {
			r.Wave = 0
			places = append(places, named(r))
		}
	}
	if len(places) < 2 {
		return // it waits for another merge
	}
	w.armed = w.armed[1:]
	for i, kind := range []string{"blind", []string{"stalled", "ill", "blocked", ""}[int(x.after/time.Second)%4]} {
		if kind == "" {
			continue // all the others are well
		}
		w.troubles = append(w.troubles, trouble{kind: kind, app: places[(i+int(x.after/time.Minute))%len(places)], from: w.now, to: w.now.Add(6 * time.Hour)})
	}
	w.injected["half after a merge"]++
	w.tell("** half of it is blind, half of it stands")
}

// stumble lets something befall Promoter.
func (w *world) stumble(s step, rng *rand.Rand) {
	for_ := min(s.span, 25*time.Minute)
	switch s.kind {
	case "unreadable":
		w.troubles = append(w.troubles, trouble{kind: s.kind, app: oneOf(rng, "pulls", "talk", "seals", "approvals", "rights", "branches", "seals of merges", "seals of merges", "seals of heads"), from: w.now, to: w.now.Add(for_)})
	case "unread":
		w.troubles = append(w.troubles, trouble{kind: s.kind, app: oneOf(rng, w.slots...).file, from: w.now, to: w.now.Add(for_)})
	case "dim":
		w.troubles = append(w.troubles, trouble{kind: s.kind, app: oneOf(rng, w.slots...).key(), from: w.now, to: w.now.Add(for_)})
	case "unlisted":
		w.troubles = append(w.troubles, trouble{kind: s.kind, app: oneOf(rng, w.artifacts()...).Name, from: w.now, to: w.now.Add(for_)})
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
	case "last word late":
		w.tardy = append(w.tardy, tardy{time.Duration(2+rng.IntN(8)) * time.Minute, chance(rng, 70)})
	case "killed before", "killed after", "fails", "answer lost", "write twice", "bot between", "person between":
		w.wounding = append(w.wounding, wounding{wounds[s.kind], rng.IntN(6), s.pick})
	default:
		w.pending = append(w.pending, stumble{kind: s.kind, span: time.Duration(1+rng.IntN(8)) * time.Minute})
	}
}

// tardy is a process that is held up between its look and its last word: a
// verdict, or an issue.
type tardy struct {
	span    time.Duration
	changed bool // by then a person has done something that makes it wrong
}

// heldUp is the tardy one that has decided on what it will be late with.
func (w *world) heldUp(todo []promoter.Action) (tardy, bool) {
	if len(w.tardy) == 0 || w.between {
		return tardy{}, false
	}
	for _, a := range todo {
		seal, isSeal := a.(promoter.WriteSeal)
		ticket, isTicket := a.(promoter.OpenTicket)
		switch {
		case isSeal && seal.Seal.Stage == promoter.StageVerdict && seal.Seal.Verdict == promoter.Pass && seal.Number > 0:
			if p := w.forge.pull(seal.Number); p != nil && w.tardy[0].changed {
				w.touch(p)
				_ = w.label(p.Number, people[0], promoter.RevertLabel)
			}
		case isSeal && seal.Seal.Stage == promoter.StageVerdict && seal.Seal.Verdict == promoter.Fail && !seal.Asked:
			for i := range w.troubles {
				if t := &w.troubles[i]; t.kind == "blamed" && w.tardy[0].changed && w.now.Before(t.to) {
					t.to = w.now // it heals, and another finds it well
				}
			}
		case isTicket && !ticket.Stop:
			if w.tardy[0].changed {
				w.awaits = append(w.awaits, awaited{event: "asked", deed: "closes issue"})
			}
		default:
			continue
		}
		x := w.tardy[0]
		w.tardy = w.tardy[1:]
		w.injected["a last word late"]++
		return x, true
	}
	return tardy{}, false
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
