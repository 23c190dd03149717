package sim

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"promoter/gitops"
	"promoter/promoter"
)

// What is rarest is what people do between two steps of ours. So they lie in
// wait: a deed comes at the next event of a kind, at once or a while after.

// awaited is a deed that waits for an event.
type awaited struct {
	event string
	deed  string
	after time.Duration
	pick  uint64
}

// planned is a deed that an event has called for.
type planned struct {
	at     time.Time
	deed   string
	pick   uint64
	branch string
}

// ambushes are the events that people wait for, and what they do then.
var ambushes = map[string][]string{
	"pushed":      {"pushes bare", "pushes bare", "deletes bare"},
	"opened":      {"merges", "pushes and merges", "pushes and merges", "readies", "pushes", "comments revert", "closes", "its file cannot be read"},
	"merging":     {"edits beside it", "edits beside it", "pins the same"},
	"merged":      {"labels revert", "comments revert", "reverts", "pins over", "labels retry"},
	"converged":   {"labels revert", "reverts", "pins over"},
	"passed":      {"labels revert", "reverts", "pins over"},
	"failed":      {"reverts", "reverts", "pins over", "labels retry", "rewrites base", "nobody lists it", "nobody lists it"},
	"backing":     {"merges", "closes", "pushes", "reverts what failed", "drafts", "holds", "holds", "the seals cannot be read", "the seals cannot be read", "the seals cannot be read", "the seals cannot be read", "the seals cannot be read", "the seals cannot be read"},
	"passing":     {"labels revert", "asks another for it back", "asks another for it back"},
	"taken back":  {"pins over", "pins over", "labels retry", "reverts", "nobody lists it", "nobody lists it"},
	"asked":       {"closes issue", "reverts", "pins over", "the seals cannot be read", "the seals cannot be read"},
	"superseding": {"pushes", "merges"},
	"rewriting":   {"comments approve", "labels approved"},
}

// await lets a deed wait for an event.
func (w *world) await(s step, rng *rand.Rand) {
	event, deed, _ := strings.Cut(strings.TrimPrefix(s.kind, "when "), ": ")
	w.awaits = append(w.awaits, awaited{event: event, deed: deed, after: oneOf(rng, 0, 0, time.Minute, 10*time.Minute), pick: s.pick})
}

// occurs tells those who wait that something has happened to a branch.
func (w *world) occurs(event, branch string) {
	i := slices.IndexFunc(w.awaits, func(a awaited) bool { return a.event == event })
	if i < 0 {
		return
	}
	a := w.awaits[i]
	w.awaits = slices.Delete(w.awaits, i, i+1)
	d := planned{w.now.Add(a.after), a.deed, a.pick, branch}
	if a.after > 0 {
		w.plans = append(w.plans, d)
		slices.SortStableFunc(w.plans, func(a, b planned) int { return a.at.Compare(b.at) })
		return
	}
	w.carryOut(d)
}

// carryOut does what an event has called for.
func (w *world) carryOut(d planned) {
	rng := rand.New(rand.NewPCG(d.pick, 2))
	who := people[rng.IntN(len(people))]
	w.tell("** person %s (%s)", d.deed, d.branch)
	did := false
	switch d.deed {
	case "pushes bare":
		did = w.pushBare(d.branch, rng)
	case "deletes bare":
		if did = w.repo.refs[d.branch] != "" && w.forge.open(d.branch) == nil; did {
			delete(w.repo.refs, d.branch)
		}
	case "closes issue", "rewrites base":
		did = w.deed(d.deed, rng)
	case "edits beside it", "pins the same":
		did = w.editUnder(d, rng)
	case "the seals cannot be read":
		w.troubles, did = append(w.troubles, trouble{kind: "unreadable", app: "seals of merges", from: w.now, to: w.now.Add(40 * time.Minute)}), true
	case "nobody lists it":
		p := w.newest(d.branch)
		if p == nil || len(w.edited(p)) == 0 {
			return
		}
		w.troubles, did = append(w.troubles, trouble{kind: "unlisted", app: w.edited(p)[0].artifact.Name, from: w.now, to: w.now.Add(40 * time.Minute)}), true
	case "its file cannot be read":
		p := w.newest(d.branch)
		if p == nil || len(w.edited(p)) == 0 {
			return
		}
		w.troubles, did = append(w.troubles, trouble{kind: "unread", app: w.edited(p)[0].file, from: w.now, to: w.now.Add(40 * time.Minute)}), true
	case "asks another for it back": // before ours has written that it passed
		if p := w.newest(d.branch); p != nil && !w.between {
			did = w.deedOn("labels revert", who, p, rng)
			w.stepBetween()
		}
	case "reverts what failed":
		b, _ := promoter.ParseBranch(d.branch)
		for _, p := range w.forge.pulls {
			if ob, ok := promoter.ParseBranch(p.Branch); ok && p.State == "merged" && !ob.Revert && ob.Change == b.Change && ob.Wave == b.Wave && ob.Part == b.Part {
				did = w.deedOn("reverts", who, p, rng)
			}
		}
	default:
		if p := w.newest(d.branch); p != nil && w.fit(d.deed, p) {
			did = w.deedOn(d.deed, who, p, rng)
		}
	}
	if did {
		w.injected["in wait: "+d.deed]++
	}
}

// fit reports whether a deed can still be done to a pull.
func (w *world) fit(deed string, p *pull) bool {
	switch deed {
	case "merges", "pushes and merges", "readies", "pushes", "closes", "drafts", "holds", "comments approve", "labels approved":
		return p.State == "open"
	case "reverts", "pins over":
		return p.State == "merged"
	}
	return true
}

// editUnder is a person's commit to a file that a pull changes, in the second
// before it is merged: of another line, or of what the pull would write there.
func (w *world) editUnder(d planned, rng *rand.Rand) bool {
	p := w.newest(d.branch)
	if p == nil || p.State != "open" || len(w.edited(p)) == 0 {
		return false
	}
	s := oneOf(rng, w.edited(p)...)
	text := w.repo.head().files[s.file]
	if d.deed == "pins the same" {
		pinned, ok := w.pinned(s, text, bare(w.reads(s, p.Head)))
		if !ok || pinned == text {
			return false
		}
		w.meddle(s.artifact.Name)
		w.commitByPerson(map[string][]byte{s.file: []byte(pinned)}, "pin "+s.artifact.Name)
		return true
	}
	before, after, ok := strings.Cut(text, "note: \"")
	if !ok {
		return false
	}
	w.commitByPerson(map[string][]byte{s.file: []byte(before + "note: \"since " + w.now.Format("15:04:05") + ", " + after)}, "a note")
	return true
}

func (w *world) newest(branch string) *pull {
	for _, p := range slices.Backward(w.forge.pulls) {
		if p.Branch == branch {
			return p
		}
	}
	return nil
}

// pushBare is a person's commit on a branch of ours that has no pull yet.
func (w *world) pushBare(branch string, rng *rand.Rand) bool {
	if w.repo.refs[branch] == "" || w.forge.open(branch) != nil {
		return false
	}
	for _, s := range w.slots {
		if c := w.repo.objects[w.repo.refs[branch]]; strings.Contains(c.message, s.artifact.Name) {
			w.meddle(s.artifact.Name)
		}
	}
	return w.pushByPerson(&pull{Pull: gitops.Pull{Branch: branch, Head: w.repo.refs[branch]}}, rng)
}

// mergedOne and sealedOne turn what we did into events.
func (w *world) mergedOne(p *pull) {
	if b, _ := promoter.ParseBranch(p.Branch); b.Revert {
		w.occurs("taken back", p.Branch)
		return
	}
	w.occurs("merged", p.Branch)
}

func (w *world) sealing(hash string, s gitops.Status) {
	if stage, of, ok := promoter.ParseSeal(s.Context); ok && stage == promoter.StageVerdict && of == "" && s.State == "success" {
		if p := w.mergedAs(hash); p != nil {
			w.occurs("passing", p.Branch)
		}
	}
}

func (w *world) sealedOne(hash string, s gitops.Status) {
	stage, of, ok := promoter.ParseSeal(s.Context)
	p := w.mergedAs(hash)
	if !ok || of != "" || p == nil {
		return
	}
	switch {
	case stage == promoter.StageConverged:
		w.occurs("converged", p.Branch)
	case stage == promoter.StageVerdict && s.State == "failure":
		w.occurs("failed", p.Branch)
	case stage == promoter.StageVerdict:
		w.occurs("passed", p.Branch)
	}
}
