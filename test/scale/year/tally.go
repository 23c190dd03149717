package main

import (
	"math"
	"strings"
	"time"

	"promoter/gitops"
	"promoter/promoter"
)

// cause is why a look began.
type cause int

const (
	byStart cause = iota
	byHint
	byWake
	byRelease
	byPerson
	byChance
	causes
)

var causeNames = [causes]string{"start", "something was heard", "the decision asked for it", "a release was seen", "a person's day", "by chance"}

// hour is what happened in an hour.
type hour struct{ calls, content, pulls int32 }

// tally counts what a tenant's Promoter does.
type tally struct {
	looks   int
	plans   int
	took    time.Duration
	times   [histogram]int // plans by how long they took
	causes  [causes]int
	actions map[string]int
	calls   map[string]int
	fresh   int // pages of pulls that had changed since they were read
	byHand  int
	hours   []hour
	chance  time.Time // of the next look that nothing asks for
}

const histogram = 400

// planned notes how long a decision took: in buckets, each a twentieth wider
// than the one before it.
func (t *tally) planned(d time.Duration) {
	t.plans++
	t.took += d
	i := int(math.Log(max(float64(d.Microseconds()), 1)) / math.Log(1.05))
	t.times[min(i, histogram-1)]++
}

func (t *tally) action(a promoter.Action, o gitops.Outcome, err error) {
	if t.actions == nil {
		t.actions = map[string]int{}
	}
	verb, _, _ := strings.Cut(a.String(), " ")
	switch {
	case err != nil:
		t.actions["failed"]++
	case o.Stale:
		t.actions["stale"]++
	default:
		t.actions[verb]++
	}
}

// content are the calls that create content on a forge, each with how often a
// driver makes it: a pull is opened, then labelled.
var content = map[string]int32{"open pull": 2, "update pull": 1, "close pull": 2, "merge pull": 1, "comment": 1, "open issue": 1, "close issue": 2, "label": 1}

func (t *tenant) count(call string) { t.counts(call, 1) }

func (t *tenant) counts(call string, n int) {
	if t.tally.calls == nil {
		t.tally.calls = map[string]int{}
	}
	t.tally.calls[call] += n
	h := &t.tally.hours[min(int(t.now.Sub(t.begin)/time.Hour), len(t.tally.hours)-1)]
	switch call {
	case "git fetch", "git push":
		return
	case "open pull":
		h.pulls++
	}
	h.calls += int32(n)
	h.content += content[call] * int32(n)
}
