package slo

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"promoter/promoter"
)

// randomTrace favours good samples, so that verdicts of all kinds come up.
func randomTrace(r *rand.Rand, n int) []Sample {
	alphabet := []rune("GGGGGGGGGGGGBBbMTDNISPXEK.")
	if r.IntN(2) == 0 {
		alphabet = []rune("GGGGGGGBBBb")
	}
	text := make([]rune, n)
	for i := range text {
		text[i] = alphabet[r.IntN(len(alphabet))]
	}
	return trace(string(text))
}

func TestProperties(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 11))
	judge := func(g Gate, samples []Sample, now time.Time) promoter.Level {
		v, _ := Judge(g, goodBaseline(), samples, nil, ready, now)
		return v.Level
	}
	seen := map[promoter.Level]int{}
	for round := range 1500 {
		g := testGate()
		g.Critical = r.IntN(4) == 0
		g.FailLimit = []Limit{{}, {1, 3}, {2, 4}, {4, 10}}[r.IntN(4)]
		n := 1 + r.IntN(25)
		samples, now := randomTrace(r, n), after(n)
		level := judge(g, samples, now)
		seen[level]++
		fail := func(what string, after promoter.Level) {
			t.Fatalf("round %d: %s: %s became %s\n%v", round, what, level, after, samples)
		}

		shuffled := slices.Clone(samples)
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if got := judge(g, append(shuffled, shuffled...), now); got != level {
			fail("order and repetition", got)
		}

		// What is blind may become another kind of blind, be added or be left
		// out: nothing passes by it, and nothing fails by it.
		blinded := slices.Clone(samples)
		for i := range blinded {
			if r.IntN(4) == 0 || blinded[i].Class.Blind() {
				blinded[i].Class = Class(int(Marginal) + r.IntN(int(Blackout-Marginal)+1))
			}
		}
		if got := judge(g, blinded, now); got == promoter.Pass && level != promoter.Pass {
			fail("blinding some samples", got)
		} else if got == promoter.Fail && level != promoter.Fail {
			fail("blinding some samples", got)
		}
		extra := trace(strings.Repeat(string([]rune("MTDNISPXEK")[r.IntN(10)]), n))
		if got := judge(g, append(slices.Clone(samples), extra...), now); got == promoter.Pass && level != promoter.Pass || got == promoter.Fail && level != promoter.Fail {
			fail("adding blind samples", got)
		}

		// Only bad samples fail.
		noBad := slices.DeleteFunc(slices.Clone(samples), func(s Sample) bool { return s.Class == Bad })
		if got := judge(g, noBad, now); got == promoter.Fail {
			fail("without bad samples", got)
		}

		// To lose samples, one or a whole class, or to add any but good ones,
		// is no way from a failure to a pass, nor from any other hold to one.
		dropped := slices.DeleteFunc(slices.Clone(samples), func(s Sample) bool { return r.IntN(3) == 0 })
		gone := Class(1 + r.IntN(int(Blackout)))
		classless := slices.DeleteFunc(slices.Clone(samples), func(s Sample) bool { return s.Class == gone })
		for what, changed := range map[string][]Sample{"losing samples": dropped, "losing a class": classless, "losing bad": noBad} {
			if got := judge(g, changed, now); got == promoter.Pass && level == promoter.Fail {
				fail(what, got)
			}
		}

		// Without a single good sample nothing passes.
		noGood := slices.DeleteFunc(slices.Clone(samples), func(s Sample) bool { return s.Class == Good })
		if got := judge(g, noGood, now); got == promoter.Pass {
			fail("without good samples", got)
		}
	}
	for _, l := range []promoter.Level{promoter.Pass, promoter.Hold, promoter.Unknown, promoter.Fail} {
		if seen[l] < 30 {
			t.Errorf("only %d rounds gave %s: the test sees too little (%v)", seen[l], l, seen)
		}
	}
}

func BenchmarkJudge(b *testing.B) {
	g := testGate()
	g.Interval, g.Deadline = 10*time.Second, 2*time.Hour
	var samples []Sample
	for i := range 720 {
		at := ready.Add(time.Duration(i+1) * 10 * time.Second)
		samples = append(samples, Sample{At: at, From: at, Class: Good, Seen: true, Events: 1000, Counted: true})
	}
	for b.Loop() {
		if v, _ := Judge(g, nil, samples, nil, ready, ready.Add(2*time.Hour)); v.Level != promoter.Pass {
			b.Fatal(v)
		}
	}
}
