package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"promoter/promoter"
)

// print writes what came of the year, as Markdown.
func (y *year) print(out io.Writer) {
	fmt.Fprintf(out, "%d tenants, %d clusters, %d Applications, %d charts, %d days of virtual time, seed %d; %s, GOMAXPROCS %d.\n\n",
		len(y.tenants), len(y.tenants)*y.clusters, len(y.tenants)*y.clusters*len(y.tenants[0].charts), y.charts, y.days, y.seed, runtime.Version(), runtime.GOMAXPROCS(0))
	y.printCost(out)
	y.printForge(out)
	y.printReleases(out)
	y.printTravels(out)
	y.printHarm(out)
	fmt.Fprintf(out, "Laws broken: %d.\n", len(y.breaches()))
	for _, b := range y.breaches() {
		fmt.Fprintln(out, "-", b)
	}
}

func table(out io.Writer, head string, rows ...[]string) {
	columns := strings.Split(head, "|")
	fmt.Fprintf(out, "| %s |\n|%s\n", strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
	for _, r := range rows {
		fmt.Fprintf(out, "| %s |\n", strings.Join(r, " | "))
	}
	fmt.Fprintln(out)
}

// sum adds up what all tenants counted.
func (y *year) sum() tally {
	all := tally{actions: map[string]int{}, calls: map[string]int{}}
	for _, t := range y.tenants {
		x := &t.tally
		all.looks, all.plans, all.took, all.fresh, all.byHand = all.looks+x.looks, all.plans+x.plans, all.took+x.took, all.fresh+x.fresh, all.byHand+x.byHand
		for i := range x.times {
			all.times[i] += x.times[i]
		}
		for i := range x.causes {
			all.causes[i] += x.causes[i]
		}
		for k, n := range x.actions {
			all.actions[k] += n
		}
		for k, n := range x.calls {
			all.calls[k] += n
		}
	}
	return all
}

// quantile is what so many of a hundred decisions took at most.
func (t *tally) quantile(percent float64) time.Duration {
	left := int(float64(t.plans) * percent / 100)
	at := 1.0
	for _, n := range t.times {
		if left -= n; left < 0 {
			break
		}
		at *= 1.05
	}
	return time.Duration(at * float64(time.Microsecond)).Round(10 * time.Microsecond)
}

func (y *year) printCost(out io.Writer) {
	s := y.sum()
	var why []string
	for i, n := range s.causes {
		if n > 0 {
			why = append(why, fmt.Sprintf("%s %d", causeNames[i], n))
		}
	}
	first, last := "", ""
	if n := len(y.heap); n > 0 {
		first, last = fmt.Sprintf("%d MiB", y.heap[0]>>20), fmt.Sprintf("%d MiB", y.heap[n-1]>>20)
	}
	table(out, "cost|", [][]string{
		{"CPU of the process, its world included", y.cpu.Round(time.Second).String()},
		{"wall", y.wall.Round(time.Second).String()},
		{"decisions (calls of Plan)", fmt.Sprint(s.plans)},
		{"of them within Plan, wall", s.took.Round(time.Second).String()},
		{"decisions per second of Plan", fmt.Sprintf("%.0f", float64(s.plans)/max(s.took.Seconds(), 0.001))},
		{"decisions per CPU second, world included", fmt.Sprintf("%.0f", float64(s.plans)/max(y.cpu.Seconds(), 0.001))},
		{"one decision: p50, p90, p99", fmt.Sprintf("%s, %s, %s", s.quantile(50), s.quantile(90), s.quantile(99))},
		{"times that a tenant was looked at", strings.Join(why, ", ")},
		{"looks, each with a fresh observation", fmt.Sprint(s.looks)},
		{"heap after the first 30 days, and the last", first + ", " + last},
		{"of it what the Promoters remember from look to look, and their targets", fmt.Sprintf("%d MiB", y.caches>>20)},
		{"most memory of the process (resident)", peak()},
	}...)
}

// peak is the most memory that the process had.
func peak() string {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "not known here"
	}
	for l := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(l, "VmHWM:"); ok {
			var kib int
			if _, err := fmt.Sscan(rest, &kib); err == nil {
				return fmt.Sprintf("%d MiB", kib>>10)
			}
		}
	}
	return "not known here"
}

func (y *year) printForge(out io.Writer) {
	s := y.sum()
	n, days := float64(len(y.tenants)), float64(y.days)
	var calls, created float64
	rows := [][]string{}
	for _, name := range slices.Sorted(maps.Keys(s.calls)) {
		k := float64(s.calls[name])
		note := ""
		if name == "list pulls, a page" {
			note = fmt.Sprintf("%.0f of them had changed", float64(s.fresh)/n/days)
		}
		if c := content[name]; c > 0 {
			created += k * float64(c)
			note = fmt.Sprintf("creates content: %d", c)
		}
		if !strings.HasPrefix(name, "git") {
			calls += k
		}
		rows = append(rows, []string{name, fmt.Sprintf("%.1f", k/n/days), fmt.Sprintf("%.0f", k/days), note})
	}
	rows = append(rows, []string{"**forge calls**", fmt.Sprintf("**%.0f**", calls/n/days), fmt.Sprintf("**%.0f**", calls/days), ""})
	rows = append(rows, []string{"**content created**", fmt.Sprintf("**%.0f**", created/n/days), fmt.Sprintf("**%.0f**", created/days), ""})
	table(out, "a day|a tenant|all|", rows...)
	var own, all hour
	sums := make([]hour, len(y.tenants[0].tally.hours))
	daily := map[int]int32{}
	for _, t := range y.tenants {
		for i, h := range t.tally.hours {
			own = hour{max(own.calls, h.calls), max(own.content, h.content), max(own.pulls, h.pulls)}
			sums[i] = hour{sums[i].calls + h.calls, sums[i].content + h.content, sums[i].pulls + h.pulls}
			daily[i/24] += h.pulls
		}
	}
	for _, h := range sums {
		all = hour{max(all.calls, h.calls), max(all.content, h.content), max(all.pulls, h.pulls)}
	}
	busiest := int32(0)
	for _, n := range daily {
		busiest = max(busiest, n)
	}
	table(out, "the busiest hour|of one tenant|of all together",
		[]string{"forge calls", fmt.Sprint(own.calls), fmt.Sprint(all.calls)}, []string{"content created", fmt.Sprint(own.content), fmt.Sprint(all.content)},
		[]string{"pull requests opened", fmt.Sprint(own.pulls), fmt.Sprint(all.pulls)})
	opened := float64(s.calls["open pull"])
	fmt.Fprintf(out, "Pull requests: %.0f in all, %.0f a day (%.1f a tenant), %d on the busiest day. Actions: %s.\n\n", opened, opened/days, opened/days/n, busiest, counted(s.actions))
}

func counted(m map[string]int) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, fmt.Sprintf("%s %d", k, m[k]))
	}
	return strings.Join(out, ", ")
}

func (y *year) printReleases(out io.Writer) {
	released, bad, offered, began, arrived, taken := 0, 0, 0, 0, 0, 0
	var gaps []time.Duration
	for _, c := range y.shelf {
		for i, r := range c.releases {
			if r.seen.Before(y.begin) {
				continue
			}
			released++
			if r.bad != nil {
				bad++
			}
			if i > 0 {
				gaps = append(gaps, r.seen.Sub(c.releases[i-1].seen))
			}
		}
	}
	asks := map[string]int{}
	for _, t := range y.tenants {
		for _, c := range t.charts {
			offered += c.listed(y.end) - c.listed(y.begin)
		}
		for _, v := range t.judge.all() {
			if !v.pushed.IsZero() {
				began++
			}
			if !v.legs[production].passed.IsZero() {
				arrived++
			}
			if v.taken {
				taken++
			}
		}
		for k, n := range t.judge.asks {
			asks[k] += n
		}
	}
	slices.Sort(gaps)
	table(out, "releases|", [][]string{
		{"of the charts, in the year", fmt.Sprintf("%d (%d of them bad); from one to the next: median %s", released, bad, at(gaps, 50))},
		{"offered to tenants (a release counts for each tenant that runs its chart)", fmt.Sprint(offered)},
		{"began to travel", fmt.Sprintf("%d (the others were overtaken by a newer one before their turn)", began)},
		{"passed in production", fmt.Sprint(arrived)},
		{"taken back", fmt.Sprint(taken)},
		{"behind a good release that is old enough, at the end", fmt.Sprintf("%d charts in production; median %s, p99 %s", len(y.behind), at(sorted(y.behind), 50), at(sorted(y.behind), 99))},
		{"people were asked", counted(asks)},
		{"pull requests that people merged", fmt.Sprint(y.sum().byHand)},
	}...)
}

func sorted(ds []time.Duration) []time.Duration { return slices.Sorted(slices.Values(ds)) }

// at is a percentile of sorted durations.
func at(ds []time.Duration, percent int) string {
	if len(ds) == 0 {
		return "-"
	}
	return promoter.Span(ds[min(len(ds)*percent/100, len(ds)-1)].Round(time.Minute))
}

// part is a part of the way from a release to the last wave.
type part struct {
	name string
	took []time.Duration
}

func (y *year) printTravels(out io.Writer) {
	names := []string{
		"its age, as the tenant wants it", "the release before it finishes", "soak in dev and staging", "delivery, health and gates in dev and staging",
		"windows and freezes of production", "anything else before a merge", "production runs it",
	}
	parts := make([]part, len(names))
	for i := range parts {
		parts[i].name = names[i]
	}
	var all []time.Duration
	for _, t := range y.tenants {
		for _, v := range t.judge.all() {
			if v.legs[production].merged.IsZero() || v.legs[production].passed.IsZero() || v.pushed.IsZero() {
				continue
			}
			all = append(all, v.legs[production].runs.Sub(v.release.seen))
			for i, d := range t.parts(v) {
				parts[i].took = append(parts[i].took, d)
			}
		}
	}
	var total time.Duration
	for _, d := range all {
		total += d
	}
	row := func(name string, ds []time.Duration) []string {
		var own time.Duration
		for _, d := range ds {
			own += d
		}
		ds = sorted(ds)
		return []string{name, at(ds, 50), at(ds, 90), at(ds, 99), fmt.Sprintf("%.1f %%", 100*own.Seconds()/max(total.Seconds(), 1))}
	}
	rows := [][]string{row("**from a release to its running in all of production**", all)}
	for _, p := range parts {
		rows = append(rows, row(p.name, p.took))
	}
	table(out, fmt.Sprintf("%d travels|p50|p90|p99|share of the time", len(all)), rows...)
}

// parts takes a travel's time apart.
func (t *tenant) parts(v *travel) []time.Duration {
	out := make([]time.Duration, 7)
	waited := v.pushed.Sub(v.release.seen)
	out[0] = min(waited, t.shape.age)
	out[1] = waited - out[0]
	for w := range waves {
		l := &v.legs[w]
		if w < production {
			soak := min(t.shape.soaks(v.chart, w), max(0, l.passed.Sub(l.runs)))
			out[2] += soak
			out[3] += l.passed.Sub(l.merged) - soak
		}
		from := v.pushed
		if w > 0 {
			from = v.legs[w-1].passed
		}
		shut := time.Duration(0)
		if w == production {
			for at := from; at.Before(l.merged); at = at.Add(time.Minute) {
				if t.shape.closed(at) {
					shut += min(time.Minute, l.merged.Sub(at))
				}
			}
		}
		out[4] += shut
		out[5] += l.merged.Sub(from) - shut
	}
	out[6] = v.legs[production].runs.Sub(v.legs[production].merged)
	return out
}

func (y *year) printHarm(out io.Writer) {
	type row struct{ began, production, waves int }
	kinds := map[string]*row{}
	var back, healed []time.Duration
	left := 0
	for _, t := range y.tenants {
		for _, v := range t.judge.all() {
			if v.release.bad == nil || v.pushed.IsZero() {
				continue
			}
			k := kinds[v.release.bad.kind]
			if k == nil {
				k = &row{}
				kinds[v.release.bad.kind] = k
			}
			k.began++
			for w := range waves {
				if !v.legs[w].merged.IsZero() {
					k.waves++
				}
			}
			if !v.legs[production].merged.IsZero() {
				k.production++
			}
		}
		for _, h := range t.judge.harms {
			if !h.leg.back.IsZero() {
				back = append(back, h.leg.back.Sub(h.shows))
			}
			if h.ends.IsZero() {
				left++
			} else {
				healed = append(healed, h.ends.Sub(h.shows))
			}
		}
	}
	rows := [][]string{}
	for _, k := range slices.Sorted(maps.Keys(kinds)) {
		rows = append(rows, []string{k, fmt.Sprint(kinds[k].began), fmt.Sprintf("%.2f", float64(kinds[k].waves)/float64(kinds[k].began)), fmt.Sprint(kinds[k].production)})
	}
	table(out, "bad releases, by when they show|began to travel|waves that had them, on average|came to production", rows...)
	b, h := sorted(back), sorted(healed)
	fmt.Fprintf(out, "From the moment at which a bad release shows everywhere in a wave: taken back (merged) %d times, p50 %s, p90 %s, p99 %s; gone from the wave %d times, p50 %s, p90 %s, p99 %s; still there at the end %d times.\n\n",
		len(b), at(b, 50), at(b, 90), at(b, 99), len(h), at(h, 50), at(h, 90), at(h, 99), left)
}
