package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"
)

// result is what was measured.
type result struct {
	settings
	estate   *estate
	all      []*replica
	breaches []error

	ledAfter, readyAfter time.Duration
	spread, spreadAfter  map[string]int
	idleCPU              []float64 // percent of a core
	idleRSS              []int     // MiB
	leaseCalls           float64   // a second
	idleCalls            float64   // to the forge, a second
	released, killed     time.Time
	finished             time.Time
	orphans              []string // what the dead one led
	unfinished           []string // when it died
	before, after        []cost
	handed               int // repositories that another went on with
}

// taken is when each orphan had a new leader, and when that one first asked the
// forge and first did something.
func (r *result) taken() (led, asked, acted []time.Duration) {
	names := map[string]string{}
	for _, repo := range r.estate.repos {
		names[leaseOf(repo)] = repo.Name
	}
	victim := r.all[0].name
	seen := map[string]bool{}
	for _, t := range r.estate.leases.takings(r.killed) {
		name := names[t.lease]
		if !slices.Contains(r.orphans, name) || t.holder == "" || t.holder == victim || seen[name] {
			continue
		}
		seen[name] = true
		led = append(led, t.at.Sub(r.killed))
	}
	first := func(name string, effect bool) (time.Duration, bool) {
		for _, d := range r.estate.deeds.since(r.killed) {
			if d.repository == name && d.replica != victim && d.replica != "judge" && (d.effect || !effect) {
				return d.at.Sub(r.killed), true
			}
		}
		return 0, false
	}
	for _, name := range r.orphans {
		if d, ok := first(name, false); ok {
			asked = append(asked, d)
		}
		if d, ok := first(name, true); ok && slices.Contains(r.unfinished, name) {
			acted = append(acted, d)
		}
	}
	return led, asked, acted
}

func of(ds []time.Duration) string {
	if len(ds) == 0 {
		return "-"
	}
	slices.Sort(ds)
	at := func(percent int) string {
		return fmt.Sprintf("%.1f s", ds[min(len(ds)*percent/100, len(ds)-1)].Seconds())
	}
	return fmt.Sprintf("%s / %s / %s", at(0), at(50), at(100))
}

// print writes it as Markdown.
func (r *result) print(out io.Writer) {
	fmt.Fprintf(out, "%d replicas, %d repositories, leases of 15 s; %s, %d cores.\n\n", r.replicas, r.repositories, runtime.Version(), runtime.NumCPU())
	row := func(name, value string) { fmt.Fprintf(out, "| %s | %s |\n", name, value) }
	seconds := func(d time.Duration) string { return fmt.Sprintf("%.0f s", d.Seconds()) }
	led, asked, acted := r.taken()
	fmt.Fprintln(out, "| leadership | |\n|---|---|")
	row("from the first start until every repository has a leader", seconds(r.ledAfter))
	row("until every repository was looked at (cloned, scanned)", seconds(r.readyAfter))
	row("repositories by replica, before the kill", fmt.Sprint(r.spread))
	row("repositories by replica, after it", fmt.Sprint(r.spreadAfter))
	row("repositories that the killed one led", fmt.Sprintf("%d, of %d that were not finished then", len(r.orphans), len(r.unfinished)))
	row("from the kill to a new leader: first / median / last", of(led))
	row("from the kill to the new leader's first request to the forge", of(asked))
	row("from the kill to its first effect there", of(acted))
	row("repositories that another replica went on with", fmt.Sprint(r.handed))
	row("from the release to its having passed in all waves of all repositories", seconds(r.finished.Sub(r.released)))
	row("done twice, or by two in turns", fmt.Sprint(len(r.breaches)))
	row("calls to the leases' API, nothing else going on", fmt.Sprintf("%.1f a second", r.leaseCalls))
	row("calls to the forge and Git, nothing going on", fmt.Sprintf("%.1f a second", r.idleCalls))
	fmt.Fprintln(out, "\n| process | idle CPU | idle memory | CPU from its start to the kill | CPU from the kill to the end | memory at the end |\n|---|---|---|---|---|---|")
	for i, x := range r.all {
		last := fmt.Sprintf("%.1f s | %d MiB", (r.after[i].cpu - r.before[i].cpu).Seconds(), r.after[i].rss)
		if i == 0 {
			last = "killed | "
		}
		fmt.Fprintf(out, "| %s | %.1f %% of a core | %d MiB | %.1f s | %s |\n", x.name, r.idleCPU[i], r.idleRSS[i], r.before[i].cpu.Seconds(), last)
	}
	fmt.Fprintln(out)
	for _, b := range r.breaches {
		fmt.Fprintln(out, "-", b)
	}
}
