package report

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"promoter/promoter"
)

// chart is a pin at a place of its own; the wave is the file's name.
func chart(file, name, version string) promoter.Pin {
	return promoter.Pin{Artifact: promoter.Artifact{Kind: promoter.Chart, Name: name}, Version: version, Place: promoter.Place{File: file, Path: name}}
}

// tracked follows the files "dev", "staging" and "production", each a wave,
// and "all", which all waves share.
func tracked() *Tracker {
	return &Tracker{Where: func(p promoter.Pin) (At, bool) {
		for w, name := range waveNames {
			if strings.HasPrefix(p.Place.File, name) {
				return At{Waves: []int{w}}, true
			}
		}
		if p.Place.File == "all" {
			return At{Waves: []int{0, 1, 2}}, true
		}
		return At{}, p.Place.File != "hidden"
	}}
}

// commit writes versions of redis: "dev=1 production=2"; "dev=" removes it,
// "dev>" breaks the file.
func (t *Tracker) commit(minutes int, text string) {
	var files []File
	for word := range strings.FieldsSeq(text) {
		i := strings.IndexAny(word, "=>")
		f := File{Old: word[:i], New: word[:i], Broken: word[i] == '>'}
		if !t.Knows(f.Old) {
			f.Old = ""
		}
		if v := word[i+1:]; v != "" {
			f.Pins = []promoter.Pin{chart(word[:i], "redis", v)}
		}
		files = append(files, f)
	}
	t.Step(Commit{Hash: fmt.Sprint("c", minutes), At: at(minutes), By: Person}, files)
}

func (m Move) text() string {
	s := fmt.Sprintf("%s %s>%s %v x%d", m.Commit.Hash, m.From, m.To, m.Waves, m.Places)
	if m.Back {
		s += " back"
	}
	if m.Lower {
		s += " lower"
	}
	if m.Stood >= 0 {
		s += " after " + m.Stood.String()
	}
	return s
}

func TestMoves(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		commits []string // every ten minutes
		want    []string
	}{
		{"what comes and goes is no move", []string{"dev=1", "dev=", "dev=2"}, nil},
		{"a move", []string{"dev=1", "dev=2"}, []string{"c10 1>2 [0] x1 after 10m0s"}},
		{"one commit, several places", []string{"dev=1 staging=1 production=1", "dev=2 production=2"}, []string{"c10 1>2 [0 2] x2 after 10m0s"}},
		{"one commit, from different versions", []string{"dev=1 staging=2", "dev=3 staging=3"}, []string{"c10 1>3 [0] x1 after 10m0s", "c10 2>3 [1] x1 after 10m0s"}},
		{"put back", []string{"dev=1", "dev=2", "dev=1"}, []string{"c10 1>2 [0] x1 after 10m0s", "c20 2>1 [0] x1 back lower after 10m0s"}},
		{"the second try is no putting back", []string{"dev=1", "dev=2", "dev=1", "dev=2"}, []string{"c10 1>2 [0] x1 after 10m0s", "c20 2>1 [0] x1 back lower after 10m0s", "c30 1>2 [0] x1 after 10m0s"}},
		{"nor is the way up again", []string{"dev=3", "dev=2", "dev=3"}, []string{"c10 3>2 [0] x1 lower after 10m0s", "c20 2>3 [0] x1 after 10m0s"}},
		{"down to another one", []string{"dev=2", "dev=3", "dev=1"}, []string{"c10 2>3 [0] x1 after 10m0s", "c20 3>1 [0] x1 lower after 10m0s"}},
		{"commits have no order", []string{"dev=fa11", "dev=be57", "dev=fa11"}, []string{"c10 fa11>be57 [0] x1 after 10m0s", "c20 be57>fa11 [0] x1 back after 10m0s"}},
		{"a broken file keeps what it had", []string{"dev=1", "dev=2", "dev>", "dev=1"}, []string{"c10 1>2 [0] x1 after 10m0s", "c30 2>1 [0] x1 back lower after 20m0s"}},
		{"in no wave", []string{"x=1", "x=2"}, []string{"c10 1>2 [] x1 after 10m0s"}},
		{"left out", []string{"hidden=1", "hidden=2"}, nil},
		{"shared", []string{"all=1", "all=2"}, []string{"c10 1>2 [0 1 2] x1 after 10m0s"}},
	}
	for _, tt := range tests {
		k := tracked()
		for i, c := range tt.commits {
			k.commit(10*i, c)
		}
		var got []string
		for _, m := range k.Moves(noon, at(1000)) {
			got = append(got, m.text())
		}
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", tt.want) {
			t.Errorf("%s:\n got %q\nwant %q", tt.name, got, tt.want)
		}
	}
}

func TestRenamesAndLists(t *testing.T) {
	t.Parallel()
	k := tracked()
	listed := func(file string, pins ...promoter.Pin) []promoter.Pin {
		for i := range pins {
			pins[i].Place = promoter.Place{File: file, Path: fmt.Sprintf("images[%d]", i)}
		}
		return pins
	}
	k.Start("dev/a", listed("dev/a", chart("", "redis", "1"), chart("", "nginx", "1")))
	// Renamed, another one put before it, and moved at the same time; a stranger
	// comes to the old place.
	k.Step(Commit{Hash: "a", At: at(1)}, []File{
		{Old: "dev/a", New: "dev/b", Pins: listed("dev/b", chart("", "web", "7"), chart("", "redis", "2"), chart("", "nginx", "1"))},
		{New: "dev/a", Pins: listed("dev/a", chart("", "redis", "9"))},
	})
	// An artifact that another takes the place of did not move.
	k.Step(Commit{Hash: "b", At: at(2)}, []File{{Old: "dev/b", New: "dev/b", Pins: listed("dev/b", chart("", "api", "8"), chart("", "redis", "2"), chart("", "nginx", "2"))}})
	var got []string
	for _, m := range k.Moves(noon, at(10)) {
		got = append(got, m.Artifact+" "+m.text())
	}
	// How long the first ones had stood is not known.
	want := `["chart redis a 1>2 [0] x1" "chart nginx b 1>2 [0] x1"]`
	if fmt.Sprintf("%q", got) != want {
		t.Errorf("got %q, want %s", got, want)
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	k := tracked()
	for i, c := range []string{
		"dev=1 staging=1 production=1 production-2=1",
		"dev=2",            // 10
		"staging=2",        // 20
		"dev=3",            // 30
		"production=2",     // 40
		"production-2=2",   // 50: 2 has arrived
		"staging=3",        // 60
		"staging=2",        // 70: 3 is put back
		"dev=4 staging=4",  // 80
		"dev=5",            // 90
		"staging=5",        // 100: 4 is overtaken, 5 on its way
		"dev=5 solo=1",     // 110
		"solo=2 dev/one=1", // 120
	} {
		k.commit(10*i, c)
	}
	h := History(Past{Since: noon, Until: at(8 * 24 * 60), From: noon, Waves: waveNames, Tracker: k})
	for key, want := range map[string]string{
		keyMoves:    "12: moves; 1 artifact in 11 commits, 12 places; 1 in no wave that is known",
		keyArrived:  "50.0 %: 1 of 2 releases that arrived or were taken back; 1 taken back; not counted: 1 on their way, or in a part of their last wave, 1 overtaken by another version before",
		keyStood:    "10m: n=1 (moves that put back)",
		keySpread:   "p50 0s, p90 10m: n=9 (waves that a release came to whole); mean 1m7s, longest 10m; 8 by one commit",
		keyPer100:   "9.09: n=11 (moves that put nothing back); 1 move put back what stood before",
		keyLeadPart: "30m: n=1 (releases)",
		keyLead:     "40m: n=1 (releases)",
		keyWho:      "0.0 %: 0 of 12 moves; 12 by people",
	} {
		m := byKey(t, h, key)
		if got := m.Value() + ": " + m.Text(); got != want {
			t.Errorf("%s:\n got %s\nwant %s", m.Title, got, want)
		}
	}
	for _, key := range []string{keySuccess, keyCanary, keyDetect, keyCoverage, keyApproved} {
		if m := byKey(t, h, key); m.Unknown == "" {
			t.Errorf("%s is %s, and Git does not tell", m.Title, m.Value())
		}
	}
	if len(h.PutBack) != 1 || h.PutBack[0].Commit != "c70" || h.PutBack[0].Waves[0] != "staging" {
		t.Errorf("put back: %+v", h.PutBack)
	}
	// What began before the time looked at is not counted, and is known.
	h = History(Past{Since: at(65), Until: at(75), From: noon, Waves: waveNames, Tracker: k})
	if m := byKey(t, h, keyStood); m.N != 1 {
		t.Errorf("time to take back: n=%d", m.N)
	}
	if m := byKey(t, h, keyPer100); m.Unknown == "" {
		t.Errorf("rollbacks per 100 of no moves: %s", m.Value())
	}
}

// Clocks of committers that disagree make no negative time.
func TestClocks(t *testing.T) {
	t.Parallel()
	k := tracked()
	k.commit(100, "dev=1")
	k.commit(90, "dev=2")
	k.commit(50, "dev=1")
	for _, m := range k.Moves(noon, at(1000)) {
		if m.Stood < 0 {
			t.Errorf("%s", m.text())
		}
	}
}

// However a history goes, places are counted as they are, and nothing is
// counted twice.
func TestTrackerCountsWhatStands(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		k, now := tracked(), map[string]string{}
		for i := range 40 {
			file := []string{"dev", "staging", "production", "production-2", "all"}[r.IntN(5)]
			v := ""
			if r.IntN(6) > 0 {
				v = fmt.Sprint(1 + r.IntN(4))
			}
			k.commit(i, file+"="+v)
			now[file] = v
		}
		total, _ := k.census("chart redis", "1")
		want := map[int]int{}
		for file, v := range now {
			if v != "" {
				at, _ := k.Where(chart(file, "redis", v))
				for _, w := range at.Waves {
					want[w]++
				}
			}
		}
		if fmt.Sprint(total) != fmt.Sprint(want) {
			t.Fatalf("seed %d: %v, want %v", seed, total, want)
		}
		back := 0
		for _, m := range k.Moves(time.Time{}, at(1000)) {
			if m.From == m.To {
				t.Fatalf("seed %d: %s", seed, m.text())
			}
			if m.Back {
				back++
			}
		}
		for _, rel := range k.order {
			if !rel.complete.IsZero() && rel.complete.Before(rel.begun) || !rel.begun.IsZero() && rel.begun.Before(rel.First) {
				t.Fatalf("seed %d: %+v", seed, rel)
			}
		}
		if h := History(Past{Since: noon, Until: at(1000), Waves: waveNames, Tracker: k}); len(h.PutBack) != back {
			t.Fatalf("seed %d: %d put back, want %d", seed, len(h.PutBack), back)
		}
	}
}

func BenchmarkTracker(b *testing.B) {
	for b.Loop() {
		k := tracked()
		for i := range 1000 {
			k.commit(i, fmt.Sprintf("%s=%d", waveNames[i%3], i/3))
		}
	}
}
