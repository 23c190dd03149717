package main

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"time"

	"promoter/gitops/edit"
	"promoter/promoter"
)

// verdict says how a proposal stands to what the bot did.
type verdict string

const (
	same  verdict = "to the same version"
	newer verdict = "to a newer version"
	older verdict = "to an older version"
	other verdict = "to a version that cannot be compared with it"
	none  verdict = "not proposed"
	extra verdict = "extra"
)

// row is one line of the result.
type row struct {
	track    *track
	last     step // the bot's last, for what it updated
	verdict  verdict
	proposed *proposal
	why      string // for none and extra: the same words for the same cause
	detail   string
}

// proposal is what would be written for one pin.
type proposal struct {
	version, digest string
	to              string // the scalar
}

// result is all that is printed.
type result struct {
	commits  []commit
	pins     int // at the start
	problems int
	snapshot snapshot
	rows     []row
	loose    loose
	steps    int // the bot's, on pins that were there at the start
	lowered  int // pins that the bot left lower than it found them
	later    int // pins that came later and were updated by the bot
	pulls    int
	refused  []string // edits that cannot be made
}

// judge plans from the start with all that the window brought.
func (w *walk) judge(now time.Time) *result {
	r := &result{problems: w.problems, snapshot: w.seen, loose: w.loose}
	var tracks []*track
	for _, t := range w.pins.tracks {
		if t.born == nil {
			tracks = append(tracks, t)
			continue
		}
		if _, ok := t.last(true); ok {
			r.later++
		}
	}
	r.pins = len(tracks)
	targets := w.targets(tracks, now)
	d := promoter.Plan(promoter.Observation{Base: "main", Commit: w.head, Targets: targets}, w.policy(), now)
	r.pulls = len(d.Sheets)
	r.refused = w.refused(d.Sheets, now)
	proposals := proposalsOf(d.Sheets)
	for i, t := range tracks {
		r.add(t, targets[i], proposals[keyOf(t.first)], d.Lines, w)
	}
	return r
}

func (r *result) add(t *track, target promoter.Target, p *proposal, lines []promoter.Line, w *walk) {
	last, ok := t.last(true)
	for _, s := range t.steps {
		if s.commit.bot {
			r.steps++
		}
	}
	if ok && last.lowersFrom(t.first) {
		r.lowered++
		ok = false
	}
	switch {
	case ok && last.to.Version == t.first.Version && last.to.Digest == t.first.Digest:
		// There and back again: nothing was updated.
	case ok && p != nil && last.to.Artifact == t.first.Artifact:
		r.rows = append(r.rows, row{track: t, last: last, proposed: p, verdict: compare(t.first, last.to, p)})
	case ok:
		why, detail := whyNot(t, target, last, lines)
		r.rows = append(r.rows, row{track: t, last: last, verdict: none, why: why, detail: detail, proposed: p})
	case p != nil:
		r.rows = append(r.rows, row{track: t, proposed: p, verdict: extra, why: w.whyExtra(t, p)})
	}
}

// policy is one wave for everything, unless the configuration names waves:
// the question is what is proposed, not in which order.
func (w *walk) policy() promoter.Policy {
	pol := w.config.Policy(nil)
	pol.MaxOpen = 0
	if len(w.config.Waves) == 0 {
		pol.Waves = []promoter.Wave{{Name: "all", Split: promoter.SplitNone}}
	}
	for i := range pol.Waves {
		pol.Waves[i].MaxConcurrent = 0
	}
	return pol
}

func (w *walk) targets(tracks []*track, now time.Time) []promoter.Target {
	pol := w.policy()
	catalogs := map[promoter.Artifact]*promoter.Catalog{}
	var out []promoter.Target
	for _, n := range tracks {
		p := n.first
		t := promoter.Target{Pin: p}
		if len(w.config.Waves) > 0 {
			t.Wave = -1
			if l, ok := w.config.Locate(p.Place.File, p.App, p.Cluster); ok {
				t.Wave = w.config.WaveOf(l, pol.Waves)
			}
		}
		t.Wanted, _ = w.config.Wanted(p)
		t.Class, t.Group, t.Rank = w.config.Classify(p)
		switch {
		case p.Artifact.Name == "":
			t.Choice.Unknown = "the image's repository is the chart's default, not written here"
		case p.Artifact.Source == "":
			t.Choice.Unknown = "nothing here says where it comes from"
		default:
			c := catalogs[p.Artifact]
			if c == nil {
				c = promoter.Read(w.seen.listing(p.Artifact, w.began, now))
				catalogs[p.Artifact] = c
			}
			t.Choice = c.Choose(p, t.Wanted, now)
		}
		out = append(out, t)
	}
	return out
}

type placeKey struct {
	file  string
	start int
}

func keyOf(p promoter.Pin) placeKey { return placeKey{p.Place.File, p.Place.Start} }

// proposalsOf finds each pull's edits by their place. A digest that is written
// beside its version belongs to the version's place.
func proposalsOf(sheets []promoter.Sheet) map[placeKey]*proposal {
	out := map[placeKey]*proposal{}
	for _, s := range sheets {
		for _, e := range s.Edits {
			p := &proposal{to: e.To}
			if len(s.Members) > 0 {
				p.version, p.digest = s.Members[0].To, s.Members[0].Digest
			}
			out[placeKey{e.Place.File, e.Place.Start}] = p
		}
	}
	return out
}

// refused makes every edit on the files of the start, and says which cannot be
// made.
func (w *walk) refused(sheets []promoter.Sheet, now time.Time) []string {
	var out []string
	read := func(file string) ([]byte, bool, error) {
		blob, ok := w.start[file]
		if !ok {
			return nil, false, nil
		}
		data, err := w.git.blob(blob)
		return data, err == nil, err
	}
	for _, s := range sheets {
		if _, err := edit.Files(read, s.Edits, now); err != nil {
			out = append(out, fmt.Sprintf("%s: %v", s.Title(), err))
		}
	}
	return out
}

// compare says how a proposal stands to what the bot came to write.
func compare(first, done promoter.Pin, p *proposal) verdict {
	if p.to == done.Place.Written && (first.DigestPlace == nil || p.digest == done.Digest) {
		return same
	}
	a, b := p.version, done.Version
	n, ok := promoter.Compare(first.Artifact.Kind, a, b)
	switch {
	case !ok && a != b:
		return other
	case n < 0:
		return older
	case n == 0 && (done.Digest == "" || done.Digest == p.digest):
		return same
	}
	return newer // or the same, whose content moved on after the bot's last look
}

// quoted texts and numbers are what makes the same cause read differently.
var quoted = regexp.MustCompile(`"[^"]*"`)

// whyNot says why nothing is proposed where the bot updated.
func whyNot(t *track, target promoter.Target, last step, lines []promoter.Line) (why, detail string) {
	c, p := target.Choice, t.first
	switch {
	case last.to.Artifact != p.Artifact:
		return "another artifact had taken its place", fmt.Sprintf("%s, then %s", p.Artifact, last.to.Artifact)
	case p.Form == promoter.Commit:
		return "a commit: commits are not ordered", ""
	case c.Unknown != "":
		return quoted.ReplaceAllString(withoutName(c.Unknown, p), "…"), c.Unknown
	case p.Form == promoter.Floating && p.Digest != "":
		return "the digest of a name that moves", ""
	case p.Form == promoter.Digest:
		return "a digest without a version", ""
	case p.Form == promoter.Floating || p.Form == promoter.Missing:
		return "a name that moves", ""
	case len(c.Updates) > 0:
		return "planned otherwise", lineOf(lines, target)
	case len(c.Held) > 0:
		return "held: " + c.Held[0].Why, c.Held[0].Release.Version
	}
	if _, ok := promoter.Compare(p.Artifact.Kind, p.Version, last.to.Version); !ok {
		return "its versions are not written alike", ""
	}
	if p.Form == promoter.Range {
		return "within the range", ""
	}
	return "nothing newer in the snapshot", ""
}

// withoutName leaves out the artifact, whose name differs for the same cause.
func withoutName(why string, p promoter.Pin) string {
	for _, name := range []string{p.Artifact.Ref(), p.Artifact.Name} {
		if name != "" {
			why = strings.ReplaceAll(why, name, "…")
		}
	}
	return why
}

func lineOf(lines []promoter.Line, t promoter.Target) string {
	name := strings.TrimPrefix(t.Pin.Artifact.Name, "library/")
	for _, l := range lines {
		if (l.Subject == name || t.Group != "" && l.Subject == t.Group) && strings.Contains(l.From, cmp.Or(t.Pin.Version, t.Pin.Digest)) {
			return l.String()
		}
	}
	return "no line says why"
}

// whyExtra says what became of a pin that would be updated and that the bot
// left alone.
func (w *walk) whyExtra(t *track, p *proposal) string {
	v := w.seen[t.first.Artifact][p.version]
	if bot, ok := t.last(true); ok && bot.lowersFrom(t.first) {
		return "the bot lowered it"
	}
	people, ok := t.last(false)
	switch {
	case t.now.Artifact != t.first.Artifact:
		return "another artifact has taken its place"
	case ok && !people.lowersFrom(t.first):
		return "people updated it; proposed " + string(compare(t.first, people.to, p))
	case t.gone != nil && t.file:
		return "its file was removed"
	case t.gone != nil:
		return "it was removed from its file"
	case v == nil:
		return "left as it was"
	case v.start:
		return "left as it was; elsewhere the newer version was in use from the start"
	case v.commit.bot:
		return "left as it was; elsewhere the bot brought the newer version"
	}
	return "left as it was; elsewhere people brought the newer version"
}
