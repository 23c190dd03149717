package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"promoter/promoter"
)

func (r *result) print(w io.Writer, verbose bool) error {
	out := bufio.NewWriter(w)
	by := r.byVerdict()
	first, last := r.commits[0], r.commits[len(r.commits)-1]
	bots, elsewhere := 0, 0
	for _, c := range r.commits {
		if c.bot {
			bots++
			if !c.yaml {
				elsewhere++
			}
		}
	}
	artifacts, versions := r.snapshot.count()
	made := len(r.rows) - len(by[extra])
	proposed := made - len(by[none])
	fmt.Fprintf(out, "window        %s to %s: %d commits, %d of the bot (%d of those touch nothing that is read)\n", first.at.Format("2006-01-02"), last.at.Format("2006-01-02"), len(r.commits), bots, elsewhere)
	fmt.Fprintf(out, "start         %d pins, %d problems\n", r.pins, r.problems)
	fmt.Fprintf(out, "snapshot      %d artifacts, %d versions\n", artifacts, versions)
	fmt.Fprintf(out, "really made   %d updates of pins that were there at the start, in %d steps (besides: %d of pins that came later, %d lowered)\n", made, r.steps, r.later, r.lowered)
	fmt.Fprintf(out, "proposed      %d of %d (%s)\n", proposed, made, share(proposed, made))
	for _, v := range []verdict{same, newer, older, other} {
		if v == same || len(by[v]) > 0 {
			fmt.Fprintf(out, "  %-4d        %s\n", len(by[v]), v)
		}
		if verbose || v == older || v == other {
			list(out, by[v])
		}
	}
	fmt.Fprintf(out, "not proposed  %d\n", len(by[none]))
	groups(out, by[none], verbose)
	fmt.Fprintf(out, "extra         %d\n", len(by[extra]))
	groups(out, by[extra], verbose)
	fmt.Fprintf(out, "no pin        %d values that the bot updated stand where nothing reads a version\n", len(r.loose))
	r.printLoose(out, verbose)
	fmt.Fprintf(out, "pulls         %d, whose edits can be made in %d\n", r.pulls, r.pulls-len(r.refused))
	for _, text := range r.refused {
		fmt.Fprintf(out, "  refused     %s\n", text)
	}
	return out.Flush()
}

func (r *result) byVerdict() map[verdict][]row {
	out := map[verdict][]row{}
	for _, x := range r.rows {
		out[x.verdict] = append(out[x.verdict], x)
	}
	return out
}

func share(n, of int) string {
	if of == 0 {
		return "none"
	}
	return fmt.Sprintf("%.1f%%", 100*float64(n)/float64(of))
}

// groups prints rows of one cause together, the most frequent cause first.
func groups(out io.Writer, rows []row, verbose bool) {
	of := map[string][]row{}
	for _, x := range rows {
		of[x.why] = append(of[x.why], x)
	}
	for _, why := range mostFirst(of) {
		fmt.Fprintf(out, "  %-4d        %s\n", len(of[why]), why)
		if verbose {
			list(out, of[why])
		}
	}
}

func mostFirst[T any](of map[string][]T) []string {
	return slices.SortedFunc(maps.Keys(of), func(a, b string) int {
		return cmp.Or(len(of[b])-len(of[a]), strings.Compare(a, b))
	})
}

func list(out io.Writer, rows []row) {
	for _, x := range rows {
		p := x.track.first
		fmt.Fprintf(out, "                %s %s: %s", p.Place, p.Artifact, written(p))
		if x.last.commit != nil {
			fmt.Fprintf(out, " -> %s (%.10s)", written(x.last.to), x.last.commit.id)
		}
		if x.proposed != nil {
			fmt.Fprintf(out, "; proposed %s", x.proposed.to)
		}
		if x.detail != "" {
			fmt.Fprintf(out, "; %s", x.detail)
		}
		fmt.Fprintln(out)
	}
}

func written(p promoter.Pin) string {
	switch {
	case p.Version == "" && p.Digest == "":
		return "nothing"
	case p.Digest == "":
		return p.Version
	}
	return p.Version + "@" + p.Digest[:min(len(p.Digest), 15)]
}

func (r *result) printLoose(out io.Writer, verbose bool) {
	of := map[string][]*looseUpdate{}
	for _, u := range r.loose {
		of[u.why] = append(of[u.why], u)
	}
	for _, why := range mostFirst(of) {
		fmt.Fprintf(out, "  %-4d        %s\n", len(of[why]), why)
		if !verbose {
			continue
		}
		slices.SortFunc(of[why], func(a, b *looseUpdate) int {
			return cmp.Or(strings.Compare(a.spot.file, b.spot.file), strings.Compare(a.spot.path, b.spot.path))
		})
		for _, u := range of[why] {
			fmt.Fprintf(out, "                %s %s: %s -> %s (%.10s)\n", u.spot.file, u.spot.path, u.from, u.to, u.last.id)
		}
	}
}
