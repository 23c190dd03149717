package mutants

import (
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var (
	all    = flag.Bool("all", false, "try all mutants: some minutes")
	only   = flag.String("only", "", "try those whose words hold one of these, joined by ;")
	after  = flag.Int("after", 0, "of all, leave out so many")
	before = flag.Int("before", len(List), "of all, try those up to this one")
	seeds  = flag.Int("seeds", 1000, "how many stories each must survive")
)

func lab(t *testing.T) *Lab {
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	return &Lab{Root: root, Dir: t.TempDir(), Seeds: *seeds}
}

// TestListApplies holds the list to the core as it is.
func TestListApplies(t *testing.T) {
	if len(List) < 60 {
		t.Errorf("%d mutants are too few", len(List))
	}
	if err := lab(t).Check(List); err != nil {
		t.Error(err)
	}
}

// TestMutants tries mutants, where that is asked for.
func TestMutants(t *testing.T) {
	if !*all && *only == "" {
		t.Skip("make mutants runs it: it builds the core a hundred times")
	}
	l := lab(t)
	if err := l.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	fmt.Printf("seeds that break a law without any mutant: %s\n", l.Besides())
	tried, killed, scenarios := 0, 0, 0
	for i, m := range List {
		if *only != "" && !slices.ContainsFunc(strings.Split(*only, ";"), func(part string) bool { return strings.Contains(m.Why, part) }) || i < *after || i >= *before {
			continue
		}
		f := l.Try(t.Context(), m)
		tried++
		switch {
		case f.Wrong != "":
			t.Errorf("mutant %d: %s: %s", i, m.Why, f.Wrong)
		case f.Killed != "":
			killed++
			fmt.Printf("killed    %-80s %s (seed %s)\n", m.Why, f.Killed, f.Seed)
		default:
			by, err := l.Scenarios(t.Context(), m)
			if err != nil {
				t.Fatal(err)
			}
			word := "SURVIVES"
			if by {
				word = "scenario"
				scenarios++
			}
			fmt.Printf("%s  %-80s %s\n", word, m.Why, m.Survives)
			if m.Survives == "" {
				t.Errorf("mutant %d survives %d stories: %s", i, l.Seeds, m.Why)
			}
		}
	}
	fmt.Printf("%d of %d killed by a law of the simulator (%.0f %%), %d more by a scenario\n", killed, tried, 100*float64(killed)/float64(max(tried, 1)), scenarios)
	if *all && killed*100 < 95*tried {
		t.Errorf("%d of %d are killed: fewer than 95 %%", killed, tried)
	}
}
