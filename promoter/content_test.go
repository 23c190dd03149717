package promoter

import (
	"strings"
	"testing"
	"time"
)

const (
	contentA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	contentB = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	contentC = "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
)

var contentPlace = Place{File: "prod/web.yaml", Path: "image.digest"}

// besides is a target at 1.0.0 with a digest in a scalar of its own.
func besides(digest string) *Target {
	at := contentPlace
	at.Written = digest
	return &Target{Pin: Pin{
		Artifact: Artifact{Kind: Image, Name: "web"}, Version: "1.0.0", Form: Exact, Digest: digest,
		Place: Place{File: at.File, Path: "image.tag", Written: "1.0.0"}, DigestPlace: &at,
	}}
}

// TestAnOlderContentIsNoWayForward: an image was published anew under its
// version, and a person took the first wave back to what it was before. That is
// that wave's business: no other is brought back to it, and what nobody can put
// in order moves nothing.
func TestAnOlderContentIsNoWayForward(t *testing.T) {
	from := contentPlace
	from.Written = contentA
	brought := Pull{Number: 1, Branch: Branch{Change: "web-1", Wave: "dev"}.String(), State: PullMerged, MergedAt: start, Edits: []Edit{{Place: from, To: contentB}}}
	reverted := brought
	reverted.Branch = Branch{Change: "web-1", Wave: "dev", Revert: true}.String()
	for _, c := range []struct {
		name             string
		pull             Pull
		at, goal, out    string // out is what is published under the version now
		reached, forward bool
	}{
		{"on to what replaced it", brought, contentA, contentB, contentC, false, true},
		{"back to what was replaced", brought, contentB, contentA, contentC, true, false},
		{"to what is published now", brought, contentC, contentB, contentB, false, true},
		{"to what nobody knows", brought, contentB, contentC, contentA, false, false},
		{"from what nobody knows", brought, contentC, contentB, contentA, false, false},
		{"a revert says nothing of what is newer", reverted, contentA, contentB, contentC, false, false},
		{"away from what is published now", reverted, contentC, contentB, contentC, true, false},
	} {
		p := newPlanner(Observation{Pulls: []Pull{c.pull}}, Policy{}, start.Add(time.Hour))
		x, g := besides(c.at), goal{"1.0.0", c.goal}
		out := Release{Version: "1.0.0", Digest: c.out}
		if x.Choice.Current = &out; c.out != c.at {
			x.Choice.Updates = []Release{out}
		}
		reached := p.reached(x, g)
		if forward := !reached && p.allows(x, g); reached != c.reached || forward != c.forward {
			t.Errorf("%s: reached %v, a way forward %v", c.name, reached, forward)
		}
		if why := p.waitReason(x, g); !strings.Contains(why, "aaaaaaaa") && !strings.Contains(why, "bbbbbbbb") {
			t.Errorf("%s: %q does not say which contents are meant", c.name, why)
		}
	}
}

// TestAnotherContentIsNotOurs: a person wrote another digest beside a version
// that a pull of ours had brought, and that had passed. What runs there now is
// not what has passed.
func TestAnotherContentIsNotOurs(t *testing.T) {
	tag, digest := besides(contentA).Pin.Place, contentPlace
	pull := Pull{Number: 1, Branch: Branch{Change: "web-1", Wave: "production"}.String(), State: PullMerged, Merge: "m", MergedAt: start,
		Edits: []Edit{{Place: tag, To: "1.0.0", Release: "1.0.0"}, {Place: digest, To: contentA}}}
	for at, ours := range map[string]bool{contentA: true, contentB: false} {
		p := newPlanner(Observation{Pulls: []Pull{pull}, Targets: []Target{*besides(at)}}, Policy{Delivers: true}, start)
		p.findTrials()
		if stands := p.trialOf[&p.obs.Targets[0]] != nil; stands != ours {
			t.Errorf("at %s: it stands as ours: %v", shortDigest(at), stands)
		}
	}
}

// TestWhatCameBackUnderAnotherName: the same version goes by another change in
// the next wave, because only one place in this one has its digest written. A
// revert brought it back here before it had passed.
func TestWhatCameBackUnderAnotherName(t *testing.T) {
	tag, digest := besides(contentA).Pin.Place, contentPlace
	edits := []Edit{{Place: tag, To: "1.0.0", Release: "1.0.0"}, {Place: digest, To: contentA}}
	x := besides(contentA)
	for _, c := range []struct {
		name  string
		at    string
		seals map[string]Sealing
		want  string
	}{
		{"it never passed", contentA, map[string]Sealing{"m": {}}, "left it before #1 had passed"},
		{"it passed", contentA, map[string]Sealing{"m": {Seals: []Seal{{Commit: "m", Stage: StageVerdict, Verdict: Pass, At: start}}}}, ""},
		{"not read yet", contentA, nil, "its seals are not read yet"},
		{"somebody else's", contentB, map[string]Sealing{"m": {}}, "had it from no pull request of Promoter's"},
	} {
		obs := Observation{Sealings: c.seals, Pulls: []Pull{{Number: 1, Branch: Branch{Change: "web-1-with-digest", Wave: "staging"}.String(), State: PullMerged, Merge: "m", Edits: edits}}}
		p := newPlanner(obs, Policy{Waves: []Wave{{Name: "staging"}, {Name: "production", After: []int{0}}}}, start)
		p.seePull(&obs.Pulls[0])
		revert := &trial{pull: &Pull{Number: 2}, branch: Branch{Change: "web-2", Wave: "staging", Revert: true}, standing: proven}
		*x = *besides(c.at)
		prop := proposal{wave: 1, sheet: Sheet{Change: "web-1", Members: []SheetMember{{Artifact: x.Pin.Artifact, Version: "1.0.0"}}}}
		if why := p.cameBack(prop, 0, x, revert); c.want == "" && why != "" || !strings.Contains(why, c.want) {
			t.Errorf("%s: %q", c.name, why)
		}
		if asks := len(p.out.Questions) > 0; asks != (c.seals == nil) {
			t.Errorf("%s: it asks for seals: %v", c.name, asks)
		}
	}
}

// TestWhatIsTakenBackIsNamed: people read versions, and the content where that
// is all that moves; in whichever scalars both are written.
func TestWhatIsTakenBackIsNamed(t *testing.T) {
	at := func(version, digest string, beside bool) *Target {
		x := besides(digest)
		x.Pin.Version, x.Pin.Place.Written = version, version
		if !beside {
			x.Pin.DigestPlace, x.Pin.Place.Written = nil, "example.com/web:"+version+"@"+digest
		}
		return x
	}
	for _, c := range []struct {
		name, was, digest, title string
		beside                   bool
	}{
		{"a version with its content", "0.9.0", contentA, "revert dev: web 1.0.0 -> 0.9.0", true},
		{"both in one scalar", "0.9.0", contentA, "revert dev: web 1.0.0 -> 0.9.0", false},
		{"what was published anew", "1.0.0", contentA, "revert dev: web 1.0.0@bbbbbbbb -> 1.0.0@aaaaaaaa", true},
		{"the same in one scalar", "1.0.0", contentA, "revert dev: web 1.0.0@bbbbbbbb -> 1.0.0@aaaaaaaa", false},
	} {
		x := at("1.0.0", contentB, c.beside)
		old := at(c.was, c.digest, c.beside)
		forward, why := old.edits(goal{"1.0.0", contentB})
		if why != "" {
			t.Fatalf("%s: %s", c.name, why)
		}
		tr := &trial{pull: &Pull{Number: 1}}
		var back []Edit
		p := newPlanner(Observation{}, Policy{}, start)
		for _, e := range forward {
			inverse, why := p.inverse(x, e)
			if why != "" {
				t.Fatalf("%s: %s", c.name, why)
			}
			tr.targets, tr.edits, back = append(tr.targets, x), append(tr.edits, e), append(back, inverse)
		}
		s := Sheet{Wave: "dev", Revert: &SheetRevert{}, Members: returning(&unit{artifacts: []Artifact{x.Pin.Artifact}}, tr, back)}
		if s.Title() != c.title {
			t.Errorf("%s: %q, want %q", c.name, s.Title(), c.title)
		}
		from, to := tr.way("")
		if want := strings.TrimPrefix(c.title, "revert dev: web "); want != to+" -> "+from {
			t.Errorf("%s: the line says %q -> %q, and its revert %q", c.name, from, to, want)
		}
		// Once it is taken back, what failed is known by it.
		taken := &trial{branch: Branch{Revert: true}, targets: []*Target{}, edits: []Edit{}}
		for _, e := range back {
			taken.targets, taken.edits = append(taken.targets, old), append(taken.edits, e)
		}
		if g := taken.failedAt(old); g != (goal{"1.0.0", contentB}) {
			t.Errorf("%s: %s failed", c.name, g)
		}
	}
}

// TestAnOlderContentFarBackHolds: a person took a republished image back in the
// first wave. The last one does not get it from the second.
func TestAnOlderContentFarBackHolds(t *testing.T) {
	from := contentPlace
	from.Written = contentA
	brought := Pull{Number: 1, Branch: Branch{Change: "web-1", Wave: "dev"}.String(), State: PullMerged, MergedAt: start, Edits: []Edit{{Place: from, To: contentB}}}
	for dev, want := range map[string]string{contentA: contentA, contentB: contentB, contentC: contentB} {
		u := &unit{steps: [][]*Target{{besides(dev)}, {besides(contentB)}, {besides(contentA)}}, blind: make([][]*Target, 3)}
		a := u.steps[0][0].Pin.Artifact
		u.artifacts = []Artifact{a}
		p := newPlanner(Observation{Pulls: []Pull{brought}}, Policy{Waves: []Wave{{Name: "dev"}, {Name: "staging", After: []int{0}}, {Name: "production", After: []int{1}}}}, start)
		goals, _ := p.goals(u, 2, goalSet{}.with(a, goal{"1.0.0", contentC}))
		if goals.at(a).digest != want {
			t.Errorf("the first wave has %s: the last goes to %s, want %s", shortDigest(dev), goals.at(a), shortDigest(want))
		}
	}
}
