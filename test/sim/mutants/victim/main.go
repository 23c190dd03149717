// Command victim is the core with a mistake in it: it lets stories happen until
// one breaks a law, says which, and fails.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"promoter/test/sim"
)

func main() {
	seeds := flag.Int("seeds", 1000, "how many stories")
	list := flag.Bool("list", false, "only list the seeds that break a law")
	known := flag.String("besides", "", "seeds that are left out, joined by commas")
	flag.Parse()
	debug.SetGCPercent(400)
	besides := map[uint64]bool{}
	for word := range strings.SplitSeq(*known, ",") {
		if n, err := strconv.ParseUint(word, 10, 64); err == nil {
			besides[n] = true
		}
	}
	var found []string
	killed := false
	err := sim.Seek(nil, *seeds, 0, besides, func(t *sim.Tale) bool {
		if *list {
			found = append(found, fmt.Sprint(t.Seed))
			return true
		}
		fmt.Printf("%d\t%s\n", t.Seed, t.Violation.Law)
		killed = true
		return false
	})
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	case killed:
		os.Exit(1)
	}
	fmt.Print(strings.Join(found, ","))
}
