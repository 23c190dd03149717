package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestMain is this program too, for the processes that it starts.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) == "" {
		os.Exit(m.Run())
	}
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// table runs a verb and returns the requests of its rows by what they are of.
func table(t *testing.T, args ...string) map[string]int {
	t.Helper()
	var out bytes.Buffer
	if err := run(t.Context(), args, &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	requests := map[string]int{}
	row := regexp.MustCompile(`^\| (.*?) \| [0-9.]+ \| [0-9.]+ \| [0-9]+ \| ([0-9]+) \| [0-9.]+ \|$`)
	for line := range strings.Lines(out.String()) {
		if m := row.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			requests[m[1]], _ = strconv.Atoi(m[2]) // the pattern has digits only
		}
	}
	return requests
}

// What a look takes does not grow with what it is not about.
func TestWatch(t *testing.T) {
	t.Parallel()
	n := table(t, "watch", "-apps", "520,1040", "-asked", "8", "-looks", "2")
	if len(n) != 6 {
		t.Fatalf("rows %v", n)
	}
	for _, sort := range []string{"the first", "again", "10 % changed"} {
		if few, many := n["520, "+sort], n["1040, "+sort]; few == 0 || few != many {
			t.Errorf("%s: %d requests with 520 applications, %d with twice as many", sort, few, many)
		}
	}
	if n := table(t, "watch", "-apps", "40", "-asked", "8", "-looks", "1", "-kube"); len(n) != 3 {
		t.Errorf("rows %v", n)
	}
}

func TestEstates(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds the binary")
	}
	promoter := filepath.Join(t.TempDir(), "promoter")
	if out, err := exec.Command("go", "build", "-o", promoter, "promoter/cmd/promoter").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, args := range [][]string{{"repository", "-commits", "30", "-files", "400"}, {"manifests", "-files", "400"}} {
		// That each look has proposed what it should is checked by the verb.
		if n := table(t, append(args, "-promoter", promoter)...); len(n) != 10 {
			t.Errorf("%s: rows %v", args[0], n)
		}
	}
}
