package sim

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"promoter/promoter"
	"promoter/promoter/config"
)

// Summary is what became of many stories.
type Summary struct {
	Seeds    int
	Looks    int
	Actions  int
	Virtual  time.Duration
	Took     time.Duration
	Injected map[string]int
	Acted    map[string]int
	Broken   []*Tale // in the order of seeds
}

// Run lets so many stories happen under a configuration (nil: one that is drawn
// with each story) and writes what came of it: the rate, the faults by kind,
// and each law that was broken, with the steps that are needed for it. The
// error says that one was.
func Run(c *config.Config, seeds, from int, out io.Writer) error {
	sum, err := Many(c, seeds, from)
	if err != nil {
		return err
	}
	sum.Print(out)
	if n := len(sum.Broken); n > 0 {
		return fmt.Errorf("simulate: %d of %d stories broke a law; the first is seed %d: %w", n, sum.Seeds, sum.Broken[0].Seed, sum.Broken[0].Violation)
	}
	return nil
}

// mostBroken is how many broken stories are told: more say nothing new.
const mostBroken = 25

// mostTold is how many lines of a story are told.
const mostTold = 70

// Many lets stories happen, on all cores.
func Many(c *config.Config, seeds, from int) (*Summary, error) {
	all := &Summary{Injected: map[string]int{}, Acted: map[string]int{}}
	begun := time.Now()
	var mu sync.Mutex
	var wg sync.WaitGroup
	var failed error
	next := 0
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for {
				mu.Lock()
				n := next
				next++
				stop := n >= seeds || failed != nil || len(all.Broken) >= mostBroken
				mu.Unlock()
				if stop {
					return
				}
				t, err := One(c, uint64(from+n))
				mu.Lock()
				if err != nil {
					failed = err
				} else {
					all.add(t)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	all.Took = time.Since(begun)
	slices.SortFunc(all.Broken, func(a, b *Tale) int { return int(a.Seed) - int(b.Seed) })
	return all, failed
}

// Seek lives stories through, unshrunk, and hands over each that breaks a law
// until it is told to stop by false. Seeds in besides are left out: what they
// show is known.
func Seek(c *config.Config, seeds, from int, besides map[uint64]bool, found func(*Tale) bool) error {
	var mu sync.Mutex
	var wg sync.WaitGroup
	var failed error
	next, stop := 0, false
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for {
				mu.Lock()
				seed := uint64(from + next)
				next++
				stop = stop || next > seeds
				end := stop
				mu.Unlock()
				if end {
					return
				}
				if besides[seed] {
					continue
				}
				s, err := draw(seed, c)
				var t *Tale
				if err == nil {
					t = s.outcome(s.steps)
				}
				mu.Lock()
				if err != nil {
					failed, stop = err, true
				} else if t.Violation != nil && !stop {
					stop = !found(t)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return failed
}

func (s *Summary) add(t *Tale) {
	s.Seeds++
	s.Looks += t.Looks
	s.Virtual += t.Span
	sum(s.Injected, t.Injected)
	sum(s.Acted, t.Acted)
	s.Actions += sumOf(t.Acted)
	if t.Violation != nil {
		s.Broken = append(s.Broken, t)
	}
}

// One lives the story of one seed through. One that breaks a law is shrunk, and
// told.
func One(c *config.Config, seed uint64) (*Tale, error) {
	s, err := draw(seed, c)
	if err != nil {
		return nil, err
	}
	t := s.outcome(s.steps)
	if t.Violation == nil {
		return t, nil
	}
	return s.shrink(t), nil
}

// outcome runs a story and, where only our own faults distinguish it from the
// calm one, that too: both end alike.
func (s *story) outcome(steps []step) *Tale {
	t, w := s.run(steps, false)
	if t.Violation != nil || !s.calm || w.meddled || len(w.tainted) > 0 {
		return t
	}
	grouped := slices.ContainsFunc(w.slots, func(s *slot) bool { return s.group != "" })
	if len(w.bad) > 0 && (w.queue || grouped || w.somewhere() || w.remains() || w.policy.Newer != promoter.NewerFinishes || w.injected["dim"]+w.injected["unread"] > 0) {
		return t // what fails first depends on how long it was queued, on what moves with it, on which place could be read, was merged, or keeps it, on what a newer one overtook
	}
	calm := slices.DeleteFunc(slices.Clone(steps), func(x step) bool { return x.ours })
	if len(calm) == len(steps) {
		return t
	}
	u, _ := s.run(calm, false)
	if u.Violation != nil {
		return u
	}
	if t.end != u.end {
		t.Violation = &Violation{Law: "the same end as without faults (law 2)", Text: fmt.Sprintf("it ends as\n%s\nand without faults as\n%s", t.end, u.end)}
	}
	return t
}

// somewhere reports whether a version does harm at some places of a wave only:
// which of the others have it by then depends on when.
func (w *world) somewhere() bool {
	for _, b := range w.bad {
		hit, spared := map[int]bool{}, map[int]bool{}
		for _, s := range w.slots {
			if s.artifact != b.artifact {
				continue
			}
			for _, r := range s.reaches {
				if b.hits(r) {
					hit[s.wave] = true
				} else {
					spared[s.wave] = true
				}
			}
		}
		for wave := range hit {
			if spared[wave] {
				return true
			}
		}
	}
	return false
}

// remains reports whether a bad version stays where it is, for policy takes
// nothing back: how far it has come when it fails depends on when.
func (w *world) remains() bool {
	return slices.ContainsFunc(w.bad, func(b badness) bool {
		return slices.ContainsFunc(w.slots, func(s *slot) bool { return s.artifact == b.artifact && w.reverting(s.class) == promoter.MergeNever })
	})
}

// shrink leaves out what a violation does not need, and tells the rest.
func (s *story) shrink(t *Tale) *Tale {
	steps := slices.Clone(s.steps)
	law := t.Violation.Law
	for changed := true; changed; {
		changed = false
		for i := len(steps) - 1; i >= 0; i-- {
			fewer := slices.Delete(slices.Clone(steps), i, i+1)
			u := s.outcome(fewer)
			if u.Violation != nil && u.Violation.Law == law {
				steps, changed = fewer, true
				t.Violation = u.Violation
			}
		}
	}
	told, w := s.run(steps, true)
	t.Text, t.Kept = told.Text, len(steps)
	t.Text = append(t.Text, "the last decision says (and asks to be woken at "+w.last.Wake.Format("02 15:04:05")+"):")
	for _, l := range w.last.Lines {
		t.Text = append(t.Text, "  "+l.String())
	}
	if s.yaml != "" {
		t.Text = append(strings.Split(strings.TrimSuffix(s.yaml, "\n"), "\n"), t.Text...)
	}
	return t
}

// Print writes a summary for people.
func (s *Summary) Print(out io.Writer) {
	for _, t := range s.Broken {
		fmt.Fprintf(out, "seed %d: %s\n  (%d of %d steps are needed)\n", t.Seed, t.Violation, t.Kept, t.Steps)
		text := t.Text
		if n := len(text) - mostTold; n > 25 {
			text = slices.Concat(text[:25], []string{"…"}, text[n:])
		}
		for _, line := range text {
			fmt.Fprintf(out, "    %s\n", line)
		}
	}
	rate := float64(s.Seeds) / max(s.Took.Seconds(), 0.001)
	fmt.Fprintf(out, "%d seeds in %s, %.0f a second; %d looks, %d actions, %.0f days of virtual time; %d broke a law\n",
		s.Seeds, s.Took.Round(time.Millisecond), rate, s.Looks, s.Actions, s.Virtual.Hours()/24, len(s.Broken))
	table(out, "faults, and what people did", s.Injected)
	table(out, "what Promoter did", s.Acted)
}

// table writes counts by kind, in columns.
func table(out io.Writer, title string, counts map[string]int) {
	fmt.Fprintf(out, "%s: %d\n", title, sumOf(counts))
	const columns = 3
	for i, kind := range sortedKeys(counts) {
		end := "  "
		if i%columns == columns-1 || i == len(counts)-1 {
			end = "\n"
		}
		fmt.Fprintf(out, "  %7d %-34s%s", counts[kind], kind, end)
	}
}
