package report

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"promoter/promoter"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func at(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }

func sealed(stage promoter.Stage, level promoter.Level, minutes int, reason string) promoter.Seal {
	return promoter.Seal{Stage: stage, Verdict: level, At: at(minutes), Reason: reason}
}

const (
	good     = "2 applications converged, 1 gate passed"
	healthy  = "1 application converged"
	gateBad  = "gate errors (staging): 3 of the last 5 samples are bad"
	sickApp  = "web in staging: degraded for 5m0s"
	restored = "restored: 1 application converged"
)

// pull is a merged pull, opened and merged at minutes.
func pull(number int, change string, wave, opened, merged int, seals ...promoter.Seal) Pull {
	return Pull{
		Number: number, Branch: promoter.Branch{Change: change, Wave: waveNames[wave]}, Wave: wave, State: promoter.PullMerged,
		Opened: at(opened), Merged: at(merged), Chosen: true, Seals: seals,
	}
}

var waveNames = []string{"dev", "staging", "production"}

func with(p Pull, change func(*Pull)) Pull { change(&p); return p }

func revert(p *Pull) { p.Branch.Revert = true }

func open(p *Pull) { p.State, p.Merged, p.Seals = promoter.PullOpen, time.Time{}, nil }

func shut(p *Pull) { p.State, p.Merged, p.Seals = promoter.PullClosed, time.Time{}, nil }

func unread(p *Pull) { p.Unread, p.ApprovalsUnread, p.Seals = "502", "502", nil }

func facts(changes map[string]Change, pulls ...Pull) Facts {
	return Facts{Since: noon, Until: noon.Add(10 * 24 * time.Hour), Waves: waveNames, Pulls: pulls, Changes: changes}
}

// everywhere is a change that every wave has.
func everywhere() Change {
	return Change{Subject: "web = 2", Standing: []Standing{{Wave: 0, Reads: 1}, {Wave: 1, Reads: 1}, {Wave: 2, Reads: 2}}}
}

// story is a change that arrived, one that failed and was taken back, and one
// that is on its way.
func story() Facts {
	return facts(map[string]Change{
		"good": everywhere(),
		"bad":  {Standing: []Standing{{Wave: 0, Reads: 1}, {Wave: 1, Behind: 1}, {Wave: 2, Behind: 1}}},
		"way":  {Standing: []Standing{{Wave: 0, Reads: 1}, {Wave: 1, Behind: 1}}},
	},
		pull(1, "good", 0, 0, 10, sealed(promoter.StageVerdict, promoter.Pass, 20, good)),
		with(pull(2, "good", 1, 21, 30, sealed(promoter.StageVerdict, promoter.Pass, 60, good)), func(p *Pull) { p.Approvers = []string{"ana"} }),
		pull(3, "good", 2, 61, 70, sealed(promoter.StageVerdict, promoter.Pass, 90, good)),
		pull(4, "good", 2, 61, 80, sealed(promoter.StageVerdict, promoter.Pass, 130, healthy)),
		pull(5, "bad", 0, 5, 15, sealed(promoter.StageVerdict, promoter.Pass, 25, healthy)),
		pull(6, "bad", 1, 26, 100, sealed(promoter.StageConverged, promoter.Pass, 102, healthy), sealed(promoter.StageVerdict, promoter.Fail, 108, gateBad)),
		with(pull(7, "bad", 1, 109, 112, sealed(promoter.StageVerdict, promoter.Pass, 118, restored)), revert),
		pull(8, "way", 0, 40, 50, sealed(promoter.StageVerdict, promoter.Pass, 58, good)),
		with(pull(9, "way", 1, 59, 0), open),
	)
}

func byKey(t *testing.T, r Report, key string) Measure {
	t.Helper()
	for _, m := range r.Measures {
		if m.Key == key {
			return m
		}
	}
	t.Fatalf("no measure %s", key)
	return Measure{}
}

func TestRollouts(t *testing.T) {
	t.Parallel()
	r := Rollouts(story())
	for key, want := range map[string]string{
		keySuccess:  "50.0 %: 1 of 2 changes that ended; 1 failed; not counted: 1 on its way",
		keyCanary:   "100.0 %: 3 of 3 verdicts in a first wave",
		keyDetect:   "8m: n=1 (failed merges)",
		keyRollback: "4m: n=1 (failed merges that a revert took back)",
		keyRestore:  "10m: n=1 (failed merges whose revert is sealed as restored)",
		keyWave:     "p50 10m, p90 1h: n=5 (waves passed whole); mean 23m36s, longest 1h",
		keyPer100:   "14.29: n=7 (merges); 1 merged revert",
		keyPerWeek:  "0.70: n=1 (merged reverts)",
		keyCoverage: "71.4 %: 5 of 7 merges; 2 judged by their applications' health alone",
		keyLead:     "1h20m: n=1 (changes)",
		keyProven:   "2h10m: n=1 (changes)",
		keyApproved: "12.5 %: 1 of 8 merges, reverts too",
		keyByHand:   "unknown: no version has moved on the branch in this time",
	} {
		m := byKey(t, r, key)
		if got := m.Value() + ": " + m.Text(); got != want {
			t.Errorf("%s:\n got %s\nwant %s", m.Title, got, want)
		}
	}
	want := []Told{
		{"good", "web = 2", Arrived, "in production"},
		{"bad", "", Failed, "#6: " + gateBad},
		{"way", "", UnderWay, "#9 is open"},
	}
	if diff := cmp.Diff(want, r.Changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	one, two, none := 1, 2, 0
	rows := []Row{
		{Wave: "dev", Merged: 3, Passed: new(3), Failed: &none, Undecided: &none, Complete: 3, Duration: timeOf([]time.Duration{8 * time.Minute, 10 * time.Minute, 10 * time.Minute})},
		{Wave: "staging", Merged: 2, Passed: &one, Failed: &one, Undecided: &none, TakenBack: 1, Complete: 1, Duration: timeOf([]time.Duration{30 * time.Minute})},
		{Wave: "production", Merged: 2, Passed: &two, Failed: &none, Undecided: &none, Complete: 1, Duration: timeOf([]time.Duration{time.Hour})},
	}
	if diff := cmp.Diff(rows, r.Waves); diff != "" {
		t.Errorf("waves (-want +got):\n%s", diff)
	}
}

func TestNothingIsDividedByNothing(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]Facts{
		"no facts": {},
		"no pulls": facts(nil),
		"all unread": facts(map[string]Change{"good": everywhere()},
			with(pull(1, "good", 2, 0, 10), unread)),
		"outside": facts(map[string]Change{"good": everywhere()}, pull(1, "good", 2, -100, -90, sealed(promoter.StageVerdict, promoter.Pass, -80, good))),
	} {
		r := Rollouts(f)
		for _, m := range r.Measures {
			if (m.Share != nil || m.Time != nil) && m.N == 0 {
				t.Errorf("%s: %s has a number of nothing: %s", name, m.Title, m.Value())
			}
			if m.N == 0 && m.Count == nil && m.Rate == nil && m.Unknown == "" {
				t.Errorf("%s: %s has neither a number nor a reason", name, m.Title)
			}
		}
		data, err := json.Marshal(r)
		if err != nil || strings.Contains(string(data), "NaN") {
			t.Errorf("%s: %v %s", name, err, data)
		}
	}
	h := History(Past{Since: noon, Until: at(10), Tracker: &Tracker{}})
	for _, m := range h.Measures {
		if m.Count == nil && m.Unknown == "" && m.N == 0 && m.Rate == nil {
			t.Errorf("history: %s has neither a number nor a reason", m.Title)
		}
	}
}

func TestFates(t *testing.T) {
	t.Parallel()
	dev := pull(1, "x", 0, 0, 10, sealed(promoter.StageVerdict, promoter.Pass, 20, good))
	staging := pull(2, "x", 1, 21, 30, sealed(promoter.StageVerdict, promoter.Pass, 40, good))
	at := func(s ...Standing) Change { return Change{Standing: s} }
	tests := []struct {
		name   string
		on     *Change
		pulls  []Pull
		want   Fate
		reason string
	}{
		{"arrived", new(at(Standing{Wave: 0, Reads: 1}, Standing{Wave: 1, Reads: 1})), []Pull{dev, staging}, Arrived, "in staging"},
		{"a place of the last wave is behind", new(at(Standing{Wave: 0, Reads: 1}, Standing{Wave: 1, Reads: 1, Behind: 1})), []Pull{dev, staging}, UnderWay, "1 place would take it"},
		{"a later wave is behind", new(at(Standing{Wave: 0, Reads: 1}, Standing{Wave: 2, Behind: 2})), []Pull{dev}, UnderWay, "2 places would take it"},
		{"what policy keeps does not count", new(at(Standing{Wave: 0, Reads: 1}, Standing{Wave: 2, Other: 2})), []Pull{dev}, Arrived, "in dev"},
		{"no verdict in the last wave", new(at(Standing{Wave: 0, Reads: 1}, Standing{Wave: 1, Reads: 1})), []Pull{dev, with(staging, func(p *Pull) { p.Seals = nil })}, Unjudged, "#2 has no verdict"},
		{"failed, whatever came of it", new(at(Standing{Wave: 1, Reads: 1})), []Pull{dev, with(staging, func(p *Pull) {
			p.Seals = []promoter.Seal{sealed(promoter.StageVerdict, promoter.Fail, 35, sickApp)}
		})}, Failed, "#2: " + sickApp},
		{"of the same second the worse", new(at(Standing{Wave: 1, Reads: 1})), []Pull{with(staging, func(p *Pull) {
			p.Seals = append(p.Seals, sealed(promoter.StageVerdict, promoter.Fail, 40, sickApp))
		})}, Failed, "#2: " + sickApp},
		{"taken back", new(at(Standing{Wave: 1, Behind: 1})), []Pull{dev, staging, with(pull(3, "x", 1, 50, 60), revert)}, Failed, "taken back by #3"},
		{"an open revert takes nothing back", new(at(Standing{Wave: 1, Reads: 1})), []Pull{staging, with(with(pull(3, "x", 1, 50, 60), revert), open)}, Arrived, "in staging"},
		{"not read", new(at(Standing{Wave: 1, Reads: 1})), []Pull{dev, with(staging, unread)}, Unclear, "the verdict on #2 was not read"},
		{"not read, and failed elsewhere", new(at(Standing{Wave: 1, Reads: 1})), []Pull{with(dev, unread), with(staging, func(p *Pull) {
			p.Seals = []promoter.Seal{sealed(promoter.StageVerdict, promoter.Fail, 35, sickApp)}
		})}, Failed, "#2: " + sickApp},
		{"artifact unknown", nil, []Pull{dev}, Unclear, "nothing in Git says any more what it brought"},
		{"overtaken", new(at(Standing{Wave: 0, Other: 1}, Standing{Wave: 1, Other: 1})), []Pull{dev, with(staging, open)}, UnderWay, "#2 is open"},
		{"overtaken, nothing open", new(at(Standing{Wave: 0, Other: 1}, Standing{Wave: 1, Other: 1})), []Pull{dev, with(staging, shut)}, Overtaken, "nothing reads it any more, and nothing would take it"},
		{"taken away", new(at(Standing{Wave: 0, Behind: 1}, Standing{Wave: 1, Behind: 1})), []Pull{dev}, Removed, "nothing reads it any more"},
		{"refused", new(at(Standing{Wave: 0, Reads: 1}, Standing{Wave: 1, Behind: 1})), []Pull{dev, with(staging, shut)}, Refused, "#2 was closed"},
		{"closed by us", new(at(Standing{Wave: 0, Reads: 1}, Standing{Wave: 1, Behind: 1})), []Pull{dev, with(with(staging, shut), func(p *Pull) {
			p.Labels = []string{promoter.SupersededLabel}
		})}, UnderWay, "1 place would take it"},
		{"people brought the rest", new(at(Standing{Wave: 0, Reads: 1}, Standing{Wave: 1, Reads: 1})), []Pull{dev}, Unjudged, "people brought it to the rest"},
		{"an unknown wave", new(at()), []Pull{with(dev, func(p *Pull) { p.Wave = -1 })}, Unclear, "the wave of its pulls is not known any more"},
	}
	for _, tt := range tests {
		on := map[string]Change{}
		if tt.on != nil {
			on["x"] = *tt.on
		}
		var pulls []Pull
		for _, p := range tt.pulls {
			p.Seals = append([]promoter.Seal(nil), p.Seals...)
			pulls = append(pulls, p)
		}
		r := Rollouts(facts(on, pulls...))
		if len(r.Changes) != 1 || r.Changes[0].Fate != tt.want || r.Changes[0].Why != tt.reason {
			t.Errorf("%s: got %+v, want %s: %s", tt.name, r.Changes, tt.want, tt.reason)
		}
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	pass, fail := promoter.Pass, promoter.Fail
	converged := sealed(promoter.StageConverged, pass, 1, healthy)
	tests := []struct {
		seals    []promoter.Seal
		evidence []string
		want     judged
	}{
		{nil, nil, byNothing},
		{[]promoter.Seal{converged}, nil, byNothing},
		{[]promoter.Seal{sealed(promoter.StageVerdict, pass, 1, good)}, nil, byGate},
		{[]promoter.Seal{sealed(promoter.StageVerdict, pass, 1, "12 applications converged, 3 gates passed")}, nil, byGate},
		{[]promoter.Seal{sealed(promoter.StageVerdict, pass, 1, "3 of 4 applications converged, set aside as not reachable: eu-1")}, nil, byHealth},
		{[]promoter.Seal{sealed(promoter.StageVerdict, pass, 1, healthy)}, nil, byHealth},
		{[]promoter.Seal{sealed(promoter.StageVerdict, fail, 1, gateBad)}, nil, byGate},
		{[]promoter.Seal{sealed(promoter.StageVerdict, fail, 1, sickApp)}, nil, byHealth},
		{[]promoter.Seal{sealed(promoter.StageVerdict, fail, 1, sickApp)}, []string{"gate errors (staging): unknown: 2 of 10 samples are in"}, byHealth},
		{[]promoter.Seal{sealed(promoter.StageVerdict, fail, 1, sickApp)}, []string{"gate errors (staging): pass: good"}, byGate},
		{[]promoter.Seal{sealed(promoter.StageVerdict, fail, 1, "a person asked to take it back")}, nil, byWord},
		{[]promoter.Seal{converged, sealed(promoter.StageVerdict, fail, 1, "a person asked to take it back")}, nil, byHealth},
	}
	for _, tt := range tests {
		p := Pull{Seals: tt.seals, Evidence: tt.evidence}
		if got := p.judge(); got != tt.want {
			t.Errorf("%v %q: judged by %d, want %d", tt.seals, tt.evidence, got, tt.want)
		}
	}
}

// What is not chosen counts nowhere, and a change's proposal and first wave are
// those of all its pulls.
func TestChosen(t *testing.T) {
	t.Parallel()
	f := story()
	for i := range f.Pulls {
		f.Pulls[i].Chosen = f.Pulls[i].Wave == 2
	}
	f.Changes = map[string]Change{"good": {Standing: []Standing{{Wave: 2, Reads: 2}}}}
	r := Rollouts(f)
	for key, want := range map[string]string{
		keySuccess: "1 of 1 changes that ended", keyCanary: "no merge into a first wave has a verdict", keyPer100: "n=2 (merges); 0 merged reverts", keyLead: "n=1 (changes)",
	} {
		if got := byKey(t, r, key).Text(); got != want {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
	}
	if got := byKey(t, r, keyLead).Value(); got != "1h20m" {
		t.Errorf("lead time %s: it begins where the change was proposed", got)
	}
}

func TestPeople(t *testing.T) {
	t.Parallel()
	f := story()
	f.Pulls = append(f.Pulls, with(pull(20, "no", 0, 200, 0), shut), with(with(pull(21, "old", 0, 200, 0), shut), func(p *Pull) { p.Labels = []string{promoter.SupersededLabel} }))
	f.Pulls[8].Labels = []string{promoter.HoldLabel}
	f.Commands = []Command{{9, promoter.VerbHold, "ana", at(70)}, {1, promoter.VerbHold, "ana", at(5)}, {1, promoter.VerbApprove, "ana", at(5)}, {77, promoter.VerbHold, "ana", at(5)}}
	f.Issues = []Issue{
		{Number: 30, Incident: true, Opened: at(10), Closed: at(40)}, {Number: 31, Incident: true, Opened: at(10), Open: true},
		{Number: 32, Stop: true, Opened: at(-10), Open: true}, {Number: 33, Stop: true, Opened: at(10), Closed: at(11)}, {Number: 34, Incident: true, Opened: at(-10), Closed: at(0)},
	}
	f.Hand = Hand{Moves: 10, Ours: 8, Back: 1}
	r := Rollouts(f)
	for key, want := range map[string]string{
		keyRefused: "1: pulls opened in this time", keyHolds: "2: pulls; 1 held now", keyStops: "1: issues; 1 open now",
		keyIncidents: "30m: n=1 (issues closed); 2 opened; 1 open now", keyByHand: "20.0 %: 2 of 10 moves; 1 of them put back what stood before",
	} {
		m := byKey(t, r, key)
		if got := m.Value() + ": " + m.Text(); got != want {
			t.Errorf("%s:\n got %s\nwant %s", m.Title, got, want)
		}
	}
	f.IssuesUnknown, f.HandUnknown, f.TalkUnknown, f.Commands = "issues could not be read: 502", "no history", "502", nil
	f.Pulls[8].Labels = nil
	r = Rollouts(f)
	for _, key := range []string{keyHolds, keyStops, keyIncidents, keyByHand} {
		if m := byKey(t, r, key); m.Unknown == "" {
			t.Errorf("%s: %s, and nobody could read it", m.Title, m.Value())
		}
	}
}

func TestRank(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 12; n++ {
		var took []time.Duration
		for i := n; i > 0; i-- {
			took = append(took, time.Duration(i)*time.Second)
		}
		m := timeOf(took)
		// The smallest of 1..n that at least so many percent do not exceed.
		smallest := func(percent int) Seconds {
			for i := 1; ; i++ {
				if 100*i >= percent*n {
					return Seconds(time.Duration(i) * time.Second)
				}
			}
		}
		if m.P50 != smallest(50) || m.P90 != smallest(90) || m.Max != Seconds(took[0]) {
			t.Errorf("of %d: %+v", n, m)
		}
	}
}

// Every definition is of a measure that is computed, and every measure has one.
func TestDefinitions(t *testing.T) {
	t.Parallel()
	for _, r := range []Report{Rollouts(story()), History(Past{Since: noon, Until: at(1), Tracker: &Tracker{}})} {
		var keys, defined []string
		for _, m := range r.Measures {
			keys = append(keys, m.Key+" "+m.Title)
		}
		for _, d := range Definitions(r.Kind) {
			defined = append(defined, d.Key+" "+d.Title)
		}
		if diff := cmp.Diff(defined, keys); diff != "" {
			t.Errorf("%s (-defined +computed):\n%s", r.Kind, diff)
		}
	}
}

func TestMarkdownIsQuiet(t *testing.T) {
	t.Parallel()
	f := story()
	f.Of, f.Gaps = "acme/<b>gitops</b>", []string{"read #1: @someone | `x` *y*\n- z"}
	text := Rollouts(f).Markdown()
	for _, bad := range []string{"<b>", "@someone", " | `x`", "\n- z", "read #1"} {
		if strings.Contains(text, bad) {
			t.Errorf("%q is in it:\n%s", bad, text)
		}
	}
	for i, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "| ") && strings.Count(line, " | ") != 2 && strings.Count(line, " | ") != 7 {
			t.Errorf("line %d has other columns: %s", i, line)
		}
	}
}

func ExampleMeasure() {
	m := byKeyOf(Rollouts(story()), keySuccess)
	fmt.Println(m.Title, m.Value(), m.Text())
	// Output: upgrade success rate 50.0 % 1 of 2 changes that ended; 1 failed; not counted: 1 on its way
}

func byKeyOf(r Report, key string) Measure {
	for _, m := range r.Measures {
		if m.Key == key {
			return m
		}
	}
	return Measure{}
}
