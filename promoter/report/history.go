package report

import (
	"fmt"
	"strings"
	"time"
)

// Past is a history that was tracked.
type Past struct {
	Of           string
	Filter       string
	Since, Until time.Time
	// From is the first commit's time, where the history is younger than Since.
	From    time.Time
	Waves   []string
	Tracker *Tracker
	Gaps    []string
}

const noVerdict = "Git holds no verdict: commits do not say whether a version was good"

// History computes what Git alone tells of a repository's upgrades, whoever
// made them.
func History(p Past) Report {
	if p.From.Before(p.Since) {
		p.From = p.Since
	}
	moves := p.Tracker.Moves(p.Since, p.Until)
	out := Report{Of: p.Of, Kind: KindHistory, Since: p.Since, Until: p.Until, Filter: p.Filter, Gaps: append([]string{}, p.Gaps...)}
	define := func(key, of string) Measure { return measure(historyDefinitions, key, of) }
	unknown := func(key, why string) Measure {
		m := define(key, "")
		m.Unknown = why
		return m
	}
	h := past{Past: p, moves: moves}
	out.Measures = []Measure{
		h.moved(), unknown(keySuccess, noVerdict), h.arrived(), unknown(keyCanary, noVerdict), unknown(keyDetect, noVerdict), h.stood(),
		h.spread(), h.perHundred(),
		perWeek(define(keyPerWeek, "moves that put back"), h.backs(), p.From, p.Until),
		unknown(keyCoverage, noVerdict), h.lead(keyLeadPart), h.lead(keyLead), h.who(), unknown(keyApproved, "Git holds no approvals: the forge does"),
	}
	out.Waves = h.rows()
	for _, m := range moves {
		if m.Back {
			b := Return{Commit: m.Commit.Hash, At: m.Commit.At, Artifact: m.Artifact, From: m.From, To: m.To}
			for _, w := range m.Waves {
				b.Waves = append(b.Waves, p.Waves[w])
			}
			out.PutBack = append(out.PutBack, b)
		}
	}
	return out
}

type past struct {
	Past
	moves []Move
}

func (h *past) backs() int {
	n := 0
	for _, m := range h.moves {
		if m.Back {
			n++
		}
	}
	return n
}

func (h *past) moved() Measure {
	places, artifacts, commits, nowhere := 0, map[string]bool{}, map[string]bool{}, 0
	for _, m := range h.moves {
		places += m.Places
		artifacts[m.Artifact], commits[m.Commit.Hash] = true, true
		if len(m.Waves) == 0 {
			nowhere++
		}
	}
	m := count(measure(historyDefinitions, keyMoves, "moves"), len(h.moves))
	if len(h.moves) > 0 {
		m.Notes = append(m.Notes, fmt.Sprintf("%s in %s, %s", plural(len(artifacts), "artifact"), plural(len(commits), "commit"), plural(places, "place")))
	}
	m.note(nowhere, "in no wave that is known")
	return m
}

// releases are those that began in the time looked at.
func (h *past) releases(yield func(*Release) bool) {
	for _, r := range h.Tracker.order {
		if !r.First.Before(h.Since) && !r.First.After(h.Until) && len(r.waves) > 0 && !yield(r) {
			return
		}
	}
}

func (h *past) arrived() Measure {
	arrived, back, alone, overtaken, under := 0, 0, 0, 0, 0
	for r := range h.releases {
		switch {
		case r.alone:
			alone++
		case !r.back.IsZero():
			back++
		case !r.complete.IsZero():
			arrived++
		case h.Tracker.stands(r):
			under++
		default:
			overtaken++
		}
	}
	m := share(measure(historyDefinitions, keyArrived, "releases that arrived or were taken back"), arrived, arrived+back, "no release has arrived in a last wave or was taken back")
	var beside []string
	for _, x := range []struct {
		n    int
		what string
	}{{under, "on their way, or in a part of their last wave"}, {overtaken, "overtaken by another version before"}, {alone, "of artifacts in fewer than two waves"}} {
		if x.n > 0 {
			beside = append(beside, fmt.Sprintf("%d %s", x.n, x.what))
		}
	}
	m.note(back, "taken back")
	if len(beside) > 0 {
		m.Notes = append(m.Notes, "not counted: "+strings.Join(beside, ", "))
	}
	return m
}

func (h *past) stood() Measure {
	var took []time.Duration
	unknown := 0
	for _, m := range h.moves {
		switch {
		case !m.Back:
		case m.Stood < 0:
			unknown++
		default:
			took = append(took, m.Stood)
		}
	}
	m := spans(measure(historyDefinitions, keyStood, "moves that put back"), took, "nothing was put back")
	m.note(unknown, "not counted: when the version came is not known")
	return m
}

func (h *past) spread() Measure {
	var took []time.Duration
	once, part := 0, 0
	for r := range h.releases {
		for _, s := range r.waves {
			if s.complete.IsZero() {
				part++
				continue
			}
			took = append(took, s.complete.Sub(s.begun))
			if s.complete.Equal(s.begun) {
				once++
			}
		}
	}
	m := spans(measure(historyDefinitions, keySpread, "waves that a release came to whole"), took, "no release has come to a whole wave")
	m.note(once, "by one commit")
	m.note(part, "not counted: waves that a release came to in part")
	return m
}

func (h *past) perHundred() Measure {
	n := len(h.moves) - h.backs()
	none := ""
	if n == 0 {
		none = "no version has moved in this time"
	}
	m := rate(measure(historyDefinitions, keyPer100, "moves that put nothing back"), 0, n, none)
	if none == "" {
		*m.Rate = 100 * float64(h.backs()) / float64(n)
		m.Notes = append(m.Notes, plural(h.backs(), "move")+" put back what stood before")
		lower := 0
		for _, x := range h.moves {
			if x.Lower && !x.Back {
				lower++
			}
		}
		m.note(lower, "more went down to another version than the one before: not counted")
	}
	return m
}

func (h *past) lead(key string) Measure {
	var took []time.Duration
	atOnce := 0
	for r := range h.releases {
		end := r.begun
		if key == keyLead {
			end = r.complete
		}
		switch {
		case r.alone || end.IsZero() || !r.back.IsZero():
		case r.begun.Equal(r.First):
			atOnce++
		default:
			took = append(took, end.Sub(r.First))
		}
	}
	m := spans(measure(historyDefinitions, key, "releases"), took, "no release has gone from one wave to the last one in turn")
	m.note(atOnce, "not counted: in the last wave from the first commit on")
	return m
}

func (h *past) who() Measure {
	by := map[Author]int{}
	for _, m := range h.moves {
		by[m.Commit.By]++
	}
	m := share(measure(historyDefinitions, keyWho, "moves"), by[Bot]+by[Ours], len(h.moves), "no version has moved in this time")
	m.note(by[Person], "by people")
	m.note(by[Ours], "by Promoter")
	return m
}

// rows are the waves in which something happened.
func (h *past) rows() []Row {
	var out []Row
	for w, name := range h.Waves {
		row := Row{Wave: name}
		var took []time.Duration
		for _, m := range h.moves {
			for _, at := range m.Waves {
				if at == w && m.Back {
					row.TakenBack++
				} else if at == w {
					row.Merged++
				}
			}
		}
		for r := range h.releases {
			if s := r.waves[w]; s != nil && !s.complete.IsZero() {
				took = append(took, s.complete.Sub(s.begun))
			}
		}
		row.Duration, row.Complete = timeOf(took), len(took)
		if row.Merged+row.TakenBack > 0 {
			out = append(out, row)
		}
	}
	return out
}
